"""A studio server in this process, to ask in tests; and a session that is no network, where none is needed."""

import contextlib
import json
import threading
import time

import httpx
import numpy as np
from websockets.sync.client import connect

from glassnet.errors import WrongValue
from glassnet.studio.frames import pack, unpack
from glassnet.studio.security import CSRF_HEADER, Guard
from glassnet.studio.server import _listening_on, _Server, app, config

SECRET = "a-secret-for-tests-only-of-forty-three-letters"


def until(condition, seconds=20):
    """Wait for a condition; it must come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "this should have come true by now"
        time.sleep(0.005)


class StandIn:
    """What the server asks of a session, and no more. It writes down what is asked of it."""

    def __init__(self):
        self.tabs = []
        self.done = []
        self.closed = 0
        self.size = 100  # numbers in a frame

    def tab(self, wake, *, watching=False):
        tab = StandInTab(self, wake, watching)
        self.tabs.append(tab)
        return tab

    def state(self, *, watching=False):
        return {"run": {"run": 1}, "status": {"mode": "paused", "cost": float("nan")}, "tabs": len(self.tabs)}

    def describe(self):
        return {"path": "runs/studio/1", "sizes": [784, 16, 10]}

    def close(self):
        self.closed += 1

    def happen(self):
        """There is a new frame for every tab."""
        for tab in self.tabs:
            tab.number += 1
            tab.wake()


class StandInTab:
    def __init__(self, session, wake, watching):
        self.session = session
        self.wake = wake
        self.watching = watching
        self.number = 0
        self.shown = 0
        self.fresh = [{"type": "run", "run": 1}]
        self.held = threading.Event()
        self.held.set()
        self.busy = threading.Event()

    def do(self, message, arrays):
        name = message["do"]
        self.busy.set()
        self.held.wait()
        self.session.done.append((message, arrays))
        if name == "wrong":
            raise WrongValue("this must be right, got wrong")
        if name == "bug":
            raise RuntimeError("a bug, with a stack trace")
        if name == "memory":
            raise MemoryError
        if name == "find":
            return pack({"type": "done", "id": message.get("id")}, {"rows": np.arange(3, dtype=np.int32)})
        return {"answer": 3, "nothing": float("nan")}

    def news(self):
        fresh, self.fresh = self.fresh, []
        return fresh

    def frame(self):
        if self.shown == self.number:
            return None
        self.shown = self.number
        return pack({"type": "frame", "frame": self.number}, {"a1": np.zeros(self.session.size)})

    def close(self):
        self.session.tabs.remove(self)


class Served:
    """A server that answers on a port of its own."""

    def __init__(self, session, guard, port):
        self.session = session
        self.guard = guard
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.url = f"http://{self.host}"
        self.program = {"Authorization": f"Bearer {SECRET}"}

    def ask(self, path, method="GET", **options):
        return httpx.request(method, self.url + path, trust_env=False, timeout=20, **options)

    def browser(self):
        """The cookie of a browser that was let in by a launch link."""
        answer = httpx.get(self.guard.link(), trust_env=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}

    def pupil(self):
        """The cookie of a browser that was let in by the class's link; the class is opened, if none is."""
        classroom = self.ask("/api/class", "POST", headers=self.program).json()
        answer = httpx.get(classroom["link"], trust_env=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        return {"Cookie": answer.headers["set-cookie"].partition(";")[0]}

    def writing(self, cookie):
        """The headers with which a page of this server writes: cookie, origin, and what the server greeted it with."""
        with self.socket(cookie) as socket:
            csrf = json.loads(socket.recv())["csrf"]
        return {**cookie, "Origin": self.url, CSRF_HEADER: csrf}

    def socket(self, headers=None, **options):
        """A WebSocket: a program's, or a browser's with its cookie."""
        headers = self.program if headers is None else headers
        origin = self.url if "Cookie" in headers else None
        options = {"origin": origin, "proxy": None, "max_size": None, **options}
        return connect(f"ws://{self.host}/ws", additional_headers=headers, **options)


@contextlib.contextmanager
def served(session=None, now=time.time, limits=None):
    """Serve a session; the stand-in if there is none."""
    session = StandIn() if session is None else session
    sockets = _listening_on("127.0.0.1", 0)
    port = sockets[0].getsockname()[1]
    guard = Guard(SECRET, port, now=now, limits={"/api/picture": 2**25, **(limits or {})})
    server = _Server(config(app(session, guard)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": sockets})
    thread.start()
    try:
        until(lambda: server.started)
        yield Served(session, guard, port)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def next_of(socket, kind, seconds=20):
    """The next message of a kind, whatever comes before it: its header, and its arrays if it has any."""
    while True:
        data = socket.recv(seconds)
        header, arrays = unpack(data) if isinstance(data, bytes) else (json.loads(data), {})
        if header["type"] in (kind, "error") or kind is None:
            return header, arrays


def ask(socket, message, **arrays):
    """Send a command and wait for its reply."""
    message = {"id": 1, **message}
    socket.send(pack(message, arrays) if arrays else json.dumps(message))
    return next_of(socket, "done")[0]
