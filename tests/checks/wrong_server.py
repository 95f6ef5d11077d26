"""A small service that does everything right, except for what a test changes, and a registry."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import httpx
from starlette.types import Receive, Scope, Send

EXAMPLE = {"dataframe_split": {"columns": ["x"], "data": [[1.0], [2.0]]}}


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls, body: object, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> "Answer":
        """A JSON answer."""
        return cls(status, json.dumps(body).encode(), headers or {})

    def with_json(self, **changes: Any) -> "Answer":
        """The same body with some keys changed; those set to None are taken out."""
        body = json.loads(self.body) | changes
        kept = {key: value for key, value in body.items() if value is not None}
        return replace(self, body=json.dumps(kept).encode())

    def with_header(self, name: str, value: str) -> "Answer":
        """The same with a header changed."""
        return replace(self, headers={**self.headers, name: value})


Change = Callable[[Answer], Answer]


def _same(answer: Answer) -> Answer:
    return answer


@dataclass(slots=True)
class Slot:
    """One slot; its signature is one required column `x` unless told otherwise."""

    name: str = "iris"
    alias: str = "champion"
    version: str | None = "3"
    example: Mapping[str, Any] | None = field(default_factory=lambda: EXAMPLE)
    column: Mapping[str, Any] = field(
        default_factory=lambda: {"name": "x", "type": "double", "required": True}
    )

    @property
    def path(self) -> str:
        """As it arrives, decoded."""
        return f"/models/{self.name}@{self.alias}"

    def described(self) -> dict[str, Any]:
        """What `GET /models/{slot}` says."""
        state = "empty" if self.version is None else "serving"
        told = {"name": self.name, "alias": self.alias, "version": self.version, "state": state}
        signature = {"inputs": [self.column]}
        example = self.example
        return {**told, "ready": True, "serving_example": example, "signature": signature}

    def predict(self, body: bytes) -> Answer:
        """One number a row, or 422; what the service itself adds for the registry's reader."""
        rows = _rows(body, required=bool(self.column.get("required")))
        if rows is None:
            return Answer.of({"detail": [{"loc": ["body"]}]}, 422, self._identity())
        model = {"name": self.name, "alias": self.alias, "version": self.version}
        return Answer.of({"predictions": [0] * rows, "model": model}, headers=self._identity())

    def invocations(self, body: bytes) -> Answer:
        """The same in MLflow's shapes."""
        answer = self.predict(body)
        if answer.status != 200:
            return Answer.of({"error_code": "BAD_REQUEST", "message": "No."}, 400)
        return answer.with_json(model=None)

    @property
    def announced(self) -> dict[str, Any]:
        """What `GET /v2/models/{slot}` says."""
        column = {"name": self.column.get("name", "input-0"), "datatype": "FP64", "shape": [-1]}
        output = {"name": "output-0", "datatype": "INT64", "shape": [-1]}
        return {"name": self.name, "inputs": [column], "outputs": [output]}

    def infer(self, body: bytes) -> Answer:
        """One number a row as an output, or 400."""
        try:
            (tensor,) = json.loads(body)["inputs"]
            rows = tensor["shape"][0]
        except (ValueError, KeyError, TypeError):
            return Answer.of({"error": "No."}, 400)
        output = {"name": "output-0", "datatype": "INT64", "shape": [rows], "data": [0] * rows}
        told = {"model_name": self.name, "model_version": self.version, "outputs": [output]}
        return Answer.of(told, headers=self._identity())

    def _identity(self) -> dict[str, str]:
        values = {"Model": self.name, "Alias": self.alias, "Version": self.version or ""}
        return {f"Podium-{key}": quote(value, safe="") for key, value in values.items()}


def _rows(body: bytes, *, required: bool) -> int | None:
    try:
        request = json.loads(body)
    except ValueError:
        return None
    if "dataframe_records" in request:
        return None if required else len(request["dataframe_records"])
    split = request.get("dataframe_split")
    return None if split is None else len(split["data"])


@dataclass(slots=True)
class Service:
    """An ASGI application; `changes` makes it wrong, by `METHOD path`."""

    slots: list[Slot] = field(default_factory=lambda: [Slot()])
    changes: dict[str, Change] = field(default_factory=dict)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request and returns its id."""
        key = f"{scope['method']} {scope['path']}"
        answer = self._right(key, (await receive()).get("body", b""))
        identity = dict(scope["headers"]).get(b"x-request-id", b"made-here").decode()
        answer = answer.with_header("X-Request-ID", identity)
        answer = self.changes.get(key, _same)(answer)
        headers = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
        start = {"type": "http.response.start", "status": answer.status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": answer.body})

    def _right(self, key: str, body: bytes) -> Answer:
        listed = [slot.described() for slot in self.slots]
        answers = {
            "GET /health/live": Answer(),
            "GET /health/ready": Answer(),
            "GET /ping": Answer(),
            "GET /version": Answer(body=b"3.17.2"),
            "GET /models": Answer.of({"models": listed}),
        }
        for slot, base in [(self.slots[0], ""), *((slot, slot.path) for slot in self.slots)]:
            answers[f"GET {slot.path}"] = Answer.of(slot.described())
            answers[f"POST {base}/predict"] = slot.predict(body)
            answers[f"POST {base}/invocations"] = slot.invocations(body)
            named = f"/v2/models/{slot.name}@{slot.alias}"
            answers[f"GET {named}"] = Answer.of(slot.announced)
            answers[f"POST {named}/infer"] = slot.infer(body)
        return answers.get(key, Answer(404))


@dataclass(slots=True)
class Registry:
    """MLflow's registry: a model's aliases, or another answer."""

    aliases: Mapping[str, str] = field(default_factory=lambda: {"champion": "3"})
    answer: Answer | None = None
    asked: list[str] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers `registered-models/get`."""
        self.asked.append(scope["query_string"].decode())
        aliases = [{"alias": key, "version": value} for key, value in self.aliases.items()]
        answer = self.answer or Answer.of({"registered_model": {"aliases": aliases}})
        await send({"type": "http.response.start", "status": answer.status, "headers": []})
        await send({"type": "http.response.body", "body": answer.body})


class HangingRegistry:
    """Takes every question and answers none."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Never returns."""
        self.asked += 1
        await asyncio.Event().wait()


def client(app: Any) -> httpx.AsyncClient:
    """Talks to an application in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")
