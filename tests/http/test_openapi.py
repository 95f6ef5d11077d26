"""The OpenAPI document and its page."""

import asyncio
import json
import threading
from dataclasses import replace
from typing import Any, ClassVar

import httpx
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from service.contract.contract import RequestLimits, compile_contract
from service.errors import (
    BodyTooLarge,
    FieldError,
    InvalidInput,
    ModelFailed,
    ModelRaisedMlflow,
    NotNow,
    Overloaded,
    PredictionTimedOut,
    ServiceError,
    Undecodable,
    UnsupportedMediaType,
)
from service.refs import ModelRef
from tests.http.app import OTHER, App
from tests.support.serving import FakeContract, failing, make_binding

ROUTES = ("/predict", "/invocations")
ROUTES_OF_A_SLOT = ("predict", "invocations")
UNBOUND = "/models/team%2Fother%20model@blue"


async def _document(app: App) -> dict[str, Any]:
    document: dict[str, Any] = (await app.client.get("/openapi.json")).json()
    return document


async def test_every_slot_has_typed_operations_with_a_concrete_path(app: App) -> None:
    """Body schema and example are those of the version that serves."""
    paths = (await _document(app))["paths"]
    content = paths["/models/iris@champion/predict"]["post"]["requestBody"]["content"]

    assert content["application/json"]["schema"] == FakeContract.request_schema
    assert content["application/json"]["example"] == {"inputs": [1.0, 2.0]}
    assert paths["/predict"]["post"]["requestBody"]["content"] == content
    assert "/models/team%2Fother%20model@blue/invocations" in paths


async def test_document_follows_a_swap(app: App) -> None:
    """What the new version asks for stands in the next document."""

    class Other(FakeContract):
        request_schema = {"type": "object", "title": "the second version's"}  # noqa: RUF012 - as the fake has it

    before = await _document(app)
    app.serve("2", contract=Other())
    after = await _document(app)

    def title(document: dict[str, Any]) -> str | None:
        body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
        found: str | None = body["schema"].get("title")
        return found

    assert title(before) is None
    assert title(after) == "the second version's"


async def test_document_is_kept_between_swaps(app: App) -> None:
    """Asking twice makes it once."""

    class Counting(FakeContract):
        asked = 0

        @property
        def request_schema(self) -> dict[str, Any]:  # type: ignore[override]
            Counting.asked += 1
            return {}

    app.serve("1", contract=Counting())
    await _document(app)
    once = Counting.asked
    await _document(app)

    assert once == Counting.asked > 0


async def test_document_is_written_once_however_many_ask(app: App) -> None:
    """Those who ask meanwhile wait for it, and the loop writes none of it."""

    class Watching(FakeContract):
        threads: ClassVar[list[threading.Thread]] = []

        @property
        def request_schema(self) -> dict[str, Any]:  # type: ignore[override]
            self.threads.append(threading.current_thread())
            return {}

    app.serve("1", contract=Watching())
    documents = await asyncio.gather(*(_document(app) for _ in range(10)))

    assert all(document == documents[0] for document in documents)
    assert len(Watching.threads) == 1
    assert threading.main_thread() not in Watching.threads


async def test_long_schema_stands_once_in_the_document_and_its_parts_once_in_it(app: App) -> None:
    """However many routes have it, and in however many formats the columns are listed."""
    columns = [{"type": "double", "name": f"column {n}", "required": True} for n in range(600)]
    signature = {"inputs": json.dumps(columns), "outputs": None, "params": None}
    contract = compile_contract(signature, RequestLimits(10))

    class Wide(FakeContract):
        request_schema = contract.request_schema

    app.serve("1", contract=Wide())
    reply = await app.client.get("/openapi.json")
    document = reply.json()
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    schema = {**body["schema"], "components": document["components"]}

    assert int(reply.headers["content-length"]) == len(reply.content) < 320_000
    assert _references(document) <= {
        f"#/components/schemas/{name}" for name in document["components"]["schemas"]
    }
    validator = Draft202012Validator(schema)
    row = {f"column {n}": 0.5 for n in range(600)}
    for form in ("dataframe_records", "instances", "inputs"):
        assert validator.is_valid({form: [row]})
        assert not validator.is_valid({form: [row | {"column 7": "text"}]})


