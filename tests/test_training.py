import re
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet import (
    Dataset,
    Diverged,
    EpochEnded,
    Finished,
    Layer,
    Network,
    Run,
    Settings,
    Started,
    Stepped,
    TrainingWarning,
    WrongValue,
    evaluate,
    history,
    last,
    read_checkpoint,
    record,
    save_checkpoint,
    train,
)
from glassnet.activations import ReLU, identity
from glassnet.costs import absolute_error, squared_error
from glassnet.data.deform import Affine, Deformer, Elastic
from glassnet.engine import Batches, Dropout, Engine, Reference
from glassnet.engine.fused import Fused
from glassnet.optimizers import SGD, Adam, Cosine, WarmUp, as_optimizer
from glassnet.training import ENGINES, as_engine, order

SIZES = (784, 8, 10)


@pytest.fixture(params=ENGINES)
def engine(request):
    """What training promises, it promises with every engine."""
    return request.param


def bytes_of(network):
    return b"".join(array.tobytes() for layer in network.layers for array in (layer.weight, layer.bias))


def small(**options):
    return Network.random(SIZES, **options)


def test_it_learns(digits, engine):
    data = digits.train.take(slice(0, 5000))
    events = history(train(small(), data, validation=digits.validation, epochs=3, engine=engine))
    last(events)
    accuracies = [epoch.validation.accuracy for epoch in events.epochs]
    assert accuracies[-1] > 0.85
    assert events.epochs[-1].cost < events.epochs[0].cost


def test_events_come_in_order_and_carry_their_moment(few, engine):
    data, validation = few
    events = list(train(small(), data, validation=validation, epochs=2, batch_size=32, every=5, engine=engine))
    assert isinstance(events[0], Started)
    assert (events[0].examples, events[0].steps, events[0].engine) == (500, 32, engine)
    kinds = [type(event) for event in events[1:]]
    # 16 minibatches an epoch, seen after 5, 10, 15 and 16 of them
    assert kinds == [Stepped] * 4 + [EpochEnded] + [Stepped] * 4 + [EpochEnded, Finished]
    steps = [event for event in events if isinstance(event, Stepped)]
    assert [event.step for event in steps] == [5, 10, 15, 16, 21, 26, 31, 32]
    assert [event.examples for event in steps][:4] == [160, 320, 480, 500]
    assert [len(event.costs) for event in steps][:4] == [5, 5, 5, 1]
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert [event.checkpoint.epoch for event in epochs] == [1, 2]
    # the epoch's cost is the mean over its examples; the last minibatch has 20, the others 32
    costs = np.concatenate([event.costs for event in steps[:4]])
    assert epochs[0].cost == pytest.approx(np.average(costs, weights=[32] * 15 + [20]), rel=1e-12)
    assert events[-1].reason == "epochs"
    assert events[-1].checkpoint.network is epochs[-1].checkpoint.network


def test_one_step_is_the_four_equations_and_no_more(few, engine):
    from glassnet import backward
    from glassnet.costs import squared_error

    data, _ = few
    network = small(dtype=np.float64)
    events = train(network, data, optimizer=SGD(0.5), batch_size=10, every=1, engine=engine)
    next(events)
    after = next(events).checkpoint.network
    rows = order(500, 0, 0)[:10]
    x, y = data.inputs[rows].astype(float), data.targets[rows].astype(float)
    gradient = backward(network, network.forward(x), y, squared_error).gradient
    for before, now, g in zip(network.layers, after.layers, gradient, strict=True):
        if engine == "reference":
            assert np.array_equal(now.weight, before.weight - 0.5 * g.weight)
            assert np.array_equal(now.bias, before.bias - 0.5 * g.bias)
        else:  # to rounding: it adds up in another order
            assert now.weight == pytest.approx(before.weight - 0.5 * g.weight, rel=1e-13, abs=1e-15)
            assert now.bias == pytest.approx(before.bias - 0.5 * g.bias, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("every", [1, 3, 1000])
def test_how_often_the_world_looks_in_changes_nothing(few, every, engine):
    options = {"validation": few[1], "epochs": 2, "dropout": 0.2, "optimizer": "adam", "engine": engine}
    kept = []
    for grouping in (7, every):
        events = history(train(small(), few[0], every=grouping, **options))
        kept.append((bytes_of(last(events)), events.costs, [(e.cost, e.validation) for e in events.epochs]))
    assert kept[0] == kept[1]


def test_every_example_is_seen_once_an_epoch_in_an_order_of_its_own():
    orders = [order(1000, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0), (1, 1))]
    for each in orders:
        assert sorted(each.tolist()) == list(range(1000))
    assert len({each.tobytes() for each in orders}) == 4
    assert np.array_equal(orders[0], order(1000, 0, 0))


