"""Questions to registry children: answered, refused with a code, or given up at their deadline.

And what their answers mean, as `service.following.ports` has it.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from service.environments.logged import LoggedEnvironment
from service.errors import FollowingError, PassingFault, VersionFault
from service.following.ports import FetchedVersion, LookAnswer, Missing, Resolution, Unanswered
from service.hold_tag import Hold
from service.processes.frames import Frame, Status
from service.processes.front.channel import ChannelClosed
from service.processes.front.child import Child
from service.refs import ModelRef, VersionId
from service.registry.front.leases import CacheLease
from service.registry.store.artifacts import artifact_of, verify_at
from service.registry.store.locks import Locked
from service.registry.store.manifest import Altered
from service.registry.wire import SENTENCES, VERSION_FAULTS, Fault, RegistryOperation


class KeptChild:
    """A child that is kept from question to question.

    `make` makes it, and another when it is gone; it is told for which stage. Questions take turns.
    Each is given up after so many `seconds`, which costs the child. `starts` counts how many have
    been begun with.
    """

    def __init__(self, make: Callable[[str], Awaitable[Child]], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._turn = asyncio.Lock()
        self._child: Child | None = None
        self.starts = 0

    async def prepare(self) -> None:
        """Starts it, unless it is there; raises `PassingFault`."""
        async with self._turn:
            await self._prepared("look")

    async def ask(self, stage: str, operation: RegistryOperation, wanted: dict[str, Any]) -> Frame:
        """The answer; raises as `ask` does."""
        async with self._turn:
            child = await self._prepared(stage)
            try:
                return await ask(child, stage, operation, wanted, self._seconds)
            except BaseException as error:
                if not isinstance(error, FollowingError) or not child.channel.idle:
                    # It may still be busy with a question that nobody waits for.
                    child.kill()
                    self._child = None
                raise

    async def ask_within(
        self, stage: str, operation: RegistryOperation, wanted: dict[str, Any]
    ) -> Frame:
        """The same, for whom the wait for its turn and for another child counts too."""
        try:
            async with asyncio.timeout(self._seconds):
                return await self.ask(stage, operation, wanted)
        except TimeoutError:
            raise fault_error(stage, Fault.TIMED_OUT, f"after {self._seconds} s") from None

    async def end(self) -> None:
        """Ends it, busy or not; returns when it has gone."""
        if self._child is not None:
            await self._child.end()

    async def _prepared(self, stage: str) -> Child:
        if self._child is None or not self._child.alive:
            self.starts += 1
            self._child = await self._make(stage)
        return self._child


async def ask(
    child: Child, stage: str, operation: RegistryOperation, wanted: dict[str, Any], seconds: float
) -> Frame:
    """The answer. Raises `VersionFault` or `PassingFault`, the latter after so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            frame = await child.channel.request(operation, orjson.dumps(wanted))
    except TimeoutError:
        raise fault_error(stage, Fault.TIMED_OUT, f"after {seconds} s") from None
    except ChannelClosed:
        raise fault_error(stage, Fault.NO_PROCESS, "") from None
    if frame.status is not Status.DONE:
        failure = orjson.loads(frame.head)
        raise fault_error(stage, Fault(failure["fault"]), failure["error"])
    return frame


def fault_error(stage: str, fault: Fault, detail: str) -> FollowingError:
    """The error that following knows for that fault."""
    error = VersionFault if fault in VERSION_FAULTS else PassingFault
    return error(stage, fault, SENTENCES[fault], detail)


@contextlib.contextmanager
def disk_faults(stage: str) -> Iterator[None]:
    """Within it what the disk refuses, or a lock, is a `PassingFault`."""
    try:
        yield
    except (OSError, Locked) as error:
        raise fault_error(stage, Fault.DISK, repr(error)) from error


def raise_if_all_failed(models: Collection[Mapping[str, Any] | None]) -> None:
    """Raises the first fault where each of them has one."""
    faults = [model for model in models if model is not None and "fault" in model]
    if faults and len(faults) == len(models):
        raise fault_error("look", Fault(faults[0]["fault"]), faults[0]["error"])


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


def fetched_version(
    version: VersionId, answer: Mapping[str, Any], cache: Path, example: bytes, lease: CacheLease
) -> FetchedVersion:
    """Of what a child has fetched or found in that cache, by its answer."""
    asked = answer["conda_requirements"]
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
        conda_requirements=None if asked is None else tuple(asked),
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
