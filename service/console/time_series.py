"""What came of requests, second by second, over the last quarter of an hour.

By the slot that was asked, the arm of it and the version that answered. Counts of several fronts
are added up (`added`). What is kept is bounded: of each of these so many seconds at the most, in
which there were requests, and nothing of what has had none for as long.
"""

import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from service.predicting.request import RequestRecord
from service.telemetry.metrics.lives import REQUEST_SECONDS

KEPT_SECONDS: Final = 900
"""So far back anybody may ask."""
BOUNDS: Final = REQUEST_SECONDS
"""Upper bounds of the buckets of latency in seconds, as in `podium_request_seconds`."""
_SECOND, _ANSWERS, _REFUSED, _FAILED, _COUNTS = range(5)
_WIDTH: Final = _COUNTS + len(BOUNDS) + 1
# Rows are taken away by so many at once.
_SLACK: Final = 60
_SERVERS_FAULT: Final = 500


class SeriesKey(NamedTuple):
    """Whose requests; `arm` is None where the slot's own alias answers, `version` where nobody."""

    model: str
    alias: str
    arm: str | None
    version: str | None


class Point(NamedTuple):
    """One second, since 1970: how many requests were answered, refused (4xx) and failed (5xx).

    `counts` are all of these by latency, a number for each of `BOUNDS` and one beyond them.
    """

    second: int
    answers: int
    refused: int
    failed: int
    counts: tuple[int, ...]


SeriesPoints = Mapping[SeriesKey, Sequence[Point]]
"""Points in order of their seconds; those without a request are left out."""


def added(one: SeriesPoints, other: SeriesPoints) -> SeriesPoints:
    """What two fronts have counted, together; neither is changed."""
    return {key: _both(one.get(key, ()), other.get(key, ())) for key in {**one, **other}}


def _both(one: Sequence[Point], other: Sequence[Point]) -> Sequence[Point]:
    found = {point.second: point for point in one}
    for point in other:
        same = found.get(point.second)
        found[point.second] = point if same is None else _sum(same, point)
    return tuple(found[second] for second in sorted(found))


def _sum(one: Point, other: Point) -> Point:
    return Point(
        one.second,
        one.answers + other.answers,
        one.refused + other.refused,
        one.failed + other.failed,
        tuple(a + b for a, b in zip(one.counts, other.counts, strict=True)),
    )


class _Counted:
    """One series: the second that is counted now, and those before in rows of `_WIDTH` numbers."""

    __slots__ = ("kept", "key", "now")

    def __init__(self, key: SeriesKey) -> None:
        self.key = key
        self.now = [0] * _WIDTH
        # Numbers of four bytes: seconds of this century, and requests of one second.
        self.kept = array("I")

    def keep(self) -> None:
        """Puts away what is counted now."""
        kept, now = self.kept, self.now
        self.drop_after(now[_SECOND])
        if kept and kept[-_WIDTH] == now[_SECOND]:
            for place in range(_ANSWERS, _WIDTH):
                kept[place - _WIDTH] += now[place]
        else:
            kept.extend(now)
        if len(kept) >= _WIDTH * (KEPT_SECONDS + _SLACK):
            del kept[: _WIDTH * _SLACK]
        self.now = [0] * _WIDTH

    def drop_after(self, second: int) -> None:
        """What lies ahead of that is of a clock that was wrong."""
        while self.newest > second:
            del self.kept[-_WIDTH:]

    @property
    def newest(self) -> int:
        """The second of its last request, but for what is counted now."""
        return self.kept[-_WIDTH] if self.kept else 0


class TimeSeries:
    """The counts of one front, on its event loop: a `RequestObserver`.

    `clock` gives seconds since 1970. Where it is set back, the seconds that it had gone too far are
    forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._second = int(clock())
        self._rows: dict[tuple[str, str | None, str | None], _Counted] = {}
        self._met: list[_Counted] = []
        self._sweep_at = self._second + _SLACK

    def __len__(self) -> int:
        """How many series there are."""
        return len(self._rows)

    def answered(self, record: RequestRecord) -> None:
        """Counts a request."""
        second = int(self._clock())
        if second != self._second:
            self._turn(second)
        kind = (record.slot, record.version, record.asked)
        row = self._rows.get(kind) or self._begin(kind)
        now = row.now
        if not now[_SECOND]:
            now[_SECOND] = second
            self._met.append(row)
        if record.error is None:
            now[_ANSWERS] += 1
        else:
            now[_REFUSED if record.code < _SERVERS_FAULT else _FAILED] += 1
        now[_COUNTS + bisect_left(BOUNDS, record.seconds)] += 1

    @property
    def last_second(self) -> int:
        """The last one that is over, whose counts do not change any more."""
        second = int(self._clock())
        if second != self._second:
            self._turn(second)
        return second - 1

    def kept(self, since: int = 0) -> "Sequence[KeptSeries]":
        """Each series with a request in that second or later; to be read in any thread."""
        return [KeptSeries(row.key, row.kept) for row in self._rows.values() if row.newest >= since]

    def history(self, seconds: int = KEPT_SECONDS) -> SeriesPoints:
        """The last so many seconds that are over."""
        last = self.last_second
        read = {each.key: each.points(last - seconds + 1, last) for each in self.kept()}
        return {key: points for key, points in read.items() if points}

    def _begin(self, kind: tuple[str, str | None, str | None]) -> _Counted:
        slot, version, asked = kind
        # As ModelRef is written: a name may hold an @, an alias does not.
        name, _, alias = slot.rpartition("@")
        arm = None
        if asked is not None:
            alias, arm = asked.rpartition("@")[2], alias
        row = self._rows[kind] = _Counted(SeriesKey(name, alias, arm, version))
        return row

    def _turn(self, second: int) -> None:
        for row in self._met:
            row.keep()
        self._met.clear()
        # A clock that was set back by an hour must not keep what has left for as long.
        if second >= self._sweep_at or second < self._second:
            self._sweep_at = second + _SLACK
            self._forget(second)
        self._second = second

    def _forget(self, second: int) -> None:
        for kind, row in list(self._rows.items()):
            row.drop_after(second)
            if row.newest < second - KEPT_SECONDS:
                del self._rows[kind]


class KeptSeries(NamedTuple):
    """One series as it lies in memory, which grows at one end and is cut at the other."""

    key: SeriesKey
    rows: "array[int]"

    def points(self, first: int, last: int) -> tuple[Point, ...]:
        """Those of these seconds, both included."""
        return tuple(
            Point(row[_SECOND], row[_ANSWERS], row[_REFUSED], row[_FAILED], tuple(row[_COUNTS:]))
            for row in self.between(first, last)
        )

    def between(self, first: int, last: int) -> Iterator[Sequence[int]]:
        """The same as rows: second, answers, refused, failed, and counts by latency.

        To be read within a minute after `last`.
        """
        newest = last - first + 1 + _SLACK
        numbers = self.rows[-newest * _WIDTH :]  # the loop may go on with the others meanwhile
        seconds = numbers[::_WIDTH]
        for place in range(bisect_left(seconds, first), bisect_right(seconds, last)):
            yield numbers[place * _WIDTH : (place + 1) * _WIDTH].tolist()
