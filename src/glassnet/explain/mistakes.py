"""Where is it wrong, and how sure is it where it should not be?

The mistakes it is surest of, what it takes for what, whether its confidence can be believed; what it says about images
that show no digit, and about digits moved or turned; and how much of what it can do is memory. Every number is of the
data it is given: judge a network on data it has not learned from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from numpy.typing import NDArray

from glassnet.arrays import device_of, namespace, to_numpy
from glassnet.costs import Cost
from glassnet.data import Dataset, chosen
from glassnet.errors import WrongValue
from glassnet.evaluation import check_data, confidences, confusion, evaluate, outputs
from glassnet.evaluation import mistakes as surest_mistakes
from glassnet.explain.blocks import (
    Block,
    Cell,
    Curve,
    Curves,
    Heading,
    Picture,
    Pictures,
    Sentence,
    Table,
    number,
    square,
)
from glassnet.explain.examples import common_cost, precise
from glassnet.explain.explanation import Explanation, OfCost
from glassnet.network import Network
from glassnet.settings import check_seed

__all__ = [
    "ANGLES",
    "BINS",
    "SHIFTS",
    "Calibration",
    "Case",
    "Confused",
    "Corner",
    "Memorized",
    "Memory",
    "Mistakes",
    "NoDigit",
    "Shown",
    "corner",
    "memorized",
    "mistakes",
    "rotated",
    "shifted",
    "shuffled",
]

BINS = 10
"""The equal bins of confidence, from 0 to 1, that calibration is looked at in."""
SHIFTS = tuple(range(9))
"""By how many pixels :func:`corner` moves images."""
ANGLES = tuple(range(-60, 61, 10))
"""By how many degrees :func:`corner` turns images; above 0 is counterclockwise."""

_TABLE = 30
"""The most classes whose confusion is printed as a table."""


# ── Mistakes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One example, and what the network said about it.

    Attributes:
        row: its row in the data.
        answer, truth: the numbers of the class the network chose, and of the one it is.
        confidence: the activation of the output it chose; of a single output a: 0.5 + |a − 0.5|.
        image: its inputs.
    """

    row: int
    answer: int
    truth: int
    confidence: float
    image: Float[NDArray[np.floating], " in"]


