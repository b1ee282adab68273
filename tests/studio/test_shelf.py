"""The shelf: what the list says of runs, what is done with them, and what no page can reach by it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import numpy as np
import pytest
from serving import served
from small_run import frame_of, npz, plan_on, run_on, same, until

from glassnet import Run, WrongFile, WrongValue, mnist, pretrained, train
from glassnet.files import NotSaved
from glassnet.runs.recipes import PRETRAINED
from glassnet.studio import shelf as module
from glassnet.studio.charts import Charts
from glassnet.studio.frames import unpack
from glassnet.studio.parcels import MOST
from glassnet.studio.session import Session
from glassnet.studio.shelf import RUNS
from glassnet.watch import record


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    return npz(tmp_path_factory.mktemp("data"))


@pytest.fixture
def runs(tmp_path):
    """The folder in which the command line puts its runs; the studio's home is in it."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def other(runs, stripes):
    """A run of the command line, trained to its end."""
    plan = plan_on(stripes, {"epochs": 3})
    run = Run.create(runs / "small", plan.about)
    for _ in record(train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint), run):
        pass
    return run


@pytest.fixture
def session(runs, stripes):
    made = Session(runs / "studio", data=[str(stripes)])
    yield made
    made.close()


@pytest.fixture
def shelf(session):
    return session.shelf


@pytest.fixture
def tab(session):
    return session.tab(lambda: None)


def again(session):
    """Another run, so that the one before can be thrown away."""
    return str(session.begin(session.planned({})))


def entry(shelf, name):
    return next(each for each in shelf.listed()["runs"] if each["run"] == name)


def names(shelf):
    return {each["run"] for each in shelf.listed()["runs"]}


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_list_has_the_runs_of_the_studio_and_of_the_command_line(shelf, other, session):
    assert names(shelf) == {"1", "../small"}
    mine, theirs = entry(shelf, "1"), entry(shelf, "../small")
    assert (mine["own"], mine["current"], mine["live"], mine["damaged"]) == (True, True, False, None)
    assert (theirs["own"], theirs["current"], theirs["live"]) == (False, False, False)  # it has finished
    assert theirs["sizes"] == [64, 16, 16, 3]
    assert theirs["activations"] == ["sigmoid"] * 3
    assert theirs["count"] == 64 * 16 + 16 + 16 * 16 + 16 + 16 * 3 + 3
    assert (theirs["epoch"], theirs["epochs"], theirs["step"], theirs["examples"]) == (3, 3, 60, 200)
    assert theirs["settings"]["optimizer"] == "sgd"
    assert theirs["recipe"] == "plain"
    assert theirs["data"]["names"] == ["stripes.npz"]
    last = [event for event in other.events() if event["event"] == "epoch"][-1]
    assert (theirs["accuracy"], theirs["cost"]) == (last["validation_accuracy"], last["validation_cost"])
    assert abs(theirs["created"] - time.time()) < 3600
    assert theirs["bytes"] == sum(path.stat().st_size for path in other.path.iterdir())


def test_the_newest_is_the_first(shelf, other, session):
    os.utime(other.path / "run.json", (1, 1))
    for path in other.path.iterdir():
        os.utime(path, (1, 1))
    assert [each["run"] for each in shelf.listed()["runs"]] == ["1", "../small"]


@pytest.mark.parametrize(
    ("file", "body", "said"),
    [
        ("run.json", b"{", "run.json is damaged"),
        ("run.json", b"[]", "does not describe a run"),
        ("run.json", b" " * 2**21, "larger than"),
        ("checkpoint.safetensors", b"", "checkpoint is damaged"),
        ("checkpoint.safetensors", b"\xff" * 100, "checkpoint is damaged"),
        ("checkpoint.safetensors", b"\x02\0\0\0\0\0\0\0{}", "checkpoint is damaged"),
        ("checkpoint.safetensors", None, "no checkpoint yet"),
        ("run.json", None, "no run.json"),
    ],
)
def test_a_damaged_run_is_listed_still_and_can_be_thrown_away(shelf, session, stripes, file, body, said):
    run, _ = run_on(session.home, stripes)
    (run.path / file).unlink()
    if body is not None:
        (run.path / file).write_bytes(body)
    found = entry(shelf, "2")
    assert said in found["damaged"]
    assert str(session.home) not in found["damaged"]
    with pytest.raises(WrongFile, match="cannot be compared"):
        shelf.do("compare", {"runs": ["1", "2"]})
    with pytest.raises(WrongFile):
        shelf.do("open", {"run": "2"})
    shelf.do("delete", {"run": "2"})
    assert names(shelf) == {"1"}


