"""Uploads: data of one's own, dropped onto the page, looked at before anything is trained on it.

What comes is a zip or an ``.npz`` file. It is written to a folder of its own under the home's ``data/``, read there, and
described; where anything is wrong with it, one sentence says so and nothing is left behind. Pictures are never unpacked:
they are read out of the zip one by one, within limits, and what they became is kept as an ``.npz`` file beside it, which is
what runs learn from. So no name inside a file that somebody sends ever becomes a path, and opening a run again is fast.

    body  →  data/.coming-…/  →  read and described  →  data/3/about.json, upload.zip, animals-28-centered.npz
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import os
import re
import secrets
import shutil
import stat
import struct
import threading
import time
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from glassnet import files
from glassnet.arrays import to_numpy
from glassnet.data import Dataset, Splits, load, mnist
from glassnet.data.pictures import MAX_IMAGE_BYTES, Pictures, open_image, size_of
from glassnet.errors import WrongFile, WrongValue
from glassnet.studio.frames import pack

if TYPE_CHECKING:
    from glassnet.studio.session import Session

__all__ = [
    "LIMITS",
    "MAX_FILES",
    "MAX_NUMBERS",
    "MAX_UNPACKED",
    "SIDES",
    "Uploads",
    "routes",
]

LIMITS: dict[str, int] = {"/api/data": 512 * 2**20}
"""The largest body, in bytes, of the paths of :func:`routes` that take more than others."""
MAX_UNPACKED = 2 * 2**30
"""How much an upload may be when it is unpacked, in bytes."""
MAX_FILES = 200_000
"""How many files a zip may hold."""
MAX_NUMBERS = 250_000_000
"""How many inputs, and how many targets, all examples may have together: a gigabyte of memory each."""
SIDES = (8, 64)
"""The smallest and the largest side that pictures are made into here."""

_DIRECTORY = 64 * 2**20
"""The largest list of files in a zip, in bytes."""
_NAME = 100
_CLASS_NAME = 200
_CHUNK = 2**20
_SHOWN_CLASSES = 200
_SAMPLED_CLASSES = 20
_SAMPLES = 50
"""Samples of each class, at most."""
_SKIPPED = 20
_THUMB = 96
_LOOKED_AT = 40
"""Pictures that are looked at to tell drawings from photographs."""
_EVEN = 0.02
"""A border that varies less, from black 0 to white 1, is that of a drawing or a scan."""
_PATIENCE = 60.0
"""How long an upload may stand still, in seconds."""
_SPARE = 64 * 2**20
"""Room on the disk that an upload leaves, in bytes."""
_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
_JUNK = ("__macosx", "thumbs.db", "desktop.ini")
_PARTS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
}
_ORDER = ("train", "validation", "test")
_IMAGES, _IDX, _NPZ = "images in folders", "IDX files", ".npz"
_WANTED = "a zip of pictures with a folder for each class, a zip of IDX files, or an .npz file"


class _Stopped(Exception):
    """Nobody waits for it any more."""


# ── What is in a zip ─────────────────────────────────────────────────────────────────────────────────────────────────


class _Entry(NamedTuple):
    """A file in a zip: where it lies in it, its folders and its name."""

    info: zipfile.ZipInfo
    folders: tuple[str, ...]
    name: str

    @property
    def path(self) -> str:
        return "/".join((*self.folders, self.name))


@dataclass(slots=True)
class _Skipped:
    """Files that were left out: how many, and the first of them, each with a word for why."""

    count: int = 0
    first: list[dict[str, str]] = field(default_factory=list)

    def add(self, name: str, code: str) -> None:
        self.count += 1
        if len(self.first) < _SKIPPED:
            self.first.append({"name": _short(name, 200), "code": code, "why": _WHY[code]})


_WHY = {
    "kind": "it is no picture",
    "damaged": "it cannot be read: it may be damaged, or not be what its name says",
    "blank": "it is blank: there is nothing to center",
    "large": "it is larger than 32 MB, or than 12 million pixels",
    "folder": "it lies in no folder that names its class",
    "link": "it is a link, not a file",
    "locked": "it is locked by a password",
    "packed": "it is compressed in a way that is not read here",
    "archive": "it is an archive inside the archive",
}


def _check_directory(file: IO[bytes], name: str) -> None:
    """Whether the list of files at the end of a zip is whole and of a sensible size, before any memory is taken for it."""
    broken = WrongFile(f"{name} is not a whole zip file: it may have been cut short; pack it again")
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 65_557))
    tail = file.read()
    whole = tail[-22:-18] == b"PK\x05\x06" and tail[-2:] == b"\0\0"
    at = len(tail) - 22 if whole else tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < 22:
        raise broken
    end = size - len(tail) + at
    (length,) = struct.unpack("<I", tail[at + 12 : at + 16])
    if at >= 76 and tail[at - 20 : at - 16] == b"PK\x06\x07":
        if tail[at - 76 : at - 72] != b"PK\x06\x06":
            raise broken
        (length,) = struct.unpack("<Q", tail[at - 36 : at - 28])
        end -= 76
    if length > end:
        raise broken
    if length > _DIRECTORY:
        raise _too_many(name)
    file.seek(end - length)
    directory = file.read(length)
    count = place = 0
    while place < length:
        if directory[place : place + 4] != b"PK\x01\x02" or length - place < 46:
            raise broken
        place += 46 + sum(struct.unpack("<3H", directory[place + 28 : place + 34]))
        count += 1
        if count > MAX_FILES:
            raise _too_many(name)


def _too_many(name: str) -> WrongFile:
    return WrongFile(f"{name} holds more than {MAX_FILES:,} files: give fewer")


@contextlib.contextmanager
def _opened(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    with path.open("rb") as file:
        _check_directory(file, name)
        file.seek(0)
        try:
            archive = zipfile.ZipFile(file)
        except Exception as error:  # on damaged archives, zipfile raises errors of many types, which it does not list
            raise WrongFile(f"{name} is not a whole zip file: it may have been cut short; pack it again") from error
        with archive:
            yield archive


def _name_of(info: zipfile.ZipInfo) -> str:
    """The name of a file in a zip. Without a mark it may be in UTF-8 (macOS) or GB 18030 (Windows in China)."""
    if info.flag_bits & 0x800 or info.filename.isascii():
        return info.filename
    with contextlib.suppress(UnicodeError):
        raw = info.filename.encode("cp437")
        for encoding in ("utf-8", "gb18030"):
            with contextlib.suppress(UnicodeError):
                return raw.decode(encoding)
    return info.filename


def _entries(archive: zipfile.ZipFile, name: str, skipped: _Skipped) -> list[_Entry]:
    """The files of a zip that may be data, in the order of their names."""
    found = []
    total = 0
    for info in archive.infolist():
        said = _name_of(info).replace("\\", "/")
        if said.startswith("/") or re.match(r"[A-Za-z]:", said) or ".." in said.split("/"):
            raise WrongFile(
                f"{name} holds a file that says it lies outside, {_short(said, 80)!r}: pack the folder again"
            )
        parts = [part for part in said.split("/") if part not in ("", ".")]
        if not parts or said.endswith("/"):
            continue
        if any(part.lower() in _JUNK or part.startswith(".") for part in parts):
            continue
        entry = _Entry(info, tuple(parts[:-1]), parts[-1])
        mode = info.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            skipped.add(entry.path, "link")
        elif info.flag_bits & 1:
            skipped.add(entry.path, "locked")
        elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            skipped.add(entry.path, "packed")  # others shrink without limit, and are unpacked in one piece
        else:
            total += info.file_size
            found.append(entry)
    if total > MAX_UNPACKED:
        raise WrongFile(f"{name} is {total / 2**30:.1f} GB when it is unpacked, more than 2: give less")
    return sorted(found, key=lambda entry: (entry.folders, entry.name))


def _read(archive: zipfile.ZipFile, entry: _Entry, most: int) -> bytes | None:
    """What a file in a zip holds, up to a limit; None if it is damaged."""
    try:
        with archive.open(entry.info) as stream:
            return stream.read(most)  # no more comes out than the zip's list says, and none of it is kept beyond this
    except Exception:  # zipfile raises errors of many types, which it does not list
        return None


def _unpack(archive: zipfile.ZipFile, entry: _Entry, to: Path) -> None:
    """Write one file of a zip to a path of our own."""
    try:
        with archive.open(entry.info) as stream, to.open("xb") as file:
            left = MAX_UNPACKED
            while chunk := stream.read(min(_CHUNK, left)):
                file.write(chunk)
                left -= len(chunk)
    except OSError:
        raise
    except Exception as error:  # as above
        raise WrongFile(f"{entry.path} is damaged inside the zip: pack it again") from error


# ── Pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Picture(NamedTuple):
    entry: _Entry
    part: str
    label: str


def _pictures(entries: Sequence[_Entry], name: str, skipped: _Skipped) -> list[_Picture]:
    """The pictures among the files, each with its part and its class, which their folders say."""
    images = []
    for entry in entries:
        if entry.name.lower().endswith(_SUFFIXES):
            images.append(entry)
        else:
            skipped.add(entry.path, "archive" if entry.name.lower().endswith((".zip", ".rar", ".7z")) else "kind")
    folders = [entry.folders for entry in images]
    folders = _unwrapped(folders)
    tops = {each[0].lower() for each in folders if each}
    parts = ["train"] * len(images)
    if tops and tops <= set(_PARTS) and any(_PARTS[top] == "train" for top in tops):
        parts = [_PARTS[each[0].lower()] if each else "train" for each in folders]
        folders = [each[1:] for each in folders]
    found = []
    for entry, part, each in zip(images, parts, folders, strict=True):
        if not each:
            skipped.add(entry.path, "folder")
        elif len(each[0]) > _CLASS_NAME:
            raise WrongFile(
                f"{name} has a folder whose name is longer than {_CLASS_NAME} letters, {_short(each[0], 40)!r}"
            )
        else:
            found.append(_Picture(entry, part, each[0]))
    if images and not found:
        raise WrongFile(
            f"the pictures of {name} lie in no folders: put those of each class into a folder with the name of the class"
        )
    classes = {picture.label for picture in found if picture.part == "train"}
    if len(classes) == 1:
        raise WrongFile(
            f"all pictures of {name} are of one class, {_short(next(iter(classes)), 60)!r}: a network needs at least two to "
            "tell apart, with a folder for each"
        )
    for picture in found:
        if picture.label not in classes:
            raise WrongFile(
                f"{name} has a class {_short(picture.label, 60)!r} to test that it does not have to learn from: put some of "
                "its pictures into the folder to train too"
            )
    return found


def _unwrapped(folders: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Without the folders that hold all others; what lies beside such a folder, or right in it, is in none."""
    while max(map(len, folders), default=0) > 1 and len({each[0] for each in folders if each}) == 1:
        folders = [each[1:] for each in folders]
    return folders


