"""What hosts send is admitted as a trace, or not at all.

A host runs somebody's code, and the forwarder has the service's credentials: what is sent on is
what MLflow itself makes of a trace's fields, and nothing that says where else something should go.
"""

import json
import re
from typing import Final

from mlflow.entities import Span, Trace
from mlflow.tracing.constant import TraceTagKey
from mlflow.utils.mlflow_tags import MLFLOW_ARTIFACT_LOCATION

MOST_BYTES: Final = 4 * 1024**2
_MOST_SPANS: Final = 10_000
# mlflow/tracing/utils, generate_trace_id_v3
_NAME: Final = re.compile(r"tr-[0-9a-f]{32}")
# The server's own to say; the first names any place of any store.
_SERVERS_TAGS: Final = (MLFLOW_ARTIFACT_LOCATION, TraceTagKey.SPANS_LOCATION)


class NotATrace(Exception):
    """What has come is not a trace that MLflow could have made; the text holds none of it."""


def admitted(data: bytes) -> Trace:
    """The trace, as JSON of `Trace.to_json`; raises `NotATrace`."""
    try:
        trace = Trace.from_dict(json.loads(data))
        _check(trace)
    except NotATrace:
        raise
    except Exception as error:  # noqa: BLE001 - MLflow raises nearly anything for fields that are wrong
        raise NotATrace(type(error).__name__) from None
    return trace


def _traces_of(span: Span) -> set[str]:
    # MLflow's name, and the number by which a server that takes OpenTelemetry's form finds it.
    return {span.trace_id, f"tr-{span._trace_id}"}  # noqa: SLF001 - there is no other way to it


def _check(trace: Trace) -> None:
    info, spans = trace.info, trace.data.spans
    if not _NAME.fullmatch(info.trace_id):
        raise NotATrace("its name is none")
    if not 0 < len(spans) <= _MOST_SPANS:
        raise NotATrace("it has no spans, or too many")
    if any(_traces_of(span) != {info.trace_id} for span in spans):
        raise NotATrace("it has spans of another")
    if not str(info.experiment_id).isdecimal():
        raise NotATrace("it is of no experiment")
    for name in _SERVERS_TAGS:
        info.tags.pop(name, None)
