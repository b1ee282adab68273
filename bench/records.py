"""How well do the recipes do? Each with five seeds, on the test images, which nothing was chosen by.

    python bench/records.py                    # whatever has no result yet, about an hour and a half on two cores
    python bench/records.py small --seeds 1    # one recipe, one seed; results are merged into bench/results/records.json
    python bench/records.py --report           # only write the page and the picture again
    python bench/records.py small --again      # forget what was measured of it

Each seed is of initial weights, shuffling, dropout and deformation. The network is the one after the last epoch, never
the best of several. Then it is judged on the 10,000 test images, once.

Curves come from a rehearsal: the same recipe with seed 100, learning from 50,000 training images only and judged on the
other 10,000 after each epoch. Recipes that hold out images themselves (``Recipe.validation``) are judged on those.

The trained networks that come with glassnet are those of seed 0.

Writes docs/results.md, docs/results.png and the READMEs' tables, from this and from what ``bench/search.py`` found.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import __version__
from glassnet.data import Splits, load
from glassnet.evaluation import evaluate
from glassnet.events import EpochEnded
from glassnet.interchange import save_network
from glassnet.machine.threads import available
from glassnet.network import Network
from glassnet.runs.plans import answer_of
from glassnet.runs.recipes import PRETRAINED, RECIPES, Recipe
from glassnet.training import train
from machine import processor
from marked import put

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "records.json"
SEARCH = HERE / "results" / "search.json"
PAGE = HERE.parent / "docs" / "results.md"
PICTURE = HERE.parent / "docs" / "results.png"
SEEDS = (0, 1, 2, 3, 4)
FEWER = {"deep": 3}
"""Recipes that are too long for five seeds."""
REHEARSAL = 100
HELD_OUT = 10_000
AIMS = {"series": 0.96, "small": 0.97, "quick": 0.97, "quick98": 0.98, "nielsen": 0.988, "simard": 0.994, "deep": 0.995}
"""What was hoped for before anything was measured, as test accuracy."""
KEPT = ("series", "small")
PATIENCE = 60
"""Seconds after which a training says how far it is."""


def measured_on() -> dict[str, Any]:
    """What the figures were measured on."""
    return {
        "processor": processor(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "glassnet": __version__,
    }


def trained(recipe: Recipe, splits: Splits, seed: int) -> tuple[Network, list[float], float, float]:
    """The network after the last epoch, the validation accuracy after each, the last epoch's cost, and the seconds."""
    accuracies: list[float] = []
    last, told = None, 0.0
    for event in train(None, splits.train, validation=splits.validation, start=recipe.start(seed)):
        if isinstance(event, EpochEnded):
            last = event
            if event.validation is not None:
                accuracies.append(event.validation.accuracy or 0.0)
            if event.seconds > told + PATIENCE:
                told = event.seconds
                judged = f", validation {accuracies[-1]:.2%}" if accuracies else ""
                print(f"  {recipe.name}, epoch {event.epoch}: cost {event.cost:.4f}{judged} ({told:.0f} s)", flush=True)
    assert last is not None
    return last.checkpoint.network, accuracies, last.cost, last.seconds


def one_run(recipe: Recipe, seed: int) -> dict[str, Any]:
    """Train with one seed, on all that the recipe learns from, and judge once on the test images."""
    splits = load("mnist", validation=recipe.validation)
    assert splits.test is not None
    network, accuracies, cost, seconds = trained(recipe, splits, seed)
    test = evaluate(network, splits.test, recipe.settings.cost, answer_of(network))
    if seed == SEEDS[0] and recipe.name in KEPT:
        about = {
            "classes": list(splits.train.classes or ()),
            "recipe": recipe.name,
            "seed": seed,
            "glassnet": __version__,
        }
        save_network(PRETRAINED[recipe.name], network, about)
    run = {
        "seed": seed,
        "test": test.accuracy,
        "cost": cost,
        "seconds": round(seconds, 1),
        "threads": available(),
        "examples": len(splits.train),
    }
    return {**run, "validation": accuracies} if accuracies else run


