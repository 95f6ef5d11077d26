"""Every kind of prediction that Podium and MLflow's scoring server answer differently.

As in `tests.as_mlflow.table_differences`: what a model returned, MLflow's reply, and Podium's.
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from service.host.outputs import NotEncodable

DIFFERENT_REPLIES: Final[Mapping[str, list[tuple[Any, str, Any]]]] = {
    "reply-null": [
        (math.nan, "nan", None),
        ([math.inf, -math.inf], "[inf, -inf]", [None, None]),
        (np.array([[np.nan, 1]]), "[[nan, 1.0]]", [[None, 1.0]]),
        (np.array([np.nan, 1], dtype="float32"), "[nan, 1.0]", [None, 1.0]),
        ([np.float32("nan"), np.float64("inf")], "[nan, inf]", [None, None]),
        (np.array([np.nan, None], dtype=object), "[nan, None]", [None, None]),
        (pd.DataFrame({"a": [1.5, None]}), "[{'a': 1.5}, {'a': nan}]", [{"a": 1.5}, {"a": None}]),
        (pd.DataFrame({"a": ["x", None]}), "[{'a': 'x'}, {'a': nan}]", [{"a": "x"}, {"a": None}]),
        (pd.Series(pd.to_datetime(["NaT"])), "[{'0': 'NaT'}]", [{"0": None}]),
        ([pd.NaT], "['NaT']", [None]),
        ([2**64, math.nan], "[18446744073709551616, nan]", [2**64, None]),
        ([pd.NA], "TypeError", [None]),
    ],
    "reply-text": [
        ("\ud800", "'\\ud800'", NotEncodable),
        ([{"a\udfff": 1}], "[{'a\\udfff': 1}]", NotEncodable),
    ],
    "reply-base64": [
        (b"\xff", r"'/w==\n'", "/w=="),
        (np.array([b"a"]), r"['YQ==\n']", ["YQ=="]),
        (bytearray(b"a"), r"'YQ==\n'", "YQ=="),
        ([np.bytes_(b"b")], r"['Yg==\n']", ["Yg=="]),
    ],
}
