"""The gate of validation (P24): what was validated is what serves."""

from dataclasses import replace
from typing import Any

import pytest

from service.following.gates.gate import GateClosed, Gates
from service.following.gates.validation import Required, ValidationGate
from service.following.ports import FetchedVersion
from service.validation_tag import VALIDATION_TAG, Validation
from tests.following.fakes import World, version
from tests.support.serving import fetched_version

FILES, OTHERS, POLICY = "a" * 64, "b" * 64, "c" * 64
REQUIRED = Required("validation_status", "passed")


def tags(**other: str) -> dict[str, str]:
    """As a validation that has passed leaves them, but for what differs."""
    told: dict[str, Any] = {
        "run": "0" * 32,
        "policy": POLICY,
        "digest": FILES,
        "name": "iris",
        "version": "1",
    }
    told["verdict"] = "passed"
    return {
        "validation_status": "passed",
        VALIDATION_TAG: Validation(**{**told, **other}).text(),
    }


def fetched(**other: Any) -> FetchedVersion:
    """Version 1 of iris with these files."""
    return replace(fetched_version(version(1)), **{"digest": FILES, "tags": tags(), **other})


async def code(gate: ValidationGate, **other: Any) -> str:
    """What it is refused with."""
    with pytest.raises(GateClosed) as closed:
        await gate.check(fetched(**other))
    assert (closed.value.gate, closed.value.reason in gate.codes) == ("validation", True)
    return closed.value.reason


async def test_p24_files_that_were_validated_pass_and_no_others() -> None:
    """By whichever run; it is told which."""
    (found,) = await ValidationGate(REQUIRED).check(fetched())
    assert (found.code, "0" * 32 in found.sentence) == ("validated", True)
    assert await code(ValidationGate(REQUIRED), digest=OTHERS) == "validated_other_bytes"
    assert await code(ValidationGate(REQUIRED), digest="") == "validated_other_bytes"


@pytest.mark.parametrize(
    "said",
    [
        {},
        {**tags(), "validation_status": "pending"},
        {**tags(), "validation_status": "failed"},
        {"validation_status": "passed"},
        {VALIDATION_TAG: tags()[VALIDATION_TAG]},
        {**tags(), VALIDATION_TAG: "{"},
        {**tags(), VALIDATION_TAG: '{"run": 1}'},
    ],
)
async def test_p24_version_without_both_tags_is_not_validated(said: dict[str, str]) -> None:
    """Anybody may set a tag by hand."""
    assert await code(ValidationGate(REQUIRED), tags=said) == "not_validated"


async def test_p24_passed_beside_the_tag_of_a_run_that_has_failed_it_is_not_validated() -> None:
    """Two validations at once may leave that; so says who may write tags."""
    asked = ValidationGate(replace(REQUIRED, policy=POLICY))
    assert await code(asked, tags=tags(verdict="failed")) == "not_validated"
    assert not asked.met(version(1), tags(verdict="failed"))


async def test_p24_tags_that_were_copied_along_say_nothing_of_the_copy() -> None:
    """Neither of another model's nor of another number's, whatever the files are."""
    for other in ({"name": "staging.iris"}, {"version": "2"}):
        assert await code(ValidationGate(REQUIRED), tags=tags(**other)) == "validated_elsewhere"


async def test_p24_policy_that_is_asked_for_is_the_one_that_judged() -> None:
    """Where one is."""
    asked = replace(REQUIRED, policy=POLICY)
    assert await ValidationGate(asked).check(fetched())
    other = tags(policy=OTHERS)
    assert await code(ValidationGate(asked), tags=other) == "validated_by_other_policy"


async def test_p24_status_may_have_another_name_and_value() -> None:
    """As the settings of `podium validate` have it."""
    named = {"quality": "ok", VALIDATION_TAG: tags()[VALIDATION_TAG]}
    assert await ValidationGate(Required("quality", "ok")).check(fetched(tags=named))


async def test_p13_version_that_is_validated_later_serves_then() -> None:
    """The alias stays where it is; while the tags say nothing new it is not fetched again."""
    world = World(gates=Gates(of_tags=(ValidationGate(REQUIRED),)))
    fields = world.registry.fetched_fields
    fields[version(1)] = {"digest": FILES}
    await world.follow_to(version(1))
    assert world.slot.failure is not None
    assert world.slot.failure.code == "not_validated"
    fields[version(1)] = {"digest": FILES, "tags": tags(digest=OTHERS)}
    await world.follow()
    assert world.slot.failure.code == "validated_other_bytes"
    for _ in range(3):
        await world.follow()
    assert world.registry.fetched == [version(1)] * 2
    fields[version(1)] = {"digest": FILES, "tags": tags()}
    await world.follow()
    assert world.slot.version == version(1)
