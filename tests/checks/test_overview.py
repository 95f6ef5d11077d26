"""`podium status`: the slots of a real listener's answer, or a clear line."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from service.checks.overview import NoJournal, UnfinishedMoves, status
from tests.checks.scripted import scripted
from tests.support.tracking import free_port

SLOT: dict[str, Any] = {
    "name": "[red]iris",
    "alias": "champion",
    "state": "refused",
    "ready": True,
    "version": "1",
    "since": "2026-01-01T00:00:00Z",
    "lag_seconds": 12.3,
    "aspired": "2",
    "last_failure": {"code": "load_failed", "message": "MLflow could not load the model."},
}
RUNS_IN = {"key": None, "python": "3.10.13", "packages": None, "awaited": False}
LOOK = {"age_seconds": 3.2, "failure": {"message": "The registry does not answer."}}


def shown(
    url: str,
    *,
    as_json: bool = False,
    lenient: bool = False,
    advice: str = "",
    unfinished: UnfinishedMoves | None = None,
) -> tuple[int, str]:
    """Exit status and output."""
    output = io.StringIO()
    console = Console(file=output, width=200)
    found = status(
        url,
        as_json=as_json,
        lenient=lenient,
        advice=advice,
        unfinished=unfinished,
        console=console,
    )
    return found, output.getvalue()


def test_moves_that_nobody_has_finished_are_told_and_are_no_fault_of_the_service(
    answering: Any,
) -> None:
    """By the alias; what cannot be asked is said."""
    serving = {**SLOT, "state": "serving", "aspired": "1", "last_failure": None}

    def begun(refs: Any) -> dict[str, str]:
        return dict.fromkeys(refs, "ada has begun to move it")

    def silent(_: Any) -> dict[str, str]:
        raise NoJournal("MLflow does not answer")

    with answering({"models": [serving], "look": {}}) as url:
        found, text = shown(url, unfinished=begun)
        assert (found, "[red]iris@champion  not finished: ada has begun" in text) == (0, True)
        found, text = shown(url, unfinished=silent)
        assert (found, "cannot be read: MLflow does not answer" in text) == (0, True)
        told = json.loads(shown(url, unfinished=begun, as_json=True)[1])["journal"]
    assert told == {"unfinished": begun(["[red]iris@champion"]), "error": None}


def test_lost_events_are_one_line_and_no_fault_of_a_slot(answering: Any) -> None:
    """With why."""
    serving = {**SLOT, "state": "serving", "aspired": "1", "last_failure": None}
    events = {"since": "2026-01-01T00:00:00Z", "lost": 7, "code": "events_failed", "message": "No."}
    with answering({"models": [serving], "look": {}, "events": events}) as url:
        found, text = shown(url)
    assert found == 0
    assert text.splitlines()[-1] == (
        "events  7 lost since 2026-01-01T00:00:00Z: events_failed: No."
    )


def test_status_shows_slots_and_the_age_of_the_last_look(answering: Any) -> None:
    """Names are text: markup in them is shown, not obeyed."""
    with answering({"models": [SLOT], "look": LOOK}) as url:
        found, text = shown(url)
    assert found == 1
    assert text.splitlines()[0] == f"service  {url}"
    for part in ("[red]iris@champion", "refused", "12 s", "load_failed", "3 s ago"):
        assert part in text


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (
            {"environment": {**RUNS_IN, "key": "0123456789abcdef", "packages": 64}},
            "  in an environment of its own: Python 3.10.13, 64 packages (0123456789ab)",
        ),
        (
            {
                "environment": {
                    **RUNS_IN,
                    "key": "0123456789abcdef",
                    "packages": 64,
                    "zygote_memory_bytes": 187 * 1024**2,
                }
            },
            (
                "  in an environment of its own: Python 3.10.13, 64 packages, 187 MiB of libraries "
                "(0123456789ab)"
            ),
        ),
        (
            {"environment": {**RUNS_IN, "awaited": True}},
            "  in Podium's own environment, until one of its own can be built",
        ),
        (
            {"coming": {"version": "2", "stage": "environment", "step": "install", "packages": 64}},
            "  version 2 is on its way: environment, install, 64 packages",
        ),
        (
            {"coming": {"version": "2", "stage": "load", "step": None, "packages": None}},
            "  version 2 is on its way: load",
        ),
    ],
)
def test_status_says_where_a_version_runs_and_how_far_the_next_has_come(
    answering: Any, more: dict[str, Any], line: str
) -> None:
    """Podium's own environment is not worth a line."""
    with answering({"models": [SLOT | more], "look": LOOK}) as url:
        assert line in shown(url)[1].splitlines()
    with answering({"models": [SLOT | {"environment": RUNS_IN}], "look": LOOK}) as url:
        assert "environment" not in shown(url)[1]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, "the aspired version cannot be served"),
        ({"last_failure": None}, "the aspired version is not ready yet"),
        ({"aspired": None}, "the registry has not answered"),
        ({"aspired": None, "last_failure": None}, "the registry has not answered"),
        (
            {"aspired": None, "last_failure": {"code": "alias_missing", "message": "Gone."}},
            "the registry has no such alias",
        ),
        (
            {"aspired": None, "last_failure": {"code": "model_missing", "message": "Gone."}},
            "the registry has no such model",
        ),
    ],
)
def test_p5_slot_on_its_last_known_good_says_so(
    answering: Any, more: dict[str, Any], why: str
) -> None:
    """And since when, and why."""
    slot = SLOT | {"last_known_good_since": "2026-01-02T00:00:00Z"} | more
    with answering({"models": [slot], "look": LOOK}) as url:
        text = shown(url)[1]
    assert f"on its last known good since 2026-01-02T00:00:00Z: {why}" in text


