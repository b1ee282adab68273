"""Parcels: what a run is sent as, that it arrives whole, and what is refused."""

import io
import json
import os
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from small_run import npz, plan_on, run_on, same

from glassnet import (
    Network,
    Run,
    Stepped,
    WrongFile,
    WrongValue,
    evaluate,
    last,
    mnist,
    pretrained,
    save_network,
    train,
)
from glassnet.data.deform import Elastic
from glassnet.engine import ARITHMETIC
from glassnet.interchange import read_checkpoint, read_network, safetensors, save_checkpoint
from glassnet.runs.plans import answer_of, begun, fingerprint, reopened
from glassnet.runs.recipes import PRETRAINED, recipe
from glassnet.studio import parcels
from glassnet.studio.parcels import FILES, named_file, packed, plan_of_pretrained, settings_of, unpacked
from glassnet.studio.trainer import check
from glassnet.watch import record


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    return npz(tmp_path_factory.mktemp("data"))


@pytest.fixture
def run(stripes, tmp_path):
    """A run in the midst of its training, with a change on its way."""
    run, plan = run_on(tmp_path / "runs", stripes)
    run.save_first(plan.checkpoint)
    events = record(
        train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint, every=5), run
    )
    for event in events:
        if event.checkpoint.epoch == 2:
            break
    events.save(event.checkpoint)
    slower = replace(event.checkpoint.settings, epochs=9)
    started = next(train(None, plan.splits.train, start=replace(event.checkpoint, settings=slower)))
    run.append([{"event": "started", "step": 40, "at": [2, 0], "examples": 200, "settings": slower.to_data()}])
    run.save(started.checkpoint)
    run.note(name="stripes & more", bookmarks=[{"bookmark": 1, "name": "here", "at": [1, 0]}])
    return run


def sent(run, tmp_path, what="all", name=None):
    """The file that a browser would have saved."""
    file_name, _, content = named_file(run, what)
    path = tmp_path / (name or file_name)
    with content:
        path.write_bytes(content.read())
    return path


def taken(path, tmp_path, *known, **options):
    folder = tmp_path / "taken"
    folder.mkdir()
    return unpacked(path, path.name, folder, [["mnist"], *([str(each)] for each in known)], **options)


