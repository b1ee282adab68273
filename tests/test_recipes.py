import pytest

from glassnet import RECIPES, WrongValue, recipe, train
from glassnet.checkpoint import Settings
from glassnet.costs import check_fit
from glassnet.initializers import standard_normal
from glassnet.optimizers import SGD


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_trains(name, few):
    each = recipe(name)
    assert each.name == name
    check_fit(each.settings.cost, each.output)
    network = each.network(seed=1)
    assert network.sizes == each.sizes
    events = train(
        network,
        few[0],
        cost=each.settings.cost,
        optimizer=each.settings.optimizer,
        batch_size=each.settings.batch_size,
        epochs=2,
    )
    costs = [event.cost for event in events if hasattr(event, "cost")]
    assert costs[1] < costs[0]


def test_the_default_is_one_for_all():
    assert recipe("small").settings == Settings()
    assert recipe("small").sizes == (784, 16, 16, 10)


def test_the_series_is_as_its_code_has_it():
    series = recipe("series")
    assert series.settings == Settings(optimizer=SGD(1.5), epochs=30, batch_size=10)  # 3.0 with a ½
    assert series.initializer == standard_normal
    assert {str(series.hidden), str(series.output)} == {"sigmoid"}


def test_unknown_recipe():
    with pytest.raises(WrongValue, match="unknown recipe 'large': choose one of small, series"):
        recipe("large")
