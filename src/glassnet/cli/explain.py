"""glassnet explain: every number inside a trained network, asked from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet import explain
from glassnet.cli.console import app, err, out
from glassnet.cli.opened import RunArgument, input_of, names_of, opened, own_data, side_of
from glassnet.data import Dataset, Splits, load
from glassnet.data.pictures import open_image
from glassnet.errors import WrongFile, WrongValue
from glassnet.evaluation import check_data
from glassnet.explain import Explanation, Parameter, Walk
from glassnet.network import Network
from glassnet.runs import Run, questions
from glassnet.runs.plans import Plan, reopened, sources


@dataclass(frozen=True, slots=True)
class _Asked:
    """Everything a question may need."""

    network: Network
    about: dict[str, Any]
    run: Run | None
    data: Callable[[], tuple[Splits, bool]]  # and whether it is what the run was trained on
    image: Path | None
    test_index: int | None
    target: str | None
    examples: int | None
    directions: str | None
    line: bool
    shuffled: bool
    method: str | None

    def splits(self) -> Splits:
        """The data that is asked about."""
        return self.data()[0]

    def plan(self) -> Plan:
        """The run as it stands, with the data that it was trained on, wherever that was named.

        Errors: :class:`~glassnet.errors.WrongFile` if it is not there.
        """
        assert self.run is not None
        splits, own = self.data()
        return Plan(self.run.checkpoint(), splits, self.run.about) if own else reopened(self.run)

    @property
    def names(self) -> list[str] | None:
        return names_of(self.network, self.about)

    def one(self) -> tuple[Any, Any]:
        """The image that was asked about, and its target; None if nobody said what it shows."""
        if self.image is not None:
            side_of(self.network)  # refused before the picture is read
            image = open_image(sys.stdin.buffer.read() if str(self.image) == "-" else self.image)
            return input_of(self.network, self.run, image), self._wanted()
        data, part = self.judged()
        index = 0 if self.test_index is None else self.test_index
        if not 0 <= index < len(data):
            raise WrongValue(
                f"--test-index must be from 0 to {len(data) - 1:,}, the {part} examples there are; got {index}"
            )
        wanted = self._wanted()
        return data.inputs[index], data.targets[index] if wanted is None else wanted

    def _wanted(self) -> int | None:
        if self.target is None:
            return None
        names = self.names
        if names is None:
            raise WrongValue("--target names a class, but this network predicts numbers")
        if self.target not in names:
            raise WrongValue(f"--target must be one of {', '.join(names)}; got {self.target!r}")
        return names.index(self.target)

    def known(self) -> tuple[Any, Any]:
        """The image, with the network's own answer for its target if nobody said what it shows."""
        image, target = self.one()
        return image, explain.story(self.network, image).target if target is None else target

    def judged(self) -> tuple[Dataset, str]:
        """The data to be judged on: the test part, or what there is, and which part it is."""
        splits = self.splits()
        for part in ("test", "validation", "train"):
            data = getattr(splits, part)
            if data is not None:
                check_data(self.network, data)
                return data, part
        raise AssertionError("there is always a part to train on")

    def learned(self, most: int) -> Dataset:
        """Examples to learn from: the first of them, as many as were asked for, or ``most``."""
        data = self.splits().train
        check_data(self.network, data)
        return data.take(slice(0, self.examples or most))


# ── The questions ────────────────────────────────────────────────────────────────────────────────────────────────────


