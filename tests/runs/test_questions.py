"""Questions about a run: what they say is what happened, whatever was changed along it, and what cannot be known is said.

That it holds for runs of every kind is shown by tests/studio/test_generated.py; here are the single facts.
"""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from glassnet import Checkpoint, Layer, Network, Run, explain, from_labels, record, train
from glassnet.checkpoint import Settings
from glassnet.costs import cross_entropy, squared_error
from glassnet.engine import ARITHMETIC
from glassnet.errors import WrongFile
from glassnet.optimizers import SGD, Adam, Cosine
from glassnet.runs.edits import Edit, edited
from glassnet.runs.plans import begun, reopened
from glassnet.runs.questions import again, best_of, course, first_of, full_gradient, history, past_of, walked
from glassnet.runs.recipes import recipe
from glassnet.runs.replay import Log, place_of


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """60 small examples of two classes, in a file."""
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 2
    x = rng.random((60, 9)).astype(np.float32) + 0.5 * labels[:, None].astype(np.float32)
    path = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(path, x=x, y=labels)
    return path


def begin(folder, source, changes=None, sizes=(9, 4, 2), **options):
    plan = begun(
        recipe("plain"), {"epochs": 2, "batch_size": 10, **(changes or {})}, sizes=sizes, validation=0,
        sources=[str(source)], **options,
    )  # fmt: skip
    return Run.create(folder, plan.about, plan.checkpoint), plan


def go_on(run, plan, **options):
    events = train(None, plan.splits.train, start=plan.checkpoint, **options)
    for _ in record(events, run, seconds=0):
        pass


def same(one, other):
    return all(
        a.weight.tobytes() == b.weight.tobytes() and a.bias.tobytes() == b.bias.tobytes()
        for a, b in zip(one.layers, other.layers, strict=True)
    )


def twice(folder, source):
    """A run at a rate of 0.5, then, with twice as many epochs, at 5.0: its path was drawn 39 away from it once."""
    run, plan = begin(folder, source, {"learning_rate": 0.5})
    go_on(run, plan)
    plan = reopened(run, {"learning_rate": 5.0, "epochs": 4})
    go_on(run, plan)
    return run


def test_the_path_of_a_run_that_was_changed_midway_ends_at_its_network(tmp_path, source):
    run = twice(tmp_path / "run", source)
    way = walked(run, reopened(run))
    assert (way.distance, way.whole, way.remark) == (0, True, None)
    assert same(way.walk.points[-1], run.network())
    assert same(way.walk.points[0], run.first().network)
    assert way.walk.steps == tuple(range(25))
    assert way.walk.examples[-1] == 4 * 60
    found = explain.landscape(
        run.network(), reopened(run).splits.train, directions="walk", walks=[way.walk], dimensions=1
    )
    assert found.walks[0].distance[-1] == 0


def test_what_held_when_is_told(tmp_path, source):
    run = twice(tmp_path / "run", source)
    found = history(Log.of(run.events()))
    assert found.first.optimizer == SGD(Cosine(0.5), weight_decay=1e-4)
    ((at, values, edits, engine),) = ((each.at, each.values, each.edits, each.engine) for each in found.changes)
    assert (at, edits, engine) == ((2, 0), 0, None)
    assert values["epochs"] == 4
    assert values["optimizer.learning_rate"]["rate"] == 5.0
    assert set(values) == {"epochs", "optimizer.learning_rate"}


def test_an_engine_that_was_another_one_midway_is_the_other_one_again(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan, engine="reference")
    go_on(run, reopened(run, {"epochs": 5}), engine="fused")
    way = walked(run, reopened(run))
    assert way.distance == 0
    assert [(each.at, each.engine) for each in history(Log.of(run.events())).changes] == [((2, 0), "fused")]


def test_an_engine_that_nobody_knows_here_is_replaced_and_the_distance_is_said(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan, engine="reference")
    events = run.events()
    events[0]["engine"] = "somebody's own"
    (run.path / "events.jsonl").unlink()
    run.append(events)
    way = walked(run, reopened(run))
    assert way.distance < 1e-5
    assert same(way.walk.points[-1], run.network())


