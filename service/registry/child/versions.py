"""What the registry says of versions: whether they are there, their tags, and what those mark.

A tag says that a version is withdrawn, another that it is blocked. One search each tells for all
versions: MLflow's filters know no "or".
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any, Final

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion

from service.blocked_tag import BLOCKED_TAG, blocked_by
from service.registry.child.faults import RegistryFault, asked
from service.registry.wire import LONGEST_PAGE, Fault
from service.tombstones import WITHDRAWN_TAG, reason_of

# Any value: which of them are meant is not the registry's to say.
_FILTERS: Final = tuple(f"tags.`{tag}` LIKE '%'" for tag in (WITHDRAWN_TAG, BLOCKED_TAG))
_MOST_PAGES: Final = 10
# Whoever asks about a single version is told the same.
_OF_ALL: Final = frozenset(
    {Fault.UNREACHABLE, Fault.TIMED_OUT, Fault.UNAUTHENTICATED, Fault.HOST_REFUSED}
)
# Together half of what a look may take: what is known by then must not be lost for the rest.
_MET_SECONDS: Final = 4.0
_MARKED_SECONDS: Final = 1.0
# A tag may hold a hundred thousand; a tombstone's file does not.
_LONGEST_REASON: Final = 500


def still_there(client: MlflowClient, name: str, version: str, created: int) -> ModelVersion:
    """The version of the model that was made then. Raises `RegistryFault`."""
    model = asked(lambda: client.get_registered_model(name))
    found = asked(lambda: client.get_model_version(name, version))
    if model is None or found is None or model.creation_timestamp != created:
        raise RegistryFault(Fault.VERSION_GONE)
    return _registered(found)


def _registered(found: ModelVersion) -> ModelVersion:
    if found.status == "FAILED_REGISTRATION":
        raise RegistryFault(Fault.REGISTRATION_FAILED)
    if found.status != "READY":
        raise RegistryFault(Fault.NOT_READY)
    return found


def tags_of(version: ModelVersion) -> dict[str, str]:
    """As texts, whatever the store made of them."""
    return {str(key): str(value) for key, value in version.tags.items()}


def again(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The tags that the version has now. Raises `RegistryFault`.

    One question instead of two: `made` is the version's own creation timestamp, by which a version
    of a model made anew is told from one of the same name and number before it.
    """
    found = asked(lambda: MlflowClient().get_model_version(wanted["name"], wanted["version"]))
    if found is None or found.creation_timestamp != wanted["made"]:
        raise RegistryFault(Fault.VERSION_GONE)
    return {"tags": tags_of(_registered(found))}, b""


