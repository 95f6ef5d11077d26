"""Which of the front's environment its children are given: hosts little, the registry child more.

An allow-list, because a list of secrets is never complete.
"""

from collections.abc import Mapping
from typing import Final

from service.config.cores import usable_cores
from service.host.wire import OPENMP, OPENMP_IS_SHARED_OUT

# What programs need to find their way; nothing that could be a credential.
_PLAIN: Final = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LD_LIBRARY_PATH", "LOGNAME", "PATH", "SHELL"),
        *("TMPDIR", "TZ", "USER", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"),
        *("CUDA_VISIBLE_DEVICES", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"),
        # What MLflow's own server would have its flavours read.
        *("MLFLOW_DEFAULT_PREDICTION_DEVICE", "MLFLOW_CONVERT_MESSAGES_DICT_FOR_LANGCHAIN"),
    }
)
_PLAIN_FAMILIES: Final = ("LC_", "MLFLOW_HUGGINGFACE_")
# What MLflow's client and the libraries of artifact stores read.
_REGISTRY: Final = (
    *("MLFLOW_", "AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "DATABRICKS_", "ARM_"),
    *("SSL_CERT_", "REQUESTS_CA_", "CURL_CA_", "KRB5"),
)
# What the drivers read of databases that MLflow's client opens itself: libpq, MySQL's and MariaDB's
# libraries, ODBC, FreeTDS.
_DATABASES: Final = (
    *("PG", "MYSQL_", "LIBMYSQL_", "MARIADB_", "ODBC", "FREETDS", "TDS", "DSQUERY", "SYBASE"),
    "SQLITE_TMPDIR",
)
_PROXIES: Final = frozenset({"http_proxy", "https_proxy", "no_proxy", "all_proxy"})
# Each library's own word for as many threads as it may start.
_THREADS: Final = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS"),
    *("RAYON_NUM_THREADS", "POLARS_MAX_THREADS"),
)
# What else an operator may say of threads, and is not said otherwise.
_OF_THREADS: Final = (
    *("OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "NUMEXPR_", "VECLIB_"),
    *("NUMBA_", "RAYON_", "POLARS_MAX_THREADS", "LOKY_MAX_CPU_COUNT", "TOKENIZERS_PARALLELISM"),
    *("TF_NUM_", "ONEDNN_", "DNNL_"),
)


def host_environment(
    environment: Mapping[str, str], hosts: int, cores: float | None = None
) -> dict[str, str]:
    """The zygote's and so every host's: no credential, and the cores shared out among hosts.

    `cores` is what this process may use, by default as `usable_cores` says. The operator's own
    counts of threads win; that of OpenMP stands for those of other libraries, too.
    """
    plain = {
        name: value
        for name, value in environment.items()
        if name in _PLAIN or name.startswith((*_PLAIN_FAMILIES, *_OF_THREADS))
    }
    share = str(max(1, int((usable_cores() if cores is None else cores) / hosts)))
    wished = environment.get("OMP_NUM_THREADS", "").strip()
    threads = wished if wished.isdecimal() else share
    return {
        **dict.fromkeys(_THREADS, threads),
        # joblib's and scikit-learn's, where a model's n_jobs asks for all.
        "LOKY_MAX_CPU_COUNT": share,
        **({} if any(name.startswith(OPENMP) for name in plain) else {OPENMP_IS_SHARED_OUT: "1"}),
        **plain,
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
    """MLflow's address and credentials, and those of artifact stores and databases."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith((*_REGISTRY, *_DATABASES)) or name.lower() in _PROXIES
    }


def credentials(environment: Mapping[str, str]) -> set[str]:
    """Names of what only the registry child needs, some of which is secret."""
    return {*registry_environment(environment)} - _PLAIN
