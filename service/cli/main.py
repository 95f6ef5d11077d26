"""The `podium` command: parse, call, print."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin

import click

from service.cli.mistakes import mistakes
from service.cli.options import USAGE_ERROR, url_option, version_number
from service.cli.webhook import webhook_group
from service.cli.withdraw import withdraw_command
from service.config.addresses import MlflowAddresses
from service.config.secrets import PREFIX
from service.config.settings import BadSettings, LocalSettings, Settings, load_as, variable
from service.local.running import read_running
from service.local.settings import DEFAULT_MODELS, UpSettings, callable_url
from service.refs import BadRef, ModelRef

if TYPE_CHECKING:
    from pydantic import SecretStr

    from service.config.surroundings import GivenToModels

_Settings = TypeVar("_Settings", bound=Settings)
_EPILOG = "Where an option names a PODIUM_ variable, that can be set instead; see README.md."


def _setting(name: str, description: str = "") -> Callable[[Any], Any]:
    """A flag for one setting, described by the setting itself if nothing else is said."""
    field = LocalSettings.model_fields[name]
    default = field.get_default()
    shown = "" if default in ((), {}) else f" [{variable(name)}; default: {default}]"
    flag = variable(name).removeprefix(PREFIX)
    return click.option(
        f"--{flag.lower().replace('_', '-')}",
        name,
        metavar="|".join(_values(field.annotation)) or flag,
        help=f"{description or field.description}.{shown}",
    )


def _values(kind: Any) -> tuple[str, ...]:
    """All that such a setting can be; empty where they cannot be listed."""
    return (
        ("true", "false") if kind is bool else get_args(kind) if get_origin(kind) is Literal else ()
    )


def _settings(*names: str) -> Callable[[Any], Any]:
    def decorate(command: Any) -> Any:
        for name in reversed(names):
            command = _setting(name)(command)
        return command

    return decorate


def _loaded(flags: dict[str, Any]) -> Settings:
    return _loaded_as(Settings, flags)


def _loaded_as(kind: type[_Settings], flags: dict[str, Any]) -> _Settings:
    try:
        return load_as(kind, flags)
    except BadSettings as error:
        click.echo(f"podium: {error}", err=True)
        sys.exit(USAGE_ERROR)


def _stop_for_mistakes() -> None:
    """Ends where MLflow's variables are written so that they can mean nothing else."""
    if wrong := mistakes(os.environ):
        click.echo(f"podium: {'; '.join(wrong)}", err=True)
        sys.exit(USAGE_ERROR)


def _ups_mlflow(home: Path) -> MlflowAddresses | None:
    running = read_running(home)
    if running is None:
        return None
    return MlflowAddresses(running.tracking_uri, running.tracking_uri)


