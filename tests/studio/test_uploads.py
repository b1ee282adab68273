"""Data of one's own: what is understood of it, what is refused in a sentence, and that nothing is left behind."""

import gzip
import io
import json
import struct
import threading
import zipfile
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from serving import ask, next_of, served, until

from glassnet import Run, as_input, load
from glassnet.data.pictures import Pictures, whole
from glassnet.errors import WrongFile, WrongValue
from glassnet.runs.plans import begun, reopened
from glassnet.runs.recipes import recipe
from glassnet.studio import uploads
from glassnet.studio.frames import unpack
from glassnet.studio.session import Session
from glassnet.studio.uploads import LIMITS, Uploads


class Home:
    """What uploads ask of a session: where its home is, and to remember what may be chosen."""

    def __init__(self, path):
        self.home = path
        self.known = []

    def know(self, sources):
        if sources not in self.known:
            self.known.append(sources)

    def forget(self, sources):
        if sources in self.known:
            self.known.remove(sources)


@pytest.fixture
def given(tmp_path):
    return Uploads(Home(tmp_path / "home"))


def give(given, body, name="mine.zip", how=None):
    """Upload this, as the server would; its description."""
    folder = given.coming()
    (folder / "body").write_bytes(body)
    return given.take(folder, name, Pictures() if how is None else how)


def refused(given, body, name="mine.zip", says="", how=None):
    """That this is refused in one sentence, which names no path of the server, and leaves nothing behind."""
    before = left(given)
    with pytest.raises((WrongFile, WrongValue), match=says) as caught:
        give(given, body, name, how)
    text = str(caught.value)
    assert str(given._folder) not in text
    assert ".coming" not in text
    assert "\n" not in text
    assert left(given) == before
    assert given.progress() is None


def left(given):
    return sorted(path.name for path in given._folder.rglob("*")) if given._folder.exists() else []


