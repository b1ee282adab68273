"""Races: each lane is the plain training of its settings, and all see the same images at the same step."""

import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
from small_run import RAISED, Once, npz, numbers_npz, same, until

from glassnet import Run, Stepped, WrongValue, last, train
from glassnet.backprop import backward
from glassnet.explain.examples import precise
from glassnet.runs.plans import begun, numbered
from glassnet.runs.recipes import recipe
from glassnet.runs.replay import engine_of
from glassnet.studio import races
from glassnet.studio.commands import checked
from glassnet.studio.frames import pack, unpack
from glassnet.studio.races import Races, gradient_sizes
from glassnet.studio.session import Session
from glassnet.studio.trainer import Refused
from glassnet.training import Diverged, order

SIGMOID = {"name": "sigmoid", "sizes": [None, 8, 8, None], "hidden": ["sigmoid"], "learning_rate": 1.0}
RELU = {"name": "relu", "sizes": [None, 8, 8, None], "hidden": ["relu"], "learning_rate": 0.1}
WILD = {**RELU, "name": "wild", "output": "identity", "learning_rate": 10.0}
EPOCHS = 4


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    return npz(tmp_path_factory.mktemp("data"))


class StandIn:
    """What a race asks of its session, and no more."""

    def __init__(self, data):
        self.data = str(data)
        self.paused = 0
        self.begun = []
        self.told = {}

    def planned(self, fields):
        words = ("learning_rate", "cost", "batch_size", "epochs", "weight_decay", "optimizer", "dropout")
        sizes = fields.get("sizes")
        base = recipe("plain")
        return begun(
            base,
            {"batch_size": 10, "epochs": EPOCHS} | {key: fields[key] for key in words if key in fields},
            sizes=[64, *sizes[1:-1], 3] if sizes else None,
            hidden=fields.get("hidden"),
            output=fields.get("output"),
            initializer=fields.get("initializer"),
            seed=fields.get("seed", 0),
            validation=40,
            sources=[self.data],
        )

    def engine(self, plan):
        return engine_of(plan.about.get("engine"), plan.checkpoint)

    def begin(self, plan):
        self.begun.append(plan)
        return len(self.begun)

    def pause(self):
        self.paused += 1

    def changed(self):
        pass

    def tell(self, notice):
        self.told[notice.code] = notice.text

    def untell(self, *codes):
        for code in codes:
            self.told.pop(code, None)


@pytest.fixture
def session(stripes):
    return StandIn(stripes)


@pytest.fixture
def race(session):
    """What follows the commands of a tab."""
    made = Races(session)
    yield made
    made.close()


LOOK = np.full((1, 64), 0.5)


def do(race, what, **fields):
    name, found = checked({"do": "race", "what": what, **fields}, {})
    assert name == "race"
    return race.do(found)


def header(race):
    return race.frame({}, LOOK)[0]


def begin(race, *lanes, value=None, **fields):
    return do(race, "begin", lanes=list(lanes), value=value, **fields)


def until_mode(race, mode):
    return until(lambda: (found := header(race))["mode"] == mode and found)


def networks(race):
    return [each.weights.network for each in race._race.state.lanes]


def plain(session, lane, **shared):
    """The network that train() alone ends with."""
    plan = session.planned({**lane, **shared})
    return last(train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint))


def test_a_race_is_heard_while_its_lanes_are_compiled(compiling, race, session):
    begin(race, SIGMOID, RELU)
    do(race, "play")
    assert header(race)["mode"] == "playing"
    do(race, "pause")
    do(race, "speed", value=3)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(do, race, "minibatch")
        do(race, "speed", value=4)
        assert not asked.done()
        compiling.set()
        asked.result(60)
    assert (header(race)["step"], header(race)["mode"], header(race)["speed"]) == (1, "paused", 4)
    begin(race, SIGMOID, RELU)
    do(race, "play")
    until_mode(race, "finished")
    assert all(same(a, plain(session, lane)) for a, lane in zip(networks(race), (SIGMOID, RELU), strict=True))


