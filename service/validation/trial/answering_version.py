"""A version on trial as whoever judges its answers asks it, from a thread beside the loop."""

import asyncio
from typing import Any

import orjson

from service.errors import NoServable
from service.staging import joinable
from service.validation.quality.answering import ProcessesGone
from service.validation.quality.judge import AnsweringVersion
from service.validation.trial.version_on_trial import VersionOnTrial


def answering(version: VersionOnTrial) -> AnsweringVersion:
    """For a thread that waits for each answer, which the running loop brings."""
    loop, before = asyncio.get_running_loop(), version.deaths

    def predict(body: bytes, media_type: str) -> Any:
        asked = asyncio.run_coroutine_threadsafe(version.answer(body, media_type), loop)
        try:
            return orjson.loads(asked.result())
        except NoServable as error:
            if version.deaths > before:
                raise ProcessesGone(error.message) from error
            raise

    joined = bool(version.status.row_wise or joinable(version.fetched.tags).allowed)
    return AnsweringVersion(version.number, predict, joined=joined)
