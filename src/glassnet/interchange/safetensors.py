"""A network, or a whole checkpoint, to and from a safetensors file.

The tensors are ``layers.0.weight``, ``layers.0.bias``, …, and, in a checkpoint, the optimizer's running averages
``moments.velocity.layers.0.weight``, …. The file's metadata has one entry, ``glassnet``: JSON that says which activations the
layers have, which cost the network was trained by if that is known, and, in a checkpoint, where the training stands. Any
program that reads safetensors can read the weights. That JSON is sealed (see :mod:`glassnet.files`), and in it are checksums of
the tensors' shapes and of their numbers.

Nothing is ever unpickled. Names, shapes and dtypes are checked from the header before memory is taken for the numbers,
and the numbers must be finite (which safetensors itself does not check).
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet import files
from glassnet.activations import ACTIVATIONS
from glassnet.arrays import to_numpy
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.costs import COSTS, Cost
from glassnet.errors import WrongFile, WrongValue
from glassnet.network import Layer, Network, Parameters
from glassnet.optimizers import Memory
from glassnet.settings import from_data, to_data

__all__ = ["FORMAT", "read_checkpoint", "read_header", "read_network", "save_checkpoint", "save_network"]

FORMAT = 1
"""The version of the metadata. A file with a newer one is refused."""


def save_network(path: str | Path, network: Network, about: dict[str, Any] | None = None) -> None:
    """Write a network to a safetensors file, atomically.

    Its cost is noted if it is one of glassnet's own (:data:`~glassnet.costs.COSTS`): nobody else could make another of it.

    Args:
        path: where; ``.safetensors`` by custom.
        network: in any array library.
        about: anything JSON can hold: where the network comes from, the names of its classes.

    Errors: :class:`~glassnet.files.NotSaved`; :class:`~glassnet.errors.WrongValue` for what could not be read again: numbers
    that are not all float32 or all float64, or not finite; an activation that is not glassnet's own.
    """
    cost = network.cost
    noted = {} if cost is None or COSTS.get(cost.name) is not type(cost) else {"cost": to_data(cost)}
    _save(path, network, {}, {**noted, "about": about or {}})


def save_checkpoint(path: str | Path, checkpoint: Checkpoint, about: dict[str, Any] | None = None) -> None:
    """Write a checkpoint to a safetensors file, atomically. :func:`read_network` reads it too.

    Errors: as :func:`save_network`; :class:`~glassnet.errors.WrongValue` also for running averages that are not those of
    its optimizer, and for a cost or an optimizer that is not glassnet's own.
    """
    state = {
        "step": checkpoint.memory.step,
        "begun": checkpoint.memory.begun,
        "total": checkpoint.memory.total,
        "epoch": checkpoint.epoch,
        "example": checkpoint.example,
        "cost_sum": checkpoint.cost_sum,
        "cost_from": checkpoint.cost_from,
        "first_cost": checkpoint.first_cost,
        "settings": checkpoint.settings.to_data(),
    }
    try:
        _checkpoint(checkpoint.network, checkpoint.memory.moments, state)
    except _UNREADABLE as error:
        raise WrongValue(f"this checkpoint cannot be saved, since it could not be read again: {error}") from error
    _save(path, checkpoint.network, checkpoint.memory.moments, {"about": about or {}, "checkpoint": state})


def read_network(path: str | Path) -> tuple[Network, dict[str, Any]]:
    """The network in a file, as NumPy arrays, and what was noted about it.

    Errors: :class:`~glassnet.errors.WrongFile` names the file and says what is wrong with it.
    """
    network, _, header = _read(Path(path))
    return network, header["about"]


def read_checkpoint(path: str | Path) -> tuple[Checkpoint, dict[str, Any]]:
    """The checkpoint in a file, as NumPy arrays, and what was noted about it.

    Errors: :class:`~glassnet.errors.WrongFile` names the file and says what is wrong with it.
    """
    path = Path(path)
    network, moments, header = _read(path)
    state = header.get("checkpoint")
    if not isinstance(state, dict):
        raise WrongFile(f"{path} holds a network but no checkpoint: training cannot go on from it, only start from it")
    try:
        if "sums" not in header:
            moments = _begun_anew(network, moments, state)
        return _checkpoint(network, moments, state), header["about"]
    except _UNREADABLE as error:
        raise WrongFile(f"{path} does not describe a checkpoint as glassnet writes it: {error}") from error


_UNREADABLE = (KeyError, TypeError, OverflowError, RecursionError, WrongValue)


def _checkpoint(network: Network, moments: dict[str, Parameters], state: dict[str, Any]) -> Checkpoint:
    """The checkpoint that a file's header tells of.

    Errors: :class:`~glassnet.errors.WrongValue`, ``KeyError``, …: what is wrong with it.
    """
    settings = Settings.from_data(state["settings"])
    state = {"cost_from": 0, **state}  # files of before a cost could begin midway do not say so
    step, epoch, example, cost_from = (state[key] for key in ("step", "epoch", "example", "cost_from"))
    total, begun = state["total"], state["begun"]
    counts = [step, epoch, example, cost_from, 0 if total is None else total]
    if type(begun) is not int or not all(type(count) is int and count >= 0 for count in counts):
        raise WrongValue(
            "step, total, epoch, example and cost_from must be whole numbers from 0, and begun a whole number"
        )
    numbers = [state["cost_sum"], 0.0 if state["first_cost"] is None else state["first_cost"]]
    if not all(isinstance(number, int | float) and math.isfinite(number) for number in numbers):
        raise WrongValue("cost_sum and first_cost must be finite numbers")
    if set(moments) != set(settings.optimizer.used_moments()):
        have = ", ".join(sorted(moments)) or "none"
        raise WrongValue(f"it has the running averages {have:.60}, which are not those of {settings.optimizer}")
    first_cost = None if state["first_cost"] is None else float(state["first_cost"])
    memory = Memory(step, total, moments, begun)
    return Checkpoint(network, memory, epoch, example, settings, float(state["cost_sum"]), first_cost, cost_from)


def _begun_anew(network: Network, moments: dict[str, Parameters], state: dict[str, Any]) -> dict[str, Parameters]:
    """The running averages of a file without a checksum: earlier versions saved a finished training of which the optimizer
    was changed with those of the optimizer before. Another optimizer begins with averages of its own, at zero.
    """
    optimizer = Settings.from_data(state["settings"]).optimizer
    if set(moments) == set(optimizer.used_moments()):
        return moments
    state["begun"] = state["step"]
    return optimizer.init(network.layers).moments


def _save(path: str | Path, network: Network, moments: dict[str, Parameters], header: dict[str, Any]) -> None:
    from safetensors.numpy import save

    tensors = _named("", network.layers)
    for name, moment in moments.items():
        tensors |= _named(f"moments.{name}.", moment)
    kinds = sorted({str(tensor.dtype) for tensor in tensors.values()})
    if kinds not in (["float32"], ["float64"]):
        raise WrongValue(
            f"only networks in float32 and float64 are saved, this one is in {', '.join(kinds)}: convert it with to()"
            if len(kinds) == 1
            else f"a file holds numbers of one type, this network has {' and '.join(kinds)}: convert it with to()"
        )
    for name, tensor in tensors.items():
        if not np.isfinite(tensor).all():
            raise WrongValue(f"{name} has NaN or infinity in it, so it is not saved: no one could read it")
    _check_shapes({name: tensor.shape for name, tensor in tensors.items()}, len(network.layers))
    activations = [to_data(each) for each in network.activations]
    for activation, data in zip(network.activations, activations, strict=True):
        if ACTIVATIONS.get(activation.name) is not type(activation):
            raise WrongValue(
                f"the activation {activation.name} is not one of glassnet's own: no file can hold it ({data})"
            )
    header = {"format": FORMAT, "activations": activations, **header, "sums": _sums(tensors)}
    try:
        text = json.dumps(files.sealed(header), ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongValue(f"about must be what JSON can hold ({error})") from error
    files.write(path, save(tensors, metadata={"glassnet": text}))


def _sums(tensors: dict[str, NDArray[Any]]) -> dict[str, str]:
    """Checksums of the tensors: of their names, types and shapes, which can be checked without reading the numbers; and of
    the numbers.
    """
    kinds = {name: (f"F{8 * tensor.dtype.itemsize}", tensor.shape) for name, tensor in tensors.items()}
    return {"shapes": _sum_of_shapes(kinds), "numbers": _sum_of_numbers(tensors)}


def _sum_of_shapes(kinds: dict[str, tuple[str, tuple[int, ...]]]) -> str:
    table = [[name, kind, list(shape)] for name, (kind, shape) in sorted(kinds.items())]
    return files.digest(json.dumps(table).encode())


def _sum_of_numbers(tensors: dict[str, NDArray[Any]]) -> str:
    return files.digest(*(np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8) for name in sorted(tensors)))


def _named(prefix: str, parameters: Parameters) -> dict[str, NDArray[Any]]:
    return {
        f"{prefix}layers.{number}.{name}": np.ascontiguousarray(to_numpy(array))
        for number, layer in enumerate(parameters)
        for name, array in (("weight", layer.weight), ("bias", layer.bias))
    }


def _read(path: Path) -> tuple[Network, dict[str, Parameters], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        if path.is_dir():
            raise WrongFile(f"{path} is a folder: expected a .safetensors file")
        if path.stat().st_size == 0:
            raise WrongFile(f"{path} is empty: expected a .safetensors file")
        with safe_open(path, framework="numpy") as file:
            header = _header(file.metadata(), path)
            count = len(header["activations"])
            kinds = {}
            for name in file.keys():  # noqa: SIM118 (not a dict)
                part = file.get_slice(name)
                kinds[name] = part.get_dtype(), tuple(part.get_shape())
            moments = _check_shapes({name: shape for name, (_, shape) in kinds.items()}, count)
            types = {kind for kind, _ in kinds.values()}
            if len(types) != 1 or not types <= {"F32", "F64"}:
                raise WrongValue(f"it holds numbers of type {', '.join(sorted(types))}, expected one of F32 and F64")
            _check_sum(header, "shapes", _sum_of_shapes(kinds))
            tensors = {name: file.get_tensor(name) for name in kinds}
        for name, tensor in tensors.items():
            if not np.isfinite(tensor).all():
                raise WrongValue(f"{name} has NaN or infinity in it")
        _check_sum(header, "numbers", _sum_of_numbers(tensors))
        activations = tuple(from_data(data, "activation", ACTIVATIONS) for data in header["activations"])
        network = Network(_layers("", tensors, count), activations, _cost(header))
        return network, {name: _layers(f"moments.{name}.", tensors, count) for name in moments}, header
    except (WrongValue, OverflowError, RecursionError) as error:  # of numbers too large, of settings nested too deep
        raise WrongFile(f"{path} is not a whole glassnet network: {error}") from error
    except SafetensorError as error:
        raise WrongFile(f"{path} is not a whole safetensors file ({str(error)!r:.200})") from error
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror or error}") from error


def read_header(path: Path) -> tuple[dict[str, Any], dict[str, tuple[int, ...]]]:
    """What a file of ours says of itself, and the tensors' shapes, without reading the numbers.

    Errors: :class:`~glassnet.errors.WrongFile`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            parts = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
            kinds = {name: (part.get_dtype(), tuple(part.get_shape())) for name, part in parts.items()}
            header = _header(file.metadata(), path)
            _check_sum(header, "shapes", _sum_of_shapes(kinds))
            return header, {name: shape for name, (_, shape) in kinds.items()}
    except (WrongValue, OverflowError, RecursionError) as error:
        raise WrongFile(f"{path} is damaged: {error}") from error
    except SafetensorError as error:
        raise WrongFile(f"{path} is damaged: it is not a whole safetensors file ({str(error)!r:.200})") from error
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror or error}") from error


