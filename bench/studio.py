"""What the studio costs, and how smooth it is: in the system's Chromium without a GPU, written into docs/studio.md.

python bench/studio.py                  # about four minutes, on an idle machine
python bench/studio.py --long           # only the last of these: a long run's end against its beginning
python bench/studio.py --report         # the page again, from what was measured

- The layer of all edges: how long a new picture of all 12,960 takes, from the weights to the canvas, in its worker.
- The page's own frames: the time its main thread works between two of its pictures, while the network learns.
- What it costs the training: the time of some epochs by plain ``train()`` with its record, beside a studio whose tab is in the
  background (open), and one whose tab shows the network learn (playing), taking turns.
- An answer to a stroke of the pen.
- Going back in time: from asking for any step of a run of 30 epochs to the frame that shows it.
- An edit by hand: from asking for it to the accuracy on 10,000 images.
- A long run at full speed: examples a second at its end against those at its beginning, as the page sees it come.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from bisect import bisect_left
from pathlib import Path
from typing import Any

for _library in ("OMP", "OPENBLAS", "MKL"):  # one thread, as a small network has; read when NumPy is loaded
    os.environ[f"{_library}_NUM_THREADS"] = "1"

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "scripts"))

from machine import processor
from studio_page import Started, Watched, launched, started

RESULTS = HERE / "results" / "studio.json"
PAGE = HERE.parent / "docs" / "studio.md"
MARKS = "<!-- measured: written by bench/studio.py -->\n", "<!-- /measured -->"
SPEED = 200
"""Minibatches a second at which the page is watched."""
LONG = 1000
"""Epochs of a long run: five million minibatches, at 1,000 a second an hour and a half."""
COURSE = 300
"""Epochs of the run whose end is compared with its beginning: a class's hour of playing at full speed takes it there."""
BEGINNING, ENDING = (5, 15), 10
"""Between which epochs the beginning is timed, and how many of the last are the end."""
EPOCHS = 150
"""Of each training that is timed: five to eight seconds, so that beginning and ending, a tenth of one, hardly counts."""


