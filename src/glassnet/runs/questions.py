"""Questions about a run: how it began, what was changed along it, the way it went, and what if its labels were false.

All of them are answered from the run's record by training it again (see :mod:`glassnet.runs.replay`), never from its last
settings alone: a run may have been gone on with at another rate, with another optimizer, minibatch or engine, and its network
may have been changed by hand. The command line, the studio and the bench ask here.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from glassnet.arrays import to_numpy
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.data import Dataset
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.explain.walks import Trail, Walk
from glassnet.initializers import as_initializer
from glassnet.network import Network
from glassnet.optimizers import SGD, as_schedule
from glassnet.runs.plans import Plan
from glassnet.runs.replay import Log, Past, Place, arithmetic_text, place_of, settled
from glassnet.runs.run import Run, led_to, since_cost
from glassnet.training import train

__all__ = [
    "Change", "Course", "History", "Way", "again", "best_of", "course", "first_of", "full_gradient", "history",
    "is_random", "past_of", "walked", "way",
]  # fmt: skip

_FULL_STEPS = 100
"""How many steps the path of the full gradient has: each looks at all examples."""
_GAPS = ((50, 1), (2000, 20), (math.inf, 500))
"""Steps between the networks kept of a path, as (up to this step, gap): dense at the start, where a path is fast."""


# ── How it began ─────────────────────────────────────────────────────────────────────────────────────────────────────


def first_of(run: Run, now: Checkpoint, events: Iterable[dict[str, Any]] | None = None) -> Checkpoint | None:
    """Where a run began: as it was noted, or, in a folder of an earlier version, drawn again from its seed; None if it began
    with a network that nobody knows.

    Args:
        run: the run.
        now: how it stands.
        events: what was recorded of it, if that was read already.

    Errors: :class:`~glassnet.errors.WrongFile` if its first checkpoint or its record is damaged.
    """
    noted = run.first()
    if noted is not None:
        return noted
    events = run.events() if events is None else events
    started = next((event for event in events if event["event"] == "started"), None)
    if (
        started is None
        or started["at"] != [0, 0]
        or run.about.get("from") is not None
        or not isinstance(run.about.get("initializer"), str)
    ):
        return None
    try:
        settings = Settings.from_data(started.get("settings"))
        network = Network.random(
            now.network.sizes,
            hidden=now.network.activations[:-1],
            output=now.network.activations[-1],
            initializer=as_initializer(run.about["initializer"]),
            seed=settings.seed,
            dtype=to_numpy(now.network.layers[0].bias).dtype,
        )
    except WrongValue:
        return None
    return Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)


def past_of(run: Run, plan: Plan, events: Iterable[dict[str, Any]] | None = None, *, keep: bool = False) -> Past:
    """The past of a run up to where its plan stands. Where nobody knows how it began, or what was changed, it begins now.

    Args:
        run: the run.
        plan: as :func:`glassnet.runs.plans.reopened` gives it.
        events: what was recorded of it, if that was read already.
        keep: whether moments may be kept in the run's folder, which only its writer may.
    """
    now = settled(plan.checkpoint, len(plan.splits.train))
    try:
        events = led_to(run.events() if events is None else events, plan.checkpoint)
        first, log = first_of(run, now, events) or now, Log.of(events)
    except WrongFile:
        first, log = now, Log()
    if place_of(first) > place_of(now):  # somebody put it there
        first, log = now, Log()
    folder = run.path / "moments" if keep else None
    past = Past(first, plan.splits.train, log, engine=run.about.get("engine"), arithmetic=run.arithmetic, folder=folder)
    past.cut(place_of(now))
    return past


# ── What was changed ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed at a place of a run.

    Attributes:
        at: the place: epochs that were complete, and examples of the next.
        values: the settings that became others, by the names of :class:`~glassnet.checkpoint.Settings` (of the optimizer:
            ``optimizer.learning_rate``, …), as they were from there on.
        edits: how many edits were made by hand.
        engine: the engine from there on; None where it stayed.
        arithmetic: the :data:`~glassnet.engine.ARITHMETIC` from there on; None where it stayed.
    """

    at: Place
    values: dict[str, Any]
    edits: int = 0
    engine: str | None = None
    arithmetic: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """What held when, along a run.

    Attributes:
        first: the settings that it began with; None where nobody knows.
        changes: what was changed, in order.
    """

    first: Settings | None
    changes: tuple[Change, ...]


