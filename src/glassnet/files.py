"""Writing a file so that, whatever happens, it is either the old one or the new one, whole; and knowing one that was damaged.

The order that makes it so: write a new file beside it, fsync the new file, rename it over the old, fsync the folder. A
process killed, or a disk filled, at any point leaves the old file as it was. The new file has a name of its own, so that
two processes that save at the same time do not write into each other's.

A disk, a stick or a mail can change a byte without anybody's noticing. So JSON is *sealed*: it holds a checksum of all
else that it says, written in the same save.

A *lock* is for what has one writer at a time. It is held by a living process, and free when that ends, however it ends.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import sys
import weakref
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from glassnet.errors import GlassnetError, WrongFile

__all__ = [
    "DEFLATE_LIMIT", "Lock", "NotSaved", "Readable", "append", "check_seal", "digest", "read_bounded", "sealed", "sweep",
    "write",
]  # fmt: skip

DEFLATE_LIMIT = 1032
"""The most by which Deflate (gzip, zip) shrinks anything, as a factor: a file that claims to hold more is lying."""
_CHUNK = 2**20
"""Bytes asked of a stream at once."""


class NotSaved(GlassnetError, OSError):
    """A file could not be written; the text says what of the one from before. Also an ``OSError``."""


# ── Whole files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def write(path: str | Path, body: bytes) -> None:
    """Replace the file at ``path`` by one with this content, or leave it as it was.

    Errors: :class:`NotSaved`, with the reason, if the disk is full, the folder is missing or may not be written, ….
    """
    path = Path(path)
    partial = path.parent / f".{path.name}.{secrets.token_hex(4)}.partial"
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


def sweep(folder: Path) -> None:
    """Remove the partial files that killed processes left in a folder. Only for who holds the lock of what is in it."""
    for left in folder.glob(".*.partial"):
        with contextlib.suppress(OSError):
            left.unlink()


def append(path: Path, body: bytes, end: int | None = None) -> int:
    """Add whole lines to a file of lines: all of them, or, where that fails, none; how long the file is then, in bytes.

    Args:
        path: the file; it is made if it is not there.
        body: lines, each with its newline.
        end: how long the file was after the last :func:`append` of the one who writes it. What is behind that is what an
            append left that failed, and goes. None: unknown; what follows the last newline goes, which a killed process left.

    Errors: :class:`NotSaved`. The file is then as it was, or the next append with its ``end`` makes it so.
    """
    try:
        with path.open("ab+", buffering=0) as file:
            start = _last_line_end(file) if end is None else end
            if file.seek(0, os.SEEK_END) > start:
                file.truncate(start)
            try:
                rest = memoryview(body)
                while rest:
                    rest = rest[file.write(rest) or 0 :]
                os.fsync(file.fileno())
            except BaseException:
                with contextlib.suppress(OSError):
                    file.truncate(start)
                raise
            return start + len(body)
    except OSError as error:
        raise NotSaved(
            f"could not add to {path}: {error.strerror or error}. Make room, or choose a folder that can be written."
        ) from error


def _last_line_end(file: Any) -> int:
    """The place behind the last newline."""
    end: int = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + int(newline) + 1
        end = start
    return 0


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


# ── Checksums ────────────────────────────────────────────────────────────────────────────────────────────────────────

_SEAL, _MARK = "checksum", "sealed"
"""The entries that hold the checksum, and say that there is one: one changed byte cannot take away both."""


def digest(*parts: Any) -> str:
    """A checksum of bytes, or of arrays' bytes, one after the other: 128 bits of BLAKE2b, in hexadecimal."""
    found = blake2b(digest_size=16)
    for part in parts:
        found.update(part)
    return found.hexdigest()


def sealed(about: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data for JSON with a checksum of all that it says, and with the word that it has one.

    >>> sealed({"seed": 3})
    {'seed': 3, 'sealed': True, 'checksum': 'de5f052e4d3d5d81f8e88b37478517fc'}
    """
    about = {**_inside(about), _MARK: True}
    return {**about, _SEAL: _checksum(about)}


def check_seal(about: dict[str, Any], what: str) -> dict[str, Any]:
    """What was sealed, without its seal; as it is, if it has none: files of before there were checksums.

    Errors: :class:`~glassnet.errors.WrongFile`, which names ``what`` it is, if it is not what was sealed.
    """
    if _SEAL not in about and _MARK not in about:
        return about
    rest = {key: value for key, value in about.items() if key != _SEAL}
    if about.get(_SEAL) != _checksum(rest) or about.get(_MARK) is not True:
        raise WrongFile(
            f"{what} is damaged: it is not as glassnet wrote it (its checksum is another). Bring back a copy; or, if you "
            f"changed it yourself, take out its entries {_SEAL!r} and {_MARK!r}"
        )
    return _inside(about)


def _inside(about: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in about.items() if key not in (_SEAL, _MARK)}


def _checksum(about: Mapping[str, Any]) -> str:
    # As it comes back from JSON, whatever the order of the keys.
    plain = json.loads(json.dumps(about))
    return digest(json.dumps(plain, sort_keys=True).encode())


# ── Locks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Lock:
    """A file that one process at a time can hold. A killed process's lock is free.

    Where files cannot be locked (some network drives), or there is no room for one, nobody is kept out.

    Args:
        path: the file; it is made when it is taken, and gone when it is given back.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def take(self) -> bool:
        """Take the lock; whether nobody else has it.

        Errors: ``OSError`` where the file cannot be made.
        """
        while self._handle is None:
            # As readable as the umask allows: whoever may write beside it must be able to see that it is held.
            handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                if not _lock_file(handle):
                    return False
                # It may have been given back, and the file removed, since it was opened here.
                if _is_at(handle, self.path):
                    with contextlib.suppress(OSError):  # only for who asks who has it
                        os.truncate(handle, 0)
                        os.write(handle, str(os.getpid()).encode())
                    self._handle, handle = handle, -1
                    _HELD.add(self)
            finally:
                if handle >= 0:
                    os.close(handle)
        return True

    def holder(self) -> int | None:
        """The process that has it, as far as it said so."""
        try:
            text = self.path.read_bytes()[:20]
        except OSError:
            return None
        return int(text) if text.isdigit() else None

    def release(self) -> None:
        """Give it back. May be called again."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            _HELD.discard(self)
            try:
                if os.name != "nt":  # Windows removes no file that is open; there it stays
                    with contextlib.suppress(OSError):
                        if _is_at(handle, self.path):
                            self.path.unlink()
            finally:
                os.close(handle)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # while Python ends, much is gone already
            self.release()


_HELD: weakref.WeakSet[Lock] = weakref.WeakSet()


def _let_go() -> None:
    """In a forked child: the lock is its parent's, and must end with the parent."""
    for lock in list(_HELD):
        handle, lock._handle = lock._handle, None
        if handle is not None:
            os.close(handle)
    _HELD.clear()


def _is_at(handle: int, path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), os.stat(path))
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock_file(handle: int) -> bool:
        """Whether nobody else holds it."""
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
else:
    import fcntl

    def _lock_file(handle: int) -> bool:
        """Whether nobody else holds it."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
        return True

    os.register_at_fork(after_in_child=_let_go)


# ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@runtime_checkable
class Readable(Protocol):
    """What bytes are read from: an open file, gzipped or not, or a member of an archive."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""
        ...


def read_bounded(stream: Readable, most: int) -> bytearray:
    """At most this many bytes, taking memory only for those that really come."""
    body = bytearray()
    while len(body) < most and (chunk := stream.read(min(_CHUNK, most - len(body)))):
        body += chunk
    return body
