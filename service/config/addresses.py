"""Addresses: which MLflow is meant, what is one at all, and how one is shown to people."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Self
from urllib.parse import SplitResult, quote, urlsplit

_WEB = ("http://", "https://")
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class MlflowAddresses:
    """Where one MLflow is reached. They may hold passwords: print them by `shown`.

    Attributes:
        registry: is asked about models, versions and aliases.
        tracking: holds runs and passes artifacts on; None for MLflow's own default.
    """

    registry: str = field(repr=False)
    tracking: str | None = field(repr=False)

    @classmethod
    def named_in(cls, environment: Mapping[str, str]) -> Self | None:
        """What MLflow's own variables say; None if neither is set.

        A registry alone that is a server is the tracking server too: MLflow asks that one for the
        artifacts that a server passes on (mlflow/store/artifact/mlflow_artifacts_repo.py).
        """
        tracking = environment.get("MLFLOW_TRACKING_URI") or None
        registry = environment.get("MLFLOW_REGISTRY_URI") or tracking
        if registry is None:
            return None
        return cls(registry, tracking or (registry if registry.startswith(_WEB) else None))

    @property
    def variables(self) -> Mapping[str, str]:
        """The tracking server's, to be laid over an environment that may lack it."""
        return {} if self.tracking is None else {"MLFLOW_TRACKING_URI": self.tracking}


def workspace_of(environment: Mapping[str, str]) -> str:
    """The workspace that MLflow's client names to a server; empty where it names none."""
    return environment.get("MLFLOW_WORKSPACE", "").strip()


def shown_registry(addresses: MlflowAddresses, environment: Mapping[str, str]) -> str:
    """For people: the registry's address without passwords, and the workspace if one is named."""
    workspace, address = workspace_of(environment), shown(addresses.registry)
    return f"{address} workspace {workspace}" if workspace else address


def mlflow_pages(environment: Mapping[str, str]) -> str | None:
    """What `#/models/NAME` is added to for MLflow's page of a model; a database has no pages."""
    found = MlflowAddresses.named_in(environment)
    if found is None or not is_web_address(found.registry):
        return None
    workspace = environment.get("MLFLOW_WORKSPACE")
    named = f"?workspace={quote(workspace, safe='')}" if workspace else ""
    return f"{shown(found.registry).rstrip('/')}/{named}"


def url_of(host: str, port: int) -> str:
    """`http://HOST:PORT`; an IPv6 address stands in brackets (RFC 3986, section 3.2.2)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def is_web_address(text: str) -> bool:
    """Whether it reads `http://HOST`, with a port or without."""
    parts = _read(text)
    if parts is None or not text.isprintable():
        return False
    return parts.scheme in {"http", "https"} and is_host(parts.hostname or "")


def may_be_asked(text: str) -> bool:
    """Whether it is a web address, and plain where in it a password may be."""
    return is_web_address(text) and is_readable(text)


def is_near(address: str) -> bool:
    """Whether the address is this machine's own, where no proxy stands between."""
    # As urllib reads it: what is not a web address (MLflow takes others) is not near, and no error.
    try:
        return urlsplit(address).hostname in _LOOPBACK
    except ValueError:
        return False


def is_host(name: str) -> bool:
    """Whether it can be looked up as the name of one."""
    try:
        return bool(name.encode("idna"))
    except UnicodeError:
        return False


def shown(address: str) -> str:
    """The address without what may be secret: user and password, and all after a question mark."""
    parts = _read(address)
    if parts is None or not is_readable(address):
        return "an address that cannot be read"
    if not parts.netloc:
        return address.partition("?")[0]
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_readable(address: str) -> bool:
    """Whether it is plain where in it a password may be."""
    parts = _read(address)
    # An @ where none belongs may have a password before it.
    return parts is not None and "@" not in parts.path


def _read(address: str) -> SplitResult | None:
    """None for what is not an address; a port is read too, for it may be a part of a password."""
    try:
        parts = urlsplit(address)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return None
    return parts if has_port else None
