"""Frames: what goes in comes out, and no lie is believed."""

import json
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from glassnet import GlassnetError, WrongValue
from glassnet.studio.frames import DTYPES, pack, unpack

some_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
headers = st.dictionaries(st.text().filter(lambda key: key != "arrays"), some_json, max_size=4)
numbers = st.sampled_from(DTYPES).flatmap(
    lambda kind: arrays(kind, array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))
)
messages = st.tuples(headers, st.dictionaries(st.text(min_size=1, max_size=9), numbers, max_size=3))


def flushed(array):
    """float32 numbers whose size, in float64, is below the smallest normal one are 0; all others stay."""
    if array.dtype != np.float32:
        return array
    size = np.abs(array.astype(np.float64))  # exact; float64 has no subnormal number of this size
    return np.where(size < 2.0**-126, np.float32(0), array)


@given(messages)
def test_what_is_packed_is_unpacked(message):
    header, given_arrays = message
    packed = pack(header, given_arrays)
    found, found_arrays = unpack(packed)
    assert found == header
    assert list(found_arrays) == list(given_arrays)
    for name, array in given_arrays.items():
        assert found_arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found_arrays[name], flushed(array))
    length = struct.unpack("<I", packed[:4])[0]
    assert (4 + length) % 8 == 0
    assert all(each["offset"] % 8 == 0 for each in json.loads(packed[4 : 4 + length])["arrays"])


@given(messages, st.data())
def test_a_changed_message_is_refused_or_read_within_its_bounds(message, data):
    packed = bytearray(pack(*message))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(packed) - 1))
        match data.draw(st.sampled_from(["change", "cut", "add"])):
            case "change":
                packed[at] = data.draw(st.integers(0, 255))
            case "cut":
                del packed[max(at, 1) :]
            case "add":
                packed[at:at] = data.draw(st.binary(min_size=1, max_size=9))
    try:
        header, found = unpack(bytes(packed))
    except WrongValue:
        return
    assert isinstance(header, dict)
    assert sum(array.nbytes for array in found.values()) <= len(packed)


@given(st.binary(max_size=200))
def test_noise_is_refused_by_a_sentence(noise):
    with suppress(GlassnetError):
        unpack(noise)


def raw(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-(4 + len(text)) % 8)
    return struct.pack("<I", len(text)) + text + body


def one(**changes):
    return {"arrays": [{"name": "a", "dtype": "f4", "shape": [2], "offset": 0, **changes}]}


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"", "four bytes"),
        (struct.pack("<I", 2**32 - 4), "4,294,967,292 bytes"),
        (struct.pack("<I", 3) + b"{}  ", "multiple of 8"),
        (raw(b"{"), "must be JSON"),
        (raw(b"\xff\xfe"), "must be JSON"),
        (raw(b'{"a": NaN}'), "NaN is no number"),
        (raw(b"[" * 100_000), "must be JSON"),
        (raw([]), "must be a JSON object"),
        (raw({"arrays": {}}), "must be a list"),
        (raw({"arrays": [3]}), "must have a name, dtype, shape and offset"),
        (raw(one(name=""), bytes(8)), "text of 1 to 100 letters"),
        (raw(one(dtype="O"), bytes(8)), "dtype must be one of"),
        (raw(one(dtype=["f4"]), bytes(8)), "dtype must be one of"),
        (raw(one(shape=[-2]), bytes(8)), "whole numbers from 0"),
        (raw(one(shape=[True]), bytes(8)), "whole numbers from 0"),
        (raw(one(shape=[1, 1, 1, 1, 2]), bytes(8)), "at most four"),
        (raw(one(shape=[3]), bytes(8)), "within 8 bytes"),
        (raw(one(shape=[2**31, 2**31, 2**31]), bytes(8)), "within 8 bytes"),
        (raw(one(offset=8), bytes(8)), "within 8 bytes"),
        (raw(one(offset=4), bytes(16)), "multiple of 8"),
        (raw(one(offset=-8), bytes(16)), "whole number from 0"),
        (raw(one(offset=2**70), bytes(16)), "whole number from 0"),
        (raw({"arrays": one()["arrays"] * 2}, bytes(16)), "twice"),
        (raw({"arrays": one(name="b", shape=[4])["arrays"] + one(offset=8)["arrays"]}, bytes(16)), "behind the array"),
    ],
)
def test_every_lie_is_named(message, says):
    with pytest.raises(WrongValue, match=says):
        unpack(message)


def test_what_cannot_be_packed_is_refused():
    with pytest.raises(WrongValue, match="the array a is of type int64"):
        pack({}, {"a": np.arange(3)})
    with pytest.raises(WrongValue, match="finite numbers"):
        pack({"cost": float("nan")}, {})
    with pytest.raises(WrongValue, match="what JSON can hold"):
        pack({"cost": {1, 2}}, {})


def test_arrays_come_read_only_and_big_endian_ones_are_turned():
    _, found = unpack(pack({}, {"a": np.arange(6, dtype=">f4").reshape(2, 3).T}))
    assert found["a"].tolist() == [[0, 3], [1, 4], [2, 5]]
    with pytest.raises(ValueError, match="read-only"):
        found["a"][0, 0] = 1


def test_subnormal_float32_numbers_are_0_of_the_same_sign_and_no_other_number_changes():
    least = np.finfo(np.float32).smallest_normal
    below, smallest = np.nextafter(least, np.float32(0)), np.finfo(np.float32).smallest_subnormal
    assert 1.17e-38 < below < least < 1.2e-38
    gone = np.array([1e-40, -1e-40, below, -below, smallest, -smallest], np.float32)
    kept = np.array([1.2e-38, -1.2e-38, least, -least, 0, -0.0, 1, -1, np.inf, -np.inf, np.nan, 3.4e38], np.float32)
    given_array = np.concatenate([gone, kept])
    before = given_array.tobytes()
    found = unpack(pack({}, {"a": given_array}))[1]["a"]
    assert found[: len(gone)].tobytes() == np.array([0.0, -0.0] * 3, np.float32).tobytes()
    assert found[len(gone) :].tobytes() == kept.tobytes()
    assert given_array.tobytes() == before  # what is sent is a copy
    big = unpack(pack({}, {"a": given_array.reshape(3, 6).T.astype(">f4")}))[1]["a"]  # of any layout and byte order
    assert big.tobytes() == np.ascontiguousarray(found.reshape(3, 6).T).tobytes()


def test_other_types_of_numbers_are_sent_as_they_are():
    doubles = np.array([1e-40, -1e-40, 5e-324, 2.3e-308, 0.0, -0.0, np.nan, -np.inf])
    wholes = np.array([0, 1, 0x7FFFFF, -(2**31)], np.int32)  # as float32, the bits of subnormal numbers
    found = unpack(pack({}, {"a": doubles, "b": wholes, "c": np.arange(4, dtype=np.uint8)}))[1]
    assert [found[name].tobytes() for name in "ab"] == [doubles.tobytes(), wholes.tobytes()]
    assert found["c"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,)])
def test_arrays_of_one_number_and_of_none_keep_their_shape(shape):
    found = unpack(pack({}, {"a": np.full(shape, 1e-40, np.float32)}))[1]["a"]
    assert found.shape == shape
    assert not found.any()
