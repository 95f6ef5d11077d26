"""What a model is handed for a request: by Podium, in this process, and by MLflow's own server.

MLflow's way is its scoring server's parser and then its enforcement, with the same signature.
"""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import Model, ModelSignature
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc import PyFuncModel
from mlflow.pyfunc.scoring_server import _parse_json_data
from mlflow.types.schema import ParamSchema, Schema

from service.contract.contract import Contract
from service.contract.model_input import ValidInput
from service.errors import InvalidInput
from service.host.inputs import Batch, decode_batch
from service.host.wire import HostOperation, encode_batch
from service.processes.frames import Frame, Status
from tests.contract.signatures import contract, parse

Entries = Sequence[dict[str, Any]]


def sent(*inputs: ValidInput) -> Batch:
    """The inputs after their way over the wire, in one batch."""
    return decode_batch(Frame(HostOperation.PREDICT, Status.REQUEST, 1, *encode_batch(inputs)))


@dataclass(frozen=True)
class Echo:
    """A model that answers what it was called with."""

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Both."""
        return model_input, params


class Signed:
    """One signature, as Podium and as MLflow read it from the same entries."""

    def __init__(self, entries: Entries, params: Entries = ()) -> None:
        self.contract: Contract = contract(*entries, params=params)
        self.schema = Schema.from_json(json.dumps(entries))
        schema_of_params = ParamSchema.from_json(json.dumps(params)) if params else None
        self.signature = ModelSignature(inputs=self.schema, params=schema_of_params)  # type: ignore[arg-type]  # its annotation forgets None
        meta = Model(signature=self.signature)
        meta.add_flavor("python_function", loader_module="echo")
        self._meta = meta
        self._model = PyFuncModel(model_meta=meta, model_impl=Echo(), predict_fn="predict")

    def batch(self, body: Any) -> Batch:
        """What a host makes of the request."""
        return sent(parse(self.contract, body))

    def by_podium(self, body: Any) -> Any:
        """What the model is handed by a host."""
        return self.enforced(self.batch(body))[0]

    def by_mlflow(self, body: Any) -> Any:
        """What the model is handed by MLflow's scoring server; raises what that raises."""
        with warnings.catch_warnings():
            # A server does not stop at pandas' warnings, as tests do.
            warnings.simplefilter("ignore")
            parsed = _parse_json_data(json.dumps(body), self._meta, self.schema)  # type: ignore[no-untyped-call]  # MLflow annotates little
            return _enforce_schema(parsed.data, self.schema)

    def enforced(self, batch: Batch) -> tuple[Any, Any]:
        """Data and params after MLflow's enforcement, which raises where they do not fit."""
        params = None if batch.params is None else dict(batch.params)
        return self._echoed(batch.data, params)

    def params_by_mlflow(self, body: Mapping[str, Any]) -> Any:
        """The params that MLflow's scoring server hands the model with these in the body."""
        return self._echoed(self.batch({**body, "params": None}).data, body.get("params"))[1]

    def _echoed(self, data: Any, params: Any) -> tuple[Any, Any]:
        handed: Any = self._model.predict(data, params=params)
        data, params = handed
        return data, params


def seen(data: Any) -> Any:
    """Everything that a model can see of its input, as plain values that can be compared."""
    if isinstance(data, dict):
        return {name: seen(values) for name, values in data.items()}
    if isinstance(data, np.ndarray):
        return str(data.dtype), data.shape, repr(data.tolist())
    if isinstance(data, list):
        return shown(data)
    assert isinstance(data, pd.DataFrame)
    labels = [(str(axis.dtype), repr(axis.tolist())) for axis in (data.columns, data.index)]
    return labels, [_column(data.iloc[:, place]) for place in range(data.shape[1])]


def _column(values: "pd.Series[Any]") -> tuple[str, list[str]]:
    return str(values.dtype), [shown(value) for value in values.tolist()]


def shown(cell: Any) -> str:
    """The value with all types in it, as MLflow's enforcement leaves it.

    The enforcement takes only numpy's datetimes in objects and numpy's 32-bit numbers in lists, and
    makes pandas' and Python's of them.
    """
    if isinstance(cell, np.ndarray):
        return f"array({cell.dtype}, {cell.shape}, {shown(cell.tolist())})"
    if isinstance(cell, list):
        items = (each.item() if isinstance(each, np.int32 | np.float32) else each for each in cell)
        return f"[{', '.join(map(shown, items))}]"
    if isinstance(cell, dict):
        return "{" + ", ".join(f"{key!r}: {shown(value)}" for key, value in cell.items()) + "}"
    return repr(pd.Timestamp(cell) if isinstance(cell, np.datetime64) else cell)


def brief(hand_over: Callable[[], Any]) -> str:
    """What it returns as one line of text; `refused` by Podium, or how MLflow `fails`."""
    try:
        handed = hand_over()
    except InvalidInput as error:
        return "refused: " + " ".join(sorted({each.type for each in error.errors}))
    except Exception as error:  # noqa: BLE001 - MLflow fails with whatever came up
        return f"fails with {type(error).__name__}"
    if isinstance(handed, np.ndarray):
        return _of_array(handed)
    if isinstance(handed, pd.DataFrame):
        columns = (handed.iloc[:, place] for place in range(handed.shape[1]))
        return " ".join(f"{each.name}:{each.dtype}{each.tolist()!r}" for each in columns)
    if isinstance(handed, dict) and any(isinstance(each, np.ndarray) for each in handed.values()):
        return " ".join(f"{name}:{_of_array(each)}" for name, each in handed.items())
    return repr(handed)


def _of_array(values: np.ndarray[Any, Any]) -> str:
    return f"{values.dtype}{'' if values.shape else ' '}{values.tolist()!r}"
