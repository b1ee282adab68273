"""The training of the studio: a thread that trains one run, and can be played, paused, stepped and changed at any moment.

The thread owns the training's generator. Others ask it for something by a command, which interrupts what it does and is
answered between two minibatches; and they read :attr:`Trainer.state`, an immutable value that is replaced after every
event. It waits for nobody: not for those who look, and not for their connections.

The numbers do not depend on any of this: a run that was paused, stepped and resumed at any speed ends with the bytes of
one that was trained in one go. That is why it can go back, too: it stands at some place of its run, up to the furthest that
it ever came to, its *end*, and before that it does again what was done (see :mod:`glassnet.runs.replay`). Whoever changes
something there begins a new run, which branches off: what was done is never undone.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import math
import os
import secrets
import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from glassnet.checkpoint import Checkpoint, Settings
from glassnet.data import Splits
from glassnet.data.deform import Deformer
from glassnet.engine import ARITHMETIC
from glassnet.errors import GlassnetError, WrongValue
from glassnet.events import EpochEnded, Event, Finished, Started, Stepped
from glassnet.explain.examples import precise
from glassnet.files import NotSaved
from glassnet.network import Network
from glassnet.optimizers import Memory
from glassnet.runs import Run, best_cost, event_data, led_to
from glassnet.runs.edits import Edit, edited, effective
from glassnet.runs.plans import Plan, changed, numbered
from glassnet.runs.questions import first_of, past_of
from glassnet.runs.replay import Interrupted, Log, Past, Place, arithmetic_text, engine_of, place_of, settled
from glassnet.studio.charts import Charts, judgement_of, number_of, steps_at
from glassnet.studio.preparation import Preparation, prepared
from glassnet.studio.workers import Refused, Worker, failure
from glassnet.training import Diverged, continued, train

__all__ = [
    "CARRIED", "Batch", "Mode", "Notice", "Refused", "State", "Trainer", "Weights", "bookmarks", "check", "new_run",
]  # fmt: skip

Mode = Literal["paused", "playing", "stepping", "finished", "diverged", "watching"]

CARRIED = (
    "data", "recipe", "initializer", "sizes", "classes", "engine", "glassnet", "arithmetic", "created", "python", "numpy",
)  # fmt: skip
"""What a run that goes on from another says of itself as that one does."""
_FILM = 25
"""Events a second: as often as a screen shows a film. Faster speeds do several minibatches in each."""
_SAVE = 2.0
"""Seconds of training that are lost at most if the process is killed."""
_SETTLE = 0.25
"""Seconds without a command after which a paused run is saved: a held key steps thirty times a second."""
_PATIENCE = 1.0
"""Seconds for which a single step waits for what is loaded; after that, what is loaded is being compiled, and it is said."""
_LATELY = 1.0
"""Seconds over which the rate is measured."""
_WAITING = 20_000
"""Events kept for a disk that cannot be written, at most."""
_LOOK = 0.05
"""Seconds between two looks whether somebody who waits is to wait no more."""
_LOST = " Training goes on, but would be lost."
_STOPPED = "it was stopped on the way there"
_IDLE = 2.0
"""Seconds that training an epoch again may take, if it is done while nobody asks."""
_EDITS = 300
"""Edits at a place that are undone one by one; of more, only those are kept of which something is left."""
_KEEP = 0.25
"""Seconds of training between two moments that are kept, besides the ends of epochs."""
_STRETCH = 500
"""Minibatches done at once, at most, on the way to a place at which to stop."""


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
        settings: those that it was done with, which need not be those of now.
        memory: what the optimizer kept of earlier steps, as this minibatch found it.
    """

    epoch: int
    first: int
    last: int
    step: int
    before: Weights
    after: Weights
    settings: Settings
    memory: Memory


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
        judged_of: which network was judged, and by which cost: its :attr:`Weights.version`, and the cost's name with its
            numbers; None where that is not known, as of what was read from a record.
        notice: what to tell.
        engine: the name of what takes the steps.
        end: the furthest place that the run has come to.
        log: what was changed along it; not to be written into.
        redo: edits by hand that were undone at this place, and can be done again.
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
    judged_of: tuple[int, str] | None = None
    notice: Notice | None = None
    engine: str = "fused"
    end: Place = (0, 0)
    log: Log = field(default_factory=Log)
    redo: tuple[Edit, ...] = ()

    @property
    def place(self) -> int:
        """Examples looked at since the run began."""
        return self.checkpoint.epoch * len(self.splits.train) + self.checkpoint.example

    @property
    def at(self) -> Place:
        """Epochs that are complete, and examples of the next that were looked at."""
        return place_of(self.checkpoint)

    @property
    def past(self) -> bool:
        """Whether the run has been further than this."""
        return self.at < self.end

    @property
    def edits(self) -> list[Edit]:
        """What was changed by hand at this place."""
        return self.log.edits.get(self.at, [])

    @property
    def judging(self) -> tuple[int, str]:
        """What a judgement of this state is of: see :attr:`judged_of`."""
        return self.weights.version, str(self.checkpoint.settings.cost)

    @property
    def step(self) -> int:
        """Minibatches done, as if all had had today's size."""
        return self.step_of(self.at)

    def step_of(self, at: Place) -> int:
        """Minibatches up to a place, as if all had today's size."""
        n = len(self.splits.train)
        return int(steps_at(np.array([at[0] * n + at[1]]), n, self.checkpoint.settings.batch_size)[0])

    def place_at(self, step: int) -> Place:
        """The place that so many minibatches of today's size lead to."""
        n, size = len(self.splits.train), self.checkpoint.settings.batch_size
        epoch, batch = divmod(step, -(-n // size))
        return epoch, batch * size

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


def bookmarks(about: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The bookmarks of a run's description: each with its number, name and place; what cannot be one is left out."""
    found = about.get("bookmarks")
    good = []
    for each in found if isinstance(found, list) else []:
        if not isinstance(each, dict):
            continue
        number, name, at = each.get("bookmark"), each.get("name"), each.get("at")
        if type(number) is not int or not isinstance(name, str) or not isinstance(at, list) or len(at) != 2:
            continue
        if all(type(part) is int and part >= 0 for part in at):
            good.append({"bookmark": number, "name": name, "at": (at[0], at[1])})
    return good


def check(plan: Plan) -> None:
    """Refuse what cannot be trained, before anything is given up for it.

    Errors: :class:`~glassnet.errors.WrongValue`.
    """
    splits = plan.splits
    train(None, splits.train, validation=splits.validation, start=plan.checkpoint, engine=plan.about.get("engine"))


_MAKING = threading.Lock()  # of two that make a run at once, each is to have a folder of its own


def new_run(
    home: Path, about: dict[str, Any], events: Iterable[dict[str, Any]], first: Checkpoint, now: Checkpoint
) -> Run:
    """The folder of a new run under the next free number; nothing of it, if it cannot be written whole.

    Args:
        home: the folder it goes into.
        about: what it says of itself.
        events: what happened so far.
        first: where it began.
        now: where it stands.

    Errors: :class:`~glassnet.files.NotSaved`.
    """
    # Made beside, and renamed when it is whole: a studio that is killed meanwhile leaves no half of one.
    folder = home / f".incoming-{secrets.token_hex(8)}"
    try:
        run = Run.create(folder, about, first)
        run.append(events)
        run.save(now)
        with _MAKING:
            path = numbered(home)
            os.rename(folder, path)
        return Run.open(path)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, GlassnetError):
            raise NotSaved(f"could not begin a run in {home}: {error.strerror or error}") from error
        raise


class Trainer:
    """Trains one run at a time, in a thread of its own.

    Args:
        run: its folder, which is written as the training goes.
        plan: where it begins; see :func:`check`.
        changed: called in any thread whenever there is a new :attr:`state`; it must return at once.
        speed: minibatches a second; None: as many as can be done.
        playing: whether to begin at once.
        at: a place of the run to stand at; None: its end.
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
        at: Place | None = None,
        notice: Notice | None = None,
    ) -> None:
        self._changed = changed
        self._stopped = False
        self._interrupt = threading.Event()
        self._worker = Worker(
            "training", self._work, self._patience, self._fail, leave=self._leave, interrupt=self._interrupt
        )
        self._halt = threading.Event()  # stops the training again of what was, which can take long
        self._arriving = threading.Condition()  # wakes those who wait for a place to be reached
        self._fills = True  # there may be epochs of which no moment is kept
        self._lock = threading.RLock()  # guards _state, _notices and _waiting; held for moments only
        self._serials = itertools.count(1)
        self._notices: dict[str, Notice] = {}
        self._events: Iterator[Event] | None = None
        self._every: int | None = None
        self._due = self._saved = self._begun = self._kept = 0.0
        self._waiting: list[dict[str, Any]] = []  # events to be written
        self._recorded: Any = None  # what the last of them says that the training goes on with: see _going_on
        self._owed: Started | None = None  # to be written with the next minibatch: it has another arithmetic
        self._best: Checkpoint | None = None  # one to be written, and the validation cost of the best of all
        self._best_cost: float | None = None
        self._lately: deque[tuple[float, int]] = deque()
        self._unsaved = False  # there is something to write
        self._stale = False  # the settings are others than those of _events
        # Where the training went back to when it diverged: what is on record after it did not happen.
        self._back: Checkpoint | None = None
        self._run: Run | None = None  # the one whose writer this is
        self._left: tuple[Path, Path] | None = None  # an unsaved run that was asked to be left, and for which other
        self._past: Past
        self._end: Checkpoint  # how the run stands at its end
        self._untouched: Checkpoint | None = None  # as it was before a hand changed it
        self._unlogged = False  # edits were made here that are not among the events yet
        self._target: Place | None = None  # where to stop, while stepping
        self._preparation: Preparation | None = None  # what is loaded now, before anything can be trained
        # Where to go when that is done, whether to play from there, and as what the run stands until then.
        self._returning: tuple[Place, bool, Checkpoint] | None = None
        self._pauses = 0  # how often it was asked to pause
        self._state: State
        self._take(run, plan, speed, playing, at)
        if notice is not None:
            self._tell(notice)
        self._worker.start()

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
        """Stop between two minibatches; on the way to another place of the run, too."""
        self._pauses += 1
        self._halt.set()
        self._ask(self._pause)

    def step(self) -> None:
        """Do one minibatch, and then pause. Returns when it is done; at once, while the training is being compiled.

        Errors: :class:`Refused` if all epochs are done.
        """
        waiting = self._preparation
        if waiting is not None:
            waiting.wait(max(0.0, waiting.began + _PATIENCE - time.monotonic()))
        self._ask(self._step)

    def epoch(self) -> None:
        """Go on to the end of the epoch as fast as can be, and then pause. Returns at once.

        Errors: :class:`Refused` if all epochs are done.
        """
        self._ask(self._epoch)

    def reach(self, place: Place | int) -> None:
        """Train up to a place as fast as can be, and pause there; an int is a step. Returns when it is done.

        Errors: :class:`Refused` if the run has fewer steps, is further already, or is stopped on the way.
        """
        target = self._ask(self._reach, place)
        with self._arriving:
            self._arriving.wait_for(lambda: self._state.at >= target or self._state.mode != "stepping" or self._stopped)
        if self._state.at < target:
            step = self._state.step_of(target)
            raise Refused(f"the training was stopped before it came to step {step:,}", "stopped")
        with contextlib.suppress(Refused):  # at the end of that turn: the last epoch's is the end of the run, too
            self._ask(lambda: None)

    def seek(self, place: Place | int) -> None:
        """Pause, and go to a place that the run has been at, or to the last minibatch before it; an int is a step.

        Errors: :class:`Refused` for a place after its end, and when :meth:`pause` stops it on the way; those of training
        again.
        """
        self._ready()
        self._ask(self._seek, place)

    def back(self, epoch: bool) -> None:
        """Pause, and go back to where this minibatch, or this epoch, began.

        Errors: :class:`Refused` at the beginning, and when :meth:`pause` stops it on the way.
        """
        self._ready()
        self._ask(self._go_back, epoch)

    def edit(self, edit: Edit) -> None:
        """Pause, and change the network by hand; one that follows the last (see :meth:`Edit.follows`) takes its place.

        Errors: :class:`~glassnet.errors.WrongValue` if there is no such neuron, or the numbers do not fit.
        """
        self._ready_for_edits()
        self._ask(self._edit, edit)

    def unmute(self, layer: int, neuron: int) -> None:
        """Take back that a neuron was muted here.

        Errors: :class:`Refused` if it was not.
        """
        self._ready_for_edits()
        self._ask(self._unmute, layer, neuron)

    def undo(self, everything: bool = False) -> None:
        """Take back the last edit at this place, or all of them.

        Errors: :class:`Refused` if there is none.
        """
        self._ready_for_edits()
        self._ask(self._undo, everything)

    def redo(self) -> None:
        """Do the last edit again that was undone.

        Errors: :class:`Refused` if there is none.
        """
        self._ready_for_edits()
        self._ask(self._redo)

    def untouched(self) -> Network:
        """The network of this place as it was before it was changed by hand here."""
        self._ready_for_edits()
        network: Network = self._ask(lambda: self._bare().network)
        return network

    def network_at(self, step: int) -> Network:
        """The network of a step that the run has done.

        Errors: as :meth:`seek`.
        """
        self._ready()
        network: Network = self._ask(self._network_at, step)
        return network

    def set_speed(self, speed: float | None) -> None:
        """So many minibatches a second; None: as many as can be done."""
        self._ask(self._set_speed, speed)

    def change(self, changes: Mapping[str, Any]) -> None:
        """Go on with other settings (see :func:`glassnet.runs.plans.changed`), from the next minibatch.

        Errors: :class:`~glassnet.errors.WrongValue` if they cannot be used.
        """
        self._ask(self._change, changes)

    def take(self, run: Run, plan: Plan, at: Place | None = None) -> None:
        """Save this run, and take another, paused at a place of it, by default its end.

        Errors: those of saving the new run; then this one goes on.
        """
        self._ask(self._take, run, plan, self._state.speed, False, at)

    def judge(self, of: State, judged: dict[str, Any]) -> None:
        """Add what a judgement of an earlier state came to. It is left out if the run has gone back, or another is here."""
        with self._lock:
            state = self._state
            if state.run is not of.run or of.place > state.place:
                return
            parts = [judged.get(part) for part in ("train", "validation")]
            pairs = [None if each is None else (each["cost"], each["accuracy"]) for each in parts]
            state.charts.judge(of.place, pairs[0], pairs[1])
            judged = {**judged, "at": list(of.at)}
            if of.past:  # it is known already, or can be known again
                self._publish(judged=judged, judged_of=of.judging)
                return
            seconds = round(of.seconds, 3)
            by = {"cost_function": str(of.checkpoint.settings.cost)}
            self._waiting.append({"event": "judged", "at": judged["at"], "seconds": seconds, **by, **judged})
            self._unsaved = True
            self._publish(judged=judged, judged_of=of.judging)
        self._worker.wake()  # so that it is saved

    def retell(self) -> None:
        """What the run says of itself has changed."""
        with self._lock:
            self._publish(told=next(self._serials))

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
        self._stopped = True
        self._halt.set()
        with self._arriving:
            self._arriving.notify_all()
        self._worker.close()
        if self._run is not None:
            self._run.release()
            self._run = None

    @property
    def unsaved(self) -> str | None:
        """Why the run's last state is not on disk; None if it is, or has not been tried to be saved."""
        notice = self._notices.get("unsaved")
        return None if notice is None else notice.text.removesuffix(_LOST)

    # ── The thread ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _ask(self, job: Callable[..., Any], *arguments: Any) -> Any:
        return self._worker.ask(partial(job, *arguments))

    def _ready(self) -> None:
        """Wait until minibatches can be trained, in the thread of whoever asks: that of the training is there for others.

        Errors: :class:`Refused` when :meth:`pause` stops it.
        """
        pauses = self._pauses
        while (waiting := self._preparation) is not None and not waiting.wait(_LOOK) and not self._stopped:
            if self._pauses != pauses:
                raise Refused(_STOPPED, "stopped")

    def _ready_for_edits(self) -> None:
        """The same, where the network before the edits of this place may have to be trained again."""
        if self._state.edits and self._untouched is None:
            self._ready()

    def _patience(self) -> float | None:
        waiting = self._preparation
        if waiting is not None:
            rests = [0.0] if waiting.done else []
            if "preparing" not in self._notices:
                rests.append(max(0.0, waiting.began + _PATIENCE - time.monotonic()))
            if self._unsaved:
                rests.append(_SAVE if "unsaved" in self._notices else _SETTLE)
            return min(rests, default=None)
        state = self._state
        if state.mode == "stepping" or (state.mode == "playing" and state.speed is None):
            return 0.0
        if state.mode == "playing":
            return max(0.0, self._due - time.monotonic())
        if self._stale:
            return 0.0
        if not self._unsaved:
            return 0.0 if self._fills else None
        return _SAVE if "unsaved" in self._notices else _SETTLE  # a full disk is tried again, but not all the time

    def _fail(self, error: BaseException) -> None:
        """After a turn that failed: paused at the last good state, from which the next command goes on."""
        state = self._state
        if state.mode in ("finished", "diverged"):  # there is nothing to be played
            text = failure("the thread that trains failed", error, "It goes on with the next command.")
            notice = Notice("thread", text)
        else:
            text = failure("training stopped", error, "Press play to go on from where it stood.")
            notice = Notice("stopped", text)
        self._close_events()
        self._fills = False
        if self._stale:  # a run whose training cannot be opened stays on the disk as it was
            self._unsaved = False
        if not state.past:
            self._take_back()
        if state.mode in ("playing", "stepping"):
            self._publish(mode="paused", rate=None)
        self._tell(notice)

    def _take_back(self) -> None:
        """Stand at the end of the run again: what came after it is half done, and will be done and noted again."""
        state = self._state
        # All minibatches of an epoch may be done that has not ended yet, of which the end of the run knows nothing.
        good = self._end if state.at > state.end else state.checkpoint
        here = [good.epoch, good.example]
        self._end = good
        state.charts.cut(good.epoch * len(state.splits.train) + good.example)
        with self._lock:
            self._waiting = [event for event in self._waiting if event["at"] <= here]
        if good is not state.checkpoint:
            weights = Weights(next(self._serials), good.network)
            self._publish(checkpoint=good, weights=weights, batch=None)

    def _work(self) -> None:
        """What is due now."""
        busy = self._worker.busy
        if not self._is_prepared():
            if self._unsaved and not busy:
                self._save()
            return
        state = self._state
        if state.mode in ("playing", "stepping"):
            full = state.mode == "stepping" or state.speed is None
            if not full and time.monotonic() < self._due:
                return
            every = self._stretch(None if state.speed is None or full else max(1, round(state.speed / _FILM)))
            if self._open(every):
                self._advance()
            if time.monotonic() - self._saved >= _SAVE:
                self._save()
        elif self._stale:
            self._open(1)
        elif self._unsaved and not busy:
            self._save()
        elif self._fills and not busy:
            self._fill()

    def _prepare(self) -> Preparation:
        """Have all loaded that is needed to train from here on; this thread is woken in the end."""
        state = self._state
        found = prepared(engine_of(self._engine_name(), state.checkpoint), state.checkpoint, state.splits.train)
        if found is not self._preparation and not found.done:
            self._preparation = found
            found.then(self._worker.wake)
        return found

    def _is_prepared(self) -> bool:
        """Whether nothing is being loaded that the training waits for. Where that takes long, it is said."""
        waiting = self._preparation
        if waiting is None:
            return True
        if waiting.done:
            self._preparation = None
            self.untell("preparing")
            self._return()
            return True
        if "preparing" not in self._notices and time.monotonic() >= waiting.began + _PATIENCE:
            text = "the training is being compiled, once on this machine: this takes some seconds"
            self._tell(Notice("preparing", text))
        return False

    def _return(self) -> None:
        """Go to the place of the run at which it is to stand, unless somebody went on meanwhile."""
        returning, self._returning = self._returning, None
        if returning is None:
            return
        at, playing, begin = returning
        if self._state.checkpoint is not begin or self._state.mode in ("playing", "stepping"):
            return
        try:
            self._seek(at)
        except GlassnetError:  # it stands at its end, then
            logging.getLogger("glassnet").exception("the studio could not go back to where it was")
        else:
            if playing:
                self._publish(mode="playing")

    def _fill(self) -> None:
        """While there is nothing else to do: train an epoch again of which no moment is kept, so that none is far."""
        began = time.monotonic()
        try:
            more = self._past.fill(self._state.end, self._interrupt)
            # No fan is to be heard for what nobody asked for.
            self._fills = more and time.monotonic() - began < _IDLE
        except Interrupted:
            pass
        except GlassnetError:  # it will be said when somebody goes there
            self._fills = False

    def _stretch(self, every: int | None) -> int | None:
        """How many minibatches to do until the next event: not beyond where something was changed, the end, or the target."""
        state = self._state
        stops = [
            each
            for each in (self._past.stop(state.at), state.end, self._target)
            if each is not None and each > state.at
        ]
        stop = min(stops, default=None)
        if stop is None or stop[0] > state.at[0]:  # an event ends with its epoch in any case
            return every
        room = -(-(stop[1] - state.at[1]) // state.checkpoint.settings.batch_size)
        return max(1, min(every or _STRETCH, room))

    def _leave(self) -> None:
        if self._stale:
            self._open(1)
        self._close_events()
        if self._unsaved or self._waiting:
            self._save()

    # ── Commands, in the thread ──────────────────────────────────────────────────────────────────────────────────────

    def _take(self, run: Run, plan: Plan, speed: float | None, playing: bool, at: Place | None = None) -> None:
        """Go on with a run from where the plan says; a run that has no checkpoint yet is given its first."""
        begin, splits = settled(plan.checkpoint, len(plan.splits.train)), plan.splits
        settings, engine = begin.settings, run.about.get("engine")
        run.take()  # for as long as it is trained here
        try:
            if not (run.path / "checkpoint.safetensors").exists():
                run.save(begin)
            recorded = run.events()
            # What was recorded after the checkpoint will happen again. On disk it goes with the next save: one that fails is
            # told, and tried again.
            past = led_to(recorded, plan.checkpoint)
            replay = past_of(run, plan, past, keep=True)
            if not (run.path / "first.safetensors").exists() and first_of(run, begin, past) is not None:
                with contextlib.suppress(NotSaved):  # of an earlier version: it is known, and can be drawn again
                    run.save_first(replay.first)
        except BaseException:
            run.release()
            raise
        if self._run is not None:
            self._worker.guarded(self._leave)  # a run that cannot be opened any more must not keep anybody in it
            if "unsaved" in self._notices and self._left != (self._run.path, run.path):
                self._left = self._run.path, run.path  # who asks again knows
                run.release()
                raise Refused(
                    f"run {self._run.path.name} could not be saved, and what it learned since would be lost: make room first; "
                    "asked once more, it is left all the same",
                    "unsaved",
                )
            self._run.release()
        self._run = run
        moved = plan.about.get("data") if plan.about.get("data") != run.about.get("data") else None
        done = begin.epoch >= settings.epochs and begin.example == 0
        returns = at is not None and at < place_of(begin)
        judged = [each for each in past if each["event"] == "judged"]
        with self._lock:
            self._waiting, self._best = [], None
            self._best_cost = best_cost(past)
            self._recorded, self._owed = _last_started(past), None
            self._back, self._target = plan.checkpoint if len(past) < len(recorded) else None, None
            self._unsaved = self._back is not None
            self._unlogged, self._untouched = False, None
            self._preparation = self._returning = None
            self._past, self._end, self._fills = replay, begin, True
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
                mode="finished" if done else "playing" if playing and not returns else "paused",
                speed=speed,
                seconds=(number_of(judged[-1], "seconds") or 0.0) if judged else 0.0,
                judged=judgement_of(judged[-1]) if judged else None,
                engine=engine_of(engine, begin).name,
                end=place_of(begin),
                log=replay.log,
            )
        if done:
            self._tell(_finished(begin))
        if moved is not None:
            self._tell(Notice("moved", f"the data of this run was found in {', '.join(map(str, moved['sources']))}"))
            try:
                run.note(data=moved)
            except NotSaved as error:
                self._tell(Notice("unsaved", str(error)))
        preparation = self._prepare()
        if at is not None and returns:
            self._returning = at, playing, begin
            if preparation.wait(_PATIENCE):
                self._return()  # otherwise when it is
        with self._arriving:  # whoever waits for a place of the run before waits in vain
            self._arriving.notify_all()
        self._changed()

    def _play(self) -> None:
        self._check_more()
        self._due = time.monotonic()
        self._lately.clear()
        self.untell("diverged", "stopped", "branched")
        self._note_edits()
        self._publish(mode="playing", redo=())

    def _pause(self) -> None:
        self._halt.clear()
        if self._returning is not None:  # it goes back there all the same, and does not play then
            at, _, begin = self._returning
            self._returning = at, False, begin
        if self._state.mode in ("playing", "stepping"):
            self._unsaved = True
            self._publish(mode="paused", rate=None)

    def _step(self) -> None:
        self._check_more()
        self.untell("diverged", "stopped", "branched")
        self._note_edits()
        self._publish(mode="paused", rate=None, redo=())
        if self._open(1):
            self._advance()
        else:  # when it is prepared
            n, (epoch, example) = len(self._state.splits.train), self._state.at
            last = example + self._state.checkpoint.settings.batch_size
            self._target = (epoch, last) if last < n else (epoch + 1, 0)
            self._publish(mode="stepping")

    def _epoch(self) -> None:
        self._go_to((self._state.at[0] + 1, 0))

    def _reach(self, place: Place | int) -> Place:
        state = self._state
        target = self._place_at(place) if isinstance(place, int) else place
        step = place if isinstance(place, int) else state.step_of(target)
        if step > state.steps:
            raise Refused(f"this run has {state.steps:,} steps, not {step:,}: give it more epochs", "beyond")
        if target < state.at:
            raise Refused(f"this run is at step {state.step:,} already: go back to step {step:,} instead", "past")
        if target > state.at:
            self._go_to(target)
        return target

    def _place_at(self, step: int) -> Place:
        """Where the minibatch of that number ends: where the size was changed on the way, they do not begin where one of
        today's size would.
        """
        return self._past.floor(self._state.place_at(step))

    def _go_to(self, target: Place) -> None:
        self._check_more()
        self._lately.clear()
        self.untell("diverged", "stopped", "branched")
        self._note_edits()
        self._target = target
        self._publish(mode="stepping", redo=())

    # ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _seek(self, place: Place | int) -> None:
        state = self._state
        wanted = self._place_at(place) if isinstance(place, int) else place
        target = self._past.floor(wanted)
        if wanted > state.end:
            raise Refused(f"the run has come to step {state.step_of(state.end):,} so far: it can go to that", "beyond")
        self._returning = None  # whoever wanted it elsewhere has changed their mind
        self._note_edits()
        self._close_events()
        if state.mode in ("playing", "stepping"):
            self._publish(mode="paused", rate=None)
        with _stoppable():
            moment = self._past.moment(target, self._halt)
        now = moment.checkpoint
        if target == state.end:
            if not _same(now, self._end):
                self._differs()
            now = self._end
        batch = None
        if moment.before is not None and moment.arrived is not None:
            before, after = (Weights(next(self._serials), each.network) for each in (moment.before, moment.arrived))
            last = moment.arrived.example or len(state.splits.train)
            epoch = moment.arrived.epoch if moment.arrived.example else moment.arrived.epoch - 1
            found, step = moment.before, state.step_of(target)
            batch = Batch(epoch, found.example, last, step, before, after, found.settings, found.memory)
        self.untell("diverged", "finished", "stopped", "branched")
        done = now.epoch >= now.settings.epochs and now.example == 0
        if done:
            self._tell_finished(now)
        told = state.told if now.settings == state.checkpoint.settings else next(self._serials)
        self._stale = not done
        self._target = None
        self._publish(
            checkpoint=now,
            weights=Weights(next(self._serials), now.network),
            batch=batch,
            cost=moment.cost,
            mode="finished" if done else "paused",
            rate=None,
            told=told,
            redo=(),
        )

    def _differs(self) -> None:
        """Training again up to the run's end came out otherwise: say why, where that is known."""
        others = self._past.other_arithmetics(self._state.end)
        if others:
            code = "differs_earlier" if others[0] < ARITHMETIC else "differs_later"
            why = f"this run was {arithmetic_text(others)}"
        else:
            code, why = "differs", "another version of glassnet, or another kind of processor, trained this run"
        self._tell(Notice(code, f"training again gave other last digits than are on record: {why}"))

    def _go_back(self, epoch: bool) -> None:
        at = self._state.at
        earlier = self._past.before(at)
        if earlier is None:
            raise Refused("this is the beginning of the run: there is nothing before it", "beginning")
        if epoch:
            earlier = max((at[0] if at[1] else at[0] - 1, 0), self._past.begin)
        self._seek(earlier)

    def _network_at(self, step: int) -> Network:
        state = self._state
        place = self._place_at(step)
        if place > state.end:
            raise Refused(f"the run has come to step {state.step_of(state.end):,} so far", "beyond")
        if place == state.at:
            return state.weights.network
        with _stoppable():
            return self._past.at(place, interrupt=self._halt).network

    def _branch(self) -> None:
        """Before something is changed in the past: go on in a new run, which is the same up to here."""
        state = self._state
        if not state.past:
            return
        self._save()
        if "unsaved" in self._notices:
            raise Refused("this run cannot be saved, so nothing can branch off from it yet", "unsaved")
        at = state.at
        about = {key: state.run.about[key] for key in CARRIED if key in state.run.about}
        origin = {"run": state.run.path.name, "step": state.step}
        marks = [{**each, "at": list(each["at"])} for each in bookmarks(state.run.about) if each["at"] <= at]
        events = [event for event in state.run.events() if event["event"] != "finished" and event["at"] <= list(at)]
        if state.judged is not None and state.judged["step"] == state.step:
            events.append({"event": "judged", "at": list(at), "seconds": round(state.seconds, 3), **state.judged})
        about |= {"from": str(state.run.path), "branched": origin, "bookmarks": marks}
        run = new_run(state.run.path.parent, about, events, self._past.first, state.checkpoint)
        run.take()
        with self._lock:
            late, self._waiting = self._waiting, []  # what was judged meanwhile belongs to the old one
            with contextlib.suppress(NotSaved):
                state.run.append(late)
            state.run.release()
            self._run = run
            self._past = self._past.branched(at, run.path / "moments")
            self._end = state.checkpoint
            self._best, self._best_cost = None, best_cost(events)
            self._recorded, self._owed = _last_started(events), None
            self._stale = self._unsaved = True
            charts = state.charts.until(state.place)  # finer than what is on record of a fast training
            self._publish(run=run, end=at, log=self._past.log, charts=charts, told=next(self._serials))
        self._tell(
            Notice(
                "branched",
                f"run {origin['run']} is kept as it is: this is run {run.path.name}, which branches off here",
            )
        )

    # ── Hands ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _bare(self) -> Checkpoint:
        """The checkpoint of this place without what was changed by hand here."""
        state = self._state
        known = self._untouched
        if known is not None and place_of(known) == state.at and known.settings == state.checkpoint.settings:
            return known
        found = state.checkpoint
        if state.edits:  # the settings may be so new that they are not in the log yet
            found = replace(self._past.at(state.at, edits=False), settings=found.settings)
        self._untouched = found
        return found

    def _edit(self, edit: Edit) -> None:
        edits = self._state.edits
        kept = edits[:-1] if edits and edit.follows(edits[-1]) else edits
        if len(kept) >= _EDITS:
            kept = effective(kept)
        edited(self._state.weights.network, [edit])  # refused before anything is branched off
        self._set_edits([*kept, edit], ())

    def _unmute(self, layer: int, neuron: int) -> None:
        edits = self._state.edits
        kept = [each for each in edits if (each.kind, each.layer, each.neuron) != ("mute", layer, neuron)]
        if len(kept) == len(edits):
            raise Refused("this neuron was not muted here: go back in time to where it was", "not_muted")
        self._set_edits(kept, ())

    def _undo(self, everything: bool) -> None:
        edits = self._state.edits
        if not edits:
            raise Refused("nothing was changed by hand since the last minibatch", "nothing")
        last = 0 if everything else len(edits) - 1
        self._set_edits(edits[:last], (*self._state.redo, *edits[last:][::-1]))

    def _redo(self) -> None:
        redo = self._state.redo
        if not redo:
            raise Refused("there is nothing to be done again", "nothing")
        self._set_edits([*self._state.edits, redo[-1]], redo[:-1])

    def _set_edits(self, edits: list[Edit], redo: tuple[Edit, ...]) -> None:
        """The network of this place, changed by hand in just these ways."""
        self._branch()
        bare = self._bare()
        now = replace(bare, network=edited(bare.network, edits))
        state = self._state
        log = replace(state.log, edits={**state.log.edits, state.at: edits})
        if not edits:
            del log.edits[state.at]
        self._close_events()
        done = state.mode == "finished"
        self._past.log, self._end, self._unlogged, self._unsaved = log, now, True, True
        self._stale = not done
        self.untell("diverged", "stuck", "stopped")
        self._publish(
            checkpoint=now,
            weights=Weights(next(self._serials), now.network),
            batch=None,
            mode="finished" if done else "paused",
            rate=None,
            log=log,
            redo=redo,
            # A hand that moves makes twenty edits a second: the mark they make is told when it comes and when it goes.
            told=state.told if state.edits and edits else next(self._serials),
        )

    def _note_edits(self) -> None:
        """Put on record what was changed by hand here, before the training leaves the place."""
        if self._unlogged:
            self._unlogged = False
            state = self._state
            data = [each.to_data() for each in effective(state.edits)]  # a hundred strokes over a neuron are one
            at = list(state.at)
            self._record({"event": "edited", "step": state.checkpoint.memory.step, "at": at, "edits": data})
            self._publish(told=next(self._serials))

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
        if settings.deform is not None:
            Deformer(state.splits.train.inputs, settings.deform)  # refuses what is no image
        self._branch()
        self._note_edits()
        state = self._state
        self._close_events()
        self._stale = self._unsaved = True
        state.charts.change(state.place)
        self.untell("diverged", "stuck", "stopped", "finished")
        done = checkpoint.epoch >= settings.epochs and checkpoint.example == 0
        mode: Mode = "finished" if done else "paused" if state.mode in ("finished", "diverged") else state.mode
        # What is saved from now on must be a whole checkpoint of these settings, whether the training goes on or is over.
        now = self._end = continued(checkpoint, settings, n)
        if done:
            self._stale = False
            self._tell(_finished(now))
        self._publish(checkpoint=now, mode=mode, told=next(self._serials))
        engine = engine_of(state.run.about.get("engine"), now).name
        self._note_settings(Started(now, n, state.steps, engine))  # at once: it changed what the optimizer keeps

    # ── Training ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _engine_name(self) -> str | None:
        """The name of what takes the steps from here on."""
        state = self._state
        name: str | None = self._past.engine_at(state.at) if state.past else state.run.about.get("engine")
        return name

    def _open(self, every: int | None) -> bool:
        """Have a training that goes on from here with so many minibatches between two events.

        Whether there is one: not while what it needs is being loaded, or compiled; this thread is woken when that is done.
        """
        if self._events is not None and self._every == every and not self._stale:
            return True
        if not self._prepare().done:
            return False
        self._close_events()
        state = self._state
        events = train(
            None,
            state.splits.train,
            validation=state.splits.validation,
            start=state.checkpoint,
            engine=engine_of(self._engine_name(), state.checkpoint),
            every=every,
            interrupt=self._interrupt,
            quiet=True,
        )
        started = next(events)
        assert isinstance(started, Started)
        self._events, self._every, self._stale, self._begun, self._kept = events, every, False, state.seconds, 0.0
        # Its memory counts steps, and has running averages, as the settings of now ask for.
        changes: dict[str, Any] = {"checkpoint": started.checkpoint, "engine": started.engine}
        if not state.past:
            self._end = started.checkpoint
        self._publish(**changes)
        if not state.past:
            self._note_settings(started, begun=False)
        return True

    def _note_settings(self, started: Started, begun: bool = True) -> None:
        """Put on record with which settings, by which engine and by which arithmetic the run goes on from its end, where they
        are others.

        Args:
            started: the training that goes on.
            begun: whether something was changed, or the next minibatch follows at once. Otherwise another arithmetic waits
                for that: a run of an earlier version that is only looked at stays as it is.
        """
        data, state = event_data(started), self._state
        going, self._owed = _going_on(data), None
        if going == self._recorded:
            return
        if not begun and self._recorded is not None and going[:2] == self._recorded[:2]:
            self._owed = started
            return
        self._recorded = going
        self._record(data)
        log = replace(
            state.log,
            settings={**state.log.settings},
            engines={**state.log.engines},
            arithmetics={**state.log.arithmetics},
        )
        if not log.settings or started.checkpoint.settings != self._past.settings_at(state.at):
            log.settings[state.at] = [*log.settings.get(state.at, ()), started.checkpoint.settings]
        if self._past.engine_at(state.at) != started.engine:
            log.engines[state.at] = started.engine
        if self._past.arithmetic_at(state.at) != data["arithmetic"]:
            log.arithmetics[state.at] = data["arithmetic"]
        self._past.log = log
        self._publish(log=log, told=next(self._serials))

    def _close_events(self) -> None:
        if self._events is not None:
            self._events.close()  # type: ignore[attr-defined]
            self._events = None

    def _advance(self) -> None:
        """One event, and those that follow from it without another minibatch."""
        if self._owed is not None and not self._state.past:
            self._note_settings(self._owed)
        n = len(self._state.splits.train)
        event = self._next()
        if isinstance(event, Stepped):
            self._stepped(event)
            event = self._next() if event.examples == n else None
        if isinstance(event, EpochEnded):
            self._ended(event)
            last = event.epoch == event.checkpoint.settings.epochs
            event = self._next() if last and self._events is not None else None
        if isinstance(event, Finished):
            self._close_events()
            self._record(event_data(event))
            self._tell(_finished(event.checkpoint))
            self._publish(mode="finished", rate=None)

    def _next(self) -> Event | None:
        assert self._events is not None
        try:
            return next(self._events)
        except Diverged as error:
            self._diverged(error)
            return None

    def _stepped(self, event: Stepped) -> None:
        state, now = self._state, event.checkpoint
        n, size, before = len(state.splits.train), now.settings.batch_size, state.checkpoint
        count = len(event.costs)
        weights = Weights(next(self._serials), now.network)
        ends = np.minimum(before.example + size * np.arange(1, count + 1), n)
        sizes = np.diff(ends, prepend=before.example).astype(np.float64)
        batch = None
        if count == 1:
            batch = Batch(
                now.epoch, before.example, now.example, event.step, state.weights, weights, now.settings, before.memory
            )
            if now.example < n:
                self._past.pass_by(now, float(event.costs[-1]))
        if now.example < n and event.seconds - self._kept >= _KEEP:
            self._kept = event.seconds
            self._past.keep(now)
        changes: dict[str, Any] = {}
        if not state.past:
            state.charts.learn((now.epoch * n + ends).astype(np.float64), event.costs, sizes)
            self._record(event_data(event))
            changes["seconds"] = self._begun + event.seconds
            if now.example < n:
                self._end, changes["end"] = now, place_of(now)
        elif now.example < n:
            now, weights = self._again(now, weights)
        if state.mode == "playing" and state.speed is not None:
            self._due = max(self._due + count / state.speed, time.monotonic())
        self._publish(
            checkpoint=now,
            weights=weights,
            batch=batch,
            cost=float(event.costs.mean()),
            rate=self._rate(now.epoch * n + now.example),
            **changes,
        )
        if now.example < n:
            self._arrived()

    def _again(self, now: Checkpoint, weights: Weights) -> tuple[Checkpoint, Weights]:
        """Where it has come to, in the past: with what was changed there then."""
        state, place = self._state, place_of(now)
        if place == state.end:
            if not _same(self._past.applied(now), self._end):
                self._differs()
            self._close_events()
            self._stale, now = True, self._end
        elif place in state.log.settings or place in state.log.edits or place in state.log.engines:
            self._close_events()
            now = self._past.applied(now)
        return now, weights if now.network is weights.network else Weights(next(self._serials), now.network)

    def _arrived(self) -> None:
        """After each event: whether this is where it was to stop."""
        state = self._state
        if state.mode == "stepping" and self._target is not None and state.at >= self._target:
            self._target = None
            self._publish(mode="paused", rate=None)

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
        state, judged, now = self._state, event.validation, event.checkpoint
        changes: dict[str, Any] = {}
        self._past.keep(now)
        if event.stuck is not None:
            self._tell(Notice("stuck", event.stuck))
        if place_of(now) <= state.end:
            now, changes["weights"] = self._again(now, state.weights)
            if now.epoch >= now.settings.epochs:
                self._close_events()
                self._stale, changes["mode"], changes["rate"] = False, "finished", None
                self._tell_finished(now)
        else:
            if judged is not None:
                place = event.epoch * len(state.splits.train)
                state.charts.judge(place, None, (judged.cost, judged.accuracy))
                if self._best_cost is None or judged.cost < self._best_cost:
                    self._best, self._best_cost = now, judged.cost
            self._record(event_data(event))
            self._end, changes["end"] = now, place_of(now)
        self._publish(checkpoint=now, **changes)
        self._arrived()

    def _diverged(self, error: Diverged) -> None:
        """Back to the best network from before, as training says."""
        self._close_events()
        state, now = self._state, error.checkpoint
        here = [now.epoch, now.example]
        state.charts.cut(now.epoch * len(state.splits.train) + now.example)
        self._past.cut(place_of(now))
        self._end, self._target = now, None
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
            end=place_of(now),
            log=self._past.log,
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
        self._note_edits()
        self._unsaved = False  # what was just noted is written now
        state = self._state
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            if self._back is not None:
                state.run.rewind(self._back)
                self._back = None
            state.run.append(waiting)
            waiting = []
            state.run.save(self._end, self._best)
            self._best = None
            with contextlib.suppress(NotSaved):  # they can be had again
                self._past.save()
        except BaseException as error:
            with self._lock:
                self._waiting = [*waiting, *self._waiting]
                self._unsaved = True
            if not isinstance(error, GlassnetError):
                raise
            self._tell(Notice("unsaved", f"{error}{_LOST}"))
        else:
            self.untell("unsaved")

    def _tell(self, notice: Notice) -> None:
        with self._lock:
            self._notices.pop(notice.code, None)
            self._notices[notice.code] = notice
            self._publish()

    def _tell_finished(self, now: Checkpoint) -> None:
        """That all epochs are trained, after training again: if that came out otherwise than on record, this stays shown."""
        with self._lock:
            differs = [notice for code, notice in self._notices.items() if code.startswith("differs")]
            for notice in [_finished(now), *differs]:
                self._tell(notice)

    def _publish(self, **changes: Any) -> None:
        with self._lock:
            notice = list(self._notices.values())[-1] if self._notices else None
            before = self._state.at
            self._state = replace(self._state, serial=next(self._serials), notice=notice, **changes)
            if self._state.at != before:  # who comes here another time may come another way
                self._untouched = None
        if "checkpoint" in changes or "mode" in changes:
            with self._arriving:
                self._arriving.notify_all()
        self._changed()


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Training again, which somebody may stop."""
    try:
        yield
    except Interrupted:
        raise Refused(_STOPPED, "stopped") from None


def _finished(checkpoint: Checkpoint) -> Notice:
    count = checkpoint.settings.epochs
    return Notice("finished", f"all {count:,} epochs are trained" if count > 1 else "the epoch is trained")


def _same(one: Checkpoint, other: Checkpoint) -> bool:
    """Whether two networks have the same bytes."""
    pairs = zip(one.network.layers, other.network.layers, strict=True)
    return all(a.weight.tobytes() == b.weight.tobytes() and a.bias.tobytes() == b.bias.tobytes() for a, b in pairs)


def _going_on(started: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """The settings, the engine and the arithmetic that a training goes on with, as its event says."""
    return started.get("settings"), started.get("engine"), started.get("arithmetic", 1)


def _last_started(events: list[dict[str, Any]]) -> tuple[Any, Any, Any] | None:
    """What is on record that the training goes on with."""
    found = [_going_on(event) for event in events if event["event"] == "started"]
    return found[-1] if found else None
