"""What each slot serves and has served, on disk: what a service starts from without a registry.

One file for each slot, `{"ref", "since", "version", "source", "tags", "place", "described",
"served", "blocked", "environment", "rollout", "verdict", "counted"}`, replaced whole. `described`
is what the artifact said of itself, for comparisons alone: what is served is read from the artifact
again, once that was verified. `blocked` are those of `served` that are, each with why;
`environment` is the key of what the version ran in, empty for Podium's own, as all did before there
were others. `rollout` is what tags of the model have said of the slot, by their kind; `verdict` is
of the version that its alias was on, where that gave way; null where none did. `counted` is how
many requests the version had answered last, and how many of them failed, when another one began to
bake.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

import orjson

from service.background import Work
from service.errors import FollowingError
from service.following.bake import BakeVerdict
from service.following.history import ServedBefore
from service.following.ports import FetchedVersion, Lease, NoLease
from service.patterns import RefPattern
from service.processes.front.beside import Beside
from service.refs import ModelRef, VersionId
from service.registry.front.client import CachedVersion
from service.registry.front.kept_environments import KeptEnvironments
from service.registry.front.served_formats import MOST_RECORD_BYTES, record_of, served_in
from service.registry.store.artifacts import artifact_of, is_place
from service.registry.store.durable import write_whole
from service.registry.wire import Fault
from service.rollout.verdict import Sample
from service.rollout_tags import NO_TAGS, RolloutTags
from service.shadow_tag import aliases_named

_MAX_SERVED: Final = 200
_MAX_FILE_BYTES: Final = MOST_RECORD_BYTES
_LOST: Final = frozenset({Fault.ALTERED, Fault.NOT_IN_CACHE, Fault.ARTIFACT_UNREADABLE})
_SET_ASIDE: Final = ".unreadable"
# In the place of a place: there is none any more.
_WITHDRAWN: Final = "withdrawn"
_NOTHING: Final = Sample()


class HistoryObserver(Protocol):
    """Told of what could not be remembered; `detail` is free text, for logs alone."""

    def history_failed(self, ref: ModelRef, code: str, message: str, detail: str) -> None:
        """What the slot has served is not known, or could not be kept."""


class CacheKeeper(Protocol):
    """Whoever has the cache: `service.registry.front.client.MlflowRegistry`."""

    async def find(self, lying: CachedVersion) -> FetchedVersion:
        """What still lies there, verified. Raises `VersionFault` or `PassingFault`."""

    def keep(self, place: str) -> Lease:
        """A lease on that place, without a look at what lies there; blocks as the disk does.

        Raises `FollowingError`.
        """


@dataclass(frozen=True, slots=True)
class _Record:
    """What is known of a slot; versions it has served, the latest last, and which are blocked."""

    since: float = 0.0
    fetched: FetchedVersion | None = None
    served: tuple[VersionId, ...] = ()
    blocked: Mapping[VersionId, str] = field(default_factory=dict)
    environment: str = ""
    verdict: BakeVerdict | None = None
    rollout: RolloutTags = NO_TAGS
    counted: Sample = _NOTHING

    def with_known(self, known: ServedBefore) -> "_Record":
        fetched = known.fetched
        served = (*(each for each in self.served if each != fetched.version), fetched.version)
        kept = replace(fetched, serving_example=None, lease=NoLease())
        same = self.fetched is not None and self.fetched.version == fetched.version
        return replace(
            self,
            since=known.since,
            fetched=kept,
            served=served[-_MAX_SERVED:],
            environment=known.environment,
            counted=self.counted if same else _NOTHING,
        )

    @property
    def is_withdrawn(self) -> bool:
        return self.fetched is not None and self.fetched.path.parent.name == _WITHDRAWN

    def withdrawn(self) -> "_Record":
        assert self.fetched is not None  # noqa: S101 - asked only of what has been served
        path = artifact_of(Path(_WITHDRAWN))
        return replace(self, fetched=replace(self.fetched, path=path, source="", tags={}))

    @property
    def lying(self) -> CachedVersion | None:
        fetched = self.fetched
        if fetched is None or self.is_withdrawn:
            return None
        # The artifact's own folder lies in its place.
        return CachedVersion(
            fetched.version, fetched.source, fetched.tags, fetched.path.parent.name
        )


@dataclass(eq=False, repr=False)
class DiskHistory:
    """`service.following.history.History` in a folder of one service's own.

    Attributes:
        _folder: made when there is something to keep.
        _keeper: has the cache; what a slot served last is kept there while this is open, so
            that no eviction at the service's own end takes it from the next start.
        _observer: told of what fails.
        _environments: what versions ran in, which is kept for as long.
    """

    _folder: Path
    _keeper: CacheKeeper
    _observer: HistoryObserver
    _environments: KeptEnvironments = field(default_factory=KeptEnvironments)
    _leases: dict[ModelRef, Lease] = field(default_factory=dict, init=False)
    _lost: set[ModelRef] = field(default_factory=set, init=False)
    _records: dict[ModelRef, _Record] = field(default_factory=dict, init=False)
    _unwritten: dict[ModelRef, _Record] = field(default_factory=dict, init=False)
    _beside: Beside = field(default_factory=partial(Beside, Work.HISTORY), init=False)
    _is_whole: bool = field(default=False, init=False)

    def open(
        self, refs: Sequence[ModelRef], patterns: Sequence[RefPattern] = (), room: int = 0
    ) -> Sequence[ModelRef]:
        """Keeps what these slots served last from eviction, before anything else is fetched.

        And knows from then on what they have served; and so of what the patterns mean, at most
        `room` references beside `refs`, which are returned: the last ones that were served; and of
        arms of all these. Blocks for as long as the disk does.
        """
        # Before what patterns mean, of which nothing is read any more once that is known.
        records = {ref: self._record(ref) for ref in refs}
        found = self._meant(refs, patterns)[:room] if patterns else []
        records |= {each: self._record(each) for each in found}
        for ref, record in {**records, **self._arms(records)}.items():
            lying = record.lying
            if lying is not None and is_place(lying.place):
                self._keep(ref, lying.place)
                self._keep_environment(ref, record.environment)
        return found

    def _arms(self, records: Mapping[ModelRef, _Record]) -> Mapping[ModelRef, _Record]:
        """What tags have named for these, which serves with them from the start."""
        arms = {
            ModelRef(ref.name, alias)
            for ref, record in records.items()
            for alias in aliases_named(record.rollout, ref.alias)
        }
        for arm in arms - self._records.keys():  # patterns may mean no such alias
            self._records[arm] = self._read(arm)
        return {arm: self._records[arm] for arm in arms - records.keys()}

    def _meant(
        self, refs: Sequence[ModelRef], patterns: Sequence[RefPattern]
    ) -> Sequence[ModelRef]:
        """What is on disk beside `refs` and the patterns mean, the newest first."""
        for ref in served_in(self._folder):
            if ref not in refs and any(each.matches(ref.name, ref.alias) for each in patterns):
                self._record(ref)
        # Patterns find nothing else of which there is a file: none is read on the loop.
        self._is_whole = True
        known = self._records.items()
        served = [(each.since, ref) for ref, each in known if each.fetched and ref not in refs]
        return [ref for _, ref in sorted(served, key=lambda each: (-each[0], str(each[1])))]

    async def last_known_good(self, ref: ModelRef) -> ServedBefore | None:
        """Verified in a process of its own; what was altered or gone is not looked at again."""
        record = self._record(ref)
        lying = record.lying
        if lying is None or ref in self._lost:
            return None
        try:
            found = await self._keeper.find(lying)
            return ServedBefore(found, record.since, record.environment)
        except FollowingError as error:
            if error.reason in _LOST:
                self._lost.add(ref)
            self._observer.history_failed(ref, error.reason, error.message, error.detail)
            return None

    def baseline(self, ref: ModelRef) -> FetchedVersion | None:
        """As it was noted, or as the file has it."""
        return self._record(ref).fetched

    def ran_in(self, version: VersionId) -> str | None:
        """In which environment a slot served the version last: its key, empty for Podium's own."""
        for each in self._records.values():
            if each.fetched is not None and each.fetched.version == version:
                return each.environment
        return None

    def has_served(self, ref: ModelRef, version: VersionId) -> bool:
        """The latest 200 versions are remembered."""
        return version in self._record(ref).served

    def versions(self, ref: ModelRef) -> Sequence[VersionId]:
        """The latest 200 versions."""
        return self._record(ref).served

    def blocked(self, ref: ModelRef) -> Mapping[VersionId, str]:
        """As it was noted, or as the file has it."""
        return self._record(ref).blocked

    def block(self, ref: ModelRef, marked: Mapping[VersionId, str]) -> None:
        """Remembered at once, and written beside the loop; nothing of a slot that never served."""
        record = self._record(ref)
        if record.fetched is not None:
            self._remember(ref, replace(record, blocked=dict(marked)))

    def rollout(self, ref: ModelRef) -> RolloutTags:
        """As they were noted, or as the file has them."""
        return self._record(ref).rollout

    def note_rollout(self, ref: ModelRef, tags: RolloutTags) -> None:
        """Remembered at once, and written beside the loop, of a slot that has served."""
        record = replace(self._record(ref), rollout=tags)
        if record.fetched is None:
            self._records[ref] = record
        else:
            self._remember(ref, record)

    def forget(self, ref: ModelRef) -> None:
        """Its files may be evicted; what it has served is known still, should it come back."""
        lease = self._leases.pop(ref, None)
        if lease is not None:
            lease.release()
        self._beside.submit(partial(self._keep_environment, ref, ""))

    def note(self, ref: ModelRef, known: ServedBefore) -> None:
        """Remembered at once, and written beside the loop: a disk that hangs holds up nobody."""
        self._lost.discard(ref)
        before = self._leases.pop(ref, None)
        self._leases[ref] = known.fetched.lease.share()
        if before is not None:
            before.release()
        self._remember(ref, self._record(ref).with_known(known))
        self._beside.submit(partial(self._keep_environment, ref, known.environment))

    def verdict(self, ref: ModelRef) -> BakeVerdict | None:
        """As it was noted, or as the file has it."""
        return self._record(ref).verdict

    def judge(self, ref: ModelRef, verdict: BakeVerdict | None) -> None:
        """Remembered at once, and written beside the loop; nothing of a slot that never served."""
        record = self._record(ref)
        if record.fetched is not None and record.verdict != verdict:
            self._remember(ref, replace(record, verdict=verdict))

    def counted(self, ref: ModelRef) -> Sample:
        """As it was noted, or as the file has it."""
        return self._record(ref).counted

    def count(self, ref: ModelRef, sample: Sample) -> None:
        """Remembered at once, and written beside the loop; nothing of a slot that never served."""
        record = self._record(ref)
        if record.fetched is not None and record.counted != sample:
            self._remember(ref, replace(record, counted=sample))

    def withdraw(self, ref: ModelRef) -> None:
        """Its contract alone is kept, for comparisons; the lease on its files is given back."""
        record = self._record(ref)
        if record.fetched is None or record.is_withdrawn:
            return
        lease = self._leases.pop(ref, None)
        if lease is not None:
            lease.release()
        self._remember(ref, record.withdrawn())
        self._beside.submit(partial(self._keep_environment, ref, ""))

    def _remember(self, ref: ModelRef, record: _Record) -> None:
        self._records[ref] = self._unwritten[ref] = record
        self._beside.submit(partial(self._write_newest, ref))

    def close(self, seconds: float = 5.0) -> None:
        """Returns when all is written, or after so many seconds. Blocks meanwhile."""
        if self._beside.finish(seconds):
            self._environments.release()
        for lease in self._leases.values():
            lease.release()

    def _keep(self, ref: ModelRef, place: str) -> None:
        try:
            self._leases[ref] = self._keeper.keep(place)
        except FollowingError as error:
            self._observer.history_failed(ref, error.reason, error.message, error.detail)

    def _keep_environment(self, ref: ModelRef, key: str) -> None:
        try:
            self._environments.keep(ref, key)
        except OSError as error:
            message = "The environment that the slot's version ran in may be removed."
            self._failed(ref, "environment_not_kept", message, error)

    def _record(self, ref: ModelRef) -> _Record:
        if ref not in self._records:
            self._records[ref] = _Record() if self._is_whole else self._read(ref)
        return self._records[ref]

    def _read(self, ref: ModelRef) -> _Record:
        path = record_of(self._folder, ref)
        try:
            with path.open("rb") as file:
                return _decoded(ref, file.read(_MAX_FILE_BYTES))
        except FileNotFoundError:
            return _Record()
        except OSError as error:
            self._failed(ref, "history_unreadable", "What the slot has served is unknown.", error)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            with contextlib.suppress(OSError):
                path.replace(path.with_name(path.name + _SET_ASIDE))
            message = "What the slot has served is unknown; the file that said it is set aside."
            self._failed(ref, "history_torn", message, error)
        return _Record()

    def _write_newest(self, ref: ModelRef) -> None:
        # Of several that a slow disk has kept waiting, the last one alone.
        record = self._unwritten.pop(ref, None)
        if record is not None:
            self._write(ref, record)

    def _write(self, ref: ModelRef, record: _Record) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(record_of(self._folder, ref), _encoded(ref, record))
        except (OSError, ValueError) as error:
            message = "What the slot serves could not be kept for the next start."
            self._failed(ref, "history_not_kept", message, error)

    def _failed(self, ref: ModelRef, code: str, message: str, error: Exception) -> None:
        self._observer.history_failed(ref, code, message, repr(error))


