"""What front and zygote say to each other: JSON messages over a sequenced-packet socket.

File descriptors travel with them (SCM_RIGHTS). Requests: `{"token", "role", "folder"}` with three
descriptors: the child's channel, its stdout and its stderr; the folder is for its temporary files,
or null. Reports: `{"ready": true}`, `{"token", "pid", "keeper"}` or `{"token", "error", "errno"}`,
and `{"pid", "exited": status}` where a negative status is the signal that ended the child (as in
`subprocess`). The keeper is null for a child that has none; the errno is null for what is not an
error of the system.
"""

from typing import Final

MESSAGE_BYTES: Final = 64 * 1024
DESCRIPTORS: Final = 3
SPARE: Final = "spare zygote"
"""Instead of a role: a zygote like the one that is asked, with its control socket alone."""
