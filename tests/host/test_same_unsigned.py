"""Without a signature a model is handed what MLflow's own scoring server would hand it.

Whatever MLflow makes of a body: there is nothing to hold it against.
"""

import io
import json
import warnings
from pathlib import Path
from typing import Any, Final

import mlflow
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlflow.models import Model
from mlflow.pyfunc.scoring_server import _parse_json_data, parse_csv_input, parse_parquet_input

from service.contract.contract import RequestLimits
from service.contract.formats.chat import CHAT_KEYS
from service.contract.formats.unsigned import UnsignedContract, compile_unsigned
from service.contract.model_input import Document
from service.contract.size import MOST_COLUMNS
from service.decoder.parquet_reader import read_parquet
from service.errors import InvalidInput, UnsupportedMediaType
from service.host.documents import InputRefused
from service.host.inputs import Batch
from service.host.model import LoadedModel
from service.host.wire import PredictFault
from tests.contract.signatures import param
from tests.host.handed import sent, shown
from tests.support import models
from tests.support.exploring import exploring

MADE: Final = compile_unsigned({}, RequestLimits(max_rows=1000))
META: Final = Model()
META.add_flavor("python_function", loader_module="echo")


def batch(body: Any, media_type: str = "application/json", made: UnsignedContract = MADE) -> Batch:
    """What a host makes of the body."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return sent(made.parse(text, media_type))


def by_mlflow(body: Any) -> Any:
    """What MLflow's server calls the model with: data and params."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = _parse_json_data(json.dumps(body), META, None)  # type: ignore[no-untyped-call]  # MLflow annotates little
    return parsed.data, parsed.params


def plain(data: Any) -> str:
    """Everything that a model can see of it."""
    if isinstance(data, pd.DataFrame):
        return repr((data.to_dict(orient="split"), list(data.dtypes)))
    if isinstance(data, dict):
        return repr({name: shown(value) for name, value in data.items()})
    return shown(data)


SAME: Final[list[dict[str, Any]]] = [
    {"dataframe_split": {"columns": ["a", "b"], "index": [7, 8], "data": [[1, "x"], [2.5, None]]}},
    {"dataframe_split": {"data": [[1, 2]]}},
    {"dataframe_split": {"columns": ["b"], "data": [{"a": 1, "b": 2}]}},
    {"dataframe_split": {"columns": ["a"], "data": []}},
    {"dataframe_records": [{"a": 1, "b": "2026-05-01"}, {"a": None}]},
    {"dataframe_records": [[1, 2], [3, 4]]},
    {"dataframe_records": []},
    {"inputs": [1, 2, 2**70]},
    {"inputs": {"a": [1, 2], "b": "x", "c": [[1.5], [2]]}},
    {"inputs": [{"a": [1, 2]}, {"a": "b"}]},
    {"inputs": "text"},
    {"inputs": 5, "unknown": 1},
    {"instances": [[1, 2], [3, 4]]},
    {"instances": [{"a": 1, "b": [2]}, {"a": 3, "b": [4]}]},
    {"instances": {"a": [1, 2], "b": [True, None]}},
    {"messages": [{"role": "user", "content": "hi"}], "temperature": 0.5, "params": {"n": 1}},
    {"prompt": ["a", "b"], "messages": None},
    {"input": {"a": [1]}},
]


@pytest.mark.parametrize("body", SAME)
def test_body_is_mlflows(body: dict[str, Any]) -> None:
    """In every format, and as a chat."""
    data, params = by_mlflow(body)
    made = batch(body)
    assert plain(made.data) == plain(data)
    assert made.params == params
    assert made.whole


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text("ab1", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner),
    max_leaves=8,
)


