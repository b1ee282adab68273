"""One minute of random use, in a real browser: no error, flat memory, and a true page in the end. ``--long``: an hour."""

import random
import time
from pathlib import Path

from studio_page import draw, started

MEGABYTE = 2**20
SEED = 7


def resident(pid):
    """The memory that a process has, in bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise ValueError(f"process {pid} has no memory")


def heap(page):
    """What the page holds on to, in bytes, after its garbage has been collected."""
    tools = page.context.new_cdp_session(page)
    tools.send("HeapProfiler.collectGarbage")
    used = tools.send("Runtime.getHeapUsage")["usedSize"]
    tools.detach()
    return used


class Somebody:
    """Does something at random, as a person or a class of thirty might."""

    def __init__(self, page, seed):
        self.page = page
        self.random = random.Random(seed)

    def act(self):
        """One action."""
        self.random.choice(
            (
                self.play,
                self.step,
                self.speed,
                self.draw,
                self.seek,
                self.point,
                self.turn,
                self.change,
                self.travel,
                self.travel,
                self.touch,
                self.reload,
                self.keys,
            )
        )()

    def send(self, **message):
        """A command of which the server's refusal is an answer too."""
        self.page.evaluate("message => window.glassnet.model.send(message).catch(() => null)", message)

    def play(self):
        """Play, or pause."""
        self.page.locator(".dock button.primary").click()

    def step(self):
        """One minibatch, or one epoch."""
        self.send(do="step", what=self.random.choice(("minibatch", "minibatch", "epoch")))

    def speed(self):
        """Slow motion to full speed."""
        self.send(do="speed", value=self.random.choice((1, 20, 200, 5000, None)))

    def draw(self):
        """A scribble."""
        self.turn("network")
        self.page.get_by_role("tab").first.click()
        draw(self.page, [(self.random.random(), self.random.random()) for _ in range(5)])

    def seek(self):
        """Another image."""
        source = self.random.choice(("train", "validation", "test"))
        self.send(do="look", look=self.random.randrange(10**6), source=source, row=self.random.randrange(10_000))

    def point(self):
        """A neuron."""
        self.turn("network")
        self.page.locator("button[data-layer]").nth(self.random.randrange(42)).hover()

    def turn(self, place=None):
        """Another page."""
        place = place or self.random.choice(("network", "learning", "mistakes", "race", "runs", "data"))
        self.page.evaluate("place => { location.hash = place }", place)
        self.page.wait_for_selector(f"main.{place}")

    def change(self):
        """Settings, while it runs."""
        self.send(
            do="change", learning_rate=self.random.choice((0.1, 0.5, 1.5)), batch_size=self.random.choice((1, 10, 100))
        )

    def travel(self):
        """Back in time, anywhere."""
        if self.random.random() < 0.5:
            self.send(do="back", what=self.random.choice(("minibatch", "epoch")))
        else:
            share = self.random.random()
            self.page.evaluate(
                "share => { const { model } = window.glassnet, { end } = model.get('status');"
                " return model.send({ do: 'seek', step: Math.floor(share * end.step) }).catch(() => null); }",
                share,
            )

    def touch(self):
        """The network by hand, which in the past begins a new run."""
        self.send(do="edit", kind="bias", layer=1, neuron=self.random.randrange(16), value=self.random.uniform(-3, 3))
        if self.random.random() < 0.5:
            self.send(do="undo")

    def reload(self):
        """The page is loaded again."""
        self.page.reload()
        self.page.wait_for_selector(".dock[data-step]")

    def keys(self):
        """Any of the page's keys."""
        for _ in range(5):
            self.page.keyboard.press(
                self.random.choice(("n", ",", ".", "f", "r", "]", "[", "b", "h", "m", "Escape", "t", "l"))
            )


def test_a_minute_of_random_use_leaves_no_error_and_flat_memory(browser, open_tab, long, tmp_path):
    minutes = 60 if long else 1
    with started(home=tmp_path / "home") as studio:
        page = open_tab(studio=studio)
        page.evaluate("window.glassnet.model.send({ do: 'change', epochs: 5000 })")
        somebody = Somebody(page, SEED)
        memory = []
        begin = time.monotonic()
        # The first third fills what is filled once: caches, compiled loops, the bounded series of the charts.
        for part in range(1, 4):
            while time.monotonic() - begin < 60 * minutes * part / 3:
                somebody.act()
            somebody.turn("network")
            memory.append((resident(studio.process.pid), heap(page)))
        server, tab = zip(*memory, strict=True)
        assert server[2] - server[1] < 32 * MEGABYTE, memory
        assert tab[2] - tab[1] < 4 * MEGABYTE, memory

        # And it is as true as at the beginning.
        somebody.send(do="pause")
        page.wait_for_function("() => window.glassnet.model.get('status').mode !== 'playing'")
        page.wait_for_function(
            "step => window.glassnet.model.get('status').step === step", arg=studio.state()["status"]["step"]
        )
        page.context.close()
        assert studio.end() == 0
