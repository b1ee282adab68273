"""The picture of the README: a trained 784-16-16-10 network with a digit in it, every number of it true.

    python bench/picture.py           # trains the default recipe, draws docs/network.png

Neurons are lit by their activation, edges drawn by their weight: blue positive, red negative. The 12,544 edges into the
first layer are shown as 16 pictures instead, of 28 × 28 weights each.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.patches import Circle

from glassnet.data import mnist
from glassnet.network import Network
from glassnet.runs.recipes import recipe
from glassnet.training import train
from glassnet.watch import last

PAGE = Path(__file__).parent.parent / "docs" / "network.png"
BLUE, RED, YELLOW, GROUND, INK = "#58C4DD", "#FC6255", "#FFD75F", "#0f1115", "#e8e8e8"
ROW = 32
"""Which test digit is shown."""


def signed(weights: np.ndarray) -> np.ndarray:
    """Weights as colors on the dark ground: blue above zero, red below, stronger the larger."""
    blue, red, ground = (np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)]) / 255 for c in (BLUE, RED, GROUND))
    strength = (np.abs(weights) / np.abs(weights).max())[..., None] ** 0.6
    return ground + strength * (np.where(weights[..., None] > 0, blue, red) - ground)


def draw(network: Network, pixels: np.ndarray) -> None:
    """Draw the network thinking about an image."""
    forward = network.forward(pixels[None, :])
    hidden = [a[0] for a in forward.activations[1:]]
    figure = plt.figure(figsize=(12.8, 6.4), facecolor=GROUND)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 20)
    axes.set_ylim(0, 10)
    axes.axis("off")

    axes.imshow(pixels.reshape(28, 28), cmap="gray", extent=(0.5, 4.1, 3.4, 7.0), vmin=0, vmax=1, zorder=3)
    axes.text(2.3, 2.9, "784 pixels", color=INK, ha="center", va="top", fontsize=13)

    xs = (7.6, 11.6, 16.2)
    ys = [np.linspace(9.1, 0.9, 16), np.linspace(9.1, 0.9, 16), np.linspace(8.9, 1.1, 10)]
    radius = (0.2, 0.2, 0.3)

    for y, weights in zip(ys[0], network.layers[0].weight, strict=True):
        axes.plot((4.25, xs[0] - 1.15), (5.2, y), color="#8a93a5", lw=0.6, alpha=0.35, zorder=1)
        side = 0.23
        axes.imshow(
            signed(weights.reshape(28, 28)),
            extent=(xs[0] - 1.15, xs[0] - 1.15 + 2 * side, y - side, y + side),
            zorder=3,
        )
        axes.plot((xs[0] - 1.15 + 2 * side, xs[0] - radius[0]), (y, y), color="#8a93a5", lw=0.6, alpha=0.5, zorder=1)

    for number in (1, 2):
        weight = network.layers[number].weight
        strength = (np.abs(weight) / np.abs(weight).max()) ** 0.8
        lines, colors, widths = [], [], []
        for j, k in np.ndindex(weight.shape):
            lines.append([(xs[number - 1], ys[number - 1][k]), (xs[number], ys[number][j])])
            colors.append(
                (*plt.matplotlib.colors.to_rgb(BLUE if weight[j, k] > 0 else RED), 0.15 + 0.85 * strength[j, k])
            )
            widths.append(0.25 + 1.6 * strength[j, k])
        axes.add_collection(LineCollection(lines, colors=colors, linewidths=widths, zorder=1))

    answer = int(hidden[-1].argmax())
    for number, (x, values) in enumerate(zip(xs, hidden, strict=True)):
        for index, (y, value) in enumerate(zip(ys[number], values, strict=True)):
            picked = number == 2 and index == answer
            axes.add_patch(
                Circle((x, y), radius[number], facecolor=str(round(float(value), 3)), edgecolor=YELLOW if picked else INK,
                       lw=2.4 if picked else 1.0, zorder=4)
            )  # fmt: skip
            if number == 2:
                color = YELLOW if picked else INK
                weight = "bold" if picked else "normal"
                axes.text(x + 0.62, y, str(index), color=color, va="center", fontsize=17, weight=weight)
                axes.text(x + 1.2, y, f"{value:.2f}", color=color, va="center", fontsize=12, alpha=0.9)
    axes.text(xs[0] - 0.45, 0.28, "16 neurons and what they look for", color=INK, ha="center", va="center", fontsize=11)
    axes.text(xs[1], 0.28, "16 neurons", color=INK, ha="center", va="center", fontsize=11)
    axes.text(xs[2] + 0.6, 0.28, "the answer", color=INK, ha="center", va="center", fontsize=11)
    axes.set_aspect("equal")
    figure.savefig(PAGE, dpi=110, facecolor=GROUND, pil_kwargs={"optimize": True})
    print(f"wrote {PAGE}")


def main() -> None:
    """Train and draw."""
    digits = mnist()
    assert digits.test is not None
    network = last(train(recipe("plain").network(), digits.train))
    draw(network, digits.test.inputs[ROW])


if __name__ == "__main__":
    main()
