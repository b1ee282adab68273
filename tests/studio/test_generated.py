"""Runs made at random: every view of them, and every question about them, tells of what happened, and agrees with the others.

The truth is written down while a run happens (see :mod:`generated_runs`); what is shown later is read from its folder.
"""

import json
import random

import numpy as np
import pytest
from generated_runs import made
from small_run import npz, same

from glassnet import evaluate
from glassnet.cli.info import _info
from glassnet.runs import led_to, since_cost
from glassnet.runs.plans import reopened
from glassnet.runs.questions import history, past_of, walked
from glassnet.runs.replay import Log, place_of, settled
from glassnet.studio.description import plain_settings
from glassnet.studio.parcels import packed
from glassnet.studio.session import Session

SHORT, LONG = 20, 200


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    return npz(tmp_path_factory.mktemp("data"), count=130)


@pytest.mark.parametrize("part", range(4))
def test_everything_shown_of_a_run_is_what_happened(stripes, tmp_path, capsys, long, part):
    count = (LONG if long else SHORT) // 4
    for seed in range(part * count, (part + 1) * count):
        run, truth = made(seed, tmp_path / str(seed), stripes)
        try:
            look_at(run, truth, random.Random(seed), tmp_path / f"home-{seed}" if seed % 5 == 0 else None, capsys)
        except BaseException as error:
            error.add_note(f"the run of seed {seed}, in {run.path}")
            raise


def look_at(run, truth, dice, home, capsys):
    plan = reopened(run)
    now, n = plan.checkpoint, len(plan.splits.train)
    end = place_of(settled(now, n))
    truth.cut(end)

    # The path is the one that was walked, and ends at the run's network, to the byte.
    way = walked(run, plan)
    assert way.distance == 0
    assert way.remark is None
    assert same(way.walk.points[-1], now.network)
    assert way.walk.examples[-1] == end[0] * n + end[1]
    by_examples = {at[0] * n + at[1]: each.network for at, each in truth.states.items()}
    for network, examples in zip(way.walk.points, way.walk.examples, strict=True):
        if examples in by_examples and examples < way.walk.examples[-1]:
            assert same(network, by_examples[examples])

    # Any moment can be had again as it was, with the settings that it went on with.
    events = led_to(run.events(), plan.checkpoint)
    past = past_of(run, plan, events)
    for at in dice.sample(sorted(truth.states), min(3, len(truth.states))):
        moment = past.at(at)
        assert same(moment.network, truth.states[at].network)
        assert past.settings_at(at) == truth.states[at].settings

    # What held when: the same in the log, the command line and the list.
    log = Log.of(events).settled(n).until(end)
    assert {at: len(each) for at, each in log.edits.items()} == truth.edits
    held, expected = held_in(history(log)), {}
    last = None
    for at in sorted(truth.settings):
        if at == end and truth.settings[at] != plan.checkpoint.settings:
            continue  # they were chosen, and patience then kept the network of before, with its own
        if truth.settings[at] != last:
            expected[at] = last = truth.settings[at]
    if expected:
        assert held == {at: flat(settings) for at, settings in expected.items()}
    _info(run.path, as_json=True)
    told = json.loads(capsys.readouterr().out)["changes"]
    assert [tuple(each["at"]) for each in told if each["settings"]] == sorted(expected)[1:]
    assert sum(each["edits"] for each in told) == sum(truth.edits.values())

    best_is_by_one_cost(run, plan, truth, events)
    if home is not None:
        in_the_studio(run, home, truth, expected, now)


def flat(settings):
    return {key: value for key, value in flatten(settings.to_data()).items() if value is not None}


def flatten(data):
    optimizer = data.pop("optimizer")
    return {
        **data,
        "optimizer": optimizer.pop("name"),
        **{f"optimizer.{key}": value for key, value in optimizer.items()},
    }


def held_in(found):
    """The settings at each place at which they were changed, put together from what is told of the changes."""
    if found.first is None:
        return {}
    now, held = flatten(found.first.to_data()), {}
    held[None] = dict(now)
    for change in found.changes:
        if change.values:
            now |= change.values
            held[change.at] = dict(now)
    begin = (0, 0)
    held = {begin if at is None else at: each for at, each in held.items()}
    return {at: {key: value for key, value in each.items() if value is not None} for at, each in held.items()}


def best_is_by_one_cost(run, plan, truth, events):
    """The best network is that of the lowest validation cost of those that the present cost has judged."""
    best = run.best()
    judged = [
        event
        for event in since_cost(events)
        if event["event"] == "epoch" and event["at"] <= list(place_of(plan.checkpoint))
    ]
    if best is None or not judged or run.about.get("patience"):
        return
    cost = plan.checkpoint.settings.cost
    if best.settings.cost != cost:
        return  # no epoch has ended since the cost was changed
    found = evaluate(best.network, plan.splits.validation, cost).cost
    np.testing.assert_allclose(found, min(event["validation_cost"] for event in judged), rtol=1e-4)
    for at, checkpoint, by in truth.judged:
        if [*at] in [event["at"] for event in judged] and by == cost:
            assert evaluate(checkpoint.network, plan.splits.validation, cost).cost >= found - 1e-4


def in_the_studio(run, home, truth, expected, now):
    """The studio opens the run in a new one of its own, and says the same."""
    session = Session(home, run.path)
    try:
        described = session.describe()
        marks = [mark for mark in described["marks"] if mark["kind"] == "settings"]
        assert [tuple(mark["at"]) for mark in marks] == sorted(at for at in expected if at != min(expected))
        assert [mark["values"]["count"] for mark in described["marks"] if mark["kind"] == "edit"] == [
            truth.edits[at] for at in sorted(truth.edits)
        ]
        assert described["settings"] == plain_settings(now.settings)
        told, _ = session.shelf.compare(["1", "1"])
        assert told["differences"] == []
        assert [tuple(each["at"]) for each in told["runs"][0]["changes"]] == [tuple(mark["at"]) for mark in marks]
        assert [tuple(at) for at in told["runs"][0]["edits"]] == sorted(truth.edits)
        assert same(session.now().weights.network, now.network)
        for at in sorted(truth.states)[:1]:
            session._trainer.seek(at)
            assert same(session.now().weights.network, truth.states[at].network)
    finally:
        session.close()
    packed(run).close()
