"""A run on disk: a folder that a training writes as it goes, from which it is resumed exactly.

    run.json                 what was asked for: data, engine, versions
    first.safetensors        the state it began with
    checkpoint.safetensors   the latest state, or, once training has ended, its result
    best.safetensors         the state that the validation data liked best
    events.jsonl             what happened: one event in each line
    lock                     there while a process writes

Every file is replaced atomically (see :mod:`glassnet.files`) and carries a checksum inside, the record one in every line; the
events are appended before the checkpoint that they lead to, and those after it are dropped when the run is resumed, because
they will happen again. ``run.json`` is the last file of a new run: a folder without it is the rest of one that never began.

A run has one writer at a time, who holds its lock (:meth:`Run.hold`). Reading needs none.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from glassnet import files
from glassnet.checkpoint import Checkpoint
from glassnet.engine import ARITHMETIC
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.evaluation import Evaluation
from glassnet.events import EpochEnded, Event, Finished, Started, Stepped
from glassnet.interchange import read_checkpoint, read_header, read_network, save_checkpoint
from glassnet.network import Network
from glassnet.runs.edits import Edit, edited

__all__ = [
    "Busy", "Run", "about_text", "best_cost", "event_data", "event_line", "event_of", "is_checked", "led_to",
    "settled_place", "since_cost",
]  # fmt: skip


class Busy(GlassnetError):
    """Another process, or another part of this one, writes into this run."""


class Run:
    """A run's folder.

    Attributes:
        path: the folder.
        about: what ``run.json`` says: anything JSON can hold.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path = path
        self.about = about
        self._lock = files.Lock(path / "lock")
        self._holding = threading.RLock()  # guards _holds and _end
        self._holds = 0
        self._end: int | None = None  # how long the record is, as far as this process wrote it
        _RUNS.add(self)

    @classmethod
    def create(cls, path: str | Path, about: dict[str, Any], first: Checkpoint | None = None) -> Run:
        """Make the folder for a new run. What a process left that was killed while it made one there goes.

        Args:
            path: the folder; it may be there, if nothing is in it.
            about: what ``run.json`` is to say.
            first: where the run begins. With it, the run can be gone on with from the moment it is there.

        Errors: :class:`~glassnet.errors.WrongFile` if something is there already; :class:`Busy` if it is just being made;
        :class:`~glassnet.files.NotSaved`.
        """
        path = Path(path)
        try:
            if path.exists() and not _may_begin(path):
                raise WrongFile(
                    f"{path} exists already: choose another folder, or go on with the run in it by --resume"
                )
            there = path.exists()
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise files.NotSaved(f"could not make the folder {path}: {error.strerror or error}") from error
        run = cls(path, about)
        with run.hold():
            try:
                if not _may_begin(path):  # another process was quicker
                    raise WrongFile(f"{path} exists already: choose another folder")
                for name in _FILES:
                    (path / name).unlink(missing_ok=True)
                if first is not None:
                    run.save_first(first)
                run._write_about(about)
            except BaseException as error:
                for name in _FILES:
                    with contextlib.suppress(OSError):
                        (path / name).unlink(missing_ok=True)
                run.release()
                if not there:
                    with contextlib.suppress(OSError):
                        path.rmdir()
                if isinstance(error, OSError) and not isinstance(error, GlassnetError):
                    raise files.NotSaved(f"could not begin a run in {path}: {error.strerror or error}") from error
                raise
        return run

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """A run that is there.

        Errors: :class:`~glassnet.errors.WrongFile` if there is none, or its ``run.json`` is damaged.
        """
        path = Path(path)
        if not (path / "run.json").is_file():
            there = "holds no run: it has no run.json" if path.exists() else "does not exist"
            raise WrongFile(f"{path} {there}; glassnet train --out {path} makes one")
        return cls(path, _read_about(path))

    @property
    def arithmetic(self) -> int:
        """The :data:`~glassnet.engine.ARITHMETIC` that the run began with; 1 where it was not noted, as by earlier versions."""
        noted = self.about.get("arithmetic")
        return noted if type(noted) is int and noted > 0 else 1

    # ── Who writes ───────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def hold(self) -> Iterator[Run]:
        """Be the run's writer, until the end of the ``with`` (or :meth:`release`). May be done within itself.

        Where nothing can be locked, nobody is kept out; that nothing can be written there either is said on writing.

        Errors: :class:`Busy`.
        """
        self.take()
        try:
            yield self
        finally:
            self.release()

    def take(self) -> None:
        """Be the run's writer, until as many calls of :meth:`release`.

        Errors: :class:`Busy`.
        """
        with self._holding:
            if not self._holds:
                try:
                    if not self._lock.take():
                        raise Busy(f"{self.path} is being written by {self._holder()}. It can be read meanwhile")
                    # Nobody else writes here now, so what is unfinished was left by one that was killed.
                    files.sweep(self.path)
                except OSError as error:
                    if error.errno not in _NO_LOCKS and self._lock.path.exists():
                        raise Busy(
                            f"{self._lock.path} cannot be opened ({error.strerror}), so nobody knows whether another process "
                            "writes this run: remove it, if none does"
                        ) from error
                self._end = None
            self._holds += 1

    def _holder(self) -> str:
        """Who writes, and what to do about it."""
        who = self._lock.holder()
        if who == os.getpid():
            return "another part of this process: wait until that has ended"
        number = "" if who is None else f" (number {who})"
        return f"another process{number}: wait until that has ended, or stop it"

    def release(self) -> None:
        """Let others write."""
        with self._holding:
            self._holds = max(0, self._holds - 1)
            if not self._holds:
                self._lock.release()

    # ── What is there ────────────────────────────────────────────────────────────────────────────────────────────────

    def note(self, **changes: Any) -> None:
        """Change entries of ``about``, and replace ``run.json``. What others noted since it was opened stays.

        Errors: :class:`Busy`; :class:`~glassnet.files.NotSaved`.
        """
        with self._holding, self.hold():
            with contextlib.suppress(WrongFile):  # gone or damaged: what is known of it is written anew
                self.about = _read_about(self.path)
            about = {**self.about, **changes}
            self._write_about(about)
            self.about = about

    def describe(self, about: dict[str, Any]) -> None:
        """Replace all that ``run.json`` says.

        Errors: :class:`Busy`; :class:`~glassnet.files.NotSaved`.
        """
        with self._holding, self.hold():
            self._write_about(about)
            self.about = about

    def _write_about(self, about: dict[str, Any]) -> None:
        files.write(self.path / "run.json", about_text(about))

    def save(self, checkpoint: Checkpoint, best: Checkpoint | None = None) -> None:
        """Replace the checkpoint; and, if given, the best one.

        Errors: :class:`Busy`; :class:`~glassnet.files.NotSaved`; the checkpoints from before are then untouched.
        """
        about = {key: self.about[key] for key in ("classes",) if key in self.about}
        with self.hold():
            if best is not None:
                save_checkpoint(self.path / "best.safetensors", best, about)
            save_checkpoint(self.path / "checkpoint.safetensors", checkpoint, about)

    def save_first(self, checkpoint: Checkpoint) -> None:
        """Note where the run began, for whoever goes back in it.

        Errors: :class:`Busy`; :class:`~glassnet.files.NotSaved`.
        """
        with self.hold():
            save_checkpoint(self.path / "first.safetensors", checkpoint)

    def first(self) -> Checkpoint | None:
        """Where the run began; None if that was not noted.

        Errors: :class:`~glassnet.errors.WrongFile` if it is damaged.
        """
        path = self.path / "first.safetensors"
        return read_checkpoint(path)[0] if path.exists() else None

    def checkpoint(self) -> Checkpoint:
        """The latest checkpoint; of a run that was stopped before it saved one, the first.

        Errors: :class:`~glassnet.errors.WrongFile` if there is none, or it is damaged.
        """
        return read_checkpoint(self.latest())[0]

    def best(self) -> Checkpoint | None:
        """The checkpoint that the validation data liked best; None without validation.

        Errors: :class:`~glassnet.errors.WrongFile` if it is damaged.
        """
        path = self.path / "best.safetensors"
        return read_checkpoint(path)[0] if path.exists() else None

    def network(self) -> Network:
        """The network of the latest checkpoint: of a training that has ended, its result.

        Errors: :class:`~glassnet.errors.WrongFile` if there is none yet, or it is damaged.
        """
        return read_network(self.latest())[0]

    def latest(self) -> Path:
        """The file of the latest checkpoint.

        Errors: :class:`~glassnet.errors.WrongFile` if there is none.
        """
        latest, first = self.path / "checkpoint.safetensors", self.path / "first.safetensors"
        if latest.exists():
            return latest
        if first.exists():
            state = read_header(first)[0].get("checkpoint")
            begin = [state.get("epoch"), state.get("example")] if isinstance(state, dict) else [0, 0]
            if (self.path / "best.safetensors").exists() or any(event["at"] > begin for event in self.events()):
                raise WrongFile(
                    f"{latest} is gone, though the run was further than its beginning: bring back a copy of it"
                )
            return first
        raise WrongFile(
            f"{self.path} has no checkpoint yet: its training was stopped before the first was saved, so nothing is lost. "
            "Begin it again in the same folder"
        )

    def append(self, events: Iterable[dict[str, Any]]) -> None:
        """Add events to the record (see :func:`event_data`): all of them, or, where that fails, none.

        Errors: :class:`Busy`; :class:`~glassnet.files.NotSaved`.
        """
        lines = "".join(event_line(event) for event in events).encode()
        with self._holding, self.hold():
            if not lines:
                return
            self._end = files.append(self.path / "events.jsonl", lines, self._end)

    def events(self) -> list[dict[str, Any]]:
        """The recorded events. A last line that a killed process left unfinished does not count.

        Errors: :class:`~glassnet.errors.WrongFile` if a line is damaged.
        """
        path = self.path / "events.jsonl"
        if not path.exists():
            return []
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise WrongFile(f"cannot read {path}: {error.strerror or error}") from error
        events, checked, furthest = [], False, [-1, 0]
        for number, line in enumerate(lines[:-1], start=1):  # what follows the last newline is unfinished
            try:
                event = event_of(line, must=checked)
                (epochs, example), epoch = event["at"], event["epoch"] if event["event"] == "epoch" else 0
                if not all(type(each) is int for each in (event["step"], epochs, example, epoch)):
                    raise ValueError("expected whole numbers for its step, place and epoch")
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise WrongFile(f"line {number} of {path} is damaged ({error})") from error
            if checked and event["event"] == "stepped" and event["at"] <= furthest:
                raise WrongFile(f"line {number} of {path} is damaged (it tells of what was told before)")
            if event["event"] == "stepped":
                furthest = event["at"]
            checked = checked or is_checked(line)
            events.append(event)
        # A killed process leaves the beginning of a line, never a whole one with something other than a newline behind it.
        if _WHOLE.match(lines[-1]) and not _CHECKED.search(lines[-1]):
            raise WrongFile(f"line {len(lines)} of {path} is damaged (something stands behind its end)")
        return events

    def rewind(self, checkpoint: Checkpoint) -> None:
        """Drop the events after a checkpoint: going on from it, they will happen again. Nothing is written if there are none.

        Errors: :class:`Busy`; :class:`~glassnet.errors.WrongFile`, :class:`~glassnet.files.NotSaved`.
        """
        with self._holding, self.hold():
            events = self.events()
            kept = led_to(events, checkpoint)
            if len(kept) < len(events):
                body = "".join(event_line(event) for event in kept).encode()
                files.write(self.path / "events.jsonl", body)
                self._end = len(body)
            self._drop_after(checkpoint)

    def _drop_after(self, checkpoint: Checkpoint) -> None:
        """Remove the states after a checkpoint: another course may come to their places."""
        here = (checkpoint.epoch, checkpoint.example)
        for path in (self.path / "moments").glob("*-*.safetensors"):
            epoch, _, example = path.stem.partition("-")
            if epoch.isdecimal() and example.isdecimal() and (int(epoch), int(example)) > here:
                with contextlib.suppress(OSError):
                    path.unlink()
        best = self.path / "best.safetensors"
        with contextlib.suppress(WrongFile, OSError):
            if best.exists():
                state = read_header(best)[0]["checkpoint"]
                if (state["epoch"], state["example"]) > here:
                    best.unlink()


