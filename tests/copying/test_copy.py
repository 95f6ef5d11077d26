"""A copy by bytes within one MLflow server: whole, verified, found again."""

from pathlib import Path

import mlflow.artifacts
import pytest

from service.copying.target_files import experiment_of
from service.promotion.stopped import MoveStopped
from service.registry.store.digest import digest_of
from service.registry.store.manifest import write_manifest
from tests.copying.conftest import Copies, registered
from tests.support.registered import Registry

NAME = "dev.security.it's a café"
TO = "staging.security.it's a café"


def digest(folder: Path, beside: Path) -> str:
    """Of the files there."""
    write_manifest(folder, beside / "manifest")
    return digest_of(beside / "manifest")


@pytest.mark.parametrize(("name", "to"), [("dev.iris", "staging.iris"), (NAME, TO)])
def test_copy_has_the_files_and_what_was_asked_for(
    copies: Copies, saved: Path, tmp_path: Path, name: str, to: str
) -> None:
    """In an experiment of its own; pending, and nothing of what was found out of the source."""
    judged = {"podium__validation": "{}", "podium__blocked": "why", "validation_status": "passed"}
    source = registered(copies.uri, name, saved, team="security", other="stays", **judged)
    source.move("champion", "1")
    copied = copies.copy(name, to, tags=("team",), marks={"podium.copied": "{}"})
    assert (copied.outcome, copied.version) == ("copied", "1")
    (version,) = copies.versions(to)
    assert version.description == "as its author says"
    assert version.tags == {
        "team": "security",
        "validation_status": "pending",
        "podium.source": f"models:/{name}/1",
        "podium.digest": copied.digest,
        "podium.copied": "{}",
    }
    assert version.aliases == []
    assert version.run_id == source.client.get_model_version(name, "1").run_id
    (logged,) = copies.logged(to)
    assert (version.source, str(logged.status)) == (f"models:/{logged.model_id}", "READY")
    files = mlflow.artifacts.download_artifacts(
        logged.artifact_location, dst_path=str(tmp_path), tracking_uri=copies.uri
    )
    assert digest(Path(files), tmp_path) == copied.digest == digest(saved, tmp_path)
    assert copied.experiment == experiment_of(to)
    assert [note.partition(" was not there")[0] for note in copied.notes] == [
        f"the model {to}",
        f"the experiment {experiment_of(to)}",
    ]
    again = copies.copy(name, to, tags=("team",))
    assert (again.outcome, again.version, again.digest) == ("already", "1", copied.digest)
    assert len(copies.versions(to)) == len(copies.logged(to)) == 1
    assert not list((copies.home / "tmp").glob("*/*"))
