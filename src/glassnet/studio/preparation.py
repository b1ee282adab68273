"""Preparation: what a training needs is loaded, or, once on a machine, compiled, in a thread of its own.

Loading takes some tenths of a second, compiling some seconds. The threads that train, judge and answer begin nothing that is
not prepared, so that commands, drawings and questions are answered meanwhile.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from glassnet.checkpoint import Checkpoint
from glassnet.data import Dataset
from glassnet.data.deform import Deformer
from glassnet.engine import Engine
from glassnet.runs.plans import answer_of

__all__ = ["Preparation", "deforms", "prepared"]

_SWITCH = 0.001
"""Seconds after which Python lets another thread work while something is prepared, instead of its 5 milliseconds: an answer
takes many such turns."""


class Preparation:
    """The loading of what one kind of training needs. Made by :func:`prepared`. Every method may be called in any thread.

    Attributes:
        began: when, in seconds of ``time.monotonic()``.
    """

    def __init__(self) -> None:
        self.began = time.monotonic()
        self._done = threading.Event()
        self._lock = threading.Lock()  # guards _calls
        self._calls: list[Callable[[], None]] = []

    @property
    def done(self) -> bool:
        """Whether it has ended: a training of this kind begins at once now, or fails at once."""
        return self._done.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait for its end, so long at most; whether it has ended."""
        return self._done.wait(seconds)

    def then(self, call: Callable[[], None]) -> None:
        """Call this in the end, in the thread of the preparation; at once, if it has ended. It must return at once."""
        with self._lock:
            if not self.done:
                self._calls.append(call)
                return
        call()

    def run(self, load: Callable[[], None]) -> None:
        """Load, and end. What fails here fails again where the training is begun, and is told there."""
        try:
            with contextlib.suppress(Exception), _giving_way():
                load()
        finally:
            with self._lock:
                self._done.set()
            for call in self._calls:
                with contextlib.suppress(Exception):  # whoever wanted to know is gone
                    call()


@contextlib.contextmanager
def _giving_way() -> Iterator[None]:
    """Let the other threads of Python have their turns sooner, until the last of those that give way at once has ended."""
    global _giving, _usual
    with _lock:
        if not _giving:
            _usual = sys.getswitchinterval()
            sys.setswitchinterval(min(_SWITCH, _usual))
        _giving += 1
    try:
        yield
    finally:
        with _lock:
            _giving -= 1
            if not _giving:
                sys.setswitchinterval(_usual)


_lock = threading.Lock()  # guards the three that follow
_giving = 0
"""How many preparations give way now."""
_usual = 0.0
"""The switch interval before the first of them did, in seconds."""
_known: dict[Any, Preparation] = {}
"""The preparations of this process: by engine, type of numbers, whether inputs are very many, and whether they are deformed."""


def prepared(engine: Engine, start: Checkpoint, data: Dataset) -> Preparation:
    """The preparation for trainings like this one, by engine, type of numbers and deformation: begun here, if it was not.

    Args:
        engine: what takes the steps.
        start: the network that is trained, and the settings.
        data: what it learns from.
    """
    deforms = start.settings.deform is not None
    kind = engine.name, str(start.network.layers[0].bias.dtype), start.network.sizes[0] > 2**16, deforms
    with _lock:
        if kind in _known:
            return _known[kind]
        preparation = _known[kind] = Preparation()

    def work() -> None:
        preparation.run(lambda: _load(engine, start, data))

    try:
        # Where Python ends meanwhile, it does not wait: what is compiled is kept whole, or not at all.
        threading.Thread(target=work, name="glassnet studio: preparation", daemon=True).start()
    except RuntimeError:  # no more threads: then whoever begins a training waits
        preparation.run(lambda: None)
    return preparation


def deforms() -> bool:
    """Whether images can be deformed at once, since what does it is loaded."""
    try:
        from glassnet.machine.compiled import is_loaded
    except ImportError:  # Numba cannot be loaded here: who deforms learns why at once
        return True
    return is_loaded("warp")


def _load(engine: Engine, start: Checkpoint, data: Dataset) -> None:
    """Have everything loaded that such a training, its judgements and questions about it call."""
    settings, network = start.settings, start.network
    engine.start(network, data, settings.cost, settings.optimizer, settings.optimizer.init(network.layers))
    answer_of(network, 1)
    if settings.deform is not None:
        Deformer(data.inputs[:1, :], settings.deform, settings.seed, 1)(np.zeros(1, np.int64), 0)
