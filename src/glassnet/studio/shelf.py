"""The shelf: all runs there are, of the studio and of the command line, to look over, compare, name, open, send and throw away.

The studio's own runs are the numbered folders of its home: ``3``. Those of the folder around it, where the command line puts
its own, are ``../small``; they are read, and never written into. A page names a run by such an id and nothing else: it is
looked up in the list, so no text that comes from a page ever becomes a path.

The list is cheap with hundreds of runs: of each it reads ``run.json``, the header of the checkpoint and the end of the record,
and all that again only when one of the files changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from glassnet.activations import ACTIVATIONS
from glassnet.checkpoint import Settings
from glassnet.data import mnist
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.evaluation import evaluate
from glassnet.files import NotSaved
from glassnet.interchange import read_header
from glassnet.runs import Run, event_of, led_to
from glassnet.runs.plans import answer_of, numbered
from glassnet.runs.recipes import PRETRAINED, pretrained, recipe
from glassnet.runs.replay import Log
from glassnet.settings import from_data
from glassnet.studio.charts import number_of
from glassnet.studio.description import changed_settings, last_names, plain_settings, sources_of
from glassnet.studio.follower import Follower, Record
from glassnet.studio.parcels import MOST, named_file, plan_of_pretrained, unpacked
from glassnet.studio.trainer import Refused, State

if TYPE_CHECKING:
    from starlette.requests import Request

    from glassnet.studio.session import Session

__all__ = ["LIMITS", "LIVE", "RUNS", "Shelf", "routes"]

LIMITS: dict[str, int] = {"/api/runs": MOST}
"""The largest body, in bytes, of the paths of :func:`routes` that take more than others."""
LIVE = 10.0
"""A run of another program is taken to be trained right now while its newest file is no older than so many seconds."""
RUNS = 1000
"""Runs in the list, at most: the newest of them."""

_HEADER = 10 * 2**20
_ABOUT = 2**20
"""Bytes of a checkpoint's header and of a run.json, at most."""
_TAILS = (2**16, 2**20, 2**23)
"""Bytes of a record's end that are read, more and more until its last judgement is among them."""
_RECORDS = 16
"""Records whose charts are kept."""
_PATIENCE = 60.0
"""Seconds without a byte after which a sender is given up."""


