"""What a neuron looks for: by hand, by central differences, by PyTorch, and by counting again."""

import math

import numpy as np
import pytest

from glassnet import Dataset, Network, WrongValue
from glassnet.activations import ACTIVATIONS, identity, relu, sigmoid, softmax, tanh
from glassnet.arrays import to_numpy
from glassnet.explain.blocks import Bars, Curves, Heading, Picture, Pictures, Sentence, Table
from glassnet.explain.patterns import hope_and_truth, hoped, patterns
from glassnet.network import Layer

STEP = 1e-6
DEEP = (16, 6, 5, 3)


def random_network(sizes=DEEP, hidden="tanh", output="sigmoid", seed=0, **how):
    how = {"dtype": np.float64, **how}
    return Network.random(sizes, hidden=hidden, output=output, initializer="standard_normal", seed=seed, **how)


def weighted_sum(network, layer, neuron, rows):
    return network.forward(np.atleast_2d(rows)).zs[layer - 1][:, neuron]


def labeled(rng, n=60, inputs=16, classes=3):
    targets = np.eye(classes)[rng.integers(0, classes, n)]
    return Dataset(rng.random((n, inputs)), targets, classes=tuple("abcdefgh"[:classes]))


def biased(network, layer, neuron, bias):
    layers = list(network.layers)
    changed = layers[layer - 1].bias.copy()
    changed[neuron] = bias
    layers[layer - 1] = Layer(layers[layer - 1].weight, changed)
    return Network(tuple(layers), network.activations)


# ── One image ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_contributions_by_hand():
    # Layer 1, neuron 0: weights (1, −2, 0.5), bias 0.25; image (1, 0.5, 0.5).
    #   products (1, −1, 0.25), z = 0.25 + 0.25 = 0.5, a = tanh 0.5, slope 1 − tanh² 0.5
    # Layer 2, neuron 1: weights (3, −1), bias 0; behind: tanh 0.5 and tanh(1·1 + 0 + 0 + 0) = tanh 1.
    #   z = 3 tanh 0.5 − tanh 1;  ∂z/∂x = 3 (1 − tanh² 0.5) (1, −2, 0.5) − (1 − tanh² 1) (1, 0, 0)
    layers = (
        Layer(np.array([[1.0, -2.0, 0.5], [1.0, 0.0, 0.0]]), np.array([0.25, 0.0])),
        Layer(np.array([[1.0, 1.0], [3.0, -1.0]]), np.array([0.0, 0.0])),
    )
    network = Network(layers, (tanh, relu))
    image = np.array([1.0, 0.5, 0.5])
    first = patterns(network, 1, 0, image=image)
    t, u = math.tanh(0.5), math.tanh(1)
    assert first.contributions.products.tolist() == [1.0, -1.0, 0.25]
    assert (first.contributions.z, first.bias) == (0.5, 0.25)
    assert first.contributions.activation == pytest.approx(t, abs=1e-15)
    assert first.contributions.slope == pytest.approx(1 - t * t, abs=1e-15)
    assert first.contributions.local.tolist() == [1.0, -2.0, 0.5]
    second = patterns(network, 2, 1, image=image)
    assert second.contributions.z == pytest.approx(3 * t - u, abs=1e-15)
    np.testing.assert_allclose(
        second.contributions.local,
        [3 * (1 - t * t) - (1 - u * u), -6 * (1 - t * t), 1.5 * (1 - t * t)],
        rtol=1e-14,
    )
    assert second.composed.tolist() == [2.0, -6.0, 1.5]  # 3 (1, −2, 0.5) − (1, 0, 0)
    assert second.weights.tolist() == [3.0, -1.0]


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize("hidden", ["sigmoid", "relu", "gelu", "softmax"])
def test_the_sum_is_forwards_and_its_slope_that_of_central_differences(layer, hidden, rng):
    network, image = random_network(hidden=hidden), rng.random((4, 4))
    found = patterns(network, layer, 2, image=image, steps=0).contributions
    forward = network.forward(image.reshape(1, 16))
    assert found.z == pytest.approx(forward.zs[layer - 1][0, 2], abs=1e-13)
    assert found.error <= 1e-13
    assert found.activation == forward.activations[layer][0, 2]
    np.testing.assert_array_equal(found.behind, forward.activations[layer - 1][0])
    np.testing.assert_array_equal(found.products, found.behind * network.layers[layer - 1].weight[2])
    nudges = STEP * np.eye(16)
    up, down = (weighted_sum(network, layer, 2, image.reshape(-1) + sign * nudges) for sign in (1, -1))
    np.testing.assert_allclose(found.local, (up - down) / (2 * STEP), atol=1e-8)
    if layer == 1:
        np.testing.assert_array_equal(found.local, network.layers[0].weight[2])


