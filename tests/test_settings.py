"""Settings: flags, then `PODIUM_*`, then the default; a bad one is one clear line."""

import re
from pathlib import Path
from typing import Any

import click
import pytest
from pydantic import SecretStr, ValidationError

from service.cli.main import COMMANDS, main
from service.config.settings import (
    SECRETS,
    BadSettings,
    LocalSettings,
    Settings,
    load_as,
    load_settings,
    variable,
)
from service.patterns import RefPattern
from service.refs import ModelRef

OPERATE = Path(__file__).parents[1] / "docs/operate.md"
# For every setting two good texts, and the values that they mean.
EXAMPLES: dict[str, tuple[tuple[str, Any], tuple[str, Any]]] = {
    "models": (("a@b, c@d", ("a@b", "c@d")), ("e@f", ("e@f",))),
    "max_slots": (("200", 200), ("1", 1)),
    "resident": (("5", 5), ("1", 1)),
    "host": (("0.0.0.0", "0.0.0.0"), ("::1", "::1")),
    "port": (("0", 0), ("65535", 65535)),
    "grpc_port": (("0", 0), ("9000", 9000)),
    "admin_port": (("0", 0), ("9000", 9000)),
    "console_mlflow_url": (
        ("https://mlflow.example/x", "https://mlflow.example/x"),
        ("http://a:1", "http://a:1"),
    ),
    "home": (("/somewhere", Path("/somewhere")), ("else where", Path("else where"))),
    "service_name": (("blue", "blue"), ("iris:8000", "iris:8000")),
    "poll_seconds": (("0.5", 0.5), ("3600", 3600.0)),
    "hosts": (("2", 2), ("1", 1)),
    "max_body_bytes": (("1024", 1024), ("1", 1)),
    "max_rows": (("10", 10), ("1", 1)),
    "max_batch_rows": (("10", 10), ("1", 1)),
    "max_queue": (("10", 10), ("1", 1)),
    "max_queue_bytes": (("4096", 4096), ("2", 2)),
    "max_reply_bytes": (("1024", 1024), ("1", 1)),
    "predict_timeout_seconds": (("0.1", 0.1), ("5", 5.0)),
    "request_timeout_seconds": (("0.1", 0.1), ("5", 5.0)),
    "load_timeout_seconds": (("0.1", 0.1), ("5", 5.0)),
    "host_memory_bytes": (("2147483648", 2**31), ("1", 1)),
    "model_environment": (("A, iris@champion:B", ("A", "iris@champion:B")), ("C", ("C",))),
    "model_configuration": (('{"a": 1}', '{"a": 1}'), ("{}", "{}")),
    "model_config_file": (("/config", Path("/config")), ("my config", Path("my config"))),
    "keep_alive_seconds": (("2", 2.0), ("3600.5", 3600.5)),
    "root_path": (("/serving/", "/serving"), ("/a/b", "/a/b")),
    "forwarded_allow_ips": (("10.0.0.0/8, ::1", "10.0.0.0/8, ::1"), ("*", "*")),
    "cors_origins": (
        (
            "https://a.example.com, http://localhost:3000/",
            ("https://a.example.com", "http://localhost:3000"),
        ),
        ("*", ("*",)),
    ),
    "drain_seconds": (("0", 0.0), ("2.5", 2.5)),
    "stop_delay_seconds": (("0", 0.0), ("2.5", 2.5)),
    "keep_warm_seconds": (("0", 0.0), ("2.5", 2.5)),
    "bake_seconds": (("0", 0.0), ("2.5", 2.5)),
    "bake_most_seconds": (("0", 0.0), ("2.5", 2.5)),
    "bake_slower": (("2", 2.0), ("1.5", 1.5)),
    "arms": (("on", "on"), ("off", "off")),
    "max_prepared": (("0", 0), ("3", 3)),
    "cache_bytes": (("1048576", 2**20), ("1", 1)),
    "allow_breaking": (("true", True), ("1", True)),
    "allow_unsigned": (("true", True), ("1", True)),
    "missing_alias": (("empty", "empty"), ("keep", "keep")),
    "api_keys_file": (("/keys", Path("/keys")), ("my keys", Path("my keys"))),
    "admin_token": (("hunter2", SecretStr("hunter2")), ("x=y", SecretStr("x=y"))),
    "webhook_secret": (("hunter2", SecretStr("hunter2")), ("x=y", SecretStr("x=y"))),
    "events_url": (
        ("https://a.example/b?c", SecretStr("https://a.example/b?c")),
        ("http://u:p%40@a:1", SecretStr("http://u:p%40@a:1")),
    ),
    "events_secret": (("hunter2", SecretStr("hunter2")), ("x=y", SecretStr("x=y"))),
    "events_format": (("slack", "slack"), (" JSON ", "json")),
    "require_tags": (("a=b, c = d=e", {"a": "b", "c": "d=e"}), ("f=", {"f": ""})),
    "require_validation": (("TRUE", "true"), (f"policy={'A' * 64}", f"policy={'a' * 64}")),
    "validation_status": (
        ("quality = ok", "quality=pending,ok,failed"),
        ("quality=open, good ,bad", "quality=open,good,bad"),
    ),
    "validated_as": (("staging.", "staging."), (" eu.staging. ", "eu.staging.")),
    "aliases": (("live", ("live",)), ("live, next,live", ("live", "next"))),
    "trust": (("no-pickle", "no-pickle"), ("no-pickle", "no-pickle")),
    "shadow_samples": (("1000000", "1000000"), ("1000000,3d", "1000000,3d")),
    "model_tracking": (("true", True), ("1", True)),
    "log_format": (("TEXT", "text"), ("json", "json")),
    "log_level": (("DEBUG", "debug"), (" warning ", "warning")),
    "request_log": (("false", False), ("off", False)),
    "requirements": (("refuse", "refuse"), ("refuse", "refuse")),
    "env_manager": (("uv", "uv"), ("local", "local")),
    "env_same": (("exact", "exact"), ("exact", "exact")),
    "indexes": (("a.example, B:8443", ("a.example", "b:8443")), ("[::1]", ("[::1]",))),
    "wheelhouse": (("/wheels", Path("/wheels")), ("my wheels", Path("my wheels"))),
    "pythons": (
        ("/usr/bin/python3.12, /opt/p", ("/usr/bin/python3.12", "/opt/p")),
        ("/a", ("/a",)),
    ),
    "allow_source_builds": (("true", True), ("1", True)),
    "env_bytes": (("1048576", 2**20), ("1", 1)),
    "env_timeout_seconds": (("0.5", 0.5), ("60", 60.0)),
    "tracking_port": (("5000", 5000), ("1", 1)),
}
BAD = [
    *(("PORT", bad) for bad in ("", "http", "-1", "65536", "80.5")),
    *(("ADMIN_PORT", bad) for bad in ("", "http", "65536")),
    *(
        ("CONSOLE_MLFLOW_URL", bad)
        for bad in ("", "mlflow", "ftp://a", "https://u:p@a", "https://a?token=b", "https://a/b@c")
    ),
    *(("TRACKING_PORT", bad) for bad in ("", "none")),
    *(("HOST", bad) for bad in ("", " ", "no..host", "x" * 64)),
    *(("HOME", bad) for bad in ("", " ")),
    *(("SERVICE_NAME", bad) for bad in ("", "..", "a/b", "x" * 101)),
    *(("POLL_SECONDS", bad) for bad in ("0", "-1", "nan", "inf", "3601", "1s")),
    *(("HOSTS", bad) for bad in ("0", "-1", "1.5", "many")),
    *(("SHADOW_SAMPLES", bad) for bad in ("", "0", "1MB", "100,7", "100,0d", "100, 7d")),
    *(("MAX_BODY_BYTES", bad) for bad in ("0", "16MiB")),
    *(("MAX_ROWS", bad) for bad in ("0", "1e")),
    *(("MAX_BATCH_ROWS", bad) for bad in ("0",)),
    *(("MAX_QUEUE", bad) for bad in ("0",)),
    *(("MAX_REPLY_BYTES", bad) for bad in ("0",)),
    *(("PREDICT_TIMEOUT_SECONDS", bad) for bad in ("0", "nan")),
    *(("REQUEST_TIMEOUT_SECONDS", bad) for bad in ("0", "-1", "nan", "inf", "1s")),
    *(("LOAD_TIMEOUT_SECONDS", bad) for bad in ("0", "nan")),
    *(("HOST_MEMORY_BYTES", bad) for bad in ("", "0", "2GiB")),
    *(("MODEL_CONFIG", bad) for bad in ("", "{", "[]", '"a"', "null", "[" * 100_000)),
    *(("MODEL_CONFIG_FILE", bad) for bad in ("", ".")),
    *(("LOG_FORMAT", bad) for bad in ("", "yaml")),
    *(("LOG_LEVEL", bad) for bad in ("", "loud", "20")),
    *(("REQUEST_LOG", bad) for bad in ("", "some")),
    *(("DRAIN_SECONDS", bad) for bad in ("-1", "inf", "nan")),
    *(("CACHE_BYTES", bad) for bad in ("", "0", "10GiB")),
    *(("ALLOW_UNSIGNED", bad) for bad in ("", "maybe")),
    *(("API_KEYS_FILE", bad) for bad in ("", ".")),
    *(("ADMIN_TOKEN", bad) for bad in ("", " ", "two words", "schlüssel", "a\nb")),
    *(("WEBHOOK_SECRET", bad) for bad in ("", "\t")),
    *(("EVENTS_SECRET", bad) for bad in ("", "two words")),
    *(
        ("EVENTS_URL", bad)
        for bad in ("", "hunter2", "ftp://a", "http://", "http://a:b", "http://a:1/b@c")
    ),
    *(("EVENTS_FORMAT", bad) for bad in ("", "xml")),
    *(("ALLOW_BREAKING", bad) for bad in ("", "maybe")),
    *(("REQUIRE_TAGS", bad) for bad in ("a", "=b", "a=b,c", "a=b,a=c")),
    *(("TRUST", bad) for bad in ("", "pickle")),
    *(("REQUIREMENTS", bad) for bad in ("", "off")),
    *(("ENV_MANAGER", bad) for bad in ("", "conda")),
    *(("ENV_SAME", bad) for bad in ("", "minor")),
    *(("INDEXES", bad) for bad in ("https://u:p@a/simple", "a/simple", "a b")),
    *(("WHEELHOUSE", bad) for bad in ("", ".")),
    *(("PYTHONS", bad) for bad in ("python3.12", "3.12")),
    *(("ALLOW_SOURCE_BUILDS", bad) for bad in ("", "maybe")),
    *(("ENV_BYTES", bad) for bad in ("", "0", "10GiB")),
    *(("ENV_TIMEOUT_SECONDS", bad) for bad in ("0", "nan", "inf")),
    *(("REQUIRE_VALIDATION", bad) for bad in ("yes", "policy=", "policy=abc", "tags")),
    *(("VALIDATION_STATUS", bad) for bad in ("passed", "=passed", "status=")),
    ("MAX_PREPARED", "-1"),
    *(("KEEP_WARM_SECONDS", bad) for bad in ("-1", "inf")),
    *(("MODELS", bad) for bad in ("*", "*@", "@*", "a[@b", "a*@b@c", "*@latest", "*@a,*@a")),
    *(("MAX_SLOTS", bad) for bad in ("0", "-1", "x")),
    *(("RESIDENT", bad) for bad in ("0", "-1", "x", "")),
    *(("MODELS", bad) for bad in ("iris", "@champion", "iris@", "m@latest", "a@b,a@b", "a\nb@c")),
]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even what all other tests go without."""
    monkeypatch.delenv("PODIUM_ENV_MANAGER")


def refusal(**flags: Any) -> str:
    """The line that these settings are refused with."""
    with pytest.raises(BadSettings) as refused:
        load_as(LocalSettings, flags)
    return str(refused.value)


def test_every_setting_has_an_example_here() -> None:
    """So that the tests below speak of all of them."""
    assert EXAMPLES.keys() == LocalSettings.model_fields.keys()


@pytest.mark.parametrize("name", EXAMPLES)
def test_environment_wins_over_the_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `PODIUM_NAME`."""
    text, value = EXAMPLES[name][0]
    default = LocalSettings.model_fields[name].get_default()
    assert getattr(load_as(LocalSettings, {}), name) == default
    monkeypatch.setenv(variable(name), text)
    assert getattr(load_as(LocalSettings, {}), name) == value


