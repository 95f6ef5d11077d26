"""The gate of validation, of copies: what serves was validated where it was copied from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from service.copy_source import CopySource, source_name
from service.errors import PassingFault
from service.following.gates.gate import GateClosed, Gates
from service.following.gates.validated_source import Tags, ValidatedSourceGate
from service.following.gates.validation import ValidationGate
from service.following.ports import FetchedVersion
from service.refs import VersionId
from tests.following.fakes import World, version
from tests.following.test_validation_gate import FILES, OTHERS, REQUIRED, tags
from tests.support.serving import fetched_version

SOURCE = VersionId("staging.iris", 7, "4")
COPY = {"podium.source": "models:/staging.iris/4", "validation_status": "pending"}


@dataclass
class Registered:
    """Versions and their tags."""

    known: dict[VersionId, Mapping[str, str] | None] = field(default_factory=dict)
    down: bool = False

    async def identify(self, name: str, version: str) -> VersionId | None:
        if self.down:
            raise PassingFault("look", "registry_unreachable", "not now")
        return next((e for e in self.known if (e.name, e.version) == (name, version)), None)

    async def tags(self, versions: Sequence[VersionId]) -> Tags:
        return {each: self.known.get(each) for each in versions}


def judged(**other: str) -> dict[str, str]:
    """The source's tags, as a validation has left them."""
    return tags(**{"name": SOURCE.name, "version": SOURCE.version, **other})


def gate(said: Mapping[str, str] | None, *, down: bool = False) -> ValidatedSourceGate:
    """Where the source says that."""
    return ValidatedSourceGate(
        ValidationGate(REQUIRED), "staging.", Registered({SOURCE: said}, down)
    )


def copy(**other: Any) -> FetchedVersion:
    """Version 1 of iris, which was copied from the source."""
    return replace(fetched_version(version(1)), **{"digest": FILES, "tags": COPY, **other})


async def test_p24_copy_of_what_was_validated_passes() -> None:
    """Although nobody has validated the copy itself; it is told as what, and by which run."""
    (found,) = await gate(judged()).check(copy())
    assert found.code == "validated"
    assert "staging.iris" in found.sentence


@pytest.mark.parametrize(
    ("code", "said", "fetched"),
    [
        ("not_validated", {}, {}),
        ("not_validated", None, {}),
        ("not_validated", {**judged(), "validation_status": "pending"}, {}),
        ("not_validated", judged(verdict="failed"), {}),
        ("validated_elsewhere", judged(name="other"), {}),
        ("validated_other_bytes", judged(digest=OTHERS), {}),
        ("validated_other_bytes", judged(), {"digest": OTHERS}),
        # Whoever may EDIT the copy sets its tags.
        ("not_validated", judged(), {"tags": tags()}),
        ("not_validated", judged(), {"tags": {**COPY, "podium.source": "staging.iris"}}),
        ("not_validated", judged(), {"tags": {"podium.source": "models:/staging.iris/5"}}),
        ("not_validated", judged(), {"tags": {"podium.source": "models:/staging.iris/4 at x"}}),
        ("validated_elsewhere", judged(), {"tags": {"podium.source": "models:/staging.mine/4"}}),
        # It was, and failed here.
        ("not_validated", judged(), {"tags": {**tags(verdict="failed"), **COPY}}),
    ],
)
async def test_p24_anything_else_is_refused(
    code: str, said: Mapping[str, str] | None, fetched: Mapping[str, Any]
) -> None:
    """The copy's own tags count for nothing, unless they say that it has failed."""
    with pytest.raises(GateClosed) as closed:
        await gate(said).check(copy(**fetched))
    assert closed.value.reason == code


@pytest.mark.parametrize("own", [{}, tags()], ids=["gone", "passed"])
async def test_p13_copy_that_had_failed_is_judged_anew_once_its_tags_do_not_say_so(
    own: dict[str, str],
) -> None:
    """By its source; as long as they say so it is left alone, whatever else they say."""
    asked, failed = gate(judged()), {**tags(verdict="failed"), **COPY}
    with pytest.raises(GateClosed):
        await asked.check(copy(tags=failed))
    for still in (failed, {**failed, "podium.source": "models:/staging.iris/5"}):
        assert not asked.met(version(1), still)
    assert asked.met(version(1), {**own, **COPY})
    assert await asked.check(copy(tags={**own, **COPY}))


async def test_p13_registry_that_does_not_answer_is_no_verdict() -> None:
    """It is asked again."""
    with pytest.raises(PassingFault):
        await gate(judged(), down=True).check(copy())


@pytest.mark.parametrize(
    ("name", "prefix", "source"),
    [
        ("prod.security.fraud", "staging.", "staging.security.fraud"),
        ("fraud", "staging.", "staging.fraud"),
        ("eu.prod.fraud", "eu.staging.", "eu.staging.fraud"),
    ],
)
def test_source_is_of_the_same_use_case(name: str, prefix: str, source: str) -> None:
    """A version of any other name could be validated by whoever may make models."""
    assert source_name(name, prefix) == source


@pytest.mark.parametrize("server", ["", "http://dev:5000 workspace a b"])
def test_source_is_read_as_it_was_written(server: str) -> None:
    """Whatever the model is called."""
    source = CopySource("dev.it's at 1 café", "3", server)
    assert CopySource.of({"podium.source": source.text()}) == source


async def test_p13_copy_whose_source_is_validated_later_serves_then() -> None:
    """The alias stays where it is; while the source says nothing new it is not fetched again."""
    iris = version(1)
    versions = Registered({SOURCE: {}})
    asked = ValidatedSourceGate(ValidationGate(REQUIRED), "staging.", versions)
    world = World(gates=Gates(of_tags=(asked,)))
    fields = world.registry.fetched_fields
    fields[iris] = {"digest": FILES, "tags": COPY}
    fields[SOURCE] = {"tags": {}}
    await world.follow_to(iris)
    assert world.slot.failure is not None
    assert world.slot.failure.code == "not_validated"
    for _ in range(3):
        await world.follow()
    assert world.registry.fetched == [iris]
    versions.known[SOURCE] = judged()
    fields[SOURCE] = {"tags": judged()}
    await world.follow()
    assert world.slot.version == iris
