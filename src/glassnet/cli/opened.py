"""What several commands share: opening runs and networks, and what is known about them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from numpy.typing import NDArray

from glassnet.checkpoint import Checkpoint
from glassnet.costs import COSTS
from glassnet.data import Splits
from glassnet.data.pictures import as_input
from glassnet.errors import WrongValue
from glassnet.interchange import read_network
from glassnet.network import Network
from glassnet.runs import Run, plans
from glassnet.runs.plans import DataGone, data_of, is_of, reopened
from glassnet.runs.recipes import PRETRAINED
from glassnet.settings import from_data


def found(path: Path | None) -> Path | None:
    """The path; or, where there is nothing of that name, the file of the trained network that comes by it."""
    return path if path is None or path.exists() else PRETRAINED.get(str(path), path)


RunArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        callback=found,
        help=f"A run's folder, a network's .safetensors file, or {' or '.join(PRETRAINED)}, trained networks that come with "
        "glassnet.",
    ),
]


def opened(path: Path) -> tuple[Network, dict[str, Any], Run | None]:
    """The network of a run or of a file, what is known about it, and the run."""
    if path.is_file():
        network, about = read_network(path)
        return network, about, None
    run = Run.open(path)
    return run.network(), run.about, run


def own_data(run: Run | None, given: list[str] | None) -> Splits | None:
    """The data that a run was trained on: where it lay, or in the place that was named; None if other data was named."""
    if run is None:
        return None
    if given is None:
        try:
            return reopened(run).splits
        except DataGone as error:
            raise DataGone(f"{error}. Name its place by --data") from error
    found = data_of(run, plans.sources(given))
    return found if is_of(run, found) else None


def names_of(network: Network, about: dict[str, Any]) -> list[str] | None:
    """The names of the classes; None of a network that predicts numbers."""
    count = max(2, network.sizes[-1])  # a single output answers no or yes
    classes = about.get("classes", [str(number) for number in range(count)])
    return [str(name) for name in classes] if isinstance(classes, list) and len(classes) == count else None


def side_of(network: Network) -> int:
    """How many pixels wide and high the square images are that the network takes.

    Errors: :class:`~glassnet.errors.WrongValue` if it takes no square images.
    """
    side = round(network.sizes[0] ** 0.5)
    if side * side != network.sizes[0] or side < 4:
        raise WrongValue(
            f"this network takes {network.sizes[0]} numbers, which are no square image: it cannot look at pictures"
        )
    return side


def input_of(network: Network, run: Run | None, image: Any) -> NDArray[Any]:
    """A picture as an input of the network: made as those were that the run learned from, or as MNIST's were.

    Errors: :class:`~glassnet.errors.WrongValue` if the network takes no pictures, or this one is blank;
    :class:`~glassnet.errors.WrongFile` if the run does not say how its pictures were made.
    """
    side = side_of(network)
    how = None if run is None else plans.pictures_of(run)
    return as_input(image, side) if how is None or how.side != side else how.input(image)


def shape_of(network: Network) -> str:
    """The sizes and activations of a network, like 784-16-16-10 sigmoid."""
    names = [str(activation) for activation in network.activations]
    words = names[0] if len(set(names)) == 1 else ", ".join(names)
    return f"{'-'.join(map(str, network.sizes))} {words}"


def epochs_of(run: Run) -> list[dict[str, Any]]:
    """What was recorded at the end of each epoch; ``cost_function`` is the cost that its costs are of."""
    found, cost = [], None
    for event in run.events():
        if event["event"] == "started" and isinstance(event.get("settings"), dict):
            cost = event["settings"].get("cost")
        elif event["event"] == "epoch":
            by = None if cost is None else str(from_data(cost, "cost", COSTS))
            found.append({"cost_function": by, **event})
    return found


def epoch_of(run: Run, checkpoint: Checkpoint) -> dict[str, Any] | None:
    """What was recorded at the end of the epoch that a checkpoint holds the network of; None if a hand changed that since."""
    place = [checkpoint.epoch, 0]
    if any(event["event"] == "edited" and event["at"] == place and event.get("edits") for event in run.events()):
        return None
    return next((each for each in epochs_of(run) if each["epoch"] == checkpoint.epoch), None)
