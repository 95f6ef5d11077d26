"""Every protocol keeps the word of the port: codes, bodies, and nothing that a client sent."""

from collections.abc import Iterator

import orjson
import pytest

from service import errors
from service.contract.model_input import ModelInput
from service.errors import FieldError, InvalidInput, ModelRaisedMlflow, RateExceeded, ServiceError
from service.http.errors import STATUS, MethodNotAllowed, NotFound
from service.predicting.request import ClientGone, Prediction
from service.protocols.mlflow import MLFLOW_CODES, MlflowProtocol
from service.protocols.podium import PodiumProtocol
from service.protocols.protocol import PredictionProtocol
from service.refs import ModelRef
from tests.support.serving import FakeContract, FakeReader, make_binding

PROTOCOLS: list[PredictionProtocol] = [PodiumProtocol(), MlflowProtocol()]
IRIS = ModelRef("iris", "champion")
BODY = b'{"inputs":[1]}'


def every_error() -> Iterator[type[ServiceError]]:
    """Each class that a request may come to, wherever it is declared."""
    waiting = [ServiceError]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += [each for each in kind.__subclasses__() if each.__module__.startswith("service")]


def made(kind: type[ServiceError]) -> ServiceError:
    """One of that class, whatever it is made of."""
    error = kind.__new__(kind)
    Exception.__init__(error, "A sentence.")
    if isinstance(error, InvalidInput):
        error.errors = (FieldError(("body", "x"), "must be a number", "type"),)
    if isinstance(error, ModelRaisedMlflow):
        error.error_code = "RESOURCE_EXHAUSTED"
    return error


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.route)
@pytest.mark.parametrize("kind", list(every_error()), ids=lambda each: each.__name__)
def test_every_error_has_a_code_that_http_knows(
    kind: type[ServiceError], protocol: PredictionProtocol
) -> None:
    """And a body that says the sentence of the error, or of each of its fields."""
    code, body = protocol.refuse(made(kind), "id")

    assert STATUS[code] >= 400
    assert b"A sentence." in body or b"must be a number" in body
    assert isinstance(orjson.loads(body), dict)


def test_http_has_a_status_for_each_code_and_none_for_others() -> None:
    """Those of Podium's errors, those of HTTP's own, and those of MLflow's."""
    assert {NotFound.code, MethodNotAllowed.code} <= STATUS.keys()
    assert STATUS.keys() == {*(kind.code for kind in every_error()), *MLFLOW_CODES}
    assert not issubclass(ClientGone, ServiceError)


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: each.route)
async def test_body_is_read_by_its_media_type(protocol: PredictionProtocol) -> None:
    """Without one it is taken for JSON by the version's own reader."""
    reader = FakeReader(FakeContract())
    for headers in ({}, {b"content-type": b"application/json"}):
        read = await protocol.parse(reader, headers, BODY, 0.0)
        assert isinstance(read, ModelInput)
        assert read.rows == 1
    with pytest.raises(errors.UnsupportedMediaType):
        await protocol.parse(reader, {b"content-type": b"text/css"}, BODY, 0.0)


@pytest.mark.parametrize(
    ("protocol", "usual", "chat"),
    [
        (
            PROTOCOLS[0],
            b'{"predictions":[1],"model":{"name":"iris","alias":"champion","version":"1"}}',
            b'{"predictions":[1],"model":{"name":"iris","alias":"champion","version":"1"}}',
        ),
        (PROTOCOLS[1], b'{"predictions":[1]}', b"[1]"),
    ],
    ids=["predict", "invocations"],
)
def test_predictions_are_wrapped_as_the_protocol_has_it(
    protocol: PredictionProtocol, usual: bytes, chat: bytes
) -> None:
    """MLflow answers a chat with what the model said alone."""
    enclosure = protocol.enclosure(make_binding(IRIS, "1"))

    for bare, wanted in ((False, usual), (True, chat)):
        wrapped = enclosure.wrap(Prediction(None, b"[1]", bare, None))
        assert b"".join(wrapped.parts) == wanted
        assert wrapped.json_bytes is None


def test_fault_of_the_clients_is_said_by_mlflows_protocol_without_the_requests_id() -> None:
    """One of the service's names it, to be found in the log."""
    say = MlflowProtocol().refuse
    assert b"(request id)" not in say(RateExceeded(1), "id")[1]
    assert b"(request id)" not in say(errors.Withdrawn(), "id")[1]
    assert b"(request id)" in say(errors.Overloaded("Too much."), "id")[1]
