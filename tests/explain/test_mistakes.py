import json

import numpy as np
import pytest
from scipy import ndimage
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from glassnet import Dataset, Network, WrongValue, evaluate, last, train
from glassnet.activations import identity, sigmoid, softmax
from glassnet.arrays import to_numpy
from glassnet.costs import cross_entropy, squared_error
from glassnet.evaluation import outputs
from glassnet.explain.blocks import Curves, Pictures, Sentence, Table, number
from glassnet.explain.mistakes import ANGLES, corner, memorized, mistakes, rotated, shifted, shuffled
from glassnet.network import Layer


def echo(width, activation=identity):
    """A network of which the weighted sums are what it is shown, so that answers can be written down."""
    return Network((Layer(np.eye(width), np.zeros(width)),), (activation,))


def logit(a):
    return np.log(a) - np.log1p(-np.asarray(a))


# Shown to echo(3, sigmoid), the outputs are these: two of four right.
SAYS = np.array([[0.95, 0.1, 0.2], [0.2, 0.75, 0.1], [0.65, 0.3, 0.1], [0.3, 0.8, 0.92]])
DATA = Dataset(logit(SAYS), np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]), classes=("a", "b", "c"))


def words(explanation):
    return " ".join(block.text for block in explanation.blocks() if isinstance(block, Sentence))


def captions(explanation):
    return [
        picture.caption for block in explanation.blocks() if isinstance(block, Pictures) for picture in block.pictures
    ]


@pytest.fixture(scope="module")
def trained(digits):
    """A network that has learned a little, from 500 digits."""
    return last(train(Network.random(), digits.train.take(slice(0, 500)), epochs=10, engine="reference"))


@pytest.fixture(scope="module")
def held(digits):
    return digits.validation.take(slice(0, 1000))


# Mistakes


def test_mistakes_by_hand():
    found = mistakes(echo(3, sigmoid), DATA)
    assert (found.accuracy, found.examples, found.weighted) == (0.5, 4, False)
    assert found.confusion.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert [(each.row, each.answer, each.truth) for each in found.errors] == [(3, 2, 1), (2, 0, 2)]
    assert [each.confidence for each in found.errors] == pytest.approx([0.92, 0.65])
    assert [(each.row, each.answer, each.truth) for each in found.hits] == [(1, 1, 1), (0, 0, 0)]
    assert [each.confidence for each in found.hits] == pytest.approx([0.75, 0.95])
    assert found.errors[0].image.tolist() == DATA.inputs[3].tolist()
    assert [(each.truth, each.answer, each.count, each.share) for each in found.confused] == [
        (1, 2, 1, 0.5),
        (2, 0, 1, 1),
    ]
    # In bins 0.6 to 0.7: one, wrong; 0.7 to 0.8: one, right; 0.9 to 1: two, one of them right.
    assert found.calibration.counts.tolist() == [0, 0, 0, 0, 0, 0, 1, 1, 0, 2]
    assert found.calibration.error == pytest.approx((0.65 + 0.25 + 2 * abs(0.5 - 0.935)) / 4)


def test_confusion_and_calibration_are_those_of_scikit_learn(trained, held):
    found = mistakes(trained, held)
    out = outputs(trained.to(np, dtype=np.float64), held.inputs)
    answers, right = out.argmax(axis=1), out.argmax(axis=1) == held.labels
    assert found.confusion.tolist() == confusion_matrix(held.labels, answers, labels=range(10)).tolist()
    accuracy, confidence = calibration_curve(right, out.max(axis=1), n_bins=10)
    filled = found.calibration.counts > 0
    assert found.calibration.accuracy[filled] == pytest.approx(accuracy, abs=1e-12)
    assert found.calibration.confidence[filled] == pytest.approx(confidence, abs=1e-12)
    assert found.calibration.counts.sum() == len(held)
    # the formula, example by example
    sure = out.max(axis=1)
    error = 0.0
    for m in range(10):
        inside = (sure > m / 10) & (sure <= (m + 1) / 10)
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - sure[inside].mean())
    assert found.calibration.error == pytest.approx(error, abs=1e-12)


