"""What the compiled loops of deform promise to those who call them. What they come to: tests/data/test_deform.py."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.dispatcher import Dispatcher

from glassnet.data import deform, warp
from glassnet.data.deform import Affine, Deformer, Elastic
from glassnet.machine.hashing import hashed, mixed, uniform
from glassnet.machine.vectors import NARROW

GUARD = np.float32(-12345.5)
WILD = Elastic(rotation=180, shear=2, scale=0.9, shift=20, alpha=500, sigma=2)
"""Every pixel looks somewhere else, many of them far outside of the image."""


def padded(side):
    """Columns of a row that is filled up to whole vectors."""
    lanes = NARROW // 4
    return -(-side // lanes) * lanes


def arguments(images, rows, how, seed=0, guard=0):
    """What the loops are given but for low and high: images, rows, …, out, …, room, places; guards behind all three."""
    side = round(np.sqrt(images.shape[1]))
    size = side * padded(side)
    affine = np.array([np.radians(how.rotation), how.shear, how.scale, how.shift])
    out = np.full(len(rows) * side * side + guard, GUARD)
    room = np.full(5 * size + (side + 3) ** 2 + guard, GUARD)
    places = np.full(size + guard, -77, np.int32)
    alpha, sigma = float(getattr(how, "alpha", 0)), float(getattr(how, "sigma", 1))
    gauss = deform._gauss(side, sigma)
    key = hashed(seed, 5)
    return [images.reshape(-1), np.array(rows, np.int64), side, key, affine, alpha, gauss, out], [room, places]


def warped(images, rows, how, low=0, high=None, **options):
    """The images as the loops leave them, row after row; those that were not asked for hold the guard."""
    before, after = arguments(images, rows, how, **options)
    warp.warp(*before, low, len(rows) if high is None else high, *after)
    return before[-1].reshape(len(rows), images.shape[1])


@pytest.fixture
def images(rng):
    return rng.random((20, 28 * 28)).astype(np.float32)


# ── What is compiled ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_python_calls_is_compiled_and_lets_go_of_the_interpreter():
    assert isinstance(warp.warp, Dispatcher)
    assert warp.warp.targetoptions["nogil"]


def test_not_a_number_must_stay_one():
    for kernel in (warp.warp, warp._look, warp._sample, warp._smooth):
        assert not {"nnan", "ninf", "fast"} & set(kernel.targetoptions["fastmath"])


def test_one_form_of_the_loops_serves_all(images):
    # Compiling takes seconds: neither the size of the images, nor what is done to them, nor who gave them, asks for it.
    Deformer(images, Elastic())([0], 0)
    forms = len(warp.warp.signatures)
    read_only = images.copy()
    read_only.flags.writeable = False
    for given_images in (
        images,
        images[:, : 9 * 9],
        images.astype(np.float64),
        read_only,
        images[::-1],
        images[:, ::4],
    ):
        for how in (Affine(), Elastic(alpha=0), Elastic(alpha=1, sigma=1), Affine(1, 1, 0, 1)):
            Deformer(given_images, how, 3)(np.arange(5, dtype=np.int32), 7)
    assert len(warp.warp.signatures) == forms


def test_other_threads_of_python_go_on_meanwhile(images):
    # One call is given more and more to do, until another thread has been heard of five times while it lasted: which
    # needs Python's lock each time.
    warped(images, [0], Elastic())
    ticks, stop = [], threading.Event()

    def tick():
        while not stop.wait(0.002):
            ticks.append(time.perf_counter())

    other = threading.Thread(target=tick)
    other.start()
    try:
        for rounds in (1000, 3000, 10_000):
            before, after = arguments(images, list(range(20)) * rounds, Elastic())
            began = time.perf_counter()
            warp.warp(*before, 0, 20 * rounds, *after)
            ended = time.perf_counter()
            # Not those of its first and last moments, when it is Python itself.
            inside = [each for each in ticks if began + 0.02 < each < ended - 0.02]
            if len(inside) >= 5:
                break
        else:
            pytest.fail(f"in a call of {ended - began:.2f} seconds, another thread was heard of {len(inside)} times")
    finally:
        stop.set()
        other.join()


# ── What is read and written ─────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=60)
@given(st.integers(1, 40), st.integers(0, 6), st.integers(0, 2**32), st.booleans())
def test_nothing_but_the_image_is_read_and_nothing_but_its_place_is_written(side, low, seed, bent):
    # Its neighbors are not a number: one of them, if read, would be seen. Sides of all remainders of a vector.
    how = WILD if bent else Affine(180, 2, 0.9, 20)
    images = np.full((3, side * side), np.nan, np.float32)
    images[1] = np.random.default_rng(seed).random(side * side)
    kept = images.copy()
    before, after = arguments(images, [1] * 8, how, seed, guard=64)
    (*_, out), (room, places) = before, after
    warp.warp(*before, low, low + 2, *after)
    size = side * side
    assert np.isfinite(out[low * size : (low + 2) * size]).all()
    assert (out[: low * size] == GUARD).all()
    assert (out[(low + 2) * size :] == GUARD).all()
    assert (room[-64:] == GUARD).all()
    assert (places[-64:] == -77).all()
    assert np.array_equal(images, kept, equal_nan=True)
    # A pixel is a mixture of the image's, or of what is around it, which is 0.
    assert out[low * size : (low + 2) * size].min() >= 0
    assert out[low * size : (low + 2) * size].max() <= images[1].max() * (1 + 1e-6)


def test_no_images_are_nothing(images):
    for rows, low, high in (([], 0, 0), ([3, 4], 1, 1)):
        assert (warped(images, rows, WILD, low, high) == GUARD).all()


@pytest.mark.parametrize("side", [1, 2, 7, 8, 9, 16, 28, 31, 33])
def test_without_a_deformation_an_image_is_what_it_was(rng, side):
    images = rng.normal(0, 1, (4, side * side)).astype(np.float32)  # numbers below 0 too
    assert np.array_equal(warped(images, [2, 0, 2], Affine(0, 0, 0, 0)), images[[2, 0, 2]])
    assert np.array_equal(warped(images, [3], Elastic(0, 0, 0, 0, alpha=0)), images[[3]])


def test_what_is_moved_out_of_sight_is_gone(rng):
    images = rng.random((50, 49)).astype(np.float32)
    assert (warped(images, range(50), Affine(0, 0, 0, 1000)) == 0).all(axis=1).sum() > 45


# ── The same bytes ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("how", [Affine(), Elastic(), WILD], ids=["affine", "elastic", "wild"])
def test_two_threads_write_the_same_bytes_as_one(images, how):
    rows = np.random.default_rng(1).integers(0, 20, 101)
    expected = warped(images, rows, how)
    for cuts in ((0, 50, 101), (0, 1, 101), (0, 0, 33, 34, 101)):
        before, after = arguments(images, rows, how)

        def part(low, high, before=before, after=after):
            warp.warp(*before, low, high, *(array.copy() for array in after))

        with ThreadPoolExecutor(4) as pool:
            for done in [pool.submit(part, low, high) for low, high in pairwise(cuts)]:
                done.result()
        assert before[-1].tobytes() == expected.tobytes()


def test_what_an_image_becomes_depends_on_its_row_and_the_key_alone(images):
    rows = [7, 3, 7, 19, 0]
    out = warped(images, rows, Elastic())
    assert np.array_equal(out[0], out[2])
    for place, row in enumerate(rows):  # whatever was in the room before
        assert np.array_equal(warped(images, [row], Elastic())[0], out[place])
    assert not np.array_equal(warped(images, rows, Elastic(), seed=1)[0], out[0])
    same = np.tile(images[:1], (20, 1))
    apart = warped(same, range(20), Elastic())
    assert len({row.tobytes() for row in apart}) == 20


# ── What is drawn ────────────────────────────────────────────────────────────────────────────────────────────────────


def drawn(row, numbers, seed=0):
    """An image's random numbers from −1 to below 1, in NumPy."""
    draw = mixed(np.array([int(hashed(seed, 5))], np.uint64) + np.uint64(row))
    return 2 * uniform(mixed(draw + np.arange(numbers, dtype=np.uint64))) - 1


