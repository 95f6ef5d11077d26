"""Models' traces are handed on to MLflow by a process that takes nothing else."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio
from mlflow import MlflowClient

from service.errors import PassingFault
from service.following.ports import Staged
from service.processes.front.child import Child
from service.processes.front.output import OnLine
from service.processes.parcels import Sender
from service.registry.forwarder.front import Forwarder, ForwardingTimes
from service.registry.forwarder.wire import TraceFault, TraceOutcome
from service.zygote.front.handle import Zygote
from tests.host.traced_models import ask, row, saved_traced, stage
from tests.hosting.rows import Counts
from tests.support.tracking import free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

SECONDS = 60
DOWN = "down"
NONSENSE = (b"", b"\x00\xff", b"{}", b"[[]]", b'{"info": {}, "data": {"spans": []}}')


@dataclass
class Told:
    """What forwarding has told."""

    counts: dict[TraceOutcome, int] = field(default_factory=lambda: dict.fromkeys(TraceOutcome, 0))
    faults: list[TraceFault | None] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def traces(self, outcome: TraceOutcome, count: int) -> None:
        self.counts[outcome] += count

    def traces_fail(self, fault: TraceFault | None) -> None:
        self.faults.append(fault)

    def forwarder_ended(self, reason: str) -> None:
        self.endings.append(reason)

    def forwarder_printed(self, stream: str, line: str) -> None:
        self.lines.append(line)


@dataclass
class Forwarded:
    """A forwarder, what it tells, and a model whose traces go there."""

    forwarder: Forwarder
    told: Told
    servable: Staged

    async def predict(self, *values: float) -> None:
        """Each in a request of its own, all answered."""
        for value in values:
            assert await ask(self.servable, row(value)) == [2 * value]

    async def until(self, outcome: TraceOutcome, count: int) -> None:
        """Returns when so many traces have come to that."""
        async with asyncio.timeout(SECONDS):
            while self.told.counts[outcome] < count:
                await self.forwarder.look()
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture(loop_scope="session")
async def forwarded(
    zygote: Zygote, environment: Mapping[str, str], traced: Path
) -> AsyncIterator[Forwarded]:
    """Running, with the model loaded."""
    told = Told()
    forwarder = Forwarder(zygote, environment, told, ForwardingTimes(drain=1.0))
    await forwarder.look()
    servable = await stage(zygote, traced, Counts(), forwarder.address)
    try:
        yield Forwarded(forwarder, told, servable)
    finally:
        await servable.predictor.close()
        await forwarder.close()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tests/models/traced.py`, saved."""
    return saved_traced(tmp_path_factory.mktemp("traced"))


@pytest.fixture
def environment(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The session's MLflow, and an experiment of the test's own, which is not there yet.

    With the parameter `DOWN`, an MLflow that nobody has started.
    """
    if getattr(request, "param", "") == DOWN:
        return {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{free_port()}"}
    url = request.getfixturevalue("mlflow_server")
    return {"MLFLOW_TRACKING_URI": url, "MLFLOW_EXPERIMENT_NAME": request.node.name}


async def test_w3_traces_of_a_model_reach_mlflow_whole(
    forwarded: Forwarded, environment: Mapping[str, str]
) -> None:
    """With all spans, in the experiment that the operator names; what is not a trace does not."""
    sender = Sender(forwarded.forwarder.address)
    for data in NONSENSE:
        sender.send(partial(bytes, data))
    sender.close()
    await forwarded.predict(1.0, 2.0, 4.0)
    await forwarded.until(TraceOutcome.SENT, 3)
    await forwarded.until(TraceOutcome.FAILED, len(NONSENSE))
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name(environment["MLFLOW_EXPERIMENT_NAME"])
    assert experiment is not None
    traces = client.search_traces(locations=[experiment.experiment_id])
    assert {tuple(span.name for span in trace.data.spans) for trace in traces} == {
        ("doubled", "inner")
    }
    assert sorted(trace.data.spans[0].outputs for trace in traces) == [[2.0], [4.0], [8.0]]
    assert {trace.info.tags["team"] for trace in traces} == {"iris"}
    assert forwarded.told.endings == []


async def test_w3_forwarder_that_died_is_replaced_and_hosts_find_it(forwarded: Forwarded) -> None:
    """At the same address; what was lost meanwhile is counted."""
    await forwarded.predict(1.0)
    await forwarded.until(TraceOutcome.SENT, 1)
    child = forwarded.forwarder._child
    assert child is not None
    await child.end()
    await forwarded.predict(2.0)
    assert await forwarded.forwarder.look() > 1.0  # a pause before another is started
    await forwarded.forwarder.look()
    await forwarded.predict(4.0)
    await forwarded.until(TraceOutcome.SENT, 2)
    await forwarded.until(TraceOutcome.DROPPED, 1)
    assert len(forwarded.told.endings) == 1


@pytest.mark.parametrize("environment", [DOWN], indirect=True)
async def test_w3_server_that_is_down_costs_predictions_nothing(forwarded: Forwarded) -> None:
    """Told once, with a code; the log has nothing of what the traces hold."""
    await forwarded.predict(*[4242.5] * 3)
    await forwarded.until(TraceOutcome.FAILED, 3)
    assert forwarded.told.faults == [TraceFault.UNREACHABLE]
    assert "4242.5" not in json.dumps(forwarded.told.lines)


async def test_w3_forwarder_that_cannot_start_for_a_day_is_tried_again_after_a_minute() -> None:
    """However often that was: a power of the number of failures would be none at last."""

    class Exhausted:
        async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
            raise PassingFault("start", "no_process", "No process could be started.")

    forwarder = Forwarder(Exhausted(), {}, Told())
    pauses = [await forwarder.look() for _ in range(1100)]
    assert pauses[:3] == [2.0, 4.0, 8.0]
    assert pauses[-1] == 60.0
