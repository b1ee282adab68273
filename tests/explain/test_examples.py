"""What explainers are given is checked, made precise, and computed in parts without a difference."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from generated import many, network_and_example

from fitting import FITTING
from glassnet import (
    SGD,
    Dataset,
    Network,
    Run,
    WrongValue,
    backward,
    evaluate,
    explain,
    last,
    read_checkpoint,
    read_network,
    record,
    save_checkpoint,
    save_network,
    train,
)
from glassnet.arrays import from_numpy, to_numpy
from glassnet.costs import Huber, as_cost, cross_entropy, squared_error
from glassnet.explain import examples
from glassnet.explain.examples import (
    as_data,
    as_example,
    backward_in_parts,
    common_cost,
    cost_and_gradient,
    cost_for,
    costs_of,
    nudged,
    precise,
)
from glassnet.explain.parameters import flat, parameter_at, unflat
from glassnet.runs.edits import Edit, edited


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


# ── The cost of the training ─────────────────────────────────────────────────────────────────────────────────────────


def mean_cost(network, data, cost):
    """From the formula of the cost and the network's output alone."""
    return float(cost.value(network(data.inputs), data.targets).mean())


def central_differences(network, data, cost, step=1e-6):
    """dC/dp for every parameter, by nudging it."""
    numbers, found = flat(network.layers), []
    for place in range(network.count):
        ends = []
        for sign in (1, -1):
            moved = numbers.copy()
            moved[place] += sign * step
            ends.append(mean_cost(replace(network, layers=unflat(moved, network)), data, cost))
        found.append((ends[0] - ends[1]) / (2 * step))
    return np.array(found)


@pytest.mark.parametrize(("cost", "output"), FITTING)
def test_without_a_word_the_gradient_is_that_of_the_training(cost, output, rng):
    # Kinks are out of the way: smooth hidden neurons, and random targets off the outputs.
    cost, rate = as_cost(cost), 0.01
    network = Network.random((3, 4, 3), hidden="tanh", output=output, initializer="glorot", seed=3, dtype=np.float64)
    data = Dataset(rng.random((6, 3)), rng.dirichlet(np.ones(3), 6))
    settings = {"cost": cost, "epochs": 1, "engine": "reference", "quiet": True}
    began, *_, ended = train(network, data, optimizer=SGD(rate), batch_size=6, **settings)
    before, after = began.checkpoint.network, ended.checkpoint.network
    assert before.cost == after.cost == cost
    taken = (flat(before.layers) - flat(after.layers)) / rate  # what the one step on all data was along
    proved = central_differences(before, data, cost)
    np.testing.assert_allclose(taken, proved, atol=1e-7)
    told = explain.sensitivity(before, data)
    np.testing.assert_allclose(flat(told.gradient), taken, atol=1e-9)
    np.testing.assert_allclose(-explain.requests(before, data).mean, taken, atol=1e-9)
    assert told.cost == pytest.approx(mean_cost(before, data, cost), rel=1e-9)
    layers = explain.layers(before, data).layers[1:]
    one = unflat(taken, before)
    for each, layer in zip(layers, one, strict=True):
        assert each.weight_gradient == pytest.approx(np.sqrt(np.mean(layer.weight**2)), abs=1e-9)
    fading = explain.gradient_sizes({"one": before, "two": before}, data).networks[1]
    assert fading.weight == pytest.approx([each.weight_gradient for each in layers], abs=1e-12)
    steepest = explain.landscape(before, data, dimensions=1, resolution=3).steepest
    assert steepest == pytest.approx(np.linalg.norm(taken), abs=1e-9)
    if taken.any():  # the slope of step is 0
        assert explain.wiggle(before, data).slope == pytest.approx(-np.linalg.norm(taken), abs=1e-9)
    image = data.take(slice(0, 1))
    proved = central_differences(before, image, cost)
    story = explain.story(before, image.inputs, image.targets)
    wishes = np.concatenate([part for each in story.nudges.layers for part in (each.weight.ravel(), each.bias)])
    np.testing.assert_allclose(wishes, -proved, atol=1e-7)
    np.testing.assert_allclose(flat(story.sensitivity.gradient), proved, atol=1e-7)
    for place in (2, 20):
        why = explain.chain_rule(before, image.inputs, image.targets, parameter_at(before, place))
        assert (why.gradient, why.derivative) == pytest.approx((proved[place], proved[place]), abs=1e-7)
    assert story.cost == pytest.approx(mean_cost(before, image, cost), rel=1e-9)
    assert float(np.sum(story.terms)) == pytest.approx(story.cost, abs=1e-9)


@pytest.mark.torch
def test_a_softmax_network_trained_by_cross_entropy_is_explained_by_it(few):
    torch = pytest.importorskip("torch")
    data, test = few
    network = last(train(Network.random((784, 16, 16, 10), output="softmax"), data, cost="cross_entropy", epochs=3))
    turned = []
    for row in range(20):
        label = int(test.labels[row])
        told = explain.sensitivity(network, test.inputs[row], label)
        pairs = [
            (torch.tensor(np.float64(layer.weight)), torch.tensor(np.float64(layer.bias))) for layer in network.layers
        ]
        a = torch.tensor(test.inputs[row], dtype=torch.float64)
        for number, (weight, bias) in enumerate(pairs):
            weight.requires_grad_()
            bias.requires_grad_()
            z = weight @ a + bias
            a = torch.sigmoid(z) if number < 2 else z
        price = torch.nn.functional.cross_entropy(a[None], torch.tensor([label]))
        price.backward()
        theirs = np.concatenate([each.grad.numpy().ravel() for pair in pairs for each in pair])
        assert told.cost == pytest.approx(float(price.detach()), abs=1e-12)
        np.testing.assert_allclose(flat(told.gradient), theirs, atol=1e-12)
        for number, index in enumerate(told.order[:3].tolist()):
            why = explain.chain_rule(network, test.inputs[row], label, parameter_at(network, index))
            assert why.gradient == pytest.approx(theirs[index], abs=1e-12)
            assert why.rank == number + 1
        other = flat(explain.sensitivity(network, test.inputs[row], label, "squared_error").gradient)
        large = np.abs(theirs) > 0.01
        turned.append((np.sign(other) != np.sign(theirs))[large].mean())
    assert max(turned) > 0.01  # the squared error would have some of them grow that training lets shrink


