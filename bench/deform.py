"""Deformations: a picture of what they do, and how fast they are beside SciPy.

    python bench/deform.py            # both, about a minute; writes docs/data/deform.png and the table of docs/data/deform.md
    python bench/deform.py --picture  # the picture alone

SciPy's route is the one that is usually taken: ``gaussian_filter`` over two fields of random numbers and, image by image,
``map_coordinates`` with bilinear interpolation. It is given all it can share: random numbers and fields are made for a
thousand images in one call, coordinates without any copy that is not needed. It uses one thread, as it does for everybody.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

for _library in ("OPENBLAS", "MKL"):  # neither side needs a BLAS
    os.environ[f"{_library}_NUM_THREADS"] = "1"

import numpy as np
import scipy
from scipy.ndimage import gaussian_filter, map_coordinates

from glassnet.data import mnist
from glassnet.data.deform import Affine, Deformation, Deformer, Elastic
from glassnet.machine.threads import available
from machine import processor
from marked import put

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "deform.json"
PAGE = HERE.parent / "docs" / "data" / "deform.md"
PICTURE = HERE.parent / "docs" / "data" / "deform.png"
MARKS = "<!-- begin: made by bench/deform.py -->\n", "<!-- end -->\n"
ROUNDS, SHARE = 7, 2000
"""Rounds, and images of each: SciPy takes a fifth of a second for so many."""
KINDS: dict[str, Deformation] = {"affine": Affine(), "elastic and affine": Elastic()}
ROWS = (1, 7, 10, 13, 9)
"""Training images of the picture: 0, 3, 3, 6, 4."""


def by_scipy(images: np.ndarray, deformation: Deformation, random: np.random.Generator) -> np.ndarray:
    """The images, deformed in the same way by other random numbers."""
    n, side = len(images), 28
    middle = (side - 1) / 2
    grid = np.mgrid[:side, :side].reshape(2, -1).astype(np.float32) - middle
    turn, shear, tall, wide, down, right = random.uniform(-1, 1, (6, n))
    assert isinstance(deformation, Affine)
    angle = np.radians(deformation.rotation) * turn
    c, s, k = np.cos(angle), np.sin(angle), deformation.shear * shear
    tall, wide = 1 + deformation.scale * tall, 1 + deformation.scale * wide
    maps = np.array([[(c - s * k) * tall, -s * wide], [(s + c * k) * tall, c * wide]]).astype(np.float32)
    moved = (deformation.shift * np.array([down, right]) + middle).astype(np.float32)
    fields = None
    if isinstance(deformation, Elastic):
        noise = random.uniform(-1, 1, (n, 2, side, side)).astype(np.float32)
        sigma = (0, 0, deformation.sigma, deformation.sigma)
        fields = deformation.alpha * gaussian_filter(noise, sigma, mode="constant").reshape(n, 2, -1)
    out = np.empty((n, side, side), np.float32)
    for i, image in enumerate(images.reshape(n, side, side)):
        looks = maps[:, :, i] @ grid + moved[:, i, None]
        if fields is not None:
            looks += fields[i]
        map_coordinates(image, looks.reshape(2, side, side), output=out[i], order=1, mode="constant", prefilter=False)
    return out.reshape(n, -1)


def measured() -> dict[str, Any]:
    """Microseconds an image: ours by one thread and by all, SciPy's between them; medians over the rounds."""
    images = np.asarray(mnist().train.inputs)
    rows = np.random.default_rng(0).permutation(len(images))
    results: dict[str, Any] = {
        "processor": processor(),
        "python": platform.python_version(),
        "scipy": scipy.__version__,
        "threads": available(),
        "kinds": {},
    }
    for name, deformation in KINDS.items():
        ways = {
            "one thread": Deformer(images, deformation, threads=1),
            "all threads": Deformer(images, deformation),
        }
        times: dict[str, list[float]] = {"one thread": [], "all threads": [], "SciPy": []}
        for epoch in range(ROUNDS + 1):
            for way, deformer in ways.items():
                began = time.perf_counter()
                deformer(rows, epoch)
                times[way].append(1e6 * (time.perf_counter() - began) / len(rows))
            some, random = images[rows[:SHARE]], np.random.default_rng(epoch)
            began = time.perf_counter()
            by_scipy(some, deformation, random)
            times["SciPy"].append(1e6 * (time.perf_counter() - began) / SHARE)
        times = {way: spans[1:] for way, spans in times.items()}  # in the first, kernels are loaded
        results["kinds"][name] = {
            way: {
                "median": statistics.median(spans),
                "least": min(spans),
                "most": max(spans),
                "ratio": statistics.median(b / a for a, b in zip(spans, times["SciPy"], strict=True)),
            }
            for way, spans in times.items()
        }
    return results


def text(results: dict[str, Any]) -> str:
    """The table of docs/data/deform.md."""
    lines = [
        f"{results['processor']}, {results['threads']} threads, SciPy {results['scipy']}; medians of {ROUNDS} rounds "
        "(least to most).",
        "",
        "| | microseconds an image | times as fast as SciPy |",
        "|---|---|---|",
    ]
    for name, ways in results["kinds"].items():
        for way, taken in ways.items():
            spans = f"{taken['median']:.3g} ({taken['least']:.3g} to {taken['most']:.3g})"
            times = "1" if way == "SciPy" else f"{taken['ratio']:.3g}"
            lines.append(f"| {name}, {way} | {spans} | {times} |")
    return "\n".join(lines) + "\n"


def draw() -> None:
    """Five digits, each as it is and in six epochs, for both kinds; and a grid bent by the last, to see the field."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    ground, ink = "#0f1115", "#e8e8e8"
    images = np.asarray(mnist().train.inputs)
    epochs = 6
    grid = np.zeros((28, 28), np.float32)
    grid[::3], grid[:, ::3] = 0.75, 0.75
    shown = np.vstack([images[list(ROWS)], grid.reshape(1, -1)])
    figure, axes = plt.subplots(
        len(shown), 2 * epochs + 1, figsize=(13, 6.4), facecolor=ground,
        gridspec_kw={"wspace": 0.06, "hspace": 0.06, "left": 0.01, "right": 0.99, "top": 0.92, "bottom": 0.01},
    )  # fmt: skip
    columns = [shown]
    for deformation in KINDS.values():
        stream = Deformer(shown, deformation, seed=1)
        columns += [stream(np.arange(len(shown)), epoch) for epoch in range(epochs)]
    for row in range(len(shown)):
        for column, these in enumerate(columns):
            place = axes[row, column]
            place.imshow(these[row].reshape(28, 28), cmap="gray", vmin=0, vmax=1)
            place.set_xticks([])
            place.set_yticks([])
            for side in place.spines.values():
                side.set_color("#ffd75f" if column == 0 else "#2a2f3a")
    for column, words in (
        (0, "as it is"),
        (1 + (epochs - 1) // 2, "affine, six epochs"),
        (1 + epochs + (epochs - 1) // 2, "elastic, six epochs"),
    ):
        axes[0, column].set_title(words, color=ink, fontsize=13, loc="center" if column == 0 else "left")
    figure.savefig(PICTURE, dpi=100, facecolor=ground)
    print(f"wrote {PICTURE}")


def main() -> None:
    """Draw; measure, record, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", action="store_true", help="draw the picture only")
    chosen = parser.parse_args()
    draw()
    if chosen.picture:
        sys.exit()
    results = measured()
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    put(PAGE, MARKS, text(results))
    print(text(results))


if __name__ == "__main__":
    main()
