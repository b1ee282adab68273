"""Does PyTorch find the same gradient?

glassnet's gradient comes from :func:`~glassnet.backprop.backward`. Here the same network is built once more out of
PyTorch's own operations, PyTorch differentiates that by its own record of them (autograd), and both results stand side
by side. Where they agree, two programs that share no derivative found the same numbers.

Needs PyTorch, which comes with the extra ``torch``.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from glassnet.activations import (
    ELU,
    GELU,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Step,
    Tanh,
)
from glassnet.arrays import Array, from_numpy, moved, namespace, to_numpy
from glassnet.backprop import backward
from glassnet.costs import (
    AbsoluteError,
    BinaryCrossEntropy,
    Cost,
    CrossEntropy,
    Huber,
    SquaredError,
    cost_of,
)
from glassnet.errors import WrongValue
from glassnet.explain.blocks import Block, Heading, Sentence, Table, number
from glassnet.explain.examples import as_data, common_cost, precise, shares
from glassnet.explain.explanation import OfCost
from glassnet.explain.parameters import Parameter, flat, parameter_at
from glassnet.network import Layer, Network

__all__ = ["TOLERANCE", "Autograd", "Compared", "Component", "autograd"]

TOLERANCE = 1e-10
"""How far the two may lie apart and still agree: far above float64's rounding, far below any mistake worth the name."""

_TOP = 10


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """One layer's gradient, ours and PyTorch's.

    Attributes:
        layer: which, from 1.
        weight: our ∂C/∂weight; bias: our ∂C/∂bias, of the mean cost of the examples.
        delta: our errors δ = ∂C/∂z, of each example's own cost.
        torch_weight, torch_bias, torch_delta: the same by PyTorch.
        largest: our largest |component|; torch_largest: PyTorch's.
        difference: the largest |ours − PyTorch's| over weights and biases; delta_difference: over δ.
    """

    layer: int
    weight: Float[Array, "out in"]
    bias: Float[Array, " out"]
    delta: Float[Array, "n out"]
    torch_weight: Float[Array, "out in"]
    torch_bias: Float[Array, " out"]
    torch_delta: Float[Array, "n out"]
    largest: float
    torch_largest: float
    difference: float
    delta_difference: float


@dataclass(frozen=True, slots=True)
class Component:
    """One component of the gradient: the parameter it belongs to, what we found, and what PyTorch found."""

    parameter: Parameter
    ours: float
    torch: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Autograd(OfCost):
    """The gradient of the cost, ours beside PyTorch's.

    Attributes:
        examples: how many were looked at.
        ours: the (weighted) mean cost of the examples; torch: the same by PyTorch.
        layers: each layer's gradient, both.
        top: the ten components of our gradient that are largest in size, the largest first.
        difference: the largest |ours − PyTorch's| over all weights, biases and errors δ.
        agrees: whether in every layer the difference is at most 1e-10 (times the largest number compared, where that is
            above 1, for rounding grows with the numbers).
        torch_version: PyTorch's.
    """

    examples: int
    ours: float
    torch: float
    layers: tuple[Compared, ...]
    top: tuple[Component, ...]
    difference: float
    agrees: bool
    torch_version: str

    def blocks(self) -> Iterable[Block]:
        """The cost, the largest numbers and differences of every layer, and the largest components side by side."""
        yield Heading("The same gradient by PyTorch")
        yield self.which_cost
        facts = (
            ("examples", f"{self.examples:,}"),
            ("mean cost, ours", number(self.ours, 15)),
            ("mean cost, PyTorch's", number(self.torch, 15)),
            ("PyTorch", self.torch_version),
        )
        yield Table((), facts)
        yield Table(
            ("layer", "largest component, ours", "PyTorch's", "largest difference", "of the errors δ"),
            tuple(
                (
                    str(each.layer),
                    number(each.largest, 12),
                    number(each.torch_largest, 12),
                    number(each.difference, 2),
                    number(each.delta_difference, 2),
                )
                for each in self.layers
            ),
        )
        yield Sentence("The largest components of the gradient:")
        yield Table(
            ("parameter", "ours", "PyTorch's", "difference"),
            tuple(
                (
                    str(each.parameter),
                    number(each.ours, 12),
                    number(each.torch, 12),
                    number(abs(each.ours - each.torch), 2),
                )
                for each in self.top
            ),
        )
        verdict = "They agree" if self.agrees else "They do not agree"
        yield Sentence(f"{verdict}: the largest difference anywhere is {number(self.difference, 2)}.")


