"""The `podium` command: help that teaches, and one line and a status where it cannot go on."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_origin

import click
import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from service.cli.once import OnceCommand
from service.config.settings import Settings
from tests.support.tracking import free_port

ROOT = Path(__file__).parents[1]
COMMANDS = [
    *("up", "serve", "train", "validate", "plan", "prepare", "promote", "rollback"),
    *("split", "shadow", "copy", "migrate-stages", "hold", "release", "block", "unblock", "where"),
    *("status", "wait", "reload", "withdraw", "smoke", "webhook"),
    *("env", "doctor"),
]
EXAMPLES = {
    "up": "podium up --port 8001 --tracking-port 8081",
    "serve": "MLFLOW_TRACKING_URI=http://127.0.0.1:8080 podium serve --model iris@champion",
    "train": "podium train --C 0.1 --alias champion",
    "validate": "podium validate iris 3 --against champion --data-of-run",
    "plan": "podium plan iris 3 --url http://podium-1:8000",
    "prepare": "podium prepare iris 3 --url http://podium-1:8000 --url http://podium-2:8000",
    "promote": "podium promote iris 3 --url http://podium-1:8000 --url http://podium-2:8000",
    "rollback": 'podium rollback iris --alias champion --reason "too slow"',
    "split": "podium split iris challenger=10 --url http://podium-1:8000",
    "shadow": "podium shadow iris challenger=25 --url http://podium-1:8000",
    "copy": "podium copy dev.security.fraud 3 --to staging.security.fraud",
    "migrate-stages": "podium migrate-stages --all --map Production=champion "
    "--map Staging=challenger --dry-run",
    "hold": 'podium hold iris --reason "an audit" --until 2099-01-01T08:00:00Z',
    "release": "podium release iris --alias champion",
    "block": 'podium block iris 3 --reason "wrong for small flowers"',
    "unblock": "podium unblock iris 3",
    "where": "podium where security.fraud --url http://podium-1:8000",
    "status": "podium status --url http://127.0.0.1:8000 --json",
    "wait": "podium wait iris@champion --version 3 --timeout 120",
    "reload": "podium reload iris@champion --url http://127.0.0.1:8000",
    "withdraw": "podium withdraw iris 3 --url http://127.0.0.1:8000",
    "smoke": "podium smoke --url http://127.0.0.1:8000 --junit smoke.xml",
    "webhook": "PODIUM_WEBHOOK_SECRET=... podium webhook register --url https://podium.example",
    "env": "podium env check",
    "doctor": "podium doctor --role promoter --json",
}


def podium(*arguments: str, **environment: str) -> Result:
    """What a command prints and ends with; settings of the environment are those given here."""
    return CliRunner(env=environment).invoke(main, arguments, prog_name="podium")


def refusal(result: Result, status: int) -> str:
    """The one line on stderr, and nothing else anywhere."""
    assert result.exit_code == status
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("podium: ")
    return lines[0]


def in_a_process(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command as a user's shell runs it, in that folder."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-P", "-m", "service", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command finds no `up` of the developer's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_help_lists_the_commands_in_the_order_of_meeting_them() -> None:
    """Each with its own sentence; and how to begin."""
    shown = podium("--help").stdout
    listed = shown.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in listed if line.startswith("  ")][
        : len(COMMANDS)
    ] == COMMANDS
    assert "Start with `podium up`" in shown
    assert "podium serve --model iris@champion" in shown


@pytest.mark.parametrize("command", EXAMPLES)
def test_help_of_a_command_shows_an_example(command: str) -> None:
    """On a line of its own, to be copied."""
    lines = [line.strip() for line in podium(command, "--help").stdout.splitlines()]
    assert EXAMPLES[command] in lines


@pytest.mark.parametrize(
    ("command", "listed"),
    [
        *(("serve", f"--{flag}") for flag in ("trust any|no-pickle", "missing-alias keep|empty")),
        ("serve", "--requirements warn|refuse|ignore"),
        ("serve", "--allow-breaking true|false"),
    ],
)
def test_o19_help_lists_the_values_of_an_option(command: str, listed: str) -> None:
    """Where there are few."""
    assert listed in " ".join(podium(command, "--help").stdout.split())


def test_o19_every_setting_of_few_values_has_them_listed() -> None:
    """Also one that is added later."""
    shown = podium("serve", "--help").stdout
    few = [name for name, field in Settings.model_fields.items() if _few(field.annotation)]
    assert few
    assert [name for name in few if not re.search(rf"--{_flag(name)} \w[\w-]*\|", shown)] == []


def _few(kind: object) -> bool:
    return kind is bool or get_origin(kind) is Literal


def _flag(name: str) -> str:
    return name.replace("_", "-")


def every_help() -> Iterator[tuple[str, ...]]:
    """Each command and each of a group's, as their words."""
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, below) for below in command.commands)


