"""What the contract takes is what MLflow's enforcement hands on; `tests.as_mlflow` has cases."""

import hypothesis.strategies as st
from hypothesis import event, given

from service.errors import InvalidInput
from tests.host.handed import Signed, seen
from tests.host.payloads import bodies, signatures
from tests.support.exploring import exploring


@exploring(60)
@given(st.data())
def test_p14_what_the_contract_takes_is_never_refused_by_mlflows_enforcement(
    data: st.DataObject,
) -> None:
    """That would be a 500 for a valid request; nor does the enforcement change it any more."""
    entries = data.draw(signatures())
    body = data.draw(bodies(entries, spoilt=True))
    signed = Signed(entries)
    try:
        batch = signed.batch(body)
    except InvalidInput:
        event("refused")
        return
    event("taken")
    before = seen(batch.data)
    assert seen(signed.enforced(batch)[0]) == before