@dataclass(frozen=True, slots=True)
class Confused:
    """How often one class was taken for another.

    Attributes:
        truth, answer: the numbers of the class it was, and of the class that the network chose.
        count: how many examples.
        share: of all examples of the class ``truth``, 0 to 1.
    """

    truth: int
    answer: int
    count: int
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Whether it is right as often as it is sure: the examples in bins of equal width by confidence.

    Bin m holds the confidences in (m/10, (m + 1)/10]; 0 itself is in the first. Empty bins have NaN.

    Attributes:
        edges: where the bins begin and end, 0 to 1.
        counts: the examples in each.
        confidence: the mean confidence in each.
        accuracy: the share of right answers in each.
        error: the expected calibration error, Σₘ (countₘ / n) · |accuracyₘ − confidenceₘ|, 0 to 1 (Guo et al. 2017).
    """

    edges: Float[NDArray[np.floating], " edges"]
    counts: Int[NDArray[np.integer], " bins"]
    confidence: Float[NDArray[np.floating], " bins"]
    accuracy: Float[NDArray[np.floating], " bins"]
    error: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Mistakes(Explanation):
    """Where a network is wrong. Every example counts once, whatever its weight.

    Attributes:
        classes: their names.
        examples: how many were looked at.
        weighted: whether the data has weights, which are not used here.
        accuracy: the share of right answers, 0 to 1.
        confusion: how often each class (the row) was taken for each class (the column).
        confused: the pairs most often confused, most often first.
        errors: the wrong answers that the network was surest of, surest first.
        hits: the right answers that it was least sure of, least sure first.
        outputs: how many outputs the network has.
        output: the name of the output activation.
        calibration: None if the outputs are not between 0 and 1, so that no confidence can be read from them.
    """

    classes: tuple[str, ...]
    examples: int
    weighted: bool
    accuracy: float
    confusion: Int[NDArray[np.integer], "classes classes"]
    confused: tuple[Confused, ...]
    errors: tuple[Case, ...]
    hits: tuple[Case, ...]
    outputs: int
    output: str
    calibration: Calibration | None

    def blocks(self) -> Iterable[Block]:
        """Accuracy, errors, hits, confusion, calibration."""
        wrong = self.examples - int(np.trace(self.confusion))
        yield Heading("Where it is wrong")
        yield Sentence(f"{wrong:,} of {self.examples:,} answers are wrong: the accuracy is {self.accuracy:.2%}.")
        if self.weighted:
            yield Sentence("The data has weights; here every example counts once.", quiet=True)
        if self.errors:
            yield Heading("The wrong answers it was surest of")
            yield from self._cases(self.errors)
            yield Sentence("A sure mistake is a wrong label, an odd image, or something truly got wrong.", quiet=True)
        if self.hits:
            yield Heading("The right answers it was least sure of")
            yield from self._cases(self.hits)
        yield Heading("What it takes for what")
        if len(self.classes) <= _TABLE:
            yield Table(
                ("is \\ taken for", *self.classes),
                tuple(
                    (self.classes[row], *(str(count) for count in self.confusion[row]))
                    for row in range(len(self.classes))
                ),
            )
        else:
            yield Sentence(f"The table of {len(self.classes)} × {len(self.classes)} classes is too large to print.")
        if self.confused:
            yield Table(
                ("is", "taken for", "times", "of its class"),
                tuple(
                    (self.classes[pair.truth], self.classes[pair.answer], str(pair.count), f"{pair.share:.1%}")
                    for pair in self.confused
                ),
            )
        yield Heading("Is it right as often as it is sure?")
        yield from self._calibration()

    def _cases(self, cases: tuple[Case, ...]) -> Iterable[Block]:
        yield Table(
            ("row", "is", "answer", "confidence"),
            tuple(
                (str(each.row), self.classes[each.truth], self.classes[each.answer], number(each.confidence))
                for each in cases
            ),
        )
        yield from _pictures(
            (
                each.image,
                f"{each.row}: {self.classes[each.truth]}, says {self.classes[each.answer]} ({each.confidence:.2f})",
            )
            for each in cases
        )

    def _calibration(self) -> Iterable[Block]:
        found = self.calibration
        if found is None:
            yield Sentence(
                f"The outputs are {self.output}, not numbers from 0 to 1: no confidence can be read from them."
            )
            return
        filled = found.counts > 0
        yield Curves(
            "mean confidence",
            "accuracy",
            (
                Curve("right as often as sure", np.array([0.0, 1.0]), np.array([0.0, 1.0])),
                Curve("the network", found.confidence[filled], found.accuracy[filled]),
            ),
        )
        rows: list[tuple[Cell, ...]] = [
            (
                f"{found.edges[m]:.1f} to {found.edges[m + 1]:.1f}",
                f"{found.counts[m]:,}",
                f"{found.confidence[m]:.3f}",
                f"{found.accuracy[m]:.3f}",
            )
            for m in np.flatnonzero(filled)
        ]
        yield Table(("confidence", "examples", "mean confidence", "accuracy"), tuple(rows))
        yield Sentence(
            f"Expected calibration error, Σ (count / n) · |accuracy − mean confidence| over the bins: {number(found.error, 3)}"
        )
        if self.output.startswith("softmax"):
            how = "softmax shares out one whole, so its activations have the form of probabilities"
        elif self.outputs == 1:
            how = f"of the single output a that is a or 1 − a, and {self.output} is read as a probability here"
        else:
            how = f"{self.output} gives no probability (the outputs need not add up to 1), but is read as one here"
        yield Sentence(
            f"The confidence is the activation of the answer; {how}. The error depends on the bins, and bins with few examples "
            "say little.",
            quiet=True,
        )


def mistakes(network: Network, data: Dataset, count: int = 10) -> Mistakes:
    """Where a network is wrong on data: its confusion, its surest errors, its least sure hits, its calibration.

    Args:
        network: the network, of any array library; it is looked at in float64.
        data: the examples, with classes. Their weights are not used: every example counts once.
        count: the most errors, hits and confused pairs to give, from 1.

    Of a single output a, the answer is the second class if a > 0.5, and the confidence 0.5 + |a − 0.5|.

    Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks" (2017, arXiv:1706.04599).

    Errors: :class:`~glassnet.errors.WrongValue` if the data has no classes, is multi-label or does not fit, or for a
    count below 1.
    """
    check_data(network, data)
    _check_count(count)
    truth, classes = data.labels, data.classes or ()
    network = precise(network)
    out = outputs(network, data.inputs)
    answers, confidence = chosen(out), confidences(out)
    right = answers == truth
    table = confusion(network, data, out=out)

    off = np.where(np.eye(len(classes), dtype=bool), 0, table).reshape(-1)
    places = np.argsort(-off, kind="stable")[: min(count, int((off > 0).sum()))]
    pairs = [(int(place) // len(classes), int(place) % len(classes)) for place in places]
    sure = [each.row for each in surest_mistakes(network, data, count, out=out)]
    hits = np.flatnonzero(right)
    unsure = hits[np.argsort(confidence[hits], kind="stable")][:count].tolist()

    def cases(rows: list[int]) -> tuple[Case, ...]:
        images = to_numpy(data.take(np.array(rows, np.int64)).inputs) if rows else ()
        return tuple(
            Case(row, int(answers[row]), int(truth[row]), float(confidence[row]), image)
            for row, image in zip(rows, images, strict=True)
        )

    between = network.activations[-1].range in ("unit", "simplex", "binary")
    return Mistakes(
        classes=classes,
        examples=len(data),
        weighted=data.weights is not None,
        accuracy=float(right.mean()),
        confusion=table,
        confused=tuple(Confused(t, a, int(table[t, a]), float(table[t, a] / table[t].sum())) for t, a in pairs),
        errors=cases(sure),
        hits=cases(unsure),
        outputs=network.sizes[-1],
        output=str(network.activations[-1]),
        calibration=_calibrated(confidence, right) if between else None,
    )


def _check_count(count: int) -> None:
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
        raise WrongValue(f"count must be a whole number from 1, got {count!r}")


def _calibrated(confidence: NDArray[Any], right: NDArray[Any]) -> Calibration:
    edges = np.linspace(0, 1, BINS + 1)
    bins = np.searchsorted(edges[1:-1], confidence, side="left")  # a confidence on an edge belongs to the bin below
    counts = np.bincount(bins, minlength=BINS)
    some = np.where(counts > 0, counts, np.nan)
    sure = np.bincount(bins, confidence, minlength=BINS) / some
    accuracy = np.bincount(bins, right.astype(np.float64), minlength=BINS) / some
    error = float(np.nansum(counts / len(right) * np.abs(accuracy - sure)))
    return Calibration(edges, counts, sure, accuracy, error)


def _pictures(images: Iterable[tuple[NDArray[Any], str]]) -> Iterable[Block]:
    """The images with their captions; nothing if they are not square."""
    pictures = []
    for image, caption in images:
        values = square(image)
        if values is not None:
            ink = float(values.min()) >= 0 and float(values.max()) <= 1
            pictures.append(Picture(values, "ink" if ink else "signed", caption))
    if pictures:
        yield Pictures(tuple(pictures))


# ── The honest corner ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class NoDigit:
    """What a network says about images of one kind, that show none of its classes.

    Attributes:
        what: the kind, in words.
        count: how many were shown.
        answers: how often it gave each class.
        confidence: the mean activation of its answers.
    """

    what: str
    count: int
    answers: Int[NDArray[np.integer], " classes"]
    confidence: float


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One image of the corner, and what the network said about it.

    Attributes:
        what: in words.
        image: its numbers.
        answer: the number of the class it chose.
        confidence: the activation of that output; of a single output a: 0.5 + |a − 0.5|.
    """

    what: str
    image: Float[NDArray[np.floating], " in"]
    answer: int
    confidence: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Corner(Explanation):
    """What a network says where it was never taught to say anything.

    Attributes:
        classes: the names of its answers.
        seed: what noise, shuffles and examples were drawn by.
        examples: how many images of the data were moved, turned and shuffled.
        outputs: how many outputs it has.
        output: the name of their activation.
        no_digits: what it says about noise, an empty image, a full one, and images with their pixels shuffled.
        shifts: by how many pixels the images were moved.
        shift_accuracy: the share of right answers at each, 0 to 1: the mean over left, right, up and down.
        shift_confidence: the mean confidence at each, right or wrong.
        angles: by how many degrees they were turned, counterclockwise above 0.
        angle_accuracy, angle_confidence: the same at each angle.
        shown: one image of each kind.
    """

    classes: tuple[str, ...]
    seed: int
    examples: int
    outputs: int
    output: str
    no_digits: tuple[NoDigit, ...]
    shifts: Int[NDArray[np.integer], " shifts"]
    shift_accuracy: Float[NDArray[np.floating], " shifts"]
    shift_confidence: Float[NDArray[np.floating], " shifts"]
    angles: Int[NDArray[np.integer], " angles"]
    angle_accuracy: Float[NDArray[np.floating], " angles"]
    angle_confidence: Float[NDArray[np.floating], " angles"]
    shown: tuple[Shown, ...]

    def blocks(self) -> Iterable[Block]:
        """No digits in a table, moved and turned ones as curves, and some as pictures."""
        noise = self.no_digits[0]
        yield Heading("The honest corner: noise, and images moved and turned")
        none = "no output" if self.outputs > 1 else "no answer"
        yield Sentence(
            f"Shown noise, it is {noise.confidence:.2f} sure of its answers on average; of the data's own images, "
            f"{self.shift_confidence[0]:.2f}. It must name one of its {len(self.classes)} classes: it has {none} for "
            "“none of these”."
        )
        yield from _pictures(
            (each.image, f"{each.what}: it says {self.classes[each.answer]} ({each.confidence:.2f})")
            for each in self.shown
        )
        yield Table(
            ("shown", "images", "mean confidence", "answers, most frequent first"),
            tuple(
                (each.what, f"{each.count:,}", number(each.confidence, 3), self._answers(each))
                for each in self.no_digits
            ),
        )
        yield Curves(
            "shift (pixels)",
            "share",
            (
                Curve("accuracy", self.shifts.astype(np.float64), self.shift_accuracy),
                Curve("mean confidence", self.shifts.astype(np.float64), self.shift_confidence),
            ),
        )
        yield Curves(
            "rotation (degrees, counterclockwise)",
            "share",
            (
                Curve("accuracy", self.angles.astype(np.float64), self.angle_accuracy),
                Curve("mean confidence", self.angles.astype(np.float64), self.angle_confidence),
            ),
        )
        most = int(self.shifts[-1])
        yield Sentence(
            f"Of {self.examples:,} images it gets {self.shift_accuracy[0]:.1%} right as they are; "
            f"{self.shift_accuracy[-1]:.1%} moved by {most} pixels; {self.angle_accuracy[0]:.1%} turned by {self.angles[0]} "
            f"degrees and {self.angle_accuracy[-1]:.1%} by {self.angles[-1]}.".replace("-", "−")
        )
        yield Sentence(
            "A moved image is another list of numbers: nothing in such a network knows which pixels are neighbors. Where "
            "accuracy falls and confidence does not, it is wrong without noticing. Images moved far lose ink at the edge, and "
            "turned far they may be hard for people too.",
            quiet=True,
        )
        how = "The confidence is the activation of the answer"
        if self.outputs > 1 and self.output == "sigmoid":
            how += ". All sigmoid outputs can be low at once, which may be read as doubt; the answer is still the brightest"
        yield Sentence(f"{how}.", quiet=True)

    def _answers(self, each: NoDigit) -> str:
        order = [index for index in np.argsort(-each.answers, kind="stable")[:4] if each.answers[index] > 0]
        rest = int((each.answers > 0).sum()) - len(order)
        words = ", ".join(f"{self.classes[index]}: {each.answers[index] / each.count:.0%}" for index in order)
        return f"{words}, and {rest} more" if rest else words


