"""The tutorial's own words, tried: what it shows can be run."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

Scripted = Callable[[list[int]], str]
ROOT = Path(__file__).parents[1]
TUTORIAL = (ROOT / "docs/tutorial.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", TUTORIAL, re.DOTALL)


@pytest.fixture
def scripted() -> Iterator[Scripted]:
    """Starts a listener that answers POSTs with these statuses in turn; gives its address."""
    servers: list[tuple[HTTPServer, threading.Thread]] = []

    def start(statuses: list[int]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(statuses.pop(0))
                self.send_header("Retry-After", "0")
                self.end_headers()
                self.wfile.write(json.dumps({"predictions": [0]}).encode())

            def log_message(self, *_: Any) -> None:
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("code", PYTHON)
def test_python_can_be_run(code: str) -> None:
    """Each block compiles as it stands."""
    compile(code, "docs/tutorial.md", "exec")


def test_client_rides_out_a_503(capsys: pytest.CaptureFixture[str], scripted: Scripted) -> None:
    """The block is run against a service that is not ready twice, and then is."""
    (code,) = [code for code in PYTHON if "Retry-After" in code]
    url = scripted([503, 503, 200])
    exec(code.replace("http://127.0.0.1:8000", url), {})  # noqa: S102 - the tutorial's own code
    assert capsys.readouterr().out == "[0]\n"
