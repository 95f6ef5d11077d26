"""What children are given of the environment: an allow-list each, for hosts without a secret."""

import os

import pytest

from service.environment import host_environment, registry_environment

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


@pytest.mark.parametrize("hosts", [1, 2, 10_000])
def test_hosts_share_the_cores(hosts: int) -> None:
    """Each gets at least one thread, whatever the front's own environment says."""
    given = host_environment({"OMP_NUM_THREADS": "99"}, hosts)
    expected = str(max(1, len(os.sched_getaffinity(0)) // hosts))
    threads = {value for name, value in given.items() if name.endswith("_THREADS")}
    assert threads == {expected}
    assert given["OMP_NUM_THREADS"] == expected


def test_hosts_send_no_telemetry() -> None:
    """MLflow's is on unless it is told otherwise."""
    assert host_environment({}, hosts=1)["MLFLOW_DISABLE_TELEMETRY"] == "true"


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


@pytest.mark.parametrize("name", ["PODIUM_ADMIN_TOKEN", "DATABASE_URL", "PYTHONPATH", "LD_PRELOAD"])
def test_registry_child_gets_nothing_else(name: str) -> None:
    """What it does not read it cannot leak."""
    assert registry_environment({name: "value"}) == {}
