"""Parcels: runs as files that go from one studio to another, by mail or by stick.

A run goes as a zip of its files; as one network or checkpoint in safetensors; or as its settings alone, in JSON, from whose
seed the same run can be begun again. What leaves names data by its last name only, not by the path on this machine. What
comes in is checked before it is believed: nothing is unpickled, nothing is unpacked to a place that the sender chose, and a
run finds its data by the fingerprint of its numbers, among the data that this studio knows.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from glassnet.activations import ACTIVATIONS
from glassnet.checkpoint import Checkpoint, Settings
from glassnet.data import Splits, load
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.explain.examples import cost_for
from glassnet.initializers import as_initializer
from glassnet.interchange import read_checkpoint, read_network, save_checkpoint, save_network
from glassnet.optimizers import as_schedule
from glassnet.runs import Run, about_text
from glassnet.runs.plans import Plan, begun, changed, fingerprints, is_same
from glassnet.runs.recipes import Recipe, pretrained, recipe
from glassnet.runs.replay import Log
from glassnet.settings import from_data, to_data
from glassnet.studio.charts import Charts
from glassnet.studio.trainer import check

__all__ = [
    "FILES",
    "FORMAT",
    "MOST",
    "named_file",
    "packed",
    "plan_of_file",
    "plan_of_pretrained",
    "settings_of",
    "unpacked",
]

FORMAT = 1
"""The version of the settings' JSON. A file with a newer one is refused."""
MOST = 256 * 2**20
"""The largest parcel that is taken, in bytes."""
FILES = {
    "run.json": 2**20,
    "settings.json": 2**20,
    "events.jsonl": 64 * 2**20,
    "first.safetensors": MOST,
    "checkpoint.safetensors": MOST,
    "best.safetensors": MOST,
}
"""The files that a zip of a run may hold, and the largest size of each in bytes."""

_GENTLE = 1 / 30
"""Of its recipe's highest learning rate: with this a trained network goes on learning, and hardly loses what it knows."""
_MORE = 30
"""Epochs that a trained network may go on for, until somebody asks for more."""
_RATIO = 200
"""How many times smaller a file may have been made, at most: what shrinks more was made to flood."""
_ENTRIES = 64 * 1024
"""Bytes of a zip's table of contents, at most; six files need one."""
_PLACE = 10**9
"""No run has more epochs, or more examples in one."""


# ── Out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def settings_of(run: Run, checkpoint: Checkpoint | None = None) -> dict[str, Any]:
    """All that another studio needs to begin this run again, as plain data for JSON.

    Args:
        run: the run.
        checkpoint: how it stands; None: its latest checkpoint.

    Errors: :class:`~glassnet.errors.WrongFile` if it is damaged, or has no checkpoint yet.
    """
    checkpoint = run.checkpoint() if checkpoint is None else checkpoint
    about, network = run.about, checkpoint.network
    changes: list[dict[str, Any]] = []
    last: Any = None
    for event in run.events():
        if event["event"] == "started" and event.get("settings") != last:
            if last is not None:
                changes.append({"at": event["at"], "settings": event.get("settings")})
            last = event.get("settings")
        elif event["event"] == "edited":
            changes.append({"at": event["at"], "edits": event.get("edits")})
    return {
        "format": FORMAT,
        "glassnet": version("glassnet"),
        **({"name": about["name"]} if isinstance(about.get("name"), str) else {}),
        "recipe": about.get("recipe"),
        "sizes": list(network.sizes),
        "activations": [to_data(activation) for activation in network.activations],
        "initializer": about.get("initializer"),
        "seed": checkpoint.settings.seed,
        "settings": checkpoint.settings.to_data(),
        "data": _without_paths(about.get("data")),
        "changes": changes,
    }


