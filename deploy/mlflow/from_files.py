"""Becomes a command whose secrets lie in files: for each NAME_FILE, NAME is what the file holds.

    PGPASSWORD_FILE=/run/secrets/postgres python from_files.py mlflow server ...

What the environment holds already stays. Exit status 2 where a file cannot be read.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

_SUFFIX = "_FILE"


def main() -> None:
    """Does not return."""
    try:
        os.environ.update(secrets(os.environ))
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        sys.exit(2)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the operator's own command line


def secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What the files hold, without the end of the line. Raises `OSError`."""
    return {
        name: Path(path).read_text().rstrip("\r\n")
        for name, path in (
            (key.removesuffix(_SUFFIX), value)
            for key, value in environment.items()
            if key.endswith(_SUFFIX)
        )
        if name not in environment
    }


if __name__ == "__main__":
    main()
