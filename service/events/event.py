"""One thing that has happened to a service, as its receiver is told.

The names of kinds are those of the log's events, and mean the same. `docs/events.md` lists them.
"""

from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field


class EventKind(StrEnum):
    """What has happened."""

    LISTENING = "listening"
    STOPPING = "stopping"
    SWAPPED = "swapped"
    LAST_KNOWN_GOOD = "serves_last_known_good"
    REFUSED = "version_refused"
    UNBLOCKED = "version_unblocked"
    PROVEN = "baked"
    UNPROVEN = "unproven"
    GAVE_WAY = "gave_way"
    EMPTIED = "emptied"
    WITHDRAWN = "withdrawn"
    HELD = "slot_held"
    RELEASED = "slot_released"
    SHADOWED = "shadow_began"
    UNSHADOWED = "shadow_ended"
    SHARED = "traffic_shared"
    PREPARED = "prepared"
    NOT_PREPARED = "not_prepared"
    ALIAS_MISSING = "alias_missing"
    MODEL_MISSING = "model_missing"
    ALIAS_LOOK_FAILED = "alias_look_failed"
    LOOK_FAILED = "look_failed"
    LOOK_RECOVERED = "look_recovered"
    SLOT_FOUND = "slot_found"
    SLOT_GONE = "slot_gone"
    HOST_DIED = "host_died"
    ZYGOTE_DIED = "zygote_died"


def _new_id() -> str:
    return str(uuid4())


class Event(BaseModel):
    """One event. Never a value of a client's, and no exception's text.

    `id` is the same however often a delivery is tried: a receiver that has taken it may leave out
    what comes again. `time` is when it has happened. `service` is the service's name in its home,
    `instance` the process's own, as in `/models/NAME@ALIAS`. `slot` is `name@alias`, null where it
    is about no slot, and `model` the registered model's name. `from` is the version that served
    until then and, where the new one is refused, still does; `to` the version that it is about.
    `code` is why, stable; `reason` what an operator has given for one, who holds, blocks or
    withdraws; `sentence` says all of it for people. `link` is MLflow's page of the version, or of
    the model, where MLflow has pages.
    """

    model_config = ConfigDict(frozen=True, serialize_by_alias=True, title="event")

    id: str = Field(default_factory=_new_id)
    kind: EventKind
    time: datetime
    service: str
    instance: str
    slot: str | None = None
    model: str | None = None
    before: str | None = Field(default=None, serialization_alias="from")
    to: str | None = None
    code: str | None = None
    reason: str | None = None
    sentence: str
    link: str | None = None
