"""NumPy's archives: what their targets mean, and what is wrong refused by name before it takes memory."""

import struct
import zipfile

import numpy as np
import pytest
from data_files import MB, examples, inputs_of, npy, npz, peak

from glassnet import load
from glassnet.data.pictures import Pictures
from glassnet.errors import WrongFile, WrongValue


def test_npz_as_keras_names_it(tmp_path):
    (x, y), (x_test, y_test) = examples(), examples(6, seed=5)
    np.savez_compressed(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    splits = load(tmp_path / "a.npz", validation=0)
    np.testing.assert_allclose(splits.train.inputs, inputs_of(x), atol=1e-7)
    np.testing.assert_allclose(splits.test.inputs, inputs_of(x_test), atol=1e-7)
    np.testing.assert_array_equal(splits.test.labels, y_test)
    assert splits.train.classes == splits.test.classes == ("0", "1", "2")


@pytest.mark.parametrize(("x", "y"), [("inputs", "targets"), ("x", "y"), ("X", "y"), ("images", "labels")])
def test_npz_by_other_names(tmp_path, x, y):
    np.savez(tmp_path / "a.npz", **dict(zip((x, y), examples(), strict=True)), other=np.zeros(3))
    assert len(load(tmp_path / "a.npz", validation=0).train) == 12


@pytest.mark.parametrize("kind", ["i8", "u2", "bool", "U"])
def test_npz_labels_may_be_whole_numbers_or_names(tmp_path, kind):
    names = np.array(["no", "yes"] * 6)
    y = names if kind == "U" else (names == "yes").astype(kind)
    np.savez(tmp_path / "a.npz", x=np.arange(24.0).reshape(12, 2), y=y.reshape(12, 1))
    data = load(tmp_path / "a.npz", validation=0).train
    assert data.classes == {"U": ("no", "yes"), "bool": ("False", "True")}.get(kind, ("0", "1"))
    assert data.labels.tolist() == [0, 1] * 6


def test_npz_targets_to_predict_are_floating_point(tmp_path, rng):
    x, y = rng.standard_normal((12, 2)), rng.standard_normal(12)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    data = load(tmp_path / "a.npz", validation=0).train
    assert data.classes is None
    np.testing.assert_array_equal(data.inputs, x.astype(np.float32))
    np.testing.assert_array_equal(data.targets, y[:, None].astype(np.float32))
    with pytest.raises(WrongValue, match="has numbers to predict, not classes"):
        data.labels  # noqa: B018


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_npz_whole_numbers_as_floats_are_classes_and_it_is_said(tmp_path, kind, shape):
    (x, y), (x_test, y_test) = examples(40, 10), examples(6, 3, seed=5)
    np.savez(
        tmp_path / "a.npz", x_train=x, y_train=y.astype(kind).reshape(shape), x_test=x_test, y_test=y_test.astype(kind)
    )
    splits = load(tmp_path / "a.npz")
    assert splits.train.classes == splits.validation.classes == splits.test.classes == tuple("0123456789")
    assert splits.test.labels.tolist() == y_test.tolist()
    (note,) = splits.notes
    assert note == (
        f"the targets, {np.dtype(kind)}, are all whole numbers, so they are read as classes (10 of them occur); to predict "
        "them as numbers, add an empty array named classes to the file"
    )


def test_npz_labels_of_minus_1_and_1_and_their_names(tmp_path, rng):
    np.savez(tmp_path / "a.npz", x=rng.random((8, 2)), y=np.array([-1.0, 1] * 4))
    assert sorted(load(tmp_path / "a.npz", validation=0).train.classes) == ["-1", "1"]
    names = np.array(["no", "yes"])
    np.savez(tmp_path / "b.npz", x=rng.random((8, 2)), y=np.array([0.0, 1] * 4), classes=names)
    splits = load(tmp_path / "b.npz", validation=0)
    assert (splits.train.classes, splits.train.labels.tolist()) == (("no", "yes"), [0, 1] * 4)
    np.savez(tmp_path / "c.npz", x=rng.random((8, 2)), y=np.array([0.0, 2] * 4), classes=names)
    with pytest.raises(WrongFile, match=r"c\.npz: label '2' is not one of the 2 classes 0, 1"):
        load(tmp_path / "c.npz")


@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "u1", "bool"])
def test_npz_one_hot_rows_are_classes_and_it_is_said(tmp_path, kind):
    (x, y), (x_test, y_test) = examples(40, 10), examples(6, 3, seed=5)
    hot, hot_test = np.eye(11)[y].astype(kind), np.eye(11)[y_test].astype(kind)  # nothing is of the last class
    np.savez(tmp_path / "a.npz", x_train=x, y_train=hot, x_test=x_test, y_test=hot_test)
    splits = load(tmp_path / "a.npz")
    assert splits.train.classes == splits.validation.classes == splits.test.classes == tuple(map(str, range(11)))
    np.testing.assert_array_equal(splits.test.targets, hot_test.astype(np.float32))
    assert splits.notes == (
        f"the targets, {np.dtype(kind)}, are one-hot, so they are read as 11 classes; to predict them as numbers, add an "
        "empty array named classes to the file",
    )


