"""How good a network is: its cost and accuracy on data, which classes it takes for which, and its worst mistakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from glassnet.arrays import Array, moved, to_numpy
from glassnet.costs import Cost, check_fit, check_targets, cost_of
from glassnet.data import Dataset, chosen
from glassnet.errors import WrongValue
from glassnet.network import Network, check_numbers

__all__ = [
    "Answer",
    "Evaluation",
    "Mistake",
    "check_data",
    "confidences",
    "confusion",
    "evaluate",
    "mistakes",
    "outputs",
]

Answer: TypeAlias = Callable[[Array], tuple[Array, Array]]
"""A faster way to ask a network: from examples to the last layer's weighted sums and activations."""

_CHUNK = 4096
"""Examples looked at together: enough to keep the processor busy, few enough to stay in its cache."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What came out of an evaluation.

    Attributes:
        cost: the mean over the examples, weighted if they carry weights.
        accuracy: the (weighted) share of examples whose class was chosen, 0 to 1; of multi-label data, the mean of
            ``accuracies``; None where there are no classes.
        examples: how many were looked at.
        accuracies: of multi-label data (:attr:`glassnet.data.Dataset.multilabel`), for each class the (weighted) share of
            examples whose yes or no is right, 0 to 1: the output is above 0.5 where the target is, and only there. None
            for other data.
    """

    cost: float
    accuracy: float | None
    examples: int
    accuracies: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Mistake:
    """An example that the network got wrong.

    Attributes:
        row: its row in the data.
        answer: the class the network chose; truth: the class it should have chosen. Both are numbers of classes.
        confidence: the activation of the output it chose; of a single output a, how far it is on its side: 0.5 + |a − 0.5|.
    """

    row: int
    answer: int
    truth: int
    confidence: float


def check_data(network: Network, data: Dataset) -> None:
    """Refuse data whose examples or targets do not have the sizes of the network's ends.

    Errors: :class:`~glassnet.errors.WrongValue` names both sizes.
    """
    sizes = network.sizes
    has = ",".join(map(str, sizes))
    if data.inputs.shape[1] != sizes[0]:
        raise WrongValue(
            f"each example has {data.inputs.shape[1]} numbers, but the network (sizes {has}) takes {sizes[0]}: "
            "make its first size that of the data"
        )
    if data.targets.shape[1] != sizes[-1]:
        what = "desired outputs" if data.classes is None else "classes"
        raise WrongValue(
            f"the data has {data.targets.shape[1]} {what}, but the network (sizes {has}) has {sizes[-1]} outputs: "
            "make its last size that of the data"
        )


def _answer(network: Network) -> Answer:
    """By the network itself."""

    def answer(x: Array) -> tuple[Array, Array]:
        forward = network.forward(x)
        return forward.zs[-1], forward.activations[-1]

    return answer


def outputs(
    network: Network, inputs: Float[Array, "n in"], answer: Answer | None = None
) -> Float[NDArray[Any], "n out"]:
    """The network's outputs for many examples, as NumPy arrays, computed in chunks to spare memory.

    ``answer`` gives the same faster, like ``glassnet.engine.fused.predictor(network).last``.
    """
    answer = answer or _answer(network)
    like = network.layers[0].bias
    parts = []
    for first in range(0, inputs.shape[0], _CHUNK):
        rows = inputs[first : min(first + _CHUNK, inputs.shape[0]), :]
        parts.append(to_numpy(answer(moved(rows, like))[1]))
    return np.concatenate(parts)


