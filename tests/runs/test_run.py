"""Runs on disk: what was recorded comes back, and a run killed at any moment goes on with at most one step lost.

Run as a program, this file is a server that forks trainings, each to be killed (see :func:`killed`).
"""

import errno
import gc
import json
import os
import random
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save as save_tensors

from glassnet import Checkpoint, Network, Run, Settings, files, record, train
from glassnet.data import from_labels
from glassnet.engine import ARITHMETIC
from glassnet.errors import WrongFile
from glassnet.files import NotSaved
from glassnet.optimizers import SGD, Adam, Cosine
from glassnet.runs import Busy, best_cost, event_data, led_to, settled_place, since_cost
from glassnet.runs.edits import Edit, edited

ABOUT = {"data": {"sources": ["mnist"]}, "classes": ["a", "b", "\N{SNOWMAN}"], "note": None}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "runs" / "1"


def checkpoint(step=0, seed=0):
    network = Network.random((4, 3, 3), seed=seed)
    settings = Settings(optimizer=Adam(Cosine(0.01)), epochs=5)
    memory = replace(settings.optimizer.init(network.layers, 1000), step=step)
    return Checkpoint(network, memory, 0, step, settings, 0.0, 0.5)


def stepped(number):
    return {"event": "stepped", "step": number, "at": [0, number]}


def data(n=24):
    rng = np.random.default_rng(0)
    return from_labels(rng.random((n, 4)), np.arange(n) % 3)


def files_in(folder):
    return sorted(path.name for path in folder.iterdir())


def same(one, other):
    for ours, theirs in zip(one.layers, other.layers, strict=True):
        np.testing.assert_array_equal(ours.weight, theirs.weight)
        np.testing.assert_array_equal(ours.bias, theirs.bias)


# ── The folder ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_is_made_and_found_again(folder):
    made = Run.create(folder, ABOUT)
    assert (made.path, made.about) == (folder, ABOUT)
    opened = Run.open(str(folder))
    assert (opened.path, opened.about) == (folder, ABOUT)
    assert files_in(folder) == ["run.json"]
    assert json.loads((folder / "run.json").read_text(encoding="utf-8")) == files.sealed(ABOUT)


def test_an_empty_folder_becomes_a_run(folder):
    folder.mkdir(parents=True)
    assert Run.create(folder, ABOUT).events() == []


def test_what_is_there_is_never_written_over(folder, tmp_path):
    Run.create(folder, ABOUT).save(checkpoint())
    (tmp_path / "file").write_text("mine")
    for path in (folder, tmp_path, tmp_path / "file"):
        with pytest.raises(WrongFile, match="exists already: choose another folder, or go on with the run in it"):
            Run.create(path, {})
    assert Run.open(folder).about == ABOUT
    assert (tmp_path / "file").read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "run", tmp_path / ("n" * 300)):
        with pytest.raises(NotSaved, match="could not make the folder"):
            Run.create(path, ABOUT)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", r"run\.json is damaged"),
        (b"{", r"run\.json is damaged"),
        (b"\xff\xfe", r"run\.json is damaged"),
        (b"[" * 100_000, r"run\.json is damaged"),
        (b"[1]", r"run\.json does not describe a run"),
    ],
)
def test_a_damaged_run_is_refused(folder, body, says):
    folder.mkdir(parents=True)
    (folder / "run.json").write_bytes(body)
    with pytest.raises(WrongFile, match=says):
        Run.open(folder)


def test_no_run_is_refused(folder, tmp_path):
    with pytest.raises(WrongFile, match=r"does not exist; glassnet train --out .* makes one"):
        Run.open(folder)
    with pytest.raises(WrongFile, match=r"holds no run: it has no run\.json; glassnet train --out"):
        Run.open(tmp_path)


def test_checkpoints_come_back(folder):
    run = Run.create(folder, ABOUT)
    with pytest.raises(WrongFile, match="has no checkpoint yet: its training was stopped before the first was saved"):
        run.checkpoint()
    with pytest.raises(WrongFile, match="has no checkpoint yet"):
        run.network()
    assert run.best() is None
    run.save(checkpoint(step=1, seed=1))
    assert files_in(folder) == ["checkpoint.safetensors", "run.json"]
    run.save(checkpoint(step=2, seed=2), best=checkpoint(step=1, seed=3))
    opened = Run.open(folder)
    same(opened.checkpoint().network, checkpoint(seed=2).network)
    same(opened.network(), checkpoint(seed=2).network)
    same(opened.best().network, checkpoint(seed=3).network)
    assert (opened.checkpoint().memory.step, opened.best().memory.step) == (2, 1)
    assert files_in(folder) == ["best.safetensors", "checkpoint.safetensors", "run.json"]


