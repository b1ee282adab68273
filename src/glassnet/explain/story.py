"""The story of one digit, from top to bottom.

What the network sees, what each layer makes of it, what it answers, what that costs, what every neuron wishes, which of
all parameters matters most for it, and why: the chain rule of that one. It brings together the answers of
:mod:`~glassnet.explain.nudges`, :mod:`~glassnet.explain.sensitivity` and :mod:`~glassnet.explain.chain_rule`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float

from glassnet.arrays import Array, namespace, to_numpy
from glassnet.costs import Cost
from glassnet.data import chosen
from glassnet.errors import WrongValue
from glassnet.explain.blocks import Bars, Block, Heading, Picture, Pictures, Sentence, Table, number, square
from glassnet.explain.chain_rule import ChainRule, chain_rule
from glassnet.explain.examples import as_example, check_names, common_cost, precise
from glassnet.explain.explanation import OfCost, plain
from glassnet.explain.nudges import Nudges, nudges
from glassnet.explain.sensitivity import Sensitivity, sensitivity
from glassnet.network import Network

__all__ = ["Story", "story"]

_WIDE = 32
"""Layers of more neurons than this are told by their brightest."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Story(OfCost):
    """Everything about one image.

    Attributes:
        network: the one that looks at it.
        names: of the classes.
        image: the pixels.
        target: the desired outputs; ``assumed`` if nobody gave them, so that they are the network's own answer.
        assumed: see ``target``.
        zs: the weighted sums of each layer.
        activations: what each layer says; the last is the answer.
        answer: the number of the class chosen; None of outputs that are numbers to predict rather than classes to choose
            from, which is taken from the output activation: one that is not bounded, like identity.
        terms: each output's part of the cost: of squared error (a − y)², of cross-entropy −y ln a, ….
        cost: of this image, by ``cost_function``.
        nudges: what each neuron wishes.
        sensitivity: all parameters by how much they matter for this image.
        chain_rule: of the one that matters most.
    """

    network: Network
    names: tuple[str, ...]
    image: Float[Array, " in"]
    target: Float[Array, " out"]
    assumed: bool
    zs: tuple[Float[Array, " _"], ...]
    activations: tuple[Float[Array, " _"], ...]
    answer: int | None
    terms: Float[Array, " out"]
    cost: float
    nudges: Nudges
    sensitivity: Sensitivity
    chain_rule: ChainRule

    def to_data(self) -> dict[str, Any]:
        """Everything, for programs: of the wishes all, of the ranking all, of the chain rule all."""
        names = (
            "cost_function", "cost_reason", "names", "image", "target", "assumed", "zs", "activations", "answer", "terms",
            "cost",
        )  # fmt: skip
        return {
            **{name: plain(getattr(self, name)) for name in names},
            "nudges": self.nudges.to_data(),
            "sensitivity": self.sensitivity.to_data(),
            "chain_rule": self.chain_rule.to_data(),
        }

    def blocks(self) -> Iterable[Block]:
        """The picture, the layers, the answer, the cost, the wishes, the ranking, the chain rule."""
        says, target = to_numpy(self.activations[-1]), to_numpy(self.target)
        if self.answer is None:
            answer = ", ".join(number(float(value)) for value in says[:10]) + (", …" if len(says) > 10 else "")
        else:
            answer = self.names[self.answer]
        yield Heading(f"It says {answer}")
        picture = square(to_numpy(self.image))
        if picture is not None:
            yield Pictures((Picture(picture, "ink", "what it sees"),))
        for l, (z, a) in enumerate(zip(self.zs[:-1], self.activations[:-1], strict=True), start=1):
            yield from self._layer(l, to_numpy(z), to_numpy(a))
        yield Heading(f"The outputs (layer {len(self.zs)})")
        picked = () if self.answer is None or len(says) != len(self.names) else (self.answer,)
        most = max(1.0, float(says.max())) if picked else None
        yield Bars(tuple(self._outputs()), tuple(says.tolist()), bool((says < 0).any()), picked, most=most)
        yield Heading(f"It costs {number(self.cost)}")
        yield self.which_cost
        if self.assumed:
            yield Sentence(f"Nobody said what it is, so {answer} is taken for right.", quiet=True)
        rows = tuple(
            (name, number(float(a)), number(float(y)), number(float(term)))
            for name, a, y, term in zip(self._outputs(), says, target, to_numpy(self.terms), strict=True)
        )
        yield Table(("output", "says", "wanted", "its part of the cost"), (*rows, ("", "", "sum", number(self.cost))))
        for part in (self.nudges, self.sensitivity, self.chain_rule):  # of the same cost, which is said above
            yield from (block for block in part.blocks() if block != self.which_cost)

    def _outputs(self) -> Sequence[str]:
        count = len(to_numpy(self.target))
        chosen = self.answer is not None and len(self.names) == count
        return self.names if chosen else [f"output {each}" for each in range(count)]

    def _layer(self, l: int, z: Any, a: Any) -> Iterable[Block]:
        activation = self.network.activations[l - 1]
        yield Heading(f"Layer {l}: {len(a)} neurons, {activation}")
        order = range(len(a)) if len(a) <= _WIDE else (-a).argsort(kind="stable")[:_WIDE].tolist()
        if len(a) > _WIDE:
            yield Sentence(f"The {_WIDE} brightest.", quiet=True)
        yield Bars(
            tuple(f"neuron {j}" for j in order),
            tuple(float(a[j]) for j in order),
            signed=bool((a < 0).any()),
            notes=tuple(f"z = {number(float(z[j]), 3)}" for j in order),
            most=1.0 if activation.range in ("unit", "signed", "binary", "simplex") else None,
        )


def story(
    network: Network,
    image: Any,
    target: Any = None,
    cost: Cost | str | None = None,
    names: Sequence[str] | None = None,
) -> Story:
    """The story of one image: what it becomes in each layer, what it costs, and who should change.

    Args:
        network: any.
        image: as many numbers as it takes, of any shape.
        target: the desired class, or the desired outputs; None: the class that the network chooses is taken for right.
        cost: what is to become less, or its name; None: the cost of the network's training, or else the usual one of its
            output (:func:`~glassnet.explain.examples.cost_for`).
        names: of the classes; None: their numbers.

    Errors: :class:`~glassnet.errors.WrongValue` if they do not fit the network; or for no target where the network
    predicts numbers.
    """
    network = precise(network)
    function, reason = common_cost([("the network", network)], cost)
    classes = check_names(network, names)
    x, _ = as_example(network, image, 0)
    forward = network.forward(x)
    answer: int | None = int(chosen(forward.activations[-1])[0])
    if network.activations[-1].range in ("real", "nonnegative"):
        answer = None
        if target is None:
            raise WrongValue(
                "this network predicts numbers, and its own are no target to compare with: give the right ones"
            )
    y = as_example(network, image, answer if target is None else target)[1]
    a = forward.activations[-1]
    each = [function.value(a[:, j : j + 1], y[:, j : j + 1])[0] for j in range(network.sizes[-1])]
    wishes, ranking = nudges(network, x, y, cost), sensitivity(network, x, y, cost)
    return Story(
        function,
        reason,
        network,
        classes,
        x[0, :],
        y[0, :],
        target is None,
        tuple(z[0, :] for z in forward.zs),
        tuple(activation[0, :] for activation in forward.activations[1:]),
        answer,
        namespace(a).stack(each),
        wishes.cost,
        wishes,
        ranking,
        chain_rule(network, x, y, ranking.top(1)[0].parameter, cost),
    )
