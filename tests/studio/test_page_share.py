"""Links, the class and the tour in a real browser: the same numbers elsewhere, pupils who can only watch, a first visit."""

import hashlib
import json
import time
from urllib.request import Request, urlopen

import pytest
from pages import TIMEOUT, begun_anew, dock, pause, play, step_of, until_mode, until_step, wait

from studio_page import Started, Watched, draw, started

LANGUAGES = {"en-US": "Show me", "zh-CN": "开始导览"}
STOPS = ["network", "input", "neuron", "play", "time", "race", "help"]


def send(page, **message):
    return page.evaluate("message => window.glassnet.model.send(message)", message)


def until_reached(page, step):
    wait(page, "step => document.querySelector('.dock').dataset.step === String(step)", step)
    wait(page, "() => !window.glassnet.model.get('link')")


def until_alone(studio):
    """Until the server knows that nobody looks any more."""
    end = time.monotonic() + TIMEOUT / 1000
    while studio.state()["status"]["tabs"]:
        assert time.monotonic() < end


def link_of(page):
    """The link that the share dialog offers."""
    page.keyboard.press("s")
    field = page.locator("dialog.share [data-link=link]")
    wait(page, "() => document.querySelector('dialog.share [data-link=link]').value.includes('image=')")
    link = field.input_value()
    page.keyboard.press("Escape")
    page.locator("dialog.share").wait_for(state="hidden")
    # The next key is the page's, not the field's, once the focus has left the dialog.
    wait(page, "() => !document.querySelector('dialog[open]') && !document.activeElement?.closest('dialog')")
    return link


def bytes_of(page):
    """Every number of the network, and of its answer to what this tab looks at, as one hash."""
    parts = page.evaluate(
        """async () => {
            const { model } = window.glassnet;
            // A picture of now: what the server says to a new look.
            await model.send({ do: 'view', watch: [], interval: 0.05 });
            const { parameters, forward } = model.values;
            const all = [...parameters.weights, ...parameters.biases, forward.input, ...forward.zs, ...forward.as];
            return all.map((each) => [...new Uint8Array(each.buffer, each.byteOffset, each.byteLength)]);
        }"""
    )
    return hashlib.sha256(b"".join(map(bytes, parts))).hexdigest()


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A studio on another machine: with a home of its own."""
    with started("--port", "0", home=tmp_path_factory.mktemp("elsewhere") / "home") as studio:
        yield studio


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A studio in which no other test leaves a tab."""
    with started("--port", "0", home=tmp_path_factory.mktemp("alone") / "home") as studio:
        yield studio


# ── Links ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_shows_the_same_numbers_on_another_machine(open_tab, elsewhere):
    page = open_tab()
    send(page, do="restart", recipe="plain", sizes=[784, 20, 12, 10], hidden="relu", seed=7, learning_rate=0.3)
    wait(page, "() => window.glassnet.model.get('run').seed === 7")
    send(page, do="reach", step=120)
    send(page, do="change", learning_rate=0.05, momentum=0.9)
    send(page, do="reach", step=250)
    send(page, do="look", look=50, source="test", row=17)
    until_reached(page, 250)
    wait(page, "() => window.glassnet.model.get('look').row === 17")
    page.evaluate("window.glassnet.model.set('picked', { layer: 1, neuron: 3 })")
    link = link_of(page)
    hash_ = link.partition("#")[2]
    assert hash_ == (
        "network?recipe=plain&sizes=784,20,12,10&hidden=relu&lr=0.3&seed=7&then=120;lr:0.05;momentum:0.9&step=250"
        "&image=test:17&neuron=1:3"
    )

    # Opened as from a mail: in a tab that was somewhere else.
    other = open_tab(studio=elsewhere)
    other.goto("about:blank")
    until_alone(elsewhere)
    other.goto(f"{elsewhere.base}/#{hash_}")
    other.wait_for_selector(".dock[data-step]")
    until_reached(other, 250)
    wait(other, "() => window.glassnet.model.get('look').row === 17")
    wait(other, "() => window.glassnet.model.get('picked')?.neuron === 3")
    assert other.evaluate("window.glassnet.model.get('run').settings") == page.evaluate(
        "window.glassnet.model.get('run').settings"
    )
    assert bytes_of(other) == bytes_of(page)
    wait(other, "hash => location.hash === hash", f"#{hash_}")  # and says the same in its address
    # It is the same training, too: the next minibatch is the same one.
    for each in (page, other):
        each.keyboard.press("n")
        until_reached(each, 251)
    assert bytes_of(other) == bytes_of(page)
    other.context.close()


