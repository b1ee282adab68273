"""Writing a file: whatever fails, and wherever, it is the old one or the new one, whole."""

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from glassnet import files
from glassnet.errors import GlassnetError
from glassnet.files import NotSaved, write

OLD, NEW = b"the old one", b"the new one, " + bytes(range(256)) * 300
ALONE = "import sys; from glassnet.files import write; write(sys.argv[1], bytes(100_000))"


def machine(failing=None, code=errno.ENOSPC, gulp=40_000):
    """The operating system for glassnet.files: every call is noted in ``did``, and the ``failing``-th one fails.

    A write takes no more than ``gulp`` bytes at a time.
    """
    did, names = [], {}

    def noted(name):
        def call(what, *more):
            words = [Path(each).name for each in (what, *more) if isinstance(each, str | Path)]
            did.append(f"{name} {' to '.join(words) or names[what]}")
            if len(did) == failing:
                if name == "close":  # what is closed is gone, even if that fails
                    os.close(what)
                raise OSError(code, os.strerror(code))
            if name == "write":
                return os.write(what, more[0][:gulp])
            result = getattr(os, name)(what, *more)
            if name == "open":
                names[result] = Path(what).name
            return result

        return call

    calls = {name: noted(name) for name in ("open", "write", "fsync", "close", "replace", "unlink")}
    return SimpleNamespace(**{**vars(os), **calls}, did=did)


def failing(name):
    """A call that always fails."""

    def call(*_):
        raise OSError(errno.EIO, f"{name} is broken")

    return call


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "folder"


@pytest.fixture
def path(folder):
    folder.mkdir()
    (folder / "model").write_bytes(OLD)
    return folder / "model"


IN_ORDER = [
    "open .model.partial",
    "write .model.partial",
    "write .model.partial",
    "fsync .model.partial",
    "close .model.partial",
    "replace .model.partial to model",
    "open folder",
    "fsync folder",
    "close folder",
]
REPLACED = 1 + IN_ORDER.index("replace .model.partial to model")


