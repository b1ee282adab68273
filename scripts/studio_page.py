"""The studio in a real browser: started, opened, watched for errors, ended. For tests, bench and screenshots."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

__all__ = ["ARGUMENTS", "Started", "Watched", "chromium", "draw", "launched", "started"]

ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""How Chromium is started: without a GPU, as in a classroom, and without calls of its own to the world."""


def chromium() -> str | None:
    """The system's Chromium; None if there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def launched() -> Iterator[Any]:
    """A browser, with a user of its own who has no history."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Started:
    """A studio in a process of its own.

    Attributes:
        link: the launch link it printed.
        base: its address.
        home: where it keeps its runs.
        process: the server's.
    """

    def __init__(self, home: Path, *options: str) -> None:
        self.home = home
        command = [sys.executable, "-u", "-m", "glassnet", "studio", "--home", str(home), "--no-browser", *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "COLUMNS": "200"}
        )
        assert self.process.stdout is not None
        self.said: list[str] = []
        for line in self.process.stdout:
            self.said.append(line)
            if found := re.search(r"http://[^\s/]+/\S*", line):
                self.link = found[0]
                self.base = "/".join(self.link.split("/")[:3])
                break
        else:
            raise RuntimeError("the studio did not start: " + "".join(self.said))
        # Whoever prints into a pipe that nobody reads stands still in the end.
        self._listener = threading.Thread(target=lambda: self.said.extend(self.process.stdout or ()))
        self._listener.start()

    @property
    def secret(self) -> str:
        """What programs sign in with."""
        return (self.home / "secret").read_text().strip()

    def ask(self, path: str, method: str = "GET") -> Any:
        """What it answers to a program with its token."""
        headers = {"Authorization": f"Bearer {self.secret}"}
        with urlopen(Request(f"{self.base}{path}", headers=headers, method=method), timeout=10) as answer:
            return json.load(answer)

    def state(self) -> dict[str, Any]:
        """What is going on in it."""
        return self.ask("/api/state")

    def end(self, number: int = signal.SIGINT) -> int:
        """Ask it to stop, and wait; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self._listener.join()
            assert self.process.stdout is not None
            self.process.stdout.close()


@contextmanager
def started(*options: str, home: Path | None = None) -> Iterator[Started]:
    """A studio that ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        studio = Started(home or Path(folder) / "home", *options)
        try:
            yield studio
        finally:
            studio.end()


class Watched:
    """A tab of the studio in which nothing may go wrong unseen.

    Attributes:
        page: Playwright's.
        wrong: what did: errors on the console, exceptions, violations of the content policy, requests to other hosts.
    """

    def __init__(self, context: Any, studio: Started) -> None:
        self.page = context.new_page()
        self.studio = studio
        self.wrong: list[str] = []
        self.expected: tuple[str, ...] = ()
        self.page.on(
            "console", lambda said: said.type in ("error", "warning") and self._note(f"{said.type}: {said.text}")
        )
        self.page.on("pageerror", lambda error: self._note(f"exception: {error}"))
        self.page.on("request", lambda request: self._local(request.url))
        self.page.on("websocket", lambda socket: self._local(socket.url))
        self.page.add_init_script(
            "addEventListener('securitypolicyviolation', (v) => console.error('policy', v.violatedDirective, v.blockedURI))"
        )

    def _note(self, text: str) -> None:
        if not any(part in text for part in self.expected):
            self.wrong.append(text)

    def _local(self, url: str) -> None:
        place = url.split("/")[2] if "://" in url else ""
        if url.split(":")[0] not in ("blob", "data") and place != self.studio.base.split("/")[2]:
            self._note(f"a request to another host: {url}")

    def open(self, place: str = "") -> Any:
        """Sign in by the launch link, where this browser is not yet, and wait for the first frame; the page."""
        if not self.page.context.cookies():
            # A launch link opens one browser only: each gets one of its own.
            self.page.goto(self.studio.ask("/api/link", "POST")["link"])
        self.page.goto(f"{self.studio.base}/{place}")
        self.page.wait_for_selector(".dock[data-step]")
        return self.page


def draw(page: Any, points: Iterable[tuple[float, float]], steps: int = 4) -> None:
    """Draw a stroke on the pad by mouse; points are shares of the pad's sides."""
    box = page.locator(".input [role=application]").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=steps)
    page.mouse.up()