def _check_sum(header: dict[str, Any], which: str, found: str) -> None:
    """Refuse tensors that are not those that were saved; of a file of before there were checksums nothing is known."""
    sums = header.get("sums")
    if sums is not None and (not isinstance(sums, dict) or sums.get(which) != found):
        raise WrongValue(f"its {which} are not those that were saved (their checksum is another): bring back a copy")


def _cost(header: dict[str, Any]) -> Cost | None:
    """The cost of the training: the file's own entry or, in a checkpoint, that of its settings. None if neither says, as in
    files of before networks knew, and where it is somebody's own.
    """
    if "cost" in header:
        return from_data(header["cost"], "cost", COSTS)
    try:
        data = header["checkpoint"]["settings"]["cost"]
        return from_data(data, "cost", COSTS) if data["name"] in COSTS else None
    except (KeyError, TypeError):  # no checkpoint, or one that read_checkpoint will refuse in its own words
        return None


def _header(metadata: dict[str, str] | None, path: Path) -> dict[str, Any]:
    """The metadata's JSON, with its outermost shape checked."""
    if not metadata or "glassnet" not in metadata:
        raise WrongFile(f"{path} is a safetensors file, but no network of glassnet: its metadata do not say so")
    try:
        header = json.loads(metadata["glassnet"])
    except (ValueError, RecursionError) as error:
        raise WrongValue(f"its metadata are no JSON ({error})") from error
    if isinstance(header, dict):
        header = files.check_seal(header, f"the header of {path}")
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        version = header.get("format") if isinstance(header, dict) else None
        raise WrongValue(f"it has format {version!r:.60}, expected {FORMAT}: a newer glassnet may read it")
    if not isinstance(header.get("activations"), list) or not header["activations"]:
        raise WrongValue("its metadata name no activations")
    if not isinstance(header.get("about"), dict):
        raise WrongValue("its metadata have no about")
    return header