@pytest.mark.parametrize("kind", ["f4", "f8", "i8", "bool"])
def test_npz_columns_of_0_and_1_that_are_named_are_classes_of_which_an_example_may_have_several(tmp_path, rng, kind):
    y = (rng.random((30, 3)) > 0.5).astype(kind)
    np.savez(tmp_path / "a.npz", x=rng.random((30, 4)), y=y, classes=np.array(["cat", "dog", "hat"]))
    splits = load(tmp_path / "a.npz", validation=0)
    assert splits.train.classes == ("cat", "dog", "hat")
    assert splits.train.multilabel
    np.testing.assert_array_equal(splits.train.targets, y.astype(np.float32))
    assert (
        "are 0 and 1 in 3 columns, as many as the array classes names, so an example can be of several"
        in (splits.notes[0])
    )
    np.savez(tmp_path / "b.npz", x=rng.random((30, 4)), y=y + 0.25, classes=np.array(["cat", "dog", "hat"]))
    other = load(tmp_path / "b.npz", validation=0)
    assert other.train.classes is None
    assert other.notes == ("the array classes is not used: the targets are numbers to predict",)


def test_npz_parts_with_targets_of_different_widths_are_refused(tmp_path, rng):
    arrays = {"x_train": rng.random((9, 2)), "x_test": rng.random((5, 2))}
    np.savez(tmp_path / "a.npz", **arrays, y_train=rng.random((9, 3)), y_test=rng.random((5, 2)))
    with pytest.raises(WrongFile, match=r"different numbers of columns \(train 3, test 2\): save them alike"):
        load(tmp_path / "a.npz")


def test_npz_one_hot_columns_have_the_names_there_are(tmp_path, rng):
    arrays = {"x": rng.random((9, 2)), "y": np.eye(3, dtype=np.float32)[np.arange(9) % 3]}
    np.savez(tmp_path / "a.npz", **arrays, classes=np.array(["cat", "owl", "yak"]))
    data = load(tmp_path / "a.npz", validation=0).train
    assert (data.classes, data.labels.tolist()) == (("cat", "owl", "yak"), [0, 1, 2] * 3)
    np.savez(tmp_path / "b.npz", **arrays, classes=np.array(["cat", "owl"]))
    with pytest.raises(WrongFile, match=r"b\.npz: the targets have 3 columns, one-hot, but the array classes names 2"):
        load(tmp_path / "b.npz")


