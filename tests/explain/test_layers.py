import json
import sys
import types

import numpy as np
import pytest
from sklearn.manifold import TSNE

from glassnet import Dataset, Network, WrongValue, backward, last, train
from glassnet.activations import identity, leaky_relu, relu, sigmoid, softmax, step, tanh
from glassnet.arrays import from_numpy, to_numpy
from glassnet.costs import binary_cross_entropy, cross_entropy, squared_error
from glassnet.explain.blocks import Bars, Curves, Map, Sentence, Table
from glassnet.explain.layers import BINS, NEIGHBORS, gradient_sizes, layers, maps
from glassnet.network import Layer


def some_data(rng, n=60, inputs=6, outputs=3, weights=False, classes=True):
    targets = np.eye(outputs)[rng.integers(0, outputs, n)]
    return Dataset(
        rng.uniform(0, 1, (n, inputs)),
        targets,
        rng.uniform(0, 2, n) if weights else None,
        tuple("abcdefghij"[:outputs]) if classes else None,
    )


def in_library(data, xp):
    def there(array):
        return None if array is None else xp.asarray(array)

    return Dataset(there(data.inputs), there(data.targets), there(data.weights), data.classes)


def single(weight, bias, activation):
    """One layer with its numbers written down."""
    return Network((Layer(np.array(weight, float), np.array(bias, float)),), (activation,))


def words(explanation):
    return " ".join(block.text for block in explanation.blocks() if isinstance(block, Sentence))


def rms(array):
    return np.sqrt(np.mean(np.square(to_numpy(array))))


# What each layer says


def test_the_statistics_are_those_of_the_activations(rng, xp):
    data = some_data(rng)
    network = Network.random((6, 5, 4, 3), hidden=("relu", "tanh"), output="softmax", xp=xp)
    found = layers(network, in_library(data, xp))
    activations = network.to(np, dtype=np.float64).forward(data.inputs).activations
    assert [each.layer for each in found.layers] == [0, 1, 2, 3]
    assert [each.activation for each in found.layers] == [None, "relu", "tanh", "softmax"]
    for each, a in zip(found.layers, activations, strict=True):
        assert each.neurons == a.shape[1]
        assert (each.mean, each.std) == pytest.approx((a.mean(), a.std()), rel=1e-12)
        assert (each.smallest, each.largest) == pytest.approx((a.min(), a.max()), rel=1e-12)
        assert each.neuron_means == pytest.approx(a.mean(axis=0), rel=1e-12)
        assert each.neuron_stds == pytest.approx(a.std(axis=0), rel=1e-12)
        assert each.counts.sum() == a.size
        for low, high, count in list(zip(each.edges, each.edges[1:], each.counts, strict=False))[:-1]:
            assert count == ((a >= low) & (a < high)).sum()
    assert [(each.edges[0], each.edges[-1]) for each in found.layers] == [
        (0, 1),
        (0, found.layers[1].largest),
        (-1, 1),
        (0, 1),
    ]


def test_gradient_sizes_and_errors_are_those_of_backward(rng, xp):
    data = some_data(rng, weights=True)
    network = Network.random((6, 5, 4, 3), hidden="tanh", output="softmax", xp=xp, dtype=xp.float64)
    there = in_library(data, xp)
    found = layers(network, there, cross_entropy)
    weights = there.weights * from_numpy(np.array(len(data) / data.weights.sum()), there.weights)
    back = backward(network, network.forward(there.inputs), there.targets, cross_entropy, weights)
    assert (found.layers[0].weight_gradient, found.layers[0].bias_gradient, found.layers[0].error) == (None, None, None)
    for each, gradient, delta in zip(found.layers[1:], back.gradient, back.deltas, strict=True):
        assert each.weight_gradient == pytest.approx(rms(gradient.weight), rel=1e-12)
        assert each.bias_gradient == pytest.approx(rms(gradient.bias), rel=1e-12)
        assert each.error == pytest.approx(rms(delta), rel=1e-12)


