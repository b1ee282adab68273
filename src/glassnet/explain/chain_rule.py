"""Why does this weight go up? The chain rule, factor by factor, path by path.

Nudge a weight, and its neuron's weighted sum z moves; z moves the activation a; and a moves the cost, by every path that
leads from it to an output. So

    ∂C/∂w = ∂z/∂w · ∂a/∂z · ∂C/∂a ,    ∂C/∂a = the sum over all paths of the product of the factors on them

With one neuron in each layer there is a single path. In 784-16-16-10 a weight of the last layer has 1, of the second 10,
of the first 160: one for each way through the neurons in front of it. They are listed, sorted by size, and added up.

Where an activation is softmax, each of its neurons depends on every weighted sum of the layer. Its factor is then a
vector, ∂a/∂z for one z and all a, and meets another vector in front of it: the factor is their scalar product.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.activations import Activation
from glassnet.arrays import Array, namespace, to_numpy
from glassnet.backprop import backward
from glassnet.costs import Cost, cost_of
from glassnet.errors import WrongValue
from glassnet.explain.blocks import Bars, Block, Heading, Sentence, Table, number
from glassnet.explain.examples import as_example, common_cost, nudged, precise
from glassnet.explain.explanation import OfCost
from glassnet.explain.parameters import Parameter, flat, one
from glassnet.network import Forward, Network

__all__ = ["ChainRule", "Factor", "Link", "Path", "chain_rule"]

MOST_PATHS = 10_000
"""Up to so many, all paths are listed; of more, the strongest 100, and all are still added up."""
_STRONGEST = 100
_SUB = str.maketrans("0123456789,", "₀₁₂₃₄₅₆₇₈₉,")
_SUPER = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True, slots=True)
class Factor:
    """One link of a chain of derivatives.

    Attributes:
        symbol: such as ∂a⁽²⁾₇/∂z⁽²⁾₇.
        words: what it is.
        value: the number.
        vectors: after softmax, the two vectors whose scalar product it is; else none.
    """

    symbol: str
    words: str
    value: float
    vectors: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Path:
    """One way from the parameter's neuron to the cost.

    Attributes:
        neurons: the neuron it passes in each layer, from the parameter's own to the output.
        product: of all factors on it, the shared first two included: its part of ∂C/∂p.
    """

    neurons: tuple[int, ...]
    product: float


@dataclass(frozen=True, slots=True)
class Link:
    """One number on the strongest path, before and after the parameter is really nudged.

    Attributes:
        symbol: of the number: w, z, a, … C.
        before: as it is.
        after: with the nudge.
        predicted: the change that the chain rule predicts: nudge · d(number)/d(parameter).
    """

    symbol: str
    before: float
    after: float
    predicted: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ChainRule(OfCost):
    """Everything that ∂C/∂p is made of, for one parameter and one image.

    Attributes:
        parameter: which.
        value: what it is now.
        sizes: of the network.
        factors: ∂z/∂p, ∂a/∂z and ∂C/∂a of the parameter's own neuron; after softmax, the last two as one scalar product.
        derivative: their product.
        count: how many paths lead from the neuron to the cost.
        paths: the paths, the largest |product| first: all of them, or the strongest if there are very many.
        strongest: the factors along the first of these, from the parameter to the cost.
        total: the sum over all paths, listed or not.
        gradient: ∂C/∂p as :func:`~glassnet.backprop.backward` gives it to learning.
        rank: its place among all parameters by |∂C/∂p|, from 1; among equals, the first.
        forward_mode: ∂C/∂p once more, by following the nudge forwards through the network instead of the error backwards.
        nudge: how far the parameter was really nudged, for
        links: the numbers along the strongest path before and after it.
    """

    parameter: Parameter
    value: float
    sizes: tuple[int, ...]
    factors: tuple[Factor, ...]
    derivative: float
    count: int
    paths: tuple[Path, ...]
    strongest: tuple[Factor, ...]
    total: float
    gradient: float
    rank: int
    forward_mode: float
    nudge: float
    links: tuple[Link, ...]

    @property
    def difference(self) -> float:
        """The largest difference between the four ways to ∂C/∂p: factors, paths, backwards, forwards."""
        return max(abs(each - self.gradient) for each in (self.derivative, self.total, self.forward_mode))

    def blocks(self) -> Iterable[Block]:
        """The three factors; the paths; the strongest one; the nudge."""
        p = self.parameter
        name = _name(p)
        yield Heading(f"The chain rule for {p}")
        yield self.which_cost
        symbols = " · ".join(factor.symbol for factor in self.factors)
        numbers = " × ".join(f"({number(f.value)})" if f.value < 0 else number(f.value) for f in self.factors)
        yield Sentence(f"∂C/∂{name} = {symbols}")
        yield Sentence(f"= {numbers} = {number(self.derivative)}")
        yield _factors(self.factors)
        wish = "increase" if self.derivative < 0 else "decrease"
        if self.derivative == 0:
            yield Sentence(f"{p} is now {number(self.value)}; nudging it changes nothing, to first order.".capitalize())
        else:
            yield Sentence(
                f"It is now {number(self.value)}, and to cost less it should {wish}. Of all parameters it is number "
                f"{self.rank:,} by how much the cost of this image depends on it."
            )
        behind = (
            "its neuron is an output"
            if p.layer == len(self.sizes) - 1
            else f"a layer of {_through(self.sizes[p.layer + 1 :])} follows"
            if p.layer == len(self.sizes) - 2
            else f"layers of {_through(self.sizes[p.layer + 1 :])} follow"
        )
        paths = "1 path leads" if self.count == 1 else f"{self.count:,} paths lead"
        yield Heading(f"{paths} from neuron {p.neuron} of layer {p.layer} to the cost")
        yield Sentence(f"Counted: {behind}.", quiet=True)
        shown = self.paths[:10]
        sums = np.cumsum([path.product for path in self.paths]).tolist()
        yield Table(
            ("path", "product", "sum so far"),
            tuple((_way(p, path), path.product, number(sums[i])) for i, path in enumerate(shown)),
        )
        if self.count > len(shown):
            rest = self.total - sums[len(shown) - 1]
            yield Sentence(
                f"The other {self.count - len(shown):,} paths add {number(rest)}: {number(self.total)} in all."
            )
        if len(self.paths) > len(shown):
            most = self.paths[:30]
            yield Bars(tuple(_way(p, path) for path in most), tuple(path.product for path in most), signed=True)
        yield Heading("The strongest path, factor by factor")
        yield _factors(self.strongest)
        yield Heading(f"Nudge {name} by {number(self.nudge)}, and see the numbers on this path move")
        yield Table(
            ("number", "before", "after", "moved", "predicted"),
            tuple(
                (link.symbol, number(link.before, 6), number(link.after, 6), link.after - link.before, link.predicted)
                for link in self.links
            ),
        )
        yield Sentence(
            f"Backpropagation: {number(self.gradient, 10)}. Largest difference between factors, paths, backwards and "
            f"forwards: {number(self.difference)}.",
            quiet=True,
        )


def _factors(factors: tuple[Factor, ...]) -> Table:
    rows = []
    for factor in factors:
        words = factor.words
        if factor.vectors:
            words += "; " + " · ".join(_vector(each) for each in factor.vectors)
        rows.append((factor.symbol, factor.value, words))
    return Table(("factor", "is", "what it is"), tuple(rows))


def _vector(values: tuple[float, ...]) -> str:
    shown = ", ".join(number(value, 2) for value in values[:10])
    return f"({shown}{', …' if len(values) > 10 else ''})"


def _through(widths: tuple[int, ...]) -> str:
    return " and ".join(str(width) for width in widths) + " neurons"


def _way(parameter: Parameter, path: Path) -> str:
    """``7 → 3 → 0 → C``: the neurons it passes."""
    return " → ".join([*(str(neuron) for neuron in path.neurons), "C"])


def _symbol(letter: str, layer: int, *places: int) -> str:
    return f"{letter}⁽{str(layer).translate(_SUPER)}⁾{','.join(map(str, places)).translate(_SUB)}"


def _name(parameter: Parameter) -> str:
    if parameter.source is None:
        return _symbol("b", parameter.layer, parameter.neuron)
    return _symbol("w", parameter.layer, parameter.neuron, parameter.source)


# ── The numbers ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _elementwise(activation: Activation, like: Array) -> bool:
    """Whether each neuron depends on its own weighted sum alone."""
    xp = namespace(like)
    z = xp.asarray([[0.0, 0.5]], dtype=like.dtype)
    upstream = xp.asarray([[1.0, 0.0]], dtype=like.dtype)
    return float(activation.pullback(z, activation.value(z), upstream)[0, 1]) == 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Slopes:
    """∂a/∂z of one layer: a vector where neurons are alone, else a matrix ``[m, j]`` = ∂a[m]/∂z[j]."""

    values: NDArray[np.floating]

    @property
    def alone(self) -> bool:
        return self.values.ndim == 1

    def before(self, rows: NDArray[np.floating]) -> NDArray[np.floating]:
        """``rows`` · ∂a/∂z: from derivatives by a to derivatives by z."""
        return rows * self.values if self.alone else rows @ self.values

    def after(self, column: NDArray[np.floating]) -> NDArray[np.floating]:
        """∂a/∂z · ``column``: from changes of z to changes of a."""
        return self.values * column if self.alone else self.values @ column


def _slopes(activation: Activation, z: Array, a: Array) -> _Slopes:
    """∂a/∂z by the activation's own pullback, asked with ones, or with one output at a time."""
    xp = namespace(z)
    if _elementwise(activation, z):
        return _Slopes(to_numpy(activation.pullback(z, a, xp.ones_like(z)))[0])
    width = z.shape[1]
    every = xp.broadcast_to(z, (width, width)), xp.broadcast_to(a, (width, width))
    return _Slopes(to_numpy(activation.pullback(*every, xp.eye(width, dtype=z.dtype))))


