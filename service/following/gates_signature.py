"""The gate of the signature: without one, requests cannot be checked."""

from collections.abc import Mapping, Sequence
from typing import Any

from service.contract.contract import Limits
from service.contract.definition import Definition
from service.contract.signature import read_entries
from service.following.gates import GateClosed, GateFinding
from service.following.ports import FetchedVersion


class SignatureGate:
    """Opens when the version's contract can be compiled; `VersionFault` of stage `contract` else.

    A version without a signature passes where the operator allows it.
    """

    def __init__(self, limits: Limits, *, allow_unsigned: bool) -> None:
        self._limits = limits
        self._allow_unsigned = allow_unsigned

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """Raises `GateClosed` for a version without a signature."""
        definition = define(fetched, self._limits, allow_unsigned=self._allow_unsigned)
        definition.compile()
        if definition.unsigned:
            sentence = "It has no signature, and is served all the same."
            return (GateFinding("signature", "unsigned", sentence),)
        return ()

    def describe(self, fetched: FetchedVersion) -> Mapping[str, Any]:
        """What `Contract.describe` says of the version; raises `VersionFault`."""
        definition = define(fetched, self._limits, allow_unsigned=self._allow_unsigned)
        return definition.compile().describe()


def define(fetched: FetchedVersion, limits: Limits, *, allow_unsigned: bool) -> Definition:
    """What the version's contract is compiled from; raises `GateClosed` if there is nothing."""
    if allow_unsigned and _is_unsigned(fetched.signature):
        return Definition(
            fetched.signature or {}, from_type_hint=False, limits=limits, unsigned=True
        )
    if fetched.signature is None:
        raise GateClosed(
            "signature",
            "signature_missing",
            "The model has no signature; log it with one, so that requests can be checked.",
        )
    return Definition(fetched.signature, fetched.from_type_hint, limits)


def _is_unsigned(signature: Mapping[str, str | None] | None) -> bool:
    return signature is None or not read_entries(signature.get("inputs"), "inputs")