SCRIPT = """
import sys
from glassnet import Network, last, mnist, train
data = mnist().train.take(slice(0, 2000))
for engine in ("auto", "reference"):
    network = last(train(Network.random((784, 16, 16, 10), seed=3), data, epochs=2, seed=3, dropout=0.1, optimizer="adam",
                         engine=engine))
    sys.stdout.buffer.write(b"".join(a.tobytes() for layer in network.layers for a in (layer.weight, layer.bias)))
"""


def test_same_seed_same_bytes_in_five_processes():
    runs = [subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True).stdout for _ in range(5)]
    assert len(runs[0]) == 2 * 13_002 * 4
    assert len(set(runs)) == 1


@pytest.mark.parametrize("optimizer", ["sgd(momentum=0.9, nesterov=true)", "adamw", "rmsprop(momentum=0.5)"])
def test_resume_at_any_step_is_exact(few, optimizer, engine, tmp_path):
    # 50 random stops with each engine, a third of them with each optimizer; through a file each time.
    data, validation = few
    settings = {
        "optimizer": optimizer,
        "epochs": 3,
        "batch_size": 32,
        "dropout": 0.2,
        "seed": 5,
        "validation": validation,
        "engine": engine,
    }
    if optimizer.startswith("sgd"):
        settings["optimizer"] = SGD(Cosine(0.5), momentum=0.9, nesterov=True, weight_decay=1e-4, clip=1.0)
    whole = history(train(small(), data, every=1, **settings))
    expected = bytes_of(last(whole))
    steps = 3 * 16
    for stop in np.random.default_rng(len(optimizer)).choice(np.arange(1, steps), 17, replace=False).tolist():
        events = train(small(), data, every=1, **settings)
        for event in events:
            if isinstance(event, Stepped) and event.step == stop:
                break
        events.close()
        save_checkpoint(tmp_path / "checkpoint.safetensors", event.checkpoint)
        checkpoint, _ = read_checkpoint(tmp_path / "checkpoint.safetensors")
        resumed = history(train(None, data, start=checkpoint, validation=validation, engine=engine))
        assert bytes_of(last(resumed)) == expected
        assert resumed.costs == whole.costs[stop:]
        assert [epoch.cost for epoch in resumed.epochs] == [e.cost for e in whole.epochs[-len(resumed.epochs) :]]


def test_a_setting_and_a_weight_changed_midway(few, engine):
    events = train(small(), few[0], optimizer=SGD(1.0), epochs=2, batch_size=50, every=1, engine=engine)
    checkpoint = [next(events) for _ in range(4)][-1].checkpoint
    events.close()
    changed = replace(checkpoint, settings=replace(checkpoint.settings, optimizer=SGD(0.1)))
    slower = history(train(None, few[0], start=changed, engine=engine))
    last(slower)
    option = history(train(None, few[0], start=checkpoint, optimizer=SGD(0.1), engine=engine))
    last(option)
    assert slower.costs == option.costs
    assert len(slower.costs) == 20 - 3
    layers = checkpoint.network.layers
    edited = Network((replace(layers[0], bias=layers[0].bias + 1), layers[1]), checkpoint.network.activations)
    other = history(train(None, few[0], start=replace(checkpoint, network=edited), optimizer=SGD(0.1), engine=engine))
    last(other)
    assert other.costs[0] != slower.costs[0]