def test_status_as_json_is_what_the_service_said(answering: Any) -> None:
    """For programs."""
    told = {"models": [SLOT], "look": LOOK}
    with answering(told) as url:
        assert json.loads(shown(url, as_json=True)[1]) == told


@pytest.mark.parametrize(
    ("state", "ready", "strict", "lenient"),
    [
        ("serving", True, 0, 0),
        ("serving", False, 1, 1),
        ("refused", True, 1, 0),
        ("refused", False, 1, 1),
        ("empty", False, 1, 1),
        ("loading", False, 1, 1),
    ],
)
def test_status_is_one_where_a_slot_does_not_serve_what_it_should(
    answering: Any, state: str, *, ready: bool, strict: int, lenient: int
) -> None:
    """Exit statuses can be trusted by scripts; `--lenient` asks for what answers alone."""
    slots = [SLOT | {"state": "serving"}, SLOT | {"state": state, "ready": ready}]
    with answering({"models": slots, "look": LOOK}) as url:
        assert (shown(url)[0], shown(url, lenient=True)[0]) == (strict, lenient)


@pytest.mark.parametrize("as_json", [False, True])
def test_status_is_two_where_nothing_answers(*, as_json: bool) -> None:
    """User and password are not repeated."""
    url = f"http://user:secret@127.0.0.1:{free_port()}"
    found, text = shown(url, as_json=as_json)
    assert found == 2
    assert "no service answers: the connection is refused" in text
    assert "secret" not in text


def test_advice_is_for_those_who_named_no_address() -> None:
    """Who has given --url need not be told to give it."""
    url = f"http://127.0.0.1:{free_port()}"
    assert shown(url)[1].splitlines()[-1] == "no service answers: the connection is refused"
    assert shown(url, advice="; give --url")[1].rstrip().endswith("refused; give --url")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        [],
        {"models": ["iris"]},
        {"models": [{"name": "iris"}]},
        {"models": [], "look": 1},
        {"models": [SLOT | {"lag_seconds": "long"}]},
    ],
)
def test_answer_of_something_else_is_no_podium(answering: Any, answer: Any) -> None:
    """No trace of Python's, whatever listens there."""
    with answering(answer) as url:
        found, text = shown(url)
    assert found == 2
    assert "no service answers: what answers is not a Podium" in text


@pytest.mark.parametrize("url", ["localhost:1", "http://[", "", "http://a:b:c", "http://a..b"])
def test_text_that_is_no_address_is_said_to_be_none(url: str) -> None:
    """With a hint how an address is written."""
    found, text = shown(url)
    assert found == 2
    assert "no service answers: that is not an address; one is written http://HOST:PORT" in text


