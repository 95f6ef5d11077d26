"""What this room overrides or reads of uvicorn and httptools that neither of them promises to keep.

Everything of the kind stands here, and is looked for before the service listens: a release without
some of it would serve, but slower, or without ending the work for clients that have left.
"""

import inspect
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import Server, ServerState

RELIED_ON: Final[Mapping[type, str]] = {
    HttpToolsProtocol: "_start_asgi_task on_message_begin on_headers_complete on_message_complete "
    "on_response_complete send_400_response data_received connection_made connection_lost "
    "config cycle flow headers logger loop parser pipeline scope server_state tasks transport url",
    RequestResponseCycle: "run_asgi disconnected keep_alive message_event more_body on_response "
    "response_complete response_started scope",
    FlowControl: "read_paused write_paused resume_reading",
    ServerState: "default_headers tasks total_requests",
    Server: "capture_signals on_tick shutdown servers server_state force_exit should_exit "
    "_wait_tasks_to_complete",
    Config: "encoded_headers",
    httptools.HttpRequestParser: "feed_data get_http_version get_method set_dangerous_leniencies "
    "should_upgrade",
}
"""By class, the names of its methods and attributes."""

CALLED: Final = (
    HttpToolsProtocol,
    "_start_asgi_task",
    ("on_headers_complete", "on_response_complete"),
)
"""The class, its method by which every request begins, and the methods that have to call that."""


class UnfitServer(Exception):
    """One line: the installed uvicorn or httptools is not what Podium is written for."""


def require_fit_server(
    relied_on: Mapping[type, str] = RELIED_ON,
    called: tuple[type, str, Sequence[str]] = CALLED,
) -> None:
    """Raises `UnfitServer` unless all of that is there."""
    missing = [
        f"{kind.__name__}.{name}"
        for kind, names in relied_on.items()
        for name in names.split()
        if not _has(kind, name)
    ]
    kind, hook, callers = called
    missing += [
        f"{kind.__name__}.{each}: {hook}" for each in callers if not _names(kind, each, hook)
    ]
    if missing:
        raise UnfitServer(
            f"uvicorn {metadata.version('uvicorn')} with httptools {metadata.version('httptools')} "
            f"lacks {', '.join(missing)}; install the versions of constraints.txt"
        )


def _has(kind: type, name: str) -> bool:
    # What stands on instances alone is named by the methods that set it.
    return hasattr(kind, name) or any(_names(kind, method, name) for method in vars(kind))


def _names(kind: type, method: str, name: str) -> bool:
    function = getattr(kind, method, None)
    return inspect.isfunction(function) and name in function.__code__.co_names