def test_a_damaged_record_takes_nothing_from_the_list_but_its_numbers(shelf, other):
    (other.path / "events.jsonl").write_bytes(b'{"validation": 7}\n"validation"\n' + b"[" * 100_000 + b'"validation"\n')
    found = entry(shelf, "../small")
    assert (found["damaged"], found["accuracy"], found["epoch"]) == (None, None, 3)


def test_the_list_reads_only_the_end_of_a_long_record(shelf, other, monkeypatch):
    long = other.path / "events.jsonl"
    line = b'{"event": "stepped", "step": 7, "at": [3, 0], "epoch": 3, "examples": 200, "cost": 0.5}\n'
    with long.open("ab") as file:
        for _ in range(30):
            file.write(line * 10_000)  # 26 MB
        file.write(b'{"event": "judged", "step": 7, "at": [3, 0], "validation": {"cost": 0.1, "accuracy": 0.75}}\n')
        file.write(line * 500)
    assert long.stat().st_size > 25e6
    read = []
    loads = json.loads
    monkeypatch.setattr(json, "loads", lambda text: read.append(len(text)) or loads(text))
    found = entry(shelf, "../small")
    assert (found["accuracy"], found["cost"]) == (0.75, 0.1)
    assert sum(read) < 100_000


def test_what_did_not_change_is_not_read_again(shelf, other, monkeypatch):
    shelf.listed()
    monkeypatch.setattr(module, "_described", lambda path: pytest.fail(f"{path} was read again"))
    shelf.listed()
    monkeypatch.undo()
    other.note(name="new")
    assert entry(shelf, "../small")["name"] == "new"


def test_hundreds_of_runs(shelf, other, session):
    for number in range(2, 300):
        shutil.copytree(other.path, session.home / str(number), copy_function=os.link)
    assert len(names(shelf)) == 300
    assert len(names(shelf)) < RUNS


def test_a_run_that_is_trained_elsewhere_is_live_until_it_has_finished(shelf, runs, stripes):
    plan = plan_on(stripes)
    run = Run.create(runs / "live", plan.about)
    events = record(train(None, plan.splits.train, start=plan.checkpoint, every=1), run)
    for event in events:
        if event.checkpoint.memory.step == 7:
            break
    events.save(event.checkpoint)
    assert entry(shelf, "../live")["live"]
    old = time.time() - 60
    for path in run.path.iterdir():
        os.utime(path, (old, old))
    assert not entry(shelf, "../live")["live"]


# ── What a page can reach ────────────────────────────────────────────────────────────────────────────────────────────

PATHS = ["..", ".", "", "/", "../..", "../studio", "../small/", "../small/../small", "..\\small", "1/", "1/../1", "01", "trash",
         "../../etc", "/etc", "1\0", "\ud800", "../" + "a" * 400, "٣", "secret"]  # fmt: skip


@pytest.mark.parametrize("command", ["open", "watch_run", "rename", "delete", "restore", "compare"])
def test_no_text_becomes_a_path(shelf, other, command):
    for path in PATHS:
        fields = {"run": path, "name": "x"} if command != "compare" else {"runs": [path]}
        with pytest.raises(WrongValue, match="there is no run"):
            shelf.do(command, fields)
    assert names(shelf) == {"1", "../small"}


def test_links_that_lead_out_are_not_listed(shelf, session, runs, other, tmp_path):
    elsewhere = shutil.copytree(other.path, tmp_path / "elsewhere")
    (runs / "link").symlink_to(elsewhere)
    (session.home / "7").symlink_to(elsewhere)
    assert names(shelf) == {"1", "../small"}
    session.home.joinpath("trash").symlink_to(elsewhere)
    again(session)
    with pytest.raises(WrongFile, match="link to elsewhere"):
        shelf.do("delete", {"run": "1"})
    assert shelf.do("empty", {}) == {"deleted": 0}
    assert (elsewhere / "run.json").exists()


