"""The benchmark of following measures what it says; how fast that is, no test asks."""

from pathlib import Path

from benchmarks.alias_moves import moves
from benchmarks.looking import PROGRAM, looking
from tests.support import models
from tests.support.registered import Registry
from tests.support.services import running_service


def test_moves_and_looks_are_timed(tracking_uri: str, tmp_path: Path) -> None:
    """Moves by whoever asks the service, looks by its front, what they cost by the kernel."""
    registry = Registry(tracking_uri, "numbered")
    for number in (1, 2):
        ships = [models.number_module(tmp_path / f"code{number}", number)]
        registry.add(models.save(tmp_path / str(number), "numbered", ships=ships))
    registry.move("champion", "1")
    with running_service(["numbered@champion"], tracking_uri, tmp_path, PROGRAM) as service:
        moved = moves("polling", service, registry, 2)
        rest = looking(service, slots=1, seconds=2)

    assert len(moved.seconds) == 2
    assert 0 < min(moved.seconds) <= moved.median
    assert (rest.slots, rest.looks > 0) == (1, True)
    assert 0 < rest.time_share < 1
    assert 0 < rest.core_share < 2
