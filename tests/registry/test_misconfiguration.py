"""MLflow's client set up wrongly, for real: each mistake has a code and a sentence of its own."""

import json
import re
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.store.artifact import s3_artifact_repo
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from service.cli.mistakes import mistakes
from service.registry.child.faults import RegistryFault, asked, fault_of_download
from service.registry.wire import SENTENCES, Fault
from tests.registry.mistakes import MISTAKES, STORES, Mistake
from tests.support.certificate import certificate

# What tests of one's own machine set would hide what is tried here.
_QUIET = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class _NotMlflow(BaseHTTPRequestHandler):
    """Refuses by the status in its path, or as an S3 store does by the code there; else is HTML."""

    def do_GET(self) -> None:
        status, body = _answer(self.path.split("/")[1:])
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


def _answer(path: list[str]) -> tuple[int, bytes]:
    if path[0] == "host":
        return 403, b"Invalid Host header - possible DNS rebinding attack detected"
    if path[0] == "s3":
        status = {"NoSuchBucket": 404, "AuthorizationHeaderMalformed": 400}.get(path[1], 403)
        return status, f"<Error><Code>{path[1]}</Code><Message/></Error>".encode()
    if path[0].isdigit():
        return int(path[0]), b"refused"
    if path[0] in {"workspaces", "none"} and path[-1].startswith("server-info"):
        return 200, json.dumps({"workspaces_enabled": path[0] == "workspaces"}).encode()
    if path[0] == "workspaces":
        missing = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "Workspace 'x' not found"}
        return 404, json.dumps(missing).encode()
    return 404, b"<html>out-of-date database schema</html>"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A server that is not MLflow, one that speaks TLS, a port of nobody, and files to name."""
    home = tmp_path_factory.mktemp("home")
    (home / "garbage.db").write_text("garbage\n" * 1000)
    with sqlite3.connect(home / "newer.db") as newer:
        newer.execute("create table alembic_version (version_num varchar(32))")
        newer.execute("insert into alembic_version values ('f00ba4')")
        newer.execute("create table experiments (experiment_id integer)")
    with (
        ThreadingHTTPServer(("127.0.0.1", 0), _NotMlflow) as plain,
        ThreadingHTTPServer(("127.0.0.1", 0), _NotMlflow) as tls,
        socket.socket() as free,
    ):
        free.bind(("127.0.0.1", 0))  # taken and not listened on: whoever connects is refused
        context = certificate(home)
        tls.socket = context.wrap_socket(
            tls.socket, server_side=True, do_handshake_on_connect=False
        )
        threads = [threading.Thread(target=each.serve_forever) for each in (plain, tls)]
        for each in threads:
            each.start()
        yield {
            "plain": str(plain.server_port),
            "tls": str(tls.server_port),
            "free": str(free.getsockname()[1]),
            "home": str(home),
        }
        plain.shutdown()
        tls.shutdown()
        for each in threads:
            each.join()


@pytest.fixture
def set_up(
    places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Mistake], str]]:
    """Makes the mistake, in this process's environment; gives the address."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "")
    for proxy in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(proxy, raising=False)

    def make(mistake: Mistake) -> str:
        for variable, value in (_QUIET | mistake.variables).items():
            monkeypatch.setenv(variable, value.format(**places))
        return mistake.address.format(**places)

    yield make
    # MLflow keeps S3's clients for as long as their arguments are the same.
    s3_artifact_repo._cached_get_s3_client.cache_clear()


@pytest.mark.parametrize("name", MISTAKES)
def test_o8_mistake_is_told_as_what_it_is(name: str, set_up: Callable[[Mistake], str]) -> None:
    """The client raises it itself, asked as the service asks."""
    mistake = MISTAKES[name]
    address = set_up(mistake)
    with pytest.raises(RegistryFault) as fault:
        asked(lambda: MlflowClient(address, address).get_registered_model("x"))
    assert fault.value.fault is mistake.fault, fault.value


def _fetch(address: str, folder: Path) -> None:
    get_artifact_repository(artifact_uri=address).list_artifacts(None)
    download_artifacts(address, dst_path=str(folder))


@pytest.mark.parametrize("name", STORES)
def test_o8_mistake_in_a_store_is_not_told_as_the_registrys(
    name: str, set_up: Callable[[Mistake], str], tmp_path: Path
) -> None:
    """The store's library raises it itself, asked for what it holds and then for its files."""
    mistake = STORES[name]
    address = set_up(mistake)
    with pytest.raises(Exception) as error:  # noqa: PT011 - each library has its own
        _fetch(address, tmp_path)
    assert fault_of_download(error.value) is mistake.fault, error.value


@pytest.mark.parametrize("name", MISTAKES)
def test_o8_what_can_mean_nothing_else_is_seen_before_anybody_is_asked(
    name: str, places: dict[str, str]
) -> None:
    """In one line that names the variable; what may come right by itself is left to the looks."""
    mistake = MISTAKES[name]
    variables = {**mistake.variables, "MLFLOW_TRACKING_URI": mistake.address}
    found = mistakes({name: value.format(**places) for name, value in variables.items()})
    assert bool(found) is mistake.stops, found
    assert all(line.startswith("MLFLOW_TRACKING_") and "; " in line for line in found)


def test_o8_every_sentence_names_what_to_set_or_do() -> None:
    """A variable, or a command."""
    told = {mistake.fault for mistake in (*MISTAKES.values(), *STORES.values())}
    assert not [
        fault
        for fault in told - {Fault.NONSENSE, Fault.REFUSED, Fault.FORBIDDEN}
        if not re.search(
            r"MLFLOW_|AWS_|NO_PROXY|`mlflow|--allowed-hosts|on the store", SENTENCES[fault]
        )
    ]


def test_o8_token_that_makes_no_header_is_in_no_text(set_up: Callable[[Mistake], str]) -> None:
    """Requests repeats the header that it does not take; the log has the fault's text."""
    address = set_up(MISTAKES["a token with its line's end"])
    with pytest.raises(RegistryFault) as fault:
        asked(lambda: MlflowClient(address, address).get_registered_model("x"))
    assert "abc" not in str(fault.value)
    assert "MLFLOW_TRACKING_TOKEN" in str(fault.value)
