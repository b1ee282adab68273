"""How Numba is asked to compile: what is kept, what is said to whoever waits, and how it goes without a place to keep."""

import gc
import importlib.util
import threading

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

from glassnet.machine import compiled
from glassnet.machine.compiled import entry, inlined, is_loaded, loading

MODULE = """
import numpy as np
from glassnet.machine.compiled import compiled, entry, inlined

@inlined
def half(x):
    return x / 2

@compiled
def halves(x, out):
    for i in range(len(x)):
        out[i] = half(x[i])

@entry
def total(x, out):
    halves(x, out)
    sum = 0.0
    for i in range(len(x)):
        sum += out[i]
    return sum
"""


def loaded(path):
    """The module in this file, loaded anew."""
    spec = importlib.util.spec_from_file_location("some_loops", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_python_calls_is_kept_in_a_file_and_found_there_next_time(tmp_path):
    (tmp_path / "loops.py").write_text(MODULE)
    x = np.arange(5, dtype=np.float32)
    first, second = (loaded(tmp_path / "loops.py") for _ in range(2))
    assert first.total(x, np.zeros(5, np.float32)) == 5
    assert (sum(first.total.stats.cache_misses.values()), sum(first.total.stats.cache_hits.values())) == (1, 0)
    assert {path.suffix for path in (tmp_path / "__pycache__").glob("loops.total*")} == {".nbi", ".nbc"}
    assert second.total(x, np.zeros(5, np.float32)) == 5
    assert (sum(second.total.stats.cache_misses.values()), sum(second.total.stats.cache_hits.values())) == (0, 1)
    # What only compiled code calls is a part of it.
    assert not list((tmp_path / "__pycache__").glob("loops.hal*"))


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same(tmp_path, monkeypatch):
    # Code that is in no file has no folder for a cache beside it, as a package in an archive has none.
    namespace = {"__name__": "nowhere"}
    exec(compile(MODULE, "<nowhere>", "exec"), namespace)
    total = namespace["total"]
    assert isinstance(total, Dispatcher)
    assert total(np.arange(5.0), np.zeros(5)) == 5
    assert total.stats.cache_path is None
    assert total.targetoptions["nogil"]


def test_an_error_in_what_is_compiled_is_not_taken_for_a_missing_folder():
    with pytest.raises(TypeError):
        entry(3)


def test_python_calls_none_of_the_inner_loops(tmp_path):
    (tmp_path / "loops.py").write_text(MODULE)
    module = loaded(tmp_path / "loops.py")
    for each in (module.halves, module.half):
        assert each.targetoptions["no_cpython_wrapper"]
        assert each.targetoptions["nogil"]
    assert module.half.targetoptions["forceinline"]
    assert inlined is not compiled.compiled


@pytest.mark.parametrize("decorated", ["half", "halves", "total"])
def test_no_liberty_is_taken_with_nan_and_infinity(tmp_path, decorated):
    (tmp_path / "loops.py").write_text(MODULE)
    module = loaded(tmp_path / "loops.py")
    assert not {"nnan", "ninf", "fast"} & set(getattr(module, decorated).targetoptions["fastmath"])
    out = np.zeros(4)
    for x in (np.nan, np.inf, -np.inf):
        found = module.total(np.array([1.0, x, 2, 3]), out)
        assert np.isnan(found) if np.isnan(x) else found == x


CALLS = """
import numpy as np
from glassnet.machine.compiled import compiled, entry, inlined

@inlined
def power(x, times):
    y = 1.0
    for _ in range(times):
        y *= x
    return y

@compiled
def powers(x, first, out):
    for i in range(len(x)):
        out[i] = power(x[i], first + i)

@entry
def total(x, out):
    powers(x, 0, out)
    powers(x, 1, out)
    powers(x, len(x), out)
"""


def test_a_function_is_compiled_once_whatever_constants_it_is_called_with(tmp_path):
    (tmp_path / "calls.py").write_text(CALLS)
    module = loaded(tmp_path / "calls.py")
    x, out = np.array([2.0, 3.0]), np.zeros(2)
    module.total(x, out)
    assert out.tolist() == [4, 27]
    for each in (module.power, module.powers):
        assert len(each.signatures) == 1, each


def test_another_numba_compiles_as_it_always_does(tmp_path, monkeypatch):
    monkeypatch.setattr(compiled, "_CAN_BE_LINKED", False)
    (tmp_path / "calls.py").write_text(CALLS)
    module = loaded(tmp_path / "calls.py")
    out = np.zeros(2)
    module.total(np.array([2.0, 3.0]), out)
    assert out.tolist() == [4, 27]


def test_only_what_python_calls_becomes_machine_code(tmp_path, monkeypatch):
    (tmp_path / "calls.py").write_text(CALLS)
    made, optimized = [], []
    library = type(compiled.njit(lambda: None).targetctx.codegen().create_library("any"))
    for noted, name in ((made, "_finalize_final_module"), (optimized, "_optimize_final_module")):
        plain = getattr(library, name)
        monkeypatch.setattr(
            library,
            name,
            lambda self, noted=noted, plain=plain: [noted.append(self.name.rpartition(".")[2]), plain(self)],
        )
    module = loaded(tmp_path / "calls.py")
    module.total(np.array([2.0, 3.0]), np.zeros(2))
    for noted in (made, optimized):
        assert noted.count("total") == 1
        assert not {"power", "powers"} & set(noted)


def test_garbage_is_not_looked_for_while_compiling(timers):
    assert gc.isenabled()
    with loading("something"):
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), loading("something else"):
        raise ZeroDivisionError
    assert gc.isenabled()
    gc.disable()
    try:
        with loading("a third"):
            pass
        assert not gc.isenabled()  # as it was before
    finally:
        gc.enable()


