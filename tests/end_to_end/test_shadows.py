"""P19: shadows beside real services: real MLflow, real processes."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from service.refs import ModelRef
from service.rollout_tags import tag_name
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

# A shadow comes last of all: on a busy machine its calls take their time.
pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings(
        "ignore:.*An input example was not provided:UserWarning",
        "ignore:.*Add type hints to the `predict` method:UserWarning",
    ),
]
SECONDS = 1200.0
LABELS = ModelRef("labels", "champion")
# Whoever comes last of all gets next to nothing of a busy machine.
PATIENT = {"PODIUM_PREDICT_TIMEOUT_SECONDS": "600"}
SHADOW = tag_name("shadow", LABELS.alias)


def labelling(folder: Path, other: int, *names: str) -> Path:
    """A version that says `virginica` of so many in a hundred."""
    folder.mkdir()
    signature = models.doubles("x", *names)
    return models.save(folder, "labelling", signature, None, config={"other": other})


def report(service: RunningService) -> dict[str, Any]:
    """What `GET /models/labels@champion/shadow` says."""
    url = f"{service.url}/models/{LABELS}/shadow"
    answer: dict[str, Any] = httpx.get(url, trust_env=False, timeout=SECONDS).json()
    return answer


def listens(service: RunningService, version: str) -> None:
    """Returns when that version hears of requests."""

    def is_heard() -> bool:
        shadow = report(service)["shadow"] or {}
        return (shadow.get("state"), shadow.get("version")) == ("listening", version)

    wait_until(is_heard, SECONDS, lambda: f"{report(service)}; {service.log}")


def ask(service: RunningService, numbers: range, *more: str) -> httpx.Response:
    """Labels of these numbers."""
    rows = [[each, *(0.0 for _ in more)] for each in numbers]
    body = {"dataframe_split": {"columns": ["x", *more], "data": rows}}
    url = f"{service.url}/models/{LABELS}/predict"
    return httpx.post(url, json=body, trust_env=False, timeout=SECONDS)


def compared(service: RunningService, requests: int) -> dict[str, Any]:
    """The report once so many have been compared, or dropped."""

    def is_done() -> bool:
        said = report(service)["requests"]
        dropped = sum(each["count"] for each in said["dropped"].values())
        failed = sum(said["shadow_failed_alone"].values())
        return bool(said["compared"] + dropped + failed == requests)

    wait_until(is_done, SECONDS, lambda: f"{report(service)}; {service.log}")
    return report(service)


def test_p19_report_says_how_many_rows_differ_and_which_labels_became_which(
    tracking_uri: str, tmp_path: Path
) -> None:
    """Of two models that differ on three of a hundred known rows, requests large and small."""
    registry = Registry(tracking_uri, LABELS.name)
    registry.add(labelling(tmp_path / "1", 0), alias="champion")
    registry.add(labelling(tmp_path / "2", 3), alias="challenger")
    registry.client.set_registered_model_tag(LABELS.name, SHADOW, "challenger")
    home = tmp_path / "home"
    home.mkdir()
    with running_service([str(LABELS)], tracking_uri, home, **PATIENT) as service:
        service.wait_until_ready()
        listens(service, "2")
        for start in range(0, 1000, 20):
            answer = ask(service, range(start, start + 20))
            assert answer.json()["model"]["version"] == "1"
            assert "virginica" not in answer.json()["predictions"]
        # Read by the decoder.
        assert len(ask(service, range(10_000, 19_000)).json()["predictions"]) == 9_000
        found = compared(service, 51)

        assert found["requests"]["compared"] == 51, found
        assert found["rows"] == {
            "compared": 10_000,
            "equal": 9_700,
            "close": 0,
            "different": 300,
            "different_share": 0.03,
        }
        assert found["labels"] == [
            {"served": "setosa", "shadow": "virginica", "count": 200},
            {"served": "versicolor", "shadow": "virginica", "count": 100},
        ]
        assert (found["version"], found["shadow_version"]) == ("1", "2")
        assert found["seconds"]["count"] == found["shadow_seconds"]["count"] == 51
        registry.client.delete_registered_model_tag(LABELS.name, SHADOW)
        wait_until(lambda: report(service)["shadow"] is None, SECONDS, "the shadow is gone")
        assert report(service)["rows"] == found["rows"]
        assert [each["version"] for each in service.events("shadow_ended")] == ["2"]


def test_p19_shadow_with_another_contract_reads_the_kept_body_again(
    tracking_uri: str, tmp_path: Path
) -> None:
    """What it does not take is an error of its own, and callers see nothing of it."""
    registry = Registry(tracking_uri, LABELS.name)
    registry.add(labelling(tmp_path / "1", 0), alias="champion")
    registry.add(labelling(tmp_path / "2", 50, "y"))
    registry.client.set_registered_model_tag(LABELS.name, SHADOW, "v2")
    home = tmp_path / "home"
    home.mkdir()
    with running_service([str(LABELS)], tracking_uri, home, **PATIENT) as service:
        service.wait_until_ready()
        listens(service, "2")
        assert ask(service, range(10)).status_code == 200
        assert ask(service, range(10), "y").status_code == 200
        found = compared(service, 2)

        assert found["requests"]["shadow_failed_alone"] == {"invalid_input": 1}
        assert (found["rows"]["compared"], found["rows"]["different"]) == (10, 10)
