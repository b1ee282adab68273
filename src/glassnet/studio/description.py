"""The description of a run for those who watch it: what it is, how it is trained, what could be chosen instead, and the
lines of code that compute it.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from glassnet.activations import ACTIVATIONS, Activation
from glassnet.checkpoint import Settings
from glassnet.costs import COSTS, check_fit
from glassnet.data.deform import DEFORMATIONS
from glassnet.errors import WrongValue
from glassnet.initializers import INITIALIZERS
from glassnet.network import Network
from glassnet.optimizers import OPTIMIZERS, SCHEDULES, as_schedule
from glassnet.runs.recipes import PRETRAINED, RECIPES, Recipe
from glassnet.runs.replay import Log, Place
from glassnet.studio.looks import side_of
from glassnet.studio.trainer import State, bookmarks

__all__ = [
    "changed_settings", "choices", "code_of", "curve", "described", "for_pupils", "last_names", "marks", "named",
    "plain_settings", "run_number", "sources_of",
]  # fmt: skip

_OF_OPTIMIZERS = ("learning_rate", "momentum", "nesterov", "weight_decay", "clip")
"""The fields of optimizers that can be changed on the page."""


def described(
    state: State, known: Sequence[Sequence[str]] = (), called: Callable[[str], str | None] = lambda source: None
) -> dict[str, Any]:
    """The ``run`` message: all that is known about a run but its numbers; with the data that a new run could have."""
    network, about, splits = state.weights.network, state.run.about, state.splits
    name = state.run.path.name
    source = about.get("from")
    title = about.get("name")
    return {
        "type": "run",
        "run": run_number(state),
        "name": name,
        "path": str(state.run.path),
        "sizes": list(network.sizes),
        "activations": [str(activation) for activation in network.activations],
        "count": network.count,
        "classes": None if splits.train.classes is None else list(splits.train.classes),
        "side": side_of(network.sizes[0]),
        "pictures": None if splits.pictures is None else asdict(splits.pictures),
        "initializer": _text(about.get("initializer")),
        "seed": state.checkpoint.settings.seed,
        "recipe": _text(about.get("recipe")),
        "engine": state.engine,
        "from": source if isinstance(source, str) else None,
        "data": {
            "sources": sources_of(about),
            **{part: _count(getattr(splits, part)) for part in ("train", "validation", "test")},
        },
        "settings": plain_settings(state.checkpoint.settings),
        "choices": {**choices(), "data": named(known, called)},
        "code": code_of(network),
        "curves": [curve(activation) for activation in network.activations],
        "marks": marks(state),
        "title": _text(title),
    }


def for_pupils(run: Mapping[str, Any]) -> dict[str, Any]:
    """The ``run`` message for those who only watch: of folders and files of this machine, their last names alone."""
    choices = dict(run["choices"])
    choices["data"] = [
        {"sources": last_names(each["sources"]), "name": each["name"].rpartition(os.sep)[2]} for each in choices["data"]
    ]
    origin = run["from"]
    return {
        **run,
        "path": run["name"],
        "from": None if origin is None else last_names([origin])[0],
        "data": {**run["data"], "sources": last_names(run["data"]["sources"])},
        "choices": choices,
    }


def last_names(paths: Sequence[str]) -> list[str]:
    """Paths without the folders that they lie in."""
    return [Path(each).name or each for each in paths]


def run_number(state: State) -> int:
    """What tells a run from others in messages: its number; of another program's, which is only watched, one below 0."""
    name = state.run.path.name
    if state.mode == "watching":
        return -1 - crc32(str(state.run.path).encode())
    return int(name) if name.isdecimal() else 0


def marks(state: State) -> list[dict[str, Any]]:
    """Where something was done along the run: settings changed, the network edited by hand, a bookmark set; in order."""
    found: list[tuple[Place, dict[str, Any]]] = []
    for at, values in changed_settings(state.log)[1]:
        values = {key: value for key, value in values.items() if value is not None or key == "clip"}
        text = ", ".join(f"{key.replace('_', ' ')} {_short(value)}" for key, value in values.items())
        found.append((at, {"kind": "settings", "text": text, "values": values}))
    for at, edits in state.log.edits.items():
        first, count = edits[0], len(edits)
        values = {"count": count, "kind": first.kind, "layer": first.layer, "neuron": first.neuron}
        text = (
            f"{count} edits by hand"
            if count > 1
            else f"layer {first.layer}, neuron {first.neuron}: {first.kind} by hand"
        )
        found.append((at, {"kind": "edit", "text": text, "values": values}))
    for each in bookmarks(state.run.about):
        found.append((each["at"], {"kind": "bookmark", "text": each["name"], "bookmark": each["bookmark"]}))
    found.sort(key=lambda each: each[0])
    return [{"bookmark": None, **mark, "step": state.step_of(at), "at": list(at)} for at, mark in found]


