"""Data: examples with their desired outputs, the ways to get them, pictures made into inputs, and deformed images.

>>> from glassnet.data import load
>>> splits = load("mnist")
>>> len(splits.train), len(splits.validation), len(splits.test)
(50000, 10000, 10000)
"""

from glassnet.data.dataset import MAX_CLASSES, Dataset, Splits, Summary, chosen, from_labels, summarize
from glassnet.data.idx import read_idx
from glassnet.data.readers import Inputs, load, mnist, read_inputs

__all__ = [
    "MAX_CLASSES",
    "Dataset",
    "Inputs",
    "Splits",
    "Summary",
    "chosen",
    "from_labels",
    "load",
    "mnist",
    "read_idx",
    "read_inputs",
    "summarize",
]
