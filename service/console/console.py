"""The console of one service, put together: what it counts, tells and shows."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import metadata

from fastapi import APIRouter

from service.console.console_events import events_router
from service.console.console_settings import ConsoleReport, console_settings_router
from service.console.page import console_page_router
from service.console.stats import stats_router
from service.console.status_stream import StatusStream
from service.console.time_series import TimeSeries
from service.events.event_faults import EventTrouble
from service.following.ledger import Ledger
from service.following.slots import Slots
from service.http.access import Readers
from service.http.models import ModelsTexts
from service.processes.front.beside import Beside


@dataclass(frozen=True, slots=True)
class Console:
    """One service's.

    Attributes:
        series: is to hear of every request.
        stream: is to run as long as the service does, and to be closed when that begins to stop.
        routers: its routes, the page's last, which takes whatever is below `/console/`.
    """

    series: TimeSeries
    stream: StatusStream
    routers: Sequence[APIRouter]

    @classmethod
    def of(  # noqa: PLR0913 - all that it shows
        cls,
        slots: Slots,
        ledger: Ledger,
        readers: Readers,
        *,
        instance: str,
        lost_events: Callable[[], EventTrouble | None],
        mlflow_url: str | None,
        clock: Callable[[], float] = time.time,
    ) -> "Console":
        """Of these slots; `clock` gives seconds since 1970. On the loop that it is to run on."""
        series = TimeSeries(clock)
        beside = Beside("console")
        texts = ModelsTexts(slots, clock, instance, lost_events, beside)
        stream = StatusStream(slots, ledger, series, texts, instance, beside)
        report = ConsoleReport(
            instance=instance,
            podium_version=metadata.version("podium"),
            mlflow_url=mlflow_url,
            admin=readers.admin.exists,
            keys=readers.keys is not None,
        )
        routers = (
            stats_router(series, instance),
            events_router(stream.watchers, readers.admin),
            console_settings_router(report),
            console_page_router(),
        )
        return cls(series, stream, routers)
