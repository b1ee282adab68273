"""The package as a whole: what importing it loads, what its wheel holds, how its layers hold."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {
    "torch",
    "cupy",
    "jax",
    "numba",
    "scipy",
    "sklearn",
    "onnx",
    "starlette",
    "uvicorn",
    "websockets",
    "ray",
    "rich",
    "typer",
    "PIL",
    "safetensors",
}


def run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, check=True, **options)


def test_import_loads_numpy_and_nothing_heavier():
    done = run(sys.executable, "-c", "import glassnet, sys; print(*sorted({m.partition('.')[0] for m in sys.modules}))")
    assert not HEAVY & set(done.stdout.split())
    assert "numpy" in done.stdout


def test_the_command_line_loads_no_server_before_it_is_asked_for():
    done = run(
        sys.executable, "-c", "import glassnet.cli, sys; print(*sorted(m.partition('.')[0] for m in sys.modules))"
    )
    assert not {"starlette", "uvicorn", "websockets"} & set(done.stdout.split())


def test_layers_hold():
    subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, check=True, capture_output=True
    )


def test_licenses_are_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "MIT AND CC-BY-SA-3.0"
    for file in project["license-files"]:
        assert (ROOT / file).exists()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    # The backend of this environment, rather than a download of it.
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


def test_wheel_holds_the_digits_and_the_licenses(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert wheel.name.endswith("-py3-none-any.whl")
    assert sum(name.startswith("glassnet/data/mnist/") and name.endswith(".gz") for name in names) == 4
    assert sum(name.endswith("LICENSE") for name in names) >= 2
    assert "glassnet/py.typed" in names
    page = {
        str(path.relative_to(ROOT / "src")) for path in (ROOT / "src/glassnet/studio/web").rglob("*") if path.is_file()
    }
    assert "glassnet/studio/web/index.html" in page
    assert page <= set(names)
    assert not any(name.startswith(("tests", "bench")) for name in names)


OFFLINE = """
import sys

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.exec"):
        raise RuntimeError(f"this must work without a network and a compiler, but there was {event} {arguments}")

sys.addaudithook(refuse)
"""


def test_wheel_installs_and_trains_an_epoch_without_network_or_compiler(wheel, tmp_path):
    # In a new environment of its own, whose other packages come from this one's.
    new = tmp_path / "venv"
    run(sys.executable, "-m", "venv", new)
    python = new / "bin" / "python" if sys.platform != "win32" else new / "Scripts" / "python.exe"
    run(python, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel)
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip())
    here = run(sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    hidden = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f)]"
    (site / "zz_others.pth").write_text(f"{here}\n{hidden}\n")
    (site / "sitecustomize.py").write_text(OFFLINE)
    clean = {"PATH": "", "HOME": str(tmp_path), "PYTHONNOUSERSITE": "1"}
    where = run(python, "-c", "import glassnet; print(glassnet.__file__)", env=clean, cwd=tmp_path).stdout
    assert str(new) in where
    done = run(python, "-m", "glassnet", "train", "--epochs", "1", "--out", tmp_path / "run", env=clean, cwd=tmp_path)
    assert "validation accuracy 9" in done.stdout
    done = run(python, "-m", "glassnet", "evaluate", tmp_path / "run", env=clean, cwd=tmp_path)
    assert done.stdout.startswith("test accuracy 9")
    # and the offline hook is not asleep
    bad = subprocess.run(
        [python, "-c", "import socket; socket.create_connection(('127.0.0.1', 9))"], env=clean, capture_output=True
    )
    assert b"this must work without a network" in bad.stderr
