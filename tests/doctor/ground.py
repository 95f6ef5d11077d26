"""A set-up in which nothing is wrong yet, what is broken in it, and how a mend is carried out."""

import json
import re
import shlex
import ssl
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from service.exits import DONE, REFUSED
from tests.promotion.test_commands import podium
from tests.support.documents import ROOT
from tests.support.http_server import Between, Response, http_server
from tests.support.registered import Registry

NAME: Final = "wine"
_SCHEMA: Final = json.loads((ROOT / "docs/schemas/doctor.json").read_text())


@dataclass
class Ground:
    """A registry with one model that can be served, and what a service there is started with.

    Attributes:
        saved: the model's files.
        fixture: a fixture of pytest's, by its name; what is slow is made where it is needed.
        arguments: of the command.
    """

    registry: Registry
    folder: Path
    saved: Path
    fixture: Callable[[str], Any]
    variables: dict[str, str]
    arguments: list[str] = field(default_factory=list)

    def ask(self, tracking_uri: str) -> None:
        """A server is asked, which has the same model under a name of its own."""
        name = f"{NAME}-{self.folder.name}"
        self.registry = Registry(tracking_uri, name)
        self.registry.move("champion", self.registry.log(self.saved))
        self.variables["MLFLOW_TRACKING_URI"] = tracking_uri
        self.variables["PODIUM_MODELS"] = f"{name}@champion"

    def examined(self) -> list[dict[str, str]]:
        """What the command finds; its status and its schema are looked at too."""
        others = {**self.variables}
        uri = others.pop("MLFLOW_TRACKING_URI", "")
        done = podium("doctor", "--json", *self.arguments, uri=uri, **others)
        assert done.exit_code in {DONE, REFUSED}, done.output
        report = json.loads(done.stdout)
        Draft202012Validator(_SCHEMA).validate(report)
        assert report["status"] == done.exit_code == (REFUSED if report["troubles"] else DONE)
        assert (report["code"], report["sentence"]) == ("told", ""), done.output
        found: list[dict[str, str]] = report["troubles"]
        return found

    def type_what_is_told(self, sentence: str, **filled: str) -> None:
        """Every command of the sentence, as it stands there; what is in capitals is filled in."""
        commands = re.findall(r"`podium ([^`]+)`", sentence)
        assert commands, sentence
        others = {**self.variables}
        uri = others.pop("MLFLOW_TRACKING_URI", "")
        for command in commands:
            words = [filled.get(word, word) for word in shlex.split(command)]
            done = podium(*words, uri=uri, **others)
            assert done.exit_code == DONE, done.output


@dataclass(frozen=True)
class Broken:
    """What the command has to say of it, and what whoever reads that does.

    Attributes:
        says: what stands in the sentence and is done, as a regular expression.
        mend: given what was found by it.
    """

    subject: str
    code: str
    says: str
    mend: Callable[[re.Match[str]], object]


Breaking = Callable[[Ground], AbstractContextManager[Broken]]


@contextmanager
def handed_on(
    server: str,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
    changed: Callable[[Response], Response] = lambda response: response,
) -> Iterator[str]:
    """The address of somebody who hands everything on to that server, and its answers back."""
    between = Between(server)
    try:
        with http_server(lambda request: changed(between(request)), port, tls) as url:
            yield url
    finally:
        between.close()
