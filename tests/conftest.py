"""Fixtures for all tests: array libraries, tiny networks, and bounds that ``--long`` raises.

Every function of glassnet is called here with its shapes checked: jaxtyping's import hook must come before the first
import of glassnet.
"""

import importlib.util
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

# All modules but the compiled ones, which are not Python any more when they run. Naming a package would mean all inside it.
SOURCE = Path(importlib.util.find_spec("glassnet").submodule_search_locations[0])
COMPILED = ("kernels", "vectors", "warp")
PYTHON = [path for path in SOURCE.rglob("*.py") if not path.stem.startswith("__") and path.stem not in COMPILED]
install_import_hook(
    [".".join(("glassnet", *path.relative_to(SOURCE).with_suffix("").parts)) for path in PYTHON], "checked.checked"
)

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")

HAS_TORCH = importlib.util.find_spec("torch") is not None
CI = os.environ.get("CI") == "true"


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the longer form of the reliability tests")


def pytest_configure(config):
    if CI and not HAS_TORCH:
        raise pytest.UsageError("PyTorch is missing, and under CI=true nothing may be skipped for it")


def pytest_collection_modifyitems(items):
    if not HAS_TORCH:
        for item in items:
            if "torch" in item.keywords:
                item.add_marker(pytest.mark.skip(reason="PyTorch is not installed: pip install 'glassnet[torch]'"))


@pytest.fixture
def long(request):
    """Whether the longer form was asked for: scripts/test.py --long."""
    return request.config.getoption("--long")


@pytest.fixture(params=["numpy", "array_api_strict", pytest.param("torch", marks=pytest.mark.torch)])
def xp(request):
    """Each array library that the core must run on. array-api-strict raises at anything the standard does not promise."""
    if request.param == "torch":
        return pytest.importorskip("torch")
    return pytest.importorskip(request.param)


@pytest.fixture
def rng():
    """Random numbers, the same in every run."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def digits():
    """MNIST: read once, because reading takes most of a second."""
    from glassnet import mnist

    return mnist()


@pytest.fixture(scope="session")
def few(digits):
    """500 digits to train on and 200 to validate: enough to learn a little, quick to do."""
    return digits.train.take(slice(0, 500)), digits.validation.take(slice(0, 200))


@pytest.fixture
def new_crew(monkeypatch):
    """As if no thread of glassnet's had been started yet."""
    from glassnet.machine import threads

    monkeypatch.setattr(threads, "_crew", threads.Crew())


@pytest.fixture
def refuse(monkeypatch):
    """A function after which no threads can be started that have such names."""

    def refuse(named):
        start = threading.Thread.start

        def refused(self):
            if named(self.name):
                raise RuntimeError("can't start new thread")
            start(self)

        monkeypatch.setattr(threading.Thread, "start", refused)

    return refuse
