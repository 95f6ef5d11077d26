"""Why a version failed is told to whoever operates the service (O14)."""

from collections.abc import Sequence

from service.errors import PassingFault, VersionFault
from service.following.gates.gate import GateClosed, GateFinding, Gates
from service.following.ports import FetchedVersion, Unanswered
from tests.following.fakes import World, version

FINDING = GateFinding("requirements", "package_differs", "scikit-learn 1.9 is installed.")


class Finding:
    """A gate that lets everything pass, and has seen something."""

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        return (FINDING,)


class Closed:
    """A gate that lets nothing pass."""

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        more = GateFinding("trust", "type", "A type that nobody trusts.")
        raise GateClosed("trust", "not_trusted", "It is not trusted.", [more])


class Failing:
    """A gate that cannot look."""

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        raise PassingFault("gate", "no_process", "No process could be started.")


FOUND = Gates(of_version=(Finding(),))


async def test_o14_findings_are_told_where_the_load_fails() -> None:
    """In the slot's failure and in the ledger, with the exception's own words."""
    world = World(gates=FOUND)
    error = VersionFault("load", "load_failed", "It could not be loaded.", "ValueError: 3 trees")
    world.stager.errors[version(1)] = error
    await world.follow_to(version(1))
    failure, entry = world.slot.failure, world.ledger.page(1)[0]
    assert failure is not None
    for each in (failure, entry):
        assert (each.detail, [found.code for found in each.findings]) == (
            "ValueError: 3 trees",
            ["package_differs"],
        )


async def test_o14_findings_of_earlier_gates_are_told_where_a_later_one_is_closed() -> None:
    """With those of the gate that is closed; where its look fails, too."""
    for closing in (Closed(), Failing()):
        world = World(gates=Gates(of_version=(*FOUND.of_version, closing)))
        await world.follow_to(version(1))
        failure, entry = world.slot.failure, world.ledger.page(1)[0]
        assert failure is not None
        assert [found.code for found in failure.findings][:1] == ["package_differs"]
        assert list(entry.findings) == list(failure.findings)
    assert entry.gate is None


async def test_why_a_look_fails_is_told_with_the_registrys_own_words() -> None:
    """For one slot of several, too."""
    world = World()
    world.registry.down = PassingFault("look", "registry_refused", "It refuses.", "HTTP 418: tea")
    await world.follow()
    assert world.slots.look.failure is not None
    assert world.slots.look.failure.detail == "HTTP 418: tea"
    world.registry.down = None
    await world.follow_to(Unanswered("registry_forbidden", "It may not be read.", "HTTP 403"))
    assert world.slot.failure is not None
    assert world.slot.failure.detail == "HTTP 403"
