"""The page docs/performance.md and its charts, from what run.py measured. ``python bench/run.py --report`` makes them again.

Nothing is chosen here: every contestant that was measured is in the tables, with its range, and every target that was missed
is said to be missed.
"""

from __future__ import annotations

import datetime
import inspect
import json
import statistics
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workloads import WORKLOADS

__all__ = ["kept", "seconds", "summary", "write"]

RESULTS = Path(__file__).parent / "results"
LATE = RESULTS / "late.json"
DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "performance.md"
MARKS = "<!-- performance: written by bench/run.py -->", "<!-- /performance -->"
READMES = {
    "README.md": (
        "", "glassnet", "best peer", "times as fast",
        "an epoch of {0}, minibatch {1}", "one image through {0}", "10,000 images through {0}",
        "{processor}, {cores} cores. Epochs are those from epoch {epoch} on, which can take longer than the first ones.",
        "{processor}, {cores} cores. Epochs are early ones; late ones, which can take longer, were not timed.",
        "epoch {epoch}",
    ),
    "README.zh.md": (
        "", "glassnet", "最快的对手", "速度之比",
        "{0} 训练一轮，每批 {1} 个样本", "{0} 判断一张图像", "{0} 判断一万张图像",
        "{processor}，{cores} 个处理器核。训练的用时取自第 {epoch} 轮起：后期的一轮可能比最初几轮更慢。",
        "{processor}，{cores} 个处理器核。训练的用时取自最初几轮：后期的一轮可能更慢，尚未测量。",
        "第 {epoch} 轮",
    ),
}  # fmt: skip
"""Where the README of each language quotes the results, and its words."""
OURS = "glassnet"
KINDS = ("amd", "intel", "arm")
"""Kinds of processors (:func:`machine.vendor`) whose results are looked for first, in this order; then any others."""
KEPT_SHARE = 0.9
"""Beside one neighbor, glassnet must be at least this times as fast as one thread of it beside the same neighbor."""
BUSY = 0.5
"""From this load average on, something else is running."""
# Okabe and Ito's colors, which are told apart by all kinds of eyes.
MOST, NEAR = 10, 1.5
"""Epochs of a turn at most; how many times as long as the best peer one may take that trains the whole way to late epochs."""
COLORS = {
    OURS: "#0072B2",
    "torch-eager": "#E69F00",
    "torch-compile": "#D55E00",
    "jax": "#009E73",
    "scikit-learn": "#CC79A7",
    "onnxruntime": "#56B4E9",
}
INK, PALE = "#333333", "#dddddd"


# ── What there is ────────────────────────────────────────────────────────────────────────────────────────────────────


def kept() -> list[dict[str, Any]]:
    """The results of each kind of processor that are there, the newest first."""
    names = [*KINDS, *sorted({path.stem for path in RESULTS.glob("*.json")} - set(KINDS))]
    paths = [path for name in names if (path := RESULTS / f"{name}.json").exists()]
    found = [json.loads(path.read_text()) for path in paths]
    return newest_first([each for each in found if "workloads" in each and "machine" in each and not each.get("quick")])


