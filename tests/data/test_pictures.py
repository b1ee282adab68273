"""Images to predict: any picture of a digit becomes what MNIST would have made of it, and no file can do harm.

Run as a program, this file opens one image and tells what became of it, how long that took, and the memory it needed.
"""

import io
import json
import re
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import config
from PIL import Image, ImageFilter

from glassnet import as_input, open_image
from glassnet.data.pictures import IMAGE_FORMATS, MAX_IMAGE_BYTES, MAX_PIXELS, Pictures, blank, size_of, whole
from glassnet.errors import WrongFile, WrongValue


@pytest.fixture(scope="session")
def seven(digits):
    """A digit of MNIST, 28 × 28, ink 255 on paper 0."""
    return np.round(digits.test.inputs[0].reshape(28, 28) * 255).astype(np.uint8)


@pytest.fixture
def unchecked():
    """What users see: the suite's own checks of types would answer first, and in their own words."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def paper(ink, height=60, width=50, top=20, left=5):
    """The digit in black on a larger white sheet."""
    sheet = np.full((height, width), 255, np.uint8)
    sheet[top : top + ink.shape[0], left : left + ink.shape[1]] = 255 - ink
    return sheet


def file_of(image, kind="PNG", **how):
    stream = io.BytesIO()
    image.save(stream, kind, **how)
    return stream.getvalue()


def pixels_of(image):
    return np.asarray(image, np.float32)


# ── What MNIST would have made of it ─────────────────────────────────────────────────────────────────────────────────


def as_it_is(row):
    return row.reshape(28, 28)


def inverted(row):
    return 1 - row.reshape(28, 28)


def in_bytes(row):
    return np.round(row.reshape(28, 28) * 255).astype(np.uint8)


def on_a_larger_sheet(row):
    return np.pad(as_it_is(row), ((3, 40), (25, 1)))


def in_black_on_a_larger_sheet(row):
    return np.pad(inverted(row), ((40, 0), (0, 17)), constant_values=1)


def as_a_picture(row):
    return Image.fromarray(in_bytes(row))


def in_a_file(row):
    return open_image(file_of(as_a_picture(row)))


def in_colors(row):
    return np.stack([as_it_is(row)] * 3 + [np.ones((28, 28))], axis=-1)


@pytest.mark.parametrize(
    "shown",
    [as_it_is, inverted, in_bytes, on_a_larger_sheet, in_black_on_a_larger_sheet, as_a_picture, in_a_file, in_colors],
)
def test_an_image_of_mnist_comes_back_as_it_is(digits, shown):
    for row in digits.test.inputs[:500]:
        came = as_input(shown(row))
        assert came.dtype == np.float32
        assert np.abs(came - row).max() <= 1 / 255 + 1e-6


@pytest.mark.parametrize("size", [(5, 9), (9, 5), (28, 28), (37, 100), (480, 640), (1200, 30), (4000, 3000)])
def test_any_size_is_centered_and_scaled(digits, size):
    height, width = size
    inner = (max(width * 3 // 5, 1), max(height * 3 // 5, 1))
    for row in digits.test.inputs[: 2 if max(size) > 1000 else 30]:
        digit = as_it_is(row)
        digit = digit[np.ix_(digit.any(axis=1), digit.any(axis=0))]
        ink = np.asarray(Image.fromarray(digit).resize(inner, Image.Resampling.BILINEAR))
        sheet = np.zeros(size, np.float32)
        sheet[height // 5 : height // 5 + inner[1], width // 10 : width // 10 + inner[0]] = ink
        field = as_input(1 - sheet).reshape(28, 28)
        assert field.min() == 0
        assert field.max() == pytest.approx(1)
        rows, columns = np.flatnonzero(field.any(axis=1)), np.flatnonzero(field.any(axis=0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        assert field.sum(axis=1) @ np.arange(28) / field.sum() == pytest.approx(14, abs=0.5)
        assert field.sum(axis=0) @ np.arange(28) / field.sum() == pytest.approx(14, abs=0.5)


def test_a_larger_drawing_is_the_same_digit(digits):
    alike = []
    for row in digits.test.inputs[:100]:
        large = Image.fromarray(in_bytes(row)).resize((560, 560), Image.Resampling.BICUBIC)
        alike.append(np.corrcoef(as_input(255 - np.asarray(large)), row)[0, 1])
    assert np.mean(alike) > 0.9
    assert np.min(alike) > 0.6


def test_dark_on_light_and_light_on_dark_are_the_same(seven):
    sheet = paper(seven)
    np.testing.assert_allclose(as_input(255 - sheet), as_input(sheet), atol=1e-6)
    faint = 90 + sheet // 4  # gray on gray
    np.testing.assert_allclose(as_input(faint), as_input(sheet), atol=0.02)
    np.testing.assert_allclose(as_input(255 - faint), as_input(faint), atol=1e-6)


def test_a_shape_keeps_its_proportions():
    bar = np.zeros((100, 100))
    bar[10:90, 45:49] = 1
    field = as_input(bar).reshape(28, 28)
    assert np.ptp(np.flatnonzero(field.any(axis=1))) + 1 == 20
    assert np.ptp(np.flatnonzero(field.any(axis=0))) + 1 == 1
    assert field.max() == 1


def test_ink_stays_inside_when_its_mass_is_at_one_end():
    hammer = np.zeros((60, 60))
    hammer[30, 10:50] = 0.5
    hammer[10:50, 46:50] = 1
    field = as_input(hammer).reshape(28, 28)
    rows, columns = np.flatnonzero(field.any(axis=1)), np.flatnonzero(field.any(axis=0))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 20)
    assert columns[0] == 0  # as far as it can go


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_the_noise_of_compression_is_no_ink(digits, kind):
    alike = []
    for row in digits.test.inputs[:30]:
        large = Image.fromarray(paper(in_bytes(row))).resize((200, 240), Image.Resampling.BICUBIC)
        alike.append(np.corrcoef(as_input(open_image(file_of(large, kind, quality=80))), as_input(large))[0, 1])
    assert np.mean(alike) > 0.98
    assert np.min(alike) > 0.8


def test_uneven_paper_is_no_ink(seven, rng):
    clean = paper(seven).astype(float)
    shaded = clean - 6 * rng.random(clean.shape) - np.linspace(0, 4, 60)[:, None]
    np.testing.assert_allclose(as_input(shaded), as_input(clean), atol=0.1)
    assert blank(shaded * 0 + 250 - 6 * rng.random(clean.shape))


@pytest.mark.parametrize("side", [4, 8, 14, 28, 56])
def test_the_side_is_as_asked(seven, side):
    field = as_input(paper(seven), side).reshape(side, side)
    box = round(side * 20 / 28)
    assert max(np.ptp(np.flatnonzero(field.any(axis=axis))) + 1 for axis in (0, 1)) == box


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_are_averaged_and_alpha_left_out(seven, channels):
    sheet = paper(seven)
    image = np.stack([sheet] * channels, axis=-1)
    if channels in (2, 4):
        image[..., -1] = 255
    np.testing.assert_allclose(as_input(image), as_input(sheet), atol=1e-6)


@pytest.mark.parametrize("value", [0, 0.5, 1, 255])
@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (9, 5, 3)])
def test_a_blank_image_is_refused(value, shape):
    image = np.full(shape, value)
    assert blank(image)
    with pytest.raises(WrongValue, match="the image is blank: expected a digit, dark on light or light on dark"):
        as_input(image)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "P", "CMYK"])
def test_a_blank_picture_is_refused(mode):
    image = Image.new(mode, (30, 30))
    assert blank(image)
    with pytest.raises(WrongValue, match="the image is blank"):
        as_input(image)


def test_a_drawing_is_not_blank(seven):
    assert not blank(paper(seven))
    assert not blank(Image.fromarray(paper(seven)))


@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.array([[0, np.nan], [1, 0]]), "an image must be finite numbers, but this one has NaN or infinity"),
        (np.array([[0, np.inf], [1, 0]]), "an image must be finite numbers"),
        (np.array([[0, 1e300], [1, 0]]), "an image must be finite numbers"),
        (np.zeros((0, 5)), r"the shape \(height, width\) or \(height, width, channels\), got \(0, 5\)"),
        (np.zeros(28), r"the shape \(height, width\).* got \(28,\)"),
        (np.zeros((5, 5, 5)), r"the shape .* got \(5, 5, 5\)"),
        (np.zeros((2, 5, 5, 3)), r"the shape .* got \(2, 5, 5, 3\)"),
        (5, r"the shape .* got \(\)"),
        (np.full((5, 5), None), "an image must be an array of numbers, got dtype object"),
        (np.full((5, 5), "x"), "an image must be an array of numbers, got dtype <U1"),
        (np.zeros((5, 5), complex), "an image must be an array of numbers, got dtype complex128"),
        ([[0, 1], [1]], "an image must have rows of equal length"),
        ("seven.png", "an image must be an array of numbers, got dtype <U9"),
    ],
)
def test_what_is_no_image_is_refused(image, says):
    with pytest.raises(WrongValue, match=says):
        as_input(image)


@pytest.mark.parametrize("side", [3, 0, -28])
def test_a_side_too_small_is_refused(seven, side):
    with pytest.raises(WrongValue, match=f"must be at least 4 pixels, got {side}"):
        as_input(seven, side)


def test_huge_numbers_are_brightnesses(seven):
    np.testing.assert_allclose(as_input(seven * 1e36), as_input(seven), atol=1e-5)


# ── Whole pictures ───────────────────────────────────────────────────────────────────────────────────────────────────


def scene(rng, height=60, width=80):
    """Something with an uneven border, as photographs have."""
    return rng.integers(0, 256, (height, width), np.uint8)


def test_a_photograph_keeps_its_brightness_by_area(rng):
    image = scene(rng)
    made = whole(image, 20).reshape(20, 20)
    np.testing.assert_allclose(made, image.reshape(20, 3, 20, 4).mean(axis=(1, 3)) / 255, atol=1e-6)
    assert made.dtype == np.float32


@pytest.mark.parametrize("side", [4, 13, 28, 97])
def test_a_whole_picture_of_any_size_keeps_its_mean(rng, side):
    image = scene(rng, 37, 53)
    made = whole(image, side)
    assert made.shape == (side * side,)
    assert made.mean() == pytest.approx(image.mean() / 255, abs=1e-5)


def test_a_picture_of_mnist_taken_whole_comes_back_as_it_is(seven):
    np.testing.assert_allclose(whole(seven), seven.reshape(-1) / 255, atol=1e-6)


def test_on_light_paper_ink_is_what_is_dark_and_nothing_is_moved(seven):
    np.testing.assert_allclose(whole(255 - seven), seven.reshape(-1) / 255, atol=1e-6)
    corner = np.full((56, 56), 250, np.uint8)
    corner[2:10, 2:10] = 20
    made = whole(corner).reshape(28, 28)
    assert made[1:5, 1:5].min() > 0.9
    assert made[6:, 6:].max() < 0.03


@pytest.mark.parametrize("level", [0, 255])
def test_empty_paper_is_no_ink_whatever_its_color(level):
    assert not whole(np.full((30, 20), level, np.uint8)).any()


def test_ink_is_ink_however_much_of_it_there_is():
    drawn = np.full((20, 20), 255, np.uint8)
    drawn[8:12, 8:12] = 0
    assert whole(drawn, 20, ink=True).mean() > 0.9
    assert whole(drawn, 20).mean() < 0.1


def test_a_whole_picture_may_be_a_file_in_color(rng):
    image = Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8))
    np.testing.assert_allclose(whole(image, 8), whole(np.asarray(image.convert("L")), 8), atol=1e-6)


@pytest.mark.parametrize("how", [Pictures(), Pictures(16), Pictures(20, center=False)])
def test_pictures_are_made_into_inputs_one_way_or_the_other(seven, how):
    made = how.input(seven)
    expected = as_input(seven, how.side) if how.center else whole(seven, how.side)
    assert np.array_equal(made, expected)


@pytest.mark.parametrize("side", [0, 3, 257, 28.0, "28", True, None])
def test_a_side_of_pictures_out_of_its_bounds_is_refused(unchecked, side):
    with pytest.raises(WrongValue, match="the side of pictures must be a whole number from 4 to 256"):
        Pictures(side)


def test_what_is_no_whole_picture_is_refused(unchecked):
    with pytest.raises(WrongValue, match="center must be true or false"):
        Pictures(28, 1)
    with pytest.raises(WrongValue, match="must have the shape"):
        whole(np.zeros(9))
    with pytest.raises(WrongValue, match="at least 4 pixels"):
        whole(np.zeros((9, 9)), 3)


def test_an_image_is_opened_in_color_too(rng):
    pixels = rng.integers(0, 256, (30, 40, 3), np.uint8)
    opened = open_image(file_of(Image.fromarray(pixels)), color=True)
    assert (opened.mode, opened.size) == ("RGB", (40, 30))
    assert np.array_equal(np.asarray(opened), pixels)


def test_the_size_in_a_header_is_told_without_decoding():
    assert size_of(file_of(Image.new("L", (31, 17)))) == (31, 17)
    assert size_of(b"no image") is None
    assert size_of(b"") is None


# ── Image files ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "mode", "tolerance"),
    [
        ("PNG", "1", 1),
        ("PNG", "L", 0),
        ("PNG", "LA", 0),
        ("PNG", "RGB", 0),
        ("PNG", "RGBA", 0),
        ("PNG", "P", 0),
        ("PNG", "I;16", 0),
        ("JPEG", "L", 8),
        ("JPEG", "RGB", 8),
        ("JPEG", "CMYK", 8),
        ("MPO", "RGB", 8),
        ("GIF", "L", 0),
        ("GIF", "P", 0),
        ("GIF", "1", 1),
        ("WEBP", "RGB", 12),
        ("WEBP", "RGBA", 12),
        ("BMP", "1", 1),
        ("BMP", "L", 0),
        ("BMP", "P", 0),
        ("BMP", "RGB", 0),
        ("BMP", "RGBA", 0),
    ],
)
def test_every_kind_of_file_comes_back(seven, tmp_path, kind, mode, tolerance):
    sheet = paper(seven)
    if mode == "1":
        sheet = np.where(sheet < 128, 0, 255).astype(np.uint8)
    image = Image.fromarray(sheet)
    image = Image.fromarray(sheet.astype(np.uint16) * 257) if mode == "I;16" else image.convert(mode)
    quality = {"quality": 95} if kind in ("JPEG", "MPO", "WEBP") else {}
    (tmp_path / "seven").write_bytes(file_of(image, kind, **quality))
    for source in (tmp_path / "seven", str(tmp_path / "seven"), (tmp_path / "seven").read_bytes()):
        read = open_image(source)
        assert (read.mode, read.size) == ("L", (50, 60))
        np.testing.assert_allclose(pixels_of(read), sheet, atol=tolerance)
        if tolerance <= 1:
            np.testing.assert_allclose(as_input(read), as_input(sheet), atol=1e-6)


def transparent(kind, seven):
    """A digit in black on nothing, as different files say so."""
    ink = Image.fromarray(paper(np.where(seven > 127, 255, 0).astype(np.uint8)))
    alpha = ink.point(lambda value: 255 - value)
    match kind:
        case "rgba" | "webp" | "half":
            image = Image.merge("RGBA", [Image.new("L", ink.size, 0)] * 3 + [alpha])
            if kind == "half":  # half of the ink shines through
                image.putalpha(alpha.point(lambda value: value // 2))
            return file_of(image, "WEBP", lossless=True) if kind == "webp" else file_of(image)
        case "la":
            return file_of(Image.merge("LA", [Image.new("L", ink.size, 0), alpha]))
        case "palette":
            image = Image.fromarray((np.asarray(ink) > 0).astype(np.uint8), "L")
            image = Image.frombytes("P", image.size, image.tobytes())
            image.putpalette([0, 0, 0, 0, 0, 0])
            return file_of(image, transparency=1)
        case "gif":
            image = Image.frombytes("P", ink.size, bytes((np.asarray(ink) > 0).astype(np.uint8)))
            image.putpalette([0, 0, 0, 1, 1, 1])
            return file_of(image, "GIF", transparency=1)
        case "color":
            image = Image.merge("RGB", [ink.point(lambda value: 9 if value else 0)] * 3)
            return file_of(image, transparency=(9, 9, 9))
        case _:
            return file_of(ink.point(lambda value: 9 if value else 0), transparency=9)


@pytest.mark.parametrize("kind", ["rgba", "la", "palette", "gif", "webp", "color", "gray", "half"])
def test_transparency_is_white(seven, kind):
    sheet = paper(np.where(seven > 127, 255, 0).astype(np.uint8))
    read = open_image(transparent(kind, seven))
    assert read.mode == "L"
    np.testing.assert_allclose(pixels_of(read), 128 + sheet // 2 if kind == "half" else sheet, atol=1)
    np.testing.assert_allclose(as_input(read), as_input(sheet), atol=1e-6)


TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("orientation", TURNED)
@pytest.mark.parametrize(
    ("kind", "mode"), [("JPEG", "L"), ("PNG", "RGB"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGBA")]
)
def test_a_photograph_stands_upright(seven, kind, mode, orientation):
    upright = Image.fromarray(paper(seven)).convert(mode)
    turned = upright if TURNED[orientation] is None else upright.transpose(TURNED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = open_image(file_of(turned, kind, exif=exif, **({} if kind == "PNG" else {"quality": 95})))
    assert read.size == upright.size
    np.testing.assert_allclose(pixels_of(read), paper(seven), atol=0 if kind == "PNG" else 12)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "1"), ("PNG", "P"), ("PNG", "I;16"), ("PNG", "RGBA"), ("JPEG", "RGB")]
)
def test_a_large_file_is_made_smaller_and_stays_the_same_digit(seven, kind, mode):
    sheet = paper(seven)
    image = Image.fromarray(sheet).resize((2100, 2520), Image.Resampling.NEAREST)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
    elif mode == "1":
        image = image.point(lambda value: 255 if value > 127 else 0, "1")
    else:
        image = image.convert(mode)
    read = open_image(file_of(image, kind, **({"compress_level": 1} if kind == "PNG" else {})))
    assert read.mode == "L"
    assert 512 <= max(read.size) <= 1024
    assert np.corrcoef(as_input(read), as_input(sheet))[0, 1] > 0.97


def test_the_largest_photograph_is_read(seven):
    image = Image.fromarray(paper(seven, 40, 30, 10, 1)).resize((3000, 4000), Image.Resampling.NEAREST)
    read = open_image(file_of(image, compress_level=1))
    assert read.size == (750, 1000)
    assert np.corrcoef(as_input(read), as_input(seven))[0, 1] > 0.95


def test_only_the_first_frame_is_read(seven):
    frames = [Image.fromarray(frame) for frame in (paper(seven), 255 - paper(seven))]
    for kind in ("GIF", "PNG", "WEBP"):
        how = {"lossless": True} if kind == "WEBP" else {}
        read = open_image(file_of(frames[0], kind, save_all=True, append_images=frames[1:], **how))
        np.testing.assert_allclose(pixels_of(read), paper(seven), atol=1)


# ── Files that are refused ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["TIFF", "PPM", "ICO", "TGA", "PCX", "SGI", "DIB", "EPS", "JPEG2000"])
def test_no_other_decoder_is_used(seven, tmp_path, kind):
    path = tmp_path / "seven.png"
    try:
        path.write_bytes(file_of(Image.fromarray(paper(seven)), kind))
    except (OSError, KeyError) as error:
        pytest.skip(f"this Pillow cannot write {kind}: {error}")
    with Image.open(path) as image:
        assert image.format == kind  # Pillow itself would read it
    with pytest.raises(WrongFile, match=r"seven\.png is not an image that can be read \(PNG, JPEG, GIF, WEBP, BMP\)"):
        open_image(path)


TEXTS = {
    "text": b"a five, I think\n",
    "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><rect width="9" height="9"/></svg>',
    "html": b"<!doctype html><title>404</title>",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff",
    "gif": b"GIF89a",
    "webp": b"RIFF\x04\0\0\0WEBP",
    "bmp": b"BM",
}


@pytest.mark.parametrize("body", TEXTS.values(), ids=TEXTS)
def test_what_is_no_image_but_called_one_is_refused(tmp_path, body):
    (tmp_path / "five.png").write_bytes(body)
    with pytest.raises(
        WrongFile, match=r"five\.png is not an image that can be read \(PNG, JPEG.*\): it may be damaged"
    ):
        open_image(tmp_path / "five.png")
    with pytest.raises(WrongFile, match="the image is not an image that can be read"):
        open_image(body)


@pytest.mark.parametrize("kind", IMAGE_FORMATS)
def test_a_truncated_image_is_refused(seven, kind):
    body = file_of(Image.fromarray(paper(seven)).convert("RGB"), kind)
    for length in range(1, len(body) * 9 // 10, max(1, len(body) // 40)):
        with pytest.raises(WrongFile, match="is not an image that can be read"):
            open_image(body[:length])


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "empty.png").touch()
    with pytest.raises(WrongFile, match=r"empty\.png is empty: expected an image \(PNG, JPEG, GIF, WEBP, BMP\)"):
        open_image(tmp_path / "empty.png")
    with pytest.raises(WrongFile, match="the image is empty"):
        open_image(b"")
    with pytest.raises(WrongFile, match=r"cannot read .*missing\.png: No such file"):
        open_image(tmp_path / "missing.png")
    with pytest.raises(WrongFile, match=r"cannot read .*: (Is a directory|Permission denied)"):
        open_image(tmp_path)


def png(width, height, depth, color, body):
    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    size = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + body(chunk) + chunk(b"IEND", b"")


def zeros(size):
    """As many zeros, deflated, without ever holding them."""
    deflate, block = zlib.compressobj(1), bytes(2**20)
    return b"".join([deflate.compress(block) for _ in range(-(-size // 2**20))]) + deflate.flush()


def many_frames(first, count):
    body = file_of(first, "GIF")
    at = body.index(b",\0\0\0\0")  # where the one frame's description begins
    frame = body[at:-1]
    return body[:-1] + frame * count + b";"


def patched(body, at, new):
    return body[:at] + new + body[at + len(new) :]


def bomb(kind, seven):
    """A small file that asks for a lot, and what is to be said to it; None: that it is read all the same."""
    too_large = r"(has [\d,]+ × [\d,]+|is larger than [\d,]+) pixels"
    damaged = "is not an image that can be read"
    sheet = Image.fromarray(paper(seven))
    match kind:
        case "png of 50,000 × 50,000":
            return png(50_000, 50_000, 1, 0, lambda chunk: chunk(b"IDAT", zeros(6251 * 50_000))), too_large
        case "png of 10,000 × 10,000":
            return png(10_000, 10_000, 8, 6, lambda chunk: chunk(b"IDAT", zeros(40_001 * 10_000))), too_large
        case "png of 2³¹ × 2³¹":
            return png(2**31 - 1, 2**31 - 1, 8, 0, lambda chunk: chunk(b"IDAT", zeros(9))), too_large
        case "png with more rows than it says":
            return png(100, 100, 8, 0, lambda chunk: chunk(b"IDAT", zeros(500 * 2**20))), None
        case "png with a long text":
            text = b"Comment\0\0" + zeros(500 * 2**20)
            return png(9, 9, 8, 0, lambda chunk: chunk(b"zTXt", text) + chunk(b"IDAT", zeros(90))), damaged
        case "png with a long profile":
            profile = b"icc\0\0" + zeros(500 * 2**20)
            return png(9, 9, 8, 0, lambda chunk: chunk(b"iCCP", profile) + chunk(b"IDAT", zeros(90))), damaged
        case "gif of 30,000 frames":
            return many_frames(sheet, 30_000), None
        case "gif of 65,535 × 65,535":
            return patched(file_of(sheet, "GIF"), 6, b"\xff\xff\xff\xff"), too_large
        case "gif with a frame of 60,000 × 60,000":
            body = file_of(sheet, "GIF")
            return patched(body, body.index(b",\0\0\0\0") + 5, struct.pack("<HH", 60_000, 60_000)), too_large
        case "webp of 13,000 × 13,000":
            body = file_of(sheet, "WEBP", save_all=True, append_images=[sheet.rotate(90)])
            size = struct.pack("<I", 12_999)[:3]
            return patched(body, body.index(b"VP8X") + 12, size + size), too_large
        case "bmp of 4000 × 3000 in 100 bytes":
            body = file_of(sheet.convert("RGBA"), "BMP")
            return patched(body, 18, struct.pack("<ii", 4000, 3000))[:100], damaged
        case "jpeg of 65,000 × 65,000":
            body = file_of(sheet, "JPEG")
            return patched(body, body.index(b"\xff\xc0") + 5, struct.pack(">HH", 65_000, 65_000)), too_large
        case "png cut off":
            body = png(4096, 3072, 8, 2, lambda chunk: chunk(b"IDAT", zeros(3 * 4096 * 3072)))
            return body[: len(body) // 2], damaged
        case "jpeg cut off":
            return file_of(Image.new("RGB", (4096, 3072)), "JPEG")[:5000], damaged


BOMBS = [
    "png of 50,000 × 50,000",
    "png of 10,000 × 10,000",
    "png of 2³¹ × 2³¹",
    "png with more rows than it says",
    "png with a long text",
    "png with a long profile",
    "gif of 30,000 frames",
    "gif of 65,535 × 65,535",
    "gif with a frame of 60,000 × 60,000",
    "webp of 13,000 × 13,000",
    "bmp of 4000 × 3000 in 100 bytes",
    "jpeg of 65,000 × 65,000",
    "png cut off",
    "jpeg cut off",
]


def opened_elsewhere(path):
    """What became of an image in a process of its own."""
    command = [sys.executable, "-W", "error", __file__, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_does_not_go_off(seven, tmp_path, kind, long):
    body, says = bomb(kind, seven)
    assert len(body) < 8 * 2**20
    (tmp_path / "bomb.png").write_bytes(body)
    came = opened_elsewhere(tmp_path / "bomb.png")
    if says is None:
        assert came["error"] is None
    else:
        assert re.search(r"bomb\.png " + says, came["error"])
    assert came["megabytes"] <= 50
    assert came["seconds"] < (0.2 if long else 5)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_large_image_is_held_in_memory_once(tmp_path):
    """And the measure of memory sees it: 12.6 million pixels of 4 bytes."""
    width, height = 4096, 3072
    assert width * height == MAX_PIXELS
    (tmp_path / "large.png").write_bytes(file_of(Image.new("RGBA", (width, height), (0, 0, 0, 9)), compress_level=1))
    came = opened_elsewhere(tmp_path / "large.png")
    assert came["error"] is None
    assert 45 < came["megabytes"] <= 64


def test_one_pixel_more_than_the_largest_is_refused():
    body = png(MAX_PIXELS + 1, 1, 1, 0, lambda chunk: chunk(b"IDAT", zeros(MAX_PIXELS // 8 + 3)))
    with pytest.raises(WrongFile, match="has 12,582,913 × 1 pixels, more than 12,582,912: give a smaller image"):
        open_image(body)
    assert open_image(body.replace(body[8:33], png(MAX_PIXELS, 1, 1, 0, lambda chunk: b"")[8:33])).width == 1024


def test_a_file_too_large_is_refused_unread(tmp_path):
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(20 * 2**30)  # a hole, that takes no room on the disk
    began = time.monotonic()
    with pytest.raises(
        WrongFile, match=rf"large\.png is larger than {MAX_IMAGE_BYTES // 2**20} MB: give a smaller image"
    ):
        open_image(tmp_path / "large.png")
    assert time.monotonic() - began < 5


def test_only_the_first_frame_is_decoded(seven):
    body = many_frames(Image.fromarray(paper(seven)), 2)
    at = body.index(b",\0\0\0\0") + 40
    second = body.index(b",\0\0\0\0", at)
    spoiled = body[: second + 12] + b"\xff" * (len(body) - second - 12)
    with pytest.raises((OSError, EOFError, SyntaxError)):
        Image.open(io.BytesIO(spoiled)).seek(2)
    np.testing.assert_allclose(pixels_of(open_image(spoiled)), paper(seven), atol=0)


# ── Photographs ──────────────────────────────────────────────────────────────────────────────────────────────────────


def photograph(row, rng, *, light, noise, ink=0.75, blur=1.5):
    """A digit on paper, in slanting light, through a camera that is noisy and not quite in focus."""
    digit = as_a_picture(row).resize((260, 260), Image.Resampling.BICUBIC)
    sheet = Image.new("L", (480, 640))
    sheet.paste(digit, (int(rng.integers(20, 200)), int(rng.integers(20, 350))))
    strokes = np.asarray(sheet.filter(ImageFilter.GaussianBlur(blur)), float) / 255
    y, x = np.mgrid[-0.5:0.5:640j, -0.5:0.5:480j]
    angle = rng.uniform(0, 2 * np.pi)
    lit = 0.75 + light * (x * np.cos(angle) + y * np.sin(angle))
    return np.clip(lit * (1 - ink * strokes) + rng.normal(0, noise, lit.shape), 0, 1)


@pytest.mark.parametrize(("light", "noise"), [(0, 0.02), (0, 0.05), (0.2, 0), (0.4, 0), (0.4, 0.05)])
@pytest.mark.parametrize("dark_on_light", [True, False])
def test_a_photograph_in_slanting_light_gives_the_digit(digits, rng, light, noise, dark_on_light):
    # As near to the original as a clean picture of the same size and sharpness comes, within two fifths.
    rows = digits.validation.inputs[:40]
    errors = {"clean": [], "photograph": []}
    for row in rows:
        for kind, settings in (("clean", {"light": 0, "noise": 0}), ("photograph", {"light": light, "noise": noise})):
            shot = photograph(row, rng, **settings)
            errors[kind].append(np.abs(as_input(shot if dark_on_light else 1 - shot) - row).mean())
    assert np.mean(errors["photograph"]) < 1.4 * np.mean(errors["clean"])
    assert max(errors["photograph"]) < 0.12


def test_empty_paper_in_slanting_light_is_blank(rng):
    for light, noise in ((0.3, 0.03), (0.3, 0), (0, 0.05)):
        with pytest.raises(WrongValue, match="blank"):
            as_input(photograph(np.zeros(784), rng, light=light, noise=noise))


def test_a_digit_cut_so_close_that_there_is_hardly_any_paper(digits):
    for row in digits.validation.inputs[:60]:
        large = np.asarray(as_a_picture(row).resize((260, 260), Image.Resampling.BICUBIC), float) / 255
        rows, columns = np.flatnonzero((large > 0.2).any(axis=1)), np.flatnonzero((large > 0.2).any(axis=0))
        close = large[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert np.abs(as_input(1 - close) - row).mean() < 0.1


def open_alone(path):
    """Open an image; print what it raised, the seconds it took, and the megabytes by which the peak of memory rose."""

    def high_water():
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])

    for kind in IMAGE_FORMATS:  # so that what is loaded once is not counted
        open_image(file_of(Image.new("RGB", (9, 9)), kind))
    with pytest.raises(WrongFile):
        open_image(b"none")
    error, before, began = None, high_water(), time.perf_counter()
    try:
        as_input(open_image(path))
    except WrongFile as caught:
        error = str(caught)
    except WrongValue:
        pass  # a bomb may well be blank
    seconds, grown = time.perf_counter() - began, (high_water() - before) / 1024
    print(json.dumps({"error": error, "seconds": seconds, "megabytes": grown}))


if __name__ == "__main__":
    open_alone(sys.argv[1])
