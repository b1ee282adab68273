"""An explanation as a file, PNG or SVG: its pictures and charts, drawn by matplotlib in the colors of the series.

What is drawn: pictures, bars, curves, surfaces and maps, each under its heading and the short sentences that stand between
them. Tables are left out, for they are read better as text, unless there is nothing else. The same blocks give the same
bytes.
"""

from __future__ import annotations

import io
import textwrap
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import WrongValue
from glassnet.explain.blocks import (
    Bars,
    Block,
    Curves,
    Heading,
    Map,
    Picture,
    Pictures,
    Sentence,
    Surface,
    Table,
    number,
)
from glassnet.explain.drawing import (
    BLUE,
    CLASSES,
    LARGE,
    NOTHING,
    RED,
    YELLOW,
    Axis,
    axis_name,
    class_names,
    clean,
    color_of,
    curve_axes,
    heat,
    heights,
    map_axes,
    pieces,
    pixels,
    placed_marks,
    rgb,
    share,
    short,
    to_the_right,
    words,
)
from glassnet.files import write

__all__ = ["check", "save"]

_GROUND, _INK, _QUIET, _FAINT = "#0f1115", "#e8e8e8", "#9aa0a8", "#2a2e36"
_WIDE, _EDGE = 9.0, 0.5  # inches: the page, and its margins
_ROOM = _WIDE - 2 * _EDGE
_MOST = 300.0  # inches: the highest page; at 150 dots an inch, matplotlib refuses more than 2^16 dots

_MANY = 400  # bars or pictures of one block: more fill no page that anyone reads

_ALONE = threading.Lock()  # matplotlib's settings are one for all threads

Drawing = tuple[float, Callable[["_Sheet", float], None]]
"""How high a thing is, in inches, and how it is drawn from a height above the bottom of the page downward."""


def save(blocks: Iterable[Block], path: Path) -> None:
    """Draw the blocks into a file: PNG or SVG, by its ending.

    Errors: :class:`~glassnet.errors.WrongValue` for another ending, or if matplotlib is missing;
    :class:`~glassnet.files.NotSaved` if the file cannot be written.
    """
    kind = check(path)
    import matplotlib

    ours: Any = {
        "font.family": ["DejaVu Sans"],  # it comes with matplotlib: the same everywhere
        "svg.hashsalt": "glassnet",
        "text.parse_math": False,  # a name may hold a dollar sign
        "path.simplify": True,
    }
    with _ALONE, matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever a settings file of the reader's says
        matplotlib.rcParams.update(ours)
        body = _drawn(list(blocks), kind)
    write(path, body)


def check(path: Path) -> str:
    """Whether a plot can be drawn into this file, to be asked before the work of what it shows: its kind, png or svg.

    Errors: :class:`~glassnet.errors.WrongValue` for another ending, or if matplotlib is missing.
    """
    kind = path.suffix.lower()
    if kind not in (".png", ".svg"):
        what = f"ends in {path.suffix}" if path.suffix else "has no ending"
        raise WrongValue(
            f"a plot is a .png or a .svg file, and {path.name!r} {what}: name it with one of these endings"
        )
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise WrongValue("plots need matplotlib, which is not installed: pip install 'glassnet[plot]'") from None
    return kind[1:]


def _drawn(blocks: Sequence[Block], kind: str) -> bytes:
    drawings = _page(blocks)
    high = min(_MOST, sum(each for each, _ in drawings) + 2 * _EDGE)
    sheet = _Sheet(high)
    top = high - _EDGE
    for each, draw in drawings:
        if top - each < 0.2:
            _sentence("Here the page is full; what follows is left out.")[1](sheet, top)
            break
        draw(sheet, top)
        top -= each
    body = io.BytesIO()
    metadata = {"Date": None, "Creator": "glassnet"} if kind == "svg" else {"Software": "glassnet"}
    sheet.figure.savefig(body, format=kind, dpi=150, metadata=metadata, facecolor=_GROUND)
    return body.getvalue()


