"""The trainer: played, paused, stepped, changed at any moment, it ends where an unbroken training ends."""

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from small_run import RAISED, Once, npz, numbers_npz, plan_on, run_on, same, until

from glassnet import EpochEnded, Run, Stepped, WrongValue, last, record, train, training
from glassnet.engine import ARITHMETIC
from glassnet.files import NotSaved
from glassnet.runs import Busy
from glassnet.runs.edits import Edit, edited
from glassnet.runs.plans import changed
from glassnet.runs.replay import Past
from glassnet.studio.trainer import Refused, Trainer


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    return npz(tmp_path_factory.mktemp("data"))


@pytest.fixture
def trainer(stripes, tmp_path):
    """200 images, five epochs of twenty minibatches, paused."""
    made = Trainer(*run_on(tmp_path, stripes), lambda: None, speed=None)
    yield made
    made.close()


def plain(plan, changes):
    """The network that train() ends with, where settings are changed at some places (epochs done, example)."""
    at = plan.checkpoint
    for place, words in changes:
        for event in train(None, plan.splits.train, validation=plan.splits.validation, start=at, every=1):
            at = event.checkpoint
            if (at.epoch, at.example) == place:
                break
        at = replace(at, settings=changed(at.settings, words))
    return last(train(None, plan.splits.train, validation=plan.splits.validation, start=at))


def test_played_to_the_end_it_is_the_plain_training(trainer, stripes):
    trainer.play()
    state = until(lambda: trainer.state if trainer.state.mode == "finished" else None)
    assert same(state.weights.network, plain(plan_on(stripes), []))
    assert (state.step, state.steps) == (100, 100)
    assert state.notice.code == "finished"
    with pytest.raises(Refused, match="all 5 epochs are trained") as caught:
        trainer.play()
    assert caught.value.code == "finished"


LONG = {"epochs": 50}
"""Of a run that is not over before somebody stops it, on a busy machine too."""


@pytest.fixture
def long_run(stripes, tmp_path):
    """1,000 minibatches, paused."""
    made = Trainer(*run_on(tmp_path, stripes, LONG), lambda: None)
    yield made
    made.close()


def test_pausing_stepping_speed_and_resuming_change_no_byte(long_run, stripes):
    trainer = long_run
    trainer.step()
    trainer.step()
    trainer.set_speed(100)
    trainer.play()
    until(lambda: trainer.state.step > 10)
    trainer.pause()
    trainer.set_speed(30)
    trainer.play()
    here = trainer.state.step
    until(lambda: trainer.state.step > here + 2)
    trainer.epoch()
    until(lambda: trainer.state.mode == "paused")
    assert trainer.state.checkpoint.example == 0
    trainer.set_speed(None)
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    assert same(trainer.state.weights.network, plain(plan_on(stripes, LONG), []))


CHANGES = [
    {"learning_rate": 0.3},
    {"batch_size": 7},
    {"optimizer": "adam", "weight_decay": 0.01},
    {"schedule": "constant", "clip": 1.0},
    {"dropout": 0.2, "epochs": 7},
    {"deform": "elastic(alpha=8, sigma=2)"},
]


@pytest.mark.parametrize("words", CHANGES)
def test_a_change_midway_is_what_training_from_a_changed_checkpoint_is(trainer, stripes, words):
    for _ in range(27):
        trainer.step()
    place = trainer.state.checkpoint.epoch, trainer.state.checkpoint.example
    assert place == (1, 70)
    trainer.change(words)
    assert trainer.state.checkpoint.settings == changed(plan_on(stripes).checkpoint.settings, words)
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    assert same(trainer.state.weights.network, plain(plan_on(stripes), [(place, words)]))
    series = trainer.state.charts.arrays(10)[1]
    assert series["change_steps"].tolist() == [27]


def test_a_change_while_it_plays_takes_effect_where_it_is(long_run, stripes):
    trainer = long_run
    trainer.set_speed(100)
    trainer.play()
    until(lambda: trainer.state.step > 5)
    trainer.change({"learning_rate": 0.25})
    here = trainer.state.step
    until(lambda: trainer.state.step > here + 5)
    (step,) = trainer.state.charts.arrays(10)[1]["change_steps"]
    trainer.set_speed(None)
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    place = int(step // 20), int(step % 20) * 10
    assert same(trainer.state.weights.network, plain(plan_on(stripes, LONG), [(place, {"learning_rate": 0.25})]))


def test_a_step_is_one_minibatch_and_goes_through_the_end_of_an_epoch(trainer, stripes):
    events = train(None, *plan_data(stripes), start=plan_on(stripes).checkpoint, every=1)
    for event in events:
        if isinstance(event, Stepped):
            ended = event.examples == 200
            trainer.step()
            if ended:
                event = next(events)
                assert isinstance(event, EpochEnded)
            state = trainer.state
            assert (state.checkpoint.epoch, state.checkpoint.example) == (
                event.checkpoint.epoch,
                event.checkpoint.example,
            )
            assert same(state.weights.network, event.checkpoint.network)
            assert state.step == event.checkpoint.memory.step
            if state.step == 45:
                break
    assert state.mode == "paused"


def plan_data(path):
    splits = plan_on(path).splits
    return (splits.train,)


def test_the_minibatch_of_a_step_is_known_with_the_networks_before_and_after(trainer):
    before = trainer.state.weights
    trainer.step()
    batch = trainer.state.batch
    assert (batch.epoch, batch.first, batch.last, batch.step) == (0, 0, 10, 1)
    assert batch.before is before
    assert batch.after is trainer.state.weights
    assert batch.after.version != batch.before.version
    assert batch.after.precise.layers[0].weight.dtype == np.float64
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    assert trainer.state.batch is None


def test_the_step_count_follows_the_size_of_the_minibatch(trainer):
    for _ in range(30):
        trainer.step()
    trainer.change({"batch_size": 50})
    state = trainer.state
    assert (state.step, state.steps) == (6, 20)
    trainer.step()
    state = trainer.state
    assert (state.step, state.checkpoint.memory.step) == (7, 7)
    assert state.learning_rate == pytest.approx(state.checkpoint.settings.optimizer.rate(state.checkpoint.memory))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"epochs": 1}, "2 epochs have been begun already: give at least as many, got 1"),
        ({"batch_size": 201}, "there are 200 training examples: a minibatch cannot have 201"),
        ({"momentum": 2.0}, "momentum of sgd must be"),
        ({"nesterov": True}, "give sgd a momentum above 0"),
    ],
)
def test_a_change_that_cannot_be_is_refused_and_changes_nothing(trainer, words, says):
    for _ in range(21):
        trainer.step()
    before = trainer.state
    with pytest.raises(WrongValue, match=says):
        trainer.change(words)
    assert trainer.state.checkpoint is before.checkpoint
    trainer.step()
    assert trainer.state.step == 22


