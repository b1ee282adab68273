"""The page of runs in a real browser: found, named, compared, thrown away and put back, sent, received, opened, watched."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from pages import TIMEOUT, until_mode, wait

from glassnet import Network, Run, mnist, pretrained, read_network, save_network
from studio_page import started


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folder of the command line's runs: one of ReLUs, one with larger minibatches; the studio's home is in it."""
    folder = tmp_path_factory.mktemp("runs")
    for name, *options in (("relu", "--hidden", "relu"), ("large", "--batch-size", "50", "--seed", "4")):
        command = [sys.executable, "-m", "glassnet", "train", "--epochs", "2", *options, "--out", str(folder / name)]
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return folder


@pytest.fixture(scope="module")
def studio(runs):
    with started(home=runs / "studio") as studio:
        yield studio


@pytest.fixture
def page(open_tab):
    """The list, with one run of the studio's that is open and one that is not."""
    page = open_tab("#runs")
    page.wait_for_selector("tr[data-run]")
    page.evaluate("window.glassnet.model.send({ do: 'restart', recipe: 'plain', seed: 1 })")
    page.wait_for_selector("tr[aria-current] .badge")
    return page


def row(page, run):
    return page.locator(f'tr[data-run="{run}"]')


def current(page):
    return page.evaluate("window.glassnet.model.get('run').run")


def another(page):
    """The id of a run of the studio's that is not open."""
    before = current(page)
    page.evaluate("window.glassnet.model.send({ do: 'restart', recipe: 'plain', seed: 2 })")
    wait(page, "before => window.glassnet.model.get('run').run !== before", before)
    row(page, before).wait_for()
    row(page, before).get_by_role("button", name="Open").wait_for()
    return str(before)


def choose(page, run, item):
    """Something of a run's menu."""
    row(page, run).locator(".dots").click()
    return page.locator(f'.menu:popover-open [data-item="{item}"]')


def said(page, text):
    page.locator(".runs .message .sentence", has_text=text).wait_for()


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_trained_network_that_comes_with_glassnet_is_opened(page):
    card = page.locator("[data-pretrained=small]")
    assert "784–16–16–10 · SiLU, softmax" in card.inner_text()
    test = mnist().test
    right = (pretrained("small")(test.inputs).argmax(axis=1) == test.labels).mean()
    assert f"{100 * right:.2f}" in card.inner_text()
    before = current(page)
    card.get_by_role("button", name="Open small").click()
    wait(
        page,
        "before => window.glassnet.model.get('run').run !== before && location.hash.startsWith('#network')",
        before,
    )
    page.evaluate("location.hash = 'runs'")
    opened = row(page, current(page))
    assert "small, trained" in opened.inner_text()
    # None of its data is held out: what it is judged by, it has seen, and the list says so.
    opened.get_by_text("on training data, cost").wait_for()


def test_the_list_shows_the_studios_runs_and_those_of_the_command_line(page):
    relu = row(page, "../relu")
    assert "command line" in relu.inner_text()
    assert "ReLU, sigmoid" in relu.inner_text()
    assert "2 of 2" in relu.inner_text()
    accuracy = [event for event in json.loads(f"[{','.join(events(page, 'relu'))}]") if event["event"] == "epoch"]
    assert f"{100 * accuracy[-1]['validation_accuracy']:.2f}" in relu.locator(".accuracy").inner_text()
    assert row(page, current(page)).get_attribute("aria-current") == "true"
    assert row(page, current(page)).get_by_role("button", name="Open").count() == 0


def events(page, name):
    path = page.tab.studio.home.parent / name / "events.jsonl"
    return path.read_text().splitlines()


def test_search_and_sort(page):
    search = page.get_by_role("searchbox", name="Search")
    search.fill("relu")
    wait(page, "() => document.querySelectorAll('.runs .list tbody tr').length === 1")
    search.fill("nothing like it")
    page.get_by_text("No run matches “nothing like it”.").wait_for()
    search.fill("")
    page.get_by_label("Sort by").select_option("accuracy")
    shown = page.locator(".runs .list td.accuracy").all_inner_texts()
    judged = [("on training data" in text, -float(text.split()[0])) for text in shown if text[0].isdigit()]
    assert judged == sorted(judged)  # what was judged by images it learned from comes last
    numbers = [number for seen, number in judged if not seen]
    assert len(numbers) >= 3
    page.get_by_label("Sort by").select_option("time")


def test_rename_in_place(page):
    run = str(current(page))
    choose(page, run, "rename").click()
    field = page.get_by_label(f"A name for Run {run}")
    field.fill("  ")
    field.press("Enter")
    page.get_by_text("Give it a name of at least one letter.").wait_for()
    field.fill("my sigmoid network")
    field.press("Enter")
    row(page, run).get_by_text("my sigmoid network").wait_for()
    assert Run.open(page.tab.studio.home / run).about["name"] == "my sigmoid network"
    wait(page, "() => window.glassnet.model.get('run').title === 'my sigmoid network'")
    assert page.evaluate("document.activeElement.classList.contains('dots')")
    choose(page, run, "rename").click()
    page.keyboard.press("Escape")
    assert page.locator(".rename").count() == 0


