"""Networks and checkpoints as files, one format a module."""

from glassnet.interchange.safetensors import (
    FORMAT,
    read_checkpoint,
    read_header,
    read_network,
    save_checkpoint,
    save_network,
)

__all__ = ["FORMAT", "read_checkpoint", "read_header", "read_network", "save_checkpoint", "save_network"]
