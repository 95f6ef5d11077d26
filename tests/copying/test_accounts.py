"""Copies and links on an MLflow server with accounts: who may alter what serves."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from requests import HTTPError

from service.copying.target_files import experiment_of
from service.exits import DONE, WRONG_USE
from service.registry.writer.faults import WriteRefused
from tests.copying.conftest import Copies, fetched, registered
from tests.promotion.test_commands import podium, report
from tests.support import models
from tests.support.authenticated import (
    ADMIN,
    AuthenticatedServer,
    authenticated_server,
    environment,
)
from tests.support.logged import Author
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS = 240.0
SOURCE, COPY, LINK = "dev.security.fraud", "prod.security.fraud", "linked.security.fraud"


def account(name: str) -> dict[str, str]:
    """What its clients have in their environment."""
    return {"MLFLOW_TRACKING_USERNAME": name, "MLFLOW_TRACKING_PASSWORD": f"{name}'s own secret"}


TRAINER, PROMOTER, SERVICE = account("trainer"), account("promoter"), account("podium")


@pytest.fixture(scope="module")
def guarded(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthenticatedServer]:
    """With accounts that may do nothing but what they make themselves."""
    folder = tmp_path_factory.mktemp("accounts")
    with authenticated_server(migrated_database, folder) as running:
        for each in (TRAINER, PROMOTER, SERVICE):
            running.create_account(*each.values())
        yield running


@pytest.fixture(scope="module")
def trained(guarded: AuthenticatedServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A trainer's model, which the promoter may read, copied and linked by the promoter."""
    Author(guarded.url, tmp_path_factory.mktemp("trainer"), TRAINER).numbered(SOURCE, "training")
    guarded.may_read("promoter", "registered_model", SOURCE)
    guarded.may_read("promoter", "experiment", guarded.experiment_id("training"))
    copies = Copies(guarded.url, tmp_path_factory.mktemp("home"), fetch=fetched)
    with environment(PROMOTER):
        assert copies.copy(SOURCE, COPY).outcome == "copied"
        copies.copy(SOURCE, LINK, linked=True)
        for name in (COPY, LINK):
            MlflowClient(guarded.url).set_registered_model_alias(name, "champion", "1")
    for name in (COPY, LINK):
        guarded.may_read("podium", "registered_model", name)
    guarded.may_read("podium", "experiment", guarded.experiment_id(experiment_of(COPY)))


