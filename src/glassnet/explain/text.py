"""An explanation in the terminal: its blocks as text, as wide as the console, in the series' colors where it has them.

Without colors everything can still be told: pictures and surfaces are characters of rising darkness, numbers below 0
are letters, and each of several curves has its own sign.
"""

from __future__ import annotations

import io
import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.padding import Padding
from rich.style import Style
from rich.table import Table as Grid
from rich.text import Text

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
    NOTHING,
    RED,
    axis_name,
    class_names,
    clean,
    color_of,
    curve_axes,
    heat,
    heights,
    is_number,
    map_axes,
    pieces,
    pixels,
    placed_marks,
    share,
    short,
    to_the_right,
    words,
)
from glassnet.terminal import gallery, picture

__all__ = ["renderable", "to_text"]

_WIDTH = 100
_ABOVE, _BELOW = " .:-=+*#%@", " ircsnagMW"  # of the same darkness: signs above 0, letters below
_KEY = f"The signs {_ABOVE[1:]} are numbers above 0, the letters {_BELOW[1:]} numbers below; darker is larger."
_PICKED = "bold yellow"  # the terminal's own, which can be read on light grounds too
_SIGNS = "●+×o◆*▲□"  # of several curves without colors
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character: row, column


def to_text(blocks: Iterable[Block]) -> str:
    """The blocks as plain text: no colors, at most 100 columns, no spaces at the ends of lines."""
    console = Console(
        file=io.StringIO(),
        width=_WIDTH,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
        legacy_windows=False,
        _environ={},
    )
    with console.capture() as captured:
        console.print(renderable(blocks))
    return "\n".join(line.rstrip() for line in captured.get().split("\n")).strip("\n")


def renderable(blocks: Iterable[Block]) -> RenderableType:
    """The blocks for rich to print: as wide as the console, with colors where it has them."""
    return _Page(tuple(blocks))


class _Page:
    """The blocks, one below the other."""

    def __init__(self, blocks: tuple[Block, ...]) -> None:
        self.blocks = blocks

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        width = max(20, options.max_width)
        keyed = _colored(console)
        before: Block | None = None
        for block in self.blocks:
            shown = _shown(block, console, width)
            if shown is None:
                continue
            close = isinstance(before, Heading) or (isinstance(before, Sentence) and isinstance(block, Sentence))
            if before is not None and not close:
                yield ""
            yield shown
            if not keyed and any(each.kind == "signed" for each in _pictures(block)):
                keyed = True
                yield Text(_KEY, "dim")
            before = block


def _shown(block: Block, console: Console, width: int) -> RenderableType | None:
    """The block for rich; None if there is nothing in it."""
    if isinstance(block, Heading):
        title = clean(block.text)
        return Group(Text(title, "bold"), Text("─" * min(cell_len(title), width), "dim")) if title else None
    if isinstance(block, Sentence):
        return _narrow(Text(clean(block.text), "dim" if block.quiet else ""), width)
    if isinstance(block, Table):
        return _table(block, width)
    if isinstance(block, Picture | Pictures):
        return _gallery(_pictures(block), console, width)
    if isinstance(block, Bars):
        return _bars(block, width)
    if isinstance(block, Curves):
        return _curves(block, console, width)
    if isinstance(block, Surface):
        return _surface(block, console, width)
    return _map(block, console, width)


def _colored(console: Console) -> bool:
    """Whether there are colors enough to tell shades apart."""
    return console.color_system not in (None, "standard", "windows")


def _narrow(text: Text, width: int) -> RenderableType:
    """Lines of more than a hundred characters are hard to read."""
    return Padding(text, (0, max(0, width - _WIDTH), 0, 0))


# Tables


_WORD = 12
"""Words of a table are kept whole up to this many characters, where there is room for three of them; numbers always."""


def _table(block: Table, width: int) -> RenderableType | None:
    """The table; or, where its columns do not fit side by side, parts of it below each other, each with the first column."""
    columns = len(block.columns) or max(map(len, block.rows), default=0)
    if not columns:
        return None
    gap = 3 if block.columns else 2
    least, most = zip(*(_widths(block, index, width) for index in range(columns)), strict=True)
    groups, used = [[0]], least[0]
    for index in range(1, columns):
        if used + gap + least[index] > width and len(groups[-1]) > 1:
            groups.append([0])
            used = least[0]
        groups[-1].append(index)
        used += gap + least[index]
    grids: list[RenderableType] = []
    for group in groups:
        room = width - gap * (len(group) - 1)
        shares = _shared([least[index] for index in group], [most[index] for index in group], room)
        grids += [*([""] if grids else []), _grid(block, group, shares)]
    return grids[0] if len(grids) == 1 else Group(*grids)


