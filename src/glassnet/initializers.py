"""Initializers: the weights and biases a network starts from.

Drawn by NumPy on the host, in float64, and moved afterwards: the same seed gives the same network in every array
library and, but for rounding, in every precision.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

from glassnet.settings import Setting, as_setting, check_number, table

__all__ = [
    "INITIALIZERS",
    "Glorot",
    "He",
    "Initializer",
    "StandardNormal",
    "Zeros",
    "as_initializer",
    "glorot",
    "he",
    "standard_normal",
    "zeros",
]

Drawn: TypeAlias = tuple[NDArray[Any], NDArray[Any]]


class Initializer(Setting):
    """How the weights and biases of a layer are drawn."""

    __slots__ = ()

    @abstractmethod
    def draw(self, random: np.random.Generator, inputs: int, outputs: int) -> Drawn:
        """A layer's weight, of shape (outputs, inputs), and bias, of shape (outputs,), in float64."""


@dataclass(frozen=True, slots=True)
class StandardNormal(Initializer):
    """Every weight and every bias from N(0, 1): the start of the series and of Nielsen's first chapter."""

    name: ClassVar[str] = "standard_normal"

    def draw(self, random: np.random.Generator, inputs: int, outputs: int) -> Drawn:
        """Weights, then biases, from N(0, 1)."""
        return random.standard_normal((outputs, inputs)), random.standard_normal(outputs)


@dataclass(frozen=True, slots=True)
class Glorot(Initializer):
    """Weights uniform within ± gain · √(6 / (inputs + outputs)), biases 0.

    The weighted sums then neither grow nor shrink much from layer to layer, forwards or backwards
    (Glorot and Bengio, 2010).
    """

    name: ClassVar[str] = "glorot"
    gain: float = 1.0

    def __post_init__(self) -> None:
        check_number("gain of glorot", self.gain, above=0)

    def draw(self, random: np.random.Generator, inputs: int, outputs: int) -> Drawn:
        """Weights uniform within ± gain · √(6 / (inputs + outputs)), biases 0."""
        limit = self.gain * math.sqrt(6 / (inputs + outputs))
        return random.uniform(-limit, limit, (outputs, inputs)), np.zeros(outputs)


@dataclass(frozen=True, slots=True)
class He(Initializer):
    """Weights from N(0, 2 / inputs), biases 0: keeps the size of relu activations from layer to layer (He et al., 2015)."""

    name: ClassVar[str] = "he"

    def draw(self, random: np.random.Generator, inputs: int, outputs: int) -> Drawn:
        """Weights from N(0, 2 / inputs), biases 0."""
        return random.standard_normal((outputs, inputs)) * math.sqrt(2 / inputs), np.zeros(outputs)


@dataclass(frozen=True, slots=True)
class Zeros(Initializer):
    """All zero. It is here to show symmetry: all neurons of a hidden layer then stay alike for ever."""

    name: ClassVar[str] = "zeros"

    def draw(self, random: np.random.Generator, inputs: int, outputs: int) -> Drawn:
        """Zeros."""
        return np.zeros((outputs, inputs)), np.zeros(outputs)


standard_normal = StandardNormal()
glorot = Glorot()
he = He()
zeros = Zeros()

INITIALIZERS = table(StandardNormal, Glorot, He, Zeros)
"""Every initializer glassnet knows, by name."""


def as_initializer(given: Initializer | str) -> Initializer:
    """An initializer from its name, ``"glorot"`` or ``"glorot(gain=4)"``; an initializer is returned as it is.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    return as_setting(given, "initializer", INITIALIZERS)
