"""Secrets: read once from the environment or from files, and then no longer in the environment.

What the process was started with stays in `/proc/PID/environ` for as long as it lives, readable by
its own user and root; a secret in a file (`PODIUM_*_FILE`) is not there.
"""

from collections.abc import Iterable, Mapping, MutableMapping
from pathlib import Path
from typing import Final

from pydantic import SecretStr

PREFIX: Final = "PODIUM_"
_FILE: Final = "_FILE"
# A secret is a line; a file of more is the wrong one.
_LONGEST: Final = 4096


class BadSecret(Exception):
    """One line that names the variable and says what is wrong with it, never what it holds."""


def secret_in_file(name: str, environment: Mapping[str, str]) -> str | None:
    """The secret of the setting of that name, where `PODIUM_{NAME}_FILE` says where it lies.

    White space around it is not part of it. None if the variable is not set. Raises `BadSecret`.
    """
    variable = f"{PREFIX}{name.upper()}"
    path = environment.get(variable + _FILE)
    if path is None:
        return None
    if variable in environment:
        raise BadSecret(f"{variable}: is set, and {variable}{_FILE} too; set one of them")
    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_LONGEST + 1)
    except OSError as error:
        raise BadSecret(f"{variable}{_FILE}: cannot be read: {error.strerror}") from None
    except ValueError:
        raise BadSecret(f"{variable}{_FILE}: is not text") from None
    if not text.strip() or len(text) > _LONGEST:
        raise BadSecret(f"{variable}{_FILE}: must hold one secret of at most {_LONGEST} characters")
    return text.strip()


def revealed(secret: SecretStr | None) -> str | None:
    """The text of a secret."""
    return None if secret is None else secret.get_secret_value()


def forget(names: Iterable[str], environment: MutableMapping[str, str]) -> None:
    """Takes the variables out of the environment, where they are there."""
    for name in names:
        environment.pop(name, None)
