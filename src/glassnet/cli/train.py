"""``glassnet train``: a new run or one to go on with, its settings from the options, its end or interruption."""

from __future__ import annotations

import re
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.activations import ACTIVATIONS
from glassnet.checkpoint import Checkpoint
from glassnet.cli.console import app, err, out, printable
from glassnet.cli.opened import epoch_of, shape_of
from glassnet.costs import COSTS
from glassnet.data import Splits, Summary, summarize
from glassnet.data.deform import DEFORMATIONS
from glassnet.diagnosis import unscaled
from glassnet.errors import TrainingWarning, WrongFile, WrongValue
from glassnet.events import EpochEnded, Event, Finished
from glassnet.initializers import INITIALIZERS
from glassnet.optimizers import OPTIMIZERS, SCHEDULES
from glassnet.runs import Busy, Run, best_cost
from glassnet.runs.plans import DataGone, Plan, begun, numbered, reopened, sources
from glassnet.runs.questions import best_of
from glassnet.runs.recipes import recipe
from glassnet.terminal import facts
from glassnet.training import ENGINES, Diverged, as_engine, train
from glassnet.watch import patience, progress, record

_CLASSES = 12
"""The most classes that are listed one by one."""


@app.command("train", epilog="Example: glassnet train --hidden relu --epochs 10 --out runs/relu")
def _train(
    recipe_name: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            help="Settings to begin with (glassnet recipes lists them), by default plain; other options change them.",
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option(help="Neurons in each layer, input first: 784,16,16,10. Both ends follow the data by default."),
    ] = None,
    hidden: Annotated[
        str | None,
        typer.Option(
            help=f"Activation of the hidden layers, or one for each: relu,tanh. One of {', '.join(ACTIVATIONS)}."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Activation of the last layer. By default the one the cost was made for.")
    ] = None,
    initializer: Annotated[
        str | None, typer.Option(help=f"Where weights start. One of {', '.join(INITIALIZERS)}.")
    ] = None,
    cost: Annotated[str | None, typer.Option(help=f"What is descended. One of {', '.join(COSTS)}.")] = None,
    optimizer: Annotated[str | None, typer.Option(help=f"How. One of {', '.join(OPTIMIZERS)}.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Size of the steps, at its highest.")] = None,
    schedule: Annotated[
        str | None, typer.Option(help=f"The learning rate over the training. One of {', '.join(SCHEDULES)}.")
    ] = None,
    momentum: Annotated[
        float | None, typer.Option(help="For sgd and rmsprop: how much of the last step goes on, 0 to 1.")
    ] = None,
    nesterov: Annotated[
        bool | None, typer.Option("--nesterov/--no-nesterov", help="For sgd: look ahead along the momentum.")
    ] = None,
    weight_decay: Annotated[
        float | None, typer.Option(help="Pull of the weights towards 0: lambda in C + lambda/2 sum w².")
    ] = None,
    clip: Annotated[
        float | None, typer.Option(help="Longest gradient; longer ones are scaled down. 0: no limit.")
    ] = None,
    dropout: Annotated[
        float | None, typer.Option(help="Share of hidden neurons silenced for each example, 0 to 1.")
    ] = None,
    deform: Annotated[
        str | None,
        typer.Option(
            help=f"Deform the images anew in each epoch: {', '.join(DEFORMATIONS)}, or with numbers, as in "
            "affine(rotation=15,shift=2); none not to."
        ),
    ] = None,
    batch_size: Annotated[int | None, typer.Option(help="Examples in a minibatch.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How often each example is looked at.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of initial weights, shuffling, dropout and split, 0 by default: same seed, same network."),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(
            help="Training examples held out to judge by: a count, or a share below 1; 0 for none. By default as the "
            "recipe says."
        ),
    ] = None,
    patience_epochs: Annotated[
        int | None,
        typer.Option("--patience", help="Stop after so many epochs without a lower validation cost; keep the best."),
    ] = None,
    engine: Annotated[
        str | None, typer.Option(help=f"What takes the steps. One of auto (the default), {', '.join(ENGINES)}.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="mnist; or a folder of IDX files or of images by class; or an .npz file; or IDX files (repeat, or a,b). With "
            "--resume: where the run's own data lies now, if it was moved."
        ),
    ] = None,
    out_folder: Annotated[
        Path | None, typer.Option("--out", metavar="RUN", help="Folder for the run. By default runs/1, runs/2, …")
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the run in --out, exactly; a setting given with it changes from there on."
        ),
    ] = False,
) -> None:
    """Train a network, with a live view, and save the run.

    Without options: the network of the series, 784-16-16-10, on the 50,000 MNIST training images, judged on 10,000 held
    out of them. Ctrl-C saves and tells how to go on.
    """
    changed = {
        "cost": cost,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "momentum": momentum,
        "nesterov": nesterov,
        "weight_decay": weight_decay,
        "clip": clip,
        "dropout": dropout,
        "deform": deform,
        "batch_size": batch_size,
        "epochs": epochs,
    }
    changed = {key: value for key, value in changed.items() if value is not None}
    if patience_epochs is not None and patience_epochs < 1:
        raise WrongValue(f"--patience must be a whole number of epochs from 1, got {patience_epochs}")
    if patience_epochs is not None and validation == 0:
        raise WrongValue("--patience needs validation examples: leave out --validation 0")
    as_engine(engine)  # refuses an unknown one before anything is begun
    if resume:
        fixed = {
            "--sizes": sizes, "--hidden": hidden, "--output": output, "--initializer": initializer,
            "--validation": validation, "--seed": seed, "--recipe": recipe_name,
        }  # fmt: skip
        for option, value in fixed.items():
            if value is not None:
                raise WrongValue(f"{option} cannot change in the middle of a run: leave it out with --resume")
        if out_folder is None:
            raise WrongValue("--resume needs --out RUN, the run to go on with")
        with Run.open(out_folder).hold() as run:  # before anything is read that another process might still change
            plan = _reopened(run, changed, data)
            again = {"engine": engine, "patience": patience_epochs, "data": plan.about["data"]}
            again = {key: value for key, value in again.items() if value is not None and value != run.about.get(key)}
            _check_patience(again.get("patience", run.about.get("patience")), plan)
            if again:
                run.note(**again)
            _go_on(run, plan)
    else:
        run, plan = _begun(
            changed,
            recipe_name=recipe_name,
            sizes=sizes,
            hidden=hidden,
            output=output,
            initializer=initializer,
            seed=seed,
            validation=validation,
            data=data,
            out_folder=out_folder,
            also={"engine": engine, "patience": patience_epochs},
        )
        with run.hold():
            _go_on(run, plan)


