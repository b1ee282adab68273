"""Threads: how many may run at once, and a crew that runs all or nothing, in parent and child, interrupted or not."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from glassnet import WrongValue
from glassnet.machine.threads import Pace, available, check_threads, together

WAIT = 30
"""Seconds after which a thread that should have come is given up."""


def crew():
    return [thread for thread in threading.enumerate() if thread.name.startswith("glassnet")]


def meeting(count):
    """A share whose threads wait for each other, and the list of those that were there."""
    there, gate = [], threading.Barrier(count)

    def share(thread, threads):
        if threads > 1:
            gate.wait(WAIT)  # breaks, and fails the test, if the others never come
        there.append((thread, threads))

    return share, there


# ── How many ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "most"),
    [(None, 6), ("", 6), ("1", 1), ("2", 2), ("1000", 6), ("2,4", 2), ("0", 1), ("many", 6), ("-3", 6), ("1.5", 6)],
)
def test_as_many_as_there_are_processors_or_as_omp_num_threads_allows(monkeypatch, said, most):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(6)), raising=False)
    if said is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert available() == most


def test_where_a_process_cannot_be_asked_for_its_processors_the_machine_is(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    for count, most in ((7, 7), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert available() == most


@pytest.mark.parametrize("wrong", [0, -1, True, 1.0, "2", float("nan")])
def test_a_number_of_threads_is_a_whole_number_from_1(wrong):
    with pytest.raises(WrongValue, match=r"^threads must be a whole number from 1, got "):
        check_threads(wrong)
    for right in (None, 1, 2, 1000):
        check_threads(right)


# ── The crew ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_all_are_there_at_once_and_the_caller_is_the_first(new_crew, count):
    names = {}
    share, there = meeting(count)

    def named(thread, threads):
        share(thread, threads)
        names[thread] = threading.current_thread()

    together(named, count)
    assert sorted(there) == [(thread, count) for thread in range(count)]
    assert names[0] is threading.current_thread()
    assert len(set(names.values())) == count


def test_threads_are_kept_for_next_time(new_crew):
    before, kept = set(crew()), set()
    for count in (3, 2, 3, 1, 3):
        share, there = meeting(count)
        together(share, count)
        assert len(there) == count
        kept |= set(crew()) - before
    assert len(kept) == 2
    # A larger crew takes the smaller one's place.
    share, there = meeting(4)
    together(share, 4)
    assert len(there) == 4
    for thread in kept:
        thread.join(WAIT)
    assert len(set(crew()) - before) == 3


def test_whoever_finds_the_crew_at_work_does_it_alone(new_crew):
    begun, go_on, second = threading.Event(), threading.Event(), []

    def first(thread, threads):
        begun.set()
        assert go_on.wait(WAIT)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(together, first, 2)
        assert begun.wait(WAIT)
        together(lambda thread, threads: second.append((thread, threads, threading.current_thread())), 2)
        go_on.set()
        other.result(WAIT)
    assert second == [(0, 1, threading.current_thread())]
    share, there = meeting(2)
    together(share, 2)  # and it is free again
    assert len(there) == 2


@pytest.mark.parametrize("who", [0, 1])
def test_what_a_share_raises_reaches_the_caller_and_the_crew_goes_on(new_crew, who):
    given_up = []

    def share(thread, threads):
        if thread == who:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        together(share, 2, lambda: given_up.append(True))
    # Only if this thread leaves may the others be waiting for it.
    assert given_up == ([True] if who == 0 else [])
    share, there = meeting(2)
    together(share, 2)
    assert len(there) == 2


def test_whoever_is_interrupted_tells_the_others_not_to_wait(new_crew):
    given_up, waited = threading.Event(), []

    def share(thread, threads):
        if thread == 0:
            raise KeyboardInterrupt
        waited.append(given_up.wait(WAIT))

    with pytest.raises(KeyboardInterrupt):
        together(share, 3, given_up.set)
    assert waited == [True, True]  # and all had ended before it was raised


def test_where_no_crew_can_be_had_one_thread_does_it_all(new_crew, refuse):
    refuse(lambda name: True)
    before, done = set(crew()), []
    for _ in range(3):
        together(lambda thread, threads: done.append((thread, threads)), 2)
    assert done == [(0, 1)] * 3
    assert set(crew()) <= before


def test_threads_are_not_heaped_up_where_only_some_can_be_started(new_crew, refuse):
    # Of two more threads only the first can be had. However often that is tried, it must not leave one behind each time.
    refuse(lambda name: name.startswith("glassnet") and not name.endswith("_0"))
    before, done = set(crew()), []
    for _ in range(10):
        together(lambda thread, threads: done.append((thread, threads)), 3)
    for thread in set(crew()) - before:
        thread.join(WAIT)  # they were told to end
    assert done == [(0, 1)] * 10
    assert set(crew()) <= before


def test_where_python_is_shutting_down_one_thread_does_it_all(new_crew, monkeypatch):
    done = []
    together(lambda thread, threads: None, 2)

    def refused(*arguments):
        raise RuntimeError("cannot schedule new futures after shutdown")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", refused)
    together(lambda thread, threads: done.append((thread, threads)), 2)
    assert done == [(0, 1)]


AFTER_FORK = """
import os, signal, threading
from glassnet.machine.threads import together