def _widths(block: Table, index: int, width: int) -> tuple[int, int]:
    """The width below which a number in this column, or a short word, would be cut; and the width of its longest line."""
    said = [words(row[index]) for row in block.rows if index < len(row)]
    if block.columns:
        said.append(clean(block.columns[index]))
    least = 1
    for text in said:
        for part in [text] if is_number(text) else text.split():
            least = max(least, cell_len(part) if is_number(part) else min(cell_len(part), _WORD, width // 3))
    return min(least, width), max(least, *(cell_len(line) for text in said for line in text.split("\n")))


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Widths from the least to the most that each column can use, one character at a time to the column that lacks most."""
    widths = list(least)
    for _ in range(min(room, sum(most)) - sum(widths)):
        lacking = [wanted - width for wanted, width in zip(most, widths, strict=True)]
        widths[lacking.index(max(lacking))] += 1
    return widths


def _grid(block: Table, group: Sequence[int], widths: Sequence[int]) -> Grid:
    if block.columns:
        grid = Grid(
            box=SIMPLE_HEAD, header_style="bold", border_style="dim", padding=(0, 1), pad_edge=False, show_edge=False
        )
    else:
        grid = Grid.grid(padding=(0, 2, 0, 0))
    for index, width in zip(group, widths, strict=True):
        name = Text(clean(block.columns[index])) if block.columns else ""
        grid.add_column(
            name,
            justify="right" if to_the_right(block, index) else "left",
            overflow="fold",
            width=width,
            style="dim" if not block.columns and not index else None,
        )
    for row in block.rows:
        grid.add_row(*(_cell(row[index]) if index < len(row) else "" for index in group))
    return grid


def _cell(cell: Cell) -> Text:
    style = "" if isinstance(cell, str) else BLUE if cell > 0 else RED if cell < 0 else ""
    return Text(words(cell), style)


# Pictures


def _pictures(block: Block) -> tuple[Picture, ...]:
    pictures = block.pictures if isinstance(block, Pictures) else (block,) if isinstance(block, Picture) else ()
    return tuple(each for each in pictures if each.values.size)


def _gallery(pictures: Sequence[Picture], console: Console, width: int) -> RenderableType | None:
    shown = []
    for each in pictures:
        shades, folded = _fitting(pixels(each), width)
        lines = picture(shades, console) if each.kind == "ink" else _signed(shades, console)
        caption = clean(each.caption)
        if folded > 1:
            caption = f"{caption} ({folded} × {folded} numbers in one)".strip()
        room = min(width, max(shades.shape[1], 12))
        shown.append((lines, "\n".join(textwrap.wrap(caption, room))))
    if not shown:
        return None
    if len(shown) == 1:
        lines, caption = shown[0]
        return Group(lines, Text(caption, "dim")) if caption else lines
    return gallery(shown)


def _fitting(shades: NDArray[np.float64], width: int) -> tuple[NDArray[np.float64], int]:
    """The picture no wider than the console; of the numbers that share a place, the strongest; and how many, each way."""
    folded = -(-shades.shape[1] // width)
    if folded <= 1:
        return shades, 1
    rows, columns = (-(-size // folded) for size in shades.shape)
    full = np.zeros((rows * folded, columns * folded))
    full[: shades.shape[0], : shades.shape[1]] = shades
    blocks = full.reshape(rows, folded, columns, folded).swapaxes(1, 2).reshape(rows, columns, -1)
    return np.take_along_axis(blocks, np.abs(blocks).argmax(axis=2)[..., None], axis=2)[..., 0], folded


def _signed(shades: NDArray[np.float64], console: Console) -> Text:
    """Numbers from −1 to 1; two rows of them share a line."""
    if len(shades) % 2:
        shades = np.vstack([shades, np.zeros(shades.shape[1])])
    lines: list[Text] = []
    for upper, lower in zip(shades[::2].tolist(), shades[1::2].tolist(), strict=True):
        line = Text(no_wrap=True)
        for top, bottom in zip(upper, lower, strict=True):
            if _colored(console):
                line.append("▀", Style(color=_tint(top), bgcolor=_tint(bottom)))
            else:
                stronger = max(top, bottom, key=abs)
                scale = _ABOVE if stronger >= 0 else _BELOW
                line.append(scale[round(abs(stronger) * (len(scale) - 1))], _hue(stronger))
        lines.append(line)
    return Text("\n", no_wrap=True).join(lines)


def _hue(value: float) -> str:
    return BLUE if value > 0 else RED if value < 0 else ""


def _tint(value: float) -> str:
    """Blue or red over black, as strong as the number: pictures lie on black, as the digits do."""
    color = BLUE if value > 0 else RED
    return "#" + "".join(f"{round(int(color[at : at + 2], 16) * abs(value)):02x}" for at in (1, 3, 5))


# Bars


def _bars(block: Bars, width: int) -> RenderableType | None:
    if not block.names:
        return None
    numbers = [number(value) for value in block.values]
    notes = [clean(note) for note in block.notes]
    # A name says which number it is: the bar gives way first, and only what would leave it no room is cut.
    names = [short(name, max(8, width - max(map(len, numbers)) - 8)) for name in block.names]
    beside = max(map(cell_len, names)) + max(map(len, numbers)) + 4
    noted = min(max(map(cell_len, notes), default=0), max(12, width // 3))
    if width - beside - noted - 2 < 12:
        noted = 0  # no room beside the bars: under them
    long = max(4, min(40, width - beside - (noted + 2 if noted else 0)))
    most = block.full
    grid = Grid.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True, overflow="crop")
    if noted:
        grid.add_column(width=noted, overflow="fold", style="dim")
    for index, value in enumerate(block.values):
        style = _PICKED if index in block.picked else ""
        part = share(value, most)
        bar = _two_ways(part, long) if block.signed else Text(_bar(part, long), style)
        if noted:
            bar.append(" " * (long - bar.cell_len))  # so that the notes of all bars begin in one column
        row = [Text(names[index], style), Text(numbers[index], style), bar]
        grid.add_row(*row, *([Text(notes[index])] if noted and index < len(notes) else []))
    if noted or not any(notes):
        return grid
    below = [Text(f"{short(name, 30)}: {note}", "dim") for name, note in zip(block.names, notes, strict=False) if note]
    return Group(grid, *below)


def _bar(part: float, long: int) -> str:
    """A bar to the right, to an eighth of a character; what is there at all can be seen."""
    eighths = round(max(part, 0.0) * long * 8) or int(part > 0)
    return "█" * (eighths // 8) + "▏▎▍▌▋▊▉"[eighths % 8 - 1 :][: eighths % 8 > 0]


def _two_ways(part: float, long: int) -> Text:
    """A bar to the left or the right of a line that is 0."""
    half = max(1, (long - 1) // 2)
    text = Text()
    if part < 0:
        eighths = round(-part * half * 8) or 1
        rest = eighths % 8  # to the left there are only an eighth and a half
        bar = ("" if rest == 0 else "▕" if rest < 3 else "▐" if rest < 7 else "█") + "█" * (eighths // 8)
        text.append(bar.rjust(half), RED)
    else:
        text.append(" " * half)
    text.append("│", "dim")
    text.append(_bar(part, half).ljust(half), BLUE)
    return text


# Charts


def _framed(
    rows: Sequence[Text], y_ends: tuple[str, str], x_ends: tuple[str, str], x_name: str, y_name: str, wide: int
) -> RenderableType:
    """Rows of a chart between two axes, the ends of both labeled."""
    left = max(map(len, y_ends))
    lines = [Text(" " * max(0, left + 1 - len(y_name)) + y_name, "dim")]
    for index, row in enumerate(rows):
        label = y_ends[1] if index == 0 else y_ends[0] if index == len(rows) - 1 else ""
        line = Text(no_wrap=True)
        line.append(label.rjust(left), "dim")
        line.append(" │", "dim")
        lines.append(line.append_text(row))
    lines.append(Text(" " * (left + 1) + "└" + "─" * wide, "dim", no_wrap=True))
    room = wide - len(x_ends[0]) - len(x_ends[1]) - 2
    middle = x_name.center(room) if len(x_name) <= room else " " * room
    lines.append(Text(" " * (left + 2) + f"{x_ends[0]} {middle} {x_ends[1]}", "dim", no_wrap=True))
    if len(x_name) > room:
        lines.append(Text(" " * (left + 2) + x_name, "dim"))
    return Group(*lines)


def _legend(entries: Iterable[tuple[str, str, str]], width: int) -> Text:
    """Signs with their names, as many in a line as fit: sign, its style, name."""
    text, used = Text(), 0
    for sign, style, name in entries:
        long = cell_len(name) + 2
        between = "" if not used else "    " if used + 4 + long <= min(width, _WIDTH) else "\n"
        used = used + 4 + long if between == "    " else long
        text.append(between).append(sign, style).append(f" {name}")
    return text


def _curves(block: Curves, console: Console, width: int) -> RenderableType:
    axes = curve_axes(block)
    if axes is None:
        return Text(NOTHING, "dim")
    x, y = axes
    wide = max(10, min(72, width - max(map(len, y.ends())) - 3))
    fine = _colored(console) or len(block.curves) == 1
    canvas = _Canvas(wide, 14)
    legend = []
    for index, curve in enumerate(block.curves):
        color = color_of(curve.color, index)
        sign = _SIGNS[index % len(_SIGNS)]
        for piece in pieces(curve, x, y):
            canvas.line(piece, color, None if fine else sign)
        legend.append(("━" if fine else sign, color, clean(curve.name)))
    for across, up, _, name in placed_marks(block, x, y):
        canvas.sign((across, up), "◆", _PICKED)
        legend.append(("◆", _PICKED, name))
    frame = _framed(
        canvas.rows(), y.ends(), x.ends(), axis_name(block.x, block.log_x), axis_name(block.y, block.log_y), wide
    )
    return Group(frame, _legend(legend, width)) if legend else frame


class _Canvas:
    """Characters to draw on: lines as braille dots or as signs, and single signs over them."""

    def __init__(self, wide: int, high: int) -> None:
        self.wide, self.high = wide, high
        self.cells: dict[tuple[int, int], tuple[str | int, str]] = {}

    def line(self, points: NDArray[np.float64], style: str, sign: str | None) -> None:
        """A line through points of 0…1 × 0…1: in dots, eight a character, or in signs."""
        scale = np.array([self.wide, self.high]) * (1 if sign else np.array([2, 4]))
        dots = np.clip((points * [1, -1] + [0, 1]) * scale, 0, scale - 1e-6)  # row 0 is at the top
        path = [dots[:1]]
        for start, end in pairwise(dots):
            steps = max(1, int(np.ceil(np.abs(end - start).max())))
            path.append(start + (end - start) * (np.arange(1, steps + 1) / steps)[:, None])
        for column, row in np.concatenate(path).astype(int).tolist():
            if sign:
                self.cells[row, column] = sign, style
                continue
            key = row // 4, column // 2
            known, _ = self.cells.get(key, (0, ""))
            self.cells[key] = (known if isinstance(known, int) else 0) | _DOTS[row % 4][column % 2], style

    def sign(self, point: Sequence[float], sign: str, style: str) -> None:
        """One character at a point of 0…1 × 0…1."""
        x, y = point
        row, column = min(int((1 - y) * self.high), self.high - 1), min(int(x * self.wide), self.wide - 1)
        self.cells[row, column] = sign, style

    def rows(self) -> list[Text]:
        """What was drawn, from top to bottom."""
        rows = []
        for row in range(self.high):
            text = Text(no_wrap=True)
            for column in range(self.wide):
                what, style = self.cells.get((row, column), (" ", ""))
                text.append(chr(0x2800 + what) if isinstance(what, int) else what, style)
            rows.append(text)
        return rows


def _surface(block: Surface, console: Console, width: int) -> RenderableType:
    ground = heights(block)
    if ground is None:
        return Text(NOTHING, "dim")
    wide = max(10, min(64, width - max(map(len, ground.y.ends())) - 3))
    high = max(6, wide * 3 // 8)
    colored = _colored(console)
    canvas = _Canvas(wide, high)
    legend = []
    for index, track in enumerate(block.tracks):
        style = color_of(None, index + 1) if colored else ""
        letter = "•" if colored else chr(ord("a") + index % 26)
        points = np.stack([ground.x.place(track.points[:, 0]), ground.y.place(track.points[:, 1])], axis=1)
        points = points[((points >= 0) & (points <= 1)).all(axis=1)]
        if len(points):
            canvas.line(points, style, letter)
            canvas.sign(points[0].tolist(), "○", f"bold {style}")
            canvas.sign(points[-1].tolist(), "●", f"bold {style}")
        legend.append((letter, style, f"{clean(track.name)}, from ○ to ●"))
    center = ground.center()
    if all(0 <= each <= 1 for each in center):
        canvas.sign(center, "×", _PICKED)
        legend.insert(0, ("×", _PICKED, "(0, 0)"))
    if colored:
        rows = _colored_ground(ground.resampled(2 * high, wide)[::-1], canvas)
        scale = Text("height: ").append(f"{number(ground.low)} ")
        for at in np.linspace(0, 1, 16):
            scale.append("█", _hex(at))
        scale.append(f" {number(ground.high)}")
    else:
        rows = _shaded_ground(ground.resampled(high, wide)[::-1], canvas)
        scale = Text(f"height: lowest {number(ground.low)}, highest {number(ground.high)}, rising as {_ABOVE[1:]}")
    if np.isnan(ground.shares).any():
        scale.append("; ? is no finite number")
    y_ends, x_ends = ((number(min(each), 3), number(max(each), 3)) for each in (block.ys.tolist(), block.xs.tolist()))
    frame = _framed(rows, y_ends, x_ends, clean(block.x), clean(block.y), wide)
    return Group(frame, scale, *([_legend(legend, width)] if legend else []))


def _hex(height: float) -> str:
    return "#{:02x}{:02x}{:02x}".format(*heat(height).tolist())


def _colored_ground(shares: NDArray[np.float64], canvas: _Canvas) -> list[Text]:
    rows = []
    for row, (upper, lower) in enumerate(zip(shares[::2].tolist(), shares[1::2].tolist(), strict=True)):
        text = Text(no_wrap=True)
        for column, (top, bottom) in enumerate(zip(upper, lower, strict=True)):
            under = bottom if np.isfinite(bottom) else top
            sign, style = canvas.cells.get((row, column), ("▀", ""))
            if not np.isfinite(under):
                text.append(str(sign) if style else "?", style or "dim")
            elif style:
                text.append(str(sign), Style.parse(style) + Style(bgcolor=_hex(under)))
            else:
                text.append("▀", Style(color=_hex(top if np.isfinite(top) else under), bgcolor=_hex(under)))
        rows.append(text)
    return rows


def _shaded_ground(shares: NDArray[np.float64], canvas: _Canvas) -> list[Text]:
    rows = []
    for row, line in enumerate(shares.tolist()):
        text = Text(no_wrap=True)
        for column, height in enumerate(line):
            shade = _ABOVE[round(height * (len(_ABOVE) - 1))] if np.isfinite(height) else "?"
            sign, style = canvas.cells.get((row, column), (shade, ""))
            text.append(str(sign), style)
        rows.append(text)
    return rows


def _map(block: Map, console: Console, width: int) -> RenderableType:
    title = Text(clean(block.title), "bold")
    axes = map_axes(block.points)
    if axes is None:
        return Group(title, Text(NOTHING, "dim"))
    x, y, form = axes
    wide = max(10, min(76, width - 2))
    high = max(6, round(wide * form / 2))  # a character is twice as high as wide
    names = class_names(block)
    firsts = [name[:1] for _, name in names]
    plain = len(set(firsts)) == len(firsts) and all(cell_len(each) == 1 and not each.isspace() for each in firsts)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    signs = {
        label: first if plain else letters[index % len(letters)]
        for index, ((label, _), first) in enumerate(zip(names, firsts, strict=True))
    }
    cells: dict[tuple[int, int], Counter[int]] = {}
    points = np.asarray(block.points, dtype=np.float64)
    for across, up, label in zip(x.place(points[:, 0]), y.place(points[:, 1]), block.labels.tolist(), strict=True):
        if np.isfinite([across, up]).all():
            at = min(int((1 - up) * high), high - 1), min(int(across * wide), wide - 1)
            cells.setdefault(at, Counter())[label] += 1
    canvas = _Canvas(wide, high)
    for at, counts in cells.items():  # where several share a character, the most frequent class
        label = max(sorted(counts), key=lambda each, counts=counts: counts[each])  # type: ignore[misc]
        canvas.cells[at] = signs[label], color_of(None, label, CLASSES)
    line = "─" * wide
    frame = [Text(f"┌{line}┐", "dim", no_wrap=True)]
    for row in canvas.rows():
        frame.append(Text("│", "dim", no_wrap=True).append_text(row).append("│", "dim"))
    frame.append(Text(f"└{line}┘", "dim", no_wrap=True))
    legend = [(signs[label], color_of(None, label, CLASSES), name) for label, name in names if signs[label] != name]
    return Group(title, *frame, *([_legend(legend, width)] if legend else []))
