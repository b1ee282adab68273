"""The class: one link for many browsers, which may watch and nothing else; and what is left of it when it is closed."""

import asyncio
import contextlib
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from serving import SECRET, ask, next_of, served, until
from starlette.routing import Mount, Route, WebSocketRoute
from test_security import requests_of, status
from websockets.exceptions import ConnectionClosed

from glassnet.studio import classroom, server
from glassnet.studio.classroom import CLASS_HOURS, Classroom, qr_rows
from glassnet.studio.security import CSRF_HEADER, Guard
from glassnet.studio.session import Session

OPENED = [("GET", "/"), ("GET", "/api/state"), ("POST", "/api/picture"), ("WEBSOCKET", "/ws")]
"""What pupils may ask, besides the files of the page."""


@pytest.fixture(scope="module")
def here():
    with served() as at:
        yield at


def opened(here):
    return here.ask("/api/class", "POST", headers=here.program).json()


# ── The link ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_link_lets_many_in_until_the_class_is_closed(here):
    link = opened(here)["link"]
    assert opened(here)["link"] == link  # opening it twice is one class
    pupils = [here.pupil() for _ in range(40)]
    assert len({each["Cookie"] for each in pupils}) == 40
    assert {status(here, "GET", "/api/state", each) for each in pupils} == {200}
    assert here.ask("/api/class", "DELETE", headers=here.program).json() == {"open": False, "shared": False}
    assert {status(here, "GET", "/api/state", each) for each in pupils} == {401}
    assert httpx.get(link, trust_env=False).status_code == 401
    # The next class is another: nobody of the last one is in it.
    assert opened(here)["link"] != link
    assert {status(here, "GET", "/api/state", each) for each in pupils} == {401}
    assert "the class is over" in httpx.get(link, trust_env=False).text


def test_a_class_ends_by_itself():
    clock = [1_000_000.0]
    with served(now=lambda: clock[0]) as at:
        pupil, link = at.pupil(), opened(at)["link"]
        clock[0] += CLASS_HOURS * 3600 - 1
        assert status(at, "GET", "/api/state", pupil) == 200
        clock[0] += 1
        assert status(at, "GET", "/api/state", pupil) == 401
        assert httpx.get(link, trust_env=False).status_code == 401
        assert at.ask("/api/class", headers=at.program).json()["open"] is False


def test_the_tokens_are_long_and_compared_in_constant_time(monkeypatch):
    compared = []
    compare = classroom.hmac.compare_digest

    def noting(a, b):
        compared.append((len(a), len(b)))
        return compare(a, b)

    monkeypatch.setattr(classroom.hmac, "compare_digest", noting)
    room = Classroom(SECRET, 2828)
    tokens = set()
    for _ in range(20):
        tokens.add(room.token(room.open()))
        room.close()
    assert len(tokens) == 20
    assert {len(each) for each in tokens} == {32}  # letters of 6 bits each: 192 bits
    token = room.token(room.open())
    assert room.admits(token)
    for wrong in ("", token[:-1], token + "x", "é", room.open().number, SECRET):
        assert not room.admits(wrong)
    assert set(compared) == {(32, 32)}  # digests: always of one length
    room.close()
    assert not room.admits(token)
    assert not room.admits("")
    assert Classroom(SECRET[::-1], 2828).token(room.open()) != room.token(room.open())


def test_a_server_that_is_started_again_goes_on_with_the_class(tmp_path):
    path = tmp_path / "class.json"
    room = Classroom(SECRET, 2828, path)
    token = room.token(room.open())
    assert token not in path.read_text()  # it follows from the secret, and is kept nowhere
    guard = Guard(SECRET, 2828, classroom=room)
    cookie = guard.pupil_cookie(room.open()).partition(";")[0].encode()
    again = Guard(SECRET, 2828, classroom=Classroom(SECRET, 2828, path))
    assert again.classroom.admits(token)
    assert again.known({"headers": [(b"cookie", cookie)]}).role == "pupil"
    again.classroom.close()
    assert not path.exists()
    assert Classroom(SECRET, 2828, path).lesson is None
    for damaged in (b"", b"{", b"[]", b'{"class": 3, "until": 4}', b'{"class": "x"}', b'{"class": "x", "until": 1.5}'):
        path.write_bytes(damaged)
        assert Classroom(SECRET, 2828, path).lesson is None


@pytest.mark.parametrize(
    ("host", "start"),
    [
        ("127.0.0.1", "http://127.0.0.1:2828/open?class="),
        ("192.168.1.5", "http://192.168.1.5:2828/open?class="),
        ("board.local", "http://board.local:2828/open?class="),
        ("fe80::1", "http://[fe80::1]:2828/open?class="),
    ],
)
def test_the_link_has_the_address_by_which_others_come(host, start):
    guard = Guard(SECRET, 2828, host)
    assert guard.class_link(guard.classroom.open()).startswith(start)
    assert guard.shared == (host != "127.0.0.1")