def there():
    done, gate = [], threading.Barrier(3)

    def share(thread, threads):
        gate.wait(100)
        done.append((thread, threads))

    together(share, 3)
    return sorted(done)

assert there() == [(0, 3), (1, 3), (2, 3)]
child = os.fork()
if child == 0:
    signal.alarm(100)  # whoever waits for the parent's threads would wait forever
    os._exit(0 if there() == [(0, 3), (1, 3), (2, 3)] else 1)
assert there() == [(0, 3), (1, 3), (2, 3)]
assert os.waitpid(child, 0)[1] == 0
print("both")
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_has_a_crew_of_its_own():
    done = subprocess.run([sys.executable, "-c", AFTER_FORK], capture_output=True, text=True, timeout=300)
    assert (done.stdout, done.returncode) == ("both\n", 0), done.stderr


def test_threads_know_nothing_of_what_they_run():
    # Whoever only wants to know how many threads there are need not load NumPy or Numba for it.
    heavy = "numba", "glassnet.machine.kernels"
    text = f"import sys, glassnet.machine.threads as t; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# ── How many are faster ──────────────────────────────────────────────────────────────────────────────────────────────


def work(pace, pieces, seconds_of):
    """Do so many pieces at the pace; how long it all took, and each stretch: threads, pieces."""
    total, stretches = 0.0, []
    while pieces:
        stretch = pace.next(pieces)
        assert 1 <= stretch.pieces <= pieces
        took, did = 0.0, 0
        while did < stretch.pieces and (stretch.limit is None or took <= stretch.limit):
            took, did = took + seconds_of(stretch.threads), did + 1
        pace.note(stretch.threads, did, took)
        stretches.append((stretch.threads, did))
        total, pieces = total + took, pieces - did
    return total, stretches


def share_of(stretches, threads):
    return sum(pieces for each, pieces in stretches if each == threads) / sum(pieces for _, pieces in stretches)


@pytest.mark.parametrize(("one", "two"), [(2e-5, 1.2e-5), (2e-5, 6e-5), (1e-2, 5.5e-3), (1e-5, 4e-3)])
def test_nearly_all_is_done_by_the_number_of_threads_that_is_faster(one, two):
    pace = Pace(2)
    total, stretches = work(pace, 100_000, {1: one, 2: two}.__getitem__)
    best = 1 if one < two else 2
    assert share_of(stretches[2:], best) > 0.9
    assert total < 1.05 * 100_000 * min(one, two)
    assert {threads for threads, _ in stretches} == {1, 2}  # the other one is tried


def test_when_another_program_begins_and_ends_the_pace_is_found_again_within_a_few_stretches():
    pace, quiet, beside = Pace(2), {1: 2e-5, 2: 1.2e-5}, {1: 2e-5, 2: 9e-5}
    work(pace, 100_000, quiet.__getitem__)
    _, begun = work(pace, 20_000, beside.__getitem__)
    assert [threads for threads, _ in begun[:5]].count(2) <= 2
    _, later = work(pace, 200_000, quiet.__getitem__)
    first = next(number for number, (threads, _) in enumerate(later) if threads == 2)
    assert first <= 33  # the next trial
    assert share_of(later[first:], 2) > 0.9  # which is believed at once


