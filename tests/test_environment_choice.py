"""Where a version runs, from its artifact on: read, chosen, built or not, and what is said."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from service.environment_choice import VersionChoices, VersionEnvironments
from service.environments.choosing import EnvironmentRules, OwnEnvironment
from service.environments.difference import Packages
from service.environments.environment import (
    BuildProgress,
    BuiltEnvironment,
    EnvironmentDelayed,
    EnvironmentRefused,
    EnvironmentWish,
    ForeseenBuild,
)
from service.errors import VersionFault
from service.following.environments import RunsIn
from service.following.gates.gate import GateClosed
from service.following.gates.requirements import RequirementsGate
from service.following.ports import FetchedVersion
from tests.following.environments import built
from tests.following.fakes import version
from tests.support.serving import fetched_version

THERE = {"mlflow": "3.17.2", "scikit-learn": "1.9.0", "numpy": "2.4.4"}
OWN = OwnEnvironment("3.11.7", Packages(THERE.get, lambda _: ()))
DOWN = EnvironmentDelayed("index_unreachable", "The index does not answer.")


@dataclass
class FakeBuilder:
    """Builds whatever is asked for; or fails so."""

    fault: EnvironmentRefused | EnvironmentDelayed | None = None
    asked: list[EnvironmentWish] = field(default_factory=list)

    async def environment(
        self, wish: EnvironmentWish, tell: Callable[[BuildProgress], None] = lambda _: None
    ) -> BuiltEnvironment:
        self.asked.append(wish)
        tell(BuildProgress("install", 3))
        if self.fault is not None:
            raise self.fault
        return replace(built("key"), findings=(("unpinned_by_date", "No publish times."),))

    async def kept(self, key: str) -> BuiltEnvironment | None:
        return built(key) if key == "kept" else None

    async def foresee(self, wish: EnvironmentWish) -> ForeseenBuild:
        if self.fault is not None:
            raise self.fault
        there = bool(self.asked)
        return ForeseenBuild("key", "3.11.7", 64, there=there, memory_bytes=there * 9 * 1024**2)


def logged(
    folder: Path, requirements: str, tags: Mapping[str, str] | None = None
) -> FetchedVersion:
    """A version whose artifact asks for this."""
    (folder / "requirements.txt").write_text(requirements)
    return replace(fetched_version(version(1)), path=folder, tags=tags or {})


async def found(
    fetched: FetchedVersion,
    fault: EnvironmentRefused | EnvironmentDelayed | None = None,
    rules: EnvironmentRules | None = None,
    *,
    ran_in: str | None = None,
    refuse: bool = False,
) -> tuple[list[str], RunsIn | None]:
    """The codes of all that was found on its way, and where it runs; None: nothing is built."""
    choices = VersionChoices(rules or EnvironmentRules(), lambda _: ran_in, OWN)
    gate = RequirementsGate(refuse=refuse, choose=choices.first)
    environments = VersionEnvironments(choices, FakeBuilder(fault), gate.judge)
    codes = [each.code for each in await gate.check(fetched)]
    choice = await environments.choose(fetched)
    if not choice.builds:
        return codes, None
    runs_in = await environments.find(fetched, choice, lambda _: None)
    return [*codes, *(each.code for each in runs_in.findings)], runs_in


async def test_version_that_podiums_satisfies_is_not_built(tmp_path: Path) -> None:
    """It is compared as ever."""
    assert await found(logged(tmp_path, "mlflow==2.9.2\nnumpy\n")) == (["package_differs"], None)


async def test_version_that_it_does_not_satisfy_gets_one_of_its_own(tmp_path: Path) -> None:
    """Which is not compared with Podium's; why stands in the findings, and what the build found."""
    codes, runs_in = await found(logged(tmp_path, "mlflow==2.9.2\nscikit-learn==1.5.2\n"))
    assert codes == ["environment_of_its_own", "unpinned_by_date"]
    assert (runs_in and runs_in.key) == "key"


async def test_gate_says_what_podiums_own_lacks(tmp_path: Path) -> None:
    """In a sentence for people."""
    choices = VersionChoices(EnvironmentRules(), own=OWN)
    gate = RequirementsGate(refuse=True, choose=choices.choose)
    (finding,) = await gate.check(logged(tmp_path, "scikit-learn==1.5.2\nno-such-thing\n"))
    assert finding.sentence == (
        "It runs in an environment of its own: no-such-thing is asked for, is not installed; "
        "scikit-learn==1.5.2 is asked for, 1.9.0 is installed."
    )


async def test_podiums_stands_in_while_the_index_is_down(tmp_path: Path) -> None:
    """Minor releases apart alone; both findings stand, and what differs."""
    codes, runs_in = await found(logged(tmp_path, "numpy==2.3.0\n"), DOWN)
    assert codes == ["environment_of_its_own", "index_unreachable", "package_differs"]
    assert runs_in == RunsIn(awaited=True, findings=runs_in.findings if runs_in else ())


async def test_stand_in_passes_the_gate_of_requirements_or_not_at_all(tmp_path: Path) -> None:
    """PODIUM_REQUIREMENTS=refuse means it."""
    with pytest.raises(GateClosed) as closed:
        await found(logged(tmp_path, "numpy==2.3.0\n"), DOWN, refuse=True)
    assert closed.value.reason == "package_differs"
    assert [each.code for each in closed.value.findings] == ["index_unreachable"]