def rehearsal(recipe: Recipe) -> dict[str, Any]:
    """Train on 50,000 images, and judge on the other 10,000 after each epoch."""
    _, accuracies, _, seconds = trained(recipe, load("mnist", validation=HELD_OUT), REHEARSAL)
    return {"seed": REHEARSAL, "validation": accuracies, "seconds": round(seconds, 1)}


def in_words(recipe: Recipe) -> dict[str, str]:
    """A recipe's network and training, as the table tells them."""
    settings = recipe.settings
    more = [f"dropout {settings.dropout:g}"] if settings.dropout else []
    more += [f"`{settings.deform}`"] if settings.deform else []
    return {
        "network": f"{'-'.join(map(str, recipe.sizes))}, {recipe.hidden}, {recipe.output} out, {recipe.initializer} start",
        "training": ", ".join(
            [
                str(settings.cost),
                f"`{settings.optimizer}`",
                f"minibatch {settings.batch_size}",
                f"{settings.epochs} epoch{'s' if settings.epochs > 1 else ''}",
                *more,
            ]
        ),
    }


# ── The page ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def spread(values: list[float]) -> str:
    """Mean ± standard deviation, and the range, in percent; of one value, that value."""
    if len(values) == 1:
        return f"{values[0]:.2%} | one seed"
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    fewer = "" if len(values) == len(SEEDS) else f", {len(values)} seeds"
    return f"{mean:.2%} ± {deviation:.2%} | {min(values):.2%} – {max(values):.2%}{fewer}"


