"""One version is in another registered model: its files, verified; or a link to them.

Every call looks first what is there, so that the next one goes on where one was killed, and what is
there already is found. Nothing is registered before its files were read back from where they are.

MLflow makes as many versions as it is asked for. Of two copies at once, each looks again after it
has registered its own: whoever has the higher number sees the lower one, and takes its own away.
One that was killed before it could is told by every later call, and is left: it may serve by then.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal, Protocol

from mlflow.entities.model_registry import ModelVersion

from service.config.settings import Settings
from service.copy_source import DIGEST_TAG, SOURCE_TAG, CopySource
from service.copying.made import Made
from service.copying.mlflow_server import MlflowServer
from service.copying.original import Original, original_of
from service.copying.target_files import (
    TargetFiles,
    experiment_of,
    note_of_made_experiment,
    note_of_made_model,
    notes_of_left,
)
from service.copying.target_model import TargetModel, tagged_late
from service.promotion.registry_bytes import fetched_into
from service.promotion.stopped import refused
from service.promotion.validated import unfit
from service.refs import VersionId
from service.registry.writer.faults import WriteRefused
from service.registry.writer.writer import NamedVersion, NumberedVersion, Writer
from service.working_folder import working_folder

# A logged model, which has files; versions that link to another one have its name and number.
_LOGGED: Final = re.compile(r"models:/[^/]+")
LINK_TAG: Final = "podium.linked"
"""Of a version without files of its own: `yes`."""


@dataclass(frozen=True, slots=True)
class CopyWish:
    """What is to be copied, and to where.

    Attributes:
        to: the name of the registered model.
        tags: keys of the source's tags that come along.
        marks: tags that the copy gets beside those.
        experiment: for the files; empty: one of the target's own.
        linked: the copy has no files of its own.
    """

    version: NamedVersion
    to: str
    tags: tuple[str, ...] = ()
    marks: Mapping[str, str] = field(default_factory=dict)
    experiment: str = ""
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Copied:
    """The version that is a copy now.

    Attributes:
        outcome: `already`: an earlier call, or one at the same time, has made it.
        version: its number.
        digest: of its files; empty for a link.
        experiment: that this call has put its files into; empty for a link, and for a copy that
            was there before.
        notes: what else an operator should know, as sentences.
    """

    outcome: Literal["copied", "already"]
    source: CopySource
    version: str
    digest: str
    experiment: str
    notes: tuple[str, ...] = ()


class FilesToCopy(Protocol):
    """A version's files on this machine, whole."""

    @property
    def path(self) -> Path:
        """Their folder."""
        ...

    @property
    def digest(self) -> str:
        """By `service.registry.store.manifest`."""
        ...


FetchesFiles = Callable[[Path, VersionId, Settings, Mapping[str, str]], FilesToCopy]
"""As `service.promotion.registry_bytes.fetched_into`."""


@dataclass(frozen=True, slots=True)
class CopyServers:
    """From where to where; both may be one server."""

    source: MlflowServer
    target: MlflowServer


def copy_version(  # noqa: PLR0913 - one call's
    servers: CopyServers,
    wish: CopyWish,
    settings: Settings,
    told: Callable[[str], None],
    fetch: FetchesFiles = fetched_into,
    *,
    clock: Callable[[], float] = time.time,
) -> Copied:
    """The version is in that model, under a number of its own, and nothing points at it.

    By the settings' home, where there is room for the files, and their status tag, which says
    pending. Each step is told before it is taken. Raises `MoveStopped`, `WriteRefused`,
    `Unreachable`, `KeyboardInterrupt` and `HomeUnusable`; where it has made anything by then, a
    `MoveStopped` of exit status 4 that names it. Whatever has become of one, the same call may be
    made again.
    """
    with servers.source.asked() as writer:
        original = original_of(writer, wish.version, wish.tags)
        asked_at = writer.server()
    with servers.target.asked() as writer:
        where = "" if writer.server() == asked_at else asked_at
        source = CopySource(original.version.name, original.version.number, where)
        TargetModel(writer, wish.to).look()
        if original.version.name == wish.to and (not where or _has(writer, original)):
            raise refused("same_model", f"{wish.to} is the model itself, not another one")
    copying = _Copying(servers, wish, original, source, settings, told, fetch, clock)
    return copying.linked() if wish.linked else copying.copied()


