"""What does this neuron look for?

A neuron's weights say what it looks for in the layer behind it; in the first layer that is a picture, exactly. Further
in there is no such picture, only several honest substitutes, each labeled for what it is: the weights multiplied
through as if the layers were linear, the slope of its weighted sum at one image, a picture found by gradient ascent,
and the real examples that light it most and least.

Index letters: ``k`` sources (the neurons of the layer behind), ``in`` the network's inputs, ``c`` classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from glassnet.activations import Activation, identity
from glassnet.arrays import Array, moved, namespace, to_numpy
from glassnet.backprop import backward
from glassnet.costs import Cost, Domain
from glassnet.data import Dataset
from glassnet.errors import WrongValue
from glassnet.explain.blocks import (
    Bars,
    Block,
    Curve,
    Curves,
    Heading,
    Picture,
    Pictures,
    Sentence,
    Table,
    number,
    square,
)
from glassnet.explain.drawing import CLASSES
from glassnet.explain.examples import as_example, check_layer, check_neuron, parts, precise
from glassnet.explain.explanation import Explanation
from glassnet.network import Layer, Network
from glassnet.settings import check_seed

__all__ = [
    "Ascent",
    "BiasCurve",
    "Contributions",
    "HopeAndTruth",
    "Patterns",
    "Response",
    "Responses",
    "hope_and_truth",
    "hoped",
    "patterns",
]

_BIASES = 41
"""How many biases the bias curve asks about."""
_LAST_STEP = 1e-3
"""Ascent's last step, as a part of its first: small enough to settle, reached in equal ratios."""
_FEW = 32
"""Up to so many numbers are drawn as bars, with their names; more as a picture."""
_ALL = "#777777"
"""The color of the curve of all examples, beside those of the classes."""


@dataclass(frozen=True, slots=True, eq=False)
class Ascent:
    """A picture that excites a neuron, found by gradient ascent from uniform gray. No one has drawn it.

    Attributes:
        image: the input found, each number 0 to 1. A local maximum, as far as the steps reached: others may be higher.
        start_z: the weighted sum at gray, 0.5 everywhere; start_activation: what the neuron says of it.
        z: the weighted sum at ``image``, never below ``start_z``; activation: what the neuron says of it.
    """

    image: Float[Array, " in"]
    start_z: float
    start_activation: float
    z: float
    activation: float


@dataclass(frozen=True, slots=True, eq=False)
class Contributions:
    """What made a neuron say what it says of one image.

    Attributes:
        image: the image.
        behind: the activations of the layer behind; in layer 1, the image itself.
        products: weight × activation behind: what each source adds to the weighted sum.
        z: the sum of the products, and the bias.
        error: |z − the weighted sum that ``Network.forward`` computed|: rounding alone.
        activation: a = f(z).
        slope: f'(z), how fast the activation follows z; None for softmax, whose neurons depend on each other.
        local: ∂z/∂input at this image: exact for small changes of the image. In layer 1 these are the weights.
    """

    image: Float[Array, " in"]
    behind: Float[Array, " k"]
    products: Float[Array, " k"]
    z: float
    error: float
    activation: float
    slope: float | None
    local: Float[Array, " in"]


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """What a neuron says of one example: its row in the data, its class (None: data without classes), z, a = f(z)."""

    row: int
    label: str | None
    z: float
    activation: float
    image: Float[Array, " in"]


@dataclass(frozen=True, slots=True, eq=False)
class BiasCurve:
    """Which examples would light a neuron if its bias were another, and all else as it is.

    Lit means z > 0: a sigmoid's activation is then above ½, a tanh's and a relu's above 0.

    Attributes:
        biases: the biases asked about, rising; from one with which no example lights it to one with which all do.
        shares: for each, the share of all examples that light it, 0 to 1.
        class_shares: the same for each class; None for data without classes, NaN for a class without examples.
        now: the share with the bias it has; class_now: the same for each class.
    """

    biases: Float[NDArray[np.floating], " points"]
    shares: Float[NDArray[np.floating], " points"]
    class_shares: Float[NDArray[np.floating], "c points"] | None
    now: float
    class_now: Float[NDArray[np.floating], " c"] | None


