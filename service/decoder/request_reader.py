"""Reads a request where it costs others least: small bodies here, large ones in the decoder."""

import asyncio
import math
from collections.abc import Sequence
from typing import Final

from service.contract.contract import Contract
from service.contract.definition import Definition
from service.contract.formats.csv_body import is_csv
from service.contract.formats.parquet_body import is_parquet
from service.contract.formats.unsigned import UnsignedContract
from service.contract.model_input import ValidInput
from service.decoder.front import Decoder

# What the loop can afford. Bodies of these sizes are read in 1 ms and less; the slowest that were
# found, tables of empty rows or of words for numbers, stop it for 9 to 14 ms.
JSON_BYTES: Final = 64 * 1024
"""The longest body that is not handed to the decoder."""
_CSV_BYTES: Final = 32 * 1024
# As nearly every client writes it, or leaves it out.
_COMMON: Final = frozenset({"application/json", ""})


class RequestReader:
    """Reads requests of one version; large ones in slices of so many rows, if that is given."""

    def __init__(
        self,
        contract: Contract | UnsignedContract,
        definition: Definition,
        decoder: Decoder,
        slice_rows: int | None = None,
    ) -> None:
        self._parse = contract.parse
        self._definition = definition.dump()
        self._decoder = decoder
        self._slice_rows = slice_rows

    async def read(
        self, body: bytes | Sequence[bytearray], media_type: str, deadline: float = math.inf
    ) -> ValidInput:
        """The valid request. Raises what `Contract.parse` and `Decoder.decode` raise."""
        most = JSON_BYTES if media_type in _COMMON else _most_bytes(media_type)
        if not isinstance(body, bytes) and sum(map(len, body)) <= most:
            body = b"".join(body)
        if isinstance(body, bytes) and len(body) <= most:
            return self._parse(body, media_type)
        await asyncio.sleep(0)  # to be in a task, without which there are no time limits
        return await self._decoder.decode(
            self._definition, body, media_type, self._slice_rows, deadline
        )


def _most_bytes(media_type: str) -> int:
    """Of a body that is read here; -1 for none at all."""
    if is_parquet(media_type):
        return -1
    return _CSV_BYTES if is_csv(media_type) else JSON_BYTES
