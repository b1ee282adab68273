"""What happens in a training, as values: :func:`glassnet.training.train` yields them, watchers pass them on.

The order is Started, then for each epoch some Stepped and one EpochEnded, then Finished. Every event carries the
:class:`~glassnet.checkpoint.Checkpoint` of its moment, from which training can be resumed, changed, or looked into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jaxtyping import Float

from glassnet.checkpoint import Checkpoint
from glassnet.evaluation import Evaluation

__all__ = ["EpochEnded", "Event", "Finished", "Reason", "Started", "Stepped"]

Reason = Literal["epochs", "patience"]
"""Why training ended: all epochs were done, or the validation got no better for too long."""


@dataclass(frozen=True, slots=True, eq=False)
class Started:
    """Training is about to begin, or to go on from a checkpoint.

    Attributes:
        checkpoint: where it begins.
        examples: how many there are in an epoch.
        steps: how many minibatches all epochs have together.
        engine: the name of the engine that trains.
    """

    checkpoint: Checkpoint
    examples: int
    steps: int
    engine: str


@dataclass(frozen=True, slots=True, eq=False)
class Stepped:
    """Some minibatches were done (``train(every=…)`` of them, or those left in the epoch).

    Attributes:
        checkpoint: the state after them.
        step: minibatches done since the very start of training.
        epoch: the epoch they belong to, counted from 1.
        examples: how many of the epoch's examples are done.
        costs: the mean cost of each of these minibatches, as it was before its step.
        seconds: since training began (in this process), without the time spent on evaluations.
    """

    checkpoint: Checkpoint
    step: int
    epoch: int
    examples: int
    costs: Float[Any, " minibatches"]
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class EpochEnded:
    """Every example was looked at once more.

    Attributes:
        checkpoint: the state after the epoch.
        epoch: counted from 1.
        cost: the mean over the epoch's examples, each as it was when its turn came.
        validation: what the validation data say; None without any.
        seconds: since training began (in this process), without the time spent on evaluations.
        stuck: why the network will hardly learn any more, the first time that this is so; None while it may.
    """

    checkpoint: Checkpoint
    epoch: int
    cost: float
    validation: Evaluation | None
    seconds: float
    stuck: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """Training is over.

    Attributes:
        checkpoint: holds the trained network: the last, or, if patience ended it, the best.
        reason: why.
    """

    checkpoint: Checkpoint
    reason: Reason


Event: TypeAlias = Started | Stepped | EpochEnded | Finished
"""Anything that :func:`glassnet.training.train` yields."""
