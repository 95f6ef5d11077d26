"""A model that writes into its own files costs nobody else an answer (P1, P11)."""

import os
import signal
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import mlflow
import pytest

from service.errors import ModelFailed, PassingFault, VersionFault
from service.hosting.pool import Pool
from service.hosting.specification import PoolLimits
from service.registry.store.manifest import Altered, verify, write_manifest
from tests.hosting.conftest import MakePool
from tests.hosting.rows import double_rows
from tests.hosting.test_pool import SECONDS, answers, gone, pids
from tests.models.writing import APPENDED, CLOSED, DEADLY, DELETED, REPLACED
from tests.support import models
from tests.support.databases import base_of
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def writing(tmp_path: Path) -> Path:
    """A saved model with a database of its own."""
    beside = tmp_path / "beside"
    beside.write_text("beside")
    place = tmp_path / "model"
    with warnings.catch_warnings():
        # With an example MLflow would load it from here, and alter it before it is tested.
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            str(place),
            python_model=str(models.CODE / "writing.py"),
            artifacts={"database": str(base_of(tmp_path, 10.0)), "beside": str(beside)},
            signature=models.doubles("x"),
            pip_requirements=models.REQUIREMENTS,
        )
    return place


def verifying(place: Path) -> Callable[[], None]:
    """Raises, as the cache does, unless that artifact is as it is now."""
    manifest = place.with_name("manifest.json")
    write_manifest(place, manifest)

    def check() -> None:
        try:
            verify(place, manifest, in_use=True)
        except Altered as error:
            raise VersionFault("load", "artifact_altered", str(error)) from error

    return check


async def replaced(pool: Pool) -> None:
    """Every host is killed; returns once there are as many others."""
    before = pids(pool)
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for pid in before:
        await until(partial(gone, pool, pid), SECONDS, "the host is gone")
    await until(lambda: len(pids(pool)) == len(before), SECONDS, "others stand in their place")


@pytest.mark.parametrize("hosts", [1, 2])
async def test_p1_deadly_request_fails_alone_where_the_model_has_altered_its_files(
    writing: Path, make_pool: MakePool, hosts: int
) -> None:
    """A database in write-ahead mode is altered as soon as it is opened; hosts come back."""
    verified = verifying(writing)
    pool = await make_pool(
        writing,
        limits=PoolLimits(hosts=hosts),
        joinable=False,
        verify=verified,
        own_copies=True,
    )
    requests = [pool.predict(double_rows(value)) for value in (1.0, DEADLY, 2.0)]
    first, deadly, last = await answers(*requests)
    assert (first, last) == ([11.0], [12.0])
    assert isinstance(deadly, ModelFailed)
    await until(lambda: len(pids(pool)) == hosts, SECONDS, "the host is replaced")
    assert not pool.irreplaceable
    assert await answers(pool.predict(double_rows(3.0))) == [[13.0]]
    verified()


async def test_p1_whatever_a_model_does_to_its_files_hosts_come_back(
    writing: Path, make_pool: MakePool
) -> None:
    """It deletes, replaces, appends to and closes them: the next host has them as they were."""
    pool = await make_pool(writing, verify=verifying(writing), own_copies=True)
    for harm in (DELETED, REPLACED, APPENDED, CLOSED):
        assert await answers(pool.predict(double_rows(harm))) == [[harm + 10]]
    await replaced(pool)
    assert await answers(pool.predict(double_rows(1.0))) == [[11.0]]


async def test_p11_load_that_alters_files_which_others_share_is_passing(
    writing: Path, make_pool: MakePool
) -> None:
    """No host would come back after it: so it is fetched anew before it serves anybody."""
    with pytest.raises(PassingFault) as caught:
        await make_pool(writing, verify=verifying(writing))
    assert (caught.value.stage, caught.value.reason) == ("load", "artifact_altered")