def autograd(network: Network, image: Any, target: Any = None, cost: Cost | str | None = None) -> Autograd:
    """The gradient by backpropagation, and the same by PyTorch's autograd, in float64 on the processor.

    PyTorch is given the network's numbers and nothing else of ours: its ``linear``, its activations and its costs.
    Activations and costs that you made yourself have no twin in PyTorch: there it computes your ``value`` and
    differentiates that, so your ``pullback`` and ``slope`` are tested.

    They may disagree without a mistake where the cost itself has lost its digits: binary cross-entropy after a softmax
    that is all but certain (1 − a below about 1e-6). A mistake in a gradient below 1e-10 is not seen.

    Args:
        network: any, of any array library.
        image: one example; or many, one a row, as an array (n, in); or a :class:`~glassnet.data.Dataset`, whose weights
            count as in training. All rows are looked at together.
        target: of one example, the desired outputs or the number of the class; of many, an array (n, out); of a
            Dataset, nothing.
        cost: what to descend, or its name; None: the cost of the network's training, or else the usual one of its output
            (:func:`~glassnet.explain.examples.cost_for`).

    Errors: :class:`~glassnet.errors.WrongValue` if PyTorch is missing, there is no target, or network, examples and
    cost do not fit.
    """
    torch = _torch()
    network = precise(network)
    cost, reason = common_cost([("the network", network)], cost)
    data = as_data(network, image, target)
    like = network.layers[0].bias
    x, y = moved(data.inputs, like), moved(data.targets, like)
    # backward() takes the mean over the rows, so the weights it is given have a mean of 1.
    weights = None if data.weights is None else shares(network, data) * len(data)

    forward = network.forward(x)
    z, a = forward.zs[-1], forward.activations[-1]
    costs = cost_of(cost, network.activations[-1], z, a, y)
    back = backward(network, forward, y, cost, weights)
    ours = float(namespace(costs).mean(costs if weights is None else costs * weights))
    theirs, gradient, deltas = _by_torch(torch, network, x, y, cost, weights)

    found = zip(back.gradient, gradient, back.deltas, deltas, strict=True)
    layers = tuple(_compared(number, *each) for number, each in enumerate(found, start=1))
    return Autograd(
        cost,
        reason,
        int(x.shape[0]),
        ours,
        theirs,
        layers,
        _top(network, flat(back.gradient), flat(gradient)),
        float(np.max([(each.difference, each.delta_difference) for each in layers])),
        all(_agree(each) for each in layers),
        str(torch.__version__),
    )


