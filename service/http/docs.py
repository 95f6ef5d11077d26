"""`/docs`: a page to try what the document describes, of files that this service has itself.

It works without the internet and below any prefix: every address in it is relative. Nothing that is
not one of these files runs in it or is loaded by it.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Response

from service.http.errors import NotFound
from service.http.written import cut, reply
from service.processes.front.beside import Beside

_FOLDER: Final = Path(__file__).parent / "page"
_PAGE: Final = "docs.html"
_FILES: Final = {
    "swagger-ui.css": "text/css; charset=utf-8",
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "favicon-32x32.png": "image/png",
}
_SAFE: Final = {"x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}
# The images are within the style sheet and the script.
PAGE_HEADERS: Final[Mapping[str, str]] = _SAFE | {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}
"""Of a page of the service's own: it runs and loads nothing else, and stands in no other page."""
# They change with Podium alone.
_FILE_HEADERS: Final = _SAFE | {"cache-control": "max-age=3600"}


def page_router() -> APIRouter:
    """The page, and below it its files."""
    router = APIRouter(include_in_schema=False)
    beside = Beside("docs")

    @router.get("/docs")
    async def docs() -> Response:
        page = await beside.run(_read, _PAGE)
        return reply(cut([page]), "text/html; charset=utf-8", PAGE_HEADERS)

    @router.get("/docs/{name}")
    async def file(name: str) -> Response:
        if name not in _FILES:
            raise NotFound("Nothing is here. GET /docs lists what is.")
        return reply(cut([await beside.run(_read, name)]), _FILES[name], _FILE_HEADERS)

    return router


@cache
def _read(name: str) -> bytes:
    return (_FOLDER / name).read_bytes()