def test_who_waits_for_a_race_that_ends_is_told(compiling, race):
    begin(race, SIGMOID, RELU)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(do, race, "minibatch")
        do(race, "end")
        with pytest.raises(Refused, match="over"):
            asked.result(60)


# ── The same training ────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_lane_ends_with_the_bytes_of_its_plain_training(race, session):
    begin(race, SIGMOID, RELU, seed=3)
    do(race, "play")
    found = until_mode(race, "finished")
    assert (found["step"], found["steps"], found["seed"]) == (80, 80, 3)
    assert [lane["mode"] for lane in found["lanes"]] == ["finished", "finished"]
    for network, lane in zip(networks(race), (SIGMOID, RELU), strict=True):
        assert same(network, plain(session, lane, seed=3))
    with pytest.raises(Refused, match="finished") as caught:
        do(race, "minibatch")
    assert caught.value.code == "finished"


def test_pausing_stepping_and_speed_change_no_byte(race, session):
    begin(race, SIGMOID, RELU, value=30)
    do(race, "minibatch")
    do(race, "play")
    until(lambda: header(race)["step"] > 3)
    do(race, "pause")
    do(race, "speed", value=2000)
    do(race, "minibatch")
    before = header(race)
    assert before["mode"] == "paused"
    do(race, "epoch")
    paused = until(lambda: (found := header(race))["mode"] == "paused" and found)
    assert (paused["step"], paused["example"]) == (20 * -(-before["step"] // 20), 0)
    do(race, "play")
    until(lambda: header(race)["step"] > 30)
    do(race, "speed", value=None)
    until_mode(race, "finished")
    for network, lane in zip(networks(race), (SIGMOID, RELU), strict=True):
        assert same(network, plain(session, lane))


def test_no_lane_is_ever_ahead_of_another(race, session):
    seen = []
    session.changed = lambda: seen.append(race.frame({}, LOOK)[0])  # in the race's own thread: none is missed
    begin(race, SIGMOID, RELU, {**SIGMOID, "name": "deep", "sizes": [None, 30, 30, 30, 30, None]}, value=1000)
    do(race, "play")
    until(lambda: any(found and found["mode"] == "finished" for found in list(seen)))  # seen by that thread, too
    steps = [{lane["step"] for lane in found["lanes"]} for found in list(seen) if found]
    assert all(len(each) == 1 for each in steps)
    assert set.union(*steps) >= {20, 40, 60, 80}  # and none of 40 minibatches goes beyond its epoch


def test_lanes_begin_with_the_same_numbers_and_learn_from_the_same_images(race, session):
    rows = []
    real = session.engine

    class Noting:
        """The engine, with what it is given written down."""

        name = "noting"

        def __init__(self, engine):
            self.engine = engine

        def __getattr__(self, name):
            return getattr(self.engine, name)

        def advance(self, state, batches):
            rows.append(batches.rows.tolist())
            return self.engine.advance(state, batches)

    session.engine = lambda plan: Noting(real(plan))
    begin(race, SIGMOID, {**RELU, "initializer": "glorot"}, seed=5)
    assert same(*networks(race))
    do(race, "minibatch")
    do(race, "minibatch")
    first, second = (order(200, 5, 0)[part].tolist() for part in (slice(0, 10), slice(10, 20)))
    assert [each for each in rows if each] == [first, first, second, second]
    assert not same(*networks(race))


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("value", [None, 2000])
def test_a_lane_that_diverges_stops_there_and_the_others_go_on(race, session, value):
    begin(race, WILD, SIGMOID, value=value)
    plan = session.planned(WILD)
    with pytest.raises(Diverged) as caught:
        last(train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint))
    do(race, "play")
    wild, tame = until_mode(race, "finished")["lanes"]
    assert (wild["mode"], tame["mode"]) == ("diverged", "finished")
    assert wild["notice"] == {"code": "diverged", "text": str(caught.value)}
    assert same(networks(race)[0], caught.value.checkpoint.network)
    assert same(networks(race)[1], plain(session, SIGMOID))


def test_when_all_have_diverged_the_race_is_over(race):
    begin(race, WILD, {**WILD, "name": "wilder", "learning_rate": 100.0})
    do(race, "play")
    found = until_mode(race, "finished")
    assert {lane["mode"] for lane in found["lanes"]} == {"diverged"}
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("lanes", "fields", "words"),
    [
        ([SIGMOID], {}, "2 to 4 lanes, got 1"),
        ([], {}, "2 to 4 lanes, got 0"),
        ([SIGMOID, SIGMOID], {}, "two lanes are called “sigmoid”"),
        ([SIGMOID, {**RELU, "batch_size": 20}], {"batch_size": 10}, "lane “relu” has a minibatch size of its own, 20"),
        ([SIGMOID, {**RELU, "batch_size": 20}], {}, "lane “relu” has a minibatch size of its own, 20"),
        ([{**SIGMOID, "epochs": 3}, {**RELU, "epochs": 5}], {}, "lane “relu” has a number of epochs of its own, 5"),
        ([SIGMOID, {**RELU, "cost": "cross_entropy", "output": "relu"}], {}, "lane “relu”: .*cross_entropy"),
        ([SIGMOID, {"hidden": ["sofa"]}], {}, "lane “2”: .*sofa"),
        ([SIGMOID, {**RELU, "sizes": [None, 20_000, 100, None]}], {}, "lane “relu”: .*2,000,000"),
    ],
)
def test_what_cannot_race_is_refused_with_its_lane_and_nothing_begins(race, session, lanes, fields, words):
    with pytest.raises(WrongValue, match=words):
        do(race, "begin", lanes=lanes, **fields)
    assert race.frame({}, LOOK) == (None, {})
    assert session.paused == 0


