"""What a build would come to, before anything is built."""

from dataclasses import replace
from pathlib import Path

import pytest

from service.environments.environment import EnvironmentRefused
from tests.environments.given import PYTHON, environments, settings, wish
from tests.environments.package_index import package_index


async def test_build_is_foreseen_and_then_known_to_be_there(tmp_path: Path) -> None:
    """By the same lock, whose key says which environment that is."""
    with package_index() as index:
        index.add("mine", "1.0")
        async with environments(settings(tmp_path, index.url)) as made:
            before = await made.foresee(wish("mine==1.0"))
            assert await made.entries() == []
            built = await made.environment(wish("mine==1.0"))
            after = await made.foresee(wish("mine==1.0"))
    assert (before.key, before.python, before.packages) == (built.key, PYTHON, len(built.packages))
    assert (before.there, after.there) == (False, True)
    assert (before.memory_bytes, after.memory_bytes) == (0, built.memory_bytes)


async def test_what_cannot_be_built_is_told_before(tmp_path: Path) -> None:
    """As building it would tell it."""
    with package_index() as index:
        async with environments(settings(tmp_path, index.url)) as made:
            with pytest.raises(EnvironmentRefused) as refused:
                await made.foresee(wish("mine==1.0"))
    assert refused.value.reason == "package_nowhere"


async def test_environment_that_is_kept_is_found_by_its_key_alone(tmp_path: Path) -> None:
    """Whatever the index says by now; not once it is gone."""
    with package_index() as index:
        index.add("mine", "1.0")
        async with environments(settings(tmp_path, index.url)) as made:
            built = await made.environment(wish("mine==1.0"))
            index.status = 500
            kept = await made.kept(built.key)
            assert kept == replace(built, built=False)
            for each in (built, kept):
                assert each is not None
                assert each.lease is not None
                each.lease.release()
            await made.prune()
            assert await made.kept(built.key) is None


async def test_environment_is_not_kept_whose_interpreter_has_gone(tmp_path: Path) -> None:
    """Nothing of it could be started; its lease is given back."""
    with package_index() as index:
        index.add("mine", "1.0")
        async with environments(settings(tmp_path, index.url)) as made:
            built = await made.environment(wish("mine==1.0"))
            assert built.lease is not None
            built.lease.release()
            for each in (built.folder / "bin").glob("python*"):
                each.unlink()
                each.symlink_to(tmp_path / "gone")
            assert await made.kept(built.key) is None
            await made.prune()
            assert not built.folder.exists()
