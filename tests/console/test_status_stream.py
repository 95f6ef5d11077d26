"""What whoever watches is told, step by step."""

import asyncio
from dataclasses import replace
from typing import Any

import orjson
import pytest

import service.console.status_stream as module
from service.console.status_stream import ALIVE_SECONDS, StatusStream
from service.console.time_series import TimeSeries
from service.console.watchers import Watcher
from service.following.ledger import Ledger, LedgerEntry, LedgerOutcome
from service.following.pace import Trigger
from service.following.slot_status import Failure, LookStatus, Standing
from service.following.slots import Slots
from service.http.models import ModelsTexts
from service.http.written import json_text
from service.patterns import RefPattern
from service.predicting.request import RequestRecord
from service.processes.front.beside import Beside
from service.refs import ModelRef, VersionId
from tests.support.serving import make_binding
from tests.support.waiting import until

IRIS, BLUE = ModelRef("iris", "champion"), ModelRef("team/x y", "blue")
NOW = 1_800_000_000.0
ANSWER = RequestRecord("iris@champion", "predict", "1", 200, 0.002, 1, "id", None)
SWAP = LedgerEntry(NOW, IRIS, Trigger.POLL, None, "1", LedgerOutcome.SWAPPED, seconds={"look": 0.5})
FAILURE = Failure("load", "load_failed", "The model could not be loaded.", NOW, detail="secret")
TIMEOUT = 60.0


class Watched:
    """A stream over real slots, their ledger and series, with both clocks in the test's hand."""

    def __init__(self) -> None:
        self.now = NOW
        self.slots = Slots([IRIS, BLUE], [RefPattern.parse("*@later")])
        self.slots[str(IRIS)].serve(make_binding(IRIS, "1"))
        self.ledger = Ledger()
        self.series = TimeSeries(lambda: self.now)
        self.written: list[str] = []
        beside = Beside("test")
        self.texts = ModelsTexts(self.slots, lambda: self.now, "me", lambda: None, beside)
        self.stream = StatusStream(
            self.slots, self.ledger, self.series, self.texts, "me", beside, lambda: self.now
        )

    def page(self, *, why: bool = False) -> Watcher:
        """One page more."""
        return self.stream.watchers.admit(why=why)

    async def told(self, page: Watcher) -> list[tuple[str, Any]]:
        """What one more step tells that page: events by name, and what they hold."""
        await self.stream.step()
        return await read(page)


async def read(page: Watcher) -> list[tuple[str, Any]]:
    """All that waits for it, which may be nothing."""
    page.offer(b": end\n\n")
    events = (await page.taken()).split(b"\n\n")
    assert events[-2:] == [b": end", b""]
    return [parsed(each) for each in events[:-2]]


def parsed(event: bytes) -> tuple[str, Any]:
    """The event's name, and its JSON, which is one line; a comment is one without a name."""
    if event.startswith(b":"):
        return event.decode(), None
    name, data = event.split(b"\n")
    assert name.startswith(b"event: ")
    assert data.startswith(b"data: ")
    return name[7:].decode(), orjson.loads(data[6:])


@pytest.fixture
def watched() -> Watched:
    """Nobody watches yet."""
    return Watched()


async def test_first_of_all_a_page_is_told_how_everything_is(watched: Watched) -> None:
    """With the very bytes that `GET /models` answers."""
    ((name, models),) = await watched.told(watched.page())
    assert name == "models"
    assert json_text(models) == b"".join(await watched.texts.whole(why=False))
    assert [slot["name"] for slot in models["models"]] == ["iris", "team/x y"]


async def test_slot_that_changes_is_told_whole(watched: Watched) -> None:
    """As it stands in the list; others are not told of."""
    page = watched.page()
    await watched.told(page)
    watched.slots[str(IRIS)].serve(make_binding(IRIS, "2"))
    ((name, slot),) = await watched.told(page)
    assert (name, slot["name"], slot["version"], slot["state"]) == ("slot", "iris", "2", "serving")
    ((_, models),) = await watched.told(watched.page())
    assert slot == models["models"][0]
    assert await watched.told(page) == [], "it is as it was"


async def test_slot_that_changes_often_is_told_once_a_step(watched: Watched) -> None:
    """The newest counts."""
    page = watched.page()
    await watched.told(page)
    for version in "234":
        watched.slots[str(IRIS)].serve(make_binding(IRIS, version))
        watched.slots.changed()
    ((_, slot),) = await watched.told(page)
    assert slot["version"] == "4"


async def test_why_a_version_failed_is_told_to_its_operator_alone(watched: Watched) -> None:
    """As on the pages."""
    anybody, operator = watched.page(), watched.page(why=True)
    await watched.stream.step()
    watched.slots[str(IRIS)].failure = FAILURE
    watched.ledger.note(replace(SWAP, detail="secret"))
    await watched.stream.step()
    for page, knows in ((anybody, False), (operator, True)):
        text = json_text(await read(page))
        assert (b"secret" in text) is knows
        assert b"load_failed" in text


async def test_slots_that_come_and_go_are_told(watched: Watched) -> None:
    """What goes is told by its name, once."""
    page = watched.page()
    await watched.told(page)
    later = ModelRef("new", "later")
    watched.slots.add([later], Standing.LATER)
    name, slot = (await watched.told(page))[0]
    assert (name, slot["name"]) == ("slot", "new")
    watched.slots.drop([watched.slots[str(later)]])
    assert ("gone", {"ref": "new@later"}) in await watched.told(page)


