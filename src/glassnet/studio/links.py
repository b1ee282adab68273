"""Links: how a run was made, in so few words that they fit into a link, by which another studio can make it again.

A run is deterministic: its first network follows from sizes, activations, initializer and seed; all else from the settings, and
where they were changed. What a hand changed in the network does not fit a link.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from glassnet.errors import GlassnetError
from glassnet.runs import Run
from glassnet.runs.questions import is_random
from glassnet.studio.description import plain_settings
from glassnet.studio.trainer import State

__all__ = ["made"]

_ALL_OPTIMIZERS = ("dropout", "deform", "batch_size", "epochs")
"""The settings that stay as they are when the optimizer is changed."""


def made(state: State) -> dict[str, Any]:
    """How a run was made: the ``made`` of the ``run`` message.

    ``fresh``: whether its first network is the one that its description makes at random, so that a link can make it anew;
    ``settings``: those that it began with; ``changes``: the ``values`` of those that were changed later, each at a place
    ``at``, in order; ``edits``: the places at which a hand changed the network; ``even``: whether the minibatches have had
    one size all along, so that places can be told by steps.
    """
    log = state.log
    chosen = {place: each[-1] for place, each in log.settings.items()}
    if not state.past:  # what was changed last is written down when the training goes on
        chosen[state.at] = state.checkpoint.settings
    begin = min(chosen, default=(0, 0))
    first = plain_settings(chosen.get(begin, state.checkpoint.settings))
    last, changes, even = first, [], True
    for place in sorted(chosen):
        values = plain_settings(chosen[place])
        found = {key: value for key, value in values.items() if key not in last or last[key] != value}
        if place > begin and found:
            if "optimizer" in found:  # another kind begins with its own defaults: all its fields must be said
                found = {key: value for key, value in values.items() if key not in ("cost", *_ALL_OPTIMIZERS)}
                found |= {key: values[key] for key in _ALL_OPTIMIZERS if values[key] != last[key]}
            changes.append({"at": list(place), "values": found})
            even = even and values["batch_size"] == last["batch_size"]
        last = values
    return {
        "fresh": begin == (0, 0) and _fresh(state),
        "settings": first,
        "changes": changes,
        "edits": [list(place) for place in sorted(log.edits)],
        "even": even,
    }


def _fresh(state: State) -> bool:
    path = state.run.path / "first.safetensors"
    try:
        return _is_random(path, path.stat().st_mtime_ns)
    except (OSError, GlassnetError):  # nobody noted how it began, or that is damaged
        return False


@lru_cache(maxsize=8)  # it is asked whenever a setting changes, and reading it takes a while
def _is_random(path: Path, _: int) -> bool:
    """Whether the network that a run began with is the one that its seed makes."""
    run = Run.open(path.parent)
    first = run.first()
    return first is not None and is_random(run, first)
