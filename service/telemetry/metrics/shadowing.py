"""What shadows have come to, read when a scrape asks: the counts of two versions end with these."""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.refs import ModelRef
from service.shadowing.shadow_line import ShadowLine
from service.telemetry.metrics.lives import SLOT_VERSION

_LABELS: Final = (*SLOT_VERSION, "shadow_version")


class HasLines(Protocol):
    """`service.shadowing.shadowing.Shadowing`."""

    @property
    def lines(self) -> Mapping[ModelRef, ShadowLine]:
        """Of every slot whose shadow has heard of anything."""
        ...


class ShadowCollector(Collector):
    """Requests, rows and what waits, of every slot whose shadow has heard of anything."""

    def __init__(self, shadowing: HasLines) -> None:
        self._shadowing = shadowing

    def describe(self) -> Iterable[Metric]:
        """The names alone."""
        return _families().values()

    def collect(self) -> Iterable[Metric]:
        """As it is now."""
        families = _families()
        # A scrape is written beside the loop, where slots come and go.
        for ref, line in list(self._shadowing.lines.items()):
            _add(families, ref, line)
        return families.values()


def _add(families: Mapping[str, Metric], ref: ModelRef, line: ShadowLine) -> None:
    versions, tally = line.versions, line.tally
    if versions is None:
        return
    of = (ref.name, ref.alias, versions.served.version, versions.heard.version)
    requests = {
        "equal": tally.compared - tally.differed,
        "different": tally.differed,
        "failed": tally.served_failed.total(),
        "shadow_failed": tally.heard_failed.total(),
        "both_failed": tally.both_failed,
    }
    rows = {each: getattr(tally.rows, each) for each in ("equal", "close", "different")}
    _count(families["requests"], of, requests)
    _count(families["rows"], of, rows)
    _count(families["dropped"], of, {str(why): n for why, n in tally.dropped.copy().items()})
    families["waiting"].add_metric((ref.name, ref.alias), len(line.waiting))  # type: ignore[attr-defined]
    families["held"].add_metric((ref.name, ref.alias), line.held)  # type: ignore[attr-defined]


def _count(family: Metric, of: tuple[str, ...], counts: Mapping[str, int]) -> None:
    for kind, count in counts.items():
        family.add_metric((*of, kind), count)  # type: ignore[attr-defined]


def _families() -> Mapping[str, Metric]:
    return {
        "requests": CounterMetricFamily(
            "podium_shadow_requests_total",
            "Requests that a shadow has predicted too, by what the two answers came to.",
            labels=(*_LABELS, "outcome"),
        ),
        "rows": CounterMetricFamily(
            "podium_shadow_rows_total",
            "Rows of requests that were compared with a shadow's answers.",
            labels=(*_LABELS, "outcome"),
        ),
        "dropped": CounterMetricFamily(
            "podium_shadow_dropped_total",
            "Requests that a shadow was to hear of, and that nothing is known of, by why.",
            labels=(*_LABELS, "reason"),
        ),
        "waiting": GaugeMetricFamily(
            "podium_shadow_waiting_requests",
            "Requests that wait for a shadow.",
            labels=("model", "alias"),
        ),
        "held": GaugeMetricFamily(
            "podium_shadow_held_bytes",
            "What requests that a shadow is to hear of hold.",
            labels=("model", "alias"),
        ),
    }
