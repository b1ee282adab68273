"""The server: what it answers, how it treats slow, silent and lying tabs, what it serves and what it does not."""

import asyncio
import contextlib
import gc
import json
import socket as sockets
import struct
import threading
from functools import partial

import httpx
import numpy as np
import pytest
from serving import StandIn, ask, next_of, served, until
from small_run import npz, run_on
from websockets.exceptions import ConnectionClosed

from glassnet.studio import server
from glassnet.studio.frames import pack, unpack
from glassnet.studio.session import Session

WEB = server._WEB  # of the package, whatever a test puts in its place


@pytest.fixture
def here():
    with served() as at:
        yield at


@pytest.fixture(scope="module")
def shared():
    """One server for many small questions."""
    with served() as at:
        yield at


def close_code(socket):
    """Read whatever comes until the server closes the socket; its code."""
    try:
        while True:
            socket.recv(20)
    except ConnectionClosed as closed:
        return closed.rcvd.code


# ── A tab ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_tab_is_greeted_told_the_run_and_sent_frames(here):
    with here.socket() as socket:
        hello = json.loads(socket.recv())
        assert (hello["type"], hello["version"]) == ("hello", server.glassnet.__version__)
        assert json.loads(socket.recv()) == {"type": "run", "run": 1}
        here.session.happen()
        header, arrays = next_of(socket, "frame")
        assert header["frame"] == 1
        assert arrays["a1"].shape == (100,)


def test_a_frame_never_comes_before_the_description_of_its_run():
    """Another run begins just when a frame is asked for: between the news and the frame, if the news were asked for first."""

    class Restarted(StandIn):
        def tab(self, wake, **options):
            tab = super().tab(wake, **options)
            frame = tab.frame

            def frame_of_another_run():
                found = frame()
                if found is not None:
                    tab.fresh.append({"type": "run", "run": tab.number + 1})
                return found

            tab.frame = frame_of_another_run
            return tab

    with served(Restarted()) as here, here.socket() as socket:
        for number in range(1, 20):
            until(lambda: here.session.tabs)
            here.session.happen()
            told = 0
            while True:
                header, _ = next_of(socket, None)
                if header["type"] == "frame":
                    break
                told = header.get("run", told)
            assert told == header["frame"] + 1
            socket.send(json.dumps({"do": "ack", "frame": number}))


def test_commands_are_answered_in_order(here):
    with here.socket() as socket:
        for number in range(5):
            socket.send(json.dumps({"do": "play", "id": number}))
        assert [next_of(socket, "done")[0]["id"] for _ in range(5)] == list(range(5))
        assert ask(socket, {"do": "play", "id": "seven"}) == {
            "type": "done", "id": "seven", "answer": 3, "nothing": None,  # NaN is no JSON
        }  # fmt: skip
        header = ask(socket, {"do": "find", "id": 8})
        assert (header["type"], header["id"]) == ("done", 8)
        assert ask(socket, {"do": "look", "source": "drawing"}, pixels=np.ones((4, 4), np.uint8))["type"] == "done"
        message, arrays = here.session.done[-1]
        assert message["source"] == "drawing"
        assert arrays["pixels"].tolist() == np.ones((4, 4)).tolist()


def test_what_goes_wrong_is_said_in_a_sentence_and_the_tab_lives_on(here, caplog):
    with here.socket() as socket:
        said = ask(socket, {"do": "wrong", "id": 1})
        assert said == {"type": "error", "id": 1, "message": "this must be right, got wrong", "code": None}
        assert ask(socket, {"do": "memory"})["code"] == "memory"
        assert "Traceback" not in caplog.text
        said = ask(socket, {"do": "bug", "id": 2})
        assert (said["type"], said["id"], said["code"]) == ("error", 2, "bug")
        assert "stack trace" not in said["message"]
        assert "RuntimeError: a bug" in caplog.text  # whoever started the server sees it
        assert ask(socket, {"do": "play"})["type"] == "done"


