"""Journals for tests, as they would have been written."""

from datetime import UTC, datetime, timedelta

from service.promotion.journal import Done, Entry, Journal, MoveKind, done_key_of, key_of

CREATED = 1_700_000_000_000
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
LEASE = 600.0


class Writing:
    """Entries one after another, each a minute after the one before."""

    def __init__(self) -> None:
        self.params: dict[str, str] = {}
        self._number = 0
        self._at: str | None = None

    def begin(
        self, kind: MoveKind, to: str | None, *, created: int = CREATED, by: str = "ada"
    ) -> "Writing":
        """An entry without its end."""
        self._number += 1
        entry = Entry(
            id=f"id{self._number}",
            kind=kind,
            before=self._at,
            to=to,
            created=created,
            by=by,
            reason="",
            link="",
            digest=f"digest of {to}",
            time=BEGIN + timedelta(minutes=self._number),
            lease_seconds=LEASE,
        )
        self.params[key_of(self._number)] = entry.model_dump_json()
        return self

    def end(self, *, moved: bool = True, served: bool | None = None) -> "Writing":
        """The end of the latest."""
        entry = Entry.model_validate_json(self.params[key_of(self._number)])
        done = Done(time=BEGIN, by=entry.by, moved=moved, served=served)
        self.params[done_key_of(self._number)] = done.model_dump_json()
        return self.at(entry.to) if moved else self

    def at(self, version: str | None) -> "Writing":
        """The alias is there now, whoever has moved it."""
        self._at = version
        return self

    def move(self, kind: MoveKind, *to: str | None, served: bool | None = None) -> "Writing":
        """Moves from begin to end."""
        for each in to:
            self.begin(kind, each).end(served=served)
        return self

    def promote(self, *to: str) -> "Writing":
        """Promotions that are done."""
        return self.move("promote", *to)

    def rollback(self, *to: str) -> "Writing":
        """Rollbacks that are done."""
        return self.move("rollback", *to)

    def see(self, to: str | None) -> "Writing":
        """A move that nobody of the commands has made."""
        return self.begin("seen", to).at(to)

    @property
    def journal(self) -> Journal:
        """As it is read."""
        return Journal.of(self.params)
