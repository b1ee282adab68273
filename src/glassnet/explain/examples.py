"""What explainers are given: a network, and one example or many, made ready for numbers that can be trusted.

Explainers compute in float64, whatever the network was trained in: rounding to float32 and back changes no number they
were given, and what they compute from it agrees with other ways to compute it to some 15 digits.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float

from glassnet.arrays import Array, from_numpy, moved, namespace, to_numpy
from glassnet.backprop import Backward, backward
from glassnet.costs import Cost, as_cost, check_fit, cost_of, usual_cost
from glassnet.data import Dataset
from glassnet.errors import WrongValue
from glassnet.evaluation import check_data
from glassnet.network import Forward, Layer, Network, Parameters, check_numbers, map_parameters

__all__ = [
    "as_data",
    "as_example",
    "backward_in_parts",
    "check_layer",
    "check_names",
    "check_neuron",
    "common_cost",
    "cost_and_gradient",
    "cost_for",
    "costs_of",
    "nudged",
    "parts",
    "precise",
    "shares",
]

_CHUNK = 4096
"""Examples looked at together: few enough to stay in the processor's cache."""


def precise(network: Network) -> Network:
    """The same network with its numbers in float64, in its own library.

    Errors: :class:`~glassnet.errors.WrongValue` if they are not finite, or not of one type.
    """
    check_numbers(network)
    bias = network.layers[0].bias
    xp = namespace(bias)
    return network if bias.dtype == xp.float64 else network.to(xp, dtype=xp.float64)


def cost_for(network: Network, given: Cost | str | None = None) -> Cost:
    """The cost to explain or judge a network by: the one that is named; else that of its training; else the usual one of its
    output (:func:`~glassnet.costs.usual_cost`).

    Errors: :class:`~glassnet.errors.WrongValue` for a name that is unknown, or a cost that does not fit the output.
    """
    return common_cost([("the network", network)], given)[0]


def common_cost(networks: Sequence[tuple[str, Network]], given: Cost | str | None = None) -> tuple[Cost, str]:
    """The one cost to judge some networks by, and in words why it is that one; of a single network, as :func:`cost_for`.

    Numbers of two costs are never put side by side: networks whose trainings had different ones, or which had none and
    whose outputs have different usual ones, are refused if no cost is named.

    Args:
        networks: each with what to call it; at least one.
        given: the cost that was asked for, or its name; None: nobody asked for one.

    Errors: :class:`~glassnet.errors.WrongValue` for a name that is unknown, a cost that does not fit every output, and
    networks that have no cost in common.
    """
    known = [(name, network.cost) for name, network in networks if network.cost is not None]
    these = "this network" if len(networks) == 1 else "these networks"
    if given is not None:
        cost, reason = as_cost(given), "as asked for"
        others = {name: str(each) for name, each in known if each != cost}
        if len(networks) == 1 and others:
            reason += f"; in the training of this network it was {known[0][1]}"
        elif others:
            reason += "; in training it was " + ", ".join(f"{each} for {name}" for name, each in others.items())
    else:
        chosen = known or [(name, usual_cost(network.activations[-1])) for name, network in networks]
        (first, cost), reason = chosen[0], f"as in the training of {these}"
        for name, each in chosen[1:]:
            if each != cost:
                raise WrongValue(
                    f"{first!r} goes with the cost {cost} and {name!r} with {each}, and numbers of two costs do not compare: "
                    "name one cost for all, such as cost='squared_error'"
                )
        if not known:
            know = "knows" if len(networks) == 1 else "know"
            reason = f"the usual one after {networks[0][1].activations[-1]}: {these} {know} of no cost of a training"
        elif len(known) < len(networks):
            reason += " that had one"
    for _, network in networks:
        check_fit(cost, network.activations[-1])
    return cost, reason