@pytest.mark.parametrize("y", [np.arange(12.0) % 3, np.arange(12) % 3, np.eye(3)[np.arange(12) % 3]])
def test_npz_with_an_empty_array_of_classes_has_numbers_to_predict(tmp_path, rng, y):
    for empty in (np.array([]), np.array([], str)):
        np.savez(tmp_path / "a.npz", x=rng.random((12, 2)), y=y, classes=empty)
        splits = load(tmp_path / "a.npz", validation=2)
        assert splits.train.classes is None
        assert splits.notes == ("the array classes is empty, so the targets are read as numbers to predict",)
    whole = load(tmp_path / "a.npz", validation=0).train
    np.testing.assert_array_equal(whole.targets, y.reshape(12, -1).astype(np.float32))


@pytest.mark.parametrize(
    "y",
    [
        np.arange(12) % 3 + 0.5,
        np.append(np.arange(11) % 3, 0.5),
        np.arange(12.0),  # each its own: prices, ages
        np.arange(12.0) % 7,  # fewer than two examples of each
        np.full(12, 3.0),  # one class is none
        np.array([0, 1e300] * 6) / 1e262,  # 1e38 is whole, but no label
        np.array([[0.0, 1], [1, 1]] * 6),  # two may be true at once
        np.array([[0.0, 0], [1, 0]] * 6),
        np.array([[0.0, 2], [2, 0]] * 6),
        np.array([[0, 1.5], [1, 0]] * 6),
    ],
)
def test_npz_other_floats_are_numbers_to_predict_and_nothing_is_said(tmp_path, rng, y):
    np.savez(tmp_path / "a.npz", x=rng.random((12, 2)), y=y)
    splits = load(tmp_path / "a.npz", validation=0)
    assert (splits.train.classes, splits.notes) == (None, ())
    np.testing.assert_array_equal(splits.train.targets, y.reshape(12, -1).astype(np.float32))


def test_npz_a_thousand_whole_floats_are_classes_and_more_are_numbers(tmp_path):
    for count, classes in ((1000, 1000), (1001, None)):
        np.savez(tmp_path / "a.npz", x=np.zeros((4004, 1)), y=np.arange(4004.0) % count)
        found = load(tmp_path / "a.npz", validation=0).train.classes
        assert (None if found is None else len(found)) == classes


def test_npz_parts_are_read_alike(tmp_path, rng):
    x, whole = rng.random((12, 2)), np.arange(12.0) % 3
    np.savez(tmp_path / "a.npz", x_train=x, y_train=whole, x_test=x, y_test=whole + 0.5)
    splits = load(tmp_path / "a.npz", validation=0)  # whole by chance: what is to be predicted is not
    assert (splits.train.classes, splits.test.classes, splits.notes) == (None, None, ())
    np.savez(tmp_path / "b.npz", x_train=x, y_train=whole.astype(int), x_test=x, y_test=whole)
    splits = load(tmp_path / "b.npz", validation=0)
    assert splits.test.classes == splits.train.classes == ("0", "1", "2")
    for y_test, says in (
        (whole + 0.5, "labels must be whole numbers or names"),
        (whole + 1, r"label '3' is not one of the 3 classes 0, 1, 2"),
    ):
        np.savez(tmp_path / "c.npz", x_train=x, y_train=whole.astype(int), x_test=x, y_test=y_test)
        with pytest.raises(WrongFile, match=says):
            load(tmp_path / "c.npz", validation=0)


def test_npz_with_validation_data_keeps_them(tmp_path):
    (x, y), (x_val, y_val) = examples(), examples(6, seed=5)
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_val=x_val, y_val=y_val)
    splits = load(tmp_path / "a.npz", validation=0.5)
    assert (len(splits.train), len(splits.validation), splits.test) == (12, 6, None)
    np.testing.assert_array_equal(splits.validation.labels, y_val)