def test_more_epochs_wake_a_finished_run(trainer, stripes):
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    trainer.change({"epochs": 6})
    assert (trainer.state.mode, trainer.state.notice) == ("paused", None)
    trainer.epoch()
    until(lambda: trainer.state.mode == "finished")
    assert same(trainer.state.weights.network, plain(plan_on(stripes), [((5, 0), {"epochs": 6})]))


def test_what_runs_away_goes_back_to_the_best_and_can_be_changed(stripes, tmp_path):
    run, plan = run_on(
        tmp_path, stripes, {"learning_rate": 1e30, "cost": "squared_error"}, hidden=["relu"], output="identity"
    )
    trainer = Trainer(run, plan, lambda: None, speed=None)
    trainer.play()
    state = until(lambda: trainer.state if trainer.state.mode == "diverged" else None)
    assert state.notice.code == "diverged"
    assert "Lower the learning rate" in state.notice.text
    assert state.step == 0
    assert same(state.weights.network, plan.checkpoint.network)
    assert len(state.charts.arrays(10)[1]["cost"]) == 0
    trainer.change({"learning_rate": 0.01})
    assert (trainer.state.mode, trainer.state.notice) == ("paused", None)
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    assert math.isfinite(trainer.state.cost)
    trainer.close()
    assert [event["event"] for event in run.events()].count("finished") == 1
    assert same(run.network(), trainer.state.weights.network)


def test_a_network_that_is_stuck_is_a_notice(stripes, tmp_path):
    plan = plan_on(stripes, {"learning_rate": 1e-6, "schedule": "constant"})
    network = plan.checkpoint.network
    stuck = replace(network, layers=tuple(replace(each, weight=each.weight * 1e4) for each in network.layers))
    run = Run.create(tmp_path / "1", plan.about)
    trainer = Trainer(run, replace(plan, checkpoint=replace(plan.checkpoint, network=stuck)), lambda: None)
    trainer.epoch()
    until(lambda: trainer.state.mode == "paused")
    assert trainer.state.notice.code == "stuck"
    assert "is saturated" in trainer.state.notice.text
    trainer.close()


def test_a_pause_is_saved_and_so_is_the_end(trainer):
    trainer.step()
    run = trainer.state.run
    until(lambda: run.checkpoint().example == 10)
    assert same(run.network(), trainer.state.weights.network)
    trainer.epoch()
    until(lambda: trainer.state.mode == "paused")
    trainer.close()
    assert (run.checkpoint().epoch, run.checkpoint().example) == (1, 0)
    assert run.best().epoch == 1
    kinds = [event["event"] for event in run.events()]
    assert kinds[0] == "started"
    assert kinds[-1] == "epoch"
    with pytest.raises(Refused, match="the studio is closed"):
        trainer.play()
    trainer.close()


def full(*_):
    """What saving comes to on a full disk."""
    raise NotSaved("could not save it: no space left.")


def test_a_full_disk_is_a_notice_and_loses_nothing(trainer, monkeypatch):
    run = trainer.state.run
    with monkeypatch.context() as patched:
        patched.setattr(run, "save", full)
        trainer.step()
        until(lambda: trainer.state.notice)
        assert trainer.state.notice.code == "unsaved"
        assert "no space left" in trainer.state.notice.text
        trainer.step()  # and training goes on
    trainer.step()
    until(lambda: trainer.state.notice is None)
    assert run.checkpoint().example == 30
    assert [event["at"][1] for event in run.events() if event["event"] == "stepped"] == [10, 20, 30]


def test_a_run_that_cannot_be_saved_is_left_only_by_who_asks_again(trainer, stripes, tmp_path, monkeypatch):
    run = trainer.state.run
    other = run_on(tmp_path / "others", stripes)
    with monkeypatch.context() as patched:
        patched.setattr(run, "save", full)
        trainer.step()
        until(lambda: trainer.state.notice)
        assert trainer.unsaved == "could not save it: no space left."
        with pytest.raises(
            Refused, match="what it learned since would be lost: make room first; asked once more"
        ) as told:
            trainer.take(*other)
        assert told.value.code == "unsaved"
        assert trainer.state.run is run
        trainer.take(*other)
    assert trainer.state.run is other[0]
    # Both can be written by others, or by nobody else, as it should be.
    run.append([])
    with run.hold(), pytest.raises(Busy):
        Run.open(other[0].path).append([{"event": "stepped", "step": 1, "at": [0, 10]}])


def test_a_run_that_can_be_saved_again_is_left_at_once(trainer, stripes, tmp_path, monkeypatch):
    run = trainer.state.run
    with monkeypatch.context() as patched:
        patched.setattr(run, "save", full)
        trainer.step()
        until(lambda: trainer.state.notice)
    trainer.take(*run_on(tmp_path / "others", stripes))
    assert trainer.unsaved is None
    assert Run.open(run.path).checkpoint().example == 10


def test_a_disk_that_was_full_when_it_was_paused_is_tried_again_by_itself(trainer, monkeypatch):
    monkeypatch.setattr("glassnet.studio.trainer._SAVE", 0.01)
    run = trainer.state.run
    with monkeypatch.context() as patched:
        patched.setattr(run, "save", full)
        trainer.step()
        until(lambda: trainer.state.notice)
    until(lambda: trainer.state.notice is None)
    assert run.checkpoint().example == 10


def test_a_disk_that_was_full_is_tried_again_at_the_end(trainer, monkeypatch):
    run = trainer.state.run
    with monkeypatch.context() as patched:
        patched.setattr(run, "save", full)
        trainer.step()
        until(lambda: trainer.state.notice)
    trainer.close()
    assert run.checkpoint().example == 10


def test_what_ran_away_is_not_on_record(trainer):
    trainer.step()
    trainer.change({"learning_rate": 1e30, "optimizer": "sgd", "schedule": "constant"})
    trainer.step()
    run = trainer.state.run
    until(lambda: run.checkpoint().example == 20)  # it is saved, and so is what is on record
    while trainer.state.mode != "diverged":
        trainer.step()
    trainer.change({"learning_rate": 0.1})
    trainer.play()  # at once: the record still holds what did not happen
    until(lambda: trainer.state.mode == "finished")
    trainer.close()
    places = [event["at"] for event in run.events() if event["event"] == "stepped"]
    assert places == sorted(map(list, set(map(tuple, places))))


def test_a_bug_ends_the_playing_but_not_the_thread(trainer, monkeypatch, caplog):
    with monkeypatch.context() as patched:
        patched.setattr("glassnet.studio.trainer.event_data", None)
        trainer.play()
        until(lambda: trainer.state.notice)
    assert trainer.state.mode == "paused"
    assert trainer.state.notice.text.startswith("training stopped: TypeError")
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    assert trainer.state.notice.code == "finished"


