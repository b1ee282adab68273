"""Time, in a real browser: the scrub bar, steps back, bookmarks, what a minibatch changed, then and now."""

import numpy as np
import pytest
from pages import NEURON, begun_anew, dock, pause, step_of, until_mode, until_step, wait

from glassnet import mnist

SLIDER = ".dock [role=slider]"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
NUMBERS = """() => {
    // Every number of the network and of what it makes of the image, by their bytes.
    const { parameters, forward } = window.glassnet.model.values;
    const arrays = [...parameters.weights, ...parameters.biases, forward.input, ...forward.zs, ...forward.as];
    const bytes = arrays.flatMap((each) => [...new Uint8Array(each.buffer, each.byteOffset, each.byteLength)]);
    return bytes.join(" ");
}"""
PARAMETERS = """() => {
    const { weights, biases } = window.glassnet.model.get("parameters");
    return [...weights, ...biases].map((each) => [...each]);
}"""


def send(page, **command):
    return page.evaluate("(message) => window.glassnet.model.send(message)", command)


def until(page, step):
    """The newest frame shows this step, and the dock does too."""
    wait(page, "step => window.glassnet.model.get('status').step === step", step)
    wait(page, "step => document.querySelector('.dock').dataset.step === String(step)", step)


def brought(page, steps):
    """A new network that has learned from so many minibatches, one at a time."""
    begun_anew(page)
    for _ in range(steps):
        send(page, do="step", what="minibatch")
    until(page, steps)


def value(page):
    return int(page.locator(SLIDER).get_attribute("aria-valuenow"))