def _encoded(ref: ModelRef, record: _Record) -> bytes:
    fetched = record.fetched
    assert fetched is not None  # noqa: S101 - what is written was noted
    content = orjson.dumps(
        {
            "ref": str(ref),
            "since": record.since,
            "version": _plain(fetched.version),
            "source": fetched.source,
            "tags": dict(fetched.tags),
            "place": fetched.path.parent.name,
            "described": {
                "signature": fetched.signature,
                "flavors": fetched.flavors,
                "loader_module": fetched.loader_module,
                "from_type_hint": fetched.from_type_hint,
                "serialization_format": fetched.serialization_format,
            },
            "served": [_plain(version) for version in record.served],
            "blocked": [[*_plain(version), reason] for version, reason in record.blocked.items()],
            "environment": record.environment,
            "verdict": _plain_verdict(record.verdict),
            "rollout": dict(record.rollout.said),
            "counted": [record.counted.requests, record.counted.failures],
        }
    )
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError("longer than would be read again")
    return content


def ran_in_before(folder: Path) -> Mapping[VersionId, str]:
    """Of what each slot of that folder served last: in which environment, as `DiskHistory.ran_in`.

    Changes nothing; what cannot be read is left out. Blocks for as long as the disk does.
    """
    found: dict[VersionId, str] = {}
    for ref in served_in(folder):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            with record_of(folder, ref).open("rb") as file:
                record = _decoded(ref, file.read(_MAX_FILE_BYTES))
            if record.fetched is not None:
                found[record.fetched.version] = record.environment
    return found


