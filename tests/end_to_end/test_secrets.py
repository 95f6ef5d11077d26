"""A service with keys, an admin token and credentials: who is let in, and where secrets are."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from service.access.access import forget_secrets
from service.config.environment import host_environment
from tests.support import models, tracking
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until
from tests.test_cli import podium
from tests.test_keys import line

SECONDS = 240
# Every secret holds this, so that one search finds all of them.
KEY, TOKEN, SHARED = "hunter2-of-an-application", "hunter2-of-the-operator", "hunter2-of-mlflow"
CREDENTIALS = {
    "PODIUM_ADMIN_TOKEN": TOKEN,
    "PODIUM_WEBHOOK_SECRET": SHARED,
    "PODIUM_EVENTS_URL": "http://podium:hunter2@127.0.0.1:1/hunter2?hunter2",
    "PODIUM_EVENTS_SECRET": "hunter2-of-events",
    "MLFLOW_TRACKING_USERNAME": "podium",
    "MLFLOW_TRACKING_PASSWORD": "hunter2",
    "MLFLOW_TRACKING_TOKEN": "hunter2",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
    "HTTPS_PROXY": "http://podium:hunter2@proxy.example:3128",
}
ROW = {"dataframe_records": [{"x": 1.0}]}


@dataclass(frozen=True, slots=True)
class Guarded:
    """The service, its registry, and its file of keys."""

    service: RunningService
    registry: Registry
    keys: Path

    def predict(self, key: str | None, path: str = "/predict") -> httpx.Response:
        """One row, with that key."""
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        url = f"{self.service.url}{path}"
        return httpx.post(url, json=ROW, headers=headers, trust_env=False, timeout=SECONDS)

    def reload(self, token: str) -> httpx.Response:
        """Asks as an operator would."""
        url = f"{self.service.url}/models/revealing@champion/reload"
        return httpx.post(
            url, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=SECONDS
        )


@pytest.fixture(scope="module")
def guarded(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """One service for all tests here; it does not poll."""
    folder = tmp_path_factory.mktemp("guarded")
    uri = f"sqlite:///{tracking.copy_database(migrated_database, folder)}"
    registry = Registry(uri, "revealing")
    registry.add(models.save(folder, "revealing"), alias="champion")
    keys = folder / "keys"
    keys.write_text(line("an-application", KEY))
    settings = {"PODIUM_POLL_SECONDS": "3600", "PODIUM_API_KEYS_FILE": str(keys)}
    settings["PODIUM_LOG_LEVEL"] = "debug"
    with running_service(["revealing@champion"], uri, folder, **settings, **CREDENTIALS) as service:
        service.wait_until_ready()
        yield Guarded(service, registry, keys)


def test_hosts_are_given_no_secret(guarded: Guarded) -> None:
    """Neither when they start nor later: the model itself looks."""
    answer = guarded.predict(KEY)
    assert answer.status_code == 200
    assert answer.json()["predictions"] == [0]


def test_no_process_below_the_front_was_started_with_a_secret(guarded: Guarded) -> None:
    """The registry child's come by message, and so stand in nobody's `/proc/PID/environ`."""
    started = [Path(f"/proc/{pid}/environ") for pid in guarded.service.descendants()]
    assert len(started) >= 4, "zygote, spare, registry child, host"
    for environ in started:
        found = environ.read_bytes()
        assert b"PATH=" in found
        assert b"hunter2" not in found


def test_front_forgets_what_it_has_handed_on() -> None:
    """What children need to find their way stays, and so does what is none of Podium's."""
    kept = {"PATH": "/bin", "LC_ALL": "C", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "true", "A": "b"}
    indexes = {"PIP_INDEX_URL": "https://a:b@c/simple", "UV_INDEX_ACME_PASSWORD": "hunter2"}
    environment = {**CREDENTIALS, **indexes, "MLFLOW_TRACKING_URI": "http://a:b@c", **kept}
    before = host_environment(environment, 1)
    forget_secrets(environment)
    assert environment == kept
    assert host_environment(environment, 1) == before


