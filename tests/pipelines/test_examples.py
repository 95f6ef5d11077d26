"""The pipelines of the documents: two files with the same jobs, and commands that exist."""

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from service.cli.main import COMMANDS, main
from tests.pipelines.gitlab import PIPELINE, GitlabPipeline, dotenv_of, jobs_of, variables_of
from tests.support.documents import ROOT

PIPELINES = ROOT / "docs/pipelines"
PAGE = ROOT / "docs/pipelines.md"
GITHUB = yaml.safe_load((PIPELINES / "github-workflow.yml").read_text())
SAID = {
    "MODEL_NAME": "dev.security.fraud",
    "MODEL_VERSION": "3",
    "PODIUM_NAME": "staging.security.fraud",
    "PODIUM_VERSION": "4",
    "PODIUM_ALIAS": "champion",
    "STAGING_URL": "http://staging:8000",
    "PRODUCTION_URL": "http://production:8000",
    "GITHUB_OUTPUT": "output",
    "GITHUB_STEP_SUMMARY": "summary",
}
# What the two have otherwise: where a command's files go.
_FILES = {"--dotenv", "--markdown"}


@pytest.fixture
def podium(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a `podium` that notes its arguments, and ends as `ends` says, each in turn.

    What it writes to `--dotenv` is always the same.
    """
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "podium"
    program.write_text(
        '#!/bin/sh\nfor each; do printf "%s\\n" "$each"; done >> calls; echo "" >> calls\n'
        'while [ $# -gt 1 ]; do [ "$1" != --dotenv ] || cat handed-on > "$2"; shift; done\n'
        'status=$(head -n 1 ends 2> /dev/null)\nsed -i 1d ends 2> /dev/null\nexit "${status:-0}"\n'
    )
    program.chmod(0o755)
    handed_on = {name: text for name, text in SAID.items() if name.startswith("PODIUM_")}
    (tmp_path / "handed-on").write_text("".join(f"{k}={v}\n" for k, v in handed_on.items()))
    return tmp_path


def calls_of(script: Sequence[str], folder: Path, **said: str) -> list[list[str]]:
    """What a runner's shell gives `podium` for those lines."""
    environment = {"PATH": f"{folder}:{os.defpath}", **variables_of(), **SAID, **said}
    command = ["/bin/bash", "-eo", "pipefail", "-c", "\n".join(script)]
    subprocess.run(command, cwd=folder, env=environment, check=True)
    return noted(folder)


def noted(folder: Path) -> list[list[str]]:
    """All calls so far."""
    calls = (folder / "calls").read_text().split("\n\n")
    return [each.split("\n") for each in calls if each]


def parsed(call: Sequence[str]) -> click.Context:
    """By the command itself; raises for an option that it does not have."""
    command = main.get_command(click.Context(main), call[0])
    assert command is not None, call
    return command.make_context(call[0], list(call[1:]), parent=click.Context(main))


def steps_of(job: str) -> list[str]:
    """The commands of a job at GitHub."""
    return [each["run"] for each in GITHUB["jobs"][job]["steps"] if "run" in each]


def needs_of(job: Mapping[str, Any]) -> list[str]:
    """The jobs that it waits for."""
    found = job.get("needs", [])
    return [found] if isinstance(found, str) else found


def test_both_examples_have_the_same_jobs_one_after_another() -> None:
    """And wait for the same."""
    gitlab = {name: list(each.needs) for name, each in jobs_of().items()}
    assert gitlab == {name: needs_of(each) for name, each in GITHUB["jobs"].items()}
    told = re.findall(r"^\| `([\w-]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert [each for each in told if each in gitlab] == list(gitlab)


@pytest.mark.parametrize("job", jobs_of())
@pytest.mark.parametrize("first", ["", "yes"])
def test_commands_of_a_job_can_be_parsed_and_are_the_same_in_both(
    job: str, first: str, podium: Path
) -> None:
    """As the shell of a runner gives them, also with an empty variable."""
    gitlab = calls_of(jobs_of()[job].script, podium, FIRST=first)
    (podium / "calls").unlink()
    github = calls_of(steps_of(job), podium, FIRST=first)
    assert without_files(gitlab) == without_files(github)
    for call in (*gitlab, *github):
        assert call[0] in COMMANDS
        parsed(call)


def without_files(calls: Sequence[Sequence[str]]) -> list[list[str]]:
    """Without the options that say where files go, and those."""
    return [
        [each for at, each in enumerate(call) if not {each, call[at - 1]} & _FILES]
        for call in calls
    ]


def test_github_hands_on_what_a_command_has_written() -> None:
    """Outputs are those of the step that has `--dotenv`, under the names that it writes."""
    for name, job in GITHUB["jobs"].items():
        (step,) = [each for each in job["steps"] if "--dotenv" in each.get("run", "")]
        assert step["id"] == "podium", name
        for needed in needs_of(job):
            outputs = GITHUB["jobs"][needed]["outputs"]
            assert outputs == {
                each: f"${{{{ steps.podium.outputs.PODIUM_{each.upper()} }}}}"
                for each in ("name", "version")
            }
            assert job["env"]["PODIUM_NAME"] == f"${{{{ needs.{needed}.outputs.name }}}}"
            assert job["env"]["PODIUM_VERSION"] == f"${{{{ needs.{needed}.outputs.version }}}}"


def test_gitlab_keeps_the_files_that_its_commands_write() -> None:
    """Under the names that they are given."""
    artifacts = yaml.safe_load(PIPELINE.read_text())["default"]["artifacts"]
    script = " ".join(line for job in jobs_of().values() for line in job.script)
    flags = {"--dotenv": artifacts["reports"]["dotenv"], "--junit": artifacts["reports"]["junit"]}
    flags["--markdown"] = artifacts["paths"][0]
    for flag, file in flags.items():
        assert set(re.findall(rf"{flag} (\S+)", script)) == {file}


def test_production_waits_for_a_person_in_both() -> None:
    """Promotion and rollback: by hand, or by reviewers."""
    by_hand = ["promote-production", "rollback-production"]
    assert [name for name, each in jobs_of().items() if each.is_manual] == by_hand
    waiting = [name for name, each in GITHUB["jobs"].items() if "environment" in each]
    assert waiting == by_hand


def test_job_gets_what_the_one_before_has_handed_on(podium: Path) -> None:
    """The stand-in for GitLab, which `make pipeline-line` rests on: variables, and their limits."""
    said = {"MODEL_NAME": "dev.security.fraud"}
    pipeline = GitlabPipeline(7, podium, [], said, {"PATH": f"{podium}:{os.defpath}"})
    pipeline.handed_on["validate-dev"] = dotenv_of("PODIUM_NAME = dev.x\nPODIUM_VERSION=9\n")
    ended = pipeline.run("copy-to-staging")
    assert ended.status == 0, ended.output
    (call,) = noted(next(podium.glob("7-1-*")))
    assert call[:5] == ["copy", "dev.x", "9", "--to", "staging.security.fraud"]
    with pytest.raises(AssertionError, match="GitLab refuses"):
        dotenv_of("no variable")


@pytest.mark.parametrize(
    ("ends", "tries"), [((0,), 1), ((1,), 1), ((3, 4, 0), 3), ((3, 3, 3, 0), 3)]
)
def test_job_is_tried_again_for_what_a_retry_mends(
    ends: tuple[int, ...], tries: int, podium: Path
) -> None:
    """Twice at most, as the file says."""
    (podium / "ends").write_text("".join(f"{each}\n" for each in ends))
    project = {"PATH": f"{podium}:{os.defpath}"}
    pipeline = GitlabPipeline(7, podium, [], SAID, project)
    # Each try is in a checkout of its own: what they end with lies beside those.
    text = (podium / "podium").read_text()
    (podium / "podium").write_text(text.replace("ends", str(podium / "ends")))
    ended = pipeline.finish("validate-dev")
    assert ended.status == ends[tries - 1]
    assert len(list(podium.glob("7-*"))) == tries


@pytest.mark.parametrize(
    ("ends", "status", "commands"),
    [
        ((), 0, ["copy", "promote"]),
        ((3, 3, 0, 4, 0), 0, ["copy"] * 3 + ["promote"] * 2),
        ((0, 1), 1, ["copy", "promote"]),
        ((2,), 2, ["copy"]),
        ((3,) * 9, 3, ["copy"] * 3),
    ],
)
def test_recipe_for_cron_tries_again_only_what_a_retry_mends(
    ends: tuple[int, ...], status: int, commands: list[str], podium: Path
) -> None:
    """What is refused stays so, and what is done is not done twice."""
    (podium / "ends").write_text("".join(f"{each}\n" for each in ends))
    urls = ("http://podium-1:8000", "http://podium-2:8000")
    done = subprocess.run(
        [str(PIPELINES / "promote-what-passed"), "staging.x", "prod.x", *urls],
        env={"PATH": f"{podium}:{os.defpath}", "TRIES": "3", "PAUSE": "0"},
        check=False,
    )
    assert done.returncode == status
    calls = noted(podium)
    assert [each[0] for each in calls] == commands
    # The folder that it had for its file is gone.
    for each in without_files(calls):
        parsed(each)
    if calls[-1][0] == "promote":
        assert calls[-1][1:3] == [SAID["PODIUM_NAME"], "4"]
        assert parsed(calls[-1]).params["urls"] == urls


def test_commands_of_the_page_can_be_parsed(podium: Path) -> None:
    """Whoever copies them."""
    inline = re.findall(r"`(podium [^`]+)`", PAGE.read_text())
    lines = [shlex.split(each.replace("...", "x"))[1:] for each in inline]
    for each in lines:
        if len(each) > 1:
            parsed(each)
