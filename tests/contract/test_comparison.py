"""No change of a signature that breaks a client goes unseen (P12), over generated ones.

Two signatures of which one came from the other, and a request that the old one takes: unless the
comparison finds a break, the new one takes it as well, and reads the same in it.
"""

import json

from hypothesis import HealthCheck, event, given
from hypothesis import strategies as st

from service.contract.comparison.comparison import compare
from tests.contract.changes import changed_hints, changed_tables, changed_tensors
from tests.contract.compared import Body, Inputs, breaks, found, parsed
from tests.contract.payloads import of_type, same_values, table_payloads, tensor_payloads
from tests.contract.signatures import contract
from tests.support.exploring import did_something, exploring, floor

MANY = exploring(100, HealthCheck.filter_too_much)


def assert_taken(old: Inputs, new: Inputs, body: Body) -> None:
    """Where nothing is found to break, what the old signature takes the new one takes as well."""
    before = parsed(old, body)
    if before is None:
        event("refused by the old signature")
        return
    if old != new:
        did_something()
    if breaks(found(old, new)):
        event("breaks, and is taken" if parsed(new, body) else "breaks, and is refused")
        return
    event("compatible, and differs" if old != new else "equal")
    after = parsed(new, body)
    assert after is not None
    assert same_values(before, after)


@floor(0.1, MANY)
@MANY
@given(st.data(), st.integers(0, 2))
def test_p12_no_break_of_columns_goes_unseen(data: st.DataObject, depth: int) -> None:
    """Whatever the types, names and layouts."""
    old, new = data.draw(changed_tables(depth))
    for _ in range(3):
        assert_taken(old, new, data.draw(table_payloads(old)))


@floor(0.1, MANY)
@MANY
@given(st.data())
def test_p12_no_break_of_tensors_goes_unseen(data: st.DataObject) -> None:
    """Whatever the dtypes and shapes."""
    old, new = data.draw(changed_tensors())
    for _ in range(3):
        assert_taken(old, new, data.draw(tensor_payloads(old)))


@floor(0.1, MANY)
@MANY
@given(st.data())
def test_p12_no_break_of_a_type_hint_goes_unseen(data: st.DataObject) -> None:
    """A plain list of values of any type."""
    old, new = data.draw(changed_hints())
    before, after = (contract(each, from_type_hint=True) for each in (old, new))
    broken = breaks(compare(before.describe(), after.describe()))
    body = json.dumps({"inputs": data.draw(st.lists(of_type(old), max_size=2))}).encode()
    values = before.parse(body, "")
    event("breaks" if broken else "compatible, and differs" if old != new else "equal")
    if old != new:
        did_something()
    assert broken or same_values(values, after.parse(body, ""))
