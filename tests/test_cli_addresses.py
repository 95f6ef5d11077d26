"""Which MLflow and which service a command means, and that it says so."""

import os
from pathlib import Path

import pytest

from service.local.running import RunningUp, mark, write_record
from tests.support.services import running_service
from tests.support.tracking import free_port
from tests.test_cli import empty_folder, podium, refusal, taken_port

__all__ = ["empty_folder", "taken_port"]


def running_up(folder: Path, tracking_uri: str, service_url: str) -> None:
    """Writes what an `up` of that folder writes; this process stands for it."""
    me = mark(os.getpid())
    assert me is not None
    write_record(folder / ".podium", RunningUp(tracking_uri, service_url, me, {}))


def test_mlflow_of_a_running_up_is_followed(empty_folder: Path, taken_port: int) -> None:
    """By what `up` has written in its home: the next thing to complain of is the port."""
    running_up(empty_folder, "http://127.0.0.1:1", "http://127.0.0.1:2")
    serve = ("serve", "--model", "iris@champion", "--port", str(taken_port))
    assert "cannot listen" in refusal(podium(*serve), 1)


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"])
def test_either_variable_names_the_mlflow_to_follow(variable: str, taken_port: int) -> None:
    """The next thing to complain of is the port."""
    serve = ("serve", "--model", "iris@champion", "--port", str(taken_port))
    assert "cannot listen" in refusal(podium(*serve, **{variable: "http://127.0.0.1:1"}), 1)


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"])
def test_either_variable_names_the_mlflow_to_train_on(variable: str) -> None:
    """It is asked, and does not answer."""
    address = f"http://127.0.0.1:{free_port()}"
    done = podium("train", **{variable: address})
    assert done.exit_code == 1
    assert f"MLflow does not answer at {address}" in done.stderr


def test_smoke_asks_the_registry_rather_than_the_tracking_server() -> None:
    """Aliases are the registry's; passwords are not shown."""
    done = podium(
        *("smoke", "--url", f"http://127.0.0.1:{free_port()}"),
        MLFLOW_TRACKING_URI="http://runs.example",
        MLFLOW_REGISTRY_URI="http://user:hunter2@models.example",
    )
    assert "MLflow   http://models.example" in done.stdout.splitlines()
    assert "hunter2" not in done.stdout


@pytest.mark.parametrize("command", ["status", "smoke"])
def test_service_of_a_running_up_is_found(command: str, empty_folder: Path) -> None:
    """Its address is shown, and its MLflow's where that is asked."""
    url = f"http://127.0.0.1:{free_port()}"
    running_up(empty_folder, "http://127.0.0.1:1", url)
    done = podium(command)
    assert done.exit_code == 2
    assert f"service  {url}" in done.stdout.splitlines()
    assert ("MLflow   http://127.0.0.1:1" in done.stdout.splitlines()) is (command == "smoke")


@pytest.mark.parametrize("command", ["status", "smoke"])
def test_service_is_looked_for_where_one_listens_by_default(command: str) -> None:
    """By the same settings that `serve` listens by; who named no address is told how."""
    port = str(free_port())
    done = podium(command, PODIUM_PORT=port, PODIUM_HOST="0.0.0.0")
    assert done.exit_code == 2
    assert f"service  http://127.0.0.1:{port}" in done.stdout.splitlines()
    assert "refused; give --url, or start one with `podium up`" in done.stdout
    named = podium(command, "--url", f"http://127.0.0.1:{port}")
    assert "give --url" not in named.stdout


def test_log_says_which_mlflow_is_followed(tmp_path: Path) -> None:
    """As soon as the service listens, without user and password."""
    address = f"127.0.0.1:{free_port()}"
    with running_service(["a@b"], f"http://user:hunter2@{address}", tmp_path) as service:
        assert service.events("listening")[0]["mlflow"] == f"http://{address}"
    assert "hunter2" not in str(service.log)


@pytest.mark.parametrize("command", ["status", "smoke"])
def test_what_is_for_the_operator_is_asked_at_the_admin_port(command: str) -> None:
    """And what applications ask at the public one."""
    ports = {"PODIUM_PORT": str(free_port()), "PODIUM_ADMIN_PORT": str(free_port())}
    done = podium(command, **ports)
    asked = ports["PODIUM_ADMIN_PORT" if command == "status" else "PODIUM_PORT"]
    assert f"service  http://127.0.0.1:{asked}" in done.stdout.splitlines()


def test_taken_admin_port_is_one_clear_line(taken_port: int) -> None:
    """It names the flag by which to choose another."""
    serve = ("serve", "--model", "iris@champion", "--port", "0", "--admin-port", str(taken_port))
    line = refusal(podium(*serve, MLFLOW_TRACKING_URI="http://127.0.0.1:1"), 1)
    assert line.endswith("choose another with --admin-port")
