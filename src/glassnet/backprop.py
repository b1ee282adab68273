"""Backpropagation: which way, and how strongly, the cost pulls at every weight and bias.

The four equations, in the order of Nielsen's book (chapter 2), for one example with cost C:

    BP1   δᴸ = ∂C/∂a ⊙ f'(zᴸ)                 the error of the output layer
    BP2   δˡ = (δˡ⁺¹ Wˡ⁺¹) ⊙ f'(zˡ)           the error of a layer, from the error of the next
    BP3   ∂C/∂bⱼ = δⱼ                         the gradient of a bias
    BP4   ∂C/∂wⱼₖ = δⱼ aₖ                     the gradient of a weight, from the activation behind it

Where f is softmax, "⊙ f'(z)" stands for its pullback (see :mod:`glassnet.activations`). Derived in docs/backprop.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float

from glassnet.arrays import Array, namespace
from glassnet.costs import Cost, output_error
from glassnet.errors import WrongValue
from glassnet.network import Forward, Layer, Network, Parameters

__all__ = ["Backward", "backward"]


@dataclass(frozen=True, slots=True, eq=False)
class Backward:
    """What backpropagation found.

    Attributes:
        deltas: the errors dC/dz, of each example's own cost; ``deltas[l]`` belongs to ``zs[l]``.
        gradient: dC/dweight and dC/dbias of the cost of all n examples, C = (1/n) Σ weight · cost.
    """

    deltas: tuple[Float[Array, "n _"], ...]
    gradient: Parameters


def backward(
    network: Network,
    forward: Forward,
    targets: Float[Array, "n out"],
    cost: Cost,
    weights: Float[Array, " n"] | None = None,
) -> Backward:
    """Backpropagate the cost of n examples through the network.

    Args:
        network: the network that made ``forward``.
        forward: its weighted sums and activations for these examples.
        targets: the desired outputs.
        cost: what to descend.
        weights: how much each example counts; None: 1 each. With a mean of 1 they make a weighted mean.

    Errors: :class:`~glassnet.errors.WrongValue` if the cost does not fit the output activation, or if the shapes of
    ``forward``, ``targets`` or ``weights`` are others than these.
    """
    _check_forward(network, forward)
    layers, activations = network.layers, network.activations
    a, z = forward.activations, forward.zs

    # BP1: the error of the output layer.
    deltas = [output_error(cost, activations[-1], z[-1], a[-1], targets)]

    # BP2: from the last layer back to the first, each layer's error from the next one's.
    for l in range(len(layers) - 1, 0, -1):
        wish = forward.dropped(l, deltas[0] @ layers[l].weight)  # dC/da: what layer l + 1 wishes of layer l's neurons
        deltas.insert(0, activations[l - 1].pullback(z[l - 1], a[l], wish))

    if weights is not None and weights.shape != targets.shape[:1]:
        raise WrongValue(
            f"weights must be one number for each of the {targets.shape[0]} examples, of shape {tuple(targets.shape[:1])}, "
            f"got {tuple(weights.shape)}"
        )

    # BP3 and BP4: every bias and every weight, averaged over the examples.
    share = 1 / targets.shape[0] if weights is None else weights[:, None] / targets.shape[0]
    gradient = []
    for l, delta in enumerate(deltas):
        shared = delta * share
        gradient.append(Layer(weight=shared.T @ forward.dropped(l, a[l]), bias=namespace(shared).sum(shared, axis=0)))

    return Backward(tuple(deltas), tuple(gradient))


def _check_forward(network: Network, forward: Forward) -> None:
    """Refuse what another network thought, or a part of what this one did: a few comparisons of shapes."""
    n = forward.activations[0].shape[0]
    wanted = [(n, width) for width in network.sizes]
    activations = [each.shape for each in forward.activations]
    if activations != wanted or [each.shape for each in forward.zs] != wanted[1:]:
        raise WrongValue(
            f"this network has layers of {', '.join(map(str, network.sizes))} neurons, but the activations given have the "
            f"shapes {', '.join(str(tuple(shape)) for shape in activations)}, and the weighted sums "
            f"{', '.join(str(tuple(each.shape)) for each in forward.zs)}: give what this network's forward() returned"
        )