@dataclass(frozen=True, slots=True, eq=False)
class Responses:
    """What a neuron says of many examples. Weights of examples do not enter.

    Attributes:
        examples: how many were looked at.
        most: those that light it most, the brightest first; least: those that light it least, the darkest first.
            Where activations are equal the weighted sum decides, then the row.
        mean: its mean activation.
        classes: the names of the classes; None for data without.
        class_means: its mean activation for each class; NaN for a class without examples.
        bias_curve: which examples would light it with another bias; None for softmax, where z alone lights nothing.
    """

    examples: int
    most: tuple[Response, ...]
    least: tuple[Response, ...]
    mean: float
    classes: tuple[str, ...] | None
    class_means: Float[NDArray[np.floating], " c"] | None
    bias_curve: BiasCurve | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Patterns(Explanation):
    """What a neuron looks for, in several ways, none of which is the whole truth for a neuron further in.

    Attributes:
        layer: its layer, from 1; neuron: which one, from 0.
        activation: its activation function.
        weights: from each source behind it. In layer 1, a picture of what it looks for, exactly.
        bias: its bias.
        composed: row of the product W_l … W_1: what it would look for if no activation stood between. In layer 1, the
            weights themselves.
        neighbors: how smooth ``composed`` is as a picture: the correlation of adjacent values, side by side and one
            above the other; 1: smooth, 0: noise. None if the input is no square image of 4 × 4 or more, or all alike.
        ascent: a picture that excites it.
        contributions: how its weighted sum comes about for one image; None if none was given.
        responses: what it says of many examples; None if none were given.
    """

    layer: int
    neuron: int
    activation: Activation
    weights: Float[Array, " k"]
    bias: float
    composed: Float[Array, " in"]
    neighbors: float | None
    ascent: Ascent
    contributions: Contributions | None
    responses: Responses | None

    def blocks(self) -> Iterable[Block]:
        """Its numbers, its pictures, its function with the point it is at, and the examples that light it."""
        yield Heading(f"What neuron {self.neuron} of layer {self.layer} looks for")
        yield Table((), self._facts())
        yield from self._pictures()
        yield from self._products()
        yield from self._function()
        if self.responses is not None:
            yield from _responses_blocks(self.responses, self.bias)

    def _facts(self) -> tuple[tuple[str, str | float], ...]:
        weights = to_numpy(self.weights)
        facts: list[tuple[str, str | float]] = [("activation function", str(self.activation))]
        facts.append(("weights", f"{weights.size:,}, from {number(weights.min())} to {number(weights.max())}"))
        facts.append(("bias", self.bias))
        if self.contributions is not None:
            it = self.contributions
            facts.append(("sum of weight × activation behind", it.z - self.bias))
            facts.append(("weighted sum z, with the bias", it.z))
            facts.append(("activation a = f(z)", it.activation))
            facts.append(("slope f'(z)", "none of its own: softmax" if it.slope is None else it.slope))
        if self.neighbors is not None:
            what = "weights" if self.layer == 1 else "composed picture"
            facts.append((f"neighboring pixels of the {what} correlate", self.neighbors))
        facts.append(("z at uniform gray", self.ascent.start_z))
        facts.append(("z at the picture found by ascent", self.ascent.z))
        facts.append(("activation there", self.ascent.activation))
        return tuple(facts)

    def _pictures(self) -> Iterator[Block]:
        it = self.contributions
        asked: list[tuple[Any, bool, str]] = []
        if it is not None:
            asked.append((it.image, False, "the image"))
        if self.layer == 1:
            asked.append((self.weights, True, "its weights: exactly what it looks for"))
            if it is not None:
                asked.append((it.products, True, "weight × input"))
        else:
            asked.append((self.composed, True, "weights multiplied through, as if linear"))
            if it is not None:
                asked.append((it.local, True, "slope of z at this image: exact for small changes"))
        asked.append((self.ascent.image, False, "made by ascent: excites it, was never seen"))
        wide = len(to_numpy(self.composed)) > _FEW
        if wide or square(to_numpy(self.composed)) is not None:
            yield Pictures(tuple(_picture(values, signed, caption) for values, signed, caption in asked))
        else:
            names = tuple(f"input {k}" for k in range(len(to_numpy(self.composed))))
            for values, signed, caption in asked:
                yield Sentence(caption, quiet=True)
                bars = tuple(map(float, to_numpy(values)))
                yield Bars(names, bars, signed=signed or min(bars) < 0)
        if self.layer > 1:
            yield Sentence(
                "No picture is exactly what a neuron this far in looks for: activations stand between.", True
            )
        if self.ascent.z == self.ascent.start_z:
            yield Sentence(
                "Ascent found nothing better than gray: its slope there may be 0, as behind dead relus.", True
            )

    def _products(self) -> Iterator[Block]:
        if self.layer > 1:
            weights = to_numpy(self.weights)
            yield Sentence(f"Its weights, from the {weights.size} neurons of layer {self.layer - 1}:")
            if weights.size <= _FEW:
                yield Bars(tuple(f"neuron {k}" for k in range(weights.size)), tuple(map(float, weights)), signed=True)
            else:
                yield _picture(weights, True, "")
        it = self.contributions
        if it is None or (self.layer == 1 and square(to_numpy(it.image)) is not None):
            return
        behind, weights, products = (to_numpy(each) for each in (it.behind, self.weights, it.products))
        first = np.argsort(-np.abs(products), kind="stable")[:10]
        source = "input" if self.layer == 1 else "neuron"
        rows = ((f"{source} {k}", float(behind[k]), float(weights[k]), float(products[k])) for k in first)
        yield Sentence("What adds most to its weighted sum, for or against:")
        yield Table(("from", "activation", "weight", "weight × activation"), tuple(rows))

    def _function(self) -> Iterator[Block]:
        if self.activation.range == "simplex":
            yield Sentence("Softmax shares one whole among the layer's neurons: no curve of this neuron alone.", True)
            return
        it = self.contributions
        reach = 6.0 if it is None else max(6.0, 1.2 * abs(it.z))
        zs = np.linspace(-reach, reach, 241)
        curve = Curve(str(self.activation), zs, to_numpy(self.activation.value(zs[:, None]))[:, 0])
        marks = () if it is None else ((it.z, it.activation, "this image"),)
        yield Curves("weighted sum z", "activation a", (curve,), marks=marks)


