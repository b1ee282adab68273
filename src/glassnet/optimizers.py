"""Optimizers: from a gradient, the step to take. Schedules: how long the steps are, over the course of training.

A step has the shape of the parameters and is added to them. An optimizer is settings only; what it remembers from step
to step is a :class:`Memory`, given in and handed back, so training can be stopped, saved and replayed anywhere.

Below, g is the gradient of the mean cost, w a parameter, η the learning rate of this step, t the number of steps taken
with this one.

**Weight decay** pulls the weights (never the biases) towards 0. In all but AdamW it adds λw to the gradient, so what is
descended is C + ½ λ Σ w². C is a mean over examples, so λ means the same whatever the size of the minibatch and of the
data. (scikit-learn divides its alpha by the number of examples; Nielsen's λ is n times this one.) AdamW's is decoupled:
w shrinks by η λ w a step, apart from the adaptive part (Loshchilov and Hutter, 2017).

**Clipping** scales the whole gradient down to the length ``clip`` when it is longer, before anything else is done.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from glassnet.arrays import Array, namespace
from glassnet.errors import WrongValue
from glassnet.network import Layer, Parameters, map_parameters
from glassnet.settings import Setting, as_setting, check_number, from_data, table

__all__ = [
    "OPTIMIZERS",
    "SCHEDULES",
    "SGD",
    "Adam",
    "AdamW",
    "Constant",
    "Cosine",
    "Memory",
    "OneCycle",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "StepDecay",
    "WarmUp",
    "as_optimizer",
    "as_schedule",
    "optimizer_from_data",
]


# ── Schedules ────────────────────────────────────────────────────────────────────────────────────────────────────────


class Schedule(Setting):
    """The learning rate as a function of the step: ``schedule(step, total)``, with steps counted from 0."""

    __slots__ = ()
    rate: float

    @abstractmethod
    def __call__(self, step: int, total: int) -> float:
        """The learning rate of a step, out of ``total`` steps."""


def _progress(step: int, total: int) -> float:
    """How far through training, from 0 at the first step to 1 after the last."""
    return min(step / max(total, 1), 1.0)


@dataclass(frozen=True, slots=True)
class Constant(Schedule):
    """Always ``rate``."""

    name: ClassVar[str] = "constant"
    rate: float = 1.0

    def __post_init__(self) -> None:
        check_number("learning rate", self.rate, above=0)

    def __call__(self, step: int, total: int) -> float:
        """``rate``."""
        return self.rate


@dataclass(frozen=True, slots=True)
class StepDecay(Schedule):
    """``rate``, multiplied by ``factor`` after every 1/``parts`` of the training."""

    name: ClassVar[str] = "step"
    rate: float = 1.0
    factor: float = 0.1
    parts: float = 3

    def __post_init__(self) -> None:
        check_number("learning rate", self.rate, above=0)
        check_number("factor of step", self.factor, above=0, most=1)
        check_number("parts of step", self.parts, least=1)

    def __call__(self, step: int, total: int) -> float:
        """rate · factor ^ ⌊parts · progress⌋."""
        # The last step belongs to the last part, though progress rounds up to 1 there.
        return self.rate * self.factor ** min(
            math.floor(self.parts * _progress(step, total)), math.ceil(self.parts) - 1
        )


@dataclass(frozen=True, slots=True)
class Cosine(Schedule):
    """From ``rate`` down to ``final``, along half a cosine: slowly, then fast, then slowly (Loshchilov, Hutter, 2016)."""

    name: ClassVar[str] = "cosine"
    rate: float = 1.0
    final: float = 0.0

    def __post_init__(self) -> None:
        check_number("learning rate", self.rate, above=0)
        check_number("final of cosine", self.final, least=0)

    def __call__(self, step: int, total: int) -> float:
        """final + (rate − final) (1 + cos π progress) / 2."""
        return self.final + (self.rate - self.final) * 0.5 * (1 + math.cos(math.pi * _progress(step, total)))


@dataclass(frozen=True, slots=True)
class WarmUp(Schedule):
    """From near 0 up to ``rate`` in a straight line over the first ``portion`` of training, then ``rate``."""

    name: ClassVar[str] = "warm_up"
    rate: float = 1.0
    portion: float = 0.1

    def __post_init__(self) -> None:
        check_number("learning rate", self.rate, above=0)
        check_number("portion of warm_up", self.portion, above=0, most=1)

    def __call__(self, step: int, total: int) -> float:
        """rate · min(1, (step + 1) / (portion · total))."""
        return self.rate * min(1.0, (step + 1) / max(self.portion * total, 1.0))


@dataclass(frozen=True, slots=True)
class OneCycle(Schedule):
    """From ``rate``/``start`` up to ``rate`` and down to ``rate``/``end``, along cosines (Smith, 2018).

    The rise takes the first ``portion`` of training.
    """

    name: ClassVar[str] = "one_cycle"
    rate: float = 1.0
    portion: float = 0.3
    start: float = 25.0
    end: float = 1e4

    def __post_init__(self) -> None:
        check_number("learning rate", self.rate, above=0)
        check_number("portion of one_cycle", self.portion, above=0, below=1)
        check_number("start of one_cycle", self.start, least=1)
        check_number("end of one_cycle", self.end, least=1)

    def __call__(self, step: int, total: int) -> float:
        """Half a cosine up, half a cosine down."""
        progress = _progress(step, total)
        if progress < self.portion:
            low, along = self.rate / self.start, 1 - progress / self.portion
        else:
            low, along = self.rate / self.end, (progress - self.portion) / (1 - self.portion)
        return low + (self.rate - low) * 0.5 * (1 + math.cos(math.pi * along))


SCHEDULES = table(Constant, StepDecay, Cosine, WarmUp, OneCycle)
"""Every schedule glassnet knows, by name."""


def as_schedule(given: Schedule | str | float) -> Schedule:
    """A schedule from a number (constant), or its name; a schedule is returned as it is.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    if isinstance(given, Schedule | str):
        return as_setting(given, "schedule", SCHEDULES)
    return Constant(given)


