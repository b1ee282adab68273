"""The gradient, proved by four others: a calculation by hand, central differences, PyTorch, and the cost itself."""

from itertools import product

import numpy as np
import pytest

from fitting import FITTING
from glassnet import Network, backward
from glassnet.activations import ACTIVATIONS, Sigmoid, sigmoid
from glassnet.backprop import Backward
from glassnet.costs import COSTS, as_cost, cost_of, squared_error
from glassnet.errors import WrongValue
from glassnet.network import Layer, map_parameters

STEP, TOLERANCE = 1e-6, 1e-6
"""Central differences: their own error is about 1e-10, of a gradient of about 0.1."""


def mean_cost(network, x, y, cost, weights=None):
    forward = network.forward(x)
    costs = cost_of(cost, network.activations[-1], forward.zs[-1], forward.activations[-1], y)
    return float(np.mean(costs if weights is None else costs * weights))


def gradient_of(network, x, y, cost, weights=None):
    return backward(network, network.forward(x), y, cost, weights).gradient


def central_differences(network, x, y, cost, weights=None):
    """dC/dp by nudging every parameter up and down."""

    def nudged(layer, name, index):
        values = []
        for nudge in (STEP, -STEP):
            layers = [Layer(each.weight.copy(), each.bias.copy()) for each in network.layers]
            getattr(layers[layer], name)[index] += nudge
            values.append(mean_cost(Network(tuple(layers), network.activations), x, y, cost, weights))
        return (values[0] - values[1]) / (2 * STEP)

    gradient = []
    for number, layer in enumerate(network.layers):
        weight, bias = np.zeros_like(layer.weight), np.zeros_like(layer.bias)
        for index in np.ndindex(weight.shape):
            weight[index] = nudged(number, "weight", index)
        for index in np.ndindex(bias.shape):
            bias[index] = nudged(number, "bias", index)
        gradient.append(Layer(weight, bias))
    return tuple(gradient)


def layer_errors(found, expected):
    """‖difference‖ / ‖gradient‖ for each layer; 0 where both are zero."""
    errors = []
    for a, b in zip(found, expected, strict=True):
        flat_a, flat_b = (np.concatenate([each.weight.ravel(), each.bias]) for each in (a, b))
        norm = np.linalg.norm(flat_b)
        difference = np.linalg.norm(flat_a - flat_b)
        errors.append(difference / norm if norm > 1e-9 else difference)
    return errors


def away_from_kinks(hidden, output, cost):
    """A small float64 problem in which no nudge crosses a kink: no z near 0, no a − y near 0 or ±1."""
    for seed in range(1000):
        rng = np.random.default_rng(seed)
        sizes = (4, 3, 3)
        network = Network.random(
            sizes, hidden=hidden, output=output, initializer="standard_normal", seed=seed, dtype=np.float64
        )
        x, y = rng.standard_normal((3, 4)), rng.dirichlet(np.ones(3), 3)
        if cost == "huber":
            y = y * 4  # some differences above delta, some below
        forward = network.forward(x)
        r = forward.activations[-1] - y
        if min(np.abs(z).min() for z in forward.zs) > 1e-2 and min(np.abs(r).min(), np.abs(np.abs(r) - 1).min()) > 1e-2:
            return network, x, y, rng.uniform(0.2, 2, 3)
    raise AssertionError("no such problem found")