@pytest.mark.parametrize("name", EXAMPLES)
def test_flag_wins_over_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flags are texts, as the command line has them."""
    (in_environment, _), (flag, value) = EXAMPLES[name]
    monkeypatch.setenv(variable(name), in_environment)
    assert getattr(load_as(LocalSettings, {name: flag}), name) == value


def test_flag_that_was_not_given_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """None, or no value of several."""
    monkeypatch.setenv("PODIUM_PORT", "1234")
    monkeypatch.setenv("PODIUM_MODELS", "a@b")
    settings = load_settings({"port": None, "models": ()})
    assert (settings.port, settings.models) == (1234, ("a@b",))


def test_models_are_references_in_their_order() -> None:
    """The first is the default model; spaces around them are nothing."""
    settings = load_settings({"models": (" a@b ", "a b@c")})
    assert settings.refs == (ModelRef("a", "b"), ModelRef("a b", "c"))


def test_settings_are_frozen() -> None:
    """What is in force does not change under a running service."""
    with pytest.raises(ValidationError, match="frozen"):
        load_settings({}).port = 1


@pytest.mark.parametrize(("name", "bad"), BAD)
def test_bad_setting_is_one_line_that_names_it(
    name: str, bad: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the value itself has several lines."""
    monkeypatch.setenv(f"PODIUM_{name}", bad)
    line = refusal()
    assert line.startswith(f"PODIUM_{name}: ")
    assert len(line.splitlines()) == 1
    assert line.isprintable()


