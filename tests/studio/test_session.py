"""The session: one run, any number of tabs; whole frames; nothing lost when it is closed, or killed."""

import gc
import itertools
import json
import random
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_run import RAISED, Once, frame_of, npz, numbers_npz, plan_on, run_on, same, until

from glassnet import (
    GlassnetError,
    Network,
    Run,
    WrongFile,
    WrongValue,
    evaluate,
    files,
    last,
    record,
    save_network,
    train,
)
from glassnet.files import NotSaved, write
from glassnet.interchange import read_checkpoint
from glassnet.machine import compiled
from glassnet.runs import Busy
from glassnet.runs.edits import Edit
from glassnet.runs.plans import reopened as plan_of
from glassnet.studio import races
from glassnet.studio import session as studio_session
from glassnet.studio.commands import COMMANDS, WATCHING
from glassnet.studio.frames import unpack
from glassnet.studio.session import Session, _judgement, _told
from glassnet.studio.trainer import Refused, Trainer, new_run


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    return npz(tmp_path_factory.mktemp("data"))


@pytest.fixture
def source(stripes, tmp_path):
    """A small run to go on from."""
    return run_on(tmp_path / "elsewhere", stripes)[0].path


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def session(home, source):
    made = Session(home, source)
    yield made
    made.close()


@pytest.fixture
def tab(session):
    return session.tab(lambda: None)


def status(session):
    return session.state()["status"]


def after(tab, condition):
    """The first frame of which this is true."""
    found = []

    def look():
        frame = tab.frame()
        if frame is not None:
            found.append(unpack(frame))
        return found and condition(found[-1][0]) and found[-1]

    return until(look)


# ── The first time on a machine ──────────────────────────────────────────────────────────────────────────────────────


def test_all_is_answered_while_the_training_is_compiled(compiling, home, stripes):
    source = run_on(home.parent / "elsewhere", stripes, {"deform": "affine"})[0].path
    session = Session(home, source)
    tab = session.tab(lambda: None)
    tab.do({"do": "view", "watch": ["minibatch", "change", "race"]})
    assert "minibatch" not in frame_of(tab)[0]  # its images are deformed by what is compiled
    for number in range(20):
        pixels = np.zeros((60, 60), np.uint8)
        pixels[10:50, number : number + 10] = 255
        tab.do({"do": "look", "look": number, "source": "drawing"}, {"pixels": pixels})
        header, arrays = after(tab, lambda header, number=number: header["look"]["look"] == number)
        assert header["look"]["answer"] == arrays["a3"].argmax()
    found = unpack(tab.do({"do": "find", "source": "train", "order": "cost"}))[1]
    expected = unpack(tab.do({"do": "answers", "source": "train", "rows": found["rows"].tolist()}))[1]
    np.testing.assert_array_equal(found["answers"], expected["answers"])
    tab.do({"do": "mistakes", "source": "train"})
    tab.do({"do": "lit", "layer": 1, "neuron": 0})
    edited = tab.do({"do": "edit", "kind": "bias", "layer": 1, "neuron": 0, "value": 1.0})
    assert edited["judged"] != edited["before"]
    tab.do({"do": "undo"})
    header, _ = after(tab, lambda header: header["status"]["judged"] and header["status"]["judged"]["now"])
    judged = header["status"]["judged"]
    state = session.now()
    itself = evaluate(state.weights.network, state.splits.validation, state.checkpoint.settings.cost)
    assert judged["validation"]["cost"] == pytest.approx(itself.cost, rel=1e-6)
    tab.do({"do": "play"})
    tab.do({"do": "race", "what": "begin", "lanes": [{"name": "a"}, {"name": "b", "learning_rate": 0.5}]})
    tab.do({"do": "race", "what": "play"})
    header = after(tab, lambda header: header.get("race"))[0]
    assert (header["race"]["mode"], header["race"]["step"], header["status"]["step"]) == ("playing", 0, 0)
    assert compiled._loaded == set()  # all that by NumPy: nobody went to load, or compile, what is being prepared
    compiling.set()
    shown = []
    after(
        tab,
        lambda header: shown.append(header) or (header["race"]["step"] and any("minibatch" in each for each in shown)),
    )
    assert next(each for each in shown if "minibatch" in each)["minibatch"]["deformed"]
    tab.do({"do": "race", "what": "end"})
    tab.do({"do": "play"})
    assert after(tab, lambda header: header["status"]["step"])
    session.close()


# ── Frames ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_first_frame_is_whole(tab):
    (run,) = tab.news()
    header, arrays = frame_of(tab)
    assert run["type"] == "run"
    assert (header["type"], header["frame"], header["run"]) == ("frame", 1, run["run"])
    assert arrays["weight1"].shape == (16, 64)
    assert arrays["weight1"].dtype == np.float32
    assert arrays["input"].shape == (64,)
    assert arrays["z3"].shape == arrays["a3"].shape == arrays["target"].shape == arrays["terms"].shape == (3,)
    assert {"cost_steps", "cost", "judged_steps", "train_cost", "validation_accuracy", "change_steps"} <= set(arrays)
    assert header["look"]["source"] == "test"
    told = header["status"]
    assert (told["mode"], told["step"], told["steps"], told["epoch"], told["epochs"]) == ("paused", 0, 100, 1, 5)
    assert (told["example"], told["examples"], told["tabs"], told["speed"]) == (0, 200, 1, 100)
    assert told["learning_rate"] == 1.5
    assert told["cost"] is None
    assert told["rate"] is None


def test_the_forward_pass_is_of_these_very_weights(session, tab):
    tab.do({"do": "speed", "value": None})
    tab.do({"do": "play"})
    weights, mode = {}, "playing"
    while mode != "finished":
        header, arrays = frame_of(tab)
        mode = header["status"]["mode"]
        weights |= {name: array for name, array in arrays.items() if name.startswith(("weight", "bias"))}
        a = arrays["input"].astype(np.float64)
        for l in (1, 2, 3):
            z = a @ weights[f"weight{l}"].astype(np.float64).T + weights[f"bias{l}"].astype(np.float64)
            np.testing.assert_allclose(arrays[f"z{l}"], z, rtol=1e-12, atol=1e-12)
            a = arrays[f"a{l}"]


def test_no_subnormal_number_is_sent(home, tmp_path):
    """A network as a training of before left it: with weights, a bias and outputs too small for a normal float32 number."""
    small = [-1e-39, 1e-40, 1e-45, -5e-42]
    network = Network.random((784, 7, 10), seed=1)
    weight, bias = network.layers[0].weight.copy(), network.layers[0].bias.copy()
    weight[:, 300:304], bias[3] = small, 1e-40
    path = tmp_path / "net.safetensors"
    save_network(
        path, replace(network, layers=(replace(network.layers[0], weight=weight, bias=bias), *network.layers[1:]))
    )
    session = Session(home, path)
    try:
        assert (np.abs(session.now().weights.network.layers[0].weight[:, 300:304]) > 0).all()  # they are in the network
        tab = session.tab(lambda: None)
        tab.do({"do": "view", "watch": ["change", "minibatch"]})
        sent = dict(frame_of(tab)[1])
        assert not sent["weight1"][:, 300:304].any()
        assert np.signbit(sent["weight1"][0, 300:304]).tolist() == [True, False, False, True]
        assert sent["bias1"][3] == 0
        tab.do({"do": "step", "what": "minibatch"})
        sent |= {f"{name} after a step": array for name, array in frame_of(tab)[1].items()}
        floats = {name: array for name, array in sent.items() if array.dtype == np.float32}
        assert {"weight1", "bias1", "input", "weight1 after a step", "dweight1 after a step"} <= set(floats)
        for name, array in floats.items():
            size = np.abs(array.astype(np.float64))
            assert not ((size > 0) & (size < 2.0**-126)).any(), name
    finally:
        session.close()