def test_npz_says_what_its_classes_are_called_and_how_its_pictures_were_made(tmp_path, rng):
    x = rng.integers(0, 256, (12, 16), np.uint8)
    remarks = {"classes": np.array(["cat", "owl", "<b>"]), "pictures": np.array([4, 0])}
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(12) % 2, x_test=x, y_test=np.arange(12) % 3, **remarks)
    splits = load(tmp_path / "a.npz")
    assert splits.train.classes == splits.test.classes == ("cat", "owl", "<b>")
    assert splits.test.labels.tolist() == [0, 1, 2] * 4
    assert splits.pictures == Pictures(4, center=False)


@pytest.mark.parametrize(
    "remarks",
    [
        {"classes": np.array([b"cat", b"owl"]), "pictures": np.array(["no"])},
        {"classes": np.array([1.0, 2.0]), "pictures": np.array([28, 1])},
        {"classes": np.array([{}], object), "pictures": np.array([4, 1, 1])},
        {"pictures": np.array([-4, 1])},
    ],
)
def test_what_another_program_means_by_these_names_is_left_alone(tmp_path, rng, remarks):
    np.savez(tmp_path / "a.npz", x=rng.random((12, 16)), y=np.arange(12) % 2, **remarks)
    splits = load(tmp_path / "a.npz")
    assert splits.train.classes == ("0", "1")
    assert splits.pictures is None


def test_a_label_beyond_the_names_of_classes_is_refused(tmp_path, rng):
    np.savez(tmp_path / "a.npz", x=rng.random((12, 16)), y=np.arange(12) % 3, classes=np.array(["cat", "owl"]))
    with pytest.raises(WrongFile, match=r"a\.npz: label '2' is not one of the 2 classes 0, 1"):
        load(tmp_path / "a.npz")


def test_npz_in_fortran_order(tmp_path, rng):
    x = np.asfortranarray(rng.standard_normal((12, 2, 3)).astype(np.float32))
    np.savez(tmp_path / "a.npz", x=x, y=examples()[1])
    np.testing.assert_array_equal(load(tmp_path / "a.npz", validation=0).train.inputs, x.reshape(12, 6))


GOOD = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (npy(GOOD, bytes(23)), r"says it holds float32 of shape \(2, 3\), 24 bytes, but only 23 are there"),
        (npy(GOOD, bytes(25)), "24 bytes, but more are there"),
        (b"", "does not begin as an array does: save it again with numpy.savez"),
        (b"PNG and other text", "does not begin as an array does"),
        (npy(GOOD)[:40], "does not begin as an array does"),
        (npy("{'descr': '<f4'"), "does not begin as an array does"),
        (npy("(" * 99), "does not begin as an array does"),
        (npy("{[]: 1}"), "does not begin as an array does"),
        (npy("__import__('os').abort()"), "does not begin as an array does"),
        (npy(GOOD.replace("<f4", "|O"), b"\x80\4."), "object .*expected numbers or names"),
        (npy(GOOD.replace("<f4", "<c8"), bytes(48)), "complex64 .*expected numbers or names"),
        (npy(GOOD.replace("'<f4'", "[('a', '<f4')]"), bytes(24)), "expected numbers or names"),
        (npy(GOOD.replace("2, 3", ""), bytes(4)), r"shape \(\): expected numbers or names"),
        (npy(GOOD.replace("<f4", "<U0")), "which cannot be in a file of its size"),
        (npy(GOOD.replace("2, 3", "3, 2"), bytes(24)), "every example needs its label: 3 examples came with 2 labels"),
        (npy(GOOD.replace("<f4", "<U1"), b"\0\0\x11\0" * 6), "holds names with letters that do not exist"),
        (npy(GOOD.replace("<f4", ">U1"), b"\0\0\xd8\0" * 6), "holds names with letters that do not exist"),
        (np.array([[1, 2], [3, np.nan]]), "row 1 has NaN or infinity"),
        (np.array([[1, 2], [3, 1e300]]), "row 1 has NaN or infinity"),
    ],
)
def test_a_wrong_array_in_an_npz_is_refused_by_name(tmp_path, member, says):
    path = npz(tmp_path / "mine.npz", x=member, y=np.array([0, 1]))
    with pytest.raises(WrongFile, match=says) as caught:
        load(path, validation=0)
    assert "mine.npz" in str(caught.value)
    assert len(str(caught.value)) < 300 + len(str(path))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"x": np.zeros((2, 2)), "y": np.array([0.0, np.inf])}, "targets must be finite numbers, but row 1"),
        ({"x": np.zeros((2, 2)), "y": np.zeros((2, 2), int)}, "labels must be whole numbers or names, one for each"),
        ({"x": np.zeros((2, 2)), "y": np.zeros(3)}, "2 inputs came with 3 targets"),
        ({"x": np.array(["a", "b"]), "y": np.zeros(2)}, "inputs must be numbers, got dtype <U1"),
        ({"x": np.array(["a", "b"]), "y": np.arange(2)}, "inputs must be numbers, got dtype <U1"),
        ({"a": np.zeros((2, 2)), "y": np.zeros(2)}, r"has no x_train and y_train .*: found \['y'\]"),
        ({}, r"has no x_train and y_train .*: found \[\]"),
    ],
)
def test_a_wrong_npz_is_refused_by_name(tmp_path, arrays, says):
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(WrongFile, match=says) as caught:
        load(tmp_path / "mine.npz", validation=0)
    assert "mine.npz" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"text", b"PK\3\4", b"PK\5\6" + bytes(18)])
