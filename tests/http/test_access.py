"""Keys for predictions, the admin token for what is the operator's; probes ask for neither."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from service.http.access import Admin, ApiKeys, bearer
from service.http.dispatch import PredictionEndpoint, prediction_endpoints
from service.predicting.request import RequestIds
from service.predicting.route import RouteContext
from service.protocols.podium import PodiumProtocol
from tests.http.app import IRIS, OTHER, App, Raw
from tests.support.uncomparable import Uncomparable

KEY, OTHERS_KEY, TOKEN = "key-of-one-application", "key-of-another", "token-of-the-operator"
SLOT = f"/models/{IRIS}"
PREDICTIONS = ["/predict", "/invocations", f"{SLOT}/predict", f"{SLOT}/invocations"]
OPEN = [
    *("/health/live", "/health/ready", f"{SLOT}/ready", "/ping", "/health", "/version"),
    *("/metrics", "/models", SLOT, "/docs"),
]


def names(**keys: str) -> dict[bytes, str]:
    """As a file of keys has them."""
    return {hashlib.sha256(key.encode()).digest(): name for name, key in keys.items()}


def bearing(key: str, scheme: str = "Bearer") -> dict[str, str]:
    """The header."""
    return {"Authorization": f"{scheme} {key}"}


@pytest.fixture
def keys() -> ApiKeys:
    """Two that are known."""
    return ApiKeys(names(one=KEY, another=OTHERS_KEY))


@pytest.fixture
async def guarded(keys: ApiKeys) -> AsyncIterator[App]:
    """An application with keys and an admin token."""
    made = App(keys=keys, admin=Admin(TOKEN))
    async with made.client:
        yield made
    made.logs.close()


@pytest.mark.parametrize("path", PREDICTIONS)
async def test_known_key_is_answered_and_logged_by_name(guarded: App, path: str) -> None:
    """The name, never the key."""
    reply = await guarded.predict([1], path, headers=bearing(KEY))
    assert reply.status_code == 200
    line = guarded.log()[-1]
    assert (line["event"], line["key"]) == ("request", "one")
    assert KEY not in str(line)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer "])
async def test_scheme_is_read_as_http_says(guarded: App, scheme: str) -> None:
    """In any case (RFC 9110, 11.1)."""
    reply = await guarded.predict([1], headers=bearing(OTHERS_KEY, scheme))
    assert reply.status_code == 200
    assert guarded.records.records[-1].key == "another"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        bearing("unknown"),
        bearing(KEY + "x"),
        bearing(KEY[:-1]),
        bearing(""),
        bearing(KEY, "Basic"),
        {"Authorization": KEY},
        {"Authorization": f"Bearer{KEY}"},
        bearing(TOKEN),
        bearing("x" * 5000),
        bearing(hashlib.sha256(KEY.encode()).hexdigest()),
        {"X-API-Key": KEY},
    ],
)
@pytest.mark.parametrize("path", PREDICTIONS)
async def test_anybody_else_is_refused(guarded: App, path: str, headers: dict[str, str]) -> None:
    """401 with the scheme to use, in the protocol's own shape, and told to the observers."""
    reply = await guarded.predict([1], path, headers=headers)
    assert reply.status_code == 401
    assert reply.headers["www-authenticate"] == "Bearer"
    found = reply.json()
    if path.endswith("predict"):
        assert (found["code"], found["request_id"]) == (
            "unauthorized",
            reply.headers["x-request-id"],
        )
    else:
        assert found["error_code"] == "UNAUTHENTICATED"
        assert found["message"]
    record = guarded.records.records[-1]
    assert (record.slot, record.code, record.error, record.key) == (
        str(IRIS),
        401,
        "unauthorized",
        None,
    )
    assert not any(text in str(guarded.log()) for text in headers.values() if text)


async def test_body_of_a_refused_request_is_not_read(guarded: App) -> None:
    """Who has no key costs no memory."""
    raw = await Raw().run(guarded.asgi, [])
    assert (raw.status, raw.reads) == (401, 0)