def test_a_link_says_how_images_are_deformed_and_how_many_are_held_out(open_tab, elsewhere):
    page = open_tab()
    elastic = "elastic(alpha=38, sigma=5)"
    for asked, told in (
        ({"recipe": "small", "seed": 3}, "recipe=small&seed=3"),
        (
            {"recipe": "small", "seed": 4, "validation": 10_000, "deform": "none"},
            "recipe=small&validation=10000&deform=none&seed=4",
        ),
        (
            {"recipe": "plain", "seed": 5, "validation": 0, "deform": elastic},
            "recipe=plain&validation=0&deform=elastic(alpha=38,sigma=5)&seed=5",
        ),
    ):
        send(page, do="restart", **asked)
        wait(page, "seed => window.glassnet.model.get('run').seed === seed", asked["seed"])
        send(page, do="reach", step=3)
        if asked["seed"] == 5:
            send(page, do="change", deform="affine(rotation=15)")
            told += "&then=3;deform:affine(rotation=15)"
        send(page, do="reach", step=6)
        until_reached(page, 6)
        hash_ = link_of(page).partition("#")[2]
        assert hash_.startswith(f"network?{told}&step=6")
        other = open_tab(f"#{hash_}", studio=elsewhere)
        there = "({ run, link }) => run.seed === seed && !link"
        wait(other, f"seed => ({there})(window.glassnet.model.values)", asked["seed"])
        until_reached(other, 6)
        for key in ("settings", "data"):
            which = f"window.glassnet.model.get('run').{key}"
            assert other.evaluate(which) == page.evaluate(which)
        assert bytes_of(other) == bytes_of(page)
        # Opened again, it is the very run that is there.
        run = other.evaluate("window.glassnet.model.get('run').run")
        other.reload()
        until_reached(other, 6)
        wait(other, "() => !window.glassnet.model.get('link')")
        assert other.evaluate("window.glassnet.model.get('run').run") == run
        other.context.close()
        until_alone(elsewhere)


def test_minibatches_of_another_size_are_told_by_their_places(open_tab, elsewhere):
    page = open_tab()
    begun_anew(page)
    send(page, do="reach", step=7)
    send(page, do="change", batch_size=32)
    send(page, do="step", what="minibatch")
    wait(page, "() => window.glassnet.model.get('status').at[1] === 102")
    until_mode(page, "paused")
    hash_ = link_of(page).partition("#")[2]
    assert "then=0+70;batch:32&step=0+102" in hash_
    other = open_tab(f"#{hash_}", studio=elsewhere)
    wait(other, "() => window.glassnet.model.get('status').at[1] === 102 && !window.glassnet.model.get('link')")
    assert bytes_of(other) == bytes_of(page)
    other.context.close()


def test_a_link_in_a_second_browser_of_the_same_studio_goes_there_after_a_question(open_tab, alone):
    page = open_tab(studio=alone)
    begun_anew(page)
    send(page, do="reach", step=40)
    until_reached(page, 40)
    link = link_of(page).partition("#")[2]
    before = bytes_of(page)
    send(page, do="reach", step=60)
    run = page.evaluate("window.glassnet.model.get('run').run")
    other = open_tab(f"#{link}", studio=alone)  # two tabs now: nothing may happen unasked
    other.locator(".linked", has_text="step 40 of this run").wait_for(timeout=TIMEOUT)
    assert step_of(other) == 60
    other.get_by_role("button", name="Go there").click()
    until_reached(other, 40)
    assert bytes_of(other) == before
    assert other.evaluate("window.glassnet.model.get('run').run") == run  # the same one, not another
    other.context.close()


