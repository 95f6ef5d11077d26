"""Input examples as anybody may have written them: bounded, inside, never passed over (W5)."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.registry.child.input_example import (
    InputExample,
    NotSparse,
    dense,
    fitting,
    read_input_example,
)
from tests.registry.stores import EXAMPLE, artifact

FRAME = {"artifact_path": "input_example.json", "type": "dataframe", "pandas_orient": "split"}
ROW = {"columns": ["x"], "data": [[1.0]]}
SPARSE = {"data": [1.5, 2.5], "indices": [1, 0], "indptr": [0, 1, 2], "shape": [2, 2]}


def ready(folder: Path, text: bytes | None) -> InputExample:
    """What becomes of a request that MLflow has stored."""
    return read_input_example(artifact(folder / "artifact", example=text), None)


def stored(folder: Path, content: Any, info: object = FRAME) -> InputExample:
    """What becomes of an example that a person gave, stored with that description."""
    place = artifact(folder / "artifact", example=None)
    (place / "input_example.json").write_text(json.dumps(content))
    return read_input_example(place, info)


def test_stored_request_is_handed_on_as_json(tmp_path: Path) -> None:
    """The contract reads it like any request."""
    found = ready(tmp_path, b'{\n  "inputs": {"x": [1.0]}\n}')
    assert found == InputExample(EXAMPLE, ready=True)


def test_missing_numbers_of_a_stored_request_become_null(tmp_path: Path) -> None:
    """MLflow writes them as bare words, which are not JSON."""
    found = ready(tmp_path, b'{"inputs": [NaN, Infinity]}')
    assert found.request == b'{"inputs":[null,null]}'


def test_artifact_without_an_example_has_no_trouble(tmp_path: Path) -> None:
    """Models may be logged without one."""
    assert ready(tmp_path, None) == InputExample(None)


USELESS = {
    "too long": b'"' + b"x" * 17 * 1024**2 + b'"',
    "one long row": b'{"inputs": ["' + b"x" * 5 * 1024**2 + b'"]}',
    "no json": b"{",
    "no object": b"[1]",
    "no text": b"\xff\xfe\xfd",
    "half a letter": b'{"inputs": "\\ud800"}',
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("text", USELESS.values(), ids=USELESS.keys())
def test_stored_request_that_is_no_use_is_told(tmp_path: Path, text: bytes) -> None:
    """Warm-up does without, and the operator learns of it."""
    found = ready(tmp_path, text)
    assert found.request is None
    assert found.trouble is not None
    assert found.trouble.startswith("Its input example cannot be read: ")


def test_whole_training_set_is_tried_by_its_first_rows(tmp_path: Path) -> None:
    """It is longer than a request may be; a thousand rows tell as much."""
    rows = [[float(number)] * 30 for number in range(20_000)]
    found = stored(tmp_path, {"columns": list(range(30)), "data": rows})
    assert found.request is not None
    assert orjson.loads(found.request)["dataframe_split"]["data"] == rows[:1000]


@pytest.mark.parametrize("name", ["../secret.json", "{outside}", "link.json", "a\0b", 7, "x" * 999])
@pytest.mark.parametrize("key", ["artifact_path", "serving_input_path"])
def test_nothing_outside_the_artifact_is_read(tmp_path: Path, key: str, name: object) -> None:
    """MLmodel may name any path, and a name may be a link."""
    outside = tmp_path / "secret.json"
    outside.write_text(json.dumps({"inputs": ["secret"], **ROW}))
    place = artifact(tmp_path / "artifact", example=None)
    (place / "link.json").symlink_to(outside)
    named = str(outside) if name == "{outside}" else name
    found = read_input_example(place, {**FRAME, key: named})
    assert found.request is None
    assert found.trouble is not None
    assert "secret" not in found.trouble


@pytest.mark.parametrize(
    ("content", "info"),
    [
        (ROW, {**FRAME, "type": "parquet"}),
        (ROW, {**FRAME, "type": ["dataframe"]}),
        (ROW, {"artifact_path": "input_example.json"}),
        (7, FRAME),
        ({"x": {"0": 1.0}}, FRAME),
        ({"inputs": ROW}, {**FRAME, "params": "true"}),
        ({"inputs": ROW, "params": [1]}, {**FRAME, "params": "true"}),
        ([1.0], {**FRAME, "type": "ndarray", "format": "tf-serving"}),
        ({"instances": [], "inputs": []}, {**FRAME, "type": "ndarray", "format": "tf-serving"}),
        ({**SPARSE, "shape": [2, 10**9]}, {**FRAME, "type": "sparse_matrix_csr"}),
        ([1.0], {**FRAME, "type": "sparse_matrix_csc"}),
    ],
)
def test_example_of_an_unknown_form_is_told(tmp_path: Path, content: Any, info: object) -> None:
    """Not tried, and not passed over in silence."""
    found = stored(tmp_path, content, info)
    assert (found.request, found.trouble is None) == (None, False)


@pytest.mark.parametrize(
    ("content", "request_"),
    [
        (ROW, {"dataframe_split": ROW}),
        ([{"x": 1.0}], {"dataframe_records": [{"x": 1.0}]}),
        ([[1.0]], {"dataframe_split": {"data": [[1.0]]}}),
    ],
)
def test_dataframe_is_read_in_each_orient(
    tmp_path: Path, content: Any, request_: dict[str, Any]
) -> None:
    """MLflow writes split; others records, or the values alone."""
    found = stored(tmp_path, content)
    assert found.request is not None
    assert orjson.loads(found.request) == request_


def test_sparse_matrix_of_many_columns_is_cut_to_its_first_rows() -> None:
    """Its zeros would take gigabytes."""
    wide = {"data": [1], "indices": [9], "indptr": [0, 1] + [1] * 999, "shape": [1000, 100_000]}
    found = dense(wide, by_rows=True)
    assert (len(found), len(found[0]), found[0][9]) == (5, 100_000, 1)
    by_columns = {"data": [1], "indices": [999], "indptr": [0, 1, *[1] * 99_999]}
    assert len(dense({**by_columns, "shape": [1000, 100_000]}, by_rows=False)) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": [2]},
        {"shape": [2, "2"]},
        {"shape": [-1, 2]},
        {"indices": [2, 0]},
        {"indices": [-1, 0]},
        {"indptr": [0, 10**12, 2]},
        {"indptr": [0]},
        {"data": ["x", 1]},
    ],
)
def test_what_is_no_sparse_matrix_is_refused(wrong: dict[str, Any]) -> None:
    """By one error, within bounds."""
    for by_rows in (True, False):
        with pytest.raises(NotSparse):
            dense({**SPARSE, **wrong}, by_rows=by_rows)


def test_rows_that_no_client_may_send_are_left_out() -> None:
    """A number is missing there; older releases could not say that it may."""
    signature = {"inputs": '[{"type": "double", "name": "x"}]'}
    body = b'{"dataframe_split": {"columns": ["x"], "data": [[1.0], [null], [3.0]]}}'
    found = fitting(body, signature, from_type_hint=False)
    assert found is not None
    assert orjson.loads(found)["dataframe_split"]["data"] == [[1.0], [3.0]]
