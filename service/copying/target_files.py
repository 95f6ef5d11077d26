"""Where a copy's files are: a logged model in an experiment of the target's own.

Whoever may write to the experiment may alter the files; so it is one that trainings have no part
in. A logged model is READY once its files were read back, and were those that were meant, and says
in a tag for which model it was made: one experiment may have the copies of several.

What a copy has left that never came to its end is removed by the next one. What is READY may have
been registered since, under whatever name, also where this account may not look: nobody removes it
but the call that has made it. Nor are files of another digest removed within an hour: another call
may still be sending them, where the source was altered after this one has read it.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import mlflow.artifacts
from mlflow.entities import LoggedModel
from mlflow.store.entities.paged_list import PagedList

from service.copy_source import DIGEST_TAG, SOURCE_TAG, CopySource
from service.copying.made import Made
from service.promotion.stopped import undecided
from service.registry.store.manifest import digest_of, write_manifest
from service.registry.writer.faults import EXISTS, NOT_FOUND, WriteRefused, asked
from service.registry.writer.writer import Writer

_PAGE: Final = 100
_READY: Final = "READY"
# A server stores a file before it answers, which of a large one takes minutes
# (mlflow/server/handlers.py, _upload_artifact).
_ANSWERS: Final = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_UPLOAD_SECONDS: Final = 900
# MLflow's, of a file that says where it was downloaded as; no part of a model.
_OF_REGISTRY: Final = "registered_model_meta"
# Of a logged model: the registered model whose version it was made for.
_FOR: Final = "podium.for"
# A call that is killed leaves its files for so long, and one that runs sends them within it.
_SENDING_SECONDS: Final = 3600.0


def _asked_for(seconds: str | None) -> int:
    """What the operator allows; nothing where that is not a whole number, which MLflow refuses."""
    return int(seconds) if seconds is not None and seconds.strip().isdecimal() else 0


def experiment_of(name: str) -> str:
    """The experiment of copies that are versions of that model, unless another one is named."""
    return f"podium/copies/{name}"


@dataclass(frozen=True, slots=True)
class LeftFiles:
    """What a tidied experiment has still of copies of one version into one model.

    Attributes:
        unfinished: how many never came to their end, and may not be removed by this account.
        sending: how many may still be sent by another call, and were not removed.
        whole: the ids of those that are whole, and that no version has that this account may read.
    """

    unfinished: int
    sending: int
    whole: Sequence[str]


class TargetFiles:
    """Of the copies of one version into one model.

    Every method raises `WriteRefused` and `Unreachable`.

    Attributes:
        made: whether the experiment was made by this call, so that it is this account's.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one copy's
        self,
        writer: Writer,
        experiment: str,
        source: CopySource,
        to: str,
        told: Callable[[str], None],
        things: Made,
    ) -> None:
        """Looks for the experiment, and makes none."""
        self._writer = writer
        self._told = told
        self._name = experiment
        self._source = source
        self._to = to
        self._things = things
        self._sent: set[str] = set()
        self._id = self._found()
        self.made = False

    def ensure(self) -> None:
        """The experiment is there."""
        if self._id:
            return
        thing = f"the experiment {self._name}"
        with self._things.writing(thing):
            self._id, self.made = self._make()
        if not self.made:
            self._things.take_back(thing)

    def ready(self, digest: str) -> Iterator[str]:
        """Logged models of these files, the oldest first; versions may have them."""
        for each in self._all():
            if each.tags.get(DIGEST_TAG) == digest and str(each.status) == _READY:
                yield str(each.model_id)

    def upload(self, artifact: Path, digest: str) -> str:
        """A new logged model of these files; its id. Raises `MoveStopped` if they are altered."""
        tags = {SOURCE_TAG: self._source.text(), DIGEST_TAG: digest, _FOR: self._to}
        client, begun = self._writer.client, self._thing("unfinished")
        with self._things.writing(begun):
            made = asked(
                lambda: client.create_logged_model(self._id, "copy", tags=tags), self._needs("EDIT")
            )
        model_id = str(made.model_id)
        self._sent.add(model_id)
        self._things.take_back(begun)
        self._things.add(self._thing(model_id))
        try:
            self._filled(model_id, artifact, digest)
        except BaseException:
            self.remove(model_id)
            raise
        return model_id

    def holds(self, model_id: str, digest: str, folder: Path) -> bool:
        """Whether its files, read back, are those of that digest; nothing is left in the folder."""
        found = asked(lambda: self._writer.client.get_logged_model(model_id), self._needs("READ"))
        with tempfile.TemporaryDirectory(dir=folder) as place:
            back = Path(
                asked(
                    lambda: mlflow.artifacts.download_artifacts(
                        found.artifact_location, dst_path=place
                    ),
                    self._needs("READ"),
                )
            )
            with tempfile.TemporaryDirectory(dir=folder) as beside:
                manifest = Path(beside) / "manifest"
                write_manifest(back, manifest)
                return digest_of(manifest) == digest

    def remove(self, model_id: str) -> bool:
        """It is gone, as far as this account may do that; whether it is."""
        try:
            asked(lambda: self._writer.client.delete_logged_model(model_id), self._needs("MANAGE"))
        except WriteRefused as refused:
            if refused.code != NOT_FOUND:
                return False
        self._things.take_back(self._thing(model_id))
        return True

    def tidy(
        self, is_used: Callable[[str], bool], digest: str, clock: Callable[[], float] = time.time
    ) -> LeftFiles:
        """Removes what never came to its end, and what this call has made and no version has.

        `is_used` says whether any version has the files of a logged model; of this digest there is
        a version, so that whoever still sends them needs them no more.
        """
        begun_after = (clock() - _SENDING_SECONDS) * 1000
        gone: list[str] = []
        whole: list[str] = []
        sending = 0
        for each in [each for each in self._all() if not is_used(str(each.model_id))]:
            model_id, others = str(each.model_id), each.tags.get(DIGEST_TAG) != digest
            if model_id in self._sent:
                gone.append(model_id)
            elif str(each.status) == _READY:
                whole.append(model_id)
            elif others and each.creation_timestamp > begun_after:
                sending += 1
            else:
                gone.append(model_id)
        return LeftFiles(sum(not self.remove(each) for each in gone), sending, whole)

    def _filled(self, model_id: str, artifact: Path, digest: str) -> None:
        (artifact / _OF_REGISTRY).unlink(missing_ok=True)
        os.environ[_ANSWERS] = str(max(_UPLOAD_SECONDS, _asked_for(os.environ.get(_ANSWERS))))
        client = self._writer.client
        asked(lambda: client.log_model_artifacts(model_id, str(artifact)), self._needs("EDIT"))
        self._told("reading the files back")
        if not self.holds(model_id, digest, artifact.parent):
            raise undecided(
                "arrived_altered",
                f"the files are not in the experiment {self._name} as they were sent there",
            )
        asked(lambda: client.finalize_logged_model(model_id, _READY), self._needs("EDIT"))

    def _all(self) -> Iterator[LoggedModel]:
        """Of this source, and for this model, the oldest first."""
        wanted = {SOURCE_TAG: self._source.text(), _FOR: self._to}.items()
        found = [each for each in self._pages() if wanted <= each.tags.items()]
        return iter(sorted(found, key=lambda each: int(each.creation_timestamp)))

    def _pages(self) -> Iterator[LoggedModel]:
        token: str | None = None
        while self._id:
            page = self._page(token)
            yield from page
            token = page.token
            if not token:
                return

    def _page(self, token: str | None) -> PagedList[LoggedModel]:
        search = self._writer.client.search_logged_models
        return asked(
            lambda: search([self._id], max_results=_PAGE, page_token=token), self._needs("READ")
        )

    def _found(self) -> str:
        """Its id; empty where there is none."""
        client, name = self._writer.client, self._name
        found = asked(lambda: client.get_experiment_by_name(name), self._needs("READ"))
        if found is not None and found.lifecycle_stage != "active":
            raise WriteRefused(
                f"the experiment {name} was deleted: bring it back with "
                f"mlflow experiments restore --experiment-id {found.experiment_id}"
            )
        return "" if found is None else str(found.experiment_id)

    def _make(self) -> tuple[str, bool]:
        client, name = self._writer.client, self._name
        needs = f"to be allowed to make the experiment {name}"
        try:
            return str(asked(lambda: client.create_experiment(name), needs)), True
        except WriteRefused as refused:
            again = asked(lambda: client.get_experiment_by_name(name), self._needs("READ"))
            if refused.code != EXISTS or again is None:
                raise
            return str(again.experiment_id), False

    def _thing(self, model_id: str) -> str:
        return f"files in the experiment {self._name} ({model_id})"

    def _needs(self, permission: str) -> str:
        return f"{permission} on the experiment {self._name}"


def notes_of_left(left: LeftFiles, experiment: str) -> Sequence[str]:
    """Of what is still in the experiment, of copies of one version."""
    notes: list[str] = []
    if left.unfinished:
        notes.append(
            f"{left.unfinished} unfinished copies are left in the experiment {experiment}: this "
            "account may not remove them"
        )
    if left.sending:
        notes.append(
            f"{left.sending} copies of other files of the source, begun within the hour, may still "
            f"be sent to the experiment {experiment}: what is older is removed by a later call"
        )
    if left.whole:
        notes.append(
            f"{', '.join(left.whole)} in the experiment {experiment} have files that an "
            "earlier copy has left, and no version that this account may read has them: "
            "MlflowClient().delete_logged_model removes them, once you know of no other"
        )
    return notes


def note_of_made_model(name: str) -> str:
    """It was not there before."""
    return (
        f"the model {name} was not there, and was made: with accounts on the server, this one may "
        "MANAGE it, and others need grants"
    )


def note_of_made_experiment(name: str) -> str:
    """It was not there before."""
    return (
        f"the experiment {name} was not there, and was made: with accounts on the server, this one "
        "may MANAGE it; who serves the copy needs READ there, and whoever may EDIT it may alter "
        "the files"
    )
