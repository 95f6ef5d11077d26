"""Makes the accounts of an MLflow server, and what each may do, be as a YAML file says.

    export MLFLOW_TRACKING_URI=https://mlflow.example
    export MLFLOW_TRACKING_USERNAME=admin MLFLOW_TRACKING_PASSWORD=...
    python grants.py grants.yaml --dry-run
    python grants.py grants.yaml

For a server with `--app-name basic-auth`, as its administrator; needs mlflow (3.17 or later) and
PyYAML alone. `grants.example.yaml` has every key. What the file lists and the server lacks is made:
accounts, registered models, experiments, grants; an account's own grant of another level is
changed. Roles that were made by hand are read and never altered, since others may have them.
Nothing is ever taken away: what the server has and the file does not list is named, and so is a
DENY on what the file grants. A second run changes nothing, and one that was interrupted is finished
by the next.
Grants are by exact names: MLflow takes one on `prod.*`, which matches nothing. Models are made,
empty, since without workspaces every account may make one of any free name, and then MANAGE it.

Exit status: 0 all is as the file says; 1 MLflow refuses, or does not answer, or a DENY stands
against the file; 2 the file cannot be meant so, an experiment that it names was deleted, or a
password is missing: nothing was changed then.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import yaml

MODEL, VERSION, EXPERIMENT = "registered_model", "registered_model_version", "experiment"
LEVELS: Final = ("READ", "USE", "EDIT", "MANAGE")
DENY: Final = "DENY"
"""Forbids what any other grant of the account allows."""
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
Place = tuple[str, str]
"""An environment and a team."""


class BadFile(Exception):
    """The file cannot be meant so."""


class Grant(NamedTuple):
    """On what an account has a permission; `id` is a model's name, an experiment's id, or `*`."""

    account: str
    kind: str
    id: str


class Held(NamedTuple):
    """A grant that an account has, by its own role or by one that others may have too."""

    grant: Grant
    level: str
    role_id: int
    role: str
    own: bool

    @property
    def by(self) -> str:
        """As a clause."""
        return "" if self.own else f" by the role {self.role}"


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
        environments = {name: _new_models(name, each) for name, each in _map(told, "environments")}
        teams = {name: _list(f"team {name}", each or ()) for name, each in _map(told, "teams")}
        accounts = {
            name: _account(name, each, environment=environments, role=ROLES, team=teams)
            for name, each in _map(told, "accounts")
        }
        names = {**NAMES, **_keys("names", told.get("names") or {}, *NAMES)}
        wish = cls(environments, teams, accounts, names, told.get("workspace"))
        wish._check_names()
        return wish

    def _check_names(self) -> None:
        for what in self.names:
            self.named(what, "environment", "team", "model")
        if not self.is_by_model("models"):
            raise BadFile("names: models must hold {model}")
        listed = [name for name, _ in self.listed()]
        # mlflow/utils/validation.py, _validate_model_name
        if wrong := [name for name in listed if "/" in name or ":" in name]:
            raise BadFile(f"MLflow admits neither / nor : in the name of a model: {wrong[0]}")
        if twice := sorted({each for each in listed if listed.count(each) > 1}):
            raise BadFile(f"two models would have the name {', '.join(twice)}")

    def named(self, what: str, environment: str, team: str, model: str = "") -> str:
        """The name of a model or experiment. Raises `BadFile` where it cannot be made."""
        template = _text(f"names: {what}", self.names[what])
        try:
            return template.format(environment=environment, team=team, model=model)
        except (KeyError, IndexError, ValueError, AttributeError) as error:
            raise BadFile(f"names: {what} may hold {{environment}}, {{team}}, {{model}}") from error

    def is_by_model(self, what: str) -> bool:
        """Whether each model has one of its own."""
        return self.named(what, "", "", "a") != self.named(what, "", "", "b")

    def places(self) -> Iterator[Place]:
        """Each team in each environment."""
        return product(self.environments, self.teams)

    def listed(self) -> Iterator[tuple[str, tuple[str, str, str]]]:
        """The name of each model that the file lists, and where: environment, team, model."""
        for place in self.places():
            for model in self.teams[place[1]]:
                yield self.named("models", *place, model), (*place, model)

    def owner(self, name: str) -> tuple[str, str, str] | None:
        """Whose model that is, where it is nobody's that is listed: the team whose name fits best.

        Of `ml` and `ml.risk`, `dev.ml.risk.b` is the latter's.
        """
        fits: list[tuple[int, tuple[str, str, str]]] = []
        for place in self.places():
            before, _, after = self.named("models", *place, "\n").partition("\n")
            model = name[len(before) : len(name) - len(after)]
            if model and before + model + after == name:
                fits.append((len(model), (*place, model)))
        return min(fits)[1] if fits else None


def _text(where: str, told: Any) -> str:
    """What is no text for YAML would get another name: `1.10` that of 1.1, and `yes` of True."""
    if not isinstance(told, str) or not told.strip():
        raise BadFile(f"{where}: a name must be text; put it in quotes")
    return told


def _list(where: str, told: Any) -> tuple[str, ...]:
    if isinstance(told, str) or not isinstance(told, Sequence):
        raise BadFile(f"{where} must be a list")
    return tuple(_text(where, each) for each in told)


def _keys(where: str, told: Any, *known: str) -> Mapping[str, Any]:
    if not isinstance(told, Mapping):
        raise BadFile(f"{where} must be a mapping")
    if unknown := sorted({str(key) for key in told} - set(known)):
        raise BadFile(f"{where}: unknown {', '.join(unknown)}; known are {', '.join(known)}")
    return told


def _map(told: Mapping[str, Any], key: str) -> Sequence[tuple[str, Any]]:
    if not isinstance(told.get(key), Mapping) or not told[key]:
        raise BadFile(f"{key} must be a mapping, and not empty")
    return [(_text(key, name), each) for name, each in told[key].items()]


def _new_models(name: str, told: Any) -> bool:
    how = _keys(f"environment {name}", told or {}, "new_models").get("new_models", "name")
    if how not in {"grant", "name"}:
        raise BadFile(f"environment {name}: new_models is grant, or name")
    return bool(how == "grant")


def _account(name: str, told: Any, **known: Collection[str]) -> Account:
    told = _keys(f"account {name}", told, "roles", "teams", "password")
    given = told.get("roles") or {}
    if not isinstance(given, Mapping):
        raise BadFile(f"roles of {name} must be a mapping")
    words = f"roles of {name}"
    roles = {_text(words, where): _text(words, role) for where, role in given.items()}
    teams = _list(f"teams of {name}", told.get("teams") or tuple(known["team"]))
    uses = {"environment": set(roles), "role": set(roles.values()), "team": set(teams)}
    for kind, names in uses.items():
        if unknown := sorted(names - set(known[kind])):
            raise BadFile(f"account {name}: unknown {kind} {', '.join(unknown)}")
    if uses["role"] >= {"validator", "service"}:
        raise BadFile(
            f"account {name}: a validator cannot be a service too: MLflow's grant on versions "
            "holds for every model that an account may read; make it two accounts"
        )
    where = _keys(f"password of {name}", told.get("password") or {}, "variable", "file")
    return Account(teams, roles, where)


class Known(NamedTuple):
    """An account that the server has."""

    id: int
    is_admin: bool


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

    def accounts(self) -> Mapping[str, "Known"]:
        """Each one's name, and what the server knows of it."""
        users = self.ask("GET", "2.0/mlflow/users/list")["users"]
        return {each["username"]: Known(int(each["id"]), bool(each["is_admin"])) for each in users}

    def grants(self, account: str, known: "Known") -> list[Held]:
        """Its grants in this workspace, its own and those of roles that it has."""
        answer = self.ask("GET", "3.0/mlflow/users/permissions/list", username=account)
        workspace = os.environ.get("MLFLOW_WORKSPACE", "default")
        return [
            Held(
                Grant(account, each["resource_type"], each["resource_pattern"]),
                each["permission"],
                each["role_id"],
                each["role_name"],
                # MLflow's own, of which no other account has a part (mlflow/server/auth).
                each["role_name"] == f"__user_{known.id}__",
            )
            for each in answer["permissions"]
            if each["workspace"] == workspace
        ]

    def make_account(self, name: str, password: str) -> None:
        """That may do nothing yet."""
        self.ask("POST", "2.0/mlflow/users/create", username=name, password=password)

    def grant(self, grant: Grant, permission: str) -> None:
        """Of what the account has no grant of its own on yet."""
        on = {"username": grant.account, "resource_type": grant.kind, "resource_id": grant.id}
        route = "3.0/mlflow/users/permissions/grant"
        self.ask("POST", route, permission=permission, **on)

    def change(self, held: Held, permission: str) -> None:
        """That grant, the account's own, is of that level, without a moment of none."""
        listed = self.ask("GET", "3.0/mlflow/roles/permissions/list", role_id=held.role_id)
        for each in listed["role_permissions"]:
            if (each["resource_type"], each["resource_pattern"]) == held.grant[1:]:
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
    """Brings one server to what the file says.

    Attributes:
        changes: how many were made, or would be.
        forbidden: how many grants of the file a DENY stands against.
    """

    def __init__(self, wish: Wish, server: Server, *, dry: bool) -> None:
        self._wish, self._server, self._dry = wish, server, dry
        self._there = server.models()
        self._accounts = server.accounts()
        self._models = self._found()
        self._ids: dict[str, str] = {}
        self.changes = self.forbidden = 0

    def _found(self) -> Mapping[Place, Sequence[str]]:
        """By their short names: the listed ones, and those found where that is wished for."""
        listed = dict(self._wish.listed())
        found = {place: list(self._wish.teams[place[1]]) for place in self._wish.places()}
        for name in sorted(self._there - set(listed)):
            owner = self._wish.owner(name)
            if owner is not None and self._wish.environments[owner[0]]:
                found[owner[:2]].append(owner[2])
        return found

    def run(self) -> None:
        """Everything, in an order in which each step can be the last."""
        self._check()
        for name, account in self._wish.accounts.items():
            if name not in self._accounts:
                self._do(f"make account {name}", self._server.make_account, name, account.secret())
        make_model = self._server.client.create_registered_model
        for name, _ in self._wish.listed():
            if name not in self._there:
                self._do(f"make registered model {name}", make_model, name)
        make = self._server.client.create_experiment
        for name in self._experiments():
            if name not in self._ids:
                self._ids[name] = str(self._do(f"make experiment {name}", make, name) or name)
        wanted = self._wanted()
        held = [
            each
            for name, known in self._accounts.items()
            for each in self._server.grants(name, known)
        ]
        for grant, permission in wanted.items():
            self._grant(grant, permission, held)
        self._name_others(wanted, held)

    def _check(self) -> None:
        new = [each for each in self._wish.accounts.items() if each[0] not in self._accounts]
        if missing := [name for name, account in new if not account.secret()]:
            raise BadFile(
                f"no password for {', '.join(missing)}, to be made: set the variable, or write the "
                "file, that the account's password names"
            )
        for name in self._experiments():
            found = self._server.client.get_experiment_by_name(name)
            if found is not None and found.lifecycle_stage != "active":
                raise BadFile(
                    f"the experiment {name} was deleted: bring it back with "
                    f"mlflow experiments restore --experiment-id {found.experiment_id}"
                )
            if found is not None:
                self._ids[name] = str(found.experiment_id)

    def _do(self, what: str, make: Callable[..., Any], *given: Any) -> Any:
        self.changes += 1
        print(f"{'would ' if self._dry else ''}{what}", flush=True)
        return None if self._dry else make(*given)

    def _names(self, what: str, place: Place) -> list[str]:
        """Of models or experiments; one that no model has alone is there without a model too."""
        models = self._models[place] if self._wish.is_by_model(what) else [""]
        return [self._wish.named(what, *place, model) for model in models]

    def _experiments(self) -> Sequence[str]:
        kinds = sorted({*NAMES} - {"models"})
        each = (self._names(what, place) for place in self._wish.places() for what in kinds)
        return list(dict.fromkeys(name for names in each for name in names))

    def _wanted(self) -> Mapping[Grant, str]:
        wanted: dict[Grant, str] = {}
        for name, account in self._wish.accounts.items():
            for (environment, role), team in product(account.roles.items(), account.teams):
                for what, permission in ROLES[role].items():
                    for target in self._targets(what, (environment, team)):
                        grant = Grant(name, *target)
                        wanted[grant] = max(wanted.get(grant, "READ"), permission, key=LEVELS.index)
        return wanted

    def _targets(self, what: str, place: Place) -> list[tuple[str, str]]:
        if what == "versions":
            return [(VERSION, "*")]
        names = self._names(what, place)
        return [
            (MODEL, each) if what == "models" else (EXPERIMENT, self._ids[each]) for each in names
        ]

    def _grant(self, grant: Grant, wanted: str, held: Sequence[Held]) -> None:
        told = f"{wanted} on {self._shown(grant)} to {grant.account}"
        on = [each for each in held if each.grant == grant]
        denied = [each for each in held if each.level == DENY and _is_on(each.grant, grant)]
        if denied:
            self.forbidden += 1
            against = f"{DENY} on {self._shown(denied[0].grant)}{denied[0].by} stands against it"
            print(f"not granted: {told}; {against}, and is left to you")
            return
        own = next((each for each in on if each.own), None)
        if own is not None and own.level != wanted:
            self._do(f"grant {told}, which had {own.level}", self._server.change, own, wanted)
        elif own is None and not any(_reaches(each.level, wanted) for each in on):
            self._do(f"grant {told}", self._server.grant, grant, wanted)

    def _shown(self, grant: Grant) -> str:
        names = {(EXPERIMENT, number): name for name, number in self._ids.items()}
        return f"{grant.kind} {names.get((grant.kind, grant.id), grant.id)}"

    def _name_others(self, wanted: Mapping[Grant, str], held: Sequence[Held]) -> None:
        for name, known in self._accounts.items():
            if name not in self._wish.accounts and not known.is_admin:
                print(f"not in the file: account {name}")
        for each in held:
            if self._is_other(each, wanted) and not self._accounts[each.grant.account].is_admin:
                told = f"{each.level} on {self._shown(each.grant)}"
                has = f", which {each.grant.account} has{each.by}"
                print(f"not in the file: {told}{has}{self._matches_nothing(each.grant)}")
        for name in sorted(self._others()):
            print(f"not in the file: registered model {name}")
        self._name_default()

    def _is_other(self, held: Held, wanted: Mapping[Grant, str]) -> bool:
        """Whether the file has no such grant, or a lower one than a role gives the account."""
        level = wanted.get(held.grant)
        if level is None:
            return True
        return not held.own and held.level != level and _reaches(held.level, level)

    def _name_default(self) -> None:
        """Says it where accounts may read what was never granted; it takes an account to ask."""
        there = [name for name, known in self._accounts.items() if not known.is_admin]
        made = (
            []
            if self._dry
            else [name for name in self._wish.accounts if name not in self._accounts]
        )
        account = next(iter([*there, *made]), None)
        if account and self._server.default_permission(account) != "NO_PERMISSIONS":
            print(
                "every account may read everything: set default_permission = NO_PERMISSIONS in the "
                "file that MLFLOW_AUTH_CONFIG_PATH names"
            )

    def _matches_nothing(self, grant: Grant) -> str:
        nothing = grant.kind == MODEL and grant.id not in {*self._there, "*"}
        return "; it matches nothing, since there is no such model" if nothing else ""

    def _others(self) -> set[str]:
        """Models of an environment of which the file knows nothing."""
        known = {name for place in self._wish.places() for name in self._names("models", place)}
        begins = tuple(f"{environment}." for environment in self._wish.environments)
        return {name for name in self._there - known if name.startswith(begins)}


