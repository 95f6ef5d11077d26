"""Services for the tests of this folder."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.support.services import running_service


@pytest.fixture
def podium_service(
    tmp_path: Path,
) -> Callable[[list[str], str], AbstractContextManager[str]]:
    """Starts a service that follows these refs of that MLflow; yields its address."""

    @contextmanager
    def start(refs: list[str], tracking_uri: str) -> Iterator[str]:
        with running_service(refs, tracking_uri, tmp_path) as service:
            yield service.url

    return start
