"""`deploy/mlflow/grants.py` on a real server, and what its roles may: docs/permissions.md."""

import ast
import contextlib
import importlib.util
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from click.testing import CliRunner
from mlflow import MlflowClient

from service.cli.main import main
from tests.deploy.attempts import ATTEMPTS, MODEL, TEAM, Ground, Version, may, model
from tests.support.authenticated import (
    ADMIN,
    AuthenticatedServer,
    authenticated_server,
    environment,
)
from tests.support.documents import ROOT, table
from tests.support.tracking import free_port

SCRIPT: Final = ROOT / "deploy/mlflow/grants.py"
EXAMPLE: Final = ROOT / "deploy/mlflow/grants.example.yaml"
PASSWORD: Final = "one that is long enough"
ENVIRONMENTS: Final = ("dev", "staging", "prod")
# Of docs/permissions.md: each account, the file's name for it, and where it has its role.
ROWS: Final = {
    "service of prod": ("podium-prod", "service", "prod"),
    "trainer of dev": ("ada", "trainer", "dev"),
    "validator of staging": ("validation", "validator", "staging"),
    "promoter of prod": ("prod-release", "promoter", "prod"),
}


def grants(server: AuthenticatedServer, file: Path, *arguments: str, **variables: str) -> str:
    """What the script prints; it ends with 0."""
    status, printed = run(server, file, *arguments, **variables)
    assert status == 0, printed
    return printed


def run(
    server: AuthenticatedServer, file: Path, *arguments: str, **variables: str
) -> tuple[int, str]:
    """As the administrator: its exit status, and what it prints."""
    told = io.StringIO()
    with (
        environment({"MLFLOW_TRACKING_URI": server.url, **ADMIN, **variables}),
        contextlib.redirect_stdout(told),
        contextlib.redirect_stderr(told),
    ):
        return script().main([str(file), *arguments]), told.getvalue()


def in_a_process(server: AuthenticatedServer, file: Path, **variables: str) -> str:
    """The same as it is typed, where nothing of Podium can be imported."""
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(file)],
        env={"PATH": os.environ["PATH"], "MLFLOW_TRACKING_URI": server.url, **ADMIN, **variables},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def wish(**other: Any) -> dict[str, Any]:
    """The example with one model alone, and every password from one variable."""
    told: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())
    for account in told["accounts"].values():
        account["password"] = {"variable": "PASSWORD"}
    return told | {"teams": {TEAM: [MODEL]}} | other


def written(folder: Path, told: Mapping[str, Any]) -> Path:
    """As a file."""
    file = folder / "grants.yaml"
    file.write_text(yaml.safe_dump(told))
    return file


@pytest.fixture(scope="module")
def server(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AuthenticatedServer]:
    """On which the script has been once."""
    folder = tmp_path_factory.mktemp("grants")
    with authenticated_server(migrated_database, folder) as running:
        said = in_a_process(running, written(folder, wish()), PASSWORD=PASSWORD)
        assert said.endswith(" done\n")
        assert PASSWORD not in said
        yield running


@pytest.fixture(scope="module")
def versions(server: AuthenticatedServer) -> Mapping[str, Version]:
    """One of the model in each environment; `champion` is on it."""
    with environment(ADMIN):
        made = Ground(server.url, MlflowClient(server.url), {})
        return {each: _registered(made, each) for each in ENVIRONMENTS}


def _registered(ground: Ground, where: str) -> Version:
    names = (f"{where}.{TEAM}", experiment_of(model(where)))
    trained, copies = (_id(ground, name) for name in names)
    logged = ground.log(trained if where == "dev" else copies)
    number = ground.register(where, logged)
    ground.client.set_registered_model_alias(model(where), "champion", number)
    return Version(logged, trained, copies)


def _id(ground: Ground, experiment: str) -> str:
    found = ground.client.get_experiment_by_name(experiment)
    assert found is not None, experiment
    return str(found.experiment_id)


def experiment_of(name: str) -> str:
    """Where `podium copy` puts the files of that model's copies."""
    return f"podium/copies/{name}"


