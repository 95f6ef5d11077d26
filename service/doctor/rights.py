"""What an account of a server with basic-auth may do, beside what it should; no I/O."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from service.doctor.trouble import Trouble

MODEL: Final = "registered_model"
VERSION: Final = "registered_model_version"
LEVELS: Final = ("DENY", "NO_PERMISSIONS", "READ", "USE", "EDIT", "MANAGE")
_PATTERN: Final = re.compile(r"[*?\[]")

AccountRole = Literal["service", "validator", "promoter", "owner"]
_NEEDS: Final[Mapping[AccountRole, tuple[str, str]]] = {
    "validator": ("EDIT", "its verdicts are tags of versions"),
    "promoter": ("EDIT", "it moves aliases"),
    "owner": ("MANAGE", "it deletes aliases, versions and their tags"),
}


@dataclass(frozen=True, slots=True)
class HeldGrant:
    """One that the account has, by whichever role."""

    kind: str
    pattern: str
    permission: str


def idle_grants(grants: Sequence[HeldGrant], models: Collection[str]) -> Sequence[Trouble]:
    """Those on models that match none: MLflow takes exact names, and `*` alone.

    `models` are all that the account may read.
    """
    return [
        Trouble(
            f"{each.permission} on {each.pattern}",
            "grant_matches_nothing",
            f"The grant of {each.permission} on the model {each.pattern} matches nothing: "
            f"{_mend(each.pattern)}.",
        )
        for each in grants
        if each.kind == MODEL and each.pattern != "*" and each.pattern not in models
    ]


def _mend(pattern: str) -> str:
    if _PATTERN.search(pattern):
        return (
            "MLflow knows exact names, and * for all; grant each model by its name, and take this "
            "one away"
        )
    return "there is no such model; grant the one that is meant, and take this one away"


def missing_rights(
    role: AccountRole, models: Sequence[str], permission_on: Callable[[str, str], str]
) -> Sequence[Trouble]:
    """For each model on which the account may not do what its role does.

    `permission_on` is asked with a kind and a name. What a service needs, reading shows.
    """
    if role == "service":
        return ()
    level, why = _NEEDS[role]
    of_versions = role == "validator" and _reaches(permission_on(VERSION, "*"), level)
    lacking = [
        name
        for name in models
        if not of_versions and not _reaches(permission_on(MODEL, name), level)
    ]
    return [
        Trouble(
            name,
            "permission_missing",
            f"A {role} needs {level} on the model {name}, since {why}: grant it.",
        )
        for name in lacking
    ]


def _reaches(held: str, level: str) -> bool:
    return held in LEVELS and LEVELS.index(held) >= LEVELS.index(level)
