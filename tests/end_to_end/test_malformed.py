"""Every malformed body of docs/requests.md is answered as the page says, by a real service."""

import contextlib
import http.client
import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow.models import ModelSignature
from mlflow.types.schema import Schema

from tests.contract.signatures import ANY, column, nested
from tests.end_to_end.malformed import MALFORMED, MAX_BODY_BYTES, MAX_ROWS, Sent
from tests.support import models, tracking
from tests.support.documents import table
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service

SECONDS = 240
PAGE = table("docs/requests.md", "Malformed bodies and limits")
FLAT = [
    column("long", "number"),
    column("double", "real", required=False),
    column("string", "text", required=False),
]
SIGNATURES = {"flat": FLAT, "nested": [nested(ANY, "anything")]}

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, of models without examples


@pytest.fixture(scope="module")
def service(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """Two models that answer what they were called with."""
    folder = tmp_path_factory.mktemp("malformed")
    uri = f"sqlite:///{tracking.copy_database(migrated_database, folder)}"
    for name, entries in SIGNATURES.items():
        signature = ModelSignature(inputs=Schema.from_json(json.dumps(entries)))
        place = models.save(folder / name, "echo", signature, example=None)
        Registry(uri, name).add(place, alias="champion")
    limits = {"PODIUM_MAX_BODY_BYTES": str(MAX_BODY_BYTES), "PODIUM_MAX_ROWS": str(MAX_ROWS)}
    refs = [f"{name}@champion" for name in SIGNATURES]
    with running_service(refs, uri, folder, **limits) as running:
        running.wait_until_ready()
        yield running


def exchange(service: RunningService, path: str, sent: Sent) -> tuple[int, dict[str, Any]]:
    """Status and document of the answer; headers go out exactly as they are given."""
    address = urllib.parse.urlsplit(service.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, SECONDS)
    with contextlib.closing(connection):
        connection.putrequest(sent.method, path, skip_accept_encoding=True)
        for name, value in sent.headers:
            connection.putheader(name, value)
        # A service that refuses early need not read the rest.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            _send(connection, sent)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def _send(connection: http.client.HTTPConnection, sent: Sent) -> None:
    if not sent.chunks:
        length = len(sent.body) if sent.declared is None else sent.declared
        connection.putheader("Content-Length", str(length))
        connection.endheaders()
        connection.send(sent.body if sent.declared is None else b"")
        return
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    size = -(-len(sent.body) // sent.chunks)
    for start in range(0, len(sent.body), size):
        part = sent.body[start : start + size]
        connection.send(b"%x\r\n%b\r\n" % (len(part), part))
    connection.send(b"0\r\n\r\n")


def said(document: dict[str, Any]) -> str:
    """The code of an answer, or the type of its last field error."""
    if "predictions" in document:
        return ""
    detail = document["detail"]
    return str(document["code"] if isinstance(detail, str) else detail[-1]["type"])


def test_page_and_cases_are_the_same() -> None:
    """No row without a case that is sent, no case without a row."""
    assert set(PAGE) == set(MALFORMED)


@pytest.mark.parametrize("name", MALFORMED)
def test_p14_malformed_body_is_answered_as_documented(service: RunningService, name: str) -> None:
    """In both protocols, and never with a 5xx."""
    sent = MALFORMED[name].with_body()
    status, document = exchange(service, f"/models/{sent.model}@champion/predict", sent)
    mlflows, _ = exchange(service, f"/models/{sent.model}@champion/invocations", sent)

    answer = f"{status} `{said(document)}`" if said(document) else f"{status}"
    assert answer == PAGE[name][-1]
    assert mlflows == (400 if status == 422 else status)
