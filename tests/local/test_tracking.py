"""The local MLflow, the real one."""

import asyncio
import io
import os
import signal
from pathlib import Path

import httpx
from rich.console import Console

from service.local.aliases import version_of_alias
from service.local.running import read_record
from service.local.screen import Screen
from service.local.table import group_alive
from service.local.tracking import tracking_command, version_at
from service.local.up import supervise
from tests.local.stand_ins import Stage
from tests.support import tracking
from tests.support.waiting import until


async def test_real_mlflow_starts_answers_and_ends_whole(
    tmp_path: Path, migrated_database: Path
) -> None:
    """One life of it: a model is registered, its alias is read, and nothing is left at the end."""
    stage = Stage.at(tmp_path)
    tracking.copy_database(migrated_database, tmp_path)
    url = stage.settings.tracking_uri
    parts = stage.parts(tracking=tracking_command(stage.settings), patience=240)
    task = asyncio.ensure_future(
        supervise(stage.settings, parts, Screen(Console(file=io.StringIO())))
    )
    try:
        await until(lambda: "service started" in stage.journal or task.done(), 240)
        async with httpx.AsyncClient(trust_env=False, timeout=240) as client:
            assert await version_at(client, url) is not None
            assert await version_of_alias(client, url, "flowers", "best") is None
            await _register(client, url)
            assert await version_of_alias(client, url, "flowers", "best") == "1"
            assert await version_of_alias(client, url, "flowers", "worst") is None
        record = read_record(tmp_path)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        assert await asyncio.wait_for(task, 240) == 0
    assert record is not None
    assert not group_alive(record.children["MLflow"])
    assert stage.journal == ["trained", "service started", "service ended"]


async def _register(client: httpx.AsyncClient, url: str) -> None:
    api = f"{url}/api/2.0/mlflow"
    for path, body in (
        ("registered-models/create", {"name": "flowers"}),
        ("model-versions/create", {"name": "flowers", "source": "s3://flowers/1"}),
        ("registered-models/alias", {"name": "flowers", "alias": "best", "version": "1"}),
    ):
        (await client.post(f"{api}/{path}", json=body)).raise_for_status()
