"""The host's main: one child process that holds one loaded version and predicts.

It is asked one thing at a time. LOAD's head is `{"path", "own_copy", "max_reply_bytes", "joinable",
"no_pickle", "memory_bytes", "behind", "shadows", "variables", "config", "traces"}`, where
`joinable` is the operator's word or null, `behind` is whether it gives way to other processes until
READY, `shadows` whether it does so for good, since nobody waits for what it answers, `config` the
text of a JSON object or null, and `traces` where traces go, or null. WARM_UP and PREDICT carry a
batch, READY nothing. LOAD and WARM_UP answer `{"row_wise", "reason", "outputs"}`, as far as is
known by then, the last a list of `{"name", "datatype", "shape"}`; READY `{"touched"}`, whether
files that others share may have been written to; PREDICT as in `service.host.wire`. What
cannot be done is FAILED with `{"error", "processes_wanting"}`: the exception's text, which is for
the log alone, and whether it is want of processes or threads.
"""

import contextlib
import json
import socket
import traceback
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from service.host.few_rows import may_be_chosen
from service.host.inputs import decode_batch
from service.host.isolation import leave_podium
from service.host.loading import Untouched, limit_memory, no_pickle, own_copy, take_variables
from service.host.model import LoadedModel, RowWise
from service.host.traces import hand_traces_on, let_traces_vanish
from service.host.tracking import forgo_tracking
from service.host.wire import HostOperation, encode_replies
from service.processes.child import scheduling
from service.processes.child.channel import BlockingChannel, Cancelled
from service.processes.child.keeper import kept
from service.processes.child.scheduling import PREDICTING, prefer_as_victim
from service.processes.exhausted import is_want_of_processes
from service.processes.frames import Frame, FrameError, Status
from service.processes.parcels import Sender

# Decoded requests are bounded long before; this only keeps a broken header from being believed.
_MAX_BODY_BYTES = 4 * 1024**3 - 1


@kept
def run(connection: socket.socket) -> None:
    """Serves the front until it closes the connection. A child of the zygote calls this once."""
    prefer_as_victim(PREDICTING)
    leave_podium()
    forgo_tracking()
    channel = BlockingChannel(connection, _MAX_BODY_BYTES)
    host = Host()
    for frame in channel.frames():
        channel.send(host.answer(frame))


class Host:
    """One version, from LOAD on."""

    def __init__(self) -> None:
        self._model: LoadedModel | None = None
        self._shared: Untouched | None = None
        self._max_reply_bytes = 0
        self._behind = False
        self._shadows = False

    def answer(self, frame: Frame) -> Frame:
        """The reply to one request; never raises but `FrameError`."""
        try:
            head, body = self._do(frame)
            return Frame(frame.operation, Status.DONE, frame.id, head, body)
        except FrameError:
            raise
        except Cancelled:
            return Frame(frame.operation, Status.CANCELLED, frame.id)
        except BaseException as error:  # noqa: BLE001 - the model's code may raise anything, SystemExit too
            traceback.print_exc()
            text = f"{type(error).__name__}: {error}"[:2000]
            wanting = is_want_of_processes(error)
            told = {"error": text.encode(errors="replace").decode(), "processes_wanting": wanting}
            head = orjson.dumps(told)
            return Frame(frame.operation, Status.FAILED, frame.id, head)

    def _do(self, frame: Frame) -> tuple[bytes, bytes]:
        if frame.operation == HostOperation.PREDICT:
            loaded = self._loaded
            build = partial(decode_batch, frame, loaded.matrix_of)
            return encode_replies(loaded.predict(build, self._max_reply_bytes))
        if frame.operation == HostOperation.WARM_UP:
            row_wise = self._loaded.warm_up(partial(decode_batch, frame))
            return _told(row_wise, self._loaded.announced), b""
        if frame.operation == HostOperation.READY:
            if self._shadows:
                scheduling.stay_behind()
            elif self._behind:
                scheduling.step_forward()
            touched = self._shared is not None and self._shared.touched()
            return orjson.dumps({"touched": touched}), b""
        if frame.operation == HostOperation.LOAD:
            return self._load(orjson.loads(frame.head))
        raise FrameError(f"{frame.operation} is no operation of a host")

    def _load(self, wanted: dict[str, Any]) -> tuple[bytes, bytes]:
        limit_memory(wanted["memory_bytes"])
        self._behind, self._shadows = wanted["behind"], wanted["shadows"]
        if self._shadows:
            prefer_as_victim(scheduling.SHADOWING)
        if self._behind or self._shadows:
            scheduling.step_back()
        self._max_reply_bytes = wanted["max_reply_bytes"]
        path = own_copy(wanted["path"]) if wanted["own_copy"] else wanted["path"]
        self._shared = Untouched(path) if path == wanted["path"] else None
        take_variables(wanted["variables"])
        # Not orjson's idea of numbers, but that of MLflow's server.
        config = json.loads(wanted["config"] or "null")
        if wanted["traces"] is None:
            let_traces_vanish()
        else:
            hand_traces_on(Sender(wanted["traces"]))
        guard = no_pickle() if wanted["no_pickle"] else contextlib.nullcontext()
        with guard:
            self._model = LoadedModel(
                path,
                config,
                joinable=wanted["joinable"],
                may_choose_threads=may_be_chosen(wanted["variables"]),
            )
        return _told(self._model.row_wise), b""

    @property
    def _loaded(self) -> LoadedModel:
        if self._model is None:
            raise FrameError("asked to predict before anything was loaded")
        return self._model


def _told(row_wise: RowWise, outputs: Sequence[Mapping[str, Any]] | None = None) -> bytes:
    told = {"row_wise": row_wise.shown, "reason": row_wise.reason, "outputs": outputs}
    return orjson.dumps(told)
