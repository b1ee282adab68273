#!/usr/bin/env python3
"""glassnet from nothing: set everything up, train the network of the series on the real MNIST, and show the result.

    python3 scripts/demo.py [--no-browser] [any option of glassnet train]

Needs nothing but Python 3.11 or newer. The first run installs into .venv; later runs start at once.
"""

from __future__ import print_function

import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from environment import HERE, ensure


def main():
    """Set up, train, evaluate."""
    # --no-browser is accepted already: there is no studio to open yet, and scripts written for it should not break.
    options = [option for option in sys.argv[1:] if option != "--no-browser"]
    if "-h" in options or "--help" in options:
        print(__doc__)
        return 0
    glassnet = [ensure(), "-m", "glassnet"]
    run = next((options[i + 1] for i, option in enumerate(options[:-1]) if option == "--out"), None)
    if run is None:
        number = 1
        while os.path.exists(os.path.join(HERE, "runs", "demo-{}".format(number))):
            number += 1
        run = os.path.join("runs", "demo-{}".format(number))
        options += ["--out", run]
    code = _call(glassnet + ["train"] + options)
    if code:
        return code
    print(flush=True)
    code = _call(glassnet + ["evaluate", run])
    if code == 0:
        print("\nlook inside: {} -m glassnet explain {} --test-index 18".format(os.path.relpath(glassnet[0]), run))
    return code


def _call(command):
    """Run a command to its own end: Ctrl-C is its to answer (it saves, and says how to go on)."""
    process = subprocess.Popen(command, cwd=HERE)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    sys.exit(main())