def newest_first(results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same, by the time at which their run began."""
    return sorted(
        results,
        key=lambda each: datetime.datetime.strptime(each["machine"]["date"], "%Y-%m-%d %H:%M %z"),
        reverse=True,
    )


# ── Figures as text ──────────────────────────────────────────────────────────────────────────────────────────────────


def seconds(value: float) -> str:
    """Three digits and a unit: 1.23 s, 45.6 ms, 7.89 µs, 12.0 ns."""
    for factor, unit in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= 0.9995 * factor:
            return f"{_digits(value / factor)} {unit}"
    return f"{_digits(value / 1e-9)} ns"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 99.95 else f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"


def _count(value: float) -> str:
    """Three digits of a large number: 1.23 million, 45,600."""
    if value >= 999_500:
        return f"{_digits(value / 1e6)} million"
    return f"{round(value, 2 - len(str(int(value))) + 1):,.0f}" if value >= 1000 else f"{value:.0f}"


def _large(value: float, unit: float) -> str:
    """Three digits or more, in billions or millions; what is tiny against them is less than a thousandth."""
    each = value / unit
    return f"{each:,.0f}" if each >= 999.5 else f"{each:.3g}" if each >= 0.001 else "< 0.001" if each else "0"


def _bytes(value: float | None) -> str:
    if value is None:
        return "not known"
    for factor, unit in ((2**30, "GB"), (2**20, "MB"), (2**10, "KB")):
        if value >= factor:
            return f"{value / factor:.1f} {unit}" if unit == "GB" else f"{value / factor:.0f} {unit}"
    return f"{value:.0f} B"


def _times(values: Sequence[float], *, ranged: bool = True) -> str:
    """The median of some ratios, and their range."""
    if not values:
        return "–"
    text = f"{statistics.median(values):.2f}×"
    return f"{text} ({min(values):.2f} – {max(values):.2f})" if ranged else text


def _text(text: str) -> list[str]:
    """Paragraphs and lists, as lines of Markdown that are not too long."""
    lines = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        items = [f"- {item}" for item in paragraph.removeprefix("- ").split("\n- ")]
        for item in items if paragraph.startswith("- ") else [paragraph]:
            one = " ".join(item.split())
            indent = "  " if item.startswith("- ") else ""
            lines += textwrap.wrap(one, 120, subsequent_indent=indent, break_on_hyphens=False, break_long_words=False)
        lines.append("")
    return lines


def _picture(name: str, charts: Sequence[str], alternative: str) -> list[str]:
    """A chart with what it shows in words, if it was drawn."""
    return [f"![{alternative}]({name})", ""] if name in charts else []


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def _best(measured: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The peer with the lowest median, over all peers and numbers of threads."""
    peers = {
        key: one for key, one in measured["contestants"].items() if one["name"] != OURS and one["status"] == "measured"
    }
    if not peers:
        return None
    key = min(peers, key=lambda key: statistics.median(peers[key]["seconds"]))
    return key, peers[key]


def _ours(measured: dict[str, Any]) -> dict[str, Any] | None:
    one = measured["contestants"].get(OURS)
    return one if one and one["status"] == "measured" else None


def _goals(measured: dict[str, Any]) -> tuple[float, float | None]:
    """The ratio that is asked for now, and the one that is aimed at: today's, not those of the day of the measurement."""
    work = measured["work"]
    known = WORKLOADS.get(work["name"])
    return (known.target or 0.0, known.aim) if known else (work["target"], work.get("aim"))


def _is_late(one: dict[str, Any]) -> bool:
    """Whether the times and ratios of a contestant are of late epochs; those of early ones stand beside them."""
    return "early" in one


def _fell_short(one: dict[str, Any], results: dict[str, Any]) -> int | None:
    """The epoch in which a contestant's late turns began, if time was up before it had come as far as the others."""
    late, reached = results["effort"].get("late"), one.get("epochs", {}).get("late")
    return int(reached) if late and reached is not None and reached < late else None


@dataclass(frozen=True)
class Verdict:
    """Ours against the best peer on a workload, as text."""

    ours: str
    best: str
    early: str
    ratio: str
    reached: str


NOT_LATE = "cannot be said: no late epochs were timed"


def _verdict(measured: dict[str, Any], results: dict[str, Any]) -> Verdict:
    """A training is judged by its late epochs; where there are none, there is no verdict."""
    ours, best, (target, _) = _ours(measured), _best(measured), _goals(measured)
    mine = seconds(statistics.median(ours["seconds"])) if ours else measured["contestants"][OURS]["status"]
    theirs = f"{best[1]['label']}: {seconds(statistics.median(best[1]['seconds']))}" if best else "none was measured"
    if not (ours and best and best[1]["ratios"]):
        return Verdict(mine, theirs, "–", "–", "cannot be said")
    peer = best[1]
    if measured["work"]["kind"] == "train" and not _is_late(peer):
        return Verdict(mine, theirs, _times(peer["ratios"]), "–", NOT_LATE)
    if (epoch := _fell_short(peer, results)) is not None:
        theirs += f", in epoch {epoch}"
    ratio = statistics.median(peer["ratios"])
    reached = "reached" if ratio >= target else f"**missed** by {1 - ratio / target:.0%}"
    absent = [one["label"] for one in measured["contestants"].values() if one["status"] in ("missing", "failed")]
    if absent:
        reached += f", but not measured: {'; '.join(absent)}"
    return Verdict(
        mine, theirs, _times(peer["early"]["ratios"]) if _is_late(peer) else "–", _times(peer["ratios"]), reached
    )


def _limit(measured: dict[str, Any], ceilings: dict[str, Any]) -> tuple[float, str] | None:
    """The least seconds that this machine needs, and which ceiling says so."""
    need = measured.get("needs")
    if not need or not ceilings.get("product") or not ceilings.get("copy"):
        return None
    product, copy = need["operations"] / ceilings["product"], need["bytes"] / ceilings["copy"]
    return (product, "product") if product >= copy else (copy, "copy")


def summary(results: dict[str, Any]) -> str:
    """What was measured, in a few lines for the terminal."""
    load = results["machine"]["load"]
    lines = [f"something else is running here (load average {load[0]:.2f})"] if load and load[0] > BUSY else []
    for name, measured in results["workloads"].items():
        found = _verdict(measured, results)
        against = f"ratio {found.ratio} (early {found.early}), target {_goals(measured)[0]:g}×"
        reached = found.reached.replace("**", "")
        lines.append(f"{name}: glassnet {found.ours}; best peer {found.best}; {against}: {reached}")
        if measured["disturbed"] > 0.02:
            lines.append(
                f"    contestants that should have been waiting computed {measured['disturbed']:.0%} of the time"
            )
    for name, one in results.get("busy", {}).get("workloads", {}).items():
        row = _busy_verdict(one)
        if row:
            lines.append(f"{name}, beside others: {'; '.join(row)}".replace("**", ""))
    return "\n".join(lines)


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def write(everything: Sequence[dict[str, Any]]) -> None:
    """The charts of the newest results, and the page and the READMEs, from the results of all kinds of processors."""
    everything = newest_first(everything)
    charts = _charts(everything[0])
    PAGE.write_text("\n".join(_page(everything, charts)).rstrip() + "\n", encoding="utf-8")
    for name, words in READMES.items():
        path = DOCS.parent / name
        text = path.read_text(encoding="utf-8")
        begin, end = (text.index(mark) for mark in MARKS)
        table = "\n".join(readme_table(everything[0], words))
        path.write_text(f"{text[:begin]}{MARKS[0]}\n{table}{text[end:]}", encoding="utf-8")
    for path in (PAGE, *(DOCS / chart for chart in charts)):
        print(f"wrote {path}")


def readme_table(results: dict[str, Any], words: Sequence[str]) -> list[str]:
    """The few lines that the README quotes: each workload, ours, the best peer, and how many times as fast; late epochs."""
    rows, late = [], True
    for measured in results["workloads"].values():
        ours, best = _ours(measured), _best(measured)
        if ours is None or best is None or not best[1]["ratios"]:
            continue
        work, peer = measured["work"], best[1]
        sizes = "-".join(map(str, work["sizes"]))
        what = words[5] if work["kind"] == "latency" else words[6] if work["kind"] == "throughput" else words[4]
        late = late and (work["kind"] != "train" or _is_late(peer))
        mine, theirs = (seconds(statistics.median(each["seconds"])) for each in (ours, peer))
        name = peer["label"].partition(",")[0]
        if (epoch := _fell_short(peer, results)) is not None:
            name += f", {words[9].format(epoch=epoch)}"
        rows.append(
            (
                what.format(sizes, work["batch"]),
                mine,
                f"{theirs} ({name})",
                f"{statistics.median(peer['ratios']):.1f} ×",
            )
        )
    facts = results["machine"]
    note = words[7 if late else 8].format(
        processor=facts["processor"], cores=facts["cores"], epoch=results["effort"].get("late")
    )
    return [*_table(words[:4], rows), note]


def _page(everything: Sequence[dict[str, Any]], charts: Sequence[str]) -> list[str]:
    """The newest results in detail, and those of other kinds of processors beside them."""
    results = everything[0]
    facts = results["machine"]
    others = ", but for what is said to be of another processor" if len(everything) > 1 else ""
    again = ", and for what says otherwise" if _some_again(results) and others else ", but for what says otherwise"
    lines = [
        "# performance",
        "",
        *_text(f"""
        Made by `bench/run.py`; do not edit by hand. Every figure below was measured in one run of it, on one machine
        ([{facts["processor"]}, {facts["cores"]} cores](#the-machine)), on
        {facts["date"].split()[0]}{others}{again if _some_again(results) else ""}.
        """),
    ]
    if results["engine"] != "fused":
        lines += [f"**glassnet took part with its {results['engine']} engine, not the fast one.**", ""]
    if results["quick"]:
        lines += ["**This was a quick run: few rounds, and some contestants were left out.**", ""]
    lines += _overview(results, charts)
    lines += _beside(everything)
    lines += _reading(results)
    for name, measured in results["workloads"].items():
        lines += _workload(name, measured, results)
    lines += _limits(results)
    lines += _busy(everything)
    lines += _cold(results)
    lines += _recipes(results, charts)
    lines += _late_recipes(json.loads(LATE.read_text()) if LATE.exists() else {})
    lines += _scaling(results, charts)
    lines += _memory(results)
    lines += _method(results)
    for each in everything:
        lines += _machine(each, first=each is results)
    return lines


def _some_again(results: dict[str, Any]) -> bool:
    parts = (*results["workloads"].values(), *(each for each in results.values() if isinstance(each, dict)))
    return any("again" in part for part in parts)


def _overview(results: dict[str, Any], charts: Sequence[str]) -> list[str]:
    if not results["workloads"]:
        return []
    rows, missed, known = [], [], []
    for name, measured in results["workloads"].items():
        found, (target, aim) = _verdict(measured, results), _goals(measured)
        goals = (f"{target:g}×", f"{aim:g}×" if aim else "–")
        rows.append((name, measured["title"], found.ours, found.best, found.early, found.ratio, *goals, found.reached))
        if "missed" in found.reached:
            missed.append(name)
        if not found.reached.startswith("cannot be said"):
            known.append(name)
    late = results["effort"].get("late")
    when = "" if late is None else f"Times are those of late epochs, from epoch {late} on, where a training has any. "
    lines = [
        "## glassnet and the best peer",
        "",
        *_text(f"""
        Seconds for one epoch (P1 to P6), for one answer (I1) or for 10,000 answers in one call (I2). {when}
        The best peer is the one with the lowest median of these times among all peers and numbers of threads. The ratio is
        how many times as long the best peer takes: the median over the rounds, and the range. A training has one for its
        early epochs and one for its late ones, by which it is judged; answers have one ratio. The target is what is asked
        for now, the aim what is to be reached in the end.
        """),
        *_table(
            ("", "workload", "glassnet", "best peer", "ratio, early", "ratio (late)", "target", "aim", ""),
            rows,
        ),
    ]
    if missed:
        lines += [f"Missed: {len(missed)} of {len(known)} targets: {', '.join(missed)}.", ""]
    elif known:
        lines += [f"Missed: none of {len(known)} targets.", ""]
    unknown = [
        name for name, measured in results["workloads"].items() if _verdict(measured, results).reached == NOT_LATE
    ]
    if unknown:
        lines += [
            f"Not judged, as no late epochs were timed: {', '.join(unknown)}. Their times are of early epochs.",
            "",
        ]
    lines += _picture(
        "performance-ratios.png",
        charts,
        "For each workload, how many times as long as glassnet each peer takes, on a logarithmic scale, with the range over "
        "the rounds and the target; the figures are in the tables below",
    )
    return lines


def _beside(everything: Sequence[dict[str, Any]]) -> list[str]:
    """The same workloads on each kind of processor, side by side; nothing where there is one kind only."""
    if len(everything) < 2:
        return []
    head, rows = ["", "target"], []
    for results in everything:
        name = results["machine"]["processor"]
        head += [f"{name}: glassnet", "best peer", "ratio, early", "ratio (late)"]
    names = dict.fromkeys(name for results in everything for name in results["workloads"])
    for name in names:
        cells: list[str] = []
        for results in everything:
            measured = results["workloads"].get(name)
            found = _verdict(measured, results) if measured else Verdict("–", "–", "–", "–", "")
            missed = " **missed**" if "missed" in found.reached else ""
            cells += [found.ours, found.best, found.early, found.ratio + missed]
        one = next(each["workloads"][name] for each in everything if name in each["workloads"])
        rows.append((name, f"{_goals(one)[0]:g}×", *cells))
    dates = ", ".join(f"{each['machine']['processor']} on {each['machine']['date'].split()[0]}" for each in everything)
    return [
        "### By processor",
        "",
        *_text(f"""
        What a step needs depends on the processor: some take far longer for numbers below 1.2e-38, of which there are
        more in late epochs. Where a training has no late ratio, its times are of early epochs. Measured: {dates}.
        """),
        *_table(head, rows),
    ]


def _reading(results: dict[str, Any]) -> list[str]:
    effort = results["effort"]
    both = _early_and_late(effort)
    return [
        "## How to read the tables",
        "",
        *_text(f"""
        {both}- **Time** is the median over the turns, with the shortest and the longest. A turn is as many epochs or calls
        as take about {effort["turn"]:g} s. An epoch counts everything: shuffle, gather, forward, backward, update. Loading,
        compiling and warming up come before; they are in [cold start](#cold-start).
        - **Ratio** is how many times as long as glassnet a peer takes. glassnet runs before every turn of a peer, and each
        ratio is of two such neighbors, so a machine that becomes slower for a while does so for both.
        - **In part** marks contestants whose epoch takes more than {effort["slow"]:g} s: an eighth of it, in whole
        minibatches, was timed and multiplied.
        - **Way** is which of several ways was the fastest here; each contestant chose before the rounds.
        - *Left out* is a peer that cannot do this, or was not asked to. *Missing* is one that was not installed, *failed* one
        that did not run: neither counts as beaten.
        """),
    ]


def _early_and_late(effort: dict[str, Any]) -> str:
    """What early and late mean, where both were measured: an item of the list."""
    if effort.get("late") is None:
        return ""
    return f"""- **Early** and **late** are two places of one training of each contestant: a turn begins with epoch
        {effort["early"]}, or with epoch {effort["late"]}, always from the state (weights, and what the optimizer remembers)
        in which this training came there. A turn has {MOST} epochs at most. Ours, the best peer, and all that took at most
        {NEAR:g} times as long as that one early have time for the whole way between; the others are given
        {effort["limit"]:g} s for it. Where one comes less far, the epoch in which its late turns begin is told.
        """


def _workload(name: str, measured: dict[str, Any], results: dict[str, Any]) -> list[str]:
    work, rows, absent = measured["work"], [], []
    late = any(_is_late(one) for one in measured["contestants"].values())
    n = measured.get("needs") and _examples(measured)
    for key, one in measured["contestants"].items():
        if one["status"] != "measured":
            absent.append(f"{one['label']}: {one['status']} ({one['reason']})")
            continue
        middle = statistics.median(one["seconds"])
        notes = [one["way"]] if one["way"] else []
        if one["in_part"]:
            notes.append("in part")
        if not one.get("last_short", True):
            notes.append("without the last short minibatch")
        if (epoch := _fell_short(one, results)) is not None:
            notes.append(f"late: epoch {epoch}")
        label = f"**{one['label']}**" if key == OURS else one["label"]
        speed, way = _count(n / middle) if n else "–", "; ".join(notes)
        ratio = "1" if key == OURS else _times(one["ratios"])
        if late:
            early = one.get("early", {"seconds": [], "ratios": []})
            before = "1" if key == OURS else _times(early["ratios"])
            rows.append((middle, (label, _range(early["seconds"]), _range(one["seconds"]), speed, before, ratio, way)))
        else:
            rows.append((middle, (label, _range(one["seconds"]), speed, ratio, way)))
    what = {"train": "an epoch", "latency": "one answer", "throughput": "10,000 answers"}[work["kind"]]
    lines = [f"## {name}: {measured['title']}", "", *_again(measured)]
    if rows:
        head: tuple[str, ...] = ("contestant", f"time for {what}", "examples a second", "ratio", "way")
        if late:
            head = ("contestant", f"{what}, early", "late", "examples a second, late", "ratio, early", "late", "way")
        elif work["kind"] == "train":
            lines += ["Early epochs; late ones were not timed.", ""]
        lines += _table(head, [row for _, row in sorted(rows)])
    if absent:
        lines += [*_grouped(absent), ""]
    return lines


def _range(values: Sequence[float]) -> str:
    """The median of some seconds, with the shortest and the longest."""
    if not values:
        return "–"
    return f"{seconds(statistics.median(values))} ({seconds(min(values))} – {seconds(max(values))})"


def _grouped(absent: Sequence[str]) -> list[str]:
    """The contestants without figures, one line for each reason."""
    reasons: dict[str, list[str]] = {}
    for each in absent:
        label, _, reason = each.partition(": ")
        reasons.setdefault(reason, []).append(label)
    return [f"- {'; '.join(labels)}: {reason}." for reason, labels in reasons.items()]


def _examples(measured: dict[str, Any]) -> int:
    return int(measured["needs"]["examples"])


def _limits(results: dict[str, Any]) -> list[str]:
    ceilings, rows = results.get("ceilings"), []
    if not ceilings:
        return []
    for name, measured in results["workloads"].items():
        limit, ours, best = _limit(measured, ceilings), _ours(measured), _best(measured)
        if limit is None:
            continue
        need = measured["needs"]
        rows.append(
            (
                name,
                _large(need["operations"], 1e9),
                _large(need["bytes"], 1e6),
                need["bytes_are"],
                f"{seconds(limit[0])} ({limit[1]})",
                f"{limit[0] / statistics.median(ours['seconds']):.1%}" if ours else "–",
                f"{limit[0] / statistics.median(best[1]['seconds']):.1%}" if best else "–",
            )
        )
    products = ", ".join(
        f"{name.replace('/', ' with ')}: {rate / 1e9:,.0f}" for name, rate in ceilings["products"].items()
    )
    copies = ", ".join(f"{name.replace('/', ' with ')}: {rate / 1e9:,.0f}" for name, rate in ceilings["copies"].items())
    return [
        "## How near to the machine's limits",
        "",
        *_again(ceilings),
        *_text("""
        The limit is the least time in which this machine could do the work: its operations at the speed of a large product, or
        its bytes at the speed of a large copy, whichever takes longer. Operations are 2 for each multiplication and addition of
        the three products (forward, weight gradient, and input gradient but for the first layer). In the first layer only
        inputs that are not zero count: in MNIST, one in five. Contestants that multiply the zeros, too, do more than is counted
        here, and small minibatches cannot reach the speed of a large product: the limit is a bound, not a goal. Weights that
        fit in a cache move no bytes. What is reached is told of late epochs, where they were timed.
        """),
        *_table(
            (
                "",
                "billion operations",
                "million bytes",
                "the bytes are",
                "limit",
                "glassnet reaches",
                "best peer reaches",
            ),
            rows,
        ),
        *_text(f"""
        Ceilings, measured in the same run. Product of two {ceilings["product_size"]} × {ceilings["product_size"]} matrices of
        float32, in billions of operations a second, by library and threads: {products}. Copy, in billions of bytes a second,
        read and written, of 256 MB (large) and within the second cache (L2), by threads: {copies}. The best product and the
        best large copy make the limits.
        """),
    ]


# Beside other processes


def _shares(one: dict[str, Any], count: int) -> list[float]:
    """What part of its quiet speed a contestant keeps beside so many neighbors, round by round."""
    quiet, beside = one["seconds"].get("0", []), one["seconds"].get(str(count), [])
    return [before / now for before, now in zip(quiet, beside, strict=False)]


def _busy_verdict(measured: dict[str, Any]) -> tuple[str, str, str] | None:
    """Our own number of threads against one thread beside one neighbor; and our share against JAX's beside one, beside two.

    JAX has the number of threads that is faster on the quiet machine, as a user would set it. None: ours was not measured.
    """
    measured = measured["contestants"]
    ours, single = (measured.get(key, {"status": "missing"}) for key in (OURS, f"{OURS}/1"))
    if ours["status"] != "measured":
        return None
    jax = [one for one in measured.values() if one["name"] == "jax" and one["status"] == "measured"]
    jax.sort(key=lambda one: statistics.median(one["seconds"]["0"]))

    def judged(value: float, goal: float, text: str) -> str:
        return f"{text}: {'reached' if value >= goal else f'**missed** by {1 - value / goal:.0%}'}"

    first = "cannot be said"
    if single["status"] == "measured":
        pairs = zip(single["seconds"]["1"], ours["seconds"]["1"], strict=False)
        value = statistics.median([alone / own for alone, own in pairs])
        first = judged(value, KEPT_SHARE, f"{value:.2f}")
    cells = []
    for count in (1, 2):
        if not jax:
            cells.append("cannot be said")
            continue
        own, theirs = statistics.median(_shares(ours, count)), statistics.median(_shares(jax[0], count))
        cells.append(judged(own, theirs, f"{own:.0%} against {theirs:.0%}"))
    return first, cells[0], cells[1]


def _busy(everything: Sequence[dict[str, Any]]) -> list[str]:
    """How much everybody keeps beside processes that compute all the time, on each kind of processor."""
    measured = [results for results in everything if "busy" in results]
    if not measured:
        return []
    lines = [
        "## On a busy machine",
        "",
        *_text(f"""
        Examples a second on the quiet machine, and beside one and two other processes that compute all the time: plain
        arithmetic in a Python loop, nothing in memory, started for the turns and ended after them. The contestants take turns
        in each of the three situations, round after round, in epoch 3 of a training or shortly after; medians. In brackets:
        what part of its own speed on the quiet machine, in the same round, a contestant keeps. Who takes more than
        {everything[0]["effort"]["slow"]:g} s for an epoch there is timed for a part of it.

        - **Own choice** is glassnet with its own choice of threads, over glassnet with one thread, both beside one neighbor: at
        least {KEPT_SHARE:g} is aimed at.
        - **Share** is what glassnet keeps of its quiet speed against what JAX keeps, with the number of threads that is JAX's
        faster one on the quiet machine: ours is never to be the smaller one.
        """),
    ]
    for results in measured:
        facts, part = results["machine"], results["busy"]
        if len(measured) > 1:
            lines += [f"### {facts['processor']}, {part['cores']} cores", ""]
        lines += _again(part)
        rows = []
        for name, one in part["workloads"].items():
            rows.append((name, *(_busy_verdict(one) or ("cannot be said",) * 3)))
        head = ("", "own choice beside one", "share beside one", "share beside two")
        lines += _table(head, rows)
        missed = [row[0] for row in rows if any("missed" in cell for cell in row)]
        said = all("cannot" not in cell for row in rows for cell in row)
        if missed:
            lines += [f"Missed: {', '.join(missed)}.", ""]
        elif said:
            lines += ["All were reached.", ""]
        for name, one in part["workloads"].items():
            lines += _busy_table(name, one)
    return lines


def _busy_table(name: str, measured: dict[str, Any]) -> list[str]:
    rows, absent = [], []
    for key, one in measured["contestants"].items():
        if one["status"] != "measured":
            absent.append(f"{one['label']}: {one['status']} ({one['reason']})")
            continue
        n, quiet = measured["needs"]["examples"], statistics.median(one["seconds"]["0"])
        cells = [_count(n / quiet)]
        for count in (1, 2):
            shares = statistics.median(_shares(one, count))
            cells.append(f"{_count(n / statistics.median(one['seconds'][str(count)]))} ({shares:.0%})")
        rows.append((quiet, (f"**{one['label']}**" if key == OURS else one["label"], *cells)))
    lines = _table((name, "quiet", "beside one", "beside two"), [row for _, row in sorted(rows)]) if rows else []
    return [*lines, *([*_grouped(absent), ""] if absent else [])]


def _cold(results: dict[str, Any]) -> list[str]:
    if "cold" not in results:
        return []
    rows, absent = [], []
    for one in results["cold"]["contestants"].values():
        if one["status"] == "measured" and one["seconds"]:
            low, high = min(one["seconds"]), max(one["seconds"])
            rows.append((one["label"], seconds(statistics.median(one["seconds"])), f"{seconds(low)} – {seconds(high)}"))
        else:
            absent.append(f"{one['label']}: {one['status']} ({one.get('reason', '')})")
    return [
        "## Cold start",
        "",
        *_again(results["cold"]),
        *_text("""
        From the start of a process to the end of its first epoch of P1: Python, libraries, MNIST, compilation, training. All
        read MNIST by glassnet's reader, so the peers load that, too. glassnet's first run ever compiles its loops and keeps
        them on disk; later runs find them there.
        """),
        *_table(("contestant", "median", "range"), rows),
        *([*_grouped(absent), ""] if absent else []),
    ]


def _recipes(results: dict[str, Any], charts: Sequence[str]) -> list[str]:
    if "recipes" not in results:
        return []
    measured = results["recipes"]
    runs = len(measured["seeds"])
    lines = [
        "## Time to accuracy",
        "",
        *_again(measured),
        *_text(f"""
        Seconds until so many of the 10,000 test images are right. The [recipes](runs/recipes.md) for it were chosen on
        validation images; the test images are only the stopwatch here, and chose nothing. Everybody trains by the same
        recipe, from the
        same initial weights, on the same minibatches of the 60,000 training images in the same order, with the same learning
        rate at each step. {_seeds(runs)} They take turns, and warm, where it takes no time, glassnet has one before every
        peer. Of each peer there is the number of threads that was faster in a trial.

        - **Warm** counts from the first step, in a process that has loaded, compiled and laid out everything.
        - **Cold** counts from the start of a new process: Python, libraries, the images, compiling, training. What the
        compilers of glassnet, JAX and torch.compile kept on disk in their first run is there, and the files lie in the
        system's cache; the *first run ever* has nothing kept. Everybody unzips the same files of MNIST: glassnet by its own
        `load`, which checks them and reads the test images, too; the peers by Python's `gzip` and `numpy.frombuffer`, and
        no test images. No peer has to load glassnet.
        - The weights are copied after each 40th of an epoch, and after the first 20 of them after every second; while they
        are, the clock stands still. How much each copy knows is found out afterwards. Nothing is interpolated: a time is that
        of the first look that saw the accuracy. *Never* is an accuracy that was not seen before the recipe ended; where only
        some of the runs saw it, the median is theirs, and their number is given.
        - **Ratio** is how many times as long as glassnet's neighboring turn a peer took until the accuracy that the recipe is
        for. **Ends at** is how much of the test images is right when the recipe is done.
        - PyTorch eager and torch.compile, JAX and scikit-learn work as [below](#how-it-was-measured), but in one call for each
        part between two looks. scikit-learn has no learning rate that falls along a curve: the optimizer inside it is given
        one. Minibatches are whole: the short one at the end of an epoch is left out.
        """),
    ]
    for name, one in measured["recipes"].items():
        lines += _recipe(name, one, measured["goals"], runs)
    lines += _picture(
        "performance-accuracy.png",
        charts,
        "Accuracy on the test images against seconds, for each recipe from a cold process and from a warm one; one line for "
        "each contestant and seed, the figures are in the tables above",
    )
    return lines


def _recipe(name: str, one: dict[str, Any], goals: Sequence[float], runs: int) -> list[str]:
    """The tables of one recipe."""
    work, at = one["work"], list(goals).index(one["goal"])
    epochs = "one epoch" if one["epochs"] == 1 else f"{one['epochs']} epochs"
    network = f"{'-'.join(map(str, work['sizes']))}, {work['hidden']}, {work['output']} out"
    cost = work["cost"].replace("_", " ")
    lines = [
        f"### `{name}`, for {one['goal']:.0%}: {network}",
        "",
        f"{cost.capitalize()}, `{one['optimizer']}`, minibatch {work['batch']}, {epochs}.",
        "",
    ]
    for kind in ("cold", "warm"):
        rows = []
        for key, each in one["contestants"].items():
            for part in (kind, "first") if kind == "cold" else (kind,):
                if each["status"] != "measured" or part not in each:
                    continue
                found = each[part]
                label = f"{each['label']}, first run ever" if part == "first" else each["label"]
                cells = [_when([times[i] for times in found["times"]]) for i in range(len(goals))]
                ratios = [ratios[at] for ratios in found.get("ratios", []) if ratios[at] is not None]
                ratio = "1" if key == OURS and part != "first" else _times(ratios)
                ends = f"{statistics.median(found['ends']):.2%}" if found.get("ends") else "–"
                order = statistics.median([times[at] if times[at] is not None else 1e9 for times in found["times"]])
                rows.append((order, (f"**{label}**" if key == OURS else label, *cells, ratio, ends)))
        head = (kind, *(f"{goal:.0%}" for goal in goals), f"ratio at {one['goal']:.0%}", "ends at")
        lines += _table(head, [row for _, row in sorted(rows)])
    ready = [
        f"{each['label']} {seconds(statistics.median(each['warm']['ready']))}"
        for each in one["contestants"].values()
        if each["status"] == "measured" and each.get("warm", {}).get("ready")
    ]
    absent = [
        f"{each['label']}: {each['status']} ({each['reason']})"
        for each in one["contestants"].values()
        if each["status"] not in ("measured", "slower")
    ]
    if ready:
        lines += _text(
            f"Not counted when warm: to begin anew with other weights, in the same process, took {'; '.join(ready)}."
        )
    return [*lines, *([*_grouped(absent), ""] if absent else [])]


def _late_recipes(measured: dict[str, Any]) -> list[str]:
    """Early and late epochs of the recipes, of late.py, by kind of processor; before a change and now, where both are known."""
    if not any(each["recipes"] for each in measured.values()):
        return []
    lines = [
        "## Late epochs of the recipes",
        "",
        *_text("""
        Made by `bench/late.py`: seconds of an epoch of each [recipe](runs/recipes.md), early and late in one training as the
        recipe says, on the images it learns from; medians. Subnormal are numbers that are not 0 but below 1.2e-38, of which
        some
        processors make very slow work: counted after the last epoch, among the parameters and among the optimizer's running
        averages. *Before* is glassnet as of the commit that is named, in turns with the one of now, at the same epochs.
        Recipes of few epochs have no late ones.
        """),
    ]
    for each in measured.values():
        if len(measured) > 1:
            lines += [f"### {each['processor']}, {each['cores']} cores", ""]
        both = any("before" in one for one in each["recipes"].values())
        rows = []
        for name, one in each["recipes"].items():
            epochs = " and ".join(f"{first} – {last}" for first, last in (one["early"], one["late"]))
            cells = [f"`{name}`, {'-'.join(map(str, one['sizes']))}", f"{epochs} of {one['epochs']}"]
            for which in ("before", "now") if both else ("now",):
                cells += _late_cells(one.get(which))
            if both:
                gain = "–"
                if "before" in one:
                    gain = f"{statistics.median(one['before']['late']) / statistics.median(one['now']['late']):.2f}×"
                cells.append(gain)
            rows.append(cells)
        head = ["recipe", "epochs"]
        for which in ("before: ", "now: ") if both else ("",):
            head += [f"{which}early", "late", "late ÷ early", "subnormal: parameters, averages"]
        lines += _table([*head, *(["late: before ÷ now"] if both else [])], rows)
        dates = sorted({one["date"] for one in each["recipes"].values()})
        commits = sorted({one["commit"] for one in each["recipes"].values() if one.get("commit")})
        before = f" *Before* is commit {', '.join(commits)}." if commits else ""
        span = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
        lines += [f"On {each['processor']}, {each['cores']} cores, {span}.{before}", ""]
    return lines


def _late_cells(found: dict[str, Any] | None) -> list[str]:
    if found is None:
        return ["–"] * 4
    early, late = statistics.median(found["early"]), statistics.median(found["late"])
    counts = [f"{few:,} of {all_:,}" if all_ else "none kept" for few, all_ in (found["parameters"], found["averages"])]
    return [seconds(early), seconds(late), f"{late / early:.2f}", "; ".join(counts)]


def _when(times: Sequence[float | None]) -> str:
    """The median of when an accuracy was reached, and the range; in how many of the runs, if not in all."""
    known = [each for each in times if each is not None]
    if not known:
        return "never"
    text = seconds(statistics.median(known))
    if len(known) > 1:
        text += f" ({seconds(min(known))} – {seconds(max(known))})"
    return text if len(known) == len(times) else f"{text}, in {len(known)} of {len(times)}"


def _seeds(runs: int) -> str:
    return "One seed." if runs == 1 else f"The median over {runs} seeds (cold: the first of them), and the range."


def _again(measured: dict[str, Any]) -> list[str]:
    """That a part is of a later run than the rest."""
    again = measured.get("again")
    if not again:
        return []
    load = f"; load average before: {', '.join(f'{each:.2f}' for each in again['load'])}" if again["load"] else ""
    return [f"*Measured later than the rest of this page, on {again['date']}{load}.*", ""]


def _scaling(results: dict[str, Any], charts: Sequence[str]) -> list[str]:
    if "scaling" not in results:
        return []
    lines = [
        "## Scaling",
        "",
        *_again(results["scaling"]),
        *_text("""
        Examples a second against the width of one hidden layer (784-w-10, minibatch 100), the depth (hidden layers of 64,
        minibatch 100) and the minibatch (784-100-10); relu, softmax, cross-entropy, SGD. In the chart, the peers have the
        number of threads that is better at each point.
        """),
        *_picture(
            "performance-scaling.png",
            charts,
            "Examples a second against width, depth and minibatch, on logarithmic scales, for glassnet with one and with more "
            "threads, PyTorch and JAX",
        ),
    ]
    for what, line in results["scaling"]["lines"].items():
        rows = []
        for key, rates in line["rates"].items():
            if rates:
                shown = [_count(rate) for rate in rates] + ["–"] * (len(line["at"]) - len(rates))
                rows.append((results["scaling"]["contestants"][key]["label"], *shown))
        lines += _table((what, *map(str, line["at"])), rows)
    return lines


def _memory(results: dict[str, Any]) -> list[str]:
    names = [name for name, measured in results["workloads"].items() if measured["work"]["kind"] == "train"]
    keys: dict[str, str] = {}
    for name in names:
        for key, one in results["workloads"][name]["contestants"].items():
            if one["status"] == "measured":
                keys[key] = one["label"]
    rows = []
    for key, label in keys.items():
        cells = []
        for name in names:
            one = results["workloads"][name]["contestants"].get(key, {})
            memory = one.get("memory") if one.get("status") == "measured" else None
            known = memory and memory["peak"] and memory["imported"]
            cells.append(f"{_bytes(memory['peak'])} (+{_bytes(memory['peak'] - memory['imported'])})" if known else "–")
        rows.append((label, *cells))
    if not rows:
        return []
    return [
        "## Memory",
        "",
        *_text("""
        The most memory that each process held at once and, in brackets, how much that is above what it held when its libraries
        were loaded. The images themselves are 188 MB as float32 in every process; compiling and trying out several ways counts.
        """),
        *_table(("contestant", *names), rows),
    ]


def _method(results: dict[str, Any]) -> list[str]:
    rounds = "one round" if results["effort"]["rounds"] == 1 else f"{results['effort']['rounds']} rounds"
    disturbed = [measured["disturbed"] for measured in results["workloads"].values()]
    waiting = f", {max(disturbed):.1%} of the time at most" if disturbed else ""
    return [
        "## How it was measured",
        "",
        *_text(f"""
        Every contestant has a process of its own, with its number of threads set before anything is loaded: one, and one for
        each core. glassnet chooses its own number. They prepare (load, compile, try out their ways), and then take turns:
        glassnet, a peer, glassnet, the next peer, and so on, {rounds}. The others wait meanwhile; the
        processor time they used was watched{waiting}. Everything is float32 and starts from the same weights. Every contestant
        shuffles by itself, anew for each epoch; learning rates stay the same. A contestant
        whose cost has not fallen well below that of a constant answer, or whose answers differ from the reference engine's by
        more than 0.0001, has failed.

        - **PyTorch eager** has its data in tensors and no DataLoader; a minibatch is gathered by a part of a permutation. It
        takes the faster of its fused optimizer and of the inner function of that optimizer called by hand. Asked, it takes
        the faster of `inference_mode` and `jit.trace`.
        - **torch.compile** compiles the whole step, gather and update included, called through C++.
        - **JAX** does the whole epoch in one `lax.scan`, compiled, its state donated. Its single thread is a process held on
        one core.
        - JAX and torch.compile want minibatches of one size, so they may leave out the last, short one, and are still counted
        as having done a whole epoch.
        - **scikit-learn** does an epoch by one call of `partial_fit`; its threads are those of NumPy's products. It has no
        squared error for classes, so it has no part in P1 and P2.
        - **onnxruntime** answers only. Where all images are asked about at once, every peer may take them in pieces of 500.
        - glassnet returns the cost of every minibatch, and so does JAX; PyTorch is spared it.
        """),
        "```sh",
        "python bench/run.py            # everything again, and this page",
        "python bench/run.py --quick    # about 2 minutes, fewer rounds, no page",
        "python bench/run.py --only recipes --add   # one part again, and this page",
        "python bench/run.py --rest     # what an interrupted run did not come to, and this page",
        "python bench/run.py --report   # this page again, from what lies in bench/results, by kind of processor",
        "```",
        "",
    ]


def _machine(results: dict[str, Any], *, first: bool = True) -> list[str]:
    facts, versions = results["machine"], results["versions"]
    caches = ", ".join(f"{name} {_bytes(size)}" for name, size in facts["caches"].items()) or "not known"
    load = ", ".join(f"{each:.2f}" for each in facts["load"]) if facts["load"] else "not known"
    minutes = results.get("seconds", 0) / 60
    busy = facts["load"] and facts["load"][0] > BUSY
    warning = "**Something else was running when the measurement began: trust no ratio to better than its range.**"
    return [
        "## The machine" if first else f"## The other machine: {results['machine']['processor']}",
        "",
        f"- Processor: {facts['processor']}{' (' + facts['family'] + ')' if facts['family'] else ''}, {facts['cores']} cores, "
        f"{facts['vectors']}; caches: {caches}.",
        f"- Memory: {_bytes(facts['memory'])}.",
        f"- System: {facts['system']}, Python {facts['python']}.",
        f"- Versions: {', '.join(f'{name} {number}' for name, number in sorted(versions.items()))}.",
        f"- Measured on {facts['date']}, in {minutes:.0f} minutes; load average before: {load}.",
        *(["", warning] if busy else []),
        "",
    ]


# ── The charts ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _charts(results: dict[str, Any]) -> list[str]:
    """The names of the charts that were drawn."""
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is not installed: the page is made without charts")
        return []
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({
        "font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": INK, "axes.labelcolor": INK,
        "text.color": INK, "xtick.color": INK, "ytick.color": INK, "axes.grid": True, "grid.color": PALE, "grid.linewidth": 0.6,
        "axes.axisbelow": True, "legend.frameon": False, "figure.facecolor": "white",
    })  # fmt: skip
    drawn = []
    for name, draw, part in (
        ("performance-ratios.png", _draw_ratios, "workloads"),
        ("performance-scaling.png", _draw_scaling, "scaling"),
        ("performance-accuracy.png", _draw_recipes, "recipes"),
    ):
        figure = draw(plt, results[part]) if results.get(part) else None
        if figure is not None:
            figure.savefig(DOCS / name, dpi=110, bbox_inches="tight", pil_kwargs={"optimize": True})
            plt.close(figure)
            drawn.append(name)
    return drawn


def _plain(axis: Any, places: Sequence[float]) -> None:
    """Ticks at these places, as plain numbers."""
    axis.set_ticks(places, labels=[f"{place:g}" for place in places])
    axis.set_ticks([], minor=True)


def _draw_ratios(plt: Any, workloads: dict[str, Any]) -> Any:
    """A point for each peer, the range over the rounds as a line; the target as a bar. Late epochs, where there are any."""
    shown = {
        name: each for name, each in workloads.items() if any(one.get("ratios") for one in each["contestants"].values())
    }
    if not shown:
        return None
    figure, axes = plt.subplots(figsize=(9, 1.2 + 0.85 * len(shown)))
    axes.set_xscale("log")
    known: dict[str, Any] = {}
    ends = [1.0]
    for row, measured in enumerate(shown.values()):
        peers = [one for one in measured["contestants"].values() if one.get("ratios") and one["status"] == "measured"]
        peers.sort(key=lambda one: statistics.median(one["ratios"]))
        for place, one in enumerate(peers):
            y = row + (place - (len(peers) - 1) / 2) * 0.66 / max(len(peers) - 1, 5)
            color, ratios = COLORS[one["name"]], one["ratios"]
            axes.plot((min(ratios), max(ratios)), (y, y), color=color, lw=1.6, zorder=2)
            face = "white" if one["threads"] == 1 else color
            dot = axes.plot(statistics.median(ratios), y, "o", ms=6, mfc=face, mec=color, mew=1.5, zorder=3)[0]
            known.setdefault(one["label"], dot)
            ends += [min(ratios), max(ratios), _goals(measured)[0]]
        target = axes.plot([_goals(measured)[0]] * 2, (row - 0.4, row + 0.4), color=INK, lw=2, zorder=1)[0]
    axes.axvline(1, color=INK, lw=0.8, ls=":")
    axes.set_xlim(min(ends) / 1.15, max(ends) * 1.15)
    places = (0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
    _plain(axes.xaxis, [place for place in places if min(ends) / 1.15 <= place <= max(ends) * 1.15])
    axes.set_yticks(range(len(shown)), [f"{name}\n{_short(each['work'])}" for name, each in shown.items()])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(False, axis="y")
    late = any(_is_late(one) for each in shown.values() for one in each["contestants"].values())
    axes.set_xlabel(f"how many times as long as glassnet (1, dotted){', in late epochs' if late else ''}")
    labels = sorted(known)
    axes.legend(
        [*(known[label] for label in labels), target], [*labels, "target for the best peer"],
        loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0,
    )  # fmt: skip
    return figure


def _short(work: dict[str, Any]) -> str:
    sizes = "-".join(map(str, work["sizes"]))
    return f"{sizes}, {work['batch']:,}" if work["kind"] != "latency" else f"{sizes}, one"


def _draw_scaling(plt: Any, scaling: dict[str, Any]) -> Any:
    """Three panels; the peers with their better number of threads at each point."""
    figure, panels = plt.subplots(1, 3, figsize=(11, 3.9), sharey=True)
    for axes, (what, line) in zip(panels, scaling["lines"].items(), strict=True):
        ours = {key: rates for key, rates in line["rates"].items() if scaling["contestants"][key]["name"] == OURS}
        for key, rates in ours.items():
            single = key.endswith("/1")
            axes.plot(
                line["at"][: len(rates)], rates, "o--" if single else "o-", color=COLORS[OURS], ms=4.5, lw=1.8,
                mfc="white" if single else COLORS[OURS], label=scaling["contestants"][key]["label"],
            )  # fmt: skip
        for name, marker in (("jax", "s"), ("torch-eager", "^")):
            each = [
                rates for key, rates in line["rates"].items() if scaling["contestants"][key]["name"] == name and rates
            ]
            best = [max(values) for values in zip(*each, strict=False)]
            if best:
                label = next(one["label"] for one in scaling["contestants"].values() if one["name"] == name).partition(
                    ","
                )[0]
                axes.plot(line["at"][: len(best)], best, f"{marker}-", color=COLORS[name], ms=4.5, lw=1.8, label=label)
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        places = line["at"] if len(line["at"]) < 6 else line["at"][::2]
        _plain(axes.xaxis, places)
        axes.set_xlabel(
            {"width": "width of the hidden layer", "depth": "hidden layers of 64", "minibatch": "minibatch"}[what]
        )
    panels[0].set_ylabel("examples a second")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=len(labels), bbox_to_anchor=(0.5, 1.04))
    return figure


def _draw_recipes(plt: Any, measured: dict[str, Any]) -> Any:
    """Accuracy against time: a row for each recipe, cold and warm beside each other; one line for each seed."""
    shown = {
        name: one
        for name, one in measured["recipes"].items()
        if any("warm" in each for each in one["contestants"].values())
    }
    if not shown:
        return None
    figure, grid = plt.subplots(len(shown), 2, figsize=(11, 0.6 + 3.5 * len(shown)), sharey=True, squeeze=False)
    lines: dict[str, Any] = {}
    for panels, (name, one) in zip(grid, shown.items(), strict=True):
        for axes, kind in zip(panels, ("cold", "warm"), strict=True):
            for each in one["contestants"].values():
                if each["status"] != "measured" or kind not in each:
                    continue
                for looks in each[kind]["looks"]:
                    when, accuracies = zip(*looks, strict=True)
                    (line,) = axes.plot(when, [100 * part for part in accuracies], color=COLORS[each["name"]], lw=1.3,
                                        alpha=0.85, drawstyle="steps-post")  # fmt: skip
                    lines[each["label"].partition(",")[0]] = line
            axes.axhline(100 * one["goal"], color=INK, lw=0.8, ls=":")
            axes.set_xscale("log")
            low, high = axes.get_xlim()
            if kind == "warm":
                low = max(low, 0.004)
                axes.set_xlim(low, high)
            places = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
            _plain(axes.xaxis, [place for place in places if low <= place <= high])
            axes.set_ylim(85, 99)
            axes.set_yticks([85, *(100 * goal for goal in measured["goals"])])
            axes.set_title(f"{name}, {kind}", loc="left", fontsize=10)
        panels[0].set_ylabel("test images right, %")
    for axes, what in zip(grid[-1], ("from the start of the process", "of training, in a warm process"), strict=True):
        axes.set_xlabel(f"seconds {what}")
    figure.tight_layout()
    figure.legend(list(lines.values()), list(lines), loc="lower center", ncols=len(lines), bbox_to_anchor=(0.5, 1.0))
    return figure
