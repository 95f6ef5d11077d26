"""An MLflow server, asked what only a server can tell: its time, and grants."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import MlflowHostCreds, http_request

from service.config.addresses import workspace_of
from service.doctor.rights import HeldGrant
from service.doctor.trouble import Trouble
from service.registry.writer.faults import asked

# As far as a webhook's time may be off (service/registry/webhooks/deliveries.py).
_MOST_APART: Final = 300.0
_NEEDS: Final = "to ask about itself"


@dataclass(frozen=True, slots=True)
class AskedServer:
    """Its address is http or https; every method raises `WriteRefused` and `Unreachable`."""

    uri: str

    def troubles(self) -> Sequence[Trouble]:
        """Of its time."""
        answer = self._ask("3.0/mlflow/server-info")
        return self._clock(answer.headers.get("Date"))

    def grants(self) -> Sequence[HeldGrant] | None:
        """This account's; None where the server knows of no accounts, or it may do everything."""
        answer = self._ask("3.0/mlflow/users/current/permissions")
        told = (
            answer.json() if answer.ok and "json" in answer.headers.get("Content-Type", "") else {}
        )
        if told.get("is_admin", True):
            return None
        workspace = workspace_of(os.environ) or "default"
        return [
            HeldGrant(each["resource_type"], each["resource_pattern"], each["permission"])
            for each in told["permissions"]
            if each["workspace"] == workspace
        ]

    def takes_names_alone(self) -> bool:
        """Whether it asks whoever brings no credential for a name and a password (basic-auth)."""
        own = get_default_host_creds(self.uri)  # type: ignore[no-untyped-call]
        nobody = MlflowHostCreds(  # type: ignore[no-untyped-call]  # MLflow annotates little
            own.host,
            ignore_tls_verification=own.ignore_tls_verification,
            client_cert_path=own.client_cert_path,
            server_cert_path=own.server_cert_path,
        )
        asked_for = self._ask("2.0/mlflow/users/current", nobody).headers.get("WWW-Authenticate")
        return str(asked_for).startswith("Basic")

    def permission_on(self, kind: str, name: str) -> str:
        """What MLflow itself makes of this account's grants on that."""
        user = self._ask("2.0/mlflow/users/current").json()["user"]["username"]
        fields = {"username": user, "resource_type": kind, "resource_id": name}
        answer = self._ask("3.0/mlflow/users/permissions/get", **fields)
        return str(answer.json().get("permission", "NO_PERMISSIONS")) if answer.ok else ""

    def _ask(self, route: str, who: MlflowHostCreds | None = None, **fields: str) -> Any:
        def question() -> Any:
            credentials = who or get_default_host_creds(self.uri)  # type: ignore[no-untyped-call]
            where = f"/api/{route}"
            return http_request(credentials, where, "GET", params=fields)  # type: ignore[no-untyped-call]

        return asked(question, _NEEDS)

    def _clock(self, date: str | None) -> Sequence[Trouble]:
        try:
            apart = (datetime.now(UTC) - parsedate_to_datetime(date or "")).total_seconds()
        except (TypeError, ValueError):  # none, none that can be read, or one without its zone
            return ()
        if abs(apart) <= _MOST_APART:
            return ()
        ahead = "ahead of" if apart > 0 else "behind"
        said = f"This machine's clock is {abs(apart):.0f} s {ahead} MLflow's: a service refuses"
        said = f"{said} webhooks that are so far off. Set the one that is wrong by NTP."
        return [Trouble("clock", "clock", said)]
