"""The guard: who is let in, and who is not, on every route; what every answer tells the browser."""

import contextlib
import io
import logging
import re
import socket as sockets

import httpx
import pytest
from serving import SECRET, ask, next_of, served, until
from starlette.routing import Mount, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus

from glassnet.studio import security, server
from glassnet.studio.security import CONTENT_POLICY, CSRF_HEADER, OPEN_PATHS, Guard


@pytest.fixture(scope="module")
def here():
    with served() as at:
        yield at


@pytest.fixture(scope="module")
def cookie(here):
    return here.browser()


@pytest.fixture(scope="module")
def writing(here, cookie):
    """The headers of a page that may write."""
    return here.writing(cookie)


@pytest.fixture(scope="module")
def routes(here):
    return server.app(here.session, here.guard).routes


def requests_of(routes):
    """A request to each route, with each method; a route of a kind not known here fails, until it is thought about."""
    for route in routes:
        if isinstance(route, WebSocketRoute):
            yield "WEBSOCKET", route.path
        elif isinstance(route, Route):
            for method in sorted(route.methods):
                yield method, route.path
        else:
            assert isinstance(route, Mount)
            assert route.path == ""
            yield "GET", "/app.js"
            yield "GET", "/nothing.js"
            yield "POST", "/app.js"


def status(here, method, path, headers=None, **options):
    """The answer's status; of a WebSocket that is opened, 101."""
    if method != "WEBSOCKET":
        return here.ask(path, method, headers=headers, **options).status_code
    headers = dict(headers or {})
    try:
        with here.socket(headers, origin=headers.pop("Origin", None)):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


# ── Every route (row 22) ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": SECRET},
        {"Cookie": "glassnet-PORT=x"},
        {"Cookie": "glassnet-PORT=a.9999999999.b"},
        {"Cookie": "glassnet-PORT=" + "é" * 40},
    ],
    ids=str,
)
def test_every_route_is_closed_without_the_token(here, routes, headers):
    headers = {key: value.replace("PORT", str(here.port)).encode("latin-1") for key, value in headers.items()}
    asked = list(requests_of(routes))
    assert ("WEBSOCKET", "/ws") in asked
    for method, path in asked:
        if path in OPEN_PATHS:
            continue
        sent = {**headers, "Origin": here.url}
        if method == "WEBSOCKET":
            sent = {key: value.decode("latin-1") if isinstance(value, bytes) else value for key, value in sent.items()}
            if not "".join(sent.values()).isascii():
                continue  # that library cannot send it
        assert status(here, method, path, sent) in (401, 403), (method, path)


def test_only_links_are_open(here, routes):
    assert {"/open"} == OPEN_PATHS
    assert status(here, "GET", "/open") == 401
    assert status(here, "GET", "/open?token=wrong") == 401
    assert status(here, "GET", "/open?class=wrong") == 401
    assert status(here, "GET", "/open?class=") == 401
    assert status(here, "GET", "/open/") == 401
    assert status(here, "GET", "/OPEN") == 401
    assert status(here, "GET", "/open/../api/state") == 401


def test_a_route_that_is_added_later_is_guarded_without_a_thought(here):
    # Whatever stands inside the guard: here, an application that lets everybody in.
    reached = []

    async def careless(scope, receive, send):
        reached.append(scope["path"])

    guarded = here.guard.around(careless)

    async def answer(scope):
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": f"{scope['type']}.connect"}

        await guarded(scope, receive, send)
        return sent[0]

    import asyncio

    host = [(b"host", here.host.encode())]
    http = {"type": "http", "method": "GET", "path": "/new", "headers": host}
    assert asyncio.run(answer(http))["status"] == 401
    assert asyncio.run(answer({"type": "websocket", "path": "/new", "headers": host}))["type"] == "websocket.close"
    assert not reached