def history(log: Log) -> History:
    """What was changed along a run, from its log. Of settings that were chosen at one place, the last are those that it went on
    with; the others changed nothing.
    """
    begin = min(log.settings, default=None)
    first = None if begin is None else log.settings[begin][-1]
    before = {} if first is None else _flat(first)
    engine: str | None = None
    arithmetic: int | None = None
    changes = []
    for place in sorted({*log.places(), *log.arithmetics}):
        values: dict[str, Any] = {}
        for settings in log.settings.get(place, ())[-1:]:
            now = _flat(settings)
            values = {key: now[key] for key in now if key not in before or now[key] != before[key]}
            values |= {key: None for key in before if key not in now}
            before = now
        new = log.engines.get(place, engine)
        other = new if engine is not None and new != engine else None
        engine = new
        number = log.arithmetics.get(place, arithmetic)
        by = number if arithmetic is not None and number != arithmetic else None
        arithmetic = number
        edits = len(log.edits.get(place, ()))
        if values or edits or other or by:
            changes.append(Change(place, values, edits, other, by))
    return History(first, tuple(changes))


def _flat(settings: Settings) -> dict[str, Any]:
    """Settings as names and plain values; those of the optimizer each by itself."""
    data = settings.to_data()
    optimizer = data.pop("optimizer")
    flat = {f"optimizer.{key}": value for key, value in optimizer.items() if key != "name"}
    return {**data, "optimizer": optimizer["name"], **flat}


# ── The way ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Way:
    """The way that a run went, as a path that :func:`glassnet.explain.landscape` draws.

    Attributes:
        walk: the path. Its last point is the run's network.
        distance: how far from the run's network training again came out: √ of the sum of the squares over all weights and
            biases. 0 to the byte where processor kind and arithmetic are those of the run; NaN where it did not come to the
            end.
        whole: whether the path begins where the run began. Otherwise it begins where it is first known.
        arithmetics: those by which the run was calculated otherwise than it is today (see
            :meth:`glassnet.runs.replay.Past.other_arithmetics`).
    """

    walk: Walk
    distance: float
    whole: bool
    arithmetics: tuple[int, ...] = ()

    @property
    def remark(self) -> str | None:
        """What must be said of the path, if anything."""
        said = []
        if not self.whole:
            said.append("Nobody noted how this run began: its path is shown from where it is known.")
        if math.isnan(self.distance):
            said.append(
                "Training it again ran away from what is on record, on this machine: the path is drawn as far as it went, and "
                "from there straight to the run's network."
                + (f" The run was {arithmetic_text(self.arithmetics)}." if self.arithmetics else "")
            )
        elif self.distance > 0:
            why = (
                f"it was {arithmetic_text(self.arithmetics)}"
                if self.arithmetics
                else "perhaps another kind of processor, another version of glassnet or another library trained it"
            )
            said.append(
                f"Training it again came out {self.distance:.3g} from the run's network; {why}. The last point of the path is "
                "the run's own."
            )
        return " ".join(said) or None


def walked(run: Run, plan: Plan, interrupt: threading.Event | None = None) -> Way:
    """The way that a run went, by training it again with all that was changed along it.

    Args:
        run: the run.
        plan: as :func:`glassnet.runs.plans.reopened` gives it.
        interrupt: when it is set, the path is cut short, which counts as not having come to the end.

    Errors: :class:`~glassnet.errors.WrongFile` if a file of the run is damaged.
    """
    events = run.events()
    whole = first_of(run, plan.checkpoint, events) is not None
    return way(past_of(run, plan, events), plan.checkpoint, len(plan.splits.train), whole, interrupt)


def way(past: Past, now: Checkpoint, n: int, whole: bool = True, interrupt: threading.Event | None = None) -> Way:
    """The way of a training with this past to how it stands now, on n examples; see :func:`walked`."""
    end = place_of(settled(now, n))
    begin = past.begin[0] * n + past.begin[1]
    trail = Trail(f"minibatches of {_sizes(past)}")
    distance = math.nan
    try:
        for moment, step in past.along(end, _gap, interrupt):
            trail.add(moment.network, step, moment.epoch * n + moment.example - begin)
            if place_of(moment) == end:
                distance = _distance(moment.network, now.network)
    except GlassnetError:  # it ran away, or cannot be trained here
        pass
    return Way(trail.ending(now.network), distance, whole, past.other_arithmetics(end))


def _gap(step: int) -> int:
    return next(gap for until, gap in _GAPS if step < until)


def _sizes(past: Past) -> str:
    """The minibatch sizes along a run, in words."""
    sizes = [each.batch_size for place in sorted(past.log.settings) for each in past.log.settings[place][-1:]]
    found = list(dict.fromkeys(sizes or [past.first.settings.batch_size]))
    return ", then ".join(f"{size:,}" for size in found[:4]) + (", …" if len(found) > 4 else "")


