"""Processes of a version that end unasked: a client may have had its answer by a second try."""

from service.validation.findings import Judgement, Section
from service.validation.trial.version_on_trial import VersionOnTrial


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
