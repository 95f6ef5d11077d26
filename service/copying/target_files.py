"""Where a copy's files are: a logged model in an experiment of the target's own.

Whoever may write to the experiment may alter the files; so it is one that trainings have no part
in. A logged model is READY once its files were read back, and were those that were meant. One that
no version names is what a copy has left that never came to its end, or that came second.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import mlflow.artifacts
from mlflow.entities import LoggedModel
from mlflow.store.entities.paged_list import PagedList

from service.copy_source import DIGEST_TAG, SOURCE_TAG, CopySource
from service.promotion.stopped import undecided
from service.registry.store.digest import digest_of
from service.registry.store.manifest import write_manifest
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


def _asked_for(seconds: str | None) -> int:
    """What the operator allows; nothing where that is not a whole number, which MLflow refuses."""
    return int(seconds) if seconds is not None and seconds.strip().isdecimal() else 0


def experiment_of(name: str) -> str:
    """The experiment of copies that are versions of that model, unless another one is named."""
    return f"podium/copies/{name}"


class TargetFiles:
    """Of the copies of one version; every method raises `WriteRefused` and `Unreachable`.

    Attributes:
        made: whether the experiment was made now, so that it is this account's.
    """

    def __init__(
        self, writer: Writer, experiment: str, source: CopySource, told: Callable[[str], None]
    ) -> None:
        self._writer = writer
        self._told = told
        self._name = experiment
        self._source = source
        self._id, self.made = self._experiment()

    def ready(self, digest: str) -> Iterator[str]:
        """Logged models of these files that no copy has been told of yet, the oldest first."""
        for each in self._all():
            if each.tags.get(DIGEST_TAG) == digest and str(each.status) == _READY:
                yield str(each.model_id)

    def upload(self, artifact: Path, digest: str) -> str:
        """A new logged model of these files; its id. Raises `MoveStopped` if they are altered."""
        tags = {SOURCE_TAG: self._source.text(), DIGEST_TAG: digest}
        made = asked(
            lambda: self._writer.client.create_logged_model(self._id, "copy", tags=tags),
            self._needs("EDIT"),
        )
        model_id = str(made.model_id)
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
            return refused.code == NOT_FOUND
        return True

    def tidy(self, named: Sequence[str]) -> int:
        """Removes those that no version names; how many are left, since this account may not."""
        left = [str(each.model_id) for each in self._all() if str(each.model_id) not in named]
        return sum(not self.remove(each) for each in left)

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
        """Of this source, the oldest first."""
        text = self._source.text()
        found = [each for each in self._pages() if each.tags.get(SOURCE_TAG) == text]
        return iter(sorted(found, key=lambda each: int(each.creation_timestamp)))

    def _pages(self) -> Iterator[LoggedModel]:
        token: str | None = None
        while True:
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

    def _experiment(self) -> tuple[str, bool]:
        client, name = self._writer.client, self._name
        found = asked(lambda: client.get_experiment_by_name(name), self._needs("READ"))
        if found is not None:
            if found.lifecycle_stage != "active":
                raise WriteRefused(
                    f"the experiment {name} was deleted: bring it back with "
                    f"mlflow experiments restore --experiment-id {found.experiment_id}"
                )
            return str(found.experiment_id), False
        needs = f"to be allowed to make the experiment {name}"
        try:
            return str(asked(lambda: client.create_experiment(name), needs)), True
        except WriteRefused as refused:
            again = asked(lambda: client.get_experiment_by_name(name), self._needs("READ"))
            if refused.code != EXISTS or again is None:
                raise
            return str(again.experiment_id), False

    def _needs(self, permission: str) -> str:
        return f"{permission} on the experiment {self._name}"
