"""The studio's server: one session, and any number of tabs that watch it, over one WebSocket each.

Each socket has three tasks. The *reader* takes what comes in: acknowledgements at once, commands into a short queue. The
*worker* runs them one by one and replies; only a look, such as a drawing, does not wait for one that may have to train for
long. The *sender* sends news, and the newest frame when the tab has acknowledged the last one and its interval is over, or what
it looks at is new: a hand that draws waits for the answer. So at most one frame is under way to a tab; a tab that reads slowly
gets fewer of them, each as new as can be, and one that never reads blocks nobody but its own tasks. The training waits for no
socket.

    browser  ←  sender  ←  tab.news(), tab.frame()  ←  session (training in its own thread)
    browser  →  reader  →  queue  →  worker  →  tab.do(message, arrays)
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import logging
import math
import os
import signal
import socket
import stat
import sys
import threading
import time
import webbrowser
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import NotModifiedResponse, StaticFiles
from starlette.websockets import WebSocketDisconnect

import glassnet
from glassnet.data.pictures import MAX_IMAGE_BYTES, open_image
from glassnet.errors import GlassnetError, WrongFile, WrongValue
from glassnet.files import NotSaved
from glassnet.studio import shelf, uploads
from glassnet.studio.classroom import Classroom, qr_rows
from glassnet.studio.frames import pack, unpack
from glassnet.studio.home import Home
from glassnet.studio.security import Guard, Visitor, small_page, unknown_page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Scope
    from starlette.websockets import WebSocket

    from glassnet.studio.session import Session, Tab

__all__ = [
    "LIMITS",
    "MESSAGE_BYTES",
    "PORTS",
    "PUPILS",
    "SHORTEST_INTERVAL",
    "TABS",
    "Opened",
    "app",
    "config",
    "pupils_may",
    "serve",
]

PORTS = range(2828, 2839)
"""The ports that are tried, in this order, if none is asked for."""
MESSAGE_BYTES = 2**20
"""The largest message of a tab, in bytes; a larger one closes its socket with the code 1009."""
SHORTEST_INTERVAL = 0.05
"""The shortest time between two frames to a tab, in seconds."""
TABS = 64
"""How many tabs may watch at once."""
PUPILS = TABS - 8
"""How many of them may be pupils': there is always room for the one who teaches."""

LIMITS = {"/api/picture": MAX_IMAGE_BYTES, **shelf.LIMITS, **uploads.LIMITS}
"""The largest body, in bytes, of the paths that take more than others."""

_WEB = Path(__file__).with_name("web")
_REST = 4
"""A tab rests so many times as long as a frame took to be made, sent and taken in: large networks and slow phones get fewer."""
_LONGEST_REST = 2.0
"""But no longer than this, in seconds: a phone that was in a pocket is shown the present soon."""
_LONG = ("reach", "seek", "back", "answers")
"""Commands that may have to train for long, and that ``pause`` stops."""
_COMMANDS = 64
_COMMAND_BYTES = 4 * MESSAGE_BYTES
"""How much may wait in a socket's queue. When it is full, no more is read from that socket until there is room."""
_PATIENCE = 60.0
"""How long a message may wait for a tab that does not read, in seconds, before the tab is given up."""
_PICTURE_SIDE = 512
_LOG = logging.getLogger("glassnet.studio")

# What a page may be made of, and nothing else. Our own table: Windows' may say that .js is text/plain.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}


# ── The application ──────────────────────────────────────────────────────────────────────────────────────────────────


