#!/usr/bin/env python3
"""Are the proofs sharp? Change the maths core in small ways, one at a time, and see whether the tests notice.

    python3 scripts/mutants.py [--each 25] [--seed 0] [--only explain]

For every module of the core, and every question of explain, a random sample of the mutants that Cosmic Ray makes (another
operator, another number, a condition turned round) is tried, in a copy of the project, against the module's own tests and
those of backpropagation. Prints the share that was noticed, and every mutant that was not. Some 20 minutes for the core on
one core (--only core).
"""

from __future__ import print_function

import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from environment import HERE, ensure

TESTS = {
    "backprop": ["backprop"],
    "activations": ["activations", "backprop"],
    "costs": ["costs", "backprop"],
    "optimizers": ["optimizers"],
    "network": ["network", "backprop"],
    "initializers": ["initializers"],
}
"""The maths core, and which tests each of its modules must stand."""
QUESTIONS = ["parameters", "examples", "nudges", "requests", "sensitivity", "chain_rule", "story", "patterns", "landscape",
             "layers", "mistakes", "autograd"]  # fmt: skip
"""The modules of explain: each must stand its own tests."""
CONFIGURATION = """
[cosmic-ray]
module-path = "src/glassnet/{module}.py"
timeout = 120.0
excluded-modules = []
test-command = "{python} -m pytest -x -q -p no:cacheprovider {tests}"

[cosmic-ray.distributor]
name = "local"
"""


def main():
    """Set up; in the environment, sample and run."""
    if "-h" in sys.argv[1:] or "--help" in sys.argv[1:]:
        print(__doc__)
        return 0
    if "--inside" in sys.argv[1:]:
        return _inside()
    python = ensure("test", "torch", "mutants")
    return subprocess.call([python, os.path.abspath(__file__), "--inside"] + sys.argv[1:], cwd=HERE)


def _chosen():
    """The modules asked for, and the files of their tests."""
    core = {module: ["tests/test_{}.py".format(name) for name in names] for module, names in TESTS.items()}
    explain = {"explain/" + name: ["tests/explain/test_{}.py".format(name)] for name in QUESTIONS}
    only = (sys.argv[sys.argv.index("--only") + 1 :] or [""])[0] if "--only" in sys.argv else ""
    every = dict(core, **explain)
    chosen = core if only == "core" else {name: files for name, files in every.items() if name.startswith(only)}
    if not chosen:
        sys.exit("--only must be core, explain, or begin a name of these: {}".format(", ".join(every)))
    return chosen


def _option(name, default):
    if name not in sys.argv:
        return default
    given = (sys.argv[sys.argv.index(name) + 1 :] or ["nothing"])[0]
    if not given.isdigit():
        sys.exit("{} must be a whole number, got {}".format(name, given))
    return int(given)


def _inside():
    import random

    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

    each, chance = _option("--each", 25), random.Random(_option("--seed", 0))
    noticed = missed = 0
    with tempfile.TemporaryDirectory() as folder:
        for part in ("src", "tests"):
            shutil.copytree(os.path.join(HERE, part), os.path.join(folder, part))
        shutil.copy(os.path.join(HERE, "pyproject.toml"), folder)
        environment = dict(os.environ, PYTHONPATH=os.path.join(folder, "src"), OMP_NUM_THREADS="1")
        for module, tests in _chosen().items():
            text = CONFIGURATION.format(module=module, python=sys.executable, tests=" ".join(tests))
            with open(os.path.join(folder, "mutants.toml"), "w") as file:
                file.write(text)
            session = os.path.join(folder, module.replace("/", "-") + ".sqlite")
            cosmic_ray = [sys.executable, "-m", "cosmic_ray.cli"]
            subprocess.check_call(cosmic_ray + ["init", "mutants.toml", session], cwd=folder, env=environment)
            subprocess.check_call(
                cosmic_ray + ["baseline", "mutants.toml"], cwd=folder, env=environment, stdout=subprocess.DEVNULL
            )
            with use_db(session, WorkDB.Mode.open) as database:
                # A | of the core stands in annotations, where another operator is never carried out.
                left_out = [
                    item for item in database.pending_work_items if "_BitOr_" in item.mutations[0].operator_name
                ]
                for item in left_out:
                    database.set_result(item.job_id, WorkResult(WorkerOutcome.SKIPPED))
                items = sorted(database.pending_work_items, key=lambda item: str(item.mutations))
                kept = {item.job_id for item in chance.sample(items, min(each, len(items)))}
                for item in items:
                    if item.job_id not in kept:
                        database.set_result(item.job_id, WorkResult(WorkerOutcome.SKIPPED))
            subprocess.check_call(cosmic_ray + ["exec", "mutants.toml", session], cwd=folder, env=environment)
            with use_db(session, WorkDB.Mode.open) as database:
                results = [result for _, result in database.completed_work_items if result.test_outcome is not None]
                survived = [result for result in results if result.test_outcome == TestOutcome.SURVIVED]
            print("{}: {} of {} noticed".format(module, len(results) - len(survived), len(results)), flush=True)
            for result in survived:
                print("    " + (result.diff or "").replace("\n", "\n    "), flush=True)
            noticed, missed = noticed + len(results) - len(survived), missed + len(survived)
    print("{} of {} mutants noticed: {:.0%}".format(noticed, noticed + missed, noticed / (noticed + missed)))
    return 0 if noticed >= 0.8 * (noticed + missed) else 1


if __name__ == "__main__":
    sys.exit(main())