def test_the_qr_code_is_segnos_own_of_this_very_link(here):
    import segno

    about = opened(here)
    matrix = segno.make_qr(about["link"], error="m").matrix
    assert about["qr"] == ["".join(map(str, row)) for row in matrix] == qr_rows(about["link"])
    assert len(about["qr"]) == len(about["qr"][0]) <= 37  # large modules: read from the last row of a room


# ── Cookies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pupils_cookie_cannot_be_made_into_a_teachers():
    guard = Guard(SECRET, 2828)
    lesson = guard.classroom.open()
    value = guard.pupil_cookie(lesson).partition(";")[0].partition("=")[2]

    def known(value):
        return guard.known({"headers": [(b"cookie", f"glassnet-2828={value}".encode())]})

    name, until_, number, signature = value.split(".")
    assert known(value).lesson == lesson.number
    assert known(value).role == "pupil"
    for made in (
        f"{name}.{until_}.{signature}",
        f"{name}.{until_}..{signature}",
        f"{name}.{int(until_) + 1}.{number}.{signature}",
        f"{name}.{until_}.other.{signature}",
        f"{name}.{until_}.{number}.{number}.{signature}",
        f"{number}.{until_}.{name}.{signature}",
    ):
        assert known(made) is None
    teacher = guard.cookie().partition(";")[0].partition("=")[2]
    assert known(teacher).role == "teacher"
    name, until_, signature = teacher.split(".")
    assert known(f"{name}.{until_}.{number}.{signature}") is None


def test_who_teaches_stays_so_and_a_pupil_can_become_one(here):
    teacher = here.browser()
    answer = httpx.get(opened(here)["link"], headers=teacher, trust_env=False)
    assert (answer.status_code, "set-cookie" in answer.headers) == (303, False)
    assert status(here, "POST", "/api/link", here.writing(teacher)) == 200
    pupil = here.pupil()
    answer = httpx.get(here.guard.link(), headers=pupil, trust_env=False)
    cookie = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    assert status(here, "POST", "/api/link", here.writing(cookie)) == 200
    line = httpx.get(opened(here)["link"], trust_env=False).headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(line.split("; "))
    head = httpx.head(opened(here)["link"], trust_env=False)
    assert (head.status_code, "set-cookie" in head.headers) == (200, False)


# ── What pupils may do ───────────────────────────────────────────────────────────────────────────────────────────────


def test_pupils_may_ask_what_the_table_says_and_nothing_else(here):
    routes = server.app(here.session, here.guard).routes
    pupil = here.pupil()
    writing = here.writing(pupil)
    asked = set(requests_of(routes))
    assert asked > set(OPENED)
    for method, path in sorted(asked):
        if path == "/open":
            continue
        method_ = "GET" if method == "HEAD" else method
        files = method_ == "GET" and path in ("/app.js", "/nothing.js")
        expected = (method_, path) in OPENED or (files and path == "/app.js")
        found = status(here, method, path, writing)
        assert (found not in (401, 403)) is expected, (method, path, found)
        if not expected:
            assert found == 403
    # What pupils may write, they may write as anybody: not with the cookie alone.
    assert status(here, "POST", "/api/picture", {**pupil, "Origin": here.url}) == 403
    assert status(here, "WEBSOCKET", "/ws", pupil) == 403
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
        assert status(here, method, "/api/state", writing) == 403


def test_the_table_names_every_file_of_the_page_and_no_route_by_accident(here):
    table = server.pupils_may()
    paths = {path for method, path in table if method == "GET"}
    assert {"/", "/app.js", "/css/base.css", "/network/edges.js", "/share/words.js", "/icon.svg"} <= paths
    assert all(path.startswith("/api/") is False or path == "/api/state" for path in paths)
    for route in server.app(here.session, here.guard).routes:
        if isinstance(route, Route) and (route.path.startswith("/api/") or "{" in route.path):
            for method in route.methods:
                assert ((method, route.path) in table) is ((method, route.path) in OPENED)
        else:
            assert isinstance(route, Route | WebSocketRoute | Mount)


def test_a_route_that_is_added_later_is_closed_to_pupils_without_a_thought(here):
    reached = []

    async def careless(scope, receive, send):
        reached.append(scope["path"])

    guarded = here.guard.around(careless)
    cookie = here.pupil()["Cookie"].encode()

    async def answer(scope):
        sent = []

        async def send(message):
            sent.append(message)

        async def receive():
            return {"type": f"{scope['type']}.connect"}

        await guarded(scope, receive, send)
        return sent[0]

    headers = [(b"host", here.host.encode()), (b"cookie", cookie), (b"origin", here.url.encode())]
    for method, path in (("GET", "/new"), ("GET", "/"), ("HEAD", "/api/state"), ("POST", "/api/picture")):
        http = {"type": "http", "method": method, "path": path, "headers": headers}
        assert asyncio.run(answer(http))["status"] == 403
    assert asyncio.run(answer({"type": "websocket", "path": "/ws", "headers": headers}))["type"] == "websocket.close"
    assert not reached


