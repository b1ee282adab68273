import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from test_blocks import HOSTILE, edges, page

from glassnet.explain.blocks import Bars, Curve, Curves, Map, Picture, Pictures, Sentence, Surface, Table, Track
from glassnet.explain.html import to_html

PAGES = {"page": page(), **edges()}


def tree(blocks):
    """The HTML as a tree: ours is well-formed XML too."""
    return ElementTree.fromstring(to_html(blocks))


def image(element):
    head, body = element.get("href").split(",")
    assert head == "data:image/png;base64"
    return Image.open(io.BytesIO(base64.b64decode(body, validate=True)))


@pytest.mark.parametrize("name", PAGES)
def test_it_is_one_well_formed_division_that_needs_nothing_from_outside(name):
    text = to_html(PAGES[name])
    root = ElementTree.fromstring(text)
    assert root.tag == "div"
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    assert "url(" not in text
    for element in root.iter():
        assert element.tag not in ("script", "style", "link", "iframe", "img")
        assert not [key for key in element.attrib if key.startswith("on") or key in ("src", "id")]
        assert element.get("href", "data:image/png;base64,").startswith("data:image/png;base64,")


@pytest.mark.parametrize("name", PAGES)
def test_every_graphic_can_be_read_aloud(name):
    graphics = [each for each in tree(PAGES[name]).iter("svg") if each.get("role") == "img"]
    assert graphics or name.startswith("empty")
    for each in graphics:
        assert each.get("aria-label")
        assert each.find("title").text == each.get("aria-label")


def test_no_blocks_are_an_empty_division():
    assert len(tree([])) == 0


def test_names_are_escaped():
    text = to_html(edges()["hostile"])
    assert "<b " not in text
    assert "\x1b" not in text
    root = ElementTree.fromstring(text)
    assert not list(root.iter("b"))
    seen = HOSTILE.replace("\x1b", "\N{REPLACEMENT CHARACTER}").replace("\x07", "\N{REPLACEMENT CHARACTER}")
    assert root.find("h3").text == root.find("p").text == seen


def test_ink_is_gray_pixels():
    values = np.array([[0.0, 0.2, 1.0], [0.4, 0.6, 2.0]])
    (only,) = tree([Picture(values, "ink", "six")]).iter("image")
    shown = image(only)
    assert shown.mode == "L"
    assert np.asarray(shown).tolist() == [[0, 51, 255], [102, 153, 255]]


def test_signed_numbers_are_blue_and_red_and_as_opaque_as_strong():
    values = np.array([[2.0, -1.0, 0.0, 0.02]])
    (only,) = tree([Pictures((Picture(values, "signed"),))]).iter("image")
    shown = image(only)
    assert shown.mode == "RGBA"
    pixels = np.asarray(shown)[0].tolist()
    assert pixels[0] == [0x58, 0xC4, 0xDD, 255]
    assert pixels[1] == [0xFC, 0x62, 0x55, round(255 * 0.5**0.3)]
    assert pixels[2][3] == 0
    assert pixels[3] == [0x58, 0xC4, 0xDD, round(255 * 0.01**0.3)]


def test_pictures_keep_their_form():
    svgs = list(tree([Pictures((Picture(np.eye(28), "ink"), Picture(np.ones((7, 14)), "ink")))]).iter("svg"))
    assert [(each.get("width"), each.get("height")) for each in svgs] == [("112", "112"), ("112", "56")]


def test_a_table_has_heads_signs_and_colors():
    root = tree([Table(("name", "n"), (("a", 0.5), ("b", -2.0), ("c", 0.0)))])
    assert [each.text for each in root.iter("th")] == ["name", "n"]
    cells = [each for each in root.iter("td") if each.text not in "abc"]
    assert [each.text for each in cells] == ["+0.5", "−2", "0"]
    assert "#58C4DD" in cells[0].get("style")
    assert "#FC6255" in cells[1].get("style")
    assert "color" not in cells[2].get("style")


def test_a_list_of_facts_names_its_rows():
    root = tree([Table((), (("cost", "0.02"), ("answer", "3")))])
    assert [(each.get("scope"), each.text) for each in root.iter("th")] == [("row", "cost"), ("row", "answer")]


