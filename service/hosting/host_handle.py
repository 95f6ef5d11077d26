"""The front's handle to one loaded host: one batch at a time, within the time limit."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from service.contract.findings import BODY, refuse
from service.errors import ModelFailed, ModelRaisedMlflow, ServiceError
from service.hosting.jobs import Job
from service.hosting.wire import (
    Failure,
    MlflowError,
    Operation,
    Outcome,
    decode_replies,
    encode_batch,
)
from service.processes.child import Child
from service.processes.frames import Body, Frame, Status

_SENTENCES: Final = {
    Outcome.MODEL_RAISED: "The model raised an exception on this input.",
    Outcome.NOT_ENCODABLE: "The model returned something that has no JSON form.",
    Outcome.REPLY_TOO_LARGE: "The model's answer is larger than is allowed.",
    Outcome.INPUT_REFUSED: "must be what MLflow, and the type hint of the model, take",
}


class Host:
    """A process that has loaded its version. `overran` is whether it was ended for taking long."""

    def __init__(self, child: Child, predict_seconds: float) -> None:
        self.child = child
        self.overran = False
        self._predict_seconds = predict_seconds

    def predict(self, batch: Sequence[Job], returned: Callable[[list[Job]], None]) -> None:
        """Answers every job of the batch, then calls `returned` with those that it could not.

        Those are lost with the process: it has ended, overran its time (and was ended for it), or
        sent what is no reply. A job on which the model raised has failed, and is not lost.
        """
        try:
            inputs = [job.model_input for job in batch]
            answer = self.child.channel.request(Operation.PREDICT, *encode_batch(inputs))
        except Exception:  # noqa: BLE001 - whatever cannot be sent must still be answered
            self._refuse(batch)
            # Not at once: whoever is called would send the next batch from within this one.
            asyncio.get_running_loop().call_soon(returned, [])
            return
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._predict_seconds, self._end_for_overrunning)

        def settle(_: asyncio.Future[Frame]) -> None:
            timer.cancel()
            if _whole(answer) and self._answered(answer.result(), batch):
                returned([])
            else:
                self.child.kill()
                # Its death may be known by the channel alone so far.
                self.child.exited.add_done_callback(lambda _: returned(list(batch)))

        answer.add_done_callback(settle)

    def _refuse(self, batch: Sequence[Job]) -> None:
        for job in batch:
            job.fail(ModelFailed("The request could not be sent to the model's process."))

    def _end_for_overrunning(self) -> None:
        self.overran = True
        self.child.kill()

    def _answered(self, frame: Frame, batch: Sequence[Job]) -> bool:
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


def _error(failure: Failure, rows: int) -> ServiceError:
    if not rows and failure not in (Outcome.NOT_ENCODABLE, Outcome.REPLY_TOO_LARGE):
        # A signature cannot say that a model needs rows; most do.
        return refuse(BODY, "must have rows: the model takes no request without", "missing")
    if isinstance(failure, MlflowError):
        return ModelRaisedMlflow(_SENTENCES[Outcome.MODEL_RAISED], failure.code)
    if failure is Outcome.INPUT_REFUSED:
        return refuse(BODY, _SENTENCES[failure], "refused")
    return ModelFailed(_SENTENCES[failure])


def _whole(answer: asyncio.Future[Frame]) -> bool:
    if answer.cancelled() or answer.exception() is not None:
        return False
    return answer.result().status is Status.DONE
