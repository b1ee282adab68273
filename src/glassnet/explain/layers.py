"""What does each layer do to the digits?

How active its neurons are, which of them are dead or saturated, how large the gradient is that reaches it, how well the
digits can be told apart by what it says; maps of the examples as each layer sees them; and the gradient's fading on its
way back through deep networks.

Layer 0 is the input. Letters: n examples, j neurons of a layer, a activations, z weighted sums, δ = ∂C/∂z errors.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from glassnet.activations import Activation
from glassnet.arrays import Array, moved, namespace, to_numpy
from glassnet.costs import Cost
from glassnet.data import Dataset
from glassnet.errors import WrongValue
from glassnet.evaluation import check_data
from glassnet.explain.blocks import Bars, Block, Curve, Curves, Heading, Map, Sentence, Table, number
from glassnet.explain.examples import backward_in_parts, common_cost, cost_and_gradient, parts, precise
from glassnet.explain.explanation import Explanation, OfCost
from glassnet.network import Layer, Network, Parameters, map_parameters
from glassnet.settings import check_seed

__all__ = [
    "BINS",
    "DEAD",
    "FADED",
    "FLAT",
    "MAP_LIMITS",
    "NEIGHBORS",
    "SATURATED",
    "Fading",
    "GradientSizes",
    "LayerMap",
    "LayerStatistics",
    "Layers",
    "Maps",
    "gradient_sizes",
    "layers",
    "maps",
]

DEAD = 1e-6
"""A neuron whose activation has a smaller standard deviation over the examples says the same to all of them."""
FLAT = 0.01
"""Where the slope f'(z) is below this share of the activation's largest, the neuron is on a flat part of its curve."""
SATURATED = 0.95
"""A neuron that is on a flat part for more than this share of the examples is called saturated."""
FADED = 1e-3
"""If the first layer's weights feel less than this share of what the last layer's feel, the gradient has faded."""
BINS = 20
"""The bars of a histogram of activations."""
NEIGHBORS = 1000
"""The most examples whose nearest neighbors are looked for: it takes the square of their number."""
MAP_LIMITS = {"pca": 5000, "tsne": 2000, "umap": 5000}
"""The ways to draw a map, and the most examples that each is given."""

_NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
_INSTALL = "pip install 'glassnet[sklearn]'"


# ── What each layer says, and what reaches it ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class LayerStatistics:
    """What one layer says about n examples, and the gradient that reaches it. Every example counts once.

    Attributes:
        layer: its number; 0 is the input.
        activation: the name of its activation; None for the input.
        mean, std, smallest, largest: of all its activations, n · j numbers.
        edges, counts: a histogram of them, BINS bars over the activation's range: 0 to 1 for sigmoid and softmax, −1 to 1
            for tanh, from 0 to the largest for relu, from the smallest to the largest where the range has no bounds.
        neuron_means, neuron_stds: the mean and standard deviation (divided by n) of each neuron's activation.
        flat: for each neuron, the share of examples for which |f'(z)| is 0 or below FLAT times the activation's largest
            slope; None for the input, and for softmax, whose neurons have no slope of their own.
        dead: the neurons that say the same to every example: standard deviation below DEAD; of relu, 0 for all. None for
            the input.
        saturated: those whose ``flat`` is above SATURATED; None where ``flat`` is None. A dead relu is saturated too.
        weight_gradient: √(mean of (∂C/∂w)²) over the layer's weights; None for the input.
        bias_gradient: the same over its biases.
        error: √(mean of δ²) over its neurons and the examples, each δ of the example's own cost.
        neighbors: the share of examples whose nearest neighbor in this layer's activations, itself left out, is of the
            same class; None if the data has no classes, is multi-label, or scikit-learn is missing.
    """

    layer: int
    activation: str | None
    mean: float
    std: float
    smallest: float
    largest: float
    edges: Float[NDArray[np.floating], " edges"]
    counts: Int[NDArray[np.integer], " bins"]
    neuron_means: Float[NDArray[np.floating], " j"]
    neuron_stds: Float[NDArray[np.floating], " j"]
    flat: Float[NDArray[np.floating], " j"] | None
    dead: tuple[int, ...] | None
    saturated: tuple[int, ...] | None
    weight_gradient: float | None
    bias_gradient: float | None
    error: float | None
    neighbors: float | None

    @property
    def neurons(self) -> int:
        """How many neurons it has."""
        return len(self.neuron_means)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Layers(OfCost):
    """What each layer does to the examples.

    Attributes:
        layers: one for each layer, the input first. Gradients are of the (weighted) mean cost over the examples.
        examples: how many were looked at.
        neighbors_among: among how many of them, evenly spaced, nearest neighbors were looked for.
        chance: the share of neighbors of one class that would be found if neighbors were drawn at random; None if the
            data has no classes or is multi-label.
        advice: what was found that hinders learning, in words, and what helps; empty if nothing was.
    """

    layers: tuple[LayerStatistics, ...]
    examples: int
    neighbors_among: int
    chance: float | None
    advice: tuple[str, ...]

    def blocks(self) -> Iterable[Block]:
        """Activations, advice, gradients, neighbors: a table or a picture for each."""
        yield Heading(f"What each layer does to {self.examples:,} examples")
        yield self.which_cost
        yield Table(
            ("layer", "neurons", "activation", "mean", "std", "smallest", "largest", "dead", "saturated"),
            tuple(
                (
                    _layer_name(each.layer),
                    f"{each.neurons:,}",
                    each.activation or "–",
                    *(number(value, 3) for value in (each.mean, each.std, each.smallest, each.largest)),
                    "–" if each.dead is None else str(len(each.dead)),
                    "–" if each.saturated is None else str(len(each.saturated)),
                )
                for each in self.layers
            ),
        )
        yield Sentence(
            f"Dead: says the same to every example (standard deviation below {number(DEAD)}; of relu: 0 for all). Saturated: "
            f"for over {SATURATED:.0%} of the examples its slope f'(z) is below {FLAT:.0%} of the largest that the "
            "activation has. Softmax has no slope neuron by neuron, so that is not asked of it.",
            quiet=True,
        )
        if self.advice:
            yield from (Sentence(each) for each in self.advice)
        else:
            yield Sentence("No neuron is dead, none is saturated, and the gradient does not fade on its way back.")
        yield Curves(
            "activation",
            "share of the layer's activations",
            tuple(
                Curve(
                    _layer_name(each.layer),
                    (each.edges[:-1] + each.edges[1:]) / 2,
                    each.counts / max(1, each.counts.sum()),
                )
                for each in self.layers
            ),
        )
        yield Heading("How large the gradient is in each layer")
        yield Table(
            ("layer", "of a weight", "of a bias", "error δ of a neuron"),
            tuple(
                (str(each.layer), *(map(_shown, (each.weight_gradient, each.bias_gradient, each.error))))
                for each in self.layers[1:]
            ),
        )
        yield Sentence(
            "Root mean squares: of ∂C/∂w over a layer's weights, of ∂C/∂b over its biases (C is the mean cost of "
            "all examples), and of δ = ∂C/∂z over its neurons and the examples, each of the example's own cost. "
            "The δ of examples that disagree cancel in the first two, not in the last.",
            quiet=True,
        )
        if self.chance is None:
            return
        yield Heading("How well the classes can be told apart by what each layer says")
        shown = [(each.layer, each.neighbors) for each in self.layers if each.neighbors is not None]
        if not shown:
            yield Sentence(f"Nearest neighbors are found by scikit-learn, which is not installed: {_INSTALL}")
            return
        yield Bars(
            tuple(_layer_name(layer) for layer, _ in shown),
            tuple(share for _, share in shown),
            notes=tuple(f"{share:.1%}" for _, share in shown),
            most=1.0,
        )
        yield Sentence(
            f"The share of {self.neighbors_among:,} examples whose nearest other example, by the distance between the layer's "
            f"activations, is of the same class; with neighbors drawn at random it would be {self.chance:.1%}. It says how "
            "the classes lie, not whether the next layer makes use of it.",
            quiet=True,
        )


def layers(network: Network, data: Dataset, cost: Cost | str | None = None) -> Layers:
    """What each layer does to the examples: activations, dead and saturated neurons, gradients, neighbors.

    Args:
        network: the network, of any array library; it is looked at in float64.
        data: the examples, at least 2. Weights enter the cost, and so the gradient; every statistic of activations and
            errors counts each example once.
        cost: what the gradient is of, or its name; None: the cost of the network's training, or else the usual one of its
            output (:func:`~glassnet.explain.examples.cost_for`).

    The gradient is :func:`~glassnet.backprop.backward`'s, over all examples, in chunks. Slopes f'(z) are the activation's
    own pullback of ones; its largest slope is looked for at z from −10 to 10 in steps of 0.001.

    Errors: :class:`~glassnet.errors.WrongValue` for a single example, or if data, network and cost do not fit.
    """
    check_data(network, data)
    if len(data) < 2:
        raise WrongValue("whether a neuron tells examples apart can be seen with 2 examples or more, got 1")
    network = precise(network)
    cost, reason = common_cost([("the network", network)], cost)
    sums = _first_pass(network, data, cost)
    means = [total / len(data) for total in sums.totals]
    lows, highs = [float(each.min()) for each in sums.smallest], [float(each.max()) for each in sums.largest]
    edges = [np.linspace(*_bounds(network, l, lows[l], highs[l]), BINS + 1) for l in range(len(means))]
    squares, counts = _second_pass(network, data, means, edges)

    chance: float | None = None
    near: list[float | None] = [None] * len(means)
    among = min(len(data), NEIGHBORS)
    if data.labeled:
        part = data.take((np.arange(among) * len(data)) // among)  # evenly spaced: data may be sorted by class
        sizes = np.bincount(part.labels)
        chance = float((sizes * (sizes - 1)).sum() / (among * (among - 1)))
        near = _neighbor_shares(network, part)

    found = []
    for l, mean in enumerate(means):
        stds = np.sqrt(squares[l] / len(data))
        count = sums.flat[l - 1] if l else None
        flat = None if count is None else count / len(data)
        whole = float(mean.mean())
        dead = None
        if l > 0:
            silent = sums.largest[l] == 0 if network.activations[l - 1].name == "relu" else stds < DEAD
            dead = tuple(np.flatnonzero(silent).tolist())
        found.append(
            LayerStatistics(
                layer=l,
                activation=str(network.activations[l - 1]) if l else None,
                mean=whole,
                std=math.sqrt(float((stds**2 + (mean - whole) ** 2).mean())),
                smallest=lows[l],
                largest=highs[l],
                edges=edges[l],
                counts=counts[l],
                neuron_means=mean,
                neuron_stds=stds,
                flat=flat,
                dead=dead,
                saturated=None if flat is None else tuple(np.flatnonzero(flat > SATURATED).tolist()),
                weight_gradient=_rms(sums.gradient[l - 1].weight) if l else None,
                bias_gradient=_rms(sums.gradient[l - 1].bias) if l else None,
                error=math.sqrt(sums.errors[l - 1] / (len(data) * len(mean))) if l else None,
                neighbors=near[l],
            )
        )
    return Layers(cost, reason, tuple(found), len(data), among, chance, _advice(network, found, cost))


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """What the first look at all examples adds up: for each layer from the input, or (flat, errors) from the first."""

    totals: list[NDArray[Any]]
    smallest: list[NDArray[Any]]
    largest: list[NDArray[Any]]
    flat: list[NDArray[Any] | None]
    errors: list[float]
    gradient: Parameters


def _first_pass(network: Network, data: Dataset, cost: Cost) -> _Sums:
    xp = namespace(network.layers[0].bias)
    steepest = [_steepest(activation, network.layers[0].bias) for activation in network.activations]
    sums: _Sums | None = None
    for forward, back, _ in backward_in_parts(network, data, cost):
        flat: list[NDArray[Any] | None] = []
        for activation, most, z, a in zip(
            network.activations, steepest, forward.zs, forward.activations[1:], strict=True
        ):
            if most is None:
                flat.append(None)
                continue
            slope = xp.abs(activation.pullback(z, a, xp.ones_like(z)))
            flat.append(to_numpy(xp.sum(xp.astype((slope < FLAT * most) | (slope == 0), z.dtype), axis=0)))
        here = _Sums(
            [to_numpy(xp.sum(a, axis=0)) for a in forward.activations],
            [to_numpy(xp.min(a, axis=0)) for a in forward.activations],
            [to_numpy(xp.max(a, axis=0)) for a in forward.activations],
            flat,
            [float(xp.sum(delta * delta)) for delta in back.deltas],
            back.gradient,
        )
        sums = here if sums is None else _added(sums, here)
    assert sums is not None  # a Dataset has at least one example
    return sums


def _added(a: _Sums, b: _Sums) -> _Sums:
    return _Sums(
        [x + y for x, y in zip(a.totals, b.totals, strict=True)],
        [np.minimum(x, y) for x, y in zip(a.smallest, b.smallest, strict=True)],
        [np.maximum(x, y) for x, y in zip(a.largest, b.largest, strict=True)],
        [None if x is None or y is None else x + y for x, y in zip(a.flat, b.flat, strict=True)],
        [x + y for x, y in zip(a.errors, b.errors, strict=True)],
        map_parameters(lambda x, y: x + y, a.gradient, b.gradient),
    )


def _second_pass(
    network: Network, data: Dataset, means: list[NDArray[Any]], edges: list[NDArray[Any]]
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Squared distances from the means, and histograms: both need the first pass, and no more memory than a chunk."""
    squares = [np.zeros_like(mean) for mean in means]
    counts = [np.zeros(BINS, np.int64) for _ in means]
    for _, x, _ in parts(network, data):
        for l, activations in enumerate(network.forward(x).activations):
            host = to_numpy(activations)
            squares[l] += ((host - means[l]) ** 2).sum(axis=0)
            counts[l] += np.histogram(host, edges[l])[0]
    return squares, counts


