"""Artifacts of older releases of MLflow in a real service: tried, shown, and kept out (W5)."""

import json
from pathlib import Path

import httpx

from tests.registry.kept_artifacts import kept_artifact
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

REF = "old@champion"
SECONDS = 60
# A table of the oldest release, and an example of the last one that stored no ready request.
FORMS = [("1.30.1", "frame"), ("2.14.3", "csr with params")]


def serves(service: RunningService, version: str) -> None:
    """Returns when it does."""
    wait_until(
        lambda: service.slot(REF)["version"] == version, SECONDS, f"{version}; {service.log}"
    )


def is_refused(service: RunningService, version: str) -> str:
    """The code, once it is."""

    def failed() -> bool:
        failure = service.slot(REF)["last_failure"]
        return failure is not None and failure["version"] == version

    wait_until(failed, SECONDS, f"{version} is refused; {service.log}")
    return str(service.slot(REF)["last_failure"]["code"])


def test_w5_version_that_raises_on_its_old_example_displaces_nothing(
    tracking_uri: str, tmp_path: Path
) -> None:
    """One that answers it takes over, and its example can be sent as it is shown."""
    registry = Registry(tracking_uri, "old")
    with running_service([REF], tracking_uri, tmp_path, PODIUM_ALLOW_BREAKING="true") as service:
        for kept in (kept_artifact(*each) for each in FORMS):
            good = registry.add(kept.put(tmp_path / kept.release), alias="champion")
            serves(service, good)
            example = service.slot(REF)["serving_example"]
            answer = httpx.post(f"{service.url}/predict", json=example, trust_env=False).json()
            assert json.loads(answer["predictions"][0]) == kept.given
            document = httpx.get(f"{service.url}/openapi.json", trust_env=False).text
            assert json.dumps(example, separators=(",", ":")) in document
            raising = kept.put(tmp_path / f"{kept.release} raising", raises=True)
            assert is_refused(service, registry.add(raising, alias="champion")) == "warm_up_failed"
            assert service.slot(REF)["version"] == good
