"""What does each image of a batch ask of each parameter?

Every example has its own −∇C: a request for each weight and bias. Learning takes their mean. Some requests agree; most
cancel each other. This is the table of them all, example × parameter, and what can be read from it: where the images
disagree most, which cost most, and which pull hardest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from glassnet.arrays import Array, moved, namespace, to_numpy
from glassnet.backprop import backward
from glassnet.costs import Cost, cost_of
from glassnet.data import Dataset
from glassnet.errors import WrongValue
from glassnet.evaluation import check_data
from glassnet.explain.blocks import (
    Block,
    Cell,
    Heading,
    Picture,
    Pictures,
    Sentence,
    Table,
    number,
    square,
)
from glassnet.explain.examples import common_cost, precise, shares
from glassnet.explain.explanation import OfCost, plain
from glassnet.explain.parameters import Parameter, flat, parameter_at
from glassnet.network import Network

__all__ = ["MAX_REQUESTS", "Disagreement", "Pull", "Requests", "requests"]

MAX_REQUESTS = 100_000_000
"""The most numbers such a table may have: 800 MB."""


@dataclass(frozen=True, slots=True)
class Pull:
    """One example's requests, taken together.

    Attributes:
        row: of the example.
        cost: what it costs.
        pull: how hard it pulls: ‖∇C‖ of this example alone.
        agreement: the cosine between its requests and the mean of all: 1 the same direction, 0 nothing in common, below
            0 against it.
    """

    row: int
    cost: float
    pull: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Disagreement:
    """What the examples ask of one parameter.

    Attributes:
        parameter: which.
        mean: of the requests: what is done.
        size: the mean size of the requests: what is asked for.
        up: the share of the examples, by weight, that ask for more.
        lost: ``size`` − |``mean``|: how much of the asking cancels out.
    """

    parameter: Parameter
    mean: float
    size: float
    up: float
    lost: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Requests(OfCost):
    """What each of n examples asks of each parameter.

    Attributes:
        network: whose parameters they are.
        data: the examples.
        table: ``table[i, p]`` is −∂Cᵢ/∂p, of example i's own cost; parameters in the order of
            :mod:`glassnet.explain.parameters`.
        share: how much each example counts: 1/n, or its weight over the sum of the weights.
        mean: the requests' (weighted) mean: −∇C of the n examples together, the direction of the step.
        costs: of each example, by ``cost_function``.
        pulls: for each example, ‖∇Cᵢ‖.
        agreements: for each example, the cosine between its requests and their mean.
        gradient: ∇C of the n examples, as :func:`~glassnet.backprop.backward` gives it to learning.
        difference: the largest |``mean`` + ``gradient``|: 0 up to rounding.
    """

    network: Network
    data: Dataset
    table: Float[Array, "n parameters"]
    share: Float[Array, " n"]
    mean: Float[Array, " parameters"]
    costs: Float[Array, " n"]
    pulls: Float[Array, " n"]
    agreements: Float[Array, " n"]
    gradient: Float[Array, " parameters"]
    difference: float

    def of(self, parameter: Parameter) -> Float[Array, " n"]:
        """What each example asks of one parameter.

        Errors: :class:`~glassnet.errors.WrongValue` if there is no such parameter.
        """
        return self.table[:, parameter.index(self.network)]

    def disagreements(self, count: int = 10) -> tuple[Disagreement, ...]:
        """The parameters that the examples disagree about most: where most of the asking cancels out, most first."""
        table, share, mean = (to_numpy(each) for each in (self.table, self.share, self.mean))
        size = share @ np.abs(table)
        lost = size - np.abs(mean)
        found = []
        for place in np.argsort(-lost, kind="stable")[:count].tolist():
            up = float(share @ (table[:, place] > 0))
            parameter = parameter_at(self.network, place)
            found.append(Disagreement(parameter, float(mean[place]), float(size[place]), up, float(lost[place])))
        return tuple(found)

    def costliest(self, count: int = 10) -> tuple[Pull, ...]:
        """The examples that cost most, most first."""
        return self._pulls(to_numpy(self.costs), count)

    def hardest(self, count: int = 10) -> tuple[Pull, ...]:
        """The examples that pull hardest, hardest first."""
        return self._pulls(to_numpy(self.pulls), count)

    def _pulls(self, by: Float[np.ndarray, " n"], count: int) -> tuple[Pull, ...]:
        costs, pulls, agreements = (to_numpy(each).tolist() for each in (self.costs, self.pulls, self.agreements))
        order = np.argsort(-by, kind="stable")[:count].tolist()
        return tuple(Pull(row, costs[row], pulls[row], agreements[row]) for row in order)

    def to_data(self) -> dict[str, Any]:
        """The mean, and each example's cost, pull and agreement; the table itself, which is large, is left to Python."""
        names = ("cost_function", "cost_reason", "share", "mean", "costs", "pulls", "agreements", "difference")
        return {
            "examples": len(self.data),
            **{name: plain(getattr(self, name)) for name in names},
            "disagreements": plain(self.disagreements()),
        }

    def blocks(self) -> Iterable[Block]:
        """The first examples' requests of the parameters asked most; the disagreements; the costliest and hardest."""
        n = len(self.data)
        table, mean = to_numpy(self.table), to_numpy(self.mean)
        yield Heading(f"What {n:,} examples ask of {self.network.count:,} parameters")
        yield self.which_cost
        yield Sentence(
            "Each row is one image's own −∇C. Their mean is the direction of the step; everything else cancels out.",
            quiet=True,
        )
        asked = np.argsort(-np.abs(mean), kind="stable")[:5].tolist()
        names = [parameter_at(self.network, place) for place in asked]
        rows: list[tuple[Cell, ...]] = []
        for row in range(min(n, 8)):
            rows.append((f"example {row}{self._label(row)}", *(float(table[row, place]) for place in asked)))
        if n > len(rows):
            rows.append(("…", *("" for _ in asked)))
        rows.append(("mean: −∇C", *(float(mean[place]) for place in asked)))
        yield Table(("asks of", *(_brief(name) for name in names)), tuple(rows))
        length = float(np.linalg.norm(mean))
        typical = float(to_numpy(self.share) @ to_numpy(self.pulls))
        if typical > 0:
            yield Sentence(
                f"An example pulls with {number(typical)} on average, their mean with {number(length)}: "
                f"{1 - length / typical:.0%} of the pulling cancels out."
            )
        yield Sentence(f"Largest difference from backpropagation's gradient: {number(self.difference)}.", quiet=True)
        most = np.argsort(-(to_numpy(self.share) @ np.abs(table)), kind="stable")[:200]
        caption = (
            f"{min(n, 100)} examples (rows) × the {len(most)} parameters asked most (columns): blue more, red less"
        )
        yield Picture(table[:100, np.sort(most)], "signed", caption)

        yield Heading("Where the examples disagree most")
        yield Table(
            ("parameter", "mean request", "mean size", "ask for more", "cancels out"),
            tuple(
                (str(each.parameter), each.mean, number(each.size), f"{each.up:.0%}", f"{each.lost / each.size:.0%}")
                for each in self.disagreements(8)
                if each.size > 0
            ),
        )
        yield Heading("Which examples cost most")
        yield from self._examples(self.costliest(8))
        yield Heading("Which examples pull hardest")
        yield from self._examples(self.hardest(8))

    def _label(self, row: int) -> str:
        classes = self.data.classes
        if classes is None or not self.data.labeled:
            return ""
        return f" ({classes[int(self.data.take(slice(row, row + 1)).labels[0])]})"

    def _examples(self, pulls: tuple[Pull, ...]) -> Iterable[Block]:
        yield Table(
            ("example", "cost", "pull", "agreement with the mean"),
            tuple(
                (f"{each.row}{self._label(each.row)}", number(each.cost), number(each.pull), each.agreement)
                for each in pulls
            ),
        )
        inputs = to_numpy(self.data.inputs)
        images = [(each, square(inputs[each.row])) for each in pulls]
        shown = tuple(
            Picture(image, "ink", f"{each.row}{self._label(each.row)}") for each, image in images if image is not None
        )
        if shown:
            yield Pictures(shown)


