"""Plans: a training from words, and one that is gone on with."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from glassnet import Checkpoint, Network, Run, Settings, WrongFile, WrongValue, load, recipe, train
from glassnet.data.deform import Affine, Elastic
from glassnet.data.pictures import Pictures
from glassnet.engine import ARITHMETIC
from glassnet.optimizers import SGD, Adam, Constant, Cosine, OneCycle
from glassnet.runs.plans import (
    answer_of,
    begun,
    changed,
    data_of,
    fingerprint,
    numbered,
    pictures_of,
    reopened,
    sources,
)


@pytest.fixture
def stripes(tmp_path):
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "a.npz", x_train=rng.random((60, 16)), y_train=np.arange(60) % 3)
    return str(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("changes", "optimizer"),
    [
        ({}, SGD(Cosine(1.5), weight_decay=1e-4)),
        ({"learning_rate": 0.5}, SGD(Cosine(0.5), weight_decay=1e-4)),
        ({"schedule": "constant"}, SGD(1.5, weight_decay=1e-4)),
        ({"schedule": "one_cycle", "momentum": 0.9, "nesterov": True, "clip": 2.0},
         SGD(OneCycle(1.5), momentum=0.9, nesterov=True, weight_decay=1e-4, clip=2.0)),
        ({"optimizer": "sgd"}, SGD(Cosine(1.5), weight_decay=1e-4)),
        ({"optimizer": "adam"}, Adam(Cosine(0.001))),
        ({"optimizer": "adam", "learning_rate": 0.01, "schedule": "constant"}, Adam(0.01)),
        ({"optimizer": "sgd(learning_rate=0.3, momentum=0.5)"}, SGD(Cosine(0.3), momentum=0.5)),
    ],
)  # fmt: skip
def test_settings_change_by_words(changes, optimizer):
    assert changed(Settings(), changes).optimizer == optimizer


def test_the_other_settings_change_too_and_a_constant_rate_stays_a_number():
    found = changed(Settings(), {"cost": "huber(delta=0.5)", "dropout": 0.1, "batch_size": 7, "epochs": 2})
    assert (str(found.cost), found.dropout, found.batch_size, found.epochs) == ("huber(delta=0.5)", 0.1, 7, 2)
    rated = replace(Settings(), optimizer=SGD(Constant(2.0)))
    assert changed(rated, {"momentum": 0.5}).optimizer == SGD(2.0, momentum=0.5)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"speed": 1}, "there is no setting 'speed': choose one of cost, optimizer, learning_rate"),
        ({"learning_rate": 0}, "learning rate must be a finite number above 0, got 0"),
        ({"optimizer": "adam", "momentum": 0.9}, "^momentum does not go with the optimizer adam: leave it out"),
        ({"optimizer": "adamw", "nesterov": True}, "^nesterov does not go with the optimizer adamw"),
        ({"optimizer": "lion"}, "unknown optimizer 'lion'"),
        ({"schedule": "linear"}, "unknown schedule 'linear'"),
        ({"epochs": 0}, "epochs must be a whole number"),
        ({"cost": "mse"}, "unknown cost 'mse'"),
        ({"deform": "bend"}, "^unknown deformation 'bend': choose one of affine, elastic"),
        ({"deform": "elastic(rotation=200)"}, "^rotation of elastic must be"),
    ],
)
def test_what_cannot_be_changed_is_one_sentence_that_names_no_option(changes, says):
    with pytest.raises(WrongValue, match=says) as caught:
        changed(Settings(), changes)
    assert "--" not in str(caught.value)


def test_the_deformation_changes_by_words():
    assert changed(Settings(), {}).deform is None
    assert changed(Settings(), {"deform": "elastic"}).deform == Elastic()
    mild = changed(Settings(), {"deform": "affine(rotation=15, shift=2)"})
    assert mild.deform == Affine(rotation=15, shift=2)
    assert replace(mild, deform=None) == Settings()  # nothing else has changed
    assert changed(mild, {"epochs": 3}).deform == mild.deform
    assert changed(mild, {"deform": Elastic(sigma=5)}).deform == Elastic(sigma=5)
    assert changed(mild, {"deform": "none"}).deform is None
    assert changed(mild, {"deform": None}).deform is None
    # A deformation of another kind begins with numbers of its own.
    assert changed(mild, {"deform": "elastic"}).deform == Elastic()


@pytest.fixture
def flat(tmp_path):
    """Data that are no images: 28 numbers each."""
    np.savez(tmp_path / "flat.npz", x_train=np.random.default_rng(0).random((60, 28)), y_train=np.arange(60) % 3)
    return str(tmp_path / "flat.npz")


def test_what_is_no_image_is_refused_before_there_is_a_network(flat):
    looked = []
    for base, changes in (("plain", {"deform": "affine"}), ("small", {})):
        with pytest.raises(
            WrongValue, match=r"^only square images can be deformed: 28 inputs are not a square"
        ) as caught:
            begun(recipe(base), changes, sources=[flat], check=looked.append)
        assert "--" not in str(caught.value)
    assert not looked
    assert begun(recipe("small"), {"deform": "none"}, sources=[flat]).checkpoint.settings.deform is None


def test_square_images_of_any_size_are_deformed(stripes):
    plan = begun(recipe("small"), {"deform": "elastic(sigma=1)", "epochs": 2}, sources=[stripes])
    assert plan.checkpoint.settings.deform == Elastic(sigma=1)
    assert plan.checkpoint.network.sizes == (16, 16, 16, 3)
    events = list(train(None, plan.splits.train, start=plan.checkpoint))
    assert events[-1].checkpoint.epoch == 2


@pytest.mark.parametrize(
    ("name", "given", "train_on", "held"),
    [
        ("plain", None, 50, 10),
        ("plain", 0, 60, None),
        ("small", None, 60, None),  # a record learns from all there is
        ("small", 12, 48, 12),
        ("small", 0.5, 30, 30),
        ("quick", None, 60, None),
    ],
)
def test_how_many_are_held_out_is_as_the_recipe_says_unless_one_says(stripes, tmp_path, name, given, train_on, held):
    plan = begun(recipe(name), {"epochs": 2}, sources=[stripes], validation=given)
    assert len(plan.splits.train) == plan.about["data"]["examples"] == train_on
    assert (None if plan.splits.validation is None else len(plan.splits.validation)) == held
    # The run says it, and is gone on with on the same examples.
    run = Run.create(tmp_path / "run", plan.about)
    run.save(plan.checkpoint)
    again = reopened(Run.open(run.path))
    assert fingerprint(again.splits.train) == fingerprint(plan.splits.train)
    assert (again.splits.validation is None) == (held is None)


def test_a_run_on_deformed_images_is_gone_on_with_or_without_them(stripes, tmp_path):
    plan = begun(recipe("small"), {"epochs": 2, "deform": "affine(shift=3)"}, sources=[stripes])
    run = Run.create(tmp_path / "run", plan.about)
    run.save(plan.checkpoint)
    assert reopened(Run.open(run.path)).checkpoint.settings.deform == Affine(shift=3)
    assert reopened(Run.open(run.path), {"deform": "elastic"}).checkpoint.settings.deform == Elastic()
    assert reopened(Run.open(run.path), {"deform": "none"}).checkpoint.settings.deform is None


def test_a_new_training_follows_its_recipe_and_its_data(stripes):
    plan = begun(recipe("modern"), {"epochs": 3}, sources=[stripes], validation=12, seed=4)
    network = plan.checkpoint.network
    assert network.sizes == (16, 128, 3)
    assert [str(each) for each in network.activations] == ["relu", "softmax"]
    assert (plan.checkpoint.settings.epochs, plan.checkpoint.settings.seed) == (3, 4)
    assert (len(plan.splits.train), len(plan.splits.validation)) == (48, 12)
    about = plan.about
    assert json.loads(json.dumps(about)) == about
    assert (about["recipe"], about["initializer"], about["classes"]) == ("modern", "he", ["0", "1", "2"])
    assert about["data"]["sources"] == [stripes]
    assert about["arithmetic"] == ARITHMETIC
    again = begun(recipe("modern"), sources=[stripes], validation=12, seed=4)
    assert np.array_equal(again.checkpoint.network.layers[0].weight, network.layers[0].weight)
    assert again.about["data"]["fingerprint"] == about["data"]["fingerprint"]


def test_what_is_asked_for_takes_the_recipes_place(stripes):
    plan = begun(
        recipe("plain"),
        {"cost": "cross_entropy"},
        sizes=[16, 5, 4, 3],
        hidden=["relu", "leaky_relu(alpha=0.2)"],
        initializer="he",
        sources=[stripes],
    )
    names = [str(each) for each in plan.checkpoint.network.activations]
    assert names == ["relu", "leaky_relu(alpha=0.2)", "softmax"]  # the cost brings the output it was made for
    assert plan.about["initializer"] == "he"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"sizes": [16, 5, 4]}, "sizes 16,5,4 do not fit the data, which has 16 numbers .* 3 classes: use 16,5,3"),
        ({"hidden": ["relu", "tanh", "relu"]}, "2 hidden layers, but 3 hidden activations"),
        ({"output": "relu", "changes": {"cost": "cross_entropy"}}, "change one of the two"),
        ({"validation": 1.5}, "validation must be a count, a share below 1, or 0 for none; got 1.5"),
        ({"validation": float("nan")}, "validation must be"),
        ({"seed": -1}, "seed must be"),
        ({"initializer": "ones"}, "unknown initializer"),
    ],
)
def test_what_does_not_fit_is_refused(stripes, options, says):
    with pytest.raises(WrongValue, match=says) as caught:
        begun(recipe("plain"), sources=[stripes], **options)
    assert "--" not in str(caught.value)


@pytest.mark.parametrize(
    ("y", "options", "says"),
    [
        ([0.5, 7.5, 9.5], {"changes": {"cost": "cross_entropy"}, "output": "softmax"}, "a single output after softmax"),
        ([0.5, 7.5, 9.5], {"changes": {"cost": "binary_cross_entropy"}}, "needs targets from 0 to 1, but example"),
        ([[0.5, 7.5], [1, 0], [0, 1]], {"changes": {"cost": "cross_entropy"}}, "to sum to 1, but example"),
        ([0.5, 0.5, 0.5], {}, "have the same target"),
        ([0.1, 0.5, 0.9], {"hidden": ["softmax"], "sizes": [4, 1, 1]}, "layer 1 is a single neuron after softmax"),
    ],
)
def test_data_that_cannot_be_learned_is_refused_before_there_is_a_plan(tmp_path, y, options, says):
    rows = np.asarray(y)[np.arange(60) % 3]
    np.savez(tmp_path / "a.npz", x=np.random.default_rng(0).random((60, 4)), y=rows)
    with pytest.raises(WrongValue, match=says):
        begun(recipe("plain"), sources=[str(tmp_path / "a.npz")], **options)
    held = {"x_val": np.zeros((2, 4)), "y_val": np.full((2, 2), 7)}
    good = np.asarray([[0.5, 0.5], [1, 0]])[np.arange(60) % 2]
    np.savez(tmp_path / "b.npz", x=np.random.default_rng(0).random((60, 4)), y=good, **held)
    with pytest.raises(WrongValue, match=r"cross_entropy needs .* but example 0 has 7, 7"):  # of those to validate
        begun(recipe("plain"), {"cost": "cross_entropy"}, sources=[str(tmp_path / "b.npz")])


def test_settings_that_do_not_fit_are_refused_before_the_data_is_read():
    with pytest.raises(WrongValue, match="change one of the two"):
        begun(recipe("plain"), {"cost": "cross_entropy"}, output="relu", sources=["nowhere"])
    with pytest.raises(WrongFile, match="nowhere does not exist"):
        begun(recipe("plain"), sources=["nowhere"])


def test_a_run_is_gone_on_with_as_it_was(stripes, tmp_path):
    plan = begun(recipe("plain"), sources=[stripes], validation=10)
    run = Run.create(numbered(tmp_path / "runs"), plan.about)
    run.save(plan.checkpoint)
    before = {path.name: path.read_bytes() for path in run.path.iterdir()}
    again = reopened(Run.open(run.path), {"epochs": 99})
    assert again.checkpoint.settings == replace(plan.checkpoint.settings, epochs=99)
    assert np.array_equal(again.checkpoint.network.layers[0].weight, plan.checkpoint.network.layers[0].weight)
    assert np.array_equal(again.splits.validation.inputs, plan.splits.validation.inputs)
    assert {path.name: path.read_bytes() for path in run.path.iterdir()} == before  # nothing was written
    assert numbered(tmp_path / "runs").name == "2"


@pytest.mark.parametrize("how", [None, Pictures(), Pictures(10, center=False)])
def test_a_run_remembers_how_its_pictures_became_inputs(tmp_path, rng, how):
    for name in "ab":
        (tmp_path / "images" / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.zeros((20, 30), np.uint8)
            pixels[4:16, 5:25] = rng.integers(1, 256, (12, 20))
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{number}.png")
    plan = begun(recipe("plain"), sources=[str(tmp_path / "images")], pictures=how)
    assert plan.splits.pictures == (how or Pictures())
    assert plan.about["data"].get("pictures") == ({"side": 10, "center": False} if how and not how.center else None)
    run = Run.create(tmp_path / "run", plan.about)
    run.save(plan.checkpoint)
    assert pictures_of(run) == (how if how == Pictures(10, center=False) else None)
    again = reopened(Run.open(tmp_path / "run"))
    assert np.array_equal(again.splits.train.inputs, plan.splits.train.inputs)
    assert again.splits.pictures == plan.splits.pictures


@pytest.mark.parametrize("said", [{"side": 3}, {"side": "28"}, {"sides": 28}, [28, True], "whole", {"center": 1}])
def test_a_run_that_says_nonsense_of_its_pictures_is_refused(stripes, tmp_path, said):
    plan = begun(recipe("plain"), sources=[stripes])
    plan.about["data"]["pictures"] = said
    run = Run.create(tmp_path / "run", plan.about)
    with pytest.raises(WrongFile, match=r"run\.json does not say"):
        data_of(run)


def test_a_run_that_took_whole_floats_for_numbers_takes_them_for_numbers_again(tmp_path):
    """Runs of earlier versions did; today a new one takes them for classes."""
    x = np.random.default_rng(0).random((60, 5)).astype(np.float32)
    path = tmp_path / "counts.npz"
    np.savez(path, x=x, y=np.floor(4 * x[:, :1]))
    new = begun(recipe("plain"), {"epochs": 1}, sources=[str(path)])
    assert new.splits.train.classes is not None
    old = load(path, numbers=True)
    assert old.train.classes is None
    data = {**new.about["data"], "fingerprint": fingerprint(old.train)}
    del data["others"]
    about = {**new.about, "classes": None, "data": data}
    network = Network.random((5, 3, 1), output="identity")
    settings = Settings()
    run = Run.create(
        tmp_path / "run", about, Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    )
    again = reopened(run)
    assert again.splits.train.classes is None
    assert again.splits.notes == ()


def test_other_data_or_none_is_refused(stripes, tmp_path):
    plan = begun(recipe("plain"), sources=[stripes], validation=10)
    run = Run.create(tmp_path / "run", plan.about)
    run.save(plan.checkpoint)
    np.savez(stripes, x_train=np.ones((60, 16)), y_train=np.arange(60) % 3)
    with pytest.raises(WrongFile, match=r"is not what it was trained on\. Bring it back, or say where that very"):
        reopened(run)
    for data in (None, {}, {"sources": "mnist", "validation": 0, "seed": 0}, {"sources": [3], "validation": 0, "seed": 0},
                 {"sources": ["mnist"], "validation": "a", "seed": 0}):  # fmt: skip
        with pytest.raises(WrongFile, match="does not say which data"):
            data_of(Run(run.path, {"data": data}))


def test_something_else_can_be_done_while_the_fingerprints_are_taken(stripes):
    done = []
    plan = begun(recipe("plain"), sources=[stripes], meanwhile=lambda: done.append(threading.current_thread()))
    assert done == [threading.current_thread()]
    assert plan.about["data"]["fingerprint"] == fingerprint(plan.splits.train)


def test_nothing_else_is_done_where_the_training_is_refused(stripes):
    def never():
        raise AssertionError("it should have been refused before")

    with pytest.raises(WrongValue, match="do not fit the data"):
        begun(recipe("plain"), sources=[stripes], sizes=(17, 5, 3), meanwhile=never)
    with pytest.raises(WrongFile):
        begun(recipe("plain"), sources=[f"{stripes}.not"], meanwhile=never)


def test_a_fingerprint_tells_data_apart(few):
    assert fingerprint(few[0]) == fingerprint(few[0].take(slice(None)))
    assert fingerprint(few[0]) != fingerprint(few[1])
    assert len(fingerprint(few[0])) == 32


def test_sources_are_separated_at_commas_unless_there_is_such_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b").touch()
    assert sources(None) == ["mnist"]
    assert sources(["a,b", "c,d", "mnist"]) == [str(tmp_path / name) for name in ("a,b", "c", "d")] + ["mnist"]


def test_a_network_alone_is_asked_the_compiled_way_where_there_is_one(few):
    network = Network.random()
    x = few[0].inputs[:5]
    np.testing.assert_allclose(answer_of(network)(x)[1], network(x), atol=1e-6)
    assert answer_of(Network.random(xp=pytest.importorskip("array_api_strict"))) is None


@pytest.mark.parametrize("inputs", [784, 2**16 + 1])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_who_cannot_wait_gets_the_compiled_way_only_once_it_is_loaded(monkeypatch, inputs, dtype):
    monkeypatch.setattr("glassnet.machine.compiled._loaded", set())
    network = Network.random((inputs, 2, 3), dtype=dtype)
    x = np.ones((1, inputs), dtype)
    assert answer_of(network, loaded=True) is None
    patient = answer_of(network)
    np.testing.assert_array_equal(answer_of(network, loaded=True)(x)[1], patient(x)[1])
    # What is loaded is loaded for numbers of this type alone.
    other = Network.random((inputs, 2, 3), dtype=np.float64 if dtype is np.float32 else np.float32)
    assert answer_of(other, loaded=True) is None


def test_who_cannot_wait_is_not_told_of_a_way_that_there_is_not():
    assert answer_of(Network.random(xp=pytest.importorskip("array_api_strict")), loaded=True) is None
