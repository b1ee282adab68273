"""The studio in a real browser: what a person does there, and whether what they see is true.

No test here may leave an error on the console, a violation of the content policy or a request to another host: the fixture
that opens tabs looks after that.
"""

import json
import math
import signal
import time
from urllib.request import Request, urlopen

import numpy as np
import pytest
from pages import (
    ANSWER,
    NEURON,
    PAGES,
    TIMEOUT,
    begun_anew,
    dock,
    pause,
    play,
    step_of,
    until_answer,
    until_mode,
    until_step,
    wait,
)
from PIL import Image

from glassnet import Run, mnist
from glassnet.data.deform import Deformer, Elastic
from glassnet.explain.examples import precise
from studio_page import Started, draw, started


def oval(width=0.2, height=0.28, at=(0.5, 0.5)):
    return [(at[0] + width * math.sin(t / 3), at[1] - height * math.cos(t / 3)) for t in range(20)]


def seen(page):
    """The image that the network sees."""
    return np.array(page.evaluate("[...window.glassnet.model.get('forward').input]")).reshape(28, 28)


def until_a_vertical_line(page):
    """Ink in twenty rows, as a digit that was centered has, and in few columns."""
    wait(
        page,
        """() => {
            const { look, forward } = window.glassnet.model.values;
            const inked = [...forward.input.keys()].filter((i) => forward.input[i] > 0.2);
            const [rows, columns] = [new Set(inked.map((i) => Math.floor(i / 28))), new Set(inked.map((i) => i % 28))];
            return look.source === 'drawing' && rows.size >= 19 && columns.size < 8;
        }""",
    )


