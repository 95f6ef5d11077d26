"""Data from a web server, which MLflow's client reads from an MLflow server alone."""

from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import unquote, urlsplit

import httpx

from service.registry.writer.faults import Unreachable, is_passing_status
from service.validation.policy.reading import shown_data
from service.validation.quality.data_files import MOST_BYTES
from service.validation.quality.evaluation_data import BadData

_WEB: Final = ("http://", "https://")
# mlflow/store/artifact/http_artifact_repo.py: what its client takes apart at this place.
_OF_MLFLOW: Final = "/mlflow-artifacts/artifacts"
_SECONDS: Final = 60.0


def is_of_web(where: str) -> bool:
    """Whether it is an address of any web server's."""
    return where.startswith(_WEB) and _OF_MLFLOW not in where


def from_web(where: str, folder: Path) -> Path:
    """The file, below the folder.

    Raises `BadData`, and `Unreachable` if nobody answers; neither names a password or a signature.
    """
    file = folder / (PurePosixPath(unquote(urlsplit(where).path)).name or "data")
    said = shown_data(where)
    try:
        with httpx.stream("GET", where, follow_redirects=True, timeout=_SECONDS) as reply:
            reply.raise_for_status()
            _write(reply, file, said)
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        kind = Unreachable if is_passing_status(status) else BadData
        raise kind(f"{said}: status {status}") from None
    except httpx.TransportError as error:
        raise Unreachable(f"{said}: does not answer ({type(error).__name__})") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        # Without its text, which may hold the address.
        raise BadData(f"{said}: cannot be downloaded ({type(error).__name__})") from None
    return file


def _write(reply: httpx.Response, file: Path, said: str) -> None:
    had = 0
    with file.open("wb") as target:
        for part in reply.iter_bytes():
            had += len(part)
            if had > MOST_BYTES:
                raise BadData(f"{said}: is longer than {MOST_BYTES} bytes")
            target.write(part)