@pytest.mark.torch
@pytest.mark.parametrize("hidden", [name for name in ACTIVATIONS if name != "step"])
def test_the_slope_of_the_sum_is_that_of_autograd(hidden, rng):
    import torch

    network, image = random_network(hidden=hidden), rng.random(16)
    x = torch.tensor(image, requires_grad=True)
    a = x[None, :]
    for layer, activation in zip(network.layers, network.activations, strict=True):
        z = a @ torch.tensor(layer.weight).T + torch.tensor(layer.bias)
        a = activation.value(z)
    z[0, 1].backward()
    found = patterns(network, 3, 1, image=image, steps=0).contributions.local
    np.testing.assert_allclose(found, x.grad.numpy(), atol=1e-10)
    assert np.abs(found).max() > 1e-6


@pytest.mark.parametrize("output", [name for name in ACTIVATIONS if name not in ("softmax", "step")])
def test_the_slope_of_the_activation_is_that_of_central_differences(output, rng):
    network, image = random_network(output=output), rng.random(16)
    found = patterns(network, 3, 0, image=image, steps=0).contributions
    up, down = (network.activations[-1].value(np.array([[found.z + sign * STEP]]))[0, 0] for sign in (1, -1))
    assert found.slope == pytest.approx((up - down) / (2 * STEP), abs=1e-8)


def test_softmax_has_no_slope_of_its_own(rng):
    network = random_network(output="softmax")
    found = patterns(network, 3, 0, image=rng.random(16), data=labeled(rng))
    assert found.contributions.slope is None
    assert found.responses.bias_curve is None
    assert not any(isinstance(block, Curves) for block in found.blocks())


def test_composed_is_exact_where_nothing_bends_between(rng):
    network = Network(random_network().layers, (identity, identity, sigmoid))
    for layer in (1, 2, 3):
        found = patterns(network, layer, 1, image=rng.random(16))
        np.testing.assert_array_equal(found.composed, found.contributions.local)
    first, second, third = (layer.weight for layer in network.layers)
    np.testing.assert_allclose(found.composed, (third @ second @ first)[1], rtol=1e-13)
    bent = patterns(random_network(), 3, 1, image=rng.random(16))
    assert not np.allclose(bent.composed, bent.contributions.local)


# ── Ascent ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("steps", [1, 7, 100])
def test_ascent_in_layer_1_finds_the_exact_answer(steps):
    network = random_network((784, 16, 10))
    for neuron in range(16):
        found = patterns(network, 1, neuron, steps=steps).ascent
        weights = network.layers[0].weight[neuron]
        np.testing.assert_array_equal(found.image, np.where(weights > 0, 1.0, 0.0))
        assert found.z == pytest.approx(weights[weights > 0].sum() + network.layers[0].bias[neuron], rel=1e-13)


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "gelu", "softplus"])
def test_ascent_further_in_beats_200_random_images(hidden, rng):
    for seed in range(4):
        network = random_network(hidden=hidden, seed=seed)
        for layer, neuron in ((2, 0), (3, 2)):
            found = patterns(network, layer, neuron).ascent
            assert found.z > found.start_z
            assert found.z >= weighted_sum(network, layer, neuron, rng.random((200, 16))).max()
            assert found.image.min() >= 0
            assert found.image.max() <= 1
            # Its numbers are those of its pictures.
            for image, z, a in (
                (np.full(16, 0.5), found.start_z, found.start_activation),
                (found.image, found.z, found.activation),
            ):
                forward = network.forward(image[None, :])
                assert forward.zs[layer - 1][0, neuron] == pytest.approx(z, abs=1e-13)
                assert forward.activations[layer][0, neuron] == pytest.approx(a, abs=1e-13)