def test_nothing_is_sent_twice_and_nothing_when_nothing_changed(session, tab):
    if not frame_of(tab)[0]["status"]["judged"]:  # a quick judge is there before the first frame
        after(tab, lambda header: header["status"]["judged"])
    until(lambda: tab.frame() is None)
    tab.do({"do": "look", "look": 7, "source": "train", "row": 5})
    header, arrays = frame_of(tab)
    assert (header["look"]["look"], header["look"]["row"]) == (7, 5)
    assert "weight1" not in arrays
    assert "cost" not in arrays
    assert "z1" in arrays
    other = session.tab(lambda: None)  # but a new tab is told everything
    assert {"weight1", "cost"} <= set(frame_of(other)[1])
    assert frame_of(tab)[0]["status"]["tabs"] == 2
    other.close()
    other.close()
    assert frame_of(tab)[0]["status"]["tabs"] == 1


def test_run_is_told_once_and_again_when_settings_change(session, tab):
    until(lambda: session.now().log.settings)  # it is opened in the training's own thread
    assert len(tab.news()) == 1
    assert tab.news() == []
    tab.do({"do": "step", "what": "minibatch"})
    assert tab.news() == []
    tab.do({"do": "change", "learning_rate": 0.5})
    (run,) = tab.news()
    assert run["settings"]["learning_rate"] == 0.5
    tab.do({"do": "restart"})
    (run,) = tab.news()
    assert (run["name"], run["settings"]["learning_rate"]) == ("2", 0.5)


def test_a_watched_minibatch_comes_with_each_step(tab):
    assert "minibatch" not in frame_of(tab)[0]
    tab.do({"do": "view", "watch": ["minibatch"]})
    header, arrays = frame_of(tab)
    expected = {"step": 1, "size": 10, "which": "next", "deformed": False, "dropout": False}
    assert header["minibatch"] == expected
    for step in (1, 2, 3):
        tab.do({"do": "step", "what": "minibatch"})
        header, arrays = after(tab, lambda header: "minibatch" in header)
        assert header["minibatch"] == {**expected, "step": step, "which": "last"}
        assert (arrays["batch_after"] != arrays["batch_before"]).all()
    tab.do({"do": "look", "source": "blank"})
    assert "minibatch" not in frame_of(tab)[0]


def test_each_tab_looks_at_its_own_image(session):
    one, other = session.tab(lambda: None), session.tab(lambda: None)
    one.do({"do": "look", "look": 1, "source": "noise", "seed": 3})
    pixels = np.zeros((112, 112), np.uint8)
    pixels[20:80, 50:60] = 255
    other.do({"do": "look", "look": 2, "source": "drawing", "center": True}, {"pixels": pixels})
    first, second = frame_of(one), frame_of(other)
    assert (first[0]["look"]["source"], second[0]["look"]["source"]) == ("noise", "drawing")
    assert (first[0]["look"]["label"], second[0]["look"]["centered"]) == (None, True)
    assert "target" not in second[1]
    assert second[1]["input"].max() == 1


def test_replies_with_arrays_are_binary(session, tab):
    header, arrays = unpack(tab.do({"do": "find", "id": 12, "source": "test", "label": 1, "count": 5}))
    assert (header["type"], header["id"]) == ("done", 12)
    assert set(arrays["labels"].tolist()) == {1}
    assert len(arrays["rows"]) == 5 <= header["total"]
    header, arrays = unpack(tab.do({"do": "mistakes", "id": 13, "source": "validation"}))
    assert header["examples"] == 40
    assert arrays["confusion"].sum() == 40


def test_tabs_are_called_by_another_thread_and_not_too_often(session):
    calls = []
    tab = session.tab(lambda: calls.append((time.monotonic(), threading.current_thread().name)))
    tab.do({"do": "play"})
    until(lambda: len(calls) > 10)
    assert {name for _, name in calls} == {"glassnet studio: bell"}
    gaps = np.diff([when for when, _ in calls])
    assert gaps.min() > 1 / 61

    def broken():
        raise RuntimeError("this loop is closed")

    session.tab(broken)
    here = len(calls)
    until(lambda: len(calls) > here + 3)


# ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_tabs_act_on_the_one_run(session):
    one, other = session.tab(lambda: None), session.tab(lambda: None)
    one.do({"do": "speed", "value": 50})
    one.do({"do": "play"})
    assert after(other, lambda header: header["status"]["step"] > 2)[0]["status"]["mode"] == "playing"
    other.do({"do": "pause"})
    step = after(one, lambda header: header["status"]["mode"] == "paused")[0]["status"]["step"]
    other.do({"do": "step", "what": "epoch"})
    header, _ = after(one, lambda header: header["status"]["epoch"] == 2 and header["status"]["mode"] == "paused")
    assert header["status"]["step"] == 20 > step


def test_a_restart_is_a_new_run_as_it_was_but_for_what_was_asked(session, tab, home):
    tab.do({"do": "change", "learning_rate": 0.5, "momentum": 0.5})
    assert tab.do({"do": "restart", "sizes": [64, 9, 8, 7, 3], "seed": 3}) == {"run": 2}
    run = session.describe()
    assert (run["path"], run["sizes"], run["seed"]) == (str(home / "2"), [64, 9, 8, 7, 3], 3)
    assert run["activations"] == ["sigmoid"] * 4
    assert (run["settings"]["learning_rate"], run["settings"]["momentum"]) == (0.5, 0.5)
    assert run["data"]["train"] == 200
    assert status(session)["mode"] == "paused"
    tab.do(
        {
            "do": "restart",
            "hidden": ["relu", "tanh"],
            "sizes": [64, 9, 8, 3],
            "cost": "cross_entropy",
            "initializer": "he",
        }
    )
    run = session.describe()
    assert (run["activations"], run["initializer"]) == (["relu", "tanh", "softmax"], "he")
    tab.do({"do": "restart", "sizes": [64, 9, 8, 7, 3]})
    assert session.describe()["activations"] == ["relu", "tanh", "tanh", "softmax"]  # one more, like the last
    tab.do({"do": "restart", "recipe": "modern", "epochs": 2})
    run = session.describe()
    assert (run["recipe"], run["sizes"], run["initializer"]) == ("modern", [64, 128, 3], "he")
    assert (run["settings"]["cost"], run["settings"]["epochs"], run["settings"]["batch_size"]) == (
        "cross_entropy",
        2,
        32,
    )
    assert run["seed"] == 3
    expected = plan_on(run["data"]["sources"][0], {"epochs": 2, "batch_size": 32}, seed=3)
    assert expected.checkpoint.settings.seed == 3
    assert frame_of(tab)[0]["run"] == 5


def test_a_recipe_says_how_many_are_held_out(tab, session):
    def held(**fields):
        tab.do({"do": "restart", **fields})
        return session.describe()["data"]["validation"]

    assert held() == 40  # as before
    assert held(recipe="modern", epochs=1) == 40  # one in six of 240
    assert held(recipe="small") == 0
    assert held(seed=3) == 0  # as before
    assert held(recipe="small", validation=24) == 24
    assert held(data=["mnist"]) == 10_000


def test_a_restart_on_mnist_and_back(session, tab, stripes):
    tab.do({"do": "look", "look": 3, "source": "test", "row": 39})
    tab.do({"do": "restart", "data": ["mnist"]})
    run = session.describe()
    assert (run["sizes"], run["side"], run["data"]["train"]) == ([784, 16, 16, 10], 28, 50_000)
    assert frame_of(tab)[0]["look"]["row"] == 39  # the same row of the new data
    tab.do({"do": "look", "look": 4, "source": "test", "row": 9_000})
    tab.do({"do": "restart", "data": [str(stripes)], "validation": 40})
    assert session.describe()["sizes"] == [64, 16, 16, 3]
    look = frame_of(tab)[0]["look"]
    assert (look["look"], look["row"]) == (4, 0)  # there is no such row here


