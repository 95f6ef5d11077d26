"""The report of `podium validate` where there is no verdict: why, and what was written."""

import pytest

from service.cli.validation_report import ValidateReport, reported
from service.registry.writer.faults import NOT_FOUND, Unreachable, WriteRefused
from service.registry.writer.writer import RegisteredVersion
from service.validation.findings import Judgement
from service.validation.quality.evaluation_data import BadData
from service.validation.quality.own_metrics import BadMetric
from service.validation.trial_run import TrialFindings
from service.validation.validating import LeftBehind, Validated
from service.validation.verdict_tags import Overtaken

BLANK = ValidateReport(server="a", name="iris", status=3, code="", sentence="", policy="p")


def ended(error: BaseException, left: LeftBehind) -> ValidateReport:
    """The report of a validation that has ended so."""

    def validate() -> Validated:
        raise error

    return reported(BLANK, left, validate)


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (KeyboardInterrupt(), 3, "interrupted"),
        (Unreachable("no answer"), 3, "unreachable"),
        (Overtaken("another"), 3, "overtaken"),
        (WriteRefused("no model", NOT_FOUND), 2, "resource_does_not_exist"),
        (WriteRefused("no right", "PERMISSION_DENIED"), 1, "permission_denied"),
        (BadData("no rows"), 2, "bad_data"),
        (BadMetric("no code"), 2, "bad_metric"),
        (ValueError("secret"), 3, "internal"),
        (RecursionError("secret"), 3, "internal"),
    ],
)
def test_whatever_ends_a_validation_is_a_report(
    error: BaseException, status: int, code: str
) -> None:
    """Pipelines read the status, and `1` means that the version is not good enough."""
    found = ended(error, LeftBehind())
    assert (found.status, found.code) == (status, code)
    assert found.sentence.endswith("; nothing was written")


def test_defect_is_told_by_its_kind_and_place_alone() -> None:
    """Its words may hold a value of a row."""
    found = ended(ValueError("secret"), LeftBehind())
    assert "ValueError in test_report.py, line" in found.sentence
    assert "secret" not in found.sentence


@pytest.mark.parametrize(
    ("left", "said"),
    [
        (LeftBehind("3"), "nothing was written"),
        (LeftBehind("3", "run"), "the version's tags are as they were"),
        (LeftBehind("3", "run", begun=True), "it is left as pending"),
        (LeftBehind("3", "run", begun=True, overtaken=True), "its tags are those of the other"),
        (LeftBehind("3", "run", begun=True, kept=True), "its status stays, for an alias is on it"),
    ],
)
def test_what_was_written_is_told(left: LeftBehind, said: str) -> None:
    """Whatever has ended it, and with the run that it stands in."""
    for error in (KeyboardInterrupt(), BadData("no rows"), ValueError()):
        found = ended(error, left)
        assert found.sentence.endswith(f"; {said}")
        assert (found.run, found.version) == (left.run, "3")


def test_comparison_that_was_asked_for_and_not_made_is_in_the_sentence() -> None:
    """A mistyped alias would else pass by every bound that compares, and nobody would see it."""
    version = RegisteredVersion("iris", 1, "3", "m", ready=True, tags={})
    told = "iris@champoin is on no version yet, so that there is nothing to compare with."
    findings = TrialFindings([Judgement("stage.against", "passed", told, "stage")])
    validated = Validated(version, None, "passed", "run", kept=False, findings=findings)
    found = reported(BLANK, LeftBehind(), lambda: validated)
    assert (found.status, found.sentence) == (0, f"has passed; {told[:-1]}")
