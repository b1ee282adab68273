"""The ranking is that of the gradient; the wiggle's error shrinks with the square of the step, or says that it does not."""

import math
import re
import sys

import numpy as np
import pytest
from generated import network_and_example

from glassnet import Network, WrongValue, backward
from glassnet.activations import as_activation, identity
from glassnet.arrays import from_numpy, to_numpy
from glassnet.costs import absolute_error, squared_error
from glassnet.explain.blocks import Bars, Curves, Sentence, Table, number
from glassnet.explain.parameters import Parameter, flat, one
from glassnet.explain.sensitivity import Comparison, Ranked, sensitivity, wiggle
from glassnet.network import Layer, map_parameters


def test_the_ranking_is_that_of_the_gradient(xp):
    for seed in range(30):
        network, image, target, cost = network_and_example(seed, xp)
        found = sensitivity(network, image, target, cost)
        like = network.layers[0].bias
        x, y = from_numpy(image[None], like), from_numpy(target[None], like)
        gradient = to_numpy(flat(backward(network, network.forward(x), y, cost).gradient))
        np.testing.assert_allclose(to_numpy(flat(found.gradient)), gradient, atol=1e-10)
        assert sorted(found.order.tolist()) == list(range(network.count))
        sizes = np.abs(gradient)[found.order]
        assert (np.diff(sizes) <= 1e-15).all()
        top = found.top(3)
        assert [each.rank for each in top] == [1, 2, 3]
        assert [each.wish for each in top] == pytest.approx((-gradient[found.order[:3]]).tolist(), abs=1e-12)
        for each in top:
            assert found.rank(each.parameter) == each
            assert each.value == each.parameter.of(network.layers)


def test_of_a_data_set_it_is_the_mean_gradient(few):
    network = Network.random(seed=3)
    data = few[0].take(slice(0, 50))
    whole = sensitivity(network, data)
    alone = [
        to_numpy(flat(sensitivity(network, data.inputs[row], int(data.labels[row])).gradient)) for row in range(50)
    ]
    np.testing.assert_allclose(to_numpy(flat(whole.gradient)), np.mean(alone, axis=0), atol=1e-12)
    assert whole.examples == 50
    assert sum(share for _, share in whole.by_layer) == pytest.approx(1)
    assert [count for count, _ in whole.by_layer] == [12_560, 272, 170]


def test_two_parameters_compared_by_hand():
    # a = w₀ x₀ + w₁ x₁, x = (32, 1), so ∂C/∂w₀ is 32 times ∂C/∂w₁.
    network = Network((Layer(np.array([[1.0, 1.0]]), np.zeros(1)),), (identity,))
    found = sensitivity(network, [32.0, 1.0], [0.0])
    comparison = found.compare(Parameter(1, 0, 0), Parameter(1, 0, 1))
    assert comparison.ratio == pytest.approx(32)
    assert (
        str(comparison)
        == "the cost is 32 times as sensitive to weight (0, 0) of layer 1 as to weight (0, 1) of layer 1"
    )
    assert str(found.compare(Parameter(1, 0, 1), Parameter(1, 0, 0))) == str(comparison)


def test_what_does_not_matter_at_all_is_said():
    network = Network((Layer(np.array([[1.0, 1.0]]), np.zeros(1)),), (identity,))
    found = sensitivity(network, [0.0, 1.0], [0.0])
    assert found.compare(Parameter(1, 0, 1), Parameter(1, 0, 0)).ratio == math.inf
    assert "sensitive to weight (0, 1) of layer 1 and not to weight (0, 0) of layer 1" in str(
        found.compare(Parameter(1, 0, 0), Parameter(1, 0, 1))
    )
    assert "1 of 3 do not matter at all here" in repr(found)
    neither = Comparison(*[Ranked(1, Parameter(1, 0), 0.0, 0.0)] * 2, math.nan)
    assert "sensitive to neither" in str(neither)


def test_the_wiggles_error_shrinks_with_the_square_of_the_step(xp):
    pairs = ("sigmoid", "squared_error"), ("softmax", "cross_entropy"), ("softmax", "squared_error")
    for seed in range(42):
        output, name = pairs[seed % 3]
        smooth = ("sigmoid", "tanh", "softplus")
        network, image, target, cost = network_and_example(seed, xp, hidden=smooth, output=output, cost=name)
        small = tuple(2.0**-power for power in range(4, 12))
        found = wiggle(network, image, target, None, cost, small)
        assert found.power == pytest.approx(2, abs=0.1), seed
        assert found.holds
        gradient = to_numpy(flat(sensitivity(network, image, target, cost).gradient))
        assert found.slope == pytest.approx(-np.linalg.norm(gradient), rel=1e-12)
        np.testing.assert_allclose(found.predicted, found.slope * found.steps)


