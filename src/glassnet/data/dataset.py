"""Data: examples with their desired outputs, and the ways to get them.

MNIST is inside the package (:func:`mnist`). Other data is read by :func:`load`: IDX files, gzipped or not, by folder or
by name; a folder of images with a subfolder for each class; ``.npz``. Nothing is downloaded, nothing is unpickled.

Every reader checks what a file claims against what it holds before it takes memory for it. Pixels are numbers from 0
(paper) to 1 (ink).
"""

from __future__ import annotations

import gzip
import math
import re
import struct
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from itertools import repeat
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from glassnet.arrays import Array, namespace, to_numpy
from glassnet.data.pictures import Pictures, open_image
from glassnet.errors import WrongFile, WrongValue
from glassnet.machine.threads import available
from glassnet.settings import check_seed

__all__ = [
    "MAX_CLASSES",
    "Dataset",
    "Splits",
    "Summary",
    "chosen",
    "from_labels",
    "load",
    "mnist",
    "read_idx",
    "summarize",
]

MAX_CLASSES = 10_000
"""The most classes there can be: every example gets as many targets, so the labels alone decide how much memory is taken."""

_WHOLE = 1e-3
"""How far the sum of an example's targets may be from 1, where they share out one whole."""
_DEFLATE_LIMIT = 1032
"""Deflate cannot shrink data by more than this factor, so a file that claims to hold more is lying."""
_CHUNK = 2**20
_ROWS = 1024
"""Examples summarized together: few enough to stay in the processor's cache."""
_RARE, _RARE_COUNT = 0.01, 10
"""An input other than 0 in a smaller share of the examples, or in fewer of them, has no spread worth comparing."""
_MOST_FLOAT_CLASSES = 1000
"""The most different whole numbers that are taken for classes though they are stored as floating-point numbers."""


