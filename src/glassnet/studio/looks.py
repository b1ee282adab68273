"""Looks: what a tab looks at, and what the network makes of it; and the examples that fit a question.

Everything here is computed from one network of one moment, by the readable network itself in float64 where it is one
image, by the compiled one where it is thousands.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from glassnet.arrays import to_numpy
from glassnet.backprop import backward
from glassnet.checkpoint import Settings
from glassnet.costs import Cost, cost_of
from glassnet.data import Dataset, Splits, chosen
from glassnet.data.deform import Deformer
from glassnet.data.pictures import as_input, blank, whole
from glassnet.engine import Dropout
from glassnet.errors import WrongValue
from glassnet.evaluation import confidences
from glassnet.network import Layer, Network, Parameters
from glassnet.runs.plans import answer_of
from glassnet.studio.trainer import Batch, State, Weights
from glassnet.training import order

__all__ = [
    "Asked", "Look", "Questions", "answers", "changes", "first_look", "lit", "look_at", "minibatch", "part_of", "side_of",
    "thought",
]  # fmt: skip

PARTS = ("test", "validation", "train")
"""The parts of the data, in the order in which an image is looked for."""
_CHUNK = 4096
_SHOWN = 100
"""Images of a minibatch, or of those that light a neuron, that are shown, at most."""
_LIT = 10_000
"""Images that a neuron is asked about, at most."""
_CLASSES = 200
"""Classes of which there is a confusion table, at most."""
_ASKED = 500_000_000
"""Examples of a minibatch times parameters, at most, for which its gradient is computed for a page: some 0.1 seconds."""


def side_of(inputs: int) -> int | None:
    """The side of the square image that so many inputs make; None if they make none of at least 4 × 4."""
    side = math.isqrt(inputs)
    return side if side * side == inputs and side >= 4 else None


def part_of(splits: Splits, source: str) -> Dataset:
    """A part of the data.

    Errors: :class:`~glassnet.errors.WrongValue` if there is none.
    """
    data: Dataset | None = getattr(splits, source)
    if data is None:
        raise WrongValue(f"this run has no {source} data")
    return data


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What one tab looks at.

    Attributes:
        number: the tab's own, given back with every frame.
        source: where the image is from: a part of the data, or "drawing", "picture", "noise", "blank".
        row: its row there.
        input: its numbers.
        target: the desired outputs, where they are known.
        label: the number of its class, where it is known.
        centered: of drawings and pictures, whether they were cut out and centered as MNIST was.
        pixels: of drawings and pictures, what came.
        seed: of noise.
    """

    number: int
    source: str
    row: int | None
    input: Float[NDArray[Any], "1 in"]
    target: Float[NDArray[Any], "1 out"] | None = None
    label: int | None = None
    centered: bool | None = None
    pixels: NDArray[Any] | None = None
    seed: int = 0

    def again(self, splits: Splits) -> Look:
        """The same look at the data of another run; the first one there, if that cannot be."""
        fields = {"row": self.row, "center": self.centered, "seed": self.seed}
        try:
            given = {key: value for key, value in fields.items() if value is not None}
            return look_at({"look": self.number, "source": self.source, **given}, self.pixels, splits)
        except WrongValue:
            return replace(first_look(splits), number=self.number)


def first_look(splits: Splits) -> Look:
    """The first test image, or that of the next part there is."""
    source = next(part for part in PARTS if getattr(splits, part) is not None)
    return look_at({"source": source, "row": 0}, None, splits)


def look_at(asked: Mapping[str, Any], pixels: NDArray[Any] | None, splits: Splits) -> Look:
    """The look that was asked for (fields as :func:`glassnet.studio.commands.checked` gives them).

    Errors: :class:`~glassnet.errors.WrongValue` if there is no such image, or the network takes no images.
    """
    source, number = asked["source"], asked.get("look", 0)
    inputs = splits.train.inputs.shape[1]
    if source in PARTS:
        data, row = part_of(splits, source), asked.get("row", 0)
        if row >= len(data):
            raise WrongValue(f"there is no row {row:,}: the {source} data has the rows 0 to {len(data) - 1:,}")
        target = _row(data.targets, row)
        label = int(chosen(target)[0]) if data.labeled else None
        return Look(number, source, row, _row(data.inputs, row), target, label)
    if source == "noise":
        seed = asked.get("seed", 0)
        return Look(number, source, None, np.random.default_rng(seed).random((1, inputs)), seed=seed)
    if source == "blank":
        return Look(number, source, None, np.zeros((1, inputs)))
    like = splits.pictures
    side, centered = side_of(inputs), asked.get("center", like is None or like.center)
    if side is None:
        raise WrongValue(
            f"this network takes {inputs:,} numbers, which are no square image: it cannot look at pictures"
        )
    if pixels is None:
        raise WrongValue(f"a {source} needs its pixels, as an array behind the command")
    if not centered:
        image = whole(pixels, side, ink=source == "drawing").astype(np.float64)
    elif blank(pixels):
        image = np.zeros(side * side)
    else:
        image = as_input(pixels, side).astype(np.float64)
    return Look(number, source, None, image.reshape(1, -1), centered=centered, pixels=pixels)


