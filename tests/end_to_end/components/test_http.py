"""An MLflow server over HTTP on SQLite, its artifacts fetched through it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.components.load import (
    SECONDS,
    assert_deleted_alias_keeps_serving,
    assert_moves_are_followed,
)
from tests.support.logged import Author
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

NAME = "over http"


@pytest.fixture(scope="module")
def registry(mlflow_server: str, tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Two versions, logged through the server."""
    author = Author(mlflow_server, tmp_path_factory.mktemp("author"))
    return author.numbered(NAME, "over http")


@pytest.fixture(scope="module")
def service(
    mlflow_server: str, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """One service that follows the model."""
    home = tmp_path_factory.mktemp("home")
    with running_service([f"{NAME}@champion"], mlflow_server, home) as running:
        yield running


def test_p1_p3_p7_moves_are_followed_over_http(service: RunningService, registry: Registry) -> None:
    """Under load, forward and back, every answer right."""
    assert_moves_are_followed(service, registry)


def test_p4_alias_deleted_over_http_keeps_serving(
    service: RunningService, registry: Registry
) -> None:
    """And `/models` says that it is missing."""
    assert_deleted_alias_keeps_serving(service, registry)


def test_host_name_that_mlflow_refuses_is_told(
    mlflow_server: str, registry: Registry, tmp_path: Path
) -> None:
    """Its host check answers 403 to names other than its own; its `/health` stays green."""
    # The loopback address in a spelling that MLflow's list of hosts does not have.
    uri = mlflow_server.replace("127.0.0.1", "127.1")
    with running_service([f"{NAME}@champion"], uri, tmp_path, NO_PROXY="127.1") as refused:
        wait_until(lambda: refused.events("look_failed"), SECONDS, "the look fails")
        slot = refused.slot(f"{NAME}@champion")
        (line, *_) = refused.events("look_failed")
    failure = slot["look"]["failure"]
    assert (failure["stage"], failure["code"]) == ("look", "registry_host_refused")
    assert "403" in line["detail"]
