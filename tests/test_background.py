"""Work that no request waits for: what fails there is told, and goes on (P12, P7)."""

import asyncio
import io
import sys
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from service.background import Work, begin, keep_running, tell, tell_from_thread
from service.processes.front.beside import Beside
from service.processes.removal import remove_tree
from service.telemetry.logs import configure_logs
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import BackgroundReport

LONGEST = 10.0


@dataclass
class Life:
    """Runs that last as long as a test says and then raise; and the pauses between them."""

    runs: list[float]
    error: type[BaseException] = ZeroDivisionError
    now: float = 0.0
    pauses: list[float] = field(default_factory=list)

    async def work(self) -> None:
        if self.runs:
            self.now += self.runs.pop(0)
            raise self.error("a defect")

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    async def end(self) -> None:
        """Returns when the work does."""
        await keep_running(
            Work.KEYS, self.work, longest=LONGEST, sleep=self.sleep, monotonic=lambda: self.now
        )


@dataclass
class Heard:
    """A report, what it has logged and what it has counted."""

    stream: io.BytesIO = field(default_factory=io.BytesIO)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    async def during(self, work: Callable[[], Awaitable[Any]]) -> list[dict[str, Any]]:
        """The events logged meanwhile."""
        logs = configure_logs(self.stream)
        with BackgroundReport(Metrics(self.registry), logs.logger).listening():
            await work()
        logs.close()
        return [orjson.loads(line) for line in self.stream.getvalue().splitlines()]

    def counted(self, work: Work) -> float | None:
        """How many failures of it."""
        return self.registry.get_sample_value(
            "podium_background_failures_total", {"task": work.value}
        )


async def test_p12_work_that_raises_is_told_and_runs_again() -> None:
    """With its name and the whole traceback, once for each time."""
    heard, life = Heard(), Life([0.0, 0.0])
    events = await heard.during(life.end)
    assert [(event["event"], event["task"]) for event in events] == [
        ("background_failed", "keys"),
        ("background_failed", "keys"),
    ]
    assert "ZeroDivisionError: a defect" in events[0]["exception"]
    assert heard.counted(Work.KEYS) == 2


async def test_p12_work_that_something_else_has_cancelled_runs_again() -> None:
    """Nobody has asked it to end."""
    heard, life = Heard(), Life([0.0], error=asyncio.CancelledError)
    events = await heard.during(life.end)
    assert [event["event"] for event in events] == ["background_failed"]
    assert life.runs == []


async def test_work_that_is_cancelled_ends() -> None:
    """At once, and is not a failure."""
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    async def cancelled() -> None:
        task = begin(Work.KEYS, keep_running(Work.KEYS, work))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert await Heard().during(cancelled) == []


async def test_p7_pauses_of_work_begin_anew_after_a_long_run() -> None:
    """Five failures at the start, a month of success, and then one more."""
    life = Life([0.0] * 6 + [30 * 24 * 3600.0])
    await Heard().during(life.end)
    assert life.pauses == [1, 2, 4, 8, 10, 10, 1]


async def test_p7_pause_of_work_that_fails_a_thousand_times_is_the_longest() -> None:
    """And no number that is too large to be one."""
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)
    life = Life([0.0] * 1100)
    await life.end()
    assert life.pauses[-1] == LONGEST


async def test_p12_task_that_nobody_waits_for_tells_how_it_failed() -> None:
    """As soon as it ends, though somebody holds it."""

    async def fails() -> None:
        raise ZeroDivisionError

    async def held() -> None:
        await asyncio.wait([begin(Work.CACHE, fails())])

    heard = Heard()
    (event,) = await heard.during(held)
    assert (event["event"], event["task"]) == ("background_failed", "cache")


async def test_p12_callback_that_raises_is_told() -> None:
    """Of nobody's name, with its traceback."""

    async def called() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)

    heard = Heard()
    (event,) = await heard.during(called)
    assert (event["task"], heard.counted(Work.OTHER)) == ("other", 1)
    assert "ZeroDivisionError" in event["exception"]


async def test_p12_thread_that_raises_is_told() -> None:
    """Whether it ends or goes on; by its name."""

    async def threads() -> None:
        for work in (lambda: tell_from_thread(ZeroDivisionError()), lambda: 1 / 0):
            thread = threading.Thread(target=work, name=Work.HISTORY)
            thread.start()
            await asyncio.to_thread(thread.join)

    heard = Heard()
    events = await heard.during(threads)
    assert [event["task"] for event in events] == ["history", "history"]


async def test_p12_failures_of_submitted_work_are_told_under_the_name_of_the_work() -> None:
    """Whichever thread of its own does it."""
    heard = Heard()

    async def submitted() -> None:
        beside = Beside(Work.HISTORY)
        beside.submit(lambda: 1 / 0)  # type: ignore[arg-type]
        await asyncio.to_thread(beside.finish, 30.0)

    (event,) = await heard.during(submitted)
    assert event["task"] == Work.HISTORY


async def test_p12_thread_that_removes_folders_outlives_one_that_fails(tmp_path: Any) -> None:
    """The next folder goes."""
    folder = tmp_path / "folder"
    folder.mkdir()

    async def removed() -> None:
        removing = Beside(Work.REMOVAL)
        removing.submit(lambda: remove_tree(object()))  # type: ignore[arg-type]  # a defect
        removing.submit(lambda: remove_tree(folder))
        assert await asyncio.to_thread(removing.finish, 30.0)

    heard = Heard()
    (event,) = await heard.during(removed)
    assert (event["task"], folder.exists()) == ("removal", False)


async def test_failure_without_an_exception_is_told() -> None:
    """As asyncio's own words are, some of them."""

    async def said() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "something is odd"})
        tell(Work.FOLLOWING, ValueError())

    events = await Heard().during(said)
    assert [event["message"] for event in events] == ["something is odd", "following has failed."]


async def test_p14_what_an_object_raises_when_it_is_thrown_away_is_told_without_its_words() -> None:
    """Python would print it between the lines of the log; and it may be a client's value."""
    secret = "4111 1111"

    class Thrown:
        def __del__(self) -> None:
            float(secret)

    async def work() -> None:
        Thrown()

    before = sys.unraisablehook
    heard = Heard()
    (event,) = await heard.during(work)
    assert (event["event"], event["task"]) == ("background_failed", "other")
    assert "in __del__" in event["exception"]
    assert secret not in str(event)
    assert heard.counted(Work.OTHER) == 1
    assert sys.unraisablehook is before