class Shelf:
    """The runs of a session. Every method may be called in any thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._home = session.home
        self._lock = threading.Lock()  # guards what is remembered, below
        self._moving = threading.RLock()  # one at a time is put on the shelf, taken from it, or named
        self._watching = threading.Lock()  # one at a time begins to watch, or ends it
        self._seen: dict[Path, tuple[Any, dict[str, Any]]] = {}
        self._records: OrderedDict[Path, Record] = OrderedDict()
        self._followed: tuple[str, Follower] | None = None
        self._serials = itertools.count(-(2**40))  # far below those of the trainer, which counts from 1
        for left in self._home.glob(".incoming-*"):  # of an upload that was cut off
            shutil.rmtree(left, ignore_errors=True)

    def watched(self) -> State | None:
        """The newest state of the run that is watched, while another process trains it; None when none is."""
        followed = self._followed
        return None if followed is None else followed[1].state

    def do(self, name: str, fields: dict[str, Any]) -> dict[str, Any] | tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Follow one of the commands about runs: the fields of its reply, or these and arrays.

        Errors: :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.errors.WrongFile`,
        :class:`~glassnet.files.NotSaved`.
        """
        match name:
            case "runs":
                return self.listed()
            case "compare":
                return self.compare(fields["runs"])
            case "rename":
                return self.rename(fields["run"], fields["name"])
            case "delete":
                return self.delete(fields["run"])
            case "restore":
                return self.restore(fields["run"])
            case "empty":
                return self.empty()
            case "open":
                return self.open(fields["run"])
            case "pretrained":
                return self.pretrained(fields["name"])
            case "watch_run":
                return self.watch(fields["run"])
            case "unwatch":
                return self.unwatch()
        raise WrongValue(f"the list of runs has no command {name!r:.40}")

    def close(self) -> None:
        """Stop watching. May be called again."""
        self._end_watching()

    # ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def listed(self) -> dict[str, Any]:
        """All runs, the newest first; what is in the trash; what is watched; the trained networks that come with glassnet."""
        current, now = self._current().run.path, time.time()
        folders = self._folders()
        found = [self._entry(name, path, current, now) for name, path in folders.items()]
        found.sort(key=lambda entry: entry["changed"], reverse=True)
        with self._lock:
            for path in [each for each in self._seen if each not in set(folders.values())]:
                del self._seen[path]
        trained = [_pretrained(each) for each in PRETRAINED]
        return {"runs": found[:RUNS], "trash": self._trash(), "watching": self._watched(), "pretrained": trained}

    def _folders(self) -> dict[str, Path]:
        """The runs by their ids."""
        own = {path.name: path for path in _subfolders(self._home) if _is_number(path.name)}
        around = self._home.resolve().parent
        home = self._home.resolve()
        others = {
            f"../{path.name}": path
            for path in _subfolders(around)
            if path != home and len(path.name) < 250 and (path / "run.json").is_file()
        }
        return own | others

    def _folder(self, name: str) -> Path:
        """A run's folder, by its id in the list."""
        path = self._folders().get(name)
        if path is None:
            raise WrongValue(f"there is no run {name!r:.60} in the list: look at it again")
        return path

    def _own(self, name: str, what: str) -> Path:
        path = self._folder(name)
        if not _is_number(name):
            raise WrongValue(f"{name} was not made by this studio, which only reads it: it cannot be {what} here")
        return path

    def _current(self) -> State:
        """How the run stands that is trained here, whatever is watched."""
        return self._session.trained()

    def _entry(self, name: str, path: Path, current: Path, now: float) -> dict[str, Any]:
        stamp, size, changed = _measured(path)
        with self._lock:
            seen = self._seen.get(path)
        if seen is None or seen[0] != stamp:
            seen = stamp, _described(path)
            with self._lock:
                self._seen[path] = seen
        found, own = seen[1], _is_number(name)
        return {
            "run": name,
            "own": own,
            **{key: value for key, value in found.items() if key != "finished"},
            "created": found["created"] or changed,
            "changed": changed,
            "bytes": size,
            "current": own and path.name == current.name,
            "live": not own and not found["damaged"] and not found["finished"] and now - changed < LIVE,
        }

    def _watched(self) -> dict[str, Any] | None:
        followed = self._followed
        if followed is None:
            return None
        name, follower = followed
        title = follower.state.run.about.get("name")
        return {
            "run": name,
            "name": title if isinstance(title, str) else name.removeprefix("../"),
            "finished": follower.finished,
        }

    # ── Comparing ────────────────────────────────────────────────────────────────────────────────────────────────────

    def compare(self, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The charts of some runs, over the examples that each has looked at; and where their settings differ, along the whole
        of each run: those of now say little of one whose rate was changed midway, or whose network by hand.

        Examples, not steps: a minibatch of 100 is one step, but ten times the work of a minibatch of 10. ``costs_differ`` says
        that the costs of the charts are not all by one cost: they cannot be compared then.

        Errors: :class:`~glassnet.errors.WrongValue` for a run that is not in the list;
        :class:`~glassnet.errors.WrongFile` for one that cannot be read.
        """
        current, now = self._current(), time.time()
        folders = self._folders()
        entries, arrays = [], {}
        for i, name in enumerate(dict.fromkeys(names)):
            if name not in folders:
                raise WrongValue(f"there is no run {name!r:.60} in the list: look at it again")
            entry = self._entry(name, folders[name], current.run.path, now)
            if entry["damaged"]:
                raise WrongFile(f"{entry['name']} cannot be compared: {entry['damaged']}")
            entries.append(entry | self._held(folders[name], entry, current))
            charts = current.charts if entry["current"] else self._record(folders[name], entry["examples"]).charts
            # In minibatches of one, a step is an example.
            for key, values in charts.arrays(1)[1].items():
                arrays[f"run{i}_{key.replace('steps', 'examples')}"] = values
        costs = {cost for entry in entries for cost in entry.pop("costs")}
        differences = _differences(entries)
        for entry in entries:
            del entry["first"], entry["edited"]
        return {"runs": entries, "differences": differences, "costs_differ": len(costs) > 1}, arrays

    def _held(self, path: Path, entry: Mapping[str, Any], current: State) -> dict[str, Any]:
        """What held when along a run: its first settings, what was changed of them, the edits, and every cost it had."""
        if entry["current"]:
            log, at = current.log, current.end
            now = plain_settings(current.checkpoint.settings) if not current.past else None
        else:
            at = entry["epoch"], entry["example"]
            run, now = Run.open(path), entry["settings"]
            log = Log.of(led_to(run.events(), run.checkpoint()))
        first, changes = changed_settings(log)
        first = dict(entry["settings"]) if first is None else first
        last = dict(first)
        for _, values in changes:
            last |= values
        if now is not None and now != {key: value for key, value in last.items() if value is not None or key in now}:
            # Chosen for what comes next, and not on record yet.
            changes = [*changes, (at, {key: now[key] for key in now if now[key] != last.get(key)})]
        costs = {str(settings.cost) for chosen in log.settings.values() for settings in chosen}
        return {
            "changes": [{"at": list(place), "values": values} for place, values in changes],
            "edits": [list(place) for place in sorted(log.edits)],
            "first": first,
            "edited": [(place, [edit.to_data() for edit in log.edits[place]]) for place in sorted(log.edits)],
            "costs": costs or {entry["settings"]["cost"]},
        }

    def _record(self, path: Path, examples: int) -> Record:
        with self._lock:
            record = self._records.pop(path, None)
            if record is None or record.examples != examples:
                record = Record(path, examples)
            self._records[path] = record
            while len(self._records) > _RECORDS:
                self._records.popitem(last=False)
        record.read()
        return record

    # ── Names and the trash ──────────────────────────────────────────────────────────────────────────────────────────

    def rename(self, name: str, title: str) -> dict[str, Any]:
        """Give one of the studio's own runs a name.

        Errors: :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.errors.WrongFile`,
        :class:`~glassnet.files.NotSaved`.
        """
        title = " ".join(title.split())
        if not title or not title.isprintable():
            raise WrongValue("a name must be text of 1 to 100 letters that can be seen")
        path = self._own(name, "renamed")
        with self._moving:
            current = self._current().run
            # The run that is trained has its description in memory too: both must say the same.
            (current if current.path.name == path.name else Run.open(path)).note(name=title)
        self._session.retell()  # what it is called may have changed
        return {"run": name, "name": title}

    def delete(self, name: str) -> dict[str, Any]:
        """Move one of the studio's own runs into the trash; what it is called there.

        Errors: :class:`~glassnet.errors.WrongValue`; :class:`~studio.trainer.Refused` for the run that is open;
        :class:`~glassnet.runs.Busy` for one that another process trains; :class:`~glassnet.files.NotSaved`.
        """
        with self._moving:
            path = self._own(name, "deleted")
            if path.name == self._current().run.path.name:
                raise Refused("this run is open: open another one first, then delete it", "current")
            trash = self._bin()
            moved = trash / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
            for count in itertools.count(2):
                if not moved.exists():
                    break
                moved = trash / f"{moved.name.split('.')[0]}.{count}"
            with Run(path, {}).hold():  # not under the hands of another process that trains it
                _move(path, moved)  # one rename: whenever the power fails, the run is in one place or in the other
            (moved / "lock").unlink(missing_ok=True)
        return {"run": name, "trash": moved.name}

    def restore(self, name: str) -> dict[str, Any]:
        """Take a run out of the trash, under its old number, or a free one if that is taken.

        Errors: :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.files.NotSaved`.
        """
        with self._moving:
            path = self._trashed().get(name)
            if path is None:
                raise WrongValue(f"there is no run {name!r:.60} in the trash")
            back = self._home / name.partition("-")[0]
            if not _is_number(back.name) or back.exists():
                back = numbered(self._home)
            _move(path, back)
        return {"run": back.name}

    def empty(self) -> dict[str, Any]:
        """Delete what is in the trash, for good. Cut off midway, the rest of it is still there.

        Errors: :class:`~glassnet.files.NotSaved`.
        """
        with self._moving:
            found = self._trashed()
            for path in found.values():
                try:
                    shutil.rmtree(path)
                except OSError as error:
                    raise NotSaved(f"could not delete {path}: {error.strerror or error}") from error
        return {"deleted": len(found)}

    def _bin(self) -> Path:
        trash = self._home / "trash"
        if trash.is_symlink():
            raise WrongFile(f"{trash} is a link to elsewhere: the studio moves nothing there")
        try:
            trash.mkdir(exist_ok=True)
        except OSError as error:
            raise NotSaved(f"could not make the folder {trash}: {error.strerror or error}") from error
        return trash

    def _trashed(self) -> dict[str, Path]:
        trash = self._home / "trash"
        return {} if trash.is_symlink() else {path.name: path for path in _subfolders(trash)}

    def _trash(self) -> list[dict[str, Any]]:
        found = []
        for name, path in self._trashed().items():
            about = _described(path)
            when = re.fullmatch(r"\d+-(\d{8}-\d{6})(?:\.\d+)?", name)
            deleted = time.mktime(time.strptime(when[1], "%Y%m%d-%H%M%S")) if when else path.stat().st_mtime
            number = name.partition("-")[0]
            kept = {key: about[key] for key in ("name", "sizes", "accuracy", "epoch", "epochs")}
            # Its name in the list was its number, which is now only the beginning of the folder's.
            title = number if about["name"] == name else about["name"]
            found.append({"run": name, "number": number, **kept, "name": title, "deleted": deleted})
        return sorted(found, key=lambda each: each["deleted"], reverse=True)

    # ── Opening and watching ─────────────────────────────────────────────────────────────────────────────────────────

    def open(self, name: str) -> dict[str, Any]:
        """Go on with a run: one of the studio's own where it was, another's as a new run that begins from there.

        Errors: :class:`~glassnet.errors.WrongFile` if it is damaged or its data is not there;
        :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.files.NotSaved`.
        """
        with self._moving:
            path = self._folder(name)
            number = int(path.name) if _is_number(name) else 0
            if number:
                self._session.resume(path)
            else:
                number = self._session.begin_from(path)
                self._session.know(sources_of(self._current().run.about))
        self._end_watching()
        return {"run": str(number)}

    def pretrained(self, name: str) -> dict[str, Any]:
        """Begin a new run with a trained network that comes with glassnet (:data:`glassnet.runs.recipes.PRETRAINED`).

        Errors: :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.files.NotSaved`.
        """
        with self._moving:
            number = self._session.begin(plan_of_pretrained(name), "glassnet")
        self._end_watching()
        return {"run": str(number)}

    def watch(self, name: str) -> dict[str, Any]:
        """Show a run of another program as it is trained there, until :meth:`unwatch`; the one that is trained here is paused.

        Errors: :class:`~glassnet.errors.WrongValue` for one of the studio's own; :class:`~glassnet.errors.WrongFile` if it
        cannot be read, has no checkpoint yet, or its data is not there.
        """
        path = self._folder(name)
        if _is_number(name):
            raise WrongValue(f"run {name} is the studio's own: open it instead")
        with self._watching:
            follower = Follower(path, self._session.changed, self._serials, self._session.known())
            try:
                self._session.pause()
            except BaseException:
                follower.close()
                raise
            before, self._followed = self._followed, (name, follower)
        if before is not None:
            before[1].close()
        self._session.changed()
        return {"watching": self._watched()}

    def unwatch(self) -> dict[str, Any]:
        """Show the run again that is trained here."""
        self._end_watching()
        return {"watching": None}

    def _end_watching(self) -> None:
        with self._watching:
            before, self._followed = self._followed, None
        if before is not None:
            before[1].close()
            self._session.changed()

    # ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def file(self, name: str, what: str) -> tuple[str, str, Any]:
        """A run, or a part of it, to be sent: the file's name, its media type, and its content, open at its beginning.

        Args:
            name: the run.
            what: ``network``, ``checkpoint``, ``settings`` or ``all`` (see :mod:`glassnet.studio.parcels`).

        Errors: :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.errors.WrongFile`.
        """
        path, current = self._folder(name), self._current()
        if _is_number(name) and path.name == current.run.path.name:
            if what == "all":  # of what is on disk: it is saved every two seconds, and when it is paused
                return named_file(current.run, what)
            return named_file(current.run, what, current.checkpoint)
        return named_file(Run.open(path), what)

    def receive(self, file: Path, name: str) -> dict[str, Any]:
        """Put what was uploaded on the shelf, as a new run.

        Args:
            file: where it lies for the moment.
            name: what the file was called.

        Errors: :class:`~glassnet.errors.WrongFile` and :class:`~glassnet.errors.WrongValue` say what is wrong with it;
        :class:`~glassnet.files.NotSaved`.
        """
        from glassnet.studio.session import check_size  # which uses this module

        known = [each["sources"] for each in self._session.describe()["choices"]["data"]]
        folder = _incoming(self._home)
        try:
            run = unpacked(file, name, folder, known, check_size)
            with self._moving:
                place = numbered(self._home)
                _move(folder, place)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return {"run": place.name, "name": run.about.get("name") or place.name}


# ── What the list says of a run ──────────────────────────────────────────────────────────────────────────────────────


def _is_number(name: str) -> bool:
    return re.fullmatch(r"[1-9][0-9]{0,8}", name) is not None


def _subfolders(folder: Path) -> Iterator[Path]:
    """The folders in a folder. Links are not followed out of it, and what has no plain name is left out."""
    try:
        with os.scandir(folder) as entries:
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in found:
        try:
            entry.name.encode()
            if entry.is_dir(follow_symlinks=False):
                yield folder / entry.name
        except (OSError, UnicodeEncodeError):
            continue


def _measured(path: Path) -> tuple[Any, int, float]:
    """What changes whenever a run's files do; their bytes; and when the newest was written."""
    stamps, size, newest = [], 0, 0.0
    for folder in (path, path / "moments"):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    about = entry.stat(follow_symlinks=False)
                    if entry.is_file(follow_symlinks=False):
                        size += about.st_size
                        if folder is path:
                            stamps.append((entry.name, about.st_ino, about.st_mtime_ns, about.st_size))
                            newest = max(newest, about.st_mtime)
        except OSError:
            continue
    return sorted(stamps), size, newest


def _described(path: Path) -> dict[str, Any]:
    """A run in the list, from little reading. What cannot be known is None; what is wrong with it is said under ``damaged``."""
    found: dict[str, Any] = dict.fromkeys(
        ("sizes", "activations", "count", "initializer", "seed", "recipe", "settings", "data", "epoch", "epochs", "example",
         "examples", "step", "accuracy", "cost", "judged_on", "from", "created", "title", "damaged")
    )  # fmt: skip
    found |= {"name": path.name, "finished": False}
    try:
        if (path / "run.json").is_file() and (path / "run.json").stat().st_size > _ABOUT:
            raise WrongFile(f"its run.json is larger than the {_ABOUT // 2**20} MiB that are read")
        run = Run.open(path)
        found |= _of_about(run.about)
        found["name"] = found["title"] or path.name
        found |= _of_header(run.latest())
        judged = _of_record(path / "events.jsonl", found.pop("cost_function"))
        found["finished"], found["accuracy"], found["cost"], found["judged_on"] = judged
    except (GlassnetError, OSError) as error:
        found["damaged"] = str(error).replace(f"{path}{os.sep}", "").replace(str(path), path.name)
    return found


def _of_about(about: Mapping[str, Any]) -> dict[str, Any]:
    def text(key: str) -> str | None:
        value = about.get(key)
        return value if isinstance(value, str) and value else None

    data, came = about.get("data"), text("from")
    examples = data.get("examples") if isinstance(data, dict) else None
    validation = number_of(data, "validation")
    names = last_names(sources_of(about))
    return {
        "title": text("name"),
        "initializer": text("initializer"),
        "recipe": text("recipe"),
        "from": None if came is None else Path(came).name or came,
        "created": _when(text("created")),
        "examples": examples if type(examples) is int and 0 < examples < 10**9 else 1,
        "data": {"names": names, "validation": validation},
    }


def _when(created: str | None) -> float | None:
    """A time as run.json has it, in seconds since 1970."""
    if created is None:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        from datetime import datetime

        return datetime.strptime(created, "%Y-%m-%dT%H:%M:%S%z").timestamp()
    return None


def _of_header(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself, without its numbers.

    Errors: :class:`~glassnet.errors.WrongFile`.
    """
    try:
        with path.open("rb") as file:
            if not 0 < int.from_bytes(file.read(8), "little") <= _HEADER:
                raise WrongFile("its checkpoint is damaged")
        try:
            header, tensors = read_header(path)
        except WrongFile as error:
            raise WrongFile(f"its checkpoint is damaged: {error}") from error
        state = header["checkpoint"]
        activations = [str(from_data(each, "activation", ACTIVATIONS)) for each in header["activations"]]
        shapes = [tensors[f"layers.{l}.weight"] for l in range(len(activations))]
        sizes = [shapes[0][1], *(shape[0] for shape in shapes)]
        numbers = [state["epoch"], state["example"], state["step"], *sizes]
        if not all(type(each) is int and 0 <= each < 2**53 for each in numbers):
            raise ValueError("its numbers are none")
        settings = Settings.from_data(state["settings"])
    except OSError as error:
        raise WrongFile(f"its checkpoint cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        if isinstance(error, WrongFile):
            raise
        raise WrongFile("its checkpoint is damaged") from error
    return {
        "sizes": sizes,
        "activations": activations,
        "count": sum(inputs * out + out for inputs, out in pairwise(sizes)),
        "seed": settings.seed,
        "settings": plain_settings(settings),
        "cost_function": str(settings.cost),
        "epoch": state["epoch"],
        "epochs": settings.epochs,
        "example": state["example"],
        "step": state["step"],
    }


@lru_cache
def _pretrained(name: str) -> dict[str, Any]:
    """A trained network that comes with glassnet, and what share of the test images it gets right."""
    network, test = pretrained(name), mnist().test
    answer = answer_of(network, loaded=True)
    found = None if test is None else evaluate(network, test, recipe(name).settings.cost, answer).accuracy
    activations = [str(each) for each in network.activations]
    return {"name": name, "sizes": list(network.sizes), "activations": activations, "accuracy": found}


def _of_record(path: Path, cost: str) -> tuple[bool, float | None, float | None, str | None]:
    """Whether a record ends with the end of the training; and the last accuracy and cost in it, on validation data if there is
    any, else on training data, and on which. What another cost than the present one has judged does not count.
    """
    finished, without = False, None
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            for most in _TAILS:
                file.seek(max(0, size - most))
                lines = file.read(most).split(b"\n")[:-1]
                if size > most:
                    lines = lines[1:]
                if lines:
                    finished = b'"event": "finished"' in lines[-1][:40]
                for line in reversed(lines):
                    if b'"validation' in line:
                        found = _judged(line, cost)
                        if found is not None and found[2] == "validation":
                            return (finished, *found)
                        without = without or found
                if size <= most or without:
                    break
    except OSError:
        return False, None, None, None
    return (finished, *(without or (None, None, None)))


def _judged(line: bytes, cost_function: str) -> tuple[float | None, float, str] | None:
    """The accuracy and cost that an event tells of, on validation data or else on training data; None if it tells of none."""
    try:
        event = event_of(line)
    except (ValueError, TypeError, RecursionError):
        return None
    if event.get("cost_function", cost_function) != cost_function:
        return None
    for part in ("validation", "train"):
        judged = event.get(part)
        if isinstance(judged, dict) and (cost := number_of(judged, "cost")) is not None:
            return number_of(judged, "accuracy"), cost, part
    cost, accuracy = number_of(event, "validation_cost"), number_of(event, "validation_accuracy")
    return None if cost is None else (accuracy, cost, "validation")


def _differences(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The settings in which runs differ: each with the value of every run, None where it has none."""
    rows: list[dict[str, Any]] = []
    keys = dict.fromkeys(key for entry in entries for each in _all_settings(entry) for key in each)
    wanted: list[tuple[str, Callable[[Mapping[str, Any]], Any]]] = [
        ("data", lambda entry: entry["data"]["names"]),
        ("sizes", lambda entry: entry["sizes"]),
        ("activations", lambda entry: entry["activations"]),
        ("initializer", lambda entry: entry["initializer"]),
        ("seed", lambda entry: entry["seed"]),
        *((key, lambda entry, key=key: _along(entry, key)) for key in keys),
    ]
    for name, value in wanted:
        values = [value(entry) for entry in entries]
        if any(each != values[0] for each in values):
            rows.append({"name": name, "values": values})
    if any(entry["edited"] != entries[0]["edited"] for entry in entries):
        counts = [sum(len(edits) for _, edits in entry["edited"]) for entry in entries]
        rows.append({"name": "edits", "values": counts})
    return rows


def _all_settings(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield entry["first"]
    for change in entry["changes"]:
        yield change["values"]


def _along(entry: Mapping[str, Any], key: str) -> Any:
    """The value of a setting along a run: one, or the first and those that came later, each with its place."""
    first = entry["first"].get(key)
    then = [{"at": each["at"], "value": each["values"][key]} for each in entry["changes"] if key in each["values"]]
    return {"first": first, "then": then} if then else first


# ── Folders ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _move(path: Path, to: Path) -> None:
    """Rename a folder: it is here or there, and never in both or neither."""
    try:
        os.rename(path, to)
    except OSError as error:
        raise NotSaved(f"could not move {path} to {to}: {error.strerror or error}") from error


def _incoming(home: Path) -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix=".incoming-", dir=home))
    except OSError as error:
        raise NotSaved(f"could not make a folder in {home}: {error.strerror or error}") from error


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def routes(session: Session) -> list[BaseRoute]:
    """What is asked for by HTTP: runs to download, and to upload."""
    uploads = asyncio.Semaphore(2)

    async def file(request: Request) -> Response:
        """GET /api/runs/file?run=3&what=network"""
        asked = request.query_params
        name, kind, content = await asyncio.to_thread(
            session.shelf.file, asked.get("run", ""), asked.get("what", "network")
        )
        size = content.seek(0, os.SEEK_END)
        content.seek(0)
        headers = {"content-disposition": _attached(name), "content-length": str(size)}
        return StreamingResponse(_parts(content, size), media_type=kind, headers=headers)

    async def receive(request: Request) -> Response:
        """POST /api/runs?name=small.zip, the file as its body"""
        async with uploads:
            with tempfile.TemporaryDirectory(prefix="glassnet-") as folder:
                path = Path(folder) / "upload"
                with path.open("wb") as out:
                    await _save(request, out)
                found = await asyncio.to_thread(session.shelf.receive, path, request.query_params.get("name", ""))
        return JSONResponse(found)

    return [Route("/api/runs/file", file), Route("/api/runs", receive, methods=["POST"])]


async def _save(request: Request, out: Any) -> None:
    """Write a body to disk as it comes in."""
    parts = request.stream()
    while True:
        try:
            async with asyncio.timeout(_PATIENCE):
                part = await anext(parts, None)
        except TimeoutError:
            raise HTTPException(408, "The file did not come in: for a minute nothing was sent. Try again.") from None
        if part is None:
            return
        try:
            await asyncio.to_thread(out.write, part)
        except OSError as error:
            raise NotSaved(f"there is no room for this file: {error.strerror or error}") from error


async def _parts(content: Any, size: int) -> Any:
    """A file in parts, exactly as long as was promised."""
    with content:
        while size and (part := await asyncio.to_thread(content.read, min(size, 2**18))):
            size -= len(part)
            yield part


def _attached(name: str) -> str:
    """What names a file that is downloaded: in letters that every browser takes, and in its own."""
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace('"', "'")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}"
