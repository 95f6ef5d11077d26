"""Keys, the admin token and the webhook, put together: from settings to what HTTP asks."""

import time
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter

from service.access.keys import BadKeys, KeysFile, follow_keys
from service.config.environment import credentials
from service.config.secrets import PREFIX, forget, revealed
from service.config.settings import SECRETS, Settings
from service.environments.build_settings import index_variables
from service.following.follower import Follower
from service.following.pace import Trigger
from service.http.access import Admin, ApiKeys
from service.http.webhook import Coalesced, webhook_router
from service.registry.webhooks.deliveries import WebhookReceiver
from service.telemetry.logs import Logs
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import WebhookReport


@dataclass(frozen=True, slots=True)
class Access:
    """Who may do what at one service.

    Attributes:
        keys: of which predictions ask for one; None: for none.
        admin: who may reload.
        routers: the webhook's route, where there is a secret for it.
        file: where the keys are from.
    """

    keys: ApiKeys | None
    admin: Admin
    routers: Sequence[APIRouter]
    file: KeysFile | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        file: KeysFile | None,
        follower: Follower,
        metrics: Metrics,
        logs: Logs,
    ) -> "Access":
        """As the settings say, with the keys that the file holds now."""
        return cls(
            None if file is None else ApiKeys(file.names, file.limits),
            Admin(revealed(settings.admin_token)),
            _webhook(settings, follower, metrics, logs),
            file,
        )

    async def follow(self, logs: Logs) -> None:
        """Knows the keys that the file holds, from second to second, until cancelled."""
        file, keys = self.file, self.keys
        if file is not None and keys is not None:
            await follow_keys(file, lambda names: keys.replace(names, file.limits), logs.logger)


def open_keys(settings: Settings) -> KeysFile | None:
    """The file of API keys, if there is to be one. Raises `BadKeys`, which names the setting."""
    if settings.api_keys_file is None:
        return None
    try:
        return KeysFile(settings.api_keys_file)
    except BadKeys as error:
        where = str(settings.api_keys_file)
        raise BadKeys(f"PODIUM_API_KEYS_FILE: {where!r} {error}") from None


def forget_secrets(environment: MutableMapping[str, str]) -> None:
    """Takes Podium's secrets, and all that is the registry child's or uv's alone, out of it.

    Who needs them has a copy by then: the settings, and the mapping that the registry child and
    builds are configured from.
    """
    forget([f"{PREFIX}{name.upper()}" for name in SECRETS], environment)
    forget(credentials(environment), environment)
    forget(index_variables(environment), environment)


def _webhook(
    settings: Settings, follower: Follower, metrics: Metrics, logs: Logs
) -> Sequence[APIRouter]:
    secret = revealed(settings.webhook_secret)
    if secret is None:
        return ()
    metrics.http.watch_webhook()
    receiver = WebhookReceiver(
        secret.encode(), settings.refs, time.time, patterns=settings.patterns
    )
    look = Coalesced(partial(follower.look_now, Trigger.WEBHOOK))
    return (webhook_router(receiver, look, WebhookReport(metrics, logs.logger)),)
