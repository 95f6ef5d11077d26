"""Reading what the service answers: a value, or a few words about what is wrong with it."""

from typing import Any
from urllib.parse import unquote

import httpx

from service.checks.result import Failed


def expect(answer: httpx.Response, status: int) -> httpx.Response:
    """The answer, if it has that status. Raises `Failed`."""
    if answer.status_code != status:
        raise Failed(f"answered {answer.status_code} instead of {status}")
    return answer


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The body as a JSON object. Raises `Failed`."""
    try:
        body = answer.json()
    except ValueError:
        raise Failed("the body is not JSON") from None
    if not isinstance(body, dict):
        raise Failed("the body is not a JSON object")
    return body


def header(answer: httpx.Response, name: str) -> str:
    """A percent-encoded UTF-8 header, decoded. Raises `Failed` if it is missing or broken."""
    value = answer.headers.get(name)
    if not value:
        raise Failed(f"the header {name} is missing")
    try:
        return unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise Failed(f"the header {name} is not percent-encoded UTF-8") from None