def test_a_pupil_is_told_so_and_watches_only(here):
    with here.socket(here.pupil()) as socket, here.socket(here.browser()) as teacher:
        assert next_of(socket, "hello")[0]["role"] == "pupil"
        assert next_of(teacher, "hello")[0]["role"] == "teacher"
        assert sorted(tab.watching for tab in here.session.tabs) == [False, True]


def test_a_command_made_by_hand_is_refused_and_a_look_is_not(tmp_path):
    session = Session(tmp_path / "home")
    with served(session) as at, at.socket(at.pupil()) as socket:
        before = session.describe()["run"]
        for message in (
            {"do": "play"},
            {"do": "step", "what": "minibatch"},
            {"do": "change", "learning_rate": 0.1},
            {"do": "restart", "seed": 7},
            {"do": "edit", "kind": "bias", "layer": 1, "neuron": 0, "value": 1.0},
            {"do": "delete", "run": "1"},
            {"do": "race", "what": "begin"},
            {"do": "speed", "value": None},
        ):
            answer = ask(socket, message)
            assert (answer["type"], answer["code"]) == ("error", "watching_only"), message
        pixels = np.zeros((112, 112), np.uint8)
        pixels[20:90, 50:60] = 255
        assert ask(socket, {"do": "look", "look": 4, "source": "drawing"}, pixels=pixels)["type"] == "done"
        assert ask(socket, {"do": "find", "source": "test", "count": 3})["type"] == "done"
        state = session.state()
        assert (state["run"]["run"], state["status"]["mode"], state["status"]["step"]) == (before, "paused", 0)


def test_closing_the_class_closes_its_sockets_and_no_others(here):
    with here.socket(here.pupil()) as pupil, here.socket(here.browser()) as teacher:
        next_of(pupil, "hello")
        next_of(teacher, "hello")
        here.ask("/api/class", "DELETE", headers=here.program)
        with pytest.raises(ConnectionClosed) as ended:
            next_of(pupil, "never")
        assert (ended.value.rcvd.code, ended.value.rcvd.reason) == (1008, "the class is over")
        assert ask(teacher, {"do": "play"})["type"] == "done"


def test_the_class_is_opened_by_who_teaches_alone(here):
    writing = here.writing(here.browser())
    assert here.ask("/api/class", "POST", headers=writing).json()["open"] is True
    assert here.ask("/api/class", headers=writing).json()["link"] == opened(here)["link"]
    pupil = here.writing(here.pupil())
    for method in ("GET", "POST", "DELETE"):
        assert here.ask("/api/class", method, headers=pupil).status_code == 403
    silent = {key: value for key, value in writing.items() if key != CSRF_HEADER}
    assert here.ask("/api/class", "DELETE", headers=silent).status_code == 403


# ── Many at once ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_thirty_watch_at_once_and_one_that_never_reads_holds_up_nobody(tmp_path):
    session = Session(tmp_path / "home")
    with served(session) as at, contextlib.ExitStack() as stack:
        deaf = stack.enter_context(at.socket(at.pupil(), max_queue=1))
        pupils = [stack.enter_context(at.socket(at.pupil())) for _ in range(30)]
        teacher = stack.enter_context(at.socket(at.browser()))
        assert ask(teacher, {"do": "speed", "value": None})["type"] == "done"
        assert ask(teacher, {"do": "change", "epochs": 10_000})["type"] == "done"
        assert ask(teacher, {"do": "play"})["type"] == "done"

        def watched(pupil):
            steps = []
            for _ in range(5):
                header, _ = next_of(pupil, "frame")
                steps.append(header["status"]["step"])
                pupil.send(json.dumps({"do": "ack", "frame": header["frame"]}))
            return steps

        with ThreadPoolExecutor(30) as threads:
            steps = list(threads.map(watched, pupils))
        assert len(steps) == 30
        assert all(seen == sorted(seen) and seen[-1] > seen[0] for seen in steps)
        # All the while it learned, for nobody in particular: the next frame of all is far ahead of the first.
        until(lambda: session.state()["status"]["step"] > 20_000)
        assert session.state()["status"]["tabs"] == 32
        at.ask("/api/class", "DELETE", headers=at.program)
        until(lambda: session.state()["status"]["tabs"] == 1)
        ask(teacher, {"do": "pause"})
        with contextlib.suppress(OSError):
            deaf.socket.shutdown(2)


def test_pupils_leave_room_for_who_teaches(here, monkeypatch):
    monkeypatch.setattr(server, "PUPILS", 2)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            assert next_of(stack.enter_context(here.socket(here.pupil())), "hello")
        third = stack.enter_context(here.socket(here.pupil()))
        with pytest.raises(ConnectionClosed) as full:
            third.recv(20)
        assert full.value.rcvd.code == 1013
        assert next_of(stack.enter_context(here.socket(here.browser())), "hello")
