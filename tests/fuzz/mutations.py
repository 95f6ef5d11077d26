"""One valid request, broken in a few places; the same random numbers break it in the same way.

Every broken one may hold `MARKER`, as a value or as a key: no answer may ever say it (P14).
"""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final

from tests.fuzz.seeds import CSV, JSON, PARQUET, TENSORS, Seed

MARKER: Final = "m4rk3r-0f-4-cl13nt"
# How many things are wrong: mostly one, since it would hide behind others.
_FAULTS: Final = (1, 1, 1, 1, 2, 3, 4)
_DEEPER: Final = 0.85
# Longer than what the service reads on its loop: these go through its decoder.
LONG: Final = 100_000


LENGTH: Final = "Inference-Header-Content-Length"


@dataclass(frozen=True, slots=True)
class Broken:
    """A request to send."""

    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def broken(random: Random, seed: Seed, others: Sequence[Seed]) -> Broken:
    """The seed with one to four things wrong with it; some of them are right still."""
    if seed.media_type == TENSORS:
        return _broken_tensors(random, seed, others)
    body = seed.body
    for _ in range(random.choice(_FAULTS)):
        body = random.choice(_OF_JSON if seed.media_type == JSON else _OF_BYTES)(random, body)
    if random.random() < 0.05:
        body = _spliced(random, body, random.choice(others).body)
    if random.random() < 0.01:
        body = _long(random, body)
    route = random.choice(["predict", "invocations"])
    headers = _headers(random, seed.media_type)
    if random.random() < 0.05:
        body, headers = _compressed(random, body), (*headers, ("Content-Encoding", "gzip"))
    return Broken(f"/models/{seed.slot}@champion/{route}", headers, body)


def _broken_tensors(random: Random, seed: Seed, others: Sequence[Seed]) -> Broken:
    """Its JSON, its raw bytes, or the length that parts them."""
    text, raw = seed.body[: seed.json_bytes], seed.body[len(seed.body) :]
    if seed.json_bytes is not None:
        raw = seed.body[seed.json_bytes :]
    for _ in range(random.choice(_FAULTS)):
        if raw and random.random() < 0.3:
            raw = random.choice(_OF_BYTES)(random, raw)
        else:
            text = random.choice(_OF_JSON)(random, text)
    if random.random() < 0.05:
        text = _spliced(random, text, random.choice(others).body)
    if random.random() < 0.01:
        raw = _long(random, raw or b"x")
    length: Any = None if seed.json_bytes is None else len(text)
    if random.random() < 0.1:
        length = random.choice([None, 0, 1, len(text) + 1, -1, 10**30, "1_0", "x", MARKER, ""])
    headers = () if length is None else ((LENGTH, str(length)),)
    called = random.choice([seed.slot, f"{seed.slot}@champion", f"{seed.slot}/versions/1"])
    return Broken(f"/v2/models/{called}/infer", headers, text + raw)


def _headers(random: Random, media_type: str) -> tuple[tuple[str, str], ...]:
    headers = [("Content-Type", media_type)]
    if random.random() < 0.05:
        headers = [("Content-Type", random.choice(_MEDIA_TYPES))]
    if random.random() < 0.01:
        headers = []
    if random.random() < 0.02:
        headers.append(("Content-Encoding", random.choice(_ENCODINGS)))
    return tuple(headers)


def _compressed(random: Random, body: bytes) -> bytes:
    """As it should be, or broken after that."""
    sent = gzip.compress(body, random.choice([0, 1, 9]))
    if random.random() < 0.5:
        return sent
    return random.choice([_flipped, _cut, _doubled, _wrapped])(random, sent)


def _flipped(random: Random, body: bytes) -> bytes:
    place = random.randrange(len(body) + 1)
    return body[:place] + bytes([random.randrange(256)]) + body[place + 1 :]


def _cut(random: Random, body: bytes) -> bytes:
    start, end = sorted(random.randrange(len(body) + 1) for _ in range(2))
    return random.choice([body[:start], body[start:], body[:start] + body[end:]])


def _doubled(random: Random, body: bytes) -> bytes:
    start, end = sorted(random.randrange(len(body) + 1) for _ in range(2))
    return body[:end] + body[start:]


def _hostile(random: Random, body: bytes) -> bytes:
    place = random.randrange(len(body) + 1)
    return body[:place] + random.choice(_SNIPPETS) + body[place:]


def _wrapped(random: Random, body: bytes) -> bytes:
    match random.randrange(5):
        case 0:
            return b"\xef\xbb\xbf" + body
        case 1:
            return body + random.choice(_SNIPPETS)
        case 2:
            return body.decode("latin-1").encode(random.choice(["utf-16", "utf-32", "utf-7"]))
        case 3:
            return b"  \n\t" + body + b"\r\n "
        case _:
            return random.randbytes(random.randrange(64))


def _spliced(random: Random, body: bytes, other: bytes) -> bytes:
    return body[: random.randrange(len(body) + 1)] + other[random.randrange(len(other) + 1) :]


