"""Pictures of every page of the studio, light and dark, wide and narrow, into docs/studio: for the documentation.

python bench/screens.py                 # some minutes; needs Chromium, and a Chinese font for the Chinese ones
python bench/screens.py race data       # only those whose names begin so

The network is the default one after two epochs of its thirty, so that its charts have something to tell; what is changed by
hand and in time happens to a branch of it.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "scripts"))

from PIL import Image

from studio_page import Started, Watched, draw, launched, started

DOCS = HERE.parent / "docs" / "studio"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
STEPS = 12_000
"""Minibatches of ten that the network has learned from."""


def save(page: Any, name: str) -> None:
    """A picture of what is to be seen now, in 256 colors: a third of the size, and no eye tells."""
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    image.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=5, dither=Image.Dither.NONE).save(
        DOCS / f"{name}.png", optimize=True
    )
    print(f"docs/studio/{name}.png", flush=True)


def tab(browser: Any, studio: Started, place: str, theme: str, size: dict[str, int], language: str = "en-US") -> Any:
    """A tab of its own, settled."""
    narrow = size is NARROW
    context = browser.new_context(
        viewport=size, color_scheme=theme, locale=language, is_mobile=narrow, has_touch=narrow, device_scale_factor=1.5
    )
    context.add_init_script("localStorage.setItem('glassnet-tour', 'seen')")
    page = Watched(context, studio).open(f"#{place}")
    page.wait_for_selector(f"main.{place}")
    return page


def settle(page: Any) -> None:
    """Until what was asked for has come and been drawn."""
    page.wait_for_timeout(1500)


def learn(page: Any) -> None:
    """Two epochs in some seconds, a change of the rate among them."""
    send = "message => window.glassnet.model.send(message)"
    page.evaluate(send, {"do": "speed", "value": 2000})
    page.evaluate(send, {"do": "play"})
    page.wait_for_function(
        "least => Number(document.querySelector('.dock').dataset.step) >= least", arg=STEPS, timeout=60_000
    )
    page.evaluate(send, {"do": "pause"})
    page.evaluate(send, {"do": "speed", "value": 100})
    page.evaluate(send, {"do": "step", "what": "minibatch"})


def three(page: Any) -> None:
    """A three, drawn by mouse."""
    xs = 0.32, 0.4, 0.58, 0.66, 0.6, 0.46, 0.62, 0.68, 0.58, 0.4, 0.3
    ys = 0.3, 0.2, 0.2, 0.3, 0.42, 0.48, 0.55, 0.68, 0.8, 0.8, 0.7
    draw(page, zip(xs, ys, strict=True), steps=6)


def send(page: Any, **message: Any) -> None:
    """A command, and its answer."""
    page.evaluate("message => window.glassnet.model.send(message)", message)


def first(browser: Any, studio: Started) -> None:
    """The first part's: the network, learning, mistakes."""
    for theme in ("dark", "light"):
        for size, name in ((WIDE, "wide"), (NARROW, "narrow")):
            page = tab(browser, studio, "network", theme, size)
            if size is WIDE:
                three(page)
            settle(page)
            save(page, f"network-{theme}-{name}")
            if size is WIDE:
                page.locator("button[data-layer='1'][data-neuron='3']").click()
                settle(page)
                save(page, f"neuron-{theme}-{name}")
            page.context.close()
            for place in ("learning", "mistakes"):
                page = tab(browser, studio, place, theme, size)
                settle(page)
                save(page, f"{place}-{theme}-{name}")
                page.context.close()
    page = tab(browser, studio, "network", "dark", WIDE, "zh-CN")
    three(page)
    settle(page)
    save(page, "network-zh")
    page.context.close()


def hands(browser: Any, studio: Started) -> None:
    """A neuron painted, its bias slid down; on a phone too."""
    for theme, size, name in (("dark", WIDE, "wide"), ("light", NARROW, "narrow"), ("light", WIDE, "")):
        page = tab(browser, studio, "network", theme, size)
        page.locator("button[data-layer='1'][data-neuron='3']").click()
        page.locator("[data-hands=edit]").click()
        if name:
            page.locator("[data-preset=bar]").click()
        else:
            page.locator("[data-tab=bias]").click()
            field = page.locator("[data-hands=bias-field]")
            field.fill("2.5")
            field.press("Enter")
        page.wait_for_selector(".effect[data-edits='1'][data-busy='0']")
        if size is NARROW:
            page.evaluate(
                "scrollTo(0, document.querySelector('.inspector').getBoundingClientRect().top + scrollY - 10)"
            )
        settle(page)
        save(page, f"hands-{theme}-{name}" if name else "bias-light-wide")
        send(page, do="undo", all=True)
        page.context.close()


def time(browser: Any, studio: Started) -> None:
    """Back in the past, among marks; and what one minibatch changed."""
    page = tab(browser, studio, "network", "dark", WIDE)
    send(page, do="seek", step=5000)
    send(page, do="change", learning_rate=0.7)
    send(page, do="reach", step=5400)
    send(page, do="edit", kind="bias", layer=1, neuron=3, value=0.5)
    send(page, do="reach", step=6000)
    send(page, do="bookmark", name="after the edit")
    send(page, do="seek", step=2500)
    send(page, do="bookmark", name="half of the first epoch")
    page.get_by_role("button", name="Changes", exact=True).click()
    settle(page)
    save(page, "time-dark-wide")
    page.context.close()
    page = tab(browser, studio, "learning", "light", WIDE)
    page.evaluate("document.querySelector('section.change').scrollIntoView()")
    settle(page)
    save(page, "change-light-wide")
    page.context.close()


