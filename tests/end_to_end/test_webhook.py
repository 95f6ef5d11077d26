"""MLflow's own webhook, delivered over HTTP to a service that would not look for an hour."""

import contextlib
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from click.testing import Result
from cryptography.fernet import Fernet

from service.registry.webhooks.deliveries import sign
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until
from tests.test_cli import podium

SECONDS = 240
SECRET = "what MLflow and Podium share".replace(" ", "-")
REF = "numbered@champion"
SERVER = {
    "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY": Fernet.generate_key().decode(),
    "MLFLOW_WEBHOOK_ALLOWED_SCHEMES": "http,https",
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS": "true",
    # Otherwise it would miss events for its first minute.
    "MLFLOW_WEBHOOK_CACHE_TTL": "0",
}


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands set for themselves would otherwise outlive them in this process."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "60")


@dataclass(frozen=True, slots=True)
class Listening:
    """The service, and the MLflow server that it follows."""

    service: RunningService
    server: tracking.MlflowServer
    registry: Registry

    def webhook(self, *arguments: str, secret: str = SECRET) -> Result:
        """`podium webhook`, as an operator of both types it."""
        return podium(
            "webhook",
            *arguments,
            MLFLOW_TRACKING_URI=self.server.url,
            PODIUM_WEBHOOK_SECRET=secret,
        )

    def register(self, secret: str = SECRET) -> str:
        """The service's webhook; its id."""
        done = self.webhook("register", "--url", self.service.url, secret=secret)
        assert done.exit_code == 0, done.output
        found = re.search(r"^webhook  (\S+) (registered|renewed)$", done.stdout, re.MULTILINE)
        assert found, done.stdout
        return found[1]

    def serves(self, version: str) -> bool:
        """Whether that version answers."""
        return bool(self.service.slot(REF)["version"] == version)


@pytest.fixture(scope="module")
def listening(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Listening]:
    """One server and one service for all tests here; three versions and no alias yet."""
    folder = tmp_path_factory.mktemp("listening")
    (folder / "secret").write_text(SECRET + "\n")
    settings = {
        "PODIUM_POLL_SECONDS": "3600",
        "PODIUM_WEBHOOK_SECRET_FILE": str(folder / "secret"),
    }
    with contextlib.ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in SERVER.items():
                patch.setenv(name, value)
            server = stack.enter_context(tracking.mlflow_server(migrated_database, folder))
        local = Registry(f"sqlite:///{server.database}", "numbered")
        for number in (1, 2, 3):
            ships = [models.number_module(folder / f"code{number}", number)]
            local.add(models.save(folder / str(number), "numbered", ships=ships))
        service = stack.enter_context(running_service([REF], server.url, folder, **settings))
        wait_until(lambda: service.events("alias_missing"), SECONDS, "it has looked")
        yield Listening(service, server, Registry(server.url, "numbered"))


def test_moved_alias_is_followed_by_webhook_alone(listening: Listening) -> None:
    """From the command to the reply: MLflow's signature, MLflow's body, MLflow's retries."""
    listening.register()
    listening.registry.move("champion", "1")
    wait_until(lambda: listening.serves("1"), SECONDS, "the first version serves")
    listening.registry.move("champion", "2")
    wait_until(lambda: listening.serves("2"), SECONDS, "the second version serves")
    listening.registry.move("champion", "1")
    wait_until(lambda: listening.serves("1"), SECONDS, "the first version, still warm, is back")
    assert listening.service.events("webhook_delivered")


def test_commands_know_the_services_webhook(listening: Listening) -> None:
    """Made once, listed, tried, renewed and removed; each names the server that it talks to."""
    webhook_id = listening.register()
    assert listening.register() == webhook_id
    address = ("--url", listening.service.url)
    listed = listening.webhook("list")
    tried = listening.webhook("test", *address)
    removed = listening.webhook("remove", *address)
    gone = listening.webhook("test", *address)

    assert listed.stdout.count(webhook_id) == 1
    assert f"active  {listening.service.url}/webhooks/mlflow" in listed.stdout
    assert "model_version_alias.created" in listed.stdout
    assert (tried.exit_code, f"{webhook_id}  delivered (200)" in tried.stdout) == (0, True)
    assert (removed.exit_code, f"{webhook_id}  removed" in removed.stdout) == (0, True)
    assert (gone.exit_code, "no webhook for" in gone.stderr) == (1, True)
    for done in (listed, tried, removed):
        assert done.stdout.splitlines()[0] == f"MLflow   {listening.server.url}"
        assert SECRET not in done.output