def test_ascent_settles_where_the_best_is_between_black_and_white():
    # z = −relu(x − 0.3) − relu(0.3 − x) = −|x − 0.3|, highest at 0.3.
    layers = (Layer(np.array([[1.0], [-1.0]]), np.array([-0.3, 0.3])), Layer(np.array([[-1.0, -1.0]]), np.zeros(1)))
    found = patterns(Network(layers, (relu, sigmoid)), 2, 0).ascent
    assert found.image[0] == pytest.approx(0.3, abs=2e-3)
    assert (found.start_z, found.z) == (pytest.approx(-0.2), pytest.approx(0, abs=2e-3))


def test_ascent_stays_at_gray_where_there_is_no_slope():
    network = random_network(hidden="step")
    for found in (patterns(network, 3, 0), patterns(random_network(), 3, 0, steps=0)):
        assert found.ascent.image.tolist() == [0.5] * 16
        assert found.ascent.z == found.ascent.start_z
        assert any(isinstance(b, Sentence) and "nothing better than gray" in b.text for b in found.blocks())


# ── Many examples ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_most_and_least_by_sorting_all(layer, rng):
    network, data = random_network(), labeled(rng)
    found = patterns(network, layer, 1, data=data, count=4, steps=0).responses
    a = network.forward(data.inputs).activations[layer][:, 1]
    order = np.argsort(a)
    assert [each.row for each in found.least] == order[:4].tolist()
    assert [each.row for each in found.most] == order[::-1][:4].tolist()
    for each in (*found.most, *found.least):
        assert each.activation == pytest.approx(a[each.row], abs=1e-14)
        assert each.z == pytest.approx(weighted_sum(network, layer, 1, data.inputs[each.row])[0], abs=1e-13)
        assert each.label == data.classes[data.labels[each.row]]
        np.testing.assert_array_equal(each.image, data.inputs[each.row])
    assert found.examples == 60
    assert found.mean == pytest.approx(a.mean(), abs=1e-15)
    np.testing.assert_allclose(found.class_means, [a[data.labels == c].mean() for c in range(3)], atol=1e-15)


def test_where_activations_are_equal_the_sum_decides_and_then_the_row():
    # relu of −3, −1, 2, −3: the dark ones all say 0.
    network = Network((Layer(np.array([[1.0]]), np.array([0.0])),), (relu,))
    data = Dataset(np.array([[-3.0], [-1.0], [2.0], [-3.0]]), np.zeros((4, 1)))
    found = patterns(network, 1, 0, data=data, count=4).responses
    assert [each.row for each in found.least] == [0, 3, 1, 2]
    assert [each.row for each in found.most] == [2, 1, 0, 3]


@pytest.mark.parametrize("output", ["sigmoid", "tanh", "relu"])
def test_the_bias_curve_by_really_changing_the_bias(output, rng):
    network, data = random_network(output=output), labeled(rng)
    for layer in (1, 3):
        found = patterns(network, layer, 1, data=data, steps=0)
        curve = found.responses.bias_curve
        assert (curve.shares[0], curve.shares[-1]) == (0.0, 1.0)
        assert curve.biases[0] < found.bias < curve.biases[-1]
        for at, bias in [*enumerate(curve.biases), (None, found.bias)]:
            lit = weighted_sum(biased(network, layer, 1, bias), layer, 1, data.inputs) > 0
            shares, by_class = (
                (curve.now, curve.class_now) if at is None else (curve.shares[at], curve.class_shares[:, at])
            )
            assert shares == pytest.approx(lit.mean(), abs=1e-15)
            np.testing.assert_allclose(by_class, [lit[data.labels == c].mean() for c in range(3)], atol=1e-15)
        # Lit means above half of the unit range for a sigmoid, above 0 for the others.
        a = network.forward(data.inputs).activations[layer][:, 1]
        assert curve.now == np.mean(a > (0.5 if network.activations[layer - 1] == sigmoid else 0.0))


def test_a_sum_of_exactly_0_is_not_lit():
    network = Network((Layer(np.ones((1, 1)), np.zeros(1)),), (sigmoid,))
    data = Dataset(np.array([[-1.0], [0.0], [1.0]]), np.zeros((3, 1)))
    curve = patterns(network, 1, 0, data=data).responses.bias_curve
    assert curve.biases[20] == 0
    assert curve.shares[20] == pytest.approx(1 / 3)
    assert curve.now == pytest.approx(1 / 3)


