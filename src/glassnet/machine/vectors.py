"""The machine's vectors: the few instructions that Numba has no Python word for. All of them are on this page.

A processor's vector register holds several numbers side by side, and adds or multiplies all of them in one instruction.
Numba lets LLVM find loops that can be done so, but a sum kept over a loop with jumps in it (the inks of an image) goes
back to memory at every turn. Here a vector is a value that a compiled function can hold in a variable, so its loop can
keep it in a register:

    total = zeros(W, WIDE)                             # 32 float32 on a machine with 512-bit registers
    for i in range(first, last):
        total = fma(value[i], load(W, place[i], WIDE), total)
    store(z, at, total)

Sizes are in bytes, so that the same page serves float32 and float64. Indices are not checked and do not count from the
end. :func:`exp` and :func:`tanh` are here because LLVM has no vector form of them. :func:`flushed` runs a function with
numbers too small to matter taken for 0. :func:`arrive` and :func:`await_all` let threads wait for each other without the
operating system, whose waking takes longer than a minibatch.
"""

from __future__ import annotations

import math
import sys
import time
from typing import Any

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, models, overload, register_model
from numpy.typing import NDArray

__all__ = [
    "DONE", "LIMIT", "NARROW", "OVER", "WIDE", "Vector", "add", "arrive", "await_all", "blank", "copy", "exp",
    "flushed", "fma", "item", "load", "log1p", "nanoseconds", "new_meeting", "prefetch", "put", "stay_apart", "store",
    "tanh", "turn", "zeros",
]  # fmt: skip


def _register_bytes() -> int:
    """How many bytes a vector register of this machine holds."""
    features = binding.get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


NARROW = _register_bytes()
"""Bytes of a vector that fills one register."""
WIDE = 2 * NARROW
"""Bytes of a vector that fills two: twice the work for each number that is fetched to be multiplied with it."""


class Vector(types.Type):
    """Numba's type of ``lanes`` numbers of one ``dtype``, side by side in a register."""

    def __init__(self, dtype: Any, size: int) -> None:
        self.dtype = dtype
        self.lanes = size * 8 // dtype.bitwidth
        super().__init__(f"Vector({dtype}, {self.lanes})")


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector) -> None:
        element = ir.FloatType() if kind.dtype == types.float32 else ir.DoubleType()
        super().__init__(manager, kind, ir.VectorType(element, kind.lanes))


def _pointer(context: Any, builder: Any, kind: Any, array: Any, at: Any, vector: Any) -> Any:
    data = cgutils.create_struct_proxy(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [at]), vector.as_pointer())


def _splat(builder: Any, number: Any, vector: Any) -> Any:
    """The number in every lane."""
    lane = ir.IntType(32)
    none = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(none, number, lane(0))
    return builder.shuffle_vector(first, none, ir.Constant(ir.VectorType(lane, vector.count), None))


@intrinsic
def item(typing: Any, array: Any, at: Any) -> Any:
    """The one number at this index. (In ``array[at]``, every index is first asked whether it counts from the end.)"""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = cgutils.create_struct_proxy(array)(context, builder, arguments[0]).data
        return builder.load(builder.gep(data, [arguments[1]]))

    return array.dtype(array, types.intp), code


