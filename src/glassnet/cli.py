"""The command line: train, evaluate, predict, info, recipes.

Exit codes: 0 done, 1 failed, 2 wrong use. A user's mistake is answered by one plain sentence, never by a stack trace.
"""

from __future__ import annotations

import json
import logging
import platform
import re
import shutil
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
import typer
from rich.console import Console
from rich.text import Text

import glassnet
from glassnet.activations import ACTIVATIONS, as_activation
from glassnet.arrays import to_numpy
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.costs import COSTS, Cost, as_cost, check_fit, squared_error
from glassnet.data import Dataset, Splits, load
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.evaluation import Answer, check_data, confusion, evaluate, mistakes, outputs
from glassnet.events import Event, Finished
from glassnet.images import as_input, open_image
from glassnet.initializers import INITIALIZERS, as_initializer
from glassnet.interchange import read_checkpoint, read_network
from glassnet.network import Network
from glassnet.optimizers import OPTIMIZERS, SCHEDULES, Constant, Optimizer, Schedule, as_optimizer, as_schedule
from glassnet.recipes import RECIPES, Recipe, recipe
from glassnet.runs import Run
from glassnet.settings import check_seed
from glassnet.terminal import bars, confusion_table, facts, gallery, picture
from glassnet.training import ENGINES, Diverged, as_engine, train
from glassnet.watch import patience, progress, record

__all__ = ["app", "main"]

