"""``glassnet info`` and ``glassnet recipes``: what a network is made of, and what there is to begin with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.checkpoint import Checkpoint
from glassnet.cli.console import app, out
from glassnet.cli.opened import RunArgument, epoch_of, epochs_of, opened, shape_of
from glassnet.errors import WrongFile
from glassnet.interchange import read_checkpoint
from glassnet.runs import led_to
from glassnet.runs.questions import Change, history
from glassnet.runs.recipes import RECIPES
from glassnet.runs.replay import Log
from glassnet.settings import to_data
from glassnet.terminal import facts


@app.command("info", epilog="Example: glassnet info runs/1")
def _info(
    run_path: RunArgument, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False
) -> None:
    """What a network is made of, and how it was trained."""
    network, about, run = opened(run_path)
    layers: list[dict[str, Any]] = [
        {
            "inputs": inputs,
            "outputs": outputs,
            "activation": str(activation),
            "weights": inputs * outputs,
            "biases": outputs,
        }
        for inputs, outputs, activation in zip(network.sizes, network.sizes[1:], network.activations, strict=False)
    ]
    weights = sum(layer["weights"] for layer in layers)
    biases = sum(layer["biases"] for layer in layers)
    epochs = [] if run is None else epochs_of(run)
    checkpoint = _checkpoint_in(run_path) if run is None else run.checkpoint()
    changes = () if run is None or checkpoint is None else history(Log.of(led_to(run.events(), checkpoint))).changes
    if as_json:
        print(
            json.dumps(
                {
                    "sizes": network.sizes,
                    "count": network.count,
                    "weights": weights,
                    "biases": biases,
                    "layers": layers,
                    "dtype": str(network.layers[0].bias.dtype),
                    "cost": None if network.cost is None else to_data(network.cost),
                    "settings": None if checkpoint is None else checkpoint.settings.to_data(),
                    "changes": [
                        {
                            "at": list(each.at),
                            "settings": each.values,
                            "edits": each.edits,
                            "engine": each.engine,
                            "arithmetic": each.arithmetic,
                        }
                        for each in changes
                    ],
                    "about": about,
                    "epochs": epochs,
                },
                ensure_ascii=False,
            )
        )
        return
    out.print(f"[bold]{shape_of(network)}[/]", highlight=False)
    out.print(
        f"{network.count:,} = {weights:,} weights + {biases:,} biases, {network.layers[0].bias.dtype}\n",
        highlight=False,
    )
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("layer", "from", "to", "activation", "weights", "biases"):
        table.add_column(title, justify="left" if title == "activation" else "right")
    for number, layer in enumerate(layers, start=1):
        counts = [f"{layer[key]:,}" for key in ("weights", "biases")]
        table.add_row(str(number), str(layer["inputs"]), str(layer["outputs"]), layer["activation"], *counts)
    out.print(table)
    if checkpoint is None:
        if network.cost is not None:
            out.print()
            out.print(facts([("cost", network.cost)]))
        return
    settings = checkpoint.settings
    done = f"{checkpoint.epoch} of {settings.epochs} epochs"
    done += f" and {checkpoint.example:,} examples" if checkpoint.example else ""
    rows: list[tuple[str, Any]] = [
        ("trained", f"{done}, {checkpoint.memory.step:,} steps"),
        ("cost", settings.cost),
        ("optimizer", settings.optimizer),
        ("minibatch", settings.batch_size),
        ("dropout", settings.dropout),
        ("deformed", settings.deform or "no"),
        ("seed", settings.seed),
    ]
    rows += [(f"from {_place_in_words(each)}", _change_in_words(each)) for each in changes]
    if run is not None:
        data = about.get("data", {})
        last = epoch_of(run, checkpoint) or {}
        rows[1:1] = [
            (f"after epoch {checkpoint.epoch}", form.format(last[key], last.get("cost_function")))
            for key, form in (
                ("cost", "cost {:.4f} ({}), the mean over the epoch"),
                ("validation_cost", "validation cost {:.4f} ({})"),
                ("validation_accuracy", "validation accuracy {:.2%}"),
            )
            if last.get(key) is not None
        ]
        rows += [
            ("data", f"{', '.join(data.get('sources', []))}, {data.get('examples', 0):,} examples"),
            ("initializer", about.get("initializer", "unknown")),
            ("begun", about.get("created", "at an unknown time")),
            (
                "glassnet",
                f"{about.get('glassnet')}, arithmetic {run.arithmetic}, NumPy {about.get('numpy')}, "
                f"Python {about.get('python')}",
            ),
        ]
    out.print()
    out.print(facts(rows))


def _place_in_words(change: Change) -> str:
    epoch, example = change.at
    return f"epoch {epoch + 1}" + (f", example {example + 1:,}" if example else "")


def _change_in_words(change: Change) -> str:
    """What was changed: of settings and schedules their new values."""
    said = [
        f"{key.removeprefix('optimizer.').replace('_', ' ')} {_value(value)}" for key, value in change.values.items()
    ]
    if change.edits:
        said.append(f"{change.edits} edit{'s' if change.edits > 1 else ''} by hand")
    if change.engine:
        said.append(f"engine {change.engine}")
    if change.arithmetic:
        said.append(f"arithmetic {change.arithmetic}")
    return ", ".join(said)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{key}={each}" for key, each in value.items() if key != "name")
        return f"{value.get('name')}({inner})" if inner else str(value.get("name"))
    return "none" if value is None else str(value)


def _checkpoint_in(path: Path) -> Checkpoint | None:
    """The checkpoint in a network's file; None if it holds the network alone."""
    try:
        return read_checkpoint(path)[0]
    except WrongFile:
        return None


@app.command("recipes", epilog="Example: glassnet recipes")
def _recipes() -> None:
    """The recipes that train --recipe knows."""
    rows = []
    for name, each in RECIPES.items():
        shape, settings = "-".join(map(str, each.sizes)), each.settings
        told = [shape, str(each.hidden), str(settings.cost), str(settings.optimizer)]
        told += [f"minibatch {settings.batch_size}", f"{settings.epochs} epochs"]
        told += [f"dropout {settings.dropout:g}"] if settings.dropout else []
        told += [str(settings.deform)] if settings.deform else []
        told += [] if each.validation else ["all examples to train"]
        rows.append((name, f"{each.summary}\n{', '.join(told)}"))
    out.print(facts(rows))
