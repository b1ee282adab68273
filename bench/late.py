"""How long do late epochs of the recipes take, against early ones; and before and after a change of glassnet?

    python bench/late.py                              # every recipe that has late epochs, about ten minutes
    python bench/late.py series plain --limit 20      # these two; at most 20 s between early and late epochs
    python bench/late.py --against ../before/src      # the same beside another checkout's glassnet, in turns
    python bench/late.py --report                     # docs/performance.md again, from what was measured

Each recipe is trained as it says, on the images it learns from, without validation, in a process of its own for each
glassnet. Epochs 2 to 6 are early; late are five epochs at the recipe's end, or where ``--limit`` seconds of training
between have led. Both glassnets are timed at the same epochs, one epoch of one and then one of the other; only one of them
computes at a time. At the end the numbers that are subnormal (not 0, but below 1.2e-38) are counted: on some processors an
operation on one takes a hundred times as long.

Results are kept in bench/results/late.json, by kind of processor.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from machine import processor, vendor

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "late.json"
HERE_SRC = HERE.parent / "src"
TIMES = 5
"""Epochs that are timed early, and as many late."""
FEWER = 3
"""The same, where an epoch takes more than ``LONG`` seconds."""
LONG = 2.0
NOW, BEFORE = "now", "before"


# ── In the process that trains ───────────────────────────────────────────────────────────────────────────────────────


def subnormal(arrays: Any) -> tuple[int, int]:
    """How many numbers of some float32 arrays are subnormal, and how many there are.

    They are told by their bits: exponent 0, fraction not 0. To compare them with 1.2e-38 would not do where the processor is
    set to take them for 0.
    """
    import numpy as np

    found = total = 0
    for array in arrays:
        bits = np.ascontiguousarray(array, np.float32).view(np.uint32) & 0x7FFFFFFF
        found += int(((bits > 0) & (bits < 0x00800000)).sum())
        total += bits.size
    return found, total


def counted(checkpoint: Any) -> dict[str, list[int]]:
    """The subnormal numbers among the parameters, and among the optimizer's running averages; and how many there are."""

    def arrays(layers: Any) -> Iterator[Any]:
        for layer in layers:
            yield layer.weight
            yield layer.bias

    moments = [array for layers in checkpoint.memory.moments.values() for array in arrays(layers)]
    return {"parameters": list(subnormal(arrays(checkpoint.network.layers))), "averages": list(subnormal(moments))}


def child(name: str) -> None:
    """Train a recipe: a number on a line is how many epochs to do; the answer, their seconds, and what the state holds."""
    import glassnet
    from glassnet import recipe, train
    from glassnet.data import load
    from glassnet.events import EpochEnded

    chosen = recipe(name)
    data = load("mnist", validation=chosen.validation).train
    events = train(None, data, start=chosen.start(0), quiet=True)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not get between the answers
    answers.write(json.dumps({"source": str(Path(glassnet.__file__).parent.parent), "examples": len(data)}) + "\n")
    for line in sys.stdin:
        seconds: list[float] = []
        began, last = time.perf_counter(), None
        while len(seconds) < int(line):
            event = next(events)
            if isinstance(event, EpochEnded):
                seconds.append(time.perf_counter() - began)
                began, last = time.perf_counter(), event.checkpoint
        answers.write(json.dumps({"seconds": seconds, **counted(last)}) + "\n")


# ── The one that asks ────────────────────────────────────────────────────────────────────────────────────────────────


