"""How fast is glassnet, side by side with PyTorch, JAX, scikit-learn and onnxruntime?

    python bench/run.py                  # everything, about 45 minutes; writes docs/performance.md and its charts
    python bench/run.py --quick          # about 2 minutes: fewer rounds, early epochs only, no torch.compile, P2, P5, busy,
                                         # scaling; no page
    python bench/run.py --only P1,cold   # some parts; kept only with --out FILE
    python bench/run.py --only recipes --add   # a part measured again, put to the results that are there; makes the page
    python bench/run.py --rest           # the parts that an interrupted run did not come to, put to those that are there
    python bench/run.py --report         # the page and the charts again, from what was measured

Results lie in bench/results by kind of processor (amd.json, intel.json, …). The page shows the newest in detail, and those of
the other kinds beside it.

Every contestant lives in a process of its own (worker.py), which loads, compiles and tries out what it likes. Then they take
turns, glassnet before every peer, so that both see the same machine; only one of them computes at a time. A peer that is
not installed is reported as missing, never as beaten.

Each training is one training, timed early (epoch 3) and late (epoch 50): what a processor needs for a step depends on the
numbers, which change while a network learns. At both places each contestant keeps its state, and every turn begins from it.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import json
import math
import os
import platform
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import report
from ceilings import cache_sizes
from ceilings import measure as measure_ceilings
from contestants import OURS, Entry, entries
from machine import facts, processor, vendor
from workloads import (
    BUSY,
    GOALS,
    PIECES,
    RACES,
    SCALING,
    WORKLOADS,
    Workload,
    first_reached,
    from_recipe,
    needs,
    rising,
    write_course,
)

HERE = Path(__file__).parent
RESULTS = report.RESULTS / f"{vendor()}.json"
QUICK = HERE / "results" / "performance-quick.json"
SECTIONS = ("ceilings", *WORKLOADS, "busy", "cold", "recipes", "scaling")
NOT_QUICK = ("P2", "P5", "busy", "scaling")
"""What the quick run leaves out, unless it is asked for."""
SETTLE = 0.3
"""Seconds for which a turn waits, at most, for the threads of the last one to go to sleep: some turn over for a while."""
SMALL = 64
"""Parts of an epoch of which one shows how slow a contestant is beside a neighbor. Threads that wait for each other awake
can take a hundred times as long as on the quiet machine.
"""
NEIGHBORS = (0, 1, 2)
"""How many other processes compute beside those that are timed in the section ``busy``."""
AGREE = 1e-4
"""How far the answers of two libraries may be apart."""
LEARNED = 0.8
"""Who has learned has a cost below this part of a constant answer's."""
PATIENCE = 900
"""Seconds after which a worker that says nothing is given up."""


@dataclasses.dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        rounds: how often every peer takes its turn.
        turn: seconds that a turn should take at least: so many epochs are done in it.
        slow: an epoch of more seconds than these is timed in part.
        seeds: of the recipes' time to accuracy, each of them a turn.
        epochs: of the recipes' time to accuracy; None: as the recipe says.
        cold: how often each cold start; for the recipes, with the first of the seeds.
        points: seconds for a point of the scaling chart, twice.
        fresh: new processes for every workload, which memory is counted by.
        early: the epoch, counted from 1, with which the turns of a training begin; None: wherever trying out has led.
        late: the epoch with which the late turns begin; None: no late turns.
        limit: seconds for which a peer that is not among the best trains at most on its way to the late epoch.
    """

    rounds: int
    turn: float
    slow: float
    seeds: tuple[int, ...]
    epochs: int | None
    cold: int
    points: float
    fresh: bool
    early: int | None
    late: int | None
    limit: float


FULL = Effort(
    rounds=5, turn=0.4, slow=3.0, seeds=(0, 1, 2, 3, 4), epochs=None, cold=3, points=0.15, fresh=True,
    early=3, late=50, limit=10.0,
)  # fmt: skip
FAST = Effort(
    rounds=3,
    turn=0.1,
    slow=0.6,
    seeds=(0,),
    epochs=1,
    cold=1,
    points=0.05,
    fresh=False,
    early=None,
    late=None,
    limit=0.0,
)


class LostError(Exception):
    """A worker that cannot go on; ``status`` is "missing" or "failed"."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Worker:
    """A contestant's process."""

    def __init__(
        self,
        entry: Entry,
        engine: str,
        *,
        more: dict[str, str] | None = None,
        cold: bool = False,
        race: Path | None = None,
    ) -> None:
        self.entry = entry
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close())
        options = ["--cold"] if cold else ["--race", str(race), repr(time.time())] if race else []
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), entry.name, str(entry.threads), engine, *options],
            env=os.environ | entry.environment() | (more or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def tell(self, do: str, **more: Any) -> None:
        """Ask for something; :meth:`hear` gives the answer."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has ended: hear() says why
            self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
            self.process.stdin.flush()

    def hear(self) -> Any:
        """The next answer. A worker that has none is lost."""
        try:
            line = self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            self.process.kill()
            raise LostError("failed", f"said nothing for {PATIENCE} seconds") from None
        if line is None:
            code = self.process.wait()
            self.errors.seek(0)
            said = [each for each in self.errors.read().decode(errors="replace").splitlines() if each.strip()]
            raise LostError("failed", f"ended with code {code}: {said[-1][:200] if said else 'no reason given'}")
        message = json.loads(line)
        for status in ("missing", "failed"):
            if status in message:
                raise LostError(status, message[status])
        return message["answer"]

    def ask(self, do: str, **more: Any) -> Any:
        """Ask for something and wait for the answer."""
        self.tell(do, **more)
        return self.hear()

    def processor_seconds(self) -> float:
        """How long it has been computing, all its threads together; 0 where the system does not tell."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def dismiss(self) -> None:
        """Let it end; :meth:`close` waits until it has."""
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):
            self.process.stdin.close()

    def close(self) -> None:
        """End it, and wait until it has."""
        self.dismiss()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.errors.close()


