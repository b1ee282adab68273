"""Training: a generator of events, from which pausing, stepping, stopping, resuming and changing a setting follow.

- Pause: ask for no event. Step: ask for one (with ``every=1``, one minibatch). Stop: ``close()`` the generator.
- Resume: ``train(None, data, start=checkpoint)`` goes on, to the byte, as if it had never stopped.
- Change something midway: close, make a changed copy of the checkpoint, and train from it.

>>> from glassnet import Network, mnist, train
>>> digits = mnist()
>>> for event in train(Network.random((784, 16, 16, 10)), digits.train, epochs=1):  # doctest: +SKIP
...     print(event)
"""

from __future__ import annotations

import logging
import math
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.arrays import moved, namespace
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.costs import Cost, as_cost, check_fit, check_targets
from glassnet.data import Dataset, summarize
from glassnet.data.deform import Deformation, Deformer, as_deformation
from glassnet.diagnosis import constant_cost, stuck, unscaled
from glassnet.engine import Batches, Dropout, Engine, Reference
from glassnet.errors import GlassnetError, TrainingWarning, WrongValue
from glassnet.evaluation import check_data, evaluate
from glassnet.events import EpochEnded, Event, Finished, Started, Stepped
from glassnet.network import Network, Parameters, check_numbers
from glassnet.optimizers import Memory, Optimizer, as_optimizer

__all__ = ["ENGINES", "Diverged", "as_engine", "check_training", "continued", "order", "train"]


def _fused() -> Engine:
    # Loaded on first use: compiled loops need Numba, and whoever only looks at a network does not.
    from glassnet.engine.fused import Fused

    return Fused()


ENGINES: dict[str, Callable[[], Engine]] = {"fused": _fused, "reference": Reference}
"""Every engine glassnet knows, by name: what makes one."""

_SHUFFLE = 1
"""Which of the seed's random streams shuffles; the network's initial numbers are drawn from stream 0."""
_RUNAWAY = 1000
"""An epoch whose mean cost is this many times the first minibatch's, and the best constant answer's, has run away."""
_PARTS = 4
"""Parts of an epoch whose mean costs are kept, to see whether the cost is falling."""
_STRETCH = 0.008
"""Target seconds of one call of the engine; bounds the wait after an interrupt, where one minibatch is not longer."""
_PAUSE = 0.025
"""Target seconds between two events, where ``every`` is not given: 40 a second, enough for a moving picture."""
_SHARE = 20
"""Minimum time between two such events, as a multiple of the time that copying the checkpoint for one takes."""


class Diverged(GlassnetError, ArithmeticError):
    """Training ran away: the cost became infinite, not a number, or a thousand times both the first minibatch's and that of
    the best constant answer.

    Attributes:
        step: the minibatch at which it was seen, counted from 1 over the whole training.
        epoch: the epoch of that minibatch, counted from 1.
        cost: the cost that was seen there.
        checkpoint: the best state from before: the end of the epoch with the lowest cost (on the validation data, where there
            are any), or the start.
        inputs: what is wrong with the scale of the inputs, the likeliest cause (:func:`glassnet.diagnosis.unscaled`); None
            if nothing is.
    """

    def __init__(self, step: int, epoch: int, cost: float, checkpoint: Checkpoint, inputs: str | None = None) -> None:
        rate = checkpoint.settings.optimizer.rate(replace(checkpoint.memory, step=max(step - 1, 0)))  # of that step
        advice = f"Lower the learning rate (it was {rate:g}) or clip the gradient"
        if inputs is not None:
            advice = f"{inputs[:1].upper()}{inputs[1:]}. If it diverges even then, {advice[:1].lower()}{advice[1:]}"
        where = f"after epoch {checkpoint.epoch}" if checkpoint.epoch else "of the beginning"
        if checkpoint.example:
            where = f"of epoch {checkpoint.epoch + 1} after {checkpoint.example:,} examples"
        super().__init__(
            f"training diverged: the cost was {cost:g} at step {step:,}, in epoch {epoch}. {advice}. "
            f"The best network since training began or was gone on with, that {where}, is kept."
        )
        self.step = step
        self.epoch = epoch
        self.cost = cost
        self.checkpoint = checkpoint
        self.inputs = inputs

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.step, self.epoch, self.cost, self.checkpoint, self.inputs)


