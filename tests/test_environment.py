"""What children are given of the environment: an allow-list each, for hosts without a secret."""

from collections.abc import Mapping

import pytest

from service.config.cores import usable_cores
from service.config.environment import credentials, host_environment, registry_environment
from service.host.wire import OPENMP_IS_SHARED_OUT

SECRETS = {
    "MLFLOW_TRACKING_URI": "http://user:secret@mlflow",
    "MLFLOW_TRACKING_PASSWORD": "secret",
    "MLFLOW_TRACKING_TOKEN": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AZURE_STORAGE_CONNECTION_STRING": "secret",
    "GOOGLE_APPLICATION_CREDENTIALS": "/run/secret",
    "HTTPS_PROXY": "http://user:secret@proxy",
    "PODIUM_ADMIN_TOKEN": "secret",
    "DATABASE_URL": "postgresql://user:secret@database",
    "PYTHONPATH": "/somebody/elses/secret",
    "PYTHONSTARTUP": "/somebody/elses/secret.py",
    "LD_PRELOAD": "/somebody/elses/secret.so",
}
PLAIN = {"PATH": "/bin", "HOME": "/home/podium", "LANG": "C.UTF-8", "LC_ALL": "C", "TZ": "UTC"}


def test_hosts_get_no_secret() -> None:
    """Nor anything else that nobody has thought of."""
    given = host_environment({**SECRETS, **PLAIN}, hosts=1)
    assert not any("secret" in value for value in given.values())
    assert SECRETS.keys() & given.keys() == set()


def test_hosts_get_what_programs_need_to_find_their_way() -> None:
    """Unchanged."""
    assert host_environment(PLAIN, hosts=1).items() >= PLAIN.items()


def threads(given: Mapping[str, str]) -> set[str]:
    """What libraries are told."""
    return {value for name, value in given.items() if name.endswith("_THREADS")}


@pytest.mark.parametrize(
    ("cores", "hosts", "share"), [(8.0, 1, "8"), (8.0, 3, "2"), (0.5, 1, "1"), (2.0, 10_000, "1")]
)
def test_o3_hosts_share_the_cores(cores: float, hosts: int, share: str) -> None:
    """Each gets at least one thread."""
    given = host_environment({}, hosts, cores)
    assert threads(given) == {share}
    assert given["LOKY_MAX_CPU_COUNT"] == share


def test_o3_cores_are_those_that_this_process_may_use() -> None:
    """By default."""
    assert threads(host_environment({}, 1)) == {str(max(1, int(usable_cores())))}


def test_o2_operators_threads_win() -> None:
    """OpenMP's number stands for all that have none of their own."""
    assert threads(host_environment({"OMP_NUM_THREADS": "99"}, 2, 8.0)) == {"99"}
    wished = {"OPENBLAS_NUM_THREADS": "3", "OMP_SCHEDULE": "static", "LOKY_MAX_CPU_COUNT": "5"}
    wished |= {"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "4,2"}
    given = host_environment(wished, 2, 8.0)
    assert given.items() >= wished.items()
    assert given["MKL_NUM_THREADS"] == "4"


def test_o2_host_knows_whether_the_operator_has_said_anything_of_openmp() -> None:
    """Only then may it choose for itself."""
    assert OPENMP_IS_SHARED_OUT in host_environment({"MKL_NUM_THREADS": "2"}, 1, 8.0)
    for wish in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"):
        assert OPENMP_IS_SHARED_OUT not in host_environment({wish: "8"}, 1, 8.0)


def test_hosts_send_no_telemetry() -> None:
    """MLflow's is on unless it is told otherwise."""
    assert host_environment({}, hosts=1)["MLFLOW_DISABLE_TELEMETRY"] == "true"


@pytest.mark.parametrize(
    "name",
    [
        *("MLFLOW_DEFAULT_PREDICTION_DEVICE", "MLFLOW_HUGGINGFACE_USE_DEVICE_MAP"),
        "MLFLOW_CONVERT_MESSAGES_DICT_FOR_LANGCHAIN",
    ],
)
def test_w6_hosts_get_what_mlflows_server_would_have_its_flavours_read(name: str) -> None:
    """Unchanged."""
    assert host_environment({name: "value"}, hosts=1)[name] == "value"


@pytest.mark.parametrize(
    "name",
    [
        *("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_TRACKING_PASSWORD"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL", "AZURE_CLIENT_ID"),
        *("GOOGLE_APPLICATION_CREDENTIALS", "DATABRICKS_HOST", "REQUESTS_CA_BUNDLE"),
        *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "SSL_CERT_FILE"),
    ],
)
def test_registry_child_gets_what_mlflow_and_stores_read(name: str) -> None:
    """Addresses, credentials, certificates and proxies."""
    assert registry_environment({name: "value"}) == {name: "value"}


@pytest.mark.parametrize(
    "name",
    [
        *("PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGPASSWORD", "PGPASSFILE", "PGDATABASE"),
        *("PGSERVICE", "PGSERVICEFILE", "PGSSLMODE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY"),
        *("PGCONNECT_TIMEOUT", "PGTARGETSESSIONATTRS", "PGOPTIONS", "PGKRBSRVNAME"),
        *("MYSQL_HOST", "MYSQL_PWD", "MYSQL_TCP_PORT", "MYSQL_UNIX_PORT", "MYSQL_HOME"),
        *("LIBMYSQL_PLUGIN_DIR", "MARIADB_TLS_DISABLE_PEER_VERIFICATION", "ODBCINI", "ODBCSYSINI"),
    ],
)
def test_o7_registry_child_alone_gets_what_drivers_of_databases_read(name: str) -> None:
    """And nothing of it stays in the service's own environment."""
    assert registry_environment({name: "value"}) == {name: "value"}
    assert name not in host_environment({name: "value"}, hosts=1)
    assert name in credentials({name: "value"})


@pytest.mark.parametrize("name", ["PODIUM_ADMIN_TOKEN", "DATABASE_URL", "PYTHONPATH", "LD_PRELOAD"])
def test_registry_child_gets_nothing_else(name: str) -> None:
    """What it does not read it cannot leak."""
    assert registry_environment({name: "value"}) == {}
