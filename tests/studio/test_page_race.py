"""The race in a real browser: begun from the page, on equal seeds; what it shows is what plain trainings come to."""

import numpy as np
import pytest
from pages import dock, wait

from glassnet import Network, Stepped, evaluate, mnist, train
from glassnet.costs import cross_entropy
from glassnet.explain.examples import precise
from glassnet.optimizers import SGD
from glassnet.studio.races import gradient_sizes

PRESETS = {"shallow": 2, "deep": 3, "rates": 3, "starts": 3}


@pytest.fixture
def race(open_tab):
    """A tab at the page of the race, on which there is none."""
    page = open_tab("#race")
    page.evaluate("window.glassnet.model.send({ do: 'race', what: 'end' })")
    page.wait_for_selector(".race .setup")
    return page


def begin(page, preset="shallow", seed=0, **fields):
    page.locator(f"input[value={preset}]").check()
    for name, value in {"seed": seed, **fields}.items():
        page.locator(f"[data-race={name}]").fill(str(value))
    page.get_by_role("button", name="Begin the race").click()
    until_race_step(page, 1)  # it plays by itself


def until_race(page, mode):
    wait(page, "mode => document.querySelector('.race .on')?.dataset.mode === mode", mode)


def until_race_step(page, least):
    wait(page, "least => Number(document.querySelector('.race .on')?.dataset.step) >= least", least)


def step_of(page):
    return int(page.locator(".race .on").get_attribute("data-step"))


def pause(page):
    page.locator("[data-race=play]").click()
    until_race(page, "paused")


def settled(page):
    """The newest step is judged, and its gradient measured."""
    wait(
        page,
        """() => {
            const race = window.glassnet.model.get('race');
            return race.lanes.every((lane) => lane.judged_step === race.step && lane.gradients_step === race.step);
        }""",
    )
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def plain(hidden, rate, seed, steps):
    """The network of a lane of the shallow race after so many steps, trained by train() alone; its last cost."""
    data = mnist().train
    network = Network.random((784, 16, 16, 10), hidden=hidden, output="softmax", initializer="glorot", seed=seed)
    settings = {"cost": cross_entropy, "optimizer": SGD(rate), "batch_size": 10, "epochs": 5, "seed": seed}
    for event in train(network, data, every=1, **settings):
        if isinstance(event, Stepped) and event.step == steps:
            return event.checkpoint.network, float(event.costs[-1])
    raise AssertionError


def weights_on(page, k):
    return np.array(page.evaluate(f"[...window.glassnet.model.get('race').arrays['{k}_weight'].values]"), np.float32)


