"""What it takes to bring a version into service, beside what that may take; and what has ended.

Of processes that end unasked a client may know nothing: it has its answer by a second try.
"""

from service.following.environments import RunsIn
from service.validation.findings import Judgement, Section, Verdict
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


def judged_environment(runs_in: RunsIn) -> Judgement:
    """Where it runs; undecided where that is not yet where it is to run."""
    built = runs_in.built
    if built is not None:
        begun = "It was built now" if built.built else "It was there"
        many = f"Python {built.python}, {len(built.packages)} packages"
        sentence = f"It runs in an environment of its own: {many} ({built.key[:12]}). {begun}."
        figures = {"stage.environment_packages": float(len(built.packages))}
        return Judgement("stage.environment", "passed", sentence, "stage", figures)
    if runs_in.awaited:
        why = f": {runs_in.findings[0].sentence}" if runs_in.findings else "."
        sentence = f"It could not be tried in the environment that it is to run in{why}"
        return Judgement("stage.environment", "undecided", sentence, "stage")
    return Judgement("stage.environment", "passed", "It runs in Podium's own environment.", "stage")


class Deaths:
    """Those of one version, each told once."""

    def __init__(self, version: VersionOnTrial) -> None:
        self._version = version
        self._told = 0

    def since(self, section: Section) -> Judgement:
        """Whether one has ended since this was asked last: the version has failed then."""
        count, self._told = self._version.deaths - self._told, self._version.deaths
        if not count:
            sentence = "None of its processes has ended meanwhile."
            return Judgement(f"{section}.processes", "passed", sentence, section)
        said = "1 of its processes has" if count == 1 else f"{count} of its processes have"
        sentence = f"{said} ended meanwhile, and requests were tried a second time."
        figures = {f"{section}.processes_ended": float(count)}
        return Judgement(f"{section}.processes", "failed", sentence, section, figures)
