"""The chain rule: by hand on four neurons, its paths counted by walking them all, its sum against the gradient."""

import itertools
import math
import sys

import numpy as np
import pytest
from generated import network_and_example

from glassnet import Network, WrongValue, backward
from glassnet.activations import sigmoid
from glassnet.arrays import from_numpy
from glassnet.costs import cross_entropy, squared_error
from glassnet.explain.blocks import Bars, Heading, Sentence, Table, number
from glassnet.explain.chain_rule import chain_rule
from glassnet.explain.parameters import Parameter, parameter_at
from glassnet.explain.sensitivity import sensitivity
from glassnet.network import Layer

module = sys.modules[chain_rule.__module__]  # the function has the module's name, and hides it


def test_four_layers_of_one_neuron_by_hand():
    # 1-1-1-1, sigmoid: x = 2; w₁ = ½ ln 3 → z₁ = ln 3, a₁ = 3/4, slope 3/16; w₂ = 4, b₂ = −3 → z₂ = 0, a₂ = 1/2, slope 1/4;
    # w₃ = 2 ln 3 → z₃ = ln 3, a₃ = 3/4, slope 3/16; y = 1: ∂C/∂a₃ = 2 (3/4 − 1) = −1/2.
    # ∂C/∂w₁ = 2 · 3/16 · 4 · 1/4 · 2 ln 3 · 3/16 · (−1/2) = −9/128 ln 3
    log = math.log(3)
    layers = (
        Layer(np.array([[log / 2]]), np.array([0.0])),
        Layer(np.array([[4.0]]), np.array([-3.0])),
        Layer(np.array([[2 * log]]), np.array([0.0])),
    )
    network = Network(layers, (sigmoid,) * 3)
    found = chain_rule(network, [2.0], [1.0], Parameter(1, 0, 0))
    assert found.count == 1
    assert found.derivative == pytest.approx(-9 / 128 * log, abs=1e-15)
    assert [factor.value for factor in found.strongest] == pytest.approx([2, 3 / 16, 4, 1 / 4, 2 * log, 3 / 16, -1 / 2])
    assert [factor.symbol for factor in found.strongest] == [
        "∂z⁽¹⁾₀/∂w⁽¹⁾₀,₀", "∂a⁽¹⁾₀/∂z⁽¹⁾₀", "∂z⁽²⁾₀/∂a⁽¹⁾₀", "∂a⁽²⁾₀/∂z⁽²⁾₀", "∂z⁽³⁾₀/∂a⁽²⁾₀", "∂a⁽³⁾₀/∂z⁽³⁾₀", "∂C/∂a⁽³⁾₀",
    ]  # fmt: skip
    assert [factor.value for factor in found.factors] == pytest.approx([2, 3 / 16, -3 / 16 * log])
    assert [link.symbol for link in found.links] == [
        "w⁽¹⁾₀,₀", "z⁽¹⁾₀", "a⁽¹⁾₀", "z⁽²⁾₀", "a⁽²⁾₀", "z⁽³⁾₀", "a⁽³⁾₀", "C",
    ]  # fmt: skip
    assert [link.before for link in found.links] == pytest.approx([log / 2, log, 3 / 4, 0, 1 / 2, log, 3 / 4, 1 / 16])


@pytest.mark.parametrize(("layer", "count"), [(3, 1), (2, 10), (1, 160)])
def test_of_the_series_network_the_paths_are_1_10_160(layer, count, digits):
    network = Network.random(seed=0, dtype=np.float64)
    found = chain_rule(network, digits.test.inputs[0], 7, Parameter(layer, 3, 5))
    assert found.count == len(found.paths) == count
    assert sum(path.product for path in found.paths) == pytest.approx(found.gradient, abs=1e-12)


def test_paths_are_all_the_ways_multiplied_one_by_one():
    network = Network.random((3, 2, 4, 3), initializer="standard_normal", seed=2, dtype=np.float64)
    x, y = np.array([0.3, 0.9, 0.1]), np.array([0.0, 1.0, 0.0])
    found = chain_rule(network, x, y, Parameter(1, 1, 2))
    forward = network.forward(x[None])
    slope = [(a * (1 - a))[0] for a in forward.activations[1:]]
    expected = {}
    for i, o in itertools.product(range(4), range(3)):
        weights = network.layers[1].weight[i, 1], network.layers[2].weight[o, i]
        outward = 2 * (forward.activations[-1][0, o] - y[o])
        expected[(1, i, o)] = x[2] * slope[0][1] * weights[0] * slope[1][i] * weights[1] * slope[2][o] * outward
    assert {path.neurons for path in found.paths} == set(expected)
    for path in found.paths:
        assert path.product == pytest.approx(expected[path.neurons], abs=1e-15)
    sizes = [abs(path.product) for path in found.paths]
    assert sizes == sorted(sizes, reverse=True)
    assert math.prod(factor.value for factor in found.strongest) == pytest.approx(found.paths[0].product)


