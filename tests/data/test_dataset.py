"""Examples: what can be one, parts of them, labels, several labels, and their numbers in short."""

from dataclasses import replace

import numpy as np
import pytest
from data_files import MB, idx, peak, put

from glassnet import Dataset, load
from glassnet.data import MAX_CLASSES, chosen, from_labels, summarize
from glassnet.errors import WrongValue

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.eye(2, dtype=np.float32)[[0, 1, 0, 1, 0, 1]]


def with_(array, value):
    changed = array.copy()
    changed[(2,) if changed.ndim == 1 else (2, 0)] = value
    return changed


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"inputs": with_(X, np.nan)}, "inputs must be finite numbers, but row 2 has NaN or infinity"),
        ({"inputs": with_(X, np.inf)}, "inputs must be finite numbers, but row 2"),
        ({"targets": with_(Y, -np.inf)}, "targets must be finite numbers, but row 2"),
        ({"weights": with_(np.ones(6), np.nan)}, "weights must be finite numbers, but row 2"),
        ({"weights": with_(np.ones(6), -1)}, "weights must be 0 or more, with at least one above 0"),
        ({"weights": np.zeros(6)}, "with at least one above 0"),
        ({"weights": np.ones(5)}, "6 inputs came with 5 weights"),
        ({"weights": np.ones((6, 1))}, r"weights must have the shape \(examples,\).* got \(6, 1\)"),
        ({"targets": Y[:5]}, "every example needs its targets: 6 inputs came with 5 targets"),
        ({"inputs": X[:0], "targets": Y[:0]}, r"inputs must have the shape \(examples, numbers\).* got \(0, 2\)"),
        ({"inputs": X[:, :0]}, r"at least one of each, got \(6, 0\)"),
        ({"targets": Y[:, :0]}, r"targets must have the shape .* got \(6, 0\)"),
        ({"inputs": X[0]}, r"inputs must have the shape \(examples, numbers\).* got \(2,\)"),
        ({"inputs": X.reshape(6, 2, 1)}, r"inputs must have the shape .* got \(6, 2, 1\)"),
        ({"inputs": X.astype(object)}, "inputs must be floating-point numbers, got dtype object"),
        ({"inputs": X.astype(int)}, r"got dtype int64: convert with astype\('float32'\)"),
        ({"targets": Y.astype(complex)}, "targets must be floating-point numbers, got dtype complex128"),
        ({"inputs": X.tolist()}, "inputs must be an array, got list"),
        ({"classes": ("a", "b", "c")}, "2 target columns came with 3 class names"),
        ({"targets": Y[:, :1], "classes": ("a",)}, "1 target columns came with 1 class names"),
    ],
)
def test_wrong_examples_are_refused(fields, says):
    with pytest.raises(WrongValue, match=says):
        Dataset(**{"inputs": X, "targets": Y, **fields})


def test_one_row_and_huge_numbers_are_examples():
    assert len(Dataset(X[:1], Y[:1])) == 1
    assert len(Dataset(np.full((6, 2), 3e38, np.float32), Y)) == 6  # their sum is infinite, they are not


@pytest.mark.parametrize(
    ("inputs", "labels", "classes", "says"),
    [
        (X, [1] * 6, None, "all examples are of one class: a classifier needs at least two"),
        (X, [0, 1], None, "6 examples came with 2 labels"),
        (X, [0, 1, 2, 0, 1, 2], ("0", "1"), "label '2' is not one of the 2 classes 0, 1"),
        (X, [0.5, 1, 1, 0, 0, 1], None, r"labels must be whole numbers or names, .* got float64 \(6,\)"),
        (X, [None, 1, 1, 0, 0, 1], None, r"labels must be whole numbers or names, .* got object \(6,\)"),
        (X, [[0], [1], [0], [1], [0], [1]], None, r"one for each example, got int64 \(6, 1\)"),
        (X.astype(object), [0, 1] * 3, None, "inputs must be numbers, got dtype object"),
        (X.astype(str), [0, 1] * 3, None, "inputs must be numbers, got dtype <U32"),
        (with_(X, np.nan), [0, 1] * 3, None, "row 2 has NaN"),
        (X.astype(float) * 1e300, [0, 1] * 3, None, "has NaN or infinity"),
        (X[:0], [], None, r"there are no examples: .* got \(0, 2\)"),
        (X[:0], np.zeros(0, int), ("a", "b"), "there are no examples"),
        (5.0, [1], None, r"there are no examples: .* got \(\)"),
        ([[1, 2], [3]], [0, 1], None, "inputs must be rows of equal length"),
        (X[:, :0], [0, 1] * 3, None, r"inputs must have the shape .* got \(6, 0\)"),
        (np.zeros((MAX_CLASSES + 1, 1)), range(MAX_CLASSES + 1), None, "10,001 different labels, more than 10,000"),
    ],
)
def test_wrong_labels_are_refused(inputs, labels, classes, says):
    with pytest.raises(WrongValue, match=says):
        from_labels(inputs, labels, classes)


