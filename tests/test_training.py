import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest

from glassnet import (
    Dataset,
    Diverged,
    EpochEnded,
    Finished,
    Network,
    Run,
    Started,
    Stepped,
    TrainingWarning,
    WrongValue,
    history,
    last,
    read_checkpoint,
    record,
    save_checkpoint,
    train,
)
from glassnet.activations import ReLU
from glassnet.engine import Engine, Reference
from glassnet.optimizers import SGD, Adam, Cosine, as_optimizer
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
    with pytest.raises(Diverged, match="of epoch 2, is kept") as caught:
        last(train(None, data, start=start, optimizer=SGD(1e6), epochs=4, **options))
    assert caught.value.checkpoint.network is start.network


def test_a_diverged_error_crosses_processes(few):
    import pickle

    with pytest.raises(Diverged) as caught:
        last(train(small(hidden="relu", output="identity"), few[0], optimizer=SGD(1e6)))
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.step) == (str(caught.value), caught.value.step)


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
        with pytest.raises(Diverged):
            last(record(train(network, data, optimizer=optimizer, every=every, engine=engine), run, seconds=0))
        assert all(np.isfinite(layer.weight).all() for layer in run.network().layers)