def sampled(image, down, right):
    """What pixels see that look there: the four around, by how near they are, and 0 outside; in NumPy, in float64."""
    side = len(image)
    framed = np.pad(image.astype(float), 2)
    down, right = np.clip(down, -1, side) + 2, np.clip(right, -1, side) + 2
    i, j = np.floor(down).astype(int), np.floor(right).astype(int)
    y, x = down - i, right - j
    framed = np.pad(framed, ((0, 1), (0, 1)))
    return (
        (1 - y) * (1 - x) * framed[i, j]
        + (1 - y) * x * framed[i, j + 1]
        + y * (1 - x) * framed[i + 1, j]
        + y * x * framed[i + 1, j + 1]
    )


@pytest.mark.parametrize("side", [5, 28])
@pytest.mark.parametrize(
    "how",
    [Affine(30, 0, 0, 0), Affine(0, 0.5, 0, 0), Affine(0, 0, 0.5, 0), Affine(0, 0, 0, 3), Affine(40, 0.3, 0.3, 4)],
)
def test_the_affine_map_is_the_formula_with_the_numbers_drawn_for_the_image(rng, side, how):
    # q = m + R(θ) [[1, 0], [k, 1]] diag(v, h) (p − m) + t, for (down, right), as the page of deform has it.
    images = rng.random((6, side * side)).astype(np.float32)
    out = warped(images, range(6), how)
    at = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij")).reshape(2, -1) - (side - 1) / 2
    for row in range(6):
        turn, shear, tall, wide, *move = drawn(row, 6)
        angle = np.radians(how.rotation) * turn
        rotated = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        slanted = np.array([[1, 0], [how.shear * shear, 1]])
        stretched = np.diag([1 + how.scale * tall, 1 + how.scale * wide])
        looks = rotated @ slanted @ stretched @ at + how.shift * np.array(move)[:, None] + (side - 1) / 2
        expected = sampled(images[row].reshape(side, side), *looks)
        assert np.abs(out[row] - expected).max() < 1e-5 * side


