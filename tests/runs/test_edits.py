"""Edits: each kind does what its name says, to nothing else, and what does not fit is refused."""

from dataclasses import replace

import numpy as np
import pytest

from glassnet import Network, WrongValue
from glassnet.costs import Huber
from glassnet.runs.edits import KINDS, Edit, edited, effective


@pytest.fixture
def network():
    return Network.random((6, 4, 3), seed=1)


def numbers(network):
    return [array.copy() for layer in network.layers for array in (layer.weight, layer.bias)]


def differing(one, other):
    """Which entries differ: (array, index) for each."""
    pairs = enumerate(zip(numbers(one), numbers(other), strict=True))
    return [(number, *map(int, at)) for number, (a, b) in pairs for at in np.argwhere(a != b)]


def test_the_cost_of_its_training_is_kept(network):
    trained = replace(network, cost=Huber(0.5))
    assert edited(trained, [Edit("bias", 2, 1, (0.25,))]).cost == Huber(0.5)


def test_a_bias_and_nothing_else(network):
    after = edited(network, [Edit("bias", 2, 1, (0.25,))])
    assert differing(network, after) == [(3, 1)]
    assert after.layers[1].bias[1] == 0.25


def test_a_weight_joins_an_input_to_the_neuron(network):
    after = edited(network, [Edit("weight", 1, 3, (-2.0,), input=5)])
    assert differing(network, after) == [(0, 3, 5)]
    assert after.layers[0].weight[3, 5] == -2


def test_all_weights_of_a_neuron(network):
    after = edited(network, [Edit("weights", 1, 2, (1.0, 2.0, 3.0, 4.0, 5.0, 6.0))])
    assert differing(network, after) == [(0, 2, k) for k in range(6)]
    assert after.layers[0].weight[2].tolist() == [1, 2, 3, 4, 5, 6]


def test_a_muted_neuron_might_as_well_not_be_there(network):
    after = edited(network, [Edit("mute", 1, 2)])
    x = np.random.default_rng(0).random((5, 6)).astype(np.float32)
    forward = network.forward(x)
    silent = forward.activations[1].copy()
    silent[:, 2] = 0
    z = silent @ network.layers[1].weight.T + network.layers[1].bias
    np.testing.assert_allclose(after.forward(x).zs[1], z, rtol=1e-6)
    np.testing.assert_array_equal(after.forward(x).activations[1], forward.activations[1])  # it still speaks


def test_later_edits_win_and_the_network_itself_stays(network):
    before = numbers(network)
    after = edited(network, [Edit("bias", 1, 0, (1.0,)), Edit("bias", 1, 0, (2.0,))])
    assert after.layers[0].bias[0] == 2
    assert all((a == b).all() for a, b in zip(before, numbers(network), strict=True))
    assert edited(network, []) is network


def test_arrays_that_do_not_change_are_not_copied(network):
    after = edited(network, [Edit("bias", 2, 0, (1.0,))])
    assert after.layers[0].weight is network.layers[0].weight
    assert after.layers[1].weight is network.layers[1].weight


def test_numbers_become_those_of_the_networks_own_type():
    for dtype in (np.float32, np.float64):
        network = Network.random((3, 2), dtype=dtype)
        after = edited(network, [Edit("bias", 1, 0, (0.1,))])
        assert after.layers[0].bias.dtype == dtype
        assert after.layers[0].bias[0] == dtype(0.1)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (Edit("bias", 0, 0, (1.0,)), "there is no layer 0: this network has the layers 1 to 2"),
        (Edit("bias", 3, 0, (1.0,)), "there is no layer 3"),
        (Edit("bias", 2, 3, (1.0,)), "layer 2 has the neurons 0 to 2, got 3"),
        (Edit("bias", 2, 0), "expected 1 number, got 0"),
        (Edit("bias", 2, 0, (1e39,)), "finite"),
        (Edit("weight", 1, 0, (1.0,)), "inputs 0 to 5, got None"),
        (Edit("weight", 1, 0, (1.0,), input=6), "inputs 0 to 5, got 6"),
        (Edit("weights", 1, 0, (1.0, 2.0)), "expected 6 numbers, got 2"),
        (Edit("weights", 1, 0, (1.0,) * 5 + (float("nan"),)), "finite"),
        (Edit("mute", 2, 0), "an output cannot be muted"),
    ],
)
def test_what_does_not_fit_is_refused(network, edit, words):
    with pytest.raises(WrongValue, match=words):
        edited(network, [edit])


def test_edits_are_recorded_and_read_again():
    for edit in (Edit("weight", 1, 2, (0.1,), input=3), Edit("mute", 1, 0), Edit("weights", 2, 1, (1.5, -2.25))):
        assert Edit.from_data(edit.to_data()) == edit
    assert {Edit.from_data({"kind": kind, "layer": 1, "neuron": 0}).kind for kind in KINDS} == set(KINDS)


@pytest.mark.parametrize(
    "data",
    [None, {}, [], {"kind": "bias"}, {"kind": "paint", "layer": 1, "neuron": 0}, {"kind": "bias", "layer": 1.0, "neuron": 0},
     {"kind": "bias", "layer": 1, "neuron": 0, "values": "x"}, {"kind": "bias", "layer": 1, "neuron": 0, "values": [None]},
     {"kind": "bias", "layer": 1, "neuron": 0, "values": [float("inf")]},
     {"kind": "weight", "layer": 1, "neuron": 0, "values": [1], "input": True}],
)  # fmt: skip
def test_damaged_records_are_refused(data):
    with pytest.raises(WrongValue, match="expected an edit"):
        Edit.from_data(data)


def test_edits_of_one_movement_follow_each_other():
    first, second = Edit("bias", 1, 0, (1.0,), stroke=4), Edit("bias", 1, 0, (2.0,), stroke=4)
    assert second.follows(first)
    assert not Edit("bias", 1, 0, (2.0,), stroke=5).follows(first)
    assert not Edit("bias", 1, 1, (2.0,), stroke=4).follows(first)
    assert not Edit("bias", 1, 0, (2.0,)).follows(Edit("bias", 1, 0, (1.0,)))  # no movement, no following


def test_what_is_set_anew_is_left_out_and_the_network_is_the_same(network):
    rng = np.random.default_rng(0)
    for _ in range(50):
        edits = []
        for _ in range(12):
            layer = int(rng.integers(1, 3))
            neuron, inputs = int(rng.integers(0, (4, 3)[layer - 1])), (6, 4)[layer - 1]
            kind = KINDS[rng.integers(0, 4)]
            if kind == "mute":
                layer, neuron = 1, int(rng.integers(0, 4))
            count = {"weight": 1, "bias": 1, "weights": inputs, "mute": 0}[kind]
            number = int(rng.integers(0, inputs)) if kind == "weight" else None
            edits.append(Edit(kind, layer, neuron, tuple(rng.random(count).tolist()), number))
        few = effective(edits)
        assert differing(edited(network, edits), edited(network, few)) == []
        assert few == effective(few)
        assert len({(each.kind, each.layer, each.neuron, each.input) for each in few}) == len(few)


def test_many_strokes_over_one_neuron_are_one():
    strokes = [Edit("weights", 1, 0, (float(number),) * 6, stroke=number) for number in range(100)]
    assert effective([Edit("weight", 1, 0, (1.0,), input=2), *strokes]) == strokes[-1:]
