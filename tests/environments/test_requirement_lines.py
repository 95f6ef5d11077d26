"""One reader of what versions ask for: who builds for them, and who compares with what is here."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from service.environments.logged import LoggedEnvironment
from service.environments.wish import read_wish
from service.errors import FollowingError
from service.following.gates.gate import GateFinding
from service.following.gates.requirements import RequirementsGate
from tests.following.fakes import version
from tests.support.serving import fetched_version


@dataclass(frozen=True)
class Case:
    """One odd line, or a whole file.

    Attributes:
        text: beside which nothing else is asked for.
        wished: what is asked of indexes, or the name of the wheel.
        mistake: why nothing can be built; empty: something can.
        missing: the package that is not here; empty: none.
    """

    text: bytes
    wished: str = ""
    mistake: str = ""
    missing: str = ""


ADDRESS, OPTION, UNREADABLE = (
    f"requirement_{each}" for each in ("by_address", "option", "unreadable")
)
CASES = {
    "plain": Case(b"nowhere==1.0\n", "nowhere==1.0", "", "nowhere"),
    "byte order mark": Case(b"\xef\xbb\xbfnowhere\n", "nowhere", "", "nowhere"),
    "windows' ends of lines": Case(b"nowhere==1\r\n# x\r\n", "nowhere==1", "", "nowhere"),
    "joined lines": Case(b"nowhere==1.0; \\\n  python_version > '3'\n", "", "", "nowhere"),
    "hash": Case(b"nowhere==1 --hash=sha256:ab\n", "nowhere==1", "", "nowhere"),
    "hash of another kind": Case(b"nowhere==1 --hash=md5:ab\n", "", OPTION, "nowhere"),
    "option beside it": Case(b"nowhere==1 --no-binary x\n", "", OPTION, "nowhere"),
    "comment beside it": Case(b"nowhere==1 # --x\n", "nowhere==1", "", "nowhere"),
    "address": Case(b"nowhere @ https://h/nowhere-1.whl\n", "", ADDRESS, "nowhere"),
    "wheel": Case(b"wheels/nowhere-1.0-py3-none-any.whl\n", "nowhere-1.0", "", "nowhere"),
    "wheel elsewhere": Case(b"../nowhere-1.0-py3-none-any.whl\n", "", ADDRESS),
    "option": Case(b"--pre\n", "", OPTION),
    "another file": Case(b"-r nowhere.txt\n", "", ADDRESS),
    "index": Case(b"--extra-index-url https://h/simple\n"),
    "variable": Case(b"nowhere==$X\n", "", UNREADABLE),
    "brackets": Case(b"nowhere; " + b"(" * 4000 + b"\n", "", UNREADABLE),
    "too long": Case(b"nowhere==" + b"1" * 5000 + b"\n", "", UNREADABLE),
    "control character": Case(b"nowhere\x1b[2J\n", "", UNREADABLE),
    "of another system": Case(b"nowhere; sys_platform == 'win32'\n", "nowhere; sys_platform"),
    "tool": Case(b"setuptools==0.0.1\n", "setuptools==0.0.1"),
    "constraint of what is not here": Case(b"-c c.txt\n"),
    "too many lines": Case(b"nowhere\n" * 2001, "", "requirements_too_long"),
    "no text": Case(b"nowhere\xff\n", "", "requirements_unreadable"),
}


def artifact(folder: Path, text: bytes) -> Path:
    """With that requirements.txt, a constraints file and a wheel."""
    (folder / "requirements.txt").write_bytes(text)
    (folder / "c.txt").write_text("nowhere==1.0\n")
    (folder / "wheels").mkdir()
    (folder / "wheels" / "nowhere-1.0-py3-none-any.whl").touch()
    return folder


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_can_be_built_is_read_from_each_line(tmp_path: Path, case: Case) -> None:
    """Or why nothing can."""
    read = read_wish(artifact(tmp_path, case.text), LoggedEnvironment(mlflow="2.20"))
    asked = [*read.wish.requirements, *(each.name for each in read.wish.wheels)]
    assert [each.code for each in read.mistakes] == ([case.mistake] if case.mistake else [])
    assert all(case.wished in each for each in asked)
    assert not case.wished or asked


async def compared(folder: Path) -> Sequence[GateFinding] | FollowingError:
    """By the gate, with what is installed here."""
    fetched = replace(fetched_version(version(1)), path=folder)
    try:
        return await RequirementsGate(refuse=False).check(fetched)
    except FollowingError as closed:
        return closed


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_gate_reads_the_same_of_each_line(tmp_path: Path, case: Case) -> None:
    """A package that is named is compared, also where nothing could be built by that line."""
    found = await compared(artifact(tmp_path, case.text))
    if case.missing:
        assert isinstance(found, FollowingError)
        assert found.reason == "package_missing"
        assert case.missing in found.message
    elif case.mistake.startswith("requirements_"):
        assert isinstance(found, FollowingError)
        assert found.reason == case.mistake
    else:
        assert not isinstance(found, FollowingError)
        expected = ["line_ignored"] if case.mistake else []
        assert [each.code for each in found] == expected
