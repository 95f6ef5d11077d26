"""The Open Inference Protocol's paths: who answers, who may ask, and how it says no."""

import hashlib
from typing import Any

import httpx
import pytest

from service.following.servable import Arm, Traffic
from service.http.access import Admin, ApiKeys
from service.http.key_limits import KeyLimits, Scoped
from service.refs import ModelRef
from service.rollout.buckets import Buckets, key_of
from service.split_tag import WHOLE
from tests.http.app import IRIS, OTHER, App, Raw, chunk
from tests.support.serving import FakePredictor, make_binding

KEY = "key-of-one-application"
SECOND = ModelRef("iris", "challenger")


def tensor(*values: float) -> dict[str, Any]:
    """A request with one column."""
    return {
        "inputs": [{"name": "x", "shape": [len(values)], "datatype": "FP64", "data": list(values)}]
    }


async def infer(app: App, called: str = "iris", **more: Any) -> httpx.Response:
    """The answer to one row."""
    return await app.client.post(f"/v2/models/{called}/infer", json=tensor(1), **more)


async def test_reply_names_the_model_the_version_and_the_clients_id(app: App) -> None:
    """Headers as on every door, the record by its own."""
    reply = await app.client.post("/v2/models/iris/infer", json={**tensor(1, 2), "id": "é"})

    assert reply.json() == {
        "model_name": "iris",
        "model_version": "1",
        "id": "é",
        "outputs": [{"name": "output-0", "datatype": "INT64", "shape": [2], "data": [1, 1]}],
    }
    assert reply.headers["podium-version"] == "1"
    record = app.records.records[-1]
    assert (record.route, record.rows, record.slot) == ("infer", 2, "iris@champion")


async def test_name_stands_for_the_first_of_its_aliases() -> None:
    """As configured; each is asked for by name and alias."""
    app = App([IRIS, SECOND, OTHER])
    app.serve("2", ref=SECOND)

    assert (await infer(app)).json()["model_version"] == "1"
    answer = (await infer(app, "iris@challenger")).json()
    assert (answer["model_name"], answer["model_version"]) == ("iris@challenger", "2")
    app.logs.close()


async def test_media_type_says_nothing(app: App) -> None:
    """tritonclient sends none, curl that of a form."""
    sent = {"content-type": "application/x-www-form-urlencoded"}
    assert (await infer(app, headers=sent)).status_code == 200


async def test_version_in_a_path_is_the_slots_own_or_an_arms(app: App) -> None:
    """Whatever share it has of the others; any other version is not found."""
    own, arm = app.slots.default.binding, make_binding(SECOND, "2", FakePredictor("7"))
    assert own is not None
    buckets = Buckets(key_of("iris@champion"), b"podium-sticky", own, (arm, 0), (own, WHOLE))
    app.slots.default.traffic = Traffic(1, (Arm(own, WHOLE), Arm(arm, 0)), buckets=buckets)

    first, second = [await infer(app, f"iris/versions/{number}") for number in (1, 2)]
    assert first.json()["model_version"] == first.headers["podium-version"] == "1"
    assert second.json()["model_version"] == second.headers["podium-version"] == "2"
    assert second.headers["podium-alias"] == "challenger"
    third = await infer(app, "iris/versions/3")
    assert third.status_code == 404
    assert set(third.json()) == {"error"}
    assert (await app.client.get("/v2/models/iris")).json()["versions"] == ["1", "2"]
    assert (await app.client.get("/v2/models/iris/versions/2/ready")).status_code == 200
    assert (await app.client.get("/v2/models/iris/versions/3/ready")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/models/nobody/ready", 404),
        ("GET", "/v2/models/nobody/config", 404),
        ("GET", "/v2/models/iris/stats", 404),
        ("POST", "/v2/models/nobody/infer", 404),
        ("POST", "/v2/models/nobody@champion/versions/1/infer", 404),
        ("POST", "/v2/repository/models/iris/load", 404),
        ("GET", "/v2/models/iris/infer", 405),
        ("GET", "/v2/models/iris/versions/1/infer", 405),
        ("POST", "/v2/health/live", 405),
        ("POST", "/v2/models/iris", 405),
        ("GET", "/v2/models/team/other model@blue", 503),
    ],
)
async def test_refusal_has_the_protocols_shape(
    app: App, method: str, path: str, status: int
) -> None:
    """Everything below `/v2`, without the client's words."""
    reply = await app.client.request(method, path)

    assert reply.status_code == status
    assert list(reply.json()) == ["error"]
    assert "nobody" not in reply.text
    assert reply.headers["x-request-id"]


