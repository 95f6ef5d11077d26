"""Requests of more rows than a batch: answered as if they were whole, while others pass."""

import asyncio
import json
from array import array
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from service.contract.contract import RequestLimits
from service.contract.definition import Definition
from service.contract.model_input import Column, ModelInput
from service.contract.slicing import sliceable, slices
from service.errors import ModelFailed
from service.hosting.pool import Pool
from service.hosting.specification import HostedModel, PoolLimits
from service.processes.front.ending import EndReason
from service.zygote.front.handle import Zygote
from tests.contract.signatures import column, parse, tensor
from tests.differential.both import DecoderInProcess
from tests.host.handed import Signed, sent
from tests.hosting.conftest import MakePool
from tests.hosting.rows import Counts, double_rows, started
from tests.models.temperamental import EXIT, RAISE
from tests.support import models
from tests.support.exploring import exploring

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.filterwarnings("ignore:.*An input example was not provided:UserWarning"),
]
SECONDS = 240
ROWS = 4
SIGNED = Signed(
    [
        column("double", "x"),
        column("string", "s", required=False),
        column("long", "l", required=False),
        column("boolean", "b", required=False),
        column("datetime", "d", required=False),
    ]
)
EXAMPLE = {"inputs": {"x": [1.0, 2.0, 3.0], "s": ["a", "b", "c"], "l": [1, 2, 3]}}