def examples(words: tuple[str, ...]) -> list[list[str]]:
    """The lines of that help that are commands of Podium's, as their words."""
    lines = map(str.strip, podium(*words, "--help").stdout.splitlines())
    return [shlex.split(line) for line in lines if re.match(r"([A-Z_]+=\S+ )*podium ", line)]


@pytest.mark.parametrize("words", [(), *every_help()], ids=" ".join)
def test_o19_help_has_an_example_that_can_be_parsed(words: tuple[str, ...]) -> None:
    """Every command's own; none of them has an option that is not there any more."""
    found = examples(words)
    assert any(tuple(each[each.index("podium") + 1 :][: len(words)]) == words for each in found)
    for example in found:
        command: click.Command = main
        context = click.Context(main)
        rest = example[example.index("podium") + 1 :]
        while isinstance(command, click.Group) and rest:
            below = command.get_command(context, rest[0])
            assert below is not None
            command, rest = below, rest[1:]
            context = click.Context(command, parent=context)
        command.make_context(command.name, rest, parent=context)


def options_of_seconds() -> Iterator[tuple[str, click.Option]]:
    """Each option of a command that is a number of seconds; of a policy's the policy says."""
    context = click.Context(main)
    for name in main.list_commands(context):
        command = main.get_command(context, name)
        for option in command.params if command else ():
            is_range = isinstance(option.type, click.FloatRange)
            if isinstance(option, click.Option) and is_range and option.metavar == "S":
                yield name, option


@pytest.mark.parametrize("told", ["nan", "inf", "-inf", "1e12"])
def test_no_option_takes_seconds_that_no_clock_has(told: str) -> None:
    """A journal that has them can be read by nobody, and a time limit of them never ends."""
    options = list(options_of_seconds())
    assert {"promote", "rollback", "prepare", "wait", "migrate-stages"} <= {n for n, _ in options}
    for _, option in options:
        with pytest.raises(click.BadParameter):
            option.type.convert(told, option, None)


@pytest.mark.parametrize(
    ("words", "status"), [(("status",), 2), (("smoke",), 2), (("wait",), 3), (("reload",), 3)]
)
def test_o19_harmless_examples_run(words: tuple[str, ...], status: int, empty_folder: Path) -> None:
    """Against a port of nobody, with no time to wait: they end as their help says."""
    (example,) = examples(words)
    line = " ".join(example[example.index("podium") + 1 :]).replace("120", "0")
    arguments = line.replace("http://127.0.0.1:8000", "").replace("--url", "").split()
    url = ("--url", f"http://127.0.0.1:{free_port()}")
    done = podium(*arguments, *url, PODIUM_ADMIN_TOKEN="token")
    assert done.exit_code == status, done.output


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:5000", "has no http:// or https:// in front; write http://HOST:PORT"),
        ("'http://127.0.0.1:5000'", "stands in quotes"),
        ("http://127.0.0.1:5000 ", "has a space or a line's end behind it"),
        ("http:/127.0.0.1", "has no :// behind http"),
        ("http://127.0.0.1:70000", "has a port that is not a number from 1 to 65535"),
    ],
)
def test_o8_address_that_can_be_none_ends_with_one_line(address: str, said: str) -> None:
    """That names the variable, or the flag, and the mend."""
    serve = ("serve", "--model", "iris@champion")
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        line = refusal(podium(*serve, **{variable: address}), 2)
        assert line.startswith(f"podium: {variable}: {said}")
        for command in (("smoke",), ("webhook", "list")):
            line = refusal(podium(*command, **{variable: address}), 2)
            assert line.startswith(f"podium: {variable}: {said}")
    for command in (("status",), ("smoke",), ("webhook", "test")):
        line = refusal(podium(*command, "--url", address), 2)
        assert line.startswith(f"podium: --url: {said}")


