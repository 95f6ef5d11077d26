"""A few changes of `make soak-rollout`, and a few of its callers."""

from pathlib import Path

import pytest

from tests.rollout_soak.changing import Changing
from tests.rollout_soak.shares import Shares, looked_at
from tests.rollout_soak.versions import ENVIRONMENT, REF, registered
from tests.support import tracking
from tests.support.services import running_service

CHANGES = 6

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # MLflow's own, of saving


@pytest.fixture
def uri(migrated_database: Path, tmp_path: Path) -> str:
    """A registry of this test's own."""
    return f"sqlite:///{tracking.copy_database(migrated_database, tmp_path)}"


def test_p18_p21_changes_of_a_rollout_under_load_lose_nothing(uri: str, tmp_path: Path) -> None:
    """Every reply names who computed it, and each caller gets whom it is to get."""
    registry = registered(uri, tmp_path)
    with running_service([REF], uri, tmp_path, **ENVIRONMENT) as service:
        service.wait_until_ready()
        changing = Changing(service, registry, seed=4)
        changing.run(CHANGES)
        assert service.stop() == 0
    assert (changing.seen.wrong, changing.seen.dropped) == ([], [])
    assert changing.seen.answers.total() > 0


def test_p18_two_services_agree_on_callers_who_keep_their_arms(uri: str, tmp_path: Path) -> None:
    """While weights grow; the share of so few callers is looked at by the whole of it alone."""
    registry = registered(uri, tmp_path)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with (
        running_service([REF], uri, tmp_path / "one", **ENVIRONMENT) as one,
        running_service([REF], uri, tmp_path / "two", **ENVIRONMENT) as two,
    ):
        for service in (one, two):
            service.wait_until_ready()
        found = looked_at([one, two], registry, callers=300, asked=600)
    assert [each for each in found.wrong if "requests" not in each] == []


def test_what_does_not_hold_is_told() -> None:
    """By its sentence."""
    shares = Shares()
    shares.hold(true=True, said="well")
    shares.hold(true=False, said="ill")
    assert (shares.wrong, shares.lines) == (["ill"], ["yes  well", "NO   ill"])
