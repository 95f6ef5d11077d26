"""Real registry children, and MLflow's stores around them."""

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from service.processes.child import Child
from service.processes.output import OnLine
from service.processes.zygote import Zygote
from service.registry.client import Deadlines, MlflowRegistry
from tests.registry.stores import FakeStore, MlflowStore, Store
from tests.support.zygotes import zygote

__all__ = ["zygote"]

PATIENT = Deadlines(look=60.0, fetch=60.0)


@dataclass
class Watched:
    """`service.processes.child.Forks` that remembers whom it has made and what they print."""

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

    def make(uri: str, deadlines: Deadlines = PATIENT, **environment: str) -> MlflowRegistry:
        environment["MLFLOW_TRACKING_URI"] = uri
        made.append(MlflowRegistry(forks, environment, cache, forks.printed, deadlines))
        return made[-1]

    yield make
    for registry in made:
        await registry.close()


@pytest.fixture
def mlflow_store(make_registry: MakeRegistry, tracking_uri: str, tmp_path: Path) -> MlflowStore:
    """MLflow over SQLite."""
    return MlflowStore(make_registry(tracking_uri), tracking_uri, tmp_path)


@pytest.fixture(params=["fake", "sqlite", "server"])
def store(
    request: pytest.FixtureRequest, make_registry: MakeRegistry, tmp_path: Path
) -> Store:
    """Each kind of registry in turn."""
    if request.param == "fake":
        return FakeStore()
    fixture = "tracking_uri" if request.param == "sqlite" else "mlflow_server"
    uri = request.getfixturevalue(fixture)
    return MlflowStore(make_registry(uri), uri, tmp_path)


@pytest.fixture
def name() -> str:
    """A model's name that no other test uses: one server serves all tests."""
    return f"model {secrets.token_hex(4)}"


