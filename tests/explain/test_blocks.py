"""The blocks themselves, and a page of all of them, which the tests of the three renderers draw."""

import typing

import numpy as np
import pytest

from glassnet.explain.blocks import (
    Bars,
    Block,
    Curve,
    Curves,
    Heading,
    Map,
    Picture,
    Pictures,
    Sentence,
    Surface,
    Table,
    Track,
    number,
    square,
)

HOSTILE = "<b onclick='x'>&\"$a_1$ \x1b[31mred\x07</b>"


def digit():
    """Something like a 3 of 28 × 28 pixels."""
    row, column = np.mgrid[0:28, 0:28]
    image = np.zeros((28, 28))
    for middle in (9, 18):
        ring = np.hypot(row - middle, column - 13)
        image = np.maximum(image, np.where(column > 10, np.exp(-(((ring - 4.6) / 1.2) ** 2)), 0))
    return image


def weights(seed=0):
    """Something like a neuron's weights."""
    row, column = np.mgrid[0:28, 0:28]
    smooth = sum(
        a * np.sin(row * b + c) * np.cos(column * d)
        for a, b, c, d in np.random.default_rng(seed).normal(0, 0.4, (6, 4))
    )
    return smooth * np.exp(-(np.hypot(row - 13.5, column - 13.5) ** 2) / 90)


def page():
    """A page with every kind of block."""
    rng = np.random.default_rng(3)
    steps = np.arange(1, 200.0)
    xs, ys = np.linspace(-1, 1, 41), np.linspace(-1, 1, 41)
    heights = 0.3 + xs[None, :] ** 2 + 0.6 * ys[:, None] ** 2 + 0.25 * np.sin(4 * xs[None, :] + 2 * ys[:, None])
    walk = np.cumsum(rng.normal(0.012, 0.03, (40, 2)), axis=0)
    middles = rng.normal(0, 4, (10, 2))
    labels = rng.integers(0, 10, 600)
    return [
        Heading("Why a 3?"),
        Sentence(
            "The network looks at this digit and answers 3; its cost is 0.0213, the sum of ten squared differences."
        ),
        Sentence("Numbers come from the network as it is, in float64.", quiet=True),
        Table((), (("answer", "3"), ("cost", "0.0213"), ("correct", "yes"))),
        Picture(digit(), "ink", "the image"),
        Heading("What the neurons of layer 1 look for"),
        Pictures(
            (
                Picture(digit(), "ink", "image"),
                *(Picture(weights(seed), "signed", f"neuron {seed}") for seed in range(8)),
                Picture(
                    rng.normal(0, 1, (1, 16)), "signed", "one row, with a long caption that has to be wrapped somewhere"
                ),
            )
        ),
        Sentence("Blue weights let the neuron light up, red ones hold it down.", quiet=True),
        Heading("The ten activations"),
        Bars(
            tuple("0123456789"),
            (0.001, 0.02, 0.11, 0.93, 0.0, 0.31, 0.004, 0.08, 0.2, 0.05),
            picked=(3,),
            most=1.0,
            notes=("", "", "", "wanted 1", "", "the runner-up", "", "", "", ""),
        ),
        Heading("What its bias and its weights wish"),
        Bars(
            ("bias 3 of layer 3", "weight (3, 0)", "weight (3, 7)", "weight (3, 12)", "weight (3, 5)"),
            (0.82, -0.44, 0.31, -0.012, 0.0),
            signed=True,
            picked=(0,),
            notes=("should increase a lot", "should decrease somewhat", "should increase somewhat", "", ""),
        ),
        Table(
            ("parameter", "∂C/∂w", "nudge", "words"),
            (
                ("weight (3, 7) of layer 3", 0.1234, -0.0012, "decrease somewhat"),
                ("bias 3 of layer 3", -1.5e-9, 3.25, "increase a lot"),
                ("weight (1, 2) of layer 1", 0.0, 12345.6, "nothing"),
            ),
        ),
        Heading("The wiggle"),
        Curves(
            "steps",
            "cost",
            (
                Curve("training", steps, 0.9 / steps**0.6 + 0.02, None),
                Curve("validation", steps, 0.9 / steps**0.5 + 0.05, None),
                Curve("broken", steps, np.where((steps > 50) & (steps < 90), np.nan, 0.4), "#83C167"),
            ),
            marks=((60.0, 0.9 / 60**0.6 + 0.02, "you are here"),),
        ),
        Curves(
            "step size", "error", (Curve("error", np.logspace(-5, 0, 30), np.logspace(-5, 0, 30) ** 2),), True, True
        ),
        Heading("The landscape"),
        Surface(
            "along −∇C",
            "across",
            xs,
            ys,
            heights,
            (Track("full gradient", walk), Track("minibatches", -walk * [0.8, 1.2])),
        ),
        Heading("The map"),
        Map(
            "the last hidden layer, by PCA",
            middles[labels] + rng.normal(0, 1, (600, 2)),
            labels,
            tuple("0123456789"),
        ),
    ]


