"""What a pool asks of its hosts and of whoever starts them, wherever these run."""

import asyncio
import enum
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from service.contract.tensors.tensor_input import TensorInfo
from service.errors import ModelFailed, PredictionFailed, PredictionTimedOut, ServiceError
from service.host.wire import PredictFault
from service.hosting.observer import Purpose
from service.hosting.queue import Job
from service.processes.front.ending import Ending

_Started = TypeVar("_Started")

SENTENCES: Final = {
    PredictFault.MODEL_RAISED: "The model raised an exception on this input.",
    PredictFault.NOT_ENCODABLE: "The model returned something that has no JSON form.",
    PredictFault.REPLY_TOO_LARGE: "The model's answer is larger than is allowed.",
    PredictFault.NOT_BY_ROW: "The model did not return one answer for each row.",
    PredictFault.INPUT_REFUSED: (
        "is rejected by the model's type hint or, of a chat, by MLflow's own class of requests to "
        "models of its kind"
    ),
    PredictFault.UNKNOWN_OUTPUT: "must name outputs that the model has",
}
"""What clients are told of a request that a host has no answer to."""


class BatchEnd(enum.Enum):
    """What a batch has come to: answered, not begun since nobody waited, or lost with its host."""

    ANSWERED = enum.auto()
    CANCELLED = enum.auto()
    LOST = enum.auto()


class NotSent(Exception):
    """The batch could not be put into a frame; the host knows nothing of it and is idle."""


def overran_its_own_time() -> ServiceError:
    """What a request has come to whose time is over while it is predicted."""
    return PredictionTimedOut("The prediction took longer than this request may take.")


def refuse_unsendable(job: Job) -> None:
    """Fails a job that could not be sent even alone."""
    job.fail(ModelFailed("The request could not be sent to the model's process."))


class HostHandle(Protocol):
    """A process that has loaded its version: one batch at a time, within the time limit."""

    @property
    def pid(self) -> int:
        """Its number, where it runs."""

    @property
    def alive(self) -> bool:
        """Whether its end has not been seen yet."""

    @property
    def held_bytes(self) -> int:
        """What it and its descendants were last seen to hold, if watched."""

    @property
    def batch(self) -> Sequence[Job]:
        """What it is asked to predict now."""

    @property
    def ending(self) -> Ending:
        """How it has ended. Only once it has, as all below."""

    @property
    def overran(self) -> bool:
        """Whether it was ended for taking long."""

    @property
    def fault(self) -> PredictionFailed:
        """What a request has come to that ended it."""

    def when_ended(self, told: Callable[[], None]) -> None:
        """Calls it once it has ended, in a turn of its own."""

    def predict(self, batch: Sequence[Job], ended: Callable[[BatchEnd], None]) -> None:
        """Calls `ended` once, when the host is idle again or lost; then answers every job.

        So the next batch is under way while these replies are written. Jobs are lost with the
        process: it has ended, overran its time (and was ended for it), or sent what is not a reply;
        they are told nothing then. A job on which the model raised has failed, and is not lost.
        Whoever has failed meanwhile, its own time being over, costs the process nothing.

        Raises `NotSent`, and calls nobody then.
        """

    def cancel_unwanted(self) -> None:
        """What it predicts need not be begun, where nobody waits for any of it any more."""

    async def end(self) -> None:
        """Returns when it has gone."""


@dataclass(frozen=True, slots=True)
class Warmth:
    """What is known of the version, or was shown by warm-up.

    `outputs` are those of its answer to its own example; None: nobody has seen any.
    """

    row_wise: bool
    reason: str
    outputs: tuple[TensorInfo, ...] | None = None


def strictest(found: Sequence[Warmth]) -> Warmth:
    """What holds for all hosts of a version: one that has seen harm is right (P16)."""
    return min(found, key=lambda each: each.row_wise)


class HostStarter(Protocol):
    """Whoever starts the hosts of one version."""

    async def start(self, purpose: Purpose, *, behind: bool = False) -> tuple[HostHandle, Warmth]:
        """A host that has loaded the version and answered its example.

        `behind` is for one that nobody waits for: it gives way to others until it is ready.
        Raises `VersionFault` or `PassingFault`; nothing is left then, as when cancelled.
        """


async def side_by_side(
    starts: Iterable[Coroutine[Any, Any, _Started]],
    end: Callable[[_Started], Awaitable[None]],
) -> list[_Started]:
    """What all of them have started, in their order.

    Raises what the first that fails raises; the others are cancelled then, as when this is, and
    what has been started is ended before this returns.
    """
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        await asyncio.shield(asyncio.create_task(_undone(tasks, end)))
        raise


async def _undone(
    tasks: Iterable[asyncio.Task[_Started]], end: Callable[[_Started], Awaitable[None]]
) -> None:
    for task in tasks:
        task.cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*(end(each) for each in found if not isinstance(each, BaseException)))
