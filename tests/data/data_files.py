"""Files of data, made for tests: whole ones, and ones that lie; and how much memory reading them takes."""

import gzip
import io
import struct
import tracemalloc
import zipfile

import numpy as np
from PIL import Image

from glassnet import as_input
from glassnet.errors import WrongFile

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


def inputs_of(pixels):
    return (pixels.reshape(len(pixels), -1) / 255).astype(np.float32)


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
