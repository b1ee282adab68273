"""What does the cost look like around the network: on a line or a plane through it, with the paths walked there?

The cost is a number for every choice of the 13,002 weights and biases: a surface over 13,002 dimensions, of which nobody
has seen more than a slice. This is a slice, and its heights are true: each point of the grid is the network with its
parameters moved there, C(α, β) = C(θ + α u + β v), its cost computed over all examples, nothing interpolated.

Slices mislead, most of all where a path is drawn on them: the path leaves the plane, and only its shadow is seen. So
for every path it is said how much of it the plane holds, how far its points are from the plane, and what they truly
cost beside the cost of the plane beneath them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from glassnet.arrays import Array, device_of, from_numpy, namespace, to_numpy
from glassnet.costs import Cost, cost_of
from glassnet.data import Dataset
from glassnet.errors import WrongValue
from glassnet.explain.blocks import Block, Cell, Curve, Curves, Heading, Sentence, Surface, Table, Track, number
from glassnet.explain.drawing import color_of
from glassnet.explain.examples import common_cost, cost_and_gradient, parts, precise, shares
from glassnet.explain.explanation import Explanation, OfCost
from glassnet.explain.parameters import flat, unflat
from glassnet.explain.walks import Walk, check_alike
from glassnet.network import Layer, Network, Parameters, map_parameters
from glassnet.settings import check_number, check_seed

__all__ = ["Kind", "Landscape", "Walk", "Walked", "landscape"]

Kind: TypeAlias = Literal["random", "gradient", "walk", "given"]
"""How the directions were chosen."""

_NAMED = ("random", "gradient", "walk")
_STREAM = 4
"""Which of the seed's random streams draws directions: not 0, for a network of that seed would be its own direction."""
_MOST = 401
"""The finest grid: 160,801 networks are evaluated for it."""
_CHUNK = 512
"""Examples evaluated together: what 16 neurons say about so many fits into a core's own cache, and leaves it rarely."""
_MARGIN = 0.1
"""Of a path's extent, what a grid made to fit it has around it on each side."""
_ALIKE = 1e-8
"""The sine of the angle below which two directions are taken for one."""


