"""The network under one's hands: painted, biased, muted, undone, and handed back; what the page says of it is true."""

import math

import numpy as np
import pytest
from pages import NEURON, pause, until_mode, wait
from small_run import npz, numbers_npz

from glassnet import Layer, Network, evaluate, mnist
from glassnet.costs import SquaredError
from studio_page import started


def network(page):
    """The network that the page has, byte for byte."""
    sizes, names, weights, biases = page.evaluate(
        """() => {
            const { run, parameters } = window.glassnet.model.values;
            const lists = (arrays) => arrays.map((each) => [...each]);
            return [run.sizes, run.activations, lists(parameters.weights), lists(parameters.biases)];
        }"""
    )
    layers = [
        Layer(np.array(weight, np.float32).reshape(rows, columns), np.array(bias, np.float32))
        for weight, bias, rows, columns in zip(weights, biases, sizes[1:], sizes[:-1], strict=True)
    ]
    return Network(tuple(layers), tuple(Network.random(sizes, hidden=names[0], output=names[-1]).activations))


def same(one, other):
    return all(
        a.weight.tobytes() == b.weight.tobytes() and a.bias.tobytes() == b.bias.tobytes()
        for a, b in zip(one.layers, other.layers, strict=True)
    )


def said(page, name):
    """What the panel says that the hands did."""
    return page.locator(".effect").get_attribute(f"data-{name}")


def until_edits(page, count, redo=None):
    """The page has heard of so many edits, and has the network that they made."""
    wait(
        page,
        """([count, redo]) => {
            const { edits } = window.glassnet.model.get('status');
            const { dataset } = document.querySelector('.effect');
            return edits.count === count && (redo === null || edits.redo === redo) && dataset.edits === String(count);
        }""",
        [count, redo],
    )


def settled(page):
    """Nothing is under way any more: the last answer is about the network that the page has."""
    wait(page, "() => { const { dataset } = document.querySelector('.effect'); return dataset.busy === '0'; }")


def untouched(page):
    """The network of now, without what an earlier test did to it."""
    if page.evaluate("window.glassnet.model.get('status').edits.count"):
        page.evaluate("window.glassnet.model.send({ do: 'undo', all: true })")
        wait(page, "() => window.glassnet.model.get('status').edits.count === 0")
    wait(page, "() => window.glassnet.model.get('parameters') !== null")


@pytest.fixture
def hands(open_tab):
    """Opens a tab with the editor of a neuron."""

    def hands(layer=1, neuron=3, touch=False, **options):
        page = open_tab(**options)
        untouched(page)
        button = page.locator(NEURON.format(layer, neuron))
        edit = page.locator("[data-hands=edit]")
        for each in (button, edit):
            each.tap() if touch else each.click()
        page.wait_for_selector(".hands")
        return page

    return hands


def painted(page, points):
    """A stroke over the neuron's picture; points are shares of its sides."""
    board = page.locator("[data-hands=painting]")
    board.scroll_into_view_if_needed()
    box = board.bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(x, y, steps=6)
    page.mouse.up()


def accuracy_of(network):
    return evaluate(network, mnist().validation, SquaredError()).accuracy


def test_a_painted_pattern_changes_the_accuracy_as_python_computes_it(hands):
    page = hands()
    before = network(page)
    page.locator("[data-preset=zero]").click()
    until_edits(page, 1)
    painted(page, [(0.5, 0.2), (0.5, 0.8)])
    until_edits(page, 2)
    page.locator("[data-brush=minus]").click()
    painted(page, [(0.25, 0.2), (0.25, 0.8)])
    until_edits(page, 3)
    settled(page)
    after = network(page)
    pattern = after.layers[0].weight[3].reshape(28, 28)
    assert pattern[10:18, 14].min() > 0 > pattern[10:18, 6].max()
    assert (pattern[:, 20:] == 0).all()
    assert float(said(page, "before")) == pytest.approx(accuracy_of(before))
    assert float(said(page, "by-hand")) == pytest.approx(accuracy_of(after))
    assert accuracy_of(after) < accuracy_of(before) - 0.02
    # The page rounds a half up, as one does by hand; Python's format rounds it to the even digit.
    shown = [f"{math.floor(1000 * accuracy_of(each) + 0.5) / 10:.1f}\u00a0%" for each in (before, after)]
    assert [page.locator(f".effect .{name} b").inner_text() for name in ("before", "byHand")] == shown
    # All other weights are as they were.
    rest = np.delete(after.layers[0].weight, 3, axis=0)
    assert rest.tobytes() == np.delete(before.layers[0].weight, 3, axis=0).tobytes()


