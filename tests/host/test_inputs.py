"""What a host builds from a frame: dtypes, nulls, tensors, and rows taken out of a batch."""

from array import array
from typing import Any

import numpy as np
import pandas as pd
import pytest

from service.contract.model_input import Column, ModelInput, Values
from service.host.inputs import Batch, take
from tests.host.handed import seen, sent
from tests.hosting.rows import double_rows

# MLflow's type, values, dtype in the DataFrame, and what stands in it.
COLUMNS: list[tuple[str, Values, str, list[Any]]] = [
    ("boolean", array("B", [0, 1]), "bool", [False, True]),
    ("integer", array("i", [-5, 2**31 - 1]), "int32", [-5, 2**31 - 1]),
    ("long", array("q", [-5, 2**63 - 1]), "int64", [-5, 2**63 - 1]),
    ("float", array("f", [1.5, 0.1]), "float32", [1.5, float(np.float32(0.1))]),
    ("double", array("d", [1.5, 0.1]), "float64", [1.5, 0.1]),
    ("datetime", array("q", [0, 1]), "datetime64[ns]", [pd.Timestamp(0), pd.Timestamp(1)]),
    ("string", ["a", "5"], "str", ["a", "5"]),
    ("binary", [b"", b"\xff"], "object", [b"", b"\xff"]),
    ("boolean", [True, None], "object", [True, None]),
    ("float", [0.5, None], "float32", [0.5, np.nan]),
    ("double", [None, 0.1], "float64", [np.nan, 0.1]),
    ("datetime", [1, None], "datetime64[ns]", [pd.Timestamp(1), pd.NaT]),
    ("string", ["a", None], "str", ["a", np.nan]),
    ("binary", [b"a", None], "object", [b"a", None]),
    ("boolean", [None, None], "object", [None, None]),
    ("double", [None, None], "float64", [np.nan, np.nan]),
    ("datetime", [None, None], "datetime64[ns]", [pd.NaT, pd.NaT]),
    ("string", [None, None], "object", [None, None]),
    ("binary", [None, None], "object", [None, None]),
]

TENSORS: list[tuple[str, Values, str]] = [
    ("bool", array("B", [0, 1, 1, 0]), "bool"),
    ("int8", array("b", [0, -128, 127, 1]), "int8"),
    ("int16", array("h", [0, 1, 2, -(2**15)]), "int16"),
    ("int32", array("i", [0, 1, 2, -(2**31)]), "int32"),
    ("int64", array("q", [0, 1, 2, -(2**63)]), "int64"),
    ("uint8", array("B", [0, 1, 2, 255]), "uint8"),
    ("uint16", array("H", [0, 1, 2, 2**16 - 1]), "uint16"),
    ("uint32", array("I", [0, 1, 2, 2**32 - 1]), "uint32"),
    ("uint64", array("Q", [0, 1, 2, 2**64 - 1]), "uint64"),
    ("float16", array("d", [0.1, 1, 2, 65504]), "float16"),
    ("float32", array("f", [0.1, 1, 2, 3e38]), "float32"),
    ("float64", array("d", [0.1, 1, 2, 1e308]), "float64"),
    ("str", ["", "abc", "ä", "\U0001f600"], "<U3"),
]


def table(*columns: Column, rows: int, index: list[Any] | None = None) -> ModelInput:
    """A request of these columns."""
    return ModelInput("table", columns, rows, None, index, None)


def frame(model_input: ModelInput) -> pd.DataFrame:
    """The DataFrame that a host makes of it."""
    data = sent(model_input).data
    assert isinstance(data, pd.DataFrame)
    return data


@pytest.mark.parametrize(("dtype", "values", "expected", "stands"), COLUMNS)
def test_column_has_the_dtype_that_mlflow_enforces(
    dtype: str, values: Values, expected: str, stands: list[Any]
) -> None:
    """Alone and beside others."""
    column = Column("c", dtype, values)
    for columns in ([column], [Column("b", "double", array("d", [1, 2])), column]):
        data = frame(table(*columns, rows=2))
        assert list(data.columns) == [each.name for each in columns]
        assert str(data["c"].dtype) == expected
        assert repr(data["c"].tolist()) == repr(stands)


def test_unnamed_columns_are_numbered() -> None:
    """Of one dtype or of several."""
    double = Column(None, "double", array("d", [1, 2]))
    for columns in ([double, double], [double, Column(None, "string", ["a", "b"])]):
        assert repr(frame(table(*columns, rows=2)).columns.tolist()) == "[0, 1]"


def test_columns_may_be_named_by_integers() -> None:
    """They stay integers."""
    columns = [Column(place, "double", array("d", [1, 2])) for place in (7, 3)]
    assert repr(frame(table(*columns, rows=2)).columns.tolist()) == "[7, 3]"


