"""The guided tour: one trained network, every number of it printed, and a picture for each question of glassnet.explain.

    python bench/tour.py              # trains, asks, draws docs/explain/*.png, writes docs/tour.md and docs/tour.zh.md
    python bench/tour.py --render     # only the pages, from bench/results/tour.json

The words stand in bench/tour/en.md and zh.md, with a name for each number; the numbers come from here alone. Accuracies are
of the 10,000 validation digits, by which nothing was chosen but the learning rates of the race. Takes about two minutes.
"""

from __future__ import annotations

import json
import os
import re
import sys
import warnings
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

for _library in ("OMP", "OPENBLAS", "MKL"):  # one thread: sums in another order differ in the last digits
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np
from PIL import Image

from glassnet import explain
from glassnet.activations import relu, sigmoid, step
from glassnet.checkpoint import Checkpoint
from glassnet.costs import Cost, cross_entropy, squared_error
from glassnet.data import Dataset, mnist
from glassnet.errors import TrainingWarning
from glassnet.evaluation import evaluate
from glassnet.explain import Parameter
from glassnet.explain.blocks import Heading
from glassnet.explain.parameters import flat
from glassnet.explain.plot import save
from glassnet.network import Network
from glassnet.optimizers import SGD
from glassnet.runs.questions import full_gradient, way
from glassnet.runs.recipes import recipe
from glassnet.runs.replay import Past
from glassnet.training import Diverged, train
from glassnet.watch import last
from marked import put

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
RESULTS = HERE / "results" / "tour.json"
PAGES = {"en": DOCS / "tour.md", "zh": DOCS / "tour.zh.md"}
PATTERNS, MARKS = DOCS / "explain" / "patterns.md", ("<!-- hope: written by bench/tour.py -->\n", "<!-- /hope -->")
ROW = 18
"""The test digit of the tour: a 3 that could be an 8, so that there is something to wish for."""

digits = mnist()


def accuracy(network: Network, data: Dataset | None, cost: Cost = squared_error) -> float:
    """The share of right answers."""
    assert data is not None
    return evaluate(network, data, cost).accuracy or 0.0


def draw(question: str, explanation: explain.Explanation, sections: Collection[int] | None = None) -> None:
    """The picture of a question's page; of a long answer, these sections (a section begins with a heading)."""
    path = DOCS / "explain" / f"{question}.png"
    chosen, section = [], -1
    for block in explanation.blocks():
        section += isinstance(block, Heading)
        if sections is None or section in sections:
            chosen.append(block)
    save(chosen, path)
    with Image.open(path) as image:  # 256 colors are enough, and a third of the bytes
        small = image.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)


def about_the_digit(network: Network) -> dict[str, Any]:
    """Ideas 1 to 3, 5, 9, 13 and 17 to 19: what the network thinks of one digit, and what it wishes."""
    test = digits.test
    assert test is not None
    image, label = test.inputs[ROW], int(test.labels[ROW])
    told = explain.story(network, image, label)
    draw("story", told, range(4))
    draw("nudges", told.nudges, (0, 1, 2, 3, 8))
    layer1, layer2, output = told.activations
    order = np.argsort(-output)
    wishes = told.nudges
    loudest = int(np.argmax(np.abs(wishes.layers[1].wish)))
    rival = int(order[0] if order[0] != label else order[1])
    out = wishes.layers[2]
    best = int(np.argmax(np.abs(out.weight[label])))
    return {
        "row": ROW,
        "label": label,
        "brightest": {"neuron": int(layer1.argmax()), "says": float(layer1.max())},
        "darkest": {"neuron": int(layer1.argmin()), "says": float(layer1.min())},
        "lit": [int((layer > 0.5).sum()) for layer in (layer1, layer2)],
        "says": output.tolist(),
        "rival": rival,
        "cost": told.cost,
        "terms": told.terms.tolist(),
        "delta": [float(np.sqrt(np.mean(layer.bias**2))) for layer in wishes.layers],
        "wish": {
            "output": float(out.wish[label]),
            "rival": float(out.wish[rival]),
            "bias": float(out.bias[label]),
            "weight": {
                "neuron": best,
                "wish": float(out.weight[label, best]),
                "behind": float(layer2[best]),
            },
        },
        "sum": {
            "neuron": loudest,
            "terms": out.behind[:, loudest].tolist(),
            "label": float(out.behind[label, loudest]),
            "rival": float(out.behind[rival, loudest]),
            "all": float(wishes.layers[1].wish[loudest]),
        },
        "check": wishes.check,
    }


