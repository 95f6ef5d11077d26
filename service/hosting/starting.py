"""Starts hosts here and brings their version up: fork, load, warm up, all within one time limit."""

import asyncio
import contextlib
from dataclasses import dataclass

import orjson

from service.errors import FollowingError, PassingFault, VersionFault
from service.host.wire import HostOperation, encode_batch
from service.hosting.host_handle import Warmth
from service.hosting.local_host import LocalHost
from service.hosting.memory_watch import watch_memory
from service.hosting.observer import HostingObserver, Purpose
from service.hosting.specification import HostedModel, PoolLimits
from service.processes.exhausted import processes_exhausted
from service.processes.frames import Frame, OtherWire, Status
from service.processes.front.beside import Beside
from service.processes.front.channel import ChannelClosed
from service.processes.front.child import Child, Forks
from service.processes.front.ending import Ending, EndReason

_NOBODYS_FAULT = {EndReason.ZYGOTE, EndReason.UNKNOWN}
# More than that may have been ended by the version that was to be loaded.
_ZYGOTES_A_START = 3
# A batch whose replies together are larger than this many times the limit of one costs its host,
# and its requests are tried again alone.
_REPLIES_A_BATCH = 16
_LOGGED = "its own words are in the log"


class _LostWithZygote(PassingFault):
    """The zygote that has forked it has ended, and all of its children with it."""


@dataclass(frozen=True, slots=True)
class LocalHosts:
    """`HostStarter` of children that this machine's zygote forks; each is watched until its end."""

    _forks: Forks
    _model: HostedModel
    _limits: PoolLimits
    _observer: HostingObserver

    async def start(self, purpose: Purpose, *, behind: bool = False) -> tuple[LocalHost, Warmth]:
        """Forked, loaded and warmed up; anew, at once, where its zygote ends meanwhile."""
        for _ in range(_ZYGOTES_A_START - 1):
            with contextlib.suppress(_LostWithZygote):
                return await self._started(purpose, behind=behind)
        return await self._started(purpose, behind=behind)

    async def _started(self, purpose: Purpose, *, behind: bool) -> tuple[LocalHost, Warmth]:
        model, limits, observer = self._model, self._limits, self._observer
        most = limits.max_reply_bytes * _REPLIES_A_BATCH
        child = await self._forks.fork(model.role, most, observer.printed)
        purpose = Purpose.SHADOW if model.shadows else purpose
        child.exited.add_done_callback(lambda _: observer.host_ended(child.ending, purpose))
        watch_memory(child, limits.memory_bytes, observer.memory)
        try:
            async with asyncio.timeout(limits.load_seconds):
                known = await _load(child, model, limits, behind=behind)
                found = await _warm_up(child, model, known)
                await _end_start(child, model)
                return LocalHost(child, limits.predict_seconds), found
        except TimeoutError:
            await child.end(EndReason.TIME_LIMIT)
            raise VersionFault(
                "load",
                "load_timed_out",
                f"Loading and warming up took longer than {limits.load_seconds:g} s: see "
                "PODIUM_LOAD_TIMEOUT_SECONDS.",
            ) from None
        except ChannelClosed as closed:
            await _ended(child)
            if isinstance(closed.__cause__, OtherWire):
                raise _of_another_podium(closed.__cause__) from None
            raise _died(child.ending) from None
        except BaseException:
            await asyncio.shield(child.end())
            raise


async def _load(child: Child, model: HostedModel, limits: PoolLimits, *, behind: bool) -> Frame:
    wanted = {
        "path": str(model.path),
        "own_copy": model.own_copies,
        "max_reply_bytes": limits.max_reply_bytes,
        "joinable": model.joinable,
        "no_pickle": model.no_pickle,
        "memory_bytes": limits.memory_bytes,
        "behind": behind,
        "shadows": model.shadows,
        "variables": model.surroundings.variables,
        "config": model.surroundings.config,
        "traces": model.traces,
    }
    reply = await child.channel.request(HostOperation.LOAD, orjson.dumps(wanted))
    if reply.status is not Status.DONE:
        sentence = f"MLflow could not load the model; {_LOGGED}."
        raise _failed(reply, "load", "load_failed", sentence)
    return reply


async def _warm_up(child: Child, model: HostedModel, known: Frame) -> Warmth:
    if model.example is not None:
        known = await child.channel.request(HostOperation.WARM_UP, *encode_batch([model.example]))
        if known.status is not Status.DONE:
            sentence = f"The model raised on its own input example; {_LOGGED}."
            raise _failed(known, "warm_up", "warm_up_failed", sentence)
    found = orjson.loads(known.head)
    if model.joinable is False or (model.joinable and found["row_wise"]):
        return Warmth(model.joinable, model.joinable_reason)
    return Warmth(found["row_wise"], found["reason"])


async def _end_start(child: Child, model: HostedModel) -> None:
    """Raises `PassingFault` where the load has altered files that the next host needs (P11)."""
    reply = await child.channel.request(HostOperation.READY, b"")
    if not orjson.loads(reply.head)["touched"]:
        return
    try:
        await Beside("verify").run(model.verify)
    except VersionFault as altered:
        # Fetched anew it is known to do so, and every host gets a copy.
        raise PassingFault("load", altered.reason, str(altered), altered.detail) from altered


def _failed(reply: Frame, stage: str, reason: str, sentence: str) -> FollowingError:
    told = orjson.loads(reply.head)
    if told["processes_wanting"]:
        return processes_exhausted(stage, told["error"])
    return VersionFault(stage, reason, sentence, told["error"])


async def _ended(child: Child) -> None:
    try:
        await asyncio.shield(child.exited)
    except BaseException:
        await asyncio.shield(child.end())
        raise


def _of_another_podium(error: OtherWire) -> FollowingError:
    # Not the version's: the files that its process runs are replaced with the service.
    sentence = "The model's process is of another Podium than this service; it is tried again."
    return PassingFault("load", "host_of_other_wire", sentence, str(error))


def _died(ending: Ending) -> FollowingError:
    if ending.reason is EndReason.MEMORY:
        # Not passing, although it is want of memory: the limit is the service's own and stays, so
        # another try would take all that is allowed from the machine again, and end as this one.
        return VersionFault(
            "load",
            "memory_exceeded",
            "The version needs more memory than a host is allowed: see PODIUM_HOST_MEMORY_BYTES.",
        )
    if ending.reason in _NOBODYS_FAULT or ending.status == "SIGKILL":
        # Nobody here kills a host that loads; the kernel does, for want of memory.
        sentence = "The process was killed while it loaded; it is tried again. Has memory run out?"
        fault = _LostWithZygote if ending.reason is EndReason.ZYGOTE else PassingFault
        return fault("load", "host_killed", sentence)
    return VersionFault(
        "load",
        "host_died",
        f"The process ended while it loaded or warmed up; {_LOGGED}.",
        f"{ending.reason}, status {ending.status}",
    )
