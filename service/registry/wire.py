"""What front and registry child say to each other: heads are JSON, bodies a serving example."""

import enum
from typing import Final

from service.processes import exhausted

LONGEST_PAGE: Final = 1000
"""The longest page of a search (MLflow's store/model_registry/__init__.py)."""


class RegistryOperation(enum.IntEnum):
    """What a registry child can be asked."""

    CONFIGURE = 1
    RESOLVE = 2
    FETCH = 3
    TAGS = 4
    FIND = 5
    AGAIN = 6
    MARKS = 7
    SURVEY = 8
    EXISTS = 9
    IDENTIFY = 10


class Fault(enum.StrEnum):
    """Why an operation failed: stable codes, each with a fixed sentence for people."""

    UNREACHABLE = "registry_unreachable"
    TIMED_OUT = "registry_timed_out"
    UNAUTHENTICATED = "registry_unauthenticated"
    FORBIDDEN = "registry_forbidden"
    HOST_REFUSED = "registry_host_refused"
    ADDRESS = "registry_address"
    UNKNOWN_HOST = "registry_unknown_host"
    NO_TLS = "registry_no_tls"
    UNTRUSTED = "registry_untrusted"
    CERTIFICATE_FILE = "registry_certificate_file"
    PROXY = "registry_proxy"
    CLIENT_SETTING = "registry_client_setting"
    DRIVER_MISSING = "registry_driver_missing"
    WORKSPACE = "registry_workspace"
    SCHEMA = "registry_schema"
    DATABASE = "registry_database"
    NONSENSE = "registry_nonsense"
    REFUSED = "registry_refused"
    VERSION_GONE = "version_gone"
    NOT_READY = "version_not_ready"
    ARTIFACT_MISSING = "artifact_missing"
    ARTIFACT_FORBIDDEN = "artifact_forbidden"
    ARTIFACT_UNAUTHENTICATED = "artifact_unauthenticated"
    STORE_UNREACHABLE = "artifact_store_unreachable"
    STORE_SETTING = "artifact_store_setting"
    STORE_DRIVER_MISSING = "artifact_store_driver_missing"
    BUCKET_MISSING = "artifact_bucket_missing"
    NOT_FETCHED = "artifact_not_fetched"
    INCOMPLETE = "artifact_incomplete"
    ARTIFACT_UNREADABLE = "artifact_unreadable"
    ALTERED = "artifact_altered"
    NOT_IN_CACHE = "artifact_not_in_cache"
    REGISTRATION_FAILED = "registration_failed"
    DISK = "disk"
    NO_PROCESS = "no_process"
    PROCESSES = exhausted.CODE


