"""Real registry children, and MLflow's stores around them."""

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from service.processes.front.child import Child
from service.processes.front.output import OnLine
from service.registry.front.client import Cache, MlflowRegistry, RegistryDeadlines
from service.registry.front.remembered import LookStrategy
from service.registry.wire import LONGEST_PAGE
from service.zygote.front.handle import Zygote
from tests.registry.stores import FakeStore, MlflowStore, Store
from tests.support.tracking import copy_database

PATIENT = RegistryDeadlines(look=60.0, fetch=60.0)


@dataclass
class Watched:
    """`service.processes.front.child.Forks` that remembers whom it has made and what they print."""

    forks: Zygote
    children: list[Child] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        child = await self.forks.fork(role, max_body_bytes, on_line)
        self.children.append(child)
        return child

    def printed(self, stream: str, line: str) -> None:
        """What a registry tells of its children."""
        self.lines.append(line)


MakeRegistry = Callable[..., MlflowRegistry]


@pytest.fixture
def forks(zygote: Zygote) -> Watched:
    """The session's zygote, watched."""
    return Watched(zygote)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """The folder that artifacts are fetched into."""
    return tmp_path / "cache"


@pytest_asyncio.fixture(loop_scope="session")
async def make_registry(forks: Watched, cache: Path) -> AsyncIterator[MakeRegistry]:
    """Makes registries of an MLflow's address; closes them afterwards."""
    made: list[MlflowRegistry] = []

    def make(
        uri: str,
        deadlines: RegistryDeadlines = PATIENT,
        cache_bytes: int = 1024**3,
        **environment: str,
    ) -> MlflowRegistry:
        environment["MLFLOW_TRACKING_URI"] = uri
        kept = Cache(cache, cache_bytes)
        made.append(MlflowRegistry(forks, environment, kept, forks.printed, deadlines))
        return made[-1]

    yield make
    for registry in made:
        await registry.close()


@pytest.fixture(scope="session")
def database_uri(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """One SQLite for all tests of this folder, as `sqlite:///...`; use names of your own on it."""
    folder = tmp_path_factory.mktemp("registry")
    return f"sqlite:///{copy_database(migrated_database, folder)}"


@pytest.fixture
def mlflow_store(make_registry: MakeRegistry, database_uri: str, tmp_path: Path) -> MlflowStore:
    """MLflow over SQLite, with a cache of this test's own."""
    return MlflowStore(make_registry(database_uri), database_uri, tmp_path)


@dataclass
class Searching(LookStrategy):
    """Searches whatever is followed, and in a registry of any size."""

    least: int = 1
    models_for_a_question: int = LONGEST_PAGE


KINDS = ["fake", "sqlite", "sqlite, by search", "server", "server, by search"]


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=KINDS)
async def store(
    request: pytest.FixtureRequest, zygote: Zygote, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Store]:
    """Each kind of registry in turn, with the child that looks kept from test to test."""
    kind, _, way = request.param.partition(", ")
    if kind == "fake":
        yield FakeStore()
        return
    uri = request.getfixturevalue("database_uri" if kind == "sqlite" else "mlflow_server")
    folder = tmp_path_factory.mktemp(kind)
    forks = Watched(zygote)
    environment = {"MLFLOW_TRACKING_URI": uri}
    survey = Searching() if way else LookStrategy(least=LONGEST_PAGE)
    kept = Cache(folder / "cache")
    registry = MlflowRegistry(forks, environment, kept, forks.printed, PATIENT, survey=survey)
    yield MlflowStore(registry, uri, folder)
    await registry.close()


@pytest.fixture
def name() -> str:
    """A model's name that no other test uses."""
    return f"model {secrets.token_hex(4)}"