def ends_as_if_nothing_had_happened(trainer, stripes):
    """Played to its end: the bytes of the plain training, each minibatch on record and on the charts once."""
    trainer.set_speed(None)
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    assert trainer.state.notice.code == "finished"
    assert same(trainer.state.weights.network, plain(plan_on(stripes), []))
    steps = trainer.state.charts.arrays(10)[1]["cost_steps"].tolist()
    assert steps == list(range(1, 101))
    trainer.close()
    run = trainer.state.run
    assert same(run.network(), trainer.state.weights.network)
    events = run.events()
    for kind in ("stepped", "epoch"):
        places = [event["at"] for event in events if event["event"] == kind]
        assert places == sorted(map(list, set(map(tuple, places))))
        assert places[-1] == ([4, 200] if kind == "stepped" else [5, 0])


FRAIL = [
    ("_open", False), ("_open", True), ("_advance", False), ("_advance", True), ("_next", False), ("_next", True),
    ("_stepped", False), ("_stepped", True), ("_record", False), ("_record", True), ("_ended", False), ("_ended", True),
    ("_rate", False), ("_arrived", False),
]  # fmt: skip
"""What training is made of, and whether it fails before or after it has done its work."""


@pytest.mark.parametrize(("name", "late"), FRAIL)
def test_training_that_fails_anywhere_is_said_and_goes_on_from_the_last_good_state(
    trainer, stripes, monkeypatch, caplog, name, late
):
    for _ in range(7):
        trainer.step()
    error = RAISED[FRAIL.index((name, late)) % len(RAISED)]
    monkeypatch.setattr(Trainer, name, Once(error, getattr(Trainer, name), late))
    trainer.play()
    notice = until(lambda: trainer.state.notice)
    assert notice.code == "stopped"
    assert notice.text.startswith(f"training stopped: {error.__name__}")
    assert "Press play to go on from where it stood." in notice.text
    assert trainer.state.mode == "paused"
    assert len(caplog.records) == 1
    assert caplog.records[0].exc_info[0] is error
    ends_as_if_nothing_had_happened(trainer, stripes)


@pytest.mark.parametrize("error", RAISED)
def test_a_step_that_fails_is_answered_and_the_next_is_the_right_one(trainer, stripes, monkeypatch, caplog, error):
    trainer.step()
    monkeypatch.setattr("glassnet.training._finite", Once(error, training._finite))  # inside the generator: it ends it
    with pytest.raises((Refused, MemoryError)) as caught:
        trainer.step()
    assert getattr(caught.value, "code", "thread") == "thread"
    assert trainer.state.step == 1
    assert trainer.state.notice.code == "stopped"
    trainer.step()
    assert (trainer.state.step, trainer.state.notice) == (2, None)
    ends_as_if_nothing_had_happened(trainer, stripes)


def test_an_epoch_whose_end_fails_is_gone_back_in_and_ended_again(trainer, stripes, monkeypatch, caplog):
    trainer.reach((0, 50))
    monkeypatch.setattr(Trainer, "_ended", Once(RuntimeError, Trainer._ended))
    monkeypatch.setattr(Trainer, "_stretch", lambda *_: 200)  # the rest of the epoch is one event
    trainer.epoch()
    until(lambda: trainer.state.notice)
    assert trainer.state.at == trainer.state.end == (0, 50)
    trainer.back(False)
    assert trainer.state.at == (0, 40)
    trainer.seek(trainer.state.end)
    ends_as_if_nothing_had_happened(trainer, stripes)


def test_what_is_saved_after_a_failure_is_the_state_that_is_shown(trainer, stripes, monkeypatch, caplog):
    trainer.reach(7)
    monkeypatch.setattr(Trainer, "_rate", Once(RuntimeError, Trainer._rate))  # when all but the state is at step 8
    with pytest.raises(Refused):
        trainer.step()
    until(lambda: trainer.state.notice)
    trainer.close()
    state = trainer.state
    assert (state.run.checkpoint().epoch, state.run.checkpoint().example) == state.at == state.end
    assert same(state.run.network(), state.weights.network)
    assert [event["at"] for event in state.run.events() if event["event"] == "stepped"][-1] == list(state.at)


def test_saving_that_fails_unforeseen_is_said_and_done_with_the_next_command(trainer, monkeypatch, caplog):
    run = trainer.state.run
    monkeypatch.setattr(trainer._past, "save", Once(RuntimeError))
    trainer.step()
    assert until(lambda: trainer.state.notice).text.startswith("training stopped: RuntimeError a bug. Press play")
    trainer.step()
    until(lambda: run.checkpoint().example == 20)
    trainer.reach(100)
    monkeypatch.setattr(trainer._past, "save", Once(RuntimeError))
    trainer.judge(trainer.state, {"step": 100, "train": None, "validation": None})  # which is saved
    notice = until(lambda: (it := trainer.state.notice).code == "thread" and it)
    assert notice.text.startswith(
        "the thread that trains failed: RuntimeError a bug. It goes on with the next command."
    )
    assert trainer.state.mode == "finished"
    trainer.seek(99)
    assert trainer.state.step == 99


def test_who_waits_for_a_place_does_not_wait_for_ever_when_the_training_fails(trainer, monkeypatch, caplog):
    monkeypatch.setattr(Trainer, "_stepped", Once(SystemExit, Trainer._stepped))
    with pytest.raises(Refused, match="was stopped before it came to step 50"):
        trainer.reach(50)
    trainer.reach(50)
    assert trainer.state.step == 50


def test_a_training_that_cannot_be_opened_is_said_once_and_nothing_is_saved(trainer, monkeypatch, caplog):
    until(lambda: trainer._events is not None)
    run = trainer.state.run

    def broken(*_, **__):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("glassnet.studio.trainer.train", broken)
        trainer.change({"optimizer": "adam"})
        until(lambda: trainer.state.notice)
        assert trainer.state.notice.code == "stopped"
        assert trainer.state.notice.text.startswith("training stopped: MemoryError. Press play to go on")
        assert len(caplog.records) == 1
        assert run.checkpoint().settings.optimizer.name == "sgd"
    trainer.step()
    assert (trainer.state.step, trainer.state.notice) == (1, None)
    until(lambda: run.checkpoint().settings.optimizer.name == "adam")


def test_a_run_that_cannot_be_opened_can_be_left(trainer, stripes, tmp_path, monkeypatch, caplog):
    until(lambda: trainer._events is not None)

    def broken(*_, **__):
        raise MemoryError

    run, plan = run_on(tmp_path, stripes)
    with monkeypatch.context() as patched:
        patched.setattr("glassnet.studio.trainer.train", broken)
        trainer.change({"optimizer": "adam"})
        until(lambda: trainer.state.notice)
        trainer.take(run, plan)
    assert trainer.state.run is run
    trainer.step()
    assert (trainer.state.step, trainer.state.checkpoint.settings.optimizer.name) == (1, "sgd")


