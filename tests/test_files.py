"""Writing a file: whatever fails, and wherever, it is the old one or the new one, whole."""

import errno
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from glassnet import files
from glassnet.errors import GlassnetError, WrongFile
from glassnet.files import Lock, NotSaved, append, check_seal, sealed, sweep, write

OLD, NEW = b"the old one", b"the new one, " + bytes(range(256)) * 300
ALONE = "import sys; from glassnet.files import write; write(sys.argv[1], bytes(100_000))"


def plain(name):
    """A file's name without the part of a partial file's that is its own."""
    return re.sub(r"\.[0-9a-f]{8}\.partial$", ".partial", name)


def machine(failing=None, code=errno.ENOSPC, gulp=40_000):
    """The operating system for glassnet.files: every call is noted in ``did``, and the ``failing``-th one fails.

    A write takes no more than ``gulp`` bytes at a time.
    """
    did, names = [], {}

    def noted(name):
        def call(what, *more):
            words = [plain(Path(each).name) for each in (what, *more) if isinstance(each, str | Path)]
            did.append(f"{name} {' to '.join(words) or names[what]}")
            if len(did) == failing:
                if name == "close":  # what is closed is gone, even if that fails
                    os.close(what)
                raise OSError(code, os.strerror(code))
            if name == "write":
                return os.write(what, more[0][:gulp])
            result = getattr(os, name)(what, *more)
            if name == "open":
                names[result] = plain(Path(what).name)
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
    partial, folder = re.escape(str(path.parent / ".model.")) + "[0-9a-f]{8}.partial", re.escape(str(path.parent))
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
    sweep(path.parent)
    assert os.listdir(path.parent) == ["model"]


def test_two_that_save_at_once_do_not_write_into_each_others_file(path):
    """Every save of each comes to its end, and what is there is one of them, whole."""
    bodies = [bytes([number]) * 200_000 for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(write, path, body) for body in bodies * 10]:
            done.result()
    assert path.read_bytes() in bodies
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


def test_what_killed_processes_left_is_swept_away(path):
    (path.parent / ".model.0123abcd.partial").write_bytes(NEW * 9)
    (path.parent / "model.partial").write_bytes(NEW)  # somebody's own
    write(path, NEW)
    sweep(path.parent)
    assert path.read_bytes() == NEW
    assert sorted(os.listdir(path.parent)) == ["model", "model.partial"]


# ── Lines ────────────────────────────────────────────────────────────────────────────────────────────────────────────

LINES = [b"one\n", b"two\n" * 3000, b"three\n"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_an_append_that_fails_midway_leaves_the_file_as_it_was(path, monkeypatch, code):
    """Whole lines may have come to the disk before it was full: whoever tries again would write them twice."""
    end = append(path, LINES[0], end=0)
    assert path.read_bytes() == LINES[0]
    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", failing("the disk") if code == errno.EIO else full)
        with pytest.raises(NotSaved, match="could not add to"):
            append(path, LINES[1], end)
    assert path.read_bytes() == LINES[0]
    end = append(path, LINES[1], end)
    assert append(path, LINES[2], end) == len(b"".join(LINES))
    assert path.read_bytes() == b"".join(LINES)


def full(_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
def test_an_append_on_a_full_disk_doubles_nothing(path):
    """The system itself takes a part of the lines, and refuses the rest."""
    script = """if True:
        import resource, sys
        from pathlib import Path
        from glassnet.files import NotSaved, append
        path, lines = Path(sys.argv[1]), b"".join(b"line %d\\n" % number for number in range(1000))
        end = append(path, b"first\\n", 0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
        for _ in range(2):
            try:
                append(path, lines, end)
            except NotSaved as error:
                print(error)
        assert path.read_bytes() == b"first\\n", path.read_bytes()[-80:]
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert append(path, lines, end) == len(lines) + 6
        assert path.read_bytes() == b"first\\n" + lines
    """
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("File too large") == 2


def test_what_an_append_could_not_take_back_goes_with_the_next(path, monkeypatch):
    end = append(path, LINES[0], end=0)
    with path.open("ab") as file:  # whole lines, as a disk that was full when they were to be taken away would keep
        file.write(LINES[1])
    append(path, LINES[2], end)
    assert path.read_bytes() == LINES[0] + LINES[2]
    with path.open("ab") as file:  # half a line, of a killed process
        file.write(b"fo")
    append(path, LINES[1])
    assert path.read_bytes() == LINES[0] + LINES[2] + LINES[1]


# ── Seals ────────────────────────────────────────────────────────────────────────────────────────────────────────────

ABOUT = {"name": "日本", "sizes": [784, 16, 10], "rate": 0.1, "none": None, "inner": {"b": 1, "a": [True, 2.5e-7]}}


def test_what_was_sealed_opens_whatever_its_order_and_an_old_one_without_a_seal_does():
    text = json.dumps(sealed(ABOUT), ensure_ascii=False)
    assert check_seal(json.loads(text), "it") == ABOUT
    assert check_seal(dict(reversed(json.loads(text).items())), "it") == ABOUT
    assert sealed(sealed(ABOUT)) == sealed(ABOUT)
    assert check_seal(ABOUT, "it") is ABOUT


def test_every_changed_letter_is_noticed():
    text = json.dumps(sealed(ABOUT))
    for at, letter in enumerate(text):
        for other in ("x", "1", " ", '"', "e"):
            changed = text[:at] + other + text[at + 1 :]
            try:
                found = check_seal(json.loads(changed), "it")
            except (WrongFile, ValueError):
                continue
            assert other == letter or (letter == " " and found == ABOUT), changed  # spaces between words say nothing


# ── Locks ────────────────────────────────────────────────────────────────────────────────────────────────────────────

HOLD = """if True:
    import os, sys, time
    from pathlib import Path
    from glassnet.files import Lock
    lock = Lock(Path(sys.argv[1]))
    print(lock.take(), flush=True)
    if sys.argv[2] == "fork" and os.fork() == 0:
        print("forked", flush=True)
        time.sleep(60)
    time.sleep(60)
"""


def test_a_lock_has_one_holder_and_leaves_nothing(folder):
    folder.mkdir()
    one, other = Lock(folder / "lock"), Lock(folder / "lock")
    assert (one.take(), one.take(), other.take()) == (True, True, False)
    assert other.holder() == os.getpid()
    one.release()
    one.release()
    assert os.listdir(folder) == []
    assert other.take()
    del other
    assert one.take()
    one.release()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no fork")
@pytest.mark.parametrize("how", ["alone", "fork"])
def test_a_lock_ends_with_the_process_that_took_it(folder, how):
    """A child that it forked does not keep it."""
    folder.mkdir()
    lock = Lock(folder / "lock")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, folder / "lock", how], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "True\n"
        if how == "fork":
            assert process.stdout.readline() == "forked\n"
        assert not lock.take()
        assert lock.holder() == process.pid
        process.kill()
        process.wait()
        assert lock.take()
        lock.release()
        process.stdout.close()


def test_of_many_that_want_a_lock_one_has_it_at_a_time(folder):
    """It is removed when it is given back: who opened the file just before must not take the one that is gone."""
    folder.mkdir()
    inside, most = [], []

    def work():
        lock = Lock(folder / "lock")
        for _ in range(200):
            while not lock.take():
                pass
            inside.append(1)
            most.append(len(inside))
            inside.pop()
            lock.release()

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(work) for _ in range(3)]:
            done.result()
    assert set(most) == {1}
    assert os.listdir(folder) == []


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
