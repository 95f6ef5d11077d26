"""Which request goes where, and what a request that goes nowhere is told."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.refs import ModelRef
from tests.http.app import IRIS, OTHER, App, Raw, chunk
from tests.support.exploring import exploring


async def test_default_routes_serve_the_first_slot(app: App) -> None:
    """`/predict` and `/invocations` are the first reference's."""
    app.serve("9", ref=OTHER)

    for path in ("/predict", "/invocations"):
        assert (await app.predict([1], path)).headers["podium-model"] == "iris"


@pytest.mark.parametrize(
    "path",
    [
        "/models/team/other model@blue/predict",
        "/models/team%2Fother%20model@blue/predict",
        "/models/team/other%20model%40blue/invocations",
    ],
)
async def test_slot_route_is_matched_by_its_decoded_path(app: App, path: str) -> None:
    """A slash or a space in a name may be encoded or not."""
    app.serve("9", ref=OTHER)
    reply = await app.predict([1], path)

    assert reply.status_code == 200
    assert reply.headers["podium-version"] == "9"


async def test_name_with_an_at_sign_has_routes_of_its_own() -> None:
    """A reference is split at its last @, in paths too."""
    app = App([ModelRef("a@b", "prod"), ModelRef("a", "b")])

    assert (await app.predict([1], "/models/a@b@prod/predict")).status_code == 200
    assert (await app.client.get("/models/a@b@prod")).json()["name"] == "a@b"
    assert (await app.predict([1], "/models/a@b/predict")).status_code == 503
    app.logs.close()


async def test_unknown_path_is_404_in_podiums_shape(app: App) -> None:
    """A code, a sentence and the request's id; not the path."""
    reply = await app.client.get("/secret-path")

    assert reply.status_code == 404
    assert reply.json() == {
        "code": "not_found",
        "detail": "Nothing is here. GET /docs lists what is.",
        "request_id": reply.headers["x-request-id"],
    }


@pytest.mark.parametrize("path", ["/health/live/", "/predict/", "//predict", "/Predict"])
async def test_nearly_a_path_is_404_and_never_a_redirect(app: App, path: str) -> None:
    """One path a route."""
    assert (await app.client.get(f"http://podium{path}")).status_code == 404


async def test_unknown_model_is_404_in_the_shape_of_its_protocol(app: App) -> None:
    """Podium's code on predict, MLflow's on invocations."""
    predict = await app.predict([1], "/models/nobody@champion/predict")
    invocations = await app.predict([1], "/models/nobody@champion/invocations")

    assert (predict.status_code, predict.json()["code"]) == (404, "unknown_model")
    assert invocations.status_code == 404
    assert invocations.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"
    assert "nobody" not in predict.text + invocations.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/predict", "/invocations", "/models/iris@champion/predict"])
async def test_wrong_method_on_a_prediction_route_is_405_with_allow(
    app: App, method: str, path: str
) -> None:
    """Predictions are asked for by POST alone."""
    reply = await app.client.request(method, path)

    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST"


async def test_405_has_the_shape_of_its_protocol(app: App) -> None:
    """Podium's code on predict, MLflow's shape on invocations."""
    assert (await app.client.get("/predict")).json()["code"] == "method_not_allowed"
    assert set((await app.client.get("/invocations")).json()) >= {"error_code", "message"}


async def test_wrong_method_on_a_page_is_405_in_podiums_shape(app: App) -> None:
    """FastAPI's routes speak like all others."""
    reply = await app.client.post("/health/live")

    assert reply.status_code == 405
    assert reply.headers["allow"] == "GET"
    assert reply.json()["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    "path", ["/health/live", "/ping", "/version", "/models", "/models/iris@champion", "/metrics"]
)
async def test_head_answers_like_get_without_a_body(app: App, path: str) -> None:
    """Where GET is, HEAD is."""
    get = await app.client.get(path)
    raw = await Raw().run(app.asgi, [chunk(b"")], path=path, method="HEAD")

    assert raw.status == get.status_code == 200
    assert raw.body == b""


async def test_request_id_is_on_pages_too(app: App) -> None:
    """Accepted and returned as on predictions."""
    reply = await app.client.get("/models", headers={"X-Request-ID": "mine"})

    assert reply.headers["x-request-id"] == "mine"


async def test_page_that_fails_is_500_without_details_and_logged_once(app: App) -> None:
    """The log has the traceback, the client an id."""
    app.slots.default.failure = "no failure"  # type: ignore[assignment]
    reply = await app.client.get("/models")

    assert reply.status_code == 500
    assert reply.json()["code"] == "internal"
    lines = [line for line in app.log() if line["event"] == "internal"]
    assert [line["request_id"] for line in lines] == [reply.headers["x-request-id"]]
    assert "AttributeError" in lines[0]["exception"]


_HEADERS = st.dictionaries(
    st.sampled_from([b"content-type", b"content-length", b"content-encoding", b"x-request-id"]),
    st.binary(max_size=40),
)
_BODIES = st.binary(max_size=60) | st.sampled_from([b'{"inputs":[[]]}', b'{"inputs":{"a":1}}'])
_PREDICTIONS = st.sampled_from(["/predict", f"/models/{IRIS}/invocations"])
_PATHS = _PREDICTIONS | st.text(max_size=40).map("/".__add__)
_METHODS = st.sampled_from(["POST", "GET", "HEAD", "BREW"])


def test_p14_no_request_gets_a_5xx() -> None:
    """Whatever bytes come, the answer is the client's business, and there is one."""
    app = App([IRIS])

    async def ask(body: bytes, headers: dict[bytes, bytes], path: str, method: str) -> Raw:
        async with asyncio.timeout(240):
            return await Raw().run(app.asgi, [chunk(body)], path, method, headers)

    with asyncio.Runner() as runner:

        @exploring(200)
        @given(body=_BODIES, headers=_HEADERS, path=_PATHS, method=_METHODS)
        def any_request(body: bytes, headers: dict[bytes, bytes], path: str, method: str) -> None:
            assert runner.run(ask(body, headers, path, method)).status < 500

        any_request()
    app.logs.close()
