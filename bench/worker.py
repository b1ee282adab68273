"""One contestant in a process of its own. run.py starts it with its number of threads, and asks it for one thing at a time.

    python bench/worker.py NAME THREADS ENGINE               # then one JSON object a line, in and out, until the input ends
    python bench/worker.py NAME THREADS ENGINE --cold        # train P1 for an epoch, say so, and end
    python bench/worker.py NAME THREADS ENGINE --race FILE STARTED   # train as FILE says, say how it went, and end

A process of its own, because a library reads its number of threads when it is loaded, and because memory is counted by the
process. It ends when run.py does.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from contestants import CONTESTANTS, Contestant, Entry, Trainer, make
from workloads import PIECES, UNITS, WORKLOADS, Workload, examples, initial, looked_at, test_images

JUDGED = 5_000
"""How many examples show whether a contestant learns."""
ENOUGH = 300
"""So many calls show how long one takes."""


def peak_memory() -> int | None:
    """The most bytes of memory that this process has held at once.

    Linux counts them for the program that runs now; getrusage, elsewhere, would there begin with what its parent held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def median(values: list[float]) -> float:
    """The median. Loading the module that has it takes 10 milliseconds, which a cold start should not pay for."""
    from statistics import median

    return median(values)


def one_line(error: BaseException) -> str:
    """The error as one sentence."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no reason given'}"[:300]


def cost_of_weights(work: Workload, weights: Any, inputs: Any, targets: Any) -> float:
    """The mean cost of a network with these weights, for every contestant by the same functions: glassnet's reference."""
    from glassnet.costs import as_cost, cost_of
    from glassnet.network import Layer, Network

    like = initial(work)
    network = Network(tuple(Layer(weight, bias) for weight, bias in weights), like.activations)
    forward = network.forward(inputs)
    return float(
        cost_of(as_cost(work.cost), network.activations[-1], forward.zs[-1], forward.activations[-1], targets).mean()
    )


