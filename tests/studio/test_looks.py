"""Looks: the numbers shown are the network's own, and the examples found are those that fit."""

from dataclasses import replace

import numpy as np
import pytest
from small_run import npz, numbers_npz, plan_on, run_on, until

from glassnet import (
    Checkpoint,
    Dataset,
    Network,
    Run,
    Splits,
    WrongValue,
    as_input,
    confusion,
    evaluate,
    from_labels,
    mistakes,
    mnist,
)
from glassnet.costs import COSTS, as_cost
from glassnet.data.deform import Deformer, Elastic
from glassnet.engine import Dropout
from glassnet.runs.edits import Edit
from glassnet.runs.plans import begun
from glassnet.runs.recipes import recipe
from glassnet.studio.looks import (
    Look,
    Questions,
    answers,
    changes,
    first_look,
    lit,
    look_at,
    minibatch,
    part_of,
    side_of,
    thought,
)
from glassnet.studio.trainer import Trainer
from glassnet.studio.uploads import _described as described
from glassnet.studio.uploads import _sampled as sampled
from glassnet.training import order


@pytest.fixture(scope="module")
def stripes(tmp_path_factory):
    return npz(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def numbers(tmp_path_factory):
    return plan_on(numbers_npz(tmp_path_factory.mktemp("data")), output="identity", validation=10)


@pytest.fixture
def trainer(stripes, tmp_path):
    made = Trainer(*run_on(tmp_path, stripes), lambda: None)
    yield made
    made.close()


def test_a_new_tab_looks_at_the_first_test_image(stripes, numbers):
    look = first_look(plan_on(stripes).splits)
    assert (look.source, look.row, look.number) == ("test", 0, 0)
    assert look.label == int(plan_on(stripes).splits.test.labels[0])
    look = first_look(numbers.splits)
    assert (look.source, look.label, look.target.shape) == ("validation", None, (1, 2))
    assert first_look(plan_on(stripes, validation=0).splits).source == "test"


@pytest.mark.parametrize("cost", COSTS)
def test_a_thought_is_the_networks_own_and_the_terms_add_up_to_the_cost(stripes, cost):
    plan = plan_on(stripes, {"cost": cost})
    network = plan.checkpoint.network.to(dtype=np.float64)
    look = look_at({"source": "validation", "row": 3, "look": 9}, None, plan.splits)
    about, arrays = thought(network, as_cost(cost), look)
    x, y = plan.splits.validation.inputs[3:4].astype(np.float64), plan.splits.validation.targets[3:4]
    forward = network.forward(x)
    for l in (1, 2, 3):
        np.testing.assert_array_equal(arrays[f"z{l}"], forward.zs[l - 1][0])
        np.testing.assert_array_equal(arrays[f"a{l}"], forward.activations[l][0])
    assert about == {
        "look": 9,
        "source": "validation",
        "row": 3,
        "label": int(y.argmax()),
        "answer": int(forward.activations[-1].argmax()),
        "cost": pytest.approx(arrays["terms"].sum()),
        "centered": None,
    }
    judged = evaluate(network, plan.splits.validation.take(slice(3, 4)), as_cost(cost))
    assert about["cost"] == pytest.approx(judged.cost)


def test_outputs_that_are_no_classes_have_no_answer(numbers):
    network = numbers.checkpoint.network.to(dtype=np.float64)
    about, arrays = thought(network, as_cost("squared_error"), first_look(numbers.splits), classes=False)
    assert (about["label"], about["answer"]) == (None, None)
    assert about["cost"] == pytest.approx(arrays["terms"].sum())


def test_a_drawing_is_centered_as_mnist_was_or_left_where_it_is():
    splits = mnist()
    pixels = np.zeros((112, 112), np.uint8)
    pixels[10:50, 8:16] = 255
    centered = look_at({"source": "drawing", "center": True}, pixels, splits)
    np.testing.assert_array_equal(centered.input[0], as_input(pixels, 28))
    left = look_at({"source": "drawing", "center": False}, pixels, splits).input.reshape(28, 28)
    assert (centered.centered, centered.label, centered.target) == (True, None, None)
    assert left[3:12, 2:4].min() == 1  # each of its pixels is the mean of 4 × 4
    assert left[2, 2] == left[12, 2] == 0.5
    assert left.sum() == pytest.approx(40 * 8 / 16)


def test_a_picture_of_any_size_is_scaled_by_areas_and_dark_ink_is_ink():
    splits = mnist()
    paper = np.full((90, 131), 230, np.uint8)
    paper[30:60, 40:70] = 0
    image = look_at({"source": "picture", "center": False}, paper, splits).input.reshape(28, 28)
    assert image[14, 11] == 1
    assert image[0, 0] == pytest.approx(25 / 255)
    assert image.mean() == pytest.approx(1 - paper.mean() / 255)
    drawn = look_at({"source": "drawing", "center": False}, 255 - paper, splits).input.reshape(28, 28)
    np.testing.assert_allclose(drawn, image, atol=1e-12)


def test_nothing_drawn_is_zeros_and_noise_is_of_its_seed():
    splits = mnist()
    for source in ("drawing", "picture"):
        look = look_at({"source": source}, np.zeros((112, 112), np.uint8), splits)
        assert not look.input.any()
    assert not look_at({"source": "blank"}, None, splits).input.any()
    one, same, other = (look_at({"source": "noise", "seed": seed}, None, splits).input for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert 0 <= one.min() < 0.01 < 0.99 < one.max() <= 1


def test_what_is_not_there_is_said(stripes, numbers):
    splits = plan_on(stripes, validation=0).splits
    with pytest.raises(WrongValue, match="this run has no validation data"):
        part_of(splits, "validation")
    with pytest.raises(WrongValue, match="no row 40: the test data has the rows 0 to 39"):
        look_at({"source": "test", "row": 40}, None, splits)
    with pytest.raises(WrongValue, match="takes 5 numbers, which are no square image"):
        look_at({"source": "drawing"}, np.zeros((9, 9), np.uint8), numbers.splits)
    with pytest.raises(WrongValue, match="a drawing needs its pixels"):
        look_at({"source": "drawing"}, None, splits)
    assert (side_of(784), side_of(64), side_of(9), side_of(785)) == (28, 8, None, None)


def test_a_look_goes_over_to_another_run_if_it_can(stripes):
    small, digits = plan_on(stripes).splits, mnist()
    look = look_at({"source": "test", "row": 9_999, "look": 4}, None, digits)
    assert look.again(small).row == 0
    assert look.again(small).number == 4
    pixels = np.zeros((112, 112), np.uint8)
    pixels[30:60, 30:40] = 200
    look = look_at({"source": "drawing", "center": False, "look": 5}, pixels, digits)
    again = look.again(small)
    assert isinstance(again, Look)
    assert (again.source, again.input.shape, again.centered, again.number) == ("drawing", (1, 64), False, 5)


def test_mistakes_and_the_table_are_those_of_evaluation(trainer):
    state = trainer.state
    network, data = state.weights.network, state.splits.train
    about, arrays = Questions().mistakes(state, {"source": "train", "count": 7})
    np.testing.assert_array_equal(arrays["confusion"], confusion(network, data))
    expected = mistakes(network, data, 7)
    assert arrays["rows"].tolist() == [each.row for each in expected]
    assert arrays["answers"].tolist() == [each.answer for each in expected]
    assert arrays["labels"].tolist() == [each.truth for each in expected]
    np.testing.assert_allclose(arrays["confidences"], [each.confidence for each in expected], atol=1e-6)
    assert about == {"examples": 200, "wrong": int((data.labels != network(data.inputs).argmax(1)).sum()), "step": 0}
    assert arrays["inputs"].shape == (7, 64)
    assert arrays["inputs"].dtype == np.uint8
    np.testing.assert_allclose(arrays["inputs"] / 255, data.inputs[arrays["rows"]], atol=0.5 / 255 + 1e-6)


def test_find_gives_what_fits_in_the_order_asked_for(trainer):
    state, questions = trainer.state, Questions()
    data = state.splits.train
    answers = state.weights.network(data.inputs).argmax(1)

    def find(**asked):
        about, arrays = questions.find(state, {"source": "train", "count": 200, **asked})
        assert about["total"] >= len(arrays["rows"])
        return about["total"], arrays

    total, arrays = find()
    assert (total, arrays["rows"].tolist()) == (200, list(range(200)))
    total, arrays = find(label=1, wrong=True)
    assert arrays["rows"].tolist() == np.flatnonzero((data.labels == 1) & (answers != 1)).tolist()
    total, arrays = find(answer=2, wrong=False)
    assert arrays["rows"].tolist() == np.flatnonzero((data.labels == 2) & (answers == 2)).tolist()
    assert (np.diff(find(order="cost")[1]["costs"]) <= 0).all()
    assert (np.diff(find(order="confidence")[1]["confidences"]) <= 0).all()
    shuffled = find(order="random", seed=3)[1]["rows"].tolist()
    assert sorted(shuffled) == list(range(200)) != shuffled
    assert find(order="random", seed=3)[1]["rows"].tolist() == shuffled
    assert find(order="random", seed=3, offset=10, count=5)[1]["rows"].tolist() == shuffled[10:15]
    assert find(offset=1000)[1]["rows"].tolist() == []
    costs = find()[1]["costs"]
    assert costs.mean() == pytest.approx(evaluate(state.weights.network, data, as_cost("squared_error")).cost, rel=1e-5)


def test_numbers_to_predict_are_found_by_cost_and_have_no_mistakes(numbers, tmp_path):
    run = Run.create(tmp_path / "1", numbers.about)
    trainer = Trainer(run, numbers, lambda: None)
    _, arrays = Questions().find(trainer.state, {"source": "train", "order": "cost"})
    assert arrays["labels"].tolist() == arrays["answers"].tolist() == [-1] * 40
    assert np.isnan(arrays["confidences"]).all()
    for asked in ({"wrong": False}, {"label": 0}, {"order": "confidence"}):
        with pytest.raises(WrongValue, match="numbers to predict, not classes"):
            Questions().find(trainer.state, {"source": "train", **asked})
    with pytest.raises(WrongValue, match="there are no mistakes, only costs"):
        Questions().mistakes(trainer.state, {"source": "train"})
    assert minibatch(trainer.state)[1]["batch_labels"].tolist() == [-1] * 10
    trainer.close()


def test_answers_are_kept_while_the_network_is_the_same(trainer):
    questions = Questions()
    first = questions.asked(trainer.state, "train")
    assert questions.asked(trainer.state, "train") is first
    trainer.step()
    assert questions.asked(trainer.state, "train") is not first


def test_the_minibatch_that_comes_next_and_the_one_that_was(trainer):
    about, arrays = minibatch(trainer.state)
    assert about == {"step": 1, "size": 10, "which": "next", "deformed": False, "dropout": False}
    rows = order(200, 0, 0)[:10]
    assert arrays["batch_rows"].tolist() == rows.tolist()
    assert np.isnan(arrays["batch_after"]).all()
    coming = arrays["batch_before"]
    trainer.step()
    about, arrays = minibatch(trainer.state)
    assert about == {"step": 1, "size": 10, "which": "last", "deformed": False, "dropout": False}
    assert arrays["batch_rows"].tolist() == rows.tolist()
    np.testing.assert_array_equal(arrays["batch_before"], coming)
    assert arrays["batch_before"].mean() == pytest.approx(trainer.state.cost, rel=1e-5)
    assert arrays["batch_after"].mean() < arrays["batch_before"].mean()
    assert arrays["batch_labels"].tolist() == trainer.state.splits.train.labels[rows].tolist()


def test_images_that_are_deformed_are_shown_as_the_network_is_given_them(stripes, tmp_path):
    trainer = Trainer(*run_on(tmp_path, stripes, {"deform": "elastic(alpha=8, sigma=2)"}), lambda: None)
    trainer.reach((1, 30))
    plain = trainer.state.splits.train.inputs
    for at in ((1, 30), (0, 20)):  # the minibatch that led there
        trainer.seek(at)
        about, arrays = minibatch(trainer.state)
        epoch, last = at
        rows = order(200, 0, epoch)[last - 10 : last]
        given = Deformer(plain, Elastic(alpha=8, sigma=2), 0)(rows, epoch)
        assert (about["which"], about["deformed"]) == ("last", True)
        np.testing.assert_array_equal(arrays["batch_inputs"], np.rint(np.clip(given, 0, 1) * 255))
        assert (arrays["batch_inputs"] != np.rint(plain[rows] * 255)).mean() > 0.5
        # The step's own cost is that of these very images.
        assert arrays["batch_before"].mean() == pytest.approx(trainer.state.cost, rel=1e-5)
    trainer.change({"deform": "none"})  # of now on: those of the last step were deformed
    assert minibatch(trainer.state)[0]["deformed"]
    trainer.close()


def test_of_a_large_minibatch_a_hundred_images_are_shown(stripes, tmp_path):
    trainer = Trainer(*run_on(tmp_path, stripes, {"batch_size": 150}), lambda: None)
    trainer.step()
    about, arrays = minibatch(trainer.state)
    assert (about["size"], len(arrays["batch_rows"])) == (150, 100)
    trainer.close()


def test_a_single_output_answers_no_or_yes(tmp_path):
    rng = np.random.default_rng(0)
    two = from_labels(rng.random((30, 16)), np.arange(30) % 2)
    data = Dataset(two.inputs, two.targets[:, 1:].copy(), classes=("no", "yes"))
    plan = begun(recipe("plain"), {"batch_size": 5}, validation=0.5)
    network = Network.random((16, 4, 1))
    settings = plan.checkpoint.settings
    start = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    plan = replace(plan, checkpoint=start, splits=Splits(data, None, None))
    trainer = Trainer(Run.create(tmp_path / "1", plan.about), plan, lambda: None)
    _, arrays = Questions().mistakes(trainer.state, {"source": "train"})
    assert arrays["confusion"].shape == (2, 2)
    assert arrays["confusion"].sum() == 30
    look = first_look(plan.splits)
    assert (look.source, look.label) == ("train", 0)
    assert thought(trainer.state.weights.precise, settings.cost, look)[0]["answer"] in (0, 1)
    trainer.step()
    trainer.close()


# ── Neurons and moments ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("activations", [("sigmoid", "softmax"), ("relu", "sigmoid"), ("tanh", "identity")])
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_which_classes_light_a_neuron(trainer, stripes, tmp_path, activations, layer):
    hidden, output = activations
    run, plan = run_on(tmp_path / "other", stripes, {"epochs": 2}, hidden=[hidden], output=output)
    trainer.take(run, plan)
    trainer.epoch()
    state = trainer.state
    about, arrays = lit(state, {"layer": layer, "neuron": 1, "source": "validation", "count": 3})
    data = state.splits.validation
    a = state.weights.network.forward(data.inputs).activations[layer][:, 1]
    threshold = 0.5 if ([hidden, hidden, output][layer - 1]) in ("sigmoid", "softmax") else 0.0
    assert (about["examples"], about["threshold"], about["source"]) == (40, threshold, "validation")
    for label in range(3):
        mine = a[data.labels == label]
        assert arrays["shares"][label] == np.mean(mine > threshold)
        assert arrays["means"][label] == pytest.approx(mine.mean(), rel=1e-5, abs=1e-6)
        rows = arrays["rows"][arrays["labels"] == label]
        assert rows.tolist() == np.flatnonzero(data.labels == label)[:3].tolist()
    np.testing.assert_allclose(arrays["activations"], a[arrays["rows"]], rtol=1e-5, atol=1e-6)
    assert arrays["inputs"].shape == (9, 64)


def test_a_neuron_of_data_without_classes_has_one_row(numbers, tmp_path):
    run = Run.create(tmp_path / "1", numbers.about)
    trainer = Trainer(run, numbers, lambda: None)
    _about, arrays = lit(trainer.state, {"layer": 1, "neuron": 0})
    assert arrays["shares"].shape == (1,)
    assert arrays["labels"].tolist() == [-1] * 4
    trainer.close()


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"layer": 4, "neuron": 0}, "there is no layer 4: this network has the layers 1 to 3"),
        ({"layer": 3, "neuron": 3}, "layer 3 has the neurons 0 to 2, got 3"),
    ],
)
def test_a_neuron_that_is_not_there_is_refused(trainer, asked, says):
    with pytest.raises(WrongValue, match=says):
        lit(trainer.state, asked)