def race(browser: Any, studio: Started) -> None:
    """Six hidden layers: sigmoid from two starts, and ReLU."""
    page = tab(browser, studio, "race", "dark", WIDE)
    page.locator("input[value=deep]").check()
    page.get_by_role("button", name="Begin the race").click()
    page.wait_for_function("() => Number(document.querySelector('.race .on')?.dataset.step) > 3000", timeout=120_000)
    page.locator("[data-race=play]").click()
    settle(page)
    save(page, "race-dark-wide")
    page.locator(".lane h2, .lane h3").first.evaluate("each => each.scrollIntoView()")
    settle(page)
    save(page, "gradients-dark-wide")
    page.context.close()
    page = tab(browser, studio, "race", "light", NARROW)
    settle(page)
    save(page, "race-light-narrow")
    send(page, do="race", what="end")
    page.context.close()


def runs(browser: Any, studio: Started) -> None:
    """The list, with some of the command line; three of them compared."""
    page = tab(browser, studio, "runs", "dark", WIDE)
    page.wait_for_selector("tr[data-run]")
    settle(page)
    save(page, "runs-dark-wide")
    page.context.close()
    page = tab(browser, studio, "runs", "light", WIDE)
    for run in ("../small", "../relu", "../wide"):
        page.locator(f'tr[data-run="{run}"] input').check()
    page.locator("[data-act=compare]").click()
    page.locator(".compare[data-runs='3']").wait_for()
    settle(page)
    save(page, "compare-light-wide")
    page.context.close()


def data(browser: Any, studio: Started, folder: Path) -> None:
    """A zip of drawn shapes, understood."""
    shapes(folder / "shapes.zip")
    for theme in ("dark", "light"):
        page = tab(browser, studio, "data", theme, WIDE)
        if theme == "dark":
            page.set_input_files("[data-input=files]", str(folder / "shapes.zip"))
        else:
            page.locator("[data-data='1'], [data-id='1']").first.click()
        page.wait_for_selector("article.card[data-id='1'] .made")
        settle(page)
        save(page, f"data-{theme}-wide")
        page.context.close()


def shapes(path: Path, count: int = 60) -> None:
    """A zip of pictures of three shapes, in folders by their names."""
    import random
    import zipfile

    from PIL import ImageDraw

    chance = random.Random(3)
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("circle", "square", "triangle"):
            for number in range(count):
                image = Image.new("RGB", (120, 90), (250, 248, 240))
                x, y, r = chance.randint(35, 85), chance.randint(35, 55), chance.randint(15, 30)
                ink = (chance.randint(20, 90), chance.randint(20, 90), chance.randint(80, 160))
                pen = ImageDraw.Draw(image)
                if name == "circle":
                    pen.ellipse((x - r, y - r, x + r, y + r), outline=ink, width=6)
                else:
                    sides, turn = (4, 45) if name == "square" else (3, 0)
                    pen.regular_polygon((x, y, r), sides, rotation=turn + chance.randint(-12, 12), outline=ink, width=6)
                body = io.BytesIO()
                image.save(body, "PNG")
                archive.writestr(f"{name}/{number}.png", body.getvalue())


def share(browser: Any, studio: Started) -> None:
    """The dialog with a class open; and a pupil's phone."""
    page = tab(browser, studio, "network", "light", WIDE)
    page.keyboard.press("s")
    page.get_by_role("button", name="Open the class").click()
    page.wait_for_selector(".qr")
    settle(page)
    save(page, "share-light-wide")
    page.context.close()
    context = browser.new_context(
        viewport=NARROW, color_scheme="light", is_mobile=True, has_touch=True, device_scale_factor=1.5
    )
    context.add_init_script("localStorage.setItem('glassnet-tour', 'seen')")
    pupil = context.new_page()
    pupil.goto(studio.ask("/api/class", "POST")["link"])
    pupil.wait_for_selector(".dock[data-step]")
    settle(pupil)
    save(pupil, "pupil-light-narrow")
    studio.ask("/api/class", "DELETE")
    context.close()


def trained(folder: Path) -> None:
    """Three runs of the command line."""
    import subprocess

    for name, options in {
        "small": ["--epochs", "6"],
        "relu": ["--epochs", "6", "--hidden", "relu", "--cost", "cross_entropy", "--learning-rate", "0.05"],
        "wide": ["--epochs", "6", "--sizes", "784,64,10"],
    }.items():
        command = [sys.executable, "-m", "glassnet", "train", *options, "--out", str(folder / name)]
        subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Take them all, or those that were named."""
    wanted = sys.argv[1:]
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        trained(place)
        with started(home=place / "studio") as studio, launched() as browser:
            learn(tab(browser, studio, "network", "dark", WIDE))
            parts = {
                "first": lambda: first(browser, studio),
                "hands": lambda: hands(browser, studio),
                "race": lambda: race(browser, studio),
                "data": lambda: data(browser, studio, place),
                "share": lambda: share(browser, studio),
                "time": lambda: time(browser, studio),
                "runs": lambda: runs(browser, studio),
            }
            for name, take in parts.items():
                if not wanted or name in wanted:
                    take()


if __name__ == "__main__":
    main()
