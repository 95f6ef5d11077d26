"""An HTTP server in a thread of the tests, and one that stands between a service and its MLflow."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx

SECONDS = 240
# What belongs to one connection, and not to what is handed on.
_HOPS = frozenset({"connection", "content-length", "host", "transfer-encoding", "content-encoding"})


@dataclass(frozen=True, slots=True)
class Request:
    """One request, whole; `target` is path and query as they were sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """The target without its query."""
        return urlsplit(self.target).path

    def query(self, name: str) -> str:
        """That parameter, decoded; empty if it is not there."""
        return parse_qs(urlsplit(self.target).query).get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class Response:
    """One reply, whole."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})


Answers = Callable[[Request], Response]


@contextlib.contextmanager
def http_server(
    answers: Answers, port: int = 0, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """Its URL, while it serves each request in a thread of its own; with `tls`, of `localhost`."""

    class Handler(BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            # Who has asked may be ended at any moment: nobody is there to be told.
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                super().handle_one_request()

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            response = answers(Request(self.command, self.path, dict(self.headers), body))
            if any(name.lower() == "date" for name in response.headers):
                self.send_response_only(response.status)
            else:
                self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        do_GET = do_HEAD = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Nothing: the tests say what they need."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        where = "http://127.0.0.1" if tls is None else "https://localhost"
        yield f"{where}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(SECONDS)


class Hold:
    """The first reply that fits is kept from whoever has asked until it is released."""

    def __init__(self, fits: Callable[[Request, Response], bool]) -> None:
        self._fits = fits
        self._taken = threading.Lock()
        self._arrived = threading.Event()
        self._released = threading.Event()

    def wait(self) -> None:
        """Returns when MLflow has given the reply."""
        assert self._arrived.wait(SECONDS), "nobody has asked"

    def release(self) -> None:
        """Lets it go on; may be called again."""
        self._released.set()

    def keep(self, request: Request, response: Response) -> None:
        """Returns at once for any other reply than the first that fits."""
        if self._fits(request, response) and self._taken.acquire(blocking=False):
            self._arrived.set()
            self._released.wait(SECONDS)


class Between:
    """Hands requests on to the MLflow at `upstream`, and what it answers back."""

    def __init__(self, upstream: str) -> None:
        self._client = httpx.Client(base_url=upstream, timeout=SECONDS, trust_env=False)
        self._holds: list[Hold] = []

    def __call__(self, request: Request) -> Response:
        """MLflow's own reply."""
        headers = {name: value for name, value in request.headers.items() if _goes_on(name)}
        got = self._client.request(
            request.method, request.target, headers=headers, content=request.body
        )
        kept = {name: value for name, value in got.headers.items() if _goes_on(name)}
        response = Response(got.content, got.status_code, kept)
        for hold in list(self._holds):
            hold.keep(request, response)
        return response

    @contextlib.contextmanager
    def holding(self, fits: Callable[[Request, Response], bool]) -> Iterator[Hold]:
        """While it lasts, the first reply that fits is held until it is released, or at the end."""
        hold = Hold(fits)
        self._holds.append(hold)
        try:
            yield hold
        finally:
            self._holds.remove(hold)
            hold.release()

    def close(self) -> None:
        """Ends its connections to MLflow."""
        self._client.close()


def _goes_on(name: str) -> bool:
    return name.lower() not in _HOPS
