import json
from dataclasses import FrozenInstanceError, asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import config

from glassnet import Checkpoint, Network, Settings, WrongValue
from glassnet.costs import Huber, as_cost
from glassnet.data.deform import Affine, Elastic
from glassnet.optimizers import SGD, Cosine


def test_the_defaults_are_the_series_network_at_its_best():
    settings = Settings()
    assert str(settings.cost) == "squared_error"
    assert settings.optimizer == SGD(Cosine(1.5), weight_decay=1e-4)
    assert (settings.epochs, settings.batch_size, settings.seed, settings.dropout) == (30, 10, 0, 0.0)
    assert settings.deform is None


def test_a_checkpoint_is_a_value():
    network, settings = Network.random((4, 3)), Settings()
    checkpoint = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    with pytest.raises(FrozenInstanceError):
        checkpoint.epoch = 3
    changed = replace(checkpoint, settings=replace(settings, epochs=5))
    assert (changed.settings.epochs, checkpoint.settings.epochs) == (5, 30)
    assert changed.network is checkpoint.network


def test_the_network_of_a_checkpoint_knows_the_cost_of_its_settings():
    network, settings = Network.random((4, 3), output="softmax"), Settings(as_cost("cross_entropy"))
    checkpoint = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    assert (network.cost, checkpoint.network.cost) == (None, as_cost("cross_entropy"))
    assert checkpoint.network.layers is network.layers
    other = replace(checkpoint, settings=replace(settings, cost=Huber(0.5)))
    assert (other.network.cost, checkpoint.network.cost) == (Huber(0.5), as_cost("cross_entropy"))
    with pytest.raises(WrongValue, match=r"cross_entropy needs .* but the output activation is sigmoid"):
        replace(checkpoint, network=Network.random((4, 3)))


DEFORMATIONS = st.builds(
    Affine, st.floats(0, 180), st.floats(0, 2), st.floats(0, 1, exclude_max=True), st.floats(0, 1000)
) | st.builds(Elastic, alpha=st.floats(0, 1e6), sigma=st.floats(0, 1000, exclude_min=True))


@given(st.none() | DEFORMATIONS)
def test_the_deformation_is_recorded_with_all_its_numbers(deform):
    settings = Settings(deform=deform)
    data = json.loads(json.dumps(settings.to_data()))
    assert Settings.from_data(data) == settings
    assert data["deform"] == (None if deform is None else {"name": deform.name, **asdict(deform)})


def test_settings_of_before_there_were_deformations_are_read():
    data = Settings(epochs=7).to_data()
    del data["deform"]
    assert Settings.from_data(data) == Settings(epochs=7)
    assert "deform" not in data  # what is given stays as it was


@pytest.mark.parametrize("wrong", ["elastic", Affine, SGD(0.5), {"name": "affine"}, 1, True, "none"])
def test_the_deformation_of_settings_is_a_value_not_a_word(monkeypatch, wrong):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # the tests' own check of types would speak first
    with pytest.raises(WrongValue, match=r"^deform must be a deformation or None, got "):
        Settings(deform=wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": "bend"}, "unknown deformation 'bend'"),
        ({"name": "affine", "rotation": -1, "shear": 0, "scale": 0, "shift": 0}, "rotation of affine must be"),
        ("affine", "deformation"),
        ([], "deformation"),
        ({}, "deformation"),
        (True, "deformation"),
    ],
)
def test_a_recorded_deformation_that_is_none_is_refused(wrong, says):
    with pytest.raises(WrongValue, match=says):
        Settings.from_data({**Settings().to_data(), "deform": wrong})