def order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order in which epoch number ``epoch`` (counted from 0) looks at n examples: a function of the three only."""
    return np.random.default_rng([seed, _SHUFFLE, epoch]).permutation(n)


def as_engine(
    given: Engine | str | None,
    network: Network | None = None,
    cost: Cost | None = None,
    optimizer: Optimizer | None = None,
) -> Engine:
    """An engine from its name; None or ``"auto"`` is the best there is for this network, cost and optimizer.

    That is the fused engine, for NumPy arrays and for everything glassnet has; the reference engine for arrays of other
    libraries, and for an activation, cost or optimizer of your own, which is logged once as a warning.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    if given is None or given == "auto":
        if network is not None and namespace(network.layers[0].bias) is not np:
            return Reference()
        try:
            from glassnet.engine.fused import lacking
        except ImportError as error:
            _say_once(f"the fused engine cannot be loaded ({error}), so the reference engine trains")
            return Reference()
        lacks = None if network is None else lacking(network, cost, optimizer)
        if lacks is None:
            return _fused()
        _say_once(f"the fused engine has no kernel for {lacks}, so the reference engine trains")
        return Reference()
    if isinstance(given, str):
        if given not in ENGINES:
            raise WrongValue(f"unknown engine {given!r}: choose one of auto, {', '.join(ENGINES)}")
        return ENGINES[given]()
    if not isinstance(given, Engine):
        raise WrongValue(f"an engine is chosen by its name, one of auto, {', '.join(ENGINES)}; got {given!r:.60}")
    return given


@lru_cache(maxsize=100)
def _say_once(text: str) -> None:
    logging.getLogger("glassnet").warning(text)


def train(
    network: Network | None,
    data: Dataset,
    *,
    validation: Dataset | None = None,
    start: Checkpoint | None = None,
    cost: Cost | str | None = None,
    optimizer: Optimizer | str | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int | None = None,
    dropout: float | None = None,
    deform: Deformation | str | None = None,
    engine: Engine | str | None = None,
    every: int | None = None,
    interrupt: threading.Event | None = None,
    quiet: bool = False,
) -> Iterator[Event]:
    """Train a network on data by minibatches; a generator of events (see :mod:`glassnet.events`).

    Each epoch looks at all examples once, in an order that depends on the seed and the epoch alone, in minibatches of
    ``batch_size``, the last of which may be short. Each minibatch moves every weight and bias by one step of the
    optimizer along its mean gradient.

    Args:
        network: what to train; it is not changed, the trained one comes with the events. None if ``start`` is given.
        data: the examples to learn from.
        validation: examples to judge by after each epoch; never learned from.
        start: a checkpoint to go on from, with its network and settings.
        cost, optimizer, epochs, batch_size, seed, dropout, deform: see :class:`~glassnet.checkpoint.Settings`. None: as in
            ``start``, else the default. ``deform="none"`` leaves images as they are, whatever ``start`` says.
        engine: what takes the steps; None: the best there is (see :func:`as_engine`).
        every: how many minibatches to do between two events; None: as many as take some 25 milliseconds, or more where a
            network is large. Never changes the result.
        interrupt: when this is set, by a signal or another thread, the next event comes at once: after 10 milliseconds or
            one minibatch, whichever is longer.
        quiet: do not warn of badly scaled inputs, nor of a network that learns nothing; its
            :class:`~glassnet.events.EpochEnded` says the latter in any case.

    Errors: :class:`~glassnet.errors.WrongValue`, at once, for data, settings and networks that do not fit.
    :class:`Diverged` while training, if the cost runs away. A :class:`~glassnet.errors.TrainingWarning` with the first
    event, if the inputs are badly scaled (:func:`glassnet.diagnosis.unscaled`); and one after the first epoch at whose end
    the network is no better than a constant answer and hardly on its way (:func:`glassnet.diagnosis.stuck`).
    """
    if (network is None) == (start is None):
        raise WrongValue("give either a network to train, or start, a checkpoint to go on from")
    given: dict[str, Any] = {
        "cost": None if cost is None else as_cost(cost),
        "optimizer": None if optimizer is None else as_optimizer(optimizer),
        "epochs": epochs,
        "batch_size": batch_size,
        "seed": seed,
        "dropout": dropout,
    }
    given = {key: value for key, value in given.items() if value is not None}
    if deform is not None:
        given["deform"] = as_deformation(deform)
    settings = replace(Settings() if start is None else start.settings, **given)
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise WrongValue(f"every must be a whole number of minibatches from 1, got {every!r}")
    if start is None:
        assert network is not None
        start = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    check_training(start.network, data, validation, settings)

    n = len(data)
    if not 0 <= start.example <= n or start.epoch > settings.epochs:
        raise WrongValue(
            f"the checkpoint is at epoch {start.epoch}, example {start.example}, but there are {settings.epochs} epochs "
            f"of {n} examples"
        )
    start = continued(start, settings, n)
    chosen = as_engine(engine, start.network, settings.cost, settings.optimizer)
    deformer = None
    if settings.deform is not None:
        threads = getattr(chosen, "threads", None)  # as many as the engine was told to take, if it was
        deformer = Deformer(data.inputs, settings.deform, settings.seed, threads)
    return _train(start, data, validation, deformer, chosen, every, interrupt or threading.Event(), quiet)


