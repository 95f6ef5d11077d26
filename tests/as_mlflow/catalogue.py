"""Requests that Podium reads as MLflow does, and those that it does not: one list for all levels.

`ALIKE` is what both read rightly. `DIFFERENT` is all that they read differently, each under the
name of the rule in docs/requests.md that says why. `test_levels` asks every level about all of it.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from tests.as_mlflow.alike import (
    CHATS_ALIKE,
    PARAMS_ALIKE,
    PARQUET_ALIKE,
    TABLES_ALIKE,
    object_param,
)
from tests.as_mlflow.chat_differences import DIFFERENT_CHATS
from tests.as_mlflow.csv_differences import DIFFERENT_CSV
from tests.as_mlflow.nested_differences import DIFFERENT_NESTED
from tests.as_mlflow.parquet_differences import DIFFERENT_PARQUET
from tests.as_mlflow.table_differences import (
    DIFFERENT_OBJECT_PARAMS,
    DIFFERENT_PARAMS,
    DIFFERENT_TABLES,
)
from tests.contract.signatures import column, param
from tests.host.handed import Entries

JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
_VALUES: Final = {"inputs": {"c": [1.0]}}


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a model of that signature.

    Attributes:
        of_params: whether what is looked at is the params that the model is handed, not its input.
    """

    entries: Entries
    body: bytes
    media_type: str = JSON
    params: Entries = ()
    of_params: bool = False

    @property
    def document(self) -> Any:
        """The body of one in JSON."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Difference:
    """What MLflow hands the model for a request, and Podium, as `tests.host.handed.brief` has it.

    Podium's may be `refused: ` and the types of its field errors.
    """

    request: Request
    mlflow: str
    podium: str


def parquet(columns: Mapping[str, Any]) -> bytes:
    """A Parquet file of these columns, each an arrow array or a list."""
    target = BytesIO()
    pq.write_table(pa.table(dict(columns)), target)
    return target.getvalue()


def as_json(entries: Entries, body: Any) -> Request:
    """With what Python writes of the body."""
    return Request(entries, json.dumps(body).encode())


def as_csv(entries: Entries, text: str) -> Request:
    """With that text."""
    return Request(entries, text.encode(), CSV)


def as_parquet(entries: Entries, columns: Mapping[str, Any]) -> Request:
    """With a file of these columns."""
    return Request(entries, parquet(columns), PARQUET)


def with_params(params: Entries, sent: Mapping[str, Any] | None) -> Request:
    """With these params, beside a column of one value."""
    body = _VALUES if sent is None else {**_VALUES, "params": sent}
    whole = json.dumps(body).encode()
    return Request([column("double", "c")], whole, params=params, of_params=True)


def _with_param(type_: str, value: Any) -> Request:
    return with_params([param(type_, "p", None)], {"p": value})


def _with_object_param(type_: Any, value: Any) -> Request:
    return with_params(object_param(type_), {"p": {"a": value}})


def _differences(
    name: str,
    table: Mapping[str, Sequence[tuple[Any, Any, str, str]]],
    request: Callable[[Any, Any], Request],
) -> Iterator[tuple[str, Difference]]:
    for rule, cases in table.items():
        for number, (first, second, mlflow, podium) in enumerate(cases):
            yield f"{name}-{rule}-{number}", Difference(request(first, second), mlflow, podium)


DIFFERENT: Final[Mapping[str, Difference]] = {
    **dict(_differences("table", DIFFERENT_TABLES, as_json)),
    **dict(_differences("nested", DIFFERENT_NESTED, as_json)),
    **dict(_differences("chat", DIFFERENT_CHATS, as_json)),
    **dict(_differences("csv", DIFFERENT_CSV, as_csv)),
    **dict(_differences("parquet", DIFFERENT_PARQUET, as_parquet)),
    **dict(_differences("param", DIFFERENT_PARAMS, _with_param)),
    **dict(_differences("object", DIFFERENT_OBJECT_PARAMS, _with_object_param)),
}
"""By the format, the rule, and a number."""

ALIKE: Final[Mapping[str, Sequence[Request]]] = {
    **{name: [as_json(*each) for each in cases] for name, cases in TABLES_ALIKE.items()},
    "chats": [as_json(*each) for each in CHATS_ALIKE],
    "Parquet": [as_parquet(*each) for each in PARQUET_ALIKE],
    **{name: [with_params(*each) for each in cases] for name, cases in PARAMS_ALIKE.items()},
}
"""By what a signature has; requests of one signature stand together."""