def evaluate(network: Network, data: Dataset, cost: Cost, answer: Answer | None = None) -> Evaluation:
    """The cost and the accuracy of a network on data. For ``answer`` see :func:`outputs`.

    An output that is NaN is no answer, and never right.

    Errors: :class:`~glassnet.errors.WrongValue` if data, network and cost do not fit, or the network has numbers that are
    not finite, or not of one type.
    """
    check_numbers(network)
    check_data(network, data)
    check_fit(cost, network.activations[-1], network.sizes[-1])
    check_targets(cost, data.targets)
    answer = answer or _answer(network)
    like = network.layers[0].bias
    n = len(data)
    weights = np.ones(n) if data.weights is None else to_numpy(data.weights).astype(np.float64)
    total, right = 0.0, np.zeros(data.targets.shape[1] if data.multilabel else 1)
    for first in range(0, n, _CHUNK):
        part = slice(first, min(first + _CHUNK, n))
        x = moved(data.inputs[part, :], like)
        y = moved(data.targets[part, :], like)
        z, a = answer(x)
        costs = cost_of(cost, network.activations[-1], z, a, y)
        total += float(to_numpy(costs).astype(np.float64) @ weights[part])
        if data.classes is not None:
            right += weights[part] @ _right(to_numpy(a), to_numpy(y), data.multilabel)
    whole = float(weights.sum())
    if data.classes is None:
        return Evaluation(total / whole, None, n)
    shares = tuple((right / whole).tolist())
    return Evaluation(total / whole, sum(shares) / len(shares), n, shares if data.multilabel else None)


def _right(
    a: Float[NDArray[Any], "n out"], y: Float[NDArray[Any], "n out"], multilabel: bool
) -> Float[NDArray[Any], "n answers"]:
    """1 where an answer is right, else 0: a column for each class of multi-label data, else one."""
    known = ~np.isnan(a)
    if multilabel:
        return (known & ((a > 0.5) == (y > 0.5))).astype(np.float64)
    return (known.all(axis=1) & (chosen(a) == chosen(y))).astype(np.float64)[:, None]


def _said(
    network: Network, data: Dataset, answer: Answer | None, out: Float[NDArray[Any], "n out"] | None
) -> Float[NDArray[Any], "n out"]:
    """The outputs for all examples: those given, which must be as many, or those that are asked for now."""
    if out is None:
        return outputs(network, data.inputs, answer)
    if tuple(out.shape) != tuple(data.targets.shape):
        raise WrongValue(
            f"out must be the outputs for these examples, of shape {tuple(data.targets.shape)}, got {tuple(out.shape)}"
        )
    return out


def confusion(
    network: Network, data: Dataset, answer: Answer | None = None, *, out: Float[NDArray[Any], "n out"] | None = None
) -> Int[NDArray[Any], "classes classes"]:
    """How often each class (the row) was taken for each class (the column).

    For ``answer`` see :func:`outputs`; ``out`` are the outputs, where they have been asked for already.

    Errors: :class:`~glassnet.errors.WrongValue` if the data has no classes, is multi-label or does not fit.
    """
    check_data(network, data)
    truth, count = data.labels, len(data.classes or ())
    answers = chosen(_said(network, data, answer, out))
    return np.bincount(truth * count + answers, minlength=count * count).reshape(count, count)


def confidences(out: Float[NDArray[Any], "n out"]) -> Float[NDArray[Any], " n"]:
    """How sure each answer is: the activation of the output chosen; of a single output a, 0.5 + |a − 0.5|."""
    return out.max(axis=1) if out.shape[1] > 1 else np.abs(out[:, 0] - 0.5) + 0.5


def mistakes(
    network: Network,
    data: Dataset,
    count: int = 10,
    answer: Answer | None = None,
    *,
    out: Float[NDArray[Any], "n out"] | None = None,
) -> list[Mistake]:
    """The wrong answers that the network was surest of, surest first. For ``answer`` and ``out`` see :func:`confusion`.

    Errors: :class:`~glassnet.errors.WrongValue` if the data has no classes, is multi-label or does not fit.
    """
    check_data(network, data)
    truth = data.labels
    out = _said(network, data, answer, out)
    answers = chosen(out)
    confidence = confidences(out)
    wrong = np.flatnonzero(answers != truth)
    order = wrong[np.argsort(-confidence[wrong], kind="stable")][:count]
    return [Mistake(int(row), int(answers[row]), int(truth[row]), float(confidence[row])) for row in order]