def _class_order(name: str) -> tuple[float, str]:
    """As :func:`glassnet.data.from_labels` orders them: numbers by size before names by alphabet."""
    return (int(name) if name.isdecimal() else math.inf, name)


def _on_paper(archive: zipfile.ZipFile, pictures: Sequence[_Picture]) -> bool:
    """Whether most pictures have an even border, as drawings and scanned digits have, and photographs have not."""
    even = []
    for entry, _, _ in pictures[:: -(-len(pictures) // _LOOKED_AT)]:
        image = _image_of(_read(archive, entry, MAX_IMAGE_BYTES + 1), entry)
        if not isinstance(image, str):
            gray = np.asarray(image, np.float32) / 255
            border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
            even.append(float(np.median(np.abs(border - np.median(border)))) <= _EVEN)
    return not even or sum(even) * 2 >= len(even)


def _image_of(body: bytes | None, entry: _Entry, color: bool = False) -> Any:
    """A picture; or the word for why it is none."""
    if entry.info.file_size > MAX_IMAGE_BYTES:
        return "large"
    if body is None or len(body) != entry.info.file_size:
        return "damaged"
    try:
        return open_image(body, color=color)
    except WrongFile as error:
        return "large" if "pixels" in str(error) or "MB" in str(error) else "damaged"


def _thumbnail(body: bytes, entry: _Entry) -> NDArray[Any]:
    """A small picture of a picture, in color."""
    image = _image_of(body, entry, color=True)
    if isinstance(image, str):
        return np.zeros((1, 1, 3), np.uint8)
    image.thumbnail((_THUMB, _THUMB))
    return np.asarray(image, np.uint8)


def _bytes(inputs: NDArray[Any]) -> NDArray[Any]:
    """Inputs from 0 to 1 as 0 to 255; what lies outside, as the nearest of these."""
    return np.rint(np.clip(inputs, 0, 1) * 255).astype(np.uint8)


# ── Descriptions ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _short(text: str, most: int) -> str:
    text = re.sub(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+", " ", text)
    return text if len(text) <= most else text[: most - 1] + "…"


def _file_name(name: str) -> str:
    """A file's name that is one on every system: letters, digits, hyphens."""
    stem = re.sub(r"\.(zip|npz|gz)$", "", name, flags=re.IGNORECASE)
    return re.sub(r"[\W_]+", "-", stem).strip("-")[:40] or "data"


def _side_of(inputs: int) -> int | None:
    side = math.isqrt(inputs)
    return side if side * side == inputs and side >= 4 else None


def _held_out(train: int) -> int:
    """How many of so many examples are held out to validate, where nothing is said: one in six; none of very few."""
    count = round(train / 6)
    return count if 0 < count < train else 0


def _described(splits: Splits) -> dict[str, Any]:
    """What all data has: counts, classes, the range of its numbers."""
    parts = {part: data for part in _ORDER if (data := getattr(splits, part)) is not None}
    classes = splits.train.classes
    inputs = to_numpy(splits.train.inputs)
    counts = None
    if classes is not None:
        total = sum(_counts(data, len(classes)) for data in parts.values())
        counts = [
            {"name": str(name), "count": int(count)} for name, count in zip(classes, cast(Any, total), strict=True)
        ]
    return {
        "parts": {part: len(data) for part, data in parts.items()},
        "inputs": int(inputs.shape[1]),
        "outputs": int(splits.train.targets.shape[1]),
        "classes": counts,
        "range": [float(inputs.min()), float(inputs.max())],
        "how": None if splits.pictures is None else asdict(splits.pictures),
    }


@lru_cache(maxsize=1)
def _mnist_about() -> dict[str, Any]:
    about = _base("MNIST", _IDX, mnist(), "", _Skipped())
    return {**about, "bytes": 0}


def _counts(data: Dataset, classes: int) -> NDArray[Any]:
    """How many examples there are of each class; in multi-label data, one is of each class whose target is above 0.5."""
    if data.multilabel:
        return np.count_nonzero(to_numpy(data.targets) > 0.5, axis=0)
    return np.bincount(data.labels, minlength=classes)


def _sampled(data: Dataset, count: int) -> dict[str, NDArray[Any]]:
    """The first examples of each of the first classes; without labels, the first examples."""
    if data.classes is None or not data.labeled:
        rows = np.arange(min(len(data), count * 3))
        labels = np.full(len(rows), -1)
    else:
        known = data.labels
        each = [np.flatnonzero(known == label)[:count] for label in range(min(len(data.classes), _SAMPLED_CLASSES))]
        rows = np.concatenate(each)
        labels = known[rows]
    inputs = to_numpy(data.inputs)[rows]
    return {
        "rows": rows.astype(np.int32),
        "labels": labels.astype(np.int32),
        "inputs": _bytes(inputs),
        "values": inputs[:, :16].astype(np.float32),
        "targets": to_numpy(data.targets)[rows, :16].astype(np.float32),
    }


def _few(samples: Mapping[str, NDArray[Any]], count: int) -> dict[str, NDArray[Any]]:
    """So many samples of each class."""
    labels = samples["labels"]
    if len(labels) and labels[0] < 0:
        return {name: array[: 3 * count] for name, array in samples.items()}
    rows = np.concatenate([np.flatnonzero(labels == label)[:count] for label in np.unique(labels)] or [labels])
    return {name: array[rows] for name, array in samples.items()}


# ── The data of a session ────────────────────────────────────────────────────────────────────────────────────────────


class Uploads:
    """The data that was given to a session. Every method may be called in any thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._folder = Path(session.home).resolve() / "data"
        self._busy = threading.Lock()  # one upload at a time is read
        self._lock = threading.Lock()  # guards _progress
        self._progress: dict[str, Any] | None = None
        self._closed = threading.Event()
        for each in self._folder.glob(".coming-*"):  # a studio that was killed left it
            shutil.rmtree(each, ignore_errors=True)

    def do(self, name: str, fields: dict[str, Any]) -> dict[str, Any] | tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Follow one of the commands about data: the fields of its reply, or these and arrays.

        Errors: :class:`~glassnet.errors.WrongValue`, :class:`~glassnet.errors.WrongFile`.
        """
        match name:
            case "datasets":
                users = self._users()
                known = [self._shown(number, about, users) for number, about in self._all()]
                return {"datasets": [self._mnist(users), *known], "reading": self.progress()}
            case "dataset":
                return self.sample(fields["data"], fields.get("count", 4))
            case _:
                self.forget(fields["data"])
                return {}

    def close(self) -> None:
        """Stop what is being read. May be called again."""
        self._closed.set()

    # ── What there is ──

    def _all(self) -> list[tuple[str, dict[str, Any]]]:
        """All data that is whole, the newest first."""
        found = []
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                if re.fullmatch(r"[1-9]\d{0,8}", path.name):
                    with contextlib.suppress(WrongValue):
                        found.append((path.name, self._about(path.name)))
        return sorted(found, key=lambda each: -int(each[0]))

    def _about(self, number: str) -> dict[str, Any]:
        """What a data set's description says.

        Errors: :class:`~glassnet.errors.WrongValue` if there is none.
        """
        path = self._folder / number
        if re.fullmatch(r"[1-9]\d{0,8}", number) and not path.is_symlink():
            with contextlib.suppress(OSError, ValueError):
                about = json.loads((path / "about.json").read_text("utf-8"))
                if isinstance(about, dict) and about.get("format") == 1:
                    return files.check_seal(about, "about.json")
        raise WrongValue(f"there is no data {_short(number, 20)!r} here: look at the list again")

    def _sources(self, number: str, about: Mapping[str, Any]) -> list[str]:
        return [str(self._folder / number / about["source"])]

    def _shown(self, number: str, about: dict[str, Any], users: Mapping[str, list[str]]) -> dict[str, Any]:
        """A data set as the page is told of it; from now on it may be chosen."""
        sources = self._sources(number, about)
        self._session.know(sources)
        return self._told(number, about, sources, users.get(number, []))

    def _told(
        self, number: str, about: Mapping[str, Any], sources: list[str], used: list[str], held: int | None = None
    ) -> dict[str, Any]:
        parts, classes = about["parts"], about["classes"]
        validation = parts.get("validation")
        held = (_held_out(parts["train"]) if validation is None else 0) if held is None else held
        return {
            "id": number,
            "name": about["name"],
            "kind": about["kind"],
            "train": parts["train"] - held,
            "validation": held if validation is None else validation,
            "held_out": validation is None and held > 0,
            "test": parts.get("test", 0),
            "inputs": about["inputs"],
            "outputs": about["outputs"],
            "side": _side_of(about["inputs"]),
            "classes": None if classes is None else classes[:_SHOWN_CLASSES],
            "class_count": None if classes is None else len(classes),
            "fewest": None if classes is None else min(each["count"] for each in classes),
            "most": None if classes is None else max(each["count"] for each in classes),
            "range": about["range"],
            "how": about["how"],
            "changeable": about["kind"] == _IMAGES,
            "sizes": about["sizes"],
            "skipped": about["skipped"],
            "skipped_count": about["skipped_count"],
            "sources": sources,
            "bytes": about["bytes"],
            "used": used,
        }

    def _mnist(self, users: Mapping[str, list[str]]) -> dict[str, Any]:
        return self._told("mnist", _mnist_about(), ["mnist"], users.get("mnist", []), held=0)

    def _users(self) -> dict[str, list[str]]:
        """The runs of this home, in the bin too, by the number of the data they learn from."""
        found: dict[str, list[str]] = {}
        home = self._folder.parent
        for path in sorted([*home.glob("*/run.json"), *home.glob("*/*/run.json")]):
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                for source in json.loads(path.read_text("utf-8"))["data"]["sources"]:
                    number = self._number_of(source)
                    if number is not None:
                        found.setdefault(number, []).append(path.parent.relative_to(home).as_posix())
        return {number: sorted(set(runs), key=_class_order) for number, runs in found.items()}

    def _number_of(self, source: str) -> str | None:
        if source == "mnist":
            return source
        path = Path(source)
        return path.relative_to(self._folder).parts[0] if path.is_relative_to(self._folder) else None

    def name_of(self, source: str) -> str | None:
        """What the person calls the data that a source lies in; None if it was not given to the studio."""
        number = self._number_of(source)
        with contextlib.suppress(WrongValue):
            return None if number is None or source == "mnist" else str(self._about(number)["name"])
        return None

    def progress(self) -> dict[str, Any] | None:
        """What is being read: its name, how many pictures of how many; None if nothing is."""
        with self._lock:
            return self._progress

    def _tell(self, name: str | None, done: int = 0, total: int = 0) -> None:
        with self._lock:
            self._progress = None if name is None else {"name": name, "done": done, "total": total}

    # ── Samples ──

    def sample(
        self, number: str, count: int = 4, how: Pictures | None = None
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """One data set (``data``), with some samples of its first classes, of this ``side``, made in this way (``how``).

        Args:
            number: which.
            count: samples of each class, at most 50.
            how: of pictures, how they would become inputs; None: as they are.

        Errors: :class:`~glassnet.errors.WrongValue` if there is none.
        """
        count = min(max(count, 0), _SAMPLES)
        users = self._users()
        if number == "mnist":
            shown = self._mnist(users)
            return self._about_samples(shown, shown["how"]), _few(_sampled(mnist().train, count), count)
        about = self._about(number)
        shown = self._shown(number, about, users)
        path = self._folder / number
        try:
            if about["kind"] == _IMAGES:
                how = how or Pictures(**about["how"])
                more, arrays = self._samples(path / "upload.zip", about, count, how)
                return {**self._about_samples(shown, asdict(how)), **more}, arrays
            with np.load(path / "samples.npz") as kept:
                return self._about_samples(shown, about["how"]), _few({key: kept[key] for key in kept.files}, count)
        except (OSError, ValueError) as error:
            raise WrongValue(f"the samples of {about['name']} are gone: forget it, and drop it again") from error

    def _about_samples(self, shown: Mapping[str, Any], how: Mapping[str, Any] | None) -> dict[str, Any]:
        return {"data": shown, "how": how, "side": shown["side"] if how is None else how["side"]}

    def _samples(
        self, path: Path, about: Mapping[str, Any], count: int, how: Pictures
    ) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Pictures as they came, small and in color, beside the inputs they become."""
        names = [each["name"] for each in about["classes"]]
        place = {name: label for label, name in enumerate(names[:_SAMPLED_CLASSES])}
        left = dict.fromkeys(place, count)
        tries = dict.fromkeys(place, count + 8)
        rows, labels, inputs, thumbs, of = [], [], [], [], []
        with _opened(path, about["name"]) as archive:
            skipped = _Skipped()
            pictures = _pictures(_entries(archive, about["name"], skipped), about["name"], skipped)
            for row, (entry, _, label) in enumerate(each for each in pictures if each.part == "train"):
                if not left.get(label, 0) or not tries[label]:
                    continue
                tries[label] -= 1
                body = _read(archive, entry, MAX_IMAGE_BYTES + 1)
                image = _image_of(body, entry)
                if isinstance(image, str):
                    continue
                blank = False
                try:
                    made = how.input(image)
                except WrongValue:
                    made, blank = np.zeros(how.side**2, np.float32), True
                left[label] -= 1
                rows.append(row)
                labels.append(place[label])
                inputs.append(_bytes(made))
                thumbs.append(_thumbnail(cast(bytes, body), entry))
                of.append({"name": _short(entry.path, 200), "blank": blank})
        order = sorted(range(len(rows)), key=lambda i: labels[i])
        return (
            {
                "thumbs": [[thumbs[i].shape[1], thumbs[i].shape[0]] for i in order],
                "pictures": [of[i] for i in order],
            },
            {
                "rows": np.array([rows[i] for i in order], np.int32),
                "labels": np.array([labels[i] for i in order], np.int32),
                "inputs": np.array([inputs[i] for i in order], np.uint8).reshape(len(rows), how.side**2),
                "originals": np.concatenate([np.zeros(0, np.uint8), *(thumbs[i].reshape(-1) for i in order)]),
            },
        )

    # ── What comes ──

    def coming(self) -> Path:
        """A new folder for an upload that begins.

        Errors: :class:`~glassnet.errors.WrongValue` if the studio is closed or the folder cannot be made.
        """
        if self._closed.is_set():
            raise WrongValue("the studio is closed")
        path = self._folder / f".coming-{secrets.token_hex(8)}"
        try:
            path.mkdir(parents=True)
        except OSError as error:
            raise WrongValue(f"data cannot be kept here: {error.strerror or error}") from error
        return path

    def take(
        self, folder: Path, name: str, how: Pictures | int = 28, stop: threading.Event | None = None
    ) -> dict[str, Any]:
        """Read what came and keep it.

        Args:
            folder: from :meth:`coming`, with the upload in its file ``body``. It is taken, or removed.
            name: what the person calls it.
            how: how pictures become inputs; or their side then, and whether they are centered is told by what they look like.
            stop: set when nobody waits for it any more.

        Errors: :class:`~glassnet.errors.WrongFile` if it cannot be used; :class:`~glassnet.errors.WrongValue` while other
        data is being read.
        """
        name = _short(name, _NAME).strip() or "data"
        try:
            with self._reading(name):
                with _as_known({}):
                    about = _taken(folder, name, how, self._step(name, stop))
                (folder / "body").unlink(missing_ok=True)
                files.write(
                    folder / "about.json", json.dumps(files.sealed(about), ensure_ascii=False, allow_nan=False).encode()
                )
                return self._shown(self._keep(folder), about, {})
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def make(self, number: str, how: Pictures, stop: threading.Event | None = None) -> dict[str, Any]:
        """Make inputs of the pictures of a data set in another way; runs that learn from those there are keep them.

        Errors: :class:`~glassnet.errors.WrongFile` as :meth:`take`; :class:`~glassnet.errors.WrongValue` if there is no such
        data, it is none of pictures, or other data is being read.
        """
        about = self._about(number)
        if about["kind"] != _IMAGES:
            raise WrongValue(
                f"{about['name']} is numbers already: only pictures can be made into inputs in another way"
            )
        if about["how"] == asdict(how):
            return self._shown(number, about, self._users())
        path = self._folder / number
        with self._reading(about["name"]):
            try:
                with _opened(path / "upload.zip", about["name"]) as archive:
                    about = _read_pictures(archive, path, about["name"], how, self._step(about["name"], stop), about)
                files.write(
                    path / "about.json", json.dumps(files.sealed(about), ensure_ascii=False, allow_nan=False).encode()
                )
            except OSError as error:
                raise WrongFile(f"{about['name']} cannot be read again: {error.strerror or error}") from error
            used = {source for run in self._runs_sources() for source in run}
            for each in path.glob("*.npz"):
                if each.name != about["source"] and str(each) not in used:
                    self._session.forget([str(each)])
                    each.unlink(missing_ok=True)
        return self._shown(number, about, self._users())

    def _runs_sources(self) -> Iterator[list[str]]:
        home = self._folder.parent
        for path in [*home.glob("*/run.json"), *home.glob("*/*/run.json")]:
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                yield list(map(str, json.loads(path.read_text("utf-8"))["data"]["sources"]))

    @contextlib.contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        if not self._busy.acquire(blocking=False):
            raise WrongValue("other data is being read just now: wait until it is there")
        try:
            self._tell(name)
            yield
        finally:
            self._tell(None)
            self._busy.release()

    def _step(self, name: str, stop: threading.Event | None) -> Callable[[int, int], None]:
        def step(done: int, total: int) -> None:
            if self._closed.is_set() or (stop is not None and stop.is_set()):
                raise _Stopped
            self._tell(name, done, total)

        return step

    def _keep(self, folder: Path) -> str:
        """Give the folder its number."""
        number = 1 + max((int(each.name) for each in self._folder.iterdir() if each.name.isdecimal()), default=0)
        while True:
            try:
                os.rename(folder, self._folder / str(number))
                return str(number)
            except OSError:
                if not (self._folder / str(number)).exists():
                    raise
                number += 1

    def forget(self, number: str) -> None:
        """Delete a data set.

        Errors: :class:`~glassnet.errors.WrongValue` if there is none, or a run learns from it.
        """
        if number == "mnist":
            raise WrongValue("MNIST is a part of glassnet: it stays")
        about = self._about(number)
        users = self._users().get(number, [])
        if users:
            runs = ", ".join(users[:5]) + (" and others" if len(users) > 5 else "")
            which = f"run {runs} learns" if len(users) == 1 else f"runs {runs} learn"
            raise WrongValue(f"{which} from {about['name']}: it is kept as long as they are there, in the trash too")
        away = self._folder / f".coming-{secrets.token_hex(8)}"
        try:
            os.rename(self._folder / number, away)  # gone at once, however long deleting takes
        except OSError as error:
            raise WrongValue(f"{about['name']} cannot be deleted: {error.strerror or error}") from error
        for source in (
            self._folder / number / about["source"],
            *(self._folder / number / each.name for each in away.glob("*.npz")),
        ):
            self._session.forget([str(source)])
        shutil.rmtree(away, ignore_errors=True)


# ── Reading what came ────────────────────────────────────────────────────────────────────────────────────────────────

_Step = Callable[[int, int], None]


def _describe(folder: Path, about: Mapping[str, Any]) -> None:
    """Write what a data set says of itself."""
    body = json.dumps(files.sealed(about), ensure_ascii=False, allow_nan=False)
    files.write(folder / "about.json", body.encode())


def _taken(folder: Path, name: str, how: Pictures | int, step: _Step) -> dict[str, Any]:
    """Read an upload's ``body``, put what is to be kept of it beside it, and describe it."""
    body = folder / "body"
    size = body.stat().st_size
    with body.open("rb") as file:
        begin = file.read(16)
    if not begin:
        raise WrongFile(f"{name} is empty: give {_WANTED}")
    if begin[:4] not in (b"PK\x03\x04", b"PK\x05\x06"):
        raise WrongFile(_no_zip(begin, name))
    skipped = _Skipped()
    with _opened(body, name) as archive:
        entries = _entries(archive, name, skipped)
        lower = [entry.name.lower() for entry in entries]
        if any(each.endswith(_SUFFIXES) for each in lower):
            about = _read_pictures(archive, folder, name, how, step)
            os.rename(body, folder / "upload.zip")
            return {**about, "bytes": size}
        arrays = [entry for entry, each in zip(entries, lower, strict=True) if each.endswith(".npy")]
        packed = [entry for entry, each in zip(entries, lower, strict=True) if each.endswith(".npz")]
        if len(packed) > 1:
            raise WrongFile(f"{name} holds {len(packed)} .npz files: give one of them by itself")
        if packed:
            _unpack(archive, packed[0], folder / "inner")
        elif not arrays:
            return {**_read_idx_files(archive, entries, skipped, folder, name, step), "bytes": size}
    if packed:
        os.replace(folder / "inner", body)
        name = packed[0].name
        with body.open("rb") as file:
            _check_directory(file, name)
    return {**_read_npz(body, folder, name, step), "bytes": size}


def _no_zip(begin: bytes, name: str) -> str:
    if _is_picture(begin):
        return f"{name} is one picture: give a folder of pictures, with a folder in it for each class"
    if begin[:2] == b"\x1f\x8b" or (begin[:2] == b"\0\0" and 1 <= begin[3] <= 4):
        return f"{name} is one file alone: choose the IDX files of images and of labels together"
    return f"{name} is neither a zip nor an .npz file: give {_WANTED}"


def _is_picture(begin: bytes) -> bool:
    """Whether a file begins as a picture does."""
    return begin.startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")) or begin[8:12] == b"WEBP"


def _base(name: str, kind: str, splits: Splits, source: str, skipped: _Skipped) -> dict[str, Any]:
    return {
        "format": 1,
        "name": name,
        "kind": kind,
        "came": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        **_described(splits),
        "sizes": None,
        "skipped": skipped.first,
        "skipped_count": skipped.count,
        "source": source,
    }


def _read_pictures(
    archive: zipfile.ZipFile,
    folder: Path,
    name: str,
    how: Pictures | int,
    step: _Step,
    before: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Make inputs of all pictures in a zip, keep them in an ``.npz`` file, and describe them."""
    skipped = _Skipped()
    pictures = _pictures(_entries(archive, name, skipped), name, skipped)
    if isinstance(how, int):
        how = Pictures(how, _on_paper(archive, pictures))
    _check_numbers(len(pictures), how.side**2, len({each.label for each in pictures}), name)
    inputs: dict[str, list[NDArray[Any]]] = {part: [] for part in _ORDER}
    labels: dict[str, list[str]] = {part: [] for part in _ORDER}
    least, most = [10**9, 10**9], [0, 0]
    for done, (entry, part, label) in enumerate(pictures):
        step(done, len(pictures))
        body = _read(archive, entry, MAX_IMAGE_BYTES + 1)
        image = _image_of(body, entry)
        if isinstance(image, str):
            skipped.add(entry.path, image)
            continue
        try:
            made = how.input(image)
        except WrongValue:
            skipped.add(entry.path, "blank")
            continue
        inputs[part].append(_bytes(made))
        labels[part].append(label)
        for i, length in enumerate(size_of(cast(bytes, body)) or image.size):
            least[i], most[i] = min(least[i], length), max(most[i], length)
    step(len(pictures), len(pictures))
    classes = sorted(set(labels["train"]), key=_class_order)
    if len(classes) < 2:
        first = skipped.first[0] if skipped.first else None
        why = f"; of {first['name']}: {first['why']}" if first else ""
        raise WrongFile(
            f"{name} has pictures that can be read of {'one class' if classes else 'no class'} only: a network needs at least "
            f"two to tell apart{why}"
        )
    place = {label: number for number, label in enumerate(classes)}
    arrays: dict[str, NDArray[Any]] = {
        "classes": np.array(classes),
        "pictures": np.array([how.side, how.center], np.int64),
    }
    for part in _ORDER:
        kept = [i for i, label in enumerate(labels[part]) if label in place]
        if kept:
            arrays[f"x_{part}"] = np.stack([inputs[part][i] for i in kept])
            arrays[f"y_{part}"] = np.array([place[labels[part][i]] for i in kept], np.int32)
        inputs[part].clear()
    source = f"{_file_name(name)}-{how.side}-{'centered' if how.center else 'whole'}.npz"
    partial = folder / f".{source}.partial"
    try:
        with partial.open("wb") as file:
            np.savez(file, **cast(Any, arrays))
        os.replace(partial, folder / source)
    except BaseException:  # of a full disk
        partial.unlink(missing_ok=True)
        raise
    counts = Counter(int(label) for part in _ORDER for label in arrays.get(f"y_{part}", ()))
    return {
        **(before or {}),
        "format": 1,
        "name": name,
        "kind": _IMAGES,
        "came": before["came"] if before else time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "parts": {part: len(arrays[f"y_{part}"]) for part in _ORDER if f"y_{part}" in arrays},
        "inputs": how.side**2,
        "outputs": len(classes),
        "classes": [{"name": label, "count": counts[number]} for number, label in enumerate(classes)],
        "range": [0.0, 1.0],
        "how": asdict(how),
        "sizes": {"least": least, "most": most},
        "skipped": skipped.first,
        "skipped_count": skipped.count,
        "source": source,
    }


def _check_numbers(examples: int, inputs: int, outputs: int, name: str) -> None:
    for count, what in ((inputs, "inputs"), (outputs, "classes")):
        if examples * count > MAX_NUMBERS:
            raise WrongFile(
                f"{name} has {examples:,} examples of {count:,} {what} each, more than fits into memory: give fewer"
                + (", or make the side smaller" if what == "inputs" else "")
            )


def _read_npz(body: Path, folder: Path, name: str, step: _Step) -> dict[str, Any]:
    """An ``.npz`` file, which is kept as it came."""
    path = folder / f"{_file_name(name)}.npz"
    with _opened(body, name) as archive:
        if any(_numbers(archive, info) > MAX_NUMBERS for info in archive.infolist()):
            raise WrongFile(f"{name} holds more numbers than fit into memory: give fewer")
    os.rename(body, path)
    step(0, 0)
    with _as_known({str(path): name}):
        splits = load(path, validation=0)
    _check_numbers(len(splits.train), splits.train.inputs.shape[1], splits.train.targets.shape[1], name)
    _keep_samples(splits, folder)
    return _base(name, _NPZ, splits, path.name, _Skipped())


def _numbers(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """How many numbers an array says it holds; 0 of what is none, which is for load to say."""
    try:
        with archive.open(info) as stream:
            version = np.lib.format.read_magic(stream)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            return math.prod(read(stream)[0])
    except Exception:  # the header is Python's own text, whose parsers raise errors of many types
        return 0


def _read_idx_files(
    archive: zipfile.ZipFile, entries: list[_Entry], skipped: _Skipped, folder: Path, name: str, step: _Step
) -> dict[str, Any]:
    """IDX files under any names, which are unpacked under their canonical ones."""
    images: list[tuple[bool, int, _Entry]] = []
    labels: list[tuple[bool, int, _Entry]] = []
    for entry in entries:
        shape = _idx_shape(_read(archive, entry, 4096))
        if shape is None:
            if not entry.name.lower().endswith("mapping.txt"):
                skipped.add(entry.path, "kind")
        elif math.prod(shape) > MAX_NUMBERS:
            raise WrongFile(f"{entry.path} says it holds more numbers than fit into memory: give fewer")
        else:
            (labels if len(shape) == 1 else images).append((_is_test(entry.path), -shape[0], entry))
    if not images and not labels:
        why = f" ({skipped.first[0]['name']}: {skipped.first[0]['why']})" if skipped.first else ""
        raise WrongFile(f"there is no data in {name}{why}: give {_WANTED}")
    if len(images) != len(labels) or len(images) > 2:
        raise WrongFile(
            f"{name} holds {len(images)} IDX files of images and {len(labels)} of labels: give one of each, or two of each, to "
            "train and to test"
        )
    images.sort(key=lambda each: each[:2])
    labels.sort(key=lambda each: each[:2])
    if len(images) == 2 and [each[1] for each in images] == [each[1] for each in reversed(labels)]:
        labels.reverse()
    inside = folder / _file_name(name)
    inside.mkdir()
    prefix = "emnist-" if images[0][2].name.lower().startswith("emnist") else ""
    known = {}
    for part, pair in zip(("train", "t10k"), zip(images, labels, strict=True), strict=False):
        for kind, (_, _, entry) in zip(("images-idx3", "labels-idx1"), pair, strict=True):
            zipped = _read(archive, entry, 2) == b"\x1f\x8b"
            path = inside / f"{prefix}{part}-{kind}-ubyte{'.gz' if zipped else ''}"
            _unpack(archive, entry, path)
            known[str(path)] = entry.path
    for entry in entries:
        if entry.name.lower().endswith("mapping.txt") and not (inside / f"{prefix}mapping.txt").exists():
            _unpack(archive, entry, inside / f"{prefix}mapping.txt")
    step(0, 0)
    with _as_known({**known, str(inside): name}):
        splits = load(inside, validation=0)
    _check_numbers(len(splits.train), splits.train.inputs.shape[1], splits.train.targets.shape[1], name)
    _keep_samples(splits, folder)
    return _base(name, _IDX, splits, inside.name, skipped)


def _idx_shape(begin: bytes | None) -> tuple[int, ...] | None:
    """The sizes in the header of an IDX file, gzipped or not; None if it is none."""
    if begin is None:
        return None
    if begin[:2] == b"\x1f\x8b":
        with contextlib.suppress(zlib.error):
            begin = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(begin, 32)
    if len(begin) < 8 or begin[:2] != b"\0\0" or not 1 <= begin[3] <= 4 or len(begin) < 4 + 4 * begin[3]:
        return None
    return struct.unpack(f">{begin[3]}I", begin[4 : 4 + 4 * begin[3]])


def _is_test(name: str) -> bool:
    return re.search(r"t10k|test", name.lower()) is not None


def _keep_samples(splits: Splits, folder: Path) -> None:
    with (folder / "samples.npz").open("wb") as file:
        np.savez(file, **cast(Any, _sampled(splits.train, _SAMPLES)))


@contextlib.contextmanager
def _as_known(names: Mapping[str, str]) -> Iterator[None]:
    """What is wrong, said of files as the person knows them."""
    try:
        yield
    except (WrongFile, WrongValue) as error:
        text = str(error)
        for path, name in sorted(names.items(), key=lambda each: -len(each[0])):
            text = text.replace(path, _short(name, 200))
        raise WrongFile(text) from error
    except MemoryError as error:
        raise WrongFile("there is not enough memory to read this data: give less") from error


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def routes(session: Session) -> list[BaseRoute]:
    """What is asked for by HTTP: data to upload, how far its reading is, pictures made into inputs in another way.

    Errors: none of its own; what is wrong with a request is answered by a status (HTTPException) and a sentence.
    """
    two = asyncio.Semaphore(2)  # uploads under way: they go to the disk, not into memory

    async def upload(request: Request) -> Response:
        name, how = request.query_params.get("name", "data"), _how(request)
        if two.locked():
            raise HTTPException(409, "Other data is coming in just now: wait until it is there.")
        async with two:
            folder = await asyncio.to_thread(session.uploads.coming)
            try:
                await _receive(request, folder)
                return await _worked(request, lambda stop: session.uploads.take(folder, name, how, stop))
            except files.NotSaved as error:
                raise HTTPException(507, str(error)) from error
            except OSError as error:
                raise HTTPException(507, f"The data cannot be kept: {error.strerror or error}.") from error
            finally:
                await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    async def make(request: Request) -> Response:
        number, how = request.query_params.get("data", ""), _whole_how(request)
        return await _worked(request, lambda stop: session.uploads.make(number, how, stop))

    async def preview(request: Request) -> Response:
        asked, how = request.query_params, _whole_how(request)
        about, arrays = await asyncio.to_thread(
            session.uploads.sample, asked.get("data", ""), _whole(asked.get("count", "4"), "count", 0, _SAMPLES), how
        )
        return Response(pack({"type": "dataset", **about}, arrays), media_type="application/octet-stream")

    async def progress(_: Request) -> Response:
        return JSONResponse({"reading": session.uploads.progress()})

    return [
        Route("/api/data", upload, methods=["POST"]),
        Route("/api/data/make", make, methods=["POST"]),
        Route("/api/data/preview", preview),
        Route("/api/data/progress", progress),
    ]


def _whole(text: str, name: str, least: int, most: int) -> int:
    if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
        raise WrongValue(f"{name} must be a whole number from {least} to {most}, got {_short(text, 40)!r}")
    return int(text)


def _how(request: Request) -> Pictures | int:
    """How pictures become inputs, as the address of a request says; their side alone if it does not say all."""
    side = _whole(request.query_params.get("side", "28"), "side", *SIDES)
    match request.query_params.get("center"):
        case None:
            return side
        case "true" | "false" as center:
            return Pictures(side, center == "true")
        case center:
            raise WrongValue(f"center must be true or false, got {_short(center, 40)!r}")


def _whole_how(request: Request) -> Pictures:
    how = _how(request)
    return Pictures(how) if isinstance(how, int) else how


async def _receive(request: Request, folder: Path) -> None:
    """Write a request's body to a file, as it comes in."""
    said = request.headers.get("content-length", "")
    room = shutil.disk_usage(folder).free - _SPARE
    if said.isdigit() and int(said) > room:
        raise HTTPException(507, f"There is not enough room on the disk: {max(0, room) // 2**20:,} MB are free.")
    stream = request.stream().__aiter__()
    with (folder / "body").open("wb") as file:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise HTTPException(408, "The data stopped coming in for a minute: send it again.") from None
            room -= len(chunk)
            if room < 0:
                raise HTTPException(507, "There is not enough room on the disk.")
            await asyncio.to_thread(file.write, chunk)


async def _worked(request: Request, work: Callable[[threading.Event], dict[str, Any]]) -> Response:
    """Work in a thread; it is stopped when nobody waits for it any more."""
    stop = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(work, stop))
    try:
        while not task.done():
            await asyncio.wait([task], timeout=0.5)
            if not task.done() and await request.is_disconnected():
                stop.set()
        return JSONResponse({"data": task.result()})
    except _Stopped:
        return Response(status_code=499)
    finally:
        stop.set()
        if not task.done():  # the server itself is closing
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await asyncio.shield(task)