# ── Names and the trash ──────────────────────────────────────────────────────────────────────────────────────────────


def test_rename(shelf, session, tab):
    tab.news()
    shelf.do("rename", {"run": "1", "name": "  my   first "})
    assert entry(shelf, "1")["name"] == "my first"
    assert Run.open(session.home / "1").about["name"] == "my first"
    assert tab.news()[0]["title"] == "my first"
    session.now().run.note(bookmarks=[])  # what else is noted keeps the name
    assert entry(shelf, "1")["name"] == "my first"


@pytest.mark.parametrize("name", [" ", "\n", "a\0b", "\u202e"])
def test_a_name_is_text_that_can_be_seen(shelf, name):
    with pytest.raises(WrongValue, match="letters that can be seen"):
        shelf.do("rename", {"run": "1", "name": name})


def test_runs_of_the_command_line_are_only_read(shelf, other):
    before = {path.name: path.read_bytes() for path in other.path.iterdir()}
    for command in ("rename", "delete"):
        with pytest.raises(WrongValue, match="only reads it"):
            shelf.do(command, {"run": "../small", "name": "x"})
    shelf.do("open", {"run": "../small"})
    assert {path.name: path.read_bytes() for path in other.path.iterdir()} == before


def test_delete_restore_and_empty(shelf, session):
    again(session)
    body = (session.home / "1" / "checkpoint.safetensors").read_bytes()
    shelf.do("rename", {"run": "1", "name": "old"})
    gone = shelf.do("delete", {"run": "1"})["trash"]
    listed = shelf.listed()
    assert [each["run"] for each in listed["runs"]] == ["2"]
    assert [(each["run"], each["name"], each["number"]) for each in listed["trash"]] == [(gone, "old", "1")]
    assert abs(listed["trash"][0]["deleted"] - time.time()) < 3600
    assert shelf.do("restore", {"run": gone}) == {"run": "1"}
    assert (session.home / "1" / "checkpoint.safetensors").read_bytes() == body
    assert shelf.listed()["trash"] == []
    shelf.do("delete", {"run": "1"})
    assert shelf.do("empty", {}) == {"deleted": 1}
    assert list((session.home / "trash").iterdir()) == []
    assert names(shelf) == {"2"}


def test_a_number_that_was_taken_meanwhile(shelf, session):
    again(session)
    gone = shelf.do("delete", {"run": "1"})["trash"]
    assert again(session) == "1"
    assert shelf.do("restore", {"run": gone}) == {"run": "3"}


def test_two_of_one_number_in_one_second(shelf, session, monkeypatch):
    monkeypatch.setattr(module.time, "strftime", lambda text: "20260101-000000")
    for _ in range(3):
        again(session)
    gone = [shelf.do("delete", {"run": "1"})["trash"]]
    for _ in range(2):
        again(session)
        again(session)
        gone.append(shelf.do("delete", {"run": "1"})["trash"])
    assert gone == ["1-20260101-000000", "1-20260101-000000.2", "1-20260101-000000.3"]
    assert {each["number"] for each in shelf.listed()["trash"]} == {"1"}


def test_the_run_that_is_open_stays(shelf):
    with pytest.raises(WrongValue, match="is open") as caught:
        shelf.do("delete", {"run": "1"})
    assert caught.value.code == "current"


def test_what_is_cut_off_is_in_one_place_or_the_other(shelf, session, monkeypatch):
    again(session)

    def fail(path, to):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "rename", fail)
    with pytest.raises(NotSaved, match="No space left"):
        shelf.do("delete", {"run": "1"})
    monkeypatch.undo()
    assert names(shelf) == {"1", "2"}
    assert entry(shelf, "1")["damaged"] is None
    moved = []
    rename = os.rename
    monkeypatch.setattr(module.os, "rename", lambda path, to: moved.append(path) or rename(path, to))
    shelf.do("delete", {"run": "1"})
    assert len(moved) == 1  # the whole operation is one rename


