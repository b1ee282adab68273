"""Activations: how a neuron turns its weighted sum into what it says.

Each has two sides that belong together. Forwards, ``value(z)`` makes the activations a = f(z). Backwards,
``pullback(z, a, upstream)`` takes dC/da, how the cost depends on what the neurons say, and gives dC/dz, how it depends
on their weighted sums. For an elementwise f that is dC/da · f'(z); softmax, whose neurons depend on each other, has no
elementwise derivative, but it has a pullback, so one signature covers all.

Shapes: ``n`` examples, ``j`` neurons of the layer. All methods accept arrays of any library (see :mod:`glassnet.arrays`)
and never overflow: ``exp`` is only ever given what is zero or negative.

NaN stays NaN: where z is NaN, so is a; where z or the upstream is NaN, so is the pullback (of softmax, in the whole row).
A training that has gone wrong must show in its cost. A comparison with NaN is false, so ``where(z > 0, z, 0)`` would
make 0 of it: the selects below ask for the case that has the constant.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from jaxtyping import Float

from glassnet.arrays import Array, namespace
from glassnet.settings import Setting, as_setting, check_number, table

__all__ = [
    "ACTIVATIONS",
    "ELU",
    "GELU",
    "Activation",
    "Identity",
    "LeakyReLU",
    "Range",
    "ReLU",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Step",
    "Tanh",
    "as_activation",
    "elu",
    "gelu",
    "identity",
    "leaky_relu",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "step",
    "tanh",
]

Range = Literal["real", "nonnegative", "signed", "unit", "binary", "simplex"]
"""Which numbers come out: any; 0 and up; −1 to 1; 0 to 1; 0 or 1; 0 to 1 with a sum of 1."""


class Activation(Setting):
    """What a neuron says about its weighted sum. To make your own, subclass this and give the two methods."""

    __slots__ = ()
    range: ClassVar[Range]

    @abstractmethod
    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """The activations a = f(z) of the weighted sums z."""

    @abstractmethod
    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """dC/dz from ``upstream`` = dC/da, where ``a`` = f(``z``)."""


def _with_nan(pulled: Any, z: Any, upstream: Any) -> Any:
    """What was pulled back, but NaN where z or the upstream is NaN: only NaN differs from itself."""
    return namespace(z).where((z == z) & (upstream == upstream), pulled, math.nan)


@dataclass(frozen=True, slots=True)
class Sigmoid(Activation):
    """σ(z) = 1 / (1 + e⁻ᶻ), from 0 to 1: how positive the sum is. The series' own."""

    name: ClassVar[str] = "sigmoid"
    range: ClassVar[Range] = "unit"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """σ(z), exact for large z of either sign: e^−|z| is taken, which cannot overflow."""
        xp = namespace(z)
        e = xp.exp(-xp.abs(z))
        return xp.where(z >= 0, 1.0, e) / (1.0 + e)

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """σ'(z) = σ(z) (1 − σ(z))."""
        return upstream * a * (1.0 - a)


@dataclass(frozen=True, slots=True)
class Tanh(Activation):
    """tanh z, from −1 to 1."""

    name: ClassVar[str] = "tanh"
    range: ClassVar[Range] = "signed"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """tanh z."""
        return namespace(z).tanh(z)

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """tanh'(z) = 1 − tanh² z."""
        return upstream * (1.0 - a * a)


@dataclass(frozen=True, slots=True)
class ReLU(Activation):
    """max(0, z): silent below zero, the sum itself above. Learns faster than the sigmoid, most of all in deep networks."""

    name: ClassVar[str] = "relu"
    range: ClassVar[Range] = "nonnegative"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """max(0, z)."""
        return namespace(z).where(z <= 0, 0.0, z)

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """Slope 1 above zero, 0 below; 0 at the kink, as PyTorch has it."""
        return _with_nan(namespace(z).where(z > 0, upstream, 0.0), z, upstream)


@dataclass(frozen=True, slots=True)
class LeakyReLU(Activation):
    """z above zero, ``alpha`` · z below, so that no neuron ever stops learning for good."""

    name: ClassVar[str] = "leaky_relu"
    range: ClassVar[Range] = "real"
    alpha: float = 0.01

    def __post_init__(self) -> None:
        check_number("alpha of leaky_relu", self.alpha)

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """z or alpha · z."""
        return namespace(z).where(z > 0, z, self.alpha * z)

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """Slope 1 or alpha; alpha at the kink."""
        return _with_nan(namespace(z).where(z > 0, upstream, self.alpha * upstream), z, upstream)


@dataclass(frozen=True, slots=True)
class ELU(Activation):
    """z above zero, ``alpha`` (eᶻ − 1) below (Clevert et al., 2015)."""

    name: ClassVar[str] = "elu"
    range: ClassVar[Range] = "real"
    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number("alpha of elu", self.alpha, above=0)

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """z or alpha (eᶻ − 1)."""
        xp = namespace(z)
        return xp.where(z > 0, z, self.alpha * xp.expm1(xp.where(z > 0, 0.0, z)))

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """Slope 1 above zero, and alpha eᶻ = a + alpha below."""
        return upstream * namespace(z).where(z > 0, 1.0, a + self.alpha)