def about_a_neuron(network: Network) -> dict[str, Any]:
    """Ideas 4 to 7: a neuron of the first layer, and what all of them look for."""
    test = digits.test
    assert test is not None
    few = digits.train.take(slice(0, 10_000))
    neuron = 4
    found = explain.patterns(network, 1, neuron, image=test.inputs[ROW], data=few)
    draw("patterns", found)
    it, said = found.contributions, found.responses
    assert it is not None
    assert said is not None
    assert said.class_means is not None
    z = network.forward(few.inputs).zs[0][:, neuron]
    order = np.argsort(-said.class_means)
    return {
        "neuron": neuron,
        "sum": float(np.sum(it.products)),
        "bias": found.bias,
        "z": it.z,
        "a": it.activation,
        "slope": it.slope,
        "classes": [int(each) for each in order],
        "means": said.class_means.tolist(),
        "lit": {name: float((z + shift > 0).mean()) for name, shift in (("lower", -5), ("now", 0), ("higher", 5))},
    }


def hope() -> dict[str, Any]:
    """Idea 7: is it edges? Three networks, the two numbers of each, and what is left of the start (explain/patterns.md)."""
    rows = []
    for words, name, network in (
        ("before training", "plain", recipe("plain").network()),
        ("recipe `original` (N(0,1) start), 30 epochs", "original", trained("original")),
        ("recipe `plain` (glorot start), 30 epochs", "plain", trained("plain")),
    ):
        found = explain.hope_and_truth(network)
        start, end = (each.layers[0].weight.astype(np.float64) for each in (recipe(name).network(), network))
        rows.append(
            {
                "network": words,
                "start": float(np.sqrt(np.mean(start**2))),
                "added": float(np.sqrt(np.mean((end - start) ** 2))),
                "kept": float(np.corrcoef(start.ravel(), end.ravel())[0, 1]),
                **{
                    what: [float(of(values)) for of in (np.mean, np.min, np.max)]
                    for what, values in (("smoothness", found.neighbors), ("edge", found.edges))
                },
            }
        )
    return {"networks": rows, "empty": int((digits.train.inputs.max(axis=0) == 0).sum())}


_networks: dict[str, Network] = {}


def trained(name: str) -> Network:
    """A recipe's network, trained with seed 0."""
    if name not in _networks:
        events = train(None, digits.train, start=recipe(name).start())
        _networks[name] = last(events)
    return _networks[name]


def race() -> dict[str, Any]:
    """Idea 11: sigmoid against relu, shallow and deep, each at the best of five rates; and the gradient at the start."""
    few = digits.train.take(slice(0, 1000))
    shapes = {"shallow": (784, 30, 10), "deep": (784, *[30] * 6, 10)}
    found: dict[str, Any] = {}
    starts = {}
    for shape, sizes in shapes.items():
        for activation, initializer in ((sigmoid, "glorot"), (relu, "he")):
            start = Network.random(sizes, hidden=activation, output="softmax", initializer=initializer, seed=0)
            starts[shape, activation.name] = start
            tries = {}
            for rate in (0.01, 0.03, 0.1, 0.3, 1.0):
                try:
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore", TrainingWarning)  # some rates are too high: the best one counts
                        network = last(train(start, digits.train, cost=cross_entropy, optimizer=SGD(rate), epochs=3))
                except Diverged as error:
                    network = error.checkpoint.network
                tries[rate] = accuracy(network, digits.validation, cross_entropy)
            best = max(tries, key=lambda rate: tries[rate])
            found.setdefault(shape, {})[activation.name] = {"rate": best, "accuracy": tries[best]}
    fading = explain.gradient_sizes(
        {f"{shape}, {name}": network for (shape, name), network in starts.items()}, few, cross_entropy
    )
    draw("layers-fading", fading)
    for each in fading.networks:
        shape, name = each.name.split(", ")
        found[shape][name]["ratio"] = each.ratio
    return found


