"""All questions together: each answer shows itself everywhere, refuses what does not fit, and loads nothing heavy."""

import inspect
import io
import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from glassnet import Network, WrongValue, explain, last, train, walk
from glassnet.costs import AbsoluteError, Huber
from glassnet.explain import Explanation, Parameter
from glassnet.explain.blocks import Bars, Heading, Sentence, Table, number
from glassnet.explain.drawing import is_number, words
from glassnet.explain.explanation import OfCost
from glassnet.explain.plot import save
from glassnet.explain.text import renderable

NETWORK = Network.random((16, 5, 4, 3), initializer="standard_normal", seed=0)
IMAGE = np.linspace(0, 1, 16)


def data(n=30):
    from glassnet import Dataset

    rng = np.random.default_rng(0)
    targets = np.eye(3)[rng.integers(0, 3, n)]
    return Dataset(rng.random((n, 16)), targets, classes=("a", "b", "<c>"))


def walked():
    path = walk(train(NETWORK, data(), cost=NETWORK.cost, epochs=3, every=1))
    network = last(path)
    return explain.landscape(network, data(), directions="walk", walks=[path.path], resolution=5)


ANSWERS = {
    "story": lambda: explain.story(NETWORK, IMAGE, 1),
    "patterns": lambda: explain.patterns(NETWORK, 2, 1, image=IMAGE, data=data()),
    "hope_and_truth": lambda: explain.hope_and_truth(NETWORK),
    "nudges": lambda: explain.nudges(NETWORK, IMAGE, 1),
    "requests": lambda: explain.requests(NETWORK, data()),
    "sensitivity": lambda: explain.sensitivity(NETWORK, data()),
    "wiggle": lambda: explain.wiggle(NETWORK, IMAGE, 1),
    "chain_rule": lambda: explain.chain_rule(NETWORK, IMAGE, 1, Parameter(1, 2, 3)),
    "landscape": walked,
    "layers": lambda: explain.layers(NETWORK, data()),
    "gradient_sizes": lambda: explain.gradient_sizes({"one": NETWORK, "two": NETWORK}, data()),
    "maps": lambda: explain.maps(NETWORK, data()),
    "autograd": lambda: explain.autograd(NETWORK, IMAGE, 1),
    "mistakes": lambda: explain.mistakes(NETWORK, data()),
    "corner": lambda: explain.corner(NETWORK, data()),
    "memorized": lambda: explain.memorized({"true": (NETWORK, data())}, data()),
}
"""Every function that answers."""

TORCH = pytest.mark.torch


def test_these_are_all_the_questions():
    no_answers = {"Explanation", "Parameter", "Walk", "shuffled"}
    assert set(ANSWERS) == set(explain.__all__) - no_answers


@pytest.mark.parametrize("name", [pytest.param(name, marks=TORCH if name == "autograd" else ()) for name in ANSWERS])
def test_every_answer_shows_itself_everywhere(name, tmp_path):
    answer = ANSWERS[name]()
    assert isinstance(answer, Explanation)
    text = repr(answer)
    assert len(text.splitlines()) > 4
    assert max(map(len, text.splitlines())) <= 100
    html = answer._repr_html_()
    ElementTree.fromstring(html)  # well-formed, with names like <c> escaped
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace(
        "http://www.w3.org/1998/Math/MathML", ""
    )
    told = json.loads(json.dumps(answer.to_data(), allow_nan=False))
    assert told
    answer.plot(tmp_path / "answer.png")
    assert (tmp_path / "answer.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("name", [pytest.param(name, marks=TORCH if name == "autograd" else ()) for name in ANSWERS])
def test_an_answer_about_a_cost_names_it_once_wherever_it_shows_itself(name, monkeypatch, tmp_path):
    monkeypatch.setitem(globals(), "NETWORK", replace(NETWORK, cost=Huber(0.375)))
    answer = ANSWERS[name]()
    told = answer.to_data()
    asked = "cost" in inspect.signature(getattr(explain, name)).parameters
    assert isinstance(answer, OfCost) == asked
    if not asked:
        assert not [key for key in told if "cost" in key]
        return
    text = " ".join(repr(answer).split())
    assert text.count("Cost: huber(delta=0.375), as in the training of ") == text.count("Cost: ") == 1
    assert answer._repr_html_().count("Cost: huber(delta=0.375), as in the training of ") == 1
    assert told["cost_function"] == {"name": "huber", "delta": 0.375}
    assert told["cost_reason"].startswith("as in the training of ")
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # a plot's text as text
        save([each for each in answer.blocks() if isinstance(each, Heading | Sentence)], tmp_path / "answer.svg")
    assert "Cost: huber(delta=0.375)," in (tmp_path / "answer.svg").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [pytest.param(name, marks=TORCH if name == "autograd" else ()) for name in ANSWERS])
