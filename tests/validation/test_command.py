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
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from service.cli.main import main
from service.cli.validation_report import ValidateReport
from service.validation_tag import Validation
from tests.support import models
from tests.support.http_server import Response, http_server
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


def validate(registry: Registry, *arguments: str, **variables: str) -> Result:
    """What the command comes to, in this process."""
    environment = {"MLFLOW_TRACKING_URI": registry.tracking_uri, **variables}
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


def test_version_whose_files_were_altered_is_validated_with_those_that_it_has_now(
    registry: Registry, tmp_path: Path
) -> None:
    """Also where they were fetched before: a promotion would refuse it for ever."""
    place = models.save(tmp_path, "faulty")
    registry.add(place)
    first = report(validate(registry, "iris", "1", *SHORT))
    with (place / "requirements.txt").open("a") as file:
        file.write("# altered\n")
    again = report(validate(registry, "iris", "1", *SHORT))
    assert (first["code"], again["code"]) == ("passed", "passed")
    assert first["digest"] != again["digest"]


def test_version_that_fails_and_serves_keeps_that_it_has_passed(
    registry: Registry, tmp_path: Path
) -> None:
    """The next start of a service must not refuse what serves."""
    registry.add(models.save(tmp_path, "unloadable"), "champion", validation_status="passed")
    found = report(validate(registry, "iris@champion", *SHORT))
    assert (found["code"], found["status"], found["status_kept"]) == ("failed", 1, True)
    assert tags(registry, "1") == {"validation_status": "passed"}


def test_version_keeps_what_it_has_where_no_run_can_be_made(
    registry: Registry, tmp_path: Path
) -> None:
    """A permission that is missing must not cost it that it has passed."""
    registry.add(models.save(tmp_path, "unloadable"), validation_status="passed")
    registry.client.delete_experiment(registry.client.create_experiment("gone"))
    found = report(validate(registry, "iris", "1", "--experiment", "gone", *SHORT))
    assert (found["status"], found["run"]) == (1, "")
    assert found["sentence"].endswith("; nothing was written")
    assert tags(registry, "1") == {"validation_status": "passed"}


def test_account_that_may_not_tag_makes_no_experiment(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be that account's own, and keep those out that may."""
    registry.add(models.save(tmp_path, "unloadable"))

    def refuse(*_: object) -> None:
        raise MlflowException("Permission denied", PERMISSION_DENIED)

    monkeypatch.setattr(MlflowClient, "set_model_version_tag", refuse)
    found = report(validate(registry, "iris", "1", "--experiment", "fresh", *SHORT))
    assert (found["status"], found["code"], found["run"]) == (1, "permission_denied", "")
    assert "needs EDIT on the model iris" in found["sentence"]
    assert registry.client.get_experiment_by_name("fresh") is None


def test_data_that_is_not_there_is_a_report_and_nothing_is_written(
    registry: Registry, tmp_path: Path
) -> None:
    """Of what the line, or the policy, has wrong."""
    registry.add(models.save(tmp_path, "unloadable"))
    place = str(tmp_path / "none.csv")
    found = report(validate(registry, "iris", "1", "--data", place, "--label", "y", *SHORT))
    assert (found["status"], found["code"]) == (2, "bad_data")
    assert found["sentence"].endswith("; nothing was written")
    assert tags(registry, "1") == {}


def test_run_says_who_has_asked_and_no_secret(registry: Registry, tmp_path: Path) -> None:
    """Of the address of its data, and of the settings in force."""
    registry.add(models.save(tmp_path, "unloadable"))
    origin = ("--by", "ada", "--reason", "a better one", "--link", "https://ci/1")
    with http_server(lambda _: Response(b"x,label\n1,2\n")) as server:
        address = f"{server.replace('//', '//u:SECRET@')}/rows.csv?X-Amz-Signature=SECRET"
        data = ("--data", address, "--label", "label")
        secrets = {"PODIUM_MODEL_CONFIG": '{"key": "SECRET"}', "PODIUM_ADMIN_TOKEN": "SECRET"}
        result = validate(registry, "iris", "1", *data, *origin, *SHORT, **secrets)
    found = report(result)
    assert (found["code"], "SECRET" in result.output) == ("failed", False)
    run = registry.client.get_run(found["run"])
    assert run.data.params["flag/data"] == f"{server}/rows.csv"
    assert run.data.params["data"] == f"{server}/rows.csv"
    for name, text in (("by", "ada"), ("reason", "a better one"), ("link", "https://ci/1")):
        assert run.data.params[name] == run.data.tags[f"podium.{name}"] == text
    assert "SECRET" not in str(run.to_dictionary())
    uri, got = registry.tracking_uri, str(tmp_path / "got")
    there = Path(download_artifacts(run_id=found["run"], dst_path=got, tracking_uri=uri))
    texts = {each.name: each.read_text() for each in there.iterdir() if each.is_file()}
    assert {"card.md", "policy.json", "report.json", "settings.json"} <= set(texts)
    assert [name for name, text in texts.items() if "SECRET" in text] == []
    settings = json.loads(texts["settings.json"])
    assert (settings["model_configuration"], settings["hosts"]) == ("(set)", 1)


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
