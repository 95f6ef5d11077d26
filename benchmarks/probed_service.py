"""`podium serve` with a probe in its loop, which tells for how long the loop did not turn.

    python -m benchmarks.probed_service NAME@ALIAS HOME

Each SIGUSR1 prints one line of JSON, the longest stops since the one before: `wall_ms` by the
clock, and `cpu_ms` that the loop's thread itself worked meanwhile (the rest it waited for a core).
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Final

import uvloop

from service.app import _serve, listen
from service.config.home import make_home
from service.config.settings import Settings, load_settings
from service.engine import Given
from service.telemetry.logs import configure_logs

_PAUSE: Final = 0.001


class Probe:
    """Wakes up every millisecond, and notes how much later than that it was."""

    def __init__(self) -> None:
        self._wall = self._cpu = 0.0

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            wall, cpu = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_PAUSE)
            self._wall = max(self._wall, time.perf_counter() - wall - _PAUSE)
            self._cpu = max(self._cpu, time.thread_time() - cpu)

    def tell(self) -> None:
        """Prints the longest stops, and begins anew."""
        line = {"wall_ms": self._wall * 1000, "cpu_ms": self._cpu * 1000}
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()
        self._wall = self._cpu = 0.0


async def _probed(settings: Settings) -> None:
    probe = Probe()
    task = asyncio.create_task(probe.run())
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, probe.tell)
    logs = configure_logs(sys.stderr.buffer)
    try:
        listeners = [listen(settings.host, settings.port)]
        await _serve(Given(settings, os.environ), listeners, logs, None, None)
    finally:
        task.cancel()
        logs.close()


def main() -> None:
    """Serves until SIGTERM."""
    ref, home = sys.argv[1:]
    settings = load_settings({"models": (ref,), "home": Path(home), "port": 0})
    make_home(settings.home)
    uvloop.run(_probed(settings))


if __name__ == "__main__":
    main()
