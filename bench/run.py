"""How fast is glassnet, side by side with PyTorch, JAX, scikit-learn and onnxruntime?

    python bench/run.py                  # everything, about 20 minutes; writes docs/performance.md and its charts
    python bench/run.py --quick          # about 2 minutes: fewer rounds, no torch.compile, P2, P5 or scaling; no page
    python bench/run.py --only P1,cold   # some parts; kept only with --out FILE
    python bench/run.py --report         # the page and the charts again, from what was measured

Every contestant lives in a process of its own (worker.py), which loads, compiles and tries out what it likes. Then they take
turns, glassnet before every peer, so that both see the same machine; only one of them computes at a time. A peer that is
not installed is reported as missing, never as beaten.
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
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import report
from ceilings import cache_sizes
from ceilings import measure as measure_ceilings
from contestants import OURS, Entry, entries
from workloads import PIECES, SCALING, WORKLOADS, Workload, needs

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "performance.json"
QUICK = HERE / "results" / "performance-quick.json"
SECTIONS = ("ceilings", *WORKLOADS, "cold", "accuracy", "scaling")
NOT_QUICK = ("P2", "P5", "scaling")
"""What the quick run leaves out, unless it is asked for."""
SETTLE = 0.3
"""Seconds for which a turn waits, at most, for the threads of the last one to go to sleep: some turn over for a while."""
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
        seeds: of the time to accuracy.
        epochs: of the time to accuracy, at most.
        cold: how often each cold start.
        points: seconds for a point of the scaling chart, twice.
        fresh: new processes for every workload, which memory is counted by.
    """

    rounds: int
    turn: float
    slow: float
    seeds: tuple[int, ...]
    epochs: int
    cold: int
    points: float
    fresh: bool


FULL = Effort(rounds=5, turn=0.4, slow=3.0, seeds=(0, 1, 2), epochs=10, cold=3, points=0.15, fresh=True)
FAST = Effort(rounds=3, turn=0.1, slow=0.6, seeds=(0,), epochs=4, cold=1, points=0.05, fresh=False)


class LostError(Exception):
    """A worker that cannot go on; ``status`` is "missing" or "failed"."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Worker:
    """A contestant's process."""

    def __init__(self, entry: Entry, engine: str, *, more: dict[str, str] | None = None, cold: bool = False) -> None:
        self.entry, self.started = entry, time.time()
        self.errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close())
        options = ["--cold"] if cold else ["--started", repr(self.started)]
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
        _take_turns(work, workers, results, effort)
        _finish(work, workers, results, effort)
    finally:
        if effort.fresh:
            close(workers.values())
            pool.clear()
    for key, one in kept.items():
        if one["status"] == "measured":
            ratio = "" if key == OURS or not one["ratios"] else f", {statistics.median(one['ratios']):.2f} × ours"
            tell(f"    {one['label']}: {report.seconds(statistics.median(one['seconds']))}{ratio}  {one['way']}")
    return results


def _take_turns(work: Workload, workers: dict[str, Worker], results: dict[str, Any], effort: Effort) -> None:
    kept = results["contestants"]
    turns: dict[str, dict[str, Any]] = {}
    for key, worker in list(workers.items()):
        try:
            settle(workers)
            found = worker.ask("choose")
            part = work.kind == "train" and found["seconds"] > effort.slow
            worker.ask("time", part=part, repeats=1)  # compiles for this length, if need be
        except LostError as error:
            drop(workers, key, error, results)
            continue
        length = found["seconds"] / PIECES if part else found["seconds"]
        turns[key] = {"part": part, "repeats": max(1, math.ceil(effort.turn / max(length, 1e-9)))}
        kept[key] |= {"status": "measured", "seconds": [], "ratios": [], "in_part": part}
        kept[key] |= {"way": found["way"], "ways": found["ways"], "ways_failed": found["failed"]}

    idle = busy = 0.0

    def turn(key: str) -> float | None:
        nonlocal idle, busy
        others = [worker for other, worker in workers.items() if other != key]
        settle(workers)
        before, began = sum(worker.processor_seconds() for worker in others), time.perf_counter()
        try:
            seconds = workers[key].ask("time", **turns[key])
        except LostError as error:
            drop(workers, key, error, results)
            return None
        busy += time.perf_counter() - began
        idle += sum(worker.processor_seconds() for worker in others) - before
        kept[key]["seconds"].append(seconds)
        return seconds

    for _ in range(effort.rounds):
        for key in [key for key in workers if key != OURS] or list(workers):
            ours = turn(OURS) if OURS in workers and key != OURS else None
            if key not in workers:
                continue
            seconds = turn(key)
            if ours and seconds:
                kept[key]["ratios"].append(seconds / ours)
    # The part of a turn that the others, which should be waiting, have been computing.
    results["disturbed"] = idle / busy if busy else 0.0


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