def test_strokes_that_follow_fast_upon_each_other_are_all_kept(hands):
    page = hands()
    page.locator("[data-preset=zero]").click()
    until_edits(page, 1)
    settled(page)
    for row in (0.15, 0.35, 0.55, 0.75):
        painted(page, [(0.2, row), (0.8, row)])
    settled(page)
    until_edits(page, 5)
    settled(page)
    pattern = network(page).layers[0].weight[3].reshape(28, 28)
    assert (pattern[[4, 9, 15, 21], 6:22] > 0).all()
    assert (pattern[[7, 12, 18, 25]] == 0).all()


def test_undo_redo_and_undo_all_give_back_the_same_bytes(hands):
    page = hands()
    states = [network(page)]
    for count, preset in enumerate(("zero", "bar", "ring"), start=1):
        page.locator(f"[data-preset={preset}]").click()
        until_edits(page, count)
        settled(page)
        states.append(network(page))
    assert not same(states[1], states[2])
    page.locator("[data-hands=undo]").click()
    until_edits(page, 2, redo=1)
    assert same(network(page), states[2])
    page.keyboard.press("Control+z")
    until_edits(page, 1, redo=2)
    assert same(network(page), states[1])
    page.keyboard.press("Control+Shift+z")
    until_edits(page, 2, redo=1)
    assert same(network(page), states[2])
    page.locator("[data-hands=redo]").click()
    until_edits(page, 3, redo=0)
    assert same(network(page), states[3])
    page.locator("[data-hands=undo-all]").click()
    until_edits(page, 0)
    assert same(network(page), states[0])


def test_what_one_sees_after_undo_is_what_the_network_has(hands):
    page = hands()
    painted(page, [(0.3, 0.3), (0.7, 0.7)])
    until_edits(page, 1)
    page.keyboard.press("Control+z")
    until_edits(page, 0)
    row, column = 14, 14
    at = row * 28 + column
    wait(
        page,
        """at => {
            const shown = document.querySelector('[data-hands=pixel]').value;
            const { pixel } = document.querySelector('[data-hands=painting]').dataset;
            const weight = window.glassnet.model.get('parameters').weights[0][3 * 784 + Number(pixel)];
            return Math.abs(Number(shown) - weight) < 1e-6;
        }""",
        at,
    )


def shares(network, layer, neuron):
    """The share of each digit's validation images that light a neuron."""
    data = mnist().validation
    lit = network.forward(data.inputs).activations[layer][:, neuron] > 0.5
    return [lit[data.labels == digit].mean() for digit in range(10)]


def shown_shares(page):
    return [float(each.get_attribute("data-share")) for each in page.locator(".lit-by tr[data-share]").all()]


@pytest.mark.parametrize(("layer", "neuron"), [(1, 5), (3, 7)])
def test_a_bias_up_and_down_changes_which_digits_light_the_neuron(hands, layer, neuron):
    page = hands(layer, neuron)
    page.get_by_role("tab", name="Bias").click()
    slider = page.locator("[data-hands=bias]")
    lit = []
    for key in ("End", "Home"):
        slider.focus()
        slider.press(key)
        value = float(slider.input_value())
        wait(
            page,
            """([layer, neuron, value]) =>
                window.glassnet.model.get('parameters').biases[layer - 1][neuron] === Math.fround(value)""",
            [layer, neuron, value],
        )
        settled(page)
        expected = shares(network(page), layer, neuron)
        wait(
            page,
            """expected => {
                const rows = [...document.querySelectorAll('.lit-by tr[data-share]')];
                return rows.length === 10 && rows.every((row, i) => Math.abs(row.dataset.share - expected[i]) < 1e-9);
            }""",
            [float(each) for each in expected],
        )
        lit.append((sum(shown_shares(page)), page.locator(".lit-by canvas.lights").count()))
    (all_shares, all_bright), (no_shares, no_bright) = lit
    assert all_shares > 9 > 1 > no_shares
    assert all_bright > 30 > 10 > no_bright


