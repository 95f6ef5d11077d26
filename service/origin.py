"""Who asks for a thing, and why: what people and pipelines say of themselves."""

from dataclasses import dataclass
from typing import Final

# Of one tag, and of one entry of a service's ledger.
_LONGEST_TOLD: Final = 500
_LONGEST_BY: Final = 80
_LONGEST_LINK: Final = 200


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks, why, and where one reads more; empty where nobody says."""

    by: str
    reason: str
    link: str

    @property
    def told(self) -> str:
        """All of it in one line, of 500 characters at most: `REASON (by WHO, LINK)`."""
        by = f"by {cut_to(self.by, _LONGEST_BY)}" if self.by else ""
        known = ", ".join(filter(None, (by, cut_to(self.link, _LONGEST_LINK))))
        if not self.reason:
            return known or "by nobody"
        room = _LONGEST_TOLD - len(known) - 3
        return f"{cut_to(self.reason, room)} ({known})" if known else cut_to(self.reason, room)


def cut_to(text: str, longest: int) -> str:
    """The text, with a sign at its end where more than `longest` characters were there."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
