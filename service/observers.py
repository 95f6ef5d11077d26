"""Who is told what an engine's parts do: a port for each, all handed in where it is made."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, cast

from service.decoder.front import DecoderObserver
from service.following.ledger import LedgerEntry, LedgerObserver
from service.following.observer import FollowingObserver
from service.following.slots import Slots
from service.hosting.observer import HostingObserver
from service.hosting.residents import ResidencyObserver
from service.processes.front.ending import Ending
from service.processes.front.output import OnLine
from service.refs import VersionId
from service.registry.forwarder.front import ForwardingObserver
from service.registry.front.last_known_good import HistoryObserver
from service.registry.front.tombstones import TombstoneObserver


class FilesObserver(HistoryObserver, TombstoneObserver, Protocol):
    """Told how what is kept of slots and versions fares on disk."""


@dataclass(frozen=True, slots=True)
class Observers:
    """Metrics and logs implement these.

    Attributes:
        following: of every look, swap and refusal.
        hosting: of the hosts of a version, made for each.
        decoder: of who reads large bodies.
        files: of histories and tombstones.
        ledger: of the ledger's file.
        forwarding: of models' traces; made where they are handed on.
        residency: of loads on demand; made where not all versions stay loaded.
        zygote_died: told of each zygote that has, while another one is started.
        zygote_printed: told each line that the process has, as is
        inspector_printed: of those that look at artifacts, and
        registry_printed: of the registry's child, and
        comparer_printed: of what compares answers with those of shadows;
        comparer_ended: told why that process has ended, unless it was to.
        watch: given the slots before anything happens to them.
        listening: hears of failures of what goes on beside, on the running loop and in threads.
        noted: hears of each new entry of the ledger.
    """

    following: FollowingObserver
    hosting: Callable[[VersionId], HostingObserver]
    decoder: DecoderObserver
    files: FilesObserver
    ledger: LedgerObserver
    forwarding: Callable[[], ForwardingObserver]
    residency: Callable[[], ResidencyObserver]
    zygote_died: Callable[[Ending], None]
    zygote_printed: OnLine
    inspector_printed: OnLine
    registry_printed: OnLine
    comparer_printed: OnLine
    comparer_ended: Callable[[str], None]
    watch: Callable[[Slots], None]
    listening: Callable[[], AbstractContextManager[None]]
    noted: Callable[[LedgerEntry], None] | None = None


class Nobody:
    """Every observer there is; hears nothing."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None


class _Both:
    def __init__(self, first: object, second: object) -> None:
        self._observers = first, second

    def __getattr__(self, event: str) -> Callable[..., None]:
        told = [getattr(each, event) for each in self._observers]

        def tell_both(*what: Any) -> None:
            for each in told:
                each(*what)

        return tell_both


def both(first: FollowingObserver, second: Nobody) -> FollowingObserver:
    """Two as one; of what the second does not hear the first is told all the same."""
    return cast("FollowingObserver", _Both(first, second))


def nobody() -> Observers:
    """Nothing is told to anybody."""
    silent: Any = Nobody()
    return Observers(
        following=silent,
        hosting=lambda _: silent,
        decoder=silent,
        files=silent,
        ledger=silent,
        forwarding=lambda: silent,
        residency=lambda: silent,
        zygote_died=silent.died,
        zygote_printed=silent.printed,
        inspector_printed=silent.printed,
        registry_printed=silent.printed,
        comparer_printed=silent.printed,
        comparer_ended=silent.ended,
        watch=silent.watch,
        listening=contextlib.nullcontext,
    )
