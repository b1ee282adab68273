"""The fused engine: the reference's minibatch steps, in compiled loops that write in place.

It takes the same steps in the same order and gives the same numbers to rounding; :mod:`glassnet.machine.kernels` has the loops.
This module prepares what they work on: it lays out the parameters in panels, makes lists of the inks of sparse inputs,
looks up the code of each activation, and lets as many threads run as a minibatch is worth.

>>> from glassnet import Network
>>> from glassnet.engine.fused import predictor
>>> answer = predictor(Network.random((784, 16, 16, 10)))
>>> answer(np.zeros(784, np.float32)).shape
(10,)
"""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from glassnet.activations import ACTIVATIONS
from glassnet.arrays import Array, moved, to_numpy
from glassnet.costs import COSTS, Cost
from glassnet.data import Dataset
from glassnet.engine.reference import Batches, Dropout
from glassnet.errors import WrongValue
from glassnet.machine import kernels
from glassnet.machine.compiled import is_loaded, loading
from glassnet.machine.kernels import Data, Flow, Model, Plan, Rules, Work
from glassnet.machine.threads import Pace, available, check_threads, together
from glassnet.machine.vectors import DONE, LIMIT, NARROW, WIDE, new_meeting
from glassnet.network import Layer, Network, Parameters
from glassnet.optimizers import OPTIMIZERS, SGD, Constant, Memory, Optimizer, Schedule

__all__ = ["Fused", "Predictor", "lacking", "load_kernels", "predictor"]

_THREAD = 200_000
"""Multiplications and additions in a minibatch for which one more thread is tried: some 10 microseconds of work, as much as
threads need to wait for each other."""
_LIST = 2**14
"""Inputs for which one more thread is taken where the nonzero ones are listed."""
_LINE = 64
"""Bytes of a cache line."""
_ALL_THERE = 2**62
"""Count of arrivals that releases every waiting thread: more than can ever be waited for."""
_TILE = 64
"""Smallest number of examples that a predictor computes together; up to four times as many, if their activations stay in a
cache: the weights are read once for each such tile."""
_STAY = 2**21
"""Bytes of activations that are assumed to stay in a core's cache."""
_ROOT = {"sgd": "velocity", "rmsprop": "velocity", "adam": "mean", "adamw": "mean"}
"""Which of an optimizer's running averages the kernels keep as their first; the second is always its "square"."""


def lacking(network: Network, cost: Cost | None = None, optimizer: Optimizer | None = None) -> str | None:
    """What the fused engine has no kernel for in these settings, by name; None if it can train this."""
    arrays = [array for layer in network.layers for array in (layer.weight, layer.bias)]
    if not all(isinstance(array, np.ndarray) for array in arrays):
        return f"arrays of {type(arrays[0]).__module__.partition('.')[0]}"
    kinds = {array.dtype for array in arrays}
    if len(kinds) > 1 or arrays[0].dtype not in (np.float32, np.float64):
        return f"numbers of type {', '.join(sorted(map(str, kinds)))}"
    for activation in network.activations:
        if ACTIVATIONS.get(activation.name) is not type(activation):
            return f"the activation {activation.name}"
    if cost is not None and COSTS.get(cost.name) is not type(cost):
        return f"the cost {cost.name}"
    if optimizer is not None and OPTIMIZERS.get(optimizer.name) is not type(optimizer):
        return f"the optimizer {optimizer.name}"
    return None