def test_a_weight_typed_into_its_field_is_that_float32(hands):
    page = hands()
    page.locator("[data-brush=pick]").click()
    board = page.locator("[data-hands=painting]")
    box = board.bounding_box()
    board.click(position={"x": box["width"] * 10.5 / 28, "y": box["height"] * 8.5 / 28})
    assert board.get_attribute("data-pixel") == str(8 * 28 + 10)
    field = page.locator("[data-hands=pixel-field]")
    field.fill("0.1")
    field.press("Enter")
    until_edits(page, 1)
    settled(page)
    weight = network(page).layers[0].weight[3, 8 * 28 + 10]
    assert weight.tobytes() == np.float32(0.1).tobytes()
    field.fill("three")
    field.press("Enter")
    page.get_by_text("“three” is not a number.").wait_for()
    assert field.input_value() == "0.1"


def test_a_weight_of_a_deeper_neuron_by_its_field_and_its_slider(hands):
    page = hands(2, 4)
    row = page.locator(".weights-part tr[data-input='7']")
    row.locator("[data-hands=weight-field]").fill("-1.25")
    row.locator("[data-hands=weight-field]").press("Enter")
    until_edits(page, 1)
    settled(page)
    assert network(page).layers[1].weight[4, 7] == np.float32(-1.25)
    # What follows at once upon another is one movement, and one undo.
    row.locator("[data-hands=weight]").evaluate(
        """(slider) => {
            for (const value of [-1, -0.5, 0.75]) {
                slider.value = value;
                slider.dispatchEvent(new Event('input'));
            }
        }"""
    )
    until_edits(page, 2)
    settled(page)
    assert network(page).layers[1].weight[4, 7] == np.float32(0.75)
    page.locator("[data-hands=undo]").click()
    until_edits(page, 1)
    assert network(page).layers[1].weight[4, 7] == np.float32(-1.25)


def test_mute_and_unmute_give_back_the_same_bytes(hands):
    page = hands(1, 6)
    before = network(page)
    button = page.locator(NEURON.format(1, 6))
    page.keyboard.press("m")
    until_edits(page, 1)
    wait(page, "() => document.querySelector('[data-hands=mute]').ariaPressed === 'true'")
    muted = network(page)
    assert (muted.layers[1].weight[:, 6] == 0).all()
    assert "muted" in button.get_attribute("class")
    wait(page, "() => document.querySelector(\"button[data-layer='1'][data-neuron='6']\").ariaLabel.includes('muted')")
    assert float(said(page, "by-hand")) == pytest.approx(accuracy_of(muted))
    page.locator("[data-hands=mute]").click()
    until_edits(page, 0)
    wait(page, "() => document.querySelector('[data-hands=mute]').ariaPressed === 'false'")
    assert same(network(page), before)
    assert "muted" not in button.get_attribute("class")


def test_an_output_cannot_be_muted(hands):
    page = hands(3, 2)
    assert page.locator("[data-hands=mute]").is_hidden()
    page.keyboard.press("m")
    page.locator("[data-preset=zero]").click()
    until_edits(page, 1)
    assert (network(page).layers[2].weight[2] == 0).all()


def test_by_keys_alone(hands, open_tab):
    page = open_tab()
    untouched(page)
    page.keyboard.press("h")
    page.wait_for_selector(".hands")
    assert page.evaluate("window.glassnet.model.get('picked')") == {"layer": 1, "neuron": 0}
    before = network(page)
    board = page.locator("[data-hands=painting]")
    for _ in range(60):
        if board.evaluate("each => each === document.activeElement"):
            break
        page.keyboard.press("Tab")
    else:
        pytest.fail("the picture was not reached by Tab")
    page.keyboard.press("-")
    assert page.locator("[data-brush=minus]").get_attribute("aria-pressed") == "true"
    start = int(board.get_attribute("data-pixel"))
    page.keyboard.press(" ")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.keyboard.press(" ")
    page.keyboard.press("ArrowRight")
    until_edits(page, 1)
    settled(page)
    after = network(page).layers[0].weight[0]
    assert (after[start : start + 5] < 0).all()
    assert int(board.get_attribute("data-pixel")) == start + 5
    page.keyboard.press("Control+z")
    until_edits(page, 0)
    assert same(network(page), before)
    page.keyboard.press("h")
    page.wait_for_selector(".hands", state="detached")