def as_example(network: Network, image: Any, target: Any) -> tuple[Float[Array, "1 in"], Float[Array, "1 out"]]:
    """One example as two rows of numbers, in the network's library and precision.

    Args:
        network: the one that will look at it.
        image: as many numbers as the network takes, of any shape and array library.
        target: the desired outputs; or the number of the desired class, for which they are 1 there and 0 elsewhere (of
            a single output: 0 or 1 itself).

    Errors: :class:`~glassnet.errors.WrongValue` says what the network takes, and what it has outputs for.
    """
    like = network.layers[0].bias
    takes, gives = network.sizes[0], network.sizes[-1]
    x = _numbers("an image", image)
    if x.size != takes:
        side = math.isqrt(takes)
        picture = f", an image of {side} × {side}" if side * side == takes and side > 1 else ""
        raise WrongValue(f"this network takes {takes} numbers{picture}; got {x.size}, of shape {x.shape}")
    if isinstance(target, int | np.integer) and not isinstance(target, bool):
        most = max(2, gives) - 1
        if not 0 <= target <= most:
            raise WrongValue(
                f"this network has {gives} outputs, for the classes 0 to {most}; there is no class {target}"
            )
        y = np.zeros(gives)
        y[target if gives > 1 else 0] = 1.0 if gives > 1 else float(target)
    else:
        y = _numbers("a target", target)
        if y.size != gives:
            raise WrongValue(
                f"this network has {gives} outputs, so a target is {gives} numbers or a class; got {y.size}"
            )
    return from_numpy(x.reshape(1, -1), like), from_numpy(y.reshape(1, -1), like)


def as_data(network: Network, given: Any, target: Any = None) -> Dataset:
    """What the explainers of a cost can be asked about, as a data set.

    Args:
        network: the one that will look at it.
        given: one image; or many, one a row, as an array (n, in); or a data set, which is returned as it is.
        target: of an image, the desired class or the desired outputs; of many, an array (n, out); of a data set, nothing.

    Errors: :class:`~glassnet.errors.WrongValue` if they do not fit the network, or a target is missing or too many.
    """
    if isinstance(given, Dataset):
        if target is not None:
            raise WrongValue("a data set has its own targets: leave out the target")
        check_data(network, given)
        return given
    if target is None:
        raise WrongValue("an image needs its target: the desired class, or the desired outputs")
    rows = _numbers("an image", given)
    if rows.ndim != 2 or rows.shape[1] != network.sizes[0] or len(rows) == 1:
        return Dataset(*as_example(network, given, target))
    wanted = _numbers("a target", target)
    if wanted.shape != (len(rows), network.sizes[-1]):
        raise WrongValue(
            f"{len(rows)} examples need as many rows of {network.sizes[-1]} desired outputs, got a target of shape "
            f"{wanted.shape}"
        )
    like = network.layers[0].bias
    return Dataset(from_numpy(rows, like), from_numpy(wanted, like))


