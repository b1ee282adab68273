"""PyTorch's gradient beside ours: they agree where ours is right, and only there."""

import sys
from dataclasses import dataclass

import numpy as np
import pytest

from fitting import FITTING
from glassnet import Dataset, Network, WrongValue, backward
from glassnet.activations import ACTIVATIONS, ELU, LeakyReLU, Sigmoid, Softmax, sigmoid, softmax
from glassnet.costs import (
    COSTS,
    Huber,
    SquaredError,
    cross_entropy,
)
from glassnet.explain.autograd import Autograd, autograd
from glassnet.explain.blocks import Heading, Sentence, Table
from glassnet.explain.examples import cost_and_gradient
from glassnet.network import Layer

pytestmark = pytest.mark.torch


def random_network(sizes=(4, 5, 3), hidden="sigmoid", output="sigmoid", seed=0, **how):
    how = {"dtype": np.float64, "initializer": "standard_normal", **how}
    return Network.random(sizes, hidden=hidden, output=output, seed=seed, **how)


def layer_arrays(each):
    return (each.weight, each.torch_weight), (each.bias, each.torch_bias), (each.delta, each.torch_delta)


@pytest.mark.parametrize(("cost", "output"), FITTING)
def test_they_agree_for_every_activation_before_every_fitting_cost(cost, output, rng):
    for seed, hidden in enumerate(ACTIVATIONS):
        # glorot's weights are small: where softmax is sure, 1 − a has lost its digits, and so have both gradients.
        network = random_network(hidden=hidden, output=output, seed=seed, initializer="glorot")
        x, y = rng.standard_normal((6, 4)), rng.dirichlet(np.ones(3), 6)
        found = autograd(network, x, y, cost)
        assert found.agrees
        assert found.difference <= 1e-10
        assert found.ours == pytest.approx(found.torch, abs=1e-12)
        if output != "step":
            assert found.layers[-1].torch_largest > 1e-6  # what agrees is not nothing


def test_they_agree_on_60_random_networks():
    for seed in range(60):
        rng = np.random.default_rng(seed)
        cost, output = FITTING[seed % len(FITTING)]
        sizes = tuple(int(s) for s in rng.integers(1, 9, rng.integers(2, 6)))
        hidden = [str(rng.choice(list(ACTIVATIONS))) for _ in sizes[1:-1]]
        network = random_network(sizes, hidden, output, seed)
        n = int(rng.integers(1, 8))
        data = Dataset(rng.standard_normal((n, sizes[0])), rng.random((n, sizes[-1])), rng.random(n) + 0.1)
        assert autograd(network, data, cost=cost).agrees


def test_settings_of_activations_and_costs_reach_pytorch(rng):
    network = random_network((4, 5, 5, 3), [LeakyReLU(alpha=0.3), ELU(alpha=2.0)], "identity")
    found = autograd(network, rng.standard_normal((6, 4)), 4 * rng.random((6, 3)), Huber(delta=0.5))
    assert found.difference <= 1e-10


def test_the_numbers_are_those_of_backprop_and_of_the_cost(rng):
    network = random_network(output="softmax")
    data = Dataset(rng.standard_normal((6, 4)), rng.dirichlet(np.ones(3), 6), rng.random(6))
    found = autograd(network, data, cost=cross_entropy)
    cost, gradient = cost_and_gradient(network, data, cross_entropy)
    assert found.ours == pytest.approx(cost, abs=1e-14)
    assert found.examples == 6
    back = backward(network, network.forward(data.inputs), data.targets, cross_entropy)
    for each, layer, delta in zip(found.layers, gradient, back.deltas, strict=True):
        np.testing.assert_allclose(each.weight, layer.weight, atol=1e-15)
        np.testing.assert_allclose(each.bias, layer.bias, atol=1e-15)
        np.testing.assert_allclose(each.torch_delta, delta, atol=1e-14)  # of each example's own cost: no weight, no 1/n
        assert each.largest == max(np.abs(layer.weight).max(), np.abs(layer.bias).max())
        assert each.difference == max(np.abs(a - b).max() for a, b in layer_arrays(each)[:2])
        assert each.delta_difference == np.abs(each.delta - each.torch_delta).max()
    assert found.difference == max(max(each.difference, each.delta_difference) for each in found.layers)


def test_the_ten_largest_are_the_ten_largest(rng):
    network = random_network()
    found = autograd(network, rng.standard_normal(4), 2)
    everything = [
        abs(float(number)) for each in found.layers for part in (each.weight, each.bias) for number in part.reshape(-1)
    ]
    assert [abs(each.ours) for each in found.top] == sorted(everything, reverse=True)[:10]
    for each in found.top:
        layer = found.layers[each.parameter.layer - 1]
        row, column = each.parameter.neuron, each.parameter.source
        assert each.ours == float(layer.bias[row] if column is None else layer.weight[row, column])
        assert each.torch == float(layer.torch_bias[row] if column is None else layer.torch_weight[row, column])


