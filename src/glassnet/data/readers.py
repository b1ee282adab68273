"""Data from where it lies.

MNIST is inside the package (:func:`mnist`). Other data is read by :func:`load`: IDX files, gzipped or not, by folder or
by name; a folder of images with a subfolder for each class; ``.npz``. Where there are no desired outputs, as with images that
nobody has labeled, :func:`read_inputs` reads the rest. Nothing is downloaded, nothing is unpickled.

Every reader checks what a file claims against what it holds before it takes memory for it. Pixels are numbers from 0
(paper) to 1 (ink).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.folders import images_in, load_image_folder, read_images
from glassnet.data.idx import load_idx_files, load_idx_folder, read_idx_images, read_idx_pair
from glassnet.data.npz import load_npz, read_npz_inputs
from glassnet.data.pictures import Pictures
from glassnet.errors import WrongFile

__all__ = ["Inputs", "load", "mnist", "read_inputs"]


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
            return read_idx_pair(images, labels, classes=tuple("0123456789"))

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
    with _readable(paths):
        if len(paths) == 1 and paths[0].is_dir():
            splits = load_idx_folder(paths[0]) or load_image_folder(paths[0], pictures or Pictures())
        elif len(paths) == 1 and paths[0].suffix == ".npz":
            splits = load_npz(paths[0], numbers)
        else:
            splits = load_idx_files(paths)
    return _held_out(splits, validation, seed)


def _held_out(splits: Splits, validation: float, seed: int) -> Splits:
    if splits.validation is not None or validation == 0:
        return splits
    train, held = splits.train.split(validation, seed)
    return replace(splits, train=train, validation=held)


@contextmanager
def _readable(paths: list[Path]) -> Iterator[None]:
    """Paths that are there; where reading one fails, it is said of which file."""
    try:
        for path in paths:
            if not path.exists():
                raise WrongFile(f"{path} does not exist: give mnist, a folder, an .npz file, or IDX files")
        yield
    except OSError as error:
        raise WrongFile(f"cannot read {error.filename or paths[0]}: {error.strerror or error}") from error


# ── Without desired outputs ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """n inputs of which nobody has said what is wanted.

    Attributes:
        inputs: one a row, in the order of their source.
        files: the file of each, where each has one of its own; else None.
        pictures: how they were made of pictures; None where they were not, or nobody knows.
    """

    inputs: Float[NDArray[np.float32], "n in"]
    files: tuple[Path, ...] | None = None
    pictures: Pictures | None = None

    def __len__(self) -> int:
        return len(self.inputs)


def read_inputs(source: str | Path, *, pictures: Pictures | None = None) -> Inputs:
    """The inputs from where they lie, whether or not there are desired outputs beside them.

    Args:
        source: a folder of images, subfolders of any depth included, whatever they are called; or an IDX file of images; or
            an ``.npz`` file; or ``"mnist"``, its 60,000 training images.
        pictures: how a folder's images become inputs; None: 28 × 28, cut out and centered as MNIST's digits were.

    Errors: :class:`~glassnet.errors.WrongFile` says what was expected, what was found and what to do.
    """
    if str(source) == "mnist":
        return Inputs(_mnist()[0].inputs, pictures=Pictures())
    path = Path(source)
    with _readable([path]):
        if path.is_dir():
            files = tuple(images_in(path, deep=True))
            if not files:
                raise WrongFile(f"{path} has no images in it, nor in its subfolders")
            how = pictures or Pictures()
            return Inputs(read_images(files, how), files, how)
        if path.suffix == ".npz":
            inputs, how_made = read_npz_inputs(path)
        else:
            images = read_idx_images(path)
            inputs, how_made = images.reshape(len(images), -1), None
    if not np.isfinite(inputs).all():
        row = int(np.argwhere(~np.isfinite(inputs))[0][0])
        raise WrongFile(f"{path}: inputs must be finite numbers, but row {row} has NaN or infinity")
    return Inputs(inputs, None, how_made)