# ── The same bytes ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_scrubbed_back_and_stepped_forward_every_number_is_the_same(open_tab):
    page = open_tab()
    brought(page, 248)
    seen = {}
    for step in (249, 250, 251):
        page.keyboard.press("n")
        until(page, step)
        seen[step] = page.evaluate(NUMBERS)
    send(page, do="speed", value=500)
    send(page, do="play")
    until_step(page, 500)
    pause(page)
    end = step_of(page)
    assert len(set(seen.values())) == 3

    # By the bar, with the mouse: to the place of step 250, which it hits to within a few steps; then by keys.
    box = page.locator(SLIDER).bounding_box()
    reach = int(page.locator(".dock .scale .figures").inner_text().replace(",", ""))
    page.mouse.move(box["x"] + box["width"] * end / reach, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 250 / reach, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    wait(page, "() => Math.abs(window.glassnet.model.get('status').step - 250) < 5")
    page.locator(SLIDER).focus()
    while (off := 250 - value(page)) != 0:
        page.keyboard.press("ArrowRight" if off > 0 else "ArrowLeft")
    until(page, 250)
    assert page.evaluate(NUMBERS) == seen[250]
    assert dock(page, "past") == "true"
    assert dock(page, "end") == str(end)

    page.get_by_role("button", name="One minibatch back").click()
    until(page, 249)
    assert page.evaluate(NUMBERS) == seen[249]
    page.get_by_role("button", name="1 minibatch").click()
    until(page, 250)
    assert page.evaluate(NUMBERS) == seen[250]
    page.keyboard.press("n")
    until(page, 251)
    assert page.evaluate(NUMBERS) == seen[251]
    assert page.tab.studio.state()["status"]["step"] == 251


def test_played_on_from_the_past_it_comes_to_the_same_end(open_tab):
    page = open_tab()
    brought(page, 40)
    before = page.evaluate(NUMBERS)
    for _ in range(3):
        page.keyboard.press("b")
    until(page, 37)
    page.get_by_text("does the same again, to the byte").wait_for()
    send(page, do="speed", value=100)
    page.keyboard.press(" ")
    until_step(page, 41)
    page.keyboard.press(" ")
    until_mode(page, "paused")
    send(page, do="seek", step=40)
    until(page, 40)
    assert page.evaluate(NUMBERS) == before


def test_an_epoch_back_and_to_the_end_again(open_tab):
    page = open_tab()
    begun_anew(page)
    back = page.get_by_role("button", name="One epoch back")
    assert back.is_disabled()
    assert page.get_by_role("button", name="One minibatch back").is_disabled()
    page.get_by_role("button", name="1 epoch").click()
    until_step(page, 5000)
    until_mode(page, "paused")
    page.keyboard.press("n")
    until(page, 5001)
    end = page.evaluate(NUMBERS)
    page.keyboard.press("B")
    until(page, 5000)
    back.click()
    until(page, 0)
    page.locator(".dock.past").wait_for()
    assert back.is_disabled()
    page.get_by_role("button", name="To the end").click()
    until(page, 5001)
    assert page.evaluate(NUMBERS) == end
    page.get_by_role("button", name="To the end").wait_for(state="hidden")


def test_a_change_in_the_past_begins_a_new_run_and_says_so(open_tab):
    page = open_tab()
    brought(page, 30)
    old = page.evaluate("window.glassnet.model.get('run').run")
    send(page, do="seek", step=20)
    until(page, 20)
    field = page.locator(".dock [data-setting=learning_rate]")
    field.fill("0.5")
    field.press("Enter")
    wait(page, "old => window.glassnet.model.get('run').run !== old", old)
    page.locator(".dock .message", has_text="branches off here").wait_for()
    until(page, 20)
    assert dock(page, "past") == "false"
    page.get_by_role("button", name="中文").click()
    page.locator(".dock .message", has_text="新的训练").wait_for()
    # Told once it is: what comes next is about something else.
    page.keyboard.press("n")
    until(page, 21)
    page.locator(".dock .message").wait_for(state="hidden")


def test_a_branch_has_the_weights_that_it_branched_off_with(open_tab):
    page = open_tab()
    brought(page, 30)
    send(page, do="seek", step=20)
    until(page, 20)
    before = page.evaluate(PARAMETERS)
    run = send(page, do="change", learning_rate=0.25)["run"]
    # Nothing was learned since, so the server does not send them again.
    wait(page, "run => window.glassnet.model.get('run').run === run", run)
    wait(page, "() => window.glassnet.model.get('parameters') !== null")
    assert page.evaluate(PARAMETERS) == before
    page.evaluate("location.hash = 'learning'")
    page.locator("section.then", has_text="right at step 0").wait_for()


def test_a_slider_leaves_the_other_keys_to_the_page(open_tab):
    page = open_tab()
    begun_anew(page)
    slider = page.locator(".dock [data-setting=speed]")
    slider.focus()
    before = slider.input_value()
    slider.press("ArrowRight")
    assert slider.input_value() == str(int(before) + 1)
    assert step_of(page) == 0
    slider.press("n")
    until(page, 1)


# ── The bar ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_bar_by_keyboard(open_tab):
    page = open_tab()
    begun_anew(page)
    page.keyboard.press("e")
    until_step(page, 5000)
    until_mode(page, "paused")
    for _ in range(10):
        send(page, do="step", what="minibatch")
    until(page, 5010)
    bar = page.locator(SLIDER)
    bar.focus()
    for key, step in (
        ("ArrowLeft", 5009),
        ("ArrowDown", 5008),
        ("ArrowRight", 5009),
        ("ArrowUp", 5010),
        ("ArrowRight", 5010),  # it cannot go where the run has not been
        ("PageDown", 10),
        ("ArrowRight", 11),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("PageUp", 5000),
        ("End", 5010),
    ):
        bar.press(key)
        until(page, step)
        wait(
            page,
            "step => document.querySelector('.dock [role=slider]').getAttribute('aria-valuenow') === String(step)",
            step,
        )
    assert bar.get_attribute("aria-valuetext") == "step 5,010 of 150,000, epoch 2"
    assert bar.get_attribute("aria-valuemax") == "150000"
    bar.press("Home")
    until(page, 0)
    assert bar.get_attribute("aria-valuetext") == "step 0 of 150,000, epoch 1"


def test_the_network_follows_while_the_bar_is_dragged(open_tab):
    page = open_tab()
    brought(page, 100)
    box = page.locator(SLIDER).bounding_box()
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] - 1, y)
    page.mouse.down()
    for share in (0.8, 0.5, 0.2):
        page.mouse.move(box["x"] + box["width"] * share, y, steps=3)
        # Still held, and the network is there already.
        wait(page, "step => Math.abs(window.glassnet.model.get('status').step - step) <= 1", round(100 * share))
    page.mouse.move(box["x"] - 300, y)
    page.mouse.up()
    until(page, 0)
    # Beyond what was trained it stops at the end.
    send(page, do="seek", step=60)
    until(page, 60)
    page.get_by_role("button", name="The bar ends at step 100").click()
    page.get_by_role("button", name="The bar shows all 150,000 steps").wait_for()
    page.mouse.click(box["x"] + box["width"] * 0.7, y)
    until(page, 100)
    page.get_by_role("button", name="The bar shows all 150,000 steps").click()


