"""Every parameter has one name and one place in the long list."""

import numpy as np
import pytest

from glassnet import Network, WrongValue
from glassnet.arrays import to_numpy
from glassnet.explain.parameters import Parameter, flat, one, parameter_at, unflat

SMALL = Network.random((3, 2, 2), initializer="standard_normal", dtype=np.float64)


def test_the_list_goes_layer_by_layer_weights_by_row_then_biases():
    first, second = SMALL.layers
    by_hand = [*first.weight[0], *first.weight[1], *first.bias, *second.weight[0], *second.weight[1], *second.bias]
    assert flat(SMALL.layers).tolist() == by_hand


def test_each_place_has_its_parameter_and_back():
    numbers = flat(SMALL.layers)
    seen = set()
    for place in range(SMALL.count):
        parameter = parameter_at(SMALL, place)
        assert parameter.index(SMALL) == place
        assert parameter.of(SMALL.layers) == numbers[place]
        seen.add(parameter)
    assert len(seen) == SMALL.count == 14


def test_of_the_series_network_there_are_13002():
    network = Network.random()
    assert parameter_at(network, 13_001) == Parameter(3, 9)
    assert Parameter(2, 7, 3).of(network.layers) == float(network.layers[1].weight[7, 3])


def test_list_and_layers_are_the_same_numbers(xp):
    network = Network.random((4, 3, 2), xp=xp, dtype=xp.float64)
    again = unflat(flat(network.layers), network)
    for old, new in zip(network.layers, again, strict=True):
        np.testing.assert_array_equal(to_numpy(old.weight), to_numpy(new.weight))
        np.testing.assert_array_equal(to_numpy(old.bias), to_numpy(new.bias))
    direction = one(network, Parameter(2, 1, 2))
    assert float(direction[1].weight[1, 2]) == 1
    assert float(to_numpy(flat(direction)).sum()) == 1


def test_names_are_words():
    assert str(Parameter(2, 7, 3)) == "weight (7, 3) of layer 2"
    assert str(Parameter(2, 7)) == "bias 7 of layer 2"


@pytest.mark.parametrize(
    ("parameter", "says"),
    [
        (Parameter(4, 0), r"no layer 4: this network's layers are 1 to 3 \(its sizes are 784-16-16-10\)"),
        (Parameter(0, 0), "no layer 0"),
        (Parameter(2, 16), "no neuron 16 in layer 2: it has the neurons 0 to 15"),
        (Parameter(1, 3, 784), "no neuron 784 in the input: it has the neurons 0 to 783"),
        (Parameter(3, -1), "no neuron -1 in layer 3"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(parameter, says):
    with pytest.raises(WrongValue, match=says):
        parameter.index(Network.random())


def test_places_and_lists_of_another_size_are_refused():
    with pytest.raises(WrongValue, match="has 14, counted from 0"):
        parameter_at(SMALL, 14)
    with pytest.raises(WrongValue, match="no parameter -1"):
        parameter_at(SMALL, -1)
    with pytest.raises(WrongValue, match="14 parameters"):
        unflat(np.zeros(13), SMALL)