def test_another_run_is_begun_after_a_question_only_and_the_present_one_is_kept(open_tab, alone):
    page = open_tab(studio=alone)
    begun_anew(page)
    run = page.evaluate("window.glassnet.model.get('run').run")
    play(page)
    other = open_tab("#learning?recipe=plain&seed=99&step=5", studio=alone)
    other.locator(".linked", has_text="another run: 784–16–16–10, seed 99, step 5").wait_for(timeout=TIMEOUT)
    other.get_by_role("button", name="Stay here").click()
    other.locator(".linked").wait_for(state="hidden")
    assert dock(page, "mode") == "playing"
    assert other.evaluate("window.glassnet.model.get('run').run") == run
    wait(other, "() => location.hash.includes('seed=1&')")
    other.evaluate("location.hash = 'learning?recipe=plain&seed=99&step=5'")
    other.get_by_role("button", name="Begin it").click()
    wait(other, "() => window.glassnet.model.get('run').seed === 99")
    until_reached(other, 5)
    assert [each["run"] for each in send(other, do="runs")["runs"] if each["run"] == str(run)] == [str(run)]
    other.context.close()


def test_a_drawing_is_in_the_link_to_the_last_bit(open_tab, elsewhere):
    page = open_tab()
    begun_anew(page)
    draw(page, [(0.3, 0.25), (0.7, 0.25), (0.45, 0.8)])
    wait(page, "() => window.glassnet.model.get('look').source === 'drawing'")
    link = link_of(page)
    assert "image=drawing:112x112cz:" in link
    assert len(link) < 2500
    other = open_tab("#" + link.partition("#")[2], studio=elsewhere)
    wait(other, "() => window.glassnet.model.get('look').source === 'drawing'")
    until_reached(other, 0)
    assert bytes_of(other) == bytes_of(page)
    other.context.close()


def test_noise_and_nothing_are_in_the_link_too(open_tab, elsewhere):
    page, other = open_tab(), open_tab(studio=elsewhere)
    for what, text in (({"source": "noise", "seed": 12}, "noise:12"), ({"source": "blank"}, "blank")):
        page.evaluate(
            "what => import('/core/looks.js').then(({ look }) => look(window.glassnet.model, what).done)", what
        )
        wait(page, "source => window.glassnet.model.get('look').source === source", what["source"])
        link = link_of(page)
        assert link.endswith(f"image={text}")
        other.evaluate("text => { location.hash = `network?image=${text}` }", text)
        wait(other, "source => window.glassnet.model.get('look').source === source", what["source"])
        inputs = "[...window.glassnet.model.get('forward').input]"
        assert other.evaluate(inputs) == page.evaluate(inputs)
    other.context.close()


def test_what_was_changed_by_hand_is_not_in_the_link_and_the_dialog_says_so(open_tab):
    page = open_tab()
    begun_anew(page)
    send(page, do="edit", kind="bias", layer=1, neuron=0, value=2.0)
    wait(page, "() => window.glassnet.model.get('run').made.edits.length === 1")
    page.keyboard.press("s")
    page.locator("dialog.share .notes", has_text="changed by hand is not in the link").wait_for(timeout=TIMEOUT)
    page.keyboard.press("Escape")
    begun_anew(page)


def test_a_network_of_a_file_cannot_be_made_from_a_link_and_the_dialog_says_so(open_tab, trained, tmp_path):
    with started(str(trained / "best.safetensors"), "--port", "0", home=tmp_path / "home") as studio:
        page = open_tab(studio=studio)
        page.keyboard.press("s")
        page.locator("dialog.share .notes", has_text="began from a file").wait_for(timeout=TIMEOUT)
        wait(
            page,
            "() => document.querySelector('dialog.share [data-link=link]').value.endsWith('#network?image=test:0')",
        )
        page.context.close()