def edges():
    """Blocks with little or nothing in them, or with what should not be there."""
    nan, inf = np.nan, np.inf
    none = np.zeros(0)
    return {
        "empty": [Table((), ()), Table(("a", "b"), ()), Pictures(()), Bars((), ()), Curves("x", "y", ()), Heading("")],
        "empty_charts": [
            Curves("x", "y", (Curve("none", none, none),), True, True),
            Surface("x", "y", none, none, np.zeros((0, 0))),
            Map("nothing", np.zeros((0, 2)), np.zeros(0, int), ()),
            Picture(np.zeros((0, 0)), "ink"),
            Picture(np.zeros((0, 0)), "signed"),
        ],
        "zeros": [Picture(np.zeros((4, 4)), "ink"), Picture(np.zeros((4, 4)), "signed", "zeros"), Bars(("a",), (0.0,))],
        "odd_pictures": [
            Picture(np.array([[nan, inf, -inf, 1.0]]), "signed", "not finite"),
            Picture(np.array([[nan, inf, -inf, 1.0]]), "ink"),
            Picture(np.full((2, 2), nan), "signed"),
            Picture(np.array([[2.0], [-2.0], [0.5]]), "signed", scale=1.0),
            Picture(np.linspace(-1, 1, 784)[None], "signed", "one row of 784"),
            Picture(np.eye(300), "ink", "300 × 300"),
            Pictures(tuple(Picture(np.eye(5), "ink", f"caption {i} " * 9) for i in range(19))),
        ],
        "bars": [
            Bars(tuple(f"neuron {i}" for i in range(100)), tuple(np.sin(np.arange(100.0)).tolist()), signed=True),
            Bars(("nan", "inf", "-inf", "more", "less"), (nan, inf, -inf, 2.0, -2.0), signed=True, most=1.0),
            Bars(("nan", "inf"), (nan, inf)),
            Bars(("a name much too long " * 9, "b"), (1.0, 1e-9), notes=("a note just as long " * 9, "")),
        ],
        "curves": [
            Curves("x", "y", (Curve("constant", np.arange(3.0), np.full(3, 7.0)),)),
            Curves("x", "y", (Curve("point", np.ones(1), np.ones(1)),), marks=((1.0, 1.0, ""), (nan, 1.0, "nowhere"))),
            Curves("x", "y", (Curve("nan", np.arange(3.0), np.full(3, nan)),)),
            Curves("x", "y", (Curve("inf", np.arange(4.0), np.array([1.0, inf, -inf, 1e308])),)),
            Curves("x", "y", (Curve("log", np.array([-1.0, 0, 1, 10]), np.array([1.0, 0, -1, 5e-324])),), True, True),
            Curves("x", "y", tuple(Curve(f"curve {i}", np.arange(9.0), np.arange(9.0) * i) for i in range(20))),
            Curves("an axis " * 20, "y", (Curve("big", 1e9 + np.arange(3.0), 5e-324 * np.arange(3.0), "nonsense"),)),
        ],
        "surfaces": [
            Surface("x", "y", np.zeros(1), np.zeros(1), np.ones((1, 1))),
            Surface("x", "y", np.arange(3.0), np.arange(2.0), np.array([[nan, 1, 2], [inf, 0, -1]])),
            Surface("x", "y", np.arange(2.0), np.arange(2.0), np.full((2, 2), nan)),
            Surface(
                "far from zero", "uneven", np.array([5.0, 6, 9]), np.array([9.0, 4, 1]), np.arange(9.0).reshape(3, 3),
                (Track("outside", np.array([[0.0, 0.0], [6.0, 5.0], [nan, 1.0]])), Track("no steps", np.zeros((0, 2)))),
            ),
        ],
        "maps": [
            Map("one", np.zeros((1, 2)), np.zeros(1, int), ("a",)),
            Map("alike", np.array([[0.0, 0], [1, 0], [nan, 2]]), np.array([0, 1, 2]), ("cat", "car", "cow")),
            Map("unknown", np.array([[0.0, 0], [0, 1000]]), np.array([-1, 7]), ("鳥", "b")),
        ],
        "hostile": [
            Heading(HOSTILE),
            Sentence(HOSTILE, quiet=True),
            Table((HOSTILE, "b"), ((HOSTILE, 1.0), (HOSTILE,), ("nan", nan))),
            Picture(np.eye(4), "ink", HOSTILE),
            Bars((HOSTILE,), (1.0,), notes=(HOSTILE,)),
            Curves(HOSTILE, HOSTILE, (Curve(HOSTILE, np.arange(2.0), np.arange(2.0), HOSTILE),), marks=((1, 1, HOSTILE),)),
            Surface(HOSTILE, HOSTILE, np.arange(2.0), np.arange(2.0), np.eye(2), (Track(HOSTILE, np.eye(2)),)),
            Map(HOSTILE, np.eye(2), np.arange(2), (HOSTILE, HOSTILE)),
        ],
    }  # fmt: skip