def _listed(
    start: int, first: float, steps: list[NDArray[np.floating]], end: NDArray[np.floating], most: int
) -> tuple[Path, ...]:
    """The paths with the largest |product|, from neuron ``start`` to the cost, sorted.

    ``steps[t][i, j]`` = ∂z[i]/∂z[j] from one layer to the next, ``end[o]`` = ∂C/∂z[o], ``first`` = ∂z/∂p. The ``most``
    strongest paths to a neuron go on from the ``most`` strongest to one before it, because |product| only multiplies:
    so no more are ever kept, and none of the strongest is missed.
    """
    neurons = {start: (np.array([first]), np.array([[start]]))}
    for step in steps:
        reached = {}
        for i in range(step.shape[0]):
            products = np.concatenate([kept * step[i, j] for j, (kept, _) in neurons.items()])
            ways = np.concatenate([way for _, way in neurons.values()])
            order = np.argsort(-np.abs(products), kind="stable")[:most]
            here = np.column_stack([ways[order], np.full(len(order), i)])
            reached[i] = (products[order], here)
        neurons = reached
    products = np.concatenate([kept * end[o] for o, (kept, _) in neurons.items()])
    ways = np.concatenate([way for _, way in neurons.values()])
    order = np.argsort(-np.abs(products), kind="stable")[:most]
    return tuple(Path(tuple(ways[at].tolist()), float(products[at])) for at in order.tolist())


