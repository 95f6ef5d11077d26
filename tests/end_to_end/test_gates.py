"""Gates and the ledger in a real service over a real registry."""

import json
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression

from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS = 240
REF = "doubling@champion"


def swaps(service: RunningService) -> list[dict[str, Any]]:
    """The ledger's page, oldest first."""
    found = httpx.get(f"{service.url}/swaps", trust_env=False, timeout=SECONDS).json()["swaps"]
    return list(reversed(found))


def refused(service: RunningService, version: str) -> dict[str, Any]:
    """The slot's last failure once that version was refused."""

    def is_told() -> bool:
        failure = service.slot(REF)["last_failure"]
        return failure is not None and failure["version"] == version

    wait_until(is_told, SECONDS, lambda: f"version {version} is refused; {service.log}")
    failure: dict[str, Any] = service.slot(REF)["last_failure"]
    return failure


def serves(service: RunningService, version: str) -> None:
    """Returns when it does."""
    wait_until(
        lambda: service.slot(REF)["version"] == version, SECONDS, f"{version}; {service.log}"
    )


def test_p12_p13_gates_keep_out_and_let_in_and_the_ledger_tells(
    tracking_uri: str, tmp_path: Path
) -> None:
    """A breaking signature, a missing tag that comes later, and a restart that remembers both."""
    registry = Registry(tracking_uri, "doubling")
    place = models.save(tmp_path, "temperamental")
    other = models.save(tmp_path / "other", "temperamental", models.doubles("y"), {"y": [1.0]})
    registry.add(place, alias="champion", validated="yes")
    settings = {"PODIUM_REQUIRE_TAGS": "validated=yes", "PODIUM_SERVICE_NAME": "gated"}
    with running_service([REF], tracking_uri, tmp_path, **settings) as service:
        service.wait_until_ready()
        registry.add(other, alias="champion", validated="yes")
        failure = refused(service, "2")
        assert (failure["stage"], failure["code"]) == ("gate", "signature_breaks_clients")
        assert "column `y` is required" in failure["message"]
        registry.add(place, alias="champion")
        assert refused(service, "3")["code"] == "tags_unmet"
        registry.client.set_model_version_tag("doubling", "3", "validated", "yes")
        serves(service, "3")
        told = swaps(service)
    assert [(each["from"], each["to"], each["outcome"], each["code"]) for each in told] == [
        (None, "1", "swapped", None),
        ("1", "2", "refused", "signature_breaks_clients"),
        ("1", "3", "refused", "tags_unmet"),
        ("1", "3", "swapped", None),
    ]
    ledger = tmp_path / "podium/services/gated/ledger.jsonl"
    lines = [json.loads(line) for line in ledger.read_text().splitlines()]
    assert [line["id"] for line in lines] == [1, 2, 3, 4]
    with running_service([REF], tracking_uri, tmp_path, **settings) as service:
        service.wait_until_ready()
        assert swaps(service)[:4] == told


def test_no_pickle_serves_skops_and_refuses_code(tracking_uri: str, tmp_path: Path) -> None:
    """The inspector and the host are real processes; the answers are the model's."""
    registry = Registry(tracking_uri, "doubling")
    rows = np.array([[0.0], [1.0], [2.0], [3.0]])
    model = LogisticRegression().fit(rows, [0, 0, 1, 1])
    mlflow.sklearn.save_model(
        model,
        str(tmp_path / "skops"),
        signature=infer_signature(rows),
        pip_requirements=models.REQUIREMENTS,
    )
    registry.add(tmp_path / "skops", alias="champion")
    settings = {"PODIUM_TRUST": "no-pickle", "PODIUM_ALLOW_BREAKING": "true"}
    with running_service([REF], tracking_uri, tmp_path, **settings) as service:
        service.wait_until_ready()
        registry.add(models.save(tmp_path, "temperamental"), alias="champion")
        failure = refused(service, "2")
        answer = httpx.post(
            f"{service.url}/predict", json={"inputs": [[0.0], [3.0]]}, trust_env=False
        ).json()
    assert (failure["stage"], failure["code"]) == ("gate", "not_trusted")
    assert (answer["predictions"], answer["model"]["version"]) == ([0, 1], "1")
