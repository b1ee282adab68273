"""Data: what is read, and that what cannot be read is refused by name, before it takes memory or runs code.

Run as a program, this file is the other side of two of its tests: ``mutants`` feeds damaged files to the loaders, and
``loaders`` reads good and bad files under an audit hook that lets nothing be unpickled.
"""

import gzip
import hashlib
import io
import json
import pickle
import re
import struct
import subprocess
import sys
import time
import tracemalloc
import zipfile
import zlib
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import config
from PIL import Image

import glassnet
from glassnet import Checkpoint, Dataset, Network, Settings, as_input, load, mnist, open_image
from glassnet.data import MAX_CLASSES, chosen, from_labels, read_idx, summarize
from glassnet.data.pictures import Pictures, whole
from glassnet.errors import WrongFile, WrongValue
from glassnet.interchange import read_checkpoint, read_network, save_checkpoint
from glassnet.optimizers import Adam

SUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}
MB = 2**20


def idx(array):
    """The bytes of an IDX file."""
    code = CODES[array.dtype.str[1:]]
    return header(code, *array.shape) + array.astype(array.dtype.newbyteorder(">")).tobytes()


def header(code, *shape):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def put(path, body):
    """Write a file, gzipped if its name says so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(body) if path.suffix == ".gz" else body)
    return path


def examples(n=12, classes=3, seed=0):
    """Small images with no two alike, and labels among which every class occurs."""
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 5, 4), np.uint8)
    pixels[:, 0, 0] = np.arange(n)
    return pixels, (np.arange(n) % classes).astype(np.uint8)


def put_pair(folder, images="images", labels="labels", **more):
    pixels, marks = examples(**more)
    return put(folder / images, idx(pixels)), put(folder / labels, idx(marks))


@pytest.fixture
def unchecked():
    """What users see: the suite's own checks of types would answer first, and in their own words."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def inputs_of(pixels):
    return (pixels.reshape(len(pixels), -1) / 255).astype(np.float32)


# ── MNIST ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_mnist_in_the_package_is_the_original():
    folder = Path(glassnet.__file__).parent / "data" / "mnist"
    sums = {path.stem: hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest() for path in folder.glob("*.gz")}
    assert sums == SUMS
    lines = [line.split() for line in (folder / "SHA256SUMS").read_text().splitlines()]
    assert {name: total for total, name in lines} == SUMS


def test_mnist_has_its_parts_and_its_classes(digits):
    assert [len(part) for part in (digits.train, digits.validation, digits.test)] == [50_000, 10_000, 10_000]
    for part in (digits.train, digits.validation, digits.test):
        assert part.inputs.shape[1] == 784
        assert part.inputs.dtype == part.targets.dtype == np.float32
        assert part.classes == tuple("0123456789")
        assert (part.inputs.min(), part.inputs.max()) == (0, 1)
        assert (part.targets.sum(axis=1) == 1).all()
    assert np.bincount(digits.test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert digits.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]


def test_mnist_validates_on_its_last_ten_thousand(digits):
    assert load("mnist") is mnist() is digits
    folder = Path(glassnet.__file__).parent / "data" / "mnist"
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz")
    np.testing.assert_array_equal(np.concatenate([digits.train.labels, digits.validation.labels]), labels)
    image = read_idx(folder / "train-images-idx3-ubyte.gz")[50_000]
    np.testing.assert_allclose(digits.validation.inputs[0], inputs_of(image[None])[0], atol=1e-7)


def test_mnist_is_split_otherwise_when_asked():
    splits = load("mnist", validation=59_000, seed=3)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (1_000, 59_000, 10_000)
    whole = load("mnist", validation=0)
    assert (len(whole.train), whole.validation) == (60_000, None)
    ones = whole.train.labels == 1
    assert (splits.train.labels == 1).sum() + (splits.validation.labels == 1).sum() == ones.sum()


# ── IDX ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


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