@pytest.mark.parametrize("path", OPEN)
async def test_probes_metrics_and_pages_ask_for_no_key(guarded: App, path: str) -> None:
    """Orchestrators and Prometheus have none."""
    guarded.serve("1", ref=OTHER)
    assert (await guarded.client.get(path)).status_code == 200


async def test_refused_requests_are_counted(guarded: App) -> None:
    """An application whose key was taken back shows in the metrics."""
    await guarded.predict([1])
    labels = {"model": "iris", "alias": "champion", "route": "predict", "code": "401"}
    assert guarded.registry.get_sample_value("podium_requests_total", labels) == 1


async def test_keys_can_be_replaced_while_requests_come(guarded: App, keys: ApiKeys) -> None:
    """The next request meets the new ones."""
    assert (await guarded.predict([1], headers=bearing(KEY))).status_code == 200
    keys.replace(names(one="a new key"))
    assert (await guarded.predict([1], headers=bearing(KEY))).status_code == 401
    assert (await guarded.predict([1], headers=bearing("a new key"))).status_code == 200


async def test_without_keys_none_is_asked_for(app: App) -> None:
    """One that comes all the same is not looked at."""
    for headers in ({}, bearing("anything")):
        assert (await app.predict([1], headers=headers)).status_code == 200
    assert "key" not in app.log()[-1]


def test_without_keys_nothing_stands_before_the_route(app: App) -> None:
    """What is not asked for costs nothing."""
    context = RouteContext(1000, app.bodies, app.held_replies, RequestIds(), (), app.logs.logger)
    open_to_all = prediction_endpoints(app.slots, [PodiumProtocol()], context)
    assert {type(endpoint) for endpoint in open_to_all.values()} == {PredictionEndpoint}


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (None, None),
        (b"", None),
        (b"Bearer", None),
        (b"Bearer  ", None),
        (b"Bearer a", b"a"),
        (b"  bearer   a ", b"a"),
        (b"Digest a", None),
        (b"Bearer " + b"a" * 2000, None),
        (b"Bearer \xff", b"\xff"),
    ],
)
def test_bearer_is_read_from_its_header(header: bytes | None, key: bytes | None) -> None:
    """Everything else is not a key."""
    assert bearer(header) == key


async def test_operator_asks_for_a_look(guarded: App) -> None:
    """202 with the slot as it is; the follower is told which one."""
    reply = await guarded.client.post(f"{SLOT}/reload", headers=bearing(TOKEN))
    assert reply.status_code == 202
    assert (reply.json()["name"], reply.json()["version"]) == ("iris", "1")
    assert guarded.reloaded == [IRIS]


async def test_operator_asks_for_what_has_given_way_again(guarded: App) -> None:
    """Only where the query says so; nonsense in it is refused."""
    asked = {"again": "true"}
    await guarded.client.post(f"{SLOT}/reload", headers=bearing(TOKEN), params=asked)
    assert (guarded.reloaded, guarded.reloaded_again) == ([], [IRIS])
    wrong = {"again": "maybe"}
    reply = await guarded.client.post(f"{SLOT}/reload", headers=bearing(TOKEN), params=wrong)
    assert (reply.status_code, reply.json()["code"]) == (400, "bad_request")
    assert "maybe" not in reply.text


async def test_name_with_a_slash_can_be_reloaded(guarded: App) -> None:
    """As it stands in every other path."""
    reply = await guarded.client.post(f"/models/{OTHER}/reload", headers=bearing(TOKEN))
    assert reply.status_code == 202
    assert guarded.reloaded == [OTHER]