def test_marks_tell_what_was_done_and_lead_there(open_tab):
    page = open_tab()
    brought(page, 40)
    send(page, do="change", learning_rate=0.75)
    for _ in range(40):
        send(page, do="step", what="minibatch")
    until(page, 80)
    mark = page.locator(".scrub .mark.settings")
    assert mark.get_attribute("aria-label") == "Step 40: Learning rate 0.75"
    mark.hover()
    page.locator(".scrub .tip", has_text="Step 40: Learning rate 0.75").wait_for()
    mark.click()
    until(page, 40)
    assert page.tab.studio.state()["status"]["at"] == [0, 400]


# ── Bookmarks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("device", [{}, PHONE], ids=["desktop", "phone"])
def test_bookmarks_are_made_named_visited_and_taken_away(open_tab, device):
    page = open_tab(**device)
    brought(page, 25)
    opener = page.get_by_role("button", name="Bookmarks and changes")
    opener.click()
    panel = page.get_by_role("dialog", name="Bookmarks")
    panel.get_by_text("brings you back").wait_for()
    panel.get_by_role("button", name="Bookmark step 25").click()
    name = panel.get_by_role("textbox", name="Name of the bookmark at step 25")
    wait(page, "() => document.activeElement.value === 'step 25'")
    # Its name is selected: who types, names it.
    page.keyboard.type("before it went wrong")
    page.keyboard.press("Enter")
    wait(page, "() => window.glassnet.model.get('run').marks.some(({ text }) => text === 'before it went wrong')")
    page.keyboard.press("Escape")
    panel.wait_for(state="hidden")
    assert opener.evaluate("each => each === document.activeElement")
    assert (
        page.locator(".scrub .mark.bookmark").get_attribute("aria-label") == "Bookmark “before it went wrong”, step 25"
    )

    send(page, do="seek", step=10)
    until(page, 10)
    opener.click()
    panel.get_by_role("button", name="Go to step 25, “before it went wrong”").click()
    until(page, 25)
    assert name.input_value() == "before it went wrong"
    # An empty name is none.
    name.fill("  ")
    name.press("Enter")
    assert name.input_value() == "before it went wrong"
    panel.get_by_role("button", name="Remove the bookmark “before it went wrong”").click()
    panel.get_by_text("brings you back").wait_for()
    assert page.evaluate("window.glassnet.model.get('run').marks") == []


def test_a_bookmark_by_one_key_and_it_is_there_after_a_reload(open_tab):
    page = open_tab()
    brought(page, 12)
    page.keyboard.press("k")
    page.get_by_role("textbox", name="Name of the bookmark at step 12").wait_for()
    page.reload()
    page.wait_for_selector(".dock[data-step]")
    page.locator(".scrub .mark.bookmark").wait_for(state="attached")
    page.get_by_role("button", name="Bookmarks and changes").click()
    page.get_by_role("textbox", name="Name of the bookmark at step 12").wait_for()


