"""Fetching from MLflow: the artifact whole and private, or one clear fault and nothing left."""

import asyncio
import hashlib
import shutil
from pathlib import Path

import mlflow
import pandas as pd
import pytest
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

from service.errors import PassingFault, VersionFault
from service.following.ports import FetchedVersion
from service.registry.store.manifest import combined
from tests.registry.conftest import MakeRegistry
from tests.registry.fetching import INTACT, SCRIPTED, SECONDS, WHOLE, fault, files
from tests.registry.scripted_server import (
    DOWNLOAD_URI_PATH,
    LISTING_PATH,
    VERSION_PATH,
    ScriptedServer,
    answer,
    one_version,
    response,
)
from tests.registry.stores import EXAMPLE, MLMODEL, MlflowStore, artifact
from tests.registry.test_answers import NONSENSE
from tests.support import models

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def fetched(store: MlflowStore, name: str, version: str = "1") -> FetchedVersion:
    """That version of the model."""
    async with asyncio.timeout(SECONDS):
        return await store.registry.fetch(store.identity(name, version))


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
        own_copies=True,
        digest=combined(_digests(version.path)),
    )


def _digests(folder: Path) -> dict[str, str]:
    files = (each for each in folder.rglob("*") if each.is_file())
    return {
        each.relative_to(folder).as_posix(): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in files
    }


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
    assert version.path.parent.parent == cache
    assert len(version.path.parent.name) == 64
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
    assert len({version.path for version in found}) == 1
    assert not list(cache.glob("partial-*"))
    assert files(found[0].path)["MLmodel"] == MLMODEL.encode()


@pytest.mark.parametrize(
    "mlmodel",
    [b"a: [", b"[" * 100_000, MLMODEL.encode() + b"# filling\n" * 500_000],
    ids=["no yaml", "too deep", "too large"],
)
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


@pytest.mark.parametrize("path", [VERSION_PATH, DOWNLOAD_URI_PATH, LISTING_PATH])
async def test_nonsense_over_a_fetch_passes_and_leaves_nothing(
    make_registry: MakeRegistry, cache: Path, path: str
) -> None:
    """Whichever of its questions is answered so; it is asked again, and right answers are taken."""
    whole = one_version("iris", WHOLE)
    async with ScriptedServer(answers=whole) as server:
        registry = make_registry(server.url)
        for kind in ("html", "truncated json", "an empty object", "a list", "error 500"):
            server.answers = whole | {path: NONSENSE[kind]}
            failure = await fault(registry.fetch(SCRIPTED))
            assert (type(failure), bool(failure.message)) == (PassingFault, True), kind
            assert files(cache) == {}, kind
        server.answers = whole
        assert files((await registry.fetch(SCRIPTED)).path) == INTACT


async def test_artifact_with_files_elsewhere_is_never_fetched(
    make_registry: MakeRegistry, cache: Path
) -> None:
    """Whoever lists paths that lead out of it writes nothing there, nor anywhere."""
    evil = response(b"evil")
    async with ScriptedServer(otherwise=evil) as server:
        for path in ("../../../evil", "/evil", "..%2f..%2fevil", "data/../../../evil"):
            server.answers = one_version("iris", {**WHOLE, path: evil})
            failure = await fault(make_registry(server.url).fetch(SCRIPTED))
            assert (type(failure), failure.reason) == (PassingFault, "artifact_not_fetched"), path
            assert files(cache.parent) == {}, path


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
            server.answers[VERSION_PATH] = answer({"model_version": version})
            failure = await fault(make_registry(server.url).fetch(SCRIPTED))
            reasons[type(failure)] = failure.reason
    assert reasons == {PassingFault: "version_not_ready", VersionFault: "registration_failed"}