# ── Layout ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _plan(network: Network, rows: int, sparse: bool) -> tuple[Plan, int, int, int]:
    """Where everything lies, for minibatches of up to ``rows``; how many parameters, activations and turned weights."""
    itemsize = network.layers[0].bias.dtype.itemsize
    lanes = NARROW // itemsize
    sizes = np.array(network.sizes)
    padded = -(-sizes // lanes) * lanes
    # Rows a multiple of 1,024 bytes apart would all fall into the same few places of the cache.
    strides = padded + np.where(padded * itemsize % 1024 == 0, lanes, 0)
    strides[0] = 0 if sparse else strides[0]
    row_at = np.concatenate([[0], np.cumsum(strides * rows)])
    weight_at, bias_at, turned_at, parameters, turned = [0], [0], [0], 0, 0
    for l in range(1, len(sizes)):
        weight_at.append(parameters)
        bias_at.append(parameters + int(sizes[l - 1] * padded[l]))
        turned_at.append(turned)
        parameters = bias_at[-1] + int(padded[l])
        turned += int(padded[l] * padded[l - 1]) if l > 1 else 0
    codes = [0, *(kernels.ACTIVATION_CODES[each.name] for each in network.activations)]
    alphas = [0.0, *(float(getattr(each, "alpha", 0.0)) for each in network.activations)]
    places = [np.array(each, np.int64) for each in (padded, strides, row_at[:-1], weight_at, bias_at, turned_at, codes)]
    plan = Plan._make([sizes.astype(np.int64), *places, np.array(alphas)])
    return plan, parameters, int(row_at[-1]), turned


def _panels(plan: Plan, flat: NDArray[Any], l: int) -> list[tuple[int, NDArray[Any]]]:
    """The panels of a layer's weights: each one's first output, and (in, outputs) as a view of the flat parameters."""
    inputs, padded, wide = int(plan.sizes[l - 1]), int(plan.padded[l]), WIDE // flat.itemsize
    panels = []
    for first in range(0, padded, wide):
        width, at = min(wide, padded - first), int(plan.weight_at[l]) + first * inputs
        panels.append((first, flat[at : at + inputs * width].reshape(inputs, width)))
    return panels


def _packed(plan: Plan, layers: Parameters, count: int) -> NDArray[Any]:
    """The parameters in the kernels' layout; what is filled up is zero."""
    flat = _room(count, layers[0].bias.dtype)
    for l, layer in enumerate(layers, start=1):
        out = len(layer.bias)
        for first, panel in _panels(plan, flat, l):
            part = layer.weight[first : first + panel.shape[1]]
            panel[:, : len(part)] = part.T
        flat[plan.bias_at[l] : plan.bias_at[l] + out] = layer.bias
    return flat


def _unpacked(plan: Plan, flat: NDArray[Any]) -> Parameters:
    """A copy of the parameters in glassnet's own layout."""
    layers = []
    for l in range(1, len(plan.sizes)):
        inputs, out = int(plan.sizes[l - 1]), int(plan.sizes[l])
        weight = np.empty((out, inputs), flat.dtype)
        for first, panel in _panels(plan, flat, l):
            weight[first : first + panel.shape[1]] = panel[:, : out - first].T
        layers.append(Layer(weight, flat[plan.bias_at[l] : plan.bias_at[l] + out].copy()))
    return tuple(layers)


def _room(count: int, dtype: Any) -> NDArray[Any]:
    """Zeros that begin at a cache line: a vector that lies across two lines takes twice as long to load."""
    size = max(count, 1) * np.dtype(dtype).itemsize
    memory = np.zeros(size + _LINE, np.uint8)
    begin = -memory.ctypes.data % _LINE
    return memory[begin : begin + size].view(dtype)


def _plain(array: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """The array itself, if kernels for it are there: those of read-only and of strided arrays would be others; or a copy."""
    return np.require(array, dtype, ["C", "W", "A"])


def _flat(array: Array, like: NDArray[Any]) -> NDArray[Any]:
    """The numbers of an array of any library, row after row, in the dtype of ``like``; no copy where none is needed."""
    return _plain(to_numpy(array), like.dtype).reshape(-1)


def _inks(
    inputs: NDArray[Any], width: int, most: float, threads: int | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]] | None:
    """Which inputs are not zero, example by example, and how large they are; None if more than the share ``most`` are."""
    n = len(inputs) // width
    starts, places = np.zeros(n + 1, np.int64), np.zeros(1, np.uint16 if width <= 2**16 else np.uint32)
    kernels.list_inks(inputs, width, starts, places, inputs[:1].copy(), False, 0, n)
    count = int(starts[-1])
    if count > most * len(inputs):
        return None
    positions, values = np.empty(max(count, 1), places.dtype), np.empty(max(count, 1), inputs.dtype)

    def fill(thread: int, threads: int) -> None:
        low, high = (n * each // threads for each in (thread, thread + 1))
        kernels.list_inks(inputs, width, starts, positions, values, True, low, high)

    together(fill, min(threads or available(), 1 + len(inputs) // _LIST))
    return starts, positions, values


# ── The engine ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True, eq=False)
class FusedState:
    """The fused engine's state: arrays that are written in place."""

    network: Network  # for its activations; its numbers are in the model
    optimizer: Optimizer
    memory: Memory  # without its running averages, which are in the model
    dropout: Dropout | None
    plan: Plan
    model: Model
    data: Data
    flow: Flow
    work: Work
    rules: Rules
    rows: int  # for how many there is room in a minibatch
    pace: Pace  # how many threads work
    predictor: Predictor  # shares the model's parameters
    most: int  # inks of an example for which there is room
    turned: bool = False  # whether work.turned holds the weights as they are
    calls: int = 0  # of the kernel, since there is room for these minibatches


class Fused:
    """The minibatch steps of the reference engine, in compiled loops. For NumPy arrays of float32 or float64.

    Args:
        threads: how many may work on a minibatch; None: as many as it is worth, and there are processors (of which
            OMP_NUM_THREADS may allow fewer). The result does not depend on it.
        keep: whether to keep what was made of the inputs of the last two data sets, as long as they are there, so that a
            training that goes on from elsewhere in its course is open at once. Their inputs must not be written into.
    """

    name: ClassVar[str] = "fused"

    def __init__(self, threads: int | None = None, keep: bool = False) -> None:
        check_threads(threads)
        self.threads = threads
        self.keep = keep
        self._kept: deque[tuple[weakref.ref[Any], Any, Any]] = deque(maxlen=2)

    def start(
        self,
        network: Network,
        data: Dataset,
        cost: Cost,
        optimizer: Optimizer,
        memory: Memory,
        dropout: Dropout | None = None,
    ) -> FusedState:
        """Lay out the parameters, list the inks of sparse inputs, and compile the kernels or load them from the cache.

        Errors: :class:`~glassnet.errors.WrongValue` names what there is no kernel for.
        """
        lacks = lacking(network, cost, optimizer)
        if lacks is not None:
            raise WrongValue(f"the fused engine has no kernel for {lacks}: use the engine reference")
        like = network.layers[0].bias
        inputs = _flat(data.inputs, like)
        inks = self._listed(data.inputs, inputs, network.sizes[0])
        plan, count, _, _ = _plan(network, 1, inks is not None)
        hyper = {name: float(getattr(optimizer, name, 0.0)) for name in ("momentum", "weight_decay", "clip", "epsilon")}
        in_place = optimizer.name == "sgd" and not hyper["momentum"] and not hyper["clip"]
        natural = cost.natural is not None and cost.natural.activation == network.activations[-1]
        rules = Rules(
            sparse=inks is not None,
            sort_from=0,
            by_columns=False,
            cost=kernels.COST_CODES[cost.name],
            natural=natural,
            huber=float(getattr(cost, "delta", 1.0)),
            optimizer=kernels.OPTIMIZER_CODES[optimizer.name],
            in_place=in_place,
            nesterov=bool(getattr(optimizer, "nesterov", False)),
            momentum=float(getattr(optimizer, "beta1", hyper["momentum"])),
            keep=float(getattr(optimizer, "beta2", getattr(optimizer, "rho", 0.0))),
            epsilon=hyper["epsilon"],
            decay=hyper["weight_decay"],
            clip=hyper["clip"],
            dropout=0.0 if dropout is None else dropout.rate,
            least=float(np.finfo(like.dtype).tiny),
            unit=float(np.finfo(like.dtype).eps),
        )
        none = np.zeros(1, like.dtype)
        moments = [memory.moments.get(name) for name in (_ROOT[optimizer.name], "square")]
        model = Model(
            _packed(plan, network.layers, count),
            none if in_place else _room(count, like.dtype),
            *(none if each is None else _packed(plan, each, count) for each in moments),
        )
        weights = np.zeros(0, like.dtype)
        if data.weights is not None:
            weights = moved(data.weights, like)
            weights = np.ascontiguousarray(weights / weights.mean())
        starts, positions, values = (np.zeros(1, np.int64), np.zeros(1, np.uint16), none) if inks is None else inks
        examples = Data(
            none if inks is not None else inputs, starts, positions, values, _flat(data.targets, like), weights,
            np.arange(len(data)),
        )  # fmt: skip
        state = FusedState(
            network, optimizer, replace(memory, moments={}), dropout, plan, model, examples,
            Flow(none, none, none, none, none), _no_work(like), rules, 0, Pace(1),
            Predictor(network, self.threads, model.parameters),
            int(np.diff(starts).max(initial=0)),
        )  # fmt: skip
        with loading("learn", like.dtype, positions.dtype):  # no minibatch at all: only to have the kernel
            self._call(state, examples, np.zeros(0, np.int64), 1, np.zeros(0), np.zeros(0), 0, 1)
        return state

    def _listed(self, given: Any, inputs: NDArray[Any], width: int) -> tuple[NDArray[Any], ...] | None:
        if not self.keep:
            return _inks(inputs, width, kernels.SPARSE, self.threads)
        for array, dtype, inks in tuple(self._kept):
            if array() is given and dtype == inputs.dtype:
                return inks
        inks = _inks(inputs, width, kernels.SPARSE, self.threads)
        self._kept.append((weakref.ref(given), inputs.dtype, inks))
        return inks

    def advance(self, state: FusedState, batches: Batches) -> tuple[FusedState, Float[NDArray[Any], " minibatches"]]:
        """One minibatch after the other, without a word of Python between them.

        Errors: :class:`~glassnet.errors.WrongValue` for other inputs than one for each row.
        """
        data, rows = state.data, _plain(batches.rows, np.int64)
        most = state.most if batches.inputs is None else state.network.sizes[0]
        self._make_room(state, min(batches.size, len(rows)), most)
        if batches.inputs is not None:
            data, rows = self._replaced(state, rows, batches.inputs), np.arange(len(rows))
        size, count = batches.size, -(-len(rows) // batches.size)
        rates, costs = _rates(state.optimizer, state.memory, count), np.zeros(count)
        done = 0
        while done < count:
            stretch = state.pace.next(count - done)
            end = done + stretch.pieces
            began = time.perf_counter()
            part = rows[done * size : end * size]
            worked, did = self._call(
                state, data, part, size, costs[done:end], rates[done:end], batches.epoch, stretch.threads, stretch.limit
            )
            if state.calls > 1:  # in the first, the arrays are touched for the first time
                state.pace.note(worked, did, time.perf_counter() - began)
            done += did
        return state, costs

    def checkpoint(self, state: FusedState) -> tuple[Network, Memory]:
        """Copies, in glassnet's own layout."""
        plan, model = state.plan, state.model
        names = {_ROOT[state.optimizer.name]: model.first, "square": model.second}
        moments = {name: _unpacked(plan, names[name]) for name in state.optimizer.used_moments()}
        network = replace(state.network, layers=_unpacked(plan, model.parameters))
        return network, replace(state.memory, moments=moments)

    def answer(self, state: FusedState, inputs: Float[Array, "n in"]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The output layer's weighted sums and activations for other examples, with the network as it is now."""
        return state.predictor.last(inputs)

    def _call(
        self,
        state: FusedState,
        data: Data,
        rows: NDArray[Any],
        size: int,
        costs: NDArray[Any],
        rates: NDArray[Any],
        epoch: int,
        threads: int,
        limit: float | None = None,
    ) -> tuple[int, int]:
        """Do these minibatches by so many threads, or by one if others have the crew.

        Several leave off after ``limit`` seconds. The result says by how many threads how many minibatches were done.
        """
        key = np.uint64(0) if state.dropout is None else state.dropout.key(epoch)
        t = state.memory.step - state.memory.begun + 1
        meeting = new_meeting()
        meeting[LIMIT] = 0 if limit is None else int(limit * 1e9)
        shared = (
            state.plan, state.model, data, state.flow, state.work, state.rules, rows, size, costs, rates, t, key,
            state.turned,
        )  # fmt: skip
        state.turned = False  # should this be interrupted
        worked = together(
            lambda thread, threads: kernels.learn(*shared, thread, threads, meeting),
            threads,
            lambda: meeting.__setitem__(0, _ALL_THERE),
        )
        did = int(meeting[DONE])
        if did:
            state.turned, state.calls = True, state.calls + 1
        state.memory = replace(state.memory, step=state.memory.step + did)
        return worked, did

    def _replaced(self, state: FusedState, rows: NDArray[Any], inputs: Array) -> Data:
        """The examples of these rows, in their order, with other inputs."""
        data, width, outputs = state.data, state.network.sizes[0], state.network.sizes[-1]
        if tuple(inputs.shape) != (len(rows), width):  # the kernels check nothing
            raise WrongValue(f"expected inputs of shape {(len(rows), width)} for these rows, got {tuple(inputs.shape)}")
        flat = _flat(inputs, state.network.layers[0].bias)
        lists = _inks(flat, width, 1, self.threads) if state.rules.sparse else None
        return Data(
            data.inputs if lists is not None else flat,
            *(lists or (data.starts, data.positions, data.values)),
            np.take(data.targets.reshape(-1, outputs), rows, axis=0).reshape(-1),
            data.weights[rows] if len(data.weights) else data.weights,
            rows,
        )

    def _make_room(self, state: FusedState, rows: int, most: int) -> None:
        """Lay out the arrays for minibatches of so many rows and inks an example, and choose what pays for them."""
        if rows <= state.rows and most <= state.most:
            return
        rows, most = max(rows, state.rows), max(most, state.most)
        plan, _, activations, turned = _plan(state.network, rows, state.rules.sparse)
        like = state.network.layers[0].bias
        sizes, starts = state.network.sizes, state.data.starts
        n = len(starts) - 1
        inks = int(starts[-1]) / n if state.rules.sparse else sizes[0]
        work = 3 * rows * (inks * sizes[1] + sum(a * b for a, b in pairwise(sizes[1:])))
        threads = self.threads or max(1, min(available(), int(work // _THREAD)))
        wide, narrow = WIDE // like.itemsize, NARROW // like.itemsize
        panels = -(-int(plan.padded[1]) // wide)
        sparse = state.rules.sparse
        rules = state.rules._replace(
            # Sorting takes as long as changing a few panels does, and saves little where a position has few inks.
            sort_from=math.ceil(12 * sizes[0] / max(inks, 1)) if sparse and panels >= 4 else 0,
            # Panels can only be shared fairly if each thread has two, the last of which may be narrow.
            by_columns=sparse and plan.padded[1] >= 2 * wide * threads - narrow and not state.rules.clip,
        )

        def room(count: int) -> NDArray[Any]:
            return _room(count, like.dtype)

        a = room(activations)
        drops = rules.dropout > 0
        state.plan, state.rules, state.rows, state.most = plan, rules, rows, most
        state.pace, state.turned, state.calls = Pace(threads, fixed=self.threads is not None), False, 0
        state.flow = Flow(
            z=room(activations),
            a=a,
            used=room(activations) if drops else a,
            kept=room(activations if drops else 1),
            delta=room(activations),
        )
        state.work = Work(
            turned=room(turned),
            costs=np.zeros(rows),
            squares=np.zeros(sum(sizes) + len(sizes)),
            ones=np.ones(1, like.dtype),
            places=np.zeros(threads * (sizes[0] + 2) if rules.sort_from else 1, np.int64),
            members=np.zeros(threads * rows * most if rules.sort_from else 1, np.int32),
            amounts=room(threads * rows * most if rules.sort_from else 1),
        )


def _rates(optimizer: Optimizer, memory: Memory, count: int) -> NDArray[Any]:
    """The learning rates of the next ``count`` steps."""
    rate, schedule = optimizer.rate(memory), optimizer.learning_rate
    if not isinstance(schedule, Schedule) or isinstance(schedule, Constant):
        return np.full(count, float(rate))  # a whole number would ask for kernels of its own
    return np.array([schedule(step, memory.total or 0) for step in range(memory.step, memory.step + count)], float)


def _no_work(like: NDArray[Any]) -> Work:
    one = np.zeros(1, like.dtype)
    numbers, whole = np.zeros(1), np.zeros(1, np.int64)
    return Work(one, numbers, numbers, one, whole, np.zeros(1, np.int32), one)


def load_kernels(dtype: Any = np.float32) -> None:
    """Compile the kernels for numbers of this type, or load them from the cache, as the first training would otherwise."""
    network, optimizer = Network.random((2, 2), dtype=dtype), SGD(1.0)
    few, engine = np.zeros((2, 2), dtype), Fused(1)
    state = engine.start(
        network, Dataset(few, few), COSTS["squared_error"](), optimizer, optimizer.init(network.layers)
    )
    engine.answer(state, few)


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Predictor:
    """What a network says, as fast as may be: of one example in a few microseconds, or of many.

    It holds a copy of the network's numbers. Made by :func:`predictor`.
    """

    def __init__(self, network: Network, threads: int | None = None, flat: NDArray[Any] | None = None) -> None:
        like = network.layers[0].bias
        self.network = network
        self._threads = available() if threads is None else threads
        self._dtype, self._shape, self._outputs = like.dtype, (network.sizes[0],), network.sizes[-1]
        plan, count, _, _ = _plan(network, 1, False)
        self._parameters = _packed(plan, network.layers, count) if flat is None else flat
        self._alphas = plan.alphas
        self._work = sum(inputs * out for inputs, out in pairwise(network.sizes))
        rows = _STAY // (2 * like.itemsize * int(plan.strides.sum()))
        self._tile = min(max(_TILE, rows), 4 * _TILE)
        self._rooms: dict[tuple[int, int], tuple[Any, ...]] = {}
        self._lock = threading.Lock()
        self._one = self._room(0, 1)
        self._z = np.empty(self._outputs, self._dtype)
        if flat is None:
            self._load()

    def __call__(self, x: Float[Array, "*n in"] | Sequence[Any]) -> NDArray[Any]:
        """The output for one example (a vector) or for many (the rows of a matrix), as a NumPy array.

        Errors: :class:`~glassnet.errors.WrongValue` if the examples do not have as many numbers as the network takes.
        """
        if type(x) is np.ndarray and x.shape == self._shape and x.dtype is self._dtype and x.flags.carray:
            a = np.empty(self._outputs, self._dtype)
            with self._lock:
                table, room, places, positions = self._one
                kernels.answer(table, self._alphas, self._parameters, x, 0, 1, 1, room, places, positions, self._z, a)
            return a
        host = np.asarray(x, self._dtype) if isinstance(x, Sequence) else to_numpy(x)
        if host.ndim not in (1, 2) or host.shape[-1:] != self._shape:
            raise WrongValue(self._misfit(host.shape))
        a = self.last(host if host.ndim == 2 else host[None])[1]
        return a if host.ndim == 2 else a[0]

    def last(self, inputs: Float[Array, "n in"]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The last layer's weighted sums and activations for the examples in the rows.

        Errors: :class:`~glassnet.errors.WrongValue` if they do not have as many numbers as the network takes.
        """
        host = to_numpy(inputs)
        if host.ndim != 2 or host.shape[1:] != self._shape:
            raise WrongValue(self._misfit(host.shape))
        n = len(host)
        x = _plain(host, self._dtype).reshape(-1)
        z, a = np.empty((n, self._outputs), self._dtype), np.empty((n, self._outputs), self._dtype)
        tile = min(self._tile, max(n, 1))

        tiles = -(-n // tile)  # threads share whole tiles: whether one is sparse must not depend on them

        def share(thread: int, threads: int) -> None:
            low, high = (min(tiles * each // threads * tile, n) for each in (thread, thread + 1))
            table, room, places, positions = self._room(thread, tile)
            kernels.answer(
                table, self._alphas, self._parameters, x, low, high, tile, room, places, positions,
                z.reshape(-1), a.reshape(-1),
            )  # fmt: skip

        self._load()
        with self._lock:
            together(share, max(1, min(self._threads, n * self._work // (10 * _THREAD))))
        return z, a

    def _misfit(self, shape: tuple[int, ...]) -> str:
        return f"this network takes {self._shape[0]} numbers for each example, got an array of shape {tuple(shape)}"

    def _load(self) -> None:
        """Compile the kernel for these types of arrays, or load it from the cache: once in a process."""
        table, room, places, positions = self._one
        if not is_loaded("answer", self._dtype, positions.dtype):
            with loading("answer", self._dtype, positions.dtype):
                kernels.answer(
                    table, self._alphas, self._parameters, room, 0, 0, 1, room, places, positions, self._z, self._z
                )

    def _room(self, thread: int, tile: int) -> tuple[Any, ...]:
        """A thread's own arrays for so many examples at a time."""
        if (thread, tile) not in self._rooms:
            plan, _, activations, _ = _plan(self.network, tile, False)
            inputs = self._shape[0]
            self._rooms[thread, tile] = (
                np.stack(plan[:-1]),
                _room(2 * activations + tile * inputs + 1, self._dtype),
                np.zeros(2 * tile + 1, np.int64),
                np.zeros(tile * inputs + 1, np.uint32 if inputs > 2**16 else np.uint16),
            )
        return self._rooms[thread, tile]


def predictor(network: Network, threads: int | None = None) -> Predictor:
    """A compiled function that gives the network's output for one example or for many.

    Its numbers are the network's to rounding. ``threads`` is for many examples: None: as many as there are processors.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is no kernel for.
    """
    check_threads(threads)
    lacks = lacking(network)
    if lacks is not None:
        raise WrongValue(f"the fused engine has no kernel for {lacks}: call the network itself")
    return Predictor(network, threads)