# ── What this minibatch changed ──────────────────────────────────────────────────────────────────────────────────────


def test_what_a_minibatch_changed_is_the_difference_it_made(open_tab):
    page = open_tab("#learning")
    brought(page, 60)
    panel = page.locator("section.change")
    before = [np.array(each, np.float32) for each in page.evaluate(PARAMETERS)]
    page.keyboard.press("n")
    until(page, 61)
    wait(page, "() => window.glassnet.model.get('change')?.step === 61")
    after = [np.array(each, np.float32) for each in page.evaluate(PARAMETERS)]
    told = page.evaluate(
        """() => {
            const { weights, biases } = window.glassnet.model.get("change");
            return [...weights, ...biases].map((each) => [...each]);
        }"""
    )
    changes = [b - a for a, b in zip(before, after, strict=True)]
    for mine, its in zip(changes, told, strict=True):
        np.testing.assert_array_equal(mine, np.array(its, np.float32))
    every = np.concatenate(changes)

    panel.get_by_text("Step 61").wait_for()
    moved = int((every != 0).sum())
    wait(
        page,
        "moved => document.querySelector('section.change').textContent.includes(`${moved} of 13,002`) || moved === 'all'",
        "all" if moved == 13002 else f"{moved:,}",
    )
    rows = panel.locator(".moves tbody tr")
    amounts = [row.replace("−", "-") for row in rows.locator("td:last-child").all_inner_texts()]
    largest = every[np.argsort(-np.abs(every))[:8]]
    assert [float(each) for each in amounts] == pytest.approx(largest.tolist(), abs=6e-5)
    # From and to are what the parameter was, and is.
    first = int(np.argmax(np.abs(every)))
    numbers = [float(each.replace("−", "-")) for each in rows.first.locator("td.number").all_inner_texts()[:2]]
    assert numbers == pytest.approx([np.concatenate(before)[first], np.concatenate(after)[first]], abs=6e-5)
    for l, row in enumerate(panel.locator(".by-layer tbody tr").all()):
        change, weights = (float(each) for each in row.locator("td").all_inner_texts()[:2])
        sizes = [
            np.sqrt(np.mean(np.concatenate([each[l], each[l + 3]]).astype(float) ** 2)) for each in (changes, after)
        ]
        assert (change, weights) == pytest.approx(sizes, abs=6e-4)
        assert change == pytest.approx(sizes[0], abs=6e-6)

    # One step back: what the minibatch before that place changed.
    page.keyboard.press("b")
    until(page, 60)
    wait(page, "() => window.glassnet.model.get('change')?.step === 60")
    panel.get_by_text("Step 60").wait_for()
    panel.locator(".patterns button").nth(5).click()
    page.wait_for_selector("main.network")
    assert page.evaluate("window.glassnet.model.get('picked')") == {"layer": 1, "neuron": 5}


