"""Which of the front's environment its children are given: hosts little, the registry child more.

An allow-list, because a list of secrets is never complete.
"""

import os
from collections.abc import Mapping
from typing import Final

# What programs need to find their way; nothing that could be a credential.
_PLAIN: Final = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL"),
        *("TMPDIR", "TZ", "USER", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"),
        *("CUDA_VISIBLE_DEVICES", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"),
    }
)
_LOCALE: Final = "LC_"
# What MLflow's client and the libraries of artifact stores read.
_REGISTRY: Final = (
    *("MLFLOW_", "AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "DATABRICKS_", "ARM_"),
    *("SSL_CERT_", "REQUESTS_CA_", "CURL_CA_", "KRB5"),
)
_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "no_proxy", "all_proxy"})
_THREADS: Final = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"),
)


def host_environment(environment: Mapping[str, str], hosts: int) -> dict[str, str]:
    """The zygote's and so every host's: no credential, and the cores shared out among hosts."""
    plain = {
        name: value
        for name, value in environment.items()
        if name in _PLAIN or name.startswith(_LOCALE)
    }
    threads = str(max(1, len(os.sched_getaffinity(0)) // hosts))
    return {
        **plain,
        **dict.fromkeys(_THREADS, threads),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "GIT_PYTHON_REFRESH": "quiet",
        # Models with type hints for bytes and datetimes take JSON only where this is set
        # (mlflow/environment_variables.py).
        "_MLFLOW_IS_IN_SERVING_ENVIRONMENT": "true",
        # Arrow's own allocator reserves a gigabyte at once, which limits of memory count.
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "PYTHONUNBUFFERED": "1",
    }


def registry_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """MLflow's address and credentials, and those of artifact stores."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_REGISTRY) or name.lower() in _PROXIES
    }


def credentials(environment: Mapping[str, str]) -> set[str]:
    """Names of what only the registry child needs, some of which is secret."""
    return {*registry_environment(environment)} - _PLAIN