# ── Comparing ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_compare(shelf, other, session, tab):
    tab.do({"do": "step", "what": "epoch"})
    until(lambda: session.now().mode == "paused" and session.now().checkpoint.epoch == 1)
    reply, arrays = unpack(tab.do({"do": "compare", "id": 5, "runs": ["1", "../small"]}))
    assert (reply["id"], [each["run"] for each in reply["runs"]]) == (5, ["1", "../small"])
    # Places are counted in examples, whatever the minibatch is.
    found = Charts.of(other.events(), 200).arrays(1)[1]
    np.testing.assert_array_equal(arrays["run1_judged_examples"], found["judged_steps"])
    np.testing.assert_array_equal(arrays["run1_validation_accuracy"], found["validation_accuracy"])
    assert arrays["run1_judged_examples"][-1] == 600
    assert arrays["run0_cost_examples"][-1] == 200
    rows = {row["name"]: row["values"] for row in reply["differences"]}
    assert rows == {"epochs": [30, 3]}


def test_runs_of_other_sizes_and_optimizers(shelf, other, session, runs, stripes):
    plan = plan_on(stripes, {"optimizer": "adam", "batch_size": 20, "epochs": 3}, hidden=["relu"], seed=4)
    Run.create(runs / "adam", plan.about).save(plan.checkpoint)
    reply, arrays = shelf.do("compare", {"runs": ["../small", "../adam", "../adam"]})
    assert [each["run"] for each in reply["runs"]] == ["../small", "../adam"]
    rows = {row["name"]: row["values"] for row in reply["differences"]}
    assert rows["batch_size"] == [10, 20]
    assert rows["optimizer"] == ["sgd", "adam"]
    assert rows["momentum"] == [0, None]
    assert rows["activations"] == [["sigmoid"] * 3, ["relu", "relu", "sigmoid"]]
    assert rows["seed"] == [0, 4]
    assert "epochs" not in rows
    assert arrays["run1_cost"].shape == (0,)


def test_a_run_that_goes_on_is_compared_as_it_is_now(shelf, other):
    shelf.do("compare", {"runs": ["../small"]})
    other.append([{"event": "stepped", "step": 80, "at": [3, 200], "cost": 0.5}])
    _, arrays = shelf.do("compare", {"runs": ["../small"]})
    assert (arrays["run0_cost_examples"][-1], arrays["run0_cost"][-1]) == (800, 0.5)


# ── Opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_own_run_goes_on_where_it_was(shelf, session, tab):
    tab.do({"do": "step", "what": "minibatch"})
    network = session.now().weights.network
    again(session)
    assert session.now().step == 0
    assert shelf.do("open", {"run": "1"}) == {"run": "1"}
    assert session.now().step == 1
    assert same(session.now().weights.network, network)
    assert shelf.do("open", {"run": "1"}) == {"run": "1"}


def test_a_run_of_the_command_line_begins_a_new_one(shelf, session, other):
    assert shelf.do("open", {"run": "../small"}) == {"run": "2"}
    state = session.now()
    assert same(state.weights.network, other.network())
    assert state.run.about["from"] == str(other.path)
    assert entry(shelf, "2")["from"] == "small"
    assert entry(shelf, "2")["current"]


def test_a_trained_network_that_comes_with_glassnet_begins_a_run(shelf, session, tab):
    listed = {each["name"]: each for each in shelf.listed()["pretrained"]}
    assert list(listed) == list(PRETRAINED)
    assert listed["series"]["sizes"] == [784, 16, 16, 10]
    assert listed["small"]["activations"] == ["silu", "silu", "softmax"]
    for name, told in listed.items():  # asked in another way than the list does
        test = mnist().test
        right = pretrained(name)(test.inputs).argmax(axis=1) == test.labels
        assert told["accuracy"] == pytest.approx(right.mean())
    assert tab.do({"do": "pretrained", "name": "series"}) == {"run": "2"}
    state = session.now()
    assert same(state.weights.network, pretrained("series"))
    found = entry(shelf, "2")
    assert (found["title"], found["from"], found["recipe"]) == ("series, trained", "glassnet", "series")
    assert (found["epoch"], found["settings"]["schedule"], found["current"]) == (0, "constant", True)
    description = session.describe()
    assert (description["data"]["train"], description["data"]["validation"]) == (60_000, 0)
    assert description["made"]["fresh"] is False  # no link can make it anew
    # It is judged as any run, by what there is: images that it has learned from, which is said.
    judged = until(lambda: entry(shelf, "2")["accuracy"] and entry(shelf, "2"))
    assert judged["judged_on"] == "train"
    first = mnist().train.take(slice(0, 10_000))
    assert judged["accuracy"] == pytest.approx(
        (pretrained("series")(first.inputs).argmax(axis=1) == first.labels).mean()
    )
    tab.do({"do": "open", "run": "1"})
    assert entry(shelf, "1")["judged_on"] in (None, "validation")