def test_a_confidence_on_an_edge_is_binned_as_scikit_learn_does():
    sure = np.array([0.0, 0.1, 0.2, 0.5, 0.9, 1.0, 0.55])
    data = Dataset(np.stack([np.zeros(7), sure], axis=1), np.eye(2)[[0, 1, 0, 1, 0, 1, 1]], classes=("no", "yes"))
    network = Network((Layer(np.eye(2), np.zeros(2)),), (Unchanged(),))
    found = mistakes(network, data).calibration
    answers = np.array([0, 1, 1, 1, 1, 1, 1])
    accuracy, confidence = calibration_curve(answers == data.labels, sure, n_bins=10)
    assert found.accuracy[found.counts > 0].tolist() == accuracy.tolist()
    assert found.confidence[found.counts > 0].tolist() == confidence.tolist()


class Unchanged(type(sigmoid)):
    """What it is given, which must be from 0 to 1."""

    __slots__ = ()
    name = "unchanged"

    def value(self, z):
        return z


def test_errors_and_hits_by_brute_force(trained, held):
    found = mistakes(trained, held, count=7)
    out = outputs(trained.to(np, dtype=np.float64), held.inputs)
    cases = [(float(out[row].max()), row, int(out[row].argmax())) for row in range(len(held))]
    wrong = sorted((case for case in cases if case[2] != held.labels[case[1]]), reverse=True)[:7]
    unsure = sorted(case for case in cases if case[2] == held.labels[case[1]])[:7]
    assert [(each.confidence, each.row, each.answer) for each in found.errors] == wrong
    assert [(each.confidence, each.row, each.answer) for each in found.hits] == unsure
    for each in found.errors + found.hits:
        assert each.truth == held.labels[each.row]
        assert each.image.tolist() == held.inputs[each.row].tolist()
    pairs = [(t, a) for t in range(10) for a in range(10) if t != a]
    most = sorted((found.confusion[pair] for pair in pairs), reverse=True)[:7]
    assert [each.count for each in found.confused] == most
    for each in found.confused:
        assert each.count == found.confusion[each.truth, each.answer]
        assert each.share == pytest.approx(each.count / (held.labels == each.truth).sum())


def test_any_library_gives_the_same(rng, xp):
    data = Dataset(rng.uniform(0, 1, (50, 16)), np.eye(3)[rng.integers(0, 3, 50)], classes=("a", "b", "c"))
    there = Dataset(xp.asarray(data.inputs), xp.asarray(data.targets), classes=data.classes)
    network = Network.random((16, 5, 3), dtype=np.float64)
    here, other = mistakes(network, data), mistakes(network.to(xp), there)
    assert other.confusion.tolist() == here.confusion.tolist()
    assert [each.row for each in other.errors] == [each.row for each in here.errors]
    assert other.calibration.error == pytest.approx(here.calibration.error, abs=1e-12)
    one, two = corner(network, data), corner(network.to(xp), there)
    assert two.shift_confidence == pytest.approx(one.shift_confidence, abs=1e-12)
    assert two.no_digits[0].answers.tolist() == one.no_digits[0].answers.tolist()


def test_one_output_is_sure_of_its_side():
    network = Network((Layer(np.array([[1.0]]), np.array([0.0])),), (sigmoid,))
    data = Dataset(np.array([[2.0], [-1.0], [1.0]]), np.array([[1.0], [0.0], [0.0]]), classes=("no", "yes"))
    found = mistakes(network, data)
    assert found.confusion.tolist() == [[1, 1], [0, 1]]
    assert [each.confidence for each in found.hits] == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))])
    assert found.calibration.counts.tolist() == [0, 0, 0, 0, 0, 0, 0, 2, 1, 0]
    assert "a or 1 − a" in words(found)


