"""An engine, and predictions by it, with no HTTP at all."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
import pytest_asyncio

from service.config.home import HomeUnusable
from service.config.settings import load_settings
from service.engine import Engine, Given
from service.errors import InvalidInput
from service.following.history import ServedBefore
from service.following.ports import FetchedVersion, NoLease
from service.following.servable import Binding
from service.predicting.request import Prediction
from service.predicting.route import PredictionRoute
from service.protocols.mlflow import MlflowProtocol
from service.protocols.podium import PodiumProtocol
from service.protocols.protocol import Encloses, PredictionProtocol
from service.refs import ModelRef
from service.registry.front.client import CachedVersion
from service.registry.front.last_known_good import DiskHistory
from tests.following.fakes import version
from tests.support import models
from tests.support.given import JSON, GivenRequest, Told, given_context
from tests.support.observing import quiet
from tests.support.registered import Registry
from tests.support.serving import fetched_version
from tests.support.tracking import copy_database
from tests.support.waiting import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning"),
]
_SECONDS = 400.0
NAME = "echo"
ROWS = b'{"dataframe_split": {"columns": ["x"], "data": [[2.0], [1.5]]}}'


class Form(NamedTuple):
    """A protocol's form of replies by one binding."""

    binding: Binding
    enclosure: Encloses


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def engine(
    migrated_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Engine]:
    """One that follows a registry with one model of MLflow's, and serves it."""
    folder = tmp_path_factory.mktemp("engine")
    database = copy_database(migrated_database, folder)
    place = models.save(folder, "echo", example=None)
    Registry(f"sqlite:///{database}", NAME).add(place, "champion")
    home = folder / "home"
    settings = load_settings({"models": (f"{NAME}@champion",), "home": home, "hosts": 1})
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{database}"}
    async with asyncio.timeout(_SECONDS), Engine.of(Given(settings, environment), quiet()) as made:
        await until(lambda: made.slots.ready, _SECONDS)
        yield made


async def said(engine: Engine, protocol: PredictionProtocol, body: bytes) -> tuple[object, Told]:
    """What a request by that protocol comes to, in its words, and what was told of it."""
    told = Told()

    def form_of(binding: Binding) -> Form:
        return Form(binding, protocol.enclosure(binding))

    context = given_context(told, timed=True)
    slot = engine.slots.default
    route = PredictionRoute(slot, protocol.route, protocol.parse, form_of, context)
    request: GivenRequest[Form] = GivenRequest(context, body, JSON)
    result = await route.predict(request)
    assert result is not None
    if not isinstance(result, Prediction):
        code, refusal = protocol.refuse(result, request.id)
        return (code, orjson.loads(refusal)), told
    route.record(request, result, 0)
    parts = result.form.enclosure.wrap(result).parts
    return orjson.loads(b"".join(parts)), told


async def test_model_of_mlflows_is_predicted_by_without_http(engine: Engine) -> None:
    """The reply is the protocol's, whatever would carry it."""
    podiums, told = await said(engine, PodiumProtocol(), ROWS)
    mlflows, _ = await said(engine, MlflowProtocol(), ROWS)

    answer = {"type": "DataFrame", "length": 2, "params": False}
    assert mlflows == {"predictions": answer}
    model = {"name": NAME, "alias": "champion", "version": "1"}
    assert podiums == {"predictions": answer, "model": model}
    (record,) = told.records
    assert (record.version, record.rows, record.error) == ("1", 2, None)
    timeline = record.timeline
    assert timeline is not None
    times = [timeline.received, timeline.read, timeline.queued, timeline.sent]
    reached = [each for each in (*times, timeline.answered, timeline.written) if each is not None]
    assert len(reached) == 6
    assert reached == sorted(reached)


async def test_p14_refusal_is_the_protocols_too(engine: Engine) -> None:
    """With a code that each transport has its own word for."""
    podiums, _ = await said(engine, PodiumProtocol(), ROWS.replace(b"1.5", b'"secret"'))
    mlflows, _ = await said(engine, MlflowProtocol(), ROWS.replace(b"1.5", b'"secret"'))

    assert isinstance(podiums, tuple)
    assert isinstance(mlflows, tuple)
    assert (podiums[0], mlflows[0]) == (InvalidInput.code, "bad_request")
    assert "secret" not in str((podiums, mlflows))


async def test_engine_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither a folder nor its lock, for whoever goes on without it."""
    (tmp_path / "withdrawn").write_text("where a folder should be")
    settings = load_settings({"models": (f"{NAME}@champion",), "home": tmp_path, "hosts": 1})
    with pytest.raises(HomeUnusable):
        async with Engine.of(Given(settings, dict(os.environ)), quiet()):
            pass
    assert [path.name for path in (tmp_path / "tmp").iterdir()] == [".lock"]


class Keeper:
    """Of a cache of which nobody asks anything."""

    async def find(self, lying: CachedVersion) -> FetchedVersion:
        raise AssertionError(lying)

    def keep(self, _: str) -> NoLease:
        return NoLease()


async def test_p5_start_that_makes_room_leaves_what_was_served_last_its_environment(
    tmp_path: Path,
) -> None:
    """It lies there longest, and the registry says nothing of it."""
    settings = load_settings(
        {"models": (f"{NAME}@champion",), "home": tmp_path, "hosts": 1, "env_bytes": 1024**2}
    )
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/none/mlflow.db"}
    kept, *others = (environment_at(settings.environments_folder, key * 64) for key in "abc")
    os.utime(kept, (1, 1))
    served = replace(fetched_version(version(1)), path=Path("0" * 64) / "model")
    history = DiskHistory(settings.history_folder(environment), Keeper(), quiet().files)
    history.note(ModelRef(NAME, "champion"), ServedBefore(served, 1.0, kept.name))
    history.close()
    async with asyncio.timeout(_SECONDS), Engine.of(Given(settings, environment), quiet()):
        await until(lambda: not any(each.exists() for each in others), _SECONDS)
        assert kept.exists()


def environment_at(folder: Path, key: str) -> Path:
    """One of a megabyte."""
    place = folder / key
    place.mkdir(parents=True)
    notes = {"key": key, "python": "3.11.7", "packages": {}, "findings": []}
    (place / "podium.json").write_bytes(orjson.dumps(notes))
    (place / "library").write_bytes(b"1" * 1024**2)
    return place
