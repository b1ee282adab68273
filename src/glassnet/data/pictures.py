"""Pictures made into inputs: digits as MNIST would have made them, anything else whole.

:func:`open_image` decodes a file within named limits. :func:`as_input` finds the ink, whatever the light and the colors,
scales it, centers it, and gives the numbers that a network takes; that is right for digits and letters. :func:`whole` takes
a picture as it is, a photograph for instance. :class:`Pictures` says which of the two a data set was made by: training on
image folders, drawing and predicting go through it, so that what is asked looks like what was learned.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from glassnet.errors import WrongFile, WrongValue

if TYPE_CHECKING:
    from PIL import Image

__all__ = [
    "IMAGE_FORMATS",
    "MAX_IMAGE_BYTES",
    "MAX_PIXELS",
    "SIDES",
    "Pictures",
    "as_input",
    "blank",
    "open_image",
    "scaled",
    "size_of",
    "whole",
]

IMAGE_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP")
"""The image decoders that are used; no other is ever tried."""
MAX_PIXELS = 4096 * 3072
"""The largest image that is decoded, 12.6 million pixels: a phone's photograph, 50 MB in memory. Of WebP, a quarter."""
MAX_IMAGE_BYTES = 32 * 2**20
"""The largest image file that is read, in bytes."""
SIDES = (4, 256)
"""The smallest and the largest side that pictures can be made into, in pixels."""
_STROKE = 0.2
"""The share of full ink from which a pixel belongs to a stroke."""
_UNEVEN = 0.01
"""A border that varies more than this, from the dimmest 0 to the brightest 1, is a photograph's."""
_FAINTEST = 0.03
"""What differs from the paper by less is no ink, however even the paper."""
_PAPER = 0.1
"""A border that varies by less may be paper, in whatever light; a photograph of anything else varies more."""


@dataclass(frozen=True, slots=True)
class Pictures:
    """How pictures become inputs.

    Attributes:
        side: their width and height then, in pixels: :data:`SIDES` says from where to where.
        center: whether the ink is cut out and centered as MNIST's digits were (:func:`as_input`); otherwise the picture is
            taken whole (:func:`whole`).

    >>> Pictures(16, center=False).input(np.zeros((40, 30))).shape
    (256,)

    Errors: :class:`~glassnet.errors.WrongValue` for a side out of its bounds.
    """

    side: int = 28
    center: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.side, bool) or not isinstance(self.side, int) or not SIDES[0] <= self.side <= SIDES[1]:
            raise WrongValue(
                f"the side of pictures must be a whole number from {SIDES[0]} to {SIDES[1]}, got {self.side!r:.40}"
            )
        if not isinstance(self.center, bool):
            raise WrongValue(f"center must be true or false, got {self.center!r:.40}")

    def input(self, image: Any) -> Float[NDArray[Any], " pixels"]:
        """A picture as an input: side² numbers, row by row, 0 to 1, float32.

        Errors: :class:`~glassnet.errors.WrongValue` if it is no picture, or blank and to be centered.
        """
        return as_input(image, self.side) if self.center else whole(image, self.side)


