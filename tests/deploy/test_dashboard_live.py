"""Every panel of the dashboard finds something in a real Prometheus that scrapes a real service.

The service has a split, a shadow, a bake, a refused version and a receiver of events; what it
cannot have in a test stands in `_NOTHING`, with why.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.deploy.programs import needs_programs
from tests.deploy.prometheus import SECONDS, Prometheus, prometheus
from tests.deploy.promql import filled
from tests.deploy.test_dashboard import queries
from tests.models.temperamental import RAISE
from tests.support import models
from tests.support.http_server import Response, http_server
from tests.support.registered import Registry
from tests.support.services import RunningService, running_service
from tests.support.tracking import copy_database
from tests.support.waiting import wait_until

pytestmark = [
    needs_programs,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # MLflow's own, of saving
]
_NAME: Final = "shown"
_NOTHING: Final = {
    "podium_shadow_dropped_total": "begins with the first request that a shadow did not hear of",
}


@pytest.fixture(scope="module")
def watching(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """It has seen all that the panels tell of."""
    folder = tmp_path_factory.mktemp("dashboard")
    address = f"sqlite:///{copy_database(migrated_database, folder)}"
    registry = Registry(address, _NAME)
    place = models.save(folder, "temperamental")
    for alias in ("first", "champion", "challenger"):
        registry.add(place, alias)
    registry.move("champion", "1")
    for tag, value in (("split", "challenger=50"), ("shadow", "v3")):
        registry.client.set_registered_model_tag(_NAME, f"podium.{tag}.champion", value)
    with (
        prometheus(folder) as made,
        http_server(lambda _: Response(b"")) as receiver,
        running_service(
            [f"{_NAME}@champion"],
            address,
            folder,
            PODIUM_EVENTS_URL=receiver,
            PODIUM_BAKE_SECONDS="1",
        ) as service,
    ):
        service.wait_until_ready()
        made.watch(service.url)
        registry.move("champion", "2")
        _goes_on_until(service, made, 'podium_slot_info{version="2",alias="champion"}')
        (place / "temperamental.py").write_text("raise RuntimeError('broken')\n")
        registry.add(place, "champion")
        _goes_on_until(service, made, "podium_slot_failure")
        _goes_on_until(service, made, "rate(podium_shadow_rows_total[1m]) > 0")
        yield made


def _goes_on_until(service: RunningService, made: Prometheus, query: str) -> None:
    """Requests go on being answered, one in ten with an error, until Prometheus finds that."""
    numbers = count()
    with httpx.Client(base_url=service.url, trust_env=False, timeout=SECONDS) as client:

        def found() -> bool:
            number = next(numbers)
            value = float(RAISE if number % 10 == 9 else number)
            client.post("/predict", json={"dataframe_records": [{"x": value}]})
            return bool(made.query(query))

        wait_until(found, SECONDS, lambda: f"{query}; {service.log[-5:]}")


@pytest.mark.parametrize(("title", "query"), queries())
def test_every_panel_finds_something(title: str, query: str, watching: Prometheus) -> None:
    """As Grafana asks, for all models, aliases and instances."""
    nothing = [why for name, why in _NOTHING.items() if name in query]
    if nothing:
        assert watching.query(filled(query)) == []
    else:
        wait_until(lambda: watching.query(filled(query)), SECONDS, title)


def test_no_panel_is_left_out_for_nothing() -> None:
    """What is excused is asked for."""
    assert [name for name in _NOTHING if name not in str(queries())] == []