def test_answers_are_the_networks(trainer):
    state = trainer.state
    rows = [3, 0, 7]
    _about, arrays = answers(state.weights.network, state.splits, "test", rows)
    data = state.splits.test.take(rows)
    assert arrays["answers"].tolist() == state.weights.network(data.inputs).argmax(axis=1).tolist()
    assert arrays["labels"].tolist() == data.labels.tolist()
    assert answers(state.weights.network, state.splits, "test", [])[1]["answers"].shape == (0,)
    with pytest.raises(WrongValue, match="there is no row 40: the test data has the rows 0 to 39"):
        answers(state.weights.network, state.splits, "test", [40])


def test_what_a_minibatch_changed_is_the_difference(trainer):
    assert changes(trainer.state) == (None, {})
    before = trainer.state.weights.network
    trainer.change({"weight_decay": 0})
    trainer.step()
    about, arrays = changes(trainer.state)
    after = trainer.state.weights.network
    moved = sum(int(np.count_nonzero(each)) for each in arrays.values())
    assert about["followed"] == about["moved"] == moved
    assert (about["step"], about["size"], about["others"]) == (1, 10, [])
    for l in range(3):
        np.testing.assert_array_equal(arrays[f"dweight{l + 1}"], after.layers[l].weight - before.layers[l].weight)
        np.testing.assert_array_equal(arrays[f"dbias{l + 1}"], after.layers[l].bias - before.layers[l].bias)
    assert any(each.any() for each in arrays.values())