def test_a_damaged_checkpoint_is_named(folder):
    run = Run.create(folder, ABOUT)
    run.save(checkpoint(), best=checkpoint())
    for name in ("checkpoint", "best"):
        (folder / f"{name}.safetensors").write_bytes(b"damaged")
    for read, name in ((run.checkpoint, "checkpoint"), (run.network, "checkpoint"), (run.best, "best")):
        with pytest.raises(WrongFile, match=rf"{name}\.safetensors is not a whole"):
            read()


# ── Events ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def training(**how):
    network = Network.random((4, 3, 3))
    return train(network, data(), validation=data(9), optimizer=Adam(0.01), **{"epochs": 3, "batch_size": 5, **how})


def test_what_happens_is_recorded(folder):
    run, seen = Run.create(folder, ABOUT), []
    for event in record(training(every=2), run, seconds=0):
        seen.append(event_data(event))
        assert Run.open(folder).events() == seen
        assert run.checkpoint().memory.step == event.checkpoint.memory.step
    assert [event["event"] for event in seen] == [
        "started",
        *["stepped", "stepped", "stepped", "epoch"] * 3,
        "finished",
    ]
    assert [event["step"] for event in seen] == [0, 2, 4, 5, 5, 7, 9, 10, 10, 12, 14, 15, 15, 15]
    assert (seen[0]["examples"], seen[0]["arithmetic"]) == (24, ARITHMETIC)
    assert Settings.from_data(seen[0]["settings"]) == event.checkpoint.settings
    epoch = seen[4]
    assert (epoch["epoch"], type(epoch["cost"]), type(epoch["validation_cost"])) == (1, float, float)
    assert 0 <= epoch["validation_accuracy"] <= 1
    assert seen[-1] == {"event": "finished", "step": 15, "at": [3, 0], "reason": "epochs"}
    assert [event["at"] for event in seen[1:5]] == [[0, 10], [0, 20], [0, 24], [1, 0]]
    same(run.network(), event.checkpoint.network)
    costs = [event["validation_cost"] for event in seen if event["event"] == "epoch"]
    assert run.best().epoch == 1 + int(np.argmin(costs))


def test_events_come_back(folder):
    run = Run.create(folder, ABOUT)
    assert run.events() == []
    events = [{**stepped(n), "cost": n / 3, "note": "\N{SNOWMAN} \u2028 \n"} for n in range(5)]
    run.append(events[:2])
    run.append([])
    run.append(iter(events[2:]))
    assert Run.open(folder).events() == events
    assert (folder / "events.jsonl").read_bytes().count(b"\n") == 5


def test_an_unfinished_last_line_does_not_count(folder):
    run = Run.create(folder, ABOUT)
    run.append([stepped(n) for n in range(3)])
    body = (folder / "events.jsonl").read_bytes()
    starts = [0, *(at + 1 for at, byte in enumerate(body) if byte == 10)]
    for length in range(len(body) + 1):
        (folder / "events.jsonl").write_bytes(body[:length])
        whole = sum(start <= length for start in starts[1:])
        assert [event["step"] for event in run.events()] == list(range(whole))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b'{"event": "stepped", "st',
        b"\xff\xff",
        b"[]",
        b'"text"',
        b"7",
        b"null",
        b"{}",
        b'{"event": "stepped", "at": [0, 1]}',
        b'{"event": "stepped", "step": 1}',
        b'{"step": 1, "at": [0, 1]}',
        b'{"event": "stepped", "step": "1", "at": [0, 1]}',
        b'{"event": "stepped", "step": null, "at": [0, 1]}',
        b'{"event": "stepped", "step": 1, "at": 1}',
        b'{"event": "stepped", "step": 1, "at": [1]}',
        b'{"event": "stepped", "step": 1, "at": [1, "2"]}',
        b'{"event": "stepped", "step": 1, "at": [1, 2, 3]}',
        b'{"event": "stepped", "step": 1, "at": "12"}',
        b'{"event": "epoch", "step": 1, "at": [0, 1]}',
        b'{"event": "epoch", "step": 1, "at": [0, 1], "epoch": "1"}',
        b"[" * 100_000,
    ],
)
def test_a_damaged_line_is_named(folder, line):
    run = Run.create(folder, ABOUT)
    good = json.dumps(stepped(1)).encode() + b"\n"
    (folder / "events.jsonl").write_bytes(good + line + b"\n" + good)
    for read in (run.events, lambda: run.rewind(checkpoint())):
        with pytest.raises(WrongFile, match=r"line 2 of .*events\.jsonl is damaged"):
            read()
    assert (folder / "events.jsonl").read_bytes() == good + line + b"\n" + good