def rezipped(path, change):
    """The parcel with other contents: ``change`` is given a dict of them."""
    with zipfile.ZipFile(path) as parcel:
        files = {name: parcel.read(name) for name in parcel.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as parcel:
        for name, body in files.items():
            parcel.writestr(name, body)
    return path


# ── Out and in ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_arrives_with_the_same_bytes_and_can_go_on(run, stripes, tmp_path):
    path = sent(run, tmp_path)
    assert path.name == "stripes - more.zip"
    arrived = taken(path, tmp_path, stripes)
    for name in ("checkpoint.safetensors", "first.safetensors", "best.safetensors", "events.jsonl"):
        assert (arrived.path / name).read_bytes() == (run.path / name).read_bytes()
    assert arrived.about["name"] == "stripes & more"
    assert arrived.about["bookmarks"] == run.about["bookmarks"]
    assert arrived.about["data"] == run.about["data"]
    plans = [reopened(each) for each in (run, arrived)]
    one, other = (last(train(None, plan.splits.train, start=plan.checkpoint)) for plan in plans)
    assert same(one, other)


def test_what_leaves_names_no_folder_of_this_machine(run, stripes, tmp_path):
    run.note(**{"from": str(stripes.parent / "elsewhere" / "run")})
    with packed(run) as content, zipfile.ZipFile(content) as parcel:
        assert set(parcel.namelist()) == set(FILES)
        for name in parcel.namelist():
            assert str(stripes.parent).encode() not in parcel.read(name)
        about = json.loads(parcel.read("run.json"))
    assert about["data"]["sources"] == ["stripes.npz"]
    assert about["from"] == "run"
    assert str(stripes.parent) not in json.dumps(settings_of(run))


def test_the_same_run_makes_the_same_parcel(run):
    with packed(run) as one, packed(run) as other:
        assert one.read() == other.read()


def test_a_record_that_is_being_written_is_sent_up_to_its_last_whole_line(run):
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "stepp')
    with packed(run) as content, zipfile.ZipFile(content) as parcel:
        assert parcel.read("events.jsonl").endswith(b"}\n")


def test_the_settings_say_what_was_changed_and_begin_the_same_run_again(run, stripes, tmp_path):
    path = sent(run, tmp_path, "settings")
    given = json.loads(path.read_text(encoding="utf-8"))
    assert given["name"] == "stripes & more"
    assert given["sizes"] == [64, 16, 16, 3]
    assert given["data"]["names"] == ["stripes.npz"]
    assert [each["at"] for each in given["changes"]] == [[2, 0]]
    arrived = taken(path, tmp_path, stripes)
    assert same(arrived.network(), run.first().network)
    assert arrived.checkpoint().settings == run.checkpoint().settings
    assert same(arrived.first().network, arrived.network())


def test_settings_say_how_images_are_deformed(stripes, tmp_path):
    made, plan = run_on(tmp_path, stripes, {"deform": "elastic(alpha=8, sigma=2)"})
    made.save_first(plan.checkpoint)
    path = sent(made, tmp_path, "settings")
    assert taken(path, tmp_path, stripes).checkpoint().settings.deform == Elastic(alpha=8, sigma=2)
    (tmp_path / "taken").rename(tmp_path / "first")
    given = json.loads(path.read_text(encoding="utf-8"))
    given["settings"]["deform"] = {"name": "twirl"}
    path.write_text(json.dumps(given))
    with pytest.raises(WrongValue, match="unknown deformation 'twirl'"):
        taken(path, tmp_path, stripes)
    (tmp_path / "taken").rmdir()
    del given["settings"]["deform"]  # of before there were any
    path.write_text(json.dumps(given))
    assert taken(path, tmp_path, stripes).checkpoint().settings.deform is None


@pytest.mark.parametrize("name", PRETRAINED)
def test_a_trained_network_goes_on_gently(name):
    """It is the file's network, on the data of its recipe, and a thousand steps leave it as good as it was."""
    plan = plan_of_pretrained(name)
    assert same(plan.checkpoint.network, pretrained(name))
    settings, base = plan.checkpoint.settings, recipe(name).settings
    assert (settings.cost, settings.deform, settings.batch_size) == (base.cost, base.deform, base.batch_size)
    assert (len(plan.splits.train), plan.splits.validation) == (60_000, None)  # it has seen them all
    assert plan.about["data"]["fingerprint"] == fingerprint(plan.splits.train)
    check(plan)

    def right(network):
        return evaluate(network, mnist().test, settings.cost, answer_of(network)).accuracy

    for event in train(None, plan.splits.train, start=plan.checkpoint, every=1000):
        if isinstance(event, Stepped):
            break
    assert right(event.checkpoint.network) == pytest.approx(right(pretrained(name)), abs=0.004)
    assert not same(event.checkpoint.network, pretrained(name))


def test_one_network_and_one_checkpoint(tmp_path):
    plan = begun(recipe("plain"), {"epochs": 1})
    run = Run.create(tmp_path / "run", plan.about)
    run.save(plan.checkpoint)
    network = sent(run, tmp_path, "network", "network.safetensors")
    assert same(read_network(network)[0], run.network())
    with pytest.raises(WrongFile, match="no checkpoint"):
        read_checkpoint(network)
    arrived = taken(network, tmp_path)
    assert same(arrived.network(), run.network())
    assert arrived.about["name"] == "network"
    assert arrived.about["data"]["sources"] == ["mnist"]
    (tmp_path / "taken").rename(tmp_path / "first")
    checkpoint = sent(run, tmp_path, "checkpoint", "checkpoint.safetensors")
    assert checkpoint.read_bytes() == (run.path / "checkpoint.safetensors").read_bytes()
    assert taken(checkpoint, tmp_path).checkpoint().settings == plan.checkpoint.settings


def test_a_network_alone_is_gone_on_with_by_the_cost_of_its_training(tmp_path):
    # Sigmoid outputs trained by binary cross-entropy: of the file alone one would have guessed the squared error.
    plan = begun(recipe("chapter3"), {"epochs": 1}, sizes=(784, 4, 10))
    run = Run.create(tmp_path / "run", plan.about)
    run.save(plan.checkpoint)
    arrived = taken(sent(run, tmp_path, "network", "network.safetensors"), tmp_path)
    assert arrived.checkpoint().settings.cost.name == "binary_cross_entropy"


def test_a_newer_state_than_that_on_disk(run, tmp_path):
    now = replace(run.checkpoint(), example=50)
    _, _, content = named_file(run, "checkpoint", now)
    path = tmp_path / "now.safetensors"
    with content:
        path.write_bytes(content.read())
    assert read_checkpoint(path)[0].example == 50


@pytest.mark.parametrize(
    ("name", "file"),
    [("../../etc/passwd", "etc-passwd.zip"), ('a"b\r\nc', "a-b-c.zip"), ("数字", "数字.zip"), ("...", "run.zip")],
)
def test_a_file_is_named_so_that_every_system_takes_it(run, name, file):
    run.about["name"] = name
    found, _, content = named_file(run, "all")
    content.close()
    assert found == file


def test_there_are_four_files_of_a_run(run):
    with pytest.raises(WrongValue, match="ask for network, checkpoint, settings or all"):
        named_file(run, "secret")


# ── What is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


def refused(path, tmp_path, *known, **options):
    """The one sentence that says why; it names no folder of this machine."""
    with pytest.raises((WrongFile, WrongValue)) as caught:
        taken(path, tmp_path, *known, **options)
    text = str(caught.value)
    assert str(tmp_path) not in text
    assert "\n" not in text
    return text


def test_data_that_this_studio_does_not_have(run, stripes, tmp_path):
    path = sent(run, tmp_path)
    text = refused(path, tmp_path)
    assert "trained on stripes.npz that this studio does not have" in text
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / "taken").rename(tmp_path / "before")
    assert "does not have" in refused(path, tmp_path, npz(other, count=241))


