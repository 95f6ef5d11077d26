"""What front and inspector say to each other in frames."""

import enum
from typing import Final

INSPECTOR_ROLE: Final = "service.inspector.main"


class InspectorOperation(enum.IntEnum):
    """What an inspector can be asked.

    INSPECT's head is `{"path", "memory_bytes", "processor_seconds"}`, integers; past these limits
    the process ends. DONE's head is `{"objections": [sentence, ...]}`, none if the artifact may be
    loaded.
    """

    INSPECT = 1
