"""`podium wait` and `podium reload`: an exit status that scripts can trust, and one sentence."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from rich.console import Console

from service.checks.admin import reload
from service.checks.wait import wait
from service.refs import ModelRef
from tests.checks.scripted import Answer, scripted
from tests.support.tracking import free_port

IRIS = ModelRef("[red]iris", "champion")
FAILURE = {"code": "load_failed", "message": "MLflow could not load the model."}
UNKNOWN = (404, {"code": "unknown_model", "detail": "No such slot.", "request_id": "1"})


def slot(version: str | None, aspired: str | None = None, **more: Any) -> Answer:
    """What a service says of a slot that serves this version."""
    serves = {"version": version, "aspired": aspired or version, "ready": version is not None}
    failed = {"quarantined": None, "last_failure": None, "look": {"failure": None}}
    return 200, {**serves, **failed, **more}


@dataclass
class Time:
    """A clock that sleeping moves."""

    now: float = 0.0
    slept: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def waited(
    answers: Sequence[Answer], version: str | None = "2", seconds: float = 1.0
) -> tuple[int, str]:
    """Exit status and output."""
    output, time = io.StringIO(), Time()
    with scripted(answers) as service:
        found = wait(
            service.url,
            IRIS,
            version,
            seconds=seconds,
            console=Console(file=output, width=20),
            monotonic=lambda: time.now,
            sleep=time.sleep,
        )
    assert {path for _, path, _ in service.asked} == {"/models/%5Bred%5Diris@champion"}
    return found, output.getvalue()


def test_wait_returns_when_the_version_serves() -> None:
    """However many looks that takes; the name is text, whole on a narrow terminal."""
    found, text = waited([slot(None), slot("1", "2"), slot("2")])
    assert (found, text) == (0, "[red]iris@champion  serves version 2\n")


def test_wait_without_a_version_is_for_what_the_alias_is_on() -> None:
    """Whatever that is by then."""
    found, text = waited([slot("1", "3"), slot("3")], None)
    assert (found, text) == (0, "[red]iris@champion  serves version 3\n")


def test_wait_for_a_version_that_is_there_and_cannot_answer_goes_on() -> None:
    """Its processes may be on their way."""
    assert waited([slot("2", ready=False), slot("2")])[0] == 0


def test_wait_says_why_a_version_was_refused() -> None:
    """At once: the service does not try it again by itself."""
    answers = [slot("1", "2"), slot("1", "2", quarantined="2", last_failure=FAILURE)]
    found, text = waited(answers, seconds=3600)
    assert found == 1
    assert "version 2 was refused: load_failed: MLflow could not load the model." in text


def test_p23_wait_says_that_a_version_is_withdrawn() -> None:
    """It comes back only if its operator takes that back."""
    failure = {"code": "withdrawn", "message": "Version 2 was withdrawn."}
    found, text = waited([slot(None, "2", withdrawn="2", last_failure=failure)], seconds=3600)
    assert (found, text.count("withdrawn"), "Version 2 was withdrawn." in text) == (1, 1, True)


def test_wait_for_what_is_tried_again_is_undecided_at_its_end() -> None:
    """With what is known of it."""
    found, text = waited([slot("1", "2", last_failure=FAILURE)])
    assert found == 3
    why = "serves version 1; the alias is on version 2; load_failed: MLflow could not"
    assert f"not within 1 s: {why}" in text


def test_wait_while_another_version_is_quarantined_goes_on() -> None:
    """The alias may still be moved."""
    answers = [slot("1", "3", quarantined="3", last_failure=FAILURE), slot("2")]
    assert waited(answers)[0] == 0


def test_wait_tells_of_a_registry_that_is_silent() -> None:
    """That is why nothing happens."""
    silent = {"failure": {"message": "The registry does not answer."}}
    found, text = waited([slot("1", look=silent)])
    assert (found, "the registry: The registry does not answer." in text) == (3, True)


def test_wait_for_a_slot_that_is_not_followed_is_wrong_use() -> None:
    """No time is lost over a name that was written wrongly."""
    assert waited([UNKNOWN], seconds=3600)[0] == 2


@pytest.mark.parametrize("answer", [(200, []), (200, {}), (404, {}), (500, "")])
def test_wait_where_no_podium_answers_is_undecided(answer: Answer) -> None:
    """One may be on its way behind that address."""
    found, text = waited([answer])
    assert (found, "what answers is not a Podium" in text) == (3, True)
    assert waited([answer, slot("2")])[0] == 0


def test_wait_where_nothing_answers_is_undecided() -> None:
    """After its time, and says so."""
    output, time = io.StringIO(), Time()
    url = f"http://127.0.0.1:{free_port()}"
    console = Console(file=output, width=200)
    found = wait(
        url,
        IRIS,
        "2",
        seconds=1,
        console=console,
        monotonic=lambda: time.now,
        sleep=time.sleep,
    )
    assert (found, sum(time.slept)) == (3, 1.0)
    assert "not within 1 s: no service answers: the connection is refused" in output.getvalue()


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        ((202, {}), 0, "the service looks at the registry now"),
        ((401, {}), 1, "the service refuses the admin token"),
        ((403, {}), 1, "the service has no admin token"),
        (UNKNOWN, 2, "the service follows no such model and alias"),
        ((500, {}), 3, "what answers is not a Podium (500)"),
    ],
)
def test_reload_asks_with_the_admin_token(answer: Answer, status: int, says: str) -> None:
    """Of which nothing is printed."""
    output = io.StringIO()
    with scripted([answer]) as service:
        console = Console(file=output, width=200)
        assert reload(service.url, IRIS, "secret", console=console) == status
    path = "/models/%5Bred%5Diris@champion/reload"
    assert service.asked == [("POST", path, "Bearer secret")]
    assert says in output.getvalue()
    assert "secret" not in output.getvalue()


def test_reload_where_nothing_answers_is_three() -> None:
    """And says how an address is written, where that is none."""
    assert reload("nowhere", IRIS, "secret", console=Console(file=io.StringIO())) == 3


NOT_YET = (404, {"code": "not_there_yet", "detail": "Not yet.", "request_id": "1"})


def test_wait_for_a_model_that_a_pattern_would_follow_goes_on() -> None:
    """Until it is registered, and serves."""
    assert waited([NOT_YET, NOT_YET, slot("2")])[0] == 0
    found, text = waited([NOT_YET])
    assert (found, "the registry has no such model and alias yet" in text) == (3, True)


def test_reload_of_a_model_that_a_pattern_would_follow_looks_for_it() -> None:
    """It is what somebody asks for who has just registered it."""
    output = io.StringIO()
    with scripted([NOT_YET]) as service:
        found = reload(service.url, IRIS, "token", console=Console(file=output, width=200))
    assert (found, "looks at it now" in output.getvalue()) == (0, True)