def test_the_true_change_is_that_of_a_network_really_nudged():
    network, image, target, cost = network_and_example(11, output="sigmoid")
    parameter = Parameter(1, 0, 1)
    found = wiggle(network, image, target, parameter, cost, steps=[0.5, 0.25])
    assert found.steps.tolist() == [-0.5, -0.25, 0.25, 0.5]

    def price(step):
        weight = network.layers[0].weight.copy()
        weight[0, 1] += step
        layers = (Layer(weight, network.layers[0].bias), *network.layers[1:])
        return sensitivity(Network(layers, network.activations), image, target, cost).cost

    np.testing.assert_allclose(found.true, [price(h) - price(0) for h in found.steps], atol=1e-13)
    assert found.slope == pytest.approx((price(1e-6) - price(-1e-6)) / 2e-6, abs=1e-7)
    same = wiggle(network, image, target, one(network, parameter), cost, steps=[0.5, 0.25])
    np.testing.assert_array_equal(same.true, found.true)


def test_a_jumping_activation_makes_the_prediction_fail():
    # A hidden step neuron at z = 0⁺: lowered a little, it falls from 1 to 0 and the cost jumps; the gradient says 0.
    network = Network.random((2, 1, 1), hidden="step", dtype=np.float64)
    layers = (Layer(np.array([[1.0, 0.0]]), np.array([-1.0 + 1e-9])), Layer(np.array([[2.0]]), np.array([-1.0])))
    network = Network(layers, network.activations)
    found = wiggle(network, [1.0, 0.0], 1, Parameter(1, 0))
    assert found.slope == 0
    assert (found.predicted == 0).all()
    assert np.abs(found.error[found.steps < 0]).min() > 0.1  # every step down, however small
    assert not found.holds
    assert "The prediction fails" in repr(found)


def test_far_from_its_jump_a_step_neuron_is_deaf():
    network = Network.random((2, 3, 1), hidden="step", initializer="standard_normal", dtype=np.float64)
    found = wiggle(network, [1.0, 0.5], 1, Parameter(1, 0, 0), steps=[1e-3])
    assert found.slope == 0
    assert (found.true == 0).all()
    assert found.power is None
    assert found.holds


def test_a_linear_cost_is_predicted_exactly():
    network = Network((Layer(np.array([[1.0]]), np.zeros(1)),), (identity,))
    found = wiggle(network, [1.0], [5.0], Parameter(1, 0), absolute_error, steps=[0.5])
    assert found.error.tolist() == [0, 0]
    assert "exact" in repr(found)


def one_neuron(activation, weight=1.0, bias=0.0):
    return Network((Layer(np.array([[weight]]), np.array([bias])),), (as_activation(activation),))


