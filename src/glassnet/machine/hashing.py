"""Random numbers as a function of where they are used, so that any step can be replayed, alone, by any engine.

The function is SplitMix64 (Steele, Lea and Flood, 2014) used as a hash. A compiled engine computes it where it needs it;
this is how it reads in NumPy.

>>> hashed(0, 3, 1) == hashed(0, 3, 1), hashed(0, 3, 1) == hashed(0, 3, 2)
(np.True_, np.False_)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["hashed", "mixed", "uniform"]


def hashed(*parts: int) -> np.uint64:
    """Whole numbers, hashed one after the other into one of 64 bits. The first two are only added before that.

    So a seed is best followed by a large number that stands for what its random numbers are for.
    """
    key = np.full(1, parts[0] % 2**64, np.uint64)
    for part in parts[1:]:
        key = mixed(key + np.uint64(part))
    return key[0]


def mixed(x: NDArray[Any]) -> NDArray[Any]:
    """SplitMix64's step and finalizer, on arrays of 64-bit numbers that wrap around."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def uniform(x: NDArray[Any]) -> NDArray[Any]:
    """Hashes as numbers from 0 to below 1, evenly spread: the upper 53 bits."""
    return (x >> np.uint64(11)) * 2.0**-53
