"""Preparation: what a training needs is loaded in a thread of its own, once for each kind of training."""

import subprocess
import sys
import threading
from dataclasses import replace

import numpy as np
import pytest
from small_run import npz, plan_on, until

from glassnet import Network
from glassnet.data.deform import Affine
from glassnet.engine import Reference
from glassnet.engine.fused import Fused
from glassnet.machine import compiled
from glassnet.machine.compiled import is_loaded
from glassnet.runs.plans import answer_of
from glassnet.studio import preparation
from glassnet.studio.preparation import deforms, prepared


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return plan_on(npz(tmp_path_factory.mktemp("data")))


@pytest.fixture
def nothing_loaded(monkeypatch):
    monkeypatch.setattr(preparation, "_known", {})
    monkeypatch.setattr(compiled, "_loaded", set())


def begun(plan, engine=None, **settings):
    start = plan.checkpoint
    start = replace(start, settings=replace(start.settings, **settings))
    return prepared(engine or Fused(), start, plan.splits.train)


def test_all_is_loaded_that_a_training_calls(nothing_loaded, plan):
    network = plan.checkpoint.network
    assert answer_of(network, loaded=True) is None
    assert not deforms()
    assert begun(plan).wait(60)
    assert answer_of(network, loaded=True) is not None
    assert is_loaded("learn", np.dtype(np.float32), np.dtype(np.uint16))
    assert not deforms()
    assert begun(plan, deform=Affine()).wait(60)
    assert deforms()


def test_each_kind_of_training_is_prepared_once(compiling, plan):
    first = begun(plan)
    assert not first.done
    assert not first.wait(0.01)
    assert begun(plan, epochs=7, dropout=0.5) is first
    assert begun(plan, deform=Affine()) is not first
    assert begun(plan, Reference()) is not first
    start = plan.checkpoint
    wide = replace(start, network=Network.random(start.network.sizes, dtype=np.float64))
    assert prepared(Fused(), wide, plan.splits.train) is not first
    compiling.set()
    assert first.wait(60)
    assert begun(plan) is first


def test_who_asks_for_it_is_called_in_the_end_or_at_once(compiling, plan):
    waiting, called, came = begun(plan), [], threading.Event()
    waiting.then(lambda: 1 / 0)  # one that fails keeps nobody else from being called
    waiting.then(lambda: (called.append(threading.current_thread().name), came.set()))
    assert called == []
    compiling.set()
    assert came.wait(60)
    waiting.then(lambda: called.append(threading.current_thread().name))
    assert called == ["glassnet studio: preparation", threading.current_thread().name]


def test_others_have_their_turns_sooner_meanwhile(compiling, plan):
    usual = sys.getswitchinterval()
    one, other = begun(plan), begun(plan, deform=Affine())
    until(lambda: sys.getswitchinterval() == pytest.approx(0.001))
    compiling.set()
    assert one.wait(60)
    assert other.wait(60)
    until(lambda: sys.getswitchinterval() == usual)


def test_what_cannot_be_loaded_is_over_too(nothing_loaded, plan):
    class Broken(Fused):
        def start(self, *arguments):
            raise MemoryError

    called = threading.Event()
    waiting = begun(plan, Broken())
    waiting.then(called.set)
    assert waiting.wait(60)
    assert called.wait(60)


def test_where_there_are_no_more_threads_nobody_waits_for_ever(nothing_loaded, plan, refuse):
    refuse(lambda name: "preparation" in name)
    assert begun(plan).done


COLD = """
import sys, threading, time
from glassnet import Network, mnist
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.engine.fused import Fused
from glassnet.runs.plans import answer_of
from glassnet.studio.preparation import prepared

network, data, settings = Network.random(), mnist().train, Settings()
start = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
waiting, longest = prepared(Fused(), start, data), 0.0
assert not waiting.done
asked = 0
while not waiting.done and (asked < 20 or "--all" in sys.argv):
    began = time.monotonic()
    answer_of(network, loaded=True)
    network(data.inputs[:1])
    longest, asked = max(longest, time.monotonic() - began), asked + 1
    time.sleep(0.05)
assert asked > 1
if "--all" in sys.argv:
    assert answer_of(network, loaded=True) is not None
print(longest)
"""


def test_the_network_answers_while_its_training_is_really_compiled(tmp_path, monkeypatch, long):
    """With an empty cache. The longer form waits for the end of it; the other one ends the process in the middle."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    arguments = ["--all"] if long else []
    done = subprocess.run([sys.executable, "-c", COLD, *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 2  # seconds: a fiftieth of that on a machine with nothing else to do
    if long:  # two kernels, and one word
        assert done.stderr.splitlines() == ["compiling, once on this machine: this takes some seconds"]