def named_file(run: Run, what: str, checkpoint: Checkpoint | None = None) -> tuple[str, str, Any]:
    """One file of a run, to be sent: its name, its media type, and its content, open at its beginning.

    Args:
        run: the run.
        what: ``network``, ``checkpoint``, ``settings`` or ``all``.
        checkpoint: how it stands now, if that is not on disk yet.

    Errors: :class:`~glassnet.errors.WrongFile`, :class:`~glassnet.errors.WrongValue`; :class:`~glassnet.files.NotSaved`
    if there is no room for it.
    """
    stem = _safe(str(run.about.get("name") or f"run {run.path.name}"))
    if what == "all":
        return f"{stem}.zip", "application/zip", packed(run)
    if what == "settings":
        body = json.dumps(settings_of(run, checkpoint), indent=1, ensure_ascii=False) + "\n"
        return f"{stem}.json", "application/json", io.BytesIO(body.encode())
    if what not in ("network", "checkpoint"):
        raise WrongValue(f"there is no file {what!r:.40} of a run: ask for network, checkpoint, settings or all")
    if what == "checkpoint" and checkpoint is None and (run.path / "checkpoint.safetensors").exists():
        return f"{stem}.safetensors", "application/octet-stream", _opened(run.path / "checkpoint.safetensors")
    about = {key: run.about[key] for key in ("classes",) if key in run.about}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.safetensors"
        if what == "checkpoint":
            save_checkpoint(path, run.checkpoint() if checkpoint is None else checkpoint, about)
        else:
            save_network(path, run.network() if checkpoint is None else checkpoint.network, about)
        return f"{stem}.safetensors", "application/octet-stream", _copied(path)


def packed(run: Run) -> Any:
    """A run's files as a zip, in a temporary file that is gone when it is closed. Moments that can be replayed are left out.

    Errors: :class:`~glassnet.errors.WrongFile` if the run has no checkpoint yet, or cannot be read.
    """
    checkpoint = run.checkpoint()  # of what cannot be read no parcel is made
    # The checkpoint first: what is recorded after it is dropped when the run goes on.
    names = ("checkpoint.safetensors", "first.safetensors", "best.safetensors", "events.jsonl")
    made = tempfile.TemporaryFile()  # noqa: SIM115 (whoever sends it closes it)
    try:
        with zipfile.ZipFile(made, "w") as parcel:
            for name in names:
                if (run.path / name).is_file():
                    with _opened(run.path / name) as file:
                        pressed = zipfile.ZIP_STORED if name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
                        with parcel.open(_entry(name, pressed), "w", force_zip64=False) as out:
                            _pour(file, out.write, whole_lines=name == "events.jsonl")
            about = {**run.about, "data": _without_paths(run.about.get("data"), "sources")}
            if isinstance(about.get("from"), str):
                about["from"] = _last_name(about["from"])
            settings = json.dumps(settings_of(run, checkpoint), indent=1, ensure_ascii=False) + "\n"
            for name, body in (("run.json", about_text(about)), ("settings.json", settings.encode())):
                parcel.writestr(_entry(name, zipfile.ZIP_DEFLATED), body)
        made.seek(0)
        return made
    except OSError as error:
        made.close()
        raise WrongFile(f"could not pack {run.path}: {error.strerror or error}") from error
    except BaseException:
        made.close()
        raise


def _entry(name: str, pressed: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name)  # with one date for all: the same run makes the same parcel
    entry.compress_type = pressed
    entry.external_attr = 0o644 << 16
    return entry


def _opened(path: Path) -> Any:
    """A file as it is now: if it is replaced meanwhile, the old one is read to its end."""
    try:
        return path.open("rb")
    except OSError as error:
        raise WrongFile(f"cannot read {path}: {error.strerror or error}") from error


def _copied(path: Path) -> Any:
    made = tempfile.TemporaryFile()  # noqa: SIM115 (whoever sends it closes it)
    with path.open("rb") as file:
        shutil.copyfileobj(file, made)
    made.seek(0)
    return made


def _pour(file: Any, write: Callable[[bytes], Any], whole_lines: bool) -> None:
    """Copy a file as long as it is now; of one that grows by lines, no half line."""
    rest = os.fstat(file.fileno()).st_size
    kept = b""
    while rest and (part := file.read(min(rest, 2**20))):
        rest -= len(part)
        if whole_lines:
            part = kept + part
            end = part.rfind(b"\n") + 1
            part, kept = part[:end], part[end:]
        write(part)