def _check_shapes(shapes: dict[str, tuple[int, ...]], count: int) -> list[str]:
    """Refuse tensors that do not make ``count`` layers that follow on from each other; the names of the moments."""
    moments = sorted({name.split(".")[1] for name in shapes if name.startswith("moments.")})
    prefixes = ["", *(f"moments.{name}." for name in moments)]
    if count * len(prefixes) > len(shapes):  # asked before as many names are made as the file says it has layers
        raise WrongValue(f"it has activations for {count:,} layers, but only {len(shapes):,} tensors")
    expected = {
        f"{prefix}layers.{number}.{part}"
        for prefix in prefixes
        for number in range(count)
        for part in ("weight", "bias")
    }
    if set(shapes) != expected:
        odd = sorted(set(shapes) ^ expected)
        raise WrongValue(
            f"it should hold {len(expected)} tensors for {count} layers, but {odd[0]!r:.60} is missing or one too many"
        )
    width = None
    for number in range(count):
        weight = shapes[f"layers.{number}.weight"]
        if len(weight) != 2 or 0 in weight or (width is not None and weight[1] != width):
            raise WrongValue(
                f"layers.{number}.weight has the shape {weight}, which does not follow on from the layer before"
            )
        width = weight[0]
        for prefix in prefixes:
            for part, shape in (("weight", weight), ("bias", weight[:1])):
                name = f"{prefix}layers.{number}.{part}"
                if shapes[name] != shape:
                    raise WrongValue(f"{name} has the shape {shapes[name]}, expected {shape}")
    return moments


def _layers(prefix: str, tensors: dict[str, NDArray[Any]], count: int) -> Parameters:
    return tuple(
        Layer(tensors[f"{prefix}layers.{number}.weight"], tensors[f"{prefix}layers.{number}.bias"])
        for number in range(count)
    )
