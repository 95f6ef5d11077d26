"""Where data is, as it may be written down: without a password, a signature, a token."""

import hashlib
from typing import Final

from service.config.addresses import is_readable, shown

SCHEME: Final = "://"


def shown_data(where: str) -> str:
    """The place without what may be secret: user, password, and all after a question mark.

    What is no address is as it was. Two addresses that differ in the rest are shown as different.
    """
    if SCHEME not in where:
        return where
    if is_readable(where):
        return shown(where)
    # A signature is signed anew each time; the rest is what it is known by.
    digest = hashlib.sha256(where.partition("?")[0].encode()).hexdigest()
    return f"{shown(where)} ({digest[:16]})"
