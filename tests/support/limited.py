"""`podium serve` with limits of a test's own, from its environment.

    python -P -m tests.support.limited --port 0 --model NAME@ALIAS

`TEST_CLIENT_LIMITS` are fields of `ClientLimits` as JSON, `TEST_DESCRIPTORS` (`64:160`) the soft
and the hard limit of descriptors that it starts with.
"""

import argparse
import json
import os
import resource

from service.app import serve
from service.config.settings import load_settings
from service.engine import Given
from service.server.timeouts import ClientLimits


def main() -> None:
    """Serves until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--model", action="append")
    given = parser.parse_args()
    if descriptors := os.environ.get("TEST_DESCRIPTORS"):
        soft, hard = map(int, descriptors.split(":"))
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = ClientLimits(**json.loads(os.environ["TEST_CLIENT_LIMITS"]))
    settings = load_settings({"port": given.port, "models": tuple(given.model)})
    serve(Given(settings, dict(os.environ)), limits)


if __name__ == "__main__":
    main()