# ── Where a request comes from (row 23) ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:PORT",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:PORT",
        "127.0.0.1.evil.example:PORT",
        "127.0.0.2:PORT",
        "192.168.1.5:PORT",
        "[::2]:PORT",
        "[::1]",
        "::1:PORT",
        "[::1:PORT",
        "",
        ":PORT",
        "127.0.0.1:PORT, evil.example",
        "evil@127.0.0.1:PORT",
    ],
)
def test_a_host_of_another_name_is_refused_on_all_routes(here, routes, host):
    host = host.replace("PORT", str(here.port))
    for method, path in requests_of(routes):
        # Even with the right token: it is for this server only.
        assert raw_status(here, method, path, [f"Host: {host}"]) in (400, 403), (method, path)
    assert raw_status(here, "GET", "/api/state", [f"Host: {here.host}", f"Host: {host}"]) in (400, 403)
    assert raw_status(here, "GET", "/api/state", []) in (400, 403)


@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost:PORT", "LocalHost:PORT", "[::1]:PORT"])
def test_this_machine_has_three_names(here, host):
    assert raw_status(here, "GET", "/api/state", [f"Host: {host.replace('PORT', str(here.port))}"]) == 200


def raw_status(here, method, path, lines):
    if method == "WEBSOCKET":
        lines = [
            *lines,
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
    connection = "Upgrade" if method == "WEBSOCKET" else "close"
    lines = [*lines, f"Connection: {connection}", f"Authorization: Bearer {SECRET}"]
    with sockets.create_connection(("127.0.0.1", here.port)) as raw:
        request = f"{'GET' if method == 'WEBSOCKET' else method} {path} HTTP/1.1\r\n" + "\r\n".join(lines) + "\r\n\r\n"
        raw.sendall(request.encode("latin-1"))
        return int(raw.recv(4096).split()[1])


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "https://HOST", "http://127.0.0.1", "http://localhost:PORT"]
)
def test_a_foreign_origin_is_refused_on_all_routes(here, routes, writing, origin):
    origin = origin.replace("HOST", here.host).replace("PORT", str(here.port))
    for method, path in requests_of(routes):
        for headers in (here.program, writing):
            assert status(here, method, path, {**headers, "Origin": origin}) == 403, (method, path)


def test_a_browser_must_say_where_it_writes_from(here, cookie, writing):
    assert status(here, "WEBSOCKET", "/ws", {**cookie, "Origin": here.url}) == 101
    assert status(here, "WEBSOCKET", "/ws", cookie) == 403
    silent = {key: value for key, value in writing.items() if key != "Origin"}
    assert status(here, "POST", "/api/link", writing) == 200
    assert status(here, "POST", "/api/link", silent) == 403
    assert status(here, "GET", "/api/state", cookie) == 200  # a page that is typed in has no origin


