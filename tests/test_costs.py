import math

import numpy as np
import pytest

from glassnet.activations import ACTIVATIONS, sigmoid, softmax
from glassnet.costs import (
    COSTS,
    CrossEntropy,
    Huber,
    as_cost,
    binary_cross_entropy,
    check_fit,
    check_targets,
    cost_of,
    cross_entropy,
    huber,
    output_error,
    squared_error,
    usual_cost,
)
from glassnet.errors import WrongValue


@pytest.mark.parametrize("name", COSTS)
def test_slope_is_the_derivative_of_the_value(name, rng):
    cost = as_cost(name)
    a, y = rng.uniform(0.05, 0.95, (2, 30, 4))
    direction = rng.standard_normal(a.shape)
    change = (cost.value(a + 1e-6 * direction, y) - cost.value(a - 1e-6 * direction, y)) / 2e-6
    assert (cost.slope(a, y) * direction).sum(axis=1) == pytest.approx(change, rel=1e-6, abs=1e-8)


def test_squared_error_has_no_half():
    # (0.3 − 1)² + (0.8 − 0)² = 0.49 + 0.64 = 1.13; slope 2 (a − y)
    a, y = np.array([[0.3, 0.8]]), np.array([[1.0, 0.0]])
    assert squared_error.value(a, y)[0] == pytest.approx(1.13)
    assert squared_error.slope(a, y)[0] == pytest.approx([-1.4, 1.6])


def test_huber_is_quadratic_then_linear():
    # delta 1: ½ 0.5² = 0.125; 1 (3 − ½) = 2.5
    a, y = np.array([[0.5, -3.0]]), np.zeros((1, 2))
    assert Huber(1.0).value(a, y)[0] == pytest.approx(0.125 + 2.5)
    assert Huber(1.0).slope(a, y)[0].tolist() == [0.5, -1.0]


@pytest.mark.parametrize(("cost", "output"), [(cross_entropy, softmax), (binary_cross_entropy, sigmoid)])
def test_natural_pair_agrees_with_the_general_way(cost, output, rng):
    z, y = rng.standard_normal((40, 5)), rng.random((40, 5))  # desired outputs that do not sum to 1 as well
    a = output.value(z)
    assert cost_of(cost, output, z, a, y) == pytest.approx(cost.value(a, y), rel=1e-12)
    assert output_error(cost, output, z, a, y) == pytest.approx(output.pullback(z, a, cost.slope(a, y)), abs=1e-12)


@pytest.mark.parametrize(("cost", "output"), [(cross_entropy, softmax), (binary_cross_entropy, sigmoid)])
def test_natural_pair_is_finite_where_the_output_is_exactly_0_or_1(cost, output):
    z = np.array([[200.0, -200.0]], np.float32)
    a, y = output.value(z), np.array([[0.0, 1.0]], np.float32)
    assert a[0, 0] == 1
    # surely wrong: −ln e⁻⁴⁰⁰ for softmax; 200 for each of two sigmoids
    assert cost_of(cost, output, z, a, y)[0] == pytest.approx(400)
    assert output_error(cost, output, z, a, y)[0] == pytest.approx([1, -1])


def test_general_way_is_finite_at_0_and_1():
    a, y = np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])
    for cost in (cross_entropy, binary_cross_entropy):
        assert np.isfinite(cost.value(a, y)).all()
        assert np.isfinite(cost.slope(a, y)).all()


@pytest.mark.parametrize("output", ACTIVATIONS)
def test_the_usual_cost_fits_every_output(output):
    usual = usual_cost(ACTIVATIONS[output]())
    assert usual == (cross_entropy if output == "softmax" else squared_error)
    check_fit(usual, ACTIVATIONS[output]())


def test_unknown_names_say_what_there_is():
    with pytest.raises(WrongValue, match=r"unknown cost 'mse': choose one of squared_error"):
        as_cost("mse")
    with pytest.raises(WrongValue, match="delta of huber"):
        as_cost("huber(delta=-1)")


class Own(CrossEntropy):
    """A cost of somebody's own, of the same domain."""

    __slots__ = ()
    name = "own"


@pytest.mark.parametrize(
    ("cost", "targets", "says"),
    [
        (
            cross_entropy,
            [[0, 1], [3, 0]],
            "cross_entropy needs the targets of each example to be from 0 to 1 and to sum to 1",
        ),
        (cross_entropy, [[0, 1], [3, 0]], "but example 1 has 3, 0: use squared_error to predict numbers"),
        (cross_entropy, [[0, 1], [1, 1]], "example 1 has 1, 1 with the sum 2"),
        (cross_entropy, [[0.5, 0.498]], r"example 0 has 0.5, 0.498 with the sum 0.998"),
        (cross_entropy, [[1.5, -0.5]], "example 0 has 1.5, -0.5: "),
        (cross_entropy, [[7.0]], "example 0 has 7: "),
        (Own(), [[1, 1]], "the cost own needs"),
        (
            binary_cross_entropy,
            [[1, 1], [0, 1.001]],
            "targets from 0 to 1, but example 1 has 0, 1.001",
        ),
        (binary_cross_entropy, [[-1, 1, 1, 1, 1]], "example 0 has -1, 1, 1, 1, …: use"),
        (binary_cross_entropy, [[math.nan]], "example 0 has nan"),
    ],
)
def test_targets_that_a_cost_has_no_meaning_for_are_refused_by_name(cost, targets, says, xp):
    with pytest.raises(WrongValue, match=says):
        check_targets(cost, xp.asarray(targets, dtype=xp.float64))


@pytest.mark.parametrize(
    ("cost", "targets"),
    [
        (cross_entropy, [[0, 1], [0.25, 0.75], [0.4995, 0.5]]),  # what rounding leaves of a sum of 1
        (binary_cross_entropy, [[0, 0], [1, 1], [0.5, 1 + 1e-7]]),
        (squared_error, [[-7, 1e9]]),
        (huber, [[-7, 1e9]]),
    ],
)
def test_targets_that_a_cost_can_judge_are_not(cost, targets, xp):
    check_targets(cost, xp.asarray(targets, dtype=xp.float64))


def test_a_single_softmax_output_is_refused_since_it_is_always_1():
    assert softmax.value(np.asarray([[-3.0], [5.0]])).tolist() == [[1], [1]]
    for cost in (cross_entropy, squared_error):
        check_fit(cost, softmax, 2)
        with pytest.raises(
            WrongValue, match="a single output after softmax is always 1, whatever the input: use sigmoid"
        ):
            check_fit(cost, softmax, 1)