def about_learning(network: Network) -> dict[str, Any]:
    """Ideas 8, 12 to 16 and 20 to 24: costs, the landscape, the wiggle, sensitivities, requests, chain rule, autograd."""
    test = digits.test
    assert test is not None
    image, label = test.inputs[ROW], int(test.labels[ROW])
    start = recipe("plain").network()
    few = digits.train.take(slice(0, 100))

    ranking = explain.sensitivity(network, image, label)
    draw("sensitivity", ranking)
    ranked = ranking.top(network.count)
    in_layer = {layer: next(each for each in ranked if _weight_of(each.parameter, layer)) for layer in (1, 2)}
    first, later = ranked[0], ranked[1499]
    why = explain.chain_rule(network, image, label, in_layer[1].parameter)
    draw("chain_rule", why)
    wiggled = explain.wiggle(network, image, label, in_layer[2].parameter)
    draw("wiggle", wiggled)
    jumping = replace(network, activations=(step, *network.activations[1:]))
    asked = explain.requests(network, few)
    draw("requests", asked)
    typical = float(np.mean(asked.pulls))
    costliest, hardest = asked.costliest(1)[0], asked.hardest(1)[0]
    torch = explain.autograd(network, image, label)
    draw("autograd", torch)
    chain = explain.chain_rule(
        Network.random((1, 1, 1, 1), initializer="standard_normal", seed=4, dtype=np.float64),
        [0.8],
        [1.0],
        Parameter(1, 0, 0),
    )
    return {
        "start": accuracy(start, digits.validation),
        "validation": accuracy(network, digits.validation),
        "costs": {
            "start": evaluate(start, digits.train, squared_error).cost,
            "trained": evaluate(network, digits.train, squared_error).cost,
        },
        "first": {"parameter": str(first.parameter), "wish": first.wish, "zh": in_chinese(first.parameter)},
        "later": {"rank": later.rank, "parameter": str(later.parameter), "wish": later.wish},
        "ratio": abs(first.wish / later.wish),
        "by_layer": [share for _, share in ranking.by_layer],
        "silent": int((to_sizes(ranking) == 0).sum()),
        "weight": _told(network, in_layer[2].parameter, in_layer[2].wish),
        "wiggle": {
            "power": wiggled.power,
            "large": [float(wiggled.predicted[-1]), float(wiggled.true[-1])],
            "small": [float(wiggled.predicted[_near(wiggled)]), float(wiggled.true[_near(wiggled)])],
        },
        "step": {"slopeless": int((to_sizes(explain.sensitivity(jumping, image, label)) == 0).sum())},
        "requests": {
            "typical": typical,
            "mean": float(np.linalg.norm(asked.mean)),
            "costliest": [costliest.row, int(few.labels[costliest.row]), costliest.cost, costliest.pull],
            "hardest": [hardest.row, int(few.labels[hardest.row]), hardest.cost, hardest.pull],
            "against": int((asked.agreements < 0).sum()),
            "difference": asked.difference,
        },
        "chain": {
            "factors": [factor.value for factor in chain.strongest],
            "symbols": [factor.symbol for factor in chain.strongest],
            "derivative": chain.derivative,
            "links": [[link.symbol, link.before, link.after] for link in chain.links],
            "predicted": chain.links[-1].predicted,
        },
        "paths": {
            **_told(network, in_layer[1].parameter, in_layer[1].wish),
            "count": why.count,
            "largest": why.paths[0].product,
            "way": list(why.paths[0].neurons),
            "ten": sum(path.product for path in why.paths[:10]),
            "total": why.total,
            "difference": why.difference,
        },
        "torch": {"difference": torch.difference, "version": torch.torch_version},
    }


def in_chinese(parameter: Parameter) -> str:
    """The name of a parameter."""
    what = f"偏置 {parameter.neuron}" if parameter.source is None else f"权重 ({parameter.neuron}, {parameter.source})"
    return f"第 {parameter.layer} 层的{what}"


def to_sizes(ranking: Any) -> Any:
    """|∂C/∂p| of every parameter."""
    return np.abs(flat(ranking.gradient))


def _near(wiggled: Any) -> int:
    """The smallest step up."""
    return int(np.flatnonzero(wiggled.steps > 0)[0])


def _weight_of(parameter: Parameter, layer: int) -> bool:
    return parameter.layer == layer and parameter.source is not None


def _told(network: Network, parameter: Parameter, wish: float) -> dict[str, Any]:
    place = [parameter.layer, parameter.neuron, parameter.source]
    return {"place": place, "value": parameter.of(network.layers), "wish": wish}


def about_the_landscape(network: Network) -> dict[str, Any]:
    """Ideas 14 and 21: the path that made this network, and that of the full gradient, on the plane they span."""
    chosen = recipe("plain")
    start, settings = chosen.network(), chosen.settings
    begin = Checkpoint(start, settings.optimizer.init(start.layers), 0, 0, settings)
    now = replace(begin, network=network, epoch=settings.epochs)
    found_way = way(Past(begin, digits.train), now, len(digits.train))
    assert found_way.distance == 0  # the path ends in the network of this page, to the byte
    own, full = found_way.walk, full_gradient(begin, digits.train)
    data = digits.train.take(slice(0, 10_000))
    found = explain.landscape(network, data, directions="walk", walks=[own, full])
    draw("landscape", found)
    mini, whole = found.walks
    step, epoch = int(np.searchsorted(mini.steps, 100)), int(np.searchsorted(mini.examples, 50_000))
    return {
        "center": found.center,
        "total": [mini.total, whole.total],
        "start": float(mini.costs[0]),
        "beneath": float(mini.beneath[0]),
        "full": {"one": float(whole.costs[1]), "last": float(whole.costs[-1]), "steps": int(whole.steps[-1])},
        "mini": [
            {"steps": int(mini.steps[at]), "examples": int(mini.examples[at]), "cost": float(mini.costs[at])}
            for at in (step, epoch)
        ],
    }