@dataclass(frozen=True)
class _Copying:
    servers: CopyServers
    wish: CopyWish
    original: Original
    source: CopySource
    settings: Settings
    told: Callable[[str], None]
    fetch: FetchesFiles
    clock: Callable[[], float]
    made: Made = field(default_factory=Made)

    def linked(self) -> Copied:
        if self.source.server:
            raise refused(
                "other_server", "a link leads to files of its own server: leave out --link"
            )
        with self.servers.target.asked() as writer, self.made.telling():
            model = TargetModel(writer, self.wish.to)
            made = self._ensured(model)
            there = _linked_of(model, self.source)
            if there is None:
                self.told("registering the link")
                number = self._registered(model, self.source.text(), {LINK_TAG: "yes"})
                copied = self._settled(model, number, _linked_of, "", made=made)
                return self._tagged(model, copied)
            _require_free(there)
            copied = Copied("already", self.source, str(there.version), "", "")
            return self._tagged(model, copied)

    def copied(self) -> Copied:
        with working_folder(self.settings) as folder:
            self.told(f"downloading {self.source.name} {self.source.version}")
            files = self.fetch(
                folder / "source",
                self.original.version.id,
                self.settings,
                self.servers.source.environment,
            )
            with self.servers.target.asked() as writer, self.made.telling():
                return self._put(writer, folder, files.path, files.digest)

    def _put(self, writer: Writer, folder: Path, artifact: Path, digest: str) -> Copied:
        model = TargetModel(writer, self.wish.to)
        there = _copy_of(digest)(model, self.source)
        if there is not None:
            return self._found(writer, folder, there, digest)
        files = self._files(writer)
        files.ensure()
        try:
            model_id = self._uploaded(model, files, folder, (artifact, digest))
            made = self._ensured(model)
            there = _copy_of(digest)(model, self.source)
            if there is None:
                self.told("registering the version")
                own = {DIGEST_TAG: digest}
                run = "" if self.source.server else self.original.run
                place = f"models:/{model_id}"
                number = self._registered(model, place, own, run, model_id)
                copied = self._settled(model, number, _copy_of(digest), digest, made=made)
            else:
                copied = Copied("already", self.source, str(there.version), digest, "")
        except WriteRefused:
            # Another copy of it, which has come to its end first, has taken away what this one had.
            there = _copy_of(digest)(model, self.source)
            if there is None:
                raise
            copied = Copied("already", self.source, str(there.version), digest, "")
        return self._tidied(model, files, self._tagged(model, copied))

    def _tagged(self, model: TargetModel, copied: Copied) -> Copied:
        """With what was asked for, also where another call has made it."""
        if copied.outcome == "copied":
            return copied
        notes = tagged_late(model, copied.version, self.original.tags, self.made)
        return replace(copied, notes=(*copied.notes, *notes))

    def _files(self, writer: Writer) -> TargetFiles:
        experiment, to = self._experiment, self.wish.to
        return TargetFiles(writer, experiment, self.source, to, self.told, self.made)

    def _ensured(self, model: TargetModel) -> bool:
        if model.look() is None:
            return False
        thing = f"the model {model.name}"
        with self.made.writing(thing):
            made = model.ensure()
        if not made:
            self.made.take_back(thing)
        return made

    def _registered(
        self,
        model: TargetModel,
        place: str,
        own: Mapping[str, str],
        run: str = "",
        model_id: str | None = None,
    ) -> str:
        begun, tags = "a version", self._tags(own)
        with self.made.writing(begun):
            number = model.register(place, tags, self.original.description, run, model_id)
        self.made.take_back(begun)
        self.made.add(_version(number))
        return number

    def _uploaded(
        self, model: TargetModel, files: TargetFiles, folder: Path, sent: tuple[Path, str]
    ) -> str:
        artifact, digest = sent
        for model_id in files.ready(digest):
            if model.is_used(model_id):
                continue
            self.told("comparing the files that an earlier copy has left")
            if files.holds(model_id, digest, folder):
                return model_id
        self.told(f"uploading to the experiment {self._experiment}")
        return files.upload(artifact, digest)

    def _found(self, writer: Writer, folder: Path, there: ModelVersion, digest: str) -> Copied:
        model, number = TargetModel(writer, self.wish.to), str(there.version)
        self.told(f"comparing {self.wish.to} {number}, which is a copy of it")
        created = writer.aliases(self.wish.to).created
        version = VersionId(self.wish.to, created, number)
        now = self.fetch(folder / "copy", version, self.settings, self.servers.target.environment)
        if now.digest != digest:
            raise refused(
                "copy_altered",
                f"{self.wish.to} {number} was copied from it, and its files were altered since: "
                f"copied {digest[:12]}, in the registry {now.digest[:12]}. Find out by whom, and "
                "delete that version, which takes MANAGE; then copy again",
            )
        _require_free(there)
        copied = Copied("already", self.source, number, digest, "", self._twice(model, there))
        copied = self._tagged(model, copied)
        try:
            return replace(self._tidied(model, self._files(writer), copied), experiment="")
        except WriteRefused as refusal:
            left = f"what unfinished copies may have left was not looked for: {refusal}"
            return replace(copied, notes=(*copied.notes, left))

    def _twice(self, model: TargetModel, there: ModelVersion) -> tuple[str, ...]:
        """Of a version that a copy at the same time has made, and not taken away again."""
        digest = there.tags[DIGEST_TAG]
        also = [
            str(each.version)
            for each in model.copies_of(self.source)
            if _is_copy(each, digest) and each.version != there.version
        ]
        return tuple(
            f"version {number} is another copy of these files, made at the same time: delete it, "
            "unless an alias is on it"
            for number in also
        )

    def _settled(
        self,
        model: TargetModel,
        number: str,
        find: Callable[[TargetModel, CopySource], ModelVersion | None],
        digest: str,
        *,
        made: bool,
    ) -> Copied:
        experiment = self._experiment if digest else ""
        notes = (note_of_made_model(model.name),) if made else ()
        first = find(model, self.source)
        if first is None or str(first.version) == number:
            return Copied("copied", self.source, number, digest, experiment, notes)
        try:
            model.remove(number)
            self.made.take_back(_version(number))
        except WriteRefused as refusal:
            twice = f"version {number} was made at the same time, and is to be deleted: {refusal}"
            notes = (*notes, twice)
        return Copied("already", self.source, str(first.version), digest, experiment, notes)

    def _tidied(self, model: TargetModel, files: TargetFiles, copied: Copied) -> Copied:
        """Without what nobody needs any more, as far as this account may remove it."""
        self.told("removing what unfinished copies have left")
        left = files.tidy(model.is_used, copied.digest, self.clock)
        notes = list(copied.notes)
        if files.made:
            notes.append(note_of_made_experiment(self._experiment))
        notes += notes_of_left(left, self._experiment)
        return replace(copied, experiment=self._experiment, notes=tuple(notes))

    @property
    def _experiment(self) -> str:
        return self.wish.experiment or experiment_of(self.wish.to)

    def _tags(self, own: Mapping[str, str]) -> Mapping[str, str]:
        status = self.settings.status_tag
        return {
            **self.original.tags,
            **self.wish.marks,
            status.key: status.pending,
            SOURCE_TAG: self.source.text(),
            **own,
        }


