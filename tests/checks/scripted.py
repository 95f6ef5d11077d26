"""A listener that gives one answer after the other, and the last one for ever."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

Answer = tuple[int, Any]


@dataclass
class Scripted:
    """Where it listens, and what it was asked."""

    url: str = ""
    asked: list[tuple[str, str, str | None]] = field(default_factory=list)


@contextmanager
def scripted(answers: Sequence[Answer], clock: float | None = None) -> Iterator[Scripted]:
    """Listens while it lasts; an answer is a status and what is sent as JSON.

    `clock`: the time that answers tell, in seconds of the epoch; None: as it is.
    """
    left, said = list(answers), Scripted()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            said.asked.append((self.command, self.path, self.headers["Authorization"]))
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return super().date_time_string(timestamp if clock is None else clock)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        said.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield said
        finally:
            server.shutdown()
            thread.join()