def app(session: Session, guard: Guard) -> Starlette:
    """The application: the page, its socket, and what programs ask for; guarded all around.

    It closes the session when it is shut down.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        # A tab's worker and sender each have a thread while they ask the session: nobody waits because others restart.
        threads = ThreadPoolExecutor(2 * TABS + 8, thread_name_prefix="glassnet studio: tab")
        asyncio.get_running_loop().set_default_executor(threads)
        try:
            yield
        finally:
            await asyncio.to_thread(session.close)

    tabs = {"teacher": 0, "pupil": 0}  # how many there are
    pictures = asyncio.Semaphore(2)
    pages = _Pages(directory=_WEB)

    async def home(request: Request) -> Response:
        return await pages.get_response("index.html", request.scope)

    async def launch(request: Request) -> Response:
        return _launched(request, guard)

    async def state(request: Request) -> Response:
        visitor: Visitor = request.state.visitor
        found = await asyncio.to_thread(partial(session.state, watching=visitor.lesson is not None))
        return Response(_json(found), media_type="application/json")

    async def link(_: Request) -> Response:
        return JSONResponse({"link": guard.link(), "elsewhere": guard.elsewhere()})

    async def classroom(request: Request) -> Response:
        if request.method == "POST":
            guard.classroom.open()
        elif request.method == "DELETE":
            guard.classroom.close()
        return JSONResponse(_class(guard))

    async def picture(request: Request) -> Response:
        async with pictures:  # its body too: at most two are in memory
            pixels = await asyncio.to_thread(_decoded, await _body(request))
        return Response(pixels, media_type="application/octet-stream")

    async def watch(websocket: WebSocket) -> None:
        visitor: Visitor = websocket.state.visitor
        await websocket.accept()
        if sum(tabs.values()) >= TABS or (visitor.lesson and tabs["pupil"] >= PUPILS):
            await websocket.close(1013, f"{sum(tabs.values())} tabs are open already")
            return
        tabs[visitor.role] += 1
        try:
            await _Socket(websocket, session, visitor, guard.classroom).run()
        finally:
            tabs[visitor.role] -= 1

    return _Studio(
        guard,
        pupils_may(),
        routes=[
            Route("/", home),
            Route("/open", launch),
            Route("/api/state", state),
            Route("/api/link", link, methods=["POST"]),
            Route("/api/class", classroom, methods=["GET", "POST", "DELETE"]),
            Route("/api/picture", picture, methods=["POST"]),
            *shelf.routes(session),
            *uploads.routes(session),
            WebSocketRoute("/ws", watch),
            Mount("/", pages),
        ],
        exception_handlers={HTTPException: _failed, GlassnetError: _failed, ClientDisconnect: _failed},
        lifespan=lifespan,
    )


class _Studio(Starlette):
    """Starlette with the guard around everything, its own error pages too."""

    def __init__(self, guard: Guard, pupils: frozenset[tuple[str, str]], **options: Any) -> None:
        super().__init__(**options)
        self._guard = guard
        self._pupils = pupils

    def build_middleware_stack(self) -> ASGIApp:
        return self._guard.around(super().build_middleware_stack(), self._pupils)


def pupils_may() -> frozenset[tuple[str, str]]:
    """All that pupils may ask, as (method, path): the page and its files, how things are, a picture, the socket."""
    files = (path for path in _WEB.rglob("*") if path.suffix.lower() in _TYPES)
    return frozenset(
        {
            ("GET", "/"),
            ("GET", "/api/state"),
            ("POST", "/api/picture"),
            ("WEBSOCKET", "/ws"),
            *(("GET", f"/{path.relative_to(_WEB).as_posix()}") for path in files),
        }
    )


def _class(guard: Guard) -> dict[str, Any]:
    """The class, for the page: its link, the QR code of it, when it ends; and whether phones could come at all."""
    lesson = guard.classroom.lesson
    if lesson is None:
        return {"open": False, "shared": guard.shared}
    link = guard.class_link(lesson)
    return {"open": True, "shared": guard.shared, "link": link, "until": lesson.until, "qr": qr_rows(link)}


async def _failed(_: Request, error: Exception) -> Response:
    if isinstance(error, ClientDisconnect):  # who sent something went away meanwhile: nobody hears this
        return Response(status_code=499)
    if isinstance(error, HTTPException):
        said = {404: "There is nothing here.", 405: "This cannot be done here."}.get(error.status_code, error.detail)
        return JSONResponse({"error": said}, error.status_code, error.headers)
    return JSONResponse({"error": str(error)}, 400)


class _Pages(StaticFiles):
    """The files of the page: only those inside the folder, and only of known types."""

    def file_response(
        self, full_path: Any, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, or that it has not changed. Raises HTTPException for one of another type."""
        kind = _TYPES.get(Path(full_path).suffix.lower())
        if kind is None or not stat.S_ISREG(stat_result.st_mode):
            raise HTTPException(404)
        # The browser keeps a copy, but asks each time whether it is still right: an update is seen at once.
        response = FileResponse(
            full_path,
            status_code,
            headers={"cache-control": "no-cache"},
            media_type=kind,
            stat_result=stat_result,
        )
        same = self.is_not_modified(response.headers, Headers(scope=scope))
        return NotModifiedResponse(response.headers) if same else response


