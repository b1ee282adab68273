"""The network: layers of weights and biases, what they make of an input, and nothing about how they learn.

Shapes: ``n`` examples (always the rows), ``in`` and ``out`` the widths of a layer's two sides. The weight
``weight[j, k]`` joins neuron k of the layer before to neuron j of this one, so a layer computes z = a Wᵀ + b.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from glassnet.activations import Activation, as_activation
from glassnet.arrays import Array, device_of, from_numpy, library, moved, namespace, to_numpy
from glassnet.costs import Cost, check_fit
from glassnet.errors import WrongValue
from glassnet.initializers import Initializer, as_initializer, glorot
from glassnet.settings import check_seed

__all__ = ["Forward", "Layer", "Network", "Parameters", "check_numbers", "map_parameters"]


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """The weights and biases between one layer of neurons and the next."""

    weight: Float[Array, "out in"]
    bias: Float[Array, " out"]


Parameters: TypeAlias = tuple[Layer, ...]
"""A layer's numbers for every layer. A network's parameters, their gradient, a step and a momentum all have this shape."""


def map_parameters(f: Callable[..., Array], *parameters: Parameters) -> Parameters:
    """``f`` of every array of one set of parameters, or of the corresponding arrays of several."""
    return tuple(
        Layer(f(*(layer.weight for layer in layers)), f(*(layer.bias for layer in layers)))
        for layers in zip(*parameters, strict=True)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """All that a network thought about n examples.

    Attributes:
        activations: what each layer says; ``activations[0]`` is the input, ``activations[-1]`` the output.
        zs: the weighted sums; ``zs[l]`` made ``activations[l + 1]``.
        dropout: for each layer, the factors that its input was multiplied by (0 for a silenced neuron), or None.
    """

    activations: tuple[Float[Array, "n _"], ...]
    zs: tuple[Float[Array, "n _"], ...]
    dropout: tuple[Float[Array, "n _"] | None, ...] | None = None

    def dropped(self, layer: int, values: Float[Array, "n k"]) -> Float[Array, "n k"]:
        """``values`` at the input of ``layer``, with the silenced neurons' at zero; unchanged without dropout."""
        return _dropped(self.dropout, layer, values)