async def test_delay_is_raised_where_more_differs(tmp_path: Path) -> None:
    """It is tried again."""
    with pytest.raises(EnvironmentDelayed):
        await found(logged(tmp_path, "numpy==1.26.4\n"), DOWN)
    codes, runs_in = await found(logged(tmp_path, "numpy==1.26.4\n"), DOWN, ran_in="")
    assert codes[1:] == ["index_unreachable", "package_differs"]
    assert runs_in == RunsIn(awaited=True, findings=runs_in.findings if runs_in else ())


async def test_p5_version_goes_on_in_the_environment_that_it_served_in(tmp_path: Path) -> None:
    """Whatever is against another, as that packages have gone; if it lies here. It is told."""
    fetched = logged(tmp_path, "numpy==1.26.4\n")
    for fault in (DOWN, EnvironmentRefused("package_nowhere", "No index has it any more.")):
        codes, runs_in = await found(fetched, fault, ran_in="kept")
        assert codes == ["environment_of_its_own", "environment_kept"]
        assert (runs_in and runs_in.key) == "kept"
        with pytest.raises(type(fault)):
            await found(fetched, fault, ran_in="gone")


async def test_what_cannot_be_built_from_refuses_before_a_build(tmp_path: Path) -> None:
    """With every mistake of the file."""
    with pytest.raises(VersionFault) as refused:
        await found(logged(tmp_path, "numpy==1.26.4\nx @ git+https://example.com/x\n-r y.txt\n"))
    assert refused.value.reason == "requirement_by_address"
    assert "Line 2" in refused.value.message
    assert "Line 3" in refused.value.message


async def test_version_without_requirements_runs_in_podiums(tmp_path: Path) -> None:
    """As it always did, and says so."""
    bare = replace(fetched_version(version(1)), path=tmp_path)
    assert await found(bare) == (["no_requirements"], None)


async def test_tag_keeps_a_version_in_podiums(tmp_path: Path) -> None:
    """Compared with it."""
    fetched = logged(tmp_path, "numpy==1.26.4\n", {"podium.env_manager": "local"})
    assert await found(fetched) == (["package_differs"], None)


async def test_what_a_build_would_come_to_is_foreseen(tmp_path: Path) -> None:
    """Whether it is there already; and what would be done without it."""
    fetched = logged(tmp_path, "numpy==2.3.0\n")
    choices = VersionChoices(EnvironmentRules(), own=OWN)
    gate, builder = RequirementsGate(refuse=False, choose=choices.choose), FakeBuilder()
    environments = VersionEnvironments(choices, builder, gate.judge)
    choice = await environments.choose(fetched)
    (first,) = await environments.foresee(fetched, choice)
    await environments.find(fetched, choice, lambda _: None)
    (then,) = await environments.foresee(fetched, choice)
    builder.fault = DOWN
    without = await environments.foresee(fetched, choice)
    assert (first.code, then.code) == ("environment_to_build", "environment_there")
    assert "its libraries take 9 MiB of memory" in then.sentence
    assert [each.code for each in without] == ["index_unreachable", "package_differs"]


async def test_version_is_compared_once_beside_the_loop(tmp_path: Path) -> None:
    """By a thread: what is installed takes long to look through. Its load goes by the same."""
    threads: list[threading.Thread] = []

    def there(name: str) -> str | None:
        threads.append(threading.current_thread())
        return THERE.get(name)

    own = OwnEnvironment("3.11.7", Packages(there, lambda _: ()))
    choices = VersionChoices(EnvironmentRules(), own=own)
    fetched = logged(tmp_path, "numpy==2.3.0\n")
    gate = RequirementsGate(refuse=False, choose=choices.first)
    await gate.check(fetched)
    assert await choices.choose(fetched) == await choices.first(fetched)
    assert len(threads) == 2
    assert threading.main_thread() not in threads


async def test_choice_is_handed_on_once_and_for_the_same_files_alone(tmp_path: Path) -> None:
    """What is fetched anew, or asked about later, is chosen for anew."""
    choices = VersionChoices(EnvironmentRules(), own=OWN)
    fetched = logged(tmp_path, "numpy==2.3.0\n")
    assert (await choices.first(fetched)).builds
    assert not (await choices.choose(logged(tmp_path, "numpy==2.4.4\n"))).builds
    await choices.first(fetched)
    (tmp_path / "requirements.txt").write_text("numpy==2.3.0\n")
    assert not (await choices.choose(fetched)).builds
    assert (await choices.choose(fetched)).builds


async def test_what_a_version_served_in_before_is_foreseen(tmp_path: Path) -> None:
    """As it will be taken."""
    fetched = logged(tmp_path, "numpy==1.26.4\n")
    choices = VersionChoices(EnvironmentRules(), lambda _: "kept", OWN)
    gate = RequirementsGate(refuse=False, choose=choices.first)
    environments = VersionEnvironments(choices, FakeBuilder(DOWN), gate.judge)
    (found,) = await environments.foresee(fetched, await environments.choose(fetched))
    assert found.code == "environment_kept"
