"""What `make fuzz` would call a finding: a check that cannot fail would show nothing."""

import pytest

from tests.fuzz.fuzzing import Reply, judge, request_of, troubles
from tests.fuzz.mutations import LONG, MARKER, Broken
from tests.fuzz.seeds import seeds

ECHO = Broken("/models/scalars@champion/predict", (), b"")
IRIS = Broken("/models/iris@champion/predict", (), b"")
FAILED = b'{"code": "model_failed"}'


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [
        (ECHO, 500, FAILED),
        (IRIS, 500, b'{"code": "internal"}'),
        (IRIS, 503, FAILED),
        (ECHO, 404, b"{}"),
        (ECHO, 200, b"NaN"),
        (ECHO, 200, b"no json"),
        (ECHO, 422, f'{{"detail": "{MARKER}"}}'.encode()),
    ],
)
def test_answer_that_nobody_should_get_is_found(request_: Broken, status: int, body: bytes) -> None:
    """Whatever else is right with it."""
    assert judge(request_, Reply(status, body)) is not None


@pytest.mark.parametrize(
    ("request_", "status", "body"),
    [(ECHO, 200, b"[1]"), (ECHO, 422, b"{}"), (ECHO, 413, b"{}"), (IRIS, 500, FAILED)],
)
def test_answer_that_is_documented_is_none(request_: Broken, status: int, body: bytes) -> None:
    """A prediction, a refusal, and iris failing on what fits its signature."""
    assert judge(request_, Reply(status, body)) is None


@pytest.mark.parametrize(("event", "count"), [("internal", 1), ("host_died", 1), ("answered", 0)])
def test_log_tells_what_answers_do_not(event: str, count: int) -> None:
    """Whoever dies over a body is replaced, and the body may be answered all the same."""
    logged = {event: [{"event": event}]}

    assert len(troubles(lambda name: logged.get(name, []))) == count


def test_requests_of_a_run_can_be_made_again() -> None:
    """By their number and the run's seed, which is what a finding is reported with."""
    made = seeds()
    first = [request_of(5, number, made) for number in range(200)]

    assert [request_of(5, number, made) for number in range(200)] == first
    assert [request_of(6, number, made) for number in range(200)] != first
    assert any(MARKER.encode() in request.body for request in first)


def test_some_requests_are_long() -> None:
    """So that the decoder meets them too."""
    made = seeds()

    assert any(len(request_of(5, number, made).body) >= LONG for number in range(500))
