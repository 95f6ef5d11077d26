"""What is told of an exception that a request has met, without what its client has sent.

Its own words may repeat a value: `could not convert string to float: '4111 1111 ...'`.
"""

import traceback
from collections.abc import Iterator
from typing import Final

from service.errors import ServiceError

_HELD_BACK: Final = "(what it says is left out: it may repeat what a client has sent)"


def internal() -> ServiceError:
    """What a client is told of an unexpected exception: nothing but where to look for it."""
    return ServiceError("The service failed. Its log has the details under this request id.")


def without_words(error: BaseException) -> str:
    """The types of the exception and of those that led to it, and where each was raised."""
    return "\n\n".join(map(_raised, reversed(list(_chain(error)))))


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen, waiting = set[int](), [error]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        before = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        waiting += [] if before is None else [before]
        waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else ()


def _raised(error: BaseException) -> str:
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"Traceback (most recent call last):\n{frames}{module}{kind.__qualname__} {_HELD_BACK}"