# ── Paths ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """A walked path, seen from the line or plane. k points, d directions (1 or 2).

    Attributes:
        name: the walk's.
        steps: its first clock, optimizer steps.
        examples: its second clock, examples looked at.
        coordinates: of the point of the line or plane that is nearest to each walked point, by least squares: a
            multiple of each direction.
        costs: the true cost of each walked point, wherever it is.
        beneath: the cost at those coordinates, on the line or plane: of the path's shadow.
        distance: of each walked point from the center.
        residual: its distance from the line or plane over that: 0 (in it) to 1 (at right angles to it); 0 for the
            center itself. Near the center it can be large though the distance is small.
        explained: for each direction by itself, the share of the points' variance about the center (the mean of their
            squared distances from it) that lies along it; NaN if all points are the center.
        total: the share that lies in the line or plane. For directions at right angles, the sum of ``explained``.
    """

    name: str
    steps: Int[NDArray[np.integer], " k"]
    examples: Int[NDArray[np.integer], " k"]
    coordinates: Float[NDArray[np.floating], "k d"]
    costs: Float[NDArray[np.floating], " k"]
    beneath: Float[NDArray[np.floating], " k"]
    distance: Float[NDArray[np.floating], " k"]
    residual: Float[NDArray[np.floating], " k"]
    explained: tuple[float, ...]
    total: float


# ── The answer ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Landscape(OfCost):
    """The true cost on a line or a plane through a network. Its numbers are on the host, in NumPy, but for ``directions``.

    Attributes:
        network: the one at the center, in float64.
        examples: how many examples each height, a cost, is the (weighted) mean over.
        kind: how the directions were chosen.
        normalized: whether they are filter-normalized.
        directions: one for a line, two for a plane, as parameters of the network's shape, in its library.
        lengths: how long each is: √ of the sum of the squares of all its numbers.
        xs: how many times the first direction, for each column of the grid; 0 is among them.
        ys: the same of the second, for each row; None for a line.
        costs: the heights: (ny, nx), ``costs[i, j]`` at (xs[j], ys[i]); for a line (nx,).
        center: the cost of the network itself.
        slopes: of the surface at the center along each direction, ∇C · direction, by backpropagation.
        steepest: ‖∇C‖, the slope along the steepest direction that is 1 long.
        walks: the paths, seen from here.
    """

    network: Network
    examples: int
    kind: Kind
    normalized: bool
    directions: tuple[Parameters, ...]
    lengths: tuple[float, ...]
    xs: Float[NDArray[np.floating], " nx"]
    ys: Float[NDArray[np.floating], " ny"] | None
    costs: Float[NDArray[np.floating], "... nx"]
    center: float
    slopes: tuple[float, ...]
    steepest: float
    walks: tuple[Walked, ...]

    @property
    def origin(self) -> tuple[int, ...]:
        """Where the center is in ``costs``: (row, column); of a line, (column,)."""
        axes = (self.xs,) if self.ys is None else (self.ys, self.xs)
        return tuple(int(np.flatnonzero(axis == 0.0)[0]) for axis in axes)

    @property
    def cosine(self) -> float:
        """The cosine of the angle between the two directions, 0 at right angles; 0 for a line."""
        if len(self.directions) < 2:
            return 0.0
        u, v = (to_numpy(flat(direction)) for direction in self.directions)
        return float(u @ v) / (self.lengths[0] * self.lengths[1])

    def to_data(self) -> dict[str, Any]:
        """Its fields as plain data for JSON, without the directions: the same call gives all their numbers again."""
        data = Explanation.to_data(self)
        del data["directions"]
        return data

    def clocks(self) -> tuple[Curves, Curves] | None:
        """The true cost of each walk by its two clocks: optimizer steps, and examples looked at; None without walks.

        Both clocks are logarithmic, since a step may look at ten examples or at all: so the start, at 0, is left out.
        """
        if not self.walks:
            return None
        by_steps: list[Curve] = []
        by_examples: list[Curve] = []
        for place, walk in enumerate(self.walks):
            begun, color = walk.steps > 0, color_of(None, place + 1)  # the color that its track has on the surface
            for curves, clock in ((by_steps, walk.steps), (by_examples, walk.examples)):
                curves.append(Curve(walk.name, clock[begun].astype(np.float64), walk.costs[begun], color))
        return (
            Curves("optimizer steps", "cost", tuple(by_steps), log_x=True),
            Curves("examples looked at", "cost", tuple(by_examples), log_x=True),
        )

    def blocks(self) -> Iterable[Block]:
        """The slice with the paths on it; what it holds of them; their two clocks; the facts; what it is not."""
        where = self._where
        yield Heading(f"The true cost on a {where} through the network")
        yield self.which_cost
        yield Sentence(
            f"At 0 stands the network: its cost (the mean over {_many(self.examples, 'example')}) is "
            f"{number(self.center)}. Everywhere else its {self.network.count:,} weights and biases are moved along "
            f"{'one direction' if self.ys is None else 'two directions'}, and the height is the cost there, computed, "
            "not guessed from the slope."
        )
        yield Sentence(self._how())
        yield self._picture()
        for walk in self.walks:
            yield Sentence(self._off(walk))
        clocks = self.clocks()
        if clocks is not None:
            yield Table(*self._shares())
            yield Heading("The true costs of the paths on two clocks")
            yield Sentence("One clock counts steps, the other the work they took: examples looked at.", quiet=True)
            yield from clocks
        yield Heading("In numbers")
        yield Table((), self._facts())
        dimensions = "1 dimension" if self.ys is None else "2 dimensions"
        yield Sentence(
            f"A slice is not the landscape: it shows {dimensions} of {self.network.count:,}. Another {where} through "
            "the same network can look different, and what is a wall or a valley here need not be one for a path that "
            "leaves it.",
            quiet=True,
        )

    @property
    def _where(self) -> str:
        return "line" if self.ys is None else "plane"

    @property
    def _axes(self) -> tuple[str, ...]:
        names = {
            "random": ("random direction 1", "random direction 2"),
            "gradient": ("−∇C", "a random direction across it"),
            "walk": ("principal direction 1", "principal direction 2"),
            "given": ("direction 1", "direction 2"),
        }
        return names[self.kind][: len(self.directions)]

    def _how(self) -> str:
        plane = self.ys is not None
        if self.kind == "random" and self.normalized:
            return (
                f"{'The directions are' if plane else 'The direction is'} random and filter-normalized (Li et al., "
                "2018): each neuron's row, its weights and its bias, is made as long as the network's own row, so 1 on "
                "an axis moves each neuron by its own length."
            )
        if self.kind == "random":
            return f"{'The directions are random, each' if plane else 'The direction is random,'} 1 long."
        if self.kind == "gradient":
            across = " y is random, at right angles to x, and 1 long." if plane else ""
            return (
                f"x leads along −∇C, the steepest way down at the center, made 1 long.{across} There is no filter "
                "normalization: it would turn x away from the gradient."
            )
        if self.kind == "walk":
            first = "The axes are the first two principal directions" if plane else "x is the first principal direction"
            return (
                f"{first} of all walked points around the center, 1 long. There is no filter normalization: it would "
                f"turn {'them' if plane else 'it'} away from the walked points."
            )
        return f"The {'directions are' if plane else 'direction is'} used as given."

    def _picture(self) -> Block:
        if self.ys is None:
            paths = tuple(Curve(walk.name, walk.coordinates[:, 0], walk.costs) for walk in self.walks)
            line = Curve("on the line", self.xs, self.costs)
            return Curves(f"along {self._axes[0]}", "cost", (line, *paths), marks=((0.0, self.center, "the network"),))
        tracks = tuple(Track(walk.name, walk.coordinates) for walk in self.walks)
        return Surface(f"along {self._axes[0]}", f"along {self._axes[1]}", self.xs, self.ys, self.costs, tracks)

    def _off(self, walk: Walked) -> str:
        if math.isnan(walk.total):
            return f"{walk.name}: all its points are the network at the center."
        where = self._where
        far = int(np.argmax(walk.residual))
        gap = np.abs(walk.costs - walk.beneath)
        most = int(np.argmax(gap))
        off, distance = _percent(float(walk.residual[far])), number(float(walk.distance[far]))
        true, beneath = number(float(walk.costs[most])), number(float(walk.beneath[most]))
        return (
            f"{walk.name}: the {where} holds {_percent(walk.total)} of the variance of its points about the center. Its "
            f"points lie off the {where} by up to {off} of their distance from the center (step "
            f"{int(walk.steps[far]):,}, {distance} from it). What is seen on the {where} is the path's shadow: the true "
            f"costs of its points differ from the {'surface' if where == 'plane' else 'line'} beneath them by up to "
            f"{number(float(gap[most]))} (step {int(walk.steps[most]):,}: truly {true}, beneath {beneath})."
        )

    def _shares(self) -> tuple[tuple[str, ...], tuple[tuple[Cell, ...], ...]]:
        along = tuple(f"variance along {axis}" for axis in "xy"[: len(self.directions)])
        rows = tuple(
            (
                walk.name,
                str(len(walk.steps)),
                *(_percent(share) for share in walk.explained),
                _percent(walk.total),
                _percent(float(walk.residual.max())),
                number(float(np.abs(walk.costs - walk.beneath).max())),
            )
            for walk in self.walks
        )
        return ("path", "points", *along, f"in the {self._where}", "most off it", "cost against beneath, most"), rows

    def _facts(self) -> tuple[tuple[Cell, ...], ...]:
        rows: list[tuple[Cell, ...]] = [("cost at the center", number(self.center))]
        for word, place in (("lowest", int(np.argmin(self.costs))), ("highest", int(np.argmax(self.costs)))):
            i, j = divmod(place, len(self.xs))
            at = number(float(self.xs[j])) if self.ys is None else f"({_pair(self.xs[j], self.ys[i])})"
            rows.append((f"{word} cost on the grid", f"{number(float(self.costs.reshape(-1)[place]))}, at {at}"))
        for axis, slope, length in zip("xy", self.slopes, self.lengths, strict=False):
            rows.append((f"slope along {axis} at the center, ∇C · direction", slope))
            rows.append((f"length of a step of 1 along {axis}", number(length)))
        rows.append(("steepest slope of any direction 1 long, ‖∇C‖", number(self.steepest)))
        if self.ys is not None:
            angle = math.degrees(math.acos(max(-1.0, min(1.0, self.cosine))))
            rows.append(("angle between the directions", f"{number(angle)}°"))
        for axis, values in (("x", self.xs), ("y", self.ys)):
            if values is not None:
                ends = f"{number(float(values[0]))} to {number(float(values[-1]))}"
                rows.append((f"grid along {axis}", f"{len(values)} points, {ends}"))
        return tuple(rows)


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{number(100 * share)} %"


def _pair(x: float, y: float) -> str:
    return f"{number(float(x))}, {number(float(y))}"


# ── The question ─────────────────────────────────────────────────────────────────────────────────────────────────────


def landscape(
    network: Network,
    data: Dataset,
    cost: Cost | str | None = None,
    *,
    directions: str | tuple[Parameters, ...] = "random",
    dimensions: int = 2,
    walks: Sequence[Walk] = (),
    span: float | None = None,
    resolution: int = 41,
    seed: int = 0,
    normalize: bool = True,
) -> Landscape:
    """The true cost on a line or a plane through the network, C(α, β) = C(θ + α u + β v), and the paths walked there.

    The first layer is linear in the direction, X (W + α U + β V)ᵀ = X Wᵀ + α X Uᵀ + β X Vᵀ, so the large products with
    the inputs are made three times in all, not once for each point of the grid.

    Args:
        network: the center.
        data: the examples that each cost is the mean over, weighted if they carry weights.
        cost: the height, or its name; None: the cost of the network's training, or else the usual one of its output. Walks
            whose networks were trained by another are refused until one is named for all.
        directions: ``"random"``: Gaussian. ``"gradient"``: first −∇C, 1 long, then a random one at right angles to it,
            1 long. ``"walk"``: the first principal directions of all walked points around the center, 1 long (points
            minus the center, not minus their mean, so that the plane through the network is the one that holds most);
            the walked point farthest along each has a positive coordinate. Or one or two directions of your own, each
            like a network's ``layers``, used as they are.
        dimensions: 2 for a plane, 1 for a line, of the named directions; your own count themselves.
        walks: paths to draw.
        span: the grid reaches from −span to span, in multiples of each direction. None: 1; for ``"walk"``, as far as the
            walked points and a tenth of their extent more on each side, with the center still on the grid.
        resolution: how many points the grid has along each axis: odd, 3 to 401.
        seed: of random directions; the same gives the same in every array library.
        normalize: filter-normalize ``"random"`` directions: scale each neuron's row, its weights and its bias, to the
            length of the network's own row, ‖u_j‖ = ‖θ_j‖. False: each direction is 1 long. Others are never
            filter-normalized: the gradient and the principal directions would be so no longer.

    Errors: :class:`~glassnet.errors.WrongValue` for settings outside these; if data, cost, walks or directions do not fit
    the network; if directions cannot be told apart or have no length (no gradient, no walked points off the center); if
    a cost is too large for a number.

    Source: Li, Xu, Taylor, Studer and Goldstein, "Visualizing the loss landscape of neural nets" (2018), for filter
    normalization and the principal directions of a path. That a bias counts as one more weight of its neuron is a
    choice made here.
    """
    _check_settings(directions, dimensions, span, resolution, seed)
    network = precise(network)
    walks = tuple(walks)
    for walk in walks:
        check_alike(f"the walk {walk.name!r}", walk.points[0], "the network at the center", network)
    # Of a walk the last network, since a training's cost may be changed midway.
    cost, reason = common_cost([("the network", network), *((walk.name, walk.points[-1]) for walk in walks)], cost)

    with np.errstate(over="ignore", invalid="ignore"):  # a cost too large for a number is refused below, in words
        center, gradient = cost_and_gradient(network, data, cost)
        slope = _host(gradient)
        if not math.isfinite(center) or not np.isfinite(slope).all():
            raise WrongValue("the cost of this network, or its gradient, is too large for a number: it has diverged")

        displaced = [np.stack([_host(point.layers) for point in walk.points]) - _host(network.layers) for walk in walks]
        for walk, moves in zip(walks, displaced, strict=True):
            if not np.isfinite(moves).all():
                raise WrongValue(
                    f"the walk {walk.name!r} has parameters that are NaN or infinity: leave those points out"
                )
        kind, vectors = _directions(network, slope, displaced, directions, dimensions, seed, normalize)
        lengths = np.sqrt(np.sum(vectors * vectors, axis=1))
        _check_apart(vectors, lengths)
        seen = [_coordinates(each, vectors, lengths) for each in displaced]

        reach = np.concatenate([np.zeros((1, len(vectors))), *seen])
        if kind == "walk" and span is None:
            axes = [_axis(*_extent(along), resolution) for along in reach.T]
        else:
            reached = 1.0 if span is None else float(span)
            axes = [_axis(-reached, reached, resolution)] * len(vectors)
        grid = np.stack([axis.reshape(-1) for axis in np.meshgrid(*axes)], axis=1)
        moved = tuple(unflat(from_numpy(vector, network.layers[0].bias), network) for vector in vectors)
        heights = _costs(network, moved, np.concatenate([grid, reach[1:]]), data, cost)
        truths = _costs_of_networks([_like(point, network) for walk in walks for point in walk.points], data, cost)
    bad = int(np.count_nonzero(~np.isfinite(heights)) + np.count_nonzero(~np.isfinite(truths)))
    if bad:
        raise WrongValue(
            f"at {bad:,} of {heights.size + truths.size:,} points the cost is too large for a number: choose a smaller "
            "span, or leave out walks that diverged"
        )

    first = len(grid)
    walked, start = [], 0
    for walk, points, coordinates in zip(walks, displaced, seen, strict=True):
        stop = start + len(points)
        beneath = heights[first + start : first + stop]
        walked.append(_walked(walk, points, vectors, lengths, coordinates, truths[start:stop], beneath))
        start = stop
    return Landscape(
        cost,
        reason,
        network,
        len(data),
        kind,
        kind == "random" and normalize,
        moved,
        tuple(float(length) for length in lengths),
        axes[0],
        axes[1] if len(axes) == 2 else None,
        heights[:first].reshape([len(axis) for axis in reversed(axes)]),
        center,
        tuple(float(slope @ vector) for vector in vectors),
        float(np.sqrt(slope @ slope)),
        tuple(walked),
    )


# ── What is asked ────────────────────────────────────────────────────────────────────────────────────────────────────


def _check_settings(directions: Any, dimensions: Any, span: Any, resolution: Any, seed: Any) -> None:
    names = ", ".join(f'"{name}"' for name in _NAMED)
    if isinstance(directions, str):
        if directions not in _NAMED:
            raise WrongValue(f"directions must be {names}, or one or two directions of your own, got {directions!r}")
    elif not isinstance(directions, tuple) or not 1 <= len(directions) <= 2 or isinstance(directions[0], Layer):
        raise WrongValue(
            f"directions must be {names}, or a tuple of one or two directions of your own, each like network.layers"
        )
    if isinstance(dimensions, bool) or dimensions not in (1, 2):
        raise WrongValue(f"dimensions must be 1, a line, or 2, a plane, got {dimensions!r}")
    if span is not None:
        check_number("span", span, above=0)
    whole = isinstance(resolution, int | np.integer) and not isinstance(resolution, bool)
    if not whole or not 3 <= resolution <= _MOST or resolution % 2 == 0:
        raise WrongValue(
            f"resolution must be an odd number from 3 to {_MOST}, so that the network at the center is on the grid, "
            f"got {resolution!r}"
        )
    check_seed(seed)


def _check_apart(vectors: NDArray[np.float64], lengths: NDArray[np.float64]) -> None:
    for place, length in enumerate(lengths, start=1):
        if not 0 < length < math.inf:
            raise WrongValue(
                f"direction {place} must have a length above 0 that is a number, but its length is {length:g}"
            )
    if len(vectors) == 2:
        u, v = vectors / lengths[:, None]
        if np.linalg.norm(v - (u @ v) * u) < _ALIKE:
            raise WrongValue(
                "the two directions lie on one line, so they make no plane: give one, or another second one"
            )


# ── Directions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _host(parameters: Parameters) -> NDArray[np.float64]:
    """All numbers in one long list, on the host: directions are made there, the same for every array library."""
    return to_numpy(flat(parameters)).astype(np.float64)


def _directions(
    network: Network,
    gradient: NDArray[np.float64],
    displaced: list[NDArray[np.float64]],
    asked: str | tuple[Parameters, ...],
    dimensions: int,
    seed: int,
    normalize: bool,
) -> tuple[Kind, NDArray[np.float64]]:
    """The directions, each a row of numbers."""
    if not isinstance(asked, str):
        return "given", np.stack([_given(place, each, network) for place, each in enumerate(asked, start=1)])
    rng = np.random.default_rng([seed, _STREAM])
    if asked == "random":
        drawn = rng.standard_normal((dimensions, network.count))
        return "random", np.stack([_filtered(each, network) if normalize else _unit(each) for each in drawn])
    if asked == "gradient":
        if not gradient.any():
            raise WrongValue('the gradient of this network is 0, so there is no direction "gradient": choose another')
        rows = [_unit(-gradient)]
        if dimensions == 2:
            drawn = rng.standard_normal(network.count)
            for _ in range(2):  # the second time removes what rounding left of the first
                drawn = _unit(drawn - (drawn @ rows[0]) * rows[0])
            rows.append(drawn)
        return "gradient", np.stack(rows)
    return "walk", _principal(displaced, dimensions)


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    most = np.abs(vector).max()  # a tiny gradient's square would be 0
    scaled: NDArray[np.float64] = vector / most
    return scaled / np.sqrt(scaled @ scaled)


def _given(place: int, direction: Any, network: Network) -> NDArray[np.float64]:
    shapes = [(layer.weight.shape, layer.bias.shape) for layer in network.layers]
    try:
        came = [(tuple(layer.weight.shape), tuple(layer.bias.shape)) for layer in direction]
    except (AttributeError, TypeError) as error:
        raise WrongValue(f"direction {place} must be a tuple of Layers like network.layers") from error
    if came != [(tuple(weight), tuple(bias)) for weight, bias in shapes]:
        sizes = "-".join(map(str, network.sizes))
        raise WrongValue(f"direction {place} must have the shapes of the network's own layers ({sizes}), got {came}")
    vector = _host(direction)
    if not np.isfinite(vector).all():
        raise WrongValue(f"direction {place} must be finite numbers, but it has NaN or infinity")
    return vector


def _filtered(vector: NDArray[np.float64], network: Network) -> NDArray[np.float64]:
    """The direction, each neuron's row of weights and bias as long as the network's own row."""
    rows = []
    for own, drawn in zip(network.layers, unflat(vector, network), strict=True):
        row = np.column_stack([drawn.weight, drawn.bias])
        mine = np.column_stack([to_numpy(own.weight), to_numpy(own.bias)])
        row = row * (np.linalg.norm(mine, axis=1) / np.linalg.norm(row, axis=1))[:, None]
        rows.append(Layer(row[:, :-1], row[:, -1]))
    return _host(tuple(rows))


def _principal(displaced: list[NDArray[np.float64]], dimensions: int) -> NDArray[np.float64]:
    """The first right singular vectors of all walked points minus the center.

    By the singular value decomposition on the host and not by the small Gram matrix of the points: that squares the
    singular values, and a second direction with 10⁻⁸ of the first one's would be lost.
    """
    if not displaced:
        raise WrongValue('directions "walk" are those of walked paths: give at least one with walks=')
    points = np.concatenate(displaced)
    u, s, vectors = np.linalg.svd(points, full_matrices=False)
    if len(s) < dimensions or not s[dimensions - 1] > 1e-12 * s[0]:
        needed = (
            "one walked point off the center" if dimensions == 1 else "two walked points not in line with the center"
        )
        line = "" if dimensions == 1 else ", or dimensions=1 for a line"
        raise WrongValue(f'directions "walk" need at least {needed}: give longer walks{line}, or other directions')
    farthest = np.argmax(np.abs(u[:, :dimensions]), axis=0)
    signs = np.sign(u[farthest, np.arange(dimensions)])
    principal: NDArray[np.float64] = vectors[:dimensions] * signs[:, None]
    return principal


def _coordinates(
    points: NDArray[np.float64], vectors: NDArray[np.float64], lengths: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of walked points minus the center, by least squares; directions of any lengths, at any angle."""
    along = np.linalg.lstsq((vectors / lengths[:, None]).T, points.T, rcond=None)[0].T
    return np.asarray(along / lengths, dtype=np.float64)


