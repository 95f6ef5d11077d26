"""What following counts: looks, swaps and refusals; what slots serve is read when a scrape asks."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.following.refs import ModelRef, VersionId
from service.following.slots import Failure, Slot, Slots, State
from service.metrics.labels import SLOT

# Up to the default limit of a load.
_STAGE_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_SWAPPED, _REFUSED = "swapped", "refused"
_STATES: Final[tuple[State, ...]] = get_args(State)


class FollowingMetrics:
    """Told of looks and of what came of them. `monotonic` is in seconds."""

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float]) -> None:
        self._registry = registry
        self._monotonic = monotonic
        self._swaps = Counter(
            "podium_swaps_total",
            "Versions swapped in, and versions refused.",
            (*SLOT, "outcome"),
            registry=registry,
        )
        self._swap_seconds = Histogram(
            "podium_swap_seconds",
            "Time that each stage of a swap took.",
            ("stage",),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self._ledger_failures = Counter(
            "podium_ledger_failures_total",
            "Writes of the ledger that failed; its entries are kept in memory.",
            registry=registry,
        )
        self.ledger_failed = self._ledger_failures.inc
        self._looked_at = monotonic()
        Gauge(
            "podium_registry_look_age_seconds",
            "Since the registry last answered a look-up; since the start before it ever did.",
            registry=registry,
        ).set_function(lambda: self._monotonic() - self._looked_at)

    def watch(self, slots: Slots, clock: Callable[[], float]) -> None:
        """Shows these slots' versions and lag from now on; `clock` gives seconds since 1970."""
        self._registry.register(_SlotCollector(slots, clock))
        slots.watch(self._came, self._went)

    def _came(self, slot: Slot) -> None:
        for outcome in (_SWAPPED, _REFUSED):
            # A counter that begins with its first event hides that event from rate().
            self._swaps.labels(slot.ref.name, slot.ref.alias, outcome)

    def _went(self, slot: Slot) -> None:
        # Registries change: what is gone keeps no series.
        for outcome in (_SWAPPED, _REFUSED):
            self._swaps.remove(slot.ref.name, slot.ref.alias, outcome)

    def looked(self, seconds: float, failure: Failure | None) -> None:
        """The registry was asked; only an answer makes the look young again."""
        if failure is None:
            self._looked_at = self._monotonic()

    def swapped(
        self,
        ref: ModelRef,
        old: VersionId | None,
        new: VersionId,
        stages: Mapping[str, float],
    ) -> None:
        """A version has been swapped in; `stages` in seconds."""
        self._swaps.labels(ref.name, ref.alias, _SWAPPED).inc()
        for stage, seconds in stages.items():
            self._swap_seconds.labels(stage).observe(seconds)

    def refused(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        """A version was not swapped in."""
        self._swaps.labels(ref.name, ref.alias, _REFUSED).inc()


class _SlotCollector(Collector):
    def __init__(self, slots: Slots, clock: Callable[[], float]) -> None:
        self._slots = slots
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        return (self._info(), self._states(), self._lag(0.0))

    def collect(self) -> Iterable[Metric]:
        info, states, now = self._info(), self._states(), self._clock()
        for slot in self._slots.values():
            ref = (slot.ref.name, slot.ref.alias)
            version = slot.version
            if version is not None:
                info.add_metric((*ref, version.version), 1)
            for state, holds in _states_of(slot).items():
                states.add_metric((*ref, state), holds)
        lags = [slot.status(now).lag for slot in self._slots.values()]
        return (info, states, self._lag(max(lags, default=0.0)), *self._of_patterns())

    def _of_patterns(self) -> Iterable[Metric]:
        if not self._slots.patterns:
            return ()
        help_text = (
            "What patterns of PODIUM_MODELS mean beyond PODIUM_MAX_SLOTS, which is not served."
        )
        left_out = GaugeMetricFamily("podium_slots_left_out", help_text, self._slots.left_out)
        return (left_out,)

    @staticmethod
    def _info() -> GaugeMetricFamily:
        return GaugeMetricFamily(
            "podium_slot_info", "The version that serves.", labels=(*SLOT, "version")
        )

    @staticmethod
    def _states() -> GaugeMetricFamily:
        help_text = (
            "1 for the state that the slot is in; and, whatever that is, for alias_missing where "
            "the registry has no such alias or model, and for last_known_good where it serves that."
        )
        return GaugeMetricFamily("podium_slot_state", help_text, labels=(*SLOT, "state"))

    @staticmethod
    def _lag(seconds: float) -> GaugeMetricFamily:
        help_text = "The longest for which a slot has not served what its alias points to."
        return GaugeMetricFamily("podium_alias_lag_seconds", help_text, value=seconds)


def _states_of(slot: Slot) -> Mapping[str, bool]:
    now = slot.state
    states: dict[str, bool] = {state: state == now for state in _STATES}
    return states | {"alias_missing": slot.gone, "last_known_good": slot.on_last_known_good}