# ── The input ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_draw_a_digit_and_see_the_right_answer(open_tab):
    page = open_tab()
    clear = page.get_by_role("button", name="Clear")
    draw(page, oval())
    until_answer(page, "0")
    clear.click()
    draw(page, [(0.52, 0.2), (0.48, 0.8)])
    until_answer(page, "1")
    clear.click()
    draw(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
    until_answer(page, "7")


def test_a_small_digit_in_the_corner_is_centered_unless_one_says_not_to(open_tab):
    page = open_tab()
    draw(page, oval(0.08, 0.1, at=(0.2, 0.2)))
    until_answer(page, "0")

    def middle():
        """Where the ink is that the network sees, in pixels: its center of mass."""
        ink = seen(page) / seen(page).sum()
        return (ink.sum(0) @ np.arange(28), ink.sum(1) @ np.arange(28))

    assert middle() == pytest.approx((14, 14), abs=0.6)
    page.get_by_role("switch").uncheck()
    wait(page, "() => window.glassnet.model.get('look').centered === false")
    assert middle() == pytest.approx((0.2 * 28, 0.2 * 28), abs=1)


def test_undo_takes_the_last_stroke_away(open_tab):
    page = open_tab()
    draw(page, [(0.52, 0.2), (0.48, 0.8)])
    until_answer(page, "1")
    draw(page, [(0.3, 0.2), (0.7, 0.2)])
    page.get_by_role("button", name="Undo").click()
    assert page.locator("[data-strokes]").get_attribute("data-strokes") == "1"
    until_answer(page, "1")


def test_any_image_can_be_chosen_and_is_the_one_of_the_data(open_tab):
    page = open_tab()
    page.get_by_role("tab", name="Images").click()
    page.locator(".input [data-source][data-row]").nth(5).click()
    wait(page, "() => window.glassnet.model.get('look').row === 5")
    look = page.evaluate("window.glassnet.model.get('look')")
    data = mnist().test
    assert (look["source"], look["label"]) == ("test", int(data.labels[5]))
    assert page.evaluate("[...window.glassnet.model.get('forward').input]") == pytest.approx(data.inputs[5].tolist())


def test_an_uploaded_picture_is_looked_at(open_tab, tmp_path):
    page = open_tab()
    pixels = 255 - (255 * mnist().test.inputs[0].reshape(28, 28)).astype(np.uint8)  # a 7, dark on white
    Image.fromarray(pixels).resize((200, 200)).save(tmp_path / "seven.png")
    page.get_by_role("tab", name="More").click()
    page.locator(".input input[type=file]").set_input_files(tmp_path / "seven.png")
    wait(page, "() => window.glassnet.model.get('look').source === 'picture'")
    until_answer(page, "7")


def test_a_file_that_is_no_picture_is_refused_by_a_sentence(open_tab, tmp_path):
    page = open_tab()
    page.tab.expected = ("400 (Bad Request)",)
    (tmp_path / "no.png").write_bytes(b"this is no picture")
    page.get_by_role("tab", name="More").click()
    page.locator(".input input[type=file]").set_input_files(tmp_path / "no.png")
    page.get_by_text("is not an image that can be read").wait_for()


def test_noise_and_blank_are_answered_too(open_tab):
    page = open_tab()
    page.get_by_role("tab", name="More").click()
    for source in ("noise", "blank"):
        page.get_by_role("button", name=source).click()
        wait(page, "source => window.glassnet.model.get('look').source === source", source)
        assert page.locator(ANSWER).get_attribute("data-answer") in "0123456789"


# ── Every number inside ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_neuron_that_is_pointed_at_shows_its_true_numbers(open_tab, trained):
    """Against the network of the run's own file, in float64."""
    network = precise(Run.open(trained).network())
    forward = network.forward(mnist().test.inputs[:1].astype(np.float64))
    with started(str(trained)) as studio:
        page = open_tab(studio=studio)
        for layer, neuron in ((1, 0), (1, 15), (2, 7), (3, 7)):
            page.locator(NEURON.format(layer, neuron)).hover()
            here = f".inspector[data-layer='{layer}'][data-neuron='{neuron}']"
            page.wait_for_selector(here)
            shown = {name: float(page.locator(here).get_attribute(f"data-{name}")) for name in ("z", "a", "bias")}
            assert shown["z"] == pytest.approx(forward.zs[layer - 1][0, neuron], abs=1e-9)
            assert shown["a"] == pytest.approx(forward.activations[layer][0, neuron], abs=1e-9)
            assert shown["bias"] == pytest.approx(network.layers[layer - 1].bias[neuron], abs=1e-9)
        answers = [float(page.locator(NEURON.format(3, k)).get_attribute("data-activation")) for k in range(10)]
        assert answers == pytest.approx(forward.activations[3][0].tolist(), abs=1e-9)
        page.context.close()


def test_every_edge_is_drawn_and_the_filters_say_how_many_are(open_tab):
    page = open_tab()
    wait(page, "() => document.querySelector('[data-drawn]')?.dataset.drawn === '12960'")
    page.get_by_role("button", name="Strongest").click()
    wait(page, "() => document.querySelector('[data-drawn]').dataset.drawn === '500'")


def test_the_formula_the_numbers_and_the_code_light_up_together(open_tab):
    page = open_tab()
    page.locator(NEURON.format(2, 7)).click()
    page.wait_for_selector(".inspector[data-layer='2']")
    page.locator(".inspector code [data-part=b]").first.hover()
    lit = page.locator(".inspector .lit")
    assert lit.count() >= 3  # in the numbers, in the formula, in the line of code
    assert {each.get_attribute("data-part") for each in lit.all()} == {"b"}
    assert page.locator(".inspector math .lit").count() >= 1


def test_a_thought_can_be_stepped_through_forward_and_back(open_tab):
    page = open_tab()
    for _ in range(2):
        page.keyboard.press(".")
    stage = "window.glassnet.model.get('stage')"
    before = page.evaluate(stage)
    page.keyboard.press(".")
    assert page.evaluate(stage) == before + 1
    page.keyboard.press(",")
    assert page.evaluate(stage) == before


# ── The learning ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_play_pause_and_step(open_tab):
    page = open_tab()
    begun_anew(page)
    play(page)
    until_step(page, 20)
    pause(page)
    before = step_of(page)
    page.get_by_role("button", name="1 minibatch").click()
    wait(page, "before => Number(document.querySelector('.dock').dataset.step) === before + 1", before)
    page.get_by_role("button", name="1 epoch").click()
    until_step(page, 5000)
    until_mode(page, "paused")
    assert step_of(page) == 5000
    assert page.tab.studio.state()["status"]["step"] == 5000  # as the server says
    # A network that has seen every image once knows most of them.
    wait(page, "() => Number(document.querySelector('.dock').dataset.accuracy) > 0.85")


def test_the_dock_tells_what_its_cost_and_accuracy_are_of_and_between_what_its_curves_run(open_tab):
    page = open_tab("#learning")
    begun_anew(page)
    for step in (1, 2, 400):
        page.evaluate("step => window.glassnet.model.send({ do: 'reach', step })", step)
        wait(page, "step => document.querySelector('.dock').dataset.judged === String(step)", step)
    page.locator(".dock .about", has_text="10,000 validation images").filter(has_text="step 400").wait_for()
    # By the weights that the page has, in NumPy.
    weights, biases = page.evaluate(
        "(({ weights, biases }) => [weights, biases].map((all) => all.map((each) => [...each])))"
        "(window.glassnet.model.get('parameters'))"
    )
    a, data = mnist().validation.inputs.astype(np.float64), mnist().validation
    for weight, bias in zip(weights, biases, strict=True):
        a = 1 / (1 + np.exp(-(a @ np.array(weight).reshape(len(bias), -1).T + np.array(bias))))
    cost, right = ((a - data.targets) ** 2).sum(1).mean(), (a.argmax(1) == data.labels).mean()
    shown = page.locator(".dock .gauge b").all_inner_texts()
    assert shown == [f"{cost:.2f}", f"{100 * right:.1f}\u00a0%"]
    assert (float(dock(page, "cost")), float(dock(page, "accuracy"))) == pytest.approx((cost, right), rel=1e-4)
    curves = page.evaluate(
        "(({ validation_cost, validation_accuracy }) => [validation_cost, validation_accuracy].map((each) => [...each]))"
        "(window.glassnet.model.get('charts'))"
    )
    high, low, most, least = page.locator(".dock .ends span").all_inner_texts()
    assert (float(high), float(low)) == pytest.approx((max(curves[0]), min(curves[0])), rel=0.05)
    assert (most, least) == (f"{100 * max(curves[1]):.0f}\u00a0%", f"{100 * min(curves[1]):.0f}\u00a0%")

    # What was judged is of another network, after a jump or an edit by hand: until its own is known, no number stands there.
    tell = """(changes) => {
        const status = window.glassnet.model.get('status');
        const judged = { ...status.judged, step: 300, ...changes.judged };
        window.glassnet.model.set('status', { ...status, ...changes, judged });
        return new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())));
    }"""
    page.evaluate(tell, {"judged": {"now": False}})
    assert page.locator(".dock .gauge b").all_inner_texts() == ["…", "…"]
    assert page.locator(".dock .about").inner_text().endswith("computing …")
    assert (dock(page, "accuracy"), dock(page, "cost")) == ("", "")
    page.get_by_text("it is being computed").wait_for()
    # While it learns, the numbers are some steps old, and say so.
    page.evaluate(tell, {"mode": "playing", "judged": {"now": False}})
    assert page.locator(".dock .gauge b").all_inner_texts() == shown
    assert page.locator(".dock .about").inner_text().endswith("step 300")
    # A cost beyond all bounds is none.
    page.evaluate(tell, {"mode": "paused", "judged": {"now": True, "train": None, "validation": None}})
    assert page.locator(".dock .gauge b").all_inner_texts() == ["–", "–"]
    # A notice of each kind is told in Chinese, too.
    page.get_by_role("button", name="切换到中文").click()
    for code, text in (("thread", "已继续运行"), ("busy", "只能看"), ("moved", "已在别处找到")):
        page.evaluate(tell, {"notice": {"code": code, "text": "what it says in English"}})
        page.locator(".dock .message", has_text=text).wait_for()
    page.get_by_role("button", name="Switch to English").click()


def test_an_output_is_a_percentage_only_where_the_outputs_are_shares_of_one(open_tab):
    page = open_tab()
    begun_anew(page)
    sure = page.locator(".seen .sure")
    wait(page, "() => /^0\\.\\d\\d$/.test(document.querySelector('.seen .sure').textContent)")
    outputs = page.evaluate("[...window.glassnet.model.get('forward').as.at(-1)]")
    assert sure.inner_text() == f"{max(outputs):.2f}"
    assert not 0.9 < sum(outputs) < 1.1  # as a percentage that would be read as a probability
    page.get_by_role("tab", name="Images").click()
    said = page.locator(".input .thumb").first
    wait(page, "() => /activation 0\\.\\d\\d/.test(document.querySelector('.input .thumb')?.title)")
    assert "%" not in said.get_attribute("aria-label")
    page.evaluate("location.hash = 'mistakes'")
    caption = page.locator(".mistakes .thumb .figures").first
    caption.wait_for()
    assert "%" not in caption.inner_text()
    assert page.evaluate(
        """async () => {
            const { sureness, surenessNamed } = await import('/core/names.js');
            const both = [sureness, surenessNamed];
            const say = (sizes, output, ...rest) => both.map((each) => each({ sizes, activations: [output] }, ...rest));
            return [
                ...say([4, 10], 'sigmoid', 0.69, 3), ...say([4, 10], 'relu', 5, 3), ...say([4, 10], 'tanh', 0.5, 3),
                ...say([4, 10], 'softmax', 0.69, 3),
                // A single output leaves the rest for the other class; one that can be anything is told as it is.
                ...say([4, 1], 'sigmoid', 0.8, 0), ...say([4, 1], 'identity', 0.8, 0), ...say([4, 1], 'identity', 0.8, 1),
            ].map((each) => each.replace('\u00a0', ' '));
        }"""
    ) == [
        "0.69", "activation 0.69", "5.00", "activation 5.00", "0.50", "activation 0.50", "69 %", "69 %",
        "80 %", "80 %", "0.20", "activation 0.20", "0.80", "activation 0.80",
    ]  # fmt: skip


def test_the_learning_rate_changes_while_it_runs(open_tab):
    page = open_tab()
    begun_anew(page)
    play(page)
    until_step(page, 5)
    field = page.locator(".dock input[type=text], .dock input[inputmode=decimal]").first
    field.fill("0.5")
    field.press("Enter")
    wait(page, "() => window.glassnet.model.get('run').settings.learning_rate === 0.5")
    assert dock(page, "mode") == "playing"
    now = step_of(page)
    until_step(page, now + 20)
    status = page.tab.studio.state()["status"]
    assert status["learning_rate"] == pytest.approx(0.5, rel=0.01)
    pause(page)


def test_a_refused_setting_is_explained_and_the_true_one_shown_again(open_tab):
    page = open_tab("#learning")
    field = page.locator(".learning [data-setting=batch_size]")
    before = field.input_value()
    field.fill("0")
    field.press("Enter")
    page.get_by_text("must be a whole number").wait_for(timeout=TIMEOUT)
    field.press("Escape")
    wait(page, "before => document.querySelector('.learning [data-setting=batch_size]').value === before", before)


def test_a_letter_where_neurons_are_counted_begins_no_network(open_tab):
    page = open_tab("#learning")
    run = page.evaluate("window.glassnet.model.get('run').run")
    page.locator("[data-setting=new_layer1]").fill("x")
    page.get_by_role("button", name="Start this network").click()
    page.get_by_text("“x” is not a number").wait_for(timeout=TIMEOUT)
    assert page.evaluate("window.glassnet.model.get('run').run") == run


def test_what_is_being_typed_outlives_what_others_do(open_tab):
    page = open_tab("#learning")
    field = page.locator("[data-setting=new_layer1]")
    field.fill("2")
    marks = "window.glassnet.model.get('run').marks.length"
    before = page.evaluate(marks)
    page.evaluate("window.glassnet.model.send({ do: 'bookmark', name: 'here' })")
    wait(page, f"before => {marks} > before", before)
    page.keyboard.type("4")
    assert field.input_value() == "24"


def test_another_network_begins_at_random(open_tab):
    page = open_tab("#learning")
    run = page.evaluate("window.glassnet.model.get('run').run")
    page.locator("[data-setting=new_layer1]").fill("30")
    page.get_by_role("button", name="Start this network").click()
    wait(page, "run => window.glassnet.model.get('run').run !== run", run)
    assert page.evaluate("window.glassnet.model.get('run').sizes")[1] == 30
    wait(page, "() => document.querySelector('.dock').dataset.step === '0'")
    until_mode(page, "paused")
    begun_anew(page)


@pytest.mark.parametrize(
    "wanted",
    [
        {"sizes": [784, 10]},
        {"sizes": [784, 100, 10], "hidden": "relu", "output": "softmax", "cost": "cross_entropy"},
        {"sizes": [784, 30, 30, 30, 30, 30, 30, 10], "hidden": "tanh"},
        {"sizes": [784, 1, 10]},
    ],
    ids=lambda wanted: "-".join(map(str, wanted["sizes"])),
)
def test_networks_of_any_shape_are_shown(open_tab, wanted):
    page = open_tab()
    page.evaluate("wanted => window.glassnet.model.send({ do: 'restart', recipe: 'plain', ...wanted })", wanted)
    last = len(wanted["sizes"]) - 1
    page.wait_for_selector(NEURON.format(last, 9))
    play(page)
    until_step(page, 10)
    pause(page)
    page.locator(NEURON.format(1, 0)).hover()
    page.wait_for_selector(".inspector[data-layer='1'][data-neuron='0']")
    softmax = wanted.get("output") == "softmax"
    wait(page, "softmax => document.querySelector('.seen .sure').textContent.endsWith('%') === softmax", softmax)
    for place in PAGES:
        page.evaluate("place => { location.hash = place }", place)
        page.wait_for_selector(f"main.{place}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    begun_anew(page)


def test_the_minibatch_that_was_just_done_is_shown(open_tab):
    page = open_tab("#learning")
    begun_anew(page)
    page.get_by_role("button", name="1 minibatch").click()
    wait(page, "() => window.glassnet.model.get('minibatch')?.which === 'last'")
    shown = page.evaluate(
        "(({rows, labels, before, after}) => ({rows: [...rows], labels: [...labels], before: [...before], after: [...after]}))"
        "(window.glassnet.model.get('minibatch'))"
    )
    train = mnist().train
    assert shown["labels"] == train.labels[shown["rows"]].tolist()
    assert sum(shown["after"]) < sum(shown["before"])  # the step descended their cost
    assert page.locator(".learning canvas").count() >= 10


def test_images_are_deformed_from_here_on_and_the_minibatch_is_shown_so(open_tab):
    page = open_tab("#learning")
    begun_anew(page)
    note = page.get_by_text("They are deformed, anew in each epoch")
    chosen = page.locator("[data-setting=deform]")
    assert chosen.locator("option").all_inner_texts() == ["none", "affine", "elastic"]
    assert note.is_hidden()
    chosen.select_option("elastic")
    wait(page, "() => window.glassnet.model.get('run').settings.deform === 'elastic'")
    note.wait_for()
    page.get_by_role("button", name="1 minibatch", exact=True).click()
    wait(page, "() => window.glassnet.model.get('minibatch')?.which === 'last'")
    rows, inputs = page.evaluate(
        "(({ rows, inputs }) => [[...rows], [...inputs]])(window.glassnet.model.get('minibatch'))"
    )
    train = mnist().train.inputs
    given = Deformer(train, Elastic(), seed=1)(rows, 0)
    assert inputs == np.rint(255 * given.clip(0, 1)).astype(int).ravel().tolist()
    # Numbers of one's own stay a choice, and can be gone back to.
    page.evaluate("window.glassnet.model.send({ do: 'change', deform: 'affine(rotation=15)' })")
    wait(page, "() => document.querySelector('[data-setting=deform]').value === 'affine(rotation=15)'")
    chosen.select_option("none")
    wait(page, "() => window.glassnet.model.get('run').settings.deform === 'none'")
    chosen.select_option("affine(rotation=15)")
    wait(page, "() => window.glassnet.model.get('run').settings.deform === 'affine(rotation=15)'")


def test_a_recipe_fills_the_form_with_what_it_holds_out_and_how_it_deforms(open_tab):
    page = open_tab("#learning")
    begun_anew(page)
    held, deform, recipe = (page.locator(f"[data-setting=new_{name}]") for name in ("validation", "deform", "recipe"))
    assert (held.input_value(), deform.input_value()) == ("10000", "none")
    recipe.select_option("small")
    assert (held.input_value(), deform.input_value()) == ("0", "affine")
    page.get_by_text("60,000 to learn from, 0 to judge by").wait_for()
    recipe.select_option("modern")
    assert (held.input_value(), deform.input_value()) == ("10000", "none")
    recipe.select_option("small")
    deform.select_option("elastic")
    page.get_by_role("button", name="Start this network").click()
    wait(page, "() => window.glassnet.model.get('run').recipe === 'small'")
    run = page.evaluate("window.glassnet.model.get('run')")
    assert (run["data"]["validation"], run["data"]["train"], run["settings"]["deform"]) == (0, 60_000, "elastic")
    wait(page, "() => document.querySelector('[data-setting=new_recipe]').value === ''")  # as it is now
    assert (held.input_value(), deform.input_value()) == ("0", "elastic")
    begun_anew(page)


def test_a_first_visit_can_open_a_trained_network(open_tab, tmp_path):
    from studio_page import started

    with started("--port", "0", home=tmp_path / "home") as studio:
        page = open_tab(studio=studio)
        page.get_by_role("button", name="Or open a trained network").click()
        wait(page, "() => window.glassnet.model.get('run').title === 'series, trained'")
        until_answer(page, "7")  # the first test image
        page.locator(".dock .learned").wait_for(state="hidden")
        begun_anew(page)  # whoever begins a network wants that one
        assert page.locator(".dock .learned").is_hidden()
        page.context.close()


def test_data_of_ones_own_is_chosen_by_the_form_and_left_again(open_tab, tmp_path):
    from small_run import npz

    from studio_page import started

    path = npz(tmp_path)
    with started("--port", "0", "--data", str(path), home=tmp_path / "home") as studio:
        page = open_tab("#learning", studio=studio)
        data = page.locator("[data-setting=new_data]")
        assert data.locator("option").all_inner_texts() == ["MNIST", "stripes.npz"]
        page.locator("[data-setting=new_layer1]").fill("9")
        for name, sizes, held in (("MNIST", [784, 9, 16, 10], 10_000), ("stripes.npz", [64, 9, 16, 3], 40)):
            data.select_option(label=name)
            assert page.locator("[data-setting=new_validation]").input_value() == ""
            page.get_by_role("button", name="Start this network").click()
            wait(page, "sizes => window.glassnet.model.get('run').sizes.join() === sizes", ",".join(map(str, sizes)))
            assert page.evaluate("window.glassnet.model.get('run').data.validation") == held
            wait(page, "held => document.querySelector('[data-setting=new_validation]').value === held", str(held))
        page.context.close()


# ── Mistakes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mistake_opens_in_the_network(open_tab):
    page = open_tab("#mistakes")
    page.wait_for_selector("[data-wrong]")
    first = page.locator(".mistakes [data-row]").first
    row, source = int(first.get_attribute("data-row")), first.get_attribute("data-source")
    first.click()
    page.wait_for_selector("main.network")
    wait(page, "row => window.glassnet.model.get('look').row === row", row)
    look = page.evaluate("window.glassnet.model.get('look')")
    assert look["source"] == source
    assert look["answer"] != look["label"]


# ── Nothing is lost ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_reload_in_the_middle_loses_nothing(open_tab):
    page = open_tab()
    begun_anew(page)
    draw(page, [(0.52, 0.2), (0.48, 0.8)])
    play(page)
    until_step(page, 20)
    before, drawn = step_of(page), page.evaluate("[...window.glassnet.model.get('forward').input]")
    page.reload()
    page.wait_for_selector(".dock[data-step]")
    until_mode(page, "playing")
    assert step_of(page) >= before
    wait(page, "() => window.glassnet.model.get('look').source === 'drawing'")
    assert page.evaluate("[...window.glassnet.model.get('forward').input]") == drawn
    assert page.locator("[data-strokes]").get_attribute("data-strokes") == "1"
    pause(page)


def test_a_second_tab_watches_the_same_run_and_looks_at_its_own_image(open_tab):
    first = open_tab()
    begun_anew(first)
    second = open_tab(like=first)
    draw(second, oval())
    wait(second, "() => window.glassnet.model.get('look').source === 'drawing'")
    assert first.evaluate("window.glassnet.model.get('look').source") != "drawing"
    play(first)
    until_mode(second, "playing")
    until_step(second, 10)
    pause(second)
    until_mode(first, "paused")
    wait(first, "step => document.querySelector('.dock').dataset.step === step", dock(second, "step"))


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL], ids=["asked", "killed"])
def test_a_restarted_server_resumes_the_run_and_knows_its_tab(open_tab, tmp_path, end):
    studio = Started(tmp_path / "home", "--port", "0")
    port = studio.base.rpartition(":")[2]
    page = open_tab(studio=studio)
    page.tab.expected = ("WebSocket connection", "Failed to load resource")
    play(page)
    until_step(page, 50)
    pause(page)
    before = step_of(page)
    # Whoever kills it loses what was not saved yet, and that is the last quarter of a second.
    while Run.open(tmp_path / "home" / "1").checkpoint().memory.step != before:
        page.wait_for_timeout(50)
    studio.end(end)
    page.wait_for_selector("body[data-connection=lost]")
    again = Started(tmp_path / "home", "--port", port)
    try:
        page.wait_for_selector("body[data-connection=open]", timeout=TIMEOUT)
        wait(page, "step => document.querySelector('.dock').dataset.step === String(step)", before)
        page.get_by_role("button", name="1 minibatch").click()
        until_step(page, before + 1)
        page.context.close()
    finally:
        again.end()


