#!/usr/bin/env python3
"""glassnet from nothing: set everything up, train the network of the series on the real MNIST, and open it in the studio.

    python3 scripts/demo.py [--no-browser] [any option of glassnet train]

Needs nothing but Python 3.11 or newer. The first run installs into .venv; later runs start at once. The studio is a page in
the browser, served from this machine; Ctrl-C ends it. With --no-browser, or where there is no terminal to press Ctrl-C in, the
demo tries the studio, prints how to open it, and ends.
"""

from __future__ import print_function

import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from environment import HERE, ensure


def main():
    """Set up, train, evaluate, open."""
    options = [option for option in sys.argv[1:] if option != "--no-browser"]
    if "-h" in options or "--help" in options:
        print(__doc__)
        return 0
    watched = "--no-browser" not in sys.argv[1:] and (sys.stdin.isatty() or sys.stdout.isatty())
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
    if code:
        return code
    shown = " ".join([os.path.relpath(glassnet[0], HERE)] + glassnet[1:])
    print("\nlook inside: {} explain {} --test-index 18".format(shown, run), flush=True)
    if watched:
        return _call(glassnet + ["studio", run])
    address, state = _tried(glassnet, run)
    sizes = "-".join(map(str, state["run"]["sizes"]))
    print("the studio opens: {} at {}, tried just now and ended again. Start it by:".format(sizes, address))
    print("  {} studio {}".format(shown, run))
    return 0


def _call(command):
    """Run a command to its own end: Ctrl-C is its to answer (it saves, and says how to go on)."""
    process = subprocess.Popen(command, cwd=HERE)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass


def _tried(glassnet, run):
    """Start the studio, go in by its link as a browser would, and end it: its address, and what it says of itself."""
    from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

    browser = build_opener(ProxyHandler({}), HTTPCookieProcessor())
    home = tempfile.mkdtemp(prefix="glassnet-demo-")  # the trial leaves nothing behind
    command = glassnet + ["studio", run, "--no-browser", "--home", home]
    process = subprocess.Popen(
        command, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True
    )
    try:
        link = process.stdout.readline().strip()
        if not link:
            sys.exit(process.communicate()[1].strip())
        address = link.partition("open?")[0]
        if b"<html" not in browser.open(link, timeout=60).read():
            sys.exit("the studio's page did not open")
        return address, json.loads(browser.open(address + "api/state", timeout=60).read().decode())
    finally:
        process.terminate()
        process.communicate()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
