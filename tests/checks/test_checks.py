"""Every check, on a service that is right and on one that is wrong in one way."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from service.checks.registry import AliasLookup
from service.checks.result import CheckOutcome, CheckResult
from service.checks.smoke import checks
from service.checks.target import path_of
from tests.checks.wrong_server import (
    Answer,
    Change,
    Registry,
    Service,
    Slot,
    client,
)

PREDICT = "predict"
INVOCATIONS = "invocations"
FOLLOWS = "version is the alias's"


async def results(
    service: object, registry: Registry | None = None, uri: str | None = "http://registry"
) -> list[CheckResult]:
    """All checks, without patience."""
    async with client(service) as talked, client(registry or Registry()) as asked:
        return [one async for one in checks(talked, AliasLookup(asked, uri), 0.0)]


async def failed(service: object, registry: Registry | None = None) -> set[str]:
    """The names of the checks that failed."""
    found = await results(service, registry)
    return {one.name for one in found if one.outcome is CheckOutcome.FAILED}


def by_name(found: list[CheckResult]) -> Mapping[str, CheckResult]:
    """The results of one slot."""
    return {one.name: one for one in found}


async def test_right_service_passes_everything() -> None:
    """Nothing fails and nothing is left out where everything is there."""
    found = await results(Service())
    assert {one.outcome for one in found} == {CheckOutcome.PASSED}
    assert len(found) == len({(one.name, one.slot) for one in found}) == 16


async def test_every_slot_is_checked_and_any_name_is_reached() -> None:
    """Names with slashes, spaces and letters of any kind, in paths and in headers."""
    service = Service([Slot(), Slot("a/b ü%", "c@d")])
    found = await results(service, Registry({"champion": "3", "c@d": "3"}))
    assert {one.outcome for one in found} == {CheckOutcome.PASSED}
    assert [one.slot for one in found].count("a/b ü%@c@d") == 8
    assert path_of("a/b", "c") == "/models/a%2Fb@c"


def _status(status: int) -> Change:
    return lambda answer: replace(answer, status=status)


def _body(body: bytes) -> Change:
    return lambda answer: replace(answer, body=body)


def _header(name: str, value: str) -> Change:
    return lambda answer: answer.with_header(name, value)


def _refusing(change: Change) -> Change:
    """Changes refusals alone."""
    return lambda answer: answer if answer.status == 200 else change(answer)


SLOT = "/models/iris@champion"
NAMED = "/v2/models/iris@champion"
OTHER = {"name": "iris", "alias": "champion", "version": "2"}
FAULTS: list[tuple[str, str, Change, str]] = [
    ("not live", "GET /health/live", _status(500), "GET /health/live"),
    ("not ready", "GET /health/ready", _status(503), "GET /health/ready"),
    ("no ping", "GET /ping", _status(503), "GET /ping"),
    ("version of something", "GET /version", _body(b"<html>"), "GET /version"),
    ("models is not JSON", "GET /models", _body(b"no"), "GET /models"),
    ("models is a list", "GET /models", _body(b"[]"), "GET /models"),
    ("no slots", "GET /models", _body(b'{"models": []}'), "GET /models"),
    ("slot is a text", "GET /models", _body(b'{"models": ["iris"]}'), "GET /models"),
    ("slot without a name", "GET /models", _body(b'{"models": [{"alias": "a"}]}'), "GET /models"),
    ("no description", f"GET {SLOT}", _status(404), "GET /models/{slot}"),
    ("another slot", f"GET {SLOT}", lambda a: a.with_json(alias="b"), "GET /models/{slot}"),
    ("no version", f"GET {SLOT}", lambda a: a.with_json(version=None), "GET /models/{slot}"),
    ("predict fails", f"POST {SLOT}/predict", _status(500), PREDICT),
    ("predict is not JSON", f"POST {SLOT}/predict", _body(b"0"), PREDICT),
    ("no predictions", f"POST {SLOT}/predict", lambda a: a.with_json(predictions=None), PREDICT),
    ("one missing", f"POST {SLOT}/predict", lambda a: a.with_json(predictions=[0]), PREDICT),
    ("model missing", f"POST {SLOT}/predict", lambda a: a.with_json(model=None), PREDICT),
    ("model differs", f"POST {SLOT}/predict", lambda a: a.with_json(model=OTHER), PREDICT),
    ("header differs", f"POST {SLOT}/predict", _header("Podium-Version", "2"), PREDICT),
    ("header missing", f"POST {SLOT}/predict", _header("Podium-Alias", ""), PREDICT),
    ("header broken", f"POST {SLOT}/predict", _header("Podium-Model", "%ff"), PREDICT),
    ("invocations fails", f"POST {SLOT}/invocations", _status(404), INVOCATIONS),
    (
        "invocations counts wrong",
        f"POST {SLOT}/invocations",
        lambda a: a.with_json(predictions={"y": [1, 2, 3]}),
        INVOCATIONS,
    ),
    (
        "invocations of another",
        f"POST {SLOT}/invocations",
        _header("Podium-Model", "x"),
        INVOCATIONS,
    ),
    ("infer fails", f"POST {NAMED}/infer", _status(500), "infer"),
    ("infer of another", f"POST {NAMED}/infer", lambda a: a.with_json(model_version="9"), "infer"),
    ("not as announced", f"POST {NAMED}/infer", lambda a: a.with_json(outputs=[]), "infer"),
    ("metadata fails", f"GET {NAMED}", _status(404), "infer"),
    (
        "infer refuses in another shape",
        f"POST {NAMED}/infer",
        _refusing(lambda a: a.with_json(error=None, detail="No.")),
        "refusal by /infer",
    ),
    (
        "infer refuses with another status",
        f"POST {NAMED}/infer",
        _refusing(_status(422)),
        "refusal by /infer",
    ),
    ("default of another", "POST /predict", _header("Podium-Alias", "x"), "predict (default)"),
    ("default fails", "POST /invocations", _status(500), "invocations (default)"),
    ("id is lost", "POST /predict", _header("X-Request-ID", "mine"), "X-Request-ID"),
    (
        "refused as a fault",
        f"POST {SLOT}/predict",
        _refusing(_status(500)),
        "refusal by /predict",
    ),
    (
        "refused with a sentence",
        f"POST {SLOT}/predict",
        _refusing(lambda a: a.with_json(detail="No.")),
        "refusal by /predict",
    ),
    (
        "refused in another shape",
        f"POST {SLOT}/invocations",
        _refusing(lambda a: a.with_json(error_code=None)),
        "refusal by /invocations",
    ),
    (
        "refused as unprocessable",
        f"POST {SLOT}/invocations",
        _refusing(_status(422)),
        "refusal by /invocations",
    ),
]


@pytest.mark.parametrize(
    ("route", "change", "check"), [fault[1:] for fault in FAULTS], ids=[one[0] for one in FAULTS]
)
async def test_wrong_service_fails_the_check_that_is_about_it(
    route: str, change: Change, check: str
) -> None:
    """A check that cannot fail would say nothing."""
    assert check in await failed(Service(changes={route: change}))


@pytest.mark.parametrize("route", ["predict", "invocations"])
async def test_refusal_that_repeats_the_request_fails(route: str) -> None:
    """Neither a key nor a value of the client's comes back."""

    class Repeating(Slot):
        def predict(self, body: bytes) -> Answer:
            answer = Slot.predict(self, body)
            detail = [body.decode()]
            return answer if answer.status == 200 else answer.with_json(detail=detail)

        def invocations(self, body: bytes) -> Answer:
            answer = Slot.invocations(self, body)
            message = body.decode()
            return answer if answer.status == 200 else answer.with_json(message=message)

    assert f"refusal by /{route}" in await failed(Service([Repeating()]))


