"""MLflow goes away between two writes, or before it has answered: what is left, and its mend."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from service.exits import DONE, IN_PART, REFUSED, UNDECIDED
from service.promotion.deciding import Stage
from service.promotion.instances import Serving
from service.promotion.plan import journal_says
from service.promotion.stopped import MoveStopped, stopped_by
from service.registry.writer.faults import Unreachable, WriteRefused
from tests.promotion.conftest import FakeInstances, Moves, filled
from tests.support.http_server import Between, Request, Response, http_server

# Steps are tried where they are: tests/promotion/test_stepped.py.
_OTHERS: Final = {Stage.CHECK, Stage.SEE, Stage.STEP}
STAGES: Final = tuple(stage for stage in Stage if stage not in _OTHERS)
_BEFORE: Final = {Stage.LOOK, Stage.PREPARE}


@dataclass
class Failing:
    """MLflow behind a connection that fails.

    Attributes:
        dead: nothing is handed on.
        loses: what such a request is answered gets lost, once it has been done.
        refuses: such a request is refused for want of a permission; with its method, or any.
    """

    between: Between
    dead: bool = False
    loses: str = ""
    refuses: str = ""
    asked: list[str] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        """MLflow's reply, if there is any."""
        self.asked.append(f"{request.method} {request.path.rpartition('/mlflow')[2]}")
        if self.refuses and f"{request.method} {request.path}".endswith(self.refuses):
            return Response(b"Permission denied", 403)
        if self.dead:
            raise ConnectionError
        response = self.between(request)
        if self.loses and request.target.endswith(self.loses):
            raise ConnectionError
        return response


@pytest.fixture
def failing(mlflow_server: str) -> Iterator[Failing]:
    """One for each test."""
    between = Between(mlflow_server)
    yield Failing(between)
    between.close()


@pytest.fixture
def url(failing: Failing) -> Iterator[str]:
    """Where it is reached."""
    with http_server(failing) as address:
        yield address


@pytest.fixture(scope="module")
def served(mlflow_server: str) -> Moves:
    """A model behind the server itself."""
    return Moves(filled(mlflow_server, "failing"))


def through(moves: Moves, url: str, alias: str) -> Moves:
    """The same model where the connection fails; the alias is on version 1."""
    replace(moves, alias=alias).promote("1")
    return replace(moves, alias=alias, uri_given=url, stages=[])


def ending(moves: Moves) -> tuple[int, str]:
    """The exit status of a promotion to version 2, and the code."""
    try:
        moves.promote("2")
    except (Unreachable, WriteRefused) as error:
        stop = stopped_by(error, set(moves.stages))
        return stop.status, stop.code
    except MoveStopped as stop:
        return stop.status, stop.code
    return DONE, "done"


@pytest.mark.parametrize("stage", STAGES)
def test_mlflow_that_goes_away_at_any_stage_leaves_what_can_be_mended(
    served: Moves, failing: Failing, url: str, stage: Stage
) -> None:
    """The status says whether anything may have been changed."""
    moves = through(served, url, f"gone-{stage}")

    class Ending(list[Stage]):
        def append(self, told: Stage) -> None:
            super().append(told)
            failing.dead = failing.dead or told == stage

    moves.stages = Ending()
    status, _ = ending(moves)
    assert status == (UNDECIDED if stage in _BEFORE else IN_PART)
    failing.dead = False
    direct = replace(served, alias=moves.alias)
    assert direct.mover().look().is_explained
    direct.promote("2", by="bob", resume=True)
    assert direct.now == "2"
    assert direct.told == [("promote", None, "1"), ("promote", "1", "2")]


class At(list[Stage]):
    """Stages as they are told; does that at one of them."""

    def __init__(self, stage: Stage, then: Callable[[], None]) -> None:
        super().__init__()
        self._stage, self._then = stage, then

    def append(self, told: Stage) -> None:
        """Before the stage is begun."""
        super().append(told)
        if told == self._stage:
            self._then()


def refuse(failing: Failing, what: str) -> Callable[[], None]:
    """From then on."""
    return lambda: setattr(failing, "refuses", what)


