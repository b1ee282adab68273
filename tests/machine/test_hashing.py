"""Random numbers that are a function of where they are used: those of SplitMix64, as published."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numba import njit

from glassnet.machine import kernels
from glassnet.machine.hashing import hashed, mixed, uniform

MASK = 2**64 - 1
GAMMA = 0x9E3779B97F4A7C15
"""By which the state of SplitMix64 grows from one number to the next."""

WHOLE = st.integers(0, MASK)


def splitmix64(state):
    """The number that SplitMix64 (Steele, Lea and Flood, 2014) draws in this state, in Python's own integers."""
    z = (state + GAMMA) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


@pytest.mark.parametrize(
    ("seed", "published"),
    [
        # The first numbers of the generator's reference code (Vigna, splitmix64.c), as published in many places.
        (0, [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F, 0xF88BB8A8724C81EC, 0x1B39896A51A8749B]),
        (
            1234567,
            [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821],
        ),
    ],
)
def test_the_numbers_are_the_published_ones(seed, published):
    states = np.array([(seed + k * GAMMA) & MASK for k in range(len(published))], np.uint64)
    assert mixed(states).tolist() == published
    assert [splitmix64(state) for state in states.tolist()] == published


@given(st.lists(WHOLE, min_size=1, max_size=20))
def test_every_number_is_mixed_by_itself_and_wraps_around(numbers):
    array = np.array(numbers, np.uint64)
    assert mixed(array).tolist() == [splitmix64(number) for number in numbers]
    assert array.tolist() == numbers  # nothing is written into what is given


@given(st.lists(st.integers(0, 2**70), min_size=1, max_size=1), st.lists(st.integers(0, 2**63), max_size=4))
def test_whole_numbers_are_hashed_one_after_the_other(seed, parts):
    expected = seed[0] % 2**64  # a seed may be any whole number from 0
    for part in parts:
        expected = splitmix64((expected + part) & MASK)
    found = hashed(*seed, *parts)
    assert (found, found.dtype) == (expected, np.uint64)


def test_neither_the_order_nor_the_number_of_parts_is_lost():
    keys = [(0, 3, 1), (0, 1, 3), (0, 3), (0, 3, 1, 0), (1, 3, 1), (0, 3, 2), (5, 3, 1)]
    assert len({int(hashed(*key)) for key in keys}) == len(keys)
    # but the first two are added up, so a stream of numbers is told from another by a second part that is large
    assert hashed(0, 3, 1) == hashed(3, 0, 1)


def test_hashes_as_numbers_from_0_to_below_1():
    ends = np.array([0, 2**11 - 1, 2**11, 2**63, MASK], np.uint64)
    # The lowest 11 bits are left out: 53 are as many as a float64 keeps.
    assert uniform(ends).tolist() == [0, 0, 2.0**-53, 0.5, 1 - 2.0**-53]
    many = uniform(mixed(np.arange(100_000, dtype=np.uint64)))
    assert many.dtype == np.float64
    assert 0 <= many.min() <= many.max() < 1
    # Of 100,000 even numbers, a twentieth is in each twentieth: ± 5 standard deviations.
    counts = np.bincount((many * 20).astype(int), minlength=20)
    assert np.abs(counts - 5000).max() < 5 * np.sqrt(5000 * 0.95)
    assert abs(np.corrcoef(many[:-1], many[1:])[0, 1]) < 0.02  # and neighbors know nothing of each other


@njit
def each_mixed(x, out):
    for i in range(len(x)):
        out[i] = kernels.mixed(x[i])


def test_compiled_code_draws_the_same_numbers():
    x = np.random.default_rng(0).integers(0, MASK, 1000, np.uint64, endpoint=True)
    x[:3] = 0, 1, MASK
    out = np.zeros_like(x)
    each_mixed(x, out)
    assert np.array_equal(out, mixed(x))
