"""What is started, with what it is told."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from service.local.commands import pasted, service_command, training_command
from service.local.settings import UpSettings
from service.local.tracking import tracking_command
from service.refs import ModelRef

SETTINGS = UpSettings(Path("home"), "0.0.0.0", 8000, 8080, drain_seconds=3.0)


def test_mlflow_listens_on_the_loopback_with_one_worker() -> None:
    """Whatever the service's interface is."""
    line = " ".join(tracking_command(SETTINGS).arguments)
    assert "mlflow server --host 127.0.0.1 --port 8080 --workers 1" in line


def test_mlflow_keeps_everything_below_the_home() -> None:
    """The database by an absolute address, artifacts through the server."""
    home = Path("home").resolve()
    line = " ".join(tracking_command(SETTINGS).arguments)
    assert f"--backend-store-uri sqlite:///{home}/mlflow.db" in line
    assert f"--serve-artifacts --artifacts-destination {home}/artifacts" in line


def test_local_mlflow_is_not_changed_by_the_shells_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MLflow reads its options from the environment too."""
    monkeypatch.setenv("MLFLOW_DEFAULT_ARTIFACT_ROOT", "elsewhere")
    monkeypatch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "true")
    monkeypatch.setenv("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "http,https")
    environment = tracking_command(SETTINGS).environment
    assert "MLFLOW_DEFAULT_ARTIFACT_ROOT" not in environment
    assert environment["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    assert environment["MLFLOW_WEBHOOK_ALLOWED_SCHEMES"] == "http,https"


def test_service_and_training_talk_to_the_mlflow_beside_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the shell names another one."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere.example")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://elsewhere.example")
    for command in (training_command(SETTINGS), service_command(SETTINGS, lambda _: None)):
        assert command.environment["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:8080"
        assert "MLFLOW_REGISTRY_URI" not in command.environment


def test_service_and_training_meet_nothing_of_another_mlflow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No account, certificate or proxy of the shell's stands before the one on this machine."""
    for name in ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_INSECURE_TLS", "MLFLOW_WORKSPACE"):
        monkeypatch.setenv(name, "another's")
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.delenv("no_proxy", raising=False)
    for command in (training_command(SETTINGS), service_command(SETTINGS, lambda _: None)):
        assert "another's" not in command.environment.values()
        assert command.environment["no_proxy"] == "example.org,127.0.0.1,localhost"


def test_o17_service_is_told_every_model() -> None:
    """Also one of a name that no reference could hold."""
    models = (ModelRef("iris", "a"), ModelRef("b@c", "d"))
    arguments = service_command(replace(SETTINGS, models=models), lambda _: None).arguments
    assert arguments[-4:] == ("--model", "iris@a", "--model", "models:/b@c@d")


def test_service_listens_where_the_settings_say() -> None:
    """And is called where it can be called from here."""
    environment = service_command(SETTINGS, lambda _: None).environment
    assert (environment["PODIUM_HOST"], environment["PODIUM_PORT"]) == ("0.0.0.0", "8000")
    assert SETTINGS.service_url == "http://127.0.0.1:8000"
    assert replace(SETTINGS, host="::1").service_url == "http://[::1]:8000"


def test_service_is_given_the_time_that_it_may_take_to_drain() -> None:
    """And some more for its own children, before it is killed."""
    assert service_command(SETTINGS, lambda _: None).grace == 13.0


def test_pasted_command_names_what_differs_from_the_defaults(tmp_path: Path) -> None:
    """Quoted for a shell."""
    assert pasted("up").endswith("podium up")
    assert not pasted("up").startswith("PODIUM_HOME")
    spaced = tmp_path / "a b"
    assert pasted("up", spaced).startswith(f"PODIUM_HOME='{spaced}' ")
    assert pasted("up", PODIUM_PORT="1").startswith("PODIUM_PORT=1 ")


def test_pasted_command_is_short_in_a_checkout() -> None:
    """`.venv/bin/podium` where that is the program."""
    program = pasted("up").removesuffix(" up")
    assert program == ".venv/bin/podium" or os.access(program.split()[0], os.X_OK)


def test_secrets_of_the_service_reach_the_service_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither MLflow nor the training has a use for them."""
    monkeypatch.setenv("PODIUM_ADMIN_TOKEN", "hunter2")
    monkeypatch.setenv("PODIUM_WEBHOOK_SECRET", "hunter2")
    mine = replace(SETTINGS, makes_token=False)
    for command in (tracking_command(mine), training_command(mine)):
        assert "hunter2" not in command.environment.values()
    environment = service_command(mine, lambda _: None).environment
    assert environment["PODIUM_ADMIN_TOKEN"] == environment["PODIUM_WEBHOOK_SECRET"] == "hunter2"
    assert "PODIUM_ADMIN_TOKEN_FILE" not in environment


def test_service_is_told_where_its_token_lies() -> None:
    """Which a command line or a variable would show to more people."""
    environment = service_command(SETTINGS, lambda _: None).environment
    assert environment["PODIUM_ADMIN_TOKEN_FILE"] == str(Path("home/admin-token").resolve())
    assert "PODIUM_ADMIN_TOKEN" not in environment


def test_service_writes_the_log_that_up_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its operator would like to read at a terminal."""
    monkeypatch.setenv("PODIUM_LOG_FORMAT", "text")
    monkeypatch.setenv("PODIUM_LOG_LEVEL", "error")
    environment = service_command(SETTINGS, lambda _: None).environment
    assert (environment["PODIUM_LOG_FORMAT"], environment["PODIUM_LOG_LEVEL"]) == ("json", "info")