def test_by_finger_and_the_page_does_not_scroll(hands):
    page = hands(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, touch=True)
    before = network(page)
    board = page.locator("[data-hands=painting]")
    board.evaluate("each => each.scrollIntoView({ block: 'center' })")
    box, scrolled = board.bounding_box(), page.evaluate("scrollY")
    finger = page.context.new_cdp_session(page)
    places = [(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * share) for share in np.linspace(0.3, 0.7, 9)]
    kinds = ["touchStart", *["touchMove"] * (len(places) - 1)]
    for kind, (x, y) in zip(kinds, places, strict=True):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    until_edits(page, 1)
    settled(page)
    assert page.evaluate("scrollY") == scrolled
    changed = network(page).layers[0].weight[3] != before.layers[0].weight[3]
    assert 20 < changed.sum() < 120
    assert changed.reshape(28, 28)[10:18, 13:15].all()


def test_hand_it_back_to_sgd_and_it_recovers(hands):
    page = hands(1, 8)
    for neuron in (3, 4, 5):
        page.locator(NEURON.format(1, neuron)).click()
        page.keyboard.press("m")
        until_edits(page, neuron - 2)
    settled(page)
    hurt = float(said(page, "by-hand"))
    page.evaluate("window.glassnet.model.send({ do: 'speed', value: 1000 })")
    page.locator("[data-hands=play]").click()
    wait(page, "hurt => Number(document.querySelector('.effect').dataset.now) > hurt + 0.01", hurt)
    assert page.locator(".effect .now b").is_visible()
    pause(page)
    page.get_by_role("button", name="Done").click()
    page.locator("[data-hands=edit]").click()
    wait(page, "() => document.querySelector('.effect').hidden")


def test_while_it_plays_the_first_touch_pauses_it(hands):
    page = hands()
    page.evaluate(
        "window.glassnet.model.send({ do: 'change', epochs: window.glassnet.model.get('status').epochs + 10 })"
    )
    page.evaluate("window.glassnet.model.send({ do: 'speed', value: 20 })")
    page.evaluate("window.glassnet.model.send({ do: 'play' })")
    until_mode(page, "playing")
    page.get_by_text("your first touch pauses it").wait_for()
    painted(page, [(0.4, 0.4), (0.6, 0.6)])
    until_mode(page, "paused")
    until_edits(page, 1)
    settled(page)
    after = network(page)
    page.locator("[data-hands=undo]").click()
    until_edits(page, 0)
    # The stroke was laid over the network of the moment at which it stopped: what was not painted is as it was then.
    changed = after.layers[0].weight[3] != network(page).layers[0].weight[3]
    assert 20 < changed.sum() < 150
    assert not changed.reshape(28, 28)[:8].any()


def test_an_edit_of_the_past_begins_another_run_and_the_hand_goes_on(hands):
    page = hands()
    page.evaluate("window.glassnet.model.send({ do: 'back', what: 'minibatch' })")
    wait(page, "() => window.glassnet.model.get('status').past")
    page.get_by_text("In the past").wait_for()
    run = page.evaluate("window.glassnet.model.get('run').run")
    board = page.locator("[data-hands=painting]")
    board.evaluate("each => (each.dataset.mine = 'yes')")
    painted(page, [(0.3, 0.2), (0.3, 0.5), (0.6, 0.5)])
    wait(page, "run => window.glassnet.model.get('run').run > run", run)
    until_edits(page, 1)
    assert page.evaluate("window.glassnet.model.get('picked')") == {"layer": 1, "neuron": 3}
    assert board.get_attribute("data-mine") == "yes"  # it was not taken away from under the hand


