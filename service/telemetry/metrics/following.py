"""What following counts: looks, swaps and refusals."""

from collections.abc import Callable, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from service.following.slot_status import Failure
from service.refs import ModelRef, VersionId
from service.telemetry.metrics.lives import SLOT

# Up to the default limit of a load; few, since each slot has them for each stage.
_STAGE_SECONDS = (0.1, 0.5, 1.0, 5.0, 30.0, 120.0, 600.0)
_ENVIRONMENTS = ("built", "there", "stood_in")
_BAKED = ("proven", "unproven", "gave_way")
_SWAPPED, _REFUSED, _PREPARED = "swapped", "refused", "prepared"


class FollowingMetrics:
    """Told of looks and of what came of them; `service.telemetry.metrics.lives.Series`.

    `monotonic` is in seconds.
    """

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        counter = partial(Counter, registry=registry)
        self._swaps = counter(
            "podium_swaps_total", "Versions swapped in, and versions refused.", (*SLOT, "outcome")
        )
        self._refusals = counter(
            "podium_version_refusals_total",
            "Versions refused, by the stage at which and the code of why.",
            (*SLOT, "stage", "code"),
        )
        self._preparations = Counter(
            "podium_preparations_total",
            "Versions made ready before an alias moved there, and those that could not be.",
            (*SLOT, "outcome"),
            registry=registry,
        )
        self._bakes = counter(
            "podium_bakes_total",
            "How versions have baked: proven, unproven (watched for longer, for want of requests), "
            "or gave_way to the version that was proven before.",
            (*SLOT, "outcome"),
        )
        self._environments = counter(
            "podium_environments_total",
            "Environments that versions were given: built for them, there already, or Podium's own "
            "that stood in for one that could not be built.",
            ("outcome",),
        )
        for outcome in _ENVIRONMENTS:
            self._environments.labels(outcome)
        self._swap_seconds = Histogram(
            "podium_swap_seconds",
            "Time that each stage of a swap took.",
            (*SLOT, "stage"),
            buckets=_STAGE_SECONDS,
            registry=registry,
        )
        self.ledger_failed = counter(
            "podium_ledger_failures_total",
            "Writes of the ledger that failed; its entries are kept in memory.",
        ).inc
        self._looked_at = monotonic()
        Gauge(
            "podium_registry_look_age_seconds",
            "Since the registry last answered a look-up; since the start before it ever did.",
            registry=registry,
        ).set_function(lambda: self._monotonic() - self._looked_at)

    def slot_came(self, ref: ModelRef) -> None:
        """A counter that begins with its first event hides that event from rate()."""
        for outcome in (_SWAPPED, _REFUSED):
            self._swaps.labels(ref.name, ref.alias, outcome)
        for outcome in _BAKED:
            self._bakes.labels(ref.name, ref.alias, outcome)
        for outcome in (_PREPARED, _REFUSED):
            self._preparations.labels(ref.name, ref.alias, outcome)

    def version_came(self, ref: ModelRef, version: str) -> None:
        """Nothing: swaps are counted by slot."""

    def version_left(self, ref: ModelRef, version: str) -> None:
        """Nothing, either."""

    def slot_left(self, ref: ModelRef) -> None:
        """Nothing is told of its swaps any more."""
        families = (self._swaps, self._refusals, self._preparations, self._bakes)
        for family in (*families, self._swap_seconds):
            family.remove_by_labels({"model": ref.name, "alias": ref.alias})

    def looked(self, failure: Failure | None) -> None:
        """The registry was asked; only an answer makes the look young again."""
        if failure is None:
            self._looked_at = self._monotonic()

    def swapped(
        self, ref: ModelRef, old: VersionId | None, new: VersionId, stages: Mapping[str, float]
    ) -> None:
        """A version has been swapped in; `stages` in seconds."""
        self._swaps.labels(ref.name, ref.alias, _SWAPPED).inc()
        for stage, seconds in stages.items():
            self._swap_seconds.labels(ref.name, ref.alias, stage).observe(seconds)

    def baked(self, ref: ModelRef, outcome: str) -> None:
        """The bake of a version has come to that."""
        self._bakes.labels(ref.name, ref.alias, outcome).inc()

    def environment(self, outcome: str) -> None:
        """A version was given one."""
        self._environments.labels(outcome).inc()

    def refused(self, ref: ModelRef, version: VersionId, failure: Failure) -> None:
        """A version was not swapped in."""
        self._swaps.labels(ref.name, ref.alias, _REFUSED).inc()
        self._refusals.labels(ref.name, ref.alias, failure.stage, failure.code).inc()

    def prepared(self, ref: ModelRef) -> None:
        """A version is ready for the slot, should its alias move there."""
        self._preparations.labels(ref.name, ref.alias, _PREPARED).inc()

    def not_prepared(self, ref: ModelRef) -> None:
        """A version could not be made ready for it."""
        self._preparations.labels(ref.name, ref.alias, _REFUSED).inc()
