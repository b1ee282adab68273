"""A small run to watch, what it came from, and how to wait for something without guessing how long it takes."""

import time
from functools import partial

import numpy as np

from glassnet import Run, recipe
from glassnet.runs.plans import begun, numbered
from glassnet.studio.frames import unpack


def until(condition, seconds=60):
    """Wait until something is true; fail if it never becomes so."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came to this"
        time.sleep(0.002)
    return found


def npz(folder, classes=3, side=8, count=240):
    """Bright stripes on noise, one for each class, as an .npz file with a test part."""
    rng = np.random.default_rng(0)
    parts = {}
    for part, n in (("train", count), ("test", 40)):
        labels = rng.integers(0, classes, n)
        images = rng.random((n, side, side)).astype(np.float32) * 0.4
        for image, label in zip(images, labels, strict=True):
            image[:, label * 2 : label * 2 + 2] += 0.5
        parts |= {f"x_{part}": images, f"y_{part}": labels}
    path = folder / "stripes.npz"
    np.savez(path, **parts)
    return path


def numbers_npz(folder, inputs=5, outputs=2):
    """Numbers to predict from numbers that are no image, without a test part."""
    rng = np.random.default_rng(0)
    x = rng.random((60, inputs)).astype(np.float32)
    path = folder / "numbers.npz"
    np.savez(path, x=x, y=(x @ rng.standard_normal((inputs, outputs))).astype(np.float32))
    return path


def plan_on(path, changes=None, **options):
    """A training on such a file."""
    given = {"batch_size": 10, "epochs": 5, **(changes or {})}
    return begun(recipe("plain"), given, sources=[str(path)], **{"validation": 40, **options})


def run_on(folder, path, changes=None, **options):
    """A run that has begun on such a file, and its plan."""
    plan = plan_on(path, changes, **options)
    run = Run.create(numbered(folder), plan.about)
    run.save(plan.checkpoint)
    return run, plan


def frame_of(tab):
    """The tab's next frame that there is."""
    return unpack(until(tab.frame))


def same(one, other):
    """Whether two networks have the same bytes."""
    return all(
        a.weight.tobytes() == b.weight.tobytes() and a.bias.tobytes() == b.bias.tobytes()
        for a, b in zip(one.layers, other.layers, strict=True)
    )


RAISED = [RuntimeError, MemoryError, SystemExit, KeyboardInterrupt, StopIteration]
"""What no thread of the studio should raise, and none may die of. Three of them are hardly errors to Python."""


class Once:
    """A function that raises such an error the first time, and does from then on what ``real`` does.

    ``late``: the first time, it does that as well, and raises afterwards: what should have followed is left undone.
    """

    def __init__(self, error, real=lambda *_: None, late=False):
        self.error, self.real, self.late, self.calls = error, real, late, 0

    def __call__(self, *arguments, **options):
        self.calls += 1
        if self.calls > 1:
            return self.real(*arguments, **options)
        if self.late:
            self.real(*arguments, **options)
        raise self.error("a bug")

    def __get__(self, owner, kind=None):
        """As a method, too."""
        return self if owner is None else partial(self, owner)
