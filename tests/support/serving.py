"""Servables without processes: a predictor that waits at a gate, a contract that reads one format.

They stand behind the ports of `service.following.ports`; everything above them is real.
"""

import asyncio
import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import orjson

from service.contract.contract import Contract, RequestLimits, compile_contract
from service.contract.model_input import Column, ModelInput, ValidInput
from service.contract.tensors.tensor_input import TensorInfo
from service.contract.tensors.tensor_message import BodyForm, TensorForm
from service.errors import FieldError, InvalidInput, ServiceError, UnsupportedMediaType
from service.following.ports import FetchedVersion, Staged
from service.following.servable import Binding, Servable
from service.hosting.observer import PoolStatus
from service.hosting.queue import Marks
from service.refs import ModelRef, VersionId

IDLE = PoolStatus(1, 0, True, "The answers to rows alone and together agree.", 0)
EXAMPLE = b'{"inputs": [1.0, 2.0]}'


def open_gate() -> asyncio.Event:
    """A gate that holds nobody up."""
    gate = asyncio.Event()
    gate.set()
    return gate


@dataclass(slots=True)
class FakePredictor:
    """Answers `answer` for each row, or raises `error`, once its gate is open.

    `entered` is set as soon as a request is inside; `inputs` are all that came, `deadlines` theirs.
    """

    answer: str = "1"
    error: Exception | None = None
    gate: asyncio.Event = field(default_factory=open_gate)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    inputs: list[ValidInput] = field(default_factory=list)
    deadlines: list[float] = field(default_factory=list)
    ready: bool = True
    irreplaceable: bool = False
    closed: bool = False
    status: PoolStatus = IDLE
    on_ready_change: Callable[[], None] = lambda: None

    def when_ready_changes(self, told: Callable[[], None]) -> None:
        """As a pool does: the last one who asked is told."""
        self.on_ready_change = told

    def turn(self, *, ready: bool) -> None:
        """Its processes are gone, or there again; that is told."""
        self.ready = ready
        self.on_ready_change()

    async def predict(
        self,
        model_input: ValidInput,
        deadline: float = math.inf,
        alias: str = "",
        marks: Marks | None = None,
    ) -> bytes:
        """`[answer, ...]`, one for each row, or that as an output; it never waits for a host."""
        if marks is not None:
            marks.queued = marks.sent = monotonic()
        self.deadlines.append(deadline)
        self.inputs.append(model_input)
        self.entered.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        answers = f"[{','.join([self.answer] * model_input.rows)}]"
        if model_input.reply is None:
            return answers.encode()
        output = f'"name":"output-0","datatype":"INT64","shape":[{model_input.rows}]'
        told = f'{{"outputs":[{{{output},"data":{answers}}}]}}'.encode()
        return len(told).to_bytes(4, "little") + told

    async def close(self) -> None:
        """Remembers that it was asked to."""
        self.closed = True


@cache
def _one_column() -> Contract:
    inputs = '[{"type": "double", "name": "x", "required": true}]'
    return compile_contract({"inputs": inputs}, RequestLimits(max_rows=1000))


class FakeContract:
    """Reads `{"inputs": [number, ...]}` as JSON and refuses the rest as the real one does."""

    request_schema: Mapping[str, Any] = {
        "type": "object",
        "properties": {"inputs": {"type": "array", "items": {"type": "number"}}},
        "required": ["inputs"],
    }
    media_types = ("application/json",)
    tensors = (TensorInfo("x", "FP64", (-1,), "np"),)

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    @property
    def tensor_schema(self) -> Mapping[str, Any]:
        """As a real contract has it."""
        return _one_column().tensor_schema

    def describe(self) -> Mapping[str, Any]:
        """One column."""
        return {"inputs": [{"name": "x", "type": "double", "required": True}]}

    def parse(self, body: bytes, media_type: BodyForm) -> ModelInput:
        """The numbers as a column `x`; every element that is not a number is a field error.

        Of tensors, too, by a real contract.
        """
        if self.error is not None:
            raise self.error
        if isinstance(media_type, TensorForm):
            return _one_column().parse(body, media_type)
        if media_type not in {"", "application/json"}:
            raise UnsupportedMediaType("Send application/json.")
        values = self._values(body)
        wrong = [
            FieldError(("body", "inputs", "x", row), "Expected a number.", "type")
            for row, value in enumerate(values)
            if type(value) not in {int, float}
        ]
        if wrong:
            raise InvalidInput(tuple(wrong))
        column = Column("x", "double", array("d", values))
        return ModelInput("table", (column,), len(values), None, None, "x")

    def _values(self, body: bytes) -> list[Any]:
        try:
            values = orjson.loads(body)["inputs"]
            return list(values)
        except (orjson.JSONDecodeError, KeyError, TypeError):
            problem = FieldError(("body",), "Expected the key inputs.", "format")
            raise InvalidInput((problem,)) from None


@dataclass(slots=True)
class FakeReader:
    """Reads every body by the contract, once its gate is open; `entered` as a predictor's."""

    contract: FakeContract
    gate: asyncio.Event = field(default_factory=open_gate)
    entered: asyncio.Event = field(default_factory=asyncio.Event)

    async def read(
        self, body: bytes | Sequence[bytearray], media_type: BodyForm, deadline: float = math.inf
    ) -> ModelInput:
        """What the contract says."""
        self.entered.set()
        await self.gate.wait()
        whole = body if isinstance(body, bytes) else b"".join(body)
        return self.contract.parse(whole, media_type)


def staged_with(contract: FakeContract, predictor: FakePredictor) -> Staged:
    """What a servable is made of, without processes."""
    return Staged(contract, FakeReader(contract), predictor)


@dataclass(slots=True)
class Unheld:
    """Remembers the servables that nobody holds any more."""

    servables: list[Servable] = field(default_factory=list)

    def __call__(self, servable: Servable) -> None:
        """What a servable calls when its last hold is released."""
        self.servables.append(servable)


def fetched_version(version: VersionId, example: bytes | None = EXAMPLE) -> FetchedVersion:
    """A version that lies nowhere."""
    return FetchedVersion(
        version=version,
        source="models:/m-0",
        path=Path("nowhere"),
        signature={"inputs": "[]", "outputs": None, "params": None},
        flavors=("python_function", "sklearn"),
        loader_module="mlflow.sklearn",
        from_type_hint=False,
        tags={},
        serving_example=example,
    )


def make_servable(
    version: VersionId,
    predictor: FakePredictor | None = None,
    contract: FakeContract | None = None,
    example: bytes | None = EXAMPLE,
    on_unheld: Unheld | None = None,
) -> Servable:
    """A servable whose predictor answers with its own version number unless told otherwise."""
    staged = staged_with(contract or FakeContract(), predictor or FakePredictor(version.version))
    return Servable(fetched_version(version, example), staged, on_unheld or Unheld())


def make_binding(
    ref: ModelRef,
    version: str = "1",
    predictor: FakePredictor | None = None,
    contract: FakeContract | None = None,
    example: bytes | None = EXAMPLE,
) -> Binding:
    """A binding of that reference to that version of its model."""
    identity = VersionId(ref.name, 1_700_000_000_000, version)
    return Binding(ref, make_servable(identity, predictor, contract, example))


def failing(error: ServiceError | Exception) -> FakePredictor:
    """A predictor that takes requests and raises this."""
    return FakePredictor(error=error)