def test_another_optimizer_midway_begins_with_a_memory_of_its_own(few, engine):
    options = {"epochs": 2, "batch_size": 50, "every": 1, "engine": engine}
    events = train(small(), few[0], optimizer=SGD(1.0, momentum=0.5), **options)
    checkpoint = [next(events) for _ in range(4)][-1].checkpoint
    changed = history(train(None, few[0], start=checkpoint, optimizer=Adam(0.01), engine=engine))
    last(changed)
    assert len(changed.costs) == 17
    assert np.isfinite(changed.costs).all()


def test_more_epochs_afterwards(few):
    done = list(train(small(), few[0], epochs=1))[-1].checkpoint
    more = history(train(None, few[0], start=done, epochs=2))
    last(more)
    assert [epoch.epoch for epoch in more.epochs] == [2]


def test_relu_at_rate_1e6_is_a_named_error_with_the_step_and_the_best_network(few, engine):
    network = small(hidden="relu", output="identity", initializer="he")
    before = bytes_of(network)
    with pytest.raises(Diverged) as caught:
        last(train(network, few[0], optimizer=SGD(1e6), epochs=2, engine=engine))
    error = caught.value
    assert error.epoch == 1
    assert 1 < error.step <= 50
    assert "learning rate (it was 1e+06)" in str(error)
    assert bytes_of(error.checkpoint.network) == before


@pytest.mark.parametrize(("output", "cost"), [("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy")])
def test_a_cost_that_stays_finite_but_explodes_is_divergence_too(few, output, cost, engine):
    network = small(hidden="relu", output=output, initializer="he")
    with pytest.raises(Diverged, match="Lower the learning rate") as caught:
        last(train(network, few[0], cost=cost, optimizer=SGD(1e6), epochs=2, engine=engine))
    assert caught.value.epoch == 1


def test_divergence_later_keeps_the_best_epoch(few, engine):
    data, validation = few
    options = {"validation": validation, "engine": engine}
    good = list(train(small(hidden="tanh", output="identity"), data, optimizer=SGD(0.001), epochs=2, **options))
    start = good[-1].checkpoint
    with pytest.raises(Diverged, match=r"began or was gone on with, that after epoch 2, is kept") as caught:
        last(train(None, data, start=start, optimizer=SGD(1e6), epochs=4, **options))
    assert caught.value.checkpoint.network is start.network


def test_a_divergence_names_the_rate_of_its_own_step(few):
    optimizer = SGD(WarmUp(1e6, 1.0))
    with pytest.raises(Diverged) as caught:
        last(train(small(hidden="relu", output="identity"), few[0], optimizer=optimizer, epochs=50, quiet=True))
    total = 50 * -(-len(few[0]) // 10)
    assert f"(it was {optimizer.learning_rate(caught.value.step - 1, total):g})" in str(caught.value)
    assert caught.value.step < total / 2  # long before that of the end


def test_a_diverged_error_crosses_processes(few):
    import pickle

    with pytest.raises(Diverged) as caught:
        last(train(small(hidden="relu", output="identity"), few[0], optimizer=SGD(1e6)))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.step) == (str(caught.value), caught.value.step)


def test_a_divergence_on_badly_scaled_inputs_names_them_first(few):
    import pickle

    data = replace(few[0], inputs=few[0].inputs * np.float32(255))
    with pytest.raises(
        Diverged, match=r"\. The inputs run from 0 to 255, .* If it diverges even then, lower"
    ) as caught:
        last(train(small(hidden="relu", output="identity"), data, optimizer=SGD(1.0), quiet=True))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.inputs) == (str(caught.value), caught.value.inputs)
    assert "the inputs run" in copy.inputs
    error = Diverged(1, 1, 9.0, caught.value.checkpoint)
    assert (error.inputs, "Lower the learning rate (it was 1) or clip" in str(error)) == (None, True)


@pytest.mark.parametrize("cost", [squared_error, absolute_error])
def test_a_first_minibatch_that_costs_nothing_is_no_measure_of_divergence(engine, cost):
    # A network that says 0, and data of which the first minibatch wants just that; the others want 1.
    first = order(400, 0, 0)[:10]
    targets = np.ones((400, 1), np.float32)
    targets[first] = 0
    data = Dataset(np.random.default_rng(0).random((400, 2), np.float32), targets)
    network = Network((Layer(np.zeros((1, 2), np.float32), np.zeros(1, np.float32)),), (identity,))
    options = {"cost": cost, "optimizer": SGD(1e-3), "engine": engine, "epochs": 2, "quiet": True}
    ends = [event for event in train(network, data, **options) if isinstance(event, EpochEnded)]
    assert len(ends) == 2
    assert ends[0].checkpoint.first_cost == 0
    assert ends[0].cost > 0.5


