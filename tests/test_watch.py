import io
import re
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from glassnet import Finished, Network, Run, Stepped, WrongValue, history, last, patience, progress, record, train, walk
from glassnet.optimizers import SGD


def training(few, **options):
    settings = {"validation": few[1], "epochs": 3, "batch_size": 25, **options}
    return train(Network.random((784, 6, 10)), few[0], **settings)


def test_watchers_compose_and_pass_on_every_event(few, tmp_path):
    run = Run.create(tmp_path / "run", {})
    screen = Console(file=io.StringIO())
    plain = [type(event) for event in training(few)]
    events = history(progress(record(patience(training(few)), run), screen))
    assert [type(event) for event in events] == plain
    assert len(events.costs) == 60
    assert [epoch.epoch for epoch in events.epochs] == [1, 2, 3]
    assert repr(events.epochs[0]).startswith("Epoch(1, cost=")


def test_last_gives_the_trained_network(few):
    kept = list(training(few))
    assert np.array_equal(last(training(few)).layers[0].weight, kept[-1].checkpoint.network.layers[0].weight)
    used = training(few)
    last(used)
    with pytest.raises(WrongValue, match="no events"):
        last(used)


def test_patience_stops_and_keeps_the_best(few):
    # At a high constant rate a tiny network on 500 digits soon stops getting better.
    events = list(patience(training(few, epochs=60, optimizer=SGD(5.0)), 3))
    assert isinstance(events[-1], Finished)
    assert events[-1].reason == "patience"
    judged = {event.epoch: event.validation.cost for event in events if hasattr(event, "validation")}
    best = min(judged, key=judged.get)
    assert events[-1].checkpoint.epoch == best
    assert max(judged) == best + 3


def test_patience_by_accuracy(few):
    events = list(patience(training(few, epochs=60, optimizer=SGD(5.0)), 2, metric="accuracy"))
    judged = {event.epoch: event.validation.accuracy for event in events if hasattr(event, "validation")}
    assert events[-1].checkpoint.epoch == max(judged, key=judged.get)


def test_patience_is_rebuilt_from_what_was_recorded(few, tmp_path):
    whole = list(patience(training(few, epochs=60, optimizer=SGD(5.0)), 3))
    best = whole[-1].checkpoint.epoch
    # stop in between, resume from the run's folder: it must stop at the same epoch with the same network
    run = Run.create(tmp_path / "run", {})
    events = record(patience(training(few, epochs=60, optimizer=SGD(5.0)), 3), run, seconds=0)
    for event in events:
        if getattr(event, "epoch", 0) == best + 1 and hasattr(event, "validation"):
            break
    checkpoint = run.checkpoint()
    assert checkpoint.epoch == best + 1
    rest = train(None, few[0], validation=few[1], start=checkpoint)
    again = list(patience(rest, 3, past=run.events(), best=run.best()))
    assert again[-1].reason == "patience"
    assert again[-1].checkpoint.epoch == best
    for one, other in zip(again[-1].checkpoint.network.layers, whole[-1].checkpoint.network.layers, strict=True):
        assert np.array_equal(one.weight, other.weight)


def test_patience_needs_something_to_judge_by(few):
    with pytest.raises(WrongValue, match="patience needs validation data with a cost"):
        list(patience(training(few, validation=None)))
    with pytest.raises(WrongValue, match="whole number of epochs from 1, got 0"):
        patience(training(few), 0)


def test_record_keeps_the_run(few, tmp_path):
    run = Run.create(tmp_path / "run", {"classes": list("0123456789")})
    network = last(record(training(few), run, seconds=0))
    assert np.array_equal(run.network().layers[0].weight, network.layers[0].weight)
    kinds = [event["event"] for event in run.events()]
    assert kinds[0] == "started"
    assert kinds[-1] == "finished"
    assert kinds.count("epoch") == 3
    costs = [event["validation_cost"] for event in run.events() if event["event"] == "epoch"]
    assert run.best().epoch == int(np.argmin(costs)) + 1