async def test_long_example_stands_once_in_the_document(app: App) -> None:
    """Among its components."""
    example = {"inputs": [1.5] * 10_000}
    app.serve("1")
    binding = app.slots.default.binding
    assert binding is not None
    text = json.dumps(example).encode()
    binding.servable.fetched = replace(binding.servable.fetched, serving_example=text)
    document = await _document(app)
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]

    (reference,) = [each["$ref"] for each in body["examples"].values()]
    name = reference.removeprefix("#/components/examples/")
    assert document["components"]["examples"][name] == {"value": example}


async def test_every_reference_of_the_document_is_there(app: App) -> None:
    """No schema is named that is not given, and no operation id twice."""
    document = await _document(app)
    names = set(document["components"]["schemas"])
    operations = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]

    assert _references(document) <= {f"#/components/schemas/{name}" for name in names}
    assert len(operations) == len(set(operations))


async def test_fastapis_own_errors_are_not_in_the_document(app: App) -> None:
    """Every error has a shape that the service really sends."""
    document = await _document(app)

    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "4XX" in document["paths"]["/models/{name}@{alias}"]["get"]["responses"]


async def test_replies_and_errors_have_shapes(app: App) -> None:
    """Each protocol's statuses are listed with a schema."""
    paths = (await _document(app))["paths"]
    podium = paths["/predict"]["post"]["responses"]
    mlflow = paths["/invocations"]["post"]["responses"]

    both = {"200", "400", "405", "408", "410", "413", "415", "500", "503", "504"}
    assert set(podium) == both | {"422"}
    assert set(mlflow) == both | {"default"}
    for response in [*podium.values(), *mlflow.values()]:
        assert "$ref" in response["content"]["application/json"]["schema"]


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "error",
    [
        InvalidInput((FieldError(("body", "inputs", 0), "must be a number", "type"),)),
        Undecodable("Too much."),
        UnsupportedMediaType("No."),
        BodyTooLarge("Too long."),
        ModelFailed("It failed."),
        ModelRaisedMlflow("It raised.", "RESOURCE_EXHAUSTED"),
        PredictionTimedOut("Too slow."),
        Overloaded("Too many."),
        NotNow("Not now."),
        RuntimeError("a defect"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_every_error_is_answered_in_the_shape_that_the_document_gives(
    app: App, error: ServiceError | RuntimeError, route: str
) -> None:
    """For the status that it has, on this route."""
    app.serve("1", failing(error))

    _assert_described(await _document(app), route, await app.predict([1], route))


@pytest.mark.parametrize("route", ROUTES)
async def test_other_replies_are_described_too(app: App, route: str) -> None:
    """A prediction, another method, and a slot that has no version yet."""
    document = await _document(app)
    _assert_described(document, route, await app.predict([1], route))
    _assert_described(document, route, await app.client.get(route))
    _assert_described(document, UNBOUND + route, await app.predict([1], UNBOUND + route))


async def test_every_error_of_every_path_has_a_shape(app: App) -> None:
    """But where MLflow's protocol answers with a bare line feed."""
    errors = {
        (path, status): response
        for path, operations in (await _document(app))["paths"].items()
        for operation in operations.values()
        for status, response in operation["responses"].items()
        if status[0] != "2" and path not in {"/ping", "/health"}
    }

    assert {path for path, _ in errors} >= {"/predict", "/health/ready", "/models/{name}@{alias}"}
    for response in errors.values():
        assert response["description"]
        assert response["content"]["application/json"]["schema"]


async def test_other_media_types_stand_beside_json(app: App) -> None:
    """Those that the version takes; with it they come and go."""

    class AsCsvToo(FakeContract):
        media_types = ("application/json", "text/csv")  # type: ignore[assignment]

    def media_types(document: dict[str, Any]) -> set[str]:
        return set(document["paths"]["/predict"]["post"]["requestBody"]["content"])

    assert media_types(await _document(app)) == {"application/json"}
    app.serve("2", contract=AsCsvToo())
    assert media_types(await _document(app)) == {"application/json", "text/csv"}


async def test_version_without_an_example_shows_one_of_its_signature(app: App) -> None:
    """In one format, so that what a page fills in is a request; its own comes first."""
    columns = [{"type": "double", "name": "a", "required": True}]
    signature = {"inputs": json.dumps(columns), "outputs": None, "params": None}

    class Signed(FakeContract):
        request_example = compile_contract(signature, RequestLimits(10)).request_example

    async def examples(path: str) -> list[Any]:
        paths = (await _document(app))["paths"]
        bodies = [paths[f"{path}/{route}"]["post"]["requestBody"] for route in ROUTES_OF_A_SLOT]
        return [body["content"]["application/json"]["example"] for body in bodies]

    app.serve("2", contract=Signed())
    assert await examples("/models/iris@champion") == [{"inputs": [1.0, 2.0]}] * 2
    slot = app.slots[str(OTHER)]
    slot.serve(make_binding(slot.ref, "1", contract=Signed(), example=None))
    made = {"dataframe_split": {"columns": ["a"], "data": [[0.0]]}}
    assert await examples(UNBOUND) == [made] * 2


async def test_slot_without_a_version_has_an_untyped_operation(app: App) -> None:
    """Until one serves there; its path is known from the start."""

    async def content() -> dict[str, Any]:
        operation = (await _document(app))["paths"][f"{UNBOUND}/predict"]["post"]
        found: dict[str, Any] = operation["requestBody"]["content"]["application/json"]
        return found

    assert await content() == {"schema": {"type": "object"}}
    app.serve("1", ref=OTHER)
    assert (await content())["schema"] == FakeContract.request_schema


async def test_hostile_name_is_text_and_never_in_a_description() -> None:
    """Descriptions are rendered by pages, so nobody else's words stand in them."""
    app = App([ModelRef("<img src=x onerror=alert(1)>", "prod")])
    document = await _document(app)
    page = (await app.client.get("/docs")).text
    app.logs.close()

    assert all("<img" not in text for text in _descriptions(document))
    assert all("<img" not in path for path in document["paths"])
    assert "<img" not in page


async def test_docs_page_reads_the_document(app: App) -> None:
    """The page is a page, and names the document by a relative address."""
    reply = await app.client.get("/docs")

    assert reply.headers["content-type"].startswith("text/html")
    assert "'openapi.json'" in reply.text


async def test_root_leads_to_the_docs(app: App) -> None:
    """Who opens the bare address in a browser sees what is here."""
    reply = await app.client.get("/")

    assert reply.status_code == 307
    assert reply.next_request is not None
    assert reply.next_request.url.path == "/docs"
    assert "/" not in (await _document(app))["paths"]


def _assert_described(document: dict[str, Any], path: str, reply: httpx.Response) -> None:
    responses = document["paths"][path]["post"]["responses"]
    described = responses.get(str(reply.status_code), responses.get("default"))
    assert described is not None, reply.status_code
    schema = described["content"][reply.headers["content-type"]]["schema"]
    Draft202012Validator(schema | {"components": document["components"]}).validate(reply.json())


def _references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*map(_references, value.values()))
    if isinstance(value, list):
        return set().union(*map(_references, value))
    return set()


def _descriptions(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["description"]] if isinstance(value.get("description"), str) else []
        return own + [text for inner in value.values() for text in _descriptions(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _descriptions(inner)]
    return []
