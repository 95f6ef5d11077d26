"""One of the two MLflow servers of a copy, with what its own client reads of an environment.

MLflow's client takes credentials from the process's environment, whichever server it asks. So the
target has an environment of its own: the one that there is, without credentials of the source, and
with each variable `PODIUM_TO_X` as `X`.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from service.config.addresses import MlflowAddresses, shown
from service.registry.writer.faults import UNAUTHENTICATED, WriteRefused
from service.registry.writer.writer import Writer

TO: Final = "PODIUM_TO_"
# What names an account, or a part of one server; certificates of authorities are everybody's.
_OF_ONE_SERVER: Final = frozenset(
    {
        *("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"),
        *("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_AWS_SIGV4", "MLFLOW_TRACKING_CLIENT_CERT_PATH"),
        *("MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_WORKSPACE", "MLFLOW_EXPERIMENT_ID"),
        *("MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"),
    }
)
# What names an account of a bucket: clients take the first that they find, so that one of the
# target's own would be passed over for another one of the source's.
_OF_ONE_BUCKET: Final = (
    frozenset(
        {
            *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
            *("AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION", "AWS_PROFILE"),
            *("AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME"),
            *("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
        }
    ),
    frozenset(
        {
            *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_ACCESS_KEY", "AZURE_CLIENT_ID"),
            *("AZURE_CLIENT_SECRET", "AZURE_TENANT_ID", "AZURE_CLIENT_CERTIFICATE_PATH"),
            *("AZURE_FEDERATED_TOKEN_FILE", "AZURE_USERNAME", "AZURE_PASSWORD"),
        }
    ),
)


@dataclass(frozen=True)
class MlflowServer:
    """Where versions are, and as whom they are asked for.

    Attributes:
        environment: of everything that asks this server.
        is_other: whether it is not the one of the environment that there is.
    """

    addresses: MlflowAddresses
    environment: Mapping[str, str] = field(repr=False)
    is_other: bool = False

    @classmethod
    def source(cls, addresses: MlflowAddresses, environment: Mapping[str, str]) -> "MlflowServer":
        """The one that this environment means."""
        return cls(addresses, _addressed(addresses, environment))

    @classmethod
    def target(cls, uri: str, environment: Mapping[str, str]) -> "MlflowServer":
        """Another one, which no credential of this environment is sent to, but those meant for it.

        A file `~/.mlflow/credentials` is MLflow's own, and read for every server.
        """
        addresses = MlflowAddresses(uri, uri)
        own = {
            name.removeprefix(TO): text for name, text in environment.items() if name.startswith(TO)
        }
        buckets = (each for each in _OF_ONE_BUCKET if not each.isdisjoint(own))
        not_its = _OF_ONE_SERVER.union(*buckets)
        common = {name: text for name, text in environment.items() if name not in not_its}
        return cls(addresses, _addressed(addresses, common | own), is_other=True)

    @contextlib.contextmanager
    def asked(self) -> Iterator[Writer]:
        """While it lasts, this process asks that server as that account; one at a time."""
        before = dict(os.environ)
        try:
            _become(self.environment)
            yield Writer(self.addresses)
        except WriteRefused as refused:
            if refused.code != UNAUTHENTICATED or not self.is_other:
                raise
            raise WriteRefused(
                f"{shown(self.addresses.registry)} does not know this account: set "
                f"{TO}MLFLOW_TRACKING_USERNAME and {TO}MLFLOW_TRACKING_PASSWORD, or "
                f"{TO}MLFLOW_TRACKING_TOKEN",
                UNAUTHENTICATED,
            ) from refused
        finally:
            _become(before)


def _addressed(addresses: MlflowAddresses, environment: Mapping[str, str]) -> Mapping[str, str]:
    return {**environment, "MLFLOW_REGISTRY_URI": addresses.registry, **addresses.variables}


def _become(environment: Mapping[str, str]) -> None:
    os.environ.update(environment)
    for name in set(os.environ) - set(environment):
        del os.environ[name]