def test_one_example_is_an_image_and_a_class_or_outputs(rng):
    network = random_network((16, 5, 3))
    image = rng.random((4, 4))
    by_class = autograd(network, image, 1)
    by_outputs = autograd(network, image.reshape(1, 16), np.array([0.0, 1.0, 0.0]))
    as_row = autograd(network, Dataset(image.reshape(1, 16), np.array([[0.0, 1.0, 0.0]])))
    assert by_class.ours == by_outputs.ours == as_row.ours
    assert by_class.examples == as_row.examples == 1


class Half(Sigmoid):
    """σ(z) with a derivative that is off by one part in 100,000."""

    def pullback(self, z, a, upstream):
        return upstream * a * (1.0 - a) * (1 + 1e-5)


def test_a_wrong_derivative_of_an_activation_is_caught(rng):
    x, y = rng.standard_normal((6, 4)), rng.random((6, 3))
    layers = random_network().layers
    right = autograd(Network(layers, (sigmoid, sigmoid)), x, y)
    wrong = autograd(Network(layers, (Half(), sigmoid)), x, y)
    assert right.agrees
    assert not wrong.agrees
    assert wrong.layers[0].difference > 1e-10  # the layer behind the wrong derivative
    assert wrong.layers[1].difference <= 1e-14  # and not the other


def test_a_wrong_slope_of_a_cost_is_caught(rng):
    @dataclass(frozen=True, slots=True)
    class HalfSlope(SquaredError):
        """Σ (a − y)² with the slope of ½ Σ (a − y)²: the factor of two."""

        def slope(self, a, y):
            return a - y

    x, y = rng.standard_normal((6, 4)), rng.random((6, 3))
    found = autograd(random_network(), x, y, HalfSlope())
    assert not found.agrees
    assert found.layers[0].torch_largest == pytest.approx(2 * found.layers[0].largest)


@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name != "step"])
def test_your_own_activation_is_differentiated_by_pytorch(name, rng):
    class Doubled(ACTIVATIONS[name]):
        """2 f(z): a kind of glassnet's own, but not PyTorch's."""

        def value(self, z):
            return 2 * super().value(z)

        def pullback(self, z, a, upstream):
            return 2 * super().pullback(z, a / 2, upstream)

    x, y = rng.standard_normal((6, 4)), rng.random((6, 3))
    network = Network(random_network((4, 5, 5, 3)).layers, (Doubled(), sigmoid, Doubled()))
    found = autograd(network, x, y)
    assert found.agrees
    assert found.ours == pytest.approx(found.torch, abs=1e-12)
    assert found.layers[0].torch_largest > 1e-6


@pytest.mark.parametrize("cost", COSTS)
def test_your_own_cost_is_differentiated_by_pytorch(cost, rng):
    class Doubled(COSTS[cost]):
        """Twice the cost."""

        natural = None

        def value(self, a, y):
            return 2 * super().value(a, y)

        def slope(self, a, y):
            return 2 * super().slope(a, y)

    x, y = rng.standard_normal((6, 4)), rng.dirichlet(np.ones(3), 6)
    network = random_network(output="softmax", initializer="glorot")
    mine, known = autograd(network, x, y, Doubled()), autograd(network, x, y, cost)
    assert mine.agrees
    assert mine.torch == pytest.approx(2 * known.torch, abs=1e-12)


def test_a_softmax_of_your_own_is_no_partner_of_cross_entropy(rng):
    class Sharper(Softmax):
        """softmax(2 z)."""

        def value(self, z):
            return super().value(2 * z)

        def pullback(self, z, a, upstream):
            return 2 * super().pullback(2 * z, a, upstream)

    x, y = rng.standard_normal((6, 4)), rng.dirichlet(np.ones(3), 6)
    first, last = random_network(initializer="glorot").layers
    mine = autograd(Network((first, last), (sigmoid, Sharper())), x, y, cross_entropy)
    known = autograd(Network((first, Layer(2 * last.weight, 2 * last.bias)), (sigmoid, softmax)), x, y, cross_entropy)
    assert mine.agrees
    assert mine.torch == pytest.approx(known.torch, abs=1e-12)


