"""Arrays of the wrong shape are refused by name, and never silently repeated along one another.

The tests' own check of shapes is switched off here, for it would speak first.
"""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from jaxtyping import config

from glassnet import Dataset, Network, WrongValue, backward, confusion, evaluate, mistakes
from glassnet.activations import identity
from glassnet.costs import COSTS, Cost, as_cost, cost_of, output_error, squared_error
from glassnet.explain.examples import as_data, as_example
from glassnet.network import Layer
from glassnet.optimizers import Adam


@pytest.fixture(autouse=True)
def as_users_run_it(monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)


WRONG = {
    "one dimension": (
        (5, 1),
        (5,),
        r"output has the shape \(5, 1\), but the desired output has \(5,\).*y.reshape\(-1, 1\)",
    ),
    "wrong order": ((5, 2), (2, 5), r"\(5, 2\).* \(2, 5\).*transposed, y\.T"),
    "one column for two": (
        (5, 2),
        (5, 1),
        r"\(5, 2\).*\(5, 1\).*a row of 2 desired outputs for each of the 5 examples",
    ),
    "one row for five": ((5, 2), (1, 2), r"\(5, 2\).*\(1, 2\).*a row of 2 desired outputs for each of the 5 examples"),
    "one example, flat": ((2,), (2,), r"\(2,\).*two dimensions, a row for each example"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("name", COSTS)
def test_every_cost_refuses_what_does_not_fit(name, case, xp):
    first, second, said = WRONG[case]
    cost = as_cost(name)
    ways = [cost.value, cost.slope]
    if cost.natural is not None:
        ways += [cost.natural.value, cost.natural.slope]
    for way in ways:
        with pytest.raises(WrongValue, match=said):
            way(xp.full(first, 0.5), xp.full(second, 0.5))


def test_a_list_is_no_array():
    with pytest.raises(
        WrongValue, match=r"the desired output must be an array of shape \(examples, outputs\), got list"
    ):
        squared_error.value(np.zeros((1, 2)), [[0, 1]])


@dataclass(frozen=True, slots=True)
class Trusting(Cost):
    """A cost of one's own, that checks nothing."""

    name = "trusting"
    domain = "real"

    def value(self, a, y):
        return (a - y).sum(axis=-1)

    def slope(self, a, y):
        return a - y + 1


@pytest.mark.parametrize("cost", [Trusting(), *map(as_cost, ("squared_error", "huber"))])
def test_cost_of_and_output_error_refuse_it_for_any_cost(cost):
    a = np.zeros((5, 2))
    for ask in (cost_of, output_error):
        with pytest.raises(WrongValue, match=r"\(5, 2\).*\(5, 1\)"):
            ask(cost, identity, a, a, a[:, :1])
        with pytest.raises(WrongValue, match=r"sums z have the shape \(1, 2\), but the activations a have \(5, 2\)"):
            ask(cost, identity, a[:1], a, a)


NETWORK = Network.random((3, 4, 2), dtype=np.float64)
X = np.linspace(0, 1, 15).reshape(5, 3)
Y = np.eye(2)[[0, 1, 1, 0, 1]]


def test_the_cost_of_one_output_is_not_that_of_all_pairs():
    # By hand: (1 − 1)² and (2 − 3)² are 0 and 1. All pairs would give 0 + 4 and 1 + 1.
    a, y = np.array([[1.0], [2.0]]), np.array([1.0, 3.0])
    assert squared_error.value(a, y.reshape(-1, 1)).tolist() == [0, 1]
    with pytest.raises(WrongValue, match=r"give it as y.reshape\(-1, 1\)"):
        squared_error.value(a, y)


def test_backward_refuses_other_targets_weights_and_activations():
    forward = NETWORK.forward(X)
    for targets in (Y[:, :1], Y[:1], Y.T, Y[:, 0]):
        with pytest.raises(WrongValue, match=r"the output has the shape \(5, 2\)"):
            backward(NETWORK, forward, targets, squared_error)
    for weights in (np.ones((5, 1)), np.ones(1), np.ones(4), np.ones((1, 5))):
        with pytest.raises(WrongValue, match=r"one number for each of the 5 examples, of shape \(5,\), got"):
            backward(NETWORK, forward, Y, squared_error, weights)
    with pytest.raises(WrongValue, match=r"layers of 3, 4, 2 neurons.*what this network's forward\(\) returned"):
        backward(NETWORK, Network.random((3, 1, 2), dtype=np.float64).forward(X), Y, squared_error)
    part = replace(forward, activations=(X[:1], *forward.activations[1:]))
    with pytest.raises(WrongValue, match=r"shapes \(1, 3\), \(5, 4\), \(5, 2\)"):
        backward(NETWORK, part, Y, squared_error)


def test_forward_refuses_other_examples_and_factors():
    for x in (X[0], X.T, X[:, :1]):
        with pytest.raises(WrongValue, match=r"examples as rows of 3 numbers, got an array of shape"):
            NETWORK.forward(x)
    with pytest.raises(WrongValue, match=r"factors for layer 2 must have the shape of its input, \(5, 4\), got \(4,\)"):
        NETWORK.forward(X, (None, np.ones(4)))


def test_an_optimizer_refuses_gradients_and_averages_of_other_shapes():
    optimizer = Adam()
    memory = optimizer.init(NETWORK.layers)
    gradient = NETWORK.layers
    wide = (gradient[0], Layer(gradient[1].weight, gradient[1].bias[:1]))
    with pytest.raises(
        WrongValue, match=r"the gradient must have the shapes of the parameters.*\(2,\), but has.*\(1,\)"
    ):
        optimizer.update(wide, memory, NETWORK.layers)
    with pytest.raises(WrongValue, match="the gradient must have"):
        optimizer.update(gradient[:1], memory, NETWORK.layers)
    with pytest.raises(WrongValue, match="the running average 'mean' must have"):
        optimizer.update(gradient, replace(memory, moments={**memory.moments, "mean": wide}), NETWORK.layers)


def test_an_evaluation_refuses_other_answers():
    data = Dataset(X, Y, classes=("no", "yes"))
    with pytest.raises(WrongValue, match=r"weighted sums z|the output has the shape"):
        evaluate(NETWORK, data, squared_error, lambda x: (x[:1, :2], x[:1, :2]))
    for ask in (confusion, mistakes):
        with pytest.raises(
            WrongValue, match=r"out must be the outputs for these examples, of shape \(5, 2\), got \(1, 2\)"
        ):
            ask(NETWORK, data, out=np.ones((1, 2)))


def test_an_explained_example_needs_as_many_numbers_as_the_network_has_ends():
    with pytest.raises(WrongValue, match=r"this network takes 3 numbers; got 4, of shape \(4, 1\)"):
        as_example(NETWORK, np.zeros((4, 1)), 0)
    with pytest.raises(WrongValue, match="2 outputs, so a target is 2 numbers or a class; got 1"):
        as_example(NETWORK, np.zeros(3), [1.0])
    for target in (Y.T, Y[:, 0], Y[:1]):
        with pytest.raises(WrongValue, match="5 examples need as many rows of 2 desired outputs"):
            as_data(NETWORK, X, target)
    with pytest.raises(WrongValue, match="takes 3 numbers"):
        as_data(NETWORK, X.T, Y)
