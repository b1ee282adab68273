"""IDX files: every type comes back, and what is wrong is refused by name before it takes memory."""

import gzip

import numpy as np
import pytest
from data_files import CODES, MB, examples, header, idx, inputs_of, peak, put, put_pair

from glassnet import load
from glassnet.data import read_idx
from glassnet.errors import WrongFile


@pytest.mark.parametrize("name", ["array", "array.gz"])
@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (1, 2, 1, 3)])
@pytest.mark.parametrize("kind", CODES)
def test_every_type_of_idx_comes_back(tmp_path, rng, kind, shape, name):
    array = (rng.standard_normal(shape) * 50).astype(kind)
    read = read_idx(put(tmp_path / name, idx(array)))
    assert read.dtype.newbyteorder("=") == array.dtype
    np.testing.assert_array_equal(read, array)


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train-{}-idx{}-ubyte", "t10k-{}-idx{}-ubyte"),
        ("train-{}-idx{}-ubyte.gz", "t10k-{}-idx{}-ubyte.gz"),
        ("train-{}.idx{}-ubyte", "t10k-{}.idx{}-ubyte"),
        ("train-{}-idx{}-ubyte", "test-{}-idx{}-ubyte.gz"),
        ("emnist-letters-train-{}-idx{}-ubyte.gz", "emnist-letters-test-{}-idx{}-ubyte.gz"),
    ],
)
def test_a_folder_with_canonical_names(tmp_path, train, test):
    for name, seed in ((train, 1), (test, 2)):
        put_pair(tmp_path, name.format("images", 3), name.format("labels", 1), seed=seed)
    put(tmp_path / "readme.txt", b"not data")
    splits = load(tmp_path, validation=0)
    for part, seed in ((splits.train, 1), (splits.test, 2)):
        pixels, labels = examples(seed=seed)
        if train.startswith("emnist"):
            pixels = pixels.transpose(0, 2, 1)
        np.testing.assert_allclose(part.inputs, inputs_of(pixels), atol=1e-7)
        np.testing.assert_array_equal(part.labels, labels)
        assert part.classes == ("0", "1", "2")


