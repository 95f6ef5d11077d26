"""`podium train` against an MLflow that does not let it work: what it says, and what mends it."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from tests.support.tracking import free_port


class _Refusing(BaseHTTPRequestHandler):
    """Refuses by the status in its path; `/slow` answers nobody before the end."""

    over = threading.Event()

    def do_POST(self) -> None:
        first = self.path.split("/")[1]
        if first == "slow":
            self.over.wait(60)
        body = b"Invalid Host header - possible" if first == "host" else b"<html>"
        self.send_response({"host": 403, "slow": 500, "page": 200}.get(first) or int(first))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def refusing() -> Iterator[str]:
    """The address of a server that refuses."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        _Refusing.over.set()
        server.shutdown()
        thread.join()


def train(address: str, **environment: str) -> Result:
    """The command, as the shell's variable names the server; MLflow's client tries once."""
    once = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}
    environment = {**once, "MLFLOW_TRACKING_URI": address, **environment}
    return CliRunner(env=environment).invoke(main, ["train"], prog_name="podium")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("401", "(401): set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TR"),
        ("403", "(403): give it EDIT on the experiment and on the registered model"),
        ("host", "--allowed-hosts"),
        ("404", "does not answer as MLflow does: check the address, and any proxy"),
        ("page", "does not answer as MLflow does"),
        ("500", "answered with an error; its own log says more"),
        ("503", "answered with an error; its own log says more"),
    ],
)
def test_o16_refusal_is_told_as_what_it_is(refusing: str, path: str, said: str) -> None:
    """With the address that was asked, in one line, and never as a server that is not there."""
    done = train(f"{refusing}/{path}")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert done.exit_code == 1
    assert line.startswith(f"Error: {refusing}/{path}: ")
    assert said in line


@pytest.mark.parametrize(
    ("address", "variables", "said"),
    [
        ("https{rest}", {}, "does not speak TLS"),
        ("http://nobody.invalid", {}, "No host has the name"),
        ("http://nobody.invalid", {"http_proxy": "{dead}"}, "NO_PROXY"),
        ("https{rest}", {"REQUESTS_CA_BUNDLE": "/nowhere"}, "REQUESTS_CA_BUNDLE"),
        ("http{rest}", {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5s"}, "MLFLOW_HTTP_REQUEST_TIMEOUT."),
        ("http{rest}/slow", {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1"}, "takes too long for an answer"),
        ("mysql+pymysql://u:p@127.0.0.1/db", {}, "not installed"),
        ("{dead}", {}, "MLflow does not answer at {dead}. Start it, or set MLFLOW_TRACKING_URI."),
    ],
)
def test_o16_what_stands_between_is_told_too(
    refusing: str, address: str, variables: dict[str, str], said: str
) -> None:
    """TLS, a proxy, a name, a setting, a driver; and nothing, where nothing is there."""
    given = {"rest": refusing.removeprefix("http"), "dead": f"http://127.0.0.1:{free_port()}"}
    done = train(
        address.format(**given), **{name: text.format(**given) for name, text in variables.items()}
    )
    assert done.exit_code == 1, done.stderr
    assert said.format(**given) in done.stderr


@pytest.mark.parametrize(
    ("address", "variables", "named"),
    [
        ("127.0.0.1:5000", {}, "MLFLOW_TRACKING_URI: has no http://"),
        ('"http://127.0.0.1:5000"', {}, "MLFLOW_TRACKING_URI: stands in quotes"),
        (
            "http://127.0.0.1:5000",
            {"MLFLOW_TRACKING_TOKEN": "Bearer hunter2"},
            "MLFLOW_TRACKING_TOKEN: begins with the name of its scheme",
        ),
    ],
)
def test_o8_training_stops_at_what_can_mean_nothing_else(
    address: str, variables: dict[str, str], named: str
) -> None:
    """Before any library is loaded, in one line that names the variable and no secret."""
    done = train(address, **variables)
    assert done.exit_code == 2
    assert done.stderr.startswith(f"podium: {named}")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr


def test_o8_mistake_in_a_flag_is_told_by_the_flags_name() -> None:
    """The variable, which does not count then, may be anything."""
    line = ["train", "--tracking-uri", "127.0.0.1:5000"]
    done = CliRunner(env={"MLFLOW_TRACKING_URI": "'"}).invoke(main, line, prog_name="podium")
    assert (done.exit_code, done.stderr.partition(" has")[0]) == (2, "podium: --tracking-uri:")
