"""What does each neuron wish changed, for this image?

A neuron that should say more has three ways to get there: its own bias, its weights, and what the neurons behind it say.
It wishes for each in proportion to what that would do: for a weight, in proportion to the activation behind it; for an
activation behind it, in proportion to the weight. The wishes of all neurons of a layer for one neuron behind them add
up, and that sum is what the neuron behind wishes for itself: so the wishes go back, layer by layer, to the pixels.

A wish is the component of −∇C: positive, it should increase; negative, decrease; its size says how much that would help.
The numbers are those of :func:`glassnet.backprop.backward`, which learning uses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from glassnet.arrays import Array, namespace, to_numpy
from glassnet.backprop import backward
from glassnet.costs import Cost, cost_of
from glassnet.explain.blocks import Bars, Block, Cell, Heading, Picture, Pictures, Sentence, Table, number, square
from glassnet.explain.examples import as_example, common_cost, precise
from glassnet.explain.explanation import OfCost
from glassnet.network import Network

__all__ = ["Nudges", "Wishes", "in_words", "nudges"]

_LOT, _SOME, _LITTLE = 2 / 3, 1 / 5, 1 / 100
"""From which share of the largest wish of its kind a wish is for a lot, somewhat, a little; below, for nothing much."""


@dataclass(frozen=True, slots=True, eq=False)
class Wishes:
    """What the neurons of one layer wish, and what is wished of them.

    Attributes:
        layer: counted from 1.
        activation: what they say now.
        wish: what is wished of what they say: −∂C/∂a; of a hidden layer, the sum of ``behind`` of the next one.
        bias: what they wish of their biases: −∂C/∂b = −δ.
        weight: what they wish of their weights: −∂C/∂w[j, k] = −δ[j] a[k].
        behind: what neuron j wishes of neuron k of the layer before: −δ[j] w[j, k]. Each column adds up to one wish.
    """

    layer: int
    activation: Float[Array, " out"]
    wish: Float[Array, " out"]
    bias: Float[Array, " out"]
    weight: Float[Array, "out in"]
    behind: Float[Array, "out in"]


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Nudges(OfCost):
    """All wishes about one image, from the outputs back to the pixels.

    Attributes:
        image: the pixels.
        target: the desired outputs.
        cost: of this image, by ``cost_function``.
        layers: the wishes of each layer's neurons, the first layer first.
        pixels: what is wished of the pixels: −∂C/∂x. They cannot change; it says which ink speaks for the target.
        check: the largest difference between the error δ of a hidden layer as backpropagation found it, and the summed
            wishes for that layer, pulled back through its activation. 0 up to rounding.
    """

    image: Float[Array, " in"]
    target: Float[Array, " out"]
    cost: float
    layers: tuple[Wishes, ...]
    pixels: Float[Array, " in"]
    check: float

    def blocks(self) -> Iterable[Block]:
        """The outputs' wishes; how they add up, layer by layer; the pixels."""
        yield Heading("What each neuron wishes, for this image")
        yield self.which_cost
        yield Sentence(
            f"Cost {number(self.cost)}. A wish is a component of −∇C: above 0, it should increase; below, decrease. "
            "Words compare it with the largest of its kind. The wish for a bias is −δ, the error of its neuron.",
            quiet=True,
        )
        output, wanted = self.layers[-1], to_numpy(self.target).tolist()
        yield Heading(f"The outputs (layer {output.layer}) wish for themselves")
        yield _neurons(output, [f"wanted {number(each)}" for each in wanted])
        for layer in reversed(self.layers):
            yield from self._layer(layer)
        yield Sentence(f"Sum check: largest difference from backpropagation's errors {number(self.check)}.", quiet=True)

    def _layer(self, layer: Wishes) -> Iterable[Block]:
        weight, bias, behind = (to_numpy(each) for each in (layer.weight, layer.bias, layer.behind))
        yield Heading(
            f"Layer {layer.layer} wishes of its biases, and of its weights in proportion to the activations behind"
        )
        strongest: list[tuple[str, float, float]] = []
        for j in np.argsort(-np.abs(bias), kind="stable")[:3].tolist():
            strongest.append((f"bias {j}", float(bias[j]), float(np.abs(bias).max())))
        for place in np.argsort(-np.abs(weight), axis=None, kind="stable")[:6].tolist():
            j, k = divmod(place, weight.shape[1])
            strongest.append((f"weight ({j}, {k})", float(weight[j, k]), float(np.abs(weight).max())))
        names, wishes, _ = zip(*strongest, strict=True)
        yield Bars(names, wishes, signed=True, notes=tuple(in_words(wish, most) for _, wish, most in strongest))
        sums = behind.sum(axis=0)
        if layer.layer == 1:
            yield Heading("Layer 1 wishes of the pixels")
            pixels, picture = square(sums), square(to_numpy(self.image))
            if pixels is not None and picture is not None:
                yield Pictures(
                    (
                        Picture(picture, "ink", "the image"),
                        Picture(pixels, "signed", "blue: more ink would help; red: less"),
                    )
                )
            yield Sentence("Pixels cannot change: this says which ink speaks for what is wanted.", quiet=True)
            return
        yield Heading(f"Layer {layer.layer} wishes of layer {layer.layer - 1}, in proportion to the weights")
        if behind.shape[0] <= 10:
            power = math.floor(math.log10(float(np.abs(behind).max()))) if behind.any() else 0
            unit = "" if power == 0 else f", all in units of {number(10.0**power)}"
            yield Sentence(f"A column for each neuron of layer {layer.layer}, and their sum{unit}.", quiet=True)
            in_units, names = behind.T / 10.0**power, tuple(str(j) for j in range(behind.shape[0]))
            table: list[tuple[Cell, ...]] = [
                (str(k), *(f"{value:+.1f}".replace("-", "−") for value in row.tolist()), float(row.sum()))
                for k, row in enumerate(in_units[:32])
            ]
            yield Table(("for", *names, "sum"), tuple(table))
        yield _neurons(self.layers[layer.layer - 2])


