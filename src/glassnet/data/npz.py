"""``.npz``, NumPy's archives of arrays, read without trusting them and without unpickling."""

from __future__ import annotations

import math
import warnings
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from glassnet.data.dataset import Dataset, Splits, from_labels
from glassnet.data.pictures import Pictures, scaled
from glassnet.errors import WrongFile, WrongValue
from glassnet.files import DEFLATE_LIMIT, read_bounded

__all__ = ["load_npz", "read_npz_inputs"]

_NAMES = (
    (
        "train",
        ("x_train", "inputs", "x", "X", "images", "train_images"),
        ("y_train", "targets", "y", "labels", "train_labels"),
    ),
    ("validation", ("x_validation", "x_val", "x_valid"), ("y_validation", "y_val", "y_valid")),
    ("test", ("x_test", "test_images"), ("y_test", "test_labels")),
)
_REMARKS = ("classes", "pictures")
"""What may be said of the numbers: the names of the classes that labels count, and how pictures became inputs."""


def _read(path: Path, wanted: set[str]) -> tuple[dict[str, NDArray[Any]], dict[str, NDArray[Any] | None]]:
    """The arrays of these names that are there, and what is remarked of them.

    The others are not looked into, so they may hold what cannot be read here.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = {
                info.filename.removesuffix(".npy"): _read_npy(archive, info, path)
                for info in archive.infolist()
                if info.filename.removesuffix(".npy") in wanted
            }
            return arrays, {name: _remark(archive, name, path) for name in _REMARKS}
    except (WrongFile, OSError):
        raise
    except Exception as error:  # on damaged archives, zipfile raises errors of many types, which it does not list
        raise WrongFile(f"{path} is not a whole .npz file: save it again with numpy.savez") from error


def read_npz_inputs(path: Path) -> tuple[NDArray[np.float32], Pictures | None]:
    """The inputs to train on in an archive, one a row, whatever targets it has or has not; and how pictures became them.

    Errors: :class:`~glassnet.errors.WrongFile` if there are none, or they are no numbers.
    """
    names = _NAMES[0][1]
    arrays, remarks = _read(path, set(names))
    x = next((arrays[name] for name in names if name in arrays), None)
    if x is None:
        raise WrongFile(f"{path} has no inputs: expected an array named {', '.join(names[:-1])} or {names[-1]}")
    if x.dtype.kind not in "fiub":
        raise WrongFile(f"{path}: inputs must be numbers, got dtype {x.dtype}")
    inputs = scaled(x).reshape(len(x), -1)
    return inputs, _pictures_of(remarks["pictures"], inputs.shape[1])


def load_npz(path: Path, numbers: bool = False) -> Splits:
    """The parts of an archive, with their targets. ``numbers``: floating-point targets are no classes, whatever they look like.

    Errors: :class:`~glassnet.errors.WrongFile`.
    """
    arrays, remarks = _read(path, {name for row in _NAMES for names in row[1:] for name in names})
    pairs = {
        part: (x, y)
        for part, inputs, targets in _NAMES
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


_MOST_FLOAT_CLASSES = 1000
"""The most different whole numbers that are taken for classes though they are stored as floating-point numbers."""
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
            return Dataset(scaled(x).reshape(len(x), -1), columns, classes=named)
        count = None  # of classes that are numbers from 0, if that is how they are labeled
        if kind == "one-hot":
            count, y = y.reshape(len(y), -1).shape[1], y.reshape(len(y), -1).argmax(axis=1)
        elif y.dtype.kind == "f" and _is_whole(y):
            y = y.astype(np.int64)  # or the names of the classes would end in ".0"
        inputs = scaled(x) if x.dtype.kind in "fiub" else x
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
        if not 0 < expected <= info.compress_size * DEFLATE_LIMIT or any(size < 1 for size in shape):
            raise WrongFile(f"{claim}, which cannot be in a file of its size: save it again")
        body = read_bounded(stream, expected + 1)
    if len(body) != expected:
        there = f"only {len(body):,}" if len(body) < expected else "more"
        raise WrongFile(f"{claim}, {expected:,} bytes, but {there} are there: save it again")
    if dtype.kind == "U":
        letters = np.frombuffer(body, dtype.byteorder + "u4")
        if ((letters > 0x10FFFF) | ((letters >= 0xD800) & (letters < 0xE000))).any():
            raise WrongFile(f"{where} holds names with letters that do not exist: save it again")
    return np.frombuffer(body, dtype).reshape(shape, order="F" if fortran else "C")
