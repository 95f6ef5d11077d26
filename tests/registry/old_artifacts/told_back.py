"""A model that answers with what it was called with; every artifact here ships this file."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


def _load_pyfunc(path: str) -> "Told":
    return Told(json.loads(Path(path).read_text()))


class Told:
    """Raises on everything where its file says so."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self._raises = kept["raises"]

    def predict(self, data: Any, params: dict[str, Any] | None = None) -> list[str]:
        """One text, whatever came."""
        if self._raises:
            raise RuntimeError("the model raises on whatever it is given")
        return [json.dumps({"data": told(data), "params": plain(params or {})}, sort_keys=True)]


def told(data: Any) -> dict[str, Any]:
    """The data as JSON values, with all that tells one kind of input from another."""
    if isinstance(data, pd.DataFrame):
        columns = {
            str(name): [plain(cell) for cell in data.iloc[:, place]]
            for place, name in enumerate(data.columns)
        }
        return {"frame": columns}
    if hasattr(data, "toarray"):
        return {"array": plain(data.toarray())}
    if isinstance(data, np.ndarray):
        return {"array": plain(data)}
    if isinstance(data, dict) and any(isinstance(each, np.ndarray) for each in data.values()):
        return {"arrays": {name: plain(each) for name, each in data.items()}}
    return {"object": plain(data)}


def plain(value: Any) -> Any:
    """A cell, or what cells are nested in, as JSON values; what is missing is None."""
    if isinstance(value, (np.ndarray, np.generic)) and not isinstance(value, np.datetime64):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    return _scalar(value)


def _scalar(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if value is None or pd.isna(value):
        return None
    if isinstance(value, (dt.datetime, np.datetime64)):
        return {"moment": pd.Timestamp(value).isoformat()}
    return value
