"""Pictures in the terminal: digits, bars, tables, for rich to print.

Two rows of pixels share a line of half blocks where the terminal has colors; elsewhere, each pair is one character of
rising darkness, so that a digit can be told even in a log file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.style import Style
from rich.table import Table
from rich.text import Text

__all__ = ["bars", "confusion_table", "facts", "gallery", "picture"]

_SHADES = " .:-=+*#%@"
_BLUE, _RED = "#58C4DD", "#FC6255"  # the series' colors of positive and negative


def picture(pixels: NDArray[Any], console: Console) -> Text:
    """An image of numbers from 0 (dark) to 1 (light) as text: as many characters wide, half as many lines.

    Either height × width numbers, or side² numbers in a row for a square one.
    """
    if pixels.ndim != 2:
        side = round(pixels.size**0.5)
        pixels = pixels.reshape(side, side)
    image = np.clip(pixels.astype(float), 0, 1)
    if len(image) % 2:
        image = np.vstack([image, np.zeros(image.shape[1])])
    text = Text(no_wrap=True)
    for upper, lower in zip(image[::2], image[1::2], strict=True):
        for top, bottom in zip(upper, lower, strict=True):
            if console.color_system in (None, "standard", "windows"):
                text.append(_SHADES[round((top + bottom) / 2 * (len(_SHADES) - 1))])
            else:
                text.append("▀", Style(color=_gray(top), bgcolor=_gray(bottom)))
        text.append("\n")
    text.right_crop()
    return text


def _gray(value: float) -> str:
    level = round(value * 255)
    return f"#{level:02x}{level:02x}{level:02x}"


def bars(values: Sequence[float], names: Sequence[str], width: int = 30) -> Table:
    """The activations of the output neurons as bars from 0 to 1, the brightest picked out."""
    brightest = int(np.argmax(values))
    table = Table.grid(padding=(0, 1))
    for index, (value, name) in enumerate(zip(values, names, strict=True)):
        eighths = round(min(max(value, 0.0), 1.0) * width * 8)
        bar = "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()
        style = "bold yellow" if index == brightest else ""
        table.add_row(Text(name, style), Text(f"{value:.3f}", style), Text(bar.ljust(width), style or _BLUE))
    return table


def confusion_table(counts: NDArray[Any], names: Sequence[str], console: Console) -> Table | None:
    """How often each class (row) was taken for each (column), with the share that was right; None if it is too wide."""
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column(Text("answer →\ntruth ↓", "dim"))
    cell = max(len(f"{counts.max():,}"), *map(len, names))
    for name in names:
        table.add_column(name, justify="right", no_wrap=True, min_width=cell)
    table.add_column("right", justify="right")
    worst = max(1, int((counts - np.diag(np.diag(counts))).max()))
    for row, name in enumerate(names):
        cells = []
        for column, count in enumerate(counts[row].tolist()):
            if row == column:
                style = f"bold {_BLUE}"
            elif count == 0:
                style = "dim"
            else:
                style = f"bold {_RED}" if count > worst / 2 else (_RED if count > worst / 5 else "")
            cells.append(Text(f"{count:,}" if count else "·", style))
        total = counts[row].sum()
        share = f"{counts[row, row] / total:.1%}" if total else "–"
        table.add_row(Text(name, "bold"), *cells, share)
    needed = Measurement.get(console, console.options.update(width=10_000), table).maximum
    return table if needed <= console.width else None


def gallery(pictures: Sequence[tuple[Text, str]]) -> RenderableType:
    """Pictures with a line under each, as many side by side as fit."""
    return Columns([Group(image, Text(caption, justify="center")) for image, caption in pictures], padding=(1, 2))


def facts(rows: Sequence[tuple[str, Any]]) -> Table:
    """A list of names and values, the names dimmed."""
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(Text(name, "dim"), value if isinstance(value, Text | Table) else Text(str(value)))
    return table
