import re
import warnings
from dataclasses import replace

import numpy as np
import pytest

from glassnet import Checkpoint, Dataset, EpochEnded, Layer, Network, Settings, TrainingWarning, from_labels, train
from glassnet.activations import sigmoid
from glassnet.costs import absolute_error, binary_cross_entropy, cross_entropy, huber, squared_error
from glassnet.data import summarize
from glassnet.diagnosis import constant_cost, falling, stuck, unscaled
from glassnet.optimizers import SGD


def numbers(inputs, targets=None):
    inputs = np.asarray(inputs, np.float32)
    return Dataset(inputs, inputs[:, :1] if targets is None else np.asarray(targets, np.float32))


def said(network, data, **options):
    """What a training says of itself at the end of each epoch."""
    events = train(network, data, quiet=True, **options)
    return [event.stuck for event in events if isinstance(event, EpochEnded)]


# ── Inputs ───────────────────────────────────────────────────────────────────────────────────────────────────────────

NORMAL = np.random.default_rng(0).standard_normal((3000, 30))
WORDS = np.eye(40)[
    np.minimum(np.random.default_rng(0).zipf(1.6, 3000), 40) - 1
]  # one-hot, some of them in one row of 3,000


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (
            np.arange(512.0).reshape(128, 4) % 256,
            "run from 0 to 255, far beyond 0 to 1: divide bytes of 0 to 255 by 255",
        ),
        (NORMAL * -100, r"run from -\d+\.?\d* to \d+\.?\d*, far beyond 0 to 1: .*subtract from each column its mean"),
        (NORMAL + 2000, "far beyond 0 to 1"),
        (
            (NORMAL > 0) / 255,
            "run from 0 to 0.003922 and hardly differ: .*save bytes of 0 and 1 as floating-point numbers",
        ),
        (NORMAL * 1e-3 + 0.5, "hardly differ"),
        (np.zeros((20, 3)), "run from 0 to 0 and hardly differ"),
        (NORMAL * ([1000] + [1] * 29), r"very unequal scale \(standard deviations from 0\.\d+ to 9\d\d|1e\+03\)"),
        (NORMAL * ([0.001] + [1] * 29), r"very unequal scale \(standard deviations from 0\.00\d+ to 1"),
        (NORMAL * 1e30, "far beyond 0 to 1"),
    ],
)
def test_inputs_of_another_scale_are_named_with_their_numbers(inputs, says):
    assert re.search(says, unscaled(summarize(numbers(inputs))))


@pytest.mark.parametrize(
    "inputs",
    [
        NORMAL,
        NORMAL * 2,
        WORDS,
        (WORDS - WORDS.mean(axis=0)) / (WORDS.std(axis=0) + (WORDS.std(axis=0) == 0)),  # rare ones become 50
        np.random.default_rng(0).random((50, 3)),
        np.arange(6.0).reshape(3, 2),
    ],
)
def test_inputs_of_about_unit_size_are_fine(inputs):
    assert unscaled(summarize(numbers(inputs))) is None


@pytest.mark.parametrize("count", [20, 60, 500, 50_000])
def test_digits_are_fine_though_pixels_at_the_edge_are_almost_always_0(digits, count):
    assert unscaled(summarize(digits.train.take(slice(0, count)))) is None


# ── The best constant answer ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_best_constant_answer_by_hand():
    data = numbers(np.zeros((4, 1)), [[0], [0], [0], [4]])
    assert constant_cost(data, squared_error) == pytest.approx((1 + 1 + 1 + 9) / 4)  # the mean, 1
    assert constant_cost(data, absolute_error) == pytest.approx(4 / 4)  # the median, 0; the mean would cost 6/4
    weighted = replace(data, weights=np.asarray([1, 0, 0, 1], np.float32))
    assert constant_cost(weighted, squared_error) == pytest.approx(4)  # 0 and 4 around 2
    # Huber's, ½d² up to 1 and d − ½ beyond: at c the three cost 3·c²/2 and the one 4 − c − ½, least at c = ⅓.
    assert constant_cost(data, huber) == pytest.approx((3 / 18 + 4 - 1 / 3 - 0.5) / 4, rel=1e-6)
    thrice = replace(data, weights=np.asarray([1, 0, 0, 3], np.float32))
    assert constant_cost(thrice, absolute_error) == pytest.approx(4 / 4)  # the weighted median, 4
    classes = from_labels(np.zeros((4, 1)), [0, 1, 1, 1])
    entropy = -(np.log(0.25) + 3 * np.log(0.75)) / 4
    assert constant_cost(classes, cross_entropy) == pytest.approx(entropy)
    assert constant_cost(classes, binary_cross_entropy) == pytest.approx(2 * entropy)


