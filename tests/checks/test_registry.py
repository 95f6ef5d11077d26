"""Whether the version that answers is the alias's, by every kind of registry."""

import httpx
import pytest

from service.checks.registry import AliasLookup
from service.checks.result import CheckOutcome
from service.checks.smoke import checks
from tests.checks.test_checks import FOLLOWS, by_name, results
from tests.checks.wrong_server import (
    Answer,
    HangingRegistry,
    Registry,
    Service,
    Slot,
    client,
)
from tests.support.tracking import free_port


async def test_hanging_registry_is_waited_for_once() -> None:
    """Ten slots cost no more than one; the service's own checks go on."""
    slots = [Slot(name) for name in ("a", "b", "c")]
    held = HangingRegistry()
    async with client(Service(slots)) as talked, client(held) as asked:
        registry = AliasLookup(asked, "http://registry", limit=0.05)
        found = [one async for one in checks(talked, registry, 0.0)]
    told = [one for one in found if one.name == FOLLOWS]
    assert {one.outcome for one in told} == {CheckOutcome.NOT_CHECKED}
    assert {one.note for one in told} == {"the registry did not answer within 0.05 s"}
    assert held.asked == 1


async def test_registry_that_is_not_reached_is_asked_once() -> None:
    """A connection that fails slowly costs its time once."""
    port, sent = free_port(), list[httpx.Request]()

    async def note(request: httpx.Request) -> None:
        sent.append(request)

    hooks = {"request": [note]}
    async with (
        client(Service([Slot("a"), Slot("b")])) as talked,
        httpx.AsyncClient(event_hooks=hooks) as asked,
    ):
        registry = AliasLookup(asked, f"http://127.0.0.1:{port}")
        found = [one async for one in checks(talked, registry, 0.0)]
    told = [one for one in found if one.name == FOLLOWS]
    assert {one.note for one in told} == {
        "the registry cannot be reached: the connection is refused"
    }
    assert len(told) == 2
    assert len(sent) == 1


async def test_alias_on_another_version_fails() -> None:
    """The note names both."""
    found = by_name(await results(Service(), Registry({"champion": "4"})))
    assert found[FOLLOWS].outcome is CheckOutcome.FAILED
    assert found[FOLLOWS].note == "version 3 answers; the alias is on version 4"


async def test_alias_that_is_followed_in_time_passes() -> None:
    """An alias that moves during the check is not a failure, if the service moves too."""
    slot, registry = Slot(), Registry({"champion": "4"})

    def swapped(answer: Answer) -> Answer:
        if registry.asked:
            slot.version = "4"
        return answer

    service = Service([slot], {"POST /models/iris@champion/predict": swapped})
    async with client(service) as talked, client(registry) as asked:
        found = [one async for one in checks(talked, AliasLookup(asked, "http://registry"), 30.0)]
    assert by_name(found)[FOLLOWS].outcome is CheckOutcome.PASSED
    assert len(registry.asked) == 2


@pytest.mark.parametrize(
    ("uri", "answer", "note"),
    [
        (None, None, "no registry is known; set MLFLOW_TRACKING_URI"),
        ("sqlite:///mlflow.db", None, "the registry is not one that is reached over HTTP"),
        ("http://registry", Answer(401), "the registry answers 401"),
        ("http://registry", Answer(body=b"<html>"), "the registry's answer cannot be read"),
        ("http://registry", Answer(404), "the registry has no such alias"),
        ("http://registry:port", None, "the registry is not one that is reached over HTTP"),
    ],
)
async def test_registry_that_does_not_tell_is_not_checked(
    uri: str | None, answer: Answer | None, note: str
) -> None:
    """In clear words, and never as passed."""
    found = by_name(await results(Service(), Registry(answer=answer), uri))
    assert (found[FOLLOWS].outcome, found[FOLLOWS].note) == (CheckOutcome.NOT_CHECKED, note)


async def test_alias_of_another_name_does_not_count() -> None:
    """Only the slot's own alias says what it should serve."""
    found = by_name(await results(Service(), Registry({"challenger": "3"})))
    assert found[FOLLOWS].outcome is CheckOutcome.NOT_CHECKED
