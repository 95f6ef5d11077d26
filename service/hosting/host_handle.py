"""The front's handle to one loaded host: one batch at a time, within the time limit."""

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
    Failure,
    HostOperation,
    MlflowError,
    PredictFault,
    decode_replies,
    encode_batch,
)
from service.hosting.queue import Job
from service.processes.frames import Body, Frame, Status
from service.processes.front.child import Child
from service.processes.front.ending import EndReason

SENTENCES: Final = {
    PredictFault.MODEL_RAISED: "The model raised an exception on this input.",
    PredictFault.NOT_ENCODABLE: "The model returned something that has no JSON form.",
    PredictFault.REPLY_TOO_LARGE: "The model's answer is larger than is allowed.",
    PredictFault.NOT_BY_ROW: "The model did not return one answer for each row.",
    PredictFault.INPUT_REFUSED: "is rejected by MLflow or by the model's type hint",
}


# After the limit, for an answer that has come and was not read: the front may have stood still.
_LAST_LOOK_SECONDS: Final = 0.01


class NotSent(Exception):
    """The batch could not be put into a frame; the host knows nothing of it and is idle."""


class HostHandle:
    """A process that has loaded its version; `batch` is what it is asked to predict now."""

    def __init__(self, child: Child, predict_seconds: float) -> None:
        self.child = child
        self.batch: Sequence[Job] = ()
        self._predict_seconds = predict_seconds

    @property
    def overran(self) -> bool:
        """Whether it was ended for taking long. Only once it has ended."""
        return self.child.ending.reason is EndReason.TIME_LIMIT

    @property
    def fault(self) -> PredictionFailed:
        """What a request has come to that ended this host. Only once it has ended."""
        match self.child.ending.reason:
            case EndReason.TIME_LIMIT:
                return PredictionTimedOut("The model took longer than is allowed.")
            case EndReason.MEMORY:
                return ModelFailed("The model's process needed more memory than is allowed.")
        return ModelFailed("The model's process ended during the prediction.")

    def predict(self, batch: Sequence[Job], returned: Callable[[list[Job]], None]) -> None:
        """Answers every job of the batch, then calls `returned` with those that it could not.

        Those are lost with the process: it has ended, overran its time (and was ended for it), or
        sent what is no reply. A job on which the model raised has failed, and is not lost. Whoever
        has failed meanwhile, its own time being over, costs the process nothing.

        Raises `NotSent`, and calls nobody then.
        """
        answer = self._asked(batch)
        self.batch = batch
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._predict_seconds, self._last_look, answer)

        def settle(_: asyncio.Future[Frame]) -> None:
            timer.cancel()
            if answer.exception() is None:
                if self._answered(answer.result(), batch):
                    self.batch = ()
                    returned([])
                    return
                self.child.kill(EndReason.FRAME_ERROR)
            # Its death may be known by the channel alone so far.
            self.child.exited.add_done_callback(lost)

        def lost(_: asyncio.Future[int | None]) -> None:
            self.batch = ()
            returned(list(batch))

        answer.add_done_callback(settle)

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

    def _answered(self, frame: Frame, batch: Sequence[Job]) -> bool:
        if frame.status is not Status.DONE:
            return False
        try:
            replies = decode_replies(frame, len(batch))
        except ValueError:
            return False
        for job, reply in zip(batch, replies, strict=True):
            if isinstance(reply, Body):
                job.succeed(reply)
            else:
                job.fail(_error(reply, job.model_input.rows))
        return True


def overran_its_own_time() -> ServiceError:
    """What a request has come to whose time is over while it is predicted."""
    return PredictionTimedOut("The prediction took longer than this request may take.")


def refuse_unsendable(job: Job) -> None:
    """Fails a job that could not be sent even alone."""
    job.fail(ModelFailed("The request could not be sent to the model's process."))


def _error(failure: Failure, rows: int) -> ServiceError:
    if not rows and failure not in (PredictFault.NOT_ENCODABLE, PredictFault.REPLY_TOO_LARGE):
        # A signature cannot say that a model needs rows; most do.
        text = "must contain at least one row with a value in it"
        return refuse(BODY, text, "missing")
    if isinstance(failure, MlflowError):
        return ModelRaisedMlflow(SENTENCES[PredictFault.MODEL_RAISED], failure.code)
    if failure is PredictFault.INPUT_REFUSED:
        return refuse(BODY, SENTENCES[failure], "refused")
    return ModelFailed(SENTENCES[failure])
