"""The rules of how long a connection may be at what it is at."""

import math

import pytest

from service.server.timeouts import ClientLimits, Patience, Phase

LIMITS = ClientLimits(
    idle_seconds=75, head_seconds=20, body_seconds=30, reply_seconds=40, bytes_per_second=100
)


@pytest.mark.parametrize(
    ("phase", "moved", "seconds"),
    [
        (Phase.IDLE, 0, 75),
        (Phase.IDLE, 10_000, 75),
        (Phase.HEAD, 0, 20),
        (Phase.HEAD, 10_000, 20),
        (Phase.BODY, 0, 30),
        (Phase.BODY, 10_000, 130),
        (Phase.REPLY, 0, 40),
        (Phase.REPLY, 10_000, 140),
        (Phase.RUNNING, 0, math.inf),
    ],
)
def test_bodies_and_replies_earn_time_and_nothing_else_does(
    phase: Phase, moved: int, seconds: float
) -> None:
    """By the bytes that have moved."""
    assert LIMITS.seconds(phase, moved) == seconds


def test_time_runs_from_the_first_look_at_a_phase() -> None:
    """Not from before it."""
    patience = Patience(LIMITS, now=0)
    head = object()

    assert not patience.overdue(Phase.HEAD, head, 0, now=1000)
    assert not patience.overdue(Phase.HEAD, head, 0, now=1020)
    assert patience.overdue(Phase.HEAD, head, 0, now=1020.1)
    assert patience.since == 1000


def test_another_request_has_time_of_its_own() -> None:
    """Though the looks never saw anything between the two."""
    patience = Patience(LIMITS, now=0)
    patience.overdue(Phase.HEAD, object(), 0, now=0)

    assert not patience.overdue(Phase.HEAD, object(), 0, now=21)


def test_bytes_from_before_a_phase_earn_it_nothing() -> None:
    """A long body on a connection that has brought many."""
    patience = Patience(LIMITS, now=0)
    body = object()
    patience.overdue(Phase.BODY, body, 50_000, now=0)

    assert not patience.overdue(Phase.BODY, body, 50_100, now=31)
    assert patience.overdue(Phase.BODY, body, 50_100, now=31.1)
