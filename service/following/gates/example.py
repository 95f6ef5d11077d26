"""The gate of the input example: a version without one is swapped in untried, and says so."""

from collections.abc import Sequence

from service.following.gates.gate import GateFinding
from service.following.ports import FetchedVersion


class ExampleGate:
    """Opens always. Whether the model answers its example is for warm-up to show."""

    async def check(self, fetched: FetchedVersion) -> Sequence[GateFinding]:
        """What is wrong with the example, or that there is none."""
        if fetched.example_trouble is not None:
            return (GateFinding("example", "example_unreadable", fetched.example_trouble),)
        if fetched.serving_example is None:
            sentence = "It ships no input example, so nothing was predicted before it was served."
            return (GateFinding("example", "example_missing", sentence),)
        return ()