def test_another_run_is_taken_and_this_one_is_saved(trainer, stripes, tmp_path):
    trainer.play()
    until(lambda: trainer.state.step > 0)
    old = trainer.state.run
    run, plan = run_on(tmp_path, stripes, {"batch_size": 20}, seed=1)
    trainer.take(run, plan)
    state = trainer.state
    assert state.run is run
    assert (state.mode, state.step, state.steps) == ("paused", 0, 50)
    assert same(state.weights.network, plan.checkpoint.network)
    assert old.checkpoint().epoch * 200 + old.checkpoint().example > 0


def test_judgements_are_charted_and_kept_unless_they_come_too_late(trainer, stripes, tmp_path):
    trainer.step()
    state = trainer.state
    judged = {"step": 1, "train": {"cost": 0.5, "accuracy": 0.3, "examples": 200}, "validation": None}
    trainer.judge(state, judged)
    assert trainer.state.judged == {**judged, "at": [0, 10]}
    assert trainer.state.charts.arrays(10)[1]["train_cost"].tolist() == [0.5]
    trainer.take(*run_on(tmp_path, stripes))
    trainer.judge(state, judged)
    assert trainer.state.judged is None
    again = Trainer(state.run, replace(plan_on(stripes), checkpoint=state.run.checkpoint()), lambda: None)
    assert again.state.judged == {**judged, "at": [0, 10]}
    assert again.state.charts.arrays(10)[1]["train_cost"].tolist() == [0.5]
    again.close()


def test_every_state_is_announced(stripes, tmp_path):
    told = []
    trainer = Trainer(*run_on(tmp_path, stripes), lambda: told.append(1))
    before = len(told)
    trainer.step()
    assert len(told) > before
    trainer.close()


def test_who_reaches_the_end_finds_the_run_finished(stripes, tmp_path, monkeypatch):
    arrived = Trainer._arrived

    def late(self):
        time.sleep(0.02)  # as on a busy machine, where the thread that trains is held up just there
        arrived(self)

    monkeypatch.setattr(Trainer, "_arrived", late)
    trainer = Trainer(*run_on(tmp_path, stripes, {"epochs": 1}), lambda: None)
    trainer.reach(20)
    assert trainer.state.mode == "finished"
    trainer.close()


# ── The first time on a machine ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("glassnet.studio.trainer._PATIENCE", 0.05)


def test_while_the_training_is_compiled_every_command_is_followed_and_it_is_said_once(
    compiling, impatient, stripes, tmp_path
):
    said, made = [], []

    def listen():
        notice = made[0].state.notice if made else None
        if not said or said[-1] is not notice:
            said.append(notice)

    trainer = Trainer(*run_on(tmp_path, stripes), listen, speed=None, playing=True)
    made.append(trainer)
    until(lambda: trainer.state.notice)
    assert trainer.state.mode == "playing"
    trainer.pause()
    trainer.change({"learning_rate": 0.1})
    trainer.edit(Edit("bias", 1, 0, (0.5,)))
    trainer.undo()
    trainer.play()
    trainer.pause()
    trainer.set_speed(50)
    trainer.step()  # promised
    assert (trainer.state.mode, trainer.state.step) == ("stepping", 0)
    assert trainer.state.weights.network.layers[0].bias[0] == plan_on(stripes).checkpoint.network.layers[0].bias[0]
    until(lambda: trainer.state.run.checkpoint().settings.optimizer.learning_rate.rate == 0.1)  # so none of it is lost
    compiling.set()
    until(lambda: trainer.state.mode == "paused" and trainer.state.step)
    assert trainer.state.step == 1
    until(lambda: trainer.state.notice is None)
    trainer.step()
    assert trainer.state.step == 2
    trainer.close()
    texts = [notice.text for notice in said if notice is not None and notice.code == "preparing"]
    assert texts == ["the training is being compiled, once on this machine: this takes some seconds"]
    assert same(trainer.state.weights.network, plain_steps(plan_on(stripes, {"learning_rate": 0.1}), 2))


def plain_steps(plan, count):
    """The network after so many minibatches of train()."""
    for event in train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint, every=count):
        if isinstance(event, Stepped):
            return event.checkpoint.network


def test_the_last_step_of_an_epoch_can_be_promised_too(compiling, impatient, stripes, tmp_path):
    trainer = Trainer(*run_on(tmp_path, stripes, {"batch_size": 200}), lambda: None)
    until(lambda: trainer.state.notice)
    trainer.step()
    compiling.set()
    until(lambda: trainer.state.mode == "paused")
    assert trainer.state.at == (1, 0)
    trainer.close()


def test_what_is_loaded_quickly_is_not_spoken_of_and_a_step_waits_for_it(compiling, stripes, tmp_path):
    said = []
    trainer = Trainer(*run_on(tmp_path, stripes), lambda: None)
    timer = threading.Timer(0.1, compiling.set)
    timer.start()
    trainer._changed = lambda: said.append(trainer.state.notice)
    trainer.step()
    assert trainer.state.step == 1
    assert set(said) == {None}
    trainer.close()


def test_who_goes_back_waits_alone_and_can_be_stopped(trainer_of_before, compiling):
    trainer = trainer_of_before()
    for ask in (lambda: trainer.seek((0, 10)), lambda: trainer.back(False), lambda: trainer.network_at(1)):
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(ask)
            trainer.set_speed(7)  # the others are heard
            assert not asked.done()
            trainer.pause()
            with pytest.raises(Refused, match="stopped on the way"):
                asked.result(60)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(trainer.seek, (0, 10))
        compiling.set()
        asked.result(60)
    assert trainer.state.at == (0, 10)


@pytest.fixture
def trainer_of_before(stripes, tmp_path):
    """Opens a run of which another process has done three minibatches."""
    made = [Trainer(*run_on(tmp_path, stripes), lambda: None)]
    for _ in range(3):
        made[0].step()
    made[0].close()
    run = made[0].state.run

    def trainer_of_before(**options):
        made.append(Trainer(run, replace(plan_on(stripes), checkpoint=run.checkpoint()), lambda: None, **options))
        return made[-1]

    yield trainer_of_before
    for each in made:
        each.close()


@pytest.mark.parametrize("playing", [False, True])
def test_it_stands_where_it_stood_when_that_can_be_trained_again(trainer_of_before, compiling, impatient, playing):
    trainer = trainer_of_before(at=(0, 10), playing=playing, speed=0.1)
    assert (trainer.state.at, trainer.state.mode) == ((0, 30), "paused")
    compiling.set()
    until(lambda: trainer.state.past)
    until(lambda: trainer.state.mode == ("playing" if playing else "paused"))
    if not playing:
        assert trainer.state.at == (0, 10)


def test_who_goes_on_meanwhile_is_not_taken_back(trainer_of_before, compiling, impatient):
    trainer = trainer_of_before(at=(0, 10))
    trainer.step()
    compiling.set()
    until(lambda: trainer.state.mode == "paused")
    assert trainer.state.at == (0, 40)


