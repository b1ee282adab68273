import numpy as np
import pytest

from glassnet.explain.blocks import Curve, Map, Picture, Surface, Table
from glassnet.explain.drawing import (
    BLUE,
    CLASSES,
    LINES,
    RED,
    YELLOW,
    Axis,
    class_names,
    clean,
    color_of,
    heat,
    heights,
    map_axes,
    pieces,
    pixels,
    share,
    short,
    signed,
    to_the_right,
    words,
)

NAN, INF = np.nan, np.inf


def test_the_colors_are_those_of_the_series():
    assert (BLUE, RED) == ("#58C4DD", "#FC6255")
    assert YELLOW not in LINES  # it is left to what is picked
    assert len(set(CLASSES)) == 10


@pytest.mark.parametrize(
    ("color", "expected"),
    [("#00ff7F", "#00ff7F"), ("red", LINES[1]), ("#0F0", LINES[1]), ('#000000" onload="', LINES[1]), (None, LINES[1])],
)
def test_a_color_is_six_digits_or_the_next_of_ours(color, expected):
    assert color_of(color, 1) == expected
    assert color_of(None, 1 + len(LINES)) == LINES[1]


def test_control_characters_are_replaced_and_tabs_are_spaces():
    assert clean("a\x1b[0m\tb\x00\u009b\ud800") == "a�[0m b��\N{REPLACEMENT CHARACTER}"


def test_text_is_cut_where_it_is_too_long():
    assert short("abcdef", 6) == "abcdef"
    assert short("abcdefg", 6) == "abcde…"
    assert short(" two\n words ", 20) == "two words"


def test_numbers_in_tables_have_signs_and_words_stay():
    assert [signed(each) for each in (2.0, -2.0, 0.0, -0.0)] == ["+2", "−2", "0", "0"]
    assert words("a\x00") == "a\N{REPLACEMENT CHARACTER}"
    assert words(1.5) == "+1.5"


@pytest.mark.parametrize(
    ("value", "most", "part"),
    [(1.0, 2.0, 0.5), (-3.0, 2.0, -1.0), (NAN, 1.0, 0.0), (INF, 1.0, 1.0), (-INF, 1.0, -1.0), (1.0, 0.0, 0.0)],
)
def test_a_bar_is_filled_in_proportion_and_never_beyond(value, most, part):
    assert share(value, most) == part


def test_columns_of_numbers_end_below_each_other():
    rows = (("1", "5.1%", 0.5, "a"), ("2", "12,560", -2.0, "3"), ("3", "", 0.0, "−1e−09"))
    table = Table(("row", "share", "float", "mixed"), rows)
    assert [to_the_right(table, index) for index in range(4)] == [False, True, True, False]
    assert not to_the_right(Table((), (("a", 1.0),)), 1)


def test_an_axis_holds_its_values_and_has_round_ticks():
    axis = Axis.over([0.0, NAN, 10.0, INF, 2.5])
    assert (axis.low, axis.high) == (0, 10)
    assert axis.place([0.0, 2.5, 10.0]).tolist() == [0, 0.25, 1]
    assert np.isnan(axis.place([NAN, INF])).all()
    assert axis.ticks() == [(0.0, "0"), (0.2, "2"), (0.4, "4"), (0.6, "6"), (0.8, "8"), (1.0, "10")]
    assert axis.ends() == ("0", "10")


def test_a_logarithmic_axis_has_powers_at_equal_distances():
    axis = Axis.over([1e-6, 0.0, -1.0, 1.0], log=True)
    assert axis.place([1e-6, 1e-3, 1.0]).tolist() == pytest.approx([0, 0.5, 1])
    assert np.isnan(axis.place([0.0, -1.0])).all()
    assert [word for _, word in axis.ticks()] == ["10⁻⁶", "10⁻⁵", "10⁻⁴", "0.001", "0.01", "0.1", "1"]


def test_a_short_logarithmic_axis_has_ticks_too():
    places = dict(reversed(tick) for tick in Axis.over([2.0, 8.0], log=True).ticks())
    assert places["4"] == pytest.approx(0.5)  # halfway between 2 and 8