def test_bars_are_as_long_as_their_values():
    root = tree([Bars(("a", "b", "c"), (1.0, 0.25, 0.0), picked=(0,))])
    rects = list(root.iter("rect"))
    assert [float(each.get("width")) for each in rects] == [320, 80, 0]
    assert [each.get("fill") for each in rects[:2]] == ["#F0B429", "currentColor"]
    assert [each.get("aria-label") for each in root.iter("svg")] == ["a: 1", "b: 0.25", "c: 0"]


def test_signed_bars_go_both_ways():
    blue, red = tree([Bars(("a", "b"), (0.5, -1.0), signed=True)]).iter("rect")
    assert (float(blue.get("x")), float(blue.get("width")), blue.get("fill")) == (160, 80, "#58C4DD")
    assert (float(red.get("x")), float(red.get("width")), red.get("fill")) == (0, 160, "#FC6255")


def lines(root):
    """The thick paths of a chart, as arrays of points."""
    paths = [each for each in root.iter("path") if each.get("stroke-linejoin") == "round"]
    return [np.array(re.findall(r"(-?[\d.]+) (-?[\d.]+)", each.get("d")), dtype=float) for each in paths]


def test_curves_go_through_their_points():
    xs = np.array([0.0, 1.0, 4.0])
    (points,) = lines(tree([Curves("x", "y", (Curve("c", xs, np.array([0.0, 2.0, 1.0])),))]))
    across = (points[:, 0] - points[0, 0]) / (points[-1, 0] - points[0, 0])
    np.testing.assert_allclose(across, xs / 4, atol=1e-3)
    assert points[1, 1] < points[2, 1] < points[0, 1]
    up = (points[0, 1] - points[:, 1]) / (points[0, 1] - points[1, 1])  # screens count from the top
    np.testing.assert_allclose(up, [0, 1, 0.5], atol=1e-3)


def test_logarithmic_curves_have_powers_at_equal_distances():
    powers = np.array([1e-4, 1e-3, 1e-2, 1e-1])
    root = tree([Curves("x", "y", (Curve("c", powers, powers**2),), log_x=True, log_y=True)])
    (points,) = lines(root)
    assert np.ptp(np.diff(points, axis=0), axis=0).max() <= 0.2  # coordinates have one decimal
    assert {"10⁻⁴", "0.001", "0.01", "0.1"} <= {each.text for each in root.iter("text")}


def test_curves_break_where_numbers_are_missing():
    ys = np.array([1.0, 2, np.nan, 3, np.inf, 4])
    found = lines(tree([Curves("x", "y", (Curve("c", np.arange(6.0), ys),))]))
    assert [len(each) for each in found] == [2, 1, 1]


def test_a_surface_is_its_heights_from_dark_to_light_the_lowest_row_at_the_bottom():
    values = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, np.nan]])
    root = tree(
        [Surface("x", "y", np.arange(3.0), np.arange(2.0), values, (Track("t", np.array([[0, 0], [2, 1.0]])),))]
    )
    heights = np.asarray(image(next(root.iter("image")))).astype(int)
    assert heights.shape == (2, 3, 4)
    assert heights[1, 0].tolist() == [17, 24, 39, 255]
    assert heights[0, 1].tolist() == [238, 249, 252, 255]
    assert heights[0, 2, 3] == 0  # no number: nothing drawn
    brightness = heights[..., :3].sum(axis=2)
    assert brightness[1, 0] < brightness[1, 1] < brightness[1, 2] < brightness[0, 0] < brightness[0, 1]
    track = lines(root)[0]  # from the middle of the first rectangle to the middle of the last
    np.testing.assert_allclose(track, [[400 / 6, 300], [400 * 5 / 6, 100]], atol=0.06)


def test_a_map_has_a_dot_for_every_point_that_is_somewhere():
    points = np.array([[0.0, 0.0], [1, 1], [2, 0], [np.nan, 1]])
    root = tree([Map("m", points, np.array([0, 1, 0, 1]), ("<zero>", "one"))])
    dots = [each for each in root.iter("path") if each.get("d").endswith("h0")]
    assert [each.get("d").count("h0") for each in dots] == [2, 1]
    assert [each.find("title").text for each in dots] == ["<zero>", "one"]


def test_words_stand_in_the_color_of_the_page():
    root = tree(
        [Sentence("a"), Sentence("b", quiet=True), Curves("x", "y", (Curve("c", np.arange(2.0), np.arange(2.0)),))]
    )
    assert all("color" not in each.get("style") for each in root.findall("p"))
    assert all(each.get("fill") is None for each in root.iter("text"))
    assert "currentColor" in [each.get("fill") for each in root.iter("svg")]
