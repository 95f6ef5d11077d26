"""One look at the registry: where the aliases of each followed model point."""

import contextlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities.model_registry import RegisteredModel
from mlflow.store.entities import PagedList

from service.hold_tag import holds_in
from service.patterns import RefPattern, matched
from service.refs import ModelRef
from service.registry.child.faults import NOT_FOUND, RegistryFault, asked
from service.registry.wire import LONGEST_PAGE, Fault
from service.rollout_tags import RolloutTags, rollouts_in, unknown_in
from service.shadow_tag import aliases_named
from service.split_tag import version_number

# A name that MLflow does not admit (utils/validation.py, _validate_model_name) is no model's name.
_NO_MODEL: Final = NOT_FOUND | {"INVALID_PARAMETER_VALUE"}
# Whoever asks about the next model is told the same.
_OF_ALL_MODELS: Final = frozenset(
    {
        *(Fault.UNREACHABLE, Fault.TIMED_OUT, Fault.UNAUTHENTICATED, Fault.HOST_REFUSED),
        *(Fault.ADDRESS, Fault.UNKNOWN_HOST, Fault.NO_TLS, Fault.UNTRUSTED, Fault.PROXY),
        *(Fault.CERTIFICATE_FILE, Fault.CLIENT_SETTING, Fault.DRIVER_MISSING, Fault.SCHEMA),
        Fault.DATABASE,
    }
)
# It goes into headers, paths, labels and pages; MLflow counts from 1.
_VERSION: Final = re.compile(r"[0-9]{1,18}")
# A hundred thousand models: where there are more, something else is wrong.
_MOST_PAGES: Final = 100
# Half of what a look may take: what a listing shows must not be lost for what it does not.
_ASKING_SECONDS: Final = 5.0
_LONGEST_ERROR: Final = 2000
# Of a model: two arms and a shadow each for as many aliases as anybody steers.
_MOST_VERSIONS: Final = 30
_Answers = dict[str, dict[str, Any] | None]


def look(names: Sequence[str], most: int, have: Collection[ModelRef] = ()) -> dict[str, Any]:
    """What is known of each model: `created` and `aliases`; None if there is no such model.

    `holds` are the values of its tags that hold aliases, where it has any, `rollout` those that
    steer how they are rolled out, and `unknown` names of tags that mean nothing. `versions` says of
    the arms and shadows that are numbers whether there are such versions: of those that a service
    has, and those that tags of the aliases name that it has; nothing of one about which nobody
    answers. A model that gave no answer has `fault` and `error`. With `most` all
    models are searched for first, if there are no more; `complete` says whether there were not.
    Raises `RegistryFault` for what every model would fail with.
    """
    client = MlflowClient()
    found = _search(client, most) if most else None
    models: _Answers = dict(_followed(found or (), frozenset(names)))
    # Whatever the search has not shown, an account may not see, or another page would hold.
    models |= {name: _model_or_fault(client, name) for name in names if name not in models}
    _add_versions(client, models, have)
    return {"models": models, "complete": found is not None}


def _add_versions(client: MlflowClient, models: _Answers, have: Collection[ModelRef]) -> None:
    """Raises `RegistryFault` for what every question would fail with."""
    for name, known in models.items():
        if known is None or "fault" in known:
            continue
        aliases = [ref.alias for ref in have if ref.name == name]
        numbers = sorted(set(_numbers(known, aliases)), key=int)[:_MOST_VERSIONS]
        there = {number: _is_there(client, name, number) for number in numbers}
        if there:
            known["versions"] = {each: is_ for each, is_ in there.items() if is_ is not None}


def _numbers(known: Mapping[str, Any], aliases: Sequence[str]) -> Iterator[str]:
    # Each costs a request at every look: what nobody follows, or is no arm of a split, costs none.
    said = known.get("rollout", {})
    tags = ((alias, RolloutTags.of(said[alias])) for alias in aliases if alias in said)
    named = (each for alias, of in tags for each in aliases_named(of, alias))
    numbers = map(version_number, (*aliases, *named))
    return (str(int(number)) for number in numbers if number is not None)


def _is_there(client: MlflowClient, name: str, number: str) -> bool | None:
    """None where nobody says."""
    try:
        found = asked(lambda: client.get_model_version(name, number), _NO_MODEL)
    except RegistryFault as failure:
        if failure.fault in _OF_ALL_MODELS:
            raise
        return None
    return found is not None


def _search(client: MlflowClient, most: int) -> Sequence[RegisteredModel] | None:
    # Without a filter: names may hold quotes and wildcards.
    try:
        page = asked(lambda: client.search_registered_models(max_results=most))
    except RegistryFault as failure:
        if failure.fault in _OF_ALL_MODELS:
            raise
        return None
    return None if page is None or page.token else page


def _followed(
    found: Iterable[RegisteredModel], names: frozenset[str]
) -> Iterable[tuple[str, dict[str, Any]]]:
    for model in found:
        if model.name in names:
            # Asked for once more by itself, it tells what is wrong, and keeps no other from that.
            with contextlib.suppress(RegistryFault):
                yield model.name, _known(model)


