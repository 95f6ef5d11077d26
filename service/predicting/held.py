"""Bytes that requests hold in memory, bounded over all of them, whichever slot they are for."""

from service.errors import Overloaded


class HeldBytes:
    """What all requests hold together, up to a limit.

    What comes in pieces may hold half of it at most: however many of those arrive or wait, what
    comes at once finds room. Where nothing else of its kind is held, any length is taken.
    """

    __slots__ = ("limit", "pieces", "whole")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.whole = 0
        self.pieces = 0

    @property
    def total(self) -> int:
        """All that is held now."""
        return self.whole + self.pieces


class RequestShare:
    """One request's part of it, until it is released."""

    __slots__ = ("_all", "_pieces", "_whole")

    def __init__(self, everything: HeldBytes) -> None:
        self._all = everything
        self._whole = 0
        self._pieces = 0

    def take(self, size: int) -> None:
        """Holds what has come at once. Raises `Overloaded`."""
        held = self._all
        if held.whole and held.whole + held.pieces + size > held.limit:
            raise _too_much()
        held.whole += size
        self._whole += size

    def take_piece(self, size: int) -> None:
        """Holds one more of several pieces. Raises `Overloaded`; what was held stays held."""
        held = self._all
        others = held.pieces > self._pieces
        if others and held.pieces + size > min(held.limit // 2, held.limit - held.whole):
            raise _too_much()
        self._add(size)

    def exchange(self, size: int) -> None:
        """Holds so many bytes instead of all so far; never refused, for they are there already."""
        self.release()
        self._add(size)

    def release(self) -> None:
        """Holds nothing more."""
        self._all.whole -= self._whole
        self._all.pieces -= self._pieces
        self._whole = self._pieces = 0

    def _add(self, size: int) -> None:
        self._all.pieces += size
        self._pieces += size


def _too_much() -> Overloaded:
    return Overloaded("Other requests hold too much already.")
