"""An HTTP server that answers as a test says: as MLflow would, with nonsense, or never."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.support.serving import open_gate
from tests.support.waiting import until

_API = "/api/2.0/mlflow"
_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts"
SEARCH_PATH = f"{_API}/registered-models/search"
LISTING_PATH = f"{_ARTIFACTS}?path=m"
MODEL_PATH = f"{_API}/registered-models/get"
VERSION_PATH = f"{_API}/model-versions/get"
DOWNLOAD_URI_PATH = f"{_API}/model-versions/get-download-uri"
DATA_PATH = f"{_ARTIFACTS}/m/data"
CREATED = 1_700_000_000_000


def response(content: bytes, status: int = 200, *headers: str, length: int | None = None) -> bytes:
    """A whole answer; with a longer `length` than the content it is one that was cut off."""
    head = [
        f"HTTP/1.1 {status} As The Test Says",
        "Connection: close",
        f"Content-Length: {len(content) if length is None else length}",
        *headers,
    ]
    return "\r\n".join([*head, "", ""]).encode() + content


def answer(document: Any, status: int = 200) -> bytes:
    """A whole answer that is JSON."""
    return response(json.dumps(document).encode(), status, "Content-Type: application/json")


def registered_model(name: str, **aliases: str) -> bytes:
    """MLflow's answer about a model."""
    listed = [{"alias": alias, "version": version} for alias, version in aliases.items()]
    model = {"name": name, "creation_timestamp": CREATED, "aliases": listed}
    return answer({"registered_model": model})


def one_version(
    name: str, artifact: Mapping[str, bytes], sizes: Mapping[str, int | None] | None = None
) -> dict[str, bytes]:
    """MLflow's answers about a model whose version 1, its champion, consists of these files.

    Each is listed as long as its answer says that it is, unless `sizes` says otherwise, or None.
    """
    version = {"name": name, "version": "1", "status": "READY", "source": "models:/m-1"}
    listed: dict[str, int | None] = {path: _length(whole) for path, whole in artifact.items()}
    listed |= sizes or {}
    files = [
        {"path": path, "is_dir": False} | ({} if length is None else {"file_size": length})
        for path, length in listed.items()
    ]
    return {
        MODEL_PATH: registered_model(name, champion="1"),
        VERSION_PATH: answer({"model_version": version}),
        DOWNLOAD_URI_PATH: answer({"artifact_uri": "mlflow-artifacts:/m"}),
        f"{_ARTIFACTS}?path=": answer({"files": [{"path": "m", "is_dir": True}]}),
        f"{_ARTIFACTS}?path=m": answer({"files": files}),
        **{f"{_ARTIFACTS}/m/{path}": whole for path, whole in artifact.items()},
    }


def _length(whole: bytes) -> int:
    head = whole.partition(b"\r\n\r\n")[0]
    return int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0] or 0)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as it came; header names in lower case."""

    path: str
    headers: Mapping[str, str]


@dataclass
class ScriptedServer:
    """Answers a path with what `answers` holds for it, else with `otherwise`, a whole response.

    Once it has sent that it keeps the connection until the path's gate is open, else `gate`. What
    is `late` is sent once its gate is open, as it was when it was asked for.
    """

    otherwise: bytes = response(b"", 404)
    answers: dict[str, bytes] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=open_gate)
    gates: dict[str, asyncio.Event] = field(default_factory=dict)
    late: dict[str, asyncio.Event] = field(default_factory=dict)
    url: str = ""
    _server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        host, port = self._server.sockets[0].getsockname()
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for gate in (self.gate, *self.gates.values(), *self.late.values()):
            gate.set()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    async def until_asked(self, path: str) -> None:
        """Returns when somebody has asked for that path; fails the test after a while."""
        await until(lambda: path in [asked.path for asked in self.asked], 240, f"{path} is asked")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            asked = _asked(head)
            self.asked.append(asked)
            whole = self.answers.get(asked.path, self.otherwise)
            await self.late.get(asked.path, open_gate()).wait()
            writer.write(whole)
            await self.gates.get(asked.path, self.gate).wait()
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # who asked has gone
        finally:
            writer.close()


def _asked(head: str) -> Asked:
    first, *lines = head.strip().split("\r\n")
    target = urlsplit(first.split(" ")[1])
    listed = parse_qs(target.query, keep_blank_values=True).get("path")
    path = target.path if listed is None else f"{target.path}?path={listed[0]}"
    pairs = (line.partition(": ") for line in lines)
    return Asked(path, {name.lower(): value for name, _, value in pairs})
