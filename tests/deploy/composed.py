"""The services of compose.yaml without an engine: their own commands, variables, files, secrets.

For a process of a mount, network and process namespace of its own (`test_composed.py` makes one):
ports are those of the file, names of services lead here, files lie where they are mounted. For
images stand this machine's programs. What differs: the store is moto's, Grafana does not run, the
proxy's temporary files lie in a folder of the test's, and all of it runs as the tests' user.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import sqlalchemy
import yaml

from tests.deploy.programs import program
from tests.support.documents import ROOT
from tests.support.postgres import postgres_server
from tests.support.server_process import ServerProcess, started

SECONDS: Final = 240.0
_FILE: Final = ROOT / "deploy/compose.yaml"
# `$1` is a folder that /etc is copied to, since the machine's own is not to change.
_GROUND: Final = """\
mount --make-rprivate /
cp -a /etc "$1/etc" && mount --bind "$1/etc" /etc
mount -t tmpfs tmpfs /run && mount -t tmpfs tmpfs /var/lib
mkdir -p /run/secrets /etc/mlflow /etc/nginx /etc/prometheus /var/lib/podium
ip link set lo up
"""
# Then a service's own: pairs of a file and where it is mounted, `--`, and the command.
_BIND: Final = (
    'while [ "$1" != -- ]; do : >> "$2"; mount --bind "$1" "$2"; shift 2; done; shift; exec "$@"'
)


@dataclass
class Composed:
    """The file, and what stands for its images.

    `folder` is for what they write; `secrets` lies in it.
    """

    folder: Path
    services: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: yaml.safe_load(_FILE.read_text())["services"]
    )

    @property
    def secrets(self) -> Path:
        """As `deploy/secrets.sh` makes them."""
        return self.folder / "secrets"

    def secret(self, name: str) -> str:
        """What that one is."""
        return (self.secrets / name).read_text()

    def command(self, name: str, arguments: Sequence[str] = ()) -> list[str]:
        """What runs that service, with its files where it has them."""
        service = self.services[name]
        binds = [part for source, target in self._files(service) for part in (str(source), target)]
        own = [*service.get("entrypoint", ()), *service.get("command", ())]
        run = [each.replace("$$", "$") for each in arguments or own]
        return ["unshare", "--mount", "sh", "-e", "-c", _BIND, "sh", *binds, "--", *run]

    def environment(self, name: str) -> dict[str, str]:
        """What the file says, on top of what the image does; nothing of this process's own."""
        image = image_environment() if name == "podium" else {}
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin"))
        own = {"PATH": path, "HOME": str(self.folder), "PYTHONPATH": "", "LC_ALL": "C.UTF-8"}
        return image | own | dict(self.services[name].get("environment", {}))

    def process(self, name: str, arguments: Sequence[str] = ()) -> ServerProcess:
        """Started, it is healthy as the file has it."""
        command = ["env", "-i", *_assigned(self.environment(name)), *self.command(name, arguments)]
        return ServerProcess(name, command, self.folder, lambda: self.is_healthy(name))

    def is_healthy(self, name: str) -> bool:
        """Whether its own healthcheck says so."""
        _, *check = self.services[name]["healthcheck"]["test"]
        done = subprocess.run(
            check, env=self.environment(name), capture_output=True, timeout=SECONDS, check=False
        )
        return done.returncode == 0

    def once(self, name: str) -> None:
        """Runs a service that ends; fails with what it says where it does not end well."""
        succeeds(self.command(name), self.environment(name), self.folder)

    def _files(self, service: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
        for each in service.get("secrets", ()):
            yield self.secrets / each, f"/run/secrets/{each}"
        for each in service.get("volumes", ()):
            source, target, *_ = each.split(":")
            if source.startswith("."):
                yield self._source(ROOT / "deploy" / source), target

    def _source(self, file: Path) -> Path:
        if file.name != "nginx.conf":
            return file
        moved = self.folder / file.name
        moved.write_text(file.read_text().replace(" /tmp/", f" {self.folder}/"))
        return moved


def image_environment() -> dict[str, str]:
    """What Podium's own image sets, its path aside."""
    final = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    found = re.findall(r"(?:ENV |^    )([A-Z_]+)=(\S+)", final, re.MULTILINE)
    return {name: value for name, value in found if name != "PATH"}


def succeeds(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> str:
    """What it prints."""
    done = subprocess.run(
        command, env=dict(environment), cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@contextmanager
def composed(folder: Path) -> Iterator[Composed]:
    """All of them, in the order in which they wait for each other."""
    made = Composed(folder)
    subprocess.run(["sh", "-e", "-c", _GROUND, "sh", str(folder)], check=True)
    with Path("/etc/hosts").open("a") as hosts:
        hosts.write(f"127.0.0.1 {' '.join(made.services)}\n")
    subprocess.run(["sh", str(ROOT / "deploy/secrets.sh"), str(made.secrets)], check=True)
    with ExitStack() as stack:
        stack.enter_context(_postgres(made))
        stack.enter_context(started(_store(folder)))
        made.once("bucket")
        stack.enter_context(started(made.process("mlflow")))
        made.once("accounts")
        stack.enter_context(started(made.process("podium")))
        stack.enter_context(started(_prometheus(made), _proxy(made)))
        yield made


@contextmanager
def _postgres(made: Composed) -> Iterator[None]:
    own = made.services["postgres"]["environment"]
    user, name, password = (
        own["POSTGRES_USER"],
        own["POSTGRES_DB"],
        made.secret("postgres-password"),
    )
    with postgres_server(password, port=5432) as address:
        url = sqlalchemy.make_url(address).set(password=password)
        engine = sqlalchemy.create_engine(url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            # As the image's own start does: the user owns the database.
            connection.exec_driver_sql(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'")
            connection.exec_driver_sql(f"CREATE DATABASE {name} OWNER {user}")
        engine.dispose()
        yield


def _store(folder: Path) -> ServerProcess:
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "8333"]
    return ServerProcess("s3", command, folder, lambda: _answers("http://s3:8333/moto-api/"))


def _prometheus(made: Composed) -> ServerProcess:
    # What the image's own command says, but for where it keeps things.
    arguments = (
        "--config.file=/etc/prometheus/prometheus.yml",
        f"--storage.tsdb.path={made.folder}/tsdb",
    )
    return made.process("prometheus", (program("prometheus"), *arguments))


def _proxy(made: Composed) -> ServerProcess:
    run = (program("nginx"), "-c", "/etc/nginx/nginx.conf", "-e", "stderr", "-g", "daemon off;")
    return made.process("proxy", run)


def _assigned(environment: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in environment.items()]


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