def test_a_run_that_was_left_is_not_kept_in_memory_by_a_hidden_tab(session, tab):
    frame_of(tab)  # and from here on the tab asks for nothing
    images = weakref.ref(session._trainer.state.splits.train.inputs)
    session.tab(lambda: None).do({"do": "restart", "seed": 1})

    def gone():
        gc.collect()
        return images() is None

    until(gone)


REFUSED = [
    ({"do": "restart", "data": ["/etc/passwd"]}, "other data is named when the studio is started"),
    ({"do": "restart", "sizes": [64, 100_000, 3]}, "up to 2,000,000 weights and biases, this one has 6,800,003"),
    ({"do": "restart", "sizes": [64, *[3] * 20, 3]}, "up to 20 layers, this one has 21"),
    (
        {"do": "restart", "sizes": [None, 1_000_000, None]},
        "up to 2,000,000 weights and biases, this one has 68,000,003",
    ),
    ({"do": "restart", "sizes": [784, 10]}, "do not fit the data, which has 64 numbers .* use 64,3"),
    ({"do": "restart", "sizes": [3]}, "sizes must be at least two"),
    ({"do": "restart", "sizes": []}, "sizes must be at least two"),
    ({"do": "restart", "hidden": ["relu"] * 3}, "2 hidden layers, but 3 hidden activations"),
    ({"do": "restart", "recipe": "big"}, "unknown recipe"),
    ({"do": "restart", "deform": "twirl"}, "unknown deformation"),
    ({"do": "restart", "batch_size": 201}, "there are 200 training examples"),
    ({"do": "restart", "validation": 240}, "cannot hold out 240"),
    ({"do": "restart", "validation": 239, "batch_size": 1}, "only one example"),
    ({"do": "restart", "validation": 1.5}, "validation must be a count"),
    ({"do": "restart", "output": "relu", "cost": "cross_entropy"}, "change one of the two"),
    ({"do": "change", "optimizer": "lion"}, "unknown optimizer"),
    ({"do": "change", "epochs": 10_001}, "epochs must be"),
    ({"do": "look", "source": "test", "row": 40}, "no row 40"),
    ({"do": "look", "source": "drawing"}, "needs its pixels"),
    ({"do": "jump"}, "there is no command 'jump'"),
]


@pytest.mark.parametrize(("message", "says"), REFUSED)
def test_what_cannot_be_done_is_one_sentence_and_changes_nothing(session, tab, home, message, says):
    before = session.describe()
    with pytest.raises(WrongValue, match=says):
        tab.do(message)
    assert session.describe() == before
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == ["1"]


def test_numbers_to_predict_can_be_watched(home, tmp_path):
    path = numbers_npz(tmp_path)
    source, _ = run_on(tmp_path / "elsewhere", path, {"learning_rate": 0.01}, output="identity", validation=10)
    session = Session(home, source.path)
    tab = session.tab(lambda: None)
    tab.do({"do": "view", "watch": ["minibatch"]})
    header, arrays = frame_of(tab)
    assert (header["look"]["label"], header["look"]["answer"], header["look"]["source"]) == (None, None, "validation")
    assert arrays["terms"].sum() == pytest.approx(header["look"]["cost"])
    tab.do({"do": "step", "what": "epoch"})
    header, arrays = after(tab, lambda header: header["status"]["judged"] and header["status"]["judged"]["step"] > 0)
    assert header["status"]["judged"]["train"]["accuracy"] is None
    assert header["status"]["judged"]["train"]["examples"] == 50
    session.close()


# ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_home_begins_the_plain_recipe(home):
    session = Session(home)
    run = session.describe()
    assert (run["recipe"], run["sizes"], run["name"], run["from"]) == ("plain", [784, 16, 16, 10], "1", None)
    session.close()
    assert json.loads((home / "session.json").read_text()) == files.sealed(
        {"run": 1, "speed": 100.0, "playing": False, "at": None, "data": []}
    )
    assert Run.open(home / "1").network().count == 13_002


# ── Data ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_data_begins_a_small_run_on_it_and_goes_on_with_it(home, stripes):
    session = Session(home, data=[str(stripes)])
    run = session.describe()
    assert (run["recipe"], run["sizes"], run["data"]["sources"]) == ("plain", [64, 16, 16, 3], [str(stripes)])
    assert run["data"]["validation"] == 40  # one in six
    assert [each["name"] for each in run["choices"]["data"]] == ["MNIST", "stripes.npz"]
    session.tab(lambda: None).do({"do": "step", "what": "minibatch"})
    session.close()
    again = Session(home, data=[str(stripes)])  # the run that was going on is on this very data
    assert (again.describe()["name"], status(again)["step"]) == ("1", 1)
    again.close()
    other = Session(home, data=["mnist"])
    assert (other.describe()["name"], other.describe()["sizes"][0], status(other)["notice"]) == ("2", 784, None)
    other.close()
    assert Run.open(home / "1").checkpoint().example == 10  # it is left as it was


def test_data_that_was_named_once_can_be_chosen_after_every_restart(home, stripes):
    Session(home, data=[str(stripes)]).close()
    Session(home, data=["mnist"]).close()
    session = Session(home)
    tab = session.tab(lambda: None)
    assert session.describe()["data"]["sources"] == ["mnist"]
    tab.do({"do": "restart", "data": [str(stripes)], "sizes": [None, 9, None]})
    run = session.describe()
    assert (run["sizes"], run["data"]["validation"]) == (
        [64, 9, 3],
        40,
    )  # the ends are the data's, and what is held out
    tab.do({"do": "restart", "data": ["mnist"], "recipe": "modern", "sizes": [None, None]})
    assert session.describe()["sizes"] == [784, 10]
    session.close()


def test_data_of_a_run_is_known_later_too_unless_it_is_gone(home, tmp_path):
    path = npz(tmp_path)
    session = Session(home, run_on(tmp_path / "elsewhere", path)[0].path)
    session.tab(lambda: None).do({"do": "restart", "data": ["mnist"]})
    session.close()
    session = Session(home)
    assert [each["sources"] for each in session.describe()["choices"]["data"]] == [["mnist"], [str(path)]]
    session.close()
    path.unlink()
    session = Session(home)
    assert [each["sources"] for each in session.describe()["choices"]["data"]] == [["mnist"]]
    session.close()


def test_data_that_cannot_be_used_leaves_nothing_behind(home, source, tmp_path):
    with pytest.raises(WrongFile, match="nowhere does not exist"):
        Session(home, data=["nowhere"])
    with pytest.raises(WrongFile, match=r"mnist is not what it was trained on\. Bring it back"):
        Session(home, source, ["mnist"])
    np.savez(tmp_path / "alike.npz", x=np.random.default_rng(0).random((9, 16)), y=np.zeros((9, 1)))
    with pytest.raises(WrongValue, match="nothing to tell apart"):
        Session(home, data=[str(tmp_path / "alike.npz")])
    assert list(home.iterdir()) == []


def test_what_a_page_names_is_not_known_and_not_remembered(session, tab, home, stripes, tmp_path):
    other = str(npz(tmp_path))
    with pytest.raises(WrongValue, match="glassnet studio --data"):
        tab.do({"do": "restart", "data": [other]})
    session.close()
    assert json.loads((home / "session.json").read_text())["data"] == [[str(stripes)]]