def patterns(
    network: Network,
    layer: int,
    neuron: int,
    *,
    image: Any = None,
    data: Dataset | None = None,
    count: int = 6,
    steps: int = 100,
) -> Patterns:
    """What a neuron looks for: z = Σₖ wₖ aₖ + b, a = f(z).

    Ascent goes uphill on z from uniform gray by x ← clip(x + η sign(∂z/∂x), 0, 1), with η from ½ down to a thousandth
    of that: the steepest way if no pixel may move further than η. The best x met is kept. In layer 1 the first step is
    exact: 1 where the weight is positive, 0 where it is negative (and gray where it is 0, which changes nothing). The
    slope ∂z/∂x is found by :func:`~glassnet.backprop.backward`, as learning finds it.

    Args:
        network: any; it is looked at in float64.
        layer: the neuron's layer, from 1.
        neuron: which of its neurons, from 0.
        image: an image to look at: as many numbers as the network takes, of any shape.
        data: examples to look at.
        count: how many of those that light it most, and least, to give.
        steps: of the ascent.

    Source: activation maximization, Erhan et al., "Visualizing higher-layer features of a deep network", 2009.

    Errors: :class:`~glassnet.errors.WrongValue` for a layer or neuron that is not there, an image or data that does not
    fit the network, ``count`` below 1 or ``steps`` below 0.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise WrongValue(f"count must be a whole number from 1, got {count!r}")
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 0:
        raise WrongValue(f"steps must be a whole number from 0, got {steps!r}")
    check_layer(network, layer)
    check_neuron(network, layer, neuron)
    network = precise(network)
    mine = network.layers[layer - 1]
    composed = mine.weight[neuron : neuron + 1, :]
    for before in reversed(network.layers[: layer - 1]):
        composed = composed @ before.weight
    return Patterns(
        layer,
        neuron,
        network.activations[layer - 1],
        mine.weight[neuron, :],
        float(mine.bias[neuron]),
        composed[0, :],
        _neighbors(composed),
        _ascend(network, layer, neuron, steps),
        None if image is None else _contributions(network, layer, neuron, image),
        None if data is None else _responses(network, layer, neuron, data, count),
    )


# ── The slope of a weighted sum ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Sum(Cost):
    """The one output itself as the cost, so that backpropagation finds how it depends on what is behind it."""

    name: ClassVar[str] = "sum"
    domain: ClassVar[Domain] = "real"

    def value(self, a: Float[Array, "n 1"], y: Float[Array, "n 1"]) -> Float[Array, " n"]:
        """The output."""
        return a[:, 0]

    def slope(self, a: Float[Array, "n 1"], y: Float[Array, "n 1"]) -> Float[Array, "n 1"]:
        """1."""
        return namespace(a).ones_like(a)


def _up_to(network: Network, layer: int) -> Network:
    return Network(network.layers[:layer], network.activations[:layer])


def _probe(network: Network, layer: int, neuron: int) -> Network:
    """The part of the network that makes one neuron's weighted sum, which is its only output."""
    mine = network.layers[layer - 1]
    last = Layer(mine.weight[neuron : neuron + 1, :], mine.bias[neuron : neuron + 1])
    return Network((*network.layers[: layer - 1], last), (*network.activations[: layer - 1], identity))


