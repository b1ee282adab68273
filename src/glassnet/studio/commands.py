"""Commands: what a tab may ask for, as a table of their fields, by which every message is checked before it is followed.

Messages come from the web. Whatever they hold, what is wrong with them is said in a sentence.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from glassnet.data.deform import as_deformation
from glassnet.errors import WrongValue
from glassnet.runs.recipes import PRETRAINED

__all__ = ["COMMANDS", "WATCHING", "Checker", "checked"]

Checker: TypeAlias = Callable[[str, Any], Any]
"""From a field's name and what came, the value to use; or a :class:`~glassnet.errors.WrongValue`."""

_LARGEST = 2**53
"""Whole numbers up to here are the same in JavaScript."""


def _number(least: float, most: float) -> Checker:
    def _check(name: str, value: Any) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST
        if not good or not least <= value <= most:  # NaN is not
            raise WrongValue(f"{name} must be a number from {least:g} to {most:g}, got {_short(value)}")
        return float(value)

    return _check


def _whole(least: int, most: int) -> Checker:
    def _check(name: str, value: Any) -> int:
        if type(value) is not int or not least <= value <= most:
            raise WrongValue(f"{name} must be a whole number from {least:,} to {most:,}, got {_short(value)}")
        return value

    return _check


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 100:
        raise WrongValue(f"{name} must be text of 1 to 100 letters, got {_short(value)}")
    return value


def _path(name: str, value: Any) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 4096:
        raise WrongValue(f"{name} must be text of 1 to 4,096 letters, got {_short(value)}")
    return value


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise WrongValue(f"{name} must be true or false, got {_short(value)}")
    return value


def _one_of(*choices: str) -> Checker:
    def _check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise WrongValue(f"{name} must be one of {', '.join(choices)}, got {_short(value)}")
        return value

    return _check


def _list_of(inner: Checker, most: int) -> Checker:
    def _check(name: str, value: Any) -> list[Any]:
        if not isinstance(value, list) or len(value) > most:
            raise WrongValue(f"{name} must be a list of at most {most}, got {_short(value)}")
        return [inner(f"each of {name}", each) for each in value]

    return _check


def _or_null(inner: Checker) -> Checker:
    return lambda name, value: None if value is None else inner(name, value)


def _names(name: str, value: Any) -> list[str]:
    """One name, or a list of names."""
    return _list_of(_text, 100)(name, [value] if isinstance(value, str) else value)


def _sizes(name: str, value: Any) -> list[int | None]:
    """Neurons in each layer, input first; null at both ends: as many as the data has."""
    ends = isinstance(value, list) and len(value) > 1 and value[0] is None and value[-1] is None
    found: list[int | None] = _list_of(_whole(1, 10**6), 100)(name, value[1:-1] if ends else value)
    return [None, *found, None] if ends else found


def _clip(name: str, value: Any) -> float:
    """No limit is null, as the page is told it; the optimizers' own word for it is 0."""
    return 0.0 if value is None else _positive(name, value)


def _deformation(name: str, value: Any) -> str:
    """A deformation in words, as in "affine(rotation=15)"; "none" is none."""
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise WrongValue(f"{name} must be text of 1 to 200 letters, got {_short(value)}")
    as_deformation(value)
    return value


def _run(name: str, value: Any) -> str:
    """A run, by the name that the list of runs gives it: "3" of the studio, "../small" of the folder around it."""
    if not isinstance(value, str) or not 0 < len(value) <= 300:
        raise WrongValue(f"{name} must be a run of the list, got {_short(value)}")
    return value


