"""What `--json` prints has a schema that programs may rely on."""

import json

import pytest
from pydantic import BaseModel

from service.cli.plan import PlanReport
from service.cli.prepare import PrepareReport
from tests.support.documents import ROOT


@pytest.mark.parametrize(("command", "report"), [("plan", PlanReport), ("prepare", PrepareReport)])
def test_report_of_a_command_is_as_its_schema_says(command: str, report: type[BaseModel]) -> None:
    """Whoever changes a report changes the schema, and sees that programs read it."""
    schema = json.loads((ROOT / f"docs/schemas/{command}.json").read_text())
    assert schema == report.model_json_schema(mode="serialization")
