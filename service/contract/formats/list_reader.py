"""Signatures from a type hint: a plain list, whose values are all of the hint's type.

MLflow's scoring server takes only `inputs` for these, hands the list on as it is, and leaves it to
the hint to check it (mlflow/pyfunc/scoring_server/__init__.py, `_parse_json_data`). Here it is
checked against the signature, which MLflow has inferred from the hint.
"""

from typing import Any

from service.contract.findings import BODY, Findings
from service.contract.model_input import Column, Nested
from service.contract.reading import Reading
from service.contract.types.declared import Type, type_entry, type_name
from service.contract.types.nested import hinted, suspects


class ListReader:
    """Reads requests for a signature that comes from a type hint."""

    def __init__(self, type_: Type, max_rows: int) -> None:
        self._node = hinted(type_)
        self._type = type_name(type_)
        self._nested = Nested(type_entry(type_))
        self._max_rows = max_rows

    def read(self, form: str, payload: Any, findings: Findings) -> Reading | None:
        """The valid list; None once anything has been added to the findings."""
        base = (*BODY, form)
        if form != "inputs":
            findings.add(BODY, "must have `inputs`, the only format of this model", "format")
        elif type(payload) is not list:
            findings.add(base, "must be a list", "type")
        elif len(payload) > self._max_rows:
            findings.add(base, f"must have at most {self._max_rows} rows", "too_many_rows")
        else:
            return self._checked(payload, findings)
        return None

    def _checked(self, values: list[Any], findings: Findings) -> Reading | None:
        converted = self._node.convert(values)
        if converted is None:
            for position in suspects(self._node, values):
                if findings.full:
                    break
                self._node.examine(values[position], (*BODY, "inputs", position), findings)
            return None
        column = Column(None, self._type, converted, None in converted, None, self._nested)
        return Reading("list", (column,), len(values), None, () if values else None)
