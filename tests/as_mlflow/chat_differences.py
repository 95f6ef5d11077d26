"""Every kind of chat-style body that Podium and MLflow's scoring server read differently.

As in `tests.as_mlflow.table_differences`.
"""

from collections.abc import Mapping
from typing import Any, Final

from tests.as_mlflow.table_differences import Different
from tests.contract.signatures import ANY, array, column, map_of, nested, object_of, tensor

TURNS: Final = [{"role": "user", "content": "hi"}]
CHAT: Final = nested(array(object_of({"role": "string", "content": "string"})), "messages")
_PROMPT: Final = column("string", "prompt")
_FAILS: Final = "fails with MlflowException"
_HEARD: Final = "messages:object[[{'role': 'user', 'content': 'hi'}]]"


def _beside(type_: str, value: Any) -> tuple[Any, Any]:
    """An optional column `c` in a chat."""
    return [CHAT, column(type_, "c", required=False)], {"messages": TURNS, "c": value}


DIFFERENT_CHATS: Final[Mapping[str, list[Different]]] = {
    "lossless-cast": [
        (*_beside("integer", 3), _FAILS, f"{_HEARD} c:int32[3]"),
        (*_beside("float", 0.5), _FAILS, f"{_HEARD} c:float32[0.5]"),
        (*_beside("long", 3.0), _FAILS, f"{_HEARD} c:int64[3]"),
    ],
    "datetime": [
        (
            *_beside("datetime", "2026-05-01T10:00:00"),
            _FAILS,
            f"{_HEARD} c:datetime64[ns][Timestamp('2026-05-01 10:00:00')]",
        ),
    ],
    "base64": [
        (*_beside("binary", "aGk="), f"{_HEARD} c:str['aGk=']", f"{_HEARD} c:object[b'hi']"),
    ],
    "wrong-type": [
        ([_PROMPT], {"prompt": ["a"]}, "prompt:object[['a']]", "refused: type"),
        ([_PROMPT], {"prompt": ["a", "b"]}, "prompt:object[['a', 'b']]", "refused: type"),
        ([_PROMPT], {"prompt": []}, "prompt:object[[]]", "refused: type"),
    ],
    "null-required": [([_PROMPT], {"prompt": None}, "prompt:object[None]", "refused: null")],
    "refused-by-both": [
        (*_beside("long", None), _FAILS, "refused: null"),
        # MLflow hands tensors over as lists, and then refuses them.
        ([tensor("int64", [-1], "input")], {"input": [1]}, _FAILS, "refused: format"),
        ([tensor("str", [-1])], {"prompt": ["a"]}, _FAILS, "refused: format"),
        ([_PROMPT], {"inputs": {"prompt": "a"}, "input": 1}, _FAILS, "refused: format"),
    ],
    "chat-and-format": [
        ([CHAT], {"messages": TURNS, "params": {"n": 2}}, _HEARD, "refused: format"),
        ([CHAT], {"messages": TURNS, "inputs": []}, _HEARD, "refused: format"),
    ],
    "keys-as-rows": [
        (
            [nested(ANY, "input")],
            {"input": {"a": 1, "b": 2}},
            "input:int64[1, 2]",
            "input:object[{'a': 1, 'b': 2}]",
        ),
        (
            [nested(map_of("long"), "input")],
            {"input": {"a": 1}},
            _FAILS,
            "input:object[{'a': np.int64(1)}]",
        ),
        (
            [nested(ANY, "input"), nested(ANY, "user")],
            {"input": ["a"], "user": {"id": 1}},
            _FAILS,
            "input:object[['a']] user:object[{'id': 1}]",
        ),
    ],
    "own-names": [
        ([column("string")], {"input": "a"}, "input:str['a']", "0:str['a']"),
        ([column("double")], {"input": 5}, _FAILS, "0:float64[5.0]"),
    ],
}
