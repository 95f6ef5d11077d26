"""The disk of PODIUM_HOME and the event loop of a real service never meet: it may hang."""

import json
import os
import re
import signal
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from tests.support import models
from tests.support.audited_service import EVENT
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.waiting import wait_until

SECONDS: Final = 90.0
REF: Final = "numbered@champion"
PROGRAM: Final = ("-m", "tests.support.audited_service")
# Longer than what is read on the loop.
LARGE: Final = json.dumps({"dataframe_split": {"columns": ["x"], "data": [[0.5]] * 20_000}})


def test_p13_event_loop_touches_no_file_of_the_home(tracking_uri: str, tmp_path: Path) -> None:
    """At the start, at swaps, when hosts are replaced and files evicted, in pages, at the end."""
    registry = Registry(tracking_uri, "numbered")
    for number in (1, 2):
        module = models.number_module(tmp_path / f"module {number}", number)
        registry.add(models.save(tmp_path / str(number), "numbered", ships=[module]))
    registry.move("champion", "1")
    settings = {"PODIUM_KEEP_WARM_SECONDS": "0", "PODIUM_CACHE_BYTES": "1"}
    with running_service([REF], tracking_uri, tmp_path, PROGRAM, **settings) as service:
        service.wait_until_ready()
        for version in ("2", "1"):
            registry.move("champion", version)
            wait_until(partial(_serves, service, version), SECONDS, f"version {version} serves")
        _replace_the_host(service)
        for path in ("/openapi.json", "/metrics", "/models", f"/models/{REF}", "/swaps"):
            assert httpx.get(service.url + path, trust_env=False).is_success
        large = httpx.post(f"{service.url}/predict", content=LARGE, trust_env=False)
        assert len(large.raise_for_status().json()["predictions"]) == 20_000
    assert service.events(EVENT) == []
    assert service.events("swapped")


def _serves(service: RunningService, version: str) -> bool:
    return bool(service.slot(REF)["version"] == version)


def _replace_the_host(service: RunningService) -> None:
    def hosts() -> set[int]:
        samples = [name for name in service.metrics() if name.startswith("podium_host_memory")]
        found = (re.search(r'host="(\d+)"', name) for name in samples)
        return {int(each[1]) for each in found if each is not None}

    wait_until(lambda: len(hosts()) == 1, SECONDS, "its host is seen")
    (before,) = hosts()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: len(hosts() - {before}) == 1, SECONDS, "another one has taken its place")
