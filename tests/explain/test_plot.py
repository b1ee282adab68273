import sys
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from PIL import Image
from test_blocks import edges, page

from glassnet.errors import WrongValue
from glassnet.explain.blocks import Bars, Curve, Curves, Heading, Map, Picture, Pictures, Sentence, Surface, Table
from glassnet.explain.plot import check, save
from glassnet.files import NotSaved

GROUND = (0x0F, 0x11, 0x15)
BLUE, RED = (0x58, 0xC4, 0xDD), (0xFC, 0x62, 0x55)


@pytest.fixture
def drawn(tmp_path):
    """The pixels of blocks that were drawn."""

    def draw(blocks):
        save(blocks, tmp_path / "plot.png")
        with Image.open(tmp_path / "plot.png") as image:
            return np.asarray(image.convert("RGB"))

    return draw


def count(pixels, color):
    return int((pixels == np.array(color)).all(axis=2).sum())


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_the_same_blocks_give_the_same_bytes(tmp_path, ending):
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    save(page(), first)
    save(iter(page()), second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", edges())
def test_odd_blocks_are_drawn_without_a_warning(tmp_path, name):
    save(edges()[name], tmp_path / "plot.svg")
    assert ElementTree.parse(tmp_path / "plot.svg").getroot().tag.endswith("svg")


def test_no_blocks_are_a_page_that_says_so(tmp_path):
    save([], tmp_path / "plot.PNG")
    with Image.open(tmp_path / "plot.PNG") as image:
        assert image.format == "PNG"
        assert image.convert("RGB").getpixel((0, 0)) == GROUND


@pytest.mark.parametrize("name", ["plot.pdf", "plot", "plot.png.gz"])
def test_other_endings_are_refused(tmp_path, name):
    with pytest.raises(WrongValue, match=r"\.png or a \.svg"):
        save(page(), tmp_path / name)
    with pytest.raises(WrongValue, match=r"\.png or a \.svg"):
        check(tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_whether_a_plot_can_be_drawn_is_told_before_the_work(tmp_path):
    assert check(tmp_path / "plot.png") == "png"
    assert check(tmp_path / "plot.SVG") == "svg"
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for draw in (check, lambda path: save(page(), path)):
        with pytest.raises(WrongValue, match=r"pip install 'glassnet\[plot\]'"):
            draw(tmp_path / "plot.png")


def test_a_folder_that_is_missing_is_an_error_of_saving(tmp_path):
    with pytest.raises(NotSaved, match="could not save"):
        save([Heading("x")], tmp_path / "nowhere" / "plot.svg")


def settings():
    return {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != "backend"}


def test_the_readers_settings_are_neither_used_nor_changed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it would fail
    blocks = [Curves("x", "y", (Curve("c", np.arange(3.0), np.arange(3.0)),)), Picture(np.eye(3), "ink", "$x$")]
    save(blocks, tmp_path / "a.svg")
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.grid": True, "font.weight": "bold"}):
        before = settings()
        save(blocks, tmp_path / "b.svg")
        assert settings() == before
        assert before["lines.linewidth"] == 9
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_pictures_have_the_series_colors(drawn):
    pixels = drawn([Picture(np.array([[1.0, -1.0], [0.0, 1.0]]), "signed")])
    side = 2.0 * 150  # two inches at 150 dots
    left = top = 0.5 * 150
    at = [
        [tuple(pixels[int(top + side * y) + 8, int(left + side * x)].tolist()) for x in (0.25, 0.75)]
        for y in (0.25, 0.75)
    ]
    assert at == [[BLUE, RED], [GROUND, BLUE]]


def test_ink_is_drawn_from_black_to_white(drawn):
    pixels = drawn([Picture(np.array([[0.0, 1.0], [0.2, 0.0]]), "ink")])
    counts = [count(pixels, (level, level, level)) for level in (0, 255, 51)]
    assert min(counts) > 0.9 * 150**2
    assert counts[0] == pytest.approx(2 * counts[1], rel=0.05)


def test_bars_are_as_long_as_their_values(drawn):
    pixels = drawn([Bars(("a", "b", "c"), (1.0, -0.5, 0.25), signed=True)])
    assert count(pixels, BLUE) / count(pixels, RED) == pytest.approx(2.5, rel=0.05)


def test_galleries_wrap_after_eight(drawn):
    small = Picture(np.eye(3), "ink")
    one, two, three = (drawn([Pictures((small,) * many)]).shape[0] for many in (8, 9, 17))
    assert three - two == pytest.approx(two - one, abs=1)  # a row more each time
    assert two - one > 100


def test_a_surface_is_drawn_from_dark_to_light(drawn):
    values = np.array([[0.0, 0.0], [0.0, 5.0]])
    xs = np.array([1.0, 2.0])
    pixels = drawn([Surface("x", "y", xs, xs, values)])
    dark, light = count(pixels, (17, 24, 39)), count(pixels, (238, 249, 252))
    assert dark / light == pytest.approx(3, rel=0.05)
    row, column = np.argwhere((pixels == (238, 249, 252)).all(axis=2)).mean(axis=0)
    assert row < pixels.shape[0] / 2  # the largest y is at the top, the largest x at the right
    assert column > np.argwhere((pixels == (17, 24, 39)).all(axis=2)).mean(axis=0)[1]


def test_maps_have_a_color_for_each_class(drawn):
    points = np.random.default_rng(0).normal(size=(40, 2))
    pixels = drawn([Map("m", points, np.arange(40) % 2, ("a", "b"))])
    assert count(pixels, BLUE) > 20
    assert count(pixels, RED) > 20


def test_what_is_read_better_as_text_is_left_out(drawn):
    bars = Bars(("a",), (1.0,))
    shortest = drawn([Heading("title"), bars])
    full = [
        Heading("title"),
        Sentence("quiet", quiet=True),
        Table(("a",), (("b",),)),
        bars,
        Heading("of a table"),
        Sentence("about the table"),
        Table(("a",), (("b",),)),
    ]
    assert np.array_equal(drawn(full), shortest)
    assert drawn([Heading("title"), Sentence("not quiet"), bars]).shape[0] > shortest.shape[0]


def test_the_title_of_the_page_stays_above_the_first_heading(drawn):
    bars = Bars(("a",), (1.0,))
    assert drawn([Heading("page"), Heading("bars"), bars]).shape[0] > drawn([Heading("bars"), bars]).shape[0]


def test_tables_are_drawn_where_there_is_nothing_else(drawn):
    one, two = (drawn([Table(("a",), (("b", 1.0),) * many)]).shape[0] for many in (1, 5))
    assert two - one == pytest.approx(4 * 0.22 * 150, abs=2)


def test_more_than_a_page_can_hold_is_cut(drawn, monkeypatch):
    many = Bars(tuple(map(str, range(30))), (1.0,) * 30)
    whole, twice = (drawn([many] * often).shape[0] for often in (1, 2))
    monkeypatch.setattr("glassnet.explain.plot._MANY", 10)
    assert drawn([many]).shape[0] < whole / 2
    monkeypatch.setattr("glassnet.explain.plot._MOST", 4.0)
    cut = drawn([many] * 2)
    assert cut.shape[0] == 600 < twice
    assert 9 <= len(np.flatnonzero(np.diff((cut[:, 300:500] == 0xE8).all(axis=(1, 2)).astype(int)) == 1)) <= 20
