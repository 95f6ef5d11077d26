"""The `podium` command: each of its commands has a file, imported when it is asked for."""

from importlib import import_module
from typing import Final

import click

COMMANDS: Final = (
    *("up", "serve", "train", "validate", "plan", "prepare", "promote", "rollback"),
    *("split", "shadow", "copy", "migrate-stages", "hold", "release", "block", "unblock", "where"),
    *("status", "wait", "reload", "withdraw", "smoke", "webhook"),
    *("env", "doctor"),
)
"""In the order in which one meets them; each is what its file calls by its name."""
_EPILOG = "A PODIUM_ variable that an option names can be set instead; see docs/operate.md."


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = cmd_name.replace("-", "_")
        found: click.Command = getattr(import_module(f"service.cli.{module}"), module)
        return found


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
    if context.invoked_subcommand == "train":
        from service.cli.train import prepare

        prepare(context)
