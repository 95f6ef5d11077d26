"""`/` and below `/console/` its files: the operator's page, of files that this service has itself.

It works without the internet and below any prefix: every address in it is relative. Nothing that is
not one of these files runs in it or is loaded by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from service.config.prefix import PREFIX
from service.http.docs import PAGE_HEADERS
from service.http.errors import NotFound
from service.http.written import cut, reply
from service.processes.front.beside import Beside

FOLDER: Final = Path(__file__).parent / "static"
INDEX: Final = "index.html"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
_NOT_MODIFIED: Final = 304


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of the page, as it was when it was first asked for.

    Attributes:
        text: all of it.
        headers: what it is, and by which word one knows whether it has changed.
    """

    text: bytes
    headers: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> "PageFile":
        """Blocks."""
        text = path.read_bytes()
        # Asked for each time, and answered with nothing but that it is the same: whoever has an
        # older release's page open must not mix the files of two.
        tag = {"etag": f'"{sha256(text).hexdigest()[:32]}"', "cache-control": "no-cache"}
        return cls(text, {**PAGE_HEADERS, **tag, "content-type": _TYPES[path.suffix]})

    def answer(self, request: Request) -> Response:
        """The file, unless who asks has it."""
        known = request.headers.get("if-none-match", "")
        if self.headers["etag"] in [each.strip().removeprefix("W/") for each in known.split(",")]:
            return Response(status_code=_NOT_MODIFIED, headers=dict(self.headers))
        kind = self.headers["content-type"]
        return reply(cut([self.text]), kind, self.headers)


def console_page_router(folder: Path = FOLDER) -> APIRouter:
    """The page of that folder, and its files; asked for without a key."""
    router = APIRouter(include_in_schema=False)
    beside = Beside("page")

    @router.get("/")
    async def page(request: Request) -> Response:
        path = request.scope.get("raw_path") or b"/"
        if not path.partition(b"?")[0].endswith(b"/"):
            # Below it every relative address would lack the last part of a proxy's prefix.
            return RedirectResponse(f"{request.scope.get(PREFIX, '')}/")
        return (await beside.run(_file, folder, INDEX)).answer(request)

    @router.get("/console/{name:path}")
    async def file(request: Request, name: str) -> Response:
        return (await beside.run(_file, folder, name)).answer(request)

    return router


@cache
def _listed(folder: Path) -> Mapping[str, Path]:
    found = (path for path in folder.rglob("*") if path.suffix in _TYPES and path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def _file(folder: Path, name: str) -> PageFile:
    """Raises `NotFound` for what is none of the folder's files, whatever its path means."""
    path = _listed(folder).get(name)
    if path is None:
        raise NotFound("Nothing is here. GET / is the console.")
    return _read_once(path)


@cache
def _read_once(path: Path) -> PageFile:
    return PageFile.read(path)
