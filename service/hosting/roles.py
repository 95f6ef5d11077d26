"""What the zygote may be asked to become: modules whose `run` a child calls with its channel."""

from typing import Final

HOST_ROLE: Final = "service.host.main"
# The same for models that skops has saved.
SKOPS_HOST_ROLE: Final = "service.host.main_with_skops"
DECODER_ROLE: Final = "service.decoder.main"
INSPECTOR_ROLE: Final = "service.inspector.main"
