"""The ledger on disk: kept over restarts, mended, bounded, and never in anybody's way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from service.following.gates import GateFinding
from service.following.ledger import MOST_ENTRIES, Entry, Ledger, Outcome
from service.following.ledger_file import LedgerFile
from service.following.refs import ModelRef
from service.following.trigger import Trigger

ENTRY = Entry(
    at=1_800_000_000.25,
    ref=ModelRef("a@b\n<b>", "übung"),
    trigger=Trigger.WEBHOOK,
    before="1",
    version="2",
    outcome=Outcome.REFUSED,
    stage="gate",
    code="tags_unmet",
    message="The version lacks required tags: a=b.",
    gate="tags",
    findings=(GateFinding("signature", "unsigned", "It has no signature."),),
    seconds={"look": 0.5, "fetch": 2.0},
)
Note = Callable[..., None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger lies; its folder is not there yet."""
    return tmp_path / "services" / "ledger.jsonl"


def written(path: Path, *entries: Entry) -> list[OSError]:
    """One life of a service that notes these; the failures that it was told of."""
    failures: list[OSError] = []
    file = LedgerFile(path, failures.append)
    ledger = Ledger(file, file.read())
    for entry in entries:
        ledger.note(entry)
    ledger.close()
    return failures


def read(path: Path) -> tuple[Entry, ...]:
    """What the next start finds, oldest first."""
    failures: list[OSError] = []
    file = LedgerFile(path, failures.append)
    found = file.read()
    file.close()
    assert failures == []
    return found


def test_ledger_is_there_after_a_restart(path: Path) -> None:
    """Everything of it, in order, with ids that go on."""
    assert written(path, ENTRY, replace(ENTRY, version="3")) == []
    assert written(path, replace(ENTRY, version="4", findings=(), seconds={})) == []
    found = read(path)
    assert found[0] == replace(ENTRY, id=1)
    assert [(entry.id, entry.version) for entry in found] == [(1, "2"), (2, "3"), (3, "4")]


def test_torn_last_line_is_left_out_and_mended(path: Path) -> None:
    """The next entry stands on a line of its own; nothing else is lost."""
    written(path, ENTRY, ENTRY)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert [entry.id for entry in read(path)] == [1]
    assert written(path, ENTRY) == []
    assert [entry.id for entry in read(path)] == [1, 2]
    assert b"\n\n" not in path.read_bytes()


@pytest.mark.parametrize("line", [b"", b"nonsense", b"[]", b'{"ref": 1}', b"\xff\x00", b"null"])
def test_line_that_is_no_entry_is_left_out(path: Path, line: bytes) -> None:
    """Whoever wrote it."""
    written(path, ENTRY)
    with path.open("ab") as file:
        file.write(line + b"\n")
    assert written(path, ENTRY) == []
    assert [entry.id for entry in read(path)] == [1, 2]


def test_entry_is_bounded() -> None:
    """Names of columns are as long as a version's author likes."""
    ledger = Ledger()
    long = GateFinding("compatible", "input_added", "x" * 10**6)
    ledger.note(replace(ENTRY, message="y" * 10**6, findings=(long,) * 1000))
    (entry,) = ledger.page(1)
    assert len(str(entry)) < 100_000
    assert entry.message is not None
    assert entry.message.endswith("yyy...")


def test_ledger_is_bounded(path: Path) -> None:
    """In memory and on disk; the newest ones stay."""
    count = 2 * MOST_ENTRIES + 10
    assert written(path, *[ENTRY] * count) == []
    assert len(path.read_bytes().splitlines()) <= 2 * MOST_ENTRIES
    found = read(path)
    assert len(found) == MOST_ENTRIES
    assert found[-1].id == count
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_folder_that_cannot_be_written_costs_nothing_but_the_file(path: Path) -> None:
    """Each failure is told; memory has all entries, and they are written when it can be again."""
    path.parent.write_text("no folder")
    failures: list[OSError] = []
    file = LedgerFile(path, failures.append)
    ledger = Ledger(file, file.read())
    ledger.note(ENTRY)
    ledger.note(ENTRY)
    file._thread.submit(lambda: None).result()
    assert len(failures) >= 2
    assert [entry.id for entry in ledger.page(10)] == [2, 1]
    path.parent.unlink()
    ledger.note(ENTRY)
    ledger.close()
    assert [entry.id for entry in read(path)] == [1, 2, 3]


def test_full_disk_costs_nothing_but_the_file() -> None:
    """`/dev/full` takes no byte."""
    failures: list[OSError] = []
    ledger = Ledger(LedgerFile(Path("/dev/full"), failures.append))
    ledger.note(ENTRY)
    ledger.close()
    assert len(ledger.page(10)) == 1
    assert {error.strerror for error in failures} >= {"No space left on device"}


def test_ledger_that_was_not_written_is_empty(path: Path) -> None:
    """The first start."""
    assert read(path) == ()


def test_pages_go_back_from_the_newest() -> None:
    """By ids, whatever comes in meanwhile."""
    ledger = Ledger()
    for _ in range(5):
        ledger.note(ENTRY)
    first = ledger.page(2)
    ledger.note(ENTRY)
    second = ledger.page(2, before=first[-1].id)
    assert [entry.id for entry in (*first, *second)] == [5, 4, 3, 2]
    assert ledger.page(10, before=1) == ()
