"""`podium validate` as pipelines run it, beside a real registry: reports, tags, interruptions."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from service.cli.validate import ValidateReport
from service.validation_tag import Validation
from tests.support import models
from tests.support.registered import Registry
from tests.support.waiting import wait_until

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "docs" / "schemas" / "validate.json"
SHORT = ("--load-seconds", "0.2", "--rounds", "2", "--rows", "10")
SECONDS = 400.0


@pytest.fixture
def registry(tracking_uri: str) -> Registry:
    """One without a model."""
    return Registry(tracking_uri, "iris")


def validate(registry: Registry, *arguments: str) -> Result:
    """What the command comes to, in this process."""
    environment = {"MLFLOW_TRACKING_URI": registry.tracking_uri}
    words = ("validate", *arguments, "--json")
    return CliRunner(env=environment).invoke(main, words, prog_name="podium")


def report(result: Result) -> Mapping[str, Any]:
    """The one JSON object on stdout, by its schema."""
    ValidateReport.model_validate_json(result.stdout)
    found: Mapping[str, Any] = json.loads(result.stdout)
    assert found["status"] == result.exit_code
    return found


def tags(registry: Registry, version: str) -> Mapping[str, str]:
    """What the registry has of a version."""
    return dict(registry.client.get_model_version(registry.name, version).tags)


def test_schema_of_the_report_is_the_one_in_the_documents() -> None:
    """What pipelines read is written down."""
    assert json.loads(SCHEMA.read_text()) == ValidateReport.model_json_schema()


def test_version_that_passes_says_so_in_its_tags(registry: Registry, tmp_path: Path) -> None:
    """Which files, by which policy, in which run."""
    registry.add(models.save(tmp_path, "faulty"), "champion")
    registry.add(tmp_path / "faulty", validation_status="failed")
    found = report(validate(registry, "iris", "2", "--against", "champion", *SHORT))
    assert (found["code"], found["against"]) == ("passed", "1"), found
    written = tags(registry, "2")
    assert written["validation_status"] == "passed"
    expected = Validation(found["run"], found["policy"], found["digest"], "iris", "2", "passed")
    assert Validation.of(written) == expected
    assert "validation_status" not in tags(registry, "1")


def test_version_that_fails_and_serves_keeps_that_it_has_passed(
    registry: Registry, tmp_path: Path
) -> None:
    """The next start of a service must not refuse what serves."""
    registry.add(models.save(tmp_path, "unloadable"), "champion", validation_status="passed")
    found = report(validate(registry, "iris@champion", *SHORT))
    assert (found["code"], found["status"], found["status_kept"]) == ("failed", 1, True)
    assert tags(registry, "1") == {"validation_status": "passed"}


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("iris", "1"), 2, "resource_does_not_exist"),
        (("iris@champion",), 2, "resource_does_not_exist"),
    ],
)
def test_version_that_is_not_there_is_wrong_use(
    registry: Registry, arguments: tuple[str, ...], status: int, code: str
) -> None:
    """Whoever wrote the line has to mend it."""
    found = report(validate(registry, *arguments))
    assert (found["status"], found["code"]) == (status, code)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--set", "load.rounds"),
        ("--set", "load.rounds=none"),
        ("--set", "nothing.like.it=1"),
        ("--data", "a.csv", "--data-of-run"),
        ("--status-values", "a,b"),
        ("--policy", "not-there.yaml"),
    ],
)
def test_wrong_use_is_told_in_a_line(registry: Registry, arguments: tuple[str, ...]) -> None:
    """Before anything is asked or written."""
    result = validate(registry, "iris", "1", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.fixture
def at_the_gate(registry: Registry, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, whose model waits in its load."""
    place, gate = models.gated(tmp_path / "gated", 1, "load")
    registry.add(place)
    begun = subprocess.Popen(
        [sys.executable, "-P", "-m", "service", "validate", "iris", "1", "--json"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "MLFLOW_TRACKING_URI": registry.tracking_uri,
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        wait_until(lambda: gate.arrived or begun.poll() is not None, SECONDS)
        assert begun.poll() is None
        yield begun
    finally:
        begun.kill()
        begun.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_interrupted_validation_leaves_the_version_pending(
    registry: Registry, at_the_gate: subprocess.Popen[str], number: signal.Signals
) -> None:
    """However it was ended; where it can, it says so, and that it may be tried again."""
    assert tags(registry, "1") == {"validation_status": "pending"}
    at_the_gate.send_signal(number)
    told, _ = at_the_gate.communicate(timeout=SECONDS)
    assert tags(registry, "1") == {"validation_status": "pending"}
    if number == signal.SIGTERM:
        assert at_the_gate.returncode == 3
        assert json.loads(told)["code"] == "interrupted"
