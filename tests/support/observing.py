"""Nobody who listens to what an engine does."""

import contextlib
from collections.abc import Callable
from typing import Any

from service.observers import Observers


class Nobody:
    """Every observer there is; hears nothing."""

    def __getattr__(self, _: str) -> Callable[..., None]:
        return lambda *_, **__: None


def quiet() -> Observers:
    """Observers who hear nothing."""
    nobody: Any = Nobody()
    return Observers(
        following=nobody,
        hosting=lambda _: nobody,
        decoder=nobody,
        files=nobody,
        ledger=nobody,
        forwarding=lambda: nobody,
        residency=lambda: nobody,
        zygote_died=nobody.died,
        zygote_printed=nobody.printed,
        inspector_printed=nobody.printed,
        registry_printed=nobody.printed,
        comparer_printed=nobody.printed,
        comparer_ended=nobody.ended,
        watch=nobody.watch,
        listening=contextlib.nullcontext,
    )
