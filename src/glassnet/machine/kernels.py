"""The compiled loops of the fused engine: the four equations of :mod:`glassnet.backprop`, and the step after them.

Whoever has read backprop.py will find it again in :func:`learn`: forward, the error of the output (BP1), its way back
through the layers (BP2), the gradients of biases and weights (BP3, BP4), the optimizer's step. What differs is where
the numbers lie, and that nothing is made anew: all arrays are flat, made once, and written in place.

**Layout.** Weights are kept as (in, out), so that the weights from one neuron to all neurons of the next layer lie side
by side, cut into *panels* of as many outputs as fit a wide vector (see :mod:`glassnet.machine.vectors`): panel after panel, and
in each panel input after input. The last panel may be narrow; outputs are filled up with zeros to a whole vector.
Activations and errors are kept example after example, a row each.

**One product.** z = a Wᵀ, δ W and δᵀ a are one loop nest, :func:`product_wide`, which multiplies numbers with vectors: what
differs is which of the two runs along the examples. **Inks.** Where most inputs are zero, as in drawings, each example
is a list of (position, value), and the first layer reads and changes only the rows of its weights that are listed.

**Threads.** Every thread runs the same :func:`learn`. Each takes its share of the examples forward and backward, waits
for the others, takes its share of the input neurons, changes their weights, and waits again. Each number is added up by
one thread and in one order, so the result does not depend on how many there are.

**Reading.** ``item(x, i)`` is x[i] for an index that is known to be within x: without a question for indices that count from
the end, and in a third of the time to compile.

Letters: n examples of a minibatch (b one of them), l a layer (0 is the input), k a neuron of the layer before, j one of
the layer after. Costs are given for one minibatch and one layer of shape in × out, in operations (one multiplication
and addition: 1) and in bytes moved, r bytes a number.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glassnet.machine.compiled import compiled, entry, in_order, inlined
from glassnet.machine.vectors import (
    DONE,
    LIMIT,
    NARROW,
    OVER,
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
    prefetch,
    put,
    stay_apart,
    store,
    tanh,
    turn,
    zeros,
)

__all__ = [
    "ACTIVATION_CODES",
    "COST_CODES",
    "OPTIMIZER_CODES",
    "Data",
    "Flow",
    "Model",
    "Plan",
    "Rules",
    "Work",
    "answer",
    "learn",
    "list_inks",
    "mixed",
    "product_narrow",
    "product_wide",
]

BLOCK = 256
"""Block length of the inner sum of a matrix product, in terms: what a block reads stays in the first cache."""

SQUARE = NARROW // 4
"""Input neurons that threads share out together: the side of the square of weights that is transposed in registers at once
(of float64, two squares)."""
SPARSE = 0.4
"""Largest share of nonzero inputs with which only these ("inks") are multiplied: one by itself takes two to three times as long
as a number in its turn."""

Numbers = NDArray[Any]


class Plan(NamedTuple):
    """What the network is made of, and where its numbers lie. One entry a layer; those of the input come first."""

    sizes: Numbers  # neurons
    padded: Numbers  # neurons, filled up to whole vectors
    strides: Numbers  # from one example's row to the next, in numbers
    row_at: Numbers  # where the layer's rows begin in z, a, delta
    weight_at: Numbers  # where its weights begin; entry 0 stands for no layer
    bias_at: Numbers  # where its biases begin
    turned_at: Numbers  # where its turned weights begin
    codes: Numbers  # its activation
    alphas: Numbers  # the activation's number, if it has one


class Model(NamedTuple):
    """The parameters, and what has their shape."""

    parameters: Numbers
    gradient: Numbers  # of size 1 where the step is taken in place
    first: Numbers  # velocity, or mean
    second: Numbers  # mean square


class Data(NamedTuple):
    """The examples: either dense, or as lists of inks."""

    inputs: Numbers  # (n, in), row after row; of size 1 if they are lists
    starts: Numbers  # example i has the inks starts[i] to starts[i + 1]
    positions: Numbers
    values: Numbers
    targets: Numbers  # (n, out), row after row
    weights: Numbers  # with a mean of 1; of size 0 where all count the same
    numbers: Numbers  # by which dropout knows them


class Flow(NamedTuple):
    """What flows through the layers, forward and back: rows, an example each."""

    z: Numbers
    a: Numbers
    used: Numbers  # the activations after dropout; a itself without
    kept: Numbers  # dropout's factors; of size 1 without
    delta: Numbers


class Work(NamedTuple):
    """Room for the rest of a minibatch."""

    turned: Numbers  # the weights of all layers but the first, (out, in), in panels of input neurons
    costs: Numbers  # of each example
    squares: Numbers  # parts of the squared length of the gradient
    ones: Numbers  # what the biases' neuron says
    places: Numbers  # inks by position: where each position's begin; of size 1 where they are not sorted
    members: Numbers  # whose they are
    amounts: Numbers  # how much


class Rules(NamedTuple):
    """The settings of the training."""

    sparse: bool  # the inputs are lists of inks
    sort_from: int  # and are sorted by position for the gradient of so many examples or more; 0: of none
    by_columns: bool  # and threads share the first layer by its outputs, rather than by examples and inputs
    cost: int
    natural: bool  # the cost and the output activation belong together
    huber: float
    optimizer: int
    in_place: bool  # plain gradient descent: the weights are changed where they are, and no gradient is kept
    nesterov: bool
    momentum: float  # or β₁
    keep: float  # ρ or β₂
    epsilon: float
    decay: float
    clip: float
    dropout: float
    least: float  # the smallest normal number of the dtype, and the smallest that makes a difference to 1
    unit: float


ACTIVATION_CODES = {
    "identity": 0, "sigmoid": 1, "tanh": 2, "relu": 3, "leaky_relu": 4, "elu": 5, "silu": 6, "gelu": 7, "softplus": 8,
    "step": 9, "softmax": 10,
}  # fmt: skip
IDENTITY, SIGMOID, TANH, RELU, LEAKY, ELU, SILU, GELU, SOFTPLUS, STEP, SOFTMAX = range(11)
COST_CODES = {"squared_error": 0, "absolute_error": 1, "huber": 2, "cross_entropy": 3, "binary_cross_entropy": 4}
SQUARED, ABSOLUTE, HUBER, CROSS_ENTROPY, BINARY = range(5)
OPTIMIZER_CODES = {"sgd": 0, "rmsprop": 1, "adam": 2, "adamw": 3}
SGD, RMSPROP, ADAM, ADAMW = range(4)


# ── The product: numbers times vectors ───────────────────────────────────────────────────────────────────────────────


def _product(size: int) -> Any:
    """The product for vectors of ``size`` bytes."""

    @compiled
    def product(
        A: Any, a_at: int, a_row: int, a_col: int, rows: int, V: Any, v_at: int, v_row: int, inner: int,
        C: Any, c_at: int, c_row: int,
    ) -> None:  # fmt: skip
        """C[r, :] += Σᵢ A[r, i] · V[i, :], for vectors V[i, :] and C[r, :], by six rows at a time.

        Six sums of a wide vector fill twelve registers and keep both multipliers busy; each vector that is loaded
        serves six times. Where fewer than six rows are left, the last of them is done more than once, to the same end:
        all sums are read before any is written. Operations: rows · inner · lanes. Bytes: r · lanes · rows · (inner / 6 +
        2 · inner / BLOCK).
        """
        for begin in range(0, inner, BLOCK):
            end = min(begin + BLOCK, inner)
            for r in range(0, rows, 6):
                last = min(5, rows - r - 1)
                a0, c0 = a_at + r * a_row, c_at + r * c_row
                a1, a2, a3 = a0 + min(1, last) * a_row, a0 + min(2, last) * a_row, a0 + min(3, last) * a_row
                a4, a5 = a0 + min(4, last) * a_row, a0 + last * a_row
                c1, c2, c3 = c0 + min(1, last) * c_row, c0 + min(2, last) * c_row, c0 + min(3, last) * c_row
                c4, c5 = c0 + min(4, last) * c_row, c0 + last * c_row
                s0, s1, s2 = load(C, c0, size), load(C, c1, size), load(C, c2, size)
                s3, s4, s5 = load(C, c3, size), load(C, c4, size), load(C, c5, size)
                for i in range(begin, end):
                    v, a = load(V, v_at + i * v_row, size), i * a_col
                    s0, s1, s2 = fma(item(A, a0 + a), v, s0), fma(item(A, a1 + a), v, s1), fma(item(A, a2 + a), v, s2)
                    s3, s4, s5 = fma(item(A, a3 + a), v, s3), fma(item(A, a4 + a), v, s4), fma(item(A, a5 + a), v, s5)
                store(C, c0, s0)
                store(C, c1, s1)
                store(C, c2, s2)
                store(C, c3, s3)
                store(C, c4, s4)
                store(C, c5, s5)

    return product


product_wide, product_narrow = _product(WIDE), _product(NARROW)


# ── Inks: inputs that are mostly zero ────────────────────────────────────────────────────────────────────────────────


@inlined
def _fetch(data: Data, row: int) -> None:
    """Have an example's inks brought from memory, to be there for the next minibatch.

    Shuffled examples lie anywhere, and waiting for one after the other would take as long as the work on them. They are
    asked for one by one, between the examples of this minibatch: memory answers only so many requests at once.
    """
    first, last = item(data.starts, row), item(data.starts, row + 1)
    for i in range(first, last, 64 // data.values.itemsize):
        prefetch(data.values, i)
    for i in range(first, last, 64 // data.positions.itemsize):
        prefetch(data.positions, i)


def _inks(size: int) -> Any:
    """The two sides of the first layer for lists of inks, for a panel of ``size`` bytes."""

    @compiled
    def sums(
        data: Data, rows: Any, following: Any, low: int, high: int, W: Any, w_at: int, z: Any, z_at: int, z_row: int
    ) -> None:
        """z[b, :] += Σ value · W[position, :], over the inks of each example; ``following`` are rows to fetch meanwhile.

        Four sums take turns, because a sum can only be added to every fourth cycle. Operations: inks · lanes. Bytes:
        inks · (r + 2 + r · lanes).
        """
        positions, values, width = data.positions, data.values, size // W.itemsize
        for b in range(low, high):
            if b < len(following):
                _fetch(data, item(following, b))
            i, last = item(data.starts, item(rows, b)), item(data.starts, item(rows, b) + 1)
            s0, s1, s2, s3 = load(z, z_at + b * z_row, size), zeros(z, size), zeros(z, size), zeros(z, size)
            while i + 4 <= last:
                s0 = fma(item(values, i), load(W, w_at + item(positions, i) * width, size), s0)
                s1 = fma(item(values, i + 1), load(W, w_at + item(positions, i + 1) * width, size), s1)
                s2 = fma(item(values, i + 2), load(W, w_at + item(positions, i + 2) * width, size), s2)
                s3 = fma(item(values, i + 3), load(W, w_at + item(positions, i + 3) * width, size), s3)
                i += 4
            while i < last:
                s0 = fma(item(values, i), load(W, w_at + item(positions, i) * width, size), s0)
                i += 1
            store(z, z_at + b * z_row, add(add(s0, s1), add(s2, s3)))

    @compiled
    def spread(
        data: Data, rows: Any, count: int, inputs: int, low: int, high: int, delta: Any, d_at: int, d_row: int,
        T: Any, t_at: int,
    ) -> None:  # fmt: skip
        """T[position, :] += value · δ[b, :], for the inks of each example at positions from ``low`` to below ``high``.

        Operations: inks · lanes. Bytes: inks · (r + 2 + 2 · r · lanes).
        """
        positions, values, width = data.positions, data.values, size // T.itemsize
        for b in range(count):
            first, last = _between(data, item(rows, b), inputs, low, high)
            d = load(delta, d_at + b * d_row, size)
            for i in range(first, last):
                at = t_at + item(positions, i) * width
                store(T, at, fma(item(values, i), d, load(T, at, size)))

    @compiled
    def collect(
        work: Work, ahead: int, low: int, high: int, delta: Any, d_at: int, d_row: int, T: Any, t_at: int
    ) -> None:  # fmt: skip
        """The same as ``spread``, position after position: T[position, :] += Σ value · δ[b, :], over its sorted inks.

        Each row is read and written once, and the sum is kept in registers. Operations: inks · lanes. Bytes:
        inks · (r + 4 + r · lanes) + 2 · r · in · lanes.
        """
        places, members, amounts, width = work.places, work.members, work.amounts, size // T.itemsize
        for k in range(low, high):
            i, last = item(places, ahead + k - low), item(places, ahead + k + 1 - low)
            if i < last:
                s0, s1 = load(T, t_at + k * width, size), zeros(T, size)
                while i + 2 <= last:
                    s0 = fma(item(amounts, i), load(delta, d_at + item(members, i) * d_row, size), s0)
                    s1 = fma(item(amounts, i + 1), load(delta, d_at + item(members, i + 1) * d_row, size), s1)
                    i += 2
                if i < last:
                    s0 = fma(item(amounts, i), load(delta, d_at + item(members, i) * d_row, size), s0)
                store(T, t_at + k * width, add(s0, s1))

    return sums, spread, collect


@compiled
def _sort_inks(data: Data, work: Work, rows: Any, inputs: int, low: int, high: int, ahead: int, at: int) -> None:
    """The minibatch's inks by position, from ``low`` to below ``high``: which example has how much there.

    ``work.places``, from ``ahead``, tells where each position's begin in ``members`` and ``amounts``, from ``at``. A
    counting sort; bytes: inks · (2 · (r + 2) + 2 · r + 8).
    """
    positions, values, places = data.positions, data.values, work.places
    places[ahead : ahead + high - low + 2] = 0
    for b in range(len(rows)):
        first, last = _between(data, item(rows, b), inputs, low, high)
        for i in range(first, last):
            places[ahead + np.intp(item(positions, i)) - low + 2] += 1
    places[ahead] = places[ahead + 1] = at
    for k in range(ahead + 2, ahead + high - low + 2):
        places[k] += item(places, k - 1)
    for b in range(len(rows)):
        first, last = _between(data, item(rows, b), inputs, low, high)
        for i in range(first, last):
            place = ahead + np.intp(item(positions, i)) - low + 1
            to = item(places, place)
            places[place] = to + 1
            work.members[to] = b
            work.amounts[to] = item(values, i)


@inlined
def _between(data: Data, row: int, inputs: int, low: int, high: int) -> tuple[int, int]:
    """An example's inks at positions from ``low`` to below ``high``, out of ``inputs`` positions: the first, and the end."""
    first, last = item(data.starts, row), item(data.starts, row + 1)
    if low > 0:
        first = _first_from(data.positions, first, last, low)
    if high < inputs:
        last = _first_from(data.positions, first, last, high)
    return first, last


