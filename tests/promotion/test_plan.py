"""`podium plan` by the settings of the command itself: a real registry, and the service's gates."""

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.cli.plan import PlanReport
from service.promotion.deciding import AliasStanding
from service.promotion.instance import InstanceTold
from service.promotion.journal import Done, Entry, Journal, MoveKind, Written
from service.promotion.plan import Foreseen, PromotionRules, journal_says, outlook
from service.refs import ModelRef
from service.registry.writer.writer import RegisteredVersion
from service.validation_tag import VALIDATION_TAG, Validation
from tests.support import models
from tests.support.registered import Registry

IRIS = ModelRef("iris", "champion")
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
FILES, OTHERS = "a" * 64, "b" * 64


def test_plan_tells_what_differs_and_changes_nothing(tracking_uri: str, tmp_path: Path) -> None:
    """Contract, validation and journal in one report; the exit status says that it is refused."""
    registry = Registry(tracking_uri, "doubling")
    registry.add(models.save(tmp_path / "1", "temperamental"), alias="champion")
    other = models.save(tmp_path / "2", "temperamental", models.doubles("y"), {"y": [1.0]})
    registry.add(other)
    before = set(tmp_path.iterdir())
    done = subprocess.run(
        [sys.executable, "-P", "-m", "service", "plan", "doubling", "2", "--json"],
        env=os.environ | {"MLFLOW_TRACKING_URI": tracking_uri},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 1, done.stderr
    report = PlanReport.model_validate_json(done.stdout)
    (service,) = report.services
    assert (report.on, report.status, service.url) == ("1", 1, None)
    assert (service.forecast, service.code) == ("refused", "signature_breaks_clients")
    assert any("column `y` is required" in each for each in service.differences)
    assert service.digest
    assert (service.memory.artifact_bytes or 0) > 1000
    assert report.validation is not None
    assert (report.validation.validated, report.validation.code) == (False, "not_validated")
    assert "past the commands" in report.journal_says
    assert set(tmp_path.iterdir()) == before


def version(**tags: str) -> RegisteredVersion:
    """Version 2, with those tags."""
    return RegisteredVersion("iris", 7, "2", "models:/m-1", ready=True, tags=tags)


def validated() -> RegisteredVersion:
    """As `podium validate` leaves it."""
    said = Validation("run", "policy", FILES, "iris", "2", "passed").text()
    return version(**{VALIDATION_TAG: said, "validation_status": "passed"})


def judged(digest: str, url: str | None = None) -> Foreseen:
    """By an instance there, or by the command itself, which has fetched those files."""
    told = InstanceTold(
        version="2",
        state="passed",
        stage=None,
        stages={},
        findings=[],
        refusals=[],
        why=None,
        digest=digest,
        artifact_bytes=None,
        serves=None,
        serving_memory_bytes=None,
    )
    return Foreseen(url, "would_serve", "would serve it", told=told)


UNREACHABLE = Foreseen("http://one", "unreachable", "no service answers", "unreachable")


@pytest.mark.parametrize(
    ("found", "foreseen", "takes", "code"),
    [
        (validated(), [judged(FILES)], True, "validated"),
        (validated(), [judged(OTHERS)], False, "validated_other_bytes"),
        # What instances have may be older than an alteration of what the registry has.
        (validated(), [judged(FILES, "http://one")], None, "not_compared"),
        (validated(), [UNREACHABLE], None, "not_compared"),
        (validated(), [UNREACHABLE, judged(OTHERS, "http://2")], False, "validated_other_bytes"),
        (version(), [judged(FILES)], False, "not_validated"),
        (version(**{"podium.blocked": "leaks"}), [judged(FILES)], False, "blocked"),
        (replace(validated(), ready=False), [judged(FILES)], False, "not_ready"),
    ],
)
def test_p24_plan_says_whether_promote_would_take_these_files(
    found: RegisteredVersion,
    foreseen: list[Foreseen],
    takes: bool | None,  # noqa: FBT001 - one row
    code: str,
) -> None:
    """Those that the registry has now; where nobody has compared them, it says so."""
    said = outlook(found, foreseen)
    assert (said.validated, said.code) == (takes, code)
    assert ("these files were validated" in said.sentence) == (takes is True)


def test_plan_says_that_promote_would_refuse_another_policy() -> None:
    """As the command's own settings ask for one."""
    assert outlook(validated(), [judged(FILES)], PromotionRules(policy="policy")).validated
    said = outlook(validated(), [judged(FILES)], PromotionRules(policy="c" * 64))
    assert (said.validated, said.code) == (False, "validated_by_other_policy")


def entry(number: int, before: str | None, to: str, *, done: bool) -> Written:
    """One move."""
    kind: MoveKind = "promote"
    made = Entry(
        id=str(number),
        kind=kind,
        before=before,
        to=to,
        created=7,
        by="ada",
        reason="",
        link="",
        digest="",
        time=NOON,
        lease_seconds=600.0,
    )
    return Written(number, made, Done(time=NOON, by="ada") if done else None)


@pytest.mark.parametrize(
    ("alias", "entries", "says"),
    [
        ("1", (), "past the commands"),
        (None, (), ""),
        ("2", (entry(1, "1", "2", done=True),), ""),
        ("3", (entry(1, "1", "2", done=True),), "left it on version 2"),
        ("1", (entry(1, "1", "2", done=False),), "has not finished"),
    ],
)
def test_plan_explains_what_the_journal_has_of_the_alias(
    alias: str | None, entries: tuple[Written, ...], says: str
) -> None:
    """A move that was begun, and one that nobody of the commands has made."""
    standing = AliasStanding(IRIS, alias, 7, Journal(entries, len(entries)))
    told = journal_says(standing)
    assert says in told if says else told == ""
