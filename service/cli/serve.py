"""`podium serve`: the service itself."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from service.cli.found import loaded, mlflow_of, stop, stop_for_mistakes
from service.cli.once import OnceCommand
from service.cli.options import models_option, settings
from service.config.settings import Settings

if TYPE_CHECKING:
    from service.config.surroundings import GivenToModels


@click.command(cls=OnceCommand)
@models_option
@settings(
    "max_slots",
    "resident",
    "host",
    "port",
    "grpc_port",
    "admin_port",
    "console_mlflow_url",
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
    "bake_seconds",
    "bake_most_seconds",
    "bake_slower",
    "arms",
    "max_prepared",
    "cache_bytes",
    "allow_breaking",
    "allow_unsigned",
    "missing_alias",
    "api_keys_file",
    "require_tags",
    "require_validation",
    "validation_status",
    "validated_as",
    "aliases",
    "events_format",
    "trust",
    "requirements",
    "env_manager",
    "env_same",
    "indexes",
    "wheelhouse",
    "pythons",
    "allow_source_builds",
    "env_bytes",
    "env_timeout_seconds",
    "shadow_samples",
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
    given = loaded(flags)
    if not given.models:
        stop("what to serve? Give --model NAME@ALIAS or PODIUM_MODELS.")
    mlflow = mlflow_of(given.home)
    if mlflow is None:
        stop(
            "which MLflow? Set MLFLOW_TRACKING_URI, as in "
            "MLFLOW_TRACKING_URI=http://127.0.0.1:8080, or start one with `podium up`."
        )
    stop_for_mistakes()
    if given.model_tracking and mlflow.tracking is None:
        stop("PODIUM_MODEL_TRACKING: to which MLflow? Set MLFLOW_TRACKING_URI too.")
    from service.config.surroundings import BadSurroundings, surroundings

    try:
        around = surroundings(given, os.environ)
    except BadSurroundings as error:
        stop(str(error))
    _serve(given, {**os.environ, **mlflow.variables}, around)


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
            stop(str(error), 1)
