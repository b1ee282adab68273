"""How long do explanations take? 784-16-16-10, float64, one thread; medians, written into docs/explain.md.

python bench/explaining.py           # about a minute
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

for _library in ("OMP", "OPENBLAS", "MKL"):  # one thread, which the page says; read when NumPy is loaded
    os.environ[f"{_library}_NUM_THREADS"] = "1"

from glassnet import explain
from glassnet.data import mnist
from glassnet.explain import Parameter
from glassnet.runs.recipes import recipe
from machine import processor
from marked import put

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "explain.json"
PAGE, MARKS = (
    HERE.parent / "docs" / "explain.md",
    ("<!-- times: written by bench/explaining.py -->\n", "<!-- /times -->"),
)


def seconds(ask: Callable[[], Any], times: int) -> dict[str, Any]:
    """The median of some runs, after one that does not count, and their range."""
    ask()
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        taken.append(time.perf_counter() - begin)
    return {"median": statistics.median(taken), "least": min(taken), "most": max(taken), "times": times}


def measured() -> dict[str, Any]:
    """Every question's time."""
    digits = mnist()
    assert digits.test is not None
    network, image = recipe("plain").network(), digits.test.inputs[0]
    few, hundred = digits.train.take(slice(0, 10_000)), digits.train.take(slice(0, 100))
    told = explain.story(network, image, 7)
    asked: dict[str, tuple[Callable[[], Any], int]] = {
        "the story of a digit: its numbers": (lambda: explain.story(network, image, 7), 200),
        "the story of a digit: as JSON, all of it": (
            lambda: json.dumps(explain.story(network, image, 7).to_data()),
            50,
        ),
        "the story of a digit: as HTML": (lambda: told._repr_html_(), 50),
        "the story of a digit: as text": (lambda: repr(told), 20),
        "the wishes of all neurons about a digit": (lambda: explain.nudges(network, image, 7), 200),
        "13,002 × 100 requests": (lambda: explain.requests(network, hundred), 50),
        "all parameters ranked, 10,000 examples": (lambda: explain.sensitivity(network, few), 5),
        "a chain rule of 160 paths": (lambda: explain.chain_rule(network, image, 7, Parameter(1, 3, 400)), 200),
        "a plane of 41 × 41 over 10,000 examples": (lambda: explain.landscape(network, few), 3),
        "what each layer does to 2,000 examples": (
            lambda: explain.layers(network, digits.train.take(slice(0, 2000))),
            5,
        ),
        "mistakes among 10,000 examples": (lambda: explain.mistakes(network, digits.test), 5),
    }
    return {
        "processor": processor(),
        "python": platform.python_version(),
        "questions": {name: seconds(ask, times) for name, (ask, times) in asked.items()},
    }


def text(results: dict[str, Any]) -> str:
    """The table of docs/explain.md."""
    lines = [f"One thread of an {results['processor']}, 784-16-16-10, float64; medians (least to most):", ""]
    lines += ["| what | milliseconds |", "|---|---|"]
    for name, taken in results["questions"].items():
        spans = [1000 * taken[key] for key in ("least", "median", "most")]
        least, median, most = (f"{span:.3g}" if span < 1000 else f"{span:,.0f}" for span in spans)
        lines.append(f"| {name} | {median} ({least} to {most}) |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, record, write."""
    results = measured()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    put(PAGE, MARKS, text(results))
    print(text(results))


if __name__ == "__main__":
    main()
