"""What a host leaves of the files that it was given: all of them, and nothing more."""

from pathlib import Path

import pytest

from tests.hosting.conftest import MakePool
from tests.support import models

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_host_writes_nothing_beside_the_files_of_its_model(
    tmp_path: Path, make_pool: MakePool
) -> None:
    """The artifact stays what its manifest says, although the model imports code of its own."""
    place = models.save(tmp_path, "numbered", ships=[models.number_module(tmp_path / "code", 1)])
    before = {path for path in place.rglob("*") if "__pycache__" not in path.parts}
    for path in place.rglob("__pycache__/*"):
        path.unlink()
    await make_pool(place)
    assert {path for path in place.rglob("*") if path.name != "__pycache__"} == before
