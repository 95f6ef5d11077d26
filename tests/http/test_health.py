"""Probes."""

from service.following.ports import Missing
from tests.http.app import OTHER, App
from tests.support.serving import FakePredictor

NOTHING_WITHDRAWN: dict[str, list[str]] = {"withdrawn": []}


async def test_live_whatever_the_slots_do(app: App) -> None:
    """Alive says only that the loop turns."""
    app.slots.default.serve(None)
    reply = await app.client.get("/health/live")

    assert (reply.status_code, reply.json()) == (200, {"live": True})


async def test_ready_names_the_slots_that_are_not(app: App) -> None:
    """503 as long as one slot has nothing that can answer."""
    reply = await app.client.get("/health/ready")

    assert reply.status_code == 503
    assert reply.json() == {
        "ready": False,
        "stopping": False,
        "not_ready": [str(OTHER)],
        "missing": [],
        "withdrawn": [],
    }


async def test_ready_when_every_slot_is(app: App) -> None:
    """200 with all slots served."""
    app.serve("3", ref=OTHER)
    reply = await app.client.get("/health/ready")

    assert reply.status_code == 200
    told = {"ready": True, "stopping": False, "not_ready": [], "missing": []}
    assert reply.json() == told | NOTHING_WITHDRAWN


async def test_stopping_service_is_not_ready_and_still_answers(app: App) -> None:
    """A balancer turns away before the service stops listening."""
    app.serve("3", ref=OTHER)
    app.stopping = True

    assert (await app.client.get("/health/ready")).status_code == 503
    assert (await app.client.get("/health/live")).status_code == 200
    assert (await app.predict([1])).status_code == 200


async def test_slot_is_ready_by_itself(app: App) -> None:
    """One slot's readiness says nothing of another's."""
    iris = await app.client.get("/models/iris@champion/ready")
    other = await app.client.get(f"/models/{OTHER}/ready")
    unknown = await app.client.get("/models/nobody@champion/ready")

    assert (iris.status_code, iris.json()) == (200, {"ready": True})
    assert (other.status_code, other.json()) == (503, {"ready": False})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_model")


async def test_slot_whose_hosts_are_gone_is_not_ready(app: App) -> None:
    """A binding alone answers nobody."""
    app.serve("1", FakePredictor(ready=False))

    assert (await app.client.get("/models/iris@champion/ready")).status_code == 503


async def test_slot_with_nothing_to_serve_is_named_and_keeps_no_other_from_being_ready(
    app: App,
) -> None:
    """Its own probe says that it is not."""
    other = app.slots[str(OTHER)]
    other.absent, other.has_no_fallback = Missing.ALIAS, True
    reply = await app.client.get("/health/ready")

    told = {"ready": True, "stopping": False, "not_ready": [], "missing": [str(OTHER)]}
    assert (reply.status_code, reply.json()) == (200, told | NOTHING_WITHDRAWN)
    assert (await app.client.get(f"/models/{OTHER}/ready")).status_code == 503


async def test_slot_whose_last_known_good_is_on_its_way_is_not_missing(app: App) -> None:
    """It could serve, and does not yet."""
    app.slots[str(OTHER)].absent = Missing.ALIAS
    reply = await app.client.get("/health/ready")

    assert (reply.status_code, reply.json()["not_ready"]) == (503, [str(OTHER)])


async def test_service_with_nothing_to_serve_at_all_is_not_ready(app: App) -> None:
    """At least one slot has to answer."""
    for slot in app.slots.values():
        slot.serve(None)
        slot.absent, slot.has_no_fallback = Missing.ALIAS, True
    reply = await app.client.get("/health/ready")

    told = {"ready": False, "stopping": False, "not_ready": [], "missing": list(app.slots)}
    assert (reply.status_code, reply.json()) == (503, told | NOTHING_WITHDRAWN)


async def test_mlflows_probes_are_the_default_slots(app: App) -> None:
    """`/invocations` answers, or does not, whatever other slots do."""
    assert (await app.client.get("/ping")).status_code == 200
    app.slots.default.serve(None)
    app.serve("3", ref=OTHER)
    assert (await app.client.get("/ping")).status_code == 503
    assert (await app.client.get("/health")).status_code == 503
