"""Environments built by the real uv from an index of tiny wheels."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from service.environments.environment import (
    BuildProgress,
    BuiltEnvironment,
    EnvironmentDelayed,
    EnvironmentRefused,
)
from service.environments.logged import LoggedEnvironment
from service.environments.wish import read_wish
from service.errors import FollowingError
from tests.environments.given import PYTHON, environments, processes_below, settings, wish
from tests.environments.package_index import PackageIndex, package_index, wheel


@pytest.fixture
def index() -> Iterator[PackageIndex]:
    """With one package of two versions, of which the newer came after the version was logged."""
    with package_index() as index:
        index.add("mine", "1.0", ["deep>=1"])
        index.add("deep", "1.0")
        index.add("deep", "2.0", uploaded="2025-01-01T00:00:00Z")
        yield index


def run(built: BuiltEnvironment, code: str) -> str:
    """What that code prints in the environment."""
    command = [str(built.interpreter), "-I", "-c", code]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


async def test_environment_is_built_once_and_found_again_without_an_index(
    tmp_path: Path, index: PackageIndex
) -> None:
    """As of the day when the version was logged; the same wish later asks nobody."""
    told: list[BuildProgress] = []
    given = settings(tmp_path, index.url)
    async with environments(given) as first:
        built = await first.environment(wish("mine==1.0"), told.append)
    expected = {"deep": "1.0", "mine": "1.0", "mlflow-skinny": "2.20", "numpy": "2.0"}
    assert built.built
    assert built.packages == {**expected, "orjson": "3.11", "pandas": "2.2"}
    assert built.findings == ()
    # An interpreter alone takes some.
    assert 1024**2 < built.memory_bytes < 1024**3
    assert [each.step for each in told] == ["resolve", "install", "verify"]
    assert told[-1].packages == 6
    assert run(built, "import mine, deep; print(mine.VERSION, deep.VERSION)") == "1.0 1.0"
    index.status, asked = 500, len(index.asked)
    async with environments(given) as second:
        again = await second.environment(wish("mine==1.0"))
    assert again == replace(built, built=False)
    assert len(index.asked) == asked


async def test_those_who_want_the_same_wait_for_one_build(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Each has a lease of its own."""
    async with environments(settings(tmp_path, index.url)) as made:
        found = await asyncio.gather(*(made.environment(wish("mine==1.0")) for _ in range(5)))
        # By uv's resolution and its installation; not five times by either.
        assert index.asked.count("/simple/mine/") <= 2
        for each in found[1:]:
            assert each.lease is not None
            each.lease.release()
        (entry,) = await made.entries()
        assert entry.in_use
        assert entry.notes.key == found[0].key


async def test_two_services_of_one_home_build_one_after_the_other(
    tmp_path: Path, index: PackageIndex
) -> None:
    """And the second finds what the first has built."""
    given = settings(tmp_path, index.url)
    async with environments(given) as one, environments(given) as other:
        found = await asyncio.gather(
            one.environment(wish("mine==1.0")), other.environment(wish("mine==1.0"))
        )
    assert sorted(each.built for each in found) == [False, True]


async def test_p6_build_that_nobody_wants_is_ended_with_all_its_processes(
    tmp_path: Path, index: PackageIndex
) -> None:
    """The last one who leaves ends it; nothing of it is left, and it can be wanted again."""
    index.gate.clear()
    async with environments(settings(tmp_path, index.url)) as made:
        first, last = (asyncio.create_task(made.environment(wish("mine==1.0"))) for _ in range(2))
        await asyncio.to_thread(index.waiting.wait, 200)
        first.cancel()
        await asyncio.wait([first])
        assert processes_below(tmp_path) != []
        last.cancel()
        await asyncio.wait([last])
        assert processes_below(tmp_path) == []
        left = [each.name for each in (tmp_path / "environments").iterdir()]
        assert set(left) <= {"uv-cache"}
        index.gate.set()
        assert (await made.environment(wish("mine==1.0"))).built