def test_a_bias_that_is_out_of_proportion_is_still_on_the_curve(rng):
    network, data = random_network(), labeled(rng)
    for bias, share in ((1e3, 1.0), (-1e3, 0.0)):
        curve = patterns(biased(network, 1, 0, bias), 1, 0, data=data).responses.bias_curve
        assert curve.biases[0] < bias < curve.biases[-1]
        assert curve.now == share
    blind = Network((Layer(np.zeros((1, 16)), np.zeros(1)),), (sigmoid,))  # every example has the same sum
    curve = patterns(blind, 1, 0, data=Dataset(data.inputs, data.targets[:, :1])).responses.bias_curve
    assert (curve.shares[0], curve.shares[-1], curve.now) == (0.0, 1.0, 0.0)


def test_more_examples_than_are_looked_at_together(digits):
    data = digits.test.take(slice(0, 5000))
    network = Network.random(seed=3)
    found = patterns(network, 2, 5, data=data, count=3, steps=0).responses
    a = network.to(np, dtype=np.float64).forward(data.inputs.astype(np.float64)).activations[2][:, 5]
    assert [each.row for each in found.most] == np.argsort(-a)[:3].tolist()
    np.testing.assert_allclose(found.class_means, [a[data.labels == c].mean() for c in range(10)], atol=1e-14)


def test_data_without_classes_has_no_parts_by_class(rng):
    data = Dataset(rng.random((20, 16)), rng.random((20, 3)))
    found = patterns(random_network(), 2, 0, data=data)
    assert found.responses.classes is None
    assert found.responses.class_means is None
    assert found.responses.bias_curve.class_shares is None
    assert found.responses.bias_curve.class_now is None
    assert {each.label for each in found.responses.most} == {None}
    assert list(found.blocks())


def test_a_class_without_examples_has_no_mean(rng):
    data = Dataset(rng.random((20, 16)), np.eye(3)[np.zeros(20, dtype=int)], classes=("a", "b", "c"))
    found = patterns(random_network(), 2, 0, data=data)
    assert np.isnan(found.responses.class_means).tolist() == [False, True, True]
    assert found.to_data()["responses"]["class_means"][1:] == [None, None]
    assert [block.names for block in found.blocks() if isinstance(block, Bars)][-1] == ("a",)


# ── Pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_neighbors_is_the_correlation_of_adjacent_pixels(rng):
    network = random_network((784, 4, 3))
    for layer in (1, 2):
        found = patterns(network, layer, 0, steps=0)
        picture = found.composed.reshape(28, 28)
        pairs = [
            (picture[i, j], picture[p, q])
            for i in range(28)
            for j in range(28)
            for p, q in ((i, j + 1), (i + 1, j))
            if p < 28 and q < 28
        ]
        assert found.neighbors == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1], abs=1e-12)
    slope = Network((Layer(np.add.outer(np.arange(28.0), np.arange(28.0)).reshape(1, 784), np.zeros(1)),), (sigmoid,))
    assert patterns(slope, 1, 0, steps=0).neighbors > 0.99
    assert patterns(random_network((15, 2)), 1, 0).neighbors is None
    assert patterns(random_network((9, 2)), 1, 0).neighbors is None  # 3 × 3 is too small to be called a picture
    flat = Network((Layer(np.ones((1, 784)), np.zeros(1)),), (sigmoid,))
    assert patterns(flat, 1, 0, steps=0).neighbors is None


def test_the_hoped_picture_is_smooth_and_noise_is_not():
    smooth = []
    for seed in range(100):
        found = hope_and_truth(Network.random(seed=0), seed=seed)
        smooth.append(found.noise_neighbors)
        assert found.hoped_neighbors > 0.5
        assert abs(found.noise_neighbors) < 5 * found.noise_spread
        assert found.noise_edge < 0.25
    assert np.mean(smooth) == pytest.approx(0, abs=0.01)
    assert np.std(smooth) == pytest.approx(found.noise_spread, rel=0.25)
    picture = hoped()
    assert picture.shape == (28, 28)
    assert picture.sum() == 0
    assert (picture.max(), picture.min()) == (1.0, -0.5)
    assert 0 < (picture > 0).sum() < 50  # a short bar


