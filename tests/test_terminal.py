import io

import numpy as np
import pytest
from rich.console import Console

from glassnet.terminal import bars, confusion_table, facts, gallery, picture


def console(width=80, color=None):
    return Console(
        file=io.StringIO(), width=width, color_system=color, force_terminal=color is not None, legacy_windows=False
    )


def shown(thing, where):
    where.print(thing)
    return where.file.getvalue()


def test_picture_without_colors_is_shades():
    image = np.zeros((4, 4))
    image[:2, 1] = 1
    image[2, 2] = 1  # half of a character
    assert picture(image.ravel(), console()).plain.split("\n") == [" @  ", "  = "]


def test_picture_with_colors_is_half_blocks():
    image = np.zeros((3, 3))  # an odd height is filled up
    image[0, 0] = 1
    where = console(color="truecolor")
    text = picture(image.ravel(), where)
    assert text.plain.split("\n") == ["▀▀▀", "▀▀▀"]
    assert "38;2;255;255;255;48;2;0;0;0m▀" in shown(text, where)


def test_bars_are_as_long_as_the_activations():
    lines = shown(bars([0.0, 0.5, 1.0, 0.25 + 1 / 16], list("abcd"), width=8), console()).splitlines()
    assert [line.split() for line in lines] == [
        ["a", "0.000"],
        ["b", "0.500", "████"],
        ["c", "1.000", "████████"],
        ["d", "0.312", "██▌"],
    ]


def test_confusion_table_counts_and_shares():
    counts = np.array([[8, 2, 0], [0, 5, 0], [1, 0, 0]])
    lines = shown(confusion_table(counts, ["x", "y", "z"], console()), console()).splitlines()
    assert [line.split() for line in lines[2:]] == [
        ["x", "8", "2", "·", "80.0%"],
        ["y", "·", "5", "·", "100.0%"],
        ["z", "1", "·", "·", "0.0%"],
    ]
    empty = np.array([[1, 0], [0, 0]])
    assert "–" in shown(confusion_table(empty, ["x", "y"], console()), console())
    assert confusion_table(np.ones((60, 60), int), [str(i) for i in range(60)], console()) is None
    big = np.full((10, 10), 1000)
    assert confusion_table(big, list("0123456789"), console(80)) is not None  # ten digits fit a plain terminal


@pytest.mark.parametrize(("width", "rows"), [(80, 1), (50, 2), (30, 4)])
def test_gallery_fills_the_width(width, rows):
    where = console(width)
    images = [(picture(np.ones(16 * 16), where), f"number {i}") for i in range(4)]
    text = shown(gallery(images), where)
    assert sum("number" in line for line in text.splitlines()) == rows
    assert all(f"number {i}" in text for i in range(4))


def test_facts_are_aligned():
    lines = shown(facts([("a", 1), ("long", "two")]), console()).splitlines()
    assert [line.rstrip() for line in lines] == ["a     1", "long  two"]