@intrinsic
def put(typing: Any, array: Any, at: Any, number: Any) -> Any:
    """Write one number at this index, as ``item`` reads it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = cgutils.create_struct_proxy(array)(context, builder, arguments[0]).data
        value = context.cast(builder, arguments[2], number, array.dtype)
        builder.store(value, builder.gep(data, [arguments[1]]))
        return context.get_dummy_value()

    return types.void(array, types.intp, number), code


@intrinsic
def load(typing: Any, array: Any, at: Any, size: Any) -> Any:
    """``size`` bytes of the array, from index ``at``."""
    if not isinstance(size, types.IntegerLiteral):
        return None
    vector = Vector(array.dtype, size.literal_value)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(vector)
        pointer = _pointer(context, builder, array, arguments[0], arguments[1], kind)
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return vector(array, types.intp, size), code


@intrinsic
def store(typing: Any, array: Any, at: Any, vector: Any) -> Any:
    """Write the vector into the array, from index ``at``."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, array, arguments[0], arguments[1], arguments[2].type)
        builder.store(arguments[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, vector), code


@intrinsic
def zeros(typing: Any, array: Any, size: Any) -> Any:
    """A vector of ``size`` bytes of zeros, of the array's dtype."""
    if not isinstance(size, types.IntegerLiteral):
        return None
    vector = Vector(array.dtype, size.literal_value)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(context.get_value_type(vector), None)

    return vector(array, size), code


@intrinsic
def fma(typing: Any, number: Any, vector: Any, total: Any) -> Any:
    """``number`` · vector + total, in one instruction where the machine has it."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = arguments[1].type
        name = f"llvm.fmuladd.v{kind.count}f{vector.dtype.bitwidth}"
        operation = cgutils.get_or_insert_function(builder.module, ir.FunctionType(kind, [kind] * 3), name)
        return builder.call(operation, [_splat(builder, arguments[0], kind), *arguments[1:]])

    return vector(vector.dtype, vector, vector), code


@intrinsic
def add(typing: Any, a: Any, b: Any) -> Any:
    """The sum of two vectors."""
    return a(a, a), lambda context, builder, signature, arguments: builder.fadd(*arguments)


@intrinsic
def blank(typing: Any, vector: Any) -> Any:
    """Whether all numbers of the vector are zero."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(arguments[0].type, None)
        lanes = builder.bitcast(builder.fcmp_unordered("!=", arguments[0], zero), ir.IntType(vector.lanes))
        return builder.icmp_unsigned("==", lanes, ir.Constant(lanes.type, 0))

    return types.boolean(vector), code


@intrinsic
def copy(typing: Any, source: Any, at: Any, target: Any, to: Any, count: Any) -> Any:
    """Copy ``count`` numbers."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        read, write = (
            builder.gep(cgutils.create_struct_proxy(kind)(context, builder, array).data, [index])
            for kind, array, index in ((source, *arguments[:2]), (target, *arguments[2:4]))
        )
        cgutils.raw_memcpy(builder, write, read, arguments[4], source.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(source, types.intp, target, types.intp, types.intp), code


@intrinsic
def turn(typing: Any, source: Any, at: Any, row: Any, target: Any, to: Any, column: Any, size: Any) -> Any:
    """Write a square of numbers, as many a side as fit into ``size`` bytes, with rows and columns exchanged.

    The rows begin ``row`` numbers apart in the source, from ``at``; as columns, ``column`` apart in the target, from ``to``.
    """
    if not isinstance(size, types.IntegerLiteral):
        return None
    vector = Vector(source.dtype, size.literal_value)

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, lanes, lane = context.get_value_type(vector), vector.lanes, ir.IntType(32)
        at, row, to, column = arguments[1], arguments[2], arguments[4], arguments[5]

        def pointer(number: int, array: Any, index: int, first: Any, step: Any) -> Any:
            place = builder.add(first, builder.mul(step, step.type(number)))
            return _pointer(context, builder, array, arguments[index], place, kind)

        align = source.dtype.bitwidth // 8
        rows = [builder.load(pointer(i, source, 0, at, row), align=align) for i in range(lanes)]
        # Exchange the off-diagonal quarters of squares of side 2, 4, 8, …: afterwards, all rows are columns.
        half = 1
        while half < lanes:
            for i in range(lanes):
                if not i & half:
                    upper = [c if not c & half else lanes + c - half for c in range(lanes)]
                    lower = [c + half if not c & half else lanes + c for c in range(lanes)]
                    masks = [ir.Constant(ir.VectorType(lane, lanes), mask) for mask in (upper, lower)]
                    pair = rows[i], rows[i + half]
                    rows[i], rows[i + half] = (builder.shuffle_vector(*pair, mask) for mask in masks)
            half *= 2
        for i in range(lanes):
            builder.store(rows[i], pointer(i, target, 3, to, column), align=align)
        return context.get_dummy_value()

    return types.void(source, types.intp, types.intp, target, types.intp, types.intp, size), code


@intrinsic
def prefetch(typing: Any, array: Any, at: Any) -> Any:
    """Have the cache line at this index brought from memory, and do not wait for it. Any index is allowed."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        data = cgutils.create_struct_proxy(array)(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), byte)
        operation = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [byte, number, number, number]), "llvm.prefetch.p0"
        )
        builder.call(operation, [pointer, number(0), number(3), number(1)])  # to read; to all caches; data
        return context.get_dummy_value()

    return types.void(array, types.intp), code


# ── exp and tanh, which LLVM's loops can do side by side ─────────────────────────────────────────────────────────────


