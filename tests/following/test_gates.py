"""Gates in front of hosts: what they refuse, what they let pass, what is tried again."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from service.contract.contract import RequestLimits
from service.environments.logged import LoggedEnvironment
from service.errors import VersionFault
from service.following.gates.compatible import CompatibleGate
from service.following.gates.example import ExampleGate
from service.following.gates.gate import Candidacy, GateClosed, GateFinding, Gates
from service.following.gates.requirements import RequirementsGate
from service.following.gates.signature import SignatureGate
from service.following.gates.tags import TagsGate
from service.following.gates.trust import TrustGate
from service.following.gates.variables import EnvironmentGate
from service.following.history import ServedBefore
from service.following.ports import FetchedVersion
from service.following.sentences import LONGEST_SENTENCE
from service.refs import ModelRef
from tests.following.fakes import FakeHistory, World, version
from tests.support.serving import fetched_version

IRIS = ModelRef("iris", "champion")
SIGNATURE = SignatureGate(RequestLimits(10), allow_unsigned=False)


def signature(*names: str, outputs: str | None = None) -> dict[str, Any]:
    """Fields of a version with these required double columns."""
    columns = [{"type": "double", "name": name, "required": True} for name in names]
    return {"signature": {"inputs": json.dumps(columns), "outputs": outputs, "params": None}}


def fetched(number: int, *names: str, **fields: Any) -> FetchedVersion:
    """A fetched version with these columns."""
    return replace(fetched_version(version(number)), **{**signature(*names), **fields})


def compatible(history: Any = None, *, allow_breaking: bool = False) -> CompatibleGate:
    """The gate with real contracts."""
    return CompatibleGate(
        SIGNATURE.describe, history or FakeHistory(), allow_breaking=allow_breaking
    )


def codes(findings: Any) -> list[str]:
    """Of findings."""
    return [finding.code for finding in findings]


def test_p12_breaking_signature_is_refused_with_every_reason() -> None:
    """A new required column is named, and nothing of a client's."""
    candidacy = Candidacy(IRIS, fetched(2, "w", "x", "y", "z"), fetched(1, "w", "x"))
    with pytest.raises(GateClosed) as closed:
        compatible().check(candidacy)
    assert (closed.value.gate, closed.value.stage) == ("compatible", "gate")
    assert closed.value.reason == "signature_breaks_clients"
    assert "`y` is required" in closed.value.message
    assert "`z` is required" in closed.value.message


@pytest.mark.parametrize(
    ("setting", "tags", "code"),
    [
        (True, {}, "allowed_by_setting"),
        (False, {"podium.allow_breaking": "true"}, "allowed_by_tag"),
    ],
)
def test_p12_breaking_signature_passes_where_it_is_allowed(
    setting: bool,  # noqa: FBT001 - the table's word
    tags: Mapping[str, str],
    code: str,
) -> None:
    """By setting or by the version's tag; and that is told."""
    candidate = fetched(2, "w", "x", "y", tags=tags)
    findings = compatible(allow_breaking=setting).check(
        Candidacy(IRIS, candidate, fetched(1, "w", "x"))
    )
    assert codes(findings) == ["input_added", code]


def test_p12_history_remembers_what_a_slot_has_served_over_restarts() -> None:
    """Such a version breaks nobody anew."""
    history = FakeHistory(served={(IRIS, version(2))})
    candidacy = Candidacy(IRIS, fetched(2, "w", "x", "y"), fetched(1, "w", "x"))
    assert codes(compatible(history).check(candidacy)) == ["input_added", "served_before"]


def test_p12_without_a_current_version_the_last_known_good_is_the_baseline() -> None:
    """Clients of before the restart are there still."""
    history = FakeHistory(known={IRIS: ServedBefore(fetched(1, "x"), 0.0)})
    with pytest.raises(GateClosed):
        compatible(history).check(Candidacy(IRIS, fetched(2, "w", "x", "y"), None))


