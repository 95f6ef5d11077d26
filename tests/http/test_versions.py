"""Which version a reply names, while the slot moves on."""

import asyncio

from tests.http.app import App
from tests.support.serving import FakeContract, FakePredictor, FakeReader

BOUND = 5.0


async def test_p1_request_started_before_swap_reports_old_version(app: App) -> None:
    """A request that is inside a version when the slot moves on is that version's to the end."""
    old = FakePredictor("1", gate=asyncio.Event())
    app.serve("1", old)
    async with asyncio.timeout(BOUND):
        request = asyncio.create_task(app.predict([7]))
        await old.entered.wait()
        app.serve("2")
        new_reply = await app.predict([7])
        old.gate.set()
        old_reply = await request

    assert old_reply.json()["predictions"] == [1]
    assert old_reply.json()["model"]["version"] == "1"
    assert old_reply.headers["podium-version"] == "1"
    assert new_reply.json()["predictions"] == [2]
    assert new_reply.json()["model"]["version"] == "2"
    assert new_reply.headers["podium-version"] == "2"
    assert [record.version for record in app.records.records] == ["2", "1"]


async def test_p1_refusal_names_the_version_that_refused(app: App) -> None:
    """The signature that a request does not fit is the named version's."""
    app.serve("2", contract=FakeContract())
    reply = await app.predict(["no number"])

    assert reply.headers["podium-version"] == "2"
    assert app.records.records[0].version == "2"


async def test_p3_moving_back_names_the_first_version_again(app: App) -> None:
    """What is kept for a binding is never used for another one."""
    versions = []
    for version in ("1", "2", "1"):
        app.serve(version)
        versions.append((await app.predict([1])).headers["podium-version"])

    assert versions == ["1", "2", "1"]


async def test_p7_servable_is_held_until_its_last_request_is_answered(app: App) -> None:
    """A swap cannot close a version that still computes."""
    predictor = FakePredictor(gate=asyncio.Event())
    app.serve("1", predictor)
    binding = app.slots.default.binding
    assert binding is not None
    async with asyncio.timeout(BOUND):
        request = asyncio.create_task(app.predict([1]))
        await predictor.entered.wait()
        app.serve("2")
        binding.servable.release()
        held_during = binding.servable.held
        predictor.gate.set()
        await request

    assert held_during
    assert not binding.servable.held


async def test_p7_servable_is_held_while_its_request_is_read(app: App) -> None:
    """A large body is read for long; a version that is closed meanwhile could not answer it."""
    app.serve("1")
    binding = app.slots.default.binding
    assert binding is not None
    reader = binding.servable.reader
    assert isinstance(reader, FakeReader)
    reader.gate.clear()
    async with asyncio.timeout(BOUND):
        request = asyncio.create_task(app.predict([1]))
        await reader.entered.wait()
        app.serve("2")
        binding.servable.release()
        reader.gate.set()
        reply = await request

    assert (reply.status_code, reply.headers["podium-version"]) == (200, "1")
    assert not binding.servable.held


async def test_p15_health_answers_while_a_prediction_waits(app: App) -> None:
    """A model that takes its time holds up nobody but its own request."""
    predictor = FakePredictor(gate=asyncio.Event())
    app.serve("1", predictor)
    async with asyncio.timeout(BOUND):
        request = asyncio.create_task(app.predict([1]))
        await predictor.entered.wait()
        live = await app.client.get("/health/live")
        metrics = await app.client.get("/metrics")
        predictor.gate.set()
        reply = await request

    assert (live.status_code, metrics.status_code, reply.status_code) == (200, 200, 200)
