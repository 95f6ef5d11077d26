"""The kernel's table of processes."""

import subprocess
import sys
from pathlib import Path

from service.local.table import Mark, alive, group_alive, mark, members
from tests.local.stand_ins import program

_PAUSE = "print('here', flush=True); import sys; sys.stdin.read()"


def _started(line: list[str]) -> "subprocess.Popen[bytes]":
    process = subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_process_lives_until_it_has_ended() -> None:
    """Also for a moment as a zombie it counts as gone."""
    with _started(list(program(_PAUSE))) as process:
        known = mark(process.pid)
        assert known is not None
        assert alive(known)
        assert members(process.pid) == (process.pid,)
        process.kill()
    assert not alive(known)
    assert members(process.pid) == ()


def test_other_start_time_is_another_process() -> None:
    """Numbers are used again."""
    with _started(list(program(_PAUSE))) as process:
        known = mark(process.pid)
        assert known is not None
        assert not alive(Mark(known.pid, known.started - 1))
        assert not group_alive(Mark(known.pid, known.started - 1))
        process.kill()


def test_name_with_brackets_and_spaces_is_read_right(tmp_path: Path) -> None:
    """The program's name stands unescaped in the middle of the line."""
    script = tmp_path / "a) R 1 (b"
    script.write_text(f"#!{sys.executable}\n{_PAUSE}\n")
    script.chmod(0o700)
    with _started([str(script)]) as process:
        assert members(process.pid) == (process.pid,)
        process.kill()


def test_number_without_a_process_has_no_mark() -> None:
    """Numbers end at 2**22 (proc(5), pid_max)."""
    assert mark(2**22 + 1) is None
