"""Fetching from MLflow: the artifact whole and private, or one clear fault and nothing left."""

import asyncio
import math
import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

from service.errors import FollowingError, PassingFault, VersionFault
from service.following.ports import FetchedVersion
from service.following.refs import ModelRef, VersionId
from service.registry.artifacts import remove_partial
from service.registry.client import Deadlines
from tests.registry.conftest import MakeRegistry, Watched
from tests.registry.scripted_server import CREATED, ScriptedServer, answer, one_version, response
from tests.registry.stores import EXAMPLE, MLMODEL, MlflowStore, artifact
from tests.support import models

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = 60
SCRIPTED = VersionId("iris", CREATED, "1")
WHOLE = {"MLmodel": response(MLMODEL.encode()), "data": response(b"weights")}


async def fetched(store: MlflowStore, name: str, version: str = "1") -> FetchedVersion:
    """That version of the model."""
    async with asyncio.timeout(SECONDS):
        return await store.registry.fetch(store.identity(name, version))


async def fault(fetching: Coroutine[Any, Any, FetchedVersion]) -> FollowingError:
    """What fetching raises."""
    async with asyncio.timeout(SECONDS):
        with pytest.raises(FollowingError) as failure:
            await fetching
    assert failure.value.stage == "fetch"
    return failure.value


def files(folder: Path) -> dict[str, bytes]:
    """Every file below, by its path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


async def test_fetch_tells_everything_of_a_version(mlflow_store: MlflowStore, name: str) -> None:
    """What MLmodel says, what the registry says, and the ready request."""
    made = artifact(mlflow_store.new_folder())
    mlflow_store.add(name, made, **{"podium.batching": "off"})
    version = await fetched(mlflow_store, name)
    assert version == FetchedVersion(
        version=mlflow_store.identity(name, "1"),
        source=str(made),
        path=version.path,
        signature={
            "inputs": '[{"type": "double", "name": "x", "required": true}]',
            "outputs": None,
            "params": None,
        },
        flavors=("python_function", "sklearn"),
        loader_module="mlflow.sklearn",
        from_type_hint=False,
        tags={"podium.batching": "off"},
        serving_example=EXAMPLE,
    )


async def test_model_as_mlflow_saves_it_is_fetched_whole(
    mlflow_store: MlflowStore, name: str, cache: Path
) -> None:
    """Into a place whose name comes from no model's name; signature and example are MLflow's."""
    rows = pd.DataFrame({"x": [0.0, 1.0]})
    saved = mlflow_store.new_folder()
    mlflow.sklearn.save_model(
        LinearRegression().fit(rows, [0.0, 2.0]),
        str(saved),
        signature=infer_signature(rows),
        input_example=rows,
        pip_requirements=models.REQUIREMENTS,
    )
    mlflow_store.log(name, saved)
    version = await fetched(mlflow_store, name)
    assert files(version.path) == files(saved)
    assert version.path.parent == cache
    assert len(version.path.name) == 64
    assert version.loader_module == "mlflow.sklearn"
    assert '"name": "x"' in str((version.signature or {})["inputs"])
    assert b'"dataframe_split"' in (version.serving_example or b"")


async def test_fetched_artifact_is_a_private_copy(mlflow_store: MlflowStore, name: str) -> None:
    """Whatever becomes of the source, what serves stays what was checked."""
    made = artifact(mlflow_store.new_folder())
    before = files(made)
    mlflow_store.add(name, made)
    path = (await fetched(mlflow_store, name)).path
    (made / "MLmodel").write_text("something else")
    assert files(path) == before
    shutil.rmtree(made)
    assert files(path) == before


async def test_version_is_downloaded_once(make_registry: MakeRegistry) -> None:
    """The second time the registry is asked, and the artifact's store is not."""
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        registry = make_registry(server.url)
        first = await registry.fetch(SCRIPTED)
        before = len(server.asked)
        assert await registry.fetch(SCRIPTED) == first
    again = [asked.path for asked in server.asked[before:]]
    assert again
    assert not any("mlflow-artifacts" in path for path in again)


async def test_copied_version_is_fetched(mlflow_store: MlflowStore, name: str) -> None:
    """Its source is another version instead of a folder."""
    mlflow_store.register(name)
    mlflow_store.client.copy_model_version(f"models:/{name}/1", f"{name} copied")
    copied = await fetched(mlflow_store, f"{name} copied")
    assert copied.source == f"models:/{name}/1"
    assert (copied.path / "MLmodel").read_text() == MLMODEL


async def test_several_fetches_of_one_version_at_once_find_one_place(
    make_registry: MakeRegistry, cache: Path
) -> None:
    """Whoever is first puts it there; the others take it."""
    async with (
        ScriptedServer(answers=one_version("iris", WHOLE)) as server,
        asyncio.timeout(SECONDS),
    ):
        registry = make_registry(server.url)
        found = await asyncio.gather(*(registry.fetch(SCRIPTED) for _ in range(3)))
    assert {version.path for version in found} == set(cache.iterdir())
    assert files(found[0].path)["MLmodel"] == MLMODEL.encode()


@pytest.mark.parametrize("mlmodel", [b"a: [", b"[" * 100_000], ids=["no yaml", "too deep"])
async def test_unreadable_mlmodel_is_the_versions_fault(
    make_registry: MakeRegistry, mlmodel: bytes
) -> None:
    """It cannot come right by itself, so it is not tried again."""
    artifact = {**WHOLE, "MLmodel": response(mlmodel)}
    async with ScriptedServer(answers=one_version("iris", artifact)) as server:
        failure = await fault(make_registry(server.url).fetch(SCRIPTED))
    assert (type(failure), failure.reason) == (VersionFault, "artifact_unreadable")


