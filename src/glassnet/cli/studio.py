"""glassnet studio: a page in the browser, in which a real network learns in front of you."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.console import app, err
from glassnet.cli.opened import found
from glassnet.runs.plans import sources
from glassnet.runs.recipes import PRETRAINED

if TYPE_CHECKING:
    from glassnet.studio.server import Opened


@app.command("studio", epilog="Example: glassnet studio runs/1")
def _studio(
    run_path: Annotated[
        Path | None,
        typer.Argument(
            metavar="[RUN]",
            callback=found,
            help="A run's folder, a network's .safetensors file, or the name of a trained network that comes with glassnet "
            f"({', '.join(PRETRAINED)}), to go on from. By default the studio's own last run.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="mnist; or a folder of IDX files or of images by class; or an .npz file; or IDX files (repeat, or a,b). "
            "The page can choose it from then on.",
        ),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            show_default=False,
            help="The port to listen on; 0 for any. By default 2828, or the next that is free.",
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(help="The address to listen on. Any but the default opens the studio to your network.")
    ] = "127.0.0.1",
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in the browser, or only print its link.")
    ] = True,
    home: Annotated[Path, typer.Option(help="Folder for the studio's runs and its secret.")] = Path("runs", "studio"),
) -> None:
    """Open the studio: watch a real network think and learn, in the browser, served from this machine.

    Ctrl-C ends it and saves everything; the next start goes on from there.
    """
    from glassnet.studio.server import serve  # not before it is needed: no other command needs a server

    already = False

    def ready(opened: Opened) -> None:
        nonlocal already
        already = opened.already
        _announce(opened, home, browser)

    try:
        serve(home, run_path, host, port, browser, ready, None if data is None else sources(data))
    except KeyboardInterrupt:  # before the server answered it itself
        raise typer.Abort from None
    if not already:
        _tell(f"stopped; everything is saved in {home}, and glassnet studio goes on from there")


def _announce(opened: Opened, home: Path, browser: bool) -> None:
    """What is open, and how to get in."""
    if opened.already:
        _tell(f"a studio is running already in {home}; this is a new link to it:")
    else:
        sizes = "-".join(map(str, opened.run.get("sizes", ())))
        _tell(f"the studio is open: {sizes}, run {opened.run.get('path')}")
    # Alone on its line, and on standard output: to be copied, or read by a program.
    print(opened.link, flush=True)
    if opened.elsewhere:
        _tell("and, for one other machine:")
        print(opened.elsewhere, flush=True)
        _tell(
            "[bold yellow]warning:[/] everyone on this network who has a link can use this studio, and what is sent is not "
            "encrypted; without --host it is for this machine alone"
        )
    how = "opening it in the browser" if browser else "open it in a browser"
    end = "" if opened.already else ". Ctrl-C ends the studio and saves everything"
    _tell(f"{how}; a link works once, within 10 minutes{end}")


def _tell(text: str) -> None:
    err.print(text, highlight=False, soft_wrap=True)
