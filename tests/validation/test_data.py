"""Data from wherever it is: the same rows, or a refusal that names no value."""

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from mlflow import MlflowClient

from service.registry.writer.faults import Unreachable
from service.validation.policy.reading import read_policy
from service.validation.quality.data_files import read_data
from service.validation.quality.evaluation_data import BadData, EvaluationData
from service.validation.quality.places import DATA, DESCRIPTION, LABEL, DataPlaces
from tests.support.http_server import Request, Response, http_server
from tests.validation.answered import ContractedModel
from training import record

FRAME = pd.DataFrame(
    {"x": [1.5, 2.0, -3.0], "kind": ["a", "b, c", "ü\n"], "n": [1, 2, 3], "label": [0, 1, 0]}
)
COLUMNS = {"x": "double", "kind": "string", "n": "long"}


def written(frame: pd.DataFrame, suffix: str) -> bytes:
    """The frame as a file of that kind."""
    records = frame.to_dict(orient="records")
    if suffix == ".parquet":
        content = io.BytesIO()
        frame.to_parquet(content)
        return content.getvalue()
    texts = {
        ".csv": lambda: frame.to_csv(index=False),
        ".json": lambda: json.dumps(records),
        ".split.json": lambda: frame.to_json(orient="split"),
        ".mlflow.json": lambda: json.dumps({"dataframe_records": records}),
        ".jsonl": lambda: "\n".join(map(json.dumps, records)),
    }
    return texts[suffix]().encode()


def read(folder: Path, content: bytes | str, suffix: str = ".csv") -> EvaluationData:
    """A file with that in it."""
    file = folder / f"rows{suffix}"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_data(file, "rows", "label")


@pytest.mark.parametrize(
    "suffix", [".csv", ".parquet", ".json", ".split.json", ".mlflow.json", ".jsonl"]
)
def test_same_rows_from_every_kind_of_file(tmp_path: Path, suffix: str) -> None:
    """As the contract reads them, labels and slices alike."""
    data = read(tmp_path, written(FRAME, suffix), suffix)
    asked = ContractedModel(dict, COLUMNS)(*data.request(range(3)))
    assert asked == FRAME.drop(columns="label").to_dict(orient="records")
    assert (data.rows, list(data.labels)) == (3, [0, 1, 0])
    assert list(data.frame["n"] >= 2) == [False, True, True]


def test_cell_of_csv_is_read_by_the_signature_alone(tmp_path: Path) -> None:
    """pandas would make numbers of text, and the model would see 7."""
    data = read(tmp_path, "x,code,label\n1,007,a\n,NA,b\n")
    model = ContractedModel(dict, {"x": "double", "code": "string"})
    assert model(*data.request([0])) == [{"x": 1.0, "code": "007"}]
    assert list(data.frame["x"].isna()) == [False, True]


def test_times_bytes_and_nested_values_of_parquet_reach_the_contract(tmp_path: Path) -> None:
    """In the form that applications send them in."""
    frame = pd.DataFrame(
        {
            "at": pd.to_datetime(["2024-01-02T03:04:05"]),
            "raw": [b"\x00\xff"],
            "list": [[1.0, 2.0]],
            "label": [1],
        }
    )
    data = read(tmp_path, written(frame, ".parquet"), ".parquet")
    body = json.loads(data.request([0])[0])["dataframe_split"]["data"]
    assert body == [["2024-01-02T03:04:05", "AP8=", [1.0, 2.0]]]


def test_categories_of_parquet_are_their_values(tmp_path: Path) -> None:
    """A label of numbers would else be compared as text."""
    frame = FRAME.astype({"label": "category", "kind": "category"})
    data = read(tmp_path, written(frame, ".parquet"), ".parquet")
    assert (data.labels.dtype.kind, list(data.frame["kind"])) == ("i", list(FRAME["kind"]))


@pytest.mark.parametrize(
    ("content", "suffix", "said"),
    [
        ("", ".csv", "has no header"),
        ("x,label\n", ".csv", "has no rows"),
        ("x,y\n1,2\n", ".csv", "has no column label, which is the label; it has x, y"),
        ("x,label\n1,2\n1\n1,2,secret\n", ".csv", "2 rows have more or fewer cells"),
        ("x,x,label\nsecret,1,2\n", ".csv", "names a column twice: x"),
        ("x,label\nsecret,\n1,2\n", ".csv", "1 row has no label"),
        ('x,label\n"secret,2\n', ".csv", "cannot be read as .csv"),
        ("secret", ".parquet", "cannot be read as .parquet"),
        ("secret", ".json", "cannot be read as .json"),
        ('["secret"]', ".json", "must be a list of objects"),
        ('{"columns": ["label"], "data": [["secret", 2]]}', ".json", "1 row has more or fewer"),
        ("secret", ".xlsx", "must end with .csv, .parquet, .json, .jsonl"),
    ],
)
def test_file_that_is_not_rows_with_labels_is_refused(
    tmp_path: Path, content: str, suffix: str, said: str
) -> None:
    """In words that hold no value of it."""
    with pytest.raises(BadData, match=said) as refused:
        read(tmp_path, content, suffix)
    assert "secret" not in str(refused.value)


def places(folder: Path, uri: str | None = None, run: str | None = None) -> DataPlaces:
    """With downloads below that folder."""
    return DataPlaces(folder / "downloads", run, uri, uri)


