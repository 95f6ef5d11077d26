"""What hosts of one version are started with, and what the pool may do with their requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.contract.model_input import ValidInput

# What the zygote may be asked to become: modules whose `run` a child calls with its channel.
HOST_ROLE: Final = "service.host.main"
# The same for models that skops has saved.
SKOPS_HOST_ROLE: Final = "service.host.main_with_skops"


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Bounds of every pool. Times are in seconds.

    Attributes:
        hosts: processes a version.
        max_batch_rows: rows that are joined into one call at most.
        max_queue: requests that may wait for a host.
        max_reply_bytes: a longer reply fails its request.
        predict_seconds: a call that takes longer costs its host.
        load_seconds: load and warm-up together.
        memory_bytes: a host that holds more, with all that it has forked, is ended; None: no limit.
    """

    hosts: int = 1
    max_batch_rows: int = 4096
    max_queue: int = 1024
    max_reply_bytes: int = 64 * 1024**2
    predict_seconds: float = 60.0
    load_seconds: float = 600.0
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What hosts of a version are given beside it.

    Attributes:
        variables: of their environment; values may be secret.
        config: MLflow's configuration of the model as the text of a JSON object, if there is one.
    """

    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    config: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class HostedModel:
    """One version as its hosts see it.

    Attributes:
        path: the artifact's folder.
        joinable: the operator's word on whether its requests may be joined, which the example can
            refute; None: as is known of the classes in it.
        joinable_reason: one sentence that says so.
        retry: whether a request may be predicted a second time after its host died.
        example: what the version is warmed up with; None where it ships no example.
        no_pickle: whether loading it fails as soon as anything would be unpickled.
        role: what its hosts are forked as.
        surroundings: what they are given.
        traces: where its hosts send traces (`service.processes.parcels`); None: they drop them.
        own_copies: whether each host loads a copy of the files that is its own.
        shadows: whether nobody waits for its answers: its hosts come after all others, for good.
        verify: asked before it is loaded again, which may be long after it was fetched: raises
            `VersionFault` or `PassingFault` unless its files are as they were. Blocks.
    """

    path: Path
    joinable: bool | None
    joinable_reason: str
    retry: bool
    example: ValidInput | None
    no_pickle: bool = False
    role: str = HOST_ROLE
    surroundings: Surroundings = field(default_factory=Surroundings)
    traces: str | None = None
    own_copies: bool = False
    shadows: bool = False
    verify: Callable[[], None] = lambda: None
