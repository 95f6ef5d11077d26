"""Makes an event of what the ledger notes, and of what observers alone hear.

A thing is told once. Sentences are those that `/models` shows to anybody; what operators have
written for holding, blocking or withdrawing goes with them, an exception's text does not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from service.background import Work, tell
from service.events.event import Event, EventKind
from service.following.ledger import LedgerEntry, LedgerOutcome
from service.following.sentences import LONGEST_SENTENCE, cut, listed, plain
from service.following.slot_status import Failure
from service.observers import Nobody
from service.processes.front.ending import Ending, EndReason
from service.refs import ModelRef, VersionId

_KINDS: Final[Mapping[LedgerOutcome, EventKind]] = {
    LedgerOutcome.SWAPPED: EventKind.SWAPPED,
    LedgerOutcome.REFUSED: EventKind.REFUSED,
    LedgerOutcome.EMPTIED: EventKind.EMPTIED,
    LedgerOutcome.WITHDRAWN: EventKind.WITHDRAWN,
    LedgerOutcome.PREPARED: EventKind.PREPARED,
    LedgerOutcome.NOT_PREPARED: EventKind.NOT_PREPARED,
    LedgerOutcome.HELD: EventKind.HELD,
    LedgerOutcome.RELEASED: EventKind.RELEASED,
    LedgerOutcome.UNBLOCKED: EventKind.UNBLOCKED,
    LedgerOutcome.SHADOWED: EventKind.SHADOWED,
    LedgerOutcome.UNSHADOWED: EventKind.UNSHADOWED,
    LedgerOutcome.PROVEN: EventKind.PROVEN,
    LedgerOutcome.UNPROVEN: EventKind.UNPROVEN,
    LedgerOutcome.GAVE_WAY: EventKind.GAVE_WAY,
    LedgerOutcome.SHARED: EventKind.SHARED,
}
_SAID: Final[Mapping[EventKind, str]] = {
    EventKind.SWAPPED: "{slot} now serves version {to}; before: {before}.",
    EventKind.LAST_KNOWN_GOOD: "{slot} serves version {to}, its last known good one{why}",
    EventKind.REFUSED: "{slot} refuses version {to}; it serves {before}{why}",
    EventKind.EMPTIED: "{slot} serves nothing any more; before: version {to}{why}",
    EventKind.WITHDRAWN: "{slot} does not serve version {to} any more{why}",
    EventKind.PREPARED: "{slot}: version {to} is ready, should the alias move there.",
    EventKind.NOT_PREPARED: "{slot}: version {to} could not be made ready{why}",
    EventKind.HELD: "{slot} stays on version {to}{why}",
    EventKind.RELEASED: "{slot} follows its alias again{why}",
    EventKind.SHADOWED: "{slot}: version {to} hears of requests{why}",
    EventKind.UNSHADOWED: "{slot}: version {to} hears of requests no more.",
    EventKind.SHARED: "{slot} shares its requests otherwise{why}",
    EventKind.UNBLOCKED: "{slot}: version {to} is not blocked any more.",
    EventKind.PROVEN: "{slot}: version {to} is proven{why}",
    EventKind.UNPROVEN: "{slot}: version {to} is watched for longer{why}",
    EventKind.GAVE_WAY: "{slot} serves version {to} again{why}",
}
# Beside a sentence of Podium's own, so that both are whole.
_LONGEST_REASON: Final = 500


@dataclass(frozen=True, slots=True)
class EventOrigin:
    """Whose events they are.

    Attributes:
        service: the service's name in its home.
        instance: the process's own word.
        mlflow: the address of MLflow's pages, up to the sign # of their paths; None: it has none.
    """

    service: str
    instance: str
    mlflow: str | None


class EventTeller(Nobody):
    """Hears of what happens, and offers an event; on the event loop, and at no cost but that."""

    def __init__(
        self, origin: EventOrigin, offer: Callable[[Event], None], clock: Callable[[], float]
    ) -> None:
        """`clock` gives seconds since 1970."""
        self._origin = origin
        self._offer = offer
        self._clock = clock
        self._look_failing = ""

    def started(self, models: Sequence[str]) -> None:
        """The service listens, and begins to follow these."""
        follows = listed(models)
        self._tell(EventKind.LISTENING, f"Podium has started; it follows {follows}.")

    def stopping(self) -> None:
        """It was asked to end."""
        self._tell(EventKind.STOPPING, "Podium is stopping.")

    def noted(self, entry: LedgerEntry) -> None:
        """The ledger has a new entry."""
        kind = _KINDS[entry.outcome]
        if kind is EventKind.SWAPPED and entry.last_known_good:
            kind = EventKind.LAST_KNOWN_GOOD
        before = "nothing" if entry.before is None else f"version {entry.before}"
        why = f": {entry.message}" if entry.message else "."
        said = _SAID[kind].format(slot=entry.ref, to=entry.version, before=before, why=why)
        self._tell(
            kind,
            said,
            entry.ref,
            entry.version,
            at=entry.at,
            before=entry.before,
            code=entry.code,
            reason=entry.reason,
        )

    def looked(self, _seconds: float, failure: Failure | None, _detail: str) -> None:
        """Told when looks begin to fail, fail differently, or go well again."""
        code = "" if failure is None else failure.code
        if failure is not None and code != self._look_failing:
            self._tell(EventKind.LOOK_FAILED, failure.message, code=code)
        elif failure is None and self._look_failing:
            self._tell(EventKind.LOOK_RECOVERED, "MLflow answers again.")
        self._look_failing = code

    def missing(self, ref: ModelRef, failure: Failure, _detail: str) -> None:
        """The alias is not there, or the model."""
        is_model = failure.code == EventKind.MODEL_MISSING
        kind = EventKind.MODEL_MISSING if is_model else EventKind.ALIAS_MISSING
        self._tell(kind, failure.message, ref, code=failure.code)

    def unanswered(self, ref: ModelRef, failure: Failure, _detail: str) -> None:
        """Nobody says where this alias is."""
        said = f"{ref}: {failure.message}"
        self._tell(EventKind.ALIAS_LOOK_FAILED, said, ref, code=failure.code)

    def slot_came(self, ref: ModelRef) -> None:
        """A pattern has found it."""
        self._tell(EventKind.SLOT_FOUND, f"{ref} is followed: it matches a pattern.", ref)

    def slot_went(self, ref: ModelRef) -> None:
        """It is followed no more."""
        said = f"{ref} is not followed any more: the registry has no such model and alias."
        self._tell(EventKind.SLOT_GONE, said, ref)

    def host_died(self, version: VersionId, reason: EndReason) -> None:
        """One that served has, and is replaced."""
        said = f"A process of {version.name} version {version.version} died ({reason}); another "
        said += "one takes its place."
        kind, to = EventKind.HOST_DIED, version.version
        self._tell(kind, said, model=version.name, to=to, code=reason)

    def zygote_died(self, ending: Ending) -> None:
        """Every host has died with it."""
        said = f"The process that others are forked from died ({ending.reason}); all are started "
        self._tell(EventKind.ZYGOTE_DIED, f"{said}again.", code=ending.reason)

    def _tell(  # noqa: PLR0913 - an event's
        self,
        kind: EventKind,
        sentence: str,
        ref: ModelRef | None = None,
        to: str | None = None,
        *,
        at: float | None = None,
        model: str | None = None,
        **more: str | None,
    ) -> None:
        origin, name = self._origin, ref.name if ref is not None else model
        try:
            event = Event(
                kind=kind,
                time=datetime.fromtimestamp(self._clock() if at is None else at, UTC),
                service=plain(origin.service),
                instance=origin.instance,
                slot=None if ref is None else plain(str(ref)),
                model=None if name is None else plain(name),
                to=to,
                sentence=cut(plain(sentence), 2 * LONGEST_SENTENCE),
                link=self._link(name, to),
                **_plain(more),
            )
            self._offer(event)
        except Exception as error:  # noqa: BLE001 - telling must not end following
            tell(Work.EVENTS, error)

    def _link(self, name: str | None, version: str | None) -> str | None:
        """As MLflow's pages have their paths (mlflow/server/js/src/model-registry/routes.ts)."""
        if self._origin.mlflow is None or name is None:
            return None
        page = f"{self._origin.mlflow}#/models/{quote(name, safe='', errors='replace')}"
        return page if version is None else f"{page}/versions/{version}"


def _plain(more: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: text and cut(plain(text), _LONGEST_REASON) for name, text in more.items()}