def _without_paths(data: Any, key: str = "names") -> Any:
    """What a run says of its data, with names in place of paths."""
    if not isinstance(data, dict):
        return None
    sources = data.get("sources")
    names = [_last_name(str(each)) for each in sources] if isinstance(sources, list) else []
    return {**{name: each for name, each in data.items() if name != "sources"}, key: names}


def _last_name(path: str) -> str:
    return PurePosixPath(PureWindowsPath(path).as_posix()).name or path


def _safe(name: str) -> str:
    """A file's name that every system takes."""
    kept = re.sub(r"[^\w .,()+=-]+", "-", name).strip(" .-")
    return kept[:80].strip() or "run"


# ── In ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


def unpacked(
    file: Path,
    name: str,
    folder: Path,
    known: Sequence[Sequence[str]],
    check_sizes: Callable[[Sequence[int]], None] = lambda sizes: None,
) -> Run:
    """What came in, as a run in a folder that is still empty: everything in it was checked.

    Args:
        file: where it was put.
        name: what it was called.
        folder: where the run goes.
        known: the sources of data that a run may be on; each as :func:`glassnet.data.load` takes them.
        check_sizes: refuses a network that is too large, by an error.

    Errors: :class:`~glassnet.errors.WrongFile` and :class:`~glassnet.errors.WrongValue` say what is wrong with it;
    :class:`~glassnet.files.NotSaved`.
    """
    name = _last_name(name)[:100] or "the file"
    try:
        with file.open("rb") as opened:
            begin = opened.read(16)
    except OSError as error:
        raise WrongFile(f"cannot read {name}: {error.strerror or error}") from error
    kind = begin.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        if begin[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
            return _of_zip(file, name, folder, known, check_sizes)
        if begin[8:9] == b"{":
            return _of_network(file, name, folder, check_sizes)
        if kind == b"{":
            return _of_settings(file, name, folder, known, check_sizes)
    except (WrongFile, WrongValue) as error:
        # Where it lies for the moment says nothing to whoever sent it.
        text = str(error)
        for path in (folder / "checkpoint.safetensors", folder / "run.json", folder / "events.jsonl", folder, file):
            text = text.replace(str(path), name if path in (folder, file) else path.name)
        raise type(error)(text) from error
    raise WrongFile(
        f"{name} is no run: expected a zip of a run, a network as .safetensors, or settings as .json, all as the studio saves "
        "them"
    )


def plan_of_file(
    file: Path, name: str, check_sizes: Callable[[Sequence[int]], None], advice: str = "send the whole run, as a zip"
) -> Plan:
    """What a file of a network, or a checkpoint, begins a run with: MNIST is the data that goes with it.

    Errors: :class:`~glassnet.errors.WrongFile` if it is damaged, or does not fit MNIST; ``advice`` says what to do then.
    """
    network, _ = read_network(file)
    check_sizes(network.sizes)
    try:
        checkpoint = read_checkpoint(file)[0]
    except WrongFile:  # a network alone
        settings = Settings(cost=cost_for(network))
        checkpoint = Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings)
    splits = load("mnist")
    ends = splits.train.inputs.shape[1], splits.train.targets.shape[1]
    if (network.sizes[0], network.sizes[-1]) != ends:
        raise WrongFile(
            f"{name} holds a network from {network.sizes[0]} numbers to {network.sizes[-1]}, and MNIST, the data that goes "
            f"with such a file, has {ends[0]} and {ends[1]}: {advice}"
        )
    data = {"sources": ["mnist"], "validation": 1 / 6, "seed": 0, "examples": len(splits.train)}
    about = {
        "data": {**data, **fingerprints(splits)},
        "sizes": list(network.sizes),
        "classes": list(splits.train.classes or ()),
    }
    return Plan(checkpoint, splits, about)


