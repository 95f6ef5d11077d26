"""Keys that may ask some models, and so often: 403, 429, and what they are shown."""

import hashlib
from collections.abc import AsyncIterator

import pytest

from service.http.access import Admin, ApiKeys
from service.http.key_limits import KeyLimiter, KeyLimits, Rate, Scoped
from tests.http.app import IRIS, OTHER, App, Raw

ALL, IRIS_ALONE, SLOW = "key-of-all", "key-of-iris", "key-of-who-is-limited"


def total(key: str) -> bytes:
    """Its sum."""
    return hashlib.sha256(key.encode()).digest()


def bearing(key: str) -> dict[str, str]:
    """The header."""
    return {"Authorization": f"Bearer {key}"}


NAMES = {total(ALL): "all", total(IRIS_ALONE): "one", total(SLOW): "slow"}
LIMITS = {
    total(IRIS_ALONE): KeyLimits(Scoped(("ir*",))),
    total(SLOW): KeyLimits(rate=Rate(0.001, 2)),
}


@pytest.fixture
async def limited() -> AsyncIterator[App]:
    """Two slots that serve, and three keys."""
    made = App(keys=ApiKeys(NAMES, LIMITS), admin=Admin("token"))
    made.serve("1", ref=OTHER)
    async with made.client:
        yield made
    made.logs.close()


@pytest.mark.parametrize("route", ["predict", "invocations"])
async def test_key_may_ask_the_models_of_its_patterns_alone(limited: App, route: str) -> None:
    """403 else, in the protocol's shape, before the body is read; the log has the key's name."""
    for path in (f"/{route}", f"/models/{IRIS}/{route}"):
        reply = await limited.predict([1], path, headers=bearing(IRIS_ALONE))
        assert reply.status_code == 200
    path = f"/models/{OTHER}/{route}"
    reply = await limited.predict([1], path, headers=bearing(IRIS_ALONE))
    assert reply.status_code == 403
    told = reply.json()
    assert (told.get("code"), told.get("error_code")) in {
        ("forbidden", None),
        (None, "PERMISSION_DENIED"),
    }
    record = limited.records.records[-1]
    assert (record.slot, record.code, record.error, record.key) == (
        *(str(OTHER), 403, "forbidden", "one"),
    )
    assert (await limited.predict([1], path, headers=bearing(ALL))).status_code == 200
    headers = {b"authorization": f"Bearer {IRIS_ALONE}".encode()}
    raw = await Raw().run(limited.asgi, [], path, headers=headers)
    assert (raw.status, raw.reads) == (403, 0)


@pytest.mark.parametrize("route", ["predict", "invocations"])
async def test_key_that_asks_too_often_is_told_when_to_come_again(limited: App, route: str) -> None:
    """As many at once as its burst; others are answered meanwhile."""
    statuses = [
        (await limited.predict([1], f"/{route}", headers=bearing(SLOW))).status_code
        for _ in range(3)
    ]
    assert statuses == [200, 200, 429]
    reply = await limited.predict([1], f"/{route}", headers=bearing(SLOW))
    assert 900 <= int(reply.headers["retry-after"]) <= 1000
    told = reply.json()
    assert (told.get("code"), told.get("error_code")) in {
        ("rate_exceeded", None),
        (None, "REQUEST_LIMIT_EXCEEDED"),
    }
    assert limited.records.records[-1].key == "slow"
    assert (await limited.predict([1], headers=bearing(ALL))).status_code == 200


async def test_refused_key_costs_no_rate(limited: App) -> None:
    """Nor does one that nobody knows."""
    for _ in range(5):
        assert (await limited.predict([1], headers=bearing(SLOW + "x"))).status_code == 401
    assert (await limited.predict([1], headers=bearing(SLOW))).status_code == 200


async def test_key_is_shown_what_it_may_ask(limited: App) -> None:
    """In the document; signatures and examples of others are null, as without a key."""
    everything = (await limited.client.get("/openapi.json", headers=bearing(ALL))).json()
    some = (await limited.client.get("/openapi.json", headers=bearing(IRIS_ALONE))).json()
    operators = (await limited.client.get("/openapi.json", headers=bearing("token"))).json()
    assert everything == operators
    other = [path for path in everything["paths"] if "team" in path and "{" not in path]
    # `predict`, `invocations` and `infer`, the latter also by the name alone.
    assert len(other) == 4
    assert [path for path in everything["paths"] if path not in some["paths"]] == other
    assert {"403", "429"} <= some["paths"]["/predict"]["post"]["responses"].keys()
    for ref, key, is_shown in ((IRIS, IRIS_ALONE, True), (OTHER, IRIS_ALONE, False)):
        page = (await limited.client.get(f"/models/{ref}", headers=bearing(key))).json()
        assert (page["signature"] is not None) is is_shown
        assert page["version"] == "1"


@pytest.mark.parametrize(
    ("patterns", "slot", "admitted"),
    [
        ((), "a@b", True),
        (("a",), "a@b", True),
        (("a",), "ab@b", False),
        (("a@c",), "a@b", False),
        (("a@*", "x"), "a@b", True),
        (("A",), "a@b", False),
        (("prod.*",), "prod.a@b@c", True),
        (("*@champion",), "a@champion", True),
        (("*@champion",), "a@champion2", False),
    ],
)
def test_pattern_of_a_key_is_of_names_or_of_names_and_aliases(
    patterns: tuple[str, ...], slot: str, *, admitted: bool
) -> None:
    """A name stands for every alias."""
    assert Scoped(patterns).admits(slot) is admitted


class Time:
    """A clock that moves when told."""

    now = 100.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def test_tokens_come_back_with_time_up_to_the_burst() -> None:
    """And the wait is what is missing."""
    clock = Time()
    stile = KeyLimiter({b"k": KeyLimits(rate=Rate(2.0, 3))}, clock)

    def refused() -> int:
        refusal = stile.refusal(b"k", "name", "a@b")
        return getattr(refusal, "retry_after", 0)

    assert [refused() for _ in range(4)] == [0, 0, 0, 1]
    clock.now += 0.5
    assert [refused() for _ in range(2)] == [0, 1]
    clock.now += 1000
    assert [refused() for _ in range(4)] == [0, 0, 0, 1]


def test_keys_of_one_name_share_a_rate_and_a_changed_file_gives_no_more() -> None:
    """Whoever changes its key has two for a while."""
    clock, limits = Time(), KeyLimits(rate=Rate(0.1, 2))
    stile = KeyLimiter({b"old": limits, b"new": limits}, clock)
    assert stile.refusal(b"old", "name", "a@b") is None
    assert stile.refusal(b"new", "name", "a@b") is None
    assert stile.refusal(b"old", "name", "a@b") is not None
    stile.replace({b"new": limits}, {b"new": "name"})
    assert stile.refusal(b"new", "name", "a@b") is not None
    assert stile.refusal(b"unlimited", "other", "a@b") is None
