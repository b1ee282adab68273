"""``glassnet evaluate``: the cost and accuracy of a trained network, its confusion table, its surest mistakes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import typer

from glassnet.cli.console import app, err, out
from glassnet.cli.opened import RunArgument, opened, own_data
from glassnet.costs import Cost
from glassnet.data import Dataset, load
from glassnet.errors import WrongFile, WrongValue
from glassnet.evaluation import Evaluation, check_data, confusion, evaluate, mistakes, outputs
from glassnet.explain.examples import cost_for
from glassnet.runs.plans import answer_of, sources
from glassnet.settings import to_data
from glassnet.terminal import confusion_table, facts, gallery, picture


@app.command("evaluate", epilog="Example: glassnet evaluate runs/1")
def _evaluate(
    run_path: RunArgument,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Other data to judge by, as for train, or where the run's own lies now. By default the run's own."
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="Which part of the data: test, validation or train. By default test, or all if there is none."
        ),
    ] = None,
    count: Annotated[int, typer.Option("--mistakes", min=0, help="How many of the surest mistakes to draw.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Judge a trained network on images it has never seen: cost, accuracy, confusion table, its surest mistakes.

    Of data in which an example can be of several classes or of none: cost, and the accuracy of each class.
    """
    if part not in (None, "test", "validation", "train"):
        raise WrongValue(f"--part must be test, validation or train, got {part!r}")
    network, about, run = opened(run_path)
    splits = own_data(run, data)
    if splits is None:
        numbers = about.get("classes", ()) is None  # what it was trained to predict is not taken for classes
        splits = load(*sources(data), validation=0 if part in (None, "train") else 1 / 6, numbers=numbers)
        if part is None and splits.test is None:
            splits, part = replace(splits, test=splits.train), "all"  # data brought for this purpose: all of it
    dataset: Dataset | None = splits.test if part in (None, "all") else getattr(splits, part)
    part = part or "test"
    if dataset is None:
        raise WrongFile(f"this data has no {part} part: choose another by --part, or other data by --data")
    check_data(network, dataset)
    known = about.get("classes")
    if isinstance(known, list) and known and dataset.classes and list(dataset.classes) != known:
        raise WrongFile(
            f"the data has the classes {', '.join(dataset.classes)}, but the network was trained for {', '.join(known)}"
        )
    for note in splits.notes:
        err.print(f"note: {note}", style="dim", highlight=False, markup=False, soft_wrap=True)
    cost = cost_for(network)
    answer = answer_of(network)
    result = evaluate(network, dataset, cost, answer)
    if dataset.classes is None:
        summary: dict[str, Any] = {
            "cost": result.cost,
            "cost_function": to_data(cost),
            "examples": result.examples,
            "part": part,
        }
        if as_json:
            print(json.dumps(summary))
        else:
            out.print(f"{cost} {result.cost:.5g} on {result.examples:,} {part} examples", highlight=False)
        return
    names = list(dataset.classes)
    if result.accuracies is not None:
        _print_by_class(names, result, part, cost, as_json)
        return
    said = outputs(network, dataset.inputs, answer)
    counts = confusion(network, dataset, out=said)
    surest = mistakes(network, dataset, count, out=said)
    assert result.accuracy is not None
    if as_json:
        print(
            json.dumps(
                {
                    "part": part,
                    "examples": result.examples,
                    "accuracy": result.accuracy,
                    "cost": result.cost,
                    "cost_function": to_data(cost),
                    "classes": names,
                    "confusion": counts.tolist(),
                    "mistakes": [
                        {
                            "row": each.row,
                            "answer": names[each.answer],
                            "truth": names[each.truth],
                            "confidence": each.confidence,
                        }
                        for each in surest
                    ],
                },
                ensure_ascii=False,
            )
        )
        return
    right = int(np.trace(counts))
    found = f"{right:,} of {result.examples:,} right; {cost} {result.cost:.4f}"
    out.print(f"[bold]{part} accuracy {result.accuracy:.2%}[/]: {found}", highlight=False)
    out.print()
    table = confusion_table(counts, names, out)
    out.print(
        table if table is not None else f"(the {len(names)} × {len(names)} confusion table is too wide: see --json)"
    )
    side = round(dataset.inputs.shape[1] ** 0.5)
    if surest and side * side == dataset.inputs.shape[1]:
        out.print(f"\nthe {len(surest)} mistakes it is surest of:", highlight=False)
        out.print(
            gallery(
                [
                    (
                        picture(dataset.inputs[each.row], out),
                        f"it says {names[each.answer]} ({each.confidence:.2f}), it is {names[each.truth]}",
                    )
                    for each in surest
                ]
            )
        )


def _print_by_class(names: list[str], result: Evaluation, part: str, cost: Cost, as_json: bool) -> None:
    """Of multi-label data: how often each class's yes or no is right, and the mean of that."""
    assert result.accuracy is not None
    assert result.accuracies is not None
    if as_json:
        summary = {
            "part": part,
            "examples": result.examples,
            "accuracy": result.accuracy,
            "accuracies": list(result.accuracies),
            "cost": result.cost,
            "cost_function": to_data(cost),
            "classes": names,
        }
        print(json.dumps(summary, ensure_ascii=False))
        return
    found = f"the mean over {len(names):,} classes, on {result.examples:,} examples; {cost} {result.cost:.4f}"
    out.print(f"[bold]{part} accuracy {result.accuracy:.2%}[/]: {found}", highlight=False)
    out.print()
    out.print(facts([(name, f"{share:.2%}") for name, share in zip(names, result.accuracies, strict=True)]))
