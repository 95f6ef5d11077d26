"""Whether a version was validated, and these very bytes of it."""

from collections.abc import Mapping
from typing import Final

from service.blocked_tag import BLOCKED, BLOCKED_TAG, blocked_by
from service.promotion.mark_origin import MarkOrigin, behind
from service.promotion.stopped import refused
from service.registry.writer.writer import RegisteredVersion
from service.tombstones import WITHDRAWN_TAG, reason_of
from service.typed import typed
from service.validation_tag import BadValidation, Validation

_WITHDRAWN: Final = "withdrawn"
PASSED: Final = "validation_status=passed"
"""The tag and the value that say so, unless PODIUM_VALIDATION_STATUS has others."""


def claimed(version: RegisteredVersion, passed: str = PASSED) -> Validation:
    """What its tags say; whether it is true of the bytes is to be seen. Raises `MoveStopped`."""
    tag, _, wanted = passed.partition("=")
    found, status = _of(version.tags), version.tags.get(tag)
    who, validate = f"{version.name} {version.number}", _validate(version)
    if found is None or status != wanted:
        says = f"its tag {tag} says {status}" if status else f"it has no tag {tag}"
        raise refused("not_validated", f"{who} is not validated: {says}; {validate}")
    if (found.name, found.version) != (version.name, version.number):
        raise refused(
            "validated_elsewhere",
            f"what was validated is {found.name} {found.version}, not {who}: its tags were copied "
            f"along; {validate}",
        )
    if not found.passed:
        raise refused(
            "not_validated",
            f"{who} is not validated: the run {found.run}, which its tags name, has failed it; "
            f"{validate}",
        )
    return found


def compare(version: RegisteredVersion, found: Validation, digest: str) -> None:
    """Raises `MoveStopped` if the registry's bytes are not those that were validated."""
    if digest != found.digest:
        who = f"{version.name} {version.number}"
        raise refused(
            "validated_other_bytes",
            f"{who} was validated with other files: they have been altered since. Validated "
            f"{found.digest[:12]}, in the registry {digest[:12]}; {_validate(version)} judges "
            "those that are there now",
        )


def by_policy(version: RegisteredVersion, found: Validation, policy: str | None) -> None:
    """Raises `MoveStopped` if it was validated by another policy; None: any will do."""
    if policy not in {None, found.policy}:
        raise refused(
            "validated_by_other_policy",
            f"{version.name} {version.number} was validated by the policy {found.policy[:12]}, and "
            f"PODIUM_REQUIRE_VALIDATION asks for {policy[:12] if policy else policy}; "
            f"{_validate(version, '--policy', 'FILE')}, by that one",
        )


def require_fit(version: RegisteredVersion) -> None:
    """Raises `MoveStopped` unless it may serve at all, whoever has validated it."""
    if found := unfit(version.tags):
        code, why = found
        raise refused(code, f"{version.name} {version.number}: {why}")
    if not version.ready:
        raise refused("not_ready", f"{version.name} {version.number} is not registered to its end")


def why_blocked(tags: Mapping[str, str]) -> str:
    """Why the version must not serve; empty if nobody has blocked it."""
    reason = blocked_by(tags)
    if reason is None:
        return ""
    by = behind(MarkOrigin.read(tags, BLOCKED_TAG), reason)
    return f"it is blocked: {reason}{by}" if reason else f"it is blocked{by}"


def _validate(version: RegisteredVersion, *options: str) -> str:
    return typed("validate", version.name, version.number, options=options)


def unfit(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """A code and why the version must not serve, or answer at all; None if nobody has said so."""
    reason = reason_of(tags.get(WITHDRAWN_TAG))
    if reason is not None:
        return _WITHDRAWN, f"it is withdrawn: {reason}" if reason else "it is withdrawn"
    why = why_blocked(tags)
    return (BLOCKED, why) if why else None


def _of(tags: Mapping[str, str]) -> Validation | None:
    try:
        return Validation.of(tags)
    except BadValidation as error:
        raise refused("not_validated", str(error)) from None