def _reaches(level: str, wanted: str) -> bool:
    return level in LEVELS and LEVELS.index(level) >= LEVELS.index(wanted)


def _is_on(held: Grant, grant: Grant) -> bool:
    return held[:2] == grant[:2] and held.id in {"*", grant.id}


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, of which YAML would drop the first unsaid."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """As PyYAML does; raises `BadFile`."""
        node = super().compose_mapping_node(anchor)
        known = set[tuple[str, str]]()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in known:
                    raise BadFile(
                        f"line {key.start_mark.line + 1}: this key stands twice in one mapping"
                    )
                known.add((key.tag, key.value))
        return node


def _wish_in(file: Path) -> Wish:
    """Raises `BadFile`, which quotes nothing of the file: there may be a password in it."""
    try:
        return Wish.of(yaml.load(file.read_text(), _Loader))  # noqa: S506 - a safe one
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{file} cannot be read: {type(error).__name__}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", at line {mark.line + 1}" if mark else ""
        raise BadFile(f"{file} is not YAML{line}") from error


def _said(error: Exception) -> str:
    """Why it came to nothing, without the address, in which a password may be."""
    said = str(error).partition("\n")[0]
    no_answer = ("failed with exception", "too many 5", "Failed to parse response")
    if not hasattr(error, "error_code") or any(each in said for each in no_answer):
        return "MLflow does not answer as it should: is it running, and at that address?"
    return re.sub(r"\S*://\S*", "the address", said)[:300]


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
        wish = _wish_in(given.file)
        if wish.workspace:
            os.environ["MLFLOW_WORKSPACE"] = wish.workspace
        work = Work(wish, Server(), dry=given.dry_run)
        work.run()
    except BadFile as error:
        print(f"grants: {error}", file=sys.stderr)
        return 2
    # Those of requests are OSErrors, also for an answer that is not JSON.
    except (MlflowException, OSError) as error:
        print(f"grants: {_said(error)}", file=sys.stderr)
        return 1
    done = f"{work.changes} to do" if given.dry_run else f"{work.changes} done"
    print(done if work.changes else "nothing to do")
    return 1 if work.forbidden else 0


if __name__ == "__main__":
    sys.exit(main())