def test_it_is_closed_at_once_while_it_is_compiled(compiling, impatient, stripes, tmp_path):
    trainer = Trainer(*run_on(tmp_path, stripes), lambda: None, playing=True)
    trainer.change({"learning_rate": 0.1})
    with ThreadPoolExecutor(1) as pool:
        reached = pool.submit(trainer.reach, 5)
        until(lambda: trainer.state.mode == "stepping")
        trainer.close()
        with pytest.raises(Refused, match="stopped before it came to step 5"):
            reached.result(60)
    assert not compiling.is_set()
    assert trainer.state.run.checkpoint().settings.optimizer.learning_rate.rate == 0.1


# ── Time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def lived(trainer, steps):
    """Step by step so far; the network at each place on the way."""
    states = {trainer.state.at: trainer.state.weights.network}
    for _ in range(steps):
        trainer.step()
        states[trainer.state.at] = trainer.state.weights.network
    return states


def test_back_and_forward_again_are_the_same_bytes(trainer):
    states = lived(trainer, 47)
    end = trainer.state.at
    assert end == (2, 70)
    for at in [(0, 0), (2, 60), (1, 0), (0, 190), (1, 130), end]:
        trainer.seek(at)
        assert trainer.state.at == at
        assert trainer.state.past == (at != end)
        assert same(trainer.state.weights.network, states[at])
    trainer.seek((1, 10))
    for at in [(1, 0), (0, 190), (0, 180)]:
        trainer.back(False)
        assert trainer.state.at == at
        assert same(trainer.state.weights.network, states[at])
    for at in [(0, 190), (1, 0), (1, 10)]:
        trainer.step()
        assert trainer.state.at == at
        assert same(trainer.state.weights.network, states[at])
    trainer.back(True)
    assert trainer.state.at == (1, 0)
    trainer.back(True)
    assert trainer.state.at == (0, 0)
    with pytest.raises(Refused, match="the beginning") as caught:
        trainer.back(False)
    assert caught.value.code == "beginning"
    with pytest.raises(Refused, match="has come to step 47 so far"):
        trainer.seek(48)


def test_the_minibatch_before_a_place_is_known_there(trainer):
    states = lived(trainer, 25)
    trainer.seek(21)
    batch = trainer.state.batch
    assert (batch.epoch, batch.first, batch.last, batch.step) == (1, 0, 10, 21)
    assert same(batch.before.network, states[1, 0])
    assert same(batch.after.network, states[1, 10])
    trainer.seek(20)
    batch = trainer.state.batch
    assert (batch.epoch, batch.first, batch.last, batch.step) == (0, 190, 200, 20)
    trainer.seek(0)
    assert trainer.state.batch is None
    assert trainer.state.cost is None


def test_with_deformed_images_every_step_is_the_same_again(stripes, tmp_path):
    """Going anywhere gives the bytes of a training that went straight through, image by image deformed as it was then."""
    plan = plan_on(stripes, {"deform": "elastic(alpha=8, sigma=2)"})
    straight, at = {(0, 0): plan.checkpoint.network}, plan.checkpoint
    for until_then, words in (
        ((1, 50), {"deform": "affine(rotation=20)"}),
        ((2, 100), {"deform": "none"}),
        ((5, 0), {}),
    ):
        for event in train(None, plan.splits.train, start=at, every=1):
            at = event.checkpoint
            straight[at.epoch, at.example] = at.network
            if (at.epoch, at.example) == until_then:
                break
        at = replace(at, settings=changed(at.settings, words))
    made = Trainer(*run_on(tmp_path, stripes, {"deform": "elastic(alpha=8, sigma=2)"}), lambda: None, speed=None)
    try:
        for place, deform in (((1, 50), "affine(rotation=20)"), ((2, 100), "none")):
            made.reach(place)
            made.change({"deform": deform})
        made.play()
        until(lambda: made.state.mode == "finished")
        for place in ((0, 10), (4, 190), (1, 40), (1, 50), (1, 60), (1, 0), (2, 100), (2, 110), (0, 0), (5, 0)):
            made.seek(place)
            assert same(made.state.weights.network, straight[place]), place
        made.seek((1, 30))
        for step in range(1, 5):  # over the place at which another deformation begins
            made.step()
            assert same(made.state.weights.network, straight[1, 30 + 10 * step])
        assert str(made.state.checkpoint.settings.deform) == "affine(rotation=20.0)"
        made.seek((0, 190))
        made.play()
        until(lambda: made.state.mode == "finished")
        assert same(made.state.weights.network, straight[5, 0])
        assert straight[5, 0] is not None
        plainly = last(train(None, plan.splits.train, start=plan_on(stripes).checkpoint))
        assert not same(straight[5, 0], plainly)  # it made a difference
    finally:
        made.close()


def test_what_is_no_image_is_not_deformed_and_the_training_goes_on(tmp_path):
    made = Trainer(*run_on(tmp_path, numbers_npz(tmp_path), output="identity", validation=0), lambda: None)
    try:
        made.step()
        before = made.state
        with pytest.raises(WrongValue, match="only square images can be deformed: 5 inputs are not a square"):
            made.change({"deform": "affine"})
        assert made.state.checkpoint is before.checkpoint
        made.step()
        assert (made.state.step, made.state.notice) == (2, None)
    finally:
        made.close()


@pytest.mark.parametrize("speed", [None, 30, 3000])
def test_played_from_the_past_through_changes_and_edits_it_ends_where_it_ended(trainer, speed):
    lived(trainer, 13)
    trainer.change({"learning_rate": 0.3, "optimizer": "adam"})
    lived(trainer, 9)
    trainer.edit(Edit("bias", 1, 2, (0.75,)))
    lived(trainer, 8)
    trainer.change({"batch_size": 7})
    states = lived(trainer, 12)
    trainer.edit(Edit("mute", 1, 3))
    end, network = trainer.state.at, trainer.state.weights.network
    events, run = len(trainer.state.run.events()), trainer.state.run
    until(lambda: len(run.events()) > events)  # it was saved
    events = len(run.events())
    curves = {
        name: series.tolist() for name, series in trainer.state.charts.arrays(7)[1].items() if "judged" not in name
    }
    trainer.seek((0, 0))
    assert trainer.state.checkpoint.settings.optimizer.name == "sgd"
    trainer.set_speed(speed)
    if speed == 30:
        trainer.seek(sorted(states)[2])
        trainer.play()
        until(lambda: not trainer.state.past)
    else:
        trainer.play()
        until(lambda: not trainer.state.past)
    trainer.pause()
    trainer.seek(end)
    assert same(trainer.state.weights.network, network)
    assert trainer.state.edits == [Edit("mute", 1, 3)]
    trainer.close()
    kept = [event for event in run.events() if event["at"] <= list(end) and event["event"] != "judged"]
    assert len(kept) == events  # what is done again is not recorded again
    again = {
        name: series.tolist() for name, series in trainer.state.charts.arrays(7)[1].items() if "judged" not in name
    }
    assert len(again["cost"]) >= len(curves["cost"])