def test_its_data_can_be_chosen_from_then_on(shelf, session, runs, tmp_path):
    (tmp_path / "more").mkdir()
    plan = plan_on(npz(tmp_path / "more", count=300))
    Run.create(runs / "more", plan.about).save(plan.checkpoint)
    shelf.do("open", {"run": "../more"})
    assert plan.about["data"]["sources"] in [each["sources"] for each in session.describe()["choices"]["data"]]


# ── Watching ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_watching_a_run_that_a_real_training_writes(shelf, session, tab, runs, stripes):
    command = [
        sys.executable,
        "-m",
        "glassnet",
        "train",
        "--data",
        str(stripes),
        "--validation",
        "40",
        "--epochs",
        "60000",
    ]
    process = subprocess.Popen([*command, "--out", str(runs / "live")], stderr=subprocess.DEVNULL)
    try:
        until(lambda: "../live" in names(shelf) and entry(shelf, "../live")["live"])
        tab.do({"do": "play"})
        tab.news()
        frame_of(tab)
        tab.do({"do": "watch_run", "run": "../live"})
        assert shelf.listed()["watching"] == {"run": "../live", "name": "live", "finished": False}
        assert session._trainer.state.mode == "paused"
        (told,) = tab.news()
        header, arrays = frame_of(tab)
        assert told["name"] == "live"
        assert header["run"] == told["run"] < 0  # no number of a run of the studio's
        assert header["status"]["mode"] == "watching"
        assert {"weight1", "cost_steps", "a3"} <= set(arrays)
        at = header["status"]["step"]
        until(lambda: (frame := tab.frame()) and unpack(frame)[0]["status"]["step"] > at)
        for command in ({"do": "play"}, {"do": "change", "learning_rate": 1.0}, {"do": "restart", "seed": 1}):
            with pytest.raises(WrongValue, match="only watched here") as caught:
                tab.do(command)
            assert caught.value.code == "watching"
        with pytest.raises(WrongValue, match="only watched"):  # of its past nothing is known here
            tab.do({"do": "answers", "source": "test", "rows": [1], "step": 0})
        tab.do({"do": "look", "look": 1, "source": "train", "row": 3})
        assert unpack(tab.do({"do": "mistakes", "id": 1, "source": "validation", "count": 3}))[0]["examples"] == 40
        process.terminate()
        process.wait(30)
        until(lambda: not entry(shelf, "../live")["live"], 30)
    finally:
        process.kill()
        process.wait()
    assert tab.do({"do": "unwatch"}) == {"watching": None}
    assert session.now().mode == "paused"
    assert tab.news()[0]["run"] == 1
    tab.do({"do": "step", "what": "minibatch"})


def test_a_training_that_finishes_is_said_and_stays(shelf, session, tab, other):
    shelf.do("watch_run", {"run": "../small"})
    assert shelf.listed()["watching"]["finished"]
    told = until(lambda: session.state()["status"]["notice"])
    assert told["code"] == "watched_finished"
    assert session.now().checkpoint.epoch == 3
    shelf.do("watch_run", {"run": "../small"})  # again: the one before is let go
    shelf.do("open", {"run": "1"})
    assert shelf.watched() is None


def test_only_what_is_there_can_be_watched(shelf, session, runs, stripes):
    with pytest.raises(WrongValue, match="open it instead"):
        shelf.do("watch_run", {"run": "1"})
    plan = plan_on(stripes)
    Run.create(runs / "new", plan.about)
    with pytest.raises(WrongFile, match="no checkpoint yet"):
        shelf.do("watch_run", {"run": "../new"})
    assert shelf.watched() is None


# ── By HTTP ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def server(session):
    with served(session, limits=module.LIMITS) as server:
        yield server