def picture(number=0, size=(30, 40), kind="PNG", mode="L"):
    """A file with a dark stroke on light paper, no two alike."""
    pixels = np.full((size[1], size[0]), 255, np.uint8)
    pixels[8:30, 4 + number % 20 : 9 + number % 20] = 10
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def zipped(members, method=zipfile.ZIP_STORED):
    """A zip of names and what they hold; a ZipInfo may stand for a name."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return file.getvalue()


def animals(counts=None, top="animals/"):
    counts = counts or {"cat": 4, "dog": 5, "owl": 6}
    return {f"{top}{name}/{i}.png": picture(i) for name, count in counts.items() for i in range(count)}


def idx(array):
    code = {"u1": 8, "f4": 13}[array.dtype.str[1:]]
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def digits(n=30, side=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, side, side), np.uint8), (np.arange(n) % 3).astype(np.uint8)


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


# ── Pictures ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_zip_of_pictures_is_understood(given):
    found = give(given, zipped(animals()), "animals.zip")
    assert (found["id"], found["name"], found["kind"]) == ("1", "animals.zip", "images in folders")
    assert (found["train"], found["validation"], found["test"], found["held_out"]) == (13, 2, 0, True)
    assert found["classes"] == [{"name": "cat", "count": 4}, {"name": "dog", "count": 5}, {"name": "owl", "count": 6}]
    assert (found["inputs"], found["side"], found["how"]) == (784, 28, {"side": 28, "center": True})
    assert found["sizes"] == {"least": [30, 40], "most": [30, 40]}
    assert (found["skipped"], found["skipped_count"], found["used"]) == ([], 0, [])
    assert given._session.known == [found["sources"]]


def test_what_is_trained_on_is_what_the_library_makes_of_the_pictures(given):
    found = give(given, zipped(animals()))
    splits = load(*found["sources"], validation=0)
    assert splits.train.classes == ("cat", "dog", "owl")
    assert splits.pictures == Pictures()
    assert splits.train.labels.tolist() == [0] * 4 + [1] * 5 + [2] * 6
    pixels = np.asarray(Image.open(io.BytesIO(picture(3))))
    np.testing.assert_allclose(splits.train.inputs[3], as_input(pixels), atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize("top", ["", "animals/", "a/b/c/", "train/", "x/train/"])
def test_any_wrapping_folder_will_do(given, top):
    found = give(given, zipped(animals(top=top)))
    assert [each["name"] for each in found["classes"]] == ["cat", "dog", "owl"]
    assert found["train"] + found["validation"] == 15


@pytest.mark.parametrize("top", ["", "mine/"])
def test_parts_are_told_by_their_folders(given, top):
    parts = animals(top=f"{top}Train/") | animals(top=f"{top}test/") | animals(top=f"{top}val/")
    found = give(given, zipped(parts))
    assert (found["train"], found["validation"], found["test"], found["held_out"]) == (15, 15, 15, False)
    splits = load(*found["sources"])
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [15, 15, 15]


def test_what_systems_leave_behind_is_no_data_and_other_files_are_said(given):
    junk = {"__MACOSX/animals/._0.png": b"x", "animals/.DS_Store": b"x", "animals/cat/Thumbs.db": b"x"}
    others = {
        "animals/cat/notes.txt": b"x",
        "animals/cat/broken.png": b"no picture",
        "animals/dog/white.png": blank(),
        "animals/inner.zip": zipped(animals()),
        "cover.png": picture(),
    }
    found = give(given, zipped(animals() | junk | others))
    assert found["skipped_count"] == 5
    assert {each["name"].rpartition("/")[2]: each["code"] for each in found["skipped"]} == {
        "notes.txt": "kind", "broken.png": "damaged", "white.png": "blank", "inner.zip": "archive", "cover.png": "folder",
    }  # fmt: skip
    assert sum(each["count"] for each in found["classes"]) == 15


def blank(size=(20, 20)):
    file = io.BytesIO()
    Image.new("L", size, 255).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    "name",
    ["<b>bold<br>", "=HYPERLINK(1)", "'; DROP TABLE", "猫", "con", "a" * 200, "cat ", "ñ", "\u202eabc", "x.png", "..."],
)
def test_a_class_may_have_any_name(given, name):
    if name.startswith("."):
        refused(given, zipped(animals({name: 3, "dog": 3})), says="one class, 'dog'")  # hidden, as systems have it
        return
    found = give(given, zipped(animals({name: 3, "dog": 3})))
    assert {each["name"] for each in found["classes"]} == {name, "dog"}
    assert set(load(*found["sources"]).train.classes) == {name, "dog"}
    assert all(name not in path for path in left(given))


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_names_without_a_mark_are_read_as_macos_and_windows_in_china_write_them(given, encoding):
    members = animals({"cat": 3, "dog": 3})
    raw = "猫狗".encode(encoding)
    plain = {name.replace("cat", "c" * len(raw)): each for name, each in members.items()}
    body = zipped(plain).replace(b"c" * len(raw), raw)
    found = give(given, body)
    assert {each["name"] for each in found["classes"]} == {"猫狗", "dog"}


def test_three_hundred_classes(given):
    found = give(given, zipped(animals({f"class {i}": 2 for i in range(300)})), how=Pictures(8, False))
    assert (found["class_count"], len(found["classes"]), found["outputs"]) == (300, 200, 300)
    arrays = given.sample("1", 3)[1]
    assert len(set(arrays["labels"].tolist())) == 20
    assert arrays["inputs"].shape == (40, 64)


@pytest.mark.parametrize("how", [Pictures(8), Pictures(20, False), Pictures(64, False)])
def test_pictures_become_inputs_as_asked(given, how):
    found = give(given, zipped(animals()), how=how)
    assert (found["side"], found["inputs"]) == (how.side, how.side**2)
    splits = load(*found["sources"])
    assert splits.pictures == how
    pixels = np.asarray(Image.open(io.BytesIO(picture(0))))
    made = load(*found["sources"], validation=0).train.inputs[0]
    np.testing.assert_allclose(made, how.input(pixels), atol=0.5 / 255 + 1e-6)


def test_photographs_are_taken_whole_unless_asked_otherwise(given, rng):
    def photograph():
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (40, 50), np.uint8)).save(file, "PNG")
        return file.getvalue()

    photographs = {f"{name}/{i}.png": photograph() for name in ("a", "b") for i in range(4)}
    assert give(given, zipped(photographs), how=20)["how"] == {"side": 20, "center": False}
    assert give(given, zipped(animals()), how=20)["how"] == {"side": 20, "center": True}


def test_color_large_and_other_formats_are_read(given):
    members = {
        "a/1.jpg": picture(1, (300, 200), "JPEG", "RGB"),
        "a/2.bmp": picture(2, kind="BMP"),
        "b/1.gif": picture(3, kind="GIF"),
        "b/2.webp": picture(4, (60, 90), "WEBP", "RGB"),
    }
    found = give(given, zipped(members, zipfile.ZIP_DEFLATED))
    assert found["train"] + found["validation"] == 4
    assert found["sizes"] == {"least": [30, 40], "most": [300, 200]}
    about, arrays = given.sample("1", 2)
    assert about["thumbs"] == [[96, 64], [30, 40], [30, 40], [60, 90]]
    assert len(arrays["originals"]) == 3 * (96 * 64 + 30 * 40 * 2 + 60 * 90)


def test_samples_are_originals_beside_the_inputs_they_become_in_any_way(given):
    give(given, zipped(animals({"cat": 4, "dog": 1})))
    about, arrays = given.sample("1", 2)
    assert arrays["labels"].tolist() == [0, 0, 1]
    assert arrays["rows"].tolist() == [0, 1, 4]
    assert about["pictures"][0] == {"name": "animals/cat/0.png", "blank": False}
    pixels = np.asarray(Image.open(io.BytesIO(picture(0))))
    assert np.array_equal(arrays["originals"][: 3 * 30 * 40].reshape(40, 30, 3)[:, :, 0], pixels)
    assert np.array_equal(arrays["inputs"][0], np.rint(as_input(pixels) * 255))
    about, arrays = given.sample("1", 1, Pictures(16, False))
    assert (about["side"], about["how"], about["data"]["side"]) == (16, {"side": 16, "center": False}, 28)
    assert np.array_equal(arrays["inputs"][0], np.rint(whole(pixels, 16) * 255))


def test_pictures_are_made_into_other_inputs_and_what_runs_use_is_kept(given, tmp_path):
    first = give(given, zipped(animals()))
    again = given.make("1", Pictures(16, False))
    assert (again["id"], again["side"], again["how"]) == ("1", 16, {"side": 16, "center": False})
    assert not Path(first["sources"][0]).exists()
    assert given._session.known == [again["sources"]]
    Run.create(tmp_path / "home" / "1", begun(recipe("plain"), sources=again["sources"]).about)
    third = given.make("1", Pictures(12))
    assert Path(again["sources"][0]).exists()
    assert Path(third["sources"][0]).exists()
    assert given.make("1", Pictures(12)) == third


def test_inputs_that_do_not_fit_on_the_disk_leave_nothing_and_the_old_ones_stay(given, monkeypatch):
    give(given, zipped(animals()))
    before = left(given)

    def full(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(np, "savez", full)
        with pytest.raises(WrongFile, match="No space left"):
            given.make("1", Pictures(16))
    assert left(given) == before


# ── IDX, .npz ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "names",
    [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images.gz", "t10k-labels.gz"),
        ("a.bin", "b.bin", "c.bin", "d.bin"),
        ("x/z", "x/y", "test/b", "test/a"),
    ],
)
def test_idx_files_under_any_names(given, names):
    (pixels, labels), (other, marks) = digits(30), digits(12, seed=1)
    bodies = [idx(each) for each in (pixels, labels, other, marks)]
    bodies = [gzip.compress(body) if name.endswith(".gz") else body for name, body in zip(names, bodies, strict=True)]
    found = give(given, zipped(dict(zip(names, bodies, strict=True))), "digits")
    assert (found["kind"], found["train"], found["validation"], found["test"]) == ("IDX files", 25, 5, 12)
    assert (found["inputs"], found["side"], found["how"], found["class_count"]) == (36, 6, None, 3)
    splits = load(*found["sources"], validation=0)
    np.testing.assert_allclose(splits.train.inputs, pixels.reshape(30, -1) / 255, atol=1e-6)
    np.testing.assert_allclose(splits.test.inputs, other.reshape(12, -1) / 255, atol=1e-6)
    arrays = given.sample("1", 2)[1]
    assert np.array_equal(arrays["inputs"][0], pixels[0].reshape(-1))
    assert arrays["labels"].tolist() == [0, 0, 1, 1, 2, 2]


def test_emnist_stands_upright_and_has_its_letters(given):
    pixels, labels = digits(9)
    members = {
        "gzip/emnist-x-train-images-idx3-ubyte": idx(pixels),
        "gzip/emnist-x-train-labels-idx1-ubyte": idx(labels),
        "gzip/emnist-x-mapping.txt": b"0 65\n1 66\n2 67\n",
    }
    found = give(given, zipped(members))
    assert [each["name"] for each in found["classes"]] == ["A", "B", "C"]
    splits = load(*found["sources"], validation=0)
    np.testing.assert_allclose(splits.train.inputs[0], pixels[0].T.reshape(-1) / 255, atol=1e-6)


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: zipped({"inner/data.npz": body})])
def test_an_npz_is_kept_as_it_came(given, wrap):
    pixels, labels = digits(40)
    found = give(given, wrap(npz(x_train=pixels, y_train=labels, x_test=pixels[:6], y_test=labels[:6])), "my data.npz")
    assert (found["kind"], found["train"], found["validation"], found["test"]) == (".npz", 33, 7, 6)
    assert load(*found["sources"], validation=0).train.labels.tolist() == labels.tolist()


def test_numbers_to_predict(given):
    x = np.random.default_rng(0).normal(0, 100, (40, 3)).astype(np.float32)
    found = give(given, npz(x=x, y=x[:, :2]), "numbers.npz")
    assert (found["classes"], found["class_count"], found["side"]) == (None, None, None)
    assert (found["inputs"], found["outputs"]) == (3, 2)
    assert found["range"] == [float(x.min()), float(x.max())]
    arrays = given.sample("1", 2)[1]
    assert arrays["labels"].tolist() == [-1] * 6
    np.testing.assert_array_equal(arrays["values"], x[:6])
    np.testing.assert_array_equal(arrays["targets"], x[:6, :2])


@pytest.mark.parametrize("how", ["floats", "one-hot"])
def test_labels_as_floats_are_classes_as_they_are_on_the_command_line(given, how):
    pixels, labels = digits(40)
    y = labels.astype(np.float32) if how == "floats" else np.eye(3, dtype=np.float32)[labels]
    found = give(given, npz(x_train=pixels, y_train=y, x_test=pixels[:6], y_test=y[:6]), "floats.npz")
    counts = np.bincount(np.concatenate([labels, labels[:6]])).tolist()
    assert found["classes"] == [{"name": str(name), "count": count} for name, count in enumerate(counts)]
    assert (found["outputs"], found["class_count"]) == (3, 3)
    splits = load(*found["sources"], validation=0)
    assert splits.train.labels.tolist() == labels.tolist()
    assert given.sample("1", 2)[1]["labels"].tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("n", [2, 3, 4, 12])
def test_few_examples(given, n):
    found = give(given, npz(x=np.eye(n, 3) + np.arange(n)[:, None], y=np.arange(n) % 2), "few.npz")
    held = {2: 0, 3: 0, 4: 1, 12: 2}[n]
    assert (found["train"], found["validation"], found["held_out"]) == (n - held, held, held > 0)
    if held:
        assert len(load(*found["sources"]).validation) == held


# ── What is wrong ────────────────────────────────────────────────────────────────────────────────────────────────────

PIXELS, LABELS = digits(9)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "^mine.zip is empty: give a zip of pictures"),
        (b"hello, this is text", "^mine.zip is neither a zip nor an .npz file: give a zip of pictures"),
        (b"Rar!\x1a\x07\x01\x00", "^mine.zip is neither a zip"),
        (picture(), "^mine.zip is one picture: give a folder of pictures, with a folder in it for each class"),
        (idx(PIXELS), "^mine.zip is one file alone: choose the IDX files of images and of labels together"),
        (gzip.compress(idx(PIXELS)), "^mine.zip is one file alone"),
        (zipped({}), "^there is no data in mine.zip: give a zip of pictures"),
        (zipped({"a.txt": b"x"}), r"^there is no data in mine.zip \(a.txt: it is no picture\)"),
        (zipped({"1.png": picture(), "2.png": picture()}), "lie in no folders: put those of each class into a folder"),
        (zipped(animals({"cat": 3})), "^all pictures of mine.zip are of one class, 'cat': .* at least two"),
        (zipped({"cat/1.png": picture()}), "^all pictures of mine.zip are of one class, 'cat'"),
        (zipped({"cat/1.png": picture(), "dog/1.png": b"x"}), "one class only.* animals|one class only"),
        (zipped({"cat/1.png": b"x", "dog/1.png": b"x"}), "of no class only: .*; of cat/1.png: it cannot be read"),
        (zipped(animals({"a": 2, "b": 2}, "train/") | animals({"c": 1}, "test/")), "a class 'c' to test that it does not"),
        (zipped({"a": idx(PIXELS)}), "^mine.zip holds 1 IDX files of images and 0 of labels"),
        (zipped({"a": idx(PIXELS), "b": idx(LABELS[:5])}), "^a holds 9 images but b holds 5 labels"),
        (zipped({"a": idx(PIXELS)[:-3], "b": idx(LABELS)}), "^a says it holds 9 × 6 × 6 numbers.*copy it again"),
        (zipped({"a.npz": b"x", "b.npz": b"x"}), "^mine.zip holds 2 .npz files: give one of them by itself"),
        (zipped({"a.npz": b"no zip"}), "^a.npz is not a whole zip file"),
        (npz(x=np.ones((3, 2))), "^mine.zip has no x_train and y_train"),
        (npz(x=np.ones((3, 2)), y=np.zeros(3, int)), "^mine.zip: all examples are of one class"),
        (npz(x=np.full((3, 2), np.nan), y=np.arange(3)), "^mine.zip: inputs must be finite numbers"),
        (npz(x=np.ones((3, 2)), y=np.arange(2)), "^mine.zip: every example needs its label"),
        (zipped(animals())[:-30], "^mine.zip is not a whole zip file: it may have been cut short"),
        (zipped(animals())[:200], "^mine.zip is not a whole zip file"),
        (b"PK\x05\x06" + b"\xff" * 18, "^mine.zip is not a whole zip file"),
        (zipped({"a" * 201 + "/1.png": picture(), "b/1.png": picture()}), "a folder whose name is longer than 200"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence_and_nothing_is_left(given, body, says):
    refused(given, body, says=says)


def linked(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


def test_paths_that_lead_outside_are_refused(given):
    for name in ("../cat/1.png", "/etc/cat/1.png", "C:\\cat\\1.png", "a/../../cat/1.png", "..\\cat\\1.png"):
        refused(given, zipped(animals() | {name: picture()}), says="holds a file that says it lies outside")


def test_links_and_locked_files_are_left_out(given):
    found = give(given, zipped(animals() | {linked("animals/cat/link.png"): b"/etc/passwd"}))
    assert found["skipped"][0]["code"] == "link"
    body = bytearray(zipped(animals()))
    at = body.index(b"PK\x01\x02") + 8  # the mark of the first file in the list: locked
    body[at] |= 1
    assert give(given, bytes(body))["skipped"] == [
        {"name": "animals/cat/0.png", "code": "locked", "why": "it is locked by a password"}
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_could_unpack_without_limit_is_not_unpacked(given, method):
    refused(given, zipped(animals(), method), says="there is no data in mine.zip .*compressed in a way")


def test_a_bomb_does_not_go_off(given, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_UNPACKED", 2**20)
    bomb = zipped(animals() | {"animals/cat/bomb.png": bytes(2**21)}, zipfile.ZIP_DEFLATED)
    refused(given, bomb, says=r"^mine.zip is 0.0 GB when it is unpacked, more than 2: give less")


def test_a_picture_that_unpacks_to_too_much_is_left_out(given):
    bomb = zipped(animals() | {"animals/cat/bomb.png": bytes(33 * 2**20)}, zipfile.ZIP_DEFLATED)
    assert give(given, bomb)["skipped"][0]["code"] == "large"


def test_a_size_that_lies_gives_no_more_than_it_says(given):
    body = bytearray(zipped(animals(), zipfile.ZIP_DEFLATED))
    at = body.index(b"PK\x01\x02") + 24
    body[at : at + 4] = struct.pack("<I", 10)  # the first picture says it unpacks to 10 bytes
    found = give(given, bytes(body))
    assert found["skipped"] == [
        {
            "name": "animals/cat/0.png",
            "code": "damaged",
            "why": "it cannot be read: it may be damaged, or not be what its name says",
        }
    ]


def test_more_files_than_allowed_are_refused_by_the_list_alone(given, monkeypatch):
    body = zipped(animals())
    monkeypatch.setattr(uploads, "MAX_FILES", 10)
    monkeypatch.setattr(zipfile, "ZipFile", None)  # it would take memory for each of them
    refused(given, body, says="^mine.zip holds more than 10 files: give fewer")


def test_a_hundred_thousand_files_are_counted_quickly(given):
    # As a zip of 100,000 names, all of the same place: the list is what is read first.
    entry = struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"a.txt"
    count = 100_000
    directory = entry * count
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), 0, 0)
    refused(given, b"PK\x03\x04" + directory + end, says="there is no data in|is not a whole zip")
    directory = entry * 200_001
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0, 0, len(directory), 0, 0)
    refused(given, b"PK\x03\x04" + directory + end, says="holds more than 200,000 files")


def test_a_zip_of_more_than_65535_files_is_read(given):
    members = animals({"a": 3, "b": 3}) | {f"notes/{i}.txt": b"" for i in range(65_600)}
    found = give(given, zipped(members))
    assert found["skipped_count"] == 65_600
    assert len(found["skipped"]) == 20


def test_more_numbers_than_fit_into_memory_are_refused(given, monkeypatch):
    monkeypatch.setattr(uploads, "MAX_NUMBERS", 1000)
    refused(given, zipped(animals()), says="has 15 examples of 784 inputs each, .* or make the side smaller")
    refused(given, npz(x=np.ones((40, 30)), y=np.arange(40) % 2), says="more numbers than fit into memory")
    refused(given, zipped({"a": idx(digits(50)[0]), "b": idx(digits(50)[1])}), says="^a says it holds more numbers")


def test_what_is_canceled_leaves_nothing(given):
    stop = threading.Event()
    stop.set()
    folder = given.coming()
    (folder / "body").write_bytes(zipped(animals()))
    with pytest.raises(uploads._Stopped):
        given.take(folder, "mine", Pictures(), stop)
    assert left(given) == []


def test_what_a_killed_studio_left_is_cleared_away(given):
    folder = given.coming()
    (folder / "body").write_bytes(b"half")
    Uploads(given._session)
    assert left(given) == []


# ── Keeping and forgetting ───────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_has_mnist_and_the_newest_first(given):
    give(given, zipped(animals()), "one")
    give(given, npz(x=np.eye(4), y=np.arange(4) % 2), "two.npz")
    found = given.do("datasets", {})["datasets"]
    assert [(each["id"], each["name"]) for each in found] == [("mnist", "MNIST"), ("2", "two.npz"), ("1", "one")]
    assert (found[0]["train"], found[0]["validation"], found[0]["test"], found[0]["side"]) == (
        50_000,
        10_000,
        10_000,
        28,
    )
    assert found[0]["sources"] == ["mnist"]
    again = Uploads(Home(given._session.home))
    assert again.do("datasets", {})["datasets"] == found
    assert again._session.known == [each["sources"] for each in found[1:]]


def test_data_is_forgotten_unless_a_run_uses_it(given, tmp_path):
    found = give(given, zipped(animals()), "animals")
    plan = begun(recipe("plain"), {"batch_size": 3}, sources=found["sources"])
    Run.create(tmp_path / "home" / "7", plan.about).save(plan.checkpoint)
    assert given.do("datasets", {})["datasets"][1]["used"] == ["7"]
    with pytest.raises(WrongValue, match=r"^run 7 learns from animals: it is kept"):
        given.forget("1")
    assert np.array_equal(reopened(Run.open(tmp_path / "home" / "7")).splits.train.inputs, plan.splits.train.inputs)
    (tmp_path / "home" / "trash").mkdir()
    (tmp_path / "home" / "7").rename(tmp_path / "home" / "trash" / "7")
    with pytest.raises(WrongValue):
        given.forget("1")
    (tmp_path / "home" / "trash" / "7").rename(tmp_path / "gone")
    given.do("forget_data", {"data": "1"})
    assert left(given) == []
    assert given._session.known == []
    assert [each["id"] for each in given.do("datasets", {})["datasets"]] == ["mnist"]


@pytest.mark.parametrize("number", ["2", "0", "-1", "..", "../1", "1/", "", "mnist/..", "１"])
def test_data_that_is_not_there(given, number):
    give(given, zipped(animals()))
    for act in (given.forget, given.sample, lambda which: given.make(which, Pictures())):
        with pytest.raises(WrongValue, match="there is no data"):
            act(number)
    assert len(given.do("datasets", {})["datasets"]) == 2


def test_mnist_stays(given):
    with pytest.raises(WrongValue, match=r"^MNIST is a part of glassnet"):
        given.forget("mnist")


def test_a_damaged_description_is_left_out_of_the_list(given):
    give(given, zipped(animals()))
    (given._folder / "1" / "about.json").write_text("{")
    assert [each["id"] for each in given.do("datasets", {})["datasets"]] == ["mnist"]
    give(given, zipped(animals()))
    assert [each["id"] for each in given.do("datasets", {})["datasets"]] == ["mnist", "2"]


# ── By HTTP ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def here(tmp_path):
    session = Session(tmp_path / "home")
    with served(session, limits=LIMITS) as at:
        yield at


def post(here, body, query="name=animals.zip", **headers):
    return here.ask(f"/api/data?{query}", "POST", content=body, headers={**here.program, **headers})


def test_an_upload_is_sent_looked_at_and_trained_on(here):
    answer = post(here, zipped(animals()), "name=animals.zip&side=16&center=false")
    assert answer.status_code == 200
    data = answer.json()["data"]
    assert (data["name"], data["side"], data["how"]["center"]) == ("animals.zip", 16, False)
    with here.socket() as socket:
        assert ask(socket, {"do": "datasets"})["datasets"][1] == data
        socket.send(json.dumps({"do": "dataset", "data": "1", "count": 1, "id": 5}))
        header, arrays = next_of(socket, "done")
        assert (header["data"]["id"], header["id"], arrays["inputs"].shape) == ("1", 5, (3, 256))
        message = {"do": "restart", "data": data["sources"], "sizes": [None, 16, 16, None], "batch_size": 5}
        assert ask(socket, message)["type"] == "done"
        run = here.session.describe()
        assert (run["sizes"], run["classes"], run["side"]) == ([256, 16, 16, 3], ["cat", "dog", "owl"], 16)
        refused = ask(socket, {"do": "forget_data", "data": "1"})
        assert (refused["type"], refused["message"].split(":")[0]) == ("error", "run 2 learns from animals.zip")


def test_a_preview_and_another_way(here):
    post(here, zipped(animals()))
    answer = here.ask("/api/data/preview?data=1&side=20&center=false&count=1", headers=here.program)
    header, arrays = unpack(answer.content)
    assert (header["side"], arrays["inputs"].shape) == (20, (3, 400))
    answer = here.ask("/api/data/make?data=1&side=20&center=false", "POST", headers=here.program)
    assert answer.json()["data"]["how"] == {"side": 20, "center": False}
    assert here.ask("/api/data/progress", headers=here.program).json() == {"reading": None}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("side=7", "side must be a whole number from 8 to 64, got '7'"),
        ("side=9999999999", "side must be a whole number"),
        ("side=x", "side must be a whole number"),
        ("center=maybe", "center must be true or false, got 'maybe'"),
    ],
)
def test_wrong_questions_are_one_sentence(here, query, says):
    for path, method in (("/api/data", "POST"), ("/api/data/make", "POST"), ("/api/data/preview", "GET")):
        answer = here.ask(f"{path}?{query}", method, headers=here.program)
        assert answer.status_code == 400
        assert says in answer.json()["error"]
    assert not (here.session.home / "data").exists()


def test_wrong_data_by_http_is_one_sentence_and_nothing_is_left(here):
    answer = post(here, b"no zip", "name=notes.txt")
    assert (answer.status_code, answer.json()["error"].split(":")[0]) == (
        400,
        "notes.txt is neither a zip nor an .npz file",
    )
    assert list((here.session.home / "data").iterdir()) == []


def test_too_large_a_body_is_refused(tmp_path):
    with served(Session(tmp_path / "home"), limits={"/api/data": 10_000}) as here:
        answer = post(here, bytes(10_001))
        assert (answer.status_code, "larger than" in answer.json()["error"]) == (413, True)

        def unsaid():
            yield from (bytes(1000) for _ in range(20))

        assert post(here, unsaid()).status_code == 413
        until(lambda: not (here.session.home / "data").exists() or not list((here.session.home / "data").iterdir()))
    assert LIMITS == {"/api/data": 512 * 2**20}


def test_an_upload_that_is_broken_off_leaves_nothing(here):
    def half():
        yield bytes(1000)
        until(lambda: list((here.session.home / "data").glob(".coming-*/body")))
        raise RuntimeError("the browser was closed")

    with pytest.raises(RuntimeError):
        httpx.post(f"{here.url}/api/data", content=half(), headers=here.program, trust_env=False)
    until(lambda: not list((here.session.home / "data").iterdir()))


def test_only_browsers_that_were_let_in_may_send(here):
    assert here.ask("/api/data", "POST", content=b"x").status_code == 401
    cookie = here.browser()
    assert here.ask("/api/data", "POST", content=b"x", headers={**cookie, "Origin": here.url}).status_code == 403
    answer = here.ask("/api/data?name=a", "POST", content=zipped(animals()), headers=here.writing(cookie))
    assert answer.status_code == 200
