"""What a model finds around it in a host: draws of its own, and what the operator gives it."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.hosting.pool import Pool
from service.hosting.specification import PoolLimits, Surroundings
from service.hosting.starting import LocalHost
from service.processes.front.child import Child
from tests.hosting.conftest import MakePool
from tests.hosting.rows import Counts, double_rows
from tests.models import surrounded
from tests.support import models
from tests.support.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning"),
]
SECONDS = 60
CONFIG = {"pool": False, "scale": 1, "kept": "as logged"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model that tells what it finds."""
    folder = tmp_path_factory.mktemp("models")
    return models.save(folder, "surrounded", example=None, config=CONFIG)


async def found(pool: Pool, what: int, times: int = 1) -> list[dict[str, Any]]:
    """What so many requests of one moment are told, each by an idle host if there is one."""
    asked = (pool.predict(double_rows(what)) for _ in range(times))
    async with asyncio.timeout(SECONDS):
        answers = await asyncio.gather(*asked)
    return [orjson.loads(orjson.loads(answer)[0]) for answer in answers]


async def one(pool: Pool, what: int) -> Any:
    """What one request is told."""
    ((told),) = await found(pool, what)
    return told["found"]


def host(pool: Pool) -> Child:
    """The only one."""
    (only,) = pool._hosts
    assert isinstance(only, LocalHost)
    return only.child


async def test_w2_hosts_and_those_that_replace_them_share_no_draw(
    place: Path, make_pool: MakePool
) -> None:
    """Two hosts, then two that came after they were killed: none draws what another has drawn."""
    counts = Counts()
    two = {"limits": PoolLimits(hosts=2), "joinable": False, "example": False}
    pool = await make_pool(place, counts=counts, **two)
    told = await found(pool, surrounded.DRAW, 2)
    for each in list(pool._hosts):
        os.kill(each.pid, signal.SIGKILL)
    await until(lambda: len(counts.restarts) == 2 and len(pool._hosts) == 2, SECONDS, "replaced")
    told += await found(pool, surrounded.DRAW, 2)
    assert len({each["pid"] for each in told}) == 4
    for kind in told[0]["found"]:
        assert len({str(each["found"][kind]) for each in told}) == 4, kind


async def test_o2_model_has_the_variables_that_it_is_given(
    place: Path, make_pool: MakePool, tmp_path: Path
) -> None:
    """And what it starts has them; modules of PYTHONPATH are found last, never Podium's own."""
    ours = Path(__file__).parents[2]
    variables = {"OPENAI_API_KEY": "hunter2", "PYTHONPATH": f"{tmp_path}:{ours}:"}
    given = Surroundings(variables)
    pool = await make_pool(place, example=False, surroundings=given)
    told = await one(pool, surrounded.TELL)
    assert told["variables"].items() >= variables.items()
    assert "OPENAI_API_KEY=hunter2" in told["inherited"]
    assert told["path"][-1] == str(tmp_path)
    assert str(ours) not in told["path"]
    started_with = Path(f"/proc/{host(pool).pid}/environ").read_bytes()
    assert b"hunter2" not in started_with
    assert "hunter2" not in repr(pool._model)


async def test_o2_model_that_is_given_nothing_has_no_variable_more(
    place: Path, make_pool: MakePool
) -> None:
    """Whatever another one of the same zygote was given."""
    given = Surroundings({"OPENAI_API_KEY": "hunter2"})
    await make_pool(place, example=False, surroundings=given)
    pool = await make_pool(place, example=False)
    assert "OPENAI_API_KEY" not in (await one(pool, surrounded.TELL))["variables"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (None, CONFIG),
        ("{}", CONFIG),
        ('{"scale": 9, "unknown": 1}', {**CONFIG, "scale": 9}),
    ],
)
async def test_w6_configuration_overrides_what_the_model_was_logged_with(
    place: Path, make_pool: MakePool, config: str | None, expected: dict[str, Any]
) -> None:
    """Key by key, and as MLflow does it: what the model does not know is left out."""
    pool = await make_pool(place, example=False, surroundings=Surroundings({}, config))
    assert (await one(pool, surrounded.TELL))["config"] == expected


async def test_p2_what_a_models_processes_leave_is_reaped(place: Path, make_pool: MakePool) -> None:
    """Two orphans a request; what the model itself has started keeps its exit status for it."""
    pool = await make_pool(place, example=False)
    child = host(pool)
    own = await one(pool, surrounded.START)
    for _ in range(20):
        assert await one(pool, surrounded.ORPHANS) == 5
    await until(lambda: below(child) == {child.pid, own}, SECONDS, "only they are left")
    assert await one(pool, surrounded.ASK) == surrounded.STATUS
    os.kill(child.pid, signal.SIGKILL)
    await until(lambda: pool._hosts and host(pool) is not child, SECONDS, "it is replaced")
    assert await one(pool, surrounded.ORPHANS) == 5


def below(child: Child) -> set[int]:
    """Of the child's keeper and the child, every child, zombies too."""
    return {
        int(pid)
        for parent in (child.keeper, child.pid)
        for thread in Path(f"/proc/{parent}/task").iterdir()
        for pid in (thread / "children").read_text().split()
    }


async def test_p3_pool_of_processes_outlives_the_thread_that_made_it(
    place: Path, make_pool: MakePool
) -> None:
    """And ends with its host."""
    given = Surroundings({}, '{"pool": true}')
    pool = await make_pool(place, example=False, surroundings=given)
    workers = below(host(pool)) - {host(pool).pid}
    assert len(workers) == 2
    assert await one(pool, surrounded.POOL) == [1, 2, 3]
    await pool.close()
    await until(
        lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), SECONDS, "they ended"
    )
