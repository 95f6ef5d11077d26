"""A host that must not unpickle does not, whatever a loader makes of an artifact."""

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

_forbidding = False
_installed = False


class PickleForbidden(Exception):
    """Something that the artifact holds would have been unpickled."""


@contextlib.contextmanager
def no_pickle() -> Iterator[None]:
    """While it lasts, naming a class in a pickle raises `PickleForbidden`.

    Python tells of each one before it is imported (audit event `pickle.find_class`), in C and in
    Python, and a pickle that names none runs nothing.
    """
    global _forbidding, _installed  # noqa: PLW0603 - an audit hook is of the process, and for good
    if not _installed:
        sys.addaudithook(_on_event)
        _installed = True
    _forbidding = True
    try:
        yield
    finally:
        _forbidding = False


def _on_event(event: str, _: tuple[Any, ...]) -> None:
    if _forbidding and event == "pickle.find_class":
        raise PickleForbidden("this service does not unpickle (PODIUM_TRUST=no-pickle)")
