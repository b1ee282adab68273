"""The page of data in a real browser: files given, looked at, trained on; wrong ones refused in words."""

import base64
import gzip
import io
import json
import struct
import zipfile

import numpy as np
import pytest
from pages import TIMEOUT, play, wait
from PIL import Image, ImageDraw

REFUSED = "status of 400"
"""What the browser itself notes on its console, of an answer that says what is wrong."""
HOSTILE = "<img src=x onerror=alert(1)> =HYPERLINK(1) \u202e 很长的名字很长的名字很长的名字 {n}"


def picture(kind, number, size=(40, 32)):
    """A photograph of sorts: a dark disk or a dark bar, on a ground that is light at one side."""
    rng = np.random.default_rng(number)
    ground = np.linspace(120, 220, size[0])[None, :] + rng.normal(0, 15, (size[1], size[0]))
    image = Image.fromarray(np.clip(ground, 0, 255).astype(np.uint8)).convert("RGB")
    pen, at = ImageDraw.Draw(image), 3 * (number % 3)
    if kind == "disk":
        pen.ellipse([8 + at, 6, 26 + at, 24], fill=(10, 40, 20))
    else:
        pen.rectangle([4, 18 + at % 4, 36, 24 + at % 4], fill=(40, 10, 20))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def pictures(count=30, kinds=("disk", "bar")):
    return {f"shapes/{kind}/{i}.png": picture(kind, i) for kind in kinds for i in range(count)}


