"""Recipes: named settings that reach a known result. The results, with how they were measured, are in docs/results.md."""

from __future__ import annotations

from dataclasses import dataclass, field

from glassnet.activations import Activation, relu, sigmoid, softmax
from glassnet.checkpoint import Settings
from glassnet.costs import binary_cross_entropy, cross_entropy, squared_error
from glassnet.errors import WrongValue
from glassnet.initializers import Initializer, glorot, he, standard_normal
from glassnet.network import Network
from glassnet.optimizers import SGD, Cosine

__all__ = ["RECIPES", "Recipe", "recipe"]


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
    """

    name: str
    summary: str
    sizes: tuple[int, ...] = (784, 16, 16, 10)
    hidden: Activation = sigmoid
    output: Activation = sigmoid
    initializer: Initializer = glorot
    settings: Settings = field(default_factory=Settings)

    def network(self, seed: int = 0) -> Network:
        """The recipe's network before training."""
        return Network.random(
            self.sizes, hidden=self.hidden, output=self.output, initializer=self.initializer, seed=seed
        )


RECIPES: dict[str, Recipe] = {
    each.name: each
    for each in (
        Recipe("small", "the network of the series, trained by the settings that do best for it: the default"),
        Recipe(
            "series",
            "the series' own settings: N(0,1) start, plain SGD with rate 1.5 (3.0 in Nielsen's ½ convention)",
            initializer=standard_normal,
            settings=Settings(squared_error, SGD(1.5), epochs=30, batch_size=10),
        ),
        Recipe(
            "nielsen",
            "100 hidden neurons as in Nielsen's chapter 3: cross-entropy, weight decay, 60 epochs",
            sizes=(784, 100, 10),
            initializer=glorot,
            settings=Settings(binary_cross_entropy, SGD(0.1, weight_decay=1e-4), epochs=60, batch_size=10),
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


def recipe(name: str) -> Recipe:
    """A recipe by its name.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    if name not in RECIPES:
        raise WrongValue(f"unknown recipe {name!r}: choose one of {', '.join(RECIPES)}")
    return RECIPES[name]
