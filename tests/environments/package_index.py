"""A package index of a few tiny wheels, served by a thread of the tests, or lying in a folder."""

import base64
import contextlib
import hashlib
import io
import json
import ssl
import threading
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.http_server import Request, Response, http_server

_SIMPLE = "application/vnd.pypi.simple.v1+json"
# What hosts need beside what a version names.
HOSTS = (("mlflow-skinny", "2.20"), ("numpy", "2.0"), ("orjson", "3.11"), ("pandas", "2.2"))


def wheel(
    name: str,
    version: str,
    needs: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    *,
    recorded: Mapping[str, str] | None = None,
) -> bytes:
    """A wheel with one module; its RECORD says that files hold what is `recorded`."""
    module = name.replace("-", "_")
    about = f"{module}-{version}.dist-info"
    content = {
        **(files or {f"{module}.py": f"VERSION = {version!r}\n"}),
        f"{about}/METADATA": "\n".join(
            [
                *("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"),
                *(f"Requires-Dist: {each}" for each in needs),
                "",
            ]
        ),
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = [_recorded(path, (recorded or {}).get(path, text)) for path, text in content.items()]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
        archive.writestr(
            zipfile.ZipInfo(f"{about}/RECORD"), "".join([*record, f"{about}/RECORD,,\n"])
        )
    return packed.getvalue()


def _recorded(path: str, text: str) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(text.encode())}\n"


@dataclass(slots=True)
class PackageFile:
    """One file of an index; `announced` is the hash that the index says it has."""

    name: str
    project: str
    content: bytes
    uploaded: str | None
    announced: str = ""

    @property
    def digest(self) -> str:
        """Its own hash."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def metadata(self) -> bytes | None:
        """What a wheel says of itself (PEP 658)."""
        if not self.name.endswith(".whl"):
            return None
        with zipfile.ZipFile(io.BytesIO(self.content)) as archive:
            (name,) = (each for each in archive.namelist() if each.endswith("/METADATA"))
            return archive.read(name)


@dataclass(slots=True)
class PackageIndex:
    """What an index holds, whom it answers, and what it was asked.

    Attributes:
        account: `USER:PASSWORD` that it asks for; empty: nobody's.
        status: what it answers everything with, unless 200.
        gate: requests wait there; open at first.
        held: the end of the paths of those that wait; empty: of all.
        waiting: set as soon as one does.
    """

    files: dict[str, PackageFile] = field(default_factory=dict)
    account: str = ""
    status: int = 200
    gate: threading.Event = field(default_factory=threading.Event)
    held: str = ""
    waiting: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def add(  # noqa: PLR0913 - each is one thing that an index says of a file
        self,
        name: str,
        version: str,
        needs: Sequence[str] = (),
        *,
        uploaded: str | None = "2024-01-01T00:00:00Z",
        tag: str = "py3-none-any",
        content: bytes | None = None,
    ) -> PackageFile:
        """A wheel, tiny unless its content is given."""
        file = f"{name.replace('-', '_')}-{version}-{tag}.whl"
        content = wheel(name, version, needs) if content is None else content
        found = self.files[file] = PackageFile(file, name, content, uploaded)
        return found

    def add_source(self, name: str, version: str, content: bytes = b"none") -> None:
        """A package without a wheel."""
        file = f"{name}-{version}.tar.gz"
        self.files[file] = PackageFile(file, name, content, "2024-01-01T00:00:00Z")

    def into(self, folder: Path) -> Path:
        """Its wheels as files in that folder."""
        folder.mkdir(exist_ok=True)
        for name, file in self.files.items():
            (folder / name).write_bytes(file.content)
        return folder

    def answer(self, request: Request) -> Response:
        """As PEP 503, 691 and 700 say."""
        self.asked.append(request.path)
        if not self.gate.is_set() and request.path.endswith(self.held):
            self.waiting.set()
            self.gate.wait(200)
        if self.status != 200:
            return Response(b"no", self.status, {"Content-Type": "text/plain"})
        if self.account and not self._is_known(request):
            return Response(b"", 401, {"WWW-Authenticate": "Basic", "Content-Type": "text/plain"})
        _, kind, name, *_ = [*request.path.split("/"), ""]
        if kind == "files" and (content := self._content(name)) is not None:
            return Response(content, 200, {"Content-Type": "application/octet-stream"})
        found = [self._told(each) for each in self.files.values() if each.project == name]
        if kind != "simple" or not found:
            return Response(b"", 404, {"Content-Type": "text/plain"})
        page = {"meta": {"api-version": "1.1"}, "name": name, "files": found, "versions": []}
        return Response(json.dumps(page).encode(), 200, {"Content-Type": _SIMPLE})

    def _content(self, name: str) -> bytes | None:
        if name.endswith(".metadata"):
            return self.files[name.removesuffix(".metadata")].metadata
        return self.files[name].content if name in self.files else None

    def _is_known(self, request: Request) -> bool:
        known = base64.b64encode(self.account.encode()).decode()
        headers = {name.lower(): value for name, value in request.headers.items()}
        return headers.get("authorization") == f"Basic {known}"

    def _told(self, file: PackageFile) -> dict[str, object]:
        return {
            "filename": file.name,
            "url": f"/files/{file.name}",
            "hashes": {"sha256": file.announced or file.digest},
            "core-metadata": file.metadata is not None,
            **({} if file.uploaded is None else {"upload-time": file.uploaded}),
        }


@contextlib.contextmanager
def package_index(
    *, of_hosts: bool = True, tls: ssl.SSLContext | None = None
) -> Iterator[PackageIndex]:
    """An index that answers, with what hosts need; `url` is where it is asked."""
    index = PackageIndex()
    index.gate.set()
    for name, version in HOSTS if of_hosts else ():
        index.add(name, version)
    with http_server(index.answer, tls=tls) as url:
        index.url = f"{url}/simple"
        yield index
        index.gate.set()
