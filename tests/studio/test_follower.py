"""Following a run that another process trains: it is seen as it is written, and read no more than that."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from small_run import RAISED, Once, npz, run_on, same, until

from glassnet import Network, Run, WrongFile, train
from glassnet.studio.charts import Charts
from glassnet.studio.follower import Follower, Record
from glassnet.watch import record


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    return npz(tmp_path_factory.mktemp("data"))


def trained_on(run, plan, **options):
    """The run, trained to its end as the command line does it."""
    for _ in record(
        train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint, **options), run
    ):
        pass


# ── The record ───────────────────────────────────────────────────────────────────────────────────────────────────────


def arrays(charts):
    return {name: values.tolist() for name, values in charts.arrays(10)[1].items()}


def test_a_record_that_is_read_bit_by_bit_makes_the_charts_of_one_that_is_read_whole(stripes, tmp_path):
    run, plan = run_on(tmp_path, stripes)
    trained_on(run, plan, every=1)
    whole = (run.path / "events.jsonl").read_bytes()
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / "events.jsonl"
    copy.touch()
    bits = Record(copy.parent, 200)
    assert not bits.read()
    for at in range(0, len(whole), 777):
        with copy.open("ab") as file:
            file.write(whole[at : at + 777])
        bits.read()
    assert bits.finished
    one, other = arrays(bits.charts), arrays(Charts.of(run.events(), 200))
    assert str(one) == str(other)
    assert len(one["cost"]) == 100


def test_a_half_written_line_waits_for_its_end(tmp_path):
    line = json.dumps({"event": "stepped", "step": 1, "at": [0, 10], "cost": 0.5}).encode() + b"\n"
    file = tmp_path / "events.jsonl"
    file.write_bytes(line[:20])
    found = Record(tmp_path, 100)
    assert not found.read()
    assert found.cost is None
    with file.open("ab") as more:
        more.write(line[20:])
    assert found.read()
    assert found.cost == 0.5


def test_what_is_no_event_is_left_out(tmp_path):
    lines = [b"not json", b"3", b'{"event": 1, "at": [0, 1]}', b'{"event": "stepped", "at": [-1, 5], "cost": 1}',
             b'{"event": "stepped", "at": [0, 1e9], "cost": 1}', b"[" * 100_000,
             b'{"event": "stepped", "step": 2, "at": [0, 20], "cost": 0.25}', b""]  # fmt: skip
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines))
    found = Record(tmp_path, 100)
    assert found.read()
    assert found.cost == 0.25
    assert arrays(found.charts)["cost"] == [0.25]


def test_a_record_that_was_replaced_is_read_from_its_beginning(stripes, tmp_path):
    run, plan = run_on(tmp_path, stripes)
    trained_on(run, plan, every=1)
    found = Record(run.path, 200)
    found.read()
    early = replace(plan.checkpoint, epoch=2)
    run.rewind(early)
    assert found.read()
    assert str(arrays(found.charts)) == str(arrays(Charts.of(run.events(), 200)))
    assert not found.finished


# ── The follower ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def following():
    made = []

    def follow(path, changed=lambda: None):
        made.append(Follower(path, changed))
        return made[-1]

    yield follow
    for each in made:
        each.close()


def test_the_state_of_a_run_that_rests(stripes, tmp_path, following):
    run, plan = run_on(tmp_path, stripes)
    state = following(run.path).state
    assert (state.mode, state.step, state.steps, state.place) == ("watching", 0, 100, 0)
    assert same(state.weights.network, plan.checkpoint.network)
    assert state.judged["validation"]["examples"] == 40
    assert 0 <= state.judged["validation"]["accuracy"] <= 1
    assert state.weights.version < 0 > state.told
    assert state.end == (0, 0)
    assert not state.past


def test_it_follows_to_the_end(stripes, tmp_path, following):
    run, plan = run_on(tmp_path, stripes)
    called = []
    follower = following(run.path, lambda: called.append(1))
    first = follower.state
    trained_on(run, plan)
    until(lambda: follower.finished and follower.state.checkpoint.epoch == 5)
    state = until(lambda: follower.state.notice and follower.state)
    assert called
    assert state.notice.code == "watched_finished"
    assert same(state.weights.network, run.network())
    assert state.weights.version != first.weights.version
    assert state.serial > first.serial
    assert state.end == (5, 0)
    assert str(arrays(state.charts)["cost"]) == str(arrays(Charts.of(run.events(), 200))["cost"])
    follower.close()
    follower.close()


def test_a_run_that_is_begun_anew_in_the_same_folder(stripes, tmp_path, following):
    run, plan = run_on(tmp_path, stripes)
    trained_on(run, plan)
    follower = following(run.path)
    told, before = follower.state.told, follower.state.run
    for path in run.path.iterdir():
        path.unlink()
    lost = until(lambda: follower.state.notice and follower.state.notice.code == "watched_lost" and follower.state)
    assert "cannot be read any more" in lost.notice.text
    assert "Traceback" not in lost.notice.text
    assert lost.checkpoint.epoch == 5  # what was seen stays
    again = Run.create(run.path, plan.about)
    again.save(plan.checkpoint)
    until(lambda: follower.state.step == 0 and follower.state.notice is None)
    assert follower.state.told > told
    assert follower.state.run is not before


@pytest.mark.parametrize("error", RAISED)
@pytest.mark.parametrize(("owner", "name"), [(Record, "read"), (Run, "checkpoint"), (Follower, "_note")])
def test_a_look_that_fails_is_said_and_the_next_sees_all(
    stripes, tmp_path, following, monkeypatch, caplog, owner, name, error
):
    monkeypatch.setattr("glassnet.studio.workers._REST", 0.01)
    monkeypatch.setattr("glassnet.studio.follower._LOOK", 0.01)
    run, plan = run_on(tmp_path, stripes)
    other, _ = run_on(tmp_path / "other", stripes)
    trained_on(other, plan)
    states, made = [], []
    follower = following(run.path, lambda: states.append(made[0].state))
    made.append(follower)
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, Once(error, getattr(owner, name), late=True))
        with (run.path / "events.jsonl").open("ab") as file:  # all at once: what was read when it failed comes no more
            file.write((other.path / "events.jsonl").read_bytes())
        os.replace(other.path / "checkpoint.safetensors", run.path / "checkpoint.safetensors")
        until(lambda: [state for state in states if state.notice and state.notice.code == "thread"])
    said = [state.notice.text for state in states if state.notice and state.notice.code == "thread"]
    assert said[0].startswith(f"reading this run failed: {error.__name__}")
    assert "It is tried again." in said[0]
    state = until(lambda: follower.finished and follower.state.checkpoint.epoch == 5 and follower.state)
    state = until(lambda: follower.state.notice and follower.state.notice.code == "watched_finished" and follower.state)
    assert same(state.weights.network, run.network())
    whole = Record(run.path, 200)
    whole.read()
    assert str(arrays(state.charts)["cost"]) == str(arrays(whole.charts)["cost"])
    assert (state.cost, state.seconds) == (whole.cost, whole.seconds)


def test_what_cannot_be_followed_is_said(stripes, tmp_path, following):
    with pytest.raises(WrongFile, match="holds no run"):
        following(tmp_path)
    run, plan = run_on(tmp_path, stripes)
    (run.path / "checkpoint.safetensors").unlink()
    with pytest.raises(WrongFile, match="no checkpoint yet"):
        following(run.path)
    run.save(plan.checkpoint)
    run.note(data={**run.about["data"], "sources": [str(tmp_path / "gone.npz")]})
    with pytest.raises(WrongFile, match="does not exist"):
        following(run.path)
    run.note(data={**run.about["data"], "sources": ["mnist"]})
    with pytest.raises(WrongFile, match="not what it was trained on"):
        following(run.path)


def test_a_real_training_in_another_process(stripes, tmp_path, following):
    path = tmp_path / "live"
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
        "100000",
    ]
    process = subprocess.Popen(
        [*command, "--out", str(path)], stderr=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "80"}
    )
    try:
        until(lambda: (path / "checkpoint.safetensors").exists())
        follower = following(path)
        seen = set()
        until(lambda: seen.add(follower.state.checkpoint.epoch) or len(seen) > 3)
        assert isinstance(follower.state.weights.network, Network)
        until(lambda: follower.state.rate)
        assert len(arrays(follower.state.charts)["cost"]) > 3
        process.terminate()
        process.wait(30)
        until(lambda: same(follower.state.weights.network, Run.open(path).network()))
        assert not follower.finished  # it was stopped before its end
    finally:
        process.kill()
        process.wait()