def test_a_finished_run_can_be_gone_through_again(trainer):
    trainer.play()
    end = until(lambda: trainer.state if trainer.state.mode == "finished" else None).weights.network
    trainer.seek(37)
    assert (trainer.state.mode, trainer.state.notice) == ("paused", None)
    trainer.play()
    state = until(lambda: trainer.state if trainer.state.mode == "finished" else None)
    assert same(state.weights.network, end)
    assert state.notice.code == "finished"
    trainer.close()
    assert [event["event"] for event in state.run.events()].count("finished") == 1


def of_arithmetic(run, number):
    """A run on disk as a version of that arithmetic would have written it; 1: it noted none."""
    more = {} if number == 1 else {"arithmetic": number}
    about = {key: value for key, value in run.about.items() if key != "arithmetic"}
    events = [{key: value for key, value in event.items() if key != "arithmetic"} for event in run.events()]
    (run.path / "events.jsonl").unlink()
    run.append([{**event, **more} if event["event"] == "started" else event for event in events])
    run.describe({**about, **more})


def one_digit_off(run):
    """Another last digit in its network, as another arithmetic, or processor, would have left it."""
    now = run.checkpoint()
    layers = list(now.network.layers)
    bias = layers[1].bias.copy()
    bias[0] = np.nextafter(bias[0], np.float32(9))
    layers[1] = replace(layers[1], bias=bias)
    run.save(replace(now, network=replace(now.network, layers=tuple(layers))))


def recorded(folder, path, engine=None):
    """A run of two epochs, as the command line trains it, and its plan."""
    run, plan = run_on(folder, path, {"epochs": 2})
    run.save_first(plan.checkpoint)
    last(record(train(None, plan.splits.train, start=plan.checkpoint, engine=engine), run))
    return Run.open(run.path), replace(plan, checkpoint=run.checkpoint())


@pytest.mark.parametrize(
    ("number", "code", "says"),
    [
        (
            1,
            "differs_earlier",
            "this run was trained, at least in part, by arithmetic 1 (an earlier version of glassnet",
        ),
        (ARITHMETIC, "differs", "another version of glassnet, or another kind of processor, trained this run"),
        (
            ARITHMETIC + 1,
            "differs_later",
            f"trained, at least in part, by arithmetic {ARITHMETIC + 1} (a later version of glassnet); training",
        ),
    ],
)
@pytest.mark.parametrize("how", ["seek", "play"])
def test_training_again_that_comes_out_otherwise_names_what_is_known_of_the_reason(
    stripes, tmp_path, how, number, code, says
):
    run, plan = recorded(tmp_path, stripes)
    of_arithmetic(run, number)
    one_digit_off(run)
    made = Trainer(run, replace(plan, checkpoint=run.checkpoint()), lambda: None, speed=None)
    try:
        made.seek((0, 0))
        assert made.state.notice is None
        if how == "seek":
            made._past._recent.clear()
            made.seek((2, 0))
        else:
            made.play()
        state = until(
            lambda: made.state if made.state.mode == "finished" and made.state.notice.code != "finished" else None
        )
        assert state.notice.code == code  # and not only that it is finished
        assert state.notice.text.startswith("training again gave other last digits than are on record: ")
        assert says in state.notice.text
        assert same(state.weights.network, run.network())  # the run's own, as it was saved
    finally:
        made.close()


@pytest.mark.parametrize("number", [1, ARITHMETIC + 1])
def test_training_again_that_comes_out_the_same_says_nothing_of_arithmetic(stripes, tmp_path, number):
    run, plan = recorded(tmp_path, stripes)
    of_arithmetic(run, number)
    made = Trainer(run, plan, lambda: None, speed=None)
    try:
        made.seek((0, 0))
        made.play()
        assert until(lambda: made.state if made.state.mode == "finished" else None).notice.code == "finished"
    finally:
        made.close()


def test_from_where_on_a_run_has_todays_arithmetic_is_on_record_once_it_goes_on(stripes, tmp_path):
    run, plan = recorded(tmp_path, stripes)
    events = [event for event in run.events() if event["at"] <= [1, 0]]
    (run.path / "events.jsonl").unlink()
    run.append(events)
    end = Past(plan_on(stripes, {"epochs": 2}).checkpoint, plan.splits.train).at((1, 0))
    run.save(end)
    of_arithmetic(run, 1)
    before = (run.path / "events.jsonl").read_bytes()
    plan = replace(plan, checkpoint=end)
    made = Trainer(run, plan, lambda: None)
    until(lambda: made._events is not None)
    made.seek((0, 50))
    made.step()
    made.seek((1, 0))
    made.close()
    assert (run.path / "events.jsonl").read_bytes() == before  # it was only looked at

    made = Trainer(Run.open(run.path), plan, lambda: None)
    made.step()
    assert made.state.log.arithmetics == {(0, 0): 1, (1, 0): ARITHMETIC}
    made.step()
    made.close()
    new = run.events()[len(events) :]
    assert [(event["event"], event["at"], event.get("arithmetic")) for event in new] == [
        ("started", [1, 0], ARITHMETIC), ("stepped", [1, 10], None), ("stepped", [1, 20], None),
    ]  # fmt: skip
    made = Trainer(Run.open(run.path), replace(plan, checkpoint=run.checkpoint()), lambda: None)
    try:
        now = [made._past.arithmetic_at(place) for place in [(0, 0), (0, 190), (1, 0), (1, 20)]]
        assert now == [1, 1, ARITHMETIC, ARITHMETIC]
        made.step()  # it is on record already
        made.seek((0, 100))
        made.change({"learning_rate": 0.1})  # a branch of the part that was trained by then
        made.step()
        branch = made.state.run
        assert made.state.log.arithmetics == {(0, 0): 1, (0, 100): ARITHMETIC}
    finally:
        made.close()
    assert [event["event"] for event in run.events()].count("started") == 2
    assert Run.open(branch.path).arithmetic == 1
    assert [event.get("arithmetic") for event in branch.events() if event["event"] == "started"] == [None, ARITHMETIC]


def test_stepped_over_a_place_where_the_engine_became_another_it_is_that_engines_training(stripes, tmp_path):
    run, plan = run_on(tmp_path, stripes, {"epochs": 2})
    run.save_first(plan.checkpoint)
    for event in record(train(None, plan.splits.train, start=plan.checkpoint, engine="fused"), run):
        if isinstance(event, EpochEnded):
            break
    run.rewind(event.checkpoint)
    last(record(train(None, plan.splits.train, start=event.checkpoint, engine="reference"), run))
    made = Trainer(Run.open(run.path), replace(plan, checkpoint=run.checkpoint()), lambda: None, speed=None)
    try:
        assert made.state.log.engines == {(0, 0): "fused", (1, 0): "reference"}
        made.seek((0, 180))
        for _ in range(22):
            before, ends = made.state.at, time.monotonic() + 60
            made.step()
            while made.state.at == before and time.monotonic() < ends:  # the other engine has to be loaded first
                time.sleep(0.005)
        assert (made.state.at, made.state.mode) == ((2, 0), "finished")
        assert made.state.notice.code == "finished"  # and not that it came out otherwise
    finally:
        made.close()