def test_without_a_race_there_is_nothing_to_play(race):
    for what in ("play", "pause", "minibatch", "epoch", "speed", "take"):
        with pytest.raises(Refused) as caught:
            do(race, what)
        assert caught.value.code == "no_race"
    do(race, "end")


def test_a_refused_race_leaves_the_one_that_is_on(race):
    number = begin(race, SIGMOID, RELU)["race"]
    do(race, "minibatch")
    with pytest.raises(WrongValue):
        begin(race, SIGMOID)
    assert (header(race)["race"], header(race)["step"]) == (number, 1)


def test_another_race_takes_its_place_and_the_first_ones_threads_end(race):
    before = threading.active_count()
    first = begin(race, SIGMOID, RELU)["race"]
    do(race, "play")
    second = begin(race, RELU, SIGMOID)["race"]
    assert second > first
    assert threading.active_count() == before + 2
    assert [lane["name"] for lane in header(race)["lanes"]] == ["relu", "sigmoid"]
    do(race, "end")
    assert threading.active_count() == before
    assert race.frame({}, LOOK) == (None, {})


def test_the_last_minibatch_finishes_the_race_and_no_command_brings_it_back(race):
    begin(race, SIGMOID, RELU)
    for step in range(1, 81):
        do(race, "minibatch")
        assert (header(race)["step"], header(race)["mode"]) == (step, "paused" if step < 80 else "finished")
    for what in ("play", "minibatch", "epoch"):
        with pytest.raises(Refused) as caught:
            do(race, what)
        assert caught.value.code == "finished"
    do(race, "pause")
    do(race, "speed", value=7)
    assert (header(race)["mode"], header(race)["speed"]) == ("finished", 7)


def test_when_the_last_lane_diverges_in_a_single_minibatch_the_race_is_over(race):
    begin(race, WILD, {**WILD, "name": "wilder", "learning_rate": 1e9})
    for _ in range(80):
        if header(race)["mode"] == "finished":
            break
        do(race, "minibatch")
    assert header(race)["mode"] == "finished"
    assert {lane["mode"] for lane in header(race)["lanes"]} == {"diverged"}
    with pytest.raises(Refused):
        do(race, "minibatch")


