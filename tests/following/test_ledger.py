"""The ledger on disk: kept over restarts, mended, bounded, and never in anybody's way."""

from dataclasses import asdict, replace
from pathlib import Path

import orjson
import pytest

from service.following.gates.gate import GateFinding
from service.following.ledger import MOST_ENTRIES, Ledger, LedgerEntry, LedgerFile, LedgerOutcome
from service.following.pace import Trigger
from service.refs import ModelRef

ENTRY = LedgerEntry(
    at=1_800_000_000.25,
    ref=ModelRef("a@b\n<b>", "übung"),
    trigger=Trigger.WEBHOOK,
    before="1",
    version="2",
    outcome=LedgerOutcome.REFUSED,
    stage="gate",
    code="tags_unmet",
    message="The version lacks required tags: a=b.",
    gate="tags",
    findings=(GateFinding("signature", "unsigned", "It has no signature."),),
    seconds={"look": 0.5, "fetch": 2.0},
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the ledger lies; its folder is not there yet."""
    return tmp_path / "services" / "ledger.jsonl"


class Told:
    """Remembers how the file fared."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.left_out: list[int] = []
        self.recovered = 0

    def ledger_failed(self, error: Exception) -> None:
        self.failures.append(error)

    def ledger_recovered(self) -> None:
        self.recovered += 1

    def ledger_lines_left_out(self, count: int) -> None:
        self.left_out.append(count)


def written(path: Path, *entries: LedgerEntry) -> Told:
    """One life of a service that notes these; what it was told."""
    told = Told()
    file = LedgerFile(path, told)
    ledger = Ledger(file, file.read())
    for entry in entries:
        ledger.note(entry)
    ledger.close()
    assert told.failures == []
    return told


def read(path: Path) -> tuple[LedgerEntry, ...]:
    """What the next start finds, oldest first."""
    told = Told()
    file = LedgerFile(path, told)
    found = file.read()
    file.close()
    assert told.failures == []
    return found


def test_ledger_is_there_after_a_restart(path: Path) -> None:
    """Everything of it, in order, with ids that go on."""
    written(path, ENTRY, replace(ENTRY, version="3"))
    written(path, replace(ENTRY, version="4", findings=(), seconds={}))
    found = read(path)
    assert found[0] == replace(ENTRY, id=1, findings=list(ENTRY.findings))
    assert [(entry.id, entry.version) for entry in found] == [(1, "2"), (2, "3"), (3, "4")]


def test_torn_last_line_is_left_out_and_mended(path: Path) -> None:
    """The next entry stands on a line of its own; nothing else is lost."""
    written(path, ENTRY, ENTRY)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    assert [entry.id for entry in read(path)] == [1]
    assert written(path, ENTRY).left_out == [1]
    assert [entry.id for entry in read(path)] == [1, 2]
    assert b"\n\n" not in path.read_bytes()


LINE = orjson.dumps(asdict(replace(ENTRY, id=7)))


def with_(field: str, value: str) -> bytes:
    """A line in which one field has another value, as JSON has it or not."""
    said = orjson.loads(LINE)
    before = orjson.dumps({field: said[field]})[1:-1]
    assert LINE.count(before) == 1
    return LINE.replace(before, f'"{field}":{value}'.encode())


NO_ENTRIES = {
    "nothing": b"",
    "no JSON": b"nonsense",
    "a list": b"[]",
    "no fields": b'{"ref": 1}',
    "no text": b"\xff\x00",
    "null": b"null",
    "a negative time": with_("at", "-1"),
    "a time without end": with_("at", "1e300"),
    "an infinite time": with_("at", "1e999"),
    "a time that is not a number": with_("at", "NaN"),
    "a time in text": with_("at", '"1800000000"'),
    "a time that is nan in text": with_("at", '"nan"'),
    "a time that is true": with_("at", "true"),
    "a time after the last year": with_("at", "253402300800"),
    "an id of text": with_("id", '"7"'),
    "an id without end": with_("id", "1" * 4000),
    "a fraction as id": with_("id", "7.5"),
    "a negative id": with_("id", "-7"),
    "a version that is a number": with_("version", "2"),
    "a code that is an object": with_("code", "{}"),
    "an outcome of its own": with_("outcome", '"exploded"'),
    "a trigger of its own": with_("trigger", "null"),
    "findings that are text": with_("findings", '"none"'),
    "a finding that is none": with_("findings", "[[]]"),
    "a finding of numbers": with_("findings", '[{"gate": 1, "code": 2, "sentence": 3}]'),
    "seconds of text": with_("seconds", '{"look": "long"}'),
    "seconds without end": with_("seconds", '{"look": Infinity}'),
    "a lone surrogate": with_("message", '"\\ud800"'),
    "a megabyte": with_("message", '"' + "x" * 1024**2 + '"'),
}


@pytest.mark.parametrize("line", NO_ENTRIES.values(), ids=NO_ENTRIES)
def test_line_that_is_no_entry_is_left_out_and_told_once(path: Path, line: bytes) -> None:
    """Whoever wrote it; the entries beside it stay, and ids go on."""
    written(path, ENTRY)
    with path.open("ab") as file:
        file.write(line + b"\n")
    assert written(path, ENTRY).left_out == [1]
    assert [entry.id for entry in read(path)] == [1, 2]
    assert written(path).left_out == []


def test_line_of_a_later_release_is_kept(path: Path) -> None:
    """With what it has beyond this one's fields, as long as the file is not trimmed."""
    path.parent.mkdir()
    path.write_bytes(LINE[:-1] + b',"weather":"fine"}\n')
    assert written(path, ENTRY).left_out == []
    assert [entry.id for entry in read(path)] == [7, 8]
    assert b"weather" in path.read_bytes()


def test_entry_is_bounded() -> None:
    """Names of columns are as long as a version's author likes."""
    ledger = Ledger()
    long = GateFinding("compatible", "input_added", "x" * 10**6)
    ledger.note(replace(ENTRY, message="y" * 10**6, findings=(long,) * 1000))
    (entry,) = ledger.page(1)
    assert len(str(entry)) < 100_000
    assert entry.message is not None
    assert entry.message.endswith("yyy...")
    assert len(entry.findings) == 51
    assert entry.findings[-1].sentence == "950 findings more are not listed."


def test_ledger_is_bounded(path: Path) -> None:
    """In memory and on disk; the newest ones stay."""
    count = 2 * MOST_ENTRIES + 10
    written(path, *[ENTRY] * count)
    assert len(path.read_bytes().splitlines()) <= 2 * MOST_ENTRIES
    found = read(path)
    assert len(found) == MOST_ENTRIES
    assert found[-1].id == count
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_folder_that_cannot_be_written_costs_nothing_but_the_file(path: Path) -> None:
    """Each failure is told; memory has all entries, and they are written when it can be again."""
    path.parent.write_text("no folder")
    told = Told()
    file = LedgerFile(path, told)
    ledger = Ledger(file, file.read())
    ledger.note(ENTRY)
    ledger.note(ENTRY)
    file._thread.submit(lambda: None).result()
    assert len(told.failures) >= 2
    assert [entry.id for entry in ledger.page(10)] == [2, 1]
    path.parent.unlink()
    ledger.note(ENTRY)
    ledger.close()
    assert [entry.id for entry in read(path)] == [1, 2, 3]


def test_full_disk_costs_nothing_but_the_file() -> None:
    """`/dev/full` takes no byte."""
    told = Told()
    ledger = Ledger(LedgerFile(Path("/dev/full"), told))
    ledger.note(ENTRY)
    ledger.close()
    assert len(ledger.page(10)) == 1
    assert any("No space left on device" in str(error) for error in told.failures)


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