def open_image(source: str | Path | bytes, *, color: bool = False) -> Image.Image:
    """The first frame of an image file, or of its bytes, upright, transparency laid on white, at most 1024 wide.

    It is in gray ("L"), or in color ("RGB"). Only :data:`IMAGE_FORMATS` are decoded, and only up to :data:`MAX_PIXELS`, which
    is checked from the header.

    Errors: :class:`~glassnet.errors.WrongFile` if it is missing, empty, too large, damaged or no image; it names the file.
    """
    from PIL import Image, ImageOps

    name = "the image" if isinstance(source, bytes) else str(source)
    try:
        if isinstance(source, bytes):
            body = source
        else:
            with Path(source).open("rb") as file:
                body = file.read(MAX_IMAGE_BYTES + 1)
    except OSError as error:
        raise WrongFile(f"cannot read {name}: {error.strerror or error}") from error
    if not body:
        raise WrongFile(f"{name} is empty: expected an image ({', '.join(IMAGE_FORMATS)})")
    if len(body) > MAX_IMAGE_BYTES:
        raise WrongFile(f"{name} is larger than {MAX_IMAGE_BYTES // 2**20} MB: give a smaller image")
    try:
        with warnings.catch_warnings():
            # Pillow warns of large sizes and odd metadata; the limits below are our answer.
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(body), formats=IMAGE_FORMATS)
            width, height = image.size
            most = MAX_PIXELS // 4 if image.format == "WEBP" else MAX_PIXELS  # its decoder holds four copies
            if width * height <= most:
                mode = "RGB" if color else "L"
                image.draft(mode, (1024, 1024))  # lets JPEG decode straight to a smaller picture
                image.load()
                return ImageOps.exif_transpose(_small(image, mode))
    except Exception as error:  # on damaged files, Pillow's decoders raise errors of many types, which it does not list
        if type(error).__name__ == "DecompressionBombError":
            raise WrongFile(f"{name} is larger than {MAX_PIXELS:,} pixels: give a smaller image") from error
        raise WrongFile(
            f"{name} is not an image that can be read ({', '.join(IMAGE_FORMATS)}): it may be damaged, or not be what its "
            "name says"
        ) from error
    raise WrongFile(f"{name} has {width:,} × {height:,} pixels, more than {most:,}: give a smaller image")