@pytest.mark.parametrize("what", ["minibatch", "play", "epoch"])
def test_a_race_of_which_no_lane_can_be_opened_is_over_and_says_why(race, monkeypatch, caplog, what):
    def broken(*_, **__):
        raise MemoryError

    monkeypatch.setattr("glassnet.studio.races.train", broken)
    begin(race, SIGMOID, RELU)
    with suppress(Refused):  # the race's thread may have been so quick to open the lanes that it is over already
        do(race, what)
    found = until_mode(race, "finished")
    for lane in found["lanes"]:
        assert (lane["mode"], lane["notice"]["code"]) == ("diverged", "stopped")
        assert lane["notice"]["text"].startswith("training stopped: MemoryError. This lane is over.")
    with pytest.raises(Refused) as caught:
        do(race, "play")
    assert caught.value.code == "finished"


def test_a_lane_that_cannot_be_opened_is_told_before_anybody_plays(race, monkeypatch, caplog):
    monkeypatch.setattr("glassnet.studio.races.train", Once(MemoryError, train))
    begin(race, SIGMOID, RELU)
    found = until(lambda: (it := header(race))["lanes"][0]["notice"] and it)
    assert (found["mode"], found["lanes"][0]["mode"], found["lanes"][1]["mode"]) == ("paused", "diverged", "paused")
    do(race, "play")
    until_mode(race, "finished")
    assert [lane["mode"] for lane in header(race)["lanes"]] == ["diverged", "finished"]


# ── What should never happen ─────────────────────────────────────────────────────────────────────────────────────────


def both_end_as_if_nothing_had_happened(race, session):
    """Played to the end: the bytes of the plain trainings; each minibatch is on the charts once, and each epoch noted."""
    do(race, "speed", value=None)
    do(race, "play")
    until_mode(race, "finished")
    for network, lane in zip(networks(race), (SIGMOID, RELU), strict=True):
        assert same(network, plain(session, lane))
    arrays = race.frame({}, LOOK)[1]
    for k, lane in enumerate(race._race.lanes):
        assert arrays[f"race_{k}_cost_steps"].tolist() == list(range(1, 81))
        epochs = [event["at"] for event in lane.past if event["event"] == "epoch"]
        assert epochs == [[1, 0], [2, 0], [3, 0], [4, 0]]
        assert [event["event"] for event in lane.past][0::5] == ["started", "finished"]


FRAIL = [(races._Race, "_open"), (races._Race, "_round"), (races._Lane, "open"), (races._Lane, "advance")]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(("owner", "name"), FRAIL, ids=lambda each: getattr(each, "__name__", each))
@pytest.mark.parametrize("command", ["play", "minibatch"])
def test_a_race_that_fails_is_said_and_goes_on_with_the_next_command(
    race, session, monkeypatch, caplog, owner, name, late, command
):
    begin(race, SIGMOID, RELU)
    for _ in range(19):
        do(race, "minibatch")
    error = RAISED[(FRAIL.index((owner, name)) + late) % len(RAISED)]
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, Once(error, getattr(owner, name), late))
        with suppress(Refused, MemoryError):  # who asked for a minibatch is answered; who asked to play has gone
            do(race, command)
            assert command == "play"
        until(lambda: session.told)
    assert set(session.told) == {"thread"}
    assert session.told["thread"].startswith(f"the race stopped: {error.__name__}")
    assert "Press play to go on" in session.told["thread"]
    found = until(lambda: (it := header(race))["mode"] == "paused" and it)
    assert len({lane["step"] for lane in found["lanes"]}) == 1  # none is ahead of the other
    assert [each.exc_info[0] for each in caplog.records] == [error]
    step = found["step"]
    do(race, "minibatch")
    assert session.told == {}
    assert [lane["step"] for lane in header(race)["lanes"]] == [step + 1] * 2
    both_end_as_if_nothing_had_happened(race, session)


@pytest.mark.parametrize("error", RAISED)
@pytest.mark.parametrize("name", ["gradient_sizes", "evaluate"])
def test_judging_that_fails_is_said_and_the_next_network_is_judged(race, session, monkeypatch, caplog, name, error):
    monkeypatch.setattr("glassnet.studio.workers._REST", 0.01)
    begin(race, SIGMOID, RELU)
    settled(race)
    monkeypatch.setattr(races, name, Once(error, getattr(races, name)))
    do(race, "minibatch")
    until(lambda: session.told)
    assert session.told["thread"].startswith(f"judging the race failed: {error.__name__}")
    assert len(caplog.records) == 1
    do(race, "minibatch")
    assert session.told == {}
    settled(race)
    assert header(race)["lanes"][0]["judged_step"] == 2


