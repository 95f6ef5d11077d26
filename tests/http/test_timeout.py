"""How long a request may take: the service's word, or its client's if that is less."""

import time
from collections.abc import AsyncIterator

import pytest

from service.config.settings import load_settings
from service.errors import InvalidInput
from service.http.intake import seconds_of
from tests.http.app import App
from tests.support.serving import FakePredictor

MOST = 150.0


@pytest.fixture
async def hasty() -> AsyncIterator[App]:
    """An application whose requests may take so long."""
    made = App(request_seconds=MOST)
    yield made
    made.logs.close()


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        (b"1", 0.001),
        (b" 2500 ", 2.5),
        (b"+0070", 0.07),
        (b"150001", MOST),
        (b"9" * 5000, MOST),
    ],
)
def test_p11_client_shortens_its_request_and_never_lengthens_it(
    sent: bytes, seconds: float
) -> None:
    """In milliseconds."""
    assert seconds_of(sent, MOST) == seconds


@pytest.mark.parametrize(
    ("sent", "type_"),
    [
        *((bad, "type") for bad in (b"", b"1.5", b"5s", b"1e3", b"\xb2", b"nan", b"1 2", b"1,2")),
        *((bad, "out_of_range") for bad in (b"0", b"-0", b"-5", b"000", b"-" + b"9" * 5000)),
    ],
)
def test_p11_header_that_is_no_time_is_refused(sent: bytes, type_: str) -> None:
    """Naming the header, and what it must be."""
    with pytest.raises(InvalidInput) as caught:
        seconds_of(sent, MOST)
    (error,) = caught.value.errors
    assert (error.loc, error.type) == (("header", "podium-timeout-ms"), type_)


@pytest.mark.parametrize("path", ["/predict", "/invocations", "/models/iris@champion/predict"])
async def test_p11_deadline_is_the_requests_on_every_route(hasty: App, path: str) -> None:
    """Counted from when it has come."""
    predictor = FakePredictor()
    hasty.serve("1", predictor)
    before = time.monotonic()
    await hasty.predict([1], path)
    await hasty.predict([1], path, headers={"Podium-Timeout-Ms": "1000"})
    after = time.monotonic()

    usual, shorter = predictor.deadlines
    assert before + MOST <= usual <= after + MOST
    assert before + 1 <= shorter <= after + 1


async def test_p11_bad_header_is_refused_in_each_protocols_shape(hasty: App) -> None:
    """Nothing is predicted, and what was sent is not repeated."""
    predictor = FakePredictor()
    hasty.serve("1", predictor)
    headers = {"Podium-Timeout-Ms": "soon"}
    podiums = await hasty.predict([1], headers=headers)
    mlflows = await hasty.predict([1], "/invocations", headers=headers)
    says = "must be a whole number of milliseconds, 1 or more"

    assert (podiums.status_code, podiums.json()["code"]) == (422, "invalid_input")
    assert podiums.json()["detail"] == [
        {"loc": ["header", "podium-timeout-ms"], "msg": says, "type": "type"}
    ]
    assert mlflows.status_code == 400
    assert mlflows.json()["message"] == (
        f"The request's time limit cannot be read. header.podium-timeout-ms: {says}"
    )
    assert "soon" not in podiums.text + mlflows.text
    assert predictor.inputs == []


def test_p11_default_has_room_for_two_calls_that_hang() -> None:
    """One where the request waits or stands, one in its second try; and for their processes."""
    assert load_settings({}).request_seconds == 150.0
    assert load_settings({"predict_timeout_seconds": 1}).request_seconds == 32.0
    assert load_settings({"request_timeout_seconds": 5}).request_seconds == 5.0
