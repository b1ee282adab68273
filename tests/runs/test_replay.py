"""Replay: whatever was changed along a training, each of its moments can be had again, to the byte."""

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glassnet import EpochEnded, Network, Settings, Stepped, WrongFile, WrongValue, from_labels, train
from glassnet.checkpoint import Checkpoint
from glassnet.engine import ARITHMETIC
from glassnet.runs import event_data
from glassnet.runs.edits import Edit, edited
from glassnet.runs.plans import changed
from glassnet.runs.replay import _DID, Interrupted, Log, Past, arithmetic_text, engine_of, place_of

N = 83


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, N)
    return from_labels(
        rng.random((N, 12)).astype(np.float32) * (rng.random((N, 12)) < 0.4) + labels[:, None] / 4, labels
    )


def begun(size=10, epochs=4, **words):
    network = Network.random((12, 6, 3), seed=3)
    chosen = changed(Settings(batch_size=size, epochs=epochs, seed=5), words)
    return Checkpoint(network, chosen.optimizer.init(network.layers), 0, 0, chosen)


def same(one, other):
    def all_bytes(checkpoint):
        sets = [checkpoint.network.layers, *checkpoint.memory.moments.values()]
        return [array.tobytes() for layers in sets for layer in layers for array in (layer.weight, layer.bias)]

    return all_bytes(one) == all_bytes(other) and place_of(one) == place_of(other) and one.settings == other.settings


def lived(first, data, things):
    """A training in which things happen at some steps (settings in words, or edits): every state of it, by place, as it was
    left; and its log as it is recorded."""
    states, events, now, steps = {}, [], first, 0
    things = dict(things)
    while True:
        for thing in things.pop(steps, []):
            if isinstance(thing, Edit):
                now = replace(now, network=edited(now.network, [thing]))
                edits = [
                    *(
                        events[-1]["edits"]
                        if events and events[-1]["event"] == "edited" and events[-1]["at"] == list(place_of(now))
                        else []
                    ),
                    thing.to_data(),
                ]
                events.append({"event": "edited", "step": now.memory.step, "at": list(place_of(now)), "edits": edits})
            else:
                now = replace(now, settings=changed(now.settings, thing))
        training = train(None, data, start=now, every=1)
        started = next(training)
        events.append(event_data(started))
        states[place_of(now)] = now = started.checkpoint
        for event in training:
            if isinstance(event, Stepped) and event.examples == N:
                continue
            if isinstance(event, Stepped | EpochEnded):
                now, steps = event.checkpoint, steps + 1
                states[place_of(now)] = now
                if steps in things:
                    break
        else:
            return states, events


THINGS = {
    0: [{"learning_rate": 0.7}],
    4: [Edit("bias", 1, 2, (1.5,))],
    7: [{"batch_size": 7}],
    9: [{"optimizer": "adam"}, Edit("mute", 1, 0)],
    15: [Edit("weight", 2, 1, (0.5,), input=3), Edit("bias", 2, 0, (-1.0,))],
    21: [{"optimizer": "sgd", "momentum": 0.9}, {"dropout": 0.3}],
    30: [{"batch_size": 20, "epochs": 5, "schedule": "constant"}],
}


def test_every_moment_of_a_training_in_which_much_happened(data):
    first = begun()
    states, events = lived(first, data, THINGS)
    past = Past(first, data, Log.of(events))
    order = np.random.default_rng(1).permutation(len(states))
    for place in [sorted(states)[i] for i in order]:
        assert same(past.at(place), states[place]), place