# ── Examples ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Dataset:
    """n examples.

    Attributes:
        inputs: one example a row.
        targets: the desired outputs; for classes, 1 at the right one and 0 elsewhere, or shares that sum to 1; where each
            class is a question of its own, 1 for yes and 0 for no (:attr:`multilabel`).
        weights: how much each example counts, 0 or more; None: all the same.
        classes: the names of the outputs (of a single output: the names of 0 and 1); None if the outputs are numbers to
            predict rather than classes.

    Errors: :class:`~glassnet.errors.WrongValue` for numbers that are not numbers, no examples, or counts that differ.
    """

    inputs: Float[Array, "n in"]
    targets: Float[Array, "n out"]
    weights: Float[Array, " n"] | None = None
    classes: tuple[str, ...] | None = None
    _multilabel: bool | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        for what, array, dimensions in (
            ("inputs", self.inputs, 2),
            ("targets", self.targets, 2),
            ("weights", self.weights, 1),
        ):
            if array is not None:
                _check_array(what, array, dimensions)
        n = self.inputs.shape[0]
        for what, array in (("targets", self.targets), ("weights", self.weights)):
            if array is not None and array.shape[0] != n:
                raise WrongValue(f"every example needs its {what}: {n} inputs came with {array.shape[0]} {what}")
        if self.weights is not None:
            xp = namespace(self.weights)
            if not bool(xp.all(self.weights >= 0)) or not bool(xp.any(self.weights > 0)):
                raise WrongValue("weights must be 0 or more, with at least one above 0")
        columns = self.targets.shape[1]
        if self.classes is not None and len(self.classes) != (2 if columns == 1 else columns):
            raise WrongValue(f"{columns} target columns came with {len(self.classes)} class names")

    def __len__(self) -> int:
        return int(self.inputs.shape[0])

    def take(self, rows: Any) -> Dataset:
        """The examples with these row numbers, in this order; or those in this slice, without copying them."""
        xp = namespace(self.inputs)
        if isinstance(rows, slice) and (rows.step is None or rows.step > 0):
            part = slice(*rows.indices(len(self)))

            def pick(array: Any) -> Any:
                return array[(part, *[slice(None)] * (array.ndim - 1))]
        else:
            numbers = np.ascontiguousarray(np.arange(len(self))[rows])  # PyTorch takes no array that runs backwards
            index = numbers if xp is np else xp.asarray(numbers)

            def pick(array: Any) -> Any:
                return xp.take(array, index, axis=0)

        taken = replace(
            self,
            inputs=pick(self.inputs),
            targets=pick(self.targets),
            weights=None if self.weights is None else pick(self.weights),
        )
        # A part is what the whole is: of multi-label data it may happen to hold only examples of one class each.
        object.__setattr__(taken, "_multilabel", self.multilabel)
        return taken

    @property
    def multilabel(self) -> bool:
        """Whether an example can be of several classes, or of none: there are classes, more than one target column, and not
        every row of targets shares out one whole (all 0 or more, with a sum of 1 to within 0.001).

        Each column is then a yes-or-no question of its own. Looked at once; what :meth:`take` takes from such data is such
        data too.
        """
        if self._multilabel is None:
            found = False
            if self.classes is not None and self.targets.shape[1] > 1:
                xp = namespace(self.targets)
                found = bool(xp.min(self.targets) < 0) or bool(
                    xp.max(xp.abs(xp.sum(self.targets, axis=1) - 1.0)) > _WHOLE
                )
            object.__setattr__(self, "_multilabel", found)
        return bool(self._multilabel)

    @property
    def labeled(self) -> bool:
        """Whether each example is of one class, so that there are :attr:`labels`."""
        return self.classes is not None and not self.multilabel

    @property
    def labels(self) -> NDArray[Any]:
        """The number of each example's class.

        Errors: :class:`~glassnet.errors.WrongValue` if the data has no classes, or is multi-label.
        """
        if self.classes is None:
            raise WrongValue("this data has numbers to predict, not classes, so it has no labels")
        if self.multilabel:
            raise WrongValue(
                "this data is multi-label (not every row of targets shares out one whole, so an example can be of several "
                "classes or of none), so no example has the one label that this needs: look at each column of targets by "
                "itself, or at evaluate(…).accuracies, the accuracy of each class"
            )
        return chosen(self.targets)

    def split(self, held_out: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Two parts, drawn at random: the rest, and ``held_out`` examples (below 1: this fraction of them).

        Errors: :class:`~glassnet.errors.WrongValue` if one of the parts would be empty.
        """
        n = len(self)
        check_seed(seed)
        count = 0
        if math.isfinite(held_out):
            count = round(held_out * n) if held_out < 1 else int(held_out)
        if not 0 < count < n:
            raise WrongValue(f"cannot hold out {held_out:g} of {n} examples: both parts need at least one")
        order = np.random.default_rng(seed).permutation(n)
        return self.take(np.sort(order[count:])), self.take(np.sort(order[:count]))


def chosen(outputs: Float[Array, "n out"]) -> NDArray[Any]:
    """The number of the class that each row of outputs, or of targets, chooses: the brightest; of a single output, 0 or 1.

    Errors: :class:`~glassnet.errors.WrongValue` for another shape than (n, out).
    """
    host = to_numpy(outputs)
    if host.ndim != 2:
        raise WrongValue(f"outputs must have the shape (examples, outputs), got {host.shape}")
    return host.argmax(axis=1) if host.shape[1] > 1 else (host[:, 0] > 0.5).astype(np.int64)


def _check_array(what: str, array: Any, dimensions: int) -> None:
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        raise WrongValue(f"{what} must be an array, got {type(array).__name__}")
    if len(array.shape) != dimensions or 0 in array.shape:
        wanted = "(examples, numbers)" if dimensions == 2 else "(examples,)"
        raise WrongValue(f"{what} must have the shape {wanted}, with at least one of each, got {tuple(array.shape)}")
    xp = namespace(array)
    if xp is np and array.dtype.kind != "f":
        raise WrongValue(
            f"{what} must be floating-point numbers, got dtype {array.dtype}: convert with astype('float32')"
        )
    if xp is not np and not xp.isdtype(array.dtype, "real floating"):
        raise WrongValue(f"{what} must be floating-point numbers, got dtype {array.dtype}")
    # The sum is finite if every number is, and needs no mask of the whole array; only an overflow asks for one.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(xp.sum(array))
    if not math.isfinite(total) and not bool(xp.all(xp.isfinite(array))):
        finite = to_numpy(xp.isfinite(array))
        row = int(np.argwhere(~finite)[0][0])
        raise WrongValue(f"{what} must be finite numbers, but row {row} has NaN or infinity: remove or fill such rows")


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Data in its parts: to learn from, to choose settings by, and (looked at last, and once) to report on.

    Attributes:
        train: to learn from.
        validation: to choose settings by.
        test: to report on.
        pictures: how its inputs were made of pictures, so that another picture can be made into one; None where they were
            not, or nobody knows.
        notes: what its reader took for granted, a sentence each, such as that floating-point numbers are classes.
    """

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    pictures: Pictures | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What examples are like, in numbers.

    Attributes:
        examples: how many.
        inputs, outputs: how many numbers each has, and how many desired outputs.
        low, high: the smallest and the largest input.
        size: the root of the mean square of all inputs.
        zeros: the share of inputs that are 0, from 0 to 1.
        spreads: the smallest and the largest standard deviation of an input over the examples. Left out are inputs that
            are the same in all examples, and those other than 0 in fewer than 1 % of them, or fewer than 10: so few numbers
            say little of a scale (as at the edges of images, or of rare categories). None if there is none left.
        targets: the smallest and the largest desired output.
        classes: the name of each class, and how many examples it has, of which one may be of several or of none; None where
            the targets are numbers to predict.
    """

    examples: int
    inputs: int
    outputs: int
    low: float
    high: float
    size: float
    zeros: float
    spreads: tuple[float, float] | None
    targets: tuple[float, float]
    classes: tuple[tuple[str, int], ...] | None


def _sums(part: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    with np.errstate(over="ignore", invalid="ignore"):
        wide = part.astype(np.float64)
        return np.count_nonzero(wide, axis=0), wide.sum(axis=0), np.square(wide).sum(axis=0)


def _squares(part: NDArray[Any], mean: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.square(part - mean).sum(axis=0)


@lru_cache(maxsize=1)  # the command line asks for what it prints, and training for its warnings
def summarize(data: Dataset) -> Summary:
    """What these examples are like: see :class:`Summary`. Weights do not count."""
    x, y = to_numpy(data.inputs), to_numpy(data.targets)
    n, width = x.shape
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    nonzero, total, squares, deviations = (np.zeros(width) for _ in range(4))
    with np.errstate(over="ignore", invalid="ignore"):  # the square of a huge number is infinite, and so is that size
        with ThreadPoolExecutor(
            available()
        ) as pool:  # NumPy lets go of Python's lock; what is added up, is added in order
            parts = [x[first : first + _ROWS] for first in range(0, n, _ROWS)]
            for some in pool.map(_sums, parts):
                nonzero, total, squares = nonzero + some[0], total + some[1], squares + some[2]
            # Around the mean, since the difference of two large sums would be mostly rounding.
            for around in pool.map(_squares, parts, repeat(total / n)):
                deviations += around
        spreads = np.sqrt(deviations / n)[(low < high) & (nonzero >= max(_RARE * n, _RARE_COUNT))]
        size = float(np.sqrt(squares.mean() / n))
    counts = None
    if data.classes is not None:
        if data.multilabel:
            counts = np.count_nonzero(y > 0.5, axis=0).tolist()
        else:
            counts = np.bincount(data.labels, minlength=len(data.classes)).tolist()
    return Summary(
        examples=n,
        inputs=width,
        outputs=y.shape[1],
        low=float(low.min()),
        high=float(high.max()),
        size=size,
        zeros=1 - float(nonzero.sum()) / x.size,
        spreads=(float(spreads.min()), float(spreads.max())) if len(spreads) else None,
        targets=(float(y.min()), float(y.max())),
        classes=None if data.classes is None or counts is None else tuple(zip(data.classes, counts, strict=True)),
    )


def from_labels(inputs: Any, labels: Any, classes: Sequence[str] | None = None, *, dtype: Any = np.float32) -> Dataset:
    """A data set from rows of numbers and one label each: integers, or names.

    ``classes`` are the names of the outputs, in order; without it, the labels that occur, sorted.

    Errors: :class:`~glassnet.errors.WrongValue` for objects, empty or unequal arrays, one class only, or a label that
    is not among ``classes``.
    """
    try:
        rows, marks = np.asarray(inputs), np.asarray(labels)
    except ValueError as error:  # lists within lists, of different lengths
        raise WrongValue(f"inputs must be rows of equal length, and labels one for each ({error})") from error
    if not rows.ndim or not len(rows):
        raise WrongValue(f"there are no examples: expected inputs of shape (examples, numbers), got {rows.shape}")
    if rows.dtype.kind not in "fiub":
        raise WrongValue(f"inputs must be numbers, got dtype {rows.dtype}")
    if marks.dtype.kind not in "iubU" or marks.ndim != 1:
        raise WrongValue(
            f"labels must be whole numbers or names, one for each example, got {marks.dtype} {marks.shape}"
        )
    if len(rows) != len(marks):
        raise WrongValue(f"every example needs its label: {len(rows)} examples came with {len(marks)} labels")
    names = marks.astype(str)
    present = sorted(set(names.tolist()), key=lambda name: (int(name) if name.isdecimal() else math.inf, name))
    order = tuple(present) if classes is None else tuple(classes)
    place = {name: index for index, name in enumerate(order)}
    unknown = [name for name in present if name not in place]
    if unknown:
        some = ", ".join(name[:20] for name in order[:12])
        raise WrongValue(f"label {unknown[0]!r:.60} is not one of the {len(order)} classes {some}")
    if len(order) > MAX_CLASSES:
        raise WrongValue(
            f"there are {len(order):,} different labels, more than {MAX_CLASSES:,}: if they are numbers to predict rather "
            "than classes, give them as floating-point targets"
        )
    if len(order) < 2:
        raise WrongValue("all examples are of one class: a classifier needs at least two to tell apart")
    unique, inverse = np.unique(names, return_inverse=True)
    targets = np.zeros((len(rows), len(order)), dtype)
    targets[np.arange(len(rows)), np.array([place[name] for name in unique.tolist()])[inverse.reshape(-1)]] = 1
    with np.errstate(over="ignore", invalid="ignore"):  # a number too large becomes infinity, which Dataset refuses
        return Dataset(np.ascontiguousarray(rows.reshape(len(rows), -1), dtype), targets, classes=order)


def mnist() -> Splits:
    """The MNIST handwritten digits (LeCun, Cortes, Burges; CC BY-SA 3.0), from inside the package.

    50,000 images to train, 10,000 to validate (the last of the 60,000, as Nielsen's book splits them) and 10,000 to
    test; 784 pixels each, row by row, 0 to 1, float32. Read once in a process: do not write into the arrays.
    """
    return _mnist()[1]


@lru_cache(maxsize=1)
def _mnist() -> tuple[Dataset, Splits]:
    """All 60,000 training images, and the usual splits, which are views of them."""
    folder = resources.files("glassnet.data") / "mnist"

    def pair(which: str) -> Dataset:
        with (
            resources.as_file(folder / f"{which}-images-idx3-ubyte.gz") as images,
            resources.as_file(folder / f"{which}-labels-idx1-ubyte.gz") as labels,
        ):
            return _idx_pair(images, labels, classes=tuple("0123456789"))

    full, test = pair("train"), pair("t10k")
    return full, Splits(full.take(slice(0, 50_000)), full.take(slice(50_000, None)), test, Pictures())


def load(
    *sources: str | Path,
    validation: float = 1 / 6,
    seed: int = 0,
    pictures: Pictures | None = None,
    numbers: bool = False,
) -> Splits:
    """Data from where it lies.

    Args:
        sources: ``"mnist"``; or a folder with IDX files under their canonical names (``train-images-idx3-ubyte``,
            ``t10k-labels-idx1-ubyte.gz``, EMNIST's ``emnist-letters-train-images-idx3-ubyte.gz``, …); or a folder with
            a subfolder of images for each class, or with ``train`` and ``test`` folders of such; or an ``.npz`` file;
            or two IDX files (images and labels, in any order) or four (two to train, then two to test).
        validation: how many examples to hold out from those to train on: a count, or a fraction below 1; 0 for none.
            MNIST's default 10,000 are its last; all others are drawn at random by ``seed``.
        seed: see ``validation``.
        pictures: how the pictures of a folder of images become inputs; None: 28 × 28, cut out and centered as MNIST's
            digits were. Other data is numbers already.
        numbers: whether floating-point targets of an ``.npz`` file are numbers to predict even where they look like classes:
            where they are all whole, or one-hot.

    Errors: :class:`~glassnet.errors.WrongFile` says what was expected, what was found and what to do.
    """
    paths = [Path(source) for source in sources]
    if not paths:
        raise WrongFile("no data was given: name mnist, a folder, an .npz file, or IDX files")
    if [str(path) for path in paths] == ["mnist"]:
        whole, splits = _mnist()
        assert splits.validation is not None
        if validation in (1 / 6, len(splits.validation)):
            return splits
        return _held_out(replace(splits, train=whole, validation=None), validation, seed)
    try:
        for path in paths:
            if not path.exists():
                raise WrongFile(f"{path} does not exist: give mnist, a folder, an .npz file, or IDX files")
        if len(paths) == 1 and paths[0].is_dir():
            splits = _load_folder(paths[0], pictures or Pictures())
        elif len(paths) == 1 and paths[0].suffix == ".npz":
            splits = _load_npz(paths[0], numbers)
        else:
            splits = _load_idx_files(paths)
    except OSError as error:
        raise WrongFile(f"cannot read {error.filename or paths[0]}: {error.strerror or error}") from error
    return _held_out(splits, validation, seed)


def _held_out(splits: Splits, validation: float, seed: int) -> Splits:
    if splits.validation is not None or validation == 0:
        return splits
    train, held = splits.train.split(validation, seed)
    return replace(splits, train=train, validation=held)


# ── IDX ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@runtime_checkable
class _Stream(Protocol):
    """What bytes are read from: an open file, gzipped or not, or a member of an archive."""

    def read(self, size: int, /) -> bytes: ...


_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | Path) -> NDArray[Any]:
    """The array in an IDX file, gzipped or not (the format of MNIST: a type, the sizes, then the numbers).

    The header is checked against the length of the file before memory is taken, and no more is ever taken than the file
    really holds.

    Errors: :class:`~glassnet.errors.WrongFile` if it is not IDX, is cut short, holds more than it says, or its gzip
    stream is damaged; it names the file.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            size = path.stat().st_size
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream: _Stream = gzip.GzipFile(fileobj=raw) if zipped else raw
            return _read_idx(stream, path, limit=size * _DEFLATE_LIMIT if zipped else size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise WrongFile(f"{path} is a damaged gzip file ({error}): copy it again") from error
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror or error}") from error


def _read_idx(stream: _Stream, path: Path, limit: int) -> NDArray[Any]:
    magic = stream.read(4)
    if not magic:
        raise WrongFile(f"{path} is empty: expected an IDX file")
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES or not 1 <= magic[3] <= 4:
        raise WrongFile(
            f"{path} is not an IDX file: it begins with {magic.hex(' ')}, expected for instance 00 00 08 03"
        )
    header = stream.read(4 * magic[3])
    if len(header) < 4 * magic[3]:
        raise WrongFile(f"{path} is cut short inside its header: copy it again")
    shape = struct.unpack(f">{magic[3]}I", header)
    dtype = np.dtype(_IDX_TYPES[magic[2]])
    expected = math.prod(shape) * dtype.itemsize
    if expected == 0:
        raise WrongFile(f"{path} holds no examples: its header says {' × '.join(map(str, shape))}")
    claim = f"{path} says it holds {' × '.join(map(str, shape))} numbers, {expected:,} bytes"
    if expected > limit:
        raise WrongFile(f"{claim}, which cannot be in a file of its size: copy it again")
    body = _read_bounded(stream, expected + 1)
    if len(body) != expected:
        problem = f"but only {len(body):,} are there" if len(body) < expected else "but more are there"
        raise WrongFile(f"{claim}, {problem}: copy it again")
    return np.frombuffer(body, dtype).reshape(shape)


def _read_bounded(stream: _Stream, most: int) -> bytearray:
    """At most this many bytes, taking memory only for those that really come."""
    body = bytearray()
    while len(body) < most and (chunk := stream.read(min(_CHUNK, most - len(body)))):
        body += chunk
    return body


def _idx_pair(images: Path, labels: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    pixels, marks = read_idx(images), read_idx(labels)
    if pixels.ndim < 2:
        raise WrongFile(f"{images} holds one number for each example: expected images, with two or three sizes")
    if marks.ndim != 1 or marks.dtype.kind not in "iu":
        raise WrongFile(f"{labels} holds {marks.ndim} sizes of {marks.dtype}: expected labels, one whole number each")
    if len(pixels) != len(marks):
        raise WrongFile(
            f"{images} holds {len(pixels):,} images but {labels} holds {len(marks):,} labels: give files that belong together"
        )
    if images.name.startswith("emnist") and pixels.ndim == 3:
        pixels = pixels.transpose(0, 2, 1)  # EMNIST's IDX files hold every image mirrored along its diagonal
    try:
        return from_labels(_scaled(pixels), marks, classes)
    except WrongValue as error:
        raise WrongFile(f"{images}: {error}") from error


def _scaled(numbers: NDArray[Any]) -> NDArray[Any]:
    """Bytes become 0 to 1; other numbers are kept as they are."""
    scale = np.float32(255 if numbers.dtype == np.uint8 else 1)
    with np.errstate(over="ignore", invalid="ignore"):  # a number too large becomes infinity, which Dataset refuses
        return np.divide(numbers, scale, dtype=np.float32)


_IDX_NAME = re.compile(r"(.*?)(train|t10k|test)[-_.](images|labels)[-_.]idx\d[-_.]ubyte(\.gz)?")


def _load_folder(folder: Path, pictures: Pictures) -> Splits:
    found: dict[str, dict[tuple[str, str], Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := _IDX_NAME.fullmatch(path.name):
            part = "train" if match[2] == "train" else "test"
            found.setdefault(match[1], {})[part, match[3]] = path
    if not found:
        return _load_image_folder(folder, pictures)
    if len(found) > 1:
        names = ", ".join(f"{name}…" for name in sorted(found))
        raise WrongFile(
            f"{folder} holds several data sets ({names}): give the files of one of them instead of the folder"
        )
    ((prefix, files),) = found.items()
    for part, kind in (("train", "images"), ("train", "labels")):
        if (part, kind) not in files:
            raise WrongFile(f"{folder} has no {prefix}train-{kind} file beside {next(iter(files.values())).name}")
    mapping = folder / f"{prefix}mapping.txt"
    train = _idx_pair(files["train", "images"], files["train", "labels"])
    test = None
    if ("test", "images") in files and ("test", "labels") in files:
        test = _idx_pair(files["test", "images"], files["test", "labels"], train.classes)
    return _renamed(Splits(train, None, test), mapping)


def _renamed(splits: Splits, mapping: Path) -> Splits:
    """Classes named by EMNIST's mapping file: a label and the code of its character in each line."""
    if not mapping.is_file():
        return splits
    lines = [line.split() for line in mapping.read_text("ascii", "replace").splitlines()]
    codes = {line[0]: int(line[1]) for line in lines if len(line) > 1 and re.fullmatch(r"\d{2,3}", line[1])}
    names = {label: chr(code) for label, code in codes.items() if 32 < code < 127}
    classes = tuple(names.get(name, name) for name in splits.train.classes or ())
    test = None if splits.test is None else replace(splits.test, classes=classes)
    return Splits(replace(splits.train, classes=classes), None, test)


def _load_idx_files(paths: list[Path]) -> Splits:
    if len(paths) not in (2, 4):
        raise WrongFile(
            f"expected mnist, a folder, an .npz file, two IDX files (images and labels) or four, got {len(paths)} files"
            f" ({', '.join(map(str, paths))})"
        )
    pairs: list[Dataset] = []
    for first, second in zip(paths[::2], paths[1::2], strict=True):
        images, labels = (second, first) if read_idx(first).ndim == 1 else (first, second)
        pairs.append(_idx_pair(images, labels, pairs[0].classes if pairs else None))
    return Splits(pairs[0], None, pairs[1] if len(pairs) > 1 else None)


# ── .npz ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

_NPZ_NAMES = (
    (
        "train",
        ("x_train", "inputs", "x", "X", "images", "train_images"),
        ("y_train", "targets", "y", "labels", "train_labels"),
    ),
    ("validation", ("x_validation", "x_val", "x_valid"), ("y_validation", "y_val", "y_valid")),
    ("test", ("x_test", "test_images"), ("y_test", "test_labels")),
)
_NPZ_REMARKS = ("classes", "pictures")
"""What may be said of the numbers: the names of the classes that labels count, and how pictures became inputs."""


def _load_npz(path: Path, numbers: bool = False) -> Splits:
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {
                info.filename.removesuffix(".npy"): _read_npy(archive, info, path)
                for info in archive.infolist()
                if info.filename.removesuffix(".npy") in {n for row in _NPZ_NAMES for names in row[1:] for n in names}
            }
            remarks = {name: _remark(archive, name, path) for name in _NPZ_REMARKS}
    except (WrongFile, OSError):
        raise
    except Exception as error:  # on damaged archives, zipfile raises errors of many types, which it does not list
        raise WrongFile(f"{path} is not a whole .npz file: save it again with numpy.savez") from error
    pairs = {
        part: (x, y)
        for part, inputs, targets in _NPZ_NAMES
        if (x := next((arrays[name] for name in inputs if name in arrays), None)) is not None
        and (y := next((arrays[name] for name in targets if name in arrays), None)) is not None
    }
    if "train" not in pairs:
        raise WrongFile(
            f"{path} has no x_train and y_train (nor inputs and targets, nor x and y): found {sorted(arrays)}"
        )
    targets_of_all = [y for _, y in pairs.values()]
    widths = {part: y.size // len(y) for part, (_, y) in pairs.items()}
    if len(set(widths.values())) > 1:
        told = ", ".join(f"{part} {width}" for part, width in widths.items())
        raise WrongFile(f"{path}: the targets of its parts have different numbers of columns ({told}): save them alike")
    kind, note = _kind(targets_of_all, remarks["classes"])
    if numbers and all(y.dtype.kind == "f" for y in targets_of_all):
        kind, note = "numbers", None
    parts: dict[str, Dataset] = {}
    for part, (x, y) in pairs.items():
        classes = parts["train"].classes if "train" in parts else None
        parts[part] = _from_arrays(x, y, kind, classes, path, remarks["classes"])
    pictures = _pictures_of(remarks["pictures"], parts["train"].inputs.shape[1])
    return Splits(parts["train"], parts.get("validation"), parts.get("test"), pictures, () if note is None else (note,))


_Kind = Literal["labels", "one-hot", "multi-label", "numbers"]
"""What an array of desired outputs holds: one label for each example; a column for each class, with one 1 in each row, or with
any number of them; numbers to predict.
"""


def _kind(arrays: Sequence[NDArray[Any]], names: NDArray[Any] | None) -> tuple[_Kind, str | None]:
    """What the desired outputs of all parts hold, and what to say where that is not plain from their type alone.

    ``names`` is the archive's array of the names of classes: an empty one says that there are no classes.
    """
    if any(y.dtype.kind == "U" for y in arrays):
        return "labels", None
    if names is not None and names.size == 0:
        return "numbers", "the array classes is empty, so the targets are read as numbers to predict"
    flat = [y.reshape(len(y), -1) for y in arrays]
    columns, dtype = flat[0].shape[1], arrays[0].dtype
    otherwise = "to predict them as numbers, add an empty array named classes to the file"
    if columns > 1 and all(y.shape[1] == columns and _is_one_hot(y) for y in flat):
        return "one-hot", f"the targets, {dtype}, are one-hot, so they are read as {columns:,} classes; {otherwise}"
    if (
        columns > 1
        and _names_classes(names)
        and names is not None
        and len(names) == columns
        and all(_is_zeros_and_ones(y) for y in flat)
    ):
        what = f"the targets, {dtype}, are 0 and 1 in {columns:,} columns, as many as the array classes names"
        return "multi-label", f"{what}, so an example can be of several of these classes, or of none"
    if dtype.kind != "f":
        return "labels", None
    if columns == 1 and all(_is_whole(y) for y in arrays):
        different = len(np.unique(flat[0]))
        # As many values as examples, or thousands of them, are prices or ages rather than classes.
        if _names_classes(names) or 2 <= different <= min(_MOST_FLOAT_CLASSES, len(flat[0]) / 2):
            what = f"the targets, {dtype}, are all whole numbers, so they are read as classes"
            return "labels", f"{what} ({different:,} of them occur); {otherwise}"
    return "numbers", "the array classes is not used: the targets are numbers to predict" if _names_classes(
        names
    ) else None


def _is_zeros_and_ones(y: NDArray[Any]) -> bool:
    return bool(((y == 0) | (y == 1)).all())


def _is_one_hot(y: NDArray[Any]) -> bool:
    """Whether each row has a 1 in one column and 0 in all others."""
    return bool((((y == 0) | (y == 1)).all(axis=1) & (np.count_nonzero(y, axis=1) == 1)).all())


def _is_whole(y: NDArray[Any]) -> bool:
    """Whether all are whole numbers, of a size up to which float64 can tell each from the next."""
    wide = y.astype(np.float64)
    return bool((np.abs(wide) <= 2**53).all()) and bool((np.rint(wide) == wide).all())


def _names_classes(names: NDArray[Any] | None) -> bool:
    return names is not None and names.dtype.kind == "U" and names.ndim == 1


def _remark(archive: zipfile.ZipFile, name: str, path: Path) -> NDArray[Any] | None:
    """An array that need not be there; what another program calls so and cannot be read is none of ours."""
    with suppress(WrongFile, KeyError):
        return _read_npy(archive, archive.getinfo(f"{name}.npy"), path, empty=True)
    return None


def _pictures_of(remark: NDArray[Any] | None, inputs: int) -> Pictures | None:
    """How pictures became inputs: a side, and whether they were centered."""
    if remark is None or remark.dtype.kind not in "iu" or remark.shape != (2,):
        return None
    with suppress(WrongValue):
        found = Pictures(int(remark[0]), bool(remark[1]))
        return found if found.side**2 == inputs else None
    return None


def _from_arrays(
    x: Any, y: Any, kind: _Kind, classes: tuple[str, ...] | None, path: Path, names: NDArray[Any] | None
) -> Dataset:
    """Examples from the two arrays of a part of an ``.npz`` file, of which y holds what ``kind`` says.

    With ``names``, whole numbers count these, from 0, and so do the columns of one-hot rows. Without, the classes are
    ``classes``, those of the part to train on, or else the labels that occur.
    """
    try:
        if kind in ("numbers", "multi-label"):
            if x.dtype.kind not in "fiub":
                raise WrongValue(f"inputs must be numbers, got dtype {x.dtype}")
            with np.errstate(
                over="ignore", invalid="ignore"
            ):  # what is too large becomes infinity, which Dataset refuses
                columns = y.astype(np.float32).reshape(len(y), -1)
            named = tuple(names.tolist()) if kind == "multi-label" and names is not None else None
            return Dataset(_scaled(x).reshape(len(x), -1), columns, classes=named)
        count = None  # of classes that are numbers from 0, if that is how they are labeled
        if kind == "one-hot":
            count, y = y.reshape(len(y), -1).shape[1], y.reshape(len(y), -1).argmax(axis=1)
        elif y.dtype.kind == "f" and _is_whole(y):
            y = y.astype(np.int64)  # or the names of the classes would end in ".0"
        inputs = _scaled(x) if x.dtype.kind in "fiub" else x
        labels = y.reshape(-1) if y.size == len(y) else y
        if _names_classes(names) and y.dtype.kind in "iu":
            assert names is not None
            if count not in (None, len(names)):
                raise WrongValue(f"the targets have {count} columns, one-hot, but the array classes names {len(names)}")
            counted = from_labels(inputs, labels, [str(number) for number in range(len(names))])
            return replace(counted, classes=tuple(names.tolist()))
        return from_labels(inputs, labels, classes if count is None else [str(number) for number in range(count)])
    except (WrongValue, TypeError, ValueError) as error:
        raise WrongFile(f"{path}: {error}") from error


def _read_npy(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path, empty: bool = False) -> NDArray[Any]:
    """One array of an .npz file, with its header checked before memory is taken (numpy.load trusts it).

    ``empty``: whether an array of the shape (0,) is one, too.
    """
    where = f"{info.filename} in {path}"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # The others shrink data without limit, and zipfile would unpack what it reads of them in one piece.
        raise WrongFile(f"{where} is compressed in a way that NumPy does not write: save it again with numpy.savez")
    with archive.open(info) as stream:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of headers that only an old Python or NumPy wrote
                version = np.lib.format.read_magic(stream)
                read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
                shape, fortran, dtype = read(stream)
        except Exception as error:  # the header is Python's own text, whose parsers raise errors of many types
            raise WrongFile(f"{where} does not begin as an array does: save it again with numpy.savez") from error
        claim = f"{where} says it holds {str(dtype)[:60]} of shape {str(shape)[:60]}"
        if dtype.kind not in "fiubU" or not shape:
            raise WrongFile(f"{claim}: expected numbers or names, one row for each example")
        if empty and shape == (0,):
            return np.empty(0, dtype)
        expected = math.prod(shape) * dtype.itemsize
        if not 0 < expected <= info.compress_size * _DEFLATE_LIMIT or any(size < 1 for size in shape):
            raise WrongFile(f"{claim}, which cannot be in a file of its size: save it again")
        body = _read_bounded(stream, expected + 1)
    if len(body) != expected:
        there = f"only {len(body):,}" if len(body) < expected else "more"
        raise WrongFile(f"{claim}, {expected:,} bytes, but {there} are there: save it again")
    if dtype.kind == "U":
        letters = np.frombuffer(body, dtype.byteorder + "u4")
        if ((letters > 0x10FFFF) | ((letters >= 0xD800) & (letters < 0xE000))).any():
            raise WrongFile(f"{where} holds names with letters that do not exist: save it again")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if fortran else "C")


# ── Images ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _load_image_folder(folder: Path, pictures: Pictures) -> Splits:
    inner = {path.name.lower(): path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    if not inner:
        raise WrongFile(
            f"{folder} holds neither IDX files (train-images-idx3-ubyte, …) nor a subfolder of images for each class"
        )
    if "train" in inner and all(name in ("train", "test", "validation", "val", "valid") for name in inner):
        train = _image_classes(inner.pop("train"), pictures)
        parts = {
            "test" if name == "test" else "validation": _image_classes(path, pictures, train.classes)
            for name, path in inner.items()
        }
        return Splits(train, parts.get("validation"), parts.get("test"), pictures)
    return Splits(_image_classes(folder, pictures), None, None, pictures)


def _image_classes(folder: Path, pictures: Pictures, classes: tuple[str, ...] | None = None) -> Dataset:
    suffixes = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
    rows, labels = [], []
    for each in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        for path in sorted(each.iterdir()):
            if path.suffix.lower() in suffixes and not path.name.startswith("."):
                try:
                    rows.append(pictures.input(open_image(path)))
                except WrongValue as error:
                    raise WrongFile(f"{path}: {error}") from error
                labels.append(each.name)
    if not rows:
        raise WrongFile(f"{folder} has no images ({', '.join(suffixes)}) in its subfolders")
    try:
        return from_labels(np.stack(rows), np.array(labels), classes)
    except WrongValue as error:
        raise WrongFile(f"{folder}: {error}") from error
