"""Data: examples with their desired outputs, the ways to get them, pictures made into inputs, and deformed images."""

from glassnet.data.dataset import (
    MAX_CLASSES,
    Dataset,
    Splits,
    Summary,
    chosen,
    from_labels,
    load,
    mnist,
    read_idx,
    summarize,
)

__all__ = [
    "MAX_CLASSES",
    "Dataset",
    "Splits",
    "Summary",
    "chosen",
    "from_labels",
    "load",
    "mnist",
    "read_idx",
    "summarize",
]
