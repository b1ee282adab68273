"""Folders of images: with a subfolder for each class, or of images that nobody has labeled."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.dataset import Dataset, Splits, from_labels
from glassnet.data.pictures import Pictures, open_image
from glassnet.errors import WrongFile, WrongValue

__all__ = ["images_in", "load_image_folder", "read_images"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
"""What the names of images end in."""


def images_in(folder: Path, *, deep: bool = False) -> list[Path]:
    """The image files in a folder by name, hidden ones left out; ``deep``: and those in its subfolders, of any depth."""
    found = folder.rglob("*") if deep else folder.iterdir()
    return sorted(
        path
        for path in found
        if path.suffix.lower() in _SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def read_images(paths: Iterable[Path], pictures: Pictures) -> NDArray[np.float32]:
    """Image files as inputs, one a row, in the order of their paths, of which there must be at least one.

    Errors: :class:`~glassnet.errors.WrongFile` for one that is no image, or blank and to be centered; it names the file.
    """
    rows = []
    for path in paths:
        try:
            rows.append(pictures.input(open_image(path)))
        except WrongValue as error:
            raise WrongFile(f"{path}: {error}") from error
    return np.stack(rows)


def load_image_folder(folder: Path, pictures: Pictures) -> Splits:
    """A subfolder of images for each class; or folders ``train``, ``test`` and ``validation`` of such.

    Errors: :class:`~glassnet.errors.WrongFile`.
    """
    inner = {path.name.lower(): path for path in _subfolders(folder)}
    if not inner:
        raise WrongFile(
            f"{folder} holds neither IDX files (train-images-idx3-ubyte, …) nor a subfolder of images for each class"
        )
    if "train" in inner and all(name in ("train", "test", "validation", "val", "valid") for name in inner):
        train = _load_classes(inner.pop("train"), pictures)
        parts = {
            "test" if name == "test" else "validation": _load_classes(path, pictures, train.classes)
            for name, path in inner.items()
        }
        return Splits(train, parts.get("validation"), parts.get("test"), pictures)
    return Splits(_load_classes(folder, pictures), None, None, pictures)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _load_classes(folder: Path, pictures: Pictures, classes: tuple[str, ...] | None = None) -> Dataset:
    paths = [path for each in _subfolders(folder) for path in images_in(each)]
    if not paths:
        raise WrongFile(f"{folder} has no images ({', '.join(_SUFFIXES)}) in its subfolders")
    labels: NDArray[Any] = np.array([path.parent.name for path in paths])
    try:
        return from_labels(read_images(paths, pictures), labels, classes)
    except WrongFile:
        raise
    except WrongValue as error:
        raise WrongFile(f"{folder}: {error}") from error
