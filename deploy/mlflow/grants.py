"""Makes the accounts of an MLflow server, and what each may do, be as a YAML file says.

    export MLFLOW_TRACKING_URI=https://mlflow.example
    export MLFLOW_TRACKING_USERNAME=admin MLFLOW_TRACKING_PASSWORD=...
    python grants.py grants.yaml --dry-run
    python grants.py grants.yaml

For a server with `--app-name basic-auth`, as its administrator; needs mlflow (3.17 or later) and
PyYAML alone. `grants.example.yaml` has every key. What the file lists and the server lacks is made:
accounts, registered models, experiments, grants; a grant of another level is changed. Nothing is
ever taken away: what the server has and the file does not list is named. A second run changes
nothing, and one that was interrupted is finished by the next.
Grants are by exact names: MLflow takes one on `prod.*`, which matches nothing. Models are made,
empty, since without workspaces every account may make one of any free name, and then MANAGE it.

Exit status: 0 all is as the file says; 1 MLflow refuses, or does not answer; 2 the file cannot be
meant so, or a password is missing: nothing was changed then.
"""

import argparse
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import yaml

MODEL, VERSION, EXPERIMENT = "registered_model", "registered_model_version", "experiment"
LEVELS: Final = ("READ", "USE", "EDIT", "MANAGE")
# What each role may do with: the models of its environment and teams, their versions, the
# experiments of trainings, those of copies and of validations, and the journal of moves.
_ROLES: Final = """\
service:   models=READ experiments=READ copies=READ
trainer:   models=EDIT experiments=EDIT
validator: models=READ versions=EDIT experiments=READ copies=READ validations=EDIT
promoter:  models=EDIT experiments=READ copies=EDIT validations=READ journal=EDIT
"""
ROLES: Final = {
    role.strip(): dict(each.split("=", 1) for each in told.split())
    for role, _, told in (line.partition(":") for line in _ROLES.splitlines())
}
NAMES: Final = {
    "models": "{environment}.{team}.{model}",
    "experiments": "{environment}.{team}",
    "copies": "podium/copies/{environment}.{team}.{model}",
    "validations": "{environment}.{team}.validations",
    "journal": "podium/journal",
}


class BadFile(Exception):
    """The file cannot be meant so."""


class Grant(NamedTuple):
    """On what an account has a permission; `id` is a model's name, an experiment's id, or `*`."""

    account: str
    kind: str
    id: str


@dataclass(frozen=True)
class Account:
    """One of the file's. `roles` is by environment; `password` says where it is kept."""

    teams: tuple[str, ...]
    roles: Mapping[str, str]
    password: Mapping[str, str]

    def secret(self) -> str | None:
        """Its password; None where there is none."""
        if "variable" in self.password:
            return os.environ.get(self.password["variable"]) or None
        file = self.password.get("file")
        try:
            return (Path(file).read_text().rstrip("\r\n") or None) if file else None
        except OSError:
            return None


@dataclass(frozen=True)
class Wish:
    """What the file says. `environments` is by name: whether models found there count as listed."""

    environments: Mapping[str, bool]
    teams: Mapping[str, tuple[str, ...]]
    accounts: Mapping[str, Account]
    names: Mapping[str, str] = field(default_factory=lambda: NAMES)
    workspace: str | None = None

    @classmethod
    def of(cls, told: Any) -> Self:
        """Raises `BadFile`."""
        told = _keys("the file", told, "environments", "teams", "accounts", "names", "workspace")
        environments = {
            str(name): _new_models(str(name), each) for name, each in _map(told, "environments")
        }
        teams = {str(name): tuple(map(str, each or ())) for name, each in _map(told, "teams")}
        accounts = {
            str(name): _account(str(name), each, environment=environments, role=ROLES, team=teams)
            for name, each in _map(told, "accounts")
        }
        names = {**NAMES, **_keys("names", told.get("names") or {}, *NAMES)}
        return cls(environments, teams, accounts, names, told.get("workspace"))

    def named(self, what: str, environment: str, team: str, model: str = "") -> str:
        """The name of a model or experiment. Raises `BadFile` where it cannot be made."""
        try:
            return self.names[what].format(environment=environment, team=team, model=model)
        except (KeyError, IndexError, ValueError) as error:
            raise BadFile(f"names: {what} may hold {{environment}}, {{team}}, {{model}}") from error


