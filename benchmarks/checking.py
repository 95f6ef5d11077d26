"""Whether a server's answers are the model's own, asked before it is timed."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx

from benchmarks.cases import Case
from benchmarks.running import Running

_TIMEOUT: Final = 60
_AT_ONCE: Final = 16


class WrongAnswerError(Exception):
    """A server answered something else than the model, called directly, does."""


def check(server: Running, case: Case) -> None:
    """Asks all requests of the case, many at once: answers of neighbours must not be mixed up.

    Raises `WrongAnswerError` for the first that is not right to the last bits of a float.
    """
    bodies, expected = server.peer.bodies(case), server.peer.expected(case)
    if not bodies:
        raise ValueError(f"{server.peer.title} cannot be asked {case.name}")
    url = f"{server.url}{server.peer.path(case)}"
    with (
        httpx.Client(trust_env=False, timeout=_TIMEOUT) as client,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        answers = pool.map(lambda body: _asked(client, url, body), bodies)
        for body, answer, right in zip(bodies, answers, expected, strict=True):
            if answer.status_code != httpx.codes.OK:
                raise WrongAnswerError(f"{server.peer.title}: {answer.status_code} to {body}")
            found = server.peer.predictions(answer.content)
            if not same(found, right):
                raise WrongAnswerError(f"{server.peer.title}: {found[:5]}, not {right[:5]}: {body}")


def same(found: Sequence[Any], right: Sequence[Any]) -> bool:
    """Whether the predictions are equal, floats to the last bits."""
    return len(found) == len(right) and all(map(_equal, found, right))


def _equal(found: Any, right: Any) -> bool:
    if isinstance(found, dict) and isinstance(right, dict):
        return found.keys() == right.keys() and same(
            [*found.values()], [right[name] for name in found]
        )
    if isinstance(found, float) and isinstance(right, float):
        return math.isclose(found, right, rel_tol=1e-9)
    return bool(found == right)


def _asked(client: httpx.Client, url: str, body: str) -> httpx.Response:
    content = Path(body).read_bytes()
    return client.post(url, content=content, headers={"Content-Type": "application/json"})
