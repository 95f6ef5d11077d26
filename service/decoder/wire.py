"""What front and decoder say to each other in frames."""

import enum
from typing import Final

DECODER_ROLE: Final = "service.decoder.main"

# Bodies are bounded long before; this only keeps a broken header from being believed.
MAX_REQUEST_BYTES: Final = 4 * 1024**3 - 1

# The one key of a FAILED head: every field error; a sentence; or nothing more to say.
INVALID: Final = "invalid"
WRONG_TYPE: Final = "media_type"
TOO_MUCH: Final = "too_much"


class DecoderOperation(enum.IntEnum):
    """What a decoder can be asked."""

    LIMIT = 1
    DECODE = 2