def test_who_is_not_signed_in_is_told_what_to_do(browser, studio):
    context = browser.new_context(locale="en-US")
    page = context.new_page()
    answer = page.goto(studio.base)
    assert answer.status == 401
    assert "glassnet studio" in page.locator("body").inner_text()
    context.close()


# ── For everybody ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_language_can_be_switched(open_tab):
    page = open_tab()
    page.get_by_role("button", name="切换到中文").click()
    assert page.locator("html").get_attribute("lang") == "zh-Hans"
    page.get_by_role("link", name="学习", exact=True).click()
    page.wait_for_selector("main.learning")
    page.reload()
    page.wait_for_selector(".dock[data-step]")
    assert page.get_by_role("link", name="网络", exact=True).count() == 1
    page.get_by_role("button", name="Switch to English").click()
    assert page.get_by_role("link", name="Network", exact=True).count() == 1


def test_all_words_are_there_in_both_languages(open_tab):
    page = open_tab()
    missing = page.evaluate(
        """async () => {
            const folders = ['', 'network/', 'input/', 'learning/', 'mistakes/'];
            const all = await Promise.all(folders.map((folder) => import(`/${folder}words.js`)));
            const keys = (words) => Object.keys(words).sort().join();
            const names = all.flatMap(({ default: { en } }) => Object.keys(en));
            const holes = (text) => [...text.matchAll(/\\{(\\w+)\\}/g)].map((m) => m[1]).sort().join();
            return {
              unequal: all.map(({ default: { en, zh } }) => keys(en) === keys(zh)).indexOf(false),
              twice: names.filter((name, i) => names.indexOf(name) !== i),
              holes: all.flatMap(({ default: { en, zh } }) => Object.keys(en).filter((k) => holes(en[k]) !== holes(zh[k]))),
            };
        }"""
    )
    assert missing == {"unequal": -1, "twice": [], "holes": []}


