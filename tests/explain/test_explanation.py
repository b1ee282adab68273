import io
import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from rich.console import Console

from glassnet import Network
from glassnet.costs import SquaredError
from glassnet.errors import WrongValue
from glassnet.explain.blocks import Bars, Heading
from glassnet.explain.explanation import Explanation, plain
from glassnet.explain.html import to_html
from glassnet.explain.parameters import Parameter
from glassnet.explain.text import to_text


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class MadeUp(Explanation):
    """Three numbers, and something of every kind beside them."""

    numbers: object
    network: Network = field(default_factory=lambda: Network.random((2, 3, 1)))
    parameters: tuple[Parameter, ...] = (Parameter(2, 0, 1), Parameter(1, 2))
    cost: float = float("nan")
    extra: object = None

    def blocks(self):
        yield Heading("Made up")
        yield Bars(("a", "b", "c"), tuple(np.asarray(self.numbers).tolist()))


NUMBERS = np.array([1.0, 0.5, 0.25])


def test_it_shows_itself_as_text_and_as_html():
    made_up = MadeUp(NUMBERS)
    blocks = list(made_up.blocks())
    assert repr(made_up) == to_text(blocks)
    assert "Made up" in repr(made_up)
    assert made_up._repr_html_() == to_html(blocks)


def test_rich_prints_it_as_wide_as_the_console():
    console = Console(file=io.StringIO(), width=30, color_system=None)
    console.print(MadeUp(NUMBERS))
    lines = console.file.getvalue().splitlines()
    assert lines[0].rstrip() == "Made up"
    assert max(map(len, lines)) <= 30


def test_it_draws_itself_into_a_file_named_by_text_or_path(tmp_path):
    MadeUp(NUMBERS).plot(str(tmp_path / "a.svg"))
    MadeUp(NUMBERS).plot(tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    with pytest.raises(WrongValue):
        MadeUp(NUMBERS).plot("a.txt")


def test_its_fields_are_json(xp):
    made_up = MadeUp(
        xp.asarray([[1.0, float("nan")], [float("-inf"), 0.5]]), extra={"cost": SquaredError(), 3: [True, "x"]}
    )
    data = json.loads(json.dumps(made_up.to_data(), allow_nan=False))
    assert data["numbers"] == [[1.0, None], [None, 0.5]]
    assert data["network"]["sizes"] == [2, 3, 1]
    assert len(data["network"]["activations"]) == 2
    assert data["parameters"] == [
        {"layer": 2, "neuron": 0, "source": 1},
        {"layer": 1, "neuron": 2, "source": None},
    ]
    assert data["cost"] is None
    assert data["extra"]["3"] == [True, "x"]
    assert data["extra"]["cost"] == {"name": "squared_error"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        (True, True),
        (7, 7),
        ("x", "x"),
        (0.5, 0.5),
        (float("inf"), None),
        (np.float64("nan"), None),
        (np.float32(0.25), 0.25),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([1, 2]), [1, 2]),
        (np.array([]), []),
        (("a", [1.0, (None,)]), ["a", [1.0, [None]]]),
        ({1: 2.0}, {"1": 2.0}),
    ],
)
def test_values_as_plain_data(value, expected):
    found = plain(value)
    assert found == expected
    assert type(found) is type(expected)
    json.dumps(found, allow_nan=False)