@pytest.mark.parametrize("engine", ["reference", "fused"])
def test_a_trained_network_knows_its_cost_wherever_it_goes(few, engine, tmp_path):
    data, start = few[0].take(slice(0, 50)), Network.random((784, 4, 10))
    run = Run.create(tmp_path / "run", {})
    events = list(record(train(start, data, cost=Huber(0.5), epochs=2, engine=engine), run))
    assert start.cost is None
    assert {event.checkpoint.network.cost for event in events} == {Huber(0.5)}
    trained, checkpoint = events[-1].checkpoint.network, events[-1].checkpoint
    save_network(tmp_path / "network.safetensors", trained)
    save_checkpoint(tmp_path / "checkpoint.safetensors", checkpoint)
    copies = {
        "file": read_network(tmp_path / "network.safetensors")[0],
        "checkpoint's network": read_network(tmp_path / "checkpoint.safetensors")[0],
        "checkpoint": read_checkpoint(tmp_path / "checkpoint.safetensors")[0].network,
        "run": Run.open(run.path).network(),
        "run's checkpoint": run.checkpoint().network,
        "edited": edited(trained, [Edit("mute", 1, 2)]),
        "precise": precise(trained),
        "float64": trained.to(dtype=np.float64),
        "nudged": nudged(trained, trained.layers, 0.1),
        "explained": explain.requests(trained, data).network,
        "gone on with": last(train(None, data, start=replace(events[3].checkpoint), engine=engine)),
    }
    assert {name: each.cost for name, each in copies.items()} == dict.fromkeys(copies, Huber(0.5))
    again = list(train(None, data, start=events[1].checkpoint, cost="absolute_error", engine=engine))
    assert {event.checkpoint.network.cost for event in again} == {as_cost("absolute_error")}
    assert cost_for(last(train(trained, data, epochs=1, engine=engine))) == squared_error  # a training of its own


def test_the_cost_is_the_one_named_else_that_of_the_training_else_the_usual_one():
    sigmoid, softmax = Network.random((4, 3)), Network.random((4, 3), output="softmax")
    trained = replace(softmax, cost=Huber(0.5))
    assert (cost_for(sigmoid), cost_for(softmax), cost_for(trained)) == (squared_error, cross_entropy, Huber(0.5))
    assert cost_for(trained, "huber(delta=2)") == cost_for(sigmoid, Huber(2.0)) == Huber(2.0)

    def why(network, given=None):
        return common_cost([("it", network)], given)[1]

    assert why(trained) == "as in the training of this network"
    assert why(softmax) == "the usual one after softmax: this network knows of no cost of a training"
    assert why(softmax, "squared_error") == why(trained, Huber(0.5)) == "as asked for"
    assert why(trained, "squared_error") == "as asked for; in the training of this network it was huber(delta=0.5)"


def test_several_networks_are_judged_by_one_cost():
    sigmoid, softmax = Network.random((4, 3)), Network.random((4, 3), output="softmax")
    surprised, squared = replace(softmax, cost=cross_entropy), replace(softmax, cost=squared_error)

    def common(*networks, given=None):
        return common_cost(list(zip("abc", networks, strict=False)), given)

    assert common(surprised, surprised) == (cross_entropy, "as in the training of these networks")
    assert common(squared, softmax, squared) == (squared_error, "as in the training of these networks that had one")
    assert common(sigmoid, sigmoid)[0] == squared_error
    assert common(softmax, softmax)[0] == cross_entropy
    named = common(surprised, squared, softmax, given="squared_error")
    assert named == (squared_error, "as asked for; in training it was cross_entropy for a")
    with pytest.raises(
        WrongValue, match=r"'a' goes with the cost cross_entropy and 'c' with squared_error, .* name one"
    ):
        common(surprised, softmax, squared)
    with pytest.raises(
        WrongValue, match=r"'a' goes with the cost squared_error and 'b' with cross_entropy, .* name one"
    ):
        common(sigmoid, softmax)
    with pytest.raises(WrongValue, match="the output activation is sigmoid"):
        common(surprised, sigmoid)


def test_questions_about_several_networks_refuse_costs_that_do_not_compare(few):
    data = few[0].take(slice(0, 20))
    network = Network.random((784, 3, 10), output="softmax", dtype=np.float64)
    one, other = replace(network, cost=cross_entropy), replace(nudged(network, network.layers, 0.1), cost=squared_error)
    walk = explain.Walk("elsewhere", [network, other], [0, 1], [0, 20])
    questions = (
        partial(explain.gradient_sizes, {"one": one, "other": other}, data),
        partial(explain.memorized, {"one": (one, data), "other": (other, data)}, data),
        partial(explain.landscape, one, data, dimensions=1, resolution=3, walks=[walk]),
    )
    for ask in questions:
        with pytest.raises(WrongValue, match="numbers of two costs do not compare"):
            ask()
        assert ask(cost="squared_error").cost_function == squared_error
    found = questions[2](cost="cross_entropy")
    assert found.walks[0].costs[1] == pytest.approx(mean_cost(other, data, cross_entropy), rel=1e-9)