def test_every_bad_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One start tells all that is wrong."""
    monkeypatch.setenv("PODIUM_PORT", "x")
    assert re.findall(r"PODIUM_\w+", refusal(hosts="0")) == ["PODIUM_PORT", "PODIUM_HOSTS"]


def test_admin_port_is_a_port_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two free ones are two; the same one twice is a mistake."""
    monkeypatch.setenv("PODIUM_PORT", "9000")
    monkeypatch.setenv("PODIUM_ADMIN_PORT", "9000")
    assert refusal() == "PODIUM_ADMIN_PORT: must be another port than PODIUM_PORT"
    assert load_settings({"port": 0, "admin_port": 0}).admin_port == 0


def test_bad_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have put a secret into the wrong variable."""
    monkeypatch.setenv("PODIUM_PORT", "hunter2")
    monkeypatch.setenv("PODIUM_HOST", "hunter2..")
    monkeypatch.setenv("PODIUM_EVENTS_URL", "https://a.example/hunter2@b")
    monkeypatch.setenv("PODIUM_CONSOLE_MLFLOW_URL", "https://me:hunter2@a.example")
    assert "hunter2" not in refusal()


def command(name: str) -> click.Command:
    """That command of `podium`."""
    found = main.get_command(click.Context(main), name)
    assert found is not None
    return found


def test_secrets_are_those_that_no_flag_may_hold() -> None:
    """Everybody on a machine can read the command lines of its processes."""
    flags = {option for name in COMMANDS for each in command(name).params for option in each.opts}
    assert SECRETS == ("admin_token", "webhook_secret", "events_url", "events_secret")
    assert not flags & {f"--{name.replace('_', '-')}" for name in SECRETS}
    assert "--api-keys-file" in flags


@pytest.mark.parametrize("name", SECRETS)
def test_secret_may_lie_in_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `PODIUM_*_FILE` names it; the line's end is not part of it."""
    file = tmp_path / "secret"
    text, value = EXAMPLES[name][0]
    file.write_text(f"{text}\n")
    monkeypatch.setenv(f"PODIUM_{name.upper()}_FILE", str(file))
    assert getattr(load_settings({}), name) == value


