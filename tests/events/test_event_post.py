"""An event over real HTTP: every receiver that does not take one costs its time limit at most."""

import base64
import contextlib
import logging
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from service.config.outgoing import Outgoing
from service.events.event_faults import EventFault, fault_of
from service.events.event_forms import EventMessage
from service.events.event_post import HttpPost
from service.events.event_sender import NotAnswered
from tests.events.receiving import SECONDS, receiver
from tests.support.certificate import certificate
from tests.support.http_server import Response
from tests.support.tracking import free_port

MESSAGE = EventMessage({"Content-Type": "application/json"}, b'{"a": 1}')
BRIEFLY = 0.2


def fault(url: str, way: Outgoing | None = None, seconds: float = SECONDS) -> EventFault:
    """Why nothing answers there."""
    with pytest.raises(NotAnswered) as unanswered:
        HttpPost(url, way or Outgoing())(MESSAGE, seconds)
    assert unanswered.value.__cause__ is None, "its text may hold the address"
    return unanswered.value.fault


@contextlib.contextmanager
def talker(says: bytes) -> Iterator[str]:
    """One who takes a connection, says that, and neither reads nor ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def take() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                taken.append(connection)
                connection.sendall(says)

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/hunter2"
        for connection in taken:
            connection.close()


def test_event_is_posted_as_it_is_written() -> None:
    """Headers and body; by basic auth where the address has user and password."""
    with receiver() as taken:
        url = taken.url.replace("http://", "http://ada:p%40ss@")
        assert HttpPost(url, Outgoing())(MESSAGE, SECONDS).status == 200
    (request,) = taken.requests
    assert (request.method, request.target, request.body) == ("POST", "/events", MESSAGE.body)
    authorization = f"Basic {base64.b64encode(b'ada:p@ss').decode()}"
    assert request.headers["Authorization"] == authorization
    assert request.headers["Content-Type"] == "application/json"


def test_receiver_that_is_not_there_is_a_fault() -> None:
    """No port, no proxy."""
    dead = f"http://127.0.0.1:{free_port()}"
    assert fault(f"{dead}/hunter2") is EventFault.UNREACHABLE
    assert fault("http://a.example/", Outgoing(proxy=dead)) is EventFault.UNREACHABLE
    assert fault("http://a.example/", Outgoing(proxy="who://a")) is EventFault.UNREACHABLE


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\nX-Slow: "])
def test_receiver_that_never_answers_is_left_when_its_time_is_over(says: bytes) -> None:
    """Though it begins to."""
    with talker(says) as url:
        assert fault(url, seconds=BRIEFLY) is EventFault.TIMED_OUT


def test_nothing_of_an_answer_but_its_head_is_waited_for() -> None:
    """Its body may have no end."""
    with talker(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n{") as url:
        assert HttpPost(url, Outgoing())(MESSAGE, SECONDS).status == 200


def test_what_is_not_http_is_a_fault() -> None:
    """Whatever it says."""
    with talker(b"SSH-2.0-OpenSSH\r\n\r\n") as url:
        assert fault(url) is EventFault.UNREACHABLE


def test_name_server_that_hangs_is_left_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """And keeps no later try waiting."""
    answered, asked = threading.Event(), threading.Event()

    def hangs(*_: object, **__: object) -> list[object]:
        asked.set()
        answered.wait(SECONDS)
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    while not asked.is_set():  # a try on a busy machine may not come so far
        assert fault("http://slow.example/", seconds=BRIEFLY) is EventFault.TIMED_OUT
    assert fault("http://slow.example/", seconds=BRIEFLY) is EventFault.TIMED_OUT
    answered.set()


def test_redirect_is_not_followed() -> None:
    """What is signed for one is not handed to another."""
    with receiver() as elsewhere, receiver(Response(b"", 302, {"Location": "/x"})) as taken:
        answer = HttpPost(taken.url, Outgoing())(MESSAGE, SECONDS)
        assert fault_of(answer.status) is EventFault.REDIRECTED
    assert (len(taken.requests), elsewhere.requests) == (1, [])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-1", 0.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 -1400", 0.0),
    ],
)
def test_retry_after_is_read_or_passed_over(text: str, seconds: float) -> None:
    """As RFC 9110 has it."""
    with receiver(Response(b"", 503, {"Retry-After": text})) as taken:
        answer = HttpPost(taken.url, Outgoing())(MESSAGE, SECONDS)
    assert (answer.status, answer.retry_after) == (503, seconds)


def test_proxy_is_asked_where_there_is_one() -> None:
    """For the whole address."""
    with receiver() as proxy:
        way = Outgoing(proxy=proxy.url.removesuffix("/events"))
        assert HttpPost("http://far.example/hook", way)(MESSAGE, SECONDS).status == 200
    assert [request.target for request in proxy.requests] == ["http://far.example/hook"]


@pytest.mark.parametrize(
    ("address", "variables", "proxy"),
    [
        ("https://a.example/", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://a.example/", {"https_proxy": "p:1", "HTTPS_PROXY": "no"}, "http://p:1"),
        ("https://a.example/", {"HTTP_PROXY": "http://p:1"}, None),
        ("https://a.example/", {"ALL_PROXY": "http://p:1"}, "http://p:1"),
        ("https://a.example/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example"}, None),
        ("https://a.example/", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        ("http://localhost:1/", {"HTTP_PROXY": "http://p:1"}, None),
        ("https://a.example/", {}, None),
    ],
)
def test_proxy_is_the_one_that_the_environment_names(
    address: str, variables: dict[str, str], proxy: str | None
) -> None:
    """As for every other client; this machine is near."""
    assert Outgoing.to(address, variables).proxy == proxy


def test_certificate_that_nobody_knows_is_not_trusted(tmp_path: Path) -> None:
    """Unless its authority is named; a file that is none is told as what it is."""
    context = certificate(tmp_path)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        url = f"https://localhost:{server.server_address[1]}/"
        assert fault(url) is EventFault.NOT_TRUSTED
        way = Outgoing.to(url, {"SSL_CERT_FILE": str(tmp_path / "named.pem")})
        assert HttpPost(url, way)(MESSAGE, SECONDS).status == 204
        for wrong in ("missing.pem", "named.der"):
            way = Outgoing(authorities=str(tmp_path / wrong))
            assert fault(url, way) is EventFault.NOT_TRUSTED
        server.shutdown()
        thread.join(SECONDS)


def test_no_answer_says_where_it_was_sought(caplog: pytest.LogCaptureFixture) -> None:
    """Nor does the client log it, though libraries are listened to."""
    caplog.set_level(logging.DEBUG)
    with receiver() as taken:
        HttpPost(f"{taken.url}/hunter2", Outgoing())(MESSAGE, SECONDS)
    assert "hunter2" not in caplog.text