def test_a_closed_session_goes_on_where_it_was(home, source):
    session = Session(home, source)
    tab = session.tab(lambda: None)
    tab.do({"do": "speed", "value": 400})
    tab.do({"do": "play"})
    until(lambda: status(session)["step"] > 20)
    session.close()
    session.close()
    step = status(session)["step"]
    with pytest.raises(WrongValue, match="the studio is closed"):
        tab.do({"do": "play"})
    with pytest.raises(WrongValue, match="the studio is closed"):
        session.tab(lambda: None)

    again = Session(home)
    assert status(again)["speed"] == 400
    tab = again.tab(lambda: None)
    header, arrays = frame_of(tab)
    assert header["status"]["step"] >= step
    assert arrays["cost_steps"][-1] >= step  # the charts are there again
    assert arrays["judged_steps"].size
    assert header["status"]["judged"]["step"] <= header["status"]["step"]
    until(lambda: status(again)["mode"] == "finished")  # it was playing, so it plays
    plan = plan_on(again.describe()["data"]["sources"][0])
    whole = last(train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint))
    assert same(Run.open(home / "1").network(), whole) or until(lambda: same(Run.open(home / "1").network(), whole))
    again.close()


def test_a_paused_session_stays_paused(home, source):
    session = Session(home, source)
    session.tab(lambda: None).do({"do": "step", "what": "minibatch"})
    session.close()
    again = Session(home)
    assert (status(again)["mode"], status(again)["step"]) == ("paused", 1)
    again.close()


def test_a_source_is_only_read(home, source):
    before = {path.name: path.read_bytes() for path in source.iterdir()}
    session = Session(home, source)
    session.tab(lambda: None).do({"do": "step", "what": "epoch"})
    until(lambda: status(session)["mode"] == "paused")
    assert session.describe()["from"] == str(source)
    session.close()
    assert {path.name: path.read_bytes() for path in source.iterdir()} == before
    other = Session(home, home / "1")
    assert (other.describe()["name"], status(other)["step"]) == ("2", 20)
    assert frame_of(other.tab(lambda: None))[1]["cost_steps"].size  # with its history
    other.close()


def test_a_network_alone_is_a_source(home, tmp_path):
    path = tmp_path / "net.safetensors"
    save_network(path, Network.random((784, 7, 10), output="softmax"))
    session = Session(home, path)
    run = session.describe()
    assert (run["sizes"], run["settings"]["cost"], run["data"]["sources"]) == ([784, 7, 10], "cross_entropy", ["mnist"])
    session.tab(lambda: None).do({"do": "step", "what": "minibatch"})
    session.close()
    save_network(path, Network.random((64, 7, 10)))
    with pytest.raises(WrongFile, match="from 64 numbers to 10, and MNIST"):
        Session(home, path)
    with pytest.raises(WrongFile, match="does not exist"):
        Session(home, tmp_path / "nowhere")
    save_network(path, Network.random((784, 3000, 10)))
    with pytest.raises(WrongValue, match="up to 2,000,000 weights"):
        Session(home, path)
    assert not (home / "2").exists()


DAMAGES = {
    "its checkpoint is cut": lambda run: (run / "checkpoint.safetensors").write_bytes(b"no"),
    "its description is no JSON": lambda run: (run / "run.json").write_text("{"),
    "its description says nothing": lambda run: (run / "run.json").write_text("{}"),
    "its record is damaged": lambda run: (run / "events.jsonl").write_text("nonsense\n{}\n"),
    "its engine is unknown": lambda run: Run.open(run).note(engine="steam"),
    "it is gone": lambda run: run.rename(run.parent / "gone"),
    "session.json is no JSON": lambda run: (run.parent / "session.json").write_text("{"),
    "session.json is a list": lambda run: (run.parent / "session.json").write_text("[]"),
    "session.json names no run": lambda run: (run.parent / "session.json").write_text('{"run": "../elsewhere"}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_a_sentence_and_a_new_run(home, source, damage):
    session = Session(home, source)
    session.tab(lambda: None).do({"do": "step", "what": "minibatch"})
    session.close()
    DAMAGES[damage](home / "1")
    again = Session(home)
    told = status(again)["notice"]
    assert told["code"] == "damaged"
    assert "new run" in told["text"]
    assert again.describe()["recipe"] == "plain"
    assert status(again)["step"] == 0
    again.close()


recorded = st.dictionaries(
    st.sampled_from(["cost", "settings", "train", "validation", "seconds", "validation_cost", "validation_accuracy"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(st.sampled_from(["cost", "accuracy", "examples"]), inner, max_size=3)
        ),
        max_leaves=4,
    ),
    max_size=4,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["started", "stepped", "epoch", "judged", "odd"]), recorded), max_size=6))
def test_a_record_edited_by_hand_is_no_crash(home, source, record):
    lines = [
        {"event": kind, "step": 0, "at": [0, number], "epoch": 1, **more} for number, (kind, more) in enumerate(record)
    ]
    run = Run.open(source)
    (source / "events.jsonl").write_text("")
    run.append(lines)
    trainer = Trainer(run, plan_of(run), lambda: None)
    json.dumps([trainer.state.judged, trainer.state.seconds], allow_nan=False)
    trainer.state.charts.arrays(10)
    trainer.close()


def test_what_cannot_be_remembered_is_a_notice_until_it_can(session, tab, monkeypatch):
    def full(path, body):
        if path.name == "session.json":
            raise NotSaved("could not save session.json: no space left.")
        return write(path, body)

    with monkeypatch.context() as patched:
        patched.setattr("glassnet.files.write", full)
        tab.do({"do": "speed", "value": 7})
        told = until(lambda: status(session)["notice"])
        assert (told["code"], "no space left" in told["text"]) == ("unremembered", True)
    until(lambda: status(session)["notice"] is None)


def test_odd_values_in_session_json_are_not_believed(home, source):
    Session(home, source).close()
    (home / "session.json").write_text('{"run": 1, "data": [7, [], [7], ["nowhere"], ["\\u0000"], "mnist", {}]}')
    session = Session(home)
    assert len(session.describe()["choices"]["data"]) == 2  # MNIST, and the run's own
    session.close()
    for speed in ('"fast"', "-1", "1e300", "true", "[]"):
        (home / "session.json").write_text(f'{{"run": 1, "speed": {speed}, "playing": 7}}')
        session = Session(home)
        assert (status(session)["speed"], status(session)["mode"]) == (100.0, "paused")
        session.close()


KILLED = """
import sys, time
from pathlib import Path
from glassnet.studio.session import Session, _judgement, _told
session = Session(Path(sys.argv[1]), sys.argv[2])
tab = session.tab(lambda: None)
tab.do({"do": "change", "epochs": 10_000})
tab.do({"do": "speed", "value": 2000})
tab.do({"do": "play"})
print("playing", flush=True)
time.sleep(600)
"""


def test_after_kill_9_it_goes_on_from_the_last_save(home, source, stripes):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(home), str(source)], stdout=subprocess.PIPE) as process:

        def saved():
            with suppress(WrongFile):
                return Run.open(home / "1").checkpoint().memory.step > 0

        try:
            assert process.stdout.readline() == b"playing\n"
            until(saved)
        finally:
            process.kill()  # SIGKILL: it can do nothing about it
    saved = Run.open(home / "1").checkpoint()
    session = Session(home)
    assert (status(session)["mode"], status(session)["speed"]) == ("playing", 2000)
    assert status(session)["step"] >= saved.memory.step
    assert session.state()["status"]["notice"] is None
    session.close()
    kept = Run.open(home / "1").checkpoint()
    plan = plan_on(stripes, {"epochs": 10_000})
    events = train(None, plan.splits.train, start=plan.checkpoint, every=1)
    unbroken = next(
        event.checkpoint
        for event in events
        if (event.checkpoint.epoch, event.checkpoint.example) == (kept.epoch, kept.example)
    )
    assert same(kept.network, unbroken.network)