class _Sheet:
    """A page with its zero at the lower left, in inches."""

    def __init__(self, high: float) -> None:
        from matplotlib.figure import Figure

        self.high = high
        self.figure = Figure(figsize=(_WIDE, high), facecolor=_GROUND)

    def axes(self, left: float, top: float, wide: float, high: float) -> Any:
        """An empty rectangle whose own coordinates go from 0 to 1."""
        axes = self.figure.add_axes((left / _WIDE, (top - high) / self.high, wide / _WIDE, high / self.high))
        axes.set(xlim=(0, 1), ylim=(0, 1), xticks=[], yticks=[], facecolor="none")
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def write(self, left: float, top: float, text: str, size: float = 9, color: str = _INK, **more: Any) -> None:
        """Words whose first line's upper edge is at ``top``, or with ``va="center"`` their middle."""
        if "\n" not in text:  # by the baseline, or lines with high letters would stand lower than others
            lower = {"top": 0.78, "center": 0.36, "bottom": 0.0}[more.pop("va", "top")]
            top, more["va"] = top - lower * size / 72, "baseline"
        place: Any = {"ha": "left", "va": "top", "linespacing": 1.35} | more
        self.figure.text(left / _WIDE, top / self.high, _known(text), size=size, color=color, **place)


@cache
def _glyphs() -> frozenset[int]:
    from matplotlib import font_manager

    return frozenset(font_manager.get_font(font_manager.findfont("DejaVu Sans")).get_charmap())


def _known(text: str) -> str:
    """The text with a hollow square for each character that the font lacks."""
    return "".join(each if each == "\n" or ord(each) in _glyphs() else "□" for each in clean(text))


# What is on the page


def _page(blocks: Sequence[Block]) -> list[Drawing]:
    graphics = [_graphic(block) for block in blocks]
    only_tables = not any(graphics)
    drawings: list[
        Drawing
    ] = []  # the first heading is the page's; the others wait until something follows that is drawn
    waiting: list[Drawing] = []
    titled = False
    for block, graphic in zip(blocks, graphics, strict=True):
        if isinstance(block, Heading):
            waiting = [_heading(block.text, first=False)] if titled and block.text else []
            if not titled and block.text:
                drawings.append(_heading(block.text, first=True))
                titled = True
        elif isinstance(block, Sentence) and block.kept:
            drawings += [*waiting, _sentence(block.text)]
            waiting = []
        elif isinstance(block, Sentence):
            if not block.quiet and len(block.text) <= 240:
                waiting.append(_sentence(block.text))
        else:
            drawing = _table(block) if isinstance(block, Table) and only_tables else graphic
            if drawing is not None:
                drawings += [*waiting, drawing]
                waiting = []
    return drawings if len(drawings) > titled else [*drawings, *waiting, _sentence(NOTHING)]


def _graphic(block: Block) -> Drawing | None:
    if isinstance(block, Picture | Pictures):
        return _pictures(block.pictures if isinstance(block, Pictures) else (block,))
    if isinstance(block, Bars):
        return _bars(block)
    if isinstance(block, Curves):
        return _curves(block)
    if isinstance(block, Surface):
        return _surface(block)
    if isinstance(block, Map):
        return _map(block)
    return None


def _heading(text: str, first: bool) -> Drawing:
    lines = textwrap.wrap(" ".join(clean(text).split()), 60 if first else 72) or [""]
    size = 17.0 if first else 13.0
    gap = 0.05 if first else 0.2

    def draw(sheet: _Sheet, top: float) -> None:
        sheet.write(_EDGE, top - gap, "\n".join(lines), size, weight="bold")

    return gap + len(lines) * size * 1.5 / 72 + 0.12, draw


def _sentence(text: str) -> Drawing:
    lines = textwrap.wrap(" ".join(clean(text).split()), 110) or [""]

    def draw(sheet: _Sheet, top: float) -> None:
        sheet.write(_EDGE, top, "\n".join(lines), 9, _QUIET)

    return len(lines) * 0.17 + 0.12, draw


