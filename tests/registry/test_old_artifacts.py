"""Every form of input example that MLflow has ever written becomes a request (W5).

The artifacts are those of the very releases, made by `old_artifacts/make.py`. Each model here is
loaded by today's MLflow, and says what it was called with.
"""

import json
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import orjson
import pytest

from service.contract.contract import RequestLimits
from service.contract.definition import Definition
from service.registry.child.description import describe
from service.registry.child.fetching import example_of
from tests.host.handed import sent
from tests.registry.kept_artifacts import KeptArtifact, kept_artifacts

ALL = list(kept_artifacts())
# Examples that are not rows for their own signature; today's releases refuse to log such a model.
UNFIT = {"array with nulls", "array for named columns"}
OLD = [each for each in ALL if each.request is None]
FITTING = [each for each in OLD if each.form not in UNFIT]


def answer(artifact: Path, request: bytes) -> Any:
    """What the model was called with for that request, by our contract and today's MLflow."""
    described = describe(artifact)
    signature = described["signature"]
    unsigned = signature is None or not json.loads(signature["inputs"] or "[]")
    definition = Definition(
        signature or {}, described["from_type_hint"], RequestLimits(max_rows=100), unsigned=unsigned
    )
    batch = sent(definition.compile().parse(request, "application/json"))
    model = mlflow.pyfunc.load_model(str(artifact), suppress_warnings=True)
    return json.loads(model.predict(batch.data, params=batch.params)[0])


@pytest.mark.parametrize("kept", FITTING, ids=str)
def test_w5_model_is_called_as_its_release_calls_it_for_the_example(
    kept: KeptArtifact, tmp_path: Path
) -> None:
    """DataFrames, arrays, sparse matrices, objects, texts and bytes, with their params."""
    artifact = kept.put(tmp_path)
    found = example_of(artifact, describe(artifact))
    assert found.trouble is None
    assert found.request is not None
    assert answer(artifact, found.request) == without_nulls(kept)


def without_nulls(kept: KeptArtifact) -> Any:
    """Without the rows in which something is missing, where the signature cannot say that."""
    assert kept.given is not None
    frame = kept.given["data"].get("frame")
    if frame is None or "false" in kept.files["MLmodel"]:
        return kept.given
    rows = [row for row in zip(*frame.values(), strict=True) if None not in row]
    columns = dict(zip(frame, map(list, zip(*rows, strict=True)), strict=True))
    return {**kept.given, "data": {"frame": columns}}


@pytest.mark.parametrize("kept", [each for each in ALL if each.request is not None], ids=str)
def test_w5_request_that_mlflow_has_stored_is_used_as_it_is(
    kept: KeptArtifact, tmp_path: Path
) -> None:
    """Since 2.15 there is one."""
    artifact = kept.put(tmp_path)
    found = example_of(artifact, describe(artifact))
    assert found.request is not None
    assert orjson.loads(found.request) == kept.request
    assert (found.ready, found.trouble) == (True, None)


@pytest.mark.parametrize(
    "kept",
    [each for each in ALL if each.request is not None and each.form not in {"typed", *UNFIT}],
    ids=str,
)
def test_w5_without_its_request_an_artifact_gives_the_same(
    kept: KeptArtifact, tmp_path: Path
) -> None:
    """By the other file; whoever has lost one, or has a broken one, still has an example."""
    artifact = kept.put(tmp_path)
    (artifact / "serving_input_example.json").write_text("{")
    found = example_of(artifact, describe(artifact))
    assert found.request is not None
    assert orjson.loads(found.request) == kept.request
    assert found.trouble is not None


@pytest.mark.parametrize("kept", [each for each in OLD if each.form in UNFIT], ids=str)
def test_w5_example_of_which_no_row_fits_is_told_and_keeps_nothing_out(
    kept: KeptArtifact, tmp_path: Path
) -> None:
    """Releases that did not look logged such models, and they served."""
    artifact = kept.put(tmp_path)
    found = example_of(artifact, describe(artifact))
    assert found.request is None
    assert "fits its signature" in (found.trouble or "")


def test_w5_every_release_has_each_of_its_forms() -> None:
    """So that a file that was made in part is seen."""
    made = dict.fromkeys(("1.30.1", "2.3.2", "2.9.2", "2.14.3", "2.22.1", "3.17.2"), 0)
    for each in ALL:
        made[each.release] += 1
    assert list(made.values()) == [16, 20, 25, 32, 33, 29]