def duration(seconds: float) -> str:
    """Seconds, or minutes where they are many."""
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def page(results: dict[str, Any], search: dict[str, Any]) -> str:
    """The text of docs/results.md."""
    recipes, about = results["recipes"], results["machine"]
    tests = {name: [run["test"] for run in result["runs"]] for name, result in recipes.items()}
    lines = [
        "# results",
        "",
        "Made by `bench/records.py` and `bench/search.py`; do not edit by hand. Every figure is of the network after the last",
        "epoch, never of the best one, trained by the fused engine in float32. Any of them comes again, to the byte on the",
        "same kind of processor, with `glassnet train --recipe NAME --seed 0` and `glassnet evaluate`.",
        "",
        "## Test accuracy of the recipes",
        "",
        "Five seeds each (of initial weights, shuffling, dropout and deformation), fewer where it says so. The 10,000 test",
        "images chose nothing: no recipe, no epoch, no seed (of `deep`, see [below](#what-more-would-take)); each network",
        "looked at them once. ± is the standard deviation over the seeds. The aim is what was hoped for before anything was",
        "measured.",
        "",
        "| recipe | learns from | test accuracy | range | aim | time to train |",
        "|---|---|---|---|---|---|",
    ]
    for name, result in recipes.items():
        seconds = statistics.median(run["seconds"] for run in result["runs"])
        aim, mean = AIMS.get(name), statistics.mean(tests[name])
        judged = "" if aim is None else f"≥ {aim:.1%}: {'reached' if mean >= aim else 'missed'}"
        examples = f"{result['runs'][0]['examples']:,}"
        threads = result["runs"][0]["threads"]
        taken = f"{duration(seconds)}, {threads} thread{'s' if threads > 1 else ''}"
        lines.append(f"| `{name}` | {examples} | {spread(tests[name])} | {judged} | {taken} |")
    lines += [
        "",
        f"Machine: {about['processor']}, Python {about['python']}, NumPy {about['numpy']}. The times are medians over the",
        "seeds, on a shared machine that had other work to do: read them as an order of magnitude, and rather too long.",
        "",
        "| recipe | network | training |",
        "|---|---|---|",
    ]
    lines += [f"| `{name}` | {result['network']} | {result['training']} |" for name, result in recipes.items()]
    lines += [
        "",
        "## How they learn",
        "",
        "Of a rehearsal: each recipe with seed 100, on 50,000 training images only, judged on the other 10,000 after every",
        "epoch. Recipes that hold out images anyway (`plain`, `original`, `chapter3`, `deep`, `modern`) are judged on those,",
        "with seed 0.",
        "",
        "![The error on validation images over the epochs, one curve a recipe, on logarithmic axes](results.png)",
        "",
        *what_the_series_claims(tests),
        *what_more_would_take(search.get("deep", {}), recipes.get("deep"), results.get("before", {}).get("deep")),
        "## How they were chosen",
        "",
        "By accuracy on the validation split, the last 10,000 training images, after the last epoch of learning from the",
        "other 50,000, with seeds (100 to 102) that are not those of the table above. Where training is long, candidates are",
        "compared over fewer epochs than the recipe has, and with fewer seeds. Neighbors in these tables often differ by less",
        "than their seeds do.",
    ]
    for name, found in search.items():
        lines += [
            "",
            f"### {name}",
            "",
            "| network | start | cost | optimizer | minibatch | epochs | dropout | images | validation | seeds, range |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for each in sorted(found.values(), key=lambda each: -each["mean"]):
            values, deform = each["validation"], each["deform"]
            range_ = f", {min(values):.2%} – {max(values):.2%}" if len(values) > 1 else ""
            cells = [each["network"], each["initializer"], each["cost"], f"`{each['optimizer']}`", each["batch_size"]]
            cells += [each["epochs"], each["dropout"] or "", "" if deform == "none" else f"`{deform}`"]
            cells += [f"{each['mean']:.2%}", f"{len(values)}{range_}"]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


def what_the_series_claims(tests: dict[str, list[float]]) -> list[str]:
    """The words about the series' network."""
    if not {"original", "plain", "series", "small"} <= tests.keys():
        return []
    mean = {name: spread(values).split(" | ")[0] for name, values in tests.items()}
    return [
        "## What the series claims, and what we find",
        "",
        "The series says its network classifies about 96 % of new images correctly. Its settings, as its code has them (all",
        "sigmoid, squared error, plain SGD, minibatch 10, N(0,1) start, 30 epochs, rate 3.0 in the ½ convention, which is 1.5",
        f"here), give {mean['original']} over five seeds (`original`).",
        "",
        f"The same network, still all sigmoid with the squared error, can do better: {mean['plain']} in 30 epochs with another",
        "start (glorot instead of N(0,1)), a rate that falls along a cosine, and a weight decay (`plain`, the default), and",
        f"{mean['series']} with more epochs, a higher rate, and all 60,000 training images (`series`). With another",
        "activation, another cost and images deformed anew in each epoch, the same 13,002 numbers come to",
        f"{mean['small']} (`small`).",
        "",
    ]


def what_more_would_take(
    deep: dict[str, Any], result: dict[str, Any] | None, before: dict[str, Any] | None
) -> list[str]:
    """How the error of deep networks falls with the length of their training.

    Args:
        deep: what was found in the search.
        result: what the recipe came to.
        before: what it came to when it had more epochs.
    """
    lengths: dict[str, list[dict[str, Any]]] = {}
    for each in deep.values():
        same = ("network", "optimizer", "batch_size", "dropout", "deform")
        lengths.setdefault(json.dumps([each[key] for key in same]), []).append(each)
    found = sorted(max(lengths.values(), key=len, default=[]), key=lambda each: each["epochs"])
    if len(found) < 3:
        return []
    lines = [
        "## What more would take",
        "",
        f"The same deep network ({found[0]['network']}, `{found[0]['deform']}`) trained for longer and longer, each time",
        "with a rate that falls to 0 at the end, on 50,000 images, judged on 10,000:",
        "",
        "| epochs | validation accuracy | errors of 10,000 |",
        "|---|---|---|",
    ]
    lines += [f"| {each['epochs']} | {each['mean']:.2%} | {10_000 * (1 - each['mean']):.0f} |" for each in found]
    if result:
        epochs, (examples, test, held, taken) = RECIPES["deep"].settings.epochs, _in_figures(result["runs"][0])
        lines += [
            "",
            f"The recipe `deep` has {epochs} epochs, and learns from {examples} images: {test} of the test images,",
            f"{held} of those held out, in {taken}.",
        ]
    if before:
        words = before["training"].partition("minibatch")[2].partition(", ")[2].partition(",")[0]
        _, test, held, taken = _in_figures(before["runs"][0])
        lines += [
            f"The first that was tried, with {words} and all else the same, was no better: {test} of the test",
            f"images, {held} of those held out, in {taken}. The table above chose the shorter one, but was finished",
            "when that figure was known already: of this recipe alone, the test images were looked at before it was chosen.",
            "So what would take it further is not more of the same.",
            "Cireşan et al. (2010) had larger layers, and images deformed more strongly.",
        ]
    return [*lines, ""]


def _in_figures(run: dict[str, Any]) -> tuple[str, str, str, str]:
    """From how many images it learned, how many of the test images and of those held out it got right, and the time."""
    taken = f"{duration(run['seconds'])} with {run['threads']} thread{'s' if run['threads'] > 1 else ''}"
    return f"{run['examples']:,}", f"{run['test']:.2%}", f"{run['validation'][-1]:.2%}", taken


README_MARKS = "<!-- records: written by bench/records.py -->\n", "<!-- /records -->\n"
READMES = {
    "README.md": {
        "head": "| recipe | network | right, of the test images | |",
        "seeds": "seeds",
        "original": "the series' own settings, 30 epochs",
        "plain": "glassnet's default, 30 epochs",
        "series": "still all sigmoid, squared error, no deformation; more epochs",
        "small": "the same 13,002 numbers; images deformed anew in each epoch",
        "nielsen": "the size of Nielsen's chapter 3 (his: 98.04 %), deformed images",
        "simard": "one wide layer, deformed images (Simard, 2003: 99.3 %)",
        "deep": "deformed images",
    },
    "README.zh.md": {
        "head": "| 配方 | 网络 | 测试图像答对 | |",
        "seeds": "个种子",
        "original": "该系列自己的设置，30 轮",
        "plain": "glassnet 的默认设置，30 轮",
        "series": "仍然全是 sigmoid、平方误差、没有形变；轮数更多",
        "small": "同样的 13,002 个数；每一轮图像重新形变",
        "nielsen": "Nielsen 第三章的大小（他的结果：98.04 %），图像形变",
        "simard": "一个宽层，图像形变（Simard，2003：99.3 %）",
        "deep": "图像形变",
    },
}
"""The words of the READMEs' tables."""


def readme_table(results: dict[str, Any], words: dict[str, str]) -> str:
    """The table of a README."""
    lines = [words["head"], "|---|---|---|---|"]
    for name, result in results["recipes"].items():
        if name not in words:
            continue
        tests = [100 * run["test"] for run in result["runs"]]
        figure = f"{statistics.mean(tests):.2f} ± {statistics.stdev(tests):.2f} %"
        figure += "" if len(tests) == len(SEEDS) else f", {len(tests)} {words['seeds']}"
        sizes, hidden = "-".join(map(str, RECIPES[name].sizes)), RECIPES[name].hidden
        lines.append(f"| `{name}` | {sizes}, {hidden} | {figure} | {words[name]} |")
    return "\n".join(lines) + "\n"


def draw(results: dict[str, Any]) -> None:
    """The validation error over the epochs."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib import patheffects

    figure, axes = plt.subplots(figsize=(9, 5.4), layout="constrained")
    halo = [patheffects.withStroke(linewidth=3, foreground="white")]
    colors = [*plt.get_cmap("tab10").colors, "black", "darkgoldenrod"]
    for (name, result), color in zip(results["recipes"].items(), colors, strict=False):
        curve = (result.get("rehearsal") or result["runs"][0]).get("validation")
        if not curve:
            continue
        errors = 100 * (1 - np.array(curve))
        epochs = np.arange(1, len(errors) + 1)
        axes.plot(epochs, errors, color=color, lw=1, alpha=0.3)
        best = np.minimum.accumulate(errors)
        axes.plot(epochs, best, color=color, lw=1.6)
        axes.plot(epochs[-1:], errors[-1:], "o", color=color, ms=4)
        axes.annotate(
            f"{name} {100 - errors[-1]:.2f} %", (epochs[-1], errors[-1]), xytext=(6, 0), textcoords="offset points",
            color=color, va="center", fontsize=9, path_effects=halo,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(0.95, axes.get_xlim()[1] * 2.2)
    axes.set_xticks([1, 2, 5, 10, 20, 50, 100, 200, 500], [str(tick) for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500)])
    axes.set_yticks([0.5, 1, 2, 3, 5, 10], ["0.5 %", "1 %", "2 %", "3 %", "5 %", "10 %"])
    axes.set_ylim(0.45, 14)
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    axes.set_xlabel("epoch")
    axes.set_ylabel("validation error (bold: the least so far)")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.savefig(PICTURE, dpi=120)


# ── What is done ─────────────────────────────────────────────────────────────────────────────────────────────────────


def save(results: dict[str, Any]) -> None:
    """Write what was measured, in the order of the recipes."""
    results["recipes"] = {name: results["recipes"][name] for name in RECIPES if name in results["recipes"]}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")


def measure(names: list[str], seeds: int | None) -> None:
    """Run what has no result yet; each is kept at once, others may be running beside this."""

    def now() -> dict[str, Any]:
        return json.loads(RESULTS.read_text()) if RESULTS.exists() else {"recipes": {}}

    for name in names:
        recipe = RECIPES[name]
        for seed in SEEDS[: seeds or FEWER.get(name, len(SEEDS))]:
            results = now()
            known = results["recipes"].get(name, {"runs": []})
            if any(run["seed"] == seed for run in known["runs"]):
                continue
            began = time.perf_counter()
            run = one_run(recipe, seed)
            results = now()
            result = results["recipes"].setdefault(name, {**in_words(recipe), "runs": []})
            result["runs"].append(run)
            results["machine"] = measured_on()
            save(results)
            print(f"{name}, seed {seed}: test {run['test']:.2%} ({time.perf_counter() - began:.0f} s)", flush=True)
        results = now()
        if "validation" not in results["recipes"][name]["runs"][0] and "rehearsal" not in results["recipes"][name]:
            found = rehearsal(recipe)
            results = now()
            results["recipes"][name]["rehearsal"] = found
            save(results)
            print(f"{name}: rehearsal {found['validation'][-1]:.2%}", flush=True)


def main() -> None:
    """Measure, record, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help=f"one of {', '.join(RECIPES)}; all by default")
    parser.add_argument("--seeds", type=int, help="how many, at most five")
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--again", action="store_true", help="forget what was measured of these recipes")
    chosen = parser.parse_args()
    names = chosen.recipes or list(RECIPES)
    if chosen.again:
        results = json.loads(RESULTS.read_text())
        for name in names:
            results["recipes"].pop(name, None)
        save(results)
    if not chosen.report:
        measure(names, chosen.seeds)
    results = json.loads(RESULTS.read_text())
    draw(results)
    PAGE.write_text(page(results, json.loads(SEARCH.read_text())), encoding="utf-8")
    for name, words in READMES.items():
        put(HERE.parent / name, README_MARKS, readme_table(results, words))
    print(f"wrote {PAGE} and {PICTURE}")


if __name__ == "__main__":
    main()