def test_a_change_in_the_past_branches_off_and_the_old_run_stays_whole(trainer, stripes):
    states = lived(trainer, 40)
    old = trainer.state.run
    trainer.seek(25)
    trainer.change({"learning_rate": 0.2})
    state = trainer.state
    assert state.run.path != old.path
    assert state.run.about["branched"] == {"run": old.path.name, "step": 25}
    assert (state.at, state.end, state.past) == ((1, 50), (1, 50), False)
    assert state.notice.code == "branched"
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    assert same(trainer.state.weights.network, plain(plan_on(stripes), [((1, 50), {"learning_rate": 0.2})]))
    assert (old.checkpoint().epoch, old.checkpoint().example) == (2, 0)
    assert same(old.network(), states[2, 0])
    assert max(event["at"] for event in old.events() if event["event"] == "stepped") == [1, 200]
    # And the new one can go back beyond its own beginning.
    trainer.seek(10)
    assert same(trainer.state.weights.network, states[0, 100])


def test_a_run_is_the_same_after_it_was_opened_again(trainer, stripes):
    states = lived(trainer, 30)
    trainer.edit(Edit("bias", 2, 0, (0.5,)))
    trainer.edit(Edit("bias", 2, 1, (0.5,)))
    trainer.close()
    run = Run.open(trainer.state.run.path)
    run.save_first(plan_on(stripes).checkpoint)
    plan = replace(plan_on(stripes), checkpoint=run.checkpoint())
    again = Trainer(run, plan, lambda: None, at=(0, 70))
    assert (again.state.at, again.state.past) == ((0, 70), True)
    assert same(again.state.weights.network, states[0, 70])
    again.seek(30)
    assert [edit.neuron for edit in again.state.edits] == [0, 1]
    again.undo(everything=True)
    assert same(again.state.weights.network, states[1, 100])
    again.close()


@pytest.mark.parametrize("first", ["damaged", "later than its end"])
def test_where_nobody_knows_how_it_began_time_begins_now(stripes, tmp_path, first):
    run, plan = run_on(tmp_path, stripes)
    trainer = Trainer(run, plan, lambda: None)
    for _ in range(5):
        trainer.step()
    trainer.close()
    if first == "damaged":
        (run.path / "first.safetensors").write_bytes(b"no")
    else:
        run.save_first(replace(run.checkpoint(), epoch=3))
    again = Trainer(run, replace(plan, checkpoint=run.checkpoint()), lambda: None)
    again.step()
    again.back(False)
    assert again.state.at == (0, 50)
    with pytest.raises(Refused, match="the beginning"):
        again.back(False)
    again.close()


def test_it_goes_up_to_a_step_and_stays_there(trainer, stripes):
    trainer.reach(33)
    assert (trainer.state.step, trainer.state.mode) == (33, "paused")
    trainer.reach(40)
    trainer.seek(5)
    trainer.reach(33)
    assert (trainer.state.step, trainer.state.past) == (33, True)
    trainer.reach(77)
    assert (trainer.state.step, trainer.state.past) == (77, False)
    with pytest.raises(Refused, match="has 100 steps, not 101"):
        trainer.reach(101)
    with pytest.raises(Refused, match="is at step 77 already"):
        trainer.reach(76)
    trainer.reach(100)
    assert trainer.state.mode == "finished"
    assert same(trainer.state.weights.network, plain(plan_on(stripes), []))


def test_a_step_is_found_also_where_minibatches_of_another_size_came_before(trainer):
    lived(trainer, 5)
    trainer.change({"batch_size": 20})
    lived(trainer, 3)
    end = trainer.state.at
    assert (end, trainer.state.step) == ((0, 110), 6)  # 5.5 minibatches of 20
    trainer.seek(3)
    assert (trainer.state.at, trainer.state.step) == ((0, 50), 3)
    trainer.seek(6)
    assert trainer.state.at == end
    trainer.reach(6)
    assert trainer.state.at == end
    trainer.reach(7)
    assert (trainer.state.at, trainer.state.step) == ((0, 130), 7)
    assert same(trainer.network_at(7), trainer.state.weights.network)
    with pytest.raises(Refused, match="has come to step 7 so far"):
        trainer.seek(8)


def test_pause_stops_who_is_on_the_way_to_another_place(trainer, monkeypatch):
    lived(trainer, 47)
    here, network = trainer.state.at, trainer.state.weights.network
    begun, singly = threading.Event(), Past._singly

    def slowly(past, now, target, interrupt):
        begun.set()
        assert interrupt.wait(60)
        return singly(past, now, target, interrupt)

    with monkeypatch.context() as patched, ThreadPoolExecutor(1) as threads:
        patched.setattr(Past, "_singly", slowly)
        trainer._past._recent.clear()
        going = threads.submit(trainer.seek, (0, 190))
        assert begun.wait(60)
        trainer.pause()
        with pytest.raises(Refused, match="was stopped on the way") as caught:
            going.result(60)
    assert caught.value.code == "stopped"
    assert (trainer.state.at, trainer.state.mode) == (here, "paused")
    assert trainer.state.weights.network is network
    trainer.seek((0, 190))  # once is once
    assert trainer.state.at == (0, 190)


def test_who_waits_for_a_place_of_a_run_does_not_wait_for_ever_when_another_is_taken(trainer, stripes, tmp_path):
    with ThreadPoolExecutor(1) as threads:
        trainer.change({"epochs": 10_000})
        waiting = threads.submit(trainer.reach, (9_000, 0))
        until(lambda: trainer.state.mode == "stepping")
        run, plan = run_on(tmp_path, stripes, {"epochs": 1})
        done = last_checkpoint(plan)
        trainer.take(run, replace(plan, checkpoint=done))
        assert trainer.state.mode == "finished"
        with pytest.raises(Refused, match="was stopped"):
            waiting.result(60)


def last_checkpoint(plan):
    return [event.checkpoint for event in train(None, plan.splits.train, start=plan.checkpoint)][-1]


# ── Hands ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_edit_is_what_training_from_an_edited_checkpoint_is(trainer, stripes):
    trainer.reach(27)
    bare = trainer.state.weights.network
    edits = [Edit("weights", 1, 4, (0.5,) * 64), Edit("bias", 2, 1, (-1.0,)), Edit("mute", 1, 0)]
    for edit in edits:
        trainer.edit(edit)
    assert trainer.state.mode == "paused"
    assert same(trainer.state.weights.network, edited(bare, edits))
    assert trainer.untouched() is bare or same(trainer.untouched(), bare)
    here = replace(trainer.state.checkpoint)
    trainer.play()
    state = until(lambda: trainer.state if trainer.state.mode == "finished" else None)
    plan = plan_on(stripes)
    assert same(
        state.weights.network, last(train(None, plan.splits.train, validation=plan.splits.validation, start=here))
    )


