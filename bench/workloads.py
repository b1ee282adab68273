"""What is measured: the workloads, their data, and how much work each needs at the least.

Nothing here loads NumPy until it is called: a worker must first be told how many threads it may use.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from glassnet.network import Network

__all__ = [
    "BUSY",
    "GOALS",
    "INFERENCE",
    "RACES",
    "TRAINING",
    "WORKLOADS",
    "Workload",
    "examples",
    "first_reached",
    "from_recipe",
    "initial",
    "looked_at",
    "needs",
    "rising",
    "test_images",
    "write_course",
]

NUMBER = 4
"""Bytes of a float32."""
PLACE = 2
"""Bytes that say where in an example a nonzero number stands; 784 places need no more."""
PIECES = 8
"""A contestant that is too slow for a whole epoch is timed for one of so many parts of it."""


@dataclass(frozen=True)
class Workload:
    """A network, how it is trained or asked, and on what.

    Attributes:
        name: P1 to P6 are trainings, I1 and I2 ask a network that is ready.
        kind: what is timed: an epoch, one answer at a time, or all answers in one call.
        sizes: neurons of each layer, input and output included.
        optimizer: its other settings are those of its kind: ``momentum`` and ``nesterov`` of sgd, ``beta1`` and ``beta2``
            of adam.
        data: "mnist", the 60,000 training images (the 10,000 test images where a network is asked); "rows", made up.
        recipe: the name of the recipe that it was made of, whose learning rate changes from step to step.
        target: how many times as fast as the best peer glassnet must be now, in late epochs of a training; None where
            nothing is aimed at.
        aim: how many times as fast it is to be in the end.
    """

    name: str
    kind: Literal["train", "latency", "throughput"]
    sizes: tuple[int, ...]
    hidden: str
    output: str
    cost: str
    optimizer: str = "sgd"
    rate: float = 0.1
    batch: int = 1
    data: Literal["mnist", "rows"] = "mnist"
    target: float | None = None
    aim: float | None = None
    momentum: float = 0.0
    nesterov: bool = False
    beta1: float = 0.9
    beta2: float = 0.999
    recipe: str = ""

    @property
    def title(self) -> str:
        """The workload in words."""
        network = f"{'-'.join(map(str, self.sizes))}, {self.hidden}, {self.output} out"
        if self.kind == "latency":
            return f"{network}; one image at a time"
        if self.kind == "throughput":
            return f"{network}; all 10,000 test images in one call"
        data = "" if self.data == "mnist" else "; 500,000 made-up rows"
        return f"{network}; {self.cost.replace('_', ' ')}, {self.optimizer} {self.rate:g}, minibatch {self.batch}{data}"

    @property
    def natural(self) -> bool:
        """Whether cost and output activation belong together, so that a library's own joint function does both."""
        return (self.output, self.cost) in (("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy"))

    @property
    def constant(self) -> float:
        """The cost of an answer that is always the same: who has not come well below it has not learned."""
        return {
            "squared_error": 1 - 1 / self.sizes[-1],
            "cross_entropy": math.log(self.sizes[-1]),
            "binary_cross_entropy": math.log(2),
        }[self.cost]

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> Workload:
        """The workload that came as JSON."""
        known = {each.name: data[each.name] for each in fields(cls)}
        return cls(**{**known, "sizes": tuple(data["sizes"])})


def _digits(name: str, sizes: tuple[int, ...], batch: int, target: float | None, **more: Any) -> Workload:
    """A training as it is done today: relu, softmax, cross-entropy."""
    return Workload(name, "train", sizes, "relu", "softmax", "cross_entropy", batch=batch, target=target, **more)


_SERIES = (784, 16, 16, 10)
TRAINING = (
    Workload("P1", "train", _SERIES, "sigmoid", "sigmoid", "squared_error", rate=1.5, batch=10, target=5, aim=6),
    Workload("P2", "train", _SERIES, "sigmoid", "sigmoid", "squared_error", rate=1.5, batch=100, target=2.9, aim=4),
    _digits("P3", (784, 100, 10), 32, 3.3, aim=4),
    _digits("P4", (784, 800, 10), 128, 2.2, aim=2.4),
    _digits("P5", (784, 1024, 1024, 10), 256, 1.2, aim=1.3, optimizer="adam", rate=0.001),
    Workload(
        "P6", "train", (28, 64, 64, 1), "relu", "sigmoid", "binary_cross_entropy", "adam", 0.001, 256, "rows", 1.6, 2
    ),
)
INFERENCE = (
    Workload("I1", "latency", _SERIES, "sigmoid", "sigmoid", "squared_error", target=3, aim=3),
    Workload("I2", "throughput", (784, 800, 10), "relu", "softmax", "cross_entropy", batch=10_000, target=1.9, aim=2),
)
WORKLOADS = {each.name: each for each in (*TRAINING, *INFERENCE)}
BUSY = ("P1", "P3", "P4", "P5", "P6")
"""The trainings that are timed beside other processes that compute."""
RACES = {"quick": 0.97, "quick98": 0.98}
"""The recipes whose time to accuracy is measured, and the accuracy on the test images that each was made for."""
GOALS = (0.90, 0.95, 0.96, 0.97, 0.98)
"""The accuracies that are waited for."""
UNITS = 40
"""Equal parts of an epoch, in minibatches; between two looks there are whole ones."""
CLOSE = 20
"""Parts that are each looked at, at the start, where an accuracy rises fast; afterwards, every second one."""