def _decoded(ref: ModelRef, content: bytes) -> _Record:
    """Raises ValueError, KeyError, TypeError or AttributeError for what `_encoded` never writes."""
    stored = orjson.loads(content)
    if stored["ref"] != str(ref):
        raise ValueError("about another slot")
    described = stored["described"]
    fetched = FetchedVersion(
        version=_version(stored["version"]),
        source=_text(stored["source"]),
        path=artifact_of(Path(_text(stored["place"]))),
        signature=_signature(described["signature"]),
        flavors=tuple(map(_text, described["flavors"])),
        loader_module=_text(described["loader_module"]),
        from_type_hint=described["from_type_hint"] is True,
        tags={_text(key): _text(value) for key, value in stored["tags"].items()},
        serving_example=None,
        serialization_format=_text_or_none(described.get("serialization_format")),
    )
    served = tuple(_version(each) for each in stored["served"])
    # A record of a service that knew nothing of blocked versions has none.
    blocked = {_version(each[:3]): _text(each[3]) for each in stored.get("blocked", ())}
    environment, since = _text(stored.get("environment", "")), float(stored["since"])
    rollout = {_text(kind): _text(said) for kind, said in stored.get("rollout", {}).items()}
    return _Record(
        since,
        fetched,
        served[-_MAX_SERVED:],
        blocked,
        environment,
        verdict=_verdict(stored.get("verdict")),
        rollout=RolloutTags.of(rollout),
        counted=_sample(stored.get("counted", (0, 0))),
    )