def zipped(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return file.getvalue()


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def put(folder, members):
    for name, body in members.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(body)


def give(page, name, body):
    """Choose one file; the card of what was understood."""
    page.set_input_files("[data-input=files]", {"name": name, "mimeType": "", "buffer": body})
    return understood(page, name)


def understood(page, name):
    card = page.locator(f"article.card[aria-label='{name}'][data-shown]")
    card.wait_for(timeout=TIMEOUT)
    return card


def said(page):
    page.wait_for_selector(".data .going .sentence:not(:empty)", timeout=TIMEOUT)
    return page.locator(".data .going .sentence")


def run_of(page):
    return page.evaluate("window.glassnet.model.get('run')")


def train(page):
    """Begin the training that is proposed; until the network's page shows it."""
    before = run_of(page)["run"]
    page.locator("article.card .train").click()
    wait(
        page,
        "before => window.glassnet.model.get('run').run !== before && location.hash.startsWith('#network')",
        before,
    )
    page.wait_for_selector("main.network .input")


def test_pictures_are_understood_trained_on_and_learned(open_tab):
    page = open_tab("#data")
    card = give(page, "shapes.zip", zipped(pictures() | {"shapes/notes.txt": b"x"}))
    assert "60 pictures in 2 classes: bar 30, disk 30. Made into 28×28 gray." in card.locator(".facts").inner_text()
    assert "They came as 40 × 32 pixels." in card.locator(".facts").inner_text()
    assert "To learn from: 50. To check by: 10, drawn at random. To test: none." in card.inner_text()
    assert card.locator(".classes li").evaluate_all("rows => rows.map(row => row.dataset.class)") == ["bar", "disk"]
    assert card.locator(".pair").count() == 8
    assert card.locator(".pair .original").count() == card.locator(".pair .made").count() == 8
    card.locator(".skipped summary").click()
    assert "shapes/notes.txt: no picture" in card.locator(".skipped").inner_text()
    assert not card.locator(".making [role=switch]").is_checked()  # they look like photographs

    train(page)
    run = run_of(page)
    assert (run["sizes"], run["classes"], run["side"]) == ([784, 16, 16, 2], ["bar", "disk"], 28)
    assert (run["data"]["train"], run["data"]["validation"], run["data"]["test"]) == (50, 10, 0)
    assert run["pictures"] == {"side": 28, "center": False}
    play(page)
    wait(page, "() => (window.glassnet.model.get('status').judged?.validation.accuracy ?? 0) >= 0.9")
    page.evaluate("window.glassnet.model.send({ do: 'pause' })")

    # What is drawn is made into an input as its pictures were: whole.
    assert not page.locator(".input .centering [role=switch]").is_checked()
    box = page.locator(".input .pad").bounding_box()
    page.mouse.move(box["x"] + 20, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 30, steps=3)
    page.mouse.up()
    wait(page, "() => window.glassnet.model.get('look').source === 'drawing'")
    assert page.evaluate("window.glassnet.model.get('look').centered") is False
    assert page.evaluate("window.glassnet.model.get('forward').input.slice(0, 14 * 28).some((x) => x > 0.3)")

    page.goto(f"{page.url.partition('#')[0]}#data")
    card = understood(page, "shapes.zip")
    assert "learns from it" in card.locator(".under").inner_text()
    assert card.get_by_role("button", name="Forget it").is_disabled()


def test_another_side_and_centering_are_seen_at_once_and_trained_on(open_tab):
    page = open_tab("#data")
    card = give(page, "sides.zip", zipped(pictures(8)))
    shown = "made => made.map((each) => [each.width, each.toDataURL()])"
    first = card.locator(".made").evaluate_all(shown)
    assert first[0][0] == 28
    card.get_by_label("Pixels").select_option("16")
    page.wait_for_selector("article.card[data-shown='16 false']")
    assert card.locator(".made").evaluate_all(shown)[0][0] == 16
    assert "Made into 16×16 gray" in card.locator(".facts").inner_text()
    assert "256 – 16 – 16 – 2" in card.locator(".go").inner_text()
    whole = card.locator(".made").evaluate_all(shown)
    card.locator(".making [role=switch]").focus()
    page.keyboard.press("Space")
    page.wait_for_selector("article.card[data-shown='16 true']")
    assert card.locator(".made").evaluate_all(shown) != whole
    train(page)
    run = run_of(page)
    assert (run["sizes"][0], run["side"], run["pictures"]) == (256, 16, {"side": 16, "center": True})
    assert page.locator(".input .centering [role=switch]").is_checked()
    assert "as every image of its data was" in page.locator(".input .centering").inner_text()


def test_a_folder_is_packed_and_sent(open_tab, tmp_path):
    page = open_tab("#data")
    put(tmp_path / "猫 and others", {name.removeprefix("shapes/"): body for name, body in pictures(4).items()})
    put(tmp_path / "猫 and others", {".DS_Store": b"x", "disk/Thumbs.db": b"x"})
    page.set_input_files("[data-input=folder]", tmp_path / "猫 and others")
    card = understood(page, "猫 and others")
    assert "8 pictures in 2 classes" in card.locator(".facts").inner_text()
    assert card.locator(".skipped").count() == 0


def test_idx_files_are_chosen_together(open_tab):
    page = open_tab("#data")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (24, 9, 9), np.uint8)
    labels = (np.arange(24) % 3).astype(np.uint8)
    files = {
        "some-images": bytes([0, 0, 8, 3]) + struct.pack(">3I", *pixels.shape) + pixels.tobytes(),
        "some-labels.gz": gzip.compress(bytes([0, 0, 8, 1]) + struct.pack(">I", 24) + labels.tobytes()),
    }
    page.set_input_files(
        "[data-input=files]", [{"name": name, "mimeType": "", "buffer": body} for name, body in files.items()]
    )
    card = understood(page, "some-images")
    assert "24 examples in 3 classes: 0 8, 1 8, 2 8. 9×9 numbers each" in card.locator(".facts").inner_text()
    assert card.locator(".made").first.evaluate("made => made.width") == 9
    assert card.locator(".making").count() == 0
    train(page)
    assert run_of(page)["sizes"] == [81, 16, 16, 3]


def test_numbers_to_predict_are_trained_on(open_tab):
    page = open_tab("#data")
    x = np.random.default_rng(0).normal(0, 1, (120, 3)).astype(np.float32)
    card = give(page, "numbers.npz", npz(x=x, y=x[:, :1] * 0.5))
    assert "120 examples, each with numbers to predict: 1. 3 numbers each" in card.locator(".facts").inner_text()
    assert f"{x[0, 0]:.2f}".replace("-", "−") in card.locator(".numbers").first.inner_text()
    train(page)
    run = run_of(page)
    assert (run["sizes"], run["classes"], run["settings"]["cost"]) == ([3, 16, 16, 1], None, "squared_error")
    assert run["activations"][-1] == "identity"
    assert page.locator(".input [role=tab]").all_inner_texts() == ["Examples", "More"]