def test_o14_status_tells_the_operator_why() -> None:
    """With the admin token: the exception's own words, and what gates have found."""
    found = [{"gate": "requirements", "code": "package_differs", "sentence": "1.9 is installed."}]
    why = {"detail": "ValueError: node array\n[red]expected: 3", "findings": found}
    slot = SLOT | {"last_failure": SLOT["last_failure"] | why}
    output = io.StringIO()
    with scripted([(200, {"models": [slot], "look": LOOK})]) as service:
        console = Console(file=output, width=200)
        assert status(service.url, as_json=False, token="secret", console=console) == 1
        assert service.asked == [("GET", "/models", "Bearer secret")]
    lines = output.getvalue().splitlines()
    begun = lines.index("    why: ValueError: node array")
    assert lines[begun + 1 : begun + 3] == [
        "         [red]expected: 3",
        "    found: package_differs: 1.9 is installed.",
    ]


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, "bakes until 2026-01-01T00:01:00Z: 1 of 50 requests have failed; version 1: 2 of 900"),
        ({"unproven": True}, "bakes on for want of requests, until 2026-01-01T00:15:00Z: 1 of 50"),
        (
            {"unproven": True, "failing": True, "failures": 49},
            "bakes on for as long as it fails so much: 49 of 50",
        ),
        ({"older": None}, "1 of 50 requests have failed; no older version is warm"),
    ],
)
def test_p20_status_says_how_a_version_bakes(
    answering: Any, more: dict[str, Any], says: str
) -> None:
    """That it is not proven yet is no fault of it."""
    bake = {
        "until": "2026-01-01T00:01:00Z",
        "most_until": "2026-01-01T00:15:00Z",
        "unproven": False,
        "requests": 50,
        "failures": 1,
        "older": "1",
        "older_requests": 900,
        "older_failures": 2,
    }
    well = {"state": "serving", "version": "2", "last_failure": None, "bake": bake | more}
    with answering({"models": [SLOT | well]}) as url:
        found, text = shown(url)
    assert (found, says in text) == (0, True)


def test_p23_status_names_what_is_withdrawn(answering: Any) -> None:
    """And does not call that well."""
    slot = SLOT | {"state": "withdrawn", "ready": False, "version": None, "withdrawn": "1"}
    with answering({"models": [slot], "look": LOOK}) as url:
        found, text = shown(url)
    assert (found, "  withdrawn: version 1 is answered with 410\n" in text) == (1, True)


@pytest.mark.parametrize(
    ("models", "unmatched", "strict", "lenient"),
    [
        ([], ["*@champion"], 1, 1),
        (["serving"], ["*@champion"], 1, 0),
        (["serving", "cold"], [], 0, 0),
    ],
)
def test_status_says_which_patterns_have_found_nothing(
    answering: Any, models: list[str], unmatched: list[str], strict: int, lenient: int
) -> None:
    """That is as empty as a slot; what is loaded when it is asked serves what it should."""
    slots = [SLOT | {"state": state} for state in models]
    told = {"default": None, "patterns": ["*@champion"], "unmatched": unmatched, "left_out": 3}
    with answering({"models": slots, "look": LOOK, "patterns": told}) as url:
        found, text = shown(url)
        assert (found, shown(url, lenient=True)[0]) == (strict, lenient)
    assert ("*@champion  empty: no model" in text) is bool(unmatched)
    assert "3 more match, for which PODIUM_MAX_SLOTS leaves no room" in text


def test_p23_status_lists_all_that_is_withdrawn(answering: Any) -> None:
    """Also where the slot serves another version: a wrong one can be taken back."""
    stone = {"model": "[red]a", "version": "9", "at": "2026-11-30T01:00:00Z"}
    stones = [
        stone | {"source": "operator", "reason": ""},
        stone | {"source": "tag", "reason": "x"},
        stone | {"source": "tag", "version": "8"},
    ]
    with answering({"models": [SLOT], "look": LOOK, "withdrawn": stones}) as url:
        _, text = shown(url)
    assert "[red]a version 9  withdrawn by command since 2026-11-30T01:00:00Z\n" in text
    assert "[red]a version 9  withdrawn by its tag since 2026-11-30T01:00:00Z: x\n" in text
    assert "[red]a version 8  withdrawn by its tag since 2026-11-30T01:00:00Z\n" in text


def test_status_says_that_the_registry_has_not_answered_yet(answering: Any) -> None:
    """Rather than that it last answered never."""
    look = LOOK | {"age_seconds": None, "failure": {"code": "x", "message": "It is down."}}
    with answering({"models": [SLOT], "look": look}) as url:
        _, text = shown(url)
    assert "The registry has not answered yet: It is down.\n" in text
