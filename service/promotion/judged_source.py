"""Whose tags say whether a version was validated: its own, or those of what it was copied from.

As `service.following.gates.validated_source` has it for a service.
"""

from service.copy_source import SOURCE_TAG, CopySource, source_name
from service.promotion.stopped import refused
from service.registry.writer.faults import NOT_FOUND, WriteRefused
from service.registry.writer.writer import NumberedVersion, RegisteredVersion, Writer
from service.typed import typed
from service.validation_tag import has_failed


def judged_by(writer: Writer, version: RegisteredVersion, prefix: str) -> RegisteredVersion:
    """The version under that prefix, as in `staging.`, that it was copied from; empty: itself.

    Raises `MoveStopped` where there is none, `WriteRefused` and `Unreachable`.
    """
    if not prefix:
        return version
    who = f"{version.name} {version.number}"
    if has_failed(version.name, version.number, version.tags):
        raise refused("not_validated", f"{who} is not validated: its own tags say that it failed")
    source = CopySource.of(version.tags)
    wanted = source_name(version.name, prefix)
    if source is None or source.server:
        copy = typed("copy", wanted, "VERSION", options=["--to", version.name])
        raise refused(
            "not_validated",
            f"{who} is not validated: PODIUM_VALIDATED_AS={prefix} asks for a copy of {wanted}, "
            f"and its tag {SOURCE_TAG} names none of this server; {copy} makes one",
        )
    if source.name != wanted:
        raise refused(
            "validated_elsewhere",
            f"{who} was copied from {source.name}, and PODIUM_VALIDATED_AS={prefix} asks for what "
            f"was validated as {wanted}",
        )
    try:
        return writer.version_of(NumberedVersion(source.name, source.version))
    except WriteRefused as gone:
        if gone.code != NOT_FOUND:
            raise
        raise refused("not_validated", f"{who} is not validated: {gone}") from gone