class Training:
    """A training to be timed."""

    def __init__(self, contestant: Contestant, work: Workload) -> None:
        self.work = work
        self.inputs, self.targets = examples(work.data)
        self.network = initial(work)
        self.start = self._cost([(layer.weight, layer.bias) for layer in self.network.layers])
        self.ways: dict[str, Trainer] = {}
        failed = {}
        for name, build in contestant.trainers(work, self.inputs, self.targets, self.network).items():
            try:
                trainer = build()
                trainer.run(self.piece(trainer))
                self.ways[name] = trainer
            except Exception as error:
                failed[name] = one_line(error)
            if self.ways and not contestant.tries_all:
                break
        if not self.ways:
            raise RuntimeError("; ".join(f"{name}: {reason}" for name, reason in failed.items()))
        self.failed = failed

    def _cost(self, weights: Any) -> float:
        return cost_of_weights(self.work, weights, self.inputs[:JUDGED], self.targets[:JUDGED])

    def piece(self, trainer: Trainer, pieces: int = PIECES) -> int:
        """Minibatches of one of so many parts of an epoch; they are whole, so some may be left over."""
        return max(1, trainer.batches // pieces)

    def choose(self) -> dict[str, Any]:
        """Keep the fastest way; an estimate of its epoch."""
        times: dict[str, float] = {}
        for _ in range(3):
            for name, trainer in self.ways.items():
                batches = self.piece(trainer)
                began = time.perf_counter()
                trainer.run(batches)
                seconds = (time.perf_counter() - began) * trainer.batches / batches
                times[name] = min(seconds, times.get(name, seconds))
        best = min(times, key=lambda name: times[name])
        self.trainer = self.ways[best]
        self.ways = {best: self.trainer}
        self.begin()
        return {"way": best, "ways": times, "failed": self.failed, "seconds": times[best]}

    def begin(self) -> None:
        """Start the training anew, from the weights that everybody starts from; what was compiled stays."""
        self.trainer.restart(self.network)
        self.done = 0
        self.kept: dict[str, tuple[int, Any]] = {}

    def reach(self, *, name: str, epochs: int, limit: float | None, pieces: int) -> float:
        """Train on until so many epochs are done, or for ``limit`` seconds, and keep the state as ``name``; the epochs done.

        It trains by parts, of which an epoch has so many pieces: 1 for who is not slow.
        """
        began, batches = time.perf_counter(), self.piece(self.trainer, pieces)
        while self.done < epochs * self.trainer.batches and (limit is None or time.perf_counter() - began < limit):
            self.trainer.run(batches)
            self.done += batches
        self.kept[name] = self.done, self.trainer.save()
        return self.done / self.trainer.batches

    def time(self, *, pieces: int, repeats: int, state: str | None = None) -> float:
        """Seconds an epoch, of several epochs one after the other, or of the first of so many pieces of several.

        ``state`` is the kept one to begin from, of which the clock does not know; None: go on from where the training is.
        """
        if state is not None:
            self.done, saved = self.kept[state]
            self.trainer.load(saved)
        batches = self.piece(self.trainer, pieces)
        began = time.perf_counter()
        for _ in range(repeats):
            self.trainer.run(batches)
        seconds = (time.perf_counter() - began) / repeats * self.trainer.batches / batches
        self.done += repeats * batches
        return seconds

    def finish(self) -> dict[str, Any]:
        """Whether it has learned: the cost at the start and now."""
        import numpy as np

        return {
            "cost": {"start": self.start, "end": self._cost(self.trainer.weights())},
            "part": self.piece(self.trainer) / self.trainer.batches,
            "last_short": self.trainer.batches * self.work.batch >= len(self.inputs),
            "n": len(self.inputs),
            "nonzero": int(np.count_nonzero(self.inputs)),
        }


class Answering:
    """A network to be asked."""

    def __init__(self, contestant: Contestant, work: Workload) -> None:
        import numpy as np

        self.work = work
        images, _ = test_images()
        network = initial(work)
        expected = network(images)
        self.ways: dict[str, Any] = {}
        self.failed, self.differences = {}, {}
        self.questions = [np.array(row) for row in images[:1000]] if work.kind == "latency" else [np.array(images)]
        for name, build in contestant.answerers(work, network).items():
            try:
                ask = build()
                answers = np.stack([ask(x) for x in self.questions[:100]]) if work.kind == "latency" else ask(images)
                self.differences[name] = float(np.abs(answers - expected[: len(answers)]).max())
                self.ways[name] = ask
            except Exception as error:
                self.failed[name] = one_line(error)
        if not self.ways:
            raise RuntimeError("; ".join(f"{name}: {reason}" for name, reason in self.failed.items()))

    def choose(self) -> dict[str, Any]:
        """Keep the fastest way; an estimate of a call."""
        times: dict[str, float] = {}
        for _ in range(2):
            for name, ask in self.ways.items():
                seconds = self._time(ask, ENOUGH if self.work.kind == "latency" else 2)
                times[name] = min(seconds, times.get(name, seconds))
        best = min(times, key=lambda name: times[name])
        self.ask = self.ways[best]
        self.difference = self.differences[best]
        self.ways = {best: self.ask}
        return {"way": best, "ways": times, "failed": self.failed, "seconds": times[best]}

    def _time(self, ask: Any, calls: int) -> float:
        times = []
        for x in itertools.islice(itertools.cycle(self.questions), calls):
            began = time.perf_counter()
            ask(x)
            times.append(time.perf_counter() - began)
        return median(times)

    def time(self, *, pieces: int, repeats: int, state: str | None = None) -> float:
        """Seconds a call, the median of several; there are no parts of a call."""
        return self._time(self.ask, max(repeats, ENOUGH if self.work.kind == "latency" else 1))

    def finish(self) -> dict[str, Any]:
        """How far its answers are from the reference's; ``nonzero`` inputs in a call."""
        single = self.work.kind == "latency"
        nonzero = sum(int((x != 0).sum()) for x in self.questions) // len(self.questions)
        n = 1 if single else len(self.questions[0])
        return {"difference": self.difference, "part": 1.0, "last_short": True, "n": n, "nonzero": nonzero}


class Race:
    """A recipe to be trained by, from the same weights on the same minibatches as everybody, and when it knew how much.

    The clock stands still while the weights are copied at each look. What each copy knows is found out afterwards.
    """

    def __init__(self, contestant: Contestant, file: str) -> None:
        self.contestant, self.course = contestant, self._course(file)
        work = self.work = self.course["work"]
        self.inputs, self.targets = contestant.digits()
        network = contestant.network(work, self.course["layers"])
        ways = contestant.trainers(work, self.inputs, self.targets, network, len(self.course["rates"]))
        self.way, build = next(iter(ways.items()))
        self.trainer = build()

    def _course(self, file: str) -> dict[str, Any]:
        import numpy as np

        with np.load(file) as given:
            layers = [
                (given[f"weight{number}"], given[f"bias{number}"])
                for number in range(sum(name.startswith("bias") for name in given.files))
            ]
            work = Workload.from_data(json.loads(str(given["work"])))
            return {"work": work, "layers": layers, "rows": given["rows"], "rates": given["rates"]}

    def parts(self) -> list[tuple[Any, Any]]:
        """The rows and the learning rates of each part; all but the last have the same number of minibatches."""
        rows, rates, batch = self.course["rows"], self.course["rates"], self.work.batch
        size = max(1, len(self.inputs) // batch // UNITS)
        return [
            (rows[first * batch : (first + size) * batch], rates[first : first + size])
            for first in range(0, len(rates), size)
        ]

    def warm_up(self) -> None:
        """Compile what has to be compiled, for training and for judging."""
        for rows, rates in self.parts()[:3]:
            self.trainer.train(rows, rates)
        self.judge([])

    def trial(self) -> float:
        """Seconds of the first epoch."""
        parts = self.parts()[:UNITS]
        began = time.perf_counter()
        for part in parts:
            self.trainer.train(*part)
        return time.perf_counter() - began

    def restart(self, file: str) -> float:
        """Begin anew as the file says; the seconds that it took."""
        self.course = self._course(file)
        began = time.perf_counter()
        self.trainer.restart(self.contestant.network(self.work, self.course["layers"]))
        return time.perf_counter() - began

    def run(self, started: float | None = None) -> list[tuple[float, Any]]:
        """The weights at each look, and when: in seconds since ``started`` or, if it is None, since the first step."""
        import numpy as np

        parts, copying = self.parts(), 0.0
        copies: list[tuple[float, Any]] = []
        began = time.time() if started is None else started
        for number, part in enumerate(parts, start=1):
            self.trainer.train(*part)
            if looked_at(number, len(parts)):
                now = time.time()
                weights = [(np.array(weight), np.array(bias)) for weight, bias in self.trainer.weights()]
                copies.append((now - began - copying, weights))
                copying += time.time() - now
        return copies

    def judge(self, copies: list[tuple[float, Any]]) -> list[tuple[float, float]]:
        """What part of the test images each copy gets right, beside when it was made. The same for all contestants."""
        from glassnet.network import Layer, Network

        try:
            from glassnet.engine.fused import predictor
        except ImportError:  # the reference engine takes part where there is no Numba: slower, and the same answers

            def predictor(network: Any) -> Any:
                return network

        images, labels = test_images()
        like = initial(self.work)
        looks = []
        for when, weights in copies:
            network = Network(tuple(Layer(*each) for each in weights), like.activations)
            looks.append((round(when, 6), float((predictor(network)(images).argmax(axis=1) == labels).mean())))
        return looks


def scale(contestant: Contestant, work: Workload, inputs: Any, targets: Any, seconds: float) -> dict[str, float]:
    """Examples a second on a part of an epoch that is the same for all: at most 30 billion operations, 2,000 minibatches."""
    operations = 6 * sum(a * b for a, b in itertools.pairwise(work.sizes)) * work.batch
    batches = max(4, min(2000, len(inputs) // work.batch, int(3e10 / operations)))
    trainer = next(iter(contestant.trainers(work, inputs, targets, initial(work)).values()))()
    trainer.run(batches)
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 2 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        trainer.run(batches)
        times.append(time.perf_counter() - start)
    return {"rate": batches * work.batch / median(times)}


def end_with_parent() -> None:
    """On Linux: be killed when the parent dies, even in the middle of a long calculation."""
    if sys.platform == "linux":
        import ctypes
        import signal

        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def serve(contestant: Contestant, say: Any, imported: int | None) -> None:
    """Do what comes in, until no more does."""
    task: Any = None
    data: Any = None
    for line in sys.stdin:
        command = json.loads(line)
        what = command.pop("do")
        answer: Any = None
        try:
            if what == "prepare":
                work = Workload.from_data(command["work"])
                task = (Training if work.kind == "train" else Answering)(contestant, work)
            elif what == "choose":
                answer = task.choose()
            elif what in ("reach", "time"):
                answer = getattr(task, what)(**command)
            elif what == "finish":
                answer = {**task.finish(), "memory": {"imported": imported, "peak": peak_memory()}}
            elif what == "course":
                task = None  # gives back the memory of the last one first
                task = Race(contestant, command["file"])
                task.warm_up()
                answer = {"way": task.way}
            elif what == "trial":
                answer = task.trial()
            elif what == "race":
                answer = {"ready": task.restart(command["file"]), "looks": task.judge(task.run())}
            elif what == "scale":
                work = Workload.from_data(command["work"])
                data = data or examples(work.data)
                answer = scale(contestant, work, *data, command["seconds"])
            say({"answer": answer})
        except Exception as error:
            say({"failed": one_line(error)})


def cold(contestant: Contestant) -> None:
    """One epoch of P1, as a user's program would: no trial of several ways."""
    work = WORKLOADS["P1"]
    inputs, targets = examples(work.data)
    trainer = next(iter(contestant.trainers(work, inputs, targets, initial(work)).values()))()
    trainer.run(trainer.batches)


def main() -> None:
    """Load the library, say so, and serve."""
    end_with_parent()
    # What libraries print must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def say(what: dict[str, Any]) -> None:
        answers.write(json.dumps(what) + "\n")
        answers.flush()

    name, threads, engine, *rest = sys.argv[1:]
    entry = Entry(name, int(threads) if threads != "None" else None)
    try:
        contestant = make(entry, engine)
        imported = peak_memory()
        if rest == ["--cold"]:
            cold(contestant)
            say({"answer": None})
            return
        if rest[:1] == ["--race"]:
            race = Race(contestant, rest[1])
            copies = race.run(float(rest[2]))
            say({"answer": {"way": race.way, "looks": race.judge(copies)}})
            return
        say({"answer": {"versions": contestant.versions()}})
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        own = missing == "glassnet" and "." in (error.name or "")
        word = "missing" if missing == CONTESTANTS[name][1] or own or missing in ("onnx", "numba") else "failed"
        say({word: f"{error.name} is not installed"})
        return
    except Exception as error:
        say({"failed": one_line(error)})
        return
    serve(contestant, say, imported)


if __name__ == "__main__":
    main()