def _keys(where: str, told: Any, *known: str) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise BadFile(f"{where} must be a mapping")
    if unknown := sorted(set(map(str, told)) - set(known)):
        raise BadFile(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(known)}")
    return told


def _map(told: Mapping[str, Any], key: str) -> Sequence[tuple[Any, Any]]:
    if not isinstance(told.get(key), Mapping) or not told[key]:
        raise BadFile(f"{key} must be a mapping, and not empty")
    return list(told[key].items())


def _new_models(name: str, told: Any) -> bool:
    how = _keys(f"environment {name}", told or {}, "new_models").get("new_models", "name")
    if how not in {"grant", "name"}:
        raise BadFile(f"environment {name}: new_models is grant, or name")
    return bool(how == "grant")


def _account(name: str, told: Any, **known: Collection[str]) -> Account:
    told = _keys(f"account {name}", told, "roles", "teams", "password")
    roles = {str(where): str(role) for where, role in (told.get("roles") or {}).items()}
    teams = tuple(map(str, told.get("teams") or known["team"]))
    given = {"environment": set(roles), "role": set(roles.values()), "team": set(teams)}
    for kind, names in given.items():
        if unknown := sorted(names - set(known[kind])):
            raise BadFile(f"account {name}: unknown {kind} {', '.join(unknown)}")
    if given["role"] >= {"validator", "service"}:
        raise BadFile(
            f"account {name}: a validator cannot be a service too: MLflow's grant on versions "
            "holds for every model that an account may read; make it two accounts"
        )
    where = _keys(f"password of {name}", told.get("password") or {}, "variable", "file")
    return Account(teams, roles, where)


class Server:
    """An MLflow server with basic-auth, asked as its administrator."""

    def __init__(self) -> None:
        from mlflow import MlflowClient

        self._uri = os.environ.get("MLFLOW_TRACKING_URI", "")
        if not self._uri.startswith("http"):
            raise BadFile("which MLflow? Set MLFLOW_TRACKING_URI to its address")
        self.client = MlflowClient(self._uri, self._uri)

    def ask(self, method: str, route: str, **fields: Any) -> Any:
        """What it answers. Raises MLflow's own exceptions."""
        from mlflow.utils.credentials import get_default_host_creds
        from mlflow.utils.rest_utils import http_request, verify_rest_response

        route = f"/api/{route}"
        given = {"params" if method == "GET" else "json": fields}
        credentials = get_default_host_creds(self._uri)  # type: ignore[no-untyped-call]
        answer = http_request(credentials, route, method, **given)  # type: ignore[no-untyped-call]
        return verify_rest_response(answer, route).json()

    def accounts(self) -> Mapping[str, bool]:
        """Each one's name, and whether it is an administrator."""
        users = self.ask("GET", "2.0/mlflow/users/list")["users"]
        return {each["username"]: bool(each["is_admin"]) for each in users}

    def grants(self, account: str) -> Mapping[Grant, tuple[str, int]]:
        """Its grants in this workspace, by roles too: of which level, and by which role."""
        answer = self.ask("GET", "3.0/mlflow/users/permissions/list", username=account)
        workspace = os.environ.get("MLFLOW_WORKSPACE", "default")
        return {
            Grant(account, each["resource_type"], each["resource_pattern"]): (
                each["permission"],
                each["role_id"],
            )
            for each in answer["permissions"]
            if each["workspace"] == workspace
        }

    def make_account(self, name: str, password: str) -> None:
        """That may do nothing yet."""
        self.ask("POST", "2.0/mlflow/users/create", username=name, password=password)

    def grant(self, grant: Grant, permission: str) -> None:
        """Of what the account has no grant on yet."""
        on = {"username": grant.account, "resource_type": grant.kind, "resource_id": grant.id}
        route = "3.0/mlflow/users/permissions/grant"
        self.ask("POST", route, permission=permission, **on)

    def change(self, grant: Grant, permission: str, role: int) -> None:
        """The grant is of that level, without a moment in which there is none."""
        listed = self.ask("GET", "3.0/mlflow/roles/permissions/list", role_id=role)
        for each in listed["role_permissions"]:
            if (each["resource_type"], each["resource_pattern"]) == (grant.kind, grant.id):
                fields = {"role_permission_id": each["id"], "permission": permission}
                self.ask("PATCH", "3.0/mlflow/roles/permissions/update", **fields)

    def models(self) -> set[str]:
        """The names of all registered models."""
        names, token = set[str](), None
        while True:
            page = self.client.search_registered_models(max_results=1000, page_token=token)
            names |= {str(each.name) for each in page}
            token = page.token
            if not token:
                return names

    def default_permission(self, account: str) -> str:
        """What an account may do with that for which it has no grant."""
        fields = {"resource_type": "scorer", "resource_id": "*", "username": account}
        return str(self.ask("GET", "3.0/mlflow/users/permissions/get", **fields)["permission"])