def _launched(request: Request, guard: Guard) -> Response:
    """What a launch link leads to: the page, with the cookie set."""
    if request.method == "HEAD":  # a preview of the link must not use it up
        return Response()
    visitor, asked = guard.known(request.scope), request.query_params
    lesson = guard.classroom.lesson
    cookie = None  # for those who are known already, also for a teacher who opens the class's link
    if "class" in asked:
        good = guard.classroom.admits(asked["class"])
        if good and visitor is None and lesson is not None:
            cookie = guard.pupil_cookie(lesson)
    else:
        good = guard.spend(asked.get("token", ""))
        if good and (visitor is None or visitor.lesson):
            cookie = guard.cookie()
    if not good and visitor is None:
        text, headers = unknown_page()
        return Response(text, 401, headers)
    response: Response
    if request.headers.get("sec-fetch-site") == "cross-site":
        # The link was clicked on another site (a chat, a mail): a redirect would count as that site's request, and come
        # without our cookie, which is strict. A page of ours that goes on by itself does not.
        text, headers = small_page(
            {
                "en": ("The studio opens …", '<a href="/">Open it</a>'),
                "zh": ("正在打开工作室……", '<a href="/">打开</a>'),
            },
            head='<meta http-equiv="refresh" content="0;url=/">',
        )
        response = Response(text, 200, headers)
    else:
        response = RedirectResponse("/", 303)
    if cookie is not None:
        response.headers["set-cookie"] = cookie
    return response


async def _body(request: Request) -> bytes:
    try:
        async with asyncio.timeout(_PATIENCE):
            return await request.body()
    except TimeoutError:
        raise HTTPException(408, "The picture did not come in within a minute: send it again.") from None


def _decoded(body: bytes) -> bytes:
    """An image file as gray pixels, 0 black to 255 white, at most 512 wide and high, packed as a frame."""
    image = open_image(body)
    image.thumbnail((_PICTURE_SIDE, _PICTURE_SIDE))
    pixels = np.asarray(image, np.uint8)
    height, width = pixels.shape
    return pack({"type": "picture", "width": width, "height": height}, {"pixels": pixels})


# ── One tab ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Command:
    message: dict[str, Any]
    arrays: dict[str, Any]
    size: int