def several(data):
    """The same examples, each also of the class after its own where its first number is large, and of none where it is tiny."""
    again = np.roll(data.targets, 1, axis=1) * (data.inputs[:, :1] > 0.5)
    return replace(data, targets=((data.targets + again) * (data.inputs[:, :1] > 0.05)).astype(data.targets.dtype))


def test_multilabel_data_is_shown_without_a_right_class(stripes, tmp_path):
    plan = plan_on(stripes)
    splits = Splits(several(plan.splits.train), several(plan.splits.validation), several(plan.splits.test))
    run = Run.create(tmp_path / "1", plan.about)
    trainer = Trainer(run, replace(plan, splits=splits), lambda: None)
    trainer.step()
    state, data = until(lambda: trainer.state.step and trainer.state), splits.train
    assert data.multilabel
    assert first_look(splits).label is None
    assert (
        thought(state.weights.precise, as_cost("squared_error"), first_look(splits), data.labeled)[0]["answer"] is None
    )
    assert answers(state.weights.network, splits, "train", [0, 1])[1]["labels"].tolist() == [-1, -1]
    assert set(minibatch(state)[1]["batch_labels"].tolist()) == {-1}
    assert Questions().find(state, {"source": "train", "order": "cost"})[0]["total"] == len(data)
    for asked in ({"wrong": False}, {"label": 0}, {"order": "confidence"}):
        with pytest.raises(
            WrongValue, match="this data is multi-label: its examples can be found by row, cost or at random"
        ):
            Questions().find(state, {"source": "train", **asked})
    with pytest.raises(WrongValue, match="this data is multi-label: no example has one right class"):
        Questions().mistakes(state, {"source": "train"})
    _, arrays = lit(state, {"layer": 1, "neuron": 0, "source": "train"})
    a = state.weights.network.forward(data.inputs).activations[1][:, 0]
    for k in range(3):
        of = data.targets[:, k] > 0.5
        assert arrays["means"][k] == pytest.approx(a[of].mean(), rel=1e-5)
        assert arrays["shares"][k] == pytest.approx((a[of] > 0.5).mean())
        assert arrays["rows"][arrays["labels"] == k].tolist() == np.flatnonzero(of)[:4].tolist()
    counts = [each["count"] for each in described(splits)["classes"]]
    assert counts == sum((each.targets > 0.5).sum(axis=0) for each in (data, splits.validation, splits.test)).tolist()
    assert sampled(data, 2)["labels"].tolist() == [-1] * 6
    trainer.epoch()
    until(lambda: trainer.state.at[0] == 1)
    shown = until(lambda: [x for x in trainer.state.charts.arrays(10)[1]["validation_accuracy"] if np.isfinite(x)])
    at_end = evaluate(trainer.state.weights.network, splits.validation, as_cost("squared_error"))
    assert shown[-1] == pytest.approx(np.mean(at_end.accuracies), abs=1e-9)
    trainer.close()