def _z_and_slope(probe: Network, x: Float[Array, "n in"]) -> tuple[float, Float[Array, "n in"]]:
    """The weighted sum of a probe at one input, and ∂z/∂input."""
    forward = probe.forward(x)
    z = forward.activations[-1]
    deltas = backward(probe, forward, z, _Sum()).deltas
    return float(z[0, 0]), deltas[0] @ probe.layers[0].weight


def _ascend(network: Network, layer: int, neuron: int, steps: int) -> Ascent:
    probe, part = _probe(network, layer, neuron), _up_to(network, layer)
    like = network.layers[0].bias
    xp = namespace(like)
    gray = xp.zeros_like(network.layers[0].weight[:1, :]) + 0.5
    start, slope = _z_and_slope(probe, gray)
    best, best_z, x = gray, start, gray
    for step in range(steps):
        x = xp.clip(x + 0.5 * _LAST_STEP ** (step / steps) * xp.sign(slope), 0.0, 1.0)
        z, slope = _z_and_slope(probe, x)
        if z > best_z:
            best, best_z = x, z
    said = [float(part.forward(each).activations[-1][0, neuron]) for each in (gray, best)]
    return Ascent(best[0, :], start, said[0], best_z, said[1])


def _contributions(network: Network, layer: int, neuron: int, image: Any) -> Contributions:
    x, _ = as_example(network, image, np.zeros(network.sizes[-1]))
    forward = _up_to(network, layer).forward(x)
    mine, activation = network.layers[layer - 1], network.activations[layer - 1]
    xp = namespace(x)
    behind, zs, said = forward.activations[layer - 1], forward.zs[-1], forward.activations[-1]
    products = behind[0, :] * mine.weight[neuron, :]
    z = float(xp.sum(products) + mine.bias[neuron])
    slope = None
    if activation.range != "simplex":
        slope = float(activation.pullback(zs, said, xp.ones_like(said))[0, neuron])
    _, local = _z_and_slope(_probe(network, layer, neuron), x)
    error = abs(z - float(zs[0, neuron]))
    return Contributions(x[0, :], behind[0, :], products, z, error, float(said[0, neuron]), slope, local[0, :])


# ── What it says of many examples ────────────────────────────────────────────────────────────────────────────────────