def continued(checkpoint: Checkpoint, settings: Settings, examples: int) -> Checkpoint:
    """The checkpoint that a training with these settings goes on from: the same place, with what its numbers mean now.

    The optimizer's memory counts steps of the new minibatch size; an optimizer that needs other running averages begins them
    anew; and a sum of costs that another cost gave does not go on.

    Args:
        checkpoint: where it stands.
        settings: those that it goes on with.
        examples: how many there are in an epoch.
    """
    now = replace(checkpoint, settings=settings)
    total = settings.epochs * -(-examples // settings.batch_size)
    return replace(now, memory=replace(_memory(now, examples), total=total))


def _memory(start: Checkpoint, n: int) -> Memory:
    """The optimizer's memory to go on with: that of the checkpoint, unless its settings were changed midway."""
    memory, optimizer, size = start.memory, start.settings.optimizer, start.settings.batch_size
    per_epoch, left = -(-n // size), -(-(n - start.example) // size)
    step = (start.epoch + 1) * per_epoch - left
    if step != memory.step:
        # Minibatches are of another size from here on: counted as if they had always been, so schedules stay in place.
        memory = replace(memory, step=step, begun=memory.begun + step - memory.step)
    if set(memory.moments) != set(optimizer.used_moments()):
        # Another optimizer begins with running averages of its own.
        memory = replace(optimizer.init(start.network.layers), step=step, begun=step)
    return memory


def check_training(network: Network, data: Dataset, validation: Dataset | None, settings: Settings) -> None:
    """Refuse what cannot be trained, or would be trained to no purpose: :func:`train` asks this before anything else.

    Errors: :class:`~glassnet.errors.WrongValue` for a cost that does not fit the output, or that has no meaning for the
    targets; for data of other sizes than the network's ends; for a layer of a single softmax neuron; and where there is
    nothing to tell apart.
    """
    check_numbers(network)
    check_fit(settings.cost, network.activations[-1], network.sizes[-1])
    check_data(network, data)
    if validation is not None:
        check_data(network, validation)
    for number, (activation, size) in enumerate(zip(network.activations, network.sizes[1:], strict=True), start=1):
        if activation.range == "simplex" and size == 1:
            raise WrongValue(
                f"layer {number} is a single neuron after {activation.name}, which is always 1, whatever comes in: give it "
                "more neurons or another activation"
            )
    if len(data) < 2:
        raise WrongValue("there is only one example: learning needs at least two that differ")
    xp = namespace(data.targets)
    if bool(xp.all(data.targets == data.targets[:1, :])):
        what = "are of one class" if data.classes else "have the same target"
        raise WrongValue(f"all {len(data):,} examples {what}: there is nothing to tell apart")
    for part in (data, validation):
        if part is not None:
            check_targets(settings.cost, part.targets)


def _train(
    start: Checkpoint,
    data: Dataset,
    validation: Dataset | None,
    deformer: Deformer | None,
    engine: Engine,
    every: int | None,
    interrupt: threading.Event,
    quiet: bool,
) -> Iterator[Event]:
    n, settings = len(data), start.settings
    size = settings.batch_size
    dropout = Dropout(settings.dropout, settings.seed) if settings.dropout else None
    state = engine.start(start.network, data, settings.cost, settings.optimizer, start.memory, dropout)
    if validation is not None:  # what answers is compiled now, in one wait, rather than at the end of the first epoch
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows shows in the cost
            engine.answer(state, moved(data.inputs[:1, :], start.network.layers[0].bias))
    now = best = start
    best_cost, warned, seconds = math.inf, False, 0.0
    course: list[float] = []  # mean costs of the quarters of each epoch
    stretch, pause = 1, _PAUSE  # minibatches to do at once, and seconds until the next event

    if not quiet and (problem := unscaled(summarize(data))):
        warnings.warn(problem, TrainingWarning, stacklevel=2)
    assert start.memory.total is not None
    yield Started(start, n, start.memory.total, engine.name)

    def diverged(step: int, epoch: int, cost: float) -> Diverged:
        return Diverged(step, epoch, cost, best, unscaled(summarize(data)))

    for epoch in range(start.epoch, settings.epochs):
        rows = order(n, settings.seed, epoch)
        epoch_costs: list[NDArray[Any]] = []
        while now.example < n:
            began = time.perf_counter()
            seen, parts, done = now.example, [], 0
            while seen < n and (done < every if every else time.perf_counter() < began + pause or not done):
                before = time.perf_counter()
                part_rows = rows[seen : seen + min(stretch, every - done if every else n) * size]
                deformed = None if deformer is None else deformer(part_rows, epoch)
                batches = Batches(part_rows, size, epoch, deformed)
                state, part = engine.advance(state, batches)
                # At most twice as many as before: the first minibatch takes longest.
                stretch = max(1, min(2 * stretch, int(len(part) * _STRETCH / (time.perf_counter() - before + 1e-9))))
                seen, done = seen + len(batches.rows), done + len(part)
                parts.append(part)
                if interrupt.is_set() or not np.isfinite(part).all():
                    break
            costs = np.concatenate(parts)
            finite = np.isfinite(costs)
            if not finite.all():
                bad = int(finite.argmin())
                raise diverged(now.memory.step + bad + 1, epoch + 1, float(costs[bad]))
            before = time.perf_counter()
            network, memory = engine.checkpoint(state)
            cost_sum = now.cost_sum
            for first, each in zip(range(now.example, seen, size), costs.tolist(), strict=True):
                # Added one by one, so that the sum does not depend on how minibatches are grouped.
                cost_sum += each * min(size, seen - first)
            if not _finite(network.layers, *memory.moments.values()):
                # This step's cost was still good, the next one's could not be: said now, before anybody saves it.
                raise diverged(memory.step + 1, epoch + 1, math.nan)
            first_cost = float(costs[0]) if now.first_cost is None else now.first_cost
            now = Checkpoint(network, memory, epoch, seen, settings, cost_sum, first_cost, now.cost_from)
            epoch_costs.append(costs)
            pause = max(_PAUSE, _SHARE * (time.perf_counter() - before))
            seconds += time.perf_counter() - began
            yield Stepped(now, memory.step, epoch + 1, now.example, costs, seconds)

        if now.cost_from < n:
            cost = now.cost_sum / (n - now.cost_from)
        else:  # chosen after the last example of the epoch: as the network stands
            cost = evaluate(now.network, data, settings.cost, partial(engine.answer, state)).cost
        judged = None
        if validation is not None:
            judged = evaluate(now.network, validation, settings.cost, partial(engine.answer, state))
        first_cost = cost if now.first_cost is None else now.first_cost
        now = replace(now, first_cost=first_cost)
        judged_cost = cost if judged is None else judged.cost
        # The first minibatch may have been nearly right, by luck or since the network was trained before: so its cost alone
        # says little, and the constant answer's is asked for where it decides.
        ran_away = cost > _RUNAWAY * first_cost and cost > _RUNAWAY * constant_cost(data, settings.cost)
        if ran_away or not math.isfinite(judged_cost):
            raise diverged(now.memory.step, epoch + 1, cost if math.isfinite(judged_cost) else judged_cost)
        if epoch_costs:
            parts = np.array_split(np.concatenate(epoch_costs), _PARTS)
            course.extend(float(part.mean()) for part in parts if len(part))
        said = None
        if not warned and (reason := stuck(start, now, data, course)):
            warned, said = True, f"after epoch {epoch + 1}, {reason}"
            if not quiet:
                warnings.warn(said, TrainingWarning, stacklevel=2)
        now = replace(now, epoch=epoch + 1, example=0, cost_sum=0.0, cost_from=0)
        if judged_cost < best_cost:
            best, best_cost = now, judged_cost
        yield EpochEnded(now, epoch + 1, cost, judged, seconds, said)

    yield Finished(now, "epochs")


def _finite(*sets: Parameters) -> bool:
    """Whether all these parameters and running averages are finite."""
    arrays = [array for layers in sets for layer in layers for array in (layer.weight, layer.bias)]
    xp = namespace(arrays[0])
    return all(bool(xp.all(xp.isfinite(array))) for array in arrays)