_RUNS: weakref.WeakSet[Run] = weakref.WeakSet()


def _let_go() -> None:
    """In a forked child: what its parent holds it does not."""
    for run in list(_RUNS):
        run._holding, run._holds, run._end = threading.RLock(), 0, None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)

_NO_LOCKS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOENT)
"""Why a lock cannot be had where that does not mean that somebody else may have it."""
_FILES = ("run.json", "events.jsonl", "first.safetensors", "checkpoint.safetensors", "best.safetensors")
"""What a new run may put in the place of what a killed process left; ``run.json`` first, for with it gone there is no run."""


def _may_begin(path: Path) -> bool:
    """Whether a run may begin in a folder: nothing is in it, or what was left by one in which nothing was ever learned."""
    if not path.is_dir():
        return False
    names = {each.name for each in path.iterdir() if not (each.name.startswith(".") and each.name.endswith(".partial"))}
    names.discard("lock")
    if not names:
        return True
    if "run.json" in names:  # a run that was stopped before it saved its state for the first time
        return names <= {"run.json", "events.jsonl"}
    return names <= {"first.safetensors", "checkpoint.safetensors"}


def about_text(about: dict[str, Any]) -> bytes:
    """What ``run.json`` holds for this description: JSON, sealed."""
    return (json.dumps(files.sealed(about), indent=1, ensure_ascii=False) + "\n").encode()