def test_one_lost_time_slice_does_not_decide_for_long():
    pace, calls = Pace(2), iter(range(10**6))
    _, stretches = work(
        pace, 200_000, lambda threads: {1: 2e-5, 2: 1.2e-5}[threads] * (3 if next(calls) % 20 == 7 else 1)
    )
    assert share_of(stretches, 2) > 0.8


def test_trials_are_short():
    _, stretches = work(Pace(2), 100_000, {1: 2e-5, 2: 1.2e-5}.__getitem__)
    trials = [pieces for threads, pieces in stretches if threads == 1]
    assert max(trials[1:]) * 2e-5 <= 0.0041  # of the first, nobody knows how long it will take
    usual = [pieces for threads, pieces in stretches[6:-1] if threads == 2]
    assert len(usual) > 50
    assert usual == [pytest.approx(0.016 / 1.2e-5, rel=0.01)] * len(usual)


@pytest.mark.parametrize("luck", [5e-4, 1e-3, 2e-3])
def test_luck_in_a_trial_costs_little(luck):
    # Beside two other programs, each thread has a processor half of the time. Alone, one thread loses half of its speed.
    # Two that wait for each other go on only while both have one: by luck for a moment, and then for milliseconds not at all.
    rng, alone, both = np.random.default_rng(0), 1.5e-4, 6e-5
    total, _ = work(
        Pace(2), 100_000, lambda threads: alone if threads == 1 else both + 6 * luck * (rng.random() < both / luck)
    )
    always_both = (both + 6 * luck * both / luck) * 100_000
    assert always_both > 2 * 100_000 * alone
    assert total < 1.1 * 100_000 * alone


def test_threads_that_begin_slowly_are_judged_by_what_comes_after():
    # The second processor's caches are empty at first.
    pace, done = Pace(2), {1: 0, 2: 0}

    def seconds_of(threads):
        done[threads] += 1
        return 6e-5 if threads == 1 else 1.2e-4 if done[2] < 9 else 4.5e-5

    _, stretches = work(pace, 5000, seconds_of)
    assert share_of(stretches, 2) > 0.9


def test_work_in_small_portions_is_judged_all_the_same():
    pace = Pace(2)
    for _ in range(2000):  # as the studio asks for it: a few minibatches at a time
        stretch = pace.next(3)
        pace.note(stretch.threads, stretch.pieces, stretch.pieces * {1: 2e-5, 2: 5e-5}[stretch.threads])
    assert set(pace.seconds) == {1, 2}
    assert pace.next(3).threads == 1


def test_several_threads_leave_off_and_one_does_not():
    pace = Pace(4)
    assert pace.next(100).limit == pytest.approx(1.5 * 0.004)
    for threads in (4, 4, 1, 1):
        pace.note(threads, 10, {4: 0.01, 1: 0.02}[threads])
    assert (pace.next(100).threads, pace.next(100).limit) == (4, pytest.approx(1.5 * 0.016))
    pace.note(4, 10, 0.9)
    pace.note(4, 10, 0.9)
    assert (pace.next(100).threads, pace.next(100).limit) == (1, None)


def test_a_piece_that_takes_long_is_a_stretch():
    _, stretches = work(Pace(2), 10, {1: 0.5, 2: 0.3}.__getitem__)
    assert {pieces for _, pieces in stretches} == {1}


@pytest.mark.parametrize(("pace", "threads"), [(Pace(1), 1), (Pace(4, fixed=True), 4)])
def test_where_there_is_nothing_to_find_everything_is_one_stretch(pace, threads):
    assert work(pace, 1000, lambda _: 1.0)[1] == [(threads, 1000)]


def test_a_trial_says_nothing_of_the_number_that_is_faster():
    pace = Pace(2)
    for threads, seconds in ((2, 1.0), (1, 2.0), (2, 1.0), (1, 1.5)):  # at last a trial
        pace.note(threads, 1, seconds)  # to warm up
        pace.note(threads, 1, seconds)
    pace.note(2, 1, 9.0)  # one lost time slice: the stretch before the trial is still remembered
    assert pace.seconds == {1: 1.5, 2: 1.0}


def test_it_is_said_how_many_threads_did_the_work(new_crew):
    assert together(lambda thread, threads: None, 2) == 2
    found = []
    together(lambda thread, threads: found.append(together(lambda *_: None, 2)) if thread == 0 else None, 2)
    assert found == [1]  # the crew was taken