def size_of(body: bytes) -> tuple[int, int] | None:
    """The width and height of an image file, as its header says; None if it is none that :func:`open_image` would decode."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Image.open(io.BytesIO(body), formats=IMAGE_FORMATS).size
    except Exception:  # on damaged files, Pillow's decoders raise errors of many types, which it does not list
        return None


def _small(image: Image.Image, mode: str = "L") -> Image.Image:
    """The image in gray or in color, on white, at most 1024 wide and high; band by band: no second large one is in memory."""
    from PIL import Image

    factor = -(-max(image.size) // 1024)
    width, height = image.size
    small = Image.new(mode, (-(-width // factor), -(-height // factor)))
    for top in range(0, height, 16 * factor):
        band = image.crop((0, top, width, min(top + 16 * factor, height)))
        if band.mode.startswith("I"):  # 16-bit gray: Pillow would clip it at 255 instead of scaling it
            band = Image.fromarray((np.asarray(band) >> 8).astype(np.uint8))
        elif band.has_transparency_data:
            band = Image.alpha_composite(Image.new("RGBA", band.size, "white"), band.convert("RGBA"))
        small.paste(band.convert(mode).reduce(factor), (0, top // factor))
    small.info = {key: value for key, value in image.info.items() if key != "transparency"}  # which way is up
    return small


def as_input(image: Any, side: int = 28) -> Float[NDArray[Any], " pixels"]:
    """A picture of a digit as MNIST would have made it: side² numbers, row by row, 0 (paper) to 1 (ink), float32.

    One function for training, drawing and labeling. Light on dark or dark on light is told by the border; the ink is cut
    out, scaled into a square of 20 (of 28) pixels keeping its shape, and moved so that its center of mass is at the
    center, pixel (14, 14). An image of MNIST itself comes back as it is (scaled so that its darkest pixel is 1).

    Args:
        image: a Pillow image (see :func:`open_image`), or an array (height, width) or (height, width, channels).
        side: the width and height of the result, at least 4.

    Errors: :class:`~glassnet.errors.WrongValue` if the image is blank, has another shape, or the side is too small.
    """
    from PIL import Image

    if side < 4:
        raise WrongValue(f"the side of an image must be at least 4 pixels, got {side}")
    gray = _ink(_gray(image))
    if not gray.any():
        raise WrongValue("the image is blank: expected a digit, dark on light or light on dark")
    cut = _cut_out(gray, gray > 0)
    box = max(1, round(side * 20 / 28))
    height, width = cut.shape
    if max(height, width) != box:
        # A stroke ends where its ink does, not where its blur or a JPEG's noise does.
        cut = _cut_out(gray, gray > _STROKE)
        height, width = cut.shape
        factor = box / max(height, width)
        size = (max(1, round(width * factor)), max(1, round(height * factor)))
        # Pillow's bilinear filter widens when shrinking, so every pixel of the drawing counts.
        scaled = Image.fromarray(cut.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
        cut = np.asarray(scaled, np.float32)
        cut = cut / max(float(cut.max()), 1e-6)  # thin strokes fade when shrunk; MNIST's reach full ink
    height, width = cut.shape
    mass = cut.sum()
    center_y = float((cut.sum(axis=1) @ np.arange(height)) / mass)
    center_x = float((cut.sum(axis=0) @ np.arange(width)) / mass)
    # Held within the frame: a mass far off its box's middle would otherwise push ink over the edge.
    top = min(max(round(side / 2 - center_y), 0), side - height)
    left = min(max(round(side / 2 - center_x), 0), side - width)
    field = np.zeros((side, side), np.float32)
    field[top : top + height, left : left + width] = cut
    return field.reshape(-1)


def whole(image: Any, side: int = 28, *, ink: bool = False) -> Float[NDArray[Any], " pixels"]:
    """A picture as it is, made side × side: side² numbers, row by row, 0 to 1, float32.

    Each number is the mean of the area it covers; nothing is moved or cut out, and a picture that is not square is squeezed.
    A photograph keeps its brightness. On light paper, which is told by an even border, ink is what is dark.

    Args:
        image: a Pillow image (see :func:`open_image`), or an array (height, width) or (height, width, channels).
        side: the width and height of the result, at least 4.
        ink: the numbers are ink already, as of a drawing on the screen: 0 is nothing, the most is full ink.

    Errors: :class:`~glassnet.errors.WrongValue` if the image has another shape, or the side is too small.
    """
    if side < 4:
        raise WrongValue(f"the side of an image must be at least 4 pixels, got {side}")
    gray = _gray(image, fixed=True)
    if not ink and _on_light_paper(gray):
        gray = 1 - gray
    height, width = gray.shape
    return np.clip(_areas(height, side) @ gray @ _areas(width, side).T, 0, 1).astype(np.float32).reshape(-1)


def _on_light_paper(gray: NDArray[Any]) -> bool:
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    paper = float(np.median(border))
    even = float(np.median(np.abs(border - paper))) <= _PAPER
    return even and paper > 0.25 and paper > float(gray.mean()) - 1e-3  # empty paper is as light as itself


@lru_cache(maxsize=64)  # the pictures of a data set are often of a few sizes
def _areas(length: int, parts: int) -> NDArray[Any]:
    """How much each of ``parts`` equal stretches covers of each of ``length`` pixels, each row with a sum of 1."""
    edges = np.arange(parts + 1) * length / parts
    pixels = np.arange(length)
    low, high = np.maximum(edges[:-1, None], pixels), np.minimum(edges[1:, None], pixels + 1)
    return np.maximum(high - low, 0) * (parts / length)


def _cut_out(gray: NDArray[Any], ink: NDArray[Any]) -> NDArray[Any]:
    """The part of the image that holds all the ink."""
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    return gray[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def blank(image: Any) -> bool:
    """Whether there is nothing drawn on the image."""
    return not _ink(_gray(image)).any()


def _gray(image: Any, fixed: bool = False) -> NDArray[Any]:
    """The image as a matrix of floating-point brightnesses; if ``fixed``, of bytes 255 is 1, whatever the brightest is."""
    if hasattr(image, "convert"):
        return np.asarray(image.convert("L"), np.float32) / 255
    try:
        pixels = np.asarray(image)
    except ValueError as error:  # lists within lists, of different lengths
        raise WrongValue(f"an image must have rows of equal length ({error})") from error
    if pixels.dtype.kind not in "fiub":
        raise WrongValue(f"an image must be an array of numbers, got dtype {pixels.dtype}")
    kind = pixels.dtype
    if pixels.ndim == 3 and pixels.shape[-1] in (1, 2, 3, 4):
        color = pixels[..., : 1 if pixels.shape[-1] < 3 else 3]
        pixels = color.mean(axis=-1)
    if pixels.ndim != 2 or 0 in pixels.shape:
        raise WrongValue(
            f"an image must have the shape (height, width) or (height, width, channels), got {pixels.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # a number too large becomes infinity
        pixels = pixels.astype(np.float32)
    if not np.isfinite(pixels).all():
        raise WrongValue("an image must be finite numbers, but this one has NaN or infinity")
    return pixels / (255 if fixed and kind == np.uint8 else max(float(np.abs(pixels).max()), 1.0))


def _ink(gray: NDArray[Any]) -> NDArray[Any]:
    """How much ink each pixel holds, 0 to 1, whatever the colors of ink and paper."""
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    paper = np.float32(np.median(border))
    uneven = float(np.median(np.abs(border - paper)))
    if uneven > _UNEVEN:
        return _ink_on_uneven_paper(gray)
    ink = gray - paper if paper <= gray.mean() else paper - gray
    return _above(ink, 4 * uneven)  # on a clean image this is 0, and nothing is cut


def _ink_on_uneven_paper(gray: NDArray[Any]) -> NDArray[Any]:
    """The ink of a photograph: of what is left when the light on the paper is taken away."""
    from PIL import Image

    # Averaging and a median take most of a camera's noise; a digit of 120 pixels is still six times what is needed.
    small = np.asarray(Image.fromarray(gray).reduce(max(1, min(gray.shape) // 120)), np.float32)
    padded = np.pad(small, 1, mode="edge")
    height, width = small.shape
    small = np.median([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)

    # The light is a smooth surface, a parabola in x and y, fitted to what is paper: all but what lies far off the last fit.
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].reshape(2, -1)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    values = small.reshape(-1)
    rest, is_paper = values, np.ones(values.size, bool)
    for _ in range(12):
        surface = np.linalg.lstsq(terms[is_paper], values[is_paper], rcond=None)[0]
        rest = values - terms @ surface
        spread = 1.4826 * float(np.median(np.abs(rest[is_paper] - np.median(rest[is_paper]))))
        is_paper = np.abs(rest - np.median(rest[is_paper])) <= 2.5 * max(spread, 1e-6)

    low, high = np.percentile(rest, [1, 99])
    ink = (rest if high >= -low else -rest).reshape(height, width)
    noise = max(5 * 1.4826 * float(np.median(np.abs(ink))), _FAINTEST)
    full = float(np.percentile(ink, 99.5))  # not the maximum: a speck may be darker than the ink
    if full > noise:
        return _above(np.minimum(ink, full), max(noise, 0.25 * full))
    if high - low < 0.3:
        return np.zeros_like(gray)  # nothing but light and noise
    # Cut so close that there is hardly any paper to fit: then half-way between the darkest and the lightest.
    paper = float(np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])))
    return _above(
        gray - paper if paper <= gray.mean() else paper - gray, 0.5 * float(np.ptp(np.percentile(gray, [2, 98])))
    )


def _above(ink: NDArray[Any], least: float) -> NDArray[Any]:
    """Ink above what is noise, as a share of the most."""
    peak = float(ink.max())
    if peak <= max(least, 1e-6):
        return np.zeros_like(ink, np.float32)
    return np.where(ink > least, ink, 0).astype(np.float32) / np.float32(peak)


def scaled(numbers: NDArray[Any]) -> NDArray[Any]:
    """Bytes become 0 to 1; other numbers are kept as they are."""
    scale = np.float32(255 if numbers.dtype == np.uint8 else 1)
    with np.errstate(over="ignore", invalid="ignore"):  # a number too large becomes infinity, which Dataset refuses
        return np.divide(numbers, scale, dtype=np.float32)
