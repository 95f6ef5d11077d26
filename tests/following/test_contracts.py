"""A version's contract is compiled once, and never by the loop's thread."""

import asyncio
import gc
import json
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from service.contract import definition
from service.contract.contract import Contract, RequestLimits, compile_contract
from service.errors import PassingFault
from service.following import contracts
from service.following.gates.compatible import CompatibleGate
from service.following.gates.gate import Candidacy, Gates
from service.following.gates.signature import SignatureGate
from service.following.ports import FetchedVersion
from service.refs import ModelRef
from tests.following.fakes import FakeHistory, World, version
from tests.support.serving import fetched_version
from tests.test_staging import stager

LIMITS = RequestLimits(10)
REF = ModelRef("iris", "champion")


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> list[threading.Thread]:
    """The threads in which contracts are compiled, one for each time."""
    threads: list[threading.Thread] = []

    def watched(
        signature: Mapping[str, str | None], limits: RequestLimits, **more: Any
    ) -> Contract:
        threads.append(threading.current_thread())
        return compile_contract(signature, limits, **more)

    monkeypatch.setattr(definition, "compile_contract", watched)
    return threads


def fetched(number: int, *names: str, example: bytes | None = None) -> FetchedVersion:
    """A version of these double columns."""
    columns = [{"type": "double", "name": name, "required": True} for name in names]
    signature = {"inputs": json.dumps(columns), "outputs": None, "params": None}
    return replace(fetched_version(version(number), example), signature=signature)


def gates() -> tuple[SignatureGate, CompatibleGate]:
    """As a service has them."""
    signature = SignatureGate(LIMITS, allow_unsigned=False)
    return signature, CompatibleGate(signature.describe, FakeHistory(), allow_breaking=True)


async def test_p5_version_is_compiled_once_from_the_gates_to_its_hosts(
    compiling: list[threading.Thread],
) -> None:
    """By the gates, for the comparison, for its example and for requests: beside the loop."""
    example = b'{"dataframe_split": {"columns": ["a"], "data": [[1.0]]}}'
    old, new = fetched(1, "b"), fetched(2, "a", example=example)
    signature, compatible = gates()
    for each in (old, new):
        await signature.check(each)
    candidacy = Candidacy(REF, new, old)
    await compatible.prepare(candidacy)
    compatible.check(candidacy)
    with pytest.raises(PassingFault, match="cannot be started"):
        await stager(allow_unsigned=False).stage(new, None)
    assert len(compiling) == 2
    assert threading.main_thread() not in compiling


async def test_contract_that_several_want_at_once_is_compiled_once(
    compiling: list[threading.Thread],
) -> None:
    """The others wait for it."""
    new = fetched(1, "a")
    ours, others = gates()[0], gates()[0]
    await asyncio.gather(*(gate.check(new) for gate in (ours, others, ours)))
    assert len(compiling) == 1


async def test_example_of_more_rows_than_clients_may_send_is_taken(
    compiling: list[threading.Thread],
) -> None:
    """It is what its author has made it; then alone is a contract without that limit made."""
    rows = {"dataframe_split": {"columns": ["a"], "data": [[1.0]] * (LIMITS.max_rows + 1)}}
    new = fetched(1, "a", example=json.dumps(rows).encode())
    with pytest.raises(PassingFault, match="cannot be started"):
        await stager(allow_unsigned=False).stage(new, None)
    assert len(compiling) == 2
    assert threading.main_thread() not in compiling


async def test_p5_versions_are_compared_beside_the_loop(
    compiling: list[threading.Thread],
) -> None:
    """Also one that is still warm, with what has taken its place: the alias moves back."""
    threads: list[threading.Thread] = []
    signature, _ = gates()

    def described(of: FetchedVersion) -> Mapping[str, Any]:
        threads.append(threading.current_thread())
        return signature.describe(of)

    comparing = CompatibleGate(described, FakeHistory(), allow_breaking=True)
    world = World(gates=Gates(of_version=(signature,), of_slot=(comparing,)))
    for number, name in ((1, "a"), (2, "b")):
        fields = {"signature": fetched(number, name).signature}
        world.registry.fetched_fields[version(number)] = fields
    for number in (1, 2, 1, 2):
        await world.follow_to(version(number))
        assert world.slot.version == version(number)
    assert threading.main_thread() not in threads + compiling
    assert len(compiling) == 2
    # Each direction once, with two descriptions.
    assert len(threads) == 4
    await world.follower.close()


def test_p15_contracts_made_at_once_leave_the_interpreter_as_it_was() -> None:
    """The last of several threads puts back what the first one has found; none does before."""
    before = sys.getswitchinterval()
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(contracts._patient)
        second.enter_context(contracts._patient)
        assert sys.getswitchinterval() < before
        first.close()
        assert sys.getswitchinterval() < before
        assert not gc.isenabled()
    assert sys.getswitchinterval() == before
    assert gc.isenabled()


async def test_p13_contract_that_takes_for_ever_is_given_up_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a passing fault; the loop waits for none of it."""
    gate = threading.Event()
    monkeypatch.setattr(contracts, "_SECONDS", 0.01)
    monkeypatch.setattr(definition, "compile_contract", lambda *_, **__: gate.wait(60.0))
    with pytest.raises(PassingFault) as raised:
        await contracts.Contracts(LIMITS, allow_unsigned=False).of(fetched(1, "a"))
    gate.set()
    assert raised.value.reason == "signature_slow"
