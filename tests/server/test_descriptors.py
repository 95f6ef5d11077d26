"""As many descriptors as the system allows, and connections within them."""

import subprocess
import sys

import pytest

from service.server.connections import connections_within


@pytest.mark.parametrize(
    ("descriptors", "connections"),
    [(65_536, 10_000), (20_000, 10_000), (4096, 3584), (1024, 768), (128, 64), (10, 1)],
)
def test_connections_leave_the_service_descriptors_of_its_own(
    descriptors: int, connections: int
) -> None:
    """A quarter of them, between 64 and 512."""
    assert connections_within(descriptors) == connections


@pytest.mark.parametrize(("soft", "hard", "raised"), [(64, 200, 200), (200, 200, 200)])
def test_the_soft_limit_is_raised_to_the_hard_one(soft: int, hard: int, raised: int) -> None:
    """In a process of its own, for it cannot be taken back."""
    code = (
        "import resource; from service.server.connections import raise_descriptor_limit;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
        "print(raise_descriptor_limit(), resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == f"{raised} ({raised}, {hard})"