SENTENCES = {
    Fault.UNREACHABLE: (
        "The registry does not answer: is it running, and does MLFLOW_TRACKING_URI or "
        "MLFLOW_REGISTRY_URI name its host, its port, and https:// where it asks for that?"
    ),
    Fault.ADDRESS: (
        "MLFLOW_TRACKING_URI, or MLFLOW_REGISTRY_URI, is not the address of a registry: write "
        "http://HOST:PORT of a server, or sqlite:///FILE, without quotes and spaces."
    ),
    Fault.UNKNOWN_HOST: (
        "No host has the name that stands in MLFLOW_TRACKING_URI or MLFLOW_REGISTRY_URI: check how "
        "it is spelled, and that this machine can look it up."
    ),
    Fault.NO_TLS: (
        "What listens at the registry's port does not speak TLS: write http:// instead of https:// "
        "in MLFLOW_TRACKING_URI or MLFLOW_REGISTRY_URI, or the port that does."
    ),
    Fault.UNTRUSTED: (
        "The registry's certificate is not trusted: name the file of whoever has signed it in "
        "MLFLOW_TRACKING_SERVER_CERT_PATH or REQUESTS_CA_BUNDLE, and ask by the name that it has."
    ),
    Fault.CERTIFICATE_FILE: (
        "A file of certificates is missing or holds none: check MLFLOW_TRACKING_SERVER_CERT_PATH, "
        "MLFLOW_TRACKING_CLIENT_CERT_PATH, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE."
    ),
    Fault.PROXY: (
        "The proxy of HTTP_PROXY, HTTPS_PROXY or ALL_PROXY does not let the question through: mend "
        "it, or name the registry's host in NO_PROXY."
    ),
    Fault.CLIENT_SETTING: (
        "One of MLflow's own variables (MLFLOW_TRACKING_TOKEN, MLFLOW_HTTP_REQUEST_TIMEOUT, "
        "MLFLOW_TRACKING_INSECURE_TLS and the like) has a value that its client does not take; the "
        "log names it."
    ),
    Fault.DRIVER_MISSING: (
        "A Python package that the address in MLFLOW_TRACKING_URI or MLFLOW_REGISTRY_URI needs is "
        "not installed; the log names it. Install it beside Podium, or ask an MLflow server "
        "instead of its database."
    ),
    Fault.WORKSPACE: (
        "The registry has no workspace of the name that stands in MLFLOW_WORKSPACE, or has no "
        "workspaces at all: correct the name, or unset MLFLOW_WORKSPACE."
    ),
    Fault.SCHEMA: (
        "The database that MLFLOW_TRACKING_URI or MLFLOW_REGISTRY_URI names was made by another "
        "release of MLflow: run `mlflow db upgrade` with the newer one, or ask its server."
    ),
    Fault.DATABASE: (
        "The database that MLFLOW_TRACKING_URI or MLFLOW_REGISTRY_URI names cannot be opened: "
        "check its host, port, name, user and password (PGHOST, PGUSER, PGPASSWORD and the like "
        "count)."
    ),
    Fault.TIMED_OUT: "The registry took longer than is allowed; it is asked again.",
    Fault.UNAUTHENTICATED: (
        "The registry does not know who is asking: set MLFLOW_TRACKING_USERNAME and "
        "MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, which counts only without those two."
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
        "to the new version. If it lies in a folder, that must be there on this machine too, or "
        "`mlflow server --serve-artifacts` passes it on."
    ),
    Fault.ARTIFACT_FORBIDDEN: (
        "The version's artifact may not be read: give the account READ on the experiment that "
        "logged it, or on the store that holds it."
    ),
    Fault.ARTIFACT_UNAUTHENTICATED: (
        "The store of the version's artifact does not take who is asking: check AWS_ACCESS_KEY_ID, "
        "AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN (or AZURE_..., "
        "GOOGLE_APPLICATION_CREDENTIALS), and this machine's clock."
    ),
    Fault.STORE_UNREACHABLE: (
        "The store of the version's artifact does not answer: check MLFLOW_S3_ENDPOINT_URL, its "
        "port, http:// or https://, and whether AWS_CA_BUNDLE and HTTPS_PROXY are right for it."
    ),
    Fault.STORE_SETTING: (
        "The store of the version's artifact is named wrongly: check AWS_DEFAULT_REGION, "
        "AWS_PROFILE and MLFLOW_S3_ENDPOINT_URL; the log has the store's own words."
    ),
    Fault.STORE_DRIVER_MISSING: (
        "A Python package that the store of the version's artifact needs is not installed; the log "
        "names it. Install it beside Podium (the extras s3, azure and gcs), or have "
        "`mlflow server --serve-artifacts` pass artifacts on."
    ),
    Fault.BUCKET_MISSING: (
        "The bucket that holds the version's artifact is not there: does MLFLOW_S3_ENDPOINT_URL "
        "name the store that it was logged to?"
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
    Fault.PROCESSES: exhausted.SENTENCE,
}

# These can never come right by themselves; every other fault passes.
VERSION_FAULTS = frozenset({Fault.ARTIFACT_UNREADABLE, Fault.REGISTRATION_FAILED})