def test_p12_first_version_is_accepted_without_a_baseline() -> None:
    """And that is told."""
    findings = compatible().check(Candidacy(IRIS, fetched(1, "x"), None))
    assert codes(findings) == ["no_baseline"]


def test_p12_changes_of_output_are_reported_only() -> None:
    """MLflow's own inference of outputs can be wrong."""
    before = fetched(1, **signature("x", outputs='[{"type": "long"}]'))
    after = fetched(2, **signature("x", outputs='[{"type": "double"}]'))
    findings = compatible().check(Candidacy(IRIS, after, before))
    assert codes(findings) == ["output_changed"]


def test_findings_of_a_wide_table_are_bounded() -> None:
    """A page and a line of the ledger stay readable."""
    wide = [f"column {number}" for number in range(300)]
    with pytest.raises(GateClosed) as closed:
        compatible().check(Candidacy(IRIS, fetched(2, *wide), fetched(1, "w", "x")))
    assert len(closed.value.findings) == 21
    assert len(closed.value.message) < LONGEST_SENTENCE
    shown = closed.value.message.count("is required")
    assert f"; and {300 - shown} more. To let it pass" in closed.value.message


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"serving_example": b"{}", "example_trouble": None}, []),
        ({"serving_example": None, "example_trouble": None}, ["example_missing"]),
        ({"serving_example": None, "example_trouble": "It is gone."}, ["example_unreadable"]),
        ({"serving_example": b"{}", "example_trouble": "It is gone."}, ["example_unreadable"]),
    ],
)
async def test_w5_version_that_could_not_be_tried_is_told(
    fields: dict[str, Any], expected: list[str]
) -> None:
    """It passes, since models may be logged without an example; nobody need find out by chance."""
    assert codes(await ExampleGate().check(fetched(1, "x", **fields))) == expected


async def test_p12_incompatible_version_starts_no_host_where_no_slot_takes_it() -> None:
    """It is refused before anything is loaded, and what serves goes on."""
    world = World(gates=Gates(of_slot=(compatible(),)))
    world.registry.fetched_fields = {
        version(1): signature("w", "x"),
        version(2): signature("w", "x", "y"),
    }
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    assert world.stager.staged == [version(1)]
    status = world.slot.status
    assert (status.state, status.version) == ("refused", version(1))
    assert status.failure is not None
    assert (status.failure.stage, status.failure.code) == ("gate", "signature_breaks_clients")


async def test_p12_slots_are_asked_each_for_itself() -> None:
    """One takes the version, the other one refuses it."""
    world = World("iris@champion", "iris@shadow", gates=Gates(of_slot=(compatible(),)))
    world.registry.fetched_fields = {
        version(1): signature("w", "x"),
        version(2): signature("w", "x", "y"),
    }
    await world.follow_to(version(1))
    world.move(version(2), 0)
    world.move(version(2), 1)
    await world.follow()
    champion, shadow = world.slots.values()
    assert (champion.version, shadow.version) == (version(1), version(2))
    assert (champion.status.state, shadow.status.state) == ("refused", "serving")


async def test_p12_slot_may_move_back_to_what_it_has_served() -> None:
    """Although that breaks those who have begun to leave out what the new one needs not."""
    history = FakeHistory()
    gates = Gates(of_slot=(compatible(history),))
    world = World(gates=gates, history=history, keep_warm_seconds=0)
    world.registry.fetched_fields = {version(1): signature("x", "y"), version(2): signature("x")}
    for number in (1, 2, 1):
        await world.follow_to(version(number))
        assert world.slot.version == version(number)


