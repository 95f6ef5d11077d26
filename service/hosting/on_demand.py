"""One version that is loaded when it is asked, and let go when others need its place.

It may be loaded any number of times. Requests that come while it is not wait for one load, each as
long as it may; whatever has begun is answered before its processes are ended. A load that fails by
the version's own fault makes it `irreplaceable`, which is its follower's business; after any other
failure the next request tries again, once a growing pause is over.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field, replace
from time import monotonic, time
from typing import Final

from service.background import Work, begin, growing_pause
from service.contract.model_input import ValidInput
from service.errors import FollowingError, NotLoaded, Overloaded, PassingFault, VersionFault
from service.hosting.observer import PoolStatus
from service.hosting.pool import Pool
from service.hosting.queue import Marks
from service.hosting.residents import Residents
from service.processes.exhausted import is_want_of_processes, processes_exhausted
from service.processes.frames import Body

_LONGEST_PAUSE: Final = 60
_LOADING: Final = "This version is being loaded, which takes longer than the request may."
_FAILED: Final = "This version could not be loaded when it was asked for; it is tried again."
_ENDED: Final = "This version is no longer served."
_NOT_YET: Final = "It is not loaded; that is known once it is."
_UNKNOWN: Final = PoolStatus(0, 0, row_wise=False, row_wise_reason=_NOT_YET, waiting=0)


class _Loaded:
    """Processes of the version, and how many requests are in them; ended after the last one."""

    def __init__(self, pool: Pool, ended: Callable[["_Loaded"], None]) -> None:
        self.pool = pool
        self.requests = 0
        self._ended = ended
        self._leaves = False
        self._is_over = False

    def leave(self) -> None:
        """No more requests come."""
        self._leaves = True
        self._end_if_done()

    def release(self) -> None:
        """A request has been answered."""
        self.requests -= 1
        self._end_if_done()

    def end(self) -> None:
        """Whoever is in them is refused."""
        if not self._is_over:
            self._is_over = True
            self._ended(self)

    def _end_if_done(self) -> None:
        if self._leaves and not self.requests:
            self.end()


@dataclass(eq=False, repr=False)
class OnDemand:
    """`service.following.ports.Predictor` and `Demanded`, over pools that come and go.

    Attributes:
        key: names the version among residents.
        family: the same for all versions of its model.
        _start: makes a pool, once its files were seen to be as they were fetched.
        _residents: gives it a place.
        _most_waiting: requests that may wait for its load.
    """

    key: Hashable
    family: str
    _start: Callable[[], Awaitable[Pool]]
    _residents: Residents
    _most_waiting: int
    used_at: float = field(default=0.0, init=False)
    proven: bool = field(default=False, init=False)
    failure: FollowingError | None = field(default=None, init=False)
    failed_at: float = field(default=0.0, init=False)
    _loaded: _Loaded | None = field(default=None, init=False)
    _loading: asyncio.Task[_Loaded | None] | None = field(default=None, init=False)
    _placed: bool = field(default=False, init=False)
    _waiting: int = field(default=0, init=False)
    _attempts: int = field(default=0, init=False)
    _retry_at: float = field(default=0.0, init=False)
    _known: PoolStatus = field(default=_UNKNOWN, init=False)
    _leaving: set[_Loaded] = field(default_factory=set, init=False)
    _ending: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _closed: bool = field(default=False, init=False)
    _told: list[Callable[[], None]] = field(default_factory=list, init=False)

    @property
    def cold(self) -> bool:
        """Whether the next request has to wait for a load."""
        return self._loaded is None

    @property
    def ready(self) -> bool:
        """A request would be answered, or would have it loaded."""
        if self._closed:
            return False
        if self._loaded is not None:
            return self._loaded.pool.ready
        return not self.irreplaceable and monotonic() >= self._retry_at

    @property
    def irreplaceable(self) -> bool:
        """Its last load has failed by its own fault; or a host's could not be replaced."""
        if self._loaded is not None:
            return self._loaded.pool.irreplaceable
        return isinstance(self.failure, VersionFault)

    @property
    def status(self) -> PoolStatus:
        """Of the processes that there are; of how it treats rows, what was seen last."""
        loaded = self._loaded
        return self._known if loaded is None else loaded.pool.status

    @property
    def busy(self) -> bool:
        """Whether requests are in it."""
        return self._loaded is not None and self._loaded.requests > 0

    async def predict(
        self,
        model_input: ValidInput,
        deadline: float = math.inf,
        alias: str = "",
        marks: Marks | None = None,
    ) -> Body:
        """As `Pool.predict`, once it is loaded. Raises `NotLoaded` where it cannot be in time."""
        loaded = self._loaded
        if loaded is None:
            loaded = await self._demand(deadline)
        else:
            loaded.requests += 1
        self.used_at = monotonic()
        try:
            return await loaded.pool.predict(model_input, deadline, alias, marks)
        finally:
            loaded.release()

    def when_ready_changes(self, told: Callable[[], None]) -> None:
        """Calls it when a load has failed or gone well, and when its processes cannot answer."""
        self._told = [told]

    async def load(self) -> None:
        """Returns once it is loaded, before it is served. Raises what starting its pool raises."""
        self._loading = asyncio.get_running_loop().create_task(self._load(settled=False))
        try:
            await asyncio.shield(self._loading)
        except asyncio.CancelledError:
            await self.close()
            raise
        if self.failure is not None:
            raise self.failure

    def let_go(self) -> None:
        """It takes no more requests; the next one has it loaded anew."""
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            known = loaded.pool.status
            self._known = replace(known, hosts=0, waiting=0, memory_bytes=0, crashing=False)
            self._leaving.add(loaded)
            loaded.leave()

    async def close(self) -> None:
        """Ends every process; whoever waits is refused. Returns when all are gone."""
        self._closed = True
        loading = self._loading
        if loading is not None:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
        loaded = self._loaded
        if loaded is not None:
            self._residents.leaves(self)
            self._loaded = None
            loaded.end()
        for each in list(self._leaving):
            each.end()
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _demand(self, deadline: float) -> _Loaded:
        """The processes, with the request counted in."""
        await asyncio.sleep(0)  # to be in a task, without which there are no time limits
        while True:
            loaded = self._loaded
            if loaded is not None:
                loaded.requests += 1
                return loaded
            loaded = await self._wait_for_load(self._begun(), deadline)
            if loaded is not None:
                return loaded

    def _begun(self) -> "asyncio.Task[_Loaded | None]":
        if self._closed:
            raise NotLoaded(_ENDED)
        if self._loading is not None:
            if self._waiting >= self._most_waiting:
                raise Overloaded("Too many requests are waiting for this model.")
            return self._loading
        pause = _LONGEST_PAUSE if self.irreplaceable else self._retry_at - monotonic()
        if pause > 0:
            raise NotLoaded(_FAILED, math.ceil(pause))
        self._loading = begin(Work.FOLLOWING, self._load(settled=True))
        return self._loading

    async def _wait_for_load(
        self, loading: "asyncio.Task[_Loaded | None]", deadline: float
    ) -> _Loaded | None:
        """The processes, with the request counted in; None where they could not be started."""
        self._waiting += 1
        try:
            async with asyncio.timeout(_seconds_until(deadline)):
                return await asyncio.shield(loading)
        except TimeoutError:
            self._waits_no_more(loading)
            raise NotLoaded(_LOADING) from None
        except asyncio.CancelledError:
            self._waits_no_more(loading)
            if loading.cancelled():
                raise NotLoaded(_ENDED) from None
            raise

    def _waits_no_more(self, loading: "asyncio.Task[_Loaded | None]") -> None:
        loaded = loading.result() if loading.done() and not loading.cancelled() else None
        if loaded is not None:
            loaded.release()
        elif loading is self._loading:
            self._waiting -= 1
            # Nobody wants it any more: it takes no place from others.
            if not self._waiting and not self._placed:
                loading.cancel()

    async def _load(self, *, settled: bool) -> _Loaded | None:
        began = monotonic()
        try:
            await self._residents.place()
            self._placed = True
            placed = monotonic()
            loaded = await self._started()
        finally:
            # Whoever waits is counted in, so that nobody takes its place before they have a turn.
            waiting, self._waiting = self._waiting, 0
            self._loading, self._placed = None, False
        if loaded is not None:
            loaded.requests = waiting
            self._residents.loaded(self, settled=settled)
        if settled:
            told = (self.key, placed - began, monotonic() - placed, self.failure)
            # In a turn of its own: whoever fails to hear of it costs nobody an answer.
            asyncio.get_running_loop().call_soon(self._residents.observer.demanded, *told)
        return loaded

    async def _started(self) -> _Loaded | None:
        try:
            pool = await self._start()
        except asyncio.CancelledError:
            self._residents.left()
            raise
        except Exception as error:  # noqa: BLE001 - a defect of ours must not be tried without pause
            self._failed(_as_fault(error))
            return None
        self.failure, self._attempts, self._retry_at, self.proven = None, 0, 0.0, True
        self.used_at = monotonic()
        self._loaded = _Loaded(pool, self._end)
        pool.when_ready_changes(self._tell_ready)
        self._tell_ready()
        return self._loaded

    def _failed(self, fault: FollowingError) -> None:
        self.failure, self.failed_at = fault, time()
        self._attempts += 1
        self._retry_at = monotonic() + growing_pause(self._attempts, _LONGEST_PAUSE)
        self._residents.failed(self.key)
        self._tell_ready()

    def _tell_ready(self) -> None:
        for told in self._told:
            told()

    def _end(self, loaded: _Loaded) -> None:
        self._leaving.discard(loaded)
        task = begin(Work.RETIRING, self._ended(loaded.pool))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _ended(self, pool: Pool) -> None:
        try:
            await pool.close()
        finally:
            self._residents.gone()


def _seconds_until(deadline: float) -> float | None:
    return None if math.isinf(deadline) else max(0.0, deadline - monotonic())


def _as_fault(error: Exception) -> FollowingError:
    if isinstance(error, FollowingError):
        return error
    if is_want_of_processes(error):
        return processes_exhausted("load", repr(error))
    return PassingFault("load", "internal", "Podium failed.", repr(error))