@pytest.mark.parametrize(
    "lie",
    [
        "",
        "play",
        "[]",
        "null",
        "7",
        "{}",
        '{"do": 3}',
        '{"do": ["play"]}',
        '{"do": "play", "id": [1]}',
        '{"do": "play", "id": true}',
        '{"do": "play", "value": NaN}',
        '{"do": "view", "interval": "often"}',
        '{"do": "view", "interval": -1}',
        '{"do": "view", "interval": true}',
        '{"do": "view", "interval": 1e400}',
        "[" * 100_000,
        "9" * 10_000,
        b"",
        b"\0",
        b"\xff\xff\xff\xff{}",
        struct.pack("<I", 4) + b"null",
        struct.pack("<I", 12) + b'{"do":"play"',
        pack({"do": "look"}, {"pixels": np.ones((4, 4))})[:-8],
    ],
    ids=lambda lie: repr(lie)[:40],
)
def test_a_message_that_is_none_is_answered_by_a_sentence(shared, lie):
    shared.session.done.clear()
    with shared.socket() as socket:
        socket.send(lie)
        said, _ = next_of(socket, "error")
        assert (said["type"], said["code"]) == ("error", "wrong_message")
        assert said["message"]
        assert "\n" not in said["message"]
        assert ask(socket, {"do": "play"})["type"] == "done"
        assert [message["do"] for message, _ in shared.session.done] == ["play"]


def test_a_tab_that_goes_away_is_closed_and_the_others_stay(here):
    with here.socket() as stays:
        with here.socket():
            until(lambda: len(here.session.tabs) == 2)
        until(lambda: len(here.session.tabs) == 1)
        assert ask(stays, {"do": "play"})["type"] == "done"


def test_a_tab_too_many_is_sent_away(here, monkeypatch):
    monkeypatch.setattr(server, "TABS", 2)
    with here.socket() as one, here.socket():
        until(lambda: len(here.session.tabs) == 2)
        with here.socket() as third:
            assert close_code(third) == 1013
        assert ask(one, {"do": "play"})["type"] == "done"


# ── The pace of frames ───────────────────────────────────────────────────────────────────────────────────────────────


def test_one_frame_at_most_is_under_way_and_the_newest_comes_next(here):
    with here.socket() as socket:
        until(lambda: here.session.tabs)
        here.session.happen()
        assert next_of(socket, "frame")[0]["frame"] == 1
        for _ in range(100):
            here.session.happen()
        assert ask(socket, {"do": "play"})["type"] == "done"  # replies do not wait for acknowledgements
        socket.send(json.dumps({"do": "ack", "frame": 99}))  # that was not the one
        assert ask(socket, {"do": "play"})["type"] == "done"
        with pytest.raises(TimeoutError):
            socket.recv(0.2)
        socket.send(json.dumps({"do": "ack", "frame": 1}))
        assert next_of(socket, "frame")[0]["frame"] == 101


def test_a_tab_says_how_often_it_wants_frames(here):
    with here.socket() as socket:
        assert ask(socket, {"do": "view", "interval": None, "watch": []})["type"] == "done"
        here.session.happen()
        assert ask(socket, {"do": "play"})["type"] == "done"
        with pytest.raises(TimeoutError):
            socket.recv(0.2)
        socket.send(json.dumps({"do": "view", "interval": 0}))  # as often as there can be
        header, _ = next_of(socket, "frame")
        assert header["frame"] == 1
        numbers = []
        stop = threading.Event()

        def play():
            while not stop.wait(0.002):
                here.session.happen()

        player = threading.Thread(target=play)
        player.start()
        try:
            for _ in range(5):
                socket.send(json.dumps({"do": "ack", "frame": header["frame"]}))
                header, _ = next_of(socket, "frame")
                numbers.append(header["frame"])
        finally:
            stop.set()
            player.join()
        # Fewer frames than there were, each newer than the last: none was kept back for later.
        assert numbers == sorted(set(numbers))
        assert numbers[-1] > 5


