"""What a host tells of files that it shares with others."""

from pathlib import Path

from service.host.loading import Untouched, own_copy


def test_files_that_were_written_to_are_told_from_new_ones(tmp_path: Path) -> None:
    """By size, time and identity: nothing is read."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("as it was")
    seen = Untouched(str(tmp_path))
    (tmp_path / "new").touch()
    assert not seen.touched()
    (tmp_path / "folder" / "file").unlink()
    assert seen.touched()


def test_model_is_loaded_in_place_where_there_is_no_room_for_a_copy(tmp_path: Path) -> None:
    """As it was before there were copies."""
    place = str(tmp_path / "nowhere")
    assert own_copy(place) == place
