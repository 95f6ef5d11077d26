"""MLflow's webhook: which deliveries are believed, and whether one concerns what is followed.

Free of I/O. MLflow signs `id.timestamp.body` with a secret that both sides know and sends
`X-MLflow-Delivery-Id`, `X-MLflow-Timestamp` (seconds since 1970) and `X-MLflow-Signature:
v1,<base64 of HMAC-SHA256>` (mlflow/webhooks/delivery.py). A retry carries the same three, and only
follows a 429 or 5xx, so what comes a second time after it was taken is a repetition.
"""

import base64
import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.errors import (
    DeliveryExpired,
    DeliveryForged,
    DeliveryRepeated,
    DeliveryUnreadable,
)
from service.patterns import RefPattern
from service.refs import ModelRef

WINDOW_SECONDS: Final = 300
"""How far a delivery's time may be from ours, either way; Standard Webhooks' tolerance.

MLflow's retries end within it: four tries of 30 s, with pauses of 1, 2 and 4 s.
"""
REMEMBERED: Final = 10_000
"""Ids of deliveries that are kept; about a megabyte.

Only who knows the secret can fill it. The oldest is forgotten first, and all of them when the
service ends: one that is then repeated within the window costs a look, and nothing else.
"""
_LONGEST_ID: Final = 128
# In the year 33658 there will be one more.
_MOST_DIGITS: Final = 12
_VERSION: Final = b"v1,"

# Entities of MLflow's events that are a registered model, or belong to one.
_OF_MODELS: Final = frozenset(
    {"registered_model", "model_version", "model_version_tag", "model_version_alias"}
)
_ALIAS: Final = "model_version_alias"
# What MLflow's test sends instead of a name (mlflow/webhooks/types.py); a real event of a model of
# that name differs in the alias or the tag.
_EXAMPLE: Final = {"name": "example_model", "alias": "example_alias", "key": "example_key"}


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a delivery says has happened; `data` is the entity's own."""

    entity: str
    action: str
    data: Mapping[str, Any]

    @classmethod
    def read(cls, body: bytes) -> "Delivery":
        """Raises `DeliveryUnreadable` for anything but an event as MLflow writes it."""
        try:
            found = orjson.loads(body)
            event = cls(found["entity"], found["action"], found["data"])
        except (orjson.JSONDecodeError, LookupError, TypeError):
            raise DeliveryUnreadable("The body is not an event of MLflow's.") from None
        kinds = (event.entity, str), (event.action, str), (event.data, dict)
        if not all(isinstance(value, kind) for value, kind in kinds):
            raise DeliveryUnreadable("The body is not an event of MLflow's.")
        return event

    @property
    def is_example(self) -> bool:
        """Whether it is what MLflow sends for a test."""
        return self.data.get("name") == _EXAMPLE["name"] and all(
            self.data.get(key, example) == example for key, example in _EXAMPLE.items()
        )

    def concerns(self, refs: Collection[ModelRef], patterns: Collection[RefPattern] = ()) -> bool:
        """Whether it may change what these refs or patterns mean, or whether that may be served."""
        if self.entity not in _OF_MODELS or self.is_example:
            return False
        name, alias = str(self.data.get("name")), str(self.data.get("alias"))
        if self.entity == _ALIAS:
            meant = any(pattern.matches(name, alias) for pattern in patterns)
            return meant or ModelRef(name, alias) in refs
        meant = any(pattern.matches_name(name) for pattern in patterns)
        return meant or any(ref.name == name for ref in refs)


class WebhookReceiver:
    """Believes what was signed with the secret, lately and for the first time."""

    def __init__(
        self,
        secret: bytes,
        refs: Collection[ModelRef],
        clock: Callable[[], float],
        remembered: int = REMEMBERED,
        patterns: Collection[RefPattern] = (),
    ) -> None:
        """`clock` gives seconds since 1970."""
        self._secret = secret
        self._refs = refs
        self._patterns = patterns
        self._clock = clock
        self._limit = remembered
        self._taken: OrderedDict[bytes, None] = OrderedDict()

    def receive(self, headers: Mapping[bytes, bytes], body: bytes) -> bool:
        """Whether to look at the registry now.

        `headers` by lower-case name. Raises `DeliveryRefused`s; one that raised has no effect, not
        even that its id counts as taken.
        """
        delivery_id = headers.get(b"x-mlflow-delivery-id", b"")
        timestamp = headers.get(b"x-mlflow-timestamp", b"")
        signature = headers.get(b"x-mlflow-signature", b"")
        self._verify(delivery_id, timestamp, signature, body)
        event = Delivery.read(body)
        self._remember(delivery_id)
        return event.concerns(self._refs, self._patterns)

    def _verify(self, delivery_id: bytes, timestamp: bytes, signature: bytes, body: bytes) -> None:
        # First of all, so that who does not know the secret learns nothing else.
        expected = sign(self._secret, delivery_id, timestamp, body)
        if not hmac.compare_digest(expected, signature) or not 0 < len(delivery_id) <= _LONGEST_ID:
            raise DeliveryForged("The delivery is not signed with this service's secret.")
        if not self._is_recent(timestamp):
            raise DeliveryExpired(
                f"The delivery's time is more than {WINDOW_SECONDS} s from this service's."
            )
        if delivery_id in self._taken:
            raise DeliveryRepeated("A delivery of that id was taken before.")

    def _is_recent(self, timestamp: bytes) -> bool:
        if not timestamp.isdigit() or len(timestamp) > _MOST_DIGITS:
            return False
        return abs(self._clock() - int(timestamp)) <= WINDOW_SECONDS

    def _remember(self, delivery_id: bytes) -> None:
        self._taken[delivery_id] = None
        if len(self._taken) > self._limit:
            self._taken.popitem(last=False)


def sign(secret: bytes, delivery_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """The value of `X-MLflow-Signature`."""
    signed = b".".join((delivery_id, timestamp, body))
    return _VERSION + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256))