def test_test_event_leads_to_no_look(listening: Listening) -> None:
    """The metrics count it as ignored."""
    webhook_id = listening.register()
    before = deliveries(listening, "ignored"), deliveries(listening, "taken")
    assert listening.webhook("test", webhook_id).exit_code == 0
    assert (deliveries(listening, "ignored"), deliveries(listening, "taken")) == (
        before[0] + 1,
        before[1],
    )


def test_another_secret_is_told_by_the_test(listening: Listening) -> None:
    """And nothing else happens."""
    webhook_id = listening.register("another-secret")
    done = listening.webhook("test", webhook_id)
    assert done.exit_code == 1
    assert "refused (403): the service has another PODIUM_WEBHOOK_SECRET" in done.stdout
    assert deliveries(listening, "delivery_forged") >= 1
    listening.webhook("remove", webhook_id)


def test_flood_of_deliveries_leaves_the_service_answering(listening: Listening) -> None:
    """Hundreds of signed ones without a pause: each is taken, it looks, and probes answer."""
    event = {
        "entity": "model_version_alias",
        "action": "created",
        "data": {"name": "numbered", "alias": "champion", "version": "1"},
    }
    text = json.dumps(event).encode()
    looked = listening.service.slot(REF)["look"]["succeeded_at"]
    with httpx.Client(base_url=listening.service.url, trust_env=False, timeout=SECONDS) as client:
        for number in range(300):
            now, name = str(int(time.time())).encode(), f"flood-{number}".encode()
            headers = {
                b"X-MLflow-Delivery-Id": name,
                b"X-MLflow-Timestamp": now,
                b"X-MLflow-Signature": sign(SECRET.encode(), name, now, text),
            }
            reply = client.post("/webhooks/mlflow", content=text, headers=headers)
            assert (reply.status_code, reply.json()) == (200, {"outcome": "taken"})
        assert client.get("/health/live").status_code == 200
    wait_until(
        lambda: listening.service.slot(REF)["look"]["succeeded_at"] > looked, SECONDS, "it looks"
    )


def test_service_without_a_token_refuses_reload(listening: Listening) -> None:
    """Although it believes MLflow."""
    url = f"{listening.service.url}/models/{REF}/reload"
    assert httpx.post(url, trust_env=False, timeout=SECONDS).status_code == 403


def deliveries(listening: Listening, outcome: str) -> float:
    """Of that outcome so far."""
    text = httpx.get(f"{listening.service.url}/metrics", trust_env=False, timeout=SECONDS).text
    name = f'podium_webhook_deliveries_total{{outcome="{outcome}"}} '
    return next(float(each.removeprefix(name)) for each in text.splitlines() if name in each)


def test_mlflow_that_refuses_the_address_leads_to_advice(
    mlflow_server: str,
) -> None:
    """A server with MLflow's own rules takes https at public addresses alone."""
    for url in ("http://127.0.0.1:8000", "https://127.0.0.1:8000"):
        done = podium(
            *("webhook", "register", "--url", url),
            MLFLOW_TRACKING_URI=mlflow_server,
            PODIUM_WEBHOOK_SECRET=SECRET,
        )
        assert done.exit_code == 1
        assert len(done.stderr.splitlines()) == 1
        assert "MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https" in done.stderr
        assert "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true" in done.stderr
        assert SECRET not in done.output


def test_lost_encryption_key_leads_to_advice(
    listening: Listening,
) -> None:
    """As at every start of an MLflow server that has none; the last test of the server."""
    listening.register()
    listening.server.stop()
    listening.server.start()
    done = listening.webhook("list")
    assert done.exit_code == 1
    assert "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY" in done.stderr


@pytest.mark.parametrize("uri", ["", "sqlite:///mlflow.db", "databricks"])
def test_store_without_a_server_sends_no_webhooks(uri: str, tmp_path: Path) -> None:
    """One line, and no secret is written where no server could read it."""
    done = podium("webhook", "list", MLFLOW_TRACKING_URI=uri, PODIUM_HOME=str(tmp_path / "nothing"))
    assert done.exit_code == 2
    assert "Webhooks are sent by a server" in done.stderr


def test_registration_needs_the_secret(tmp_path: Path) -> None:
    """Before MLflow is asked for anything."""
    done = podium("webhook", "register", MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    assert (done.exit_code, done.stdout) == (2, "")
    assert "PODIUM_WEBHOOK_SECRET" in done.stderr
