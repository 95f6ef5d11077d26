"""Pages that watch: how many, how much waits for each, and that nobody waits for them."""

import pytest

from service.console.watchers import (
    FOR_OPERATORS,
    MOST_BYTES,
    MOST_EVENTS,
    MOST_WATCHERS,
    Watcher,
    Watchers,
)
from service.errors import Overloaded


def greeted(watchers: Watchers, *, why: bool = False) -> Watcher:
    """One that has been told how everything is."""
    watcher = watchers.admit(why=why)
    watcher.greeted = True
    return watcher


@pytest.fixture
def watchers() -> Watchers:
    """Nobody watches yet."""
    return Watchers(lambda: None)


async def test_page_takes_all_that_waits_in_order(watchers: Watchers) -> None:
    """However many events that are, in one write."""
    watcher = greeted(watchers)
    for event in (b"a", b"b"):
        watchers.offer({False: event, True: b"more"})
    assert await watcher.taken() == b"ab"


async def test_operator_and_others_are_told_their_own(watchers: Watchers) -> None:
    """What is for the operator alone goes to nobody else."""
    anybody, operator = greeted(watchers), greeted(watchers, why=True)
    watchers.offer({False: b"that", True: b"that, and why"})
    assert await anybody.taken() == b"that"
    assert await operator.taken() == b"that, and why"


async def test_page_that_is_not_greeted_is_told_of_no_change(watchers: Watchers) -> None:
    """It does not know yet of what."""
    late, early = watchers.admit(why=False), greeted(watchers)
    watchers.offer({False: b"a", True: b"a"})
    late.offer(b"all")
    assert await late.taken() == b"all"
    assert await early.taken() == b"a"


async def test_page_that_takes_nothing_is_ended_and_nothing_is_kept_for_it(
    watchers: Watchers,
) -> None:
    """Others go on."""
    slow, quick = greeted(watchers), greeted(watchers)
    for number in range(MOST_EVENTS + 1):
        watchers.offer({False: b"%d" % number, True: b""})
        assert await quick.taken() == b"%d" % number
    assert slow.ended
    assert await slow.taken() == b""
    assert not quick.ended


async def test_bytes_that_wait_for_one_page_are_bounded_too(watchers: Watchers) -> None:
    """The first event, how everything is, may be any length."""
    slow = greeted(watchers)
    watchers.offer({False: bytes(2 * MOST_BYTES), True: b""})
    assert not slow.ended
    watchers.offer({False: b"a", True: b""})
    assert slow.ended


async def test_pages_are_bounded_and_a_place_is_free_again_when_one_leaves(
    watchers: Watchers,
) -> None:
    """Whoever opens pages by the thousand takes no more than these."""
    pages = [watchers.admit(why=False) for _ in range(MOST_WATCHERS)]
    with pytest.raises(Overloaded) as refused:
        watchers.admit(why=False)
    assert refused.value.retry_after > 0
    watchers.leave(pages[0])
    assert watchers.admit(why=False) in set(watchers)
    assert len(watchers) == MOST_WATCHERS


def test_operator_is_let_in_where_others_fill_their_places(watchers: Watchers) -> None:
    """A few more, and no more than these."""
    for _ in range(MOST_WATCHERS):
        watchers.admit(why=False)
    for _ in range(FOR_OPERATORS):
        watchers.admit(why=True)
    for why in (False, True):
        with pytest.raises(Overloaded):
            watchers.admit(why=why)


async def test_service_that_stops_ends_all_and_lets_nobody_in(watchers: Watchers) -> None:
    """They would keep it from ending for as long as anybody looks."""
    page = greeted(watchers)
    watchers.offer({False: b"a", True: b""})
    watchers.close()
    assert await page.taken() == b""
    with pytest.raises(Overloaded):
        watchers.admit(why=False)
