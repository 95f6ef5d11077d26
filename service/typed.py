"""Lines that people are told to type: whatever a name is made of, a shell takes them as meant."""

import shlex
from collections.abc import Sequence

from service.refs import ModelRef


def typed(command: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """`podium COMMAND ARGUMENTS OPTIONS`, each word quoted where a shell needs it to be."""
    # What begins as an option does is an argument after `--` alone.
    dashed = any(each.startswith("-") for each in arguments)
    words = (*options, "--", *arguments) if dashed else (*arguments, *options)
    return shlex.join(("podium", command, *words))


def typed_on(ref: ModelRef, command: str, *arguments: str, options: Sequence[str] = ()) -> str:
    """The same of an alias, by the model's name.

    The alias is always named: what is left out is the first of PODIUM_ALIASES where it is typed,
    which may be another one than where it was printed.
    """
    named = ("--alias", ref.alias, *options)
    return typed(command, ref.name, *arguments, options=named)