def measure_accuracy(effort: Effort, engine: str) -> dict[str, Any]:
    """When each contestant has which accuracy on the test images."""
    tell("time to accuracy: 784-128-10, relu, softmax, cross-entropy, Adam 0.001, minibatch 64")
    results: dict[str, Any] = {"contestants": {}, "seeds": effort.seeds, "goals": report.GOALS}
    # Between two looks NumPy's threads would still be turning: looking is done by one.
    more = {"OPENBLAS_NUM_THREADS": "1"}
    for seed in effort.seeds:
        for entry in both_and_ours():
            one = results["contestants"].setdefault(
                entry.key, {"label": entry.label, "name": entry.name, "status": "measured", "cold": [], "warm": []}
            )
            if one["status"] != "measured":
                continue
            worker = Worker(entry, engine, more=more)
            try:
                for kind in ("cold", "warm"):
                    settings = {"seed": seed, "epochs": effort.epochs, "goal": max(report.GOALS)}
                    worker.tell("accuracy", cold=kind == "cold", **settings)
                    if kind == "cold":
                        worker.hear()  # that it is loaded
                    one[kind].append(worker.hear()["looks"])
                    last = one[kind][-1][-1]
                    tell(f"    {entry.label}, seed {seed}, {kind}: {last[1]:.2%} after {report.seconds(last[0])}")
            except LostError as error:
                one |= lost(error)
                tell(f"    {entry.label}: {error.status} ({error.reason})")
            finally:
                worker.close()
    return results


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


def machine() -> dict[str, Any]:
    """What all this was measured on."""
    facts: dict[str, str] = {}
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    flags = facts.get("flags", "").split()
    try:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        memory = None
    return {
        "processor": facts.get("model name") or platform.processor() or platform.machine(),
        "family": f"family {facts['cpu family']}, model {facts['model']}" if "cpu family" in facts else "",
        "vectors": next((name for name in ("avx512f", "avx2", "avx") if name in flags), platform.machine()),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
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
    parser.add_argument("--rounds", type=int, help="how often every peer takes its turn")
    parser.add_argument("--out", type=Path, help="where to keep the results")
    parser.add_argument(
        "--report", action="store_true", help="make the page and the charts from results that are there"
    )
    parser.add_argument(
        "--engine", choices=("fused", "reference"), default="fused", help="which of glassnet's engines takes part"
    )
    given = parser.parse_args()
    given.sections = given.only.split(",") if given.only else [
        name for name in SECTIONS if not (given.quick and name in NOT_QUICK)
    ]  # fmt: skip
    unknown = [name for name in given.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}: choose from {', '.join(SECTIONS)}")
    if given.rounds is not None and given.rounds < 1:
        parser.error("--rounds must be 1 or more")
    if given.out is not None:
        given.out = given.out.resolve()
    elif not given.only:
        given.out = QUICK if given.quick else RESULTS
    return given


def _section(
    name: str, results: dict[str, Any], effort: Effort, left_out: dict[str, str], pool: dict[str, Worker]
) -> None:
    """Measure one part and add it to the results."""
    engine = results["engine"]
    if name in WORKLOADS:
        found = measure(WORKLOADS[name], entries(), effort, engine, left_out, pool)
        results["workloads"][name] = found
    elif name == "ceilings":
        tell("ceilings: what this machine can do at most")
        counts = tuple(sorted({entry.threads for entry in entries() if entry.threads}))
        found = results["ceilings"] = measure_ceilings(counts, quick=results["quick"])
    elif name == "cold":
        found = results["cold"] = measure_cold(effort, engine)
    elif name == "accuracy":
        found = results["accuracy"] = measure_accuracy(effort, engine)
    else:
        found = results["scaling"] = measure_scaling(effort, engine)
    results["versions"] |= found.pop("versions", {})


def main() -> None:
    """Measure what was asked for, keep it, and write the page if it is the full measurement."""
    given = options()
    if given.report:
        path = given.out or RESULTS
        if not path.exists():
            sys.exit(f"{path} is not there: run python bench/run.py first")
        results = json.loads(path.read_text())
        if results["quick"]:
            sys.exit(f"{path} is of a quick run, which makes no page")
        report.write(results)
        return
    effort = FAST if given.quick else FULL
    if given.rounds:
        effort = dataclasses.replace(effort, rounds=given.rounds)
    results = {
        "quick": given.quick,
        "engine": given.engine,
        "effort": dataclasses.asdict(effort),
        "machine": machine(),
        "versions": {},
        "workloads": {},
    }
    left_out = {"torch-compile": "takes too long to compile for the quick run"} if given.quick else {}
    pool: dict[str, Worker] = {}
    try:
        for section in SECTIONS:
            if section in given.sections:
                _section(section, results, effort, left_out, pool)
                results["seconds"] = time.monotonic() - BEGAN
                save(results, given.out)
    finally:
        close(pool.values())
    print("\n" + report.summary(results))
    if given.out:
        tell(f"wrote {given.out}")
    if given.out == RESULTS and not given.only:
        report.write(results)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