def close(workers: Iterable[Worker]) -> None:
    """End all of them; giving back so much memory takes a while, so they do it at the same time."""
    workers = list(workers)
    for worker in workers:
        worker.dismiss()
    for worker in workers:
        worker.close()


def lost(error: LostError) -> dict[str, str]:
    """What the results say of a contestant that is missing or has failed."""
    return {"status": error.status, "reason": error.reason}


def settle(workers: dict[str, Worker]) -> None:
    """Wait until nobody computes."""
    ends = time.monotonic() + SETTLE
    before = -1.0
    while before != (now := sum(worker.processor_seconds() for worker in workers.values())) and time.monotonic() < ends:
        before = now
        time.sleep(0.02)


def start(
    chosen: Iterable[Entry], engine: str, results: dict[str, Any], pool: dict[str, Worker] | None = None
) -> dict[str, Worker]:
    """A worker for each, all loading at once; those that cannot are noted in ``results`` and left out.

    Those that are still there in ``pool`` need not be started, and new ones are added to it.
    """
    pool = {} if pool is None else pool
    there = {key: worker for key, worker in pool.items() if worker.process.poll() is None}
    new = {entry.key: Worker(entry, engine) for entry in chosen if entry.key not in there}
    for _, answer in each(new, results):
        results["versions"] |= answer["versions"]
    pool |= new
    return {entry.key: pool[entry.key] for entry in chosen if entry.key in new or entry.key in there}


