"""What is asked for, and the key that a lock gives; all of it pure."""

from dataclasses import replace
from pathlib import Path

import pytest

from service.environments.environment import EnvironmentWish
from service.environments.interpreters import Interpreter
from service.environments.package_lock import (
    PackageLock,
    UvLock,
    asked_for,
    input_digest,
    pinned,
    read_uv_lock,
)
from tests.environments.given import wish

PYTHON = Interpreter(Path("/usr/bin/python3.11"), "3.11.7", "x86_64", "glibc")
LOCK = PackageLock(
    "deep-one==1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n"
    "extra[more]==2.0 ; python_version < '3.14' \\\n    --hash=sha256:cc\n"
    "own @ file:///wheels/own-0.1-py3-none-any.whl \\\n    --hash=sha256:dd\n"
)
HOSTS = ["numpy", "orjson>=3.10", "pandas"]


def test_packages_of_a_lock_are_read() -> None:
    """Whatever stands beside their names."""
    assert LOCK.packages == {"deep-one": "1.0", "extra": "2.0", "own": "0.1"}


def test_key_hangs_on_lock_interpreter_and_platform() -> None:
    """And on nothing of Podium's own."""
    keys = {
        LOCK.key(PYTHON),
        PackageLock(LOCK.text + "a==1\n").key(PYTHON),
        LOCK.key(replace(PYTHON, version="3.12.7")),
        LOCK.key(replace(PYTHON, machine="aarch64")),
        LOCK.key(replace(PYTHON, libc="musl")),
        LOCK.key(replace(PYTHON, path=Path("/opt/python3.11"))),
    }
    assert len(keys) == 6
    assert all(len(key) == 64 for key in keys)
    # A new image brings another patch release to the same place, and every environment stays.
    assert LOCK.key(PYTHON) == LOCK.key(replace(PYTHON, version="3.11.9"))


def test_wheels_stand_in_a_lock_by_their_names() -> None:
    """Wherever the artifact lies."""
    wheel = Path("/some where/own-0.1-py3-none-any.whl")
    at = LOCK.at([wheel])
    assert "own @ file:///some%20where/own-0.1-py3-none-any.whl" in at
    assert PackageLock.made(at, [wheel]) == LOCK


@pytest.mark.parametrize(
    ("given", "added"),
    [
        (wish("a==1"), [*HOSTS, "mlflow-skinny==2.20.0"]),
        (wish("a==1", mlflow="3.1.0.dev0"), [*HOSTS, "mlflow-skinny>=2.3"]),
        (wish("a==1", mlflow=""), [*HOSTS, "mlflow-skinny>=2.3"]),
        (wish("mlflow==2.16.2"), HOSTS),
        (wish("mlflow-skinny<3", mlflow="2.9.2"), [*HOSTS, "setuptools<80"]),
        (wish("mlflow==2.9.2"), [*HOSTS, "setuptools<80"]),
        (wish("mlflow==2.9.2", "setuptools==60"), HOSTS),
        (
            wish("mlflow==2.9.2", build_requirements=("pip==23", "setuptools==65.5.0")),
            [*HOSTS, "setuptools==65.5.0"],
        ),
        (wish("mlflow==2.20", "orjson==3.9", "pandas<2"), ["numpy"]),
    ],
)
def test_what_hosts_need_is_added(given: EnvironmentWish, added: list[str]) -> None:
    """Unless the version names it itself; an old MLflow does not start without setuptools."""
    assert sorted(set(asked_for(given)) - set(given.requirements)) == sorted(added)


def test_only_what_the_version_pins_is_of_any_day() -> None:
    """And what hosts encode with."""
    given = wish("a==1", "b>=2", "c===3", "d~=4.0", "e")
    assert pinned(given) == ["a", "c", "orjson"]


def test_lock_is_kept_for_all_that_it_is_made_of() -> None:
    """Another wish is another lock."""
    given = wish("a==1")
    digests = {
        input_digest(each, python, limits, source_builds=sources, wheels=wheels, others=others)
        for each in (given, wish("a==2"), replace(given, cut_off=None), replace(given, mlflow="3"))
        for python in (PYTHON, replace(PYTHON, version="3.12.8"))
        for limits in ((), ("b<1",))
        for sources in (False, True)
        for wheels in ((), ("aa",))
        for others in ((), ("https://own.example/simple",))
    }
    assert len(digests) == 128


def test_uv_lock_tells_its_hashes_and_pins() -> None:
    """Of a file that is none, nothing."""
    text = (
        '[[package]]\nname = "Deep_One"\nversion = "1.0"\nsource = { registry = "https://a" }\n'
        'sdist = { hash = "sha256:aa" }\n'
        'wheels = [{ hash = "sha256:bb" }, {}]\n[[package]]\nname = "mine"\nversion = "0"\n'
    )
    found = read_uv_lock(text.encode())
    assert found.pins == ("deep-one==1.0",)
    assert found.hashes["deep-one==1.0"] == {"sha256:aa", "sha256:bb"}
    for odd in (b"\xff", b"package = 1", b"[[package]]\n", b"x = " + b"[" * 100_000):
        assert read_uv_lock(odd) == UvLock()
