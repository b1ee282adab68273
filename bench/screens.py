"""Pictures of every page of the studio, light and dark, wide and narrow, into docs/studio: for the documentation.

python bench/screens.py                 # about a minute; needs Chromium, and a Chinese font for the Chinese ones

The network is the default one after two epochs of its thirty, playing, so that its charts have something to tell.
"""

from __future__ import annotations

import io
import sys
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


def main() -> None:
    """Take them all."""
    DOCS.mkdir(exist_ok=True)
    with started() as studio, launched() as browser:
        learn(tab(browser, studio, "network", "dark", WIDE))
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


if __name__ == "__main__":
    main()
