"""What front and registry child say to each other: heads are JSON, bodies a serving example."""

import enum


class Operation(enum.IntEnum):
    """What a registry child can be asked."""

    CONFIGURE = 1
    RESOLVE = 2
    FETCH = 3
    TAGS = 4


class Fault(enum.StrEnum):
    """Why an operation failed: stable codes, each with a fixed sentence for people."""

    UNREACHABLE = "registry_unreachable"
    TIMED_OUT = "registry_timed_out"
    REFUSED = "registry_refused"
    VERSION_GONE = "version_gone"
    NOT_READY = "version_not_ready"
    ARTIFACT_MISSING = "artifact_missing"
    NOT_FETCHED = "artifact_not_fetched"
    ARTIFACT_UNREADABLE = "artifact_unreadable"
    REGISTRATION_FAILED = "registration_failed"
    DISK = "disk"
    NO_PROCESS = "no_process"


SENTENCES = {
    Fault.UNREACHABLE: "The registry does not answer.",
    Fault.TIMED_OUT: "The registry took longer than is allowed.",
    Fault.REFUSED: "The registry answered with an error.",
    Fault.VERSION_GONE: "The version was deleted or made anew while it was being fetched.",
    Fault.NOT_READY: "The version is still being registered.",
    Fault.ARTIFACT_MISSING: "The version's artifact is missing or incomplete.",
    Fault.NOT_FETCHED: "The version's artifact could not be fetched.",
    Fault.ARTIFACT_UNREADABLE: "The version's MLmodel file cannot be read.",
    Fault.REGISTRATION_FAILED: "MLflow says that the version's registration has failed.",
    Fault.DISK: "The artifact could not be written to the cache.",
    Fault.NO_PROCESS: "The process that asks the registry has ended.",
}

# These can never come right by themselves; every other fault passes.
VERSION_FAULTS = frozenset({Fault.ARTIFACT_UNREADABLE, Fault.REGISTRATION_FAILED})
