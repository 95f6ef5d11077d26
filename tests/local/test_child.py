"""What a child writes."""

from pathlib import Path

from service.local.child import LogFile, Output


async def test_lines_are_told_whole_however_they_arrive(tmp_path: Path) -> None:
    """A pipe cuts where it likes."""
    told: list[bytes] = []
    output = Output(LogFile(tmp_path / "a.log"), told.append)
    for piece in (b"on", b"e\ntwo\nth", b"ree"):
        output.data_received(piece)
    assert told == [b"one", b"two"]
    assert output.tail == ("one", "two", "three")
    output.connection_lost(None)


async def test_tail_holds_the_last_lines_only(tmp_path: Path) -> None:
    """Enough for the reason of an end, not the whole log."""
    output = Output(LogFile(tmp_path / "a.log"), None)
    output.data_received(b"".join(b"%d\n" % number for number in range(1000)))
    assert output.tail == tuple(str(number) for number in range(985, 1000))
    output.connection_lost(None)


async def test_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    """Only the last mebibyte of an unfinished line is kept."""
    output = Output(LogFile(tmp_path / "a.log"), None)
    for _ in range(40):
        output.data_received(b"x" * 65536)
    assert len(output.tail[0]) == 1 << 20
    output.connection_lost(None)


def test_log_keeps_what_earlier_runs_wrote(tmp_path: Path) -> None:
    """A second start appends."""
    for word in (b"one\n", b"two\n"):
        log = LogFile(tmp_path / "logs" / "a.log")
        log.write(word)
        log.close()
    assert (tmp_path / "logs" / "a.log").read_bytes() == b"one\ntwo\n"


def test_log_loses_no_line_where_it_turns(tmp_path: Path) -> None:
    """Each stands whole in one of the two files, however they arrive."""
    log = LogFile(tmp_path / "a.log", limit=100)
    for number in range(15):
        for piece in (b"%04d" % number, b" tail\n%04d" % number, b" more\n"):
            log.write(piece)
    log.close()
    both = (tmp_path / "a.log.1").read_bytes(), (tmp_path / "a.log").read_bytes()
    assert all(text.endswith(b"\n") for text in both)
    kept = b"".join(both).splitlines()
    assert (
        kept
        == [b"%04d %s" % (n, word) for n in range(15) for word in (b"tail", b"more")][-len(kept) :]
    )


def test_log_that_cannot_turn_is_bounded_all_the_same(tmp_path: Path) -> None:
    """Where the other name is a folder's; and one that was taken away begins anew."""
    (tmp_path / "a.log.1" / "full").mkdir(parents=True)
    log = LogFile(tmp_path / "a.log", limit=100)
    for number in range(1000):
        log.write(b"%09d\n" % number)
    assert (tmp_path / "a.log").stat().st_size <= 120
    (tmp_path / "a.log").unlink()
    (tmp_path / "a.log.1" / "full").rmdir()
    (tmp_path / "a.log.1").rmdir()
    for number in range(20):
        log.write(b"%09d\n" % number)
    log.close()
    assert (tmp_path / "a.log").read_bytes().endswith(b"000000019\n")


def test_log_without_line_ends_is_bounded_too(tmp_path: Path) -> None:
    """It turns in the midst of a line that is a mebibyte long."""
    log = LogFile(tmp_path / "a.log", limit=100)
    for _ in range(40):
        log.write(b"x" * 65536)
    log.close()
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 3 << 20


def test_log_is_bounded_by_twice_its_limit(tmp_path: Path) -> None:
    """A full file becomes the previous one, which it replaces."""
    log = LogFile(tmp_path / "a.log", limit=100)
    for number in range(100):
        log.write(b"%09d\n" % number)
    log.close()
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"a.log", "a.log.1"}
    assert sizes["a.log.1"] == 110
    assert (tmp_path / "a.log").read_bytes().endswith(b"000000099\n")
