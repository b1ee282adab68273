"""What the tests of the page do again and again: read the dock, wait, play, begin anew."""

NEURON = "button[data-layer='{0}'][data-neuron='{1}']"
ANSWER = ".input [data-answer]"
TIMEOUT = 20_000
"""Milliseconds after which a condition has failed: many times what it takes, since a busy machine is no failure."""
PAGES = ("network", "learning", "mistakes")


def dock(page, name):
    """What the dock says of the training."""
    return page.locator(".dock").get_attribute(f"data-{name}")


def step_of(page):
    return int(dock(page, "step"))


def wait(page, condition, argument=None):
    """Until a JavaScript condition holds; a page that never gets there fails."""
    page.wait_for_function(condition, arg=argument, timeout=TIMEOUT)


def until_mode(page, *modes):
    wait(page, "modes => modes.includes(document.querySelector('.dock').dataset.mode)", list(modes))


def until_step(page, least):
    wait(page, "least => Number(document.querySelector('.dock').dataset.step) >= least", least)


def until_answer(page, digit):
    wait(page, f"digit => document.querySelector('{ANSWER}')?.dataset.answer === digit", digit)


def play(page):
    page.locator(".dock button.primary").click()
    until_mode(page, "playing")


def pause(page):
    page.locator(".dock button.primary").click()
    until_mode(page, "paused")


def speed(page, value):
    """Set by its slider, from the keyboard: the words beside it say what it is."""
    slider = page.locator("[data-setting=speed]")
    slider.focus()
    slider.press("Home")
    for _ in range(value):
        slider.press("ArrowRight")


def begun_anew(page):
    """Another network, at step 0, so that a test does not depend on those before it."""
    run = page.evaluate(
        "window.glassnet.model.send({ do: 'restart', recipe: 'plain', seed: 1 }).then(({ run }) => run)"
    )
    # The run before may stand at step 0 too.
    wait(page, "run => window.glassnet.model.get('run').run === run", run)
    wait(page, "() => document.querySelector('.dock').dataset.step === '0'")
