"""What a servable says of itself to people: its signature and its own example."""

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import orjson

from service.following.servable import Servable

# An example is shown, not served: one that stores a whole training set would hold up the loop.
_LONGEST_EXAMPLE = 262_144


@runtime_checkable
class Describing(Protocol):
    """A contract that can show its signature."""

    def describe(self) -> Mapping[str, Any]:
        """The signature as JSON values."""


def signature_of(servable: Servable) -> Mapping[str, Any] | None:
    """The signature as JSON values, None where the contract cannot show it."""
    contract = servable.contract
    return contract.describe() if isinstance(contract, Describing) else None


@runtime_checkable
class Exemplary(Protocol):
    """A contract that can make up a request."""

    @property
    def request_example(self) -> Mapping[str, Any] | None:
        """A body that it takes."""


@runtime_checkable
class Tensorial(Protocol):
    """A contract that reads named tensors."""

    @property
    def tensor_schema(self) -> Mapping[str, Any]:
        """JSON schema of a request of these."""


def request_example(servable: Servable) -> Any | None:
    """The version's own example, or else one made of its signature; None where there is neither."""
    own = serving_example(servable)
    if own is not None:
        return own
    contract = servable.contract
    return contract.request_example if isinstance(contract, Exemplary) else None


def serving_example(servable: Servable) -> Any | None:
    """A ready request body, parsed; None without one, for no JSON, and above 256 KiB."""
    raw = servable.fetched.serving_example
    if raw is None or len(raw) > _LONGEST_EXAMPLE:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
