"""`GET /stats`, as the page and whoever adds several services up read it."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import TypeAdapter

from service.console.stats import StatsReport, stats_router
from service.console.time_series import BOUNDS, KEPT_SECONDS, TimeSeries
from service.predicting.request import RequestRecord
from tests.http.app import App

ANSWER = RequestRecord("iris@champion", "predict", "3", 200, 0.002, 1, "id", None)
BEGAN = 1_800_000_000


class Counted:
    """An application with its series and their clock."""

    def __init__(self) -> None:
        self.now = float(BEGAN)
        self.series = TimeSeries(lambda: self.now)
        self.app = App(more=(stats_router(self.series, "me"),))

    async def stats(self, query: str = "") -> Any:
        """The body of the reply."""
        reply = await self.app.client.get(f"/stats{query}")
        assert reply.status_code == 200, reply.text
        return reply.json()


@pytest.fixture
async def counted() -> AsyncIterator[Counted]:
    """Nothing is counted yet."""
    made = Counted()
    async with made.app.client:
        yield made
    made.app.logs.close()


async def test_counts_of_each_second_that_is_over_are_told(counted: Counted) -> None:
    """With whose they are, and what the buckets of latency mean."""
    counted.series.answered(ANSWER)
    counted.now += 1
    counts = [0, 0, 1, *[0] * (len(BOUNDS) - 2)]
    assert await counted.stats() == {
        "at": BEGAN,
        "instance": "me",
        "step_seconds": 1,
        "bounds": list(BOUNDS),
        "series": [
            {
                "model": "iris",
                "alias": "champion",
                "arm": None,
                "version": "3",
                "points": [[BEGAN, 1, 0, 0, counts]],
            }
        ],
    }


async def test_last_second_is_told_also_where_nobody_has_asked_anything(counted: Counted) -> None:
    """A page that plots knows up to when there was nothing."""
    counted.now += 5
    stats = await counted.stats()
    assert (stats["at"], stats["series"]) == (BEGAN + 4, [])


async def test_so_many_seconds_are_told_as_were_asked_for(counted: Counted) -> None:
    """All that there are, unless somebody says how many."""
    for _ in range(KEPT_SECONDS + 100):
        counted.series.answered(ANSWER)
        counted.now += 1
    whole, few = await counted.stats(), await counted.stats("?seconds=3")
    assert len(whole["series"][0]["points"]) == KEPT_SECONDS
    assert [point[0] - whole["at"] for point in few["series"][0]["points"]] == [-2, -1, 0]


async def test_series_without_a_request_in_these_seconds_are_left_out(counted: Counted) -> None:
    """They would be names without a point."""
    counted.series.answered(ANSWER)
    counted.now += 10
    assert (await counted.stats("?seconds=3"))["series"] == []


@pytest.mark.parametrize("seconds", ["0", "901", "-1", "1.5", "x", "9" * 5000])
async def test_other_numbers_of_seconds_are_refused(counted: Counted, seconds: str) -> None:
    """With a sentence that says which there are."""
    reply = await counted.app.client.get(f"/stats?seconds={seconds}")
    assert (reply.status_code, reply.json()["code"]) == (400, "bad_request")
    assert "from 1 to 900" in reply.json()["detail"]


async def test_reply_is_as_the_document_says(counted: Counted) -> None:
    """Programs are generated from that."""
    counted.series.answered(ANSWER)
    counted.now += 1
    TypeAdapter(StatsReport).validate_python(await counted.stats())
    document = (await counted.app.client.get("/openapi.json")).json()
    parameters = {each["name"]: each for each in document["paths"]["/stats"]["get"]["parameters"]}
    assert parameters.keys() == {"model", "alias", "seconds"}
    assert parameters["seconds"]["schema"]["maximum"] == KEPT_SECONDS


async def test_one_slot_may_be_asked_for(counted: Counted) -> None:
    """Of two hundred, fifteen minutes are megabytes."""
    for slot in ("iris@champion", "iris@blue", "wine@champion"):
        counted.series.answered(ANSWER._replace(slot=slot))
    counted.now += 1
    for query, found in (
        ("?model=iris", [("iris", "champion"), ("iris", "blue")]),
        ("?model=iris&alias=blue", [("iris", "blue")]),
        ("?model=nobody", []),
    ):
        series = (await counted.stats(query))["series"]
        assert [(each["model"], each["alias"]) for each in series] == found
