"""`podium env` beside a real registry and an index of tiny wheels: what it says, and builds."""

import json
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pydantic import BaseModel

from service.cli.env import EnvListReport, EnvPruneReport, EnvShowReport, EnvVersionsReport
from service.cli.main import main
from service.provisioning.provisioned import cause_in
from tests.environments.package_index import PackageIndex, package_index
from tests.support import models
from tests.support.documents import ROOT
from tests.support.registered import Registry


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PackageIndex]:
    """The only one that is known, which has `mine`."""
    with package_index() as index:
        index.add("mine", "1.0")
        # As MLflow has noted it beside the models that are saved here.
        index.add("setuptools", metadata.version("setuptools"))
        monkeypatch.setenv("UV_DEFAULT_INDEX", index.url)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        for name in [name for name in os.environ if name.startswith("PIP_")]:
            if name != "PIP_CONFIG_FILE":
                monkeypatch.delenv(name)
        monkeypatch.setenv("PODIUM_ENV_MANAGER", "auto")
        monkeypatch.setenv("PODIUM_HOME", str(tmp_path / "podium"))
        yield index


@pytest.fixture
def registry(tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """Version 1 asks for what Podium has, 2 for `mine`, 3 for what is nowhere; all of one code."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri)
    registry = Registry(tracking_uri, "iris")
    asked = (["mlflow"], ["mlflow-skinny", "mine==1.0"], ["mlflow-skinny", "is-nowhere"])
    for number, requirements in enumerate(asked, start=1):
        folder = tmp_path / str(number)
        registry.add(models.save(folder, "pandas_release", requirements=requirements))
    return registry


def podium(*arguments: str) -> Result:
    """What `podium env` prints and ends with."""
    return CliRunner().invoke(main, ["env", *arguments], prog_name="podium")


def told(*arguments: str) -> Any:
    """What it says with `--json`."""
    return json.loads(podium(*arguments, "--json").stdout)


def test_what_versions_need_is_checked_built_listed_and_pruned(
    registry: Registry, index: PackageIndex
) -> None:
    """A check builds nothing, and fails where nothing can be built; what is built is there."""
    for alias, number in (("own", "1"), ("mine", "2"), ("nowhere", "3")):
        registry.move(alias, number)
    models = [f"--model=iris@{alias}" for alias in ("own", "mine", "nowhere")]
    checked = podium("check", *models, "--json")
    assert checked.exit_code == 1
    assert {
        each["alias"]: (each["version"], each["outcome"], each["code"])
        for each in json.loads(checked.stdout)["versions"]
    } == {
        "own": ("1", "own", ""),
        "mine": ("2", "to_build", "environment_to_build"),
        "nowhere": ("3", "refused", "package_nowhere"),
    }
    asked = ["1 of 3  iris@own version 1", "  own"]
    asked += ["2 of 3  iris@mine version 2", "  to build, environment_to_build"]
    asked += ["3 of 3  iris@nowhere version 3", "  refused, package_nowhere"]
    assert [each for each in checked.stderr.splitlines() if each in asked] == asked
    assert told("list")["environments"] == []

    (built,) = told("build", "iris", "2")["versions"]
    assert built["outcome"] == "built"
    (listed,) = told("list")["environments"]
    assert (listed["key"], listed["packages"]["mine"]) == (built["key"], "1.0")
    assert not listed["in_use"]
    shown = podium("show", built["key"][:8])
    assert "mine==1.0" in shown.stdout
    assert "--hash=sha256:" in shown.stdout
    there = podium("check", "--model", "iris@mine")
    assert there.exit_code == 0
    assert "iris@mine version 2  there: environment_there:" in there.stdout

    assert told("prune")["freed_bytes"] > 0
    assert told("list")["environments"] == []
    assert podium("show", built["key"][:8]).exit_code == 2


def test_cause_of_a_failure_is_one_line_without_what_uv_warns_of() -> None:
    """Pages of warnings stand before the cause, and a sentence has no lines."""
    warned = "warning: `mine-1.0.whl` is missing an upload date, but user provided: 2024\n" * 40
    said = "  \N{MULTIPLICATION SIGN} No solution found:\n  ╰─▶ Because mine==2 is nowhere\n"
    cause = cause_in(f"{warned}{said}hint: try another\n")
    assert cause == ("No solution found: Because mine==2 is nowhere")
    assert len(cause_in("x" * 10_000)) < 1000


@pytest.mark.parametrize(
    ("name", "report"),
    [
        ("env-list", EnvListReport),
        ("env-show", EnvShowReport),
        ("env-prune", EnvPruneReport),
        ("env-check", EnvVersionsReport),
    ],
)
def test_report_is_as_its_schema_says(name: str, report: type[BaseModel]) -> None:
    """Programs may rely on it."""
    schema = json.loads((ROOT / f"docs/schemas/{name}.json").read_text())
    assert schema == report.model_json_schema(mode="serialization")