def test_download_here_upload_there(server, session, tab, stripes, tmp_path):
    tab.do({"do": "step", "what": "minibatch"})
    again(session)
    session.shelf.do("rename", {"run": "1", "name": "日本"})
    answer = server.ask("/api/runs/file?run=1&what=all", headers=server.program)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert (
        answer.headers["content-disposition"]
        == "attachment; filename=\"__.zip\"; filename*=UTF-8''%E6%97%A5%E6%9C%AC.zip"
    )
    assert int(answer.headers["content-length"]) == len(answer.content)

    there = Session(tmp_path / "there" / "studio", data=[str(stripes)])
    with served(there, limits=module.LIMITS) as other:
        sent = other.ask("/api/runs?name=a.zip", "POST", headers=other.program, content=answer.content)
        assert sent.json() == {"run": "2", "name": "日本"}
        for name in ("checkpoint.safetensors", "events.jsonl", "first.safetensors"):
            assert (there.home / "2" / name).read_bytes() == (session.home / "1" / name).read_bytes()
        there.shelf.do("open", {"run": "2"})
        session.shelf.do("open", {"run": "1"})
        for each in (there, session):
            each.tab(lambda: None).do({"do": "step", "what": "minibatch"})
        assert same(there.now().weights.network, session.now().weights.network)


@pytest.mark.parametrize("what", ["network", "checkpoint", "settings"])
def test_the_other_files(server, session, what):
    answer = server.ask(f"/api/runs/file?run=1&what={what}", headers=server.program)
    assert answer.status_code == 200
    sent = server.ask(f"/api/runs?name=mine.{what}", "POST", headers=server.program, content=answer.content)
    if what == "settings":
        assert sent.json()["run"] == "2"
        assert same(Run.open(session.home / "2").network(), session.now().weights.network)
    else:
        assert (sent.status_code, "MNIST" in sent.json()["error"]) == (400, True)


def test_the_run_that_is_open_is_sent_as_it_is_now(server, session, tab, tmp_path):
    tab.do({"do": "step", "what": "minibatch"})
    answer = server.ask("/api/runs/file?run=1&what=network", headers=server.program)
    (tmp_path / "now.safetensors").write_bytes(answer.content)
    from glassnet import read_network

    assert same(read_network(tmp_path / "now.safetensors")[0], session.now().weights.network)


@pytest.mark.parametrize("path", ["", "..", "../../secret", "secret", "9", "../studio"])
def test_no_query_becomes_a_path(server, path):
    answer = server.ask("/api/runs/file", headers=server.program, params={"run": path, "what": "all"})
    assert (answer.status_code, "there is no run" in answer.json()["error"]) == (400, True)


def test_an_upload_that_is_no_run_leaves_nothing_behind(server, session):
    before = sorted(path.name for path in session.home.iterdir())
    answer = server.ask("/api/runs?name=..%2Fcat.png", "POST", headers=server.program, content=b"\x89PNG")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("cat.png is no run")
    assert sorted(path.name for path in session.home.iterdir()) == before


def test_a_browser_needs_its_token_to_upload(server):
    cookie = server.browser()
    assert server.ask("/api/runs", "POST", headers={**cookie, "Origin": server.url}, content=b"x").status_code == 403
    assert server.ask("/api/runs/file?run=1", headers=cookie).status_code == 200
    assert server.ask("/api/runs/file?run=1").status_code == 401


def test_an_upload_is_no_larger_than_what_is_taken(server):
    assert module.LIMITS == {"/api/runs": MOST}
    asked = HTTPConnection(server.host)
    asked.request("POST", "/api/runs", headers={**server.program, "Content-Length": str(MOST + 1)})
    assert asked.getresponse().status == 413
    asked.close()


def test_what_an_upload_that_was_cut_off_left_is_cleared_away(runs, stripes):
    (runs / "studio" / ".incoming-abc").mkdir(parents=True)
    session = Session(runs / "studio", data=[str(stripes)])
    session.close()
    assert not list((runs / "studio").glob(".incoming-*"))


def test_an_upload_that_is_broken_off_is_no_bug(server, caplog):
    asked = HTTPConnection(server.host)
    asked.putrequest("POST", "/api/runs?name=a.zip")
    for name, value in {**server.program, "Content-Length": "1000"}.items():
        asked.putheader(name, value)
    asked.endheaders()
    asked.send(b"PK")
    asked.close()
    assert server.ask("/api/state", headers=server.program).status_code == 200
    until(lambda: not list(Path(tempfile.gettempdir()).glob("glassnet-*/upload")))
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


