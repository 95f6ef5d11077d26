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


def _split(body: bytes) -> pd.DataFrame:
    return _frame(body, "split")


def _records(body: bytes) -> pd.DataFrame:
    return _frame(body, "records")


def _frame(body: bytes, orient: str) -> pd.DataFrame:
    payload = json.loads(body)[f"dataframe_{orient}"]
    frame: pd.DataFrame = dataframe_from_parsed_json(payload, orient)  # type: ignore[no-untyped-call]  # MLflow annotates little
    return frame


def _instances(body: bytes) -> Any:
    return parse_tf_serving_input({"instances": json.loads(body)["instances"]})  # type: ignore[no-untyped-call]


def _inputs(body: bytes) -> Any:
    return parse_tf_serving_input({"inputs": json.loads(body)["inputs"]})  # type: ignore[no-untyped-call]


def _csv(body: bytes) -> pd.DataFrame:
    return pd.read_csv(StringIO(body.decode("utf-8")))


def _parquet(body: bytes) -> pd.DataFrame:
    return pd.read_parquet(BytesIO(body))


_READERS: Final[Mapping[str, Callable[[bytes], Any]]] = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": _instances,
    "inputs": _inputs,
    "csv": _csv,
    "parquet": _parquet,
}
