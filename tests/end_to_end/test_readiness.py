"""Aliases that are not there, and the slots beside them: real MLflow, real processes (P4)."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from service.checks.overview import status
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

NAMES = ("one", "two", "three")
REFS = [f"{name}@champion" for name in NAMES]
ROW = {"dataframe_records": [{"x": 1.0}]}
SECONDS = 60.0


def readiness(service: RunningService) -> Mapping[str, Any]:
    """What `/health/ready` says."""
    told: Mapping[str, Any] = httpx.get(f"{service.url}/health/ready", trust_env=False).json()
    return told


def answering(service: RunningService) -> list[str]:
    """The slots that predict."""
    codes = {
        ref: httpx.post(
            f"{service.url}/models/{ref}/predict", json=ROW, trust_env=False, timeout=SECONDS
        ).status_code
        for ref in REFS
    }
    return [ref for ref, code in codes.items() if code == httpx.codes.OK]


def shown(service: RunningService) -> tuple[int, str]:
    """The exit status of `podium status`, and what it prints."""
    output = io.StringIO()
    console = Console(file=output, width=300)
    return status(service.url, as_json=False, console=console), output.getvalue()


def test_p4_missing_alias_is_named_and_after_a_restart_what_it_was_on_serves(
    tracking_uri: str, tmp_path: Path
) -> None:
    """One of three has no alias at first; later one's alias is deleted, and another's version."""
    module = models.number_module(tmp_path / "code", 1)
    artifact = models.save(tmp_path / "made", "numbered", ships=[module])
    registries = [Registry(tracking_uri, name) for name in NAMES]
    for registry in registries:
        registry.add(artifact)
    one, two, three = registries
    for registry in (one, two):
        registry.move("champion", "1")
    home = tmp_path / "home"
    home.mkdir()
    same = {"PODIUM_SERVICE_NAME": "three"}

    with running_service(REFS, tracking_uri, home, **same) as service:
        service.wait_until_ready()
        assert (readiness(service)["missing"], answering(service)) == (REFS[2:], REFS[:2])
        assert shown(service)[0] == 1
        three.move("champion", "1")
        wait_until(lambda: answering(service) == REFS, SECONDS, "the third slot serves")
        assert (readiness(service)["missing"], shown(service)[0]) == ([], 0)

    two.client.delete_registered_model_alias("two", "champion")
    three.client.delete_model_version("three", "1")
    with running_service(REFS, tracking_uri, home, **same) as service:
        service.wait_until_ready()
        assert (answering(service), readiness(service)["missing"]) == (REFS, [])
        slot, metrics = service.slot(REFS[1]), service.metrics()
        found, text = shown(service)
        told = {line["slot"]: line["code"] for line in service.events("serves_last_known_good")}
    assert (slot["last_failure"]["code"], slot["state"]) == ("alias_missing", "serving")
    assert slot["last_known_good_since"] == slot["since"] is not None
    for state in ("serving", "alias_missing", "last_known_good"):
        labels = f'alias="champion",model="two",state="{state}"'
        assert metrics[f"podium_slot_state{{{labels}}}"] == 1
    assert (found, text.count("the registry has no such alias")) == (0, 2)
    assert told == dict.fromkeys(REFS[1:], "alias_missing")


def test_p4_deleted_alias_empties_the_slot_where_that_is_asked_for(
    tracking_uri: str, tmp_path: Path
) -> None:
    """The other slot serves on, and the service is ready."""
    registries = [Registry(tracking_uri, name) for name in NAMES[:2]]
    artifact = models.save(tmp_path / "made", "temperamental")
    for registry in registries:
        registry.add(artifact, "champion")
    setting = {"PODIUM_MISSING_ALIAS": "empty"}
    with running_service(REFS[:2], tracking_uri, tmp_path, **setting) as service:
        service.wait_until_ready()
        registries[1].client.delete_registered_model_alias(NAMES[1], "champion")
        wait_until(lambda: service.events("emptied"), SECONDS, "the slot is emptied")
        assert readiness(service) == {
            "ready": True,
            "stopping": False,
            "not_ready": [],
            "missing": [REFS[1]],
            "withdrawn": [],
        }
