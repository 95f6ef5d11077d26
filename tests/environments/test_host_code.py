"""The files of Podium that run in a version's environment: all that they import, and no others."""

import subprocess
import sys
from pathlib import Path

import pytest

from service.environments.host_code import HostCode, files
from service.hosting.specification import HOST_ROLE, SKOPS_HOST_ROLE
from service.inspector.wire import INSPECTOR_ROLE
from tests.host.test_alone import later_than
from tests.test_architecture import modules, reached_from

RUN = ("service.zygote.main", HOST_ROLE, SKOPS_HOST_ROLE, INSPECTOR_ROLE)


def test_it_is_what_a_zygote_and_its_children_import_and_nothing_else() -> None:
    """The list in the code is held to what the files say."""
    reached = {name for each in RUN for name in reached_from(each) if name in modules()}
    assert {modules()[name] for name in reached} == set(files())


def test_it_is_written_for_the_oldest_python_that_it_may_meet() -> None:
    """Python 3.10, zygotes too."""
    found = {path.name: later_than(path.read_text()) for path in files()}
    assert {name: later for name, later in found.items() if later} == {}


def test_archive_is_the_same_for_the_same_podium_and_may_be_read_alone(tmp_path: Path) -> None:
    """Its name is the hash of what is in it; asked again it is not written again."""
    first = HostCode(tmp_path / "one").archive()
    second = HostCode(tmp_path / "two").archive()
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
    assert first.stat().st_mode & 0o777 == 0o444
    before = first.stat().st_ino
    assert HostCode(tmp_path / "one").archive().stat().st_ino == before
    assert list(first.parent.iterdir()) == [first]


@pytest.mark.parametrize("left", [b"", b"print('mine')"])
def test_archive_that_somebody_has_altered_is_not_used(tmp_path: Path, left: bytes) -> None:
    """Nor one that was cut short."""
    archive = HostCode(tmp_path).archive()
    whole = archive.read_bytes()
    archive.unlink()
    archive.write_bytes(left)
    assert HostCode(tmp_path).archive().read_bytes() == whole


def test_python_imports_from_it_alone(tmp_path: Path) -> None:
    """Nothing of it is found beside it, and it finds nothing beside itself."""
    archive = HostCode(tmp_path).archive()
    code = (
        f"import sys; sys.path.insert(0, {str(archive)!r}); import service.processes.frames as f; "
        "print(f.__file__)\ntry:\n import service.app\nexcept ImportError:\n print('absent')"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=400)
    assert done.stdout.split() == [f"{archive}/service/processes/frames.py", "absent"]
