"""Workspaces of a real MLflow server with accounts: one model name in two, which never mix."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from service.cli.main import COMMANDS
from service.config.settings import load_settings
from service.exits import DONE, WRONG_USE
from tests.deploy.test_grants import EXAMPLE, grants
from tests.migration.staging import promote_to_stage
from tests.promotion.test_commands import podium, report
from tests.support.authenticated import (
    ADMIN,
    AuthenticatedServer,
    authenticated_server,
    environment,
)
from tests.support.logged import Author
from tests.support.services import running_service
from tests.support.waiting import wait_until

NAME: Final = "wine"
HERE, THERE, EMPTY = "team-a", "team-b", "team-c"
_UNVALIDATED: Final = ("--unvalidated", "a test")
PASSWORD: Final = "one that is long enough"
# Of each command that asks MLflow: enough to see whom it asks. The model is not there.
TYPED: Final[Mapping[str, tuple[str, ...]]] = {
    "validate": ("nothing", "1"),
    "plan": ("nothing", "1"),
    "prepare": ("nothing@champion",),
    "promote": ("nothing", "1"),
    "rollback": ("nothing",),
    "split": ("nothing",),
    "shadow": ("nothing",),
    "copy": ("nothing", "1", "--to", "other"),
    "migrate-stages": ("nothing",),
    "hold": ("nothing",),
    "release": ("nothing",),
    "block": ("nothing", "1"),
    "unblock": ("nothing", "1"),
    "where": ("nothing",),
    "webhook": ("list",),
    "doctor": (),
    "env": ("build", "nothing", "1"),
}
# These ask services, or are one; `up` has an MLflow of its own. `train` prints what
# `training.addresses.shown_server` says, which tests/training tries.
_OF_SERVICES: Final = {"up", "serve", "status", "wait", "reload", "withdraw", "smoke", "train"}


def within(workspace: str) -> dict[str, str]:
    """What the administrator's commands have in their environment there."""
    return {**ADMIN, "MLFLOW_WORKSPACE": workspace}


@pytest.fixture(scope="module")
def server(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthenticatedServer]:
    """With a model of one name in two workspaces, and nothing in a third."""
    folder = tmp_path_factory.mktemp("workspaces")
    with authenticated_server(migrated_database, folder, "--enable-workspaces") as running:
        for workspace in (HERE, THERE, EMPTY):
            running.create_workspace(workspace)
        for workspace in (HERE, THERE):
            author = Author(running.url, folder / workspace, within(workspace))
            author.confiding(NAME, "trained")
        yield running


def typed(server: AuthenticatedServer, workspace: str, *words: str, status: int = DONE) -> Any:
    """The command's report."""
    done = podium(*words, "--json", uri=server.url, **within(workspace))
    assert done.exit_code == status, done.output
    assert report(done)["server"] == f"{server.url} workspace {workspace}"
    return report(done)


def test_every_command_that_asks_mlflow_is_tried() -> None:
    """Whoever adds one adds it here, or says that it asks services alone."""
    assert set(TYPED) == set(COMMANDS) - _OF_SERVICES


@pytest.mark.parametrize("command", TYPED)
def test_command_prints_the_workspace_that_it_talks_to(
    server: AuthenticatedServer, command: str, tmp_path: Path
) -> None:
    """Whatever comes of it."""
    variables = {**within(EMPTY), "PODIUM_HOME": str(tmp_path), "PODIUM_ADMIN_TOKEN": "token"}
    done = podium(command, *TYPED[command], uri=server.url, **variables)
    assert f"{server.url} workspace {EMPTY}" in done.output


def test_workspace_that_is_not_there_is_not_taken_for_a_model(server: AuthenticatedServer) -> None:
    """Its name is what is wrong."""
    done = podium("where", NAME, uri=server.url, **within("nowhere"))
    assert (done.exit_code, "MLFLOW_WORKSPACE" in done.stderr) == (WRONG_USE, True), done.output


def test_moves_are_in_the_journal_of_their_workspace(server: AuthenticatedServer) -> None:
    """Aliases of the same name move in one of two alone, and are held there alone."""
    moved = typed(server, HERE, "promote", NAME, "1", "--alias", "live", "--first", *_UNVALIDATED)
    assert moved["entry"] == 1
    typed(server, HERE, "hold", NAME, "--alias", "live")
    listed = typed(server, HERE, "rollback", NAME, "--alias", "live", "--list")
    assert [each["entry"]["to"] for each in listed["journal"]] == ["1"]
    (found,) = typed(server, THERE, "where", NAME)["models"]
    assert [each["alias"] for each in found["aliases"]] == ["champion"]
    with environment(within(THERE)):
        assert MlflowClient(server.url).get_experiment_by_name("podium/journal") is None


