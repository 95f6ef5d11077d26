"""What MLflow's own classes of requests refuse is the client's mistake, not the model's failure."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import mlflow
import pytest
from mlflow.models import Model

from service.contract.contract import Contract
from service.contract.definition import Definition
from service.contract.formats.unsigned import UnsignedContract
from service.host.model import LoadedModel
from service.host.wire import PredictFault
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