def _copy_of(digest: str) -> Callable[[TargetModel, CopySource], ModelVersion | None]:
    """The oldest copy of these files; tags also travel with links that MLflow's page makes."""

    def find(model: TargetModel, source: CopySource) -> ModelVersion | None:
        return next((each for each in model.copies_of(source) if _is_copy(each, digest)), None)

    return find


def _is_copy(version: ModelVersion, digest: str) -> bool:
    is_own = _LOGGED.fullmatch(str(version.source)) is not None
    return is_own and version.tags.get(DIGEST_TAG) == digest


def _has(writer: Writer, original: Original) -> bool:
    """Whether that server has the very version: it is the same one, by another address."""
    wanted = original.version
    try:
        found = writer.version_of(NumberedVersion(wanted.name, wanted.number))
    except WriteRefused:
        return False
    return (found.created, found.source) == (wanted.created, wanted.source)


def _require_free(there: ModelVersion) -> None:
    """Raises `MoveStopped` where an operator has said that the copy is to serve nobody."""
    if found := unfit(there.tags):
        code, why = found
        raise refused(code, f"{there.name} {there.version} is made from it already, and {why}")


def _linked_of(model: TargetModel, source: CopySource) -> ModelVersion | None:
    found = (each for each in model.copies_of(source) if each.source == source.text())
    return next((each for each in found if LINK_TAG in each.tags), None)


def _version(number: str) -> str:
    return f"version {number}"
