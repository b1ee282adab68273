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
from dataclasses import dataclass
from typing import Any

from glassnet.errors import WrongValue

__all__ = ["Crew", "Pace", "Stretch", "available", "check_threads", "together"]

_TRIAL = 32
"""Stretches at the faster number of threads between two trials of the other."""
_STRETCH = 0.016
"""Target seconds of a stretch: a few time slices of the operating system, so that one lost slice does not decide."""
_SHORT = 0.004
"""Target seconds of a trial."""
_LEAST = 0.001
"""Seconds of work from which a number of threads is judged, and in which it warms up before."""
_HOPELESS = 3.0
"""How many times as long as with the faster number of threads a piece must take for the other to be judged at once."""
_SLACK = 1.5
"""How many times its target a stretch by several threads may take before it is left off."""


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


@dataclass(frozen=True, slots=True)
class Stretch:
    """What to do next: so many pieces of work by so many threads.

    Attributes:
        threads: how many.
        pieces: how many.
        limit: seconds after which to leave off, whatever is done by then; None: never.
    """

    threads: int
    pieces: int
    limit: float | None = None


class Pace:
    """Which number of threads is faster just now, all or one: found by working, stretch by stretch, and seldom the other way.

    It cannot be known beforehand: where others compute, too, threads that wait for each other may be slower than one alone. So
    every stretch is timed. Only the last two count, and the other number is tried, for a short stretch, after every 32:
    what was true before another program began or ended is soon forgotten.

    A number of threads is judged by a millisecond of work at least, after another to warm up in: processors that begin to work
    together have nothing in their caches. On a busy machine a piece can take several threads a hundred times as long as the
    one before, because one of them waits for a processor: they leave off where a stretch takes much longer than planned.

    Args:
        most: the most threads that may pay; 1: nothing has to be found.
        fixed: always take the most.
    """

    def __init__(self, most: int, *, fixed: bool = False) -> None:
        self.most, self.fixed = most, fixed
        self.seconds: dict[int, float] = {}
        """What a piece of work took of late, by number of threads."""
        self._judged: dict[int, float] = {}  # the same, when it was last judged
        self._latest: dict[int, float] = {}  # the same, in the last stretch, however short
        self._threads, self._is_warm = 0, False  # those of the last stretch, and whether they have warmed up
        self._unjudged = 0, 0.0  # their pieces and seconds since then
        self._since = 0  # stretches since the last trial

    def next(self, pieces: int) -> Stretch:
        """What to do next, of so many pieces that are left."""
        if self.fixed or self.most == 1:
            return Stretch(self.most, pieces)
        for threads in (self.most, 1):
            if threads not in self.seconds:
                return self._stretch(threads, _SHORT, pieces)
        best, other = sorted((1, self.most), key=lambda threads: self.seconds[threads])
        return self._stretch(other, _SHORT, pieces) if self._since >= _TRIAL else self._stretch(best, _STRETCH, pieces)

    def _stretch(self, threads: int, target: float, most: int) -> Stretch:
        took = self._latest.get(threads, min(self.seconds.values(), default=target))
        pieces = max(1, min(most, int(target / max(took, 1e-9))))
        return Stretch(threads, pieces, None if threads == 1 else _SLACK * target)

    def note(self, threads: int, pieces: int, seconds: float) -> None:
        """So many pieces took so many seconds with so many threads."""
        self._latest[threads] = seconds / pieces
        if threads != self._threads:
            self._threads, self._is_warm, self._unjudged = threads, False, (0, 0.0)
        count, total = self._unjudged[0] + pieces, self._unjudged[1] + seconds
        took = total / count
        if took < _HOPELESS * min(self.seconds.values(), default=math.inf):
            if total < _LEAST:
                self._unjudged = count, total
                return
            if not self._is_warm:
                self._is_warm, self._unjudged = True, (0, 0.0)
                return
        self._unjudged = 0, 0.0
        is_best = threads in self.seconds and self.seconds[threads] <= min(self.seconds.values())
        # Of the better number the last two count, so that one lost time slice does not decide; the other's are too old.
        before = self._judged.get(threads, math.inf)
        self.seconds[threads], self._judged[threads] = min(took, before) if is_best else took, took
        self._since = self._since + 1 if is_best else 0


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
