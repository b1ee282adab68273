import io
import re

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.style import Style
from test_blocks import HOSTILE, digit, edges, page

from glassnet.explain.blocks import (
    Bars,
    Curve,
    Curves,
    Heading,
    Map,
    Picture,
    Pictures,
    Sentence,
    Surface,
    Table,
    Track,
)
from glassnet.explain.drawing import words
from glassnet.explain.text import renderable, to_text
from glassnet.terminal import picture


def shown(blocks, width=100, color=None):
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system=color,
        force_terminal=color is not None,
        legacy_windows=False,
        _environ={},
    )
    # rich keeps a style's codes, of whatever colors it was first printed in
    Style.parse.cache_clear()
    Style._add.cache_clear()
    console.print(renderable(blocks))
    return console.file.getvalue()


def plain(text):
    """Without the color codes."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


PAGES = {"page": page(), **edges()}


@pytest.mark.parametrize("name", PAGES)
def test_plain_text_fits_and_has_nothing_at_the_ends(name):
    text = to_text(PAGES[name])
    lines = text.split("\n")
    assert max(map(cell_len, lines)) <= 100
    assert all(line == line.rstrip() for line in lines)
    assert not text.startswith("\n")
    assert not text.endswith("\n")
    assert "\x1b" not in text
    assert "\x07" not in text


@pytest.mark.parametrize("color", [None, "standard", "truecolor"])
@pytest.mark.parametrize("width", [40, 60, 100, 180])
@pytest.mark.parametrize("name", PAGES)
def test_it_fits_the_console(name, width, color):
    lines = plain(shown(PAGES[name], width, color)).split("\n")
    assert max(map(cell_len, lines)) <= width


def test_no_blocks_are_no_text():
    assert to_text([]) == ""
    assert to_text(iter([])) == ""


def test_plain_text_is_plain_whatever_the_environment_says(monkeypatch):
    before = to_text(page())
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")
    assert to_text(page()) == before


def test_headings_are_underlined_and_blocks_set_apart():
    blocks = [Heading("One"), Sentence("a"), Sentence("b"), Table((), (("c", "d"),)), Heading("Two"), Sentence("e")]
    assert to_text(blocks) == "One\n───\na\nb\n\nc  d\n\nTwo\n───\ne"


def test_a_table_has_its_numbers_to_the_right_with_signs():
    text = to_text([Table(("name", "∂C/∂w"), (("a", 0.25), ("bb", -1.5e-9), ("ccc", 0.0)))])
    assert [line.split() for line in text.split("\n") if "─" not in line] == [
        ["name", "∂C/∂w"],
        ["a", "+0.25"],
        ["bb", "−1.5e−09"],
        ["ccc", "0"],
    ]
    assert len({len(line) for line in text.split("\n")[2:]}) == 1  # they end in one column


def test_numbers_in_words_end_in_one_column_too():
    text = to_text([Table(("layer", "share", "note"), (("1", "5.1%", "x"), ("2", "12,560", "1"), ("10", "", "3.5")))])
    assert text.split("\n")[2:] == ["1         5.1%   x", "2       12,560   1", "10               3.5"]


def test_numbers_in_a_table_are_blue_above_zero_and_red_below():
    text = shown([Table(("n",), ((1.0,), (-1.0,), (0.0,)))], color="truecolor")
    assert "\x1b[38;2;88;196;221m+1" in text
    assert "\x1b[38;2;252;98;85m−1" in text
    assert "m0" not in text


def test_ink_is_the_terminals_picture():
    console = Console(file=io.StringIO(), width=100, color_system=None)
    expected = [line.rstrip() for line in picture(digit(), console).plain.split("\n")]
    assert to_text([Picture(digit(), "ink")]) == "\n".join(expected).strip("\n")


def test_signed_pictures_without_colors_are_signs_above_zero_and_letters_below():
    values = np.array([[1.0, -1.0, 0.0, 1e-9], [0.5, -0.5, 0.0, -1.0]])  # two rows share a line: the stronger one
    lines = to_text([Picture(values, "signed")]).split("\n")
    assert lines[0] == "@W W"
    assert "signs" in lines[1]
    assert "letters" in lines[1]


def test_how_to_read_signed_pictures_is_said_once_and_only_without_colors():
    signed = Picture(np.array([[1.0, -1.0]]), "signed")
    assert to_text([signed, Heading("x"), Pictures((signed, signed))]).count("letters") == 1
    assert "letters" not in to_text([Picture(np.eye(4), "ink")])
    assert "letters" not in shown([signed], color="truecolor")


def test_signed_pictures_with_colors_are_blue_and_red_half_blocks_over_black():
    values = np.array([[1.0, -1.0], [-(0.5 ** (1 / 0.3)), 0.0]])  # strengths 1, 1, 0.5, 0
    text = shown([Picture(values, "signed")], color="truecolor")
    assert "38;2;88;196;221;48;2;126;49;42m▀" in text  # blue over half of red
    assert "38;2;252;98;85;48;2;0;0;0m▀" in text


def test_pictures_wrap_on_narrow_consoles():
    pictures = Pictures(tuple(Picture(digit(), "ink", f"number {index}") for index in range(6)))
    for width, rows in ((100, 2), (60, 3), (40, 6)):
        text = shown([pictures], width)
        assert sum("number" in line for line in text.split("\n")) == rows
        assert all(f"number {index}" in text for index in range(6))


def test_a_picture_wider_than_the_console_is_folded_and_says_so():
    wide = np.zeros((1, 784))
    wide[0, 783] = 1
    first, caption = to_text([Picture(wide, "ink", "pixels")]).split("\n")
    assert first == " " * 97 + "="  # eight pixels a character; the other of the two rows is empty
    assert caption == "pixels (8 × 8 numbers in one)"


def test_bars_are_as_long_as_their_values():
    lines = to_text([Bars(tuple("abcd"), (0.0, 0.5, 1.0, 2.0), most=1.0, notes=("", "n"))]).split("\n")
    assert [line.split() for line in lines] == [
        ["a", "0"],
        ["b", "0.5", "█" * 20, "n"],
        ["c", "1", "█" * 40],
        ["d", "2", "█" * 40],  # no longer than a full bar; the number says it
    ]


def test_signed_bars_go_both_ways_from_one_line():
    lines = to_text([Bars(("a", "b", "c"), (1.0, -0.5, 0.0), signed=True)]).split("\n")
    zero = lines[0].index("│")
    assert all(line[zero] == "│" for line in lines)
    assert lines[0][zero + 1 :] == "█" * 19
    left = lines[1][:zero].split()[-1]
    assert left in ("▐" + "█" * 9, "█" * 9)
    assert lines[1][zero + 1 :] == ""
    assert lines[2].count("█") == 0


@pytest.mark.parametrize("width", [50, 60, 80])
def test_the_bar_gives_way_before_the_name_that_says_which_number_it_is(width):
    names = tuple(f"weight ({neuron}, 12) of layer 2" for neuron in range(3))
    text = shown([Bars(names, (0.001234, -1.0, 2.0), signed=True)], width)
    assert all(name in text for name in names)


def test_notes_move_below_the_bars_where_there_is_no_room():
    bars = Bars(("weight (3, 12) of layer 2",), (0.001234,), notes=("should increase somewhat",))
    assert "should increase somewhat" in shown([bars], 100).split("\n")[0]
    assert "weight (3, 12) of layer 2: should" in shown([bars], 50)


def body(text):
    """The rows of a chart, without its axes."""
    return [line.split("│", 1)[1] for line in text.split("\n") if "│" in line]


def test_curves_without_colors_have_signs_of_their_own():
    xs = np.linspace(0, 1, 50)
    text = to_text([Curves("x", "y", (Curve("up", xs, xs), Curve("down", xs, 1 - xs)))])
    rows = body(text)
    assert rows[-1][0] == "●"  # up starts at the lower left
    assert rows[0][71] == "●"
    assert rows[0][0] == "+"
    assert rows[-1][71] == "+"
    assert "● up    + down" in text
    assert text.split("\n")[1].startswith("1 │")
    assert text.split("\n")[14].startswith("0 │")


def test_curves_keep_gaps_where_numbers_are_missing():
    ys = np.array([0.0, 0.0, np.nan, np.inf, 0.0, 0.0])
    flat = Curve("flat", np.arange(6.0), ys)
    rows = body(
        to_text(
            [
                Curves("x", "y", (flat, Curve("other", np.array([0.0]), np.array([1.0])))),
            ]
        )
    )
    line = next(row for row in rows if row.count("●") > 10)
    start, gap, end = line[: 71 // 5], line[16:56], line[58:]
    assert set(start) == set(end) == {"●"}
    assert set(gap) == {" "}


def test_logarithmic_axes_put_powers_at_equal_distances():
    curve = Curve("c", np.array([1.0, 10.0, 100.0]), np.array([1.0, np.nan, 1.0]))
    text = to_text([Curves("x", "y", (curve, curve), log_x=True, marks=((10.0, 1.0, "middle"),))])
    row = next(row for row in body(text) if "◆" in row)
    assert row.index("◆") == 36  # of 72: halfway
    assert "x (logarithmic)" in text
    assert "◆ middle (10, 1)" in text


def test_a_surface_has_its_lowest_row_at_the_bottom_and_its_center_marked():
    heights = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [9.0, 9.0, np.nan]])  # at y = −1, 0, 1
    xs = np.array([-1.0, 0.0, 1.0])
    track = Track("walk", np.array([[-1.0, -1.0], [-1.0, 0.0]]))
    text = to_text([Surface("x", "y", xs, xs, heights, (track,))])
    rows = body(text)
    assert rows[0][0] == rows[0][30] == "@"
    assert rows[0][-1] == "?"
    assert rows[-1].strip() == ""
    assert rows[12].index("×") == 32  # the middle of 24 × 64
    assert sum(row.count("○") for row in rows) == sum(row.count("●") for row in rows) == 1
    assert next(i for i, row in enumerate(rows) if "●" in row) < next(i for i, row in enumerate(rows) if "○" in row)
    assert "lowest 0, highest 9" in text
    assert "a walk, from ○ to ●" in text


def test_a_map_shows_the_class_most_frequent_in_a_place():
    points = np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0], [10.0, 5.0]])
    rows = body(to_text([Map("m", points, np.array([1, 1, 0, 0]), ("a", "b"))]))
    assert [row.strip("│ ") for row in rows if row.strip("│ ")] == ["a", "b"]  # y goes up


def test_classes_that_begin_alike_get_letters_of_their_own():
    text = to_text([Map("m", np.eye(2), np.arange(2), ("cat", "cow"))])
    assert "A cat    B cow" in text


def test_names_cannot_steer_the_terminal():
    for color in (None, "truecolor"):
        text = shown(edges()["hostile"], color=color)
        assert "\x1b[31mred" not in text
        assert "\x07" not in text
    assert HOSTILE.count("\x1b") == 1  # the name does hold one


def test_a_table_too_wide_for_the_terminal_goes_on_below_with_its_first_column():
    values = np.arange(36).reshape(3, 12) * 1000.5
    table = Table(("for", *map(str, range(12))), tuple((f"row {k}", *values[k].tolist()) for k in range(3)))
    lines = shown([table], 60).rstrip("\n").split("\n")
    heads = [line.split() for line in lines if line.startswith("for")]
    assert len(heads) > 1
    assert [name for head in heads for name in head[1:]] == [str(k) for k in range(12)]
    for k in range(3):
        parts = [line.split()[2:] for line in lines if line.startswith(f"row {k}")]
        assert [cell for part in parts for cell in part] == [words(value) for value in values[k].tolist()]
    assert sum(line.startswith("for") for line in shown([table], 180).split("\n")) == 1


def test_where_there_is_little_room_words_go_on_in_the_next_line_and_numbers_do_not():
    text = shown(
        [Table(("what", "n"), (("a rather long name of several words that goes on", "1,234,567"), ("b", "2")))], 30
    )
    assert "1,234,567" in text
    assert max(map(cell_len, text.split("\n"))) <= 30
    assert text.split()[-2:] == ["b", "2"]
