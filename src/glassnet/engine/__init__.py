"""What takes the steps of a training: what an engine is, the readable one, and (:mod:`.fused`) the compiled one.

The compiled one is not imported here: it needs Numba.
"""

from glassnet.engine.reference import ARITHMETIC, Batches, Dropout, Engine, Reference

__all__ = ["ARITHMETIC", "Batches", "Dropout", "Engine", "Reference"]
