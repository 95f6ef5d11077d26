"""What MLflow's own classes of requests refuse is the client's mistake, not the model's failure."""

import json
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import mlflow
import pandas as pd
import pytest
from mlflow.models import Model
from mlflow.pyfunc.model import PythonModel
from pydantic import BaseModel, field_validator

from service.contract.contract import Contract
from service.contract.definition import Definition
from service.contract.formats.unsigned import UnsignedContract
from service.host.inputs import Batch
from service.host.model import LoadedModel
from service.host.wire import MlflowError, NoReply, PredictFault
from tests.contract.signatures import LIMITS
from tests.host.handed import sent
from tests.host.traced_models import AGENTS, saved

SECRET: Final = "s3cr3t"
REFUSED: Final[dict[str, list[dict[str, Any]]]] = {
    "responding": [
        {"input": None},
        {"input": [SECRET]},
        {"input": [{"role": "nobody", "content": SECRET}]},
        {"input": [{"role": SECRET, "content": 1}]},
    ],
    "chatting": [
        {"messages": [{"role": SECRET}]},
        {"messages": [{"role": "tool", "content": SECRET}]},
    ],
    "completing": [
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user"}], "user": SECRET},
    ],
}


# What the classes take, and the code of the models that are asked does not.
FAILING: Final[dict[str, dict[str, Any]]] = {
    "responding": {"input": []},
    "chatting": {"messages": []},
    "completing": {"messages": []},
}

# What a validator of an author's raises: to refuse what it was given, or because it has failed.
REFUSING: Final[dict[str, Exception]] = {
    "value": ValueError(SECRET),
    "assertion": AssertionError(SECRET),
}
BROKEN: Final[dict[str, Exception]] = {
    "key": KeyError("no such table"),
    "connection": ConnectionError("the feature store is down"),
    "division": ZeroDivisionError(),
    "memory": MemoryError(),
    "type": TypeError("no text"),
    "system": OSError("no such file"),
    "recursion": RecursionError(),
}


class Row(BaseModel):
    """What a typed model takes; its validator raises what it is asked for."""

    asked: str

    @field_validator("asked")
    @classmethod
    def look(cls, asked: str) -> str:
        """As any validator that looks things up."""
        if (error := (REFUSING | BROKEN).get(asked)) is not None:
            raise type(error)(*error.args)
        return asked


class Typed(PythonModel):  # type: ignore[misc,unused-ignore]
    """Its requests are rows."""

    def predict(self, context: Any, model_input: list[Row], params: Any = None) -> list[str]:
        """What was asked."""
        return [each.asked for each in model_input]


class Asking(PythonModel):  # type: ignore[misc,unused-ignore]
    """Asks a typed model."""

    def __init__(self, place: str) -> None:
        self._place = place

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """What the other one says."""
        return mlflow.pyfunc.load_model(self._place).predict(model_input)


@dataclass(frozen=True, slots=True)
class Ready:
    """A model in this process, with its contract."""

    contract: Contract | UnsignedContract
    loaded: LoadedModel

    @classmethod
    def at(cls, place: Path) -> "Ready":
        """Loaded as a host does it."""
        signature = Model.load(str(place)).signature
        assert signature is not None
        hinted = bool(signature._is_signature_from_type_hint)
        made = Definition(signature.to_dict(), hinted, LIMITS).compile()
        return cls(made, LoadedModel(str(place)))

    def predict(self, body: dict[str, Any]) -> Any:
        """What a host makes of a body that the contract takes."""
        batch = sent(self.contract.parse(json.dumps(body).encode(), ""))
        (reply,) = self.loaded.predict(lambda: batch, 100_000)
        return reply


@pytest.fixture
def _untraced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """MLflow would keep traces, and its own database, where the tests run."""
    monkeypatch.chdir(tmp_path)
    mlflow.tracing.disable()
    yield
    mlflow.tracing.enable()


@pytest.mark.usefixtures("_untraced")
@pytest.mark.filterwarnings("ignore")  # MLflow's own, of old classes
@pytest.mark.parametrize("code", AGENTS)
def test_request_that_mlflows_class_refuses_is_refused_and_not_printed(
    code: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nothing that a client has sent stands in the log; what the class takes reaches the model."""
    ready = Ready.at(saved(tmp_path, code))
    capfd.readouterr()
    replies = [ready.predict(body) for body in REFUSED[code]]
    assert replies == [PredictFault.INPUT_REFUSED] * len(replies)
    assert SECRET not in "".join(capfd.readouterr())
    assert b"hello" in ready.predict(AGENTS[code])
    assert ready.predict(FAILING[code]) == PredictFault.MODEL_RAISED


def saved_instance(place: Path, model: PythonModel) -> Path:
    """Saved with its class by reference."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(str(place), python_model=model, pip_requirements=["pandas"])
    return place


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A typed model, saved."""
    return saved_instance(tmp_path_factory.mktemp("typed") / "model", Typed())


def answers(place: Path, asked: Iterable[Any]) -> list[bytes | NoReply]:
    """What a host makes of requests with that, whatever their contract would say."""
    loaded = LoadedModel(str(place))
    replies: list[bytes | NoReply] = []
    for each in asked:
        rows = pd.DataFrame({"asked": [each]})
        replies += loaded.predict(partial(Batch, rows, (1,), None), 100_000)
    return replies


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_what_an_authors_validator_refuses_is_refused_and_not_printed(
    typed: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """By an exception that pydantic takes for that, or for the type that it asks for."""
    replies = answers(typed, [*REFUSING, 1, "nothing"])
    assert replies == [PredictFault.INPUT_REFUSED] * 3 + [b'["nothing"]']
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_validator_that_fails_is_the_models_failure_and_printed(
    typed: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Which MLflow has made an exception of its own of."""
    assert answers(typed, BROKEN) == [MlflowError("INTERNAL_ERROR")] * len(BROKEN)
    printed = capfd.readouterr().out
    assert [type(each).__name__ in printed for each in BROKEN.values()] == [True] * len(BROKEN)


@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_model_that_another_one_refuses_has_failed_by_itself(
    typed: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Its author has asked, and not the client."""
    asking = saved_instance(tmp_path / "asking", Asking(str(typed)))
    replies = answers(asking, ["value", "key", 1])
    assert [isinstance(each, MlflowError) for each in replies] == [True] * 3
    assert capfd.readouterr().out.count("Traceback (most recent call last)") >= len(replies)