def test_back_one_minibatch_at_a_time_visits_every_state(data):
    first = begun()
    states, events = lived(first, data, THINGS)
    past = Past(first, data, Log.of(events))
    place, way = max(states), []
    while place is not None:
        moment = past.moment(place)
        assert same(moment.checkpoint, states[place])
        way.append(place)
        place = past.before(place)
        if place is not None:
            assert same(moment.before, states[place])
            assert moment.cost > 0
    assert way == sorted(states, reverse=True)
    assert past.moment((0, 0)).before is None


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    when=st.lists(st.integers(0, 30), min_size=1, max_size=4, unique=True),
    what=st.lists(
        st.sampled_from(
            [{"batch_size": 3}, {"batch_size": 83}, {"optimizer": "rmsprop"}, {"learning_rate": 0.1}, {"clip": 0.5},
             Edit("bias", 1, 1, (0.3,)), Edit("mute", 1, 4), Edit("weights", 2, 2, (0.1,) * 6)]
        ),
        min_size=4, max_size=4,
    ),
)  # fmt: skip
def test_whatever_happens_when(data, when, what):
    first = begun(size=9, epochs=3)
    states, events = lived(first, data, {step: [thing] for step, thing in zip(when, what, strict=False)})
    past = Past(first, data, Log.of(events))
    for place in sorted(states)[:: -max(1, len(states) // 7)]:
        assert past.floor(place) == place
        assert same(past.at(place), states[place])
        earlier = past.before(place)
        assert earlier == max((each for each in states if each < place), default=None)


def test_a_place_between_two_is_the_one_before(data):
    past = Past(begun(), data)
    assert past.floor((0, 25)) == (0, 20)
    assert past.floor((0, N)) == (1, 0)
    assert past.before((1, 0)) == (0, 80)
    assert past.before((0, 0)) is None
    with pytest.raises(WrongValue, match="nothing before"):
        Past(replace(begun(), epoch=1), data).at((0, 40))


def test_little_memory_changes_no_byte(data, tmp_path):
    first = begun()
    states, events = lived(first, data, THINGS)
    past = Past(first, data, Log.of(events), folder=tmp_path / "moments", budget=1)
    for place in sorted(states)[::-1]:
        past.keep(past.moment(place).arrived or first)
        assert same(past.at(place), states[place])
        past.save()
    assert len([each for each in past._kept.values() if each is not None]) <= 4
    assert len(list((tmp_path / "moments").iterdir())) <= 8


def test_moments_are_kept_for_the_next_time_and_damaged_ones_are_trained_again(data, tmp_path):
    first = begun()
    states, events = lived(first, data, THINGS)
    past = Past(first, data, Log.of(events), folder=tmp_path / "moments")
    past.at(max(states))
    past.save()
    files = sorted((tmp_path / "moments").iterdir())
    assert len(files) >= 3
    files[0].write_bytes(b"nothing")
    files[-1].write_bytes(files[-2].read_bytes())  # another moment's
    other = Past(first, data, Log.of(events), folder=tmp_path / "moments")
    assert all(same(other.at(place), state) for place, state in states.items())


def test_a_branch_is_the_same_up_to_where_it_branches_off(data):
    first = begun()
    states, events = lived(first, data, THINGS)
    past = Past(first, data, Log.of(events))
    past.at(max(states))
    place = sorted(states)[17]
    branch = past.branched(place, None)
    assert same(branch.at(place), states[place])
    assert max(branch.log.places()) <= place
    past.cut(place)
    assert past.log.places() == branch.log.places()
    assert same(past.at(place), states[place])


def test_a_branch_reads_no_moment_after_it_and_all_before_it_that_are_there(data, tmp_path, monkeypatch):
    first = begun(epochs=12)
    past = Past(first, data, folder=tmp_path / "moments")
    past.at((12, 0))
    past.save()
    again = Past(first, data, folder=tmp_path / "moments", budget=1)
    there, read, load = set(again._written), [], Past._load

    def reading(self, place):
        read.append(place)
        return load(self, place)

    monkeypatch.setattr(Past, "_load", reading)
    branch = again.branched((6, 0), None)
    assert sorted(read) == sorted(place for place in there if place <= (6, 0))
    assert same(branch.at((6, 0)), Past(first, data).at((6, 0)))


def test_gaps_are_filled_epoch_by_epoch_until_there_is_none_and_it_stops_when_told(data):
    past = Past(begun(epochs=6), data)
    stop = threading.Event()
    while past.fill((6, 0), stop):
        pass
    assert [place for place in past._places if not place[1]] == [(epoch, 0) for epoch in range(6)]
    other = Past(begun(size=1, epochs=6), data)
    stop.set()
    with pytest.raises(Interrupted):
        other.fill((6, 0), stop)


def test_a_damaged_record_of_changes_is_refused():
    at = {"step": 0, "at": [0, 0]}
    for event in ({"event": "started", "settings": {}, **at}, {"event": "edited", "edits": [7], **at}):
        with pytest.raises(WrongFile, match="record of changes"):
            Log.of([event])
    assert Log.of([{"event": "stepped", **at}]).places() == []


def test_the_same_settings_started_again_are_no_change():
    plain = {"event": "started", "settings": Settings().to_data(), "step": 0}
    log = Log.of([{**plain, "at": [0, 0]}, {**plain, "at": [2, 0]}])
    assert log.places() == [(0, 0)]


def test_the_engine_keeps_what_it_made_of_the_data_and_gives_the_same_numbers(data):
    first = begun()
    engine = engine_of(None, first)
    assert engine.name == "fused"
    assert engine_of(None, first) is engine
    assert engine_of("reference", first).name == "reference"
    ends = [
        [event.checkpoint for event in train(None, data, start=first, engine=each)][-1]
        for each in (engine, engine, None)
    ]
    assert same(ends[0], ends[2])
    assert same(ends[1], ends[2])
    other = replace(data, inputs=data.inputs[::-1].copy())  # other inputs of the same shape
    one, two = ([e.checkpoint for e in train(None, other, start=first, engine=each)][-1] for each in (engine, None))
    assert same(one, two)


# ── Arithmetics ──────────────────────────────────────────────────────────────────────────────────────────────────────


def started(at, engine="fused", **more):
    return {"event": "started", "step": 0, "at": at, "engine": engine, "settings": Settings().to_data(), **more}


def test_which_arithmetic_trained_what_is_in_the_log():
    events = [
        started([0, 0]),  # of before it was noted
        started([1, 0]),
        started([1, N], arithmetic=2, examples=N),  # an epoch's very end is the next one's beginning
        started([3, 0], arithmetic=2),
        started([4, 20], arithmetic=3),
        started([5, 0]),  # by an earlier version again
        started([6, 0], arithmetic="none"),
    ]
    log = Log.of(events)
    assert log.arithmetics == {(0, 0): 1, (2, 0): 2, (4, 20): 3, (5, 0): 1}
    assert log.until((4, 20)).arithmetics == {(0, 0): 1, (2, 0): 2, (4, 20): 3}
    assert log.places() == [(0, 0)]  # nobody changed anything


def test_the_arithmetic_of_a_minibatch_is_the_last_noted_before_it(data):
    log = Log(arithmetics={(1, 0): 1, (2, 30): 2})
    past = Past(begun(), data, log, arithmetic=7)
    assert [past.arithmetic_at(place) for place in [(0, 0), (0, 80), (1, 0), (2, 20), (2, 30), (3, 0)]] == [
        7,
        7,
        1,
        1,
        2,
        2,
    ]
    assert past.branched((1, 40), None).arithmetic_at((0, 10)) == 7
    assert past.branched((1, 40), None).arithmetic_at((2, 40)) == 1
    assert Past(begun(), data).arithmetic_at((0, 0)) == ARITHMETIC


def test_only_what_was_trained_otherwise_up_to_a_place_counts(data):
    arithmetics = {(0, 0): ARITHMETIC, (1, 0): 1, (2, 0): 9, (3, 0): ARITHMETIC}
    past = Past(begun(), data, Log(engines={(0, 0): "fused"}, arithmetics=arithmetics))
    ends = [(0, 0), (1, 0), (1, 10), (2, 0), (2, 10), (4, 0)]
    assert [past.other_arithmetics(end) for end in ends] == [(), (), (1,), (1,), (1, 9), (1, 9)]
    assert Past(begun(), data).other_arithmetics((4, 0)) == ()
    assert Past(begun(), data, arithmetic=1).other_arithmetics((4, 0)) == (1,)  # by the best engine there was
    assert Past(begun(), data, arithmetic=1).other_arithmetics((0, 0)) == ()


def test_an_earlier_arithmetic_is_no_other_one_where_no_loop_was_compiled(data):
    def others(number, engines, deform="none"):
        past = Past(begun(deform=deform), data, Log(engines=engines), arithmetic=number)
        return past.other_arithmetics((4, 0))

    assert others(1, {(0, 0): "reference"}) == ()
    assert others(1, {(0, 0): "somebody's own"}) == ()
    assert others(1, {(0, 0): "reference", (2, 0): "fused"}) == (1,)
    assert others(1, {(0, 0): "reference", (4, 0): "fused"}) == ()  # nothing was trained by that yet
    assert others(1, {(0, 0): "reference"}, "affine") == (1,)  # images are deformed in compiled loops
    assert others(9, {(0, 0): "reference"}) == (9,)  # what a later version changed is not known here


def test_what_is_said_of_other_arithmetics():
    assert arithmetic_text([1]) == (
        "trained, at least in part, by arithmetic 1 (an earlier version of glassnet, which kept subnormal numbers, in float32 "
        "those below 1.2e-38); training it again by arithmetic 2 can differ in the last digits"
    )
    assert arithmetic_text([3]) == (
        "trained, at least in part, by arithmetic 3 (a later version of glassnet); training it again by arithmetic 2 can "
        "differ in the last digits"
    )
    assert "by arithmetic 1 (an earlier" in arithmetic_text([1, 3])
    assert "and arithmetic 3 (a later" in arithmetic_text([1, 3])
    assert 1.17e-38 < np.finfo(np.float32).smallest_normal < 1.2e-38  # the number that is said


def test_what_every_arithmetic_of_before_did_is_said():
    assert set(_DID) == set(range(1, ARITHMETIC))