def _model_or_fault(client: MlflowClient, name: str) -> dict[str, Any] | None:
    # One model that may not be read must not keep the others from being followed.
    try:
        return _model(client, name)
    except RegistryFault as failure:
        if failure.fault in _OF_ALL_MODELS:
            raise
        return {"fault": failure.fault, "error": str(failure)[:_LONGEST_ERROR]}


def _model(client: MlflowClient, name: str) -> dict[str, Any] | None:
    model = asked(lambda: client.get_registered_model(name), _NO_MODEL)
    if model is None:
        return None
    if model.name != name:
        raise RegistryFault(Fault.NONSENSE, "an answer about another model")
    return _known(model)


def _known(model: RegisteredModel) -> dict[str, Any]:
    try:
        return _aliases_of(model)
    except Exception as error:
        raise RegistryFault(Fault.NONSENSE, f"no model: {type(error).__name__}") from error


def _aliases_of(model: RegisteredModel) -> dict[str, Any]:
    # Over a database versions are numbers, over HTTP texts.
    aliases = {alias.encode().decode(): str(version) for alias, version in model.aliases.items()}
    if not all(_VERSION.fullmatch(version) for version in aliases.values()):
        raise RegistryFault(
            Fault.NONSENSE, "an alias points at something that is not a version's number"
        )
    known = {"created": model.creation_timestamp, "aliases": aliases}
    tags = {_text(key): _text(value) for key, value in model.tags.items()}
    said = {"holds": holds_in(tags), "rollout": rollouts_in(tags), "unknown": unknown_in(tags)}
    return {**known, **{what: each for what, each in said.items() if each}}


def _text(said: object) -> str:
    # What cannot be written must not keep the alias from being followed.
    return str(said).encode(errors="replace").decode()


def survey(
    names: Sequence[str], patterns: Sequence[RefPattern], have: Collection[ModelRef], room: int
) -> dict[str, Any]:
    """What is known of each model, and what the patterns mean beside what a service has already.

    `models` as of `look`. `found` are models with the aliases that are new, at most `room` of them
    in order of name; `left_out` counts the others. Where models cannot be listed, `fault` and
    `error` say why; what has a name is asked for all the same. Raises `RegistryFault` for what
    every question would fail with.
    """
    client = MlflowClient()
    listing = _Listing(frozenset(names), patterns, frozenset(have))
    fault: dict[str, Any] = {}
    try:
        for model in _all(client):
            listing.add(model)
    except RegistryFault as failure:
        if failure.fault in _OF_ALL_MODELS:
            raise
        fault = {"fault": failure.fault, "error": str(failure)[:_LONGEST_ERROR]}
    until = monotonic() + _ASKING_SECONDS
    for name in names:
        if name not in listing.models:
            listing.models[name] = _asked_in_time(client, name, until)
    _add_versions(client, listing.models, have)
    return {"models": listing.models, **listing.within(room), **fault}


@dataclass(eq=False, repr=False)
class _Listing:
    """What is of interest among all models of a registry; what names nonsense is left out."""

    _names: frozenset[str]
    _patterns: Sequence[RefPattern]
    _have: frozenset[ModelRef]
    models: _Answers = field(default_factory=dict, init=False)
    _found: list[tuple[ModelRef, Any]] = field(default_factory=list, init=False)

    def add(self, model: RegisteredModel) -> None:
        """Keeps what is of interest."""
        # Asked for once more by itself, it tells what is wrong, and keeps no other from that.
        with contextlib.suppress(RegistryFault):
            name, known = model.name, _known(model)
            if name in self._names:
                self.models[name] = known
            for ref in matched(name, known["aliases"], self._patterns):
                if ref not in self._have:
                    self._found.append((ref, _of_alias(known, ref.alias)))

    def within(self, room: int) -> dict[str, Any]:
        """The first ones that are new, and how many others there are."""
        found = sorted(self._found, key=lambda each: (each[0].name, each[0].alias))
        kept = [[ref.name, ref.alias, known] for ref, known in found[:room]]
        return {"found": kept, "left_out": len(found) - len(kept)}


def _of_alias(known: Mapping[str, Any], alias: str) -> dict[str, Any]:
    """What is known of a model, as far as it concerns that alias."""
    of_each = ("aliases", "holds", "rollout")
    one = {what: {alias: known[what][alias]} for what in of_each if alias in known.get(what, ())}
    return {**known, "holds": {}, "rollout": {}, **one}


def _all(client: MlflowClient) -> Iterator[RegisteredModel]:
    token, seen = None, set[str]()
    for _ in range(_MOST_PAGES):
        page = asked(partial(_page, client, token))
        if page is None:
            raise RegistryFault(Fault.NONSENSE, "a search without an answer")
        yield from page
        token = page.token
        if not token:
            return
        if token in seen:
            raise RegistryFault(Fault.NONSENSE, "pages that go round in a circle")
        seen.add(token)


def _page(client: MlflowClient, token: str | None) -> PagedList[RegisteredModel]:
    return client.search_registered_models(max_results=LONGEST_PAGE, page_token=token)


def _asked_in_time(client: MlflowClient, name: str, until: float) -> dict[str, Any] | None:
    # Of many models that a listing does not show, some are asked for at the next look.
    if monotonic() >= until:
        return {"fault": Fault.TIMED_OUT, "error": "too many models are asked for one by one"}
    return _model_or_fault(client, name)