async def test_build_that_is_ended_while_it_installs_leaves_no_part(
    tmp_path: Path, index: PackageIndex
) -> None:
    """What is half there is never used."""
    async with environments(settings(tmp_path, index.url)) as made:

        def tell(progress: BuildProgress) -> None:
            if progress.step == "install":
                task.cancel()

        task = asyncio.create_task(made.environment(wish("mine==1.0"), tell))
        await asyncio.wait([task])
        assert task.cancelled()
        assert processes_below(tmp_path) == []
        left = {each.name for each in (tmp_path / "environments").iterdir()}
        assert left <= {"uv-cache", "locks"}
        assert await made.entries() == []


async def test_build_that_takes_too_long_is_ended(tmp_path: Path, index: PackageIndex) -> None:
    """An index that is slow is somebody else's fault."""
    index.gate.clear()
    async with environments(settings(tmp_path, index.url, timeout=0.5)) as made:
        with pytest.raises(EnvironmentDelayed) as delayed:
            await made.environment(wish("mine==1.0"))
    assert delayed.value.reason == "environment_timed_out"
    assert processes_below(tmp_path) == []


@pytest.mark.parametrize(
    ("requirement", "reason", "named"),
    [
        ("nowhere==1.0", "package_nowhere", "nowhere"),
        ("mine==9.0", "version_nowhere", "mine==9.0"),
        ("sources==1.0", "source_build", "sources"),
        ("windows==1.0", "no_wheel", "windows"),
        ("later==1.0", "no_wheel", "later"),
        ("quarrel==1.0", "requirements_conflict", ""),
        ("altered==1.0", "hash_mismatch", "altered==1.0"),
        ("mlflow-skinny==2.2", "mlflow_too_old", "2.2"),
    ],
)
async def test_version_that_cannot_have_an_environment_is_told_why(
    tmp_path: Path, index: PackageIndex, requirement: str, reason: str, named: str
) -> None:
    """Lastingly, with the package's name; uv's own words are for the log."""
    index.add_source("sources", "1.0")
    index.add("windows", "1.0", tag="py3-none-win_amd64")
    index.add("later", "1.0", tag="cp399-cp399-manylinux_2_17_x86_64")
    index.add("quarrel", "1.0", ["deep<1"])
    index.add("altered", "1.0").announced = "0" * 64
    index.add("mlflow-skinny", "2.2")
    index.add("setuptools", "70.0")
    async with environments(settings(tmp_path, index.url)) as made:
        with pytest.raises(EnvironmentRefused) as refused:
            await made.environment(wish("mine", "deep>=1", requirement))
        assert refused.value.reason == reason
        assert named in refused.value.message
        assert await made.entries() == []


@pytest.mark.parametrize(
    ("status", "path", "reason"),
    [
        (401, "/simple", "index_unauthorized"),
        (403, "/simple", "index_unauthorized"),
        (500, "/simple", "index_unreachable"),
        (200, "/files/mine-1.0-py3-none-any.whl?", "index_nonsense"),
    ],
)
async def test_index_that_fails_delays(
    tmp_path: Path, index: PackageIndex, status: int, path: str, reason: str
) -> None:
    """It is not the version's fault, and it is tried again."""
    index.status = status
    url = index.url.replace("/simple", path)
    async with environments(settings(tmp_path, url)) as made:
        with pytest.raises(EnvironmentDelayed) as delayed:
            await made.environment(wish("mine==1.0"))
    assert delayed.value.reason == reason


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://127.0.0.1:1/simple", "index_unreachable"),
        ("http://index.invalid/simple", "index_unreachable"),
    ],
)
async def test_index_that_is_not_there_delays(tmp_path: Path, url: str, reason: str) -> None:
    """Nothing listens, or nobody knows the name."""
    async with environments(settings(tmp_path, url)) as made:
        with pytest.raises(EnvironmentDelayed) as delayed:
            await made.environment(wish("mine==1.0"))
    assert delayed.value.reason == reason