def found(folder: Path, policy: str, look: DataPlaces, **flags: Any) -> EvaluationData | None:
    """What the policy's data is."""
    (folder / "validation.yaml").write_text(policy)
    return look.find(read_policy(folder / "validation.yaml", flags))


def test_policy_without_data_finds_none(tmp_path: Path) -> None:
    """Quality is not judged then."""
    assert found(tmp_path, "least_rows: 3", places(tmp_path)) is None


def test_file_is_found_beside_the_policy_and_by_a_flag_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As each is written by whoever is there."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    (tmp_path / "rows.csv").write_bytes(written(FRAME, ".csv"))
    (here / "rows.csv").write_bytes(written(FRAME[:1], ".csv"))
    policy = "{data: rows.csv, label: label}"
    beside = found(tmp_path, policy, places(tmp_path))
    by_flag = found(tmp_path, policy, places(tmp_path), data="rows.csv")
    assert beside is not None
    assert by_flag is not None
    assert (beside.rows, by_flag.rows) == (3, 1)


def test_data_is_found_in_mlflow(tmp_path: Path, tracking_uri: str) -> None:
    """By its run, by the version that has it, and by what a training has left for this."""
    client = MlflowClient(tracking_uri)
    run = client.create_run("0").info
    (tmp_path / "data.parquet").write_bytes(written(FRAME, ".parquet"))
    client.log_artifact(run.run_id, str(tmp_path / "data.parquet"), "evaluation")
    client.log_dict(run.run_id, {LABEL: "label"}, DESCRIPTION)
    client.log_text(run.run_id, "flavors: {}", "model/MLmodel")
    client.log_artifact(run.run_id, str(tmp_path / "data.parquet"), "model/test")
    client.create_registered_model("iris")
    client.create_model_version("iris", f"{run.artifact_uri}/model", run.run_id)
    look = places(tmp_path, tracking_uri, run.run_id)
    for data in (f"runs:/{run.run_id}/{DATA}", "models:/iris/1/test/data.parquet"):
        policy = json.dumps({"data": data, "label": "label"})
        there = found(tmp_path, policy, look)
        assert there is not None
        assert (there.rows, there.source) == (3, data)
    of_run = found(tmp_path, "data: of-run", look)
    assert of_run is not None
    assert (of_run.rows, of_run.label) == (3, "label")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("runs:/{run}/evaluation/none.parquet", "none.parquet"),
        ("runs:/0123/evaluation/data.parquet", "0123"),
        ("models:/nobody/1/data.parquet", "nobody"),
        ("of-run", "evaluation/data"),
        ("none.csv", "none.csv: No such file"),
    ],
)
def test_data_that_is_not_there_is_told(
    tmp_path: Path, tracking_uri: str, data: str, said: str
) -> None:
    """By where it was looked for."""
    run = MlflowClient(tracking_uri).create_run("0").info.run_id
    policy = json.dumps({"data": data.format(run=run), "label": "label"})
    with pytest.raises(BadData, match=said):
        found(tmp_path, policy, places(tmp_path, tracking_uri, run))


def test_version_that_names_no_run_has_no_data_of_it(tmp_path: Path) -> None:
    """Nothing is guessed."""
    with pytest.raises(BadData, match="names no run"):
        found(tmp_path, "data: of-run", places(tmp_path))


def test_training_leaves_its_test_set_where_it_is_looked_for() -> None:
    """It can be run without the service, so that both say where that is."""
    assert (record.TEST_SET, record.TEST_SET_NOTE) == (DATA, DESCRIPTION)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/none.csv?sig=SECRET", "status 404"),
        ("/api/2.0/mlflow-artifacts/artifacts/none.csv?sig=SECRET", "cannot be downloaded"),
        ("/rows.csv?sig=SECRET", "has no column y"),
    ],
)
def test_address_that_leads_nowhere_is_told_without_what_is_secret(
    tmp_path: Path, path: str, said: str
) -> None:
    """Neither its password nor its signature, whoever has tried to read it."""

    def answer(request: Request) -> Response:
        return Response(b"x,label\n1,2\n", 200 if request.path == "/rows.csv" else 404)

    with http_server(answer) as server:
        address = f"{server.replace('//', '//u:SECRET@')}{path}"
        policy = json.dumps({"data": address, "label": "y"})
        with pytest.raises(BadData, match=said) as refused:
            found(tmp_path, policy, places(tmp_path))
    assert "SECRET" not in str(refused.value)
    assert str(refused.value).startswith(f"{server}/")


@pytest.mark.parametrize("status", [429, 500, 503])
@pytest.mark.parametrize("path", ["/rows.csv", "/api/2.0/mlflow-artifacts/artifacts/rows.csv"])
def test_data_whose_server_fails_may_be_there_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, path: str
) -> None:
    """It says nothing of the policy, and is not told as its mistake."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with http_server(lambda _: Response(b"", status)) as server:
        policy = json.dumps({"data": f"{server}{path}", "label": "label"})
        with pytest.raises(Unreachable, match=r"rows\.csv"):
            found(tmp_path, policy, places(tmp_path))


@pytest.mark.parametrize("data", ["{server}/rows.csv", "runs:/0123/rows.csv"])
def test_data_whose_server_is_gone_may_be_there_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: str
) -> None:
    """Whoever would have read it: MLflow's client, or a plain download."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with http_server(lambda _: Response(b"")) as server:
        pass
    policy = json.dumps({"data": data.format(server=server), "label": "label"})
    with pytest.raises(Unreachable, match="does not answer"):
        found(tmp_path, policy, places(tmp_path, server))