async def test_artifact_without_mlmodel_is_missing_and_leaves_nothing(
    make_registry: MakeRegistry, cache: Path
) -> None:
    """It may still be on its way, so it is asked for again."""
    unfinished = {"data": WHOLE["data"]}
    async with ScriptedServer(answers=one_version("iris", unfinished)) as server:
        registry = make_registry(server.url)
        failure = await fault(registry.fetch(SCRIPTED))
        assert (type(failure), failure.reason) == (PassingFault, "artifact_missing")
        assert list(cache.iterdir()) == []
        server.answers |= one_version("iris", WHOLE)
        assert (await registry.fetch(SCRIPTED)).loader_module == "mlflow.sklearn"


async def test_artifact_that_was_deleted_is_missing(mlflow_store: MlflowStore, name: str) -> None:
    """Not the disk's fault."""
    made = artifact(mlflow_store.new_folder())
    mlflow_store.add(name, made)
    shutil.rmtree(made)
    assert (await fault(fetched(mlflow_store, name))).reason == "artifact_missing"


async def test_cache_that_cannot_be_written_is_the_disks_fault(
    make_registry: MakeRegistry, cache: Path
) -> None:
    """It passes when there is room again."""
    cache.write_text("a file where the folder should be")
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        failure = await fault(make_registry(server.url).fetch(SCRIPTED))
    assert (type(failure), failure.reason) == (PassingFault, "disk")


async def test_version_that_is_still_being_registered_is_tried_again(
    make_registry: MakeRegistry,
) -> None:
    """And one whose registration has failed is not."""
    reasons = {}
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        for status in ("PENDING_REGISTRATION", "FAILED_REGISTRATION"):
            version = {"name": "iris", "version": "1", "status": status}
            path = "/api/2.0/mlflow/model-versions/get"
            server.answers[path] = answer({"model_version": version})
            failure = await fault(make_registry(server.url).fetch(SCRIPTED))
            reasons[type(failure)] = failure.reason
    assert reasons == {PassingFault: "version_not_ready", VersionFault: "registration_failed"}


@pytest.mark.parametrize(
    "broken",
    [response(b"wei", length=7), response(b"no", 500), response(b"<html>not you</html>", 403), b""],
    ids=["cut off", "error", "forbidden", "nothing"],
)
async def test_half_of_an_artifact_is_never_in_place(
    make_registry: MakeRegistry, cache: Path, broken: bytes
) -> None:
    """One file of two did not come: a passing fault, nothing left, and the next fetch has all."""
    async with ScriptedServer(answers=one_version("iris", {**WHOLE, "data": broken})) as server:
        registry = make_registry(server.url)
        failure = await fault(registry.fetch(SCRIPTED))
        assert (type(failure), failure.reason) == (PassingFault, "artifact_not_fetched")
        assert list(cache.iterdir()) == []
        server.answers |= one_version("iris", WHOLE)
        path = (await registry.fetch(SCRIPTED)).path
    assert files(path) == {"MLmodel": MLMODEL.encode(), "data": b"weights"}


async def test_cancelled_fetch_ends_its_process_and_leaves_nothing_in_place(
    make_registry: MakeRegistry, forks: Watched, cache: Path
) -> None:
    """What was half there is gone once the leftovers are removed."""
    half = {**WHOLE, "data": response(b"wei", length=7)}
    async with ScriptedServer(answers=one_version("iris", half)) as server:
        registry = make_registry(server.url)
        fetching = asyncio.create_task(registry.fetch(SCRIPTED))
        await held_in_the_middle(server, fetching)
        fetching.cancel()
        async with asyncio.timeout(SECONDS):
            await asyncio.wait([fetching])
        assert [child.alive for child in forks.children] == [False]
        assert not Path(f"/proc/{forks.children[0].pid}").exists()
        assert [path.name.split("-")[0] for path in cache.iterdir()] == ["partial"]
        remove_partial(cache, older_than=math.inf)
        assert list(cache.iterdir()) == []


async def held_in_the_middle(server: ScriptedServer, fetching: asyncio.Task[Any]) -> None:
    """Returns when half of the last file was sent and the server keeps the rest to itself."""
    async with asyncio.timeout(SECONDS):
        while not any(asked.path.endswith("/m/data") for asked in server.asked):
            # The listings must come through; the files are asked for last.
            if any(asked.path.endswith("?path=m") for asked in server.asked):
                server.gate.clear()
            await asyncio.wait([fetching], timeout=0.005)
    assert not fetching.done()


async def test_fetch_that_takes_too_long_is_given_up(
    make_registry: MakeRegistry, forks: Watched
) -> None:
    """At its deadline, by ending its process."""
    async with ScriptedServer(otherwise=b"") as server:
        server.gate.clear()
        registry = make_registry(server.url, Deadlines(fetch=0.5))
        failure = await fault(registry.fetch(SCRIPTED))
    assert (type(failure), failure.reason) == (PassingFault, "registry_timed_out")
    assert [child.alive for child in forks.children] == [False]


async def test_looks_go_on_while_a_version_is_fetched(make_registry: MakeRegistry) -> None:
    """So that a wish that has changed is seen, and the fetch given up."""
    ref = ModelRef("iris", "champion")
    async with ScriptedServer(answers=one_version("iris", WHOLE)) as server:
        held = server.answers.pop("/api/2.0/mlflow/model-versions/get")
        registry = make_registry(server.url)
        await registry.prepare()
        server.answers["/api/2.0/mlflow/model-versions/get"] = response(b"", length=len(held))
        fetching = asyncio.create_task(registry.fetch(SCRIPTED))
        async with asyncio.timeout(SECONDS):
            assert await registry.resolve([ref]) == {ref: SCRIPTED}
        fetching.cancel()
        await asyncio.wait([fetching])