# ── A race ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_race_with_equal_seeds_shows_the_numbers_of_plain_trainings(race):
    begin(race, "shallow", seed=7)
    until_race_step(race, 200)
    pause(race)
    settled(race)
    step = step_of(race)
    for k, (name, hidden, rate) in enumerate([("Sigmoid", "sigmoid", 0.1), ("ReLU", "relu", 0.03)]):
        network, _ = plain(hidden, rate, 7, step)
        lane = race.locator(f"[data-lane='{k}']")
        assert lane.locator("h3").inner_text() == name
        flat = np.concatenate([layer.weight.reshape(-1) for layer in network.layers])
        assert weights_on(race, k).tobytes() == flat.tobytes()
        found = evaluate(network, mnist().validation, cross_entropy)
        assert float(lane.get_attribute("data-accuracy")) == pytest.approx(found.accuracy, abs=1e-9)
        assert lane.locator(".figures-row b").first.inner_text() == f"{100 * found.accuracy:.1f}\u00a0%"
        sizes = gradient_sizes(precise(network), mnist().train.take(slice(0, 100)), cross_entropy)
        shown = [float(text.replace("·10", "e").translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
                 for text in lane.locator("td.figures").all_inner_texts()]  # fmt: skip
        assert shown == pytest.approx(sizes, rel=0.06)
        times = float(f"{sizes[-1] / sizes[0]:.2g}")
        assert (
            lane.locator(".verdict").inner_text()
            == f"The first layer’s gradient is {times:g} times smaller than the last’s."
        )
    assert "is ahead" in race.locator(".ahead").inner_text() or "are level" in race.locator(".ahead").inner_text()


def test_both_lanes_have_their_curves_with_names_and_lines_of_their_own(race):
    begin(race)
    until_race_step(race, 300)
    pause(race)
    settled(race)
    for chart in race.locator(".race .chart").all():
        assert chart.locator(".legend li span").all_inner_texts() == ["Sigmoid", "ReLU"]
        dashes = [
            path.get_attribute("stroke-dasharray") for path in chart.locator(".legend .swatch > path:first-child").all()
        ]
        assert len(set(dashes)) == 2
    arrays = race.evaluate("Object.keys(window.glassnet.model.get('race').arrays)")
    assert {"0_cost", "1_cost", "0_validation_accuracy", "1_validation_accuracy", "0_weight", "1_a"} <= set(arrays)
    colored = race.evaluate(
        """() => [...document.querySelectorAll('.race .chart canvas')].map((canvas) => {
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            const found = new Set();
            for (let i = 0; i < data.length; i += 4) {
                const [r, g, b, a] = data.slice(i, i + 4);
                if (a > 200 && b > r + 60) found.add('blue');
                if (a > 200 && r > b + 60 && g > b + 60) found.add('yellow');
            }
            return [...found].sort();
        })"""
    )
    assert colored == [["blue", "yellow"], ["blue", "yellow"]]


def test_the_steps_of_all_lanes_are_equal_at_every_frame(race):
    race.evaluate(
        """() => {
            window.uneven = 0;
            const { model } = window.glassnet;
            model.on('change:race', () => {
                const steps = new Set(model.get('race')?.lanes.map((lane) => lane.step));
                if (steps.size > 1) window.uneven++;
            });
        }"""
    )
    begin(race, "deep")
    until_race_step(race, 200)
    assert race.evaluate("window.uneven") == 0
    pause(race)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_begins_and_learns(race, preset):
    begin(race, preset)
    until_race_step(race, 20)
    assert race.locator(".race .lane").count() == PRESETS[preset]
    assert race.locator(".network-picture").count() == PRESETS[preset]
    wait(
        race,
        "n => [...document.querySelectorAll('.network-picture')].filter((each) => each.dataset.drawings > 0).length === n",
        PRESETS[preset],
    )


def test_the_deep_race_shows_the_gradient_vanish(race):
    begin(race, "deep")
    pause(race)
    settled(race)
    words = race.locator(".verdict").all_inner_texts()
    sizes = race.evaluate("window.glassnet.model.get('race').lanes.map((lane) => lane.gradients)")
    ratios = [each[-1] / each[0] for each in sizes]
    assert ratios[0] > 1000 > ratios[2]
    assert f"{float(f'{ratios[0]:.2g}'):,.0f} times smaller" in words[0]


# ── Its transport ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_minibatch_an_epoch_a_speed_and_the_end(race):
    begin(race, "shallow", epochs=8, batch=100)
    pause(race)
    step = step_of(race)
    race.locator("[data-race=minibatch]").click()
    until_race_step(race, step + 1)
    assert step_of(race) == step + 1
    end = ((step + 1) // 500 + 1) * 500  # on a busy machine it may be in its second epoch already
    race.locator("[data-race=epoch]").click()
    until_race_step(race, end)
    until_race(race, "paused")
    assert step_of(race) == end
    race.locator("input[data-race=speed]").press("End")
    wait(race, "() => window.glassnet.model.get('race').speed === null")
    race.locator("[data-race=play]").click()
    until_race(race, "finished")
    assert step_of(race) == 4000
    race.get_by_role("button", name="Another race").click()
    race.wait_for_selector(".race .setup")


def test_the_race_is_played_by_keys_and_space_still_plays_the_main_run(race):
    begin(race)
    pause(race)
    race.locator("h2").first.click()
    race.keyboard.press("r")
    until_race(race, "playing")
    race.keyboard.press("r")
    until_race(race, "paused")
    step = step_of(race)
    race.keyboard.press("Shift+R")
    until_race_step(race, step + 1)
    race.keyboard.press(" ")
    wait(race, "() => document.querySelector('.dock').dataset.mode === 'playing'")
    wait(race, "() => document.querySelector('.waits').textContent.includes('trains too')")
    race.keyboard.press(" ")
    wait(race, "() => document.querySelector('.dock').dataset.mode === 'paused'")


def test_a_race_can_be_begun_with_the_keyboard_alone(race):
    race.locator("input[value=shallow]").focus()
    race.keyboard.press("ArrowDown")
    race.keyboard.press("ArrowDown")
    assert race.locator("input[value=rates]").is_checked()
    race.keyboard.press("Enter")
    until_race_step(race, 1)
    assert race.evaluate("document.activeElement.dataset.race") == "play"
    race.keyboard.press("Enter")
    until_race(race, "paused")


def test_the_main_run_is_paused_and_the_page_says_so(race):
    race.locator(".dock button.primary").click()
    wait(race, "() => document.querySelector('.dock').dataset.mode === 'playing'")
    begin(race)
    wait(race, "() => document.querySelector('.dock').dataset.mode === 'paused'")
    step = f"{int(dock(race, 'step')):,}"
    wait(race, "step => document.querySelector('.waits').textContent.includes(`waits at step ${step}`)", step)


def test_a_reload_and_a_second_tab_show_the_same_race(race, open_tab):
    begin(race)
    until_race_step(race, 50)
    pause(race)
    settled(race)
    words = race.locator(".lane .figures-row").all_inner_texts()
    other = open_tab("#race")
    race.reload()
    for page in (race, other):
        page.wait_for_selector(".race .on")
        settled(page)
        assert page.locator(".lane .figures-row").all_inner_texts() == words


# ── Own lanes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def field(page, lane, name):
    return page.locator(f"[data-draft='{lane}'] [data-lane={name}]")


def test_lanes_of_ones_own(race):
    race.locator("input[value=own]").check()
    race.get_by_role("button", name="Add a lane").click()
    field(race, 0, "name").fill("small")
    field(race, 0, "hidden").fill("8")
    field(race, 1, "name").fill("wide & <b>bold</b>")
    field(race, 1, "hidden").fill("40, 20")
    field(race, 1, "optimizer").select_option("adam")
    field(race, 1, "learning_rate").fill("0,001")
    field(race, 2, "cost").select_option("cross_entropy")
    assert field(race, 2, "output").input_value() == "softmax"
    field(race, 2, "activation").select_option("tanh")
    race.locator("[data-race=epochs]").fill("3")
    race.get_by_role("button", name="Begin the race").click()
    race.wait_for_selector(".race .on")
    lanes = race.evaluate("window.glassnet.model.get('race').lanes")
    assert [lane["name"] for lane in lanes] == ["small", "wide & <b>bold</b>", "Lane 3"]
    assert [lane["sizes"][1:-1] for lane in lanes] == [[8], [40, 20], [16, 16]]
    assert [lane["optimizer"] for lane in lanes] == ["sgd", "adam", "sgd"]
    assert lanes[1]["learning_rate"] == pytest.approx(0.001)
    assert (lanes[2]["cost"], lanes[2]["activations"]) == ("cross_entropy", ["tanh", "tanh", "softmax"])
    assert race.locator(".lane h3").nth(1).inner_text() == "wide & <b>bold</b>"
    race.get_by_role("button", name="End the race").click()
    race.wait_for_selector(".race .setup")
    assert field(race, 0, "hidden").input_value() == "8"  # it is there to be changed, and begun again


def test_what_cannot_race_is_said_where_it_was_asked_for(race):
    race.locator("input[value=own]").check()
    field(race, 1, "learning_rate").fill("fast")
    race.get_by_role("button", name="Begin the race").click()
    assert race.locator(".setup .sentence.wrong").inner_text() == "Lane 2: “fast” is not a number."
    assert race.evaluate("document.activeElement.dataset.lane") == "learning_rate"
    field(race, 1, "learning_rate").fill("0.1")
    field(race, 1, "hidden").fill("3000")
    race.get_by_role("button", name="Begin the race").click()
    wait(race, "() => document.querySelector('.setup .sentence.wrong').textContent.includes('2,000,000')")
    assert "Lane 2" in race.locator(".setup .sentence.wrong").inner_text()


def test_where_costs_differ_it_says_that_they_cannot_be_compared(race):
    race.locator("input[value=own]").check()
    field(race, 1, "cost").select_option("cross_entropy")
    race.get_by_role("button", name="Begin the race").click()
    race.wait_for_selector(".race .on")
    assert "cannot be compared" in race.locator(".race .on").inner_text()


def test_a_lane_that_diverges_says_so_and_the_other_goes_on(race):
    race.locator("input[value=own]").check()
    field(race, 0, "name").fill("wild")
    for lane in (0, 1):
        field(race, lane, "output").select_option("identity")
        field(race, lane, "activation").select_option("relu")
    field(race, 0, "learning_rate").fill("50")
    field(race, 1, "learning_rate").fill("0.01")
    race.get_by_role("button", name="Begin the race").click()
    race.wait_for_selector(".lane[data-mode=diverged]")
    assert "Training diverged" in race.locator(".lane[data-lane='0'] .state").inner_text()
    step = step_of(race)
    until_race_step(race, step + 20)
    assert race.locator(".lane[data-lane='1']").get_attribute("data-mode") == "playing"
    wait(race, "() => document.querySelector('.ahead').textContent.includes('Lane 2 is the only one left')")


# ── Going on with one ────────────────────────────────────────────────────────────────────────────────────────────────


def test_going_on_with_a_lane_makes_it_the_run(race):
    begin(race, "shallow", seed=3)
    until_race_step(race, 100)
    run = race.evaluate("window.glassnet.model.get('run').run")
    race.locator("[data-take='1']").click()
    wait(race, "run => window.glassnet.model.get('run').run !== run", run)
    race.wait_for_selector(".taken a")
    until_race(race, "paused")
    step = step_of(race)
    wait(race, "step => document.querySelector('.dock').dataset.step === String(step)", step)
    network, _ = plain("relu", 0.03, 3, step)
    wait(race, "() => window.glassnet.model.get('parameters') !== null")
    found = race.evaluate("window.glassnet.model.get('parameters').weights.flatMap((each) => [...each])")
    assert (
        np.array(found, np.float32).tobytes()
        == np.concatenate([layer.weight.reshape(-1) for layer in network.layers]).tobytes()
    )
    race.locator(".taken a").click()
    race.wait_for_selector("main.network")


# ── For everybody ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pupil_sees_the_race_and_no_controls(race):
    begin(race)
    until_race_step(race, 10)
    race.evaluate("window.glassnet.model.set('role', 'pupil')")
    wait(race, "() => document.querySelector('.race-transport').hidden && document.querySelector('.take').hidden")
    assert race.locator(".race .lane").first.is_visible()
    race.evaluate("window.glassnet.model.send({ do: 'race', what: 'end' })")
    race.wait_for_selector(".race .on", state="detached")
    assert race.locator(".setup").count() == 0
    assert "No race is on" in race.locator(".race .about").inner_text()


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("on", [False, True])
def test_axe_has_no_serious_finding(open_tab, scheme, on):
    from axe_playwright_python.sync_playwright import Axe

    page = open_tab("#race", color_scheme=scheme, bypass_csp=True)  # axe is injected as a script
    page.evaluate("window.glassnet.model.send({ do: 'race', what: 'end' })")
    page.wait_for_selector(".race .setup")
    if on:
        begin(page, "deep")
        until_race_step(page, 50)
        pause(page)
        settled(page)
    else:
        page.locator("input[value=own]").check()
    found = Axe().run(page)
    serious = [each for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in serious] == []


def test_on_a_phone_nothing_is_wider_than_the_screen(open_tab):
    page = open_tab("#race", viewport={"width": 390, "height": 844}, has_touch=True)
    page.evaluate("window.glassnet.model.send({ do: 'race', what: 'end' })")
    page.wait_for_selector(".race .setup")
    fits = "document.documentElement.scrollWidth <= innerWidth"
    page.locator("input[value=own]").check()
    assert page.evaluate(fits)
    begin(page, "deep")
    until_race_step(page, 50)
    assert page.evaluate(fits)
    tops = [lane.bounding_box()["y"] for lane in page.locator(".race .lane").all()]
    assert tops == sorted(tops)
    assert len(set(tops)) == 3
    for button in page.locator(".race-transport button:visible").all():
        assert button.bounding_box()["height"] >= 32


def test_in_chinese_every_word_is(open_tab):
    page = open_tab("#race", locale="zh-CN")
    page.evaluate("window.glassnet.model.send({ do: 'race', what: 'end' })")
    page.wait_for_selector(".race .setup")
    assert page.locator(".race h2").first.inner_text() == "比赛"
    page.locator("input[value=deep]").check()
    page.get_by_role("button", name="开始比赛").click()
    page.wait_for_selector(".race .on")
    until_race_step(page, 10)
    pause(page)
    settled(page)
    assert "分之一" in page.locator(".verdict").first.inner_text()
    text = page.locator("section.race").inner_text()
    assert "race." not in text
    assert "learning." not in text