def _signature(stored: Any) -> Mapping[str, str | None] | None:
    if stored is None:
        return None
    return {_text(part): _text_or_none(text) for part, text in stored.items()}


def _plain_verdict(verdict: BakeVerdict | None) -> list[Any] | None:
    if verdict is None:
        return None
    said = [verdict.code, verdict.message, verdict.at, verdict.proven]
    return [*_plain(verdict.version), *said]


def _verdict(stored: Any) -> BakeVerdict | None:
    if stored is None:
        return None
    code, message, at, proven = stored[3:]
    return BakeVerdict(_version(stored[:3]), _text(code), _text(message), float(at), _text(proven))


def _sample(stored: Any) -> Sample:
    requests, failures = stored
    if not (isinstance(requests, int) and isinstance(failures, int) and 0 <= failures <= requests):
        raise TypeError("no count")
    return Sample(requests, failures)


def _plain(version: VersionId) -> list[Any]:
    return [version.name, version.created, version.version]


def _version(stored: Any) -> VersionId:
    name, created, version = stored
    if not isinstance(created, int):
        raise TypeError("no creation timestamp")
    return VersionId(_text(name), created, _text(version))


def _text_or_none(stored: Any) -> str | None:
    return None if stored is None else _text(stored)


def _text(stored: Any) -> str:
    if not isinstance(stored, str):
        raise TypeError("no text")
    return stored