def _responses(network: Network, layer: int, neuron: int, data: Dataset, count: int) -> Responses:
    part = _up_to(network, layer)
    sums, said = [], []
    for _, x, _ in parts(network, data):
        forward = part.forward(x)
        sums.append(to_numpy(forward.zs[-1][:, neuron]))
        said.append(to_numpy(forward.activations[-1][:, neuron]))
    z, a = np.concatenate(sums), np.concatenate(said)
    classes, labels = (data.classes, data.labels) if data.labeled else (None, None)
    like = network.layers[0].bias

    def response(row: int) -> Response:
        label = None if classes is None or labels is None else classes[labels[row]]
        return Response(row, label, float(z[row]), float(a[row]), moved(data.inputs[row, :], like))

    rows = np.arange(len(a))
    return Responses(
        len(a),
        tuple(response(int(row)) for row in np.lexsort((rows, -z, -a))[:count]),
        tuple(response(int(row)) for row in np.lexsort((rows, z, a))[:count]),
        float(a.mean()),
        classes,
        None if labels is None else np.array([_mean(a[labels == c]) for c in range(len(classes or ()))]),
        None
        if network.activations[layer - 1].range == "simplex"
        else _bias_curve(z, float(network.layers[layer - 1].bias[neuron]), labels, len(classes or ())),
    )


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if values.size else math.nan


def _bias_curve(z: NDArray[Any], bias: float, labels: NDArray[Any] | None, classes: int) -> BiasCurve:
    sums = z - bias
    # An example is lit when its sum without the bias is above −b', so these biases light none and all of them.
    none, every = min(-float(sums.max()), bias), max(-float(sums.min()), bias)
    margin = 0.05 * (every - none) or 1.0
    biases = np.linspace(none - margin, every + margin, _BIASES)

    def shares(which: NDArray[Any]) -> NDArray[np.float64]:
        if not which.size:
            return np.full(_BIASES, math.nan)
        return 1.0 - np.searchsorted(np.sort(which), -biases, side="right") / which.size

    if labels is None:
        return BiasCurve(biases, shares(sums), None, float((z > 0).mean()), None)
    by_class = [labels == c for c in range(classes)]
    return BiasCurve(
        biases,
        shares(sums),
        np.stack([shares(sums[which]) for which in by_class]),
        float((z > 0).mean()),
        np.array([_mean((z > 0)[which]) for which in by_class]),
    )


def _responses_blocks(found: Responses, bias: float) -> Iterator[Block]:
    yield Heading(f"What it says of {found.examples:,} examples")
    for what, chosen in (("most", found.most), ("least", found.least)):
        yield Sentence(f"The examples that light it {what}:")
        if square(to_numpy(chosen[0].image)) is not None:
            yield Pictures(tuple(_picture(each.image, False, _caption(each)) for each in chosen))
        else:
            rows = tuple((f"{each.row}{_label(each)}", each.z, each.activation) for each in chosen)
            yield Table(("row", "z", "activation"), rows)
    if found.classes is not None and found.class_means is not None:
        yield Sentence(f"Its mean activation for each class ({number(found.mean)} over all):")
        seen = [c for c in range(len(found.classes)) if not math.isnan(found.class_means[c])]
        means = tuple(float(found.class_means[c]) for c in seen)
        yield Bars(tuple(found.classes[c] for c in seen), means, signed=min(means) < 0)
    else:
        yield Sentence(f"Its mean activation is {number(found.mean)}.")
    curve = found.bias_curve
    if curve is None:
        yield Sentence(
            "A softmax neuron has no bias question of its own: the other neurons' sums decide as well.", True
        )
        return
    curves = [Curve("all", curve.biases, curve.shares, _ALL)]
    if found.classes is not None and curve.class_shares is not None and len(found.classes) <= len(CLASSES):
        by_class = zip(found.classes, curve.class_shares, CLASSES, strict=False)  # more classes could not be told apart
        curves += [Curve(name, curve.biases, ys, color) for name, ys, color in by_class if not np.isnan(ys).any()]
    yield Sentence("If only its bias were another: the share of examples that would light it.")
    yield Curves("bias", "share lit", tuple(curves), marks=((bias, curve.now, "its bias"),))
    yield Sentence("Lit means z > 0: above ½ for a sigmoid, above 0 for tanh and relu.", quiet=True)