SMALL = tuple(2.0**-power for power in range(4, 12))
JUMP = Network(
    (Layer(np.array([[1.0]]), np.array([-1.0 + 1e-14])), Layer(np.array([[2.0]]), np.array([-1.0]))),
    (as_activation("step"), as_activation("sigmoid")),
)
"""Its hidden neuron is on by a hair: lowered, however little, it says 0."""
VERDICTS = [
    # what, network, target, steps, whether it holds, what is said
    ("smooth", one_neuron("sigmoid"), 0.0, SMALL, True, "shrinks as the nudge to the power of 2.0"),
    ("smooth, one step", one_neuron("sigmoid"), 0.0, [0.01], None, "one cannot tell how the error shrinks"),
    (
        "smooth, tiny steps",
        one_neuron("sigmoid"),
        0.0,
        [1e-12, 2e-12, 4e-12],
        None,
        "rounding hides how the cost changes",
    ),
    ("smooth, one tiny step", one_neuron("sigmoid"), 0.0, [1e-12], None, "rounding hides how the cost changes"),
    ("smooth, small enough", one_neuron("sigmoid"), 0.0, [1e-8], True, "is exact, up to rounding"),
    ("smooth, huge steps", one_neuron("sigmoid"), 0.0, [100, 200, 400], None, "moves a weighted sum by 1e.02, too far"),
    ("quadratic, huge steps", one_neuron("identity"), 0.0, [100, 200, 400], None, "too far to tell"),
    ("smooth, small and huge", one_neuron("sigmoid"), 0.0, [1e-8, 100, 200], True, "Up to the nudge 1e−08 .* it holds"),
    ("linear", one_neuron("identity"), 5.0, [0.5], True, "is exact, up to rounding"),
    ("linear, far out", one_neuron("identity"), -1e9, [1e6, 1e7, 1e8], True, "is exact, up to rounding"),
    ("deaf", one_neuron("step", bias=-5.0), 0.0, [0.25, 0.5], True, "is exact, up to rounding"),
    ("a jump", JUMP, 1.0, SMALL, False, "fails: the error goes as the nudge to the power of .*0.00"),
    ("a jump, tiny steps", JUMP, 1.0, [1e-12, 2e-12, 4e-12], False, "fails"),
    ("a jump, one step", JUMP, 1.0, [0.01], None, "one cannot tell"),
    (
        "a kink",
        one_neuron("relu", bias=-1.0),
        3.0,
        SMALL,
        False,
        "fails: .* to the power of (1.0|0.9)",
    ),
    ("a kink, tiny steps", one_neuron("relu", bias=-1.0), 3.0, [1e-12, 2e-12, 4e-12], False, "fails"),
    ("a kink, one step", one_neuron("relu", bias=-1.0), 3.0, [0.01], None, "one cannot tell"),
    ("a kink, huge steps", one_neuron("relu", bias=-1.0), 3.0, [100, 200, 400], None, "too far to tell"),
    (
        "a slight kink",
        one_neuron("leaky_relu(alpha=0.98)", bias=-1.0),
        0.1,
        [0.01, 0.02, 0.04],
        None,
        "wrong by 0.004: .* bend",
    ),
    (
        "a slight kink, two steps",
        one_neuron("leaky_relu(alpha=0.98)", bias=-1.0),
        0.1,
        [0.01, 0.02],
        None,
        "may bend here",
    ),
    (
        "a kink, middling steps",
        one_neuron("relu", bias=-1.0),
        -0.05,
        [0.1, 0.2, 0.4],
        None,
        "between a bend",
    ),
    (
        "a slight kink, small steps",
        one_neuron("leaky_relu(alpha=0.98)", bias=-1.0),
        0.1,
        [1e-5, 2e-5, 4e-5],
        False,
        "fails",
    ),
]


@pytest.mark.parametrize("case", VERDICTS, ids=[each[0] for each in VERDICTS])
def test_what_these_steps_can_tell(case, monkeypatch):
    _, network, target, steps, holds, said = case
    monkeypatch.setattr(sys.modules[wiggle.__module__], "_OWN", tuple(sorted(map(float, steps))))  # no others are tried
    cost = absolute_error if network.activations[0].name == "identity" and target else squared_error
    found = wiggle(network, [1.0], [target], Parameter(1, 0), cost, steps)
    assert found.holds is holds
    assert re.search(said, found.verdict)


@pytest.mark.parametrize("case", VERDICTS, ids=[each[0] for each in VERDICTS])
def test_whether_it_holds_is_a_fact_of_the_place_whatever_steps_were_asked_for(case):
    """One step, steps of 1e-12, steps of 400: a smooth cost holds, a jump or a kink, however slight, does not."""
    name, network, target, steps, holds, _ = case
    cost = absolute_error if network.activations[0].name == "identity" and target else squared_error
    found = wiggle(network, [1.0], [target], Parameter(1, 0), cost, steps)
    assert found.holds is not any(word in name for word in ("jump", "kink"))
    assert found.verdict.startswith("These nudges alone cannot tell") == (holds is None)
    np.testing.assert_allclose(np.unique(np.abs(found.steps)), sorted(steps))  # what is shown is what was asked for
    assert any(block == Sentence(found.verdict) for block in found.blocks())


def sums(network, x, direction, h):
    """All weighted sums of the network with ``h`` times the direction added."""
    layers = map_parameters(lambda p, d: p + h * d, network.layers, direction)
    return [to_numpy(z) for z in Network(layers, network.activations).forward(x).zs]


