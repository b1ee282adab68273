"""Following a run that another process trains: what it has written since the last look, and how the network does by now.

A training appends to ``events.jsonl`` and replaces ``checkpoint.safetensors`` every two seconds or so (see
:class:`glassnet.watch.record`). Nothing is asked of it: its folder is looked at twice a second, and only what is new is read.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.checkpoint import Checkpoint
from glassnet.data import Dataset
from glassnet.errors import GlassnetError, WrongFile
from glassnet.evaluation import evaluate
from glassnet.network import Network
from glassnet.runs import Run, event_of, is_checked
from glassnet.runs.plans import Plan, answer_of, reopened
from glassnet.runs.replay import place_of, settled
from glassnet.studio.charts import Reading
from glassnet.studio.trainer import Notice, State, Weights
from glassnet.studio.workers import Worker, failure

__all__ = ["QUIET", "Follower", "Record"]

QUIET = 30.0
"""Seconds without a word after which it is said that nothing comes any more."""
_LOOK = 0.5
"""Seconds between two looks at the folder."""
_JUDGED = 10_000
"""Training examples that the network is judged by."""


class Record(Reading):
    """A record that grows: each call of :meth:`read` reads what was added since the last.

    Args:
        path: the run's folder.
        examples: how many there are in an epoch.

    Attributes:
        examples, charts, cost, seconds, finished: as of :class:`~glassnet.studio.charts.Reading`.
    """

    def __init__(self, path: Path, examples: int) -> None:
        super().__init__(examples)
        self._path = path / "events.jsonl"
        self._lock = threading.Lock()
        self._offset = 0
        self._file: int | None = None

    def _forget(self) -> None:
        super().__init__(self.examples)
        self._offset, self._file = 0, None

    def read(self) -> bool:
        """Take in what is new; whether there was anything. A last line that is still being written waits for its end.

        A record that was replaced (its run was resumed from an earlier place) is read again from its beginning.

        Errors: :class:`~glassnet.errors.WrongFile` if it cannot be read.
        """
        with self._lock:
            try:
                with self._path.open("rb") as file:
                    about = os.fstat(file.fileno())
                    if about.st_ino != self._file or about.st_size < self._offset:
                        self._forget()
                        self._file = about.st_ino
                    file.seek(self._offset)
                    new = file.read()
            except FileNotFoundError:
                new = b""
            except OSError as error:
                raise WrongFile(f"cannot read {self._path}: {error.strerror or error}") from error
            end = new.rfind(b"\n") + 1
            if not end:
                return False
            try:
                self.take(_events(new[:end].split(b"\n")[:-1]))
            except ValueError as error:
                self._forget()  # read again from its beginning, when somebody has brought back what it was
                raise WrongFile(f"{self._path} is damaged: {error}") from error
            self._offset += end
            return True


def _events(lines: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The events in these lines; what is none is left out: files can be edited.

    Errors: ``ValueError`` for a line that is not as it was written.
    """
    for line in lines:
        event = event_of(line) if is_checked(line) else None
        try:
            event = json.loads(line) if event is None else event
            epochs, example = event["at"]
            good = isinstance(event["event"], str) and all(
                type(each) is int and 0 <= each < 2**40 for each in (epochs, example)
            )
        except (ValueError, TypeError, KeyError, RecursionError):
            continue
        if good:
            yield event