def _numbers(what: str, given: Any) -> Any:
    try:
        array = np.asarray(to_numpy(given), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise WrongValue(f"{what} must be numbers, got {type(given).__name__}") from error
    if not np.isfinite(array).all():
        raise WrongValue(f"{what} must be finite numbers, but it has NaN or infinity")
    return array


def check_layer(network: Network, layer: int) -> None:
    """Refuse the number of a layer that is not there. Layers count from 1, the first that has weights.

    Errors: :class:`~glassnet.errors.WrongValue` says which there are.
    """
    count = len(network.layers)
    if isinstance(layer, bool) or not isinstance(layer, int | np.integer) or not 1 <= layer <= count:
        raise WrongValue(f"there is no layer {layer}: this network's layers are 1 to {count} ({_widths(network)})")


def check_neuron(network: Network, layer: int, neuron: int) -> None:
    """Refuse a neuron that is not there. Neurons count from 0, as the digits do. Layer 0 is the input.

    Errors: :class:`~glassnet.errors.WrongValue` says which there are.
    """
    if layer != 0:
        check_layer(network, layer)
    width = network.sizes[layer]
    if isinstance(neuron, bool) or not isinstance(neuron, int | np.integer) or not 0 <= neuron < width:
        where = f"layer {layer}" if layer else "the input"
        raise WrongValue(f"there is no neuron {neuron} in {where}: it has the neurons 0 to {width - 1}")


def check_names(network: Network, names: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the classes; None: their numbers. A single output has two, no and yes: 0 and 1.

    Errors: :class:`~glassnet.errors.WrongValue` if there are not as many as the network can answer.
    """
    count = max(2, network.sizes[-1])
    classes = tuple(str(number) for number in range(count)) if names is None else tuple(names)
    if len(classes) != count:
        raise WrongValue(f"this network has {count} answers, got {len(classes)} names for them")
    return classes


def _widths(network: Network) -> str:
    return "its sizes are " + "-".join(map(str, network.sizes))


def parts(network: Network, data: Dataset) -> Iterator[tuple[slice, Array, Array]]:
    """The examples in chunks, in the network's library and precision.

    Errors: :class:`~glassnet.errors.WrongValue` if the data does not fit the network.
    """
    check_data(network, data)
    like = network.layers[0].bias
    for first in range(0, len(data), _CHUNK):
        part = slice(first, min(first + _CHUNK, len(data)))
        yield part, moved(data.inputs[part, :], like), moved(data.targets[part, :], like)


def costs_of(network: Network, data: Dataset, cost: Cost) -> Float[Array, " n"]:
    """The cost of each example by itself, without its weight."""
    xp = namespace(network.layers[0].bias)
    costs = []
    for _, x, y in parts(network, data):
        forward = network.forward(x)
        costs.append(cost_of(cost, network.activations[-1], forward.zs[-1], forward.activations[-1], y))
    return xp.concat(costs, axis=0)


def shares(network: Network, data: Dataset) -> Float[Array, " n"]:
    """How much each example counts in the cost of all: its weight over the sum of the weights, or 1/n."""
    like = network.layers[0].bias
    weights = np.ones(len(data)) if data.weights is None else to_numpy(data.weights).astype(np.float64)
    return from_numpy(weights / weights.sum(), like)


def backward_in_parts(
    network: Network, data: Dataset, cost: Cost
) -> Iterator[tuple[Forward, Backward, Float[Array, " part"]]]:
    """The forward and backward pass of every example, in chunks, with each example's own cost times its share.

    The chunks' costs add up to the cost of the network, and their gradients to its gradient; the errors δ are of each
    example's own cost, as always.
    """
    share = shares(network, data)
    for part, x, y in parts(network, data):
        forward = network.forward(x)
        costs = cost_of(cost, network.activations[-1], forward.zs[-1], forward.activations[-1], y)
        here = share[part]
        # backward() averages over the rows it is given; the share of each is of all rows.
        yield forward, backward(network, forward, y, cost, here * x.shape[0]), costs * here


def cost_and_gradient(network: Network, data: Dataset, cost: Cost) -> tuple[float, Parameters]:
    """The cost of the network, the (weighted) mean over the examples, and its gradient; in chunks, to spare memory."""
    total = 0.0
    gradient: Parameters | None = None
    for _, back, costs in backward_in_parts(network, data, cost):
        total += float(namespace(costs).sum(costs))
        found = back.gradient
        gradient = found if gradient is None else map_parameters(lambda a, b: a + b, gradient, found)
    assert gradient is not None  # a Dataset has at least one example
    return total, gradient


def nudged(network: Network, direction: Parameters, step: float) -> Network:
    """The network with ``step`` times the direction added to its parameters."""
    layers = zip(network.layers, direction, strict=True)
    moved_layers = tuple(Layer(old.weight + step * d.weight, old.bias + step * d.bias) for old, d in layers)
    return replace(network, layers=moved_layers)
