"""Servers are started, asked before they are timed, and gone afterwards."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.cases import Case, Prepared, read_cases
from benchmarks.checking import WrongAnswerError, check, same
from benchmarks.peers import BareAsgi, EmptyFastApi, MlflowServe, MlServer, Peer, Podium
from benchmarks.plan import Plan
from benchmarks.preparing import prepare
from benchmarks.rounds import Rounds
from benchmarks.running import NotReadyError, Running, running
from benchmarks.tracking import tracking_server
from tests.support.services import alive


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """One that the floors answer rightly, since they always answer 0."""
    body = tmp_path / "0.json"
    body.write_text(json.dumps({"inputs": [[1.0]]}))
    return Case("iris-1", "iris", 1, 1, (str(body),), (str(body),), ((0,),))


@pytest.fixture(params=[EmptyFastApi, BareAsgi], ids=["fastapi", "asgi"])
def floor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """Each of the floors, on a port of its own."""
    with running(request.param(), Prepared(tmp_path, ()), "iris") as server:
        yield server


def test_floors_answer_as_predictions_look(floor: Running, case: Case) -> None:
    """They are ready by the same probe, and pass the same check."""
    check(floor, case)

    assert floor.start_seconds > 0


def test_wrong_answer_is_not_timed(tmp_path: Path, case: Case) -> None:
    """The answer of a floor is wrong where the model says 1."""

    class Wrong(BareAsgi):
        def expected(self, case: Case) -> tuple[tuple[int, ...], ...]:
            return ((1,),)

    with (
        running(Wrong(), Prepared(tmp_path, ()), "iris") as server,
        pytest.raises(WrongAnswerError, match=r"\[0\], not \(1,\)"),
    ):
        check(server, case)


def test_error_is_a_wrong_answer(tmp_path: Path, case: Case) -> None:
    """FastAPI has no such route."""

    class Lost(EmptyFastApi):
        def path(self, case: Case) -> str:
            return "/nowhere"

    with (
        running(Lost(), Prepared(tmp_path, ()), "iris") as server,
        pytest.raises(WrongAnswerError, match="404"),
    ):
        check(server, case)


def test_server_is_gone_at_the_end(tmp_path: Path) -> None:
    """The next one has the machine for itself."""
    with running(BareAsgi(), Prepared(tmp_path, ()), "iris") as server:
        assert alive(server.pid)

    assert not alive(server.pid)


def test_server_that_ends_says_why(tmp_path: Path) -> None:
    """At once, with the words it left."""

    class Broken(BareAsgi):
        _function = "nothing"

    with pytest.raises(NotReadyError, match=r"ended with 3 .*\n.*nothing"):
        running(Broken(), Prepared(tmp_path, ()), "iris").__enter__()


@pytest.mark.parametrize(
    ("found", "right", "equal"),
    [
        ([1, 2], (1, 2), True),
        ([1, 2], (2, 1), False),
        ([1], (1, 1), False),
        ([0.1 + 0.2], (0.3,), True),
        ([0.301], (0.3,), False),
        (["a"], ("a",), True),
        ([{"a": 0.1 + 0.2, "b": 1}], ({"b": 1, "a": 0.3},), True),
        ([{"a": 0.301}], ({"a": 0.3},), False),
        ([{"b": 0.3}], ({"a": 0.3},), False),
    ],
)
def test_predictions_are_compared_one_by_one(
    found: list[object], right: tuple[object, ...], *, equal: bool
) -> None:
    """In order, all of them, floats to the last bits."""
    assert same(found, right) is equal


def test_peers_are_asked_the_same_in_their_own_words(case: Case) -> None:
    """MLServer alone speaks another protocol."""
    answers: list[tuple[Peer, bytes]] = [
        (Podium(), b'{"predictions":[2]}'),
        (MlflowServe(), b'{"predictions": [2]}'),
        (MlServer(Path("mlserver")), b'{"outputs":[{"name":"predict","data":[2]}]}'),
    ]

    assert [peer.predictions(answer) for peer, answer in answers] == [[2]] * 3
    assert [peer.path(case) for peer, _ in answers] == [
        "/invocations",
        "/invocations",
        "/v2/models/iris/infer",
    ]
    other = replace(case, v2_bodies=("other",))
    assert [peer.bodies(other)[0] == "other" for peer, _ in answers] == [False, False, True]


def test_podium_is_started_checked_and_measured(migrated_database: Path, tmp_path: Path) -> None:
    """A plan without loads, which need wrk: a real model, its right answers, its memory.

    The model is found by MLflow's server.
    """
    shutil.copyfile(migrated_database, tmp_path / "mlflow.db")
    prepare(tmp_path, ["iris"])
    steps = list[str]()
    with tracking_server(read_cases(tmp_path)) as made:
        rounds = Rounds(Plan("none", (), 1), made, {"podium": Podium()}, None, steps.append)
        rounds.run()

    (start,) = rounds.starts
    assert (start.peer, start.rounds, steps) == ("podium", 1, ["Podium starts alone"])
    assert 0.1 < start.seconds < 100
    assert 10**7 < start.pss_bytes < 10**10