def test_chunks_do_not_show(rng):
    data = some_data(rng, n=9000)
    network = Network.random((6, 5, 3), dtype=np.float64)
    found = layers(network, data)
    forward = network.forward(data.inputs)
    back = backward(network, forward, data.targets, squared_error)
    hidden = found.layers[1]
    a = forward.activations[1]
    assert (hidden.mean, hidden.std, hidden.smallest) == pytest.approx((a.mean(), a.std(), a.min()), rel=1e-12)
    assert hidden.neuron_stds == pytest.approx(a.std(axis=0), rel=1e-12)
    assert hidden.counts.tolist() == np.histogram(a, BINS, (0, 1))[0].tolist()
    assert hidden.weight_gradient == pytest.approx(rms(back.gradient[0].weight), rel=1e-12)
    assert hidden.error == pytest.approx(rms(back.deltas[0]), rel=1e-12)
    assert (hidden.largest, found.layers[0].largest) == pytest.approx((a.max(), data.inputs.max()), rel=1e-12)
    # a relu that wakes for the very first example is not dead, whatever the rest say
    inputs = np.zeros((9000, 1))
    inputs[0] = 1
    (_, layer) = layers(single([[1.0], [-1.0]], [0, 0], relu), Dataset(inputs, np.zeros((9000, 2)))).layers
    assert layer.dead == (1,)


class Doubled(type(sigmoid)):
    """Twice the sigmoid: more than the range it says it has."""

    __slots__ = ()
    name = "doubled"

    def value(self, z):
        return 2 * sigmoid.value(z)


def test_a_histogram_holds_every_activation(rng):
    found = layers(single(rng.normal(size=(3, 6)) * 5, np.zeros(3), Doubled()), some_data(rng)).layers[1]
    assert found.largest > 1
    assert found.edges[-1] == found.largest
    assert found.counts.sum() == 60 * 3


# Dead and saturated neurons


def test_a_dead_relu_is_found_and_told_what_helps(rng):
    network = Network.random((6, 5, 3), hidden="relu", initializer="he", dtype=np.float64)
    network.layers[0].bias[:] = [1, -100, 1, -100, 1]
    found = layers(network, some_data(rng))
    assert found.layers[1].dead == (1, 3)
    assert found.layers[1].flat[[1, 3]].tolist() == [1, 1]
    (advice,) = found.advice
    assert advice.startswith("Layer 1: 2 of 5 neurons (1, 3) are dead")
    for cure in ("learning rate", "leaky_relu", "he initializer"):
        assert cure in advice
    assert advice in words(found)
    assert "No neuron" not in words(found)


def test_a_relu_that_is_constant_but_not_silent_is_not_dead(rng):
    network = single(np.zeros((3, 6)), [3, 3, 0], relu)
    assert layers(network, some_data(rng)).layers[1].dead == (2,)


def test_other_neurons_are_dead_if_they_say_the_same_to_all(rng):
    weight = rng.normal(size=(3, 6))
    weight[1] = 0
    found = layers(single(weight, [0, 0, 0], sigmoid), some_data(rng))
    assert found.layers[1].dead == (1,)
    assert found.layers[1].saturated == ()  # its slope at z = 0 is the largest there is
    assert "(1) are dead: they say the same to every example" in found.advice[0]


def test_saturated_neurons_are_found_by_their_slope(rng):
    # σ'(z) = a (1 − a) is below a hundredth of ¼ where a < 0.002506: |z| > 5.986. Inputs are drawn from −1 to 1.
    data = Dataset(rng.uniform(-1, 1, (400, 1)), np.eye(3)[rng.integers(0, 3, 400)], classes=tuple("abc"))
    weight = np.array([[1000.0], [12.0], [1.0]])
    network = single(weight, np.zeros(3), sigmoid)
    (_, layer) = (found := layers(network, data)).layers
    share = (np.abs(data.inputs @ weight.T) > 5.9864).mean(axis=0)
    assert layer.flat == pytest.approx(share, abs=1e-12)
    assert 0.3 < layer.flat[1] < 0.7
    assert layer.saturated == (0,)
    (advice,) = found.advice
    assert "1 of 3 neurons (0) are saturated" in advice
    assert "Cross-entropy" in advice
    assert "glorot" in advice


def test_a_saturated_output_is_no_trouble_for_its_natural_cost(rng):
    data = Dataset(rng.uniform(-1, 1, (400, 1)), np.eye(2)[rng.integers(0, 2, 400)], classes=tuple("ab"))
    network = single([[1000.0], [1.0]], np.zeros(2), sigmoid)
    (advice,) = layers(network, data, binary_cross_entropy).advice
    assert "does not stop their learning" in advice
    hidden = Network((*network.layers, Layer(np.ones((2, 2)), np.zeros(2))), (sigmoid, sigmoid))
    (advice,) = layers(hidden, data, binary_cross_entropy).advice
    assert "Layer 1: 1 of 2 neurons (0) are saturated" in advice
    assert "glorot" in advice