@intrinsic
def _power_of_two(typing: Any, n: Any) -> Any:
    """2ⁿ as float32, for n from −126 to 127: n goes where a float32 keeps its exponent."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.shl(builder.add(arguments[0], ir.IntType(32)(127)), ir.IntType(32)(23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.int32), code


_LOWEST, _HIGHEST = np.float32(-87.3), np.float32(88.3)
_PER_LN2 = np.float32(1 / math.log(2))
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_E = tuple(np.float32(1 / math.factorial(k)) for k in range(8))
_HALF, _ONE, _TWO, _ZERO32 = np.float32(0.5), np.float32(1), np.float32(2), np.float32(0)
_SMALL = np.float32(0.3)
_L = tuple(np.float32(1 / k) for k in (3, 5, 7, 9, 11, 13))
_T = tuple(np.float32(c) for c in (-1 / 3, 2 / 15, -17 / 315, 62 / 2835))


@njit(error_model="numpy", forceinline=True)
def _exp32(x: Any) -> Any:
    # x = n ln 2 + r with |r| ≤ ½ ln 2, so eˣ = 2ⁿ eʳ, and eʳ is its Taylor polynomial to within 1e-7. No fastmath here:
    # the two parts of ln 2 are to be subtracted one after the other. NaN stays NaN.
    x = _LOWEST if x < _LOWEST else x
    x = _HIGHEST if x > _HIGHEST else x
    n = np.floor(x * _PER_LN2 + _HALF)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    p = _E[0] + r * (_E[1] + r * (_E[2] + r * (_E[3] + r * (_E[4] + r * (_E[5] + r * (_E[6] + r * _E[7]))))))
    return p * _power_of_two(np.int32(n if n == n else _ZERO32))


@njit(error_model="numpy", forceinline=True)
def _tanh32(x: Any) -> Any:
    # (1 − e^(−2|x|)) / (1 + e^(−2|x|)), and its own series near 0, where that difference would lose digits.
    size = abs(x)
    e = _exp32(-_TWO * size)
    far = (_ONE - e) / (_ONE + e)
    s = x * x
    near = size * (_ONE + s * (_T[0] + s * (_T[1] + s * (_T[2] + s * _T[3]))))
    t = near if size < _SMALL else far
    return -t if x < _ZERO32 else t


@njit(error_model="numpy", forceinline=True)
def _log1p32(x: Any) -> Any:
    # ln(1 + x) = 2 artanh(s) with s = x / (2 + x), which is at most 1/3 for x up to 1.
    s = x / (_TWO + x)
    q = s * s
    return _TWO * s * (_ONE + q * (_L[0] + q * (_L[1] + q * (_L[2] + q * (_L[3] + q * (_L[4] + q * _L[5]))))))


def exp(x: Any) -> Any:
    """eˣ: of a float32, within 3 units in the last place and from e⁻⁸⁷ to e⁸⁸; of a float64, as the C library has it."""
    return np.exp(x)


def tanh(x: Any) -> Any:
    """tanh x, to the precision of :func:`exp`."""
    return np.tanh(x)


def log1p(x: Any) -> Any:
    """ln(1 + x) for x from 0 to 1, to the precision of :func:`exp`."""
    return np.log1p(x)


@overload(exp)
def _exp(x: Any) -> Any:
    def single(x: Any) -> Any:
        return _exp32(x)

    def double(x: Any) -> Any:
        return math.exp(x)

    return single if x == types.float32 else double


@overload(tanh)
def _tanh(x: Any) -> Any:
    def single(x: Any) -> Any:
        return _tanh32(x)

    def double(x: Any) -> Any:
        return math.tanh(x)

    return single if x == types.float32 else double


@overload(log1p)
def _log1p(x: Any) -> Any:
    def single(x: Any) -> Any:
        return _log1p32(x)

    def double(x: Any) -> Any:
        return math.log1p(x)

    return single if x == types.float32 else double


# ── Numbers too small to matter ──────────────────────────────────────────────────────────────────────────────────────
#
# Below the smallest normal number (1.2e-38 in float32, 2.2e-308 in float64) a format has "subnormal" numbers, with fewer and
# fewer digits. Intel's processors take some 150 cycles for an operation on one, AMD's none more than for another. A training
# makes ever more of them: 0.9 m rounds to m itself down there, so the running averages of neurons that are silent and of
# pixels that are never lit stay subnormal for ever; so do decayed weights, and the errors of outputs that are sure. Each
# thread has a control word that tells its processor to take them for 0: those that come out of an operation (flush to zero)
# and those that go in (denormals are zero). It belongs to whoever called us, so it is put back before we return.

_WORDS = {
    "x86": (
        "llvm.x86.sse.stmxcsr",
        "llvm.x86.sse.ldmxcsr",
        1 << 15 | 1 << 6,
    ),  # MXCSR: flush to zero, denormals are zero
    "arm": ("llvm.aarch64.get.fpcr", "llvm.aarch64.set.fpcr", 1 << 24),  # FPCR: FZ, which does both
}
"""How the control word is read and written, and its bits that matter here, by kind of processor."""


def _machine() -> str:
    """The processor that LLVM writes code for: Python's own answer may be another where a program runs in emulation."""
    return binding.get_process_triple().partition("-")[0]


