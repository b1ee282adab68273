"""What can go wrong that is not a bug, each as one plain sentence: what was expected, what came, and what to do.

Every error glassnet raises on purpose is a :class:`GlassnetError`. The command line prints its text and nothing else;
anything that is not one is a bug and keeps its stack trace.
"""

from __future__ import annotations

__all__ = ["GlassnetError", "TrainingWarning", "WrongFile", "WrongValue"]


class GlassnetError(Exception):
    """The base of all errors that glassnet raises on purpose."""


class WrongValue(GlassnetError, ValueError):
    """A value, shape or combination of settings that cannot be used. Also a ``ValueError``."""


class WrongFile(GlassnetError, ValueError):
    """A file or folder that is missing, damaged, or not what its name says. Also a ``ValueError``."""


class TrainingWarning(UserWarning):
    """Training goes on, but is unlikely to get anywhere; the text says why and what to do."""
