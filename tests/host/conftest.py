"""Pools of real hosts, as those that test pools have them."""

from tests.hosting.conftest import make_pool

__all__ = ["make_pool"]
