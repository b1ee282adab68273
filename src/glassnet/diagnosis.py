"""Diagnosis: why a training gets nowhere, as sentences that name the numbers and say what to do.

:func:`unscaled` looks at the inputs alone, before training begins. :func:`stuck` asks a network whether it answers better
than a constant would and, if it does not, for the likeliest cause: each is one function, and they are asked in the order in
which one cause hides the next.

Shapes: ``n`` examples; a layer has weights (j, k), from k inputs to j neurons.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.activations import Range
from glassnet.arrays import moved, namespace, to_numpy
from glassnet.backprop import Backward, backward
from glassnet.checkpoint import Checkpoint
from glassnet.costs import Cost, cost_of
from glassnet.data import Dataset, Summary, summarize
from glassnet.network import Forward

__all__ = ["constant_cost", "falling", "stuck", "unscaled"]

_FAR, _FAR_SIZE = 10.0, 2.0
"""Inputs are too large if one is beyond the first and the root of their mean square beyond the second: a few outliers
among inputs of unit size are none of that."""
_NARROW = 0.05
"""Inputs whose largest and smallest differ by less than this are too small."""
_UNEQUAL = 100.0
"""Standard deviations of two inputs with more than this between them, as a factor, are of unequal scale."""

_PROBE = 1000
"""How many examples are looked at to see whether a network is stuck."""
_CHUNK = 4096
"""Examples whose cost is computed at once: few enough to need little memory."""
_BETTER = 0.98
"""A cost below this share of the best constant answer's is better than it."""
_FLAT, _FLAT_SHARE = 1e-3, 0.95
"""A layer is saturated if more than this share of its activations have less slope than the first number."""
_OUTSIDE = 0.1
"""Targets are out of reach if more than this share of them is outside of the outputs' range."""
_VANISHED = 1e-3
"""The first layer's gradient has vanished if it is smaller than the last layer's by more than this factor."""
_MOVED = 0.01
"""Weights that have moved by less than this share of their size have hardly moved."""
_STEPS = 200
"""Minibatches before a network that could still learn is called stuck: about twice as many as a network of the series'
size needs, at a usable learning rate, to find the best constant answer and to begin to leave it."""
_FALL = 0.02
"""A cost that has fallen by this share between the second quarter and the last quarter of the steps is still falling."""

_QUARTERS = 4
"""Parts of a training, at least, of which can be said whether its cost is falling."""
_THIRDS = 40
"""How often the range in which the best constant answer lies is made smaller by a third: until it is 1e-7 of what it was."""

_REACH: dict[Range, tuple[float, float]] = {
    "real": (-math.inf, math.inf),
    "nonnegative": (0.0, math.inf),
    "signed": (-1.0, 1.0),
    "unit": (0.0, 1.0),
    "binary": (0.0, 1.0),
    "simplex": (0.0, 1.0),
}
_STANDARDIZE = "subtract from each column its mean and divide it by its standard deviation"


def unscaled(summary: Summary) -> str | None:
    """What is wrong with the scale of the inputs, and what to do; None if they are about as large as 0 to 1.

    First weights and usual learning rates suit inputs of about that size, one column like another. Images from 0 to 1,
    standardized numbers and one-hot rows are fine.
    """
    low, high = summary.low, summary.high
    run = f"the inputs run from {low:.4g} to {high:.4g}"
    if summary.spreads is not None and summary.spreads[1] > _UNEQUAL * summary.spreads[0] > 0:
        least, most = summary.spreads
        return f"{run}, in columns of very unequal scale (standard deviations from {least:.3g} to {most:.3g}): {_STANDARDIZE}"
    if max(-low, high) > _FAR and summary.size > _FAR_SIZE:
        return f"{run}, far beyond 0 to 1: divide bytes of 0 to 255 by 255; of other numbers, {_STANDARDIZE}"
    if high - low < _NARROW:
        return (
            f"{run} and hardly differ: scale them to 0 to 1 (bytes are divided by 255 when a file is read: save bytes of 0 "
            "and 1 as floating-point numbers)"
        )
    return None


