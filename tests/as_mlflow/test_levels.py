"""The catalogue at three levels: the contract, Podium's door, and MLflow's own server.

The contract with what a host makes of it is compared with MLflow's parser and its enforcement; the
door is all of Podium but its processes, asked over HTTP within this one; the server is the
application that `mlflow models serve` runs, asked in the same way.
"""

import asyncio
import json
import warnings
from collections.abc import Iterator
from functools import lru_cache, partial
from io import BytesIO, StringIO
from typing import Any

import pytest
from mlflow.models.utils import _enforce_schema
from mlflow.pyfunc.scoring_server import parse_csv_input, parse_parquet_input

from service.decoder.parquet_reader import read_parquet
from service.host.inputs import Batch
from tests.as_mlflow.catalogue import ALIKE, CSV, DIFFERENT, JSON, PARQUET, Difference, Request
from tests.differential.both import Both, Reply
from tests.host.handed import Signed, brief, seen, sent

OK, BAD_REQUEST, UNSUPPORTED, INVALID = 200, 400, 415, 422

# MLflow's and numpy's own, of what MLflow has them cast.
pytestmark = pytest.mark.filterwarnings("ignore")

each_alike = pytest.mark.parametrize("requests", ALIKE.values(), ids=ALIKE)
each_different = pytest.mark.parametrize("difference", DIFFERENT.values(), ids=DIFFERENT)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all of them."""
    with asyncio.Runner() as made:
        yield made


def batch(signed: Signed, request: Request) -> Batch:
    """What a host makes of what the contract makes of it."""
    if request.media_type == PARQUET:
        return sent(signed.contract.parse_parquet(request.body, read_parquet))
    return sent(signed.contract.parse(request.body, request.media_type))


def by_contract(signed: Signed, request: Request) -> Any:
    """What the model is handed by a host."""
    return signed.enforced(batch(signed, request))[request.of_params]


def by_parser(signed: Signed, request: Request) -> Any:
    """What the model is handed by MLflow's parser and enforcement."""
    if request.of_params:
        return signed.params_by_mlflow(request.document)
    if request.media_type == JSON:
        return signed.by_mlflow(request.document)
    if request.media_type == CSV:
        read = parse_csv_input(StringIO(request.body.decode()), signed.schema)
    else:
        read = parse_parquet_input(BytesIO(request.body))  # type: ignore[no-untyped-call]  # MLflow annotates little
    return _enforce_schema(read, signed.schema)


@lru_cache(maxsize=8)
def both_of(entries: str, params: str) -> Both:
    """The two servers; requests of one signature stand together."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Both(json.loads(entries), json.loads(params))


def asked(
    runner: asyncio.Runner, request: Request, server: str, route: str = "invocations"
) -> Reply:
    """What one of the two answers, over HTTP."""
    both = both_of(json.dumps(request.entries), json.dumps(request.params))
    headers = {"content-type": request.media_type}
    if server == "mlflow":
        return runner.run(both.by_mlflow(request.body, headers))
    return runner.run(both.by_podium(request.body, headers, route))


def handed(reply: Reply, request: Request) -> Any:
    """What the model was handed for it."""
    assert reply.handed is not None
    return reply.handed[request.of_params]


def view(data: Any, request: Request) -> Any:
    """Everything that a model can see of its input, or of its params."""
    return repr(data) if request.of_params else seen(data)


@each_alike
def test_contract_reads_what_mlflow_reads_rightly_as_mlflow(requests: list[Request]) -> None:
    """The host hands over the same, and MLflow's enforcement finds nothing to do."""
    for request in requests:
        signed = Signed(request.entries, request.params)
        ours = by_contract(signed, request)
        assert view(ours, request) == view(by_parser(signed, request), request), request.body
        if request.media_type == JSON and not request.of_params:
            assert seen(ours) == seen(batch(signed, request).data), request.body


@each_alike
def test_door_and_server_answer_alike_what_mlflow_reads_rightly(
    requests: list[Request], runner: asyncio.Runner
) -> None:
    """By both protocols of Podium, byte for byte as JSON."""
    for request in requests:
        theirs, ours = (asked(runner, request, server) for server in ("mlflow", "podium"))
        assert (theirs.status, ours.status) == (OK, OK), request.body
        assert ours.document == theirs.document, request.body
        by_name = asked(runner, request, "podium", "predict")
        assert by_name.status == OK
        assert view(handed(by_name, request), request) == view(handed(theirs, request), request)


@each_different
def test_contract_differs_from_mlflow_only_as_listed(difference: Difference) -> None:
    """Where MLflow alters, invents or fails, Podium hands over what was sent, or refuses it."""
    request = difference.request
    signed = Signed(request.entries, request.params)
    assert brief(lambda: by_parser(signed, request)) == difference.mlflow
    assert brief(lambda: by_contract(signed, request)) == difference.podium


@each_different
def test_door_differs_from_mlflow_only_as_listed(
    difference: Difference, runner: asyncio.Runner
) -> None:
    """Both protocols hand over the same; what is refused is so by the types that are listed."""
    request, listed = difference.request, difference.podium
    scored, predicted = (
        asked(runner, request, "podium", route) for route in ("invocations", "predict")
    )
    if listed.startswith("refused: "):
        assert (scored.status, predicted.status) == (BAD_REQUEST, INVALID)
        types = {each["type"] for each in predicted.document["detail"]}
        assert types == set(listed.removeprefix("refused: ").split())
        assert scored.handed is predicted.handed is None
    elif listed.startswith("fails"):
        assert (scored.status, predicted.status) == (UNSUPPORTED, UNSUPPORTED)
    else:
        assert (scored.status, predicted.status) == (OK, OK)
        for reply in (scored, predicted):
            assert brief(partial(handed, reply, request)) == listed


@each_different
def test_mlflows_server_reads_them_as_listed(
    difference: Difference, runner: asyncio.Runner
) -> None:
    """What its parser and enforcement make of them is what its clients meet."""
    request, listed = difference.request, difference.mlflow
    reply = asked(runner, request, "mlflow")
    if listed.startswith("fails"):
        assert reply.status >= BAD_REQUEST
        assert reply.handed is None
    else:
        assert reply.status == OK
        assert brief(partial(handed, reply, request)) == listed
