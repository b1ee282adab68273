"""Who may talk to the studio, and what every answer of it says to the browser.

:class:`Guard` stands around the whole application, HTTP and WebSocket alike. What it does not know, it refuses: a route that is
added later is guarded without anybody thinking of it. A request must pass all of these:

1. Its ``Host`` is an address of this server, so that a page under another name that was made to point here ("DNS rebinding")
   gets nothing.
2. Its ``Origin``, if it has one, is this server; a browser that writes or opens a WebSocket must have one.
3. It brings a bearer token (a program), or a cookie that this server signed (a browser that was let in by a launch link).
4. If it comes with the cookie of a pupil, it is one of the few that pupils may ask: see :meth:`Guard.around`.
5. If it writes with a cookie, it brings the token of that cookie in a header too, which no other site can know.
6. Its body is no larger than its route takes, counted as it comes in.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import json
import re
import secrets
import socket
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.exceptions import HTTPException

from glassnet.studio.classroom import Classroom, Lesson

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = [
    "CONTENT_POLICY",
    "COOKIE_DAYS",
    "CSRF_HEADER",
    "LINK_MINUTES",
    "OPEN_PATHS",
    "Guard",
    "Visitor",
    "new_secret",
    "small_page",
    "unknown_page",
]

OPEN_PATHS = frozenset({"/open"})
"""The paths that answer without a token or cookie: only that of links, which bring a token of their own."""
LINK_MINUTES = 10
"""How long a launch link can be used, once."""
COOKIE_DAYS = 30
"""How long a browser stays known."""
CSRF_HEADER = "X-Glassnet-CSRF"
"""The header in which a browser that writes repeats the token of its cookie."""
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; worker-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types glassnet-worker"
)
"""What a page of the studio may load and run: files of this server, nothing inline, nothing from elsewhere."""
_BODY_BYTES = 64 * 1024
"""The largest body of a request, in bytes, where nothing else is said."""
_LINKS = 100
"""How many unused launch links are remembered: asking for ever more makes the oldest useless, and no pile."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks, once let in.

    Attributes:
        csrf: what this browser must repeat in :data:`CSRF_HEADER` when it writes; None of a program, which need not.
        lesson: the number of the class that let this browser in to watch; None of those who may do everything.
    """

    csrf: str | None
    lesson: str | None = None

    @property
    def role(self) -> str:
        """What they are called: ``pupil``, those who may only watch, or ``teacher``."""
        return "teacher" if self.lesson is None else "pupil"


_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::(?P<port>[0-9]{1,5}))?")


class _Refused(Exception):
    """Why a request is not let in, with its HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def new_secret() -> str:
    """A new secret of 256 random bits, as text that fits into a header."""
    return secrets.token_urlsafe(32)