def _kind_of_processor(machine: str) -> str | None:
    """Which of the kinds of ``_WORDS`` a machine is; None for others, whose control word is left as it is."""
    machine = machine.lower()
    x86 = machine in ("x86_64", "amd64", "x64", "x86") or (machine[:1] == "i" and machine[2:] == "86")
    return "x86" if x86 else "arm" if machine in ("aarch64", "arm64") else None


def _read_word(builder: Any, kind: str) -> Any:
    name = _WORDS[kind][0]
    if kind == "arm":
        return builder.call(
            cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.IntType(64), []), name), []
        )
    place = cgutils.alloca_once(builder, ir.IntType(32))
    builder.call(_through_memory(builder, name), [builder.bitcast(place, ir.IntType(8).as_pointer())])
    return builder.load(place)


def _write_word(builder: Any, kind: str, word: Any) -> None:
    name = _WORDS[kind][1]
    if kind == "arm":
        write = ir.FunctionType(ir.VoidType(), [ir.IntType(64)])
        builder.call(cgutils.get_or_insert_function(builder.module, write, name), [word])
        return
    place = cgutils.alloca_once(builder, ir.IntType(32))
    builder.store(word, place)
    builder.call(_through_memory(builder, name), [builder.bitcast(place, ir.IntType(8).as_pointer())])


def _through_memory(builder: Any, name: str) -> Any:
    kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer()])
    return cgutils.get_or_insert_function(builder.module, kind, name)


def _apart(builder: Any, kind: str | None, call: Any) -> Any:
    """What ``call`` emits, between setting the control word and putting it back."""
    if kind is None:
        return call()
    word = _read_word(builder, kind)
    _write_word(builder, kind, builder.or_(word, word.type(_WORDS[kind][2])))
    found = call()
    _write_word(builder, kind, word)
    return found


@intrinsic
def stay_apart(typing: Any) -> Any:
    """Keep the function that this stands in a function of its own in the machine code, never put in place of a call."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), code


def _check_apart(kernel: Any) -> None:
    if not any(b"noinline" in each for each in kernel.library.get_function(kernel.fndesc.llvm_func_name).attributes):
        raise TypingError("what is computed while subnormal numbers are taken for 0 must begin with stay_apart()")


@intrinsic
def flushed(typing: Any, kernel: Any, arguments: Any) -> Any:
    """Call a compiled function with subnormal numbers taken for 0; the thread's control word is as before afterwards.

    ``flushed(kernel, (a, b))`` is ``kernel(a, b)``. The kernel must begin with ``stay_apart()``: LLVM believes that arithmetic
    does not depend on the control word, and would move it to where the word is another. What the kernel computes must
    therefore go into arrays, too: it returns nothing. Should it raise, the word is put back all the same.

    Errors: Numba's ``TypingError``, while compiling, for a kernel that returns something or does not stay apart.
    """
    signature = kernel.get_call_type(typing, tuple(arguments), {})
    if signature.return_type != types.none:
        raise TypingError(
            "what is computed while subnormal numbers are taken for 0 must be written into arrays, not returned"
        )

    def code(context: Any, builder: Any, _: Any, values: Any) -> Any:
        found = kernel.dispatcher.overloads[signature.args]
        _check_apart(found)
        context.active_code_library.add_linking_library(found.library)
        given = [
            context.cast(builder, value, mine, its)
            for value, mine, its in zip(
                cgutils.unpack_tuple(builder, values[1]), arguments, signature.args, strict=True
            )
        ]
        status, _ = _apart(
            builder,
            _kind_of_processor(_machine()),
            lambda: context.call_internal_no_propagate(builder, found.fndesc, signature, given),
        )
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return context.get_dummy_value()

    return types.none(kernel, arguments), code


# ── Threads that wait for each other ─────────────────────────────────────────────────────────────────────────────────
#
# A thread that waits looks at a counter, awake: to be woken by the operating system takes some 50 microseconds, and most waits
# are shorter. But where others compute, too, the thread that is waited for may not be running at all, for some milliseconds;
# whoever waits awake then keeps a core from it. So the longer it takes, the more it gives way: look; look, and let whoever is
# ready have the core first; sleep until the next arrival. Sleeping is there on Linux (futex); elsewhere it stays at the second.

_LOOKS = 2000
"""Looks before a waiting thread begins to let others have its core: a few microseconds."""
_TURNS = 200
"""Times that a waiting thread lets others have its core before it sleeps: some 50 to 100 microseconds where nobody wants it."""
_SLEEP = 10_000_000
"""Nanoseconds after which a sleeping thread looks by itself."""
_FUTEX = {"x86_64": 202, "aarch64": 98}.get(_machine()) if sys.platform == "linux" and sys.maxsize > 2**32 else None
"""The number of the system call, by which Linux lets a thread sleep until it is woken; None where there is none."""
_WAIT, _WAKE, _ALL = 128, 129, 2**31 - 1  # FUTEX_WAIT_PRIVATE, FUTEX_WAKE_PRIVATE, as many as sleep
_SLEEPERS, _TIMEOUT, _TIME, _MEETING = 8, 16, 24, 40  # numbers 8 apart lie in cache lines of their own

LIMIT, OVER, DONE = 32, 33, 34
"""Entries of a meeting that are left to those who meet."""
_CLOCK = getattr(time, "CLOCK_MONOTONIC", None)
"""The system's number of the clock that only goes forwards; None where there is none by this name (Windows)."""