def test_every_parameter_of_generated_networks_four_ways(xp):
    for seed in range(40):
        network, image, target, cost = network_and_example(seed, xp)
        like = network.layers[0].bias
        x, y = from_numpy(image[None], like), from_numpy(target[None], like)
        gradient = backward(network, network.forward(x), y, cost).gradient
        rng = np.random.default_rng(seed)
        for place in rng.integers(0, network.count, 6).tolist():
            parameter = parameter_at(network, place)
            found = chain_rule(network, image, target, parameter, cost)
            assert found.gradient == pytest.approx(parameter.of(gradient), abs=1e-10)
            assert found.difference < 1e-10
            assert found.count == math.prod(network.sizes[parameter.layer + 1 :])
            assert sum(path.product for path in found.paths) == pytest.approx(found.gradient, abs=1e-10)
            assert math.prod(factor.value for factor in found.factors) == pytest.approx(found.gradient, abs=1e-10)


def test_its_rank_is_that_of_the_sensitivity():
    network = Network.random((3, 2, 4, 3), initializer="standard_normal", seed=2, dtype=np.float64)
    image = [0.3, 0.9, 0.1]
    for each in sensitivity(network, image, 1).top(network.count):
        assert chain_rule(network, image, 1, each.parameter).rank == each.rank
    assert chain_rule(network, [0.0, 0.0, 0.0], 1, Parameter(1, 0, 2)).rank > 6  # behind an empty pixel: among the last


def test_after_softmax_the_middle_factor_is_two_vectors():
    network = Network.random((4, 3, 3), output="softmax", initializer="standard_normal", dtype=np.float64)
    x, y = np.array([0.2, 0.4, 0.6, 0.8]), np.array([0.0, 0.0, 1.0])
    found = chain_rule(network, x, y, Parameter(2, 1, 0), cross_entropy)
    a = network.forward(x[None]).activations[-1][0]
    softmax_column = [a[m] * ((m == 1) - a[1]) for m in range(3)]  # ∂a_m/∂z₁
    (_, middle) = found.factors
    assert middle.vectors[0] == pytest.approx(softmax_column)
    assert middle.vectors[1] == pytest.approx([0, 0, -1 / a[2]])
    assert middle.value == pytest.approx(a[1])  # = a − y, with y₁ = 0
    assert "softmax" in repr(found)


def test_hidden_softmax_too():
    network = Network.random((3, 4, 2), hidden="softmax", initializer="standard_normal", dtype=np.float64)
    found = chain_rule(network, [0.5, 0.1, 0.9], 1, Parameter(1, 2, 0))
    assert found.count == 2
    assert any(factor.vectors for factor in found.strongest)
    assert found.difference < 1e-14


def test_the_numbers_move_as_predicted_the_better_the_smaller_the_nudge():
    network, image, target, cost = network_and_example(8, hidden=("sigmoid", "tanh"), output="sigmoid")
    assert len(network.layers) > 2
    parameter = Parameter(1, 0, 0)
    errors = []
    for nudge in (0.02, 0.01):
        found = chain_rule(network, image, target, parameter, cost, nudge)
        errors.append([abs(link.after - link.before - link.predicted) for link in found.links])
    large, small = np.array(errors)
    telling = large > 1e-9
    assert telling[-1]
    assert small[telling] / large[telling] == pytest.approx(1 / 4, rel=0.1)
    assert (large[:2] < 1e-15).all()  # w and z move in proportion


def test_of_very_many_paths_the_strongest_are_found_and_all_are_added(monkeypatch):
    network = Network.random((3, 6, 5, 4, 3), initializer="standard_normal", seed=4, dtype=np.float64)
    every = chain_rule(network, [0.5, 0.1, 0.9], 1, Parameter(1, 2, 0))
    assert every.count == len(every.paths) == 60
    monkeypatch.setattr(module, "MOST_PATHS", 59)
    monkeypatch.setattr(module, "_STRONGEST", 7)
    few = chain_rule(network, [0.5, 0.1, 0.9], 1, Parameter(1, 2, 0))
    assert few.paths == every.paths[:7]
    assert few.total == every.total
    assert "The other 50 paths add" in repr(every)
    assert "The other 53 paths add" in repr(few)


