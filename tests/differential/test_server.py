"""Where MLflow's server leaves a request as it is, Podium answers the same; else it refuses.

MLflow's whole server is asked, over HTTP within the process. What `faithful` says of the values
that each has handed to the model decides who was right, so that neither can be wrong in the other's
way.
"""

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import event, given

from tests.differential.both import Both, Reply
from tests.differential.faithful import faithful
from tests.differential.files import Table, as_csv, as_parquet, tables
from tests.host.payloads import bodies, signatures
from tests.host.test_same_nested import requests as nested_requests
from tests.support.exploring import did_something, exploring, floor

MANY = exploring(30)
OK, REFUSED = 200, 400

# MLflow's own, of what it casts.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    """One loop for all examples."""
    with asyncio.Runner() as made:
        yield made


def compare(
    entries: list[dict[str, Any]],
    body: Mapping[str, Any],
    theirs: Reply,
    ours: Reply,
    *,
    alike: bool = True,
) -> None:
    """Podium answers as MLflow does where that is right, and never with changed values.

    `alike`: pandas' dtypes are the same too.
    """
    if ours.status == OK:
        assert handed_faithfully(entries, body, ours), body
    else:
        assert ours.status == REFUSED, (ours.status, ours.body)
    if handed_faithfully(entries, body, theirs):
        assert ours.status == OK, (body, ours.body)
        assert not alike or ours.document == theirs.document
        assert ours.media_type == theirs.media_type
        event("the same answer")
        did_something()
    else:
        event(f"MLflow {'changes values' if theirs.status == OK else 'refuses'}: {ours.status}")


def handed_faithfully(entries: list[dict[str, Any]], body: Mapping[str, Any], reply: Reply) -> bool:
    """Whether it is an answer to what was sent."""
    called = reply.status == OK and reply.handed is not None
    return called and faithful(entries, body, reply.handed[0] if reply.handed else None)


@floor(0.3, MANY)
@MANY
@given(data=st.data())
def test_columns_and_tensors_are_answered_as_mlflow_answers_them(
    data: st.DataObject, runner: asyncio.Runner
) -> None:
    """In every format; now and then with a value that does not fit."""
    entries = data.draw(signatures())
    body = data.draw(bodies(entries, spoilt=data.draw(st.booleans())))
    both, sent = Both(entries), json.dumps(body).encode()
    theirs, ours = runner.run(both.by_mlflow(sent)), runner.run(both.by_podium(sent))
    compare(entries, body, theirs, ours)


@floor(0.3, MANY)
@MANY
@given(case=st.booleans().flatmap(lambda spoilt: nested_requests(spoilt=spoilt)))
def test_nested_columns_are_answered_as_mlflow_answers_them(
    case: tuple[list[dict[str, Any]], list[dict[str, Any]]], runner: asyncio.Runner
) -> None:
    """In every format, with types within types."""
    entries, requests = case
    both = Both(entries)
    # MLflow refuses nested times, but for lists that hold nulls alone: those it leaves lists.
    alike = "datetime" not in json.dumps(entries)
    for body in requests:
        sent = json.dumps(body).encode()
        theirs, ours = runner.run(both.by_mlflow(sent)), runner.run(both.by_podium(sent))
        compare(entries, body, theirs, ours, alike=alike)


@floor(0.3, MANY)
@MANY
@given(table=tables())
@pytest.mark.parametrize("media_type", ["text/csv", "application/vnd.apache.parquet"])
def test_files_are_answered_as_mlflow_answers_them(
    table: Table, media_type: str, runner: asyncio.Runner
) -> None:
    """The same rows as JSON says."""
    entries, rows = table
    both, headers = Both(entries), {"content-type": media_type}
    sent = as_csv(rows) if media_type == "text/csv" else as_parquet(entries, rows)
    theirs = runner.run(both.by_mlflow(sent, headers))
    ours = runner.run(both.by_podium(sent, headers))
    # Text of CSV stands in a column of objects for MLflow, with NaN for null; that of JSON in one
    # of text, with None. Podium hands over both as MLflow does that of JSON.
    texts = {"string", "binary"} & {entry["type"] for entry in entries}
    alike = media_type != "text/csv" or not texts
    compare(entries, {"dataframe_records": rows}, theirs, ours, alike=alike)
    assert ours.status == OK
