"""MLflow inside a host: traces vanish, what needs a server fails at once, nothing is written."""

import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from service.config.environment import host_environment
from service.following.ports import Staged
from service.hosting.specification import HOST_ROLE
from service.zygote.front.handle import Zygote
from service.zygote.front.spawning import ZygoteCommand
from tests.host.traced_models import AGENTS, ask, row, saved, saved_traced, stage
from tests.hosting.rows import Counts
from tests.models.traced import ALLOWED, ASKED, OWN_SERVER
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")

StageModel = Callable[[Path], Awaitable[Staged]]
# MLflow tries ten times to make its database where it cannot, which takes a minute and a half.
PROMPT_SECONDS = 30


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Where processes of the tests might leave something, but for the folder that they are in."""
    return {name: tmp_path_factory.mktemp(name.lower()) for name in ("HOME", "TMPDIR")}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def confined(places: dict[str, Path]) -> AsyncIterator[Zygote]:
    """A zygote in a folder that nobody may write to, root neither; so are all hosts."""
    environment = host_environment(os.environ, hosts=2)
    environment |= {name: str(place) for name, place in places.items()}
    zygote = Zygote(ZygoteCommand((HOST_ROLE,), environment))
    with contextlib.chdir("/proc"):
        await zygote.start()
    yield zygote
    await zygote.close()


@pytest_asyncio.fixture(loop_scope="session")
async def staged(confined: Zygote, counts: Counts) -> AsyncIterator[StageModel]:
    """Stages saved models; ends them afterwards."""
    made: list[Staged] = []

    async def one(place: Path) -> Staged:
        made.append(await stage(confined, place, counts))
        return made[-1]

    yield one
    for each in made:
        await each.predictor.close()


@pytest.fixture
def counts() -> Counts:
    """Told by hosts."""
    return Counts()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tests/models/traced.py`, saved."""
    return saved_traced(tmp_path_factory.mktemp("traced"))


@pytest.fixture
def nothing_left(places: dict[str, Path]) -> Iterator[None]:
    """Afterwards nothing of MLflow's is found where a host may write."""
    yield
    left = [path for place in places.values() for path in place.rglob("*")]
    assert [path for path in left if path.name in {"mlflow.db", "mlruns", ".trash"}] == []


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize("code", AGENTS)
async def test_w4_agent_answers_where_nothing_can_be_written(
    code: str, staged: StageModel, counts: Counts, tmp_path: Path
) -> None:
    """Every agent of MLflow's is traced."""
    began = time.monotonic()
    servable = await staged(saved(tmp_path, code))
    for _ in range(3):
        assert "hello" in str(await ask(servable, AGENTS[code]))
    assert time.monotonic() - began < PROMPT_SECONDS
    assert "hello" not in "".join(counts.lines)


@pytest.mark.usefixtures("nothing_left")
async def test_w3_traces_vanish_and_their_spans_can_be_asked(
    traced: Path, staged: StageModel, counts: Counts
) -> None:
    """A model that writes to the span that it is in is answered; nothing of it is told."""
    servable = await staged(traced)
    assert await ask(servable, row(4242.5)) == [8485.0]
    assert [line for line in counts.lines if "4242.5" in line or "trace" in line.lower()] == []


@pytest.mark.usefixtures("nothing_left")
async def test_w3_what_needs_a_server_fails_at_once_and_says_why(
    traced: Path, staged: StageModel
) -> None:
    """Runs, metrics, models of the registry, artifacts, prompts, experiments, logged models."""
    servable = await staged(traced)
    for value in ASKED:
        assert "PODIUM_MODEL_TRACKING" in str(await ask(servable, row(value)))
    assert await ask(servable, row(1.0)) == [2.0]


async def test_w3_model_that_names_a_server_of_its_own_is_traced_there(
    traced: Path, staged: StageModel, counts: Counts
) -> None:
    """MLflow does then what its author wants of it."""
    servable = await staged(traced)
    assert await ask(servable, row(OWN_SERVER)) == [2 * OWN_SERVER]
    await until(lambda: "recorded" in counts.lines, PROMPT_SECONDS, "its span is a real one")


@pytest.mark.usefixtures("nothing_left")
async def test_w3_what_needs_no_server_is_let_be(traced: Path, staged: StageModel) -> None:
    """To make a client, to say where traces would go, to turn tracing off and on."""
    servable = await staged(traced)
    for value in ALLOWED:
        assert await ask(servable, row(value)) == [2 * value]
    assert await ask(servable, row(1.0)) == [2.0]
