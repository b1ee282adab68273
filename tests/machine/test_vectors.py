"""The intrinsics, each alone, against NumPy. Every one is compiled for the vectors of the machine the tests run on."""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from llvmlite import binding, ir
from numba import njit
from numba.core.errors import TypingError

from glassnet.machine import vectors
from glassnet.machine.compiled import compiled
from glassnet.machine.vectors import (
    NARROW,
    WIDE,
    add,
    arrive,
    await_all,
    blank,
    copy,
    exp,
    flushed,
    fma,
    item,
    load,
    log1p,
    nanoseconds,
    new_meeting,
    prefetch,
    put,
    stay_apart,
    store,
    tanh,
    turn,
    zeros,
)

DTYPES = [np.float32, np.float64]


@njit
def each_exp(x, out):
    for i in range(len(x)):
        out[i] = exp(x[i])


@njit
def each_tanh(x, out):
    for i in range(len(x)):
        out[i] = tanh(x[i])


@njit
def each_log1p(x, out):
    for i in range(len(x)):
        out[i] = log1p(x[i])


@njit
def wide_sum(values, a, out):
    store(
        out,
        1,
        add(fma(values[0], load(a, 0, WIDE), zeros(a, WIDE)), fma(values[1], load(a, 3, WIDE), load(a, 5, WIDE))),
    )


@njit
def narrow_sum(values, a, out):
    store(
        out,
        1,
        add(
            fma(values[0], load(a, 0, NARROW), zeros(a, NARROW)), fma(values[1], load(a, 3, NARROW), load(a, 5, NARROW))
        ),
    )


@njit
def turned(a, row, out, column):
    turn(a, 2, row, out, 1, column, NARROW)


@njit
def moved(a, out):
    prefetch(a, 0)
    prefetch(a, 1_000_000)  # what is not there is not fetched
    copy(a, 1, out, 2, 3)
    put(out, 0, 7)
    return item(a, 1)


@njit
def is_blank(a, at):
    return blank(load(a, at, NARROW))


@njit
def meet(counter):
    for number in range(1, 4):
        arrive(counter)
        await_all(counter, number)


def applied(function, x):
    out = np.empty_like(x)
    function(x, out)
    return out


@pytest.mark.parametrize("dtype", DTYPES)
def test_vectors_are_loaded_multiplied_added_and_stored(rng, dtype):
    a, values = rng.random(200).astype(dtype), np.array([2, -3], dtype)
    for function, size in ((wide_sum, WIDE), (narrow_sum, NARROW)):
        lanes = size // a.itemsize
        out = np.full(200, 9, dtype)
        function(values, a, out)
        expected = 2 * a[:lanes] - 3 * a[3 : 3 + lanes] + a[5 : 5 + lanes]
        assert np.allclose(out[1 : 1 + lanes], expected, rtol=1e-6, atol=1e-6)
        assert out[0] == 9
        assert (out[1 + lanes :] == 9).all()  # and not a number beyond


def test_a_vector_fills_one_register_or_two():
    assert NARROW in (16, 32, 64)
    assert WIDE == 2 * NARROW


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_square_is_turned_and_nothing_else_is_touched(rng, dtype):
    side = NARROW // np.dtype(dtype).itemsize
    a, out = rng.random((side + 4) * (side + 3)).astype(dtype), np.zeros((side + 5) * (side + 5), dtype)
    turned(a, side + 3, out, side + 5)
    rows = np.array([a[2 + i * (side + 3) : 2 + i * (side + 3) + side] for i in range(side)])
    columns = np.array([out[1 + i * (side + 5) : 1 + i * (side + 5) + side] for i in range(side)])
    assert (columns == rows.T).all()
    assert np.count_nonzero(out) == side * side


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_are_moved_one_by_one_and_together(rng, dtype):
    a, out = rng.random(10).astype(dtype), np.zeros(10, dtype)
    assert moved(a, out) == a[1]
    assert (out[2:5] == a[1:4]).all()
    assert out[0] == 7
    assert np.count_nonzero(out) == 4


@pytest.mark.parametrize("dtype", DTYPES)
def test_blank_is_all_zeros_and_nan_is_not(dtype):
    a = np.zeros(100, dtype)
    a[90] = -0.0
    assert is_blank(a, 3)
    last = 3 + NARROW // a.itemsize - 1
    for value in (1, -1, np.nan, np.finfo(dtype).smallest_subnormal):
        a[last] = value
        assert not is_blank(a, 3)
        assert is_blank(a, last + 1)
        a[last] = 0


