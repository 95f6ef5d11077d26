"""A database as MLflow's address: what its driver reads arrives, what is wrong is told at once."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.errors import PassingFault
from service.following.ports import Missing
from service.refs import ModelRef
from service.registry.wire import Fault
from tests.registry.conftest import MakeRegistry, Watched
from tests.support.postgres import postgres_server

pytestmark = pytest.mark.asyncio(loop_scope="session")
REF = ModelRef("iris", "champion")
PASSWORD = "a-pass@word"
NO_ADDRESS = "postgresql+psycopg2://"


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    """Of a PostgreSQL that asks for the password, with nothing of MLflow's in it yet."""
    with postgres_server(PASSWORD) as address:
        yield str(urlsplit(address).port)


@pytest.fixture
def variables(port: str) -> dict[str, str]:
    """What libpq needs to know, all of it by its own variables."""
    named = {"HOST": "127.0.0.1", "PORT": port, "USER": "postgres", "DATABASE": "postgres"}
    return {f"PG{name}": value for name, value in named.items()}


async def test_o7_drivers_variables_reach_the_registry_child(
    make_registry: MakeRegistry, variables: dict[str, str], tmp_path: Path
) -> None:
    """Host, user and password, and the file that may hold the password instead."""
    registry = make_registry(NO_ADDRESS, PGPASSWORD=PASSWORD, **variables)
    assert (await registry.resolve([REF])).found == {REF: Missing.MODEL}
    file = tmp_path / "pgpass"
    file.write_text(f"*:*:*:*:{PASSWORD}\n")
    file.chmod(0o600)
    registry = make_registry(NO_ADDRESS, PGPASSFILE=str(file), **variables)
    assert (await registry.resolve([REF])).found == {REF: Missing.MODEL}


async def test_o7_wrong_password_is_told_as_that(
    make_registry: MakeRegistry, variables: dict[str, str], forks: Watched
) -> None:
    """Instead of as a registry that takes its time; and no password is repeated."""
    registry = make_registry(NO_ADDRESS, PGPASSWORD="wrong-secret", **variables)
    with pytest.raises(PassingFault) as fault:
        await registry.resolve([REF, ModelRef("another", "champion")])
    assert fault.value.reason == Fault.DATABASE
    assert "password authentication failed" in fault.value.detail
    assert "wrong-secret" not in fault.value.detail + "".join(forks.lines)


@pytest.mark.parametrize(
    "address",
    [
        "postgresql+psycopg2://user:hidden-secret@127.0.0.1:1/nothing",
        "postgresql+psycopg2://user:hidden@secret@127.0.0.1:1/nothing",
        "postgresql+psycopg2://user:hidden-secret@nobody.invalid/nothing",
    ],
)
async def test_o7_database_that_is_not_there_is_told_as_that(
    make_registry: MakeRegistry, address: str, forks: Watched
) -> None:
    """Nobody listens, or nobody has that name; an @ in a password makes it a host's."""
    with pytest.raises(PassingFault) as fault:
        await make_registry(address).resolve([REF])
    assert fault.value.reason == Fault.DATABASE
    assert "secret" not in fault.value.detail + "".join(forks.lines)
