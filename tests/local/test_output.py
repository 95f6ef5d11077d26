"""What a child writes."""

from pathlib import Path

from service.local.output import LogFile, Output


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
