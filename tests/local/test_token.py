"""The admin token that `up` makes."""

import stat
from pathlib import Path

import pytest

from service.local.failures import UpFailed
from service.local.token import make_token


def test_token_is_long_random_and_its_owners_alone(tmp_path: Path) -> None:
    """Two homes, two tokens."""
    paths = [tmp_path / name for name in ("one", "two")]
    for path in paths:
        make_token(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert len(path.read_text().strip()) >= 43
    assert paths[0].read_text() != paths[1].read_text()
    assert sorted(tmp_path.iterdir()) == paths


def test_token_is_kept(tmp_path: Path) -> None:
    """Scripts that read it go on; rights that somebody has widened are taken back."""
    path = tmp_path / "token"
    path.write_text("mine\n")
    path.chmod(0o644)
    make_token(path)
    assert path.read_text() == "mine\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_empty_file_is_no_token(tmp_path: Path) -> None:
    """It would let anybody in, or nobody."""
    path = tmp_path / "token"
    path.touch()
    make_token(path)
    assert path.read_text().strip()


def test_place_that_cannot_be_used_ends_up_with_one_line(tmp_path: Path) -> None:
    """With the system's reason."""
    with pytest.raises(UpFailed, match="Is a directory"):
        make_token(tmp_path)