@pytest.fixture(scope="module")
def service(
    guarded: AuthenticatedServer, trained: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """Follows both, with READ on both models, and on the experiment of the copies alone."""
    refs = [f"{COPY}@champion", f"{LINK}@champion"]
    home = tmp_path_factory.mktemp("service")
    with running_service(refs, guarded.url, home, **SERVICE) as running:
        yield running


def files_of(url: str, name: str) -> str:
    """The logged model whose files version 1 of that model downloads."""
    with environment(ADMIN):
        return str(MlflowClient(url).get_model_version(name, "1").source).removeprefix("models:/")


def altered(folder: Path) -> str:
    """Files of a model that answers with another number."""
    return str(models.number_module(folder, 666))


def test_use_case_is_shown_to_an_account_that_may_read_one_of_its_models(
    guarded: AuthenticatedServer, trained: None
) -> None:
    """MLflow tells of models that are not there as of those that it may not read; so is that."""
    ended = podium("where", COPY, "--json", uri=guarded.url, **SERVICE)
    told = report(ended)
    assert (ended.exit_code, [each["name"] for each in told["models"]]) == (DONE, [COPY])
    assert told["not_shown"] == [SOURCE, "staging.security.fraud", "security.fraud"]
    shown = podium("where", COPY, uri=guarded.url, **SERVICE).stdout
    assert f"{SOURCE}  not shown: there is no such model, or this account may not read it" in shown
    none = podium("where", "other", uri=guarded.url, **SERVICE)
    assert (none.exit_code, "shows none of them to this account" in none.output) == (
        WRONG_USE,
        True,
    )


def test_trainer_alters_neither_the_files_nor_the_version_of_a_copy(
    guarded: AuthenticatedServer, trained: None, tmp_path: Path
) -> None:
    """By MLflow's client, nor past it; of the source, to which a link leads, they may."""
    copied, source = files_of(guarded.url, COPY), files_of(guarded.url, SOURCE)
    with environment(ADMIN):
        place = MlflowClient(guarded.url).get_logged_model(copied).artifact_location
    with environment(TRAINER):
        client = MlflowClient(guarded.url)
        with pytest.raises(HTTPError, match="403"):
            client.log_model_artifact(copied, altered(tmp_path), "code")
        with pytest.raises(MlflowException, match="ermission denied"):
            client.set_model_version_tag(COPY, "1", "validation_status", "passed")
        path = place.partition("mlflow-artifacts:/")[2]
        answer = httpx.put(
            f"{guarded.url}/api/2.0/mlflow-artifacts/artifacts/{path}/code/the_number.py",
            content=b"NUMBER = 666",
            auth=("trainer", TRAINER["MLFLOW_TRACKING_PASSWORD"]),
            timeout=SECONDS,
            trust_env=False,
        )
        assert answer.status_code == httpx.codes.FORBIDDEN
        client.log_model_artifact(source, altered(tmp_path), "code")


def test_copy_is_served_with_read_on_it_and_on_its_experiment_alone(
    guarded: AuthenticatedServer, service: RunningService
) -> None:
    """The link is not; once it is, it answers as its source was altered to, and not the copy."""
    wait_until(lambda: service.slot(f"{COPY}@champion")["ready"], SECONDS, "the copy is served")
    link = f"{LINK}@champion"
    wait_until(lambda: service.slot(link)["last_failure"], SECONDS, "the link is not")
    assert service.slot(link)["last_failure"]["code"] == "artifact_forbidden"
    guarded.may_read("podium", "experiment", guarded.experiment_id("training"))
    wait_until(lambda: service.slot(link)["ready"], SECONDS, "it is, with READ on its source's")
    assert (_answer(service, COPY), _answer(service, LINK)) == (1, 666)


def _answer(service: RunningService, name: str) -> float:
    url, body = f"{service.url}/models/{name}@champion/predict", {"inputs": {"x": [1.0]}}
    answer = httpx.post(url, json=body, timeout=SECONDS, trust_env=False)
    return float(answer.json()["predictions"][0])


def test_copy_of_the_trainers_own_names_what_they_may_not(
    guarded: AuthenticatedServer, trained: None, tmp_path: Path
) -> None:
    """Where the promoter has made the target, a trainer is told what copying into it takes."""
    copies = Copies(guarded.url, tmp_path, fetch=fetched)
    with environment(TRAINER), pytest.raises(WriteRefused, match="experiment podium/copies/prod"):
        copies.copy(SOURCE, COPY, version="2")


def test_copy_to_another_server_goes_by_an_account_of_its_own(
    mlflow_server: str, guarded: AuthenticatedServer, saved: Path, tmp_path: Path
) -> None:
    """Credentials for the source are not sent there; without others it says which to set."""
    registered(mlflow_server, "staging.far", saved)
    copies = Copies(
        mlflow_server, tmp_path, to_uri=guarded.url, environment=PROMOTER, fetch=fetched
    )
    with pytest.raises(WriteRefused, match="set PODIUM_TO_MLFLOW_TRACKING_USERNAME"):
        copies.copy("staging.far", "prod.far")
    own = {f"PODIUM_TO_{name}": text for name, text in PROMOTER.items()}
    copies.environment = {"MLFLOW_TRACKING_PASSWORD": "of the source", **own}
    for outcome in ("copied", "already"):
        copied = copies.copy("staging.far", "prod.far")
        assert (copied.outcome, copied.version) == (outcome, "1")
    with environment(PROMOTER):
        (version,) = copies.versions("prod.far")
        (logged,) = copies.logged("prod.far")
    assert version.tags["podium.source"] == f"models:/staging.far/1 at {mlflow_server}"
    assert version.source == f"models:/{logged.model_id}"
    assert not version.run_id
