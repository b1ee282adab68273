"""Recipes: named settings that reach a known result. The results, with how they were measured, are in docs/results.md.

Each was chosen on a validation split of the training images; the test images chose nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from glassnet.activations import Activation, relu, sigmoid, silu, softmax
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.costs import binary_cross_entropy, cross_entropy, squared_error
from glassnet.data.deform import Affine, Elastic
from glassnet.errors import WrongValue
from glassnet.initializers import Initializer, glorot, he, standard_normal
from glassnet.interchange import read_network
from glassnet.network import Network
from glassnet.optimizers import SGD, Adam, Cosine, OneCycle

__all__ = ["PRETRAINED", "RECIPES", "Recipe", "pretrained", "recipe"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """A network and how to train it.

    Attributes:
        name: by which it is asked for.
        summary: what it is, in a sentence.
        sizes: neurons in each layer.
        hidden: the activation of the hidden layers.
        output: the activation of the last layer.
        initializer: what the network starts from.
        settings: how it is trained.
        validation: how many training examples are held out to judge by: a count, a share below 1, or 0 for none. Recipes
            that are after a record learn from all of them.
    """

    name: str
    summary: str
    sizes: tuple[int, ...] = (784, 16, 16, 10)
    hidden: Activation = sigmoid
    output: Activation = sigmoid
    initializer: Initializer = glorot
    settings: Settings = field(default_factory=Settings)
    validation: float = 1 / 6

    def network(self, seed: int = 0) -> Network:
        """The recipe's network before training."""
        return Network.random(
            self.sizes, hidden=self.hidden, output=self.output, initializer=self.initializer, seed=seed
        )

    def start(self, seed: int = 0) -> Checkpoint:
        """Where its training begins: ``train(None, data, start=recipe(name).start(seed))`` does all that it says."""
        network, settings = self.network(seed), replace(self.settings, seed=seed)
        return Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)


_MILD = Affine(rotation=10, shear=0.1, scale=0.1, shift=1)
_BENT = Elastic(rotation=7, shear=0.07, scale=0.07, shift=0.7, alpha=30, sigma=5)
_RUBBER = Elastic(rotation=10, shear=0.1, scale=0.1, shift=1, alpha=30, sigma=5)

RECIPES: dict[str, Recipe] = {
    each.name: each
    for each in (
        Recipe(
            "plain", "the network of the series, trained by the settings that do best for it in 30 epochs: the default"
        ),
        Recipe(
            "original",
            "the series' own settings: N(0,1) start, plain SGD with rate 1.5 (3.0 in Nielsen's ½ convention)",
            initializer=standard_normal,
            settings=Settings(squared_error, SGD(1.5), epochs=30, batch_size=10),
        ),
        Recipe(
            "series",
            "the network of the series as it is, all sigmoid, squared error: as well as we could",
            settings=Settings(squared_error, SGD(Cosine(3.0), weight_decay=5e-5), epochs=300, batch_size=10),
            validation=0,
        ),
        Recipe(
            "small",
            "784-16-16-10 by all honest means: silu, softmax, Adam, images deformed anew in each epoch",
            hidden=silu,
            output=softmax,
            initializer=he,
            settings=Settings(cross_entropy, Adam(Cosine(0.003)), epochs=300, batch_size=64, deform=_MILD),
            validation=0,
        ),
        Recipe(
            "quick",
            "97 % in the least seconds, from a cold process",
            sizes=(784, 256, 10),
            hidden=relu,
            output=softmax,
            initializer=he,
            settings=Settings(cross_entropy, Adam(OneCycle(0.006)), epochs=1, batch_size=48),
            validation=0,
        ),
        Recipe(
            "quick98",
            "98 % in the least seconds, from a cold process",
            sizes=(784, 256, 10),
            hidden=relu,
            output=softmax,
            initializer=he,
            settings=Settings(cross_entropy, Adam(OneCycle(0.006)), epochs=5, batch_size=96),
            validation=0,
        ),
        Recipe(
            "chapter3",
            "100 hidden neurons as in Nielsen's chapter 3: cross-entropy, weight decay, 60 epochs",
            sizes=(784, 100, 10),
            initializer=glorot,
            settings=Settings(binary_cross_entropy, SGD(0.1, weight_decay=1e-4), epochs=60, batch_size=10),
        ),
        Recipe(
            "nielsen",
            "784-100-10, the size of Nielsen's chapter 3, with images deformed anew in each epoch",
            sizes=(784, 100, 10),
            hidden=relu,
            output=softmax,
            initializer=he,
            settings=Settings(cross_entropy, Adam(Cosine(0.002)), epochs=240, batch_size=64, deform=_BENT),
            validation=0,
        ),
        Recipe(
            "simard",
            "784-800-10 with elastic deformations, after Simard (2003)",
            sizes=(784, 800, 10),
            hidden=relu,
            output=softmax,
            initializer=he,
            settings=Settings(cross_entropy, Adam(Cosine(0.001)), epochs=160, batch_size=64, deform=_RUBBER),
            validation=0,
        ),
        Recipe(
            "deep",
            "a deep plain network with elastic deformations, after Cireşan (2010)",
            sizes=(784, 1500, 1000, 500, 10),
            hidden=relu,
            output=softmax,
            initializer=he,
            settings=Settings(cross_entropy, Adam(Cosine(0.001)), epochs=80, batch_size=128, deform=_RUBBER),
            validation=5000,
        ),
        Recipe(
            "modern",
            "128 hidden relu neurons, softmax and cross-entropy, SGD falling by cosine",
            sizes=(784, 128, 10),
            hidden=relu,
            output=softmax,
            initializer=he,
            settings=Settings(cross_entropy, SGD(Cosine(0.1), weight_decay=1e-4), epochs=20, batch_size=32),
        ),
    )
}
"""Every recipe glassnet knows, by name."""

PRETRAINED: dict[str, Path] = {
    name: Path(__file__).parent / "networks" / f"{name}.safetensors" for name in ("series", "small")
}
"""The files of the trained networks that come with glassnet, by the recipe they were trained by."""


def recipe(name: str) -> Recipe:
    """A recipe by its name.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    if name not in RECIPES:
        raise WrongValue(f"unknown recipe {name!r}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]


def pretrained(name: str) -> Network:
    """A trained network that comes with glassnet: of the recipe of this name, with seed 0. Its accuracy: docs/results.md.

    >>> pretrained("series")
    Network(784-16-16-10, sigmoid, sigmoid, sigmoid; 13,002 weights and biases; cost squared_error)

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    if name not in PRETRAINED:
        raise WrongValue(f"no trained network {name!r} comes with glassnet: choose one of {', '.join(PRETRAINED)}")
    return read_network(PRETRAINED[name])[0]