def test_a_movement_of_the_hand_is_one_edit(trainer):
    trainer.step()
    bare = trainer.state.weights.network
    for value in (0.1, 0.2, 0.3):
        trainer.edit(Edit("bias", 1, 0, (value,), stroke=1))
    trainer.edit(Edit("bias", 1, 0, (0.4,), stroke=2))
    assert len(trainer.state.edits) == 2
    trainer.undo()
    assert trainer.state.weights.network.layers[0].bias[0] == np.float32(0.3)
    trainer.undo()
    assert same(trainer.state.weights.network, bare)
    with pytest.raises(Refused, match="nothing was changed by hand"):
        trainer.undo()
    trainer.redo()
    trainer.redo()
    assert trainer.state.weights.network.layers[0].bias[0] == np.float32(0.4)
    with pytest.raises(Refused, match="nothing to be done again"):
        trainer.redo()
    trainer.undo(everything=True)
    assert same(trainer.state.weights.network, bare)
    trainer.redo()
    assert trainer.state.weights.network.layers[0].bias[0] == np.float32(0.3)  # in the order in which they were done


def test_a_muted_neuron_speaks_again_with_the_same_weights(trainer):
    trainer.reach(10)
    bare = trainer.state.weights.network
    trainer.edit(Edit("mute", 1, 3))
    assert not trainer.state.weights.network.layers[1].weight[:, 3].any()
    trainer.edit(Edit("bias", 1, 0, (1.0,)))
    trainer.unmute(1, 3)
    assert same(trainer.state.weights.network, edited(bare, [Edit("bias", 1, 0, (1.0,))]))
    with pytest.raises(Refused, match="was not muted here"):
        trainer.unmute(1, 3)
    with pytest.raises(WrongValue, match="an output cannot be muted"):
        trainer.edit(Edit("mute", 3, 0))


def test_an_edit_is_of_the_network_that_is_here_whatever_was_here_in_another_run(trainer):
    trainer.reach(5)
    trainer.edit(Edit("bias", 1, 0, (1.0,)))
    trainer.undo()
    trainer.seek(2)
    trainer.change({"learning_rate": 0.01})  # a new run, which comes to the same place by another way
    trainer.reach(3)
    trainer.change({"learning_rate": 1.5})
    trainer.reach(5)
    bare = trainer.state.weights.network
    assert same(trainer.untouched(), bare)
    trainer.edit(Edit("mute", 1, 0))
    assert same(trainer.state.weights.network, edited(bare, [Edit("mute", 1, 0)]))


def test_settings_that_were_chosen_at_the_moment_of_an_edit_are_kept(trainer):
    trainer.step()
    trainer.edit(Edit("bias", 1, 0, (1.0,)))

    def at_once():
        trainer._change({"optimizer": "adam"})
        trainer._edit(Edit("bias", 1, 1, (1.0,)))

    trainer._ask(at_once)
    assert trainer.state.checkpoint.settings.optimizer.name == "adam"
    assert len(trainer.state.edits) == 2
    trainer.step()
    network = trainer.state.weights.network
    trainer.back(False)
    assert trainer.state.checkpoint.settings.optimizer.name == "adam"
    trainer.step()
    assert same(trainer.state.weights.network, network)


def test_an_edit_in_the_past_branches_off(trainer):
    states = lived(trainer, 20)
    old = trainer.state.run
    trainer.seek(12)
    with pytest.raises(WrongValue):
        trainer.edit(Edit("bias", 9, 0, (1.0,)))
    assert trainer.state.run is old  # a mistake begins no new run
    trainer.edit(Edit("bias", 1, 0, (1.0,)))
    assert trainer.state.run is not old
    trainer.undo()
    assert same(trainer.state.weights.network, states[0, 120])
    trainer.step()
    assert same(trainer.state.weights.network, states[0, 130])  # as if nobody had touched it
    trainer.close()
    assert same(old.network(), states[1, 0])


def test_undone_edits_are_not_on_record(trainer):
    trainer.step()
    trainer.edit(Edit("bias", 1, 0, (1.0,)))
    run = trainer.state.run
    until(lambda: [event["edits"] for event in run.events() if event["event"] == "edited"])
    trainer.undo()
    trainer.step()
    trainer.close()
    assert [event["edits"] for event in run.events() if event["event"] == "edited"][-1] == []
    again = Trainer(Run.open(run.path), replace(trainer_plan(run), checkpoint=run.checkpoint()), lambda: None)
    assert again.state.log.edits == {}
    again.close()


def trainer_plan(run):
    return plan_on(run.about["data"]["sources"][0])


def test_nothing_branches_off_from_what_cannot_be_saved(trainer, monkeypatch):
    lived(trainer, 5)
    trainer.seek(2)
    with monkeypatch.context() as patched:
        patched.setattr(trainer.state.run, "save", full)
        with pytest.raises(Refused, match="nothing can branch off from it yet"):
            trainer.change({"learning_rate": 0.5})
    assert trainer.state.past
    trainer.change({"learning_rate": 0.5})
    assert not trainer.state.past


def test_a_branch_that_cannot_be_written_leaves_nothing_behind(trainer, monkeypatch):
    lived(trainer, 5)
    trainer.seek(2)
    home = trainer.state.run.path.parent
    with monkeypatch.context() as patched:
        patched.setattr(Run, "save_first", full)
        with pytest.raises(NotSaved):
            trainer.edit(Edit("bias", 1, 0, (1.0,)))
    assert [path.name for path in home.iterdir() if path.is_dir()] == [trainer.state.run.path.name]
    assert (trainer.state.step, trainer.state.edits) == (2, [])


def test_what_is_judged_late_stays_with_the_run_it_was_judged_of(trainer):
    lived(trainer, 5)
    of = trainer.state
    trainer.seek(2)
    old = trainer.state.run
    trainer.judge(of, {"step": 5, "train": {"cost": 0.5, "accuracy": 0.3, "examples": 200}, "validation": None})
    trainer.change({"learning_rate": 0.5})
    trainer.judge(of, {"step": 5, "train": {"cost": 0.5, "accuracy": 0.3, "examples": 200}, "validation": None})
    trainer.close()
    assert all(event["at"] <= [0, 20] for event in trainer.state.run.events())
    assert trainer.state.run.path != old.path


def test_what_was_judged_at_the_place_goes_along_with_a_branch(trainer):
    lived(trainer, 5)
    trainer.seek(2)
    judged = {"step": 2, "train": {"cost": 0.5, "accuracy": 0.3, "examples": 200}, "validation": None}
    trainer.judge(trainer.state, judged)
    trainer.change({"learning_rate": 0.5})
    found = [event for event in trainer.state.run.events() if event["event"] == "judged"]
    assert [(event["at"], event["train"]["accuracy"]) for event in found] == [([0, 20], 0.3)]
