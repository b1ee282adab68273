"""NaN stays NaN: a training that has gone wrong must show in its numbers, in every library and in the compiled loops.

The cases are made from the tables of activations and costs, so a new entry is tested by being there.
"""

import math

import numpy as np
import pytest
from jaxtyping import config

from fitting import FITTING
from glassnet import Dataset, Network
from glassnet.activations import ACTIVATIONS, as_activation, identity
from glassnet.arrays import from_numpy, to_numpy
from glassnet.costs import COSTS, as_cost, cost_of, output_error
from glassnet.engine import Batches, Reference
from glassnet.engine.fused import Fused, predictor
from glassnet.network import Layer, map_parameters
from glassnet.optimizers import SGD

Z = np.array([[0.5, -1.5, 0.0], [2.0, -0.25, 0.75]])
WHOLE = ("softmax",)
"""Activations whose neurons depend on each other: NaN in one is NaN in the row."""


def places(name, row, column):
    """Where NaN must come out if it goes in there."""
    where = np.zeros(Z.shape, bool)
    where[row, slice(None) if name in WHOLE else column] = True
    return where


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_activation_keeps_nan_where_it_is_and_nowhere_else(name, dtype, xp):
    activation, like = as_activation(name), xp.zeros(1, dtype=getattr(xp, dtype))
    good = from_numpy(Z, like)
    a, ones = activation.value(good), xp.ones_like(good)
    slopes = to_numpy(activation.pullback(good, a, ones))
    for row, column in np.ndindex(Z.shape):
        where, broken = places(name, row, column), Z.copy()
        broken[row, column] = math.nan
        z = from_numpy(broken, like)
        value = activation.value(z)
        np.testing.assert_array_equal(to_numpy(value), np.where(where, math.nan, to_numpy(a)))
        pulled = activation.pullback(z, value, ones)
        np.testing.assert_array_equal(to_numpy(pulled), np.where(where, math.nan, slopes))
        ups = np.ones(Z.shape)
        ups[row, column] = math.nan
        pulled = activation.pullback(good, a, from_numpy(ups, like))
        np.testing.assert_array_equal(to_numpy(pulled), np.where(where, math.nan, slopes))
        assert value.dtype == pulled.dtype == like.dtype


