"""The studio's home folder: its secret, its lock, and where its server can be found.

    secret         what programs send as their token; signs the cookies; for nobody but its owner (mode 0600)
    lock           held while a server runs, so that no two write into one home; a killed server's lock is free
    server.json    where the running server listens, and its process

The runs are beside them, in numbered folders, and what the session remembers.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
from pathlib import Path
from typing import Any

from glassnet import files
from glassnet.errors import WrongFile
from glassnet.studio.security import new_secret

__all__ = ["Home"]


class Home:
    """A studio's home folder.

    Attributes:
        path: the folder; it is made if it is not there.

    Errors: :class:`~glassnet.files.NotSaved` if it cannot be made.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._lock = files.Lock(self.path / "lock")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise files.NotSaved(f"could not make the folder {self.path}: {error.strerror or error}") from error

    def lock(self) -> bool:
        """Take this home for this process; whether that could be done. It is given back when the process ends, however.

        Errors: :class:`~glassnet.files.NotSaved` if nothing can be written there.
        """
        try:
            return self._lock.take()
        except OSError as error:
            raise files.NotSaved(f"cannot write in {self.path}: {error.strerror or error}") from error

    def unlock(self) -> None:
        """Give this home back."""
        self._lock.release()

    def secret(self) -> str:
        """The secret, made on first use.

        Errors: :class:`~glassnet.errors.WrongFile` if others may read it, or it is damaged; :class:`~glassnet.files.NotSaved`.
        """
        path = self.path / "secret"
        if not os.path.lexists(path):
            self._make_secret(path)
        try:
            handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with open(handle, "rb") as file:
                mode = os.fstat(handle).st_mode & 0o777
                text = file.read(1000).decode("ascii", "replace").strip()
        except OSError as error:
            raise WrongFile(f"cannot read {path}: {error.strerror or error}") from error
        if (
            os.name == "posix" and mode & 0o077
        ):  # Windows keeps no such mode: there the folder's owner is who may read it
            raise WrongFile(
                f"{path} may be read by others (its mode is {mode:03o}), and who has it can use your studio: delete it for a "
                f"new one, or keep it by chmod 600 {path}"
            )
        if not re.fullmatch(r"[\w-]{43,}", text, re.ASCII):
            raise WrongFile(f"{path} is damaged: delete it, and the studio makes a new one")
        return text

    def _make_secret(self, path: Path) -> None:
        # Written beside, and renamed: it is never there unfinished, and never for a moment in another mode.
        partial = path.with_name(".secret.partial")
        try:
            with contextlib.suppress(FileNotFoundError):
                partial.unlink()
            handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "w", encoding="ascii") as file:
                file.write(new_secret() + "\n")
                file.flush()
                os.fsync(handle)
            os.replace(partial, path)
        except OSError as error:
            raise files.NotSaved(f"could not save {path}: {error.strerror or error}") from error

    def note_server(self, port: int, host: str) -> None:
        """Write down where the server of this process listens.

        Errors: :class:`~glassnet.files.NotSaved`.
        """
        about = {"port": port, "host": host, "pid": os.getpid()}
        files.write(self.path / "server.json", (json.dumps(about) + "\n").encode())

    def forget_server(self) -> None:
        """Take that note away."""
        with contextlib.suppress(OSError):
            (self.path / "server.json").unlink()

    def server(self) -> dict[str, Any] | None:
        """What is noted about a server: ``port``, ``host``, ``pid``. It need not run any more: see :meth:`ask`."""
        try:
            about = json.loads((self.path / "server.json").read_bytes())
            return about if all(type(about[key]) is int for key in ("port", "pid")) else None
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None

    def ask(self, path: str, method: str = "GET", seconds: float = 10) -> Any:
        """What the running server of this home answers to a request, from JSON; None if none answers as ours would.

        It is asked on loopback only, so that the token never leaves this machine; and not through a proxy.
        """
        about = self.server()
        if about is None:
            return None
        connection = http.client.HTTPConnection("127.0.0.1", about["port"], timeout=seconds)
        try:
            connection.request(method, path, headers={"Authorization": f"Bearer {self.secret()}"})
            response = connection.getresponse()
            body = response.read(2**20)
            return json.loads(body) if response.status == 200 else None
        except (OSError, http.client.HTTPException, ValueError, RecursionError):
            return None
        finally:
            connection.close()