def test_a_page_shows_every_kind_of_block():
    assert {type(block) for block in page()} == set(typing.get_args(Block))


def test_ink_is_as_strong_as_it_is_and_no_stronger_than_white():
    assert Picture(np.array([[-0.5, 0.25, 1.5]]), "ink").strength.tolist() == [[0.0, 0.25, 1.0]]


def test_signed_numbers_are_drawn_by_the_series_rule():
    values = np.array([[-2.0, 1.0], [0.5, 0.0]])
    by_hand = [[1.0, 0.5**0.3], [0.25**0.3, 0.0]]  # (|v| / max |v|)^0.3
    np.testing.assert_allclose(Picture(values, "signed").strength, by_hand, rtol=1e-15)


def test_a_scale_makes_pictures_comparable():
    values = np.array([[-2.0, 1.0]])
    np.testing.assert_allclose(Picture(values, "signed", scale=4.0).strength, [[0.5**0.3, 0.25**0.3]], rtol=1e-15)
    assert Picture(values, "signed", scale=1.0).strength.tolist() == [[1.0, 1.0]]  # beyond the scale: full


def test_a_picture_of_zeros_is_empty():
    assert not Picture(np.zeros((3, 2)), "signed").strength.any()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (3.0, "3"),
        (-0.012345, "−0.01235"),
        (1.5e-9, "1.5e−09"),
        (123456.0, "1.235e+05"),
        (np.nan, "nan"),
    ],
)
def test_a_number_has_four_digits_and_a_true_minus(value, words):
    assert number(value) == words


def test_a_number_with_fewer_digits():
    assert number(-2 / 3, 2) == "−0.67"


def test_only_squares_of_at_least_four_are_pictures():
    assert square(range(16)).tolist() == np.arange(16).reshape(4, 4).tolist()
    assert square(np.zeros((2, 8))).shape == (4, 4)
    assert square(range(15)) is None
    assert square(range(9)) is None
