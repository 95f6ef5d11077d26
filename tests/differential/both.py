"""One model behind MLflow's scoring server and behind Podium's `/invocations`, both in-process.

MLflow's server is the application that `mlflow models serve` runs. Podium's is all of it but the
processes: dispatch, contract, wire, what the host does with a batch, and the reply.
"""

import asyncio
import io
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from mlflow.models import Model, ModelSignature
from mlflow.pyfunc import PyFuncModel
from mlflow.pyfunc.scoring_server import init
from mlflow.types.schema import ParamSchema, Schema
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from service.contract.contract import RequestLimits
from service.contract.definition import Definition
from service.contract.model_input import EncodedInput, ValidInput
from service.contract.tensors.tensor_message import BodyForm
from service.decoder import front as decoding
from service.decoder import main as decoder
from service.decoder.front import RequestReader
from service.decoder.wire import DecoderOperation
from service.following.ports import FetchedVersion, Staged
from service.following.servable import Binding, Servable
from service.following.slots import Slots
from service.host.main import Host
from service.host.model import LoadedModel, RowWise
from service.hosting.observer import PoolStatus
from service.hosting.queue import Answer, Job, Marks
from service.hosting.starting import LocalHost
from service.http.create import create_http
from service.predicting.request import HeldBytes, RequestIds
from service.predicting.route import RouteContext
from service.processes.frames import Body, Frame, Status
from service.refs import ModelRef, VersionId
from service.telemetry.logs import configure_logs
from tests.host.handed import seen
from tests.support.serving import fetched_version

Entries = Sequence[dict[str, Any]]
JSON: Final = "application/json"
# A model that answers what it was handed, itself.
ECHO: Final = object()
_LIMITS: Final = RequestLimits(max_rows=1000)
_REF: Final = ModelRef("model", "champion")


@dataclass(slots=True)
class Witness:
    """A model that keeps what it was handed, and answers with all that can be seen of it.

    `answer`, if it is given, is answered instead, and raised if it is an exception.
    """

    answer: Any = None
    handed: list[tuple[Any, Any]] = field(default_factory=list)

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """One text for the input, one for the params."""
        self.handed.append((model_input, params))
        if isinstance(self.answer, Exception):
            raise self.answer
        if self.answer is not None:
            return model_input if self.answer is ECHO else self.answer
        # MLflow's text arrays may be wider than their longest text; nobody sees that in a value.
        text = re.sub(r"'<U\d+'", "'<U'", repr(seen(model_input)))
        return [text, repr(params)]


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: what the model was handed for it, if it was called, and what came back."""

    status: int
    media_type: str
    body: bytes
    handed: tuple[Any, Any] | None

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Both:
    """The two servers of one signature."""

    def __init__(self, entries: Entries, params: Entries = (), answer: Any = None) -> None:
        self.witness = Witness(answer)
        schema_of_params = ParamSchema.from_json(json.dumps(params)) if params else None
        signature = ModelSignature(
            inputs=Schema.from_json(json.dumps(entries)),
            params=schema_of_params,  # type: ignore[arg-type]  # its annotation forgets None
        )
        meta = Model(signature=signature)
        meta.add_flavor("python_function", loader_module="witness")
        model = PyFuncModel(model_meta=meta, model_impl=self.witness, predict_fn="predict")
        texts = {
            "inputs": json.dumps(entries),
            "outputs": None,
            "params": json.dumps(params) if params else None,
        }
        self._mlflow = init(model)
        self._podium = _application(Definition(texts, from_type_hint=False, limits=_LIMITS), model)

    async def by_mlflow(self, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """What `mlflow models serve` answers."""
        return await self._asked(self._mlflow, body, headers)

    async def by_podium(
        self, body: bytes, headers: Mapping[str, str] | None = None, route: str = "invocations"
    ) -> Reply:
        """What Podium answers to the same, by that protocol."""
        return await self._asked(self._podium, body, headers, route)

    async def _asked(
        self,
        app: ASGIApp,
        body: bytes,
        headers: Mapping[str, str] | None,
        route: str = "invocations",
    ) -> Reply:
        self.witness.handed.clear()
        # An application that fails answers 500 behind a real server.
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        sent = {"content-type": JSON} if headers is None else headers
        async with httpx.AsyncClient(transport=transport, base_url="http://both") as client:
            answer = await client.post(f"/{route}", content=body, headers=sent)
        handed = self.witness.handed[-1] if self.witness.handed else None
        media_type = answer.headers.get("content-type", "")
        return Reply(answer.status_code, media_type, answer.content, handed)


def _application(definition: Definition, model: PyFuncModel) -> ASGIApp:
    contract = definition.compile()
    reader = RequestReader(contract, definition, DecoderInProcess())  # type: ignore[arg-type]  # it stands in for the process
    staged = Staged(contract, reader, _PredictorInProcess(model))
    version = VersionId(_REF.name, 0, "1")
    fetched: FetchedVersion = fetched_version(version)
    slots = Slots([_REF])
    slots.default.serve(Binding(_REF, Servable(fetched, staged, lambda _: None)))
    return create_http(
        slots,
        RouteContext(
            1 << 24,
            HeldBytes(1 << 26),
            HeldBytes(1 << 26),
            RequestIds(),
            (),
            configure_logs(io.BytesIO()).logger,
        ),
        registry=CollectorRegistry(),
    )


class DecoderInProcess:
    """What the decoder's process answers, without the process."""

    async def decode(
        self,
        definition: str,
        body: bytes | Sequence[bytearray],
        media_type: BodyForm,
        slice_rows: int | None = None,
        deadline: float = math.inf,
    ) -> EncodedInput:
        wanted = {"definition": definition, "media_type": media_type, "slice_rows": slice_rows}
        head = json.dumps(wanted).encode()
        whole = body if isinstance(body, bytes) else b"".join(body)
        asked = Frame(DecoderOperation.DECODE, Status.REQUEST, 1, head, whole)
        return decoding._read(decoder.answer(asked))


class _PredictorInProcess:
    """One host, without the process, behind the front's own handle to it."""

    ready = True
    irreplaceable = False
    status = PoolStatus(1, 0, False, "Nobody has looked.", 0)

    def __init__(self, model: PyFuncModel) -> None:
        self._host = Host()
        loaded = object.__new__(LoadedModel)
        loaded._model = model
        loaded._joinable, loaded._row_wise = False, RowWise(shown=False, reason="")
        loaded._nameless = loaded._few_rows = None
        loaded._promised = {}
        self._host._model = loaded
        self._host._max_reply_bytes = 1 << 30

    @property
    def channel(self) -> "_PredictorInProcess":
        """This stands in for the child and for its channel too."""
        return self

    def kill(self, reason: object) -> None:
        """Nobody takes so long."""

    def request(self, operation: int, head: bytes, body: Body) -> "asyncio.Future[Frame]":
        """The host's answer, at once."""
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        answer.set_result(self._host.answer(Frame(operation, Status.REQUEST, 1, head, body)))
        return answer

    async def predict(
        self,
        model_input: ValidInput,
        deadline: float = math.inf,
        alias: str = "",
        marks: Marks | None = None,
    ) -> Body:
        """As the pool has it done."""
        job = Job(model_input, Answer(loop=asyncio.get_running_loop()))
        LocalHost(self, 60.0).predict([job], lambda _: None)  # type: ignore[arg-type]  # it stands in for the process
        return await job.answer

    def when_ready_changes(self, told: Callable[[], None]) -> None:
        """It is ready for as long as it is there."""

    async def close(self) -> None:
        """Nothing runs."""