def _neurons(layer: Wishes, more: Sequence[str] = ()) -> Bars:
    """A bar for what is wished of each neuron, with what it says and the wish in words; of many, the strongest."""
    says, wish = to_numpy(layer.activation), to_numpy(layer.wish)
    most = float(np.abs(wish).max())
    order = range(len(wish)) if len(wish) <= 32 else np.argsort(-np.abs(wish), kind="stable")[:16].tolist()
    return Bars(
        tuple(", ".join([f"{j} says {number(float(says[j]), 3)}", *more[j : j + 1]]) for j in order),
        tuple(float(wish[j]) for j in order),
        signed=True,
        notes=tuple(in_words(float(wish[j]), most) for j in order),
    )


def in_words(wish: float, largest: float) -> str:
    """A wish in the words of the series: "should increase a lot", "… somewhat", "… a little".

    Args:
        wish: a component of −∇C.
        largest: the size of the largest wish of its kind; from 2/3 of it on it is "a lot", from 1/5 "somewhat", from
            1/100 "a little".

    >>> in_words(0.9, 1.0), in_words(-0.3, 1.0), in_words(0.05, 1.0), in_words(0.0, 1.0)
    ('should increase a lot', 'should decrease somewhat', 'should increase a little', 'is fine')
    """
    share = abs(wish) / largest if largest > 0 else 0.0
    if share < _LITTLE:
        return "is fine"
    size = "a lot" if share >= _LOT else "somewhat" if share >= _SOME else "a little"
    return f"should {'increase' if wish > 0 else 'decrease'} {size}"


def nudges(network: Network, image: Any, target: Any, cost: Cost | str | None = None) -> Nudges:
    """What each neuron wishes changed so that this image costs less, from the outputs back to the pixels.

    Args:
        network: any.
        image: as many numbers as it takes, of any shape.
        target: the desired class, or the desired outputs.
        cost: what is to become less, or its name; None: the cost of the network's training, or else the usual one of its
            output (:func:`~glassnet.explain.examples.cost_for`).

    Errors: :class:`~glassnet.errors.WrongValue` if image, target or cost do not fit the network.
    """
    network = precise(network)
    cost, reason = common_cost([("the network", network)], cost)
    x, y = as_example(network, image, target)
    forward = network.forward(x)
    back = backward(network, forward, y, cost)
    xp = namespace(x)
    a, z = forward.activations, forward.zs
    price = float(cost_of(cost, network.activations[-1], z[-1], a[-1], y)[0])

    wish = -cost.slope(a[-1], y)[0, :]
    found: list[Wishes] = []
    check = 0.0
    for l in range(len(network.layers) - 1, -1, -1):
        weight, delta, gradient = network.layers[l].weight, back.deltas[l][0, :], back.gradient[l]
        if found:  # the outputs' own error may come from z, where the cost has a natural partner
            pulled = network.activations[l].pullback(z[l], a[l + 1], xp.expand_dims(wish, axis=0))[0, :]
            check = max(check, float(xp.max(xp.abs(pulled + delta))))
        behind = -xp.expand_dims(delta, axis=1) * weight
        found.insert(0, Wishes(l + 1, a[l + 1][0, :], wish, -gradient.bias, -gradient.weight, behind))
        wish = xp.sum(behind, axis=0)
    return Nudges(cost, reason, x[0, :], y[0, :], price, tuple(found), wish, check)