def test_the_elastic_field_is_smoothed_noise_with_the_numbers_drawn_for_the_image(rng):
    side, how = 12, Elastic(0, 0, 0, 0, alpha=8, sigma=1.5)
    images = rng.random((3, side * side)).astype(np.float32)
    out = warped(images, range(3), how)
    reach = int(4 * how.sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / how.sigma) ** 2)
    weights /= weights.sum()
    pixels = np.stack(np.meshgrid(np.arange(side), np.arange(side), indexing="ij")).astype(float)
    for row in range(3):
        draw = mixed(np.array([int(hashed(0, 5))], np.uint64) + np.uint64(row))
        hashes = mixed(draw + np.uint64(warp.DRAWS) + np.arange(side * side, dtype=np.uint64))
        halves = hashes >> np.uint64(40), hashes & np.uint64(2**24 - 1)
        field = []
        for half in halves:  # 24 bits for each direction, from −1 to below 1
            noise = (half.astype(float) * 2.0**-23 - 1).reshape(side, side)
            for axis in (0, 1):
                noise = np.apply_along_axis(np.convolve, axis, np.pad(noise, reach), weights, "same")[
                    reach:-reach, reach:-reach
                ]
            field.append(how.alpha * noise)
        expected = sampled(images[row].reshape(side, side), *(pixels + field))
        assert np.abs(out[row] - expected.reshape(-1)).max() < 1e-4


def test_the_affine_draws_and_those_of_the_pixels_are_different_ones():
    assert warp.DRAWS >= 6
    x = np.zeros((1, 64), np.float32)
    x[0, 27] = 1
    # The same image with and without an elastic part too small to be seen: the affine part is the same.
    faint = Elastic(20, 0.2, 0.2, 1, alpha=1e-6)
    assert warped(x, [0], faint) == pytest.approx(warped(x, [0], Affine(20, 0.2, 0.2, 1)), abs=1e-4)