def _as(account: str) -> Mapping[str, str]:
    return {"MLFLOW_TRACKING_USERNAME": account, "MLFLOW_TRACKING_PASSWORD": PASSWORD}


def cells(row: str, column: int) -> list[str]:
    """The words of that cell of the page, each an attempt and its environment."""
    return table("docs/permissions.md", "Accounts")[row][column].split("; ")


CASES: Final = [
    (row, each, column == 1) for row in ROWS for column in (1, 2) for each in cells(row, column)
]


@pytest.mark.parametrize(("row", "told", "allowed"), CASES)
def test_account_may_what_the_page_says_and_nothing_that_it_denies(
    server: AuthenticatedServer,
    versions: Mapping[str, Version],
    row: str,
    told: str,
    allowed: bool,  # noqa: FBT001 - the table's word
) -> None:
    """Each attempt is really made, with the account's own credentials."""
    attempt, _, where = told.partition(" in ")
    with environment({"MLFLOW_TRACKING_URI": server.url, **_as(ROWS[row][0])}):
        ground = Ground(server.url, MlflowClient(server.url), versions)
        assert may(attempt, ground, where) is allowed


def test_page_has_a_row_for_each_account_and_a_place_for_each_attempt() -> None:
    """So that whoever adds one says what it may."""
    assert list(table("docs/permissions.md", "Accounts")) == list(ROWS)
    for row, (_, _, where) in ROWS.items():
        told = {each for column in (1, 2) for each in cells(row, column)}
        here = {each.partition(" in ")[0] for each in told if each.endswith(f" in {where}")}
        assert here == set(ATTEMPTS), row


def test_page_names_the_permissions_that_the_script_grants() -> None:
    """Role by role."""
    for row, (_, role, _) in ROWS.items():
        granted = "; ".join(
            f"{level} on its {what}" for what, level in script().ROLES[role].items()
        )
        assert table("docs/permissions.md", "Accounts")[row][0] == granted


def test_second_run_changes_nothing(server: AuthenticatedServer, tmp_path: Path) -> None:
    """Nor needs it any password."""
    grants(server, written(tmp_path, wish()))
    assert grants(server, written(tmp_path, wish())).endswith("nothing to do\n")


