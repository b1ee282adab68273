from dataclasses import replace

import numpy as np
import pytest

from glassnet import Network, history, last, train
from glassnet.costs import squared_error
from glassnet.engine import Batches, Dropout, Engine, Reference
from glassnet.optimizers import SGD
from glassnet.training import ENGINES


def splitmix64(state):
    """One number of SplitMix64 (Steele, Lea and Flood, 2014), in Python's own integers."""
    mask = 2**64 - 1
    state = (state + 0x9E3779B97F4A7C15) & mask
    z = state
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def test_dropout_is_splitmix64_of_seed_epoch_layer_example_neuron():
    # The published first number of SplitMix64 from state 0.
    assert splitmix64(0) == 0xE220A8397B1DCDAF
    seed, epoch, layer, rows, width, rate = 5, 2, 1, [7, 400], 9, 0.4
    expected = np.ones((2, width))
    for i, row in enumerate(rows):
        for neuron in range(width):
            key = splitmix64(splitmix64(seed + epoch) + layer)
            uniform = (splitmix64(splitmix64(key + row) + neuron) >> 11) / 2**53
            expected[i, neuron] = 0 if uniform < rate else 1 / (1 - rate)
    assert np.array_equal(Dropout(rate, seed).factors(epoch, np.array(rows), layer, width), expected)


def test_dropout_silences_its_share_and_keeps_the_mean():
    factors = Dropout(0.3, 0).factors(0, np.arange(2000), 1, 50)
    assert (factors == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert factors.mean() == pytest.approx(1, abs=0.01)
    # neighbors in every direction are independent
    other = [Dropout(0.3, 1).factors(0, np.arange(2000), 1, 50), Dropout(0.3, 0).factors(1, np.arange(2000), 1, 50)]
    other += [Dropout(0.3, 0).factors(0, np.arange(2000), 2, 50), Dropout(0.3, 0).factors(0, np.arange(1, 2001), 1, 50)]
    for each in other:
        assert abs(np.corrcoef(factors.ravel(), each.ravel())[0, 1]) < 0.02


def test_dropout_does_not_depend_on_the_minibatch():
    whole = Dropout(0.5, 3).factors(4, np.arange(100), 1, 8)
    alone = Dropout(0.5, 3).factors(4, np.array([42]), 1, 8)
    assert np.array_equal(whole[42:43], alone)


def test_the_reference_is_an_engine_and_leaves_its_inputs_alone(few):
    engine, data = Reference(), few[0]
    assert isinstance(engine, Engine)
    network = Network.random((784, 5, 10))
    before = [layer.weight.copy() for layer in network.layers]
    optimizer = SGD(0.5)
    state = engine.start(network, data, squared_error, optimizer, optimizer.init(network.layers))
    after, costs = engine.advance(state, Batches(np.arange(25), 10, 0))
    assert costs.shape == (3,)  # 10, 10 and 5 examples
    assert engine.checkpoint(after)[1].step == 3
    assert engine.checkpoint(state)[0] is network
    for layer, weight in zip(network.layers, before, strict=True):
        assert np.array_equal(layer.weight, weight)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_answers_of_an_engine_are_those_of_its_network_as_it_is_now(few, engine):
    engine, data = ENGINES[engine](), few[0]
    optimizer = SGD(0.5)
    network = Network.random((784, 5, 10), dtype=np.float64)
    state = engine.start(network, data, squared_error, optimizer, optimizer.init(network.layers))
    for first in (0, 30, 60):
        state, _ = engine.advance(state, Batches(np.arange(first, first + 30), 10, 0))
        z, a = engine.answer(state, few[1].inputs.astype(np.float64))
        forward = engine.checkpoint(state)[0].forward(few[1].inputs.astype(np.float64))
        assert z == pytest.approx(forward.zs[-1], rel=1e-12, abs=1e-14)
        assert a == pytest.approx(forward.activations[-1], rel=1e-12, abs=1e-14)


@pytest.mark.parametrize("engine", ENGINES)
def test_whole_example_weights_are_repeated_rows(few, engine):
    # Full batch: weighting a row by 3 is showing it three times.
    data = few[0].take(slice(0, 60))
    weights = np.random.default_rng(0).integers(0, 4, 60)
    repeated = data.take(np.repeat(np.arange(60), weights))
    network = Network.random((784, 6, 10), dtype=np.float64)
    options = {"optimizer": SGD(0.5), "epochs": 5, "engine": engine}
    weighted = history(train(network, replace(data, weights=weights.astype(float)), batch_size=60, **options))
    shown = history(train(network, repeated, batch_size=len(repeated), **options))
    for one, other in zip(last(weighted).layers, last(shown).layers, strict=True):
        assert one.weight == pytest.approx(other.weight, rel=1e-9, abs=1e-12)
        assert one.bias == pytest.approx(other.bias, rel=1e-9, abs=1e-12)
    assert weighted.costs == pytest.approx(shown.costs, rel=1e-9)


@pytest.mark.parametrize("engine", ENGINES)
def test_only_the_proportions_of_weights_matter(few, engine):
    data = few[0].take(slice(0, 100))
    weights = np.random.default_rng(0).uniform(0, 1, 100)
    costs = []
    for scale in (1, 1000):
        network = Network.random((784, 6, 10), dtype=np.float64)
        events = history(train(network, replace(data, weights=scale * weights), epochs=2, engine=engine))
        last(events)
        costs.append(events.costs)
    assert costs[0] == pytest.approx(costs[1], rel=1e-9)
