"""What operators do to ten slots of one service at once, on a server with accounts."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from rich.console import Console

from service.checks.overview import status
from service.cli.main import main
from tests.end_to_end.components.load import SECONDS
from tests.support import models
from tests.support.authenticated import (
    ADMIN,
    AuthenticatedServer,
    authenticated_server,
    environment,
)
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

ACCOUNT, PASSWORD = "podium", "the account's own secret"
# By name: how many versions there are, and the one that its alias is on at first.
MODELS = {"held": 2, "blocked": 2, "withdrawn": 1, "deleted": 1, "moved": 2, "forbidden": 1}
PLAIN = [f"plain@{alias}" for alias in ("champion", "a", "b", "c")]
REFS = [*(f"{name}@champion" for name in MODELS), *PLAIN]
# What each tells in the end: version, state, held, blocked, withdrawn, the code of its failure.
TOLD = {
    "held@champion": ("1", "serving", True, None, None, None),
    "blocked@champion": ("1", "refused", False, "2", None, "blocked"),
    "withdrawn@champion": (None, "withdrawn", False, None, "1", "withdrawn"),
    "deleted@champion": ("1", "serving", False, None, None, "alias_missing"),
    "moved@champion": ("2", "serving", False, None, None, None),
    "forbidden@champion": (None, "empty", False, None, None, "registry_forbidden"),
    **dict.fromkeys(PLAIN, ("1", "serving", False, None, None, None)),
}


@pytest.fixture
def server(migrated_database: Path, tmp_path: Path) -> Iterator[AuthenticatedServer]:
    """With every model, of which the service's account may read all but one."""
    folder = tmp_path / "server"
    folder.mkdir()
    made = models.save(
        tmp_path / "made", "numbered", ships=[models.number_module(tmp_path / "ships", 1)]
    )
    with authenticated_server(migrated_database, folder) as running, environment(ADMIN):
        running.create_account(ACCOUNT, PASSWORD)
        for name, versions in {**MODELS, "plain": 1}.items():
            registry = Registry(running.url, name)
            for _ in range(versions):
                registry.log(made)
            aliases = [ref.partition("@")[2] for ref in PLAIN] if name == "plain" else ["champion"]
            for alias in aliases:
                registry.move(alias, "1")
            if name != "forbidden":
                running.may_read(ACCOUNT, "registered_model", name)
        running.may_read(ACCOUNT, "experiment", running.experiment_id("Default"))
        yield running


def told(service: RunningService) -> dict[str, tuple[Any, ...]]:
    """What each slot tells."""
    answer = httpx.get(f"{service.url}/models", trust_env=False, timeout=SECONDS).json()
    return {f"{each['name']}@{each['alias']}": _told(each) for each in answer["models"]}


def _told(slot: dict[str, Any]) -> tuple[Any, ...]:
    failure = slot["last_failure"] or {"code": None}
    marks = slot["held"] is not None, slot["blocked"], slot["withdrawn"]
    return slot["version"], slot["state"], *marks, failure["code"]


def act(server: AuthenticatedServer) -> None:
    """All of it, one call after another."""
    client = Registry(server.url, "held").client
    client.set_registered_model_tag("held", "podium.hold.champion", "an audit")
    client.set_model_version_tag("blocked", "2", "podium.blocked", "unfair")
    client.set_model_version_tag("withdrawn", "1", "podium.withdrawn", "true")
    client.delete_registered_model_alias("deleted", "champion")
    for name in ("held", "moved"):
        client.set_registered_model_alias(name, "champion", "2")


def where(server: AuthenticatedServer, service: RunningService, name: str) -> Any:
    """What `podium where` says of that model, and of the service."""
    words = ("where", name, "--url", service.url, "--json")
    ended = CliRunner(env={"MLFLOW_TRACKING_URI": server.url, **ADMIN}).invoke(main, words)
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_hold_block_withdrawal_moves_and_permissions_at_once_are_told_each_by_its_slot(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """By `/models`, `podium status`, `podium where` and metrics alike; after a restart too."""
    home = tmp_path / "home"
    home.mkdir()
    account = {"MLFLOW_TRACKING_USERNAME": ACCOUNT, "MLFLOW_TRACKING_PASSWORD": PASSWORD}
    with running_service(REFS, server.url, home, **account) as service:
        ones = dict.fromkeys(REFS, "1") | {"forbidden@champion": None}
        wait_until(lambda: _versions(service) == ones, SECONDS, "all serve that can")
        Registry(server.url, "blocked").move("champion", "2")
        wait_until(lambda: _versions(service)["blocked@champion"] == "2", SECONDS, "it has moved")
        act(server)
        wait_until(lambda: told(service) == TOLD, SECONDS, lambda: str(told(service)))
        _assert_status_tells_the_same(service)
        _assert_metrics_tell_the_same(service)
        for name in (*MODELS, "plain"):
            found = where(server, service, name)
            assert [each["name"] for each in found["models"]] == [name]
            for slot in found["services"][0]["slots"]:
                said = TOLD[f"{slot['name']}@{slot['alias']}"]
                marks = slot["held"], slot["blocked"], said[4], slot["code"]
                assert (slot["version"], slot["state"], *marks) == said
        held = where(server, service, "held")["models"][0]["aliases"]
        hold = {"reason": "an audit", "until": None, "unreadable": "", "by": "", "link": ""}
        assert held == [{"alias": "champion", "version": "2", "held": hold, "rollout": None}]
        assert where(server, service, "blocked")["models"][0]["versions"][0]["blocked"] == "unfair"
    for event in ("slot_held", "withdrawn", "alias_missing"):
        assert len(service.events(event)) == 1
    refused = [(each["slot"], each["code"]) for each in service.events("version_refused")]
    assert refused == [("blocked@champion", "blocked")]
    with running_service(REFS, server.url, home, **account) as again:
        wait_until(lambda: told(again) == TOLD, SECONDS, lambda: str(told(again)))


def _versions(service: RunningService) -> dict[str, str | None]:
    return {ref: each[0] for ref, each in told(service).items()}


def _assert_status_tells_the_same(service: RunningService) -> None:
    output = io.StringIO()
    assert status(service.url, as_json=False, console=Console(file=output, width=300)) == 1
    text = output.getvalue()
    assert "  held until it is released; its alias is on version 2\n" in text
    assert "  blocked: version 2\n" in text
    assert "  withdrawn: version 1 is answered with 410\n" in text
    for code in ("alias_missing", "registry_forbidden"):
        assert text.count(f"last failure: {code}: ") == 1


def _assert_metrics_tell_the_same(service: RunningService) -> None:
    samples = service.metrics()
    for state, of in {
        "held": {"held"},
        "blocked": {"blocked"},
        "withdrawn": {"withdrawn"},
        "alias_missing": {"deleted"},
    }.items():
        shown = {
            name
            for name in (*MODELS, "plain")
            if samples[f'podium_slot_state{{alias="champion",model="{name}",state="{state}"}}']
        }
        assert shown == of, state
    lag = samples['podium_alias_lag_seconds{alias="champion",model="held"}']
    assert lag == 0