def test_exp_of_float32_is_right_to_a_few_units_in_the_last_place():
    x = np.linspace(-87, 88, 200_001, dtype=np.float32)
    exact = np.exp(x.astype(np.float64))
    assert (abs(applied(each_exp, x) - exact) / exact).max() < 4e-7


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_too_large_or_not_a_number_stays_so(dtype):
    x = np.array([np.nan, -np.inf, -1e30, 1e30, np.inf, 0], dtype)
    with np.errstate(over="ignore"):
        e, t = applied(each_exp, x), applied(each_tanh, x)
    assert np.isnan(e[0])
    assert (e[1:3] < 2e-38).all()
    assert (e[3:5] > 1e38).all()
    assert e[5] == 1
    assert np.isnan(t[0])
    assert t[1:].tolist() == [-1, -1, 1, 1, 0]


def test_tanh_of_float32():
    x = np.concatenate([np.linspace(-12, 12, 100_001), np.logspace(-30, 0, 1001), -np.logspace(-30, 0, 1001)])
    x = x.astype(np.float32)
    exact = np.tanh(x.astype(np.float64))
    found = applied(each_tanh, x)
    assert abs(found - exact).max() < 2e-7
    assert (abs(found - exact) <= 5e-7 * abs(exact)).all()  # relative, too: near zero it has a series of its own


def test_log1p_of_float32():
    x = np.concatenate([np.linspace(0, 1, 100_001), np.logspace(-38, 0, 1001)]).astype(np.float32)
    exact = np.log1p(x.astype(np.float64))
    assert (abs(applied(each_log1p, x) - exact) <= 5e-7 * exact).all()
    assert np.isnan(applied(each_log1p, np.array([np.nan], np.float32))).all()


def test_of_float64_they_are_the_c_librarys(rng):
    x = rng.uniform(0, 1, 1000)
    for function, known in ((each_exp, np.exp), (each_tanh, np.tanh), (each_log1p, np.log1p)):
        assert applied(function, x) == pytest.approx(known(x), rel=1e-15)


def test_outside_of_compiled_code_they_are_numpys():
    assert (vectors.exp(0.5), vectors.tanh(0.5), vectors.log1p(0.5)) == (np.exp(0.5), np.tanh(0.5), np.log1p(0.5))


# ── Numbers too small to matter ──────────────────────────────────────────────────────────────────────────────────────


@compiled
def _products(a, b, out):
    stay_apart()
    for i in range(len(a)):
        out[i] = a[i] * b[i]


@njit
def products(a, b, out):
    flushed(_products, (a, b, out))


@compiled
def _refuse(a, b, out):
    stay_apart()
    out[0] = a[0] * b[0]
    if len(a) == 1:
        raise ZeroDivisionError("nothing but a test")


@njit
def refuse(a, b, out):
    flushed(_refuse, (a, b, out))


@compiled
def _first(a):
    stay_apart()
    return a[0]


@njit
def first(a):
    return flushed(_first, (a,))


SUBNORMAL = [(np.float32, 1e-30, 1e-10, 1e-40), (np.float64, 1e-300, 1e-10, 1e-310)]
"""Two normal numbers, and their product, which is not."""


@pytest.mark.parametrize(("dtype", "large", "small", "product"), SUBNORMAL)
def test_a_product_that_is_subnormal_is_0_inside_and_itself_before_and_after(dtype, large, small, product):
    # The numbers come from arrays: what the compiler can multiply beforehand, it multiplies as it likes.
    a, b, out = np.full(9, large, dtype), np.full(9, small, dtype), np.ones(9, dtype)
    assert (a * b).tolist() == pytest.approx([product] * 9)
    products(a, b, out)
    assert out.tolist() == [0] * 9
    assert (a * b).tolist() == pytest.approx([product] * 9)


@pytest.mark.parametrize(("dtype", "product"), [(kind[0], kind[3]) for kind in SUBNORMAL])
def test_a_subnormal_number_that_goes_in_counts_as_0(dtype, product):
    tiny = np.finfo(dtype).smallest_normal
    a, b, out = np.array([product, -product, tiny], dtype), np.full(3, 2, dtype), np.ones(3, dtype)
    products(a, b, out)
    assert out.tolist() == [0, 0, 2 * tiny]  # 2e-40 would be subnormal, too; the smallest normal number stays itself
    products(a, np.full(3, 1 / tiny, dtype), out)
    assert out.tolist() == [0, 0, 1]  # and what would be 1e-2