# ── Whatever comes ───────────────────────────────────────────────────────────────────────────────────────────────────

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 300)
    | st.floats()
    | st.sampled_from(["relu", "adam", "mnist", "small", "elastic", ""]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=5,
)


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")  # the checker of types does, in the other threads
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(st.sampled_from(sorted(COMMANDS)), st.data())
def test_random_messages_raise_only_what_has_a_sentence(session, name, data):
    tab = session.tab(lambda: None)
    keys = st.sampled_from([*COMMANDS[name], "id"])
    values = anything | st.sampled_from(["test", "train", "minibatch", "epoch", "drawing", "noise", "cost", "random"])
    message = {"do": name, **data.draw(st.dictionaries(keys, values, max_size=4))}
    with suppress(GlassnetError):
        reply = tab.do(message)
        assert isinstance(reply, dict | bytes)
    tab.close()


def soak(session, seconds, seed, errors):
    """One tab that does whatever comes to its mind."""
    choose = random.Random(seed)
    tab = session.tab(lambda: None)
    pixels = np.random.default_rng(seed).integers(0, 256, (112, 112)).astype(np.uint8)
    messages = [
        {"do": "play"}, {"do": "play"}, {"do": "pause"}, {"do": "step", "what": "minibatch"}, {"do": "step", "what": "epoch"},
        {"do": "speed", "value": None}, {"do": "speed", "value": 2000}, {"do": "speed", "value": 20},
        {"do": "change", "learning_rate": 0.1}, {"do": "change", "learning_rate": 2.0}, {"do": "change", "batch_size": 7},
        {"do": "change", "batch_size": 32}, {"do": "change", "optimizer": "adam", "learning_rate": 0.01},
        {"do": "change", "optimizer": "sgd", "momentum": 0.5}, {"do": "change", "epochs": 9_999},
        {"do": "restart", "epochs": 10_000}, {"do": "restart", "recipe": "modern"}, {"do": "restart", "hidden": "relu"},
        {"do": "look", "source": "noise", "seed": 3}, {"do": "look", "source": "test", "row": 3},
        {"do": "look", "source": "drawing"}, {"do": "find", "source": "train", "order": "cost", "wrong": True},
        {"do": "mistakes", "source": "validation"}, {"do": "view", "watch": ["minibatch"]}, {"do": "view", "watch": []},
    ]  # fmt: skip
    end = time.monotonic() + seconds
    try:
        for count in itertools.count():
            if time.monotonic() > end:
                break
            with suppress(WrongValue):  # Refused: what is finished cannot be played
                message = choose.choice(messages)
                if message["do"] != "restart" or choose.random() < 0.1:
                    tab.do(message, {"pixels": pixels})
            tab.news()
            frame = tab.frame()
            if frame is not None:
                header, arrays = unpack(frame)
                assert all(np.isfinite(array).all() for name, array in arrays.items() if name[0] in "zw")
                assert header["status"]["step"] <= header["status"]["steps"]
            if count % 50 == 49:
                tab.close()
                tab = session.tab(lambda: None)
                assert "weight1" in frame_of(tab)[1]
    except Exception as error:
        errors.append(error)


def peak():
    """The most memory this process ever had, in KiB; 0 where that is not known."""
    if sys.platform != "linux":
        return 0
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_soak(session, home, long):
    errors, seconds = [], 60 if long else 4
    threads = [threading.Thread(target=soak, args=(session, seconds, seed, errors)) for seed in range(3)]
    for thread in threads:
        thread.start()
    threads[0].join(seconds / 3)
    early = peak()
    for thread in threads:
        thread.join()
    if long:  # what is needed is needed early
        assert peak() - early < 100_000
    assert errors == []
    assert status(session)["notice"] is None or status(session)["notice"]["code"] in ("finished", "diverged", "stuck")
    session.close()
    workers = (session._trainer._worker, session._judging, session._bell)
    assert [each.name for each in workers if each._thread is not None] == []
    network = Run.open(home / str(session.describe()["run"])).network()
    assert all(np.isfinite(layer.weight).all() for layer in network.layers)


# ── Threads that fail ────────────────────────────────────────────────────────────────────────────────────────────────


def notice_in(tab, code="thread"):
    """The text of such a notice, when it has come to a tab."""
    return after(tab, lambda header: (it := header["status"]["notice"]) and it["code"] == code)[0]["status"]["notice"][
        "text"
    ]


@pytest.mark.parametrize("error", RAISED)
def test_a_judge_that_fails_is_said_and_judges_the_next_network(session, tab, monkeypatch, caplog, error):
    monkeypatch.setattr("glassnet.studio.workers._REST", 0.01)
    monkeypatch.setattr("glassnet.studio.session._JUDGE", 0.01)
    until(lambda: status(session)["judged"])
    monkeypatch.setattr("glassnet.studio.session._judgement", Once(error, studio_session._judgement))
    tab.do({"do": "step", "what": "minibatch"})
    text = notice_in(tab)
    assert text.startswith(f"judging the network failed: {error.__name__}")
    assert "the next network is judged again" in text
    assert [record.exc_info[0] for record in caplog.records] == [error]
    tab.do({"do": "step", "what": "minibatch"})
    judged = until(lambda: (it := status(session)["judged"]) and it["step"] == 2 and it)
    assert status(session)["notice"] is None
    state = session.now()
    found = evaluate(state.weights.network, state.splits.validation, state.checkpoint.settings.cost)
    assert judged["validation"] == {"cost": pytest.approx(found.cost), "accuracy": found.accuracy, "examples": 40}


@pytest.mark.parametrize("error", RAISED)
def test_a_bell_that_fails_is_said_by_itself_and_rings_again(home, source, monkeypatch, caplog, error):
    monkeypatch.setattr("glassnet.studio.workers._REST", 0.01)
    monkeypatch.setattr(Session, "_ring", Once(error, Session._ring))
    session = Session(home, source)
    rung = threading.Event()
    tab = session.tab(rung.set)
    assert rung.wait(60)  # without any command
    text = notice_in(tab)
    assert text.startswith(f"telling the pages what is new failed: {error.__name__}")
    assert error in [record.exc_info[0] for record in caplog.records]
    rung.clear()
    tab.do({"do": "step", "what": "minibatch"})
    assert rung.wait(60)
    header, _ = after(tab, lambda header: header["status"]["step"] == 1)
    assert header["status"]["notice"] is None
    session.close()


def test_a_tab_that_cannot_be_called_keeps_none_of_the_others_from_being_called(session, caplog):
    def broken():
        raise SystemExit

    session.tab(broken)
    rung = threading.Event()
    tab = session.tab(rung.set)
    assert rung.wait(60)
    rung.clear()
    tab.do({"do": "step", "what": "minibatch"})
    assert rung.wait(60)
    assert caplog.records == []


@pytest.mark.parametrize("error", RAISED)
def test_a_training_that_fails_is_said_and_played_on(session, tab, stripes, monkeypatch, caplog, error):
    monkeypatch.setattr(Trainer, "_stepped", Once(error, Trainer._stepped))
    tab.do({"do": "speed", "value": None})
    tab.do({"do": "play"})
    text = notice_in(tab, "stopped")
    assert text.startswith(f"training stopped: {error.__name__}")
    assert "Press play" in text
    tab.do({"do": "play"})
    header, _ = after(tab, lambda header: header["status"]["mode"] == "finished")
    assert header["status"]["notice"]["code"] == "finished"
    assert same(session.now().weights.network, plainly(plan_on(stripes)))