def plan_of_pretrained(name: str) -> Plan:
    """What a trained network that comes with glassnet begins a run with.

    Its data is divided as its recipe says: where it has learned from all training images, none are held out to judge it by,
    for it has seen them.

    Errors: :class:`~glassnet.errors.WrongValue` names what there is.
    """
    network, base = pretrained(name), recipe(name)
    # As the recipe would be near its end. From the beginning of its schedule, the large rate would wreck what was learned.
    rate = as_schedule(base.settings.optimizer.learning_rate).rate * _GENTLE
    settings = changed(base.settings, {"schedule": "constant", "learning_rate": rate, "epochs": _MORE})
    splits = load("mnist", validation=base.validation)
    data = {"sources": ["mnist"], "validation": base.validation, "seed": 0, "examples": len(splits.train)}
    about = {
        "name": f"{name}, trained",
        "data": {**data, **fingerprints(splits)},
        "recipe": name,
        "initializer": str(base.initializer),
        "sizes": list(network.sizes),
        "classes": list(splits.train.classes or ()),
    }
    return Plan(Checkpoint(network, settings.optimizer.init(network.layers), 0, 0, settings), splits, about)


def _of_network(file: Path, name: str, folder: Path, check_sizes: Callable[[Sequence[int]], None]) -> Run:
    """A network, or a checkpoint, which goes with MNIST."""
    return _begun_run(plan_of_file(file, name, check_sizes), name, folder)


