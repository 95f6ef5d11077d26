"""Somebody who answers in MLflow's place, and says what no MLflow would say of its models."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.http_server import Request, Response

CREATED = 1_700_000_000_000
HOSTILE = "<script>alert(1)</script>\r\nPodium-Evil: 1\x1b[31m\x7f\x9b\u2028\u202e\"'\\{}%0d%0a"
"""Ends a line, a header, a string, a tag; drives a terminal; turns round what follows it."""
_API = "/api/2.0/mlflow"
_ARTIFACTS = f"{_API}-artifacts/artifacts"


def said(document: Any, status: int = 200) -> Response:
    """An answer that is JSON."""
    return Response(json.dumps(document).encode(), status)


@dataclass
class Impostor:
    """Has a model of every name, all of one artifact; its texts are all hostile.

    `versions` are what the champions are called, unless that is `1`; `instead` are whole answers by
    model and the last part of the path.
    """

    artifact: Path
    versions: Mapping[str, str] = field(default_factory=dict)
    instead: Mapping[tuple[str, str], Response] = field(default_factory=dict)

    def __call__(self, request: Request) -> Response:
        """As MLflow's REST interface would."""
        if request.path == _ARTIFACTS:
            return self._listed(request.query("path"))
        if request.path.startswith(f"{_ARTIFACTS}/"):
            file = request.path.removeprefix(f"{_ARTIFACTS}/m/")
            return Response((self.artifact / file).read_bytes(), headers={})
        name, asked = request.query("name"), request.path.removeprefix(_API)
        other = self.instead.get((name, asked))
        answers: Mapping[str, Callable[[], Any]] = {
            "/registered-models/search": lambda: {"registered_models": []},
            "/registered-models/get": lambda: {"registered_model": self._model(name)},
            "/model-versions/search": lambda: {"model_versions": []},
            "/model-versions/get": lambda: {"model_version": self._version(name)},
            "/model-versions/get-download-uri": lambda: {"artifact_uri": "mlflow-artifacts:/m"},
        }
        return other or said(answers[asked]())

    def _model(self, name: str) -> Mapping[str, Any]:
        aliases = [{"alias": "champion", "version": self.versions.get(name, "1")}]
        texts = {"description": HOSTILE, "tags": [{"key": HOSTILE, "value": HOSTILE}]}
        return {"name": name, "creation_timestamp": CREATED, "aliases": aliases, **texts}

    def _version(self, name: str) -> Mapping[str, Any]:
        texts = dict.fromkeys(
            ("run_id", "run_link", "source", "status_message", "description", "user_id"), HOSTILE
        )
        tags = [{"key": key, "value": HOSTILE} for key in (HOSTILE, "podium.batching")]
        return {"name": name, "version": "1", "status": "READY", "tags": tags, **texts}

    def _listed(self, path: str) -> Response:
        if not path:
            return said({"files": [{"path": "m", "is_dir": True}]})
        folder = self.artifact / path.removeprefix("m").lstrip("/")
        return said({"files": [_entry(each) for each in sorted(folder.iterdir())]})


def _entry(path: Path) -> Mapping[str, Any]:
    if path.is_dir():
        return {"path": path.name, "is_dir": True}
    return {"path": path.name, "is_dir": False, "file_size": path.stat().st_size}
