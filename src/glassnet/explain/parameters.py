"""The 13,002 numbers, each with its place: which weight, which bias, and where in one long list.

Layers count from 1, the first that has weights; neurons count from 0, as the digits do. Weight (7, 3) of layer 2 joins
neuron 3 of layer 1 to neuron 7 of layer 2: it is ``network.layers[1].weight[7, 3]``.

In one long list the parameters stand layer by layer, each layer's weights row by row, then its biases.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from jaxtyping import Float

from glassnet.arrays import Array, namespace
from glassnet.errors import WrongValue
from glassnet.explain.examples import check_layer, check_neuron
from glassnet.network import Layer, Network, Parameters

__all__ = ["Parameter", "flat", "one", "parameter_at", "unflat"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """The place of a weight or a bias.

    Attributes:
        layer: which layer's, from 1.
        neuron: the neuron it belongs to, from 0.
        source: of a weight, the neuron of the layer before that it comes from; None: the bias.

    >>> print(Parameter(2, 7, 3), "and", Parameter(2, 7))
    weight (7, 3) of layer 2 and bias 7 of layer 2
    """

    layer: int
    neuron: int
    source: int | None = None

    def __str__(self) -> str:
        what = f"bias {self.neuron}" if self.source is None else f"weight ({self.neuron}, {self.source})"
        return f"{what} of layer {self.layer}"

    def check(self, network: Network) -> None:
        """Refuse a parameter that the network does not have.

        Errors: :class:`~glassnet.errors.WrongValue` says what it has.
        """
        check_layer(network, self.layer)
        check_neuron(network, self.layer, self.neuron)
        if self.source is not None:
            check_neuron(network, self.layer - 1, self.source)

    def of(self, parameters: Parameters) -> float:
        """Its number among a network's parameters, or in a gradient."""
        layer = parameters[self.layer - 1]
        at = layer.bias[self.neuron] if self.source is None else layer.weight[self.neuron, self.source]
        return float(at)

    def index(self, network: Network) -> int:
        """Where it stands in one long list of the network's parameters.

        Errors: :class:`~glassnet.errors.WrongValue` if the network has no such parameter.
        """
        self.check(network)
        sizes = network.sizes
        before = sum(outputs * inputs + outputs for inputs, outputs in pairwise(sizes[: self.layer]))
        inputs, outputs = sizes[self.layer - 1], sizes[self.layer]
        if self.source is None:
            return before + outputs * inputs + self.neuron
        return before + self.neuron * inputs + self.source


def parameter_at(network: Network, index: int) -> Parameter:
    """The place of a number in the long list.

    Errors: :class:`~glassnet.errors.WrongValue` if the list is shorter.
    """
    rest = index
    if index >= 0:
        for number, (inputs, outputs) in enumerate(pairwise(network.sizes), start=1):
            if rest < outputs * inputs:
                return Parameter(number, rest // inputs, rest % inputs)
            rest -= outputs * inputs
            if rest < outputs:
                return Parameter(number, rest)
            rest -= outputs
    raise WrongValue(f"there is no parameter {index}: this network has {network.count:,}, counted from 0")


def flat(parameters: Parameters) -> Float[Array, " count"]:
    """A network's parameters, or a gradient, as one long list."""
    xp = namespace(parameters[0].bias)
    return xp.concat([part for layer in parameters for part in (xp.reshape(layer.weight, (-1,)), layer.bias)], axis=0)


def unflat(numbers: Float[Array, " count"], network: Network) -> Parameters:
    """The long list, as parameters of the network's shape.

    Errors: :class:`~glassnet.errors.WrongValue` if there are not as many numbers as the network has parameters.
    """
    if tuple(numbers.shape) != (network.count,):
        raise WrongValue(f"this network has {network.count:,} parameters, got numbers of shape {tuple(numbers.shape)}")
    xp = namespace(numbers)
    layers, first = [], 0
    for inputs, outputs in pairwise(network.sizes):
        weight = xp.reshape(numbers[first : first + outputs * inputs], (outputs, inputs))
        first += outputs * inputs
        layers.append(Layer(weight, numbers[first : first + outputs]))
        first += outputs
    return tuple(layers)


def one(network: Network, parameter: Parameter) -> Parameters:
    """The direction in which only this parameter changes: 1 at its place, 0 elsewhere."""
    xp = namespace(network.layers[0].bias)
    place = parameter.index(network)
    numbers = xp.zeros_like(flat(network.layers))
    numbers[place] = 1.0
    return unflat(numbers, network)
