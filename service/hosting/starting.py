"""Hosts of this machine: forked children, each asked one batch at a time.

Starting one brings its version up: fork, load, warm up, all within one time limit.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from service.contract.findings import BODY, refuse
from service.contract.tensors.tensor_input import TensorInfo
from service.errors import (
    FollowingError,
    ModelFailed,
    ModelRaisedMlflow,
    PassingFault,
    PredictionFailed,
    PredictionTimedOut,
    ServiceError,
    VersionFault,
)
from service.host.wire import (
    HostOperation,
    MlflowError,
    NoReply,
    PredictFault,
    decode_replies,
    encode_batch,
)
from service.hosting.host_handle import SENTENCES, BatchEnd, NotSent, Warmth
from service.hosting.memory_watch import watch_memory
from service.hosting.observer import HostingObserver, Purpose
from service.hosting.queue import Job
from service.hosting.specification import HostedModel, PoolLimits
from service.processes.exhausted import processes_exhausted
from service.processes.frames import Body, Frame, OtherWire, Status
from service.processes.front.beside import Beside
from service.processes.front.channel import ChannelClosed
from service.processes.front.child import Child, Forks
from service.processes.front.ending import Ending, EndReason

# After the limit, for an answer that has come and was not read: the front may have stood still.
_LAST_LOOK_SECONDS: Final = 0.01
_NOBODYS_FAULT = {EndReason.ZYGOTE, EndReason.UNKNOWN}
# More than that may have been ended by the version that was to be loaded.
_ZYGOTES_A_START = 3
# A batch whose replies together are larger than this many times the limit of one costs its host,
# and its requests are tried again alone.
_REPLIES_A_BATCH = 16
# What a request has come to whatever its rows were.
_WITHOUT_ROWS: Final = (
    PredictFault.NOT_ENCODABLE,
    PredictFault.REPLY_TOO_LARGE,
    PredictFault.UNKNOWN_OUTPUT,
)
_LOGGED = "its own words are in the log"


class LocalHost:
    """`HostHandle` of a child of this machine's zygote."""

    def __init__(self, child: Child, predict_seconds: float) -> None:
        self.child = child
        self.batch: Sequence[Job] = ()
        self._predict_seconds = predict_seconds

    @property
    def pid(self) -> int:
        """The child's."""
        return self.child.pid

    @property
    def alive(self) -> bool:
        """Whether its end has not been seen yet."""
        return self.child.alive

    @property
    def held_bytes(self) -> int:
        """As its watch has seen it last."""
        return self.child.held_bytes

    @property
    def ending(self) -> Ending:
        """As the zygote tells it."""
        return self.child.ending

    @property
    def overran(self) -> bool:
        """Whether the front has ended it for taking long."""
        return self.ending.reason is EndReason.TIME_LIMIT

    @property
    def fault(self) -> PredictionFailed:
        """By the reason of its end."""
        match self.ending.reason:
            case EndReason.TIME_LIMIT:
                return PredictionTimedOut("The model took longer than is allowed.")
            case EndReason.MEMORY:
                return ModelFailed("The model's process needed more memory than is allowed.")
        return ModelFailed("The model's process ended during the prediction.")

    def when_ended(self, told: Callable[[], None]) -> None:
        """Calls it once its exit is known."""
        self.child.exited.add_done_callback(lambda _: told())

    async def end(self) -> None:
        """Kills it."""
        await self.child.end()

    def predict(self, batch: Sequence[Job], ended: Callable[[BatchEnd], None]) -> None:
        """As a frame and its reply."""
        answer = self._asked(batch)
        self.batch = batch
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._predict_seconds, self._last_look, answer)

        def settle(_: asyncio.Future[Frame]) -> None:
            timer.cancel()
            if answer.exception() is None:
                replies = _replies(answer.result(), len(batch))
                if replies is not None:
                    self.batch = ()
                    try:
                        ended(BatchEnd.ANSWERED if replies else BatchEnd.CANCELLED)
                    finally:
                        _give(batch, replies)
                    return
                self.child.kill(EndReason.FRAME_ERROR)
            # Its death may be known by the channel alone so far.
            self.child.exited.add_done_callback(lost)

        def lost(_: asyncio.Future[int | None]) -> None:
            self.batch = ()
            ended(BatchEnd.LOST)

        answer.add_done_callback(settle)

    def cancel_unwanted(self) -> None:
        """By a frame that a busy host reads only once it has come to it."""
        if self.batch and not any(job.wanted for job in self.batch):
            self.child.channel.cancel()

    def _last_look(self, answer: asyncio.Future[Frame]) -> None:
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_LAST_LOOK_SECONDS, self.child.kill, EndReason.TIME_LIMIT)
        answer.add_done_callback(lambda _: timer.cancel())

    def _asked(self, batch: Sequence[Job]) -> asyncio.Future[Frame]:
        inputs = [job.model_input for job in batch]
        try:
            return self.child.channel.request(HostOperation.PREDICT, *encode_batch(inputs))
        except Exception as error:
            raise NotSent(str(error)) from error


def _replies(frame: Frame, expected: int) -> list[Body | NoReply] | None:
    """None for what is not a reply; none at all of a batch that was not begun."""
    if frame.status is Status.CANCELLED:
        return []
    if frame.status is not Status.DONE:
        return None
    try:
        return decode_replies(frame, expected)
    except ValueError:
        return None


def _give(batch: Sequence[Job], replies: Sequence[Body | NoReply]) -> None:
    for job, reply in zip(batch, replies, strict=False):
        if isinstance(reply, Body):
            job.succeed(reply)
        else:
            job.fail(_error(reply, job.model_input.rows))


def _error(failure: NoReply, rows: int) -> ServiceError:
    if not rows and failure not in _WITHOUT_ROWS:
        # A signature cannot say that a model needs rows; most do.
        text = "must contain at least one row with a value in it"
        return refuse(BODY, text, "missing")
    if isinstance(failure, MlflowError):
        return ModelRaisedMlflow(SENTENCES[PredictFault.MODEL_RAISED], failure.code)
    if failure is PredictFault.INPUT_REFUSED:
        return refuse(BODY, SENTENCES[failure], "refused")
    if failure is PredictFault.UNKNOWN_OUTPUT:
        return refuse((*BODY, "outputs"), SENTENCES[failure], "unknown_property")
    return ModelFailed(SENTENCES[failure])


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
    outputs = None if found["outputs"] is None else tuple(map(_output, found["outputs"]))
    if model.joinable is False or (model.joinable and found["row_wise"]):
        return Warmth(model.joinable, model.joinable_reason, outputs)
    return Warmth(found["row_wise"], found["reason"], outputs)


def _output(told: Mapping[str, Any]) -> TensorInfo:
    return TensorInfo(told["name"], told["datatype"], tuple(told["shape"]))


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