def test_a_wrong_count_of_sources_is_refused(tmp_path):
    images, labels = put_pair(tmp_path)
    for sources in ((images,), (images, labels, labels), (tmp_path, images, labels)):
        with pytest.raises(WrongFile, match=r"expected mnist, a folder, .* or four, got \d files"):
            load(*sources)
    with pytest.raises(WrongFile, match="no data was given"):
        load()


@pytest.mark.parametrize("name", ["missing", "missing.npz", "n" * 300])
def test_a_missing_file_is_refused(tmp_path, name):
    with pytest.raises(WrongFile, match=r"does not exist: give mnist, a folder|cannot read .*name too long"):
        load(tmp_path / name)


def test_a_folder_in_place_of_a_file_is_refused(tmp_path):
    images, _ = put_pair(tmp_path)
    with pytest.raises(WrongFile, match=r"cannot read .*: (Is a directory|Permission denied)"):
        load(images, tmp_path)


# ── Headers that lie ─────────────────────────────────────────────────────────────────────────────────────────────────


def peak(call):
    """The most memory that Python and NumPy took for a call, in bytes, and what it raised."""
    error = None
    tracemalloc.start()
    try:
        call()
    except WrongFile as caught:
        error = caught
    finally:
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return most, error


def npy(array_header, body=b""):
    text = array_header.encode().ljust(118) + b"\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + body


def npz(path, method=zipfile.ZIP_STORED, **members):
    """An archive of arrays, or of bytes that pretend to be some."""
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, member in members.items():
            body = member
            if not isinstance(member, bytes):
                stream = io.BytesIO()
                np.save(stream, member)
                body = stream.getvalue()
            archive.writestr(f"{name}.npy", body)
    return path


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


def test_labels_cannot_ask_for_more_memory_than_classes(tmp_path):
    n = 50_000  # a target for each of as many classes would be 10 GB
    images, labels = idx(np.zeros((n, 1), np.uint8)), idx(np.arange(n, dtype=np.int32))
    most, error = peak(lambda: load(put(tmp_path / "images.gz", images), put(tmp_path / "labels", labels)))
    assert "50,000 different labels, more than 10,000: if they are numbers to predict" in str(error)
    assert most < 64 * MB


# ── .npz ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


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


# ── Folders of images ────────────────────────────────────────────────────────────────────────────────────────────────


def put_images(folder, classes="ab", each=3, seed=0):
    """A folder of images for each class, and the inputs they should become."""
    rng, rows = np.random.default_rng(seed), []
    for name in classes:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            pixels = np.zeros((30, 30), np.uint8)
            pixels[5:25, 8:22] = rng.integers(1, 256, (20, 14))
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
            rows.append(as_input(pixels))
    return np.stack(rows)


def test_a_folder_of_images_for_each_class(tmp_path):
    rows = put_images(tmp_path)
    put(tmp_path / "a" / "notes.txt", b"no image")
    put(tmp_path / "a" / ".hidden.png", b"no image")
    put(tmp_path / ".git" / "x.png", b"no image")
    splits = load(tmp_path, validation=0)
    assert splits.train.classes == ("a", "b")
    assert splits.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(splits.train.inputs, rows, atol=1e-6)
    assert (splits.validation, splits.test) == (None, None)


@pytest.mark.parametrize("how", [Pictures(12), Pictures(20, center=False)])
def test_images_become_inputs_as_asked(tmp_path, how):
    put_images(tmp_path / "train")
    put_images(tmp_path / "test", each=1)
    splits = load(tmp_path, pictures=how, validation=0)
    assert splits.pictures == how
    assert splits.train.inputs.shape == (6, how.side**2)
    first = open_image(tmp_path / "test" / "a" / "0.png")
    expected = as_input(first, how.side) if how.center else whole(first, how.side)
    np.testing.assert_allclose(splits.test.inputs[0], expected, atol=1e-6)


