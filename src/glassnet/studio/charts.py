"""Charts: what happened along a run, in a bounded number of points, however long it is.

Places along a run are counted in examples looked at since its beginning: unlike steps, they never jump when the size of
the minibatch is changed midway. Whoever draws them gets steps, of the minibatch size of the moment.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

__all__ = ["LIMIT", "Averages", "Charts", "Points", "Reading", "judgement_of", "number_of", "steps_at"]

LIMIT = 512
"""Points of a series, at most."""


def steps_at(places: NDArray[Any], examples: int, size: int) -> Float[NDArray[Any], " n"]:
    """Minibatches of ``size`` done at these places of a run with so many ``examples`` in an epoch."""
    places = places.astype(np.float64)
    epochs = places // examples
    return epochs * -(-examples // size) + np.ceil((places - epochs * examples) / size)


class Averages:
    """A series of many values, averaged in bins of equal width, which is doubled whenever there are too many."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._width = 1
        self._bins = np.zeros((4, 0))  # number of the bin; and the sums of weight, weight · place, weight · value

    def add(
        self,
        places: Float[NDArray[Any], " n"],
        values: Float[NDArray[Any], " n"],
        weights: Float[NDArray[Any], " n"],
    ) -> None:
        """Add values at places that do not come before those that are there."""
        new = np.stack([places // self._width, weights, weights * places, weights * values])
        self._bins = _folded(np.concatenate([self._bins, new], axis=1))
        while self._bins.shape[1] > self._limit:
            self._width *= 2
            self._bins[0] //= 2
            self._bins = _folded(self._bins)

    def cut(self, place: float) -> None:
        """Forget what came after a place, up to the width of a bin."""
        self._bins = self._bins[:, self._bins[2] <= place * self._bins[1]]

    def values(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The mean places and the mean values of the bins."""
        return self._bins[2] / self._bins[1], self._bins[3] / self._bins[1]


def _folded(bins: NDArray[Any]) -> NDArray[Any]:
    """Bins of the same number made one."""
    if not bins.shape[1]:
        return bins
    starts = np.flatnonzero(np.diff(bins[0], prepend=bins[0, 0] - 1))
    return np.concatenate([bins[:1, starts], np.add.reduceat(bins[1:], starts, axis=1)])


class Points:
    """A series of single points, thinned when there are too many so that those left are spread over the whole run."""

    def __init__(self, width: int, limit: int = LIMIT) -> None:
        self._limit = limit
        self._rows = np.zeros((0, 1 + width))

    def add(self, place: float, *values: float) -> None:
        """Add a point, in place of one that is there already."""
        rows = self._rows[self._rows[:, 0] != place]
        at = int(np.searchsorted(rows[:, 0], place))
        rows = np.insert(rows, at, [place, *values], axis=0)
        if len(rows) > self._limit:
            gaps = rows[2:, 0] - rows[:-2, 0]  # that would be left without each point between the first and the last
            rows = np.delete(rows, int(gaps.argmin()) + 1, axis=0)
        self._rows = rows

    def cut(self, place: float) -> None:
        """Forget what came after a place."""
        self._rows = self._rows[self._rows[:, 0] <= place]

    def values(self) -> NDArray[Any]:
        """The points in the columns: places in the first row, values in the others."""
        return self._rows.T


class Charts:
    """All series of a run. Its methods may be called from several threads.

    Attributes:
        version: a number that changes whenever a point does.
    """

    def __init__(self, examples: int) -> None:
        self._examples = examples
        self._lock = threading.Lock()
        self._costs = Averages()
        self._judged = Points(4)
        self._changes = Points(0)
        self.version = 0

    @classmethod
    def of(cls, events: Iterable[dict[str, Any]], examples: int) -> Charts:
        """The charts of a run from what was recorded of it (see :meth:`glassnet.runs.Run.events`)."""
        reading = Reading(examples)
        reading.take(sorted(events, key=lambda event: event["at"]))
        return reading.charts

    def learn(self, places: NDArray[Any], costs: NDArray[Any], sizes: NDArray[Any]) -> None:
        """Minibatches were done: where each ended, its cost, and its size."""
        with self._lock:
            self._costs.add(places, costs, sizes)
            self.version += 1

    def judge(
        self,
        place: int,
        train: tuple[float | None, float | None] | None,
        validation: tuple[float | None, float | None] | None,
    ) -> None:
        """The network was judged: its cost and accuracy on training and on validation data, None where there is none."""
        pairs = [*(train or (None, None)), *(validation or (None, None))]
        values = [np.nan if value is None else float(value) for value in pairs]
        if np.isnan(values).all():
            return
        with self._lock:
            same = self._judged.values()[:, self._judged.values()[0] == place]
            if same.size:  # the end of an epoch is judged twice: by the training, and after it
                values = [old if np.isnan(new) else new for new, old in zip(values, same[1:, 0].tolist(), strict=True)]
            self._judged.add(place, *values)
            self.version += 1

    def change(self, place: int) -> None:
        """The settings were changed."""
        with self._lock:
            self._changes.add(place)
            self.version += 1

    def cut(self, place: int) -> None:
        """The run went back to a place."""
        with self._lock:
            for series in (self._costs, self._judged, self._changes):
                series.cut(place)
            self.version += 1

    def until(self, place: int) -> Charts:
        """Charts of their own, of what happened up to a place."""
        other = Charts(self._examples)
        with self._lock:
            other._costs, other._judged = copy.deepcopy(self._costs), copy.deepcopy(self._judged)
            other._changes = copy.deepcopy(self._changes)
        other.cut(place)
        return other

    def arrays(self, size: int) -> tuple[int, dict[str, NDArray[Any]]]:
        """The version, and all series by the names they have in a frame, in steps of minibatches of ``size``."""
        with self._lock:
            version = self.version
            places, costs = self._costs.values()
            judged, changes = self._judged.values(), self._changes.values()
        names = ("train_cost", "train_accuracy", "validation_cost", "validation_accuracy")
        return version, {
            "cost_steps": steps_at(places, self._examples, size),
            "cost": costs,
            "judged_steps": steps_at(judged[0], self._examples, size),
            **dict(zip(names, judged[1:], strict=True)),
            "change_steps": steps_at(changes[0], self._examples, size),
        }


class Reading:
    """What is read of a record, bit by bit.

    Args:
        examples: how many there are in an epoch.

    Attributes:
        examples: as above.
        charts: what happened along the run.
        cost: the mean of the minibatches of the last event that has one; None before the first.
        seconds: of training, as the record says.
        finished: whether the last event says that the training is over.
    """

    def __init__(self, examples: int) -> None:
        self.examples = examples
        self.charts = Charts(examples)
        self.cost: float | None = None
        self.seconds = 0.0
        self.finished = False
        self._before = 0
        self._settings: Any = None

    def take(self, events: Iterable[dict[str, Any]]) -> None:
        """The next events, in the order of their places."""
        costs: list[tuple[float, float, float]] = []
        for event in events:
            place = event["at"][0] * self.examples + event["at"][1]
            self.finished = event["event"] == "finished"
            match event["event"]:
                case "started":
                    if self._settings is not None and event.get("settings") != self._settings:
                        self.charts.change(place)
                    self._settings = event.get("settings")
                case "stepped":
                    cost = number_of(event, "cost")
                    if cost is not None and place > self._before:
                        costs.append((place, cost, place - self._before))
                        self.cost = cost
                    self._before = max(self._before, place)
                case "epoch":
                    found = number_of(event, "validation_cost"), number_of(event, "validation_accuracy")
                    self.charts.judge(place, None, found)
                    self.seconds = number_of(event, "seconds") or self.seconds
                case "judged":
                    parts = (event.get("train"), event.get("validation"))
                    pairs = [(number_of(part, "cost"), number_of(part, "accuracy")) for part in parts]
                    self.charts.judge(place, *pairs)
                    self.seconds = number_of(event, "seconds") or self.seconds
        if costs:
            self.charts.learn(*np.array(costs, np.float64).T)


def number_of(recorded: Any, key: str) -> float | None:
    """A number as it was recorded; None for anything else, for files can be edited."""
    value = recorded.get(key) if isinstance(recorded, dict) else None
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < 1e300:
        return None
    return float(value)


def judgement_of(event: dict[str, Any]) -> dict[str, Any]:
    """A judgement as it was recorded: ``step`` and ``at``, and of ``train`` and ``validation`` cost, accuracy, examples."""
    judged: dict[str, Any] = {"step": event["step"], "at": event["at"]}
    for name in ("train", "validation"):
        part = event.get(name)
        cost, examples = number_of(part, "cost"), number_of(part, "examples")
        good = cost is not None and examples is not None
        judged[name] = (
            {"cost": cost, "accuracy": number_of(part, "accuracy"), "examples": int(examples or 0)} if good else None
        )
    return judged
