import numpy as np
import pytest

from glassnet.activations import ACTIVATIONS, ELU, LeakyReLU, as_activation, sigmoid, softmax, softplus
from glassnet.errors import WrongValue

SCALE = {np.float32: 1e4, np.float64: 1e4}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_never_overflows_and_keeps_the_dtype(name, dtype):
    # Warnings are errors here, so an overflow inside would raise.
    z = np.array([[-1e4, -100.0, -1e-30, 0.0, 1e-30, 100.0, 1e4]], dtype)
    activation = as_activation(name)
    a = activation.value(z)
    back = activation.pullback(z, a, np.ones_like(z))
    assert a.dtype == back.dtype == dtype
    assert np.isfinite(a).all()
    assert np.isfinite(back).all()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_lie_in_the_range_it_states(name, rng):
    activation = as_activation(name)
    a = activation.value(rng.standard_normal((200, 5)) * 5)
    if activation.range in ("unit", "binary", "simplex", "nonnegative"):
        assert a.min() >= 0
    if activation.range in ("unit", "binary", "simplex", "signed"):
        assert np.abs(a).max() <= 1
    if activation.range == "binary":
        assert set(np.unique(a)) == {0.0, 1.0}
    if activation.range == "simplex":
        assert a.sum(axis=1) == pytest.approx(np.ones(200))
    if activation.range == "real":
        assert a.min() < 0


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_pullback_is_the_transposed_jacobian(name, rng):
    # vᵀ J u two ways: u pushed forward by central differences, v pulled back.
    activation = as_activation(name)
    z = rng.standard_normal((20, 4))
    z = np.where(np.abs(z) < 1e-3, 0.5, z)  # away from kinks
    u, v = rng.standard_normal((2, 20, 4))
    forward = (activation.value(z + 1e-6 * u) - activation.value(z - 1e-6 * u)) / 2e-6
    back = activation.pullback(z, activation.value(z), v)
    assert (back * u).sum(axis=1) == pytest.approx((forward * v).sum(axis=1), rel=1e-6, abs=1e-8)


def test_known_values():
    # σ(ln 3) = 3/4; softmax of ln 1, ln 2, ln 3 is 1/6, 2/6, 3/6; softplus(0) = ln 2.
    assert sigmoid.value(np.array([[np.log(3)]])) == pytest.approx(np.array([[0.75]]), abs=1e-15)
    assert softmax.value(np.log([[1.0, 2, 3]])) == pytest.approx(np.array([[1, 2, 3]]) / 6, abs=1e-15)
    assert softplus.value(np.zeros((1, 1)))[0, 0] == pytest.approx(np.log(2), abs=1e-15)
    assert LeakyReLU(0.5).value(np.array([[-2.0, 2.0]])).tolist() == [[-1.0, 2.0]]
    assert ELU(2.0).value(np.array([[-np.log(2)]]))[0, 0] == pytest.approx(-1, abs=1e-15)


def test_sigmoid_keeps_its_small_values():
    # 1 / (1 + e⁹⁰) is 8e-40, not the 0 that (1 + tanh) / 2 would give.
    assert sigmoid.value(np.array([[-90.0]]))[0, 0] == pytest.approx(np.exp(-90), rel=1e-12)


@pytest.mark.torch
@pytest.mark.parametrize("name", [name for name in ACTIVATIONS if name not in ("identity", "step")])
def test_values_against_pytorch(name, rng):
    import torch
    from torch.nn import functional

    z = rng.standard_normal((50, 6)) * 3
    t = torch.tensor(z)
    special = {
        "gelu": lambda: functional.gelu(t, approximate="tanh"),
        "softmax": lambda: torch.softmax(t, -1),
        "sigmoid": lambda: torch.sigmoid(t),
        "tanh": lambda: torch.tanh(t),
    }
    expected = special[name]() if name in special else getattr(functional, name)(t)
    assert np.abs(as_activation(name).value(z) - expected.numpy()).max() < 1e-14


def test_unknown_names_say_what_there_is():
    with pytest.raises(WrongValue, match=r"unknown activation 'sigmoyd': choose one of sigmoid, tanh"):
        as_activation("sigmoyd")
    with pytest.raises(WrongValue, match="alpha of elu must be a finite number above 0, got 0"):
        ELU(alpha=0)