def test_a_network_that_fulfills_the_hope_is_seen_to():
    noise = np.random.default_rng(0).standard_normal((28, 28))
    edge = hoped()
    turned, moved, negative = edge.T, np.roll(edge, (4, -5), (0, 1)), -edge
    pictures = np.stack([edge, turned, moved, negative, noise, np.zeros((28, 28))])
    network = Network((Layer(pictures.reshape(6, 784), np.zeros(6)),), (sigmoid,))
    found = hope_and_truth(network, count=5)
    np.testing.assert_allclose(found.edges[:4], 1, rtol=1e-14)
    assert found.edges[4] < 0.25
    assert found.edges[5] == 0
    np.testing.assert_allclose(found.neighbors[:4], found.hoped_neighbors, rtol=1e-14)
    assert np.isnan(found.neighbors[5])
    np.testing.assert_array_equal(found.weights, pictures[:5])
    # The match by brute force: every place that the bar fits into, lying and standing.
    bar = edge[np.ix_(edge.any(axis=1), edge.any(axis=0))]
    most = max(
        abs(float((noise[i : i + b.shape[0], j : j + b.shape[1]] * b).sum()))
        for b in (bar, bar.T)
        for i in range(29 - b.shape[0])
        for j in range(29 - b.shape[1])
    )
    assert found.edges[4] == pytest.approx(most / np.linalg.norm(noise) / np.linalg.norm(bar), rel=1e-12)
    sentences = [block.text for block in found.blocks() if isinstance(block, Sentence)]
    assert "Of 5 neurons, 1 are no smoother than noise" in sentences[0]


def test_hope_and_truth_of_a_network_of_noise():
    found = hope_and_truth(Network.random())
    assert np.abs(found.neighbors).max() < 5 * found.noise_spread
    assert found.edges.max() < 0.25
    pictures = [block for block in found.blocks() if isinstance(block, Pictures)]
    assert len(pictures[0].pictures) == 2
    assert len(pictures[1].pictures) == 16
    with pytest.raises(WrongValue, match="takes 15 numbers, which are no square image"):
        hope_and_truth(random_network((15, 3)))
    with pytest.raises(WrongValue, match="count must be"):
        hope_and_truth(Network.random(), count=0)
    with pytest.raises(WrongValue, match="seed must be"):
        hope_and_truth(Network.random(), seed=-1)
    with pytest.raises(WrongValue, match="side must be"):
        hoped(3)


# ── Everywhere ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_array_library(xp, rng):
    data, image = labeled(rng), rng.random((4, 4))
    network = random_network(xp=xp, dtype=xp.float64)
    here = Dataset(xp.asarray(data.inputs), xp.asarray(data.targets), classes=data.classes)
    for layer in (1, 3):
        expected = patterns(random_network(), layer, 2, image=image, data=data)
        found = patterns(network, layer, 2, image=xp.asarray(image), data=here)
        kind = type(network.layers[0].bias)
        for part, names in (
            (lambda it: it, ("weights", "composed")),
            (lambda it: it.ascent, ("image",)),
            (lambda it: it.contributions, ("image", "behind", "products", "local")),
            (lambda it: it.responses.most[0], ("image",)),
        ):
            for name in names:
                ours, theirs = getattr(part(found), name), getattr(part(expected), name)
                assert type(ours) is kind
                np.testing.assert_allclose(to_numpy(ours), theirs, atol=1e-12)
        assert found.ascent.z == pytest.approx(expected.ascent.z, abs=1e-12)
        assert found.contributions.z == pytest.approx(expected.contributions.z, abs=1e-13)
        assert [each.row for each in found.responses.most] == [each.row for each in expected.responses.most]
        np.testing.assert_allclose(found.responses.bias_curve.shares, expected.responses.bias_curve.shares)
        assert list(found.blocks())
        assert found.to_data()["neuron"] == 2
    single = patterns(random_network(xp=xp, dtype=xp.float32), 2, 0).ascent
    assert single.z > single.start_z
    seen = hope_and_truth(network, count=2)
    assert seen.weights.shape == (2, 4, 4)
    np.testing.assert_allclose(seen.neighbors, hope_and_truth(random_network()).neighbors)


def blocks_of(found, kind):
    return [block for block in found.blocks() if isinstance(block, kind)]


