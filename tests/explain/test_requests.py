"""Each row is one example's own −∇C, the mean of all is the step, and the examples that disagree are found."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from generated import many, network_and_example

from glassnet import Dataset, Network, WrongValue, backward
from glassnet.activations import identity
from glassnet.arrays import to_numpy
from glassnet.costs import squared_error
from glassnet.explain.parameters import Parameter, flat
from glassnet.explain.requests import requests
from glassnet.network import Layer

module = sys.modules[requests.__module__]  # the function has the module's name, and hides it


def test_each_row_is_one_examples_gradient_and_the_mean_is_the_step(xp):
    for seed in range(30):
        network, _, _, cost = network_and_example(seed, xp)
        data, weights = many(seed, network)
        forward = network.forward(data.inputs)
        for weighted in (data, replace(data, weights=weights)):
            found = requests(network, weighted, cost)
            for row in range(len(data)):
                alone = data.take(slice(row, row + 1))
                back = backward(network, network.forward(alone.inputs), alone.targets, cost)
                np.testing.assert_allclose(to_numpy(found.table[row, :]), -to_numpy(flat(back.gradient)), atol=1e-12)
            counted = None if weighted.weights is None else weights / xp.sum(weights) * len(data)
            step = flat(backward(network, forward, data.targets, cost, counted).gradient)
            np.testing.assert_allclose(to_numpy(found.mean), -to_numpy(step), atol=1e-12)
            assert found.difference < 1e-12


def test_by_hand():
    # z = w x + b = a, C = (a − y)², w = 1, b = 0. Examples (x, y): (1, 0), (1, 3), (2, 2).
    #   −∂C/∂w = −2 (a − y) x: −2, 4, 0;  −∂C/∂b: −2, 4, 0.   costs 1, 4, 0.  pulls 2√2, 4√2, 0
    network = Network((Layer(np.ones((1, 1)), np.zeros(1)),), (identity,))
    data = Dataset(np.array([[1.0], [1.0], [2.0]]), np.array([[0.0], [3.0], [2.0]]))
    found = requests(network, data)
    assert found.table.tolist() == [[-2, -2], [4, 4], [0, 0]]
    assert found.mean == pytest.approx([2 / 3, 2 / 3])
    assert found.costs.tolist() == [1, 4, 0]
    assert found.pulls == pytest.approx([2 * 2**0.5, 4 * 2**0.5, 0])
    assert found.agreements == pytest.approx([-1, 1, 0])
    (first, _) = found.disagreements()
    assert first.parameter == Parameter(1, 0, 0)
    assert first.size == pytest.approx(2)  # (2 + 4 + 0) / 3
    assert first.lost == pytest.approx(2 - 2 / 3)
    assert first.up == pytest.approx(1 / 3)
    assert [each.row for each in found.costliest()] == [1, 0, 2]
    assert [each.row for each in found.hardest(1)] == [1]
    assert found.of(Parameter(1, 0)).tolist() == [-2, 4, 0]


def test_disagreements_are_those_of_all_columns(digits):
    network = Network.random(seed=1)
    found = requests(network, digits.train.take(slice(0, 30)))
    table = found.table
    lost = np.abs(table).mean(axis=0) - np.abs(table.mean(axis=0))
    top = found.disagreements(5)
    assert [each.lost for each in top] == pytest.approx(np.sort(lost)[::-1][:5].tolist())
    assert [each.lost for each in top] == pytest.approx([lost[each.parameter.index(network)] for each in top])


def test_it_shows_examples_by_class_and_keeps_the_large_table_from_json(digits):
    found = requests(Network.random(), digits.train.take(slice(0, 20)))
    text = repr(found)
    assert "What 20 examples ask of 13,002 parameters" in text
    assert "example 0 (5)" in text  # the first training digit
    assert "mean: −∇C" in text
    assert "table" not in found.to_data()
    assert len(found.to_data()["mean"]) == 13_002


def test_too_many_are_refused_with_how_many_would_do(digits, monkeypatch):
    monkeypatch.setattr(module, "MAX_REQUESTS", 13_002 * 7)
    network = Network.random()
    assert len(requests(network, digits.train.take(slice(0, 7))).costs) == 7
    with pytest.raises(WrongValue, match="give at most 7"):
        requests(network, digits.train.take(slice(0, 8)))
    with pytest.raises(WrongValue, match="takes 4"):
        requests(Network.random((4, 2)), digits.train.take(slice(0, 8)), squared_error)