def test_what_another_page_on_this_machine_asks_for_is_refused(here, cookie):
    # A page of http://localhost:3000 counts as the same site, so that the browser sends our cookie with its requests.
    for site in ("cross-site", "same-site"):
        fetch = {**cookie, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
        assert status(here, "GET", "/app.js", fetch) == 403
        click = {**cookie, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        assert status(here, "GET", "/", click) == 200
    own = {**cookie, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}
    assert status(here, "GET", "/app.js", own) == 200


# ── Writing (row 24) ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_writing_route_needs_more_than_the_cookie(here, routes, cookie, writing):
    written = [(method, path) for method, path in requests_of(routes) if method not in ("GET", "HEAD", "WEBSOCKET")]
    assert {path for _, path in written} >= {"/api/link", "/api/picture"}
    other = here.writing(here.browser())[CSRF_HEADER]
    for method, path in written:
        alone = {**cookie, "Origin": here.url}
        assert status(here, method, path, alone) == 403
        for token in ("", "wrong", "é".encode("latin-1"), other, SECRET):
            assert status(here, method, path, {**alone, CSRF_HEADER: token}) == 403
        assert status(here, method, path, writing) not in (401, 403)
        assert status(here, method, path, here.program) not in (401, 403)


# ── The token, the link, the cookie (row 25) ─────────────────────────────────────────────────────────────────────────


def test_secrets_are_long_and_never_the_same():
    # 43 letters of 6 bits are 256 bits.
    assert len({security.new_secret() for _ in range(100)}) == 100
    assert all(re.fullmatch(r"[\w-]{43}", security.new_secret()) for _ in range(100))
    guard = Guard(SECRET, 2828)
    tokens = {guard.link().partition("token=")[2] for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) == 43


def test_secrets_are_compared_in_constant_time(monkeypatch):
    compared = []
    compare = security.hmac.compare_digest

    def noting(a, b):
        compared.append((a, b))
        return compare(a, b)

    monkeypatch.setattr(security.hmac, "compare_digest", noting)
    guard = Guard(SECRET, 2828)
    assert guard.known({"headers": [(b"authorization", b"Bearer " + SECRET.encode())]})
    assert compared == [(SECRET.encode(), SECRET.encode())]
    value = guard.cookie().partition(";")[0].encode()
    assert guard.known({"headers": [(b"cookie", value)]})
    assert len(compared) == 2


def test_a_launch_link_works_once_and_for_ten_minutes():
    clock = [1_000_000.0]
    guard = Guard(SECRET, 2828, now=lambda: clock[0])

    def token():
        return guard.link().partition("token=")[2]

    one = token()
    assert guard.spend(one)
    assert not guard.spend(one)
    two, three = token(), token()
    clock[0] += 599
    assert guard.spend(two)
    clock[0] += 2
    assert not guard.spend(three)
    assert not guard.spend("")


def test_links_that_nobody_uses_do_not_pile_up():
    guard = Guard(SECRET, 2828)
    first = guard.link()
    for _ in range(1000):
        last = guard.link()
    assert len(guard._links) == 100
    assert not guard.spend(first.partition("token=")[2])
    assert guard.spend(last.partition("token=")[2])


def test_the_link_lets_one_browser_in_and_tells_the_next_why_not(here):
    link = here.guard.link()
    assert httpx.head(link, trust_env=False).status_code == 200  # a preview of the link does not use it up
    answer = httpx.get(link, trust_env=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    line = answer.headers["set-cookie"]
    assert line.startswith(f"glassnet-{here.port}=")
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"} <= set(line.split("; "))
    cookie = {"Cookie": "other=1; " + line.partition(";")[0] + "; third=x"}
    assert here.ask("/api/state", headers=cookie).status_code == 200
    answer = httpx.get(link, trust_env=False)
    assert answer.status_code == 401
    assert "This link has been used, or has expired" in answer.text
    assert "这个链接已经用过，或者已经过期" in answer.text
    assert answer.text.count("<code>glassnet studio</code>") == 2
    assert "set-cookie" not in answer.headers
    # The same browser may use it again, as people do.
    answer = httpx.get(link, headers=cookie, trust_env=False)
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)


def test_a_link_that_is_clicked_in_a_chat_goes_on_by_itself(here):
    # After a redirect from another site, the browser would not send the strict cookie along.
    answer = httpx.get(
        here.guard.link(),
        headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
        trust_env=False,
    )
    assert answer.status_code == 200
    assert '<meta http-equiv="refresh" content="0;url=/">' in answer.text
    assert "set-cookie" in answer.headers


def test_a_person_without_a_cookie_sees_a_page_and_a_program_json(here):
    page = here.ask("/", headers={"Accept": "text/html,*/*"})
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert "这个链接已经用过" in page.text
    answer = here.ask("/api/state")
    assert "Bearer" in answer.json()["error"]
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_cookie_is_good_for_thirty_days_on_its_port_and_cannot_be_made():
    clock = [1_000_000.0]
    guard = Guard(SECRET, 2828, now=lambda: clock[0])
    value = guard.cookie().partition(";")[0].partition("=")[2]

    def known(value, guard=guard, name="glassnet-2828"):
        return guard.known({"headers": [(b"cookie", f"{name}={value}".encode())]}) is not None

    assert known(value)
    assert known(value, Guard(SECRET, 2828, now=lambda: clock[0]))  # a restarted server knows its tabs
    assert not known(value, name="glassnet-2829")
    assert not known(value, Guard(SECRET, 2829), name="glassnet-2829")
    assert not known(value, Guard(SECRET[::-1], 2828, now=lambda: clock[0]))
    name, until, signature = value.split(".")
    for made in (
        f"{name}.{int(until) + 1}.{signature}",
        f"x{name}.{until}.{signature}",
        f"{name}.{until}.",
        f".{until}.",
        "",
    ):
        assert not known(made)
    clock[0] += 30 * 86_400 - 1
    assert known(value)
    clock[0] += 2
    assert not known(value)


def test_no_secret_is_ever_logged_or_printed(capfd, caplog):
    caplog.set_level(logging.DEBUG)
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    names = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
    for name in names:
        logging.getLogger(name).addHandler(handler)
    try:
        with served() as at:
            link = at.guard.link()
            cookie = at.browser()
            httpx.get(link, trust_env=False)
            httpx.get(link, trust_env=False)
            at.ask("/open?token=another-token")
            lesson = at.ask("/api/class", "POST", headers=at.program).json()["link"]
            httpx.get(lesson, trust_env=False)
            pupil = at.pupil()
            at.ask("/open?class=another-token")
            headers = at.writing(cookie)
            at.ask("/api/link", "POST", headers=headers)
            at.ask("/api/state", headers=at.program)
            at.ask("/api/state", headers={"Authorization": "Bearer another-token"})
            with at.socket(cookie) as socket:
                ask(socket, {"do": "bug"})
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(handler)
    # What was said by the server, that is: httpx, which asks here, logs its own requests.
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("http", "websockets"))]
    shown = "\n".join([*ours, text.getvalue(), *capfd.readouterr()])
    assert "could not do" in shown  # the ears are open
    links = (link.partition("token=")[2], lesson.partition("class=")[2])
    for secret in (SECRET, *links, cookie["Cookie"], pupil["Cookie"], headers[CSRF_HEADER], "another-token"):
        assert secret not in shown


