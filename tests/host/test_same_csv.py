"""CSV: a model is handed what MLflow's own scoring server hands it, but where that is wrong.

What both read alike is generated in `tests.contract.test_csv_against_mlflow`.
"""

from io import StringIO
from typing import Any

import pytest
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc.scoring_server import parse_csv_input

from tests.host.csv_differences import DIFFERENT_CSV
from tests.host.handed import Signed, brief, sent
from tests.host.rules import cases

# numpy, where MLflow has it cast.
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def by_podium(signed: Signed, text: str) -> Any:
    """What the model is handed by a host."""
    return signed.enforced(sent(signed.contract.parse(text.encode(), "text/csv")))[0]


def by_mlflow(signed: Signed, text: str) -> Any:
    """What the model is handed by MLflow's scoring server."""
    return _enforce_schema(parse_csv_input(StringIO(text), signed.schema), signed.schema)


@pytest.mark.parametrize(("entries", "text", "mlflows", "podiums"), cases(DIFFERENT_CSV))
def test_csv_differs_from_mlflows_only_as_listed(
    entries: list[dict[str, Any]], text: str, mlflows: str, podiums: str
) -> None:
    """Text stays text, times are times, and lossy numbers are refused."""
    signed = Signed(entries)
    assert brief(lambda: by_mlflow(signed, text)) == mlflows
    assert brief(lambda: by_podium(signed, text)) == podiums
