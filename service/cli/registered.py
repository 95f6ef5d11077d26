"""How commands that change nothing ask MLflow: what it does not answer ends them with one line."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from service.cli.exits import REFUSED, UNDECIDED, WRONG_USE
from service.cli.found import stop
from service.cli.options import VersionArgument
from service.cli.told import interruptible
from service.config.addresses import MlflowAddresses

if TYPE_CHECKING:
    from service.registry.writer.writer import RegisteredVersion, Writer


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """While it lasts, SIGTERM is as Ctrl-C; that, and what MLflow refuses, end the command."""
    from service.registry.writer.faults import NOT_FOUND, Unreachable, WriteRefused

    try:
        with interruptible():
            yield
    except WriteRefused as refused:
        stop(str(refused), WRONG_USE if refused.code == NOT_FOUND else REFUSED)
    except Unreachable as error:
        stop(str(error), UNDECIDED)
    except KeyboardInterrupt:
        stop("interrupted; nothing was changed", UNDECIDED)


def registered(
    addresses: MlflowAddresses, version: VersionArgument
) -> tuple["Writer", "RegisteredVersion"]:
    """MLflow there, and the version that is named."""
    from service.registry.writer.writer import Writer

    writer = Writer(addresses)
    with asking():
        return writer, writer.version_of(version)
