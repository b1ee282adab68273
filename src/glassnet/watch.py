"""Watchers: they take the events of a training and yield the same events, so they compose by calling each other.

>>> from glassnet import Network, history, last, mnist, progress, train
>>> digits = mnist()
>>> events = history(progress(train(Network.random(), digits.train, validation=digits.validation)))  # doctest: +SKIP
>>> network = last(events)  # doctest: +SKIP
>>> events.epochs[-1].validation.accuracy  # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable
from typing import TYPE_CHECKING, Any, Literal

from glassnet.checkpoint import Checkpoint
from glassnet.errors import WrongValue
from glassnet.evaluation import Evaluation
from glassnet.events import EpochEnded, Event, Finished, Started, Stepped
from glassnet.network import Network
from glassnet.runs import Run, event_data, since_cost

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

    from glassnet.explain.walks import Walk

__all__ = ["history", "last", "patience", "progress", "record", "walk"]


def last(events: Iterable[Event]) -> Network:
    """Train to the end; the trained network.

    Errors: those of the training; :class:`~glassnet.errors.WrongValue` if there were no events.
    """
    event = None
    for event in events:  # noqa: B007 (the last one is used)
        pass
    if event is None:
        raise WrongValue("there were no events: this training has been run already")
    return event.checkpoint.network


class history:
    """Keep the numbers of a training, to plot or to print.

    Attributes:
        costs: the mean cost of every minibatch.
        epochs: an :class:`Epoch` for each.
    """

    class Epoch:
        """One epoch: its number from 1, mean cost, validation (or None), and the seconds of training up to its end."""

        __slots__ = ("cost", "epoch", "seconds", "validation")

        def __init__(self, epoch: int, cost: float, validation: Evaluation | None, seconds: float) -> None:
            self.epoch = epoch
            self.cost = cost
            self.validation = validation
            self.seconds = seconds

        def __repr__(self) -> str:
            return (
                f"Epoch({self.epoch}, cost={self.cost:.4g}, validation={self.validation}, seconds={self.seconds:.3g})"
            )

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = events
        self.costs: list[float] = []
        self.epochs: list[history.Epoch] = []

    def __iter__(self) -> Generator[Event, None, None]:
        for event in self._events:
            if isinstance(event, Stepped):
                self.costs.extend(event.costs.tolist())
            elif isinstance(event, EpochEnded):
                self.epochs.append(history.Epoch(event.epoch, event.cost, event.validation, event.seconds))
            yield event


class walk:
    """Keep networks along the way, to see the path that the training walked (:func:`glassnet.explain.landscape`).

    ``train(every=…)`` says how close together they can be; which of them are kept says
    :class:`~glassnet.explain.walks.Trail`.

    Args:
        events: of a training.
        name: what to call the path.
        points: about how many networks to keep at equal steps, from 2: see there.
    """

    def __init__(self, events: Iterable[Event], name: str = "minibatches", points: int = 50) -> None:
        from glassnet.explain.walks import Trail  # explaining is loaded by who asks for it

        self._events = events
        self._trail = Trail(name, points)

    def __iter__(self) -> Generator[Event, None, None]:
        each, before = 0, -1
        for event in self._events:
            if isinstance(event, Started):
                each = event.examples
            now = event.checkpoint
            if now.memory.step > before:
                before = now.memory.step
                self._trail.add(now.network, before, now.epoch * each + now.example)
            yield event

    @property
    def path(self) -> Walk:
        """The path so far, its first and its last point among those kept.

        Errors: :class:`~glassnet.errors.WrongValue` before the first event.
        """
        return self._trail.path


class patience:
    """Stop when the validation gets no better, and finish with the best checkpoint.

    Args:
        events: of a training with validation data.
        epochs: how many epochs without a new best are borne.
        metric: what is meant by better: a lower ``"cost"`` or a higher ``"accuracy"`` on the validation data.
        past: for a resumed training, its recorded events as ``Run.events()`` gives them, and
        best: its best checkpoint so far. Epochs that were judged by another cost than the last do not count: their numbers
            are of something else.

    Errors: :class:`~glassnet.errors.WrongValue` if there is no validation data, or it has no accuracy.
    """

    def __init__(
        self,
        events: Iterable[Event],
        epochs: int = 5,
        *,
        metric: Literal["cost", "accuracy"] = "cost",
        past: Iterable[dict[str, Any]] = (),
        best: Checkpoint | None = None,
    ) -> None:
        if metric not in ("cost", "accuracy"):
            raise WrongValue(f"the metric must be cost or accuracy, got {metric!r}")
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise WrongValue(f"patience must be a whole number of epochs from 1, got {epochs!r}")
        self._events = events
        self.epochs = epochs
        self.metric = metric
        self.best = best
        self._score: float | None = None
        self._best_epoch = 0
        past = list(past)
        for event in since_cost(past) if metric == "cost" else past:
            if event["event"] == "epoch":
                self._judge(event["epoch"], event.get(f"validation_{metric}"))
        if self._score is None:
            self.best = None

    def _judge(self, epoch: int, value: float | None) -> bool:
        """Note an epoch; whether it is the best so far."""
        if value is None:
            raise WrongValue(
                f"patience needs validation data with {'an accuracy' if self.metric == 'accuracy' else 'a cost'}"
            )
        score = value if self.metric == "accuracy" else -value
        if self._score is not None and score <= self._score:
            return False
        self._score, self._best_epoch = score, epoch
        return True

    def __iter__(self) -> Generator[Event, None, None]:
        for event in self._events:
            yield event
            if not isinstance(event, EpochEnded):
                continue
            judged = event.validation
            if self._judge(event.epoch, None if judged is None else getattr(judged, self.metric)):
                self.best = event.checkpoint
            elif event.epoch - self._best_epoch >= self.epochs:
                yield Finished(self.best or event.checkpoint, "patience")
                return


class record:
    """Write a run's folder as the training goes: its events, its checkpoint, its best checkpoint. It is the run's writer
    meanwhile (see :meth:`glassnet.runs.Run.hold`).

    Args:
        events: of a training.
        run: where.
        seconds: how often to save, at the next event: this much work is lost at most if the process is killed.
        best: for a resumed training, the validation cost of the best checkpoint so far, by the cost that is descended now
            (see :func:`glassnet.runs.best_cost`).

    Errors, while it is iterated over: :class:`~glassnet.runs.Busy`; :class:`~glassnet.files.NotSaved`.
    """

    def __init__(self, events: Iterable[Event], run: Run, *, seconds: float = 2.0, best: float | None = None) -> None:
        self._events = events
        self.run = run
        self.seconds = seconds
        self._best_cost = best
        self._best: Checkpoint | None = None
        self._waiting: list[dict[str, Any]] = []

    def __iter__(self) -> Generator[Event, None, None]:
        with self.run.hold():
            yield from self._recorded()

    def _recorded(self) -> Generator[Event, None, None]:
        saved = time.monotonic()
        for event in self._events:
            if isinstance(event, Started) and not self._known():
                self.run.save_first(event.checkpoint)
            self._waiting.append(event_data(event))
            judged = event.validation if isinstance(event, EpochEnded) else None
            if judged is not None and (self._best_cost is None or judged.cost < self._best_cost):
                self._best, self._best_cost = event.checkpoint, judged.cost
            if isinstance(event, Started | Finished) or time.monotonic() - saved >= self.seconds:
                self.save(event.checkpoint)
                saved = time.monotonic()
            yield event

    def _known(self) -> bool:
        """Whether it was noted where this run began, or something was recorded of it already."""
        return any((self.run.path / name).exists() for name in ("first.safetensors", "events.jsonl"))

    def save(self, checkpoint: Checkpoint) -> None:
        """Write everything now, with this as the latest checkpoint.

        Errors: :class:`~glassnet.runs.Busy`; :class:`~glassnet.files.NotSaved`.
        """
        with self.run.hold():
            self.run.append(self._waiting)
            self._waiting.clear()
            self.run.save(checkpoint, self._best)
            self._best = None


class progress:
    """Show how the training goes: a live bar on a terminal, a line for each epoch elsewhere.

    Args:
        events: of a training.
        console: a rich console; None: standard error.
    """

    def __init__(self, events: Iterable[Event], console: Console | None = None) -> None:
        self._events = events
        self._console = console

    def __iter__(self) -> Generator[Event, None, None]:
        from rich.console import Console

        console = self._console or Console(stderr=True)
        if console.is_terminal:
            yield from self._bar(console)
        else:
            yield from self._lines(console)

    def _lines(self, console: Console) -> Generator[Event, None, None]:
        started: Started | None = None
        for event in self._events:
            if isinstance(event, Started):
                started = event
            elif isinstance(event, EpochEnded):
                speed = self._speed(started, event.checkpoint, event.seconds)
                epochs = event.checkpoint.settings.epochs
                console.print(
                    f"epoch {event.epoch:>{len(str(epochs))}}/{epochs}  {_numbers(event.cost, event.validation)}  {speed}"
                )
            yield event

    def _bar(self, console: Console) -> Generator[Event, None, None]:
        started: Started | None = None
        judged: Evaluation | None = None
        cost: float | None = None
        with _progress_bar(console) as bar:
            task = bar.add_task("", total=None, numbers="", speed="", epoch="")
            for event in self._events:
                checkpoint = event.checkpoint
                if isinstance(event, Started):
                    started = event
                    bar.update(task, total=event.steps)
                elif isinstance(event, Stepped):
                    mean = float(event.costs.mean())
                    # Smoothed: the minibatches between two looks are few, and their costs differ.
                    cost = mean if cost is None else cost + 0.1 * (mean - cost)
                    bar.update(task, speed=self._speed(started, checkpoint, event.seconds))
                elif isinstance(event, EpochEnded):
                    judged, cost = event.validation, event.cost
                epochs = checkpoint.settings.epochs
                epoch = f"epoch {min(checkpoint.epoch + 1, epochs)}/{epochs}"
                numbers = "" if cost is None else _numbers(cost, judged)
                bar.update(task, completed=checkpoint.memory.step, epoch=epoch, numbers=numbers)
                yield event

    @staticmethod
    def _speed(started: Started | None, now: Checkpoint, seconds: float) -> str:
        if started is None or seconds <= 0:
            return ""
        began = started.checkpoint
        done = (now.epoch - began.epoch) * started.examples + now.example - began.example
        return f"{done / seconds:,.0f} examples/s"


def _numbers(cost: float, judged: Evaluation | None) -> str:
    if judged is None:
        return f"cost {cost:.4f}"
    if judged.accuracy is None:
        return f"cost {cost:.4f}  validation cost {judged.cost:.4f}"
    return f"cost {cost:.4f}  validation {judged.accuracy:.2%}"


def _progress_bar(console: Console) -> Progress:
    from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

    columns: list[ProgressColumn] = [
        TextColumn("{task.fields[epoch]}"),
        BarColumn(bar_width=None),
        TextColumn("[bold]{task.fields[numbers]}"),
        TextColumn("[dim]{task.fields[speed]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("[dim]left"),
    ]
    if console.width < 78:  # a narrow window keeps what matters whole, rather than a bit of everything
        del columns[3]
        del columns[1]
    return Progress(*columns, console=console, expand=True)
