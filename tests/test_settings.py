import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.activations import ACTIVATIONS, ELU, LeakyReLU
from glassnet.checkpoint import Settings
from glassnet.costs import Huber
from glassnet.data.deform import DEFORMATIONS, Elastic
from glassnet.errors import WrongValue
from glassnet.optimizers import OPTIMIZERS, SGD, AdamW, OneCycle, optimizer_from_data
from glassnet.settings import check_number, check_seed, from_data, from_text, to_data


@given(st.floats(-1e3, 1e3))
def test_text_and_data_come_back(alpha):
    setting = LeakyReLU(alpha)
    assert from_text(str(setting), "activation", ACTIVATIONS) == setting
    assert from_data(to_data(setting), "activation", ACTIVATIONS) == setting
    assert eval(repr(setting)) == setting


def test_settings_inside_settings_come_back():
    optimizer = AdamW(OneCycle(0.01, portion=0.2), weight_decay=0.1)
    assert optimizer_from_data(to_data(optimizer)) == optimizer
    settings = Settings(Huber(2.0), optimizer, epochs=3, batch_size=7, seed=5, dropout=0.25, deform=Elastic(sigma=5))
    assert Settings.from_data(settings.to_data()) == settings


def test_a_setting_that_is_a_kind_of_another_comes_back_as_itself():
    # An elastic deformation is an affine one with two numbers more.
    setting = Elastic(rotation=15, alpha=38.5)
    assert str(setting) == "elastic(rotation=15, alpha=38.5)"
    assert to_data(setting) == {
        "name": "elastic", "rotation": 15, "shear": 0.1, "scale": 0.1, "shift": 1.0, "alpha": 38.5, "sigma": 4.0,
    }  # fmt: skip
    for back in (
        from_text(str(setting), "deformation", DEFORMATIONS),
        from_data(to_data(setting), "deformation", DEFORMATIONS),
        eval(repr(setting)),
    ):
        assert (back, type(back)) == (setting, Elastic)
    assert setting.field_names() == ("rotation", "shear", "scale", "shift", "alpha", "sigma")


def test_text_reads_numbers_and_truth_values():
    assert from_text("sgd(momentum=0.9, nesterov=true)", "optimizer", OPTIMIZERS) == SGD(momentum=0.9, nesterov=True)
    assert from_text(" elu ( alpha = 2e-1 , ) ", "activation", ACTIVATIONS) == ELU(0.2)
    assert str(SGD(0.5)) == "sgd(learning_rate=0.5)"
    assert str(ELU()) == "elu"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected the activation as a name"),
        ("relu(", "expected the activation as a name"),
        ("__import__('os')", "expected field=number inside the brackets"),
        ("elu(0.2)", "expected field=number inside the brackets of the activation elu, got '0.2'"),
        ("elu(alpha=big)", "alpha of elu must be a number, got 'big'"),
        ("elu(beta=1)", "unknown field 'beta' of the activation elu: it has alpha"),
        ("relu(alpha=1)", "unknown field 'alpha' of the activation relu: it has no fields"),
        ("swish", "unknown activation 'swish': choose one of sigmoid"),
        ("elu(alpha=nan)", "alpha of elu must be a finite number above 0, got nan"),
    ],
)
def test_text_that_is_no_setting(text, says):
    with pytest.raises(WrongValue) as caught:
        from_text(text, "activation", ACTIVATIONS)
    assert says in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_data_that_is_no_setting(data):
    with pytest.raises(WrongValue):
        from_data(data, "activation", ACTIVATIONS)


@pytest.mark.parametrize("value", [None, "1", True, float("inf"), float("nan"), [1], -1, 2])
def test_numbers_out_of_bounds(value):
    with pytest.raises(WrongValue, match="x must be a finite number at least 0 and below 2"):
        check_number("x", value, least=0, below=2)
    check_number("x", 1, least=0, below=2, above=-1, most=1)


def test_a_number_beyond_all_floats_is_refused():
    with pytest.raises(WrongValue, match="x must be a finite number"):
        check_number("x", 10**400)


@pytest.mark.parametrize("seed", [-1, True])
def test_a_seed_is_a_whole_number_from_0(seed):
    with pytest.raises(WrongValue, match="seed must be a whole number from 0"):
        check_seed(seed)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": -1}, "batch_size must be a whole number of at least 1, got -1"),
        ({"seed": -1}, "seed must be a whole number from 0"),
        ({"dropout": 1.0}, "dropout must be a finite number at least 0 and below 1, got 1.0"),
    ],
)
def test_wrong_training_settings(changes, says):
    with pytest.raises(WrongValue, match=says):
        Settings(**changes)


def test_training_settings_from_wrong_data():
    for data in (None, {}, {**Settings().to_data(), "more": 1}):
        with pytest.raises(WrongValue, match="expected training settings with cost, optimizer"):
            Settings.from_data(data)
