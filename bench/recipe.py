"""Which recipe does best for the all-sigmoid, squared-error 784-16-16-10 network in 30 epochs?

Candidates are compared on the validation split alone (the last 10,000 training images); the test images are never
touched. Each runs with three seeds. The winner is the default of ``glassnet train`` and of ``train()``; its test
accuracy, with other seeds, is reported by ``bench/accuracy.py``.

    python bench/recipe.py            # all candidates, about 40 minutes on one core
    python bench/recipe.py NAME …     # some of them; results are merged into bench/results/recipe.json
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from pathlib import Path

for _library in ("OMP", "OPENBLAS", "MKL"):  # one thread, which the page says; read when NumPy is loaded
    os.environ[f"{_library}_NUM_THREADS"] = "1"

from glassnet.data import mnist
from glassnet.events import EpochEnded
from glassnet.network import Network
from glassnet.optimizers import SGD, Adam, AdamW, Cosine, OneCycle, Optimizer
from glassnet.training import train

RESULTS = Path(__file__).parent / "results" / "recipe.json"
SEEDS = (100, 101, 102)
EPOCHS = 30


def sgd(rate: float, decay: float = 0.0, **more: float) -> SGD:
    """SGD falling by cosine."""
    return SGD(learning_rate=Cosine(rate), weight_decay=decay, **more)


CANDIDATES: dict[str, tuple[str, Optimizer, int]] = {
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


def validation_accuracy(name: str, seed: int) -> float:
    """The accuracy on the validation images after the last epoch."""
    initializer, optimizer, batch_size = CANDIDATES[name]
    digits = mnist()
    network = Network.random((784, 16, 16, 10), initializer=initializer, seed=seed)
    accuracy = 0.0
    for event in train(
        network,
        digits.train,
        validation=digits.validation,
        optimizer=optimizer,
        epochs=EPOCHS,
        batch_size=batch_size,
        seed=seed,
        engine="reference",
    ):
        if isinstance(event, EpochEnded) and event.validation is not None:
            accuracy = event.validation.accuracy or 0.0
    return accuracy


def main() -> None:
    """Run the candidates named on the command line, or all; keep and print the table."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in sys.argv[1:] or CANDIDATES:
        began = time.perf_counter()
        accuracies = [validation_accuracy(name, seed) for seed in SEEDS]
        initializer, optimizer, batch_size = CANDIDATES[name]
        results[name] = {
            "initializer": initializer,
            "optimizer": str(optimizer),
            "batch_size": batch_size,
            "epochs": EPOCHS,
            "seeds": SEEDS,
            "validation_accuracy": accuracies,
            "mean": statistics.mean(accuracies),
        }
        RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        print(f"{statistics.mean(accuracies):.4f}  {name}  ({time.perf_counter() - began:.0f} s)", flush=True)
    print("\nbest first:")
    for name, result in sorted(results.items(), key=lambda item: -item[1]["mean"]):
        print(
            f"{result['mean']:.4f}  {min(result['validation_accuracy']):.4f}–{max(result['validation_accuracy']):.4f}  {name}"
        )


if __name__ == "__main__":
    main()