def test_after_a_race_that_failed_another_can_begin(race, session, monkeypatch, caplog):
    begin(race, SIGMOID, RELU, value=None)
    with monkeypatch.context() as patched:
        patched.setattr(races._Race, "_round", Once(SystemExit))
        do(race, "play")
        until(lambda: session.told)
    begin(race, SIGMOID, RELU, value=None)
    assert session.told == {}
    both_end_as_if_nothing_had_happened(race, session)


# ── Gradients ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_gradients_are_those_of_backpropagation_at_the_state_that_is_shown(race, session):
    begin(race, SIGMOID, {**RELU, "output": "softmax", "cost": "cross_entropy"})
    for _ in range(3):
        do(race, "minibatch")
    found = until(lambda: (it := header(race)) and all(lane["gradients_step"] == 3 for lane in it["lanes"]) and it)
    for lane, network in zip(found["lanes"], networks(race), strict=True):
        plan = session.planned(SIGMOID if lane["name"] == "sigmoid" else {**RELU, "output": "softmax"})
        x, y = (each[:100].astype(np.float64) for each in (plan.splits.train.inputs, plan.splits.train.targets))
        fine = precise(network)
        cost = race._race.lanes[found["lanes"].index(lane)].plan.checkpoint.settings.cost
        gradient = backward(fine, fine.forward(x), y, cost).gradient
        expected = [np.sqrt((layer.weight**2).mean()) for layer in gradient]
        assert lane["gradients"] == pytest.approx(expected, rel=1e-12)


def test_the_gradients_are_pytorchs(session):
    import torch

    plan = session.planned({**SIGMOID, "output": "softmax", "cost": "cross_entropy", "sizes": [None, 8, 7, 6, None]})
    network, data = precise(plan.checkpoint.network), plan.splits.train.take(slice(0, 50))
    x, y = (torch.tensor(np.asarray(each, np.float64)) for each in (data.inputs, data.targets))
    weights = [torch.tensor(layer.weight, requires_grad=True) for layer in network.layers]
    a = x
    for l, (weight, layer) in enumerate(zip(weights, network.layers, strict=True), start=1):
        z = a @ weight.T + torch.tensor(layer.bias)
        a = torch.sigmoid(z) if l < len(weights) else z
    torch.nn.functional.cross_entropy(a, y).backward()
    expected = [float(weight.grad.square().mean().sqrt()) for weight in weights]
    assert gradient_sizes(network, data, plan.checkpoint.settings.cost) == pytest.approx(expected, rel=1e-10)


# ── Frames ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def settled(race):
    """When everything that is paused has been judged and measured."""
    return until(
        lambda: all(lane["judged_step"] == lane["gradients_step"] == lane["step"] for lane in header(race)["lanes"])
    )


def test_a_frame_is_whole_and_then_leaves_out_what_was_sent(race, session):
    begin(race, SIGMOID, RELU)
    do(race, "minibatch")
    settled(race)
    sent = {}
    about, arrays = race.frame(sent, LOOK)
    parts = ("a", "weight", "cost_steps", "cost", "judged_steps", "validation_cost", "validation_accuracy")
    assert set(arrays) == {f"race_{k}_{part}" for k in (0, 1) for part in parts}
    back, found = unpack(pack({"type": "frame", "race": about}, arrays))
    assert back["race"] == about
    for k, network in enumerate(networks(race)):
        weights = np.concatenate([layer.weight.reshape(-1) for layer in network.layers])
        assert found[f"race_{k}_weight"].tobytes() == weights.tobytes()
        forward = precise(network).forward(LOOK)
        assert found[f"race_{k}_a"].tolist() == np.concatenate([a[0] for a in forward.activations[1:]]).tolist()
        assert about["lanes"][k]["answer"] == int(forward.activations[-1].argmax())
        assert found[f"race_{k}_cost"].tolist() == [about["lanes"][k]["cost_now"]]
    assert set(race.frame(sent, LOOK)[1]) == {"race_0_a", "race_1_a"}
    do(race, "minibatch")
    assert {"race_0_weight", "race_1_cost"} <= set(race.frame(sent, LOOK)[1])
    begin(race, SIGMOID, RELU)
    assert {"race_0_weight", "race_1_cost"} <= set(race.frame(sent, LOOK)[1])


