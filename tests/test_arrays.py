import numpy as np
import pytest

from glassnet import Network, confusion, evaluate, history, last, train
from glassnet.arrays import device_of, from_numpy, library, moved, namespace, to_numpy
from glassnet.costs import as_cost
from glassnet.errors import WrongValue
from glassnet.evaluation import outputs

SETTINGS = {
    "series": {"hidden": "sigmoid", "output": "sigmoid", "cost": "squared_error", "optimizer": "sgd(clip=0.5)"},
    "classes": {"hidden": ("gelu", "silu"), "output": "softmax", "cost": "cross_entropy", "optimizer": "adam"},
    "yes or no": {
        "hidden": ("elu", "tanh"),
        "output": "sigmoid",
        "cost": "binary_cross_entropy",
        "optimizer": "rmsprop(learning_rate=0.001)",
    },
    "numbers": {"hidden": ("softplus", "leaky_relu"), "output": "identity", "cost": "huber", "optimizer": "adamw"},
    "robust": {
        "hidden": ("relu", "identity"),
        "output": "tanh",
        "cost": "absolute_error",
        "optimizer": "sgd(learning_rate=0.01, momentum=0.5)",
    },
}


def cost_curve(xp, few, setting, dropout=0.0):
    options = dict(SETTINGS[setting])
    network = Network.random(
        (784, 12, 8, 10), hidden=options.pop("hidden"), output=options.pop("output"), xp=xp, dtype=xp.float64
    )
    data, validation = few
    events = history(
        train(
            network,
            data,
            validation=validation,
            epochs=2,
            batch_size=32,
            engine="reference",
            dropout=dropout,
            quiet=True,  # of these settings some learn nothing in two epochs: it is their numbers that are compared
            **options,
        )
    )
    trained = last(events)
    assert type(trained.layers[0].weight) is type(network.layers[0].weight)
    return np.array([*events.costs, events.epochs[-1].validation.cost])


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_same_cost_curve_in_every_library(xp, few, setting):
    # array-api-strict raises at anything that the standard does not promise.
    ours, theirs = cost_curve(np, few, setting), cost_curve(xp, few, setting)
    assert theirs == pytest.approx(ours, rel=1e-6, abs=1e-9)
    assert ours[0] != ours[-1]


def test_dropout_and_example_weights_in_every_library(xp, few):
    from dataclasses import replace

    assert cost_curve(xp, few, "series", dropout=0.3) == pytest.approx(
        cost_curve(np, few, "series", dropout=0.3), rel=1e-6
    )
    data = replace(few[0], weights=np.linspace(0, 2, len(few[0])))
    curves = []
    for lib in (np, xp):
        events = history(
            train(Network.random((784, 6, 10), xp=lib, dtype=lib.float64), data, epochs=1, engine="reference")
        )
        last(events)
        curves.append(events.costs)
    assert curves[1] == pytest.approx(curves[0], rel=1e-6)


def test_the_same_seed_is_the_same_network_in_every_library(xp):
    ours, theirs = Network.random((5, 4, 3), seed=7), Network.random((5, 4, 3), seed=7, xp=xp)
    assert to_numpy(theirs.layers[0].weight).tobytes() == ours.layers[0].weight.tobytes()
    assert ours.layers[0].weight.dtype == np.float32
    # and there and back again
    back = ours.to(xp).to(np)
    assert back.layers[1].weight.tobytes() == ours.layers[1].weight.tobytes()
    assert ours.to(xp, dtype=xp.float64).layers[0].bias.dtype == xp.float64
    assert ours.to(np, dtype=np.float64).layers[0].bias.dtype == np.float64


def test_data_of_any_library_trains_and_evaluates_a_network_of_any(xp, few):
    from dataclasses import replace

    data, validation = few
    like = library(xp).empty(0, dtype=xp.float32)
    moved = replace(data, inputs=from_numpy(data.inputs, like), targets=from_numpy(data.targets, like))
    network = last(train(Network.random((784, 6, 10)), moved, epochs=1, every=7))
    there = last(train(Network.random((784, 6, 10), xp=xp), data, epochs=1))
    cost = as_cost("squared_error")
    ours, theirs = evaluate(network, validation, cost), evaluate(there, validation, cost)
    assert ours.cost == pytest.approx(theirs.cost, rel=1e-4)
    assert moved.take([3, 1]).labels.tolist() == data.take([3, 1]).labels.tolist()


def test_namespace_of_mixed_and_strange_things(xp):
    assert namespace(np.ones(2)) is np
    assert namespace(xp.ones(2)) is library(xp)
    assert device_of(np.ones(2)) == "cpu"
    with pytest.raises(TypeError):
        namespace("digits")
    with pytest.raises(WrongValue, match="array library such as numpy or torch"):
        library(pytest)


@pytest.mark.torch
def test_a_tensor_with_a_tape_comes_home():
    import torch

    assert to_numpy(torch.ones(2, requires_grad=True) * 2).tolist() == [2.0, 2.0]


def test_moved_is_itself_where_it_is_and_the_same_numbers_elsewhere(xp):
    here = xp.asarray([1.0, 2.5], dtype=xp.float64)
    assert moved(here, xp.zeros(1, dtype=xp.float64)) is here
    there = moved(here, np.zeros(1, np.float32))
    assert (type(there), there.dtype, there.tolist()) == (np.ndarray, np.float32, [1.0, 2.5])
    back = moved(there, here)
    assert type(back) is type(here)
    assert back.dtype == here.dtype


def test_outputs_and_mistakes_in_every_library(xp, few):
    # 200 examples are fewer than a chunk: nothing may be sliced past the end
    network = Network.random((784, 6, 10), seed=2)
    assert outputs(network.to(xp), few[1].inputs) == pytest.approx(outputs(network, few[1].inputs), abs=1e-6)
    assert confusion(network.to(xp), few[1]).tolist() == confusion(network, few[1]).tolist()
