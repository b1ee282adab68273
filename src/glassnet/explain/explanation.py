"""What every explanation is: true numbers in a frozen dataclass, that show themselves wherever they are."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.arrays import to_numpy
from glassnet.costs import Cost
from glassnet.explain.blocks import Block, Sentence
from glassnet.network import Network
from glassnet.settings import Setting, to_data

__all__ = ["Explanation", "OfCost", "plain"]


class Explanation(ABC):
    """The base of all explanations: subclasses are frozen dataclasses, and say in :meth:`blocks` what they show.

    A console prints it as text, a notebook as HTML with inline SVG, :meth:`plot` draws it into a file, and
    :meth:`to_data` gives its numbers to programs.
    """

    __slots__ = ()

    @abstractmethod
    def blocks(self) -> Iterable[Block]:
        """What it shows, from top to bottom."""

    def __repr__(self) -> str:
        from glassnet.explain.text import to_text

        return to_text(self.blocks())

    def __rich__(self) -> Any:
        """For rich's ``print``, with colors."""
        from glassnet.explain.text import renderable

        return renderable(self.blocks())

    def _repr_html_(self) -> str:
        from glassnet.explain.html import to_html

        return to_html(self.blocks())

    def plot(self, path: str | Path) -> None:
        """Draw it into a file, ``.png`` or ``.svg``, in the colors of the series.

        Errors: :class:`~glassnet.errors.WrongValue` for another ending, or if matplotlib is missing (it comes with the
        extra ``plot``); :class:`~glassnet.files.NotSaved` if the file cannot be written.
        """
        from glassnet.explain.plot import save

        save(self.blocks(), Path(path))

    def to_data(self) -> dict[str, Any]:
        """Its fields as plain data for JSON; arrays as lists, NaN and infinity as None."""
        return {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}  # type: ignore[arg-type]


@dataclasses.dataclass(frozen=True, slots=True, eq=False, repr=False)
class OfCost(Explanation):
    """The base of explanations that hold a cost, or how a cost changes: they name the function that it is.

    Attributes:
        cost_function: the cost: the one asked for; else that of the network's training; else the usual one of its output.
        cost_reason: which of these it is, in words.
    """

    cost_function: Cost
    cost_reason: str

    @property
    def which_cost(self) -> Sentence:
        """The sentence about it, which :meth:`blocks` shows once."""
        return Sentence(f"Cost: {self.cost_function}, {self.cost_reason}.", kept=True)


def plain(value: Any) -> Any:
    """A value as plain data for JSON: arrays as lists, NaN and infinity as None, settings by name, fields by name."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, Setting):
        return to_data(value)
    if isinstance(value, Network):
        return {"sizes": list(value.sizes), "activations": [to_data(each) for each in value.activations]}
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple | list):
        return [plain(each) for each in value]
    array = to_numpy(value)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        kept = array.astype(object)
        kept[~np.isfinite(array)] = None
        return kept.tolist()
    return array.tolist()