def _torch() -> Any:
    """PyTorch, imported only when asked for: it is optional, and slow to start."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise WrongValue("PyTorch is not installed: pip install 'glassnet[torch]'") from error


def _by_torch(
    torch: Any, network: Network, x: Array, y: Array, cost: Cost, weights: Array | None
) -> tuple[float, tuple[Layer, ...], tuple[Array, ...]]:
    """The mean cost, its gradient, and the errors of each example's own cost, by PyTorch; as arrays of the network's."""

    def tensor(array: Array, grad: bool = False) -> Any:
        return torch.tensor(np.array(to_numpy(array)), dtype=torch.float64, requires_grad=grad)

    like = network.layers[0].bias
    parameters = [(tensor(layer.weight, True), tensor(layer.bias, True)) for layer in network.layers]
    a, zs = tensor(x), []
    for (weight, bias), activation in zip(parameters, network.activations, strict=True):
        zs.append(torch.nn.functional.linear(a, weight, bias))
        a = _activation(torch, activation, zs[-1])
    costs = _cost(torch, cost, network.activations[-1], zs[-1], a, tensor(y))

    # Of the plain sum of the costs, ∂/∂z in row i is the error of example i's own cost, without share or weight.
    deltas = tuple(from_numpy(d.numpy(), like) for d in torch.autograd.grad(costs.sum(), zs, retain_graph=True))
    mean = (costs if weights is None else costs * tensor(weights)).mean()
    mean.backward()
    gradient = tuple(Layer(*(from_numpy(each.grad.numpy(), like) for each in pair)) for pair in parameters)
    return float(mean.detach()), gradient, deltas


def _activation(torch: Any, activation: Activation, z: Any) -> Any:
    """PyTorch's own function for each of glassnet's activations; of any other, subclasses included, its ``value``."""
    functional = torch.nn.functional
    kind = type(activation)
    if kind is LeakyReLU and isinstance(activation, LeakyReLU):
        return functional.leaky_relu(z, negative_slope=activation.alpha)
    if kind is ELU and isinstance(activation, ELU):
        return functional.elu(z, alpha=activation.alpha)
    if kind is GELU:
        return functional.gelu(z, approximate="tanh")
    if kind is Softplus:
        return functional.softplus(z, threshold=40.0)  # by default it is linear above 20, which is 2e-9 off
    if kind is Softmax:
        return torch.softmax(z, dim=-1)
    if kind is Step:
        return torch.where(z > 0, 1.0, 0.0 * z)  # 0 · z keeps z in PyTorch's record, with the slope 0
    if kind is Identity:
        return z
    own = {Sigmoid: torch.sigmoid, Tanh: torch.tanh, ReLU: torch.relu, SiLU: functional.silu}
    return own[kind](z) if kind in own else activation.value(z)


def _cost(torch: Any, cost: Cost, output: Activation, z: Any, a: Any, y: Any) -> Any:
    """PyTorch's own cost for each of glassnet's, for each example; of any other its ``value``."""
    functional = torch.nn.functional
    kind = type(cost)
    if kind is SquaredError:
        return functional.mse_loss(a, y, reduction="none").sum(dim=1)
    if kind is AbsoluteError:
        return functional.l1_loss(a, y, reduction="none").sum(dim=1)
    if kind is Huber and isinstance(cost, Huber):
        return functional.huber_loss(a, y, reduction="none", delta=cost.delta).sum(dim=1)
    if kind is CrossEntropy:
        if type(output) is Softmax:
            return functional.cross_entropy(z, y, reduction="none")
        return -(y * torch.log(a)).sum(dim=1)
    if kind is BinaryCrossEntropy:
        if type(output) is Sigmoid:
            return functional.binary_cross_entropy_with_logits(z, y, reduction="none").sum(dim=1)
        return -(y * torch.log(a) + (1.0 - y) * torch.log(1.0 - a)).sum(dim=1)  # its own needs a ≥ 1e-12
    return cost.value(a, y)


def _largest(*arrays: Array) -> float:
    # By NumPy's max, which keeps a NaN that Python's would drop.
    return float(np.max([float(namespace(each).max(namespace(each).abs(each))) for each in arrays]))


def _compared(number: int, ours: Layer, theirs: Layer, delta: Array, torch_delta: Array) -> Compared:
    return Compared(
        number,
        ours.weight,
        ours.bias,
        delta,
        theirs.weight,
        theirs.bias,
        torch_delta,
        _largest(ours.weight, ours.bias),
        _largest(theirs.weight, theirs.bias),
        _largest(ours.weight - theirs.weight, ours.bias - theirs.bias),
        _largest(delta - torch_delta),
    )


def _agree(each: Compared) -> bool:
    """Whether gradient and errors agree; a NaN on either side agrees with nothing."""
    errors = _largest(each.delta, each.torch_delta)
    return (
        each.difference <= TOLERANCE * max(1.0, each.largest, each.torch_largest)
        and each.delta_difference <= TOLERANCE * max(1.0, errors)
    )  # fmt: skip


def _top(network: Network, ours: Array, theirs: Array) -> tuple[Component, ...]:
    mine, others = to_numpy(ours), to_numpy(theirs)
    order = np.argsort(-np.abs(mine), kind="stable")[:_TOP]
    return tuple(Component(parameter_at(network, int(i)), float(mine[i]), float(others[i])) for i in order)
