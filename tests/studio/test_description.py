"""The description of a run: what the page is told, and that it is true."""

import json
from pathlib import Path

import numpy as np
import pytest
from small_run import npz, numbers_npz, run_on

import glassnet
from glassnet import RECIPES, Network, Settings, WrongValue
from glassnet.activations import ACTIVATIONS
from glassnet.costs import as_cost, check_fit
from glassnet.data.deform import Affine, Elastic, as_deformation
from glassnet.runs.edits import Edit
from glassnet.runs.recipes import PRETRAINED
from glassnet.studio.description import (
    choices,
    code_of,
    curve,
    described,
    marks,
    named,
    plain_settings,
    sources_of,
)
from glassnet.studio.trainer import Trainer, bookmarks

SOURCE = Path(glassnet.__file__).parent


def test_a_run_is_described(tmp_path):
    trainer = Trainer(*run_on(tmp_path, npz(tmp_path), {"clip": 2.0}), lambda: None)
    told = described(trainer.state)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert (told["type"], told["run"], told["name"], told["path"]) == ("run", 1, "1", str(tmp_path / "1"))
    assert (told["sizes"], told["count"], told["side"]) == ([64, 16, 16, 3], 1363, 8)
    assert told["classes"] == ["0", "1", "2"]
    assert told["data"] == {"sources": [str(tmp_path / "stripes.npz")], "train": 200, "validation": 40, "test": 40}
    assert (told["recipe"], told["initializer"], told["engine"], told["from"]) == ("plain", "glorot", "fused", None)
    assert told["settings"] == {
        "cost": "squared_error", "optimizer": "sgd", "learning_rate": 1.5, "schedule": "cosine", "momentum": 0.0,
        "nesterov": False, "weight_decay": 1e-4, "clip": 2.0, "dropout": 0.0, "deform": "none", "batch_size": 10,
        "epochs": 5,
    }  # fmt: skip
    trainer.close()


def test_data_to_choose_from_has_short_names_that_differ():
    images = ["/a/images.idx", "/a/labels.idx"]
    assert named([["mnist"], images]) == [
        {"sources": ["mnist"], "name": "MNIST"},
        {"sources": images, "name": "images.idx, labels.idx"},
    ]
    assert [each["name"] for each in named([["/a/digits"], ["/b/digits"], ["/b/letters"]])] == [
        "/a/digits",
        "/b/digits",
        "letters",
    ]
    given = "/home/data/1/shapes-28.npz"
    assert named([[given]], {given: "shapes.zip"}.get)[0]["name"] == "shapes.zip"


@pytest.mark.parametrize("about", [{}, {"data": 7}, {"data": {}}, {"data": {"sources": "mnist"}}], ids=str)
def test_a_description_that_does_not_say_its_data_has_none(about):
    assert sources_of(about) == []


def test_numbers_to_predict_have_no_classes_and_no_side(tmp_path):
    trainer = Trainer(*run_on(tmp_path, numbers_npz(tmp_path), output="identity", validation=0), lambda: None)
    told = described(trainer.state)
    assert (told["classes"], told["side"]) == (None, None)
    assert told["data"] == {"sources": [str(tmp_path / "numbers.npz")], "train": 60, "validation": 0, "test": 0}
    trainer.close()


def test_what_an_optimizer_lacks_is_left_out():
    settings = plain_settings(RECIPES["modern"].settings)
    assert settings["clip"] is None
    assert "momentum" in settings
    from glassnet.runs.plans import changed

    assert "momentum" not in plain_settings(changed(RECIPES["modern"].settings, {"optimizer": "adam"}))


@pytest.mark.parametrize(
    ("deform", "text"),
    [
        (None, "none"),
        (Affine(), "affine"),
        (Affine(rotation=12.5, shift=2.0), "affine(rotation=12.5, shift=2)"),
        (Elastic(alpha=100.0, sigma=0.05, shear=0.0), "elastic(shear=0, alpha=100, sigma=0.05)"),
    ],
    ids=str,
)
def test_a_deformation_is_a_text_that_makes_it_again(deform, text):
    assert plain_settings(Settings(deform=deform))["deform"] == text
    assert as_deformation(text) == deform


def test_the_choices_are_those_there_are():
    told = choices()
    for cost, outputs in told["outputs"].items():
        for name, activation in ACTIVATIONS.items():
            if name in outputs:
                check_fit(as_cost(cost), activation())
            else:
                with pytest.raises(WrongValue):
                    check_fit(as_cost(cost), activation())
    assert [each["name"] for each in told["recipes"]] == list(RECIPES)
    recipes = {each["name"]: each for each in told["recipes"]}
    assert recipes["modern"]["hidden"] == "relu"
    assert (recipes["plain"]["validation"], recipes["small"]["validation"]) == (1 / 6, 0)
    assert told["pretrained"] == list(PRETRAINED)
    assert told["deformations"] == ["none", "affine", "elastic"]
    assert told["optimizers"]["adam"] == ["learning_rate", "weight_decay", "clip"]


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_lines_of_code_are_those_in_the_files(name):
    hidden = "sigmoid" if name == "softmax" else name
    network = Network.random((4, 3, 2), hidden=hidden, output=name)
    code = code_of(network)
    for line in (code["z"], code["a"], *code["values"]):
        written = (SOURCE / line["file"]).read_text(encoding="utf-8").splitlines()[line["line"] - 1]
        assert written.strip() == line["text"]
    assert code["z"]["file"] == "network.py"
    assert "layer.weight.T + layer.bias" in code["z"]["text"]
    assert "activation.value(zs[-1])" in code["a"]["text"]
    assert code["values"][1]["text"].startswith("return ")


def test_a_curve_is_the_activation():
    told = curve(ACTIVATIONS["sigmoid"]())
    assert len(told["z"]) == len(told["a"]) == 161
    assert (told["z"][0], told["z"][80], told["z"][-1]) == (-8, 0, 8)
    np.testing.assert_allclose(told["a"], 1 / (1 + np.exp(-np.array(told["z"]))))
    assert curve(ACTIVATIONS["softmax"]()) is None


def test_what_was_done_along_a_run_is_marked(tmp_path):
    trainer = Trainer(*run_on(tmp_path, npz(tmp_path)), lambda: None)
    trainer.step()
    trainer.change({"learning_rate": 0.5, "batch_size": 20})
    trainer.step()
    trainer.edit(Edit("bias", 1, 7, (2.0,)))
    trainer.edit(Edit("mute", 2, 0))
    trainer.state.run.note(bookmarks=[{"bookmark": 3, "name": "here", "at": [0, 10]}, {"name": "damaged"}, 7])
    settings, bookmark, edit = marks(trainer.state)
    assert (settings["kind"], settings["at"], settings["step"]) == ("settings", [0, 10], 1)
    assert settings["values"] == {"learning_rate": 0.5, "batch_size": 20}
    assert settings["text"] == "learning rate 0.5, batch size 20"
    assert (bookmark["kind"], bookmark["text"], bookmark["bookmark"]) == ("bookmark", "here", 3)
    assert (edit["kind"], edit["at"], edit["text"]) == ("edit", [0, 30], "2 edits by hand")
    assert described(trainer.state)["marks"] == [settings, bookmark, edit]
    trainer.close()


@pytest.mark.parametrize(
    "about", [{}, {"bookmarks": 1}, {"bookmarks": [{"bookmark": 1, "name": "x", "at": [1]}]}], ids=str
)
def test_bookmarks_that_cannot_be_are_left_out(about):
    assert bookmarks(about) == []
