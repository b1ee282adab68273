"""Settings that can be read: an activation, a cost, an optimizer is data with a name, not a closure.

Each is a frozen dataclass, so that it prints as the code that makes it, compares by value, and records itself:

>>> from glassnet.activations import ACTIVATIONS, LeakyReLU
>>> LeakyReLU(alpha=0.2)
LeakyReLU(alpha=0.2)
>>> to_data(LeakyReLU(alpha=0.2))
{'name': 'leaky_relu', 'alpha': 0.2}
>>> from_text("leaky_relu(alpha=0.2)", "activation", ACTIVATIONS)
LeakyReLU(alpha=0.2)
"""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar, cast

import numpy as np

from glassnet.errors import WrongValue

__all__ = ["Setting", "as_setting", "check_number", "check_seed", "from_data", "from_text", "table", "to_data"]


S = TypeVar("S", bound="Setting")


class Setting:
    """A frozen dataclass with a ``name``; its fields are numbers, truth values, or other settings."""

    __slots__ = ()
    name: ClassVar[str]

    def __str__(self) -> str:
        """``leaky_relu(alpha=0.2)``: fields at their defaults are left out, but for the learning rate."""
        changed = [
            f"{field.name}={value}"
            for field in dataclasses.fields(cast(Any, self))
            if (value := getattr(self, field.name)) != field.default or field.name.endswith("rate")
        ]
        return f"{self.name}({', '.join(changed)})" if changed else self.name

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """The names of its fields."""
        return tuple(field.name for field in dataclasses.fields(cast(Any, cls)))

    def changed(self: S, **values: Any) -> S:
        """The same setting with other values in these fields."""
        return cast(S, dataclasses.replace(cast(Any, self), **values))


def table(*classes: type[S]) -> Mapping[str, type[S]]:
    """The classes by their names."""
    return {each.name: each for each in classes}


def to_data(setting: Setting) -> dict[str, Any]:
    """The setting as plain data for JSON: its name and its fields."""
    data: dict[str, Any] = {"name": setting.name}
    for field in dataclasses.fields(cast(Any, setting)):
        value = getattr(setting, field.name)
        data[field.name] = to_data(value) if isinstance(value, Setting) else value
    return data


def from_data(data: Any, kind: str, choices: Mapping[str, type[S]], inner: Mapping[str, type[Any]] | None = None) -> S:
    """The setting that :func:`to_data` recorded. ``inner`` are the choices for fields that are settings themselves.

    Errors: :class:`~glassnet.errors.WrongValue` names the ``kind`` of setting, what came, and what there is.
    """
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        raise WrongValue(f"expected the {kind} as a name with its fields, got {_short(data)}")
    values = {key: value for key, value in data.items() if key != "name"}
    for key, value in values.items():
        if isinstance(value, dict):
            values[key] = from_data(value, key, inner or {})
    return _make(data["name"], values, kind, choices)


def from_text(text: str, kind: str, choices: Mapping[str, type[S]]) -> S:
    """The setting written as ``name`` or ``name(field=1.5, field=true)``, as on the command line.

    Errors: :class:`~glassnet.errors.WrongValue` names the ``kind`` of setting, what came, and what there is.
    """
    match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*(?:\(\s*(.*?)\s*,?\s*\))?\s*", text)
    if match is None:
        raise WrongValue(f"expected the {kind} as a name, or as name(field=number), got {_short(text)}")
    values: dict[str, Any] = {}
    for part in filter(None, (match[2] or "").split(",")):
        key, equals, value = (word.strip() for word in part.partition("="))
        if not equals:
            raise WrongValue(f"expected field=number inside the brackets of the {kind} {match[1]}, got {_short(part)}")
        values[key] = _number(value, f"{key} of {match[1]}")
    return _make(match[1], values, kind, choices)


def as_setting(given: S | str, kind: str, choices: Mapping[str, type[S]]) -> S:
    """``given`` itself, or the setting it names.

    Errors: :class:`~glassnet.errors.WrongValue` names the ``kind`` of setting, what came, and what there is.
    """
    if isinstance(given, str):
        return from_text(given, kind, choices)
    if isinstance(given, Setting):
        return given
    raise WrongValue(f"expected the {kind} as a name or a {kind} object, got {_short(given)}")


def check_number(
    what: str,
    value: Any,
    *,
    above: float | None = None,
    least: float | None = None,
    below: float | None = None,
    most: float | None = None,
) -> None:
    """Refuse a value that is not a finite number within the bounds, in a sentence that says which were expected.

    Errors: :class:`~glassnet.errors.WrongValue`.
    """
    bounds = [
        f"{word} {bound:g}"
        for word, bound in (("above", above), ("at least", least), ("below", below), ("at most", most))
        if bound is not None
    ]
    good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    if good:
        good = (
            (above is None or value > above)
            and (least is None or value >= least)
            and (below is None or value < below)
            and (most is None or value <= most)
        )
    if not good:
        wanted = " ".join(["a finite number", " and ".join(bounds)]).strip()
        raise WrongValue(f"{what} must be {wanted}, got {_short(value)}")


def check_seed(seed: Any) -> None:
    """Refuse a seed that is not a whole number from 0.

    Errors: :class:`~glassnet.errors.WrongValue`.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise WrongValue(f"seed must be a whole number from 0, got {seed!r}")


def _make(name: str, values: dict[str, Any], kind: str, choices: Mapping[str, type[S]]) -> S:
    """Build by name, checking name and fields against what there is."""
    if name not in choices:
        raise WrongValue(f"unknown {kind} {_short(name)}: choose one of {', '.join(choices)}")
    made = choices[name]
    fields = made.field_names()
    for key in values:
        if key not in fields:
            has = f"has {', '.join(fields)}" if fields else "has no fields"
            raise WrongValue(f"unknown field {_short(key)} of the {kind} {name}: it {has}")
    return made(**values)


def _number(text: str, what: str) -> float | bool:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        raise WrongValue(f"{what} must be a number, got {_short(text)}") from None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