def test_the_keyboard_alone_does_everything(open_tab):
    page = open_tab()
    begun_anew(page)
    press = page.keyboard.press

    press("Space")
    until_mode(page, "playing")
    press("+")
    wait(page, "() => window.glassnet.model.get('status').speed === 200")
    press("Space")
    until_mode(page, "paused")
    before = step_of(page)
    press("n")
    until_step(page, before + 1)

    # From the beginning of the page, Tab leads into the network; arrows walk in it, Enter picks.
    page.evaluate("document.activeElement.blur()")
    for _ in range(40):
        press("Tab")
        if page.evaluate("document.activeElement.matches('button[data-layer]')"):
            break
    press("ArrowDown")
    press("Enter")
    picked = page.evaluate("window.glassnet.model.get('picked')")
    assert picked == {"layer": 1, "neuron": 1}
    press("ArrowRight")
    press("Enter")
    assert page.evaluate("window.glassnet.model.get('picked').layer") == 2
    press("Escape")
    assert page.evaluate("window.glassnet.model.get('picked')") is None

    # The pad, too: a vertical stroke is a 1.
    page.locator(".input [role=application]").focus()
    for _ in range(8):
        press("ArrowUp")
    press("Space")
    for _ in range(16):
        press("ArrowDown")
    press("Space")
    until_a_vertical_line(page)

    page.evaluate("document.activeElement.blur()")
    press("3")
    page.wait_for_selector("main.mistakes")
    press("?")
    assert page.locator("dialog[open] kbd").count() > 10
    press("Escape")
    assert page.locator("dialog[open]").count() == 0


