"""Two replies to the same request: which rows are equal, close, different, and how."""

import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rollout.comparison import all_equal, compare
from service.rollout.tally import MOST_LABELS, RowTally

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(max_size=5)
    # As hosts write them.
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def tally(served: Any, heard: Any, rows: int | None = None) -> RowTally:
    """Of these two replies."""
    count = (len(served) if isinstance(served, list) else 1) if rows is None else rows
    return compare(orjson.dumps(served), orjson.dumps(heard), count)


def counts(found: RowTally) -> tuple[int, int, int]:
    """Equal, close, different."""
    return found.equal, found.close, found.different


@pytest.mark.parametrize(
    ("served", "heard", "expected"),
    [
        ([1.5, "a", None, True], [1.5, "a", None, True], (4, 0, 0)),
        ([1, 2.0], [1.0, 2], (2, 0, 0)),
        ([0.1 + 0.2, 1e9], [0.3, 1e9 + 1], (0, 2, 0)),
        ([1.0, 0.0], [1.1, 1e-7], (0, 1, 1)),
        ([1, 0], [True, False], (0, 0, 2)),
        (["a", None, "b"], ["a", "a", None], (1, 0, 2)),
        ([[1.0, 2.0], [3.0]], [[1.0, 2.0], [3.0, 4.0]], (1, 0, 1)),
        ([{"a": 1, "b": 2.0}, {"a": 1}], [{"b": 2.0000001, "a": 1}, {"c": 1}], (0, 1, 1)),
    ],
)
def test_rows_are_equal_close_or_different(
    served: Any, heard: Any, expected: tuple[int, int, int]
) -> None:
    """A number is never a boolean, and an integer is as good as the float of its value."""
    assert counts(tally(served, heard)) == expected


@pytest.mark.parametrize("heard", [[1, 2], {"a": 1}, "x", None, [1, 2, 3, 4]])
def test_reply_of_another_shape_is_different_in_all_rows(heard: Any) -> None:
    """Which of them would be which is nobody's to guess."""
    assert counts(tally([1, 2, 3], heard)) == (0, 0, 3)


def test_reply_that_is_not_by_row_counts_for_all_of_its_rows() -> None:
    """As one answer: a dictionary of lists, a single number, a text."""
    assert counts(tally({"a": [1, 2, 3]}, {"a": [1, 2, 3]}, 3)) == (3, 0, 0)
    assert counts(tally({"a": [1, 2, 3]}, {"a": [1, 2, 4]}, 3)) == (0, 0, 3)


def test_numbers_that_differ_are_told_by_their_distance() -> None:
    """Close ones too; equal ones are not among them."""
    found = tally([1.0, 5.0, 5.0], [1.5, 5.0, 5.000001])
    assert (found.differences.count, found.differences.largest) == (2, 0.5)


def test_labels_that_differ_are_told_by_what_became_of_them() -> None:
    """Classes as texts, as integers, and as floats that stand for these; true is not 1."""
    found = tally(["cat", "cat", "dog", 1.0, True, 0.5], ["dog", "dog", "cat", 2, False, 0.7])
    assert found.labels.pairs[0] == ("cat", "dog", 2)
    rest = {repr(pair[:2]) for pair in found.labels.pairs[1:]}
    assert rest == {"('dog', 'cat')", "(1, 2)", "(True, False)"}


def test_long_texts_are_not_labels() -> None:
    """They are what a client's words became, and of no use in a table."""
    found = tally(["x" * 65], ["y" * 65])
    assert (counts(found), found.labels.pairs) == ((0, 0, 1), [])


def test_table_of_labels_is_bounded() -> None:
    """The rest is counted together, and so it is when two are added up."""
    found = tally(list(range(500)), [each + 1 for each in range(500)])
    other = tally(list(range(400, 900)), [each - 1 for each in range(400, 900)])
    found.add(RowTally.load(orjson.loads(orjson.dumps(other.dump()))))
    assert len(found.labels.pairs) == MOST_LABELS
    assert found.labels.others + sum(count for *_, count in found.labels.pairs) == 1000
    assert (found.different, found.differences.count) == (1000, 1000)


@given(JSON, JSON, st.integers(0, 5))
def test_whatever_two_models_answer_is_compared(served: Any, heard: Any, rows: int) -> None:
    """Every row is exactly one of the three, and a reply is equal to itself."""
    found = compare(_text(served), _text(heard), rows)
    assert found.rows == max(rows, 1)
    assert compare(_text(served), _text(served), rows).equal == all_equal(rows).equal
    assert RowTally.load(orjson.loads(orjson.dumps(found.dump()))).dump() == found.dump()


def test_numbers_that_no_float_holds_are_as_far_apart_as_floats_can_be() -> None:
    """Nothing is raised, nothing is infinite: it is to be written as JSON."""
    found = tally([1.7e308], [-1.7e308])
    assert found.differences.largest == sys.float_info.max


def test_three_in_a_hundred_rows_are_three_in_a_hundred() -> None:
    """Over many replies, added up."""
    whole = RowTally()
    for batch in range(100):
        served = ["setosa"] * 100
        heard = ["virginica" if (batch + row) % 100 < 3 else "setosa" for row in range(100)]
        whole.add(tally(served, heard))
    assert (whole.different / whole.rows, whole.labels.pairs) == (
        0.03,
        [("setosa", "virginica", 300)],
    )


def _text(value: Any) -> bytes:
    return orjson.dumps(value)
