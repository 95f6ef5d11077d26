"""What is refused before any process is started for it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from service.contract.contract import RequestLimits
from service.decoder.front import Decoder, DecoderLimits
from service.environments.environment import BuiltEnvironment
from service.errors import PassingFault, VersionFault
from service.hosting.specification import HOST_ROLE, SKOPS_HOST_ROLE, PoolLimits
from service.processes.front.child import Child, Forks
from service.processes.front.output import OnLine
from service.refs import VersionId
from service.staging import HostStager
from tests.hosting.rows import Counts
from tests.support.serving import fetched_version

VERSION = VersionId("m", 1_700_000_000_000, "1")
EXAMPLE = b'{"inputs": [1]}'


class NoForks:
    """No process can be started."""

    async def fork(self, role: str, max_body_bytes: int, on_line: OnLine) -> Child:
        """Refuses."""
        raise PassingFault("load", "no_fork", f"{role} cannot be started.")


def stager(*, allow_unsigned: bool) -> HostStager:
    """One that comes as far as to fork."""
    return HostStager(
        NoForks(),
        Decoder(NoForks(), DecoderLimits(1), Told()),
        RequestLimits(10),
        PoolLimits(),
        lambda _: Counts(),
        allow_unsigned=allow_unsigned,
    )


async def staged(signature: Mapping[str, str | None] | None, *, allow_unsigned: bool) -> str:
    """With which reason such a version is refused; `no_fork` if nothing before that does."""
    with pytest.raises((VersionFault, PassingFault)) as refused:
        await stager(allow_unsigned=allow_unsigned).stage(
            replace(fetched_version(VERSION, EXAMPLE), signature=signature), None
        )
    return refused.value.reason


class Told:
    """Is told of a decoder, and forgets it."""

    def decoder_ended(self, reason: str) -> None:
        """Of its end."""

    def decoder_printed(self, stream: str, line: str) -> None:
        """Of what it prints."""


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "signature_missing"),
        ({"inputs": None, "outputs": None, "params": None}, "no_inputs"),
        ({"inputs": "[]"}, "no_inputs"),
        ({"inputs": '[{"type": "double"}]'}, "no_fork"),
    ],
)
async def test_version_without_a_signature_is_refused(
    signature: Mapping[str, str | None] | None, reason: str
) -> None:
    """Unless the operator allows it; then it is started like any other."""
    assert await staged(signature, allow_unsigned=False) == reason
    assert await staged(signature, allow_unsigned=True) == "no_fork"


@pytest.mark.parametrize(
    ("serialization_format", "role"),
    [("skops", SKOPS_HOST_ROLE), ("cloudpickle", HOST_ROLE), (None, HOST_ROLE)],
)
async def test_hosts_have_imported_skops_where_it_has_saved_the_model(
    serialization_format: str | None, role: str
) -> None:
    """By what they are forked as."""
    signature = {"inputs": '[{"type": "double"}]'}
    version = replace(
        fetched_version(VERSION, EXAMPLE),
        signature=signature,
        serialization_format=serialization_format,
    )
    with pytest.raises(PassingFault, match=f"{role} cannot be started"):
        await stager(allow_unsigned=False).stage(version, None)


async def test_bad_signature_is_no_missing_one() -> None:
    """Nor is one with inputs that cannot be read."""
    for signature in ({"inputs": "{"}, {"inputs": '[{"type": "decimal"}]'}):
        assert await staged(signature, allow_unsigned=True) == "bad_signature"


class Lent(NoForks):
    """A zygote of an environment that forks nothing, and whether it was given back."""

    def __init__(self) -> None:
        self.released = False

    async def of(self, built: BuiltEnvironment, role: str, /) -> "Lent":
        """Itself."""
        return self

    def release(self) -> None:
        """By whoever has asked for it."""
        self.released = True


@pytest.mark.parametrize(
    ("no_pickle", "found", "reason"),
    [
        (True, ("it runs without skops",), "not_trusted"),
        (True, (), "no_fork"),
        (False, ("x",), "no_fork"),
    ],
)
async def test_no_pickle_looks_with_the_libraries_that_load_the_version(
    no_pickle: bool,  # noqa: FBT001 - the table's word
    found: Sequence[str],
    reason: str,
) -> None:
    """In an environment of its own these are not Podium's, with which the gate has looked."""
    lent, asked = Lent(), list[tuple[Forks, Path]]()

    def objections_by(forks: Forks) -> Callable[[Path], Awaitable[Sequence[str]]]:
        async def objections(artifact: Path) -> Sequence[str]:
            asked.append((forks, artifact))
            return found

        return objections

    signature = {"inputs": '[{"type": "double"}]'}
    version = replace(fetched_version(VERSION), signature=signature)
    built = BuiltEnvironment("a" * 64, Path("/a"), Path("/a/bin/python"), "3.11.7", {})
    made = HostStager(
        NoForks(),
        Decoder(NoForks(), DecoderLimits(1), Told()),
        RequestLimits(10),
        PoolLimits(),
        lambda _: Counts(),
        no_pickle=no_pickle,
        zygotes=lent,
        objections_by=objections_by,
    )
    with pytest.raises((VersionFault, PassingFault)) as refused:
        await made.stage(version, built)
    assert refused.value.reason == reason
    assert asked == ([(lent, version.path)] if no_pickle else [])
    assert lent.released