async def test_p12_what_came_to_serve_during_the_load_is_what_counts() -> None:
    """A slot that takes a version late is asked again before the swap."""
    world = World("iris@champion", "iris@shadow", gates=Gates(of_slot=(compatible(),)))
    world.registry.fetched_fields = {
        version(1): signature("x"),
        version(2): signature("x", "y"),
        version(3): signature("x"),
    }
    world.move(version(3), 1)
    await world.follow()
    gate = world.stager.gates[version(2)] = asyncio.Event()
    world.move(version(2), 0)
    await world.follower.tick()
    await world.stager.entered[version(2)].wait()
    world.move(version(2), 1)
    await world.follower.tick()
    gate.set()
    await world.follower.settled()
    champion, shadow = world.slots.values()
    assert (champion.version, shadow.version) == (version(2), version(3))


async def test_p13_unmet_tags_are_looked_at_again_on_each_tick() -> None:
    """The alias stays where it is; as soon as the tag is there, the version serves."""
    world = World(gates=Gates(of_tags=(TagsGate({"validated": "yes"}),)))
    await world.follow_to(version(1))
    assert world.slot.failure is not None
    assert world.slot.failure.code == "tags_unmet"
    assert "validated=yes" in world.slot.failure.message
    await world.follow()
    await world.follow()
    assert world.registry.tag_looks == [[version(1)], [version(1)]]
    assert world.registry.fetched == [version(1)]
    world.registry.fetched_fields[version(1)] = {"tags": {"validated": "yes"}}
    await world.follow()
    assert world.slot.version == version(1)
    await world.follow()
    assert len(world.registry.tag_looks) == 3


async def test_tags_are_looked_up_for_refused_slots_alone() -> None:
    """Not for what serves, nor for what another gate has refused."""
    world = World(gates=Gates(of_slot=(compatible(),), of_tags=(TagsGate({}),)))
    world.registry.fetched_fields = {
        version(1): signature("w", "x"),
        version(2): signature("w", "x", "y"),
    }
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    await world.follow()
    assert world.registry.tag_looks == []


async def test_signature_gate_refuses_what_has_none() -> None:
    """Unless the operator allows it, which is told."""
    unsigned = replace(fetched_version(version(1)), signature=None)
    with pytest.raises(GateClosed) as closed:
        await SIGNATURE.check(unsigned)
    assert (closed.value.gate, closed.value.reason) == ("signature", "signature_missing")
    allowing = SignatureGate(RequestLimits(10), allow_unsigned=True)
    assert codes(await allowing.check(unsigned)) == ["unsigned"]
    assert await SIGNATURE.check(fetched(1, "x")) == ()


ALLOWED = {"package_differs", "line_ignored"}


async def required(
    tmp_path: Path, text: str | None, *, refuse: bool = False, ignore: bool = False, **fields: Any
) -> Any:
    """What the gate finds in this requirements.txt."""
    if text is not None:
        (tmp_path / "requirements.txt").write_text(text)
    gate = RequirementsGate(refuse=refuse, ignore=ignore)
    return await gate.check(replace(fetched_version(version(1)), path=tmp_path, **fields))


async def test_missing_package_always_refuses(tmp_path: Path) -> None:
    """All of them are named at once."""
    with pytest.raises(GateClosed) as closed:
        await required(tmp_path, "orjson\nno-such-thing==1.0\nnor-this>=2,<3\n")
    assert (closed.value.gate, closed.value.reason) == ("requirements", "package_missing")
    assert "no-such-thing==1.0 is asked for, is not installed" in closed.value.message
    assert "nor-this<3,>=2" in closed.value.message
    assert "orjson" not in closed.value.message


