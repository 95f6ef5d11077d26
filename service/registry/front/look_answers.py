"""What a look's answers mean: the registry child's words as `service.following.ports` has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.following.ports import LookAnswer, Missing, Resolution, Unanswered
from service.hold_tag import Hold
from service.refs import ModelRef, VersionId
from service.registry.wire import SENTENCES, Fault


def resolved(refs: Sequence[ModelRef], answer: Mapping[str, Any]) -> LookAnswer:
    """Of `service.registry.child.looking.look`."""
    models = answer["models"]
    found = {ref: _resolution(ref, models[ref.name]) for ref in refs}
    return LookAnswer(found, holds=_holds(refs, models))


def surveyed(refs: Sequence[ModelRef], answer: Mapping[str, Any]) -> LookAnswer:
    """Of `service.registry.child.looking.survey`."""
    asked = resolved(refs, answer)
    found, holds = dict(asked.found), dict(asked.holds)
    for name, alias, created, version, held in answer["found"]:
        ref = ModelRef(name, alias)
        found[ref] = VersionId(name, created, version)
        if held is not None and (hold := Hold.of(held)) is not None:
            holds[ref] = hold
    unlisted = _unanswered(answer) if "fault" in answer else None
    return LookAnswer(found, answer["left_out"], unlisted, holds)


def _resolution(ref: ModelRef, model: Mapping[str, Any] | None) -> Resolution:
    if model is None:
        return Missing.MODEL
    if "fault" in model:
        return _unanswered(model)
    version = model["aliases"].get(ref.alias)
    return Missing.ALIAS if version is None else VersionId(ref.name, model["created"], version)


def _holds(
    refs: Sequence[ModelRef], models: Mapping[str, Mapping[str, Any] | None]
) -> Mapping[ModelRef, Hold]:
    said = {ref: (models[ref.name] or {}).get("holds", {}).get(ref.alias) for ref in refs}
    read = {ref: Hold.of(value) for ref, value in said.items() if value is not None}
    return {ref: hold for ref, hold in read.items() if hold is not None}


def _unanswered(answer: Mapping[str, Any]) -> Unanswered:
    fault = Fault(answer["fault"])
    return Unanswered(fault, SENTENCES[fault], answer["error"])