async def test_service_that_takes_requests_without_a_required_column_fails() -> None:
    """A refusal of broken JSON alone is not enough."""

    class Careless(Slot):
        def predict(self, body: bytes) -> Answer:
            column = self.column
            self.column = {}
            try:
                return Slot.predict(self, body)
            finally:
                self.column = column

    assert "refusal by /predict" in await failed(Service([Careless()]))


async def test_signature_without_a_required_column_is_asked_with_broken_json_alone() -> None:
    """There a record of unknown columns is a right request; the note says what was left out."""
    optional = {"name": "x", "type": "double", "required": False}
    found = by_name(await results(Service([Slot(column=optional)])))
    assert found["refusal by /predict"].outcome is CheckOutcome.PASSED
    assert found["refusal by /predict"].note.startswith("broken JSON only")


async def test_version_without_an_example_is_not_checked_and_not_passed() -> None:
    """What was not asked is not said to be right."""
    found = by_name(await results(Service([Slot(example=None)])))
    for name in (PREDICT, INVOCATIONS, "predict (default)", "invocations (default)"):
        assert found[name].outcome is CheckOutcome.NOT_CHECKED
        assert found[name].note == "the version has no input example"
    assert found[FOLLOWS].outcome is CheckOutcome.PASSED


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"last_failure": {"message": "It cannot be loaded."}}, "It cannot be loaded."),
        ({"look": {"failure": {"message": "MLflow is silent."}}}, "MLflow is silent."),
        ({"state": "loading"}, "one is loading"),
        ({}, ""),
        ({"last_failure": 1, "look": [], "state": 2}, ""),
    ],
)
async def test_slot_without_a_version_fails_and_quotes_the_service(
    told: Mapping[str, Any], why: str
) -> None:
    """An empty slot serves nobody; what could not be asked is not checked, for the same reason."""
    empty = Service(
        [Slot(version=None, example=None)], {f"GET {SLOT}": lambda a: a.with_json(**told)}
    )
    found = by_name(await results(empty))
    note = f"no version serves: {why}" if why else "no version serves"
    assert found["GET /models/{slot}"].outcome is CheckOutcome.FAILED
    assert found["GET /models/{slot}"].note == note
    for name in (PREDICT, INVOCATIONS, "predict (default)", "refusal by /predict"):
        assert (found[name].outcome, found[name].note) == (CheckOutcome.NOT_CHECKED, note)
    assert found[FOLLOWS].note == f"{note}; the alias is on version 3"


async def test_answer_that_does_not_come_is_told_without_pythons_names() -> None:
    """A failure, in words for people."""

    def cut(_answer: Answer) -> Answer:
        raise httpx.ReadError("")

    found = by_name(await results(Service(changes={"GET /ping": cut})))
    assert found["GET /ping"].note == "no answer: the connection ended without an answer"
