"""How Numba is asked to compile: the liberties it has, the cache, and a word to whoever waits for it the first time.

Only what Python calls (:func:`entry`) becomes machine code and is kept in the cache; the rest is compiled into it.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from numba import _dynfunc, njit, types
from numba.core.codegen import CPUCodeLibrary
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.typed_passes import NativeLowering

__all__ = ["compiled", "entry", "in_order", "inlined", "is_loaded", "loading"]

# NaN and infinity must stay themselves, or a divergence would not be seen: all of LLVM's liberties but those two.
_FAST = {"reassoc", "contract", "arcp", "nsz"}
# Nothing is made or kept in here, so arrays need not be counted as they are handed on (_nrt), which would take a fifth of
# the time of a small minibatch.
_OPTIONS = {"nogil": True, "error_model": "numpy", "fastmath": _FAST, "_nrt": False}
_PATIENCE = 1.0
"""Seconds after which it is said that kernels are being compiled; loading them from the cache takes a tenth of that."""
_loaded: set[Any] = set()
"""Which kernels are there, for which types of arrays."""
_unsaid = threading.Lock()
"""Taken, and never given back, by the first who says that something is being compiled: it is said once in a process."""


# ── What only compiled code calls ────────────────────────────────────────────────────────────────────────────────────


@register_pass(mutates_CFG=True, analysis_only=False)
class _LowerToBeLinked(NativeLowering):
    """Numba's step from typed code to LLVM's, without the two that follow it: LLVM's optimization, and machine code.

    Numba does both for each function, and then again for every function that it is linked into. For what only compiled code
    calls the last time is enough, which takes a third off the time of all.
    """

    _name = "lower_to_be_linked"

    def run_pass(self, state: Any) -> bool:
        """Lower, and put something in the function's place that stands for it in calls and cannot be called."""
        library = state.library = state.targetctx.codegen().create_library(state.func_id.func_qualname)

        def finalize() -> None:
            library._finalize_dynamic_globals()
            library._finalized = True

        library._optimize_final_module = lambda: None
        library._finalize_final_module = finalize
        state.flags.no_compile = True
        super().run_pass(state)
        description = state.cr.fndesc
        name = description.qualname.rpartition(".")[2]
        stand_in = _dynfunc.make_function(description.lookup_module(), name, "", 0, state.cr.env, (library,))
        state.targetctx.insert_user_function(stand_in, description, [library])
        state["cr"] = state.cr._replace(cfunc=stand_in)
        return True


_CAN_BE_LINKED = all(
    hasattr(CPUCodeLibrary, name)
    for name in ("_optimize_final_module", "_finalize_final_module", "_finalize_dynamic_globals")
) and hasattr(_dynfunc, "make_function")
"""Whether this Numba has what :class:`_LowerToBeLinked` takes hold of; if not, it compiles as it always does."""


class _ToBeLinked(CompilerBase):
    """Numba's compiler for what is only linked into something else."""

    def define_pipelines(self) -> list[Any]:
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        if _CAN_BE_LINKED:
            passes.passes = [(_LowerToBeLinked if each is NativeLowering else each, why) for each, why in passes.passes]
        passes.finalize()
        return [passes]


def compiled(function: Any) -> Any:
    """For what only compiled code calls."""
    return _inner(function)


def in_order(function: Any) -> Any:
    """The same, calculated in the order in which it is written, for what must not become too small on its way."""
    return _inner(function, fastmath={"contract", "nsz"})


def inlined(function: Any) -> Any:
    """What only compiled code calls, as if it were written where it is called."""
    return _inner(function, forceinline=True)


def _inner(function: Any, **options: Any) -> Any:
    options = {**_OPTIONS, **options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    dispatcher = njit(pipeline_class=_ToBeLinked, **options)(function)
    template = dispatcher.get_call_template

    def get_call_template(arguments: Any, keywords: Any) -> Any:
        # Numba would compile the function once more for each constant that it is called with.
        return template(
            [types.unliteral(each) for each in arguments],
            {name: types.unliteral(each) for name, each in keywords.items()},
        )

    dispatcher.get_call_template = get_call_template
    return dispatcher


# ── What Python calls ────────────────────────────────────────────────────────────────────────────────────────────────


def entry(function: Any) -> Any:
    """Compile what Python calls, and keep it in the user's cache; where there is no folder to write into, without."""
    try:
        return njit(cache=True, no_cfunc_wrapper=True, **_OPTIONS)(function)
    except RuntimeError:
        return njit(no_cfunc_wrapper=True, **_OPTIONS)(function)


def is_loaded(*kind: Any) -> bool:
    """Whether :func:`loading` has ended for this kernel and these types of arrays."""
    return kind in _loaded


@contextmanager
def loading(*kind: Any) -> Iterator[None]:
    """Says that kernels are being compiled, if what is done inside takes longer than loading them would: once in a process."""
    if kind in _loaded:
        yield
        return
    timer = threading.Timer(_PATIENCE, _say)
    timer.daemon = True
    with suppress(RuntimeError):  # no more threads: then it is not said
        timer.start()
    # Numba makes millions of objects and keeps them; looking through them for garbage, again and again, takes an eighth of all.
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
        timer.cancel()
    _loaded.add(kind)


def _say() -> None:
    if _unsaid.acquire(blocking=False):
        logging.getLogger("glassnet").warning("compiling, once on this machine: this takes some seconds")