def constant_cost(data: Dataset, cost: Cost) -> float:
    """The mean cost of the best answer that does not look at the input. Weighted, if the examples are.

    It is the mean of all targets for the squared error and the cross-entropies. For others it is looked for, output by output,
    among 1,000 examples drawn at random: between the least and the largest target, where a cost that grows with the distance
    from each target falls and then rises.
    """
    targets = to_numpy(data.targets)
    weights = np.ones(len(data)) if data.weights is None else to_numpy(data.weights).astype(np.float64)
    least = math.inf
    for middle in (np.average(targets, axis=0, weights=weights), _lowest(_probe(data), cost)):
        total = 0.0
        with np.errstate(over="ignore"):
            for first in range(0, len(data), _CHUNK):
                y = targets[first : first + _CHUNK].astype(np.float64)
                total += float(cost.value(np.broadcast_to(middle, y.shape), y) @ weights[first : first + _CHUNK])
        least = min(least, total / float(weights.sum()))
    return least


def _lowest(data: Dataset, cost: Cost) -> NDArray[Any]:
    """The answer to each output that costs least for these examples, by halving where it lies; for costs of any real number."""
    targets = to_numpy(data.targets).astype(np.float64)
    weights = np.ones(len(data)) if data.weights is None else to_numpy(data.weights).astype(np.float64)
    if cost.domain != "real":
        return np.average(targets, axis=0, weights=weights)

    def costs(answers: NDArray[Any]) -> NDArray[Any]:
        found = [
            cost.value(np.full((len(targets), 1), answer), column[:, None]) @ weights
            for answer, column in zip(answers.tolist(), targets.T, strict=True)
        ]
        return np.array(found)

    low, high = targets.min(axis=0), targets.max(axis=0)
    with np.errstate(over="ignore"):
        for _ in range(_THIRDS):
            third = (high - low) / 3
            left = costs(low + third) <= costs(high - third)
            low, high = np.where(left, low, low + third), np.where(left, high - third, high)
    return (low + high) / 2


def falling(course: Sequence[float]) -> bool:
    """Whether a cost is still falling, from its means over equal parts of the training so far; True if they are too few.

    The last quarter is compared with the second, as the first is the way from the first weights to a constant answer.
    """
    quarter = len(course) // 4
    if not quarter:
        return True
    before, after = float(np.mean(course[quarter : 2 * quarter])), float(np.mean(course[-quarter:]))
    return after < before - _FALL * abs(before)


def stuck(start: Checkpoint, now: Checkpoint, data: Dataset, course: Sequence[float]) -> str | None:
    """Why a network answers no better than a constant would, and what to do about it.

    None if it is better than that; if it may still become so: after fewer than 200 minibatches since ``start``, or with a
    cost that is falling; and where one answer is right for all examples that are looked at. A layer whose slopes are all
    flat is told before so many minibatches, unless the cost falls all the same.

    Args:
        start: where this training began, or was gone on with.
        now: where it stands.
        data: what it learns from. 1,000 of the examples are looked at, drawn at random.
        course: means of the cost over equal parts of the training since ``start``.
    """
    settings, network = now.settings, now.network
    whole, data = data, _probe(data)
    constant = constant_cost(data, settings.cost)
    with np.errstate(all="ignore"):
        forward = network.forward(moved(data.inputs, network.layers[0].bias))
        targets = moved(data.targets, network.layers[0].bias)
        a = forward.activations[-1]
        costs = to_numpy(cost_of(settings.cost, network.activations[-1], forward.zs[-1], a, targets))
        cost = float(np.average(costs, weights=None if data.weights is None else to_numpy(data.weights)))
        if constant <= 0 or cost < _BETTER * constant:
            return None
        steps = now.memory.step - start.memory.step
        flat = _flat(now, forward)
        if (steps < _STEPS and flat is None) or (falling(course) and (flat is None or len(course) >= _QUARTERS)):
            return None
        unmoved = _unmoved(start, now, steps)
        reason = (
            unscaled(summarize(whole))
            or _out_of_reach(now, data, summarize(whole).targets)
            or flat
            or _jumping(now)
            or (unmoved if cost > 1.05 * constant else None)  # it has not even found the constant answer
            or _vanishing(now, backward(network, forward, targets, settings.cost))
            or unmoved
            or _other(now, cost, constant)
        )
    answers = "no better" if cost >= constant else "hardly better"
    return (
        f"the network answers {answers} than a constant would (its cost is {cost:.4g}, that of the best constant "
        f"{constant:.4g}). Likely cause: {reason}."
    )


def _probe(data: Dataset) -> Dataset:
    """Some of the examples, from all over the data, which may be sorted by class."""
    rows = np.arange(len(data)) if data.weights is None else np.flatnonzero(to_numpy(data.weights))
    return data.take(np.sort(np.random.default_rng(0).permutation(rows)[:_PROBE]))