def _table(block: Table) -> Drawing | None:
    rows = [tuple(map(str, block.columns))] if block.columns else []
    rows += [tuple(words(cell) for cell in row) for row in block.rows]
    columns = max(map(len, rows), default=0)
    if not columns:
        return None
    most = max(6, 104 // columns)
    rows = [tuple(short(cell, most) for cell in row) for row in rows]
    widths = [max(len(row[index]) if index < len(row) else 0 for row in rows) for index in range(columns)]
    step = 0.22
    rights = [to_the_right(block, index) for index in range(columns)]

    def draw(sheet: _Sheet, top: float) -> None:
        for line, row in enumerate(rows):
            at = _EDGE
            named = line == 0 and bool(block.columns)
            look: Any = {"color": _QUIET if named else _INK, "weight": "bold" if named else "normal"}
            for cell, long, right in zip(row, widths, rights, strict=False):
                wide = long * 0.073
                sheet.write(
                    at + (wide if right else 0), top - line * step, cell, ha="right" if right else "left", **look
                )
                at += wide + 0.25

    return len(rows) * step + 0.2, draw


# Pictures


def _pictures(pictures: Sequence[Picture]) -> Drawing | None:
    pictures = [each for each in pictures if each.values.size][:_MANY]
    if not pictures:
        return None
    columns = min(8, len(pictures))
    gap = 0.14
    most = 1.6
    if len(pictures) == 1:
        high, wide = pictures[0].values.shape
        most = 2.0 if wide <= min(4 * high, LARGE) else _ROOM  # a long row, or a large one, needs the whole width
    cell = min(most, (_ROOM - gap * (columns - 1)) / columns)
    rows = [pictures[at : at + columns] for at in range(0, len(pictures), columns)]
    letters = max(8, int(cell / 0.066))
    captions = [
        [textwrap.wrap(clean(each.caption), letters, max_lines=4, placeholder="…") for each in row] for row in rows
    ]
    tops, high = [], 0.05
    for row, lines in zip(rows, captions, strict=True):
        tops.append(high)
        high += max(_form(each, cell)[1] + 0.16 * len(under) for each, under in zip(row, lines, strict=True)) + 0.18

    def draw(sheet: _Sheet, top: float) -> None:
        for down, row, lines in zip(tops, rows, captions, strict=True):
            for column, (each, caption) in enumerate(zip(row, lines, strict=True)):
                wide, tall = _form(each, cell)
                left = _EDGE + column * (cell + gap) + (cell - wide) / 2
                axes = sheet.axes(left, top - down, wide, tall)
                axes.imshow(_colors(each), extent=(0, 1, 0, 1), aspect="auto", interpolation="nearest")
                for spine in axes.spines.values():
                    spine.set(visible=True, color=_FAINT, linewidth=0.6)
                middle = _EDGE + column * (cell + gap) + cell / 2
                sheet.write(middle, top - down - tall - 0.05, "\n".join(caption), 7.5, _QUIET, ha="center")

    return high + 0.05, draw


def _form(picture: Picture, cell: float) -> tuple[float, float]:
    """How wide and how high it is drawn, in inches: its pixels are squares, unless it could not be seen so."""
    high, wide = picture.values.shape
    return max(0.1, cell * wide / max(high, wide)), max(0.1, cell * high / max(high, wide))


def _colors(picture: Picture) -> NDArray[np.uint8]:
    shades = pixels(picture)
    if picture.kind == "ink":
        return np.rint(np.repeat(shades[..., None], 3, axis=2) * 255).astype(np.uint8)
    strength = np.abs(shades)[..., None]
    colors = np.array([rgb(RED), rgb(BLUE)])[(shades > 0).astype(int)]
    return np.rint(colors * strength + np.array(rgb(_GROUND)) * (1 - strength)).astype(np.uint8)


# Charts


def _bars(block: Bars) -> Drawing | None:
    if not block.names:
        return None
    names = [short(name, 34) for name in block.names[:_MANY]]
    notes = [short(block.notes[index], 38) if index < len(block.notes) else "" for index in range(len(names))]
    numbers = [number(value) for value in block.values[:_MANY]]
    most = block.full
    left = 0.075 * max(map(len, names)) + 0.075 * max(map(len, numbers)) + 0.35
    right = 0.068 * max(map(len, notes)) + 0.15
    step = 0.215
    long = min(4.6, _ROOM - left - right)

    def draw(sheet: _Sheet, top: float) -> None:
        axes = sheet.axes(_EDGE + left, top, long, step * len(names))
        zero = 0.5 if block.signed else 0.0
        axes.plot([zero, zero], [0, 1], color=_QUIET, linewidth=0.8, clip_on=False)
        for index, value in enumerate(block.values[:_MANY]):
            picked = index in block.picked
            part = share(value, most) * (0.5 if block.signed else 1.0)
            if not block.signed:
                part = max(0.0, part)
            color = (BLUE if part > 0 else RED) if block.signed else YELLOW if picked else _INK
            edge = {"edgecolor": YELLOW, "linewidth": 1.2} if picked and block.signed else {"linewidth": 0}
            if part:
                middle = 1 - (index + 0.5) / len(names)
                axes.barh(middle, part, 0.62 / len(names), zero, color=color, **edge)
            line = top - (index + 0.5) * step
            ink, weight = (YELLOW, "bold") if picked else (_INK, "normal")
            sheet.write(_EDGE + left - 0.1, line, numbers[index], 8.5, ink, va="center", ha="right", weight=weight)
            across = _EDGE + left - 0.22 - 0.075 * max(map(len, numbers))
            sheet.write(across, line, names[index], 8.5, ink, va="center", ha="right", weight=weight)
            sheet.write(_EDGE + left + long + 0.12, line, notes[index], 8, _QUIET, va="center")
        axes.set(xlim=(0, 1), ylim=(0, 1))
        if len(block.names) > _MANY:
            sheet.write(_EDGE, top - step * len(names), f"and {len(block.names) - _MANY} more, left out", 8, _QUIET)

    return step * len(names) + 0.25, draw


def _nothing() -> Drawing:
    return _sentence(NOTHING)


def _framed(axes: Any, x: Axis, y: Axis, x_name: str, y_name: str, grid: bool = True) -> None:
    """Ticks and the names of both axes; what is drawn in it is given in shares of both."""
    for spine in ("left", "bottom"):
        axes.spines[spine].set(visible=True, color=_QUIET, linewidth=0.8)
    x_ticks, y_ticks = x.ticks(7), y.ticks(6)
    axes.set_xticks([at for at, _ in x_ticks], [word for _, word in x_ticks])
    axes.set_yticks([at for at, _ in y_ticks], [word for _, word in y_ticks])
    axes.tick_params(colors=_QUIET, labelsize=8, length=0 if grid else 3, pad=4)
    if grid:
        axes.grid(color=_FAINT, linewidth=0.7)
        axes.set_axisbelow(True)
    axes.set_xlabel(_known(short(x_name, 90)), color=_QUIET, size=8.5)
    axes.text(0, 1.03, _known(short(y_name, 90)), color=_QUIET, size=8.5, ha="left", va="bottom")
    axes.set(xlim=(0, 1), ylim=(0, 1))


def _legend(sheet: _Sheet, left: float, top: float, entries: Sequence[tuple[str, str, str]], most: int) -> None:
    """Signs with names, one below the other: the marker ('-' is a line), its color, the name."""
    shown = entries if len(entries) <= most else entries[: most - 1]
    axes = sheet.axes(left, top, 0.25, 0.2 * most)
    for index, (marker, color, name) in enumerate(shown):
        middle = 1 - (index + 0.5) / most
        if marker == "-":
            axes.plot([0.1, 0.9], [middle, middle], color=color, linewidth=2)
        else:
            face = _GROUND if marker == "O" else color
            axes.plot(
                [0.5], [middle], marker.lower(), color=color, markersize=5, markerfacecolor=face, markeredgewidth=1.3
            )
        sheet.write(left + 0.32, top - (index + 0.5) * 0.2, short(name, 26), 8, va="center")
    if len(entries) > len(shown):
        sheet.write(
            left + 0.32, top - (len(shown) + 0.5) * 0.2, f"and {len(entries) - len(shown)} more", 8, _QUIET, va="center"
        )
    axes.set(xlim=(0, 1), ylim=(0, 1))


_LEFT = 0.75  # inches for the numbers at the axis
_SIDE = 2.1  # inches for the legend


def _curves(block: Curves) -> Drawing:
    spans = curve_axes(block, 0.04)
    if spans is None:
        return _nothing()
    x, y = spans
    high = 2.6

    def draw(sheet: _Sheet, top: float) -> None:
        axes = sheet.axes(_EDGE + _LEFT, top - 0.25, _ROOM - _LEFT - _SIDE, high)
        entries = []
        for index, curve in enumerate(block.curves):
            color = color_of(curve.color, index)
            for piece in pieces(curve, x, y):
                axes.plot(
                    piece[:, 0],
                    piece[:, 1],
                    "-" if len(piece) > 1 else "o",
                    color=color,
                    linewidth=1.7,
                    markersize=4,
                    clip_on=False,
                )
            entries.append(("-", color, curve.name))
        for across, up, _, name in placed_marks(block, x, y, 3):
            axes.plot([across], [up], "o", color=YELLOW, markersize=6, markeredgecolor=_GROUND, clip_on=False, zorder=5)
            entries.append(("o", YELLOW, name))
        _framed(axes, x, y, axis_name(block.x, block.log_x), axis_name(block.y, block.log_y))
        _legend(sheet, _WIDE - _EDGE - _SIDE + 0.2, top - 0.25, entries, 13)

    return high + 0.85, draw


def _surface(block: Surface) -> Drawing:
    ground = heights(block)
    if ground is None:
        return _nothing()
    side = 4.4

    def draw(sheet: _Sheet, top: float) -> None:
        axes = sheet.axes(_EDGE + _LEFT, top - 0.25, side, side)
        there = np.isfinite(ground.shares)
        colors = heat(np.where(there, ground.shares, 0.0))
        colors[~there] = rgb(_GROUND)
        coarse = min(there.shape) <= 16 or not there.all()  # smoothed, it would show what is not there
        look = {"origin": "lower", "extent": (0, 1, 0, 1), "aspect": "auto"}
        axes.imshow(colors, interpolation="nearest" if coarse else "bilinear", **look)
        entries = []
        for index, track in enumerate(block.tracks):
            color = color_of(None, index + 1)
            points = np.stack([ground.x.place(track.points[:, 0]), ground.y.place(track.points[:, 1])], axis=1)
            points = points[np.isfinite(points).all(axis=1)]
            if len(points):
                for ink, width in ((_GROUND, 3.2), (color, 1.5)):
                    axes.plot(points[:, 0], points[:, 1], color=ink, linewidth=width)
                for at, face in ((points[0], _GROUND), (points[-1], color)):
                    axes.plot(*at[:, None], "o", color=color, markerfacecolor=face, markersize=5.5, markeredgewidth=1.4)
            entries.append(("-", color, track.name))
        if entries:
            entries += [("O", _INK, "start"), ("o", _INK, "end")]
        across, up = ground.center()
        if 0 <= across <= 1 and 0 <= up <= 1:
            for ink, width in ((_GROUND, 4), (YELLOW, 1.8)):
                axes.plot([across], [up], "x", color=ink, markersize=8, markeredgewidth=width)
            entries.insert(0, ("x", YELLOW, "(0, 0)"))
        _framed(axes, ground.x, ground.y, block.x, block.y, grid=False)
        right = _EDGE + _LEFT + side + 0.2
        strip = sheet.axes(right, top - 0.25, 0.14, side)
        strip.imshow(heat(np.linspace(0, 1, 128)[:, None]), interpolation="nearest", **look)
        sheet.write(right + 0.22, top - 0.25, number(ground.high), 8, _QUIET)
        sheet.write(right + 0.22, top - 0.25 - side, number(ground.low), 8, _QUIET, va="bottom")
        _legend(sheet, right + 0.22, top - 0.75, entries, 16)

    return side + 0.85, draw


def _map(block: Map) -> Drawing:
    found = map_axes(block.points)
    if found is None:
        return _nothing()
    x, y, form = found
    wide = 5.8
    title = textwrap.wrap(clean(block.title), 70)[:2]
    above = 0.2 * len(title) + 0.05

    def draw(sheet: _Sheet, top: float) -> None:
        sheet.write(_EDGE, top, "\n".join(title), 10, weight="bold")
        axes = sheet.axes(_EDGE, top - above, wide, wide * form)
        for spine in axes.spines.values():
            spine.set(visible=True, color=_FAINT, linewidth=1)
        points = np.asarray(block.points, dtype=np.float64)
        places = np.stack([x.place(points[:, 0]), y.place(points[:, 1])], axis=1)
        entries = []
        for label, name in class_names(block):
            own = places[(block.labels == label) & np.isfinite(places).all(axis=1)]
            color = color_of(None, label, CLASSES)
            entries.append(("o", color, name))
            size = 3.4 if len(points) <= 1500 else 2.2
            axes.plot(own[:, 0], own[:, 1], "o", color=color, markersize=size, alpha=0.8, markeredgewidth=0)
        for label, name in class_names(block):
            own = places[(block.labels == label) & np.isfinite(places).all(axis=1)]
            if len(own):
                across, up = np.median(own, axis=0).tolist()
                up = up if len(own) > 3 else min(0.92, up + 0.02)  # a name must not hide the only points
                box = {"boxstyle": "round,pad=0.15", "facecolor": _GROUND, "edgecolor": "none", "alpha": 0.75}
                where = {"ha": "center", "va": "center" if len(own) > 3 else "bottom"}
                axes.text(
                    across, up, _known(short(name, 14)), size=11, color="#ffffff", weight="bold", bbox=box, **where
                )
        axes.set(xlim=(0, 1), ylim=(0, 1))
        _legend(sheet, _EDGE + wide + 0.2, top - above, entries, 16)

    return above + max(wide * form, 0.2 * min(16, len(class_names(block)))) + 0.25, draw