# ── What is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def timers(monkeypatch):
    """The timers that are started; and no kernel is loaded yet."""
    monkeypatch.setattr(compiled, "_loaded", set())
    monkeypatch.setattr(compiled, "_unsaid", threading.Lock())
    started = []

    class Timer(threading.Timer):
        def start(self):
            started.append(self)
            super().start()

    monkeypatch.setattr(threading, "Timer", Timer)
    return started


def test_who_waits_long_is_told_why_once(timers, monkeypatch, caplog):
    monkeypatch.setattr(compiled, "_PATIENCE", 0.01)
    with loading("something", np.float32):
        timers[0].join(30)
    with loading("something", np.float32):
        pass
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("glassnet", "WARNING")
    assert record.getMessage() == "compiling, once on this machine: this takes some seconds"
    assert len(timers) == 1  # the second time nobody even looks at the clock


def test_several_kernels_that_are_compiled_are_one_wait(timers, monkeypatch, caplog):
    monkeypatch.setattr(compiled, "_PATIENCE", 0.01)
    for number, kernel in enumerate(["learn", "answer"]):
        with loading(kernel, np.float32):
            timers[number].join(30)
    assert len(caplog.records) == 1


def test_who_does_not_wait_long_is_told_nothing(timers, caplog):
    with loading("something"):
        (timer,) = timers
        assert timer.interval == 1.0
        assert timer.daemon  # Python may end meanwhile
    timer.join(30)
    assert not timer.is_alive()
    assert not caplog.records


def test_what_is_loaded_is_known_by_kernel_and_types(timers):
    assert not is_loaded("something", np.float32)
    with loading("something", np.float32):
        assert not is_loaded("something", np.float32)
    assert is_loaded("something", np.float32)
    assert not is_loaded("something", np.float64)
    assert not is_loaded("something")


def test_what_fails_is_not_loaded_and_the_clock_is_stopped(timers, caplog):
    with pytest.raises(ZeroDivisionError), loading("something"):
        raise ZeroDivisionError
    assert not is_loaded("something")
    timers[0].join(30)
    assert not timers[0].is_alive()
    assert not caplog.records


def test_where_no_thread_can_be_started_nothing_is_said_and_all_goes_on(timers, monkeypatch):
    def refused(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Timer, "start", refused)
    with loading("something"):
        pass
    assert is_loaded("something")