def test_record_saves_at_the_end_however_long_its_interval(few, tmp_path):
    run = Run.create(tmp_path / "run", {})
    network = last(record(training(few), run, seconds=1e9))
    assert np.array_equal(run.network().layers[0].weight, network.layers[0].weight)
    assert run.checkpoint().epoch == 3


def test_progress_writes_a_line_an_epoch_where_there_is_no_terminal(few):
    screen = Console(file=io.StringIO(), width=100)
    last(progress(training(few), screen))
    lines = screen.file.getvalue().splitlines()
    assert len(lines) == 3
    assert re.fullmatch(r"epoch 2/3  cost \d\.\d{4}  validation \d+\.\d\d%  [\d,]+ examples/s", lines[1])


def test_progress_shows_a_bar_on_a_terminal(few):
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None, legacy_windows=False)
    last(progress(training(few), screen))
    shown = screen.file.getvalue()
    assert "epoch 3/3" in shown
    assert re.search(r"cost \d\.\d{4}", shown)
    assert "examples/s" in shown
    assert "left" in shown


def test_progress_without_validation_or_classes(few):
    screen = Console(file=io.StringIO(), width=100)
    last(progress(training(few, validation=None, epochs=1), screen))
    assert re.match(r"epoch 1/1  cost \d\.\d{4}  [\d,]+ examples/s", screen.file.getvalue())


def test_progress_of_multilabel_data_shows_the_mean_of_its_accuracies(few):
    several = [replace(each, targets=np.maximum(each.targets, np.roll(each.targets, 1, axis=1))) for each in few]
    screen = Console(file=io.StringIO(), width=100)
    watched = history(
        progress(train(Network.random((784, 6, 10)), several[0], validation=several[1], epochs=1), screen)
    )
    last(watched)
    judged = watched.epochs[0].validation
    assert judged.accuracy == pytest.approx(np.mean(judged.accuracies))
    assert f"validation {judged.accuracy:.2%}" in screen.file.getvalue()


def test_closing_a_watcher_closes_the_training(few):
    inner = training(few)
    events = iter(history(inner))
    next(events)
    events.close()
    inner.close()
    assert list(inner) == []


@pytest.mark.parametrize("width", [60, 80])
def test_progress_is_whole_in_a_narrow_terminal(few, width):
    screen = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None, legacy_windows=False)
    last(progress(training(few), screen))
    assert "…" not in screen.file.getvalue()
    assert re.search(r"cost \d\.\d{4}  validation \d+\.\d\d%.*left", screen.file.getvalue())


def test_walk_keeps_the_path_with_both_clocks(few):
    walked = walk(training(few, epochs=2, every=1), "small steps", points=1000)
    network = last(walked)
    path = walked.path
    assert path.name == "small steps"
    steps = len(path.points) - 1
    assert path.steps == tuple(range(steps + 1))  # from the start on, each minibatch
    assert path.examples[0] == 0
    assert path.examples[-1] == 2 * len(few[0])
    assert path.points[-1] is network
    again = [event.checkpoint.network for event in training(few, epochs=2, every=1) if isinstance(event, Stepped)]
    for kept, event in zip(path.points[1:], again, strict=True):
        np.testing.assert_array_equal(kept.layers[0].weight, event.layers[0].weight)


def test_walk_thins_itself_keeps_both_ends_and_is_dense_at_the_start(few):
    walked = walk(training(few, epochs=4, batch_size=5, every=1), points=5)  # 400 steps
    network = last(walked)
    path = walked.path
    assert path.steps[:6] == (0, 1, 2, 3, 4, 5)
    assert path.points[-1] is network
    assert path.steps[-1] == 400
    gaps = np.diff(path.steps)
    assert gaps[-8:].max() <= 128  # and never far apart: 400 steps in 5 parts or more
    assert len(path.points) < 50


def test_walk_needs_events_and_points(few):
    with pytest.raises(WrongValue, match="nothing was walked yet"):
        _ = walk([]).path
    with pytest.raises(WrongValue, match="points from 2"):
        walk([], points=1)
