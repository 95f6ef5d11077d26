"""schemathesis on the OpenAPI document of a service: what it generates, and what it must not find.

make fuzz-openapi        all that it has; or: .venv/bin/python -m tests.fuzz.openapi
"""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.support import tracking
from tests.support.zoo import IRIS, running_zoo

CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "negative_data_rejection",
)
# Apart, since what it keeps in its folder of the one leaves it without ideas for the other.
_PHASES: Final = (("examples", "fuzzing"), ("coverage",))
# Unless these are said it never reaches a model through the paths that hold them.
_CONFIGURATION: Final = f"""
[parameters]
"path.name" = "{IRIS}"
"path.alias" = "champion"
"""


def schemathesis(
    url: str, folder: Path, phases: Sequence[str], examples: int, *only: str
) -> "subprocess.CompletedProcess[str]":
    """One run on all paths, or on those alone; it ends with status 1 if it has found anything."""
    configuration = folder / "schemathesis.toml"
    configuration.write_text(_CONFIGURATION)
    return subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(configuration)),
            *("run", f"{url}/openapi.json", "--no-color", "--seed", "1"),
            *("--checks", ",".join(CHECKS), "--phases", ",".join(phases)),
            *("--max-examples", str(examples), "--generation-database", "none"),
            *(part for path in only for part in ("--include-path", path)),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> None:
    """Everything, on a service of its own; exits as schemathesis does."""
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        with running_zoo(tracking.migrate(folder), folder) as service:
            sys.stderr.write("schemathesis is at work; it takes about two minutes ...\n")
            runs = [_apart(service.url, folder, phases) for phases in _PHASES]
    sys.stdout.write("".join(run.stdout + run.stderr for run in runs))
    sys.exit(max(run.returncode for run in runs))


def _apart(url: str, folder: Path, phases: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    own = folder / phases[0]
    own.mkdir()
    return schemathesis(url, own, phases, 50)


if __name__ == "__main__":
    main()
