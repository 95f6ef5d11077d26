"""The package index that this machine has: resolved as of a day, for a model of that day."""

import os
import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from service.environments.build_settings import builder_environment
from service.environments.environment import EnvironmentDelayed
from tests.environments.given import environments, settings, wish


async def test_what_a_model_of_2024_needs_is_resolved_as_of_its_day(tmp_path: Path) -> None:
    """Its own pins, and of what these need no release that came later."""
    given = replace(settings(tmp_path), builder_environment=builder_environment(os.environ))
    logged = datetime(2024, 10, 1, tzinfo=UTC)
    model = wish("mlflow-skinny==2.16.2", "pandas==2.2.3", "scikit-learn==1.5.2", cut_off=logged)
    async with environments(given) as made:
        try:
            foreseen = await made.foresee(model)
        except EnvironmentDelayed as delayed:
            if delayed.reason == "index_unreachable":
                pytest.skip(f"no package index answers {socket.gethostname()}")
            raise
    (lock,) = (given.folder / "locks").iterdir()
    text = lock.read_text()
    assert foreseen.packages > 20
    assert "scikit-learn==1.5.2 " in text
    if "unpinned_by_date" not in text:
        assert "numpy==2.1.1 " in text
