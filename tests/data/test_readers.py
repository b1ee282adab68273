"""Data from where it lies: MNIST, every reader by its name, and that nothing damaged does harm.

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
import zipfile
import zlib
from decimal import Decimal
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from data_files import examples, idx, inputs_of, npy, npz, put, put_images, put_pair
from PIL import Image

import glassnet
from glassnet import Checkpoint, Network, Settings, as_input, load, mnist, open_image
from glassnet.data import read_idx, read_inputs
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


def test_how_pictures_became_inputs_is_known_where_it_can_be(tmp_path):
    put_images(tmp_path / "images")
    assert load(tmp_path / "images").pictures == Pictures()
    assert mnist().pictures == load("mnist", validation=100).pictures == Pictures()
    assert load(*put_pair(tmp_path / "idx")).pictures is None


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


# ── Without desired outputs ──────────────────────────────────────────────────────────────────────────────────────────


def test_images_that_nobody_labeled_are_read_from_any_depth(tmp_path, rng):
    pixels = {}
    for name in ("b.png", "a.JPG", "deep/er/c.png", "deep/a.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        drawing = np.full((30, 24), 255, np.uint8)
        drawing[5:20, rng.integers(4, 10) : 14] = 0
        Image.fromarray(drawing).save(path, "JPEG" if name.endswith("JPG") else "PNG")
        pixels[path] = as_input(open_image(path))
    put(tmp_path / ".hidden" / "d.png", b"no image")
    put(tmp_path / "notes.txt", b"no image")
    found = read_inputs(tmp_path)
    assert found.files == tuple(sorted(pixels))
    assert len(found) == 4
    assert found.pictures == Pictures()
    for row, path in zip(found.inputs, found.files, strict=True):
        np.testing.assert_array_equal(row, pixels[path])
    whole_ones = read_inputs(tmp_path, pictures=Pictures(12, center=False))
    assert whole_ones.inputs.shape == (4, 144)
    np.testing.assert_array_equal(whole_ones.inputs[0], whole(open_image(found.files[0]), 12))


def test_inputs_are_read_whether_or_not_there_are_targets(tmp_path, rng):
    pixels, marks = examples()
    images, _ = put_pair(tmp_path, "images.gz", "labels")
    np.testing.assert_array_equal(read_inputs(images).inputs, inputs_of(pixels))
    np.savez(tmp_path / "with.npz", x_train=pixels, y_train=marks, pictures=np.array([5, 0]))
    np.savez(tmp_path / "without.npz", images=pixels)
    for name in ("with.npz", "without.npz"):
        found = read_inputs(tmp_path / name)
        np.testing.assert_array_equal(found.inputs, inputs_of(pixels))
        assert found.files is None
        assert found.pictures is None  # 5 × 4 pixels are no square
    square = rng.random((3, 25)).astype(np.float32)
    np.savez(tmp_path / "square.npz", x=square, pictures=np.array([5, 0]))
    assert read_inputs(tmp_path / "square.npz").pictures == Pictures(5, center=False)
    everything = read_inputs("mnist")
    assert everything.inputs is load("mnist", validation=0).train.inputs
    assert everything.inputs.shape == (60_000, 784)


def test_inputs_that_cannot_be_read_are_refused_by_name(tmp_path, rng):
    (tmp_path / "empty").mkdir()
    put(tmp_path / "bad" / "x.png", b"no image")
    np.savez(tmp_path / "other.npz", y=np.arange(3))
    np.savez(tmp_path / "names.npz", x=np.array(["a", "b"]))
    np.savez(tmp_path / "nan.npz", x=np.array([[1.0, 2.0], [np.nan, 3.0]]))
    put(tmp_path / "labels", idx(np.arange(4, dtype=np.uint8)))
    for name, says in (
        ("empty", "empty has no images in it, nor in its subfolders"),
        ("bad", "x.png"),
        ("other.npz", "other.npz has no inputs: expected an array named x_train, inputs, x, X, images or train_images"),
        ("names.npz", "names.npz: inputs must be numbers, got dtype <U1"),
        ("nan.npz", "nan.npz: inputs must be finite numbers, but row 1 has NaN or infinity"),
        ("labels", "labels holds one number for each example"),
        ("missing", "missing does not exist"),
    ):
        with pytest.raises(WrongFile, match=re.escape(says)):
            read_inputs(tmp_path / name)


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
