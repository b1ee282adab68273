"""The parts of the bench that can be tested without a clock: what is asked of everybody, and what is made of the answers."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).parent.parent / "bench"


@pytest.fixture(autouse=True)
def _bench(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)


def test_an_accuracy_is_reached_at_the_first_look_that_saw_it():
    from workloads import first_reached, rising

    looks = [(0.1, 0.5), (0.2, 0.91), (0.3, 0.89), (0.4, 0.91), (0.5, 0.96)]
    assert first_reached(looks, 0.9) == 0.2
    assert first_reached(looks, 0.91) == 0.2
    assert first_reached(looks, 0.92) == 0.5
    assert first_reached(looks, 0.97) is None
    assert rising(looks) == [[0.1, 0.5], [0.2, 0.91], [0.5, 0.96]]
    for goal in (0.4, 0.6, 0.91, 0.95, 0.96, 0.98):
        assert first_reached(rising(looks), goal) == first_reached(looks, goal)


def test_looks_are_close_at_first_and_never_miss_the_end():
    from workloads import looked_at

    seen = [part for part in range(1, 46) if looked_at(part, 45)]
    assert seen == [*range(1, 21), *range(22, 45, 2), 45]


@pytest.mark.parametrize("name", ["quick", "quick98"])
def test_peers_are_given_the_recipe_as_it_is(name, tmp_path):
    # The course against the recipe's own settings and the trainer's own order.
    from glassnet.runs.recipes import RECIPES
    from glassnet.training import order
    from workloads import RACES, Workload, from_recipe, write_course

    assert name in RACES
    recipe, n = RECIPES[name], 1000
    write_course(name, 3, tmp_path / "3.npz", epochs=2, n=n)
    with np.load(tmp_path / "3.npz") as course:
        work = Workload.from_data(json.loads(str(course["work"])))
        assert work == from_recipe(name)
        assert (work.sizes, work.batch, work.optimizer) == (
            recipe.sizes,
            recipe.settings.batch_size,
            recipe.settings.optimizer.name,
        )
        whole = n // work.batch * work.batch
        for epoch, rows in enumerate(course["rows"].reshape(2, whole)):
            np.testing.assert_array_equal(rows, order(n, 3, epoch)[:whole])
        start = recipe.network(3)
        for number, layer in enumerate(start.layers):
            np.testing.assert_array_equal(course[f"weight{number}"], layer.weight)
            np.testing.assert_array_equal(course[f"bias{number}"], layer.bias)
        optimizer, steps = recipe.settings.optimizer, 2 * whole // work.batch
        memory = optimizer.init(start.layers, total=steps)
        expected = [optimizer.rate(replace(memory, step=step)) for step in range(steps)]
        np.testing.assert_allclose(course["rates"], expected, rtol=1e-6)


def test_a_recipe_that_peers_cannot_be_given_is_refused():
    from workloads import from_recipe

    with pytest.raises(ValueError, match="weight decay, clipping, dropout or deformation"):
        from_recipe("modern")


def test_times_are_told_with_their_range_and_how_often():
    import report

    assert report._when([None, None]) == "never"
    assert report._when([0.5]) == "500 ms"
    assert report._when([1.0, 3.0, 2.0]) == "2.00 s (1.00 s – 3.00 s)"
    assert report._when([1.0, None, 2.0]) == "1.50 s (1.00 s – 2.00 s), in 2 of 3"


def _measured():
    looks = [[0.1, 0.9], [0.2, 0.95], [0.3, 0.96], [0.4, 0.971]]
    ours = {
        "label": "glassnet", "name": "glassnet", "status": "measured",
        "first": {"times": [[15.1, 15.2, 15.3, 15.4, None]], "looks": [looks]},
    }  # fmt: skip
    peer = {"label": "JAX, 2 threads", "name": "jax", "status": "measured"}
    for one, factor in ((ours, 1.0), (peer, 3.0)):
        times = [[factor * when for when, _ in looks] + [None]]
        kept = {"times": times, "looks": [looks], "ends": [0.971], "ready": [0.1], "ratios": []}
        one |= {"warm": dict(kept), "cold": dict(kept)}
    peer["warm"]["ratios"] = [[3.0, 3.0, 3.0, 3.0, None]]
    missing = {
        "label": "PyTorch eager, 1 thread",
        "name": "torch-eager",
        "status": "missing",
        "reason": "not installed",
    }
    slower = {"label": "JAX, 1 thread", "name": "jax", "status": "slower", "reason": "slower"}
    recipe = {
        "work": {"sizes": [784, 64, 10], "hidden": "relu", "output": "softmax", "cost": "cross_entropy", "batch": 64},
        "optimizer": "adam(0.01)", "goal": 0.97, "epochs": 3,
        "contestants": {"glassnet": ours, "jax/2": peer, "jax/1": slower, "torch-eager/1": missing},
    }  # fmt: skip
    return {"goals": [0.9, 0.95, 0.96, 0.97, 0.98], "seeds": [0], "recipes": {"quick": recipe}}


def test_the_page_has_a_table_for_cold_and_warm_and_says_who_is_missing():
    import report

    text = "\n".join(report._recipes({"recipes": _measured()}, []))
    assert "| **glassnet** | 100 ms | 200 ms | 300 ms | 400 ms | never | 1 | 97.10% |" in text
    assert "| JAX, 2 threads | 300 ms | 600 ms | 900 ms | 1.20 s | never | 3.00× (3.00 – 3.00) | 97.10% |" in text
    assert "| **glassnet, first run ever** | 15.1 s | 15.2 s | 15.3 s | 15.4 s | never | – | – |" in text
    assert "PyTorch eager, 1 thread: missing (not installed)." in text
    assert "JAX, 1 thread" not in text  # the other number of threads was faster


def test_the_page_can_be_made_of_results_without_recipes():
    import report

    results = report.kept()[0]
    results.pop("recipes", None)
    text = "\n".join(report._page([results], []))
    assert "## Time to accuracy" not in text
    assert "## Cold start" in text


def test_a_part_that_was_measured_later_says_so():
    import report

    measured = _measured() | {"again": {"date": "2030-01-02 03:04 +0000", "load": [0.1, 0.2, 0.3]}}
    text = "\n".join(report._recipes({"recipes": measured}, []))
    assert "*Measured later than the rest of this page, on 2030-01-02 03:04 +0000; load average before: 0.10" in text
    assert report._some_again({"workloads": {}, "recipes": measured})
    assert not report._some_again({"workloads": {}, "recipes": _measured()})


# ── Early and late ───────────────────────────────────────────────────────────────────────────────────────────────────


def _one(label, name, seconds, ratios, **more):
    threads = int(label.split(", ")[1][0]) if ", " in label else None
    found = {
        "label": label,
        "name": name,
        "threads": threads,
        "status": "measured",
        "seconds": seconds,
        "ratios": ratios,
    }
    return {**found, "in_part": False, "way": "", "last_short": True, **more}


def _results(processor="AMD EPYC", date="2030-01-02 03:04 +0000", factor=1.0):
    """Made-up results of P1 and I1, with late epochs: JAX is best late, another peer was best early, one fell short."""
    from workloads import WORKLOADS

    needs = {"examples": 60_000, "operations": 1e9, "bytes": 1e6, "bytes_are": "the examples"}
    p1 = {
        "glassnet": _one(
            "glassnet", "glassnet", [0.04, 0.04], [], early={"seconds": [0.02, 0.02], "ratios": []},
            epochs={"early": 3.0, "late": 50.0},
        ),
        "jax/1": _one(
            "JAX, 1 thread", "jax", [0.16 * factor] * 2, [4.0 * factor] * 2,
            early={"seconds": [0.16, 0.16], "ratios": [8.0, 8.0]}, epochs={"early": 3.0, "late": 50.0},
        ),
        "torch-eager/1": _one(
            "PyTorch eager, 1 thread", "torch-eager", [0.6, 0.6], [15.0, 15.0],
            early={"seconds": [0.5, 0.5], "ratios": [25.0, 25.0]}, epochs={"early": 3.0, "late": 14.5},
        ),
    }  # fmt: skip
    i1 = {
        "glassnet": _one("glassnet", "glassnet", [2e-6], []),
        "onnxruntime/1": _one("onnxruntime, 1 thread", "onnxruntime", [7e-6], [3.5]),
    }
    workloads = {}
    for name, contestants in (("P1", p1), ("I1", i1)):
        work = {**WORKLOADS[name].__dict__, "sizes": list(WORKLOADS[name].sizes)}
        measured = {"work": work, "title": WORKLOADS[name].title, "contestants": contestants}
        workloads[name] = {**measured, "disturbed": 0.0, "needs": dict(needs)}
    return {
        "quick": False, "engine": "fused", "versions": {}, "workloads": workloads, "seconds": 60.0,
        "effort": {"rounds": 2, "turn": 0.4, "slow": 3.0, "early": 3, "late": 50, "limit": 15.0},
        "machine": {
            "processor": processor, "vendor": "amd", "family": "", "vectors": "avx2", "cores": 2, "caches": {},
            "memory": 2**34, "system": "Linux", "python": "3.11", "date": date, "load": [0.0, 0.0, 0.0],
        },
    }  # fmt: skip


def test_a_training_is_judged_by_its_late_epochs_against_todays_target():
    import report

    results = _results()
    text = "\n".join(report._page([results], []))
    # Early it would have been reached: 8 × of 5 ×.
    assert (
        "| 40.0 ms | JAX, 1 thread: 160 ms | 8.00× (8.00 – 8.00) | 4.00× (4.00 – 4.00) | 5× | 6× | **missed** by 20% |"
        in text
    )
    assert "| 2.00 µs | onnxruntime, 1 thread: 7.00 µs | – | 3.50× (3.50 – 3.50) | 3× | 3× | reached |" in text
    assert "Missed: 1 of 2 targets: P1." in text
    assert "| JAX, 1 thread | 160 ms (160 ms – 160 ms) | 160 ms (160 ms – 160 ms) | 375,000 | 8.00×" in text
    results["workloads"]["P1"]["work"]["target"] = 3  # of the day it was measured
    assert "missed" in report._verdict(results["workloads"]["P1"], results).reached


def test_who_came_less_far_is_told_with_the_epoch_it_came_to():
    import report

    results = _results()
    text = "\n".join(report._page([results], []))
    assert "| PyTorch eager, 1 thread | 500 ms (500 ms – 500 ms) | 600 ms (600 ms – 600 ms) |" in text
    assert text.count("late: epoch 14") == 1
    results["workloads"]["P1"]["contestants"].pop("jax/1")  # now it is the best
    assert report._verdict(results["workloads"]["P1"], results).best == "PyTorch eager, 1 thread: 600 ms, in epoch 14"
    table = "\n".join(report.readme_table(results, report.READMES["README.md"]))
    assert "| 600 ms (PyTorch eager, epoch 14) | 15.0 × |" in table


def test_results_without_late_epochs_are_not_judged_by_early_ones():
    import report

    results = _results()
    for one in results["workloads"]["P1"]["contestants"].values():
        one |= one.pop("early")
        del one["epochs"]
    for fact in ("early", "late", "limit"):
        del results["effort"][fact]
    text = "\n".join(report._page([results], []))
    assert (
        "| 20.0 ms | JAX, 1 thread: 160 ms | 8.00× (8.00 – 8.00) | – | 5× | 6× | cannot be said: no late epochs" in text
    )
    assert "Not judged, as no late epochs were timed: P1." in text
    assert "Missed: none of 1 targets." in text
    for name, early in (("README.md", "Epochs are early ones"), ("README.zh.md", "取自最初几轮")):
        assert early in "\n".join(report.readme_table(results, report.READMES[name]))


def test_the_readme_quotes_late_epochs_and_names_the_processor():
    import report

    table = report.readme_table(_results(), report.READMES["README.md"])
    assert "| an epoch of 784-16-16-10, minibatch 10 | 40.0 ms | 160 ms (JAX) | 4.0 × |" in table
    assert table[-1].startswith("AMD EPYC, 2 cores. Epochs are those from epoch 50 on")


def test_kinds_of_processors_stand_side_by_side_and_the_newest_in_detail():
    import report

    older, newer = _results(), _results("Intel Xeon", "2030-01-03 00:00 +0100", factor=2.0)
    everything = report.newest_first([older, newer])
    assert everything == [newer, older]
    text = "\n".join(report._page(everything, []))
    assert "| 5× | 40.0 ms | JAX, 1 thread: 320 ms | 8.00× (8.00 – 8.00) | 8.00× (8.00 – 8.00) | 40.0 ms |" in text
    assert "| JAX, 1 thread: 160 ms | 8.00× (8.00 – 8.00) | 4.00× (4.00 – 4.00) **missed** |" in text
    assert "Missed: none of 2 targets." in text
    assert text.index("- Processor: Intel Xeon") < text.index("## The other machine: AMD EPYC")
    assert "### By processor" not in "\n".join(report._page([older], []))


def test_results_are_kept_by_kind_of_processor():
    import machine
    import report

    assert set(report.KINDS) == {*machine.VENDORS.values(), "arm"}
    assert machine.vendor() == machine.vendor().lower()
    assert all(each["workloads"] for each in report.kept())


# ── Beside other processes ───────────────────────────────────────────────────────────────────────────────────────────


def _busy(ours, single, jax):
    """Seconds of an epoch quiet, beside one, beside two; JAX with one thread is the slower one when it is quiet."""
    from workloads import WORKLOADS

    work = {**WORKLOADS["P4"].__dict__, "sizes": list(WORKLOADS["P4"].sizes)}
    contestants = {
        "glassnet": ("glassnet", "glassnet", ours),
        "glassnet/1": ("glassnet, 1 thread", "glassnet", single),
        "jax/1": ("JAX, 1 thread", "jax", (8.0, 8.0, 8.0)),
        "jax/2": ("JAX, 2 threads", "jax", jax),
    }
    measured = {
        key: {
            "label": label, "name": name, "status": "measured", "needs": None,
            "seconds": {str(count): [each] * 2 for count, each in enumerate(seconds)},
        }
        for key, (label, name, seconds) in contestants.items()
    }  # fmt: skip
    absent = {"label": "PyTorch eager, 1 thread", "name": "torch-eager", "status": "missing", "reason": "not installed"}
    one = {
        "work": work,
        "title": "",
        "contestants": {**measured, "torch-eager/1": absent},
        "needs": {"examples": 60_000},
    }
    return {"workloads": {"P4": one}, "neighbors": [0, 1, 2], "cores": 2}


def test_beside_neighbors_we_are_judged_against_one_thread_and_against_jax():
    import report

    # One thread beside one takes 2.7, ours 3: 0.9. Ours keeps 2/3 and 1/2, JAX 4/5 and 2/5.
    busy = _busy(ours=(2.0, 3.0, 4.0), single=(2.6, 2.7, 5.0), jax=(4.0, 5.0, 10.0))
    verdict = report._busy_verdict(busy["workloads"]["P4"])
    assert verdict == ("0.90: reached", "67% against 80%: **missed** by 17%", "50% against 40%: reached")
    text = "\n".join(report._busy([_results() | {"busy": busy}]))
    assert "| P4 | 0.90: reached | 67% against 80%: **missed** by 17% | 50% against 40%: reached |" in text
    assert "Missed: P4." in text
    assert "| **glassnet** | 30,000 | 20,000 (67%) | 15,000 (50%) |" in text
    assert "PyTorch eager, 1 thread: missing (not installed)." in text
    slower = _busy(ours=(2.0, 3.1, 4.0), single=(2.6, 2.7, 5.0), jax=(4.0, 7.0, 10.0))
    assert report._busy_verdict(slower["workloads"]["P4"])[:2] == (
        "0.87: **missed** by 3%", "65% against 57%: reached",
    )  # fmt: skip


def test_what_was_not_measured_beside_neighbors_is_not_judged():
    import report

    busy = _busy(ours=(2.0, 3.0, 4.0), single=(2.0, 2.7, 5.0), jax=(4.0, 5.0, 10.0))
    for key in ("jax/1", "jax/2", "glassnet/1"):
        busy["workloads"]["P4"]["contestants"][key] = {"label": key, "name": "jax", "status": "failed", "reason": "x"}
    assert report._busy_verdict(busy["workloads"]["P4"]) == ("cannot be said",) * 3
    assert "All were reached" not in "\n".join(report._busy([_results() | {"busy": busy}]))


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell how long others computed")
def test_neighbors_compute_as_long_as_they_are_wanted():
    import time

    from run import neighbors

    def spent(process):
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    with neighbors(2) as processes:
        before = [spent(each) for each in processes]
        ends = time.monotonic() + 30
        while any(spent(each) < start + 3 for each, start in zip(processes, before, strict=True)):
            assert time.monotonic() < ends, "they do not compute"
            time.sleep(0.02)
    assert all(each.poll() is not None for each in processes)


# ── One training, early and late ─────────────────────────────────────────────────────────────────────────────────────


def _contestant(name):
    import contestants

    if name == "glassnet":
        return contestants.Glassnet(1, "fused")
    kind = {"torch-eager": contestants.TorchEager, "jax": contestants.Jax, "scikit-learn": contestants.Sklearn}[name]
    return object.__new__(kind)  # as they are made, they set the number of threads of this whole process


@pytest.mark.parametrize("name", ["glassnet", "torch-eager", "jax", "scikit-learn"])
@pytest.mark.parametrize("work", ["P3", "P5"])
def test_a_kept_state_is_where_the_training_goes_on_from(name, work):
    # Twice the same minibatches from the same state end at the same weights; without the optimizer's averages they would not.
    pytest.importorskip({"torch-eager": "torch", "scikit-learn": "sklearn"}.get(name, name))
    from workloads import WORKLOADS, initial

    work = replace(WORKLOADS[work], sizes=(6, 5, 3), batch=4)
    random = np.random.default_rng(0)
    inputs = random.random((64, 6), dtype=np.float32)
    targets = np.eye(3, dtype=np.float32)[random.integers(0, 3, 64)]
    orders = [random.permutation(64) for _ in range(4)]
    for way, build in _contestant(name).trainers(work, inputs, targets, initial(work)).items():
        trainer = build()

        def go(part, trainer=trainer):
            if name == "scikit-learn":
                trainer.run(trainer.batches)  # its own order, of the random state that was kept
            else:
                trainer.train(orders[part].copy() if name != "torch-eager" else orders[part])
            return [np.array(each) for pair in trainer.weights() for each in pair]

        for part in (0, 1):
            go(part)
        kept = trainer.save()
        first = [go(part) for part in (2, 3)][-1]
        for _ in range(2):
            trainer.load(kept)
            again = [go(part) for part in (2, 3)][-1]
            for one, other in zip(first, again, strict=True):
                np.testing.assert_array_equal(one, other, err_msg=f"{name}, {way}")
        assert any((one != other).any() for one, other in zip(first, go(0), strict=True))


class _Asked:
    """A worker that does what it is told in no time, and remembers it."""

    def __init__(self, seconds):
        self.seconds, self.told = seconds, []

    def processor_seconds(self):
        return 0.0

    def ask(self, do, **more):
        self.told.append((do, more))
        if do == "choose":
            return {"seconds": self.seconds, "way": "", "ways": {}, "failed": {}}
        return self.seconds if do == "time" else more["epochs"]


def test_only_the_best_have_time_for_the_whole_way_to_late_epochs():
    import run
    from workloads import WORKLOADS

    workers = {key: _Asked(each) for key, each in (("glassnet", 0.1), ("jax/1", 1.0), ("jax/2", 1.5), ("torch", 1.6))}
    results = {"contestants": {key: {"label": key} for key in workers}}
    turns = run.Turns(WORKLOADS["P3"], workers, results, replace(run.FULL, rounds=2, limit=10.0))
    turns.choose()
    turns.reach("early", 3)
    turns.rounds("early")
    turns.reach("late", 50)
    turns.rounds("late")
    limits = {key: [more["limit"] for do, more in each.told if do == "reach"] for key, each in workers.items()}
    assert {key: each[1] for key, each in limits.items()} == {
        "glassnet": 10.0,
        "jax/1": 100.0,
        "jax/2": 150.0,
        "torch": 10.0,
    }
    one = results["contestants"]["jax/2"]
    assert one["epochs"] == {"early": 3, "late": 50}
    assert one["early"] == {"seconds": [1.5] * 2, "ratios": [15.0] * 2}
    assert one["seconds"] == [1.5] * 2
    states = [more["state"] for do, more in workers["jax/2"].told if do == "time" and "state" in more]
    assert states == ["early", "early", "late", "late"]
    # An epoch of 0.1 s: a turn of 0.4 s has four of them; the others have one.
    assert [each["turn"] for each in results["contestants"].values()] == [4, 1, 1, 1]


def test_a_turn_begins_at_the_epoch_that_was_kept(monkeypatch):
    import worker
    from workloads import WORKLOADS

    monkeypatch.setattr(worker, "examples", lambda _: _few())
    training = worker.Training(_contestant("glassnet"), replace(WORKLOADS["P3"], sizes=(6, 5, 3), batch=4))
    training.choose()
    assert training.reach(name="early", epochs=2, limit=None, pieces=1) == 2
    early = training.trainer.weights()
    assert training.reach(name="late", epochs=9, limit=None, pieces=1) == 9
    assert training.time(pieces=1, repeats=3, state="early") > 0
    assert training.done == 5 * training.trainer.batches
    training.time(pieces=1, repeats=1, state="late")
    assert training.trainer.epoch == 10
    training.trainer.load(training.kept["early"][1])
    for (weight, bias), (before, bias_before) in zip(training.trainer.weights(), early, strict=True):
        np.testing.assert_array_equal(weight, before)
        np.testing.assert_array_equal(bias, bias_before)
    # Who has no time for it stays where it is.
    training.begin()
    assert training.reach(name="late", epochs=9, limit=0.0, pieces=8) == 0


def _few():
    random = np.random.default_rng(1)
    return random.random((64, 6), dtype=np.float32), np.eye(3, dtype=np.float32)[random.integers(0, 3, 64)]


# ── Late epochs of the recipes ───────────────────────────────────────────────────────────────────────────────────────


def test_subnormal_numbers_are_counted_by_their_bits():
    import late

    tiny = np.finfo(np.float32).tiny  # the smallest that is not subnormal
    some = np.array([0.0, -0.0, tiny, -tiny, 1.0, np.inf, np.nan], np.float32)
    assert late.subnormal([some]) == (0, 7)
    few = np.array([[np.nextafter(tiny, np.float32(0)), -1e-40], [1e-45, 0.0]], np.float32)
    assert late.subnormal([some, few]) == (3, 11)
    assert late.subnormal([]) == (0, 0)


def test_the_state_of_a_training_is_counted_with_its_averages():
    import late
    from glassnet.runs.recipes import recipe

    start = recipe("quick").start(0)
    layers = start.network.layers
    moments = {
        name: tuple(type(each)(each.weight * 1e-40, each.bias) for each in layers) for name in ("mean", "square")
    }
    numbers = sum(each.weight.size + each.bias.size for each in layers)
    weights = sum(int((each.weight * 1e-40 != 0).sum()) for each in layers)
    found = late.counted(replace(start, memory=replace(start.memory, moments=moments)))
    assert found == {"parameters": [0, numbers], "averages": [2 * weights, 2 * numbers]}


def test_only_recipes_with_enough_epochs_have_late_ones():
    import late
    from glassnet.runs.recipes import RECIPES

    without = {name for name, each in RECIPES.items() if not late.has_late(each.settings.epochs)}
    assert without == {"quick", "quick98"}


def test_late_epochs_are_told_before_and_after():
    import report

    def half(late, few):
        return {"early": [0.1, 0.2, 0.3], "late": [late] * 3, "parameters": [few, 1000], "averages": [0, 0]}

    one = {
        "epochs": 30, "early": [2, 6], "late": [26, 30], "date": "2030-01-02", "sizes": [784, 10], "commit": "abc1234",
        "before": half(1.0, 17), "now": half(0.25, 0),
    }  # fmt: skip
    measured = {"intel": {"processor": "Intel Xeon", "cores": 2, "recipes": {"plain": one}}}
    text = "\n".join(report._late_recipes(measured))
    assert (
        "| `plain`, 784-10 | 2 – 6 and 26 – 30 of 30 | 200 ms | 1.00 s | 5.00 | 17 of 1,000; none kept "
        "| 200 ms | 250 ms | 1.25 | 0 of 1,000; none kept | 4.00× |"
    ) in text
    assert "On Intel Xeon, 2 cores, 2030-01-02. *Before* is commit abc1234." in text
    alone = {name: each for name, each in one.items() if name != "before"} | {"commit": None}
    text = "\n".join(report._late_recipes({"amd": {"processor": "AMD EPYC", "cores": 2, "recipes": {"plain": alone}}}))
    assert "| `plain`, 784-10 | 2 – 6 and 26 – 30 of 30 | 200 ms | 250 ms | 1.25 | 0 of 1,000; none kept |" in text
    assert "### " not in text
    assert report._late_recipes({}) == []


# ── The end of a long run in the studio ──────────────────────────────────────────────────────────────────────────────


def test_the_pace_of_a_run_is_that_of_the_frames_between_two_steps(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the module sets these for its own process
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    monkeypatch.setenv("MKL_NUM_THREADS", "1")
    import studio

    # A hundred minibatches a second at first, fifty from minibatch 1,000 on.
    course = [[time / 10, 10 * time] for time in range(101)] + [
        [10 + time / 10, 1000 + 5 * time] for time in range(1, 201)
    ]
    assert studio.pace(course, 200, 900) == pytest.approx(100)
    assert studio.pace(course, 1500, 2000) == pytest.approx(50)


def test_the_studios_page_tells_of_the_end_of_a_long_run(monkeypatch):
    for name in ("OMP", "OPENBLAS", "MKL"):
        monkeypatch.setenv(f"{name}_NUM_THREADS", "1")
    import studio

    results = json.loads(studio.RESULTS.read_text())
    results["long"] = {"epochs": 300, "rates": [[1000.0, 800.0], [1000.0, 950.0], [1200.0, 1080.0]]}
    text = " ".join(studio.report(results).split())
    assert (
        "1,000 examples a second in epochs 5 to 15, 950 in the last 10: 0.90 times as many (aim ≥ 0.9; medians of 3"
        in text
    )
    del results["long"]
    assert "300 epochs at full speed" not in studio.report(results)
