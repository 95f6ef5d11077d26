"""A host of this machine: a forked child that is asked one batch at a time."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from service.contract.findings import BODY, refuse
from service.errors import (
    ModelFailed,
    ModelRaisedMlflow,
    PredictionFailed,
    PredictionTimedOut,
    ServiceError,
)
from service.host.wire import (
    HostOperation,
    MlflowError,
    NoReply,
    PredictFault,
    decode_replies,
    encode_batch,
)
from service.hosting.host_handle import SENTENCES, BatchEnd, NotSent
from service.hosting.queue import Job
from service.processes.frames import Body, Frame, Status
from service.processes.front.child import Child
from service.processes.front.ending import Ending, EndReason

# After the limit, for an answer that has come and was not read: the front may have stood still.
_LAST_LOOK_SECONDS: Final = 0.01


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
    if not rows and failure not in (PredictFault.NOT_ENCODABLE, PredictFault.REPLY_TOO_LARGE):
        # A signature cannot say that a model needs rows; most do.
        text = "must contain at least one row with a value in it"
        return refuse(BODY, text, "missing")
    if isinstance(failure, MlflowError):
        return ModelRaisedMlflow(SENTENCES[PredictFault.MODEL_RAISED], failure.code)
    if failure is PredictFault.INPUT_REFUSED:
        return refuse(BODY, SENTENCES[failure], "refused")
    return ModelFailed(SENTENCES[failure])