def chain_rule(
    network: Network,
    image: Any,
    target: Any,
    parameter: Parameter,
    cost: Cost | str | None = None,
    nudge: float = 0.01,
) -> ChainRule:
    """The chain rule for one parameter and one image: factors, paths, and the numbers that move when it is nudged.

    Args:
        network: any; ``Network.random((1, 1, 1, 1))`` for the chain of four neurons.
        image: as many numbers as it takes.
        target: the desired class, or the desired outputs.
        parameter: ``Parameter(2, 7, 3)`` is the weight from neuron 3 to neuron 7 of layer 2, ``Parameter(2, 7)`` its bias.
        cost: what it is the derivative of, or its name; None: the cost of the network's training, or else the usual one of
            its output (:func:`~glassnet.explain.examples.cost_for`).
        nudge: how far to move the parameter, to see the numbers on the strongest path move.

    Errors: :class:`~glassnet.errors.WrongValue` if there is no such parameter, or the rest does not fit the network.
    """
    network = precise(network)
    cost, reason = common_cost([("the network", network)], cost)
    x, y = as_example(network, image, target)
    parameter.check(network)
    if not math.isfinite(nudge) or nudge == 0:
        raise WrongValue(f"the nudge must be a number other than 0, got {nudge}")
    forward = network.forward(x)
    back = backward(network, forward, y, cost)
    l, j, k = parameter.layer, parameter.neuron, parameter.source
    last = len(network.layers)
    a = [to_numpy(each)[0] for each in forward.activations]
    weights = [to_numpy(layer.weight) for layer in network.layers]
    slopes = {
        layer: _slopes(network.activations[layer - 1], forward.zs[layer - 1], forward.activations[layer])
        for layer in range(l, last + 1)
    }
    outward = to_numpy(cost.slope(forward.activations[-1], y))[0]  # ∂C/∂a of the outputs
    end = slopes[last].before(outward)  # ∂C/∂z of the outputs
    steps = [slopes[layer].before(weights[layer]) for layer in range(l, last)]  # ∂z/∂z, layer to layer
    behind = 1.0 if k is None else float(a[l - 1][k])

    # ∂C/∂a of the layer's own neurons: from the next layer's errors, as BP2 has it, or from the cost itself.
    ahead = outward if l == last else to_numpy(back.deltas[l])[0] @ weights[l]
    factors = _own_factors(parameter, behind, slopes[l], ahead)

    count = math.prod(network.sizes[l + 1 :])
    paths = _listed(j, behind, steps, end, count if count <= MOST_PATHS else _STRONGEST)
    # Forwards: how each z moves when the parameter does. What reaches the cost is the sum over all paths.
    moves: list[NDArray[np.floating]] = [np.zeros(network.sizes[l])]
    moves[0][j] = behind
    for step in steps:
        moves.append(step @ moves[-1])
    # Backwards over the same steps: the sum over all paths, from the cost's side.
    error = end
    for step in reversed(steps):
        error = error @ step
    price = float(cost_of(cost, network.activations[-1], forward.zs[-1], forward.activations[-1], y)[0])
    after = nudged(network, one(network, parameter), nudge).forward(x)
    new_price = float(cost_of(cost, network.activations[-1], after.zs[-1], after.activations[-1], y)[0])
    value = parameter.of(network.layers)
    sizes = np.abs(to_numpy(flat(back.gradient)))
    links = [Link(_name(parameter), value, value + nudge, nudge)]
    links += _links(paths[0], l, forward, after, moves, slopes, nudge)
    links.append(Link("C", price, new_price, nudge * float(end @ moves[-1])))
    return ChainRule(
        cost,
        reason,
        parameter,
        value,
        network.sizes,
        factors,
        math.prod(factor.value for factor in factors),
        count,
        paths,
        _path_factors(parameter, behind, paths[0], slopes, weights, outward),
        behind * float(error[j]),
        parameter.of(back.gradient),
        1 + int((sizes > abs(parameter.of(back.gradient))).sum()),
        float(end @ moves[-1]),
        nudge,
        tuple(links),
    )


