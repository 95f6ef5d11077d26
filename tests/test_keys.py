"""The file of API keys: what it may hold, and what happens when it changes, tears or goes."""

import asyncio
import hashlib
import io
import os
import re
import subprocess
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.access.keys import BadKeys, KeysFile, follow_keys, read_keys
from service.background import NAMED, Work, begin, keep_running
from service.http.key_limits import KeyLimits, Rate, Scoped
from service.telemetry.logs import Logs, configure_logs
from tests.support.documents import ROOT


def line(name: str, key: str) -> str:
    """As the operator's recipe makes it."""
    return f"{name}:sha256:{hashlib.sha256(key.encode()).hexdigest()}\n"


def names(**keys: str) -> Mapping[bytes, str]:
    """What the file means."""
    return {hashlib.sha256(key.encode()).digest(): name for name, key in keys.items()}


class Watched:
    """A file of keys, and everything that is logged about it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "keys"
        self.path.write_text(line("one", "a"))
        self.file = KeysFile(self.path)
        self.stream = io.BytesIO()
        self.logs: Logs = configure_logs(self.stream)

    def refresh(self) -> bool:
        """Looks at the file."""
        return self.file.refresh(self.logs.logger)

    def log(self) -> list[dict[str, Any]]:
        """Every line; nothing can be logged afterwards."""
        self.logs.close()
        return [orjson.loads(each) for each in self.stream.getvalue().splitlines()]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """With one key, `a`, named `one`."""
    return Watched(tmp_path)


def test_each_line_is_a_key() -> None:
    """With comments and empty lines between them, and sums in either case."""
    text = f"# applications\n\n{line('one', 'a')}  {line('two.b-c_d', 'b')}{line('3', 'c').upper()}"
    text = text.replace("SHA256", "sha256")
    assert read_keys(text).names == names(**{"one": "a", "two.b-c_d": "b", "3": "c"})


def test_recipe_of_the_operators_page_makes_a_key(tmp_path: Path) -> None:
    """Run by a shell, word for word."""
    recipes = re.findall(r"```sh\n(.*?)```", (ROOT / "docs/operate.md").read_text(), re.DOTALL)
    (recipe,) = [each for each in recipes if "> keys" in each]
    done = subprocess.run(
        ["/bin/sh", "-ec", recipe], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert KeysFile(tmp_path / "keys").names == names(billing=done.stdout.strip())


def test_one_name_may_have_several_keys() -> None:
    """While an application changes from the old one to the new one."""
    found = read_keys(line("one", "old") + line("one", "new")).names
    assert set(found.values()) == {"one"}
    assert len(found) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        *("secret", "one:secret", "one:sha256:abc", "one:md5:" + "a" * 32),
        *(":sha256:" + "a" * 64, "a b:sha256:" + "a" * 64, "one:sha256:" + "g" * 64),
        *("one:sha256:" + "a" * 65, "x" * 65 + ":sha256:" + "a" * 64, "one=sha256=" + "a" * 64),
    ],
)
def test_line_that_is_no_key_is_named_by_its_number(wrong: str) -> None:
    """And not repeated: it may be a key in the open."""
    with pytest.raises(BadKeys) as refused:
        read_keys(f"{line('one', 'a')}{wrong}\n{line('two', 'b')}{wrong}\n")
    assert str(refused.value).startswith("lines 2, 4: ")
    assert wrong not in str(refused.value)


def test_one_key_under_two_names_is_refused() -> None:
    """Which one would be logged?"""
    with pytest.raises(BadKeys, match="line 2: "):
        read_keys(line("one", "a") + line("two", "a"))


@pytest.mark.parametrize("text", ["", "\n", "# nobody yet\n"])
def test_file_without_a_key_is_refused(text: str) -> None:
    """It is more likely a mistake than a wish to refuse everybody."""
    with pytest.raises(BadKeys, match="no key"):
        read_keys(text)


def test_bad_file_at_the_start_is_one_line(tmp_path: Path) -> None:
    """Missing, a folder, no text, or endless."""
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for path, what in [
        (tmp_path / "missing", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (binary, "is not text"),
        (Path("/dev/zero"), "is longer than 1048576 characters"),
    ]:
        with pytest.raises(BadKeys) as refused:
            KeysFile(path)
        assert str(refused.value) == what


def test_unchanged_file_is_not_read_again(watched: Watched) -> None:
    """One look at its mark a second is all that it costs."""
    assert not watched.refresh()
    assert watched.log() == []


def test_changed_file_gives_new_keys(watched: Watched) -> None:
    """Their names are logged."""
    watched.path.write_text(line("one", "b") + line("two", "c"))
    assert watched.refresh()
    assert watched.file.names == names(one="b", two="c")
    read = watched.log()[-1]
    assert (read["event"], read["names"]) == ("api_keys_read", ["one", "two"])


def test_file_of_the_same_size_and_time_is_seen_by_its_inode(watched: Watched) -> None:
    """As secrets that a container's platform mounts are changed: by a link."""
    before = watched.path.stat()
    other = watched.path.with_name("other")
    other.write_text(line("one", "b"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(watched.path)
    assert watched.refresh()
    assert watched.file.names == names(one="b")


@pytest.mark.parametrize("torn", ["", line("one", "b")[:30], line("one", "b") + "two:sha"])
def test_torn_file_keeps_the_old_keys(watched: Watched, torn: str) -> None:
    """Told once, however often it is looked at; whole again, it counts."""
    watched.path.write_text(torn)
    assert [watched.refresh() for _ in range(3)] == [False] * 3
    assert watched.file.names == names(one="a")
    watched.path.write_text(line("one", "b"))
    assert watched.refresh()
    assert watched.file.names == names(one="b")
    assert [one["event"] for one in watched.log()] == ["api_keys_unreadable", "api_keys_read"]


def test_deleted_file_keeps_the_old_keys(watched: Watched) -> None:
    """Nobody is locked out, and nobody let in; the log says so."""
    watched.path.unlink()
    assert [watched.refresh() for _ in range(3)] == [False] * 3
    assert watched.file.names == names(one="a")
    watched.path.write_text(line("one", "a"))
    assert not watched.refresh(), "the same keys as before"
    events = [one["event"] for one in watched.log()]
    assert events == ["api_keys_unreadable", "api_keys_read"]


async def test_file_is_followed_until_it_is_enough(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New keys are handed on whole."""
    monkeypatch.setattr("service.access.keys._LOOK_EVERY", 0.01)
    replaced, seen = list[Mapping[bytes, str]](), asyncio.Event()

    def replace(found: Mapping[bytes, str]) -> None:
        replaced.append(found)
        seen.set()

    following = asyncio.create_task(follow_keys(watched.file, replace, watched.logs.logger))
    watched.path.write_text(line("two", "b"))
    await asyncio.wait_for(seen.wait(), 10)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert replaced == [names(two="b")]


async def test_p12_look_at_the_file_that_fails_is_told_and_keys_are_followed_still(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect costs one look; the key that was added is known afterwards."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: told.append(said))
    known, refresh = asyncio.Queue[Mapping[bytes, str]](), watched.file.refresh

    def fails(_: object) -> bool:
        monkeypatch.setattr(watched.file, "refresh", refresh)
        raise ZeroDivisionError

    monkeypatch.setattr(watched.file, "refresh", fails)
    watched.path.write_text(line("one", "a") + line("two", "b"))
    work = partial(follow_keys, watched.file, known.put_nowait, watched.logs.logger, 0)
    following = begin(Work.KEYS, keep_running(Work.KEYS, work, longest=0))
    async with asyncio.timeout(30):
        assert await known.get() == names(one="a", two="b")
    following.cancel()
    assert [said[NAMED] for said in told] == [Work.KEYS]


SUM = hashlib.sha256(b"a").hexdigest()


@pytest.mark.parametrize(
    ("words", "limits"),
    [
        ("", None),
        ("models=prod.*,iris@champion", KeyLimits(Scoped(("prod.*", "iris@champion")))),
        ("rate=10/s", KeyLimits(rate=Rate(10.0, 10))),
        ("rate=0.5/s", KeyLimits(rate=Rate(0.5, 1))),
        ("rate=30/m", KeyLimits(rate=Rate(0.5, 1))),
        ("burst=20 rate=30/m", KeyLimits(rate=Rate(0.5, 20))),
        ("\tmodels=a  rate=1/s", KeyLimits(Scoped(("a",)), Rate(1.0, 1))),
    ],
)
def test_key_may_be_limited_behind_its_sum(words: str, limits: KeyLimits | None) -> None:
    """In any order; without a word it is not."""
    found = read_keys(f"one:sha256:{SUM} {words}\n")
    assert found.names == names(one="a")
    assert found.limits == ({} if limits is None else {hashlib.sha256(b"a").digest(): limits})


@pytest.mark.parametrize(
    "words",
    [
        *("models=", "models=a,,b", "models", "rate=0/s", "rate=-1/s", "rate=1", "rate=1/h"),
        *("rate=1e3/s", "rate=nan/s", "burst=5", "rate=1/s burst=0", "rate=1/s rate=2/s"),
        *("Models=a", "secret-key", "rate=1/s burst=x", "models=a models=b", "rate=9999999999/s"),
    ],
)
def test_bad_limit_is_named_by_its_line_and_not_repeated(words: str) -> None:
    """Every one that is wrong, beside what else is."""
    good = line("two", "b")
    with pytest.raises(BadKeys) as refused:
        read_keys(f"one:sha256:{SUM} {words}\n{good}nonsense\n")
    assert str(refused.value).startswith("lines 1, 3: ")
    assert "secret-key" not in str(refused.value)
    assert SUM not in str(refused.value)


def test_one_key_with_two_limits_is_refused() -> None:
    """Which one would hold?"""
    with pytest.raises(BadKeys, match="line 2: "):
        read_keys(f"one:sha256:{SUM}\none:sha256:{SUM} rate=1/s\n")


def test_changed_limits_count_like_changed_keys(watched: Watched) -> None:
    """The names stay the same."""
    watched.path.write_text(line("one", "a").strip() + " models=iris rate=5/s\n")
    assert watched.refresh()
    assert watched.file.names == names(one="a")
    limits = KeyLimits(Scoped(("iris",)), Rate(5.0, 5))
    assert watched.file.limits == {hashlib.sha256(b"a").digest(): limits}