def test_it_says_what_to_do(digits):
    network = Network.random(seed=0)
    text = repr(chain_rule(network, digits.test.inputs[0], 7, Parameter(2, 7, 3)))
    assert "10 paths lead from neuron 7 of layer 2 to the cost" in text
    assert "to cost less it should" in text
    still = repr(chain_rule(network, digits.test.inputs[0], 7, Parameter(1, 0, 0)))
    assert "changes nothing" in still  # the corner pixel is empty


def test_what_does_not_exist_is_refused():
    network = Network.random()
    with pytest.raises(WrongValue, match="no layer 4"):
        chain_rule(network, np.zeros(784), 3, Parameter(4, 0))
    with pytest.raises(WrongValue, match="the nudge must be a number other than 0"):
        chain_rule(network, np.zeros(784), 3, Parameter(1, 0), squared_error, 0)


def test_what_it_shows_are_its_numbers():
    network = Network.random((3, 2, 4, 3), initializer="standard_normal", seed=2, dtype=np.float64)
    found = chain_rule(network, [0.3, 0.9, 0.1], 1, Parameter(1, 1, 2))
    blocks = list(found.blocks())
    own, paths, strongest, links = (block for block in blocks if isinstance(block, Table))
    for factors, table in ((found.factors, own), (found.strongest, strongest)):
        assert [row[:2] for row in table.rows] == [(factor.symbol, factor.value) for factor in factors]
    sums = np.cumsum([path.product for path in found.paths])
    for path, total, row in zip(found.paths[:10], sums, paths.rows, strict=False):
        assert row == (" → ".join([*map(str, path.neurons), "C"]), path.product, number(float(total)))
    assert len(paths.rows) == 10
    for link, row in zip(found.links, links.rows, strict=True):
        assert (row[0], row[3], row[4]) == (link.symbol, link.after - link.before, link.predicted)
    (bars,) = (block for block in blocks if isinstance(block, Bars))
    assert bars.values == tuple(path.product for path in found.paths)
    said = [block.text for block in blocks if isinstance(block, Heading | Sentence)]
    assert "12 paths lead from neuron 1 of layer 1 to the cost" in said
    assert "Counted: layers of 4 and 3 neurons follow." in said
    rest = found.total - sums[9]
    assert f"The other 2 paths add {number(rest)}: {number(found.total)} in all." in said
    product = " × ".join(f"({number(f.value)})" if f.value < 0 else number(f.value) for f in found.factors)
    assert f"= {product} = {number(found.derivative)}" in said
    wish = "increase" if found.gradient < 0 else "decrease"
    assert any(
        text.startswith(f"It is now {number(found.value)}, and to cost less it should {wish}. Of all") for text in said
    )
    assert any(f"number {found.rank} by how much" in text for text in said)


def test_of_an_output_there_is_one_path():
    network = Network.random((3, 2, 3), initializer="standard_normal", seed=2, dtype=np.float64)
    found = chain_rule(network, [0.3, 0.9, 0.1], 1, Parameter(2, 1))
    said = [block.text for block in found.blocks() if isinstance(block, Heading | Sentence)]
    assert "1 path leads from neuron 1 of layer 2 to the cost" in said
    assert "Counted: its neuron is an output." in said
    assert found.factors[0].value == 1  # a bias
    assert found.value == found.links[0].before == network.layers[1].bias[1]
    assert found.links[0].after == found.value + 0.01


def test_the_symbols_name_layer_neuron_and_source():
    network = Network.random((784, 16, 16, 10), dtype=np.float64)
    found = chain_rule(network, np.ones(784), 1, Parameter(2, 12, 3))
    assert [factor.symbol for factor in found.factors] == ["∂z⁽²⁾₁₂/∂w⁽²⁾₁₂,₃", "∂a⁽²⁾₁₂/∂z⁽²⁾₁₂", "∂C/∂a⁽²⁾₁₂"]
    output = found.paths[0].neurons[1]
    assert found.strongest[-1].symbol == f"∂C/∂a⁽³⁾{'₀₁₂₃₄₅₆₇₈₉'[output]}"
    assert [link.symbol[0] for link in found.links] == ["w", "z", "a", "z", "a", "C"]