def test_how_confidence_is_read_depends_on_the_outputs():
    assert "sigmoid gives no probability" in words(mistakes(echo(3, sigmoid), DATA))
    assert "have the form of probabilities" in words(mistakes(echo(3, softmax), DATA))
    found = mistakes(echo(3), DATA)
    assert found.calibration is None
    assert "no confidence can be read" in words(found)


def test_weights_are_not_used_and_this_is_said():
    weighted = Dataset(DATA.inputs, DATA.targets, np.array([1.0, 0, 0, 5]), DATA.classes)
    found = mistakes(echo(3, sigmoid), weighted)
    assert (found.accuracy, found.weighted) == (0.5, True)
    assert found.calibration.error == mistakes(echo(3, sigmoid), DATA).calibration.error
    assert "every example counts once" in words(found)


def test_a_network_without_mistakes_and_one_without_hits():
    right = Dataset(DATA.inputs, np.eye(3)[SAYS.argmax(axis=1)], classes=DATA.classes)
    found = mistakes(echo(3, sigmoid), right)
    assert (found.accuracy, found.errors, found.confused) == (1, (), ())
    assert "0 of 4 answers are wrong" in words(found)
    wrong = Dataset(DATA.inputs, np.eye(3)[(SAYS.argmax(axis=1) + 1) % 3], classes=DATA.classes)
    found = mistakes(echo(3, sigmoid), wrong)
    assert (found.accuracy, found.hits) == (0, ())
    assert "4 of 4 answers are wrong" in words(found)


def test_mistakes_show_themselves(trained, held):
    found = mistakes(trained, held, count=3)
    assert len(captions(found)) == 6
    worst = found.errors[0]
    assert captions(found)[0] == f"{worst.row}: {worst.truth}, says {worst.answer} ({worst.confidence:.2f})"
    (curves,) = (block for block in found.blocks() if isinstance(block, Curves))
    assert len(curves.curves[1].xs) == (found.calibration.counts > 0).sum()
    tables = [block for block in found.blocks() if isinstance(block, Table)]
    assert tables[2].columns == ("is \\ taken for", *"0123456789")
    assert [list(row[1:]) for row in tables[2].rows] == found.confusion.astype(str).tolist()
    assert [row[0] for row in tables[2].rows] == list("0123456789")
    assert [row[:2] for row in tables[0].rows] == [(str(each.row), str(each.truth)) for each in found.errors]
    pair = found.confused[0]
    assert tables[3].rows[0] == (str(pair.truth), str(pair.answer), str(pair.count), f"{pair.share:.1%}")
    bins = np.flatnonzero(found.calibration.counts)
    assert [row[1] for row in tables[4].rows] == [f"{found.calibration.counts[m]:,}" for m in bins]
    assert [row[3] for row in tables[4].rows] == [f"{found.calibration.accuracy[m]:.3f}" for m in bins]
    assert json.dumps(found.to_data(), allow_nan=False)
    assert captions(mistakes(echo(3, sigmoid), DATA)) == []  # three numbers are no picture


def test_a_table_of_many_classes_is_not_printed(rng):
    labels = rng.integers(0, 40, 60)
    data = Dataset(rng.uniform(0, 1, (60, 4)), np.eye(40)[labels], classes=tuple(f"c{i}" for i in range(40)))
    found = mistakes(Network.random((4, 40)), data)
    assert "40 × 40 classes is too large to print" in words(found)
    assert found.confusion.shape == (40, 40)


