"""Costs: how wrong the output is, for each example one number.

The cost of one example adds up over the outputs, with no mean and no ½: squared error is C₀ = Σⱼ (aⱼ − yⱼ)², the
convention of the 3Blue1Brown series, so ∂C₀/∂aⱼ = 2 (aⱼ − yⱼ). (Nielsen's book uses ½ Σ (a − y)²; its learning rate of
3.0 is 1.5 here.) The cost of the network is the mean over the examples, weighted if they carry weights.

Shapes: ``n`` examples, ``j`` outputs. Output and desired output must have the same shape, (n, j), and are refused
otherwise: an array library would repeat the smaller along the larger, and add up a cost of pairs that do not belong together.

Some costs have a *natural* partner: cross-entropy after softmax, binary cross-entropy after sigmoid. There the cost is
computed from the weighted sum z, so that an output of exactly 1 in float32 never asks for the logarithm of 0, and the
error dC/dz is simply a − y. :func:`cost_of` and :func:`output_error` use it wherever it is true.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from jaxtyping import Float

from glassnet.activations import Activation, Range, sigmoid, softmax, softplus
from glassnet.arrays import Array, namespace, to_numpy
from glassnet.errors import WrongValue
from glassnet.settings import Setting, as_setting, check_number, table

__all__ = [
    "COSTS",
    "AbsoluteError",
    "BinaryCrossEntropy",
    "Cost",
    "CrossEntropy",
    "Domain",
    "Huber",
    "Natural",
    "SquaredError",
    "absolute_error",
    "as_cost",
    "binary_cross_entropy",
    "check_fit",
    "check_targets",
    "cost_of",
    "cross_entropy",
    "huber",
    "output_error",
    "squared_error",
    "usual_cost",
]

Domain = Literal["real", "unit", "simplex"]
"""Which outputs a cost can judge: any; strictly between 0 and 1; those that also sum to 1."""

_FITS: dict[Domain, tuple[Range, ...]] = {
    "real": ("real", "nonnegative", "signed", "unit", "binary", "simplex"),
    "unit": ("unit", "simplex"),
    "simplex": ("simplex",),
}
_NEEDS: dict[Domain, str] = {
    "real": "any numbers",
    "unit": "outputs between 0 and 1, as sigmoid or softmax give",
    "simplex": "outputs that are probabilities summing to 1, as softmax gives",
}

_ROUNDING = 1e-6
"""How far a desired output may lie outside of 0 to 1, as rounding puts it."""
_SUM = 1e-3
"""How far the desired outputs of an example may be from a sum of 1, where a cost needs that."""


@dataclass(frozen=True, slots=True)
class Natural:
    """A cost joined with the output activation it was made for: its value from z, and its error dC/dz from a."""

    activation: Activation
    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]


class Cost(Setting):
    """How wrong an output is. To make your own, subclass this and give the two methods."""

    __slots__ = ()
    domain: ClassVar[Domain]
    natural: ClassVar[Natural | None] = None

    @abstractmethod
    def value(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, " n"]:
        """The cost of each example, from the output ``a`` and the desired output ``y``.

        Errors: :class:`~glassnet.errors.WrongValue` names their shapes if they are not the same, (n, j).
        """

    @abstractmethod
    def slope(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """dC/da: how each example's cost depends on each of its outputs. Errors: as for :meth:`value`."""


def _namespace_of_pair(output: Any, wanted: Any) -> Any:
    """The array library of outputs (or weighted sums) and desired outputs, whose shapes must be the same, (n, j).

    Compared in every call: this takes a quarter of a microsecond.

    Errors: :class:`~glassnet.errors.WrongValue` names both shapes and says what to do.
    """
    shape = getattr(output, "shape", None)
    if shape != getattr(wanted, "shape", None) or shape is None or len(shape) != 2:
        raise WrongValue(_misfit(output, wanted))
    return namespace(output)


