"""docs/requests.md says what requests may be, and tests hold it to that."""

import re
from collections.abc import Mapping
from typing import Any, get_args

import pytest

from service.contract.findings import ErrorType
from service.http.errors import STATUS
from tests.as_mlflow.chat_differences import DIFFERENT_CHATS
from tests.as_mlflow.csv_differences import DIFFERENT_CSV
from tests.as_mlflow.nested_differences import DIFFERENT_NESTED
from tests.as_mlflow.parquet_differences import DIFFERENT_PARQUET
from tests.as_mlflow.reply_differences import DIFFERENT_REPLIES
from tests.as_mlflow.server_differences import DIFFERENT_EXCHANGES
from tests.as_mlflow.table_differences import (
    DIFFERENT_OBJECT_PARAMS,
    DIFFERENT_PARAMS,
    DIFFERENT_TABLES,
)
from tests.contract.signatures import column, contract
from tests.support.documents import ROOT, table

BASES = {
    *("bad_request", "delivery_refused", "prediction_failed"),
    *("version_fault", "passing_fault", "internal"),
}
PAGE = "docs/requests.md"
TRIED: list[Mapping[str, Any]] = [
    *(DIFFERENT_TABLES, DIFFERENT_NESTED, DIFFERENT_PARAMS, DIFFERENT_OBJECT_PARAMS),
    *(DIFFERENT_CHATS, DIFFERENT_CSV, DIFFERENT_PARQUET, DIFFERENT_REPLIES, DIFFERENT_EXCHANGES),
]


def test_every_difference_from_mlflow_has_its_rule_and_every_rule_its_cases() -> None:
    """A case that is tried on MLflow's own server stands under a row of the table."""
    rules = table(PAGE, "Where Podium answers differently from `mlflow models serve`")

    assert set(rules) == set().union(*TRIED)
    assert all(cases for tried in TRIED for cases in tried.values())
    assert all(len(row) == 4 and all(row) for row in rules.values())


def test_every_type_of_field_error_is_documented() -> None:
    """In the words that the code has for it."""
    page = (ROOT / PAGE).read_text()
    listed = re.findall(r"^\| `(\w+)` \| [^|]+ \|$", page, re.MULTILINE)

    assert set(listed) == set(get_args(ErrorType))


@pytest.mark.parametrize(
    "status", sorted({status for code, status in STATUS.items() if code.islower()})
)
def test_every_status_is_documented_with_its_codes(status: int) -> None:
    """But for those of defects, and of classes that only others derive from."""
    page = (ROOT / PAGE).read_text()
    row = re.search(rf"^\| {status} \| ([^|]+) \|", page, re.MULTILINE)
    codes = {code for code, its in STATUS.items() if its == status and code.islower()} - BASES

    assert row is not None
    assert codes <= set(re.findall(r"`(\w+)`", row[1]))


def test_every_example_of_a_format_says_the_same() -> None:
    """They are read as the same rows."""
    page = (ROOT / PAGE).read_text()
    examples = re.findall(r"^\| (?:`application/json`)? ?\| `(\{.*\})` \|$", page, re.MULTILINE)
    signed = contract(column("double", "size"), column("string", "kind"))
    parsed = [signed.parse(example.encode(), "") for example in examples]

    assert len(parsed) == 4
    assert {
        (tuple(size.values), tuple(kind.values)) for each in parsed for size, kind in [each.columns]
    } == {((1.5, 2.0), ("a", "b"))}
