"""What the OpenAPI document says of one slot's requests, written once for each binding.

A short schema stands where it is used. A long one stands once among the components, as do those of
its parts that occur several times in it: a table of 600 columns would stand there twenty times.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.contract.tensors.tensor_schema import answer_schema
from service.following.servable import Binding
from service.http.described import Tensorial, request_example
from service.http.written import JSON, json_object, json_text

# Longer schemas and examples stand among the components.
_SHORT_BYTES: Final = 16 * 1024
# A reference to a part is as long as this.
_LEAST_BYTES: Final = 200
_RAW: Final = "application/octet-stream"
_ONE: Final = ("items", "additionalProperties", "not")
_SEVERAL: Final = ("anyOf", "oneOf")
_ANY_BODY_SCHEMA: Final = json_text({"type": "object"})
_ANY_BODY: Final = json_object({"schema": _ANY_BODY_SCHEMA})

JsonSchema = Mapping[str, Any]


@dataclass(slots=True)
class Documented:
    """One binding's requests, as JSON texts.

    Attributes:
        binding: which.
        content: the media types of a request's body.
        tensors: the same of a request of named tensors; empty where none can be sent.
        answer: the schema of named outputs.
        schemas: components that it refers to, by name.
        examples: the same of examples.
    """

    binding: Binding | None
    content: bytes
    tensors: bytes = b""
    answer: bytes = _ANY_BODY_SCHEMA
    schemas: dict[str, bytes] = field(default_factory=dict)
    examples: dict[str, bytes] = field(default_factory=dict)


def documented(binding: Binding | None, name: str) -> Documented:
    """Of what serves now; names of components begin with `name`. Blocks while it is written."""
    if binding is None:
        return Documented(None, json_object({JSON: _ANY_BODY}))
    made = Documented(binding, b"")
    contract = binding.servable.contract
    request = {"schema": _schema(contract.request_schema, f"{name}_request", made.schemas)}
    example = request_example(binding.servable)
    if example is not None:
        request |= _example(json_text(example), f"{name}_example", made.examples)
    others = dict.fromkeys(contract.media_types[1:], b"{}")
    made.content = json_object({JSON: json_object(request), **others})
    if isinstance(contract, Tensorial):
        schema = _schema(contract.tensor_schema, f"{name}_tensors", made.schemas)
        made.tensors = json_object({JSON: json_object({"schema": schema}), _RAW: b"{}"})
        seen = binding.servable.predictor.status.outputs or ()
        made.answer = _schema(answer_schema(seen), f"{name}_outputs", made.schemas)
    return made


def _example(text: bytes, name: str, examples: dict[str, bytes]) -> Mapping[str, bytes]:
    if len(text) <= _SHORT_BYTES:
        return {"example": text}
    examples[name] = json_object({"value": text})
    return {"examples": json_text({"example": {"$ref": f"#/components/examples/{name}"}})}


def _schema(schema: JsonSchema, name: str, schemas: dict[str, bytes]) -> bytes:
    text = json_text(schema)
    if len(text) <= _SHORT_BYTES:
        return text
    parts = _Parts(schema, name, schemas)
    schemas[name] = json_text(parts.refer(schema, parts.shared))
    return _reference(name)


class _Parts:
    """The parts of a schema that stand in it more than once, found by being the same object."""

    def __init__(self, schema: JsonSchema, name: str, schemas: dict[str, bytes]) -> None:
        self._uses = Counter[int]()
        self._count(schema)
        self._name = name
        self._schemas = schemas
        self._made: dict[int, JsonSchema] = {}

    def refer(self, schema: JsonSchema, to: Callable[[JsonSchema], JsonSchema]) -> JsonSchema:
        """The schema with each schema directly in it replaced."""
        found = dict(schema)
        for key in _ONE:
            if isinstance(found.get(key), dict):
                found[key] = to(found[key])
        for key in _SEVERAL:
            if key in found:
                found[key] = [to(each) for each in found[key]]
        if "properties" in found:
            found["properties"] = {key: to(each) for key, each in found["properties"].items()}
        return found

    def shared(self, schema: JsonSchema) -> JsonSchema:
        """The schema, or a reference to it, with references to others in it."""
        if self._uses[id(schema)] == 1:
            return self.refer(schema, self.shared)
        if id(schema) not in self._made:
            self._made[id(schema)] = self._component(self.refer(schema, self.shared))
        return self._made[id(schema)]

    def _component(self, schema: JsonSchema) -> JsonSchema:
        text = json_text(schema)
        if len(text) < _LEAST_BYTES:
            return schema
        name = f"{self._name}_part_{len(self._schemas) + 1}"
        self._schemas[name] = text
        return {"$ref": f"#/components/schemas/{name}"}

    def _count(self, schema: JsonSchema) -> None:
        self._uses[id(schema)] += 1
        if self._uses[id(schema)] == 1:
            for inner in _directly_in(schema):
                self._count(inner)


def _directly_in(schema: JsonSchema) -> Iterator[JsonSchema]:
    for key in _ONE:
        if isinstance(schema.get(key), dict):
            yield schema[key]
    for key in _SEVERAL:
        yield from schema.get(key, ())
    yield from schema.get("properties", {}).values()


def _reference(name: str) -> bytes:
    return json_text({"$ref": f"#/components/schemas/{name}"})