@pytest.mark.filterwarnings("ignore")  # pandas' own, at which no host stops
@exploring(60)
@given(
    st.sampled_from(["dataframe_split", "dataframe_records", "inputs", "instances", "prompt"]), JSON
)
def test_any_body_is_mlflows_or_refused_as_there(form: str, payload: Any) -> None:
    """Never anything else; only null, and a split whose data is not a list, are refused before."""
    body = {form: payload}
    try:
        theirs: str | None = plain(by_mlflow(body)[0])
    except Exception:  # noqa: BLE001 - MLflow fails with whatever came up
        theirs = None
    try:
        ours: str | None = plain(batch(body).data)
    except (InvalidInput, InputRefused):
        ours = None
    known = form == "dataframe_split" and type(payload) is dict
    stricter = payload is None or (known and type(payload.get("data")) is not list)
    assert ours == theirs or (ours is None and stricter)


@pytest.mark.parametrize(
    "text", ["a,b\n1,x\n2,\n", "a\n1.5\n", '"a","b"\n"1,5",true\n', "a,b\n1,2,3\n", "a\n"]
)
def test_csv_is_mlflows(text: str) -> None:
    """With the dtypes that pandas finds; a byte order mark is passed over."""
    theirs = plain(parse_csv_input(io.StringIO(text)))
    assert plain(batch(text.encode(), "text/csv").data) == theirs
    assert plain(batch(text.encode("utf-8-sig"), "TEXT/CSV; charset=utf-8").data) == theirs


def test_parquet_is_mlflows() -> None:
    """With its index and its dtypes."""
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=pd.Index([5, 6], name="i"))
    body = frame.to_parquet()
    document = MADE.parse_parquet(body, read_parquet)
    assert document.rows == 2
    theirs = parse_parquet_input(io.BytesIO(body))  # type: ignore[no-untyped-call]
    assert plain(sent(document).data) == plain(theirs)
    with pytest.raises(InvalidInput):
        MADE.parse_parquet(b"PAR1" + body[8:], read_parquet)


LAYOUTS: Final = ("dataframe_split", "dataframe_records", "instances", "inputs")
TOO_WIDE: Final = MOST_COLUMNS + 1
INDEX: Final = {f"k{number}": 1 for number in range(900)}
WIDE: Final = {"dataframe_records": [{f"k{number}": 1} for number in range(900)]}


@pytest.mark.parametrize(
    ("body", "type_"),
    [
        ({}, "format"),
        ({"inputs": [1], "instances": [1]}, "format"),
        ({"inputs": [1], "prompt": "a"}, "format"),
        ({"dataframe_split": {"data": 5, "index": [1], "columns": ["a"]}}, "format"),
        ({"dataframe_split": [1]}, "format"),
        *(({form: None}, "null") for form in LAYOUTS),
        *(({key: None}, "null") for key in CHAT_KEYS),
        ({"messages": None, "input": None, "temperature": 1}, "null"),
        ({"dataframe_records": {"a": 1}}, "type"),
        ({"dataframe_records": [{"a": 1}] * 1001}, "too_many_rows"),
        ({"inputs": {"a": [1] * 1001}}, "too_many_rows"),
        # What pandas or numpy would make far more of than was sent.
        (WIDE, "too_many_rows"),
        ({"dataframe_split": {"data": [[0] * 900, *[[0]] * 900]}}, "too_many_rows"),
        (
            {"dataframe_split": {"data": [], "index": [0] * 900, "columns": ["a"] * 900}},
            "too_many_rows",
        ),
        (
            {"dataframe_split": {"data": [], "index": INDEX, "columns": INDEX}},
            "too_many_rows",
        ),
        ({"inputs": {"a": ["x" * 100_000, *["y"] * 900]}}, "too_many_rows"),
        ({"dataframe_split": {"data": [], "columns": ["a"] * TOO_WIDE}}, "too_many_columns"),
        ({"dataframe_split": {"data": [[0] * TOO_WIDE]}}, "too_many_columns"),
        ({"dataframe_records": [dict.fromkeys(range(TOO_WIDE), 0)]}, "too_many_columns"),
        (b"{", "json_invalid"),
        (b"[" * 100_000, "json_invalid"),
        (b'{"inputs": ' + b"[" * 500 + b"]" * 500 + b"}", "nesting"),
        (b'{"inputs": [NaN]}', "json_invalid"),
    ],
)
def test_what_can_be_told_without_a_signature_is_refused_at_once(body: Any, type_: str) -> None:
    """Without a process of the model having seen it."""
    with pytest.raises(InvalidInput) as caught:
        batch(body)
    assert {error.type for error in caught.value.errors} == {type_}


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("," * TOO_WIDE, "too_many_columns"),
        ("a\n" + "1," * TOO_WIDE, "too_many_columns"),
        # The first row's cells are columns too, which pandas fills in all others.
        ("a\n" + "1," * 900 + "\n" + "1\n" * 900, "too_many_rows"),
        ("a\n" + "1\n" * 1001, "too_many_rows"),
        ('"a', "csv_invalid"),
    ],
)
def test_p14_csv_that_would_hold_a_host_up_is_refused_at_once(text: str, type_: str) -> None:
    """pandas makes kilobytes of each comma in a header, a hundred thousand times what was sent."""
    with pytest.raises(InvalidInput) as caught:
        batch(text.encode(), "text/csv")
    assert [error.type for error in caught.value.errors] == [type_]


