"""Artifact stores and databases that the service itself opens, set up wrongly; all are real."""

from collections.abc import Iterator
from contextlib import contextmanager
from re import Match
from typing import Final

import boto3

from tests.doctor.ground import NAME, Broken, Ground
from tests.support.authenticated import environment
from tests.support.object_store import BUCKET, object_store
from tests.support.postgres import postgres_server
from tests.support.registered import Registry
from tests.support.tracking import free_port

_ENDPOINT: Final = "MLFLOW_S3_ENDPOINT_URL"


@contextmanager
def _in_a_bucket(ground: Ground) -> Iterator[str]:
    """The alias is on a version whose files are in an S3 store; the store's address."""
    with object_store(ground.folder) as store:
        ground.variables |= store.environment
        client = boto3.client(
            "s3",
            endpoint_url=store.url,
            aws_access_key_id="key",
            aws_secret_access_key="secret",
            region_name="us-east-1",
        )
        for path in ground.saved.rglob("*"):
            if path.is_file():
                key = f"m/{path.relative_to(ground.saved).as_posix()}"
                client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
        made = ground.registry.client.create_model_version(NAME, f"s3://{BUCKET}/m")
        ground.registry.move("champion", str(made.version))
        yield store.url


@contextmanager
def store_elsewhere(ground: Ground) -> Iterator[Broken]:
    """Nobody listens at its endpoint."""
    with _in_a_bucket(ground) as url:
        ground.variables[_ENDPOINT] = f"http://127.0.0.1:{free_port()}"

        def correct(found: Match[str]) -> None:
            ground.variables[found[1]] = url

        subject = f"{NAME}@champion (version 2)"
        says = r"does not answer: check (\w+)"
        yield Broken(subject, "artifact_store_unreachable", says, correct)


@contextmanager
def no_profile(ground: Ground) -> Iterator[Broken]:
    """A profile of AWS's that this account does not have."""
    with _in_a_bucket(ground):
        ground.variables["AWS_PROFILE"] = "nobody"

        def take_away(found: Match[str]) -> None:
            del ground.variables[found[1]]

        subject = f"{NAME}@champion (version 2)"
        says = r"named wrongly: check .*(AWS_PROFILE).*Here it says: .*nobody"
        yield Broken(subject, "artifact_store_setting", says, take_away)


@contextmanager
def database_elsewhere(ground: Ground) -> Iterator[Broken]:
    """A PostgreSQL that its own variables name, with another port than its own."""
    password = "what-it-asks-for"
    with postgres_server(password) as url:
        port = url.rpartition(":")[2].partition("/")[0]
        right = {"PGHOST": "127.0.0.1", "PGUSER": "postgres", "PGPASSWORD": password}
        address = "postgresql+psycopg2:///postgres"
        with environment({**right, "PGPORT": port}):
            Registry(address, NAME).add(ground.saved, "champion")
        wrong = {"PGPORT": str(free_port()), "MLFLOW_TRACKING_URI": address}
        ground.variables |= right | wrong

        def correct(found: Match[str]) -> None:
            ground.variables[f"PG{found[1].upper()}"] = port

        says = r"cannot be opened: check its host, (port).*PGHOST"
        yield Broken("the registry", "registry_database", says, correct)
