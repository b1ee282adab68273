"""Writing a file so that, whatever happens, it is either the old one or the new one, whole.

The order that makes it so: write a new file beside it, fsync the new file, rename it over the old, fsync the folder. A
process killed, or a disk filled, at any point leaves the old file as it was.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from glassnet.errors import GlassnetError

__all__ = ["NotSaved", "write"]


class NotSaved(GlassnetError, OSError):
    """A file could not be written; the text says what of the one from before. Also an ``OSError``."""


def write(path: str | Path, body: bytes) -> None:
    """Replace the file at ``path`` by one with this content, or leave it as it was.

    Errors: :class:`NotSaved`, with the reason, if the disk is full, the folder is missing or may not be written, ….
    """
    path = Path(path)
    partial = path.parent / f".{path.name}.partial"  # a fixed name: what a killed process left is used again
    try:
        _write_through(partial, body)
        os.replace(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(partial)
        if not isinstance(error, OSError):
            raise
        before = "The file from before is untouched. " if os.path.exists(path) else ""
        raise NotSaved(
            f"could not save {path}: {error.strerror or error}. {before}Make room, or choose a folder that can be written."
        ) from error
    try:
        _sync_folder(path.parent)
    except OSError as error:  # too late to go back to the file from before
        raise NotSaved(
            f"{path} is written, but if the power fails it may be lost: {error.strerror or error}. Save it again."
        ) from error


def _write_through(path: Path, body: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o666)
    try:
        rest = memoryview(body)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and needs no such step
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
