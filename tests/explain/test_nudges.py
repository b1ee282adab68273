"""The wishes are the components of −∇C, add up layer by layer, and are checked by hand, by nudging, and by PyTorch."""

import re

import numpy as np
import pytest
from generated import network_and_example

from glassnet import Network, WrongValue, backward
from glassnet.activations import sigmoid
from glassnet.arrays import from_numpy, to_numpy
from glassnet.costs import cost_of, cross_entropy, squared_error
from glassnet.explain.blocks import Bars, Heading, Pictures, Table, number
from glassnet.explain.nudges import in_words, nudges
from glassnet.network import Layer


def test_by_hand():
    # Two inputs, one hidden neuron, two outputs, all sigmoid, squared error; x = (1, 2), y = (1, 0).
    #   hidden: w = (0, 0), b = 0        z = 0,  a = 1/2, σ' = 1/4
    #   out 0:  w = 2 ln 3, b = 0        z = ln 3, a = 3/4, σ' = 3/16, wish −2 (3/4 − 1) = 1/2,  −δ = 3/32
    #   out 1:  w = −2 ln 3, b = 0       z = −ln 3, a = 1/4, σ' = 3/16, wish −2 (1/4 − 0) = −1/2, −δ = −3/32
    #   weights: −δ · 1/2 = ±3/64;  behind: −δ w = 3/32 · 2 ln 3, and −3/32 · (−2 ln 3): both the same, 3/16 ln 3
    #   the hidden neuron: wish 3/8 ln 3, −δ = 3/32 ln 3; its weights 3/32 ln 3 · (1, 2); pixels: · 0
    log = np.log(3)
    network = Network(
        (Layer(np.zeros((1, 2)), np.zeros(1)), Layer(np.array([[2 * log], [-2 * log]]), np.zeros(2))),
        (sigmoid, sigmoid),
    )
    found = nudges(network, [1.0, 2.0], 0)
    hidden, output = found.layers
    assert found.cost == pytest.approx(1 / 16 + 1 / 16)
    assert output.wish == pytest.approx([1 / 2, -1 / 2])
    assert output.bias == pytest.approx([3 / 32, -3 / 32])
    assert output.weight[:, 0] == pytest.approx([3 / 64, -3 / 64])
    assert output.behind[:, 0] == pytest.approx([3 / 16 * log, 3 / 16 * log])
    assert hidden.wish == pytest.approx([3 / 8 * log])
    assert hidden.bias == pytest.approx([3 / 32 * log])
    assert hidden.weight[0] == pytest.approx([3 / 32 * log, 3 / 16 * log])
    assert found.pixels == pytest.approx([0, 0])


def test_wishes_are_the_gradient_and_add_up(xp):
    for seed in range(60):
        network, image, target, cost = network_and_example(seed, xp)
        found = nudges(network, image, target, cost)
        like = network.layers[0].bias
        x, y = from_numpy(image[None], like), from_numpy(target[None], like)
        gradient = backward(network, network.forward(x), y, cost).gradient
        for l, (wishes, layer) in enumerate(zip(found.layers, gradient, strict=True)):
            assert wishes.layer == l + 1
            np.testing.assert_allclose(to_numpy(wishes.weight), -to_numpy(layer.weight), atol=1e-10)
            np.testing.assert_allclose(to_numpy(wishes.bias), -to_numpy(layer.bias), atol=1e-10)
            behind = found.pixels if l == 0 else found.layers[l - 1].wish
            np.testing.assert_allclose(to_numpy(wishes.behind).sum(axis=0), to_numpy(behind), atol=1e-12)
        assert found.check < 1e-12


def test_a_wish_for_a_pixel_is_what_nudging_the_pixel_does():
    for seed in range(30):
        network, image, target, cost = network_and_example(seed)
        found = nudges(network, image, target, cost)

        def price(pixels, network=network, target=target, cost=cost):
            forward = network.forward(pixels[None])
            z, a = forward.zs[-1], forward.activations[-1]
            return float(cost_of(cost, network.activations[-1], z, a, target[None])[0])

        step = 1e-6
        for k in range(len(image)):
            nudge = step * np.eye(len(image))[k]
            slope = (price(image + nudge) - price(image - nudge)) / (2 * step)
            assert float(found.pixels[k]) == pytest.approx(-slope, abs=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize(("output", "cost"), [("sigmoid", squared_error), ("softmax", cross_entropy)])
def test_pytorch_wishes_the_same_of_every_activation(output, cost):
    import torch

    network, image, target, cost = network_and_example(5, hidden=("sigmoid", "tanh"), output=output, cost=cost.name)
    assert len(network.layers) > 1
    functions = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "softmax": lambda z: torch.softmax(z, 0)}
    a = torch.tensor(image, requires_grad=True)
    heard = [a]
    for layer, activation in zip(network.layers, network.activations, strict=True):
        a = functions[activation.name](torch.tensor(layer.weight) @ a + torch.tensor(layer.bias))
        a.retain_grad()
        heard.append(a)
    y = torch.tensor(target)
    price = ((a - y) ** 2).sum() if output == "sigmoid" else -(y * torch.log(a)).sum()
    price.backward()
    found = nudges(network, image, target, cost)
    assert found.cost == pytest.approx(float(price.detach()), abs=1e-12)
    wishes = [found.pixels, *(layer.wish for layer in found.layers)]
    for ours, theirs in zip(wishes, heard, strict=True):
        np.testing.assert_allclose(ours, -theirs.grad.numpy(), atol=1e-10)