def test_the_address_follows_what_is_shown_and_back_goes_to_the_page_before(open_tab):
    page = open_tab()
    begun_anew(page)
    wait(page, "() => location.hash === '#network?recipe=plain&seed=1&step=0&image=test:0'")
    page.keyboard.press("n")
    wait(page, "() => location.hash.includes('step=1&')")
    page.get_by_role("link", name="Learning", exact=True).click()
    page.wait_for_selector("main.learning")
    wait(page, "() => location.hash.startsWith('#learning?recipe')")
    page.keyboard.press("n")
    wait(page, "() => location.hash.includes('step=2&')")
    page.keyboard.press("3")
    page.wait_for_selector("main.mistakes")
    wait(page, "() => location.hash.startsWith('#mistakes?recipe')")
    for name in ("learning", "network"):
        page.go_back()
        page.wait_for_selector(f"main.{name}")
        wait(page, "name => location.hash.startsWith(`#${name}?recipe`) && location.hash.includes('step=2&')", name)
        assert step_of(page) == 2  # another page of the run of now: going back undoes nothing
    page.go_forward()
    page.wait_for_selector("main.learning")
    page.reload()
    page.wait_for_selector("main.learning")
    wait(page, "() => document.querySelector('.dock').dataset.step === '2'")
    assert page.locator(".linked").is_hidden()


def test_the_address_is_written_calmly_while_it_learns(open_tab):
    page = open_tab()
    begun_anew(page)
    wait(page, "() => location.hash.includes('step=0&')")
    page.evaluate(
        """() => {
            window.written = 0;
            const write = history.replaceState.bind(history);
            history.replaceState = (...given) => (window.written++, write(...given));
        }"""
    )
    play(page)
    until_step(page, 300)  # at a hundred a second: some three seconds
    pause(page)
    assert page.evaluate("window.written") <= 3
    step = dock(page, "step")
    wait(page, "step => location.hash.includes(`step=${step}&`)", step)


NONSENSE = {
    "recipe=plain&lr=abc": "lr=abc",
    "recipe=plain&deform=a(b": "deform=a(b",
    "recipe=nonsense": "recipe=nonsense",
    "step=-4": "step=-4",
    "recipe=plain&sizes=784,0,10": "sizes=784,0,10",
    "recipe=plain&hidden=re%20lu": "hidden=re lu",
    "recipe=plain&then=5;lr:x": "then=5;lr:x",
    "recipe=plain&seed=99999999999999999": "seed=99999999999999999",
    "recipe=plain&data=elsewhere": "data=elsewhere",
    "hide=kitchen": "hide=kitchen",
    "%E0%A4%A=1": "%E0%A4%A=1",
    "<b>bold</b>": "%3Cb%3Ebold%3C/b%3E=",
}


def test_what_makes_no_sense_in_a_link_is_one_sentence_and_the_page_goes_on(open_tab):
    page = open_tab()
    begun_anew(page)
    run = page.evaluate("window.glassnet.model.get('run').run")
    for row, (text, named) in enumerate(NONSENSE.items()):
        page.evaluate("text => { location.hash = `network?${text}` }", f"{text}&image=test:{row}")
        page.locator(".linked p", has_text=f"makes no sense here: {named}").wait_for(timeout=TIMEOUT)
        wait(page, "row => window.glassnet.model.get('look').row === row", row)  # the rest is followed
        page.locator(".linked").get_by_role("button", name="Close").click()
        page.locator(".linked").wait_for(state="hidden")
    for image, named in (
        ("drawing:112x112cz:xxxx", "a drawing that is not whole"),
        ("test:99999999", "image=test:99999999"),
    ):
        page.evaluate("text => { location.hash = text }", f"network?image={image}")
        page.locator(".linked p", has_text=f"makes no sense here: {named}").wait_for(timeout=TIMEOUT)
    assert page.evaluate("window.glassnet.model.get('run').run") == run
    page.keyboard.press("n")
    until_step(page, 1)


def test_what_the_server_refuses_in_a_link_is_said(open_tab, alone):
    page = open_tab("#network?recipe=plain&sizes=784,9999,9999,10&step=3", studio=alone)
    page.locator(".linked p", has_text="weights and biases").wait_for(timeout=TIMEOUT)
    page.locator(".linked").get_by_role("button", name="Close").click()
    page.context.close()