# ── Where it listens (row 26) ────────────────────────────────────────────────────────────────────────────────────────


def admits(guard, host):
    headers = [(b"host", host.encode()), (b"authorization", b"Bearer " + SECRET.encode())]
    try:
        guard._admit({"type": "http", "method": "GET", "path": "/", "headers": headers})
    except security._Refused:
        return False
    return True


def test_an_address_of_the_network_is_answered_only_where_it_was_asked_for():
    here = Guard(SECRET, 2828)
    assert not admits(here, "192.168.1.5:2828")
    one = Guard(SECRET, 2828, "192.168.1.5")
    assert admits(one, "192.168.1.5:2828")
    assert admits(one, "127.0.0.1:2828")
    assert not admits(one, "192.168.1.6:2828")
    assert not admits(one, "192.168.1.5")
    assert one.link().startswith("http://127.0.0.1:2828/open?token=")
    assert one.elsewhere().startswith("http://192.168.1.5:2828/open?token=")
    assert here.elsewhere() is None
    named = Guard(SECRET, 2828, "Board.local")
    assert admits(named, "board.local:2828")
    assert named.elsewhere().startswith("http://board.local:2828/open?token=")
    assert Guard(SECRET, 2828, "::1").link().startswith("http://[::1]:2828/open?token=")


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::"])
def test_listening_everywhere_answers_to_addresses_but_to_no_names(everywhere):
    # A page of evil.example can make that name point here; it cannot do so with an address.
    guard = Guard(SECRET, 2828, everywhere)
    for host in ("192.168.1.5:2828", "[2001:db8::5]:2828", "localhost:2828", "127.0.0.1:2828"):
        assert admits(guard, host)
    for host in (
        "evil.example:2828",
        "192.168.1.5",
        "192.168.1.5:80",
        "192.168.1.5.evil.example:2828",
        "3232235781:2828",
    ):
        assert not admits(guard, host)
    assert guard.link("192.168.1.5").startswith("http://192.168.1.5:2828/")
    assert re.match(r"http://[\d.]+:2828/open\?token=", guard.elsewhere())