def test_more_examples_than_are_computed_at_once_and_huge_ones_change_nothing(rng):
    targets = rng.random((10_000, 2))
    assert constant_cost(numbers(np.zeros((10_000, 1)), targets), squared_error) == pytest.approx(
        targets.var(axis=0).sum(), rel=1e-5
    )
    huge = numbers(np.zeros((2, 1)), [[3e30], [-3e30]])
    assert constant_cost(huge, squared_error) == pytest.approx(9e60)


@pytest.mark.parametrize(
    ("course", "answer"),
    [
        ([], True),
        ([5, 4, 3], True),  # too few to say
        ([9, 1, 1, 1], False),  # the first quarter does not count
        ([9, 1, 1, 0.97], True),
        ([9, 1, 1, 0.99], False),
        ([2, 1, 1, 9], False),
        ([9, 9, 1.2, 1, 1, 1, 0.8, 0.9], True),
        ([-1, -1, -1, -1.1], True),
    ],
)
def test_a_cost_that_falls(course, answer):
    assert falling(course) is answer


# ── Why nothing is learned ───────────────────────────────────────────────────────────────────────────────────────────

SIGMOIDS = (784, 8, 8, 8, 8, 8, 8, 10)


@pytest.mark.parametrize(
    ("sizes", "change", "rate", "says"),
    [
        ((784, 8, 10), {"inputs": 1 / 255}, 0.5, r"Likely cause: the inputs run from 0 to 0\.003922 and hardly differ"),
        ((784, 8, 10), {"inputs": 255}, 0.5, "Likely cause: the inputs run from 0 to 255, far beyond 0 to 1"),
        (
            (784, 8, 10),
            {"targets": 50},
            0.5,
            "the targets run from 0 to 50, but outputs lie between 0 and 1 after sigmoid",
        ),
        (
            SIGMOIDS,
            {},
            0.5,
            r"vanishes on its way back: at layer 1 it is \S+ times as large as at layer 7, through sigmoid",
        ),
        (
            (784, 8, 10),
            {},
            1e-5,
            r"moved by only 0\.\d+% of their size in 200 minibatches: raise the learning rate \(it was",
        ),
        (SIGMOIDS, {"inputs": 1 / 255}, 1e-5, "the inputs run from 0"),  # the first of three
    ],
)
def test_each_cause_is_named_with_its_numbers_and_no_rate_is_blamed_for_another(few, sizes, change, rate, says):
    data = few[0].take(slice(0, 400))
    targets = data.targets
    if "targets" in change:
        targets = np.where(data.targets > 0, 0, 50).astype(np.float32)  # so that more than a tenth of them are 50
    data = replace(data, inputs=data.inputs * np.float32(change.get("inputs", 1)), targets=targets)
    found = said(Network.random(sizes), data, optimizer=SGD(rate), batch_size=4, epochs=4)
    assert [each is None for each in found[:1] + found[3:]] == [True, True] or found[0] is not None
    told = [each for each in found if each is not None]
    assert len(told) == 1  # once
    assert re.match(
        r"after epoch [123], the network answers no better than a constant would \(its cost is \S+, that of the best "
        r"constant \S+\)\. Likely cause: ",
        told[0],
    )
    assert re.search(says, told[0]), told[0]
    assert "lower" not in told[0]


def test_targets_that_do_not_depend_on_the_inputs(rng):
    data = from_labels(rng.random((400, 2)), rng.integers(0, 2, 400))
    (told,) = [each for each in said(Network.random((2, 4, 2)), data, optimizer=SGD(0.1), epochs=12) if each]
    assert told.endswith(
        "its steps may be too large or too small; try the learning rate (it was 0.1) ten times lower and ten times higher; "
        "if neither helps, the targets may not depend on the inputs."
    )


def test_an_activation_without_a_slope_is_named_rather_than_called_saturated(few):
    data = few[0]
    network = Network.random((data.inputs.shape[1], 8, data.targets.shape[1]), output="step")
    told = next(filter(None, said(network, data, epochs=4, batch_size=5)))
    assert "the activation of layer 2, step, has the slope 0 everywhere" in told
    assert "saturated" not in told


