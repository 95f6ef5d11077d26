"""The policy as a table: what it sees, what it finds, what it decides."""

import pytest

from service.following.ports import Missing, Resolution
from service.following.pursuit import Action, Pursuit, SlotView, decide
from service.refs import VersionId

ONE, TWO = VersionId("iris", 1, "1"), VersionId("iris", 1, "2")
EMPTY = SlotView(None, None, Pursuit())
SERVING = SlotView(ONE, None, Pursuit(ONE))


@pytest.mark.parametrize(
    ("view", "found", "action"),
    [
        (EMPTY, ONE, Action.STAGE),
        (EMPTY, Missing.ALIAS, Action.KEEP),
        (SERVING, ONE, Action.KEEP),
        (SERVING, TWO, Action.STAGE),
        (SERVING, Missing.MODEL, Action.KEEP),
        (SlotView(ONE, TWO, Pursuit(TWO)), TWO, Action.WAIT),
        (SlotView(ONE, TWO, Pursuit(TWO)), ONE, Action.KEEP),
        (SlotView(ONE, None, Pursuit(TWO, fault="load_failed")), TWO, Action.REFUSE),
        (SlotView(None, None, Pursuit(ONE, fault="load_failed")), TWO, Action.STAGE),
        (SlotView(ONE, None, Pursuit(TWO, due=10.0)), TWO, Action.WAIT),
        (SlotView(ONE, None, Pursuit(TWO, due=5.0)), TWO, Action.STAGE),
        (SlotView(None, None, Pursuit(ONE, due=10.0)), TWO, Action.STAGE),
    ],
)
def test_decision(view: SlotView, found: Resolution, action: Action) -> None:
    """At second 5; the aspired version is always what was found."""
    decision = decide(view, found, now=5.0)
    assert decision.action is action
    assert decision.aspired == (None if isinstance(found, Missing) else found)
