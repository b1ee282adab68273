"""Examples with their desired outputs: what they are, how they are split, and what they are like in numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import repeat
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from glassnet.arrays import Array, namespace, to_numpy
from glassnet.data.pictures import Pictures
from glassnet.errors import WrongValue
from glassnet.machine.threads import available
from glassnet.settings import check_seed

__all__ = [
    "MAX_CLASSES",
    "Dataset",
    "Splits",
    "Summary",
    "chosen",
    "from_labels",
    "summarize",
]

MAX_CLASSES = 10_000
"""The most classes there can be: every example gets as many targets, so the labels alone decide how much memory is taken."""

_WHOLE = 1e-3
"""Largest difference from 1 of the sum of an example's targets, for it to count as of one class."""
_ROWS = 1024
"""Examples summarized together: few enough to stay in the processor's cache."""
_RARE, _RARE_COUNT = 0.01, 10
"""An input other than 0 in a smaller share of the examples, or in fewer of them, has no spread worth comparing."""


# ── Examples ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Dataset:
    """n examples.

    Attributes:
        inputs: one example a row.
        targets: the desired outputs; for classes, 1 at the right one and 0 elsewhere, or shares that sum to 1; where each
            class is a question of its own, 1 for yes and 0 for no (:attr:`multilabel`).
        weights: how much each example counts, 0 or more; None: all the same.
        classes: the names of the outputs (of a single output: the names of 0 and 1); None if the outputs are numbers to
            predict rather than classes.

    Errors: :class:`~glassnet.errors.WrongValue` for numbers that are not numbers, no examples, or counts that differ.
    """

    inputs: Float[Array, "n in"]
    targets: Float[Array, "n out"]
    weights: Float[Array, " n"] | None = None
    classes: tuple[str, ...] | None = None
    _multilabel: bool | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        for what, array, dimensions in (
            ("inputs", self.inputs, 2),
            ("targets", self.targets, 2),
            ("weights", self.weights, 1),
        ):
            if array is not None:
                _check_array(what, array, dimensions)
        n = self.inputs.shape[0]
        for what, array in (("targets", self.targets), ("weights", self.weights)):
            if array is not None and array.shape[0] != n:
                raise WrongValue(f"every example needs its {what}: {n} inputs came with {array.shape[0]} {what}")
        if self.weights is not None:
            xp = namespace(self.weights)
            if not bool(xp.all(self.weights >= 0)) or not bool(xp.any(self.weights > 0)):
                raise WrongValue("weights must be 0 or more, with at least one above 0")
        columns = self.targets.shape[1]
        if self.classes is not None and len(self.classes) != (2 if columns == 1 else columns):
            raise WrongValue(f"{columns} target columns came with {len(self.classes)} class names")

    def __len__(self) -> int:
        return int(self.inputs.shape[0])

    def take(self, rows: Any) -> Dataset:
        """The examples with these row numbers, in this order; or those in this slice, without copying them."""
        xp = namespace(self.inputs)
        if isinstance(rows, slice) and (rows.step is None or rows.step > 0):
            part = slice(*rows.indices(len(self)))

            def pick(array: Any) -> Any:
                return array[(part, *[slice(None)] * (array.ndim - 1))]
        else:
            numbers = np.ascontiguousarray(np.arange(len(self))[rows])  # PyTorch takes no array that runs backwards
            index = numbers if xp is np else xp.asarray(numbers)

            def pick(array: Any) -> Any:
                return xp.take(array, index, axis=0)

        taken = replace(
            self,
            inputs=pick(self.inputs),
            targets=pick(self.targets),
            weights=None if self.weights is None else pick(self.weights),
        )
        # A part is what the whole is: of multi-label data it may happen to hold only examples of one class each.
        object.__setattr__(taken, "_multilabel", self.multilabel)
        return taken

    @property
    def multilabel(self) -> bool:
        """Whether an example can be of several classes, or of none: there are classes, more than one target column, and not
        every row of targets shares out one whole (all 0 or more, with a sum of 1 to within 0.001).

        Each column is then a yes-or-no question of its own. Looked at once; what :meth:`take` takes from such data is such
        data too.
        """
        if self._multilabel is None:
            found = False
            if self.classes is not None and self.targets.shape[1] > 1:
                xp = namespace(self.targets)
                found = bool(xp.min(self.targets) < 0) or bool(
                    xp.max(xp.abs(xp.sum(self.targets, axis=1) - 1.0)) > _WHOLE
                )
            object.__setattr__(self, "_multilabel", found)
        return bool(self._multilabel)

    @property
    def labeled(self) -> bool:
        """Whether each example is of one class, so that there are :attr:`labels`."""
        return self.classes is not None and not self.multilabel

    @property
    def labels(self) -> NDArray[Any]:
        """The number of each example's class.

        Errors: :class:`~glassnet.errors.WrongValue` if the data has no classes, or is multi-label.
        """
        if self.classes is None:
            raise WrongValue("this data has numbers to predict, not classes, so it has no labels")
        if self.multilabel:
            raise WrongValue(
                "this data is multi-label (not every row of targets shares out one whole, so an example can be of several "
                "classes or of none), so no example has the one label that this needs: look at each column of targets by "
                "itself, or at evaluate(…).accuracies, the accuracy of each class"
            )
        return chosen(self.targets)

    def split(self, held_out: float, seed: int = 0) -> tuple[Dataset, Dataset]:
        """Two parts, drawn at random: the rest, and ``held_out`` examples (below 1: this fraction of them).

        Errors: :class:`~glassnet.errors.WrongValue` if one of the parts would be empty.
        """
        n = len(self)
        check_seed(seed)
        count = 0
        if math.isfinite(held_out):
            count = round(held_out * n) if held_out < 1 else int(held_out)
        if not 0 < count < n:
            raise WrongValue(f"cannot hold out {held_out:g} of {n} examples: both parts need at least one")
        order = np.random.default_rng(seed).permutation(n)
        return self.take(np.sort(order[count:])), self.take(np.sort(order[:count]))