def test_a_network_that_was_nearly_perfect_goes_on_with_other_data(few, engine):
    data = few[0]
    done = list(train(small(), data, epochs=1, engine=engine))[-1].checkpoint
    perfect = replace(done, first_cost=1e-9)  # as of a training that began with a copy of the right answer
    assert [type(event) for event in train(None, data, start=perfect, epochs=2, engine=engine)][-1] is Finished


def test_a_saturated_network_is_warned_about_by_name(few, engine):
    network = Network.random((784, 16, 16, 10), initializer="standard_normal")
    with pytest.warns(
        TrainingWarning, match=r"layer \d is saturated: \d+% of its sigmoid slopes.*lower learning rate"
    ) as caught:
        last(train(network, few[0], optimizer=SGD(1e6), epochs=3, engine=engine))
    assert len(caught) == 1  # said once


def test_a_network_that_learns_is_not_warned_about(few):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last(train(small(), few[0], epochs=2))
        last(train(small(initializer="zeros"), few[0], epochs=1))  # symmetric, but able to learn


def test_one_example_of_one_class_trains_nothing(few):
    data, _ = few
    threes = data.take(np.flatnonzero(data.labels == 3))
    for wrong, says in ((data.take([0]), "only one example"), (threes, "are of one class")):
        with pytest.raises(WrongValue, match=says):
            train(small(), wrong)
    flat = Dataset(data.inputs, np.ones((500, 10), np.float32))
    with pytest.raises(WrongValue, match="have the same target"):
        train(small(), flat)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"cost": "cross_entropy"}, "cross_entropy needs .* but the output activation is sigmoid"),
        ({"epochs": 0}, "epochs must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"every": 0}, "every must be"),
        ({"engine": "gpu"}, "unknown engine 'gpu': choose one of auto, fused, reference"),
        ({"optimizer": "newton"}, "unknown optimizer 'newton'"),
    ],
)
def test_wrong_options_are_refused_before_the_first_event(few, options, says):
    with pytest.raises(WrongValue, match=says):
        train(small(), few[0], **options)


@pytest.mark.parametrize("part", ["data", "validation"])
def test_targets_that_the_cost_has_no_meaning_for_are_refused_before_the_first_event(few, part):
    good = few[0].take(slice(0, 20))
    wrong = replace(good, targets=good.targets * np.float32(50), classes=None)
    parts = {"data": good, "validation": good} | {part: wrong}
    train(small(output="identity"), wrong)
    for output, cost in (("softmax", "cross_entropy"), ("sigmoid", "binary_cross_entropy")):
        with pytest.raises(WrongValue, match=f"the cost {cost} needs .* but example 0 has"):
            train(small(output=output), parts["data"], validation=parts["validation"], cost=cost)


def test_a_single_softmax_neuron_is_refused_wherever_it_is(few):
    numbers = Dataset(few[0].inputs, few[0].targets[:, :1])
    with pytest.raises(WrongValue, match="a single output after softmax is always 1"):
        train(Network.random((784, 1), output="softmax"), numbers)
    with pytest.raises(WrongValue, match="layer 2 is a single neuron after softmax, which is always 1"):
        train(Network.random((784, 3, 1, 10), hidden=["sigmoid", "softmax"]), few[0])


def test_data_and_network_must_fit(few):
    with pytest.raises(WrongValue, match=r"each example has 784 numbers, but the network \(sizes 100,10\) takes 100"):
        train(Network.random((100, 10)), few[0])
    with pytest.raises(WrongValue, match=r"the data has 10 classes, but the network \(sizes 784,3\) has 3 outputs"):
        train(Network.random((784, 3)), few[0])
    with pytest.raises(WrongValue, match="either a network to train, or start"):
        train(None, few[0])
    checkpoint = list(train(small(), few[0], epochs=1))[-1].checkpoint
    with pytest.raises(WrongValue, match="the checkpoint is at epoch 1, example 900"):
        train(None, few[0], start=replace(checkpoint, example=900), epochs=2)