def test_a_save_is_written_and_only_then_renamed(path, monkeypatch):
    noted = machine()
    monkeypatch.setattr(files, "os", noted)
    write(path, NEW)
    assert noted.did == IN_ORDER
    assert path.read_bytes() == NEW
    assert os.listdir(path.parent) == ["model"]


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_a_save_reaches_the_disk_in_order(path, tmp_path):
    trace = tmp_path / "trace"
    calls = "trace=openat,open,write,fsync,rename,renameat,renameat2"
    command = ["strace", "-f", "-y", "-o", trace, "-e", calls, sys.executable, "-c", ALONE, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if "ptrace" in done.stderr:
        pytest.skip("strace may not look into processes here")
    assert done.returncode == 0, done.stderr
    lines = [line.partition(" ")[2].strip() for line in trace.read_text().splitlines() if str(path.parent) in line]
    partial, folder = re.escape(str(path.parent / ".model.partial")), re.escape(str(path.parent))
    expected = [
        rf'open(at)?\(.*"{partial}", O_WRONLY\|O_CREAT\|O_TRUNC.* = \d+',
        rf"write\(\d+<{partial}>, .*, 100000\) += 100000",
        rf"fsync\(\d+<{partial}>\) += 0",
        rf'rename(at2?)?\(.*"{partial}".*"{folder}/model".*\) += 0',
        rf'open(at)?\(.*"{folder}", O_RDONLY.* = \d+',
        rf"fsync\(\d+<{folder}>\) += 0",
    ]
    assert len(lines) == len(expected), lines
    for line, pattern in zip(lines, expected, strict=True):
        assert re.match(pattern, line), (pattern, line)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("number", range(1, REPLACED + 1))
def test_what_fails_before_the_rename_leaves_the_old_file(path, monkeypatch, number, code):
    noted = machine(number, code)
    monkeypatch.setattr(files, "os", noted)
    with pytest.raises(NotSaved) as caught:
        write(path, NEW)
    assert noted.did[:number] == IN_ORDER[:number]
    assert str(caught.value) == (
        f"could not save {path}: {os.strerror(code)}. The file from before is untouched. Make room, or choose a folder that "
        "can be written."
    )
    assert path.read_bytes() == OLD
    assert os.listdir(path.parent) == ["model"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("number", range(REPLACED + 1, len(IN_ORDER) + 1))
def test_what_fails_after_the_rename_leaves_the_new_file_and_says_so(path, monkeypatch, number, code):
    monkeypatch.setattr(files, "os", machine(number, code))
    with pytest.raises(NotSaved) as caught:
        write(path, NEW)
    assert str(caught.value) == (
        f"{path} is written, but if the power fails it may be lost: {os.strerror(code)}. Save it again."
    )
    assert path.read_bytes() == NEW
    assert os.listdir(path.parent) == ["model"]


@pytest.mark.parametrize("number", range(1, REPLACED + 1))
def test_what_fails_with_no_file_from_before_leaves_none(path, monkeypatch, number):
    path.unlink()
    monkeypatch.setattr(files, "os", machine(number))
    with pytest.raises(NotSaved) as caught:
        write(path, NEW)
    assert "The file from before" not in str(caught.value)
    assert os.listdir(path.parent) == []


def test_a_partial_file_that_cannot_be_removed_does_no_harm(path, monkeypatch):
    broken = {**vars(os), "write": failing("the disk"), "unlink": failing("the folder")}
    monkeypatch.setattr(files, "os", SimpleNamespace(**broken))
    with pytest.raises(NotSaved, match=r"the disk is broken\. The file from before is untouched"):
        write(path, NEW)
    monkeypatch.undo()
    assert path.read_bytes() == OLD
    write(path, NEW)
    assert path.read_bytes() == NEW
    assert os.listdir(path.parent) == ["model"]


@pytest.mark.parametrize("gulp", [1, 1000, 10**6])
def test_short_writes_are_gone_on_with(path, monkeypatch, gulp):
    monkeypatch.setattr(files, "os", machine(gulp=gulp))
    write(path, NEW[:5000])
    assert path.read_bytes() == NEW[:5000]


def test_an_interruption_leaves_the_old_file(path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "os", SimpleNamespace(**{**vars(os), "fsync": interrupted}))
    with pytest.raises(KeyboardInterrupt):
        write(path, NEW)
    assert path.read_bytes() == OLD
    assert os.listdir(path.parent) == ["model"]


def test_what_a_killed_process_left_is_written_over(path):
    (path.parent / ".model.partial").write_bytes(NEW * 9)
    write(path, NEW)
    assert path.read_bytes() == NEW
    assert os.listdir(path.parent) == ["model"]


def test_a_new_file_an_empty_one_and_a_relative_path(folder, monkeypatch):
    folder.mkdir()
    monkeypatch.chdir(folder)
    write("new", NEW)
    write(Path("empty"), b"")
    assert (folder / "new").read_bytes() == NEW
    assert (folder / "empty").read_bytes() == b""


def test_what_cannot_be_a_file_is_refused(path, monkeypatch):
    folder = path.parent
    monkeypatch.chdir(folder)
    for target in (folder, folder / "missing" / "model", path / "model", Path("."), folder / ("n" * 300)):
        with pytest.raises(NotSaved, match=r"could not save .* or choose a folder that can be written"):
            write(target, NEW)
    assert path.read_bytes() == OLD
    assert os.listdir(folder) == ["model"]


def test_not_saved_is_an_error_of_ours_and_of_the_system():
    assert issubclass(NotSaved, GlassnetError)
    assert issubclass(NotSaved, OSError)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_the_old_file(path):
    """A real one, as far as the process can tell: the system itself writes a part, and refuses the rest."""
    limited = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); {ALONE}"
    done = subprocess.run([sys.executable, "-c", limited, path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"glassnet.files.NotSaved: could not save {path}: File too large. The file from before is")
    assert path.read_bytes() == OLD
    assert os.listdir(path.parent) == ["model"]