def _row(array: Any, row: int) -> NDArray[Any]:
    return to_numpy(array[row : row + 1, :]).astype(np.float64)


def thought(
    network: Network, cost: Cost, look: Look, classes: bool = True
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What a network makes of a look: a frame's ``look``, and its arrays ``input``, ``z1``, ``a1``, …, ``target``, ``terms``.

    ``classes`` says whether its outputs are classes to choose from; otherwise there is no ``answer``.
    """
    forward = network.forward(look.input)
    out = forward.activations[-1]
    arrays = {"input": look.input[0].astype(np.float32)}
    for l, (z, a) in enumerate(zip(forward.zs, forward.activations[1:], strict=True), start=1):
        arrays |= {f"z{l}": z[0], f"a{l}": a[0]}
    about = {
        "look": look.number,
        "source": look.source,
        "row": look.row,
        "label": look.label,
        "answer": int(chosen(out)[0]) if classes else None,
        "cost": None,
        "centered": look.centered,
    }
    if look.target is not None:
        # Costs add up over the outputs, so the cost of one output by itself is its part.
        arrays |= {"target": look.target[0], "terms": cost.value(out.reshape(-1, 1), look.target.reshape(-1, 1))}
        about["cost"] = _finite(cost_of(cost, network.activations[-1], forward.zs[-1], out, look.target)[0])
    return about, arrays


def _finite(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None


# ── Neurons and moments ──────────────────────────────────────────────────────────────────────────────────────────────


def lit(state: State, asked: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Which classes light a neuron: for each, the share of its images that do (a > threshold) and the mean activation, and
    the first few of its images. Of at most 10,000 images; without classes there is one row for all of them, and in multi-label
    data an image belongs to each class whose target is above 0.5.

    The threshold is 0.5 for activations from 0 to 1, and 0 for others.

    Errors: :class:`~glassnet.errors.WrongValue` if there is no such neuron or part.
    """
    network, layer, neuron = state.weights.network, asked["layer"], asked["neuron"]
    source = asked.get("source", "train" if state.splits.validation is None else "validation")
    data = part_of(state.splits, source).take(slice(0, _LIT))
    if layer >= len(network.sizes):
        raise WrongValue(f"there is no layer {layer}: this network has the layers 1 to {len(network.layers)}")
    if neuron >= network.sizes[layer]:
        raise WrongValue(f"layer {layer} has the neurons 0 to {network.sizes[layer] - 1}, got {neuron}")
    a = to_numpy(data.inputs)
    for l, activation in enumerate(network.activations[:layer]):
        one = network.layers[l]
        rows = slice(neuron, neuron + 1) if l == layer - 1 and activation.range != "simplex" else slice(None)
        a = activation.value(a @ to_numpy(one.weight)[rows].T + to_numpy(one.bias)[rows])
    values = a[:, 0 if a.shape[1] == 1 else neuron].astype(np.float64)
    threshold = 0.5 if network.activations[layer - 1].range in ("unit", "simplex") else 0.0
    count = 1 if data.classes is None else len(data.classes)
    # Which row is of which class, as pairs: in multi-label data a row can be in several, or in none.
    if data.multilabel:
        rows_of, labels = np.nonzero(to_numpy(data.targets) > 0.5)
    else:
        rows_of = np.arange(len(data))
        labels = data.labels if data.labeled else np.zeros(len(data), np.int64)
    sizes = np.bincount(labels, minlength=count)
    with np.errstate(invalid="ignore"):  # a class without images has no share
        shares = np.bincount(labels, values[rows_of] > threshold, count) / sizes
        means = np.bincount(labels, values[rows_of], count) / sizes
    first = [np.flatnonzero(labels == each)[: asked.get("count", 4)] for each in range(count)]
    pairs = np.concatenate(first)[:_SHOWN]
    shown = rows_of[pairs]
    about = {"source": source, "examples": len(data), "threshold": threshold, "step": state.step}
    return about, {
        "shares": shares,
        "means": means,
        "rows": shown.astype(np.int32),
        "labels": (labels if data.classes is not None else labels - 1)[pairs].astype(np.int32),
        "activations": values[shown],
        "inputs": _bytes(to_numpy(data.inputs)[shown]),
    }


def answers(
    network: Network, splits: Splits, source: str, rows: Sequence[int]
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What a network says of some rows of the data.

    Errors: :class:`~glassnet.errors.WrongValue` if there is no such row or part.
    """
    data = part_of(splits, source)
    if rows and max(rows) >= len(data):
        raise WrongValue(f"there is no row {max(rows):,}: the {source} data has the rows 0 to {len(data) - 1:,}")
    index = np.array(rows, np.int64)
    x = to_numpy(data.inputs)[index]
    a = network(x) if len(index) else np.zeros((0, network.sizes[-1]))
    classes = data.labeled
    return {"source": source}, {
        "rows": index.astype(np.int32),
        "labels": (chosen(to_numpy(data.targets)[index]) if classes else np.full(len(index), -1)).astype(np.int32),
        "answers": (chosen(a) if classes else np.full(len(index), -1)).astype(np.int32),
        "confidences": confidences(a).astype(np.float64) if classes else np.full(len(index), np.nan),
        "inputs": _bytes(x),
    }


def changes(state: State) -> tuple[dict[str, Any] | None, dict[str, NDArray[Any]]]:
    """What the last minibatch changed, new minus old: a frame's ``change``, and its arrays; None where several were done.

    ``change`` says how many weights and biases ``moved``, and why:

    - ``asked``: of how many the gradient of this minibatch is not exactly 0, for the images as they were deformed and with
      the neurons that dropout silenced: by :func:`~glassnet.backprop.backward` in float64. None for a minibatch so large
      that a page would wait for it.
    - ``followed``: how many of those that moved were among these. None where ``asked`` is.
    - ``others``: what moved the rest: "decay" (weight decay), "earlier" (what the optimizer keeps of earlier steps), in
      this order, those of which at least one of the rest has something. Where ``asked`` is None: what else can move
      parameters by these settings.
    """
    batch = state.batch
    if batch is None:
        return None, {}
    arrays = {}
    pairs = zip(batch.before.network.layers, batch.after.network.layers, strict=True)
    for l, (before, after) in enumerate(pairs, start=1):
        arrays[f"dweight{l}"] = np.asarray(after.weight - before.weight, np.float32)
        arrays[f"dbias{l}"] = np.asarray(after.bias - before.bias, np.float32)
    moved = _flat(batch.after.network.layers) != _flat(batch.before.network.layers)
    about = {"step": batch.step, "size": batch.last - batch.first, "moved": int(moved.sum())}
    return about | _causes(batch, state.splits.train, moved), arrays


def _causes(batch: Batch, data: Dataset, moved: NDArray[np.bool_]) -> dict[str, Any]:
    """Why parameters moved (True in ``moved``, flat): ``asked``, ``followed`` and ``others`` of :func:`changes`."""
    network = batch.before.precise
    decay = np.zeros(network.count, bool)
    if getattr(batch.settings.optimizer, "weight_decay", 0.0):
        only_weights = tuple(Layer(layer.weight, 0 * layer.bias) for layer in network.layers)
        decay = _flat(only_weights) != 0
    # An average of squares only divides: where the gradient is 0, it moves nothing.
    kept = [_flat(each) != 0 for name, each in batch.memory.moments.items() if name != "square"]
    causes = {"decay": decay, "earlier": np.any([np.zeros(network.count, bool), *kept], axis=0)}
    if (batch.last - batch.first) * network.count > _ASKED:
        return {"asked": None, "followed": None, "others": [name for name, could in causes.items() if could.any()]}
    asked = _flat(_gradient(batch, data)) != 0
    return {
        "asked": int(asked.sum()),
        "followed": int((moved & asked).sum()),
        "others": [name for name, could in causes.items() if (could & moved & ~asked).any()],
    }


def _gradient(batch: Batch, data: Dataset) -> Parameters:
    """The gradient of a minibatch's mean cost in float64, for its images and with the dropout of that step."""
    settings, network = batch.settings, batch.before.precise
    rows, x, y = _examples_at(data, settings, batch.epoch, slice(batch.first, batch.last))
    dropout = None
    if settings.dropout:
        silence, hidden = Dropout(settings.dropout, settings.seed), enumerate(network.sizes[1:-1], start=1)
        dropout = (None, *(silence.factors(batch.epoch, rows, layer, width) for layer, width in hidden))
    weights = None if data.weights is None else to_numpy(data.weights).astype(np.float64)[rows]
    return backward(network, network.forward(x, dropout), y, settings.cost, weights).gradient


def _flat(parameters: Parameters) -> NDArray[Any]:
    """All weights and biases in one row."""
    return np.concatenate([to_numpy(each).ravel() for layer in parameters for each in (layer.weight, layer.bias)])


# ── All examples ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What a network says of every example of a part.

    Attributes:
        labels: their classes; −1 of data that has numbers to predict, and of multi-label data.
        answers: the classes chosen; −1 of such data.
        confidences: how sure each is; NaN of such data.
        costs: of each example.
    """

    labels: NDArray[Any]
    answers: NDArray[Any]
    confidences: Float[NDArray[Any], " n"]
    costs: Float[NDArray[Any], " n"]


class Questions:
    """Answers about all examples of a part, kept as long as the network is the same. May be asked from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[tuple[int, str], Asked]] = {}

    def asked(self, state: State, source: str) -> Asked:
        """What the network of now says of all examples of a part.

        Errors: :class:`~glassnet.errors.WrongValue` if there is no such part.
        """
        data, cost = part_of(state.splits, source), state.checkpoint.settings.cost
        key = (state.weights.version, str(cost))
        with self._lock:  # a second tab that asks the same waits for the first one's answer
            if source not in self._kept or self._kept[source][0] != key:
                with np.errstate(
                    over="ignore", invalid="ignore"
                ):  # a network that runs away has costs beyond all bounds
                    self._kept[source] = key, _ask_all(state.weights.network, data, cost)
            return self._kept[source][1]

    def find(self, state: State, asked: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The examples that fit: how many, and some of them in order.

        Errors: :class:`~glassnet.errors.WrongValue` if there is no such part; or the data has no classes to ask for, or is
        multi-label.
        """
        source, by = asked["source"], asked.get("order", "row")
        data, found = part_of(state.splits, source), self.asked(state, source)
        wanted = {key: asked[key] for key in ("label", "answer", "wrong") if asked.get(key) is not None}
        if not data.labeled and (wanted or by == "confidence"):
            what = "is multi-label" if data.multilabel else "has numbers to predict, not classes"
            raise WrongValue(f"this data {what}: its examples can be found by row, cost or at random")
        fits = np.ones(len(data), bool)
        if "label" in wanted:
            fits &= found.labels == wanted["label"]
        if "answer" in wanted:
            fits &= found.answers == wanted["answer"]
        if "wrong" in wanted:
            fits &= (found.labels != found.answers) == wanted["wrong"]
        rows = np.flatnonzero(fits)
        if by in ("cost", "confidence"):
            rows = rows[np.argsort(-(found.costs if by == "cost" else found.confidences)[rows], kind="stable")]
        elif by == "random":
            rows = np.random.default_rng(asked.get("seed", 0)).permutation(rows)
        first = asked.get("offset", 0)
        shown = rows[first : first + asked.get("count", 40)]
        return {"total": len(rows), "step": state.step}, _examples(data, found, shown)

    def mistakes(self, state: State, asked: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The confusion table (row truth, column answer; empty of very many classes), and the surest wrong answers.

        Errors: :class:`~glassnet.errors.WrongValue` if there is no such part, or the data has no classes or is multi-label.
        """
        data, found = part_of(state.splits, asked["source"]), self.asked(state, asked["source"])
        if data.classes is None:
            raise WrongValue("this data has numbers to predict, not classes: there are no mistakes, only costs")
        if data.multilabel:
            raise WrongValue(
                "this data is multi-label: no example has one right class to be taken for another, only costs"
            )
        wrong = np.flatnonzero(found.labels != found.answers)
        shown = wrong[np.argsort(-found.confidences[wrong], kind="stable")][: asked.get("count", 40)]
        count = len(data.classes) if len(data.classes) <= _CLASSES else 0
        table = np.bincount(found.labels * count + found.answers, minlength=count * count) if count else np.zeros(0)
        about = {"examples": len(data), "wrong": len(wrong), "step": state.step}
        return about, {"confusion": table.reshape(count, count).astype(np.int32), **_examples(data, found, shown)}


def _ask_all(network: Network, data: Dataset, cost: Cost) -> Asked:
    answer = answer_of(network, loaded=True)
    like = to_numpy(network.layers[0].bias)
    inputs, targets = to_numpy(data.inputs), to_numpy(data.targets)
    answers, sure, costs = [], [], []
    for first in range(0, len(data), _CHUNK):
        x = inputs[first : first + _CHUNK].astype(like.dtype, copy=False)
        y = targets[first : first + _CHUNK].astype(like.dtype, copy=False)
        if answer is None:
            forward = network.forward(x)
            z, a = forward.zs[-1], forward.activations[-1]
        else:
            z, a = answer(x)
        costs.append(cost_of(cost, network.activations[-1], z, a, y).astype(np.float64))
        answers.append(chosen(a))
        sure.append(confidences(a).astype(np.float64))
    if not data.labeled:
        none = np.full(len(data), -1)
        return Asked(none, none, np.full(len(data), np.nan), np.concatenate(costs))
    return Asked(data.labels, np.concatenate(answers), np.concatenate(sure), np.concatenate(costs))


def _examples(data: Dataset, found: Asked, rows: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return {
        "rows": rows.astype(np.int32),
        "labels": found.labels[rows].astype(np.int32),
        "answers": found.answers[rows].astype(np.int32),
        "confidences": found.confidences[rows],
        "costs": found.costs[rows],
        "inputs": _bytes(to_numpy(data.inputs)[rows]),
    }


def _bytes(inputs: NDArray[Any]) -> NDArray[Any]:
    """Inputs from 0 to 1 as 0 to 255; what lies outside, as the nearest of these."""
    return np.rint(np.clip(inputs, 0, 1) * 255).astype(np.uint8)


# ── The minibatch ────────────────────────────────────────────────────────────────────────────────────────────────────


@lru_cache(maxsize=2)
def _order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return order(n, seed, epoch)


def minibatch(state: State) -> tuple[dict[str, Any], dict[str, NDArray[Any]]] | None:
    """The last minibatch, with each image's cost before and after its step; or, where several were done at once, the next
    one, with what its images cost now and NaN for what they will cost. None when there is none.

    The images are as they are deformed in this epoch, since the step is taken on those. The costs are without dropout, which
    would silence other neurons before and after: where the step was taken with it, ``dropout`` says so.
    """
    data, batch = state.splits.train, state.batch
    n = len(data)
    if batch is not None:
        settings, epoch, first, last, which = batch.settings, batch.epoch, batch.first, batch.last, "last"
        step, networks = batch.step, [batch.before, batch.after]
    elif state.checkpoint.epoch < state.checkpoint.settings.epochs:
        settings, epoch, first, which = (
            state.checkpoint.settings,
            state.checkpoint.epoch,
            state.checkpoint.example,
            "next",
        )
        last = min(first + settings.batch_size, n)
        step, networks = state.step + 1, [state.weights]
    else:
        return None
    rows, x, y = _examples_at(data, settings, epoch, slice(first, min(last, first + _SHOWN)))
    costs, answers = zip(*(_costs(each, settings.cost, x, y) for each in networks), strict=True)
    none = np.full(len(rows), -1)
    arrays = {
        "batch_rows": rows.astype(np.int32),
        "batch_labels": (chosen(y) if data.labeled else none).astype(np.int32),
        "batch_answers": (answers[0] if data.labeled else none).astype(np.int32),
        "batch_inputs": _bytes(x),
        "batch_before": costs[0],
        "batch_after": costs[1] if batch is not None else np.full(len(rows), np.nan),
    }
    about = {
        "step": step,
        "size": last - first,
        "which": which,
        "deformed": settings.deform is not None,
        "dropout": settings.dropout > 0,
    }
    return about, arrays


def _examples_at(
    data: Dataset, settings: Settings, epoch: int, part: slice
) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    """Part of an epoch's examples in its order, as that epoch learns from them: rows, inputs and targets in float64."""
    rows = _order(len(data), settings.seed, epoch)[part]
    deformer = None if settings.deform is None else Deformer(data.inputs, settings.deform, settings.seed, 1)
    x = to_numpy(data.inputs)[rows] if deformer is None else deformer(rows, epoch)
    return rows, x.astype(np.float64), to_numpy(data.targets)[rows].astype(np.float64)


def _costs(weights: Weights, cost: Cost, x: NDArray[Any], y: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    network = weights.precise
    forward = network.forward(x)
    z, a = forward.zs[-1], forward.activations[-1]
    return cost_of(cost, network.activations[-1], z, a, y), chosen(a)