def test_copy_goes_from_its_workspace_to_the_one_that_is_named(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """By PODIUM_TO_ variables, on the same server; no other one has it."""
    home = {"PODIUM_HOME": str(tmp_path)}
    to = {f"PODIUM_TO_{name}": text for name, text in within(EMPTY).items()}
    words = ("copy", NAME, "1", "--to", f"staging.{NAME}", "--to-uri", server.url, "--json")
    done = podium(*words, uri=server.url, **within(HERE), **home, **to)
    assert report(done)["target"] == f"{server.url} workspace {EMPTY}"
    assert _models(server, HERE) == _models(server, THERE) == {NAME}
    with environment(within(EMPTY)):
        copied = MlflowClient(server.url).get_model_version(f"staging.{NAME}", "1")
    assert f"workspace {HERE}" in copied.tags["podium.source"]


def test_stages_are_migrated_in_one_workspace_alone(server: AuthenticatedServer) -> None:
    """`--all` is all of that one."""
    for workspace in (HERE, THERE):
        with environment(within(workspace)):
            promote_to_stage(MlflowClient(server.url), NAME, "1", "Staging")
    mapping = ("--all", "--map", "Staging=challenger")
    done = typed(server, HERE, "migrate-stages", *mapping)
    assert [each["outcome"] for each in done["migrated"]] == ["moved"]
    with environment(within(THERE)):
        aliases = MlflowClient(server.url).get_registered_model(NAME).aliases
    assert set(aliases) == {"champion"}


def test_service_follows_its_workspace_and_knows_nothing_of_another_one(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """Started again within another one, on the same home, it does not serve what it served."""
    refs, same = [f"{NAME}@champion"], {"PODIUM_SERVICE_NAME": "one"}
    with running_service(refs, server.url, tmp_path, **same, **within(HERE)) as service:
        service.wait_until_ready()
        assert service.events("listening")[0]["mlflow"] == f"{server.url} workspace {HERE}"
        assert service.slot(f"{NAME}@champion")["version"] == "1"
    with running_service(refs, server.url, tmp_path, **same, **within(EMPTY)) as service:
        wait_until(lambda: service.events("model_missing"), 240.0, "it has looked")
        assert service.slot(f"{NAME}@champion")["version"] is None


def test_what_a_service_keeps_is_of_one_workspace(tmp_path: Path) -> None:
    """Ledger and last served; of `default` as where there are no workspaces at all."""
    settings = load_settings({"home": tmp_path, "service_name": "one"})
    found = {
        workspace: settings.service_folder({"MLFLOW_WORKSPACE": workspace})
        for workspace in ("", "default", HERE, THERE, "..")
    }
    assert found[""] == found["default"] == settings.service_folder({})
    assert len(set(found.values())) == 4
    assert all(each.is_relative_to(tmp_path / "services" / "one") for each in found.values())
    assert found[".."].name == "workspace-.."


def test_grants_are_made_within_a_workspace(server: AuthenticatedServer, tmp_path: Path) -> None:
    """By the file's own `workspace`; a second run changes nothing, and another one has nothing."""
    told = yaml.safe_load(EXAMPLE.read_text())
    told |= {"teams": {"security": ["fraud"]}, "workspace": EMPTY}
    for account in told["accounts"].values():
        account["password"] = {"variable": "PASSWORD"}
    file = tmp_path / "grants.yaml"
    file.write_text(yaml.safe_dump(told))
    with pytest.MonkeyPatch.context() as patch:
        # The script sets it for its own process.
        patch.setenv("MLFLOW_WORKSPACE", HERE)
        assert grants(server, file, PASSWORD=PASSWORD).endswith(" done\n")
        assert grants(server, file).endswith("nothing to do\n")
    assert "prod.security.fraud" in _models(server, EMPTY)
    assert "prod.security.fraud" not in _models(server, HERE)
    service = {
        "MLFLOW_TRACKING_USERNAME": "podium-prod",
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
    }
    with environment({**service, "MLFLOW_WORKSPACE": EMPTY}):
        assert MlflowClient(server.url).get_registered_model("prod.security.fraud")
    with environment({**service, "MLFLOW_WORKSPACE": HERE}), pytest.raises(MlflowException):
        MlflowClient(server.url).get_registered_model(NAME)


def _models(server: AuthenticatedServer, workspace: str) -> set[str]:
    with environment(within(workspace)):
        return {str(each.name) for each in MlflowClient(server.url).search_registered_models()}