async def test_package_of_another_version_is_told_with_both(tmp_path: Path) -> None:
    """Or refused, where the operator says so."""
    (finding,) = await required(tmp_path, "orjson==0.1\n")
    assert finding.code == "package_differs"
    assert finding.sentence.startswith("orjson==0.1 is asked for, 3.")
    with pytest.raises(GateClosed) as closed:
        await required(tmp_path, "orjson==0.1\n", refuse=True)
    assert closed.value.reason == "package_differs"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# comment",
        "orjson  # why",
        "orjson==9; python_version < '3'",
        "no-such; sys_platform == 'win32'",
        "ORJSON>=3",
        "orjson>=3 \\\n  --hash=sha256:00",
        "orjson @ https://user:secret@example.org/orjson.whl",
        "-i https://user:secret@h/simple",
        "setuptools==0.1",
        "httpx[cli]; extra == 'x'",
        "pandas[pyarrow]",
    ],
)
async def test_requirement_that_is_met_is_no_finding(tmp_path: Path, line: str) -> None:
    """Comments, markers, hashes, indexes and extras are understood, and tools do not count."""
    findings = await required(tmp_path, f"{line}\n", refuse=False)
    assert [found for found in findings if found.code not in ALLOWED] == []
    assert "secret" not in str(findings)


async def test_extra_asks_for_its_packages_too(tmp_path: Path) -> None:
    """`name[extra]` without what the extra needs is a missing package."""
    with pytest.raises(GateClosed) as closed:
        await required(tmp_path, "requests[socks]\n")
    assert "pysocks" in closed.value.message.lower()


async def test_place_to_look_for_packages_is_nothing_to_compare(tmp_path: Path) -> None:
    """Whoever builds an environment says whether it is asked; it may hold a secret."""
    assert await required(tmp_path, "-f https://user:secret@h/simple\n") == ()


@pytest.mark.parametrize("line", ["-r other.txt", "-e .", "./a b", "secret\x1b[2J"])
async def test_line_that_names_no_package_is_ignored_and_not_repeated(
    tmp_path: Path, line: str
) -> None:
    """It may hold a secret."""
    (finding,) = await required(tmp_path, f"{line}\n")
    assert finding.code == "line_ignored"
    assert "secret" not in finding.sentence


@pytest.mark.parametrize(
    "line",
    [
        "orjson; python_version ~= 'abc'",
        "orjson; 'x' in extras",
        "orjson; sys_platform ~= 'linux'",
        f"orjson; os_name ~= '{'x' * 4000}'",
    ],
)
async def test_p13_condition_that_nobody_can_tell_is_a_finding_with_its_line(
    tmp_path: Path, line: str
) -> None:
    """It is no fault of Podium's that would be met again for ever; nothing of it steers a page."""
    (finding,) = await required(tmp_path, f"orjson\n{line}\n")
    assert finding.code == "condition_unknown"
    assert finding.sentence.startswith("Line 2 of requirements.txt is ignored: ")
    assert "orjson; " in finding.sentence
    assert finding.sentence.isprintable()
    assert len(finding.sentence) < 300


@pytest.mark.parametrize("line", ["orjson; bogus == 'x'", "orjson; python_version", "orjson; ((("])
async def test_line_with_a_broken_condition_names_no_package(tmp_path: Path, line: str) -> None:
    """As pip has it."""
    assert codes(await required(tmp_path, f"{line}\n")) == ["line_ignored"]


def installed(folder: Path, name: str, metadata: bytes) -> None:
    """A package as its installation left it."""
    (folder / f"{name}.dist-info").mkdir()
    (folder / f"{name}.dist-info" / "METADATA").write_bytes(metadata)