def test_engines(engine):
    assert as_engine(engine).name == engine
    assert isinstance(as_engine(engine), Engine)
    given = Reference()
    assert as_engine(given) is given


@pytest.mark.parametrize("name", [None, "auto"])
def test_without_a_name_the_fused_engine_trains_what_it_has_kernels_for(few, name, caplog):
    assert as_engine(name).name == "fused"
    for dtype in (np.float32, np.float64):
        assert next(train(small(dtype=dtype), few[0], engine=name)).engine == "fused"
    assert not caplog.records


class Doubled(ReLU):
    """An activation of somebody's own, under a name of its own."""

    __slots__ = ()
    name = "doubled"

    def value(self, z):
        return 2 * ReLU.value(self, z)

    def pullback(self, z, a, upstream):
        return 2 * ReLU.pullback(self, z, a, upstream)


def test_without_a_name_the_reference_engine_trains_the_rest_and_says_so_once(few, caplog):
    for _ in range(3):
        assert next(train(small(hidden=Doubled()), few[0])).engine == "reference"
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("glassnet", "WARNING")
    assert record.getMessage() == (
        "the fused engine has no kernel for the activation doubled, so the reference engine trains"
    )
    # whoever names the reference engine knows
    assert next(train(small(hidden=Doubled()), few[0], engine="reference")).engine == "reference"
    assert len(caplog.records) == 1


@pytest.mark.torch
def test_arrays_of_other_libraries_are_for_the_reference_engine_which_needs_no_warning(few, caplog):
    import torch

    network = small(xp=torch)
    assert as_engine(None, network).name == as_engine("auto", network).name == "reference"
    assert next(train(network, few[0])).engine == "reference"
    assert not caplog.records


@pytest.mark.parametrize("how", ["by an option", "by a changed checkpoint"])
def test_another_batch_size_midway_keeps_the_schedule_in_its_place(few, how):
    def resumed(checkpoint, size, **options):
        if how == "by an option":
            return train(None, few[0], start=checkpoint, batch_size=size, **options)
        return train(
            None, few[0], start=replace(checkpoint, settings=replace(checkpoint.settings, batch_size=size)), **options
        )

    for event in train(small(), few[0], batch_size=10, optimizer=SGD(Cosine(1.0)), epochs=4):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            break
    rest = list(resumed(event.checkpoint, 50, every=1))
    begin = rest[0].checkpoint
    assert begin.settings.optimizer.rate(begin.memory) == pytest.approx(0.5)  # half-way down the cosine
    assert (begin.memory.step, begin.memory.total) == (20, 40)
    assert rest[-1].checkpoint.memory.step == 40
    # Adam's own count of steps goes on
    for event in train(small(), few[0], batch_size=10, epochs=4, optimizer=Adam(0.01)):
        if isinstance(event, EpochEnded) and event.epoch == 2:
            break
    begin = next(resumed(event.checkpoint, 50)).checkpoint.memory
    assert begin.step - begin.begun == 100


def test_resume_stays_exact_after_a_change_in_the_middle_of_an_epoch(few, engine):
    # 95 examples in minibatches of 5, then minibatches of 64, which divide neither what is done nor what is left
    options = {"every": 1, "engine": engine}
    events = train(small(), few[0], batch_size=5, optimizer=Adam(Cosine(0.01)), epochs=2, **options)
    checkpoint = [next(events) for _ in range(20)][-1].checkpoint
    assert checkpoint.example == 95
    whole = list(train(None, few[0], start=checkpoint, batch_size=64, **options))
    assert whole[-1].checkpoint.memory.step == whole[-1].checkpoint.memory.total == 16
    for event in whole[1:-1]:
        resumed = last(train(None, few[0], start=event.checkpoint, engine=engine))
        assert bytes_of(resumed) == bytes_of(whole[-1].checkpoint.network)