# ── Optimizers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """What an optimizer knows between steps.

    Attributes:
        step: how many steps have been taken.
        total: how many there will be; schedules are stretched over them. None: not known, for a constant rate only.
        moments: the optimizer's running averages, each with the shape of the parameters, by name: "velocity", "mean", ….
        begun: the step at which the running averages began; 0 unless the optimizer was changed midway.
    """

    step: int
    total: int | None
    moments: dict[str, Parameters]
    begun: int = 0


class Optimizer(Setting):
    """How a gradient becomes a step.

    Attributes:
        learning_rate: η, above 0: a number, or a schedule that gives one for each step.
        clip: the longest gradient, as the norm over all parameters together; longer ones are shortened to it. 0: no bound.
    """

    __slots__ = ()
    moments: ClassVar[tuple[str, ...]]
    """The names of the running averages it may keep in ``Memory.moments``."""
    learning_rate: float | Schedule
    clip: float

    def __post_init__(self) -> None:
        if not isinstance(self.learning_rate, Schedule):
            check_number("learning rate", self.learning_rate, above=0)
        check_number(f"clip of {self.name}", self.clip, least=0)

    def init(self, parameters: Parameters, total: int | None = None) -> Memory:
        """The memory before the first of ``total`` steps: every running average at zero."""
        zeros = map_parameters(lambda p: namespace(p).zeros_like(p), parameters)
        return Memory(0, total, dict.fromkeys(self.used_moments(), zeros))

    def update(self, gradient: Parameters, memory: Memory, parameters: Parameters) -> tuple[Parameters, Memory]:
        """The step to add to the parameters, and the memory after it.

        Errors: :class:`~glassnet.errors.WrongValue` if the schedule needs a number of steps that memory does not have, or
        the gradient or a running average has other shapes than the parameters.
        """
        _check_shapes("the gradient", gradient, parameters)
        for name, moment in memory.moments.items():
            _check_shapes(f"the running average {name!r}", moment, parameters)
        if self.clip:
            gradient = _clipped(gradient, self.clip)
        t = memory.step - memory.begun + 1
        step, moments = self._step(gradient, memory.moments, parameters, self.rate(memory), t)
        return step, replace(memory, step=memory.step + 1, moments=moments)

    def rate(self, memory: Memory) -> float:
        """The learning rate of the next step.

        Errors: :class:`~glassnet.errors.WrongValue` if the schedule needs a number of steps that memory does not have.
        """
        if not isinstance(self.learning_rate, Schedule):
            return self.learning_rate
        if memory.total is None and not isinstance(self.learning_rate, Constant):
            raise WrongValue(
                f"the schedule {self.learning_rate} needs to know how many steps there will be: give total to init()"
            )
        return self.learning_rate(memory.step, memory.total or 0)

    def used_moments(self) -> tuple[str, ...]:
        """The names of the running averages that these settings need: without momentum, for instance, no velocity."""
        return self.moments

    @abstractmethod
    def _step(
        self, gradient: Parameters, moments: dict[str, Parameters], parameters: Parameters, rate: float, t: int
    ) -> tuple[Parameters, dict[str, Parameters]]:
        """The step and the moments after it; ``moments`` is not changed."""


def _check_shapes(what: str, given: Parameters, parameters: Parameters) -> None:
    """Refuse what an array library would silently repeat along the parameters."""
    if [(each.weight.shape, each.bias.shape) for each in given] != [
        (each.weight.shape, each.bias.shape) for each in parameters
    ]:
        raise WrongValue(
            f"{what} must have the shapes of the parameters, {_shapes(parameters)}, but has {_shapes(given)}: compute it for "
            "this network"
        )


def _shapes(parameters: Parameters) -> str:
    return ", ".join(f"{tuple(each.weight.shape)} and {tuple(each.bias.shape)}" for each in parameters)


def _clipped(gradient: Parameters, length: float) -> Parameters:
    """g · min(1, length / ‖g‖), with the norm over all parameters together; where that is NaN, so is all of it."""
    xp = namespace(gradient[0].bias)
    squares = [xp.sum(array * array) for layer in gradient for array in (layer.weight, layer.bias)]
    norm = xp.sqrt(sum(squares[1:], squares[0]))
    factor = length / xp.where(norm <= length, length, norm)
    return map_parameters(lambda g: g * factor, gradient)


def _decayed(gradient: Parameters, parameters: Parameters, weight_decay: float) -> Parameters:
    """g + λw for weights, g for biases."""
    if not weight_decay:
        return gradient
    return tuple(Layer(g.weight + weight_decay * w.weight, g.bias) for g, w in zip(gradient, parameters, strict=True))


def _running(average: Parameters, new: Parameters, keep: float, f: Callable[[Array], Array]) -> Parameters:
    """keep · average + (1 − keep) · f(new)."""
    return map_parameters(lambda old, g: keep * old + (1 - keep) * f(g), average, new)


@dataclass(frozen=True, slots=True)
class SGD(Optimizer):
    """Stochastic gradient descent: step = −η g.

    With ``momentum`` μ: v = μ v + g, step = −η v. With ``nesterov``: step = −η (g + μ v), looking ahead along v.
    As torch.optim.SGD.

    Attributes:
        learning_rate: η.
        momentum: μ, the share of the velocity that is kept at each step, from 0 to below 1.
        nesterov: whether to look ahead along the velocity; needs momentum above 0.
        weight_decay: λ, 0 or more: λ w is added to the gradient of each weight. Biases do not decay.
        clip: the longest gradient; 0: no bound. It is shortened before anything else is done with it.
    """

    name: ClassVar[str] = "sgd"
    moments: ClassVar[tuple[str, ...]] = ("velocity",)
    learning_rate: float | Schedule = 1.0
    momentum: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0
    clip: float = 0.0

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        check_number("momentum of sgd", self.momentum, least=0, below=1)
        check_number("weight decay of sgd", self.weight_decay, least=0)
        if self.nesterov and not self.momentum:
            raise WrongValue("nesterov looks ahead along the momentum: give sgd a momentum above 0")

    def used_moments(self) -> tuple[str, ...]:
        return self.moments if self.momentum else ()

    def _step(
        self, gradient: Parameters, moments: dict[str, Parameters], parameters: Parameters, rate: float, t: int
    ) -> tuple[Parameters, dict[str, Parameters]]:
        gradient = _decayed(gradient, parameters, self.weight_decay)
        if not self.momentum:
            return map_parameters(lambda g: -rate * g, gradient), {}
        velocity = map_parameters(lambda v, g: self.momentum * v + g, moments["velocity"], gradient)
        if self.nesterov:
            step = map_parameters(lambda g, v: -rate * (g + self.momentum * v), gradient, velocity)
        else:
            step = map_parameters(lambda v: -rate * v, velocity)
        return step, {"velocity": velocity}


@dataclass(frozen=True, slots=True)
class RMSprop(Optimizer):
    """s = ρ s + (1 − ρ) g², step = −η g / (√s + ε): each parameter's step by its own recent gradients (Hinton, 2012).

    With ``momentum`` μ: v = μ v + g / (√s + ε), step = −η v. As torch.optim.RMSprop.

    Attributes:
        learning_rate: η.
        rho: ρ, the share of the running average of g² that is kept at each step, from 0 to below 1.
        epsilon: ε, above 0: keeps the step finite where s is 0.
        momentum: μ, the share of the velocity that is kept at each step, from 0 to below 1.
        weight_decay: λ, 0 or more: λ w is added to the gradient of each weight. Biases do not decay.
        clip: the longest gradient; 0: no bound. It is shortened before anything else is done with it.
    """

    name: ClassVar[str] = "rmsprop"
    moments: ClassVar[tuple[str, ...]] = ("square", "velocity")
    learning_rate: float | Schedule = 0.01
    rho: float = 0.99
    epsilon: float = 1e-8
    momentum: float = 0.0
    weight_decay: float = 0.0
    clip: float = 0.0

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        check_number("rho of rmsprop", self.rho, least=0, below=1)
        check_number("epsilon of rmsprop", self.epsilon, above=0)
        check_number("momentum of rmsprop", self.momentum, least=0, below=1)
        check_number("weight decay of rmsprop", self.weight_decay, least=0)

    def used_moments(self) -> tuple[str, ...]:
        return self.moments if self.momentum else self.moments[:1]

    def _step(
        self, gradient: Parameters, moments: dict[str, Parameters], parameters: Parameters, rate: float, t: int
    ) -> tuple[Parameters, dict[str, Parameters]]:
        gradient = _decayed(gradient, parameters, self.weight_decay)
        square = _running(moments["square"], gradient, self.rho, lambda g: g * g)
        scaled = map_parameters(lambda g, s: g / (namespace(s).sqrt(s) + self.epsilon), gradient, square)
        if not self.momentum:
            return map_parameters(lambda d: -rate * d, scaled), {"square": square}
        velocity = map_parameters(lambda v, d: self.momentum * v + d, moments["velocity"], scaled)
        return map_parameters(lambda v: -rate * v, velocity), {"square": square, "velocity": velocity}


@dataclass(frozen=True, slots=True)
class Adam(Optimizer):
    """m = β₁ m + (1 − β₁) g, s = β₂ s + (1 − β₂) g², step = −η (m / (1 − β₁ᵗ)) / (√(s / (1 − β₂ᵗ)) + ε).

    Momentum and a step size for each parameter, both corrected for starting at zero (Kingma and Ba, 2014). As
    torch.optim.Adam. t counts the steps, from 1.

    Attributes:
        learning_rate: η.
        beta1: β₁, the share of the running average of g that is kept at each step, from 0 to below 1.
        beta2: β₂, the share of the running average of g² that is kept at each step, from 0 to below 1.
        epsilon: ε, above 0: keeps the step finite where s is 0.
        weight_decay: λ, 0 or more: λ w is added to the gradient of each weight. Biases do not decay.
        clip: the longest gradient; 0: no bound. It is shortened before anything else is done with it.
    """

    name: ClassVar[str] = "adam"
    moments: ClassVar[tuple[str, ...]] = ("mean", "square")
    learning_rate: float | Schedule = 0.001
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    clip: float = 0.0

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        check_number(f"beta1 of {self.name}", self.beta1, least=0, below=1)
        check_number(f"beta2 of {self.name}", self.beta2, least=0, below=1)
        check_number(f"epsilon of {self.name}", self.epsilon, above=0)
        check_number(f"weight decay of {self.name}", self.weight_decay, least=0)

    def _step(
        self, gradient: Parameters, moments: dict[str, Parameters], parameters: Parameters, rate: float, t: int
    ) -> tuple[Parameters, dict[str, Parameters]]:
        return self._adapted(_decayed(gradient, parameters, self.weight_decay), moments, rate, t)

    def _adapted(
        self, gradient: Parameters, moments: dict[str, Parameters], rate: float, t: int
    ) -> tuple[Parameters, dict[str, Parameters]]:
        mean = _running(moments["mean"], gradient, self.beta1, lambda g: g)
        square = _running(moments["square"], gradient, self.beta2, lambda g: g * g)
        rise, spread = 1 - self.beta1**t, math.sqrt(1 - self.beta2**t)

        def adapt(m: Any, s: Any) -> Any:
            return (-rate / rise) * m / (namespace(s).sqrt(s) / spread + self.epsilon)

        return map_parameters(adapt, mean, square), {"mean": mean, "square": square}


@dataclass(frozen=True, slots=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: its step, less η λ w (Loshchilov and Hutter, 2017). As torch.optim.AdamW.

    Attributes:
        weight_decay: λ, 0 or more: η λ w is taken off each weight at each step, whatever its gradient. Biases do not decay.
    """

    name: ClassVar[str] = "adamw"
    weight_decay: float = 0.01

    def _step(
        self, gradient: Parameters, moments: dict[str, Parameters], parameters: Parameters, rate: float, t: int
    ) -> tuple[Parameters, dict[str, Parameters]]:
        step, moments = self._adapted(gradient, moments, rate, t)
        return _decayed(step, parameters, -rate * self.weight_decay), moments


OPTIMIZERS = table(SGD, Adam, AdamW, RMSprop)
"""Every optimizer glassnet knows, by name."""


def as_optimizer(given: Optimizer | str) -> Optimizer:
    """An optimizer from its name, ``"adam"`` or ``"sgd(momentum=0.9)"``; an optimizer is returned as it is.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    return as_setting(given, "optimizer", OPTIMIZERS)


def optimizer_from_data(data: Any) -> Optimizer:
    """The optimizer, its schedule included, that :func:`glassnet.settings.to_data` recorded.

    Errors: :class:`~glassnet.errors.WrongValue` names what is wrong with it.
    """
    return from_data(data, "optimizer", OPTIMIZERS, inner=SCHEDULES)