def test_a_long_training_to_the_place_of_a_link_can_be_stopped(open_tab, alone):
    page = open_tab("#network?recipe=plain&sizes=784,400,200,10&seed=4&step=140000", studio=alone)
    page.locator(".linked", has_text="Training to step 140,000").wait_for(timeout=TIMEOUT)
    page.get_by_role("button", name="Stop").click()
    page.locator(".linked").wait_for(state="hidden")
    until_mode(page, "paused")
    assert step_of(page) < 140_000
    begun_anew(page)
    page.context.close()


# ── What a link hides ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_teachers_link_hides_controls_pages_and_their_keys(open_tab):
    page = open_tab()
    begun_anew(page)
    page.keyboard.press("s")
    page.get_by_text("For a lesson").click()
    for name in ("Play and step", "Settings", "New network", "Runs", "Data", "Race"):
        page.locator("dialog.share").get_by_label(name, exact=True).check()
    wait(page, "() => document.querySelector('[data-link=link]').value.includes('hide=')")
    link = page.locator("dialog.share [data-link=link]").input_value()
    assert link.endswith("hide=transport,settings,new,race,runs,data")
    page.keyboard.press("Escape")
    assert page.locator(".dock button.primary").is_visible()  # here all is as before

    other = open_tab("#" + link.partition("#")[2])
    for selector in (".dock button.primary", ".dock .scrub", ".dock [data-setting=learning_rate]"):
        other.locator(selector).wait_for(state="hidden")
    assert other.get_by_role("navigation").get_by_role("link").all_inner_texts() == ["Network", "Learning", "Mistakes"]
    for key in (" ", "n", "5"):
        other.keyboard.press(key)
    other.keyboard.press("2")
    other.wait_for_selector("main.learning")
    assert step_of(other) == 0
    other.locator(".learning .restart").wait_for(state="hidden")
    other.keyboard.press("?")
    listed = other.locator("dialog[open] kbd").all_inner_texts()
    assert {"1", "2", "3", "l"} <= set(listed)
    assert {"␣", "n", "4", "5", "6"}.isdisjoint(listed)
    other.keyboard.press("Escape")
    wait(other, "() => location.hash.endsWith('hide=transport,settings,new,race,runs,data')")
    other.reload()
    other.wait_for_selector("main.learning")
    other.locator(".learning .settings").wait_for(state="hidden")
    other.evaluate("location.hash = 'runs'")  # an address by hand leads nowhere either
    other.wait_for_selector("main.network")


# ── The class ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def pupil(browser, studio):
    """Lets pupils in by the class's link; each in a browser of their own, in which nothing may go wrong."""
    contexts, tabs = [], []

    def pupil(studio=studio, **options):
        request = Request(
            f"{studio.base}/api/class", headers={"Authorization": f"Bearer {studio.secret}"}, method="POST"
        )
        link = json.load(urlopen(request, timeout=10))["link"]
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "locale": "en-US", **options})
        contexts.append(context)
        tab = Watched(context, studio)
        tabs.append(tab)
        tab.page.goto(link)
        tab.page.wait_for_selector(".dock[data-step]")
        tab.page.tab = tab
        return tab.page

    yield pupil
    wrong = [each for tab in tabs for each in tab.wrong]
    for context in contexts:
        context.close()
    assert wrong == []


def test_a_class_is_opened_watched_and_closed(open_tab, pupil):
    page = open_tab()
    begun_anew(page)
    page.keyboard.press("s")
    page.get_by_role("button", name="Open the class").click()
    page.locator("dialog.share .qr").wait_for()
    link = page.locator("dialog.share [data-link=class]").input_value()
    assert "/open?class=" in link
    page.get_by_text("Phones cannot reach this machine now").wait_for()
    page.locator("dialog.share code", has_text="glassnet studio --host 0.0.0.0").wait_for()
    # The code that is drawn is that of the link, module by module.
    import segno

    drawn = page.locator("dialog.share .qr path").get_attribute("d")
    matrix = segno.make_qr(link, error="m").matrix
    dark = set()
    for part in drawn.split("M")[1:]:
        place, _, rest = part.partition("h")
        x, y = map(int, place.split())
        dark |= {(x + i - 4, y - 4) for i in range(int(rest.partition("v")[0]))}
    assert dark == {(x, y) for y, row in enumerate(matrix) for x, bit in enumerate(row) if bit}

    other = pupil()
    page.get_by_text("2 tabs are open").wait_for(timeout=TIMEOUT)
    other.get_by_text("You are watching; the teacher plays.").wait_for()
    page.get_by_role("button", name="Close the class").click()
    other.get_by_text("The class is over").wait_for(timeout=TIMEOUT)
    other.tab.expected = ("401", "WebSocket connection")
    other.tab.wrong = [each for each in other.tab.wrong if not any(part in each for part in other.tab.expected)]
    page.get_by_role("button", name="Open the class").wait_for()
    page.keyboard.press("Escape")


