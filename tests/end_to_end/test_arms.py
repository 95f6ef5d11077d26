"""Arms of a slot: real MLflow, real processes, real requests (P18)."""

import io
from collections import Counter
from pathlib import Path

import httpx
import pytest
from rich.console import Console

from service.checks.overview import status
from service.split_tag import ArmShare
from tests.rollout_soak.versions import ENVIRONMENT, NAME, REF, STICKY, Wanted, registered
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS = 240.0
TOKEN = "the-operators"
CALLERS = [f"user-{number}" for number in range(40)]
SPLIT = "challenger=40,v3=20"
WANTED = Wanted(
    {"champion": "1", "challenger": "2"}, (ArmShare("challenger", 4000), ArmShare("v3", 2000))
)
SHARED = [("champion", "1", 40.0), ("challenger", "2", 40.0), ("v3", "3", 20.0)]

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # MLflow's own, of saving


def tag(registry: Registry, value: str) -> None:
    """Of requests to the champion."""
    registry.client.set_registered_model_tag(NAME, "podium.split.champion", value)


def arms(service: RunningService) -> list[tuple[str, str, float]]:
    """Who answers requests to the champion, by `/models`."""
    return [(each["alias"], each["version"], each["weight"]) for each in service.slot(REF)["arms"]]


def answered(service: RunningService, caller: str) -> tuple[str, str]:
    """Who has answered, as the reply's headers say; its body and what was computed say the same."""
    row = {"dataframe_records": [{"x": 2.0}]}
    headers = {STICKY: caller}
    url = f"{service.url}/predict"
    reply = httpx.post(url, json=row, headers=headers, trust_env=False, timeout=SECONDS)
    named = reply.headers["podium-alias"], reply.headers["podium-version"]
    model = reply.json()["model"]
    assert named == (model["alias"], model["version"])
    assert reply.json()["predictions"] == [[int(named[1]), 2.0]]
    return named


def shown(service: RunningService) -> tuple[int, str]:
    """The exit status of `podium status`, and what it prints."""
    output = io.StringIO()
    console = Console(file=output, width=300)
    return status(service.url, as_json=False, console=console), output.getvalue()


def test_p18_arms_answer_as_tags_say_and_are_told_of_everywhere(
    tracking_uri: str, tmp_path: Path
) -> None:
    """By replies, `/models`, the ledger, metrics and `podium status`; after a restart too (P5).

    The registry is not there by then.
    """
    registry = registered(tracking_uri, tmp_path)
    tag(registry, SPLIT)
    same = {**ENVIRONMENT, "PODIUM_SERVICE_NAME": "arms", "PODIUM_ADMIN_TOKEN": TOKEN}
    expected = {caller: WANTED.who(caller) for caller in CALLERS}
    assert len(set(expected.values())) == 3
    with running_service([REF], tracking_uri, tmp_path, **same) as service:
        service.wait_until_ready()
        wait_until(lambda: arms(service) == SHARED, SECONDS, lambda: f"{arms(service)}")
        assert {caller: answered(service, caller) for caller in CALLERS} == expected
        _is_told_everywhere(service, Counter(expected.values()))
        tag(registry, "challenger=101%")
        wait_until(lambda: service.slot(REF)["wrong_tags"], SECONDS, "the odd tag is told")
        assert arms(service) == SHARED
        assert [each["tag"] for each in service.events("tag_wrong")] == ["podium.split.champion"]
    silent = "http://127.0.0.1:9"
    with running_service([REF], silent, tmp_path, **same) as service:
        service.wait_until_ready()
        wait_until(lambda: arms(service) == SHARED, SECONDS, lambda: f"{arms(service)}")
        assert {caller: answered(service, caller) for caller in CALLERS} == expected


def _is_told_everywhere(service: RunningService, counts: Counter[tuple[str, str]]) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{service.url}/swaps"
    ledger = httpx.get(url, headers=headers, trust_env=False, timeout=SECONDS).json()["swaps"]
    shares = [each["details"]["shares"] for each in ledger if each["outcome"] == "shared"]
    assert shares[0] == {alias: weight for alias, _, weight in SHARED}
    metrics = service.metrics()
    for (alias, version), count in counts.items():
        labels = f'{{alias="{alias}",model="{NAME}",version="{version}"}}'
        assert metrics[f"podium_request_seconds_count{labels}"] == count
    code, text = shown(service)
    assert code == 0
    assert "40% of requests: challenger, version 2" in text
    for ref in (f"{NAME}@challenger", f"{NAME}@v3"):
        answer = httpx.post(f"{service.url}/models/{ref}/predict", json={}, trust_env=False)
        assert answer.status_code == httpx.codes.NOT_FOUND


def test_p18_service_without_arms_loads_nothing_that_tags_name(
    tracking_uri: str, tmp_path: Path
) -> None:
    """And says so."""
    registry = registered(tracking_uri, tmp_path)
    tag(registry, SPLIT)
    off = {**ENVIRONMENT, "PODIUM_ARMS": "off"}
    with running_service([REF], tracking_uri, tmp_path, **off) as service:
        service.wait_until_ready()
        (wrong,) = service.slot(REF)["wrong_tags"]
        assert "PODIUM_ARMS" in wrong["message"]
        assert {answered(service, caller) for caller in CALLERS} == {("champion", "1")}
        assert len(service.events("staging")) == 1