def _check_patience(epochs: int | None, plan: Plan) -> None:
    if epochs is not None and plan.splits.validation is None:
        raise WrongValue("--patience needs validation examples, but this run was begun without any")


def _go_on(run: Run, plan: Plan) -> None:
    """Train from where the plan says, watched and recorded."""
    begin, splits = plan.checkpoint, plan.splits
    patience_epochs = run.about.get("patience")
    _check_patience(patience_epochs, plan)
    # Epochs that were judged by another cost than the one of now are not compared with those to come.
    past = [*run.events(), {"event": "started", "settings": begin.settings.to_data()}]
    interrupt = threading.Event()
    events: Iterable[Event] = train(
        None,
        splits.train,
        validation=splits.validation,
        start=begin,
        engine=run.about.get("engine"),
        interrupt=interrupt,
        quiet=True,  # what it would warn of is said here, from what is known here
    )
    if patience_epochs is not None:
        events = patience(events, patience_epochs, past=past, best=best_of(run, plan))
    recorder = record(events, run, best=best_cost(past))
    summary = summarize(splits.train)
    _describe(begin, splits, summary, run)
    _run(recorder, run, interrupt, unscaled(summary))


def _begun(
    changes: dict[str, Any],
    *,
    recipe_name: str | None,
    sizes: str | None,
    hidden: str | None,
    output: str | None,
    initializer: str | None,
    seed: int | None,
    validation: float | None,
    data: list[str] | None,
    out_folder: Path | None,
    also: dict[str, Any],
) -> tuple[Run, Plan]:
    """A new run: its folder, and what it begins with."""
    plan = begun(
        recipe("plain" if recipe_name is None else recipe_name),
        changes,
        sizes=None if sizes is None else _sizes(sizes),
        hidden=None if hidden is None else _split(hidden),
        output=output,
        initializer=initializer,
        seed=0 if seed is None else seed,
        validation=validation,
        sources=sources(data),
        meanwhile=lambda: _load_engine(also["engine"]),
    )
    if also["patience"] is not None and plan.splits.validation is None:
        raise WrongValue("--patience needs validation examples, and this recipe holds out none: give --validation 0.1")
    about = {**plan.about, **also}
    while out_folder is None:
        folder = numbered(Path("runs"))
        try:
            return Run.create(folder, about, plan.checkpoint), plan
        except (WrongFile, Busy):  # another training took this number just now
            if not folder.exists():
                raise
    return Run.create(out_folder, about, plan.checkpoint), plan


def _load_engine(name: str | None) -> None:
    """Load, or once on a machine compile, what takes the steps; where it cannot be loaded, the training says so."""
    if name in (None, "auto", "fused"):
        with suppress(ImportError):
            from glassnet.engine.fused import load_kernels

            load_kernels()


def _reopened(run: Run, changes: dict[str, Any], data: list[str] | None) -> Plan:
    """Where a run goes on; what is on record after that is dropped."""
    try:
        plan = reopened(run, changes, sources=None if data is None else sources(data))
    except DataGone as error:
        raise DataGone(f"{error}. Name its place by --data" if data is None else str(error)) from error
    begin, epochs = plan.checkpoint, plan.checkpoint.settings.epochs
    if begin.epoch >= epochs and begin.example == 0:
        raise WrongValue(
            f"the run in {run.path} is done: all its {epochs} epochs are trained; "
            f"give more by --epochs {2 * max(epochs, begin.epoch)}"
        )
    run.rewind(run.checkpoint())  # as it stands, without what is changed now
    return plan