def test_events_that_cannot_be_read_or_written_are_refused(folder):
    run = Run.create(folder, ABOUT)
    (folder / "events.jsonl").mkdir()
    with pytest.raises(WrongFile, match=r"cannot read .*events\.jsonl: (Is a directory|Permission denied)"):
        run.events()
    with pytest.raises(NotSaved, match=r"could not add to .*events\.jsonl: (Is a directory|Permission denied)"):
        run.append([stepped(1)])


def test_rewinding_drops_what_will_happen_again(folder):
    run, points = Run.create(folder, ABOUT), []
    for event in record(training(every=2), run, seconds=0):
        points.append(event.checkpoint)
    events = run.events()
    # Back, from the last to the first: a checkpoint's own events stay, and those of the same moment.
    for number, point in reversed(list(enumerate(points[:-1]))):
        run.rewind(point)
        kept = run.events()
        assert kept[: number + 1] == events[: number + 1]
        assert all(event["event"] == "finished" for event in kept[number + 1 :])


def test_rewinding_drops_an_unfinished_line(folder):
    run = Run.create(folder, ABOUT)
    run.append([stepped(1), stepped(2)])
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "stepp')
    run.rewind(checkpoint(step=2))
    run.append([stepped(3)])
    assert [event["step"] for event in run.events()] == [1, 2, 3]


@pytest.mark.parametrize("torn", [b'{"event": "stepp', b"x" * 10_000])
def test_appending_cuts_off_an_unfinished_line(folder, torn):
    run = Run.create(folder, ABOUT)
    (folder / "events.jsonl").write_bytes(torn)  # not one whole line
    run.append([stepped(1), stepped(2)])
    with (folder / "events.jsonl").open("ab") as file:
        file.write(torn)
    run.append([stepped(3)])
    assert [event["step"] for event in run.events()] == [1, 2, 3]