class Training:
    """A recipe in training by one glassnet, in a process of its own, that does so many epochs when it is asked to.

    Attributes:
        done: epochs so far.
        state: what the last answer said of the numbers.
    """

    def __init__(self, name: str, source: Path) -> None:
        self.done, self.state = 0, {}  # type: int, dict[str, Any]
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "late.py"), "--child", name],
            env=os.environ | {"PYTHONPATH": str(source)}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        told = self._hear()
        self.examples = int(told["examples"])
        if Path(told["source"]).resolve() != source.resolve():
            self.close()
            sys.exit(f"the glassnet of {source} was asked for, but that of {told['source']} answered")

    def _hear(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"a training ended with code {self.process.wait()}")
        return json.loads(line)

    def go(self, epochs: int = 1) -> list[float]:
        """Train on; the seconds of each epoch."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{epochs}\n")
        self.process.stdin.flush()
        answer = self._hear()
        self.done += epochs
        self.state = {name: answer[name] for name in ("parameters", "averages")}
        return list(answer["seconds"])

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def measure(name: str, sources: dict[str, Path], epochs: int, limit: float) -> dict[str, Any]:
    """A recipe of so many epochs, early and late, by each of the glassnets in turns."""
    trainings: dict[str, Training] = {}
    try:
        for which, source in sources.items():
            trainings[which] = Training(name, source)
        first = list(trainings.values())[-1]
        longest = max(training.go()[0] for training in trainings.values())
        times = FEWER if longest > LONG else TIMES
        found: dict[str, Any] = {which: {"early": [], "late": []} for which in trainings}

        def turns(part: str) -> list[int]:
            begin = first.done + 1
            for _ in range(times):
                for which, training in trainings.items():
                    found[which][part] += training.go()
            return [begin, first.done]

        early = turns("early")
        # The one of before goes ahead, as it may be the slower one; the other then goes to the same epoch.
        began = time.perf_counter()
        while first.done < epochs - times and time.perf_counter() - began < limit:
            first.go(min(10 if longest < 1 else 1, epochs - times - first.done))
        for training in trainings.values():
            if training.done < first.done:
                training.go(first.done - training.done)
        late = turns("late")
        for which, training in trainings.items():
            found[which] |= training.state
        return {"epochs": epochs, "examples": first.examples, "early": early, "late": late, **found}
    finally:
        for training in trainings.values():
            training.close()


def has_late(epochs: int) -> bool:
    """Whether a recipe of so many epochs has early and late ones that do not overlap, after the first, which compiles."""
    return epochs >= 1 + 2 * TIMES


def commit(source: Path) -> str | None:
    """The commit of a checkout, if git tells."""
    asked = subprocess.run(["git", "-C", str(source), "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    return asked.stdout.strip() or None


def main() -> None:
    """Measure, record, write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", help="which ones; all that have late epochs, if none is named")
    parser.add_argument("--against", type=Path, help="the src of another checkout, as what was before")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds of training between early and late epochs")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where to keep the results")
    parser.add_argument("--report", action="store_true", help="write the page again from what was measured")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return
    if not options.report:
        from glassnet import RECIPES

        if unknown := [name for name in options.recipes if name not in RECIPES]:
            parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(RECIPES)}")
        sources = {BEFORE: options.against.resolve()} if options.against else {}
        sources[NOW] = HERE_SRC
        kept = json.loads(options.out.read_text()) if options.out.exists() else {}
        mine = kept.setdefault(vendor(), {"recipes": {}})
        for name in options.recipes or RECIPES:
            epochs = RECIPES[name].settings.epochs
            if not has_late(epochs):
                print(f"{name}: has {epochs} epochs, and so no late ones", flush=True)
                continue
            found = measure(name, sources, epochs, options.limit)
            found |= {"date": datetime.date.today().isoformat(), "load": list(os.getloadavg())}
            found["sizes"] = list(RECIPES[name].sizes)
            found["commit"] = commit(options.against) if options.against else None
            mine |= {"processor": processor(), "cores": len(os.sched_getaffinity(0))}
            mine["recipes"][name] = found
            options.out.write_text(json.dumps(kept, indent=1) + "\n")
            print(name, {which: found[which] for which in sources}, flush=True)
    if options.out == RESULTS:
        import report

        report.write(report.kept())


if __name__ == "__main__":
    main()