def test_the_reach_is_that_of_the_weighted_sum_that_moves_most(xp):
    for seed in range(20):
        network, image, target, cost = network_and_example(seed, xp)
        gradient = sensitivity(network, image, target, cost).gradient
        length = float(np.linalg.norm(to_numpy(flat(gradient))))
        along = map_parameters(lambda g, length=length: -g / length, gradient)
        x = from_numpy(image[None], network.layers[0].bias)
        up, down = (sums(network, x, along, h) for h in (1e-6, -1e-6))
        most = max(np.abs(a - b).max() / 2e-6 for a, b in zip(up, down, strict=True))
        assert wiggle(network, image, target, None, cost).reach == pytest.approx(most, rel=1e-6)


def test_bad_steps_and_directions_are_refused():
    network = Network.random((4, 2), dtype=np.float64)
    for steps in ([], [0.0], [-1.0], [math.nan]):
        with pytest.raises(WrongValue, match="steps must be numbers above 0"):
            wiggle(network, np.ones(4), 1, steps=steps)
    with pytest.raises(WrongValue, match="no layer 2"):
        wiggle(network, np.ones(4), 1, Parameter(2, 0))
    with pytest.raises(WrongValue, match="shapes of the network's own layers"):
        wiggle(network, np.ones(4), 1, Network.random((3, 2)).layers)
    flat_one = Network((Layer(np.zeros((1, 1)), np.zeros(1)),), (identity,))
    with pytest.raises(WrongValue, match="the gradient is 0 here"):
        wiggle(flat_one, [1.0], [0.0], None, squared_error)


def test_what_it_shows_are_its_numbers(digits):
    network = Network.random(seed=1)
    found = sensitivity(network, digits.test.inputs[0], 7)
    blocks = list(found.blocks())
    sizes = np.sort(np.abs(flat(found.gradient)))[::-1]
    matter = int((sizes > 0).sum())
    assert blocks[0].text == "What the cost of this example is most sensitive to"
    (bars,) = (block for block in blocks if isinstance(block, Bars))
    assert bars.names == tuple(f"{each.rank}. {each.parameter}" for each in found.top())
    assert bars.values == tuple(each.wish for each in found.top())
    assert bars.signed
    (curves,) = (block for block in blocks if isinstance(block, Curves))
    (curve,) = curves.curves
    assert (curves.log_x, curves.log_y) == (True, True)
    assert (curve.xs[0], curve.xs[-1]) == (1, matter)
    np.testing.assert_array_equal(curve.ys, sizes[curve.xs.astype(int) - 1])
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert [row[:2] for row in table.rows] == [("1", "12,560"), ("2", "272"), ("3", "170")]
    assert [row[2] for row in table.rows] == [f"{share:.1%}" for _, share in found.by_layer]
    said = " ".join(block.text for block in blocks if isinstance(block, Sentence))
    assert f"{13_002 - matter:,} of 13,002 do not matter at all here" in said
    middle = found.top(13_002)[matter // 2].parameter
    assert (
        f"the middle of the {matter:,} that matter at all: {found.compare(found.top()[0].parameter, middle)}." in said
    )
    told = found.to_data()
    assert told["wishes"] == (-flat(found.gradient)[found.order]).tolist()
    assert told["top"][0]["parameter"] == {"layer": 3, "neuron": told["top"][0]["parameter"]["neuron"], "source": None}
    assert "20 examples" in next(iter(sensitivity(network, digits.test.take(slice(0, 20))).blocks())).text


def test_where_nothing_matters_nothing_is_compared():
    network = Network((Layer(np.zeros((1, 1)), np.zeros(1)),), (identity,))
    found = sensitivity(network, [1.0], [0.0])
    assert found.by_layer == ((2, 0.0),)
    text = repr(found)
    assert "2 of 2 do not matter" in text
    assert "Compared" not in text


def test_the_wiggle_shows_each_step_both_ways():
    network, image, target, cost = network_and_example(11, output="sigmoid")
    found = wiggle(network, image, target, Parameter(1, 0, 1), cost, steps=[0.5, 0.25, 0.125])
    blocks = list(found.blocks())
    (table,) = (block for block in blocks if isinstance(block, Table))
    assert [row[0] for row in table.rows] == ["±0.5", "±0.25", "±0.125"]
    for row, up, down in zip(table.rows, (5, 4, 3), (0, 1, 2), strict=True):
        assert list(row[1:5]) == [found.predicted[up], found.true[up], found.predicted[down], found.true[down]]
        assert row[5] == number(max(abs(found.error[up]), abs(found.error[down])))
    (curves,) = (block for block in blocks if isinstance(block, Curves))
    assert [curve.name for curve in curves.curves] == ["predicted", "true"]
    np.testing.assert_array_equal(curves.curves[1].ys, found.true)