async def test_index_that_speaks_no_tls_delays(tmp_path: Path, index: PackageIndex) -> None:
    """The address says https."""
    url = index.url.replace("http://", "https://")
    async with environments(settings(tmp_path, url)) as made:
        with pytest.raises(EnvironmentDelayed) as delayed:
            await made.environment(wish("mine==1.0"))
    assert delayed.value.reason == "index_untrusted"


async def test_index_without_dates_is_asked_once_more_without_a_day(
    tmp_path: Path, index: PackageIndex
) -> None:
    """With a finding; what the version pins is so anyway."""
    for file in index.files.values():
        file.uploaded = None
    async with environments(settings(tmp_path, index.url)) as made:
        built = await made.environment(wish("mine==1.0"))
        again = await made.environment(wish("mine==1.0"))
    assert built.packages["deep"] == "2.0"
    assert [code for code, _ in built.findings] == ["unpinned_by_date"]
    assert again.findings == built.findings


async def test_package_that_is_younger_than_the_version_is_not_taken_for_one_without_a_date(
    tmp_path: Path, index: PackageIndex
) -> None:
    """The index says when it was published: all else stays of the day when the version was."""
    del index.files["deep-1.0-py3-none-any.whl"]
    async with environments(settings(tmp_path, index.url)) as made:
        with pytest.raises(EnvironmentRefused) as refused:
            await made.environment(wish("mine==1.0"))
    assert refused.value.reason == "version_nowhere"


async def test_day_is_not_asked_of_what_the_version_pins(
    tmp_path: Path, index: PackageIndex
) -> None:
    """A mirror may have got it later; what it needs in turn is of that day all the same."""
    index.files["mine-1.0-py3-none-any.whl"].uploaded = "2026-01-01T00:00:00Z"
    async with environments(settings(tmp_path, index.url)) as made:
        built = await made.environment(wish("mine==1.0"))
    assert built.packages["deep"] == "1.0"
    assert built.findings == ()
    # An interpreter alone takes some.
    assert 1024**2 < built.memory_bytes < 1024**3


@pytest.mark.parametrize(
    ("version", "tag", "reason"),
    [
        ("3.0", "py3-none-any", "version_nowhere"),
        ("1.0", "cp399-cp399-manylinux_2_17_x86_64", "no_wheel"),
    ],
)
async def test_first_index_alone_is_asked_where_the_operator_says_so(
    tmp_path: Path, index: PackageIndex, version: str, tag: str, reason: str
) -> None:
    """What a stranger has published elsewhere by that name is not taken instead."""
    with package_index(of_hosts=False) as first:
        first.add("mine", version, tag=tag)
        given = settings(
            tmp_path,
            index.url,
            environment={"UV_INDEX": first.url, "UV_INDEX_STRATEGY": "first-index"},
        )
        async with environments(given) as made:
            with pytest.raises(EnvironmentRefused) as refused:
                await made.environment(wish("mine==1.0"))
    assert refused.value.reason == reason


async def test_next_index_is_asked_where_the_first_has_but_other_versions(
    tmp_path: Path, index: PackageIndex
) -> None:
    """As pip would; with a finding, since the first one should have it."""
    with package_index(of_hosts=False) as first:
        first.add("mine", "3.0")
        given = settings(tmp_path, index.url, environment={"UV_INDEX": first.url})
        async with environments(given) as made:
            built = await made.environment(wish("mine==1.0"))
            newest = await made.environment(wish("mine"))
    assert built.packages["mine"] == "1.0"
    assert [code for code, _ in built.findings] == ["next_index_asked"]
    assert newest.packages["mine"] == "3.0"
    assert newest.findings == ()


@pytest.mark.parametrize(
    ("requirement", "reason"),
    [("deep==9.0", "version_nowhere"), ("sources==1.0", "source_build")],
)
async def test_what_no_index_has_is_told_where_the_first_one_lacks_something_else(
    tmp_path: Path, index: PackageIndex, requirement: str, reason: str
) -> None:
    """And the next one has that: who reads of it would look for what is there."""
    index.add_source("sources", "1.0")
    with package_index(of_hosts=False) as first:
        first.add("mine", "3.0")
        given = settings(tmp_path, index.url, environment={"UV_INDEX": first.url})
        async with environments(given) as made:
            with pytest.raises(EnvironmentRefused) as refused:
                await made.environment(wish("mine==1.0", requirement))
    assert refused.value.reason == reason
    assert requirement in refused.value.message


