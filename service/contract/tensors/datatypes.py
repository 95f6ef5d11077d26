"""The datatypes of the Open Inference Protocol: how their elements lie in raw bytes.

======== ==================== ==================================================================
datatype in raw bytes         becomes
======== ==================== ==================================================================
BOOL     a byte, 0 or 1       a boolean
INT*     little-endian        an integer
UINT*    little-endian        an integer
FP16     IEEE 754             a float, exactly
BF16     the upper half of    a float, exactly
         an FP32
FP32     IEEE 754             a float, exactly
FP64     IEEE 754             a float
BYTES    a length of 4 bytes  bytes
         and so many bytes
======== ==================== ==================================================================
"""

import struct
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from service.contract.findings import Findings, Loc
from service.contract.reading import Checker
from service.contract.types.scalars import FLOAT_32, TENSOR_TYPES

RawBytes = bytes | memoryview
_LENGTH_BYTES: Final = 4
_NATIVE: Final = sys.byteorder == "little"
_NOT_WHOLE: Final = "must have as many bytes as its datatype and shape ask for"


@dataclass(frozen=True, slots=True)
class Datatype:
    """One of them.

    Attributes:
        name: the protocol's.
        bytes: of one element; 0 where each says itself how many it has.
        typecode: of the `array` whose memory raw bytes are; empty where there is none.
        checker: takes its values from JSON; None where they are text.
    """

    name: str
    bytes: int
    typecode: str
    checker: Checker | None

    def raw(self, data: RawBytes, count: int, loc: Loc, findings: Findings) -> Sequence[Any] | None:
        """The elements: an `array` where they lie as there, else a list; None after noting why not.

        BYTES are `bytes`; booleans are an `array` of 0 and 1.
        """
        if not self.bytes:
            return _texts(memoryview(data), count, loc, findings)
        if len(data) != count * self.bytes:
            findings.add(loc, _NOT_WHOLE, "shape")
            return None
        if self.name == "FP16":
            return struct.unpack(f"<{count}e", data)
        values: array[Any] = array(self.typecode)
        values.frombytes(_widened(data) if self.name == "BF16" else data)
        if not _NATIVE:
            values.byteswap()
        if self.name == "BOOL" and values and max(values) > 1:
            findings.add(loc, "must hold booleans: bytes of 0 and 1", "type")
            return None
        return values

    def plain(self, values: Sequence[Any]) -> Sequence[Any]:
        """Elements as Python has them, of which a checker can tell booleans from numbers."""
        return list(map(bool, values)) if self.name == "BOOL" else list(values)


def _widened(data: RawBytes) -> bytearray:
    # The other half of each is zero.
    wide = bytearray(2 * len(data))
    wide[2::4], wide[3::4] = data[0::2], data[1::2]
    return wide


def _texts(data: memoryview, count: int, loc: Loc, findings: Findings) -> list[bytes] | None:
    texts, start, end = list[bytes](), 0, len(data)
    # Each takes four bytes at least: no more are looked for than there can be.
    while start < end and len(texts) < count:
        begin = start + _LENGTH_BYTES
        start = begin + int.from_bytes(data[start:begin], "little")
        texts.append(bytes(data[begin:start]))
        if begin > end:
            break
    if start != end or len(texts) != count:
        findings.add(loc, f"{_NOT_WHOLE}, each element behind its own length", "shape")
        return None
    return texts


def _number(name: str, size: int, typecode: str, numpy: str) -> Datatype:
    return Datatype(name, size, typecode, TENSOR_TYPES[numpy])


DATATYPES: Final[Mapping[str, Datatype]] = {
    each.name: each
    for each in (
        _number("BOOL", 1, "B", "bool"),
        _number("UINT8", 1, "B", "uint8"),
        _number("UINT16", 2, "H", "uint16"),
        _number("UINT32", 4, "I", "uint32"),
        _number("UINT64", 8, "Q", "uint64"),
        _number("INT8", 1, "b", "int8"),
        _number("INT16", 2, "h", "int16"),
        _number("INT32", 4, "i", "int32"),
        _number("INT64", 8, "q", "int64"),
        _number("FP16", 2, "", "float16"),
        Datatype("BF16", 2, "f", FLOAT_32),
        _number("FP32", 4, "f", "float32"),
        _number("FP64", 8, "d", "float64"),
        Datatype("BYTES", 0, "", None),
    )
}
BYTES: Final = DATATYPES["BYTES"]
