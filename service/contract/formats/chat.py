"""Chat-style bodies: the inputs stand at the top, under `messages`, `prompt` or `input`.

MLflow's scoring server takes a body with any of these keys without parsing it: the keys that the
signature names as params are params, all others are inputs, and the reply is not wrapped
(mlflow/pyfunc/scoring_server/__init__.py, `_split_data_and_params_for_llm_input`). Where a body
holds one of the four formats too, MLflow takes that for an unknown input; here it is refused, and
so are `params` of its own, which MLflow would drop.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from service.contract.findings import BODY, Findings
from service.contract.params import ParamsReader
from service.contract.reading import InputReader, Reading

CHAT_KEYS: Final = ("messages", "prompt", "input")
PARAMS: Final = "params"


class ChatReader:
    """Reads chat-style bodies for a signature of columns.

    Args:
        inputs: reads the columns.
        names: of the columns.
        params: reads the params, if there are any.
    """

    def __init__(
        self, inputs: InputReader, names: Iterable[str | int | None], params: ParamsReader | None
    ) -> None:
        self._inputs = inputs
        self._names = frozenset(map(str, filter(None, names)))
        self._params = params

    def read(
        self, document: Mapping[str, Any], findings: Findings
    ) -> tuple[Reading | None, Mapping[str, Any]]:
        """The inputs, None once anything has been added to the findings, and the params.

        Without params in the signature these are empty, not None, as MLflow has it.
        """
        own = frozenset[str]() if self._params is None else self._params.names
        data = {key: value for key, value in document.items() if key not in own}
        if PARAMS in data and PARAMS not in self._names:
            text = "must not be there: in this kind of body each param stands beside the inputs"
            findings.add((*BODY, PARAMS), text, "format")
        reading = self._inputs.read("chat", data, findings)
        if self._params is None:
            return reading, {}
        sent = {key: value for key, value in document.items() if key in own}
        return reading, self._params.read(sent, findings, BODY)