def _rate(now: Checkpoint) -> float:
    """The learning rate of the last step."""
    return now.settings.optimizer.rate(replace(now.memory, step=max(now.memory.step - 1, 0)))


def _out_of_reach(now: Checkpoint, data: Dataset, run: tuple[float, float]) -> str | None:
    """Targets that no output can be equal to; ``run`` are the least and the largest of all."""
    last = now.network.activations[-1]
    low, high = _REACH[last.range]
    targets = to_numpy(data.targets)
    slack = 1e-3  # 0.9999 and 1.0001 are as good as 1
    if float(np.mean((targets < low - slack) | (targets > high + slack))) <= _OUTSIDE:
        return None
    reach = (
        f"are 0 or more after {last.name}"
        if high == math.inf
        else f"lie between {low:g} and {high:g} after {last.name}"
    )
    return (
        f"the targets run from {run[0]:.4g} to {run[1]:.4g}, but outputs {reach}: scale the targets, or start "
        "again with the output activation identity"
    )


def _flat(now: Checkpoint, forward: Forward) -> str | None:
    """A layer that passes almost no gradient, since its weighted sums are where its activation is flat."""
    for number, (activation, z, a) in enumerate(
        zip(now.network.activations, forward.zs, forward.activations[1:], strict=True), start=1
    ):
        if activation.range in ("simplex", "binary"):
            continue  # the first has no slope of one neuron, of the second it is always 0: see _jumping
        xp = namespace(z)
        flat = float(xp.mean(xp.astype(xp.abs(activation.pullback(z, a, xp.ones_like(z))) < _FLAT, z.dtype)))
        if flat > _FLAT_SHARE:
            return (
                f"layer {number} is saturated: {flat:.0%} of its {activation.name} slopes are below {_FLAT:g}, so almost no "
                f"gradient passes; start again with a lower learning rate (it was {_rate(now):.3g}), smaller initial "
                "weights, or another activation"
            )
    return None


def _jumping(now: Checkpoint) -> str | None:
    """A layer whose activation jumps, and has no slope anywhere."""
    for number, activation in enumerate(now.network.activations, start=1):
        if activation.range == "binary":
            return (
                f"the activation of layer {number}, {activation.name}, has the slope 0 everywhere, so neither it nor what is "
                "before it learns; start again with a smooth one"
            )
    return None


def _vanishing(now: Checkpoint, back: Backward) -> str | None:
    """A gradient that hardly reaches the first layer."""
    first, last = (_size(back, layer) for layer in (0, -1))
    if len(now.network.layers) < 2 or not first < _VANISHED * last or now.settings.optimizer.name != "sgd":
        return None  # the other optimizers divide by the size of the gradient
    names = sorted({activation.name for activation in now.network.activations[:-1]})
    instead = "a better initializer (he)" if names == ["relu"] else "relu in the hidden layers"
    return (
        f"the gradient vanishes on its way back: at layer 1 it is {first / last:.1g} times as large as at layer "
        f"{len(now.network.layers)}, through {' and '.join(names)}; start again with {instead}, or with fewer layers"
    )


def _size(back: Backward, layer: int) -> float:
    """The root of the mean square of a layer's errors dC/dz: of each example's, for their mean is 0 at any standstill."""
    return float(np.sqrt(np.square(to_numpy(back.deltas[layer]).astype(np.float64)).mean()))


def _unmoved(start: Checkpoint, now: Checkpoint, steps: int) -> str | None:
    """Weights that are almost where they were."""
    size = way = 0.0
    for before, after in zip(start.network.layers, now.network.layers, strict=True):
        for one, other in ((before.weight, after.weight), (before.bias, after.bias)):
            there = to_numpy(one).astype(np.float64)
            size += float(np.square(there).sum())
            way += float(np.square(to_numpy(other) - there).sum())
    if not way < _MOVED**2 * size:
        return None
    return (
        f"the weights have moved by only {100 * math.sqrt(way / size):.1g}% of their size in {steps:,} minibatches: raise the "
        f"learning rate (it was {_rate(now):.3g})"
    )


def _other(now: Checkpoint, cost: float, constant: float) -> str:
    """What is left where nothing can be seen in the numbers."""
    rate = f"the learning rate (it was {_rate(now):.3g})"
    if not cost <= 1.05 * constant:
        return f"its steps may be too large; lower {rate}"
    return (
        f"its steps may be too large or too small; try {rate} ten times lower and ten times higher; if neither helps, the "
        "targets may not depend on the inputs"
    )