@pytest.mark.parametrize("what", ["play", "minibatch"])
def test_a_race_that_fails_is_said_in_all_tabs_and_raced_on(session, tab, monkeypatch, caplog, what):
    tab.do({"do": "view", "watch": ["race"]})
    lanes = [{"name": name, "hidden": [name]} for name in ("sigmoid", "relu")]
    tab.do({"do": "race", "what": "begin", "lanes": lanes, "epochs": 1, "value": None})
    monkeypatch.setattr(races._Lane, "advance", Once(KeyboardInterrupt, races._Lane.advance, late=True))
    with suppress(Refused):
        tab.do({"do": "race", "what": what})
        assert what == "play"
    other = session.tab(lambda: None)
    assert notice_in(other).startswith("the race stopped: KeyboardInterrupt")
    header, _ = after(tab, lambda header: header["status"]["notice"])
    assert header["race"]["mode"] == "paused"
    assert [lane["step"] for lane in header["race"]["lanes"]] == [0, 0]
    tab.do({"do": "race", "what": "play"})
    header, _ = after(tab, lambda header: header["race"]["mode"] == "finished")
    assert header["status"]["notice"] is None
    for lane, standing in zip(lanes, session.races._race.state.lanes, strict=True):
        assert same(standing.weights.network, plainly(session.planned({"hidden": lane["hidden"], "epochs": 1})))


def plainly(plan):
    """The network that train() alone ends with."""
    return last(train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint))


FRAIL = [
    (Trainer, "_open"), (Trainer, "_advance"), (Trainer, "_stepped"), (Trainer, "_record"), (races._Race, "_round"),
    (races._Lane, "open"), (races._Lane, "advance"), (studio_session, "_judgement"), (races, "gradient_sizes"),
]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_commands_of_many_at_random_while_everything_fails_now_and_then(
    session, tab, stripes, monkeypatch, caplog, seed
):
    """Each command is answered; and when nothing fails any more, all ends as if nothing ever had."""
    monkeypatch.setattr("glassnet.studio.workers._REST", 0.01)
    chance, failing, lock = random.Random(seed), threading.Event(), threading.Lock()
    failing.set()

    def frail(real):
        def now_and_then(*arguments, **options):
            with lock:
                wrong, late = failing.is_set() and chance.random() < 0.15, chance.random() < 0.5
                error = chance.choice(RAISED)
            found = None if wrong and not late else real(*arguments, **options)
            if wrong:
                raise error("a bug")
            return found

        return now_and_then

    lanes = [{"name": name, "hidden": [name]} for name in ("sigmoid", "relu")]
    tab.do({"do": "race", "what": "begin", "lanes": lanes, "epochs": 2, "value": None})
    with monkeypatch.context() as patched:
        for owner, name in FRAIL:
            patched.setattr(owner, name, frail(getattr(owner, name)))
        commands = [
            {"do": "play"}, {"do": "pause"}, {"do": "step", "what": "minibatch"}, {"do": "step", "what": "epoch"},
            {"do": "speed", "value": None}, {"do": "speed", "value": 300}, {"do": "back", "what": "minibatch"},
            {"do": "race", "what": "play"}, {"do": "race", "what": "pause"}, {"do": "race", "what": "minibatch"},
            {"do": "race", "what": "epoch"}, {"do": "race", "what": "speed", "value": 200.0},
        ]  # fmt: skip
        wrong = []

        def press(number):
            mine, own = random.Random(f"{seed} {number}"), session.tab(lambda: None)
            for _ in range(30):
                try:
                    own.do(mine.choice(commands))
                    own.frame()
                except Refused as error:
                    if error.code not in ("thread", "finished", "beginning", "stopped"):
                        wrong.append(error)
                except MemoryError:
                    pass
                except BaseException as error:
                    wrong.append(error)

        threads = [threading.Thread(target=press, args=(number,), daemon=True) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)  # every command was answered
        failing.clear()
        assert wrong == []
        tab.do({"do": "speed", "value": None})
        for command, mode in (
            ({"do": "play"}, lambda: session.now().mode),
            ({"do": "race", "what": "play"}, lambda: session.races._race.state.mode),
        ):
            with suppress(Refused):  # it may be finished already
                tab.do(command)
            until(lambda mode=mode: mode() == "finished")
    tab.do({"do": "view", "watch": ["race"]})
    tab.do({"do": "race", "what": "speed", "value": None})
    arrays = frame_of(tab)[1]
    assert same(session.now().weights.network, plainly(plan_on(stripes)))
    for k, (lane, standing) in enumerate(zip(lanes, session.races._race.state.lanes, strict=True)):
        assert same(standing.weights.network, plainly(session.planned({"hidden": lane["hidden"], "epochs": 2})))
        assert arrays[f"race_{k}_cost_steps"].tolist() == list(range(1, 41))
    assert arrays["cost_steps"].tolist() == list(range(1, 101))
    run = session.now().run
    session.close()
    places = [event["at"] for event in run.events() if event["event"] == "stepped"]
    assert places == sorted(map(list, set(map(tuple, places))))


# ── Time and hands ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_back_in_time_and_forward_again(session, tab):
    tab.do({"do": "reach", "step": 30})
    assert tab.do({"do": "seek", "step": 12})["step"] == 12
    header, arrays = frame_of(tab)
    found = header["status"]
    assert (found["step"], found["at"], found["past"]) == (12, [0, 120], True)
    assert found["end"] == {"step": 30, "at": [1, 100]}
    assert tab.do({"do": "back", "what": "minibatch"})["at"] == [0, 110]
    tab.do({"do": "step", "what": "minibatch"})
    again = frame_of(tab)[1]
    assert again["weight1"].tobytes() == arrays["weight1"].tobytes()
    assert tab.do({"do": "back", "what": "epoch"})["step"] == 0
    assert tab.do({"do": "seek", "at": [1, 100]})["step"] == 30
    with pytest.raises(WrongValue, match="needs its field step or at"):
        tab.do({"do": "seek"})
    assert not status(session)["past"]


def test_it_is_opened_again_where_it_stood(home, source):
    session = Session(home, source)
    tab = session.tab(lambda: None)
    tab.do({"do": "reach", "step": 9})
    tab.do({"do": "seek", "step": 4})
    session.close()
    session = Session(home)
    assert (status(session)["step"], status(session)["end"]["step"]) == (4, 9)
    session.close()


def test_bookmarks_are_set_renamed_and_taken_away_and_kept(home, source):
    session = Session(home, source)
    tab = session.tab(lambda: None)
    tab.news()
    tab.do({"do": "reach", "step": 3})
    assert tab.do({"do": "bookmark"}) == {"bookmark": 1}
    assert tab.do({"do": "bookmark", "name": "second"}) == {"bookmark": 2}
    tab.do({"do": "bookmark", "bookmark": 1, "name": "first"})
    (run,) = tab.news()
    assert [(mark["text"], mark["step"]) for mark in run["marks"]] == [("first", 3), ("second", 3)]
    session.close()
    session = Session(home)
    tab = session.tab(lambda: None)
    tab.do({"do": "unbookmark", "bookmark": 1})
    assert [mark["text"] for mark in session.describe()["marks"]] == ["second"]
    with pytest.raises(WrongValue, match="there is no bookmark 1"):
        tab.do({"do": "unbookmark", "bookmark": 1})
    session.close()


def test_a_change_in_the_past_goes_on_in_a_new_run(session, tab):
    tab.do({"do": "reach", "step": 20})
    tab.do({"do": "seek", "step": 10})
    assert tab.do({"do": "change", "learning_rate": 0.25})["run"] == 2
    assert json.loads((session.home / "session.json").read_text())["run"] == 2
    assert Run.open(session.home / "1").checkpoint().epoch == 1