@pytest.mark.parametrize(("before", "after"), [("sgd(momentum=0.5)", "rmsprop"), ("rmsprop(momentum=0.5)", "adam")])
def test_running_averages_are_never_taken_for_others(few, before, after):
    # As many of them, but with another meaning: a velocity is no mean square.
    events = train(small(), few[0], optimizer=before, epochs=2, every=1)
    checkpoint = [next(events) for _ in range(4)][-1].checkpoint
    changed = next(train(None, few[0], start=checkpoint, optimizer=after)).checkpoint.memory
    edited = replace(checkpoint, settings=replace(checkpoint.settings, optimizer=as_optimizer(after)))
    assert next(train(None, few[0], start=edited)).checkpoint.memory.begun == changed.begun
    assert (changed.step, changed.begun) == (3, 3)
    assert not any(layer.weight.any() for moment in changed.moments.values() for layer in moment)
    same = next(train(None, few[0], start=checkpoint)).checkpoint.memory
    assert (same.step, same.begun) == (3, 0)
    assert any(layer.weight.any() for moment in same.moments.values() for layer in moment)


@pytest.mark.parametrize("every", [1, 100])
def test_no_state_that_is_not_finite_is_ever_handed_out(few, every, engine, tmp_path):
    # A step can spoil the weights (or the running averages) though its own cost, measured before it, was good.
    for optimizer in (SGD(1e36), Adam(1e-3)):
        network = small(hidden="relu", output="identity", initializer="he")
        data = few[0]
        if optimizer.name == "adam":
            # the cost, some 10³⁷, is finite in float32; the squared gradient is not
            data = replace(data, inputs=data.inputs * np.float32(1e3), targets=data.targets * np.float32(3e18))
        run = Run.create(tmp_path / f"{optimizer.name}-{every}", {})
        events = train(network, data, optimizer=optimizer, every=every, engine=engine, quiet=True)
        with pytest.raises(Diverged):
            last(record(events, run, seconds=0))
        assert all(np.isfinite(layer.weight).all() for layer in run.network().layers)


# ── Deformed images ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def little(few):
    """100 digits: 8 minibatches of 13 an epoch, the last of them with 9."""
    return few[0].take(slice(0, 100))


def watching(kind, *arguments):
    """An engine of this kind, and the list of what it is given."""
    given = []

    class Watching(kind):
        def advance(self, state, batches):
            given.append(batches)
            return super().advance(state, batches)

    return Watching(*arguments), given


@pytest.mark.parametrize("kind", [Fused, Reference])
@pytest.mark.parametrize("how", ["affine", Elastic(rotation=0, alpha=20, sigma=3)], ids=["affine", "elastic"])
def test_each_epoch_learns_from_images_deformed_anew_each_a_function_of_seed_epoch_and_row(little, kind, how):
    engine, batches_seen = watching(kind)
    begin = next(train(small(), little, deform=how)).checkpoint
    last(train(small(), little, deform=how, epochs=3, seed=11, batch_size=13, engine=engine))
    deformer = Deformer(little.inputs, Affine() if how == "affine" else how, 11)
    assert begin.settings.deform == deformer.deformation
    rows = np.concatenate([batches.rows for batches in batches_seen])
    inputs = np.concatenate([batches.inputs for batches in batches_seen])
    epochs = np.repeat([batches.epoch for batches in batches_seen], [len(batches.rows) for batches in batches_seen])
    for epoch in range(3):
        assert np.array_equal(rows[epochs == epoch], order(100, 11, epoch))
    for row, epoch, image in list(zip(rows.tolist(), epochs.tolist(), inputs, strict=True))[::17]:
        assert np.array_equal(image, deformer([row], epoch)[0])
    assert len({image.tobytes() for image in inputs}) == 300  # none comes twice
    assert not (inputs == little.inputs[rows]).all(axis=1).any()