def test_secret_is_not_shown_with_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither by `repr` nor as JSON, which end up in logs."""
    for name in SECRETS:
        secret = "https://hunter2.example" if name == "events_url" else "hunter2"
        monkeypatch.setenv(f"PODIUM_{name.upper()}", secret)
    settings = load_settings({})
    assert "hunter2" not in f"{settings!r} {settings} {settings.model_dump_json()}"


@pytest.mark.parametrize("name", SECRETS)
def test_secret_by_both_ways_is_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which one is meant?"""
    variable = f"PODIUM_{name.upper()}"
    monkeypatch.setenv(variable, EXAMPLES[name][0][0])
    monkeypatch.setenv(f"{variable}_FILE", str(tmp_path))
    assert refusal() == f"{variable}: is set, and {variable}_FILE too; set one of them"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "must hold one secret of at most 4096 characters"),
        (b" \n", "must hold one secret of at most 4096 characters"),
        (b"x" * 5000, "must hold one secret of at most 4096 characters"),
        (b"\xff", "is not text"),
    ],
)
def test_bad_file_of_a_secret_is_one_line(
    content: bytes | None, problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside whatever else is wrong, and without what it holds."""
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    monkeypatch.setenv("PODIUM_ADMIN_TOKEN_FILE", str(tmp_path / "secret"))
    assert refusal(port="x").endswith(f"; PODIUM_ADMIN_TOKEN_FILE: {problem}")


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("iris", "write NAME@ALIAS, as in iris@champion"),
        ("iris@latest", "MLflow reserves 'latest'"),
        ("iris@v3", "MLflow reserves 'v3'"),
        ("ir\tis@champion", "control characters"),
        ("ir\u2028is@champion", "line ends"),
        ("ir\udcffis@champion", "bytes that are not UTF-8"),
    ],
)
def test_bad_reference_says_what_to_write_instead(text: str, advice: str) -> None:
    """Names and aliases are not secrets, so it is shown which one is meant."""
    line = refusal(models=("good@one", text))
    assert advice in line
    assert repr(text) in line
    assert "good@one" not in line


def test_every_bad_reference_is_named_at_once() -> None:
    """And one that is given twice."""
    line = refusal(models=("iris", "a@b", "x@latest", "a@b"))
    for advice in (
        "'iris' is not a model reference",
        "MLflow reserves 'latest'",
        "is given twice",
    ):
        assert advice in line


def test_every_setting_of_a_service_that_is_no_secret_has_a_flag_named_like_its_variable() -> None:
    """That of `podium up`'s MLflow aside; what to follow is given one by one."""
    flags = {
        each.name: flag
        for each in command("serve").params
        for flag in each.opts
        if flag.startswith("--")
    }
    assert flags.pop("models") == "--model"
    wanted = Settings.model_fields.keys() - {*SECRETS, "models"}
    assert flags == {
        name: f"--{variable(name).removeprefix('PODIUM_').lower().replace('_', '-')}"
        for name in wanted
    }


def test_comma_inside_a_flags_reference_is_refused() -> None:
    """A flag names one model; in the environment the comma separates."""
    assert "commas" in refusal(models=("a@b,c@d",))


def test_operators_page_lists_every_setting_as_it_is() -> None:
    """Name, default and meaning; nothing more, nothing less."""
    page = OPERATE.read_text()
    rows = re.findall(r"^\| `(PODIUM_\w+)` \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    expected = [
        (variable(name), _shown(field.get_default()), field.description)
        for name, field in LocalSettings.model_fields.items()
    ]
    assert rows == expected


def _shown(default: Any) -> str:
    return "none" if default in ((), None, {}) else str(default)


def test_patterns_and_references_are_told_apart() -> None:
    """What has a wildcard is a pattern, unless it is an address; the order stays."""
    given = ("prod.*@champion", "models:/we[ird]@champion", "iris@champion", "*@c?")
    settings = load_settings({"models": given})
    assert settings.models == given
    assert settings.refs == (ModelRef("we[ird]", "champion"), ModelRef("iris", "champion"))
    assert settings.patterns == (RefPattern("prod.*", "champion"), RefPattern("*", "c?"))


def test_every_bad_pattern_is_named_at_once() -> None:
    """As bad references are, and beside them."""
    line = refusal(models=("a[@b", "iris", "*@latest"))
    for advice in ("a [ has no ]", "'iris' is not a model reference", "MLflow reserves 'latest'"):
        assert advice in line
