"""What copies leave, and what they may remove of it: never the files of a version."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from mlflow.entities import LoggedModel

from service.copying.target_files import experiment_of
from service.exits import IN_PART
from service.promotion.stopped import MoveStopped
from tests.copying.conftest import Copies, fetched, registered
from tests.support.registered import Registry

SHARED = "copies of everybody"


def altered(copies: Copies, source: Registry, name: str, tmp_path: Path) -> None:
    """Another file is in the source's version 1."""
    other = tmp_path / "more.txt"
    other.write_text(name)
    run = source.client.get_model_version(name, "1").run_id
    source.client.log_artifact(run, str(other), "model")


def logged_in(copies: Copies, experiment: str) -> dict[str, LoggedModel]:
    """The logged models there, by their ids."""
    found = copies.there.get_experiment_by_name(experiment)
    assert found is not None
    there = copies.there.search_logged_models([found.experiment_id])
    return {str(each.model_id): each for each in there}


def files_of(copies: Copies, name: str, version: str = "1") -> str:
    """The logged model that the version has."""
    return str(copies.there.get_model_version(name, version).source).removeprefix("models:/")


def test_files_of_another_models_copy_are_never_removed(
    copies: Copies, saved: Path, tmp_path: Path
) -> None:
    """In one experiment for all; nor are they taken for those of a copy that was not finished."""
    source = registered(copies.uri, "dev.shared", saved)
    copies.copy("dev.shared", "staging.shared", experiment=SHARED)
    altered(copies, source, "dev.shared", tmp_path)
    copies.copy("dev.shared", "prod.shared", experiment=SHARED)
    copies.copy("dev.shared", "other.shared", experiment=SHARED)
    models = ("staging.shared", "prod.shared", "other.shared")
    assert {files_of(copies, each) for each in models} == logged_in(copies, SHARED).keys()


@pytest.mark.parametrize("how", ["renamed", "untagged"])
def test_files_of_a_version_that_is_not_known_for_a_copy_any_more_stay(
    copies: Copies, saved: Path, tmp_path: Path, how: str
) -> None:
    """Whoever has renamed the model, or has deleted the tag, has what it serves."""
    name, to = f"dev.{how}", f"staging.{how}"
    source = registered(copies.uri, name, saved)
    copies.copy(name, to)
    first = files_of(copies, to)
    if how == "renamed":
        copies.there.rename_registered_model(to, "staging.new")
    else:
        copies.there.delete_model_version_tag(to, "1", "podium.source")
    for number in ("1", "2") if how == "renamed" else ("2", "3"):
        copied = copies.copy(name, to)
        assert (copied.outcome, copied.version) == ("copied", number)
        assert files_of(copies, to, number) != first
        altered(copies, source, name, tmp_path)
    assert first in logged_in(copies, experiment_of(to))


def test_what_is_left_beside_a_copy_is_removed_or_told_by_later_calls(
    copies: Copies, saved: Path
) -> None:
    """Unfinished files go; whole ones, and a version made at the same time, are named."""
    registered(copies.uri, "dev.left", saved)
    first = copies.copy("dev.left", "staging.left")
    experiment = copies.there.get_experiment_by_name(experiment_of("staging.left"))
    assert experiment is not None
    (kept,) = copies.logged("staging.left")
    tags = dict(kept.tags)
    for_others = {**tags, "podium.for": "other.left"}
    unfinished, whole, others = (
        str(copies.there.create_logged_model(experiment.experiment_id, "copy", tags=each).model_id)
        for each in (tags, tags, for_others)
    )
    copies.there.finalize_logged_model(whole, "READY")
    source = copies.there.get_model_version("staging.left", "1")
    copies.there.create_model_version(
        "staging.left", str(source.source), tags=dict(source.tags), model_id=kept.model_id
    )
    again = copies.copy("dev.left", "staging.left")
    assert (again.outcome, again.version, again.experiment) == ("already", "1", "")
    assert again.digest == first.digest
    assert any(note.startswith("version 2 is another copy of these files") for note in again.notes)
    assert any(note.startswith(f"{whole} in the experiment") for note in again.notes)
    assert {each.model_id for each in copies.logged("staging.left")} == {
        *(kept.model_id, whole, others),
    }
    assert unfinished not in {whole, others}


def test_files_that_another_call_is_sending_of_an_altered_source_are_spared(
    copies: Copies, saved: Path, tmp_path: Path
) -> None:
    """Both come to their end; each is a version of its own."""
    source = registered(copies.uri, "dev.sent", saved)
    other = Copies(copies.uri, copies.home, fetch=fetched)
    notes: list[str] = []

    def meanwhile(step: str) -> None:
        if step.startswith("reading"):
            altered(copies, source, "dev.sent", tmp_path)
            notes.extend(other.copy("dev.sent", "staging.sent").notes)

    copies.on_step = meanwhile
    assert copies.copy("dev.sent", "staging.sent").version == "2"
    assert any(note.startswith("1 copies of other files") for note in notes)
    models = {files_of(copies, "staging.sent", number) for number in ("1", "2")}
    assert models == logged_in(copies, experiment_of("staging.sent")).keys()


def test_files_that_a_killed_call_has_left_of_an_altered_source_are_removed_later(
    copies: Copies, saved: Path
) -> None:
    """Within the hour they may be of one that still runs."""
    registered(copies.uri, "dev.killed", saved)
    copies.copy("dev.killed", "staging.killed")
    (kept,) = copies.logged("staging.killed")
    tags = {**kept.tags, "podium.digest": "another"}
    copies.there.create_logged_model(str(kept.experiment_id), "copy", tags=tags)
    for later, there in ((3000.0, 2), (3700.0, 1)):
        copies.clock = partial(_time_in, later)
        copies.copy("dev.killed", "staging.killed")
        assert len(copies.logged("staging.killed")) == there


def _time_in(seconds: float) -> float:
    return time.time() + seconds


def _interrupted(step: str) -> Callable[[str], None]:
    def interrupt(told: str) -> None:
        if told.startswith(step):
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize(
    ("step", "made"),
    [
        ("uploading", "the experiment"),
        ("registering", "files in the experiment"),
        ("removing", "version 1"),
    ],
)
def test_copy_that_ends_in_the_middle_names_what_it_has_made(
    copies: Copies, saved: Path, step: str, made: str
) -> None:
    """With the exit status that says so; the same call goes on."""
    name, to = f"dev.part{step}", f"staging.part{step}"
    registered(copies.uri, name, saved)
    copies.on_step = _interrupted(step)
    with pytest.raises(MoveStopped, match=made) as stopped:
        copies.copy(name, to)
    assert (stopped.value.status, stopped.value.code) == (IN_PART, "interrupted")
    again = Copies(copies.uri, copies.home, fetch=fetched).copy(name, to)
    assert again.version == "1"
    assert len(copies.versions(to)) == 1


def test_copy_that_has_made_nothing_ends_as_it_would_before(copies: Copies, saved: Path) -> None:
    """Nothing was changed."""
    registered(copies.uri, "dev.none", saved)
    copies.on_step = _interrupted("downloading")
    with pytest.raises(KeyboardInterrupt):
        copies.copy("dev.none", "staging.none")