def _walked(
    walk: Walk,
    points: NDArray[np.float64],
    vectors: NDArray[np.float64],
    lengths: NDArray[np.float64],
    coordinates: NDArray[np.float64],
    costs: NDArray[np.float64],
    beneath: NDArray[np.float64],
) -> Walked:
    inside = coordinates @ vectors
    distance = np.linalg.norm(points, axis=1)
    off = np.linalg.norm(points - inside, axis=1)
    residual = np.where(distance > 0, off / np.where(distance > 0, distance, 1.0), 0.0)
    variance, held = float(np.sum(distance * distance)), float(np.sum(inside * inside))
    along = [float(np.sum((points @ unit) ** 2)) for unit in vectors / lengths[:, None]]
    return Walked(
        walk.name,
        np.asarray(walk.steps, dtype=np.int64),
        np.asarray(walk.examples, dtype=np.int64),
        coordinates,
        costs,
        beneath,
        distance,
        residual,
        tuple(each / variance if variance > 0 else math.nan for each in along),
        held / variance if variance > 0 else math.nan,
    )


# ── The grid ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _extent(along: NDArray[np.float64]) -> tuple[float, float]:
    """From below the lowest to above the highest; 0, the center, is among the numbers."""
    low, high = float(along.min()), float(along.max())
    margin = _MARGIN * (high - low)
    return low - margin, high + margin


