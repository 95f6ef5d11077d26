"""The files that a history lies in: torn, foreign, not to be written, and named by nobody."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from service.following.bake import BakeVerdict
from service.following.history import ServedBefore
from service.following.ports import FetchedVersion, Lease, NoLease
from service.patterns import RefPattern
from service.refs import ModelRef
from service.registry.front.client import CachedVersion
from service.registry.front.kept_environments import KeptEnvironments
from service.registry.front.last_known_good import DiskHistory, ran_in_before
from service.rollout.verdict import Sample
from service.rollout_tags import NO_TAGS, RolloutTags
from tests.following.fakes import version
from tests.registry.told import Told
from tests.support.serving import fetched_version
from tests.support.waiting import wait_until

REF = ModelRef("iris", "champion")
PLACE = "a" * 64


def fetched() -> FetchedVersion:
    """A version as if it lay in a cache."""
    return replace(fetched_version(version(1)), path=Path(PLACE) / "model")


class FakeKeeper:
    """A `CacheKeeper` of a cache in which all is always there."""

    async def find(self, lying: CachedVersion) -> FetchedVersion:
        assert (lying.version, lying.place) == (version(1), PLACE)
        return fetched()

    def keep(self, place: str) -> Lease:
        assert place == PLACE
        return NoLease()


class FakeEnvironments:
    """`KeepsEnvironments` that lie nowhere; `kept` are the keys of leases that are held."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.error: OSError | None = None

    def keep(self, key: str) -> "FakeEnvironmentLease":
        if self.error is not None:
            raise self.error
        self.kept.append(key)
        return FakeEnvironmentLease(self, key)


@dataclass
class FakeEnvironmentLease:
    """Of one key."""

    environments: FakeEnvironments
    key: str

    def release(self) -> None:
        self.environments.kept.remove(self.key)


class Home:
    """A history on disk, over restarts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told = Told()
        self.environments = FakeEnvironments()
        self.history = self._made()

    def _made(self) -> DiskHistory:
        return DiskHistory(
            self.folder, FakeKeeper(), self.told, KeptEnvironments(self.environments)
        )

    def restart(self) -> None:
        """The service ends and starts again."""
        self.history.close()
        self.history = self._made()


@pytest.fixture
def disk(tmp_path: Path) -> Home:
    """A home of this test's own."""
    return Home(tmp_path / "history")


async def last(home: Home, ref: ModelRef = REF) -> ServedBefore | None:
    """What the slot last served."""
    return await home.history.last_known_good(ref)