_let_others = types.ExternalFunction("SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32())
_read_clock = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.int64))
_call_system = types.ExternalFunction("syscall", types.int64(*[types.int64] * 7))


def new_meeting() -> NDArray[np.int64]:
    """What threads need to wait for each other with :func:`arrive` and :func:`await_all`. Its entry 0 counts the arrivals.

    The entries :data:`LIMIT`, :data:`OVER` and :data:`DONE`, 0 at first, are left to those who meet.
    """
    meeting = np.zeros(_MEETING, np.int64)
    meeting[_TIMEOUT + 1] = _SLEEP
    return meeting


@intrinsic
def _atomic_add(typing: Any, meeting: Any, at: Any, number: Any) -> Any:
    """Add to the entry, as one act that no other thread can come between; what it was before."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = cgutils.create_struct_proxy(meeting)(context, builder, arguments[0]).data
        return builder.atomic_rmw("add", builder.gep(data, [arguments[1]]), arguments[2], "seq_cst")

    return types.int64(meeting, types.intp, types.int64), code


@intrinsic
def _atomic_load(typing: Any, meeting: Any, at: Any) -> Any:
    """What the entry is now, and not what it was when last looked at."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = cgutils.create_struct_proxy(meeting)(context, builder, arguments[0]).data
        return builder.load_atomic(builder.gep(data, [arguments[1]]), "seq_cst", 8)

    return types.int64(meeting, types.intp), code


@intrinsic
def _address(typing: Any, array: Any, at: Any) -> Any:
    """Where this entry lies in memory."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = cgutils.create_struct_proxy(array)(context, builder, arguments[0]).data
        return builder.ptrtoint(builder.gep(data, [arguments[1]]), ir.IntType(64))

    return types.int64(array, types.intp), code


@njit(nogil=True)
def arrive(meeting: Any) -> Any:
    """Say that this thread has come; what it wrote before is then seen by those who have waited for it."""
    _atomic_add(meeting, 0, 1)
    # Whoever is about to sleep says so first, and then looks once more (the futex does): one of the two sees the other.
    if _FUTEX is not None and _atomic_load(meeting, _SLEEPERS) > 0:
        _call_system(_FUTEX, _address(meeting, 0), _WAKE, _ALL, 0, 0, 0)


@njit(nogil=True)
def nanoseconds(meeting: Any) -> Any:
    """What the clock says, in nanoseconds since some moment; always 0 where there is none. One thread of a meeting may ask."""
    if _CLOCK is None:
        return 0
    _read_clock(_CLOCK, _address(meeting, _TIME))  # writes seconds, and the nanoseconds beyond them
    return _atomic_load(meeting, _TIME) * 10**9 + _atomic_load(meeting, _TIME + 1)


@njit(nogil=True)
def await_all(meeting: Any, count: Any) -> Any:
    """Wait until ``count`` arrivals have been counted since the meeting was made."""
    looks = 0
    while True:
        there = _atomic_load(meeting, 0)
        if there >= count:
            break
        looks += 1
        if _FUTEX is not None and looks > _LOOKS + _TURNS:
            _atomic_add(meeting, _SLEEPERS, 1)
            # Sleeps only if the lower half of the counter, which comes first in memory, is still what was seen.
            _call_system(_FUTEX, _address(meeting, 0), _WAIT, there & 0xFFFFFFFF, _address(meeting, _TIMEOUT), 0, 0)
            _atomic_add(meeting, _SLEEPERS, -1)
        elif looks > _LOOKS:
            _let_others()
