"""GitLab as a job sees it: its script in a fresh checkout, its variables, what jobs hand on."""

import contextlib
import os
import re
import shutil
import signal
import string
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import yaml

from tests.support.documents import ROOT
from tests.support.server_process import guard

PIPELINE: Final = ROOT / "docs/pipelines/gitlab-ci.yml"
# docs.gitlab.com, limits of the instance, and of the least of its tiers.
_MOST_OF_DOTENV: Final = 5 * 1024
_MOST_VARIABLES: Final = 20
_SECONDS: Final = 900.0
_KEYWORDS: Final = {"workflow", "variables", "default", "stages"}


@dataclass(frozen=True, slots=True)
class GitlabJob:
    """One job of the file."""

    name: str
    stage: str
    script: Sequence[str]
    needs: Sequence[str]
    variables: Mapping[str, str]
    is_manual: bool


def jobs_of(file: Path = PIPELINE) -> Mapping[str, GitlabJob]:
    """Every job, in the order of the file."""
    told = yaml.safe_load(file.read_text())
    return {
        name: GitlabJob(
            name,
            each["stage"],
            each["script"],
            each.get("needs", ()),
            each.get("variables", {}),
            each.get("when") == "manual",
        )
        for name, each in told.items()
        if name not in _KEYWORDS
    }


def variables_of(file: Path = PIPELINE) -> Mapping[str, str]:
    """Those of all jobs, as they are before anybody says more."""
    told: Mapping[str, Any] = yaml.safe_load(file.read_text())["variables"]
    return {name: each["value"] if isinstance(each, dict) else each for name, each in told.items()}


@dataclass(frozen=True, slots=True)
class JobEnded:
    """One try of a job: its exit status, negative by a signal, and what it has printed."""

    status: int
    output: str
    handed_on: Mapping[str, str]


@dataclass
class GitlabPipeline:
    """One pipeline, with what its project and whoever has started it say.

    `checkout` are the files of the repository that a job begins with.
    """

    number: int
    folder: Path
    checkout: Sequence[Path]
    said: Mapping[str, str]
    project: Mapping[str, str]
    jobs: Mapping[str, GitlabJob] = field(default_factory=jobs_of)
    handed_on: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _tries: int = 0

    def run(self, name: str, kill: Callable[[], None] | None = None) -> JobEnded:
        """A try of that job; its runner dies as soon as `kill` returns."""
        job, self._tries = self.jobs[name], self._tries + 1
        place = self.folder / f"{self.number}-{self._tries}-{name}"
        place.mkdir()
        for file in self.checkout:
            shutil.copy(file, place)
        with (place / ".log").open("wb") as log:
            # As a runner's shell: it ends at the first command that fails.
            process = subprocess.Popen(
                [*runner(), "/bin/bash", "-eo", "pipefail", "-c", "\n".join(job.script)],
                cwd=place,
                env=self._environment(job, place),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        status = _ended(process, kill)
        found = place / "podium.env"
        handed_on = dotenv_of(found.read_text()) if found.exists() else {}
        self.handed_on[name] = handed_on
        return JobEnded(status, (place / ".log").read_text(), handed_on)

    def finish(self, name: str) -> JobEnded:
        """The last try of that job: it is tried again as the file says, by its exit status."""
        retry = yaml.safe_load(PIPELINE.read_text())["default"]["retry"]
        ended = self.run(name)
        for _ in range(retry["max"]):
            if ended.status not in retry["exit_codes"]:
                break
            ended = self.run(name)
        return ended

    def _environment(self, job: GitlabJob, place: Path) -> Mapping[str, str]:
        predefined = {
            "CI": "true",
            "GITLAB_CI": "true",
            "CI_PROJECT_DIR": str(place),
            "CI_JOB_NAME": job.name,
            "CI_JOB_ID": str(1000 * self.number + self._tries),
            "CI_PIPELINE_ID": str(self.number),
            "CI_PIPELINE_URL": f"https://gitlab.example.com/ml/line/-/pipelines/{self.number}",
            "CI_COMMIT_TITLE": "Retrain",
            "GITLAB_USER_LOGIN": "grace",
        }
        inherited = {key: text for each in job.needs for key, text in self.handed_on[each].items()}
        # From the weakest on: of the file, of the job, of the jobs before, of the project, of who
        # has started it.
        given = {**variables_of(), **job.variables, **inherited, **self.project, **self.said}
        unfolded = {
            name: string.Template(text).safe_substitute(predefined) for name, text in given.items()
        }
        # The image's: nothing of whoever runs the tests.
        own = {"PATH": f"{Path(sys.executable).parent}:{os.defpath}", "HOME": str(place)}
        return {**own, **unfolded, **predefined}


@cache
def runner() -> Sequence[str]:
    """A container as far as a job is told by its processes; nothing where that may not be made."""
    command = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    made = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if made.returncode == 0 else ()


def _ended(process: "subprocess.Popen[bytes]", kill: Callable[[], None] | None) -> int:
    watch = guard(process.pid)
    try:
        if kill is not None:
            kill()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return process.wait(_SECONDS)
    finally:
        watch.communicate()


def dotenv_of(text: str) -> Mapping[str, str]:
    """As GitLab takes it: what stands before the first =, and what behind it, without spaces."""
    assert len(text.encode()) < _MOST_OF_DOTENV
    found = dict(map(_scanned, text.splitlines()))
    assert len(found) <= _MOST_VARIABLES
    return found


def _scanned(line: str) -> tuple[str, str]:
    scanned = re.fullmatch(r"(.*?)=(.*)", line)
    assert scanned, f"GitLab refuses {line!r}"
    return scanned[1].strip(), scanned[2].strip()
