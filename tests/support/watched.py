"""Slots, and metrics that watch them, without a service."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, generate_latest

from service.following.slots import Slots
from service.patterns import RefPattern
from service.predicting.request import RequestRecord
from service.refs import ModelRef, VersionId
from service.telemetry.metrics.metrics import Metrics
from tests.support.serving import make_binding


class Watched:
    """Slots, metrics that watch them, and a clock that moves when told."""

    def __init__(self, *refs: ModelRef, patterns: Sequence[RefPattern] = ()) -> None:
        self.now = 0.0
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry, lambda: self.now)
        self.slots = Slots(refs, patterns)
        self.metrics.watch(self.slots, lambda: self.now)

    def serve(self, ref: ModelRef, version: str) -> None:
        """Swaps, and answers a request by it."""
        self.slots[str(ref)].serve(make_binding(ref, version))
        identity = VersionId(ref.name, 1, version)
        self.metrics.serves(ref, identity)
        self.metrics.following.swapped(ref, None, identity, {"load": 0.1})
        self.answer(ref, version)

    def answer(self, ref: ModelRef, version: str) -> None:
        """A request by that version, in one call."""
        record = RequestRecord(str(ref), "predict", version, 200, 0.1, 1, "", None)
        self.metrics.http.answered(record)
        self.metrics.hosting.pool(VersionId(ref.name, 1, version)).batch(1, 0.1, ref.alias)

    def pass_by(self, seconds: float) -> None:
        """Time, with a look at its end."""
        self.now += seconds
        self.metrics.look()

    def shown(self, *wanted: str) -> list[str]:
        """The series of which all of that is a part."""
        lines = generate_latest(self.registry).decode().splitlines()
        return [line for line in lines if line[0] != "#" and all(each in line for each in wanted)]

    def count(self, name: str, ref: ModelRef, version: str) -> float | None:
        """How many observations a histogram has of the two."""
        labels = {"model": ref.name, "alias": ref.alias, "version": version}
        return self.registry.get_sample_value(f"{name}_count", labels)