def test_a_run_of_another_arithmetic_says_how_far_it_is_and_ends_at_the_network_that_was_saved(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    now = run.checkpoint()
    first = now.network.layers[0]
    bias = first.bias.copy()
    bias[1] += np.float32(0.25)
    other = replace(now, network=replace(now.network, layers=(Layer(first.weight, bias), *now.network.layers[1:])))
    run.save(other)
    way = walked(run, reopened(run))
    np.testing.assert_allclose(way.distance, float(bias[1]) - float(first.bias[1]), rtol=1e-6)
    assert same(way.walk.points[-1], other.network)
    assert "came out 0.25 from the run's network" in way.remark


def one_digit_off(run):
    """Another last digit of one bias in the run's network, as another arithmetic would have left it."""
    now = run.checkpoint()
    layers = list(now.network.layers)
    bias = layers[1].bias.copy()
    bias[0] = np.nextafter(bias[0], np.float32(9))
    layers[1] = Layer(layers[1].weight, bias)
    run.save(replace(now, network=replace(now.network, layers=tuple(layers))))


def noted(run, number):
    """The run as a version of that arithmetic would have written it; 1: it noted none."""
    more = {} if number == 1 else {"arithmetic": number}
    about = {key: value for key, value in run.about.items() if key != "arithmetic"}
    events = [{key: value for key, value in event.items() if key != "arithmetic"} for event in run.events()]
    (run.path / "events.jsonl").unlink()
    run.append([{**event, **more} if event["event"] == "started" else event for event in events])
    run.describe({**about, **more})
    return run


def test_what_another_arithmetic_trained_is_named_where_it_came_out_otherwise(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    assert walked(noted(run, 1), reopened(run)).remark is None  # the same bytes: there is nothing to say
    one_digit_off(run)
    for number, said in (
        (1, "arithmetic 1 (an earlier version of glassnet, which kept"),
        (9, "arithmetic 9 (a later version"),
    ):
        way = walked(noted(run, number), reopened(run))
        assert way.arithmetics == (number,)
        assert f"it was trained, at least in part, by {said}" in way.remark
        assert f"training it again by arithmetic {ARITHMETIC} can differ in the last digits" in way.remark
        assert "perhaps" not in way.remark
    way = walked(noted(run, ARITHMETIC), reopened(run))
    assert (way.arithmetics, "perhaps another kind of processor" in way.remark) == ((), True)


def test_a_run_that_goes_on_by_another_arithmetic_notes_from_where_on(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    noted(run, 1)
    assert history(Log.of(run.events())).changes == ()
    go_on(run, reopened(run, {"epochs": 3}))
    (change,) = history(Log.of(run.events())).changes
    assert (change.at, change.values, change.engine, change.arithmetic) == ((2, 0), {"epochs": 3}, None, ARITHMETIC)
    past = past_of(run, reopened(run))
    assert [past.arithmetic_at(place) for place in [(0, 0), (1, 50), (2, 0)]] == [1, 1, ARITHMETIC]
    assert past.other_arithmetics((3, 0)) == (1,)


def test_a_path_that_ran_away_names_the_arithmetic_too(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    way = walked(run, reopened(run))
    assert "arithmetic" not in replace(way, distance=math.nan).remark
    remark = replace(way, distance=math.nan, arithmetics=(1,)).remark
    assert "straight to the run's network. The run was trained, at least in part, by arithmetic 1" in remark


def test_one_last_digit_is_a_distance_too(tmp_path, source):
    """However small: 0 is for the same bytes alone."""
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    one_digit_off(run)
    assert 0 < walked(run, reopened(run)).distance < 1e-6


def test_patience_that_keeps_an_earlier_network_ends_its_path_there(tmp_path, source):
    run, plan = begin(tmp_path / "run", source, {"epochs": 5})
    states = {}
    for event in record(train(None, plan.splits.train, start=plan.checkpoint), run):
        states[place_of(event.checkpoint)] = event.checkpoint
    run.save(states[2, 0])  # the best, as patience leaves it; the record goes on to the fifth epoch
    way = walked(run, reopened(run))
    assert way.distance == 0
    assert way.walk.examples[-1] == 2 * 60


def test_an_edit_by_hand_is_on_the_path_and_counted(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    now, edit = run.checkpoint(), Edit("bias", 1, 2, (1.5,))
    run.append([{"event": "edited", "step": 12, "at": [2, 0], "edits": [edit.to_data()]}])
    run.save(replace(now, network=edited(now.network, [edit])))
    go_on(run, reopened(run, {"epochs": 3}))
    assert walked(run, reopened(run)).distance == 0
    assert [(each.at, each.edits) for each in history(Log.of(run.events())).changes] == [((2, 0), 1)]


def test_a_run_of_an_earlier_version_is_drawn_again_from_its_seed(tmp_path, source):
    run = twice(tmp_path / "run", source)
    first = run.first()
    (run.path / "first.safetensors").unlink()
    assert same(first_of(run, run.checkpoint()).network, first.network)
    assert walked(run, reopened(run)).distance == 0


def test_where_nobody_knows_how_it_began_the_path_begins_where_it_is_known(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    (run.path / "first.safetensors").unlink()
    run.note(**{"from": "somebody's network.safetensors"})
    way = walked(run, reopened(run))
    assert (way.whole, way.distance, len(way.walk.points)) == (False, 0, 1)
    assert "Nobody noted how this run began" in way.remark
    with pytest.raises(WrongFile, match=r"nobody noted how the run in .* began, so it cannot be trained again"):
        again(run, reopened(run), plan.splits.train)


def test_the_full_gradient_goes_by_all_examples_as_they_are_from_the_same_start(tmp_path, source):
    run = twice(tmp_path / "run", source)
    found = course(run, reopened(run))
    own, full = found.walks
    assert same(own.points[0], full.points[0])
    assert full.examples == tuple(60 * step for step in full.steps)
    assert full.steps[-1] == 100
    assert found.remarks == (
        "The settings were changed along the run; the full gradient goes at the rate that it began with.",
    )
    # Its first step, by hand: all weights along −∇C at the rate that the run began with.
    begin_, data = run.first(), reopened(run).splits.train
    requests = explain.requests(begin_.network, data, squared_error)
    step = explain.sensitivity(begin_.network, data, None, squared_error).gradient
    assert requests.difference < 1e-12
    moved = begin_.network.layers[0].weight - 0.5 * step[0].weight
    np.testing.assert_allclose(full.points[1].layers[0].weight, moved, rtol=1e-4, atol=1e-6)


def test_dropout_and_deformation_are_no_part_of_the_full_gradient():
    data = from_labels(np.random.default_rng(0).random((20, 16), np.float32), np.arange(20) % 2)
    settings = Settings(squared_error, SGD(0.5), dropout=0.5, deform=None)
    network = Network.random((16, 4, 2))
    start = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    from glassnet.data.deform import Affine

    plain = replace(start, settings=replace(settings, dropout=0.0))
    bent = replace(start, settings=replace(settings, deform=Affine(rotation=20)))
    one, *others = (full_gradient(each, data, 3).points[-1] for each in (plain, start, bent))
    assert all(same(one, other) for other in others)


def test_again_on_other_labels_is_the_same_course_without_what_a_hand_did(tmp_path, source):
    run = twice(tmp_path / "run", source)
    plan = reopened(run)
    network, remark = again(run, plan, plan.splits.train)
    assert remark is None
    assert same(network, run.network())  # on the very labels it is the very network
    shuffled = explain.shuffled(plan.splits.train)
    other, _ = again(run, plan, shuffled)
    # By hand: two epochs at 0.5, and two at 5.0.
    start = run.first()
    for changes in ({"epochs": 2, "optimizer": SGD(Cosine(0.5), weight_decay=1e-4)},
                    {"epochs": 4, "optimizer": SGD(Cosine(5.0), weight_decay=1e-4)}):  # fmt: skip
        *_, last = train(None, shuffled, start=start, **changes)
        start = last.checkpoint
    assert same(other, start.network)
    changes = [Edit("bias", 1, 0, (1.0,))]
    run.append([{"event": "edited", "step": 24, "at": [4, 0], "edits": [each.to_data() for each in changes]}])
    # It is on record before it is the run's: where a process was ended between the two, it never was.
    assert again(run, plan, shuffled)[1] is None
    run.save(replace(plan.checkpoint, network=edited(plan.checkpoint.network, changes)))
    plan = reopened(run)
    assert again(run, plan, shuffled)[1] == "1 edits by hand were left out."


def test_another_cost_midway_begins_its_own_sums(tmp_path, source):
    """The mean of an epoch is of one cost; so is what an epoch is compared with."""
    plan = begin(tmp_path / "run", source, {"epochs": 1}, output="softmax")[1]
    events = train(None, plan.splits.train, start=plan.checkpoint, every=1)
    changed = [next(events) for _ in range(4)][-1].checkpoint  # after three minibatches
    events.close()
    seen, epoch = [], None
    for event in train(None, plan.splits.train, start=changed, cost=cross_entropy, every=1):
        if hasattr(event, "costs"):
            seen.append(float(event.costs[0]))
        elif hasattr(event, "cost"):
            epoch = event.cost
    assert len(seen) == 3
    np.testing.assert_allclose(epoch, np.mean(seen))
    assert changed.first_cost is not None
    *_, last = train(None, plan.splits.train, start=changed, cost=cross_entropy, every=1)
    assert last.checkpoint.first_cost == seen[0]
    assert last.checkpoint.cost_from == 0


def test_reading_a_run_writes_nothing(tmp_path, source):
    run = twice(tmp_path / "run", source)
    (run.path / "moments").mkdir()
    (run.path / "moments" / "1-0.safetensors").write_bytes(b"damaged")
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with run.hold():  # by whoever trains it
        other, plan = Run.open(run.path), reopened(Run.open(run.path))
        walked(other, plan)
        course(other, plan)
        again(other, plan, plan.splits.train)
        past_of(other, plan).at((1, 0))
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before


def test_an_optimizer_that_was_another_one_at_the_end_is_whole_when_it_is_saved(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    plan = reopened(run, {"optimizer": "adam"})
    assert plan.checkpoint.settings.optimizer == Adam(Cosine(0.001))
    assert set(plan.checkpoint.memory.moments) == {"mean", "square"}
    run.save(plan.checkpoint)
    assert same(run.checkpoint().network, plan.checkpoint.network)
    assert json.loads((run.path / "run.json").read_text())["recipe"] == "plain"


def test_the_best_is_trained_again_where_its_own_file_is_not_of_that_epoch(tmp_path, source):
    """A process that is ended between its record and its best loses nothing of either."""
    plan = begun(
        recipe("plain"), {"epochs": 6, "batch_size": 5, "learning_rate": 20.0}, sizes=(9, 4, 2), validation=0.3,
        sources=[str(source)],
    )  # fmt: skip
    run = Run.create(tmp_path / "run", plan.about, plan.checkpoint)
    assert best_of(run, plan) is None
    for _ in record(train(None, plan.splits.train, validation=plan.splits.validation, start=plan.checkpoint), run):
        pass
    costs = {each["epoch"]: each["validation_cost"] for each in run.events() if each["event"] == "epoch"}
    lowest = min(costs, key=costs.get)
    assert lowest < 6, "the last epoch is no test"
    plan = reopened(run)
    own = best_of(run, plan)
    assert (own.epoch, same(own.network, run.best().network)) == (lowest, True)
    (run.path / "best.safetensors").unlink()
    assert same(best_of(run, plan).network, own.network)
    # By another cost its numbers are of another kind.
    assert best_of(run, reopened(run, {"cost": "binary_cross_entropy"})) is None


def test_the_course_of_another_cost_is_compared_by_the_cost_of_now(tmp_path, source):
    run, plan = begin(tmp_path / "run", source)
    go_on(run, plan)
    go_on(run, reopened(run, {"cost": "binary_cross_entropy", "epochs": 4}))
    plan = reopened(run)
    told = course(run, plan)
    *_, full = told.walks
    first = first_of(run, plan.checkpoint)
    wanted = full_gradient(replace(first, settings=replace(first.settings, cost=plan.checkpoint.settings.cost)),
                           plan.splits.train)  # fmt: skip
    assert same(full.points[-1], wanted.points[-1])
    assert any("cost" in remark for remark in told.remarks)
