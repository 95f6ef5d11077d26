"""What is relied on of the installed uvicorn is there; one without it is refused in one line."""

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.server.relied_on import CALLED, RELIED_ON, UnfitServer, require_fit_server


class Without:
    """A protocol as uvicorn 0.44 had it: it begins requests by itself."""

    def __init__(self) -> None:
        self.cycle = None

    def on_headers_complete(self) -> None:
        """Begins one."""

    def on_response_complete(self) -> None:
        """Begins the next."""


def test_p8_installed_server_is_fit() -> None:
    """By the versions that are pinned, and by the oldest that are allowed."""
    require_fit_server()


def test_p8_what_is_not_there_is_named_in_one_line() -> None:
    """Methods, and attributes of instances."""
    with pytest.raises(UnfitServer) as caught:
        require_fit_server({Without: "cycle on_headers_complete _start_asgi_task flow"})
    line = str(caught.value)
    assert "Without._start_asgi_task, Without.flow;" in line
    assert "cycle" not in line
    assert line.startswith("uvicorn ")
    assert "\n" not in line


def test_p8_hook_that_is_there_and_not_called_is_noticed() -> None:
    """It would be overridden in vain."""
    _, hook, callers = CALLED
    with pytest.raises(UnfitServer, match="on_headers_complete"):
        require_fit_server({}, (Without, hook, callers))


def test_p8_every_class_that_is_extended_is_listed() -> None:
    """The protocol, above all."""
    assert HttpToolsProtocol in RELIED_ON
    assert all(names.split() for names in RELIED_ON.values())