@inlined
def _first_from(positions: Any, first: int, last: int, low: int) -> int:
    """The first of an example's inks, which are in order, at a position of at least ``low``."""
    while first < last:
        middle = (first + last) >> 1
        if item(positions, middle) < low:
            first = middle + 1
        else:
            last = middle
    return first


_sums_wide, _spread_wide, _collect_wide = _inks(WIDE)
_sums_narrow, _spread_narrow, _collect_narrow = _inks(NARROW)


@entry
def list_inks(
    inputs: Any, width: int, starts: Any, positions: Any, values: Any, fill: bool, low: int, high: int
) -> None:
    """The inputs of the examples ``low`` to below ``high`` that are not zero.

    First how many there are, up to each example, in ``starts``; then, with ``fill``, which and how much.
    """
    flushed(_list_inks, (inputs, width, starts, positions, values, fill, low, high))


@compiled
def _list_inks(
    inputs: Any, width: int, starts: Any, positions: Any, values: Any, fill: bool, low: int, high: int
) -> None:
    stay_apart()
    at = item(starts, low)
    for b in range(low, high):
        for k in range(width):
            x = item(inputs, b * width + k)
            if x != 0:
                if fill:
                    positions[at] = k
                    values[at] = x
                at += 1
        if not fill:
            starts[b + 1] = at