def test_other_threads_keep_their_own_way():
    a, b, out = np.full(1, 1e-30, np.float32), np.full(1, 1e-10, np.float32), np.ones(1, np.float32)
    products(a, b, out)

    def before_inside_after(_):
        before = float((a * b)[0])
        mine = np.ones(1, np.float32)
        products(a, b, mine)
        return before, float(mine[0]), float((a * b)[0])

    with ThreadPoolExecutor(2) as pool:
        for found in pool.map(before_inside_after, range(20)):
            assert found == pytest.approx((1e-40, 0, 1e-40))


@pytest.mark.parametrize(("dtype", "large", "small", "product"), SUBNORMAL)
def test_the_way_is_put_back_where_something_is_raised_inside(dtype, large, small, product):
    a, b, out = np.full(1, large, dtype), np.full(1, small, dtype), np.ones(1, dtype)
    with pytest.raises(ZeroDivisionError, match="nothing but a test"):
        refuse(a, b, out)
    assert out.tolist() == [0]
    assert (a * b).tolist() == pytest.approx([product])


def test_what_is_computed_inside_cannot_be_returned():
    # It could be moved to where the control word is another.
    with pytest.raises(TypingError, match="must be written into arrays, not returned"):
        first(np.zeros(1))


@compiled
def _anywhere(a, b, out):
    out[0] = a[0] * b[0]


@njit
def anywhere(a, b, out):
    flushed(_anywhere, (a, b, out))


def test_a_kernel_that_could_be_moved_is_refused():
    with pytest.raises(TypingError, match=r"must begin with stay_apart\(\)"):
        anywhere(np.zeros(1), np.zeros(1), np.zeros(1))


def test_the_kernel_stays_apart_in_the_machine_code():
    a = np.ones(1, np.float32)
    products(a, a, a.copy())
    code = products.inspect_asm(products.signatures[0])
    body = code[code.index("products") :].partition(".cfi_endproc")[0]
    assert "mul" not in body.replace("imul", "")  # nothing is multiplied beside the call


def assembly(triple, kind):
    """What a function consists of that sets the control word, calls another and puts the word back."""
    module = ir.Module()
    nothing = ir.FunctionType(ir.VoidType(), [])
    other = ir.Function(module, nothing, "other")
    builder = ir.IRBuilder(ir.Function(module, nothing, "apart").append_basic_block())
    vectors._apart(builder, kind, lambda: builder.call(other, []))
    builder.ret_void()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    machine = binding.Target.from_triple(triple).create_target_machine(opt=3)
    lines = machine.emit_assembly(binding.parse_assembly(str(module))).splitlines()
    return [line.replace("\t", " ").strip() for line in lines]


def test_on_arm_the_control_word_is_read_set_and_put_back():
    # Looked at only: no such processor was there to run it.
    lines = assembly("aarch64-unknown-linux-gnu", "arm")
    steps = [line for line in lines if "FPCR" in line or line.startswith(("bl ", "orr "))]
    read, flush, write, call, back = steps
    assert read.startswith("mrs ")
    assert flush.endswith("#0x1000000")  # bit 24, FZ
    assert write.startswith("msr FPCR, ")
    assert call == "bl other"
    assert back == f"msr FPCR, {read.split()[1].rstrip(',')}"


def test_on_x86_the_control_word_is_read_set_and_put_back():
    lines = assembly("x86_64-unknown-linux-gnu", "x86")
    steps = [line.split()[0] for line in lines if "mxcsr" in line or line.startswith("call")]
    assert steps == ["stmxcsr", "ldmxcsr", "callq", "ldmxcsr"]
    assert any("32832" in line for line in lines)  # 0x8040: flush to zero, and denormals are zero


def test_elsewhere_the_control_word_is_left_alone():
    lines = assembly("x86_64-unknown-linux-gnu", None)
    assert not [line for line in lines if "mxcsr" in line]
    assert any("other" in line for line in lines)


@pytest.mark.parametrize(
    ("machine", "kind"),
    [("x86_64", "x86"), ("AMD64", "x86"), ("i686", "x86"), ("arm64", "arm"), ("aarch64", "arm"), ("ppc64le", None),
     ("riscv64", None), ("s390x", None), ("", None)],
)  # fmt: skip
def test_machines_are_known_by_their_names(machine, kind):
    assert vectors._kind_of_processor(machine) == kind


# ── Threads that wait for each other ─────────────────────────────────────────────────────────────────────────────────


@njit(nogil=True)
def take_turns(meeting, threads, thread, rounds, sums):
    # Each writes its number, all meet, each adds up what all have written, all meet again.
    for round_ in range(rounds):
        sums[thread] = round_ * (thread + 1)
        arrive(meeting)
        await_all(meeting, (2 * round_ + 1) * threads)
        total = 0
        for other in range(threads):
            total += sums[other]
        arrive(meeting)
        await_all(meeting, (2 * round_ + 2) * threads)
        sums[threads + thread] += total


