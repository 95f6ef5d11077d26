"""A version that was staged by the service's own code, with its answers and what it costs."""

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from service.config.settings import Settings
from service.contract.contract import Contract
from service.contract.formats.unsigned import UnsignedContract
from service.contract.model_input import ValidInput
from service.contract.tensors.tensor_message import BodyForm
from service.engine import Engine
from service.errors import VersionFault
from service.following.environments import RunsIn
from service.following.gates.gate import Candidacy, GateFinding
from service.following.journey import Journey
from service.following.ports import Clock, FetchedVersion, PredictorStatus
from service.following.readying import Readying, ReadyVersion
from service.processes.front.beside import Beside
from service.processes.front.scratch import Scratch
from service.refs import ModelRef, VersionId
from service.tombstones import WITHDRAWN_TAG, reason_of
from service.validation.trial.heard import Heard, WatchedHosts
from service.validation.trial.watched_files import WatchedFiles, watched

JSON: Final = "application/json"
# The first look at a host's memory is taken when it starts.
_FOLDER: Final = "validate"


def for_trial(settings: Settings, status: str) -> Settings:
    """The service's settings in force, for an engine that follows nothing.

    Versions stay loaded while they are judged, and traces of invented requests are dropped. What
    asks for the verdict itself, by the tag `status`, cannot be asked before there is one.
    """
    changed: Mapping[str, Any] = {
        "models": (),
        "service_name": _FOLDER,
        "poll_seconds": 3600.0,
        "resident": None,
        "model_tracking": False,
        "require_validation": "false",
        "require_tags": {key: is_ for key, is_ in settings.require_tags.items() if key != status},
    }
    return settings.model_copy(update=dict(changed))


@dataclass(frozen=True, slots=True)
class VersionOnTrial:
    """A version whose hosts run.

    Attributes:
        fetched: as the service would have it.
        contract: its signature, compiled.
        seconds: what each stage took.
        findings: what gates have seen and let pass.
        hosts: its processes.
        files: what they are loaded from.
        runs_in: the environment that they run in.
    """

    fetched: FetchedVersion
    contract: Contract | UnsignedContract
    seconds: Mapping[str, float]
    findings: Sequence[GateFinding]
    hosts: WatchedHosts
    files: WatchedFiles
    runs_in: RunsIn
    _ready: ReadyVersion
    _folder: Path

    @property
    def number(self) -> str:
        """As MLflow counts it."""
        return self.fetched.version.version

    @property
    def deaths(self) -> int:
        """How many of its hosts have ended unasked, by its own fault as far as anybody can tell."""
        return self.hosts.deaths

    @property
    def status(self) -> PredictorStatus:
        """Of its hosts."""
        return self._ready.staged.predictor.status

    @property
    def example(self) -> bytes:
        """A request in JSON: its own, else one made of its signature; empty where there is none."""
        if self.fetched.serving_example is not None:
            return self.fetched.serving_example
        made = self.contract.request_example
        return b"" if made is None else orjson.dumps(made)

    async def read(self, body: bytes, media_type: BodyForm = JSON) -> ValidInput:
        """The request as the contract has it; raises `ClientError` or `NotNow`."""
        return await self._ready.staged.reader.read(body, media_type)

    async def answer(self, body: bytes, media_type: BodyForm = JSON) -> bytes:
        """The predictions in JSON, as a client would get them; raises `ServiceError`.

        Named outputs as `service.host.output_tensors` has them, where tensors are sent.
        """
        found = await self._ready.staged.predictor.predict(await self.read(body, media_type))
        return bytes(found)

    async def held_bytes(self) -> int:
        """What a host holds now, the largest of several."""
        return await asyncio.to_thread(self.hosts.held_bytes)

    async def written(self) -> str:
        """What its hosts have written to its files, as half a sentence; empty: nothing."""
        return await Beside("verify").run(self.files.written)

    async def close(self) -> None:
        """Ends its processes and removes what was copied."""
        try:
            await self._ready.close()
        finally:
            await Beside("closing").run(shutil.rmtree, self._folder, True)


class Staging:
    """Stages versions by an engine that follows nothing: the service's own way, without a slot."""

    def __init__(self, engine: Engine, heard: Heard, scratch: Scratch) -> None:
        self._heard = heard
        self._scratch = scratch
        self._gates = engine.gates
        self._readying = Readying(
            engine.registry, engine.stager, engine.gates, Clock(), engine.environments
        )
        self._beside = Beside("copy")

    async def stage(
        self,
        version: VersionId,
        ref: ModelRef | None = None,
        serving: FetchedVersion | None = None,
        *,
        may_write: bool = False,
    ) -> VersionOnTrial:
        """Fetched, past its gates, loaded, warmed up; also past those of a slot that serves that.

        Whether it writes to its files is seen, unless it `may_write`. Raises `FollowingError`;
        nothing runs then.
        """
        journey, folder = Journey(), await self._beside.run(self._scratch.folder)
        files: WatchedFiles | None = None

        async def asked_for(fetched: FetchedVersion) -> FetchedVersion:
            nonlocal files
            _refuse_withdrawn(fetched)
            if ref is not None and serving is not None:
                await self._compare(Candidacy(ref, fetched, serving), journey)
            files = await self._beside.run(partial(watched, may_write=may_write), fetched, folder)
            return files.loaded

        try:
            ready = await self._readying.ready(version, journey, asked_for)
        except BaseException:
            await self._beside.run(shutil.rmtree, folder, True)
            raise
        if ready is None or files is None:
            raise RuntimeError("a version on trial is always asked for")
        contract = ready.staged.contract
        if not isinstance(contract, Contract | UnsignedContract):
            raise TypeError(f"not a contract that is known: {type(contract).__name__}")
        return VersionOnTrial(
            ready.fetched,
            contract,
            dict(journey.seconds),
            journey.findings,
            self._heard.hosts,
            files,
            ready.runs_in,
            ready,
            folder,
        )

    async def _compare(self, candidacy: Candidacy, journey: Journey) -> None:
        if not self._gates.are_prepared(candidacy):
            await self._gates.prepare(candidacy)
        journey.saw(self._gates.check_slot(candidacy))


def _refuse_withdrawn(fetched: FetchedVersion) -> None:
    reason = reason_of(fetched.tags.get(WITHDRAWN_TAG))
    if reason is not None:
        sentence = "The version is withdrawn."
        raise VersionFault(
            "gate", "withdrawn", f"{sentence[:-1]}: {reason}." if reason else sentence
        )