def _axis(low: float, high: float, resolution: int) -> NDArray[np.float64]:
    """Evenly spaced numbers that reach from ``low`` < 0 or beyond to ``high`` > 0 or beyond, and have 0 among them."""
    cells = resolution - 1
    share = math.floor(cells * -low / (high - low))  # cells left of 0; rounded down or up, whichever fits closer
    choices = [min(max(left, 1), cells - 1) for left in (share, share + 1)]
    width, left = min((max(-low / left, high / (cells - left)), left) for left in choices)
    return np.asarray(width * (np.arange(resolution) - left), dtype=np.float64)


# ── Costs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _like(point: Network, network: Network) -> Network:
    bias = network.layers[0].bias
    return point.to(namespace(bias), dtype=bias.dtype, device=device_of(bias))


def _costs_of_networks(points: list[Network], data: Dataset, cost: Cost) -> NDArray[np.float64]:
    """The cost of each network by itself; the data are made ready once for all."""
    totals = np.zeros(len(points))
    if not points:
        return totals
    share = shares(points[0], data)
    for part, x, y in parts(points[0], data):
        for place, point in enumerate(points):
            forward = point.forward(x)
            costs = cost_of(cost, point.activations[-1], forward.zs[-1], forward.activations[-1], y)
            totals[place] += float(namespace(costs).sum(costs * share[part]))
    return totals


