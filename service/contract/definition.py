"""What a contract is compiled from, as plain data that travels between processes."""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import orjson

from service.contract.contract import Contract, RequestLimits, compile_contract
from service.contract.formats.unsigned import UnsignedContract, compile_unsigned


@dataclass(frozen=True, slots=True)
class Definition:
    """One version's contract before it is compiled: equal ones compile to the same contract.

    Attributes:
        signature: its parts as JSON texts, as MLmodel stores them.
        from_type_hint: MLmodel's `is_signature_from_type_hint`.
        limits: how much of one request is looked at.
        unsigned: whether the signature has no inputs, and is served all the same.
    """

    signature: Mapping[str, str | None]
    from_type_hint: bool
    limits: RequestLimits
    unsigned: bool = False

    def compile(self) -> Contract | UnsignedContract:
        """The contract; raises `VersionFault`."""
        if self.unsigned:
            return compile_unsigned(self.signature, self.limits)
        return compile_contract(self.signature, self.limits, from_type_hint=self.from_type_hint)

    def dump(self) -> str:
        """As JSON text."""
        return orjson.dumps(asdict(self)).decode()

    @classmethod
    def load(cls, text: str) -> "Definition":
        """What `dump` has written."""
        fields = orjson.loads(text)
        return cls(**{**fields, "limits": RequestLimits(**fields["limits"])})


class Compiled:
    """A place for one version's contract: whoever carries the version carries it along.

    Compiled once, however many ask, and from whatever threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[Definition, Contract | UnsignedContract] | None = None

    def has(self, definition: Definition) -> bool:
        """Whether the contract of that definition is there."""
        made = self._made
        return made is not None and made[0] == definition

    def of(self, definition: Definition) -> Contract | UnsignedContract:
        """The contract of that definition; raises `VersionFault`.

        Takes up to a second where it is not there yet and the signature is wide.
        """
        with self._lock:
            if self._made is None or self._made[0] != definition:
                self._made = definition, definition.compile()
            return self._made[1]
