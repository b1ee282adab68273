"""How Numba is asked to compile: the liberties it has, the cache, and a word to whoever waits for it the first time.

Only what Python calls is kept in the cache (:func:`entry`); the rest is compiled into it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from numba import njit

__all__ = ["compiled", "entry", "inlined", "is_loaded", "loading"]

# NaN and infinity must stay themselves, or a divergence would not be seen: all of LLVM's liberties but those two.
_FAST = {"reassoc", "contract", "arcp", "nsz"}
# Nothing is made or kept in here, so arrays need not be counted as they are handed on (_nrt), which would take a fifth of
# the time of a small minibatch.
_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": _FAST, "_nrt": False}
_INNER = {**_OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # Python calls none of them
_PATIENCE = 1.0
"""Seconds after which it is said that kernels are being compiled; loading them from the cache takes a tenth of that."""
_loaded: set[Any] = set()
"""Which kernels are there, for which types of arrays."""


def compiled(function: Any) -> Any:
    """For what only compiled code calls."""
    return njit(**_INNER)(function)


def inlined(function: Any) -> Any:
    """The same, as if it were written where it is called."""
    return njit(forceinline=True, **_INNER)(function)


def entry(function: Any) -> Any:
    """Compile what Python calls, and keep it in the user's cache; where there is no folder to write into, without."""
    try:
        return njit(cache=True, **_OPTIONS)(function)
    except RuntimeError:
        return njit(**_OPTIONS)(function)


def is_loaded(*kind: Any) -> bool:
    """Whether :func:`loading` has ended for this kernel and these types of arrays."""
    return kind in _loaded


@contextmanager
def loading(*kind: Any) -> Iterator[None]:
    """Says that kernels are being compiled, if what is done inside takes longer than loading them would."""
    if kind in _loaded:
        yield
        return
    timer = threading.Timer(
        _PATIENCE,
        logging.getLogger("glassnet").warning,
        ["compiling kernels, once: this takes a quarter of a minute, and is kept for next time"],
    )
    timer.daemon = True
    with suppress(RuntimeError):  # no more threads: then it is not said
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
    _loaded.add(kind)
