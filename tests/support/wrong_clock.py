"""`podium` on a machine whose clock is set back by a day while it runs.

    python -P -m tests.support.wrong_clock serve --port 0 --model NAME@ALIAS

As long as the file that `TEST_CLOCK_SET_BACK` names is there; the front's clock alone.
"""

import os
import time

DAY = 86_400.0
_MARK = os.environ.pop("TEST_CLOCK_SET_BACK")
_right = time.time


def _wrong() -> float:
    return _right() - DAY if os.path.exists(_MARK) else _right()  # noqa: PTH110 - asked for often


if __name__ == "__main__":
    # Before anything of the service is imported, which takes it for the clock.
    time.time = _wrong
    from service.cli.main import main

    main(prog_name="podium")
