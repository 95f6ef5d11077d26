"""The gate that keeps clients working: a signature that would break them is refused (P12)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from service.contract.comparison.comparison import compare
from service.contract.comparison.differences import Finding, Severity
from service.contract.definition import Compiled
from service.errors import VersionFault
from service.following.gates.gate import Candidacy, GateClosed, GateFinding
from service.following.history import History
from service.following.ports import FetchedVersion
from service.following.sentences import listed
from service.processes.front.beside import Beside

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
        self._beside = Beside("comparing")
        self._compared = WeakKeyDictionary[Compiled, _Compared]()

    def is_prepared(self, candidacy: Candidacy) -> bool:
        """Whether the two have been compared before."""
        before = self._before(candidacy)
        return before is None or self._known(before, candidacy.fetched) is not None

    async def prepare(self, candidacy: Candidacy) -> None:
        """Compares the two beside the loop: of a thousand columns each that takes a while."""
        before = self._before(candidacy)
        if before is not None:
            await self._beside.run(self._differences, before, candidacy.fetched)

    def check(self, candidacy: Candidacy) -> Sequence[GateFinding]:
        """Every difference, up to twenty; raises `GateClosed` for those that break clients."""
        before = self._before(candidacy)
        compared = None if before is None else self._differences(before, candidacy.fetched)
        if compared is None:
            return (_finding("no_baseline", "There is nothing that it could be compared with."),)
        if not compared.breaking:
            return compared.findings
        allowed = self._allowed(candidacy)
        if allowed is None:
            message = (
                f"Clients of what serves would break: {compared.breaking}. To let it pass all the "
                f"same, tag the version {ALLOW_TAG}=true and ask for a reload."
            )
            raise GateClosed(_GATE, "signature_breaks_clients", message, compared.findings)
        return (*compared.findings, allowed)

    def _before(self, candidacy: Candidacy) -> FetchedVersion | None:
        return candidacy.serving or self._history.baseline(candidacy.ref)

    def _known(self, before: FetchedVersion, after: FetchedVersion) -> "_Differences | None":
        compared = self._compared.get(after.compiled)
        known = None if compared is None else compared.get(before.compiled)
        return known if known is not None and known.texts == _texts(before, after) else None

    def _differences(self, before: FetchedVersion, after: FetchedVersion) -> "_Differences | None":
        """What differs; None where `before` cannot be read, by other settings say."""
        known = self._known(before, after)
        if known is None:
            known = self._compare(before, after)
            compared = self._compared.setdefault(after.compiled, WeakKeyDictionary())
            compared[before.compiled] = known
        return known if known.readable else None

    def _compare(self, before: FetchedVersion, after: FetchedVersion) -> "_Differences":
        new, texts = self._describe(after), _texts(before, after)
        try:
            old = self._describe(before)
        except VersionFault:
            # What an earlier release of the service took, or other settings.
            return _Differences(texts, readable=False)
        differences = compare(old, new)
        breaking = [each for each in differences if each.severity is Severity.BREAKS_CLIENTS]
        sentences = listed([each.sentence for each in breaking]) if breaking else ""
        return _Differences(texts, tuple(_shown(differences)), sentences)

    def _allowed(self, candidacy: Candidacy) -> GateFinding | None:
        if self._allow_breaking:
            return _finding("allowed_by_setting", "PODIUM_ALLOW_BREAKING lets it pass.")
        if candidacy.fetched.tags.get(ALLOW_TAG, "").strip().lower() == "true":
            return _finding("allowed_by_tag", f"The version is tagged {ALLOW_TAG}=true.")
        version = candidacy.fetched.version
        if self._history.has_served(candidacy.ref, version):
            return _finding("served_before", "This slot has served the version before.")
        return None


@dataclass(frozen=True, slots=True)
class _Differences:
    """What a comparison of two signatures came to.

    Attributes:
        texts: the two.
        findings: what is shown.
        breaking: lists what breaks clients; empty if nothing does.
        readable: whether the older one could be compiled.
    """

    texts: tuple[object, ...]
    findings: tuple[GateFinding, ...] = ()
    breaking: str = ""
    readable: bool = True


# By the older of the two, for as long as somebody holds both.
_Compared = WeakKeyDictionary[Compiled, _Differences]


def _texts(before: FetchedVersion, after: FetchedVersion) -> tuple[object, ...]:
    return (before.signature, before.from_type_hint, after.signature, after.from_type_hint)


def _finding(code: str, sentence: str) -> GateFinding:
    return GateFinding(_GATE, code, sentence)


def _shown(differences: Sequence[Finding]) -> Iterator[GateFinding]:
    for each in differences[:_MOST_FINDINGS]:
        yield _finding(each.code, f"{each.severity.value}: {each.sentence}")
    if len(differences) > _MOST_FINDINGS:
        more = len(differences) - _MOST_FINDINGS
        yield _finding("more", f"{more} differences more are not listed.")
