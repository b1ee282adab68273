"""Engines: what takes the steps. The reference engine takes them with the page you can read, in any array library.

An engine keeps its own state between calls, in a layout of its own (a compiled engine may hold the weights transposed),
so the rest of glassnet only starts it, advances it by many minibatches at once, and asks for a checkpoint. Grouping
minibatches into calls never changes a byte of the result.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from glassnet.arrays import Array, device_of, from_numpy, moved, namespace, to_numpy
from glassnet.backprop import backward
from glassnet.costs import Cost, cost_of
from glassnet.data import Dataset
from glassnet.machine.hashing import hashed, mixed, uniform
from glassnet.network import Network, map_parameters
from glassnet.optimizers import Memory, Optimizer

__all__ = ["ARITHMETIC", "Batches", "Dropout", "Engine", "Reference"]

ARITHMETIC = 2
"""Counts the ways in which versions of glassnet calculated a step, wherever that can change its last digit. A run notes it, so
that training it again by another one can say so.

1: compiled loops keep subnormal numbers, in float32 those below 1.2e-38 in size. 2: compiled loops, those of the fused engine
and of deformations, take them as 0; the reference engine goes by its array library, as before.

Raise it with every change of what a step gives, to the last digit, and say in :mod:`glassnet.runs.replay` what the version
before did.
"""

_STREAM = int.from_bytes(b"dropout", "big")
"""Tells these random numbers from others that are hashes of the same seed."""


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Minibatches to be done one after the other.

    Attributes:
        rows: the row numbers of their examples, in order.
        size: how many of them make a minibatch; the last may have fewer.
        epoch: how many epochs are complete; dropout depends on it.
        inputs: what to learn from in place of the rows' own inputs, in the same order; None: their own.
    """

    rows: Int[NDArray[Any], " examples"]
    size: int
    epoch: int
    inputs: Float[NDArray[Any], "examples in"] | None = None


@dataclass(frozen=True, slots=True)
class Dropout:
    """Which hidden neurons are silenced: a function of (seed, epoch, layer, example, neuron) and nothing else.

    So any step can be replayed, alone, by any engine (see :mod:`glassnet.machine.hashing`).
    """

    rate: float
    seed: int

    def key(self, epoch: int) -> np.uint64:
        """What the seed and the epoch are hashed into, for compiled engines."""
        return hashed(self.seed, _STREAM, epoch)

    def factors(
        self, epoch: int, rows: Int[NDArray[Any], " n"], layer: int, width: int
    ) -> Float[NDArray[Any], "n width"]:
        """For n examples and the neurons of a layer: 0 if silenced, else 1 / (1 − rate), which keeps the mean."""
        key = mixed(np.full(1, self.key(epoch)) + np.uint64(layer))
        per_example = mixed(key + rows.astype(np.uint64))
        per_neuron = mixed(per_example[:, None] + np.arange(width, dtype=np.uint64))
        return np.where(uniform(per_neuron) < self.rate, 0.0, 1 / (1 - self.rate))


@runtime_checkable
class Engine(Protocol):
    """What takes the steps of a training. The state is the engine's own: keep it, hand it back, do not look inside."""

    name: ClassVar[str]

    def start(
        self,
        network: Network,
        data: Dataset,
        cost: Cost,
        optimizer: Optimizer,
        memory: Memory,
        dropout: Dropout | None = None,
    ) -> Any:
        """Take in the network, the optimizer's memory and the data; the state from which :meth:`advance` goes on."""

    def advance(self, state: Any, batches: Batches) -> tuple[Any, Float[NDArray[Any], " minibatches"]]:
        """Do these minibatches; the new state, and each minibatch's mean cost as it was before its step."""

    def checkpoint(self, state: Any) -> tuple[Network, Memory]:
        """The network and the optimizer's memory as they are now, safe from later steps."""

    def answer(self, state: Any, inputs: Float[Array, "n in"]) -> tuple[Float[Array, "n out"], Float[Array, "n out"]]:
        """The output layer's weighted sums and activations for other examples, with the network as it is now."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceState:
    """The reference engine's state: plain values, replaced at every step."""

    network: Network
    memory: Memory
    inputs: Float[Array, "n in"]
    targets: Float[Array, "n out"]
    weights: Float[Array, " n"] | None
    cost: Cost
    optimizer: Optimizer
    dropout: Dropout | None