def test_a_folder_without_test_files(tmp_path):
    put_pair(tmp_path, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
    assert load(tmp_path).test is None


def test_emnist_letters_have_names_and_stand_upright(tmp_path, rng):
    upright = rng.integers(0, 256, (52, 28, 28), np.uint8)
    labels = np.tile(np.arange(1, 27, dtype=np.uint8), 2)  # from 1 to 26: there is no class 0
    put(tmp_path / "emnist-letters-train-images-idx3-ubyte.gz", idx(upright.transpose(0, 2, 1)))
    put(tmp_path / "emnist-letters-train-labels-idx1-ubyte.gz", idx(labels))
    mapping = "".join(f"{label} {64 + label} {96 + label}\n" for label in range(1, 27))
    put(tmp_path / "emnist-letters-mapping.txt", mapping.encode())
    letters = load(tmp_path, validation=0).train
    assert letters.classes == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    np.testing.assert_array_equal(letters.labels, labels - 1)
    np.testing.assert_allclose(letters.inputs, inputs_of(upright), atol=1e-7)


def test_a_damaged_mapping_leaves_the_labels_as_names(tmp_path):
    put_pair(tmp_path, "emnist-x-train-images-idx3-ubyte", "emnist-x-train-labels-idx1-ubyte")
    put(tmp_path / "emnist-x-mapping.txt", b"0 7\n1 \xff\n2 " + b"9" * 9999 + b"\n1\n\n2 66 98\n")
    assert load(tmp_path).train.classes == ("0", "1", "B")


def test_several_data_sets_in_a_folder_are_refused(tmp_path):
    for name in ("emnist-letters-", "emnist-digits-"):
        put_pair(tmp_path, f"{name}train-images-idx3-ubyte", f"{name}train-labels-idx1-ubyte")
    with pytest.raises(
        WrongFile, match=r"several data sets \(emnist-digits-…, emnist-letters-…\): give the files of one"
    ):
        load(tmp_path)


def test_a_folder_without_labels_is_refused(tmp_path):
    put(tmp_path / "train-images-idx3-ubyte", idx(examples()[0]))
    with pytest.raises(WrongFile, match="has no train-labels file beside train-images-idx3-ubyte"):
        load(tmp_path)


def test_files_in_any_order(tmp_path):
    train, test = put_pair(tmp_path, "a", "b", seed=1), put_pair(tmp_path, "c", "d.gz", seed=2)
    for names in ([*train, *test], [*train[::-1], *test], [*train, *test[::-1]], [*train[::-1], *test[::-1]]):
        splits = load(*map(str, names), validation=0)
        for part, seed in ((splits.train, 1), (splits.test, 2)):
            np.testing.assert_allclose(part.inputs, inputs_of(examples(seed=seed)[0]), atol=1e-7)
            np.testing.assert_array_equal(part.labels, examples(seed=seed)[1])
    assert load(*train, validation=0).test is None


def test_labels_of_the_test_files_must_occur_in_training(tmp_path):
    train, test = put_pair(tmp_path, "a", "b"), put_pair(tmp_path, "c", "d", classes=4)
    with pytest.raises(WrongFile, match="label '3' is not one of the 3 classes 0, 1, 2"):
        load(*train, *test)


IMAGES, LABELS = map(idx, examples())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "is empty: expected an IDX file"),
        (b"\0\0", "not an IDX file: it begins with 00 00, expected for instance 00 00 08 03"),
        (b"five,zero,four\n", "not an IDX file: it begins with 66 69 76 65, expected"),
        (header(0x0A, 12, 5, 4) + bytes(240), "not an IDX file: it begins with 00 00 0a 03"),
        (bytes([0, 0, 8, 0]), "not an IDX file"),
        (bytes([0, 0, 8, 200]) + bytes(800), "not an IDX file"),
        (IMAGES[:9], "is cut short inside its header"),
        (IMAGES[:-1], r"says it holds 12 × 5 × 4 numbers, 240 bytes, but only 239 are there"),
        (IMAGES + b"\0", "240 bytes, but more are there"),
        (header(8, 0, 28, 28), "holds no examples: its header says 0 × 28 × 28"),
        (gzip.compress(IMAGES, mtime=0)[:-9], "is a damaged gzip file"),
        (gzip.compress(IMAGES, mtime=0)[:5], "is a damaged gzip file"),
        (gzip.compress(IMAGES, mtime=0)[:-8] + bytes(8), "is a damaged gzip file"),
        (
            gzip.compress(IMAGES, mtime=0)[:30] + b"\xff" * 30 + gzip.compress(IMAGES, mtime=0)[60:],
            "is a damaged gzip file",
        ),
        (gzip.compress(IMAGES, mtime=0) + b"more", "is a damaged gzip file"),
        (gzip.compress(b"", mtime=0), "is empty"),
    ],
)
def test_wrong_idx_is_refused_by_name(tmp_path, body, says):
    path = tmp_path / "digits-of-mine"
    path.write_bytes(body)
    with pytest.raises(WrongFile, match=says) as caught:
        load(path, put(tmp_path / "labels", LABELS))
    assert "digits-of-mine" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("images", "labels", "says"),
    [
        (IMAGES, idx(examples(11)[1]), "holds 12 images but .*holds 11 labels: give files that belong together"),
        (IMAGES, IMAGES, "holds 3 sizes of uint8: expected labels, one whole number each"),
        (LABELS, LABELS, "holds one number for each example: expected images"),
        (IMAGES, idx(np.arange(12, dtype="f4")), "expected labels, one whole number each"),
        (IMAGES, idx(np.zeros(12, "u1")), "all examples are of one class"),
        (idx(np.full((12, 2), np.nan, "f4")), LABELS, "row 0 has NaN or infinity"),
        (idx(np.full((12, 2), 1e300)), LABELS, "row 0 has NaN or infinity"),
    ],
)
def test_pairs_that_do_not_belong_together_are_refused(tmp_path, images, labels, says):
    with pytest.raises(WrongFile, match=says):
        load(put(tmp_path / "images", images), put(tmp_path / "labels", labels))


def test_the_measure_of_memory_sees_what_is_taken(tmp_path):
    path = put(tmp_path / "large", idx(np.zeros((1000, 100, 100), np.uint8)))
    most, error = peak(lambda: read_idx(path))
    assert error is None
    assert most > 9.5e6


@pytest.mark.parametrize("shape", [(4_000_000_000, 28, 28), (2**32 - 1,) * 4, (100_000, 28, 28)])
@pytest.mark.parametrize("name", ["lying", "lying.gz"])
def test_a_lying_idx_header_takes_no_memory(tmp_path, shape, name):
    path = put(tmp_path / name, header(8, *shape) + bytes(84))
    most, error = peak(lambda: read_idx(path))
    assert "says it holds" in str(error)
    assert "which cannot be in a file of its size" in str(error)
    assert most < MB


def test_a_gzipped_lie_takes_only_what_is_there(tmp_path, rng):
    # A header that a file of this size could just live up to, and 2 MB that really follow.
    path = put(tmp_path / "lying.gz", header(8, 2_000_000_000) + rng.bytes(2 * MB))
    most, error = peak(lambda: read_idx(path))
    assert "but only 2,097,152 are there" in str(error)
    assert most < 8 * MB