def test_key_is_asked_for_at_every_prediction_and_logged_by_name(guarded: Guarded) -> None:
    """401 without it; the probes are open."""
    for path in ("/predict", "/invocations", "/models/revealing@champion/predict"):
        assert guarded.predict(KEY, path).status_code == 200
        refused = guarded.predict("wrong", path)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert guarded.predict(None).status_code == 401
    ready = httpx.get(f"{guarded.service.url}/health/ready", trust_env=False, timeout=SECONDS)
    assert ready.status_code == 200
    wait_until(lambda: "an-application" in str(guarded.service.log), SECONDS, "it is logged")


def test_keys_file_is_followed(guarded: Guarded) -> None:
    """A new key lets in and the old one no more; a torn file and a missing one change nothing."""
    before = guarded.keys.read_text()
    guarded.keys.write_text(line("another", "hunter2-new"))
    wait_until(lambda: guarded.predict("hunter2-new").status_code == 200, SECONDS, "it is known")
    assert guarded.predict(KEY).status_code == 401

    def told(times: int) -> bool:
        return len(guarded.service.events("api_keys_unreadable")) == times

    guarded.keys.write_text("another:sha")
    wait_until(lambda: told(1), SECONDS, "the torn file is told")
    guarded.keys.unlink()
    wait_until(lambda: told(2), SECONDS, "the missing file is told")
    assert guarded.predict("hunter2-new").status_code == 200
    guarded.keys.write_text(before)
    wait_until(lambda: guarded.predict(KEY).status_code == 200, SECONDS, "the first one is back")


def test_operator_asks_and_the_alias_is_followed(guarded: Guarded) -> None:
    """Nothing polls here and no webhook comes: it is the reload."""
    guarded.registry.add(
        Path(guarded.registry.client.get_model_version("revealing", "1").source or "")
    )
    guarded.registry.move("champion", "2")
    assert guarded.reload("wrong").status_code == 401
    answer = guarded.reload(TOKEN)
    assert (answer.status_code, answer.json()["version"]) == (202, "1")
    wait_until(
        lambda: guarded.service.slot("revealing@champion")["version"] == "2", SECONDS, "it serves"
    )


def test_smoke_bears_a_key(guarded: Guarded) -> None:
    """From the environment: the command line of a process is everybody's."""
    arguments = ("smoke", "--url", guarded.service.url)
    with_key, without = podium(*arguments, PODIUM_API_KEY=KEY), podium(*arguments)
    assert with_key.exit_code == 0, with_key.stdout
    assert without.exit_code == 1
    assert "401" in without.stdout
    assert KEY not in with_key.stdout


def test_log_holds_no_secret(guarded: Guarded) -> None:
    """Whatever was sent, and whatever was wrong with it; this test ends the service."""
    for key in (KEY, "hunter2-wrong"):
        guarded.predict(key)
        guarded.reload(key)
    hook = f"{guarded.service.url}/webhooks/mlflow"
    httpx.post(hook, headers={"X-MLflow-Signature": SHARED}, trust_env=False, timeout=SECONDS)
    guarded.service.stop()
    events = {entry["event"] for entry in guarded.service.log}
    assert {"listening", "request", "swapped", "webhook_refused"} <= events
    assert "hunter2" not in str(guarded.service.log)


@pytest.mark.parametrize("content", ["", "hunter2\n", line("one", "a") + "torn:sha256:hunter2"])
def test_bad_keys_file_at_the_start_stops_with_one_line(content: str, tmp_path: Path) -> None:
    """Before anything is started; what it holds is not shown."""
    (tmp_path / "keys").write_text(content)
    done = podium(
        *("serve", "--model", "iris@champion", "--port", "0"),
        MLFLOW_TRACKING_URI="http://127.0.0.1:1",
        PODIUM_API_KEYS_FILE=str(tmp_path / "keys"),
        PODIUM_HOME=str(tmp_path / "home"),
    )
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith("podium: PODIUM_API_KEYS_FILE: ")
    assert len(done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr
    assert "MLFLOW_TRACKING_URI" not in os.environ