@dataclass(frozen=True, slots=True)
class SiLU(Activation):
    """z σ(z), also called swish: a smooth relu (Elfwing et al., 2017)."""

    name: ClassVar[str] = "silu"
    range: ClassVar[Range] = "real"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """z σ(z)."""
        return z * sigmoid.value(z)

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """σ(z) + z σ(z) (1 − σ(z)) = s + a (1 − s)."""
        s = sigmoid.value(z)
        return upstream * (s + a * (1.0 - s))


@dataclass(frozen=True, slots=True)
class GELU(Activation):
    """½ z (1 + tanh(√(2/π) (z + 0.044715 z³))): z weighed by the normal distribution, in its tanh form.

    The tanh form (Hendrycks and Gimpel, 2016) needs no error function, which the array API standard does not have.
    """

    name: ClassVar[str] = "gelu"
    range: ClassVar[Range] = "real"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """½ z (1 + tanh u), u = √(2/π) (z + 0.044715 z³)."""
        return 0.5 * z * (1.0 + _gelu_tanh(z))

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """½ (1 + tanh u) + ½ z (1 − tanh² u) u', u' = √(2/π) (1 + 0.134145 z²)."""
        t = _gelu_tanh(z)
        u_slope = math.sqrt(2 / math.pi) * (1.0 + 3 * 0.044715 * z * z)
        return upstream * (0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * u_slope)


def _gelu_tanh(z: Any) -> Any:
    return namespace(z).tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z * z * z))


@dataclass(frozen=True, slots=True)
class Softplus(Activation):
    """ln(1 + eᶻ): a relu without its kink, whose slope is the sigmoid."""

    name: ClassVar[str] = "softplus"
    range: ClassVar[Range] = "nonnegative"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """max(0, z) + ln(1 + e^−|z|), which is the same and cannot overflow."""
        xp = namespace(z)
        return xp.where(z > 0, z, 0.0) + xp.log1p(xp.exp(-xp.abs(z)))

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """σ(z)."""
        return upstream * sigmoid.value(z)


@dataclass(frozen=True, slots=True)
class Identity(Activation):
    """z itself: the output of a network that predicts numbers rather than classes."""

    name: ClassVar[str] = "identity"
    range: ClassVar[Range] = "real"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """z."""
        return z

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """Slope 1."""
        return _with_nan(upstream, z, upstream)


@dataclass(frozen=True, slots=True)
class Step(Activation):
    """1 if z > 0, else 0: the perceptron's neuron, on or off.

    Its slope is truly 0 everywhere but at the jump, so nothing behind it ever learns. It is here to show why a neuron's
    activation must be smooth.
    """

    name: ClassVar[str] = "step"
    range: ClassVar[Range] = "binary"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """0 or 1."""
        xp = namespace(z)
        return xp.where(z > 0, 1.0, xp.where(z <= 0, 0.0, z))

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """Slope 0."""
        return _with_nan(namespace(z).zeros_like(z), z, upstream)


@dataclass(frozen=True, slots=True)
class Softmax(Activation):
    """eᶻʲ / Σₖ eᶻᵏ: the layer's neurons share out one whole between them, as probabilities."""

    name: ClassVar[str] = "softmax"
    range: ClassVar[Range] = "simplex"

    def value(self, z: Float[Array, "n j"]) -> Float[Array, "n j"]:
        """eᶻ / Σ eᶻ with z − max z in place of z, which gives the same shares and cannot overflow."""
        xp = namespace(z)
        e = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
        return e / xp.sum(e, axis=-1, keepdims=True)

    def pullback(
        self, z: Float[Array, "n j"], a: Float[Array, "n j"], upstream: Float[Array, "n j"]
    ) -> Float[Array, "n j"]:
        """da_k/dz_j = a_k (1[j = k] − a_j), so dC/dz_j = a_j (dC/da_j − Σₖ a_k dC/da_k)."""
        xp = namespace(z)
        return a * (upstream - xp.sum(a * upstream, axis=-1, keepdims=True))


sigmoid = Sigmoid()
tanh = Tanh()
relu = ReLU()
leaky_relu = LeakyReLU()
elu = ELU()
silu = SiLU()
gelu = GELU()
softplus = Softplus()
identity = Identity()
step = Step()
softmax = Softmax()

ACTIVATIONS = table(Sigmoid, Tanh, ReLU, LeakyReLU, ELU, SiLU, GELU, Softplus, Identity, Step, Softmax)
"""Every activation glassnet knows, by name. The tests are made from this table."""


def as_activation(given: Activation | str) -> Activation:
    """An activation from its name, ``"relu"`` or ``"leaky_relu(alpha=0.2)"``; an activation is returned as it is.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    return as_setting(given, "activation", ACTIVATIONS)
