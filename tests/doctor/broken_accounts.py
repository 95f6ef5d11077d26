"""Accounts of a real server with basic-auth, each granted something else than it needs."""

from collections.abc import Iterator
from contextlib import contextmanager
from re import Match
from typing import Final

from tests.doctor.ground import Broken, Ground
from tests.support.authenticated import ADMIN, AuthenticatedServer, environment

_PASSWORD: Final = "one that is long enough"


class Accounted:
    """An account of its own that may do all that a service needs, unless something is left out."""

    def __init__(self, ground: Ground, *, without: str = "") -> None:
        self.server: AuthenticatedServer = ground.fixture("accounts")
        with environment(ADMIN):
            ground.ask(self.server.url)
        self.model = ground.registry.name
        self.account = f"of-{self.model}"
        self.server.create_account(self.account, _PASSWORD)
        self.rights = {"model": self.read_model, "experiment": self.read_experiment}
        for what, give in self.rights.items():
            if what != without:
                give()
        ground.variables["MLFLOW_TRACKING_USERNAME"] = self.account
        ground.variables["MLFLOW_TRACKING_PASSWORD"] = _PASSWORD

    def read_model(self) -> None:
        """READ on the model."""
        self.server.may_read(self.account, "registered_model", self.model)

    def read_experiment(self) -> None:
        """READ on the experiment that has its files."""
        self.server.may_read(self.account, "experiment", "0")


@contextmanager
def wrong_password(ground: Ground) -> Iterator[Broken]:
    """Of an account that is there."""
    Accounted(ground)
    ground.variables["MLFLOW_TRACKING_PASSWORD"] = "another one altogether"

    def set_it(found: Match[str]) -> None:
        ground.variables[found[1]] = _PASSWORD

    says = r"set MLFLOW_TRACKING_USERNAME and (MLFLOW_TRACKING_PASSWORD)"
    yield Broken("the registry", "registry_unauthenticated", says, set_it)


@contextmanager
def token_of_nobody(ground: Ground) -> Iterator[Broken]:
    """One that has expired, or never was; the server takes names and passwords."""
    Accounted(ground)
    account = ground.variables.pop("MLFLOW_TRACKING_USERNAME")
    password = ground.variables.pop("MLFLOW_TRACKING_PASSWORD")
    ground.variables["MLFLOW_TRACKING_TOKEN"] = "expired"

    def set_both(found: Match[str]) -> None:
        ground.variables |= {found[1]: account, found[2]: password}

    says = r"set (\w+) and (\w+) instead of MLFLOW_TRACKING_TOKEN"
    yield Broken("the registry", "registry_unauthenticated", says, set_both)


@contextmanager
def no_read_on_the_experiment(ground: Ground) -> Iterator[Broken]:
    """The alias can be read, and the files cannot."""
    accounted = Accounted(ground, without="experiment")

    def give(found: Match[str]) -> None:
        accounted.rights[found[1]]()

    subject = f"{accounted.model}@champion (version 1)"
    says = r"give the account READ on the (experiment)"
    yield Broken(subject, "artifact_forbidden", says, give)


@contextmanager
def no_read_on_the_model(ground: Ground) -> Iterator[Broken]:
    """Its experiment alone may be read."""
    accounted = Accounted(ground, without="model")

    def give(found: Match[str]) -> None:
        accounted.rights[found[1]]()

    says = r"give it READ on the registered (model)"
    yield Broken(f"{accounted.model}@champion", "registry_forbidden", says, give)


@contextmanager
def grant_on_a_pattern(ground: Ground) -> Iterator[Broken]:
    """MLflow takes it, and compares it as a name."""
    accounted = Accounted(ground)
    server = accounted.server
    server.may_read(accounted.account, "registered_model", "prod.*")

    def take_away(_: Match[str]) -> None:
        server.take_away(accounted.account, "registered_model", "prod.*")

    says = r"grant each model by its name, and take this one away"
    yield Broken("READ on prod.*", "grant_matches_nothing", says, take_away)


@contextmanager
def promoter_without_edit(ground: Ground) -> Iterator[Broken]:
    """It may read all that it is to move."""
    accounted = Accounted(ground)
    ground.arguments += ["--role", "promoter"]

    def give(found: Match[str]) -> None:
        on = accounted.account, "registered_model", found[2]
        accounted.server.take_away(*on)
        {"EDIT": accounted.server.may_edit}[found[1]](*on)

    says = r"needs (EDIT) on the model (\S+), since .*: grant it"
    yield Broken(accounted.model, "permission_missing", says, give)