def test_whoever_looks_at_something_new_does_not_wait_for_the_interval(here):
    with here.socket() as socket:
        assert ask(socket, {"do": "view", "interval": 3600})["type"] == "done"
        until(lambda: here.session.tabs)
        (tab,) = here.session.tabs
        for number in range(1, 6):  # the first frame comes anyway
            tab.number += 1  # a new frame, of which nobody calls
            assert ask(socket, {"do": "look", "source": "test", "row": number})["type"] == "done"
            assert next_of(socket, "frame")[0]["frame"] == number
            socket.send(json.dumps({"do": "ack", "frame": number}))
        here.session.happen()  # what nobody asked for does wait
        assert ask(socket, {"do": "play"})["type"] == "done"
        with pytest.raises(TimeoutError):
            socket.recv(0.2)


def test_a_small_message_is_not_kept_back_for_the_next(here):
    """TCP_NODELAY: without, a frame behind a reply waits 40 ms for the browser to acknowledge that reply."""
    made = server._listening("127.0.0.1", 0)
    assert [each.proto for each in made] == [sockets.IPPROTO_TCP]  # from which asyncio knows that it may
    for each in made:
        each.close()
    with here.socket():
        until(lambda: here.session.tabs)
        (end,) = accepted(here.port)
        assert end.getsockopt(sockets.IPPROTO_TCP, sockets.TCP_NODELAY)


def accepted(port):
    """The server's ends of its connections, which are in this process."""
    transports = [each for each in gc.get_objects() if issubclass(type(each), asyncio.Transport)]
    ends = [each.get_extra_info("socket") for each in transports if not each.is_closing()]
    return [each for each in ends if each.fileno() >= 0 and each.getsockname()[1] == port]


def test_tabs_that_wait_long_keep_no_other_waiting():
    held, tabs = threading.Event(), []

    class Busy(StandIn):
        def tab(self, wake, **options):
            tab = super().tab(wake, **options)
            tab.held = held
            tabs.append(tab)
            return tab

    def all_are_at_work(number):
        return len(tabs) == number and all(tab.busy.is_set() for tab in tabs)

    with served(Busy()) as here, contextlib.ExitStack() as stack:
        try:
            for number in range(1, 41):  # more than the threads that asyncio has by itself
                socket = stack.enter_context(here.socket())
                socket.send(json.dumps({"do": "restart"}))
                until(partial(all_are_at_work, number))
        finally:
            held.set()


def test_a_reader_that_never_reads_blocks_nobody_and_costs_no_memory(here):
    here.session.size = 100_000
    with here.socket() as reads:
        raw = raw_socket(here)
        until(lambda: len(here.session.tabs) == 2)
        stuck = here.session.tabs[1]
        # It acknowledges every frame that it was sent, without having read it. If they were kept for it, 200 of them would
        # be 160 MB; they are not made any more once the system's own buffers are full.
        frames = 0
        while frames < 200:
            here.session.happen()
            raw.sendall(masked({"do": "find", "id": frames}))
            with contextlib.suppress(AssertionError):
                until(lambda: stuck.shown == stuck.number, 0.5)
            if stuck.shown != stuck.number:
                break
            raw.sendall(masked({"do": "ack", "frame": stuck.shown}))
            frames += 1
        assert frames < 200
        answered = [number for number in range(20) if ask(reads, {"do": "play", "id": number})["id"] == number]
        assert answered == list(range(20))
        raw.close()
        until(lambda: len(here.session.tabs) == 1)


def test_a_reader_that_never_acknowledges_is_sent_one_frame(here):
    with here.socket() as socket:
        until(lambda: here.session.tabs)
        for _ in range(50):
            here.session.happen()
        assert next_of(socket, "frame")[0]["type"] == "frame"
        for _ in range(50):
            here.session.happen()
        assert ask(socket, {"do": "play"})["type"] == "done"
        (tab,) = here.session.tabs
        assert tab.shown < tab.number
        with pytest.raises(TimeoutError):
            socket.recv(0.2)


