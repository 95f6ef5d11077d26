"""The digest of an artifact: the same for the same files, another for any other."""

from collections.abc import Callable
from pathlib import Path

import pytest

from service.registry.store.manifest import digest_of, write_manifest


def _digest(folder: Path) -> str:
    write_manifest(folder, manifest := folder.parent / f"{folder.name}.json")
    return digest_of(manifest)


def _artifact(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "data" / "model.pkl").write_bytes(b"model")
    return folder


def test_equal_files_have_equal_digests_and_mlflow_s_own_note_does_not_count(
    tmp_path: Path,
) -> None:
    """MLflow writes name and number beside a copied version's files."""
    one, other = _artifact(tmp_path / "one"), _artifact(tmp_path / "other")
    (other / "registered_model_meta").write_text("model_name: other")
    assert _digest(one) == _digest(other)


@pytest.mark.parametrize(
    "alter",
    [
        lambda folder: (folder / "MLmodel").write_text("flavors: {a}"),
        lambda folder: (folder / "data" / "model.pkl").rename(folder / "model.pkl"),
        lambda folder: (folder / "more").write_text(""),
        lambda folder: (folder / "MLmodel").unlink(),
        lambda folder: (folder / "data" / "registered_model_meta").write_text(""),
    ],
)
def test_any_other_file_makes_another_digest(
    tmp_path: Path, alter: Callable[[Path], object]
) -> None:
    """Content, name, place, number; the note counts everywhere but where MLflow puts it."""
    one, other = _artifact(tmp_path / "one"), _artifact(tmp_path / "other")
    alter(other)
    assert _digest(one) != _digest(other)
