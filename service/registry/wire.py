"""What front and registry child say to each other: heads are JSON, bodies a serving example."""

import enum

from service.processes import wanting


class Operation(enum.IntEnum):
    """What a registry child can be asked."""

    CONFIGURE = 1
    RESOLVE = 2
    FETCH = 3
    TAGS = 4
    FIND = 5
    AGAIN = 6


class Fault(enum.StrEnum):
    """Why an operation failed: stable codes, each with a fixed sentence for people."""

    UNREACHABLE = "registry_unreachable"
    TIMED_OUT = "registry_timed_out"
    UNAUTHENTICATED = "registry_unauthenticated"
    FORBIDDEN = "registry_forbidden"
    HOST_REFUSED = "registry_host_refused"
    NONSENSE = "registry_nonsense"
    REFUSED = "registry_refused"
    VERSION_GONE = "version_gone"
    NOT_READY = "version_not_ready"
    ARTIFACT_MISSING = "artifact_missing"
    ARTIFACT_FORBIDDEN = "artifact_forbidden"
    NOT_FETCHED = "artifact_not_fetched"
    INCOMPLETE = "artifact_incomplete"
    ARTIFACT_UNREADABLE = "artifact_unreadable"
    ALTERED = "artifact_altered"
    NOT_IN_CACHE = "artifact_not_in_cache"
    REGISTRATION_FAILED = "registration_failed"
    DISK = "disk"
    NO_PROCESS = "no_process"
    PROCESSES = wanting.CODE


SENTENCES = {
    Fault.UNREACHABLE: (
        "The registry does not answer: is it running, and does MLFLOW_TRACKING_URI or "
        "MLFLOW_REGISTRY_URI name it?"
    ),
    Fault.TIMED_OUT: "The registry took longer than is allowed; it is asked again.",
    Fault.UNAUTHENTICATED: (
        "The registry does not know who is asking: set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN."
    ),
    Fault.FORBIDDEN: ("The registry refuses this account: give it READ on the registered model."),
    Fault.HOST_REFUSED: (
        "MLflow refuses the host name that it is asked by: start `mlflow server` with that name "
        "in --allowed-hosts."
    ),
    Fault.NONSENSE: (
        "What answers at the registry's address does not answer as MLflow does: check the "
        "address, and any proxy before it."
    ),
    Fault.REFUSED: "The registry answered with an error; its own log says more.",
    Fault.VERSION_GONE: (
        "The version was deleted or made anew while it was being fetched: move the alias to one "
        "that is there."
    ),
    Fault.NOT_READY: "The version is still being registered; it is fetched once that is done.",
    Fault.ARTIFACT_MISSING: (
        "The version's artifact is missing or incomplete: log the model again, and move the alias "
        "to the new version."
    ),
    Fault.ARTIFACT_FORBIDDEN: (
        "The version's artifact may not be read: give the account READ on the experiment that "
        "logged it, or on the store that holds it."
    ),
    Fault.NOT_FETCHED: (
        "The version's artifact could not be fetched; it is tried again. The log has its store's "
        "own words."
    ),
    Fault.INCOMPLETE: (
        "The version's artifact did not come as its store lists it; it is fetched again."
    ),
    Fault.ARTIFACT_UNREADABLE: (
        "The version's MLmodel file cannot be read: log the model again, and move the alias to the "
        "new version."
    ),
    Fault.ALTERED: (
        "The artifact in the cache was altered since it was fetched; it is fetched anew from the "
        "registry."
    ),
    Fault.NOT_IN_CACHE: (
        "The artifact is not in the cache any more; it is fetched anew from the registry."
    ),
    Fault.REGISTRATION_FAILED: (
        "MLflow says that the version's registration has failed: register the model again, and "
        "move the alias to the new version."
    ),
    Fault.DISK: (
        "The artifact could not be written to the cache or read there: has the disk of "
        "PODIUM_HOME room, may it be written to, and does it answer?"
    ),
    Fault.NO_PROCESS: "The process that asks the registry has ended; another one is started.",
    Fault.PROCESSES: wanting.SENTENCE,
}

# These can never come right by themselves; every other fault passes.
VERSION_FAULTS = frozenset({Fault.ARTIFACT_UNREADABLE, Fault.REGISTRATION_FAILED})
