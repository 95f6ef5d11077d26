"""Bodies for a model without a signature, read as MLflow's scoring server reads them.

By the same functions of MLflow; its server itself is not imported, since that brings a web
framework into every host (mlflow/pyfunc/scoring_server/__init__.py, `infer_and_parse_data`,
`parse_csv_input`, `parse_parquet_input`, `_split_data_and_params_for_llm_input`).
"""

import json
from collections.abc import Callable, Mapping
from io import BytesIO, StringIO
from typing import Any, Final

import pandas as pd
from mlflow.utils.proto_json_utils import dataframe_from_parsed_json, parse_tf_serving_input


class InputRefused(Exception):
    """MLflow does not read the body; its words may repeat what was sent, and go nowhere."""


def read_document(layout: str, body: bytes, params: Mapping[str, Any] | None) -> Any:
    """What the model is called with; params have been taken out of a chat.

    Raises `InputRefused` for whatever MLflow refuses.
    """
    try:
        if layout == "chat":
            return _chat(body, params or {})
        return _READERS[layout](body)
    except Exception as error:
        raise InputRefused(f"{type(error).__name__}: {error}") from error


def _chat(body: bytes, params: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in json.loads(body).items() if key not in params}


def _frame(body: bytes, orient: str) -> pd.DataFrame:
    payload = json.loads(body)[f"dataframe_{orient}"]
    frame: pd.DataFrame = dataframe_from_parsed_json(payload, orient)  # type: ignore[no-untyped-call]  # MLflow annotates little
    return frame


def _tensors(body: bytes, form: str) -> Any:
    return parse_tf_serving_input({form: json.loads(body)[form]})  # type: ignore[no-untyped-call]


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "dataframe_split": lambda body: _frame(body, "split"),
    "dataframe_records": lambda body: _frame(body, "records"),
    "instances": lambda body: _tensors(body, "instances"),
    "inputs": lambda body: _tensors(body, "inputs"),
    "csv": lambda body: pd.read_csv(StringIO(body.decode("utf-8"))),
    "parquet": lambda body: pd.read_parquet(BytesIO(body)),
}
