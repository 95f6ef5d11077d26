"""The host's main for a model that skops has saved.

What skops imports takes half a second; here the zygote does it once, and not every host. Where it
is not installed, the model's own load says so.
"""

import contextlib

from service.host.main import run

with contextlib.suppress(ImportError):
    import skops.io as _skops_io  # noqa: F401 - imported for those who are forked

__all__ = ["run"]
