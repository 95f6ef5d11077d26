"""What one copy has made so far: told where it ends before it is finished."""

import contextlib
from collections.abc import Iterator

from service.promotion.stopped import STOPS, in_part, stopped_by
from service.registry.writer.faults import WriteRefused

_GOES_ON = "the same call goes on from there"


class Made:
    """Of one call; nothing at first."""

    def __init__(self) -> None:
        self._things: dict[str, None] = {}

    def add(self, thing: str) -> None:
        """That is there from now on, or may be; as in `the model iris`."""
        self._things[thing] = None

    @contextlib.contextmanager
    def writing(self, thing: str) -> Iterator[None]:
        """It may be there once this has begun; it is not, where MLflow refuses to make it."""
        self.add(thing)
        try:
            yield
        except WriteRefused:
            self.take_back(thing)
            raise

    def take_back(self, thing: str) -> None:
        """It is not there any more."""
        self._things.pop(thing, None)

    @contextlib.contextmanager
    def telling(self) -> Iterator[None]:
        """Whatever ends it before its end is raised as it is, if nothing was made.

        Otherwise as a `MoveStopped` of exit status 4, which names what is there.
        """
        try:
            yield
        except STOPS as error:
            if not self._things:
                raise
            stopped = stopped_by(error)
            things = ", ".join(self._things)
            there = f"{stopped}; made by then, as far as is known: {things}; {_GOES_ON}"
            raise in_part(stopped.code, there, _GOES_ON) from error
