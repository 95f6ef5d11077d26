"""What MLflow refuses over webhooks is told with what to do about it."""

import asyncio

import pytest

from service.registry.webhooks.registration import _PATIENCE, WebhookProblem, Webhooks
from tests.registry.scripted_server import ScriptedServer, answer, response
from tests.support.tracking import free_port


@pytest.fixture(autouse=True)
def as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command sets for itself is gone after each test."""
    for name, value in _PATIENCE.items():
        monkeypatch.setenv(name, value)


def problem(url: str) -> str:
    """What somebody is told who asks for all webhooks there."""
    with pytest.raises(WebhookProblem) as told:
        Webhooks(url).listed()
    return str(told.value)


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        (response(b"<html>not you", 401), "Webhooks are the administrator's"),
        (response(b"Permission denied", 403), "Webhooks are the administrator's"),
        (answer({"error_code": "INTERNAL_ERROR"}, 500), "MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY"),
        (answer({"error_code": "INVALID_PARAMETER_VALUE"}, 400), "INVALID_PARAMETER_VALUE"),
    ],
    ids=["401", "403", "500", "400"],
)
async def test_refusal_is_told_with_what_to_do(refusal: bytes, advice: str) -> None:
    """In one line, by what MLflow said and not by its port."""
    async with ScriptedServer(otherwise=refusal) as server:
        told = await asyncio.to_thread(problem, server.url)
    assert advice in told
    assert len(told.splitlines()) == 1


def test_mlflow_that_does_not_answer_is_told_as_such() -> None:
    """Without the library's words, and without advice for a status that its port looks like."""
    for port in (free_port(), 500):
        assert problem(f"http://127.0.0.1:{port}").startswith("MLflow does not answer there: ")