def changed_settings(log: Log) -> tuple[dict[str, Any] | None, list[tuple[Place, dict[str, Any]]]]:
    """The settings that a run began with, by the names they are changed by, and those that were changed later: places in
    order, each with the settings that became others, as they were from there on; None for one that its optimizer lacks.

    Where nobody knows how it began, None and nothing.
    """
    first: dict[str, Any] | None = None
    before: dict[str, Any] = {}
    changes = []
    for at in sorted(log.settings):
        now = plain_settings(log.settings[at][-1])  # of several that were chosen here, those that it went on with
        if first is None:
            first = now
        elif now != before:
            names = [*now, *(key for key in before if key not in now)]
            changes.append((at, {key: now.get(key) for key in names if key not in now or before.get(key) != now[key]}))
        before = now
    return first, changes


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _count(data: Any) -> int:
    return 0 if data is None else len(data)


def sources_of(about: Mapping[str, Any]) -> list[str]:
    """What a run's description says of where its data is from; nothing where it does not."""
    data = about.get("data")
    found = data.get("sources") if isinstance(data, dict) else None
    return [str(each) for each in found] if isinstance(found, list) else []


def named(
    known: Sequence[Sequence[str]], called: Callable[[str], str | None] = lambda source: None
) -> list[dict[str, Any]]:
    """Data to choose from: the ``sources`` of each, and a short ``name``; its whole path where two would have the same.

    ``called`` gives the name that a person gave to a source, if one did.
    """
    names = [
        "MNIST" if list(each) == ["mnist"] else ", ".join(called(path) or Path(path).name for path in each)
        for each in known
    ]
    return [
        {"sources": list(sources), "name": name if names.count(name) == 1 else ", ".join(sources)}
        for sources, name in zip(known, names, strict=True)
    ]


def plain_settings(settings: Settings) -> dict[str, Any]:
    """Settings by the names they are changed by; what the optimizer does not have is left out."""
    optimizer, schedule = settings.optimizer, as_schedule(settings.optimizer.learning_rate)
    values = {name: getattr(optimizer, name) for name in _OF_OPTIMIZERS[1:] if name in optimizer.field_names()}
    return {
        "cost": settings.cost.name,
        "optimizer": optimizer.name,
        "learning_rate": schedule.rate,
        "schedule": schedule.name,
        **values,
        "clip": optimizer.clip or None,
        "dropout": settings.dropout,
        "deform": re.sub(r"(\d)\.0\b", r"\1", str(settings.deform or "none")),  # "38", as a person would type it
        "batch_size": settings.batch_size,
        "epochs": settings.epochs,
    }


@lru_cache(maxsize=1)
def choices() -> dict[str, Any]:
    """What there is to choose from, whatever the run."""
    return {
        "activations": list(ACTIVATIONS),
        "outputs": {name: [each for each in ACTIVATIONS if _fits(name, each)] for name in COSTS},
        "costs": list(COSTS),
        "optimizers": {
            name: [field for field in _OF_OPTIMIZERS if field in made.field_names()]
            for name, made in OPTIMIZERS.items()
        },
        "schedules": list(SCHEDULES),
        "initializers": list(INITIALIZERS),
        "deformations": ["none", *DEFORMATIONS],
        "pretrained": list(PRETRAINED),
        "recipes": [_recipe(each) for each in RECIPES.values()],
    }


def _fits(cost: str, activation: str) -> bool:
    try:
        check_fit(COSTS[cost](), ACTIVATIONS[activation]())
        return True
    except WrongValue:
        return False


def _recipe(recipe: Recipe) -> dict[str, Any]:
    return {
        "name": recipe.name,
        "summary": recipe.summary,
        "sizes": list(recipe.sizes),
        "hidden": str(recipe.hidden),
        "output": str(recipe.output),
        "initializer": str(recipe.initializer),
        "validation": recipe.validation,
        **plain_settings(recipe.settings),
    }


def curve(activation: Activation) -> dict[str, list[float]] | None:
    """The activation over weighted sums from −8 to 8; None of one whose neurons depend on each other."""
    if activation.range == "simplex":
        return None
    z = np.linspace(-8, 8, 161)
    return {"z": z.round(10).tolist(), "a": activation.value(z[None])[0].tolist()}


def code_of(network: Network) -> dict[str, Any]:
    """The lines of glassnet's own source that compute z, a, and each layer's activation. None where it is not at hand."""
    return {
        "z": _line(Network.forward, "zs.append("),
        "a": _line(Network.forward, "activations.append("),
        "values": [_line(type(activation).value, "return ") for activation in network.activations],
    }


@lru_cache(maxsize=100)
def _line(function: Callable[..., Any], begins: str) -> dict[str, Any] | None:
    """The last line of a function that begins so."""
    function = inspect.unwrap(function)
    try:
        lines, first = inspect.getsourcelines(function)
        file = Path(inspect.getfile(function)).name
    except (OSError, TypeError):
        return None
    matching = [(first + number, line.strip()) for number, line in enumerate(lines) if line.strip().startswith(begins)]
    return {"file": file, "line": matching[-1][0], "text": matching[-1][1]} if matching else None