def test_the_serial_tells_of_everything_new(race):
    seen = [race.serial]

    def new():
        seen.append(race.serial)
        return seen[-1] != seen[-2]

    begin(race, SIGMOID, RELU)
    assert new()
    settled(race)
    new()
    assert not new()
    do(race, "minibatch")
    assert new()
    do(race, "speed", value=5)
    assert new()
    do(race, "end")
    assert new()


def test_an_image_of_another_size_has_no_answer(race):
    begin(race, SIGMOID, RELU)
    about, arrays = race.frame({}, np.zeros((1, 5)))
    assert [lane["answer"] for lane in about["lanes"]] == [None, None]
    assert "race_0_a" not in arrays
    assert "race_0_weight" in arrays


def test_lanes_are_judged_on_validation_images(race, session):
    begin(race, SIGMOID, RELU)
    do(race, "epoch")
    until_mode(race, "paused")
    settled(race)
    about, arrays = race.frame({}, LOOK)
    assert about["judged_on"] == "validation"
    data = session.planned(SIGMOID).splits.validation
    for k, (lane, network) in enumerate(zip(about["lanes"], networks(race), strict=True)):
        share = (network(data.inputs).argmax(1) == data.labels).mean()
        assert lane["accuracy"] == pytest.approx(share)
        assert arrays[f"race_{k}_judged_steps"].tolist()[-1] == 20
        assert arrays[f"race_{k}_validation_accuracy"].tolist()[-1] == pytest.approx(share)


def test_large_networks_are_not_drawn_and_memory_is_bounded(race, session):
    wide = {**SIGMOID, "sizes": [None, 3000, None]}
    begin(race, wide, RELU, epochs=40, batch_size=2)
    about, arrays = race.frame({}, LOOK)
    assert [lane["drawn"] for lane in about["lanes"]] == [False, True]
    assert "race_0_weight" not in arrays
    begin(race, SIGMOID, RELU, epochs=10, batch_size=1)
    do(race, "play")
    until_mode(race, "finished")
    settled(race)
    for k in (0, 1):
        arrays = race.frame({}, LOOK)[1]
        assert all(len(arrays[f"race_{k}_{part}"]) <= 512 for part in ("cost", "validation_cost"))
        plan = race._race.plan_of(k)
        assert len(plan.about["events"]) <= 2 * 512 + 10 + 2


def test_all_lanes_share_the_data(race):
    begin(race, SIGMOID, RELU, {**RELU, "name": "third"})
    inputs = {id(lane.plan.splits.train.inputs) for lane in race._race.lanes}
    assert len(inputs) == 1


def test_numbers_to_predict_have_no_answers(tmp_path):
    session = StandIn(numbers_npz(tmp_path))
    session.planned = lambda fields: begun(
        recipe("plain"),
        {"batch_size": 5, "epochs": 2, "learning_rate": fields["learning_rate"]},
        sizes=[5, 4, 2],
        output="identity",
        validation=0,
        sources=[session.data],
    )
    race = Races(session)
    begin(race, {"learning_rate": 0.01}, {"learning_rate": 0.02})
    do(race, "epoch")
    until_mode(race, "paused")
    until(lambda: all(lane["judged_step"] == 12 for lane in header(race)["lanes"]))
    about, arrays = race.frame({}, np.zeros((1, 5)))
    assert about["judged_on"] == "train"
    assert [(lane["answer"], lane["accuracy"]) for lane in about["lanes"]] == [(None, None)] * 2
    assert [lane["name"] for lane in about["lanes"]] == ["1", "2"]
    assert np.isnan(arrays["race_0_validation_accuracy"]).all()
    race.close()


