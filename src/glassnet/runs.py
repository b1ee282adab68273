"""A run on disk: a folder that a training writes as it goes, from which it is resumed exactly.

    run.json                 what was asked for: data, engine, versions
    first.safetensors        the state it began with; the studio's runs have it
    checkpoint.safetensors   the latest state, or, once training has ended, its result
    best.safetensors         the state that the validation data liked best
    events.jsonl             what happened: one event in each line

Every file is replaced atomically (see :mod:`glassnet.files`); the events are appended before the checkpoint that they
lead to, and those after it are dropped when the run is resumed, because they will happen again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

from glassnet import files
from glassnet.checkpoint import Checkpoint
from glassnet.errors import WrongFile
from glassnet.evaluation import Evaluation
from glassnet.events import EpochEnded, Event, Finished, Started, Stepped
from glassnet.interchange import read_checkpoint, read_network, save_checkpoint
from glassnet.network import Network

__all__ = ["Run", "event_data"]


class Run:
    """A run's folder.

    Attributes:
        path: the folder.
        about: what ``run.json`` says: anything JSON can hold.
    """

    def __init__(self, path: Path, about: dict[str, Any]) -> None:
        self.path = path
        self.about = about
        self._noting = threading.Lock()  # a name and a bookmark may be noted at once

    @classmethod
    def create(cls, path: str | Path, about: dict[str, Any]) -> Run:
        """Make the folder for a new run.

        Errors: :class:`~glassnet.errors.WrongFile` if something is there already; :class:`~glassnet.files.NotSaved`.
        """
        path = Path(path)
        try:
            if path.exists() and not (path.is_dir() and not any(path.iterdir())):
                raise WrongFile(
                    f"{path} exists already: choose another folder, or go on with the run in it by --resume"
                )
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise files.NotSaved(f"could not make the folder {path}: {error.strerror or error}") from error
        files.write(path / "run.json", _json_text(about))
        return cls(path, about)

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """A run that is there.

        Errors: :class:`~glassnet.errors.WrongFile` if there is none, or its ``run.json`` is damaged.
        """
        path = Path(path)
        if not (path / "run.json").is_file():
            there = "holds no run: it has no run.json" if path.exists() else "does not exist"
            raise WrongFile(f"{path} {there}; glassnet train --out {path} makes one")
        try:
            about = json.loads((path / "run.json").read_bytes())
        except OSError as error:
            raise WrongFile(f"cannot read {path / 'run.json'}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise WrongFile(f"{path / 'run.json'} is damaged ({error})") from error
        if not isinstance(about, dict):
            raise WrongFile(f"{path / 'run.json'} does not describe a run")
        return cls(path, about)

    def note(self, **changes: Any) -> None:
        """Change entries of ``about``, and replace ``run.json``.

        Errors: :class:`~glassnet.files.NotSaved`.
        """
        with self._noting:
            about = {**self.about, **changes}
            files.write(self.path / "run.json", _json_text(about))
            self.about = about

    def save(self, checkpoint: Checkpoint, best: Checkpoint | None = None) -> None:
        """Replace the checkpoint; and, if given, the best one.

        Errors: :class:`~glassnet.files.NotSaved`; the checkpoints from before are then untouched.
        """
        about = {key: self.about[key] for key in ("classes",) if key in self.about}
        if best is not None:
            save_checkpoint(self.path / "best.safetensors", best, about)
        save_checkpoint(self.path / "checkpoint.safetensors", checkpoint, about)

    def save_first(self, checkpoint: Checkpoint) -> None:
        """Note where the run began, for whoever goes back in it.

        Errors: :class:`~glassnet.files.NotSaved`.
        """
        save_checkpoint(self.path / "first.safetensors", checkpoint)

    def first(self) -> Checkpoint | None:
        """Where the run began; None if that was not noted.

        Errors: :class:`~glassnet.errors.WrongFile` if it is damaged.
        """
        path = self.path / "first.safetensors"
        return read_checkpoint(path)[0] if path.exists() else None

    def checkpoint(self) -> Checkpoint:
        """The latest checkpoint.

        Errors: :class:`~glassnet.errors.WrongFile` if there is none yet, or it is damaged.
        """
        return read_checkpoint(self._saved())[0]

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
        return read_network(self._saved())[0]

    def _saved(self) -> Path:
        path = self.path / "checkpoint.safetensors"
        if not path.exists():
            raise WrongFile(f"{self.path} has no checkpoint yet: its training was stopped before the first was saved")
        return path

    def append(self, events: Iterable[dict[str, Any]]) -> None:
        """Add events to the record (see :func:`event_data`).

        Errors: :class:`~glassnet.files.NotSaved`.
        """
        lines = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        try:
            with (self.path / "events.jsonl").open("ab+") as file:
                _drop_unfinished_line(file)
                file.write(lines.encode())
        except OSError as error:
            raise files.NotSaved(f"could not add to {self.path / 'events.jsonl'}: {error.strerror or error}") from error

    def events(self) -> list[dict[str, Any]]:
        """The recorded events. A last line that a killed process left unfinished does not count.

        Errors: :class:`~glassnet.errors.WrongFile` if a line before the last is damaged.
        """
        path = self.path / "events.jsonl"
        if not path.exists():
            return []
        try:
            lines = path.read_bytes().split(b"\n")
        except OSError as error:
            raise WrongFile(f"cannot read {path}: {error.strerror or error}") from error
        events = []
        for number, line in enumerate(lines[:-1], start=1):  # what follows the last newline is unfinished
            try:
                event = json.loads(line)
                (epochs, example), epoch = event["at"], event["epoch"] if event["event"] == "epoch" else 0
                if not all(type(each) is int for each in (event["step"], epochs, example, epoch)):
                    raise ValueError("expected whole numbers for its step, place and epoch")
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise WrongFile(f"line {number} of {path} is damaged ({error})") from error
            events.append(event)
        return events

    def rewind(self, checkpoint: Checkpoint) -> None:
        """Drop the events after a checkpoint: going on from it, they will happen again.

        Errors: :class:`~glassnet.errors.WrongFile`, :class:`~glassnet.files.NotSaved`.
        """
        here = [checkpoint.epoch, checkpoint.example]
        kept = [event for event in self.events() if event["at"] <= here]
        body = "".join(json.dumps(event, ensure_ascii=False) + "\n" for event in kept)
        files.write(self.path / "events.jsonl", body.encode())


def _drop_unfinished_line(file: BinaryIO) -> None:
    """Cut off what a killed process left after the last newline: with more behind it, it would spoil the record."""
    end = file.seek(0, 2)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    file.truncate(end)


def _json_text(about: dict[str, Any]) -> bytes:
    return (json.dumps(about, indent=1, ensure_ascii=False) + "\n").encode()


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
                "settings": settings,
            }
        case Stepped():
            mean = float(event.costs.mean())
            return {"event": "stepped", **data, "epoch": event.epoch, "examples": event.examples, "cost": mean}
        case EpochEnded():
            judged = _evaluation_data(event.validation)
            seconds = round(event.seconds, 3)
            return {"event": "epoch", **data, "epoch": event.epoch, "cost": event.cost, "seconds": seconds, **judged}
        case Finished():
            return {"event": "finished", **data, "reason": event.reason}


def _evaluation_data(evaluation: Evaluation | None) -> dict[str, Any]:
    if evaluation is None:
        return {}
    return {"validation_cost": evaluation.cost, "validation_accuracy": evaluation.accuracy}