class Work:
    """Brings one server to what the file says."""

    def __init__(self, wish: Wish, server: Server, *, dry: bool) -> None:
        self._wish, self._server, self._dry = wish, server, dry
        self._models = server.models()
        self._accounts = server.accounts()
        self._ids: dict[str, str] = {}
        self.changes = 0

    def run(self) -> None:
        """Everything, in an order in which each step can be the last."""
        self._check()
        for name, account in self._wish.accounts.items():
            if name not in self._accounts:
                self._do(f"make account {name}", self._server.make_account, name, account.secret())
        make_model = self._server.client.create_registered_model
        for name in self._listed_models():
            if name not in self._models:
                self._do(f"make registered model {name}", make_model, name)
        self._ids = {name: self._experiment(name) for name in dict.fromkeys(self._experiments())}
        wanted = self._wanted()
        held = {name: self._server.grants(name) for name in self._accounts}
        for grant, permission in wanted.items():
            self._grant(grant, permission, held.get(grant.account, {}))
        self._name_others(wanted, held)

    def _check(self) -> None:
        new = [each for each in self._wish.accounts.items() if each[0] not in self._accounts]
        if missing := [name for name, account in new if not account.secret()]:
            raise BadFile(
                f"no password for {', '.join(missing)}, to be made: set the variable, or write the "
                "file, that the account's password names"
            )

    def _do(self, what: str, make: Callable[..., Any], *given: Any) -> Any:
        self.changes += 1
        print(f"{'would ' if self._dry else ''}{what}", flush=True)
        return None if self._dry else make(*given)

    def _listed_models(self) -> Iterator[str]:
        for where, (team, models) in product(self._wish.environments, self._wish.teams.items()):
            yield from (self._wish.named("models", where, team, model) for model in models)

    def _models_of(self, environment: str, team: str) -> list[str]:
        """By their short names: the listed ones, and those found where that is wished for."""
        listed = list(self._wish.teams[team])
        if not self._wish.environments[environment]:
            return listed
        before, _, after = self._wish.named("models", environment, team, "\n").partition("\n")
        found = (
            name.removeprefix(before).removesuffix(after)
            for name in sorted(self._models)
            if name.startswith(before) and name.endswith(after)
        )
        return list(dict.fromkeys([*listed, *found]))

    def _experiments(self) -> Iterator[str]:
        for pair in product(self._wish.environments, self._wish.teams):
            for model, what in product(self._models_of(*pair), sorted({*NAMES} - {"models"})):
                yield self._wish.named(what, *pair, model)

    def _experiment(self, name: str) -> str:
        client = self._server.client
        found = client.get_experiment_by_name(name)
        if found is None:
            return str(self._do(f"make experiment {name}", client.create_experiment, name) or name)
        if found.lifecycle_stage != "active":
            raise BadFile(
                f"the experiment {name} was deleted: bring it back with "
                f"mlflow experiments restore --experiment-id {found.experiment_id}"
            )
        return str(found.experiment_id)

    def _wanted(self) -> Mapping[Grant, str]:
        wanted: dict[Grant, str] = {}
        for name, account in self._wish.accounts.items():
            for (environment, role), team in product(account.roles.items(), account.teams):
                for model in self._models_of(environment, team):
                    for what, permission in ROLES[role].items():
                        grant = Grant(name, *self._target(what, environment, team, model))
                        wanted[grant] = max(wanted.get(grant, "READ"), permission, key=LEVELS.index)
        return wanted

    def _target(self, what: str, environment: str, team: str, model: str) -> tuple[str, str]:
        if what == "versions":
            return VERSION, "*"
        name = self._wish.named(what, environment, team, model)
        return (MODEL, name) if what == "models" else (EXPERIMENT, self._ids[name])

    def _grant(self, grant: Grant, wanted: str, held: Mapping[Grant, tuple[str, int]]) -> None:
        told = f"{wanted} on {self._shown(grant)} to {grant.account}"
        if grant not in held:
            self._do(f"grant {told}", self._server.grant, grant, wanted)
            return
        level, role = held[grant]
        if level != wanted:
            what = f"grant {told}, which had {level}"
            self._do(what, self._server.change, grant, wanted, role)

    def _shown(self, grant: Grant) -> str:
        names = {(EXPERIMENT, number): name for name, number in self._ids.items()}
        return f"{grant.kind} {names.get((grant.kind, grant.id), grant.id)}"

    def _name_others(
        self, wanted: Mapping[Grant, str], held: Mapping[str, Mapping[Grant, tuple[str, int]]]
    ) -> None:
        for name, is_admin in self._accounts.items():
            if name not in self._wish.accounts and not is_admin:
                print(f"not in the file: account {name}")
        for grant, (level, _) in (each for of in held.values() for each in of.items()):
            if grant not in wanted and not self._accounts[grant.account]:
                told = f"{level} on {self._shown(grant)}, which {grant.account} has"
                print(f"not in the file: {told}{self._matches_nothing(grant)}")
        for name in sorted(self._others()):
            print(f"not in the file: registered model {name}")
        account = next((name for name in self._wish.accounts if name in self._accounts), None)
        if account and self._server.default_permission(account) != "NO_PERMISSIONS":
            print(
                "every account may read everything: set default_permission = NO_PERMISSIONS in the "
                "file that MLFLOW_AUTH_CONFIG_PATH names"
            )

    def _matches_nothing(self, grant: Grant) -> str:
        nothing = grant.kind == MODEL and grant.id not in {*self._models, "*"}
        return "; it matches nothing, since there is no such model" if nothing else ""

    def _others(self) -> set[str]:
        """Models of an environment of which the file knows nothing."""
        known = {
            self._wish.named("models", *pair, model)
            for pair in product(self._wish.environments, self._wish.teams)
            for model in self._models_of(*pair)
        }
        begins = tuple(f"{environment}." for environment in self._wish.environments)
        return {name for name in self._models - known if name.startswith(begins)}


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the file, does it, and says so; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, alone")
    given = parser.parse_args(arguments)
    # MLflow's own default keeps a caller for 246 s when nothing listens.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    from mlflow.exceptions import MlflowException

    try:
        wish = Wish.of(yaml.safe_load(given.file.read_text()))
        if wish.workspace:
            os.environ["MLFLOW_WORKSPACE"] = wish.workspace
        work = Work(wish, Server(), dry=given.dry_run)
        work.run()
    except (BadFile, OSError, yaml.YAMLError) as error:
        print(f"grants: {error}", file=sys.stderr)
        return 2
    except MlflowException as error:
        said = str(error).partition("\n")[0][:300]
        print(f"grants: {said}", file=sys.stderr)
        return 1
    done = f"{work.changes} to do" if given.dry_run else f"{work.changes} done"
    print(done if work.changes else "nothing to do")
    return 0


if __name__ == "__main__":
    sys.exit(main())