def test_what_is_begun_while_another_programs_run_is_watched_is_shown(shelf, session, tab, other):
    tab.do({"do": "watch_run", "run": "../small"})
    assert session.now().mode == "watching"
    number = session.begin(session.planned({"seed": 3}))  # as taking a network of a race does
    assert session.now().run.path.name == str(number)


def test_a_changed_run_tells_its_changes(shelf, session, tab):
    tab.do({"do": "step", "what": "minibatch"})
    tab.do({"do": "change", "learning_rate": 0.25})
    tab.do({"do": "step", "what": "minibatch"})
    session.pause()

    def changes():
        with shelf.file("1", "settings")[2] as content:
            return json.load(content)["changes"]

    (change,) = until(changes)
    assert change["at"] == [0, 10]
    assert replace(session.now().checkpoint.settings).to_data() == change["settings"]


# ── Like with like ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_runs_that_were_changed_midway_are_compared_along_their_whole_course(shelf, session, stripes, runs):
    """One at 0.5, then at 5.0, with an edit, beside one at 5.0 throughout: once they had no differences."""
    tab = session.tab(lambda: None)
    tab.do({"do": "restart", "data": [str(stripes)], "learning_rate": 5.0, "schedule": "constant", "epochs": 2})
    throughout = session.describe()["name"]
    tab.do({"do": "reach", "step": 6})
    tab.do({"do": "restart", "data": [str(stripes)], "learning_rate": 0.5, "schedule": "constant", "epochs": 2})
    changed = session.describe()["name"]
    tab.do({"do": "reach", "step": 3})
    tab.do({"do": "edit", "kind": "bias", "layer": 1, "neuron": 0, "value": 0.25})
    tab.do({"do": "change", "learning_rate": 5.0})
    tab.do({"do": "reach", "step": 6})
    told, _ = shelf.compare([changed, throughout])
    assert told["costs_differ"] is False
    rows = {row["name"]: row["values"] for row in told["differences"]}
    at = [0, 30]
    assert rows["learning_rate"] == [{"first": 0.5, "then": [{"at": at, "value": 5.0}]}, 5.0]
    assert rows["edits"] == [1, 0]
    assert set(rows) == {"learning_rate", "edits"}
    one, other = told["runs"]
    assert (one["changes"], one["edits"]) == ([{"at": at, "values": {"learning_rate": 5.0}}], [at])
    assert (other["changes"], other["edits"]) == ([], [])
    # Of the one that is open as of the one that is read from its folder.
    tab.do({"do": "open", "run": throughout})
    assert shelf.compare([changed, throughout])[0]["differences"] == told["differences"]


def test_what_is_chosen_for_what_comes_is_among_the_differences_before_it_is_on_record(shelf, session, stripes):
    tab = session.tab(lambda: None)
    tab.do({"do": "restart", "data": [str(stripes)], "epochs": 1})
    first = session.describe()["name"]
    tab.do({"do": "restart", "data": [str(stripes)], "epochs": 1})
    tab.do({"do": "reach", "step": 20})
    tab.do({"do": "change", "optimizer": "adam"})
    rows = {row["name"]: row["values"] for row in shelf.compare([first, session.describe()["name"]])[0]["differences"]}
    assert rows["optimizer"] == ["sgd", {"first": "sgd", "then": [{"at": [1, 0], "value": "adam"}]}]
    assert rows["momentum"][1] == {"first": 0.0, "then": [{"at": [1, 0], "value": None}]}


def test_costs_of_different_kinds_are_said_to_be(shelf, session, stripes):
    tab = session.tab(lambda: None)
    names = []
    for cost in ("huber(delta=0.5)", "huber", "huber"):
        tab.do({"do": "restart", "data": [str(stripes)], "cost": cost})
        tab.do({"do": "step", "what": "minibatch"})
        names.append(session.describe()["name"])
    assert shelf.compare(names[:2])[0]["costs_differ"] is True
    assert shelf.compare(names[1:])[0]["costs_differ"] is False
