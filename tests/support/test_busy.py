"""What makes a machine busy for the tests ends with them."""

from tests.busy import busy_machine
from tests.support.services import alive


def test_spinners_run_while_they_are_wanted() -> None:
    """And not a moment longer."""
    with busy_machine(2) as spinners:
        pids = [each.pid for each in spinners]
        assert all(alive(pid) for pid in pids)
    assert not any(alive(pid) for pid in pids)