# ── Forward ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@compiled
def _forward(
    plan: Plan, W: Any, data: Data, flow: Flow, rows: Any, following: Any, low: int, high: int,
    sparse: bool, dropout: float, key: Any,
) -> None:  # fmt: skip
    """The examples ``low`` to ``high`` of the minibatch, from the input to the output: z = a Wᵀ + b, a' = f(z).

    Operations: n · in · out. Bytes: r · (in · out + n · (in + out)), where the weights fit into a cache.
    """
    sizes, strides, row_at = plan.sizes, plan.strides, plan.row_at
    wide, narrow = WIDE // W.itemsize, NARROW // W.itemsize
    if not sparse:
        for b in range(low, high):
            copy(data.inputs, item(rows, b) * item(sizes, 0), flow.used, b * item(strides, 0), item(sizes, 0))
            if b < len(following):
                for k in range(0, item(sizes, 0), 64 // W.itemsize):
                    prefetch(data.inputs, item(following, b) * item(sizes, 0) + k)
                prefetch(data.inputs, (item(following, b) + 1) * item(sizes, 0) - 1)
    for l in range(1, len(sizes)):
        begin, end = item(row_at, l) + low * item(strides, l), item(row_at, l) + high * item(strides, l)
        if l > 1 or not sparse:
            _set_rows(plan, W, flow, l, 0, item(plan.padded, l), low, high)
            for first in range(0, item(plan.padded, l), wide):
                panel = item(plan.weight_at, l) + first * item(sizes, l - 1)
                a = item(row_at, l - 1) + low * item(strides, l - 1)
                if item(plan.padded, l) - first >= wide:
                    product_wide(
                        flow.used, a, item(strides, l - 1), 1, high - low,
                        W, panel, wide, item(sizes, l - 1), flow.z, begin + first, item(strides, l),
                    )  # fmt: skip
                else:
                    product_narrow(
                        flow.used, a, item(strides, l - 1), 1, high - low,
                        W, panel, narrow, item(sizes, l - 1), flow.z, begin + first, item(strides, l),
                    )  # fmt: skip
        _activate(
            item(plan.codes, l),
            item(plan.alphas, l),
            flow.z[begin:end],
            flow.a[begin:end],
            item(sizes, l),
            item(strides, l),
        )
        if dropout > 0 and l < len(sizes) - 1:
            _drop(plan, data, flow, dropout, rows, low, high, l, key)


@inlined
def _forward_inks(
    plan: Plan, W: Any, data: Data, flow: Flow, rows: Any, following: Any, low: int, high: int, begin: int, end: int
) -> None:
    """The first layer's weighted sums from lists of inks, for outputs ``begin`` to ``end``, which are whole panels."""
    wide, at, z_row = WIDE // W.itemsize, item(plan.row_at, 1), item(plan.strides, 1)
    _set_rows(plan, W, flow, 1, begin, end, low, high)
    for first in range(begin, end, wide):
        panel = item(plan.weight_at, 1) + first * item(plan.sizes, 0)
        if end - first >= wide:
            _sums_wide(data, rows, following, low, high, W, panel, flow.z, at + first, z_row)
        else:
            _sums_narrow(data, rows, following, low, high, W, panel, flow.z, at + first, z_row)
        following = following[:0]


@inlined
def _set_rows(plan: Plan, W: Any, flow: Flow, l: int, begin: int, end: int, low: int, high: int) -> None:
    """The weighted sums begin at the biases."""
    for j in range(begin, end, NARROW // W.itemsize):
        bias = load(W, item(plan.bias_at, l) + j, NARROW)
        for b in range(low, high):
            store(flow.z, item(plan.row_at, l) + b * item(plan.strides, l) + j, bias)


@compiled
def _activate(code: int, alpha: float, z: Any, a: Any, width: int, stride: int) -> None:
    """a = f(z) for whole rows, the filled-up neurons included, but for softmax (see :mod:`glassnet.activations`).

    NaN stays NaN: a comparison with it is false, so each select asks for the case that has the constant.
    """
    real = z.dtype.type
    zero, one, slope = real(0), real(1), real(alpha)
    n = len(z)
    if code == SIGMOID:
        for i in range(n):
            x = item(z, i)
            e = exp(-abs(x))
            a[i] = (one if x >= zero else e) / (one + e)
    elif code == RELU:
        for i in range(n):
            x = item(z, i)
            a[i] = zero if x <= zero else x
    elif code == TANH:
        for i in range(n):
            a[i] = tanh(item(z, i))
    elif code == SOFTMAX:
        for first in range(0, n, stride):
            most = item(z, first)
            for j in range(first + 1, first + width):
                most = max(most, item(z, j))
            total = zero
            for j in range(first, first + width):
                a[j] = exp(item(z, j) - most)
            for j in range(first, first + width):
                total += item(a, j)
            for j in range(first, first + width):
                a[j] /= total
    elif code == LEAKY:
        for i in range(n):
            x = item(z, i)
            a[i] = x if x > zero else slope * x
    elif code == ELU:
        for i in range(n):
            x = item(z, i)
            a[i] = x if x > zero else slope * real(math.expm1(x))
    elif code == SILU:
        for i in range(n):
            x = item(z, i)
            e = exp(-abs(x))
            a[i] = x * (one if x >= zero else e) / (one + e)
    elif code == GELU:
        for i in range(n):
            x = item(z, i)
            u = real(2 * _GELU) * (x + real(_CUBIC) * x * x * x)
            e = exp(-abs(u))
            a[i] = x * (one if u >= zero else e) / (one + e)  # ½ (1 + tanh u) = σ(2u), which loses no digits
    elif code == SOFTPLUS:
        for i in range(n):
            x = item(z, i)
            a[i] = (x if x > zero else zero) + log1p(exp(-abs(x)))
    elif code == STEP:
        for i in range(n):
            x = item(z, i)
            a[i] = one if x > zero else zero if x <= zero else x
    else:
        copy(z, 0, a, 0, n)


_GELU, _CUBIC = math.sqrt(2 / math.pi), 0.044715


@inlined
def mixed(x: Any) -> Any:
    """SplitMix64, as in :mod:`glassnet.machine.hashing`."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@compiled
def _drop(plan: Plan, data: Data, flow: Flow, rate: float, rows: Any, low: int, high: int, l: int, key: Any) -> None:
    """Silence hidden neurons: factors that depend on (seed, epoch, layer, example, neuron) alone."""
    real = flow.a.dtype.type
    layer = mixed(key + np.uint64(l))
    for b in range(low, high):
        example = mixed(layer + np.uint64(item(data.numbers, item(rows, b))))
        at = item(plan.row_at, l) + b * item(plan.strides, l)
        for j in range(item(plan.sizes, l)):
            uniform = np.float64(mixed(example + np.uint64(j)) >> np.uint64(11)) * 2.0**-53
            flow.kept[at + j] = real(0) if uniform < rate else real(1 / (1 - rate))
            flow.used[at + j] = item(flow.a, at + j) * item(flow.kept, at + j)


# ── Backward ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@inlined
def _output_error(
    plan: Plan, data: Data, flow: Flow, costs: Any, rules: Rules, rows: Any, low: int, high: int, scale: float
) -> None:
    """BP1: the output's error δ = ∂C/∂a ⊙ f'(z), times ``scale`` and the example's weight; and each example's cost.

    All that follows is linear in δ, so what is multiplied in here, once, is in every gradient.

    A sum is added up in a loop that writes nothing. In one that writes, LLVM asks first whether the arrays overlap, and
    adds up in another order where they merely lie close: the last bit would depend on where in memory they are.
    """
    real = flow.z.dtype.type
    zero, one = real(0), real(1)
    least, unit = real(rules.least), real(rules.unit)
    last = len(plan.sizes) - 1
    width, stride, code = item(plan.sizes, last), item(plan.strides, last), item(plan.codes, last)
    z, a, delta, targets = flow.z, flow.a, flow.delta, data.targets
    for b in range(low, high):
        at = item(plan.row_at, last) + b * stride
        target = item(rows, b) * width
        weight = item(data.weights, item(rows, b)) if len(data.weights) else one
        cost, factor = 0.0, real(scale) * weight
        if rules.cost == SQUARED or (rules.natural and rules.cost in (CROSS_ENTROPY, BINARY)):
            # All three errors are some multiple of a · Σy − y; the sum of y counts for softmax alone.
            total_y = one
            if rules.cost == SQUARED:
                for j in range(width):
                    r = item(a, at + j) - item(targets, target + j)
                    cost += r * r
                factor *= real(2)
            elif rules.cost == CROSS_ENTROPY:
                most, total, total_y = item(z, at), zero, zero
                for j in range(width):
                    most = max(most, item(z, at + j))
                for j in range(width):
                    total += exp(item(z, at + j) - most)
                    total_y += item(targets, target + j)
                log_total = real(math.log(total))
                for j in range(width):
                    cost += item(targets, target + j) * (log_total - (item(z, at + j) - most))
            else:
                for j in range(width):
                    x = item(z, at + j)
                    cost += (x if x > zero else zero) + log1p(exp(-abs(x))) - item(targets, target + j) * x
            for j in range(width):
                delta[at + j] = factor * (item(a, at + j) * total_y - item(targets, target + j))
        elif rules.cost == ABSOLUTE or rules.cost == HUBER:
            # |r| is Huber's cost with no room for its parabola.
            edge, slope = (real(rules.huber), real(rules.huber)) if rules.cost == HUBER else (zero, one)
            for j in range(width):
                r = item(a, at + j) - item(targets, target + j)
                cost += real(0.5) * r * r if abs(r) <= edge else slope * (abs(r) - real(0.5) * edge)
            for j in range(width):
                r = item(a, at + j) - item(targets, target + j)
                delta[at + j] = factor * (r if abs(r) <= edge else slope if r > zero else -slope if r < zero else r)
        else:
            # Each output's yes and no; the cross-entropy over classes has no no.
            no = one if rules.cost == BINARY else zero
            for j in range(width):
                y, p, q = item(targets, target + j), item(a, at + j), one - item(a, at + j)
                p, q = least if p < least else p, unit if q < unit else q
                cost -= y * real(math.log(p)) + no * (one - y) * real(math.log(q))
            for j in range(width):
                y, p, q = item(targets, target + j), item(a, at + j), one - item(a, at + j)
                p, q = least if p < least else p, unit if q < unit else q
                delta[at + j] = factor * (no * (one - y) / q - y / p)
        costs[b] = cost * weight
    if not rules.natural:
        first, end = item(plan.row_at, last) + low * stride, item(plan.row_at, last) + high * stride
        _pull_back(code, item(plan.alphas, last), z[first:end], a[first:end], delta[first:end], width, stride)


@compiled
def _pull_back(code: int, alpha: float, z: Any, a: Any, d: Any, width: int, stride: int) -> None:
    """δ = ∂C/∂z from ∂C/∂a, in place, for whole rows (see :mod:`glassnet.activations`).

    Only NaN differs from itself, and stays NaN. Where z is NaN, ∂C/∂a is too: the layers after it made it from z.
    """
    real = z.dtype.type
    zero, one, slope = real(0), real(1), real(alpha)
    n = len(z)
    if code == SIGMOID:
        for i in range(n):
            y = item(a, i)
            d[i] *= y * (one - y)
    elif code == RELU:
        for i in range(n):
            e = item(d, i)
            d[i] = zero if item(z, i) <= zero and e == e else e
    elif code == TANH:
        for i in range(n):
            y = item(a, i)
            d[i] *= one - y * y
    elif code == SOFTMAX:
        for first in range(0, n, stride):
            shared = zero
            for j in range(first, first + width):
                shared += item(a, j) * item(d, j)
            for j in range(first, first + width):
                d[j] = item(a, j) * (item(d, j) - shared)
    elif code == LEAKY:
        for i in range(n):
            d[i] *= one if item(z, i) > zero else slope
    elif code == ELU:
        for i in range(n):
            d[i] *= one if item(z, i) > zero else item(a, i) + slope
    elif code == SILU:
        for i in range(n):
            x = item(z, i)
            e = exp(-abs(x))
            s = (one if x >= zero else e) / (one + e)
            d[i] *= s + item(a, i) * (one - s)
    elif code == GELU:
        for i in range(n):
            x = item(z, i)
            u = real(2 * _GELU) * (x + real(_CUBIC) * x * x * x)
            e = exp(-abs(u))
            s = (one if u >= zero else e) / (one + e)
            d[i] *= s + x * s * (one - s) * real(2 * _GELU) * (one + real(3 * _CUBIC) * x * x)
    elif code == SOFTPLUS:
        for i in range(n):
            x = item(z, i)
            e = exp(-abs(x))
            d[i] *= (one if x >= zero else e) / (one + e)
    elif code == STEP:
        for i in range(n):
            e = item(d, i)
            d[i] = zero if e == e else e


@inlined
def _backward(plan: Plan, flow: Flow, turned: Any, dropout: float, low: int, high: int) -> None:
    """BP2: from the last layer back to the first, each layer's error δˡ = (δˡ⁺¹ Wˡ⁺¹) ⊙ f'(zˡ).

    Operations: n · in · out. Bytes: r · (in · out + n · (in + out)), where the weights fit into a cache.
    """
    sizes, strides, row_at, delta = plan.sizes, plan.strides, plan.row_at, flow.delta
    wide, narrow = WIDE // delta.itemsize, NARROW // delta.itemsize
    for l in range(len(sizes) - 1, 1, -1):
        outputs, d_row = item(sizes, l), item(strides, l - 1)
        d, begin, end = (
            item(row_at, l) + low * item(strides, l),
            item(row_at, l - 1) + low * d_row,
            item(row_at, l - 1) + high * d_row,
        )
        delta[begin:end] = 0
        for first in range(0, item(plan.padded, l - 1), wide):
            panel = item(plan.turned_at, l) + first * item(plan.padded, l)
            if item(plan.padded, l - 1) - first >= wide:
                product_wide(
                    delta, d, item(strides, l), 1, high - low, turned, panel, wide, outputs, delta, begin + first, d_row
                )
            else:
                product_narrow(
                    delta,
                    d,
                    item(strides, l),
                    1,
                    high - low,
                    turned,
                    panel,
                    narrow,
                    outputs,
                    delta,
                    begin + first,
                    d_row,
                )
        if dropout > 0:
            for i in range(begin, end):
                delta[i] *= item(flow.kept, i)
        _pull_back(
            item(plan.codes, l - 1), item(plan.alphas, l - 1), flow.z[begin:end], flow.a[begin:end], delta[begin:end],
            item(sizes, l - 1), d_row,
        )  # fmt: skip


@compiled
def _turn(plan: Plan, W: Any, turned: Any, l: int, low: int, high: int) -> None:
    """The weights of a layer from the input neurons ``low`` to ``high``, turned for BP2, which goes from outputs to inputs.

    They are then in panels of input neurons, and in each panel output after output. Bytes: r · 2 · in · out.
    """
    inputs = item(plan.sizes, l - 1)
    wide, narrow = WIDE // W.itemsize, NARROW // W.itemsize
    for first in range(0, item(plan.padded, l), wide):
        panel, width = item(plan.weight_at, l) + first * inputs, min(wide, item(plan.padded, l) - first)
        for k in range(low, high, narrow):
            across = k - k % wide
            lanes = min(wide, item(plan.padded, l - 1) - across)
            to = item(plan.turned_at, l) + across * item(plan.padded, l) + k - across
            for j in range(first, first + width, narrow):
                source = panel + k * width + j - first
                if k + narrow <= high:
                    turn(W, source, width, turned, to + j * lanes, lanes, NARROW)
                else:
                    for i in range(high - k):
                        for c in range(narrow):
                            turned[to + (j + c) * lanes + i] = item(W, source + i * width + c)


# ── Gradient and step ────────────────────────────────────────────────────────────────────────────────────────────────


@compiled
def _change(
    plan: Plan, model: Model, data: Data, flow: Flow, work: Work, rules: Rules, rows: Any, rate: float, t: int,
    thread: int, threads: int, meeting: Any, arrivals: int,
) -> int:  # fmt: skip
    """A thread's share of the gradient, and of the step.

    Plain gradient descent adds the gradient to the weights where these lie (δ carries −η). Otherwise it is added up
    apart, panel by panel, and each panel's step is taken while it is still in the cache; or, where the gradient is
    clipped, after its whole length is known. Operations: n · in · out. Bytes: r · 2 · in · out · (1, or with the
    optimizer's memory 2 to 3), and r · n · (in + out).
    """
    target = model.parameters if rules.in_place else model.gradient
    in_order = 0 < rules.sort_from <= len(rows)
    if in_order:
        low, high = _share(item(plan.sizes, 0), thread, threads)
        places, members = len(work.places) // threads * thread, len(work.members) // threads * thread
        _sort_inks(data, work, rows, item(plan.sizes, 0), low, high, places, members)
        if rules.by_columns:
            arrivals = _meet(meeting, arrivals, threads)
    for l in range(1, len(plan.sizes)):
        low, high, begin, end, biases = _part(plan, rules, l, thread, threads, WIDE // model.parameters.itemsize)
        for first in range(begin, end, WIDE // target.itemsize):
            width = min(WIDE // target.itemsize, item(plan.padded, l) - first)
            at, bias = (
                item(plan.weight_at, l) + first * item(plan.sizes, l - 1) + low * width,
                item(plan.bias_at, l) + first,
            )
            if not rules.in_place:
                target[at : at + (high - low) * width] = 0
                target[bias : bias + (width if biases else 0)] = 0
            elif rules.decay > 0:
                _scale(target[at : at + (high - low) * width], 1 - rate * rules.decay)
            _gradient(plan, data, flow, work, rules, rows, target, l, first, low, high, biases, in_order, threads)
            if not rules.in_place and rules.clip == 0:
                _descend(model, rules, at, (high - low) * width, rate, 1.0, rules.decay, t)
                _descend(model, rules, bias, width if biases else 0, rate, 1.0, 0.0, t)
        if rules.clip == 0 and l > 1:
            _turn(plan, model.parameters, work.turned, l, low, high)
    if rules.clip > 0:
        _square(plan, model.gradient, work.squares, rules, thread, threads)
        arrivals = _meet(meeting, arrivals, threads)
        length = 0.0
        for square in work.squares:
            length += square
        factor = 1.0 if length <= rules.clip * rules.clip else rules.clip / math.sqrt(length)
        for l in range(1, len(plan.sizes)):
            low, high, begin, end, biases = _part(plan, rules, l, thread, threads, WIDE // model.parameters.itemsize)
            for first in range(begin, end, WIDE // target.itemsize):
                width = min(WIDE // target.itemsize, item(plan.padded, l) - first)
                at, bias = (
                    item(plan.weight_at, l) + first * item(plan.sizes, l - 1) + low * width,
                    item(plan.bias_at, l) + first,
                )
                _descend(model, rules, at, (high - low) * width, rate, factor, rules.decay, t)
                _descend(model, rules, bias, width if biases else 0, rate, factor, 0.0, t)
            if l > 1:
                _turn(plan, model.parameters, work.turned, l, low, high)
    return arrivals


@inlined
def _gradient(
    plan: Plan, data: Data, flow: Flow, work: Work, rules: Rules, rows: Any, target: Any, l: int, first: int,
    low: int, high: int, biases: bool, in_order: bool, threads: int,
) -> None:  # fmt: skip
    """BP3 and BP4 for a panel of outputs, from the input neurons ``low`` to ``high``: Σ δ and Σ δ aᵀ, added to ``target``."""
    wide, count, delta = WIDE // target.itemsize, len(rows), flow.delta
    panel, width = item(plan.weight_at, l) + first * item(plan.sizes, l - 1), min(wide, item(plan.padded, l) - first)
    d, d_row, bias = item(plan.row_at, l) + first, item(plan.strides, l), item(plan.bias_at, l) + first
    used, a_row = item(plan.row_at, l - 1) + low, item(plan.strides, l - 1)
    if l == 1 and in_order:
        for part in range(threads):
            places = len(work.places) // threads * part
            from_, to = _share(item(plan.sizes, 0), part, threads)
            if from_ >= low and to <= high:
                if width == wide:
                    _collect_wide(work, places, from_, to, delta, d, d_row, target, panel)
                else:
                    _collect_narrow(work, places, from_, to, delta, d, d_row, target, panel)
    elif l == 1 and rules.sparse:
        if width == wide:
            _spread_wide(data, rows, count, item(plan.sizes, 0), low, high, delta, d, d_row, target, panel)
        else:
            _spread_narrow(data, rows, count, item(plan.sizes, 0), low, high, delta, d, d_row, target, panel)
    elif width == wide:
        product_wide(flow.used, used, 1, a_row, high - low, delta, d, d_row, count, target, panel + low * width, width)
    else:
        product_narrow(
            flow.used, used, 1, a_row, high - low, delta, d, d_row, count, target, panel + low * width, width
        )
    if biases and width == wide:
        product_wide(work.ones, 0, 0, 0, 1, delta, d, d_row, count, target, bias, 0)
    elif biases:
        product_narrow(work.ones, 0, 0, 0, 1, delta, d, d_row, count, target, bias, 0)


@inlined
def _share(inputs: int, thread: int, threads: int) -> tuple[int, int]:
    """A thread's share of input neurons: squares of weights that can be turned, but for the last."""
    squares = (inputs + SQUARE - 1) // SQUARE
    return min(squares * thread // threads * SQUARE, inputs), min(squares * (thread + 1) // threads * SQUARE, inputs)


@inlined
def _part(plan: Plan, rules: Rules, l: int, thread: int, threads: int, wide: int) -> tuple[int, int, int, int, bool]:
    """Which weights a thread changes: from which input neuron to which, from which output to which; and the biases?

    Of a first layer that takes inks and has several panels, whole panels: the same that the thread reads on the way
    forward, so that no weight wanders from one processor's cache to the other's. Else some input neurons' weights.
    """
    if l == 1 and rules.by_columns:
        begin, end = _panels(plan, thread, threads, wide)
        return 0, item(plan.sizes, 0), begin, end, True
    low, high = _share(item(plan.sizes, l - 1), thread, threads)
    return low, high, 0, item(plan.padded, l), (l - 1) % threads == thread


@inlined
def _panels(plan: Plan, thread: int, threads: int, wide: int) -> tuple[int, int]:
    """A thread's share of the first layer's outputs: whole panels."""
    panels = (item(plan.padded, 1) + wide - 1) // wide
    return panels * thread // threads * wide, min(panels * (thread + 1) // threads * wide, item(plan.padded, 1))


@inlined
def _meet(meeting: Any, arrivals: int, threads: int) -> int:
    """Wait for the other threads; how many arrivals there have been."""
    if threads > 1:
        arrivals += threads
        arrive(meeting)
        await_all(meeting, arrivals)
    return arrivals


@compiled
def _square(plan: Plan, g: Any, squares: Any, rules: Rules, thread: int, threads: int) -> None:
    """The squares of this thread's part of the gradient, a sum for each input neuron, and one for a layer's biases."""
    at, wide = 0, WIDE // g.itemsize
    for l in range(1, len(plan.sizes)):
        low, high, _, _, biases = _part(plan, rules, l, thread, threads, wide)
        for k in range(low, high):
            total = 0.0
            for first in range(0, item(plan.padded, l), wide):
                width = min(wide, item(plan.padded, l) - first)
                row = item(plan.weight_at, l) + first * item(plan.sizes, l - 1) + k * width
                for i in range(row, row + width):
                    total += np.float64(item(g, i)) * np.float64(item(g, i))
            squares[at + k] = total
        if biases:
            total = 0.0
            for i in range(item(plan.bias_at, l), item(plan.bias_at, l) + item(plan.padded, l)):
                total += np.float64(item(g, i)) * np.float64(item(g, i))
            squares[at + item(plan.sizes, l - 1)] = total
        at += item(plan.sizes, l - 1) + 1


@compiled
def _scale(x: Any, factor: float) -> None:
    """Weight decay in place: x · (1 − η λ)."""
    f = x.dtype.type(factor)
    for i in range(len(x)):
        x[i] *= f


@in_order
def _descend(model: Model, rules: Rules, at: int, count: int, rate: float, factor: float, decay: float, t: int) -> None:
    """The optimizer's step for the ``count`` parameters from ``at`` (see :mod:`glassnet.optimizers`).

    An average is divided by what it is divided by before the learning rate makes it smaller, lest it be taken for 0: so a step
    is wrong by at most η N / ε, with N the smallest normal number. Bytes: r · count · (3 for plain descent, 5 with one running
    average, 7 with two).
    """
    real = model.parameters.dtype.type
    w, g = model.parameters[at : at + count], model.gradient[at : at + count]
    eta, scale, pull, one = real(rate), real(factor), real(decay), real(1)
    momentum, keep, epsilon = real(rules.momentum), real(rules.keep), real(rules.epsilon)
    # 1 − β, before it is rounded: of 1 − 0.999 in float32, five digits would be left.
    new, fresh = real(1 - rules.momentum), real(1 - rules.keep)
    if rules.optimizer == SGD and rules.momentum == 0:
        for i in range(count):
            w[i] -= eta * (scale * item(g, i) + pull * item(w, i))
    elif rules.optimizer == SGD:
        v = model.first[at : at + count]
        ahead, straight = (momentum, one) if rules.nesterov else (one, real(0))
        for i in range(count):
            slope = scale * item(g, i) + pull * item(w, i)
            velocity = momentum * item(v, i) + slope
            v[i] = velocity
            w[i] -= eta * (straight * slope + ahead * velocity)
    elif rules.optimizer == RMSPROP:
        s = model.second[at : at + count]
        if rules.momentum == 0:
            for i in range(count):
                slope = scale * item(g, i) + pull * item(w, i)
                square = keep * item(s, i) + fresh * slope * slope
                s[i] = square
                w[i] -= eta * (slope / (math.sqrt(square) + epsilon))
        else:
            v = model.first[at : at + count]
            for i in range(count):
                slope = scale * item(g, i) + pull * item(w, i)
                square = keep * item(s, i) + fresh * slope * slope
                velocity = momentum * item(v, i) + slope / (math.sqrt(square) + epsilon)
                s[i] = square
                v[i] = velocity
                w[i] -= eta * velocity
    else:
        m, s = model.first[at : at + count], model.second[at : at + count]
        apart = real(rate * decay) if rules.optimizer == ADAMW else real(0)
        pull = real(0) if rules.optimizer == ADAMW else pull
        rise = real(rate / (1 - rules.momentum**t))
        spread = real(1 / math.sqrt(1 - rules.keep**t))
        for i in range(count):
            slope = scale * item(g, i) + pull * item(w, i)
            mean = momentum * item(m, i) + new * slope
            square = keep * item(s, i) + fresh * slope * slope
            m[i] = mean
            s[i] = square
            w[i] -= rise * (mean / (math.sqrt(square) * spread + epsilon)) + apart * item(w, i)


# ── What is called from Python (beside list_inks) ────────────────────────────────────────────────────────────────────


@entry
def learn(
    plan: Plan, model: Model, data: Data, flow: Flow, work: Work, rules: Rules, rows: Any, size: int, costs: Any,
    rates: Any, t: int, key: Any, turned: bool, thread: int, threads: int, meeting: Any,
) -> None:  # fmt: skip
    """Do one minibatch of ``size`` rows after the other: this thread's part of it.

    ``rates`` holds the learning rate of each minibatch; ``t`` counts the optimizer's steps, from 1; ``key`` is dropout's
    for this epoch; ``turned`` says that ``work.turned`` holds the weights as they are; ``meeting`` is where threads wait for
    each other. Each minibatch's mean cost goes to ``costs``, and how many minibatches were done to the meeting's entry
    ``DONE``: not all where several threads take longer than its entry ``LIMIT``, in nanoseconds, if that is not 0. They then
    leave off after a minibatch: beside other programs, it may have taken them a hundred times as long as usual.
    """
    flushed(
        _learn,
        (plan, model, data, flow, work, rules, rows, size, costs, rates, t, key, turned, thread, threads, meeting),
    )  # fmt: skip


@compiled
def _learn(
    plan: Plan, model: Model, data: Data, flow: Flow, work: Work, rules: Rules, rows: Any, size: int, costs: Any,
    rates: Any, t: int, key: Any, turned: bool, thread: int, threads: int, meeting: Any,
) -> None:  # fmt: skip
    stay_apart()
    if len(costs) == 0:
        return
    arrivals = 0
    if not turned:
        for l in range(2, len(plan.sizes)):
            begin, end = _share(item(plan.sizes, l - 1), thread, threads)
            _turn(plan, model.parameters, work.turned, l, begin, end)
        arrivals = _meet(meeting, arrivals, threads)
    limit = item(meeting, LIMIT) if thread == 0 and threads > 1 else 0
    until = nanoseconds(meeting) + limit if limit > 0 else 0
    for m in range(len(costs)):
        # The others read this after the next meeting, and before the one after it, so all end with the same minibatch.
        if limit > 0 and nanoseconds(meeting) > until:
            put(meeting, OVER, 1)
        part = rows[m * size : min((m + 1) * size, len(rows))]
        count = len(part)
        low, high = count * thread // threads, count * (thread + 1) // threads
        following = rows[(m + 1) * size : min((m + 2) * size, len(rows))]
        if rules.sparse and rules.by_columns:
            begin, end = _panels(plan, thread, threads, WIDE // flow.z.itemsize)
            _forward_inks(plan, model.parameters, data, flow, part, following, 0, count, begin, end)
            arrivals = _meet(meeting, arrivals, threads)
        elif rules.sparse:
            _forward_inks(plan, model.parameters, data, flow, part, following, low, high, 0, item(plan.padded, 1))
        _forward(plan, model.parameters, data, flow, part, following, low, high, rules.sparse, rules.dropout, key)
        scale = (-item(rates, m) if rules.in_place else 1.0) / count
        _output_error(plan, data, flow, work.costs, rules, part, low, high, scale)
        _backward(plan, flow, work.turned, rules.dropout, low, high)
        arrivals = _meet(meeting, arrivals, threads)
        is_over = item(meeting, OVER) > 0
        if thread == 0:
            put(meeting, DONE, m + 1)
            total = 0.0
            for b in range(count):
                total += item(work.costs, b)
            costs[m] = total / count
        arrivals = _change(
            plan, model, data, flow, work, rules, part, item(rates, m), t + m, thread, threads, meeting, arrivals
        )
        arrivals = _meet(meeting, arrivals, threads)
        if is_over:
            break


@entry
def answer(
    table: Any, alphas: Any, parameters: Any, inputs: Any, low: int, high: int, tile: int, room: Any, places: Any,
    positions: Any, z: Any, a: Any,
) -> None:  # fmt: skip
    """The last layer's weighted sums and activations for the examples ``low`` to ``high``, ``tile`` of them at a time.

    What is zero in a tile is left out if that is most of it. ``table`` is a :class:`Plan`, row after row; ``room`` holds
    the tile's z, its a, and its inks' values; ``places`` where each example's inks begin, and row numbers. They are
    handed over in so few arrays because each costs a tenth of a microsecond, of two for one image.
    """
    flushed(_answer, (table, alphas, parameters, inputs, low, high, tile, room, places, positions, z, a))


@compiled
def _answer(
    table: Any, alphas: Any, parameters: Any, inputs: Any, low: int, high: int, tile: int, room: Any, places: Any,
    positions: Any, z: Any, a: Any,
) -> None:  # fmt: skip
    stay_apart()
    plan = Plan(
        table[0], table[1], table[2], table[3], table[4], table[5], table[6], table[7], alphas
    )  # fmt: skip
    last = len(plan.sizes) - 1
    width, outputs, stride, at = (
        item(plan.sizes, 0),
        item(plan.sizes, last),
        item(plan.strides, last),
        item(plan.row_at, last),
    )
    size = item(plan.row_at, last) + tile * stride
    values, lanes = room[2 * size :], NARROW // room.itemsize
    none = room[0:0]
    starts, rows = places[: tile + 1], places[tile + 1 :]
    flow = Flow(room[:size], room[size : 2 * size], room[size : 2 * size], none, none)
    for first in range(low, high, tile):
        count = min(tile, high - first)
        inks = 0
        for b in range(count):
            source = (first + b) * width
            for block in range(0, width, lanes):
                end = min(block + lanes, width)
                if block + lanes <= width and blank(load(inputs, source + block, NARROW)):
                    continue
                for k in range(block, end):
                    x = item(inputs, source + k)
                    put(positions, inks, k)
                    put(values, inks, x)
                    inks += x != 0
            starts[b + 1] = inks
        sparse = inks < SPARSE * count * width
        for b in range(count):
            rows[b] = b if sparse else first + b
        data = Data(inputs, starts, positions, values, none, none, rows)
        if sparse:
            _forward_inks(plan, parameters, data, flow, rows, rows[:0], 0, count, 0, item(plan.padded, 1))
        _forward(plan, parameters, data, flow, rows, rows[:0], 0, count, sparse, 0.0, np.uint64(0))
        for b in range(count):
            for j in range(outputs):
                z[(first + b) * outputs + j] = item(flow.z, at + b * stride + j)
                a[(first + b) * outputs + j] = item(flow.a, at + b * stride + j)