class _Socket:
    """The traffic of one tab, from its first message to its last."""

    def __init__(self, websocket: WebSocket, session: Session, visitor: Visitor, classroom: Classroom) -> None:
        self._websocket = websocket
        self._session = session
        self._visitor = visitor
        self._classroom = classroom
        self._loop = asyncio.get_running_loop()
        self._sending = asyncio.Lock()
        self._due = asyncio.Event()  # there may be news, or a frame, or the credit for one
        self._woken = False
        self._commands: deque[_Command] = deque()
        self._waiting = 0  # bytes of them
        self._changed = asyncio.Event()  # the queue is not what it was
        self._unacknowledged: Any = None  # the frame under way
        self._interval: float | None = SHORTEST_INTERVAL
        self._long: asyncio.Task[None] | None = None  # the command at work that may take long
        self._tasks: set[asyncio.Task[None]] = set()  # commands that are followed while others are
        self._asked = False  # the tab looks at something new, and somebody waits for the answer
        self._begun = self._took = 0.0  # when the last frame was begun, and how long it took to be there
        self._tab: Tab

    async def run(self) -> None:
        """Serve the tab until it is gone."""
        visitor = self._visitor
        self._tab = await asyncio.to_thread(self._session.tab, self._wake, watching=visitor.lesson is not None)
        try:
            hello = {"type": "hello", "version": glassnet.__version__, "csrf": visitor.csrf, "role": visitor.role}
            await self._send(_json(hello))
            tasks = [asyncio.create_task(each()) for each in (self._read, self._work, self._show)]
            if visitor.lesson is not None:
                tasks.append(asyncio.create_task(self._attend(visitor.lesson)))
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                tasks += self._tasks
                for task in tasks:
                    task.cancel()
                ends = await asyncio.gather(*tasks, return_exceptions=True)
            for end in ends:
                if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect | TimeoutError):
                    raise end
            if visitor.lesson is not None and not self._classroom.is_open(visitor.lesson):
                async with asyncio.timeout(1):  # no longer, if the tab does not read
                    await self._websocket.close(1008, "the class is over")
        except (WebSocketDisconnect, TimeoutError):
            pass
        finally:
            await asyncio.shield(asyncio.to_thread(self._tab.close))

    async def _attend(self, lesson: str) -> None:
        await self._classroom.ended(lesson)

    def _wake(self) -> None:
        """Called by the session, in any of its threads and as often as it likes: one call in many passes to the loop."""
        if not self._woken:
            self._woken = True
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody is left to be told
                self._loop.call_soon_threadsafe(self._due.set)

    async def _send(self, data: str | bytes) -> None:
        # A message waits here while the tab does not read. Each of the three tasks can have one waiting, no more.
        async with asyncio.timeout(_PATIENCE), self._sending:
            try:
                if isinstance(data, str):
                    await self._websocket.send_text(data)
                else:
                    await self._websocket.send_bytes(data)
            except RuntimeError:  # uvicorn has given this tab up already: it answered no ping
                raise WebSocketDisconnect(1006) from None

    async def _reply(self, message: dict[str, Any], reply: dict[str, Any]) -> None:
        await self._send(_json({**reply, "id": message.get("id")}))

    async def _error(self, message: dict[str, Any], text: str, code: str | None = None) -> None:
        await self._reply(message, {"type": "error", "message": text, "code": code})

    # ── In ──

    async def _read(self) -> None:
        while True:
            received = await self._websocket.receive()
            if received["type"] == "websocket.disconnect":
                return
            data = received.get("text")
            data = received.get("bytes") if data is None else data
            message: dict[str, Any] = {}
            try:
                given, arrays = _message(data)
                message = {"id": _id_of(given)}
                name = given.get("do")
                if not isinstance(name, str):
                    raise WrongValue('a message must say what to do, like {"do": "play"}')
                if name == "ack":
                    self._acknowledge(given.get("frame"))
                    continue
                if name == "view" and "interval" in given:
                    self._interval = _interval(given["interval"])
                    self._due.set()
            except WrongValue as error:
                await self._error(message, str(error), "wrong_message")
                continue
            command = _Command(given, arrays, len(data or ""))
            if name == "pause" and self._long is not None:
                # They take as long as they take, and this is how they are stopped: it cannot wait for their end.
                self._beside(command)
                continue
            await self._queue(command)

    def _acknowledge(self, frame: Any) -> None:
        if self._unacknowledged is not None and frame == self._unacknowledged:
            self._unacknowledged = None
            self._took = self._loop.time() - self._begun
            self._due.set()

    async def _queue(self, command: _Command) -> None:
        if command.message["do"] == "look":
            # A tab looks at one thing: of the looks that wait, only the newest is of use. A pad sends them faster than
            # they can be answered on a slow machine.
            for older in [each for each in self._commands if each.message["do"] == "look"]:
                self._commands.remove(older)
                self._waiting -= older.size
                await self._reply(older.message, {"type": "done", "replaced": True})
        while len(self._commands) >= _COMMANDS or (self._commands and self._waiting + command.size > _COMMAND_BYTES):
            self._changed.clear()
            await self._changed.wait()
        self._commands.append(command)
        self._waiting += command.size
        self._changed.set()

    async def _work(self) -> None:
        while True:
            while (index := self._next()) is None:
                self._changed.clear()
                await self._changed.wait()
            command = self._commands[index]
            del self._commands[index]
            self._waiting -= command.size
            self._changed.set()
            if command.message["do"] in _LONG:
                self._long = self._beside(command)
                self._long.add_done_callback(lambda _: self._changed.set())
            else:
                await self._follow(command)

    def _next(self) -> int | None:
        """Where in the queue the command is that can be followed now. Raises what ended the connection.

        One that may take long leaves the data as it is: who draws meanwhile is answered.
        """
        if self._long is not None and self._long.done():
            long, self._long = self._long, None
            long.result()
        if self._long is None:
            return 0 if self._commands else None
        looks = (index for index, each in enumerate(self._commands) if each.message["do"] == "look")
        return next(looks, None)

    def _beside(self, command: _Command) -> asyncio.Task[None]:
        """Follow a command while others are followed."""
        task = asyncio.create_task(self._follow(command))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _follow(self, command: _Command) -> None:
        """Do what a command says, and reply."""
        message = command.message
        try:
            result = await asyncio.to_thread(self._tab.do, message, command.arrays)
            if message["do"] == "look":
                self._asked = True
                self._due.set()
        except GlassnetError as error:
            await self._error(message, str(error), getattr(error, "code", None))
        except MemoryError:
            await self._error(
                message, "there is not enough memory for this: use less data, or smaller layers", "memory"
            )
        except Exception:  # a bug: the tab lives on, and whoever runs the server sees it
            _LOG.exception("the studio could not do %r", message["do"])
            text = "this went wrong inside the studio, which goes on; the details are where it was started"
            await self._error(message, text, "bug")
        else:
            if isinstance(result, bytes):
                await self._send(result)
            else:
                await self._reply(message, {**result, "type": "done"})

    # ── Out ──

    async def _show(self) -> None:
        while True:
            self._due.clear()
            self._woken = False  # first, so that what happens from here on wakes again
            rest = None  # how long until a frame is due; None if not before something happens
            due = False
            if self._unacknowledged is None and self._interval is not None:
                now = self._loop.time()
                rest = self._begun + max(self._interval, min(_REST * self._took, _LONGEST_REST)) - now
                if rest <= 0 or self._asked:
                    rest, self._asked, due = None, False, True
                    self._begun = now
            news, number, frame = await asyncio.to_thread(self._newest, due)
            for message in news:
                await self._send(_json(message))
            if frame is not None:
                self._unacknowledged = number  # before it is sent: the answer may be quick
                await self._send(frame)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(rest):
                    await self._due.wait()

    def _newest(self, due: bool) -> tuple[list[dict[str, Any]], Any, bytes | None]:
        """The news, and, if one is due, the newest frame and its number."""
        # The frame is made first, and sent last: a tab is never shown a run that it has not been told of, whatever happens
        # in between. It would drop that frame, and what was in it would not be sent again.
        frame = self._tab.frame() if due else None
        news = self._tab.news()
        if frame is None:
            return news, None, None
        length = int.from_bytes(frame[:4], "little")
        return news, json.loads(frame[4 : 4 + length])["frame"], frame