def _long(random: Random, body: bytes) -> bytes:
    match random.randrange(3):
        case 0:
            return body * (LONG // max(len(body), 1) + 1)
        case 1:
            return body + random.choice(b" \n").to_bytes() * LONG
        case _:
            return b" " * LONG + body


def _replaced(random: Random, body: bytes) -> bytes:
    return _in_tree(random, body, lambda parent, key: parent.__setitem__(key, _value(random)))


def _removed(random: Random, body: bytes) -> bytes:
    return _in_tree(random, body, lambda parent, key: parent.__delitem__(key))


def _renamed(random: Random, body: bytes) -> bytes:
    def rename(parent: Any, key: Any) -> None:
        if isinstance(parent, dict):
            parent[random.choice(_KEYS)] = parent.pop(key)
        else:
            parent.append(parent[key])

    return _in_tree(random, body, rename)


def _added(random: Random, body: bytes) -> bytes:
    def add(parent: Any, key: Any) -> None:
        if isinstance(parent, dict):
            parent[random.choice(_KEYS)] = _value(random)
        else:
            parent.insert(key, _value(random))

    return _in_tree(random, body, add)


def _twice(random: Random, body: bytes) -> bytes:
    """A key that stands there already, by text, since no dictionary has it twice."""
    place = body.find(b"{", random.randrange(len(body) + 1))
    key = json.dumps(random.choice(_KEYS)).encode()
    value = json.dumps(_value(random)).encode()
    return body if place < 0 else body[: place + 1] + key + b":" + value + b"," + body[place + 1 :]


def _in_tree(random: Random, body: bytes, change: Callable[[Any, Any], None]) -> bytes:
    """Changes one place of a body that is JSON still, a deep one as often as a shallow one."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return _flipped(random, body)
    root: Any = {"": document}
    parent: Any = root
    key: Any = ""
    while random.random() < _DEEPER and isinstance(parent[key], dict | list) and parent[key]:
        parent = parent[key]
        key = random.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
    change(parent, key)
    return json.dumps(root.get("")).encode()


def _value(random: Random) -> Any:
    match random.randrange(6):
        case 0:
            return random.choice(_NUMBERS)
        case 1:
            return random.choice(_TEXTS)
        case 2:
            return [_value(random) for _ in range(random.randrange(4))]
        case 3:
            return {random.choice(_KEYS): _value(random) for _ in range(random.randrange(3))}
        case 4:
            return _deep(random.choice([5, 99, 101, 2000]))
        case _:
            return random.choice([None, True, False, MARKER])


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(min(levels, 500)):
        value = [value]
    return value


_NUMBERS: Final = [
    *(0, -1, 7, 2**31, -(2**31) - 1, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30, 10**400),
    *(0.5, -0.0, 1e308, 1e-320, 3.5e38, float("nan"), float("inf"), 16777217, 1.0, 5.0),
]
_TEXTS: Final = [
    *("", "x", "5", "true", "null", "NaN", MARKER, f"<script>{MARKER}</script>", "ä" * 50),
    *(
        "\ud800",
        "\0",
        "a\0",
        "aGk=",
        "aGk",
        "AAAA=",
        "***",
        "2026-05-01",
        "2026-02-30",
        "9999-12-31",
    ),
    *("FP64", "BYTES", "INT8", "BOOL", "BF16", "pd_json", "base64", "input-0", '{"a": [', "[[1]]"),
    *("2026-05-01T25:00", "0000-01-01", "2262-04-11T23:47:16.854775808Z", "1e5", "x" * 10_000),
]
_KEYS: Final = [
    *("dataframe_split", "dataframe_records", "instances", "inputs", "params", "columns", "data"),
    *("index", "messages", "prompt", "input", "a", "b", "x", "long", "double", "string", "count"),
    *("name", "shape", "datatype", "parameters", "outputs", "id", "binary_data_size", "timeout"),
    *("binary_data_output", "content_type", "classification", "shared_memory_region"),
    *("", "0", MARKER, "__proto__", "key", "lines", "note", "sepal length (cm)"),
]
_SNIPPETS: Final = [
    *(b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\\u0000", b"\\ud800", b"\0", b"\xff\xfe"),
    *(
        b"NaN",
        b"-Infinity",
        b"1e400",
        b"1e-400",
        b"0x10",
        b"+1",
        b"01",
        b"9" * 5000,
        b"1e" + b"9" * 999,
    ),
    *(b"[" * 5000, b'{"a":' * 3000, b"\n", b"\r", b",,", b'""', b"'", b"\t", b"null", b"true"),
    MARKER.encode(),
    b'"' + MARKER.encode() + b'":1,',
]
_MEDIA_TYPES: Final = [
    *(JSON, CSV, PARQUET, "APPLICATION/JSON", "text/csv; header=absent", "text/csv;charset=ascii"),
    *(
        "application/json; charset=utf-16",
        'text/csv; charset="UTF-8"',
        "text/html",
        "*/*",
        ";",
        "/",
    ),
    *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", MARKER, "a" * 300),
]
_ENCODINGS: Final = [
    *("gzip", "deflate", "zstd", "identity", "br", "deflate, gzip", MARKER, ""),
]
_OF_BYTES: Final = [_flipped, _flipped, _cut, _doubled, _hostile, _wrapped]
_OF_JSON: Final = [*_OF_BYTES, *[_replaced, _removed, _renamed, _added, _twice] * 2]