@pytest.mark.parametrize("version", ["Version: weird-dev\n", "", "\xff\xfe"])
async def test_p13_installed_version_that_is_none_is_a_difference(
    tmp_path: Path, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be compared with nothing, and is enough where any would do."""
    installed(tmp_path, "oddly_made-1", b"Name: oddly_made\n" + version.encode("latin-1"))
    monkeypatch.syspath_prepend(tmp_path)
    assert await required(tmp_path, "oddly-made\n") == ()
    (finding,) = await required(tmp_path, "oddly-made>=1\n")
    assert finding.code == "package_differs"
    assert "oddly-made>=1 is asked for, " in finding.sentence
    assert finding.sentence.endswith(" is installed, which cannot be compared.")
    with pytest.raises(GateClosed) as closed:
        await required(tmp_path, "oddly-made>=1\n", refuse=True)
    assert closed.value.reason == "package_differs"


async def test_needs_of_an_extra_that_nobody_can_read_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old packages have metadata of any kind."""
    needs = b"Requires-Dist: no-such; os_name ~= 'x'\nRequires-Dist: ((\n"
    installed(tmp_path, "oddly_made-1", b"Name: oddly_made\nVersion: 1\n" + needs)
    monkeypatch.syspath_prepend(tmp_path)
    assert await required(tmp_path, "oddly-made[more]==1\n") == ()


async def test_findings_of_requirements_are_bounded(tmp_path: Path) -> None:
    """With how many are left out, of each kind."""
    odd = "orjson; os_name ~= 'x'\n-r other.txt\norjson==0.1\n" * 30
    findings = await required(tmp_path, odd)
    assert len(findings) == 63
    assert [each.sentence for each in findings if each.code == "more"] == [
        f"10 more of the kind {code} are not listed."
        for code in ("line_ignored", "condition_unknown", "package_differs")
    ]


async def test_version_without_requirements_passes(tmp_path: Path) -> None:
    """And that is told."""
    assert codes(await required(tmp_path, None)) == ["no_requirements"]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param("orjson\nno-such-thing==1\norjson==0.1\n", id="missing and another"),
        pytest.param("orjson\n" * 3000, id="too long"),
    ],
)
async def test_o13_requirements_that_are_ignored_refuse_nothing_and_are_told(
    tmp_path: Path, lines: str
) -> None:
    """Somebody who knows better goes on, and finds it in the ledger if it was not better."""
    told = codes(await required(tmp_path, lines, ignore=True))
    assert told in (["package_missing", "package_differs"], ["requirements_too_long"])


async def test_o13_what_conda_yaml_asks_for_counts_where_there_is_nothing_else(
    tmp_path: Path,
) -> None:
    """The version does say what it needs; a requirements.txt, which MLflow installs, wins."""
    conda = ("orjson", "no-such-thing==1")
    with pytest.raises(GateClosed) as closed:
        await required(tmp_path, None, logged=LoggedEnvironment(pip=conda))
    assert closed.value.reason == "package_missing"
    assert await required(tmp_path, None, logged=LoggedEnvironment(pip=("orjson",))) == ()
    assert await required(tmp_path, "orjson\n", logged=LoggedEnvironment(pip=conda)) == ()


async def test_endless_requirements_are_refused(tmp_path: Path) -> None:
    """Nobody reads megabytes of them."""
    for text in ("orjson\n" * 3000, "#" * 300_000):
        with pytest.raises(GateClosed) as closed:
            await required(tmp_path, text)
        assert closed.value.reason == "requirements_too_long"


class Objecting:
    """Looks at artifacts and says what it was told to."""

    def __init__(self, *objections: str) -> None:
        self.objections = objections

    async def inspect(self, artifact: Path) -> tuple[str, ...]:
        return self.objections


async def test_trust_gate_names_every_objection() -> None:
    """The clauses are the inspector's."""
    assert codes(await TrustGate(Objecting()).check(fetched(1, "x"))) == ["no_pickle"]
    with pytest.raises(GateClosed) as closed:
        await TrustGate(Objecting("it is saved as a pickle", "it streams")).check(fetched(1, "x"))
    assert (closed.value.gate, closed.value.reason) == ("trust", "not_trusted")
    assert closed.value.message.endswith("its author: it is saved as a pickle; it streams.")


class Closed:
    """A gate that is never open."""

    async def check(self, fetched: FetchedVersion) -> tuple[GateFinding, ...]:
        raise GateClosed("trust", "not_trusted", "No.")


