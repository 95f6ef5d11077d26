"""Short ways to compare two lists of inputs."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from service.contract.comparison.comparison import compare
from service.contract.comparison.differences import Finding, Severity
from service.contract.model_input import ModelInput
from service.errors import InvalidInput
from tests.contract.signatures import contract

Inputs = list[dict[str, Any]]
Body = Mapping[str, Any]
BREAKS, COMPATIBLE = Severity.BREAKS_CLIENTS, Severity.COMPATIBLE


def found(old: Inputs, new: Inputs) -> tuple[Finding, ...]:
    """What differs between two lists of inputs."""
    return compare(contract(*old).describe(), contract(*new).describe())


def parsed(inputs: Inputs, body: Body) -> ModelInput | None:
    """What a contract makes of a body, or None if it refuses."""
    try:
        return contract(*inputs).parse(json.dumps(body).encode(), "")
    except InvalidInput:
        return None


def breaks(findings: Sequence[Finding]) -> bool:
    """Whether any client breaks."""
    return any(finding.severity is BREAKS for finding in findings)
