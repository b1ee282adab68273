"""What explainers are given is checked, made precise, and computed in parts without a difference."""

from dataclasses import replace

import numpy as np
import pytest
from generated import many, network_and_example

from glassnet import Dataset, Network, WrongValue, backward, evaluate
from glassnet.arrays import from_numpy, to_numpy
from glassnet.costs import squared_error
from glassnet.explain import examples
from glassnet.explain.examples import (
    as_data,
    as_example,
    backward_in_parts,
    cost_and_gradient,
    costs_of,
    nudged,
    precise,
)
from glassnet.explain.parameters import flat


def test_an_image_may_have_any_shape_and_come_from_anywhere(xp):
    network = Network.random((16, 4, 3), xp=xp, dtype=xp.float64)
    pixels = np.linspace(0, 1, 16, dtype=np.float32)
    for image in (
        pixels,
        pixels.reshape(4, 4),
        pixels[None],
        pixels.tolist(),
        from_numpy(pixels, network.layers[0].bias),
    ):
        x, y = as_example(network, image, 2)
        assert type(x) is type(network.layers[0].bias)
        assert x.dtype == xp.float64
        np.testing.assert_array_equal(to_numpy(x), pixels[None].astype(np.float64))
        assert to_numpy(y).tolist() == [[0, 0, 1]]
    assert to_numpy(as_example(network, pixels, [0.1, 0.2, 0.7])[1]).tolist() == [[0.1, 0.2, 0.7]]


def test_a_single_output_is_asked_for_0_or_1():
    network = Network.random((4, 1), dtype=np.float64)
    assert as_example(network, np.zeros(4), 1)[1].tolist() == [[1.0]]
    assert as_example(network, np.zeros(4), 0)[1].tolist() == [[0.0]]
    with pytest.raises(WrongValue, match="no class 2"):
        as_example(network, np.zeros(4), 2)


@pytest.mark.parametrize(
    ("image", "target", "says"),
    [
        (np.zeros(100), 3, r"takes 784 numbers, an image of 28 × 28; got 100, of shape \(100,\)"),
        (np.zeros((10, 10)), 3, r"got 100, of shape \(10, 10\)"),
        (np.zeros(784), 10, "for the classes 0 to 9; there is no class 10"),
        (np.zeros(784), -1, "no class -1"),
        (np.zeros(784), [0.0, 1.0], "10 outputs, so a target is 10 numbers or a class; got 2"),
        (np.full(784, np.nan), 3, "finite"),
        ("digit.png", 3, "an image must be numbers, got str"),
        (np.zeros(784), "three", "a target must be numbers, got str"),
    ],
)
def test_what_does_not_fit_is_refused_with_what_would(image, target, says):
    with pytest.raises(WrongValue, match=says):
        as_example(Network.random(), image, target)


def test_an_image_needs_a_target_and_a_data_set_has_its_own(few):
    network = Network.random()
    with pytest.raises(WrongValue, match="an image needs its target"):
        as_data(network, few[0].inputs[0])
    with pytest.raises(WrongValue, match="has its own targets"):
        as_data(network, few[0], 3)
    assert as_data(network, few[0]) is few[0]
    rows = as_data(network, few[0].inputs[:5], few[0].targets[:5])
    np.testing.assert_array_equal(rows.inputs, few[0].inputs[:5])
    np.testing.assert_array_equal(rows.targets, few[0].targets[:5])
    assert len(as_data(network, few[0].inputs[:1], 3)) == 1
    with pytest.raises(WrongValue, match=r"5 examples need as many rows of 10 desired outputs, .* \(4, 10\)"):
        as_data(network, few[0].inputs[:5], few[0].targets[:4])
    with pytest.raises(WrongValue, match="as many rows"):
        as_data(network, few[0].inputs[:5], 3)
    with pytest.raises(WrongValue, match="784"):
        as_data(Network.random((4, 2)), few[0])


def test_precise_keeps_the_numbers_and_the_library(xp):
    network = Network.random((4, 3, 2), xp=xp)
    double = precise(network)
    assert double.layers[0].weight.dtype == xp.float64
    np.testing.assert_array_equal(to_numpy(double.layers[1].weight), to_numpy(network.layers[1].weight))
    assert precise(double) is double


def test_in_parts_it_is_the_same_cost_and_gradient(xp, monkeypatch):
    monkeypatch.setattr(examples, "_CHUNK", 3)
    for seed in range(20):
        network, _, _, cost = network_and_example(seed, xp)
        data, weights = many(seed, network)
        forward = network.forward(data.inputs)
        for weighted in (data, replace(data, weights=weights)):
            scaled = None if weighted.weights is None else weights / xp.sum(weights) * len(data)
            whole = flat(backward(network, forward, data.targets, cost, scaled).gradient)
            price, gradient = cost_and_gradient(network, weighted, cost)
            np.testing.assert_allclose(to_numpy(flat(gradient)), to_numpy(whole), atol=1e-12)
            assert price == pytest.approx(evaluate(network, weighted, cost).cost, abs=1e-12)
        pieces = list(backward_in_parts(network, data, cost))
        assert len(pieces) == 3  # of 7 examples, 3 at a time
        back = backward(network, forward, data.targets, cost)
        for l in range(len(network.layers)):
            zs, deltas = (np.concatenate([to_numpy(each[l]) for each in of]) for of in (
                [piece.zs for piece, _, _ in pieces], [piece.deltas for _, piece, _ in pieces],
            ))  # fmt: skip
            np.testing.assert_allclose(zs, to_numpy(forward.zs[l]), atol=1e-14)
            np.testing.assert_allclose(deltas, to_numpy(back.deltas[l]), atol=1e-14)
        assert float(to_numpy(costs_of(network, data, cost)).mean()) == pytest.approx(
            cost_and_gradient(network, data, cost)[0], abs=1e-13
        )


def test_nudged_moves_along_the_direction():
    network = Network.random((2, 2), dtype=np.float64)
    moved = nudged(network, network.layers, 0.5)
    np.testing.assert_allclose(moved.layers[0].weight, 1.5 * network.layers[0].weight)
    assert moved.activations == network.activations


def test_data_of_another_precision_is_taken(few):
    network = precise(Network.random())
    price, _ = cost_and_gradient(network, few[0], squared_error)
    double = Dataset(few[0].inputs.astype(np.float64), few[0].targets.astype(np.float64))
    assert price == cost_and_gradient(network, double, squared_error)[0]
