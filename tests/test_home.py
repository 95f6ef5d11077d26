"""The folder of everything that is kept."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config.home import HomeUnusable, make_home

ROOT = Path(__file__).parents[1]
# Makes a home as an account of no rights, and a folder and a file in it as what it starts would.
_AS_ANYBODY = """
import os, sys, tempfile
from pathlib import Path
from service.config.home import make_home
home, user, group, umask = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4], 8)
os.setgroups([])
os.setgid(group)
os.setuid(user)
os.umask(umask)
make_home(Path(home))
os.makedirs(home + "/cache", exist_ok=True)
open(home + f"/cache/{user}", "w").close()
print([open(path).read() for path in sorted(Path(home, "cache").iterdir())])
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that anybody may enter; pytest's own are their maker's alone."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


def mode(path: Path) -> int:
    """Its permissions."""
    return stat.S_IMODE(path.stat().st_mode)


def as_anybody(home: Path, user: int, group: int, umask: str = "022") -> None:
    """A start of a service as that account; fails with its words."""
    done = subprocess.run(
        [sys.executable, "-c", _AS_ANYBODY, str(home), str(user), str(group), umask],
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o022, 0o077, 0o177])
def test_o20_home_and_what_is_made_in_it_are_its_owners_alone(tmp_path: Path, umask: int) -> None:
    """Whatever umask the service was started with; by this process and what it starts."""
    os.umask(umask)
    home = tmp_path / "home"
    make_home(home)
    subprocess.run(["mkdir", home / "cache"], check=True)
    (home / "cache" / "file").write_text("")
    assert [mode(home), mode(home / "cache"), mode(home / "cache" / "file")] == [
        *(0o700, 0o700),
        0o600,
    ]


def test_o20_home_that_is_there_already_is_closed_with_what_is_in_it(tmp_path: Path) -> None:
    """An earlier release has left it open to all; programs stay programs."""
    tmp_path.chmod(0o755)
    for folder in ("cache/abc/artifact", "services/a"):
        (tmp_path / folder).mkdir(parents=True)
    ledger, program = tmp_path / "services/a/ledger.jsonl", tmp_path / "cache/abc/artifact/run"
    ledger.write_text("")
    program.write_text("")
    program.chmod(0o755)
    make_home(tmp_path)
    assert [path for path in (tmp_path, *tmp_path.rglob("*")) if mode(path) & 0o077] == []
    assert (mode(ledger), mode(program)) == (0o600, 0o700)


def test_o20_what_is_not_podiums_is_left_as_it_is(tmp_path: Path) -> None:
    """Somebody may name a folder that holds other things too, or a link that leads elsewhere."""
    home, elsewhere = tmp_path / "home", tmp_path / "elsewhere"
    for folder in (home, elsewhere):
        folder.mkdir(mode=0o755)
    others = [home / "notes.txt", home / "services.html", home / "logs-of-nginx" / "access"]
    others[-1].parent.mkdir(mode=0o755)
    for path in (*others, elsewhere / "secret"):
        path.write_text("")
        path.chmod(0o644)
    (home / "cache").symlink_to(elsewhere)
    make_home(home)
    assert mode(home) == 0o700
    assert {mode(path) for path in (*others, elsewhere / "secret")} == {0o644}
    assert {mode(path) for path in (others[-1].parent, elsewhere)} == {0o755}


def test_o20_folder_of_everybody_is_not_taken_from_them(tmp_path: Path) -> None:
    """As /tmp is one."""
    tmp_path.chmod(0o1777)
    make_home(tmp_path)
    assert mode(tmp_path) == 0o1777


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("umask", ["000", "022", "077"])
def test_o20_volume_of_a_group_is_kept_for_the_group(open_folder: Path, umask: str) -> None:
    """As Kubernetes mounts it: its mode is not ours to change.

    Whoever runs next, under another number, finds what was kept; others do not.
    """
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, 0, 54300)
    home.chmod(0o2775)
    as_anybody(home, 54321, 54300, umask)
    as_anybody(home, 54322, 54300, umask)
    assert mode(home) == 0o2775
    made = [home / "cache", home / "cache/54321", home / "cache/54322"]
    assert [mode(path) & 0o777 for path in made] == [0o770, 0o660, 0o660]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_o20_volume_of_everybody_holds_what_only_the_service_reads(open_folder: Path) -> None:
    """An emptyDir of Kubernetes without a group: root's, and open to all."""
    home = open_folder / "home"
    home.mkdir()
    home.chmod(0o777)
    as_anybody(home, 54321, 54300)
    assert [mode(home / "cache"), mode(home / "cache/54321")] == [0o700, 0o600]


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
