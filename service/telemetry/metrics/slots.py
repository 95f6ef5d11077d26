"""What slots serve and how they are, read when a scrape asks: no series outlives its slot."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.following.slot_status import SlotStatus, State
from service.following.slots import Slots
from service.split_tag import WHOLE
from service.telemetry.metrics.lives import SLOT, SLOT_VERSION

_STATES: Final[tuple[State, ...]] = get_args(State)


class SlotCollector(Collector):
    """Versions, states, lag and failures of these slots; `clock` gives seconds since 1970."""

    def __init__(self, slots: Slots, clock: Callable[[], float]) -> None:
        self._slots = slots
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        """The names alone."""
        return _families().values()

    def collect(self) -> Iterable[Metric]:
        """As it is now."""
        families, now = _families(), self._clock()
        for slot in self._slots.values():
            _add(families, slot.status, now)
        return (*families.values(), *self._left_out())

    def _left_out(self) -> Iterable[Metric]:
        if not self._slots.patterns:
            return ()
        help_text = (
            "What patterns of PODIUM_MODELS mean beyond PODIUM_MAX_SLOTS, which is not served."
        )
        return (GaugeMetricFamily("podium_slots_left_out", help_text, self._slots.left_out),)


def _add(families: Mapping[str, GaugeMetricFamily], slot: SlotStatus, now: float) -> None:
    ref, version, since = (slot.ref.name, slot.ref.alias), slot.version, slot.since
    if version is not None:
        families["info"].add_metric((*ref, version.version), 1)
        if since is not None:
            families["since"].add_metric((*ref, version.version), since)
    for state, holds in _states(slot).items():
        families["state"].add_metric((*ref, state), holds)
    families["lag"].add_metric(ref, slot.lag(now))
    for arm in slot.arms:
        answers = "" if arm.version is None else arm.version.version
        families["share"].add_metric((*ref, arm.ref.alias, answers), arm.weight / WHOLE)
    failure = slot.failure
    if failure is not None:
        failed = "" if failure.version is None else failure.version.version
        families["failure"].add_metric((*ref, failed, failure.stage, failure.code), 1)


def _states(slot: SlotStatus) -> Mapping[str, bool]:
    now = slot.state
    states: dict[str, bool] = {state: state == now for state in _STATES}
    return states | {
        "ready": slot.ready,
        "missing": slot.missing,
        "alias_missing": slot.gone,
        "last_known_good": slot.on_last_known_good,
        "held": slot.held is not None,
        "blocked": slot.blocked is not None,
        "baking": slot.bake is not None,
        "gave_way": slot.verdict is not None,
    }


def _families() -> Mapping[str, GaugeMetricFamily]:
    return {
        "info": GaugeMetricFamily(
            "podium_slot_info", "1, with the version that serves.", labels=SLOT_VERSION
        ),
        "since": GaugeMetricFamily(
            "podium_slot_swapped_timestamp_seconds",
            "When the version that serves was swapped in, in seconds since 1970.",
            labels=SLOT_VERSION,
        ),
        "state": GaugeMetricFamily(
            "podium_slot_state",
            "1 for the state that the slot is in; and, whatever that is, for ready where it can "
            "answer, for alias_missing where the registry has no such alias or model, for missing "
            "where that leaves it nothing to serve, for last_known_good where it serves that, for "
            "held where it stays on what it serves, for blocked where an operator has blocked "
            "what it serves, should serve, or its alias is on, for baking where what it serves has "
            "to show that it does no worse than what was proven, and for gave_way where what its "
            "alias is on did worse.",
            labels=(*SLOT, "state"),
        ),
        "lag": GaugeMetricFamily(
            "podium_alias_lag_seconds",
            "For how long the slot has not served what its alias points to; 0 where it does.",
            labels=SLOT,
        ),
        "share": GaugeMetricFamily(
            "podium_slot_share_ratio",
            "Which part of the slot's requests each of its arms gets, its own version too; of a "
            "slot that shares them.",
            labels=(*SLOT, "arm", "version"),
        ),
        "failure": GaugeMetricFamily(
            "podium_slot_failure",
            "1 while the slot has failed at something that was not put right since, with the code.",
            labels=(*SLOT_VERSION, "stage", "code"),
        ),
    }