@pytest.mark.parametrize("place", PAGES)
def test_no_key_means_two_things(open_tab, place):
    page = open_tab(f"#{place}")
    page.keyboard.press("?")
    named = page.locator("dialog[open] kbd").all_inner_texts()
    assert sorted(named) == sorted(set(named))


@pytest.mark.parametrize("place", PAGES)
def test_a_phone_shows_everything_without_scrolling_sideways(open_tab, place):
    page = open_tab(f"#{place}", viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page.wait_for_selector(f"main.{place}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    button = page.locator(".dock button.primary").bounding_box()
    assert 0 <= button["y"] <= 844 - button["height"]  # the transport is in reach of the thumb
    small = page.evaluate(
        """() => [...document.querySelectorAll('.dock button, .top button, .top a:not(.skip)')]
            .filter((each) => each.offsetParent && each.getBoundingClientRect().height < 24).map((each) => each.outerHTML)"""
    )
    assert small == []


def test_a_finger_draws_and_the_page_stays_where_it_is(open_tab):
    page = open_tab(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    pad = page.locator(".input [role=application]")
    pad.scroll_into_view_if_needed()
    box, before = pad.bounding_box(), page.evaluate("scrollY")
    x, y = box["x"] + box["width"] / 2, box["y"]
    touch = page.context.new_cdp_session(page)
    share = [0.2 + 0.05 * i for i in range(13)]
    at = [{"x": x, "y": y + each * box["height"]} for each in share]
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [at[0]]})
    for point in at[1:]:
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    until_a_vertical_line(page)
    assert page.evaluate("scrollY") == before


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("place", PAGES)
def test_axe_has_no_serious_finding(open_tab, place, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_tab(f"#{place}", color_scheme=scheme, bypass_csp=True)  # axe is injected as a script
    page.wait_for_selector(f"main.{place}")
    if place == "network":
        page.locator(NEURON.format(2, 7)).click()
        page.wait_for_selector(".inspector[data-layer='2']")
    if place == "mistakes":
        page.wait_for_selector("[data-wrong]")
    found = Axe().run(page).response["violations"]
    serious = [
        (each["id"], node["target"], node["failureSummary"])
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert serious == []


def test_who_wants_less_motion_gets_less(open_tab):
    page = open_tab(reduced_motion="reduce")
    page.keyboard.press(".")
    running = page.evaluate("document.getAnimations().filter((each) => each.playState === 'running').length")
    assert running == 0


def test_nothing_from_elsewhere_is_loaded_and_no_text_becomes_markup(open_tab):
    """And the fixture that looks after all tests of this page sees when it is tried."""
    page = open_tab()
    page.evaluate(
        "() => { const image = new Image(); image.src = 'http://elsewhere.example/x.png'; document.body.append(image); }"
    )
    page.evaluate(
        "() => { try { document.body.insertAdjacentHTML('beforeend', '<b>x</b>'); } catch { window.refused = true; } }"
    )
    assert page.evaluate("window.refused === true")
    wait(page, "() => document.querySelector('img').complete")
    assert any("img-src http://elsewhere.example" in each for each in page.tab.wrong)
    assert any("require-trusted-types-for" in each for each in page.tab.wrong)
    page.tab.wrong.clear()


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
@pytest.mark.parametrize("place", PAGES)
def test_nothing_is_wider_than_the_window(open_tab, place, language):
    page = open_tab(f"#{place}", locale=language)
    for width, height in ((1920, 1080), (1366, 768), (1024, 768), (820, 1180), (640, 400), (390, 844), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        wait(page, "width => innerWidth === width", width)
        wide = page.evaluate(
            """() => [document.documentElement, ...document.querySelectorAll('main, .top, .dock')]
                .filter((each) => each.scrollWidth > Math.max(each.clientWidth, each.offsetWidth))
                .map((each) => each.outerHTML.slice(0, 80))"""
        )
        assert (width, wide) == (width, [])


def test_text_grows_with_a_large_screen_and_with_the_browsers_own_size(open_tab):
    page = open_tab()
    size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    assert page.evaluate(size) == pytest.approx(15)
    page.set_viewport_size({"width": 2560, "height": 1440})
    wait(page, f"() => {size} >= 19")
    # The circles, too, which are drawn and not laid out.
    wait(page, f'() => document.querySelector("{NEURON.format(1, 0)}").clientHeight > 60')


def test_a_new_network_says_where_to_begin(open_tab):
    page = open_tab()
    begun_anew(page)
    page.locator(".dock .long", has_text="Press Play").wait_for()
    page.get_by_role("button", name="1 minibatch").click()
    until_step(page, 1)
    page.locator(".dock .long", has_text="Press Play").wait_for(state="detached")
    begun_anew(page)


def test_views_that_come_and_go_leave_nothing_behind(open_tab):
    page = open_tab()
    browser = page.context.new_cdp_session(page)
    browser.send("Performance.enable")

    def held(times):
        """Listeners, of the model and of the page, after so many changes of page and language."""
        page.evaluate(
            """async (times) => {
                const { model } = window.glassnet;
                for (let i = 0; i < times; i++) {
                    for (const place of ['learning', 'mistakes', 'network']) {
                        model.set('view', place);
                        await new Promise(requestAnimationFrame);
                    }
                    model.set('language', 'zh');
                    model.set('language', 'en');
                }
            }""",
            times,
        )
        page.wait_for_selector(NEURON.format(1, 0))
        return page.evaluate("[...window.glassnet.model.listeners.values()].reduce((all, each) => all + each.size, 0)")

    def listeners():
        """Those of the page, after what nothing holds any more was let go."""
        browser.send("HeapProfiler.collectGarbage")
        metrics = {each["name"]: each["value"] for each in browser.send("Performance.getMetrics")["metrics"]}
        return metrics["JSEventListeners"]

    before, every = held(2), listeners()
    assert held(30) == before
    # Answers that are still under way hold the views that asked. One left behind at each change would be ninety.
    end = time.monotonic() + TIMEOUT / 1000
    while (now := listeners()) >= every + 30:
        assert time.monotonic() < end, f"{now} listeners, {every} at first"
        page.wait_for_timeout(100)


def test_a_view_that_fails_does_not_stop_the_others(open_tab):
    page = open_tab()
    page.tab.expected = ("on purpose",)
    begun_anew(page)
    page.evaluate("() => { window.glassnet.model.on('change:look', () => { throw new Error('on purpose') }) }")
    play(page)
    until_step(page, 20)
    pause(page)
    page.get_by_text("failed: on purpose").wait_for(timeout=TIMEOUT)


# ── Programs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_state_is_there_for_programs_that_have_the_token(studio):
    request = Request(f"{studio.base}/api/state", headers={"Authorization": f"Bearer {studio.secret}"})
    state = json.load(urlopen(request, timeout=10))
    assert state["run"]["sizes"][0] == 784
    assert state["status"]["mode"] in ("paused", "finished", "playing")
