"""The app that every command registers on, and the two consoles that it prints on."""

from __future__ import annotations

import logging
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

app = typer.Typer(
    name="glassnet",
    help="A neural network you can see into: train it, judge it, ask it, look inside.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

out = Console()
err = Console(stderr=True)


def say(error: object, code: int) -> int:
    """Print what went wrong; the exit code again."""
    text = str(error)
    first = text.partition(" ")[0]
    if code == 2 and first == first.capitalize():  # the beginning of a sentence, not a name like PyTorch
        text = text[:1].lower() + text[1:]
    err.print(Text("error: ", "bold red").append(Text(text, "default")), soft_wrap=True)
    return code


def printable(name: str, width: int = 20) -> str:
    """A name out of a file, as it may be printed: no longer than ``width``, and without what steers a terminal."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in name[:width])
    return shown if len(name) <= width else f"{shown[:-1]}…"


def show_warning(message: Warning | str, *rest: Any, **more: Any) -> None:
    """Print a warning as one line, in place of ``warnings.showwarning``."""
    err.print(Text("warning: ", "bold yellow").append(Text(str(message), "default")), soft_wrap=True)


class Shown(logging.Handler):
    """What glassnet logs, on the console; a bug, which the studio survives, with its stack trace."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            err.print(record.getMessage(), style="dim", highlight=False, markup=False, soft_wrap=True)
            if record.exc_info:
                trace = logging.Formatter().formatException(record.exc_info)
                err.print(trace, style="dim", highlight=False, markup=False, soft_wrap=True)
        except Exception:  # nobody reads any more: that is no reason to end what had something to say
            self.handleError(record)
