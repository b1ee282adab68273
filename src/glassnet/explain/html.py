"""An explanation in a notebook: its blocks as one piece of HTML that needs nothing from outside.

No scripts, no style sheets, no links: styles stand in the elements, pictures are PNG in the page, charts are inline SVG.
Words take the color of the page around them, so that it can be read on light ground and on dark.
"""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glassnet.explain.blocks import (
    Bars,
    Block,
    Cell,
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

__all__ = ["to_html"]

_PICKED = "#F0B429"  # the series' yellow, darker, so that it can be seen on white
_FRAME = (
    "max-width:900px;margin:0;padding:4px 2px;font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;"
    "font-size:14px;line-height:1.5;text-align:left;font-variant-numeric:tabular-nums"
)
_RULE = "1px solid rgba(128,128,128,.28)"
_CELL = "padding:3px 20px 3px 0;border:0;vertical-align:top;background:none;max-width:420px;overflow-wrap:break-word;"
_SVG = "display:block;width:100%;height:auto;overflow:visible"
_WIDE = 720  # of a chart, in its own units: about pixels


def to_html(blocks: Iterable[Block]) -> str:
    """The blocks as one ``<div>``: self-contained, every word escaped, for light pages and dark."""
    return f'<div class="glassnet" style="{_FRAME}">{"".join(map(_shown, blocks))}</div>'


def _shown(block: Block) -> str:
    return _RENDERERS[type(block)](block)


def _escaped(text: str) -> str:
    return html.escape(clean(text))


def _heading(block: Heading) -> str:
    if not block.text:
        return ""
    style = "margin:28px 0 6px;padding:0;font-size:18px;line-height:1.3;font-weight:600;color:inherit"
    return f'<h3 style="{style}">{_escaped(block.text)}</h3>'


def _sentence(block: Sentence) -> str:
    look = "font-size:13px;opacity:.68" if block.quiet else "font-size:14px"
    return f'<p style="margin:6px 0;max-width:72ch;{look}">{_escaped(block.text)}</p>'


def _nothing() -> str:
    return _sentence(Sentence(NOTHING, quiet=True))


def _adapted(color: str, amount: int = 72) -> str:
    """A color mixed with the page's own ink: darker on light pages, lighter on dark; as it is in old browsers."""
    return f"color-mix(in srgb,{color} {amount}%,currentColor)"


# Tables


def _table(block: Table) -> str:
    columns = len(block.columns) or max(map(len, block.rows), default=0)
    if not columns:
        return ""
    numeric = [to_the_right(block, index) for index in range(columns)]
    rows = []
    if block.columns:
        head = "".join(
            f'<th scope="col" style="{_CELL}text-align:{_side(right)};font-weight:600;border-bottom:{_RULE}">'
            f"{_escaped(name)}</th>"
            for name, right in zip(block.columns, numeric, strict=True)
        )
        rows.append(f'<thead><tr style="background:none;border:0">{head}</tr></thead>')
    rows.append("<tbody>")
    for row in block.rows:
        cells = "".join(
            _fact(cell, index) if not block.columns else _cell(cell, numeric[index])
            for index, cell in enumerate(row[:columns])
        )
        rows.append(f'<tr style="background:none;border:0">{cells}</tr>')
    rows.append("</tbody>")
    return _scrolling(_grid("".join(rows)))


def _side(right: bool) -> str:
    return "right" if right else "left"


def _cell(cell: Cell, right: bool) -> str:
    return (
        f'<td style="{_CELL}{"text-align:right;white-space:nowrap" if right else "text-align:left"};'
        f'border-bottom:1px solid rgba(128,128,128,.12);{_ink(cell)}">'
        f"{html.escape(words(cell))}</td>"
    )


def _fact(cell: Cell, index: int) -> str:
    if index == 0:
        return f'<th scope="row" style="{_CELL}text-align:left;font-weight:400;opacity:.68">{html.escape(words(cell))}</th>'
    return f'<td style="{_CELL}text-align:left;{_ink(cell)}">{html.escape(words(cell))}</td>'


def _ink(cell: Cell) -> str:
    """A number's color: blue above 0, red below."""
    if isinstance(cell, str) or not (cell > 0 or cell < 0):
        return ""
    return f"color:{_adapted(BLUE if cell > 0 else RED, 62)}"


def _grid(rows: str) -> str:
    look = "border-collapse:collapse;border:0;margin:0;font-size:13px;background:none;color:inherit;width:auto"
    return f'<table style="{look}">{rows}</table>'


def _scrolling(inside: str) -> str:
    return f'<div style="overflow-x:auto;margin:10px 0 14px">{inside}</div>'


# Pictures


def _picture(block: Picture) -> str:
    return _row([block], 168 if block.values.size == 0 or block.values.shape[1] <= LARGE else 880)


def _pictures(block: Pictures) -> str:
    return _row(block.pictures, 112)


def _row(pictures: Sequence[Picture], side: int) -> str:
    figures = "".join(_figure(each, side) for each in pictures if each.values.size)
    look = "display:flex;flex-wrap:wrap;gap:14px 16px;align-items:flex-start;margin:10px 0 14px"
    return f'<div style="{look}">{figures}</div>' if figures else ""


def _figure(block: Picture, side: int) -> str:
    shades = pixels(block)
    high, wide = shades.shape
    scale = max(1, min(16, side // max(high, wide))) if max(high, wide) <= side else min(880, wide) / wide
    wide, high = max(8, round(wide * scale)), max(8, round(high * scale))  # what could not be seen is stretched
    name = _escaped(" ".join(block.caption.split())) or (
        "a picture" if block.kind == "ink" else "a picture of signed numbers"
    )
    image = _image(_inked(shades) if block.kind == "ink" else _tinted(shades))
    svg = (
        f'<svg role="img" aria-label="{name}" width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" '
        f'style="display:block;margin:0 auto;max-width:100%;height:auto;border-radius:3px;outline:{_RULE};outline-offset:0">'
        f'<title>{name}</title><image href="{image}" width="{wide}" height="{high}" preserveAspectRatio="none" '
        'style="image-rendering:pixelated"/></svg>'
    )
    look = "margin:5px 0 0;font-size:12px;line-height:1.35;opacity:.75;text-align:center;overflow-wrap:anywhere"
    caption = f'<figcaption style="{look}">{_escaped(block.caption)}</figcaption>' if block.caption else ""
    return f'<figure style="margin:0;width:{max(wide, 96)}px;max-width:100%">{svg}{caption}</figure>'


def _inked(shades: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(shades * 255).astype(np.uint8)


def _tinted(shades: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Blue or red on no ground at all: how strong a number is, is how little one sees through it."""
    colors = np.array([rgb(RED), rgb(BLUE)], dtype=np.uint8)[(shades > 0).astype(int)]
    return np.concatenate([colors, np.rint(np.abs(shades) * 255).astype(np.uint8)[..., None]], axis=2)


def _image(array: NDArray[np.uint8]) -> str:
    body = io.BytesIO()
    Image.fromarray(array).save(body, "png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(body.getvalue()).decode("ascii")


# Bars


def _bars(block: Bars) -> str:
    if not block.names:
        return ""
    most = block.full
    noted = any(block.notes)
    rows = []
    for index, (name, value) in enumerate(zip(block.names, block.values, strict=True)):
        picked = index in block.picked
        look = "padding:0 12px 0 0;border:0;background:none;vertical-align:middle;overflow-wrap:break-word;"
        weight = "font-weight:700;" if picked else "font-weight:400;"
        note = ""
        if noted:
            text = _escaped(block.notes[index]) if index < len(block.notes) else ""
            note = f'<td style="{look}{_unbroken(text)}text-align:left;font-size:12px;opacity:.75">{text}</td>'
        rows.append(
            '<tr style="background:none;border:0">'
            f'<th scope="row" style="{look}{weight}{_unbroken(name)}text-align:right">{_escaped(name)}</th>'
            f'<td style="{look}{weight}text-align:right;white-space:nowrap">{number(value)}</td>'
            f'<td style="{look}">{_bar(share(value, most), block.signed, picked, f"{clean(name)}: {number(value)}")}</td>'
            f"{note}</tr>"
        )
    return _scrolling(_grid(f"<tbody>{''.join(rows)}</tbody>"))


def _unbroken(text: str) -> str:
    """Short words stay in one line, so that on a narrow page the bars keep together, and scroll."""
    return "white-space:nowrap;" if len(text) <= 48 else "min-width:240px;"


def _bar(part: float, both: bool, picked: bool, name: str) -> str:
    """One bar, 320 wide and 20 high; the line at 0 runs on into the next row."""
    wide = 320
    zero = wide / 2 if both else 0.5
    long = abs(part) * (wide / 2 if both else wide) if both or part > 0 else 0.0
    long = max(long, 1.0) if long else 0.0
    fill = (BLUE if part > 0 else RED) if both else _PICKED if picked else "currentColor"
    edge = f' stroke="{_PICKED}" stroke-width="2"' if both and picked else ""
    look = ' fill-opacity=".8"' if fill == "currentColor" else ""
    label = html.escape(name)
    return (
        f'<svg role="img" aria-label="{label}" width="{wide}" height="20" viewBox="0 0 {wide} 20" style="display:block">'
        f"<title>{label}</title>"
        f'<rect x="{zero - long if part < 0 else zero:.2f}" y="4" width="{long:.2f}" height="12" fill="{fill}"{look}{edge}/>'
        f'<path d="M{zero:g} 0V20" stroke="currentColor" stroke-opacity=".35"/></svg>'
    )


# Charts


def _chart(name: str, high: float, inside: str, wide: float = _WIDE) -> str:
    label = html.escape(name)
    return (
        f'<div style="max-width:{wide:g}px;margin:10px 0 4px">'
        f'<svg role="img" aria-label="{label}" viewBox="0 0 {wide:g} {high:g}" style="{_SVG}" '
        f'font-size="12" fill="currentColor"><title>{label}</title>{inside}</svg></div>'
    )


class _Frame:
    """The rectangle of a chart between its two axes, and where things are in it."""

    def __init__(self, x: Axis, y: Axis, wide: float, high: float, x_name: str, y_name: str, grid: bool = True) -> None:
        self.x, self.y, self.wide, self.high = x, y, wide, high
        self.x_name, self.y_name, self.grid = x_name, y_name, grid
        self.x_ticks, self.y_ticks = x.ticks(7), y.ticks(6)
        self.left = 12 + 7.0 * max((len(word) for _, word in self.y_ticks), default=0)
        self.top = 26.0

    def across(self, part: float) -> float:
        return self.left + part * self.wide

    def down(self, part: float) -> float:
        return self.top + (1 - part) * self.high

    def axes(self) -> str:
        """Ticks with thin lines, their numbers, and the names of both axes."""
        parts = []
        faint = ".14" if self.grid else ".5"
        bottom, right = self.down(0), self.across(1)
        for part, word in self.y_ticks:
            y = self.down(part)
            start, end = (self.left, right) if self.grid else (self.left - 5, self.left)
            parts.append(f'<path d="M{start:.1f} {y:.1f}H{end:.1f}" stroke="currentColor" stroke-opacity="{faint}"/>')
            parts.append(f'<text x="{self.left - 8:.1f}" y="{y + 4:.1f}" text-anchor="end" opacity=".75">{word}</text>')
        for part, word in self.x_ticks:
            x = self.across(part)
            start, end = (self.top, bottom) if self.grid else (bottom, bottom + 5)
            parts.append(f'<path d="M{x:.1f} {start:.1f}V{end:.1f}" stroke="currentColor" stroke-opacity="{faint}"/>')
            parts.append(f'<text x="{x:.1f}" y="{bottom + 18:.1f}" text-anchor="middle" opacity=".75">{word}</text>')
        edge = f"M{self.left:.1f} {self.top:.1f}V{bottom:.1f}H{right:.1f}"
        parts.append(f'<path d="{edge}" fill="none" stroke="currentColor" stroke-opacity=".5"/>')
        parts.append(f'<text x="{self.left:.1f}" y="14" opacity=".75">{html.escape(short(self.y_name, 80))}</text>')
        middle = self.across(0.5)
        x_name = html.escape(short(self.x_name, 80))
        parts.append(f'<text x="{middle:.1f}" y="{bottom + 37:.1f}" text-anchor="middle" opacity=".75">{x_name}</text>')
        return "".join(parts)

    def inside(self, things: str) -> str:
        """Things drawn in the rectangle's own coordinates, cut off at its edges."""
        box = f'x="{self.left:.1f}" y="{self.top:.1f}" width="{self.wide:.1f}" height="{self.high:.1f}"'
        return f'<svg {box} viewBox="0 0 {self.wide:.1f} {self.high:.1f}" style="overflow:hidden">{things}</svg>'

    @property
    def bottom(self) -> float:
        return self.down(0) + 44


def _path(points: NDArray[np.float64]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points.tolist())


def _legend(entries: Iterable[tuple[str, str]]) -> str:
    """Colored dots with names: the sign's SVG, the name."""
    items = "".join(
        f'<span style="display:inline-flex;align-items:baseline;gap:6px;overflow-wrap:anywhere">{sign}'
        f"<span>{_escaped(name)}</span></span>"
        for sign, name in entries
    )
    look = "display:flex;flex-wrap:wrap;gap:2px 18px;margin:2px 0 14px;font-size:12px;max-width:720px"
    return f'<div style="{look}">{items}</div>' if items else ""


def _sign(inside: str) -> str:
    return f'<svg aria-hidden="true" width="16" height="10" viewBox="0 0 16 10" style="flex:none">{inside}</svg>'


def _stroke(color: str) -> str:
    """A line's color; attribute for old browsers, style for those that can mix."""
    return f'stroke="{color}" style="stroke:{_adapted(color, 82)}"'


def _curves(block: Curves) -> str:
    axes = curve_axes(block, 0.04)
    if axes is None:
        return _nothing()
    x, y = axes
    frame = _Frame(x, y, 0, 240, axis_name(block.x, block.log_x), axis_name(block.y, block.log_y))
    frame.wide = _WIDE - frame.left - 20
    size = np.array([frame.wide, frame.high])
    drawn, legend, named = [], [], []
    for index, curve in enumerate(block.curves):
        color = color_of(curve.color, index)
        for piece in pieces(curve, x, y):
            points = (piece * [1, -1] + [0, 1]) * size
            path = _path(points) if len(points) > 1 else _path(points) + "h0"
            width = 2 if len(points) > 1 else 6
            drawn.append(
                f'<path d="{path}" fill="none" {_stroke(color)} stroke-width="{width}" stroke-linejoin="round" '
                'stroke-linecap="round"/>'
            )
        legend.append((_sign(f'<path d="M0 5H16" {_stroke(color)} stroke-width="3"/>'), curve.name))
    for across, up, word, legend_name in placed_marks(block, x, y):
        side = ("start", 9) if across < 0.6 else ("end", -9)
        at = frame.across(across), frame.down(up)
        named.append(
            f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="5" fill="{_PICKED}" stroke="#222" stroke-width="1"/>'
            f'<text x="{at[0] + side[1]:.1f}" y="{at[1] - 8:.1f}" text-anchor="{side[0]}">'
            f"{html.escape(short(word, 40))}</text>"
        )
        sign = _sign(f'<circle cx="8" cy="5" r="4.5" fill="{_PICKED}" stroke="#222" stroke-width="1"/>')
        legend.append((sign, legend_name))
    name = f"{frame.y_name} over {frame.x_name}: {', '.join(clean(each.name) for each in block.curves)}"
    # lines on the edge of the rectangle keep their full width: it is drawn without being cut
    body = f'<g transform="translate({frame.left:.1f} {frame.top:.1f})">{"".join(drawn)}</g>'
    return _chart(name, frame.bottom, frame.axes() + body + "".join(named)) + _legend(legend)


def _surface(block: Surface) -> str:
    ground = heights(block)
    if ground is None:
        return _nothing()
    frame = _Frame(ground.x, ground.y, 400, 400, clean(block.x), clean(block.y), grid=False)
    size = np.array([frame.wide, frame.high])
    image = heat(np.nan_to_num(ground.shares[::-1]))
    there = np.isfinite(ground.shares[::-1])
    image = np.concatenate([image, np.where(there, 255, 0).astype(np.uint8)[..., None]], axis=2)
    coarse = min(there.shape) <= 16 or not there.all()  # smoothed, it would show what is not there
    parts = [
        f'<image href="{_image(image)}" width="{frame.wide:g}" height="{frame.high:g}" preserveAspectRatio="none" '
        f'style="image-rendering:{"pixelated" if coarse else "auto"}"/>'
    ]
    legend = []
    for index, track in enumerate(block.tracks):
        color = color_of(None, index + 1)
        points = np.stack([ground.x.place(track.points[:, 0]), ground.y.place(track.points[:, 1])], axis=1)
        points = (points[np.isfinite(points).all(axis=1)] * [1, -1] + [0, 1]) * size
        if len(points):
            path = _path(points)
            for look in (
                'stroke="#0f1115" stroke-opacity=".55" stroke-width="4.5"',
                f'stroke="{color}" stroke-width="2"',
            ):
                parts.append(f'<path d="{path}" fill="none" {look} stroke-linejoin="round" stroke-linecap="round"/>')
            for at, fill in ((points[0], "#0f1115"), (points[-1], color)):
                parts.append(
                    f'<circle cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="4.5" fill="{fill}" stroke="{color}" stroke-width="2"/>'
                )
        line = _sign(f'<path d="M0 5H16" stroke="{color}" stroke-width="3"/>')
        legend.append((line, track.name))
    if legend:
        for fill, name in (("none", "start"), ("currentColor", "end")):
            dot = f'<circle cx="8" cy="5" r="3.5" fill="{fill}" stroke="currentColor" stroke-width="1.5"/>'
            legend.append((_sign(dot), name))
    across, up = ground.center()
    if 0 <= across <= 1 and 0 <= up <= 1:
        across, down = across * frame.wide, (1 - up) * frame.high
        cross = f"M{across - 5:.1f} {down - 5:.1f}l10 10m0 -10l-10 10"
        parts.append(f'<path d="{cross}" stroke="#0f1115" stroke-width="5" stroke-linecap="round"/>')
        parts.append(f'<path d="{cross}" stroke="{_PICKED}" stroke-width="2.5" stroke-linecap="round"/>')
        legend.insert(0, (_sign(f'<path d="M4 1l8 8m0 -8l-8 8" stroke="{_PICKED}" stroke-width="2.5"/>'), "(0, 0)"))
    name = f"heights over {frame.x_name} and {frame.y_name}, from {number(ground.low)} to {number(ground.high)}"
    wide = frame.across(1) + 110
    return _chart(
        name, frame.bottom, frame.inside("".join(parts)) + frame.axes() + _scale(ground.low, ground.high, frame), wide
    ) + _legend(legend)


def _scale(low: float, high: float, frame: _Frame) -> str:
    """What color is what height: a strip beside the surface."""
    at = frame.across(1) + 18
    strip = heat(np.linspace(1, 0, 64)[:, None])
    return (
        f'<image href="{_image(strip)}" x="{at:.1f}" y="{frame.top:.1f}" width="12" height="{frame.high:.1f}" '
        'preserveAspectRatio="none"/>'
        f'<text x="{at + 18:.1f}" y="{frame.top + 10:.1f}" opacity=".75">{number(high)}</text>'
        f'<text x="{at + 18:.1f}" y="{frame.down(0):.1f}" opacity=".75">{number(low)}</text>'
    )


def _map(block: Map) -> str:
    axes = map_axes(block.points)
    title = f'<p style="margin:10px 0 0;font-weight:600">{_escaped(block.title)}</p>' if block.title else ""
    if axes is None:
        return title + _nothing()
    x, y, form = axes
    wide, high = 640.0, 640.0 * form
    points = np.asarray(block.points, dtype=np.float64)
    places = np.stack([x.place(points[:, 0]), 1 - y.place(points[:, 1])], axis=1) * [wide, high]
    labels = np.asarray(block.labels)
    size = 6 if len(points) <= 1500 else 4
    dots, middles, legend = [], [], []
    for label, name in class_names(block):
        own = places[(labels == label) & np.isfinite(places).all(axis=1)]
        color = color_of(None, label, CLASSES)
        legend.append((_sign(f'<circle cx="8" cy="5" r="5" fill="{color}" style="fill:{_adapted(color, 85)}"/>'), name))
        if not len(own):
            continue
        # a line without length and with a round end is a circle: a tenth of the bytes of a <circle>
        path = "".join(f"M{across:.1f} {down:.1f}h0" for across, down in own.tolist())
        dots.append(
            f'<path d="{path}" {_stroke(color)} stroke-width="{size}" stroke-linecap="round" stroke-opacity=".8">'
            f"<title>{html.escape(name)}</title></path>"
        )
        across, down = np.median(own, axis=0).tolist()
        down = down if len(own) > 3 else max(14, down - 14)  # a name must not hide the only points
        middles.append(
            f'<text x="{across:.1f}" y="{down + 6:.1f}" text-anchor="middle" font-size="17" font-weight="700" '
            f'stroke="#fff" stroke-width="3" stroke-linejoin="round" paint-order="stroke" fill="#222">'
            f"{html.escape(short(name, 14))}</text>"
        )
    border = f'<rect width="{wide:g}" height="{high:g}" fill="none" stroke="currentColor" stroke-opacity=".25" rx="4"/>'
    name = f"{clean(block.title)}: {len(points)} points of {len(legend)} classes"
    return title + _chart(name, high, border + "".join(dots) + "".join(middles), wide) + _legend(legend)


_RENDERERS: dict[type, Callable[[Any], str]] = {
    Heading: _heading,
    Sentence: _sentence,
    Table: _table,
    Picture: _picture,
    Pictures: _pictures,
    Bars: _bars,
    Curves: _curves,
    Surface: _surface,
    Map: _map,
}
