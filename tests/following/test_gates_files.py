"""Gates read files of an artifact beside the loop, and for so long."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from service.errors import PassingFault
from service.following.gates import files as gates_files
from service.following.gates.gate import Gate
from service.following.gates.requirements import RequirementsGate
from service.following.gates.variables import EnvironmentGate
from tests.following.fakes import version
from tests.support.serving import fetched_version

GATES: Mapping[str, Gate] = {
    "environment_variables.txt": EnvironmentGate(lambda _: ()),
    "requirements.txt": RequirementsGate(refuse=False),
}


@pytest.mark.parametrize("name", GATES)
async def test_p13_gate_whose_disk_hangs_is_a_passing_fault(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again; nothing that serves waits."""
    # It has not answered before it could.
    monkeypatch.setattr(gates_files, "_SECONDS", 0.0)
    (tmp_path / name).touch()
    with pytest.raises(PassingFault) as raised:
        await GATES[name].check(replace(fetched_version(version(1)), path=tmp_path))
    assert (raised.value.stage, raised.value.reason) == ("gate", "disk")
