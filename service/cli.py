"""The `podium` command: parse, call, print."""

import click


@click.group()
def main() -> None:
    """Podium serves MLflow models by alias, and follows the alias."""
