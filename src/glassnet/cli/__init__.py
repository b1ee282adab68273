"""The command line: train, evaluate, predict, explain, studio, info, recipes.

Exit codes: 0 done, 1 failed, 2 wrong use. A user's mistake is answered by one plain sentence, never by a stack trace.
"""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Annotated, Any, NoReturn

import typer

import glassnet
from glassnet.cli.console import Shown, app, out, say, show_warning
from glassnet.errors import GlassnetError, WrongValue

# Importing them registers their commands, in the order of glassnet --help.
from glassnet.cli import train, evaluate, predict, explain, studio, info  # isort: skip  # noqa: F401

__all__ = ["app", "main"]


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that cannot show a block character shows "?" instead of failing
            stream.reconfigure(errors="replace")
    warnings.showwarning = show_warning
    log = logging.getLogger("glassnet")
    if not any(isinstance(each, Shown) for each in log.handlers):  # called a second time, it says nothing twice
        log.addHandler(Shown())
    try:
        code = app(arguments, standalone_mode=False)
        if code == _INTERRUPTED:
            code = say("stopped", 1)
    except WrongValue as error:
        code = say(error, 2)
    except GlassnetError as error:
        code = say(error, 1)
    except typer.Exit as error:
        code = error.exit_code
    except _UsageError as error:
        # Without any command, typer shows the help and raises an error that says nothing.
        code = say(_usage_text(error), error.exit_code) if error.format_message() else error.exit_code
    except (KeyboardInterrupt, typer.Abort):  # before or after typer's own watch
        code = say("stopped", 1)
    except MemoryError:
        code = say("there is not enough memory for this: give less data, or a smaller network", 1)
    except BrokenPipeError:  # the reader of our output has gone: nothing to tell anybody
        sys.stderr.close()
        code = 1
    except OSError as error:  # a folder that may not be entered, a name that is too long, …
        what = "" if error.filename is None else f"{str(error.filename)[:200]}: "
        code = say(f"{what}{error.strerror or error}", 1)
    sys.exit(code or 0)


_INTERRUPTED = 130
"""What typer returns when it has swallowed a Ctrl-C; no command of ours returns a number."""

# typer has carried its own copy of click since 0.2x, and exports only some of its errors: this is their common base.
_UsageError: Any = typer.BadParameter.__mro__[1]


def _usage_text(error: Any) -> str:
    """What is wrong with an option or argument, what came, and where to read what is right."""
    text = str(error.format_message()).rstrip(".")
    causes = getattr(error.__cause__, "errors", None)  # pydantic's account of a value that is not of the option's type
    if callable(causes):
        text += f", got {causes()[0].get('input')!r}"
    context = getattr(error, "ctx", None)
    return text + "." if context is None else f"{text}. See {context.command_path} --help."


def _version(wanted: bool) -> bool:
    if wanted:
        out.print(f"glassnet {glassnet.__version__}", highlight=False)
        raise typer.Exit()
    return wanted


@app.callback()
def _app(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass
