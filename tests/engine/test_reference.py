from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet import Dataset, Network, history, last, train
from glassnet.costs import Huber, squared_error
from glassnet.engine import Batches, Dropout, Engine, Reference
from glassnet.engine.fused import Fused
from glassnet.network import map_parameters
from glassnet.optimizers import SGD, Adam
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
            key = splitmix64(splitmix64(splitmix64(seed + int.from_bytes(b"dropout", "big")) + epoch) + layer)
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
    other += [Dropout(0.3, 7).factors(3, np.arange(2000), 1, 50)]
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
def test_the_network_it_hands_out_knows_what_the_one_that_came_in_knew(few, engine):
    engine, data, optimizer = ENGINES[engine](), few[0], SGD(0.5)
    network = replace(Network.random((784, 5, 10)), cost=Huber(0.5))
    state = engine.start(network, data, Huber(0.5), optimizer, optimizer.init(network.layers))
    state, _ = engine.advance(state, Batches(np.arange(20), 10, 0))
    assert engine.checkpoint(state)[0].cost == Huber(0.5)


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


# ── Other inputs than the rows' own ──────────────────────────────────────────────────────────────────────────────────

INKS = {"sparse": 0.15, "dense": 1.0}
"""The share of inputs that are not zero."""


def numbers_of(engine, state):
    """Every number of the network and of the optimizer's memory, as they are now."""
    network, memory = engine.checkpoint(state)
    sets = [network.layers, *(memory.moments[name] for name in sorted(memory.moments))]
    return np.concatenate([a.ravel() for layers in sets for layer in layers for a in (layer.weight, layer.bias)])


def examples(n, ink, weighted=False, width=784, seed=0):
    """Random examples of ten classes, of which a share is ink. The numbers are float64, but each is a float32 too."""
    rng = np.random.default_rng([seed, n])
    x = rng.uniform(0.1, 1, (n, width)) * (rng.random((n, width)) < ink)
    y = np.eye(10)[rng.integers(10, size=n)]
    weights = rng.uniform(0.25, 2, n) if weighted else None
    return Dataset(x.astype(np.float32).astype(np.float64), y, weights)


def begun(engine, data, dtype=np.float64, sizes=(784, 20, 10), optimizer=None, dropout=0.3):
    """A state to go on from."""
    network = Network.random(sizes, dtype=dtype)
    optimizer = SGD(0.5, momentum=0.5) if optimizer is None else optimizer
    return engine.start(
        network,
        data,
        squared_error,
        optimizer,
        optimizer.init(network.layers),
        Dropout(dropout, 7) if dropout else None,
    )


def close(found, expected, dtype):
    """To rounding, measured by the largest number."""
    return np.abs(found - expected).max() <= (1e-10 if dtype == np.float64 else 1e-5) * np.abs(expected).max()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("own", INKS)
@pytest.mark.parametrize("other", INKS)
@pytest.mark.parametrize("weighted", [False, True])
def test_other_inputs_are_learned_from_as_if_they_were_the_rows_own(engine, dtype, own, other, weighted):
    data = examples(50, INKS[own], weighted)
    replaced = replace(data, inputs=examples(50, INKS[other], seed=1).inputs)
    rng, engine = np.random.default_rng(0), ENGINES[engine]()
    states = [begun(engine, each, dtype) for each in (data, replaced)]
    for epoch in range(2):
        rows = rng.permutation(50)[:37]  # the last of four minibatches has 7 examples
        costs = []
        for each, inputs in ((0, replaced.inputs[rows].astype(dtype)), (1, None)):
            states[each], part = engine.advance(states[each], Batches(rows, 10, epoch, inputs))
            costs.append(part)
        assert costs[0] == pytest.approx(costs[1], rel=1e-10 if dtype == np.float64 else 1e-5)
    found, expected = (numbers_of(engine, state) for state in states)
    assert found.dtype == dtype
    assert close(found, expected, dtype)
    if own == other:  # then the sums are added up in the same order, too
        assert found.tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("own", INKS)
@pytest.mark.parametrize("other", INKS)
def test_the_engines_agree_about_other_inputs(dtype, own, other):
    data = examples(60, INKS[own], weighted=True)
    inputs = examples(60, INKS[other], seed=1).inputs.astype(dtype)
    rows, found = np.random.default_rng(0).permutation(60), []
    for engine in (Fused(1), Fused(2), Reference()):
        state = begun(engine, data, dtype)
        for epoch in range(3):
            state, _ = engine.advance(state, Batches(rows, 12, epoch, inputs))
        found.append(numbers_of(engine, state))
    assert found[0].tobytes() == found[1].tobytes()
    assert close(found[0], found[2], dtype)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("own", INKS)
def test_the_rows_own_inputs_given_once_more_change_nothing(engine, own):
    # Not a byte of it: dropout above all must know an example by its row, wherever in the block it stands.
    data, engine = examples(50, INKS[own], weighted=True), ENGINES[engine]()
    rows, found = np.random.default_rng(0).permutation(50)[:33], []
    for inputs in (None, data.inputs[rows]):
        state, costs = engine.advance(begun(engine, data), Batches(rows, 8, 3, inputs))
        found.append((numbers_of(engine, state).tobytes(), costs))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=15)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.sampled_from(list(INKS)), st.integers(1, 3))
