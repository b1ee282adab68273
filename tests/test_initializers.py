import numpy as np
import pytest

from glassnet import Network, last, train
from glassnet.errors import WrongValue
from glassnet.initializers import INITIALIZERS, Glorot, as_initializer, glorot, he, standard_normal, zeros

INPUTS, OUTPUTS = 300, 200


def drawn(initializer):
    return initializer.draw(np.random.default_rng(0), INPUTS, OUTPUTS)


@pytest.mark.parametrize("name", INITIALIZERS)
def test_shapes(name):
    weight, bias = drawn(as_initializer(name))
    assert weight.shape == (OUTPUTS, INPUTS)
    assert bias.shape == (OUTPUTS,)
    assert weight.dtype == bias.dtype == np.float64


def test_spreads():
    # 60,000 draws: the standard deviation is known to about 0.3 %
    weight, bias = drawn(standard_normal)
    assert weight.std() == pytest.approx(1, rel=0.02)
    assert bias.std() == pytest.approx(1, rel=0.2)
    assert drawn(he)[0].std() == pytest.approx(np.sqrt(2 / INPUTS), rel=0.02)
    limit = np.sqrt(6 / (INPUTS + OUTPUTS))
    assert np.abs(drawn(glorot)[0]).max() == pytest.approx(limit, rel=0.01)
    assert drawn(glorot)[0].std() == pytest.approx(limit / np.sqrt(3), rel=0.02)
    assert np.array_equal(drawn(Glorot(gain=4))[0], 4 * drawn(glorot)[0])
    assert not drawn(zeros)[0].any()


def test_float32_and_float64_start_from_the_same_numbers():
    low, high = (Network.random((5, 3), dtype=dtype).layers[0].weight for dtype in (np.float32, np.float64))
    assert np.array_equal(low, high.astype(np.float32))


def test_different_seeds_differ():
    assert not np.array_equal(
        Network.random((5, 3), seed=0).layers[0].weight, Network.random((5, 3), seed=1).layers[0].weight
    )


def test_zeros_keep_hidden_neurons_alike(few):
    network = last(train(Network.random((784, 6, 10), initializer="zeros"), few[0], epochs=1))
    weight = network.layers[0].weight
    assert weight.any()
    assert np.allclose(weight, weight[0])


def test_wrong_gain():
    with pytest.raises(WrongValue, match="gain of glorot"):
        Glorot(gain=0)
