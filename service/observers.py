"""Who is told what an engine's parts do: a port for each, all handed in where it is made."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from service.decoder.front import DecoderObserver
from service.following.ledger import LedgerObserver
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
        registry_printed: of the registry's child.
        watch: given the slots before anything happens to them.
        listening: hears of failures of what goes on beside, on the running loop and in threads.
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
    watch: Callable[[Slots], None]
    listening: Callable[[], AbstractContextManager[None]]


class Nobody:
    """Every observer there is; hears nothing."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None


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
        watch=silent.watch,
        listening=contextlib.nullcontext,
    )