def test_p23_withdraw_takes_addresses_and_numbers_as_other_commands_do() -> None:
    """What can be none ends with one line, before anything is asked."""
    line = refusal(podium("withdraw", "iris", "3", "--url", "127.0.0.1:5000"), 2)
    assert line.startswith("podium: --url: has no http://")
    for command in (("withdraw", "iris", "3x"), ("wait", "iris@champion", "--version", "3x")):
        refused = podium(*command)
        assert (refused.exit_code, "must be the number of a version" in refused.output) == (2, True)


@pytest.mark.parametrize("command", ["serve", "train", "up", "status"])
def test_o8_help_is_there_when_an_address_is_wrong(command: str) -> None:
    """It is what one looks for then."""
    assert podium(command, "--help", MLFLOW_TRACKING_URI="'").exit_code == 0


@pytest.mark.parametrize("command", ["serve", "train", "smoke"])
def test_help_says_where_mlflow_is_taken_from(command: str) -> None:
    """By the name that MLflow itself knows."""
    assert "MLFLOW_TRACKING_URI" in podium(command, "--help").stdout


@pytest.mark.parametrize("command", ["up", "serve"])
def test_help_names_each_options_variable_and_default(command: str) -> None:
    """So that a container can set it without a look at the source."""
    shown = " ".join(podium(command, "--help").stdout.split())
    assert "[PODIUM_PORT; default: 8000]" in shown
    assert "[PODIUM_HOST; default: 127.0.0.1]" in shown
    assert "[PODIUM_HOME; default: .podium]" in shown


def test_help_says_where_a_free_port_may_be_taken() -> None:
    """`up` has to know its port beforehand."""
    assert "0 takes a free one" in " ".join(podium("serve", "--help").stdout.split())
    assert "0 takes a free one" not in " ".join(podium("up", "--help").stdout.split())


@pytest.mark.parametrize("command", ["up", "serve", "status", "smoke"])
def test_help_is_there_when_the_environment_is_wrong(command: str) -> None:
    """It is what one looks for then."""
    assert podium(command, "--help", PODIUM_PORT="wrong").exit_code == 0


@pytest.mark.parametrize("reference", ["iris", "iris@", "@champion", "iris@latest", "a\nb@c"])
def test_bad_reference_ends_with_one_line(reference: str) -> None:
    """That says which setting it is."""
    line = refusal(podium("serve", "--model", reference), 2)
    assert "PODIUM_MODELS: " in line


def test_bad_setting_ends_with_one_line() -> None:
    """Whether it came by flag or by the environment."""
    by_flag = refusal(podium("serve", "--model", "iris@champion", "--port", "wrong"), 2)
    by_environment = refusal(podium("serve", "--model", "iris@champion", PODIUM_PORT="wrong"), 2)
    assert by_flag == by_environment
    assert "PODIUM_PORT" in by_flag


def test_nothing_to_serve_ends_with_one_line() -> None:
    """That says how to name it."""
    line = refusal(podium("serve"), 2)
    assert "--model NAME@ALIAS" in line
    assert "PODIUM_MODELS" in line


