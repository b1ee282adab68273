"""Threads: how many may run at once, a crew of them that waits to run compiled code together, and how many are faster.

>>> done = []
>>> together(lambda thread, threads: done.append((thread, threads)), 1)
1
>>> done
[(0, 1)]
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from glassnet.errors import WrongValue

__all__ = ["Crew", "Pace", "available", "check_threads", "together"]

_TRIAL = 32
"""Stretches at the faster number of threads between two trials of the other."""
_STRETCH = 0.016
"""Target seconds of a stretch: a few time slices of the operating system, so that one lost slice does not decide."""
_SHORT = 0.004
"""Target seconds of a trial."""


def available() -> int:
    """Threads that may run at once: the processors this process may use, or fewer if OMP_NUM_THREADS says so."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    return min(count, max(1, int(limit))) if limit.isdecimal() else count


def check_threads(threads: Any) -> None:
    """Refuse a number of threads that is not a whole number from 1.

    Errors: :class:`~glassnet.errors.WrongValue`.
    """
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise WrongValue(f"threads must be a whole number from 1, got {threads!r}")


def _alone(share: Callable[[int, int], None]) -> int:
    share(0, 1)
    return 1


class Crew:
    """Threads that wait to run a kernel together; one caller at a time has them."""

    def __init__(self) -> None:
        self._free = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._size = 0

    def run(self, share: Callable[[int, int], None], threads: int, give_up: Callable[[], None] = lambda: None) -> int:
        """Call ``share(thread, threads)`` in each of so many threads, this one among them, and wait for all; how many it were.

        The shares wait for each other, so all or none must be running: if others have the crew, or no thread can be
        started, this thread does everything. The result is the same. If this thread is interrupted before it has begun,
        ``give_up`` tells the others not to wait for it.
        """
        if threads == 1 or not self._free.acquire(blocking=False):
            return _alone(share)
        futures: list[Future[None]] = []
        try:
            others = self._start(threads - 1)
            if others is None:
                return _alone(share)
            try:
                for number, other in enumerate(others, start=1):
                    futures.append(other(share, number, threads))
                share(0, threads)
            except BaseException as error:
                if isinstance(error, RuntimeError) and not futures:  # Python is shutting down: not even the first began
                    return _alone(share)
                give_up()
                raise
            finally:
                wait(futures)
            for future in futures:
                future.result()
            return threads
        finally:
            self._free.release()

    def _start(self, count: int) -> list[Callable[..., Future[None]]] | None:
        if self._pool is None or self._size < count:
            if self._pool is not None:
                self._pool.shutdown(wait=False)
            pool, ready = ThreadPoolExecutor(count, thread_name_prefix="glassnet"), threading.Barrier(count + 1)
            try:
                for _ in range(count):  # all threads must exist before anyone waits for them
                    pool.submit(ready.wait, 10)
                ready.wait(10)
            except (RuntimeError, threading.BrokenBarrierError):  # no more threads, or Python is shutting down
                ready.abort()
                pool.shutdown(wait=False)
                self._pool = None
                return None
            self._pool, self._size = pool, count
        return [self._pool.submit] * count


class Pace:
    """Which number of threads is faster just now, all or one: found by working, stretch by stretch, and seldom the other way.

    It cannot be known beforehand: where others compute, too, threads that wait for each other may be slower than one alone. So
    every stretch is timed. Only the last two count, and the other number is tried, for a short stretch, after every 32:
    what was true before another program began or ended is soon forgotten.

    Args:
        most: the most threads that may pay; 1: nothing has to be found.
        fixed: always take the most.
    """

    def __init__(self, most: int, *, fixed: bool = False) -> None:
        self.most, self.fixed = most, fixed
        self.seconds: dict[int, float] = {}
        """What a piece of work took of late, by number of threads."""
        self._last: dict[int, float] = {}  # in the last stretch alone
        self._since = 0  # stretches since the last trial

    def next(self, pieces: int) -> tuple[int, int]:
        """How many threads to take for the next stretch, and how many pieces it should have, of so many that are left."""
        if self.fixed or self.most == 1:
            return self.most, pieces
        for threads in (self.most, 1):
            if threads not in self.seconds:
                return threads, _stretch(_SHORT, min(self.seconds.values(), default=_SHORT), pieces)
        best, other = sorted((1, self.most), key=lambda threads: self.seconds[threads])
        if self._since >= _TRIAL:
            return other, _stretch(_SHORT, self.seconds[other], pieces)
        return best, _stretch(_STRETCH, self.seconds[best], pieces)

    def note(self, threads: int, pieces: int, seconds: float) -> None:
        """A stretch of so many pieces took so many seconds with so many threads."""
        is_best = threads in self.seconds and self.seconds[threads] <= min(self.seconds.values())
        # Of the better number the last two count, so that one lost time slice does not decide; the other's are too old.
        took, before = seconds / pieces, self._last.get(threads, math.inf)
        self.seconds[threads], self._last[threads] = min(took, before) if is_best else took, took
        self._since = self._since + 1 if is_best else 0


def _stretch(target: float, piece: float, most: int) -> int:
    return max(1, min(most, int(target / max(piece, 1e-9))))


_crew = Crew()


def _after_fork() -> None:
    # A child process has none of its parent's threads.
    global _crew
    _crew = Crew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def together(share: Callable[[int, int], None], threads: int, give_up: Callable[[], None] = lambda: None) -> int:
    """Run ``share`` in the crew of this process, and say by how many threads it was done: see :meth:`Crew.run`."""
    return _crew.run(share, threads, give_up)