def test_parquet_with_too_many_columns_is_refused_at_once() -> None:
    """As in any other format."""
    body = pd.DataFrame([[1] * TOO_WIDE], columns=list(map(str, range(TOO_WIDE)))).to_parquet()
    with pytest.raises(InvalidInput) as caught:
        MADE.parse_parquet(body, read_parquet)
    assert [error.type for error in caught.value.errors] == ["too_many_columns"]


def test_as_many_columns_as_spreadsheets_have_are_handed_on() -> None:
    """With a row of values under them, or none."""
    for text in ("," * (MOST_COLUMNS - 1), ",".join(["1"] * MOST_COLUMNS) + "\n" + "2\n"):
        frame = batch(text.encode(), "text/csv").data
        assert isinstance(frame, pd.DataFrame)
        assert len(frame.columns) == MOST_COLUMNS


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}},
        {"dataframe_split": {"data": [[1]], "z": 1}},
        {"dataframe_split": {"data": [[1], [2], [3]], "index": [1, 2]}},
        {"inputs": [[1], [2, 3]]},
        {"instances": {"a": [1], "b": [1, 2]}},
    ],
)
def test_what_mlflow_refuses_is_refused_in_the_host(body: Any) -> None:
    """As MLflow's server refuses it."""
    with pytest.raises(InputRefused):
        batch(body)
    with pytest.raises(Exception):  # noqa: B017, PT011 - MLflow fails with whatever came up
        by_mlflow(body)


def test_media_types_are_checked() -> None:
    """Like those of any other model."""
    for media_type in ("text/plain", "application/json; charset=latin-1", "text/csv; charset=x"):
        with pytest.raises(UnsupportedMediaType):
            batch({"inputs": [1]}, media_type)


def test_params_of_a_signature_without_inputs_are_checked() -> None:
    """MLflow enforces them all the same, and takes them out of a chat."""
    params = [param("double", "temperature", 0.5)]
    made = compile_unsigned(
        {"inputs": None, "params": json.dumps(params)}, RequestLimits(max_rows=10)
    )
    body = {"inputs": [1], "params": {"temperature": 1}}
    assert batch(body, made=made).params == {"temperature": 1.0}
    assert batch({"inputs": [1]}, made=made).params == {"temperature": 0.5}
    chat = batch({"prompt": "a", "temperature": 2}, made=made)
    assert (plain(chat.data), chat.params) == ("{'prompt': \"'a'\"}", {"temperature": 2.0})
    for wrong in (
        {"inputs": [1], "params": {"temperature": "x"}},
        {"prompt": 1, "temperature": ""},
    ):
        with pytest.raises(InvalidInput):
            batch(wrong, made=made)
    assert made.describe() == {
        "inputs": None,
        "outputs": None,
        "params": [param("double", "temperature", 0.5)],
        "unsigned": True,
    }