def test_wrong_values_are_refused(rng):
    numbers = Dataset(rng.uniform(0, 1, (5, 16)), rng.uniform(0, 1, (5, 3)))
    images = Dataset(rng.uniform(0, 1, (5, 16)), np.eye(3)[[0, 1, 2, 0, 1]], classes=("a", "b", "c"))
    network = Network.random((16, 3))
    for ask in (mistakes, corner):
        with pytest.raises(WrongValue, match="has no labels"):
            ask(network, numbers)
        with pytest.raises(WrongValue, match="takes 3"):
            ask(echo(3), images)
        with pytest.raises(WrongValue, match="count must be a whole number from 1, got 0"):
            ask(network, images, count=0)
    with pytest.raises(WrongValue, match=r"only square images.* have 3 numbers"):
        corner(echo(3), DATA)
    with pytest.raises(WrongValue, match="seed"):
        corner(network, images, seed=-1)


# The honest corner


def test_shifts_are_those_of_scipy(held):
    images = held.inputs[:20].reshape(-1, 28, 28)
    for down, right in ((0, 0), (3, 0), (-8, 0), (0, 5), (2, -7), (28, 0), (0, -30)):
        expected = ndimage.shift(images, (0, down, right), order=0, cval=0.25)
        assert shifted(images, down, right, 0.25).tolist() == expected.tolist()
    assert shifted(images, 2, 0)[:, :2].max() == 0  # without being told, empty pixels come in


def test_rotations_are_those_of_scipy(held):
    images = held.inputs[:20].reshape(-1, 28, 28).astype(np.float64)
    for degrees in ANGLES:
        expected = ndimage.rotate(images, degrees, axes=(2, 1), reshape=False, order=1)
        assert rotated(images, degrees) == pytest.approx(expected, abs=1e-6)
    # counterclockwise: what was at the top, in the middle, goes to the left
    top = np.zeros((1, 5, 5))
    top[0, 0, 2] = 1
    assert rotated(top, 90)[0, 2, 0] == pytest.approx(1)
    assert rotated(np.zeros((1, 28, 28)), 45, 0.5)[0, 0, 0] == 0.5


def test_accuracy_falls_as_scipys_images_say(trained, held):
    # Pillow and SciPy treat the outermost half pixel differently, so only images without ink at the edge are compared.
    edge = np.ones((28, 28), bool)
    edge[1:-1, 1:-1] = False
    part = held.take(np.flatnonzero(~held.inputs[:, edge.reshape(-1)].any(axis=1))[:150])
    found = corner(trained, part, count=1000)  # all of them
    assert found.examples == 150
    images = part.inputs.reshape(-1, 28, 28).astype(np.float64)
    network = trained.to(np, dtype=np.float64)

    def judged(versions):
        out = network(versions.reshape(-1, 784))
        return (out.argmax(axis=1) == part.labels).mean(), out.max(axis=1).mean()

    assert found.shifts.tolist() == list(range(9))
    for s, accuracy, confidence in zip(found.shifts, found.shift_accuracy, found.shift_confidence, strict=True):
        four = [judged(ndimage.shift(images, (0, *by), order=0)) for by in ((s, 0), (-s, 0), (0, s), (0, -s))]
        assert (accuracy, confidence) == pytest.approx(np.mean(four, axis=0), abs=1e-12)
    assert found.angles.tolist() == list(ANGLES)
    for angle, accuracy, confidence in zip(found.angles, found.angle_accuracy, found.angle_confidence, strict=True):
        expected = judged(ndimage.rotate(images, angle, axes=(2, 1), reshape=False, order=1))
        assert (accuracy, confidence) == pytest.approx(expected, abs=1e-6)
    assert found.shift_accuracy[0] == found.angle_accuracy[6] == evaluate(network, part, squared_error).accuracy
    assert found.shift_accuracy[-1] < found.shift_accuracy[0] - 0.3