def test_dry_run_says_what_would_be_done_and_does_nothing(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """With a password that is there already, as for the run itself."""
    accounts = {"eve": {"roles": {"dev": "trainer"}, "password": {"variable": "PASSWORD"}}}
    file = written(tmp_path, wish(accounts=accounts, teams={TEAM: [MODEL, "newer"]}))
    said = grants(server, file, "--dry-run", PASSWORD=PASSWORD)
    assert "would make account eve\n" in said
    assert f"would make registered model prod.{TEAM}.newer\n" in said
    assert f"would grant EDIT on experiment dev.{TEAM} to eve\n" in said
    assert said == grants(server, file, "--dry-run", PASSWORD=PASSWORD)


def test_what_the_file_does_not_list_is_named_and_a_level_is_changed(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """An account, a pattern, a model that a trainer has made of a name of production's."""
    server.create_account("bob", PASSWORD)
    server.may_read("ada", "registered_model", "prod.*")
    with environment(_as("ada")):
        MlflowClient(server.url).create_registered_model(f"prod.{TEAM}.squat")
        MlflowClient(server.url).create_registered_model(f"dev.{TEAM}.found")
    said = grants(server, written(tmp_path, wish()))
    has = "not in the file:"
    assert f"{has} account bob\n" in said
    assert f"{has} READ on registered_model prod.*, which ada has; it matches nothing" in said
    assert f"{has} MANAGE on registered_model prod.{TEAM}.squat, which ada has\n" in said
    assert f"{has} registered model prod.{TEAM}.squat\n" in said
    # Of an environment whose new models are granted.
    found = f"registered_model dev.{TEAM}.found"
    assert f"grant EDIT on {found} to ada, which had MANAGE\n" in said
    assert f"grant READ on {found} to staging-release\n" in said
    assert grants(server, written(tmp_path, wish())).endswith("nothing to do\n")


def trainer(server: AuthenticatedServer, name: str, folder: Path, model_of_theirs: str) -> Path:
    """An account is there, and a file that wants EDIT for it on that model of dev and no other."""
    server.create_account(name, PASSWORD)
    account = {name: {"roles": {"dev": "trainer"}}}
    teams = {"rights": [model_of_theirs]}
    return written(folder, wish(accounts=account, teams=teams, environments={"dev": None}))


def post(server: AuthenticatedServer, route: str, **body: Any) -> Any:
    """What the server answers its administrator."""
    name, password = ADMIN.values()
    url = f"{server.url}/api/3.0/mlflow/{route}"
    answer = httpx.post(url, json=body, auth=(name, password), timeout=240, trust_env=False)
    return answer.raise_for_status().json()


def level(server: AuthenticatedServer, account: str, name: str) -> str:
    """What the account may do with that model."""
    asked = {"username": account, "resource_type": "registered_model", "resource_id": name}
    url = f"{server.url}/api/3.0/mlflow/users/permissions/get"
    name, password = ADMIN.values()
    answer = httpx.get(url, params=asked, auth=(name, password), timeout=240, trust_env=False)
    return str(answer.raise_for_status().json()["permission"])


def shared_role(
    server: AuthenticatedServer, name: str, resource: str, permission: str, *accounts: str
) -> None:
    """A role that each of these accounts has."""
    number = post(server, "roles/create", name=name, workspace="default")["role"]["id"]
    on = {"resource_type": "registered_model", "resource_pattern": resource}
    post(server, "roles/permissions/add", role_id=number, permission=permission, **on)
    for each in accounts:
        post(server, "roles/assign", role_id=number, username=each)


def test_role_that_others_have_is_never_altered(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """Whoever lacks something by it gets a grant of their own; whoever has more by it is named."""
    file = trainer(server, "rita", tmp_path, "shared")
    server.create_account("mallory", PASSWORD)
    name = "dev.rights.shared"
    shared_role(server, "readers", name, "READ", "rita", "mallory")
    assert f"grant EDIT on registered_model {name} to rita\n" in grants(server, file)
    assert (level(server, "rita", name), level(server, "mallory", name)) == ("EDIT", "READ")
    shared_role(server, "managers", name, "MANAGE", "rita", "mallory")
    said = grants(server, file)
    assert f"MANAGE on registered_model {name}, which rita has by the role managers\n" in said
    assert said.endswith("nothing to do\n")
    assert level(server, "mallory", name) == "MANAGE"


@pytest.mark.parametrize("by_role", [False, True], ids=["own", "by a role"])
def test_prohibition_is_left_and_is_told(
    server: AuthenticatedServer, tmp_path: Path, *, by_role: bool
) -> None:
    """What was forbidden on purpose is not granted by a file."""
    account, short = f"denied{by_role}", f"denied{by_role}"
    file = trainer(server, account, tmp_path, short)
    name = f"dev.rights.{short}"
    on = {"resource_type": "registered_model", "resource_id": name}
    if by_role:
        shared_role(server, "denied", name, "DENY", account)
    else:
        post(server, "users/permissions/grant", username=account, permission="DENY", **on)
    for _ in range(2):
        status, said = run(server, file)
        assert status == 1
        assert f"not granted: EDIT on registered_model {name} to {account}; DENY on" in said
    assert said.endswith("nothing to do\n")
    assert level(server, account, name) == "DENY"


def test_password_in_an_address_is_not_printed(tmp_path: Path) -> None:
    """Nobody listens there; nor is what the file says, should that be no YAML."""
    dead = AuthenticatedServer(f"http://admin:s3cret@127.0.0.1:{free_port()}")
    status, said = run(dead, written(tmp_path, wish()))
    assert (status, said.count("\n")) == (1, 1)
    assert "MLflow does not answer" in said
    assert "s3cret" not in said
    (tmp_path / "no.yaml").write_text("accounts:\n  x: {password: *s3cret}\n")
    status, said = run(dead, tmp_path / "no.yaml")
    assert status == 2
    assert said.endswith("is not YAML, at line 2\n")


def test_nothing_is_made_where_an_experiment_was_deleted(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """It is looked for before anything is made."""
    with environment(ADMIN):
        client = MlflowClient(server.url)
        client.delete_experiment(client.create_experiment("deleted.journal"))
    teams, names = {TEAM: [MODEL, "late"]}, {"journal": "deleted.journal"}
    status, said = run(server, written(tmp_path, wish(teams=teams, names=names)))
    assert status == 2
    assert said.startswith("grants: the experiment deleted.journal was deleted: bring it back")
    with environment(ADMIN):
        assert f"dev.{TEAM}.late" not in {each.name for each in client.search_registered_models()}


def test_found_model_is_of_the_team_whose_name_fits_best(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """Of `ml` and `ml.risk`, and not of both; a team that has no model yet can train."""
    with environment(ADMIN):
        MlflowClient(server.url).create_registered_model("dev.ml.risk.b")
    password = {"variable": "PASSWORD"}
    accounts = {
        f"of-{team}": {"teams": [team], "roles": {"dev": "trainer"}, "password": password}
        for team in ("ml", "ml.risk")
    }
    file = written(tmp_path, wish(accounts=accounts, teams={"ml": [], "ml.risk": ["a"]}))
    said = grants(server, file, "--dry-run", PASSWORD=PASSWORD)
    assert "would grant EDIT on registered_model dev.ml.risk.b to of-ml.risk\n" in said
    assert "would grant EDIT on experiment dev.ml to of-ml\n" in said
    assert "registered_model dev.ml.risk.b to of-ml\n" not in said


def test_first_run_says_that_everybody_may_read_everything(
    server: AuthenticatedServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By an account that it has just made, where there was none."""
    module = script()
    monkeypatch.setattr(module.Server, "default_permission", lambda _, account: f"READ {account}")
    known = {"admin": module.Known(1, is_admin=True)}
    monkeypatch.setattr(module.Server, "accounts", lambda _: known)
    accounts = {"firstly": {"roles": {"dev": "trainer"}, "password": {"variable": "PASSWORD"}}}
    said = grants(server, written(tmp_path, wish(accounts=accounts)), PASSWORD=PASSWORD)
    assert "every account may read everything" in said


@pytest.mark.usefixtures("versions")
def test_doctor_names_what_the_account_lacks_and_nothing_else(server: AuthenticatedServer) -> None:
    """READ by reading bytes, EDIT by what MLflow says, and a grant that matches nothing."""
    server.create_account("eve", PASSWORD)
    server.may_read("eve", "registered_model", model("prod"))
    server.may_read("eve", "registered_model", "prod.*")
    served = {"PODIUM_MODELS": f"{model('prod')}@champion", "MLFLOW_TRACKING_URI": server.url}
    done = CliRunner(env={**served, **_as("eve")}).invoke(
        main, ["doctor", "--role", "promoter", "--json"]
    )
    found = {each["code"]: each for each in json.loads(done.stdout)["troubles"]}
    assert set(found) == {"artifact_forbidden", "permission_missing", "grant_matches_nothing"}
    assert "READ on the experiment" in found["artifact_forbidden"]["sentence"]
    assert f"EDIT on the model {model('prod')}" in found["permission_missing"]["sentence"]
    assert found["grant_matches_nothing"]["subject"] == "READ on prod.*"


def test_nothing_is_made_where_a_password_is_missing(
    server: AuthenticatedServer, tmp_path: Path
) -> None:
    """Neither the account nor what comes before it; one line says which."""
    accounts = {"carl": {"roles": {"dev": "trainer"}, "password": {"variable": "CARLS"}}}
    file = written(tmp_path, wish(accounts=accounts, teams={TEAM: [MODEL, "another"]}))
    status, said = run(server, file)
    assert (status, said.count("\n")) == (2, 1)
    assert said.startswith("grants: no password for carl")
    with environment(ADMIN):
        names = [each.name for each in MlflowClient(server.url).search_registered_models()]
    assert f"dev.{TEAM}.another" not in names


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"users": {}}, "unknown users"),
        ({"environments": {"dev": {"new_models": "all"}}}, "new_models is grant, or name"),
        ({"accounts": {"x": {"roles": {"dev": "owner"}}}}, "account x: unknown role owner"),
        ({"accounts": {"x": {"roles": {"test": "trainer"}}}}, "unknown environment test"),
        ({"accounts": {"x": {"teams": ["theirs"], "roles": {}}}}, "unknown team theirs"),
        ({"accounts": {"x": {"password": "secret"}}}, "password of x must be a mapping"),
        (
            {"accounts": {"x": {"roles": {"dev": "service", "staging": "validator"}}}},
            "a validator cannot be a service too",
        ),
        ({"accounts": {"x": {"roles": ["secret"]}}}, "roles of x must be a mapping"),
        ({"teams": {TEAM: MODEL}}, f"team {TEAM} must be a list"),
        ({"names": {"copies": "{environmnt}"}}, "names: copies may hold"),
        ({"names": {"journal": "{team.x}"}}, "names: journal may hold"),
        ({"names": {"models": "{environment}.{team}"}}, "models must hold {model}"),
        ({"names": {"models": "{team}.{model}"}}, f"would have the name {TEAM}.{MODEL}"),
        ({"teams": {TEAM: ["a/b"]}}, f"neither / nor : in the name of a model: dev.{TEAM}.a/b"),
        *(
            ({"teams": {TEAM: [each]}}, f"team {TEAM}: a name must be text; put it in quotes")
            for each in (1.1, None, "", {"f": "g"})
        ),
        ({"teams": {True: [MODEL]}}, "teams: a name must be text"),
        ({"environments": {True: None}}, "environments: a name must be text"),
        ({"accounts": {7: {}}}, "accounts: a name must be text"),
        ({"accounts": {"x": {"roles": {"dev": True}}}}, "roles of x: a name must be text"),
        ({"names": {"copies": " "}}, "names: copies: a name must be text"),
    ],
)
def test_file_that_cannot_be_meant_so_is_refused(told: dict[str, Any], said: str) -> None:
    """With the name of what is wrong, and never a password."""
    module = script()
    with pytest.raises(module.BadFile, match=said) as refused:
        module.Wish.of(wish(**told))
    assert "secret" not in str(refused.value)


def test_key_that_stands_twice_is_refused_by_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """YAML would take the second, and the account have half of its roles; merging keys is fine."""
    file = tmp_path / "twice.yaml"
    file.write_text("accounts:\n  eve: &role {password: secret}\n  bob: *role\n  eve: {}\n")
    assert script().main([str(file)]) == 2
    assert capsys.readouterr().err == "grants: line 4: this key stands twice in one mapping\n"
    file.write_text("a: &a {x: 1, y: 2}\nb: &b {<<: *a, x: 3}\nc: {<<: *b, y: 4}\n")
    script().main([str(file)])
    assert "the file: unknown a, b, c" in capsys.readouterr().err


def test_script_needs_mlflow_and_yaml_alone() -> None:
    """Beside Python's own modules; so it can be copied to wherever the server is."""
    tree = ast.walk(ast.parse(SCRIPT.read_text()))
    named = {
        str(name).partition(".")[0]
        for node in tree
        for name in (
            [node.module]
            if isinstance(node, ast.ImportFrom)
            else [each.name for each in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert named - sys.stdlib_module_names == {"mlflow", "yaml"}


def test_example_is_as_it_would_be_without_names() -> None:
    """It shows what they are if left out."""
    module = script()
    told = yaml.safe_load(EXAMPLE.read_text())
    assert module.Wish.of(told) == module.Wish.of({**told, "names": None})


@cache
def script() -> Any:
    """The file as a module."""
    found = importlib.util.spec_from_file_location("grants", SCRIPT)
    assert found is not None
    assert found.loader is not None
    made = importlib.util.module_from_spec(found)
    sys.modules["grants"] = made
    found.loader.exec_module(made)
    return made