@pytest.mark.parametrize("lost", ["/runs/log-parameter", "/registered-models/alias"])
def test_answer_that_gets_lost_says_nothing_of_what_was_done(
    served: Moves, failing: Failing, url: str, lost: str
) -> None:
    """The entry is read again; the alias is mended by the same call."""
    moves = through(served, url, f"lost-{lost.rpartition('/')[2]}")
    moves.stages = At(Stage.INTEND, lambda: setattr(failing, "loses", lost))
    status, _ = ending(moves)
    assert status == (DONE if lost.startswith("/runs") else IN_PART)
    failing.loses = ""
    moves.promote("2")
    assert moves.now == "2"
    assert moves.told == [("promote", None, "1"), ("promote", "1", "2")]


@pytest.mark.parametrize(
    ("route", "needs"),
    [
        ("/runs/log-parameter", "EDIT on the experiment podium/journal"),
        ("/registered-models/alias", "EDIT on the model failing"),
    ],
)
def test_permission_that_is_missing_is_named_and_nothing_is_half_done(
    served: Moves, failing: Failing, url: str, route: str, needs: str
) -> None:
    """What was meant and refused is written down as such, where that is allowed."""
    moves = through(served, url, f"refused-{route.rpartition('/')[2]}")
    moves.stages = At(Stage.INTEND, refuse(failing, route))
    with pytest.raises(WriteRefused, match=needs) as caught:
        moves.promote("2")
    assert stopped_by(caught.value, set(moves.stages)).status == REFUSED
    direct = replace(served, alias=moves.alias)
    assert (direct.now, direct.mover().look().journal.open) == ("1", None)
    assert direct.promote("3").before == "1"


def test_alias_that_may_not_be_removed_again_is_never_said_to_be_as_it_was(
    served: Moves, failing: Failing, url: str
) -> None:
    """It was made for a version that an instance refuses: who has MANAGE removes it, by one call.

    Every call before that says that the alias is there, and what is needed.
    """
    moves = replace(served, alias="no-manage", uri_given=url, stages=[])
    refuses = FakeInstances((), [Serving("http://one", "refused", "load_failed")])
    failing.refuses = "DELETE /api/2.0/mlflow/registered-models/alias"
    for _ in range(2):
        with pytest.raises(MoveStopped) as caught:
            moves.promote("2", refuses, resume=True)
        assert (caught.value.status, caught.value.code) == (IN_PART, "not_put_back")
        assert caught.value.mend == (
            "podium rollback failing --alias no-manage --resume puts it back, by an account with "
            "MANAGE on the model failing"
        )
        assert moves.now == "2"
    left = "refused to move failing@no-manage back to nothing: podium rollback failing --alias"
    assert left in journal_says(moves.mover().look())
    with pytest.raises(MoveStopped, match=left):
        moves.rollback()
    with pytest.raises(WriteRefused, match="it needs MANAGE on the model failing"):
        moves.rollback(resume=True)
    failing.refuses = ""
    assert moves.rollback(resume=True).outcome == "rolled_back"
    assert moves.now is None
    assert moves.rollback(resume=True).outcome == "already"


def test_rollback_that_was_refused_is_not_done(served: Moves, failing: Failing, url: str) -> None:
    """Asked for again by `--resume`, it is made."""
    moves = through(served, url, "refused-back")
    moves.promote("2")
    moves.stages = At(Stage.INTEND, refuse(failing, "/registered-models/alias"))
    for _ in range(2):
        with pytest.raises(WriteRefused, match="EDIT"):
            moves.rollback(resume=moves.told[-1][0] == "rollback")
    failing.refuses, moves.stages = "", []
    assert moves.rollback(resume=True).version == "1"
    assert moves.now == "1"


@pytest.mark.parametrize("known", [True, False], ids=["by-the-commands", "past-the-commands"])
def test_account_that_may_not_move_aliases_writes_and_makes_no_journal(
    served: Moves, failing: Failing, url: str, *, known: bool
) -> None:
    """An experiment is its maker's own: nobody else could write it then."""
    moves = replace(served, alias=f"reader-{known}", uri_given=url)
    if known:
        for each in ("1", "2"):
            replace(served, alias=moves.alias).promote(each)
    else:
        moves.registry.move(moves.alias, "1")
    failing.refuses = "/registered-models/alias"
    for attempt in (lambda: moves.promote("3"), moves.rollback):
        moves.stages.clear()
        with pytest.raises(WriteRefused, match="EDIT on the model failing") as caught:
            attempt()
        assert stopped_by(caught.value, set(moves.stages)).status == REFUSED
    written = {each for each in failing.asked if not each.startswith("GET ")}
    assert written == {"POST /registered-models/alias", "POST /runs/search"}