def test_a_parcel_whose_description_was_changed_on_the_way_is_refused(run, stripes, tmp_path):
    def change(files):
        files["run.json"] = files["run.json"].replace(b'"seed": 0', b'"seed": 1')

    assert "run.json is damaged: it is not as glassnet wrote it" in refused(
        rezipped(sent(run, tmp_path), change), tmp_path, stripes
    )


def test_a_zip_never_reads_data_that_it_names_itself(run, stripes, tmp_path):
    change = broken("run.json", lambda about: about["data"].update(sources=[str(stripes)]))
    assert "does not have" in refused(rezipped(sent(run, tmp_path), change), tmp_path)


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "moments/0-10.safetensors", "a\\b", "RUN.JSON", "run.json/"])
def test_files_that_no_run_has(run, stripes, tmp_path, name):
    path = rezipped(sent(run, tmp_path), lambda files: files.update({name: b"x"}))
    assert "which is no file of a run" in refused(path, tmp_path, stripes)
    assert not any((tmp_path / "taken").iterdir())


@pytest.mark.parametrize("name", ["run.json", "checkpoint.safetensors"])
def test_files_that_every_run_has(run, stripes, tmp_path, name):
    path = rezipped(sent(run, tmp_path), lambda files: files.pop(name))
    assert f"it has no {name}" in refused(path, tmp_path, stripes)


