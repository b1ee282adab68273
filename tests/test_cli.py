"""The command line, in this process where that is enough, in its own where signals or exit codes matter."""

import contextlib
import gzip
import io
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from glassnet import (
    RECIPES,
    SGD,
    Checkpoint,
    Dataset,
    Layer,
    Network,
    Run,
    Settings,
    Splits,
    as_input,
    cli,
    read_network,
    save_network,
)  # fmt: skip
from glassnet.activations import as_activation
from glassnet.costs import Huber
from glassnet.data.deform import Affine, Elastic
from glassnet.data.pictures import Pictures
from glassnet.engine import ARITHMETIC
from glassnet.machine import compiled
from glassnet.runs import plans

QUICK = ["--epochs", "1", "--batch-size", "100"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Each test in an empty folder of its own, with a wide console."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def glassnet(capsys, *arguments):
    """Run a command; its exit code, its output, its errors."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(argument) for argument in arguments])
    shown = capsys.readouterr()
    return caught.value.code, shown.out, shown.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of the default network, one quick epoch."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    with pytest.raises(SystemExit) as caught:
        cli.main(["train", "--epochs", "2", "--batch-size", "20", "--out", str(folder)])
    assert caught.value.code == 0
    return folder


def small_idx(folder, count=120, size=8, classes=3):
    """A small data set in MNIST's format: bright quarters of an image, one for each class."""
    rng = np.random.default_rng(0)
    for name, n in (("train", count), ("t10k", 40)):
        labels = rng.integers(0, classes, n).astype(np.uint8)
        images = rng.integers(0, 40, (n, size, size)).astype(np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[: size // 2, label * 2 : label * 2 + 3] += 200
        (folder / f"{name}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, n, size, size) + images.tobytes())
        (folder / f"{name}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, n) + labels.tobytes())


def drawing(path, digit, index=1, invert=False):
    """One of MNIST's test digits as a large picture of a small digit off its center (the first 3 is a hard one)."""
    from glassnet import mnist

    test = mnist().test
    pixels = test.inputs[np.flatnonzero(test.labels == digit)[index]].reshape(28, 28)
    image = Image.fromarray((pixels * 255).astype(np.uint8)).resize((200, 200))
    canvas = Image.new("L", (640, 480))
    canvas.paste(image, (30, 250))
    if invert:
        canvas = Image.eval(canvas, lambda value: 255 - value)
    canvas.save(path)


def test_the_default_is_the_network_of_the_series(trained, capsys):
    code, out, _ = glassnet(capsys, "info", trained)
    assert code == 0
    assert "784-16-16-10 sigmoid" in out
    assert "13,002 = 12,960 weights + 42 biases" in out
    assert f", arithmetic {ARITHMETIC}, NumPy {np.__version__}" in out
    code, out, _ = glassnet(capsys, "info", trained, "--json")
    told = json.loads(out)
    assert told["about"]["arithmetic"] == ARITHMETIC
    assert (told["sizes"], told["count"]) == ([784, 16, 16, 10], 13_002)
    assert (told["weights"], told["biases"]) == (12_960, 42)
    assert told["settings"]["cost"]["name"] == "squared_error"
    assert [epoch["epoch"] for epoch in told["epochs"]] == [1, 2]


def test_train_evaluate_info_on_data_of_ones_own(here, capsys):
    small_idx(here)
    code, out, err = glassnet(capsys, "train", "--data", here, "--sizes", "64,6,3", "--epochs", "20", "--out", "run")
    assert code == 0, err
    assert re.search(r"saved in run; next: \S*glassnet evaluate run", out)
    assert "epoch 20/20" in err
    code, out, _ = glassnet(capsys, "evaluate", "run", "--json")
    judged = json.loads(out)
    assert judged["accuracy"] > 0.9
    assert np.sum(judged["confusion"]) == judged["examples"] == 40
    assert len(judged["mistakes"]) == round((1 - judged["accuracy"]) * 40)
    code, out, _ = glassnet(capsys, "evaluate", "run", "--part", "validation")
    assert "validation accuracy" in out
    assert "truth ↓" in out


def test_evaluate_shows_accuracy_table_and_mistakes(trained, capsys):
    code, out, _ = glassnet(capsys, "evaluate", trained)
    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("test accuracy 9")
    assert "of 10,000 right; squared_error 0." in lines[0]
    assert sum(bool(re.match(r"\d  .*%\s*$", line)) for line in lines) == 10  # a row for each digit
    assert out.count("it says") == 10
    assert out.count("@") > 200  # and they are drawn


def test_evaluate_prints_the_accuracy_of_each_class_of_multilabel_data(here, capsys, monkeypatch):
    x = np.random.default_rng(0).random((40, 3)).astype(np.float32)
    y = (x > 0.5).astype(np.float32)  # three questions, none of which has to do with the others
    data = Dataset(x, y, classes=("cat", "dog", "hat"))
    echo = Network(
        (Layer(np.eye(3, dtype=np.float32), np.array([0, 0, 0.5], np.float32)),), (as_activation("identity"),)
    )
    save_network("echo.safetensors", echo, {"classes": list(data.classes)})
    monkeypatch.setattr("glassnet.cli.evaluate.load", lambda *_, **__: Splits(data, None, data))
    code, out, _ = glassnet(capsys, "evaluate", "echo.safetensors", "--data", "any.npz")
    third = float((y[:, 2] == (x[:, 2] > 0)).mean())  # the bias makes a yes of every answer
    assert code == 0
    assert out.startswith(
        f"test accuracy {(2 + third) / 3:.2%}: the mean over 3 classes, on 40 examples; squared_error"
    )
    assert [line.split() for line in out.splitlines()[2:] if line] == [
        ["cat", "100.00%"], ["dog", "100.00%"], ["hat", f"{third:.2%}"]
    ]  # fmt: skip
    code, out, _ = glassnet(capsys, "evaluate", "echo.safetensors", "--data", "any.npz", "--json")
    told = json.loads(out)
    assert (told["classes"], told["accuracies"]) == (["cat", "dog", "hat"], [1, 1, pytest.approx(third)])
    assert told["accuracy"] == pytest.approx((2 + third) / 3)
    assert "confusion" not in told
    with monkeypatch.context() as patched:
        patched.setattr("glassnet.cli.explain.load", lambda *_, **__: Splits(data, None, data))
        code, _, err = glassnet(capsys, "explain", "echo.safetensors", "mistakes", "--data", "any.npz")
    assert (code, "this data is multi-label" in " ".join(err.split())) == (2, True)


def test_predict_is_right_about_large_small_light_and_dark(trained, here, capsys):
    drawing("light.png", 3)
    drawing("dark.jpg", 3, invert=True)
    drawing("zero.gif", 0)
    drawing("one.webp", 1)
    drawing("seven.bmp", 7)
    names = ["light.png", "dark.jpg", "zero.gif", "one.webp", "seven.bmp"]
    code, out, _ = glassnet(capsys, "predict", trained, *names, "--json")
    told = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [each["answer"] for each in told] == ["3", "3", "0", "1", "7"]
    assert all(sorted(each["activations"]) == list("0123456789") for each in told)
    assert told[0]["activations"]["3"] == pytest.approx(told[1]["activations"]["3"], abs=0.05)


def test_predict_draws_what_it_sees_and_ten_bars(trained, here, capsys):
    drawing("three.png", 3)
    code, out, _ = glassnet(capsys, "predict", trained, "three.png")
    assert code == 0
    assert out.splitlines()[0] == "3"
    assert sum("0." in line or "1.000" in line for line in out.splitlines()) == 10
    assert "█" in out
    assert "@" in out


def test_pictures_are_made_as_those_were_that_the_run_learned_from(here, capsys):
    rng = np.random.default_rng(0)
    network = Network.random((64, 4, 2))
    how = Pictures(8, center=False)
    run = Run.create("whole", {"data": {"pictures": {"side": 8, "center": False}}, "classes": ["a", "b"]})
    run.save(Checkpoint(network, SGD().init(network.layers), 0, 0, Settings()))
    photo = Image.fromarray(rng.integers(0, 255, (20, 20), dtype=np.uint8))
    photo.save("photo.png")
    told = json.loads(glassnet(capsys, "predict", "whole", "photo.png", "--json")[1])
    expected = network(how.input(photo)[None])[0]
    np.testing.assert_allclose(list(told["activations"].values()), expected, rtol=1e-5)
    assert not np.allclose(expected, network(as_input(photo, 8)[None])[0], rtol=1e-3)


def test_predict_reads_stdin(trained, here, monkeypatch, capsys):
    drawing("three.png", 3)

    class Stdin:
        buffer = io.BytesIO((here / "three.png").read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    code, out, _ = glassnet(capsys, "predict", trained, "-", "--json")
    assert code == 0
    assert json.loads(out)["answer"] == "3"


def test_predict_goes_on_after_a_bad_image(trained, here, capsys):
    drawing("three.png", 3)
    (here / "notes.png").write_text("not an image")
    Image.new("L", (50, 50), 255).save("blank.png")
    code, out, err = glassnet(
        capsys, "predict", trained, "notes.png", "missing.png", "blank.png", "three.png", "--json"
    )
    assert code == 1
    assert json.loads(out)["answer"] == "3"
    assert len(err.strip().splitlines()) == 3
    assert "notes.png is not an image" in err
    assert "cannot read missing.png: No such file" in err
    assert "blank.png: the image is blank" in err


def test_a_network_file_alone_is_enough(trained, here, capsys):
    file = trained / "checkpoint.safetensors"
    drawing("three.png", 3)
    assert glassnet(capsys, "predict", file, "three.png", "--json")[0] == 0
    code, out, _ = glassnet(capsys, "info", file)
    assert code == 0
    assert "13,002" in out
    assert "2 of 2 epochs, 5,000 steps" in out  # a checkpoint knows how it was trained
    code, out, _ = glassnet(capsys, "evaluate", file)
    assert code == 0
    assert "test accuracy" in out


def test_every_option_reaches_the_training(here, capsys):
    small_idx(here)
    code, _, err = glassnet(
        capsys, "train", "--data", here, "--sizes", "64,7,5,3", "--hidden", "relu,leaky_relu(alpha=0.2)",
        "--output", "softmax", "--cost", "cross_entropy", "--initializer", "he", "--optimizer", "sgd",
        "--learning-rate", "0.05", "--schedule", "one_cycle", "--momentum", "0.8", "--nesterov",
        "--weight-decay", "0.001", "--clip", "2", "--dropout", "0.1", "--batch-size", "16", "--epochs", "3",
        "--seed", "4", "--validation", "30", "--patience", "2", "--engine", "reference", "--out", "run",
        "--deform", "affine(rotation=15,shift=2)",
    )  # fmt: skip
    assert code == 0, err
    _, out, _ = glassnet(capsys, "info", "run", "--json")
    told = json.loads(out)
    assert told["sizes"] == [64, 7, 5, 3]
    assert [layer["activation"] for layer in told["layers"]] == ["relu", "leaky_relu(alpha=0.2)", "softmax"]
    optimizer = told["settings"]["optimizer"]
    assert optimizer["name"] == "sgd"
    assert optimizer["learning_rate"] == {"name": "one_cycle", "rate": 0.05, "portion": 0.3, "start": 25.0, "end": 1e4}
    assert (optimizer["momentum"], optimizer["nesterov"]) == (0.8, True)
    assert (optimizer["weight_decay"], optimizer["clip"]) == (0.001, 2.0)
    settings = told["settings"]
    assert (settings["dropout"], settings["batch_size"], settings["epochs"], settings["seed"]) == (0.1, 16, 3, 4)
    assert settings["deform"] == {"name": "affine", "rotation": 15.0, "shear": 0.1, "scale": 0.1, "shift": 2.0}
    assert told["about"]["initializer"] == "he"
    assert told["about"]["data"]["examples"] == 90


def test_a_cost_brings_its_output_and_an_optimizer_its_rate(here, capsys):
    small_idx(here)
    code, _, _ = glassnet(
        capsys,
        "train",
        "--data",
        here,
        "--cost",
        "cross_entropy",
        "--optimizer",
        "adam",
        "--epochs",
        "1",
        "--out",
        "run",
    )
    assert code == 0
    told = json.loads(glassnet(capsys, "info", "run", "--json")[1])
    assert told["layers"][-1]["activation"] == "softmax"
    assert told["settings"]["optimizer"]["learning_rate"]["rate"] == 0.001
    assert told["sizes"] == [64, 16, 16, 3]


@pytest.mark.parametrize(
    ("recipe", "given", "expected"),
    [
        ("plain", [], None),
        ("plain", ["--deform", "elastic"], Elastic()),
        ("plain", ["--deform", "affine(rotation=15)"], Affine(rotation=15.0)),
        ("small", ["--deform", "affine( scale = 0.2 , shear=0 )"], Affine(scale=0.2, shear=0.0)),
        ("small", [], RECIPES["small"].settings.deform),
        ("small", ["--deform", "none"], None),
        ("plain", ["--deform", "none"], None),
    ],
)
def test_images_are_deformed_as_the_recipe_says_unless_one_says(here, capsys, recipe, given, expected):
    small_idx(here)
    arguments = ["train", "--data", here, "--recipe", recipe, "--epochs", "2", *given, "--out", "run"]
    code, _, err = glassnet(capsys, *arguments)
    assert code == 0, err
    assert Run.open("run").checkpoint().settings.deform == expected
    shown = " ".join(err.split())
    assert ("deformed in each epoch:" in shown) == (expected is not None)
    if expected is not None:
        assert f"deformed in each epoch: {expected}" in shown


def test_a_run_on_deformed_images_is_the_same_in_one_go_and_in_two(here, capsys):
    small_idx(here)
    common = ["--data", here, "--sizes", "64,6,3", "--schedule", "constant", "--deform", "elastic(sigma=2)"]
    assert glassnet(capsys, "train", *common, "--epochs", "4", "--out", "whole")[0] == 0
    assert glassnet(capsys, "train", *common, "--epochs", "2", "--out", "parts")[0] == 0
    assert glassnet(capsys, "train", "--out", "parts", "--resume", "--epochs", "4")[0] == 0
    one, other = (Run.open(name).checkpoint() for name in ("whole", "parts"))
    assert one.settings == other.settings
    assert all(
        np.array_equal(a.weight, b.weight) for a, b in zip(one.network.layers, other.network.layers, strict=True)
    )


def test_resume_with_another_deformation_and_with_none(here, capsys):
    small_idx(here)
    glassnet(capsys, "train", "--data", here, "--sizes", "64,6,3", "--epochs", "1", "--out", "run")
    asked = (["--deform", "elastic"], [], ["--deform", "affine(shift=2)"], ["--deform", "none"], [])
    for number, given in enumerate(asked, start=2):
        code, _, err = glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", number, *given)
        assert code == 0, err
    started = [event["settings"]["deform"] for event in Run.open("run").events() if event["event"] == "started"]
    names = [None if each is None else each["name"] for each in started]
    assert names == [None, "elastic", "elastic", "affine", None, None]
    assert started[3]["shift"] == 2
    code, _, err = glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", "9", "--deform", "bend")
    assert (code, "unknown deformation 'bend'" in err) == (2, True)
    assert Run.open("run").checkpoint().epoch == 6  # as it was


def test_what_is_no_image_cannot_be_deformed_midway_either(here, capsys):
    np.savez("flat.npz", x=np.random.default_rng(0).random((60, 28)).astype(np.float32), y=np.arange(60) % 3)
    assert glassnet(capsys, "train", "--data", "flat.npz", "--epochs", "2", "--out", "run")[0] == 0
    kept = {path.name: path.read_bytes() for path in Path("run").iterdir() if path.name != "run.json"}
    code, out, err = glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", "4", "--deform", "affine")
    assert (code, out) == (2, "")
    assert err.strip().startswith("error: only square images can be deformed: 28 inputs are not a square")
    assert {path.name: path.read_bytes() for path in Path("run").iterdir() if path.name != "run.json"} == kept


@pytest.mark.parametrize(
    ("recipe", "given", "examples", "judged"),
    [
        ("plain", [], 100, True),
        ("plain", ["--validation", "0"], 120, False),
        ("small", [], 120, False),
        ("small", ["--validation", "30"], 90, True),
        ("quick", ["--validation", "0.25"], 90, True),
        ("quick98", [], 120, False),
    ],
)
def test_how_many_are_held_out_is_as_the_recipe_says_unless_one_says(here, capsys, recipe, given, examples, judged):
    small_idx(here)
    arguments = ["train", "--data", here, "--recipe", recipe, "--epochs", "2", *given, "--out", "run"]
    code, out, err = glassnet(capsys, *arguments)
    assert code == 0, err
    assert f"{examples} examples to train" in " ".join(err.split())
    assert ("validation accuracy" in out) == judged
    epochs = [event for event in Run.open("run").events() if event["event"] == "epoch"]
    assert [event.get("validation_cost") is not None for event in epochs] == [judged] * 2


def test_patience_needs_examples_held_out_which_a_record_has_none_of(here, capsys):
    small_idx(here)
    common = ["train", "--data", here, "--recipe", "quick", "--epochs", "3", "--patience", "1"]
    code, out, err = glassnet(capsys, *common)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert err.startswith("error: --patience needs validation examples")
    assert not Path("runs").exists()
    code, _, err = glassnet(capsys, *common, "--validation", "30", "--out", "held")
    assert code == 0, err


def test_runs_are_numbered(here, capsys):
    small_idx(here)
    for number in (1, 2):
        code, out, _ = glassnet(capsys, "train", "--data", here, "--epochs", "1")
        assert code == 0
        assert f"saved in {os.path.join('runs', str(number))}" in out


def test_resume_goes_on_with_more_epochs_and_other_settings(here, capsys):
    small_idx(here)
    glassnet(capsys, "train", "--data", here, "--epochs", "2", "--out", "run")
    code, _, err = glassnet(capsys, "train", "--out", "run", "--resume")
    assert code == 2
    assert "all its 2 epochs are trained; give more by --epochs 4" in err
    code, _, _ = glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", "3", "--learning-rate", "0.1")
    assert code == 0
    events = Run.open("run").events()
    assert [event["epoch"] for event in events if event["event"] == "epoch"] == [1, 2, 3]
    assert events[-1]["event"] == "finished"
    started = [
        event["settings"]["optimizer"]["learning_rate"]["rate"] for event in events if event["event"] == "started"
    ]
    assert started == [1.5, 0.1]


def test_resume_refuses_other_data(here, capsys):
    small_idx(here)
    glassnet(capsys, "train", "--data", here, "--epochs", "2", "--out", "run")
    small_idx(here, count=121)
    code, _, err = glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", "3")
    assert code == 1
    assert "is not what it was trained on" in err


def test_early_stopping_says_so(here, capsys):
    small_idx(here)
    code, _, err = glassnet(
        capsys,
        "train",
        "--data",
        here,
        "--epochs",
        "400",
        "--learning-rate",
        "8",
        "--schedule",
        "constant",
        "--patience",
        "2",
        "--out",
        "run",
    )
    assert code == 0
    assert "stopped early: no lower validation cost since epoch" in err


def until_epoch(number, process):
    """Wait until a training in a process of its own has done this many epochs."""
    for line in process.stderr:
        if re.match(rf"epoch +{number}/", line):
            return
    raise AssertionError("the training ended too early")


@pytest.mark.parametrize(("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "a polite kill")])
def test_ctrl_c_saves_and_says_how_to_go_on(here, number, name):
    # Stopped somewhere, resumed as it says, the run ends with the bytes of one that was never stopped.
    small_idx(here, count=2000)
    common = ["train", "--data", str(here), "--epochs", "60", "--batch-size", "2"]
    command = [sys.executable, "-m", "glassnet", *common, "--out", "stopped"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    until_epoch(2, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Traceback" not in err
    assert "everything is saved. Go on with:" in err
    (line,) = [line for line in err.splitlines() if "--resume" in line]
    checkpoint = Run.open("stopped").checkpoint()
    assert 1 <= checkpoint.epoch < 60
    resume = subprocess.run(line.split(), capture_output=True, text=True)
    assert resume.returncode == 0, resume.stderr
    whole = subprocess.run(
        [sys.executable, "-m", "glassnet", *common, "--out", "whole"], capture_output=True, text=True
    )
    assert whole.returncode == 0, whole.stderr
    for one, other in zip(Run.open("stopped").network().layers, Run.open("whole").network().layers, strict=True):
        assert one.weight.tobytes() == other.weight.tobytes()


def test_killed_in_the_middle_of_an_epoch_it_resumes_to_the_same_bytes(here):
    small_idx(here, count=4000)
    common = ["train", "--data", str(here), "--epochs", "600", "--batch-size", "2"]
    process = subprocess.Popen(
        [sys.executable, "-m", "glassnet", *common, "--out", "killed"], stderr=subprocess.PIPE, text=True
    )
    until_epoch(1, process)
    time.sleep(0.3)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    for command in ([*common[:1], "--out", "killed", "--resume"], [*common, "--out", "whole"]):
        done = subprocess.run([sys.executable, "-m", "glassnet", *command], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    for one, other in zip(Run.open("killed").network().layers, Run.open("whole").network().layers, strict=True):
        assert one.weight.tobytes() == other.weight.tobytes()
    epochs = [event["epoch"] for event in Run.open("killed").events() if event["event"] == "epoch"]
    assert epochs == list(range(1, 601))


def test_divergence_is_a_sentence_and_keeps_the_best(here, capsys):
    small_idx(here)
    arguments = [
        "train",
        "--data",
        here,
        "--hidden",
        "relu",
        "--output",
        "identity",
        "--learning-rate",
        "1e6",
        "--out",
        "run",
    ]
    code, _, err = glassnet(capsys, *arguments)
    assert code == 1
    assert "error: training diverged: the cost was" in err
    rate = float(re.search(r"Lower the learning rate \(it was (\S+)\)", err)[1])
    assert 0 < rate <= 1e6  # that of the step at which it diverged: the default schedule lowers it
    assert all(np.isfinite(layer.weight).all() for layer in Run.open("run").network().layers)


@pytest.mark.filterwarnings("default")  # shown, as for a user, rather than raised
def test_saturation_is_a_warning(here, capsys):
    small_idx(here, count=600)
    code, _, err = glassnet(
        capsys,
        "train",
        "--data",
        here,
        "--learning-rate",
        "1e6",
        "--weight-decay",
        "0",
        "--epochs",
        "2",
        "--out",
        "run",
    )
    assert code == 0
    assert err.count("the network answers no better than a constant") == 1


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ("train --learning-rate abc", 2, "'--learning-rate'.*'abc'"),
        ("train --learning-rate -1", 2, "learning rate must be a finite number above 0, got -1"),
        ("train --sizes 0,10", 2, "--sizes must be whole numbers from 1"),
        ("train --sizes 784,16,11", 2, "has 784 numbers in each example and 10 classes: use 784,16,10"),
        ("train --sizes 784", 2, "--sizes must be whole numbers from 1"),
        ("train --hidden relu,tanh,relu", 2, "2 hidden layers, but 3 hidden activations"),
        ("train --hidden rely", 2, "unknown activation 'rely': choose one of"),
        ("train --cost mse", 2, "unknown cost 'mse': choose one of"),
        ("train --cost cross_entropy --output relu", 2, "change one of the two"),
        ("train --optimizer lion", 2, "unknown optimizer 'lion'"),
        ("train --optimizer adam --momentum 0.9", 2, "momentum does not go with the optimizer adam"),
        ("train --momentum 1", 2, "momentum of sgd must be a finite number at least 0 and below 1"),
        ("train --schedule linear", 2, "unknown schedule 'linear'"),
        ("train --initializer ones", 2, "unknown initializer 'ones'"),
        ("train --batch-size 0", 2, "batch_size must be a whole number of at least 1, got 0"),
        ("train --epochs 1.5", 2, "'--epochs'.*'1.5'"),
        ("train --seed -1", 2, "seed must be a whole number from 0"),
        ("train --dropout 1", 2, "dropout must be"),
        ("train --validation 1.5", 2, "validation must be a count"),
        ("train --validation 90000", 2, "cannot hold out 90000 of 60000 examples"),
        ("train --patience 0", 2, "--patience must be a whole number of epochs from 1"),
        ("train --validation 0 --patience 2", 2, "--patience needs validation examples"),
        ("train --engine gpu", 2, "unknown engine 'gpu'"),
        ("train --recipe big", 2, "unknown recipe 'big': choose one of plain, original, series, small"),
        ("train --deform bend", 2, "unknown deformation 'bend': choose one of affine, elastic"),
        ("train --deform elastic(strength=3)", 2, "unknown field 'strength' of the deformation elastic"),
        (
            "train --deform affine(rotation=200)",
            2,
            "rotation of affine must be a finite number at least 0 and at most 180",
        ),
        ("train --deform affine(15)", 2, "expected field=number inside the brackets of the deformation affine"),
        ("train --deform None", 2, "unknown deformation 'None'"),
        ("train --data flat.npz --deform elastic", 2, "only square images can be deformed: 28 inputs are not a square"),
        ("train --data flat.npz --recipe small", 2, "only square images can be deformed: 28 inputs are not a square"),
        ("train --resume", 2, "--resume needs --out RUN"),
        ("train --out nowhere --resume", 1, "nowhere does not exist; glassnet train --out nowhere makes one"),
        ("train --out nowhere --resume --sizes 1,2", 2, "--sizes cannot change in the middle of a run"),
        ("train --data nowhere", 1, "nowhere does not exist: give mnist, a folder"),
        ("train --data empty", 1, "empty holds neither IDX files .* nor a subfolder of images"),
        ("train --data empty.idx,empty.idx", 1, "empty.idx is empty: expected an IDX file"),
        ("train --data text.png", 1, "expected mnist, a folder, an .npz file, two IDX files"),
        ("train --data cut.gz --data cut.gz", 1, "cut.gz is a damaged gzip file"),
        (
            "train --out taken",
            1,
            "taken exists already: choose another folder, or go on with the run in it by --resume",
        ),
        ("train --out taken/run.json/run", 1, "could not make the folder"),
        ("train --bogus", 2, "no such option"),
        ("evaluate nowhere", 1, "nowhere does not exist"),
        ("evaluate empty", 1, "empty holds no run: it has no run.json"),
        ("evaluate text.png", 1, "text.png is not a whole safetensors file"),
        ("evaluate", 2, "missing argument 'RUN'"),
        ("info empty.idx", 1, "empty.idx is empty: expected a .safetensors file"),
        ("bogus", 2, "no such command 'bogus'"),
    ],
)
def test_wrong_input_is_answered_by_one_sentence(here, capsys, arguments, code, says):
    (here / "empty").mkdir()
    (here / "empty.idx").touch()
    (here / "text.png").write_text("this is not an image")
    (here / "cut.gz").write_bytes(gzip.compress(bytes(1000))[:-20])
    np.savez(here / "flat.npz", x=np.zeros((12, 28), np.float32), y=np.arange(12) % 3)
    (here / "taken").mkdir()
    (here / "taken" / "run.json").write_text("{}")
    (here / "taken" / "checkpoint.safetensors").touch()
    before = sorted(path.name for path in here.iterdir())
    got, out, err = glassnet(capsys, *arguments.split())
    assert got == code
    assert out == ""
    lines = err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    assert re.search(says, lines[0]), lines[0]
    assert sorted(path.name for path in here.iterdir()) == before  # nothing was begun


def test_evaluate_and_predict_refuse_what_does_not_fit(trained, here, capsys):
    small_idx(here)
    code, _, err = glassnet(capsys, "evaluate", trained, "--data", here)
    assert code == 2
    assert "each example has 64 numbers, but the network (sizes 784,16,16,10) takes 784" in err
    code, _, err = glassnet(capsys, "evaluate", trained, "--part", "exam")
    assert (code, "--part must be test, validation or train, got 'exam'" in err) == (2, True)
    np.savez("rows.npz", x=np.random.default_rng(0).random((60, 5)), y=np.arange(60) % 2)
    assert glassnet(capsys, "train", "--data", "rows.npz", "--epochs", "1", "--out", "rows")[0] == 0
    code, _, err = glassnet(capsys, "predict", "rows", "any.png")
    assert (code, "takes 5 numbers, which are no square image" in err) == (2, True)
    code, _, err = glassnet(capsys, "evaluate", "rows")
    assert (code, "this data has no test part" in err) == (1, True)


def test_what_came_in_is_shown_and_labels_as_floats_are_classes(here, capsys):
    rng = np.random.default_rng(0)
    y = np.arange(120) % 3
    x = (rng.random((120, 16)) * (rng.random((120, 16)) < 0.5)).astype(np.float32)
    x[:, 0], x[:, 1] = y / 2, 1
    for name, targets in (("floats", y.astype(np.float32)), ("onehot", np.eye(3, dtype=np.float32)[y])):
        np.savez(f"{name}.npz", x_train=x, y_train=targets, x_test=x, y_test=targets)
        code, out, err = glassnet(capsys, "train", "--data", f"{name}.npz", "--validation", "0", *QUICK, "--out", name)
        assert code == 0, err
        lines = [" ".join(line.split()) for line in err.splitlines()]
        zeros = 100 * (1 - np.count_nonzero(x) / x.size)
        assert f"inputs 16 for each example, from 0 to 1, {zeros:.1f}% of them 0" in lines
        assert "classes 0: 40, 1: 40, 2: 40" in lines
        assert "note the targets, float32, are" in " ".join(lines)
        code, out, err = glassnet(capsys, "evaluate", name)
        assert code == 0
        assert "test accuracy" in out
        assert "truth ↓" in out
        assert err.startswith("note: the targets, float32, are")
        told = json.loads(glassnet(capsys, "evaluate", name, "--json")[1])
        assert (told["classes"], np.sum(told["confusion"])) == (["0", "1", "2"], 120)


def test_many_classes_and_names_that_would_steer_a_terminal_are_shown_shortened(here, capsys):
    names = np.array([f"{number:02}\x1b[31m{'long' * 9}" for number in range(14)])
    np.savez("many.npz", x=np.random.default_rng(0).random((150, 4)), y=names[np.minimum(np.arange(150) % 15, 13)])
    err = glassnet(capsys, "train", "--data", "many.npz", "--validation", "0", *QUICK, "--out", "run")[2]
    shown = " ".join(err.split())
    assert "classes 00�[31mlonglonglong…: 10, 01" in shown
    assert ", and 2 more of 10 to 20" in shown
    assert "\x1b" not in err


@pytest.mark.parametrize("cost", ["cross_entropy", "binary_cross_entropy"])
def test_targets_that_a_cost_has_no_meaning_for_leave_no_run_behind(here, capsys, cost):
    np.savez("rows.npz", x=np.random.default_rng(0).random((60, 3)), y=np.random.default_rng(0).random((60, 2)) * 50)
    code, _, err = glassnet(capsys, "train", "--data", "rows.npz", "--cost", cost, "--out", "run")
    assert code == 2
    assert err.startswith(f"error: the cost {cost} needs")
    assert not Path("run").exists()


def test_that_something_is_compiled_is_one_line(here, capsys, monkeypatch, long):
    """Two kernels are, which takes seconds; here the clock that watches them says so at once. The longer form does compile."""
    if long:
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(here / "cache")}
        command = [sys.executable, "-m", "glassnet", "train", "--epochs", "1", "--out", "first"]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("compiling") == 1

    class Clock:
        daemon = True

        def __init__(self, seconds, say):
            self.start = say

        def cancel(self):
            pass

    monkeypatch.setattr(compiled, "_loaded", set())
    monkeypatch.setattr(compiled, "_unsaid", threading.Lock())
    monkeypatch.setattr(threading, "Timer", Clock)
    np.savez("rows.npz", x=np.random.default_rng(0).random((60, 4)), y=np.arange(60) % 2)
    code, _, err = glassnet(capsys, "train", "--data", "rows.npz", *QUICK, "--out", "run")
    assert code == 0
    assert [line for line in err.splitlines() if "compiling" in line] == [
        "compiling, once on this machine: this takes some seconds"
    ]
    assert compiled.is_loaded("learn", np.dtype(np.float32), np.dtype(np.uint16))
    assert compiled.is_loaded("answer", np.dtype(np.float32), np.dtype(np.uint16))


@pytest.mark.filterwarnings("default")  # shown, as for a user, rather than raised
def test_a_network_that_learns_nothing_is_a_warning(here, capsys):
    np.savez("rows.npz", x=np.random.default_rng(0).random((400, 4)), y=np.random.default_rng(1).integers(0, 2, 400))
    slow = ("--learning-rate", "1e-9", "--epochs", "2", "--batch-size", "1")
    code, _, err = glassnet(capsys, "train", "--data", "rows.npz", *slow, "--out", "run")
    assert code == 0
    assert err.count("warning: after epoch 1, ") == 1


def test_what_came_in_is_summarized_once(here, capsys, monkeypatch):
    """It takes a tenth of a second for MNIST, before the first step."""
    from glassnet import training
    from glassnet.cli import train

    asked, summarize = [], train.summarize
    for module in (train, training):
        monkeypatch.setattr(module, "summarize", lambda data: asked.append(len(data)) or summarize(data))
    np.savez("rows.npz", x=np.random.default_rng(0).random((60, 4)), y=np.arange(60) % 2)
    assert glassnet(capsys, "train", "--data", "rows.npz", *QUICK, "--out", "run")[0] == 0
    assert len(asked) == 1


@pytest.mark.filterwarnings("default")  # shown, as for a user, rather than raised
def test_badly_scaled_inputs_are_a_warning_below_what_came_in(here, capsys):
    np.savez("large.npz", x=np.random.default_rng(0).random((60, 4)) * 255, y=np.arange(60) % 2)
    code, _, err = glassnet(capsys, "train", "--data", "large.npz", *QUICK, "--out", "run")
    assert code == 0
    assert err.count("warning: the inputs run from") == 1
    assert err.index("inputs    4 for each example") < err.index("warning: the inputs run from")


def test_numbers_to_predict(here, capsys):
    rng = np.random.default_rng(0)
    x = rng.random((200, 3)).astype(np.float32)
    np.savez(
        "rows.npz", x_train=x, y_train=x @ np.array([[1.0], [2], [3]]), x_test=x, y_test=x @ np.array([[1.0], [2], [3]])
    )
    arguments = [
        "--hidden",
        "tanh",
        "--output",
        "identity",
        "--learning-rate",
        "0.05",
        "--epochs",
        "30",
        "--sizes",
        "3,8,1",
    ]
    code, out, err = glassnet(capsys, "train", "--data", "rows.npz", *arguments, "--out", "run")
    assert code == 0, err
    assert "validation cost" in err
    assert re.search(r"targets +1 number to predict, from 0\.\d+ to \d\.\d+", err)
    code, out, _ = glassnet(capsys, "evaluate", "run")
    assert code == 0
    assert float(out.split()[1]) < 0.1
    assert json.loads(glassnet(capsys, "evaluate", "run", "--json")[1])["cost"] < 0.1


def test_a_full_disk_is_one_sentence_and_loses_nothing(here):
    # The real thing: no file may grow past 30 kB, which a checkpoint does.
    small_idx(here)
    script = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
        "from glassnet.cli import main; main(sys.argv[1:])"
    )
    arguments = ["train", "--data", str(here), "--sizes", "64,200,3", "--epochs", "2", "--out", "run"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "error: could not save" in done.stderr
    assert "File too large" in done.stderr


def test_help_of_every_command_has_an_example(capsys):
    for command in ("train", "evaluate", "predict", "info", "recipes"):
        code, out, _ = glassnet(capsys, command, "--help")
        assert code == 0
        assert f"Example: glassnet {command}" in out
    code, out, _ = glassnet(capsys, "--version")
    assert (code, out.startswith("glassnet ")) == (0, True)
    code, out, _ = glassnet(capsys, "recipes")
    lines = out.splitlines()
    for name, each in RECIPES.items():
        assert any(line.startswith(f"{name} ") for line in lines), name
        assert "-".join(map(str, each.sizes)) in out
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(RECIPES)


def test_no_command_shows_what_there_is(capsys):
    _, out, err = glassnet(capsys)
    assert "evaluate" in out + err
    assert "error" not in err


def test_a_reader_that_goes_away_is_no_error(trained):
    command = f"{sys.executable} -m glassnet info {trained} --json | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert done.stderr == ""


def test_saved_networks_know_their_classes(trained):
    _, about = read_network(trained / "checkpoint.safetensors")
    assert about["classes"] == list("0123456789")


def test_evaluate_on_other_data_takes_all_of_it_and_checks_the_classes(here, capsys):
    small_idx(here)
    glassnet(capsys, "train", "--data", here, "--epochs", "1", "--out", "run")
    files = [here / "t10k-images-idx3-ubyte", here / "t10k-labels-idx1-ubyte"]
    code, out, _ = glassnet(capsys, "evaluate", "run", "--data", f"{files[0]},{files[1]}", "--json")
    assert code == 0
    assert (json.loads(out)["part"], json.loads(out)["examples"]) == ("all", 40)
    # the same pictures under other names
    np.savez("named.npz", x=np.zeros((6, 8, 8), np.uint8), y=np.array(["a", "b", "c"] * 2))
    code, _, err = glassnet(capsys, "evaluate", "run", "--data", "named.npz")
    assert code == 1
    assert "the data has the classes a, b, c, but the network was trained for 0, 1, 2" in err


def test_what_cannot_be_asked_of_a_run_is_not_noted_in_it(here, capsys):
    small_idx(here)
    begin = ["train", "--data", here, "--validation", "0", "--epochs", "1", "--out", "run"]
    assert glassnet(capsys, *begin)[0] == 0
    code, _, err = glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", "2", "--patience", "1")
    assert (code, "--patience needs validation examples" in err) == (2, True)
    assert glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", "2")[0] == 0


def test_numbers_that_look_like_classes_are_evaluated_as_the_numbers_they_were_learned_as(here, capsys):
    rng = np.random.default_rng(0)
    x = rng.random((60, 4)).astype(np.float32)
    arrays = {"x": x, "y": np.floor(4 * x[:, :1])}
    np.savez("numbers.npz", **arrays, classes=np.array([], str))
    common = ["--output", "identity", "--epochs", "1"]
    assert glassnet(capsys, "train", "--data", "numbers.npz", *common, "--out", "run")[0] == 0
    x = rng.random((60, 4)).astype(np.float32)
    np.savez("other.npz", x=x, y=np.floor(4 * x[:, :1]))  # others of the kind, without the word that they are numbers
    code, out, err = glassnet(capsys, "evaluate", "run", "--data", "other.npz", "--json")
    assert code == 0, err
    assert json.loads(out)["examples"] == 60


def test_info_says_of_which_cost_an_epoch_was(here, capsys):
    small_idx(here)
    begin = ["train", "--data", here, "--output", "softmax", "--cost", "cross_entropy", "--epochs", "1", "--out", "run"]
    assert glassnet(capsys, *begin)[0] == 0
    again = ["train", "--out", "run", "--resume", "--cost", "squared_error", "--epochs", "2"]
    assert glassnet(capsys, *again)[0] == 0
    epochs = json.loads(glassnet(capsys, "info", "run", "--json")[1])["epochs"]
    assert [each["cost_function"] for each in epochs] == ["cross_entropy", "squared_error"]
    assert "squared_error" in glassnet(capsys, "info", "run")[1]


def test_patience_reports_the_epoch_it_keeps_and_survives_a_resume(here, capsys):
    small_idx(here)
    arguments = [
        "--epochs",
        "400",
        "--learning-rate",
        "8",
        "--schedule",
        "constant",
        "--patience",
        "2",
        "--engine",
        "reference",
    ]
    code, out, err = glassnet(capsys, "train", "--data", here, *arguments, "--out", "run")
    assert code == 0
    run = Run.open("run")
    kept = run.checkpoint().epoch
    recorded = {event["epoch"]: event for event in run.events() if event["event"] == "epoch"}
    assert kept == min(recorded, key=lambda epoch: recorded[epoch]["validation_cost"])
    assert f"since epoch {kept}, which is kept" in err
    assert f"validation accuracy {recorded[kept]['validation_accuracy']:.2%} after epoch {kept}" in out
    # resumed without saying so again, it is still impatient, and still reference
    assert glassnet(capsys, "train", "--out", "run", "--resume")[0] == 0
    assert (run.about["patience"], run.about["engine"]) == (2, "reference")
    assert max(event.get("epoch", 0) for event in Run.open("run").events()) < 400


def test_predict_with_one_output(here, capsys):
    from glassnet import Network, save_network

    Image.new("L", (60, 60)).save("ink.png")
    drawing("ink.png", 3)
    save_network("yes-or-no.safetensors", Network.random((784, 1)), {"classes": ["no", "yes"]})
    told = json.loads(glassnet(capsys, "predict", "yes-or-no.safetensors", "ink.png", "--json")[1])
    assert sum(told["activations"].values()) == pytest.approx(1)
    assert told["answer"] == max(told["activations"], key=told["activations"].get)
    save_network("numbers.safetensors", Network.random((784, 2), output="identity"), {"classes": None})
    told = json.loads(glassnet(capsys, "predict", "numbers.safetensors", "ink.png", "--json")[1])
    assert len(told["outputs"]) == 2
    code, out, _ = glassnet(capsys, "predict", "numbers.safetensors", "ink.png")
    assert (code, out.startswith("ink.png: ")) == (0, True)


def test_a_folder_called_mnist_does_not_stand_in_for_mnist(here, capsys):
    (here / "mnist").mkdir()
    small_idx(here / "mnist")
    assert plans.sources(None) == ["mnist"]
    assert plans.sources(["./mnist"]) == [str(here / "mnist")]
    glassnet(capsys, "train", "--data", "./mnist", "--epochs", "1", "--out", "run")
    assert json.loads(glassnet(capsys, "info", "run", "--json")[1])["sizes"][0] == 64
    assert glassnet(capsys, "info", "run")[0] == 0


def test_resume_with_another_optimizer_and_batch_size(here, capsys):
    small_idx(here)
    glassnet(
        capsys, "train", "--data", here, "--epochs", "2", "--optimizer", "sgd", "--momentum", "0.5", "--out", "run"
    )
    begun = Run.open("run").checkpoint().memory
    changes = ["--epochs", "4", "--optimizer", "rmsprop", "--batch-size", "50"]
    code, _, err = glassnet(capsys, "train", "--out", "run", "--resume", *changes)
    assert code == 0, err
    memory = Run.open("run").checkpoint().memory
    assert set(begun.moments) == {"velocity"}
    assert set(memory.moments) == {"square"}
    assert (memory.step, memory.begun, memory.total) == (8, 4, 8)  # 100 examples: two minibatches an epoch


def test_the_commands_it_prints_can_be_run_as_they_are(here, monkeypatch):
    bin_folder = str(Path(sys.executable).parent)
    monkeypatch.setenv("PATH", bin_folder)
    assert cli.train._program() == "glassnet"
    monkeypatch.setenv("PATH", "")
    assert Path(cli.train._program()) == Path(bin_folder, "glassnet")
    monkeypatch.chdir(Path(bin_folder).parent)
    assert cli.train._program() == str(Path(Path(bin_folder).name, "glassnet"))
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert cli.train._program() == "/nowhere/python -m glassnet"


# ── explain ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def small_run(tmp_path_factory):
    """A run on small pictures of three classes: quick to ask anything about."""
    folder = tmp_path_factory.mktemp("small")
    small_idx(folder)
    arguments = ["--data", folder, "--sizes", "64,6,5,3", "--epochs", "5", "--out", folder / "run"]
    with pytest.raises(SystemExit) as caught:
        cli.main(["train", *map(str, arguments)])
    assert caught.value.code == 0
    return folder / "run"


def test_explain_tells_the_story_of_a_test_digit(trained, capsys, digits):
    code, out, _ = glassnet(capsys, "explain", trained, "--test-index", "0")
    assert code == 0
    parts = [
        "It says 7",
        "Layer 1: 16 neurons",
        "It costs",
        "What each neuron wishes",
        "most sensitive",
        "The chain rule for",
    ]
    assert [part for part in parts if part not in out] == []
    assert out.index("It costs") < out.index("The chain rule for")
    told = json.loads(glassnet(capsys, "explain", trained, "--test-index", "0", "--json")[1])["story"]
    network = read_network(Path(trained) / "checkpoint.safetensors")[0]
    activations = network(digits.test.inputs[0].astype(np.float64))
    assert told["activations"][-1] == pytest.approx(activations.tolist(), abs=1e-6)
    assert told["target"] == digits.test.targets[0].tolist()
    assert told["cost"] == pytest.approx(float(((activations - digits.test.targets[0]) ** 2).sum()), abs=1e-6)


def test_explain_tells_the_story_of_a_picture(trained, here, capsys, monkeypatch):
    drawing("three.png", 3)
    code, out, _ = glassnet(capsys, "explain", trained, "three.png")
    assert (code, "It says 3" in out, "Nobody said what it is" in out) == (0, True, True)
    told = json.loads(glassnet(capsys, "explain", trained, "three.png", "--target", "8", "--json")[1])["story"]
    assert np.argmax(told["target"]) == 8
    assert told["cost"] > 1

    class Stdin:
        buffer = io.BytesIO((here / "three.png").read_bytes())

    monkeypatch.setattr(sys, "stdin", Stdin)
    assert "It says 3" in glassnet(capsys, "explain", trained, "-")[1]


def test_explain_a_weight_gives_the_gradient_that_learning_uses(trained, capsys, digits):
    from glassnet import backward
    from glassnet.costs import squared_error

    told = json.loads(glassnet(capsys, "explain", trained, "weight", "2", "7", "3", "--test-index", "8", "--json")[1])
    network = read_network(Path(trained) / "checkpoint.safetensors")[0].to(dtype=np.float64)
    x, y = digits.test.inputs[8:9].astype(np.float64), digits.test.targets[8:9].astype(np.float64)
    gradient = backward(network, network.forward(x), y, squared_error).gradient
    assert told["chain_rule"]["gradient"] == pytest.approx(float(gradient[1].weight[7, 3]), abs=1e-12)
    assert told["chain_rule"]["count"] == 10
    assert told["wiggle"]["slope"] == pytest.approx(float(gradient[1].weight[7, 3]), abs=1e-12)
    told = json.loads(glassnet(capsys, "explain", trained, "bias", "3", "4", "--test-index", "8", "--json")[1])
    assert told["chain_rule"]["gradient"] == pytest.approx(float(gradient[2].bias[4]), abs=1e-12)


def test_a_file_of_a_network_is_judged_and_explained_by_the_cost_of_its_training(here, capsys, digits):
    network = replace(Network.random((784, 10), output="softmax"), cost=Huber(0.05))
    save_network("judged.safetensors", network)
    test = digits.test
    costs = Huber(0.05).value(network(test.inputs), test.targets)
    told = json.loads(glassnet(capsys, "evaluate", "judged.safetensors", "--json")[1])
    assert (told["cost"], told["cost_function"]) == (
        pytest.approx(float(costs.mean()), rel=1e-4),
        {"name": "huber", "delta": 0.05},
    )
    assert "right; huber(delta=0.05) " in glassnet(capsys, "evaluate", "judged.safetensors")[1]
    assert json.loads(glassnet(capsys, "info", "judged.safetensors", "--json")[1])["cost"] == told["cost_function"]
    assert "huber(delta=0.05)" in glassnet(capsys, "info", "judged.safetensors")[1]
    asked = ("explain", "judged.safetensors", "nudges", "--test-index", "3")
    wishes = json.loads(glassnet(capsys, *asked, "--json")[1])["nudges"]
    assert wishes["cost"] == pytest.approx(float(costs[3]), rel=1e-4)
    assert "Cost: huber(delta=0.05), as in the training of this network." in glassnet(capsys, *asked)[1]


def test_explain_a_neuron_draws_what_it_looks_for(trained, capsys):
    code, out, _ = glassnet(capsys, "explain", trained, "neuron", "1", "4", "--examples", "500")
    assert code == 0
    assert "What neuron 4 of layer 1 looks for" in out
    assert "What it says of 500 examples" in out


QUESTIONS = {
    "nudges": "What each neuron wishes",
    "requests": "What 100 examples ask",
    "sensitivity": "most sensitive to",
    "layers": "What each layer does to 100 examples",
    "mistakes": "The wrong answers it was surest of",
    "landscape": "The true cost on a plane",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_explain_answers_every_question_in_words_and_in_json(small_run, capsys, question):
    code, out, err = glassnet(capsys, "explain", small_run, question)
    assert code == 0, err
    assert QUESTIONS[question] in out
    code, out, err = glassnet(capsys, "explain", small_run, question, "--json")
    assert code == 0, err
    assert question in json.loads(out)


@pytest.mark.torch
def test_explain_shows_pytorchs_gradient_beside_ours(small_run, capsys):
    for examples in ([], ["--examples", "20"]):
        told = json.loads(glassnet(capsys, "explain", small_run, "autograd", *examples, "--json")[1])["autograd"]
        assert told["agrees"]
        assert told["difference"] <= 1e-10


def test_a_landscape_has_the_runs_own_path_on_it(small_run, capsys):
    found = json.loads(glassnet(capsys, "explain", small_run, "landscape", "--json")[1])["landscape"]
    own, full = found["walks"]
    assert found["kind"] == "walk"
    assert own["steps"][0] == full["steps"][0] == 0
    assert own["costs"][0] == pytest.approx(full["costs"][0])  # both from the same start
    assert own["coordinates"][-1] == pytest.approx([0, 0], abs=1e-9)  # the run's path ends in the run's network
    assert own["distance"][-1] == pytest.approx(0, abs=1e-12)
    assert full["examples"][1] == 100  # a step of the full gradient looks at all examples there are
    found = json.loads(
        glassnet(capsys, "explain", small_run, "landscape", "--directions", "gradient", "--examples", "50", "--json")[1]
    )["landscape"]
    assert (found["kind"], found["walks"], found["examples"]) == ("gradient", [], 50)
    found = json.loads(glassnet(capsys, "explain", small_run, "landscape", "--line", "--json")[1])["landscape"]
    assert found["ys"] is None
    assert len(found["costs"]) == len(found["xs"]) == 41


def test_shuffled_labels_are_learned_by_heart_or_not_at_all(small_run, capsys):
    found = json.loads(glassnet(capsys, "explain", small_run, "mistakes", "--shuffled", "--json")[1])
    assert {"mistakes", "corner", "memorized"} <= set(found)


def test_maps_of_the_digits(small_run, capsys):
    code, _, err = glassnet(capsys, "explain", small_run, "layers", "--map", "pca")
    assert code == 0, err
    found = json.loads(glassnet(capsys, "explain", small_run, "layers", "--map", "pca", "--json")[1])
    assert len(found["maps"]["maps"]) == 4  # the input, and three layers


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_explain_draws_into_a_file(small_run, here, capsys, ending):
    path = here / f"story.{ending}"
    code, _, err = glassnet(capsys, "explain", small_run, "--plot", path)
    assert code == 0, err
    assert f"drawn in {path}" in err.replace("\n", "")
    assert path.stat().st_size > 10_000


def test_a_file_without_a_run_is_enough_but_has_no_path(trained, here, capsys):
    file = Path(trained) / "checkpoint.safetensors"
    code, _, _ = glassnet(capsys, "explain", file, "weight", "2", "7", "3")
    assert code == 0
    code, _, err = glassnet(capsys, "explain", file, "landscape", "--directions", "walk", "--examples", "10")
    assert code == 1
    assert "only a run knows where its path began" in err
    code, _, err = glassnet(capsys, "explain", file, "mistakes", "--examples", "10", "--shuffled")
    assert code == 1
    assert "only a run knows how it was trained" in err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["weight", "4", "0", "0"], "there is no layer 4: this network's layers are 1 to 3"),
        (["weight", "2", "7"], "weight is asked as weight LAYER NEURON SOURCE, like weight 2 7 3; got 'weight 2 7'"),
        (["bias", "2", "x"], "bias is asked as bias LAYER NEURON, like bias 2 7"),
        (["neuron", "1", "16"], "there is no neuron 16 in layer 1: it has the neurons 0 to 15"),
        (["mistakes", "1"], "mistakes is asked alone"),
        (["nothing.png"], "there is no image nothing.png and no such question: name an image, or ask story, weight"),
        (["--test-index", "10000"], "--test-index must be from 0 to 9,999, the test examples there are; got 10000"),
        (["--target", "ten"], "--target must be one of 0, 1, 2, 3, 4, 5, 6, 7, 8, 9; got 'ten'"),
        (["landscape", "--directions", "up", "--examples", "9"], "directions must be"),
        (["layers", "--map", "mercator", "--examples", "20"], "mercator"),
        (["--plot", "story.pdf"], "story.pdf"),
        (["--test-index", "1", "--image", "a.png"], "an image and --test-index were both given"),
    ],
)
def test_explain_answers_what_does_not_exist_by_one_sentence(trained, here, capsys, arguments, says):
    code, out, err = glassnet(capsys, "explain", trained, *arguments)
    assert code == 2
    assert out == ""
    assert says in err
    assert len(err.splitlines()) == 1


def test_what_is_not_installed_is_named_as_it_is_written(small_run, here, capsys, monkeypatch):
    for module, arguments, says in (
        ("torch", ["autograd"], "error: PyTorch is not installed: pip install 'glassnet[torch]'"),
        ("matplotlib", ["--plot", "a.png"], "error: plots need matplotlib, which is not installed: pip install"),
        (
            "sklearn.decomposition",
            ["layers", "--map", "pca"],
            "error: PCA comes from scikit-learn, which is not installed",
        ),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        code, out, err = glassnet(capsys, "explain", small_run, *arguments)
        assert (code, out) == (2, "")
        assert err.startswith(says)


def test_ctrl_c_in_the_middle_of_an_explanation_is_one_sentence_and_leaves_nothing(
    small_run, here, capsys, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.explain.explain, "nudges", interrupted)
    code, out, err = glassnet(capsys, "explain", small_run, "nudges", "--plot", "wishes.png")
    assert (code, out, err) == (1, "", "error: stopped\n")
    assert list(here.iterdir()) == []


def test_explain_refuses_two_pictures_and_what_is_no_picture(trained, here, capsys):
    drawing("three.png", 3)
    code, _, err = glassnet(capsys, "explain", trained, "three.png", "--image", "three.png")
    assert (code, "name one" in err) == (2, True)
    Path("text.png").write_text("no picture")
    code, _, err = glassnet(capsys, "explain", trained, "text.png")
    assert (code, "text.png is not an image" in err) == (1, True)
    small_idx(here)
    code, _, err = glassnet(capsys, "explain", trained, "weight", "2", "7", "3", "--data", here)
    assert (code, "784" in err) == (2, True)


# ── The studio ───────────────────────────────────────────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def studio(*options):
    """A studio of its own process, once it has printed its link."""
    command = [sys.executable, "-m", "glassnet", "studio", "--no-browser", *map(str, options)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        process.link = process.stdout.readline().strip()
        yield process
    finally:
        process.kill()
        process.communicate()


def fetched(address, **options):
    return httpx.get(address, trust_env=False, timeout=20, **options)


def test_the_studio_opens_by_a_link_ends_by_ctrl_c_and_knows_its_tabs_again(here):
    with studio("--port", "0", "--home", "home") as process:
        address = process.link.partition("/open?token=")[0]
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", address)
        welcome = fetched(process.link)
        assert welcome.status_code == 303
        cookie = {"Cookie": welcome.headers["set-cookie"].partition(";")[0]}
        page = fetched(address + "/", headers=cookie)
        assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        state = fetched(address + "/api/state", headers=cookie).json()
        assert state["run"]["sizes"] == [784, 16, 16, 10]
        assert state["status"]["mode"] == "paused"
        secret = Path("home/secret").read_text().strip()
        assert (
            fetched(address + "/api/state", headers={"Authorization": f"Bearer {secret}"}).json()["run"] == state["run"]
        )

        # A second start on this home is no second studio: it asks for a new link.
        command = [sys.executable, "-m", "glassnet", "studio", "--no-browser", "--home", "home"]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 0
        assert "running already in home" in second.stderr
        assert second.stdout.startswith(address + "/open?token=")
        assert second.stdout.strip() != process.link
        assert fetched(second.stdout.strip()).status_code == 303
        # It could not open what it was asked to, and says so.
        third = subprocess.run([*command, "runs/1"], capture_output=True, text=True, timeout=60)
        assert (third.returncode, third.stdout) == (2, "")
        assert "already in home" in third.stderr

        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "")
        assert "the studio is open: 784-16-16-10, run home/1" in err
        assert "everything is saved in home" in err
        assert "Traceback" not in err
        assert secret not in err
    assert not Path("home/server.json").exists()
    with studio("--port", address.rpartition(":")[2], "--home", "home") as process:
        again = fetched(address + "/api/state", headers=cookie).json()  # the same cookie, the same run
        assert again["run"]["path"] == state["run"]["path"]
        process.terminate()  # a polite kill is answered in the same way
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert sorted(each.name for each in Path("home").iterdir() if each.is_dir()) == ["1"]


def test_a_killed_studio_does_not_keep_its_home(here):
    with studio("--port", "0", "--home", "home") as process:
        assert process.link
    assert Path("home/server.json").exists()  # it had no time to take it away
    with studio("--port", "0", "--home", "home") as process:
        assert fetched(process.link).status_code == 303


def test_the_studio_goes_on_from_a_run_and_leaves_it_alone(trained, here):
    before = {each.name: each.read_bytes() for each in trained.iterdir()}
    with studio(trained, "--port", "0", "--home", "home") as process:
        answer = fetched(process.link)
        cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
        run = fetched(process.link.partition("/open")[0] + "/api/state", headers=cookie).json()["run"]
        assert run["from"] == str(trained)
        assert Path(run["path"]) == Path("home/1")
    assert {each.name: each.read_bytes() for each in trained.iterdir()} == before


def test_the_studio_learns_from_data_of_your_own_and_knows_it_later(here):
    rng = np.random.default_rng(0)
    np.savez("tiny.npz", x=rng.random((60, 8, 8)).astype(np.float32), y=rng.integers(0, 3, 60))
    for options, name, width in ((["--data", "tiny.npz"], "1", 64), (["--data", "mnist"], "2", 784), ([], "2", 784)):
        with studio(*options, "--port", "0", "--home", "home") as process:
            cookie = {"Cookie": fetched(process.link).headers["set-cookie"].partition(";")[0]}
            run = fetched(process.link.partition("/open")[0] + "/api/state", headers=cookie).json()["run"]
            assert (run["name"], run["sizes"][0]) == (name, width)
            known = [each["sources"] for each in run["choices"]["data"]]
            assert known == [["mnist"], [str(here / "tiny.npz")]]
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def test_studio_mistakes_are_one_sentence(here, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for arguments, wanted, pattern in (
            (["--port", port], 1, f"port {port} is taken by another program"),
            (["--host", "203.0.113.7", "--port", "0"], 1, "cannot listen on 203.0.113.7"),
            (["--host", "no such name", "--port", "0"], 1, "cannot listen on no such name"),
            (["--port", "99999"], 2, "99999"),
            (["nowhere", "--port", "0"], 1, "nowhere"),
            (["--data", "nowhere", "--port", "0"], 1, "nowhere does not exist: give mnist, a folder"),
            (["runs/1", "--data", "mnist", "--port", "0"], 1, "runs/1 does not exist"),
        ):
            code, out, err = glassnet(capsys, "studio", "--no-browser", "--home", "home", *arguments)
            assert (code, out) == (wanted, ""), err
            assert re.search(pattern, err)
            assert len(err.splitlines()) == 1
    Path("home/secret").chmod(0o644)
    code, _, err = glassnet(capsys, "studio", "--no-browser", "--home", "home", "--port", "0")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "may be read by others" in err


def test_opening_the_studio_to_the_network_is_said_plainly(here):
    said = "everyone on this network who has a link can use this studio, and what is sent is not encrypted"
    with studio("--port", "0", "--home", "home", "--host", "0.0.0.0") as process:
        assert process.link.startswith("http://127.0.0.1:")
        other = process.stdout.readline().strip()
        assert re.fullmatch(r"http://[\d.]+:\d+/open\?token=[\w-]{43}", other)
        assert fetched(process.link).status_code == fetched(other).status_code == 303  # each lets one browser in
        process.send_signal(signal.SIGINT)
        assert said in process.communicate(timeout=60)[1].replace("\n", " ")
    with studio("--port", "0", "--home", "home") as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (out, "warning" in err) == ("", False)


def test_a_second_ctrl_c_ends_the_studio_at_once(monkeypatch):
    from glassnet.studio import server

    ended = []
    monkeypatch.setattr(server.os, "_exit", ended.append)
    running = server._Server(server.config(lambda: None))
    running.handle_exit(signal.SIGINT, None)
    assert (running.should_exit, ended) == (True, [])
    running.handle_exit(signal.SIGINT, None)
    assert ended == [1]


def test_the_browser_is_opened_quietly_and_only_where_there_is_a_window(monkeypatch):
    from glassnet.studio import server

    opened = []

    def opening(link):
        opened.append(link)
        raise OSError("no browser")  # in a thread of its own: nobody hears

    monkeypatch.setattr(server.webbrowser, "open", opening)
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(server.sys, "platform", "linux")
    server._open("http://one")
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    server._open("http://two")
    for thread in threading.enumerate():
        if thread.name == "browser":
            thread.join(20)
    assert opened == ["http://two"]


def test_the_demo_trains_tries_the_studio_and_says_how_to_open_it(here, monkeypatch, capfd):
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "scripts")
    import demo

    monkeypatch.setattr(demo, "HERE", str(here))
    monkeypatch.setattr(demo, "ensure", lambda: sys.executable)
    monkeypatch.setattr(sys, "argv", ["demo.py", "--no-browser", *QUICK])
    assert demo.main() == 0
    out = capfd.readouterr().out
    assert "test accuracy" in out
    assert re.search(r"the studio opens: 784-16-16-10 at http://127\.0\.0\.1:\d+/, tried just now", out)
    assert out.splitlines()[-1].endswith("-m glassnet studio " + str(Path("runs", "demo-1")))
    assert [each.name for each in Path("runs").iterdir()] == ["demo-1"]  # the trial left nothing behind
    # With a terminal, it opens the studio on that network, and leaves Ctrl-C to it.
    called = []
    monkeypatch.setattr(demo, "_call", lambda command: called.append(command[3:]) or 0)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys, "argv", ["demo.py"])
    assert demo.main() == 0
    assert [each[0] for each in called] == ["train", "evaluate", "studio"]
    assert called[-1] == ["studio", str(Path("runs", "demo-2"))]


def test_a_bug_that_the_studio_survives_is_shown_with_its_stack_trace(capsys):
    import logging

    from glassnet.cli.console import Shown

    record = logging.LogRecord("glassnet", logging.ERROR, "", 0, "it could not do %r", ("play",), None)
    Shown().emit(record)
    assert capsys.readouterr().err == "it could not do 'play'\n"
    try:
        raise RuntimeError("[a bug]")
    except RuntimeError:
        record.exc_info = sys.exc_info()
    Shown().emit(record)
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert "RuntimeError: [a bug]" in shown


# ── What may happen to a run ─────────────────────────────────────────────────────────────────────────────────────────


def test_two_that_resume_one_run_do_not_write_into_each_other(here, capsys):
    small_idx(here, count=2000)
    assert glassnet(capsys, "train", "--data", here, "--epochs", "1", "--out", "run")[0] == 0
    command = [sys.executable, "-m", "glassnet", "train", "--out", "run", "--resume", "--epochs", "5000"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as first:
        until_epoch(3, first)
        code, out, err = glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", "3")
        assert (code, out, len(err.splitlines())) == (1, "", 1)
        assert err.startswith(f"error: run is being written by another process (number {first.pid}): wait until")
        # Who only reads is not kept out.
        assert glassnet(capsys, "info", "run", "--json")[0] == 0
        assert glassnet(capsys, "evaluate", "run", "--json")[0] == 0
        first.kill()
        first.wait()
    epochs = Run.open("run").checkpoint().epoch
    assert glassnet(capsys, "train", "--out", "run", "--resume", "--epochs", epochs + 2)[0] == 0
    recorded = [event["epoch"] for event in Run.open("run").events() if event["event"] == "epoch"]
    assert recorded == list(range(1, epochs + 3))
    assert "lock" not in os.listdir("run")


def test_a_training_killed_before_its_first_save_can_be_gone_on_with_and_begun_again(here, capsys):
    small_idx(here)
    script = """if True:
        import os, sys
        from glassnet import cli
        from glassnet.cli import train
        train._go_on = lambda run, plan: os.kill(os.getpid(), 9)  # before the first event
        cli.main(sys.argv[1:])
    """
    arguments = ["train", "--data", str(here), "--epochs", "2", "--out", "run"]
    assert subprocess.run([sys.executable, "-c", script, *arguments]).returncode == -signal.SIGKILL
    code, _, err = glassnet(capsys, *arguments)
    assert (code, "go on with the run in it by --resume" in err) == (1, True)
    assert glassnet(capsys, "train", "--out", "run", "--resume")[0] == 0
    assert glassnet(capsys, *arguments[:-1], "whole")[0] == 0
    one, other = (Run.open(name).network() for name in ("run", "whole"))
    assert all(a.weight.tobytes() == b.weight.tobytes() for a, b in zip(one.layers, other.layers, strict=True))
    # A folder in which an earlier version was killed: its description, and no state. Nothing was learned in it.
    for path in Path("run").iterdir():
        path.unlink()
    Path("run/run.json").write_text("{}")
    code, _, err = glassnet(capsys, "train", "--out", "run", "--resume")
    assert (code, "Begin it again in the same folder" in err) == (1, True)
    assert glassnet(capsys, *arguments)[0] == 0


def test_a_run_and_its_data_can_move(here, capsys):
    for name in ("before", "after"):
        (here / name).mkdir()
    small_idx(here / "before")
    assert glassnet(capsys, "train", "--data", here / "before", "--epochs", "1", "--out", "before/run")[0] == 0
    for path in (here / "before").iterdir():
        path.rename(here / "after" / path.name)
    (here / "before").rmdir()
    other = here / "other"
    other.mkdir()
    small_idx(other, count=121)
    for command in (["train", "--resume", "--epochs", "2", "--out"], ["explain"], ["evaluate"]):
        code, out, err = glassnet(capsys, *command, "after/run")
        assert (code, out, len(err.splitlines())) == (1, "", 1)
        assert "the data of after/run is not there" in err
        assert err.rstrip().endswith("Name its place by --data")
    code, _, err = glassnet(capsys, "train", "--resume", "--epochs", "2", "--out", "after/run", "--data", "other")
    assert (code, "other is not what it was trained on" in err) == (1, True)
    for command in (["evaluate"], ["explain"], ["train", "--resume", "--epochs", "2", "--out"]):
        code, _, err = glassnet(capsys, *command, "after/run", "--data", "after")
        assert code == 0, err
    assert Run.open("after/run").about["data"]["sources"] == [str(here / "after")]
    assert glassnet(capsys, "train", "--resume", "--epochs", "3", "--out", "after/run")[0] == 0
    assert glassnet(capsys, "explain", "after/run", "landscape", "--directions", "walk", "--line")[0] == 0


def test_a_landscape_walks_the_path_that_was_walked(here, capsys):
    """After a rate of 0.5 and then of 5.0 its path once ended 39 away from the network."""
    small_idx(here)
    common = ["--schedule", "constant", "--batch-size", "7"]
    assert (
        glassnet(capsys, "train", "--data", here, *common, "--learning-rate", "0.5", "--epochs", "2", "--out", "run")[0]
        == 0
    )
    changes = [
        "--learning-rate",
        "5",
        "--epochs",
        "4",
        "--optimizer",
        "sgd",
        "--momentum",
        "0.5",
        "--engine",
        "reference",
    ]
    assert glassnet(capsys, "train", "--out", "run", "--resume", *changes)[0] == 0
    code, out, err = glassnet(capsys, "explain", "run", "landscape", "--line", "--json")
    assert code == 0
    found = json.loads(out)["landscape"]["walks"]
    assert [walk["name"] for walk in found] == ["minibatches of 7", "full gradient"]
    assert found[0]["distance"][-1] == 0
    assert "The settings were changed along the run" in err
    code, out, err = glassnet(capsys, "explain", "run", "mistakes", "--shuffled", "--json")
    assert (code, "training the same network on shuffled labels" in err) == (0, True)
    assert [row["name"] for row in json.loads(out)["memorized"]["networks"]] == ["true labels", "shuffled labels"]


def test_info_tells_what_was_changed_and_from_where_on(here, capsys):
    small_idx(here)
    glassnet(capsys, "train", "--data", here, "--epochs", "2", "--learning-rate", "0.5", "--out", "run")
    changes = ["--epochs", "3", "--learning-rate", "5", "--cost", "binary_cross_entropy", "--engine", "reference"]
    glassnet(capsys, "train", "--out", "run", "--resume", *changes)
    code, out, _ = glassnet(capsys, "info", "run")
    assert code == 0
    assert re.search(
        r"from epoch 3 +cost binary_cross_entropy, epochs 3, learning rate cosine\(rate=5\.0, final=0\.0\), engine reference",
        " ".join(out.split()),
    )
    (change,) = json.loads(glassnet(capsys, "info", "run", "--json")[1])["changes"]
    assert (change["at"], change["edits"], change["engine"], change["arithmetic"]) == ([2, 0], 0, "reference", None)
    assert change["settings"]["cost"] == {"name": "binary_cross_entropy"}


def test_the_best_network_and_patience_are_of_the_cost_of_now(here, capsys):
    """A squared error of 0.3 is no better than a cross-entropy of 0.5: they are numbers of different things."""
    small_idx(here, count=400)
    common = ["--hidden", "relu", "--output", "softmax", "--schedule", "constant", "--learning-rate", "0.2"]
    assert glassnet(capsys, "train", "--data", here, *common, "--epochs", "2", "--out", "run")[0] == 0
    changes = ["--cost", "cross_entropy", "--learning-rate", "0.02", "--epochs", "5", "--patience", "2"]
    code, _, err = glassnet(capsys, "train", "--out", "run", "--resume", *changes)
    assert code == 0, err
    assert "stopped early" not in err  # every epoch was better by the new cost; none was below 0.3
    run = Run.open("run")
    epochs = {event["epoch"]: event["validation_cost"] for event in run.events() if event["event"] == "epoch"}
    assert min(epochs[number] for number in (3, 4, 5)) > max(epochs[1], epochs[2])
    best = run.best()
    assert best.settings.cost.name == "cross_entropy"
    assert best.epoch == min((3, 4, 5), key=epochs.get)
