"""Commands: whatever comes from the web is checked by the table, and answered by a sentence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import WrongValue
from glassnet.studio.commands import COMMANDS, checked

FINE = [
    {"do": "play", "id": 3},
    {"do": "step", "what": "minibatch"},
    {"do": "speed", "value": None},
    {"do": "speed", "value": 100},
    {"do": "change", "learning_rate": 1, "clip": None, "nesterov": True, "epochs": 30},
    {"do": "restart", "recipe": None, "sizes": [784, 16, 10], "hidden": "relu", "seed": 2**53 - 1, "data": ["mnist"]},
    {"do": "restart", "hidden": ["relu", "tanh"]},
    {"do": "restart", "sizes": [None, 30, None], "data": ["mnist"]},
    {"do": "change", "deform": "elastic(alpha=38, sigma=5)"},
    {"do": "restart", "deform": "none"},
    {"do": "pretrained", "name": "series"},
    {"do": "look", "look": 5, "source": "test", "row": 17},
    {"do": "find", "source": "test", "label": None, "answer": 5, "wrong": False, "order": "random", "count": 40},
    {"do": "mistakes", "source": "validation", "count": 0},
    {"do": "view", "watch": ["minibatch"], "interval": None},
]


@pytest.mark.parametrize("message", FINE)
def test_a_good_command_is_passed_on(message):
    name, fields = checked(message, {})
    assert name == message["do"]
    assert set(fields) == set(message) - {"do", "id"}


def test_values_have_the_types_that_python_needs():
    fields = checked({"do": "change", "learning_rate": 1, "clip": None}, {})[1]
    assert fields == {"learning_rate": 1.0, "clip": 0.0}
    assert type(fields["learning_rate"]) is float
    assert checked({"do": "restart", "hidden": "relu"}, {})[1] == {"hidden": ["relu"]}


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (None, "a command must be a JSON object"),
        ({}, "there is no command None: choose one of view, play"),
        ({"do": ["play"]}, "there is no command"),
        ({"do": "ack", "frame": 1}, "there is no command 'ack'"),  # the server's own
        ({"do": "play", "now": 1}, "play has no field 'now': it has none"),
        ({"do": "step"}, "step needs its field what"),
        ({"do": "step", "what": "second"}, "what must be one of minibatch, epoch, got 'second'"),
        ({"do": "speed", "value": float("nan")}, "value must be a number from 0.1 to 1e\\+06, got nan"),
        ({"do": "speed", "value": 10**400}, "value must be a number"),
        ({"do": "speed", "value": {"a": 1}}, "value must be a number .* got {'a': 1}"),
        ({"do": "speed", "value": True}, "value must be a number"),
        ({"do": "change", "epochs": 10_001}, "epochs must be a whole number from 1 to 10,000"),
        ({"do": "change", "epochs": 3.0}, "epochs must be a whole number"),
        ({"do": "change", "nesterov": 1}, "nesterov must be true or false"),
        ({"do": "change", "optimizer": "x" * 101}, "optimizer must be text of 1 to 100 letters"),
        ({"do": "change", "deform": "twirl"}, "unknown deformation 'twirl': choose one of affine, elastic"),
        ({"do": "change", "deform": "affine(rotation=200)"}, "rotation of affine must be a finite number"),
        ({"do": "change", "deform": 7}, "deform must be text of 1 to 200 letters, got 7"),
        ({"do": "change", "deform": "affine" + " " * 200}, "deform must be text of 1 to 200 letters"),
        ({"do": "race", "lanes": [{"deform": "twirl"}]}, "unknown deformation"),
        ({"do": "pretrained"}, "pretrained needs its field name"),
        ({"do": "pretrained", "name": "../series"}, "name must be one of series, small"),
        ({"do": "change", "seed": 1}, "change has no field 'seed'"),
        ({"do": "restart", "sizes": [784, "16", 10]}, "each of sizes must be a whole number"),
        ({"do": "restart", "sizes": [784, None, 10]}, "each of sizes must be a whole number"),
        ({"do": "restart", "sizes": [None, 16, 10]}, "each of sizes must be a whole number"),
        ({"do": "restart", "sizes": [None]}, "each of sizes must be a whole number"),
        ({"do": "restart", "sizes": [1] * 101}, "sizes must be a list of at most 100"),
        ({"do": "restart", "sizes": 784}, "sizes must be a list"),
        ({"do": "look", "source": "../secret"}, "source must be one of"),
        ({"do": "look", "source": "test", "row": -1}, "row must be a whole number from 0"),
    ],
)
def test_a_bad_one_is_one_sentence(message, says):
    with pytest.raises(WrongValue, match=says):
        checked(message, {})


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((3, 3), np.float32), np.zeros(9, np.uint8), np.zeros((0, 3), np.uint8), np.zeros((1, 1025), np.uint8)],
)
def test_pixels_are_bytes_of_a_picture(pixels):
    with pytest.raises(WrongValue, match="pixels must be bytes of shape"):
        checked({"do": "look", "source": "drawing"}, {"pixels": pixels})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(COMMANDS)), st.data())
def test_whatever_comes_is_checked_or_refused(name, data):
    keys = st.sampled_from([*COMMANDS[name], "id", "other"])
    message = {"do": name, **data.draw(st.dictionaries(keys, anything, max_size=4))}
    try:
        _, fields = checked(message, {})
    except WrongValue as error:
        assert len(str(error)) < 400  # noqa: PT017 (it may also be fine)
    else:
        assert set(fields) <= set(COMMANDS[name])
