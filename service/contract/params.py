"""The params of a request: checked, with the signature's defaults filled in.

As MLflow's enforcement has it (mlflow/models/utils.py, `_enforce_params_schema`): unknown params
are ignored, missing ones take their default, null is handed on as None. Values are as exact as in
columns. A datetime is handed on as ISO 8601 text in UTC, without a zone and to the microsecond,
which is what that enforcement makes a date or datetime of. An object is handed on as Python's own
values, as MLflow hands on what it was sent: base64 in it stays text.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from service.contract.findings import BODY, Findings, Loc
from service.contract.signature import ParamSpec
from service.contract.types.declared import AnyType, Array, Map, Object, Type
from service.contract.types.nested import enforced
from service.contract.types.scalars import EXACT_TYPES, SCALARS

_BASE: Final[Loc] = (*BODY, "params")


class ParamsReader:
    """Reads what stands under `params`."""

    def __init__(self, specs: Sequence[ParamSpec]) -> None:
        self._specs = specs
        self._defaults = {spec.name: spec.default for spec in specs}

    @property
    def names(self) -> Collection[str]:
        """Of all params."""
        return self._defaults.keys()

    def read(self, params: Any, findings: Findings, base: Loc = _BASE) -> Mapping[str, Any]:
        """Every param of the signature, in its order; of use only if nothing was noted.

        `base` is where they stand in the body.
        """
        if params is None:
            return self._defaults
        if type(params) is not dict:
            findings.add(base, "must be an object", "type")
            return self._defaults
        return {
            spec.name: _read(spec, params[spec.name], (*base, spec.name), findings)
            if spec.name in params
            else spec.default
            for spec in self._specs
        }


def _read(spec: ParamSpec, value: Any, loc: Loc, findings: Findings) -> Any:
    if isinstance(spec.type, Object):
        return _object(spec.type, value, loc, findings)
    if not spec.is_list:
        return _single(spec.type, value, loc, findings)
    if type(value) is not list:
        findings.add(loc, "must be a list", "type")
        return None
    return [_single(spec.type, item, (*loc, place), findings) for place, item in enumerate(value)]


def _object(type_: Object, value: Any, loc: Loc, findings: Findings) -> Any:
    node = enforced(type_, required=True)
    if node.convert((value,)) is None:
        node.examine(value, loc, findings)
        return None
    return _made(type_, value, loc, findings)


def _made(type_: Type, value: Any, loc: Loc, findings: Findings) -> Any:
    """A valid value as the model gets it; calls itself for each level, of which there are few."""
    if value is None or isinstance(type_, AnyType):
        return value
    match type_:
        case Array(items):
            return [_made(items, each, (*loc, at), findings) for at, each in enumerate(value)]
        case Map(values):
            pairs = enumerate(value.items())
            return {key: _made(values, each, (*loc, at), findings) for at, (key, each) in pairs}
        case Object(properties):
            types = {each.name: each.type for each in properties}
            return {
                name: _made(types[name], each, (*loc, name), findings)
                for name, each in value.items()
            }
    if not SCALARS[type_].in_objects:
        findings.add(loc, "must be null: MLflow takes no value of this type from JSON here", "type")
    return SCALARS[type_].param(value)


def _single(type_: str, value: Any, loc: Loc, findings: Findings) -> Any:
    if value is None:
        return None
    checker = EXACT_TYPES[type_]
    if checker.convert((value,)) is None:
        checker.examine(value, loc, findings)
        return None
    return SCALARS[type_].param(value)