def test_words_go_by_the_share_of_the_largest_wish():
    assert in_words(-0.67, 1.0) == "should decrease a lot"
    assert in_words(0.66, 1.0) == "should increase somewhat"
    assert in_words(0.2, 1.0) == "should increase somewhat"
    assert in_words(0.19, 1.0) == "should increase a little"
    assert in_words(0.0099, 1.0) == "is fine"
    assert in_words(0.0, 0.0) == "is fine"


def test_it_tells_the_outputs_wishes_in_words(digits):
    network = Network.random((784, 16, 16, 10), seed=0)
    test = digits.test
    text = repr(nudges(network, test.inputs[0], int(test.labels[0])))
    line = next(line for line in text.splitlines() if line.startswith("7 says"))
    assert "wanted 1" in line
    assert "should increase a lot" in line  # it is a 7, and the random network does not say so
    assert "Layer 1 wishes of the pixels" in text
    assert "weight (" in text


def test_wide_layers_show_their_strongest(digits):
    network = Network.random((784, 100, 10), seed=0)
    text = repr(nudges(network, digits.test.inputs[0], 7))
    told = sum(bool(re.match(r"\d+ says ", line)) for line in text.splitlines())
    assert told == 10 + 16  # the outputs, and 16 of the 100 hidden neurons


def test_what_does_not_fit_is_refused():
    with pytest.raises(WrongValue, match="784"):
        nudges(Network.random(), np.zeros(9), 3)
    with pytest.raises(WrongValue, match=r"cross_entropy.*sigmoid"):
        nudges(Network.random(), np.zeros(784), 3, cross_entropy)


def test_what_it_shows_are_its_numbers(digits):
    network = Network.random((784, 6, 5, 10), initializer="standard_normal", seed=3)
    found = nudges(network, digits.test.inputs[0], 7)
    blocks = list(found.blocks())
    bars = [block for block in blocks if isinstance(block, Bars)]
    output, second, first = found.layers[2], found.layers[1], found.layers[0]
    # the outputs for themselves; then each layer's own biases and weights, and what it wishes of the layer before
    assert bars[0].values == tuple(output.wish.tolist())
    assert bars[0].names[7] == f"7 says {number(float(output.activation[7]), 3)}, wanted 1"
    most = float(np.abs(output.wish).max())
    assert bars[0].notes == tuple(in_words(wish, most) for wish in output.wish.tolist())
    for wishes, shown in zip((output, second, first), bars[1::2], strict=True):
        strongest = np.argsort(-np.abs(wishes.bias), kind="stable")[:3]
        assert shown.names[:3] == tuple(f"bias {j}" for j in strongest)
        assert shown.values[:3] == tuple(wishes.bias[strongest].tolist())
        for name, value in zip(shown.names[3:], shown.values[3:], strict=True):
            j, k = map(int, re.fullmatch(r"weight \((\d+), (\d+)\)", name).groups())
            assert value == wishes.weight[j, k]
        assert len(shown.names) == 9
        assert abs(shown.values[3]) == np.abs(wishes.weight).max()
        assert [abs(value) for value in shown.values[3:]] == sorted(map(abs, shown.values[3:]), reverse=True)
    assert bars[2].values == tuple(second.wish.tolist())
    assert bars[4].values == tuple(first.wish.tolist())
    assert all(block.signed for block in bars)

    tables = [block for block in blocks if isinstance(block, Table)]
    for wishes, table in zip((output, second), tables, strict=True):
        unit = 10 ** np.floor(np.log10(np.abs(wishes.behind).max()))
        assert table.columns == ("for", *map(str, range(len(wishes.behind))), "sum")
        for k, row in enumerate(table.rows):
            assert row[0] == str(k)
            cells = [float(cell.replace("−", "-")) for cell in row[1:-1]]
            assert cells == pytest.approx((wishes.behind[:, k] / unit).tolist(), abs=0.0501)
            assert row[-1] == pytest.approx(wishes.behind[:, k].sum() / unit)
        assert len(table.rows) == wishes.behind.shape[1]

    headings = [block.text for block in blocks if isinstance(block, Heading)]
    assert headings[1:] == [
        "The outputs (layer 3) wish for themselves",
        "Layer 3 wishes of its biases, and of its weights in proportion to the activations behind",
        "Layer 3 wishes of layer 2, in proportion to the weights",
        "Layer 2 wishes of its biases, and of its weights in proportion to the activations behind",
        "Layer 2 wishes of layer 1, in proportion to the weights",
        "Layer 1 wishes of its biases, and of its weights in proportion to the activations behind",
        "Layer 1 wishes of the pixels",
    ]
    (pictures,) = (block for block in blocks if isinstance(block, Pictures))
    image, pixels = pictures.pictures
    np.testing.assert_array_equal(image.values.reshape(-1), found.image)
    np.testing.assert_allclose(pixels.values.reshape(-1), found.pixels, atol=1e-15)
    assert (image.kind, pixels.kind) == ("ink", "signed")


def test_only_layers_of_ten_neurons_or_fewer_have_a_table_of_all_wishes():
    for width, tables in ((10, 1), (11, 0)):
        network = Network.random((4, 3, width), initializer="standard_normal")
        blocks = nudges(network, np.ones(4), 1).blocks()
        assert sum(isinstance(block, Table) for block in blocks) == tables