def _dropped(dropout: tuple[Array | None, ...] | None, layer: int, values: Array) -> Array:
    factors = None if dropout is None else dropout[layer]
    if factors is None:
        return values
    if factors.shape != values.shape:
        raise WrongValue(
            f"dropout's factors for layer {layer + 1} must have the shape of its input, {tuple(values.shape)}, got "
            f"{tuple(factors.shape)}"
        )
    return values * factors


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """A multilayer perceptron: a function from inputs to outputs, and every number it is made of.

    Attributes:
        layers: the weights and biases.
        activations: one for each layer.
        cost: the cost of its training, for whoever explains or judges it; None: no cost of a training is known.
            It changes nothing that the network computes. Each :class:`~glassnet.checkpoint.Checkpoint` sets it.

    Errors: :class:`~glassnet.errors.WrongValue` if the shapes do not follow on from each other, or the cost cannot judge
    what the last activation says.
    """

    layers: Parameters
    activations: tuple[Activation, ...]
    cost: Cost | None = None

    def __post_init__(self) -> None:
        if not self.layers or len(self.layers) != len(self.activations):
            raise WrongValue(
                f"a network needs at least one layer and an activation for each, got {len(self.layers)} layers "
                f"and {len(self.activations)} activations"
            )
        width = self.layers[0].weight.shape[1]
        for number, layer in enumerate(self.layers, start=1):
            shape = layer.weight.shape
            if shape[1] != width or layer.bias.shape != shape[:1]:
                raise WrongValue(
                    f"layer {number} should take {width} inputs and have a bias for each of its {shape[0]} neurons, "
                    f"but its weight is {tuple(shape)} and its bias {tuple(layer.bias.shape)}"
                )
            width = shape[0]
        if self.cost is not None:
            if not isinstance(self.cost, Cost):
                raise WrongValue(
                    f"the cost of a network must be a Cost, as as_cost makes it, or None, got {self.cost!r:.60}"
                )
            check_fit(self.cost, self.activations[-1])

    @classmethod
    def random(
        cls,
        sizes: Sequence[int] = (784, 16, 16, 10),
        *,
        hidden: Activation | str | Sequence[Activation | str] = "sigmoid",
        output: Activation | str = "sigmoid",
        initializer: Initializer | str = glorot,
        seed: int = 0,
        xp: ModuleType | Any = np,
        dtype: Any = None,
        device: Any = None,
    ) -> Network:
        """A network with random weights and biases; the same seed gives the same network in every array library.

        Args:
            sizes: neurons in each layer, input and output included: (784, 16, 16, 10) is the series' own.
            hidden: the activation of all hidden layers, or a sequence with one for each.
            output: the activation of the last layer.
            initializer: how weights and biases are drawn.
            seed: any integer from 0.
            xp: the array library, as a module: ``numpy``, ``torch``, …
            dtype: the library's own; None is float32. float64 is for proofs.
            device: the library's own; None is its default.

        Errors: :class:`~glassnet.errors.WrongValue` for sizes below 1 and activations that are unknown or miscounted.

        >>> Network.random((784, 16, 16, 10)).count
        13002
        """
        sizes = tuple(sizes)
        if len(sizes) < 2 or any(isinstance(s, bool) or not isinstance(s, int | np.integer) or s < 1 for s in sizes):
            raise WrongValue(f"sizes must be at least two whole numbers from 1, input first, got {sizes}")
        check_seed(seed)
        between = len(sizes) - 2
        inner = [hidden] * between if isinstance(hidden, str | Activation) else list(hidden)
        if len(inner) != between:
            raise WrongValue(
                f"sizes {sizes} have {between} hidden layers, but {len(inner)} hidden activations were given"
            )
        draw = as_initializer(initializer).draw
        generator = np.random.default_rng([seed, _INITIAL])
        lib = library(xp)
        like = lib.empty(0, dtype=lib.float32 if dtype is None else dtype, device=device)
        layers = []
        for inputs, outputs in pairwise(sizes):
            weight, bias = draw(generator, inputs, outputs)
            layers.append(Layer(from_numpy(weight, like), from_numpy(bias, like)))
        return cls(tuple(layers), tuple(as_activation(each) for each in [*inner, output]))

    def forward(
        self, x: Float[Array, "n in"], dropout: tuple[Float[Array, "n _"] | None, ...] | None = None
    ) -> Forward:
        """Every weighted sum and activation for the examples in the rows of ``x``: z = a Wᵀ + b, a' = f(z).

        ``dropout`` gives, for each layer, the factors to multiply its input by, or None (see :class:`Forward`).

        Errors: :class:`~glassnet.errors.WrongValue` if ``x`` is not of shape (n, in), or a factor's shape is wrong.
        """
        if len(x.shape) != 2 or x.shape[1] != self.layers[0].weight.shape[1]:
            raise WrongValue(
                f"this network takes examples as rows of {self.sizes[0]} numbers, got an array of shape {tuple(x.shape)}"
            )
        activations, zs = [x], []
        for number, (layer, activation) in enumerate(zip(self.layers, self.activations, strict=True)):
            a = _dropped(dropout, number, activations[-1])
            zs.append(a @ layer.weight.T + layer.bias)
            activations.append(activation.value(zs[-1]))
        return Forward(tuple(activations), tuple(zs), dropout)

    def __call__(self, x: Float[Array, "*n in"] | Sequence[Any]) -> Float[Array, "*n out"]:
        """The output for one example (a vector) or for many (the rows of a matrix).

        Errors: :class:`~glassnet.errors.WrongValue` if the examples do not have as many numbers as the network takes.
        """
        x = from_numpy(np.asarray(x), self.layers[0].bias) if isinstance(x, Sequence) else x
        if x.ndim not in (1, 2) or x.shape[-1] != self.sizes[0]:
            raise WrongValue(
                f"this network takes {self.sizes[0]} numbers for each example, got an array of shape {tuple(x.shape)}"
            )
        xp = namespace(x)
        rows = x if x.ndim == 2 else xp.expand_dims(x, axis=0)
        output = self.forward(rows).activations[-1]
        return output if x.ndim == 2 else output[0, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Neurons in each layer, input and output included."""
        return (self.layers[0].weight.shape[1], *(layer.weight.shape[0] for layer in self.layers))

    @property
    def count(self) -> int:
        """How many weights and biases there are: learning is finding this many numbers."""
        return sum(out * inputs + out for inputs, out in pairwise(self.sizes))

    def to(self, xp: ModuleType | Any = np, *, dtype: Any = None, device: Any = None) -> Network:
        """The same network with its numbers in another library, precision (None: kept) or place."""
        first = self.layers[0].bias
        same = library(xp) is namespace(first)
        if dtype is None:
            dtype = first.dtype if same else getattr(library(xp), to_numpy(first).dtype.name)
        if device is None and same:
            device = device_of(first)
        like = library(xp).empty(0, dtype=dtype, device=device)
        return replace(self, layers=map_parameters(lambda array: moved(array, like), self.layers))

    def __repr__(self) -> str:
        names = ", ".join(str(activation) for activation in self.activations)
        cost = "" if self.cost is None else f"; cost {self.cost}"
        return f"Network({'-'.join(map(str, self.sizes))}, {names}; {self.count:,} weights and biases{cost})"


def check_numbers(network: Network) -> None:
    """Refuse a network whose numbers are not all finite, or not all of one array library and one precision.

    Errors: :class:`~glassnet.errors.WrongValue` names the layer and says what to do.
    """
    first = network.layers[0].weight
    for number, layer in enumerate(network.layers, start=1):
        for what, array in (("weights", layer.weight), ("biases", layer.bias)):
            if array.dtype != first.dtype or type(array) is not type(first):
                raise WrongValue(
                    f"all numbers of a network must be of one type, but the weights of layer 1 are {_kind(first)} and the "
                    f"{what} of layer {number} {_kind(array)}: convert them, such as by network.to(numpy, dtype=numpy.float32)"
                )
            if not _all_finite(array):
                raise WrongValue(
                    f"the numbers of a network must be finite, but the {what} of layer {number} have NaN or infinity: begin "
                    "with another network, such as the last checkpoint before it diverged"
                )


def _kind(array: Array) -> str:
    return f"{str(array.dtype).rpartition('.')[2]} of {type(array).__module__.partition('.')[0]}"


def _all_finite(array: Array) -> bool:
    xp = namespace(array)
    # The sum is finite if every number is, and needs no mask of the whole array; only an overflow asks for one.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(xp.sum(array))
    return math.isfinite(total) or bool(xp.all(xp.isfinite(array)))


_INITIAL = 0
"""Which of the seed's random streams draws the parameters; training has its own (see training.py)."""
