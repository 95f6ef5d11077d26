"""An MLflow server with `--app-name basic-auth`: the service has an account of its own there."""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from mlflow import MlflowClient

from service.config.addresses import MlflowAddresses
from service.origin import Origin
from service.promotion.instances import NoInstances
from service.promotion.mover import Mover
from service.promotion.promote import Promoted, Promotion, Wanted
from service.refs import ModelRef
from service.registry.writer.faults import WriteRefused
from service.registry.writer.once import EXPERIMENT
from service.registry.writer.writer import NumberedVersion, Writer
from tests.end_to_end.components.load import (
    SECONDS,
    assert_deleted_alias_keeps_serving,
    assert_moves_are_followed,
    environment_of_host,
)
from tests.support.authenticated import (
    ADMIN,
    AuthenticatedServer,
    authenticated_server,
    environment,
)
from tests.support.logged import Author
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

FOLLOWED, CONFIDING, UNSEEN, UNFETCHED = "followed", "confiding", "unseen", "unfetched"
TRACED, TRACES = "traced", "traces of models"
ACCOUNT, PASSWORD = "podium", "the account's own secret"
CREDENTIALS = {"MLFLOW_TRACKING_USERNAME": ACCOUNT, "MLFLOW_TRACKING_PASSWORD": PASSWORD}


@pytest.fixture(scope="module")
def server(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthenticatedServer]:
    """With an account for the service, which may do nothing yet."""
    folder = tmp_path_factory.mktemp("basic-auth")
    with authenticated_server(migrated_database, folder) as running:
        running.create_account(ACCOUNT, PASSWORD)
        yield running


@pytest.fixture(scope="module")
def author(server: AuthenticatedServer, tmp_path_factory: pytest.TempPathFactory) -> Author:
    """The administrator, who also logs the models."""
    return Author(server.url, tmp_path_factory.mktemp("author"), ADMIN)


