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
    from glassnet.recipes import RECIPES
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

    results = json.loads((BENCH / "results" / "performance.json").read_text())
    results.pop("recipes", None)
    text = "\n".join(report._page(results, []))
    assert "## Time to accuracy" not in text
    assert "## Cold start" in text


def test_a_part_that_was_measured_later_says_so():
    import report

    measured = _measured() | {"again": {"date": "2030-01-02 03:04 +0000", "load": [0.1, 0.2, 0.3]}}
    text = "\n".join(report._recipes({"recipes": measured}, []))
    assert "*Measured later than the rest of this page, on 2030-01-02 03:04 +0000; load average before: 0.10" in text
    assert report._some_again({"workloads": {}, "recipes": measured})
    assert not report._some_again({"workloads": {}, "recipes": _measured()})