@pytest.mark.parametrize(
    ("activation", "share"),
    [
        (relu, lambda z: z <= 0),
        (leaky_relu, lambda z: np.zeros_like(z)),  # its slope below 0 is 1 %, which is not less than 1 %
        (tanh, lambda z: 1 - np.tanh(z) ** 2 < 0.01),
        (identity, lambda z: np.zeros_like(z)),
        (step, lambda z: np.ones_like(z)),
    ],
    ids=lambda each: getattr(each, "name", ""),
)
def test_flat_shares_are_those_of_the_slope(rng, activation, share):
    data = some_data(rng)
    network = single(rng.normal(size=(3, 6)) * 3, rng.normal(size=3), activation)
    z = data.inputs @ network.layers[0].weight.T + network.layers[0].bias
    assert layers(network, data).layers[1].flat == pytest.approx(share(z).mean(axis=0), abs=1e-12)


def test_a_relu_silent_for_nearly_all_is_named_but_not_called_dead(rng):
    data = Dataset(np.linspace(0, 1, 100)[:, None], np.eye(2)[rng.integers(0, 2, 100)], classes=tuple("ab"))
    network = single([[1.0], [1.0]], [-0.975, 1.0], relu)  # above 0 for 3 of 100
    found = layers(network, data)
    assert (found.layers[1].dead, found.layers[1].saturated) == ((), (0,))
    assert "say 0 to over 95% of the examples" in found.advice[0]


def test_a_step_stops_all_learning(rng):
    network = Network.random((6, 5, 3), hidden="step", dtype=np.float64)
    found = layers(network, some_data(rng))
    assert any("the slope of step is 0" in each for each in found.advice)
    assert found.layers[1].weight_gradient == 0


def test_softmax_has_no_slope_of_its_own(rng):
    found = layers(single(rng.normal(size=(3, 6)) * 100, np.zeros(3), softmax), some_data(rng), cross_entropy)
    assert (found.layers[1].flat, found.layers[1].saturated) == (None, None)


def test_a_healthy_network_gets_no_advice(few):
    network = last(train(Network.random((784, 16, 16, 10)), few[0], epochs=3, engine="reference"))
    found = layers(network, few[1])
    assert found.advice == ()
    assert all(each.dead == each.saturated == () for each in found.layers[1:])
    assert "No neuron is dead, none is saturated" in words(found)


# Neighbors


def test_the_share_of_neighbors_of_one_class_by_brute_force(rng, xp):
    data = some_data(rng, n=80)
    network = Network.random((6, 5, 3), xp=xp, dtype=xp.float64)
    found = layers(network, in_library(data, xp))
    for each, a in zip(found.layers, network.to(np).forward(data.inputs).activations, strict=True):
        distances = np.linalg.norm(a[:, None, :] - a[None, :, :], axis=2)
        np.fill_diagonal(distances, np.inf)
        nearest = distances.argmin(axis=1)
        assert each.neighbors == pytest.approx((data.labels[nearest] == data.labels).mean(), abs=1e-12)
    pairs = [data.labels[i] == data.labels[j] for i in range(80) for j in range(80) if i != j]
    assert found.chance == pytest.approx(np.mean(pairs), abs=1e-12)