class _Commands(click.Group):
    """Commands in the order in which one meets them; training's is imported when asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return ["up", "serve", "train", "status", "wait", "reload", "withdraw", "smoke", "webhook"]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name != "train":
            return super().get_command(ctx, cmd_name)
        from training.command import train

        return train


@click.group(cls=_Commands, epilog=_EPILOG)
@click.version_option(package_name="podium", prog_name="podium")
@click.pass_context
def main(context: click.Context) -> None:
    """Serve MLflow models by alias, and follow the alias when it moves.

    \b
    MLflow, a trained iris model and the service on this machine. Start with `podium up`:
      podium up
    With an MLflow of your own, each --model NAME@ALIAS:
      MLFLOW_TRACKING_URI=http://127.0.0.1:8080 podium serve --model iris@champion
    """  # noqa: D301 - click wants a real backspace
    # Asked for no other command, whose help should be there however the environment is.
    if context.invoked_subcommand != "train":
        return
    from service.cli.training_advice import TrainingAdvice

    context.obj = TrainingAdvice(os.environ)
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return
    mlflow = MlflowAddresses.named_in(os.environ) or _ups_mlflow(_loaded({}).home)
    if mlflow is not None:
        context.default_map = {"train": {"tracking_uri": mlflow.tracking}}


_models = click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME@ALIAS",
    help="What to follow; may be given several times. The first is the default model. With *, ? or "
    "[...] in it every model and alias that match, as in 'prod.*@champion'. "
    "[PODIUM_MODELS, comma-separated]",
)


@main.command()
@_models
@_settings("host")
@_setting("port", "Port of the service")  # 0, which `serve` takes, is nothing that can be told
@_settings("tracking_port", "home")
def up(**flags: Any) -> None:
    """Run MLflow, a first iris model and the service on this machine.

    Serves basic_lr_iris_model@champion, or each --model. That of iris is trained if it does not
    exist yet; others are served once they are registered. Prints what to try, and ends everything
    on Ctrl-C.

    \b
    podium up --port 8001 --tracking-port 8081
    """  # noqa: D301 - click wants a real backspace
    settings = _loaded_as(LocalSettings, flags)
    if settings.patterns:
        raise click.UsageError("`podium up` serves models by name; `podium serve` takes patterns.")
    from service.local.up import up as run

    sys.exit(run(_up_settings(settings)))


def _up_settings(settings: LocalSettings) -> UpSettings:
    return UpSettings(
        settings.home,
        settings.host,
        settings.port,
        settings.tracking_port,
        settings.drain_seconds,
        makes_token=settings.admin_token is None,
        models=settings.refs or DEFAULT_MODELS,
    )


@main.command()
@_models
@_settings(
    "max_slots",
    "resident",
    "host",
    "port",
    "home",
    "service_name",
    "poll_seconds",
    "hosts",
    "max_body_bytes",
    "max_rows",
    "max_batch_rows",
    "max_queue",
    "max_queue_bytes",
    "max_reply_bytes",
    "predict_timeout_seconds",
    "request_timeout_seconds",
    "load_timeout_seconds",
    "host_memory_bytes",
    "model_environment",
    "model_configuration",
    "model_config_file",
    "stop_delay_seconds",
    "drain_seconds",
    "keep_alive_seconds",
    "root_path",
    "forwarded_allow_ips",
    "cors_origins",
    "keep_warm_seconds",
    "cache_bytes",
    "allow_breaking",
    "allow_unsigned",
    "missing_alias",
    "api_keys_file",
    "require_tags",
    "trust",
    "requirements",
    "model_tracking",
    "log_format",
    "log_level",
    "request_log",
)
def serve(**flags: Any) -> None:
    """Serve models by alias from the MLflow that MLFLOW_TRACKING_URI names.

    Or MLFLOW_REGISTRY_URI, where that is another; else from that of a running `podium up`.

    \b
    MLFLOW_TRACKING_URI=http://127.0.0.1:8080 podium serve --model iris@champion
    """  # noqa: D301 - click wants a real backspace
    settings = _loaded(flags)
    if not settings.models:
        click.echo("podium: what to serve? Give --model NAME@ALIAS or PODIUM_MODELS.", err=True)
        sys.exit(USAGE_ERROR)
    mlflow = MlflowAddresses.named_in(os.environ) or _ups_mlflow(settings.home)
    if mlflow is None:
        click.echo(
            "podium: which MLflow? Set MLFLOW_TRACKING_URI, as in "
            "MLFLOW_TRACKING_URI=http://127.0.0.1:8080, or start one with `podium up`.",
            err=True,
        )
        sys.exit(USAGE_ERROR)
    _stop_for_mistakes()
    if settings.model_tracking and mlflow.tracking is None:
        click.echo(
            "podium: PODIUM_MODEL_TRACKING: to which MLflow? Set MLFLOW_TRACKING_URI too.", err=True
        )
        sys.exit(USAGE_ERROR)
    from service.config.surroundings import BadSurroundings, surroundings

    try:
        given = surroundings(settings, os.environ)
    except BadSurroundings as error:
        click.echo(f"podium: {error}", err=True)
        sys.exit(USAGE_ERROR)
    _serve(settings, {**os.environ, **mlflow.variables}, given)


def _serve(
    settings: Settings, environment: Mapping[str, str], surroundings: "GivenToModels"
) -> None:
    from service.config.home import keep_private
    from service.zygote_command import zygote_begun

    keep_private(settings.home)
    # It imports for longer than the front, whose own imports come only now, beside those.
    with zygote_begun(settings, environment) as zygote:
        from service.access.keys import BadKeys
        from service.app import CannotListen
        from service.app import serve as run
        from service.config.home import HomeUnusable
        from service.engine import Given
        from service.server.relied_on import UnfitServer

        try:
            run(Given(settings, environment, zygote, surroundings))
        except (CannotListen, HomeUnusable, BadKeys, UnfitServer) as error:
            click.echo(f"podium: {error}", err=True)
            sys.exit(1)


@main.command()
@url_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--lenient", is_flag=True, help="Exit status 1 only where a slot is not ready.")
def status(url: str | None, *, as_json: bool, lenient: bool) -> None:
    """Show each slot: version, since when, what is aspired, what failed last.

    \b
    Exit status: 0 if every slot serves what it should; 1 if one is empty, not
    ready, or refuses what its alias is on; 2 if no service answers.
    podium status --url http://127.0.0.1:8000 --json
    """  # noqa: D301 - click wants a real backspace
    from service.checks.status import status as run

    token, address = _revealed(_loaded({}).admin_token), url or _service_url()
    sys.exit(run(address, as_json=as_json, lenient=lenient, token=token, advice=_advice(url)))


class _Ref(click.ParamType[ModelRef]):
    """`name@alias`, as everywhere."""

    name = "NAME@ALIAS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> ModelRef:
        try:
            return ModelRef.parse(value)
        except BadRef as error:
            self.fail(str(error), param, ctx)


_ref = click.argument("ref", type=_Ref(), metavar="NAME@ALIAS")


@main.command()
@_ref
@click.option(
    "--version",
    metavar="N",
    help="The version to wait for; unset: whatever the alias is on.",
    callback=version_number,
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0),
    default=300.0,
    show_default=True,
    metavar="S",
    help="Seconds to wait at most.",
)
@url_option
def wait(ref: ModelRef, version: str | None, timeout: float, url: str | None) -> None:
    """Wait until NAME@ALIAS serves a version, or say why it does not.

    \b
    Exit status: 0 if it serves it; 1 if the service has refused it; 2 if the
    service does not follow that alias; 3 if neither is known in time.
    podium wait iris@champion --version 3 --timeout 120
    """  # noqa: D301 - click wants a real backspace
    from service.checks.wait import wait as run

    sys.exit(run(url or _service_url(), ref, version, seconds=timeout, advice=_advice(url)))


@main.command()
@_ref
@url_option
def reload(ref: ModelRef, url: str | None) -> None:
    """Have the service look at the registry now, and lift a quarantine.

    Asks with the admin token that PODIUM_ADMIN_TOKEN holds, or the file that
    PODIUM_ADMIN_TOKEN_FILE names.

    \b
    Exit status: 0 if the service does so; 1 if it refuses to; 2 if it does
    not follow that alias; 3 if no service answers.
    podium reload iris@champion --url http://127.0.0.1:8000
    """  # noqa: D301 - click wants a real backspace
    token = _admin_token()
    from service.checks.reload import reload as run

    sys.exit(run(url or _service_url(), ref, token, advice=_advice(url)))


def _admin_token() -> str:
    token = _revealed(_loaded({}).admin_token)
    if token is not None:
        return token
    click.echo(
        "podium: with which admin token? Set PODIUM_ADMIN_TOKEN, or PODIUM_ADMIN_TOKEN_FILE: "
        "`podium up` keeps its own in .podium/admin-token.",
        err=True,
    )
    sys.exit(USAGE_ERROR)


@main.command()
@url_option
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the results as JUnit XML.",
)
def smoke(url: str | None, junit: Path | None) -> None:
    """Meet a running service as an application would, and say what does not hold.

    Sends each slot its own input example and a request that must be refused; with PODIUM_API_KEY
    set, that key too. Versions are compared with the registry's where MLFLOW_REGISTRY_URI,
    MLFLOW_TRACKING_URI or a running `podium up` says where that is.

    \b
    Exit status: 0 if nothing failed, 1 if something did, 2 if no service answers.
    podium smoke --url http://127.0.0.1:8000 --junit smoke.xml
    """  # noqa: D301 - click wants a real backspace
    from service.checks.smoke import smoke as run

    key, registry = _api_key(), _registry()
    address = url or _service_url()
    sys.exit(run(address, registry_uri=registry, junit=junit, key=key, advice=_advice(url)))


def _api_key() -> str | None:
    # No flag: everybody on a machine can read the command lines of its processes.
    key = os.environ.get("PODIUM_API_KEY") or None
    if key is not None and (not key.isascii() or not key.isprintable()):
        click.echo("podium: PODIUM_API_KEY: must be printable ASCII characters", err=True)
        sys.exit(USAGE_ERROR)
    return key


def _registry() -> str | None:
    """MLflow's registry, named by its own variables, else that of a running `podium up`."""
    _stop_for_mistakes()
    mlflow = MlflowAddresses.named_in(os.environ) or _ups_mlflow(_loaded({}).home)
    return None if mlflow is None else mlflow.registry


def _revealed(secret: "SecretStr | None") -> str | None:
    return None if secret is None else secret.get_secret_value()


def _webhook_secret() -> str | None:
    return _revealed(_loaded({}).webhook_secret)


def _service_url() -> str:
    """That of a running `podium up`, else where a service listens by default."""
    settings = _loaded({})
    running = read_running(settings.home)
    return running.service_url if running else callable_url(settings.host, settings.port)


def _advice(url: str | None) -> str:
    """For somebody who has not said where the service is."""
    return "" if url else "; give --url, or start one with `podium up`"


main.add_command(withdraw_command(_admin_token, _service_url, _advice))
main.add_command(webhook_group(_registry, _service_url, _webhook_secret))
