"""Below a proxy's prefix: links, and what is asked for, whether it is taken off or not."""

from collections.abc import AsyncIterator

import httpx
import pytest

from service.config.prefix import BadPrefix, Prefixes, Proxies, prefix_of
from tests.http.app import App

ROOT = "/serving"
PATHS = ["/health/live", "/models", "/models/iris@champion", "/openapi.json", "/docs", "/metrics"]
FORWARDED = "X-Forwarded-Prefix"
LOCAL = Proxies.of(["127.0.0.1", "::1"])


@pytest.fixture
async def below() -> AsyncIterator[App]:
    """An application whose operator has said where it stands."""
    made = App(prefixes=Prefixes(ROOT, LOCAL))
    async with made.client:
        yield made
    made.logs.close()


async def _servers(app: App, path: str = "/openapi.json", **headers: str) -> object:
    reply = await app.client.get(path, headers=headers)
    return reply.json().get("servers")


@pytest.mark.parametrize("path", PATHS)
async def test_o5_pages_are_found_by_both_paths(below: App, path: str) -> None:
    """A proxy may take the prefix off, or leave it there."""
    assert (await below.client.get(path)).status_code == 200
    assert (await below.client.get(ROOT + path)).status_code == 200


@pytest.mark.parametrize("path", ["/predict", "/invocations", "/models/iris@champion/predict"])
async def test_o5_predictions_are_found_by_both_paths(below: App, path: str) -> None:
    """A proxy may take the operator's prefix off, or leave it there."""
    assert (await below.predict([1], path)).status_code == 200
    assert (await below.predict([1], ROOT + path)).status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/models/iris@champion/predict"])
async def test_o5_header_opens_no_path_that_a_proxy_keeps_closed(below: App, path: str) -> None:
    """One that hands on what its clients send lets them name a prefix."""
    reply = await below.client.get(f"/told{path}", headers={FORWARDED: "/told"})
    assert reply.status_code == 404


async def test_o5_document_says_where_requests_go(app: App, below: App) -> None:
    """Below the prefix; nothing where there is none."""
    assert await _servers(app) is None
    assert await _servers(below) == [{"url": ROOT}]
    assert await _servers(below, ROOT + "/openapi.json") == [{"url": ROOT}]


async def test_o5_trusted_proxy_tells_the_prefix(app: App, below: App) -> None:
    """Of a chain each its own, and it wins over the setting; caches are told."""
    await app.client.aclose()
    trusting = App(prefixes=Prefixes("", LOCAL))
    async with trusting.client:
        assert await _servers(trusting, **{FORWARDED: "/a/"}) == [{"url": "/a"}]
        assert await _servers(trusting, **{FORWARDED: "/a, /b"}) == [{"url": "/a/b"}]
        assert await _servers(trusting, **{FORWARDED: "/"}) is None
        reply = await trusting.client.get("/openapi.json", headers={FORWARDED: "/a"})
        assert reply.headers["vary"] == "x-forwarded-prefix"
    trusting.logs.close()
    assert await _servers(below, **{FORWARDED: "/a"}) == [{"url": "/a"}]


@pytest.mark.parametrize(
    "value",
    [
        "//evil.example",
        "https://evil.example",
        "/a/../b",
        "/a b",
        '/a"b',
        "a",
        "/a//b",
        "/" + "a" * 2000,
    ],
)
async def test_o5_what_is_no_prefix_is_not_believed(below: App, value: str) -> None:
    """It would stand in links."""
    assert await _servers(below, **{FORWARDED: value}) == [{"url": ROOT}]


async def test_o5_nobody_else_tells_the_prefix() -> None:
    """Addresses of IPv4 count at sockets of IPv6 too."""
    app = App(prefixes=Prefixes("", Proxies.of(["10.0.0.0/8", "fd00::/8"])))
    for address, believed in (
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("127.0.0.1", False),
        ("not an address", False),
    ):
        transport = httpx.ASGITransport(app.asgi, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://podium") as client:
            reply = await client.get("/openapi.json", headers={FORWARDED: "/a"})
        assert ("servers" in reply.json()) is believed
    app.logs.close()


@pytest.mark.parametrize(
    ("path", "headers", "where"),
    [
        ("/", {}, "/serving/docs"),
        ("/serving", {}, "/serving/docs"),
        ("/serving/", {}, "/serving/docs"),
        ("/", {FORWARDED: "/a"}, "/a/docs"),
    ],
)
async def test_o5_redirects_stay_below_the_prefix(
    below: App, path: str, headers: dict[str, str], where: str
) -> None:
    """From the bare prefix, too."""
    reply = await below.client.get(path, headers=headers)
    assert (reply.status_code, reply.headers["location"]) == (307, where)


async def test_o5_prefix_may_be_one_of_podiums_own_words() -> None:
    """What is a page as it is has been left whole by nobody."""
    app = App(prefixes=Prefixes("/models"))
    async with app.client:
        for path in (
            "/models/iris@champion",
            "/models/health/live",
            "/models/docs",
            "/models/models",
        ):
            assert (await app.client.get(path)).status_code == 200, path
        assert (await app.predict([1], "/models/predict")).status_code == 200
    app.logs.close()


@pytest.mark.parametrize("text", ["a", "//a", "/a?b", "/a/..", "http://a", "/a b", "/ä"])
def test_o5_bad_setting_is_refused(text: str) -> None:
    """In words."""
    with pytest.raises(BadPrefix, match="must be a path"):
        prefix_of(text)
