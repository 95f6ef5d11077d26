"""A service that has served a thousand versions holds and shows what it did after ten."""

import gc
import io

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from service.errors import VersionFault
from service.following.ports import FetchedVersion, Staged
from service.following.servable import Binding, Servable
from service.following.slot_status import Failure
from service.hosting.observer import HostingObserver, Purpose
from service.predicting.request import RequestRecord
from service.processes.front.ending import Ending, EndReason
from service.refs import VersionId
from service.telemetry.logs import configure_logs
from service.telemetry.metrics.hosting import PoolMetrics
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import FollowingReport, HostingReport
from tests.following.fakes import World
from tests.support.serving import FakeContract, FakePredictor, staged_with

VERSIONS, FIRST = 1000, 10
# Not VersionId: the ledger remembers thousands of them, and is bounded itself.
OF_A_VERSION = (Servable, Binding, FetchedVersion, PoolMetrics, HostingReport, Failure)


class Predictor(FakePredictor):
    """Tells what a pool tells in its life: its host, its batches, a death, and its end."""

    observer: HostingObserver
    pid: int

    def live(self, observer: HostingObserver, pid: int) -> None:
        """A host starts, predicts, dies, and another takes its place."""
        self.observer, self.pid = observer, pid
        observer.memory(pid, 2**27)
        observer.opened(lambda: {"champion": 3})
        observer.batch(3, 0.001, "champion")
        observer.host_restarted(EndReason.SIGNAL)
        observer.host_ended(Ending(pid, EndReason.SIGNAL, "SIGKILL"), Purpose.SERVING)
        observer.memory(pid + VERSIONS, 2**27)

    async def close(self) -> None:
        """The last host ends."""
        self.observer.closed()
        ending = Ending(self.pid + VERSIONS, EndReason.UNWANTED, "SIGKILL")
        self.observer.host_ended(ending, Purpose.SERVING)


class Life:
    """A follower whose versions come and go, with the service's own metrics and logs."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.metrics = Metrics(self.registry)
        self.logs = configure_logs(io.BytesIO())
        self.world = World(
            keep_warm_seconds=0.0,
            stager=self,
            observer=FollowingReport(self.metrics, self.logs.logger),
        )
        self.metrics.watch(self.world.slots)

    async def stage(self, fetched: FetchedVersion, environment: object) -> Staged:
        """Every third version is refused."""
        number = int(fetched.version.version)
        if number % 3 == 0:
            raise VersionFault("load", "load_failed", "MLflow could not load the model.")
        predictor = Predictor()
        pool = self.metrics.hosting.pool(fetched.version)
        predictor.live(HostingReport(fetched.version, pool, self.logs.logger), number)
        return staged_with(FakeContract(), predictor)

    async def serve(self, number: int) -> None:
        """The alias moves there, the service follows, and is asked."""
        await self.world.follow_to(VersionId("iris", 1, str(number)))
        self.world.registry.fetched.clear()
        for code in (200, 422, 500, 503):
            record = RequestRecord(
                "iris@champion", "predict", str(number), code, 0.001, 1, "", None
            )
            self.metrics.http.answered(record)

    @property
    def shown(self) -> set[str]:
        """Every series of the exposition, without versions and values."""
        lines = generate_latest(self.registry).decode().splitlines()
        return {_without_version(line.rpartition(" ")[0]) for line in lines if line[0] != "#"}

    @property
    def shown_bytes(self) -> int:
        """The size of the exposition."""
        return len(generate_latest(self.registry))


def _without_version(series: str) -> str:
    name, _, labels = series.partition("{")
    kept = [each for each in labels.split(",") if not each.startswith(("version=", "host="))]
    return name + ",".join(kept)


def held() -> int:
    """How many objects there are of which each version has some."""
    gc.collect()
    return sum(isinstance(each, OF_A_VERSION) for each in gc.get_objects())


@pytest.fixture
async def lives() -> Life:
    """A service that has served ten versions."""
    life = Life()
    for number in range(1, FIRST + 1):
        await life.serve(number)
    return life


async def test_p8_thousand_versions_leave_metrics_and_memory_as_ten_did(lives: Life) -> None:
    """Neither a series nor an object for what has been served or refused long ago."""
    series, size, objects = lives.shown, lives.shown_bytes, held()
    for number in range(FIRST + 1, VERSIONS + 1):
        await lives.serve(number)

    assert lives.world.slot.version == VersionId("iris", 1, str(VERSIONS))
    assert lives.shown == series
    # Counts have grown by some digits.
    assert lives.shown_bytes < size * 1.1
    assert held() <= objects