@pytest.mark.parametrize(
    "options",
    [{}, {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}],
    ids=["wide", "phone"],
)
def test_a_pupil_draws_and_inspects_and_cannot_play_even_by_hand(open_tab, pupil, options):
    page = open_tab()
    begun_anew(page)
    other = pupil(**options)
    # It has no button to press, and is not told to press one.
    assert "learned nothing" in other.locator(".dock .where").inner_text().lower()
    assert "press" not in other.locator(".dock .where").inner_text().lower()
    for selector in (".dock button.primary", ".dock .scrub", ".share-this", ".hands-head"):
        other.locator(selector).first.wait_for(state="hidden")
    assert other.get_by_role("navigation").get_by_role("link").all_inner_texts() == [
        "Network", "Learning", "Mistakes", "Race",
    ]  # fmt: skip
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
    other.keyboard.press("Space")
    other.keyboard.press("n")
    refused = other.evaluate(
        """async () => Promise.all(
            ['play', 'pause', { do: 'step', what: 'epoch' }, { do: 'restart', seed: 3 }, { do: 'change', learning_rate: 9 },
             { do: 'edit', kind: 'bias', layer: 1, neuron: 0, value: 1 }, { do: 'seek', step: 0 }, 'empty']
                .map((each) => window.glassnet.model.send(each.do ? each : { do: each }))
                .map((reply) => reply.then(() => 'done', ({ code }) => code)))"""
    )
    assert refused == ["watching_only"] * 8
    statuses = other.evaluate(
        """async () => {
            const headers = { 'X-Glassnet-CSRF': window.glassnet.model.get('csrf') };
            const asked = [['POST', '/api/link'], ['POST', '/api/class'], ['DELETE', '/api/class'], ['GET', '/api/class']];
            return Promise.all(asked.map(([method, path]) => fetch(path, { method, headers }).then(({ status }) => status)));
        }"""
    )
    assert statuses == [403] * 4
    other.tab.wrong = [each for each in other.tab.wrong if "403" not in each]
    assert step_of(other) == 0
    assert dock(page, "mode") == "paused"
    # What it looks at is its own.
    other.locator(".input .pad").scroll_into_view_if_needed()
    draw(other, [(0.5, 0.2), (0.5, 0.8)])
    wait(other, "() => window.glassnet.model.get('look').source === 'drawing'")
    assert page.evaluate("window.glassnet.model.get('look').source") != "drawing"
    other.evaluate("window.glassnet.model.set('picked', { layer: 2, neuron: 1 })")
    other.wait_for_selector(".inspector[data-layer='2'][data-neuron='1']")
    for key in "hmk":
        other.keyboard.press(key)
    assert other.locator("[data-hands]:visible, .effect:visible").count() == 0
    # And it sees what the teacher does.
    play(page)
    until_step(other, 10)
    pause(page)


def test_a_link_to_a_moment_begins_nothing_for_a_pupil(open_tab, pupil):
    page = open_tab()
    begun_anew(page)
    run = page.evaluate("window.glassnet.model.get('run').run")
    other = pupil()
    other.evaluate("location.hash = 'learning?recipe=plain&seed=55&step=9&image=test:8'")
    wait(other, "() => window.glassnet.model.get('look').row === 8")
    other.wait_for_selector("main.learning")
    wait(other, "() => !window.glassnet.model.get('link')")
    assert page.evaluate("window.glassnet.model.get('run').run") == run


