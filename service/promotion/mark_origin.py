"""Who has set a mark of the registry, or taken it back: the tag `MARK.by`, beside the mark.

A mark is a tag that people write on MLflow's page as well. So its origin names the value that it is
of: what somebody has written over it since is nobody's who is named here.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from service.origin import Origin

_SUFFIX: Final = ".by"


class MarkOrigin(BaseModel):
    """Who, why, and where one reads more, as the command that has written it was told.

    `of` is the mark's value; null where the mark was taken back.
    """

    model_config = ConfigDict(frozen=True)

    of: str | None
    by: str
    reason: str
    link: str
    time: datetime

    @classmethod
    def read(cls, tags: Mapping[str, str], mark: str) -> Self | None:
        """Of the mark as it stands; None where nobody says whose it is."""
        try:
            found = cls.model_validate_json(tags.get(origin_key(mark), ""))
        except ValidationError:
            return None
        return found if found.of is not None and found.of == tags.get(mark) else None


def marked_by(origin: Origin, value: str | None) -> MarkOrigin:
    """Whose a mark of that value is from now on; None: it was taken back."""
    now = datetime.now(UTC).replace(microsecond=0)
    return MarkOrigin(of=value, by=origin.by, reason=origin.reason, link=origin.link, time=now)


def origin_key(mark: str) -> str:
    """The tag that tells of that one."""
    return f"{mark}{_SUFFIX}"


def behind(origin: MarkOrigin | None, reason: str) -> str:
    """Who it was, behind the mark's reason, for people; empty where nobody says."""
    return "" if origin is None else said_by(origin.by, origin.link, reason)


def said_by(by: str, link: str, reason: str) -> str:
    """The same of what is known of them; of what the reason says, nothing is said again."""
    said = f", by {by}" if by and f"by {by}" not in reason else ""
    return f"{said} ({link})" if link and link not in reason else said
