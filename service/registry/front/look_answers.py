"""What a look's answers mean: the registry child's words as `service.following.ports` has them."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.following.ports import LookAnswer, Missing, Resolution, Unanswered
from service.hold_tag import Hold
from service.refs import ModelRef, VersionId
from service.registry.wire import SENTENCES, Fault
from service.rollout_tags import NO_TAGS, RolloutTags

_Model = Mapping[str, Any] | None


def resolved(refs: Sequence[ModelRef], answer: Mapping[str, Any]) -> LookAnswer:
    """Of `service.registry.child.looking.look`."""
    models = answer["models"]
    return _told({ref: models[ref.name] for ref in refs})


def surveyed(refs: Sequence[ModelRef], answer: Mapping[str, Any]) -> LookAnswer:
    """Of `service.registry.child.looking.survey`."""
    models = answer["models"]
    new = {ModelRef(name, alias): known for name, alias, known in answer["found"]}
    unlisted = _unanswered(answer) if "fault" in answer else None
    return _told({ref: models[ref.name] for ref in refs} | new, answer["left_out"], unlisted)


def _told(
    models: Mapping[ModelRef, _Model], left_out: int = 0, unlisted: Unanswered | None = None
) -> LookAnswer:
    """Of each reference, by what is known of its model."""
    return LookAnswer(
        {ref: _resolution(ref, model) for ref, model in models.items()},
        left_out,
        unlisted,
        _holds(models),
        {ref: _tags(ref, model) for ref, model in models.items() if "fault" not in (model or ())},
        {
            ref.name: model["unknown"]
            for ref, model in models.items()
            if model and "unknown" in model
        },
    )


def _resolution(ref: ModelRef, model: _Model) -> Resolution:
    if model is None:
        return Missing.MODEL
    if "fault" in model:
        return _unanswered(model)
    version = model["aliases"].get(ref.alias)
    return Missing.ALIAS if version is None else VersionId(ref.name, model["created"], version)


def _holds(models: Mapping[ModelRef, _Model]) -> Mapping[ModelRef, Hold]:
    said = {ref: (model or {}).get("holds", {}).get(ref.alias) for ref, model in models.items()}
    read = {ref: Hold.of(value) for ref, value in said.items() if value is not None}
    return {ref: hold for ref, hold in read.items() if hold is not None}


def _tags(ref: ModelRef, model: _Model) -> RolloutTags:
    said = (model or {}).get("rollout", {}).get(ref.alias)
    return NO_TAGS if said is None else RolloutTags.of(said)


def _unanswered(answer: Mapping[str, Any]) -> Unanswered:
    fault = Fault(answer["fault"])
    return Unanswered(fault, SENTENCES[fault], answer["error"])