async def test_next_index_is_asked_where_the_first_has_no_wheel_for_this_python(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Of the version itself, which both have."""
    with package_index(of_hosts=False) as first:
        first.add("mine", "1.0", tag="cp399-cp399-manylinux_2_17_x86_64")
        given = settings(tmp_path, index.url, environment={"UV_INDEX": first.url})
        async with environments(given) as made:
            built = await made.environment(wish("mine==1.0"))
    assert run(built, "import mine; print(mine.VERSION)") == "1.0"


async def test_wheelhouse_needs_no_index(tmp_path: Path, index: PackageIndex) -> None:
    """Nobody is asked for anything."""
    wheelhouse = index.into(tmp_path / "wheels")
    asked = len(index.asked)
    async with environments(settings(tmp_path, index.url, wheelhouse=wheelhouse)) as made:
        built = await made.environment(wish("mine==1.0"))
        with pytest.raises(EnvironmentRefused) as refused:
            await made.environment(wish("nowhere"))
    assert run(built, "import mine; print(mine.VERSION)") == "1.0"
    assert refused.value.reason == "package_nowhere"
    assert len(index.asked) == asked


async def test_no_index_at_all_is_said(tmp_path: Path) -> None:
    """A lasting reason, unless somebody changes that."""
    given = settings(tmp_path, environment={"PIP_NO_INDEX": "true"})
    async with environments(given) as made:
        with pytest.raises(EnvironmentRefused) as refused:
            await made.environment(wish("mine==1.0"))
    assert refused.value.reason == "no_index"


async def test_wheels_and_constraints_of_the_artifact_count(
    tmp_path: Path, index: PackageIndex
) -> None:
    """The same wheel in another artifact is the same environment."""
    artifacts = [tmp_path / f"a b $HOME {n}" / "wheels" for n in range(2)]
    index.add("deep", "1.5")
    keys = []
    async with environments(settings(tmp_path, index.url)) as made:
        for folder in artifacts:
            folder.mkdir(parents=True)
            own = folder / "own-0.1-py3-none-any.whl"
            own.write_bytes(wheel("own", "0.1", ["deep"]))
            built = await made.environment(wish(wheels=(own,), constraints=("deep<1.2",)))
            keys.append(built.key)
    assert built.packages["own"] == "0.1"
    assert built.packages["deep"] == "1.0"
    assert run(built, "import own; print(own.VERSION)") == "0.1"
    assert len(set(keys)) == 1


async def test_uv_lock_of_the_artifact_decides_about_versions(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Of what its packages need in turn, and whatever day they are of; contradicted, it refuses."""
    lock = tmp_path / "uv.lock"
    lock.write_text(
        'version = 1\n[[package]]\nname = "deep"\nversion = "2.0"\n'
        'source = { registry = "https://x/simple" }\n'
    )
    async with environments(settings(tmp_path, index.url)) as made:
        without = await made.environment(wish("mine==1.0"))
        built = await made.environment(wish("mine==1.0", uv_lock=lock))
        with pytest.raises(EnvironmentRefused) as refused:
            await made.environment(wish("mine==1.0", "deep==1.0", uv_lock=lock))
    assert (without.packages["deep"], built.packages["deep"]) == ("1.0", "2.0")
    assert refused.value.reason == "requirements_conflict"


async def test_uv_project_with_a_flat_index_is_built_of_the_operators(
    tmp_path: Path, index: PackageIndex
) -> None:
    """As MLflow writes its folder into requirements.txt, which is not beside the artifact here."""
    artifact = tmp_path / "artifact"
    artifact.mkdir()
    (artifact / "requirements.txt").write_text("--extra-index-url wheels\nmine==1.0\n")
    digest = index.files["mine-1.0-py3-none-any.whl"].digest
    (artifact / "uv.lock").write_text(
        'version = 1\n[[package]]\nname = "mine"\nversion = "1.0"\n'
        'source = { registry = "wheels" }\n'
        f'wheels = [{{ path = "mine-1.0-py3-none-any.whl", hash = "sha256:{digest}" }}]\n'
    )
    logged = LoggedEnvironment(python=PYTHON, created="2024-06-01 12:00:00", mlflow="2.20.0")
    read = read_wish(artifact, logged)
    assert read.refusal() is None
    async with environments(settings(tmp_path, index.url)) as made:
        built = await made.environment(read.wish)
    assert built.packages["mine"] == "1.0"
    assert [code for code, _ in built.findings] == ["index_not_allowed"]


async def test_hashes_that_the_version_was_logged_with_count(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Those of its requirements, and of its uv.lock."""
    other = "sha256:" + "0" * 64
    lock = tmp_path / "uv.lock"
    lock.write_text(
        'version = 1\n[[package]]\nname = "deep"\nversion = "1.0"\n'
        f'wheels = [{{ url = "https://x/deep.whl", hash = "{other}" }}]\n'
    )
    right = f"sha256:{index.files['mine-1.0-py3-none-any.whl'].digest}"
    async with environments(settings(tmp_path, index.url)) as made:
        # The lock that is kept of it is no excuse.
        await made.environment(wish("mine==1.0", "deep==1.0"))
        for wrong in (
            wish("mine==1.0", hashes=(("mine", other),)),
            wish("mine==1.0", "deep==1.0", uv_lock=lock),
        ):
            with pytest.raises(EnvironmentRefused) as refused:
                await made.environment(wrong)
            assert refused.value.reason == "hash_mismatch"
        built = await made.environment(wish("mine==1.0", hashes=(("mine", right),)))
    assert built.packages["mine"] == "1.0"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("error: failed to write: No space left on device (os error 28)", "disk_full"),
        ("error: something that nobody has seen", "environment_failed"),
        ("error: invalid peer certificate: UnknownIssuer", "index_untrusted"),
    ],
)
async def test_what_uv_says_at_its_end_is_told(tmp_path: Path, said: str, reason: str) -> None:
    """Words of any kind, in the log alone."""
    uv = tmp_path / "uv"
    uv.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 2\n")
    uv.chmod(0o755)
    async with environments(settings(tmp_path, uv=uv)) as made:
        with pytest.raises(EnvironmentDelayed) as delayed:
            await made.environment(wish("mine==1.0"))
    assert delayed.value.reason == reason
    assert said in delayed.value.detail


async def test_package_that_is_named_like_a_fault_is_none(
    tmp_path: Path, index: PackageIndex
) -> None:
    """Its name is no word of uv's."""
    async with environments(settings(tmp_path, index.url)) as made:
        with pytest.raises(EnvironmentRefused) as refused:
            await made.environment(wish("certificate-unknownissuer"))
    assert refused.value.reason == "package_nowhere"


@pytest.mark.parametrize(
    ("asked", "variables", "reason"),
    [
        ([f"package-{n}" for n in range(60_000)], {}, "requirements_too_long"),
        ([], {"PIP_PROXY": "http://" + "p" * 200_000}, "environment_failed"),
    ],
    ids=["the version", "the operator"],
)
async def test_more_than_uv_can_be_told_is_not_the_disks_fault(
    tmp_path: Path,
    index: PackageIndex,
    asked: list[str],
    variables: dict[str, str],
    reason: str,
) -> None:
    """By whose fault it is too much: the version's lasts."""
    lock = tmp_path / "uv.lock"
    source = 'version = "1.0"\nsource = { registry = "https://x" }\n'
    named = "".join(f'[[package]]\nname = "{each}"\n{source}' for each in asked)
    lock.write_text(f"version = 1\n{named}")
    given = settings(tmp_path, index.url, environment=variables)
    async with environments(given) as made:
        with pytest.raises(FollowingError) as fault:
            await made.environment(wish("mine==1.0", uv_lock=lock if asked else None))
    assert fault.value.reason == reason
    assert isinstance(fault.value, EnvironmentRefused) == bool(asked)
