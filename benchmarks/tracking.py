"""The MLflow server that Podium and `mlflow models serve` ask, as they do in a team's MLflow.

Libraries' pages that it has mapped too count less for those two: for both alike.
"""

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from benchmarks.cases import Prepared
from benchmarks.running import free_port, running_command

# Its job consumers take 235 MB each, and nothing here gives them a job.
_SWITCHES: Final = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@contextlib.contextmanager
def tracking_server(prepared: Prepared) -> Iterator[Prepared]:
    """The same models and cases, whose tracking URI is that of a server while this lasts."""
    port = free_port()
    command = [
        *(sys.executable, "-P", "-m", "mlflow", "server", "--host", "127.0.0.1"),
        *("--port", str(port), "--workers", "1"),
        *("--backend-store-uri", prepared.tracking_uri, "--serve-artifacts"),
        *("--artifacts-destination", str(prepared.folder / "artifacts")),
    ]
    url = f"http://127.0.0.1:{port}"
    log = prepared.folder / "mlflow.log"
    with running_command(command, os.environ | _SWITCHES, f"{url}/health", log):
        yield replace(prepared, server=url)