def test_a_wrong_error_that_no_weight_counts_is_caught(rng):
    class WrongAbove(Sigmoid):
        """σ(z) with a wrong derivative above 5."""

        def pullback(self, z, a, upstream):
            return super().pullback(z, a, upstream) * (1 + 1e-3 * (z > 5))

    first = Layer(np.ones((5, 4)), np.zeros(5))
    network = Network((first, random_network().layers[1]), (WrongAbove(), sigmoid))
    x = np.stack([rng.random(4), np.full(4, 1.5)])
    found = autograd(network, Dataset(x, rng.random((2, 3)), np.array([1.0, 0.0])))
    assert found.layers[0].difference <= 1e-14  # the example that goes wrong does not count
    assert found.layers[0].delta_difference > 1e-10
    assert not found.agrees


def test_large_numbers_are_allowed_the_rounding_that_comes_with_them(rng):
    network = random_network(output="identity")
    x, y = rng.standard_normal((6, 4)), 1e9 * rng.standard_normal((6, 3))
    found = autograd(network, x, y)
    assert found.layers[0].largest > 1e6
    assert found.agrees


def test_every_array_library_and_precision(xp, rng):
    x, y = rng.random((3, 4)), rng.random((3, 3))
    expected = autograd(random_network(), x, y)
    network = random_network(xp=xp, dtype=xp.float64)
    found = autograd(network, Dataset(xp.asarray(x), xp.asarray(y)))
    assert found.agrees
    assert found.ours == pytest.approx(expected.ours, abs=1e-15)
    for each in found.layers:
        assert all(type(a) is type(b) is type(network.layers[0].bias) for a, b in layer_arrays(each))
    assert autograd(random_network(xp=xp, dtype=xp.float32), xp.asarray(x), xp.asarray(y)).agrees


def test_what_it_shows(rng):
    found = autograd(random_network(), rng.random((5, 4)), rng.random((5, 3)))
    assert isinstance(found, Autograd)
    blocks = list(found.blocks())
    assert isinstance(blocks[0], Heading)
    facts, layers, top = (block for block in blocks if isinstance(block, Table))
    assert dict(facts.rows)["examples"] == "5"
    assert [each.layer for each in found.layers] == [1, 2]
    for each, row in zip(found.layers, layers.rows, strict=True):
        assert row[0] == str(each.layer)
        assert [float(cell.replace("−", "-")) for cell in row[1:3]] == pytest.approx([each.largest] * 2, rel=1e-11)
    assert [row[0] for row in top.rows] == [str(each.parameter) for each in found.top]
    ours = [float(row[1].replace("−", "-")) for row in top.rows]
    assert ours == pytest.approx([each.ours for each in found.top], rel=1e-11)
    assert len(top.rows) == 10
    assert "They agree" in blocks[-1].text
    assert isinstance(blocks[-1], Sentence)
    wrong = autograd(Network(random_network().layers, (Half(), sigmoid)), rng.random((5, 4)), rng.random((5, 3)))
    assert "They do not agree" in list(wrong.blocks())[-1].text
    data = found.to_data()
    assert data["agrees"] is True
    assert data["torch_version"] == sys.modules["torch"].__version__
    assert data["layers"][1]["weight"] == found.layers[1].weight.tolist()


def test_the_network_is_left_as_it_was(rng):
    import torch

    network = random_network(xp=torch, dtype=torch.float64)
    autograd(network, rng.random(4), 1)
    assert all(layer.weight.grad is None and not layer.weight.requires_grad for layer in network.layers)


def test_without_pytorch_it_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(WrongValue, match=r"PyTorch is not installed: pip install 'glassnet\[torch\]'"):
        autograd(random_network(), np.zeros(4), 1)


@pytest.mark.parametrize(
    ("image", "target", "cost", "says"),
    [
        (np.zeros(4), None, "squared_error", "needs its target"),
        (Dataset(np.zeros((2, 4)), np.zeros((2, 3))), 1, "squared_error", "has its own targets"),
        (np.zeros(5), 1, "squared_error", "takes 4 numbers"),
        (np.zeros((2, 4)), np.zeros((3, 3)), "squared_error", "2 examples need as many rows"),
        (np.zeros((2, 4)), 1, "squared_error", "2 examples need as many rows"),
        ([[1.0, 2.0], [3.0]], 1, "squared_error", "an image must be numbers"),
        (np.zeros((2, 4)), np.zeros((2, 5)), "squared_error", "2 examples need as many rows of 3"),
        (np.zeros(4), 1, "cross_entropy", "softmax"),
        (np.zeros(4), 1, "no_such_cost", "unknown cost"),
    ],
)
def test_what_does_not_fit_is_said(image, target, cost, says):
    with pytest.raises(WrongValue, match=says):
        autograd(random_network(), image, target, cost)
