"""An event over HTTP, bounded in time as a whole, wherever it hangs.

Imported by the thread that sends, and by nobody where no events are told. Nothing of an answer is
read but its head; redirects are not followed. Names are looked up by threads that nobody waits for:
a name server that hangs keeps neither the next try nor the end of the process.
"""

import asyncio
import logging
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final, TypeVar

import httpx

from service.config.outgoing import Outgoing
from service.events.event_faults import EventFault
from service.events.event_forms import EventMessage
from service.events.event_sender import Answered, NotAnswered

_T = TypeVar("_T")
# The last four: a proxy's scheme that needs another library, a socket, an address, want of threads.
_NO_ANSWER: Final = (
    *(httpx.HTTPError, httpx.InvalidURL),
    *(ImportError, OSError, ValueError, RuntimeError),
)

# They log whole addresses where anybody listens, and that of a chat's receiver is a secret.
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class HttpPost:
    """Posts to one address; user and password in it are sent as basic auth."""

    def __init__(self, address: str, way: Outgoing) -> None:
        self._address = address
        self._way = way

    def __call__(self, message: EventMessage, seconds: float) -> Answered:
        """The answer, within so many seconds in all; blocks. Raises `NotAnswered`."""
        _ = self._trusted  # reading authorities takes long once, and is not the receiver's time
        with asyncio.Runner(loop_factory=_new_loop) as runner:
            return runner.run(self._within(message, seconds))

    async def _within(self, message: EventMessage, seconds: float) -> Answered:
        try:
            async with asyncio.timeout(seconds):
                return await self._posted(message, seconds)
        except (TimeoutError, httpx.TimeoutException):
            raise NotAnswered(EventFault.TIMED_OUT) from None
        except _NO_ANSWER as error:
            # Its text may hold the address, and so may that of what has caused it.
            raise NotAnswered(_fault(error)) from None

    async def _posted(self, message: EventMessage, seconds: float) -> Answered:
        async with (
            httpx.AsyncClient(
                verify=self._trusted, proxy=self._way.proxy, trust_env=False, timeout=seconds
            ) as client,
            client.stream(
                "POST", self._address, headers=message.headers, content=message.body
            ) as answer,
        ):
            return Answered(answer.status_code, _seconds(answer.headers.get("retry-after", "")))

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        file, folder = self._way.authorities, self._way.authorities_folder
        try:
            if file or folder:
                return ssl.create_default_context(cafile=file, capath=folder)
            return httpx.create_ssl_context(trust_env=False)
        except OSError:  # there is no such file, or it holds no certificate
            raise NotAnswered(EventFault.NOT_TRUSTED) from None


def _fault(error: BaseException | None) -> EventFault:
    while error is not None:
        if isinstance(error, ssl.SSLError):
            return EventFault.NOT_TRUSTED
        error = error.__cause__ or error.__context__
    return EventFault.UNREACHABLE


def _seconds(text: str) -> float:
    """Of `Retry-After` (RFC 9110, section 10.2.3); 0 where it says nothing of use."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
        return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return 0.0


def _new_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(_Unawaited())
    return loop


class _Unawaited(ThreadPoolExecutor):
    """Does each piece of work in a daemon thread of its own, which no end waits for."""

    def submit(self, work: Callable[..., _T], /, *args: Any, **kwargs: Any) -> "Future[_T]":
        done = Future[_T]()

        def run() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                done.set_result(work(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - raised again, where it is waited for
                done.set_exception(error)

        threading.Thread(target=run, name="podium-events-names", daemon=True).start()
        return done