def test_it_is_the_training_whose_inputs_somebody_replaced_in_each_epoch(little, engine):
    # By hand, with the engine alone: no deformation inside, a data set of its own for every epoch.
    options = {"optimizer": SGD(0.5), "dropout": 0.2, "seed": 3, "batch_size": 13, "epochs": 3}
    found = last(train(small(dtype=np.float64), little, deform="elastic", engine=engine, **options))
    deformer, network = Deformer(little.inputs, Elastic(), 3), small(dtype=np.float64)
    memory, by_hand = SGD(0.5).init(network.layers, 24), Reference()
    for epoch in range(3):
        data = replace(little, inputs=deformer(np.arange(100), epoch))
        state = by_hand.start(network, data, Settings().cost, SGD(0.5), memory, Dropout(0.2, 3))
        state, _ = by_hand.advance(state, Batches(order(100, 3, epoch), 13, epoch))
        network, memory = by_hand.checkpoint(state)
    for one, other in zip(found.layers, network.layers, strict=True):
        assert one.weight == pytest.approx(other.weight, rel=1e-9, abs=1e-12)
        assert one.bias == pytest.approx(other.bias, rel=1e-9, abs=1e-12)


DEFORMED = {
    "epochs": 2,
    "batch_size": 13,
    "dropout": 0.2,
    "seed": 5,
    "optimizer": Adam(Cosine(0.01)),
    "deform": "elastic",
}


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=10)
@given(every=st.none() | st.integers(1, 20))
def test_how_often_the_world_looks_in_changes_nothing_of_deformed_images(little, engine, every):
    found = [history(train(small(), little, every=each, engine=engine, **DEFORMED)) for each in (1, every)]
    assert bytes_of(last(found[0])) == bytes_of(last(found[1]))
    assert found[0].costs == found[1].costs


def test_how_many_threads_deform_and_learn_does_not_show(few, monkeypatch):
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr("glassnet.data.deform.available", lambda threads=threads: threads)
        options = {**DEFORMED, "batch_size": 100, "engine": Fused(threads)}
        found.append(bytes_of(last(train(Network.random((784, 130, 10)), few[0], **options))))
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("kind", [Fused, Reference])
@settings(max_examples=12)
@given(stop=st.integers(1, 15))
def test_a_training_on_deformed_images_resumes_exactly_at_any_minibatch(little, tmp_path_factory, kind, stop):
    events = train(small(), little, every=1, engine=kind(), **DEFORMED)
    for event in events:
        if isinstance(event, Stepped) and event.step == stop:
            break
    events.close()
    path = tmp_path_factory.mktemp("deformed") / "checkpoint.safetensors"
    save_checkpoint(path, event.checkpoint)
    checkpoint, _ = read_checkpoint(path)
    assert checkpoint.settings.deform == Elastic()
    resumed = last(train(None, little, start=checkpoint, engine=kind()))
    assert bytes_of(resumed) == bytes_of(last(train(small(), little, engine=kind(), **DEFORMED)))


def test_seeds_deform_differently(little, engine):
    found = [last(train(small(), little, **{**DEFORMED, "seed": seed}, engine=engine)) for seed in (5, 6)]
    assert bytes_of(found[0]) != bytes_of(found[1])


def test_images_are_left_alone_again_if_one_says_none(little, engine):
    options = {"engine": engine, "every": 1}
    events = train(small(), little, **DEFORMED, **options)
    checkpoint = [next(events) for _ in range(4)][-1].checkpoint
    kept = next(train(None, little, start=checkpoint)).checkpoint
    assert kept.settings.deform == Elastic()  # what is not said stays as it was
    plain = replace(checkpoint, settings=replace(checkpoint.settings, deform=None))
    expected = last(train(None, little, start=plain, **options))
    none = list(train(None, little, start=checkpoint, deform="none", **options))
    assert none[0].checkpoint.settings.deform is None
    assert bytes_of(last(none)) == bytes_of(expected)
    assert bytes_of(expected) != bytes_of(last(train(None, little, start=checkpoint, **options)))


def test_another_deformation_midway(little, engine):
    options = {"engine": engine, "every": 1}
    events = train(small(), little, **DEFORMED, **options)
    checkpoint = [next(events) for _ in range(4)][-1].checkpoint
    how = Affine(rotation=20)
    by_option = last(train(None, little, start=checkpoint, deform=how, **options))
    edited = replace(checkpoint, settings=replace(checkpoint.settings, deform=how))
    assert bytes_of(by_option) == bytes_of(last(train(None, little, start=edited, **options)))
    # The optimizer's memory goes on: only images change.
    begin = next(train(None, little, start=checkpoint, deform="affine(rotation=20)")).checkpoint
    assert begin.settings.deform == how
    assert (begin.memory.step, begin.memory.begun) == (3, 0)


