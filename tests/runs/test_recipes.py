import json
from dataclasses import replace
from pathlib import Path

import pytest

from glassnet import RECIPES, WrongValue, evaluate, pretrained, recipe, train
from glassnet.checkpoint import Settings
from glassnet.costs import check_fit
from glassnet.initializers import standard_normal
from glassnet.optimizers import SGD
from glassnet.runs.recipes import PRETRAINED

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains(name, few):
    each = recipe(name)
    assert each.name == name
    check_fit(each.settings.cost, each.output)
    assert each.network(seed=1).sizes == each.sizes
    start = each.start(seed=1)
    assert start.settings == replace(each.settings, seed=1)
    events = train(None, few[0], start=start, epochs=2)
    costs = [event.cost for event in events if hasattr(event, "cost")]
    assert costs[1] < costs[0]


def test_the_default_is_one_for_all():
    assert recipe("plain").settings == Settings()
    assert recipe("plain").sizes == (784, 16, 16, 10)


def test_the_series_is_as_its_code_has_it():
    original = recipe("original")
    assert original.settings == Settings(optimizer=SGD(1.5), epochs=30, batch_size=10)  # 3.0 with a ½
    assert original.initializer == standard_normal
    assert {str(original.hidden), str(original.output)} == {"sigmoid"}


def test_records_keep_to_what_they_are_records_of():
    for name in ("plain", "original", "series"):
        each = recipe(name)
        assert each.sizes == (784, 16, 16, 10)
        assert {str(each.hidden), str(each.output), str(each.settings.cost)} == {"sigmoid", "squared_error"}
        assert each.settings.deform is None
    assert recipe("small").sizes == (784, 16, 16, 10)
    assert recipe("nielsen").sizes == recipe("chapter3").sizes == (784, 100, 10)
    assert recipe("simard").sizes == (784, 800, 10)
    assert recipe("simard").settings.deform is not None
    assert len(recipe("deep").sizes) > 4


def test_unknown_recipe():
    with pytest.raises(WrongValue, match="unknown recipe 'large': choose one of plain, original, series"):
        recipe("large")


@pytest.mark.parametrize("name", PRETRAINED)
def test_trained_networks_are_as_good_as_the_docs_say(name, digits):
    network, made_by = pretrained(name), recipe(name)
    assert network.sizes == made_by.sizes
    assert network.activations == made_by.network().activations
    assert network.cost == made_by.settings.cost
    assert PRETRAINED[name].stat().st_size < 100_000
    accuracy = evaluate(network, digits.test, made_by.settings.cost).accuracy
    runs = json.loads((ROOT / "bench" / "results" / "records.json").read_text())["recipes"][name]["runs"]
    assert accuracy == next(run["test"] for run in runs if run["seed"] == 0)
    assert f"{accuracy:.2%}" in (ROOT / "docs" / "runs" / "recipes.md").read_text(encoding="utf-8")


def test_no_such_trained_network():
    with pytest.raises(WrongValue, match="no trained network 'deep' comes with glassnet: choose one of series, small"):
        pretrained("deep")
