"""What `podium validate` has to say, whatever has come of it: a report, never a traceback."""

import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from service.cli.told import EndedReport
from service.exits import DONE, REFUSED, UNDECIDED, WRONG_USE

if TYPE_CHECKING:
    from service.validation.findings import Judgement
    from service.validation.validating import LeftBehind, Validated

_STATUS: Mapping[str, int] = {"passed": DONE, "failed": REFUSED, "undecided": UNDECIDED}


class JudgementReport(BaseModel):
    """One thing that was looked at."""

    name: str
    section: Literal["stage", "smoke", "load", "quality"]
    verdict: Literal["passed", "failed", "undecided"]
    sentence: str
    figures: Mapping[str, float]


class ValidateReport(EndedReport):
    """The one JSON object of `podium validate --json`.

    `status` is the exit status, `code` the verdict, or why there is none. `policy` and `digest` are
    SHA-256: of the policy in force, and of all files of the version. `status_kept`: what serves and
    had passed has kept that, since an alias is on it.
    """

    name: str
    version: str | None = None
    against: str | None = None
    run: str = ""
    policy: str
    digest: str = ""
    status_kept: bool = False
    judgements: Sequence[JudgementReport] = ()
    gates: Sequence[str] = ()

    def lines(self) -> list[str]:
        """What is not as it should be comes last, where it is read."""
        order = ("passed", "undecided", "failed")
        sorted_ = sorted(self.judgements, key=lambda each: order.index(each.verdict))
        found = [f"{each.verdict:<9}  {each.name:<20}  {each.sentence}" for each in sorted_]
        who = self.name if self.version is None else f"{self.name} {self.version}"
        return [*found, f"{who}  {self.sentence}"]

    def facts(self) -> Mapping[str, object]:
        """The version, the run that has everything, and the digest of what was judged."""
        named = {"NAME": self.name, "VERSION": self.version}
        return {**named, "RUN_ID": self.run, "DIGEST": self.digest, **super().facts()}

    def judged(self) -> Sequence["Judgement"]:
        """What is not as it should be comes first."""
        from service.validation.findings import Judgement

        order = ("failed", "undecided", "passed")
        return [
            Judgement(each.name, each.verdict, each.sentence, each.section)
            for each in sorted(self.judgements, key=lambda each: order.index(each.verdict))
        ]

    def summary(self) -> Sequence[str]:
        """The verdict."""
        return self.lines()[-1:]


def reported(
    blank: ValidateReport, left: "LeftBehind", validate: Callable[[], "Validated"]
) -> ValidateReport:
    """The verdict, or why there is none, with what was written until then."""
    try:
        return _of_verdict(blank, validate())
    except (KeyboardInterrupt, Exception) as error:  # noqa: BLE001 - pipelines read the report
        status, code, why = _ending(error, left)
    return blank.model_copy(
        update={
            "status": status,
            "code": code,
            "sentence": f"{'; '.join(why.splitlines())}; {left.said}",
            "run": left.run,
            "version": left.version or blank.version,
        }
    )


def _ending(error: BaseException, left: "LeftBehind") -> tuple[int, str, str]:
    """The exit status, a code, and why a verdict is missing."""
    from service.registry.writer.faults import NOT_FOUND, Unreachable, WriteRefused
    from service.validation.verdict_tags import Overtaken

    if isinstance(error, KeyboardInterrupt):
        return UNDECIDED, "interrupted", "was interrupted"
    if isinstance(error, Overtaken):
        return UNDECIDED, "overtaken", str(error)
    if isinstance(error, Unreachable):
        return UNDECIDED, "unreachable", str(error)
    if isinstance(error, WriteRefused):
        status = WRONG_USE if error.code == NOT_FOUND and not left.run else REFUSED
        return status, error.code.lower() or "refused_by_mlflow", str(error)
    meant = _meant_wrongly(error)
    if meant is not None:
        return WRONG_USE, meant, str(error)
    return UNDECIDED, "internal", _defect(error)


def _meant_wrongly(error: BaseException) -> str | None:
    """A code for what the policy, the data or a setting has wrong; None for anything else."""
    from service.config.home import HomeUnusable
    from service.validation.around import MEANT_WRONGLY

    codes = {**MEANT_WRONGLY, HomeUnusable: "home_unusable"}
    return next((code for kind, code in codes.items() if isinstance(error, kind)), None)


def _defect(error: BaseException) -> str:
    """Its kind and place; its words may hold a value of a row."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"could not be judged to its end: {type(error).__name__}{place}"


_SENTENCES: Mapping[str, str] = {
    "passed": "has passed",
    "failed": "has failed",
    "undecided": "is undecided: nothing was found against it, and not everything could be told",
}


def _compared_with_nothing(found: "Validated") -> str:
    """Half a sentence where a comparison was asked for, and none was made."""
    told = (each for each in found.findings.judgements if each.name == "stage.against")
    return "".join(f"; {each.sentence.rstrip('.')}" for each in told)


def _of_verdict(blank: ValidateReport, found: "Validated") -> ValidateReport:
    fetched = found.findings.fetched
    kept = found.kept and found.verdict == "failed"
    rest = "; its status stays, for an alias is on it (--demote takes it back)" if kept else ""
    rest += _compared_with_nothing(found)
    judgements = [
        JudgementReport(
            name=each.name,
            section=each.section,
            verdict=each.verdict,
            sentence=each.sentence,
            figures=each.figures,
        )
        for each in found.findings.judgements
    ]
    return blank.model_copy(
        update={
            "version": found.version.number,
            "status": _STATUS[found.verdict],
            "code": found.verdict,
            "sentence": f"{_SENTENCES[found.verdict]}{rest}",
            "against": found.against,
            "run": found.run,
            "digest": "" if fetched is None else fetched.digest,
            "status_kept": found.kept,
            "judgements": judgements,
            "gates": list(found.findings.gates),
        }
    )
