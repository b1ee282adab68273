"""Charts: bounded, spread over the whole run, rebuilt from what was recorded."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.studio.charts import LIMIT, Averages, Charts, Points, steps_at


def test_steps_are_counted_in_minibatches_of_todays_size():
    assert steps_at(np.array([0, 10, 45, 50, 95, 100]), 50, 10).tolist() == [0, 1, 5, 5, 10, 10]
    assert steps_at(np.array([20, 45, 50, 70]), 50, 20).tolist() == [1, 3, 3, 4]  # the last of an epoch is short


@given(st.lists(st.integers(1, 300), min_size=1, max_size=40), st.integers(1, 9))
def test_averages_are_bounded_and_keep_the_whole_sum(counts, size):
    series = Averages(16)
    rng = np.random.default_rng(0)
    at, values = 0, []
    for count in counts:
        places = at + size * np.arange(1, count + 1.0)
        new = rng.random(count)
        series.add(places, new, np.full(count, float(size)))
        at, values = places[-1], [*values, *new]
        found_places, found = series.values()
        assert len(found) <= 16
        assert (np.diff(found_places) > 0).all()
    assert series._bins[3].sum() == pytest.approx(size * sum(values))
    assert found.mean() == pytest.approx(np.mean(values), abs=0.5)


def test_few_values_are_kept_as_they_are():
    series = Averages()
    series.add(np.arange(10, 101, 10.0), np.arange(10.0), np.full(10, 10.0))
    places, values = series.values()
    assert places.tolist() == list(range(10, 101, 10))
    assert values.tolist() == list(range(10))
    series.cut(50)
    assert series.values()[0].tolist() == [10, 20, 30, 40, 50]


def test_points_that_are_too_many_are_thinned_evenly():
    points = Points(1, 20)
    for place in range(1000):
        points.add(place, place / 2)
    places, values = points.values()
    assert len(places) == 20
    assert (places[0], places[-1]) == (0, 999)
    assert (values == places / 2).all()
    assert np.diff(places).max() <= 4 * 1000 / 20
    points.add(999, 7.0)
    assert points.values()[1, -1] == 7.0


def test_the_two_judgements_of_an_epochs_end_are_one_point():
    charts = Charts(100)
    charts.judge(100, None, (0.5, 0.9))
    charts.judge(100, (0.4, 0.95), (0.5, 0.9))
    charts.judge(150, (0.3, None), None)
    charts.judge(160, None, None)  # nothing was said
    _, arrays = charts.arrays(10)
    assert arrays["judged_steps"].tolist() == [10, 15]
    assert arrays["train_cost"].tolist() == [0.4, 0.3]
    assert arrays["validation_cost"][0] == 0.5
    assert np.isnan(arrays["validation_cost"][1])
    assert np.isnan(arrays["train_accuracy"][1])


def test_another_size_of_minibatch_moves_all_points_alike():
    charts = Charts(100)
    charts.learn(np.array([50.0, 100.0]), np.array([2.0, 1.0]), np.array([50.0, 50.0]))
    charts.change(100)
    assert charts.arrays(50)[1]["cost_steps"].tolist() == [1, 2]
    assert charts.arrays(10)[1]["cost_steps"].tolist() == [5, 10]
    assert charts.arrays(10)[1]["change_steps"].tolist() == [10]


def test_charts_are_rebuilt_from_the_record():
    one, other = {"cost": 1}, {"cost": 2}
    events = [
        {"event": "started", "at": [0, 0], "settings": one},
        {"event": "judged", "at": [0, 0], "train": {"cost": 3.0, "accuracy": 0.1}, "validation": None},
        {"event": "stepped", "at": [0, 20], "cost": 2.5},
        {"event": "stepped", "at": [0, 100], "cost": 2.0},
        {"event": "epoch", "at": [1, 0], "cost": 2.1, "validation_cost": 1.9, "validation_accuracy": 0.5},
        {"event": "started", "at": [1, 0], "settings": other},
        {"event": "started", "at": [1, 0], "settings": other},
        {"event": "finished", "at": [1, 0]},
    ]
    charts = Charts.of(events, 100)
    _, arrays = charts.arrays(20)
    assert arrays["cost_steps"].tolist() == [1, 5]
    assert arrays["cost"].tolist() == [2.5, 2.0]
    assert arrays["judged_steps"].tolist() == [0, 5]
    assert arrays["change_steps"].tolist() == [5]
    charts.cut(50)
    assert charts.arrays(20)[1]["cost_steps"].tolist() == [1]


def test_a_long_run_stays_within_its_bounds():
    charts = Charts(5000)
    for k in range(300):
        places = 500.0 * k + 10 * np.arange(1, 51)
        charts.learn(places, np.ones(50), np.full(50, 10.0))
        for half in (0, 250):
            charts.judge(500 * k + half, (1.0, 0.5), None)
            charts.change(500 * k + half)
    version, arrays = charts.arrays(10)
    assert version == 300 * 5
    assert all(len(series) <= LIMIT for series in arrays.values())
    assert arrays["cost_steps"][-1] > 14_900


def test_charts_up_to_a_place_are_their_own():
    charts = Charts(100)
    charts.learn(np.arange(10.0, 110, 10), np.arange(10.0), np.full(10, 10.0))
    charts.judge(50, (0.5, 0.6), None)
    charts.judge(100, (0.4, 0.7), None)
    charts.change(60)
    part = charts.until(50)
    series = part.arrays(10)[1]
    assert series["cost_steps"].tolist() == [1, 2, 3, 4, 5]
    assert series["cost"].tolist() == [0, 1, 2, 3, 4]
    assert series["train_accuracy"].tolist() == [0.6]
    assert series["change_steps"].size == 0
    part.learn(np.array([60.0]), np.array([7.0]), np.array([10.0]))
    assert len(charts.arrays(10)[1]["cost"]) == 10
