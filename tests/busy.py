"""Runs the tests while four other processes keep both cores busy; they end with it.

make test-busy   all of them; or: .venv/bin/python -m tests.busy tests/hosting -n1
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

SPINNING: Final = 4
# A test's limit is there for what hangs: what takes ten minutes of a quiet machine may take forty.
_LIMIT: Final = ("-o", "timeout=2400")
# Until whoever started it has gone, however that was.
_SPIN: Final = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"


@contextlib.contextmanager
def busy_machine(spinning: int = SPINNING) -> Iterator[list[subprocess.Popen[bytes]]]:
    """While it lasts, so many processes compute without pause."""
    command = [sys.executable, "-S", "-c", _SPIN]
    spinners = [subprocess.Popen(command) for _ in range(spinning)]
    try:
        yield spinners
    finally:
        for each in spinners:
            each.kill()
        for each in spinners:
            each.wait()


def main() -> int:
    """What pytest exits with, for the arguments that it is given."""
    with busy_machine():
        return subprocess.run(
            [sys.executable, "-m", "pytest", *_LIMIT, *sys.argv[1:]], check=False
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