def _costs(
    network: Network,
    directions: tuple[Parameters, ...],
    places: Float[NDArray[np.float64], "p d"],
    data: Dataset,
    cost: Cost,
) -> Float[NDArray[np.float64], " p"]:
    """The cost at each place: of the network moved so many times along each direction.

    What the first layer says of the examples is made once for the network and once for each direction; the rest of the
    network, small where the input is large, is moved for each place.
    """
    totals = np.zeros(len(places))
    first, rest = network.layers[0], network.layers[1:]
    share = shares(network, data)
    xp = namespace(first.bias)
    for part, inputs, targets in parts(network, data):
        for start in range(0, inputs.shape[0], _CHUNK):
            rows = slice(start, min(start + _CHUNK, inputs.shape[0]))
            x, y, counts = inputs[rows, :], _by_columns(targets[rows, :]), share[part][rows]
            base = _sums(x, first)
            moves = [_sums(x, direction[0]) for direction in directions]
            for place, steps in enumerate(places.tolist()):
                z = base
                for step, move in zip(steps, moves, strict=True):
                    z = z + step * move
                a = network.activations[0].value(z)
                layers = map_parameters(_mover(steps), rest, *(direction[1:] for direction in directions))
                for layer, activation in zip(layers, network.activations[1:], strict=True):
                    z = _sums(a, layer)
                    a = activation.value(z)
                totals[place] += float(xp.sum(cost_of(cost, network.activations[-1], z, a, y) * counts))
    return totals


def _mover(steps: list[float]) -> Callable[..., Array]:
    def move(numbers: Array, *directions: Array) -> Array:
        for step, direction in zip(steps, directions, strict=True):
            numbers = numbers + step * direction
        return numbers

    return move


def _sums(a: Float[Array, "n in"], layer: Layer) -> Float[Array, "n out"]:
    """z = a Wᵀ + b, as :meth:`Network.forward` has it, laid out in memory neuron by neuron.

    So sums over a row's few outputs, in softmax and in costs, run along memory: a third less time for ten outputs.
    """
    return (layer.weight @ a.T + layer.bias[:, None]).T


def _by_columns(array: Float[Array, "n k"]) -> Float[Array, "n k"]:
    """The same numbers, laid out in memory column by column."""
    return namespace(array).stack([array[:, column] for column in range(array.shape[1])], axis=0).T
