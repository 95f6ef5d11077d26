"""MLflow as larger teams run it: PostgreSQL behind it, artifacts in S3.

Once with artifacts that pass through the server, once with artifacts that every client fetches from
S3 itself (`--no-serve-artifacts`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.components.load import (
    assert_deleted_alias_keeps_serving,
    assert_moves_are_followed,
    environment_of_host,
)
from tests.promotion.conftest import Moves, filled
from tests.promotion.test_races import meet
from tests.support.logged import Author
from tests.support.object_store import BUCKET, ObjectStore, object_store
from tests.support.postgres import postgres_server
from tests.support.registered import Registry
from tests.support.server_process import started
from tests.support.services import RunningService, running_service
from tests.support.tracking import copy_database, free_port, mlflow_process

PROXIED, DIRECT, CONFIDING = "through-the-server", "from-s3", "confiding"


@dataclass(frozen=True, slots=True)
class Servers:
    """Two MLflow servers and the one store in which the artifacts of both lie."""

    proxied: str
    direct: str
    store: ObjectStore


@pytest.fixture(scope="module")
def servers(migrated_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """One on PostgreSQL that serves its artifacts, one on SQLite that does not."""
    make = tmp_path_factory.mktemp
    ports = free_port(), free_port()
    folder = make("direct")
    database = copy_database(migrated_database, folder, f"s3://{BUCKET}/direct/")
    with postgres_server() as postgres, object_store(make("store")) as store:
        proxied = mlflow_process(
            make("proxied"),
            *("--artifacts-destination", f"s3://{BUCKET}/proxied"),
            port=ports[0],
            backend_store_uri=postgres,
            environment=store.environment,
        )
        direct = mlflow_process(
            folder,
            *("--no-serve-artifacts", "--default-artifact-root", f"s3://{BUCKET}/direct"),
            port=ports[1],
            backend_store_uri=f"sqlite:///{database}",
        )
        with started(proxied, direct):
            proxied_url, direct_url = (f"http://127.0.0.1:{port}" for port in ports)
            yield Servers(proxied_url, direct_url, store)


@pytest.fixture(scope="module")
def through_the_server(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Two versions on PostgreSQL, logged through the server."""
    author = Author(servers.proxied, tmp_path_factory.mktemp("author"))
    return author.numbered(PROXIED, "experiment")


@pytest.fixture(scope="module")
def author(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Author:
    """Somebody with a key of the store, into which the artifacts are written directly."""
    return Author(servers.direct, tmp_path_factory.mktemp("author"), servers.store.environment)


@pytest.fixture(scope="module")
def from_s3(author: Author) -> Registry:
    """Two versions in S3, and a model that tells what its host knows."""
    author.confiding(CONFIDING, "experiment")
    return author.numbered(DIRECT, "experiment")


@pytest.fixture(scope="module")
def service_of_proxied(
    servers: Servers, through_the_server: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that knows nothing of S3."""
    home = tmp_path_factory.mktemp("home")
    with running_service([f"{PROXIED}@champion"], servers.proxied, home) as running:
        yield running


@pytest.fixture(scope="module")
def service_of_direct(
    servers: Servers, from_s3: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that has the store's key in its environment."""
    refs = [f"{DIRECT}@champion", f"{CONFIDING}@champion"]
    home = tmp_path_factory.mktemp("home")
    with running_service(refs, servers.direct, home, **servers.store.environment) as running:
        yield running


def test_p1_p3_p7_moves_on_postgres_are_followed(
    service_of_proxied: RunningService, through_the_server: Registry
) -> None:
    """With artifacts of S3 that come through the server: the service needs no key of S3."""
    assert_moves_are_followed(service_of_proxied, through_the_server)


def test_p4_alias_deleted_on_postgres_keeps_serving(
    service_of_proxied: RunningService, through_the_server: Registry
) -> None:
    """And `/models` says that it is missing."""
    assert_deleted_alias_keeps_serving(service_of_proxied, through_the_server)


def test_p1_p3_p7_moves_are_followed_with_artifacts_fetched_from_s3(
    service_of_direct: RunningService, from_s3: Registry
) -> None:
    """By the process that asks the registry, which alone is given the key."""
    source = from_s3.client.get_model_version_download_uri(DIRECT, "1")
    assert source.startswith(f"s3://{BUCKET}/direct/")
    assert_moves_are_followed(service_of_direct, from_s3)


def test_key_of_s3_is_in_no_log_line_and_no_host(
    servers: Servers, service_of_direct: RunningService
) -> None:
    """A host finds nothing that begins with AWS_ in its environment."""
    service_of_direct.wait_until_ready()
    told = environment_of_host(service_of_direct, CONFIDING)
    assert "PATH" in told
    assert not {name for name in told if name.startswith("AWS_") or "S3" in name}
    for text in (json.dumps(told), json.dumps(service_of_direct.log)):
        assert servers.store.environment["AWS_SECRET_ACCESS_KEY"] not in text
        assert servers.store.environment["AWS_ACCESS_KEY_ID"] not in text


def test_one_of_three_promotions_at_once_wins_on_postgresql(servers: Servers) -> None:
    """As on SQLite; whose transactions end in another way."""
    moves = Moves(filled(servers.proxied, "raced"), alias="race")
    assert sorted(meet(moves).values()) == ["overtaken", "overtaken", "promoted"]
    assert len(moves.journal) == 1
