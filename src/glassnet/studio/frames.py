"""Frames: a JSON header and arrays behind it, in one binary message.

The length of the header as four bytes, little-endian; the header, padded with spaces so that it ends at a multiple of 8;
the arrays, each beginning at a multiple of 8 bytes from the header's end, in C order, little-endian. The header's entry
``arrays`` says for each its name, dtype, shape and offset. JavaScript's typed arrays can look at them where they lie.

Subnormal float32 numbers, those between 0 and 1.2e-38 in size, are sent as 0 of the same sign: a page computes with every
number it is sent, and an Intel processor takes some 150 cycles for an operation on a subnormal one. float64 arrays are sent
as they are.

>>> header, arrays = unpack(pack({"type": "frame"}, {"a": np.array([0.5, 1.0])}))
>>> header, arrays["a"].tolist()
({'type': 'frame'}, [0.5, 1.0])
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import WrongValue

__all__ = ["DTYPES", "pack", "unpack"]

DTYPES = ("f4", "f8", "u1", "i4")
"""The types of numbers there are, as NumPy names them."""
_MOST = 100
"""Arrays in a message, at most, and letters in a name."""
_MAGNITUDE, _SIGN = np.uint32(0x7FFFFFFF), np.uint32(0x80000000)
"""The bits of a float32 that hold its size, and the one that holds its sign."""
_SUBNORMALS = np.uint32(0x7FFFFF)
"""How many subnormal sizes float32 has: their bits, read as whole numbers, are 1 to this."""


def pack(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """A message of this header (its entry ``arrays`` is made here) and these arrays, subnormal float32 numbers as 0.

    Errors: :class:`~glassnet.errors.WrongValue` for an array of another type, and a header that JSON cannot hold.
    """
    described, parts, at = [], [], 0
    for name, array in arrays.items():
        kind = f"{array.dtype.kind}{array.dtype.itemsize}"
        if kind not in DTYPES:
            raise WrongValue(f"the array {name} is of type {array.dtype}, expected one of {', '.join(DTYPES)}")
        numbers = np.ascontiguousarray(array, f"<{kind}")
        body = (_flushed(numbers) if kind == "f4" else numbers).tobytes()
        described.append({"name": name, "dtype": kind, "shape": list(array.shape), "offset": at})
        parts += [body, bytes(-len(body) % 8)]
        at += len(body) + -len(body) % 8
    try:
        text = json.dumps({**header, "arrays": described}, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongValue(f"a header must be what JSON can hold, with finite numbers: {error}") from error
    text += b" " * (-(4 + len(text)) % 8)
    return b"".join([struct.pack("<I", len(text)), text, *parts])


def _flushed(numbers: NDArray[Any]) -> NDArray[Any]:
    """float32 numbers with the subnormal ones as 0 of the same sign; the array itself where it has none.

    The bits are compared as whole numbers: comparing subnormal numbers as floats takes as long as computing with them.
    """
    bits = numbers.view("<u4")
    sizes = bits & _MAGNITUDE
    sizes -= np.uint32(1)  # 0 becomes the largest, so that one comparison finds the subnormal ones alone
    if not sizes.size or sizes.min() >= _SUBNORMALS:
        return numbers
    flushed: NDArray[Any] = bits & _MAGNITUDE
    flushed *= sizes >= _SUBNORMALS
    flushed |= bits & _SIGN
    return flushed


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The header of a message, without ``arrays``, and its arrays, which look at the message's own bytes (read-only).

    All that the header says is checked against the bytes that are there.

    Errors: :class:`~glassnet.errors.WrongValue` says what is wrong with a message that :func:`pack` cannot have made.
    """
    if len(data) < 4:
        raise WrongValue(f"a message must begin with the four bytes of its header's length, got {len(data)} bytes")
    length = int.from_bytes(data[:4], "little")
    if 4 + length > len(data) or (4 + length) % 8:
        raise WrongValue(
            f"a message says that its header has {length:,} bytes, which must end at a multiple of 8 within its "
            f"{len(data):,} bytes"
        )
    try:
        header = json.loads(data[4 : 4 + length].decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise WrongValue(f"a message's header must be JSON: {str(error)[:200]}") from error
    if not isinstance(header, dict):
        raise WrongValue("a message's header must be a JSON object")
    described = header.pop("arrays", [])
    if not isinstance(described, list) or len(described) > _MOST:
        raise WrongValue(f"a message's arrays must be a list of at most {_MOST}")
    arrays: dict[str, NDArray[Any]] = {}
    body, end = memoryview(data)[4 + length :].toreadonly(), 0
    for each in described:
        name, dtype, shape, at = _described(each)
        if name in arrays:
            raise WrongValue(f"a message has the array {name!r} twice")
        count = math.prod(shape)
        last = at + count * dtype.itemsize
        if at < end or at % 8 or last > len(body):
            raise WrongValue(
                f"the array {name!r} says that it lies at the bytes {at:,} to {last:,}: expected a multiple of 8 behind "
                f"the array before, within {len(body):,} bytes"
            )
        arrays[name] = np.frombuffer(body, dtype, count, at if count else 0).reshape(shape)
        end = last
    return header, arrays


def _described(each: Any) -> tuple[str, np.dtype[Any], tuple[int, ...], int]:
    """An array's name, dtype, shape and offset, each of the type it must have."""
    if not isinstance(each, dict) or sorted(each) != ["dtype", "name", "offset", "shape"]:
        raise WrongValue("each of a message's arrays must have a name, dtype, shape and offset")
    name, kind, shape, at = each["name"], each["dtype"], each["shape"], each["offset"]
    if not isinstance(name, str) or not 0 < len(name) <= _MOST:
        raise WrongValue(f"an array's name must be text of 1 to {_MOST} letters")
    if not isinstance(kind, str) or kind not in DTYPES:
        raise WrongValue(f"an array's dtype must be one of {', '.join(DTYPES)}, got {repr(kind)[:60]}")
    if not isinstance(shape, list) or len(shape) > 4 or not all(_is_count(size) for size in shape):
        raise WrongValue(f"an array's shape must be at most four whole numbers from 0, got {repr(shape)[:60]}")
    if not _is_count(at):
        raise WrongValue(f"an array's offset must be a whole number from 0, got {repr(at)[:60]}")
    return name, np.dtype(f"<{kind}"), tuple(shape), at


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**32


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")