def test_a_tab_that_does_not_read_is_given_up_in_the_end(here, monkeypatch):
    monkeypatch.setattr(server, "_PATIENCE", 0.2)
    here.session.size = 1_000_000
    with here.socket(max_queue=1) as socket:  # the client's library takes in one message by itself, and then stops
        until(lambda: here.session.tabs)
        here.session.happen()
        until(lambda: here.session.tabs[0].shown)

        def gone():
            with contextlib.suppress(ConnectionClosed):
                socket.send(json.dumps({"do": "find", "id": 1}))
            return not here.session.tabs

        until(gone)
        hang_up(socket)


def test_of_the_looks_that_wait_only_the_newest_is_looked_at(here):
    with here.socket() as socket:
        until(lambda: here.session.tabs)
        here.session.tabs[0].held.clear()
        socket.send(json.dumps({"do": "play", "id": 11}))
        assert here.session.tabs[0].busy.wait(20)
        for number in range(10):
            socket.send(pack({"do": "look", "look": number, "id": number}, {"pixels": np.ones((4, 4), np.uint8)}))
        socket.send(json.dumps({"do": "pause", "id": 10}))
        replaced = [next_of(socket, "done")[0] for _ in range(9)]
        assert all(each["replaced"] for each in replaced)
        here.session.tabs[0].held.set()
        rest = [next_of(socket, "done")[0]["id"] for _ in range(3)]
        assert [each["id"] for each in replaced] == list(range(9))
        assert [message["id"] for message, _ in here.session.done] == rest == [11, 9, 10]


@pytest.mark.parametrize("long", ["reach", "seek", "back", "answers"])
def test_who_draws_is_answered_while_a_command_trains_for_long(here, long):
    with here.socket() as socket:
        until(lambda: here.session.tabs)
        tab = here.session.tabs[0]
        over, do = threading.Event(), tab.do

        def slowly(message, arrays):
            if message["do"] == long:
                assert over.wait(20)
            return do(message, arrays)

        tab.do = slowly
        socket.send(json.dumps({"do": long, "id": 1}))
        socket.send(json.dumps({"do": "play", "id": 2}))  # waits for its turn
        for number in range(3, 7):
            header = ask(socket, {"do": "look", "look": number, "id": number}, pixels=np.ones((4, 4), np.uint8))
            assert (header["type"], header["id"]) == ("done", number)
        assert ask(socket, {"do": "pause", "id": 7})["id"] == 7
        over.set()
        assert [next_of(socket, "done")[0]["id"] for _ in range(2)] == [1, 2]
        assert [message["id"] for message, _ in here.session.done] == [3, 4, 5, 6, 7, 1, 2]


def test_what_waits_for_a_busy_session_is_bounded(here):
    with here.socket() as socket:
        until(lambda: here.session.tabs)
        tab = here.session.tabs[0]
        tab.held.clear()
        big = pack({"do": "restart", "id": 1}, {"pixels": np.ones(900_000, np.uint8)})
        sent = []

        def send():
            for number in range(40):
                socket.send(big)
                sent.append(number)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        sender.join(1)
        # One at work, four waiting, one in the reader's hand, and what the system's own buffers hold.
        assert sender.is_alive()
        assert len(sent) < 30
        tab.held.set()
        for _ in range(40):
            assert next_of(socket, "done")[0]["type"] == "done"
        sender.join(20)
        assert len(here.session.done) == 40


@pytest.mark.parametrize("before", [0, 5], ids=["whole", "in pieces"])
def test_a_message_too_large_closes_the_socket_with_1009(here, before):
    with raw_socket(here) as raw:
        said = b""
        while b"hello" not in said:  # it is closed after that, not before
            said += raw.recv(65_536)
        mask = bytes(4)
        for number in range(before):  # pieces that are small enough each
            raw.sendall(struct.pack("!BBQ", 0 if number else 2, 0xFF, 200_000) + mask + b"x" * 200_000)
        # It is refused by what it says of its size: nobody waits for the rest of it.
        size = server.MESSAGE_BYTES - 200_000 * before + 1
        raw.sendall(struct.pack("!BBQ", 0x80 if before else 0x82, 0xFF, size) + mask)
        while more := raw.recv(65_536):
            said += more
    head, _, close = said.rpartition(b"\x88")
    assert b"hello" in head
    assert int.from_bytes(close[1:3]) == 1009
    until(lambda: not here.session.tabs)