def test_by_hand_and_what_it_is_worth(session, tab):
    tab.do({"do": "reach", "step": 20})
    state = session.now()
    plain = evaluate(state.weights.network, state.splits.validation, state.checkpoint.settings.cost)
    reply = tab.do({"do": "edit", "kind": "weights", "layer": 1, "neuron": 2}, {"values": np.full(64, 9, np.float32)})
    assert reply["before"] == {"cost": pytest.approx(plain.cost), "accuracy": plain.accuracy, "examples": 40}
    network = session.now().weights.network
    assert (network.layers[0].weight[2] == 9).all()
    judged = evaluate(network, state.splits.validation, state.checkpoint.settings.cost)
    assert reply["judged"] == {"cost": pytest.approx(judged.cost), "accuracy": judged.accuracy, "examples": 40}
    tab.do({"do": "edit", "kind": "mute", "layer": 2, "neuron": 0, "muted": True})
    reply = tab.do({"do": "edit", "kind": "bias", "layer": 1, "neuron": 0, "value": 0.1})
    assert (reply["edits"], reply["redo"]) == (3, 0)
    assert status(session)["edits"] == {"count": 3, "redo": 0}
    assert tab.do({"do": "edit", "kind": "mute", "layer": 2, "neuron": 0, "muted": False})["edits"] == 2
    assert tab.do({"do": "undo"})["redo"] == 1
    assert tab.do({"do": "redo"})["edits"] == 2
    asked = tab.do({"do": "worth"})
    assert (asked["edits"], asked["before"]) == (2, reply["before"])
    reply = tab.do({"do": "undo", "all": True})
    assert reply["judged"] == reply["before"]
    assert same(session.now().weights.network, state.weights.network)


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ({"kind": "weights", "layer": 1, "neuron": 0}, "needs its values"),
        ({"kind": "bias", "layer": 1, "neuron": 0}, "an edit of a bias needs its value"),
        ({"kind": "bias", "layer": 9, "neuron": 0, "value": 1}, "there is no layer 9"),
        ({"kind": "bias", "layer": 1, "neuron": 0, "value": float("nan")}, "value must be a number"),
        ({"kind": "mute", "layer": 3, "neuron": 0, "muted": True}, "an output cannot be muted"),
        ({"kind": "mute", "layer": 2, "neuron": 0, "muted": False}, "was not muted here"),
    ],
)
def test_what_no_hand_can_do_is_refused(session, tab, message, says):
    before = session.now().weights
    with pytest.raises(WrongValue, match=says):
        tab.do({"do": "edit", **message})
    assert session.now().weights is before


def test_a_neuron_is_asked_about_and_the_random_network_too(session, tab):
    tab.do({"do": "reach", "step": 20})
    about, arrays = unpack(tab.do({"do": "lit", "layer": 1, "neuron": 3, "id": 5}))
    assert (about["type"], about["id"], arrays["shares"].shape) == ("done", 5, (3,))
    then = unpack(tab.do({"do": "answers", "source": "test", "rows": [0, 1, 2], "step": 0}))[1]
    first = Run.open(session.home / "1").first().network
    assert then["answers"].tolist() == first(session.now().splits.test.inputs[:3]).argmax(axis=1).tolist()
    assert status(session)["step"] == 20
    with pytest.raises(WrongValue, match="has come to step 20 so far"):
        tab.do({"do": "answers", "source": "test", "rows": [0], "step": 21})


def test_what_a_minibatch_changed_comes_with_the_frame_that_shows_it(tab):
    tab.do({"do": "view", "watch": ["change"]})
    assert frame_of(tab)[0]["change"] is None
    tab.do({"do": "step", "what": "minibatch"})
    header, arrays = after(tab, lambda header: header["status"]["step"] == 1 and "change" in header)
    # How many moved, and of how many it was asked, is told with it (see test_looks.py).
    assert set(header["change"]) == {"step", "size", "moved", "asked", "followed", "others"}
    assert (header["change"]["step"], header["change"]["size"]) == (1, 10)
    assert arrays["dweight1"].shape == (16, 64)


def test_a_run_of_the_command_line_can_be_gone_back_in_to_its_beginning(home, stripes, tmp_path):
    plan = plan_on(stripes)
    run = Run.create(tmp_path / "cli", plan.about)
    ended = last(record(train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint), run))
    session = Session(home, tmp_path / "cli")
    tab = session.tab(lambda: None)
    assert same(session.now().weights.network, ended)
    tab.do({"do": "seek", "step": 0})
    assert same(session.now().weights.network, plan.checkpoint.network)
    tab.do({"do": "reach", "step": 100})
    assert same(session.now().weights.network, ended)
    assert session.now().notice.code == "finished"  # and not that the digits differ
    session.close()


def test_a_run_of_an_older_studio_is_given_its_beginning(home, source):
    session = Session(home, source)
    session.tab(lambda: None).do({"do": "reach", "step": 7})
    session.close()
    first = home / "1" / "first.safetensors"
    kept = read_checkpoint(first)[0].network
    first.unlink()
    (home / "1" / "run.json").write_text(json.dumps({**Run.open(home / "1").about, "from": None}))
    session = Session(home)
    session.tab(lambda: None).do({"do": "seek", "step": 0})
    assert status(session)["step"] == 0
    session.close()
    assert same(read_checkpoint(first)[0].network, kept)


def test_who_was_let_in_to_watch_can_change_nothing(session):
    pupil = session.tab(lambda: None, watching=True)
    for name in sorted(set(COMMANDS) - WATCHING):
        fields = {key: value for key, value in SAMPLE.items() if key in COMMANDS[name]}
        if name == "forget_data":
            fields["data"] = "1"
        if name == "pretrained":
            fields["name"] = "series"
        with pytest.raises(WrongValue) as caught:
            pupil.do({"do": name, **fields})
        assert getattr(caught.value, "code", None) == "watching_only", name
    assert pupil.do({"do": "look", "source": "blank"}) == {}


def test_who_only_watches_cannot_make_the_training_go_through_its_past(session, tab):
    pupil = session.tab(lambda: None, watching=True)
    tab.do({"do": "reach", "step": 3})
    for step in (0, None):
        assert pupil.do({"do": "answers", "source": "test", "rows": [1], "step": step})
    with pytest.raises(WrongValue, match="only step 0") as caught:
        pupil.do({"do": "answers", "source": "test", "rows": [1], "step": 2})
    assert caught.value.code == "watching_only"


def test_who_only_watches_is_told_no_folders_of_this_machine(session, tab, home, stripes, monkeypatch):
    pupil = session.tab(lambda: None, watching=True)

    def full(path, body):
        raise NotSaved(f"could not save {path}: no space left.")

    with monkeypatch.context() as patched:
        patched.setattr("glassnet.files.write", full)
        tab.do({"do": "speed", "value": 7})
        until(lambda: status(session)["notice"])
        header, _ = frame_of(pupil)
        assert header["status"]["notice"]["text"].startswith("could not save ")
        told = [
            *pupil.news(),
            header,
            pupil.do({"do": "datasets"}),
            pupil.do({"do": "runs"}),
            session.state(watching=True),
        ]
    assert told[0]["data"]["sources"] == ["stripes.npz"]
    assert [each["name"] for each in told[0]["choices"]["data"]] == ["MNIST", "stripes.npz"]
    for folder in (home, stripes.parent, home.parent):
        assert str(folder) not in json.dumps(told)
    assert str(stripes) in json.dumps(tab.news())


def test_the_step_of_a_judgement_is_counted_as_all_steps_are(session, tab):
    tab.do({"do": "reach", "step": 10})
    until(lambda: status(session)["judged"] and status(session)["judged"]["step"] == 10)
    tab.do({"do": "change", "batch_size": 20})
    assert (status(session)["step"], status(session)["judged"]["step"]) == (5, 5)
    assert set(status(session)["judged"]) == {"step", "now", "train", "validation"}


def test_a_judgement_tells_whether_it_is_of_the_network_that_is_shown(stripes, tmp_path):
    """Not so after a step, an edit by hand at the same step, with another cost, and after a jump, until it is judged anew."""
    trainer = Trainer(*run_on(tmp_path, stripes), lambda: None)
    for change in (
        lambda: None,
        trainer.step,
        lambda: trainer.edit(Edit("bias", 1, 0, (0.25,))),
        lambda: trainer.change({"cost": "absolute_error"}),
        lambda: trainer.seek(0),
    ):
        change()
        before = _told(trainer.state)
        assert before is None or before["now"] is False
        trainer.judge(trainer.state, _judgement(trainer.state, 1))
        told = _told(trainer.state)
        assert (told["now"], told["step"]) == (True, trainer.state.step)
    trainer.close()