def _label(each: Response) -> str:
    return "" if each.label is None else f" ({each.label})"


def _caption(each: Response) -> str:
    return f"row {each.row}{_label(each)}: {number(each.activation)}"


def _picture(values: Any, signed: bool, caption: str) -> Picture:
    """A square picture where there is one, else one row."""
    numbers = np.asarray(to_numpy(values), dtype=np.float64)
    shape = square(numbers)
    return Picture(numbers.reshape(1, -1) if shape is None else shape, "signed" if signed else "ink", caption)


# ── Hope and truth ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HopeAndTruth(Explanation):
    """What the series hopes the first layer looks for, beside what it does look for, and beside noise.

    Two numbers say how each picture stands between noise and the hope. *Smoothness* is the correlation of neighboring
    pixels: near 0 for noise. The *edge match* is the largest |cosine| between the picture and the hoped edge, put at
    every place, lying and standing: 1 for the edge itself, about 0.1 for noise of 28 × 28. A smooth picture of anything
    matches better than noise does, so a match of 0.3 or so is no sign of an edge.

    Attributes:
        hoped: an edge detector, drawn by hand; hoped_neighbors: its smoothness. Its edge match is 1.
        noise: a picture of independent normal numbers; noise_neighbors: its smoothness; noise_edge: its edge match.
        noise_spread: the standard deviation of the smoothness of such pictures, 1 / √(number of neighboring pairs).
        weights: the weight pictures of the first neurons of layer 1, as many as were asked for.
        neighbors: the smoothness of every neuron's weights in layer 1; NaN where all weights are alike.
        edges: the edge match of every neuron's weights in layer 1; 0 where all weights are 0.
    """

    hoped: Float[NDArray[np.floating], "side side"]
    hoped_neighbors: float
    noise: Float[NDArray[np.floating], "side side"]
    noise_neighbors: float
    noise_edge: float
    noise_spread: float
    weights: Float[Array, "shown side side"]
    neighbors: Float[NDArray[np.floating], " neurons"]
    edges: Float[NDArray[np.floating], " neurons"]

    def blocks(self) -> Iterable[Block]:
        """The hoped picture and noise, the true ones, and the two numbers of each."""
        yield Heading("Hope and truth: what the first layer looks for")
        yield Pictures((Picture(self.hoped, "signed", "hoped for"), Picture(self.noise, "signed", "noise")))
        pictures = to_numpy(self.weights)
        captions = (
            f"neuron {j}: {number(float(self.neighbors[j]), 2)}, {number(float(self.edges[j]), 2)}"
            for j in range(len(pictures))
        )
        yield Pictures(tuple(Picture(each, "signed", text) for each, text in zip(pictures, captions, strict=True)))
        rows: list[tuple[str, float, float]] = [
            ("the hoped edge", self.hoped_neighbors, 1.0),
            ("noise", self.noise_neighbors, self.noise_edge),
        ]
        known = self.neighbors[~np.isnan(self.neighbors)]
        if known.size:
            for what, of in (("mean", np.mean), ("least", np.min), ("most", np.max)):
                rows.append((f"the {self.edges.size} neurons: {what}", float(of(known)), float(of(self.edges))))
        yield Table(("", "smoothness", "edge match"), tuple(rows))
        alike = int((np.abs(known) <= 2 * self.noise_spread).sum())
        yield Sentence(
            f"Of {known.size} neurons, {alike} are no smoother than noise is by chance "
            f"(within ±{number(2 * self.noise_spread, 2)})."
        )
        yield Sentence(
            "Smoothness: the correlation of neighboring pixels. Edge match: the largest |cosine| with the hoped edge, at any "
            "place, lying or standing; a smooth picture of anything matches better than noise does.",
            quiet=True,
        )