def by_torch(trainer, settings, epoch, first, last, network):
    """Whether PyTorch's gradient of a minibatch is not 0, for each weight and bias: with its deformation and dropout."""
    torch = pytest.importorskip("torch")
    data = trainer.state.splits.train
    rows = order(len(data), settings.seed, epoch)[first:last]
    given = (
        data.inputs[rows]
        if settings.deform is None
        else Deformer(data.inputs, settings.deform, settings.seed)(rows, epoch)
    )
    a = torch.tensor(given.astype(np.float64))
    parameters = [
        torch.tensor(each.astype(np.float64), requires_grad=True)
        for layer in network.layers
        for each in (layer.weight, layer.bias)
    ]
    for l, activation in enumerate(network.activations):
        if l and settings.dropout:
            factors = Dropout(settings.dropout, settings.seed).factors(epoch, rows, l, a.shape[1])
            a = a * torch.tensor(factors)
        z = a @ parameters[2 * l].T + parameters[2 * l + 1]
        a = torch.relu(z) if activation.name == "relu" else torch.sigmoid(z)
    ((a - torch.tensor(data.targets[rows].astype(np.float64))) ** 2).sum(1).mean().backward()
    return np.concatenate([each.grad.numpy().ravel() for each in parameters]) != 0


CAUSES = {  # settings; what else moves parameters in the first step, and in the later ones
    "sgd": ({}, [], []),
    "weight decay": ({"weight_decay": 1e-3}, ["decay"], ["decay"]),
    # The images move on: what they asked for in the first step is kept of it in the second.
    "momentum": ({"momentum": 0.9}, [], ["earlier"]),
    "adam": ({"optimizer": "adam"}, [], ["earlier"]),
    "adamw": ({"optimizer": "adamw", "weight_decay": 1e-2}, ["decay"], ["decay", "earlier"]),
    "rmsprop": ({"optimizer": "rmsprop"}, [], []),  # what it keeps only divides
    "rmsprop, momentum": ({"optimizer": "rmsprop", "momentum": 0.5}, [], ["earlier"]),
    "clip": ({"clip": 1e-3, "dropout": 0.5}, [], []),
    "all": (
        {"momentum": 0.9, "weight_decay": 1e-3, "dropout": 0.5, "deform": "elastic(alpha=8,sigma=2)"},
        ["decay"], ["decay", "earlier"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CAUSES)
def test_why_parameters_moved_is_told_for_every_setting(stripes, tmp_path, name):
    given, first, second = CAUSES[name]
    plan = plan_on(stripes, {"batch_size": 3, "weight_decay": 0.0, **given}, hidden=["relu", "sigmoid"])
    images = plan.splits.train.inputs.copy()
    images[:, [0, 7, 8, 63]] = 0  # where no image has ink, none asks for anything
    images[::2, 9:12] = 0  # and here not all do: what one minibatch asked for, the next does not
    plan = replace(plan, splits=replace(plan.splits, train=replace(plan.splits.train, inputs=images)))
    run = Run.create(tmp_path / "1", plan.about)
    run.save(plan.checkpoint)
    trainer = Trainer(run, plan, lambda: None)
    others = []
    for number in range(3):
        trainer.step()
        batch = trainer.state.batch
        about, arrays = changes(trainer.state)
        moved = np.concatenate([each.ravel() for each in arrays.values()]) != 0
        asked = by_torch(trainer, batch.settings, 0, 3 * number, 3 * number + 3, batch.before.network)
        assert about["moved"] == moved.sum()
        assert about["asked"] == asked.sum() < asked.size
        assert about["followed"] == (moved & asked).sum()
        # Nothing moves without a cause, and a cause is only named where something moved by it.
        assert bool(about["others"]) == bool((moved & ~asked).any())
        others.append(about["others"])
    assert others[0] == first
    assert others[1] == others[2] == second
    # The same minibatch, done again: and it is told by its own settings, not by those of now.
    told = changes(trainer.state)[0]
    trainer.seek((0, 9))
    assert changes(trainer.state)[0] == told
    trainer.change({"optimizer": "sgd", "dropout": 0, "deform": "none", "cost": "absolute_error"})
    trainer.seek(trainer.state.at)
    assert changes(trainer.state)[0] == told
    trainer.close()


def test_of_a_very_large_minibatch_it_is_told_what_else_could_move(stripes, tmp_path, monkeypatch):
    monkeypatch.setattr("glassnet.studio.looks._ASKED", 10)
    trainer = Trainer(*run_on(tmp_path, stripes, {"momentum": 0.9, "weight_decay": 1e-3}), lambda: None)
    trainer.step()
    about, _ = changes(trainer.state)
    assert (about["asked"], about["followed"], about["others"]) == (None, None, ["decay"])
    trainer.step()
    assert changes(trainer.state)[0]["others"] == ["decay", "earlier"]
    # What RMSprop keeps of earlier steps only divides; and where all weights are 0, nothing decays, whatever the biases are.
    trainer.change({"optimizer": "rmsprop", "weight_decay": 0})
    trainer.step()
    trainer.step()
    assert changes(trainer.state)[0]["others"] == []
    trainer.change({"optimizer": "sgd", "momentum": 0, "weight_decay": 1e-3})
    for layer, size in ((1, 64), (2, 16), (3, 16)):
        for neuron in range(3 if layer == 3 else 16):
            trainer.edit(Edit("weights", layer, neuron, (0.0,) * size))
    trainer.step()
    assert any(layer.bias.any() for layer in trainer.state.batch.before.network.layers)
    assert changes(trainer.state)[0]["others"] == []
    trainer.close()