def _bounds(network: Network, l: int, low: float, high: float) -> tuple[float, float]:
    """The range of layer l's histogram: the activation's own where it has bounds, and never less than what was found."""
    kind = network.activations[l - 1].range if l else "unit" if low >= 0 and high <= 1 else "real"
    least = {"real": low, "signed": -1.0}.get(kind, 0.0)
    most = {"real": high, "nonnegative": high}.get(kind, 1.0)
    low, high = min(low, least), max(high, most)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _steepest(activation: Activation, like: Array) -> float | None:
    """The largest slope the activation has; None where a neuron has no slope of its own."""
    if activation.range == "simplex":
        return None
    xp = namespace(like)
    z = moved(np.linspace(-10, 10, 20_001)[:, None], like)
    return float(xp.max(xp.abs(activation.pullback(z, activation.value(z), xp.ones_like(z)))))


def _rms(array: Array) -> float:
    return math.sqrt(float(namespace(array).mean(array * array)))


def _neighbor_shares(network: Network, part: Dataset) -> list[float | None]:
    try:
        neighbors = importlib.import_module("sklearn.neighbors")
    except ImportError:
        return [None] * len(network.sizes)
    found: list[float | None] = []
    for host in _activations(network, part):
        near = neighbors.NearestNeighbors(n_neighbors=1, algorithm="brute").fit(host)
        index = near.kneighbors(return_distance=False)[:, 0]  # without a question of its own, itself is left out
        found.append(float((part.labels[index] == part.labels).mean()))
    return found