def test_what_is_no_digit_is_answered_like_one(trained, held):
    found = corner(trained, held, seed=1, count=50)
    assert [(each.what, each.count) for each in found.no_digits] == [
        ("noise", 50),
        ("nothing", 1),
        ("ink everywhere", 1),
        ("pixels shuffled", 50),
    ]
    shown = {each.what: each for each in found.shown}
    assert not shown["nothing"].image.any()
    assert (shown["ink everywhere"].image == 1).all()
    noise = shown["noise"].image
    assert 0 <= noise.min() < 0.01 < 0.99 < noise.max() <= 1
    assert abs(noise.mean() - 0.5) < 0.05
    own, mixed = shown["as it is"].image, shown["pixels shuffled"].image
    assert sorted(mixed) == sorted(own)
    assert mixed.tolist() != own.tolist()
    assert shown["moved right by 4"].image.reshape(28, 28)[:, 4:].tolist() == own.reshape(28, 28)[:, :-4].tolist()
    assert shown["moved down by 4"].image.reshape(28, 28)[4:].tolist() == own.reshape(28, 28)[:-4].tolist()
    network = trained.to(np, dtype=np.float64)
    for each in found.shown:
        out = network(each.image)
        assert each.answer == out.argmax()
        assert each.confidence == pytest.approx(out.max(), rel=1e-12)
    for each in found.no_digits:
        assert each.answers.sum() == each.count
        if each.count == 1:
            assert each.answers[shown[each.what].answer] == 1
            assert each.confidence == shown[each.what].confidence


def test_a_network_that_always_says_the_same(rng):
    # Its outputs are σ(0) and σ(1), whatever it is shown: 0.731 sure of the second class.
    network = Network((Layer(np.zeros((2, 16)), np.array([0.0, 1.0])),), (sigmoid,))
    labels = np.array([1, 1, 1, 0] * 5)
    data = Dataset(rng.uniform(0, 1, (20, 16)), np.eye(2)[labels], classes=("a", "b"))
    found = corner(network, data)
    assert found.shifts.tolist() == [0, 1, 2, 3]  # less than the side of 4
    for accuracy in (found.shift_accuracy, found.angle_accuracy):
        assert accuracy == pytest.approx(0.75)
    sure = 1 / (1 + np.exp(-1))
    for confidence in (found.shift_confidence, found.angle_confidence):
        assert confidence == pytest.approx(sure)
    for each in found.no_digits:
        assert each.answers.tolist() == [0, each.count]
        assert each.confidence == pytest.approx(sure)
    assert "Shown noise, it is 0.73 sure" in words(found)
    assert "2 classes: it has no output for" in words(found)
    assert "All sigmoid outputs can be low at once" in words(found)
    assert "at once" not in words(corner(Network.random((16, 2), output="softmax"), data))


def test_the_paper_is_the_smallest_number_of_the_data(rng):
    inputs = rng.uniform(-1, 3, (20, 16))
    data = Dataset(inputs, np.eye(2)[rng.integers(0, 2, 20)], classes=("a", "b"))
    shown = {each.what: each.image for each in corner(Network.random((16, 2)), data).shown}
    assert (shown["nothing"] == inputs.min()).all()
    assert (shown["ink everywhere"] == inputs.max()).all()
    assert (shown["moved down by 1"].reshape(4, 4)[0] == inputs.min()).all()
    assert shown["noise"].min() < 0


def test_the_seed_decides(trained, held):
    one, same, other = (corner(trained, held, seed, count=5) for seed in (0, 0, 1))
    assert one.to_data() == same.to_data()
    assert one.shown[0].image.tolist() != other.shown[0].image.tolist()
    assert one.shown[4].image.tolist() != other.shown[4].image.tolist()


