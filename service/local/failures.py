"""Why `podium up` ends without being asked to: sentences for the person at the terminal."""

from collections.abc import Sequence


class UpFailed(Exception):
    """Cannot go on; the message says why and what to do, and holds no secret."""

    @property
    def details(self) -> Sequence[str]:
        """Lines that help to find the reason; none by default."""
        return ()


class ChildEnded(UpFailed):
    """A process that had to go on ended by itself; the details are the last lines of its output."""

    def __init__(self, name: str, code: int, tail: Sequence[str]) -> None:
        how = f"was ended by signal {-code}" if code < 0 else f"ended with status {code}"
        super().__init__(f"{name} {how}.")
        self._tail = tuple(tail)

    @property
    def details(self) -> Sequence[str]:
        """The last lines that it wrote."""
        return self._tail


class Stopped(Exception):
    """Somebody asked for the end."""
