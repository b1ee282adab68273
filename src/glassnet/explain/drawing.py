"""What the three renderers of an explanation share: colors, axes with their ticks, and the pixels of pictures.

Blue is above 0, red below, yellow what is picked: the series' colors. Heights of a surface go from dark to light.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.explain.blocks import Cell, Curve, Curves, Map, Picture, Surface, Table, number

__all__ = [
    "BLUE",
    "CLASSES",
    "LARGE",
    "LINES",
    "NOTHING",
    "RED",
    "YELLOW",
    "Axis",
    "Heights",
    "axis_name",
    "class_names",
    "clean",
    "color_of",
    "curve_axes",
    "heat",
    "heights",
    "is_number",
    "map_axes",
    "pieces",
    "pixels",
    "placed_marks",
    "rgb",
    "share",
    "short",
    "signed",
    "to_the_right",
    "words",
]

BLUE, RED, YELLOW = "#58C4DD", "#FC6255", "#FFD75F"

LINES = (BLUE, RED, "#83C167", "#B58BD9", "#F2A65A", "#5CD0B3", "#EC92AB", "#9AA7B5")
"""Colors of curves and of tracks that name none. Yellow is left to what is picked."""

LARGE = 64
"""A picture by itself that is wider than so many numbers is drawn as wide as there is room."""
CLASSES = (*LINES, YELLOW, "#C78D5B")
"""Colors of classes: ten, then again from the first."""

NOTHING = "Nothing to draw: there are no finite numbers here."
"""What stands in the place of a chart without points."""

_TOO_LARGE = 1e300  # differences of larger numbers overflow; they are left out as infinity is
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_NUMBER = re.compile(r"[+−-]?[\d.,]+(e[+−-]?\d+)?\s?[%×]?|[+−-]?inf|nan|[–·-]")
_HEAT = ((0.0, (17, 24, 39)), (0.35, (32, 78, 104)), (0.7, (88, 196, 221)), (1.0, (238, 249, 252)))


def clean(text: str) -> str:
    """Text without control characters: a name from a file must not steer a terminal or break a page."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text).replace("\t", " ")


def short(text: str, most: int) -> str:
    """Text cut to at most that many characters, the cut marked by an ellipsis."""
    text = " ".join(clean(text).split())
    return text if len(text) <= most else text[: max(0, most - 1)].rstrip() + "…"


def signed(value: float) -> str:
    """A number with its sign, as in a table.

    >>> signed(0.5), signed(-2.0), signed(0.0)
    ('+0.5', '−2', '0')
    """
    value = float(value)
    return "+" + number(value) if value > 0 else number(value) if value else "0"


def words(cell: Cell) -> str:
    """A table's cell as words."""
    return clean(cell) if isinstance(cell, str) else signed(cell)


def is_number(text: str) -> bool:
    """Whether these words are a number as tables have them: with a sign, a power of ten, a % or ×; inf, nan, or a dash."""
    return _NUMBER.fullmatch(text) is not None


def to_the_right(block: Table, index: int) -> bool:
    """Whether a column of a table holds numbers, as floats or in words: they are read best ending below each other."""
    cells = [row[index] for row in block.rows if index < len(row)]
    if not block.columns or not cells:
        return False
    if not any(isinstance(cell, str) for cell in cells):
        return True
    said = [cell for cell in cells if isinstance(cell, str) and cell]
    return index > 0 and bool(said) and all(map(is_number, said))  # the first column names the rows


def color_of(color: str | None, index: int, palette: Sequence[str] = LINES) -> str:
    """The color if it is ``#rrggbb``; else the palette's next."""
    return color if color is not None and re.fullmatch("#[0-9A-Fa-f]{6}", color) else palette[index % len(palette)]