def test_the_menu_by_keyboard(page):
    run = another(page)
    row(page, run).locator(".dots").focus()
    page.keyboard.press("Enter")
    focused = "() => document.activeElement.dataset.item === {}"
    wait(page, focused.format("'rename'"))
    page.keyboard.press("ArrowDown")
    wait(page, focused.format("'all'"))
    page.keyboard.press("End")
    wait(page, focused.format("'delete'"))
    page.keyboard.press("ArrowDown")
    wait(page, focused.format("'rename'"))
    page.keyboard.press("Escape")
    wait(page, "() => document.activeElement.matches('.dots[aria-expanded=false]')")


def test_delete_undo_and_the_trash(page):
    run = another(page)
    home = page.tab.studio.home
    choose(page, run, "delete").click()
    said(page, "is in the trash")
    row(page, run).wait_for(state="detached")
    assert not (home / run).exists()
    page.get_by_role("button", name="Undo").click()
    row(page, run).wait_for()
    assert (home / run / "run.json").exists()
    choose(page, run, "delete").click()
    row(page, run).wait_for(state="detached")
    page.get_by_role("button", name="Trash (1)").click()
    page.get_by_role("button", name="Put", exact=False).click()
    page.get_by_text("The trash is empty.").wait_for()
    page.get_by_role("button", name="All runs").click()
    row(page, run).wait_for()
    choose(page, run, "delete").click()
    page.get_by_role("button", name="Trash (1)").click()
    page.get_by_role("button", name="Empty the trash").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Empty the trash").click()
    page.get_by_role("button", name="Delete 1 run for good").click()
    page.get_by_text("The trash is empty.").wait_for()
    assert not list((home / "trash").iterdir())
    page.get_by_role("button", name="All runs").click()


def test_what_the_dock_says_covers_no_button(page):
    for each in (another(page), str(current(page))):
        row(page, each).get_by_role("checkbox").check()
    page.evaluate("window.glassnet.model.set('said', 'Something was not done, for a reason.')")
    page.locator(".dock .message").wait_for()
    wait(
        page,
        """() => {
            const box = (selector) => document.querySelector(selector).getBoundingClientRect();
            return box('.runs .chosen').bottom <= box('.dock .message').top;
        }""",
    )


# ── Comparing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_compare(page):
    for run in ("../relu", "../large"):
        row(page, run).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare").click()
    page.locator(".compare[data-runs='2']").wait_for()
    wait(
        page,
        "() => [...document.querySelectorAll('.runs .chart:not([hidden]) .legend')].every((each) => each.firstChild)",
    )
    figures = {}
    for chart in page.locator(".runs .chart:visible").all():
        title = chart.locator("h2").inner_text()
        figures[title] = dict(
            zip(
                chart.locator(".legend span").all_inner_texts(),
                chart.locator(".legend b").all_inner_texts(),
                strict=True,
            )
        )
    last = [json.loads(line) for line in events(page, "relu") if '"epoch"' in line][-2:]
    accuracy = next(event["validation_accuracy"] for event in reversed(last) if "validation_accuracy" in event)
    assert figures["Accuracy on validation data"]["relu"].replace("\u00a0", " ") == f"{100 * accuracy:.2f} %"
    assert set(figures["Cost on validation data"]) == {"relu", "large"}
    table = page.get_by_role("region", name="What differs").inner_text()
    for text in ("Minibatch size", "Seed", "Activations", "ReLU, sigmoid"):
        assert text in table
    assert "Learning rate" not in table
    page.locator(".compare .units").wait_for(state="hidden")
    slider = page.get_by_role("slider", name="Accuracy on validation data")
    slider.focus()
    slider.press("ArrowLeft")
    wait(page, "() => /After [\\d,]+ examples/.test(document.activeElement.getAttribute('aria-valuetext'))")
    page.get_by_role("button", name="All runs").click()
    assert page.locator(".chosen").inner_text().startswith("2 chosen")
    page.get_by_role("button", name="Clear").click()
    assert not page.locator(".chosen").is_visible()


