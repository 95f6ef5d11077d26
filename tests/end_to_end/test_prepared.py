"""Three services that prepare a version before its alias moves: real MLflow, real processes."""

import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from service.checks.admin import withdraw
from service.promotion.plan import Foreseen, foreseen_at, question_of
from service.promotion.prepare import Prepared, PrepareWish, prepare_all
from service.refs import ModelRef
from service.validation_tag import VALIDATION_TAG, Validation
from tests.promotion.test_commands import digest_of_files
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

DOUBLING = ModelRef("doubling", "champion")
TOKEN = "the-operators"
SECONDS = 240.0


def instance(
    tracking_uri: str, home: Path, environment: Mapping[str, str]
) -> AbstractContextManager[RunningService]:
    """One service of several, as if it had a machine of its own."""
    home.mkdir()
    settings = {"PODIUM_ADMIN_TOKEN": TOKEN, **environment}
    return running_service([str(DOUBLING)], tracking_uri, home, **settings)


def prepared(
    services: Sequence[RunningService], version: str, digest: str = ""
) -> Sequence[Prepared]:
    """What `podium prepare` is told, or `podium promote` where those files were validated."""
    urls = [service.url for service in services]
    wish = PrepareWish(DOUBLING, version, TOKEN, 600.0, SECONDS, digest)
    return prepare_all(urls, wish, lambda _: None)


def planned(services: Sequence[RunningService], version: str) -> Sequence[Foreseen]:
    """What `podium plan` is told."""
    urls = [service.url for service in services]
    question = question_of(DOUBLING, version, TOKEN, SECONDS)
    return foreseen_at(urls, question, lambda _: None, lambda *_: None)


def staged(service: RunningService, version: str) -> int:
    """How often it has begun to make that version ready."""
    return [each["version"] for each in service.events("staging")].count(version)


def validate(registry: Registry, version: str, digest: str) -> None:
    """As `podium validate` leaves a version that has passed."""
    said = Validation("0" * 32, "f" * 64, digest, registry.name, version, "passed").text()
    for key, value in ((VALIDATION_TAG, said), ("validation_status", "passed")):
        registry.client.set_model_version_tag(registry.name, version, key, value)


def serve(services: Sequence[RunningService], version: str) -> None:
    """Returns when all of them do."""
    for each in services:
        wait_until(
            lambda each=each: each.slot(str(DOUBLING))["version"] == version,  # type: ignore[misc]
            SECONDS,
            lambda each=each: f"{version}; {each.log}",  # type: ignore[misc]
        )


def seconds_of_swap(service: RunningService, version: str) -> Mapping[str, float]:
    """Of each stage that its swap to that version took."""
    swaps = [each for each in service.events("swapped") if each["version"] == version]
    assert len(swaps) == 1
    found: Mapping[str, float] = swaps[0]["seconds"]
    return found


def test_p24_prepared_on_all_then_swapped_from_warm_and_an_altered_version_by_none_that_asks(
    tracking_uri: str, tmp_path: Path
) -> None:
    """One that cannot tells why before the alias has moved; then all three have it ready."""
    registry = Registry(tracking_uri, "doubling")
    first, second = (models.save(tmp_path / each, "temperamental") for each in ("1", "2"))
    third = Path(shutil.copytree(second, tmp_path / "3" / second.name))
    registry.add(first, alias="champion")
    registry.add(second)
    registry.add(third)
    with ExitStack() as ending:
        environments: tuple[dict[str, str], ...] = ({}, {}, {"PODIUM_REQUIRE_VALIDATION": "true"})
        services = [
            ending.enter_context(instance(tracking_uri, tmp_path / str(number), environment))
            for number, environment in enumerate(environments, start=10)
        ]
        plain, asking = services[:2], services[2]
        serve(plain, "1")
        foreseen = planned(services, "2")
        assert [each.forecast for each in foreseen] == ["would_serve", "would_serve", "refused"]
        assert foreseen[2].code == "not_validated"
        assert foreseen[0].told is not None
        digest = foreseen[0].told.digest
        assert digest
        outcomes = prepared(services, "2")
        assert [each.outcome for each in outcomes] == ["ready", "ready", "refused"]
        assert outcomes[2].sentence.startswith("not_validated: The version was not validated")
        validate(registry, "2", digest)
        assert [each.outcome for each in prepared(services, "2")] == ["ready"] * 3
        assert {each.slot(str(DOUBLING))["prepared"] for each in services} == {"2"}
        assert [each.slot(str(DOUBLING))["version"] for each in services] == ["1", "1", None]
        registry.move("champion", "2")
        serve(services, "2")
        # With no second load: what its swap took is a look.
        assert [set(seconds_of_swap(each, "2")) for each in services] == [{"look"}] * 3
        assert [staged(each, "2") for each in plain] == [1, 1]
        # Its files are those of version 2 until somebody alters them in the registry.
        validate(registry, "3", digest)
        assert prepared(plain[:1], "3", digest)[0].outcome == "ready"
        with (third / "requirements.txt").open("a") as file:
            file.write("# altered\n")
        # What was fetched before stays as it was, until what the sentence says is done.
        altered = digest_of_files(third)
        assert prepared(plain[:1], "3", altered)[0].code == "validated_other_bytes"
        for undo in (False, True):
            assert withdraw(plain[0].url, "doubling", "3", TOKEN, undo=undo) == 0
        assert prepared(plain[:1], "3", altered)[0].outcome == "ready"
        registry.move("champion", "3")
        serve(plain, "3")
        wait_until(
            lambda: asking.slot(str(DOUBLING))["quarantined"] == "3",
            SECONDS,
            lambda: f"3 is refused; {asking.log}",
        )
        told = asking.slot(str(DOUBLING))
    assert (told["version"], told["last_failure"]["code"]) == ("2", "validated_other_bytes")