def hoped(side: int = 28) -> Float[NDArray[np.floating], "side side"]:
    """The picture the series hopes a neuron of the first layer has for weights: a detector of a short edge.

    A horizontal bar of 1 with a flank of −½ above and below, 0 elsewhere. It adds up to 0, so even gray is nothing to it.

    Errors: :class:`~glassnet.errors.WrongValue` if ``side`` is below 4, where the bar has no room.

    >>> hoped(4)
    array([[-0.5, -0.5, -0.5, -0.5],
           [ 1. ,  1. ,  1. ,  1. ],
           [-0.5, -0.5, -0.5, -0.5],
           [ 0. ,  0. ,  0. ,  0. ]])
    """
    if isinstance(side, bool) or not isinstance(side, int | np.integer) or side < 4:
        raise WrongValue(f"the hoped picture's side must be a whole number from 4, got {side!r}")
    thick = max(1, side // 9)
    top, left = (side - 3 * thick) // 2, (side - 4 * thick) // 2
    picture = np.zeros((side, side))
    for band, value in enumerate((-0.5, 1.0, -0.5)):
        first = top + band * thick
        picture[first : first + thick, left : left + 4 * thick] = value
    return picture


def hope_and_truth(network: Network, *, count: int = 16, seed: int = 0) -> HopeAndTruth:
    """The weight pictures of the first layer, beside the hoped edge and beside noise, each with two numbers.

    Args:
        network: one that takes square images of 4 × 4 pixels or more.
        count: how many neurons' pictures to give; the numbers are given for all.
        seed: of the noise.

    Errors: :class:`~glassnet.errors.WrongValue` for a network that takes no square images, ``count`` below 1, or a seed
    that is no whole number from 0.
    """
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise WrongValue(f"count must be a whole number from 1, got {count!r}")
    check_seed(seed)
    takes = network.sizes[0]
    side = math.isqrt(takes)
    if side * side != takes or side < 4:
        raise WrongValue(
            f"this network takes {takes} numbers, which are no square image of 4 × 4 or more: its weights are no pictures"
        )
    weights = precise(network).layers[0].weight
    shown = min(count, network.sizes[1])
    edge, noise = hoped(side), np.random.default_rng(seed).standard_normal((side, side))
    pictures = to_numpy(weights).reshape(-1, side, side)
    smooth = [_neighbors(weights[j, :]) for j in range(network.sizes[1])]
    return HopeAndTruth(
        edge,
        _correlation(edge),
        noise,
        _correlation(noise),
        float(_edges(noise[None, :, :])[0]),
        1 / math.sqrt(2 * side * (side - 1)),
        namespace(weights).reshape(weights[:shown, :], (shown, side, side)),
        np.array([math.nan if each is None else each for each in smooth]),
        _edges(pictures),
    )


def _edges(pictures: NDArray[Any]) -> NDArray[np.float64]:
    """For each picture, its largest |cosine| with the hoped edge of its size, at every place, lying and standing."""
    edge = hoped(pictures.shape[-1])
    rows, columns = np.flatnonzero(edge.any(axis=1)), np.flatnonzero(edge.any(axis=0))
    lying = edge[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    most = np.zeros(len(pictures))
    for bar in (lying, lying.T):
        places = np.lib.stride_tricks.sliding_window_view(pictures, bar.shape, axis=(1, 2))
        found = np.einsum("nijkl,kl->nij", places, bar)
        most = np.maximum(most, np.abs(found).max(axis=(1, 2)))
    sizes = np.linalg.norm(pictures, axis=(1, 2)) * np.linalg.norm(lying)
    return np.divide(most, sizes, out=np.zeros(len(pictures)), where=sizes > 0)


def _neighbors(values: Any) -> float | None:
    picture = square(to_numpy(values))
    if picture is None:
        return None
    found = _correlation(picture)
    return None if math.isnan(found) else found


def _correlation(picture: NDArray[Any]) -> float:
    """Pearson's, over all pairs of a pixel and its right or lower neighbor; NaN if either side does not vary."""
    one = np.concatenate([picture[:, :-1].reshape(-1), picture[:-1, :].reshape(-1)])
    other = np.concatenate([picture[:, 1:].reshape(-1), picture[1:, :].reshape(-1)])
    if np.ptp(one) == 0 or np.ptp(other) == 0:
        return math.nan
    one, other = one - one.mean(), other - other.mean()
    return float(one @ other / math.sqrt(float(one @ one) * float(other @ other)))
