"""``glassnet predict``: what a trained network sees in pictures."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import numpy as np
import typer

from glassnet.arrays import to_numpy
from glassnet.cli.console import app, out, say
from glassnet.cli.opened import RunArgument, input_of, names_of, opened, side_of
from glassnet.data.pictures import open_image
from glassnet.errors import GlassnetError
from glassnet.evaluation import outputs
from glassnet.runs.plans import answer_of
from glassnet.terminal import bars, facts, picture


@app.command("predict", epilog="Example: glassnet predict runs/1 photo.jpg drawing.png")
def _predict(
    run_path: RunArgument,
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE…", help="PNG, JPEG, GIF, WebP or BMP files of any size; - reads one from stdin."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line for each image, for programs.")] = False,
) -> None:
    """Ask a trained network what an image shows; the activations of its output as bars.

    The digit may be dark on light or light on dark; it is cut out, scaled and centered the way MNIST was made (or made as
    the pictures were that the run learned from), and drawn as the network sees it.
    """
    network, about, run = opened(run_path)
    names = names_of(network, about)
    side_of(network)  # refused before any picture is read
    failed = False
    answer = answer_of(network)
    for name in images:
        try:
            image = open_image(sys.stdin.buffer.read() if name == "-" else name)
            pixels = input_of(network, run, image)
        except GlassnetError as error:
            text = str(error)
            say(text if name == "-" or name in text else f"{name}: {text}", 1)
            failed = True
            continue
        activations = outputs(network, pixels[None].astype(to_numpy(network.layers[0].bias).dtype), answer)[0].tolist()
        if names is None:
            numbers = ", ".join(f"{value:.5g}" for value in activations)
            print(json.dumps({"image": name, "outputs": activations}) if as_json else f"{name}: {numbers}")
            continue
        if len(activations) == 1:
            activations = [1 - activations[0], activations[0]]
        best = int(np.argmax(activations))
        if as_json:
            print(
                json.dumps(
                    {"image": name, "answer": names[best], "activations": dict(zip(names, activations, strict=True))},
                    ensure_ascii=False,
                )
            )
            continue
        out.print(
            f"{name}: [bold yellow]{names[best]}[/]" if len(images) > 1 else f"[bold yellow]{names[best]}[/]",
            highlight=False,
        )
        row = facts([])
        row.add_row(picture(pixels, out), bars(activations, names))
        out.print(row)
    if failed:
        raise typer.Exit(1)
