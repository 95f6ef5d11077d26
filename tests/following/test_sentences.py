"""What authors name is bounded wherever it is told."""

import io
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from service.following.gates.gate import GateClosed, GateFinding, Gates
from service.following.gates.trust import TrustGate
from service.following.ports import FetchedVersion
from service.following.sentences import LONGEST_DETAIL, LONGEST_SENTENCE, listed, named, plain
from service.telemetry.logs import configure_logs
from service.telemetry.metrics.metrics import Metrics
from service.telemetry.reporting import FollowingReport
from tests.following.fakes import World, version
from tests.following.test_gates import Objecting


def test_what_could_steer_a_terminal_is_made_visible() -> None:
    """Letters of all scripts are not control characters."""
    assert plain("é\x1b[2J\n\u202e") == r"é\x1b[2J\n\u202e"
    assert named("\x1b" * 1000) == r"\x1b" * 25 + "..."


def test_few_clauses_are_listed_whole() -> None:
    """And nothing is said to be left out."""
    assert listed(["a", "b"]) == "a; b"


@pytest.mark.parametrize(
    ("clauses", "shown"),
    [(["short"] * 100, 20), (["x" * 399] * 3, 1), (["`" + "x" * 10**6 + "` is required"] * 40, 1)],
)
def test_clauses_beyond_a_sentence_are_counted(clauses: list[str], shown: int) -> None:
    """However many and however long they are."""
    text = listed(clauses)
    assert text.endswith(f"; and {len(clauses) - shown} more")
    assert len(text) < LONGEST_SENTENCE


def test_long_clause_keeps_its_end() -> None:
    """What is wrong with a long name stands after it."""
    assert listed(["`" + "x" * 10**6 + "` is required"]).endswith("xxx` is required")


class Talkative:
    """A gate that says more than anybody reads."""

    async def check(self, fetched: FetchedVersion) -> tuple[GateFinding, ...]:
        raise GateClosed("trust", "not_trusted", "m" * 10**6, (), "d" * 10**6)


async def logged(gates: Gates) -> tuple[World, dict[str, Any]]:
    """A world in which version 1 was refused, and the line that tells so."""
    stream = io.BytesIO()
    logs = configure_logs(stream)
    report = FollowingReport(Metrics(CollectorRegistry()), logs.logger)
    world = World(gates=gates, observer=report)
    await world.follow_to(version(1))
    logs.close()
    lines = [orjson.loads(line) for line in stream.getvalue().splitlines()]
    (line,) = (each for each in lines if each["event"] == "version_refused")
    return world, line


async def test_refusal_is_bounded_wherever_it_is_told() -> None:
    """In `/models`, in the ledger and in the log."""
    world, line = await logged(Gates(of_version=(Talkative(),)))
    (entry,) = world.ledger.page(1)
    assert world.slot.failure is not None
    for message in (world.slot.failure.message, entry.message, line["message"]):
        assert message == "m" * LONGEST_SENTENCE + "..."
    assert line["detail"] == "d" * LONGEST_DETAIL + "..."


async def test_refusal_says_how_many_reasons_are_left_out() -> None:
    """The sentence ends as a sentence."""
    gate = TrustGate(Objecting(*(f"it holds {'x' * 100}{number}" for number in range(90))))
    _, line = await logged(Gates(of_version=(gate,)))
    shown = line["message"].count("it holds")
    assert 3 < shown < 20
    assert line["message"].endswith(f"; and {90 - shown} more.")
