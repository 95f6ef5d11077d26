"""MLflow's client set up wrongly, for real: each mistake has a code and a sentence of its own."""

import socket
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from mlflow import MlflowClient

from service.registry.understanding import RegistryFault, asked
from service.registry.wire import SENTENCES, Fault
from tests.support.certificate import certificate

# What tests of one's own machine set would hide what is tried here.
_QUIET = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0", "MLFLOW_HTTP_REQUEST_TIMEOUT": "60"}


@dataclass(frozen=True, slots=True)
class Mistake:
    """An address and variables; `{plain}`, `{tls}`, `{free}` are ports, `{home}` is a folder."""

    address: str
    fault: Fault
    variables: dict[str, str] = field(default_factory=dict)


MISTAKES = {
    "no scheme": Mistake("127.0.0.1:{plain}", Fault.ADDRESS),
    "no scheme, a name": Mistake("localhost:{plain}", Fault.ADDRESS),
    "in quotes": Mistake('"http://127.0.0.1:{plain}"', Fault.ADDRESS),
    "in single quotes": Mistake("'http://127.0.0.1:{plain}'", Fault.ADDRESS),
    "a space behind it": Mistake("http://127.0.0.1:{plain} ", Fault.ADDRESS),
    "one slash": Mistake("http:/127.0.0.1:{plain}", Fault.ADDRESS),
    "no colon": Mistake("http//127.0.0.1:{plain}", Fault.ADDRESS),
    "a folder": Mistake("{home}/mlruns", Fault.ADDRESS),
    "another database's name": Mistake("postgres://u:p@127.0.0.1:{free}/db", Fault.ADDRESS),
    "a wrong port": Mistake("http://127.0.0.1:{free}", Fault.UNREACHABLE),
    "http where TLS is spoken": Mistake("http://127.0.0.1:{tls}", Fault.UNREACHABLE),
    "https where it is not": Mistake("https://127.0.0.1:{plain}", Fault.NO_TLS),
    "an unknown host": Mistake("http://nobody.invalid:{plain}", Fault.UNKNOWN_HOST),
    "a certificate of nobody known": Mistake("https://localhost:{tls}", Fault.UNTRUSTED),
    "a certificate of another name": Mistake(
        "https://127.0.0.1:{tls}", Fault.UNTRUSTED, {"REQUESTS_CA_BUNDLE": "{home}/named.pem"}
    ),
    "no file of certificates": Mistake(
        "https://localhost:{tls}", Fault.CERTIFICATE_FILE, {"REQUESTS_CA_BUNDLE": "{home}/none"}
    ),
    "MLflow's own, not there": Mistake(
        "https://localhost:{tls}",
        Fault.CERTIFICATE_FILE,
        {"MLFLOW_TRACKING_SERVER_CERT_PATH": "{home}/none"},
    ),
    "a file that holds none": Mistake(
        "https://localhost:{tls}",
        Fault.CERTIFICATE_FILE,
        {"MLFLOW_TRACKING_SERVER_CERT_PATH": "{home}/garbage.db"},
    ),
    "the client's, not there": Mistake(
        "https://localhost:{tls}",
        Fault.CERTIFICATE_FILE,
        {"MLFLOW_TRACKING_CLIENT_CERT_PATH": "{home}/none"},
    ),
    "a dead proxy": Mistake(
        "http://mlflow.invalid:{plain}", Fault.PROXY, {"http_proxy": "http://127.0.0.1:{free}"}
    ),
    "a dead proxy for TLS": Mistake(
        "https://mlflow.invalid:{plain}", Fault.PROXY, {"https_proxy": "http://127.0.0.1:{free}"}
    ),
    "a token with its line's end": Mistake(
        "http://127.0.0.1:{plain}", Fault.CLIENT_SETTING, {"MLFLOW_TRACKING_TOKEN": "abc\n"}
    ),
    "a time that is no number": Mistake(
        "http://127.0.0.1:{plain}", Fault.CLIENT_SETTING, {"MLFLOW_HTTP_REQUEST_TIMEOUT": "5s"}
    ),
    "neither true nor false": Mistake(
        "https://127.0.0.1:{plain}", Fault.CLIENT_SETTING, {"MLFLOW_TRACKING_INSECURE_TLS": "maybe"}
    ),
    "two that contradict": Mistake(
        "https://127.0.0.1:{plain}",
        Fault.CLIENT_SETTING,
        {
            "MLFLOW_TRACKING_INSECURE_TLS": "true",
            "MLFLOW_TRACKING_SERVER_CERT_PATH": "{home}/named.pem",
        },
    ),
    "no driver": Mistake("mssql+pyodbc://u:p@127.0.0.1:{free}/db", Fault.DRIVER_MISSING),
    "no driver, MySQL": Mistake("mysql+pymysql://u:p@127.0.0.1:{free}/db", Fault.DRIVER_MISSING),
    "another MLflow's schema": Mistake("sqlite:///{home}/newer.db", Fault.SCHEMA),
    "no database": Mistake("sqlite:///{home}/garbage.db", Fault.DATABASE),
    "somebody else's server": Mistake("http://127.0.0.1:{plain}", Fault.NONSENSE),
}


class _NotMlflow(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()
        self.wfile.write(b"<html>out-of-date database schema</html>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


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


@pytest.mark.parametrize("name", MISTAKES)
def test_o8_mistake_is_told_as_what_it_is(
    name: str, places: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client raises it itself, asked as the service asks."""
    mistake = MISTAKES[name]
    for proxy in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(proxy, raising=False)
    for variable, value in (_QUIET | mistake.variables).items():
        monkeypatch.setenv(variable, value.format(**places))
    address = mistake.address.format(**places)
    with pytest.raises(RegistryFault) as fault:
        asked(lambda: MlflowClient(address, address).get_registered_model("x"))
    assert fault.value.fault is mistake.fault, fault.value


def test_o8_every_sentence_names_what_to_set_or_do() -> None:
    """A variable, or a command."""
    told = {mistake.fault for mistake in MISTAKES.values()} - {Fault.NONSENSE}
    assert not [
        fault for fault in told if "MLFLOW_" not in SENTENCES[fault] and fault != Fault.PROXY
    ]
    assert "NO_PROXY" in SENTENCES[Fault.PROXY]
