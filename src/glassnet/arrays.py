"""Which array library is this? The only module that asks.

The core is written once, against the Python array API standard (https://data-apis.org/array-api), and runs on NumPy,
PyTorch, CuPy, JAX or any library that array-api-compat knows. Everything else in glassnet asks :func:`namespace` for
the library of the arrays it was given and calls the standard's functions on it, here named ``xp``, as in the standard.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

import array_api_compat
import numpy as np
from numpy.typing import NDArray

from glassnet.errors import WrongValue

__all__ = ["Array", "device_of", "from_numpy", "library", "moved", "namespace", "to_numpy"]

Array: TypeAlias = Any
"""An array of whichever library the caller uses. Shapes are stated by jaxtyping, and checked while the tests run."""


def namespace(*arrays: Array) -> Any:
    """The array API functions of the library these arrays belong to.

    Errors: ``TypeError`` if the arrays belong to several libraries, or are no arrays.
    """
    # NumPy 2 is itself an array API library, and asking by type costs a tenth of asking array-api-compat: this is
    # called some forty times a minibatch.
    for array in arrays:
        if type(array) is not np.ndarray:
            return array_api_compat.array_namespace(*arrays)
    return np


def library(xp: ModuleType | Any) -> Any:
    """The array API functions of a library given as a module: ``library(torch)``, ``library(np)``.

    Errors: :class:`~glassnet.errors.WrongValue` if ``xp`` has no arrays.
    """
    if xp is np:
        return np
    try:
        return array_api_compat.array_namespace(xp.empty(0))
    except (AttributeError, TypeError) as error:
        raise WrongValue(f"xp must be an array library such as numpy or torch, not {xp!r}") from error


def device_of(array: Array) -> Any:
    """Where the array lives: ``"cpu"``, ``torch.device("cuda:0")``, …"""
    return array_api_compat.device(array)


def to_numpy(array: Array) -> NDArray[Any]:
    """The same numbers as a NumPy array in the computer's own memory; no copy where none is needed."""
    if isinstance(array, np.ndarray):
        return array
    if array_api_compat.is_torch_array(array):  # it may be on a GPU, and carry a tape: NumPy refuses both
        return array.detach().cpu().numpy()
    if array_api_compat.is_cupy_array(array):
        return array.get()
    return np.asarray(array)


def from_numpy(array: NDArray[Any], like: Array) -> Array:
    """``array`` in the library, with the dtype and on the device of ``like``; no copy where none is needed."""
    xp = namespace(like)
    if xp is np:
        return array.astype(like.dtype, copy=False)
    moved = xp.asarray(np.ascontiguousarray(array), device=device_of(like))
    return xp.astype(moved, like.dtype, copy=False)


def moved(array: Array, like: Array) -> Array:
    """``array``, of any library, in the library, with the dtype and on the device of ``like``; itself if it is there."""
    if type(array) is type(like) and array.dtype == like.dtype and device_of(array) == device_of(like):
        return array
    return from_numpy(to_numpy(array), like)