def hang_up(socket):
    """End a client that has not read everything: left alone, it would wait, politely, for what it never read."""
    with contextlib.suppress(OSError):  # the server hung up first, and the client's own thread has closed it since
        socket.socket.shutdown(sockets.SHUT_RDWR)


def raw_socket(here):
    """A socket with its handshake done, and nothing read for it that it does not ask for."""
    raw = sockets.create_connection(("127.0.0.1", here.port), 20)
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    raw.sendall(
        f"GET /ws HTTP/1.1\r\nHost: {here.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: {here.program['Authorization']}\r\n\r\n".encode()
    )
    until(lambda: here.session.tabs)
    return raw


def masked(message):
    """A message as a browser puts it on the wire."""
    body = json.dumps(message).encode()
    assert len(body) < 126
    return bytes([0x81, 0x80 | len(body), 0, 0, 0, 0]) + body


# ── With a real session ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def real(tmp_path):
    """A real session on a small run, served."""
    path = tmp_path / "data"
    path.mkdir()
    source = run_on(tmp_path / "elsewhere", npz(path), {"epochs": 500})[0].path
    (tmp_path / "home").mkdir()
    with served(Session(tmp_path / "home", source)) as at:
        yield at


def test_a_real_network_is_watched_changed_and_asked(real):
    with real.socket() as socket:
        assert next_of(socket, "run")[0]["sizes"] == [64, 16, 16, 3]
        header, arrays = next_of(socket, "frame")
        assert arrays["weight1"].shape == (16, 64)
        assert header["status"]["step"] == 0
        assert ask(socket, {"do": "step", "what": "minibatch"})["type"] == "done"
        assert ask(socket, {"do": "change", "learning_rate": 0.5})["type"] == "done"
        socket.send(json.dumps({"do": "ack", "frame": header["frame"]}))
        header, arrays = frame_when(socket, lambda header: header["status"]["step"] == 1)
        assert arrays["a1"].shape == (16,)
        assert ask(socket, {"do": "change", "learning_rate": -1})["type"] == "error"
        assert ask(socket, {"do": "fly"})["type"] == "error"
    assert real.ask("/api/state", headers=real.program).json()["status"]["step"] == 1


def test_training_waits_for_no_socket(real):
    with real.socket() as reads, real.socket(max_queue=1) as stuck:
        until(lambda: real.session.state()["status"]["tabs"] == 2)
        number = next_of(reads, "frame")[0]["frame"]
        assert ask(reads, {"do": "speed", "value": None})["type"] == "done"
        assert ask(reads, {"do": "play"})["type"] == "done"
        first = real.session.state()["status"]["step"]
        for _ in range(300):  # asked, and never read
            stuck.send(json.dumps({"do": "find", "id": 1, "source": "train", "count": 40}))
        until(lambda: real.session.state()["status"]["step"] > first + 1000)
        reads.send(json.dumps({"do": "ack", "frame": number}))
        assert next_of(reads, "frame")[0]["frame"] > number
        stuck.socket.shutdown(sockets.SHUT_RDWR)
        until(lambda: real.session.state()["status"]["tabs"] == 1)
        assert ask(reads, {"do": "pause"})["type"] == "done"


def frame_when(socket, condition):
    """The next frame for which a condition holds; those before it are acknowledged."""
    while True:
        header, arrays = next_of(socket, "frame")
        if condition(header):
            return header, arrays
        socket.send(json.dumps({"do": "ack", "frame": header["frame"]}))


# ── What programs ask for ────────────────────────────────────────────────────────────────────────────────────────────