def test_how_minibatches_of_other_inputs_are_grouped_does_not_show(engine, groups, own, threads):
    data, inputs = examples(30, INKS[own], weighted=True), examples(30, 0.2, seed=1).inputs
    rows, found = np.random.default_rng(0).permutation(30), []
    for counts in ([1] * 10, [*groups, *[1] * 10]):
        taker = Fused(threads if found else 1) if engine == "fused" else Reference()
        state, seen, costs = begun(taker, data), 0, []
        for count in counts:
            part = slice(seen, seen + 4 * count)
            if seen < 30:
                state, some = taker.advance(state, Batches(rows[part], 4, 2, inputs[part]))
                costs += some.tolist()
            seen += 4 * count
        found.append((numbers_of(taker, state).tobytes(), costs))
    assert found[0][0] == found[1][0]
    assert np.array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("order", [[True, False], [False, True], [False, True, False, True], [True, True, False]])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.1, clip=0.5), Adam(0.003)], ids=["sgd", "clipped", "adam"])
def test_with_other_inputs_and_without_by_turns(order, threads, optimizer):
    # Large enough for the engine to sort the inks of a minibatch, for which it needs room: for as many as there are in
    # the data, until full images come.
    data, full = examples(200, 0.15), examples(200, 1, seed=1).inputs
    taken = {}
    for engine in (Fused(threads), Fused(1), Reference()):
        state = begun(engine, data, sizes=(784, 130, 10), optimizer=optimizer)
        for epoch, with_other in enumerate(order):
            rows = np.random.default_rng(epoch).permutation(200)
            for size in (100, 150, 30):
                state, _ = engine.advance(state, Batches(rows, size, epoch, full[rows] if with_other else None))
        taken.setdefault(engine.name, []).append(numbers_of(engine, state))
    assert taken["fused"][0].tobytes() == taken["fused"][1].tobytes()
    assert close(taken["fused"][0], taken["reference"][0], np.float64)


def test_inputs_of_any_layout_will_do_and_are_left_as_they_are():
    data, inputs, rows = examples(40, 0.15), examples(40, 0.2, seed=1).inputs, np.arange(40)[::-1]
    for engine in (Fused(2), Reference()):
        found = []
        fixed = inputs.copy()
        fixed.flags.writeable = False
        for same in (inputs, fixed, np.asfortranarray(inputs), np.repeat(inputs, 2, axis=1)[:, ::2]):
            before = same.tobytes()
            state, _ = engine.advance(begun(engine, data), Batches(rows, 7, 0, same))
            found.append(numbers_of(engine, state))
            assert same.tobytes() == before
        for each in found[1:]:
            assert close(each, found[0], np.float64)


def test_other_inputs_for_networks_of_any_array_library(xp):
    data, inputs = examples(30, 0.3, width=20, weighted=True), examples(30, 0.4, width=20, seed=1).inputs
    rows, found = np.random.default_rng(0).permutation(30), []
    for library in (xp, np):
        network = Network.random((20, 6, 10), dtype=np.float64)
        network = Network(map_parameters(library.asarray, network.layers), network.activations)
        optimizer, engine = SGD(0.5), Reference()
        state = engine.start(network, data, squared_error, optimizer, optimizer.init(network.layers), Dropout(0.3, 7))
        state, costs = engine.advance(state, Batches(rows, 8, 1, inputs.astype(np.float32)))
        now, _ = engine.checkpoint(state)
        assert type(now.layers[0].weight) is type(network.layers[0].weight)
        found.append([costs, *(np.asarray(a) for layer in now.layers for a in (layer.weight, layer.bias))])
    for one, other in zip(*found, strict=True):
        assert one == pytest.approx(other, rel=1e-12, abs=1e-14)


def test_the_reference_engine_keeps_subnormal_numbers():
    """NumPy does: a step on a pixel that is 0 throughout leaves its weights as they are, however small."""
    network = Network.random((4, 3, 2), seed=0)
    small = np.array([1e-40, -1e-45, 1.1e-38], np.float32)
    weight = network.layers[0].weight.copy()
    weight[:, 1] = small
    network = replace(network, layers=(replace(network.layers[0], weight=weight), *network.layers[1:]))
    inputs = np.random.default_rng(0).random((6, 4)).astype(np.float32)
    inputs[:, 1] = 0
    data = Dataset(inputs, np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]])
    optimizer, engine = SGD(0.5), Reference()
    state = engine.start(network, data, squared_error, optimizer, optimizer.init(network.layers))
    state, _ = engine.advance(state, Batches(np.arange(6), 3, 0))
    after = engine.checkpoint(state)[0].layers[0].weight
    assert after[:, 1].tobytes() == small.tobytes()
    assert (after[:, 0] != weight[:, 0]).all()
