"""What a registry child's answers mean: its words as `service.following.ports` has them."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from service.environments.logged import LoggedEnvironment
from service.errors import VersionFault
from service.following.ports import FetchedVersion, LookAnswer, Missing, Resolution, Unanswered
from service.hold_tag import Hold
from service.refs import ModelRef, VersionId
from service.registry.front.asking import disk_faults, fault_error
from service.registry.front.leases import CacheLease
from service.registry.store.artifacts import artifact_of, verify_at
from service.registry.store.manifest import Altered
from service.registry.wire import SENTENCES, Fault
from service.rollout_tags import NO_TAGS, RolloutTags
from service.shadow_tag import aliases_named
from service.split_tag import version_number

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
    rollout = {ref: _tags(ref, model) for ref, model in models.items() if _is_answered(model)}
    named = {
        ModelRef(ref.name, alias): models[ref]
        for ref, tags in rollout.items()
        for alias in aliases_named(tags, ref.alias)
    }
    return LookAnswer(
        {ref: _resolution(ref, model) for ref, model in models.items()},
        left_out,
        unlisted,
        _holds({**models, **named}),
        rollout,
        {ref: _resolution(ref, model) for ref, model in named.items()},
        {
            ref.name: model["unknown"]
            for ref, model in models.items()
            if model and "unknown" in model
        },
    )


def _is_answered(model: _Model) -> bool:
    return model is None or "fault" not in model


def _resolution(ref: ModelRef, model: _Model) -> Resolution:
    if model is None:
        return Missing.MODEL
    if "fault" in model:
        return _unanswered(model)
    if (number := version_number(ref.alias)) is not None:
        return _version(ref, model, number)
    version = model["aliases"].get(ref.alias)
    return Missing.ALIAS if version is None else VersionId(ref.name, model["created"], version)


def _version(ref: ModelRef, model: Mapping[str, Any], number: str) -> Resolution:
    there = model.get("versions", {}).get(number)
    if there is None:
        return Unanswered(Fault.TIMED_OUT, SENTENCES[Fault.TIMED_OUT], "not asked about yet")
    return VersionId(ref.name, model["created"], number) if there else Missing.ALIAS


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


def raise_if_all_failed(models: Collection[Mapping[str, Any] | None]) -> None:
    """Raises the first fault where each of them has one."""
    faults = [model for model in models if model is not None and "fault" in model]
    if faults and len(faults) == len(models):
        raise fault_error("look", Fault(faults[0]["fault"]), faults[0]["error"])


def fetched_version(
    version: VersionId, answer: Mapping[str, Any], cache: Path, example: bytes, lease: CacheLease
) -> FetchedVersion:
    """Of what a child has fetched or found in that cache, by its answer."""
    return FetchedVersion(
        version=version,
        source=answer["source"],
        path=artifact_of(cache / answer["place"]),
        signature=answer["signature"],
        flavors=tuple(answer["flavors"]),
        loader_module=answer["loader_module"],
        from_type_hint=answer["from_type_hint"],
        tags=answer["tags"],
        serving_example=example or None,
        example_trouble=answer["example_trouble"],
        logged=LoggedEnvironment.of(answer["logged"]),
        serialization_format=answer["serialization_format"],
        own_copies=answer["own_copies"],
        digest=answer["digest"],
        verify=partial(_verify, cache / answer["place"]),
        lease=lease,
    )


def _verify(place: Path) -> None:
    try:
        with disk_faults("load"):
            verify_at(place, in_use=True)
    except Altered as error:
        # Not passing: as it lies there it will never be loaded again.
        sentence = SENTENCES[Fault.ALTERED]
        raise VersionFault("load", Fault.ALTERED, sentence, str(error)) from error