LIMITS = {
    "sigmoid": (0, 1),
    "tanh": (-1, 1),
    "relu": (0, math.inf),
    "leaky_relu": (-math.inf, math.inf),
    "elu": (-1, math.inf),
    "silu": (math.nan, math.inf),  # ∞ · 0
    "gelu": (math.nan, math.inf),
    "softplus": (0, math.inf),
    "identity": (-math.inf, math.inf),
    "step": (0, 1),
    "softmax": (0, math.nan),  # ∞ − ∞
}
"""What each formula gives for −∞ and ∞."""


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_infinity_comes_to_what_the_formula_gives(name, xp):
    z = xp.asarray([[-math.inf, 0.0], [math.inf, 0.0]], dtype=xp.float64)
    with np.errstate(invalid="ignore"):
        assert to_numpy(as_activation(name).value(z))[:, 0] == pytest.approx(LIMITS[name], nan_ok=True)
        if name == "relu":  # infinity that reaches a silent neuron is no NaN
            up = xp.asarray([[-math.inf, math.inf]] * 2, dtype=xp.float64)
            assert to_numpy(as_activation(name).pullback(z, z, up)).tolist() == [[0, 0], [-math.inf, 0]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", COSTS)
def test_a_cost_keeps_nan_in_its_example_and_nowhere_else(name, dtype, xp):
    cost, like = as_cost(name), xp.zeros(1, dtype=getattr(xp, dtype))
    good, wanted = np.array([[0.25, 0.75], [0.5, 0.5], [0.875, 0.125]]), np.array([[0.0, 1], [1, 0], [0, 1]])
    y = from_numpy(wanted, like)
    ways = [(cost.value, cost.slope)] if cost.natural is None else [
        (cost.value, cost.slope), (cost.natural.value, cost.natural.slope)
    ]  # fmt: skip
    for value, slope in ways:
        costs, slopes = (to_numpy(f(from_numpy(good, like), y)) for f in (value, slope))
        assert np.isfinite(costs).all()
        for row, column in np.ndindex(good.shape):
            broken = good.copy()
            broken[row, column] = math.nan
            a = from_numpy(broken, like)
            np.testing.assert_array_equal(to_numpy(value(a, y)), np.where(np.arange(3) == row, math.nan, costs))
            np.testing.assert_array_equal(to_numpy(slope(a, y)), np.where(np.isnan(broken), math.nan, slopes))


@pytest.mark.parametrize(("cost", "output"), FITTING)
def test_cost_and_error_of_the_output_keep_nan(cost, output, xp):
    activation = as_activation(output)
    y = from_numpy(np.eye(3)[:2], xp.zeros(1, dtype=xp.float64))
    for row, column in np.ndindex(Z.shape):
        broken = Z.copy()
        broken[row, column] = math.nan
        z = from_numpy(broken, y)
        a = activation.value(z)
        costs = to_numpy(cost_of(as_cost(cost), activation, z, a, y))
        assert np.isnan(costs).tolist() == [row == 0, row == 1]
        error = to_numpy(output_error(as_cost(cost), activation, z, a, y))
        np.testing.assert_array_equal(np.isnan(error), places(output, row, column))


def test_a_clipped_gradient_is_nan_where_its_length_is(xp):
    layers = (Layer(xp.asarray([[3.0, math.nan]]), xp.asarray([4.0])),)
    optimizer = SGD(learning_rate=1.0, clip=1.0)
    step, _ = optimizer.update(layers, optimizer.init(layers), layers)
    assert np.isnan(to_numpy(step[0].weight)).all()
    assert np.isnan(to_numpy(step[0].bias)).all()
    # and one without NaN is scaled by hand: the length of (3, 0, 4) is 5
    layers = (Layer(xp.asarray([[3.0, 0.0]]), xp.asarray([4.0])),)
    step, _ = optimizer.update(layers, optimizer.init(layers), layers)
    assert to_numpy(step[0].weight)[0] == pytest.approx([-0.6, 0])
    assert to_numpy(step[0].bias) == pytest.approx([-0.8])
    assert step[0].bias.dtype == layers[0].bias.dtype


# ── The compiled loops ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_predictor_keeps_nan_where_it_is_and_nowhere_else(name, dtype):
    for column in range(3):  # the bias of one neuron is NaN: so is that neuron, for every example
        bias = np.zeros(3, dtype)
        good = Network((Layer(np.eye(3, dtype=dtype), bias),), (as_activation(name),))
        bad = Network((Layer(np.eye(3, dtype=dtype), bias.copy()),), good.activations)
        bad.layers[0].bias[column] = math.nan
        x = Z.astype(dtype)
        said, expected = predictor(bad)(x), good(x)
        if name in WHOLE:
            assert np.isnan(said).all()
        else:
            assert np.isnan(said[:, column]).all()
            others = np.arange(3) != column
            assert said[:, others] == pytest.approx(expected[:, others], rel=1e-5, abs=1e-6)
        np.testing.assert_array_equal(predictor(bad)(x[0]), said[0])
    x[1, 2] = math.nan  # an input that is NaN: so are all neurons, of that example only
    assert np.isnan(predictor(good)(x)).all(axis=1).tolist() == [False, True]
    assert not np.isnan(predictor(good)(x)[0]).any()


def stepped(engine, network, cost, optimizer, dtype, bad):
    """One minibatch of four examples, one number of one of which is ``bad``: its cost, and the parameters after it."""
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 1, (4, 5)).astype(dtype), np.eye(3, dtype=dtype)[[0, 1, 2, 0]]
    inputs = x.copy()
    inputs[2, 3] = bad
    memory = optimizer.init(network.layers)
    state = engine.start(network, Dataset(x, y), as_cost(cost), optimizer, memory)
    state, costs = engine.advance(state, Batches(np.arange(4), 4, 0, inputs))
    layers = engine.checkpoint(state)[0].layers
    return float(costs[0]), [array for layer in layers for array in (layer.weight, layer.bias)]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("cost", "output"), FITTING)
def test_both_engines_show_nan_in_the_cost_and_in_every_number(cost, output, dtype):
    for hidden in ACTIVATIONS if output == "softmax" else ("relu", "step"):
        network = Network.random((5, 4, 3), hidden=hidden, output=output, dtype=dtype, seed=3)
        for optimizer in (SGD(0.1), SGD(0.1, clip=0.5)):
            for engine in (Reference(), Fused(1)):
                price, numbers = stepped(engine, network, cost, optimizer, dtype, math.nan)
                assert math.isnan(price), (hidden, engine.name)
                assert all(np.isnan(array).all() for array in numbers), (hidden, engine.name)
                price, numbers = stepped(engine, network, cost, optimizer, dtype, 0.5)
                assert math.isfinite(price)
                assert all(np.isfinite(array).all() for array in numbers)


def test_a_layer_of_nan_does_not_train(monkeypatch):
    # A whole epoch went by, with a cost that seemed good, where relu made 0 of NaN.
    monkeypatch.setattr(config, "jaxtyping_disable", True)
    network = Network.random((5, 4, 3), hidden="relu", output="identity")
    broken = Network(
        (map_parameters(lambda p: p * math.nan, network.layers)[0], network.layers[1]), network.activations
    )
    for engine in (Reference(), Fused(1)):
        price, _ = stepped(engine, broken, "squared_error", SGD(0.1), np.float32, 0.5)
        assert math.isnan(price)
    assert network.activations[-1] == identity
