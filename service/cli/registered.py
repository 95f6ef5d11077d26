"""How commands that change nothing ask MLflow: what it does not answer ends them with one line."""

import contextlib
import sys
from collections.abc import Iterator
from typing import NoReturn

from service.cli.found import stop
from service.cli.report_files import written
from service.cli.told import EndedReport, emit, interruptible
from service.exits import REFUSED, UNDECIDED, WRONG_USE


@contextlib.contextmanager
def asking(blank: EndedReport, *, as_json: bool) -> Iterator[None]:
    """While it lasts, SIGTERM is as Ctrl-C; that, and what MLflow refuses, end the command.

    `blank` is what there is to report by then.
    """
    from service.registry.writer.faults import NAMES_NOTHING, Unreachable, WriteRefused

    try:
        with interruptible():
            yield
    except WriteRefused as refused:
        status = WRONG_USE if refused.code in NAMES_NOTHING else REFUSED
        code = refused.code.lower() or "refused_by_mlflow"
        _end(blank, status, code, str(refused), as_json=as_json)
    except Unreachable as error:
        _end(blank, UNDECIDED, "unreachable", str(error), as_json=as_json)
    except KeyboardInterrupt:
        said = "interrupted; nothing was changed"
        _end(blank, UNDECIDED, "interrupted", said, as_json=as_json)


def _end(blank: EndedReport, status: int, code: str, sentence: str, *, as_json: bool) -> NoReturn:
    ended = blank.model_copy(update={"status": status, "code": code, "sentence": sentence})
    if as_json:
        emit(ended, as_json=True)
        sys.exit(status)
    written(ended)
    stop(sentence, status)
