"""Versions behind the port `AskVersion`: a real contract, and a function of rows for a model."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from service.contract.contract import RequestLimits, compile_contract
from service.contract.model_input import ModelInput
from service.errors import ModelFailed
from service.validation.findings import Judgement, Verdict
from service.validation.policy.reading import read_policy
from service.validation.quality.data_files import read_data
from service.validation.quality.evaluation_data import EvaluationData
from service.validation.quality.found import Quality
from service.validation.quality.judge import AnsweringVersion, QualityQuestion, judge

COLUMNS = {"x": "double", "kind": "string"}
Row = Mapping[str, Any]


class Raises(Exception):
    """What a model does on some rows."""


class ContractedModel:
    """An `AskVersion`: what does not fit `columns` is refused, each other row goes to `model`."""

    def __init__(
        self, model: Callable[[Row], Any], columns: Mapping[str, str] | None = None
    ) -> None:
        specs = [
            {"type": type_, "name": name, "required": True}
            for name, type_ in (columns or COLUMNS).items()
        ]
        signature = {"inputs": json.dumps(specs), "outputs": None, "params": None}
        self._contract = compile_contract(signature, RequestLimits(10_000))
        self._model = model
        self.requests = 0

    def rows_of(self, body: bytes, media_type: str) -> Sequence[Row]:
        """The request, read by the contract."""
        self.requests += 1
        return _rows(self._contract.parse(body, media_type))

    def __call__(self, body: bytes, media_type: str) -> Any:
        rows = self.rows_of(body, media_type)
        try:
            return [self._model(row) for row in rows]
        except Raises:
            raise ModelFailed("The model has failed.") from None


def _rows(read: ModelInput) -> Sequence[Row]:
    if read.kind == "block":
        (block,) = read.columns
        names, width = block.names or (), len(block.names or ())
        cells = list(block.values)
        return [
            dict(zip(names, cells[at : at + width], strict=True))
            for at in range(0, len(cells), width)
        ]
    columns = {column.name: list(column.values) for column in read.columns}
    return [{str(name): cells[at] for name, cells in columns.items()} for at in range(read.rows)]


def data_of(folder: Path, frame: pd.DataFrame, label: str = "label") -> EvaluationData:
    """The frame as a file of Parquet, and read from there."""
    content = io.BytesIO()
    frame.to_parquet(content)
    file = folder / "rows.parquet"
    file.write_bytes(content.getvalue())
    return read_data(file, "rows.parquet", label)


def judged(  # noqa: PLR0913 - a question of the judge's in one line
    folder: Path,
    frame: pd.DataFrame,
    policy: Mapping[str, Any],
    model: Callable[[Row], Any],
    against: Callable[[Row], Any] | None = None,
    *,
    first: bool = False,
) -> Quality:
    """What the judge says of such a model, on these rows, by this policy."""
    file = folder / "validation.yaml"
    file.write_text(json.dumps({"data": "rows.parquet", "label": "label", **policy}))
    version = AnsweringVersion("iris 2", ContractedModel(model))
    other = None if against is None else AnsweringVersion("iris 1", ContractedModel(against))
    data = data_of(folder, frame)
    return judge(QualityQuestion(read_policy(file), data, version, other, first))


def verdicts(quality: Quality) -> Mapping[str, Verdict]:
    """By the judgement's name."""
    return {each.name: each.verdict for each in quality.judgements}


def failed(quality: Quality) -> list[str]:
    """The names of what has not passed."""
    return [each.name for each in quality.judgements if each.verdict != "passed"]


def named(quality: Quality, name: str) -> Judgement:
    """The judgement of that name."""
    return next(each for each in quality.judgements if each.name == name)