def test_block_joins_a_table_as_the_columns_that_it_stands_for() -> None:
    """Whichever of them came first; rows and columns keep their order."""
    names = ("a", "b")
    block = Column(None, "double", array("d", [1, 2, 3, 4]), shape=(2, 2), names=names)
    one = ModelInput("block", (block,), 2, None, None, ())
    two = table(*(Column(name, "double", array("d", [5])) for name in names), rows=1)
    for inputs, expected in [
        ((one, two), [[1, 2], [3, 4], [5, 5]]),
        ((two, one), [[5, 5], [1, 2], [3, 4]]),
    ]:
        joined = pd.DataFrame(expected, columns=names, dtype="float64")
        pd.testing.assert_frame_equal(pd.DataFrame(sent(*inputs).data), joined)


@pytest.mark.parametrize("index", [["a", "b"], [7, 7], [1.5, 2], [1, "a"], [True, None]])
def test_index_is_kept(index: list[Any]) -> None:
    """As pandas reads the same list."""
    data = frame(table(Column("c", "double", array("d", [1, 2])), rows=2, index=index))
    pd.testing.assert_index_equal(data.index, pd.Index(index))


@pytest.mark.parametrize(("dtype", "values", "expected"), TENSORS)
@pytest.mark.parametrize("shape", [(4,), (2, 2), (4, 1), (1, 2, 2)])
def test_tensor_has_its_dtype_and_shape(
    dtype: str, values: Values, expected: str, shape: tuple[int, ...]
) -> None:
    """In C order."""
    column = Column(None, dtype, values, shape=shape)
    data = sent(ModelInput("tensor", (column,), shape[0], None, None, None)).data
    assert isinstance(data, np.ndarray)
    assert (str(data.dtype), data.shape) == (expected, shape)
    flat = [bool(value) for value in values] if dtype == "bool" else list(values)
    assert data.ravel().tolist() == np.array(flat, dtype=data.dtype).tolist()


def test_several_tensors_are_a_dictionary() -> None:
    """Each of its own length."""
    columns = (
        Column("a", "float32", array("f", [1, 2, 3, 4]), shape=(2, 2)),
        Column("b", "int64", array("q", [5, 6, 7]), shape=(3,)),
    )
    data = sent(ModelInput("tensors", columns, 3, None, None, None)).data
    assert seen(data) == {
        "a": ("float32", (2, 2), "[[1.0, 2.0], [3.0, 4.0]]"),
        "b": ("int64", (3,), "[5, 6, 7]"),
    }


def test_joined_tensors_grow_along_the_first_dimension() -> None:
    """And each request finds its own rows."""
    one = ModelInput(
        "tensor", (Column(None, "int64", array("q", [1, 2]), shape=(1, 2)),), 1, None, None, ()
    )
    two = ModelInput(
        "tensor", (Column(None, "int64", array("q", range(4)), shape=(2, 2)),), 2, None, None, ()
    )
    batch = sent(one, two)
    assert seen(batch.data) == ("int64", (3, 2), "[[1, 2], [0, 1], [2, 3]]")
    assert seen(batch.part(1, 2).data) == ("int64", (2, 2), "[[0, 1], [2, 3]]")


def test_part_of_a_batch_is_what_the_requests_alone_would_have_been() -> None:
    """Rows are counted from 0 again: a model that aligns by index must not see its neighbours."""
    first, second, third = double_rows(1), double_rows(2, 3), double_rows(4)
    batch = sent(first, second, third)
    part = batch.part(1, 3)
    assert part.rows == (2, 1)
    assert seen(part.data) == seen(sent(second, third).data)
    assert isinstance(part.data, pd.DataFrame)
    assert isinstance(part.data.index, pd.RangeIndex)


def test_rows_taken_keep_an_index_that_was_sent() -> None:
    """It is data of the client's."""
    data = frame(table(Column("c", "double", array("d", [1, 2])), rows=2, index=[7, 9]))
    taken = take(data, 1, 2)
    assert isinstance(taken, pd.DataFrame)
    assert taken.index.tolist() == [9]


def test_tensor_without_dimensions_is_taken_whole() -> None:
    """It has no rows to choose from."""
    column = Column(None, "float64", array("d", [1.5]), shape=())
    data = sent(ModelInput("tensor", (column,), 1, None, None, None)).data
    assert seen(take(data, 0, 1)) == ("float64", (), "1.5")
    assert seen(take({"a": np.array(1.5)}, 0, 1)) == {"a": ("float64", (), "1.5")}


def changed(batch: Batch) -> Any:
    """The data after a model has written to its first element, in place."""
    data = batch.data
    if isinstance(data, pd.DataFrame):
        data.iloc[0, 0] = 99.0
    elif isinstance(data, np.ndarray):
        data[0] = 99.0
    elif isinstance(data, dict):
        data["t"][0] = 99.0
    return seen(data)


def test_a_model_may_write_to_what_it_is_given() -> None:
    """Nobody else sees it: neither the batch that its part was taken from, nor a second build."""
    tensor = Column(None, "float64", array("d", [1, 2]), shape=(2,))
    named = tensor._replace(name="t")
    for each in (
        double_rows(1, 2),
        ModelInput("tensor", (tensor,), 2, None, None, None),
        ModelInput("tensors", (named,), 2, None, None, None),
    ):
        whole = sent(each)
        before = seen(whole.data)
        assert changed(whole.part(0, 1)) != before
        assert seen(whole.data) == before
        assert changed(whole) != before
        assert seen(sent(each).data) == before
