"""The exit statuses of every command that judges versions or moves aliases."""

from typing import Final

DONE: Final = 0
"""What was asked for holds now, whether this call brought it about or an earlier one."""
REFUSED: Final = 1
"""Refused, or not good enough; nothing is half done."""
WRONG_USE: Final = 2
"""The command line, or a setting, cannot be meant so."""
UNDECIDED: Final = 3
"""Unreachable or undecided; nothing is half done, and the same call may be made again."""
IN_PART: Final = 4
"""Changed in part: `--resume` mends it, or the same call, as is told."""
