"""The folder of everything that is kept."""

from pathlib import Path

import pytest

from service.home import HomeUnusable, make_home


def test_home_is_made_and_left_empty(tmp_path: Path) -> None:
    """The file that was tried is gone again; a home that is there is fine."""
    home = tmp_path / "some" / "home"
    make_home(home)
    make_home(home)
    assert list(home.iterdir()) == []


@pytest.mark.parametrize(
    "home",
    [
        Path("/proc/podium"),  # no folder can be made there
        Path("/proc/self"),  # a folder that takes no file, also root's
        Path(__file__),
        Path(__file__) / "below",
    ],
)
def test_home_that_cannot_be_used_is_one_line(home: Path) -> None:
    """That names the setting, the folder and the system's reason."""
    with pytest.raises(HomeUnusable) as refused:
        make_home(home)
    line = str(refused.value)
    assert line.startswith(f"PODIUM_HOME: '{home}' cannot be used: ")
    assert not line.endswith(": ")
    assert len(line.splitlines()) == 1
