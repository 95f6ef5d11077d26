"""Contracts for tests, and short ways to look at what they say."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pytest

from service.contract.contract import Contract, RequestLimits, compile_contract
from service.contract.findings import Loc
from service.contract.model_input import ModelInput
from service.errors import FieldError, InvalidInput

LIMITS = RequestLimits(max_rows=1000)


def column(type_: str, name: str | int | None = None, *, required: bool = True) -> dict[str, Any]:
    """One column as MLmodel has it."""
    named = {} if name is None else {"name": name}
    return {"type": type_, **named, "required": required}


def tensor(dtype: str, shape: Sequence[int], name: str | None = None) -> dict[str, Any]:
    """One tensor as MLmodel has it."""
    named = {} if name is None else {"name": name}
    return {"type": "tensor", **named, "tensor-spec": {"dtype": dtype, "shape": list(shape)}}


def nested(
    entry: dict[str, Any], name: str | None = None, *, required: bool = True
) -> dict[str, Any]:
    """One column of a nested type as MLmodel has it."""
    return {**column(entry["type"], name, required=required), **entry}


def array(items: dict[str, Any] | str) -> dict[str, Any]:
    """An array of that type, or of that scalar."""
    return {"type": "array", "items": _type(items)}


def map_of(values: dict[str, Any] | str) -> dict[str, Any]:
    """A map to values of that type, or of that scalar."""
    return {"type": "map", "values": _type(values)}


def object_of(
    required: Mapping[str, dict[str, Any] | str],
    optional: Mapping[str, dict[str, Any] | str] | None = None,
) -> dict[str, Any]:
    """An object with these properties."""
    needed = {name: {**_type(each), "required": True} for name, each in required.items()}
    others = {name: {**_type(each), "required": False} for name, each in (optional or {}).items()}
    return {"type": "object", "properties": {**needed, **others}}


ANY: Final[dict[str, Any]] = {"type": "any"}


def _type(type_: dict[str, Any] | str) -> dict[str, Any]:
    return {"type": type_} if isinstance(type_, str) else type_


def deep(entry: dict[str, Any], levels: int) -> dict[str, Any]:
    """That type in so many arrays."""
    for _ in range(levels):
        entry = array(entry)
    return entry


def param(type_: str, name: str, default: Any, *, shape: list[int] | None = None) -> dict[str, Any]:
    """One param as MLmodel has it."""
    return {"name": name, "type": type_, "default": default, "shape": shape}


def contract(
    *inputs: dict[str, Any],
    params: Sequence[dict[str, Any]] = (),
    limits: RequestLimits = LIMITS,
    from_type_hint: bool = False,
) -> Contract:
    """The contract of a signature with these inputs and params."""
    signature = {"inputs": json.dumps(inputs), "params": json.dumps(params) if params else None}
    return compile_contract(signature, limits, from_type_hint=from_type_hint)


def parse(made: Contract, body: Any) -> ModelInput:
    """What the contract makes of a body that is valid."""
    return made.parse(json.dumps(body).encode(), "application/json")


def values(made: Contract, body: Any) -> list[list[Any]]:
    """The values of a valid body, by column."""
    return [list(each.values) for each in parse(made, body).by_column().columns]


def errors(made: Contract, body: Any) -> tuple[FieldError, ...]:
    """Everything that the contract finds wrong with a body."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidInput) as caught:
        made.parse(sent, "application/json")
    return caught.value.errors


def places(made: Contract, body: Any) -> list[tuple[Loc, str]]:
    """Where something is wrong with a body, and of which type."""
    return [(error.loc[1:], error.type) for error in errors(made, body)]