def percentile(values: list[float], share: float) -> float:
    """The smallest value that this share of them does not exceed."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def spread(values: list[float]) -> dict[str, Any]:
    """What is told of many times, in milliseconds."""
    return {
        "median": statistics.median(values),
        "p95": percentile(values, 0.95),
        "most": max(values),
        "times": len(values),
    }


# ── In the page ──────────────────────────────────────────────────────────────────────────────────────────────────────

_COLLECT = """() => {
  window.collected = { edges: [], frames: [] };
  const board = document.querySelector('[data-drawings]');
  new MutationObserver(() => collected.edges.push(Number(board.dataset.milliseconds)))
    .observe(board, { attributeFilter: ['data-drawings'] });
  let before = performance.now();
  const tick = (now) => { collected.frames.push(now - before); before = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
}"""

_SIZE = """() => {
  const { width, height } = document.querySelector('[data-drawings]').getBoundingClientRect();
  return [width, height];
}"""


def page_work(trace: dict[str, Any]) -> list[float]:
    """From a trace of Chromium: how long the page's main thread worked for each of its pictures, in milliseconds.

    All tasks of the renderer's main thread count, from one animation frame to the next: frames of the socket being unpacked,
    scripts, style, layout, paint.
    """
    events = trace["traceEvents"]
    callbacks = [event for event in events if event.get("name") == "FireAnimationFrame"]
    thread = statistics.mode((event["pid"], event["tid"]) for event in callbacks)
    called = sorted(event["ts"] for event in callbacks if (event["pid"], event["tid"]) == thread)
    tasks = sorted(
        (event["ts"], event.get("dur", 0))
        for event in events
        if event.get("name") in ("RunTask", "ThreadControllerImpl::RunTask") and (event["pid"], event["tid"]) == thread
    )
    work = [0.0]
    for begin, long in tasks:
        work[-1] += long / 1000
        # The task that calls the callbacks of a frame, however many there are, also lays it out and paints it: its last.
        if bisect_left(called, begin) < bisect_left(called, begin + long):
            work.append(0.0)
    return work[1:-1]


def in_page(seconds: float = 15) -> dict[str, Any]:
    """A tab at 1280×800 that shows the default network learn at 200 minibatches a second, every frame another one."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        studio = stack.enter_context(started())
        browser = stack.enter_context(launched())
        tab = Watched(browser.new_context(viewport={"width": 1280, "height": 800}), studio)
        page = tab.open()
        page.wait_for_selector("[data-drawings]")
        page.keyboard.press(" ")
        page.wait_for_timeout(2000)
        page.evaluate(_COLLECT)
        browser.start_tracing(
            page=page, categories=["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
        )
        page.wait_for_timeout(1000 * seconds)
        trace = json.loads(browser.stop_tracing())
        found = page.evaluate("collected")
        answers = strokes(page)
        assert not tab.wrong, tab.wrong
        size = page.evaluate(_SIZE)
        page.context.close()
        alone, large = edges_alone(browser, studio)
    return {
        "speed": SPEED,
        "edges": spread(found["edges"]),
        "edges alone": spread(alone),
        "stage": size,
        "stage alone": large,
        "between frames": spread(found["frames"]),
        "work for a frame": spread(page_work(trace)),
        "answer to a stroke": spread(answers),
    }


def edges_alone(browser: Any, studio: Started, seconds: float = 10) -> tuple[list[float], list[float]]:
    """How long the edges take in a window so large that they fill 1280×800 of it; and what they filled."""
    tab = Watched(browser.new_context(viewport={"width": 2080, "height": 1060}), studio)
    page = tab.open()
    page.wait_for_selector("[data-drawings]")
    page.evaluate(_COLLECT)
    page.wait_for_timeout(1000 * seconds)
    taken, size = page.evaluate("collected.edges"), page.evaluate(_SIZE)
    page.context.close()
    return taken, size


def strokes(page: Any, count: int = 60) -> list[float]:
    """Draw while it learns; how long after each movement of the pen its answer was there, in milliseconds.

    The page measures it, from the event of the movement to the frame that holds the answer.
    """
    panel, box = page.locator(".input"), page.locator(".input [role=application]").bounding_box()
    taken = []
    page.mouse.move(box["x"] + 0.3 * box["width"], box["y"] + 0.2 * box["height"])
    page.mouse.down()
    for number in range(count):
        before = panel.get_attribute("data-answers")
        x, y = 0.3 + 0.4 * (number % 2), 0.2 + 0.6 * number / count
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
        page.wait_for_function(
            "before => (document.querySelector('.input').dataset.answers ?? null) !== before", arg=before
        )
        taken.append(float(panel.get_attribute("data-answer-ms")))
    page.mouse.up()
    return taken


# ── Time and hands ───────────────────────────────────────────────────────────────────────────────────────────────────

_ASK = """async (message) => {
  const { model } = window.glassnet;
  const begin = performance.now();
  const shown = new Promise((resolve) => {
    const off = model.on("frame", () => {
      if (message.do === "seek" && model.get("status").step !== message.step) return;
      off();
      resolve(performance.now() - begin);
    });
  });
  await model.send(message);
  const answered = performance.now() - begin;
  return [answered, message.do === "seek" ? await shown : answered];
}"""


def through_time(count: int = 200) -> dict[str, Any]:
    """A finished run of the default network: to random steps of it, one minibatch back and back again, and edits by hand."""
    import random

    chance = random.Random(0)
    with launched() as browser, started() as studio:
        tab = Watched(browser.new_context(viewport={"width": 1280, "height": 800}), studio)
        page = tab.open()
        steps = studio.state()["status"]["steps"]
        page.evaluate("step => window.glassnet.model.send({ do: 'reach', step })", steps)
        page.wait_for_timeout(3000)

        def asked(message: dict[str, Any]) -> float:
            page.wait_for_timeout(100)  # until what came before is drawn
            return float(page.evaluate(_ASK, message)[1])

        seeks = [asked({"do": "seek", "step": chance.randrange(steps)}) for _ in range(count)]
        here = studio.state()["status"]["step"]
        backs = [asked({"do": "seek", "step": here - 1 - number}) for number in range(count // 2)]
        page.evaluate("step => window.glassnet.model.send({ do: 'seek', step })", steps)
        edits = []
        for number in range(count // 2):
            value = chance.uniform(-2, 2)
            edits.append(
                asked({"do": "edit", "kind": "bias", "layer": 1, "neuron": 3, "value": value, "stroke": number})
            )
        assert not tab.wrong, tab.wrong
        memory = {"30": resident(studio)}
        for epochs in (300, LONG):
            page.evaluate("epochs => window.glassnet.model.send({ do: 'change', epochs })", epochs)
            page.evaluate("step => window.glassnet.model.send({ do: 'reach', step })", steps // 30 * epochs)
            page.wait_for_timeout(3000)
            for _ in range(count // 2):
                asked({"do": "seek", "step": chance.randrange(steps // 30 * epochs)})
            memory[str(epochs)] = resident(studio)
    with launched() as browser, tempfile.TemporaryDirectory() as folder:
        # Opened again: what was kept in memory is gone.
        home = Path(folder) / "home"
        with started(home=home) as studio:
            page = Watched(browser.new_context(), studio).open()
            page.evaluate("step => window.glassnet.model.send({ do: 'reach', step })", steps)
        first = []
        for _ in range(10):
            with started(home=home) as studio:
                page = Watched(browser.new_context(), studio).open()
                first.append(float(page.evaluate(_ASK, {"do": "seek", "step": chance.randrange(steps)})[1]))
                page.context.close()
    return {
        "seek": spread(seeks),
        "back": spread(backs),
        "first seek": spread(first),
        "edit": spread(edits),
        "memory": memory,
    }


def resident(studio: Started) -> int:
    """The memory that the server has, in bytes."""
    text = Path(f"/proc/{studio.process.pid}/status").read_text()
    return 1024 * int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:")))


# ── What it costs the training ───────────────────────────────────────────────────────────────────────────────────────


def plain(folder: Path) -> float:
    """Seconds for the epochs by train() with its record, as the command line does it."""
    from glassnet import Run, last, mnist, record, train
    from glassnet.runs.recipes import recipe

    digits, network = mnist(), recipe("plain").network()
    run = Run.create(folder, {})
    begin = time.perf_counter()
    last(record(train(network, digits.train, validation=digits.validation, epochs=EPOCHS), run))
    return time.perf_counter() - begin


class Played:
    """A studio at full speed, with a tab that is hidden or shows the network, in which so many epochs more are played."""

    def __init__(self, browser: Any, studio: Started) -> None:
        self._studio = studio
        self._tab = Watched(browser.new_context(viewport={"width": 1280, "height": 800}), studio)
        # What a browser says of a tab behind another; the page then asks for no frames.
        self._tab.page.add_init_script(
            "Object.defineProperty(document, 'hidden', { get: () => window.behind === true })"
        )
        self._page = self._tab.open()
        self._send(do="speed", value=None)

    def _send(self, **message: Any) -> None:
        self._page.evaluate("message => window.glassnet.model.send(message)", message)

    def seconds(self, hidden: bool) -> float:
        """Seconds for the same number of epochs."""
        self._page.evaluate(
            "behind => { window.behind = behind; document.dispatchEvent(new Event('visibilitychange')); }", hidden
        )
        status = self._studio.state()["status"]
        # A run that is at its end is given more epochs; the first has thirty still to do, too.
        left = status["epochs"] - (status["step"] * status["epochs"] // status["steps"])
        self._send(do="change", epochs=status["epochs"] + EPOCHS - left)
        self._page.wait_for_timeout(700)  # until it has been judged and saved, and stands still
        begin = time.perf_counter()
        self._send(do="play")
        expected = 0.0
        while (status := self._studio.state()["status"])["mode"] == "playing":
            # Asking costs it something, too: seldom at first, often when it is about to end.
            done = 1 - (status["epochs"] - status["epoch"]) / EPOCHS
            expected = (time.perf_counter() - begin) / max(done, 0.05)
            time.sleep(max(0.01, min(0.5, 0.5 * (expected - (time.perf_counter() - begin)))))
        return time.perf_counter() - begin


def training(turns: int = 9) -> dict[str, Any]:
    """The three, taking turns, each with the studio between two plain ones: the machine's own speed changes as time goes on."""
    told = []
    with launched() as browser, started() as studio, tempfile.TemporaryDirectory() as folder:
        folders = (Path(folder) / str(number) for number in itertools.count())
        played = Played(browser, studio)
        before = plain(next(folders))
        for number in range(turns + 1):
            turn = {"open": played.seconds(hidden=True), "between": plain(next(folders))}
            turn |= {"playing": played.seconds(hidden=False), "after": plain(next(folders))}
            turn, before = {"before": before} | turn, turn["after"]
            print({name: round(seconds, 2) for name, seconds in turn.items()}, flush=True)
            if number:  # the first turn warms up what is kept: compiled loops, the browser's own code
                told.append(turn)

    def longer(each: str, one: str, other: str) -> list[float]:
        return [2 * turn[each] / (turn[one] + turn[other]) - 1 for turn in told]

    costs = {
        "open": longer("open", "before", "between"),
        "playing": longer("playing", "between", "after"),
        "nothing": longer("between", "before", "after"),
    }
    return {"epochs": EPOCHS, "seconds": told, "longer": costs}


# ── The end of a long run ────────────────────────────────────────────────────────────────────────────────────────────

_FOLLOW = """() => {
  const { model } = window.glassnet;
  window.course = [];
  model.on("frame", () => window.course.push([performance.now() / 1000, model.get("status").step]));
}"""


def pace(course: list[list[float]], first: float, last: float) -> float:
    """Minibatches a second from one step to another: the slope of the line nearest to the frames between them.

    ``course`` has a time in seconds and a step for each frame.
    """
    times, steps = zip(*((when, step) for when, step in course if first <= step <= last), strict=True)
    slope, _ = statistics.linear_regression(times, steps)
    return slope


def long_run(epochs: int = COURSE, runs: int = 3) -> dict[str, Any]:
    """New runs of the default network with so many epochs, at full speed in a tab that shows it: its beginning and its end."""
    from glassnet.runs.recipes import recipe

    size, rates = recipe("plain").settings.batch_size, []
    with launched() as browser:
        for _ in range(runs):
            with started() as studio:
                tab = Watched(browser.new_context(viewport={"width": 1280, "height": 800}), studio)
                page = tab.open()

                def send(page: Any = page, **message: Any) -> None:
                    page.evaluate("message => window.glassnet.model.send(message)", message)

                send(do="speed", value=None)
                send(do="change", epochs=epochs)
                page.evaluate(_FOLLOW)
                send(do="play")
                # The page says when it is over: asking the server would cost the training something.
                page.wait_for_function(
                    "epochs => ((status) => status.epochs === epochs && status.step === status.steps)"
                    "(window.glassnet.model.get('status'))",
                    arg=epochs,
                    timeout=1_800_000,
                )
                course, status = page.evaluate("window.course"), studio.state()["status"]
                assert not tab.wrong, tab.wrong
                page.context.close()
            each = status["steps"] // epochs
            begin = pace(course, BEGINNING[0] * each, BEGINNING[1] * each)
            rates.append([size * begin, size * pace(course, (epochs - ENDING) * each, epochs * each)])
            print(f"examples a second: {rates[-1][0]:,.0f} at first, {rates[-1][1]:,.0f} at the end", flush=True)
    return {"epochs": epochs, "rates": rates}


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def report(results: dict[str, Any]) -> str:
    """The figures, as they stand in docs/studio.md."""
    page, train = results["page"], results["training"]

    def row(what: str, name: str, goal: str) -> str:
        each = page[name]
        return f"| {what} | {each['median']:.1f} ms | {each['p95']:.1f} ms | {goal} |"

    def time_row(what: str, name: str, goal: str) -> str:
        each = results["time"][name]
        return f"| {what} | {each['median']:.1f} ms | {each['p95']:.1f} ms | {goal} |"

    width, height = page["stage"]
    longer = {name: [100 * each for each in values] for name, values in train["longer"].items()}

    def told(name: str) -> str:
        values = longer[name]
        low, middle, high = statistics.quantiles(values, n=4)
        return f"{middle:.1f} % ({low:.1f} to {high:.1f})"

    course = results.get("long")
    ending = []
    if course:
        rates = course["rates"]
        ratio, first, end = (
            statistics.median(each) for each in zip(*((end / first, first, end) for first, end in rates), strict=True)
        )
        ending = [
            f"{course['epochs']} epochs at full speed, in a tab that shows them: {first:,.0f} examples a second in epochs "
            f"{BEGINNING[0]} to {BEGINNING[1]}, {end:,.0f} in the last {ENDING}: {ratio:.2f} times as many (aim ≥ 0.9; medians "
            f"of {len(rates)} runs).",
            "",
        ]
    alone = statistics.median(turn["between"] for turn in train["seconds"])
    lines = [
        f"Measured by `python bench/studio.py` on {results['machine']}, {results['cores']} cores shared by server and browser, "
        f"Chromium without a GPU, a window of 1280×800 of which the network takes {width:.0f}×{height:.0f}, the default "
        f"network learning at {page['speed']} minibatches a second:",
        "",
        "| | median | 95th percentile | aim |",
        "|---|---|---|---|",
        row("all 12,960 edges drawn anew, in their worker", "edges", "≤ 100 ms"),
        row("… in a window where they fill {:.0f}×{:.0f}".format(*page["stage alone"]), "edges alone", "≤ 100 ms"),
        row("work of the page's main thread for one picture", "work for a frame", "≤ 16 ms"),
        row("from a movement of the pen to the network's answer", "answer to a stroke", "≤ 50 ms"),
        time_row("from asking for any step of a run of 30 epochs to the frame that shows it", "seek", "≤ 300 ms"),
        time_row("… the first time after the studio was started again", "first seek", "≤ 300 ms"),
        time_row("… one minibatch back", "back", "≤ 300 ms"),
        time_row("from an edit by hand to the accuracy on 10,000 images", "edit", "≤ 100 ms"),
        "",
        "The server's memory, with a tab open and after going back in time a hundred times or more: "
        + ", ".join(
            f"{size / 2**20:.0f} MB after {int(epochs):,} epochs" for epochs, size in results["time"]["memory"].items()
        )
        + f". ({LONG:,} epochs are {LONG * 5000:,} minibatches, which at 1,000 a second take an hour and a half.)",
        "",
        f"{train['epochs']} epochs at full speed take {alone:.1f} s by plain `train()`, saved as the command line does. How "
        f"much longer they take, each beside the two plain ones before and after it: medians of {len(train['seconds'])} turns, "
        "and between which values the middle half of them lies.",
        "",
        "| | longer | aim |",
        "|---|---|---|",
        f"| in the studio, with a tab in the background | {told('open')} | < 5 % |",
        f"| in the studio, with a tab that shows the network learn | {told('playing')} | < 15 % |",
        f"| plain `train()` itself, which tells how much of this is the machine's noise | {told('nothing')} | |",
        "",
        *ending,
    ]
    return "\n".join(lines)


def write(results: dict[str, Any]) -> None:
    """Put the figures into docs/studio.md."""
    begin, rest = PAGE.read_text(encoding="utf-8").split(MARKS[0])
    PAGE.write_text(begin + MARKS[0] + report(results) + MARKS[1] + rest.split(MARKS[1])[1], encoding="utf-8")


def main() -> None:
    """Measure, record, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--report", action="store_true", help="write the page again from what was measured")
    parser.add_argument("--page", action="store_true", help="measure the page only")
    parser.add_argument("--time", action="store_true", help="measure going back in time and edits only")
    parser.add_argument("--long", action="store_true", help="measure the end of a long run only")
    options = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if not options.report:
        if not options.long:
            results |= {"machine": processor(), "cores": os.cpu_count(), "time": through_time()}
            if not options.time:
                results["page"] = in_page()
            if not options.page and not options.time:
                results["training"] = training()
        if not options.page and not options.time:
            results["long"] = {"machine": processor(), **long_run()}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write(results)


if __name__ == "__main__":
    main()