def test_only_a_chat_is_answered_bare() -> None:
    """And none is ever joined with another request."""
    for body, bare in (({"prompt": "a"}, True), ({"inputs": [1, 2]}, False)):
        document = MADE.parse(json.dumps(body).encode(), "")
        assert isinstance(document, Document)
        assert (document.bare, document.join_key) == (bare, None)


@pytest.mark.parametrize(
    "body",
    [
        {"inputs": []},
        {"inputs": {}},
        {"inputs": {"a": None, "b": [[None]]}},
        {"instances": [None, None]},
        {"instances": [{}]},
        {"dataframe_records": []},
        {"dataframe_records": [{}, {"a": None}]},
        {"dataframe_records": [None]},
        {"dataframe_split": {"columns": ["a"], "index": [1], "data": [[None]]}},
        {"dataframe_split": {"data": []}},
        {"messages": []},
        {"prompt": None, "input": {}},
    ],
)
def test_p14_body_without_a_value_is_handed_on_as_one_without_rows(body: Any) -> None:
    """Whether a model takes that, it alone can tell; if it does not, the client is to blame."""
    made = batch(body)
    assert made.rows == (0,)
    assert plain(made.data) == plain(by_mlflow(body)[0])


def test_p14_table_without_a_value_is_handed_on_as_one_without_rows() -> None:
    """CSV and Parquet, too."""
    assert batch(b"a,b\n,\n", "text/csv").rows == (0,)
    body = pd.DataFrame(index=range(3)).to_parquet()
    assert MADE.parse_parquet(body, read_parquet).rows == 0


@pytest.mark.parametrize("value", [0, "", False, [[None, 0]], {"a": None, "b": {"c": ""}}])
def test_zero_and_empty_text_are_values(value: Any) -> None:
    """A model may be asked about them."""
    assert batch({"inputs": value}).rows != (0,)


def test_rows_are_counted_where_they_show() -> None:
    """For metrics, and for the limit."""
    for body, rows in (
        ({"inputs": [1, 2, 3]}, 3),
        ({"inputs": {"a": [1, 2], "b": 5}}, 2),
        ({"inputs": "x"}, 1),
        ({"dataframe_records": [{"a": 1}] * 4}, 4),
        ({"dataframe_split": {"data": [[1]] * 5}}, 5),
        ({"messages": [1, 2]}, 1),
    ):
        assert MADE.parse(json.dumps(body).encode(), "").rows == rows
    assert MADE.parse(b"a\n1\n2\n", "text/csv").rows == 2


@pytest.mark.filterwarnings("ignore")  # MLflow's own, of saving without a signature
def test_version_without_a_signature_is_warmed_up_with_its_example(tmp_path: Path) -> None:
    """Whole: without a signature nobody can tell its rows apart, and none are joined."""
    code = str(models.CODE / "repeating.py")
    mlflow.pyfunc.save_model(tmp_path / "m", python_model=code, pip_requirements=["mlflow"])
    model = LoadedModel(str(tmp_path / "m"))
    example = {"dataframe_split": {"columns": ["a"], "data": [[1], [2]]}}
    assert not model.warm_up(lambda: batch(example)).shown
    refused = MADE.parse(b'{"inputs": [[1], [2, 3]]}', "")
    assert model.predict(lambda: sent(refused), 1000) == [PredictFault.INPUT_REFUSED]
    (chat,) = model.predict(lambda: sent(MADE.parse(b'{"prompt": "a"}', "")), 1000)
    assert chat == b"[\"{'prompt': 'a'}\",\"{}\"]"
