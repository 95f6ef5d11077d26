"""Chat-style bodies: a model is handed what MLflow's own scoring server would hand it.

`tests.as_mlflow.catalogue` has the bodies that both read alike, and those that they do not.
"""

import json
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import event, given
from mlflow.pyfunc.scoring_server import _parse_json_data
from mlflow.types.llm import CHAT_MODEL_INPUT_SCHEMA

from service.contract.formats.chat import CHAT_KEYS
from service.errors import InvalidInput
from tests.as_mlflow.chat_differences import CHAT, TURNS
from tests.contract.signatures import column, nested, param, parse, places
from tests.host.handed import Signed, seen
from tests.host.payloads import JUNK, SCALARS, types, values_of
from tests.support.exploring import exploring

SAMPLING = [
    param("double", "temperature", 0.5),
    param("long", "n", 1),
    param("string", "user", None),
]
PROMPT = column("string", "prompt")


@pytest.mark.parametrize(
    ("params", "sent"),
    [
        (SAMPLING, {}),
        (SAMPLING, {"temperature": 1, "n": 3, "user": "me"}),
        (SAMPLING, {"temperature": None, "other": 1}),
        ((), {"temperature": 1}),
    ],
)
def test_params_of_a_chat_are_mlflows(params: Any, sent: dict[str, Any]) -> None:
    """They stand beside the inputs; where the signature has none, the model gets empty ones."""
    signed, body = Signed([CHAT], params), {"messages": TURNS, **sent}
    parsed = _parse_json_data(json.dumps(body), signed._meta, signed.schema)  # type: ignore[no-untyped-call]  # MLflow annotates little
    theirs = signed._echoed(parsed.data, parsed.params)[1]
    assert repr(signed.enforced(signed.batch(body))[1]) == repr(theirs)


def test_everything_wrong_with_a_chat_has_its_place() -> None:
    """Inputs and params stand at the top of the body, side by side."""
    made = Signed([CHAT, column("long", "c")], SAMPLING).contract
    body = {"messages": [{"role": 5}], "c": 1.5, "n": "x", "params": {"n": 1}}
    assert set(places(made, body)) == {
        (("messages", 0, "role"), "type"),
        (("messages", 0, "content"), "missing"),
        (("c",), "fraction"),
        (("n",), "type"),
        (("params",), "format"),
    }
    assert places(made, {"prompt": "a"}) == [(("messages",), "missing"), (("c",), "missing")]


@pytest.mark.parametrize("name", ["params", "messages"])
def test_param_or_column_of_that_name_is_one(name: str) -> None:
    """Names of MLflow's protocol may be the signature's own."""
    by_column = Signed([PROMPT, column("double", name)]).contract
    assert parse(by_column, {"prompt": "a", name: 1}).columns[1].name == name
    by_param = Signed([PROMPT], [param("double", name, 0.5)]).contract
    assert parse(by_param, {"prompt": "a", name: 1}).params == {name: 1.0}


@pytest.mark.parametrize("name", ["messages", "prompt", "input"])
def test_column_of_a_chats_name_works_by_the_four_formats(name: str) -> None:
    """A body with one of these is not a chat."""
    signed = Signed([column("string", name)])
    for body in (
        {"dataframe_split": {"columns": [name], "data": [["a"]]}},
        {"dataframe_records": [{name: "a"}]},
        {"instances": [{name: "a"}]},
        {"inputs": {name: ["a"]}},
    ):
        assert seen(signed.by_podium(body)) == seen(signed.by_mlflow(body))
        assert not parse(signed.contract, body).bare


def test_chat_is_answered_bare_and_stands_alone() -> None:
    """As MLflow answers it; no other request joins its batch."""
    model_input = parse(Signed([CHAT]).contract, {"messages": TURNS})
    assert (model_input.bare, model_input.join_key, model_input.rows) == (True, None, 1)


def test_signature_of_mlflows_chat_models_takes_their_requests() -> None:
    """Those of `mlflow.pyfunc.ChatModel`, with everything that such a request may hold."""
    signed = Signed(json.loads(CHAT_MODEL_INPUT_SCHEMA.to_json()))
    for more in (
        {},
        {"temperature": 0.5, "max_tokens": 100, "stop": ["x"], "n": 2, "stream": False},
        {
            "tools": [
                {"type": "function", "function": {"name": "f", "parameters": {"properties": {}}}}
            ]
        },
        {"custom_inputs": {"a": [1, {"b": None}]}},
    ):
        body = {"messages": TURNS, **more}
        assert seen(signed.by_podium(body)) == seen(signed.by_mlflow(body)), more


@st.composite
def chats(draw: st.DrawFn) -> tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, Any]]]:
    """A signature of named columns, a body with their values at the top, and params."""
    names = [draw(st.sampled_from(CHAT_KEYS)), "a", "b"][: draw(st.integers(1, 3))]
    scalars = st.sampled_from(sorted(SCALARS)).map(lambda type_: {"type": type_})
    entries = [
        nested(draw(scalars | types()), name, required=draw(st.booleans())) for name in names
    ]
    body = {each["name"]: draw(values_of(each, required=each["required"])) for each in entries}
    if draw(st.integers(0, 9)) == 0:
        body[draw(st.sampled_from([*names, "temperature", "unknown"]))] = draw(JUNK)
    return entries, body, draw(st.sampled_from([SAMPLING, []]))


@exploring(60)
@given(chats())
def test_p14_chat_that_the_contract_takes_is_never_refused_by_mlflows_enforcement(
    case: tuple[list[dict[str, Any]], dict[str, Any], list[dict[str, Any]]],
) -> None:
    """That would be a 500 for a valid request; nor does the enforcement change it any more."""
    entries, body, params = case
    signed = Signed(entries, params)
    try:
        batch = signed.batch(body)
    except InvalidInput:
        event("refused")
        return
    event("taken")
    before = seen(batch.data)
    assert seen(signed.enforced(batch)[0]) == before