def _story(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    image, target = asked.one()
    return {"story": explain.story(asked.network, image, target, names=asked.names)}


def _parameter(asked: _Asked, parameter: Parameter) -> dict[str, Explanation]:
    parameter.check(asked.network)
    image, target = asked.known()
    return {
        "chain_rule": explain.chain_rule(asked.network, image, target, parameter),
        "wiggle": explain.wiggle(asked.network, image, target, parameter),
    }


def _weight(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    return _parameter(asked, Parameter(*numbers))


def _neuron(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    layer, neuron = numbers
    image, _ = asked.one()
    data = asked.learned(10_000)
    return {"patterns": explain.patterns(asked.network, layer, neuron, image=image, data=data)}


def _nudges(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    return {"nudges": explain.nudges(asked.network, *asked.known())}


def _requests(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    return {"requests": explain.requests(asked.network, asked.learned(100))}


def _about_one_or_many(asked: _Asked) -> tuple[Any, Any]:
    return asked.known() if asked.examples is None else (asked.learned(0), None)


def _sensitivity(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    image, target = _about_one_or_many(asked)
    return {
        "sensitivity": explain.sensitivity(asked.network, image, target),
        "wiggle": explain.wiggle(asked.network, image, target),
    }


def _autograd(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    return {"autograd": explain.autograd(asked.network, *_about_one_or_many(asked))}


def _landscape(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    data = asked.learned(10_000)
    directions = asked.directions
    walks: tuple[Walk, ...] = ()
    if directions in (None, "walk"):
        if asked.run is None and directions == "walk":
            raise WrongFile(
                "only a run knows where its path began: name the run's folder, or choose --directions random"
            )
        if asked.run is not None:
            err.print("walking the run's path again, and that of the full gradient …", style="dim")
            found = questions.course(asked.run, asked.plan())
            walks = found.walks
            for remark in found.remarks:
                err.print(remark, highlight=False)
    chosen = directions or ("walk" if walks else "random")
    dimensions = 1 if asked.line else 2
    drawn = explain.landscape(asked.network, data, directions=chosen, dimensions=dimensions, walks=walks)
    return {"landscape": drawn}


def _layers(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    data = asked.learned(2000)
    found: dict[str, Explanation] = {"layers": explain.layers(asked.network, data)}
    if asked.method is not None:
        found["maps"] = explain.maps(asked.network, data.take(slice(0, 1000)), asked.method)
    return found


def _mistakes(asked: _Asked, numbers: list[int]) -> dict[str, Explanation]:
    data, _ = asked.judged()
    data = data if asked.examples is None else data.take(slice(0, asked.examples))
    found: dict[str, Explanation] = {"mistakes": explain.mistakes(asked.network, data)}
    side = round(asked.network.sizes[0] ** 0.5)
    if side * side == asked.network.sizes[0]:
        found["corner"] = explain.corner(asked.network, data)
    if asked.shuffled:
        if asked.run is None:
            raise WrongFile("only a run knows how it was trained: name the run's folder, or leave out --shuffled")
        err.print("training the same network on shuffled labels …", style="dim")
        plan = asked.plan()
        real = plan.splits.train
        wrong = explain.shuffled(real)
        other, remark = questions.again(asked.run, plan, wrong)
        if remark is not None:
            err.print(remark, highlight=False)
        networks = {"true labels": (asked.network, real), "shuffled labels": (other, wrong)}
        found["memorized"] = explain.memorized(networks, data)
    return found


@dataclass(frozen=True, slots=True)
class _Question:
    """A question: what its numbers are called, and who answers it."""

    numbers: tuple[str, ...]
    answer: Callable[[_Asked, list[int]], dict[str, Explanation]]


_QUESTIONS = {
    "story": _Question((), _story),
    "weight": _Question(("LAYER", "NEURON", "SOURCE"), _weight),
    "bias": _Question(("LAYER", "NEURON"), _weight),
    "neuron": _Question(("LAYER", "NEURON"), _neuron),
    "nudges": _Question((), _nudges),
    "requests": _Question((), _requests),
    "sensitivity": _Question((), _sensitivity),
    "landscape": _Question((), _landscape),
    "layers": _Question((), _layers),
    "mistakes": _Question((), _mistakes),
    "autograd": _Question((), _autograd),
}


def _parsed(what: list[str]) -> tuple[str, list[int], Path | None]:
    """The question, its numbers, and the image if one is named instead."""
    if not what:
        return "story", [], None
    name, *rest = what
    question = _QUESTIONS.get(name)
    if question is None:
        if rest or not (name == "-" or Path(name).exists()):
            raise WrongValue(
                f"there is no image {name} and no such question: name an image, or ask {', '.join(_QUESTIONS)}"
            )
        return "story", [], Path(name)
    if len(rest) != len(question.numbers) or not all(part.isascii() and part.isdigit() for part in rest):
        form = " ".join([name, *question.numbers])
        example = " ".join([name, *map(str, (2, 7, 3)[: len(question.numbers)])])
        takes = (
            f"is asked as {form}, like {example}"
            if question.numbers
            else "is asked alone, a picture is given by --image"
        )
        raise WrongValue(f"{name} {takes}; got {' '.join(what)!r}")
    return name, [int(part) for part in rest], None


@app.command("explain", epilog="Example: glassnet explain runs/1 --test-index 3")
def _explain(
    run_path: RunArgument,
    what: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[WHAT]",
            help="An image; or a question: weight LAYER NEURON SOURCE, bias LAYER NEURON, neuron LAYER NEURON, nudges, "
            "requests, sensitivity, landscape, layers, mistakes, autograd. By default the story of one digit.",
        ),
    ] = None,
    test_index: Annotated[
        int | None, typer.Option(help="Which test example to tell about, from 0: the default.", min=0)
    ] = None,
    image: Annotated[
        Path | None, typer.Option(help="An image to tell about instead, as for predict; - reads stdin.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="The class it should be. By default the true one; of an image, the answer given.")
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            help="Other data, as for train, or where the run's own lies now. By default the run's own; of a file, "
            "mnist."
        ),
    ] = None,
    examples: Annotated[
        int | None, typer.Option(help="How many examples to ask about, where a question is about many.", min=1)
    ] = None,
    directions: Annotated[
        str | None, typer.Option(help="Of a landscape: walk (the default for a run), gradient or random.")
    ] = None,
    line: Annotated[bool, typer.Option("--line", help="Of a landscape: a line instead of a plane.")] = False,
    shuffled: Annotated[
        bool, typer.Option("--shuffled", help="With mistakes: train on shuffled labels, too, and compare.")
    ] = False,
    method: Annotated[
        str | None, typer.Option("--map", help="With layers: maps of the digits by pca, tsne or umap.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it into this .png or .svg file, too (needs matplotlib).")
    ] = None,
) -> None:
    """Look inside a trained network: one digit's story, or any number and where it comes from.

    Layers count from 1, the first that has weights; neurons from 0: weight 2 7 3 joins neuron 3 of layer 1 to neuron 7 of
    layer 2.
    """
    name, numbers, named = _parsed(what or [])
    if named is not None and image is not None:
        raise WrongValue(f"two images were named, {named} and {image}: name one")
    if (named or image) is not None and test_index is not None:
        raise WrongValue("an image and --test-index were both given: give one")
    if plot is not None:
        from glassnet.explain.plot import check

        check(plot)  # before the work, not after it
    network, about, run = opened(run_path)

    @lru_cache(maxsize=1)
    def loaded() -> tuple[Splits, bool]:
        own = own_data(run, data)
        if own is not None:
            return own, True
        # What it was trained to predict is not taken for classes.
        return load(*sources(data), numbers=about.get("classes", ()) is None), False

    asked = _Asked(
        network, about, run, loaded, named or image, test_index, target, examples, directions,
        line, shuffled, method,
    )  # fmt: skip
    found = _QUESTIONS[name].answer(asked, numbers)
    if plot is not None:
        from glassnet.explain.plot import save

        save(_all_blocks(found.values()), plot)
    if as_json:
        print(json.dumps({key: each.to_data() for key, each in found.items()}, ensure_ascii=False, allow_nan=False))
        return
    for each in found.values():
        out.print(each)
        out.print()
    if plot is not None:
        err.print(f"drawn in {plot}", highlight=False)


def _all_blocks(found: Iterable[Explanation]) -> Iterable[Any]:
    for each in found:
        yield from each.blocks()
