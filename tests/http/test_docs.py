"""The page to try predictions: of files that the service has itself, and of nothing else."""

import re

import pytest

from service.http.docs import _FILES, _FOLDER
from tests.http.app import App

OWN = ("docs.html", "page.js")


async def test_o10_page_and_its_files_are_the_services_own(app: App) -> None:
    """Each address in it is relative, and answered."""
    page = await app.client.get("/docs")
    found = re.findall(r"""(?:src|href|data-document)=['"]([^'"]+)['"]""", page.text)
    assert set(found) == {"openapi.json", *(f"docs/{name}" for name in _FILES)}
    for address in found:
        reply = await app.client.get(f"/{address}")
        assert reply.status_code == 200
        assert len(reply.content) == int(reply.headers["content-length"]) > 0


@pytest.mark.parametrize("name", OWN)
def test_o10_nothing_is_loaded_from_elsewhere(name: str) -> None:
    """No address with a host stands in what is Podium's own."""
    assert "://" not in (_FOLDER / name).read_text()


async def test_o10_browser_runs_and_loads_nothing_else(app: App) -> None:
    """Nor does it let the page be framed, whatever stands in a model's name."""
    headers = (await app.client.get("/docs")).headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["README.txt", "..%2Fdocs.py", "docs.html", "nothing"])
async def test_o10_no_other_file_is_shown(app: App, name: str) -> None:
    """404, in Podium's shape."""
    reply = await app.client.get(f"/docs/{name}")
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


def test_o10_licence_and_version_of_what_is_others_stand_beside_it() -> None:
    """As its licence asks for."""
    assert "Apache License" in (_FOLDER / "LICENSE-swagger-ui").read_text()
    assert "SmartBear" in (_FOLDER / "NOTICE-swagger-ui").read_text()
    version = re.search(r"swagger-ui-dist (\d+\.\d+\.\d+)", (_FOLDER / "README.txt").read_text())
    assert version is not None
    assert version[1] in (_FOLDER / "swagger-ui-bundle.js").read_text()