def _activations(network: Network, part: Dataset) -> list[NDArray[Any]]:
    """What each layer says about some examples, the input first, on the host."""
    forward = network.forward(moved(part.inputs, network.layers[0].bias))
    return [to_numpy(each) for each in forward.activations]


def _shown(value: float | None) -> str:
    return "–" if value is None else number(value, 3)


def _layer_name(layer: int) -> str:
    return f"layer {layer}" if layer else "input"


def _who(each: LayerStatistics, neurons: Sequence[int]) -> str:
    some = ", ".join(map(str, neurons[:8])) + (", …" if len(neurons) > 8 else "")
    return f"Layer {each.layer}: {len(neurons)} of {each.neurons} neurons ({some})"


def _advice(network: Network, found: list[LayerStatistics], cost: Cost) -> tuple[str, ...]:
    """What hinders learning, and what helps; only what was found."""
    advice = []
    for each, activation in zip(found[1:], network.activations, strict=True):
        dead = each.dead or ()
        rest = [neuron for neuron in each.saturated or () if neuron not in dead]
        if dead:
            kind = "dead relu" if activation.name == "relu" else "dead"
            advice.append(f"{_who(each, dead)} {_HELP[kind]}")
        if activation.name == "step":
            advice.append(f"Layer {each.layer}: {_HELP['step']}")
        elif rest:
            if activation.name == "relu":
                kind = "silent relu"
            elif each.layer < len(network.layers):
                kind = "saturated"
            elif cost.natural is not None and cost.natural.activation == activation:
                kind = "saturated output, natural cost"
            else:
                kind = "saturated output"
            advice.append(f"{_who(each, rest)} {_HELP[kind].format(cost=cost.name)}")
    ratio = _ratio(np.array([each.weight_gradient for each in found[1:]]))
    if ratio < FADED:
        advice.append(
            f"The gradient fades on its way back: a weight of layer 1 feels {number(ratio, 2)} times what a weight of the last "
            "layer feels. relu with the he initializer, or fewer layers, lets more of it through."
        )
    return tuple(advice)