def exists(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Whether there is a version of that number, whatever has become of it.

    Raises `RegistryFault`.
    """
    found = asked(lambda: MlflowClient().get_model_version(wanted["name"], wanted["version"]))
    return {"exists": found is not None}, b""


def identify(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """When the model was made that has a version of that number; None where there is none.

    Raises `RegistryFault`.
    """
    client, name = MlflowClient(), wanted["name"]
    found = asked(lambda: client.get_model_version(name, wanted["version"]))
    model = None if found is None else asked(lambda: client.get_registered_model(name))
    if model is None:
        return {"created": None}, b""
    if model.name != name:
        raise RegistryFault(Fault.NONSENSE, "an answer about another model")
    return {"created": model.creation_timestamp}, b""


def tags(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """The tags of each version now, None for one that nobody answers about.

    Raises `RegistryFault` where the registry cannot be reached.
    """
    client = MlflowClient()
    return {"tags": [tags_or_none(client, *version) for version in wanted["versions"]]}, b""


def tags_or_none(
    client: MlflowClient, name: str, created: int, version: str
) -> dict[str, str] | None:
    """Its tags; None for one that is gone, or that nobody answers about.

    Raises `RegistryFault` where the registry cannot be reached.
    """
    try:
        return tags_of(still_there(client, name, version, created))
    except RegistryFault as failure:
        if failure.fault is Fault.UNREACHABLE:
            raise
        return None


def marks(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """`withdrawn`, `blocked`: `[name, created, version, reason]` each; `free`: neither withdrawn.

    Of models named in `names`. Where the registry searches by tags all are found; else, and where
    `search` is false, those among `met`. Of `marked` ones is asked in any case, unless found. One
    that is not there any more is none of these. `unasked` are those for which there was no time.
    `complete` says whether the searches have shown all. Raises `RegistryFault`.
    """
    client, until = MlflowClient(), monotonic() + _MET_SECONDS
    found = _found(client, frozenset(wanted["names"]), until) if wanted["search"] else None
    telling = _Telling(client)
    for name, created, version, tags_there in found or ():
        telling.tell([name, created, version], tags_there)
    if found is None:
        telling.ask(wanted["met"], until)
    telling.ask(wanted["marked"], max(until, monotonic()) + _MARKED_SECONDS)
    return {**telling.said, "complete": found is not None}, b""


class _Telling:
    """What is known of versions, those of a search and those that are asked about one by one."""

    def __init__(self, client: MlflowClient) -> None:
        self._client = client
        self._withdrawn: list[list[Any]] = []
        self._blocked: list[list[Any]] = []
        self._free: list[list[Any]] = []
        self._unasked: list[list[Any]] = []
        self._done = set[tuple[str, str]]()

    def tell(self, version: list[Any], tags_there: Mapping[str, str]) -> None:
        """What its tags say; `[name, created, number]`."""
        self._done.add((version[0], version[2]))
        withdrawn, blocked = reason_of(tags_there.get(WITHDRAWN_TAG)), blocked_by(tags_there)
        if withdrawn is None:
            self._free.append(version)
        else:
            self._withdrawn.append([*version, withdrawn[:_LONGEST_REASON]])
        if blocked is not None:
            self._blocked.append([*version, blocked[:_LONGEST_REASON]])

    def ask(self, versions: Iterable[list[Any]], until: float) -> None:
        """About each of these, unless it is known, for as long as there is time."""
        for name, created, version in versions:
            if (name, version) in self._done:
                continue
            self._done.add((name, version))
            if monotonic() >= until:
                self._unasked.append([name, created, version])
                continue
            tags = tags_or_none(self._client, name, created, version)
            if tags is not None:
                self.tell([name, created, version], tags)

    @property
    def said(self) -> dict[str, Any]:
        """By the names of an answer."""
        return {
            "withdrawn": self._withdrawn,
            "blocked": self._blocked,
            "free": self._free,
            "unasked": self._unasked,
        }


def _found(client: MlflowClient, names: Collection[str], until: float) -> list[list[Any]] | None:
    tagged: dict[tuple[str, str], ModelVersion] = {}
    for filter_string in _FILTERS:
        found = _search(client, filter_string, names, until)
        if found is None:
            return None
        tagged |= {(each.name, str(each.version)): each for each in found}
    return _identified(client, list(tagged.values()), until)


def _search(
    client: MlflowClient, filter_string: str, names: Collection[str], until: float
) -> Sequence[ModelVersion] | None:
    """The versions of these models that it finds; None where the registry does not show them all.

    Raises `RegistryFault`.
    """
    found: list[ModelVersion] = []
    token: str | None = None
    for _ in range(_MOST_PAGES):
        if monotonic() >= until:
            return None
        search = partial(
            client.search_model_versions, filter_string, LONGEST_PAGE, page_token=token
        )
        try:
            page = asked(search)
        except RegistryFault as failure:
            # Whatever else is wrong with the search may be wrong with it alone, as where a proxy
            # keeps its path closed; if it is not, asking about each version tells.
            if failure.fault is Fault.TIMED_OUT:
                raise
            return None
        if page is None:
            return None
        found += [each for each in page if each.name in names]
        token = page.token
        if not token:
            return found
    return None


def _identified(
    client: MlflowClient, found: Sequence[ModelVersion], until: float
) -> list[list[Any]] | None:
    """Each with its tags; None where there is no time to ask when their models were made."""
    said = [(each.name, str(each.version), tags_of(each)) for each in found]
    meant = [each for each in said if _is_marked(each[2])]
    created: dict[str, int | None] = {}
    for name in dict.fromkeys(name for name, _, _ in meant):
        if monotonic() >= until:
            return None
        created[name] = _created(client, name)
    return [
        [name, created[name], version, tags_there]
        for name, version, tags_there in meant
        if created[name] is not None
    ]


def _is_marked(tags_there: Mapping[str, str]) -> bool:
    said = reason_of(tags_there.get(WITHDRAWN_TAG)), blocked_by(tags_there)
    return said != (None, None)


def _created(client: MlflowClient, name: str) -> int | None:
    # One model that may not be read must not keep the others' versions from being withdrawn.
    try:
        model = asked(lambda: client.get_registered_model(name))
    except RegistryFault as failure:
        if failure.fault in _OF_ALL:
            raise
        return None
    return None if model is None else int(model.creation_timestamp)