def test_no_mlflow_to_follow_ends_with_one_line() -> None:
    """That says how to name one, and how to start one."""
    line = refusal(podium("serve", "--model", "iris@champion"), 2)
    assert "MLFLOW_TRACKING_URI=http://127.0.0.1:8080" in line
    assert "podium up" in line


def test_home_that_cannot_be_used_ends_with_one_line(empty_folder: Path) -> None:
    """With the system's reason, before anything is started."""
    (empty_folder / ".podium").write_text("in the way")
    serve = ("serve", "--model", "iris@champion", "--port", "0")
    line = refusal(podium(*serve, MLFLOW_TRACKING_URI="http://127.0.0.1:1"), 1)
    assert line == "podium: PODIUM_HOME: '.podium' cannot be used: File exists; choose another"


def test_taken_port_ends_with_one_line_before_anything_is_started(
    empty_folder: Path, taken_port: int
) -> None:
    """No folder is made, and no process says a word."""
    serve = ("serve", "--model", "iris@champion", "--port", str(taken_port))
    line = refusal(podium(*serve, MLFLOW_TRACKING_URI="http://127.0.0.1:1"), 1)
    assert f"cannot listen on 127.0.0.1:{taken_port}: Address already in use" in line
    assert line.endswith("choose another with --port")
    assert list(empty_folder.iterdir()) == []


def test_address_of_another_machine_ends_with_one_line() -> None:
    """One of those that are kept for documentation (RFC 5737)."""
    serve = ("serve", "--model", "iris@champion", "--host", "192.0.2.1", "--port", "0")
    result = podium(*serve, MLFLOW_TRACKING_URI="http://127.0.0.1:1")
    line = refusal(result, 1)
    assert "cannot listen on 192.0.2.1" in line
    assert line.endswith("choose another with --host")


@pytest.mark.parametrize(
    ("option", "arguments"),
    [
        ("--alias", ("promote", "iris", "3", "--alias", "a", "--alias=b")),
        ("--policy", ("validate", "iris", "3", "--policy", "a", "--policy", "b")),
        ("--url", ("webhook", "register", "--url", "http://a", "--url", "http://b")),
    ],
)
def test_option_that_takes_one_value_is_not_given_twice(
    option: str, arguments: tuple[str, ...]
) -> None:
    """Which was meant, nobody knows; those that may be repeated say so."""
    ended = podium(*arguments)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert f"{option} is given twice, and takes one value" in ended.stderr


def test_every_command_refuses_an_option_that_is_given_twice() -> None:
    """But the training, which is a program of its own."""
    context = click.Context(main)
    found = [main.get_command(context, each) for each in COMMANDS if each != "train"]
    leaves = [
        leaf
        for each in found
        for leaf in (each.commands.values() if isinstance(each, click.Group) else [each])
    ]
    assert all(isinstance(each, OnceCommand) for each in leaves)


def test_command_runs_as_a_module_with_one_line_and_its_status(empty_folder: Path) -> None:
    """No trace of Python's, wherever it is started."""
    done = in_a_process(empty_folder, "serve", "--model", "iris")
    assert done.returncode == 2
    assert done.stdout == ""
    advice = "'iris' is not a model reference; write NAME@ALIAS, as in iris@champion"
    assert done.stderr == f"podium: PODIUM_MODELS: {advice}\n"


def test_command_knows_its_version(empty_folder: Path) -> None:
    """As the package has it."""
    done = in_a_process(empty_folder, "--version")
    assert (done.returncode, done.stdout) == (0, "podium, version 0.1.0\n")


def test_command_starts_without_the_services_libraries(empty_folder: Path) -> None:
    """Help and mistakes are answered at once."""
    code = (
        "import json, sys\n"
        "from service.cli.main import main\n"
        "main(['serve', '--help'], standalone_mode=False)\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=empty_folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=400,
        check=True,
    )
    loaded = set(json.loads(done.stderr))
    assert loaded & {"fastapi", "uvicorn", "mlflow", "pandas", "training"} == set()