def test_steps_that_are_too_large(rng):
    data = from_labels(rng.standard_normal((400, 2)), rng.integers(0, 2, 400))
    network = Network.random((2, 2), output="softmax")
    (told,) = [each for each in said(network, data, cost="cross_entropy", optimizer=SGD(100.0), epochs=12) if each]
    assert told.endswith("Likely cause: its steps may be too large; lower the learning rate (it was 100).")


def test_nothing_is_said_before_200_minibatches_while_the_cost_falls_or_of_what_has_learned(few):
    data = few[0]
    network = Network.random((784, 8, 10))
    slow = {"optimizer": SGD(1e-5), "batch_size": 5}  # 100 minibatches an epoch
    assert said(network, data, epochs=1, **slow) == [None]
    assert [each is None for each in said(network, data, epochs=3, **slow)] == [True, False, True]
    start = Checkpoint(network, SGD(1e-5).init(network.layers), 0, 0, Settings(optimizer=SGD(1e-5)))
    now = replace(start, memory=replace(start.memory, step=200))
    assert stuck(start, replace(start, memory=replace(start.memory, step=199)), data, [2, 2, 2, 2]) is None
    assert stuck(start, now, data, [2, 2, 2, 1.9]) is None
    assert stuck(start, now, data, [2, 2, 2, 2]) is not None
    learned = list(train(network, data, batch_size=5, epochs=4))[-1].checkpoint
    assert stuck(start, replace(now, network=learned.network), data, [1, 1, 1, 1]) is None


def test_a_network_that_is_right_is_not_stuck_however_little_it_moves_and_however_flat_it_is(rng):
    # Sure of every answer, so all its slopes are flat, and it gets no better than at the start: there is nothing to learn.
    x = np.asarray([[0, 1], [1, 0]] * 200, np.float32)
    sure = Network((Layer(100 * np.asarray([[1, -1], [-1, 1]], np.float32), np.zeros(2, np.float32)),), (sigmoid,))
    assert said(sure, Dataset(x, x, classes=("a", "b")), optimizer=SGD(0.1), epochs=6) == [None] * 6


def test_data_sorted_by_class_is_looked_at_all_over(few):
    data = few[0]
    rows = np.argsort(data.labels, kind="stable")
    many = data.take(np.repeat(rows, 30))  # the first 1,000 of 15,000 are all zeros, which a constant answer gets right
    learned = list(train(Network.random((784, 8, 10)), data, batch_size=5, epochs=4))[-1].checkpoint
    start = replace(learned, memory=replace(learned.memory, step=0))
    assert stuck(start, learned, many, [1, 1, 1, 1]) is None
    new = replace(learned, network=Network.random((784, 8, 10)))
    assert stuck(start, new, many, [1, 1, 1, 1]) is not None
    counts = np.arange(len(many)) % 10 == 0
    targets = np.where(counts[:, None], many.targets, np.roll(many.targets, 1, axis=1))
    wrong = replace(many, targets=targets)
    assert stuck(start, learned, wrong, [1, 1, 1, 1]) is not None
    weighted = replace(wrong, weights=counts.astype(np.float32))  # those that do not count are not looked at
    assert stuck(start, learned, weighted, [1, 1, 1, 1]) is None


def test_the_warning_comes_with_the_first_event_once_and_not_if_asked_to_be_quiet(few):
    data = few[0].take(slice(0, 20))
    large = replace(data, inputs=data.inputs * np.float32(255))
    network = Network.random((784, 4, 10))
    events = train(network, large, epochs=2)
    with pytest.warns(TrainingWarning, match="the inputs run from 0 to 255, far beyond") as caught:
        next(events)
    assert len(caught) == 1
    with pytest.warns(TrainingWarning, match="after epoch 1, .* Likely cause: the inputs run from 0 to 255") as caught:
        list(events)
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(train(network, large, epochs=2, quiet=True))
        list(train(network, data, epochs=2))


def test_arrays_of_other_libraries(xp, rng):
    x = xp.asarray(rng.standard_normal((300, 2)).astype(np.float32))
    y = xp.asarray(rng.random((300, 1)).astype(np.float32))
    data = Dataset(x, y)
    network = Network.random((2, 3, 1), xp=xp)
    start = Checkpoint(network, SGD(0.1).init(network.layers), 0, 0, Settings(optimizer=SGD(0.1)))
    now = replace(start, memory=replace(start.memory, step=300))
    assert "the weights have moved by only 0% of their size in 300 minibatches" in stuck(start, now, data, [1, 1, 1, 1])