class Reference:
    """Forward, backward, update: the readable functions themselves, on arrays of any library and any device."""

    name: ClassVar[str] = "reference"

    def start(
        self,
        network: Network,
        data: Dataset,
        cost: Cost,
        optimizer: Optimizer,
        memory: Memory,
        dropout: Dropout | None = None,
    ) -> ReferenceState:
        """Move the data to the library, precision and device of the network, and scale the weights to a mean of 1."""
        like = network.layers[0].bias
        weights = None
        if data.weights is not None:
            # A mean of 1 over all the data, not over each minibatch, so that the mean of the minibatches' gradients is
            # the gradient of the weighted cost.
            weights = moved(data.weights, like)
            weights = weights / namespace(weights).mean(weights)
        return ReferenceState(
            network, memory, moved(data.inputs, like), moved(data.targets, like), weights, cost, optimizer, dropout
        )

    def advance(
        self, state: ReferenceState, batches: Batches
    ) -> tuple[ReferenceState, Float[NDArray[Any], " minibatches"]]:
        """One minibatch after the other."""
        xp = namespace(state.inputs)
        rows = batches.rows if xp is np else xp.asarray(batches.rows, device=device_of(state.inputs))
        network, memory, costs = state.network, state.memory, []
        # Numbers that overflow show in the cost, where train() looks; NumPy's warnings would only say it again.
        with np.errstate(over="ignore", invalid="ignore"):
            for first in range(0, len(batches.rows), batches.size):
                part = slice(first, min(first + batches.size, len(batches.rows)))
                inputs = None if batches.inputs is None else from_numpy(batches.inputs[part], network.layers[0].bias)
                network, memory, cost = self._step(
                    state, network, memory, rows[part], batches.rows[part], batches.epoch, inputs
                )
                costs.append(cost)
        return replace(state, network=network, memory=memory), to_numpy(xp.stack(costs)).astype(np.float64)

    def checkpoint(self, state: ReferenceState) -> tuple[Network, Memory]:
        """The state's own network and memory: they are never written into."""
        return state.network, state.memory

    def answer(
        self, state: ReferenceState, inputs: Float[Array, "n in"]
    ) -> tuple[Float[Array, "n out"], Float[Array, "n out"]]:
        """As the network itself says."""
        forward = state.network.forward(inputs)
        return forward.zs[-1], forward.activations[-1]

    def _step(
        self,
        state: ReferenceState,
        network: Network,
        memory: Memory,
        rows: Any,
        host_rows: Any,
        epoch: int,
        inputs: Any,
    ) -> tuple[Network, Memory, Any]:
        xp = namespace(state.inputs)
        x = xp.take(state.inputs, rows, axis=0) if inputs is None else inputs
        y = xp.take(state.targets, rows, axis=0)
        weights = None if state.weights is None else xp.take(state.weights, rows, axis=0)
        dropout = None
        if state.dropout is not None:
            hidden = enumerate(network.sizes[1:-1], start=1)
            factors = (state.dropout.factors(epoch, host_rows, layer, width) for layer, width in hidden)
            dropout = (None, *(from_numpy(each, network.layers[0].bias) for each in factors))

        forward = network.forward(x, dropout)
        costs = cost_of(state.cost, network.activations[-1], forward.zs[-1], forward.activations[-1], y)
        gradient = backward(network, forward, y, state.cost, weights).gradient
        step, memory = state.optimizer.update(gradient, memory, network.layers)
        layers = map_parameters(lambda parameter, change: parameter + change, network.layers, step)

        cost = xp.mean(costs if weights is None else costs * weights)
        return replace(network, layers=layers), memory, cost
