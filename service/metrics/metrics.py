"""Prometheus metrics, fed by observers: names and labels are a public interface.

Labels come from configuration and from the registry's versions, never from a request. What can be
read off the slots is read when a scrape asks, so no series outlives what it describes.
"""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry

from service.following.slots import Slots
from service.metrics.background import BackgroundMetrics
from service.metrics.following import FollowingMetrics
from service.metrics.hosting import HostingMetrics
from service.metrics.http import HttpMetrics
from service.metrics.residency import ResidencyMetrics


class Metrics:
    """Everything that is counted, in one registry, by the room that counts it."""

    def __init__(
        self, registry: CollectorRegistry, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.registry = registry
        self.http = HttpMetrics(registry)
        self.following = FollowingMetrics(registry, monotonic)
        self.hosting = HostingMetrics(registry)
        self.background = BackgroundMetrics(registry)
        self.residency = ResidencyMetrics(registry)

    def watch(self, slots: Slots, clock: Callable[[], float] = time.time) -> None:
        """Shows these slots from now on; `clock` gives seconds since 1970."""
        self.following.watch(slots, clock)
        self.hosting.watch(slots)
        self.http.watch(slots)