async def test_whole_is_told_again_where_a_pattern_has_found_something(watched: Watched) -> None:
    """The page's envelope has changed."""
    page = watched.page()
    await watched.told(page)
    watched.slots.add([ModelRef("new", "later")], Standing.LATER)
    name, models = (await watched.told(page))[-1]
    assert (name, models["patterns"]["unmatched"]) == ("models", [])


async def test_new_lines_of_the_ledger_are_told_oldest_first(watched: Watched) -> None:
    """Those that were there before the page are on `GET /swaps`."""
    watched.ledger.note(SWAP)
    page = watched.page()
    watched.stream._begin_anew()
    assert [name for name, _ in await watched.told(page)] == ["models"]
    for version in "23":
        watched.ledger.note(replace(SWAP, version=version))
    told = await watched.told(page)
    assert [(name, swap["to"], swap["id"]) for name, swap in told] == [
        ("swap", "2", 2),
        ("swap", "3", 3),
    ]
    assert await watched.told(page) == []


async def test_look_that_begins_to_fail_is_told(watched: Watched) -> None:
    """And that it answers again."""
    page = watched.page()
    await watched.told(page)
    watched.slots.look = LookStatus(NOW, 0.1, FAILURE)
    ((name, look),) = await watched.told(page)
    assert (name, look["failure"]["code"]) == ("look", "load_failed")
    assert await watched.told(page) == []
    watched.slots.look = LookStatus(NOW, 0.1, None)
    ((_, look),) = await watched.told(page)
    assert look["failure"] is None


async def test_requests_of_a_second_are_told_when_it_is_over(watched: Watched) -> None:
    """Nothing is told of seconds without one."""
    page = watched.page()
    await watched.told(page)
    watched.series.answered(ANSWER)
    assert await watched.told(page) == []
    watched.now += 1
    ((name, stats),) = await watched.told(page)
    assert (name, stats["at"], stats["instance"]) == ("stats", int(NOW), "me")
    assert stats["series"][0]["points"][0][:4] == [int(NOW), 1, 0, 0]
    watched.now += 1
    assert await watched.told(page) == []


async def test_step_that_is_late_tells_every_second_since_the_last(watched: Watched) -> None:
    """A busy loop makes no hole in a plot."""
    page = watched.page()
    await watched.told(page)
    for _ in range(3):
        watched.series.answered(ANSWER)
        watched.now += 1
    ((_, stats),) = await watched.told(page)
    assert [point[0] - int(NOW) for point in stats["series"][0]["points"]] == [0, 1, 2]


async def test_counts_that_move_are_told_once_a_second(watched: Watched) -> None:
    """The slot's status is as it was; what is told of it is not."""
    page = watched.page()
    slot = watched.slots[str(BLUE)]
    slot.pursuit = replace(slot.pursuit, version=VersionId(BLUE.name, 1, "7"))
    slot.wish = replace(slot.wish, at=NOW)
    await watched.told(page)
    assert await watched.told(page) == []
    for seconds in (1.0, 2.0):
        watched.now = NOW + seconds
        ((_, told),) = [each for each in await watched.told(page) if each[0] == "slot"]
        assert told["lag_seconds"] == seconds


async def test_quiet_stream_says_that_it_is_alive(watched: Watched) -> None:
    """Whoever hears nothing for longer knows that it has broken."""
    page = watched.page()
    await watched.told(page)
    watched.now += ALIVE_SECONDS
    assert [name for name, _ in await watched.told(page)] == ["look", ": alive"]


async def test_everything_is_written_once_for_all_pages(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten pages cost what one does; none costs nothing."""
    written = list[str]()
    text = module.event_text

    def counting(name: str, data: bytes) -> bytes:
        written.append(name)
        return text(name, data)

    monkeypatch.setattr(module, "event_text", counting)
    pages = [watched.page() for _ in range(10)]
    await watched.stream.step()
    watched.slots[str(IRIS)].serve(make_binding(IRIS, "2"))
    watched.ledger.note(SWAP)
    watched.series.answered(ANSWER)
    watched.now += 1
    await watched.stream.step()
    assert written == ["models", "slot", "swap", "stats"]
    told = [await read(page) for page in pages]
    assert all(each == told[0] for each in told)


async def test_stream_runs_while_anybody_watches(watched: Watched) -> None:
    """It begins with the first page, ends with the last, and begins anew with the next."""
    running = asyncio.create_task(watched.stream.run())
    try:
        for version in ("2", "3"):
            page = watched.page()
            assert b"event: models" in await page.taken()
            watched.slots[str(IRIS)].serve(make_binding(IRIS, version))
            watched.slots.changed()
            assert b"event: slot" in await page.taken()
            watched.stream.watchers.leave(page)
            await until(lambda: not following(), TIMEOUT)
    finally:
        running.cancel()


def following() -> bool:
    """Whether anybody follows the statuses."""
    return any(
        getattr(task.get_coro(), "__qualname__", "") == "StatusStream._follow"
        for task in asyncio.all_tasks()
    )


async def test_stream_that_failed_tells_everything_anew(watched: Watched) -> None:
    """What was missed meanwhile is in it."""
    page = watched.page()
    await watched.told(page)
    watched.slots[str(IRIS)].serve(make_binding(IRIS, "2"))
    running = asyncio.create_task(watched.stream.run())
    try:
        (event,) = [parsed(each) for each in (await page.taken()).split(b"\n\n") if each]
    finally:
        running.cancel()
    assert (event[0], event[1]["models"][0]["version"]) == ("models", "2")
