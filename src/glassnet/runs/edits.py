"""Edits: what a hand changes in a network, as plain data that can be recorded, done again and taken back.

>>> from glassnet.network import Network
>>> network = Network.random((4, 3, 2))
>>> float(edited(network, [Edit("bias", layer=2, neuron=1, values=(0.5,))]).layers[1].bias[1])
0.5
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from glassnet.arrays import to_numpy
from glassnet.errors import WrongValue
from glassnet.network import Layer, Network

__all__ = ["KINDS", "Edit", "EditKind", "edited", "effective"]

EditKind: TypeAlias = Literal["weight", "bias", "weights", "mute"]

KINDS: tuple[EditKind, ...] = ("weight", "bias", "weights", "mute")
"""What can be done to a neuron."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of one neuron.

    Attributes:
        kind: "weight" sets one incoming weight, "weights" all of them, "bias" the bias; "mute" sets the neuron's outgoing
            weights to 0, so that nothing it says is heard.
        layer: counted from 1.
        neuron: counted from 0.
        values: the new number, or numbers; none for "mute".
        input: of "weight", which neuron of the layer before, counted from 0.
        stroke: of a hand that moves: edits of one movement have the same number, and count as one.
    """

    kind: EditKind
    layer: int
    neuron: int
    values: tuple[float, ...] = ()
    input: int | None = None
    stroke: int | None = None

    def follows(self, other: Edit) -> bool:
        """Whether this goes on with the movement of another, and takes its place."""
        mine, its = ((each.stroke, each.kind, each.layer, each.neuron, each.input) for each in (self, other))
        return self.stroke is not None and mine == its

    def to_data(self) -> dict[str, Any]:
        """The edit as plain data for JSON."""
        data: dict[str, Any] = {"kind": self.kind, "layer": self.layer, "neuron": self.neuron}
        if self.input is not None:
            data["input"] = self.input
        if self.values:
            data["values"] = list(self.values)
        return data

    @classmethod
    def from_data(cls, data: Any) -> Edit:
        """The edit that :meth:`to_data` recorded.

        Errors: :class:`~glassnet.errors.WrongValue`.
        """
        try:
            kind, layer, neuron = data["kind"], data["layer"], data["neuron"]
            values, number = tuple(map(float, data.get("values", ()))), data.get("input")
        except (TypeError, KeyError, ValueError, AttributeError):
            raise WrongValue(f"expected an edit with its kind, layer and neuron, got {data!r:.60}") from None
        numbers = [layer, neuron, *([] if number is None else [number])]
        if kind not in KINDS or not all(type(each) is int for each in numbers) or not all(map(math.isfinite, values)):
            raise WrongValue(f"expected an edit with its kind, layer and neuron, got {data!r:.60}")
        return cls(kind, layer, neuron, values, number)


def edited(network: Network, edits: Iterable[Edit]) -> Network:
    """The network with these edits, one after the other; itself where there are none. Only arrays that change are copied.

    Errors: :class:`~glassnet.errors.WrongValue` for a neuron or weight that is not there, the wrong count of numbers, a
    number that is not finite in the network's own type, and an output that is muted.
    """
    arrays: dict[tuple[int, str], NDArray[Any]] = {}

    def array(layer: int, what: str) -> NDArray[Any]:
        if (layer, what) not in arrays:
            arrays[layer, what] = to_numpy(getattr(network.layers[layer - 1], what)).copy()
        return arrays[layer, what]

    count = len(network.layers)
    for each in edits:
        if not 1 <= each.layer <= count:
            raise WrongValue(f"there is no layer {each.layer}: this network has the layers 1 to {count}")
        inputs, outputs = network.sizes[each.layer - 1], network.sizes[each.layer]
        if not 0 <= each.neuron < outputs:
            raise WrongValue(f"layer {each.layer} has the neurons 0 to {outputs - 1}, got {each.neuron}")
        match each.kind:
            case "bias":
                array(each.layer, "bias")[each.neuron] = _numbers(each.values, 1, network)[0]
            case "weight":
                if each.input is None or not 0 <= each.input < inputs:
                    raise WrongValue(
                        f"neurons of layer {each.layer} have the inputs 0 to {inputs - 1}, got {each.input}"
                    )
                array(each.layer, "weight")[each.neuron, each.input] = _numbers(each.values, 1, network)[0]
            case "weights":
                array(each.layer, "weight")[each.neuron] = _numbers(each.values, inputs, network)
            case "mute":
                if each.layer == count:
                    raise WrongValue("an output cannot be muted: nothing listens to it but you")
                array(each.layer + 1, "weight")[:, each.neuron] = 0
    if not arrays:
        return network
    layers = [
        Layer(arrays.get((l, "weight"), to_numpy(layer.weight)), arrays.get((l, "bias"), to_numpy(layer.bias)))
        for l, layer in enumerate(network.layers, start=1)
    ]
    return replace(network, layers=tuple(layers))


def effective(edits: Sequence[Edit]) -> list[Edit]:
    """Those edits of which something is left after all of them: what a later one sets anew is left out."""
    kept: list[Edit] = []
    seen: set[tuple[Any, ...]] = set()
    for each in reversed(edits):
        place = (each.layer, each.neuron)
        whole = ("weights", *place)
        mine = (each.kind, *place, each.input) if each.kind == "weight" else (each.kind, *place)
        if mine not in seen and not (each.kind == "weight" and whole in seen):
            kept.append(each)
        seen.add(mine)
    return kept[::-1]


def _numbers(values: Sequence[float], count: int, network: Network) -> NDArray[Any]:
    if len(values) != count:
        raise WrongValue(f"expected {count:,} number{'s' * (count != 1)}, got {len(values):,}")
    with np.errstate(over="ignore"):  # what is too large is refused below
        numbers = np.array(values, to_numpy(network.layers[0].bias).dtype)
    if not np.isfinite(numbers).all():
        raise WrongValue("weights and biases must be finite numbers")
    return numbers