def test_what_was_changed_midway_is_told_and_other_costs_are_not_compared(page):
    """The server's answer in a stand-in: of two runs, one was changed on the way."""
    page.evaluate(
        """() => {
            const { model } = window.glassnet;
            const send = model.send;
            model.send = async (message, arrays) => {
                const reply = await send(message, arrays);
                if (message.do !== 'compare') return reply;
                const [one, other] = reply.runs;
                Object.assign(one, {
                    changes: [{ at: [1, 0], values: { learning_rate: 5 } }, { at: [2, 400], values: { optimizer: 'adam' } }],
                    edits: [[2, 30], [1, 0]],
                });
                Object.assign(other, { changes: [], edits: [] });
                const then = (at, value) => ({ at, value });
                const differences = [
                    { name: 'learning_rate', values: [{ first: 0.5, then: [then([1, 0], 5), then([2, 400], 0.001)] }, 0.5] },
                    { name: 'optimizer', values: [{ first: 'sgd', then: [then([2, 400], 'adam')] }, 'sgd'] },
                    { name: 'clip', values: [{ first: null, then: [then([0, 0], 1)] }, null] },
                    { name: 'edits', values: [2, 0] },
                ];
                return { ...reply, differences, costs_differ: true };
            };
        }"""
    )
    for run in ("../relu", "../large"):
        row(page, run).get_by_role("checkbox").check()
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("the curves of the cost cannot be compared. Accuracy can.").wait_for()
    rows = page.locator(".differences tbody tr").all()
    assert [each.locator("th, td").all_inner_texts() for each in rows] == [
        ["Learning rate", "0.5, then 5 from epoch 2, then 0.001 from epoch 3, image 401", "0.5"],
        ["Optimizer", "SGD, then Adam from epoch 3, image 401", "SGD"],
        ["Clip the gradient at", "–, then 1 from epoch 1", "–"],
        ["Edits by hand", "2", "0"],
    ]
    assert page.locator(".ways li li").all_inner_texts() == [
        "Learning rate 5 from epoch 2",
        "edited by hand before epoch 2",
        "edited by hand in epoch 3, before image 31",
        "Optimizer Adam from epoch 3, image 401",
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


# ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def downloaded(page, run, what, folder):
    item = choose(page, run, what)
    with page.expect_download() as found:
        item.click()
    path = folder / found.value.suggested_filename
    found.value.save_as(path)
    return path


def test_download_a_run_and_upload_it_again(page, tmp_path):
    home = page.tab.studio.home
    path = downloaded(page, "../large", "all", tmp_path)
    assert path.name == "run large.zip"
    page.locator(".runs input[type=file]").set_input_files(path)
    said(page, "is here")
    before = current(page)
    page.locator("[data-act=open-uploaded]").click()
    wait(page, "() => location.hash.startsWith('#network')")
    wait(page, "before => window.glassnet.model.get('run').run !== before", before)
    run = current(page)
    with zipfile.ZipFile(path) as parcel:
        assert parcel.read("checkpoint.safetensors") == (home.parent / "large" / "checkpoint.safetensors").read_bytes()
    assert Run.open(home / str(run)).about["from"] == "run large.zip"
    until_mode(page, "finished")


@pytest.mark.parametrize(("what", "name"), [("network", "run relu.safetensors"), ("settings", "run relu.json")])
def test_the_other_files(page, tmp_path, what, name):
    path = downloaded(page, "../relu", what, tmp_path)
    assert path.name == name
    if what == "network":
        theirs = Run.open(page.tab.studio.home.parent / "relu").network()
        mine = read_network(path)[0]
        assert all(np.array_equal(a.weight, b.weight) for a, b in zip(mine.layers, theirs.layers, strict=True))
    else:
        assert json.loads(path.read_text())["sizes"] == [784, 16, 16, 10]


def test_a_network_that_is_dropped_on_the_list(page, tmp_path):
    save_network(tmp_path / "dropped.safetensors", Network.random((784, 20, 10)))
    body = list((tmp_path / "dropped.safetensors").read_bytes())
    page.evaluate(
        """body => {
            const data = new DataTransfer();
            data.items.add(new File([new Uint8Array(body)], 'dropped.safetensors'));
            const place = document.querySelector('section.runs');
            const how = { dataTransfer: data, bubbles: true, cancelable: true };
            for (const name of ['dragover', 'drop']) place.dispatchEvent(new DragEvent(name, how));
        }""",
        body,
    )
    said(page, "dropped is here")
    found = page.locator("tr[data-run]", has_text="784–20–10").first
    assert "dropped" in found.inner_text()


def test_a_file_that_is_no_run_is_said_in_a_sentence(page, tmp_path):
    (tmp_path / "cat.png").write_bytes(b"\x89PNG and so on")
    page.tab.expected = ("400",)  # the browser itself notes a refused request
    page.locator(".runs input[type=file]").set_input_files(tmp_path / "cat.png")
    said(page, "Cat.png is no run")
    assert "wrong" in page.locator(".runs .message .sentence").get_attribute("class")


# ── Runs of other programs ───────────────────────────────────────────────────────────────────────────────────────────


def test_open_a_run_of_the_command_line(page):
    before = current(page)
    row(page, "../relu").get_by_role("button", name="Open").click()
    wait(
        page,
        "before => location.hash.startsWith('#network') && window.glassnet.model.get('run').run !== before",
        before,
    )
    assert page.evaluate("window.glassnet.model.get('run').activations[0]") == "relu"
    page.goto(f"{page.tab.studio.base}/#runs")
    row(page, current(page)).get_by_text("from relu").wait_for()


def test_watch_a_run_that_is_trained_right_now(page, runs):
    command = [
        sys.executable,
        "-m",
        "glassnet",
        "train",
        "--sizes",
        "784,100,10",
        "--epochs",
        "9000",
        "--out",
        str(runs / "now"),
    ]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    own = current(page)
    try:
        row(page, "../now").get_by_text("training now").wait_for(timeout=TIMEOUT)
        row(page, "../now").get_by_role("button", name="Watch").click()
        page.get_by_text("You are watching now, which another program trains.").wait_for(timeout=TIMEOUT)
        wait(page, "() => window.glassnet.model.get('status').mode === 'watching'")
        assert page.evaluate("window.glassnet.model.get('parameters').weights[0].length") == 78_400
        step = page.evaluate("window.glassnet.model.get('status').step")
        wait(page, "step => window.glassnet.model.get('status').step > step", step)
        refused = page.evaluate("window.glassnet.model.send({ do: 'play' }).catch((error) => error.code)")
        assert refused == "watching"
        for place in ("network", "learning", "mistakes"):
            page.evaluate(f"location.hash = '{place}'")
            page.locator(f"main.{place}").wait_for()
        # What another program trains is not changed here, and looks so.
        page.evaluate("location.hash = 'learning'")
        page.get_by_text("They cannot be changed from here.").wait_for()
        assert page.locator(".settings :is(input, select, button):enabled").count() == 0
        page.locator(".restart form").wait_for(state="hidden")
        page.evaluate("location.hash = 'runs'")
        page.locator("[data-act=unwatch]").click()
        wait(page, "own => window.glassnet.model.get('run').run === own", own)
        page.locator(".runs .watched").wait_for(state="hidden")
        page.evaluate("location.hash = 'learning'")
        page.locator(".restart form").wait_for()
        assert page.locator(".settings [data-setting=epochs]").is_enabled()
    finally:
        process.kill()
        process.wait()


# ── For everybody ────────────────────────────────────────────────────────────────────────────────────────────────────

SIZES = {"wide": {}, "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("size", "locale"), [("wide", "en-US"), ("phone", "zh-CN"), ("phone", "en-US")])
def test_nothing_is_hard_to_read_or_out_of_reach(open_tab, runs, size, locale, scheme):
    page = open_tab("#runs", color_scheme=scheme, locale=locale, **SIZES[size])
    (runs / "broken").mkdir(exist_ok=True)
    (runs / "broken" / "run.json").write_text("{")
    row(page, "../broken").wait_for()

    def check():
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    check()
    row(page, "../large").locator(".dots").click()
    page.locator(".menu:popover-open").wait_for()
    check()
    page.keyboard.press("Escape")
    for run in ("../relu", "../large"):
        row(page, run).get_by_role("checkbox").check()
    check()
    page.locator("[data-act=compare]").click()
    page.locator(".compare[data-runs='2']").wait_for()
    check()
    page.locator("[data-act=back]").click()
    row(page, "../large").wait_for()


def test_a_table_stays_a_table_as_cards(open_tab):
    page = open_tab("#runs", **SIZES["phone"])
    page.wait_for_selector("tr[data-run]")
    assert page.get_by_role("table", name="Runs").get_by_role("columnheader").count() == 8
    assert page.get_by_role("row").count() >= 3


def test_a_pupil_sees_the_list_and_compares_and_no_more(page):
    page.evaluate(
        """async () => {
            const { render } = await import('/runs/view.js');
            const model = window.glassnet.model;
            const get = (key) => (key === 'role' ? 'pupil' : model.get(key));
            render({ model: { get, send: model.send, on: model.on.bind(model) }, el: document.querySelector('section.runs') });
        }"""
    )
    for run in ("../relu", "../large"):
        row(page, run).get_by_role("checkbox").check()
    assert page.locator(".runs .dots, .runs [data-act=open], .runs [data-act=upload]:visible").count() == 0
    page.get_by_role("button", name="Compare").click()
    page.locator(".compare[data-runs='2']").wait_for()


def test_both_languages_say_everything(page):
    page.get_by_role("button", name="切换到中文").click()
    page.get_by_role("heading", name="训练记录").wait_for()
    row(page, "../relu").get_by_text("命令行").wait_for()
    text = page.locator("section.runs").inner_text()
    assert "runs." not in text
    page.get_by_role("button", name="Switch to English").click()
    page.get_by_role("heading", name="Runs", exact=True).wait_for()