TORN = {
    "cut off": b'{"ref": "iris@champ',
    "empty": b"",
    "no json": b"\x00\xff",
    "a list": b"[]",
    "another's": b'{"ref": "iris@another", "since": 1.0}',
    "a part missing": b'{"ref": "iris@champion", "since": 1.0}',
    "elsewhere": b'{"ref": "iris@champion", "since": 1.0, "version": ["iris", 1, "1"], '
    b'"source": "", "tags": {}, "place": "../../etc", "served": [["iris", "1", "1"]]}',
    "too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("content", TORN.values(), ids=TORN.keys())
async def test_torn_or_foreign_file_is_set_aside_and_means_nothing_known(
    disk: Home, content: bytes
) -> None:
    """Told once; the next version that serves is kept again."""
    first = fetched()
    disk.history.note(REF, ServedBefore(first, 1000.0))
    disk.history.close()
    (file,) = disk.folder.iterdir()
    file.write_bytes(content)
    disk.restart()
    assert await last(disk) is None
    assert not disk.history.has_served(REF, first.version)
    assert disk.told.codes == ["history_torn"]
    assert file.with_name(f"{file.name}.unreadable").read_bytes() == content
    disk.history.note(REF, ServedBefore(first, 2000.0))
    disk.restart()
    assert await last(disk) == ServedBefore(first, 2000.0)


async def test_history_that_cannot_be_kept_is_told_and_raises_nothing(disk: Home) -> None:
    """The service goes on; what it serves is known until it ends."""
    first = fetched()
    disk.folder.write_text("a file where the folder should be")
    disk.history.note(REF, ServedBefore(first, 1000.0))
    disk.history.close()
    assert disk.told.codes[-1] == "history_not_kept"
    assert await last(disk) == ServedBefore(first, 1000.0)


async def test_p4_slots_of_the_settings_are_known_beside_those_of_patterns(disk: Home) -> None:
    """What patterns mean is found on disk; what has a name is read by that."""
    meant = ModelRef("prod.wine", "champion")
    for ref in (REF, meant):
        disk.history.note(ref, ServedBefore(fetched(), 1000.0))
    disk.restart()
    assert disk.history.open([REF], [RefPattern.parse("prod.*@champion")], 10) == [meant]
    assert [await last(disk, ref) for ref in (REF, meant)] == [ServedBefore(fetched(), 1000.0)] * 2


async def test_commands_know_where_a_services_versions_ran(disk: Home) -> None:
    """As the service itself; what is torn is left out, and left where it lies."""
    disk.history.note(REF, ServedBefore(fetched(), 1000.0, "key"))
    disk.history.close()
    (disk.folder / "torn.json").write_bytes(b"[")
    assert ran_in_before(disk.folder) == {version(1): "key"}
    assert (disk.folder / "torn.json").exists()
    assert ran_in_before(disk.folder / "none") == {}


async def test_slots_with_hostile_names_are_kept_apart(disk: Home) -> None:
    """No part of a name becomes part of a path."""
    first = fetched()
    refs = [ModelRef(name, "champion") for name in ("../iris", "a@b", "模型\u202e", "x" * 250)]
    for number, ref in enumerate(refs):
        disk.history.note(ref, ServedBefore(first, float(number)))
    disk.restart()
    assert [disk.history.has_served(ref, first.version) for ref in refs] == [True] * 4
    assert all(len(file.stem) == 64 for file in disk.folder.iterdir())
    known = await last(disk, refs[2])
    assert known is not None
    assert known.since == 2.0


async def test_p5_environment_of_what_served_is_known_after_a_restart(disk: Home) -> None:
    """Empty: Podium's own, as in every record of a service that knew no others."""
    disk.history.note(REF, ServedBefore(fetched(), 1.0, "key"))
    disk.restart()
    disk.history.open([REF])
    known = await last(disk)
    assert known is not None
    assert (known.environment, disk.history.ran_in(version(1))) == ("key", "key")
    assert disk.history.ran_in(version(2)) is None
    (file,) = disk.folder.iterdir()
    older = json.loads(file.read_text())
    del older["environment"]
    file.write_text(json.dumps(older))
    disk.restart()
    disk.history.open([REF])
    assert disk.history.ran_in(version(1)) == ""


async def test_what_tags_say_of_rollout_is_known_after_a_restart(disk: Home) -> None:
    """Of a slot that has served; an older record says nothing."""
    tags = RolloutTags(split="challenger=10", sticky="X-User")
    disk.history.note_rollout(REF, tags)
    assert disk.history.rollout(REF) == tags
    disk.history.note(REF, ServedBefore(fetched(), 1000.0))
    disk.restart()
    assert disk.history.rollout(REF) == tags
    disk.history.close()
    (file,) = disk.folder.iterdir()
    older = json.loads(file.read_text())
    del older["rollout"]
    file.write_text(json.dumps(older))
    disk.restart()
    assert (disk.history.rollout(REF), disk.told.codes) == (NO_TAGS, [])


async def test_p5_what_arms_have_served_is_known_at_the_start(disk: Home) -> None:
    """Also where patterns say what is followed, and mean no such alias; a version as well."""
    for alias in ("challenger", "v7"):
        disk.history.note(ModelRef("iris", alias), ServedBefore(fetched(), 1000.0))
    disk.history.note(REF, ServedBefore(fetched(), 1000.0))
    disk.history.note_rollout(REF, RolloutTags(split="challenger=10,v7=5"))
    disk.restart()
    assert disk.history.open([], [RefPattern("iris", "champ*")], 10) == [REF]
    for alias in ("challenger", "v7"):
        assert await last(disk, ModelRef("iris", alias)) is not None


async def test_p20_verdict_is_known_after_a_restart(disk: Home) -> None:
    """Until it does not hold any more; nothing of a slot that has never served."""
    verdict = BakeVerdict(version(2), "fails_more", "Version 2 has failed.", 1000.5, "1")
    disk.history.judge(REF, verdict)
    assert disk.history.verdict(REF) is None
    disk.history.note(REF, ServedBefore(fetched(), 1000.0))
    disk.history.judge(REF, verdict)
    disk.restart()
    assert disk.history.verdict(REF) == verdict
    disk.history.note(REF, ServedBefore(fetched(), 1001.0))
    disk.restart()
    assert disk.history.verdict(REF) == verdict
    disk.history.judge(REF, None)
    disk.restart()
    assert (disk.history.verdict(REF), disk.told.codes) == (None, [])


@pytest.mark.parametrize("change", [None, "missing", [], ["iris"], "x", [*"abcdefg"]])
async def test_p20_verdict_that_nobody_has_written_is_none(disk: Home, change: object) -> None:
    """An older record has none; one that is torn is set aside as any is."""
    disk.history.note(REF, ServedBefore(fetched(), 1000.0))
    disk.history.close()
    (file,) = disk.folder.iterdir()
    record = json.loads(file.read_text())
    del record["verdict"]
    if change != "missing":
        record["verdict"] = change
    file.write_text(json.dumps(record))
    disk.restart()
    assert disk.history.verdict(REF) is None
    assert disk.told.codes == ([] if change is None or change == "missing" else ["history_torn"])


@pytest.mark.parametrize("change", ["missing", None, [1], [1, 2], [2, -1], ["1", "0"], "xx"])
async def test_p20_counts_that_nobody_has_written_are_none(disk: Home, change: object) -> None:
    """An older record has none; one that is torn is set aside as any is."""
    disk.history.note(REF, ServedBefore(fetched(), 1000.0))
    disk.history.count(REF, Sample(1000, 3))
    disk.history.close()
    (file,) = disk.folder.iterdir()
    record = json.loads(file.read_text())
    assert record.pop("counted") == [1000, 3]
    if change != "missing":
        record["counted"] = change
    file.write_text(json.dumps(record))
    disk.restart()
    assert disk.history.counted(REF) == Sample()
    assert disk.told.codes == ([] if change == "missing" else ["history_torn"])


async def test_what_is_blocked_is_known_after_a_restart(disk: Home) -> None:
    """With why; also once another version serves, and of a slot that never served nothing."""
    marked = {fetched().version: "wrong for some"}
    disk.history.block(REF, marked)
    assert not disk.history.blocked(REF)
    disk.history.note(REF, ServedBefore(fetched(), 1000.0))
    disk.history.block(REF, marked)
    disk.history.note(REF, ServedBefore(replace(fetched(), version=version(2)), 2000.0))
    disk.restart()
    assert disk.history.blocked(REF) == marked
    disk.history.block(REF, {})
    disk.restart()
    assert (disk.history.blocked(REF), disk.told.codes) == ({}, [])


def test_p5_environment_of_what_was_served_last_is_kept_from_the_start_on(disk: Home) -> None:
    """Before anything is built or loaded; what takes its place is kept instead, until the end."""
    disk.history.note(REF, ServedBefore(fetched(), 1000.0, "first"))
    disk.restart()
    assert disk.environments.kept == []
    disk.history.open([REF])
    assert disk.environments.kept == ["first"]
    disk.history.note(REF, ServedBefore(fetched(), 2000.0, "second"))
    disk.restart()
    assert disk.environments.kept == []
    disk.history.open([REF])
    assert disk.environments.kept == ["second"]


@pytest.mark.parametrize("end", ["forgotten", "withdrawn", "podiums own"])
def test_environment_of_what_will_not_serve_again_may_go(disk: Home, end: str) -> None:
    """The slot is there no more, what it served is withdrawn, or runs in Podium's own by now."""
    disk.history.note(REF, ServedBefore(fetched(), 1000.0, "first"))
    disk.restart()
    disk.history.open([REF])
    match end:
        case "forgotten":
            disk.history.forget(REF)
        case "withdrawn":
            disk.history.withdraw(REF)
        case _:
            disk.history.note(REF, ServedBefore(fetched(), 2000.0))
    wait_until(lambda: disk.environments.kept == [], 60)


def test_environment_that_cannot_be_kept_is_told(disk: Home) -> None:
    """The disk fails: the service starts without."""
    disk.history.note(REF, ServedBefore(fetched(), 1000.0, "first"))
    disk.restart()
    disk.environments.error = OSError("the disk")
    disk.history.open([REF])
    assert disk.told.codes == ["environment_not_kept"]
