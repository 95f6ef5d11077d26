"""Whether all instances serve a version: each at its address, or so many behind one."""

import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from service.promotion.deciding import AliasStanding
from service.promotion.instances import InstancesAt, InstancesBehind, Serving
from service.promotion.journal import Journal
from service.promotion.watching import AliasWatch
from service.refs import ModelRef
from service.registry.writer.faults import Unreachable
from tests.support.http_server import Request, Response, http_server

REF = ModelRef("iris", "champion")
SECONDS = 10.0


def slot(version: str, instance: str = "", **more: Any) -> dict[str, Any]:
    """What an instance says of the slot, as far as it is looked at."""
    return {
        "version": version,
        "aspired": "3",
        "ready": True,
        "quarantined": None,
        "withdrawn": None,
        "last_failure": None,
        "look": {"failure": None},
        "instance": instance,
        **more,
    }


REFUSES = slot("2", quarantined="3", last_failure={"code": "load_failed", "message": "No."})


@dataclass
class Scripted:
    """Answers one after another; the last one for ever."""

    answers: Sequence[dict[str, Any]]
    asked: int = 0

    def __call__(self, request: Request) -> Response:
        """The next one."""
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return Response(json.dumps(answer).encode())


@dataclass
class Time:
    """Seconds that pass only where somebody sleeps."""

    now: float = 0.0
    saw: list[Serving] = field(default_factory=list)

    def monotonic(self) -> float:
        """Since the beginning."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """They have passed."""
        self.now += seconds


def never() -> bool:
    """Nobody goes on from the move."""
    return False


At = Callable[[Sequence[dict[str, Any]]], str]


@pytest.fixture
def at() -> Iterator[At]:
    """An instance's address, by what it answers."""
    with contextlib.ExitStack() as servers:
        yield lambda answers: servers.enter_context(http_server(Scripted(answers)))


def verdicts(found: Sequence[Serving]) -> list[str]:
    """In their order."""
    return [each.verdict for each in found]


def each_at(urls: Sequence[str], time: Time) -> InstancesAt:
    """Instances there, looked at without any wait."""
    return InstancesAt(
        urls, "token", SECONDS, 60.0, lambda _: None, time.saw.append, time.monotonic, time.sleep
    )


def test_all_are_waited_for(at: At) -> None:
    """Each is told once, when it serves it."""
    time = Time()
    urls = [at([slot("3")]), at([slot("2"), slot("2"), slot("3")])]
    found = each_at(urls, time).serving(REF, "3", never)
    assert verdicts(found) == ["serves", "serves"]
    assert [each.url for each in time.saw] == urls


def test_one_that_refuses_it_ends_the_wait(at: At) -> None:
    """With its own reason."""
    found = each_at([at([slot("2")]), at([REFUSES])], Time()).serving(REF, "3", never)
    assert verdicts(found) == ["undecided", "refused"]
    assert "load_failed: No." in found[1].sentence


def test_wait_for_instances_ends(at: At) -> None:
    """Who is not there by then is named."""
    time = Time()
    found = each_at([at([slot("3")]), at([slot("2")])], time).serving(REF, "3", never)
    assert verdicts(found) == ["serves", "undecided"]
    assert time.now >= SECONDS


def test_wait_ends_where_somebody_has_gone_on_from_the_move(at: At) -> None:
    """However the instances are asked; nobody serves it by itself then."""
    url, time = at([slot("2", "a")]), Time()
    behind = InstancesBehind(url, 2, SECONDS, time.saw.append, time.monotonic, time.sleep)
    for instances in (each_at([url], time), behind):
        found = instances.serving(REF, "3", lambda: True)
        assert verdicts(found) == ["undecided"]
    assert time.now == 0


def test_registry_is_looked_at_once_in_a_while_and_may_be_silent() -> None:
    """What nobody says is not taken for a move."""
    time, looks = Time(), list[float]()

    def look() -> AliasStanding:
        looks.append(time.now)
        if len(looks) == 1:
            raise Unreachable
        return AliasStanding(REF, "4", 0, Journal())

    watch = AliasWatch(look, lambda found: found.alias == "4", time.monotonic)
    said = list[bool]()
    while not any(said):
        said.append(watch())
        time.sleep(0.5)
    assert looks == [5.0, 10.0]


def test_so_many_behind_one_address_are_counted(at: At) -> None:
    """Each once, by its own word; what does not serve it yet may be going away."""
    url = at([slot("3", "a"), slot("3", "a"), slot("2", "old"), slot("3", "b"), slot("3", "a")])
    time = Time()
    behind = InstancesBehind(url, 2, SECONDS, time.saw.append, time.monotonic, time.sleep)
    found = behind.serving(REF, "3", never)
    assert verdicts(found) == ["serves", "serves"]
    assert [each.url for each in found] == [f"{url} a", f"{url} b"]
    assert behind.prepare(REF, "3", "") == ()


def test_one_behind_an_address_that_was_started_anew_meanwhile_counts_once(at: At) -> None:
    """Its old word never comes again, so that the other one is waited for."""
    time = Time()
    anew = at([slot("3", "a"), slot("3", "a2")])
    found = InstancesBehind(anew, 2, SECONDS, time.saw.append, time.monotonic, time.sleep)
    assert verdicts(found.serving(REF, "3", never)) == ["serves", "undecided"]
    both = at([slot("3", "a"), slot("3", "a2"), slot("3", "b"), slot("3", "a2")])
    found = InstancesBehind(both, 2, SECONDS, time.saw.append, time.monotonic, time.sleep)
    assert [each.url for each in found.serving(REF, "3", never)] == [f"{both} a2", f"{both} b"]


def test_fewer_behind_one_address_are_not_enough(at: At) -> None:
    """However often that one answers."""
    time = Time()
    url = at([slot("3", "a")])
    behind = InstancesBehind(url, 2, SECONDS, time.saw.append, time.monotonic, time.sleep)
    found = behind.serving(REF, "3", never)
    assert verdicts(found) == ["serves", "undecided"]
    assert "1 of 2 instances" in found[1].sentence


def test_one_behind_an_address_that_refuses_it_ends_the_wait(at: At) -> None:
    """The others are not waited for."""
    time = Time()
    url = at([slot("3", "a"), REFUSES | {"instance": "b"}])
    behind = InstancesBehind(url, 3, SECONDS, time.saw.append, time.monotonic, time.sleep)
    assert verdicts(behind.serving(REF, "3", never)) == ["serves", "refused"]
