"""A copy by bytes within one MLflow server: whole, verified, found again."""

from pathlib import Path

import mlflow.artifacts
import pytest

from service.copying.target_files import experiment_of
from service.promotion.registry_bytes import fetched_into
from service.promotion.stopped import MoveStopped
from service.registry.store.manifest import digest_of, write_manifest
from tests.copying.conftest import Copies, fetched, registered

NAME = "dev.security.it's a café"
TO = "staging.security.it's a café"


def digest(folder: Path, beside: Path) -> str:
    """Of the files there."""
    write_manifest(folder, beside / "manifest")
    return digest_of(beside / "manifest")


def test_copy_has_the_files_and_what_was_asked_for(
    copies: Copies, saved: Path, tmp_path: Path
) -> None:
    """In an experiment of its own; pending, and nothing of what was found out of the source."""
    copies.fetch = fetched_into  # the command's own
    name, to = NAME, TO
    judged = {"podium__validation": "{}", "validation_status": "passed"}
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
    copies.fetch = fetched
    again = copies.copy(name, to, tags=("team",))
    assert (again.outcome, again.version, again.digest) == ("already", "1", copied.digest)
    assert len(copies.versions(to)) == len(copies.logged(to)) == 1
    assert not list((copies.home / "tmp").glob("*/*"))


def test_copy_whose_files_were_altered_is_not_taken_for_one(
    copies: Copies, saved: Path, tmp_path: Path
) -> None:
    """Nobody is told that it is there; and nothing else is made."""
    registered(copies.uri, "dev.altered", saved)
    copies.copy("dev.altered", "staging.altered")
    (logged,) = copies.logged("staging.altered")
    other = tmp_path / "MLmodel"
    other.write_text("altered")
    copies.there.log_model_artifact(logged.model_id, str(other))
    with pytest.raises(MoveStopped) as stopped:
        copies.copy("dev.altered", "staging.altered")
    assert stopped.value.code == "copy_altered"
    assert len(copies.versions("staging.altered")) == 1


def test_source_whose_files_were_altered_is_copied_anew(
    copies: Copies, saved: Path, tmp_path: Path
) -> None:
    """It is another version, by the files that are there now."""
    source = registered(copies.uri, "dev.changed", saved)
    first = copies.copy("dev.changed", "staging.changed")
    other = tmp_path / "more.txt"
    other.write_text("more")
    run = source.client.get_model_version("dev.changed", "1").run_id
    source.client.log_artifact(run, str(other), "model")
    second = copies.copy("dev.changed", "staging.changed")
    assert (second.outcome, second.version) == ("copied", "2")
    assert second.digest != first.digest
    assert len(copies.logged("staging.changed")) == 2


def test_link_has_no_files_and_none_of_the_tags(copies: Copies, saved: Path) -> None:
    """It is found again; a copy by bytes is another version."""
    judged = {"podium__validation": "{}", "validation_status": "passed"}
    registered(copies.uri, "dev.linked", saved, **judged)
    for outcome in ("copied", "already"):
        link = copies.copy("dev.linked", "prod.linked", linked=True)
        assert (link.outcome, link.version, link.digest) == (outcome, "1", "")
    (version,) = copies.versions("prod.linked")
    assert version.source == "models:/dev.linked/1"
    assert version.tags == {
        "validation_status": "pending",
        "podium.source": "models:/dev.linked/1",
        "podium.linked": "yes",
    }
    copied = copies.copy("dev.linked", "prod.linked")
    assert (copied.outcome, copied.version) == ("copied", "2")


def test_what_can_be_no_copy_is_refused_and_nothing_is_made(copies: Copies, saved: Path) -> None:
    """Prompts, which MLflow keeps under the names of models; the model itself; absent tags.

    And what an operator has blocked or withdrawn, of which a copy would be free.
    """
    source = registered(copies.uri, "dev.refused", saved)
    copies.there.register_prompt("a.prompt", "Say {{ it }}")
    told = {
        "prompt": ("dev.refused", "a.prompt", ()),
        "same_model": ("dev.refused", "dev.refused", ()),
        "no_such_tag": ("dev.refused", "staging.refused", ("team",)),
    }
    for code, (name, to, tags) in told.items():
        with pytest.raises(MoveStopped) as stopped:
            copies.copy(name, to, tags=tags)
        assert stopped.value.code == code
    for code in ("blocked", "withdrawn"):
        tag = ("dev.refused", "1", f"podium.{code}")
        source.client.set_model_version_tag(*tag, "wrong for some")
        for linked in (False, True):
            with pytest.raises(MoveStopped, match=f"it is {code}: wrong for some") as stopped:
                copies.copy("dev.refused", "staging.refused", linked=linked)
            assert stopped.value.code == code
        source.client.delete_model_version_tag(*tag)
    with pytest.raises(MoveStopped, match="is a prompt, not a model"):
        copies.copy("a.prompt", "staging.refused")
    assert copies.versions("staging.refused") == []
    assert copies.there.get_experiment_by_name(experiment_of("staging.refused")) is None


@pytest.mark.parametrize("linked", [False, True], ids=["copy", "link"])
def test_copy_that_is_blocked_is_not_handed_out(
    copies: Copies, saved: Path, *, linked: bool
) -> None:
    """Nor is another one made beside it."""
    name, to = f"dev.marked{linked}", f"staging.marked{linked}"
    registered(copies.uri, name, saved)
    copies.copy(name, to, linked=linked)
    copies.there.set_model_version_tag(to, "1", "podium.blocked", "wrong for some")
    with pytest.raises(MoveStopped, match="it is blocked: wrong for some") as stopped:
        copies.copy(name, to, linked=linked)
    assert stopped.value.code == "blocked"
    assert len(copies.versions(to)) == 1


@pytest.mark.parametrize("linked", [False, True], ids=["copy", "link"])
def test_tag_that_is_asked_for_later_comes_to_the_copy_that_is_there(
    copies: Copies, saved: Path, *, linked: bool
) -> None:
    """And it is told; another value is left, which somebody may have set since."""
    name, to = f"dev.tagged{linked}", f"staging.tagged{linked}"
    registered(copies.uri, name, saved, team="security", tier="one")
    copies.copy(name, to, linked=linked)
    copies.there.set_model_version_tag(to, "1", "tier", "two")
    told = copies.copy(name, to, linked=linked, tags=("team", "tier"))
    assert (told.outcome, list(told.notes)) == (
        "already",
        [
            "version 1 was without the tag team of the source, and has it now",
            "version 1 has another value of the tag tier than the source: left as it is",
        ],
    )
    (version,) = copies.versions(to)
    assert (version.tags["team"], version.tags["tier"]) == ("security", "two")
    again = copies.copy(name, to, linked=linked, tags=("team",))
    assert again.notes == ()


def test_model_itself_is_known_by_another_address_of_its_server(
    copies: Copies, saved: Path
) -> None:
    """No second version of a model comes of a copy of it."""
    registered(copies.uri, "dev.itself", saved)
    copies.to_uri = copies.uri.replace("127.0.0.1", "localhost")
    with pytest.raises(MoveStopped) as stopped:
        copies.copy("dev.itself", "dev.itself")
    assert stopped.value.code == "same_model"
    assert len(copies.versions("dev.itself")) == 1