def _split(text: str) -> list[str]:
    """At commas that are not inside brackets."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text)]


def _sizes(text: str) -> tuple[int, ...]:
    parts = re.split(r"[,\-x ]+", text.strip())
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise WrongValue(f"--sizes must be whole numbers from 1, separated by commas, like 784,16,16,10; got {text!r}")
    return tuple(int(part) for part in parts)


def _describe(begin: Checkpoint, splits: Splits, summary: Summary, run: Run) -> None:
    network, settings = begin.network, begin.settings
    held = "" if splits.validation is None else f", {len(splits.validation):,} to validate"
    err.print(
        facts(
            [
                ("network", f"{shape_of(network)}, {network.count:,} weights and biases"),
                ("data", f"{', '.join(run.about['data']['sources'])}: {len(splits.train):,} examples to train{held}"),
                ("inputs", _inputs(summary)),
                ("targets", _targets(summary)) if summary.classes is None else ("classes", _classes(summary.classes)),
                *(("note", note) for note in splits.notes),
                (
                    "training",
                    f"{settings.cost}, {settings.optimizer}, minibatch {settings.batch_size}, {settings.epochs} epochs"
                    + (f", dropout {settings.dropout:g}" if settings.dropout else ""),
                ),
                *([("images", f"deformed in each epoch: {settings.deform}")] if settings.deform else []),
                ("run", str(run.path)),
            ]
        )
    )


def _inputs(summary: Summary) -> str:
    zeros = f", {summary.zeros:.1%} of them 0" if summary.zeros else ""
    return f"{summary.inputs:,} for each example, from {summary.low:.4g} to {summary.high:.4g}{zeros}"


def _targets(summary: Summary) -> str:
    count = "1 number" if summary.outputs == 1 else f"{summary.outputs:,} numbers"
    return f"{count} to predict, from {summary.targets[0]:.4g} to {summary.targets[1]:.4g}"


def _classes(classes: Sequence[tuple[str, int]]) -> str:
    """The classes with their counts of examples; of many, the first, and how few and how many the others have."""
    shown, others = classes[:_CLASSES], classes[_CLASSES:]
    said = ", ".join(f"{printable(name)}: {count:,}" for name, count in shown)
    if others:
        counts = [count for _, count in others]
        said += f", and {len(others):,} more of {min(counts):,} to {max(counts):,}"
    return said


@contextmanager
def _interruptible(interrupt: threading.Event) -> Iterator[None]:
    """Ctrl-C and a polite kill are noted, to be answered between two minibatches; a second Ctrl-C stops at once."""

    def note(number: int, frame: Any) -> None:
        if interrupt.is_set():
            raise KeyboardInterrupt
        interrupt.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(recorder: record, run: Run, interrupt: threading.Event, problem: str | None) -> None:
    """Train to the end, or to an interruption, and say what came of it; ``problem`` is what is wrong with the inputs."""
    if problem is not None:
        warnings.warn(problem, TrainingWarning, stacklevel=2)
    events = progress(recorder, err).__iter__()
    event: Event | None = None
    with _interruptible(interrupt):
        try:
            for event in events:
                if isinstance(event, EpochEnded) and event.stuck is not None:
                    warnings.warn(event.stuck, TrainingWarning, stacklevel=2)
                if interrupt.is_set() and not isinstance(event, Finished):
                    events.close()
                    recorder.save(event.checkpoint)
                    break
        except Diverged as error:
            recorder.save(error.checkpoint)
            raise
    if interrupt.is_set() and not isinstance(event, Finished):
        done = f" in epoch {event.checkpoint.epoch + 1}" if event is not None else ""
        err.print(f"stopped{done}; everything is saved. Go on with:", highlight=False)
        err.print(f"  {_program()} train --out {run.path} --resume", style="bold", highlight=False, soft_wrap=True)
        raise typer.Exit(1)
    assert isinstance(event, Finished)
    if event.reason == "patience":
        err.print(f"stopped early: no lower validation cost since epoch {event.checkpoint.epoch}, which is kept")
    epoch = epoch_of(run, event.checkpoint)
    if epoch is not None and epoch.get("validation_accuracy") is not None:
        accuracy = f"{epoch['validation_accuracy']:.2%}"
        out.print(f"validation accuracy {accuracy} after epoch {epoch['epoch']}", highlight=False)
    out.print(f"saved in {run.path}; next: {_program()} evaluate {run.path}", highlight=False, soft_wrap=True)


def _program() -> str:
    """How to call this program from here: by its name, if the shell would find it."""
    here = Path(sys.executable).with_name("glassnet.exe" if sys.platform == "win32" else "glassnet")
    if (found := shutil.which("glassnet")) and Path(found).resolve() == here.resolve():
        return "glassnet"
    if not here.exists():
        return f"{sys.executable} -m glassnet"
    return str(here.relative_to(Path.cwd())) if here.is_relative_to(Path.cwd()) else str(here)
