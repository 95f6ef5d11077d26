"""What it takes to bring a version into service, beside what that may take."""

from service.validation.findings import Judgement, Verdict
from service.validation.policy.running_bounds import TimeBounds
from service.validation.trial.version_on_trial import VersionOnTrial


def judged_stages(staged: VersionOnTrial, bounds: TimeBounds) -> Judgement:
    """The times of its stages."""
    seconds = staged.seconds
    figures = {f"stage.{name}_seconds": value for name, value in seconds.items()}
    limits = (("fetch", bounds.max_fetch_seconds), ("load", bounds.max_load_seconds))
    wrong = [
        f"{name} may take {most:g} s"
        for name, most in limits
        if most is not None and seconds.get(name, 0.0) > most
    ]
    took = ", ".join(f"{name} {value:.2f} s" for name, value in seconds.items())
    said = f"Fetched, past its gates, loaded and warmed up: {took}"
    verdict: Verdict = "failed" if wrong else "passed"
    sentence = f"{said}: {'; '.join(wrong)}." if wrong else f"{said}."
    return Judgement("stage.times", verdict, sentence, "stage", figures)
