"""The gate that keeps clients working: a signature that would break them is refused (P12)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from service.contract.comparison import compare
from service.contract.difference import Finding, Severity
from service.errors import VersionFault
from service.following.gates import Candidacy, GateClosed, GateFinding
from service.following.history import History
from service.following.ports import FetchedVersion
from service.following.sentences import listed

ALLOW_TAG: Final = "podium.allow_breaking"
_GATE: Final = "compatible"
# A table of a thousand columns that was renamed is told by its first ones.
_MOST_FINDINGS: Final = 20

# The description of a version's contract; raises `VersionFault`.
Describe = Callable[[FetchedVersion], Mapping[str, Any]]


class CompatibleGate:
    """Compares a version with what the slot serves, else with what it last served.

    Breaking changes pass where the operator allows them, by setting or by the version's tag, or
    where the slot has served the version before. Changes of output are reported only.
    """

    def __init__(self, describe: Describe, history: History, *, allow_breaking: bool) -> None:
        self._describe = describe
        self._history = history
        self._allow_breaking = allow_breaking

    def check(self, candidacy: Candidacy) -> Sequence[GateFinding]:
        """Every difference, up to twenty; raises `GateClosed` for those that break clients."""
        baseline = self._baseline(candidacy)
        if baseline is None:
            return (_finding("no_baseline", "There is nothing that it could be compared with."),)
        differences = compare(baseline, self._describe(candidacy.fetched))
        findings = tuple(_shown(differences))
        breaking = [each for each in differences if each.severity is Severity.BREAKS_CLIENTS]
        if not breaking:
            return findings
        allowed = self._allowed(candidacy)
        if allowed is None:
            sentences = listed([each.sentence for each in breaking])
            message = (
                f"Clients of what serves would break: {sentences}. To let it pass all the same, "
                f"tag the version {ALLOW_TAG}=true and ask for a reload."
            )
            raise GateClosed(_GATE, "signature_breaks_clients", message, findings)
        return (*findings, allowed)

    def _baseline(self, candidacy: Candidacy) -> Mapping[str, Any] | None:
        before = candidacy.serving or self._history.baseline(candidacy.ref)
        if before is None:
            return None
        try:
            return self._describe(before)
        except VersionFault:
            # What an earlier release of the service took, or other settings.
            return None

    def _allowed(self, candidacy: Candidacy) -> GateFinding | None:
        if self._allow_breaking:
            return _finding("allowed_by_setting", "PODIUM_ALLOW_BREAKING lets it pass.")
        if candidacy.fetched.tags.get(ALLOW_TAG, "").strip().lower() == "true":
            return _finding("allowed_by_tag", f"The version is tagged {ALLOW_TAG}=true.")
        version = candidacy.fetched.version
        if self._history.has_served(candidacy.ref, version):
            return _finding("served_before", "This slot has served the version before.")
        return None


def _finding(code: str, sentence: str) -> GateFinding:
    return GateFinding(_GATE, code, sentence)


def _shown(differences: Sequence[Finding]) -> Iterator[GateFinding]:
    for each in differences[:_MOST_FINDINGS]:
        yield _finding(each.code, f"{each.severity.value}: {each.sentence}")
    if len(differences) > _MOST_FINDINGS:
        more = len(differences) - _MOST_FINDINGS
        yield _finding("more", f"{more} differences more are not listed.")