async def test_everything_wrong_stands_in_one_error(app: App) -> None:
    """With 400."""
    body = {"inputs": [{"name": "x", "shape": [2], "datatype": "FP64", "data": ["a", None]}]}
    reply = await app.client.post("/v2/models/iris/infer", json=body)

    assert reply.status_code == 400
    assert "body.inputs.x.data.0: must be a number" in reply.json()["error"]
    assert "body.inputs.x.data.1: must not be null" in reply.json()["error"]


@pytest.mark.parametrize("length", ["x", "-1", "1.0", "", "9" * 30, "1000000"])
async def test_length_of_the_json_that_is_no_number_is_refused(app: App, length: str) -> None:
    """Or longer than the body."""
    sent = {"Inference-Header-Content-Length": length}
    assert (await infer(app, headers=sent)).status_code == 400


async def test_length_of_the_json_may_have_blanks_around_it(app: App) -> None:
    """They are no part of a header's value (RFC 9110, section 5.5)."""
    length = len(httpx.Request("POST", "http://a", json=tensor(1)).content)
    sent = {"Inference-Header-Content-Length": f"{length} \t"}
    assert (await infer(app, headers=sent)).status_code == 200


async def test_health_is_json(app: App) -> None:
    """As KServe's client reads it."""
    assert (await app.client.get("/v2/health/live")).json() == {"live": True}
    app.serve("9", ref=OTHER)
    assert (await app.client.get("/v2/health/ready")).json() == {"ready": True}
    assert (await app.client.get("/v2/models/iris/ready")).json() == {"name": "iris", "ready": True}
    app.stopping = True
    reply = await app.client.get("/v2/health/ready")
    assert (reply.status_code, reply.json()) == (503, {"ready": False})
    assert int(reply.headers["retry-after"]) >= 1


async def test_head_answers_like_get(app: App) -> None:
    """Without a body."""
    raw = await Raw().run(app.asgi, [chunk(b"")], path="/v2/models/iris", method="HEAD")

    assert (raw.status, raw.body) == (200, b"")


async def test_index_lists_what_serves_and_what_is_to(app: App) -> None:
    """Those that are ready alone, where that is asked for; a body that says nothing is refused."""
    listed = (await app.client.post("/v2/repository/index")).json()
    ready = (await app.client.post("/v2/repository/index", json={"ready": True})).json()
    refused = await app.client.post("/v2/repository/index", content=b"{")

    assert {(each["name"], each["state"]) for each in listed} == {
        ("iris", "READY"),
        ("iris@champion", "READY"),
        ("team/other model", "UNAVAILABLE"),
        ("team/other model@blue", "UNAVAILABLE"),
    }
    assert [each["name"] for each in ready] == ["iris", "iris@champion"]
    assert (refused.status_code, list(refused.json())) == (400, ["error"])


async def test_keys_are_asked_for_by_what_shows_a_signature_and_by_predictions() -> None:
    """And what a key may not ask it is not told of; health is open."""
    known = hashlib.sha256(KEY.encode()).digest()
    limits = {known: KeyLimits(Scoped(("iris@champion",)))}
    app = App(keys=ApiKeys({known: "one"}, limits), admin=Admin("token"))
    bearing = {"Authorization": f"Bearer {KEY}"}
    other = "/v2/models/team/other model@blue"

    assert (await app.client.get("/v2/health/live")).status_code == 200
    for path in ("/v2/models/iris", "/v2/models/iris/config"):
        refused = await app.client.get(path)
        assert (refused.status_code, list(refused.json())) == (401, ["error"])
        assert (await app.client.get(path, headers=bearing)).status_code == 200
    assert (await infer(app)).status_code == 401
    assert (await infer(app, "iris/versions/1")).status_code == 401
    assert (await infer(app, headers=bearing)).status_code == 200
    assert (await app.client.get(other, headers=bearing)).status_code == 403
    index = await app.client.post("/v2/repository/index", headers=bearing)
    assert [each["name"] for each in index.json()] == ["iris", "iris@champion"]
    app.logs.close()


async def test_openapi_has_the_concrete_names_and_shapes(app: App) -> None:
    """Of what serves, by name and by name and alias."""
    paths = (await app.client.get("/openapi.json")).json()["paths"]
    operation = paths["/v2/models/iris/infer"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    inputs = schema["properties"]["inputs"]["items"]["properties"]

    assert (inputs["name"], inputs["datatype"]) == ({"const": "x"}, {"const": "FP64"})
    assert set(operation["responses"]["200"]["content"]) == {
        "application/json",
        "application/octet-stream",
    }
    assert "/v2/models/iris@champion/infer" in paths
    assert "/v2/models/{called}" in paths