@pytest.fixture
def administrator(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process speaks to the registry as the administrator."""
    for name, value in ADMIN.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def registry(server: AuthenticatedServer, author: Author) -> Registry:
    """A model that the account may read, logged to an experiment that it may read."""
    registry = author.numbered(FOLLOWED, "readable")
    author.confiding(CONFIDING, "readable")
    author.traced(TRACED, "readable")
    for name in (FOLLOWED, CONFIDING, TRACED):
        server.may_read(ACCOUNT, "registered_model", name)
    server.may_read(ACCOUNT, "experiment", server.experiment_id("readable"))
    return registry


@pytest.fixture(scope="module")
def service(
    server: AuthenticatedServer, registry: Registry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """One service that follows what it may read, and hands traces on to an experiment."""
    refs = [f"{name}@champion" for name in (FOLLOWED, CONFIDING, TRACED)]
    home = tmp_path_factory.mktemp("home")
    with environment(ADMIN):
        experiment = MlflowClient(server.url).create_experiment(TRACES)
    tracking = {"PODIUM_MODEL_TRACKING": "true", "MLFLOW_EXPERIMENT_ID": experiment}
    with running_service(refs, server.url, home, **CREDENTIALS, **tracking) as running:
        yield running


@pytest.mark.usefixtures("administrator")
def test_p1_p3_p7_read_on_model_and_experiment_is_enough_to_follow(
    service: RunningService, registry: Registry
) -> None:
    """Under load, forward and back, every answer right."""
    assert_moves_are_followed(service, registry)


@pytest.mark.usefixtures("administrator")
def test_p4_alias_deleted_with_authentication_keeps_serving(
    service: RunningService, registry: Registry
) -> None:
    """And `/models` says that it is missing."""
    assert_deleted_alias_keeps_serving(service, registry)


def test_account_that_may_only_read_does_not_keep_others_out_of_the_journal(
    server: AuthenticatedServer, registry: Registry
) -> None:
    """It is refused before there is one; who may move the alias makes it."""
    named = dict.fromkeys(("READ", "EDIT"), PASSWORD)
    for account, password in named.items():
        server.create_account(account, password)
    server.may_read("READ", "registered_model", registry.name)
    server.may_edit("EDIT", "registered_model", registry.name)
    for account, password in named.items():
        variables = {"MLFLOW_TRACKING_USERNAME": account, "MLFLOW_TRACKING_PASSWORD": password}
        with environment(variables):
            writer = Writer(MlflowAddresses(server.url, server.url))
            if account == "READ":
                with pytest.raises(WriteRefused, match=f"EDIT on the model {registry.name}"):
                    _promoted(writer, registry.name)
                assert writer.client.get_experiment_by_name(EXPERIMENT) is None
                with pytest.raises(WriteRefused, match=f"EDIT on the model {registry.name}"):
                    writer.require_tags(registry.name, "validation_status")
            else:
                writer.require_tags(registry.name, "validation_status")
                assert _promoted(writer, registry.name).outcome == "promoted"


def _promoted(writer: Writer, name: str) -> Promoted:
    mover = Mover(writer, ModelRef(name, "journalled"), Origin("", "", ""), 600.0)
    wanted = Wanted(NumberedVersion(name, "1"), "a test", first=True)
    return Promotion(mover, NoInstances(), lambda _: "").run(wanted)


def test_password_is_in_no_log_line_and_no_host(service: RunningService) -> None:
    """Neither as it is, nor as it stands in a request's header."""
    service.wait_until_ready()
    told = environment_of_host(service, CONFIDING)
    assert "PATH" in told
    # The address is one that does nothing, so that what a model starts makes no database either.
    tracking = {name: value for name, value in told.items() if name.startswith("MLFLOW_TRACKING")}
    assert tracking == {"MLFLOW_TRACKING_URI": "podium:models-have-no-mlflow-server-here"}
    assert service.events("swapped")
    for text in (json.dumps(told), json.dumps(service.log)):
        assert PASSWORD not in text
        assert base64.b64encode(f"{ACCOUNT}:{PASSWORD}".encode()).decode() not in text


def test_w3_traces_of_a_model_reach_the_server_once_the_account_may_add_them(
    server: AuthenticatedServer, service: RunningService
) -> None:
    """Until then it is told what to do, and predictions are answered all the same."""
    service.wait_until_ready()
    _predict(service, 4239.5)
    wait_until(lambda: service.events("traces_failed"), SECONDS, "it is told")
    (told,) = service.events("traces_failed")
    assert (told["code"], "EDIT" in told["message"]) == ("tracking_forbidden", True)
    experiment = server.experiment_id(TRACES)
    server.may_edit(ACCOUNT, "experiment", experiment)
    values = [4240.5, 4241.5, 4242.5, 4243.5]
    for value in values:
        _predict(service, value)
    wait_until(lambda: _traced(server, experiment) == values, SECONDS, "four traces")
    sent = 'podium_model_traces_total{outcome="sent"}'
    wait_until(lambda: service.metrics()[sent] == len(values), SECONDS, "they are counted")
    assert not {str(value) for value in values} & set(json.dumps(service.log).split())
    for pid in service.descendants():
        assert PASSWORD not in str(Path(f"/proc/{pid}/environ").read_bytes())


def _predict(service: RunningService, value: float) -> None:
    url, body = f"{service.url}/models/{TRACED}@champion/predict", {"inputs": {"x": [value]}}
    answer = httpx.post(url, json=body, timeout=SECONDS, trust_env=False)
    assert answer.json()["predictions"] == [2 * value]


def _traced(server: AuthenticatedServer, experiment: str) -> list[float]:
    """What traces in that experiment were called with."""
    with environment(ADMIN):
        traces = MlflowClient(server.url).search_traces(locations=[experiment])
    roots = [trace.data.spans[0].inputs["values"] for trace in traces if trace.data.spans]
    return sorted(value for value, *_ in roots)


@pytest.fixture(scope="module")
def restricted(
    server: AuthenticatedServer, author: Author, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """Follows a model that the account may not read, and one whose experiment it may not read."""
    author.confiding(UNSEEN, "readable too")
    author.confiding(UNFETCHED, "unreadable")
    server.may_read(ACCOUNT, "experiment", server.experiment_id("readable too"))
    server.may_read(ACCOUNT, "registered_model", UNFETCHED)
    refs = [f"{UNSEEN}@champion", f"{UNFETCHED}@champion"]
    home = tmp_path_factory.mktemp("restricted")
    with running_service(refs, server.url, home, **CREDENTIALS) as running:
        yield running


def failure(service: RunningService, name: str) -> Mapping[str, Any]:
    """What has failed last for the model's champion, once something has."""
    ref = f"{name}@champion"
    wait_until(lambda: service.slot(ref)["last_failure"], SECONDS, f"{name} fails")
    found: Mapping[str, Any] = service.slot(ref)["last_failure"]
    return found


def serves(service: RunningService, name: str) -> bool:
    """Whether the model's champion answers."""
    return bool(service.slot(f"{name}@champion")["ready"])


def test_model_that_the_account_may_not_read_is_told_until_it_may(
    server: AuthenticatedServer, restricted: RunningService
) -> None:
    """The look is refused for that model alone; once READ is granted, it is served."""
    told = failure(restricted, UNSEEN)
    assert (told["stage"], told["code"]) == ("look", "registry_forbidden")
    assert "READ on the registered model" in told["message"]
    server.may_read(ACCOUNT, "registered_model", UNSEEN)
    wait_until(lambda: serves(restricted, UNSEEN), SECONDS, "it is served")


def test_experiment_that_the_account_may_not_read_is_told_until_it_may(
    server: AuthenticatedServer, restricted: RunningService
) -> None:
    """The version is found and cannot be fetched; once READ is granted, it is served."""
    told = failure(restricted, UNFETCHED)
    assert (told["stage"], told["code"]) == ("fetch", "artifact_forbidden")
    assert "READ on the experiment" in told["message"]
    assert told["version"] == "1"
    assert not serves(restricted, UNFETCHED)
    server.may_read(ACCOUNT, "experiment", server.experiment_id("unreadable"))
    wait_until(lambda: serves(restricted, UNFETCHED), SECONDS, "it is served")


def test_wrong_password_is_told(server: AuthenticatedServer, tmp_path: Path) -> None:
    """In `/models` and in the log, which does not repeat it."""
    wrong = CREDENTIALS | {"MLFLOW_TRACKING_PASSWORD": "not the account's secret"}
    with running_service([f"{FOLLOWED}@champion"], server.url, tmp_path, **wrong) as refused:
        wait_until(lambda: refused.events("look_failed"), SECONDS, "the look fails")
        look = refused.slot(f"{FOLLOWED}@champion")["look"]
        (line, *_) = refused.events("look_failed")
    assert (look["failure"]["stage"], look["failure"]["code"]) == (
        "look",
        "registry_unauthenticated",
    )
    assert "MLFLOW_TRACKING_PASSWORD" in look["failure"]["message"]
    assert look["succeeded_at"] is None
    assert line["code"] == "registry_unauthenticated"
    assert "401" in line["detail"]
    assert "not the account's secret" not in json.dumps(refused.log)