def test_who_asked_for_the_moves_and_what_else_moved_is_told(open_tab):
    """By the pixels that are 0 in all ten images: nothing is asked of the weights that look at them."""
    page = open_tab("#learning")
    begun_anew(page)
    what = page.locator("section.change > p").nth(0)

    def told(step, sentence):
        send(page, do="step", what="minibatch")
        until(page, step)
        rows = page.evaluate("[...window.glassnet.model.get('minibatch').rows]")
        blank = 16 * int((mnist().train.inputs[rows] == 0).all(0).sum())
        page.locator(
            "section.change", has_text=sentence.format(asked=f"{13_002 - blank:,}", blank=f"{blank:,}")
        ).wait_for()
        return what.inner_text()

    # The recipe has weight decay: what the images do not ask for moves all the same.
    text = told(
        1,
        "ask {asked} of them to: for those, the gradient of their cost is not 0. Another {blank} were moved",
    )
    assert text.startswith("All 13,002 weights and biases moved. ")
    assert text.endswith("were moved by weight decay alone.")
    page.get_by_role("button", name="切换到中文").click()
    page.locator("section.change", has_text="个只是因权重衰减而动。").wait_for()
    page.get_by_role("button", name="Switch to English").click()
    send(page, do="change", weight_decay=0)
    assert "moved by" not in told(2, "Of {blank} nothing is asked")
    send(page, do="change", momentum=0.9)
    told(3, "Of {blank} nothing is asked")  # nothing is kept of earlier steps yet
    told(4, "moved by what the optimizer keeps of earlier steps.")
    send(page, do="change", weight_decay=0.001)
    told(5, "Another {blank} were moved by weight decay, and by what the optimizer keeps of earlier steps.")
    # Of the past it is told by what was so then.
    send(page, do="seek", step=1)
    page.locator("section.change", has_text="were moved by weight decay alone.").wait_for()


def test_a_move_leads_to_its_neuron(open_tab):
    page = open_tab("#learning")
    brought(page, 5)
    page.locator("section.change .moves tbody button").first.click()
    page.wait_for_selector("main.network")
    place = page.evaluate("window.glassnet.model.get('picked')")
    assert page.locator(NEURON.format(place["layer"], place["neuron"])).count() == 1


def test_the_edges_of_the_last_minibatch(open_tab):
    page = open_tab()
    brought(page, 30)
    page.get_by_role("button", name="Changes", exact=True).click()
    page.get_by_text("of 12,960 edges moved in step 30.").wait_for()
    nonzero = page.evaluate(
        "window.glassnet.model.get('change').weights.reduce((all, each) => all + each.filter((value) => value !== 0).length, 0)"
    )
    wait(page, "drawn => document.querySelector('.board').dataset.drawn === String(drawn)", nonzero)
    page.locator(".stage .legend", has_text="up").wait_for()
    # Many minibatches between two pictures: it says so.
    send(page, do="speed", value=None)
    send(page, do="play")
    page.get_by_text("Too fast to see single steps").wait_for()
    send(page, do="pause")
    until_mode(page, "paused")
    # The last of them is done again, to be seen.
    here = step_of(page)
    before = page.evaluate(NUMBERS)
    page.get_by_role("button", name="Show the last one").click()
    page.get_by_text(f"edges moved in step {here:,}.").wait_for()
    assert page.evaluate(NUMBERS) == before
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_text("12,960 of 12,960 edges drawn").wait_for()
    assert page.evaluate("window.glassnet.model.get('watch')") == []


# ── Then and now ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_then_and_now_are_what_the_networks_say(open_tab):
    page = open_tab("#learning")
    begun_anew(page)
    strip = page.locator("section.then")
    strip.get_by_text("its weights are random, from seed 1").wait_for()
    first = [np.array(each, np.float32) for each in page.evaluate(PARAMETERS)]
    page.keyboard.press("e")
    until_step(page, 5000)
    until_mode(page, "paused")
    strip.get_by_role("button", name="Other images").click()
    wait(
        page,
        "() => [...document.querySelectorAll('.then .cards button')].some(({ dataset }) => Number(dataset.row) > 11)",
    )
    strip.get_by_text("right at step 0").wait_for()
    last = [np.array(each, np.float32) for each in page.evaluate(PARAMETERS)]
    wait(page, "() => window.glassnet.model.get('status').mode === 'paused'")

    cards = page.evaluate(
        "[...document.querySelectorAll('.then .cards button')].map(({ dataset }) => ({ ...dataset }))"
    )
    data = mnist().test
    rows = [int(card["row"]) for card in cards]
    assert len(set(rows)) == 12
    assert [int(card["label"]) for card in cards] == data.labels[rows].tolist()

    def answers(parameters):
        values = data.inputs[rows].astype(np.float64)
        for weights, bias in zip(parameters[:3], parameters[3:], strict=True):
            values = 1 / (1 + np.exp(-(values @ weights.reshape(len(bias), -1).T.astype(float) + bias)))
        return values.argmax(1)

    then, now = answers(first), answers(last)
    assert [int(card["then"]) for card in cards] == then.tolist()
    wait(
        page,
        "now => [...document.querySelectorAll('.then .cards button')].map(({ dataset }) => dataset.now).join() === now",
        ",".join(map(str, now)),
    )
    # Wrong is told by more than a color.
    marked = page.locator(".then .answer.said-then .mark-of")
    seen = [marked.nth(i).is_visible() for i in range(12)]
    assert seen == (then != data.labels[rows]).tolist()
    right = [int((each == data.labels[rows]).sum()) for each in (then, now)]
    strip.get_by_text(f"{right[0]} of 12 right at step 0 · {right[1]} of 12 now").wait_for()
    assert right[1] > right[0]