@pytest.mark.parametrize(
    "headers", [{}, bearing(TOKEN[:-1]), bearing(KEY), bearing(TOKEN, "Basic")]
)
async def test_nobody_else_reloads(guarded: App, headers: dict[str, str]) -> None:
    """A key of an application's is no token."""
    reply = await guarded.client.post(f"{SLOT}/reload", headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (401, "unauthorized")
    assert reply.headers["www-authenticate"] == "Bearer"
    assert guarded.reloaded == []


@pytest.mark.parametrize(("token", "status"), [(TOKEN, 202), (TOKEN[:-1], 401)])
async def test_token_is_compared_in_constant_time(token: str, status: int) -> None:
    """`hmac.compare_digest` alone may look at its sum."""
    admin = Admin(TOKEN)
    assert admin._sum is not None
    admin._sum = Uncomparable(admin._sum)
    made = App(admin=admin)
    async with made.client:
        reply = await made.client.post(f"{SLOT}/reload", headers=bearing(token))
    made.logs.close()
    assert reply.status_code == status


@pytest.mark.parametrize(("key", "name"), [(KEY, "one"), ("unknown", None)])
def test_keys_are_compared_by_their_sums_alone(key: str, name: str | None) -> None:
    """Nobody can choose a sum byte by byte; nothing else of a key is ever compared."""
    asked: list[bytes] = []

    class Asked(dict[bytes, str]):
        def get(self, key: bytes, default: Any = None) -> Any:
            asked.append(key)
            return super().get(key, default)

    known = ApiKeys(Asked(names(one=KEY, another=OTHERS_KEY)))
    assert known.name_of(f"Bearer {key}".encode()) == name
    assert asked == [hashlib.sha256(key.encode()).digest()]


async def test_signature_and_example_need_a_key_where_predictions_do(guarded: App) -> None:
    """They show what versions were trained on. The rest of the page is anybody's."""
    long = {"signature", "request_schema", "serving_example"}
    opened = (await guarded.client.get(SLOT, headers=bearing(KEY))).json()
    assert all(opened[key] is not None for key in long)
    assert (await guarded.client.get(SLOT, headers=bearing(TOKEN))).json() == opened
    for headers in (None, bearing("another")):
        shown = (await guarded.client.get(SLOT, headers=headers)).json()
        assert shown == opened | dict.fromkeys(long)


async def test_unknown_model_cannot_be_reloaded(guarded: App) -> None:
    """404 for who has the token; who has not learns nothing."""
    missing = "/models/other@champion/reload"
    assert (await guarded.client.post(missing, headers=bearing(TOKEN))).status_code == 404
    assert (await guarded.client.post(missing)).status_code == 401
    assert guarded.reloaded == []


async def test_without_a_token_nobody_reloads(app: App) -> None:
    """403: to come with another one would not help."""
    reply = await app.client.post(f"{SLOT}/reload", headers=bearing(TOKEN))
    assert (reply.status_code, reply.json()["code"]) == (403, "forbidden")
    assert app.reloaded == []


async def _document(app: App, key: str | None = None) -> dict[str, Any]:
    headers = {} if key is None else bearing(key)
    found: dict[str, Any] = (await app.client.get("/openapi.json", headers=headers)).json()
    return found


async def test_document_needs_a_key_where_predictions_do(guarded: App) -> None:
    """It shows what versions were trained on; the admin token is as good."""
    for headers, status in ((None, 401), (bearing("another"), 401), (bearing(KEY), 200)):
        reply = await guarded.client.get("/openapi.json", headers=headers)
        assert reply.status_code == status
    assert (await guarded.client.get("/openapi.json", headers=bearing(TOKEN))).is_success


async def test_document_says_what_is_asked_for(guarded: App) -> None:
    """Each operation names its scheme, and describes the refusal that it really sends."""
    document = await _document(guarded, KEY)
    bearer = {"type": "http", "scheme": "bearer"}
    assert document["components"]["securitySchemes"] == {"key": bearer, "admin": bearer}
    reload = document["paths"]["/models/{name}@{alias}/reload"]["post"]
    assert reload["security"] == [{"admin": []}]
    for route in ("/predict", "/invocations"):
        operation = document["paths"][route]["post"]
        assert operation["security"] == [{"key": []}]
        schema = operation["responses"]["401"]["content"]["application/json"]["schema"]
        refusal = (await guarded.predict([1], route)).json()
        Draft202012Validator(schema | {"components": document["components"]}).validate(refusal)


async def test_document_without_keys_names_none(app: App) -> None:
    """Nor a 401."""
    document = await _document(app)
    assert "securitySchemes" not in document["components"]
    for path in ("/predict", "/models/{name}@{alias}/reload"):
        operation = document["paths"][path]["post"]
        assert "security" not in operation
        assert "401" not in operation["responses"]