app = typer.Typer(
    name="glassnet",
    help="A neural network you can see into: train it, judge it, ask it, look inside.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

out = Console()
err = Console(stderr=True)


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a console that cannot show a block character shows "?" instead of failing
            stream.reconfigure(errors="replace")
    warnings.showwarning = _show_warning
    logging.getLogger("glassnet").addHandler(_Shown())
    try:
        code = app(arguments, standalone_mode=False)
    except WrongValue as error:
        code = _say(error, 2)
    except GlassnetError as error:
        code = _say(error, 1)
    except typer.Exit as error:
        code = error.exit_code
    except _UsageError as error:
        # Without any command, typer shows the help and raises an error that says nothing.
        code = _say(_usage_text(error), error.exit_code) if error.format_message() else error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = _say("stopped", 1)
    except MemoryError:
        code = _say("there is not enough memory for this: give less data, or a smaller network", 1)
    except BrokenPipeError:  # the reader of our output has gone: nothing to tell anybody
        sys.stderr.close()
        code = 1
    sys.exit(code or 0)


# typer has carried its own copy of click since 0.2x, and exports only some of its errors: this is their common base.
_UsageError: Any = typer.BadParameter.__mro__[1]


def _usage_text(error: Any) -> str:
    """What is wrong with an option or argument, what came, and where to read what is right."""
    text = str(error.format_message()).rstrip(".")
    causes = getattr(error.__cause__, "errors", None)  # pydantic's account of a value that is not of the option's type
    if callable(causes):
        text += f", got {causes()[0].get('input')!r}"
    context = getattr(error, "ctx", None)
    return text + "." if context is None else f"{text}. See {context.command_path} --help."


def _say(error: object, code: int) -> int:
    text = str(error)
    err.print(
        Text("error: ", "bold red").append(Text(text[:1].lower() + text[1:] if code == 2 else text, "default")),
        soft_wrap=True,
    )
    return code


def _show_warning(message: Warning | str, *rest: Any, **more: Any) -> None:
    err.print(Text("warning: ", "bold yellow").append(Text(str(message), "default")), soft_wrap=True)


class _Shown(logging.Handler):
    """What glassnet logs, on the console."""

    def emit(self, record: logging.LogRecord) -> None:
        err.print(record.getMessage(), style="dim", highlight=False, soft_wrap=True)


def _version(wanted: bool) -> bool:
    if wanted:
        out.print(f"glassnet {glassnet.__version__}", highlight=False)
        raise typer.Exit()
    return wanted


@app.callback()
def _app(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


# ── train ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("train", epilog="Example: glassnet train --hidden relu --epochs 10 --out runs/relu")
def _train(
    recipe_name: Annotated[
        str | None,
        typer.Option(
            "--recipe",
            help="Settings to begin with (glassnet recipes lists them), by default small; other options change them.",
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
    batch_size: Annotated[int | None, typer.Option(help="Examples in a minibatch.")] = None,
    epochs: Annotated[int | None, typer.Option(help="How often each example is looked at.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of initial weights, shuffling, dropout and split, 0 by default: same seed, same network."),
    ] = None,
    validation: Annotated[
        float | None,
        typer.Option(help="Training examples held out to judge by: a count, or a share below 1; 0 for none."),
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
            help="mnist; or a folder of IDX files or of images by class; or an .npz file; or IDX files (repeat, or a,b)."
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
            "--sizes": sizes, "--hidden": hidden, "--output": output, "--initializer": initializer, "--data": data,
            "--validation": validation, "--seed": seed, "--recipe": recipe_name,
        }  # fmt: skip
        for option, value in fixed.items():
            if value is not None:
                raise WrongValue(f"{option} cannot change in the middle of a run: leave it out with --resume")
        if out_folder is None:
            raise WrongValue("--resume needs --out RUN, the run to go on with")
        run, begin, splits = _reopened(out_folder, changed)
        again = {"engine": engine, "patience": patience_epochs}
        run.note(**{key: value for key, value in again.items() if value is not None})
    else:
        run, begin, splits = _begun(
            recipe("small" if recipe_name is None else recipe_name),
            changed,
            sizes=sizes,
            hidden=hidden,
            output=output,
            initializer=initializer,
            seed=0 if seed is None else seed,
            validation=validation,
            sources=_sources(data),
            out_folder=out_folder,
            also={"engine": engine, "patience": patience_epochs},
        )
    patience_epochs = run.about.get("patience")
    if patience_epochs is not None and splits.validation is None:
        raise WrongValue("--patience needs validation examples, but this run was begun without any")

    past = run.events()
    scores = [event["validation_cost"] for event in past if event.get("validation_cost") is not None]
    interrupt = threading.Event()
    events: Iterable[Event] = train(
        None,
        splits.train,
        validation=splits.validation,
        start=begin,
        engine=run.about.get("engine"),
        interrupt=interrupt,
    )
    if patience_epochs is not None:
        events = patience(events, patience_epochs, past=past, best=run.best())
    recorder = record(events, run, best=min(scores, default=None))
    _describe(begin, splits, run)
    _run(recorder, run, interrupt)


def _sources(data: list[str] | None) -> list[str]:
    """The sources named by --data, which may be repeated, and may hold several separated by commas.

    ``mnist`` is always the one inside the package; a folder of that name is ``./mnist``.
    """
    parts = [part for each in data or ["mnist"] for part in ([each] if Path(each).exists() else each.split(","))]
    return [part if part == "mnist" else str(Path(part).resolve()) for part in parts if part]


def _begun(
    base: Recipe,
    changed: dict[str, Any],
    *,
    sizes: str | None,
    hidden: str | None,
    output: str | None,
    initializer: str | None,
    seed: int,
    validation: float | None,
    sources: list[str],
    out_folder: Path | None,
    also: dict[str, Any],
) -> tuple[Run, Checkpoint, Splits]:
    """A new run: its folder, its first checkpoint, its data."""
    check_seed(seed)
    settings = replace(_changed(base.settings, changed), seed=seed)
    start = base.initializer if initializer is None else as_initializer(initializer)
    if output is not None:
        last = as_activation(output)
    elif "cost" in changed:
        last = settings.cost.natural.activation if settings.cost.natural else base.output
    else:
        last = base.output
    check_fit(settings.cost, last)
    wanted = None if sizes is None else _sizes(sizes)
    held_out = _validation(validation)
    inner = [base.hidden] if hidden is None else [as_activation(name) for name in _split(hidden)]

    splits = load(*sources, validation=held_out, seed=seed)
    ends = splits.train.inputs.shape[1], splits.train.targets.shape[1]
    if wanted is None:
        wanted = (ends[0], *base.sizes[1:-1], ends[1])
    elif (wanted[0], wanted[-1]) != ends:
        needed = ",".join(map(str, (ends[0], *wanted[1:-1], ends[1])))
        raise WrongValue(
            f"--sizes {sizes} does not fit the data, which has {ends[0]} numbers in each example and {ends[1]} "
            f"{'classes' if splits.train.classes else 'outputs'}: use --sizes {needed}"
        )
    if len(inner) == 1:
        inner = inner * (len(wanted) - 2)
    network = Network.random(wanted, hidden=inner, output=last, initializer=start, seed=seed)
    begin = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    about = {
        "glassnet": glassnet.__version__,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "data": {
            "sources": sources,
            "validation": held_out,
            "seed": seed,
            "examples": len(splits.train),
            "fingerprint": _fingerprint(splits.train),
        },
        "recipe": base.name,
        "initializer": str(start),
        "sizes": list(wanted),
        "classes": None if splits.train.classes is None else list(splits.train.classes),
        **also,
    }
    return Run.create(out_folder if out_folder is not None else _free_folder(), about), begin, splits


def _reopened(folder: Path, changed: dict[str, Any]) -> tuple[Run, Checkpoint, Splits]:
    """A run that is there: its folder, where it goes on, its data."""
    run = Run.open(folder)
    begin = run.checkpoint()
    splits = _data_of(run)
    if run.about["data"].get("fingerprint") != _fingerprint(splits.train):
        raise WrongFile(
            f"the data of {folder} ({', '.join(run.about['data']['sources'])}) is not what it was trained on: bring it back, "
            "or start a new run"
        )
    settings = _changed(begin.settings, changed)
    if begin.epoch >= settings.epochs and begin.example == 0:
        raise WrongValue(
            f"the run in {folder} is done: all its {settings.epochs} epochs are trained; give more by --epochs "
            f"{2 * settings.epochs}"
        )
    run.rewind(begin)
    return run, replace(begin, settings=settings), splits


def _data_of(run: Run) -> Splits:
    data = run.about.get("data")
    if not isinstance(data, dict) or not {"sources", "validation", "seed"} <= set(data):
        raise WrongFile(f"{run.path / 'run.json'} does not say which data it was trained on")
    return load(*data["sources"], validation=data["validation"], seed=data["seed"])


def _fingerprint(data: Dataset) -> str:
    digest = blake2b(digest_size=16)
    for array in (data.inputs, data.targets):
        digest.update(np.ascontiguousarray(to_numpy(array)).data)
    return digest.hexdigest()


def _free_folder() -> Path:
    number = 1
    while Path("runs", str(number)).exists():
        number += 1
    return Path("runs", str(number))


def _split(text: str) -> list[str]:
    """At commas that are not inside brackets."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text)]


def _sizes(text: str) -> tuple[int, ...]:
    parts = re.split(r"[,\-x ]+", text.strip())
    if len(parts) < 2 or not all(part.isascii() and part.isdigit() and int(part) > 0 for part in parts):
        raise WrongValue(f"--sizes must be whole numbers from 1, separated by commas, like 784,16,16,10; got {text!r}")
    return tuple(int(part) for part in parts)


def _validation(given: float | None) -> float:
    if given is None:
        return 1 / 6
    if not (0 <= given < 1 or (given >= 1 and float(given).is_integer())):
        raise WrongValue(f"--validation must be a count, a share below 1, or 0 for none; got {given:g}")
    return given


def _changed(settings: Settings, changed: dict[str, Any]) -> Settings:
    """Settings with the options that were given on the command line."""
    simple: dict[str, Any] = {key: changed[key] for key in ("dropout", "batch_size", "epochs") if key in changed}
    if "cost" in changed:
        simple["cost"] = as_cost(changed["cost"])
    return replace(settings, optimizer=_optimizer(settings.optimizer, changed), **simple)


def _optimizer(base: Optimizer, changed: dict[str, Any]) -> Optimizer:
    """An optimizer of another kind begins with its own defaults, but keeps the shape of the schedule."""
    chosen, schedule = base, as_schedule(base.learning_rate)
    if "optimizer" in changed:
        given = as_optimizer(changed["optimizer"])
        if given != type(base)():  # naming the optimizer that the recipe has anyway changes nothing
            chosen = given
            fresh = given.learning_rate
            schedule = fresh if isinstance(fresh, Schedule) else schedule.changed(rate=fresh)
    if "schedule" in changed:
        schedule = as_schedule(changed["schedule"]).changed(rate=schedule.rate)
    if "learning_rate" in changed:
        schedule = schedule.changed(rate=changed["learning_rate"])
    values: dict[str, Any] = {"learning_rate": schedule.rate if isinstance(schedule, Constant) else schedule}
    for key in ("momentum", "nesterov", "weight_decay", "clip"):
        if key in changed:
            if key not in chosen.field_names():
                raise WrongValue(
                    f"--{key.replace('_', '-')} does not go with the optimizer {chosen.name}: leave it out"
                )
            values[key] = changed[key]
    return chosen.changed(**values)


def _describe(begin: Checkpoint, splits: Splits, run: Run) -> None:
    network, settings = begin.network, begin.settings
    held = "" if splits.validation is None else f", {len(splits.validation):,} to validate"
    err.print(
        facts(
            [
                ("network", f"{_shape(network)}, {network.count:,} weights and biases"),
                ("data", f"{', '.join(run.about['data']['sources'])}: {len(splits.train):,} examples to train{held}"),
                (
                    "training",
                    f"{settings.cost}, {settings.optimizer}, minibatch {settings.batch_size}, {settings.epochs} epochs",
                ),
                ("run", str(run.path)),
            ]
        )
    )


def _shape(network: Network) -> str:
    names = [str(activation) for activation in network.activations]
    words = names[0] if len(set(names)) == 1 else ", ".join(names)
    return f"{'-'.join(map(str, network.sizes))} {words}"


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


def _run(recorder: record, run: Run, interrupt: threading.Event) -> None:
    """Train to the end, or to an interruption, and say what came of it."""
    events = progress(recorder, err).__iter__()
    event: Event | None = None
    with _interruptible(interrupt):
        try:
            for event in events:
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
    epoch = _epoch_of(run, event.checkpoint)
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


def _epoch_of(run: Run, checkpoint: Checkpoint) -> dict[str, Any] | None:
    """What was recorded at the end of the epoch that a checkpoint holds the network of."""
    matching = (each for each in run.events() if each["event"] == "epoch" and each["epoch"] == checkpoint.epoch)
    return next(matching, None)


# ── evaluate ─────────────────────────────────────────────────────────────────────────────────────────────────────────

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="A run's folder, or a network's .safetensors file.")]


def _opened(path: Path) -> tuple[Network, dict[str, Any], Run | None]:
    """The network of a run or of a file, what is known about it, and the run."""
    if path.is_file():
        network, about = read_network(path)
        return network, about, None
    run = Run.open(path)
    return run.network(), run.about, run


def _names(network: Network, about: dict[str, Any]) -> list[str] | None:
    """The names of the classes; None of a network that predicts numbers."""
    count = max(2, network.sizes[-1])  # a single output answers no or yes
    classes = about.get("classes", [str(number) for number in range(count)])
    return [str(name) for name in classes] if isinstance(classes, list) and len(classes) == count else None


@app.command("evaluate", epilog="Example: glassnet evaluate runs/1")
def _evaluate(
    run_path: RunArgument,
    data: Annotated[
        list[str] | None, typer.Option(help="Other data to judge by, as for train. By default the run's own.")
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            help="Which part of the data: test, validation or train. By default test, or all if there is none."
        ),
    ] = None,
    count: Annotated[int, typer.Option("--mistakes", min=0, help="How many of the surest mistakes to draw.")] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Judge a trained network on images it has never seen: cost, accuracy, confusion table, its surest mistakes."""
    if part not in (None, "test", "validation", "train"):
        raise WrongValue(f"--part must be test, validation or train, got {part!r}")
    network, about, run = _opened(run_path)
    if data is not None or run is None:
        splits = load(*_sources(data), validation=0 if part in (None, "train") else 1 / 6)
        if part is None and splits.test is None:
            splits, part = replace(splits, test=splits.train), "all"  # data brought for this purpose: all of it
    else:
        splits = _data_of(run)
    dataset: Dataset | None = splits.test if part in (None, "all") else getattr(splits, part)
    part = part or "test"
    if dataset is None:
        raise WrongFile(f"this data has no {part} part: choose another by --part, or other data by --data")
    check_data(network, dataset)
    known = about.get("classes")
    if known and dataset.classes and list(dataset.classes) != known:
        raise WrongFile(
            f"the data has the classes {', '.join(dataset.classes)}, but the network was trained for {', '.join(known)}"
        )
    cost = _cost_of(run, network)
    answer = _answer(network)
    result = evaluate(network, dataset, cost, answer)
    if dataset.classes is None:
        summary: dict[str, Any] = {"cost": result.cost, "examples": result.examples, "part": part}
        if as_json:
            print(json.dumps(summary))
        else:
            out.print(f"{cost.name} {result.cost:.5g} on {result.examples:,} {part} examples", highlight=False)
        return
    names = list(dataset.classes)
    counts = confusion(network, dataset, answer)
    surest = mistakes(network, dataset, count, answer)
    assert result.accuracy is not None
    if as_json:
        print(
            json.dumps(
                {
                    "part": part,
                    "examples": result.examples,
                    "accuracy": result.accuracy,
                    "cost": result.cost,
                    "classes": names,
                    "confusion": counts.tolist(),
                    "mistakes": [
                        {
                            "row": each.row,
                            "answer": names[each.answer],
                            "truth": names[each.truth],
                            "confidence": each.confidence,
                        }
                        for each in surest
                    ],
                },
                ensure_ascii=False,
            )
        )
        return
    right = int(np.trace(counts))
    found = f"{right:,} of {result.examples:,} right; {cost.name} {result.cost:.4f}"
    out.print(f"[bold]{part} accuracy {result.accuracy:.2%}[/]: {found}", highlight=False)
    out.print()
    table = confusion_table(counts, names, out)
    out.print(
        table if table is not None else f"(the {len(names)} × {len(names)} confusion table is too wide: see --json)"
    )
    side = round(dataset.inputs.shape[1] ** 0.5)
    if surest and side * side == dataset.inputs.shape[1]:
        out.print(f"\nthe {len(surest)} mistakes it is surest of:", highlight=False)
        out.print(
            gallery(
                [
                    (
                        picture(dataset.inputs[each.row], out),
                        f"it says {names[each.answer]} ({each.confidence:.2f}), it is {names[each.truth]}",
                    )
                    for each in surest
                ]
            )
        )


def _answer(network: Network) -> Answer | None:
    """The compiled way to ask the network; None if there is none for it."""
    try:
        from glassnet.fused import lacking, predictor
    except ImportError:  # Numba cannot be loaded here: the network answers itself
        return None
    return predictor(network).last if lacking(network) is None else None


def _cost_of(run: Run | None, network: Network) -> Cost:
    """The cost a run was trained with; of a bare file, what its output was made for."""
    if run is not None:
        return run.checkpoint().settings.cost
    for cost in COSTS.values():
        natural = cost.natural
        if (
            natural is not None
            and natural.activation == network.activations[-1]
            and natural.activation.range == "simplex"
        ):
            return cost()
    return squared_error


# ── predict ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("predict", epilog="Example: glassnet predict runs/1 photo.jpg drawing.png")
def _predict(
    run_path: RunArgument,
    images: Annotated[
        list[str],
        typer.Argument(metavar="IMAGE…", help="PNG, JPEG, GIF, WebP or BMP files of any size; - reads one from stdin."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, one line for each image, for programs.")] = False,
) -> None:
    """Ask a trained network what an image shows; the activations of its output as bars.

    The digit may be dark on light or light on dark; it is cut out, scaled and centered the way MNIST was made, and drawn
    as the network sees it.
    """
    network, about, _ = _opened(run_path)
    names = _names(network, about)
    side = round(network.sizes[0] ** 0.5)
    if side * side != network.sizes[0] or side < 4:
        raise WrongValue(
            f"this network takes {network.sizes[0]} numbers, which are no square image: it cannot look at pictures"
        )
    failed = False
    answer = _answer(network)
    for name in images:
        try:
            image = open_image(sys.stdin.buffer.read() if name == "-" else name)
            pixels = as_input(image, side)
        except GlassnetError as error:
            text = str(error)
            _say(text if name == "-" or name in text else f"{name}: {text}", 1)
            failed = True
            continue
        activations = outputs(network, pixels[None].astype(to_numpy(network.layers[0].bias).dtype), answer)[0].tolist()
        if names is None:
            numbers = ", ".join(f"{value:.5g}" for value in activations)
            print(json.dumps({"image": name, "outputs": activations}) if as_json else f"{name}: {numbers}")
            continue
        if len(activations) == 1:
            activations = [1 - activations[0], activations[0]]
        best = int(np.argmax(activations))
        if as_json:
            print(
                json.dumps(
                    {"image": name, "answer": names[best], "activations": dict(zip(names, activations, strict=True))},
                    ensure_ascii=False,
                )
            )
            continue
        out.print(
            f"{name}: [bold yellow]{names[best]}[/]" if len(images) > 1 else f"[bold yellow]{names[best]}[/]",
            highlight=False,
        )
        row = facts([])
        row.add_row(picture(pixels, out), bars(activations, names))
        out.print(row)
    if failed:
        raise typer.Exit(1)


# ── info, recipes ────────────────────────────────────────────────────────────────────────────────────────────────────


@app.command("info", epilog="Example: glassnet info runs/1")
def _info(
    run_path: RunArgument, as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False
) -> None:
    """What a network is made of, and how it was trained."""
    network, about, run = _opened(run_path)
    layers: list[dict[str, Any]] = [
        {
            "inputs": inputs,
            "outputs": outputs,
            "activation": str(activation),
            "weights": inputs * outputs,
            "biases": outputs,
        }
        for inputs, outputs, activation in zip(network.sizes, network.sizes[1:], network.activations, strict=False)
    ]
    weights = sum(layer["weights"] for layer in layers)
    biases = sum(layer["biases"] for layer in layers)
    epochs = [] if run is None else [event for event in run.events() if event["event"] == "epoch"]
    checkpoint = _checkpoint_in(run_path) if run is None else run.checkpoint()
    if as_json:
        print(
            json.dumps(
                {
                    "sizes": network.sizes,
                    "count": network.count,
                    "weights": weights,
                    "biases": biases,
                    "layers": layers,
                    "dtype": str(network.layers[0].bias.dtype),
                    "settings": None if checkpoint is None else checkpoint.settings.to_data(),
                    "about": about,
                    "epochs": epochs,
                },
                ensure_ascii=False,
            )
        )
        return
    out.print(f"[bold]{_shape(network)}[/]", highlight=False)
    out.print(
        f"{network.count:,} = {weights:,} weights + {biases:,} biases, {network.layers[0].bias.dtype}\n",
        highlight=False,
    )
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("layer", "from", "to", "activation", "weights", "biases"):
        table.add_column(title, justify="left" if title == "activation" else "right")
    for number, layer in enumerate(layers, start=1):
        counts = [f"{layer[key]:,}" for key in ("weights", "biases")]
        table.add_row(str(number), str(layer["inputs"]), str(layer["outputs"]), layer["activation"], *counts)
    out.print(table)
    if checkpoint is None:
        return
    settings = checkpoint.settings
    done = f"{checkpoint.epoch} of {settings.epochs} epochs"
    done += f" and {checkpoint.example:,} examples" if checkpoint.example else ""
    rows: list[tuple[str, Any]] = [
        ("trained", f"{done}, {checkpoint.memory.step:,} steps"),
        ("cost", settings.cost),
        ("optimizer", settings.optimizer),
        ("minibatch", settings.batch_size),
        ("dropout", settings.dropout),
        ("seed", settings.seed),
    ]
    if run is not None:
        data = about.get("data", {})
        last = _epoch_of(run, checkpoint) or {}
        rows[1:1] = [
            (name, form.format(last[key]))
            for name, key, form in (
                ("cost then", "cost", "{:.4f}"),
                ("validation", "validation_accuracy", "{:.2%}"),
            )
            if last.get(key) is not None
        ]
        rows += [
            ("data", f"{', '.join(data.get('sources', []))}, {data.get('examples', 0):,} examples"),
            ("initializer", about.get("initializer", "unknown")),
            ("begun", about.get("created", "at an unknown time")),
            ("glassnet", f"{about.get('glassnet')}, NumPy {about.get('numpy')}, Python {about.get('python')}"),
        ]
    out.print()
    out.print(facts(rows))


def _checkpoint_in(path: Path) -> Checkpoint | None:
    """The checkpoint in a network's file; None if it holds the network alone."""
    try:
        return read_checkpoint(path)[0]
    except WrongFile:
        return None


@app.command("recipes", epilog="Example: glassnet recipes")
def _recipes() -> None:
    """The recipes that train --recipe knows."""
    rows = []
    for name, each in RECIPES.items():
        shape, settings = "-".join(map(str, each.sizes)), each.settings
        rows.append((name, f"{each.summary}\n{shape}, {settings.optimizer}, {settings.epochs} epochs"))
    out.print(facts(rows))


if __name__ == "__main__":
    main()
