"""The training of the studio: a thread that trains one run, and can be played, paused, stepped and changed at any moment.

The thread owns the training's generator. Others ask it for something by a command, which interrupts what it does and is
answered between two minibatches; and they read :attr:`Trainer.state`, an immutable value that is replaced after every
event. It waits for nobody: not for those who look, and not for their connections.

The numbers do not depend on any of this: a run that was paused, stepped and resumed at any speed ends with the bytes of
one that was trained in one go.
"""

from __future__ import annotations

import itertools
import logging
import math
import threading
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from glassnet.checkpoint import Checkpoint
from glassnet.data import Splits
from glassnet.errors import GlassnetError, TrainingWarning, WrongValue
from glassnet.events import EpochEnded, Event, Finished, Started, Stepped
from glassnet.explain.examples import precise
from glassnet.network import Network
from glassnet.plans import Plan, changed
from glassnet.runs import Run, event_data
from glassnet.studio.charts import Charts, judgement_of, number_of, steps_at
from glassnet.training import Diverged, as_engine, train

__all__ = ["Batch", "Mode", "Notice", "Refused", "State", "Trainer", "Weights", "check"]

Mode = Literal["paused", "playing", "stepping", "finished", "diverged"]

_FILM = 25
"""Events a second: as often as a screen shows a film. Faster speeds do several minibatches in each."""
_SAVE = 2.0
"""Seconds of training that are lost at most if the process is killed."""
_SETTLE = 0.25
"""Seconds without a command after which a paused run is saved: a held key steps thirty times a second."""
_PATIENCE = 1.0
"""Seconds after which it is said that compiling takes long."""
_LATELY = 1.0
"""Seconds over which the rate is measured."""
_WAITING = 20_000
"""Events kept for a disk that cannot be written, at most."""


