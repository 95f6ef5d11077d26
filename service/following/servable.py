"""One version ready to answer, shared by everybody who wants it, closed when nobody does."""

from collections.abc import Callable
from dataclasses import dataclass

from service.errors import ServiceError
from service.following.ports import FetchedVersion, Staged
from service.refs import ModelRef, VersionId


class Servable:
    """A version, its contract and a handle to its pool; counted, so that the last one closes it.

    Slots hold it while they serve it or keep it warm, requests from their start to their end.
    Made with one hold, its maker's. `refusal` is what each request that holds it comes to, whatever
    its processes still say; None: nothing but that.
    """

    def __init__(
        self,
        fetched: FetchedVersion,
        staged: Staged,
        on_unheld: Callable[["Servable"], None],
    ) -> None:
        self.fetched = fetched
        self.version: VersionId = fetched.version
        self.contract = staged.contract
        self.reader = staged.reader
        self.predictor = staged.predictor
        self.demanded = staged.demanded
        self._on_unheld = on_unheld
        self.refusal: ServiceError | None = None
        self._holds = 1

    @property
    def held(self) -> bool:
        """Whether anybody still wants it."""
        return self._holds > 0

    @property
    def cold(self) -> bool:
        """Whether its next request has to wait for a load."""
        return self.demanded is not None and self.demanded.cold

    @property
    def proven(self) -> bool:
        """Whether it was ever loaded."""
        return self.demanded is None or self.demanded.proven

    def hold(self) -> None:
        """Takes a part in it; every hold is released once."""
        if not self.held:
            raise RuntimeError(f"{self.version} was released by everybody and is closing")
        self._holds += 1

    def release(self) -> None:
        """Gives one hold back; the last one has the servable closed."""
        self._holds -= 1
        if self._holds == 0:
            self._on_unheld(self)


@dataclass(frozen=True, slots=True)
class Binding:
    """What one request holds from start to end: the alias from the ref, the rest from the servable.

    Replaced, never edited; reply, headers, metrics and log lines all read this one object (P1).
    """

    ref: ModelRef
    servable: Servable


async def close(servable: Servable) -> None:
    """Ends the servable's processes, then gives its files back."""
    try:
        await servable.predictor.close()
    finally:
        servable.fetched.lease.release()
