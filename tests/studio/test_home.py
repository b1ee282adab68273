"""The home folder: a secret that is nobody else's, a lock that a killed server does not keep, and how a server is found."""

import json
import os
import stat
import subprocess
import sys

import pytest
from serving import SECRET, served, until

from glassnet.errors import WrongFile
from glassnet.files import NotSaved
from glassnet.studio.home import Home


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "runs" / "studio")


def test_the_secret_is_made_once_and_is_for_nobody_else(home):
    before = os.umask(0)  # whatever the mask says
    try:
        secret = home.secret()
    finally:
        os.umask(before)
    path = home.path / "secret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == secret + "\n"
    assert len(secret) == 43
    assert home.secret() == secret == Home(home.path).secret()
    assert Home(home.path / "other").secret() != secret
    assert [each.name for each in home.path.iterdir() if each.is_file()] == ["secret"]


def test_the_secret_is_never_there_in_another_mode(home, monkeypatch):
    # Made by O_EXCL with its final mode, and renamed when it is whole.
    made = []
    real = os.open

    def noting(path, flags, mode=0o777, **more):
        if flags & os.O_CREAT:
            made.append((os.path.basename(path), bool(flags & os.O_EXCL), mode))
        return real(path, flags, mode, **more)

    monkeypatch.setattr(os, "open", noting)
    (home.path / ".secret.partial").write_text("left by a killed process")
    home.secret()
    assert made == [(".secret.partial", True, 0o600)]


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o666])
def test_a_secret_that_others_may_read_is_refused(home, mode):
    home.secret()
    (home.path / "secret").chmod(mode)
    with pytest.raises(WrongFile, match=f"its mode is {mode:03o}.*chmod 600"):
        home.secret()


@pytest.mark.parametrize("text", ["", "short", "x" * 42, "a" * 50 + " b", "é" * 50])
def test_a_damaged_secret_is_refused(home, text):
    home.secret()
    (home.path / "secret").write_text(text)
    with pytest.raises(WrongFile, match="damaged: delete it"):
        home.secret()


def test_a_secret_that_is_a_link_elsewhere_is_refused(home, tmp_path):
    (tmp_path / "elsewhere").write_text("x" * 43)
    (tmp_path / "elsewhere").chmod(0o600)
    (home.path / "secret").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WrongFile, match="cannot read"):
        home.secret()


def test_a_home_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotSaved, match="could not make the folder"):
        Home(tmp_path / "file" / "studio")


HOLD = """if True:
    import sys, time
    from glassnet.studio.home import Home
    home = Home(sys.argv[1])
    print(home.lock(), flush=True)
    time.sleep(60)
"""


def test_one_process_holds_a_home_and_a_killed_one_does_not(home):
    assert home.lock()
    assert home.lock()  # it is ours already
    assert not Home(home.path).lock()
    home.unlock()
    with subprocess.Popen([sys.executable, "-c", HOLD, home.path], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "True\n"
        assert not home.lock()
        other.kill()
    assert home.lock()
    home.unlock()


def test_a_running_server_is_found_by_asking_it(tmp_path):
    with served() as at:
        home = Home(tmp_path)
        assert home.server() is None
        assert home.ask("/api/state") is None
        (tmp_path / "secret").write_text(SECRET)
        (tmp_path / "secret").chmod(0o600)
        home.note_server(at.port, "0.0.0.0")
        assert home.server() == {"port": at.port, "host": "0.0.0.0", "pid": os.getpid()}
        assert home.ask("/api/state")["run"] == {"run": 1}
        assert home.ask("/api/link", "POST")["link"].startswith(at.url)
        # Another server that happens to be at that port is not ours: it does not know the secret.
        (tmp_path / "secret").write_text(SECRET[::-1])
        assert home.ask("/api/state") is None
    (tmp_path / "secret").write_text(SECRET)
    until(lambda: home.ask("/api/state", seconds=1) is None)  # it has ended, without taking its note away
    home.forget_server()
    home.forget_server()
    assert home.server() is None


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '{"port": "x", "pid": 1}', '{"port": 1}', "{" * 10, "\0", "[" * 100_000]
)
def test_a_damaged_note_is_none(home, text):
    (home.path / "server.json").write_text(text)
    assert home.server() is None
    assert home.ask("/api/state") is None


def test_the_note_is_json_for_others_too(home):
    home.note_server(2828, "127.0.0.1")
    assert json.loads((home.path / "server.json").read_text())["port"] == 2828
