"""Paths that a training walked, as networks along them.

:func:`glassnet.explain.landscape` draws them, :class:`glassnet.watch.walk` keeps one while a network learns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from glassnet.errors import WrongValue
from glassnet.network import Network

__all__ = ["Trail", "Walk", "check_alike"]


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """A path that a training walked: networks along it, and two clocks.

    Attributes:
        name: what to call it, ``"minibatches of 10"``.
        points: the network at each moment, all of the same sizes and activations; of any library and precision.
        steps: how many optimizer steps were done by then.
        examples: how many examples were looked at by then. A step on all data looks at all of them.

    Errors: :class:`~glassnet.errors.WrongValue` if there are no points, their networks differ in kind, a clock has not
    one time for each, or a clock does not go forwards.
    """

    name: str
    points: Sequence[Network]
    steps: Sequence[int]
    examples: Sequence[int]

    def __post_init__(self) -> None:
        for field in ("points", "steps", "examples"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        if not self.points:
            raise WrongValue(f"the walk {self.name!r} has no points: give it at least one network")
        for place, point in enumerate(self.points):
            check_alike(f"point {place} of the walk {self.name!r}", point, "the walk's first point", self.points[0])
        for what, clock in (("steps", self.steps), ("examples", self.examples)):
            if len(clock) != len(self.points):
                raise WrongValue(
                    f"the walk {self.name!r} has {len(self.points)} points, so it needs as many numbers of {what}, "
                    f"got {len(clock)}"
                )
            whole = all(isinstance(time, int | np.integer) and not isinstance(time, bool) for time in clock)
            if not whole or clock[0] < 0 or any(b <= a for a, b in pairwise(clock)):
                raise WrongValue(
                    f"the {what} of the walk {self.name!r} must be whole numbers from 0 that grow from point to point"
                )


class Trail:
    """Networks kept along a way, until there are too many.

    A path is long at first and slow in the end: some points are kept at equal steps, and some at steps that grow by a
    fifth each, which are dense at the start.

    Args:
        name: what to call the path.
        points: about how many networks to keep at equal steps, from 2: once there are twice as many, every other is let go.
    """

    def __init__(self, name: str, points: int = 50) -> None:
        if isinstance(points, bool) or not isinstance(points, int) or points < 2:
            raise WrongValue(f"a walk keeps a whole number of points from 2, got {points!r}")
        self.name = name
        self.points = points
        self._even: list[tuple[Network, int, int]] = []
        self._early: list[tuple[Network, int, int]] = []
        self._latest: tuple[Network, int, int] | None = None
        self._gap = 1  # steps between even points, doubled whenever they become too many

    def add(self, network: Network, step: int, examples: int) -> None:
        """The network after so many steps and examples; one that comes to the same step again takes the other's place.

        Errors: :class:`~glassnet.errors.WrongValue` for a step before the last.
        """
        if self._latest is not None and step < self._latest[1]:
            raise WrongValue(f"a walk goes forwards: step {step} came after step {self._latest[1]}")
        point = network, step, examples
        if self._latest is not None and step == self._latest[1]:
            for kept in (self._early, self._even):
                if kept and kept[-1][1] == step:
                    kept[-1] = point
        self._latest = point
        if not self._early or step >= max(1.2 * self._early[-1][1], self._early[-1][1] + 1):
            self._early.append(point)
        if not self._even or step >= self._even[-1][1] + self._gap:
            self._even.append(point)
            while len(self._even) >= 2 * self.points:
                self._gap *= 2
                del self._even[1::2]

    @property
    def path(self) -> Walk:
        """The path so far, its first and its last point among those kept.

        Errors: :class:`~glassnet.errors.WrongValue` before the first point.
        """
        if self._latest is None:
            raise WrongValue("nothing was walked yet: no event has come")
        kept = {point[1]: point for point in (*self._even, *self._early, self._latest)}
        networks, steps, examples = zip(*(kept[step] for step in sorted(kept)), strict=True)
        return Walk(self.name, networks, steps, examples)

    def ending(self, network: Network) -> Walk:
        """The path so far, with this network as its last point.

        Errors: as :attr:`path`.
        """
        path = self.path
        return replace(path, points=(*path.points[:-1], network))


def check_alike(what: str, given: Network, other: str, network: Network) -> None:
    """Refuse a network of other sizes or activations than another; ``what`` and ``other`` name the two.

    Errors: :class:`~glassnet.errors.WrongValue`.
    """
    if given.sizes != network.sizes or given.activations != network.activations:
        ours, theirs = (
            f"{'-'.join(map(str, each.sizes))}, {', '.join(map(str, each.activations))}" for each in (given, network)
        )
        raise WrongValue(f"{what} ({ours}) must have the sizes and activations of {other} ({theirs})")
