"""The studio as a package; each module's own tests are in tests/studio, and what a person sees in tests/studio/test_page.py."""

import subprocess
import sys

import glassnet.studio


def test_importing_the_package_loads_no_server_and_no_training():
    loaded = subprocess.run(
        [sys.executable, "-c", "import glassnet.studio, sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "glassnet.studio" in loaded
    assert not {"starlette", "uvicorn", "websockets", "numba", "glassnet.studio.session"} & set(loaded)


def test_it_says_where_to_find_things():
    assert "glassnet studio" in glassnet.studio.__doc__
