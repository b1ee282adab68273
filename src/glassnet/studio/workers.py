"""The threads of the studio. Each works in turns, and follows between two turns the commands that others gave it.

No thread dies silently: whatever is raised in a turn, ``SystemExit`` and ``MemoryError`` too, ends that turn alone. It is
logged with its trace, it is told to whoever made the thread, and the thread goes on: by itself after a rest, or with the
next command.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from glassnet.errors import GlassnetError, WrongValue

__all__ = ["Refused", "Worker", "failure"]

_REST = 1.0
"""Seconds until what failed is tried again; doubled with each failure that follows at once."""
_LONGEST_REST = 60.0
"""Seconds of such a rest, at most."""


class Refused(WrongValue):
    """A command that cannot be followed now. ``code`` tells programs why."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code


def failure(what: str, error: BaseException, then: str) -> str:
    """What is told of a failure: ``what`` failed, why, and ``then``: what happens now, or what to do.

    An error of our own explains itself. Of any other, the trace is in the log, that is where the studio was started.
    """
    if isinstance(error, GlassnetError):
        return f"{what}: {str(error).rstrip('.')}. {then}"
    why = f"{type(error).__name__} {error}".strip().rstrip(".")
    return f"{what}: {why}. {then} The details are where the studio was started."


class Worker:
    """A thread that works in turns, and follows commands between two of them, until it is closed.

    Args:
        name: what it does; the thread is called "glassnet studio: " and this.
        work: one turn of its work. All these functions are called in the thread.
        patience: the seconds to wait before the next turn; None: until a command comes, or :meth:`wake` is called.
        failed: told what was raised, after it is in the log. It must not raise anything itself.
        leave: done once, in the end.
        retries: whether the work goes on by itself after a failure, when it has rested; otherwise with the next command.
        interrupt: an event that is set while a command waits, for work that takes long to look at.
        over: what somebody is told who asks for something after the end: a sentence and a code, as of :class:`Refused`.

    Attributes:
        name: as above.
        busy: whether commands were followed just before this turn.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], None],
        patience: Callable[[], float | None],
        failed: Callable[[BaseException], None],
        *,
        leave: Callable[[], None] = lambda: None,
        retries: bool = False,
        interrupt: threading.Event | None = None,
        over: tuple[str, str] = ("the studio is closed", "closed"),
    ) -> None:
        self.name = name
        self.busy = False
        self._work, self._patience, self._failed, self._leave = work, patience, failed, leave
        self._retries = retries
        self._interrupt = threading.Event() if interrupt is None else interrupt
        self._over = over
        self._ready = threading.Condition()  # guards what follows; wakes the thread
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._woken = self._stopped = False
        self._failures = 0  # turns that failed, since the last that did not
        self._thread: threading.Thread | None = None  # None before it was started, and when it has ended

    def start(self) -> None:
        """Begin; and begin anew, if the thread has ended for whatever reason. Otherwise nothing happens."""
        with self._ready:
            if self._thread is None and not self._stopped:
                thread = threading.Thread(target=self._run, name=f"glassnet studio: {self.name}", daemon=True)
                thread.start()
                self._thread = thread

    def ask(self, job: Callable[[], Any]) -> Any:
        """Have something done between two turns, and wait for what it returns.

        Errors: :class:`Refused` after the end, and in place of what the job should not raise; those of the job that are
        :class:`~glassnet.errors.GlassnetError`, and ``MemoryError``.
        """
        future: Future[Any] = Future()
        with self._ready:
            if self._stopped:
                raise Refused(*self._over)
            self.start()
            self._jobs.append((job, future))
            self._interrupt.set()
            self._ready.notify()
        return future.result()

    def wake(self) -> None:
        """Have a turn now, whatever the patience. Returns at once."""
        with self._ready:
            self._woken = True
            self._ready.notify()

    def close(self) -> None:
        """Follow the commands that wait, do what is to be done in the end, and end. May be called again, by any thread."""
        with self._ready:
            self.start()  # one that was gone has its end to do, too
            self._stopped = True
            self._interrupt.set()
            self._ready.notify()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def guarded(self, work: Callable[[], None]) -> BaseException | None:
        """Do something; what was raised, which is in the log then, and told. None if nothing was."""
        try:
            work()
        except BaseException as error:
            with contextlib.suppress(Exception):  # a log that cannot be written is no reason to tell nobody
                logging.getLogger("glassnet").exception("a thread of the studio failed: %s", self.name)
            self._failed(error)
            return error
        return None

    # ── In the thread ────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        try:
            while not self._stopped or self._jobs:
                self._failures = 0 if self.guarded(self._turn) is None else self._failures + 1
            self.guarded(self._leave)
        finally:
            # After the end nobody waits here. Should it come in another way, nobody is to wait for ever.
            with self._ready:
                self._thread = None
                for _, future in self._jobs:
                    future.set_exception(Refused(_AGAIN, "thread"))
                self._jobs.clear()

    def _turn(self) -> None:
        with self._ready:
            if self._failures:
                rest = min(_REST * 2 ** min(self._failures - 1, 10), _LONGEST_REST) if self._retries else None
                self._ready.wait_for(lambda: self._jobs or self._stopped, rest)
            elif not (self._jobs or self._stopped or self._woken):
                self._ready.wait(self._patience())
            self._woken = False
            self._interrupt.clear()
            count = len(self._jobs)
        self.busy = count > 0
        for _ in range(count):
            job, future = self._jobs[0]  # it waits there until it is answered
            error = self.guarded(partial(self._follow, job, future))
            if error is not None:  # who asked learns of it when all is as it should be again
                future.set_exception(error if isinstance(error, MemoryError) else Refused(_AGAIN, "thread"))
            self._jobs.popleft()
        if not self._stopped:
            self._work()

    def _follow(self, job: Callable[[], Any], future: Future[Any]) -> None:
        """Do what was asked for, and answer. An error of our own is an answer, too; any other is a failure of this thread."""
        try:
            result = job()
        except GlassnetError as error:
            future.set_exception(error)
        else:
            future.set_result(result)


_AGAIN = "this went wrong inside the studio, which goes on: try it again; the details are where it was started"