def test_classes_are_in_the_order_of_numbers_or_of_names():
    assert from_labels(X, [10, 2, 1, 1, 2, 10]).classes == ("1", "2", "10")
    assert from_labels(X, ["b", "a", "C", "a", "b", "C"]).classes == ("C", "a", "b")
    assert from_labels(X, ["m²", "²", "²", "7", "7", "m²"]).classes == ("7", "m²", "²")
    given = from_labels(X, ["b", "a", "b", "a", "b", "a"], ("b", "c", "a"))
    assert given.classes == ("b", "c", "a")
    assert given.labels.tolist() == [0, 2, 0, 2, 0, 2]
    assert given.targets[1].tolist() == [0, 0, 1]


def test_images_become_rows():
    data = from_labels(X.reshape(6, 2, 1), [0, 1] * 3, dtype=np.float64)
    np.testing.assert_array_equal(data.inputs, X)
    assert data.inputs.dtype == data.targets.dtype == np.float64


def test_a_summary_by_hand(xp):
    x = [[0, 1, 7], [0, 5, 7]] * 10
    data = Dataset(xp.asarray(x, dtype=xp.float32), xp.asarray([[0.0, 1], [1, 0]] * 10), classes=("a", "b"))
    found = summarize(data)
    assert (found.examples, found.inputs, found.outputs) == (20, 3, 2)
    assert (found.low, found.high, found.targets) == (0, 7, (0, 1))
    assert found.size == pytest.approx(((1 + 25 + 2 * 49) / 6) ** 0.5)
    assert found.zeros == pytest.approx(1 / 3)
    assert found.spreads == (2, 2)  # the other two columns are constant
    assert found.classes == (("a", 10), ("b", 10))
    numbers = summarize(replace(data, classes=None))
    assert numbers.classes is None


def test_a_summary_leaves_out_the_spread_of_what_is_almost_always_0_and_knows_large_numbers(rng):
    x = np.zeros((2000, 4))
    x[:, 0] = 1e9 + np.arange(2000) % 2  # the difference of sums of squares would have no digit left
    x[:19, 1] = 5  # fewer than 1 %
    x[:20, 2] = 5
    found = summarize(Dataset(x, x[:, :1]))
    assert found.spreads == pytest.approx((5 * (0.01 * 0.99) ** 0.5, 0.5))
    assert found.classes is None
    few = np.where(np.arange(30)[:, None] < [9, 10], 1.0, 0.0)  # of 30 examples, at least 10
    assert summarize(Dataset(few, few[:, :1])).spreads == pytest.approx(((1 / 3 * 2 / 3) ** 0.5,) * 2)
    assert summarize(Dataset(few[:, :1], few)).spreads is None
    with np.errstate(all="raise"):
        assert summarize(Dataset(np.full((3, 2), 1e200) * [[1], [2], [3]], few[:3])).size == np.inf


def test_one_output_stands_for_two_classes():
    data = Dataset(X, Y[:, :1], classes=("no", "yes"))
    assert data.labels.tolist() == [1, 0, 1, 0, 1, 0]
    assert chosen(Y).tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.usefixtures("unchecked")
def test_examples_in_any_array_library(xp):
    data = Dataset(xp.asarray(X), xp.asarray(Y), xp.asarray(np.arange(1.0, 7.0)), ("a", "b"))
    taken = data.take([4, 1])
    assert len(taken) == 2
    assert np.asarray(taken.inputs).tolist() == X[[4, 1]].tolist()
    assert np.asarray(taken.weights).tolist() == [5, 2]
    assert taken.labels.tolist() == [0, 1]
    rest, held = data.split(2)
    assert sorted([*np.asarray(rest.weights).tolist(), *np.asarray(held.weights).tolist()]) == [1, 2, 3, 4, 5, 6]
    with pytest.raises(WrongValue, match="inputs must be finite numbers, but row 2"):
        Dataset(xp.asarray(with_(X, np.nan)), xp.asarray(Y))
    with pytest.raises(WrongValue, match="weights must be 0 or more"):
        Dataset(xp.asarray(X), xp.asarray(Y), xp.asarray(with_(np.ones(6), -1)))
    with pytest.raises(WrongValue, match="inputs must be floating-point numbers, got dtype"):
        Dataset(xp.asarray(X.astype(np.int64)), xp.asarray(Y))


# ── Splits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def numbers(data):
    return data.inputs[:, 0].astype(int).tolist()


def numbered(n=100):
    return Dataset(np.arange(n, dtype=np.float32)[:, None], np.ones((n, 1), np.float32), np.arange(1.0, n + 1))


