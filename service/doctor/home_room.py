"""Whether PODIUM_HOME can be used by the service; nothing is left in it."""

import errno
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from service.doctor.trouble import Trouble

_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
# A full disk still makes files that hold nothing.
_TRIED_BYTES: Final = 1024 * 1024


def troubles_of_home(home: Path) -> Sequence[Trouble]:
    """One, where a service could not keep files there. Makes no folder."""
    folder = next(each for each in (home, *home.absolute().parents) if os.path.lexists(each))
    try:
        with tempfile.TemporaryFile(dir=folder) as tried:
            tried.write(bytes(_TRIED_BYTES))
            tried.flush()
    except OSError as error:
        why = error.strerror or "no file can be made"
        mend = "make room there" if error.errno in _FULL else "let this account write there"
        said = f"{str(home)!r} cannot be used: {why}; {mend}, or set PODIUM_HOME to another folder."
        return [Trouble("PODIUM_HOME", "home_unusable", said)]
    return ()