def test_neighbors_are_looked_for_among_evenly_spaced_examples():
    # Sorted by class, as a folder of images is: the first thousand would all be of one class.
    n = 3 * NEIGHBORS
    labels = np.repeat([0, 1], n // 2)
    data = Dataset(np.arange(n, dtype=float)[:, None], np.eye(2)[labels], classes=("low", "high"))
    found = layers(Network.random((1, 2)), data)
    assert found.neighbors_among == NEIGHBORS
    assert found.chance == pytest.approx(499 / 999)
    assert found.layers[0].neighbors >= 0.998  # but for those at the border


def test_data_without_classes_has_no_neighbors(rng):
    found = layers(Network.random((6, 3)), some_data(rng, classes=False))
    assert found.chance is None
    assert [each.neighbors for each in found.layers] == [None, None]
    assert not any(isinstance(block, Bars) for block in found.blocks())


def test_without_scikit_learn_all_but_the_neighbors_is_there(rng, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.neighbors", None)
    found = layers(Network.random((6, 3)), some_data(rng))
    assert [each.neighbors for each in found.layers] == [None, None]
    assert "pip install 'glassnet[sklearn]'" in words(found)


# What is shown, and what is refused


def test_layers_show_themselves(rng):
    found = layers(Network.random((6, 4, 3)), some_data(rng))
    blocks = list(found.blocks())
    assert [len(block.rows) for block in blocks if isinstance(block, Table)] == [3, 2]
    (curves,) = (block for block in blocks if isinstance(block, Curves))
    assert [each.ys.sum() for each in curves.curves] == pytest.approx([1, 1, 1])
    (bars,) = (block for block in blocks if isinstance(block, Bars))
    assert bars.values == tuple(each.neighbors for each in found.layers)
    assert json.dumps(found.to_data(), allow_nan=False)


def test_what_does_not_fit_is_refused(rng):
    network = Network.random((6, 3))
    with pytest.raises(WrongValue, match="2 examples or more, got 1"):
        layers(network, some_data(rng, n=1))
    with pytest.raises(WrongValue, match="takes 6"):
        layers(network, some_data(rng, inputs=5))
    with pytest.raises(WrongValue, match="cross_entropy needs"):
        layers(network, some_data(rng), cross_entropy)


# The vanishing gradient


def deep(hidden, initializer, seed=0):
    return Network.random((784, *[30] * 9, 10), hidden=hidden, initializer=initializer, seed=seed)


def test_the_gradient_vanishes_in_a_deep_network_of_sigmoids_and_not_of_relus(few):
    found = gradient_sizes({"sigmoid": deep("sigmoid", "glorot"), "relu": deep("relu", "he")}, few[0])
    sigmoids, relus = found.networks
    assert sigmoids.ratio < 1e-4
    assert relus.ratio > 0.01
    assert sigmoids.ratio == sigmoids.weight[0] / sigmoids.weight[-1]
    vanished = [text for text in words(found).split(". ") if "the gradient has vanished" in text]
    assert [text.partition(":")[0] for text in vanished] == ["sigmoid"]
    (curves,) = (block for block in found.blocks() if isinstance(block, Curves))
    assert curves.log_y
    assert [each.name for each in curves.curves] == ["sigmoid", "relu"]
    assert json.dumps(found.to_data(), allow_nan=False)
    advice = layers(deep("sigmoid", "glorot"), few[0]).advice
    assert any("fades" in each for each in advice)
    assert not any("fades" in each for each in layers(deep("relu", "he"), few[0]).advice)


@pytest.mark.torch
def test_gradient_sizes_are_those_of_autograd(rng):
    import torch

    data = some_data(rng, weights=True)
    network = Network.random((6, 5, 4, 3), hidden="tanh", xp=torch, dtype=torch.float64)
    (found,) = gradient_sizes({"tanh": network}, data).networks
    weights = [layer.weight.clone().requires_grad_() for layer in network.layers]
    biases = [layer.bias.clone().requires_grad_() for layer in network.layers]
    a = torch.asarray(data.inputs)
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        a = (torch.sigmoid if number == 2 else torch.tanh)(a @ weight.T + bias)
    costs = ((a - torch.asarray(data.targets)) ** 2).sum(dim=1)
    ((costs * torch.asarray(data.weights)).sum() / data.weights.sum()).backward()
    assert found.weight == pytest.approx([rms(weight.grad) for weight in weights], rel=1e-10)
    assert found.bias == pytest.approx([rms(bias.grad) for bias in biases], rel=1e-10)


def test_a_gradient_of_zero_has_no_logarithm_and_no_ratio(rng):
    data = some_data(rng)
    silent = Network.random((6, 4, 3), hidden="relu", output="relu", dtype=np.float64)
    silent.layers[1].bias[:] = -100
    found = gradient_sizes({"step": Network.random((6, 4, 3), hidden="step"), "silent": silent}, data)
    assert found.networks[0].ratio == 0
    assert np.isnan(found.networks[1].ratio)
    (curves,) = (block for block in found.blocks() if isinstance(block, Curves))
    assert [(each.name, each.xs.tolist()) for each in curves.curves] == [("step", [2.0])]
    assert "there is no ratio" in words(found)
    assert found.to_data()["networks"][1]["ratio"] is None


def test_networks_of_several_depths_stand_side_by_side(rng):
    found = gradient_sizes({"one": Network.random((6, 3)), "two": Network.random((6, 4, 3))}, some_data(rng))
    (table,) = (block for block in found.blocks() if isinstance(block, Table))
    assert table.columns == ("layer", "one", "two")
    assert [row[1] == "–" for row in table.rows] == [False, True]
    with pytest.raises(WrongValue, match="nothing to compare"):
        gradient_sizes({}, some_data(rng))


# Maps


def test_pca_is_the_singular_value_decomposition(rng, xp):
    data = some_data(rng)
    network = Network.random((6, 5, 3), xp=xp, dtype=xp.float64)
    found = maps(network, in_library(data, xp))
    assert found.sizes == (6, 5, 3)
    for each, a in zip(found.maps, network.to(np).forward(data.inputs).activations, strict=True):
        u, s, _ = np.linalg.svd(a - a.mean(axis=0), full_matrices=False)
        points = u[:, :2] * s[:2]
        signs = np.sign((points * each.points).sum(axis=0))
        assert each.points * signs == pytest.approx(points, abs=1e-9)
        assert each.explained == pytest.approx(tuple(s[:2] ** 2 / (s**2).sum()), rel=1e-9)


def test_tsne_is_scikit_learns_and_its_seed_decides(rng):
    data = some_data(rng, n=40)
    network = Network.random((6, 3), dtype=np.float64)
    found = maps(network, data, "tsne", seed=3)
    for each, a in zip(found.maps, network.forward(data.inputs).activations, strict=True):
        others = TSNE(init="pca", perplexity=13, random_state=3).fit_transform(a)
        assert each.points == pytest.approx(others.astype(np.float64))
        assert each.explained is None


def test_a_line_and_a_point_can_be_mapped(rng):
    network = Network.random((6, 1, 3), dtype=np.float64)
    network.layers[1].weight[:] = 0
    for method in ("pca", "tsne"):
        found = maps(network, some_data(rng, n=20), method)
        assert np.isfinite(found.maps[1].points).all()
        assert not found.maps[2].points.any()
    found = maps(network, some_data(rng, n=20))
    assert not found.maps[1].points[:, 1].any()
    assert found.maps[1].explained == pytest.approx((1, 0))
    assert found.maps[2].explained == (0, 0)


def test_maps_say_how_they_may_be_read(rng):
    data = some_data(rng)
    found = maps(Network.random((6, 4, 3)), data)
    drawn = [block for block in found.blocks() if isinstance(block, Map)]
    assert [block.title.partition(",")[0] for block in drawn] == ["input", "layer 1", "layer 2"]
    shares = [f"a linear shadow that shows {sum(each.explained):.0%} of the variance" for each in found.maps]
    assert [block.title.partition("PCA, ")[2] for block in drawn] == shares
    assert drawn[0].labels.tolist() == data.labels.tolist()
    assert "linear shadow" in words(found)
    bent = maps(Network.random((6, 3)), some_data(rng, n=20), "tsne")
    assert "another seed draws another map" in words(bent)
    assert all("clusters mean little" in block.title for block in bent.blocks() if isinstance(block, Map))
    assert json.dumps(found.to_data(), allow_nan=False)
    assert maps(Network.random((6, 3)), some_data(rng, classes=False)).classes == ("examples",)


def test_umap_is_asked_if_it_is_there(rng, monkeypatch):
    data = some_data(rng, n=10)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(WrongValue, match="umap-learn, which is not installed"):
        maps(Network.random((6, 3)), data, "umap")

    class Umap:
        def __init__(self, **settings):
            self.settings = settings

        def fit_transform(self, numbers):
            assert self.settings["random_state"] == 5
            assert self.settings["n_neighbors"] == 9
            return numbers[:, :2]

    monkeypatch.setitem(sys.modules, "umap", types.SimpleNamespace(UMAP=Umap))
    found = maps(Network.random((6, 3)), data, "umap", seed=5)
    assert found.maps[0].points.tolist() == data.inputs[:, :2].tolist()


def test_maps_that_cannot_be_drawn_are_refused(rng, monkeypatch):
    network = Network.random((6, 3))
    for method, most in (("pca", 5000), ("tsne", 2000)):
        with pytest.raises(WrongValue, match=rf"at most {most:,} examples.*data\.take\(slice\(0, 1000\)\)"):
            maps(network, some_data(rng, n=most + 1), method)
    assert maps(network, some_data(rng, n=5000)).maps[0].points.shape == (5000, 2)
    with pytest.raises(WrongValue, match="at least 4 examples, got 3"):
        maps(network, some_data(rng, n=3))
    with pytest.raises(WrongValue, match="choose one of pca, tsne, umap"):
        maps(network, some_data(rng), "lda")
    with pytest.raises(WrongValue, match="takes 6"):
        maps(network, some_data(rng, inputs=5))
    with pytest.raises(WrongValue, match="seed"):
        maps(network, some_data(rng), seed=-1)
    monkeypatch.setitem(sys.modules, "sklearn.decomposition", None)
    with pytest.raises(WrongValue, match=r"pip install 'glassnet\[sklearn\]'"):
        maps(network, some_data(rng))