def test_four_equations_by_hand():
    # One neuron in each layer, 1-1-1, sigmoid, squared error; input x = 2, desired y = 1.
    #   w₁ = ½ ln 3, b₁ = 0:   z₁ = ln 3,  a₁ = σ(ln 3) = 3/4,   σ'(z₁) = 3/4 · 1/4 = 3/16
    #   w₂ = 4, b₂ = −3:       z₂ = 0,     a₂ = σ(0) = 1/2,      σ'(z₂) = 1/4
    #   C = (a₂ − y)² = 1/4,   ∂C/∂a₂ = 2 (a₂ − y) = −1
    # BP1  δ₂ = −1 · 1/4 = −1/4
    # BP2  δ₁ = (δ₂ · w₂) · 3/16 = −1 · 3/16 = −3/16
    # BP3  ∂C/∂b₂ = −1/4,  ∂C/∂b₁ = −3/16
    # BP4  ∂C/∂w₂ = δ₂ a₁ = −3/16,  ∂C/∂w₁ = δ₁ x = −3/8
    layers = (
        Layer(np.array([[np.log(3) / 2]]), np.array([0.0])),
        Layer(np.array([[4.0]]), np.array([-3.0])),
    )
    network = Network(layers, (sigmoid, sigmoid))
    x, y = np.array([[2.0]]), np.array([[1.0]])
    assert mean_cost(network, x, y, squared_error) == pytest.approx(1 / 4, abs=1e-15)
    back = backward(network, network.forward(x), y, squared_error)
    assert isinstance(back, Backward)
    assert [float(delta[0, 0]) for delta in back.deltas] == pytest.approx([-3 / 16, -1 / 4], abs=1e-15)
    assert [float(layer.bias[0]) for layer in back.gradient] == pytest.approx([-3 / 16, -1 / 4], abs=1e-15)
    assert [float(layer.weight[0, 0]) for layer in back.gradient] == pytest.approx([-3 / 8, -3 / 16], abs=1e-15)


@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize(("cost", "output"), FITTING)
def test_gradient_against_central_differences(hidden, cost, output):
    network, x, y, weights = away_from_kinks(hidden, output, cost)
    for counted in (None, weights):
        found = gradient_of(network, x, y, as_cost(cost), counted)
        expected = central_differences(network, x, y, as_cost(cost), counted)
        assert max(layer_errors(found, expected)) <= TOLERANCE


@pytest.mark.parametrize(("cost", "output"), [pair for pair in product(COSTS, ACTIVATIONS) if pair not in FITTING])
def test_what_does_not_fit_is_refused_by_name(cost, output):
    network = Network.random((3, 2, 2), output=output, dtype=np.float64)
    with pytest.raises(WrongValue, match=rf"{cost}.*{output}"):
        gradient_of(network, np.ones((1, 3)), np.ones((1, 2)), as_cost(cost))


def test_a_wrong_derivative_is_caught():
    class Wrong(Sigmoid):
        def pullback(self, z, a, upstream):
            return upstream * a * (1 - a) * (1 + 1e-5)

    network, x, y, _ = away_from_kinks("sigmoid", "sigmoid", "squared_error")
    wrong = Network(network.layers, (Wrong(), sigmoid))
    errors = layer_errors(gradient_of(wrong, x, y, squared_error), central_differences(wrong, x, y, squared_error))
    assert errors[0] > TOLERANCE  # the layer behind the wrong derivative
    assert errors[1] <= TOLERANCE  # and not the other


def test_step_passes_no_gradient_back(rng):
    network = Network.random((4, 5, 3), hidden="step", initializer="standard_normal", dtype=np.float64)
    gradient = gradient_of(network, rng.standard_normal((6, 4)), rng.random((6, 3)), squared_error)
    assert not gradient[0].weight.any()
    assert not gradient[0].bias.any()
    assert gradient[1].weight.any()


@pytest.mark.parametrize(
    ("cost", "output", "outputs"),
    [
        (*pair, k)
        for pair, k in product(FITTING, (1, 2, 3, 5))
        # no slope to compare: step has none, and one output that must sum to 1 is always 1
        if pair[1] != "step" and (pair[1], k) != ("softmax", 1)
    ],
)
def test_cost_and_gradient_belong_together(cost, output, outputs, rng):
    # The slope of the cost along a direction is the gradient's component along it: for any number of outputs, no
    # factor between what is reported and what is descended.
    network = Network.random(
        (4, 5, outputs), hidden="tanh", output=output, initializer="standard_normal", seed=3, dtype=np.float64
    )
    x = rng.standard_normal((6, 4))
    y = rng.dirichlet(np.ones(outputs), 6) if outputs > 1 else rng.uniform(0.1, 0.9, (6, 1))
    gradient = gradient_of(network, x, y, as_cost(cost))
    direction = gradient  # uphill, where the slope is largest
    length = sum(float((g.weight**2).sum() + (g.bias**2).sum()) for g in gradient)
    up, down = (
        Network(map_parameters(lambda p, d, s=sign: p + s * STEP * d, network.layers, direction), network.activations)
        for sign in (1, -1)
    )
    slope = (mean_cost(up, x, y, as_cost(cost)) - mean_cost(down, x, y, as_cost(cost))) / (2 * STEP)
    assert slope / length == pytest.approx(1, abs=1e-6)


