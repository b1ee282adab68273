import numpy as np
import pytest

from glassnet import Dataset, Network, WrongValue, confusion, evaluate, explain, mistakes
from glassnet.activations import identity, sigmoid
from glassnet.arrays import from_numpy
from glassnet.costs import binary_cross_entropy, cross_entropy, squared_error
from glassnet.evaluation import Mistake, outputs
from glassnet.network import Layer


def echo(width):
    """A network that says what it is shown, so that answers can be written down."""
    return Network((Layer(np.eye(width), np.zeros(width)),), (identity,))


DATA = Dataset(
    np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.0, 0.8, 0.9]]),
    np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0]]),
    classes=("a", "b", "c"),
)


def test_cost_and_accuracy_by_hand():
    # (0.01 + 0.01) + (0.04 + 0.09 + 0.01) + (0.36 + 0.09 + 0.81) + (0.04 + 0.81) = 2.27; two of four right
    result = evaluate(echo(3), DATA, squared_error)
    assert result.cost == pytest.approx(2.27 / 4)
    assert (result.accuracy, result.examples) == (0.5, 4)


def test_weights_count():
    weighted = Dataset(DATA.inputs, DATA.targets, np.array([1.0, 0, 0, 3]), DATA.classes)
    result = evaluate(echo(3), weighted, squared_error)
    assert result.cost == pytest.approx((0.02 + 3 * 0.85) / 4)
    assert result.accuracy == pytest.approx(1 / 4)


def test_confusion_and_mistakes_by_hand():
    # c was taken for a, b was taken for c, more surely
    assert confusion(echo(3), DATA).tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert mistakes(echo(3), DATA) == [Mistake(3, 2, 1, 0.9), Mistake(2, 0, 2, 0.6)]
    assert len(mistakes(echo(3), DATA, 1)) == 1


def test_one_output_answers_yes_or_no():
    network = Network((Layer(np.array([[1.0]]), np.array([0.0])),), (sigmoid,))
    data = Dataset(np.array([[2.0], [-1.0], [1.0]]), np.array([[1.0], [0.0], [0.0]]), classes=("no", "yes"))
    assert data.labels.tolist() == [1, 0, 0]
    assert evaluate(network, data, binary_cross_entropy).accuracy == pytest.approx(2 / 3)
    assert confusion(network, data).tolist() == [[1, 1], [0, 1]]
    (mistake,) = mistakes(network, data)
    assert (mistake.row, mistake.answer, mistake.truth) == (2, 1, 0)
    assert mistake.confidence == pytest.approx(1 / (1 + np.exp(-1)))


def test_chunks_do_not_show(digits):
    network = Network.random((784, 8, 10))
    part = digits.test.take(slice(0, 5000))
    assert outputs(network, part.inputs) == pytest.approx(network(part.inputs), abs=1e-6)
    assert evaluate(network, part, squared_error).cost == pytest.approx(
        float(squared_error.value(network(part.inputs), part.targets).mean()), rel=1e-5
    )
    assert confusion(network, part).sum() == 5000


def test_numbers_to_predict_have_no_accuracy():
    data = Dataset(np.ones((3, 2)), np.arange(6.0).reshape(3, 2))
    assert evaluate(echo(2), data, squared_error).accuracy is None
    with pytest.raises(WrongValue, match="has no labels"):
        confusion(echo(2), data)
    with pytest.raises(WrongValue, match="3 desired outputs, but the network"):
        evaluate(echo(2), Dataset(np.ones((3, 2)), np.ones((3, 3))), squared_error)


def test_another_answer_is_asked_instead_of_the_network():
    # One that says of every example what the network says of the first, and counts how often it was asked.
    asked = []

    def answer(x):
        asked.append(len(x))
        first = np.repeat(x[:1], len(x), axis=0)
        return first, first

    assert outputs(echo(3), DATA.inputs, answer).tolist() == [[0.9, 0.1, 0.0]] * 4
    assert evaluate(echo(3), DATA, squared_error, answer).accuracy == 1 / 4
    assert confusion(echo(3), DATA, answer).tolist() == [[1, 0, 0], [2, 0, 0], [1, 0, 0]]
    assert [(each.row, each.answer) for each in mistakes(echo(3), DATA, answer=answer)] == [(1, 0), (2, 0), (3, 0)]
    assert asked == [4] * 4


