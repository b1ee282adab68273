"""A virtual environment in .venv with glassnet in it, made by plain venv and pip. Used by demo.py and test.py."""

from __future__ import print_function

import hashlib
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(HERE, ".venv")
OLDEST = (3, 11)


def python_of(venv):
    """The environment's own Python."""
    return os.path.join(venv, "Scripts", "python.exe") if os.name == "nt" else os.path.join(venv, "bin", "python")


def _run(command):
    """Run a step; where it fails, its output has said why."""
    if subprocess.call(command, cwd=HERE) != 0:
        sys.exit("this step failed: {}".format(" ".join(command)))


def _wanted(extras):
    """What the environment should hold, as a text that changes when any of it does."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(HERE, name), "rb") as file:
            digest.update(file.read())
    return "{} {} {}.{}".format(digest.hexdigest(), ",".join(sorted(extras)), *sys.version_info[:2])


def ensure(*extras):
    """Make .venv with glassnet and these extras, or add what is missing; its Python. Quick if all is there.

    Extras that are there already, from another script, are kept.
    """
    if sys.version_info < OLDEST:
        sys.exit("glassnet needs Python {}.{} or newer, this is {}".format(*(OLDEST + (sys.version.split()[0],))))
    python, note = python_of(VENV), os.path.join(VENV, "glassnet-installed")
    have = ""
    if os.path.exists(note) and os.path.exists(python):
        with open(note) as file:
            have = file.read()
    kept = set(extras) | (set(filter(None, have.split(" ")[1].split(","))) if have.count(" ") == 2 else set())
    if have == _wanted(kept):
        return python
    if not os.path.exists(python):
        print("making a virtual environment in .venv", flush=True)
        try:
            import ensurepip  # noqa: F401
            import venv  # noqa: F401
        except ImportError:
            sys.exit("this Python lacks its venv module: install it (on Debian and Ubuntu: apt install python3-venv)")
        _run([sys.executable, "-m", "venv", VENV])
    name = ".[{}]".format(",".join(sorted(kept))) if kept else "."
    print("installing glassnet{}".format(" with " + ", ".join(sorted(kept)) if kept else ""), flush=True)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "-c", "constraints.txt"]
    _run(pip + ["-e", name])
    with open(note, "w") as file:
        file.write(_wanted(kept))
    return python
