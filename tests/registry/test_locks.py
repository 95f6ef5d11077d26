"""Locks on what lies in the cache, as several threads and processes meet on them."""

import threading
from pathlib import Path

import pytest

from service.registry.store.locks import Lock, Locked, lock_file


def test_lock_that_somebody_has_alone_is_not_waited_for_in_the_front(tmp_path: Path) -> None:
    """It says so at once instead."""
    place = tmp_path / "place"
    alone = Lock.exclusive(place)
    with pytest.raises(Locked):
        Lock.shared_at_once(place, lambda: None)
    alone.release()
    released: list[str] = []
    lock = Lock.shared_at_once(place, lambda: released.append("released"))
    lock.release()
    lock.release()
    assert released == ["released"]


def test_lock_whose_file_was_taken_away_holds_what_is_there_now(tmp_path: Path) -> None:
    """Whoever waited on the old file would otherwise hold nothing, beside one who has it alone."""
    place, begun, locked = tmp_path / "place", threading.Event(), threading.Event()
    alone = Lock.exclusive(place)

    def wait() -> None:
        begun.set()
        Lock.shared(place)
        locked.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert begun.wait(20)
    lock_file(place).unlink()
    alone.release()
    waiting.join(20)
    assert locked.is_set()
    with pytest.raises(Locked):
        Lock.exclusive(place)