def _message(data: str | bytes | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What came over a socket: a message, and its arrays."""
    if isinstance(data, bytes):
        message, arrays = unpack(data)
        return dict(message), dict(arrays)
    try:
        given = json.loads(data or "", parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise WrongValue("a message must be JSON, or a binary frame") from None
    if not isinstance(given, dict):
        raise WrongValue('a message must be a JSON object, like {"do": "play"}')
    return given, {}


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _id_of(message: dict[str, Any]) -> Any:
    """A message's id, if it is one that can be sent back."""
    given = message.get("id")
    if given is None or type(given) is int or (isinstance(given, str) and len(given) <= 100):
        return given
    raise WrongValue("a message's id must be a whole number")


def _interval(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 3600:
        raise WrongValue(
            f"interval must be a number of seconds from 0 to 3600, or null for no frames; got {value!r:.50}"
        )
    return max(SHORTEST_INTERVAL, float(value))


def _json(value: Any) -> str:
    """As JSON that browsers read: infinity and NaN, which it has no words for, become null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    return [_finite(each) for each in value] if isinstance(value, list | tuple) else value


# ── Serving ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Opened:
    """What :func:`serve` has to tell when the studio can be opened.

    Attributes:
        link: the launch link, for one browser.
        run: what is open, as the session describes it; empty if another process serves it.
        already: whether another process serves this home already, and this one only asked it for the link.
        elsewhere: a launch link for another machine; None if the server listens on this one alone.
    """

    link: str
    run: dict[str, Any]
    already: bool = False
    elsewhere: str | None = None


def serve(
    home: Path,
    source: Path | None = None,
    host: str = "127.0.0.1",
    port: int | None = None,
    browser: bool = True,
    ready: Callable[[Opened], None] | None = None,
    data: Sequence[str] | None = None,
) -> None:
    """Serve a studio until Ctrl-C or a polite kill, then save everything; a second Ctrl-C ends at once.

    If the home is served already, that server is asked for a new launch link, and nothing else happens.

    Args:
        home: the home folder.
        source: a run's folder or a .safetensors file to go on from, as a new run in the home; by default the home's last run.
        host: the address to listen on; loopback too, whatever it is.
        port: the port; by default the first free of :data:`PORTS`, and 0 for any.
        browser: whether to open the link in the browser.
        ready: called once with what there is to tell.
        data: the sources of data to learn from, and to choose from then on; see :class:`~glassnet.studio.session.Session`.

    Errors: :class:`~glassnet.errors.WrongFile` if the address or port cannot be used, or something in the home is damaged;
    :class:`~glassnet.errors.WrongValue` if a run or data is given for a home that is served already, or both are;
    :class:`~glassnet.files.NotSaved`.
    """
    place = Home(home)
    if not place.lock():
        opened = _of_running(place, source, data)
    else:
        try:
            with _quiet_signals():
                _serve(place, source, data, host, port, browser, ready)
        finally:
            place.forget_server()
            place.unlock()
        return
    if browser:
        _open(opened.link)
    if ready:
        ready(opened)


def _of_running(home: Home, source: Path | None, data: Sequence[str] | None) -> Opened:
    """What the server that holds this home says."""
    until = time.monotonic() + 20  # it may just be starting, which takes seconds on a slow machine
    while True:
        answer = home.ask("/api/link", "POST")
        if isinstance(answer, dict) and isinstance(answer.get("link"), str):
            break
        if time.monotonic() > until:
            about = home.server()
            who = f"process {about['pid']}" if about else "another process"
            raise WrongFile(
                f"{home.path} is in use by {who}, which does not answer: end it, or choose another by --home"
            )
        if home.lock():
            home.unlock()
            raise WrongFile(f"the studio in {home.path} has just ended: start it again")
        time.sleep(0.2)
    if source is not None or data is not None:
        what = ", ".join(data or []) if source is None else source
        raise WrongValue(
            f"a studio is running already in {home.path}: end it before you open {what}, or choose another home by --home"
        )
    return Opened(answer["link"], {}, already=True, elsewhere=answer.get("elsewhere"))


def _serve(
    home: Home,
    source: Path | None,
    data: Sequence[str] | None,
    host: str,
    port: int | None,
    browser: bool,
    ready: Callable[[Opened], None] | None,
) -> None:
    from glassnet.studio.session import Session

    secret = home.secret()
    sockets = _listening(host, port)
    try:
        session = Session(home.path, source, data)
    except BaseException:
        for each in sockets:
            each.close()
        raise
    try:
        number = sockets[0].getsockname()[1]
        classroom = Classroom(secret, number, home.path / "class.json")
        guard = Guard(secret, number, host, limits=LIMITS, classroom=classroom)
        home.note_server(number, host)
        link = guard.link()
        opened = Opened(link, session.describe(), elsewhere=guard.elsewhere())

        def started() -> None:
            if ready:
                ready(opened)
            if browser:
                _open(link)

        _Server(config(app(session, guard)), started).run(sockets=sockets)
    finally:  # the server has done so already, unless it was stopped before it had begun
        session.close()
    if session.unsaved is not None:
        raise NotSaved(f"stopped, but the last state of the run could not be saved: {session.unsaved}")


def config(application: ASGIApp) -> uvicorn.Config:
    """How uvicorn is run: with our limits, and without a log of requests, which would hold the launch link's token."""
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    logging.getLogger("uvicorn.error").addFilter(_no_cancel)
    return uvicorn.Config(
        application,
        loop="asyncio",
        http="h11",
        # The implementation that stops reading a socket while the application is busy, and finds dead ones by pings.
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES,
        ws_ping_interval=20,
        ws_ping_timeout=20,
        ws_per_message_deflate=False,  # weights hardly compress, and the processor has better things to do
        h11_max_incomplete_event_size=16 * 1024,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )


def _no_cancel(record: logging.LogRecord) -> bool:
    # At the end, uvicorn gives up on tabs that do not read, and calls that an error. It is none.
    return not str(record.msg).startswith("Cancel ")


class _Server(uvicorn.Server):
    """uvicorn's server; it ends at the first Ctrl-C or polite kill, and at once at the second."""

    def __init__(self, config: uvicorn.Config, opened: Callable[[], None] = lambda: None) -> None:
        super().__init__(config)
        self._opened = opened

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._opened()  # not before: whoever reads the link may press Ctrl-C at once, and the server must hear it

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):  # of tabs that do not read: they would never be done
            connection.transport.abort()
        await asyncio.sleep(0)

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self.should_exit:
            os._exit(1)  # what is on disk is whole: every file is replaced atomically
        self.should_exit = True


@contextlib.contextmanager
def _quiet_signals() -> Iterator[None]:
    """A polite kill is answered as Ctrl-C is, from the beginning."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _listening(host: str, port: int | None) -> list[socket.socket]:
    """Sockets that listen on the host and on loopback, on one port. Errors: WrongValue."""
    failed: OSError | None = None
    for number in PORTS if port is None else (port,):
        try:
            return _listening_on(host, number)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise WrongFile(f"cannot listen on {host}, port {number}: {error.strerror or error}") from error
            failed = error
    if port is None:
        raise WrongFile(f"the ports {PORTS[0]} to {PORTS[-1]} are all taken: choose another by --port") from failed
    raise WrongFile(f"port {port} is taken by another program: choose another by --port, or leave it out") from failed


def _listening_on(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, address = found[0][0], found[0][4]
    both = family == socket.AF_INET6 and str(address[0]) == "::" and socket.has_dualstack_ipv6()
    sockets = [_bound(family, address, both)]
    number = sockets[0].getsockname()[1]
    if not both and str(address[0]) not in ("0.0.0.0", "127.0.0.1"):
        try:
            sockets.append(_bound(socket.AF_INET, ("127.0.0.1", number), False))
        except BaseException:
            sockets[0].close()
            raise
    return sockets


def _bound(family: int, address: Any, both: bool) -> socket.socket:
    # With the protocol named, asyncio knows that it may switch Nagle's algorithm off on what is accepted here. Without, a
    # frame that follows a reply waits 40 ms for the acknowledgement that the other end puts off.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # a server that has just ended leaves its port waiting; on Windows this would share it
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not both))
        made.bind(address)
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made


def _open(link: str) -> None:
    """Open a link in the browser, if there is one with a window; quietly, in a thread, since it may take its time."""
    if sys.platform.startswith("linux") and not any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))):
        return  # only browsers in the terminal are left, which would cover what we print

    def opening() -> None:
        with contextlib.suppress(Exception):
            webbrowser.open(link)

    threading.Thread(target=opening, name="browser", daemon=True).start()