class Refused(WrongValue):
    """A command that cannot be followed now. ``code`` tells programs why."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


class Weights:
    """A network at one moment, with a number of its own: ``version`` differs whenever the parameters do."""

    def __init__(self, version: int, network: Network) -> None:
        self.version = version
        self.network = network
        self._precise: Network | None = None

    @property
    def precise(self) -> Network:
        """The network in float64, kept once it was asked for."""
        if self._precise is None:
            self._precise = precise(self.network)
        return self._precise


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The last minibatch, where it was looked at alone: examples ``first`` to ``last`` of the epoch's order.

    Attributes:
        epoch: counted from 0.
        first, last: which examples of that epoch, in its order.
        step: its number, from 1.
        before: the network that it found; ``after``, the one that it left.
    """

    epoch: int
    first: int
    last: int
    step: int
    before: Weights
    after: Weights


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to be told to whoever watches: a short code, and a plain sentence."""

    code: str
    text: str


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All that can be seen of a training at one moment.

    Attributes:
        serial: differs between any two states.
        told: differs whenever the run or its settings do.
        run, splits, charts: the run, its data, what happened along it.
        checkpoint: where the training stands.
        weights: the checkpoint's network.
        batch: the last minibatch; None where several were done at once.
        mode: what is being done.
        speed: minibatches a second; None: as many as can be done.
        seconds: of training so far.
        rate: examples a second lately; None while nothing is being done.
        cost: the mean of the last minibatches; None before the first.
        judged: what the newest judgement says, as plain data; None before the first.
        notice: what to tell.
        engine: the name of what takes the steps.
    """

    serial: int
    told: int
    run: Run
    splits: Splits
    charts: Charts
    checkpoint: Checkpoint
    weights: Weights
    mode: Mode
    speed: float | None
    batch: Batch | None = None
    seconds: float = 0.0
    rate: float | None = None
    cost: float | None = None
    judged: dict[str, Any] | None = None
    notice: Notice | None = None
    engine: str = "fused"

    @property
    def place(self) -> int:
        """Examples looked at since the run began."""
        return self.checkpoint.epoch * len(self.splits.train) + self.checkpoint.example

    @property
    def step(self) -> int:
        """Minibatches done, as if all had had today's size."""
        return int(steps_at(np.array([self.place]), len(self.splits.train), self.checkpoint.settings.batch_size)[0])

    @property
    def steps(self) -> int:
        """Minibatches of all epochs."""
        settings = self.checkpoint.settings
        return settings.epochs * -(-len(self.splits.train) // settings.batch_size)

    @property
    def learning_rate(self) -> float:
        """That of the next step (of the last, when all are done)."""
        at = min(self.step, self.steps - 1)
        memory = replace(self.checkpoint.memory, step=max(at, 0), total=self.steps)
        return float(self.checkpoint.settings.optimizer.rate(memory))


def check(plan: Plan) -> None:
    """Refuse what cannot be trained, before anything is given up for it.

    Errors: :class:`~glassnet.errors.WrongValue`.
    """
    splits = plan.splits
    train(None, splits.train, validation=splits.validation, start=plan.checkpoint, engine=plan.about.get("engine"))


class Trainer:
    """Trains one run at a time, in a thread of its own.

    Args:
        run: its folder, which is written as the training goes.
        plan: where it begins; see :func:`check`.
        changed: called in any thread whenever there is a new :attr:`state`; it must return at once.
        speed: minibatches a second; None: as many as can be done.
        playing: whether to begin at once.
        notice: something to tell from the beginning.
    """

    def __init__(
        self,
        run: Run,
        plan: Plan,
        changed: Callable[[], None],
        *,
        speed: float | None = 100.0,
        playing: bool = False,
        notice: Notice | None = None,
    ) -> None:
        self._changed = changed
        self._ready = threading.Condition()  # guards the jobs and _stopped; wakes the thread
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._stopped = False
        self._interrupt = threading.Event()
        self._lock = threading.RLock()  # guards _state, _notices and _waiting; held for moments only
        self._serials = itertools.count(1)
        self._notices: dict[str, Notice] = {}
        self._events: Iterator[Event] | None = None
        self._every: int | None = None
        self._due = self._saved = self._begun = 0.0
        self._waiting: list[dict[str, Any]] = []  # events to be written
        self._recorded: Any = None  # the settings that were last written among them
        self._best: Checkpoint | None = None  # one to be written, and the validation cost of the best of all
        self._best_cost: float | None = None
        self._lately: deque[tuple[float, int]] = deque()
        self._unsaved = False  # there is something to write
        self._stale = False  # the settings are others than those of _events
        self._back: Checkpoint | None = (
            None  # where the training went back to: what is on record after it did not happen
        )
        self._failed = False  # what failed is not tried again before another command
        self._state: State
        self._take(run, plan, speed, playing)
        if notice is not None:
            self._tell(notice)
        self._thread = threading.Thread(target=self._loop, name="glassnet studio: training", daemon=True)
        self._thread.start()

    # ── For others ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def state(self) -> State:
        """How things are now."""
        return self._state

    def play(self) -> None:
        """Train from here on.

        Errors: :class:`Refused` if all epochs are done.
        """
        self._ask(self._play)

    def pause(self) -> None:
        """Stop between two minibatches."""
        self._ask(self._pause)

    def step(self) -> None:
        """Do one minibatch, and then pause.

        Errors: :class:`Refused` if all epochs are done.
        """
        self._ask(self._step)

    def epoch(self) -> None:
        """Go on to the end of the epoch as fast as can be, and then pause. Returns at once.

        Errors: :class:`Refused` if all epochs are done.
        """
        self._ask(self._epoch)

    def set_speed(self, speed: float | None) -> None:
        """So many minibatches a second; None: as many as can be done."""
        self._ask(self._set_speed, speed)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Go on with other settings (see :func:`glassnet.plans.changed`), from the next minibatch.

        Errors: :class:`~glassnet.errors.WrongValue` if they cannot be used.
        """
        self._ask(self._change, changes)

    def take(self, run: Run, plan: Plan) -> None:
        """Save this run, and take another, paused.

        Errors: those of saving the new run; then this one goes on.
        """
        self._ask(self._take, run, plan, self._state.speed, False)

    def judge(self, of: State, judged: dict[str, Any]) -> None:
        """Add what a judgement of an earlier state came to. It is left out if the run has gone back, or another is here."""
        with self._lock:
            state = self._state
            if state.run is not of.run or of.place > state.place:
                return
            parts = [judged.get(part) for part in ("train", "validation")]
            pairs = [None if each is None else (each["cost"], each["accuracy"]) for each in parts]
            state.charts.judge(of.place, pairs[0], pairs[1])
            at = [of.checkpoint.epoch, of.checkpoint.example]
            seconds = round(of.seconds, 3)
            self._waiting.append({"event": "judged", "at": at, "seconds": seconds, **judged})
            self._unsaved = True
            self._publish(judged=judged)
        with self._ready:
            self._ready.notify()  # so that it is saved

    def tell(self, notice: Notice) -> None:
        """Show a notice until it is taken away by its code (see :meth:`untell`), or the run is another."""
        self._tell(notice)

    def untell(self, *codes: str) -> None:
        """Take notices away."""
        with self._lock:
            kept = {code: notice for code, notice in self._notices.items() if code not in codes}
            if len(kept) < len(self._notices):
                self._notices = kept
                self._publish()

    def close(self) -> None:
        """Stop between two minibatches, save, and end the thread. May be called again."""
        with self._ready:
            self._stopped = True
            self._interrupt.set()
            self._ready.notify()
        self._thread.join()

    # ── The thread ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, job: Callable[..., Any], *arguments: Any) -> Any:
        future: Future[Any] = Future()
        with self._ready:
            if self._stopped:
                raise Refused("the studio is closed", "closed")
            self._jobs.append((partial(job, *arguments), future))
            self._interrupt.set()
            self._ready.notify()
        return future.result()

    def _loop(self) -> None:
        while True:
            jobs, stopped = self._wait()
            for job, future in jobs:
                try:
                    future.set_result(job())
                except BaseException as error:
                    future.set_exception(error)
            self._guarded(self._leave if stopped else partial(self._work, bool(jobs)))
            if stopped:
                return

    def _wait(self) -> tuple[list[tuple[Callable[[], Any], Future[Any]]], bool]:
        """Until there is something to do: a command, the next minibatch, the time to save."""
        with self._ready:
            if not self._jobs and not self._stopped:
                self._ready.wait(self._patience())
            jobs = list(self._jobs)
            self._jobs.clear()
            self._interrupt.clear()
            return jobs, self._stopped

    def _patience(self) -> float | None:
        state = self._state
        if state.mode == "stepping" or (state.mode == "playing" and state.speed is None):
            return 0.0
        if state.mode == "playing":
            return max(0.0, self._due - time.monotonic())
        if self._stale:
            return None if self._failed else 0.0
        if not self._unsaved:
            return None
        return _SAVE if "unsaved" in self._notices else _SETTLE  # a full disk is tried again, but not all the time

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do something; what should never happen ends the playing, not the thread."""
        try:
            work()
        except Exception as error:
            logging.getLogger("glassnet").exception("the studio's training stopped")
            self._close_events()
            self._unsaved, self._failed = False, True
            reason = str(error) if isinstance(error, GlassnetError) else f"{type(error).__name__} {error}".strip()
            self._tell(Notice("stopped", f"training stopped: {reason}"))
            self._publish(mode="paused", rate=None)

    def _work(self, busy: bool) -> None:
        """What is due now; ``busy``: commands came just now."""
        self._failed = self._failed and not busy
        state = self._state
        if state.mode in ("playing", "stepping"):
            full = state.mode == "stepping" or state.speed is None
            if not full and time.monotonic() < self._due:
                return
            self._open(None if state.speed is None or full else max(1, round(state.speed / _FILM)))
            self._advance()
            if time.monotonic() - self._saved >= _SAVE:
                self._save()
        elif self._stale:
            if not self._failed:
                self._open(1)
        elif self._unsaved and not busy:
            self._save()

    def _leave(self) -> None:
        if self._stale:
            self._open(1)
        self._close_events()
        if self._unsaved or self._waiting:
            self._save()

    # ── Commands, in the thread ──────────────────────────────────────────────────────────────────────────────────────

    def _take(self, run: Run, plan: Plan, speed: float | None, playing: bool) -> None:
        """Go on with a run from where the plan says; a run that has no checkpoint yet is given its first."""
        begin, splits = plan.checkpoint, plan.splits
        settings, engine = begin.settings, run.about.get("engine")
        if not (run.path / "checkpoint.safetensors").exists():
            run.save(begin)
        past = run.events()
        self._guarded(self._leave)  # a run that cannot be opened any more must not keep anybody in it
        done = begin.epoch >= settings.epochs and begin.example == 0
        scores = [each.get("validation_cost") for each in past if each["event"] == "epoch"]
        judged = [each for each in past if each["event"] == "judged"]
        started = [each.get("settings") for each in past if each["event"] == "started"]
        with self._lock:
            self._waiting, self._best = [], None
            self._best_cost = min((each for each in scores if isinstance(each, float)), default=None)
            self._recorded = started[-1] if started else None
            self._unsaved = self._failed = False
            self._back = None
            self._stale = not done  # opened at once, so that the first step need not wait for it
            self._saved = self._due = time.monotonic()
            self._lately.clear()
            self._notices = {}
            self._state = State(
                serial=next(self._serials),
                told=next(self._serials),
                run=run,
                splits=splits,
                charts=Charts.of(past, len(splits.train)),
                checkpoint=begin,
                weights=Weights(next(self._serials), begin.network),
                mode="finished" if done else "playing" if playing else "paused",
                speed=speed,
                seconds=(number_of(judged[-1], "seconds") or 0.0) if judged else 0.0,
                judged=judgement_of(judged[-1]) if judged else None,
                engine=as_engine(engine, begin.network, settings.cost, settings.optimizer).name,
            )
        if done:
            self._tell(_finished(begin))
        self._changed()

    def _play(self) -> None:
        self._check_more()
        self._due = time.monotonic()
        self._lately.clear()
        self.untell("diverged", "stopped")
        self._publish(mode="playing")

    def _pause(self) -> None:
        if self._state.mode in ("playing", "stepping"):
            self._unsaved = True
            self._publish(mode="paused", rate=None)

    def _step(self) -> None:
        self._check_more()
        self.untell("diverged", "stopped")
        self._publish(mode="paused", rate=None)
        self._open(1)
        self._advance()

    def _epoch(self) -> None:
        self._check_more()
        self._lately.clear()
        self.untell("diverged", "stopped")
        self._publish(mode="stepping")

    def _check_more(self) -> None:
        state = self._state
        if state.mode == "finished":
            raise Refused(
                f"all {state.checkpoint.settings.epochs:,} epochs are trained: give more epochs, or start again",
                "finished",
            )

    def _set_speed(self, speed: float | None) -> None:
        self._due = time.monotonic()
        self._lately.clear()
        self._publish(speed=speed, rate=None)

    def _change(self, changes: Mapping[str, Any]) -> None:
        state = self._state
        checkpoint, n = state.checkpoint, len(state.splits.train)
        settings = changed(checkpoint.settings, changes)
        begun = checkpoint.epoch + (checkpoint.example > 0)
        if settings.epochs < max(begun, 1):
            raise WrongValue(
                f"{begun:,} epochs have been begun already: give at least as many, got {settings.epochs:,}"
            )
        if settings.batch_size > n:
            raise WrongValue(f"there are {n:,} training examples: a minibatch cannot have {settings.batch_size:,}")
        if settings == checkpoint.settings:
            return
        self._close_events()
        self._stale = self._unsaved = True
        state.charts.change(state.place)
        self.untell("diverged", "stuck", "stopped", "finished")
        done = checkpoint.epoch >= settings.epochs and checkpoint.example == 0
        mode: Mode = "finished" if done else "paused" if state.mode in ("finished", "diverged") else state.mode
        if done:
            self._stale = False
            self._tell(_finished(replace(checkpoint, settings=settings)))
        self._publish(checkpoint=replace(checkpoint, settings=settings), mode=mode, told=next(self._serials))

    # ── Training ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self, every: int | None) -> None:
        """Have a training that goes on from here with so many minibatches between two events."""
        if self._events is not None and self._every == every and not self._stale:
            return
        self._close_events()
        state = self._state
        events = train(
            None,
            state.splits.train,
            validation=state.splits.validation,
            start=state.checkpoint,
            engine=state.run.about.get("engine"),
            every=every,
            interrupt=self._interrupt,
        )
        started = self._started(events)
        self._events, self._every, self._stale, self._begun = events, every, False, state.seconds
        data = event_data(started)
        if data["settings"] != self._recorded:
            self._recorded = data["settings"]
            self._record(data)
        # Its memory counts steps, and has running averages, as the settings of now ask for.
        self._publish(checkpoint=started.checkpoint, engine=started.engine)

    def _started(self, events: Iterator[Event]) -> Started:
        """The first event, which takes some hundredths of a second; or, once on a machine, a quarter of a minute."""
        slow = threading.Timer(
            _PATIENCE,
            self._tell,
            [Notice("preparing", "compiling the training, once on this machine: a quarter of a minute")],
        )
        slow.daemon = True
        slow.start()
        try:
            started = next(events)
        finally:
            slow.cancel()
            slow.join()
            self.untell("preparing")
        assert isinstance(started, Started)
        return started

    def _close_events(self) -> None:
        if self._events is not None:
            self._events.close()  # type: ignore[attr-defined]
            self._events = None

    def _advance(self) -> None:
        """One event, and those that follow from it without another minibatch."""
        n = len(self._state.splits.train)
        event = self._next()
        if isinstance(event, Stepped):
            self._stepped(event)
            event = self._next() if event.examples == n else None
        if isinstance(event, EpochEnded):
            self._ended(event)
            event = self._next() if event.epoch == event.checkpoint.settings.epochs else None
        if isinstance(event, Finished):
            self._close_events()
            self._record(event_data(event))
            self._tell(_finished(event.checkpoint))
            self._publish(mode="finished", rate=None)

    def _next(self) -> Event | None:
        assert self._events is not None
        try:
            if self._state.checkpoint.example < len(self._state.splits.train):
                return next(self._events)
            # An epoch ends, the one moment when training may warn. Python's filters belong to all threads: if data is read
            # at this very moment, which changes them too, warnings of others may be lost from then on. Training's are not.
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always", TrainingWarning)
                event = next(self._events)
        except Diverged as error:
            self._diverged(error)
            return None
        for warning in caught:
            if issubclass(warning.category, TrainingWarning):
                self._tell(Notice("stuck", str(warning.message)))
        return event

    def _stepped(self, event: Stepped) -> None:
        state, now = self._state, event.checkpoint
        n, size, before = len(state.splits.train), now.settings.batch_size, state.checkpoint
        count = len(event.costs)
        weights = Weights(next(self._serials), now.network)
        ends = np.minimum(before.example + size * np.arange(1, count + 1), n)
        sizes = np.diff(ends, prepend=before.example).astype(np.float64)
        state.charts.learn((now.epoch * n + ends).astype(np.float64), event.costs, sizes)
        batch = None
        if count == 1:
            batch = Batch(now.epoch, before.example, now.example, event.step, state.weights, weights)
        self._record(event_data(event))
        if state.mode == "playing" and state.speed is not None:
            self._due = max(self._due + count / state.speed, time.monotonic())
        self._publish(
            checkpoint=now,
            weights=weights,
            batch=batch,
            cost=float(event.costs.mean()),
            seconds=self._begun + event.seconds,
            rate=self._rate(now.epoch * n + now.example),
        )

    def _rate(self, place: int) -> float | None:
        """Examples a second, lately."""
        if self._state.mode not in ("playing", "stepping"):
            return None
        now = time.monotonic()
        self._lately.append((now, place))
        while len(self._lately) > 2 and self._lately[1][0] < now - _LATELY:
            self._lately.popleft()
        (then, there), took = self._lately[0], now - self._lately[0][0]
        return (place - there) / took if took > 0 and then < now else None

    def _ended(self, event: EpochEnded) -> None:
        state, judged = self._state, event.validation
        if judged is not None:
            place = event.epoch * len(state.splits.train)
            state.charts.judge(place, None, (judged.cost, judged.accuracy))
            if self._best_cost is None or judged.cost < self._best_cost:
                self._best, self._best_cost = event.checkpoint, judged.cost
        self._record(event_data(event))
        mode: Mode = "paused" if state.mode == "stepping" else state.mode
        self._publish(checkpoint=event.checkpoint, mode=mode, rate=state.rate if mode == "playing" else None)

    def _diverged(self, error: Diverged) -> None:
        """Back to the best network from before, as training says."""
        self._close_events()
        state, now = self._state, error.checkpoint
        here = [now.epoch, now.example]
        state.charts.cut(now.epoch * len(state.splits.train) + now.example)
        with self._lock:
            self._waiting = [event for event in self._waiting if event["at"] <= here]
            self._unsaved = True
            if self._back is None or here < [self._back.epoch, self._back.example]:
                self._back = now
        self._tell(Notice("diverged", str(error)))
        self._publish(
            checkpoint=now,
            weights=Weights(next(self._serials), now.network),
            batch=None,
            cost=None if not math.isfinite(error.cost) else error.cost,
            mode="diverged",
            rate=None,
        )

    # ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _record(self, event: dict[str, Any]) -> None:
        with self._lock:
            self._waiting.append(event)
            self._unsaved = True
            if len(self._waiting) > _WAITING:  # a disk that has been full for long: every other minibatch is let go
                kept = [each for each in self._waiting if each["event"] != "stepped"]
                self._waiting = [*kept, *[each for each in self._waiting if each["event"] == "stepped"][::2]][
                    -_WAITING:
                ]

    def _save(self) -> None:
        """Write the run's folder; what cannot be written is a notice, and training goes on."""
        self._saved = time.monotonic()
        self._unsaved = False
        state = self._state
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            if self._back is not None:
                state.run.rewind(self._back)
                self._back = None
            state.run.append(waiting)
            waiting = []
            state.run.save(state.checkpoint, self._best)
            self._best = None
        except GlassnetError as error:
            with self._lock:
                self._waiting = [*waiting, *self._waiting]
                self._unsaved = True
            self._tell(Notice("unsaved", f"{error} Training goes on, but would be lost."))
        else:
            self.untell("unsaved")

    def _tell(self, notice: Notice) -> None:
        with self._lock:
            self._notices.pop(notice.code, None)
            self._notices[notice.code] = notice
            self._publish()

    def _publish(self, **changes: Any) -> None:
        with self._lock:
            notice = list(self._notices.values())[-1] if self._notices else None
            self._state = replace(self._state, serial=next(self._serials), notice=notice, **changes)
        self._changed()


def _finished(checkpoint: Checkpoint) -> Notice:
    count = checkpoint.settings.epochs
    return Notice("finished", f"all {count:,} epochs are trained" if count > 1 else "the epoch is trained")
