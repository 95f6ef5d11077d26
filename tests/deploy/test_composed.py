"""The services of compose.yaml serve what its trainer has trained, and pass `podium smoke`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.programs import needs_programs
from tests.support.documents import ROOT
from tests.support.unshared import can_unshare

pytestmark = [needs_programs, pytest.mark.timeout(1800)]
_NAMESPACES = ("--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")


@pytest.mark.skipif(not can_unshare(), reason="this user may not make namespaces")
def test_services_of_the_compose_file_pass_podium_smoke(tmp_path: Path) -> None:
    """Through the TLS of their proxy, with the accounts that they make."""
    # PostgreSQL runs as another user.
    tmp_path.chmod(0o755)
    done = subprocess.run(
        ["unshare", *_NAMESPACES, sys.executable, "-m", "tests.deploy.serving", str(tmp_path)],
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if not name.startswith("PODIUM_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{_logs(tmp_path)}"


def _logs(folder: Path) -> str:
    return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in folder.glob("*.log"))