def test_this_machine_is_known_by_its_loopback_addresses(monkeypatch):
    for host in ("127.0.0.1", "::1", "localhost", "127.0.0.2"):
        assert Guard(SECRET, 2828, host).elsewhere() is None
    for host in ("0.0.0.0", "::", "192.168.1.5", "board.local"):
        assert Guard(SECRET, 2828, host).elsewhere()

    def without_network(*arguments):
        raise OSError("Network is unreachable")

    monkeypatch.setattr(security.socket.socket, "connect", without_network)
    assert Guard(SECRET, 2828, "0.0.0.0").elsewhere().startswith("http://127.0.0.1:2828/")


def test_on_port_80_browsers_leave_the_port_out():
    guard = Guard(SECRET, 80)
    assert admits(guard, "127.0.0.1")
    assert admits(guard, "127.0.0.1:80")
    assert admits(guard, "[::1]")
    assert not admits(guard, "evil.example")


# ── Limits (row 27; the socket's own are in test_server) ─────────────────────────────────────────────────────────────


def test_a_body_too_large_is_refused_whatever_it_says_of_its_length():
    def pieces(size):
        for _ in range(size // 65_536):
            yield b"x" * 65_536

    with served(limits={"/api/picture": 2**20}) as at:
        for path, limit in (("/api/picture", 2**20),):
            answer = at.ask(path, "POST", headers=at.program, content=b"x" * (limit + 1))
            assert (answer.status_code, "1 MiB" in answer.json()["error"]) == (413, True)
            assert at.ask(path, "POST", headers=at.program, content=pieces(limit)).status_code == 400  # no image
            try:
                answer = at.ask(path, "POST", headers=at.program, content=pieces(4 * limit))
                assert answer.status_code == 413
            except httpx.WriteError:  # it was hung up on before it had sent all: the answer is lost on the way
                pass
        answer = at.ask("/api/link", "POST", headers=at.program, content=b"x" * 65_537)
        assert (answer.status_code, "64 KiB" in answer.json()["error"]) == (413, True)


def test_a_body_is_counted_as_it_comes_in():
    import asyncio

    from starlette.exceptions import HTTPException

    async def receive():
        return {"type": "http.request", "body": b"x" * 400, "more_body": True}

    async def read():
        counted = security._counted(receive, 1000)
        await counted()
        await counted()
        with pytest.raises(HTTPException) as refused:
            await counted()
        return refused.value.status_code

    assert asyncio.run(read()) == 413


def test_headers_too_large_are_refused(here):
    with contextlib.suppress(OSError):  # it may be hung up on before it has sent all
        assert raw_status(here, "GET", "/", [f"Host: {here.host}", "X: " + "x" * 2_000_000]) == 400


# ── What the browser is told (row 29; that nothing breaks it is seen in test_page) ───────────────────────────────────


def test_every_answer_has_the_headers_that_keep_others_out(here, routes, cookie):
    answers = [here.ask(path, method, headers=headers) for method, path in requests_of(routes) if method != "WEBSOCKET"
               for headers in ({}, cookie, here.program)]  # fmt: skip
    answers += [
        here.ask("/api/picture", "POST", headers=here.program, content=b"x" * 10),
        here.ask("/", headers={"Host": "x"}),
    ]
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 403, 404}
    for answer in answers:
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] in ("no-store", "no-cache")
        assert "server" not in headers
        policy = headers["content-security-policy"]
        assert policy == CONTENT_POLICY or "sha256-" in policy
        assert "unsafe" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy


def test_the_page_has_no_inline_script_or_style_or_foreign_address():
    for path in server._WEB.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text)
        assert not re.search(r"<style|\bstyle=|\son\w+=|javascript:|https?://", text)


def test_even_a_bug_answers_with_the_headers(here, monkeypatch, caplog):
    def broken(self, **_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(type(here.session), "state", broken)
    answer = here.ask("/api/state", headers=here.program)
    assert answer.status_code == 500
    assert answer.headers["content-security-policy"] == CONTENT_POLICY
    assert "a bug" not in answer.text
    until(lambda: "RuntimeError: a bug" in caplog.text)  # whoever started the server sees it


def test_a_program_may_open_the_socket_and_needs_no_other_token(here):
    with here.socket() as socket:
        assert next_of(socket, "hello")[0]["csrf"] is None
        assert ask(socket, {"do": "play"})["type"] == "done"
