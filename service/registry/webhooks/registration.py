"""MLflow's side of the webhook: made, listed, tried and removed at an MLflow server.

Runs in the process of a command, never in the service. MLflow allows webhooks to administrators
alone where it has users, and to no store but SQL ones behind a server: who sends is the server.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from mlflow import MlflowClient
from mlflow.entities.webhook import Webhook
from mlflow.exceptions import MlflowException

EVENTS: Final = (
    "model_version_alias.created",
    "model_version_alias.deleted",
    "model_version_tag.set",
    "model_version_tag.deleted",
)
"""What may change the version that should serve: its alias, and tags that a gate asks for."""
NAME: Final = "podium"
_ROUTE: Final = "/webhooks/mlflow"
# MLflow's own defaults keep a caller for 246 s when nothing listens.
_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "60",
}
_PUBLIC: Final = (
    "MLflow sends webhooks to https at public addresses alone. For another one, start the MLflow "
    "server with MLFLOW_WEBHOOK_ALLOWED_SCHEMES=http,https and "
    "MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS=true."
)
_KEY: Final = (
    "If it was started anew or has several workers, it may be unable to read the secrets of "
    "webhooks: they need MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY on the MLflow server, the same at "
    "each start."
)
_ACCOUNT: Final = (
    "Webhooks are the administrator's: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD "
    "to those of one."
)
# By what MLflow says (mlflow/utils/validation.py and rest_utils.py); addresses may hold any number.
_ADVICE: Final = {
    "Invalid webhook URL scheme": _PUBLIC,
    "non-public IP": _PUBLIC,
    "error code 401": _ACCOUNT,
    "error code 403": _ACCOUNT,
    "INTERNAL_ERROR": _KEY,
    "error code 500": _KEY,
    "too many 500 error responses": _KEY,
}
# What follows is the library's own words about a connection.
_NO_ANSWER: Final = "failed with exception"
_LONGEST_SAID: Final = 300
_T = TypeVar("_T")


class WebhookProblem(Exception):
    """MLflow has refused, or does not answer; for people, with advice where there is any."""


@dataclass(frozen=True, slots=True)
class Registered:
    """One webhook, as MLflow has it; no secret."""

    id: str
    url: str
    active: bool
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of MLflow's test event: the service's status, or why there is none."""

    delivered: bool
    status: int | None
    error: str


class Webhooks:
    """The webhooks of one MLflow server."""

    def __init__(self, registry_uri: str) -> None:
        """Variables of the environment that set MLflow's retries and time limits are obeyed."""
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
        self._client = MlflowClient(tracking_uri=registry_uri, registry_uri=registry_uri)

    def listed(self) -> Sequence[Registered]:
        """All, whoever they are for. Raises `WebhookProblem`, as the others do."""
        return [_registered(each) for each in _asked(lambda: list(self._pages()))]

    def of(self, service_url: str) -> Sequence[Registered]:
        """Those that go to this service."""
        return [each for each in self.listed() if each.url == route_of(service_url)]

    def register(self, service_url: str, secret: str) -> tuple[Registered, bool]:
        """The service's webhook, and whether it is new: an older one is given secret and events."""
        found = self.of(service_url)
        if found:
            return self._renewed(found[0], secret), False
        made = _asked(
            lambda: self._client.create_webhook(
                NAME,
                route_of(service_url),
                list(EVENTS),
                "Podium looks at once when an alias has moved.",
                secret,
            )
        )
        return _registered(made), True

    def _renewed(self, found: Registered, secret: str) -> Registered:
        missing = set(EVENTS) - set(found.events)
        renewed = _asked(
            lambda: self._client.update_webhook(
                found.id,
                events=list(EVENTS) if missing else None,
                secret=secret,
                status="ACTIVE",
            )
        )
        return _registered(renewed)

    def test(self, webhook_id: str) -> Tried:
        """Has MLflow send its test event."""
        result = _asked(lambda: self._client.test_webhook(webhook_id))
        return Tried(result.success, result.response_status, result.error_message or "")

    def remove(self, webhook_id: str) -> None:
        """MLflow sends it nothing any more."""
        _asked(lambda: self._client.delete_webhook(webhook_id))

    def _pages(self) -> Iterator[Webhook]:
        token = None
        while True:
            page = self._client.list_webhooks(page_token=token)
            yield from page
            token = page.token
            if not token:
                return


def route_of(service_url: str) -> str:
    """Where the service of that address takes webhooks."""
    return service_url.rstrip("/") + _ROUTE


def _registered(webhook: Webhook) -> Registered:
    events = tuple(sorted(str(event) for event in webhook.events))
    return Registered(webhook.webhook_id, webhook.url, webhook.status.is_active(), events)


def _asked(question: Callable[[], _T]) -> _T:
    try:
        return question()
    except MlflowException as error:
        raise WebhookProblem(_told(str(error).strip())) from error


def _told(text: str) -> str:
    advice = next((advice for sign, advice in _ADVICE.items() if sign in text), "")
    if not advice and _NO_ANSWER in text:
        return "MLflow does not answer there: is it running, and is that its address?"
    said = text.partition("\n")[0][:_LONGEST_SAID]
    return f"{said} {advice}".strip()