def chosen(outputs: Float[Array, "n out"]) -> NDArray[Any]:
    """The number of the class that each row of outputs, or of targets, chooses: the brightest; of a single output, 0 or 1.

    Errors: :class:`~glassnet.errors.WrongValue` for another shape than (n, out).
    """
    host = to_numpy(outputs)
    if host.ndim != 2:
        raise WrongValue(f"outputs must have the shape (examples, outputs), got {host.shape}")
    return host.argmax(axis=1) if host.shape[1] > 1 else (host[:, 0] > 0.5).astype(np.int64)


def _check_array(what: str, array: Any, dimensions: int) -> None:
    if not hasattr(array, "dtype") or not hasattr(array, "shape"):
        raise WrongValue(f"{what} must be an array, got {type(array).__name__}")
    if len(array.shape) != dimensions or 0 in array.shape:
        wanted = "(examples, numbers)" if dimensions == 2 else "(examples,)"
        raise WrongValue(f"{what} must have the shape {wanted}, with at least one of each, got {tuple(array.shape)}")
    xp = namespace(array)
    if xp is np and array.dtype.kind != "f":
        raise WrongValue(
            f"{what} must be floating-point numbers, got dtype {array.dtype}: convert with astype('float32')"
        )
    if xp is not np and not xp.isdtype(array.dtype, "real floating"):
        raise WrongValue(f"{what} must be floating-point numbers, got dtype {array.dtype}")
    # The sum is finite if every number is, and needs no mask of the whole array; only an overflow asks for one.
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(xp.sum(array))
    if not math.isfinite(total) and not bool(xp.all(xp.isfinite(array))):
        finite = to_numpy(xp.isfinite(array))
        row = int(np.argwhere(~finite)[0][0])
        raise WrongValue(f"{what} must be finite numbers, but row {row} has NaN or infinity: remove or fill such rows")


