"""A zygote for a test, as those that test processes have it."""

from tests.processes.conftest import zygote

__all__ = ["zygote"]