def _of_settings(
    file: Path,
    name: str,
    folder: Path,
    known: Sequence[Sequence[str]],
    check_sizes: Callable[[Sequence[int]], None],
) -> Run:
    """Settings alone: a new run from their seed."""
    if file.stat().st_size > FILES["settings.json"]:
        raise WrongFile(f"{name} is too large for settings: they take less than {FILES['settings.json'] // 2**20} MiB")
    try:
        given = json.loads(file.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise WrongFile(f"{name} is damaged: it is no JSON ({error!s:.100})") from error
    if not isinstance(given, dict) or not {"format", "settings", "sizes", "activations", "data"} <= set(given):
        raise WrongFile(f"{name} does not hold settings as the studio saves them")
    if given["format"] != FORMAT:
        raise WrongFile(f"{name} has format {given['format']!r:.40}, expected {FORMAT}: a newer glassnet may read it")
    sizes, activations = given["sizes"], given["activations"]
    if (
        not isinstance(sizes, list)
        or len(sizes) < 2
        or not all(type(each) is int and 0 < each <= 10**6 for each in sizes)
    ):
        raise WrongFile(f"{name} does not say how many neurons its layers have")
    check_sizes(sizes)
    if not isinstance(activations, list) or len(activations) != len(sizes) - 1:
        raise WrongFile(f"{name} does not name an activation for each of its {len(sizes) - 1} layers")
    hidden = [from_data(each, "activation", ACTIVATIONS) for each in activations]
    settings = Settings.from_data(given["settings"])
    start = given.get("initializer")
    sources, splits, data = _data_for(given["data"], known, name)
    ends = splits.train.inputs.shape[1], splits.train.targets.shape[1]
    if (sizes[0], sizes[-1]) != ends:
        raise WrongFile(f"{name} has sizes that do not fit its data, which has {ends[0]} inputs and {ends[1]} outputs")
    base = Recipe(
        given["recipe"] if isinstance(given.get("recipe"), str) else "plain",
        "",
        tuple(sizes),
        output=hidden[-1],
        initializer=as_initializer(start if isinstance(start, str) else "glorot"),
        settings=settings,
    )
    plan = begun(
        base,
        sizes=sizes,
        hidden=hidden[:-1] or None,
        seed=settings.seed,
        validation=data["validation"],
        sources=sources,
    )
    if not isinstance(given.get("recipe"), str):
        plan.about["recipe"] = None
    if isinstance(given.get("name"), str):
        plan.about["name"] = _name(given["name"])
    return _begun_run(plan, name, folder)


def _begun_run(plan: Plan, name: str, folder: Path) -> Run:
    check(plan)
    about = {**plan.about, "from": name}
    about.setdefault("name", _name(Path(name).stem))
    run = Run.create(
        folder, {key: each for key, each in about.items() if each is not None or key != "name"}, plan.checkpoint
    )
    run.save(plan.checkpoint)
    return run


def _of_zip(
    file: Path,
    name: str,
    folder: Path,
    known: Sequence[Sequence[str]],
    check_sizes: Callable[[Sequence[int]], None],
) -> Run:
    """A whole run."""
    _check_contents(file, name)
    try:
        with zipfile.ZipFile(file) as parcel:
            for entry in _entries(parcel, name):
                if entry.filename != "settings.json":  # which only repeats the others, for people
                    with parcel.open(entry) as inside, (folder / entry.filename).open("xb") as out:
                        _unpour(inside, out, FILES[entry.filename], entry.filename, name)
    except GlassnetError:
        raise
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        struct.error,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise WrongFile(f"{name} is damaged, or no zip as the studio makes it ({error!s:.100})") from error
    except OSError as error:
        raise WrongFile(f"could not unpack {name}: {error.strerror or error}") from error

    run = Run.open(folder)
    about = _about(run.about, name)
    checkpoint = run.checkpoint()
    network = checkpoint.network
    check_sizes(network.sizes)
    for other in (run.first(), run.best()):
        if other is not None and (
            other.network.sizes != network.sizes or other.network.activations != network.activations
        ):
            raise WrongFile(f"{name} is damaged: its networks are not all of one run")
    numbers = run.about.get("classes", ()) is None
    sources, splits, data = _data_for(run.about.get("data"), known, name, numbers)
    n = len(splits.train)
    if checkpoint.epoch > _PLACE or checkpoint.example > n:
        raise WrongFile(f"{name} is damaged: it stands at example {checkpoint.example:,} of {n:,}")
    check(Plan(checkpoint, splits, about))
    try:
        events = run.events()
        places = [each for event in events for each in (*event["at"], event["step"])]
        if not all(0 <= each <= _PLACE for each in places) or not all(
            isinstance(each["event"], str) for each in events
        ):
            raise WrongFile(f"{name} is damaged: its record tells of what no run does")
        Log.of(events)
        Charts.of(events, n)
    except (TypeError, ValueError, KeyError, OverflowError, AttributeError) as error:
        if isinstance(error, GlassnetError):
            raise
        raise WrongFile(f"{name} is damaged: its record cannot be read ({error})") from error
    run.describe({**about, "data": {**data, "sources": list(sources)}})
    return run


def _check_contents(file: Path, name: str) -> None:
    """Refuse a zip whose table of contents is no small one, before anybody reads it into memory."""
    with file.open("rb") as opened:
        size = opened.seek(0, os.SEEK_END)
        opened.seek(max(0, size - 42))
        end = opened.read()[-42:]
    last = end[-22:]
    if len(last) < 22 or last[:4] != b"PK\x05\x06" or last[20:] != b"\0\0":
        raise WrongFile(f"{name} is damaged, or no zip as the studio makes it: its end is missing")
    if end[:4] == b"PK\x06\x07" or int.from_bytes(last[12:16], "little") > _ENTRIES:
        raise WrongFile(f"{name} holds more than a run's files")


def _entries(parcel: zipfile.ZipFile, name: str) -> Iterator[zipfile.ZipInfo]:
    """The entries of a zip, each of them known, none twice, all of them small enough."""
    seen: set[str] = set()
    for entry in parcel.infolist():
        inside = entry.filename
        if inside not in FILES:
            raise WrongFile(f"{name} holds {inside!r:.60}, which is no file of a run: it may have {', '.join(FILES)}")
        if inside in seen:
            raise WrongFile(f"{name} holds {inside} twice")
        seen.add(inside)
        if entry.flag_bits & 1:
            raise WrongFile(f"{name} is encrypted: send it without a password")
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise WrongFile(f"{name} is compressed in a way that the studio does not read: use the usual one")
        if entry.file_size > FILES[inside]:
            raise WrongFile(f"{inside} in {name} is larger than the {FILES[inside] // 2**20} MiB that are taken")
        if entry.file_size > 2**20 and entry.file_size > _RATIO * entry.compress_size:
            raise WrongFile(f"{inside} in {name} grows {_RATIO} times and more when it is unpacked, which no run does")
    missing = {"run.json", "checkpoint.safetensors"} - seen
    if missing:
        raise WrongFile(f"{name} is no whole run: it has no {min(missing)}")
    yield from parcel.infolist()


def _unpour(inside: Any, out: Any, most: int, entry: str, name: str) -> None:
    """Unpack, and count: what a zip says of its sizes need not be true."""
    so_far = 0
    while part := inside.read(2**20):
        so_far += len(part)
        if so_far > most:
            raise WrongFile(f"{entry} in {name} is larger than the {most // 2**20} MiB that are taken")
        out.write(part)


def _about(about: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a run says of itself, as far as it is what a run may say."""
    texts = ("glassnet", "created", "python", "numpy", "recipe", "initializer", "engine")
    kept: dict[str, Any] = {key: about[key] for key in texts if _is_text(about.get(key), 200)}
    if isinstance(about.get("name"), str) and (title := _name(about["name"])):
        kept["name"] = title
    kept["from"] = name
    if type(about.get("arithmetic")) is int and 0 < about["arithmetic"] < _PLACE:
        kept["arithmetic"] = about["arithmetic"]
    if type(about.get("patience")) is int and 0 < about["patience"] < _PLACE:
        kept["patience"] = about["patience"]
    for key, good in (("classes", _is_classes), ("sizes", _is_sizes), ("bookmarks", _is_bookmarks)):
        if key in about and good(about[key]):
            kept[key] = about[key]
    return kept


def _is_text(value: Any, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most


def _is_classes(value: Any) -> bool:
    return value is None or (
        isinstance(value, list) and len(value) <= 10**6 and all(isinstance(each, str) for each in value)
    )


def _is_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) is int for each in value)


def _is_bookmarks(value: Any) -> bool:
    def good(mark: Any) -> bool:
        if not isinstance(mark, dict) or not _is_text(mark.get("name"), 100):
            return False
        at = mark.get("at")
        if (
            not isinstance(at, list)
            or len(at) != 2
            or not all(type(each) is int and 0 <= each <= _PLACE for each in at)
        ):
            return False
        return all(type(each) is int for key, each in mark.items() if key not in ("name", "at"))

    return isinstance(value, list) and len(value) <= 1000 and all(map(good, value))


def _name(text: str) -> str | None:
    """A name that can be shown: one line, not too long; None if nothing is left of it."""
    return (
        "".join(" " if each.isspace() else each for each in text if each.isprintable() or each.isspace()).strip()[:100]
        or None
    )


def _data_for(
    data: Any, known: Sequence[Sequence[str]], name: str, numbers: bool = False
) -> tuple[list[str], Splits, dict[str, Any]]:
    """Which of the known sources a run was trained on: theirs is the same fingerprint. ``numbers``: whether it took the targets
    for numbers to predict.
    """
    if not isinstance(data, dict) or not _is_text(data.get("fingerprint"), 200):
        raise WrongFile(f"{name} does not say which data it was trained on")
    validation, seed = data.get("validation"), data.get("seed")
    if isinstance(validation, bool) or not isinstance(validation, int | float) or not 0 <= validation <= _PLACE:
        raise WrongFile(f"{name} does not say how its data was divided")
    if type(seed) is not int or not 0 <= seed < 2**63:
        raise WrongFile(f"{name} does not say how its data was divided")
    names = data.get("names", data.get("sources"))
    names = [_last_name(each)[:60] for each in names if isinstance(each, str)][:5] if isinstance(names, list) else []
    for sources in sorted(known, key=lambda each: [_last_name(path) for path in each] != names):  # the likeliest first
        try:
            splits = load(*sources, validation=validation, seed=seed, numbers=numbers)
        except GlassnetError:  # it is not there any more, or cannot be divided so
            continue
        if is_same(data, splits):
            plain = {"sources": list(sources), "validation": validation, "seed": seed, "examples": len(splits.train)}
            return list(sources), splits, {**plain, **fingerprints(splits)}
    raise WrongFile(
        f"{name} was trained on {' and '.join(names) or 'data'} that this studio does not have: add that very data first, "
        "then send this again"
    )