def test_what_it_shows(digits, rng):
    network, data = Network.random(), digits.test.take(slice(0, 100))
    first = patterns(network, 1, 3, image=data.inputs[0], data=data, count=4)
    assert next(iter(first.blocks())) == Heading("What neuron 3 of layer 1 looks for")
    pictures = blocks_of(first, Pictures)
    assert [each.kind for each in pictures[0].pictures] == ["ink", "signed", "signed", "ink"]
    np.testing.assert_array_equal(pictures[0].pictures[1].values, to_numpy(first.weights).reshape(28, 28))
    np.testing.assert_array_equal(
        pictures[0].pictures[2].values, to_numpy(first.contributions.products).reshape(28, 28)
    )
    assert len(pictures[1].pictures) == len(pictures[2].pictures) == 4
    assert pictures[1].pictures[0].caption.startswith(f"row {first.responses.most[0].row} (")
    function, bias = blocks_of(first, Curves)
    assert function.marks == ((first.contributions.z, first.contributions.activation, "this image"),)
    np.testing.assert_allclose(function.curves[0].ys, 1 / (1 + np.exp(-function.curves[0].xs)), rtol=1e-12)
    reach = max(6.0, 1.2 * abs(first.contributions.z))
    assert (function.curves[0].xs[0], function.curves[0].xs[-1]) == pytest.approx((-reach, reach))
    assert [curve.name for curve in bias.curves] == ["all", *"0123456789"]
    assert len({curve.color for curve in bias.curves}) == 11  # each can be told from the others
    assert bias.marks[0][:2] == (first.bias, first.responses.bias_curve.now)
    facts = dict(blocks_of(first, Table)[0].rows)
    assert facts["weighted sum z, with the bias"] == first.contributions.z

    deeper = patterns(network, 3, 7, image=data.inputs[0])
    captions = [each.caption for each in blocks_of(deeper, Pictures)[0].pictures]
    words = ("the image", "as if linear", "exact for small changes", "never seen")
    assert all(word in caption for word, caption in zip(words, captions, strict=True))
    drawn = blocks_of(deeper, Pictures)[0].pictures
    assert [each.kind for each in drawn] == ["ink", "signed", "signed", "ink"]
    for picture, shown in zip(
        drawn[1:], (deeper.composed, deeper.contributions.local, deeper.ascent.image), strict=True
    ):
        np.testing.assert_array_equal(picture.values.reshape(-1), to_numpy(shown))
    assert any("from the 16 neurons of layer 2:" in block.text for block in blocks_of(deeper, Sentence))
    assert blocks_of(deeper, Bars)[0].values == tuple(map(float, network.layers[2].weight[7]))
    products = blocks_of(deeper, Table)[1].rows
    assert len(products) == 10
    assert max(map(abs, to_numpy(deeper.contributions.products))) == abs(products[0][3])
    assert any("activations stand between" in block.text for block in blocks_of(deeper, Sentence))


@pytest.mark.parametrize("sizes", [(4, 3, 2), (1, 1), (50, 40, 2)])
def test_inputs_that_are_no_square_image(sizes, rng):
    network = random_network(sizes)
    data = labeled(rng, inputs=sizes[0], classes=sizes[-1]) if sizes[-1] > 1 else None
    for layer in range(1, len(sizes)):
        found = patterns(network, layer, 0, image=rng.random(sizes[0]), data=data)
        assert found.neighbors is None
        for block in found.blocks():
            for picture in (
                block.pictures if isinstance(block, Pictures) else [block] if isinstance(block, Picture) else []
            ):
                assert picture.values.shape[0] == 1
        assert found.to_data()["layer"] == layer


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"layer": 0}, "there is no layer 0"),
        ({"layer": 4}, "layers are 1 to 3"),
        ({"neuron": 6}, "it has the neurons 0 to 5"),
        ({"image": np.zeros(17)}, "takes 16 numbers"),
        ({"image": np.full(16, np.nan)}, "finite"),
        ({"data": Dataset(np.zeros((2, 5)), np.zeros((2, 3)))}, "each example has 5 numbers"),
        ({"count": 0}, "count must be a whole number from 1"),
        ({"steps": -1}, "steps must be a whole number from 0"),
    ],
)
def test_what_does_not_fit_is_said(asked, says):
    with pytest.raises(WrongValue, match=says):
        patterns(random_network(), **{"layer": 1, "neuron": 0, **asked})


def test_softmax_between_layers_is_no_hindrance():
    network = Network(random_network().layers, (softmax, softmax, softmax))
    found = patterns(network, 3, 0)
    assert found.ascent.z > found.ascent.start_z