class Guard:
    """Lets in who holds the secret, or a cookie signed with it.

    Args:
        secret: the text that programs send as their bearer token; it also signs the cookies.
        port: the port that the server listens on.
        host: the address or name it listens on. With ``0.0.0.0`` or ``::`` every IP address is accepted as ``Host``: a page of
            another name can be made to point here, but an address cannot.
        limits: the largest body, in bytes, of the paths that take more than 64 KiB.
        classroom: whether a class is open, whose pupils are let in to watch.
        now: the clock, in seconds.
    """

    def __init__(
        self,
        secret: str,
        port: int,
        host: str = "127.0.0.1",
        *,
        limits: Mapping[str, int] | None = None,
        classroom: Classroom | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._secret = secret.encode()
        self._port = port
        self._any_address = host in ("0.0.0.0", "::")
        self._lan = not _is_loopback(host)
        self._here = "127.0.0.1" if self._lan else host.lower()
        self._host = host.lower()
        # The server listens on loopback whatever the host is, see server.serve.
        self._names = {"127.0.0.1", "localhost", "::1", self._host}
        self._limits = dict(limits or {})
        self._now = now
        self._links: dict[bytes, float] = {}
        self.classroom = Classroom(secret, port, now=now) if classroom is None else classroom

    # ── Letting in ───────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def cookie_name(self) -> str:
        """The cookie's name. It has the port: browsers send the cookies of one port of a machine to all its ports."""
        return f"glassnet-{self._port}"

    def link(self, host: str | None = None) -> str:
        """A new launch link: it opens the studio in one browser, once, within :data:`LINK_MINUTES`.

        Args:
            host: the address or name in the link; by default this machine's own, 127.0.0.1.
        """
        token = secrets.token_urlsafe(32)
        while len(self._links) >= _LINKS:
            del self._links[next(iter(self._links))]
        self._links[_digest(token)] = self._now() + 60 * LINK_MINUTES
        return f"http://{_in_url(host or self._here)}:{self._port}/open?token={quote(token)}"

    @property
    def shared(self) -> bool:
        """Whether others on the network can reach this server."""
        return self._lan

    def elsewhere(self) -> str | None:
        """A new launch link for another machine on the network; None if the server listens on this one alone."""
        return self.link(self._outside()) if self._lan else None

    def class_link(self, lesson: Lesson) -> str:
        """The link of a class, for as many browsers as like; for other machines, if they can reach this one."""
        return f"http://{_in_url(self._outside())}:{self._port}/open?class={quote(self.classroom.token(lesson))}"

    def _outside(self) -> str:
        if not self._lan:
            return self._here
        return _own_address() if self._any_address else self._host

    def spend(self, token: str) -> bool:
        """Whether a launch link's token is good; it is not, the second time."""
        until = self._links.pop(_digest(token), None)
        return until is not None and self._now() <= until

    def cookie(self) -> str:
        """The ``Set-Cookie`` line that makes a browser known."""
        until = int(self._now()) + COOKIE_DAYS * 86_400
        return self._cookie("cookie", f"{secrets.token_urlsafe(16)}.{until}", COOKIE_DAYS * 86_400)

    def pupil_cookie(self, lesson: Lesson) -> str:
        """The ``Set-Cookie`` line that makes a browser known as a pupil's: as long as its class is open."""
        body = f"{secrets.token_urlsafe(16)}.{lesson.until}.{lesson.number}"
        return self._cookie("pupil", body, lesson.until - int(self._now()))

    def _cookie(self, purpose: str, body: str, seconds: int) -> str:
        value = f"{body}.{self._signed(purpose, body)}"
        return f"{self.cookie_name}={value}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Strict"

    def known(self, scope: Scope) -> Visitor | None:
        """Whose cookie or bearer token a request brings; None if neither is good."""
        authorization = _header(scope, b"authorization")
        if authorization is not None:
            kind, _, token = authorization.partition(" ")
            good = hmac.compare_digest(token.strip().encode(), self._secret)
            return Visitor(None) if good and kind.lower() == "bearer" else None
        for cookies in _headers(scope, b"cookie"):
            for each in cookies.split(";"):
                name, _, value = each.strip().partition("=")
                if name == self.cookie_name and (visitor := self._of_cookie(value)):
                    return visitor
        return None

    def _of_cookie(self, value: str) -> Visitor | None:
        body, _, signature = value.rpartition(".")
        # A pupil's has a third part, and is signed for another purpose: neither can be made into the other.
        purpose = "pupil" if body.count(".") == 2 else "cookie"
        if not hmac.compare_digest(signature.encode(), self._signed(purpose, body).encode()):
            return None
        name, until, *lesson = body.split(".")  # ours, since we signed it
        if self._now() > int(until) or (lesson and not self.classroom.is_open(lesson[0])):
            return None
        return Visitor(self._signed("csrf", name), *lesson)

    def _signed(self, purpose: str, text: str) -> str:
        return hmac.digest(self._secret, f"{purpose}\0{self._port}\0{text}".encode(), "sha256").hex()

    # ── The checks ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _admit(self, scope: Scope, pupils: Collection[tuple[str, str]] = ()) -> Visitor | None:
        """Who asks; None on an open path. Raises _Refused."""
        hosts = _headers(scope, b"host")
        if len(hosts) != 1 or not self._is_here(hosts[0]):
            raise _Refused(403, "This address is not one the studio answers to; use the link it printed.")
        origin = _header(scope, b"origin")
        if len(_headers(scope, b"origin")) > 1 or (
            origin is not None and origin.lower() != f"http://{hosts[0].lower()}"
        ):
            raise _Refused(403, "This request comes from another site, which the studio does not answer.")
        # Browsers treat all ports of one machine as one "site" and send it the cookies: what a page of another server
        # there asks for is no navigation of a person, and is refused.
        if _header(scope, b"sec-fetch-site") in ("cross-site", "same-site") and (
            _header(scope, b"sec-fetch-mode"), _header(scope, b"sec-fetch-dest")
        ) != ("navigate", "document"):  # fmt: skip
            raise _Refused(403, "This request comes from another site, which the studio does not answer.")
        if scope["type"] == "http" and scope["path"] in OPEN_PATHS:
            return None
        visitor = self.known(scope)
        if visitor is None:
            raise _Refused(401, "This needs the studio's launch link, or its token as Authorization: Bearer.")
        method = "WEBSOCKET" if scope["type"] == "websocket" else scope["method"]
        if visitor.lesson is not None and ("GET" if method == "HEAD" else method, scope["path"]) not in pupils:
            raise _Refused(403, "You were let in to watch: this is for the one who teaches.")
        writes = method not in ("GET", "HEAD")
        if visitor.csrf is not None and writes:
            if origin is None:
                raise _Refused(403, "A browser must say where a writing request comes from; this one has no Origin.")
            token = _header(scope, CSRF_HEADER.lower().encode()) or ""
            if scope["type"] == "http" and not hmac.compare_digest(token.encode(), visitor.csrf.encode()):
                raise _Refused(403, f"A writing request needs the header {CSRF_HEADER} besides the cookie.")
        return visitor

    def _is_here(self, host: str) -> bool:
        """Whether a Host header names this server: its name or address, and its port."""
        found = _HOST.fullmatch(host.lower())
        if found is None or int(found["port"] or 80) != self._port:  # browsers leave out port 80
            return False
        name = found["six"] or found["name"]
        return name in self._names or (self._any_address and _address(name) is not None)

    # ── Around the application ───────────────────────────────────────────────────────────────────────────────────────

    def around(self, app: ASGIApp, pupils: Collection[tuple[str, str]] = ()) -> ASGIApp:
        """The application, guarded. Inside it, ``state.visitor`` is the :class:`Visitor`, None on an open path.

        Args:
            app: what to guard.
            pupils: all that pupils may ask, as (method, path); a WebSocket's method is ``WEBSOCKET``. The rest is closed to
                them, whatever is added to it.
        """

        async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "lifespan":
                await app(scope, receive, send)
                return
            try:
                visitor = self._admit(scope, pupils)
            except _Refused as refused:
                if scope["type"] == "websocket":
                    await receive()
                    await send({"type": "websocket.close", "code": 1008, "reason": refused.text})
                else:
                    await _answer(scope, _with_headers(send), refused)
                return
            scope.setdefault("state", {})["visitor"] = visitor
            if scope["type"] == "websocket":
                await app(scope, receive, send)
                return
            limit = self._limits.get(scope["path"], _BODY_BYTES)
            said = _header(scope, b"content-length")
            if said is not None and said.isdigit() and int(said) > limit:
                await _answer(scope, _with_headers(send), _Refused(413, _too_large(limit)))
                return
            await app(scope, _counted(receive, limit), _with_headers(send))

        return guarded


def _counted(receive: Receive, limit: int) -> Receive:
    """Passes on what comes in, until it is more than the limit."""
    so_far = 0

    async def counted() -> Message:
        nonlocal so_far
        message = await receive()
        so_far += len(message.get("body", b""))
        if so_far > limit:
            raise HTTPException(413, _too_large(limit))
        return message

    return counted


def _too_large(limit: int) -> str:
    size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit // 1024} KiB"
    return f"This is larger than the {size} that are taken here: send less."


def _with_headers(send: Send) -> Send:
    """Adds to every response what it does not say itself: the content policy, and that nothing of it is for others."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", []))
            have = {name.lower() for name, _ in headers}
            headers += [each for each in _HEADERS if each[0] not in have]
            message = {**message, "headers": headers}
        await send(message)

    return sending


_HEADERS = [
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": CONTENT_POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "cache-control": "no-store",
    }.items()
]


# ── Pages without the page ───────────────────────────────────────────────────────────────────────────────────────────

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1.05rem/1.6 system-ui,sans-serif;max-width:34rem;margin:18vh auto;padding:0 1.5rem}"
    "h1{font-size:1.3rem;font-weight:600}code{font-size:1em}section+section{margin-top:2.5rem}"
)
_STYLE_POLICY = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
)


def small_page(sections: Mapping[str, tuple[str, str]], head: str = "") -> tuple[str, dict[str, str]]:
    """A page that needs no other file: its text, by language a heading and a paragraph of HTML, and its headers."""
    body = "".join(
        f'<section lang="{language}"><h1>{html.escape(title)}</h1><p>{text}</p></section>'
        for language, (title, text) in sections.items()
    )
    text = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">{head}'
        f"<title>glassnet</title><style>{_STYLE}</style><body><main>{body}</main></body></html>\n"
    )
    return text, {"content-type": "text/html; charset=utf-8", "content-security-policy": _STYLE_POLICY}


def unknown_page() -> tuple[str, dict[str, str]]:
    """What a browser is shown that is not known: why, and what to do; in English and Chinese."""
    return small_page(
        {
            "en": (
                "This link has been used, or has expired",
                "A launch link opens the studio in one browser, once, within ten minutes. For a new one, run "
                "<code>glassnet studio</code> again in the same folder: it opens what is running, or starts it. "
                "If it was a class's link, the class is over: ask whoever teaches for a new one.",
            ),
            "zh": (
                "这个链接已经用过，或者已经过期",
                "启动链接只能在一个浏览器中使用一次，十分钟内有效。要得到新的链接，请在同一个文件夹里再次运行 "
                "<code>glassnet studio</code>：它会打开正在运行的工作室，或者启动它。"
                "如果这是课堂的链接，那么这节课已经结束：请向老师要新的链接。",
            ),
        }
    )


async def _answer(scope: Scope, send: Send, refused: _Refused) -> None:
    """Say no: to a person with a page, to a program with JSON."""
    if refused.status == 401 and "text/html" in (_header(scope, b"accept") or ""):
        text, headers = unknown_page()
    else:
        text, headers = json.dumps({"error": refused.text}) + "\n", {"content-type": "application/json"}
    if refused.status == 401:
        headers["www-authenticate"] = "Bearer"
    body = text.encode()
    headers["content-length"] = str(len(body))
    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": refused.status, "headers": lines})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


# ── Small things ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _digest(token: str) -> bytes:
    # Tokens are looked up by their digest, so that how long it takes tells nothing about them.
    return hashlib.sha256(token.encode()).digest()


def _headers(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


def _header(scope: Scope, name: bytes) -> str | None:
    return next(iter(_headers(scope, name)), None)


def _address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host.lower() == "localhost" if address is None else address.is_loopback


def _own_address() -> str:
    """The address by which others on the network most likely reach this machine; 127.0.0.1 if it has none."""
    try:
        # Nothing is sent: connecting a datagram socket only asks the system which way it would send. The address is one
        # that is nobody's (RFC 5737).
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.connect(("192.0.2.1", 9))
            return str(asking.getsockname()[0])
    except OSError:
        return "127.0.0.1"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