_HELP = {
    "dead relu": "are dead: they say 0 to every example, so the gradient of their weights and biases is 0. A lower learning "
    "rate and the he initializer make this rarer; leaky_relu keeps a slope below 0.",
    "dead": "are dead: they say the same to every example, and are to the next layer one more bias. Smaller weights and biases "
    "at the start (glorot) keep neurons where their activation has a slope.",
    "step": "the slope of step is 0, so no gradient passes it: nothing in it and behind it learns.",
    "silent relu": f"say 0 to over {SATURATED:.0%} of the examples, and learn from the others only. A few such neurons are no "
    "harm; if there are many, lower the learning rate, or try leaky_relu.",
    "saturated": "are saturated: hardly any gradient passes their slope. Smaller weights at the start (glorot), inputs between "
    "0 and 1 and a lower learning rate help; relu has no flat part above 0.",
    "saturated output, natural cost": "are saturated. With {cost} this does not stop their learning, for its error is a − y; "
    "where the answers are right it is certainty.",
    "saturated output": "are saturated. Where the answers are right that is certainty; where they are wrong, {cost} hardly "
    "moves them, for its error has f'(z) as a factor. Cross-entropy with its own output activation has no such factor "
    "(binary_cross_entropy after sigmoid, cross_entropy after softmax); smaller weights at the start (glorot) help too.",
}
"""In words, what was found, and what helps."""