def test_with_host_the_class_has_an_address_for_phones(open_tab, tmp_path):
    with started("--port", "0", "--host", "0.0.0.0", home=tmp_path / "home") as studio:
        page = open_tab(studio=studio)
        page.keyboard.press("s")
        page.get_by_role("button", name="Open the class").click()
        page.locator("dialog.share .qr").wait_for()
        assert page.get_by_text("Phones cannot reach").count() == 0
        link = page.locator("dialog.share [data-link=class]").input_value()
        assert link.startswith("http://")
        page.context.close()


def test_the_class_outlives_a_restart_of_the_studio(open_tab, pupil, tmp_path):
    studio = Started(tmp_path / "home", "--port", "0")
    port = studio.base.rpartition(":")[2]
    other = pupil(studio)
    other.tab.expected = ("WebSocket connection", "Failed to load resource", "ERR_CONNECTION")
    studio.end()
    other.wait_for_selector("body[data-connection=lost]")
    again = Started(tmp_path / "home", "--port", port)
    try:
        other.wait_for_selector("body[data-connection=open]", timeout=TIMEOUT)
        assert other.evaluate("window.glassnet.model.get('role')") == "pupil"
    finally:
        other.context.close()
        again.end()


# ── The tour ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def at_stop(page, stop):
    wait(page, "stop => document.querySelector('.tour').dataset.stop === stop", stop)


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_a_first_visit_is_offered_a_tour_of_the_real_things(open_tab, locale, width, height):
    page = open_tab(tour=True, locale=locale, viewport={"width": width, "height": height})
    page.get_by_role("button", name=LANGUAGES[locale]).click()
    for number, stop in enumerate(STOPS):
        at_stop(page, stop)
        assert page.locator(".tour .dots .done").count() == number
        assert page.evaluate("document.activeElement.id") == "tour-title"
        # The card comes to rest inside the window, and leaves what it is about to be seen, but for what fills the window.
        wait(
            page,
            """() => {
                const box = (name) => document.querySelector(`.tour ${name}`).getBoundingClientRect();
                const [card, ring] = [box('.card'), box('.ring')];
                const beside = card.left >= ring.right || ring.left >= card.right;
                const apart = beside || card.top >= ring.bottom || ring.top >= card.bottom;
                const inside = card.left >= 0 && card.right <= innerWidth && card.top >= 0 && card.bottom <= innerHeight;
                return inside && ring.width > 0 && (apart || ring.height > innerHeight / 3);
            }""",
        )
        page.locator(".tour .row button.primary").click()
    page.locator(".tour").wait_for(state="hidden")
    page.reload()
    page.wait_for_selector(".dock[data-step]")
    wait(page, "() => window.glassnet.model.get('forward')")
    assert page.locator(".tour").is_hidden()


def test_the_tour_is_walked_and_left_by_keyboard_and_touches_nothing(open_tab):
    page = open_tab(tour=True)
    page.get_by_role("button", name="Show me").focus()
    before = page.tab.studio.state()
    page.keyboard.press("Enter")
    for stop in STOPS[:5]:
        at_stop(page, stop)
        page.keyboard.press("ArrowRight")
    at_stop(page, "race")
    page.keyboard.press("ArrowLeft")
    at_stop(page, "time")
    page.keyboard.press("Escape")
    page.locator(".tour").wait_for(state="hidden")
    after = page.tab.studio.state()
    for part in ("run", "step", "mode"):
        assert after["status"].get(part) == before["status"].get(part)
    assert after["run"]["run"] == before["run"]["run"]
    # It can be had again.
    page.keyboard.press("?")
    page.get_by_role("button", name="Take the tour").click()
    at_stop(page, "network")
    page.keyboard.press("Escape")
    page.locator(".tour").wait_for(state="hidden")