@pytest.mark.parametrize("threads", [2, 3, 8])
@pytest.mark.parametrize("looks", ["some", "none"])
def test_threads_that_meet_see_what_the_others_wrote(monkeypatch, threads, looks):
    if looks == "none":  # whoever waits sleeps at once, so that every arrival has somebody to wake
        monkeypatch.setattr(vectors, "_LOOKS", -1)
        monkeypatch.setattr(vectors, "_TURNS", 0)
        waits = njit(nogil=True)(vectors.await_all.py_func)
        monkeypatch.setitem(take_turns.py_func.__globals__, "await_all", waits)
    turns = njit(nogil=True)(take_turns.py_func)
    rounds, meeting, sums = 1000, new_meeting(), np.zeros(2 * threads, np.int64)
    turns(new_meeting(), 1, 0, rounds, np.zeros(2, np.int64))  # compiled, before others wait
    with ThreadPoolExecutor(threads) as pool:
        shares = pool.map(lambda thread: turns(meeting, threads, thread, rounds, sums), range(threads))
        assert list(shares) == [None] * threads
    assert meeting[0] == 2 * rounds * threads
    assert not meeting[1 : vectors._TIMEOUT].any()  # nobody sleeps any more
    assert sums[threads:].tolist() == [sum(range(rounds)) * threads * (threads + 1) // 2] * threads


@njit(nogil=True)
def wait_for_two(meeting):
    arrive(meeting)
    await_all(meeting, 2)


@pytest.mark.skipif(vectors._FUTEX is None, reason="threads sleep on Linux only")
def test_who_waits_long_sleeps_and_is_woken():
    wait_for_two(np.array([2, *new_meeting()[1:]]))  # compiled
    meeting, used = new_meeting(), []

    def wait():
        before = time.thread_time()
        wait_for_two(meeting)
        used.append(time.thread_time() - before)

    waiting = threading.Thread(target=wait)
    waiting.start()
    ends = time.monotonic() + 30
    while not meeting[vectors._SLEEPERS] and time.monotonic() < ends:
        time.sleep(0.001)
    assert meeting[vectors._SLEEPERS] == 1
    time.sleep(0.3)
    wait_for_two(meeting)
    waiting.join(30)
    assert not waiting.is_alive()
    assert meeting[vectors._SLEEPERS] == 0
    assert used[0] < 0.15  # of 0.3 seconds and more


def test_who_sleeps_looks_by_itself_now_and_then():
    # As when a program gives up: the counter is set from outside, and nobody wakes anybody.
    wait_for_two(np.array([2, *new_meeting()[1:]]))
    meeting = new_meeting()
    waiting = threading.Thread(target=wait_for_two, args=(meeting,))
    waiting.start()
    time.sleep(0.05)
    meeting[0] = 2**62
    waiting.join(30)
    assert not waiting.is_alive()


def test_where_no_thread_can_sleep_they_let_others_have_their_core(monkeypatch):
    # As on other systems than Linux: the system call is not even looked for.
    monkeypatch.setattr(vectors, "_FUTEX", None)
    monkeypatch.setattr(vectors, "_call_system", None)
    monkeypatch.setattr(vectors, "_LOOKS", 10)
    own = {name: njit(nogil=True)(getattr(vectors, name).py_func) for name in ("arrive", "await_all")}
    for name, function in own.items():
        monkeypatch.setitem(take_turns.py_func.__globals__, name, function)
    turns = njit(nogil=True)(take_turns.py_func)
    meeting, sums = new_meeting(), np.zeros(4, np.int64)
    turns(new_meeting(), 1, 0, 10, np.zeros(2, np.int64))
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda thread: turns(meeting, 2, thread, 10, sums), range(2))) == [None] * 2
    assert meeting[0] == 40
    assert sums[2:].tolist() == [sum(range(10)) * 3] * 2


def test_who_meets_alone_does_not_wait():
    counter = new_meeting()
    meet(counter)
    assert counter[0] == 3


@njit(nogil=True)
def clock(meeting):
    return nanoseconds(meeting)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no clock by this name")
def test_the_clock_is_the_systems():
    meeting = new_meeting()
    clock(meeting)  # compiled
    for _ in range(100):
        before, now, after = time.monotonic_ns(), clock(meeting), time.monotonic_ns()
        assert before <= now <= after