# ── The vanishing gradient ───────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class GradientSizes:
    """How large the gradient is in each layer of one network.

    Attributes:
        name: the network's.
        weight: for each layer from 1, √(mean of (∂C/∂w)²) over its weights.
        bias: the same over its biases.
        ratio: the first layer's ``weight`` over the last one's; NaN if that is 0.
    """

    name: str
    weight: Float[NDArray[np.floating], " layers"]
    bias: Float[NDArray[np.floating], " layers"]
    ratio: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Fading(OfCost):
    """Gradient sizes of several networks, side by side.

    Attributes:
        networks: one for each network, in the order given. Gradients are of the (weighted) mean cost over the examples.
        examples: how many were looked at.
    """

    networks: tuple[GradientSizes, ...]
    examples: int

    def blocks(self) -> Iterable[Block]:
        """The sizes as curves, as a table, and the ratios in words."""
        yield Heading("How large the gradient is, layer by layer")
        yield self.which_cost
        curves = []
        for each in self.networks:
            numbers = np.arange(1.0, len(each.weight) + 1)
            drawn = each.weight > 0  # a logarithm shows no 0
            if drawn.any():
                curves.append(Curve(each.name, numbers[drawn], each.weight[drawn]))
        if curves:
            yield Curves("layer", "RMS of ∂C/∂w", tuple(curves), log_y=True)
        deepest = max(len(each.weight) for each in self.networks)
        yield Table(
            ("layer", *(each.name for each in self.networks)),
            tuple(
                (
                    str(l + 1),
                    *(number(float(each.weight[l]), 3) if l < len(each.weight) else "–" for each in self.networks),
                )
                for l in range(deepest)
            ),
        )
        for each in self.networks:
            if math.isnan(each.ratio):
                yield Sentence(f"{each.name}: the last layer's gradient is 0, so there is no ratio.")
            else:
                yield Sentence(
                    f"{each.name}: a weight of the first layer feels {number(each.ratio, 2)} times what a weight of the last "
                    f"layer feels{', less than a thousandth: the gradient has vanished' if each.ratio < FADED else ''}."
                )
        yield Sentence(
            f"Root mean square of ∂C/∂w over a layer's weights, of the mean cost of {self.examples:,} examples. "
            "Each layer back multiplies the errors by weights and by f'(z); sigmoid's f'(z) is never above ¼. What a layer is "
            "given enters ∂C/∂w as well, so layers of different widths and inputs compare only roughly.",
            quiet=True,
        )