SCALING: dict[str, tuple[tuple[int, Workload], ...]] = {
    "width": tuple(
        (w, _digits(f"width {w}", (784, w, 10), 100, None, rate=0.01)) for w in (2**k for k in range(4, 12))
    ),
    "depth": tuple((d, _digits(f"depth {d}", (784, *[64] * d, 10), 100, None, rate=0.01)) for d in (1, 2, 4, 8)),
    "minibatch": tuple(
        (b, _digits(f"minibatch {b}", (784, 100, 10), b, None, rate=0.01)) for b in (2**k for k in range(11))
    ),
}
"""The three lines of the scaling chart: what is varied, its values, and the training for each. The rate is low enough for
all of them: a training that runs away would be timed on numbers that are no numbers."""


# ── Data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def examples(data: str) -> tuple[Any, Any]:
    """The inputs and the targets (1 at the right class, 0 elsewhere) to train on, in float32."""
    return _rows() if data == "rows" else _mnist()


def _mnist() -> tuple[Any, Any]:
    """The 60,000 training images of MNIST, which glassnet holds as 50,000 and 10,000."""
    import numpy as np

    from glassnet.data import mnist

    digits = mnist()
    assert digits.validation is not None

    def joined(first: Any, second: Any) -> Any:
        # They are two views of one array: found again, no second copy of 188 MB counts as anybody's memory.
        whole = first.base
        if (
            whole is not None
            and whole is second.base
            and whole.shape == (len(first) + len(second), first.shape[1])
            and whole.ctypes.data == first.ctypes.data
        ):
            return whole
        return np.concatenate([first, second])

    return (
        joined(digits.train.inputs, digits.validation.inputs),
        joined(digits.train.targets, digits.validation.targets),
    )


def test_images() -> tuple[Any, Any]:
    """The 10,000 test images of MNIST and their labels."""
    from glassnet.data import mnist

    digits = mnist()
    assert digits.test is not None
    return digits.test.inputs, digits.test.labels


def _rows(n: int = 500_000) -> tuple[Any, Any]:
    """Rows of 28 normal numbers, and whether a function of five of them that is not linear is above 0."""
    import numpy as np

    random = np.random.default_rng(0)
    x = random.standard_normal((n, 28), dtype=np.float32)
    y = x[:, 0] * x[:, 1] + np.sin(2 * x[:, 2]) + np.abs(x[:, 3]) - 0.8 + 0.5 * x[:, 4] > 0
    return x, y.astype(np.float32)[:, None]


def initial(work: Workload, seed: int = 0) -> Network:
    """The network that all contestants start from, or are asked with."""
    from glassnet.network import Network

    initializer = "he" if work.hidden == "relu" else "glorot"
    return Network.random(work.sizes, hidden=work.hidden, output=work.output, initializer=initializer, seed=seed)


# ── Recipes ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def from_recipe(name: str) -> Workload:
    """The recipe as a workload that peers can be given.

    Whatever cannot be said in a workload is refused, so that no peer is quietly given something else.
    """
    from glassnet.optimizers import SGD, Adam
    from glassnet.runs.recipes import recipe

    chosen = recipe(name)
    settings = chosen.settings
    optimizer = settings.optimizer
    kinds: dict[type, tuple[str, ...]] = {SGD: ("momentum", "nesterov"), Adam: ("beta1", "beta2")}
    if type(optimizer) not in kinds:
        raise ValueError(f"the bench cannot give the peers the optimizer {optimizer} of {name}")
    given = {each: getattr(optimizer, each) for each in kinds[type(optimizer)]}
    if (
        optimizer.weight_decay
        or optimizer.clip
        or settings.dropout
        or settings.deform
        or chosen.hidden.name not in HIDDEN
    ):
        raise ValueError(
            f"the bench cannot give the peers weight decay, clipping, dropout or deformation, as {name} has"
        )
    return Workload(
        name, "train", chosen.sizes, chosen.hidden.name, chosen.output.name, settings.cost.name, optimizer.name,
        batch=settings.batch_size, recipe=name, **given,
    )  # fmt: skip


HIDDEN = ("relu", "sigmoid")
"""The activations of hidden layers that every contestant knows."""