def _first_factor(parameter: Parameter, behind: float) -> Factor:
    l, j, k = parameter.layer, parameter.neuron, parameter.source
    symbol = f"∂{_symbol('z', l, j)}/∂{_name(parameter)}"
    if k is None:
        return Factor(symbol, "a bias adds to z as it is", 1.0)
    what = f"pixel {k}" if l == 1 else f"the activation {_symbol('a', l - 1, k)}"
    return Factor(symbol, f"{what} behind the weight", behind)


def _own_factors(
    parameter: Parameter, behind: float, slopes: _Slopes, ahead: NDArray[np.floating]
) -> tuple[Factor, ...]:
    """∂z/∂p, ∂a/∂z, ∂C/∂a of the parameter's own neuron."""
    l, j = parameter.layer, parameter.neuron
    return (_first_factor(parameter, behind), *_to_cost(l, j, slopes, ahead, "how the cost depends on this neuron"))


def _to_cost(l: int, j: int, slopes: _Slopes, ahead: NDArray[np.floating], words: str) -> tuple[Factor, ...]:
    """From z[j] of layer l to the cost, given ∂C/∂a of that layer."""
    if slopes.alone:
        return (
            Factor(
                f"∂{_symbol('a', l, j)}/∂{_symbol('z', l, j)}",
                "the slope of the activation at z",
                float(slopes.values[j]),
            ),
            Factor(f"∂C/∂{_symbol('a', l, j)}", words, float(ahead[j])),
        )
    column = slopes.values[:, j]
    symbol = f"∂a⁽{str(l).translate(_SUPER)}⁾/∂{_symbol('z', l, j)} · ∂C/∂a⁽{str(l).translate(_SUPER)}⁾"
    vectors = (tuple(column.tolist()), tuple(ahead.tolist()))
    return (Factor(symbol, "softmax: z moves every neuron of the layer", float(column @ ahead), vectors),)