def gradient_sizes(networks: Mapping[str, Network], data: Dataset, cost: Cost | str | None = None) -> Fading:
    """The gradient's size in each layer of several networks: RMS = √(mean of (∂C/∂w)²) over the layer's weights.

    Args:
        networks: by name, such as ``{"sigmoid": …, "relu": …}``, deep networks of the same seed.
        data: the examples; weights enter the cost.
        cost: what the gradient is of, or its name; None: the cost of the networks' trainings, or else the usual one of their
            outputs. One for all: networks that have none in common are refused until one is named.

    Source: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (2010), who
    compare such sizes between layers.

    Errors: :class:`~glassnet.errors.WrongValue` for no networks, or if data, networks and cost do not fit.
    """
    if not networks:
        raise WrongValue("there is nothing to compare: give networks by name, such as {'sigmoid': …, 'relu': …}")
    cost, reason = common_cost(list(networks.items()), cost)
    found = []
    for name, network in networks.items():
        _, gradient = cost_and_gradient(precise(network), data, cost)
        weight, bias = (np.array(sizes) for sizes in zip(*map(_sizes, gradient), strict=True))
        found.append(GradientSizes(name, weight, bias, _ratio(weight)))
    return Fading(cost, reason, tuple(found), len(data))


def _sizes(layer: Layer) -> tuple[float, float]:
    return _rms(layer.weight), _rms(layer.bias)


def _ratio(sizes: NDArray[Any]) -> float:
    return float(sizes[0] / sizes[-1]) if sizes[-1] > 0 else math.nan


# ── Maps ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class LayerMap:
    """The examples by what one layer says about them, in a plane.

    Attributes:
        layer: its number; 0 is the input.
        points: where each example lies. Their unit means nothing for t-SNE and UMAP; for PCA it is that of the activations.
        explained: for PCA, the share of the activations' variance along each axis, 0 to 1 (0 if all examples are the
            same); None for the others.
    """

    layer: int
    points: Float[NDArray[np.floating], "n 2"]
    explained: tuple[float, float] | None


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Maps(Explanation):
    """The examples as each layer sees them.

    Attributes:
        method: ``pca``, ``tsne`` or ``umap``.
        seed: what t-SNE and UMAP drew their random numbers by.
        sizes: neurons in each layer, the input first.
        maps: one for each layer, the input first.
        labels: the number of each example's class; 0 for all if the data has no classes or is multi-label.
        classes: their names.
    """

    method: str
    seed: int
    sizes: tuple[int, ...]
    maps: tuple[LayerMap, ...]
    labels: Int[NDArray[np.integer], " n"]
    classes: tuple[str, ...]

    def blocks(self) -> Iterable[Block]:
        """One map a layer, and how it may be read."""
        yield Heading(f"{len(self.labels):,} examples as each layer sees them: {_NAMES[self.method]}")
        for each in self.maps:
            kind = f"{_NAMES[self.method]}, where distances between clusters mean little"
            if each.explained is not None:
                kind = f"PCA, a linear shadow that shows {sum(each.explained):.0%} of the variance"
            title = f"{_layer_name(each.layer)}, {self.sizes[each.layer]} numbers: {kind}"
            yield Map(title, each.points, self.labels, self.classes)
        yield Sentence(_READING[self.method], quiet=True)


_READING = {
    "pca": "PCA is a linear shadow: the layer's numbers seen along the two directions in which they vary most. What is far "
    "apart here is far apart in the layer; what overlaps here may still be apart in directions that are not shown. The share "
    "of the variance says how much is shown.",
    "tsne": "t-SNE puts near what is near in the layer, and bends the rest. Who is beside whom means something; the distances "
    "between clusters, their sizes and their places mean little, and another seed draws another map.",
    "umap": "UMAP puts near what is near in the layer, and bends the rest. Who is beside whom means something; the distances "
    "between clusters, their sizes and their places mean little, and another seed draws another map.",
}


