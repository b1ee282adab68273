"""Networks and examples made from a seed: any depth, activations and costs that fit, softmax among them."""

import numpy as np

from fitting import fits
from glassnet import Network
from glassnet.costs import COSTS, as_cost

SMOOTH = ("sigmoid", "tanh", "elu", "silu", "gelu", "softplus", "identity", "softmax")
"""Hidden activations whose slope has no jump (elu's is continuous), so that central differences are exact enough."""


def network_and_example(seed, xp=np, hidden=SMOOTH, output=None, cost=None):
    """A small float64 network, an image, a target and a cost that fits."""
    rng = np.random.default_rng(seed)
    inner = rng.integers(1, 6, rng.integers(0, 4)).tolist()
    sizes = (int(rng.integers(2, 8)), *inner, int(rng.integers(2, 5)))
    output = output or str(rng.choice(["sigmoid", "softmax", "identity", "tanh"]))
    network = Network.random(
        sizes,
        hidden=[str(rng.choice(hidden)) for _ in inner],
        output=output,
        initializer="standard_normal",
        seed=seed,
        xp=xp,
        dtype=xp.float64,
    )
    fitting = [name for name in COSTS if fits(name, output) and name != "absolute_error"]
    chosen = as_cost(cost or str(rng.choice(fitting)))
    target = rng.dirichlet(np.ones(sizes[-1])) if output == "softmax" else rng.random(sizes[-1])
    return network, rng.random(sizes[0]), target, chosen


def many(seed, network, n=7):
    """``n`` examples for a network, in its library, some of them weighted 0."""
    from glassnet import Dataset
    from glassnet.arrays import from_numpy

    rng = np.random.default_rng([seed, 1])
    like = network.layers[0].bias
    x, y = rng.random((n, network.sizes[0])), rng.dirichlet(np.ones(network.sizes[-1]), n)
    weights = rng.integers(0, 3, n) + np.eye(n)[0]
    return Dataset(from_numpy(x, like), from_numpy(y, like)), from_numpy(weights, like)
