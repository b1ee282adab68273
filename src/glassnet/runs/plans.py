"""Plans: a training from what people ask for in words, new or gone on with, and all that a run's folder says about it.

A recipe, changed by words ("learning_rate", "relu", …), becomes the first checkpoint, the data and the description of a
run; a run that is there becomes the same three again, with its data checked. The command line and the studio both
begin here.

>>> from glassnet.checkpoint import Settings
>>> str(changed(Settings(), {"optimizer": "adam", "learning_rate": 0.01}).optimizer)
'adam(learning_rate=cosine(rate=0.01))'
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from glassnet.activations import Activation, as_activation
from glassnet.arrays import to_numpy
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.costs import as_cost, check_fit
from glassnet.data import Dataset, Splits, load
from glassnet.data.deform import Deformer, as_deformation
from glassnet.data.pictures import Pictures
from glassnet.engine import ARITHMETIC
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.evaluation import Answer
from glassnet.initializers import Initializer, as_initializer
from glassnet.network import Network
from glassnet.optimizers import Constant, Optimizer, Schedule, as_optimizer, as_schedule
from glassnet.runs.recipes import Recipe
from glassnet.runs.run import Run
from glassnet.settings import check_seed
from glassnet.training import check_training, continued

__all__ = [
    "CHANGES",
    "DataGone",
    "Plan",
    "answer_of",
    "begun",
    "changed",
    "data_of",
    "fingerprint",
    "fingerprints",
    "is_of",
    "is_same",
    "numbered",
    "pictures_of",
    "reopened",
    "sources",
]

CHANGES = (
    "cost", "optimizer", "learning_rate", "schedule", "momentum", "nesterov", "weight_decay", "clip",
    "dropout", "deform", "batch_size", "epochs",
)  # fmt: skip
"""The words that :func:`changed` knows."""

_OF_THE_OPTIMIZER = ("momentum", "nesterov", "weight_decay", "clip")


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """What a training needs to begin, or to go on.

    Attributes:
        checkpoint: where it begins.
        splits: its data.
        about: what its ``run.json`` says.
    """

    checkpoint: Checkpoint
    splits: Splits
    about: dict[str, Any]


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """Settings with some of :data:`CHANGES`: names in words, numbers as they are.

    An optimizer of another kind begins with its own defaults, its own learning rate included, but keeps the shape of the
    schedule. ``learning_rate`` is the schedule's highest.

    Errors: :class:`~glassnet.errors.WrongValue` for a word that is unknown, a value out of its bounds, and what does not
    go with the optimizer.
    """
    for word in changes:
        if word not in CHANGES:
            raise WrongValue(f"there is no setting {word!r:.60}: choose one of {', '.join(CHANGES)}")
    simple: dict[str, Any] = {key: changes[key] for key in ("dropout", "batch_size", "epochs") if key in changes}
    if "cost" in changes:
        simple["cost"] = as_cost(changes["cost"])
    if "deform" in changes:
        simple["deform"] = as_deformation(changes["deform"])
    return replace(settings, optimizer=_optimizer(settings.optimizer, changes), **simple)


def _optimizer(base: Optimizer, changes: Mapping[str, Any]) -> Optimizer:
    chosen, schedule = base, as_schedule(base.learning_rate)
    if "optimizer" in changes:
        given = as_optimizer(changes["optimizer"])
        if given != type(base)():  # naming the optimizer that is used anyway changes nothing
            chosen = given
            fresh = given.learning_rate
            schedule = fresh if isinstance(fresh, Schedule) else schedule.changed(rate=fresh)
    if "schedule" in changes:
        schedule = as_schedule(changes["schedule"]).changed(rate=schedule.rate)
    if "learning_rate" in changes:
        schedule = schedule.changed(rate=changes["learning_rate"])
    values: dict[str, Any] = {"learning_rate": schedule.rate if isinstance(schedule, Constant) else schedule}
    for key in _OF_THE_OPTIMIZER:
        if key in changes:
            if key not in chosen.field_names():
                raise WrongValue(
                    f"{key.replace('_', ' ')} does not go with the optimizer {chosen.name}: leave it out, or choose "
                    "another optimizer"
                )
            values[key] = changes[key]
    return chosen.changed(**values)


def begun(
    base: Recipe,
    changes: Mapping[str, Any] | None = None,
    *,
    sizes: Sequence[int] | None = None,
    hidden: Sequence[Activation | str] | None = None,
    output: Activation | str | None = None,
    initializer: Initializer | str | None = None,
    seed: int = 0,
    validation: float | None = None,
    sources: Sequence[str] = ("mnist",),
    pictures: Pictures | None = None,
    check: Callable[[Sequence[int]], None] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> Plan:
    """A new training: a recipe, with what was asked for in its place.

    Args:
        base: whatever is not asked for is as here.
        changes: see :func:`changed`.
        sizes: neurons in each layer; None: the recipe's hidden layers between ends that follow the data.
        hidden: the activation of each hidden layer, or one for all of them.
        output: the activation of the last layer; None: the one that a cost asked for was made for, or the recipe's.
        initializer: where weights start.
        seed: of initial weights, shuffling, dropout and split.
        validation: how many training examples to hold out: a count, a share below 1, or 0 for none; None: as the recipe
            says.
        sources: of the data; see :func:`glassnet.data.load`.
        pictures: how the pictures of a folder of images become inputs; None: as digits, 28 × 28.
        check: called with the sizes when the data is known and the network not yet made; it may refuse them by an error.
        meanwhile: called when nothing stands in the way any more, while another thread takes the fingerprints of the data.

    Errors: :class:`~glassnet.errors.WrongValue` for settings that do not fit each other or the data, before the data is
    read where that can be known; :class:`~glassnet.errors.WrongFile` for the data.
    """
    changes = changes or {}
    validation = base.validation if validation is None else validation
    check_seed(seed)
    settings = replace(changed(base.settings, changes), seed=seed)
    start = base.initializer if initializer is None else as_initializer(initializer)
    if output is not None:
        last = as_activation(output)
    elif "cost" in changes:
        last = settings.cost.natural.activation if settings.cost.natural else base.output
    else:
        last = base.output
    check_fit(settings.cost, last)
    if not (0 <= validation < 1 or (validation >= 1 and float(validation).is_integer())):
        raise WrongValue(f"validation must be a count, a share below 1, or 0 for none; got {validation:g}")
    if sizes is not None and len(sizes) < 2:
        raise WrongValue(f"sizes must be at least two whole numbers from 1, input first, got {tuple(sizes)}")
    inner = [base.hidden] if hidden is None else [as_activation(each) for each in hidden]

    splits = load(*sources, validation=validation, seed=seed, pictures=pictures)
    if settings.deform is not None:
        Deformer(splits.train.inputs, settings.deform)  # refuses what is no image
    ends = splits.train.inputs.shape[1], splits.train.targets.shape[1]
    wanted = (ends[0], *base.sizes[1:-1], ends[1]) if sizes is None else tuple(sizes)
    if (wanted[0], wanted[-1]) != ends:
        needed = ",".join(map(str, (ends[0], *wanted[1:-1], ends[1])))
        raise WrongValue(
            f"sizes {','.join(map(str, wanted))} do not fit the data, which has {ends[0]} numbers in each example and "
            f"{ends[1]} {'classes' if splits.train.classes else 'outputs'}: use {needed}"
        )
    if check is not None:
        check(wanted)
    if len(inner) == 1:
        inner = inner * (len(wanted) - 2)
    network = Network.random(wanted, hidden=inner, output=last, initializer=start, seed=seed)
    check_training(network, splits.train, splits.validation, settings)
    with ThreadPoolExecutor(1) as other:
        taken = other.submit(fingerprints, splits)
        if meanwhile is not None:
            meanwhile()
    about = {
        **_versions(),
        "data": {
            "sources": list(sources),
            "validation": validation,
            "seed": seed,
            "examples": len(splits.train),
            **taken.result(),
            **({} if splits.pictures in (None, Pictures()) else {"pictures": asdict(splits.pictures)}),
        },
        "recipe": base.name,
        "initializer": str(start),
        "sizes": list(wanted),
        "classes": None if splits.train.classes is None else list(splits.train.classes),
    }
    return Plan(Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings), splits, about)


def _versions() -> dict[str, Any]:
    return {
        "glassnet": version("glassnet"),
        "arithmetic": ARITHMETIC,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "numpy": np.__version__,
    }


class DataGone(WrongFile):
    """The data that a run was trained on is not where it was, or is not what it was."""


def reopened(
    run: Run,
    changes: Mapping[str, Any] | None = None,
    *,
    sources: Sequence[str] | None = None,
    known: Iterable[Sequence[str]] = (),
) -> Plan:
    """A run that is there, to go on with; nothing is written. Before going on in its own folder, call ``run.rewind``, and
    ``run.note(data=plan.about["data"])`` where its data was found in another place.

    Args:
        run: the run.
        changes: see :func:`changed`.
        sources: where its data lies now (see :func:`sources`); None: where it lay.
        known: where else it may lie, if it does not lie there any more: data with the same fingerprint is the same data.

    Errors: :class:`~glassnet.errors.WrongFile` if it is damaged, of which :class:`DataGone` if its data is not there, or not
    what it was trained on; :class:`~glassnet.errors.WrongValue` as :func:`changed`.
    """
    checkpoint = run.checkpoint()
    found, splits = _found(run, sources, known)
    about = run.about
    if found != about["data"]["sources"]:
        about = {**about, "data": {**about["data"], "sources": found}}
    settings = changed(checkpoint.settings, changes or {})
    return Plan(continued(checkpoint, settings, len(splits.train)), splits, about)


def _found(run: Run, sources: Sequence[str] | None, known: Iterable[Sequence[str]]) -> tuple[list[str], Splits]:
    """Where the data of a run lies, and the data, which is what it was trained on."""
    own = _data_about(run)
    for place in [own["sources"]] if sources is None else [sources]:
        try:
            splits = data_of(run, place)
            if is_same(own, splits):
                return list(place), splits
            why = f"{', '.join(map(str, place))} is not what it was trained on"
        except WrongFile as error:
            why = str(error)
    for place in known:
        if list(place) == own["sources"]:
            continue
        with contextlib.suppress(GlassnetError):
            splits = data_of(run, place)
            if is_same(own, splits):
                return list(place), splits
    raise DataGone(
        f"the data of {run.path} is not there: {why}. Bring it back, or say where that very data lies now, or start a new run"
    )


def _data_about(run: Run) -> dict[str, Any]:
    data = run.about.get("data")
    if (
        not isinstance(data, dict)
        or not {"sources", "validation", "seed"} <= set(data)
        or not isinstance(data["sources"], list)
        or not all(isinstance(source, str) for source in data["sources"])
        or not isinstance(data["validation"], int | float)
    ):
        raise WrongFile(f"{run.path / 'run.json'} does not say which data it was trained on")
    return data


def data_of(run: Run, sources: Sequence[str] | None = None) -> Splits:
    """The data a run was trained on, split the same way; or the data at other sources, split so. What it took for numbers to
    predict is that again, whatever it looks like.

    Errors: :class:`~glassnet.errors.WrongFile` if the run does not say, or the data is not there any more.
    """
    data = _data_about(run)
    return load(
        *(data["sources"] if sources is None else sources),
        validation=data["validation"],
        seed=data["seed"],
        pictures=pictures_of(run) or Pictures(),
        numbers=run.about.get("classes", ()) is None,
    )


def is_of(run: Run, splits: Splits) -> bool:
    """Whether this is the very data that a run was trained on, split the same way."""
    return is_same(_data_about(run), splits)


def is_same(about: Mapping[str, Any], splits: Splits) -> bool:
    """Whether these are the data with such :func:`fingerprints`. Earlier versions noted that of the training part alone."""
    mine = fingerprints(splits)
    return about.get("fingerprint") == mine["fingerprint"] and about.get("others", mine["others"]) == mine["others"]


def fingerprints(splits: Splits) -> dict[str, Any]:
    """Which data this is: ``fingerprint``, of what is learned from, and ``others``, those of the other parts by their names."""
    parts = {"validation": splits.validation, "test": splits.test}
    others = {name: fingerprint(part) for name, part in parts.items() if part is not None}
    return {"fingerprint": fingerprint(splits.train), "others": others}


def pictures_of(run: Run) -> Pictures | None:
    """How the pictures that a run was trained on became inputs, as its description says; None if it says nothing.

    Errors: :class:`~glassnet.errors.WrongFile` if what it says makes no sense.
    """
    data = run.about.get("data")
    said = data.get("pictures") if isinstance(data, dict) else None
    if said is None:
        return None
    try:
        return Pictures(**said)
    except (TypeError, WrongValue) as error:
        raise WrongFile(
            f"{run.path / 'run.json'} does not say how its pictures became inputs: expected a side, and whether they were "
            "centered"
        ) from error


_FINGERPRINTS: WeakKeyDictionary[Dataset, str] = WeakKeyDictionary()


def fingerprint(data: Dataset) -> str:
    """Which data this is: a hash of its inputs and targets, in hexadecimal."""
    known = _FINGERPRINTS.get(data)  # reading all numbers takes a few tenths of a second, and a run goes on many times
    if known is None:
        known = _FINGERPRINTS[data] = _hash_of(data)
    return known


def _hash_of(data: Dataset) -> str:
    digest = blake2b(digest_size=16)
    for array in (data.inputs, data.targets):
        digest.update(np.ascontiguousarray(to_numpy(array)).data)
    return digest.hexdigest()


def sources(given: Sequence[str] | None) -> list[str]:
    """The sources named by words, each of which may hold several separated by commas; None: mnist.

    ``mnist`` is always the one inside the package; a folder of that name is ``./mnist``. Other paths become absolute.
    """
    parts = [part for each in given or ["mnist"] for part in ([each] if Path(each).exists() else each.split(","))]
    return [part if part == "mnist" else str(Path(part).resolve()) for part in parts if part]


def numbered(folder: Path) -> Path:
    """The first of ``folder``/1, ``folder``/2, … that is free, for the next run."""
    number = 1
    while (folder / str(number)).exists():
        number += 1
    return folder / str(number)


def answer_of(network: Network, threads: int | None = None, *, loaded: bool = False) -> Answer | None:
    """The compiled way to ask the network, by so many threads (None: as many as pay); None if there is none for it.

    ``loaded``: only if it is loaded in this process already. Otherwise it is loaded now, or compiled, which takes seconds.
    """
    try:
        from glassnet.engine.fused import lacking, predictor
        from glassnet.machine.compiled import is_loaded
    except ImportError:  # Numba cannot be loaded here: the network answers itself
        return None
    if lacking(network) is not None:
        return None
    if loaded:
        positions = np.dtype(np.uint32 if network.sizes[0] > 2**16 else np.uint16)
        if not is_loaded("answer", network.layers[0].bias.dtype, positions):
            return None
    return predictor(network, threads).last