def maps(network: Network, data: Dataset, method: str = "pca", seed: int = 0) -> Maps:
    """Maps of the examples, one for each layer: its activations, j numbers an example, drawn in a plane.

    Args:
        network: the network, of any array library; it is looked at in float64.
        data: the examples, 4 to 5,000 for ``pca`` and ``umap``, to 2,000 for ``tsne``. Weights do not enter.
        method: ``pca`` (principal components), ``tsne`` (perplexity min(30, (n − 1) / 3), started from PCA), both by
            scikit-learn; or ``umap``, by umap-learn.
        seed: for ``tsne`` and ``umap``; ``pca`` draws no random numbers.

    A layer of one neuron is drawn on a line, and one that says the same to all examples on a point.

    Sources: van der Maaten and Hinton, "Visualizing data using t-SNE" (2008); McInnes, Healy and Melville, "UMAP"
    (arXiv:1802.03426).

    Errors: :class:`~glassnet.errors.WrongValue` for an unknown method, too many or too few examples, data that does not
    fit the network, or if the library is not installed.
    """
    if method not in MAP_LIMITS:
        raise WrongValue(f"unknown method {method!r}: choose one of {', '.join(MAP_LIMITS)}")
    check_seed(seed)
    check_data(network, data)
    n, most = len(data), MAP_LIMITS[method]
    if n > most:
        raise WrongValue(
            f"a map by {_NAMES[method]} takes at most {most:,} examples, got {n:,}: take fewer, such as "
            "data.take(slice(0, 1000))"
        )
    if n < 4:
        raise WrongValue(f"a map needs at least 4 examples, got {n}")
    draw = _DRAWN_BY[method]
    network = precise(network)
    found = []
    for l, activations in enumerate(_activations(network, data)):
        if not np.ptp(activations, axis=0).any():
            nothing = (0.0, 0.0) if method == "pca" else None
            found.append(LayerMap(l, np.zeros((n, 2)), nothing))
            continue
        host = activations if activations.shape[1] > 1 else np.pad(activations, ((0, 0), (0, 1)))
        points, explained = draw(host, int(seed) % 2**32)  # the libraries' seeds have 32 bits
        found.append(LayerMap(l, np.asarray(points, np.float64), explained))
    labels = data.labels if data.labeled else np.zeros(n, np.int64)
    names = data.classes if data.labeled and data.classes else ("examples",)
    return Maps(method, seed, network.sizes, tuple(found), labels, names)


def _pca(numbers: NDArray[Any], _: int) -> tuple[NDArray[Any], tuple[float, float] | None]:
    pca = _library("sklearn.decomposition", "PCA", "scikit-learn", _INSTALL).PCA(2, svd_solver="covariance_eigh")
    points = pca.fit_transform(numbers)
    first, second = pca.explained_variance_ratio_
    return points, (float(first), float(second))


def _tsne(numbers: NDArray[Any], seed: int) -> tuple[NDArray[Any], tuple[float, float] | None]:
    tsne = _library("sklearn.manifold", "t-SNE", "scikit-learn", _INSTALL).TSNE
    perplexity = min(30.0, (len(numbers) - 1) / 3)
    return tsne(2, init="pca", perplexity=perplexity, random_state=seed).fit_transform(numbers), None


def _umap(numbers: NDArray[Any], seed: int) -> tuple[NDArray[Any], tuple[float, float] | None]:
    umap = _library("umap", "UMAP", "umap-learn", "pip install umap-learn").UMAP
    # With a seed it works on one core whatever it is told, and warns unless it is told so.
    return umap(n_neighbors=min(15, len(numbers) - 1), n_components=2, random_state=seed, n_jobs=1).fit_transform(
        numbers
    ), None


_DRAWN_BY = {"pca": _pca, "tsne": _tsne, "umap": _umap}


def _library(module: str, what: str, package: str, install: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise WrongValue(f"{what} comes from {package}, which is not installed: {install}") from error