def _brief(parameter: Parameter) -> str:
    """``w2(7, 3)``, ``b2(7)``: short enough for the head of a column."""
    if parameter.source is None:
        return f"b{parameter.layer}({parameter.neuron})"
    return f"w{parameter.layer}({parameter.neuron}, {parameter.source})"


def requests(network: Network, data: Dataset, cost: Cost | str | None = None) -> Requests:
    """What each example asks of each parameter: −∇Cᵢ, a row for each example, a column for each parameter.

    Of example i, row i holds −δ[j] a[k] for every weight and −δ[j] for every bias, with the errors δ that
    :func:`~glassnet.backprop.backward` found. All 13,002 × 100 take some milliseconds.

    Args:
        network: any.
        data: the minibatch, such as ``digits.train.take(slice(0, 100))``.
        cost: what is to become less, or its name; None: the cost of the network's training, or else the usual one of its
            output (:func:`~glassnet.explain.examples.cost_for`).

    Errors: :class:`~glassnet.errors.WrongValue` if data or cost do not fit the network, or the table would have more than
    :data:`MAX_REQUESTS` numbers.
    """
    network = precise(network)
    cost, reason = common_cost([("the network", network)], cost)
    check_data(network, data)
    n = len(data)
    if n * network.count > MAX_REQUESTS:
        raise WrongValue(
            f"{n:,} examples ask {n * network.count:,} numbers of this network, more than {MAX_REQUESTS:,}: give at most "
            f"{max(1, MAX_REQUESTS // network.count):,}, such as data.take(slice(0, 100))"
        )
    like = network.layers[0].bias
    x, y, share = moved(data.inputs, like), moved(data.targets, like), shares(network, data)
    forward = network.forward(x)
    back = backward(network, forward, y, cost, share * n)
    xp = namespace(x)
    parts = []
    for delta, a in zip(back.deltas, forward.activations, strict=False):
        weight = xp.expand_dims(-delta, axis=2) * xp.expand_dims(a, axis=1)
        parts += [xp.reshape(weight, (n, -1)), -delta]
    table = xp.concat(parts, axis=1)
    mean = share @ table
    gradient = flat(back.gradient)
    pulls = xp.sqrt(xp.sum(table * table, axis=1))
    lengths = pulls * xp.sqrt(xp.sum(mean * mean))
    agreements = xp.where(lengths > 0, (table @ mean) / xp.where(lengths > 0, lengths, 1.0), 0.0)
    costs = cost_of(cost, network.activations[-1], forward.zs[-1], forward.activations[-1], y)
    difference = float(xp.max(xp.abs(mean + gradient)))
    return Requests(cost, reason, network, data, table, share, mean, costs, pulls, agreements, gradient, difference)