@pytest.mark.torch
def test_gradient_against_autograd_on_200_random_networks():
    import torch
    from torch.nn import functional

    theirs = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky_relu": functional.leaky_relu,
        "elu": functional.elu,
        "silu": functional.silu,
        "gelu": lambda z: functional.gelu(z, approximate="tanh"),
        "softplus": lambda z: functional.softplus(z, threshold=100),  # by default linear above 20
        "identity": lambda z: z,
        "step": lambda z: (z > 0).to(z.dtype) + 0 * z,
        "softmax": lambda z: torch.softmax(z, dim=-1),
    }

    def their_cost(cost, output, z, a, y):
        if cost == "squared_error":
            return ((a - y) ** 2).sum(1)
        if cost == "absolute_error":
            return (a - y).abs().sum(1)
        if cost == "huber":
            return functional.huber_loss(a, y, reduction="none").sum(1)
        if cost == "cross_entropy":
            return functional.cross_entropy(z, y, reduction="none")
        if output == "sigmoid":
            return functional.binary_cross_entropy_with_logits(z, y, reduction="none").sum(1)
        return -(y * torch.log(a) + (1 - y) * torch.log(1 - a)).sum(1)  # torch's own clamps a from 1e-12

    assert set(theirs) == set(ACTIVATIONS)
    worst = 0.0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        cost, output = FITTING[seed % len(FITTING)]
        sizes = tuple(int(s) for s in rng.integers(1, 9, rng.integers(2, 6)))
        hidden = [str(rng.choice(list(ACTIVATIONS))) for _ in sizes[1:-1]]
        network = Network.random(
            sizes, hidden=hidden, output=output, initializer="standard_normal", seed=seed, dtype=np.float64
        )
        n = int(rng.integers(1, 8))
        x, y = rng.standard_normal((n, sizes[0])), rng.random((n, sizes[-1]))
        weights = rng.random(n) if seed % 2 else None

        tensors = [
            (torch.tensor(layer.weight, requires_grad=True), torch.tensor(layer.bias, requires_grad=True))
            for layer in network.layers
        ]
        a = torch.tensor(x)
        for (weight, bias), name in zip(tensors, [*hidden, output], strict=True):
            z = functional.linear(a, weight, bias)
            a = theirs[name](z)
        costs = their_cost(cost, output, z, a, torch.tensor(y))
        (costs if weights is None else costs * torch.tensor(weights)).mean().backward()

        gradient = gradient_of(network, x, y, as_cost(cost), weights)
        for ours, (weight, bias) in zip(gradient, tensors, strict=True):
            for mine, other in ((ours.weight, weight.grad), (ours.bias, bias.grad)):
                scale = max(1.0, float(other.abs().max()))
                worst = max(worst, float(np.abs(mine - other.numpy()).max()) / scale)
    assert worst <= 1e-10


def test_dropped_neurons_get_no_gradient(rng):
    # Dropout multiplies the input of a layer; the same factors come back in BP2 and BP4.
    network = Network.random((4, 6, 3), hidden="tanh", initializer="standard_normal", dtype=np.float64)
    x, y = rng.standard_normal((5, 4)), rng.random((5, 3))
    factors = (rng.random((5, 6)) > 0.5) * 2.0
    factors[:, 2] = 0
    back = backward(network, network.forward(x, (None, factors)), y, squared_error)
    assert not back.gradient[0].weight[2].any()
    assert not back.gradient[1].weight[:, 2].any()

    def cost_at(value):
        weight = network.layers[0].weight.copy()
        weight[1, 3] = value
        nudged = Network((Layer(weight, network.layers[0].bias), network.layers[1]), network.activations)
        output = nudged.forward(x, (None, factors)).activations[-1]
        return squared_error.value(output, y).mean()

    here = network.layers[0].weight[1, 3]
    slope = (cost_at(here + STEP) - cost_at(here - STEP)) / (2 * STEP)
    assert back.gradient[0].weight[1, 3] == pytest.approx(slope, rel=1e-6)