def rgb(color: str) -> tuple[int, int, int]:
    """``#rrggbb`` as three numbers from 0 to 255."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def share(value: float, most: float) -> float:
    """How much of a full bar a value fills, −1 to 1; of NaN, nothing."""
    if math.isnan(value) or not most > 0:
        return 0.0
    return max(-1.0, min(1.0, value / most)) if math.isfinite(value) else math.copysign(1.0, value)


def finite(values: Any) -> NDArray[np.bool_]:
    """Which numbers can be drawn."""
    array = np.asarray(values, dtype=np.float64)
    return np.isfinite(array) & (np.abs(np.where(np.isfinite(array), array, 0.0)) < _TOO_LARGE)


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from ``low`` to ``high``; on a logarithmic one, both are powers: it goes from 10^low to 10^high."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def over(cls, values: Any, log: bool = False, margin: float = 0.0) -> Axis | None:
        """The axis that holds all these values, with a margin (a share of its length); None if there are no finite ones."""
        array = np.asarray(values, dtype=np.float64).reshape(-1)
        array = array[finite(array)]
        if log:
            array = np.log10(array[array > 0])
        if not array.size:
            return None
        low, high = float(array.min()), float(array.max())
        if not high - low > max(1e-12 * max(abs(low), abs(high)), 1e-280):  # one value, or what rounding makes of one
            room = 0.5 if log else abs(low) / 2 or 1.0
            return cls(low - room, high + room, log)
        room = (high - low) * margin
        return cls(low - room, high + room, log)

    def place(self, values: Any) -> NDArray[np.float64]:
        """Where the values are: 0 is the low end, 1 the high end, NaN what has no place."""
        array = np.asarray(values, dtype=np.float64)
        usable = finite(array) & (array > 0) if self.log else finite(array)
        array = np.where(usable, array, 1.0)
        array = np.log10(array) if self.log else array
        return np.where(usable, (array - self.low) / (self.high - self.low), np.nan)

    def ends(self) -> tuple[str, str]:
        """The words at both ends."""
        low, high = (10.0**self.low, 10.0**self.high) if self.log else (self.low, self.high)
        digits = next((each for each in range(3, 13) if number(low, each) != number(high, each)), 13)
        return number(low, digits), number(high, digits)

    def ticks(self, most: int = 7) -> list[tuple[float, str]]:
        """Round numbers on it: where (0 to 1) and in words."""
        if self.log and self.high - self.low >= 1:
            first, last = math.ceil(self.low - 1e-9), math.floor(self.high + 1e-9)
            powers = range(first, last + 1, max(1, math.ceil((last - first + 1) / most)))
            return [((power - self.low) / (self.high - self.low), _power(power)) for power in powers]
        low, high = (10.0**self.low, 10.0**self.high) if self.log else (self.low, self.high)
        rough = (high - low) / max(1, most - 1)
        size = 10.0 ** math.floor(math.log10(rough))
        step = next(size * each for each in (1, 2, 2.5, 5, 10) if size * each >= rough * (1 - 1e-9))
        values = [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]
        digits = next(
            (each for each in range(3, 13) if len({number(value, each) for value in values}) == len(values)), 13
        )
        places = self.place(values).tolist()
        return [
            (place, number(value, digits))
            for place, value in zip(places, values, strict=True)
            if -1e-9 <= place <= 1 + 1e-9
        ]


def _power(power: int) -> str:
    if -3 <= power <= 4:
        return f"{10.0**power:g}"
    return "10" + str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def curve_axes(block: Curves, margin: float = 0.0) -> tuple[Axis, Axis] | None:
    """The axes that hold all curves and marks, with a margin above and below; None if no point is finite."""
    axes = []
    for at, log, room in ((0, block.log_x, 0.0), (1, block.log_y, margin)):
        values = [np.ravel((curve.xs, curve.ys)[at]) for curve in block.curves]
        axes.append(Axis.over(np.concatenate([*values, [mark[at] for mark in block.marks]]), log, room))
    x, y = axes
    return None if x is None or y is None else (x, y)


def placed_marks(block: Curves, x: Axis, y: Axis, digits: int = 4) -> list[tuple[float, float, str, str]]:
    """The marks that can be drawn: where, 0 to 1 on both axes, their word, and their line in the legend."""
    found = []
    for at, height, word in block.marks:
        across, up = float(x.place([at])[0]), float(y.place([height])[0])
        if math.isfinite(across) and math.isfinite(up):
            name = f"{clean(word)} ({number(at, digits)}, {number(height, digits)})".lstrip()
            found.append((across, up, word, name))
    return found


def axis_name(name: str, log: bool) -> str:
    """What an axis is called."""
    return clean(name) + (" (logarithmic)" if log else "")


def pieces(curve: Curve, x: Axis, y: Axis) -> list[NDArray[np.float64]]:
    """The curve as lines of points in 0…1 × 0…1, broken where a point is not finite."""
    points = np.stack([x.place(curve.xs), y.place(curve.ys)], axis=1)
    there = np.isfinite(points).all(axis=1)
    breaks = np.flatnonzero(np.diff(there.astype(int))) + 1
    return [piece for piece in np.split(points, breaks) if piece.size and np.isfinite(piece).all()]


def _repaired(picture: Picture) -> Picture:
    """The picture with 0 for NaN, and for infinity the largest finite size."""
    values = np.asarray(picture.values, dtype=np.float64)
    usable = finite(values)
    if usable.all():
        return dataclasses.replace(picture, values=values)
    most = float(np.abs(values[usable]).max()) if usable.any() else 1.0
    values = np.where(np.isnan(values), 0.0, np.where(usable, values, np.copysign(most or 1.0, values)))
    return dataclasses.replace(picture, values=values)


def pixels(picture: Picture) -> NDArray[np.float64]:
    """How each number is drawn: ink from 0 to 1; signed from −1, full red, to 1, full blue."""
    if not np.size(picture.values):
        return np.zeros(np.shape(picture.values))
    whole = _repaired(picture)
    strength = np.asarray(whole.strength, dtype=np.float64)
    return strength if whole.kind == "ink" else np.sign(whole.values) * strength


def heat(shares: Any) -> NDArray[np.uint8]:
    """The color of heights from 0, dark, to 1, light: red, green, blue in a last dimension."""
    at = [stop for stop, _ in _HEAT]
    channels = [np.interp(shares, at, [color[channel] for _, color in _HEAT]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Heights:
    """A surface ready to be drawn.

    Attributes:
        x, y: the axes, half a step wider than the grid, so that each number has a rectangle of its own.
        shares: heights from 0, the lowest, to 1, the highest; NaN where there is none; evenly spaced, row 0 at the bottom.
        low, high: the lowest and the highest number.
    """

    x: Axis
    y: Axis
    shares: NDArray[np.float64]
    low: float
    high: float

    def center(self) -> tuple[float, float]:
        """Where (0, 0) is, in shares of both axes; below 0 or above 1, it is not on the surface."""
        return float(self.x.place([0.0])[0]), float(self.y.place([0.0])[0])

    def resampled(self, rows: int, columns: int) -> NDArray[np.float64]:
        """The same on another number of rows and columns: each the nearest number of the grid."""
        return self.shares[
            np.ix_(*(_nearest(each, n) for each, n in zip(self.shares.shape, (rows, columns), strict=True)))
        ]


def _nearest(size: int, wanted: int) -> NDArray[np.intp]:
    return np.minimum(((np.arange(wanted) + 0.5) / wanted * size).astype(np.intp), size - 1)


def heights(surface: Surface) -> Heights | None:
    """The surface ready to be drawn; None if it has no finite height."""
    values = np.asarray(surface.values, dtype=np.float64)
    usable = finite(values)
    if not usable.any():
        return None
    low, high = float(values[usable].min()), float(values[usable].max())
    shares = np.where(usable, values - low, np.nan) / (high - low or 1.0)
    axes = []
    for dimension, ticks in ((1, surface.xs), (0, surface.ys)):
        ticks = np.asarray(ticks, dtype=np.float64)
        order = np.argsort(ticks)
        ticks, shares = ticks[order], np.take(shares, order, axis=dimension)
        step = (ticks[-1] - ticks[0]) / (len(ticks) - 1) if len(ticks) > 1 else 1.0
        if len(ticks) > 2 and not np.allclose(np.diff(ticks), step):
            even = np.linspace(ticks[0], ticks[-1], 4 * len(ticks))
            nearest = np.abs(even[:, None] - ticks[None, :]).argmin(axis=1)
            shares, step = np.take(shares, nearest, axis=dimension), even[1] - even[0]
        axes.append(Axis(float(ticks[0] - step / 2), float(ticks[-1] + step / 2)))
    return Heights(axes[0], axes[1], shares, low, high)


def map_axes(points: Any, flattest: float = 0.5, tallest: float = 0.8) -> tuple[Axis, Axis, float] | None:
    """Axes of a map on which a step is as long in both directions, and the map's height as a share of its width.

    None if no point is finite.
    """
    points = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    points = points[finite(points).all(axis=1)]
    x, y = Axis.over(points[:, 0], margin=0.04), Axis.over(points[:, 1], margin=0.04)
    if x is None or y is None:
        return None
    width, height = x.high - x.low, y.high - y.low
    form = min(max(height / width, flattest), tallest)
    width, height = max(width, height / form), max(height, width * form)
    middle = (x.low + x.high) / 2, (y.low + y.high) / 2
    return (
        Axis(middle[0] - width / 2, middle[0] + width / 2),
        Axis(middle[1] - height / 2, middle[1] + height / 2),
        form,
    )


def class_names(block: Map) -> list[tuple[int, str]]:
    """The classes that occur on the map, each with its name; a label without a name is called by its number."""
    return [
        (label, clean(block.names[label]) if 0 <= label < len(block.names) else str(label))
        for label in np.unique(np.asarray(block.labels)).tolist()
    ]