async def test_p13_version_that_a_gate_refuses_is_quarantined() -> None:
    """No host was started, and the next tick does not try again."""
    world = World(gates=Gates(of_version=(Closed(),)))
    await world.follow_to(version(1))
    await world.follow()
    assert world.registry.fetched == [version(1)]
    assert world.stager.staged == []
    assert isinstance(GateClosed("a", "b", "c"), VersionFault)


async def test_gates_findings_and_stages_are_in_the_ledger() -> None:
    """Of the version's gates and of the slot's, with the time of each stage."""
    world = World(gates=Gates(of_version=(TrustGate(Objecting()),), of_slot=(compatible(),)))
    world.registry.fetched_fields[version(1)] = signature("x")
    await world.follow_to(version(1))
    (entry,) = world.ledger.page(10)
    assert codes(entry.findings) == ["no_pickle", "no_baseline"]
    assert entry.seconds is not None
    assert list(entry.seconds) == ["look", "wait", "fetch", "gates", "load"]


async def test_refusal_by_a_gate_names_it_in_the_ledger() -> None:
    """With the version that serves on, the code and the sentence."""
    world = World(gates=Gates(of_slot=(compatible(),)))
    world.registry.fetched_fields = {
        version(1): signature("w", "x"),
        version(2): signature("w", "x", "y"),
    }
    await world.follow_to(version(1))
    await world.follow_to(version(2))
    entry = world.ledger.page(1)[0]
    assert (entry.outcome, entry.before, entry.version) == ("refused", "1", "2")
    assert (entry.gate, entry.stage) == ("compatible", "gate")
    assert entry.code == "signature_breaks_clients"
    assert codes(entry.findings) == ["input_added"]


async def test_o2_variables_that_a_models_processes_will_not_have_are_a_finding(
    tmp_path: Path,
) -> None:
    """Named, whatever its author has called them, and the version passes."""
    listed = "# This file records environment variable names\nA_KEY\nB_TOKEN\n\nC\x1b[31m\n"
    (tmp_path / "environment_variables.txt").write_text(listed)
    asked: list[str] = []

    def given(model: str) -> set[str]:
        asked.append(model)
        return {"A_KEY"}

    version_of_iris = replace(fetched(1, "x"), path=tmp_path)
    (finding,) = await EnvironmentGate(given).check(version_of_iris)
    assert (finding.gate, finding.code) == ("environment", "variable_missing")
    assert "B_TOKEN" in finding.sentence
    assert "A_KEY" not in finding.sentence
    assert finding.sentence.isprintable()
    assert asked == [version_of_iris.version.name]


@pytest.mark.parametrize("content", [None, b"", b"# nothing\n", b"A\n", b"A\n" * 100_000])
async def test_o2_model_whose_variables_are_all_there_has_no_such_finding(
    tmp_path: Path, content: bytes | None
) -> None:
    """Nor one that lists none; a list without end is read in part."""
    if content is not None:
        (tmp_path / "environment_variables.txt").write_bytes(content)
    gate = EnvironmentGate(lambda _: {"A"})
    assert await gate.check(replace(fetched(1, "x"), path=tmp_path)) == ()


@pytest.mark.parametrize("code", ["load_failed", "warm_up_failed", "host_died"])
async def test_o2_model_that_fails_to_load_is_told_beside_which_variables_it_has_not(
    tmp_path: Path, code: str
) -> None:
    """Where the model itself has raised; it may well be why."""
    (tmp_path / "environment_variables.txt").write_text("A_KEY\n")
    world = World(gates=Gates(of_version=(EnvironmentGate(lambda _: ()),)))
    world.registry.fetched_fields = {version(1): {"path": tmp_path}}
    world.stager.errors[version(1)] = VersionFault("load", code, "It failed.")
    await world.follow_to(version(1))
    failure = world.slot.status.failure
    assert failure is not None
    assert (failure.code, "A_KEY" in failure.message) == (code, code != "host_died")
