"""The image, as far as it can be told without an engine: it serves, and is a job's image, too."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.documents import ROOT
from tests.support.tracking import free_port

STAGES = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
FINAL = STAGES[-1]
# Not even root makes a folder there.
NO_HOME = "/proc/nonexistent"
# A user that /etc/passwd does not have.
NOBODY = 12345
PYTHON = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def test_image_has_the_commands_and_a_shell() -> None:
    """GitLab and GitHub take the entrypoint away, and start a shell: Debian has one."""
    assert FINAL.startswith("python:${PYTHON_VERSION}-slim\n")
    assert "PATH=/opt/podium/bin:${PATH}" in FINAL
    assert FINAL.rstrip().endswith('ENTRYPOINT ["podium"]\nCMD ["serve"]')


def test_image_begins_where_no_model_finds_podium_and_as_nobody_who_may_write_there() -> None:
    """A job's user is another one: that one reads all of it."""
    assert re.findall(r"^USER (.*)$", FINAL, re.MULTILINE) == ["10001:10001"]
    assert "chmod -R a+rX ." in STAGES[0]
    assert "WORKDIR /var/lib/podium" in FINAL


def test_everything_that_commands_import_is_in_the_image() -> None:
    """Also what is imported late: no command reads the tests' or the documents' files."""
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", STAGES[0], re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert {"service", "training", "pyproject.toml", "constraints.txt"} <= names
    admitted = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert names <= admitted
    ours = {path.name for path in ROOT.iterdir() if path.is_dir()} - {"service", "training"}
    found = [
        str(file.relative_to(ROOT))
        for top in ("service", "training")
        for file in (ROOT / top).rglob("*.py")
        for line in re.findall(r"^\s*(?:from|import) (\w+)", file.read_text(), re.MULTILINE)
        if line in ours
    ]
    assert found == []


def test_command_runs_as_a_user_that_has_no_name_and_no_home(tmp_path: Path) -> None:
    """As runners and OpenShift start it: PODIUM_HOME alone is written to, and what it is given."""
    tmp_path.chmod(0o755)
    for each in ("work", "home"):
        (tmp_path / each).mkdir()
        (tmp_path / each).chmod(0o777)
    own = {"HOME": NO_HOME, "PODIUM_HOME": str(tmp_path / "home/podium"), **PYTHON}
    nowhere = f"http://127.0.0.1:{free_port()}"
    done = subprocess.run(
        [sys.executable, "-P", "-m", "service", "plan", "iris", "3", "--dotenv", "podium.env"],
        cwd=tmp_path / "work",
        env={"PATH": os.environ["PATH"], "MLFLOW_TRACKING_URI": nowhere, **own},
        user=NOBODY if another_user_may_run_it() else None,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert (done.returncode, "MLflow does not answer" in done.stderr) == (3, True), done.stderr
    assert "PODIUM_STATUS=3" in (tmp_path / "work/podium.env").read_text()


def another_user_may_run_it() -> bool:
    """Not where the tests are not root's, or Python and the checkout are root's alone."""
    command = [sys.executable, "-P", "-c", "import service"]
    try:
        done = subprocess.run(command, env=PYTHON, user=NOBODY, capture_output=True, check=False)
    except PermissionError:
        return False
    return done.returncode == 0