@pytest.fixture(scope="module")
def temperamental(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved model that doubles, but for its moods."""
    return models.save(tmp_path_factory.mktemp("models"), "temperamental")


Pair = tuple[Pool, Pool]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pair(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pair]:
    """One version twice: one pool slices after four rows, the other never does."""
    place = models.save(
        tmp_path_factory.mktemp("models"), "describing", SIGNED.signature, example=None
    )
    hosted = HostedModel(place, True, "as the test says", True, parse(SIGNED.contract, EXAMPLE))
    sliced, whole = [
        await started(zygote, hosted, PoolLimits(max_batch_rows=rows)) for rows in (ROWS, 4096)
    ]
    assert sliced.status.row_wise
    yield sliced, whole
    await sliced.close()
    await whole.close()


def rows_of(cells: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Thirteen cells, some or all of them null."""
    return st.lists(st.one_of(st.none(), cells), min_size=13, max_size=13)


BODIES = st.fixed_dictionaries(
    {"x": st.lists(st.floats(-1e9, 1e9), min_size=13, max_size=13)},
    optional={
        "s": rows_of(st.text("ab", max_size=3)),
        "l": st.lists(st.integers(-(2**63), 2**63 - 1), min_size=13, max_size=13),
        "b": rows_of(st.booleans()),
        "d": rows_of(st.just("2026-05-01T10:00:00")),
    },
)


@exploring(60)
@given(BODIES)
async def test_p16_sliced_request_is_answered_as_the_whole(
    pair: Pair, columns: dict[str, Any]
) -> None:
    """Every value and every dtype that the model sees, with nulls wherever they fall."""
    model_input = parse(SIGNED.contract, {"inputs": columns})
    async with asyncio.timeout(SECONDS):
        sliced, whole = await asyncio.gather(*(pool.predict(model_input) for pool in pair))
    assert sliced == whole


async def test_p16_request_that_the_decoder_has_sliced_is_answered_as_the_whole(pair: Pair) -> None:
    """Its slices go to the host as they came."""
    body = {"inputs": {"x": [n / 4 for n in range(13)], "s": ["a", "b"] * 6 + ["c"]}}
    inputs = {"inputs": json.dumps(SIGNED.schema.to_dict())}
    definition = Definition(inputs, from_type_hint=False, limits=RequestLimits(max_rows=100))
    text = json.dumps(body).encode()
    found = await DecoderInProcess().decode(definition.dump(), text, "", ROWS)
    assert [rows for rows, _, _ in found.slices] == [4, 4, 4, 1]
    sliced, whole = pair
    async with asyncio.timeout(SECONDS):
        assert await sliced.predict(found) == await whole.predict(parse(SIGNED.contract, body))


async def test_slices_take_turns_with_small_requests(
    temperamental: Path, make_pool: MakePool
) -> None:
    """A small request that comes while a large one is under way waits for one slice, not for all.

    No other request is joined with a full slice, so the batches tell the order.
    """
    counts = Counts()
    pool = await make_pool(temperamental, limits=PoolLimits(max_batch_rows=ROWS), counts=counts)
    large = asyncio.ensure_future(pool.predict(double_rows(*range(20))))
    small = asyncio.ensure_future(pool.predict(double_rows(7)))
    async with asyncio.timeout(SECONDS):
        assert await small == b"[14.0]"
        assert not large.done()
        assert await large == b"[" + b",".join(b"%.1f" % (2 * x) for x in range(20)) + b"]"
    assert counts.batches == [4, 1, 4, 4, 4, 4]


async def test_p10_slice_on_which_the_model_raises_fails_the_request_once(
    temperamental: Path, make_pool: MakePool
) -> None:
    """No later slice is predicted."""
    counts = Counts()
    pool = await make_pool(temperamental, limits=PoolLimits(max_batch_rows=ROWS), counts=counts)
    with pytest.raises(ModelFailed):
        await pool.predict(double_rows(*range(6), RAISE, *range(10)))
    assert counts.batches == [4, 4]


async def test_p11_slice_that_ends_its_host_is_tried_again_alone(
    temperamental: Path, make_pool: MakePool
) -> None:
    """The second time fails the request; one host was lost for serving."""
    counts = Counts()
    pool = await make_pool(temperamental, limits=PoolLimits(max_batch_rows=ROWS), counts=counts)
    async with asyncio.timeout(SECONDS):
        with pytest.raises(ModelFailed):
            await pool.predict(double_rows(*range(6), EXIT, *range(10)))
    assert counts.restarts == [EndReason.EXIT]
    assert counts.batches == [4]


async def test_answer_of_all_slices_is_bounded(temperamental: Path, make_pool: MakePool) -> None:
    """As that of the whole would be."""
    limits = PoolLimits(max_batch_rows=ROWS, max_reply_bytes=40)
    pool = await make_pool(temperamental, limits=limits)
    with pytest.raises(ModelFailed):
        await pool.predict(double_rows(*range(20)))


async def test_p16_version_that_was_not_shown_row_wise_is_never_sliced(
    temperamental: Path, make_pool: MakePool
) -> None:
    """All rows are one call, however many."""
    counts = Counts()
    limits = PoolLimits(max_batch_rows=ROWS)
    pool = await make_pool(temperamental, limits=limits, counts=counts, joinable=False)
    await pool.predict(double_rows(*range(20)))
    assert counts.batches == [20]


async def test_tensors_are_sliced_by_rows() -> None:
    """The slices put together are the whole."""
    contract = Signed([tensor("int64", [-1, 2], "a"), tensor("bool", [-1], "b")]).contract
    body = {"inputs": {"a": [[n, -n] for n in range(7)], "b": [n % 2 == 0 for n in range(7)]}}
    model_input = parse(contract, body)
    assert sliceable(model_input, 3)
    parts = list(slices(model_input, 3))
    assert [part.rows for part in parts] == [3, 3, 1]
    together: Any = sent(*parts).data
    whole: Any = sent(model_input).data
    assert {name: values.tolist() for name, values in together.items()} == {
        name: values.tolist() for name, values in whole.items()
    }


@pytest.mark.parametrize(
    ("columns", "join_key", "expected"),
    [
        ((Column("x", "double", array("d", range(5))),), "key", True),
        ((Column("x", "double", array("d", range(5))),), None, False),
        ((Column("x", "any", [1, 2.5, 3, 4, 5]),), "key", False),
        ((Column(None, "str", ["a", "b"], shape=(2,)),), "key", False),
        ((Column("s", "string", ["a", None, None, None], has_null=True),), "key", False),
        ((Column("s", "string", ["a", None, "b", None], has_null=True),), "key", True),
        ((Column("b", "boolean", [True, None, False, True], has_null=True),), "key", False),
        ((Column("x", "double", [1.0, None, 2.0, 3.0], has_null=True),), "key", True),
        ((Column("s", "string", [None] * 4, has_null=True),), "key", True),
    ],
)
async def test_p16_request_is_sliced_only_where_dtypes_stay(
    columns: tuple[Column, ...],
    join_key: str | None,
    expected: bool,  # noqa: FBT001 - the table's word
) -> None:
    """What pandas or numpy infers from all values of a column must be the same in every slice."""
    model_input = ModelInput("table", columns, 5, None, None, join_key)
    assert sliceable(model_input, 2) is expected