def test_a_cost_is_asked_for_by_name_and_one_that_does_not_fit_is_refused(name, monkeypatch):
    question = getattr(explain, name)
    if "cost" not in inspect.signature(question).parameters:
        return
    monkeypatch.setitem(globals(), "NETWORK", replace(NETWORK, cost=Huber(0.375)))
    monkeypatch.setattr(explain, name, partial(question, cost="absolute_error"))
    answer = ANSWERS[name]()
    assert answer.cost_function == AbsoluteError()
    assert answer.cost_reason.startswith("as asked for; in ")
    assert "huber(delta=0.375)" in answer.cost_reason
    for cost, says in (("cross_entropy", "the output activation is sigmoid"), ("mse", "unknown cost 'mse'")):
        monkeypatch.setattr(explain, name, partial(question, cost=cost))
        with pytest.raises(WrongValue, match=says):
            ANSWERS[name]()


@pytest.mark.parametrize("name", [pytest.param(name, marks=TORCH if name == "autograd" else ()) for name in ANSWERS])
def test_the_same_question_has_the_same_answer(name):
    assert json.dumps(ANSWERS[name]().to_data()) == json.dumps(ANSWERS[name]().to_data())


WRONG = {
    "nudges": lambda: explain.nudges(NETWORK, np.zeros(9), 1),
    "story": lambda: explain.story(NETWORK, np.zeros(9), 1),
    "sensitivity": lambda: explain.sensitivity(NETWORK, np.zeros(9), 1),
    "wiggle": lambda: explain.wiggle(NETWORK, np.zeros(9), 1),
    "chain_rule": lambda: explain.chain_rule(NETWORK, np.zeros(9), 1, Parameter(1, 0)),
    "patterns": lambda: explain.patterns(NETWORK, 1, 0, image=np.zeros(9)),
    "autograd": lambda: explain.autograd(NETWORK, np.zeros(9), 1),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=TORCH if name == "autograd" else ()) for name in WRONG])
def test_an_image_of_the_wrong_size_is_answered_by_what_the_network_takes(name):
    with pytest.raises(WrongValue, match="16 numbers"):
        WRONG[name]()


@pytest.mark.parametrize("name", ["requests", "layers", "maps", "mistakes", "corner", "landscape", "sensitivity"])
def test_data_of_the_wrong_size_is_answered_by_what_the_network_takes(name, digits):
    with pytest.raises(WrongValue, match="takes 16"):
        getattr(explain, name)(NETWORK, digits.test.take(slice(0, 5)))


def test_asking_loads_nothing_heavy():
    code = "from glassnet import explain; import sys; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"torch", "sklearn", "scipy", "matplotlib", "rich", "PIL", "numba", "typer"}
    assert not heavy & set(loaded)


def numbers_in(blocks):
    """Every number that tables and bars hold, as it is to be read."""
    for block in blocks:
        if isinstance(block, Table):
            for cell in (cell for row in block.rows for cell in row):
                said = words(cell)
                yield from [said] if is_number(said) else filter(is_number, said.split())
        if isinstance(block, Bars):
            yield from map(number, block.values)
            yield from (part for note in block.notes for part in note.split() if is_number(part))


@pytest.mark.parametrize("name", [pytest.param(name, marks=TORCH if name == "autograd" else ()) for name in ANSWERS])
def test_no_number_is_cut_on_a_narrow_terminal_or_in_a_file(name):
    from rich.console import Console

    # Ten outputs, as the digits have: a table of ten columns and their sum.
    wide = {"nudges": lambda: explain.nudges(Network.random((16, 12, 10), initializer="standard_normal"), IMAGE, 1)}
    blocks = list((wide.get(name) or ANSWERS[name])().blocks())
    said = Counter(each.replace(" %", "%") for each in numbers_in(blocks))
    for width in (60, 80, 120):
        console = Console(file=io.StringIO(), width=width, color_system=None, legacy_windows=False, _environ={})
        console.print(renderable(blocks))
        text = console.file.getvalue()
        assert max(map(len, text.splitlines())) <= width
        assert not said - Counter(text.replace(" %", "%").split()), width
