"""The registry as the front sees it: every operation has a total deadline, and can be given up.

MLflow's client may block for minutes and cannot be interrupted; so it runs in children, and a child
that overruns its deadline, or works on something that nobody wants any more, is ended.
"""

import asyncio
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from service.errors import FollowingError, PassingFault, VersionFault
from service.following.ports import FetchedVersion, Missing, Resolution, Unanswered
from service.following.refs import ModelRef, VersionId
from service.processes.channel import ChannelClosed
from service.processes.child import Child, Forks
from service.processes.frames import Frame, Status
from service.processes.output import OnLine
from service.registry.artifacts import private_folder
from service.registry.wire import SENTENCES, VERSION_FAULTS, Fault, Operation

REGISTRY_ROLE: Final = "service.registry.child"
DATABASE_ROLE: Final = "service.registry.database_child"
# mlflow/store/db/db_types.py, DATABASE_ENGINES; a driver may follow (`postgresql+psycopg2`).
_DATABASES: Final = frozenset({"mssql", "mysql", "postgresql", "sqlite"})
_MAX_BODY_BYTES: Final = 16 * 1024**2
# Left to itself MLflow retries for 246 s; the deadlines here decide, not its retries.
_MLFLOW_PATIENCE: Final = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
}


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds after which an operation is given up, whatever MLflow's client thinks of it."""

    look: float = 10.0
    fetch: float = 600.0


def registry_role(environment: Mapping[str, str]) -> str:
    """The role of children that ask the registry which MLflow's variables name."""
    address = environment.get("MLFLOW_REGISTRY_URI") or environment.get("MLFLOW_TRACKING_URI", "")
    scheme = address.partition(":")[0]
    return DATABASE_ROLE if scheme.partition("+")[0] in _DATABASES else REGISTRY_ROLE


class MlflowRegistry:
    """`service.following.ports.Registry` over MLflow's own client.

    Args:
        forks: who makes processes.
        environment: MLflow's address and credentials, given to the children and nobody else.
        cache: the folder that artifacts are fetched into.
        on_line: told what the children print.
        deadlines: how long an operation may take.
    """

    def __init__(
        self,
        forks: Forks,
        environment: Mapping[str, str],
        cache: Path,
        on_line: OnLine,
        deadlines: Deadlines,
    ) -> None:
        self._forks = forks
        self._role = registry_role(environment)
        self._environment = {**environment, **_MLFLOW_PATIENCE}
        self._cache = cache
        self._on_line = on_line
        self._look_seconds = deadlines.look
        self._fetch_seconds = deadlines.fetch
        self._looking: Child | None = None

    async def prepare(self) -> None:
        """Starts the child that looks, unless it is there; raises `PassingFault`."""
        if self._looking is None or not self._looking.alive:
            self._looking = await self._child("look")

    async def resolve(self, refs: Sequence[ModelRef]) -> Mapping[ModelRef, Resolution]:
        """One look-up for each model; raises `PassingFault` within the deadline."""
        names = sorted({ref.name for ref in refs})
        frame = await self._look(Operation.RESOLVE, {"names": names})
        models = orjson.loads(frame.head)["models"]
        self._raise_if_all_failed(models.values())
        return {ref: _resolution(ref, models[ref.name]) for ref in refs}

    def _raise_if_all_failed(self, models: Collection[Mapping[str, Any] | None]) -> None:
        faults = [model for model in models if model is not None and "fault" in model]
        if faults and len(faults) == len(models):
            raise _error("look", Fault(faults[0]["fault"]), faults[0]["error"])

    async def tags(
        self, versions: Sequence[VersionId]
    ) -> Mapping[VersionId, Mapping[str, str] | None]:
        """Two look-ups for each version; raises `PassingFault` within the deadline of a look."""
        listed = [[each.name, each.created, each.version] for each in versions]
        frame = await self._look(Operation.TAGS, {"versions": listed})
        return dict(zip(versions, orjson.loads(frame.head)["tags"], strict=True))

    async def fetch(self, version: VersionId) -> FetchedVersion:
        """In a child of its own, so that looks go on; raises `VersionFault` or `PassingFault`.

        However it ends, nothing half-fetched is left.
        """
        private = private_folder(self._cache)
        wanted = {
            "name": version.name,
            "created": version.created,
            "version": version.version,
            "cache": str(self._cache),
            "private": str(private),
        }
        child = await self._child("fetch")
        try:
            frame = await _ask(
                child, "fetch", Operation.FETCH, orjson.dumps(wanted), self._fetch_seconds
            )
        finally:
            await asyncio.shield(_end_and_remove(child, private))
        return _fetched(version, orjson.loads(frame.head), bytes(frame.body))

    async def close(self) -> None:
        """Ends the child that looks."""
        if self._looking is not None:
            await self._looking.end()

    async def _look(self, operation: Operation, wanted: Mapping[str, Any]) -> Frame:
        await self.prepare()
        child = self._looking
        assert child is not None  # noqa: S101 - prepared
        try:
            return await _ask(child, "look", operation, orjson.dumps(wanted), self._look_seconds)
        except BaseException as error:
            if not isinstance(error, FollowingError) or not child.channel.idle:
                # It may still be busy with a question that nobody waits for.
                child.kill()
                self._looking = None
            raise

    async def _child(self, stage: str) -> Child:
        child = await self._forks.fork(self._role, _MAX_BODY_BYTES, self._on_line)
        head = orjson.dumps({"environment": self._environment})
        try:
            await _ask(child, stage, Operation.CONFIGURE, head, self._look_seconds)
        except BaseException:
            child.kill()
            raise
        return child


async def _end_and_remove(child: Child, private: Path) -> None:
    await child.end()
    await asyncio.to_thread(shutil.rmtree, private, ignore_errors=True)


async def _ask(
    child: Child, stage: str, operation: Operation, head: bytes, seconds: float
) -> Frame:
    try:
        async with asyncio.timeout(seconds):
            frame = await child.channel.request(operation, head)
    except TimeoutError:
        raise _error(stage, Fault.TIMED_OUT, f"after {seconds} s") from None
    except ChannelClosed:
        raise _error(stage, Fault.NO_PROCESS, "") from None
    if frame.status is not Status.DONE:
        failure = orjson.loads(frame.head)
        raise _error(stage, Fault(failure["fault"]), failure["error"])
    return frame


def _error(stage: str, fault: Fault, detail: str) -> FollowingError:
    error = VersionFault if fault in VERSION_FAULTS else PassingFault
    return error(stage, fault, SENTENCES[fault], detail)


def _resolution(ref: ModelRef, model: Mapping[str, Any] | None) -> Resolution:
    if model is None:
        return Missing.MODEL
    if "fault" in model:
        fault = Fault(model["fault"])
        return Unanswered(fault, SENTENCES[fault], model["error"])
    version = model["aliases"].get(ref.alias)
    return Missing.ALIAS if version is None else VersionId(ref.name, model["created"], version)


def _fetched(version: VersionId, answer: Mapping[str, Any], example: bytes) -> FetchedVersion:
    return FetchedVersion(
        version=version,
        source=answer["source"],
        path=Path(answer["path"]),
        signature=answer["signature"],
        flavors=tuple(answer["flavors"]),
        loader_module=answer["loader_module"],
        from_type_hint=answer["from_type_hint"],
        tags=answer["tags"],
        serving_example=example or None,
    )
