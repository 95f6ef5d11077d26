"""The example that two versions are compared by: one that both answer."""

import contextlib
from dataclasses import dataclass
from typing import Protocol

from service.errors import PredictionFailed, ServiceError


class AnswersExample(Protocol):
    """A version whose hosts run: `service.validation.trial.version_on_trial.VersionOnTrial`."""

    @property
    def example(self) -> bytes:
        """A request of its own; empty where there is none."""

    async def answer(self, body: bytes) -> bytes:
        """The predictions; raises `ServiceError`."""
        ...


@dataclass(frozen=True, slots=True)
class SharedExample:
    """What both answer, if there is anything.

    Attributes:
        example: that; else the version's own.
        both: whether both answer it.
        broken: whether the other fails on all that its own contract takes of it.
    """

    example: bytes
    both: bool
    broken: bool = False


async def shared_example(version: AnswersExample, other: AnswersExample) -> SharedExample:
    """The version's own example before the other's."""
    fails = answers = False
    for example in filter(None, (version.example, other.example)):
        try:
            await other.answer(example)
        except PredictionFailed:
            fails = True
            continue
        except ServiceError:
            continue
        answers = True
        if await _is_answered(version, example):
            return SharedExample(example, both=True)
    return SharedExample(version.example, both=False, broken=fails and not answers)


async def _is_answered(version: AnswersExample, example: bytes) -> bool:
    with contextlib.suppress(ServiceError):
        await version.answer(example)
        return True
    return False