def _path_factors(
    parameter: Parameter,
    behind: float,
    path: Path,
    slopes: dict[int, _Slopes],
    weights: list[NDArray[np.floating]],
    outward: NDArray[np.floating],
) -> tuple[Factor, ...]:
    """Every factor along a path, from the parameter to the cost."""
    factors = [_first_factor(parameter, behind)]
    l = parameter.layer
    for layer, (j, i) in enumerate(zip(path.neurons, path.neurons[1:], strict=False), start=l):
        row = weights[layer][i]
        if slopes[layer].alone:
            slope = float(slopes[layer].values[j])
            name = f"∂{_symbol('a', layer, j)}/∂{_symbol('z', layer, j)}"
            factors.append(Factor(name, "the slope of the activation at z", slope))
            name = f"∂{_symbol('z', layer + 1, i)}/∂{_symbol('a', layer, j)}"
            factors.append(Factor(name, f"the weight {_symbol('w', layer + 1, i, j)}", float(row[j])))
        else:
            column = slopes[layer].values[:, j]
            name = f"∂{_symbol('z', layer + 1, i)}/∂{_symbol('z', layer, j)}"
            vectors = (tuple(row.tolist()), tuple(column.tolist()))
            words = "softmax: by way of every neuron of the layer; its weights"
            factors.append(Factor(name, words, float(row @ column), vectors))
    last = l + len(path.neurons) - 1
    return (*factors, *_to_cost(last, path.neurons[-1], slopes[last], outward, "how the cost depends on this output"))


def _links(
    path: Path,
    first: int,
    before: Forward,
    after: Forward,
    moves: list[NDArray[np.floating]],
    slopes: dict[int, _Slopes],
    nudge: float,
) -> list[Link]:
    """z and a of each neuron on the path, before and after."""
    links = []
    for l, (j, move) in enumerate(zip(path.neurons, moves, strict=True), start=first):
        for letter, old, new, moved in (
            ("z", before.zs[l - 1], after.zs[l - 1], move),
            ("a", before.activations[l], after.activations[l], slopes[l].after(move)),
        ):
            links.append(Link(_symbol(letter, l, j), float(old[0, j]), float(new[0, j]), nudge * float(moved[j])))
    return links