def _read_about(path: Path) -> dict[str, Any]:
    try:
        about = json.loads((path / "run.json").read_bytes())
    except OSError as error:
        raise WrongFile(f"cannot read {path / 'run.json'}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise WrongFile(f"{path / 'run.json'} is damaged ({error})") from error
    if not isinstance(about, dict):
        raise WrongFile(f"{path / 'run.json'} does not describe a run")
    return files.check_seal(about, str(path / "run.json"))


def led_to(events: Iterable[dict[str, Any]], checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """The events that led to a checkpoint: those up to its place, and of those at it no change that is not in it.

    Events are on record before the checkpoint that they lead to. Where a process was ended, or a disk was full, between the
    two, the last change on record never became the run's.
    """
    events = list(events)
    counts = [event.get("examples") for event in events if event["event"] == "started"]
    count = next((each for each in reversed(counts) if type(each) is int and each > 0), None)
    here = [checkpoint.epoch, checkpoint.example]
    mine = json.loads(json.dumps(checkpoint.settings.to_data()))
    kept = [event for event in events if event["at"] <= here]
    chosen = [
        number for number, event in enumerate(kept) if event["event"] == "started" and event.get("settings") == mine
    ]
    last = chosen[-1] if chosen else len(kept)

    def happened(number: int, event: dict[str, Any]) -> bool:
        if settled_place(event["at"], count) != settled_place(here, count):
            return True
        if event["event"] == "started":
            return number <= last
        return event["event"] != "edited" or _is_in(event, checkpoint.network)

    return [event for number, event in enumerate(kept) if happened(number, event)]


def settled_place(at: Sequence[int], examples: int | None) -> tuple[int, int]:
    """A place, as complete epochs and examples of the next, with the very end of an epoch as the beginning of the next.

    Args:
        at: the place.
        examples: how many an epoch has; None where nobody knows, which leaves the place as it is.
    """
    return (at[0], at[1]) if examples is None or at[1] < examples else (at[0] + 1, 0)


def _is_in(event: dict[str, Any], network: Network) -> bool:
    """Whether what a hand did is done in a network: doing it again then changes nothing."""
    try:
        again = edited(network, [Edit.from_data(each) for each in event.get("edits", ())])
    except (WrongValue, TypeError):
        return True  # said to be damaged by whoever reads it
    return all(
        bool((one.weight == other.weight).all()) and bool((one.bias == other.bias).all())
        for one, other in zip(network.layers, again.layers, strict=True)
    )


def since_cost(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The events from where the cost was chosen by which the training goes on: before, its numbers were of another one."""
    events, begin, last = list(events), 0, None
    for number, event in enumerate(events):
        settings = event.get("settings") if event["event"] == "started" else None
        if isinstance(settings, dict) and settings.get("cost") != last:
            begin, last = number, settings.get("cost")
    return events[begin:]


def best_cost(events: Iterable[dict[str, Any]]) -> float | None:
    """The lowest validation cost at the end of an epoch, by the cost that is descended now; None before the first."""
    costs = [event.get("validation_cost") for event in since_cost(events) if event["event"] == "epoch"]
    good = [
        each for each in costs if isinstance(each, int | float) and not isinstance(each, bool) and abs(each) < 1e300
    ]
    return min(good, default=None)


# ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────

_CHECKED = re.compile(rb', "check": "([0-9a-f]{8})"\}$')
_LIKE_CHECKED = re.compile(rb', "(check": .*|[^"]*": "[0-9a-f]{8}")\}$')
"""What is left of a check of which one byte is another."""
_WHOLE = re.compile(rb'.*, "check": "[0-9a-f]{8}"\}', re.DOTALL)


def is_checked(line: bytes) -> bool:
    """Whether a line of the record has a check; those of earlier versions have none."""
    return _CHECKED.search(line) is not None


def event_line(event: dict[str, Any]) -> str:
    """An event as a line of the record: JSON whose last entry, ``check``, is the CRC-32 of all before it, in hexadecimal."""
    body = json.dumps(event, ensure_ascii=False)[:-1]
    return f'{body}, "check": "{crc32(body.encode()):08x}"}}\n'


def event_of(line: bytes, *, must: bool = False) -> dict[str, Any]:
    """The event in a line of the record, without its newline; ``must``: a line without a check is none of ours.

    Errors: ``ValueError``, ``TypeError``, ``RecursionError``: what is wrong with it.
    """
    found = _CHECKED.search(line)
    if found is None and (must or _LIKE_CHECKED.search(line)):
        raise ValueError("it has no check, as it should have")
    if found is not None and crc32(line[: found.start()]) != int(found[1], 16):
        raise ValueError("it is not as it was written: its check is another")
    event = json.loads(line)
    if not isinstance(event, dict):
        raise TypeError("expected a JSON object")
    if found is not None:
        del event["check"]
    return event


def event_data(event: Event) -> dict[str, Any]:
    """An event as plain data for JSON: what happened, without the networks."""
    checkpoint = event.checkpoint
    # The place in the training, as epochs done and examples of the next: unlike the step, it never goes back when the
    # size of the minibatch is changed midway.
    data: dict[str, Any] = {"step": checkpoint.memory.step, "at": [checkpoint.epoch, checkpoint.example]}
    match event:
        case Started():
            settings = checkpoint.settings.to_data()
            return {
                "event": "started",
                **data,
                "examples": event.examples,
                "engine": event.engine,
                "arithmetic": ARITHMETIC,
                "settings": settings,
            }
        case Stepped():
            mean = float(event.costs.mean())
            return {"event": "stepped", **data, "epoch": event.epoch, "examples": event.examples, "cost": mean}
        case EpochEnded():
            judged = _evaluation_data(event.validation)
            seconds = round(event.seconds, 3)
            by = {"cost_function": str(checkpoint.settings.cost)}  # costs of another one are not compared with these
            return {
                "event": "epoch",
                **data,
                "epoch": event.epoch,
                "cost": event.cost,
                **by,
                "seconds": seconds,
                **judged,
            }
        case Finished():
            return {"event": "finished", **data, "reason": event.reason}


def _evaluation_data(evaluation: Evaluation | None) -> dict[str, Any]:
    if evaluation is None:
        return {}
    return {"validation_cost": evaluation.cost, "validation_accuracy": evaluation.accuracy}
