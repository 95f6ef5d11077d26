"""Models with a type hint are handed the list that MLflow's own server would hand them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import mlflow
import pytest
from mlflow.pyfunc import PyFuncModel
from mlflow.pyfunc.model import PythonModel
from mlflow.pyfunc.scoring_server import _parse_json_data
from pydantic import BaseModel, ConfigDict, Field

from service.contract.contract import Contract, compile_contract
from service.errors import InvalidInput
from service.host.model import LoadedModel
from service.host.wire import PredictFault
from tests.contract.signatures import LIMITS, parse, places
from tests.host.handed import sent, shown


class Message(BaseModel):
    """What a chat model is sent."""

    role: str
    score: float | None = None
    tags: list[str] | None = None
    more: dict[str, int] | None = None
    anything: Any = None


class Defaults(BaseModel):
    """Of what a client may leave out, the signature only knows what may also be null."""

    role: str = "user"
    count: int = 5
    stop: list[str] = []
    anything: Any = None


class Open(BaseModel):
    """Takes properties that it does not name."""

    model_config = ConfigDict(extra="allow")

    role: str
    anything: Any = None


class Short(BaseModel):
    """What a signature cannot say."""

    role: str = Field(max_length=3)
    stop: list[str]


NOON: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)

# A hint, and values that MLflow's server hands on as they are.
SAME: Final[list[tuple[Any, list[Any]]]] = [
    (list[str], ["a", "", "ä\0"]),
    (list[int], [5, -(2**63)]),
    (list[float], [0.5, 1e300]),
    (list[bool], [True, False]),
    (list[bytes], ["aGk=", "AA=="]),
    (list[datetime], ["2026-05-01", "2026-05-01T10:00:00.123456", "1999-12-31T00:00:00"]),
    (list[list[float]], [[], [0.5]]),
    (list[dict[str, int]], [{}, {"a": 1}]),
    (list[dict[str, list[bytes]]], [{"a": ["AA=="]}]),
    (list[Any], [1, None, {"a": [0.5]}, "x"]),
    (list[str | int], [1, "x"]),
    (list[Message], [{"role": "a", "anything": 1}, {"role": "b", "score": 0.5, "anything": None}]),
    (
        list[list[Message]],
        [[{"role": "a", "tags": [], "more": {"k": 1}, "anything": [1, {}]}], []],
    ),
    (list[str], []),
    # Not optional to the signature, which does not know that they have defaults.
    (list[Defaults], [{"role": "a"}, {"count": 7}, {"stop": ["x"]}]),
]


def model_of(hint: Any) -> PythonModel:
    """A model that answers what it was called with."""

    class Echo(PythonModel):
        def predict(self, model_input: hint) -> Any:  # type: ignore[override]  # MLflow takes it without a context too
            return model_input

    return Echo()


class Hinted:
    """One model, as its own artifact says."""

    def __init__(self, hint: Any, path: Path) -> None:
        mlflow.pyfunc.save_model(path, python_model=model_of(hint), pip_requirements=[])
        self.model: PyFuncModel = mlflow.pyfunc.load_model(str(path))
        meta = self.model.metadata
        assert meta._is_signature_from_type_hint()
        signature: Mapping[str, Any] = meta.to_dict()["signature"]
        texts = {part: signature.get(part) for part in ("inputs", "outputs", "params")}
        self.contract: Contract = compile_contract(texts, LIMITS, from_type_hint=True)

    def by_podium(self, body: Any) -> Any:
        """What the model's own code is called with."""
        return self.model.predict(sent(parse(self.contract, body)).data)

    def by_mlflow(self, body: Any) -> Any:
        """The same behind MLflow's server, which says to the hint that it serves."""
        schema = self.model.metadata.get_input_schema()  # type: ignore[no-untyped-call]  # MLflow annotates little
        parsed = _parse_json_data(json.dumps(body), self.model.metadata, schema)  # type: ignore[no-untyped-call]
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("_MLFLOW_IS_IN_SERVING_ENVIRONMENT", "true")
            return self.model.predict(parsed.data)


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of hints and of saving
@pytest.mark.parametrize(("hint", "values"), SAME)
def test_list_is_mlflows(hint: Any, values: list[Any], tmp_path: Path) -> None:
    """Python's own values, models of pydantic among them."""
    hinted = Hinted(hint, tmp_path / "model")
    handed = hinted.by_podium({"inputs": values})
    assert shown(handed) == shown(hinted.by_mlflow({"inputs": values}))
    assert type(handed) is list


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of hints and of saving
def test_zone_is_converted_and_kept(tmp_path: Path) -> None:
    """The same instant as MLflow's, in UTC; without a zone none is made up."""
    hinted = Hinted(list[datetime], tmp_path / "model")
    body = {"inputs": ["2026-05-01T14:00:00+02:00", "2026-05-01T12:00:00Z", "2026-05-01T12:00:00"]}
    handed = hinted.by_podium(body)
    assert handed == hinted.by_mlflow(body) == [NOON, NOON, NOON.replace(tzinfo=None)]
    assert handed[0].utcoffset() == timedelta(0)


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of hints and of saving
def test_lossless_casts_reach_a_hint(tmp_path: Path) -> None:
    """MLflow refuses an integer for a float, and 5.0 for an integer."""
    for hint, value, made in ((list[float], 3, "[3.0]"), (list[int], 5.0, "[5]")):
        hinted = Hinted(hint, tmp_path / str(hint))
        assert shown(hinted.by_podium({"inputs": [value]})) == made
        with pytest.raises(mlflow.MlflowException):
            hinted.by_mlflow({"inputs": [value]})


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of hints and of saving
def test_what_a_hint_refuses_is_refused_before(tmp_path: Path) -> None:
    """With its place, and no other format is taken."""
    made = Hinted(list[Message], tmp_path / "model").contract
    assert places(
        made, {"inputs": [{"role": 5}, {}, {"role": "a", "anything": 1, "z": 1}, None]}
    ) == [
        (("inputs", 0, "role"), "type"),
        (("inputs", 2), "unknown_property"),
        (("inputs", 3), "null"),
    ]
    assert places(made, {"instances": []}) == [((), "format")]
    assert places(made, {"inputs": {"role": "a"}}) == [(("inputs",), "type")]
    with pytest.raises(InvalidInput):
        parse(made, {"inputs": [{}] * (LIMITS.max_rows + 1)})


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of hints and of saving
@pytest.mark.parametrize("value", [{"role": "longer", "stop": []}, {"role": "a"}, {}])
def test_what_only_the_hint_knows_is_refused_by_it(value: Any, tmp_path: Path) -> None:
    """And is not a failure of the model: the input is refused."""
    hinted = Hinted(list[Short], tmp_path / "model")
    loaded = LoadedModel(str(tmp_path / "model"))
    batch = sent(parse(hinted.contract, {"inputs": [value]}))
    assert loaded.predict(lambda: batch, 1000) == [PredictFault.INPUT_REFUSED]
    with pytest.raises(mlflow.MlflowException):
        hinted.by_mlflow({"inputs": [value]})


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of hints and of saving
@pytest.mark.parametrize("key", ["messages", "prompt", "input"])
def test_hint_takes_no_chat(key: str, tmp_path: Path) -> None:
    """A hint is of a list, and MLflow's server would hand it an object."""
    hinted = Hinted(list[dict[str, str]], tmp_path / "model")
    assert places(hinted.contract, {key: "a"}) == [((), "format")]
    with pytest.raises(mlflow.MlflowException):
        hinted.by_mlflow({key: "a"})


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of hints and of saving
@pytest.mark.parametrize(
    ("hint", "mlflows"), [(list[Message], "drops it"), (list[Open], "hands it on")]
)
def test_property_that_only_the_hint_could_take_is_refused(
    hint: Any, mlflows: str, tmp_path: Path
) -> None:
    """MLflow drops it, or hands it on where the hint takes any: the signature says not which."""
    hinted = Hinted(hint, tmp_path / "model")
    body = {"inputs": [{"role": "a", "anything": 1, "more of it": 2}]}
    assert places(hinted.contract, body) == [(("inputs", 0), "unknown_property")]
    (handed,) = hinted.by_mlflow(body)
    assert ("more of it" in handed.model_dump()) == (mlflows == "hands it on")


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of hints and of saving
def test_requests_for_a_hint_join(tmp_path: Path) -> None:
    """One list after the other; a part is a list of its own."""
    made = Hinted(list[Message], tmp_path / "model").contract
    one, two = (parse(made, {"inputs": [{"role": role, "anything": {}}]}) for role in "ab")
    assert one.join_key == two.join_key is not None
    batch = sent(one, two)
    assert shown(batch.part(1, 2).data) == shown(sent(two).data)
    part: Any = batch.part(0, 1).data
    part[0]["anything"]["x"] = 1
    assert shown(batch.part(0, 1).data) == shown(sent(one).data)