def about_labels() -> dict[str, float]:
    """Idea 25: the same network and the same number of steps, with more and more labels."""
    found = {}
    for n in (100, 1000, 10_000, 50_000):
        part = digits.train.take(slice(0, n))
        network = last(train(recipe("plain").network(), part, epochs=30 * 50_000 // n))
        found[f"of_{n}"] = accuracy(network, digits.validation)
    return found


def about_mistakes(network: Network) -> dict[str, Any]:
    """The honest corner, of validation digits; and labels learned by heart."""
    held = digits.validation
    assert held is not None
    wrong = explain.mistakes(network, held)
    draw("mistakes", wrong)
    corner = explain.corner(network, held)
    draw("mistakes-corner", corner)
    real = digits.train.take(slice(0, 1000))
    false = explain.shuffled(real)
    networks = {
        name: (last(train(Network.random((784, 100, 10), seed=0), part, optimizer=SGD(0.5), epochs=200)), part)
        for name, part in (("true", real), ("shuffled", false))
    }
    kept = explain.memorized(networks, held)
    noise = corner.no_digits[0]
    assert wrong.calibration is not None
    return {
        "error": wrong.calibration.error,
        "noise": noise.confidence,
        "shown": float(corner.shift_confidence[0]),
        "moved": [float(corner.shift_accuracy[4]), float(corner.shift_confidence[4])],
        "memorized": {each.name: {"train": each.train_accuracy, "test": each.test_accuracy} for each in kept.networks},
    }


def rendered(language: str, numbers: dict[str, Any]) -> str:
    """The page in a language, its numbers filled in."""
    words = (HERE / "tour" / f"{language}.md").read_text(encoding="utf-8").format_map(numbers)
    parts = words.split("```")
    parts[::2] = [typeset(part) for part in parts[::2]]  # but not what stands in a fence
    return "```".join(parts)


def typeset(words: str) -> str:
    """Minus signs where numbers begin with one, or where their power does; no minus zero."""
    words = re.sub(r"(?<![\w-])-(0\.0+)(?!\d)", r"\1", words)
    words = re.sub(r"(?<![\w-])-(?=\d)", "−", words)
    return re.sub(r"(\d)e-0?(\d+)", r"\1e−\2", words)


def hope_text(numbers: dict[str, Any]) -> str:
    """The table of docs/explain/patterns.md, and what follows from it."""
    found = numbers["hope"]
    told = {}
    for name, row in zip(("untrained", "series", "small"), found["networks"], strict=True):
        spans = {
            to: "{:.2f} ({:.2f} to {:.2f})".format(*row[of]) for to, of in (("smooth", "smoothness"), ("edges", "edge"))
        }
        told[name] = {**row, **spans}
    words = (HERE / "tour" / "hope.md").read_text(encoding="utf-8")
    return typeset(words.format(**told, empty=found["empty"]))


def write(numbers: dict[str, Any]) -> None:
    """The pages, from the numbers."""
    for language, path in PAGES.items():
        path.write_text(rendered(language, numbers), encoding="utf-8")
        print(f"wrote {path}")
    put(PATTERNS, MARKS, hope_text(numbers))


def main() -> None:
    """Train, ask, draw, write."""
    if "--render" not in sys.argv[1:]:
        network = trained("plain")
        numbers = {
            "digit": about_the_digit(network),
            "neuron": about_a_neuron(network),
            "hope": hope(),
            "learning": about_learning(network),
            "landscape": about_the_landscape(network),
            "mistakes": about_mistakes(network),
            "labels": about_labels(),
            "race": race(),
        }
        assert digits.validation is not None
        every = explain.layers(network, digits.validation.take(slice(0, 2000)))
        draw("layers", every)
        draw("layers-maps", explain.maps(network, digits.validation.take(slice(0, 1000)), "tsne"))
        numbers["layers"] = {"neighbors": [each.neighbors for each in every.layers]}
        RESULTS.write_text(json.dumps(numbers, indent=1) + "\n")
        print(f"wrote {RESULTS}")
    write(json.loads(RESULTS.read_text()))


if __name__ == "__main__":
    main()