@pytest.mark.parametrize(
    ("name", "body", "says"),
    [
        ("notes.txt", b"just text", "notes.txt is neither a zip nor an .npz file"),
        ("one.png", picture("disk", 0), "one.png is one picture: give a folder of pictures"),
        ("broken.zip", zipped(pictures(2))[:-40], "broken.zip is not a whole zip file"),
        ("cats.zip", zipped({"cat/1.png": picture("disk", 0)}), "All pictures of cats.zip are of one class, 'cat'"),
        ("empty.npz", b"", "empty.npz is empty"),
    ],
)
def test_a_wrong_file_is_a_sentence_and_nothing_is_kept(open_tab, name, body, says):
    page = open_tab("#data")
    page.tab.expected = (REFUSED,)
    page.wait_for_selector(".list button")
    before = page.locator(".list button").count()
    page.set_input_files("[data-input=files]", {"name": name, "mimeType": "", "buffer": body})
    page.wait_for_selector(".data .going .wrong")
    assert says in said(page).inner_text()
    assert page.locator(".list button").count() == before
    assert page.locator(".zone").is_enabled()


DROP = """async ([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0))], name));
  const fire = (kind) => document.querySelector('.data .zone').dispatchEvent(
    new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
  const held = fire('dragover') === false && document.querySelector('section.data').classList.contains('dropping');
  return held && fire('drop') === false;
}"""


def test_a_file_is_dropped_anywhere_on_the_page(open_tab):
    page = open_tab("#data")
    page.wait_for_selector("article.card")
    assert page.evaluate(DROP, ["dropped.zip", base64.b64encode(zipped(pictures(3))).decode()])
    understood(page, "dropped.zip")
    assert page.locator("section.data.dropping").count() == 0


def test_a_dropped_folder_is_walked_through(open_tab):
    page = open_tab("#data")
    found = page.evaluate(
        """async () => {
          const { dropped, nameOf } = await import('/data/collect.js');
          const file = (path) => ({ isFile: true, fullPath: path, name: path.split('/').pop(),
            file: (done) => done(new File(['x'], path.split('/').pop())) });
          const folder = (path, inside) => ({ isFile: false, fullPath: path, name: path.split('/').pop(),
            createReader: () => { const rest = [inside.slice(0, 1), inside.slice(1), []];
              return { readEntries: (done) => done(rest.shift()) }; } });
          const all = folder('/mine', [folder('/mine/cat', [file('/mine/cat/1.png'), file('/mine/cat/2.png')]),
            file('/mine/.DS_Store'), folder('/mine/__MACOSX', [file('/mine/__MACOSX/1.png')])]);
          const items = await dropped({ items: [{ webkitGetAsEntry: () => all }] });
          return [items.map(({ path }) => path), nameOf(items)];
        }"""
    )
    assert found == [["mine/cat/1.png", "mine/cat/2.png"], "mine"]


@pytest.mark.parametrize("count", [3, 66_000])
def test_what_the_page_packs_is_a_whole_zip(open_tab, count):
    page = open_tab("#data")
    text = page.evaluate(
        """async (count) => {
          const { zip } = await import('/data/zip.js');
          const items = Array.from({ length: count }, (_, i) => {
            return { path: `f/猫/${i}.txt`, file: new File([i === 1 ? 'x'.repeat(5e6) : String(i)], 'a') };
          });
          const blob = await zip(items, () => {}, new AbortController().signal);
          const reader = new FileReader();
          const read = new Promise((done) => (reader.onload = () => done(reader.result.split(',')[1])));
          reader.readAsDataURL(blob);
          return read;
        }""",
        count,
    )
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(text))) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == count
        assert archive.read("f/猫/2.txt") == b"2"
        assert archive.read("f/猫/1.txt") == b"x" * 5_000_000


def test_an_upload_says_how_far_it_is_and_can_be_canceled(open_tab):
    page = open_tab("#data")
    page.route("**/api/data?*", lambda route: None)  # the line is slow
    page.tab.expected = ("net::",)
    page.set_input_files("[data-input=files]", {"name": "slow.zip", "mimeType": "", "buffer": zipped(pictures(2))})
    page.locator(".busy:not([hidden])").wait_for()
    assert page.locator(".zone").is_disabled()
    page.get_by_role("button", name="Cancel").click()
    wait(page, "() => document.querySelector('.data .going .sentence').textContent.startsWith('Canceled')")
    assert page.locator(".zone").is_enabled()