@dataclass(frozen=True, slots=True, eq=False)
class Splits:
    """Data in its parts: to learn from, to choose settings by, and (looked at last, and once) to report on.

    Attributes:
        train: to learn from.
        validation: to choose settings by.
        test: to report on.
        pictures: how its inputs were made of pictures, so that another picture can be made into one; None where they were
            not, or nobody knows.
        notes: what its reader took for granted, a sentence each, such as that floating-point numbers are classes.
    """

    train: Dataset
    validation: Dataset | None
    test: Dataset | None
    pictures: Pictures | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What examples are like, in numbers.

    Attributes:
        examples: how many.
        inputs, outputs: how many numbers each has, and how many desired outputs.
        low, high: the smallest and the largest input.
        size: the root of the mean square of all inputs.
        zeros: the share of inputs that are 0, from 0 to 1.
        spreads: the smallest and the largest standard deviation of an input over the examples. Left out are inputs that
            are the same in all examples, and those other than 0 in fewer than 1 % of them, or fewer than 10: so few numbers
            say little of a scale (as at the edges of images, or of rare categories). None if there is none left.
        targets: the smallest and the largest desired output.
        classes: the name of each class, and how many examples it has, of which one may be of several or of none; None where
            the targets are numbers to predict.
    """

    examples: int
    inputs: int
    outputs: int
    low: float
    high: float
    size: float
    zeros: float
    spreads: tuple[float, float] | None
    targets: tuple[float, float]
    classes: tuple[tuple[str, int], ...] | None


def _sums(part: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    with np.errstate(over="ignore", invalid="ignore"):
        wide = part.astype(np.float64)
        return np.count_nonzero(wide, axis=0), wide.sum(axis=0), np.square(wide).sum(axis=0)


def _squares(part: NDArray[Any], mean: NDArray[Any]) -> NDArray[Any]:
    with np.errstate(over="ignore", invalid="ignore"):
        return np.square(part - mean).sum(axis=0)


@lru_cache(maxsize=1)  # the command line asks for what it prints, and training for its warnings
def summarize(data: Dataset) -> Summary:
    """What these examples are like: see :class:`Summary`. Weights do not count."""
    x, y = to_numpy(data.inputs), to_numpy(data.targets)
    n, width = x.shape
    low, high = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
    nonzero, total, squares, deviations = (np.zeros(width) for _ in range(4))
    with np.errstate(over="ignore", invalid="ignore"):  # the square of a huge number is infinite, and so is that size
        with ThreadPoolExecutor(
            available()
        ) as pool:  # NumPy lets go of Python's lock; what is added up, is added in order
            parts = [x[first : first + _ROWS] for first in range(0, n, _ROWS)]
            for some in pool.map(_sums, parts):
                nonzero, total, squares = nonzero + some[0], total + some[1], squares + some[2]
            # Around the mean, since the difference of two large sums would be mostly rounding.
            for around in pool.map(_squares, parts, repeat(total / n)):
                deviations += around
        spreads = np.sqrt(deviations / n)[(low < high) & (nonzero >= max(_RARE * n, _RARE_COUNT))]
        size = float(np.sqrt(squares.mean() / n))
    counts = None
    if data.classes is not None:
        if data.multilabel:
            counts = np.count_nonzero(y > 0.5, axis=0).tolist()
        else:
            counts = np.bincount(data.labels, minlength=len(data.classes)).tolist()
    return Summary(
        examples=n,
        inputs=width,
        outputs=y.shape[1],
        low=float(low.min()),
        high=float(high.max()),
        size=size,
        zeros=1 - float(nonzero.sum()) / x.size,
        spreads=(float(spreads.min()), float(spreads.max())) if len(spreads) else None,
        targets=(float(y.min()), float(y.max())),
        classes=None if data.classes is None or counts is None else tuple(zip(data.classes, counts, strict=True)),
    )


def from_labels(inputs: Any, labels: Any, classes: Sequence[str] | None = None, *, dtype: Any = np.float32) -> Dataset:
    """A data set from rows of numbers and one label each: integers, or names.

    ``classes`` are the names of the outputs, in order; without it, the labels that occur, sorted.

    Errors: :class:`~glassnet.errors.WrongValue` for objects, empty or unequal arrays, one class only, or a label that
    is not among ``classes``.
    """
    try:
        rows, marks = np.asarray(inputs), np.asarray(labels)
    except ValueError as error:  # lists within lists, of different lengths
        raise WrongValue(f"inputs must be rows of equal length, and labels one for each ({error})") from error
    if not rows.ndim or not len(rows):
        raise WrongValue(f"there are no examples: expected inputs of shape (examples, numbers), got {rows.shape}")
    if rows.dtype.kind not in "fiub":
        raise WrongValue(f"inputs must be numbers, got dtype {rows.dtype}")
    if marks.dtype.kind not in "iubU" or marks.ndim != 1:
        raise WrongValue(
            f"labels must be whole numbers or names, one for each example, got {marks.dtype} {marks.shape}"
        )
    if len(rows) != len(marks):
        raise WrongValue(f"every example needs its label: {len(rows)} examples came with {len(marks)} labels")
    names = marks.astype(str)
    present = sorted(set(names.tolist()), key=lambda name: (int(name) if name.isdecimal() else math.inf, name))
    order = tuple(present) if classes is None else tuple(classes)
    place = {name: index for index, name in enumerate(order)}
    unknown = [name for name in present if name not in place]
    if unknown:
        some = ", ".join(name[:20] for name in order[:12])
        raise WrongValue(f"label {unknown[0]!r:.60} is not one of the {len(order)} classes {some}")
    if len(order) > MAX_CLASSES:
        raise WrongValue(
            f"there are {len(order):,} different labels, more than {MAX_CLASSES:,}: if they are numbers to predict rather "
            "than classes, give them as floating-point targets"
        )
    if len(order) < 2:
        raise WrongValue("all examples are of one class: a classifier needs at least two to tell apart")
    unique, inverse = np.unique(names, return_inverse=True)
    targets = np.zeros((len(rows), len(order)), dtype)
    targets[np.arange(len(rows)), np.array([place[name] for name in unique.tolist()])[inverse.reshape(-1)]] = 1
    with np.errstate(over="ignore", invalid="ignore"):  # a number too large becomes infinity, which Dataset refuses
        return Dataset(np.ascontiguousarray(rows.reshape(len(rows), -1), dtype), targets, classes=order)
