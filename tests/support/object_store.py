"""An S3 store for tests: moto's server, which boto3 speaks to as it speaks to Amazon's."""

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.support.server_process import ServerProcess, started
from tests.support.tracking import answering, free_port

BUCKET = "models"


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """Where it is, and what its clients find in their environment."""

    url: str

    @property
    def environment(self) -> dict[str, str]:
        """What MLflow and boto3 need to know to use it."""
        return {
            "MLFLOW_S3_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "the-key-of-the-store",
            "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-store",
            "AWS_DEFAULT_REGION": "us-east-1",
        }


@contextlib.contextmanager
def object_store(folder: Path) -> Iterator[ObjectStore]:
    """A running store with one empty bucket, `BUCKET`."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with started(ServerProcess("moto", command, folder, answering(f"{url}/moto-api/"))):
        httpx.put(f"{url}/{BUCKET}", trust_env=False).raise_for_status()
        yield ObjectStore(url)