def test_many_classes_with_hostile_names_are_text_everywhere(open_tab):
    page = open_tab("#data")
    names = np.array([HOSTILE.format(n=n) for n in range(300)])
    x = np.random.default_rng(0).random((600, 64)).astype(np.float32)
    card = give(page, "many.npz", npz(x=x, y=names[np.arange(600) % 300]))
    assert "600 examples in 300 classes." in card.locator(".facts").inner_text()
    assert card.locator(".classes").first.locator("li").count() == 20
    card.get_by_text("280 more classes").click()
    assert card.locator(".others li").count() == 180
    assert "and 100 more" in card.inner_text()
    assert page.locator("main img").count() == 0
    train(page)
    assert page.locator("main img").count() == 0
    page.locator("[data-tab=images]").click()
    page.wait_for_selector(".browse .thumb")
    assert page.locator(".browse select").first.locator("option").count() == 2
    panel = page.locator(".input")
    assert panel.evaluate("el => el.scrollWidth <= el.clientWidth + 1")


def test_data_is_forgotten(open_tab):
    page = open_tab("#data")
    card = give(page, "away.zip", zipped(pictures(3)))
    card.get_by_role("button", name="Forget it").click()
    card.get_by_role("button", name="Keep").click()
    card.get_by_role("button", name="Forget it").click()
    card.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="away.zip").wait_for(state="detached")
    assert said(page).inner_text() == "Forgotten."


def test_the_zone_is_a_button_and_all_goes_by_keys(open_tab):
    page = open_tab("#data")
    # Playwright asks the browser for its file choosers without waiting for the answer: a key could be faster.
    page.on("filechooser", lambda _: None)
    page.locator(".zone").focus()
    page.wait_for_function("() => document.activeElement.matches('.zone')")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files({"name": "keys.zip", "mimeType": "", "buffer": zipped(pictures(3))})
    understood(page, "keys.zip")
    wait(page, "() => document.activeElement.textContent === 'keys.zip'")  # whoever waited is taken to it
    for name, label in (("files", "Choose files …"), ("folder", "Choose a folder …")):
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name=label).press("Enter")
        assert chooser.value.is_multiple() or name == "folder"


def test_a_pupil_is_offered_no_page_of_data_and_the_view_itself_no_way_to_change_it(open_tab):
    page = open_tab()
    page.evaluate("window.glassnet.model.set('role', 'pupil')")
    assert not page.locator("nav [data-view=data]").is_visible()
    page.evaluate(
        """async () => {
          const { render } = await import('/data/view.js');
          const el = document.querySelector('main').appendChild(document.createElement('section'));
          el.className = 'data';
          window.away = render({ model: window.glassnet.model, el });
        }"""
    )
    page.wait_for_selector("section.data .list [data-id=mnist]", state="attached")
    page.evaluate("document.querySelector('section.data .list [data-id=mnist]').click()")
    page.wait_for_selector("article.card[data-id=mnist][data-shown]", state="attached")
    assert "70,000 pictures in 10 classes" in page.locator("article.card").text_content()
    for part in (".zone", "input[type=file]", ".making", ".train", ".under > button"):
        assert page.locator(f"section.data {part}").count() == 0
    page.evaluate("window.away()")


@pytest.mark.parametrize("language", ["en-US", "zh-CN"])
def test_it_fits_a_phone_in_both_languages(open_tab, language):
    page = open_tab("#data", viewport={"width": 390, "height": 844}, locale=language)
    card = give(page, f"phone-{language}.zip", zipped(pictures(12)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    text = page.locator("section.data").inner_text()
    assert ("24 张图片，分为 2 个类别" in text) == (language == "zh-CN")
    assert "data." not in text
    boxes = card.locator(".pair").evaluate_all("all => all.map((each) => each.getBoundingClientRect().right)")
    assert max(boxes) <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_no_serious_finding(open_tab, scheme):
    from axe_playwright_python.sync_playwright import Axe

    page = open_tab("#data", color_scheme=scheme, bypass_csp=True)  # axe is injected as a script
    give(page, f"axe-{scheme}.zip", zipped(pictures(3) | {"shapes/x.txt": b"x"}))
    serious = [
        (each["id"], node["target"], node["failureSummary"])
        for each in Axe().run(page).response["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    assert serious == []


def test_another_tab_sees_what_came(open_tab):
    one = open_tab("#data")
    give(one, "shared.zip", zipped(pictures(3)))
    other = open_tab("#data", like=one)
    other.get_by_role("button", name="shared.zip").click()
    assert json.loads(json.dumps(understood(other, "shared.zip").get_attribute("data-id"))).isdecimal()
