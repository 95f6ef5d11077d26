"""Servers that predict nothing: what the framework and the server under Podium cost by themselves.

python -m uvicorn benchmarks.floors:framework
python -m uvicorn benchmarks.floors:server
"""

from typing import Any, Final

from fastapi import FastAPI, Request

ANSWER: Final = {"predictions": [0]}
_BODY: Final = b'{"predictions":[0]}'
_HEADERS: Final = [
    (b"content-type", b"application/json"),
    (b"content-length", str(len(_BODY)).encode()),
]

framework = FastAPI()


@framework.post("/invocations")
async def invocations(request: Request) -> dict[str, list[int]]:
    """Reads the body and answers the same each time."""
    await request.body()
    return ANSWER


@framework.get("/ping")
async def ping() -> None:
    """Says that it is there."""


async def server(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Reads the body of whatever is asked and answers the same each time."""
    while scope["type"] == "lifespan":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
