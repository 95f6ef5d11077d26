"""What one `podium up` is told, and the addresses and places that follow from it."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from service.config.addresses import url_of
from service.refs import ModelRef

MODEL = "basic_lr_iris_model"
ALIAS = "champion"

DEFAULT_MODELS = (ModelRef(MODEL, ALIAS),)

LOOPBACK = "127.0.0.1"
# Listening on every interface is not an address that one can call.
_EVERY_INTERFACE = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104 - compared with, never bound here


def callable_url(host: str, port: int) -> str:
    """Where a service that listens there is called from this machine."""
    return url_of(_EVERY_INTERFACE.get(host, host), port)


@dataclass(frozen=True, slots=True)
class UpSettings:
    """Where things are kept and where they listen.

    Attributes:
        home: the folder that holds MLflow's database and artifacts, the logs and `up.json`.
        host: the interface of the service; MLflow itself listens on the loopback alone.
        port: of the service.
        tracking_port: of MLflow.
        drain_seconds: how long the service may take to answer what it has begun, at its end.
        models: what is served; the first is the default model.
        admin_port: of what is for the operator, where the service has one of its own for that.
        makes_token: whether an admin token is made; not where somebody has brought one.
    """

    home: Path
    host: str
    port: int
    tracking_port: int
    drain_seconds: float
    makes_token: bool = True
    models: tuple[ModelRef, ...] = DEFAULT_MODELS
    admin_port: int | None = None

    @property
    def tracking_uri(self) -> str:
        """MLflow's address on this machine."""
        return url_of(LOOPBACK, self.tracking_port)

    @property
    def service_url(self) -> str:
        """An address of the service that can be called from this machine."""
        return callable_url(self.host, self.port)

    @property
    def admin_url(self) -> str:
        """The same of its console, and of what the admin token asks for."""
        return callable_url(self.host, self.port if self.admin_port is None else self.admin_port)

    def model_page(self, name: str) -> str:
        """MLflow's own page of that registered model, where its aliases are moved.

        Its first page shows traces and prompts, and no way to the models.
        """
        return f"{self.tracking_uri}/#/models/{quote(name, safe='')}"

    @property
    def logs(self) -> Path:
        """The folder of the children's logs."""
        return self.home / "logs"

    @property
    def admin_token(self) -> Path | None:
        """The file of the token that is made; None where none is."""
        return self.home / "admin-token" if self.makes_token else None
