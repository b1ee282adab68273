"""The class: one link that lets many browsers in to watch, until it is closed, or for twelve hours.

The link's token follows from the studio's secret and the class's number, so that only the number is kept in the home: a
server that is started again goes on with the class, and can show its link again. The cookies that it gives hold the number
too; with the class, they end.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import segno

from glassnet import files

__all__ = ["CLASS_HOURS", "Classroom", "Lesson", "qr_rows"]

CLASS_HOURS = 12
"""How long a class is open, if it is not closed before."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A class that is open.

    Attributes:
        number: which one; random, and no secret.
        until: when it ends by itself, in seconds since 1970.
        over: set when it is closed.
    """

    number: str
    until: int
    over: asyncio.Event = field(default_factory=asyncio.Event, compare=False)


class Classroom:
    """Whether a class is open, and its token. To be used in the event loop's thread.

    Args:
        secret: the studio's; the tokens follow from it.
        port: the port that the server listens on.
        path: the file in which an open class is noted; None: it is forgotten when the server ends.
        now: the clock, in seconds since 1970.
    """

    def __init__(self, secret: str, port: int, path: Path | None = None, now: Callable[[], float] = time.time) -> None:
        self._secret = secret.encode()
        self._port = port
        self._path = path
        self._now = now
        self._lesson = None if path is None else _noted(path)

    @property
    def lesson(self) -> Lesson | None:
        """The class that is open; None if there is none."""
        lesson = self._lesson
        return lesson if lesson is not None and self._now() < lesson.until else None

    def open(self) -> Lesson:
        """Open a class, if none is open; the one that is.

        Errors: :class:`~glassnet.files.NotSaved`.
        """
        lesson = self.lesson
        if lesson is None:
            lesson = Lesson(secrets.token_urlsafe(9), int(self._now()) + CLASS_HOURS * 3600)
            if self._path is not None:
                about = {"class": lesson.number, "until": lesson.until}
                files.write(self._path, (json.dumps(about) + "\n").encode())
            self._lesson = lesson
        return lesson

    def close(self) -> None:
        """Close the class: its link and its cookies are good for nothing any more."""
        lesson, self._lesson = self._lesson, None
        if lesson is not None:
            lesson.over.set()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink()

    def token(self, lesson: Lesson) -> str:
        """The token of a class's link: 192 bits that nobody can guess who has not the secret."""
        digest = hmac.digest(self._secret, f"class\0{self._port}\0{lesson.number}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest[:24]).decode()

    def admits(self, token: str) -> bool:
        """Whether a token is that of the class that is open; as often as it is asked."""
        lesson = self.lesson
        expected = "" if lesson is None else self.token(lesson)
        same = hmac.compare_digest(_digest(token), _digest(expected))
        return same and lesson is not None

    def is_open(self, number: str) -> bool:
        """Whether the class of this number is the one that is open."""
        lesson = self.lesson
        return lesson is not None and hmac.compare_digest(lesson.number.encode(), number.encode())

    async def ended(self, number: str) -> None:
        """Wait until the class of this number is over."""
        while (lesson := self.lesson) is not None and self.is_open(number):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(lesson.until - self._now()):
                    await lesson.over.wait()


def qr_rows(text: str) -> list[str]:
    """A text as a QR code: its rows of modules, "1" dark and "0" light, with no margin."""
    return ["".join("01"[bit] for bit in row) for row in segno.make_qr(text, error="m").matrix]


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _noted(path: Path) -> Lesson | None:
    """The class that a server of this home left open; none if there is none, or the note is damaged."""
    try:
        about = json.loads(path.read_bytes())
        number, until = about["class"], about["until"]
        return Lesson(number, until) if isinstance(number, str) and type(until) is int else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
