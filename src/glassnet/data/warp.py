"""The compiled loops of :mod:`glassnet.data.deform`: random fields, smoothed; where each pixel looks; what it sees there.

All is float32 but the few numbers drawn for an image. An image is worked on in rows that are filled up to whole vectors,
in arrays that stay in the first cache: noise (a hash for each pixel, whose two halves are for the two directions), two
products with the matrix of the Gaussian, coordinates, samples. Costs are given for one image of side s, in operations.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import float32, int32

from glassnet.machine.compiled import compiled, entry
from glassnet.machine.kernels import mixed, product_narrow, product_wide
from glassnet.machine.vectors import NARROW, WIDE, copy, flushed, item, put, stay_apart

__all__ = ["DRAWS", "warp"]

DRAWS = 8
"""Random numbers that an image's affine map takes: the first ones of its stream; the rest are for its pixels."""
_LANES = NARROW // 4
_HALF = 24
"""Bits of a hash that make one uniform number of noise: as many as a float32 keeps."""


@entry
def warp(
    images: Any, rows: Any, side: int, key: Any, affine: Any, alpha: float, gauss: Any, out: Any, low: int, high: int,
    room: Any, places: Any,
) -> None:  # fmt: skip
    """The images ``rows[low]`` to below ``rows[high]``, deformed, into the same places of ``out``.

    Args:
        images: row after row, flat.
        rows: which of them, in which order.
        side: pixels in a row and in a column.
        key: of the random numbers, which depend on it and the image's row alone.
        affine: the largest rotation (radians), shear, scale and shift.
        alpha: how strong the elastic field is; 0: none.
        gauss: the matrix of the Gaussian filter, (side, padded), flat; symmetric.
        out: as many images as rows, flat.
        room: five arrays of side · padded numbers, and the image in its frame, (side + 3)²; a thread's own.
        places: side · padded whole numbers; a thread's own.
    """
    flushed(_warp, (images, rows, side, key, affine, alpha, gauss, out, low, high, room, places))


@compiled
def _warp(
    images: Any, rows: Any, side: int, key: Any, affine: Any, alpha: float, gauss: Any, out: Any, low: int, high: int,
    room: Any, places: Any,
) -> None:  # fmt: skip
    stay_apart()
    padded = -(-side // _LANES) * _LANES
    size, frame = side * padded, side + 3
    up, across, half = room[:size], room[size : 2 * size], room[2 * size : 3 * size]
    down, right = room[3 * size : 4 * size], room[4 * size : 5 * size]
    framed = room[5 * size : 5 * size + frame * frame]
    framed[:] = np.float32(0)
    if alpha == 0:
        up[:] = np.float32(0)
        across[:] = np.float32(0)
    for b in range(low, high):
        draw = mixed(key + np.uint64(rows[b]))
        turn, shear = affine[0] * _uniform(draw, 0), affine[1] * _uniform(draw, 1)
        tall, wide = 1 + affine[2] * _uniform(draw, 2), 1 + affine[2] * _uniform(draw, 3)
        move_down, move_right = affine[3] * _uniform(draw, 4), affine[3] * _uniform(draw, 5)
        c, s = math.cos(turn), math.sin(turn)
        if alpha != 0:
            _noise(draw, side, padded, up, across)
            _smooth(gauss, side, padded, up, half)
            _smooth(gauss, side, padded, across, half)
        # R(turn) · shear · scale, for (down, right): see glassnet.data.deform.
        _look(
            side, padded, np.float32((c - s * shear) * tall), np.float32(-s * wide),
            np.float32((s + c * shear) * tall), np.float32(c * wide),
            np.float32(move_down), np.float32(move_right), np.float32(alpha), up, across, places, down, right,
        )  # fmt: skip
        for i in range(side):
            copy(images, (rows[b] * side + i) * side, framed, (i + 1) * frame + 1, side)
        _sample(side, padded, framed, places, down, right, out, b * side * side)


@compiled
def _uniform(draw: Any, number: int) -> Any:
    """A number from −1 to below 1."""
    return np.float64(mixed(draw + np.uint64(number)) >> np.uint64(11)) * 2.0**-52 - 1.0


@compiled
def _noise(draw: Any, side: int, padded: int, up: Any, across: Any) -> None:
    """Two numbers from −1 to below 1 for every pixel, from the upper and the lower bits of one hash. Operations: 20 s²."""
    unit = np.float32(2.0 ** (1 - _HALF))
    for i in range(side):
        for j in range(side):
            h = mixed(draw + np.uint64(DRAWS + i * side + j))
            up[i * padded + j] = float32(int32(h >> np.uint64(64 - _HALF))) * unit - np.float32(1)
            across[i * padded + j] = float32(int32(h & np.uint64(2**_HALF - 1))) * unit - np.float32(1)


@compiled
def _smooth(gauss: Any, side: int, padded: int, field: Any, half: Any) -> None:
    """G F G: rows, then columns. A window that reaches over the whole image is no slower than a short one.

    Operations: 2 s² · padded.
    """
    wide = WIDE // 4
    for source, other, target in ((gauss, field, half), (half, gauss, field)):
        target[:] = np.float32(0)
        for first in range(0, padded, wide):
            if padded - first >= wide:
                product_wide(source, 0, padded, 1, side, other, first, padded, side, target, first, padded)
            else:
                product_narrow(source, 0, padded, 1, side, other, first, padded, side, target, first, padded)


@compiled
def _look(
    side: int, padded: int, a: Any, b: Any, c: Any, d: Any, move_down: Any, move_right: Any, alpha: Any,
    up: Any, across: Any, places: Any, down: Any, right: Any,
) -> None:  # fmt: skip
    """Where each pixel looks: the place of the pixel above and to the left, and how far below and right of it.

    Whoever looks out of the image looks at the frame around it, which is zero.
    """
    frame, middle = side + 3, np.float32((side - 1) / 2)
    least, most = np.float32(-1), np.float32(side)
    for i in range(side):
        from_middle = np.float32(i) - middle
        y0, x0 = a * from_middle + move_down + middle, c * from_middle + move_right + middle
        for j in range(padded):
            k, aside = i * padded + j, np.float32(j) - middle
            y, x = y0 + b * aside + alpha * up[k], x0 + d * aside + alpha * across[k]
            y, x = min(max(y, least), most), min(max(x, least), most)
            upper, left = np.floor(y), np.floor(x)
            places[k] = (int32(upper) + int32(1)) * int32(frame) + int32(left) + int32(1)
            down[k], right[k] = y - upper, x - left


@compiled
def _sample(side: int, padded: int, framed: Any, places: Any, down: Any, right: Any, out: Any, at: int) -> None:
    """What each pixel sees: the four pixels around the place, mixed by how near they are. Operations: 20 s²."""
    frame = side + 3
    for i in range(side):
        for j in range(side):
            k = i * padded + j
            place, y, x = np.intp(item(places, k)), item(down, k), item(right, k)
            above, below = item(framed, place), item(framed, place + frame)
            above += x * (item(framed, place + 1) - above)
            below += x * (item(framed, place + frame + 1) - below)
            put(out, at + i * side + j, above + y * (below - above))
