"""What hosting tells whoever wants to know; metrics and logs implement it."""

from typing import Protocol


class HostingObserver(Protocol):
    """Told of everything that happens to the hosts of one version."""

    def batch(self, rows: int, seconds: float) -> None:
        """A batch was predicted."""
        ...

    def host_restarted(self) -> None:
        """A host died and is being replaced."""
        ...

    def queued(self, waiting: int) -> None:
        """The number of requests that wait for a host has changed."""
        ...

    def printed(self, stream: str, line: str) -> None:
        """A host wrote a line to `stdout` or `stderr`; bounded in length."""
        ...