def test_programs_read_the_state_and_get_new_links(here):
    answer = here.ask("/api/state", headers=here.program)
    assert answer.json() == {"run": {"run": 1}, "status": {"mode": "paused", "cost": None}, "tabs": 0}
    assert answer.headers["content-type"] == "application/json"
    link = here.ask("/api/link", "POST", headers=here.program).json()["link"]
    assert link.startswith(here.url + "/open?token=")
    assert httpx.get(link, trust_env=False).status_code == 303
    assert here.ask("/api/link", headers=here.program).status_code == 404  # it takes POST only
    assert here.ask("/api/nothing", headers=here.program).json() == {"error": "There is nothing here."}


def image(width, height, kind="PNG"):
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(np.arange(width * height, dtype=np.uint32).reshape(height, width).astype(np.uint8)).save(file, kind)
    return file.getvalue()


def test_a_picture_comes_back_as_gray_pixels_of_a_size_to_look_at(here):
    for width, height, found in ((40, 30, (40, 30)), (1600, 800, (512, 256)), (300, 900, (171, 512))):
        answer = here.ask("/api/picture?center=true", "POST", headers=here.program, content=image(width, height))
        header, arrays = unpack(answer.content)
        assert (header["type"], header["width"], header["height"]) == ("picture", *found)
        assert arrays["pixels"].shape == (found[1], found[0])
        assert arrays["pixels"].dtype == np.uint8


@pytest.mark.parametrize("body", [b"", b"no image", image(40, 30)[:60]])
def test_a_picture_that_is_none_is_refused_by_a_sentence(here, body):
    answer = here.ask("/api/picture", "POST", headers=here.program, content=body)
    assert answer.status_code == 400
    assert "image" in answer.json()["error"]


def test_many_pictures_at_once_are_done_two_by_two(here, monkeypatch):
    at_once, most, lock = [0], [0], threading.Lock()
    gate = threading.Event()
    decoded = server._decoded

    def slowly(body):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        gate.wait(20)
        with lock:
            at_once[0] -= 1
        return decoded(body)

    monkeypatch.setattr(server, "_decoded", slowly)
    answers = []
    body = image(40, 30)

    def send():
        answers.append(here.ask("/api/picture", "POST", headers=here.program, content=body).status_code)

    senders = [threading.Thread(target=send) for _ in range(6)]
    for each in senders:
        each.start()
    until(lambda: at_once[0] == 2)
    gate.set()
    for each in senders:
        each.join(20)
    assert answers == [200] * 6
    assert most[0] == 2


# ── The page's files ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A page of our own, with things beside it that must not come out."""
    tmp_path = tmp_path_factory.mktemp("page")
    web = tmp_path / "web"
    (web / "core").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html>the page")
    (web / "core" / "model.js").write_text("export {};")
    (web / "notes.txt").write_text("not for the page")
    (web / ".hidden.swp").write_text("nor this")
    (tmp_path / "secret.js").write_text("outside")
    (tmp_path / "web-secret").mkdir()
    (tmp_path / "web-secret" / "secret.js").write_text("outside, and its name begins like ours")
    (web / "link.js").symlink_to(tmp_path / "secret.js")
    (web / "folder").symlink_to(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(server, "_WEB", web)
        with served() as at:
            yield at


def test_the_page_is_served_with_the_right_types_and_asked_for_again_each_time(web, monkeypatch):
    import mimetypes

    monkeypatch.setattr(mimetypes, "guess_type", lambda *_: ("text/plain", None))  # as on some Windows
    answer = web.ask("/", headers=web.program)
    assert answer.text == "<!doctype html>the page"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    answer = web.ask("/core/model.js", headers=web.program)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    again = web.ask("/core/model.js", headers={**web.program, "If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert web.ask("/", "HEAD", headers=web.program).status_code == 200
    assert web.ask("/", "DELETE", headers=web.program).status_code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.js",
        "/core/../../secret.js",
        "/%2e%2e/secret.js",
        "/%2e%2e%2fsecret.js",
        "/..%2fsecret.js",
        "/core/%2e%2e/%2e%2e/secret.js",
        "/..%5csecret.js",
        "/%252e%252e/secret.js",
        "/../web-secret/secret.js",
        "//secret.js",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/link.js",
        "/folder/secret.js",
        "/core/model.js%00",
        "/core/model.js%00.html",
        "/notes.txt",
        "/.hidden.swp",
        "/core",
        "/core/",
        "/" + "x" * 5000,
    ],
)
def test_nothing_outside_the_page_is_served(web, path):
    # Sent as it is: a client's library would tidy the path up.
    status, body = raw_get(web, path)
    assert status in (400, 404)
    assert b"outside" not in body


def raw_get(at, path):
    with sockets.create_connection(("127.0.0.1", at.port)) as raw:
        raw.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {at.host}\r\nAuthorization: {at.program['Authorization']}\r\n"
            "Connection: close\r\n\r\n".encode()
        )
        answer = b""
        while more := raw.recv(65536):
            answer += more
    return int(answer.split()[1]), answer