def test_a_file_that_only_claims_to_be_npz_is_refused(tmp_path, body):
    (tmp_path / "mine.npz").write_bytes(body)
    with pytest.raises(WrongFile, match=r"mine\.npz (is not a whole \.npz file|has no x_train)"):
        load(tmp_path / "mine.npz")


def test_a_cut_npz_is_refused(tmp_path):
    pixels, labels = examples()
    np.savez(tmp_path / "mine.npz", x=pixels, y=labels)
    body = (tmp_path / "mine.npz").read_bytes()
    for length in range(0, len(body), 37):
        (tmp_path / "mine.npz").write_bytes(body[:length])
        with pytest.raises(WrongFile, match=r"mine\.npz"):
            load(tmp_path / "mine.npz")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("shape", ["4000000000, 28, 28", "9" * 90, "99999999999, 0", "-5, 28", "1000000, 28"])
def test_a_lying_npz_header_takes_no_memory(tmp_path, shape, method):
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape},), }}"
    path = npz(tmp_path / "lying.npz", method, x_train=npy(text, bytes(64)), y_train=np.arange(2))
    most, error = peak(lambda: load(path))
    assert "x_train.npy in" in str(error)
    assert "which cannot be in a file of its size" in str(error)
    assert most < MB


def test_an_npz_that_lies_about_its_own_sizes_takes_no_memory(tmp_path):
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (2000000000,), }"
    path = npz(tmp_path / "lying.npz", x_train=npy(text, bytes(64)), y_train=np.arange(2))
    body = bytearray(path.read_bytes())
    place = body.index(b"PK\1\2") + 20  # the packed and the unpacked size, in the archive's list of contents
    body[place : place + 8] = struct.pack("<II", 2**31, 2**31)
    path.write_bytes(body)
    most, error = peak(lambda: load(path))
    assert error is not None
    assert most < 4 * MB


def test_an_npz_that_unpacks_in_one_piece_is_refused(tmp_path):
    text = "{'descr': '|u1', 'fortran_order': False, 'shape': (64,), }"
    path = npz(tmp_path / "bomb.npz", zipfile.ZIP_BZIP2, x_train=npy(text, bytes(32 * MB)), y_train=np.arange(2))
    assert path.stat().st_size < 2000
    most, error = peak(lambda: load(path))
    assert "is compressed in a way that NumPy does not write" in str(error)
    assert most < MB
