"""The benchmark of validation measures what it says; how fast that is, no test asks."""

import json

import pytest

from benchmarks.validation import contract_of, large_body, many_rows, split_body, wide_row


def test_both_sides_are_timed() -> None:
    """A few turns of small bodies, told with what was measured."""
    found = [many_rows(rounds=2, rows=3, width=2), wide_row(rounds=2, width=5)]

    assert [each.name for each in found] == ["3 rows of 2 columns", "1 row of 5 columns"]
    assert all(each.podium_us > 0 and each.times_faster > 0 for each in found)


@pytest.mark.parametrize("width", [20, 600])
def test_what_is_timed_is_a_valid_request(width: int) -> None:
    """Refusing would be faster."""
    parsed = contract_of(width).parse(split_body(2, width), "application/json")

    assert parsed.rows == 2
    assert sum(len(column.values) for column in parsed.columns) == 2 * width


def test_large_body_is_as_long_as_the_service_allows() -> None:
    """Within a hundredth of 16 MiB, and not over."""
    body = large_body()

    assert 0.99 < len(body) / 16 / 1024**2 <= 1
    assert len(json.loads(body)["dataframe_split"]["data"]) < 100_000