def _misfit(output: Any, wanted: Any) -> str:
    for what, array in (("output", output), ("desired output", wanted)):
        if not hasattr(array, "shape"):
            return f"the {what} must be an array of shape (examples, outputs), got {type(array).__name__}"
    has, got = tuple(output.shape), tuple(wanted.shape)
    if len(has) != 2:
        advice = "give both with two dimensions, a row for each example"
    elif got == has[::-1]:
        advice = "the examples must be its rows: give it transposed, y.T"
    elif got == has[:1] and has[1] == 1:
        advice = "give it as y.reshape(-1, 1)"
    else:
        advice = f"give a row of {has[1]} desired outputs for each of the {has[0]} examples"
    return f"the output has the shape {has}, but the desired output has {got}, and must have the same: {advice}"


@dataclass(frozen=True, slots=True)
class SquaredError(Cost):
    """Σⱼ (aⱼ − yⱼ)², without ½: the series' own."""

    name: ClassVar[str] = "squared_error"
    domain: ClassVar[Domain] = "real"

    def value(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, " n"]:
        """Σⱼ (aⱼ − yⱼ)²."""
        xp = _namespace_of_pair(a, y)
        difference = a - y
        return xp.sum(difference * difference, axis=-1)

    def slope(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """2 (a − y)."""
        _namespace_of_pair(a, y)
        return 2.0 * (a - y)


@dataclass(frozen=True, slots=True)
class AbsoluteError(Cost):
    """Σⱼ |aⱼ − yⱼ|: less moved by outliers than the squared error."""

    name: ClassVar[str] = "absolute_error"
    domain: ClassVar[Domain] = "real"

    def value(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, " n"]:
        """Σⱼ |aⱼ − yⱼ|."""
        xp = _namespace_of_pair(a, y)
        return xp.sum(xp.abs(a - y), axis=-1)

    def slope(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """sign(a − y); 0 where they agree."""
        _namespace_of_pair(a, y)
        return _sign(a - y)


@dataclass(frozen=True, slots=True)
class Huber(Cost):
    """½ r² where |r| ≤ delta, else delta (|r| − ½ delta), summed over the outputs; r = a − y (Huber, 1964).

    Huber's own ½ is kept, so for small differences it is half the squared error.
    """

    name: ClassVar[str] = "huber"
    domain: ClassVar[Domain] = "real"
    delta: float = 1.0

    def __post_init__(self) -> None:
        check_number("delta of huber", self.delta, above=0)

    def value(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, " n"]:
        """Σⱼ of ½ r² or delta (|r| − ½ delta)."""
        xp = _namespace_of_pair(a, y)
        size = xp.abs(a - y)
        near = xp.where(size <= self.delta, size, 0.0)  # keeps a huge difference from being squared only to be dropped
        return xp.sum(xp.where(size <= self.delta, 0.5 * near * near, self.delta * (size - 0.5 * self.delta)), axis=-1)

    def slope(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """r, held between −delta and delta."""
        xp = _namespace_of_pair(a, y)
        r = a - y
        return xp.where(xp.abs(r) <= self.delta, r, self.delta * _sign(r))


def _cross_entropy_from_z(z: Array, y: Array) -> Array:
    """−Σⱼ yⱼ ln softmax(z)ⱼ, with ln softmax(z) = z − max z − ln Σ e^(z − max z)."""
    xp = _namespace_of_pair(z, y)
    shifted = z - xp.max(z, axis=-1, keepdims=True)
    log_sum = xp.log(xp.sum(xp.exp(shifted), axis=-1, keepdims=True))
    return xp.sum(y * (log_sum - shifted), axis=-1)


def _cross_entropy_error(a: Array, y: Array) -> Array:
    """a Σⱼ yⱼ − y, which is a − y when the desired outputs sum to 1, and right when they do not."""
    return a * _namespace_of_pair(a, y).sum(y, axis=-1, keepdims=True) - y


@dataclass(frozen=True, slots=True)
class CrossEntropy(Cost):
    """−Σⱼ yⱼ ln aⱼ: the surprise at the right answer, in nats. For classes that exclude each other, after softmax."""

    name: ClassVar[str] = "cross_entropy"
    domain: ClassVar[Domain] = "simplex"
    natural: ClassVar[Natural | None] = Natural(softmax, _cross_entropy_from_z, _cross_entropy_error)

    def value(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, " n"]:
        """−Σⱼ yⱼ ln aⱼ, with a held above the smallest normal number, for ln 0 is not one."""
        xp = _namespace_of_pair(a, y)
        return -xp.sum(y * xp.log(_above_zero(a)), axis=-1)

    def slope(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """−y / a."""
        _namespace_of_pair(a, y)
        return -y / _above_zero(a)


def _binary_cross_entropy_from_z(z: Array, y: Array) -> Array:
    """Σⱼ [softplus(zⱼ) − yⱼ zⱼ], which equals −Σⱼ [yⱼ ln σ(zⱼ) + (1 − yⱼ) ln(1 − σ(zⱼ))]."""
    return _namespace_of_pair(z, y).sum(softplus.value(z) - y * z, axis=-1)


def _binary_cross_entropy_error(a: Array, y: Array) -> Array:
    """a − y."""
    _namespace_of_pair(a, y)
    return a - y


@dataclass(frozen=True, slots=True)
class BinaryCrossEntropy(Cost):
    """−Σⱼ [yⱼ ln aⱼ + (1 − yⱼ) ln(1 − aⱼ)], in nats: each output answers its own yes-or-no question, after sigmoid.

    This is the cross-entropy of Nielsen's chapter 3.
    """

    name: ClassVar[str] = "binary_cross_entropy"
    domain: ClassVar[Domain] = "unit"
    natural: ClassVar[Natural | None] = Natural(sigmoid, _binary_cross_entropy_from_z, _binary_cross_entropy_error)

    def value(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, " n"]:
        """−Σⱼ [yⱼ ln aⱼ + (1 − yⱼ) ln(1 − aⱼ)], with a and 1 − a held above zero."""
        xp = _namespace_of_pair(a, y)
        return -xp.sum(y * xp.log(_above_zero(a)) + (1.0 - y) * xp.log(_rest(a)), axis=-1)

    def slope(self, a: Float[Array, "n j"], y: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """(1 − y) / (1 − a) − y / a."""
        _namespace_of_pair(a, y)
        return (1.0 - y) / _rest(a) - y / _above_zero(a)


# A comparison with NaN is false, so each select asks for the case that has the constant, and NaN stays NaN.


def _sign(r: Any) -> Any:
    """1, 0 or −1. (PyTorch's own sign makes 0 of NaN.)"""
    xp = namespace(r)
    return xp.where(r > 0, 1.0, xp.where(r < 0, -1.0, r))


def _above_zero(a: Any) -> Any:
    """a, but never below the dtype's smallest normal number, so that ln a and y / a stay finite."""
    xp = namespace(a)
    least = float(xp.finfo(a.dtype).smallest_normal)
    return xp.where(a < least, least, a)


def _rest(a: Any) -> Any:
    """1 − a, but never below the dtype's rounding unit, which is the least that 1 − a can tell from 0."""
    xp = namespace(a)
    least = float(xp.finfo(a.dtype).eps)
    rest = 1.0 - a
    return xp.where(rest < least, least, rest)


squared_error = SquaredError()
absolute_error = AbsoluteError()
huber = Huber()
cross_entropy = CrossEntropy()
binary_cross_entropy = BinaryCrossEntropy()

COSTS = table(SquaredError, CrossEntropy, BinaryCrossEntropy, AbsoluteError, Huber)
"""Every cost glassnet knows, by name. The tests are made from this table."""


def as_cost(given: Cost | str) -> Cost:
    """A cost from its name, ``"squared_error"`` or ``"huber(delta=0.5)"``; a cost is returned as it is.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    return as_setting(given, "cost", COSTS)


def usual_cost(activation: Activation) -> Cost:
    """The cost to judge an output by where nobody says which: cross-entropy if it sums to 1, as softmax does, else squared
    error, the series' own.

    It is a guess at what a network was trained by, not its natural partner: after sigmoid it is the squared error.
    """
    return cross_entropy if activation.range == "simplex" else squared_error


def check_fit(cost: Cost, activation: Activation, outputs: int | None = None) -> None:
    """Refuse a cost that cannot judge what this output activation says.

    ``outputs`` is how many output neurons there are, where that is known: softmax divides by the sum over all of them, so
    a single one always says 1, whatever the input.

    Errors: :class:`~glassnet.errors.WrongValue` names both and says what would fit.
    """
    if activation.range not in _FITS[cost.domain]:
        raise WrongValue(
            f"the cost {cost.name} needs {_NEEDS[cost.domain]}, but the output activation is {activation.name}: "
            "change one of the two"
        )
    if outputs == 1 and activation.range == "simplex":
        raise WrongValue(
            f"a single output after {activation.name} is always 1, whatever the input: use sigmoid for a yes-or-no question, "
            "identity for a number to predict, or an output for each class"
        )


def check_targets(cost: Cost, targets: Float[Array, "n j"]) -> None:
    """Refuse desired outputs that the cost has no meaning for.

    A cost of the domain ``"unit"`` compares probabilities, so it needs targets from 0 to 1; one of ``"simplex"`` also needs
    those of each example to sum to 1 (within 0.001, for rounding). A cost of the domain ``"real"`` takes any.

    Errors: :class:`~glassnet.errors.WrongValue` names the cost, the first example whose targets do not fit, and what
    would.
    """
    if cost.domain == "real":
        return
    xp = namespace(targets)
    # Not inside, rather than outside: so that NaN is refused, too.
    inside = xp.all((targets >= -_ROUNDING) & (targets <= 1 + _ROUNDING), axis=1)
    needs, fits = "targets from 0 to 1", inside
    if cost.domain == "simplex":
        needs = "the targets of each example to be from 0 to 1 and to sum to 1"
        fits = inside & (xp.abs(xp.sum(targets, axis=1) - 1) <= _SUM)
    if bool(xp.all(fits)):
        return
    row = int(to_numpy(fits).argmin())
    first = to_numpy(targets)[row]
    values = ", ".join(f"{value:g}" for value in first[:4].tolist()) + (", …" if len(first) > 4 else "")
    said = f"{values} with the sum {first.sum():g}" if bool(inside[row]) else values
    raise WrongValue(
        f"the cost {cost.name} needs {needs}, but example {row} has {said}: use squared_error to predict numbers, or give "
        "whole numbers or names as labels for classes"
    )


def _check_three(z: Any, a: Any, y: Any) -> None:
    """For costs that do not check by themselves, and because only one of z and a is used."""
    _namespace_of_pair(a, y)
    if z.shape != a.shape:
        raise WrongValue(
            f"the weighted sums z have the shape {tuple(z.shape)}, but the activations a have {tuple(a.shape)}: give both "
            "of the same layer and the same examples"
        )


def cost_of(
    cost: Cost, activation: Activation, z: Float[Array, "n j"], a: Float[Array, "n j"], y: Float[Array, "n j"]
) -> Float[Array, " n"]:
    """The cost C of each example, from z where that is the stable way.

    Errors: :class:`~glassnet.errors.WrongValue` if the cost and the output activation do not fit, or the shapes of z, a
    and y are not the same.
    """
    check_fit(cost, activation)
    _check_three(z, a, y)
    if cost.natural is not None and cost.natural.activation == activation:
        return cost.natural.value(z, y)
    return cost.value(a, y)


def output_error(
    cost: Cost, activation: Activation, z: Float[Array, "n j"], a: Float[Array, "n j"], y: Float[Array, "n j"]
) -> Float[Array, "n j"]:
    """The error δ = dC/dz of the output layer, for each example: the cost's slope pulled back through the activation.

    Errors: :class:`~glassnet.errors.WrongValue` if the cost and the output activation do not fit, or the shapes of z, a
    and y are not the same.
    """
    check_fit(cost, activation)
    _check_three(z, a, y)
    if cost.natural is not None and cost.natural.activation == activation:
        return cost.natural.slope(a, y)
    return activation.pullback(z, a, cost.slope(a, y))