def test_the_web_folder_of_the_package_holds_only_what_is_served():
    # A file of another type would be there and never come out: somebody would wonder why.
    strange = [path for path in WEB.rglob("*") if path.is_file() and path.suffix not in server._TYPES]
    assert not strange


# ── The end ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_end_of_the_server_closes_tabs_and_session():
    session = StandIn()
    with contextlib.ExitStack() as stack:
        with served(session) as at:
            socket = stack.enter_context(at.socket())
            until(lambda: session.tabs)
        assert close_code(socket) == 1012  # it restarts: come back later
    assert (session.closed, session.tabs) == (1, [])


@pytest.mark.parametrize("unsaved", [None, "could not save it: no space left."])
def test_a_server_that_ends_without_having_saved_says_so(tmp_path, monkeypatch, unsaved):
    from glassnet.files import NotSaved

    class Unsaved(StandIn):
        def __init__(self, *_):
            super().__init__()
            self.unsaved = unsaved

    monkeypatch.setattr("glassnet.studio.session.Session", Unsaved)
    monkeypatch.setattr(server._Server, "run", lambda self, sockets: [each.close() for each in sockets])
    expected = pytest.raises(NotSaved, match="stopped, but the last state of the run could not be saved: could not")
    with contextlib.nullcontext() if unsaved is None else expected:
        server.serve(tmp_path, host="127.0.0.1", port=0, browser=False)


def test_the_end_does_not_wait_for_a_tab_that_never_reads():
    session = StandIn()
    session.size = 10_000_000
    with contextlib.ExitStack() as stack:
        with served(session) as at:
            socket = stack.enter_context(at.socket(max_queue=1))
            until(lambda: session.tabs)
            session.happen()
            until(lambda: session.tabs[0].shown)
        assert session.closed == 1
        hang_up(socket)


def test_the_port_and_address_must_be_ours_to_take(monkeypatch):
    from glassnet.errors import WrongFile

    with sockets.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(WrongFile, match=f"port {port} is taken"):
            server._listening("127.0.0.1", port)
        monkeypatch.setattr(server, "PORTS", range(port, port + 1))
        with pytest.raises(WrongFile, match="all taken"):
            server._listening("127.0.0.1", None)
        monkeypatch.setattr(server, "PORTS", range(port, port + 10))
        (next_free,) = server._listening("127.0.0.1", None)
        assert port < next_free.getsockname()[1] < port + 10
        next_free.close()
    for host in ("203.0.113.7", "no such name"):
        with pytest.raises(WrongFile, match=f"cannot listen on {host}"):
            server._listening(host, 0)


def test_it_listens_on_loopback_alone_unless_told():
    def bound(host):
        made = server._listening(host, 0)
        found = [each.getsockname()[0] for each in made]
        for each in made:
            each.close()
        return found

    assert bound("127.0.0.1") == ["127.0.0.1"]
    assert bound("0.0.0.0") == ["0.0.0.0"]
    assert bound("127.0.0.2") == ["127.0.0.2", "127.0.0.1"]  # loopback too, so that a second start finds the first