SAYS = np.array([[0.9, 0.2, 0.6], [0.8, 0.7, 0.3], [0.1, 0.4, 0.5], [0.6, 0.9, 0.1]])
TRUE = np.array([[1.0, 0, 1], [1, 1, 0], [0, 1, 1], [0, 0, 0]])
MANY = Dataset(SAYS, TRUE, classes=("cat", "dog", "hat"))


def test_multilabel_accuracy_by_hand():
    # Right: cat yes yes yes no, dog yes yes no no, hat yes yes no (0.5 is not above) yes.
    result = evaluate(echo(3), MANY, squared_error)
    assert result.accuracies == (3 / 4, 2 / 4, 3 / 4)
    assert result.accuracy == pytest.approx(2 / 3)
    weighted = evaluate(echo(3), Dataset(SAYS, TRUE, np.array([1.0, 0, 2, 1]), MANY.classes), squared_error)
    assert weighted.accuracies == (3 / 4, 1 / 4, 2 / 4)
    assert weighted.accuracy == pytest.approx(1.5 / 3)
    assert evaluate(echo(3), DATA, squared_error).accuracies is None


def test_multilabel_accuracy_against_scikit_learn(rng, xp):
    metrics = pytest.importorskip("sklearn.metrics")
    says, true, weights = rng.random((9000, 4)), (rng.random((9000, 4)) < 0.3) * 1.0, rng.random(9000)
    data = Dataset(*(from_numpy(each, xp.zeros(1, dtype=xp.float64)) for each in (says, true, weights)), tuple("abcd"))
    found = evaluate(echo(4).to(xp), data, squared_error)
    expected = [metrics.accuracy_score(true[:, j] > 0.5, says[:, j] > 0.5, sample_weight=weights) for j in range(4)]
    assert found.accuracies == pytest.approx(tuple(expected), rel=1e-12)
    assert found.accuracy == pytest.approx(np.mean(expected), rel=1e-12)


def test_soft_targets_keep_the_brightest():
    soft = Dataset(
        DATA.inputs, np.array([[0.7, 0.2, 0.1], [0.4, 0.6, 0], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]), None, DATA.classes
    )
    result = evaluate(echo(3), soft, squared_error)
    assert (result.accuracy, result.accuracies) == (3 / 4, None)


@pytest.mark.parametrize(
    "ask", [confusion, mistakes, explain.mistakes, lambda n, d: explain.memorized({"one": (n, d)}, d)]
)
def test_multilabel_data_has_no_confusion_and_no_mistakes(ask):
    with pytest.raises(WrongValue, match=r"this data is multi-label .* no example has the one label.*accuracies"):
        ask(echo(3), MANY)


def test_explanations_of_multilabel_data_leave_out_what_needs_labels():
    pytest.importorskip("sklearn")
    network = echo(3)
    assert explain.layers(network, MANY).chance is None
    assert explain.maps(network, MANY).classes == ("examples",)
    assert explain.patterns(network, 1, 0, data=MANY).responses.classes is None
    assert "(cat)" not in repr(explain.requests(network, MANY))


def test_an_answer_that_is_nan_is_never_right():
    # Of NaN, the brightest would be the first, and "above 0.5" is false: both would now and then be right by chance.
    def answer(x):
        return x, np.full(x.shape, np.nan)

    for data in (DATA, MANY):
        result = evaluate(echo(3), data, squared_error, answer)
        assert result.accuracy == 0
        assert np.isnan(result.cost)


def test_targets_that_the_cost_has_no_meaning_for_are_refused():
    data = Dataset(np.zeros((2, 3)), np.asarray([[0.0, 1.0], [4.0, 5.0]]))
    with pytest.raises(WrongValue, match=r"cross_entropy needs .* but example 1 has 4, 5"):
        evaluate(Network.random((3, 2), output="softmax"), data, cross_entropy)
    with pytest.raises(WrongValue, match="a single output after softmax is always 1"):
        evaluate(Network.random((3, 1), output="softmax"), Dataset(np.zeros((2, 3)), np.ones((2, 1))), cross_entropy)
