"""The console's page and its files."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.config.prefix import Prefixes, Proxies
from service.console.page import FOLDER, console_page_router
from tests.http.app import App

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page of three files, and one beside it that is nobody's."""
    files = {
        "static/index.html": "<!doctype html><title>Podium</title>",
        "static/main.js": "console.log(1)",
        "static/vendor/lib/a.css": "a{}",
        "static/notes.md": "not for anybody",
        "secret.js": "outside",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path / "static"


@pytest.fixture
async def app(folder: Path) -> AsyncIterator[App]:
    """An application with that page."""
    made = App(more=[console_page_router(folder)])
    async with made.client:
        yield made
    made.logs.close()


@pytest.mark.parametrize(
    ("path", "kind", "text"),
    [
        ("/", "text/html; charset=utf-8", "<!doctype html><title>Podium</title>"),
        ("/console/main.js", "text/javascript; charset=utf-8", "console.log(1)"),
        ("/console/vendor/lib/a.css", "text/css; charset=utf-8", "a{}"),
    ],
)
async def test_files_are_told_as_what_they_are_and_run_nothing_else(
    app: App, path: str, kind: str, text: str
) -> None:
    """Nothing foreign is loaded by them, and they stand in no other page."""
    reply = await app.client.get(path)
    assert (reply.status_code, reply.text) == (200, text)
    assert reply.headers["content-type"] == kind
    assert reply.headers["content-security-policy"] == POLICY
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"


async def test_file_that_is_known_is_not_sent_again(app: App) -> None:
    """It is asked for each time: two releases' files do not mix."""
    first = await app.client.get("/console/main.js")
    assert first.headers["cache-control"] == "no-cache"
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = await app.client.get("/console/main.js", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    other = await app.client.get("/console/main.js", headers={"If-None-Match": '"other"'})
    assert other.status_code == 200
    assert (await app.client.get("/")).headers["etag"] != tag


@pytest.mark.parametrize(
    "name",
    [
        *("notes.md", "nothing.js", "", "vendor", "../secret.js", "..%2Fsecret.js"),
        *("%2e%2e/secret.js", "/etc/passwd", "main.js%00"),
    ],
)
async def test_nothing_else_is_shown(app: App, name: str) -> None:
    """Whatever a path means to a disk."""
    reply = await app.client.get(f"/console/{name}")
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_page_is_only_read(app: App, method: str) -> None:
    """Reload is the operator's own route."""
    assert (await app.client.request(method, "/")).status_code == 405


async def test_page_is_found_below_a_prefix(folder: Path) -> None:
    """Its addresses are relative, so that they need the slash at the end."""
    made = App(
        more=[console_page_router(folder)], prefixes=Prefixes("/serving", Proxies.of(["::1"]))
    )
    async with made.client as client:
        reply = await client.get("/serving")
        assert (reply.status_code, reply.headers["location"]) == (307, "/serving/")
        assert (await client.get("/serving/")).status_code == 200
        assert (await client.get("/serving/console/main.js")).status_code == 200
        assert (await client.get("/")).status_code == 200
    made.logs.close()


async def test_page_of_this_release_is_there() -> None:
    """With each file that it names."""
    made = App(more=[console_page_router()])
    async with made.client as client:
        for path in FOLDER.rglob("*"):
            if path.suffix in {".html", ".js", ".css", ".svg"}:
                name = path.relative_to(FOLDER).as_posix()
                assert (await client.get(f"/console/{name}")).content == path.read_bytes()
        assert (await client.get("/")).text.lower().startswith("<!doctype html>")
    made.logs.close()
