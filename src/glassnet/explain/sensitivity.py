"""Which of the 13,002 numbers matter most, and is the gradient telling the truth?

The size of each component of −∇C says how much its parameter matters, for one example, for a minibatch or for all of
them: :func:`sensitivity` ranks them, and compares any two. A gradient is a prediction: nudge by h and the cost changes by
slope × h. :func:`wiggle` does nudge, and puts the true change beside the predicted one. For a smooth cost the difference
shrinks with the square of the step; where an activation jumps, the prediction fails.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from glassnet.arrays import namespace, to_numpy
from glassnet.costs import Cost
from glassnet.data import Dataset
from glassnet.errors import WrongValue
from glassnet.explain.blocks import Bars, Block, Curve, Curves, Heading, Sentence, Table, number
from glassnet.explain.examples import as_data, common_cost, cost_and_gradient, costs_of, nudged, parts, precise, shares
from glassnet.explain.explanation import OfCost, plain
from glassnet.explain.parameters import Parameter, flat, one, parameter_at
from glassnet.network import Network, Parameters, map_parameters

__all__ = ["Comparison", "Ranked", "Sensitivity", "Wiggle", "sensitivity", "wiggle"]

STEPS = tuple(2.0**-power for power in range(11))
"""The steps that :func:`wiggle` takes, up and down, unless told otherwise: 1, 1/2, … 1/1024."""
_OWN = tuple(2.0**-power for power in range(14, 7, -1))
"""The steps that :func:`wiggle` tries by itself, where those that it was given cannot tell whether the prediction holds."""
_ROUNDING = 1e-13
"""Errors of a cost of about 1 below this are rounding, and say nothing about how the error shrinks."""
_SMALL = 0.1
"""A step is small if it moves no weighted sum by more than this: activations bend over changes of about 1."""
_SUPERLINEAR, _LINEAR = 1.75, 1.25
"""An error that goes as the step to this power or a higher one vanishes faster than the step (a smooth cost has 2); to this
power or a lower one, it does not (a bend has 1, a jump 0). Between them, smaller steps would have to tell."""
_BEND = 0.25
"""A part of the error that goes as the step itself is looked into, if it is more than this share of the error."""
_SHARP = 0.01
"""Steps are large enough if rounding hides no more than this share of the slope,"""
_BLIND = 1e-6
"""or no more than this times the cost for each unit of the step."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A parameter in its place by sensitivity.

    Attributes:
        rank: from 1, the most sensitive.
        parameter: which.
        value: what it is now.
        wish: its component of −∇C: above 0, it should increase.
    """

    rank: int
    parameter: Parameter
    value: float
    wish: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two parameters beside each other: ``ratio`` = |wish of the first| / |wish of the second|, which may be infinite."""

    first: Ranked
    second: Ranked
    ratio: float

    def __str__(self) -> str:
        if math.isnan(self.ratio):
            return f"the cost is sensitive to neither {self.first.parameter} nor {self.second.parameter}"
        more, less, ratio = self.first, self.second, self.ratio
        if ratio < 1:
            more, less, ratio = less, more, math.inf if ratio == 0 else 1 / ratio
        times = f"{number(ratio, 3)} times as sensitive to" if math.isfinite(ratio) else "sensitive to"
        other = f"to {less.parameter}"
        return f"the cost is {times} {more.parameter} {'as ' + other if math.isfinite(ratio) else 'and not ' + other}"


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Sensitivity(OfCost):
    """All parameters by how much the cost of these examples depends on them.

    Attributes:
        network: whose parameters they are.
        examples: how many the cost is the mean of.
        cost: the (weighted) mean of ``cost_function`` over them.
        gradient: ∇C, in the network's own shape.
        order: all parameters' places in the long list (see :mod:`glassnet.explain.parameters`), the most sensitive first.
    """

    network: Network
    examples: int
    cost: float
    gradient: Parameters
    order: Int[NDArray[np.integer], " parameters"]

    def top(self, count: int = 10) -> tuple[Ranked, ...]:
        """The parameters that matter most."""
        return tuple(self._ranked(rank) for rank in range(min(count, len(self.order))))

    def _ranked(self, rank: int) -> Ranked:
        parameter = parameter_at(self.network, int(self.order[rank]))
        return Ranked(rank + 1, parameter, parameter.of(self.network.layers), -parameter.of(self.gradient))

    def rank(self, parameter: Parameter) -> Ranked:
        """Where a parameter stands.

        Errors: :class:`~glassnet.errors.WrongValue` if there is no such parameter.
        """
        return self._ranked(int(np.flatnonzero(self.order == parameter.index(self.network))[0]))

    def compare(self, first: Parameter, second: Parameter) -> Comparison:
        """Two parameters: how many times as sensitive the cost is to the first as to the second.

        Errors: :class:`~glassnet.errors.WrongValue` if there is no such parameter.
        """
        a, b = self.rank(first), self.rank(second)
        if b.wish == 0:
            return Comparison(a, b, math.nan if a.wish == 0 else math.inf)
        return Comparison(a, b, abs(a.wish) / abs(b.wish))

    @property
    def by_layer(self) -> tuple[tuple[int, float], ...]:
        """For each layer: how many parameters it has, and its share of ‖∇C‖²."""
        squares = [float(to_numpy(layer.weight**2).sum() + to_numpy(layer.bias**2).sum()) for layer in self.gradient]
        whole = sum(squares)
        counts = [outputs * inputs + outputs for inputs, outputs in pairwise(self.network.sizes)]
        return tuple(
            (count, square / whole if whole > 0 else 0.0) for count, square in zip(counts, squares, strict=True)
        )

    def to_data(self) -> dict[str, Any]:
        """The order and all components of −∇C in that order, the ten at the top with their places."""
        wishes = -to_numpy(flat(self.gradient))[self.order]
        return {
            "cost_function": plain(self.cost_function),
            "cost_reason": self.cost_reason,
            "examples": self.examples,
            "cost": self.cost,
            "top": plain(self.top()),
            "order": plain(self.order),
            "wishes": plain(wishes),
        }

    def blocks(self) -> Iterable[Block]:
        """The ten most sensitive; the first compared with the middle; how sensitivity is spread."""
        of = "this example" if self.examples == 1 else f"{self.examples:,} examples"
        yield Heading(f"What the cost of {of} is most sensitive to")
        yield self.which_cost
        top = self.top()
        yield Bars(
            tuple(f"{each.rank}. {each.parameter}" for each in top),
            tuple(each.wish for each in top),
            signed=True,
            notes=tuple(f"is now {number(each.value)}" for each in top),
        )
        yield Sentence("Each bar is the component of −∇C: blue, it should increase; red, decrease.", quiet=True)
        sizes = np.abs(to_numpy(flat(self.gradient)))[self.order]
        matter = int((sizes > 0).sum())
        if matter > 1:
            middle = self._ranked(matter // 2)
            yield Sentence(
                f"Compared with the middle of the {matter:,} that matter at all: "
                f"{self.compare(top[0].parameter, middle.parameter)}."
            )
        yield Table(
            ("layer", "weights and biases", "share of ‖∇C‖²"),
            tuple(
                (f"{number_}", f"{count:,}", f"{share:.1%}")
                for number_, (count, share) in enumerate(self.by_layer, start=1)
            ),
        )
        ranks = np.unique(np.geomspace(1, max(1, matter), 200).astype(np.int64))
        if matter:
            curve = Curve("all parameters", ranks.astype(np.float64), sizes[ranks - 1])
            yield Curves("rank", "|∂C/∂p|", (curve,), log_x=True, log_y=True)
        if matter < len(sizes):
            yield Sentence(
                f"{len(sizes) - matter:,} of {len(sizes):,} do not matter at all here: "
                "the activation behind such a weight is 0, or nothing in front of it changes.",
                quiet=True,
            )


def sensitivity(network: Network, image: Any, target: Any = None, cost: Cost | str | None = None) -> Sensitivity:
    """All parameters, ranked by |−∇C|: for one image and its target, or for a data set.

    Args:
        network: any.
        image: one image; or many as an array (n, in), or a :class:`~glassnet.data.Dataset`: a minibatch, or all there is.
        target: of one image, the desired class or the desired outputs; of an array, one (n, out).
        cost: what is to become less, or its name; None: the cost of the network's training, or else the usual one of its
            output (:func:`~glassnet.explain.examples.cost_for`).

    Errors: :class:`~glassnet.errors.WrongValue` if they do not fit the network.
    """
    network = precise(network)
    cost, reason = common_cost([("the network", network)], cost)
    data = as_data(network, image, target)
    price, gradient = cost_and_gradient(network, data, cost)
    order = np.argsort(-np.abs(to_numpy(flat(gradient))), kind="stable")
    return Sensitivity(cost, reason, network, len(data), price, gradient, order)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Wiggle(OfCost):
    """A nudge of several sizes, its effect on the cost as the gradient predicts it, and as it truly is.

    Attributes:
        along: what was nudged, in words.
        cost: C before the nudge, the (weighted) mean of ``cost_function`` over the examples.
        slope: dC/dh along the direction: ∇C · direction.
        steps: h, the sizes of the nudge, ascending.
        predicted: slope · h.
        true: C(parameters + h · direction) − C.
        error: ``true`` − ``predicted``.
        rounding: the errors up to which |error| may be nothing but rounding, one for each step.
        reach: how far a nudge of 1 moves the weighted sum that it moves most, of any neuron and example, along its slope.
        power: how the error shrinks with the step, |error| ∝ h^power, from the three smallest steps whose error, up or
            down, is more than rounding; about 2 for a smooth cost; None if there are no two such steps.
        holds: whether the prediction is good for small steps: its error is rounding, or vanishes faster than the step. Where
            these steps cannot tell (one alone, or so small that rounding hides the change, or too large) it is judged by
            others; None where those cannot tell, either.
        verdict: that in words, with the reason.
    """

    along: str
    cost: float
    slope: float
    steps: Float[NDArray[np.floating], " steps"]
    predicted: Float[NDArray[np.floating], " steps"]
    true: Float[NDArray[np.floating], " steps"]
    error: Float[NDArray[np.floating], " steps"]
    rounding: Float[NDArray[np.floating], " steps"]
    reach: float
    power: float | None
    holds: bool | None
    verdict: str

    def blocks(self) -> Iterable[Block]:
        """The table, the verdict, both curves."""
        yield Heading(f"Wiggle {self.along}")
        yield self.which_cost
        yield Sentence(
            f"Cost {number(self.cost, 6)}, slope {number(self.slope)}: a nudge h should change it by slope × h."
        )
        half = len(self.steps) // 2  # the steps are −h … −h, h … h
        yield Table(
            ("nudge", "predicted", "true, up", "predicted", "true, down", "largest error"),
            tuple(
                (
                    f"±{number(float(self.steps[up]))}",
                    *(float(each[place]) for place in (up, -1 - up) for each in (self.predicted, self.true)),
                    number(max(abs(float(self.error[up])), abs(float(self.error[-1 - up])))),
                )
                for up in range(len(self.steps) - 1, half - 1, -1)
            ),
        )
        yield Sentence(self.verdict)
        yield Curves(
            "nudge h",
            "change of the cost",
            (
                Curve("predicted", self.steps, self.predicted, "#FFD75F"),
                Curve("true", self.steps, self.true, "#FC6255"),
            ),
            marks=((0.0, 0.0, "now"),),
        )


def wiggle(
    network: Network,
    image: Any,
    target: Any = None,
    along: Parameter | Parameters | None = None,
    cost: Cost | str | None = None,
    steps: Sequence[float] = STEPS,
) -> Wiggle:
    """Nudge the parameters and see whether the cost changes as the gradient predicts: C(p + h d) − C(p) against h ∇C · d.

    Args:
        network: any; with the activation ``step`` to see the prediction fail.
        image: one image, or many, as for :func:`sensitivity`.
        target: the same.
        along: one :class:`~glassnet.explain.parameters.Parameter`; or a direction in the network's own shape; None: all
            of them along −∇C, as a direction of length 1.
        cost: what is watched, as for :func:`sensitivity`.
        steps: the sizes of the nudge; each is done up and down.

    Errors: :class:`~glassnet.errors.WrongValue` if they do not fit the network, or a step is not above 0.
    """
    network = precise(network)
    function, reason = common_cost([("the network", network)], cost)
    data = as_data(network, image, target)
    if not len(steps) or not all(math.isfinite(step) and step > 0 for step in steps):
        raise WrongValue(f"steps must be numbers above 0, each is done up and down; got {list(steps)}")
    price, gradient = cost_and_gradient(network, data, function)
    direction, words = _direction(network, gradient, along)
    xp = namespace(network.layers[0].bias)
    slope = float(xp.sum(flat(gradient) * flat(direction)))
    h = np.array(sorted({sign * float(step) for step in steps for sign in (1.0, -1.0)}))
    share = shares(network, data)

    def nudge(h: NDArray[np.floating]) -> tuple[NDArray[np.floating], NDArray[np.floating], NDArray[np.floating]]:
        """The true changes of the cost, their errors, and how much of them may be rounding."""
        with np.errstate(over="ignore", invalid="ignore"):  # of a huge nudge the cost is infinite
            prices = [xp.sum(costs_of(nudged(network, direction, step), data, function) * share) for step in h.tolist()]
        true = np.array([float(each) - price for each in prices])
        largest = np.max(np.abs([np.full(len(h), max(1.0, abs(price), abs(slope))), price + true, slope * h]), axis=0)
        return true, true - slope * h, _ROUNDING * largest

    true, error, rounding = nudge(h)
    reach = _reach(network, direction, data)
    power, holds, verdict = _judged(h, error, rounding, reach, price, slope)
    if holds is None:
        # Whether it holds is a fact of the place, not of the nudges that were asked for: so others are tried, too.
        own = np.array([*(-step for step in _OWN[::-1]), *_OWN])
        _, missed, noise = nudge(own)
        _, holds, told = _judged(own, missed, noise, reach, price, slope)
        if holds is not None:
            between = f"nudges of {number(_OWN[0])} to {number(_OWN[-1])}, tried as well, can"
            verdict = f"These nudges alone cannot tell whether the prediction holds, but {between}. {told}"
    return Wiggle(
        function, reason, words, price, slope, h, slope * h, true, error, rounding, reach, power, holds, verdict
    )


def _reach(network: Network, direction: Parameters, data: Dataset) -> float:
    """The largest |dz/dh| of any neuron and example for parameters + h · direction, by the chain rule from the input on."""
    xp, most = namespace(network.layers[0].bias), 0.0
    for _, x, _ in parts(network, data):
        forward = network.forward(x)
        da = xp.zeros_like(x)
        for l, (layer, along) in enumerate(zip(network.layers, direction, strict=True)):
            dz = forward.activations[l] @ along.weight.T + along.bias + da @ layer.weight.T
            most = max(most, float(xp.max(xp.abs(dz))))
            # Forwards as backwards: da_k/dz_j is a symmetric matrix, also for softmax.
            da = network.activations[l].pullback(forward.zs[l], forward.activations[l + 1], dz)
    return most


def _judged(
    h: NDArray[np.floating],
    error: NDArray[np.floating],
    rounding: NDArray[np.floating],
    reach: float,
    price: float,
    slope: float,
) -> tuple[float | None, bool | None, str]:
    """The power, whether the prediction holds, and why (see :class:`Wiggle`)."""
    half = len(h) // 2  # of up and down, the worse
    steps = h[half:]
    worse, noise = (np.maximum(np.abs(each[half:]), np.abs(each[:half][::-1])) for each in (error, rounding))
    seen = worse > noise
    x, y = np.log(steps[seen])[:3], np.log(worse[seen])[:3]
    power = float(np.polyfit(x, y, 1)[0]) if len(x) >= 2 else None
    hidden = len(steps) if not seen.any() else int(seen.argmax())  # so many of the smallest steps have no error to see
    if hidden:
        # What a wrong slope would have to be to stay unseen there.
        blind = float(noise[hidden - 1] / steps[hidden - 1])
        if blind <= max(_SHARP * abs(slope), _BLIND * max(1.0, abs(price))):
            if hidden == len(steps):
                return power, True, "The prediction is exact, up to rounding."
            return power, True, (
                f"Up to the nudge {number(float(steps[hidden - 1]))} the prediction is exact, up to rounding: it holds."
            )  # fmt: skip
        if hidden == len(steps):
            return power, None, (
                "These nudges are so small that rounding hides how the cost changes: they cannot tell whether the prediction "
                "holds. Try larger ones, such as 0.001."
            )  # fmt: skip
    if power is None:
        return power, None, (
            "Only one nudge has an error larger than rounding, and one cannot tell how the error shrinks: this does not show "
            "whether the prediction holds. Try several, each half as large as the one before."
        )  # fmt: skip
    shrinks = f"the error goes as the nudge to the power of {power:.2f}"
    moved = float(steps[seen][0]) * reach
    if moved > _SMALL:
        return power, None, (
            f"Over these nudges {shrinks}, but even the smallest of them moves a weighted sum by {number(moved, 2)}, too far "
            "to tell whether the prediction holds for small ones. Try smaller ones."
        )  # fmt: skip
    bend = max(_bend(steps[seen][:3], each[seen][:3], worse[seen][0]) for each in (error[half:], error[:half][::-1]))
    if power >= _SUPERLINEAR and bend:
        return power, None, (
            f"Over these nudges {shrinks}, but a part of it goes as the nudge itself, as if the slope were wrong by "
            f"{number(bend, 2)}: the cost may bend here. Try smaller ones."
        )  # fmt: skip
    if power >= _SUPERLINEAR:
        return power, True, f"The error shrinks as the nudge to the power of {power:.2f}: the prediction holds."
    if power <= _LINEAR:
        return power, False, (
            f"The prediction fails: {shrinks}, and does not vanish faster than the nudge. The cost jumps or bends sharply here."
        )  # fmt: skip
    return power, None, (
        f"Over these nudges {shrinks}, between a bend (1) and a smooth cost (2): they cannot tell whether the prediction "
        "holds. Try smaller ones."
    )  # fmt: skip


def _bend(h: NDArray[np.floating], error: NDArray[np.floating], worse: float) -> float:
    """|c| of the error c h + M h² of two or three steps to one side; 0 if it is no large part of the error, or if it is
    much less for the two smaller of three steps, as what comes of higher powers is.
    """

    def linear(i: int) -> float:
        ratio, following = error[i] / h[i], error[i + 1] / h[i + 1]
        return abs(float((ratio * h[i + 1] - following * h[i]) / (h[i + 1] - h[i])))

    c = linear(0)
    if c * h[0] <= _BEND * worse or (len(h) > 2 and c < 0.5 * linear(1)):
        return 0.0
    return c


def _direction(network: Network, gradient: Parameters, along: Any) -> tuple[Parameters, str]:
    if isinstance(along, Parameter):
        return one(network, along), str(along)
    if along is not None:
        shapes = [(each.weight.shape, each.bias.shape) for each in along]
        if shapes != [(each.weight.shape, each.bias.shape) for each in network.layers]:
            raise WrongValue(f"a direction must have the shapes of the network's own layers, got {shapes}")
        return along, "all parameters along a direction"
    numbers = flat(gradient)
    xp = namespace(numbers)
    length = float(xp.sqrt(xp.sum(numbers * numbers)))
    if length == 0:
        raise WrongValue("the gradient is 0 here: there is no direction of steepest descent; name a parameter to nudge")
    return map_parameters(lambda each: -each / length, gradient), "all parameters along −∇C"