def test_the_tour_can_be_left_at_any_stop(open_tab):
    page = open_tab()
    for stop in STOPS:
        page.keyboard.press("?")
        page.get_by_role("button", name="Take the tour").click()
        at_stop(page, "network")
        for each in STOPS[1 : STOPS.index(stop) + 1]:
            page.get_by_role("button", name="Next", exact=True).click()
            at_stop(page, each)
        page.get_by_role("button", name="Leave the tour").click()
        page.locator(".tour").wait_for(state="hidden")
        assert page.evaluate("document.activeElement !== document.body")  # the focus is somewhere


def test_not_now_is_not_asked_again_and_a_change_of_language_keeps_the_stop(open_tab):
    page = open_tab(tour=True)
    page.get_by_role("button", name="Not now").click()
    page.locator(".tour").wait_for(state="hidden")
    page.reload()
    wait(page, "() => window.glassnet?.model.get('forward')")
    assert page.locator(".tour").is_hidden()
    page.keyboard.press("?")
    page.get_by_role("button", name="Take the tour").click()
    page.get_by_role("button", name="Next", exact=True).click()
    page.keyboard.press("l")
    page.get_by_text("网络在看什么").wait_for()
    page.keyboard.press("l")


def test_who_comes_by_a_teachers_link_or_as_a_pupil_is_offered_no_tour(open_tab, pupil):
    other = pupil()
    wait(other, "() => window.glassnet.model.get('forward')")
    page = open_tab("#network?hide=settings", tour=True)
    wait(page, "() => window.glassnet.model.get('forward')")
    for each in (page, other):
        assert each.locator(".tour").is_hidden()


def test_less_motion_means_none_in_the_tour(open_tab):
    page = open_tab(tour=True, reduced_motion="reduce")
    page.get_by_role("button", name="Show me").click()
    page.get_by_role("button", name="Next", exact=True).click()
    assert page.evaluate("document.getAnimations().filter((each) => each.playState === 'running').length") == 0


# ── For everybody ────────────────────────────────────────────────────────────────────────────────────────────────────


def serious(page):
    from axe_playwright_python.sync_playwright import Axe

    return [
        (each["id"], node["target"], node["failureSummary"])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("locale", LANGUAGES)
def test_axe_has_no_serious_finding_in_the_dialog_the_bar_and_the_tour(open_tab, locale, scheme):
    page = open_tab(tour=True, locale=locale, color_scheme=scheme, bypass_csp=True)
    page.get_by_role("button", name=LANGUAGES[locale]).click()
    page.locator(".tour .dots .now").wait_for()
    assert serious(page) == []
    page.keyboard.press("Escape")
    page.evaluate("location.hash = 'network?step=x'")
    page.locator(".linked p").wait_for()
    assert serious(page) == []
    page.keyboard.press("s")
    page.locator("dialog.share summary").click()
    page.locator("dialog.share .room button").first.click()
    page.locator("dialog.share .qr").wait_for()
    assert serious(page) == []
    page.locator("dialog.share .end").click()
    page.locator("dialog.share .open").wait_for()


@pytest.mark.parametrize("locale", LANGUAGES)
def test_six_pages_and_the_dialog_fit_every_width(open_tab, locale):
    page = open_tab(locale=locale)
    page.keyboard.press("s")
    page.locator("dialog.share .room button").first.click()
    page.locator("dialog.share .qr").wait_for()
    for width, height in ((1280, 800), (1024, 768), (820, 1180), (700, 900), (390, 844), (320, 640)):
        page.set_viewport_size({"width": width, "height": height})
        wait(page, "width => innerWidth === width", width)
        wide = page.evaluate(
            """() => [document.documentElement,
                    ...document.querySelectorAll('.top, .pages, dialog.share, dialog.share :not(.aside)')]
                .filter((each) => !(each instanceof SVGElement) && each.tagName !== 'INPUT' && each.clientWidth
                    && each.scrollWidth > Math.max(each.clientWidth, each.offsetWidth))
                .map((each) => each.outerHTML.slice(0, 80))"""
        )
        assert (width, wide) == (width, [])
        rows = page.evaluate("new Set([...document.querySelectorAll('.pages a')].map((each) => each.offsetTop)).size")
        assert rows == 1 or width == 320
    page.locator("dialog.share .end").click()
    page.locator("dialog.share .open").wait_for()
