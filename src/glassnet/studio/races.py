"""Races: two to four settings learn side by side, from one seed and on the same minibatches.

The lanes of a race are trainings like any other: each ends with the bytes that
:func:`glassnet.training.train` alone would end with. They run in lockstep, in one thread: every lane has done the same
minibatches, of the same images, before any of them is given the next, so what is compared is what a step brings. What
a step costs is told too, as each lane's own seconds.

A second thread judges the lanes on the validation data now and then, and measures how large the gradient is in each of
their layers: where it vanishes, nothing is learned.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from glassnet.arrays import to_numpy
from glassnet.backprop import backward
from glassnet.checkpoint import Checkpoint
from glassnet.costs import Cost
from glassnet.data import Dataset, chosen
from glassnet.engine import Engine
from glassnet.errors import GlassnetError, WrongValue
from glassnet.evaluation import Evaluation, evaluate
from glassnet.events import EpochEnded, Event, Finished, Started, Stepped
from glassnet.network import Network
from glassnet.runs import event_data
from glassnet.runs.plans import Plan, answer_of
from glassnet.studio.charts import Charts
from glassnet.studio.description import plain_settings
from glassnet.studio.preparation import prepared
from glassnet.studio.trainer import Notice, Weights, check
from glassnet.studio.workers import Refused, Worker, failure
from glassnet.training import Diverged, train

if TYPE_CHECKING:
    from glassnet.studio.session import Session

__all__ = ["DRAWN", "LANES", "MAX_COUNT", "PROBE", "Races", "gradient_sizes"]

LANES = range(2, 5)
"""How many lanes a race may have."""
MAX_COUNT = 2_000_000
"""Weights and biases of all lanes together, at most."""
DRAWN = 200_000
"""Weights and biases of a lane whose weights are sent to be drawn, at most."""
PROBE = 100
"""Training images over which the gradient is measured: always the first."""

_JUDGED = 10_000
"""Images that a lane is judged by, at most."""
_JUDGE = 0.5
"""Seconds between two judgements, at least."""
_MEASURE = 0.2
"""Seconds between two measurements of the gradients, at least; and between two sendings of weights while lanes learn."""
_REST = 5
"""And so many times as long as one takes: large networks are looked at less often."""
_FILM = 25
"""Rounds a second: as often as a screen shows a film. Faster speeds do several minibatches in each."""
_ROUND = 0.04
"""Seconds that a round takes at full speed, more or less: so soon is a command followed."""
_LONGEST = 4096
"""Minibatches of a round, at most."""
_SHARED = ("seed", "batch_size", "epochs")
"""What all lanes have in common: with the data, it says which images each minibatch has."""
_SHARED_WORDS = {"seed": "seed", "batch_size": "minibatch size", "epochs": "number of epochs"}

_Mode = Literal["paused", "playing", "stepping", "finished"]


@dataclass(frozen=True, slots=True, eq=False)
class _Standing:
    """Where a lane stands between two rounds."""

    checkpoint: Checkpoint
    weights: Weights
    cost: float | None = None
    seconds: float = 0.0
    over: Literal["finished", "diverged"] | None = None
    notice: tuple[str, str] | None = None

    @property
    def step(self) -> int:
        """Minibatches done."""
        return self.checkpoint.memory.step


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """What the judge saw of a lane last."""

    gradients: tuple[float | None, ...] | None = None
    measured: int | None = None
    cost: float | None = None
    accuracy: float | None = None
    judged: int | None = None


@dataclass(slots=True, eq=False)
class _Turn:
    """Something that the judge does for every lane now and then."""

    least: float  # seconds between two times, while the lanes learn
    work: Callable[[_Lane, _Standing], None]
    last: list[int]  # the weights of each lane that it was done for
    rested: float = -math.inf  # when it may be done again


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """A race between two rounds, in which all lanes have done as many minibatches."""

    mode: _Mode
    speed: float | None
    lanes: tuple[_Standing, ...]


class Races:
    """The race of a session; there is one at a time, and none after a restart. Every method may be called in any thread.

    Attributes:
        serial: differs whenever there is something new to be seen.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._changing = threading.Lock()  # one at a time begins, ends or takes
        self._race: _Race | None = None
        self._closed = False
        self._number = 0
        self._serials = itertools.count(1)
        self.serial = 0

    def do(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Follow the command ``race``: the fields of its reply.

        Errors: :class:`~glassnet.errors.WrongValue` for lanes that cannot race, with the lane's name;
        :class:`~glassnet.studio.trainer.Refused` for what cannot be done now.
        """
        what = fields["what"]
        self._session.untell("thread")  # whoever goes on has seen what failed
        if what == "begin":
            return self._begin(fields)
        if what == "end":
            self._end()
            return {}
        race = self._race
        if race is None:
            raise Refused("there is no race: begin one", "no_race")
        match what:
            case "play":
                race.ask(race.play)
            case "pause":
                race.ask(race.pause)
            case "minibatch":
                race.wait()  # in the thread of who asks: that of the race is there for others
                race.ask(race.minibatch)
            case "epoch":
                race.ask(race.epoch)
            case "speed":
                race.ask(partial(race.set_speed, fields.get("value")))
            case "take":
                return self._take(race, fields.get("lane", 0))
        return {}

    def frame(self, sent: dict[str, Any], look: NDArray[Any]) -> tuple[dict[str, Any] | None, dict[str, NDArray[Any]]]:
        """What a tab's frame has of the race: its header's ``race``, and arrays. ``sent`` is this tab's own memory of what it
        was sent before.
        """
        race = self._race
        return (None, {}) if race is None else race.frame(sent, look)

    def close(self) -> None:
        """Stop. May be called again."""
        self._closed = True
        self._end()

    def _begin(self, fields: dict[str, Any]) -> dict[str, Any]:
        with self._changing:
            lanes = self._lanes(fields)
            if self._closed:
                raise Refused("the studio is closed", "closed")
            self._session.pause()
            # A tab keeps what it was sent of a race by its number: that of another server's race must be another.
            self._number = max(self._number + 1, int(time.time()))
            before, speed = self._race, fields.get("value", 100.0)
            engines = [self._session.engine(lane.plan) for lane in lanes]
            self._race = _Race(self._number, lanes, engines, speed, self._changed, self._failed)
            if before is not None:
                before.close()
            self._changed()
            return {"race": self._number}

    def _lanes(self, fields: dict[str, Any]) -> list[_Lane]:
        """The lanes, checked before anything begins."""
        asked = fields.get("lanes") or []
        if len(asked) not in LANES:
            raise WrongValue(f"a race has {LANES.start} to {LANES.stop - 1} lanes, got {len(asked)}")
        shared = {key: fields[key] for key in _SHARED if key in fields}
        lanes: list[_Lane] = []
        count = 0
        for number, lane in enumerate(asked, start=1):
            own = {key: value for key, value in lane.items() if key != "name" and value is not None}
            name = str(lane.get("name", "")).strip() or str(number)
            if any(name == other.name for other in lanes):
                raise WrongValue(f"two lanes are called “{name}”: give each a name of its own")
            for key in _SHARED:
                if key in own and own[key] != shared.setdefault(key, own[key]):
                    raise WrongValue(
                        f"lane “{name}” has a {_SHARED_WORDS[key]} of its own, {own[key]:,}: all lanes of a race have the "
                        f"same, {shared[key]:,}"
                    )
            try:
                plan = self._session.planned({**own, **shared})
                if lanes:
                    plan = _on_the_same(plan, lanes[0].plan)
                check(plan)
            except GlassnetError as error:
                raise WrongValue(f"lane “{name}”: {error}") from error
            settings = plan.checkpoint.settings
            shared |= {key: getattr(settings, key) for key in _SHARED}
            count += plan.checkpoint.network.count
            if count > MAX_COUNT:
                raise WrongValue(
                    f"lane “{name}”: the networks of a race have up to {MAX_COUNT:,} weights and biases together, these "
                    f"have {count:,} so far"
                )
            lanes.append(_Lane(name, plan))
        return lanes

    def _end(self) -> None:
        with self._changing:
            race, self._race = self._race, None
            if race is not None:
                race.close()
                self._changed()

    def _take(self, race: _Race, number: int) -> dict[str, Any]:
        """Make a lane a run of the studio, which goes on from where it stands; the race stays, paused."""
        with self._changing:
            if number >= len(race.lanes):
                raise WrongValue(f"there is no lane {number}: this race has {len(race.lanes)}, from 0")
            race.ask(race.pause)
            return {"run": self._session.begin(race.plan_of(number))}

    def _failed(self, text: str) -> None:
        self._session.tell(Notice("thread", text))

    def _changed(self) -> None:
        self.serial = next(self._serials)
        self._session.changed()


def _on_the_same(plan: Plan, first: Plan) -> Plan:
    """The plan, on the very data of the first, which is then in memory once.

    Errors: :class:`~glassnet.errors.WrongValue` if its data is other.
    """
    mine, others = plan.about["data"], first.about["data"]
    if any(mine.get(key) != others.get(key) for key in ("sources", "validation", "seed", "fingerprint")):
        raise WrongValue("it is trained on other data: all lanes of a race learn from the same")
    return replace(plan, splits=first.splits)


class _Lane:
    """One of the networks of a race. Written by the race's thread alone, but for what says otherwise."""

    def __init__(self, name: str, plan: Plan) -> None:
        self.name = name
        self.plan = plan
        self.charts = Charts(len(plan.splits.train))
        self.seen = _Seen()
        self._seeing = threading.Lock()  # guards the replacing of what was seen
        self.past: list[dict[str, Any]] = []  # what happened along the way, but the minibatches: one for each epoch
        self.standing = _Standing(plan.checkpoint, Weights(0, plan.checkpoint.network))
        self._best, self._best_cost = plan.checkpoint, math.inf
        self._events: Iterator[Event] | None = None
        self._every = 0
        self._begun = 0.0  # seconds of training before these events

    def open(self, every: int, engine: Engine) -> None:
        """Have a training that goes on from here with so many minibatches between two events."""
        if not self.standing.over and (self._events is None or self._every != every):
            self._guarded(partial(self._open, every, engine))

    def advance(self) -> None:
        """One event, and those that follow from it without another minibatch."""
        if not self.standing.over:
            self._guarded(self._advance)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do something. A lane that fails is over; the others are not."""
        try:
            work()
        except Diverged as error:
            here = [self._best.epoch, self._best.example]
            self.past = [event for event in self.past if event["at"] <= here]
            # Training knows of the best since it was opened last; here it is the best of all.
            told = Diverged(error.step, error.epoch, error.cost, self._best, error.inputs)
            self._stop("diverged", str(told), self._best)
        except Exception as error:
            logging.getLogger("glassnet").exception("a lane of the race stopped")
            text = failure("training stopped", error, "This lane is over.")
            self._stop("stopped", text, self.standing.checkpoint)

    def back(self, standing: _Standing) -> None:
        """Stand again where it stood, from which all that came after is done again."""
        self.close()
        if self.standing is not standing:
            at = standing.checkpoint
            self.past = [event for event in self.past if event["at"] <= [at.epoch, at.example]]
            self.charts.cut(at.epoch * len(self.plan.splits.train) + at.example)
            self.standing = standing

    def _stop(self, code: str, text: str, checkpoint: Checkpoint) -> None:
        self.close()
        weights = Weights(self.standing.weights.version + 1, checkpoint.network)
        self.standing = replace(
            self.standing, checkpoint=checkpoint, weights=weights, over="diverged", notice=(code, text)
        )

    def _open(self, every: int, engine: Engine) -> None:
        self.close()
        splits, standing = self.plan.splits, self.standing
        events = train(
            None,
            splits.train,
            validation=splits.validation,
            start=standing.checkpoint,
            engine=engine,
            every=every,
            quiet=True,
        )
        started = next(events)
        assert isinstance(started, Started)
        self._events, self._every, self._begun = events, every, standing.seconds
        if not self.past:
            self.past.append(event_data(started))
            self._best = started.checkpoint  # knows how many steps there will be, as schedules must
        self.standing = replace(standing, checkpoint=started.checkpoint)

    def _advance(self) -> None:
        n, validation = len(self.plan.splits.train), self.plan.splits.validation
        event: Event | None = self._next()
        if isinstance(event, Stepped):
            self._stepped(event)
            event = self._next() if event.examples == n else None
        if isinstance(event, EpochEnded):
            self.past.append(event_data(event))
            notice = self.standing.notice if event.stuck is None else ("stuck", event.stuck)
            self.standing = replace(self.standing, checkpoint=event.checkpoint, notice=notice)
            cost = event.cost if event.validation is None else event.validation.cost
            if cost < self._best_cost:
                self._best, self._best_cost = event.checkpoint, cost
            if event.validation is not None and validation is not None and len(validation) <= _JUDGED:
                self.judged(event.checkpoint, event.validation)
            event = self._next() if event.epoch == event.checkpoint.settings.epochs else None
        if isinstance(event, Finished):
            self.close()
            self.past.append(event_data(event))
            self.standing = replace(self.standing, over="finished")

    def _next(self) -> Event:
        assert self._events is not None
        return next(self._events)

    def _stepped(self, event: Stepped) -> None:
        now, before = event.checkpoint, self.standing.checkpoint
        n, size = len(self.plan.splits.train), now.settings.batch_size
        ends = np.minimum(before.example + size * np.arange(1, len(event.costs) + 1), n)
        sizes = np.diff(ends, prepend=before.example).astype(np.float64)
        self.charts.learn((now.epoch * n + ends).astype(np.float64), event.costs, sizes)
        self.standing = replace(
            self.standing,
            checkpoint=now,
            weights=Weights(self.standing.weights.version + 1, now.network),
            cost=float(event.costs.mean()),
            seconds=self._begun + event.seconds,
        )

    def judged(self, at: Checkpoint, found: Evaluation) -> None:
        """Note a judgement. In any thread."""
        finite, step = math.isfinite(found.cost), at.memory.step
        if finite:
            place = at.epoch * len(self.plan.splits.train) + at.example
            self.charts.judge(place, None, (found.cost, found.accuracy))
        with self._seeing:
            # A lane that went back is judged where it stands now.
            if self.standing.over == "diverged" or self.seen.judged is None or self.seen.judged <= step:
                cost = found.cost if finite else None
                self.seen = replace(self.seen, cost=cost, accuracy=found.accuracy, judged=step)

    def measured(self, at: Checkpoint, sizes: tuple[float | None, ...]) -> None:
        """Note how large the gradient was in each layer. In any thread."""
        with self._seeing:
            self.seen = replace(self.seen, gradients=sizes, measured=at.memory.step)

    def close(self) -> None:
        if self._events is not None:
            self._events.close()  # type: ignore[attr-defined]
            self._events = None


class _Race:
    """A race that is on: its lanes, and the two threads that train and judge them."""

    def __init__(
        self,
        number: int,
        lanes: list[_Lane],
        engines: list[Engine],
        speed: float | None,
        changed: Callable[[], None],
        failed: Callable[[str], None],
    ) -> None:
        self.number = number
        self.lanes = lanes
        self._changed = changed
        self._tell = failed
        self._splits = lanes[0].plan.splits
        self._settings = lanes[0].plan.checkpoint.settings
        self._examples = len(self._splits.train)
        self._engines = engines
        self._judged_on = "train" if self._splits.validation is None else "validation"
        self._over = threading.Event()
        self._due = 0.0
        self._every = 16  # minibatches of a round at full speed; found by trying
        self._opened = False
        self._loading = [  # what a lane needs before it can begin; one may be compiled for seconds, once on a machine
            prepared(engine, lane.plan.checkpoint, lane.plan.splits.train)
            for engine, lane in zip(engines, lanes, strict=True)
        ]
        self.state = _State("paused", speed, tuple(lane.standing for lane in lanes))
        train, validation = self._splits.train, self._splits.validation
        probe = train.take(slice(0, PROBE))
        images = (train if validation is None else validation).take(slice(0, _JUDGED))
        self._turns = deque(
            (
                _Turn(_MEASURE, partial(self._measured, probe), [-1] * len(lanes)),
                _Turn(_JUDGE, partial(self._asked, images), [-1] * len(lanes)),
            )
        )
        self._training = Worker(
            "race, training",
            self._work,
            self._patience,
            self._fail,
            leave=self._leave,
            over=("this race is over", "no_race"),
        )
        self._judging = Worker("race, judge", self._judge, lambda: _MEASURE / 8, self._fail_judging, retries=True)
        for each in self._loading:
            each.then(self._training.wake)
        self._training.start()
        self._judging.start()

    # ── Commands: each is done by the race's thread, between two rounds ──────────────────────────────────────────────

    def ask(self, job: Callable[[], None]) -> None:
        """Have something done between two rounds, and wait for it.

        Errors: :class:`~glassnet.studio.trainer.Refused` if the race has ended; those of the job.
        """
        self._judging.start()  # in case that it has ended
        self._training.ask(job)

    def wait(self) -> None:
        """Wait until the lanes can begin, which takes long only where they are being compiled; or until the race is over."""
        for each in self._loading:
            while not each.wait(0.05) and not self._over.is_set():
                pass

    def play(self) -> None:
        self._check_more()
        self._due = time.monotonic()
        self._publish(mode="playing")

    def pause(self) -> None:
        if self.state.mode in ("playing", "stepping"):
            self._publish(mode="paused")

    def minibatch(self) -> None:
        self._check_more()
        self._publish(mode="paused")
        self._round(1)

    def epoch(self) -> None:
        self._check_more()
        self._publish(mode="stepping")

    def set_speed(self, speed: float | None) -> None:
        self._due = time.monotonic()
        self._publish(speed=speed)

    def _check_more(self) -> None:
        if self.state.mode == "finished":
            raise Refused("this race is finished: go on with one of its networks, or begin another", "finished")

    def close(self) -> None:
        """End both threads, and let go of the data."""
        self._over.set()
        self._training.close()
        self._judging.close()

    # ── Training ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _leave(self) -> None:
        for lane in self.lanes:
            lane.close()

    def _fail(self, error: BaseException) -> None:
        """After a round that failed: all lanes stand where they were shown last, so none is ahead of another."""
        for lane, standing in zip(self.lanes, self.state.lanes, strict=True):
            lane.back(standing)
        self._publish(mode="paused")
        self._tell(failure("the race stopped", error, "Press play to go on from where it stood."))

    def _patience(self) -> float | None:
        mode, speed = self.state.mode, self.state.speed
        if not self._prepared():
            return None
        if mode == "stepping" or (mode == "playing" and speed is None) or not self._opened:
            return 0.0
        return max(0.0, self._due - time.monotonic()) if mode == "playing" else None

    def _work(self) -> None:
        state = self.state
        if not self._prepared():
            return  # this thread is woken when it is
        if state.mode not in ("playing", "stepping"):
            if not self._opened:  # so that the first minibatch need not wait for it
                self._open(1)
                if any(lane.standing.over for lane in self.lanes):
                    self._publish()
            return
        if state.mode == "playing" and state.speed is not None:
            if time.monotonic() < self._due:
                return
            every = max(1, round(state.speed / _FILM))
            done = self._round(every)
            self._due = max(self._due + done / state.speed, time.monotonic())
            return
        begun, every = time.monotonic(), self._every
        if self._round(every) < every:
            return  # the end of an epoch: it says nothing of how long a round takes
        took = time.monotonic() - begun
        if took < _ROUND / 2:
            self._every = min(2 * every, _LONGEST)
        elif took > 2 * _ROUND:
            self._every = max(1, every // 2)

    def _prepared(self) -> bool:
        """Whether all lanes can begin."""
        return all(each.done for each in self._loading)

    def _open(self, every: int) -> None:
        self._opened = True
        for lane, engine in zip(self.lanes, self._engines, strict=True):
            lane.open(every, engine)

    def _round(self, every: int) -> int:
        """So many minibatches, or those left in the epoch, in each lane; how many they were."""
        self._open(every)
        going = [(lane, lane.standing.step) for lane in self.lanes if not lane.standing.over]
        for lane, _ in going:
            lane.advance()
        # One that diverged went back, and says nothing of this round.
        left = [(lane.standing, before) for lane, before in going if lane.standing.over != "diverged"]
        mode = self.state.mode
        if mode == "stepping" and any(standing.checkpoint.example == 0 for standing, _ in left):
            mode = "paused"
        self._publish(mode=mode)
        return max((standing.step - before for standing, before in left), default=every)

    def _publish(self, **changes: Any) -> None:
        """Show how the lanes stand. A race of which all lanes are over is finished, whatever was asked for meanwhile."""
        lanes = tuple(lane.standing for lane in self.lanes)
        if all(each.over for each in lanes):
            changes["mode"] = "finished"
        self.state = replace(self.state, lanes=lanes, **changes)
        self._changed()

    # ── Judging ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _judge(self) -> None:
        """Measure the gradients of the newest networks, or judge them: the one now, the other in the next turn."""
        turn = self._turns[0]
        self._turns.rotate()  # first, so that one that fails does not keep the other from its turn
        self._turn(turn)

    def _fail_judging(self, error: BaseException) -> None:
        self._tell(
            failure("judging the race failed", error, "The race goes on, and its next networks are judged again.")
        )

    def _turn(self, turn: _Turn) -> None:
        state, begun = self.state, time.monotonic()
        learning = state.mode in ("playing", "stepping")
        if learning and begun < turn.rested:
            return
        done = False
        for k, (lane, standing) in enumerate(zip(self.lanes, state.lanes, strict=True)):
            if turn.last[k] != standing.weights.version and not self._over.is_set():
                turn.last[k] = standing.weights.version
                turn.work(lane, standing)
                done = True
        if done:
            turn.rested = begun + max(turn.least, _REST * (time.monotonic() - begun))
            self._changed()

    def _measured(self, probe: Dataset, lane: _Lane, standing: _Standing) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # of a network that runs away
            found = gradient_sizes(standing.weights.precise, probe, standing.checkpoint.settings.cost)
        lane.measured(standing.checkpoint, tuple(each if math.isfinite(each) else None for each in found))

    def _asked(self, images: Dataset, lane: _Lane, standing: _Standing) -> None:
        network, checkpoint = standing.weights.network, standing.checkpoint
        with np.errstate(over="ignore", invalid="ignore"):
            found = evaluate(network, images, checkpoint.settings.cost, answer_of(network, 1, loaded=True))
        lane.judged(checkpoint, found)

    # ── For others ───────────────────────────────────────────────────────────────────────────────────────────────────

    def frame(self, sent: dict[str, Any], look: NDArray[Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """See :meth:`Races.frame`."""
        if sent.get("race") != self.number:
            sent.clear()
            sent["race"] = self.number
        state, settings = self.state, self._settings
        arrays: dict[str, NDArray[Any]] = {}
        learning = state.mode in ("playing", "stepping")
        now = time.monotonic()
        # While everything changes all the time, weights are sent as often as eyes can follow.
        weights = not learning or now - sent.get("at", -math.inf) >= _MEASURE
        lanes = []
        for k, (lane, standing) in enumerate(zip(self.lanes, state.lanes, strict=True)):
            answer, more = self._lane_arrays(k, lane, standing, sent, look, weights)
            arrays |= more
            lanes.append(self._described(lane, standing, state.mode, answer))
        if weights:
            sent["at"] = now
        first = max((each.checkpoint for each in state.lanes), key=lambda each: (each.epoch, each.example))
        header = {
            "race": self.number,
            "mode": state.mode,
            "speed": state.speed,
            "step": max(each.step for each in state.lanes),
            "steps": settings.epochs * -(-self._examples // settings.batch_size),
            "epoch": min(first.epoch + 1, settings.epochs),
            "epochs": settings.epochs,
            "example": self._examples if first.epoch >= settings.epochs else first.example,
            "examples": self._examples,
            "seed": settings.seed,
            "batch_size": settings.batch_size,
            "judged_on": self._judged_on,
            "probe": min(PROBE, self._examples),
            "lanes": lanes,
        }
        return header, arrays

    def _lane_arrays(
        self, k: int, lane: _Lane, standing: _Standing, sent: dict[str, Any], look: NDArray[Any], weights: bool
    ) -> tuple[int | None, dict[str, NDArray[Any]]]:
        network, answer = standing.weights.network, None
        arrays: dict[str, NDArray[Any]] = {}
        if look.shape[1] == network.sizes[0]:  # the present run may be on other data by now
            with np.errstate(over="ignore", invalid="ignore"):
                forward = standing.weights.precise.forward(look)
            arrays[f"race_{k}_a"] = np.concatenate([each[0] for each in forward.activations[1:]]).astype(np.float64)
            if self._splits.train.labeled:
                answer = int(chosen(forward.activations[-1])[0])
        if weights and network.count <= DRAWN and sent.get(f"weights{k}") != standing.weights.version:
            sent[f"weights{k}"] = standing.weights.version
            flat = [np.asarray(layer.weight, np.float32).reshape(-1) for layer in network.layers]
            arrays[f"race_{k}_weight"] = np.concatenate(flat)
        if sent.get(f"charts{k}") != lane.charts.version:
            sent[f"charts{k}"], series = lane.charts.arrays(self._settings.batch_size)
            names = ("cost_steps", "cost", "judged_steps", "validation_cost", "validation_accuracy")
            arrays |= {f"race_{k}_{name}": series[name] for name in names}
        return answer, arrays

    def _described(self, lane: _Lane, standing: _Standing, mode: _Mode, answer: int | None) -> dict[str, Any]:
        network, seen, settings = standing.weights.network, lane.seen, plain_settings(standing.checkpoint.settings)
        cost = standing.cost
        return {
            "name": lane.name,
            "sizes": list(network.sizes),
            "activations": [str(activation) for activation in network.activations],
            "cost": settings["cost"],
            "optimizer": settings["optimizer"],
            "learning_rate": settings["learning_rate"],
            "initializer": lane.plan.about.get("initializer"),
            "settings": settings,
            "count": network.count,
            "drawn": network.count <= DRAWN,
            "mode": standing.over or mode,
            "step": standing.step,
            "cost_now": cost if cost is not None and math.isfinite(cost) else None,
            "seconds": round(standing.seconds, 4),
            "accuracy": seen.accuracy,
            "validation_cost": seen.cost,
            "judged_step": seen.judged,
            "gradients": None if seen.gradients is None else list(seen.gradients),
            "gradients_step": seen.measured,
            "answer": answer,
            "notice": None if standing.notice is None else {"code": standing.notice[0], "text": standing.notice[1]},
        }

    def plan_of(self, number: int) -> Plan:
        """A training that goes on from where a lane stands, with what happened so far as its past."""
        lane, standing = self.lanes[number], self.state.lanes[number]
        here = standing.checkpoint
        past = [*self._past(lane, standing), *lane.past]
        past = [event for event in past if event["at"] <= [here.epoch, here.example]]
        past.sort(key=lambda event: (event["at"], _ORDER.index(event["event"])))
        return replace(
            lane.plan, checkpoint=here, about={**lane.plan.about, "events": past, "first": lane.plan.checkpoint}
        )

    def _past(self, lane: _Lane, standing: _Standing) -> Iterator[dict[str, Any]]:
        """The charts as events, for they are what is kept of the single minibatches."""
        size, n = self._settings.batch_size, self._examples
        per_epoch, last = -(-n // size), max(standing.step, 1)

        def at(step: int) -> tuple[int, int]:
            epoch = max(step - 1, 0) // per_epoch
            return epoch, min((step - epoch * per_epoch) * size, n)

        _, series = lane.charts.arrays(size)
        for step, cost in zip(series["cost_steps"].tolist(), series["cost"].tolist(), strict=True):
            epoch, example = at(round(step))
            place = {"step": round(step), "at": [epoch, example]}
            yield {"event": "stepped", **place, "epoch": epoch + 1, "examples": example, "cost": cost}
        images = self._splits.validation if self._judged_on == "validation" else self._splits.train
        judged = (series[name].tolist() for name in ("judged_steps", "validation_cost", "validation_accuracy"))
        for step, cost, accuracy in zip(*judged, strict=True):
            found = {
                "cost": cost,
                "accuracy": None if math.isnan(accuracy) else accuracy,
                "examples": min(len(images or ()), _JUDGED),
            }
            yield {
                "event": "judged",
                "step": round(step),
                "at": list(at(round(step))),
                "seconds": round(standing.seconds * min(step / last, 1.0), 3),
                "train": None,
                "validation": None,
                self._judged_on: found,
            }


_ORDER = ("started", "stepped", "epoch", "judged", "finished")
"""In which order events of one place happened."""


def gradient_sizes(network: Network, data: Dataset, cost: Cost) -> tuple[float, ...]:
    """How large the gradient is in each layer: the root mean square of ∂C/∂W over its weights, C being the mean cost of
    ``data``. In the unit of the cost for each 1 of a weight.
    """
    like = network.layers[0].bias
    x, y = (to_numpy(each).astype(like.dtype) for each in (data.inputs, data.targets))
    gradient = backward(network, network.forward(x), y, cost).gradient
    return tuple(float(np.sqrt(np.mean(np.square(layer.weight)))) for layer in gradient)