def test_the_corner_shows_itself(trained, held):
    found = corner(trained, held, count=20)
    assert len(captions(found)) == len(found.shown)
    first = found.shown[0]
    assert captions(found)[0] == f"noise: it says {first.answer} ({first.confidence:.2f})"
    shift, rotation = (block for block in found.blocks() if isinstance(block, Curves))
    assert [each.name for each in shift.curves] == ["accuracy", "mean confidence"]
    assert rotation.curves[0].ys.tolist() == found.angle_accuracy.tolist()
    (table,) = (block for block in found.blocks() if isinstance(block, Table))
    assert [row[1] for row in table.rows] == ["20", "1", "1", "20"]
    assert table.rows[1][3] == f"{found.no_digits[1].answers.argmax()}: 100%"
    assert "no output for “none of these”" in words(found)
    noise, own = found.no_digits[0].confidence, found.shift_confidence[0]
    assert f"it is {noise:.2f} sure of its answers on average; of the data's own images, {own:.2f}." in words(found)
    right, far = found.shift_accuracy[0], found.shift_accuracy[-1]
    assert f"Of 20 images it gets {right:.1%} right as they are; {far:.1%} moved by 8 pixels;" in words(found)
    turned = found.angle_accuracy
    assert f"{turned[0]:.1%} turned by −60 degrees and {turned[-1]:.1%} by 60." in words(found)
    assert json.dumps(found.to_data(), allow_nan=False)


# Memory


def test_shuffled_labels_keep_their_counts(digits, xp):
    few = digits.train.take(slice(0, 500))
    data = Dataset(xp.asarray(few.inputs), xp.asarray(few.targets), xp.asarray(few.inputs[:, 0] + 1), few.classes)
    dealt = shuffled(data, seed=3)
    assert dealt.inputs is data.inputs
    assert dealt.weights is data.weights
    assert np.bincount(dealt.labels).tolist() == np.bincount(data.labels).tolist()
    order = np.random.default_rng(3).permutation(500)
    assert to_numpy(dealt.targets).tolist() == few.targets[order].tolist()
    assert 0.03 < (dealt.labels == data.labels).mean() < 0.2
    assert dealt.labels.tolist() == shuffled(data, seed=3).labels.tolist() != shuffled(data, seed=4).labels.tolist()
    with pytest.raises(WrongValue, match="seed"):
        shuffled(data, seed=-1)


def test_what_is_learned_from_shuffled_labels_is_memory(digits):
    data, test = digits.train.take(slice(0, 300)), digits.test.take(slice(0, 1000))
    dealt = shuffled(data)

    def learned(examples):
        network = Network.random((784, 64, 10), output="softmax")
        settings = {"cost": "cross_entropy", "optimizer": "adam", "epochs": 40, "engine": "reference"}
        return last(train(network, examples, **settings))

    networks = {"true labels": (learned(data), data), "shuffled labels": (learned(dealt), dealt)}
    found = memorized(networks, test, cross_entropy)
    true, false = found.networks
    for each, (network, examples) in zip(found.networks, networks.values(), strict=True):
        own, other = (evaluate(network, part, cross_entropy) for part in (examples, test))
        assert (each.train_accuracy, each.test_accuracy) == (own.accuracy, other.accuracy)
        assert (each.train_cost, each.test_cost) == pytest.approx((own.cost, other.cost), rel=1e-4)
    assert true.test_accuracy > 0.7
    assert false.train_accuracy > 0.5
    assert false.test_accuracy < 0.2
    assert found.chance == np.bincount(test.labels).max() / 1000
    gap = number(100 * (false.train_accuracy - false.test_accuracy), 3)
    assert (
        f"shuffled labels: {false.train_accuracy:.1%} right of what it learned from, {false.test_accuracy:.1%} of 1,000 "
        f"examples it did not, a difference of {gap} points."
    ) in words(found)
    assert json.dumps(found.to_data(), allow_nan=False)


def test_memory_needs_networks_and_classes():
    with pytest.raises(WrongValue, match="nothing to compare"):
        memorized({}, DATA)
    numbers = Dataset(DATA.inputs, DATA.targets)
    with pytest.raises(WrongValue, match="has no labels"):
        memorized({"echo": (echo(3), DATA)}, numbers)
    with pytest.raises(WrongValue, match="'echo' was trained on has no classes"):
        memorized({"echo": (echo(3), numbers)}, DATA)
