from dataclasses import FrozenInstanceError, replace

import pytest

from glassnet import Checkpoint, Network, Settings
from glassnet.optimizers import SGD, Cosine


def test_the_defaults_are_the_series_network_at_its_best():
    settings = Settings()
    assert str(settings.cost) == "squared_error"
    assert settings.optimizer == SGD(Cosine(1.5), weight_decay=1e-4)
    assert (settings.epochs, settings.batch_size, settings.seed, settings.dropout) == (30, 10, 0, 0.0)


def test_a_checkpoint_is_a_value():
    network, settings = Network.random((4, 3)), Settings()
    checkpoint = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    with pytest.raises(FrozenInstanceError):
        checkpoint.epoch = 3
    changed = replace(checkpoint, settings=replace(settings, epochs=5))
    assert (changed.settings.epochs, checkpoint.settings.epochs) == (5, 30)
    assert changed.network is network
