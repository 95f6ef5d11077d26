"""What following needs of others: a registry, somebody who makes servables, and the time.

Implemented by `service.registry` and `service.staging`, and by fakes in tests. One contract suite
runs on the real registry and on its fake.
"""

import enum
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from service.contract.definition import Compiled
from service.contract.model_input import ValidInput
from service.contract.tensors.tensor_input import TensorInfo
from service.contract.tensors.tensor_message import BodyForm
from service.environments.environment import BuiltEnvironment
from service.environments.logged import LoggedEnvironment
from service.errors import FollowingError
from service.hold_tag import Hold
from service.patterns import RefPattern
from service.refs import ModelRef, VersionId
from service.rollout_tags import RolloutTags
from service.split_tag import version_number


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` in seconds since 1970 for people, `monotonic` in seconds for intervals."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


class Missing(enum.Enum):
    """The registry answered, and what was asked for is not there."""

    MODEL = "the registry has no model of that name"
    ALIAS = "the model has no such alias"

    def of(self, alias: str) -> str:
        """The same, of that alias; of a version, where the tag of an arm names one as `v7`."""
        number = version_number(alias) if self is Missing.ALIAS else None
        return self.value if number is None else f"the model has no version {number}"


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The registry gave no answer about this one model, and did about others."""

    code: str
    message: str
    detail: str


Resolution = VersionId | Missing | Unanswered


@dataclass(frozen=True, slots=True)
class VersionMarks:
    """What the registry says of versions' tags.

    Attributes:
        withdrawn: those that are withdrawn, and why, where their tag says more than that they are.
        free: those of whom it was asked that are there, and are not withdrawn.
        unasked: those for which there was no time; a later question asks about them.
        blocked: those that are blocked, withdrawn or not, and why.
    """

    withdrawn: Mapping[VersionId, str]
    free: Collection[VersionId] = ()
    unasked: Collection[VersionId] = ()
    blocked: Mapping[VersionId, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookAnswer:
    """What a look has found.

    Attributes:
        found: of every reference that was asked about, and of those that patterns mean beside.
        left_out: how many others there are, for which there is no room.
        unlisted: why models could not be looked for by patterns; None if they could.
        holds: the references among them that are held; nothing of those without an answer.
        rollout: what tags say of how each of them is rolled out; those without an answer are left
            out, and what was known of them is still so.
        named: what tags name beside them, arms and shadows: aliases, and versions as `v7`. Some of
            what patterns have just found is unanswered until the next look.
        unknown_tags: of each model that has any, those that begin as Podium's do and mean nothing.
    """

    found: Mapping[ModelRef, Resolution]
    left_out: int = 0
    unlisted: Unanswered | None = None
    holds: Mapping[ModelRef, Hold] = field(default_factory=dict)
    rollout: Mapping[ModelRef, RolloutTags] = field(default_factory=dict)
    named: Mapping[ModelRef, Resolution] = field(default_factory=dict)
    unknown_tags: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Lease(Protocol):
    """A right to files on this machine: nobody removes them until it is released."""

    def release(self) -> None:
        """Gives it back; may be called again. Returns at once, and raises nothing."""

    def share(self) -> "Lease":
        """Another right to the same files, of its own. At once; raises nothing."""


class NoLease:
    """For files that nobody removes."""

    def release(self) -> None:
        """Nothing to give back."""

    def share(self) -> "NoLease":
        """As good as this one."""
        return self


@dataclass(frozen=True, slots=True)
class FetchedVersion:
    """A version whose artifact lies on this machine, complete.

    Attributes:
        version: which.
        source: where the registry says that it came from.
        path: the artifact's folder; nobody writes there any more.
        signature: as MLmodel stores it: `inputs`, `outputs` and `params` each JSON text or None;
            None for a model without a signature.
        flavors: the names of MLmodel's flavours, `python_function` among them.
        loader_module: of the `python_function` flavour.
        from_type_hint: MLmodel's `is_signature_from_type_hint`.
        tags: the version's tags in the registry.
        serving_example: its input example as a ready request of JSON, if it has one.
        example_trouble: one sentence on what there is of an example and could not be used.
        serialization_format: how the `sklearn` flavour says that its model is saved.
        logged: what it says of the environment that it was logged in.
        own_copies: whether each process that loads it makes itself a copy of the files first.
        digest: of all its files (`service.registry.store.manifest`); empty where nobody has told.
        verify: raises `VersionFault` or `PassingFault` unless the files are as they were fetched.
            Blocks for as long as reading them takes.
        lease: keeps the artifact there; whoever holds the version releases it once nothing reads
            the artifact any more.
        compiled: where its contract stands, once somebody has wanted it.
    """

    version: VersionId
    source: str
    path: Path
    signature: Mapping[str, str | None] | None
    flavors: tuple[str, ...]
    loader_module: str
    from_type_hint: bool
    tags: Mapping[str, str]
    serving_example: bytes | None
    serialization_format: str | None = None
    example_trouble: str | None = None
    logged: LoggedEnvironment = field(default_factory=LoggedEnvironment)
    own_copies: bool = False
    digest: str = ""
    verify: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)
    lease: Lease = field(default_factory=NoLease, compare=False, repr=False)
    compiled: Compiled = field(default_factory=Compiled, compare=False, repr=False)

    def forgotten(self) -> "FetchedVersion":
        """The same to be kept for later: without a lease, and without a contract."""
        return replace(self, lease=NoLease(), compiled=Compiled())


class Registry(Protocol):
    """MLflow's registry, asked with a total deadline for every operation."""

    @property
    def starts(self) -> int:
        """How often that which looks need has been started; a look meanwhile takes longer."""

    async def prepare(self) -> None:
        """Whatever looks need that is no part of one (a process, say); raises `PassingFault`."""

    async def resolve(self, refs: Sequence[ModelRef]) -> LookAnswer:
        """One look: where each alias points now. Raises `PassingFault` when nothing answers."""

    async def survey(
        self, refs: Sequence[ModelRef], patterns: Sequence[RefPattern], room: int
    ) -> LookAnswer:
        """The same for what patterns mean, too: at most so many references that were not given."""

    async def fetch(self, version: VersionId) -> FetchedVersion:
        """The version's artifact, never by its alias a second time.

        Cancelling ends the work. Raises `VersionFault` if the artifact can never be used,
        `PassingFault` otherwise.
        """

    async def tags(
        self, versions: Sequence[VersionId]
    ) -> Mapping[VersionId, Mapping[str, str] | None]:
        """The versions' tags now; None for one that is gone or that nobody answers about.

        Raises `PassingFault` when nothing answers.
        """

    async def exists(self, name: str, version: str) -> bool:
        """Whether the model has a version of that number; raises `PassingFault`."""

    async def identify(self, name: str, version: str) -> VersionId | None:
        """The model's version of that number; None where there is none. Raises `PassingFault`."""
        ...

    async def marks(
        self, names: Sequence[str], met: Sequence[VersionId], marked: Sequence[VersionId]
    ) -> VersionMarks:
        """Which versions of these models are withdrawn or blocked now, by their tags.

        Those `met` at least, the first ones first if there is no time for all. Of `marked` ones it
        also says whether they are free. Raises `PassingFault` when nothing answers.
        """


class PredictorStatus(Protocol):
    """What runs for one version, at one instant; `service.hosting.observer.PoolStatus`."""

    @property
    def row_wise(self) -> bool:
        """Whether requests may be joined into one call (P16)."""

    @property
    def row_wise_reason(self) -> str:
        """One sentence why, or why not."""

    @property
    def memory_bytes(self) -> int:
        """What its processes take."""

    @property
    def crashing(self) -> bool:
        """Whether they end again and again, and none has answered since."""
        ...

    @property
    def outputs(self) -> Sequence[TensorInfo] | None:
        """Those of its answer to its own example; None: nobody has seen any."""
        ...


class RequestMarks(Protocol):
    """As `service.hosting.queue.Marks`, of which following knows no more."""

    queued: float | None
    sent: float | None


class Predictor(Protocol):
    """A pool of hosts for one version, as following sees it."""

    @property
    def ready(self) -> bool:
        """A host can answer, or the first replacement of the last one is on its way."""

    @property
    def irreplaceable(self) -> bool:
        """No other could be loaded in place of a host that died: its files are altered, say."""

    @property
    def status(self) -> PredictorStatus:
        """A snapshot for people."""

    async def predict(
        self,
        model_input: ValidInput,
        deadline: float = math.inf,
        alias: str = "",
        marks: RequestMarks | None = None,
    ) -> bytes | bytearray:
        """The predictions, encoded as the input asks.

        Raises `PredictionFailed`, `NotNow`, or `InvalidInput`, for what only MLflow, or the model's
        type hint, can tell of the input. None of them later than at the `deadline`, by
        `time.monotonic`. Metrics count the request for the `alias` that it came by. When it waits
        for a host, and when one has it, is noted in `marks`.
        """

    def when_ready_changes(self, told: Callable[[], None]) -> None:
        """Calls it, in the same turn of the loop, once its processes cannot answer, or can again.

        What the passing of time alone changes is not told.
        """

    async def close(self) -> None:
        """Ends every process of the pool; returns when they are gone."""


class Demanded(Protocol):
    """A predictor that is loaded when it is asked, as following sees it.

    Attributes:
        proven: whether it was ever loaded and warmed up.
        failure: why it could not be loaded the last time; None once it could.
        failed_at: when that was, in seconds since 1970.
    """

    proven: bool
    failure: FollowingError | None
    failed_at: float

    @property
    def cold(self) -> bool:
        """Whether the next request has to wait for a load."""

    async def load(self) -> None:
        """Loads it before it is served. Raises `FollowingError`; nothing of it is left then."""
        ...


class ServedContract(Protocol):
    """The compiled signature, as following hands it on."""

    def parse(self, body: bytes, media_type: BodyForm) -> ValidInput:
        """A valid request. Raises `InvalidInput` with all field errors, or other `ClientError`s."""

    @property
    def request_schema(self) -> Mapping[str, Any]:
        """JSON schema of a request body."""

    @property
    def media_types(self) -> tuple[str, ...]:
        """What requests may come as, JSON first."""

    @property
    def tensors(self) -> Sequence[TensorInfo]:
        """The inputs as named tensors; none where the model has no signature."""


class ReadsRequests(Protocol):
    """Reads requests by the contract, wherever that holds nobody else up."""

    async def read(
        self, body: bytes | Sequence[bytearray], media_type: BodyForm, deadline: float = math.inf
    ) -> ValidInput:
        """A valid request, whose body may have come in pieces.

        Raises what `ServedContract.parse` raises, or `NotNow`; that also when the `deadline` has
        come, by `time.monotonic`.
        """


class Stager(Protocol):
    """Makes a fetched version ready: contract, hosts, warm-up."""

    async def stage(
        self, fetched: FetchedVersion, environment: BuiltEnvironment | None
    ) -> "Staged":
        """In that environment; None: in Podium's own. Cancelling ends what was started.

        Raises `VersionFault` or `PassingFault`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Staged:
    """What a servable is made of; `demanded` is the predictor where that is loaded on demand."""

    contract: ServedContract
    reader: ReadsRequests
    predictor: Predictor
    demanded: Demanded | None = None
