"""`GET /console/events`: what changes, as it changes, to be read by `fetch` with a token."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from starlette.types import Receive, Scope, Send

from service.background import Work, begin
from service.console.watchers import Watcher, Watchers
from service.http.access import Admin

_HEADERS: Final = {
    "content-type": "text/event-stream",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # nginx would keep it until there is enough of it.
    "x-accel-buffering": "no",
}
_TEXT: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events, each one line of JSON: models, slot, gone, look, swap, stats.",
        # As OpenAPI's tools read a stream of events: the schema is that of one.
        "content": {
            "text/event-stream": {
                "schema": {
                    "type": "object",
                    "properties": {"event": {"type": "string"}, "data": {"type": "string"}},
                }
            }
        },
    },
    503: {"description": "As many watch already as may, or the service stops."},
}


def events_router(watchers: Watchers, admin: Admin) -> APIRouter:
    """The route; whoever comes with the admin token is shown why, too."""
    router = APIRouter(tags=["console"])

    @router.get("/console/events", response_class=Response, responses=_TEXT)
    async def console_events(request: Request) -> Response:
        """How everything is, then what changes, until either side leaves."""
        watcher = watchers.admit(why=admin.allows(request))
        return _Events(watcher, watchers.leave)

    return router


class _Events(Response):
    """All that one page takes, and no more than that."""

    def __init__(self, watcher: Watcher, leave: Callable[[Watcher], None]) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._watcher = watcher
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = begin(Work.CONSOLE, _until_gone(receive, self._watcher))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if not scope["state"]["headless"]:
                await self._send_all(send)
            await send({"type": "http.response.body", "body": b""})
        except (OSError, RuntimeError):
            pass  # ASGI's and uvloop's words for a client that has left
        finally:
            self._leave(self._watcher)
            gone.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await gone

    async def _send_all(self, send: Send) -> None:
        while events := await self._watcher.taken():
            await send({"type": "http.response.body", "body": events, "more_body": True})


async def _until_gone(receive: Receive, watcher: Watcher) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    watcher.end()
