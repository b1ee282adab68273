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
from glassnet.explain.blocks import Picture, Pictures, Sentence, Table
from glassnet.explain.parameters import Parameter, flat, parameter_at
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


def test_what_it_shows_are_its_numbers(digits):
    network = Network.random(seed=1)
    few = digits.train.take(slice(0, 12))
    found = requests(network, few)
    blocks = list(found.blocks())
    asked, disagreements, costliest, hardest = (block for block in blocks if isinstance(block, Table))
    top = np.argsort(-np.abs(found.mean), kind="stable")[:5]
    places = [parameter_at(network, int(place)) for place in top]
    assert asked.columns[1:] == tuple(
        f"b{p.layer}({p.neuron})" if p.source is None else f"w{p.layer}({p.neuron}, {p.source})" for p in places
    )
    assert [row[0] for row in asked.rows] == [*(f"example {i} ({few.labels[i]})" for i in range(8)), "…", "mean: −∇C"]
    for i, row in enumerate(asked.rows[:8]):
        assert list(row[1:]) == found.table[i, top].tolist()
    assert list(asked.rows[-1][1:]) == found.mean[top].tolist()
    for each, row in zip(found.disagreements(8), disagreements.rows, strict=True):
        assert row[:2] == (str(each.parameter), each.mean)
        assert row[3:] == (f"{each.up:.0%}", f"{each.lost / each.size:.0%}")
    for pulls, table in ((found.costliest(8), costliest), (found.hardest(8), hardest)):
        assert [row[0] for row in table.rows] == [f"{each.row} ({few.labels[each.row]})" for each in pulls]
        assert [row[3] for row in table.rows] == [each.agreement for each in pulls]
    (picture,) = (block for block in blocks if isinstance(block, Picture))
    asked_most = np.sort(np.argsort(-np.abs(found.table).mean(axis=0), kind="stable")[:200])
    np.testing.assert_array_equal(picture.values, found.table[:, asked_most])
    galleries = [block.pictures for block in blocks if isinstance(block, Pictures)]
    np.testing.assert_array_equal(galleries[0][0].values.reshape(-1), few.inputs[found.costliest(1)[0].row])
    share = 1 - np.linalg.norm(found.mean) / found.pulls.mean()
    assert any(
        f"{share:.0%} of the pulling cancels out" in block.text for block in blocks if isinstance(block, Sentence)
    )


def test_few_examples_are_all_shown_and_data_without_classes_or_pictures_too(rng):
    network = Network.random((3, 2), dtype=np.float64)
    found = requests(network, Dataset(rng.random((3, 3)), rng.random((3, 2))))
    blocks = list(found.blocks())
    assert [row[0] for row in next(b for b in blocks if isinstance(b, Table)).rows] == [
        "example 0", "example 1", "example 2", "mean: −∇C",
    ]  # fmt: skip
    assert not any(isinstance(block, Pictures) for block in blocks)


def test_an_example_that_costs_nothing_pulls_nowhere():
    network = Network((Layer(np.ones((1, 1)), np.zeros(1)),), (identity,))
    found = requests(network, Dataset(np.array([[1.0]]), np.array([[1.0]])))
    assert found.agreements.tolist() == [0.0]
    assert found.disagreements(1)[0].size == 0
    assert "cancels out" not in "".join(
        block.text for block in found.blocks() if isinstance(block, Sentence) and not block.quiet
    )