def test_a_run_that_cannot_be_begun_leaves_nothing_behind(session, tab, home, monkeypatch):
    def full(*_):
        raise NotSaved("could not save it: no space left.")

    before = sorted(home.iterdir())
    for where in ((Run, "save_first"), (Run, "append"), (files, "write")):
        with monkeypatch.context() as patched:
            patched.setattr(*where, full)
            with pytest.raises(NotSaved):
                tab.do({"do": "restart", "seed": 1})
        assert sorted(home.iterdir()) == before
    assert tab.do({"do": "restart", "seed": 1}) == {"run": 2}


def test_runs_that_are_made_at_once_have_folders_of_their_own(tmp_path, stripes):
    plan = plan_on(stripes)
    with ThreadPoolExecutor(8) as threads:
        runs = list(
            threads.map(
                lambda number: new_run(tmp_path, {"number": number}, [], plan.checkpoint, plan.checkpoint), range(24)
            )
        )
    assert len({run.path for run in runs}) == 24
    assert sorted(run.about["number"] for run in runs) == list(range(24))
    assert all(Run.open(run.path).about == run.about for run in runs)
    assert {path.name for path in tmp_path.iterdir()} == {str(number) for number in range(1, 25)}


def test_data_that_becomes_known_twice_at_once_is_there_once(session):
    start = threading.Barrier(8)

    def know(number):
        start.wait()
        session.know([f"/nowhere/{number % 2}.npz"])

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(know, range(8)))
    known = [each["sources"] for each in session.describe()["choices"]["data"]]
    assert known.count(["/nowhere/0.npz"]) == known.count(["/nowhere/1.npz"]) == 1


SAMPLE = {
    "what": "minibatch", "value": 1, "step": 0, "bookmark": 1, "kind": "bias", "layer": 1, "neuron": 0, "run": "1", "name": "x",
}  # fmt: skip


# ── What may happen to a run ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "adam"},
        {"momentum": 0.5},
        {"optimizer": "rmsprop", "batch_size": 7},
        {"optimizer": "adam", "epochs": 2},  # lowered to where it stands
    ],
)
def test_a_finished_run_whose_settings_are_changed_opens_again_and_goes_on(home, source, changes):
    session = Session(home, source)
    tab = session.tab(lambda: None)
    tab.do({"do": "change", "epochs": 2 if "epochs" not in changes else 3})
    tab.do({"do": "reach", "step": 40})  # 200 examples in tens
    assert (status(session)["mode"] == "finished") == ("epochs" not in changes)
    tab.do({"do": "change", **changes})
    assert status(session)["mode"] == "finished"
    network = session.now().weights.network
    settings = session.describe()["settings"]
    session.close()
    session = Session(home)
    assert (session.describe()["name"], status(session)["notice"]["code"]) == ("1", "finished")
    assert same(session.now().weights.network, network)
    assert session.describe()["settings"] == settings
    assert (
        session.describe()["marks"][-1]["values"].items()
        >= {key: value for key, value in changes.items() if key != "epochs"}.items()
    )
    tab = session.tab(lambda: None)
    tab.do({"do": "change", "epochs": 4})
    tab.do({"do": "step", "what": "epoch"})
    until(lambda: status(session)["at"] == [3, 0])
    tab.do({"do": "seek", "at": [1, 100]})
    tab.do({"do": "seek", "at": [3, 0]})  # what is trained again comes to the same bytes, or a notice says so
    assert status(session)["notice"] is None
    session.close()


def test_a_full_disk_at_the_start_is_no_damage_and_no_new_run(home, source, monkeypatch):
    session = Session(home, source)
    session.tab(lambda: None).do({"do": "reach", "step": 7})
    session.close()
    run = Run.open(home / "1")
    run.append(
        [{"event": "stepped", "step": 8, "at": [0, 80], "epoch": 1, "examples": 80, "cost": 1.0}]
    )  # to be dropped
    (home / "1" / "first.safetensors").unlink()

    def full(*_):
        raise NotSaved("the disk is full")

    for module in ("glassnet.files.write", "glassnet.files.append", "glassnet.files.Lock.take"):
        monkeypatch.setattr(module, full if "Lock" not in module else lambda self: full())
    session = Session(home)
    try:
        assert (session.describe()["name"], status(session)["step"]) == ("1", 7)
        session.tab(lambda: None).do({"do": "step", "what": "minibatch"})
        until(lambda: (status(session)["notice"] or {}).get("code") == "unsaved")
        assert status(session)["step"] == 8
    finally:
        monkeypatch.undo()
        session.close()
    assert sorted(path.name for path in home.iterdir() if path.name.isdecimal()) == ["1"]
    steps = [event["step"] for event in Run.open(home / "1").events() if event["event"] == "stepped"]
    assert steps[-1] == 8
    assert len(steps) == len(set(steps))
    assert Run.open(home / "1").checkpoint().memory.step == 8


def test_of_a_run_that_another_process_trains_the_studio_keeps_its_hands_off(home, source):
    session = Session(home, source)
    tab = session.tab(lambda: None)
    tab.do({"do": "reach", "step": 7})
    tab.do({"do": "restart", "seed": 3})
    with Run.open(home / "1").hold():
        for message in (
            {"do": "open", "run": "1"},
            {"do": "rename", "run": "1", "name": "x"},
            {"do": "delete", "run": "1"},
        ):
            with pytest.raises(Busy, match="is being written by another part of this process"):
                tab.do(message)
        assert session.describe()["name"] == "2"
        tab.do({"do": "compare", "id": 1, "runs": ["1", "2"]})
    tab.do({"do": "open", "run": "1"})
    with pytest.raises(Busy):
        Run.open(home / "1").note(name="x")  # it is the studio's now
    session.close()
    with Run.open(home / "1").hold():
        session = Session(home)
        told = status(session)["notice"]
        assert (told["code"], session.describe()["name"]) == ("busy", "3")
        assert "is being written by another part of this process" in told["text"]
        session.close()


def test_a_run_whose_data_was_moved_finds_it_among_what_the_studio_knows(home, stripes, tmp_path):
    here = tmp_path / "here.npz"
    here.write_bytes(stripes.read_bytes())
    session = Session(home, data=[str(here)])
    session.tab(lambda: None).do({"do": "reach", "step": 3})
    network = session.now().weights.network
    session.close()
    there = tmp_path / "there.npz"
    here.rename(there)

    session = Session(home)  # nobody says where it is
    told = status(session)["notice"]
    assert (told["code"], session.describe()["name"]) == ("damaged", "2")
    assert "the data of" in told["text"]
    tab = session.tab(lambda: None)
    with pytest.raises(WrongFile, match="say where that very data lies now"):
        tab.do({"do": "open", "run": "1"})
    session.know([str(there)])
    tab.do({"do": "open", "run": "1"})
    assert same(session.now().weights.network, network)
    assert status(session)["notice"]["code"] == "moved"
    assert Run.open(home / "1").about["data"]["sources"] == [str(there)]
    session.close()

    again = tmp_path / "again.npz"
    there.rename(again)
    session = Session(home, data=[str(again)])  # named where the studio is started
    assert (session.describe()["name"], status(session)["step"]) == ("1", 3)
    session.close()
    session = Session(tmp_path / "other", home / "1", [str(again)])  # and for a run that is only read
    assert same(session.now().weights.network, network)
    session.close()


def test_a_changed_byte_of_the_session_is_noticed(home, source):
    Session(home, source).close()
    path = home / "session.json"
    path.write_text(path.read_text().replace('"speed": 100.0', '"speed": 900.0'))
    session = Session(home)
    assert status(session)["notice"]["code"] == "damaged"
    session.close()