def _distance(one: Network, other: Network) -> float:
    """√ of the sum of the squared differences of all weights and biases; 0 only for the same bytes."""
    total, same = 0.0, True
    for a, b in zip(one.layers, other.layers, strict=True):
        for x, y in ((a.weight, b.weight), (a.bias, b.bias)):
            left, right = to_numpy(x), to_numpy(y)
            same = same and left.tobytes() == right.tobytes()
            total += float(np.square(left.astype(np.float64) - right.astype(np.float64)).sum())
    return 0.0 if same else max(math.sqrt(total), math.ulp(0.0))


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """The paths for a landscape, and what must be said of them.

    Attributes:
        walks: the run's own, and that of the full gradient from the same start.
        remarks: sentences.
    """

    walks: tuple[Walk, ...]
    remarks: tuple[str, ...]


def course(run: Run, plan: Plan) -> Course:
    """The way that a run went, and the path of the full gradient from the same start, at the rate that the run began with.

    Errors: as :func:`walked`.
    """
    way = walked(run, plan)
    past = past_of(run, plan)
    begin, now = past.at(past.begin, edits=False), plan.checkpoint.settings
    remarks = [] if way.remark is None else [way.remark]
    if len({settings.optimizer for each in past.log.settings.values() for settings in each}) > 1:
        remarks.append(
            "The settings were changed along the run; the full gradient goes at the rate that it began with."
        )
    if begin.settings.cost != now.cost:
        remarks.append(
            f"The run began with the cost {begin.settings.cost}; all costs here, and the full gradient, are of {now.cost}."
        )
        begin = replace(begin, settings=replace(begin.settings, cost=now.cost))
    return Course((way.walk, full_gradient(begin, plan.splits.train)), tuple(remarks))


def full_gradient(begin: Checkpoint, data: Dataset, steps: int = _FULL_STEPS) -> Walk:
    """The path of plain gradient descent on all examples from a checkpoint, at the highest rate of its schedule."""
    rate = as_schedule(begin.settings.optimizer.learning_rate).rate
    settings = replace(
        begin.settings, batch_size=len(data), epochs=steps, dropout=0.0, deform=None, optimizer=SGD(rate)
    )
    memory = settings.optimizer.init(begin.network.layers)
    start = Checkpoint(begin.network, memory, 0, 0, settings)
    trail = Trail("full gradient")
    for event in train(None, data, start=start, every=1, quiet=True):
        step = event.checkpoint.memory.step
        trail.add(event.checkpoint.network, step, step * len(data))
    return trail.path


def best_of(run: Run, plan: Plan) -> Checkpoint | None:
    """The state with the lowest validation cost by the cost of now, as the record says; None before the first such epoch.

    It is the run's own best, or, where a process was ended before that was saved, it is trained again.

    Errors: :class:`~glassnet.errors.WrongFile` if a file of the run is damaged.
    """
    cost = {"event": "started", "settings": plan.checkpoint.settings.to_data()}
    epochs = [event for event in since_cost([*run.events(), cost]) if event.get("validation_cost") is not None]
    if not epochs:
        return None
    wanted = (min(epochs, key=lambda event: event["validation_cost"])["epoch"], 0)
    best = run.best()
    if best is not None and place_of(settled(best, len(plan.splits.train))) == wanted:
        return best
    now = run.checkpoint()
    return now if place_of(now) == wanted else past_of(run, replace(plan, checkpoint=now)).at(wanted, edits=False)


# ── What if ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def again(run: Run, plan: Plan, data: Dataset) -> tuple[Network, str | None]:
    """The run again on other data of the same kind and size, such as the same images with shuffled labels: from the same
    start, with the same settings at the same places, to the same place. What a hand changed in its network is left out.

    Returns: the network, and what must be said of it, if anything.

    Errors: :class:`~glassnet.errors.WrongFile` if nobody knows how the run began; those of training.
    """
    events = run.events()
    first = first_of(run, plan.checkpoint, events)
    if first is None:
        raise WrongFile(f"nobody noted how the run in {run.path} began, so it cannot be trained again on other labels")
    end = place_of(settled(plan.checkpoint, len(data)))
    log = Log.of(led_to(events, plan.checkpoint)).settled(len(data)).until(end)
    edits = sum(map(len, log.edits.values()))
    other = Past(first, data, replace(log, edits={}), engine=run.about.get("engine"), arithmetic=run.arithmetic)
    network = other.at(end).network
    said = [f"{edits} edits by hand were left out."] if edits else []
    if not is_random(run, first):
        said.append("The run began with a network that had learned already, on the true labels.")
    return network, " ".join(said) or None


def is_random(run: Run, first: Checkpoint) -> bool:
    """Whether a run began with the network that its description makes at random."""
    try:
        drawn = Network.random(
            first.network.sizes,
            hidden=first.network.activations[:-1],
            output=first.network.activations[-1],
            initializer=str(run.about.get("initializer")),
            seed=first.settings.seed,
            dtype=to_numpy(first.network.layers[0].bias).dtype,
        )
    except WrongValue:
        return False
    return place_of(first) == (0, 0) and _distance(drawn, first.network) == 0