def test_what_is_judged_is_not_deformed(little, few, engine):
    events = list(train(small(), little, validation=few[1], engine=engine, **DEFORMED))
    (first, _) = [event for event in events if isinstance(event, EpochEnded)]
    judged = evaluate(first.checkpoint.network, few[1], first.checkpoint.settings.cost)
    assert first.validation.cost == pytest.approx(judged.cost, rel=1e-6)
    assert first.validation.accuracy == judged.accuracy


def test_the_data_is_left_as_it_was(little, engine):
    before = little.inputs.tobytes()
    last(train(small(), little, engine=engine, **DEFORMED))
    assert little.inputs.tobytes() == before


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images_are_deformed_in_float32_whatever_the_network_is(little, dtype, engine):
    wider = replace(little, inputs=little.inputs.astype(np.float64))
    found = [last(train(small(dtype=dtype), data, engine=engine, **DEFORMED)) for data in (little, wider)]
    assert bytes_of(found[0]) == bytes_of(found[1])
    assert found[0].layers[0].weight.dtype == dtype


@pytest.mark.torch
def test_torch_networks_learn_from_deformed_images_too(little):
    import torch

    options = {**DEFORMED, "optimizer": SGD(0.5)}
    tensors = replace(little, inputs=torch.asarray(little.inputs.copy()), targets=torch.asarray(little.targets.copy()))
    expected = last(train(small(dtype=np.float64), little, **options))
    for data in (little, tensors):
        found = last(train(small(xp=torch, dtype=torch.float64), data, **options))
        for one, other in zip(found.layers, expected.layers, strict=True):
            assert one.weight.numpy() == pytest.approx(other.weight, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(
    ("deform", "says"),
    [
        ("bend", "unknown deformation 'bend': choose one of affine, elastic"),
        ("affine(alpha=3)", "unknown field 'alpha' of the deformation affine: it has rotation, shear, scale, shift"),
        ("elastic(sigma=0)", "sigma of elastic must be a finite number above 0"),
        ("affine(rotation=-1)", "rotation of affine must be a finite number at least 0"),
        ("affine(scale=1)", "scale of affine must be a finite number at least 0 and below 1"),
        ("elastic(", "expected the deformation as a name"),
        ("", "expected the deformation as a name"),
    ],
)
def test_wrong_deformations_are_refused_before_the_first_event(little, deform, says):
    with pytest.raises(WrongValue, match=re.escape(says)) as caught:
        train(small(), little, deform=deform)
    assert "\n" not in str(caught.value)


def test_what_is_no_image_cannot_be_deformed(engine):
    rng = np.random.default_rng(0)
    data = Dataset(rng.random((20, 28), np.float32), np.eye(2, dtype=np.float32)[np.arange(20) % 2])
    network = Network.random((28, 2))
    says = r"^only square images can be deformed: 28 inputs are not a square, as 784 are \(28 × 28\)$"
    with pytest.raises(WrongValue, match=says):
        train(network, data, deform="affine", engine=engine)
    checkpoint = list(train(network, data, epochs=1, engine=engine))[-1].checkpoint
    with pytest.raises(WrongValue, match=says):
        train(None, data, start=checkpoint, epochs=2, deform="elastic", engine=engine)
    edited = replace(checkpoint, settings=replace(checkpoint.settings, deform=Affine()))
    with pytest.raises(WrongValue, match=says):
        train(None, data, start=edited, epochs=2, engine=engine)
    last(train(None, data, start=edited, epochs=2, deform="none", engine=engine))


def test_what_answers_is_ready_before_the_first_minibatch(few):
    """It is compiled the first time on a machine: in the one wait at the beginning, not in a second one after an epoch."""
    asked = []

    class Asked(Fused):
        def answer(self, state, inputs):
            asked.append(tuple(inputs.shape))
            return super().answer(state, inputs)

    events = train(small(), few[0], validation=few[1], engine=Asked())
    assert isinstance(next(events), Started)
    assert asked == [(1, 784)]
    events = train(small(), few[0], engine=Asked())
    next(events)
    assert len(asked) == 1  # nobody will ask: there is nothing to judge by
