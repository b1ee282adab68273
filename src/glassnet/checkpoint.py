"""A place in a training from which it goes on exactly: the settings, and the state between two minibatches."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from glassnet.costs import COSTS, Cost, squared_error
from glassnet.data.deform import Deformation, deformation_from_data
from glassnet.errors import WrongValue
from glassnet.network import Network
from glassnet.optimizers import SGD, Cosine, Memory, Optimizer, optimizer_from_data
from glassnet.settings import check_number, check_seed, from_data, to_data

__all__ = ["Checkpoint", "Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """How a network is trained. The defaults are those that do best for the series' own network (docs/results.md).

    Attributes:
        cost: what is descended.
        optimizer: how; its learning rate is part of it.
        epochs: how often every example is looked at.
        batch_size: how many examples a step is averaged over; the last minibatch of an epoch may be short.
        seed: of the shuffling and of dropout: the same seed, the same training.
        dropout: the share of hidden neurons silenced at random for each example, 0 to below 1 (Srivastava et al., 2014).
        deform: how images are deformed anew in each epoch (see :mod:`glassnet.data.deform`); None: they are taken as they are.

    Errors: :class:`~glassnet.errors.WrongValue` for a number out of its bounds.
    """

    cost: Cost = squared_error
    optimizer: Optimizer = SGD(learning_rate=Cosine(1.5), weight_decay=1e-4)
    epochs: int = 30
    batch_size: int = 10
    seed: int = 0
    dropout: float = 0.0
    deform: Deformation | None = None

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise WrongValue(f"{name} must be a whole number of at least {least}, got {value!r}")
        check_seed(self.seed)
        check_number("dropout", self.dropout, least=0, below=1)
        if self.deform is not None and not isinstance(self.deform, Deformation):
            raise WrongValue(f"deform must be a deformation or None, got {self.deform!r:.60}")

    def to_data(self) -> dict[str, Any]:
        """The settings as plain data for JSON."""
        return {
            "cost": to_data(self.cost),
            "optimizer": to_data(self.optimizer),
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "seed": self.seed,
            "dropout": self.dropout,
            "deform": None if self.deform is None else to_data(self.deform),
        }

    @classmethod
    def from_data(cls, data: Any) -> Settings:
        """The settings that :meth:`to_data` recorded.

        Errors: :class:`~glassnet.errors.WrongValue` names what is wrong with them.
        """
        names = [field.name for field in fields(cls)]
        if isinstance(data, dict):
            data = {"deform": None, **data}  # files of before there were deformations do not say that there is none
        if not isinstance(data, dict) or sorted(data) != sorted(names):
            raise WrongValue(f"expected training settings with {', '.join(names)}")
        return cls(
            **{
                **data,
                "cost": from_data(data["cost"], "cost", COSTS),
                "optimizer": optimizer_from_data(data["optimizer"]),
                "deform": None if data["deform"] is None else deformation_from_data(data["deform"]),
            }
        )


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """The state of a training between two minibatches. Training from here gives, to the byte, what it would have given.

    To change something midway, make a changed copy with ``dataclasses.replace`` and train from that.

    Attributes:
        network: as it is now. Its ``cost`` is that of the settings: whatever network is given here comes to know it.
        memory: the optimizer's.
        epoch: how many epochs are complete.
        example: how many examples of the next epoch have been looked at.
        settings: how it is trained.
        cost_sum: the sum of those examples' costs, for the epoch's mean; of those from ``cost_from`` on.
        first_cost: the cost of the very first minibatch, to judge progress by; None before it. Where another cost was chosen
            midway, the first by that.
        cost_from: how many of the epoch's examples were looked at when the cost was chosen that is descended now; 0, unless
            it was chosen in the middle of this epoch.

    Errors: :class:`~glassnet.errors.WrongValue` if the cost of the settings cannot judge what the network says.
    """

    network: Network
    memory: Memory
    epoch: int
    example: int
    settings: Settings
    cost_sum: float = 0.0
    first_cost: float | None = None
    cost_from: int = 0

    def __post_init__(self) -> None:
        # Here and not in whatever trains: so every network that leaves a training, by an event, a file or a changed copy,
        # knows the cost of that training, and never that of an earlier one.
        before = self.network.cost
        if before == self.settings.cost:
            return
        object.__setattr__(self, "network", replace(self.network, cost=self.settings.cost))
        if (
            before is not None
        ):  # another cost is chosen here: what the one before gave is not added to what it will give
            for name, value in (("cost_sum", 0.0), ("first_cost", None), ("cost_from", self.example)):
                object.__setattr__(self, name, value)
