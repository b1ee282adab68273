"""The story brings the other answers together, and its ten terms are the cost."""

import json

import numpy as np
import pytest
from generated import network_and_example

from glassnet import Network, WrongValue
from glassnet.arrays import to_numpy
from glassnet.costs import binary_cross_entropy, cross_entropy
from glassnet.explain import story
from glassnet.explain.blocks import Bars, Heading, Table, number
from glassnet.explain.chain_rule import chain_rule
from glassnet.explain.nudges import nudges
from glassnet.explain.sensitivity import sensitivity


def test_its_numbers_are_those_of_the_forward_pass_and_its_terms_are_the_cost(xp):
    for seed in range(30):
        network, image, target, cost = network_and_example(seed, xp)
        told = story(network, image, target, cost)
        forward = network.forward(xp.asarray(image[None]))
        for z, expected in zip(told.zs, forward.zs, strict=True):
            np.testing.assert_allclose(to_numpy(z), to_numpy(expected)[0], atol=1e-12)
        for a, expected in zip(told.activations, forward.activations[1:], strict=True):
            np.testing.assert_allclose(to_numpy(a), to_numpy(expected)[0], atol=1e-12)
        assert float(to_numpy(told.terms).sum()) == pytest.approx(told.cost, abs=1e-10)
        chooses = network.activations[-1].name != "identity"
        assert told.answer == (int(np.argmax(to_numpy(forward.activations[-1]))) if chooses else None)
        assert not told.assumed


def test_it_is_what_the_other_questions_answer(digits):
    network = Network.random((784, 16, 16, 10), seed=2)
    image, target = digits.test.inputs[4], int(digits.test.labels[4])
    told = story(network, image, target)
    assert told.nudges.to_data() == nudges(network, image, target).to_data()
    assert told.sensitivity.to_data() == sensitivity(network, image, target).to_data()
    first = sensitivity(network, image, target).top(1)[0].parameter
    assert told.chain_rule.to_data() == chain_rule(network, image, target, first).to_data()
    told_to_programs = json.loads(json.dumps(told.to_data(), allow_nan=False))
    assert told_to_programs["answer"] == told.answer
    assert len(told_to_programs["nudges"]["layers"][1]["weight"]) == 16


def test_it_reads_from_top_to_bottom(digits):
    network = Network.random((784, 16, 16, 10), seed=2)
    text = repr(story(network, digits.test.inputs[4], int(digits.test.labels[4])))
    places = [
        text.index(words)
        for words in (
            "It says",
            "Layer 1: 16 neurons, sigmoid",
            "The outputs (layer 3)",
            "It costs",
            "its part of the cost",
            "What each neuron wishes",
            "most sensitive to",
            "The chain rule for",
        )
    ]
    assert places == sorted(places)
    assert "@" in text  # and there is the picture


def test_without_a_target_what_it_answers_is_taken_for_right(digits):
    network = Network.random((784, 10), output="softmax", seed=1)
    told = story(network, digits.test.inputs[0], None, cross_entropy)
    assert told.assumed
    assert int(np.argmax(told.target)) == told.answer
    assert "Nobody said what it is" in repr(told)


def test_of_wide_layers_the_brightest_are_told(digits):
    network = Network.random((784, 100, 10), seed=1)
    text = repr(story(network, digits.test.inputs[0], 7))
    assert "The 32 brightest." in text


def test_a_single_output_answers_no_or_yes():
    network = Network.random((9, 3, 1), seed=1)
    told = story(network, np.linspace(0, 1, 9), 1, binary_cross_entropy, ["no", "yes"])
    assert told.names == ("no", "yes")
    assert ("It says yes" in repr(told)) == (float(told.activations[-1][0]) > 0.5)


def test_a_network_that_predicts_numbers_says_numbers_and_chooses_no_class():
    network = Network.random((9, 3, 2), output="identity", initializer="standard_normal", seed=1)
    told = story(network, np.linspace(0, 1, 9), [0.5, 2.0])
    says = network(np.linspace(0, 1, 9)[None].astype(np.float32))[0]
    assert told.answer is None
    first = repr(told).splitlines()[0]
    assert [float(each.replace("−", "-")) for each in first.removeprefix("It says ").split(", ")] == pytest.approx(
        says.tolist(), rel=1e-3
    )
    assert "output 1" in repr(told)
    with pytest.raises(WrongValue, match="predicts numbers"):
        story(network, np.linspace(0, 1, 9))


def test_names_must_be_as_many_as_the_answers():
    with pytest.raises(WrongValue, match="this network has 10 answers, got 2 names"):
        story(Network.random(), np.zeros(784), 3, names=["a", "b"])


def test_what_it_shows_are_its_numbers(digits):
    network = Network.random((784, 40, 6, 10), hidden=["tanh", "relu"], output="softmax", seed=3)
    told = story(network, digits.test.inputs[0], 7, cross_entropy)
    blocks = list(told.blocks())
    headings = [block.text for block in blocks if isinstance(block, Heading)]
    assert headings[:4] == [
        f"It says {told.answer}",
        "Layer 1: 40 neurons, tanh",
        "Layer 2: 6 neurons, relu",
        "The outputs (layer 3)",
    ]
    first, second, outputs = [block for block in blocks if isinstance(block, Bars)][:3]
    brightest = np.argsort(-told.activations[0], kind="stable")[:32]
    assert first.names == tuple(f"neuron {j}" for j in brightest)
    assert first.values == tuple(told.activations[0][brightest].tolist())
    assert (first.signed, first.most) == (True, 1.0)  # tanh goes below 0, and no further than 1
    assert second.values == tuple(told.activations[1].tolist())
    assert second.notes == tuple(f"z = {number(float(z), 3)}" for z in told.zs[1])
    assert (second.signed, second.most) == (False, None)  # relu goes on and on
    assert outputs.names == tuple("0123456789")
    assert outputs.values == tuple(told.activations[2].tolist())
    assert (outputs.signed, outputs.picked, outputs.most) == (False, (told.answer,), 1.0)
    table = next(block for block in blocks if isinstance(block, Table))
    assert table.rows[7] == ("7", number(float(told.activations[2][7])), "1", number(float(told.terms[7])))
    assert table.rows[-1][-1] == number(told.cost)
