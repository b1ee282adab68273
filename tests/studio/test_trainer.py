"""The trainer: played, paused, stepped, changed at any moment, it ends where an unbroken training ends."""

import math
from dataclasses import replace

import numpy as np
import pytest
from small_run import npz, plan_on, run_on, same, until

from glassnet import EpochEnded, Run, Stepped, WrongValue, last, train
from glassnet.files import NotSaved
from glassnet.plans import changed
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


def test_pausing_stepping_speed_and_resuming_change_no_byte(trainer, stripes):
    trainer.step()
    trainer.step()
    trainer.set_speed(2000)
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
    assert same(trainer.state.weights.network, plain(plan_on(stripes), []))


CHANGES = [
    {"learning_rate": 0.3},
    {"batch_size": 7},
    {"optimizer": "adam", "weight_decay": 0.01},
    {"schedule": "constant", "clip": 1.0},
    {"dropout": 0.2, "epochs": 7},
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


def test_a_change_while_it_plays_takes_effect_where_it_is(trainer, stripes):
    trainer.set_speed(500)
    trainer.play()
    until(lambda: trainer.state.step > 5)
    trainer.change({"learning_rate": 0.25})
    until(lambda: trainer.state.step > 15)
    (step,) = trainer.state.charts.arrays(10)[1]["change_steps"]
    trainer.set_speed(None)
    trainer.play()
    until(lambda: trainer.state.mode == "finished")
    place = int(step // 20), int(step % 20) * 10
    assert same(trainer.state.weights.network, plain(plan_on(stripes), [(place, {"learning_rate": 0.25})]))


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


def test_a_training_that_cannot_be_opened_is_said_once_and_nothing_is_saved(trainer, monkeypatch, caplog):
    until(lambda: trainer._events is not None)
    run = trainer.state.run

    def broken(*_, **__):
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr("glassnet.studio.trainer.train", broken)
        trainer.change({"optimizer": "adam"})
        until(lambda: trainer.state.notice)
        assert trainer.state.notice.text == "training stopped: MemoryError"
        assert len(caplog.records) == 1
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
    assert trainer.state.judged == judged
    assert trainer.state.charts.arrays(10)[1]["train_cost"].tolist() == [0.5]
    trainer.take(*run_on(tmp_path, stripes))
    trainer.judge(state, judged)
    assert trainer.state.judged is None
    again = Trainer(state.run, replace(plan_on(stripes), checkpoint=state.run.checkpoint()), lambda: None)
    assert again.state.judged == judged
    assert again.state.charts.arrays(10)[1]["train_cost"].tolist() == [0.5]
    again.close()


def test_every_state_is_announced(stripes, tmp_path):
    told = []
    trainer = Trainer(*run_on(tmp_path, stripes), lambda: told.append(1))
    before = len(told)
    trainer.step()
    assert len(told) > before
    trainer.close()


def test_what_is_compiled_for_long_is_said_meanwhile(trainer, monkeypatch):
    until(lambda: trainer._events is not None)
    told = []
    monkeypatch.setattr("glassnet.studio.trainer._PATIENCE", 0.0)

    def slow(*arguments, **options):
        events = train(*arguments, **options)
        told.append(until(lambda: trainer.state.notice))
        yield from events

    monkeypatch.setattr("glassnet.studio.trainer.train", slow)
    trainer.change({"learning_rate": 0.1})
    trainer.step()
    assert told[0].code == "preparing"
    assert trainer.state.notice is None
    assert trainer.state.step == 1
