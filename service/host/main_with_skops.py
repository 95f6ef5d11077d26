"""The host's main for a model that skops has saved.

What skops imports takes half a second; here the zygote does it once, and not every host.
"""

import skops.io as _skops_io  # noqa: F401 - imported for those who are forked

from service.host.main import run

__all__ = ["run"]