def test_a_resumed_run_records_what_an_uninterrupted_one_does(folder, tmp_path):
    for event in record(training(every=1), Run.create(tmp_path / "whole", ABOUT), seconds=0):
        whole = event.checkpoint
    run = Run.create(folder, ABOUT)
    for event in record(training(every=1), run, seconds=0):
        if event.checkpoint.memory.step == 7:
            break
    run.append([{**stepped(8), "at": [1, 15]}])  # as if killed before saving
    run = Run.open(folder)
    start = run.checkpoint()
    run.rewind(start)
    assert len(list(record(train(None, data(), validation=data(9), start=start, every=1), run, seconds=0))) > 8
    same(run.network(), whole.network)

    def facts(path):
        return [
            {key: value for key, value in event.items() if key != "seconds"}
            for event in Run.open(path).events()
            if event["event"] != "started"
        ]

    assert facts(folder) == facts(tmp_path / "whole")


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("name", ["open", "write", "fsync", "replace"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_save_that_fails_leaves_a_run_to_go_on_with(folder, monkeypatch, name, number, code):
    """Of the best checkpoint (number 1), then of the latest (number 2): neither is ever damaged."""
    run = Run.create(folder, ABOUT)
    run.save(checkpoint(step=1, seed=1), best=checkpoint(step=1, seed=1))
    run.take()  # the lock's own file is not what fails here
    real, count = getattr(os, name), 0
    wanted = number + (number == 2 and name in ("open", "fsync"))  # a save also opens, and syncs, the folder

    def call(*arguments):
        nonlocal count
        count += 1
        if count == wanted:
            raise OSError(code, os.strerror(code))
        return real(*arguments)

    monkeypatch.setattr(files.os, name, call)
    which = ("best", "checkpoint")[number - 1]
    with pytest.raises(
        NotSaved, match=rf"could not save .*{which}\.safetensors: {os.strerror(code)}\. The file from before"
    ):
        run.save(checkpoint(step=2, seed=2), best=checkpoint(step=2, seed=2))
    monkeypatch.undo()
    run.release()
    run = Run.open(folder)
    same(run.checkpoint().network, checkpoint(seed=1).network)
    same(run.best().network, checkpoint(seed=number).network)
    assert files_in(folder) == ["best.safetensors", "checkpoint.safetensors", "run.json"]


def test_a_new_run_that_cannot_be_written_says_so(folder, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "write", full)
    with pytest.raises(NotSaved, match=r"could not save .*run\.json: No space left on device\. Make room"):
        Run.create(folder, ABOUT)
    monkeypatch.undo()
    assert not folder.exists()
    Run.create(folder, ABOUT)  # there is room again


# ── What was damaged on the way ──────────────────────────────────────────────────────────────────────────────────────


STATES = ("first", "checkpoint", "best")


def whole_run(folder):
    """A run with all its files, and how each is read."""
    run = Run.create(folder, ABOUT, checkpoint())
    run.append([stepped(number) for number in range(1, 4)])
    run.save(checkpoint(step=3, seed=1), best=checkpoint(step=2, seed=2))
    tensors = {name: partial(_numbers, name) for name in STATES}
    readers = {f"{name}.safetensors": read for name, read in tensors.items()}
    return run, {"run.json": lambda run: Run.open(run.path).about, "events.jsonl": Run.events, **readers}


def _numbers(name, run):
    found = getattr(run, name)()
    sets = [found.network.layers, *found.memory.moments.values()]
    rest = (
        found.epoch,
        found.example,
        found.settings,
        found.cost_sum,
        found.first_cost,
        found.cost_from,
        found.memory.step,
    )
    return [a.tobytes() for layers in sets for layer in layers for a in (layer.weight, layer.bias)], rest


@pytest.mark.parametrize("name", ["run.json", "events.jsonl", *(f"{name}.safetensors" for name in STATES)])
def test_a_changed_byte_is_refused_or_says_nothing(folder, long, name):
    """Whatever byte of whatever file is another: it is noticed, or what is read is what was written."""
    run, readers = whole_run(folder)
    good, path, dice, noticed = readers[name](run), folder / name, random.Random(0), 0
    body, times = path.read_bytes(), 5000 if long else 300
    for _ in range(times):
        at, change = dice.randrange(len(body)), dice.randrange(1, 256)
        path.write_bytes(body[:at] + bytes([body[at] ^ change]) + body[at + 1 :])
        try:
            found = readers[name](Run(folder, ABOUT))
        except WrongFile:
            noticed += 1
        else:
            assert found == good, (at, body[max(0, at - 30) : at + 30])
    assert noticed > 0.7 * times  # the rest is space between words


def test_files_of_before_there_were_checksums_open(folder):
    run, readers = whole_run(folder)
    good = {name: read(run) for name, read in readers.items()}
    (folder / "run.json").write_text(json.dumps(ABOUT))
    lines = [json.dumps(event) + "\n" for event in good["events.jsonl"]]
    (folder / "events.jsonl").write_text("".join(lines))
    for name in STATES:
        without_sums(folder / f"{name}.safetensors")
    assert {name: read(run) for name, read in readers.items()} == good
    # What is added from now on is checked, and among what is checked nothing goes unchecked.
    run.append([stepped(4)])
    assert run.events()[-1] == stepped(4)
    with (folder / "events.jsonl").open("a") as file:
        file.write(lines[0])
    with pytest.raises(WrongFile, match=r"line 5 of .* is damaged \(it has no check"):
        run.events()


def without_sums(path):
    """A checkpoint as earlier versions wrote it."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        header = json.loads(file.metadata()["glassnet"])
    header = {key: value for key, value in header.items() if key not in ("sums", "sealed", "checksum")}
    for key in ("cost_from",):
        header["checkpoint"].pop(key, None)
    path.write_bytes(save_tensors(tensors, metadata={"glassnet": json.dumps(header)}))


def test_a_finished_run_of_before_whose_optimizer_was_changed_opens_again(folder):
    """Earlier versions saved it with the running averages of the optimizer before, and could not read that."""
    run = Run.create(folder, ABOUT)
    save_old = checkpoint(step=7)
    run.save(save_old)
    without_sums(folder / "checkpoint.safetensors")
    rewritten(folder / "checkpoint.safetensors", SGD(0.5, momentum=0.5))
    found = run.checkpoint()
    assert set(found.memory.moments) == {"velocity"}
    assert found.memory.begun == found.memory.step == 7
    assert not any(layer.weight.any() or layer.bias.any() for layer in found.memory.moments["velocity"])
    same(found.network, save_old.network)


def rewritten(path, optimizer):
    """The file with another optimizer in its settings, and the running averages that it had."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        header = json.loads(file.metadata()["glassnet"])
    header["checkpoint"]["settings"]["optimizer"] = Settings(optimizer=optimizer).to_data()["optimizer"]
    path.write_bytes(save_tensors(tensors, metadata={"glassnet": json.dumps(header)}))


# ── One writer ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_has_one_writer_and_any_number_of_readers(folder):
    run = Run.create(folder, ABOUT, checkpoint())
    other = Run.open(folder)
    with run.hold():
        run.append([stepped(1)])
        run.save(checkpoint())
        for write in (
            lambda: other.append([stepped(2)]),
            lambda: other.save(checkpoint()),
            lambda: other.note(name="mine"),
            lambda: other.rewind(checkpoint()),
            lambda: list(record(training(), other)),
        ):
            with pytest.raises(Busy, match="is being written by another part of this process: wait until"):
                write()
        assert other.events() == run.events() == [stepped(1)]
        same(other.checkpoint().network, checkpoint().network)
        (folder / ".checkpoint.safetensors.00000000.partial").write_bytes(b"left by one that was killed")
    assert "lock" not in files_in(folder)
    other.note(name="mine")
    run.note(step=3)  # what the other noted meanwhile stays
    assert Run.open(folder).about == {**ABOUT, "name": "mine", "step": 3}
    assert files_in(folder) == ["checkpoint.safetensors", "events.jsonl", "first.safetensors", "run.json"]


def test_a_change_on_record_that_never_became_the_runs_did_not_happen(folder):
    """Events are on record before their checkpoint: a process may be ended, or a disk be full, between the two."""
    now = checkpoint(step=4)
    other = replace(now, settings=replace(now.settings, dropout=0.25))
    started = [
        {"event": "started", "step": 4, "at": [0, 4], "settings": json.loads(json.dumps(each.settings.to_data()))}
        for each in (now, other)
    ]
    changes = [Edit("bias", 1, 0, (7.0,))]
    edit = {"event": "edited", "step": 4, "at": [0, 4], "edits": [each.to_data() for each in changes]}
    before, after = stepped(3), stepped(5)
    events = [before, *started, edit, after]
    assert led_to(events, now) == [before, started[0]]
    assert led_to(events, other) == [before, *started]
    assert led_to(events, replace(other, network=edited(other.network, changes))) == [before, *started, edit]
    # The end of an epoch is the beginning of the next.
    for each in started:
        each["examples"] = 4
    assert led_to(events[:-1], replace(now, epoch=1, example=0)) == [before, started[0]]
    run = Run.create(folder, ABOUT, checkpoint())
    run.append(events)
    run.save(now)
    run.rewind(run.checkpoint())
    assert run.events() == [before, started[0]]


def test_rewinding_drops_the_states_of_the_course_that_is_left(folder):
    run = Run.create(folder, ABOUT, checkpoint())
    run.save(checkpoint(step=8), best=checkpoint(step=6))
    (folder / "moments").mkdir()
    for name in ("0-3", "0-6", "1-0"):
        (folder / "moments" / f"{name}.safetensors").write_bytes(b"")
    run.rewind(checkpoint(step=6))
    assert files_in(folder / "moments") == ["0-3.safetensors", "0-6.safetensors"]
    assert run.best().example == 6
    run.rewind(checkpoint(step=4))
    assert files_in(folder / "moments") == ["0-3.safetensors"]
    assert run.best() is None


def test_a_run_whose_checkpoint_was_lost_does_not_go_on_from_its_beginning(folder):
    run = Run.create(folder, ABOUT, checkpoint())
    assert run.checkpoint().example == 0  # ended before it had learned anything
    run.save(checkpoint(step=8))
    run.append([stepped(8)])
    (folder / "checkpoint.safetensors").unlink()
    with pytest.raises(WrongFile, match="is gone, though the run was further than its beginning: bring back a copy"):
        run.latest()


@pytest.mark.parametrize("order", [[1, 2, 2], [1, 3, 2]])
def test_lines_that_stand_twice_or_in_another_order_are_no_record(folder, order):
    run = Run.create(folder, ABOUT)
    for number in order:
        run.append([stepped(number)])
    with pytest.raises(WrongFile, match=r"line 3 of .*events\.jsonl is damaged \(it tells of what was told before\)"):
        run.events()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_holds_nothing_of_its_parents(folder):
    run = Run.create(folder, ABOUT, checkpoint())
    with run.hold():
        child = os.fork()
        if not child:
            answer = 1
            try:
                run.append([stepped(1)])
            except Busy as error:
                answer = 0 if f"another process (number {os.getppid()})" in str(error) else 2
            finally:
                os._exit(answer)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        with pytest.raises(Busy):  # the child has ended, and the lock is held still
            Run.open(folder).append([stepped(1)])


def test_a_lock_that_cannot_be_opened_keeps_out(folder):
    run = Run.create(folder, ABOUT)
    (folder / "lock").mkdir()
    with pytest.raises(Busy, match=r"lock cannot be opened \(.*\), so nobody knows whether another process writes"):
        run.append([stepped(1)])
    assert run.events() == []


def test_where_nothing_can_be_locked_the_run_is_written_all_the_same(folder, monkeypatch):
    run = Run.create(folder, ABOUT)
    monkeypatch.setattr(files.Lock, "take", lambda self: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    run.append([stepped(1)])
    assert run.events() == [stepped(1)]


def test_a_run_in_which_nothing_was_ever_learned_can_be_begun_again(folder):
    for left in (
        ["run.json"],
        ["run.json", "events.jsonl"],
        ["first.safetensors"],
        [".run.json.00000000.partial", "lock"],
    ):
        folder.mkdir(parents=True, exist_ok=True)
        for name in left:
            (folder / name).write_text("{}")
        run = Run.create(folder, ABOUT, checkpoint(seed=4))
        assert files_in(folder) == ["first.safetensors", "run.json"]
        same(run.checkpoint().network, checkpoint(seed=4).network)  # it can be gone on with from its first moment
        assert run.events() == []
        for path in folder.iterdir():
            path.unlink()
    (folder / "run.json").write_text("{}")
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(WrongFile, match="exists already"):
        Run.create(folder, ABOUT)


@pytest.mark.parametrize("number", range(1, 30))
def test_a_run_whose_making_is_cut_off_anywhere_is_whole_or_can_be_made_again(folder, monkeypatch, number):
    """Power fails at the n-th call of the system: what is there then is a run to go on with, or nothing in the way of one."""
    calls = 0

    class PowerFails(BaseException):
        pass

    def counted(call):
        def counting(*arguments, **more):
            nonlocal calls
            calls += 1
            if calls >= number:
                raise PowerFails
            return call(*arguments, **more)

        return counting

    with monkeypatch.context() as patch:
        for name in ("open", "write", "fsync", "replace", "unlink"):
            patch.setattr(files.os, name, counted(getattr(os, name)))
        patch.setattr("pathlib.Path.unlink", counted(Path.unlink))
        try:
            run = Run.create(folder, ABOUT, checkpoint())
        except PowerFails:
            pass
        else:
            run.release()
    gc.collect()  # the lock of what is gone is gone
    if (folder / "run.json").exists():
        assert Run.open(folder).about == ABOUT
        same(Run.open(folder).checkpoint().network, checkpoint().network)
    else:
        same(Run.create(folder, ABOUT, checkpoint(seed=3)).checkpoint().network, checkpoint(seed=3).network)


# ── What the best is measured by ─────────────────────────────────────────────────────────────────────────────────────


def test_costs_are_compared_with_costs_of_their_own_kind():
    def started(cost):
        return {"event": "started", "step": 0, "at": [0, 0], "settings": {"cost": {"name": cost}}}

    def epoch(number, cost):
        return {"event": "epoch", "step": 0, "at": [number, 0], "epoch": number, "validation_cost": cost}

    events = [
        started("squared_error"),
        epoch(1, 0.5),
        epoch(2, 0.1),
        started("cross_entropy"),
        epoch(3, 2.0),
        epoch(4, 1.5),
    ]
    assert best_cost(events) == 1.5
    assert best_cost(events[:3]) == 0.1
    assert best_cost(events[:4]) is None  # no epoch of this cost has ended
    assert best_cost([*events, started("cross_entropy"), epoch(5, 1.9)]) == 1.5  # gone on with, by the same cost
    assert since_cost([]) == []


# ── Killed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def server():
    """A process that forks a training of a run for each folder it is sent."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, __file__], env=environment, **pipes) as process:
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(timeout=60)


def killed(process, folder, seconds):
    """Start a training, kill it a while after its first step; the steps that it said were saved."""
    process.stdin.write(f"{folder}\n")
    process.stdin.flush()
    pid, *steps = (int(process.stdout.readline()) for _ in range(3))
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    for line in process.stdout:
        if line == "killed\n":
            return steps
        steps.append(int(line))
    raise AssertionError("the server ended")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_killed_run_goes_on_with_at_most_one_save_lost(tmp_path, long):
    delay = random.Random(0)
    with server() as process:
        for number in range(20 if long else 1):
            run, done = Run.create(tmp_path / str(number), ABOUT), 0
            for _ in range(50):
                steps = killed(process, run.path, delay.uniform(0, 0.03))
                assert steps[0] >= done  # it went on where the last one was killed
                done = run.checkpoint().memory.step
                assert steps[-1] <= done <= steps[-1] + 1
                best = run.best()
                assert best is None or best.memory.step <= done + 1
                assert {"checkpoint.safetensors", "events.jsonl", "run.json"} <= set(files_in(run.path))
                assert (
                    len(files_in(run.path)) <= 8
                )  # with the lock, the first, and at most two partial files, which go next
                # The events may be one save ahead of the checkpoint, never behind it; none is missing or there twice.
                recorded = [event["step"] for event in run.events() if event["event"] == "stepped"]
                assert recorded == list(range(1, len(recorded) + 1))
                assert done <= len(recorded) <= done + 1
            assert done >= 50
            assert run.best() is not None


def test_what_is_noted_at_once_is_all_kept(tmp_path):
    run = Run.create(tmp_path / "run", {})
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: run.note(**{str(number): number}), range(40)))
    assert Run.open(run.path).about == run.about == {str(number): number for number in range(40)}


def serve():
    """Fork a training for each folder that comes. Their disk is a slow one, so that most are killed while they save."""
    examples, validation = data(), data(9)

    def write(file, body):
        time.sleep(0.0003)
        return os.write(file, body[:300])

    def fsync(file):
        time.sleep(0.001)
        os.fsync(file)

    files.os = SimpleNamespace(**{**vars(os), "write": write, "fsync": fsync})
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            try:
                go_on(line.rstrip("\n"), examples, validation)
            finally:
                os._exit(1)
        say(pid)
        os.waitpid(pid, 0)
        say("killed")


def go_on(folder, examples, validation):
    run = Run.open(folder)
    if (run.path / "checkpoint.safetensors").exists():
        start = run.checkpoint()
        run.rewind(start)
        events = train(None, examples, validation=validation, start=start, every=1)
    else:
        network = Network.random((4, 30, 3))
        events = train(
            network, examples, validation=validation, optimizer=SGD(0.1, momentum=0.9), epochs=10**6, every=1
        )
    for event in record(events, run, seconds=0):
        say(event.checkpoint.memory.step)  # only now, when it is saved


def say(what):
    os.write(1, f"{what}\n".encode())  # one write, which no kill can tear


if __name__ == "__main__":
    serve()


@pytest.mark.parametrize(
    ("noted", "is_of"),
    [
        ({}, 1),
        ({"arithmetic": 2}, 2),
        ({"arithmetic": 7}, 7),
        ({"arithmetic": 0}, 1),
        ({"arithmetic": "2"}, 1),
        ({"arithmetic": True}, 1),
        ({"arithmetic": None}, 1),
    ],
)
def test_a_run_that_does_not_say_so_is_of_the_first_arithmetic(folder, noted, is_of):
    Run.create(folder, {**ABOUT, **noted})
    assert Run.open(folder).arithmetic == is_of


def test_the_very_end_of_an_epoch_is_the_beginning_of_the_next():
    assert settled_place([1, 24], 24) == settled_place((2, 0), 24) == (2, 0)
    assert settled_place([1, 23], 24) == (1, 23)
    assert settled_place([1, 24], None) == (1, 24)  # nobody knows how long an epoch is
