"""A service with a model of every kind survives whatever it is sent: `make fuzz` in short."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz.fuzzing import Sender, run, troubles
from tests.fuzz.mutations import LENGTH, Broken
from tests.fuzz.openapi import schemathesis
from tests.fuzz.seeds import TENSORS, Seed, seeds
from tests.support.services import RunningService
from tests.support.zoo import running_zoo

BODIES = 3000

# MLflow's own, of models without examples and of type hints.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module")
def service(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """One service for all tests here."""
    with running_zoo(migrated_database, tmp_path_factory.mktemp("zoo")) as running:
        yield running


@pytest.mark.parametrize("seed", seeds(), ids=lambda seed: f"{seed.slot} {seed.media_type}")
def test_every_seed_is_a_valid_request(service: RunningService, seed: Seed) -> None:
    """What is wrong with those made of it would hide behind what was wrong before."""
    headers = [("Content-Type", seed.media_type)]
    request = Broken(f"/models/{seed.slot}@champion/predict", tuple(headers), seed.body)
    if seed.media_type == TENSORS:
        length = () if seed.json_bytes is None else ((LENGTH, str(seed.json_bytes)),)
        request = Broken(f"/v2/models/{seed.slot}/infer", length, seed.body)
    reply, problem = Sender(service.url).exchange(request)

    assert problem is None
    assert reply is not None
    assert reply.status == 200, reply.body


def test_p14_broken_bodies_get_no_5xx_and_nothing_back_of_themselves(
    service: RunningService,
) -> None:
    """Over all formats and signatures; iris alone may fail, and nobody has to be replaced."""
    outcome = run(service.url, seeds(), range(BODIES), seed=1)

    assert outcome.findings == []
    assert outcome.statuses.total() == BODIES
    assert outcome.statuses[200] > BODIES // 20
    assert troubles(service.events) == []


@pytest.mark.parametrize(
    ("phases", "only"),
    [
        (("examples", "fuzzing"), ()),
        (("coverage",), ("/models/scalars@champion/predict", "/invocations", "/health/ready")),
    ],
)
def test_schemathesis_finds_nothing(
    service: RunningService, tmp_path: Path, phases: tuple[str, ...], only: tuple[str, ...]
) -> None:
    """The OpenAPI document says what is answered; all of its coverage is in `make fuzz-openapi`."""
    done = schemathesis(service.url, tmp_path, phases, 5, *only)

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
