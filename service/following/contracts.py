"""Each version's contract: compiled once, and beside the loop, which a wide one would stop."""

import asyncio
import gc
import sys
import threading
from collections.abc import Mapping
from typing import Final

from service.contract.contract import Contract, RequestLimits
from service.contract.definition import Definition
from service.contract.formats.unsigned import UnsignedContract
from service.contract.model_input import ValidInput
from service.contract.signature import read_entries
from service.errors import PassingFault
from service.following.gates.gate import GateClosed
from service.following.ports import FetchedVersion
from service.processes.front.beside import Beside

# Of the texts of a signature: some two hundred columns, which take a few milliseconds.
_WIDE: Final = 16 * 1024
# Thousands of columns take a second or two.
_SECONDS: Final = 60.0
# For how long a thread that compiles keeps the loop from its turn; Python's own is 5 ms.
_SWITCH_SECONDS: Final = 0.0005


class Contracts:
    """Compiles contracts for one service, one after the other."""

    def __init__(self, limits: RequestLimits, *, allow_unsigned: bool) -> None:
        self._limits = limits
        self._allow_unsigned = allow_unsigned
        self._beside = Beside("contracts")

    def define(self, fetched: FetchedVersion) -> Definition:
        """What it is compiled from; raises `GateClosed` if there is nothing."""
        return define(fetched, self._limits, allow_unsigned=self._allow_unsigned)

    async def of(self, fetched: FetchedVersion) -> Contract | UnsignedContract:
        """The version's contract; raises `VersionFault`, or `PassingFault` after a minute."""
        definition = self.define(fetched)
        if fetched.compiled.has(definition):
            return fetched.compiled.of(definition)
        try:
            async with asyncio.timeout(_SECONDS):
                return await self._beside.run(_compiled, fetched, definition)
        except TimeoutError:
            message = "Reading the model's signature takes too long; it is tried again."
            raise PassingFault("gate", "signature_slow", message, f"after {_SECONDS:g} s") from None

    def at_once(self, fetched: FetchedVersion) -> Contract | UnsignedContract:
        """The same, compiled by whoever asks if nobody has before."""
        return _compiled(fetched, self.define(fetched))

    async def compile(self, definition: Definition) -> Contract | UnsignedContract:
        """The contract of a definition that no version is carried with."""
        return await self._beside.run(definition.compile)

    async def parse(self, contract: Contract | UnsignedContract, text: bytes) -> ValidInput:
        """What a request of that JSON comes to, as `Contract.parse` has it."""
        return await self._beside.run(contract.parse, text, "application/json")


def define(fetched: FetchedVersion, limits: RequestLimits, *, allow_unsigned: bool) -> Definition:
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


def _compiled(fetched: FetchedVersion, definition: Definition) -> Contract | UnsignedContract:
    if sum(len(text or "") for text in definition.signature.values()) < _WIDE:
        return fetched.compiled.of(definition)
    with _patient:
        return fetched.compiled.of(definition)


class _Patient:
    """While it lasts, what is made is wide, and stays: neither stops the loop.

    For the whole interpreter, and for several threads at a time: the last one that leaves puts back
    what the first one has found.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within = 0
        self._before = 0.0

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._before = sys.getswitchinterval()
                sys.setswitchinterval(_SWITCH_SECONDS)
                gc.disable()
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._within -= 1
            if self._within:
                return
            # As at the start of the service: to look through fifty wide contracts for garbage, of
            # which there is none, stops the loop for longer than anything else does.
            if gc.get_freeze_count():
                gc.freeze()
            gc.enable()
            sys.setswitchinterval(self._before)


_patient: Final = _Patient()
