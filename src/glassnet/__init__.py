"""glassnet: a neural network you can see into, at full speed.

>>> from glassnet import Network, history, last, mnist, progress, train
>>> digits = mnist()
>>> events = history(progress(train(Network.random(), digits.train, validation=digits.validation)))  # doctest: +SKIP
>>> network = last(events)  # doctest: +SKIP

Each module is named for what it holds: activations, costs, initializers, network, backprop, optimizers, images, data,
evaluation, checkpoint, events, engine, training, interchange, runs, recipes, explain, watch. Importing glassnet loads
NumPy and nothing heavier.
"""

from importlib.metadata import version

from glassnet.backprop import Backward, backward
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.data import Dataset, Splits, from_labels, load, mnist
from glassnet.data.pictures import as_input, open_image
from glassnet.errors import GlassnetError, TrainingWarning, WrongFile, WrongValue
from glassnet.evaluation import Evaluation, confusion, evaluate, mistakes
from glassnet.events import EpochEnded, Event, Finished, Started, Stepped
from glassnet.interchange import read_checkpoint, read_network, save_checkpoint, save_network
from glassnet.network import Forward, Layer, Network, Parameters
from glassnet.optimizers import SGD, Adam, AdamW, RMSprop
from glassnet.runs import Run
from glassnet.runs.recipes import RECIPES, pretrained, recipe
from glassnet.training import Diverged, train
from glassnet.watch import history, last, patience, progress, record, walk

__version__ = version("glassnet")

__all__ = [
    "RECIPES",
    "SGD",
    "Adam",
    "AdamW",
    "Backward",
    "Checkpoint",
    "Dataset",
    "Diverged",
    "EpochEnded",
    "Evaluation",
    "Event",
    "Finished",
    "Forward",
    "GlassnetError",
    "Layer",
    "Network",
    "Parameters",
    "RMSprop",
    "Run",
    "Settings",
    "Splits",
    "Started",
    "Stepped",
    "TrainingWarning",
    "WrongFile",
    "WrongValue",
    "as_input",
    "backward",
    "confusion",
    "evaluate",
    "from_labels",
    "history",
    "last",
    "load",
    "mistakes",
    "mnist",
    "open_image",
    "patience",
    "pretrained",
    "progress",
    "read_checkpoint",
    "read_network",
    "recipe",
    "record",
    "save_checkpoint",
    "save_network",
    "train",
    "walk",
]
