"""The admin token that `podium up` makes in its home, for its owner's eyes alone."""

import os
import secrets
from pathlib import Path

from service.local.failures import UpFailed

_OWNERS = 0o600
_BYTES = 32


def make_token(path: Path) -> None:
    """A random token lies there, the same from one `up` to the next. Raises `UpFailed`."""
    try:
        if not (path.exists() and path.read_text().strip()):
            _write(path, secrets.token_urlsafe(_BYTES))
        path.chmod(_OWNERS)
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise UpFailed(f"The admin token cannot be kept in {path}: {reason}.") from None


def _write(path: Path, token: str) -> None:
    # Whole or not at all, and never for a moment anybody's to read.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNERS), "w") as file:
        file.write(f"{token}\n")
    draft.replace(path)
