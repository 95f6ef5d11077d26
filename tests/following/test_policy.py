"""The policy as a table: what it sees, what it finds, what it decides."""

import pytest

from service.following.policy import Action, SlotView, decide, pause_after
from service.following.ports import Missing, Resolution
from service.refs import VersionId

ONE, TWO = VersionId("iris", 1, "1"), VersionId("iris", 1, "2")
EMPTY = SlotView(None, None, None, None, 0.0)
SERVING = SlotView(ONE, None, ONE, None, 0.0)


@pytest.mark.parametrize(
    ("view", "found", "action"),
    [
        (EMPTY, ONE, Action.STAGE),
        (EMPTY, Missing.ALIAS, Action.KEEP),
        (SERVING, ONE, Action.KEEP),
        (SERVING, TWO, Action.STAGE),
        (SERVING, Missing.MODEL, Action.KEEP),
        (SlotView(ONE, TWO, TWO, None, 0.0), TWO, Action.WAIT),
        (SlotView(ONE, TWO, TWO, None, 0.0), ONE, Action.KEEP),
        (SlotView(ONE, None, TWO, TWO, 0.0), TWO, Action.REFUSE),
        (SlotView(ONE, None, ONE, TWO, 0.0), TWO, Action.STAGE),
        (SlotView(ONE, None, TWO, None, 10.0), TWO, Action.WAIT),
        (SlotView(ONE, None, TWO, None, 5.0), TWO, Action.STAGE),
        (SlotView(None, None, ONE, None, 10.0), TWO, Action.STAGE),
    ],
)
def test_decision(view: SlotView, found: Resolution, action: Action) -> None:
    """At second 5; the aspired version is always what was found."""
    decision = decide(view, found, now=5.0)
    assert decision.action is action
    assert decision.aspired == (None if isinstance(found, Missing) else found)


def test_pauses_double_up_to_a_minute() -> None:
    """In seconds, by attempt."""
    assert [pause_after(attempt) for attempt in range(1, 9)] == [1, 2, 4, 8, 16, 32, 60, 60]
