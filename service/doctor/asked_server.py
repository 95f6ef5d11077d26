"""An MLflow server, asked what only a server can tell: its time, workspaces, grants."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

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
        """Of its time, and of workspaces."""
        answer = self._ask("3.0/mlflow/server-info")
        return [*self._clock(answer.headers.get("Date")), *self._workspace(answer)]

    def grants(self) -> Sequence[HeldGrant] | None:
        """This account's; None where the server knows of no accounts, or it may do everything."""
        answer = self._ask("3.0/mlflow/users/current/permissions")
        told = (
            answer.json() if answer.ok and "json" in answer.headers.get("Content-Type", "") else {}
        )
        if told.get("is_admin", True):
            return None
        workspace = os.environ.get("MLFLOW_WORKSPACE", "default")
        return [
            HeldGrant(each["resource_type"], each["resource_pattern"], each["permission"])
            for each in told["permissions"]
            if each["workspace"] == workspace
        ]

    def permission_on(self, kind: str, name: str) -> str:
        """What MLflow itself makes of this account's grants on that."""
        user = self._ask("2.0/mlflow/users/current").json()["user"]["username"]
        fields = {"username": user, "resource_type": kind, "resource_id": name}
        answer = self._ask("3.0/mlflow/users/permissions/get", **fields)
        return str(answer.json().get("permission", "NO_PERMISSIONS")) if answer.ok else ""

    def _ask(self, route: str, **fields: str) -> Any:
        def question() -> Any:
            credentials = get_default_host_creds(self.uri)  # type: ignore[no-untyped-call]
            where = f"/api/{route}"
            return http_request(credentials, where, "GET", params=fields)  # type: ignore[no-untyped-call]

        return asked(question, _NEEDS)

    def _clock(self, date: str | None) -> Sequence[Trouble]:
        if date is None:
            return ()
        apart = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
        if abs(apart) <= _MOST_APART:
            return ()
        ahead = "ahead of" if apart > 0 else "behind"
        said = f"This machine's clock is {abs(apart):.0f} s {ahead} MLflow's"
        return [Trouble("clock", "clock", f"{said}: webhooks are refused; set both by NTP.")]

    def _workspace(self, answer: Any) -> Sequence[Trouble]:
        told = answer.json() if answer.ok else {}
        enabled, named = bool(told.get("workspaces_enabled")), os.environ.get("MLFLOW_WORKSPACE")
        if named and not enabled:
            said = f"MLFLOW_WORKSPACE={named}, and the server has no workspaces: unset it"
            return [Trouble("MLFLOW_WORKSPACE", "workspace", f"{said}.")]
        return ()