def test_a_page_that_is_loaded_anew_still_knows_what_the_hands_did(hands):
    page = hands()
    page.locator("[data-preset=ring]").click()
    until_edits(page, 1)
    settled(page)
    before, after = said(page, "before"), said(page, "by-hand")
    page.reload()
    wait(page, "() => document.querySelector('.effect')?.dataset.byHand")
    assert (said(page, "before"), said(page, "by-hand")) == (before, after)
    assert before != after


def test_who_may_only_watch_sees_no_tools(hands, open_tab):
    page = hands()
    for key, value, back in (("role", "'pupil'", "'teacher'"), ("hidden", "['hands']", "[]")):
        page.evaluate(f"window.glassnet.model.set('{key}', {value})")
        page.wait_for_selector(".hands", state="detached")
        for part in ("[data-hands=edit]", "[data-hands=mute]", ".effect"):
            page.locator(part).wait_for(state="hidden")
        page.keyboard.press("h")
        page.keyboard.press("m")
        assert page.locator(".hands").count() == 0
        page.evaluate(f"window.glassnet.model.set('{key}', {back})")
        page.wait_for_selector(".hands")
    assert page.evaluate("window.glassnet.model.get('status').edits.count") == 0


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("tab", ["weights", "bias"])
def test_nothing_needs_sideways_scrolling_on_a_phone(hands, language, tab):
    page = hands(viewport={"width": 390, "height": 844}, locale=language)
    page.locator("[data-preset=zero]").click()
    until_edits(page, 1)
    page.locator(f"[data-tab={tab}]").click()
    wide, over = page.evaluate(
        """[document.documentElement.scrollWidth,
            [...document.querySelectorAll('.inspector *')].filter((each) =>
              each.checkVisibility() && !each.matches('.aside, .aside *, .effect .number span, .hands .number .muted') &&
              each.getBoundingClientRect().right > innerWidth).map((each) => each.className)]"""
    )
    assert (wide, over) == (390, [])


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize(("layer", "tab"), [(1, "weights"), (2, "weights"), (3, "bias")])
def test_axe_has_no_serious_finding(hands, layer, tab, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = hands(layer, 2, color_scheme=scheme, bypass_csp=True)  # axe is injected as a script
    page.locator("[data-preset=zero]").click()
    if layer < 3:
        page.keyboard.press("m")
    until_edits(page, 2 if layer < 3 else 1)
    page.locator(f"[data-tab={tab}]").click()
    page.wait_for_selector(".lit-by tr[data-share]")
    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], node["target"], node["failureSummary"])
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert serious == []


def test_numbers_that_are_no_image_are_edited_too(open_tab, tmp_path):
    path = numbers_npz(tmp_path, inputs=40)
    with started("--data", str(path), home=tmp_path / "home") as other:
        page = open_tab(studio=other)
        page.locator(NEURON.format(1, 3)).click()
        page.keyboard.press("h")
        page.wait_for_selector(".hands")
        page.locator("[data-hands=which]").fill("39")
        field = page.locator("[data-hands=weight-field]").last
        field.fill("2.5")
        field.press("Enter")
        until_edits(page, 1)
        settled(page)
        assert network(page).layers[0].weight[3, 39] == np.float32(2.5)
        assert page.locator(".effect").get_attribute("data-about") == "cost"
        assert float(said(page, "by-hand")) != float(said(page, "before"))
        page.wait_for_selector(".lit-by tr[data-share]")
        assert page.locator(".lit-by tr").count() == 1


def test_images_of_another_size_are_painted_too(open_tab, tmp_path):
    path = npz(tmp_path)
    with started("--data", str(path), home=tmp_path / "home") as other:
        page = open_tab(studio=other)
        page.locator(NEURON.format(1, 3)).click()
        page.keyboard.press("h")
        page.locator("[data-preset=bar]").click()
        until_edits(page, 1)
        settled(page)
        pattern = network(page).layers[0].weight[3].reshape(8, 8)
        assert pattern[4, 4] > 0 > pattern[4, 2]
        assert pattern.sum() == pytest.approx(0, abs=1e-5)