# ── Going on with one ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lane_that_is_taken_goes_on_to_the_byte_with_its_past(race, session, tmp_path):
    begin(race, SIGMOID, RELU)
    do(race, "epoch")
    until_mode(race, "paused")
    for _ in range(3):
        do(race, "minibatch")
    do(race, "play")
    assert do(race, "take", lane=1) == {"run": 1}
    (plan,) = session.begun
    assert header(race)["mode"] == "paused"
    assert same(plan.checkpoint.network, networks(race)[1])
    assert plan.checkpoint.epoch >= 1
    assert same(last(train(None, plan.splits.train, start=plan.checkpoint)), plain(session, RELU))
    past = plan.about["events"]
    assert past[0]["event"] == "started"
    assert {"stepped", "epoch"} <= {event["event"] for event in past}
    assert [event["at"] for event in past] == sorted(event["at"] for event in past)
    run = Run.create(
        numbered(tmp_path), {key: value for key, value in plan.about.items() if key not in ("events", "first")}
    )
    run.append(past)
    from glassnet.studio.charts import Charts

    series = Charts.of(run.events(), 200).arrays(10)[1]
    arrays = race.frame({}, LOOK)[1]
    assert series["cost"].tolist() == pytest.approx(arrays["race_1_cost"].tolist())
    with pytest.raises(WrongValue, match="there is no lane 2"):
        do(race, "take", lane=2)


def test_in_a_session_a_race_pauses_the_run_and_a_lane_becomes_one(stripes, tmp_path):
    session = Session(tmp_path / "home", data=[str(stripes)])
    try:
        tab = session.tab(lambda: None)
        tab.do({"do": "play"})
        lanes = [{"name": "slow", "learning_rate": 0.1}, {"name": "fast", "learning_rate": 2.0}]
        tab.do({"do": "race", "what": "begin", "lanes": lanes, "epochs": 3, "value": None})
        assert session.now().mode == "paused"
        tab.do({"do": "view", "watch": ["race"]})
        tab.do({"do": "race", "what": "play"})

        def over():
            frame = tab.frame()
            found = frame and unpack(frame)
            return found and found[0]["race"]["mode"] == "finished" and found

        about, _ = until(over)
        number = tab.do({"do": "race", "what": "take", "lane": 1})["run"]
        state = session.now()
        assert int(state.run.path.name) == number
        network = session.races._race.state.lanes[1].weights.network
        assert same(state.weights.network, network)
        assert (state.mode, state.checkpoint.epoch) == ("finished", 3)
        assert about["race"]["lanes"][1]["name"] == "fast"
        assert len(state.charts.arrays(10)[1]["cost"]) > 1
        tab.do({"do": "seek", "step": 5})  # it can go back to before the race was over, to the byte
        plan = session.planned({**lanes[1], "epochs": 3})
        events = train(None, plan.splits.train, start=plan.checkpoint, every=5)
        at_five = next(event for event in events if isinstance(event, Stepped))
        assert same(session.now().weights.network, at_five.checkpoint.network)
    finally:
        session.close()


def test_commands_of_many_at_once_leave_a_race_that_still_ends(race, session):
    begin(race, SIGMOID, RELU, value=500)
    wrong = []

    def press(number):
        for what in itertools.islice(
            itertools.cycle(["play", "minibatch", "pause", "epoch", "speed"]), number, 40 + number
        ):
            try:
                do(race, what, **({"value": 100.0 * (1 + number)} if what == "speed" else {}))
            except Refused as error:
                if error.code != "finished":
                    wrong.append(error)

    threads = [threading.Thread(target=press, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    do(race, "speed", value=None)
    if header(race)["mode"] != "finished":
        do(race, "play")
    until_mode(race, "finished")
    for network, lane in zip(networks(race), (SIGMOID, RELU), strict=True):
        assert same(network, plain(session, lane))


def test_events_are_of_whole_rounds(session):
    """What the lockstep rests on: trainings with equal data and sizes have their events at the same places."""
    places = []
    for lane in (SIGMOID, RELU):
        plan = session.planned(lane)
        events = train(None, plan.splits.train, start=plan.checkpoint, every=7)
        places.append([event.step for event in events if isinstance(event, Stepped)])
    assert places[0] == places[1]
    assert places[0][:4] == [7, 14, 20, 27]
