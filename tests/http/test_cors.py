"""Pages of other origins: only those that the operator names, and never what is the operator's."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from service.config.origins import origin_of
from service.http.access import Admin, ApiKeys
from service.server.timeouts import ClientLimits
from tests.http.app import App
from tests.support.clients import ROW, served

ORIGIN, OTHER_ORIGIN = "https://app.example.com", "https://evil.example"
PREDICTIONS = ["/predict", "/invocations", "/models/iris@champion/predict"]
PAGES = ["/models", "/models/iris@champion", "/health/ready", "/openapi.json", "/ping"]
OPERATORS = ["/swaps", "/metrics", "/models/iris@champion/reload", "/webhooks/mlflow", "/docs", "/"]
ALLOWED = "access-control-allow-origin"


def asks(
    method: str = "POST", origin: str = ORIGIN, headers: str = "content-type"
) -> dict[str, str]:
    """What a browser sends first."""
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": headers,
    }


async def _app(**more: Any) -> AsyncIterator[App]:
    made = App(**more)
    async with made.client:
        yield made
    made.logs.close()


@pytest.fixture
async def shared() -> AsyncIterator[App]:
    """An application with keys, a token, and one origin."""
    keys = ApiKeys({hashlib.sha256(b"key").digest(): "one"})
    async for made in _app(origins=(ORIGIN,), keys=keys, admin=Admin("token")):
        yield made


async def _options(app: App, path: str, headers: dict[str, str]) -> httpx.Response:
    return await app.client.options(path, headers=headers)


@pytest.mark.parametrize("path", PREDICTIONS)
async def test_o9_browser_may_ask_for_predictions(shared: App, path: str) -> None:
    """The first question needs no key, and may be about any header."""
    reply = await _options(shared, path, asks(headers="authorization, x-user-id"))
    assert reply.is_success
    assert reply.headers[ALLOWED] == ORIGIN
    assert reply.headers["access-control-allow-methods"] == "POST"
    assert reply.headers["access-control-allow-headers"] == "authorization, x-user-id"
    assert int(reply.headers["access-control-max-age"]) > 0
    assert "Origin" in reply.headers["vary"]
    assert "access-control-allow-credentials" not in reply.headers


@pytest.mark.parametrize("path", PREDICTIONS)
async def test_o9_every_reply_can_be_read(shared: App, path: str) -> None:
    """Errors too, with the headers that say who has answered."""
    sent = {"Origin": ORIGIN}
    known = sent | {"Authorization": "Bearer key"}
    for headers, values, status in (
        (known, [1], 200),
        (sent, [1], 401),
        (known, ["x" * 2000], 413),
    ):
        reply = await shared.predict(values, path, headers=headers)
        assert (reply.status_code, reply.headers[ALLOWED]) == (status, ORIGIN)
        assert "Podium-Version" in reply.headers["access-control-expose-headers"]
    unknown = await shared.predict([1], "/models/nobody@champion/predict", headers=sent)
    assert (unknown.status_code, unknown.headers[ALLOWED]) == (404, ORIGIN)
    other = await shared.client.get(path, headers=sent)
    assert (other.status_code, other.headers[ALLOWED]) == (405, ORIGIN)


@pytest.mark.parametrize("path", PAGES)
async def test_o9_open_pages_can_be_read(shared: App, path: str) -> None:
    """By GET alone."""
    assert (await shared.client.get(path, headers={"Origin": ORIGIN})).headers[ALLOWED] == ORIGIN
    assert (await _options(shared, path, asks("GET"))).is_success
    assert (await _options(shared, path, asks("DELETE"))).status_code == 405


@pytest.mark.parametrize("path", OPERATORS)
async def test_o9_what_is_the_operators_is_never_shared(shared: App, path: str) -> None:
    """Not even with the token."""
    for method in ("GET", "POST"):
        assert not (await _options(shared, path, asks(method))).is_success
        headers = {"Origin": ORIGIN, "Authorization": "Bearer token"}
        assert ALLOWED not in (await shared.client.request(method, path, headers=headers)).headers


async def test_o9_what_comes_with_the_admin_token_is_not_shared(shared: App) -> None:
    """It says why versions have failed, in their own words."""
    for bearer, is_shared in (("token", False), ("key", True)):
        headers = {"Origin": ORIGIN, "Authorization": f"Bearer {bearer}"}
        reply = await shared.client.get("/models", headers=headers)
        assert (reply.status_code, ALLOWED in reply.headers) == (200, is_shared)


@pytest.mark.parametrize(
    "origin", [OTHER_ORIGIN, "null", ORIGIN + ":8443", "http://app.example.com"]
)
async def test_o9_other_origins_are_told_nothing(shared: App, origin: str) -> None:
    """As if nobody were named."""
    assert (await _options(shared, "/predict", asks(origin=origin))).status_code == 405
    reply = await shared.predict([1], headers={"Origin": origin})
    assert ALLOWED not in reply.headers


async def test_o9_every_origin_may_be_named() -> None:
    """Then replies are the same for all."""
    async for app in _app(origins=("*",)):
        assert (await _options(app, "/predict", asks(origin="null"))).headers[ALLOWED] == "*"
        reply = await app.predict([1], headers={"Origin": OTHER_ORIGIN})
        assert (reply.headers[ALLOWED], reply.headers.get("vary")) == ("*", None)


@pytest.mark.parametrize("path", [*PREDICTIONS, "/openapi.json", "/models/iris@champion/reload"])
async def test_o9_without_origins_options_is_405_whatever_key_it_has(path: str) -> None:
    """405 before 401: no key would help."""
    keys = ApiKeys({hashlib.sha256(b"key").digest(): "one"})
    async for app in _app(keys=keys, admin=Admin("token")):
        reply = await _options(app, path, asks())
        assert reply.status_code == 405
        assert ALLOWED not in reply.headers
        assert (await app.client.put(path)).status_code == 405


async def test_o9_prediction_over_a_socket_can_be_read() -> None:
    """Whose reply leaves whole otherwise."""
    async for app in _app(origins=(ORIGIN,)):
        async with served(app.asgi, ClientLimits()) as server:
            head = b"POST /predict HTTP/1.1\r\nhost: a\r\norigin: %b\r\ncontent-length: %d\r\n\r\n"
            client = await server.client(head % (ORIGIN.encode(), len(ROW)) + ROW)
            answer = await client.answer()
        assert (answer.status, answer.headers[ALLOWED]) == (200, ORIGIN)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://App.example.com/", "https://app.example.com"),
        ("https://a.example:443", "https://a.example"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("*", "*"),
    ],
)
def test_o9_origins_are_read_as_browsers_send_them(text: str, origin: str) -> None:
    """Without what browsers leave out."""
    assert origin_of(text) == origin


@pytest.mark.parametrize("text", ["app.example.com", "https://a/path", "https://*.a", "null", ""])
def test_o9_what_is_no_origin_is_refused(text: str) -> None:
    """In words."""
    with pytest.raises(ValueError, match="must be origins such as"):
        origin_of(text)
