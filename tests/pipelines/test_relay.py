"""docs/pipelines/relay.py: what it believes, whom it tells, and what MLflow is answered."""

import json
import queue
import runpy
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import parse_qs

import httpx
import pytest

from service.registry.webhooks.deliveries import sign
from tests.support.documents import ROOT
from tests.support.http_server import Request, Response, http_server

SECRET = "shared"
RELAY = SimpleNamespace(**runpy.run_path(str(ROOT / "docs/pipelines/relay.py")))


@dataclass
class Relayed:
    """The relay, and what is behind it."""

    url: str
    told: "queue.Queue[Request]" = field(default_factory=queue.Queue)
    status: int = 201

    def deliver(self, name: str = "dev.fraud", secret: str = SECRET, late: float = 0.0) -> int:
        """An event as MLflow sends it; what it is answered."""
        data = {"name": name, "version": "3"}
        body = json.dumps({"entity": "model_version", "action": "created", "data": data}).encode()
        sent = str(int(time.time() - late)).encode()
        headers = {
            "X-MLflow-Delivery-Id": "1",
            "X-MLflow-Timestamp": sent.decode(),
            "X-MLflow-Signature": sign(secret.encode(), b"1", sent, body).decode(),
        }
        answer = httpx.post(self.url, content=body, headers=headers, trust_env=False, timeout=60)
        return answer.status_code

    def answer(self, request: Request) -> Response:
        """Of GitLab, or GitHub."""
        self.told.put(request)
        return Response(b"{}", self.status)


@pytest.fixture(params=["gitlab", "github"])
def relayed(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Relayed]:
    """To each of them."""
    monkeypatch.setenv("RELAY_SECRET", SECRET)
    monkeypatch.setenv("RELAY_TOKEN", "token")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    relay = Relayed("")
    with http_server(relay.answer) as behind:
        given = SimpleNamespace(kind=request.param, url=behind, ref="main", prefix="dev.")
        server = ThreadingHTTPServer(("127.0.0.1", 0), RELAY.handler_of(given))
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        relay.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield relay
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_new_version_starts_a_pipeline_with_its_name_and_number(relayed: Relayed) -> None:
    """In the words of whoever is asked, with its token."""
    assert relayed.deliver() == 204
    request = relayed.told.get(timeout=60)
    if "Authorization" in request.headers:
        payload = {"name": "dev.fraud", "version": "3"}
        told = {"event_type": "model-version-created", "client_payload": payload}
        assert json.loads(request.body) == told
        assert request.headers["Authorization"] == "Bearer token"
    else:
        assert parse_qs(request.body.decode()) == {
            "token": ["token"],
            "ref": ["main"],
            "variables[MODEL_NAME]": ["dev.fraud"],
            "variables[MODEL_VERSION]": ["3"],
        }


def test_what_is_not_signed_now_or_is_of_another_model_starts_nothing(relayed: Relayed) -> None:
    """Copies that a pipeline makes are versions, too."""
    assert relayed.deliver(secret="another") == 403
    assert relayed.deliver(late=600) == 403
    assert relayed.deliver(name="staging.fraud") == 200
    assert relayed.told.qsize() == 0


def test_where_nobody_could_be_told_mlflow_is_to_try_again(relayed: Relayed) -> None:
    """It tries what ends with 5xx three times more."""
    relayed.status = 500
    assert relayed.deliver() == 502