@pytest.mark.parametrize(
    "values", [[3.0], [0.0, 0.0], [1e9, 1e9 + 1e-7], [-1e-300, 1e-300], [5e-324, 0.0], [-1e299, 1e299]]
)
@pytest.mark.parametrize("log", [False, True])
def test_an_axis_has_room_and_ticks_whatever_it_holds(values, log):
    axis = Axis.over(values, log)
    if axis is None:
        assert log
        assert max(values) <= 0
        return
    assert axis.high > axis.low
    assert axis.ends()[0] != axis.ends()[1]
    assert all(-1e-6 <= place <= 1 + 1e-6 for place, _ in axis.ticks())
    assert len({word for _, word in axis.ticks()}) == len(axis.ticks()) >= 1


def test_there_is_no_axis_without_numbers():
    assert Axis.over([NAN, INF]) is None
    assert Axis.over([]) is None
    assert Axis.over([0.0], log=True) is None


def test_a_curve_is_broken_where_a_number_is_missing():
    x, y = Axis(0, 4), Axis(0, 2)
    curve = Curve("c", np.arange(5.0), np.array([0.0, 1.0, NAN, 2.0, INF]))
    assert [piece.tolist() for piece in pieces(curve, x, y)] == [[[0, 0], [0.25, 0.5]], [[0.75, 1]]]


def test_pixels_have_their_sign_and_nothing_infinite():
    values = np.array([[NAN, INF, -INF], [2.0, -1.0, 0.0]])
    half = 0.5**0.3
    np.testing.assert_allclose(pixels(Picture(values, "signed")), [[0, 1, -1], [1, -half, 0]], rtol=1e-15)
    assert pixels(Picture(values, "ink")).tolist() == [[0, 1, 0], [1, 0, 0]]
    assert pixels(Picture(np.zeros((0, 3)), "signed")).shape == (0, 3)


def test_heights_get_lighter():
    colors = heat(np.linspace(0, 1, 50)).astype(int)
    assert colors.shape == (50, 3)
    assert (np.diff(colors @ [299, 587, 114]) > 0).all()  # brightness as eyes weigh red, green, blue


def test_a_surface_goes_up_from_the_bottom_whatever_order_it_came_in():
    values = np.array([[1.0, 2.0], [3.0, NAN]])
    up = heights(Surface("x", "y", np.array([0.0, 1.0]), np.array([0.0, 1.0]), values))
    assert (up.low, up.high) == (1, 3)
    np.testing.assert_array_equal(up.shares, [[0, 0.5], [1, NAN]])
    assert up.center() == (0.25, 0.25)  # the middle of its own rectangle
    down = heights(Surface("x", "y", np.array([1.0, 0.0]), np.array([1.0, 0.0]), values[::-1, ::-1]))
    np.testing.assert_array_equal(down.shares, up.shares)
    np.testing.assert_array_equal(up.resampled(4, 2), np.repeat(up.shares, 2, axis=0))


def test_an_uneven_grid_is_drawn_to_scale():
    surface = Surface("x", "y", np.array([0.0, 1.0, 4.0]), np.array([0.0]), np.array([[0.0, 1.0, 2.0]]))
    row = heights(surface).shares[0]
    widths = [(row == each).mean() for each in (0.0, 0.5, 1.0)]
    assert widths[0] < widths[1] < widths[2] + 0.2
    assert (np.diff(row) >= 0).all()


def test_a_step_on_a_map_is_as_long_in_both_directions():
    x, y, form = map_axes(np.array([[0.0, 0.0], [100.0, 1.0], [NAN, 5.0]]))
    assert form == 0.5
    assert (y.high - y.low) / (x.high - x.low) == pytest.approx(form)
    assert map_axes(np.full((3, 2), NAN)) is None


def test_classes_without_a_name_are_called_by_their_number():
    block = Map("m", np.zeros((4, 2)), np.array([1, -1, 0, 7]), ("a", "b"))
    assert class_names(block) == [(-1, "-1"), (0, "a"), (1, "b"), (7, "7")]
