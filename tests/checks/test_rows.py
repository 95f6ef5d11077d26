"""How many rows a request holds."""

from typing import Any

import pytest

from service.checks.answers import rows_of


@pytest.mark.parametrize(
    ("request_body", "rows"),
    [
        ({"dataframe_split": {"columns": ["x"], "data": [[1], [2]]}}, 2),
        ({"dataframe_records": [{"x": 1}], "params": {"a": [1, 2]}}, 1),
        ({"instances": [1, 2, 3]}, 3),
        ({"instances": {"a": [1, 2], "b": [3, 4]}}, 2),
        ({"inputs": [[1, 2], [3, 4]]}, 2),
        ({"inputs": {"a": [1], "b": [2]}}, 1),
        ({"inputs": {"a": 1}}, None),
        ({"inputs": "one"}, None),
        ({"dataframe_split": [1]}, None),
        ({"messages": [{}]}, None),
    ],
)
def test_rows_are_counted_where_they_can_be(request_body: dict[str, Any], rows: int | None) -> None:
    """In each of MLflow's formats; a lone value is not counted."""
    assert rows_of(request_body) == rows