@pytest.mark.parametrize(
    "rows", [slice(3, 7), slice(-3, None), slice(0, 10**6), slice(None, None, 3), slice(None, None, -1)]
)
def test_a_slice_takes_what_its_row_numbers_take(xp, rows):
    n = 20
    arrays = [np.arange(2.0 * n).reshape(n, 2), np.arange(3.0 * n).reshape(n, 3), np.arange(1.0, n + 1)]
    data = Dataset(*(xp.asarray(each) for each in arrays))
    sliced, numbered = data.take(rows), data.take(np.arange(n)[rows].tolist())
    for name in ("inputs", "targets", "weights"):
        np.testing.assert_array_equal(np.asarray(getattr(sliced, name)), np.asarray(getattr(numbered, name)))


def test_a_slice_copies_nothing():
    data = Dataset(np.ones((9, 2)), np.ones((9, 1)))
    assert np.shares_memory(data.take(slice(2, 5)).inputs, data.inputs)


@pytest.mark.parametrize(("held_out", "count"), [(1, 1), (25, 25), (99, 99), (0.2, 20), (1 / 6, 17)])
def test_a_split_is_whole_and_of_two_parts(held_out, count):
    rest, held = numbered().split(held_out)
    assert len(held) == count
    assert sorted(numbers(rest) + numbers(held)) == list(range(100))
    assert not set(numbers(rest)) & set(numbers(held))
    for part in (rest, held):
        np.testing.assert_array_equal(part.weights, part.inputs[:, 0] + 1)


def test_a_split_depends_on_its_seed_alone():
    first, again, other = (numbers(numbered().split(20, seed)[1]) for seed in (4, 4, 5))
    assert first == again != other
    assert first != list(range(80, 100))


@pytest.mark.parametrize("held_out", [0, 100, 101, -1, 0.001, 0.999, float("nan"), float("inf")])
def test_a_split_with_an_empty_part_is_refused(held_out):
    with pytest.raises(WrongValue, match=r"cannot hold out .* of 100 examples: both parts need at least one"):
        numbered().split(held_out)


def test_labels_cannot_ask_for_more_memory_than_classes(tmp_path):
    n = 50_000  # a target for each of as many classes would be 10 GB
    images, labels = idx(np.zeros((n, 1), np.uint8)), idx(np.arange(n, dtype=np.int32))
    most, error = peak(lambda: load(put(tmp_path / "images.gz", images), put(tmp_path / "labels", labels)))
    assert "50,000 different labels, more than 10,000: if they are numbers to predict" in str(error)
    assert most < 64 * MB


# ── Several labels ───────────────────────────────────────────────────────────────────────────────────────────────────────


def several(targets, classes=("a", "b", "c")):
    return Dataset(np.zeros((len(targets), 2)), np.asarray(targets, np.float64), None, classes)


@pytest.mark.parametrize(
    ("targets", "classes", "expected"),
    [
        ([[1, 0, 0], [0, 0, 1]], tuple("abc"), False),
        ([[0.2, 0.3, 0.5], [1, 0, 0]], tuple("abc"), False),  # shares of one whole
        ([[0.2, 0.3, 0.5005], [1, 0, 0]], tuple("abc"), False),  # rounded ones
        ([[1, 0, 0], [1, 1, 0]], tuple("abc"), True),  # of two classes
        ([[1, 0, 0], [0, 0, 0]], tuple("abc"), True),  # of none
        ([[0.2, 0.3, 0.502], [1, 0, 0]], tuple("abc"), True),
        ([[2, -1, 0], [1, 0, 0]], tuple("abc"), True),
        ([[1, 1, 0], [0, 0, 0]], None, False),  # numbers to predict
        ([[1], [0]], ("no", "yes"), False),  # one column: no or yes
    ],
)
def test_data_whose_rows_do_not_share_out_one_whole_is_multilabel(targets, classes, expected):
    data = several(targets, classes)
    assert data.multilabel is expected
    assert data.labeled is (classes is not None and not expected)
    if expected:
        with pytest.raises(WrongValue, match="this data is multi-label"):
            _ = data.labels


def test_a_part_of_multilabel_data_is_multilabel():
    data = several([[1, 0, 0], [0, 1, 0], [1, 1, 0]])
    assert data.take(slice(0, 2)).multilabel
    assert data.take([0]).take([0]).multilabel
    one = several([[1, 0, 0], [0, 1, 0]])
    assert not one.take([1]).multilabel
    assert replace(one, targets=data.targets[1:]).multilabel  # other targets are looked at anew


def test_whether_data_is_multilabel_is_looked_at_once(monkeypatch):
    data = several([[1, 0, 0], [1, 1, 0]])
    assert data.multilabel
    monkeypatch.setattr("glassnet.data.dataset.namespace", None)
    assert data.multilabel


def test_a_summary_of_multilabel_data_counts_each_class_by_itself():
    targets = np.array([[1, 1], [0, 1], [0, 0], [1, 1]], np.float32)
    found = summarize(Dataset(np.ones((4, 3), np.float32), targets, classes=("cat", "dog")))
    assert found.classes == (("cat", 2), ("dog", 3))