def corner(network: Network, data: Dataset, seed: int = 0, count: int = 200) -> Corner:
    """What a network says about images that show nothing it knows, and about images moved or turned.

    Args:
        network: the network, of any array library; it is looked at in float64.
        data: square images with classes, such as the test data. Weights do not enter.
        seed: what noise, shuffles and the images to use are drawn by.
        count: how many noise images, and at most how many images of the data (drawn without repetition), from 1.

    Noise is uniform between the smallest and the largest number among these images (for digits, 0 and 1); the empty image
    is the smallest everywhere, the full one the largest, and what comes in at the edges of a moved image is the smallest.
    Images are moved by 0 to 8 pixels, less than their side, and turned by −60 to 60 degrees.

    Errors: :class:`~glassnet.errors.WrongValue` if the images are not square (4 × 4 or larger), if the data has no
    classes, is multi-label or does not fit, or for a count below 1.
    """
    check_data(network, data)
    check_seed(seed)
    _check_count(count)
    pixels = data.inputs.shape[1]
    side = math.isqrt(pixels)
    if side * side != pixels or side < 4:
        raise WrongValue(
            f"only square images, of 4 × 4 pixels or more, can be moved and turned: these examples have {pixels} numbers"
        )
    truth_of_all, classes = data.labels, data.classes or ()
    network = precise(network)
    generator = np.random.default_rng(seed)
    rows = np.sort(generator.choice(len(data), min(count, len(data)), replace=False))
    truth = truth_of_all[rows]
    flat = to_numpy(data.take(rows).inputs).astype(np.float64)
    images = flat.reshape(-1, side, side)
    low, high = float(flat.min()), float(flat.max())

    def ask(numbers: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        out = outputs(network, numbers.reshape(-1, pixels))
        return chosen(out), confidences(out)

    def judged(versions: list[NDArray[Any]]) -> tuple[float, float]:
        said = [ask(version) for version in versions]
        return (
            float(np.mean([(answers == truth).mean() for answers, _ in said])),
            float(np.mean([sure.mean() for _, sure in said])),
        )

    kinds = {
        "noise": generator.uniform(low, high, (count, pixels)),
        "nothing": np.full((1, pixels), low),
        "ink everywhere": np.full((1, pixels), high),
        "pixels shuffled": generator.permuted(flat, axis=1),
    }
    shifts = [shift for shift in SHIFTS if shift < side]
    moved_by = [
        judged([shifted(images, down * s, right * s, low) for down, right in ((0, -1), (0, 1), (-1, 0), (1, 0))])
        for s in shifts
    ]
    turned_by = [judged([rotated(images, angle, low)]) for angle in ANGLES]

    no_digits = []
    shown = []
    far = shifts[-1] // 2
    some = {
        **{what: numbers[:1] for what, numbers in kinds.items()},
        "as it is": flat[:1],
        f"moved right by {far}": shifted(images[:1], 0, far, low),
        f"moved down by {far}": shifted(images[:1], far, 0, low),
        "turned by 40 degrees": rotated(images[:1], 40, low),
        "turned by −40 degrees": rotated(images[:1], -40, low),
    }
    for what, numbers in kinds.items():
        answers, sure = ask(numbers)
        no_digits.append(NoDigit(what, len(numbers), np.bincount(answers, minlength=len(classes)), float(sure.mean())))
    for what, numbers in some.items():
        answers, sure = ask(numbers)
        shown.append(Shown(what, numbers.reshape(-1), int(answers[0]), float(sure[0])))
    return Corner(
        classes=classes,
        seed=seed,
        examples=len(rows),
        outputs=network.sizes[-1],
        output=str(network.activations[-1]),
        no_digits=tuple(no_digits),
        shifts=np.array(shifts),
        shift_accuracy=np.array([accuracy for accuracy, _ in moved_by]),
        shift_confidence=np.array([sure for _, sure in moved_by]),
        angles=np.array(ANGLES),
        angle_accuracy=np.array([accuracy for accuracy, _ in turned_by]),
        angle_confidence=np.array([sure for _, sure in turned_by]),
        shown=tuple(shown),
    )


def shifted(
    images: Float[NDArray[np.floating], "n height width"], down: int, right: int, paper: float = 0.0
) -> Float[NDArray[np.floating], "n height width"]:
    """Images moved by whole pixels, ``down`` and ``right`` (below 0: up and left); ``paper`` comes in at the edges."""
    height, width = images.shape[1:]
    result = np.full_like(images, paper)
    if abs(down) < height and abs(right) < width:
        result[:, max(0, down) : height + min(0, down), max(0, right) : width + min(0, right)] = images[
            :, max(0, -down) : height - max(0, down), max(0, -right) : width - max(0, right)
        ]
    return result


def rotated(
    images: Float[NDArray[np.floating], "n height width"], degrees: float, paper: float = 0.0
) -> Float[NDArray[np.floating], "n height width"]:
    """Images turned counterclockwise around their middle; ``paper`` comes in at the corners.

    Each pixel is the bilinear mean of the four it comes from, as Pillow makes it, in float32.
    """
    from PIL import Image

    turned = [
        np.asarray(
            Image.fromarray(image.astype(np.float32)).rotate(degrees, Image.Resampling.BILINEAR, fillcolor=paper)
        )
        for image in images
    ]
    return np.stack(turned).astype(images.dtype)


# ── Memory ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Memory:
    """One trained network, on the data it learned from and on data it did not.

    Attributes:
        name: the network's.
        examples: how many it learned from.
        train_cost, train_accuracy: on those.
        test_cost, test_accuracy: on the test data. Costs are means, accuracies 0 to 1, both weighted if the data is.
    """

    name: str
    examples: int
    train_cost: float
    train_accuracy: float
    test_cost: float
    test_accuracy: float


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Memorized(OfCost):
    """How much of what networks can do is memory.

    Attributes:
        networks: one for each network, in the order given, all judged by ``cost_function``.
        test: how many examples of test data there are.
        chance: the share of the test data's most frequent class: who always says that gets so many right.
    """

    networks: tuple[Memory, ...]
    test: int
    chance: float

    def blocks(self) -> Iterable[Block]:
        """A table, a sentence for each network, and how to read them."""
        yield Heading("How much of it is memory?")
        yield self.which_cost
        yield Table(
            ("network", "learned from", "cost there", "accuracy there", "cost on test data", "accuracy on test data"),
            tuple(
                (
                    each.name,
                    f"{each.examples:,}",
                    number(each.train_cost),
                    f"{each.train_accuracy:.1%}",
                    number(each.test_cost),
                    f"{each.test_accuracy:.1%}",
                )
                for each in self.networks
            ),
        )
        for each in self.networks:
            gap = 100 * (each.train_accuracy - each.test_accuracy)
            yield Sentence(
                f"{each.name}: {each.train_accuracy:.1%} right of what it learned from, {each.test_accuracy:.1%} of "
                f"{self.test:,} examples it did not, a difference of {number(gap, 3)} points."
            )
        yield Sentence(
            f"Where labels were shuffled, nothing about an image says its label: what such a network gets right of its own "
            f"training data, above chance, it has learned by heart, and on test data it is near chance (always saying the most "
            f"frequent class gets {self.chance:.1%}). A network that could learn shuffled labels has the room to learn true "
            "ones by heart as well; whether it did, only data it has not seen can tell.",
            quiet=True,
        )


def shuffled(data: Dataset, seed: int = 0) -> Dataset:
    """The same data with its targets dealt out anew, so that inputs and labels no longer belong together.

    The targets are permuted (NumPy's generator, by ``seed``): every class keeps its count, and some examples get their own
    label back by chance, of ten equal classes about one in ten. Weights stay with the inputs.

    Source: Zhang, Bengio, Hardt, Recht and Vinyals, "Understanding deep learning requires rethinking generalization"
    (2017, arXiv:1611.03530).

    Errors: :class:`~glassnet.errors.WrongValue` for a seed that is not a whole number from 0.
    """
    check_seed(seed)
    targets = data.targets
    xp = namespace(targets)
    order = xp.asarray(np.random.default_rng(seed).permutation(len(data)), device=device_of(targets))
    return replace(data, targets=xp.take(targets, order, axis=0))


def memorized(
    networks: Mapping[str, tuple[Network, Dataset]], test: Dataset, cost: Cost | str | None = None
) -> Memorized:
    """How well trained networks do on the data they learned from, and on data they did not.

    Args:
        networks: by name, each trained network with the data it was trained on, such as
            ``{"true labels": (net, data), "shuffled labels": (net2, shuffled(data))}``. Nothing is trained here.
        test: examples that none of them has learned from, with classes.
        cost: the cost to report, or its name; None: that of the networks' trainings, or else the usual one of their outputs.
            One for all: networks that have none in common are refused until one is named.

    Source: Zhang et al. 2017, as for :func:`shuffled`.

    Errors: :class:`~glassnet.errors.WrongValue` for no networks, data without classes or multi-label data, or if data,
    networks and cost do not fit.
    """
    if not networks:
        raise WrongValue("there is nothing to compare: give networks by name, each with the data it was trained on")
    cost, reason = common_cost([(name, network) for name, (network, _) in networks.items()], cost)
    labels = test.labels
    found = []
    for name, (network, data) in networks.items():
        network = precise(network)
        own, other = evaluate(network, data, cost), evaluate(network, test, cost)
        if own.accuracy is None or other.accuracy is None:
            raise WrongValue(
                f"the data that {name!r} was trained on has no classes, so there is no accuracy to compare"
            )
        found.append(Memory(name, len(data), own.cost, own.accuracy, other.cost, other.accuracy))
    return Memorized(cost, reason, tuple(found), len(test), float(np.bincount(labels).max() / len(test)))
