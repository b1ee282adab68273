"""Files of before: a run, a parcel and settings that the version before there were checksums made still open. (A link is plain
words: one of then is opened by ``studio/test_page_share.py``.)

tests/before holds them: ``run`` is one of the command line (784-4-10; at 0.5, then at 5.0 with momentum), ``parcel.zip`` one of
the studio (a changed rate, an edit by hand, a bookmark), ``settings.json`` its settings alone.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from glassnet import Layer, Run, cli, evaluate, read_network
from glassnet.engine import ARITHMETIC
from glassnet.runs.plans import reopened
from glassnet.runs.questions import history, walked
from glassnet.runs.replay import Log, arithmetic_text
from glassnet.studio.parcels import unpacked
from glassnet.studio.session import Session

BEFORE = Path(__file__).parent / "before"


@pytest.fixture
def run(tmp_path):
    return Run.open(shutil.copytree(BEFORE / "run", tmp_path / "run"))


def test_a_run_of_before_opens_is_understood_and_goes_on(run, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    plan = reopened(run)
    assert [each.at for each in history(Log.of(run.events())).changes] == [(2, 0)]
    way = walked(run, plan)
    assert way.whole
    # To the byte where the processor is of the kind of then; close by, and said so, elsewhere.
    assert way.distance < 1e-3
    assert all(
        a.weight.tobytes() == b.weight.tobytes()
        for a, b in zip(way.walk.points[-1].layers, run.network().layers, strict=True)
    )
    epoch = [event for event in run.events() if event["event"] == "epoch"][-1]
    found = evaluate(run.network(), plan.splits.validation, plan.checkpoint.settings.cost)
    assert found.accuracy == pytest.approx(epoch["validation_accuracy"], abs=1e-3)
    with pytest.raises(SystemExit) as caught:
        cli.main(["train", "--out", str(run.path), "--resume", "--epochs", "4"])
    assert caught.value.code == 0, capsys.readouterr().err
    again = Run.open(run.path)
    assert again.checkpoint().epoch == 4
    assert [event["epoch"] for event in again.events() if event["event"] == "epoch"] == [1, 2, 3, 4]
    assert walked(again, reopened(again)).distance < 1e-3
    # It says by which arithmetic it was trained, and from where on by today's.
    assert "arithmetic" not in again.about
    assert [(each.at, each.arithmetic) for each in history(Log.of(again.events())).changes] == [
        ((2, 0), None),
        ((3, 0), ARITHMETIC),
    ]
    with pytest.raises(SystemExit):
        cli.main(["info", str(run.path)])
    shown = capsys.readouterr().out
    assert "0.1.0, arithmetic 1, NumPy 2.4.6" in shown
    assert f"epochs 4, arithmetic {ARITHMETIC}" in shown


def test_a_run_of_before_that_comes_out_otherwise_names_the_arithmetic_of_then(run):
    """As on a processor, or with numbers, where the arithmetics of then and of today part."""
    now = run.checkpoint()
    first = now.network.layers[0]
    bias = first.bias.copy()
    bias[1] += np.float32(0.25)
    run.save(replace(now, network=replace(now.network, layers=(Layer(first.weight, bias), *now.network.layers[1:]))))
    remark = walked(run, reopened(run)).remark
    assert arithmetic_text([1]) in remark
    assert "perhaps" not in remark


def test_a_studio_opens_a_run_and_a_parcel_of_before(run, tmp_path):
    session = Session(tmp_path / "home", run.path)
    try:
        assert [mark["at"] for mark in session.describe()["marks"]] == [[2, 0]]
        tab = session.tab(lambda: None)
        tab.do({"do": "change", "epochs": 4})
        tab.do({"do": "step", "what": "minibatch"})
        assert session.now().log.arithmetics == {(0, 0): 1, (3, 0): ARITHMETIC}
        arrived = session.shelf.receive(BEFORE / "parcel.zip", "parcel.zip")
        session.shelf.open(arrived["run"])
        told = session.describe()
        assert [(mark["kind"], mark["at"]) for mark in told["marks"]] == [
            ("settings", [0, 15000]), ("edit", [0, 30000]), ("bookmark", [0, 30000]),
        ]  # fmt: skip
        tab = session.tab(lambda: None)
        tab.do({"do": "seek", "step": 59})
        before = session.now().weights.network.layers[0].bias[2]
        tab.do({"do": "seek", "step": 60})
        assert session.now().weights.network.layers[0].bias[2] == 1.5 != before
        arrived = session.shelf.receive(BEFORE / "settings.json", "settings.json")
        session.shelf.open(arrived["run"])
        assert (
            session.describe()["settings"]["learning_rate"]
            == json.loads((BEFORE / "settings.json").read_text())["settings"]["optimizer"]["learning_rate"]["rate"]
        )
    finally:
        session.close()


def test_a_parcel_of_before_has_the_numbers_of_then(tmp_path):
    folder = tmp_path / "taken"
    folder.mkdir()
    run = unpacked(BEFORE / "parcel.zip", "parcel.zip", folder, [["mnist"]], lambda sizes: None)
    # As they were printed when it was made.
    np.testing.assert_allclose(
        run.network().layers[1].bias[:4], [-0.38817096, -0.335489, -0.80332357, -0.9215934], rtol=1e-6
    )
    assert read_network(run.path / "checkpoint.safetensors")[0].sizes == (784, 4, 10)
    assert walked(run, reopened(run)).distance < 1e-3
