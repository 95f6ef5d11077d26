"""What is installed here, found by the names that requirements have for it."""

import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

import pytest

from service.environments.installed import installed


def test_modules_are_looked_through_once_until_something_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes a second: a thousand invented names must not take a thousand."""
    looks = 0
    real = metadata.packages_distributions

    def counted() -> Mapping[str, Sequence[str]]:
        nonlocal looks
        looks += 1
        return real()

    monkeypatch.setattr(metadata, "packages_distributions", counted)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert [installed(f"no-such-{number}") for number in range(100)] == [None] * 100
    assert looks == 1
    (tmp_path / "made_up.py").touch()
    there = tmp_path / "other_name-1.5.dist-info"
    there.mkdir()
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: other-name\nVersion: 1.5\n")
    (there / "RECORD").write_text("made_up.py,,\n")
    assert installed("made-up") == "1.5"
    assert looks == 2