def test_then_and_now_follow_another_run(open_tab):
    page = open_tab("#learning")
    brought(page, 3)
    page.locator("section.then", has_text="right at step 0").wait_for()
    send(page, do="restart", recipe="plain", seed=7)
    page.locator("section.then", has_text="from seed 7").wait_for()


# ── For everybody ────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_has_no_serious_finding(open_tab, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_tab("#learning", color_scheme=scheme, bypass_csp=True)  # axe is injected as a script
    brought(page, 20)
    send(page, do="change", learning_rate=0.75)
    send(page, do="step", what="minibatch")
    send(page, do="seek", step=10)
    until(page, 10)
    page.locator("section.change .patterns button").first.wait_for()
    page.locator("section.then .cards button").first.wait_for()
    for bookmarks in (False, True):
        if bookmarks:
            page.keyboard.press("k")
            page.get_by_role("textbox", name="Name of the bookmark").wait_for()
        found = Axe().run(page).response["violations"]
        serious = [
            (each["id"], node["target"], node["failureSummary"])
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
        assert serious == []


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("place", ["network", "learning"])
def test_nothing_is_wider_or_longer_than_the_window(open_tab, place, language):
    page = open_tab(f"#{place}", locale=language)
    brought(page, 20)
    send(page, do="bookmark", name="a name that is rather long, for a bookmark of a phone, in any language")
    send(page, do="seek", step=10)
    until(page, 10)
    for width, height in ((1920, 1080), (1280, 800), (1024, 768), (820, 1180), (390, 844), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        wait(page, "width => innerWidth === width", width)
        wide = page.evaluate(
            """() => [...document.querySelectorAll(innerWidth < 390 ? 'main, .dock, .places' : 'html, main, .dock, .places')]
                .filter((each) => each.scrollWidth > Math.max(each.clientWidth, each.offsetWidth))
                .map((each) => each.outerHTML.slice(0, 80))"""
        )
        assert (width, wide) == (width, [])
        if width >= 1100:  # there the page is as high as the window, and only its parts scroll
            assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")
        page.locator(".places-open").click()
        box = page.locator(".places").bounding_box()
        assert 0 <= box["x"] <= width - box["width"]
        assert 0 <= box["y"] <= height - box["height"]
        page.keyboard.press("Escape")
        page.locator(".places").wait_for(state="hidden")


def test_the_bar_moves_under_a_finger(open_tab):
    page = open_tab(**PHONE)
    brought(page, 100)
    box = page.locator(SLIDER).bounding_box()
    y = box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    for kind, share in (("touchStart", 1), ("touchMove", 0.8), ("touchMove", 0.6), ("touchMove", 0.5)):
        touch.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": box["x"] + share * box["width"], "y": y}]}
        )
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    wait(page, "() => Math.abs(window.glassnet.model.get('status').step - 50) <= 1")
