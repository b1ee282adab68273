"""A browser, a trained network, a studio: for the tests that look at the page."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))


@pytest.fixture
def compiling(monkeypatch):
    """As on a machine that never trained: whatever is prepared takes until the test sets this event, and nothing is loaded."""
    from glassnet.machine import compiled
    from glassnet.studio import preparation

    over, load = threading.Event(), preparation._load

    def slowly(*what):
        assert over.wait(60)
        load(*what)

    monkeypatch.setattr(preparation, "_known", {})
    monkeypatch.setattr(preparation, "_load", slowly)
    monkeypatch.setattr(compiled, "_loaded", set())
    yield over
    over.set()


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium. Each module has its own: Playwright's loop must not outlive the tests that need it."""
    from studio_page import chromium, launched

    if chromium() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("Chromium is missing, and under CI=true nothing may be skipped for it")
        pytest.skip("there is no Chromium here to look at the page with (on Debian: apt install chromium)")
    with launched() as browser:
        yield browser


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A run of the series' network, trained for five epochs (half a second): it knows most digits."""
    run = tmp_path_factory.mktemp("trained") / "run"
    subprocess.run([sys.executable, "-m", "glassnet", "train", "--epochs", "5", "--out", str(run)], check=True)
    return run


@pytest.fixture(scope="module")
def studio(trained, tmp_path_factory):
    """A studio on the trained network, for all tests of a module; each looks at it in a browser profile of its own."""
    from studio_page import started

    with started(str(trained), home=tmp_path_factory.mktemp("studio") / "home") as studio:
        yield studio


@pytest.fixture
def open_tab(browser, studio):
    """Opens tabs, and in the end asks whether anything went wrong in one of them."""
    from studio_page import Watched

    contexts, tabs = [], []

    def open_tab(place="", *, like=None, studio=studio, tour=False, **options):
        """A tab at a place; in the browser profile of the page ``like``, or in a new one with these options.

        It has seen the tour that a first visit is offered, unless that is wanted.
        """
        if like is None:
            context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **options})
            if not tour:
                # A page that is no page of the studio, such as about:blank, has no storage.
                context.add_init_script("try { localStorage.setItem('glassnet-tour', 'seen') } catch {}")
            contexts.append(context)
        else:
            context = like.context
        tab = Watched(context, studio)
        tabs.append(tab)
        page = tab.open(place)
        page.tab = tab
        return page

    yield open_tab
    wrong = [each for tab in tabs for each in tab.wrong]
    for context in contexts:
        context.close()
    assert wrong == []