def test_a_zip_that_floods(run, stripes, tmp_path):
    path = sent(run, tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as parcel, pytest.warns(UserWarning, match="Duplicate"):
        parcel.writestr("events.jsonl", b"\n" * 2_000_000)
    assert "twice" in refused(path, tmp_path, stripes)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parcel:
        parcel.writestr("events.jsonl", b"\n" * 2_000_000)
    (tmp_path / "taken").rmdir()
    assert "grows 200 times" in refused(path, tmp_path, stripes)


def test_a_zip_that_lies_about_its_sizes(run, stripes, tmp_path, monkeypatch):
    monkeypatch.setitem(FILES, "events.jsonl", 1000)
    path = sent(run, tmp_path)
    assert "larger than" in refused(path, tmp_path, stripes)
    entry = zipfile.ZipInfo("events.jsonl")
    out = io.BytesIO()
    with pytest.raises(WrongFile, match="larger than"):
        parcels._unpour(io.BytesIO(b"x" * 2000), out, 1000, entry.filename, "a.zip")


def test_a_zip_with_a_table_of_contents_of_millions(tmp_path):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as parcel:
        for number in range(2000):
            parcel.writestr(f"{number}", b"")
    assert "more than a run's files" in refused(path, tmp_path)
    with path.open("ab") as file:
        file.write(b"behind its end")
    (tmp_path / "taken").rmdir()
    assert "its end is missing" in refused(path, tmp_path)


def test_every_cut_of_a_zip_is_refused_in_a_sentence(run, stripes, tmp_path):
    path = sent(run, tmp_path)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in rng.integers(1, len(whole), 40):
        path.write_bytes(whole[:at])
        refused(path, tmp_path, stripes)
        for each in (tmp_path / "taken").iterdir():
            each.unlink()
        (tmp_path / "taken").rmdir()


def broken(name, change):
    """Something else in the JSON of a file, without the seal that would say so at once."""

    def apply(files):
        value = {key: each for key, each in json.loads(files[name]).items() if key not in ("sealed", "checksum")}
        change(value)
        files[name] = json.dumps(value).encode()

    return apply


@pytest.mark.parametrize(
    "change",
    [
        lambda files: files.update({"run.json": b"[1]"}),
        lambda files: files.update({"run.json": b"[" * 100_000}),
        lambda files: files.update({"checkpoint.safetensors": b"no safetensors at all"}),
        lambda files: files.update({"best.safetensors": b""}),
        lambda files: files.update({"events.jsonl": b"nonsense\n"}),
        lambda files: files.update({"events.jsonl": b'{"event": "stepped", "step": 1, "at": [-4, 1], "cost": 1}\n'}),
        lambda files: files.update({"events.jsonl": b'{"event": "stepped", "step": 1, "at": [1' + b"0" * 400 + b', 1]}\n'}),
        lambda files: files.update({"events.jsonl": b'{"event": "started", "step": 1, "at": [1, 0], "settings": 7}\n'}),
        lambda files: files.update({"events.jsonl": b'{"event": {}, "step": 1, "at": [1, 0]}\n'}),
        broken("run.json", lambda about: about.pop("data")),
        broken("run.json", lambda about: about.update(data={"fingerprint": 3})),
        broken("run.json", lambda about: about["data"].update(seed=-1)),
        broken("run.json", lambda about: about["data"].update(validation="all")),
        broken("run.json", lambda about: about.update(engine="warp")),
    ],
)  # fmt: skip
def test_damaged_files_are_refused(run, stripes, tmp_path, change):
    refused(rezipped(sent(run, tmp_path), change), tmp_path, stripes)


def test_numbers_that_are_none_are_refused(run, stripes, tmp_path, monkeypatch):
    checkpoint = run.checkpoint()
    layers = list(checkpoint.network.layers)
    weight = layers[0].weight.copy()
    weight[0, 0] = np.nan
    layers[0] = replace(layers[0], weight=weight)
    monkeypatch.setattr(
        safetensors.np, "isfinite", lambda array: np.ones_like(array, bool)
    )  # no version of ours saves it
    save_checkpoint(
        run.path / "checkpoint.safetensors",
        replace(checkpoint, network=Network(tuple(layers), checkpoint.network.activations)),
    )
    monkeypatch.undo()
    body = (run.path / "checkpoint.safetensors").read_bytes()
    run.save(checkpoint)
    path = rezipped(sent(run, tmp_path), lambda files: files.update({"checkpoint.safetensors": body}))
    assert "NaN" in refused(path, tmp_path, stripes)


def test_networks_of_two_runs_in_one_parcel(run, stripes, tmp_path):
    other = plan_on(stripes, sizes=[64, 5, 3]).checkpoint
    save_checkpoint(tmp_path / "other", other)
    body = (tmp_path / "other").read_bytes()
    path = rezipped(sent(run, tmp_path), lambda files: files.update({"first.safetensors": body}))
    assert "not all of one run" in refused(path, tmp_path, stripes)


def test_what_a_run_says_of_itself_is_kept_only_where_it_can_be_true(run, stripes, tmp_path):
    def change(about):
        about.update(
            name="two\nlines\x07", recipe=["small"], classes=[1, 2], patience=-4, evil={"a": 1}, bookmarks=[{"at": 3}]
        )

    arrived = taken(rezipped(sent(run, tmp_path), broken("run.json", change)), tmp_path, stripes)
    assert arrived.about["name"] == "two lines"
    assert not {"recipe", "classes", "patience", "evil", "bookmarks"} & set(arrived.about)
    assert arrived.about["arithmetic"] == ARITHMETIC


@pytest.mark.parametrize("lie", ["2", True, 0, 10**30, None])
def test_an_arithmetic_that_cannot_be_is_not_kept(run, stripes, tmp_path, lie):
    path = rezipped(sent(run, tmp_path), broken("run.json", lambda about: about.update(arithmetic=lie)))
    assert "arithmetic" not in taken(path, tmp_path, stripes).about


def test_a_network_that_is_too_large_to_show(run, stripes, tmp_path):
    def too_large(sizes):
        raise WrongValue(f"a network of {tuple(sizes)} is too large")

    for what in ("all", "settings"):
        text = refused(sent(run, tmp_path, what), tmp_path, stripes, check_sizes=too_large)
        assert "too large" in text
        for each in (tmp_path / "taken").iterdir():
            each.unlink()
        (tmp_path / "taken").rmdir()


def test_a_network_that_does_not_go_with_mnist(run, tmp_path):
    text = refused(sent(run, tmp_path, "network"), tmp_path)
    assert "from 64 numbers to 3, and MNIST" in text
    assert "send the whole run" in text


_EMPTY = {"format": 1, "settings": 1, "sizes": [784, 10], "activations": [{"name": "sigmoid"}], "data": 1}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"\x89PNG\r\n\x1a\n" + b"x" * 100,
        b"x" * 8 + b"{" + b"y" * 50,
        b"{",
        b"{}",
        *(json.dumps({**_EMPTY, **each}).encode() for each in ({}, {"format": 2}, {"sizes": [1]}, {"activations": []})),
    ],
)
def test_what_is_no_run_at_all(body, tmp_path):
    path = tmp_path / "a file.bin"
    path.write_bytes(body)
    text = refused(path, tmp_path)
    assert len(text) < 400


def test_settings_that_name_other_sizes_than_their_data_has(run, stripes, tmp_path):
    path = sent(run, tmp_path, "settings")
    given = json.loads(path.read_text())
    path.write_text(json.dumps({**given, "sizes": [65, 16, 16, 3]}))
    assert "do not fit its data" in refused(path, tmp_path, stripes)


def test_a_network_saved_by_hand(tmp_path):
    save_network(tmp_path / "mine.safetensors", Network.random((784, 12, 10)))
    run = taken(tmp_path / "mine.safetensors", tmp_path)
    assert run.about["name"] == "mine"
    assert run.checkpoint().epoch == 0
    assert os.listdir(run.path).count("first.safetensors") == 1