def each(workers: dict[str, Worker], results: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """Every worker's next answer; who has none is noted as lost, closed, and taken out."""
    for key, worker in list(workers.items()):
        try:
            yield key, worker.hear()
        except LostError as error:
            drop(workers, key, error, results)


def drop(workers: dict[str, Worker], key: str, error: LostError, results: dict[str, Any]) -> None:
    """Note a lost worker and end it."""
    results["contestants"][key] = {**results["contestants"].get(key, {}), **lost(error)}
    tell(f"    {workers[key].entry.label}: {error.status} ({error.reason})")
    workers.pop(key).close()


BEGAN = time.monotonic()


def tell(text: str) -> None:
    """Say what is going on."""
    print(f"{time.monotonic() - BEGAN:6.0f} s  {text}", flush=True)


# ── A workload ───────────────────────────────────────────────────────────────────────────────────────────────────────


def measure(
    work: Workload, chosen: list[Entry], effort: Effort, engine: str, left_out: dict[str, str], pool: dict[str, Worker]
) -> dict[str, Any]:
    """All contestants on one workload, in turns."""
    tell(f"{work.name}: {work.title}")
    results: dict[str, Any] = {"work": dataclasses.asdict(work), "title": work.title, "contestants": {}, "versions": {}}
    kept = results["contestants"]
    able = []
    for entry in chosen:
        reason = entry.left_out(work) or left_out.get(entry.name)
        kept[entry.key] = {"label": entry.label, "name": entry.name, "threads": entry.threads}
        if reason:
            kept[entry.key] |= {"status": "left out", "reason": reason}
        else:
            able.append(entry)
    workers = start(able, engine, results, pool)
    try:
        for worker in workers.values():  # nothing is timed yet, so they may all prepare at once
            worker.tell("prepare", work=dataclasses.asdict(work))
        list(each(workers, results))
        tell("    all are ready")
        turns = Turns(work, workers, results, effort)
        turns.choose()
        if work.kind == "train" and effort.early is not None:
            turns.reach("early", effort.early)
            turns.rounds("early")
            if effort.late is not None:
                turns.reach("late", effort.late)
                turns.rounds("late")
        else:
            turns.rounds(None)
        # The part of a turn that the others, which should be waiting, have been computing.
        results["disturbed"] = turns.idle / turns.busy if turns.busy else 0.0
        _finish(work, workers, results, effort)
    finally:
        if effort.fresh:
            close(workers.values())
            pool.clear()
    for key, one in kept.items():
        if one["status"] == "measured":
            ratio = "" if key == OURS or not one["ratios"] else f", {statistics.median(one['ratios']):.2f} × ours"
            where = f" in epoch {one['epochs']['late']:.0f}" if "late" in one.get("epochs", {}) else ""
            tell(f"    {one['label']}: {report.seconds(statistics.median(one['seconds']))}{where}{ratio}  {one['way']}")
    return results


class Turns:
    """The turns of all workers on one workload.

    Attributes:
        busy, idle: seconds of all turns so far, and processor seconds of those who should have been waiting meanwhile.
    """

    def __init__(self, work: Workload, workers: dict[str, Worker], results: dict[str, Any], effort: Effort) -> None:
        self.work, self.workers, self.results, self.effort = work, workers, results, effort
        self.lengths: dict[str, dict[str, int]] = {}
        self.busy = self.idle = 0.0

    def choose(self) -> None:
        """Let each find its fastest way, and how many epochs or calls make a turn. A training begins anew afterwards."""
        effort, training = self.effort, self.work.kind == "train"
        for key in list(self.workers):
            settle(self.workers)
            found = self._ask(key, "choose")
            if found is None:
                continue
            pieces = PIECES if training and found["seconds"] > effort.slow else 1
            if self._ask(key, "time", pieces=pieces, repeats=1) is None:  # compiles for this length, if need be
                continue
            length = found["seconds"] / pieces
            repeats = max(1, math.ceil(effort.turn / max(length, 1e-9)))
            self.lengths[key] = {"pieces": pieces, "repeats": min(repeats, report.MOST) if training else repeats}
            self.results["contestants"][key] |= {
                "status": "measured", "seconds": [], "ratios": [], "in_part": pieces > 1,
                "way": found["way"], "ways": found["ways"], "ways_failed": found["failed"],
            }  # fmt: skip

    def reach(self, name: str, epoch: int) -> None:
        """Let each train until this epoch (counted from 1) is next, and keep its state as ``name``; nothing is timed.

        Who took more than ``report.NEAR`` times as long as the best peer in the turns before is given ``effort.limit``
        seconds, and may not come as far. The others are given twice as long as it should take, and never so long that they
        would be taken for lost: a machine on which something else begins to run must not hold up everything.
        """
        tell(f"    on the way to epoch {epoch}")
        kept = self.results["contestants"]
        medians = {key: statistics.median(each) for key in self.workers if (each := kept[key]["seconds"])}
        best = min((seconds for key, seconds in medians.items() if key != OURS), default=math.inf)
        for key in list(self.workers):
            settle(self.workers)
            limit, took = PATIENCE / 2, medians.get(key)
            if took is not None:
                near = key == OURS or took <= report.NEAR * best
                limit = min(limit, max(self.effort.limit, 2 * epoch * took)) if near else self.effort.limit
            pieces = self.lengths[key]["pieces"]
            done = self._ask(key, "reach", name=name, epochs=epoch - 1, limit=limit, pieces=pieces)
            if done is not None:
                kept[key].setdefault("epochs", {})[name] = done + 1

    def rounds(self, state: str | None) -> None:
        """All rounds; every turn begins from this kept state, or goes on from where the last one ended.

        Times and ratios of an earlier state, if there are any, become those of ``early``.
        """
        kept = self.results["contestants"]
        for key in self.workers:
            one = kept[key]
            if one["seconds"]:
                one["early"] = {"seconds": one["seconds"], "ratios": one["ratios"]}
                one |= {"seconds": [], "ratios": []}
            one["turn"] = self.lengths[key]["repeats"] / self.lengths[key]["pieces"]
        for _ in range(self.effort.rounds):
            for key in [key for key in self.workers if key != OURS] or list(self.workers):
                ours = self.turn(OURS, state) if OURS in self.workers and key != OURS else None
                if key not in self.workers:
                    continue
                seconds = self.turn(key, state)
                if ours and seconds:
                    kept[key]["ratios"].append(seconds / ours)

    def turn(self, key: str, state: str | None) -> float | None:
        """Seconds an epoch or a call, which are noted; None if the worker is lost."""
        others = [worker for other, worker in self.workers.items() if other != key]
        settle(self.workers)
        before, began = sum(worker.processor_seconds() for worker in others), time.perf_counter()
        seconds = self._ask(key, "time", state=state, **self.lengths[key])
        if seconds is None:
            return None
        self.busy += time.perf_counter() - began
        self.idle += sum(worker.processor_seconds() for worker in others) - before
        self.results["contestants"][key]["seconds"].append(seconds)
        return float(seconds)

    def slowed(self, key: str) -> dict[str, int] | None:
        """How long a turn is to be on the machine as it is now: shorter than :attr:`lengths` for who takes very long here.

        None if the worker is lost.
        """
        usual = self.lengths[key]
        for _ in range(2):  # the first may have to compile
            if (seconds := self._ask(key, "time", pieces=SMALL, repeats=1)) is None:
                return None
        if seconds <= self.effort.slow:
            return usual
        found = {"pieces": max(PIECES, math.ceil(seconds / (2 * self.effort.turn))), "repeats": 1}
        return None if self._ask(key, "time", **found) is None else found

    def _ask(self, key: str, do: str, **more: Any) -> Any:
        """The worker's answer; None if it has none: then it is noted as lost, and taken out."""
        try:
            return self.workers[key].ask(do, **more)
        except LostError as error:
            drop(self.workers, key, error, self.results)
            return None


def _finish(work: Workload, workers: dict[str, Worker], results: dict[str, Any], effort: Effort) -> None:
    """Memory, and the proof that everybody has done the same: learned, or given the same answers."""
    kept = results["contestants"]
    for key, worker in list(workers.items()):
        try:
            found = worker.ask("finish")
            if work.kind == "train":
                cost = found["cost"]
                if not cost["end"] < min(cost["start"], LEARNED * work.constant):
                    raise LostError(
                        "failed", f"does not learn: its cost went from {cost['start']:.3f} to {cost['end']:.3f}"
                    )
            elif not found["difference"] <= AGREE:
                raise LostError("failed", f"its answers differ from the reference's by {found['difference']:.2g}")
        except LostError as error:
            drop(workers, key, error, results)
            continue
        results["needs"] = needs(work, found.pop("n"), found.pop("nonzero"), last_cache())
        if not effort.fresh:
            found.pop("memory")
        kept[key] |= found


def last_cache() -> int:
    """Bytes of the largest cache; 32 MB where the system does not tell."""
    return max(cache_sizes().values(), default=32 * 2**20)


# ── Beside other processes ───────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def neighbors(count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """So many processes that compute all the time, as long as this lasts."""
    processes: list[subprocess.Popen[str]] = []
    try:
        for _ in range(count):
            command = [sys.executable, str(HERE / "neighbor.py")]
            processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        for process in processes:
            assert process.stdout is not None
            if not process.stdout.readline():
                raise RuntimeError("the process that should compute beside the contestants has ended")
        yield processes
        if any(process.poll() is not None for process in processes):
            raise RuntimeError("a process that should have computed beside the contestants has ended")
    finally:
        for process in processes:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def measure_busy(effort: Effort, engine: str, left_out: dict[str, str]) -> dict[str, Any]:
    """Some trainings on the machine as it is, beside one process that computes all the time, and beside two."""
    results: dict[str, Any] = {"workloads": {}, "versions": {}, "neighbors": NEIGHBORS, "cores": available_cores()}
    chosen = [Entry(OURS, None), Entry(OURS, 1), *(entry for entry in both_and_ours() if entry.peer)]
    pool: dict[str, Worker] = {}
    try:
        for name in BUSY:
            results["workloads"][name] = _measure_busy(WORKLOADS[name], chosen, effort, engine, left_out, pool)
            results["versions"] |= results["workloads"][name].pop("versions")
    finally:
        close(pool.values())
    return results


def _measure_busy(
    work: Workload,
    chosen: list[Entry],
    effort: Effort,
    engine: str,
    left_out: dict[str, str],
    pool: dict[str, Worker],
) -> dict[str, Any]:
    tell(f"busy, {work.name}: {work.title}")
    results: dict[str, Any] = {"work": dataclasses.asdict(work), "title": work.title, "contestants": {}, "versions": {}}
    kept, able = results["contestants"], []
    for entry in chosen:
        kept[entry.key] = {"label": entry.label, "name": entry.name, "threads": entry.threads}
        if reason := left_out.get(entry.name):
            kept[entry.key] |= {"status": "left out", "reason": reason}
        else:
            able.append(entry)
    workers = start(able, engine, results, pool)
    for worker in workers.values():  # nothing is timed yet, so they may all prepare at once
        worker.tell("prepare", work=dataclasses.asdict(work))
    list(each(workers, results))
    turns = Turns(work, workers, results, effort)
    turns.choose()
    if effort.early is not None:
        turns.reach("early", effort.early)
    state = "early" if effort.early is not None else None
    lengths = dict.fromkeys(NEIGHBORS, turns.lengths)
    with neighbors(1):
        slowed = {key: found for key in list(workers) if (found := turns.slowed(key))}
    lengths |= {count: slowed for count in NEIGHBORS if count}
    beside: dict[str, dict[str, list[float]]] = {}
    for _ in range(effort.rounds):
        for count in NEIGHBORS:
            turns.lengths = lengths[count]
            with neighbors(count):
                for key in list(workers):
                    seconds = turns.turn(key, state)
                    if seconds is not None:
                        beside.setdefault(key, {}).setdefault(str(count), []).append(seconds)
    _finish(work, workers, results, effort)
    for key, one in kept.items():
        if one["status"] == "measured":
            one.pop("ratios")
            one["seconds"] = beside[key]
            shown = ", ".join(
                f"{report.seconds(statistics.median(each))} beside {count}" for count, each in beside[key].items()
            )
            tell(f"    {one['label']}: {shown}")
    return results


# ── Cold start, time to accuracy, scaling ────────────────────────────────────────────────────────────────────────────


def both_and_ours() -> list[Entry]:
    """Glassnet, and the two peers that train by a program of the user's own."""
    return [entry for entry in entries() if entry.name in (OURS, "torch-eager", "jax")]


def measure_cold(effort: Effort, engine: str) -> dict[str, Any]:
    """From the start of a process to the end of one epoch of P1."""
    tell("cold start: a new process, to the end of one epoch of P1")
    results: dict[str, Any] = {"contestants": {}}

    def once(entry: Entry, key: str, label: str, more: dict[str, str]) -> None:
        one = results["contestants"].setdefault(key, {"label": label, "status": "measured", "seconds": []})
        if one["status"] != "measured":
            return
        began = time.perf_counter()
        worker = Worker(entry, engine, more=more, cold=True)
        try:
            worker.hear()
            one["seconds"].append(time.perf_counter() - began)
        except LostError as error:
            one |= lost(error)
        finally:
            worker.close()

    with contextlib.ExitStack() as folders:
        folder = ""
        for number in range(effort.cold):
            new = number < 2  # compiling takes long, and always as long
            folder = folders.enter_context(tempfile.TemporaryDirectory()) if new else folder
            for entry in both_and_ours():
                if entry.peer:
                    once(entry, entry.key, entry.label, {})
                    continue
                cache = {"NUMBA_CACHE_DIR": folder}
                if new:
                    once(entry, "first", f"{entry.label}, first run ever", cache)
                once(entry, "later", f"{entry.label}, later runs", cache)
    for one in results["contestants"].values():
        tell(
            f"    {one['label']}: {report.seconds(statistics.median(one['seconds'])) if one['seconds'] else one['reason']}"
        )
    return results


def measure_recipes(effort: Effort, engine: str, left_out: dict[str, str]) -> dict[str, Any]:
    """When each contestant knows how much of the test images, by the recipes that are after it; warm and cold."""
    from glassnet.runs.recipes import recipe

    results: dict[str, Any] = {"goals": GOALS, "seeds": effort.seeds, "recipes": {}, "versions": {}}
    with tempfile.TemporaryDirectory() as place:
        files: dict[str, list[Path]] = {}
        for name, goal in RACES.items():
            work, folder = from_recipe(name), Path(place) / name
            folder.mkdir()
            files[name] = [folder / f"{seed}.npz" for seed in effort.seeds]
            for seed, file in zip(effort.seeds, files[name], strict=True):
                write_course(name, seed, file, effort.epochs)
            settings = recipe(name).settings
            one = {"work": dataclasses.asdict(work), "optimizer": str(settings.optimizer), "goal": goal}
            results["recipes"][name] = {**one, "epochs": effort.epochs or settings.epochs, "contestants": {}}
        pool: dict[str, Worker] = {}
        able = {}
        try:
            for name, measured in results["recipes"].items():
                able[name] = _race_warm(name, measured, results, files[name], engine, left_out, pool)
        finally:
            close(pool.values())
        kept = Path(place) / "kept"
        for name, measured in results["recipes"].items():
            _race_cold(name, measured, files[name], able[name], engine, kept, effort.cold)
    return results


def _race_warm(
    name: str,
    measured: dict[str, Any],
    results: dict[str, Any],
    files: list[Path],
    engine: str,
    left_out: dict[str, str],
    pool: dict[str, Worker],
) -> list[Entry]:
    """Who could; of each peer, only the number of threads that was faster in a trial."""
    tell(f"{name}, warm: from the first step, in processes that have loaded and compiled")
    work, kept = Workload.from_data(measured["work"]), measured["contestants"]
    able = []
    for entry in entries():
        reason = entry.left_out(work) or left_out.get(entry.name)
        kept[entry.key] = {"label": entry.label, "name": entry.name, "threads": entry.threads, "status": "measured"}
        if reason:
            kept[entry.key] |= {"status": "left out", "reason": reason}
        else:
            able.append(entry)
    noted = {"contestants": kept, "versions": results["versions"]}
    workers = start(able, engine, noted, pool)
    for worker in workers.values():  # nothing is timed yet, so they may all prepare at once
        worker.tell("course", file=str(files[0]))
    for key, answer in each(workers, noted):
        kept[key] |= answer
    tell("    all are ready")

    def turn(key: str, file: Path | None) -> Any:
        settle(workers)
        try:
            return workers[key].ask("race", file=str(file)) if file else workers[key].ask("trial")
        except LostError as error:
            drop(workers, key, error, noted)
            return None

    trials = {key: taken for key in list(workers) if (taken := turn(key, None)) is not None}
    best: dict[str, str] = {}
    for key in sorted(trials, key=lambda key: trials[key]):
        best.setdefault(workers[key].entry.name, key)
    for key in [key for key in workers if key not in best.values()]:
        kept[key] |= {"status": "slower", "reason": f"slower than with another number of threads in a trial of {name}"}
        # It stays in the pool: another recipe may be another matter.
        workers.pop(key)
    _race(measured, "warm", [key for key in workers if key != OURS], files, turn)
    return [worker.entry for worker in workers.values()]


def _race_cold(
    name: str, measured: dict[str, Any], files: list[Path], able: list[Entry], engine: str, caches: Path, turns: int
) -> None:
    tell(f"{name}, cold: from the start of a process")
    kept = measured["contestants"]
    chosen = {entry.key: entry for entry in able}

    def more(entry: Entry) -> dict[str, str]:
        # What glassnet compiles does not depend on the recipe.
        return keeping(entry, caches / name if entry.peer else caches)

    def turn(key: str, file: Path) -> dict[str, Any] | None:
        entry = chosen[key]
        worker = Worker(entry, engine, more=more(entry), race=file)
        try:
            return worker.hear()
        except LostError as error:
            kept[key] |= lost(error)
            tell(f"    {entry.label}: {error.status} ({error.reason})")
            return None
        finally:
            worker.close()

    for key, entry in chosen.items():
        # The first run compiles, and keeps it where the others find it.
        new = any(not Path(each).exists() for variable, each in more(entry).items() if variable.endswith("_DIR"))
        if new and (answer := turn(key, files[0])):
            kept[key]["first"] = {"times": [_times(answer["looks"])], "looks": [rising(answer["looks"])]}
    _race(measured, "cold", [key for key in chosen if key != OURS], files[:turns], turn)


def keeping(entry: Entry, folder: Path) -> dict[str, str]:
    """The variables by which a library keeps what it compiled in this folder; empty where it compiles nothing."""
    own = str(folder / entry.key.replace("/", "-"))
    if entry.name == "jax":
        return {
            "JAX_COMPILATION_CACHE_DIR": own,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
    variable = {OURS: "NUMBA_CACHE_DIR", "torch-compile": "TORCHINDUCTOR_CACHE_DIR"}.get(entry.name)
    return {variable: own} if variable else {}


def _race(
    measured: dict[str, Any],
    kind: str,
    peers: list[str],
    files: list[Path],
    turn: Callable[[str, Path], dict[str, Any] | None],
) -> None:
    """All turns: glassnet and every peer with one seed, and then with the next. Where it takes no time (warm), glassnet has
    a turn before each peer.
    """
    kept, goal = measured["contestants"], measured["goal"]
    at = GOALS.index(goal)
    for number, file in enumerate(files):
        times: dict[str, list[float | None]] = {}
        for key in peers or [OURS]:
            for each in dict.fromkeys((OURS, key)):
                if kind == "cold" and each in times:
                    continue
                if kept[each]["status"] != "measured" or (answer := turn(each, file)) is None:
                    continue
                times[each] = _times(answer["looks"])
                found = kept[each].setdefault(kind, {"times": [], "looks": [], "ends": [], "ready": [], "ratios": []})
                found["times"].append(times[each])
                found["ends"].append(answer["looks"][-1][1])
                found["ready"] += [answer["ready"]] if "ready" in answer else []
                if len(found["looks"]) == number:  # one for each seed: glassnet has more turns than that
                    found["looks"].append(rising(answer["looks"]))
            if key in times and OURS in times:
                kept[key][kind]["ratios"].append(
                    [
                        theirs / ours if theirs is not None and ours is not None else None
                        for theirs, ours in zip(times[key], times[OURS], strict=True)
                    ]
                )
    for one in kept.values():
        if one["status"] == "measured":
            reached = [each[at] for each in one[kind]["times"] if each[at] is not None]
            when = report.seconds(statistics.median(reached)) if reached else "never"
            tell(f"    {one['label']}: {goal:.0%} {when}, ends at {statistics.median(one[kind]['ends']):.2%}")


def _times(looks: list[list[float]]) -> list[float | None]:
    return [first_reached(looks, goal) for goal in GOALS]


def measure_scaling(effort: Effort, engine: str) -> dict[str, Any]:
    """Examples a second against width, depth and minibatch."""
    tell("scaling: examples a second against width, depth and minibatch")
    peers = [entry for entry in both_and_ours() if entry.peer]
    counts = sorted({entry.threads for entry in peers if entry.threads})
    chosen = [*(Entry(OURS, threads) for threads in counts), *peers]
    results: dict[str, Any] = {"contestants": {}, "versions": {}, "lines": {}}
    for entry in chosen:
        results["contestants"][entry.key] = {"label": entry.label, "name": entry.name, "status": "measured"}
    workers = start(chosen, engine, results)
    try:
        for what, points in SCALING.items():
            line = results["lines"][what] = {
                "at": [value for value, _ in points],
                "rates": {key: [] for key in workers},
            }
            for _, work in points:
                for key, worker in list(workers.items()):
                    settle(workers)
                    try:
                        found = worker.ask("scale", work=dataclasses.asdict(work), seconds=effort.points)
                        line["rates"][key].append(found["rate"])
                    except LostError as error:
                        drop(workers, key, error, results)
            tell(f"    {what} done")
    finally:
        close(workers.values())
    return results


# ── The machine ──────────────────────────────────────────────────────────────────────────────────────────────────────


def available_cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def machine() -> dict[str, Any]:
    """What all this was measured on."""
    told = facts()
    flags = told.get("flags", "").split()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        memory = None
    return {
        "processor": processor(),
        "vendor": vendor(),
        "family": f"family {told['cpu family']}, model {told['model']}" if "cpu family" in told else "",
        "vectors": next((name for name in ("avx512f", "avx2", "avx") if name in flags), platform.machine()),
        "cores": available_cores(),
        "caches": cache_sizes(),
        "memory": memory,
        "system": platform.platform(),
        "python": platform.python_version(),
        "date": datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %z"),
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
    }


# ── All together ─────────────────────────────────────────────────────────────────────────────────────────────────────


def save(results: dict[str, Any], path: Path | None) -> None:
    """Keep what there is so far."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
        beside.replace(path)


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="about 2 minutes; writes no page")
    parser.add_argument("--only", help=f"some of {', '.join(SECTIONS)}, with commas between")
    parser.add_argument(
        "--add", action="store_true", help="put what --only names to the results that are there, and make the page"
    )
    parser.add_argument("--rest", action="store_true", help="measure the parts that the results do not have yet")
    parser.add_argument(
        "--limit", type=float, help="seconds that a peer far from the best trains at most before its late turns"
    )
    parser.add_argument("--rounds", type=int, help="how often every peer takes its turn")
    parser.add_argument("--out", type=Path, help="where to keep the results")
    parser.add_argument(
        "--report", action="store_true", help="make the page and the charts from results that are there"
    )
    parser.add_argument(
        "--engine", choices=("fused", "reference"), default="fused", help="which of glassnet's engines takes part"
    )
    given = parser.parse_args()
    if given.rest:
        if given.only or given.quick or given.out or given.add:
            parser.error("--rest goes with none of --only, --quick, --out, --add")
        there = json.loads(RESULTS.read_text()) if RESULTS.exists() else {"workloads": {}}
        given.only = ",".join(name for name in SECTIONS if name not in there and name not in there["workloads"])
        given.add = True
        if not given.only:
            parser.error(f"{RESULTS} has all parts")
    given.sections = given.only.split(",") if given.only else [
        name for name in SECTIONS if not (given.quick and name in NOT_QUICK)
    ]  # fmt: skip
    unknown = [name for name in given.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(SECTIONS)}")
    if given.add and (not given.only or given.quick or given.out):
        parser.error("--add goes with --only, and with neither --quick nor --out")
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if given.limit is not None and given.limit < 0:
        parser.error("--limit must be 0 or more")
    if given.out is not None:
        given.out = given.out.resolve()
    elif given.add:
        given.out = RESULTS
    elif not given.only:
        given.out = QUICK if given.quick else RESULTS
    return given


def _section(
    name: str,
    results: dict[str, Any],
    effort: Effort,
    left_out: dict[str, str],
    pool: dict[str, Worker],
    again: dict[str, Any] | None,
) -> None:
    """Measure one part and add it to the results; ``again`` says when, if the others are of another run."""
    engine = results["engine"]
    if name in WORKLOADS:
        found = measure(WORKLOADS[name], entries(), effort, engine, left_out, pool)
        results["workloads"][name] = found
    elif name == "ceilings":
        tell("ceilings: what this machine can do at most")
        counts = tuple(sorted({entry.threads for entry in entries() if entry.threads}))
        found = results["ceilings"] = measure_ceilings(counts, quick=results["quick"])
    elif name == "busy":
        found = results["busy"] = measure_busy(effort, engine, left_out)
    elif name == "cold":
        found = results["cold"] = measure_cold(effort, engine)
    elif name == "recipes":
        found = results["recipes"] = measure_recipes(effort, engine, left_out)
    else:
        found = results["scaling"] = measure_scaling(effort, engine)
    results["versions"] |= found.pop("versions", {})
    if again:
        found["again"] = again


def _there(path: Path, new: dict[str, Any]) -> dict[str, Any]:
    """The results that are there, if they can be added to: they must be of the same kind, and of this machine."""
    if not path.exists():
        sys.exit(f"{path} is not there: run python bench/run.py first")
    results: dict[str, Any] = json.loads(path.read_text())
    if results["quick"] or results["engine"] != new["engine"]:
        sys.exit(f"{path} is of another kind of run, so nothing can be added to it: run python bench/run.py")
    facts = ("processor", "family", "cores", "memory", "python")
    if any(results["machine"][fact] != new["machine"][fact] for fact in facts):
        sys.exit(f"{path} is of another machine, so nothing can be added to it: run python bench/run.py")
    return results


def main() -> None:
    """Measure what was asked for, keep it, and write the page if it is the full measurement."""
    given = options()
    if given.report:
        there = [json.loads(given.out.read_text())] if given.out else report.kept()
        if not there:
            sys.exit("there are no results: run python bench/run.py first")
        if any(each["quick"] for each in there):
            sys.exit("these are results of a quick run, which makes no page")
        report.write(there)
        return
    effort = FAST if given.quick else FULL
    if given.rounds:
        effort = dataclasses.replace(effort, rounds=given.rounds, seeds=tuple(range(given.rounds)))
    if given.limit is not None:
        effort = dataclasses.replace(effort, limit=given.limit)
    results = {
        "quick": given.quick,
        "engine": given.engine,
        "effort": dataclasses.asdict(effort),
        "machine": machine(),
        "versions": {},
        "workloads": {},
    }
    again = None
    if given.add:
        results, new = _there(RESULTS, results), results
        again = {"date": new["machine"]["date"], "load": new["machine"]["load"]}
        results["effort"] = new["effort"] | results["effort"]  # of a run of before, some were not known
    left_out = {"torch-compile": "takes too long to compile for the quick run"} if given.quick else {}
    pool: dict[str, Worker] = {}
    try:
        for section in SECTIONS:
            if section in given.sections:
                _section(section, results, effort, left_out, pool, again)
                results["seconds"] = results["seconds"] if given.add else time.monotonic() - BEGAN
                save(results, given.out)
    finally:
        close(pool.values())
    print("\n" + report.summary(results))
    if given.out:
        tell(f"wrote {given.out}")
    if given.out == RESULTS and (given.add or not given.only):
        report.write(report.kept())


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