def test_how_pictures_became_inputs_is_known_where_it_can_be(tmp_path):
    put_images(tmp_path / "images")
    assert load(tmp_path / "images").pictures == Pictures()
    assert mnist().pictures == load("mnist", validation=100).pictures == Pictures()
    assert load(*put_pair(tmp_path / "idx")).pictures is None


@pytest.mark.parametrize("name", ["validation", "val", "valid", "Val"])
def test_folders_of_images_for_each_part(tmp_path, name):
    rows = [put_images(tmp_path / part, seed=seed) for seed, part in enumerate(("train", "test", name))]
    splits = load(tmp_path)
    for part, inputs in zip((splits.train, splits.test, splits.validation), rows, strict=True):
        assert part.classes == ("a", "b")
        np.testing.assert_allclose(part.inputs, inputs, atol=1e-6)


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "bus"):
        put_images(tmp_path, [name])
    assert load(tmp_path).train.classes == ("bus", "train")


def test_wrong_folders_of_images_are_refused(tmp_path):
    with pytest.raises(WrongFile, match=r"holds neither IDX files .* nor a subfolder of images for each class"):
        load(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(WrongFile, match=r"has no images \(\.png, .*\) in its subfolders"):
        load(tmp_path)
    put_images(tmp_path, "a")
    with pytest.raises(WrongFile, match="all examples are of one class"):
        load(tmp_path)
    put_images(tmp_path / "train", "ab")
    put_images(tmp_path / "test", "abc")
    for name in "a":
        for path in (tmp_path / name).iterdir():
            path.unlink()
        (tmp_path / name).rmdir()
    with pytest.raises(WrongFile, match="label 'c' is not one of the 2 classes a, b"):
        load(tmp_path)


@pytest.mark.parametrize("body", [b"no image", None])
def test_a_wrong_image_in_a_folder_is_named(tmp_path, body):
    put_images(tmp_path)
    Image.new("L", (9, 9), 255).save(tmp_path / "a" / "wrong.png")
    if body:
        put(tmp_path / "a" / "wrong.png", body)
    with pytest.raises(WrongFile, match=r"wrong\.png.* (is not an image|the image is blank)"):
        load(tmp_path)


# ── Examples ─────────────────────────────────────────────────────────────────────────────────────────────────────────

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


def test_load_holds_out_by_seed(tmp_path):
    pair = put_pair(tmp_path, n=60)
    ids = inputs_of(examples(n=60)[0])[:, 0]

    def held(**how):
        splits = load(*pair, **how)
        parts = [np.searchsorted(ids, part.inputs[:, 0] - 1e-6).tolist() for part in (splits.train, splits.validation)]
        assert sorted(parts[0] + parts[1]) == list(range(60))
        return parts[1]

    assert len(held()) == 10
    assert len(held(validation=7)) == 7
    assert len(held(validation=0.5)) == 30
    assert held() == held(seed=0) != held(seed=1)
    assert load(*pair, validation=0).validation is None
    with pytest.raises(WrongValue, match="cannot hold out 60 of 60"):
        load(*pair, validation=60)


# ── Nothing is unpickled ─────────────────────────────────────────────────────────────────────────────────────────────


def program(*arguments, timeout=60):
    """This file as a program, without pytest and without checks of types, every warning an error."""
    command = [sys.executable, "-W", "error", __file__, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def test_nothing_is_unpickled(tmp_path):
    done = program("loaders", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["9", "read,", "10", "refused;", "the", "hook", "works"]


def loaders(folder):
    """Read good and bad files; find_class is what unpickling calls to get at anything that could do harm."""
    found = []

    def refuse(event, arguments):
        if event == "pickle.find_class":
            found.append(arguments)
            raise RuntimeError(f"unpickled {arguments}")

    sys.addaudithook(refuse)
    harm = pickle.dumps(Decimal(1))
    pixels, labels = examples()
    images, marks = put_pair(folder)
    put_images(folder / "classes")
    np.savez(folder / "good.npz", x=pixels, y=labels)
    np.savez(folder / "names.npz", x=pixels, y=labels.astype(str))
    save_checkpoint(folder / "good.safetensors", checkpoint())
    text = "{'descr': '|O', 'fortran_order': False, 'shape': (2,), }"
    npz(folder / "objects.npz", x=npy(text, harm), y=np.arange(2))
    npz(folder / "label-objects.npz", x=np.arange(2.0), y=npy(text, harm))
    npz(folder / "bare.npz", x=harm, y=harm)
    bad = [put(folder / f"pickle{suffix}", harm) for suffix in ("", ".gz", ".npz", ".png", ".safetensors")]
    good_calls = [
        partial(load, "mnist"),
        partial(load, images, marks),
        partial(load, folder / "classes"),
        partial(load, folder / "good.npz"),
        partial(load, folder / "names.npz"),
        partial(open_image, folder / "classes" / "a" / "0.png"),
        partial(read_network, folder / "good.safetensors"),
        partial(read_checkpoint, folder / "good.safetensors"),
        partial(read_idx, images),
    ]
    bad_calls = [
        *(partial(load, folder / name) for name in ("objects.npz", "label-objects.npz", "bare.npz", "pickle.npz")),
        *(partial(load, path, marks) for path in bad[:2]),
        *(partial(open_image, path) for path in (bad[3], harm)),
        *(partial(read, bad[4]) for read in (read_network, read_checkpoint)),
    ]
    for call in good_calls:
        call()
    for call in bad_calls:
        with pytest.raises(WrongFile):
            call()
    assert not found, found
    with pytest.raises(RuntimeError, match="unpickled"):
        pickle.loads(harm)
    with pytest.raises(RuntimeError, match="unpickled"):
        np.load(folder / "objects.npz", allow_pickle=True)["x"]
    assert len(found) == 2
    print(f"{len(good_calls)} read, {len(bad_calls)} refused; the hook works")


def checkpoint():
    network = Network.random((6, 4, 3), hidden="leaky_relu", output="softmax")
    settings = Settings(optimizer=Adam(0.01))
    return Checkpoint(network, settings.optimizer.init(network.layers, total=9), 1, 2, settings, 0.5, 0.25)


# ── Mutants ──────────────────────────────────────────────────────────────────────────────────────────────────────────

KINDS = ("idx", "idx.gz", "npz", "safetensors", "png", "jpeg", "gif", "webp", "bmp")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("kind", KINDS)
def test_a_mutant_is_read_or_refused(tmp_path, kind, long):
    count, seconds = (10**6 // len(KINDS) + 1, 1) if long else (1000, 5)
    done = program("mutants", tmp_path, kind, count, seconds, timeout=7200 if long else 100)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    counts = json.loads(done.stdout)
    assert counts["read"] + counts["refused"] == count
    assert counts["refused"] > count / 10
    assert counts["megabytes"] <= 64
    assert counts["letters"] < 1000


def mutants(folder, kind, count, seconds):
    """Load damaged copies of good files: they may be refused by name, or still be good; nothing else may happen."""
    path, other = folder / f"mutant.{kind}", put_pair(folder)[1]
    bodies = seeds(kind, folder)
    for body in bodies:
        path.write_bytes(body)
        read_file(path, kind, other)  # so that what is loaded once is not counted
    start, before, refused, longest, longest_text = time.perf_counter(), high_water(), 0, 0.0, 0
    for number in range(count):
        rng = np.random.default_rng([number, KINDS.index(kind)])
        body = bodies[number % len(bodies)]
        path.write_bytes(spoiled(kind, body, rng))
        try:
            read_file(path, kind, other)
        except (WrongFile, WrongValue) as error:
            refused, longest_text = refused + 1, max(longest_text, len(str(error)))
        except BaseException:
            print(f"mutant {number} of {kind}, in {path}", flush=True)
            raise
        now = time.perf_counter()
        start, longest = now, max(longest, now - start)
        assert longest < seconds, f"mutant {number} of {kind} took {longest:.1f} s"
    result = {
        "read": count - refused,
        "refused": refused,
        "megabytes": round((high_water() - before) / 1024, 1),
        "seconds": round(longest, 2),
        "letters": longest_text,
    }
    print(json.dumps(result))


def high_water():
    """The most memory that this process ever held, in kB. (ru_maxrss would begin at what its parent held.)"""
    return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])


def seeds(kind, folder):
    """Good files of a kind, of which mutants are made."""
    if kind in ("idx", "idx.gz"):
        pixels, labels = examples()
        bodies = [idx(pixels), idx(pixels.astype("f4")), idx(labels)]
        return [gzip.compress(body) for body in bodies] if kind == "idx.gz" else bodies
    if kind == "npz":
        pixels, labels = examples()
        np.savez(folder / "a.npz", x_train=pixels, y_train=labels, x_test=pixels, y_test=labels)
        np.savez_compressed(folder / "b.npz", x=np.asfortranarray(pixels, "f8"), y=labels.astype(str))
        np.savez(folder / "c.npz", x=pixels.astype("f4"), y=labels.astype("f2"))
        return [(folder / f"{name}.npz").read_bytes() for name in "abc"]
    if kind == "safetensors":
        save_checkpoint(folder / "a.safetensors", checkpoint(), {"classes": ["a", "b", "c"]})
        return [(folder / "a.safetensors").read_bytes()]
    pixels = np.zeros((40, 32), np.uint8)
    pixels[8:30, 10:20] = np.random.default_rng(3).integers(0, 256, (22, 10))
    bodies = []
    for mode in {"png": ("1", "L", "P", "RGBA", "I;16"), "gif": ("P",), "bmp": ("1", "L", "RGB")}.get(
        kind, ("L", "RGB")
    ):
        image = Image.fromarray(pixels)
        image = Image.fromarray(pixels.astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
        more = {"save_all": True, "append_images": [image.rotate(90)]} if kind in ("gif", "webp") else {}
        stream = io.BytesIO()
        image.save(stream, kind.upper(), exif=b"Exif\0\0MM\0*\0\0\0\10\0\1\1\22\0\3\0\0\0\1\0\6\0\0\0\0\0\0", **more)
        bodies.append(stream.getvalue())
    return bodies


def read_file(path, kind, labels):
    """Everything that would be done with such a file."""
    if kind in ("idx", "idx.gz"):
        one_sided = read_idx(path).ndim == 1
        load(*((labels.with_name("images"), path) if one_sided else (path, labels)), validation=0)
    elif kind == "npz":
        load(path, validation=0)
    elif kind == "safetensors":
        read_network(path)
        read_checkpoint(path)
    else:
        as_input(open_image(path))


def spoiled(kind, body, rng):
    """A mutant, as it stands or wrapped so that its checksums and lengths are right again."""
    if rng.random() < 0.4:
        return mutated(body, rng)
    if kind == "idx.gz":
        return gzip.compress(mutated(gzip.decompress(body), rng), 1)
    if kind == "npz":
        return respun_npz(body, rng)
    if kind == "safetensors":
        return respun_safetensors(body, rng)
    if kind == "png":
        return respun_png(body, rng)
    return mutated(body, rng, within=64)


def mutated(body, rng, within=None):
    """One to three bytes or blocks changed, cut, put in, or doubled; if asked, only among the first bytes."""
    body = bytearray(body)
    for _ in range(rng.integers(1, 4)):
        size = max(1, min(len(body), within or len(body)))
        at, length = int(rng.integers(size)), int(rng.integers(1, 33))
        match rng.integers(7):
            case 0 if body:
                body[min(at, len(body) - 1)] ^= 1 << int(rng.integers(8))
            case 1:
                del body[at:]
            case 2:
                body[at:at] = rng.bytes(length)
            case 3:
                del body[at : at + length]
            case 4:
                body[at:at] = body[at : at + 8 * length]
            case 5:
                body[at : at + length] = rng.bytes(length)
            case _:  # numbers that headers are made of
                number = int(rng.choice([0, 1, 2, 28, 255, 4000, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1]))
                form = rng.choice([">I", "<I", ">H", "<H", ">Q", "<Q"])
                packed = struct.pack(form, number % 2 ** (8 * struct.calcsize(form)))
                body[at : at + len(packed)] = packed
    return bytes(body)


def edited(text, rng):
    """A header in words, with one of its numbers or names changed for another, or spoiled as bytes are."""
    tokens = list(re.finditer(rb"\d+|[A-Za-z_.]+|[\[\](){}<>|]", text))
    if not tokens or rng.random() < 0.3:
        return mutated(text, rng)
    token, other = tokens[rng.integers(len(tokens))], tokens[rng.integers(len(tokens))][0]
    extremes = [
        b"-1",
        b"0",
        b"1e999",
        b"9" * 400,
        b"4294967296",
        b"NaN",
        b"null",
        b"true",
        b"F64",
        b"[" * 3000,
        b"",
        other,
    ]
    new = extremes[rng.integers(len(extremes))]
    return text[: token.start()] + new + text[token.end() :]


def respun_npz(body, rng):
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    name = list(members)[rng.integers(len(members))]
    member = members[name]
    end = 10 + struct.unpack("<H", member[8:10])[0]
    if rng.random() < 0.7:
        text = edited(member[10:end], rng)[:65535]
        members[name] = member[:8] + struct.pack("<H", len(text)) + text + member[end:]
    else:
        members[name] = mutated(member, rng)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", [0, 8, 12, 14][rng.choice(4, p=[0.45, 0.45, 0.05, 0.05])]) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    return stream.getvalue()


def respun_safetensors(body, rng):
    end = 8 + struct.unpack("<Q", body[:8])[0]
    text = body[8:end]
    if rng.random() < 0.5:
        parsed = json.loads(text)
        parsed["__metadata__"]["glassnet"] = edited(parsed["__metadata__"]["glassnet"].encode(), rng).decode("latin1")
        text = json.dumps(parsed).encode()
    elif rng.random() < 0.9:
        text = edited(text, rng)
    else:
        numbers = np.frombuffer(body, np.uint8, offset=end).copy()
        numbers[rng.integers(len(numbers))] ^= 255
        body = body[:end] + numbers.tobytes()
    return struct.pack("<Q", len(text)) + text + body[end:]


def respun_png(body, rng):
    chunks, at = [], 8
    while at < len(body):
        length = struct.unpack(">I", body[at : at + 4])[0]
        chunks.append((body[at + 4 : at + 8], body[at + 8 : at + 8 + length]))
        at += 12 + length
    chosen_one = rng.integers(len(chunks))
    name, content = chunks[chosen_one]
    if name == b"IDAT" and rng.random() < 0.5:
        content = zlib.compress(mutated(zlib.decompress(content), rng))
    else:
        content = mutated(content, rng)
    chunks[chosen_one] = (name, content)
    if rng.random() < 0.1:
        chunks.insert(int(rng.integers(len(chunks))), chunks[rng.integers(len(chunks))])
    return body[:8] + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def test_mutants_differ_from_what_they_were_made_of(tmp_path):
    for kind in KINDS:
        body = seeds(kind, tmp_path)[0]
        made = {spoiled(kind, body, np.random.default_rng(number)) for number in range(50)}
        assert len(made - {body}) > 40


if __name__ == "__main__":
    if sys.argv[1] == "loaders":
        loaders(Path(sys.argv[2]))
    else:
        mutants(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))


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
