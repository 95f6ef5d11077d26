"""Models logged years ago, in an environment of their time: one of those of `make environments`."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from service.config.environment import host_environment
from service.environments.build_settings import EnvironmentSettings, builder_environment
from service.environments.environment import BuiltEnvironment, EnvironmentDelayed
from service.environments.environments import Environments
from service.environments.host_code import HostCode
from service.environments.zygotes import EnvironmentZygotes, HeldZygote
from service.inspector.front import Inspector
from service.zygote.front.handle import Zygote
from tests.environments.eras import ERAS, Era, minor_of, public_index, pythons
from tests.environments.serving import Trained, answered, staged, trained_by
from tests.processes.orders import Lines

# What is built here takes a busy machine long.
pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(1800)]
SECONDS = 1200


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def environments(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Environments, Era, str]]:
    """And the oldest libraries that this machine can have, with the Python for them."""
    folder = tmp_path_factory.mktemp("environments")
    settings = EnvironmentSettings(folder, builder_environment=builder_environment(public_index()))
    found = await pythons(settings)
    pairs = [(era, each) for era in ERAS for each in found if minor_of(each) in era.pythons]
    made = Environments(settings)
    yield made, *pairs[0]
    await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def built(environments: tuple[Environments, Era, str]) -> BuiltEnvironment:
    """Built from an index; skips where none answers."""
    made, era, python = environments
    try:
        async with asyncio.timeout(SECONDS):
            return await made.environment(era.wish(python))
    except EnvironmentDelayed as delayed:
        if delayed.reason != "index_unreachable":
            raise
        pytest.skip(f"no package index answers: {delayed}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trained(
    environments: tuple[Environments, Era, str],
    built: BuiltEnvironment,
    tmp_path_factory: pytest.TempPathFactory,
) -> Trained:
    """By the libraries of that environment."""
    place = tmp_path_factory.mktemp("trained") / "model"
    return await asyncio.to_thread(trained_by, built.interpreter, place, environments[1])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def held(
    built: BuiltEnvironment, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[HeldZygote]:
    """Forks of that environment."""
    code = HostCode(tmp_path_factory.mktemp("code"))
    zygotes = EnvironmentZygotes(code, host_environment(os.environ, hosts=1))
    async with asyncio.timeout(SECONDS):
        yield await zygotes.of(built)
    await zygotes.close()


async def test_p17_hosts_in_an_environment_of_years_ago_answer_as_the_model_itself(
    held: HeldZygote, zygote: Zygote, trained: Trained
) -> None:
    """150 rows, to the last bit of each probability."""
    servable = await staged(held, zygote, trained.place)
    answers = await answered(servable, trained.request)
    await servable.predictor.close()
    assert len(answers) == 150
    assert answers == trained.answers


async def test_p17_model_in_its_own_environment_finds_nothing_of_podium(
    built: BuiltEnvironment, held: HeldZygote, zygote: Zygote, trained: Trained
) -> None:
    """Neither its modules nor its libraries; only folders of its own Python are looked into."""
    servable = await staged(held, zygote, trained.seeing)
    seen = await answered(servable, trained.request)
    await servable.predictor.close()
    python = Path(os.path.realpath(built.interpreter)).parents[1]
    outside = [
        each
        for each in seen
        if not Path(each).is_relative_to(built.folder) and not Path(each).is_relative_to(python)
    ]
    assert outside == []


async def test_p9_inspector_in_an_environment_of_years_ago_trusts_nothing(
    held: HeldZygote, trained: Trained
) -> None:
    """It says what is too old to tell."""
    (objection,) = await Inspector(held, Lines()).inspect(trained.place)
    assert objection.startswith("it runs with mlflow")
    assert objection.endswith("which is trusted from 3.17 on")
