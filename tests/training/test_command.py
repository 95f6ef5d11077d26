"""`podium train`: what it prints, and how it fails."""

import dataclasses
import http.server
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow import MlflowClient

from tests.support.tracking import free_port
from training.command import summary, train
from training.job import Settings, Trained

TRAINED = Trained(
    name="basic_lr_iris_model",
    version="2",
    alias="champion",
    run_id="abc",
    run_url="http://127.0.0.1:8080/#/experiments/1/runs/abc",
    tracking_uri="http://ann:secret@127.0.0.1:8080",
    accuracy=0.96667,
    converged=True,
)


def test_trains_on_a_real_server(mlflow_server: str) -> None:
    """Steps, version, the run's page, the server and the next command; status 0."""
    result = _run(
        "--C", "0.5", "--alias", "first", "--name", "cli", "--tracking-uri", mlflow_server
    )
    assert result.returncode == 0, result.stderr
    version = MlflowClient(mlflow_server).get_model_version_by_alias("cli", "first")
    lines = result.stdout.splitlines()
    assert lines[0] == "cli version 1, now first; accuracy 1.000"
    assert lines[1].startswith(f"  run     {mlflow_server}/#/experiments/")
    assert lines[1].endswith(f"/runs/{version.run_id}")
    assert lines[2] == f"  server  {mlflow_server}"
    assert lines[-1].endswith(
        f"podium train --C 0.1 --alias first --name cli --tracking-uri {mlflow_server}"
    )
    steps = [line.split()[0] for line in result.stderr.splitlines()]
    assert steps == ["start", "connect", "data", "fit", "evaluate", "log", "register"]


def test_server_that_is_down_is_one_line_within_seconds() -> None:
    """Not the four minutes that MLflow would try for."""
    address = f"http://127.0.0.1:{free_port()}"
    result = CliRunner().invoke(train, ["--tracking-uri", address])
    assert result.exit_code == 1
    assert _error(result.stderr) == (
        f"Error: MLflow does not answer at {address}. Start it, or set MLFLOW_TRACKING_URI."
    )


class _NotMlflow(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.send_error(404)

    def log_message(self, *words: object) -> None:
        """Says nothing."""


@pytest.fixture
def not_mlflow() -> Iterator[str]:
    """The address of a server that knows nothing of MLflow."""
    with http.server.HTTPServer(("127.0.0.1", 0), _NotMlflow) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_other_server_is_one_line(not_mlflow: str) -> None:
    """Something else on the port is told like nothing on the port."""
    result = CliRunner().invoke(train, ["--tracking-uri", not_mlflow])
    assert result.exit_code == 1
    assert _error(result.stderr).startswith(f"Error: MLflow does not answer at {not_mlflow}.")


def test_refusal_of_mlflow_is_one_line(tracking_uri: str) -> None:
    """A name that MLflow does not take costs no traceback."""
    result = CliRunner().invoke(train, ["--name", "a/b", "--tracking-uri", tracking_uri])
    assert result.exit_code == 1
    assert _error(result.stderr).startswith("Error: MLflow refused: ")


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--C", "0"], "--C"),
        (["--C", "nan"], "--C"),
        (["--max-iter", "0"], "--max-iter"),
        (["--alias", "latest"], "--alias"),
        (["--alias", "a/b"], "--alias"),
        (["--alias", "champion\n"], "--alias"),
    ],
)
def test_bad_options_are_named(words: list[str], named: str) -> None:
    """Before anything is loaded or asked."""
    result = CliRunner().invoke(train, words)
    assert result.exit_code == 2
    assert named in result.stderr


def test_summary_holds_no_password() -> None:
    """Neither in the addresses nor in the command to paste."""
    for alias in ("champion", None):
        trained = dataclasses.replace(TRAINED, alias=alias)
        settings = Settings(alias=alias, tracking_uri=TRAINED.tracking_uri)
        assert "secret" not in summary(trained, settings)


def test_next_command_makes_another_version() -> None:
    """Pasting what C=0.1 prints does not train C=0.1 again."""
    assert " --C 0.1 " in summary(TRAINED, Settings(alias="champion"))
    assert " --C 10 " in summary(TRAINED, Settings(alias="champion", regularization=0.1))


def test_without_alias_the_next_commands_judge_it_and_promote_it() -> None:
    """Of the same MLflow, and without a password."""
    unaliased = dataclasses.replace(TRAINED, alias=None)
    *_, validate, promote = summary(
        unaliased, Settings(tracking_uri=TRAINED.tracking_uri)
    ).splitlines()
    assert [shlex.split(line)[0] for line in (validate, promote)] == [
        "MLFLOW_TRACKING_URI=http://127.0.0.1:8080"
    ] * 2
    assert shlex.split(validate)[-4:] == ["validate", TRAINED.name, "2", "--data-of-run"]
    assert shlex.split(promote)[-3:] == ["promote", TRAINED.name, "2"]


def test_without_podium_the_next_command_sets_the_alias(
    tracking_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The printed command works as it is, in an environment that `mlflow run` has made."""
    client = MlflowClient(tracking_uri)
    client.create_registered_model(TRAINED.name)
    client.create_model_version(TRAINED.name, source="nowhere")
    unaliased = dataclasses.replace(
        TRAINED, alias=None, version="1", run_url=None, tracking_uri=tracking_uri
    )
    python = sys.executable
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    command = summary(unaliased, Settings()).splitlines()[-1]
    subprocess.run([python, *shlex.split(command)[1:]], check=True, timeout=400)
    assert list(client.get_registered_model(TRAINED.name).aliases) == ["champion"]


def test_unfinished_solver_is_noted() -> None:
    """Too small a --max-iter is not silent."""
    trained = dataclasses.replace(TRAINED, converged=False)
    assert "stopped after 5 steps" in summary(trained, Settings(max_iter=5))


@pytest.mark.parametrize("alias", ["champion", None])
def test_o18_next_command_is_there_where_no_podium_is(
    alias: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`mlflow run` makes an environment that has none: then it is `mlflow run` again."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    trained = dataclasses.replace(TRAINED, alias=alias)
    line = summary(trained, Settings(alias=alias, name="mine")).splitlines()[-1]
    assert "podium train" not in line
    if alias is not None:
        words = shlex.split(line)
        assert words[:2] == ["mlflow", "run"]
        assert (Path(words[2]) / "MLproject").is_file()
        assert {"C=0.1", "alias=champion", "name=mine"} <= set(words)


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "training.train", *words],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def _error(text: str) -> str:
    return text.strip().splitlines()[-1]
