"""The registered model that copies are put into: made if it is absent, and searched for copies.

A copy that was there before tags of its source were asked for gets them late.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from mlflow.entities.model_registry import ModelVersion
from mlflow.store.entities.paged_list import PagedList

from service.copy_source import SOURCE_TAG, CopySource
from service.copying.made import Made
from service.copying.original import refuse_prompt
from service.registry.writer.faults import EXISTS, NOT_FOUND, WriteRefused, asked
from service.registry.writer.writer import Writer

_PAGE: Final = 1000
# To an account that may not read it, a server with accounts does not say whether it is there.
_MAYBE_ABSENT: Final = frozenset({NOT_FOUND, "PERMISSION_DENIED"})


class TargetModel:
    """One name; every method raises `WriteRefused` and `Unreachable`."""

    def __init__(self, writer: Writer, name: str) -> None:
        self._writer = writer
        self.name = name

    def look(self) -> WriteRefused | None:
        """Why it is not known to be there; None if it is. Raises `MoveStopped` for a prompt.

        So the server answers, and knows the account.
        """
        client, name = self._writer.client, self.name
        refuse_prompt(self._writer, name)
        try:
            asked(lambda: client.get_registered_model(name), f"READ on the model {name}")
        except WriteRefused as absent:
            if absent.code not in _MAYBE_ABSENT:
                raise
            return absent
        return None

    def ensure(self) -> bool:
        """It is there; whether it was made now, so that it is this account's."""
        absent = self.look()
        return absent is not None and self._make(absent)

    def _make(self, absent: WriteRefused) -> bool:
        client, name = self._writer.client, self.name
        needs = f"to be allowed to make the model {name}, or READ and EDIT on it"
        try:
            asked(lambda: client.create_registered_model(name), needs)
        except WriteRefused as refused:
            if refused.code != EXISTS:
                raise
            # Somebody else has made it meanwhile, or it was there and may not be read.
            if absent.code == NOT_FOUND:
                return False
            raise absent from refused
        return True

    def copies_of(self, source: CopySource) -> Sequence[ModelVersion]:
        """Its versions that say that they were made from that one, the oldest first."""
        text = source.text()
        # A name may hold quotes, which MLflow's filters know no way to write.
        exactly = f"= '{text}'" if "'" not in text else "LIKE 'models:/%'"
        found = [
            each
            for each in self._versions(f"tags.`{SOURCE_TAG}` {exactly}")
            if each.name == self.name and each.tags.get(SOURCE_TAG) == text
        ]
        return sorted(found, key=lambda each: int(each.version))

    def is_used(self, model_id: str) -> bool:
        """Whether a version of any model that this account may read has that one's files."""
        return any(True for _ in self._versions(f"source_path = 'models:/{model_id}'"))

    def _versions(self, wanted: str) -> Iterator[ModelVersion]:
        token: str | None = None
        while True:
            page = self._page(wanted, token)
            yield from page
            token = page.token
            if not token:
                return

    def _page(self, wanted: str, token: str | None) -> PagedList[ModelVersion]:
        search = self._writer.client.search_model_versions
        return asked(
            lambda: search(wanted, _PAGE, page_token=token), f"READ on the model {self.name}"
        )

    def register(
        self,
        place: str,
        tags: Mapping[str, str],
        description: str,
        run: str = "",
        model_id: str | None = None,
    ) -> str:
        """A new version whose files are at that place; its number."""
        made = asked(
            lambda: self._writer.client.create_model_version(
                self.name,
                place,
                run_id=run or None,
                tags=dict(tags),
                description=description or None,
                # Only registries that Podium does not know take longer, and MLflow tells of it.
                await_creation_for=0,
                model_id=model_id,
            ),
            f"EDIT on the model {self.name}",
        )
        return str(made.version)

    def tags_of(self, number: str) -> Mapping[str, str]:
        """Those that the version has."""
        found = asked(
            lambda: self._writer.client.get_model_version(self.name, number),
            f"READ on the model {self.name}",
        )
        return {str(key): str(value) for key, value in found.tags.items()}

    def tag(self, number: str, key: str, value: str) -> None:
        """The version has it."""
        asked(
            lambda: self._writer.client.set_model_version_tag(self.name, number, key, value),
            f"EDIT on the model {self.name}",
        )

    def remove(self, number: str) -> None:
        """There is no such version any more."""
        asked(
            lambda: self._writer.client.delete_model_version(self.name, number),
            f"MANAGE on the model {self.name}, to delete a version",
        )


def tagged_late(
    model: TargetModel, number: str, wanted: Mapping[str, str], made: Made
) -> Sequence[str]:
    """The version has those that it had no value of; what was set and what was left, as sentences.

    A value that is there stays: somebody may have set it since. Raises `WriteRefused` and
    `Unreachable`.
    """
    if not wanted:
        return ()
    there = model.tags_of(number)
    return [
        note
        for key, value in wanted.items()
        if (note := _tagged(model, number, (key, value), there.get(key), made))
    ]


def _tagged(
    model: TargetModel, number: str, tag: tuple[str, str], there: str | None, made: Made
) -> str:
    key, value = tag
    if there == value:
        return ""
    if there is not None:
        return f"version {number} has another value of the tag {key} than the source: left as it is"
    with made.writing(f"the tag {key} of version {number}"):
        model.tag(number, key, value)
    return f"version {number} was without the tag {key} of the source, and has it now"
