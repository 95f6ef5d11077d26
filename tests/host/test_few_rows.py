"""A few rows get one thread where that is sooner, and the answers are the same; else nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost
from mlflow.models import infer_signature

from service.host import model as model_room
from service.host.few_rows import FewRows, few_rows, libraries, may_be_chosen
from service.host.inputs import Batch, ModelData
from service.host.model import LoadedModel
from service.host.wire import OPENMP_IS_SHARED_OUT

EXAMPLE = pd.DataFrame({"x": [1.0, 2.0, 3.0]})


@dataclass
class Library:
    """OpenMP, as threadpoolctl has it, and what it was told."""

    num_threads: int = 4
    told: list[int] = field(default_factory=list)

    def set_num_threads(self, num_threads: int) -> None:
        self.num_threads = num_threads
        self.told.append(num_threads)


@dataclass
class Model:
    """Answers rows in so many seconds by how many there are and how many threads, on its clock."""

    library: Library
    seconds: Callable[[int, int], float]
    answer: Callable[[int], float] = lambda threads: 1.0
    now: float = 0.0
    calls: int = 0

    def predict(self, data: ModelData, rows: int) -> Any:
        assert len(data) == rows
        self.calls += 1
        self.now += self.seconds(rows, self.library.num_threads)
        return np.full(rows, self.answer(self.library.num_threads))

    def tried(self) -> FewRows | None:
        """What comes of it; the library has its threads back."""
        found = few_rows(self.predict, EXAMPLE, 3, [self.library], lambda: self.now)
        assert self.library.num_threads == 4
        return found


def test_one_thread_is_for_as_many_rows_as_it_answers_clearly_sooner() -> None:
    """At most 64; what makes no difference is left as it was."""
    equal = Model(Library(), lambda rows, threads: 1e-3)
    always = Model(Library(), lambda rows, threads: 1e-3 * threads)
    small = Model(Library(), lambda rows, threads: 1e-5 * (threads + rows / threads))
    never = Model(Library(), lambda rows, threads: 1e-3 / threads)
    found = [each.tried() for each in (always, small, never, equal)]
    assert [each and each.most for each in found] == [64, 1, None, None]


def test_answers_that_differ_in_a_bit_leave_it_as_it_was() -> None:
    """However much sooner they come."""
    model = Model(Library(), lambda rows, threads: 1e-3 * threads)
    model.answer = lambda threads: 1.0 + (threads == 1) * 1e-16  # which is 1.0
    assert model.tried() is not None
    model.answer = lambda threads: 1.0 + (threads == 1) * 2e-16
    assert model.tried() is None


@pytest.mark.parametrize("seconds", [0.01, 0.2, 10.0])
def test_slow_version_is_not_held_up_for_it(seconds: float) -> None:
    """Half a second and the calls under way at most; without a verdict it stays."""
    slow = Model(Library(), lambda rows, threads: seconds * threads)
    found = slow.tried()
    assert slow.now < 0.5 + 3 * 5 * seconds
    assert (found is not None) is (seconds < 0.05)


def test_version_that_raises_is_left_as_it_was() -> None:
    """Its trial costs nobody anything."""

    def raising(rows: int, threads: int) -> float:
        raise ValueError

    assert Model(Library(), raising).tried() is None
    assert few_rows(Model(Library(), raising).predict, EXAMPLE, 0, [Library()]) is None


def test_threads_are_set_only_where_the_last_call_had_others() -> None:
    """Steady traffic costs nothing."""
    library = Library()
    few = FewRows([library], 8)
    for rows in (1, 8, 3, 9, 4096, 8, 1):
        few.prepare(rows)
    assert library.told == [1, 4, 1]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("GREETING", True), ("OMP_NUM_THREADS", False), ("KMP_AFFINITY", False)],
)
def test_o2_operators_word_on_threads_wins(
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    expected: bool,  # noqa: FBT001 - the table's word
) -> None:
    """For all hosts, or for this model alone."""
    monkeypatch.setenv(OPENMP_IS_SHARED_OUT, "1")
    assert may_be_chosen({name: "3"}) is expected
    monkeypatch.delenv(OPENMP_IS_SHARED_OUT)
    assert not may_be_chosen({})


@pytest.fixture
def two_threads() -> Iterator[None]:
    """OpenMP may start two, however many cores there are; afterwards as before."""
    import threadpoolctl

    with threadpoolctl.threadpool_limits(2, user_api="openmp"):
        yield


def test_p16_few_rows_of_xgboost_are_answered_bit_for_bit_with_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, two_threads: None
) -> None:
    """Whatever stands in a call: those of many rows have the threads that they had."""
    drawn = np.random.default_rng(0).normal(size=(300, 4))
    frame = pd.DataFrame(drawn, columns=list("abcd"))
    made = xgboost.XGBClassifier(n_estimators=5).fit(frame, (drawn[:, 0] > 0).astype(int))
    signature = infer_signature(frame)
    where = str(tmp_path / "made")
    mlflow.xgboost.save_model(made, where, signature=signature, pip_requirements=["mlflow"])
    found = libraries()
    assert found
    asked = list[int]()

    class Noted(FewRows):
        def prepare(self, rows: int) -> None:
            asked.append(rows)
            super().prepare(rows)

    monkeypatch.setattr(model_room, "few_rows", lambda *_: Noted(found, 8))
    one, all_ = LoadedModel(where, may_choose_threads=True), LoadedModel(where)
    for each in (one, all_):
        each.warm_up(lambda *_: Batch(frame[:3].copy(), (3,), None))
    for rows in (1, 8, 9, 300, 1):
        answers = [
            each.predict(lambda n=rows: Batch(frame[:n].copy(), (n,), None), 10**6)  # type: ignore[misc]  # a default
            for each in (one, all_)
        ]
        assert answers[0] == answers[1]
    assert asked == [1, 8, 9, 300, 1]
    one._few_rows.prepare(10**6)  # type: ignore[union-attr]  # for who comes after this test
