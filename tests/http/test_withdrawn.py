"""What clients and operators are told of a version that is withdrawn (P23)."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from service.errors import Withdrawn
from service.http.access import Admin
from service.tombstones import Source, Tombstone
from tests.http.app import IRIS, App
from tests.support.serving import FakeContract, FakePredictor, FakeReader

TOKEN = {"Authorization": "Bearer secret"}
STONES = [
    Tombstone("iris", 7, "9", Source.TAG, 1_700_000_000.0, "leaks names"),
    Tombstone("iris", None, "1", Source.OPERATOR, 1e30),
    Tombstone("others", 7, "2", Source.TAG, 1.0, "their secret"),
]
PATH = "/models/team/a%20b/versions/03/withdraw"


@pytest_asyncio.fixture
async def app() -> AsyncIterator[App]:
    """One whose operator may withdraw."""
    yield (made := App(admin=Admin("secret")))
    await made.client.aclose()


def withdraw(app: App) -> None:
    """Takes version 1 from the default slot, as following does."""
    slot = app.slots.default
    assert slot.binding is not None
    slot.binding.servable.refusal = Withdrawn()
    slot.lacking = slot.binding.servable.version
    slot.serve(None)


async def test_p23_request_to_what_served_it_is_gone(app: App) -> None:
    """By every route of the slot, in each protocol's own shape; and nobody is to keep that."""
    withdraw(app)
    ours = await app.predict([1])
    assert (ours.status_code, ours.json()["code"]) == (410, "withdrawn")
    assert (ours.headers["cache-control"], "retry-after" in ours.headers) == ("no-store", False)
    mlflows = await app.predict([1], "/invocations")
    assert (mlflows.status_code, mlflows.json()["error_code"]) == (410, "RESOURCE_DOES_NOT_EXIST")
    assert "withdrawn" in mlflows.json()["message"]
    for path in ("/models/iris@champion/predict", "/models/iris@champion/invocations"):
        assert (await app.predict([1], path)).status_code == 410
    assert {record.error for record in app.records.records} == {"withdrawn"}


async def test_p23_request_in_flight_is_gone_whatever_its_process_still_says(app: App) -> None:
    """While it is predicted, and while it is read; also where it would be refused."""
    predictor, contract = FakePredictor(gate=asyncio.Event()), FakeContract()
    app.serve("1", predictor, contract)
    binding = app.slots.default.binding
    assert binding is not None
    reader = binding.servable.reader
    assert isinstance(reader, FakeReader)
    predicted = asyncio.ensure_future(app.predict([1]))
    await predictor.entered.wait()
    reader.gate, reader.entered = asyncio.Event(), asyncio.Event()
    read = asyncio.ensure_future(app.predict(["no number"], "/invocations"))
    await reader.entered.wait()
    withdraw(app)
    predictor.gate.set()
    reader.gate.set()
    assert [each.status_code for each in await asyncio.gather(predicted, read)] == [410, 410]


async def test_p23_readiness_and_models_name_it(app: App) -> None:
    """It is nobody's to wait for, and nothing is served for it."""
    withdraw(app)
    ready = (await app.client.get("/health/ready")).json()
    assert (ready["ready"], ready["withdrawn"]) == (False, [str(IRIS)])
    assert str(IRIS) not in ready["not_ready"]
    told = (await app.client.get("/models/iris@champion")).json()
    assert (told["state"], told["withdrawn"], told["version"]) == ("withdrawn", "1", None)
    assert (told["serving_example"], told["signature"]) == (None, None)
    assert (await app.client.get("/models/iris@champion/ready")).status_code == 503


async def test_p23_operator_withdraws_by_the_models_name_and_takes_it_back(app: App) -> None:
    """Names may hold anything; the number is that of MLflow."""
    done = await app.client.post(PATH, headers=TOKEN)
    assert done.json() == {
        "model": "team/a b",
        "version": "3",
        "withdrawn_by": ["operator"],
        "slots": [str(IRIS)],
        "kept": True,
        "cleared": True,
        "checked": True,
    }
    assert (await app.client.delete(PATH, headers=TOKEN)).json()["withdrawn_by"] == []
    assert app.withdrawn == [("team/a b", "3"), ("team/a b", "3", "restored")]


async def test_p23_operator_says_why(app: App) -> None:
    """Printably, in a body that may be missing; what is none is refused, and nothing is done."""
    said = {"reason": "unfair (by ada)\n"}
    assert (await app.client.post(PATH, headers=TOKEN, json=said)).status_code == 200
    for wrong in ("{", '{"why": "x"}', '{"reason": 1}', f'{{"reason": "{"x" * 501}"}}'):
        assert (await app.client.post(PATH, headers=TOKEN, content=wrong)).status_code == 400
    assert app.withdrawn == [("team/a b", "3", "unfair (by ada)\\n")]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_p23_nobody_else_withdraws(app: App, method: str) -> None:
    """Nor takes it back."""
    assert (await app.client.request(method, PATH)).status_code == 401
    wrong = PATH.replace("03", "3x")
    assert (await app.client.request(method, wrong, headers=TOKEN)).status_code == 400
    assert app.withdrawn == []


async def test_p23_models_lists_all_that_is_withdrawn_whatever_serves(app: App) -> None:
    """With who can take that back, since when, and why; however its file has the time."""
    app.slots.tombstones.add(STONES)
    told = (await app.client.get("/models", headers=TOKEN)).json()
    assert told["models"][0]["version"] == "1"
    assert told["withdrawn"] == [
        {
            "model": "iris",
            "version": "9",
            "source": "tag",
            "at": "2023-11-14T22:13:20Z",
            "reason": "leaks names",
        },
        {
            "model": "iris",
            "version": "1",
            "source": "operator",
            "at": "9999-01-01T00:00:00Z",
            "reason": "",
        },
    ]


async def test_p23_why_is_for_the_operator_and_what_others_follow_is_nobodys(app: App) -> None:
    """Services of one home share their tombstones, and the page is open."""
    app.slots.tombstones.add(STONES)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        answer = await app.client.get("/models", headers=headers)
        told = answer.json()["withdrawn"]
        assert [(each["model"], each["version"]) for each in told] == [("iris", "9"), ("iris", "1")]
        assert all("reason" not in each for each in told)
        assert not any(word in answer.text for word in ("leaks", "others", "their secret"))
