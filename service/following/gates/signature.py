"""The gate of the signature: without one, requests cannot be checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.contract.contract import RequestLimits
from service.following.contracts import Contracts
from service.following.gates.gate import GateFinding
from service.following.ports import FetchedVersion


class SignatureGate:
    """Opens when the version's contract can be compiled; `VersionFault` of stage `contract` else.

    A version without a signature passes where the operator allows it.
    """

    def __init__(self, limits: RequestLimits, *, allow_unsigned: bool) -> None:
        self._contracts = Contracts(limits, allow_unsigned=allow_unsigned)

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Raises `GateClosed` for a version without a signature."""
        await self._contracts.of(fetched)
        if self._contracts.define(fetched).unsigned:
            sentence = "It has no signature, and is served all the same."
            return (GateFinding("signature", "unsigned", sentence),)
        return ()

    def describe(self, fetched: FetchedVersion) -> Mapping[str, Any]:
        """What `Contract.describe` says of the version; raises `VersionFault`.

        Blocks for as long as compiling takes, where nobody has done it before.
        """
        return self._contracts.at_once(fetched).describe()