def _at(name: str, value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise WrongValue(f"{name} must be a list of two whole numbers, epochs done and example, got {_short(value)}")
    first, second = (_count(f"each of {name}", each) for each in value)
    return first, second


_positive = _number(0, 1e9)
_finite = _number(-3e38, 3e38)
_count = _whole(0, 10**9)
_seed = _whole(0, _LARGEST - 1)

_CHANGE: dict[str, Checker] = {
    "learning_rate": _positive,
    "schedule": _text,
    "batch_size": _whole(1, 10**9),
    "optimizer": _text,
    "momentum": _number(0, 1),
    "nesterov": _truth,
    "weight_decay": _positive,
    "clip": _clip,
    "dropout": _number(0, 1),
    "deform": _deformation,
    "epochs": _whole(1, 10_000),
}
_PART = _one_of("train", "validation", "test")
_NETWORK: dict[str, Checker] = {
    "sizes": _or_null(_sizes),
    "hidden": _or_null(_names),
    "output": _or_null(_text),
    "cost": _or_null(_text),
    "initializer": _or_null(_text),
}


def _lane(name: str, value: Any) -> dict[str, Any]:
    """One setting of a race: a name to show, and what differs from the run of now."""
    if not isinstance(value, dict):
        raise WrongValue(f"{name} must be a JSON object, got {_short(value)}")
    known = {"name": _text, **_NETWORK, **_CHANGE}
    for key in value:
        if key not in known:
            raise WrongValue(f"{name} has no field {_short(key)}: it has {', '.join(known)}")
    return {key: known[key](key, each) for key, each in value.items()}


COMMANDS: dict[str, dict[str, Checker]] = {
    "view": {"watch": _list_of(_text, 10), "interval": _or_null(_number(0, 3600))},
    "play": {},
    "pause": {},
    "step": {"what": _one_of("minibatch", "epoch")},
    "speed": {"value": _or_null(_number(0.1, 1e6))},
    "change": _CHANGE,
    "restart": {
        "recipe": _or_null(_text),
        **_NETWORK,
        "seed": _or_null(_seed),
        "data": _or_null(_list_of(_path, 10)),
        "validation": _or_null(_positive),
        **_CHANGE,
    },
    "look": {
        "look": _count,
        "source": _one_of("train", "validation", "test", "drawing", "picture", "noise", "blank"),
        "row": _count,
        "seed": _seed,
        "center": _truth,
    },
    "find": {
        "source": _PART,
        "label": _or_null(_count),
        "answer": _or_null(_count),
        "wrong": _or_null(_truth),
        "order": _one_of("row", "cost", "confidence", "random"),
        "seed": _seed,
        "offset": _count,
        "count": _whole(1, 200),
    },
    "mistakes": {"source": _PART, "count": _whole(0, 200)},
    # Time
    "seek": {"step": _count, "at": _at},
    "reach": {"step": _count, "at": _at},
    "back": {"what": _one_of("minibatch", "epoch")},
    "bookmark": {"name": _text, "bookmark": _count},
    "unbookmark": {"bookmark": _count},
    "answers": {"source": _PART, "rows": _list_of(_count, 200), "step": _or_null(_count)},
    # Hands
    "edit": {
        "kind": _one_of("weight", "bias", "weights", "mute"),
        "layer": _whole(1, 100),
        "neuron": _count,
        "input": _count,
        "value": _finite,
        "muted": _truth,
        "stroke": _count,
    },
    "undo": {"all": _truth},
    "redo": {},
    "worth": {},
    "lit": {"layer": _whole(1, 100), "neuron": _count, "source": _PART, "count": _whole(0, 20)},
    # Races
    "race": {
        "what": _one_of("begin", "play", "pause", "minibatch", "epoch", "speed", "end", "take"),
        "lanes": _list_of(_lane, 4),
        "seed": _seed,
        "batch_size": _whole(1, 10**9),
        "epochs": _whole(1, 10_000),
        "value": _or_null(_number(0.1, 1e6)),
        "lane": _whole(0, 3),
    },
    # Runs
    "runs": {},
    "compare": {"runs": _list_of(_run, 8)},
    "open": {"run": _run},
    "pretrained": {"name": _one_of(*PRETRAINED)},
    "watch_run": {"run": _run},
    "unwatch": {},
    "rename": {"run": _run, "name": _text},
    "delete": {"run": _run},
    "restore": {"run": _run},
    "empty": {},
    # Data of one's own
    "datasets": {},
    "dataset": {"data": _text, "count": _whole(0, 50)},
    "forget_data": {"data": _text},
}
"""Every command, by name: its fields, each with what checks it. All but those in ``_NEEDED`` may be left out."""

WATCHING = frozenset({"view", "look", "find", "mistakes", "answers", "lit", "runs", "compare", "datasets", "dataset"})
"""The commands that change nothing for others: what those may use who were let in to watch only."""

_NEEDED: dict[str, tuple[str, ...]] = {
    "step": ("what",),
    "speed": ("value",),
    "look": ("source",),
    "find": ("source",),
    "mistakes": ("source",),
    "back": ("what",),
    "unbookmark": ("bookmark",),
    "answers": ("source", "rows"),
    "edit": ("kind", "layer", "neuron"),
    "lit": ("layer", "neuron"),
    "race": ("what",),
    "compare": ("runs",),
    "open": ("run",),
    "pretrained": ("name",),
    "watch_run": ("run",),
    "rename": ("run", "name"),
    "delete": ("run",),
    "restore": ("run",),
    "dataset": ("data",),
    "forget_data": ("data",),
}


def checked(message: Any, arrays: Mapping[str, NDArray[Any]]) -> tuple[str, dict[str, Any]]:
    """A message's command and its fields, each of the type and within the bounds it must have.

    Errors: :class:`~glassnet.errors.WrongValue` names the field and what it should be.
    """
    if not isinstance(message, Mapping):
        raise WrongValue(f"a command must be a JSON object, got {_short(message)}")
    name = message.get("do")
    if not isinstance(name, str) or name not in COMMANDS:
        raise WrongValue(f"there is no command {_short(name)}: choose one of {', '.join(COMMANDS)}")
    fields, found = COMMANDS[name], {}
    for key, value in message.items():
        if key in ("do", "id"):
            continue
        if key not in fields:
            has = f"it has {', '.join(fields)}" if fields else "it has none"
            raise WrongValue(f"{name} has no field {_short(key)}: {has}")
        found[key] = fields[key](key, value)
    for key in _NEEDED.get(name, ()):
        if key not in found:
            raise WrongValue(f"{name} needs its field {key}")
    pixels = arrays.get("pixels")
    if pixels is not None and (
        pixels.dtype != np.uint8 or pixels.ndim != 2 or not pixels.size or max(pixels.shape) > 1024
    ):
        raise WrongValue(
            f"pixels must be bytes of shape (height, width), at most 1,024 each, got {pixels.dtype} of {pixels.shape}"
        )
    values = arrays.get("values")
    if values is not None and (values.dtype != np.float32 or values.ndim != 1 or not np.isfinite(values).all()):
        raise WrongValue(f"values must be a row of finite float32 numbers, got {values.dtype} of {values.shape}")
    return name, found


def _short(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
