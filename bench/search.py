"""Which settings do best? Candidates for each recipe, compared on the validation split alone: the last 10,000 training images.

Each candidate learns from the first 50,000 training images, with seeds (100, 101, 102) that no reported figure uses. The
test images are never touched. What won is in ``glassnet.runs.recipes``; how it does on the test images, with other seeds and
after learning from all 60,000, is measured by ``bench/records.py``. Where training is long, candidates are compared over
fewer epochs than the recipe has, and with fewer seeds; the table in docs/results.md says so.

    python bench/search.py                  # whatever has no result yet
    python bench/search.py small deep       # of these recipes
    python bench/search.py small --seeds 1  # with the first seed only
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

from glassnet.activations import gelu, relu, silu, softmax, tanh
from glassnet.checkpoint import Settings
from glassnet.costs import cross_entropy, squared_error
from glassnet.data import mnist
from glassnet.data.deform import Affine, Deformation, Elastic
from glassnet.events import EpochEnded
from glassnet.initializers import as_initializer, glorot, he
from glassnet.optimizers import SGD, Adam, AdamW, Cosine, OneCycle, Optimizer
from glassnet.runs.recipes import Recipe
from glassnet.training import train

RESULTS = Path(__file__).parent / "results" / "search.json"
SEEDS = (100, 101, 102)
SERIES = (784, 16, 16, 10)


def sgd(rate: float, decay: float = 0.0, **more: Any) -> SGD:
    """SGD falling by cosine."""
    return SGD(learning_rate=Cosine(rate), weight_decay=decay, **more)


def adam(rate: float) -> Adam:
    """Adam falling by cosine."""
    return Adam(learning_rate=Cosine(rate))


def affine(strength: float) -> Affine:
    """Up to so many degrees, and all else in proportion: at 10, a tenth of slant and of size, and a pixel."""
    return Affine(rotation=strength, shear=strength / 100, scale=strength / 100, shift=strength / 10)


def bent(strength: float, alpha: float, sigma: float) -> Elastic:
    """The same, on rubber."""
    whole = affine(strength)
    return Elastic(whole.rotation, whole.shear, whole.scale, whole.shift, alpha, sigma)


def as_in_the_series(
    optimizer: Optimizer, *, batch: int = 10, epochs: int = 30, start: Any = glorot, dropout: float = 0.0
) -> Recipe:
    """784-16-16-10, all sigmoid, squared error."""
    settings = Settings(squared_error, optimizer, epochs=epochs, batch_size=batch, dropout=dropout)
    return Recipe("", "", SERIES, initializer=start, settings=settings)


def modern(
    sizes: tuple[int, ...], optimizer: Optimizer, *, batch: int, epochs: int, deform: Deformation | None = None,
    dropout: float = 0.0, **more: Any,
) -> Recipe:  # fmt: skip
    """silu, softmax and cross-entropy, unless something else is said."""
    cost = more.pop("cost", cross_entropy)
    settings = Settings(cost, optimizer, epochs=epochs, batch_size=batch, dropout=dropout, deform=deform)
    return Recipe("", "", sizes, **{"hidden": silu, "output": softmax, "initializer": he, "settings": settings, **more})


_PLAIN: dict[str, tuple[str, Optimizer, int]] = {
    # the series' own, for comparison
    "series": ("standard_normal", SGD(1.5), 10),
    # the start, all else equal
    "normal, cosine 1": ("standard_normal", sgd(1.0), 10),
    "glorot, constant 1": ("glorot", SGD(1.0), 10),
    "glorot, cosine 1": ("glorot", sgd(1.0), 10),
    "glorot×2, cosine 1": ("glorot(gain=2)", sgd(1.0), 10),
    "glorot×4, cosine 1": ("glorot(gain=4)", sgd(1.0), 10),
    "he, cosine 1": ("he", sgd(1.0), 10),
    # the rate
    "glorot, cosine 0.5": ("glorot", sgd(0.5), 10),
    "glorot, cosine 1.5": ("glorot", sgd(1.5), 10),
    "glorot, cosine 2": ("glorot", sgd(2.0), 10),
    "glorot, cosine 3": ("glorot", sgd(3.0), 10),
    # the decay
    "glorot, cosine 1, decay 1e-5": ("glorot", sgd(1.0, 1e-5), 10),
    "glorot, cosine 1, decay 2e-5": ("glorot", sgd(1.0, 2e-5), 10),
    "glorot, cosine 1, decay 5e-5": ("glorot", sgd(1.0, 5e-5), 10),
    "glorot, cosine 1, decay 1e-4": ("glorot", sgd(1.0, 1e-4), 10),
    "glorot, cosine 2, decay 2e-5": ("glorot", sgd(2.0, 2e-5), 10),
    "glorot, cosine 2, decay 5e-5": ("glorot", sgd(2.0, 5e-5), 10),
    "glorot, cosine 0.5, decay 5e-5": ("glorot", sgd(0.5, 5e-5), 10),
    "glorot×2, cosine 1, decay 5e-5": ("glorot(gain=2)", sgd(1.0, 5e-5), 10),
    "glorot, cosine 1, decay 8e-5": ("glorot", sgd(1.0, 8e-5), 10),
    "glorot, cosine 1, decay 1.5e-4": ("glorot", sgd(1.0, 1.5e-4), 10),
    "glorot, cosine 1, decay 2e-4": ("glorot", sgd(1.0, 2e-4), 10),
    "glorot, cosine 2, decay 1e-4": ("glorot", sgd(2.0, 1e-4), 10),
    "glorot, cosine 1.5, decay 1e-4": ("glorot", sgd(1.5, 1e-4), 10),
    "glorot, cosine 0.7, decay 1e-4": ("glorot", sgd(0.7, 1e-4), 10),
    # one cycle
    "glorot, one cycle 2, decay 1e-4": ("glorot", SGD(OneCycle(2.0), weight_decay=1e-4), 10),
    "glorot, one cycle 1.5, decay 1e-4": ("glorot", SGD(OneCycle(1.5), weight_decay=1e-4), 10),
    "glorot, one cycle 3, decay 5e-5": ("glorot", SGD(OneCycle(3.0), weight_decay=5e-5), 10),
    "glorot, one cycle 1, decay 5e-5": ("glorot", SGD(OneCycle(1.0), weight_decay=5e-5), 10),
    "glorot, one cycle 2, decay 5e-5": ("glorot", SGD(OneCycle(2.0), weight_decay=5e-5), 10),
    # momentum, larger minibatches
    "glorot, cosine 0.1, momentum 0.9, decay 5e-5": ("glorot", sgd(0.1, 5e-5, momentum=0.9), 10),
    "glorot, cosine 1, decay 5e-5, minibatch 5": ("glorot", sgd(1.0, 5e-5), 5),
    "glorot, cosine 2, decay 5e-5, minibatch 20": ("glorot", sgd(2.0, 5e-5), 20),
    "glorot, cosine 3, decay 5e-5, minibatch 32": ("glorot", sgd(3.0, 5e-5), 32),
    # a step size for each parameter
    "glorot, adam cosine 0.003, minibatch 32": ("glorot", Adam(Cosine(0.003)), 32),
    "glorot, adam cosine 0.01, minibatch 100": ("glorot", Adam(Cosine(0.01)), 100),
    "glorot, adamw cosine 0.005 decay 0.01, minibatch 32": ("glorot", AdamW(Cosine(0.005), weight_decay=0.01), 32),
    "glorot, adamw cosine 0.005 decay 0.05, minibatch 32": ("glorot", AdamW(Cosine(0.005), weight_decay=0.05), 32),
}

CANDIDATES: dict[str, dict[str, Recipe]] = {
    "plain": {
        label: as_in_the_series(optimizer, batch=batch, start=as_initializer(start))
        for label, (start, optimizer, batch) in _PLAIN.items()
    },
    "series": {
        **{
            f"cosine {rate:g}, decay {decay:g}, {epochs} epochs": as_in_the_series(sgd(rate, decay), epochs=epochs)
            for epochs in (100, 300)
            for rate in (1.5, 3.0, 5.0)
            for decay in (3e-5, 5e-5, 1e-4)
        },
        "adam 0.01, decay 1e-4, 300 epochs": as_in_the_series(
            Adam(Cosine(0.01), weight_decay=1e-4), batch=64, epochs=300
        ),
        "cosine 3, decay 5e-5, dropout 3 %, 300 epochs": as_in_the_series(sgd(3.0, 5e-5), epochs=300, dropout=0.03),
        "momentum 0.9, cosine 0.3, decay 5e-5, 300 epochs": as_in_the_series(sgd(0.3, 5e-5, momentum=0.9), epochs=300),
    },
    "small": {
        "no deformation": modern(SERIES, adam(0.003), batch=64, epochs=100),
        **{
            f"{label}, adam {rate:g}, minibatch {batch}, {epochs} epochs": modern(
                SERIES, adam(rate), batch=batch, epochs=epochs, deform=deform
            )
            for label, deform, rate, batch, epochs in (
                ("affine 5", affine(5), 0.003, 64, 100),
                ("affine 10", affine(10), 0.003, 64, 100),
                ("affine 10", affine(10), 0.005, 64, 100),
                ("affine 10", affine(10), 0.002, 32, 100),
                ("affine 10", affine(10), 0.005, 128, 100),
                ("affine 15", affine(15), 0.003, 64, 100),
                ("elastic 7", bent(7, 20, 5), 0.003, 64, 100),
                ("elastic 10", bent(10, 30, 5), 0.003, 64, 100),
                ("affine 10", affine(10), 0.003, 64, 400),
            )
        },
        **{
            f"affine 10, {activation}": modern(
                SERIES, adam(0.003), batch=64, epochs=100, deform=affine(10), hidden=activation
            )
            for activation in (relu, tanh, gelu)
        },
        **{
            f"rotation {turn:g}, shear {shear:g}, scale {scale:g}, shift {shift:g}, {epochs} epochs": modern(
                SERIES, adam(0.003), batch=64, epochs=epochs, deform=Affine(turn, shear, scale, shift)
            )
            for turn, shear, scale, shift, epochs in (
                (10, 0.1, 0.1, 0, 100),
                (10, 0.1, 0.1, 0.5, 100),
                (10, 0.2, 0.1, 0.5, 100),
            )
        },
    },
    "nielsen": {
        **{
            f"{activation}, {label}, adam {rate:g}, minibatch {batch}, {epochs} epochs": modern(
                (784, 100, 10), adam(rate), batch=batch, epochs=epochs, deform=deform, hidden=activation
            )
            for activation, label, deform, rate, batch, epochs in (
                (relu, "affine 7", affine(7), 0.002, 64, 60),
                (relu, "affine 10", affine(10), 0.002, 64, 60),
                (silu, "affine 10", affine(10), 0.002, 64, 60),
                (relu, "elastic 7", bent(7, 30, 5), 0.002, 64, 60),
                (silu, "elastic 7", bent(7, 30, 5), 0.002, 64, 60),
                (relu, "elastic 5", bent(5, 20, 5), 0.002, 64, 60),
                (relu, "elastic 7", bent(7, 30, 5), 0.001, 64, 60),
                (relu, "elastic 7", bent(7, 30, 5), 0.004, 128, 60),
            )
        },
    },
    "simard": {
        **{
            f"{activation}, {label}, adam {rate:g}, minibatch {batch}"
            + (f", dropout {dropout:g}" if dropout else "")
            + f", {epochs} epochs": modern(
                (784, 800, 10),
                adam(rate),
                batch=batch,
                epochs=epochs,
                deform=deform,
                dropout=dropout,
                hidden=activation,
            )
            for activation, label, deform, rate, batch, dropout, epochs in (
                (relu, "elastic 10", bent(10, 30, 5), 0.001, 64, 0, 40),
                (silu, "elastic 10", bent(10, 30, 5), 0.001, 64, 0, 40),
                (relu, "elastic 7", bent(7, 30, 5), 0.001, 64, 0, 40),
                (relu, "elastic 7, stronger field", bent(7, 38, 5), 0.001, 64, 0, 40),
                (relu, "elastic 12", bent(12, 38, 5), 0.001, 64, 0, 40),
                (relu, "elastic 7, Simard's field", bent(7, 34, 4), 0.001, 64, 0, 40),
                (relu, "affine 10", affine(10), 0.001, 64, 0, 40),
                (relu, "elastic 10", bent(10, 30, 5), 0.001, 64, 0.2, 40),
                (relu, "elastic 10", bent(10, 30, 5), 0.002, 128, 0, 40),
                (relu, "elastic 10", bent(10, 30, 5), 0.0005, 32, 0, 40),
                (relu, "elastic 10", bent(10, 30, 5), 0.001, 64, 0, 160),
                (relu, "elastic 10", bent(10, 30, 5), 0.001, 64, 0.2, 160),
            )
        },
    },
    "deep": {
        **{
            f"{'-'.join(map(str, hidden))}, {label}, adam {rate:g}, minibatch {batch}"
            + (f", dropout {dropout:g}" if dropout else "")
            + f", {epochs} epochs": modern(
                (784, *hidden, 10), adam(rate), batch=batch, epochs=epochs, deform=deform, dropout=dropout, hidden=relu
            )
            for hidden, label, deform, rate, batch, dropout, epochs in (
                ((1000, 800, 600), "elastic 10", bent(10, 30, 5), 0.001, 128, 0, 20),
                ((1500, 1000, 500), "elastic 10", bent(10, 30, 5), 0.001, 128, 0, 20),
                ((1500, 1000, 500), "elastic 7", bent(7, 30, 5), 0.001, 128, 0, 20),
                ((1500, 1000, 500), "elastic 10", bent(10, 30, 5), 0.001, 128, 0, 5),
                ((1500, 1000, 500), "elastic 10", bent(10, 30, 5), 0.001, 128, 0, 80),
            )
        },
    },
    "quick": {
        f"{hidden} relu, adam, {schedule.name} {schedule.rate:g}, minibatch {batch}, {epochs} epochs": modern(
            (784, hidden, 10), Adam(schedule), batch=batch, epochs=epochs, hidden=relu
        )
        for hidden, schedule, batch, epochs in (
            (64, Cosine(0.004), 48, 2),
            (64, Cosine(0.004), 48, 3),
            (96, Cosine(0.004), 48, 2),
            (128, Cosine(0.004), 48, 1),
            (128, Cosine(0.004), 48, 2),
            (128, OneCycle(0.006), 48, 2),
            (128, Cosine(0.004), 96, 2),
            (128, Cosine(0.004), 48, 3),
            (256, Cosine(0.003), 48, 2),
            (256, OneCycle(0.006), 96, 2),
            (256, Cosine(0.003), 48, 3),
            (256, Cosine(0.004), 96, 4),
            (256, Cosine(0.004), 96, 6),
            (512, Cosine(0.003), 96, 3),
            (512, OneCycle(0.005), 96, 3),
            (512, Cosine(0.003), 96, 4),
            (512, Cosine(0.003), 96, 6),
            (800, Cosine(0.002), 96, 4),
            (128, OneCycle(0.006), 48, 1),
            (256, OneCycle(0.006), 48, 1),
            (256, OneCycle(0.006), 96, 4),
            (256, OneCycle(0.006), 96, 5),
            (512, OneCycle(0.005), 96, 4),
            (512, OneCycle(0.004), 48, 3),
        )
    },
}
"""The candidates, by the recipe that they would be and a label."""
FEWER = {"simard": 1, "deep": 1}
"""Recipes whose candidates are compared with fewer seeds."""


def validation_accuracy(candidate: Recipe, seed: int) -> tuple[float, float]:
    """The accuracy on the validation images after the last epoch, and the seconds it took to train."""
    digits = mnist()
    accuracy, seconds = 0.0, 0.0
    start = candidate.start(seed)
    for event in train(None, digits.train, validation=digits.validation, start=start, quiet=True):
        if isinstance(event, EpochEnded) and event.validation is not None:
            accuracy, seconds = event.validation.accuracy or 0.0, event.seconds
    return accuracy, seconds


def told(candidate: Recipe) -> dict[str, Any]:
    """A candidate in words, for the record."""
    settings = candidate.settings
    return {
        "network": f"{'-'.join(map(str, candidate.sizes))}, {candidate.hidden}, {candidate.output} out",
        "initializer": str(candidate.initializer),
        "cost": str(settings.cost),
        "optimizer": str(settings.optimizer),
        "batch_size": settings.batch_size,
        "epochs": settings.epochs,
        "dropout": settings.dropout,
        "deform": str(settings.deform or "none"),
    }


def main() -> None:
    """Run what has no result yet; keep and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=f"one of {', '.join(CANDIDATES)}; all by default")
    parser.add_argument("--seeds", type=int, help="how many, at most three")
    chosen = parser.parse_args()
    for recipe in chosen.recipes or CANDIDATES:
        for number, seed in enumerate(SEEDS[: chosen.seeds or FEWER.get(recipe, len(SEEDS))]):
            for label, candidate in CANDIDATES[recipe].items():
                results = json.loads(RESULTS.read_text())  # others may be running beside this
                result = results.setdefault(recipe, {}).setdefault(
                    label, {**told(candidate), "validation": [], "seconds": []}
                )
                if len(result["validation"]) > number:
                    continue
                accuracy, seconds = validation_accuracy(candidate, seed)
                results = json.loads(RESULTS.read_text())
                result = results.setdefault(recipe, {}).setdefault(label, result)
                result["validation"].append(accuracy)
                result["seconds"].append(round(seconds, 1))
                result["mean"] = statistics.mean(result["validation"])
                RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
                print(f"{accuracy:.4f}  {recipe}: {label}, seed {seed} ({seconds:.0f} s)", flush=True)
    for recipe, found in json.loads(RESULTS.read_text()).items():
        print(f"\n{recipe}, best first:")
        for label, result in sorted(found.items(), key=lambda item: -item[1]["mean"]):
            values = result["validation"]
            print(f"{result['mean']:.4f}  {min(values):.4f}–{max(values):.4f} ({len(values)})  {label}")


if __name__ == "__main__":
    main()
