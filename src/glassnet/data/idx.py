"""IDX, the format of MNIST's files: a type, the sizes, then the numbers; gzipped or not."""

from __future__ import annotations

import gzip
import math
import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.dataset import Dataset, Splits, from_labels
from glassnet.data.pictures import scaled
from glassnet.errors import WrongFile, WrongValue
from glassnet.files import DEFLATE_LIMIT, Readable, read_bounded

__all__ = ["load_idx_files", "load_idx_folder", "read_idx", "read_idx_images", "read_idx_pair"]

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
            stream: Readable = gzip.GzipFile(fileobj=raw) if zipped else raw
            return _read_idx(stream, path, limit=size * DEFLATE_LIMIT if zipped else size)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise WrongFile(f"{path} is a damaged gzip file ({error}): copy it again") from error
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror or error}") from error


def _read_idx(stream: Readable, path: Path, limit: int) -> NDArray[Any]:
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
    body = read_bounded(stream, expected + 1)
    if len(body) != expected:
        problem = f"but only {len(body):,} are there" if len(body) < expected else "but more are there"
        raise WrongFile(f"{claim}, {problem}: copy it again")
    return np.frombuffer(body, dtype).reshape(shape)


def read_idx_images(path: str | Path) -> NDArray[np.float32]:
    """The images in an IDX file, 0 to 1: (examples, height, width), or (examples, numbers).

    Errors: :class:`~glassnet.errors.WrongFile` as :func:`read_idx`, and if there is one number only for each example.
    """
    path = Path(path)
    pixels = read_idx(path)
    if pixels.ndim < 2:
        raise WrongFile(f"{path} holds one number for each example: expected images, with two or three sizes")
    if path.name.startswith("emnist") and pixels.ndim == 3:
        pixels = pixels.transpose(0, 2, 1)  # EMNIST's IDX files hold every image mirrored along its diagonal
    return scaled(pixels)


def read_idx_pair(images: Path, labels: Path, classes: tuple[str, ...] | None = None) -> Dataset:
    """Images from one IDX file with their labels from another.

    Errors: :class:`~glassnet.errors.WrongFile` if one is no IDX file, or they do not belong together.
    """
    pixels, marks = read_idx_images(images), read_idx(labels)
    if marks.ndim != 1 or marks.dtype.kind not in "iu":
        raise WrongFile(f"{labels} holds {marks.ndim} sizes of {marks.dtype}: expected labels, one whole number each")
    if len(pixels) != len(marks):
        raise WrongFile(
            f"{images} holds {len(pixels):,} images but {labels} holds {len(marks):,} labels: give files that belong together"
        )
    try:
        return from_labels(pixels, marks, classes)
    except WrongValue as error:
        raise WrongFile(f"{images}: {error}") from error


_IDX_NAME = re.compile(r"(.*?)(train|t10k|test)[-_.](images|labels)[-_.]idx\d[-_.]ubyte(\.gz)?")


def load_idx_folder(folder: Path) -> Splits | None:
    """A folder's IDX files under their canonical names; None if it holds none.

    Errors: :class:`~glassnet.errors.WrongFile`.
    """
    found: dict[str, dict[tuple[str, str], Path]] = {}
    for path in sorted(folder.iterdir()):
        if match := _IDX_NAME.fullmatch(path.name):
            part = "train" if match[2] == "train" else "test"
            found.setdefault(match[1], {})[part, match[3]] = path
    if not found:
        return None
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
    train = read_idx_pair(files["train", "images"], files["train", "labels"])
    test = None
    if ("test", "images") in files and ("test", "labels") in files:
        test = read_idx_pair(files["test", "images"], files["test", "labels"], train.classes)
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


def load_idx_files(paths: list[Path]) -> Splits:
    """Two IDX files, images and labels in any order, or four: two to train, then two to test.

    Errors: :class:`~glassnet.errors.WrongFile`.
    """
    if len(paths) not in (2, 4):
        raise WrongFile(
            f"expected mnist, a folder, an .npz file, two IDX files (images and labels) or four, got {len(paths)} files"
            f" ({', '.join(map(str, paths))})"
        )
    pairs: list[Dataset] = []
    for first, second in zip(paths[::2], paths[1::2], strict=True):
        images, labels = (second, first) if read_idx(first).ndim == 1 else (first, second)
        pairs.append(read_idx_pair(images, labels, pairs[0].classes if pairs else None))
    return Splits(pairs[0], None, pairs[1] if len(pairs) > 1 else None)
