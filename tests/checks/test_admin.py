"""`podium withdraw`: an exit status that scripts can trust, and one sentence (P23)."""

import io
from typing import Any

import pytest
from rich.console import Console

from service.checks.admin import model_of, reload, withdraw
from service.refs import BadRef, ModelRef
from tests.checks.scripted import Answer, scripted
from tests.support.tracking import free_port

NO_VERSION = (404, {"code": "unknown_version", "detail": "No such version.", "request_id": "1"})
UNKNOWN = (404, {"code": "unknown_model", "detail": "No such model.", "request_id": "1"})
LOST = (404, {"code": "not_found", "detail": "Nothing is here.", "request_id": "1"})


def told(**more: Any) -> Answer:
    """What a service says that has withdrawn version 3."""
    said = {"withdrawn_by": ["operator"], "slots": ["[red]a@champion"], "kept": True}
    return 200, {"model": "[red]a", "version": "3", "cleared": True, **said, **more}


def asked(answer: Answer, *, undo: bool = False) -> tuple[int, str, str]:
    """Exit status, output, and what was asked for."""
    output = io.StringIO()
    with scripted([answer]) as service:
        console = Console(file=output, width=20)
        found = withdraw(service.url, "[red]a", "3", "secret", undo=undo, console=console)
    ((method, path, authorization),) = service.asked
    assert authorization == "Bearer secret"
    return found, output.getvalue(), f"{method} {path}"


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (told(), 0, "is withdrawn: requests to [red]a@champion get 410\n"),
        (told(slots=[]), 0, "no slot was on it"),
        (told(cleared=False), 0, "its files go as soon as"),
        (told(kept=False), 1, "could not be written to PODIUM_HOME"),
        ((401, {}), 1, "refuses the admin token"),
        ((403, {}), 1, "has no admin token"),
        (told(checked=False), 0, "does not answer whether it has such a version"),
        (UNKNOWN, 2, "follows no such model"),
        (NO_VERSION, 2, "No such version."),
        (LOST, 2, "give the address of its PODIUM_ADMIN_PORT"),
        ((200, {}), 3, "what answers is not a Podium"),
        ((500, ""), 3, "what answers is not a Podium"),
    ],
)
def test_p23_withdraw_says_what_holds(answer: Answer, status: int, says: str) -> None:
    """The name is text, whole on a narrow terminal."""
    found, text, request = asked(answer)
    assert (found, says in text, text.count("\n")) == (status, True, 1)
    assert request == "POST /models/%5Bred%5Da/versions/3/withdraw"


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (told(withdrawn_by=[]), 0, "is not withdrawn any more\n"),
        (told(withdrawn_by=["tag"]), 1, "by its tag podium.withdrawn"),
        (told(withdrawn_by=[], kept=False), 1, "could not be written to PODIUM_HOME"),
        (UNKNOWN, 2, "follows no such model"),
    ],
)
def test_p23_undo_says_who_else_withdraws_it(answer: Answer, status: int, says: str) -> None:
    """The registry's word is the registry's to take back."""
    found, text, request = asked(answer, undo=True)
    assert (found, says in text) == (status, True)
    assert request == "DELETE /models/%5Bred%5Da/versions/3/withdraw"


def test_p23_withdraw_where_nothing_answers_is_undecided() -> None:
    """And says so."""
    output = io.StringIO()
    url = f"http://127.0.0.1:{free_port()}"
    assert withdraw(url, "a", "3", "secret", console=Console(file=output, width=300)) == 3
    assert "no service answers: the connection is refused" in output.getvalue()


def test_p23_model_is_named_alone_or_with_an_alias() -> None:
    """Its name may hold an @ in an address, as everywhere."""
    assert [model_of(text) for text in ("iris", "iris@champion", "models:/a@b@blue")] == [
        *("iris", "iris", "a@b"),
    ]
    with pytest.raises(BadRef):
        model_of("@champion")


@pytest.mark.parametrize(("again", "query"), [(False, ""), (True, "?again=true")])
def test_p20_reload_asks_for_what_gave_way_where_that_is_said(*, again: bool, query: str) -> None:
    """And for nothing more."""
    output = io.StringIO()
    with scripted([(202, {})]) as service:
        console, ref = Console(file=output, width=80), ModelRef("a", "champion")
        found = reload(service.url, ref, "secret", again=again, console=console)
    ((method, path, _),) = service.asked
    assert (found, f"{method} {path}") == (0, f"POST /models/a@champion/reload{query}")


def test_reload_says_where_else_it_may_be_asked() -> None:
    """The public port of a service with an admin port has no such route."""
    output = io.StringIO()
    with scripted([LOST]) as service:
        console, ref = Console(file=output, width=200), ModelRef("a", "champion")
        assert reload(service.url, ref, "secret", console=console) == 2
    assert "give the address of its PODIUM_ADMIN_PORT" in output.getvalue()
