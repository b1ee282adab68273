"""What an explanation shows, as values: sentences, tables, pictures, bars, curves, surfaces, maps.

An explanation describes itself once, as a sequence of these. Three renderers make of it what each home needs:
:mod:`~glassnet.explain.text` for the terminal, :mod:`~glassnet.explain.html` for notebooks, and
:mod:`~glassnet.explain.plot` for files. Everything here is on the host: NumPy arrays, Python numbers, strings.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

__all__ = [
    "Bars",
    "Block",
    "Cell",
    "Curve",
    "Curves",
    "Heading",
    "Map",
    "Picture",
    "Pictures",
    "Sentence",
    "Surface",
    "Table",
    "Track",
    "number",
]

Cell: TypeAlias = str | float
"""In a table: words as they are; a float is shown with its sign and, where there is color, blue above 0 and red below."""


@dataclass(frozen=True, slots=True)
class Heading:
    """The title of what follows."""

    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """Plain words. ``quiet`` ones say how to read a thing, or what its limits are.

    A plot shows a sentence that stands right before something drawn; one that is ``kept`` it shows wherever it stands.
    """

    text: str
    quiet: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns; without names, a list of facts: a name, then its value."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture of height × width numbers.

    Attributes:
        values: ``ink``: from 0, dark, to 1, white. ``signed``: any numbers; blue above 0, red below, stronger the larger
            (opacity (|v| / max |v|)^0.3 on the ground's color, as the series draws weights).
        kind: which of the two.
        caption: a short line under it.
        scale: for signed pictures, the number drawn at full strength; None: the largest |v|.
    """

    values: Float[NDArray[np.floating], "height width"]
    kind: Literal["ink", "signed"]
    caption: str = ""
    scale: float | None = None

    @property
    def strength(self) -> Float[NDArray[np.floating], "height width"]:
        """How strongly each number is drawn, 0 to 1: the ink itself; of signed numbers, (|v| / scale)^0.3."""
        if self.kind == "ink":
            return np.clip(self.values, 0.0, 1.0)
        size = np.abs(self.values)
        most = float(size.max()) if self.scale is None else self.scale
        return np.clip(size / most, 0.0, 1.0) ** 0.3 if most > 0 else np.zeros_like(size)


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures side by side."""

    pictures: tuple[Picture, ...]


@dataclass(frozen=True, slots=True)
class Bars:
    """One bar for each name. ``signed`` bars go both ways from 0, blue and red; others go up from 0, in white.

    ``picked`` are the rows to pick out in yellow. ``most`` is the value of a full bar; None: the largest |value|.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    signed: bool = False
    picked: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()
    most: float | None = None

    @property
    def full(self) -> float:
        """The value of a full bar: ``most``, or the largest finite |value|, or 0."""
        if self.most is not None:
            return self.most
        return max((abs(value) for value in self.values if math.isfinite(value)), default=0.0)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One line through points; ``color`` is ``#rrggbb``, None: the next of the renderer's own."""

    name: str
    xs: Float[NDArray[np.floating], " points"]
    ys: Float[NDArray[np.floating], " points"]
    color: str | None = None


@dataclass(frozen=True, slots=True)
class Curves:
    """Curves over the same axes, with their names. ``marks`` are points to pick out in yellow: x, y and a word."""

    x: str
    y: str
    curves: tuple[Curve, ...]
    log_x: bool = False
    log_y: bool = False
    marks: tuple[tuple[float, float, str], ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """A path over a surface, from its first point to its last, in the surface's own coordinates (x, y)."""

    name: str
    points: Float[NDArray[np.floating], "points 2"]


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """Heights over a grid: ``values[i, j]`` at (xs[j], ys[i]); and paths walked on it. (0, 0) is marked."""

    x: str
    y: str
    xs: Float[NDArray[np.floating], " nx"]
    ys: Float[NDArray[np.floating], " ny"]
    values: Float[NDArray[np.floating], "ny nx"]
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Map:
    """Points in a plane, each of a class."""

    title: str
    points: Float[NDArray[np.floating], "n 2"]
    labels: Int[NDArray[np.integer], " n"]
    names: tuple[str, ...]


Block: TypeAlias = Heading | Sentence | Table | Picture | Pictures | Bars | Curves | Surface | Map


def number(value: float, digits: int = 4) -> str:
    """A number for people: ``digits`` significant ones, a true minus sign, powers of ten where it would be long.

    >>> number(-0.012345), number(3.0), number(1.5e-9), number(123456.0)
    ('−0.01235', '3', '1.5e−09', '1.235e+05')
    """
    if math.isnan(value):
        return "nan"
    return f"{value + 0.0:.{digits}g}".replace(
        "-", "−"
    )  # −0.0 + 0.0 is 0.0: the −y ln a of an output with y = 0 is no −0


def square(values: Sequence[float] | NDArray[np.floating]) -> NDArray[np.floating] | None:
    """The numbers as a square picture; None if there is no square of them, or it would be smaller than 4 × 4."""
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    side = math.isqrt(array.size)
    return array.reshape(side, side) if side * side == array.size and side >= 4 else None
