from dataclasses import replace

import numpy as np
import pytest

from glassnet import Dataset, Network, evaluate, explain, train
from glassnet.activations import relu, sigmoid
from glassnet.costs import cross_entropy, squared_error
from glassnet.errors import WrongValue
from glassnet.network import Layer, check_numbers, map_parameters


def test_the_network_of_the_series_has_13002_numbers():
    network = Network.random((784, 16, 16, 10))
    assert network.sizes == (784, 16, 16, 10)
    assert network.count == 13_002
    assert sum(layer.weight.size for layer in network.layers) == 12_960
    assert sum(layer.bias.size for layer in network.layers) == 42
    assert repr(network) == "Network(784-16-16-10, sigmoid, sigmoid, sigmoid; 13,002 weights and biases)"


def test_it_knows_the_cost_of_its_training_and_takes_it_along(xp):
    network = replace(Network.random((4, 3), output="softmax"), cost=cross_entropy)
    assert repr(network) == "Network(4-3, softmax; 15 weights and biases; cost cross_entropy)"
    there = network.to(xp, dtype=xp.float64)
    assert (there.cost, there.to(np).cost, network.cost) == (cross_entropy,) * 3
    assert Network.random((4, 3), output="softmax").cost is None


def test_forward_by_hand():
    # z₁ = 1·2 − 1·3 + 0.5 = −0.5 → relu 0;  1·2 + 1·3 + 0 = 5 → 5;   z₂ = 2·0 − 1·5 + 6 = 1 → relu 1
    layers = (
        Layer(np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([0.5, 0.0])),
        Layer(np.array([[2.0, -1.0]]), np.array([6.0])),
    )
    network = Network(layers, (relu, relu))
    forward = network.forward(np.array([[2.0, 3.0]]))
    assert [z.tolist() for z in forward.zs] == [[[-0.5, 5.0]], [[1.0]]]
    assert [a.tolist() for a in forward.activations] == [[[2.0, 3.0]], [[0.0, 5.0]], [[1.0]]]
    assert network(np.array([2.0, 3.0])).tolist() == [1.0]
    assert network([2.0, 3.0]).tolist() == [1.0]
    # half of the hidden layer silenced: z₂ = 2·0 − 1·0 + 6
    assert network.forward(np.array([[2.0, 3.0]]), (None, np.array([[2.0, 0.0]]))).zs[1].tolist() == [[6.0]]


def test_one_activation_for_each_layer():
    network = Network.random((3, 4, 5, 2), hidden=["relu", "leaky_relu(alpha=0.2)"], output="softmax")
    assert [str(activation) for activation in network.activations] == ["relu", "leaky_relu(alpha=0.2)", "softmax"]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Network.random((784,)), "sizes must be at least two whole numbers from 1"),
        (lambda: Network.random((784, 0, 10)), "sizes must be at least two whole numbers from 1"),
        (lambda: Network.random((3, 4, 2), hidden=["relu", "relu"]), "1 hidden layers, but 2 hidden activations"),
        (lambda: Network.random((3, 2), seed=-1), "seed must be a whole number from 0, got -1"),
        (lambda: Network.random((3, 2), initializer="ones"), "unknown initializer 'ones'"),
        (lambda: Network((), ()), "at least one layer"),
        (
            lambda: replace(Network.random((3, 2)), cost=cross_entropy),
            "cross_entropy needs outputs that are probabilities .* but the output activation is sigmoid",
        ),
        (lambda: Network((Layer(np.ones((2, 3)), np.ones(2)),), ()), "an activation for each"),
        (
            lambda: Network(
                (Layer(np.ones((2, 3)), np.ones(2)), Layer(np.ones((2, 3)), np.ones(2))), (sigmoid, sigmoid)
            ),
            "layer 2 should take 2 inputs",
        ),
        (
            lambda: Network.random((3, 2))(np.ones((4, 5))),
            r"takes 3 numbers for each example, got an array of shape \(4, 5\)",
        ),
    ],
)
def test_shapes_that_do_not_follow_on_are_refused(make, says):
    with pytest.raises(WrongValue, match=says):
        make()


def test_parameters_gradient_and_step_have_one_shape():
    layers = Network.random((3, 2)).layers
    doubled = map_parameters(lambda a, b: a + b, layers, layers)
    assert np.array_equal(doubled[0].weight, 2 * layers[0].weight)
    with pytest.raises(ValueError, match="zip"):
        map_parameters(lambda a, b: a, layers, layers + layers)


def changed(network, number, what, array):
    layers = list(network.layers)
    layers[number - 1] = replace(layers[number - 1], **{what: array})
    return Network(tuple(layers), network.activations)


BROKEN = [
    (
        "NaN",
        lambda n: changed(n, 2, "bias", np.full(2, np.nan, np.float32)),
        "the biases of layer 2 have NaN or infinity",
    ),
    (
        "infinity",
        lambda n: changed(n, 1, "weight", n.layers[0].weight / 0),
        "the weights of layer 1 have NaN or infinity",
    ),
    (
        "both infinities",  # whose sum is NaN
        lambda n: changed(n, 2, "bias", np.array([np.inf, -np.inf], np.float32)),
        "the biases of layer 2 have NaN or infinity",
    ),
    (
        "two precisions",
        lambda n: changed(n, 2, "weight", n.layers[1].weight.astype(np.float64)),
        "the weights of layer 1 are float32 of numpy and the weights of layer 2 float64 of numpy",
    ),
    (
        "two precisions in a layer",
        lambda n: changed(n, 1, "bias", n.layers[0].bias.astype(np.float64)),
        "and the biases of layer 1 float64 of numpy",
    ),
]


@pytest.mark.parametrize(("make", "says"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_network_whose_numbers_cannot_be_used_is_refused_by_name(make, says):
    network = Network.random((3, 4, 2))
    check_numbers(network)
    broken = make(network)
    data = Dataset(np.eye(3, dtype=np.float32), np.eye(2, dtype=np.float32)[[0, 1, 1]], classes=("a", "b"))
    for ask in (
        lambda: check_numbers(broken),
        lambda: train(broken, data),  # at once, before the first event is asked for
        lambda: evaluate(broken, data, squared_error),
        lambda: explain.nudges(broken, np.ones(3), 0),
    ):
        with pytest.raises(WrongValue, match=says):
            ask()


def test_numbers_whose_sum_overflows_are_finite():
    network = Network.random((3, 4, 2))
    check_numbers(changed(network, 1, "weight", np.full((4, 3), 3e38, np.float32)))


@pytest.mark.torch
def test_a_network_of_two_libraries_is_refused():
    import torch

    network = Network.random((3, 4, 2))
    mixed = changed(network, 2, "bias", torch.zeros(2))
    with pytest.raises(
        WrongValue, match="the weights of layer 1 are float32 of numpy and the biases of layer 2 float32 of torch"
    ):
        check_numbers(mixed)
