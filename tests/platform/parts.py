"""The parts: each starts a service on one platform, asks it, and says in words what it has seen."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.platform.ground import REF, SECONDS, Ground, get, predict
from tests.support.certificate import certificate
from tests.support.postgres import postgres_server
from tests.support.server_process import started
from tests.support.tracking import free_port, mlflow_process
from tests.support.unshared import First
from tests.support.waiting import wait_until

_CONFINED = ("-m", "tests.platform.confined")
# What Kubernetes sets for Services called podium and podium-tracking.
_LINKS = {
    "PODIUM_PORT": "tcp://10.96.12.7:8000",
    "PODIUM_PORT_8000_TCP": "tcp://10.96.12.7:8000",
    "PODIUM_PORT_8000_TCP_ADDR": "10.96.12.7",
    "PODIUM_SERVICE_HOST": "10.96.12.7",
    "PODIUM_SERVICE_PORT": "8000",
    "PODIUM_TRACKING_PORT": "tcp://10.96.12.8:8080",
    "PODIUM_TRACKING_SERVICE_HOST": "10.96.12.8",
}


def service_links(ground: Ground) -> str:
    """Variables that Kubernetes sets are not settings, and are not warned of."""
    with ground.service(**_LINKS) as service:
        assert not service.events("setting_unknown")
    return f"{len(_LINKS)} variables of Services called podium and podium-tracking, none taken"


def read_only_root(ground: Ground) -> str:
    """Nothing but the home is written to."""
    with ground.service(program=(*_CONFINED, "read-only")):
        pass
    return "nothing but the home can be written to"


def arbitrary_user(ground: Ground) -> str:
    """As OpenShift runs it."""
    with ground.service(program=(*_CONFINED, "nameless"), HOME="/", USER="") as service:
        status = Path(f"/proc/{service.process.pid}/uid_map").read_text().split()
        assert status[0] == "54321"
    return "user 54321, of no name, in group 0"


def half_a_core(ground: Ground) -> str:
    """Threads are as many as the quota allows, on however many cores."""
    with _group("cpu.cfs_quota_us", "50000") as group:
        with ground.service(program=(*_CONFINED, f"group={group}")) as service:
            threads = _threads(service.descendants())
        assert threads == {"1"}, threads
    return f"of {os.cpu_count()} cores, libraries start {', '.join(threads)} thread"


def process_1(ground: Ground) -> str:
    """Without `--init`: it serves, hears the stop, and leaves nobody behind."""
    home = ground.folder / "home"
    home.mkdir()
    port = free_port()
    command = [sys.executable, "-P", "-m", "service", "serve", "--port", str(port), "--model", REF]
    variables = {"MLFLOW_TRACKING_URI": ground.registry(), "PODIUM_HOME": str(home)}
    first = First(command, variables, home)
    try:
        wait_until(lambda: _answers(port), SECONDS, "it serves")
        first.send(signal.SIGTERM)
        status, log = first.end()
    finally:
        first.kill()
    assert status == 0, log[-2000:]
    return "served, and ended with 0 at SIGTERM"


def ipv6(ground: Ground) -> str:
    """At its loopback address."""
    with ground.service(PODIUM_HOST="::1") as service:
        assert service.url.startswith("http://[::1]:")
        document = get(f"{service.url}/openapi.json", **{"X-Forwarded-Prefix": "/below"}).json()
        assert document["servers"] == [{"url": "/below"}]
    return "http://[::1], and a proxy there is trusted"


def postgres(ground: Ground) -> str:
    """By libpq's own variables, a password among them."""
    address = "postgresql+psycopg2://"
    with postgres_server("a-long-password") as server:
        port = server.rpartition(":")[2].partition("/")[0]
        named = {"HOST": "127.0.0.1", "PORT": port, "USER": "postgres", "DATABASE": "postgres"}
        variables = {f"PG{name}": value for name, value in named.items()}
        variables["PGPASSWORD"] = "a-long-password"
        with _environment(variables):
            ground.fill(address)
        with ground.service(address, **variables) as service:
            hosts = [Path(f"/proc/{each}/environ") for each in service.descendants()]
            assert not any(b"PGPASSWORD" in each.read_bytes() for each in hosts)
    return "served from a database that PG* variables name; no host has the password"


def self_signed(ground: Ground) -> str:
    """An MLflow of https, whose certificate its own variable names."""
    certificate(ground.folder)
    port = free_port()
    options = f"--ssl-certfile {ground.folder}/named.pem --ssl-keyfile {ground.folder}/key.pem"
    server = mlflow_process(
        ground.folder,
        *("--uvicorn-opts", options),
        port=port,
        backend_store_uri=ground.registry(),
    )
    trusted = {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(ground.folder / "named.pem")}
    server.answers = lambda: _connects(port)
    with started(server), ground.service(f"https://localhost:{port}", **trusted):
        pass
    return "https://localhost, trusted by MLFLOW_TRACKING_SERVER_CERT_PATH"


PARTS: Mapping[str, Callable[[Ground], str]] = {
    "service links": service_links,
    "read-only root": read_only_root,
    "arbitrary user": arbitrary_user,
    "half a core": half_a_core,
    "process 1": process_1,
    "IPv6": ipv6,
    "PostgreSQL": postgres,
    "self-signed MLflow": self_signed,
}


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]


@contextlib.contextmanager
def _group(file: str, quota: str) -> Iterator[Path]:
    """A control group with that quota, of version 1 or 2."""
    first = Path("/sys/fs/cgroup/cpu")
    name = f"podium-{os.getpid()}"
    group = (first if first.is_dir() else Path("/sys/fs/cgroup")) / name
    group.mkdir()
    try:
        if first.is_dir():
            (group / file).write_text(quota)
        else:
            (group / "cpu.max").write_text(f"{quota} 100000")
        yield group
    finally:
        wait_until(lambda: _removed(group), SECONDS, "the group is empty")


def _removed(group: Path) -> bool:
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()


def _threads(processes: set[int]) -> set[str]:
    found = set()
    for process in processes:
        with contextlib.suppress(OSError):
            variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
            found |= {each.partition(b"=")[2] for each in variables if b"OMP_NUM_THREADS=" in each}
    return {each.decode() for each in found}


def _answers(port: int) -> bool:
    try:
        predict(f"http://127.0.0.1:{port}")
    except Exception:  # noqa: BLE001 - not yet, for whatever reason
        return False
    return True


def _connects(port: int) -> bool:
    import socket

    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2):
            return True
    except OSError:
        return False