def write_course(name: str, seed: int, path: Path, epochs: int | None = None, n: int = 60_000) -> None:
    """What all contestants are given to train by a recipe with a seed, in one file.

    That is the workload, the initial weights, the examples in the order in which they come, and the learning rate of each
    step. Minibatches are whole: the short one at the end of an epoch is left out, as some peers want them all of one size.
    """
    import numpy as np

    from glassnet.runs.recipes import recipe
    from glassnet.training import order

    work, settings = from_recipe(name), recipe(name).settings
    epochs, batches = epochs or settings.epochs, n // work.batch
    orders = [order(n, seed, epoch)[: batches * work.batch] for epoch in range(epochs)]
    rate = settings.optimizer.learning_rate
    total = epochs * batches
    rates = [rate(step, total) if callable(rate) else rate for step in range(total)]
    parameters = {}
    for number, layer in enumerate(recipe(name).network(seed).layers):
        parameters |= {f"weight{number}": layer.weight, f"bias{number}": layer.bias}
    np.savez(
        path, work=json.dumps(asdict(work)), rows=np.concatenate(orders),
        rates=np.array(rates, np.float32), **parameters,
    )  # fmt: skip


def looked_at(part: int, parts: int) -> bool:
    """Whether there is a look after this part, counted from 1, of so many: of the first ones each, then every second."""
    return part <= CLOSE or part % 2 == 0 or part == parts


def first_reached(looks: Sequence[Sequence[float]], goal: float) -> float | None:
    """When an accuracy was first seen, of looks (seconds, accuracy); None if it never was. Nothing is interpolated."""
    return next((when for when, accuracy in looks if accuracy >= goal), None)


def rising(looks: list[list[float]]) -> list[list[float]]:
    """The looks at which more was right than ever before: enough to say when an accuracy was first reached."""
    best, kept = -1.0, []
    for when, accuracy in looks:
        if accuracy > best:
            best = accuracy
            kept.append([when, accuracy])
    return kept


# ── The least work there is ──────────────────────────────────────────────────────────────────────────────────────────


def operations(sizes: Sequence[int], n: int, nonzero: int, *, training: bool) -> int:
    """Operations of n examples that have ``nonzero`` nonzero inputs all together: 2 for each multiplication and addition.

    Forward, each of a layer's outputs needs each of its inputs; the weight gradient needs as much again, and so does the
    gradient of the layer's inputs, which the first layer has no use for. In the first layer an input of zero adds nothing
    to either product, so only the others count. Biases, activations and the optimizer are left out: they grow with the
    neurons or with the weights, not with both times the examples, and what is asked here is the least there is.
    """
    total = 0
    for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
        terms = nonzero if layer == 0 else n * inputs
        products = 1 if not training else 2 if layer == 0 else 3
        total += 2 * products * terms * outputs
    return total


def traffic(
    sizes: Sequence[int], n: int, nonzero: int, *, steps: int, moments: int, cache: int, listed: bool
) -> tuple[int, str]:
    """Bytes that must come from memory, or go to it, and what they are.

    Every example is read once: as a list of its nonzero numbers and their places where that is shorter and the caller may
    choose (``listed``), else number by number. Its target is one number. Activations live and die in a cache, and so do
    weights: they are not counted. An optimizer's running averages are: with the weights they are read and written at every
    step, and if all of them fill more than half of the last cache, while examples, activations and gradients pass through
    it as well, they cannot be expected to stay.
    """
    dense = n * sizes[0] * NUMBER
    lists = nonzero * (NUMBER + PLACE)
    examples = min(dense, lists) if listed else dense
    total, what = examples + n * NUMBER, "the examples"
    if steps:
        parameters = sum((inputs + 1) * outputs for inputs, outputs in pairwise(sizes))
        kept = parameters * NUMBER * (1 + moments)
        if 2 * kept > cache:
            total += 2 * kept * steps
            what = "the examples, and weights and running averages at every step"
    else:
        total += n * (sizes[-1] - 1) * NUMBER
        what = "the images and the answers"
    return total, what


def needs(work: Workload, n: int, nonzero: int, cache: int) -> dict[str, Any]:
    """Operations and bytes of one epoch, or of one call; ``cache`` is the size of the last cache.

    A single image and the network of the series lie in the first cache, so I1 needs nothing from memory. Images to be
    asked about come as NumPy arrays, so all their numbers must be read, whatever they are.
    """
    training = work.kind == "train"
    count, what = 0, "nothing: all of it stays in the first cache"
    if work.kind != "latency":
        count, what = traffic(
            work.sizes,
            n,
            nonzero,
            steps=-(-n // work.batch) if training else 0,
            moments=2 if work.optimizer == "adam" else 0,
            cache=cache,
            listed=training,
        )
    return {
        "examples": n,
        "operations": operations(work.sizes, n, nonzero, training=training),
        "bytes": count,
        "bytes_are": what,
    }