class Follower:
    """Follows a run that another process trains, in a thread of its own, until it is closed.

    Args:
        path: the run's folder; it is only read.
        changed: called in any thread whenever there is a new :attr:`state`; it must return at once.
        serials: where the state's numbers come from: none that the trainer of this studio uses.
        known: where the run's data may lie, if it is not where it was.

    Errors: :class:`~glassnet.errors.WrongFile` if it is no run, has no checkpoint yet, or its data is not there.
    """

    def __init__(
        self,
        path: Path,
        changed: Callable[[], None],
        serials: Iterator[int] | None = None,
        known: Sequence[Sequence[str]] = (),
    ) -> None:
        self._path = path
        self._known = known
        self._changed = changed
        # Far below all numbers of a trainer, which counts from 1.
        self._serials = itertools.count(-(2**40)) if serials is None else serials
        self._heard = time.monotonic()
        self._places: tuple[float, int] | None = None  # when the run was where
        self._begin()
        self._worker = Worker("following", self._follow, lambda: _LOOK, self._fail, retries=True)
        self._worker.start()

    @property
    def state(self) -> State:
        """How things are there, as far as it was written down."""
        return self._state

    @property
    def finished(self) -> bool:
        """Whether the record ends with the end of the training."""
        return self._record.finished

    def close(self) -> None:
        """Look no more. May be called again, by any thread."""
        self._worker.close()

    # ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self) -> None:
        """Read everything: at first, and again when the run was begun anew or resumed."""
        seen = self._stamps()  # before the files are read: what changes meanwhile is seen at the next look
        run = Run.open(self._path)
        plan = reopened(run, known=self._known)
        record = Record(self._path, len(plan.splits.train))
        record.read()
        plan = replace(plan, checkpoint=settled(plan.checkpoint, len(plan.splits.train)))
        judged = _judgement(plan)
        self._seen, self._record = seen, record
        state = State(
            serial=next(self._serials),
            told=next(self._serials),
            run=run,
            splits=plan.splits,
            charts=record.charts,
            checkpoint=plan.checkpoint,
            weights=Weights(next(self._serials), plan.checkpoint.network),
            mode="watching",
            speed=None,
            seconds=record.seconds,
            cost=record.cost,
            judged=judged,
            notice=self._notice(),
            engine=str(run.about.get("engine") or "fused"),
            end=place_of(plan.checkpoint),
        )
        self._state = replace(state, judged_of=state.judging)
        self._places = None
        self._note(judged)

    def _stamps(self) -> tuple[Any, Any]:
        """What says that run.json, and the checkpoint, were replaced."""
        return tuple(_stamp(self._path / name) for name in ("run.json", "checkpoint.safetensors"))  # type: ignore[return-value]

    def _follow(self) -> None:
        try:
            self._look()
        except (GlassnetError, OSError) as error:  # of a folder that is being replaced: it is looked at again
            self._publish(notice=Notice("watched_lost", f"this run cannot be read any more: {error}"))

    def _fail(self, error: BaseException) -> None:
        self._seen = False, False  # what was half read is read again, from the beginning
        text = failure("reading this run failed", error, "It is tried again.")
        self._publish(notice=Notice("thread", text))

    def _look(self) -> None:
        stamps = self._stamps()
        if stamps[0] != self._seen[0]:
            self._begin()
            self._heard = time.monotonic()
            self._changed()
            return
        charts, changes = self._record.charts, {}
        if self._record.read():
            self._heard = time.monotonic()
            changes = {"cost": self._record.cost, "seconds": self._record.seconds, "charts": self._record.charts}
            if self._record.charts is not charts:
                changes["told"] = next(self._serials)
        if stamps[1] != self._seen[1]:
            self._heard = time.monotonic()
            changes |= self._checkpoint(Run(self._path, self._state.run.about).checkpoint())
            self._seen = stamps
        notice = self._notice()
        if changes or notice != self._state.notice:
            self._publish(**changes, notice=notice)

    def _checkpoint(self, now: Checkpoint) -> dict[str, Any]:
        """What of the state a newer checkpoint changes."""
        before = self._state
        if now.network.sizes != before.checkpoint.network.sizes:
            raise WrongFile(f"{self._path} holds another network than when it was opened")
        now = settled(now, len(before.splits.train))
        weights = Weights(next(self._serials), now.network)
        changes: dict[str, Any] = {"checkpoint": now, "weights": weights, "rate": None, "end": place_of(now)}
        if now.settings != before.checkpoint.settings:
            changes["told"] = next(self._serials)
        place, at = now.epoch * len(before.splits.train) + now.example, time.monotonic()
        if self._places is not None and place > self._places[1] and not self.finished:
            changes["rate"] = (place - self._places[1]) / max(at - self._places[0], 1e-3)
        self._places = at, place
        changes["judged"] = _judgement(Plan(now, before.splits, before.run.about))
        changes["judged_of"] = replace(before, checkpoint=now, weights=weights).judging
        self._note(changes["judged"], place)
        return changes

    def _note(self, judged: dict[str, Any], place: int | None = None) -> None:
        """Put a judgement on the charts."""
        pairs = [
            None if each is None else (each["cost"], each["accuracy"])
            for each in (judged["train"], judged["validation"])
        ]
        self._record.charts.judge(self._state.place if place is None else place, pairs[0], pairs[1])

    def _notice(self) -> Notice | None:
        if self.finished:
            return Notice("watched_finished", "the training that is watched has finished")
        if time.monotonic() - self._heard > QUIET:
            return Notice(
                "watched_quiet",
                "nothing was written for half a minute: the training that is watched was stopped, or is slow",
            )
        return None

    def _publish(self, **changes: Any) -> None:
        self._state = replace(self._state, serial=next(self._serials), **changes)
        self._changed()


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_mtime_ns, about.st_size


def _judgement(plan: Plan) -> dict[str, Any]:
    """What the network is worth, as a judgement of the session says it."""
    checkpoint, splits = plan.checkpoint, plan.splits
    parts = {"train": splits.train.take(slice(0, _JUDGED)), "validation": splits.validation}
    n = len(splits.train)
    step = checkpoint.epoch * -(-n // checkpoint.settings.batch_size) + -(
        -checkpoint.example // checkpoint.settings.batch_size
    )
    judged: dict[str, Any] = {"step": step}
    for name, data in parts.items():
        judged[name] = None if data is None else _judged(checkpoint.network, data, checkpoint)
    return judged


def _judged(network: Network, data: Dataset, checkpoint: Checkpoint) -> dict[str, Any] | None:
    with np.errstate(over="ignore", invalid="ignore"):
        found = evaluate(network, data, checkpoint.settings.cost, answer_of(network, 1, loaded=True))
    good = math.isfinite(found.cost)
    return {"cost": found.cost, "accuracy": found.accuracy, "examples": found.examples} if good else None
