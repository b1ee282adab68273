#!/usr/bin/env python3
"""Set everything up and run all tests.

    python3 scripts/test.py [--no-torch] [--long] [any option of pytest]

Needs nothing but Python 3.11 or newer. PyTorch, which proves our gradients, is a large download the first time: with
--no-torch its tests are skipped, and say so. --long runs the longer forms of the reliability tests. The whole suite runs in
as many processes as there are processors, at most four; what is named by a path, -k or -m runs in one.
"""

from __future__ import print_function

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from environment import HERE, ensure


def main():
    """Set up, run pytest."""
    options = [option for option in sys.argv[1:] if option != "--no-torch"]
    if "-h" in options or "--help" in options:
        print(__doc__)
        return 0
    python = ensure("test") if "--no-torch" in sys.argv[1:] else ensure("test", "torch")
    environment = dict(os.environ)
    # Small networks lose by threads, and results may depend on how many there are: one, unless told otherwise.
    environment.setdefault("OMP_NUM_THREADS", "1")
    environment.setdefault("OPENBLAS_NUM_THREADS", "1")
    if all(option.startswith("-") and option not in ("-k", "-m", "-n", "--pdb") for option in options):
        # Much of the suite waits, for a browser or a server. A file's tests stay together: they share what they start.
        options += ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadfile"]
    return subprocess.call([python, "-m", "pytest"] + options, cwd=HERE, env=environment)


if __name__ == "__main__":
    sys.exit(main())
