"""Every number inside: one question a file, answered with true numbers that show themselves.

>>> from glassnet import Network, explain, mnist
>>> digits = mnist()
>>> story = explain.story(Network.random(), digits.test.inputs[0], target=7)
>>> story.nudges.layers[1].wish.shape  # what is wished of the 16 neurons of layer 2
(16,)
>>> len(explain.chain_rule(Network.random(), digits.test.inputs[0], 7, explain.Parameter(1, 3, 400)).paths)
160

Each answer is a frozen dataclass. A console prints it as text, a notebook as HTML, ``plot(path)`` draws it, ``to_data()``
gives its numbers. Everything is computed in float64 from the same :meth:`~glassnet.network.Network.forward` and
:func:`~glassnet.backprop.backward` that learning uses. Importing this loads NumPy and nothing heavier.
"""

from glassnet.explain.autograd import autograd
from glassnet.explain.chain_rule import chain_rule
from glassnet.explain.explanation import Explanation
from glassnet.explain.landscape import landscape
from glassnet.explain.layers import gradient_sizes, layers, maps
from glassnet.explain.mistakes import corner, memorized, mistakes, shuffled
from glassnet.explain.nudges import nudges
from glassnet.explain.parameters import Parameter
from glassnet.explain.patterns import hope_and_truth, patterns
from glassnet.explain.requests import requests
from glassnet.explain.sensitivity import sensitivity, wiggle
from glassnet.explain.story import story
from glassnet.explain.walks import Walk

__all__ = [
    "Explanation",
    "Parameter",
    "Walk",
    "autograd",
    "chain_rule",
    "corner",
    "gradient_sizes",
    "hope_and_truth",
    "landscape",
    "layers",
    "maps",
    "memorized",
    "mistakes",
    "nudges",
    "patterns",
    "requests",
    "sensitivity",
    "shuffled",
    "story",
    "wiggle",
]
