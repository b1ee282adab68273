"""Model files: what is saved comes back to the byte, and what is not whole is refused, before it takes memory or runs code.

Run as a program, this file reads one model file and tells what it raised and the memory it needed.
"""

import json
import math
import os
import pickle
import re
import struct
import subprocess
import sys
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import safetensors.numpy
from jaxtyping import config
from safetensors import safe_open

from glassnet import (
    Checkpoint,
    Layer,
    Network,
    Settings,
    files,
    read_checkpoint,
    read_network,
    save_checkpoint,
    save_network,
)
from glassnet.activations import ACTIVATIONS, LeakyReLU, Sigmoid, sigmoid, softmax, tanh
from glassnet.arrays import to_numpy
from glassnet.costs import COSTS, Huber, SquaredError, cross_entropy
from glassnet.data.deform import Affine, Elastic
from glassnet.errors import WrongFile, WrongValue
from glassnet.files import NotSaved
from glassnet.interchange import FORMAT
from glassnet.interchange.safetensors import _sums
from glassnet.network import map_parameters
from glassnet.optimizers import OPTIMIZERS, SCHEDULES, SGD, Adam, AdamW, Cosine, Memory, OneCycle, RMSprop


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.fixture
def unchecked():
    """What users see: the suite's own checks of types would answer first, and in their own words."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def parameters(rng, sizes, dtype=np.float32):
    """Numbers of every kind that a file must keep: of any size, a negative zero, the largest and the smallest there is."""
    info = np.finfo(dtype)
    layers = []
    for inputs, outputs in pairwise(sizes):
        weight = (rng.standard_normal((outputs, inputs)) * 10.0 ** rng.integers(-30, 30, (outputs, inputs))).astype(
            dtype
        )
        bias = rng.choice(np.array([-0.0, info.max, info.min, info.smallest_subnormal, info.eps], dtype), outputs)
        layers.append(Layer(weight, bias))
    return tuple(layers)


def changed(setting):
    """The same setting with every one of its numbers away from its default."""
    return setting.changed(
        **{
            field.name: not field.default if isinstance(field.default, bool) else field.default * 0.75 + 0.125
            for field in fields(setting)
            if isinstance(field.default, bool | int | float)
        }
    )


def same(ours, theirs):
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs, strict=True):
        for a, b in ((one.weight, other.weight), (one.bias, other.bias)):
            a, b = to_numpy(a), to_numpy(b)
            assert (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())


# ── What is saved comes back ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("sizes", [(3, 2), (4, 1, 2), (5, 4, 3, 2), (1, 1, 1, 1, 1), (784, 16, 16, 10)])
def test_a_network_comes_back(path, rng, sizes, dtype):
    activations = tuple(rng.choice([sigmoid, tanh, softmax, LeakyReLU(0.3)]) for _ in sizes[1:])
    network = Network(parameters(rng, sizes, dtype), activations)
    about = {"classes": ["零", "\N{SNOWMAN}"], "nested": {"none": None, "half": 0.5, "yes": True}}
    save_network(path, network, about)
    read, noted = read_network(path)
    same(read.layers, network.layers)
    assert read.activations == network.activations
    assert noted == about
    body = path.read_bytes()
    save_network(path, read, noted)
    assert path.read_bytes() == body


@pytest.mark.parametrize("name", COSTS)
def test_every_cost_comes_back_with_the_network_alone_and_in_a_checkpoint(path, name):
    network, cost = Network.random((4, 3), output="softmax"), changed(COSTS[name]())
    save_network(path, replace(network, cost=cost))
    assert read_network(path)[0].cost == cost
    settings = Settings(cost)
    save_checkpoint(path, Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings))
    assert read_network(path)[0].cost == read_checkpoint(path)[0].network.cost == cost


def test_files_of_before_networks_knew_their_cost_are_read(path):
    save_network(path, replace(Network.random((4, 3), output="softmax"), cost=cross_entropy))
    assert read_network(rewritten(path, header={"cost": None}))[0].cost is None
    save_network(path, Network.random((4, 3)))
    with safe_open(path, framework="numpy") as file:
        assert "cost" not in json.loads(file.metadata()["glassnet"])


@dataclass(frozen=True, slots=True)
class SomebodysOwn(SquaredError):
    name: ClassVar[str] = "somebodys_own"


@dataclass(frozen=True, slots=True)
class SameName(SquaredError):
    weight: float = 2.0


@pytest.mark.parametrize("cost", [SomebodysOwn(), SameName()])
def test_a_cost_of_somebodys_own_is_left_out(path, cost):
    save_network(path, replace(Network.random((4, 3)), cost=cost))
    assert read_network(path)[0].cost is None


def test_the_network_of_a_checkpoint_with_such_a_cost_is_read_without_it(path):
    """As earlier versions wrote it; today no checkpoint is saved that could not be gone on with."""
    save_checkpoint(path, checkpoint())
    own = {**checkpoint().settings.to_data(), "cost": {"name": SomebodysOwn.name}}
    assert read_network(rewritten(path, state={"settings": own}))[0].cost is None


@pytest.mark.parametrize(
    ("cost", "says"),
    [
        ({"name": "mse"}, "unknown cost 'mse'"),
        ({"name": "huber", "delta": -1}, "delta of huber"),
        ({"name": "cross_entropy"}, "the output activation is sigmoid"),
        ("squared_error", "expected the cost as a name with its fields"),
        ({"name": ["squared_error"]}, "expected the cost as a name with its fields"),
    ],
)
def test_a_cost_that_makes_no_sense_is_refused(path, cost, says):
    save_network(path, Network.random((4, 3)))
    refused(rewritten(path, header={"cost": cost}), says)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_comes_back(path, rng, name):
    activation = changed(ACTIVATIONS[name]())
    save_network(path, Network(parameters(rng, (3, 2, 2)), (activation, ACTIVATIONS[name]())))
    assert read_network(path)[0].activations == (activation, ACTIVATIONS[name]())


OPTIMIZED = {
    "sgd": SGD(0.5),
    "momentum": SGD(Cosine(0.5, final=0.01), momentum=0.9, nesterov=True, weight_decay=1e-4, clip=2.0),
    "rmsprop": RMSprop(0.01),
    "rmsprop, momentum": RMSprop(OneCycle(0.01, portion=0.2), momentum=0.5),
    "adam": Adam(0.01, beta1=0.8),
    "adamw": AdamW(Cosine(0.002), weight_decay=0.1),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("optimizer", OPTIMIZED.values(), ids=OPTIMIZED)
def test_a_checkpoint_comes_back(path, rng, optimizer, dtype):
    network = Network(parameters(rng, (4, 3, 2), dtype), (LeakyReLU(0.2), sigmoid))
    used = optimizer.used_moments()
    memory = Memory(12, 345, {name: parameters(rng, (4, 3, 2), dtype) for name in used}, begun=-5)
    settings = Settings(Huber(0.5), optimizer, epochs=7, batch_size=3, seed=2**70, dropout=0.25)
    saved = Checkpoint(network, memory, 3, 9, settings, 1 / 3, 0.1 + 0.2)
    save_checkpoint(path, saved, {"classes": ["a", "b"]})
    read, about = read_checkpoint(path)
    same(read.network.layers, network.layers)
    assert read.network.activations == network.activations
    assert set(read.memory.moments) == set(used)
    for name in used:
        same(read.memory.moments[name], memory.moments[name])
    assert (read.memory.step, read.memory.total, read.memory.begun) == (12, 345, -5)
    assert (read.epoch, read.example, read.cost_sum, read.first_cost) == (3, 9, 1 / 3, 0.1 + 0.2)
    assert read.settings == settings
    assert about == {"classes": ["a", "b"]}
    body = path.read_bytes()
    save_checkpoint(path, read, about)
    assert path.read_bytes() == body


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_schedule_in_every_optimizer_comes_back(path, optimizer, schedule):
    setting = changed(OPTIMIZERS[optimizer]()).changed(learning_rate=changed(SCHEDULES[schedule]()))
    save_checkpoint(path, checkpoint(setting))
    assert read_checkpoint(path)[0].settings.optimizer == setting


@pytest.mark.parametrize("deform", [None, Affine(rotation=0, shift=2.5), Elastic(alpha=1 / 3)])
def test_the_deformation_comes_back(path, deform):
    saved = checkpoint()
    save_checkpoint(path, replace(saved, settings=replace(saved.settings, deform=deform)))
    assert read_checkpoint(path)[0].settings.deform == deform


def test_files_of_before_there_were_deformations_are_read(path):
    save_checkpoint(path, checkpoint())
    before = {key: value for key, value in checkpoint().settings.to_data().items() if key != "deform"}
    read, _ = read_checkpoint(rewritten(path, state={"settings": before}))
    assert read.settings == checkpoint().settings
    assert read.settings.deform is None


def checkpoint(optimizer=None, sizes=(4, 3, 2)):
    network = Network.random(sizes, hidden="leaky_relu")
    settings = Settings(optimizer=Adam() if optimizer is None else optimizer)
    return Checkpoint(network, settings.optimizer.init(network.layers, 100), 0, 0, settings)


def test_what_is_not_known_yet_comes_back(path):
    start = checkpoint()
    save_checkpoint(path, replace(start, memory=replace(start.memory, total=None)))
    read = read_checkpoint(path)[0]
    assert (read.memory.total, read.first_cost, read.cost_sum) == (None, None, 0.0)


def test_the_network_of_a_checkpoint_is_read_alone(path, rng):
    save_checkpoint(path, checkpoint(), {"classes": ["a", "b"]})
    network, about = read_network(path)
    same(network.layers, checkpoint().network.layers)
    assert about == {"classes": ["a", "b"]}


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_networks_of_every_array_library_are_saved(path, xp, precision):
    dtype = getattr(xp, precision)
    network = Network.random((4, 3, 2), xp=xp, dtype=dtype)
    memory = Adam().init(network.layers, 100)
    ones = map_parameters(lambda array: array + 1, memory.moments["mean"])
    save_checkpoint(
        path,
        Checkpoint(network, replace(memory, moments={"mean": ones, "square": ones}), 0, 0, Settings(optimizer=Adam())),
    )
    read = read_checkpoint(path)[0]
    assert type(read.network.layers[0].weight) is np.ndarray
    assert read.network.layers[0].weight.dtype == precision
    same(read.network.layers, network.layers)
    same(read.memory.moments["square"], ones)
    same(read.network.to(xp).layers, network.layers)


def test_numbers_that_do_not_lie_in_a_row_are_saved(path, rng):
    weight, bias = rng.standard_normal((6, 8))[::2, ::-2], rng.standard_normal(6)[::2]
    save_network(path, Network((Layer(np.asfortranarray(weight), bias),), (sigmoid,)))
    same(read_network(path)[0].layers, (Layer(weight, bias),))


def test_any_program_that_reads_safetensors_reads_the_weights(path):
    saved = checkpoint()
    save_checkpoint(path, saved)
    tensors = safetensors.numpy.load_file(path)
    parts = [f"layers.{layer}.{part}" for layer in (0, 1) for part in ("weight", "bias")]
    assert sorted(tensors) == sorted(
        [*parts, *(f"moments.{moment}.{part}" for moment in ("mean", "square") for part in parts)]
    )
    np.testing.assert_array_equal(tensors["layers.1.weight"], saved.network.layers[1].weight)
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["glassnet"])
    assert header["format"] == FORMAT
    assert header["activations"] == [{"name": "leaky_relu", "alpha": 0.01}, {"name": "sigmoid"}]


@pytest.mark.torch
def test_torch_makes_the_same_of_the_file(path, rng):
    import torch
    from safetensors.torch import load_file

    network = Network.random((4, 3, 2), hidden="tanh")
    save_network(path, network)
    tensors = load_file(path)
    x = rng.standard_normal((5, 4), np.float32)
    hidden = torch.tanh(
        torch.nn.functional.linear(torch.asarray(x), tensors["layers.0.weight"], tensors["layers.0.bias"])
    )
    out = torch.sigmoid(torch.nn.functional.linear(hidden, tensors["layers.1.weight"], tensors["layers.1.bias"]))
    np.testing.assert_allclose(out.numpy(), network(x), rtol=1e-5)


def test_a_save_that_fails_leaves_the_file_from_before(path, monkeypatch):
    save_checkpoint(path, checkpoint())
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(NotSaved, match=r"No space left on device\. The file from before is untouched"):
        save_checkpoint(path, checkpoint(SGD()))
    assert read_checkpoint(path)[0].settings.optimizer == Adam()


# ── What is not whole is refused ─────────────────────────────────────────────────────────────────────────────────────


def rewritten(path, *, tensors=None, header=None, state=None):
    """The file with some of its tensors and metadata put in place of others; a value of None takes one away."""
    with safe_open(path, framework="numpy") as file:
        inside = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        metadata = json.loads(file.metadata()["glassnet"])
    for held, new in ((inside, tensors), (metadata, header), (metadata.get("checkpoint", {}), state)):
        held |= new or {}
        for name in [name for name, value in (new or {}).items() if value is None]:
            del held[name]
    # With checksums that are right: what is wrong with the rest must be found by looking at it.
    if "sums" in metadata:
        metadata["sums"] = _sums(inside)
        metadata = files.sealed(metadata)
    path.write_bytes(safetensors.numpy.save(inside, metadata={"glassnet": json.dumps(metadata)}))
    return path


def refused(path, says, read=read_network):
    with pytest.raises(WrongFile, match=says) as caught:
        read(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    assert len(text) < 400 + len(str(path))


NAMES = [
    f"{prefix}layers.{layer}.{part}"
    for prefix in ("", "moments.mean.")
    for layer in (0, 1)
    for part in ("weight", "bias")
]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_nan_and_infinity_are_refused(path, name, value):
    save_checkpoint(path, checkpoint())
    tensor = safetensors.numpy.load_file(path)[name].copy()
    tensor.flat[-1] = value
    refused(rewritten(path, tensors={name: tensor}), rf"\b{re.escape(name)} has NaN or infinity in it")


def zeros(*shape, dtype=np.float32):
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        (
            {"layers.1.bias": None},
            r"should hold 12 tensors for 2 layers, but 'layers\.1\.bias' is missing or one too many",
        ),
        ({"moments.square.layers.0.weight": None}, r"'moments\.square\.layers\.0\.weight' is missing"),
        ({"extra": zeros(2)}, "'extra' is missing or one too many"),
        ({"layers.2.bias": zeros(2)}, r"'layers\.2\.bias' is missing or one too many"),
        ({"moments.extra.layers.0.weight": zeros(3, 4)}, "should hold 16 tensors for 2 layers"),
        ({"x" * 900: zeros(2)}, "xxx.* is missing or one too many"),
        ({"layers.0.weight": zeros(3, 4, 1)}, r"layers\.0\.weight has the shape \(3, 4, 1\)"),
        ({"layers.0.weight": zeros(3)}, r"layers\.0\.weight has the shape \(3,\)"),
        ({"layers.0.weight": zeros(0, 4)}, r"layers\.0\.weight has the shape \(0, 4\)"),
        ({"layers.1.weight": zeros(2, 4)}, r"layers\.1\.weight has the shape \(2, 4\), which does not follow on"),
        ({"layers.0.bias": zeros(4)}, r"layers\.0\.bias has the shape \(4,\), expected \(3,\)"),
        ({"layers.1.bias": zeros(2, 1)}, r"layers\.1\.bias has the shape \(2, 1\), expected \(2,\)"),
        (
            {"moments.square.layers.0.weight": zeros(4, 3)},
            r"moments\.square\.layers\.0\.weight has the shape \(4, 3\), expected",
        ),
        ({"layers.0.bias": zeros(3, dtype=np.float64)}, "numbers of type F32, F64, expected one of F32 and F64"),
        ({"layers.0.bias": zeros(3, dtype=np.int32)}, "numbers of type F32, I32"),
    ],
)
def test_wrong_tensors_are_refused_by_name(path, tensors, says):
    save_checkpoint(path, checkpoint())
    refused(rewritten(path, tensors=tensors), says)


def test_a_checkpoint_without_one_of_its_running_averages_is_refused(path):
    save_checkpoint(path, checkpoint())
    rewritten(path, tensors=dict.fromkeys(NAMES[4:]))
    refused(path, "the running averages square, which are not those of adam", read=read_checkpoint)


@pytest.mark.parametrize("dtype", [np.float16, np.int64, np.uint8, bool])
def test_other_types_of_numbers_are_refused(path, dtype):
    save_network(path, checkpoint().network)
    tensors = {name: tensor.astype(dtype) for name, tensor in safetensors.numpy.load_file(path).items()}
    refused(rewritten(path, tensors=tensors), "numbers of type (F16|I64|U8|BOOL), expected one of F32 and F64")


DEEP = json.loads('{"name": "relu", "x": ' * 400 + "0" + "}" * 400)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("header", "says"),
    [
        ({"format": FORMAT + 1}, f"has format {FORMAT + 1}, expected {FORMAT}: a newer glassnet may read it"),
        ({"format": None}, f"has format None, expected {FORMAT}"),
        ({"format": "9" * 999}, f"has format '9*, expected {FORMAT}"),
        ({"activations": None}, "its metadata name no activations"),
        ({"activations": []}, "its metadata name no activations"),
        ({"activations": {"name": "relu"}}, "its metadata name no activations"),
        ({"activations": [{"name": "sigmoid"}]}, r"should hold 6 tensors for 1 layers, but 'layers\.1\.bias'"),
        ({"activations": [{"name": "sigmoid"}] * 3}, "should hold 18 tensors for 3 layers"),
        ({"activations": [{"name": "sigmoid"}] * 9}, "has activations for 9 layers, but only 12 tensors"),
        ({"activations": ["sigmoid", "sigmoid"]}, "expected the activation as a name with its fields, got 'sigmoid'"),
        (
            {"activations": [{"name": "sigmoid"}, {"name": "magic"}]},
            "unknown activation 'magic': choose one of sigmoid",
        ),
        ({"activations": [{"name": "elu", "alpha": -1}] * 2}, "alpha of elu must be a finite number above 0, got -1"),
        ({"activations": [{"name": "elu", "beta": 1}] * 2}, "unknown field 'beta' of the activation elu"),
        ({"activations": [{"name": "elu", "alpha": [1]}] * 2}, "alpha of elu must be a finite number"),
        ({"activations": [{"name": "elu", "alpha": 10**400}] * 2}, "is not a whole glassnet network"),
        ({"activations": [DEEP] * 2}, "is not a whole glassnet network"),
        ({"about": None}, "its metadata have no about"),
        ({"about": []}, "its metadata have no about"),
    ],
)
def test_wrong_metadata_are_refused_by_name(path, header, says):
    save_checkpoint(path, checkpoint())
    refused(rewritten(path, header=header), says)
    refused(path, says, read_checkpoint)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        (None, "is a safetensors file, but no network of glassnet: its metadata do not say so"),
        ({}, "is a safetensors file, but no network of glassnet"),
        ({"format": "pt"}, "is a safetensors file, but no network of glassnet"),
        ({"glassnet": ""}, "its metadata are no JSON"),
        ({"glassnet": "{"}, "its metadata are no JSON"),
        ({"glassnet": "[" * 100_000}, "its metadata are no JSON"),
        ({"glassnet": "9" * 10_000}, "its metadata are no JSON"),
        ({"glassnet": "[]"}, f"has format None, expected {FORMAT}"),
        ({"glassnet": "null"}, f"has format None, expected {FORMAT}"),
    ],
)
def test_files_of_others_are_refused(path, metadata, says):
    path.write_bytes(safetensors.numpy.save({"layers.0.weight": zeros(2, 3)}, metadata=metadata))
    refused(path, says)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("state", "says"),
    [
        ({"step": -1}, "step, total, epoch, example and cost_from must be whole numbers from 0"),
        ({"step": 1.0}, "step, total, epoch, example and cost_from must be whole numbers"),
        ({"epoch": True}, "must be whole numbers"),
        ({"example": "3"}, "must be whole numbers"),
        ({"total": -5}, "must be whole numbers"),
        ({"begun": 0.5}, "begun a whole number"),
        ({"begun": None}, "'begun'"),
        ({"step": None}, "'step'"),
        ({"settings": None}, "'settings'"),
        ({"cost_sum": float("nan")}, "cost_sum and first_cost must be finite numbers"),
        ({"cost_sum": 10**400}, "does not describe a checkpoint"),
        ({"first_cost": float("inf")}, "cost_sum and first_cost must be finite numbers"),
        ({"first_cost": "0.5"}, "cost_sum and first_cost must be finite numbers"),
        ({"settings": []}, "expected training settings with cost, optimizer, epochs, batch_size, seed, dropout"),
        ({"settings": {**Settings().to_data(), "magic": 1}}, "expected training settings with"),
        ({"settings": {**Settings().to_data(), "epochs": 0}}, "epochs must be a whole number of at least 1, got 0"),
        (
            {"settings": {**Settings().to_data(), "dropout": 1}},
            "dropout must be a finite number at least 0 and below 1",
        ),
        ({"settings": {**Settings().to_data(), "cost": {"name": "magic"}}}, "unknown cost 'magic'"),
        ({"settings": {**Settings().to_data(), "optimizer": {"name": "magic"}}}, "unknown optimizer 'magic'"),
        ({"settings": {**Settings().to_data(), "optimizer": DEEP}}, "does not describe a checkpoint"),
        ({"settings": {**Settings().to_data(), "deform": {"name": "magic"}}}, "unknown deformation 'magic'"),
        ({"settings": {**Settings().to_data(), "deform": "affine"}}, "deformation"),
        ({"settings": {**Settings().to_data(), "deform": DEEP}}, "does not describe a checkpoint|deformation"),
        ({"settings": {**Settings().to_data(), "deform": {"name": "elastic", "sigma": 0}}}, "sigma of elastic must be"),
        (
            {"settings": Settings(optimizer=SGD()).to_data()},
            "the running averages mean, square, which are not those of sgd",
        ),
    ],
)
def test_wrong_checkpoints_are_refused_by_name(path, state, says):
    save_checkpoint(path, checkpoint())
    rewritten(path, state=state)
    refused(path, says, read_checkpoint)
    same(read_network(path)[0].layers, checkpoint().network.layers)  # the network itself is whole


def test_a_network_is_no_checkpoint(path):
    save_network(path, checkpoint().network)
    refused(
        path, "holds a network but no checkpoint: training cannot go on from it, only start from it", read_checkpoint
    )
    save_checkpoint(path, checkpoint())
    refused(rewritten(path, header={"checkpoint": "yes"}), "holds a network but no checkpoint", read_checkpoint)


def test_what_is_no_file_is_refused(path, tmp_path):
    refused(path, "cannot read .*: No such file")
    refused(tmp_path, r"is a folder: expected a \.safetensors file")
    path.touch()
    refused(path, r"is empty: expected a \.safetensors file")
    path.write_text("not a network\n" * 9)
    refused(path, "is not a whole safetensors file")


def test_every_cut_and_every_addition_is_refused(path):
    save_checkpoint(path, checkpoint(SGD(momentum=0.5)))
    body = path.read_bytes()
    for length in range(1, len(body)):
        path.write_bytes(body[:length])
        refused(path, "is not a whole safetensors file")
    path.write_bytes(body + b"\0")
    refused(path, "is not a whole safetensors file")


def test_a_pickle_called_safetensors_is_refused(path, tmp_path):
    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "harm"),)

    body = pickle.dumps(Harm())
    path.write_bytes(body)
    refused(path, "is not a whole safetensors file")
    path.write_bytes(struct.pack("<Q", len(body)) + body)
    refused(path, "is not a whole safetensors file")
    assert not (tmp_path / "harm").exists()
    pickle.loads(body)
    assert (tmp_path / "harm").exists()


# ── Headers that lie ─────────────────────────────────────────────────────────────────────────────────────────────────


def lie(length=None, shape=(3, 4), offsets=(0, 48), dtype="F32", metadata=None, data=48):
    """A file with one tensor, and a header that says what it likes."""
    inside = {"layers.0.weight": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}
    if metadata is not None:
        inside["__metadata__"] = {"glassnet": json.dumps(metadata)}
    text = json.dumps(inside).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(data)


GOOD = {"format": FORMAT, "activations": [{"name": "sigmoid"}], "about": {}}
LIES = {
    "a header of 2⁶³ bytes": lie(length=2**63 - 1),
    "a header of 99 MB": lie(length=99_000_000),
    "a tensor of 2⁶⁰ numbers": lie(shape=(2**30, 2**30), offsets=(0, 2**62), metadata=GOOD),
    "a tensor of 4 GB": lie(shape=(2**10, 2**20), offsets=(0, 2**32), metadata=GOOD),
    "a tensor larger than its bytes": lie(shape=(2**10, 2**20), metadata=GOOD),
    "sizes that overflow": lie(shape=(2**32, 2**32, 2**32), metadata=GOOD),
    "bytes that are not there": lie(offsets=(2**40, 2**40 + 48), metadata=GOOD),
    "bytes that end before they begin": lie(offsets=(48, 0), metadata=GOOD),
    "a size below zero": lie(shape=(-3, 4), metadata=GOOD),
    "no bytes at all": lie(shape=(0, 2**60), offsets=(0, 0), data=0, metadata=GOOD),
    "more layers than tensors": lie(metadata={**GOOD, "activations": [0] * 2_000_000}),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
@pytest.mark.parametrize("kind", LIES)
def test_a_lying_header_takes_no_memory(path, kind):
    path.write_bytes(LIES[kind])
    error, megabytes = read_elsewhere(path)
    assert error.startswith(str(path))
    assert megabytes <= 64 + len(LIES[kind]) / 2**20
    assert kind == "more layers than tensors" or megabytes < 8


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_the_measure_of_memory_sees_what_is_taken(path):
    save_network(path, Network.random((1000, 8000, 10)))
    error, megabytes = read_elsewhere(path)
    assert error is None
    assert megabytes > 30


def read_elsewhere(path):
    """What a model file raised, and the megabytes it took, in a process of its own."""
    command = [sys.executable, "-W", "error", __file__, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def read_alone(path):
    def high_water():
        return int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])

    small = Path(path).with_name("small.safetensors")
    save_checkpoint(small, checkpoint())
    read_checkpoint(small)  # so that what is loaded once is not counted
    error, before = None, high_water()
    try:
        read_network(path)
    except WrongFile as caught:
        error = str(caught)
    print(json.dumps([error, (high_water() - before) / 1024]))


if __name__ == "__main__":
    read_alone(sys.argv[1])


def test_what_could_not_be_read_again_is_refused_before_it_is_written(path):
    """Whatever is saved can be read: the same is asked on both sides."""
    network = Network.random((4, 3, 2))
    first, second = network.layers
    nan = np.full_like(first.weight, np.nan)

    class Mine(Sigmoid):
        name = "mine"

    mixed = replace(network, layers=(first, Layer(second.weight.astype(np.float64), second.bias.astype(np.float64))))
    for wrong, says in (
        (mixed, "numbers of one type, this network has float32 and float64"),
        (replace(network, layers=(Layer(nan, first.bias), second)), "layers.0.weight has NaN or infinity"),
        (
            replace(network, layers=(first, Layer(second.weight, second.bias + np.inf))),
            "layers.1.bias has NaN or infinity",
        ),
        (replace(network, activations=(Mine(), sigmoid)), "the activation mine is not one of glassnet's own"),
    ):
        with pytest.raises(WrongValue, match=says):
            save_network(path, wrong)
    with pytest.raises(WrongValue, match="about must be what JSON can hold"):
        save_network(path, network, {"what": object()})

    good = checkpoint(Adam())
    other = replace(good, settings=replace(good.settings, optimizer=SGD(0.1, momentum=0.5)))
    short = {name: moment[:1] for name, moment in good.memory.moments.items()}

    class Wish(SquaredError):
        name = "wish"

    for wrong, says in (
        (other, "the running averages mean, square, which are not those of sgd"),
        (replace(good, cost_sum=math.inf), "cost_sum and first_cost must be finite numbers"),
        (replace(good, example=-1), "must be whole numbers from 0"),
        (replace(good, settings=replace(good.settings, cost=Wish())), "unknown cost 'wish'"),
        (replace(good, memory=replace(good.memory, moments=short)), "is missing or one too many"),
    ):
        with pytest.raises(WrongValue, match=says):
            save_checkpoint(path, wrong)
    assert not path.exists()


def test_half_precision_is_refused_before_it_is_written(tmp_path):
    with pytest.raises(WrongValue, match="only networks in float32 and float64 are saved, this one is in float16"):
        save_network(tmp_path / "half.safetensors", Network.random((3, 2), dtype=np.float16))
    assert not list(tmp_path.iterdir())
