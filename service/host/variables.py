"""Variables that a host is given after it was forked, as if it had been started with them."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from service.host.isolation import is_podiums


def take(variables: Mapping[str, str]) -> None:
    """From now on the model, and whatever it starts, has them.

    Python itself reads two of them only when it starts: folders of `PYTHONPATH` come last where
    modules are looked for, so that they hide nothing that is installed, and `TZ` is the zone.
    """
    os.environ.update(variables)
    if "PYTHONPATH" in variables:
        folders = variables["PYTHONPATH"].split(os.pathsep)
        absolute = [str(Path(each).absolute()) for each in folders if each]
        sys.path.extend(
            each for each in absolute if each not in sys.path and not is_podiums(Path(each))
        )
    if "TZ" in variables:
        time.tzset()
